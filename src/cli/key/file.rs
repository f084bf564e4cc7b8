//! The policy file of the working tree, and edits of it: whole, or not at all.

use std::path::{Path, PathBuf};

use crate::change::{ObjectId, counted, shell_word, visible};
use crate::cli::now;
use crate::disk::write_atomically;
use crate::enrolment::{Edit, edit};
use crate::policy::{self, Person, Policy, meaning};
use crate::record::Key;
use crate::source::git::{POLICY_PATH, PolicyState, Repository};

/// Commits of the policy branch that are searched for a key that was taken out of the policy.
const MAX_COMMITS: usize = 20_000;

/// The policy in the working tree, and that of the policy branch.
pub(super) struct PolicyFile {
    pub repository: Repository,
    path: PathBuf,
    source: String,
    pub policy: Policy,
    pub in_force: Option<Policy>,
    tip: Option<ObjectId>,
}

impl PolicyFile {
    /// # Errors
    /// There is none, it has mistakes, or it is older than the one in force.
    pub(super) fn open(here: &Path) -> Result<PolicyFile, String> {
        let repository = Repository::open(here).map_err(|error| error.to_string())?;
        if repository.is_bare() {
            return Err("A bare repository has no files to edit. Run this in a clone of it.".to_owned());
        }
        let path = repository.root.join(POLICY_PATH);
        let source = read(&repository, &path)?;
        let organization = repository.organization()?;
        let policy = Policy::read(POLICY_PATH, source.as_bytes(), organization.as_deref())
            .map_err(|error| format!("{} No edit of it is certain.", visible::lines(&error.to_string())))?;
        let tip = repository.target().ok().map(|target| target.tip);
        let in_force = match tip.map(|tip| repository.policy_at(tip)).transpose().map_err(|error| error.to_string())? {
            Some(PolicyState::Found(policy)) => Some(*policy),
            _ => None,
        };
        if let Some(force) = in_force.as_ref().filter(|force| force.version > policy.version) {
            return Err(format!(
                "{POLICY_PATH} here is version {}, and version {} is in force. Go to the newest commit of the policy \
                 branch, and run it again.",
                policy.version, force.version
            ));
        }
        Ok(PolicyFile { repository, path, source, policy, in_force, tip })
    }

    /// Whether a policy that was in force once has the key, by the text of its point.
    pub(super) fn had(&self, key: &Key) -> Result<bool, String> {
        let Some(tip) = self.tip else { return Ok(false) };
        let line = self.repository.first_parents(tip, MAX_COMMITS).map_err(|error| error.to_string())?;
        let mut last = None;
        for commit in line {
            let digest = self.repository.policy_digest(commit);
            if digest.is_none() || digest == last {
                continue;
            }
            last = digest;
            if let Ok(PolicyState::Found(policy)) = self.repository.policy_at(commit) {
                let mut keys = policy.roster.people().flat_map(|person| &person.keys);
                if keys.any(|own| own.key.point() == key.point()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// For what edits keys: those of a policy that inherits are not in this file.
    pub(super) fn refuse_inherited(&self) -> Result<(), String> {
        let Some(inherited) = &self.policy.inherited else { return Ok(()) };
        Err(format!(
            "People and keys of this repository come from the organization {}, whose {} says who they are. Edit that \
             in its repository; one change there holds in all of them.",
            visible::text(&inherited.organization),
            policy::ORGANIZATION_FILE
        ))
    }

    /// A second file in which people and keys are: this command edits only the first.
    pub(super) fn tell_of_organization(&self) {
        if self.repository.root.join(policy::ORGANIZATION_FILE).exists() {
            eprintln!(
                "undersign: Here is {} too, with people and keys of its own, by which other repositories judge. This \
                 command does not edit it: make the same change there.",
                policy::ORGANIZATION_FILE
            );
        }
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
        edit::apply(&self.source, edits, self.next_version())
    }

    /// Writes the edited text in the place of what was read, unless somebody else wrote there meanwhile.
    pub(super) fn write(&self, text: &str) -> Result<(), String> {
        if read(&self.repository, &self.path)? != self.source {
            return Err(format!("{POLICY_PATH} was changed meanwhile. Nothing was written; run it again."));
        }
        write_atomically(&self.path, text.as_bytes())
            .map_err(|error| format!("{POLICY_PATH} cannot be written: {error}."))
    }

    /// What the edit means, in the words of the sheet.
    pub(super) fn tell_meaning(&self, new: &Policy) {
        let found = meaning(&self.policy, new);
        outln!("Version {} of the policy would mean:", new.version);
        found.iter().for_each(|meaning| outln!("  {meaning}"));
        for advice in policy::advice(new, now()) {
            eprintln!("undersign: {POLICY_PATH}: {}", visible::text(&advice));
        }
        let others = self.in_force.as_ref().map(|force| meaning(force, new).len().saturating_sub(found.len()));
        if let Some(others) = others.filter(|others| *others > 0) {
            let more = counted(others, "difference");
            eprintln!("undersign: {POLICY_PATH}: the file has {more} more from what is in force, from earlier edits.");
        }
    }

    /// Who lands it, and how: this program does not.
    pub(super) fn tell_way(&self, new: &Policy, branch: &str, subject: &str) {
        outln!("\nIt is in {POLICY_PATH} of your working tree, and counts for nothing before it has landed:");
        let force = self.in_force.as_ref().unwrap_or(&self.policy);
        let mut is_possible = true;
        for compartment in force.own_compartments() {
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
            outln!("Whoever commits it is its author, and does not count. Propose it, alone:");
        } else {
            outln!("Propose it, alone:");
        }
        outln!("  git switch -c {}", shell_word(branch));
        outln!("  git add {POLICY_PATH}");
        outln!("  git commit -m {}", shell_word(subject));
        if is_possible {
            outln!("Then one of them signs it at the desk: `undersign review {}`.", shell_word(branch));
        }
    }
}

/// The text of the file, which must lie in the working tree.
fn read(repository: &Repository, path: &Path) -> Result<String, String> {
    let missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("There is no {POLICY_PATH}. `undersign init` writes a first policy."),
        _ => format!("{POLICY_PATH} cannot be read: {error}."),
    };
    let found = std::fs::symlink_metadata(path).map_err(missing)?;
    let folder = path.parent().and_then(|folder| std::fs::canonicalize(folder).ok());
    let root = std::fs::canonicalize(&repository.root).ok();
    let is_here = folder.zip(root).is_some_and(|(folder, root)| folder == root.join(".undersign"));
    if !found.is_file() || !is_here {
        return Err(format!(
            "{POLICY_PATH} is no ordinary file of the working tree; a gate reads none through a link."
        ));
    }
    let bytes = super::bytes_of(path, policy::MAX_FILE)?;
    if bytes.len() > policy::MAX_FILE {
        return Err(format!("{POLICY_PATH} is larger than 1 MiB, and no gate reads it."));
    }
    String::from_utf8(bytes).map_err(|_| format!("{POLICY_PATH} is not UTF-8."))
}
