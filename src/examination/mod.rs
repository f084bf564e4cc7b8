//! FLOOR 3: joins source, rules, policy and ledger into what a queue shows and what a reader needs. The desk and the
//! commands `queue` and `show` get the same answers from here.

pub mod background;
#[cfg(feature = "tui")]
pub mod comments;
pub mod concurrent;
pub mod decided;
pub mod external;
pub mod interdiff;
mod kept;
pub mod landed;
pub mod notes;
pub mod packages;
pub mod packs;
mod passing;
mod policy_change;
pub mod renamed;
mod sides;
mod status;
pub mod team;

pub use kept::Kept;
pub use policy_change::{Flip, PolicyChange, compared, policy_change};
pub use status::ChangeStatus;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::change::compare::{Comparison, Line, compare};
use crate::change::diff::{Content, Diff, FileDiff, recoded};
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::moved;
use crate::change::renames;
use crate::change::{Change, Identity, ObjectId, RepoPath, visible};
use crate::datafile::FileError;
use crate::gate::{self, Code, Input, Obstacle, Reason, Receipts, Remembered, Standing, States, Step, advice};
use crate::ledger;
use crate::policy::{
    AuthorProof, Compartment, Criticality, Crossing, POLICY_FILE, Policy, Service, Services, SplitChange,
};
use crate::provenance::{self, Provenance};
use crate::record::Chain;
use crate::risk::{
    Assessment, Assessor, BlastClass, BlastReason, FileUnderReview, Finding, PackFile, PackageReach, Packages,
    Rulebook, Rules, are_of_one_format,
};
use crate::source::git::push::Commits;
use crate::source::git::{self, GitError, NotesRefs, PolicyState, Repository, TargetBranch};
use background::Background;
use concurrent::{Edits, Lines};
use kept::{Answers, Asked};

/// What is known about a repository when it is opened, before its changes are examined.
#[derive(Debug, Clone)]
pub struct RepositorySnapshot {
    pub root: PathBuf,
    /// The git directory that its work trees share.
    pub common_dir: PathBuf,
    pub name: String,
    pub uri: String,
    pub target: TargetBranch,
    pub policy: PolicyState,
    /// Which service a path belongs to; or why its file cannot be used.
    pub services: Result<Services, FileError>,
    pub chains: Vec<Chain>,
    /// Why a gate could not judge by these chains: a rejection may be missing from them.
    pub ledger_fault: Option<Reason>,
    /// The remote that is the project, if its decisions were never fetched.
    pub unread: Option<String>,
    /// Chains of evidence, read once a policy asks for some.
    pub evidence: Arc<ledger::evidence::Book>,
    /// Chains of drills, read once a refusal is explained.
    pub drills: Arc<ledger::drills::Book>,
    /// The packages of the trees that its changes begin with.
    pub packages: Arc<packages::PackagesOf>,
    pub notes: NotesRefs,
    /// The rules that apply here: this is the only place that determines them.
    pub rules: Rulebook,
}

impl RepositorySnapshot {
    /// Opens a repository and reads target, policy and ledger.
    pub fn open(path: &Path) -> Result<(Repository, RepositorySnapshot), GitError> {
        RepositorySnapshot::open_for(path, None)
    }

    /// As [`RepositorySnapshot::open`], with a target ref by its full name.
    pub fn open_for(path: &Path, target: Option<&str>) -> Result<(Repository, RepositorySnapshot), GitError> {
        RepositorySnapshot::of(Repository::open(path)?, target)
    }

    /// As it is now, under the name that it has.
    pub fn reopened(&self, target: Option<&str>) -> Result<(Repository, RepositorySnapshot), GitError> {
        let repository = Repository::open(&self.root)?.named_as(self.name.clone());
        RepositorySnapshot::of(repository, target)
    }

