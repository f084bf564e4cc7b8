//! The files of the working tree that enrol people, and edits of them: whole, or not at all.

use std::path::{Path, PathBuf};

use crate::change::{ObjectId, RepoPath, counted, shell_word, visible};
use crate::clock::now;
use crate::disk::write_atomically;
use crate::enrolment::{Edit, RosterFile, edit};
use crate::policy::{self, Ai, Compartment, Organization, Person, Policy, meaning};
use crate::record::Key;
use crate::source::git::{PolicyState, Repository, organization};

/// Commits of the policy branch that are searched for a key that was taken out of the policy.
const MAX_COMMITS: usize = 20_000;

/// A file with people in the working tree, and as the policy branch has it.
pub(super) struct PeopleFile {
    pub repository: Repository,
    kind: RosterFile,
    path: PathBuf,
    source: String,
    /// What it says; of the file of an organization, as if it were the policy of a repository.
    pub policy: Policy,
    pub in_force: Option<Policy>,
    tip: Option<ObjectId>,
}

/// All such files of a repository: its policy, and the file of an organization if this is where it is worked on.
pub(super) struct Files {
    pub policy: PeopleFile,
    pub organization: Option<PeopleFile>,
    /// Whether there is a file of an organization that counts for nothing: the repository inherits from another place.
    has_stray: bool,
}

impl Files {
    /// # Errors
    /// There is no policy, a file has mistakes, or is older than the one in force.
    pub(super) fn open(here: &Path) -> Result<Files, String> {
        let policy = PeopleFile::policy(here)?;
        let name = policy::ORGANIZATION_FILE;
        let is_here = std::fs::symlink_metadata(policy.repository.root.join(name)).is_ok();
        let mut versions = std::iter::once(&policy.policy).chain(&policy.in_force);
        if versions.any(|version| version.inherited.is_some()) {
            return Ok(Files { policy, organization: None, has_stray: is_here });
        }
        let is_in_force = policy.tip.is_some_and(|tip| policy.repository.digest_at(tip, name).is_some());
        if is_in_force && !is_here {
            return Err(format!(
                "{name} is in force and not in your working tree, so that its keys would go on. Bring it back (`git \
                 restore {name}`, or `git sparse-checkout add .undersign`), and run this again."
            ));
        }
        let organization = is_here.then(|| PeopleFile::open(RosterFile::Organization, here)).transpose()?;
        Ok(Files { policy, organization, has_stray: false })
    }

    /// The files in which keys of somebody can be edited here. `person` is whom the command is about, if that is known.
    ///
    /// # Errors
    /// They are elsewhere: where.
    pub(super) fn editable(&self, person: Option<&str>) -> Result<Vec<&PeopleFile>, String> {
        let own = (self.policy.policy.inherited.is_none()).then_some(&self.policy);
        let files: Vec<&PeopleFile> = own.into_iter().chain(&self.organization).collect();
        if files.is_empty() {
            let defined = self.policy.defined_elsewhere(person).unwrap_or_default();
            let stray = match self.has_stray {
                true => format!(" {} in this working tree counts for nothing.", policy::ORGANIZATION_FILE),
                false => String::new(),
            };
            return Err(format!(
                "{defined}{stray} Run this in a clone of that repository; one change there holds in all."
            ));
        }
        Ok(files)
    }

    /// The file for which a request was made, by the id that it names.
    ///
    /// # Errors
    /// It is elsewhere, or both have that id.
    pub(super) fn of_request(&self, repository: &str, person: &str) -> Result<&PeopleFile, String> {
        let files = self.editable(Some(person))?;
        let named: Vec<&&PeopleFile> = files.iter().filter(|file| file.policy.repository == repository).collect();
        match (named.len(), files.first()) {
            (0, Some(first)) => Ok(first),
            (1, _) => Ok(named[0]),
            _ => Err(format!(
                "The policy and the organization here have the same id, {}, so that no request says for which of them \
                 it is. Give one of them another id.",
                visible::text(repository)
            )),
        }
    }

