//! FLOOR 3: joins source, rules, policy and ledger into what a queue shows and what a reader needs. The desk and the
//! commands `queue` and `show` get the same answers from here.

pub mod background;
mod blockers;
#[cfg(feature = "tui")]
pub mod comments;
pub mod concurrent;
pub mod decided;
pub mod external;
pub mod interdiff;
mod intermediate;
mod kept;
pub mod landed;
mod material;
mod material_reader;
pub mod notes;
pub mod packages;
pub mod packs;
mod policy_change;
mod reach;
pub mod renamed;
mod sides;
mod snapshot;
mod status;
pub mod team;

pub use blockers::{people_missing, refusals, stop};
pub use kept::Kept;
pub use material::{FileMaterial, FileReader, text_of};
pub use material_reader::Reading;
pub use policy_change::{Flip, PolicyChange, compared, policy_change};
pub use snapshot::{RepositorySnapshot, rulebook};
pub use status::ChangeStatus;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::change::diff::Diff;
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::renames;
use crate::change::{Change, Identity, ObjectId, RepoPath};
use crate::gate::{self, Code, Input, Obstacle, Reason, Receipts, Remembered, Standing, States, Step};
use crate::policy::{AuthorProof, Criticality, Crossing, POLICY_FILE, Policy, SplitChange};
use crate::provenance::{self, Provenance};
use crate::risk::{Assessment, Packages, Rules};
use crate::source::git::push::Commits;
use crate::source::git::{self, GitError, Repository};
use background::Background;
use blockers::comes_to_nothing;
use concurrent::{Edits, Lines};
use kept::{Answers, Asked};
use reach::depended_on;

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
        self.assessment.findings.iter().any(|finding| finding.rule == intermediate::PARTIAL)
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
    let passing = intermediate::secrets(repository, snapshot.rules(), change, &diff, |finding| assessor.saw(finding));
    assessor.add(passing);
    assessor.add(intermediate::in_messages(repository, snapshot.rules(), change, &diff));
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
    let history = history.with_policy(Some(snapshot.target.tip));
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

/// A place in the queue; the smallest comes first.
pub type Urgency = (u8, std::cmp::Reverse<u32>, String);

/// The order of the queue: tier, then points, then id, so that it is total and repeatable.
pub fn urgency(change: &Change, examination: &Examination) -> Urgency {
    (examination.assessment.tier, std::cmp::Reverse(examination.assessment.points), change.id.clone())
}