    /// Reads target, policy and ledger of an opened one.
    pub fn of(repository: Repository, target: Option<&str>) -> Result<(Repository, RepositorySnapshot), GitError> {
        let target = target.map_or_else(|| repository.target(), |name| repository.target_named(name))?;
        let policy_branch = repository.target().unwrap_or_else(|_| target.clone());
        let (policy, chains) = (repository.policy_at(policy_branch.tip)?, ledger::read_with_remotes(&repository)?);
        let ledger_fault = match &policy {
            PolicyState::Found(policy) => gate::unsound(policy, &chains),
            PolicyState::Absent | PolicyState::Invalid(_) => None,
        };
        let snapshot = RepositorySnapshot {
            root: repository.root.clone(),
            common_dir: repository.common_dir().to_path_buf(),
            name: repository.name.clone(),
            uri: repository.uri(),
            policy,
            // Like the policy, they come from the policy branch.
            services: repository.services_at(policy_branch.tip)?,
            chains,
            ledger_fault,
            unread: ledger::never_read(&repository),
            evidence: Arc::default(),
            drills: Arc::default(),
            packages: Arc::default(),
            notes: NotesRefs::of(&repository),
            // Like the policy, they come from the policy branch: a change cannot bring rules for itself.
            rules: Rulebook::with(repository.rule_packs_at(policy_branch.tip)?),
            target,
        };
        Ok((repository, snapshot))
    }

    /// The same with the user's own packs.
    pub fn with_packs(self, own: &[PackFile]) -> RepositorySnapshot {
        RepositorySnapshot { rules: self.rules.and(own), ..self }
    }

    /// That decisions may be missing here, as a sentence; none without a policy by which any count.
    pub fn told_unread(&self) -> Option<String> {
        let remote = self.unread.as_ref().filter(|_| self.policy().is_some())?;
        Some(format!("Decisions of {} were never fetched: `undersign sync` does.", visible::text(remote)))
    }

    /// Whether requests for commands can be pending here.
    pub fn has_targets(&self) -> bool {
        self.policy().is_some_and(|policy| !policy.targets.is_empty())
    }

    /// All rules that examine its changes.
    pub fn rules(&self) -> &Rules {
        self.rules.rules()
    }

    pub fn policy(&self) -> Option<&Policy> {
        match &self.policy {
            PolicyState::Found(policy) => Some(policy),
            _ => None,
        }
    }
}

/// The rules that apply in a repository, also without a target, when only the user's own packs are known.
pub fn rulebook(repository: &Repository) -> Result<Rulebook, GitError> {
    let policy_branch = repository.target().ok();
    let packs = policy_branch.map(|branch| repository.rule_packs_at(branch.tip)).transpose()?;
    Ok(Rulebook::with(packs.unwrap_or_default()))
}

/// The texts of one path, compared.
#[derive(Debug, Clone)]
pub struct FileMaterial {
    pub diff: FileDiff,
    pub old: Option<Content>,
    pub new: Option<Content>,
    pub comparison: Comparison,
    /// What a submodule moves over, as sentences.
    pub passed: Vec<String>,
}

impl FileMaterial {
    /// Compares two contents.
    pub fn of(diff: FileDiff, old: Option<Content>, new: Option<Content>) -> FileMaterial {
        // Most omissions have no lines on their side; nor is there anything to compare if only the mode changed.
        let comparable = [&old, &new].iter().all(|c| c.as_ref().is_none_or(|c| c.text().is_some()));
        let comparison = if comparable { compare(text_of(&old), text_of(&new)) } else { Comparison::default() };
        FileMaterial { diff, old, new, comparison, passed: Vec::new() }
    }

    /// Reads and compares one path.
    pub fn read(repository: &Repository, diff: &FileDiff) -> Result<FileMaterial, GitError> {
        let side = |entry: Option<_>| entry.map(|entry| git::content(repository, entry)).transpose();
        let passed = git::passed_by_submodule(repository, diff);
        Ok(FileMaterial { passed, ..FileMaterial::of(diff.clone(), side(diff.old)?, side(diff.new)?) })
    }

    /// The removed and added lines, each with its sign.
    pub fn changed_lines(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let (old, new) = (text_of(&self.old), text_of(&self.new));
        let lines = self.comparison.hunks.iter().flat_map(|hunk| &hunk.lines);
        lines.filter_map(move |line| match *line {
            Line::Removed { old: line } => Some((b'-', self.comparison.old.get(old, line))),
            Line::Added { new: line } => Some((b'+', self.comparison.new.get(new, line))),
            Line::Context { .. } => None,
        })
    }

    /// The input for finding moves among all changed lines of a change.
    pub fn compared(&self) -> moved::Compared<'_> {
        moved::Compared { comparison: &self.comparison, old: text_of(&self.old), new: text_of(&self.new) }
    }

    /// The input for the rules.
    pub fn under_review(&self) -> FileUnderReview<'_> {
        FileUnderReview::new(&self.diff, self.old.as_ref(), self.new.as_ref(), &self.comparison)
    }
}