    /// What the other files say, now and as they are in force.
    pub(super) fn beside(&self, file: &PeopleFile) -> Vec<&Policy> {
        let all = [Some(&self.policy), self.organization.as_ref()];
        let others = all.into_iter().flatten().filter(|other| other.kind != file.kind);
        others.flat_map(|other| std::iter::once(&other.policy).chain(&other.in_force)).collect()
    }

    /// The other file of the two, which a request does not edit.
    pub(super) fn tell_of_other(&self, file: &PeopleFile, person: &str) {
        let Some(organization) = &self.organization else { return };
        if file.is_policy() {
            let is_there = organization.policy.roster.by_id(person).is_some();
            eprintln!(
                "undersign: The request is for this repository alone. Others judge by {}, where {person} is {}: \
                 `undersign key enrol --organization` asks for that.",
                organization.path(),
                if is_there { "too" } else { "not" }
            );
        } else if self.policy.policy.roster.by_id(person).is_some() {
            eprintln!(
                "undersign: The request is for {} alone. {person} is in {} too, by which changes of this repository \
                 are judged: `undersign key enrol` asks for that.",
                organization.path(),
                self.policy.path()
            );
        }
    }

    /// Who lands the edits, and how: this program does not.
    pub(super) fn tell_way(&self, edited: &[(&PeopleFile, Policy)], branch: &str, subject: &str) {
        let paths: Vec<&str> = edited.iter().map(|(file, _)| file.path()).collect();
        let (verb, count) = if paths.len() == 1 { ("It is", "counts") } else { ("They are", "count") };
        outln!(
            "\n{verb} in {} of your working tree, and {count} for nothing before it has landed:",
            paths.join(" and ")
        );
        let force = self.policy.in_force.as_ref().unwrap_or(&self.policy.policy);
        // The edit of the policy itself may end the key of somebody who could sign.
        let own = edited.iter().find(|(file, _)| file.kind == RosterFile::Policy).map(|(_, new)| new);
        let new = own.unwrap_or(force);
        let mut guards: Vec<&Compartment> = Vec::new();
        for guard in edited.iter().flat_map(|(file, _)| guards_of(force, file.path())) {
            if !guards.iter().any(|known| known.name == guard.name) {
                guards.push(guard);
            }
        }
        let mut is_possible = true;
        for compartment in guards {
            for slot in &compartment.sign {
                // Who could sign by the policy in force, with a key that the edit does not end now.
                let fills = |person: &Person| person.could_fill(&slot.role, compartment.presence, now());
                let could = force.roster.people().filter(|own| fills(own));
                let could = could.filter(|own| new.roster.by_id(&own.id).is_some_and(fills));
                let could: Vec<_> = could.map(|person| person.id.as_str()).collect();
                let (name, n, role) = (visible::text(&compartment.name), slot.n, visible::text(&slot.role));
                let who = if could.is_empty() { "nobody can".to_owned() } else { format!("{} can", could.join(", ")) };
                outln!("  {name} needs {n} of role {role} to sign: {who}");
                if could.len() < slot.n {
                    is_possible = false;
                    eprintln!(
                        "undersign: too few people can sign for {name}: only the operator of the gate can put this \
                         policy in force."
                    );
                }
            }
        }
        if !force.self_review {
            outln!("Whoever commits it is its author, and does not count.");
        }
        let touched: Vec<RepoPath> = paths.iter().map(|path| RepoPath::from(*path)).collect();
        let proposals = match force.requirements(touched.iter(), &[], Ai::Unknown).violations.is_empty() {
            true => vec![(branch.to_owned(), paths.join(" "))],
            false => {
                outln!("Each file lands alone, so propose one after the other:");
                let own = |(file, _): &(&PeopleFile, Policy)| match file.kind {
                    RosterFile::Policy => (branch.to_owned(), file.path().to_owned()),
                    RosterFile::Organization => (format!("{branch}-organization"), file.path().to_owned()),
                };
                edited.iter().map(own).collect()
            }
        };
        for (at, (branch, paths)) in proposals.iter().enumerate() {
            let (first, then) = if at == 0 { ("Propose it, alone:", "Then") } else { ("Then the other:", "And") };
            outln!("{first}");
            if at > 0 {
                outln!("  git switch -");
            }
            outln!("  git switch -c {}", shell_word(branch));
            outln!("  git add {paths}");
            outln!("  git commit -m {}", shell_word(subject));
            if is_possible {
                outln!("{then} one of them signs it at the desk: `undersign review {}`.", shell_word(branch));
            }
        }
        if edited.iter().any(|(file, _)| file.kind == RosterFile::Organization) {
            outln!("Repositories that inherit judge by it once it has landed and their gates have it (`org fetch`).");
        }
    }
}