/// Reads the files of a change one after another. The memory for mapped packs is freed from time to time: it would grow
/// to the size of what was read.
pub struct FileReader {
    root: PathBuf,
    repository: Repository,
    /// Bytes of texts since it was opened.
    read: usize,
}

impl FileReader {
    /// Bytes of texts after which the repository is reopened, which takes less time than reading a file.
    const MAPPED: usize = 2 << 20;

    pub fn open(root: &Path) -> Result<FileReader, GitError> {
        Ok(FileReader { root: root.to_owned(), repository: Repository::open(root)?, read: 0 })
    }

    pub fn read(&mut self, diff: &FileDiff) -> Result<FileMaterial, GitError> {
        if self.read > FileReader::MAPPED {
            self.repository = Repository::open(&self.root)?;
            self.read = 0;
        }
        let file = FileMaterial::read(&self.repository, diff)?;
        self.read += text_of(&file.old).len() + text_of(&file.new).len();
        Ok(file)
    }
}

/// The text of a side; empty if it has none.
pub fn text_of(content: &Option<Content>) -> &[u8] {
    content.as_ref().and_then(Content::text).unwrap_or_default()
}

/// What rules and policy say about a change, once its texts are read.
#[derive(Debug, Clone)]
pub struct Examination {
    pub assessment: Assessment,
    /// What the history of its target says; none if that was not read yet, and always none when reading for a
    /// signature.
    pub background: Option<Background>,
    pub provenance: Provenance,
    pub manifest: Manifest,
    /// The target with the change; absent where that cannot be.
    pub result_tree: Option<ObjectId>,
    /// Why nobody can approve a proposal as it is; none for commits that the target may have already.
    pub stop: Option<Reason>,
    /// Absent without a policy.
    pub standing: Option<Standing>,
    /// Compartments touched, the most critical first.
    pub compartments: Vec<(String, Criticality)>,
    /// Files that move from one compartment to another.
    pub crossings: Vec<Crossing>,
    /// If it changes the policy: the meaning of that.
    pub policy_change: Option<PolicyChange>,
    /// The digest of the rules that examined it.
    pub rules: Digest,
    /// If it touches too much at once: how it could be split.
    pub split: Vec<SplitChange>,
    /// Who wrote it: the authors of its commits, without merges that follow from their parents.
    pub authors: Vec<Identity>,
    pub files: usize,
    pub added: u32,
    pub removed: u32,
    /// The files whose text is written in another encoding than before, with both encodings in words.
    pub recoded: Vec<(RepoPath, String)>,
    /// What it edits, to be compared with what other changes edit.
    pub edits: Arc<Edits>,
    /// Whether everything was read from the objects now, and nothing came from the cache on disk. Nothing else is
    /// signed.
    pub from_objects: bool,
}

/// What is collected from the files of a change as they are read, so that no file has to be kept.
pub struct Reading<'r> {
    assessor: Assessor<'r>,
    /// By path, one half of a move to where the file means something else, until the other half is read.
    halves: HashMap<RepoPath, FileMaterial>,
    /// The digests of the contents that were read: the manifest binds to them.
    digests: HashMap<ObjectId, Digest>,
    files: usize,
    added: u32,
    removed: u32,
    /// The files whose text is written in another encoding than before, with both encodings in words.
    recoded: Vec<(RepoPath, String)>,
    /// The lines that it edits, by path.
    lines: Lines,
}

impl<'r> Reading<'r> {
    /// Nothing is read yet.
    pub fn by(rules: &'r Rules) -> Reading<'r> {
        let (halves, digests, recoded, lines) = Default::default();
        let assessor = Assessor::new(rules);
        Reading { assessor, halves, digests, files: 0, added: 0, removed: 0, recoded, lines }
    }

    /// Adds a file, each once, in any order.
    pub fn take(&mut self, file: &FileMaterial) {
        self.assessor.read(&file.under_review());
        self.take_encoding(file);
        self.take_across(file);
        concurrent::add(&mut self.lines, &file.diff.path, &file.comparison.edited());
        for (entry, content) in [(file.diff.old, &file.old), (file.diff.new, &file.new)] {
            let digest = content.as_ref().and_then(Content::digest);
            self.digests.extend(entry.zip(digest).map(|(entry, digest)| (entry.id, digest)));
        }
        self.files += 1;
        self.added += file.comparison.added;
        self.removed += file.comparison.removed;
    }

    /// Adds findings of other tools.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.assessor.add(findings);
    }
}

impl Reading<'_> {
    fn take_encoding(&mut self, file: &FileMaterial) {
        let told = recoded(file.old.as_ref(), file.new.as_ref());
        self.recoded.extend(told.map(|told| (file.diff.path.clone(), told)));
    }

    fn take_across(&mut self, file: &FileMaterial) {
        let Some(counterpart) = file.diff.counterpart.as_ref().filter(|_| file.diff.changed_across()) else { return };
        // A file that is paired by its text, and not by equal contents, is small enough to be kept.
        let Some(other) = self.halves.remove(&counterpart.path) else {
            self.halves.insert(file.diff.path.clone(), file.clone());
            return;
        };
        let (gone, come) = if file.new.is_some() { (&other, file) } else { (file, &other) };
        // A text of another format is read as what it was; otherwise both are read as what they mean now.
        let from = Some(&gone.diff.path).filter(|from| !are_of_one_format(from, &come.diff.path)).cloned();
        let diff = FileDiff { old: gone.diff.old, from, ..come.diff.clone() };
        let joined = FileMaterial::of(diff, gone.old.clone(), come.new.clone());
        self.take_encoding(&joined);
        self.assessor.read_across(&joined.under_review(), &gone.diff.path);
    }

    /// What the files and commits of a change say by themselves, without a repository and therefore without a
    /// judgement.
    pub fn apart(self, change: &Change, diff: &Diff) -> Examination {
        Examination {
            rules: self.assessor.rules().digest(),
            assessment: self.assessor.finish(&diff.files),
            background: None,
            provenance: provenance::trace(&change.revision.commits, &change.branch, provenance::Rules::shipped()),
            manifest: Manifest::default(),
            result_tree: None,
            stop: None,
            standing: None,
            compartments: Vec::new(),
            crossings: Vec::new(),
            policy_change: None,
            split: Vec::new(),
            authors: Vec::new(),
            files: self.files,
            added: self.added,
            removed: self.removed,
            recoded: self.recoded,
            edits: Arc::new(Edits::of(diff, &concurrent::settled(self.lines))),
            from_objects: false,
        }
    }
}

/// What the content of a change says about it, independent of policy, ledger and clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Facts {
    diff: Diff,
    /// The digests of the contents that were read: the manifest binds to them.
    digests: Vec<(ObjectId, Digest)>,
    assessment: Assessment,
    provenance: Provenance,
    files: usize,
    added: u32,
    removed: u32,
    recoded: Vec<(RepoPath, String)>,
    /// The lines that it edits, by path.
    lines: Lines,
    /// What a policy has queried about the objects so far.
    answers: Answers,
}

impl Facts {
    /// Whether a part of the change was not examined.
    fn is_partial(&self) -> bool {
        self.assessment.findings.iter().any(|finding| finding.rule == passing::PARTIAL)
    }
}

/// Examines a change whose files were all read: entirely from the objects. A person's signature relies on this.
pub fn examine(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    change: &Change,
    diff: &Diff,
    reading: Reading<'_>,
    now: i64,
) -> Result<Examination, GitError> {
    let packages = snapshot.packages.read(repository, agreed_tree(repository, change));
    let facts = find_out((repository, snapshot), change, diff.clone(), reading, &packages);
    // What is signed, and what the policy requires, is by path: a moved file counts as two.
    let apart = facts.diff.apart();
    let applied = git::applied(repository, &change.revision, &apart)?;
    let (examination, _) = judged(repository, snapshot, change, &facts, (&apart, applied), now)?;
    Ok(Examination { from_objects: true, ..examination })
}

/// Collects what files, commits and notes say, and what depends on the packages of the files.
fn find_out(
    (repository, snapshot): (&Repository, &RepositorySnapshot),
    change: &Change,
    diff: Diff,
    reading: Reading<'_>,
    packages: &Packages,
) -> Facts {
    let mut assessor = reading.assessor;
    let passing = passing::secrets(repository, snapshot.rules(), change, &diff, |finding| assessor.saw(finding));
    assessor.add(passing);
    assessor.add(passing::in_messages(repository, snapshot.rules(), change, &diff));
    let first = diff.files.first().map(|file| &file.path);
    assessor.add(first.map(|first| snapshot.rules().refused_packs(first)).unwrap_or_default());
    Facts {
        assessment: assessor.finish_among(&diff.files, packages),
        provenance: provenance_of(repository, snapshot, change),
        digests: reading.digests.into_iter().collect(),
        files: reading.files,
        added: reading.added,
        removed: reading.removed,
        recoded: reading.recoded,
        lines: concurrent::settled(reading.lines),
        answers: Answers::default(),
        diff,
    }
}