/// The compartments whose signers let a file land; the one of everything else only if no other holds it.
fn guards_of<'p>(policy: &'p Policy, path: &str) -> Vec<&'p Compartment> {
    let mut guards = policy.compartments_of(&RepoPath::from(path));
    if guards.iter().any(|compartment| !compartment.is_default()) {
        guards.retain(|compartment| !compartment.is_default());
    }
    guards
}

impl PeopleFile {
    /// The policy alone.
    ///
    /// # Errors
    /// As for [`Files::open`].
    pub(super) fn policy(here: &Path) -> Result<PeopleFile, String> {
        PeopleFile::open(RosterFile::Policy, here)
    }

    fn open(kind: RosterFile, here: &Path) -> Result<PeopleFile, String> {
        let repository = Repository::open(here).map_err(|error| error.to_string())?;
        if repository.is_bare() {
            return Err("A bare repository has no files to edit. Run this in a clone of it.".to_owned());
        }
        let name = kind.path();
        let path = repository.root.join(name);
        let source = read(&repository, kind, &path)?;
        let parsed = match kind {
            RosterFile::Policy => {
                let organization = repository.organization()?;
                Policy::read(name, source.as_bytes(), organization.as_deref())
            }
            RosterFile::Organization => {
                Organization::read(name, source.as_bytes()).map(|organization| organization.rules().clone())
            }
        };
        let policy =
            parsed.map_err(|error| format!("{} No edit of it is certain.", visible::lines(&error.to_string())))?;
        let tip = repository.target().ok().map(|target| target.tip);
        let in_force = tip.map(|tip| at(&repository, kind, tip)).transpose()?.flatten();
        if let Some(force) = in_force.as_ref().filter(|force| force.version > policy.version) {
            return Err(format!(
                "{name} here is version {}, and version {} is in force. Go to the newest commit of the policy branch, \
                 and run it again.",
                policy.version, force.version
            ));
        }
        Ok(PeopleFile { repository, kind, path, source, policy, in_force, tip })
    }