/// The current judgement of a change by policy and ledger. Also returns what the policy queried about the objects.
fn judged(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    change: &Change,
    facts: &Facts,
    (apart, applied): (&Diff, Result<ObjectId, Obstacle>),
    now: i64,
) -> Result<(Examination, Answers), GitError> {
    let digests = facts.digests.iter().copied().collect();
    let step = git::push::landing(change, apart, repository, applied.as_ref().ok().copied(), digests)?;
    let remaining = match &applied {
        Err(Obstacle::There(_)) => Cow::Owned(git::still_new(repository, &change.revision, apart)?),
        _ => Cow::Borrowed(apart),
    };
    let touches_policy = remaining.files.iter().any(|file| file.path == RepoPath::from(POLICY_FILE));
    let policy_change = snapshot.policy().filter(|_| touches_policy);
    let policy_change = policy_change
        .map(|policy| policy_change::policy_change(repository, snapshot, policy, change.revision.head, now))
        .transpose()?;
    let asked = Asked::of(repository, snapshot, change, facts.answers.clone(), now);
    let is_ai = facts.provenance.is_ai();
    let standing = snapshot.policy().map(|policy| standing(snapshot, policy, change, &step, &asked, is_ai, now));
    let own = standing.transpose()?;
    let mut standing = match own {
        Some(own) if is_open_to_whole(snapshot, change, &own) => {
            let whole = whole_standing(repository, snapshot, change, now)?;
            Some(whole.filter(Standing::is_allowed).unwrap_or(own))
        }
        own => own,
    };
    let split = snapshot.policy().map(|policy| split(policy, &remaining, standing.as_ref())).unwrap_or_default();
    if remaining.files.len() < apart.files.len() && split.is_empty() {
        // Nothing has to be split: what must land alone is on the target.
        for (standing, policy) in standing.iter_mut().zip(snapshot.policy()) {
            standing.reasons.retain(|reason| !is_crossed(policy, reason));
        }
    }
    let nothing = || step.delta.is_empty().then(comes_to_nothing);
    let stop = applied.as_ref().err().map(Obstacle::reason).or_else(nothing);
    let examination = Examination {
        assessment: facts
            .assessment
            .clone()
            .within(depended_on(snapshot, apart, &facts.assessment.packages).into_iter(), snapshot.rules()),
        rules: snapshot.rules().digest(),
        background: None,
        provenance: facts.provenance.clone(),
        policy_change,
        split,
        standing,
        compartments: snapshot.policy().map(|policy| compartments(policy, apart)).unwrap_or_default(),
        crossings: snapshot.policy().map(|policy| crossings(policy, &facts.diff)).unwrap_or_default(),
        authors: authors(&step),
        manifest: step.delta,
        result_tree: applied.as_ref().ok().copied(),
        stop: stop.filter(|_| change.is_proposal()),
        files: facts.files,
        added: facts.added,
        removed: facts.removed,
        recoded: facts.recoded.clone(),
        edits: Arc::new(Edits::of(&facts.diff, &facts.lines)),
        from_objects: false,
    };
    Ok((examination, asked.answers()))
}

/// Whether somebody signed all of what a change and those below it do, which may then land as one. A rejection of what
/// the change adds stands in any case.
fn is_open_to_whole(snapshot: &RepositorySnapshot, change: &Change, own: &Standing) -> bool {
    let Some(below) = change.below.as_ref().filter(|_| !own.is_allowed() && own.to_answer.is_empty()) else {
        return false;
    };
    let (base, head) = (below.base.to_string(), change.revision.head.to_string());
    let mut records = snapshot.chains.iter().flat_map(|chain| &chain.records).map(|record| record.predicate());
    records.any(|signed| signed.base.commit == base && signed.head.commit == head)
}

/// How the gate would judge a change with those below it, as one.
fn whole_standing(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    change: &Change,
    now: i64,
) -> Result<Option<Standing>, GitError> {
    let (Some(below), Some(policy)) = (&change.below, snapshot.policy()) else { return Ok(None) };
    let revision = repository.revision(below.base, change.revision.head, change.revision.target_tip)?;
    let whole = Change { revision, below: None, ..change.clone() };
    let apart = diff(repository, snapshot, &whole)?.apart();
    let Ok(tree) = git::applied(repository, &whole.revision, &apart)? else { return Ok(None) };
    let step = git::push::landing(&whole, &apart, repository, Some(tree), HashMap::new())?;
    let asked = Asked::of(repository, snapshot, &whole, Answers::default(), now);
    // The lower ones may have signs of AI that this one has not.
    let is_ai = provenance_of(repository, snapshot, &whole).is_ai();
    standing(snapshot, policy, &whole, &step, &asked, is_ai, now).map(Some)
}

/// What messages, identities, the branch and notes say about how it was made.
fn provenance_of(repository: &Repository, snapshot: &RepositorySnapshot, change: &Change) -> Provenance {
    let (rules, commits) = (provenance::Rules::shipped(), &change.revision.commits);
    let notes = git::testimony(repository, &snapshot.notes, &change.revision).evidence(commits, rules);
    provenance::trace_with(commits, change.branches(), notes, rules)
}

fn authors(step: &Step) -> Vec<Identity> {
    let written = step.commits.iter().filter(|commit| !step.clean_merges.contains(&commit.id));
    provenance::author_set(&written.cloned().collect::<Vec<_>>(), provenance::Rules::shipped())
}

/// A proposal for splitting a change that touches too many compartments, or one that must change alone and something
/// else.
fn split(policy: &Policy, diff: &Diff, standing: Option<&Standing>) -> Vec<SplitChange> {
    if standing.is_some_and(|standing| standing.reasons.iter().any(|reason| is_crossed(policy, reason))) {
        let parts = policy.split(diff.files.iter().map(|file| &file.path));
        // A single part is not a proposal.
        if parts.len() > 1 { parts } else { Vec::new() }
    } else {
        Vec::new()
    }
}

/// Whether a reason is that too many compartments are touched, or one that must change alone.
fn is_crossed(policy: &Policy, reason: &gate::Reason) -> bool {
    let many = reason.code == Code::Limit && policy.limits.compartments.is_some();
    many || matches!(reason.code, Code::Solo | Code::PolicyMixed)
}

/// How the gate would judge it now, as far as can be known here: a desk knows only from the records themselves when
/// they arrived.
fn standing(
    snapshot: &RepositorySnapshot,
    policy: &Policy,
    change: &Change,
    step: &Step,
    contents: &Asked<'_>,
    signs_of_ai: bool,
    now: i64,
) -> Result<Standing, GitError> {
    let remembered = Remembered { receipts: Receipts::claimed(&snapshot.chains), ..Remembered::default() };
    let history = Commits::of(contents.repository, policy.author_proof == AuthorProof::Proven)?;
    let input = Input {
        policy,
        chains: &snapshot.chains,
        remembered: &remembered,
        contents,
        history: &history,
        states: &States::default(),
        policy_branch: Some(&snapshot.target.name),
        ahead: true,
        pusher: None,
        signs_of_ai,
        now,
    };
    let mut standing = gate::standing(step, &change.target, &input);
    standing.reasons.extend(snapshot.ledger_fault.clone());
    Ok(standing)
}

fn compartments(policy: &Policy, diff: &Diff) -> Vec<(String, Criticality)> {
    let touched = diff.files.iter().flat_map(|file| policy.compartments_of(&file.path));
    let mut touched: Vec<_> = touched.map(|compartment| (compartment.name.clone(), compartment.criticality)).collect();
    touched.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    touched.dedup();
    touched
}