    /// Its path in the repository.
    pub(super) fn path(&self) -> &'static str {
        self.kind.path()
    }

    /// Whether it is the policy of this repository.
    pub(super) fn is_policy(&self) -> bool {
        self.kind == RosterFile::Policy
    }

    /// Whether a version that was in force once has the key, by the text of its point.
    pub(super) fn had(&self, key: &Key) -> Result<bool, String> {
        let Some(tip) = self.tip else { return Ok(false) };
        let line = self.repository.first_parents(tip, MAX_COMMITS).map_err(|error| error.to_string())?;
        let mut last = None;
        for commit in line {
            let digest = self.repository.digest_at(commit, self.path());
            if digest.is_none() || digest == last {
                continue;
            }
            last = digest;
            if let Ok(Some(policy)) = at(&self.repository, self.kind, commit) {
                let mut keys = policy.roster.people().flat_map(|person| &person.keys);
                if keys.any(|own| own.key.point() == key.point()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Where people and keys of a policy that inherits are, and what this file says of somebody; none if they are here.
    pub(super) fn defined_elsewhere(&self, person: Option<&str>) -> Option<String> {
        let inherited = self.policy.inherited.as_ref()?;
        let organization = visible::text(&inherited.organization).into_owned();
        let place = self.repository.organization_setting().map(|place| {
            let shown = visible::line(place.as_os_str().as_encoded_bytes());
            let uri = Repository::open_exactly(&place).map(|there| there.uri()).unwrap_or_default();
            let from = if uri.is_empty() { String::new() } else { format!(", from {}", visible::text(&uri)) };
            format!(" Here it is read at {shown}{from}.")
        });
        let is_there = person.is_some_and(|id| self.policy.roster.by_id(id).is_some());
        let who = match person.map(visible::text) {
            Some(id) if is_there => format!("{id} is"),
            Some(id) => format!("{id} is not in it; people and keys of this repository are"),
            None => "People and keys of this repository are".to_owned(),
        };
        Some(format!(
            "{who} defined in {} of the organization {organization} (version {}), from which this repository inherits. \
             Its own {} gives people roles, and no keys.{}",
            policy::ORGANIZATION_FILE,
            inherited.version,
            policy::POLICY_FILE,
            place.unwrap_or_default()
        ))
    }

    /// The version that the edited file must have: one more than what is in force.
    fn next_version(&self) -> u64 {
        match &self.in_force {
            Some(force) => self.policy.version.max(force.version + 1),
            None => self.policy.version,
        }
    }

    /// The edited text and the policy that it is; nothing is written.
    pub(super) fn edited(&self, edits: &[Edit]) -> Result<(String, Policy), edit::EditError> {
        // The file may be of a branch that is as new as the policy in force, and does not have its ends of keys.
        self.in_force.iter().try_for_each(|force| edit::only_strengthens(force, edits))?;
        edit::apply(self.kind, &self.source, edits, self.next_version())
    }

    /// Writes the edited text in the place of what was read, unless somebody else wrote there meanwhile.
    pub(super) fn write(&self, text: &str) -> Result<(), String> {
        let name = self.path();
        if read(&self.repository, self.kind, &self.path)? != self.source {
            return Err(format!("{name} was changed meanwhile, and was not written; run it again."));
        }
        write_atomically(&self.path, text.as_bytes()).map_err(|error| format!("{name} cannot be written: {error}."))
    }

    /// What the edit means, in the words of the sheet.
    pub(super) fn tell_meaning(&self, new: &Policy) {
        let found = meaning(&self.policy, new);
        let what = if self.is_policy() { "policy".to_owned() } else { format!("organization {}", new.repository) };
        outln!("Version {} of the {what} would mean:", new.version);
        found.iter().for_each(|meaning| outln!("  {meaning}"));
        for advice in policy::advice(new, now()) {
            eprintln!("undersign: {}: {}", self.path(), visible::text(&advice));
        }
        let others = self.in_force.as_ref().map(|force| meaning(force, new).len().saturating_sub(found.len()));
        if let Some(others) = others.filter(|others| *others > 0) {
            let more = counted(others, "difference");
            let name = self.path();
            eprintln!("undersign: {name}: the file has {more} more from what is in force, from earlier edits.");
        }
    }
}

/// What a file says at a commit; none if it is not there, or has mistakes.
fn at(repository: &Repository, kind: RosterFile, commit: ObjectId) -> Result<Option<Policy>, String> {
    match kind {
        RosterFile::Policy => match repository.policy_at(commit).map_err(|error| error.to_string())? {
            PolicyState::Found(policy) => Ok(Some(*policy)),
            _ => Ok(None),
        },
        RosterFile::Organization => {
            Ok(organization::at(repository, commit).ok().map(|organization| organization.rules().clone()))
        }
    }
}

/// The text of the file, which must lie in the working tree.
fn read(repository: &Repository, kind: RosterFile, path: &Path) -> Result<String, String> {
    let name = kind.path();
    let missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("There is no {name}. `undersign init` writes a first policy."),
        _ => format!("{name} cannot be read: {error}."),
    };
    let found = std::fs::symlink_metadata(path).map_err(missing)?;
    let folder = path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    let root = std::fs::canonicalize(&repository.root).ok();
    let is_here = folder.zip(root).is_some_and(|(folder, root)| folder == root.join(".undersign"));
    if !found.is_file() || !is_here {
        return Err(format!("{name} is not an ordinary file of the working tree; a gate reads none through a link."));
    }
    let bytes = super::bytes_of(path, policy::MAX_FILE)?;
    if bytes.len() > policy::MAX_FILE {
        return Err(format!("{name} is larger than 1 MiB, and no gate reads it."));
    }
    String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8."))
}