/// How far a mistake in each path would spread, by what the policy says of its compartments, and the file of services
/// of its services: of the path itself, and of the packages that depend on its package.
fn depended_on(snapshot: &RepositorySnapshot, diff: &Diff, packages: &[PackageReach]) -> Vec<BlastReason> {
    let paths = || diff.files.iter().flat_map(FileDiff::paths);
    let of = |path: &RepoPath| {
        let mut reasons: Vec<BlastReason> =
            snapshot.policy().map(|policy| of_compartments(policy, path)).unwrap_or_default();
        reasons.extend(snapshot.services.iter().flat_map(|services| of_services(services, path)));
        reasons
    };
    let mut reasons: Vec<BlastReason> = paths().flat_map(of).collect();
    for package in packages {
        let needed = package.needed_by.iter().flat_map(|(name, folder)| {
            // What holds any name below its folder holds the package.
            let inside = RepoPath([&folder.0[..], b"/\xEF\xBF\xBD"].concat());
            of(&inside).into_iter().map(move |reason| (name, reason))
        });
        // One class less than what belongs there itself.
        let lower = |class: BlastClass| match class {
            BlastClass::B4 => Some(BlastClass::B3),
            BlastClass::B3 => Some(BlastClass::B2),
            _ => None,
        };
        let reason = |(name, BlastReason { class, sentence, .. }): (&String, BlastReason)| {
            let sentence = format!("is needed by {name}, which {sentence}");
            Some(BlastReason { class: lower(class)?, sentence, path: package.path.clone() })
        };
        // Of a service, the first package says enough.
        let mut told = BTreeSet::new();
        reasons.extend(needed.filter(|(_, reason)| told.insert(reason.sentence.clone())).filter_map(reason));
    }
    // Any path may be one of a service on which all depends.
    reasons.extend(snapshot.services.as_ref().err().into_iter().flat_map(|mistakes| {
        let sentence = format!("may belong to any service: {}", visible::text(&mistakes.brief()));
        paths().map(move |path| BlastReason { class: BlastClass::B3, sentence: sentence.clone(), path: path.clone() })
    }));
    reasons
}

fn of_compartments(policy: &Policy, path: &RepoPath) -> Vec<BlastReason> {
    let reason = |compartment: &Compartment| {
        let (class, place) = match compartment.criticality {
            Criticality::Critical => (BlastClass::B4, "is in a critical compartment"),
            Criticality::High => (BlastClass::B3, "is in a compartment of high criticality"),
            Criticality::Normal | Criticality::Low => return None,
        };
        Some(BlastReason { class, sentence: format!("{place}: {}", compartment.name), path: path.clone() })
    };
    policy.compartments_of(path).into_iter().filter_map(reason).collect()
}

/// Services that matter little are told, and widen nothing: what they hold is at least one package.
fn of_services(services: &Services, path: &RepoPath) -> Vec<BlastReason> {
    let reason = |service: &Service| {
        let class = match service.tier {
            0 | 1 => BlastClass::B4,
            2 => BlastClass::B3,
            _ => BlastClass::B1,
        };
        let sentence = format!("belongs to {}, tier {}", service.name, service.tier);
        BlastReason { class, sentence, path: path.clone() }
    };
    services.of(path).into_iter().map(reason).collect()
}

fn crossings(policy: &Policy, diff: &Diff) -> Vec<Crossing> {
    let come = diff.files.iter().filter(|file| file.new.is_some());
    come.filter_map(|file| policy.crossing(&file.counterpart.as_ref()?.path, &file.path)).collect()
}

/// What a change does to each path, with moves joined if neither a rule nor the policy distinguishes the two paths, so
/// that whoever reads the changes has read everything that is new to anybody.
pub fn diff(repository: &Repository, snapshot: &RepositorySnapshot, change: &Change) -> Result<Diff, GitError> {
    joined(repository, snapshot, (change.revision.base_tree, change.revision.head_tree))
}

/// As [`diff`], for any two trees.
fn joined(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    (old, new): (ObjectId, ObjectId),
) -> Result<Diff, GitError> {
    let diff = git::diff(repository, old, new)?;
    let text = |entry, most| git::small_text(repository, entry, most);
    Ok(renames::paired(diff, |from, to| mean_the_same(snapshot, from, to), text))
}

/// Whether neither a rule nor the policy distinguishes two paths.
pub fn mean_the_same(snapshot: &RepositorySnapshot, from: &RepoPath, to: &RepoPath) -> bool {
    snapshot.rules().mean_the_same_by(from, to)
        && snapshot.policy().is_none_or(|policy| policy.crossing(from, to).is_none())
}

/// Reads and examines a change from the start.
pub fn whole(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    change: &Change,
    now: i64,
) -> Result<Examination, GitError> {
    with_reports(repository, snapshot, change, external::Reports::default(), now)
}

/// As [`whole`], including the findings of other tools.
pub fn with_reports(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    change: &Change,
    reports: external::Reports,
    now: i64,
) -> Result<Examination, GitError> {
    let diff = diff(repository, snapshot, change)?;
    let mut reading = read(repository, snapshot.rules(), &diff)?;
    reading.add(external::findings(repository, snapshot.rules(), change, &diff, reports)?);
    examine(repository, snapshot, change, &diff, reading, now)
}

fn read<'r>(repository: &Repository, rules: &'r Rules, diff: &Diff) -> Result<Reading<'r>, GitError> {
    let mut reading = Reading::by(rules);
    for file in &diff.files {
        reading.take(&FileMaterial::read(repository, file)?);
    }
    Ok(reading)
}

/// The tree with which a change begins and that somebody agreed to: the base of what is stacked on another change is
/// what the author of that one made of it.
fn agreed_tree(repository: &Repository, change: &Change) -> ObjectId {
    let of_fork = change.below.as_ref().and_then(|below| repository.tree_of(below.base).ok());
    of_fork.unwrap_or(change.revision.base_tree)
}

/// Why a change cannot land, whoever signs for it; in the gate's words, each with its code.
pub fn refusals(snapshot: &RepositorySnapshot, examination: &Examination) -> Vec<String> {
    let branch = visible::text(&snapshot.target.name);
    match (&snapshot.policy, &examination.standing) {
        (PolicyState::Absent, _) => {
            vec![format!(
                "{}: There is no policy on {branch}, so nothing may land. `undersign init` writes one; \
                           commit it, and push it there.",
                Code::PolicyAbsent
            )]
        }
        (PolicyState::Invalid(error), _) => vec![format!(
            "{}: The policy on {branch} has mistakes, so nothing may land: {}",
            Code::PolicyInvalid,
            visible::lines(&error.to_string())
        )],
        (PolicyState::Found(_), standing) => {
            let reasons = standing.iter().flat_map(advice::refusals);
            let reasons = reasons.map(told);
            stop(examination).into_iter().chain(reasons).collect()
        }
    }
}

/// Why nobody can approve a proposal as it is, whatever the policy says, in the gate's words.
pub fn stop(examination: &Examination) -> Option<String> {
    examination.stop.as_ref().map(told)
}

/// Of commits that undo each other there is nothing to read, so that an approval would be of what nobody was shown.
fn comes_to_nothing() -> Reason {
    let detail = "Its commits undo each other: a merge would land them, and none of it is shown here to be approved. \
                  Have them left out.";
    Reason::deny(Code::Unsigned, detail)
}

fn told(reason: &Reason) -> String {
    format!("{}: {}", reason.code, reason.detail)
}

/// For whom a change waits that was rejected and has moved on since, by id: who rejected it says whether that was
/// enough, or who may take the rejection over, where that person cannot. Nobody, if somebody rejected it as it is now.
pub(crate) fn to_look_again(policy: &Policy, standing: &Standing, now: i64) -> Vec<String> {
    let vetoes = || standing.to_answer.iter().filter(|one| one.is_veto);
    if vetoes().any(|one| !one.is_outdated) {
        return Vec::new();
    }
    let could = |by: &str| match advice::could_end(policy, standing, by, now) {
        nobody if nobody.is_empty() => vec![by.to_owned()],
        could => could,
    };
    vetoes().flat_map(|one| could(&one.by)).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn people_asked(standing: &Standing) -> usize {
    let widest = standing.slots.iter().map(|slot| slot.need).sum::<usize>().max(1);
    distinct_need(standing).unwrap_or(widest)
}

/// How many more people must sign, as far as they can be counted.
pub fn people_missing(standing: &Standing) -> usize {
    people_asked(standing).saturating_sub(standing.approved_by.len())
}

/// The number of people required by the largest compartment.
fn distinct_need(standing: &Standing) -> Option<usize> {
    let names: std::collections::BTreeSet<_> = standing.slots.iter().map(|slot| &slot.compartment).collect();
    names
        .into_iter()
        .map(|name| standing.slots.iter().filter(|slot| slot.compartment == *name).map(|slot| slot.need).sum())
        .max()
}

/// The order of the queue: tier, then points, then id, so that it is total and repeatable.
pub fn urgency(change: &Change, examination: &Examination) -> (u8, std::cmp::Reverse<u32>, String) {
    (examination.assessment.tier, std::cmp::Reverse(examination.assessment.points), change.id.clone())
}
