//! FLOOR 1: policy + records + the facts of a push → [`RefOutcome`]. Pure: time, policy and records are arguments.
//!
//! What lands is judged by its content: the push is cut into segments whose total delta is exactly one approved
//! manifest. So merge commit, squash and rebase need no special case, and what a merge adds on the side is caught.

mod approvals;
mod ballot;
mod outcome;

pub use approvals::Standing;
pub use ballot::{Ballot, BallotStanding, ballots};
pub use outcome::{Code, Decided, LedgerSummary, MemorySummary, Outcome, PolicySummary, Reason, RefOutcome, SlotState};

use crate::change::manifest::Manifest;
use crate::change::{Commit, ObjectId, RepoPath};
use crate::policy::Policy;
use crate::record::{Chain, Fault, Heads};
use approvals::Court;

/// What a push does to one ref, read from git objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Full name of the ref.
    pub name: String,
    pub old: ObjectId,
    pub new: ObjectId,
    /// Along the first parents of `new`, oldest first, from `old`. One step for all of it where `old` is not among them.
    pub steps: Vec<Step>,
    /// `old` is not an ancestor of `new`.
    pub rewind: bool,
}

/// One commit on the target's first-parent line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where the ref stood before this step.
    pub from: ObjectId,
    pub commit: ObjectId,
    pub tree: ObjectId,
    pub delta: Manifest,
    /// The commits that this step brings in, itself included.
    pub commits: Vec<Commit>,
    /// Where touched symlinks point: these paths count as touched too.
    pub link_targets: Vec<RepoPath>,
}

/// A push of more steps than this is not judged. The search for segments is quadratic in it.
pub const MAX_STEPS: usize = 2_000;

/// Judges one ref of a push. `remembered` is what the gate saw of the chains before; `now` is its clock, in seconds since
/// the epoch.
pub fn decide(push: &Push, policy: &Policy, chains: &[Chain], remembered: &Heads, now: i64) -> RefOutcome {
    let deny = |code, detail: &str| RefOutcome::refused(push, Decided::Deny, Reason::new(code, detail));
    if !policy.protects(&push.name) {
        return deny(
            Code::RefUncovered,
            "The policy protects no such ref; nothing matches, so nothing may land. Name it under [refs] in the policy.",
        );
    }
    if push.new.is_zero() {
        return deny(Code::RefDeleted, "A protected ref is not deleted by a push.");
    }
    if push.rewind {
        return deny(Code::Rewrite, "The push rewrites what has landed. Build on the ref's tip instead.");
    }
    if push.steps.len() > MAX_STEPS {
        return deny(Code::Limit, &format!("The push has more than {MAX_STEPS} steps. Push it in parts."));
    }
    if let Some(reason) = damage(policy, chains).or_else(|| withheld(policy, chains)) {
        return RefOutcome::refused(push, Decided::Undecidable, reason);
    }
    if let Some(reason) = rollback(policy, chains, remembered) {
        return RefOutcome::refused(push, Decided::Deny, reason);
    }
    judge(push, &Court::new(policy, chains, &push.name, now))
}

/// A chain of a known key that does not hold together: a rejection may be what is missing from it.
fn damage(policy: &Policy, chains: &[Chain]) -> Option<Reason> {
    chains.iter().find_map(|chain| {
        let (position, fault) = chain.fault?;
        let owner = policy.roster.by_key_id(&chain.id.key)?;
        let detail = format!(
            "Record {position} in the chain of {} (refs/undersign/decisions/{}) does not hold: {fault}. Restore the ref from \
             another clone that has it.",
            owner.id, chain.id
        );
        Some(Reason::new(Code::LedgerFault, detail))
    })
}

/// A record that somebody saw when signing, and that is not here.
fn withheld(policy: &Policy, chains: &[Chain]) -> Option<Reason> {
    let witnesses = chains.iter().filter_map(|chain| Some((policy.roster.by_key_id(&chain.id.key)?, chain)));
    witnesses.into_iter().find_map(|(witness, chain)| {
        let (owner, loss) =
            chain.seen.losses(chains).find_map(|loss| Some((policy.roster.by_key_id(&loss.chain.key)?, loss)))?;
        let detail = format!(
            "{} signed after record {} of {} (refs/undersign/decisions/{}), and {}. Fetch that ref from whoever has it.",
            witness.id,
            loss.head.seq,
            owner.id,
            loss.chain,
            if loss.fault == Fault::Forked { "another record is here in its place" } else { "it is not here" }
        );
        Some(Reason::new(Code::LedgerMissing, detail))
    })
}

/// A record that the gate itself saw before, and that is gone.
fn rollback(policy: &Policy, chains: &[Chain], remembered: &Heads) -> Option<Reason> {
    remembered.losses(chains).find_map(|loss| {
        let owner = policy.roster.by_key_id(&loss.chain.key)?;
        let detail = format!(
            "The chain of {} (refs/undersign/decisions/{}) went back: this gate saw its record {} ({}). Restore the ref.",
            owner.id,
            loss.chain,
            loss.head.seq,
            loss.head.record.short()
        );
        Some(Reason::new(Code::LedgerRollback, detail))
    })
}

/// Finds a way from `old` to `new` in segments that are each allowed; else says what the rest after the furthest lacks.
fn judge(push: &Push, court: &Court<'_>) -> RefOutcome {
    let count = push.steps.len();
    let mut reached: Vec<Option<Vec<Standing>>> = vec![None; count + 1];
    reached[0] = Some(Vec::new());
    for start in 0..count {
        let Some(way) = reached[start].clone() else { continue };
        for (end, manifest) in growing(&push.steps[start..]) {
            let end = start + end;
            if reached[end].is_some() || !(manifest.is_empty() || court.knows(&manifest)) {
                continue;
            }
            let standing = court.judge(&push.steps[start..end], &manifest);
            if standing.is_allowed() {
                let mut way = way.clone();
                way.push(standing);
                reached[end] = Some(way);
            }
        }
    }
    if let Some(way) = reached[count].take() {
        return RefOutcome::of(push, way);
    }
    let furthest = reached.iter().rposition(Option::is_some).unwrap_or(0);
    let mut way = reached[furthest].take().unwrap_or_default();
    let rest = &push.steps[furthest..];
    let whole = growing(rest).last().map(|(_, manifest)| manifest).unwrap_or_default();
    way.push(court.judge(rest, &whole));
    RefOutcome::of(push, way)
}

/// The manifests of the first step, of the first two, and so on, each with its number of steps.
fn growing(steps: &[Step]) -> impl Iterator<Item = (usize, Manifest)> {
    let mut total = Manifest::default();
    steps.iter().enumerate().map(move |(index, step)| {
        total.then(&step.delta);
        (index + 1, total.clone())
    })
}

/// How a change stands that has not landed yet: judged as if it were merged now.
pub fn standing(step: &Step, target: &str, policy: &Policy, chains: &[Chain], now: i64) -> Standing {
    Court::new(policy, chains, target, now).judge(std::slice::from_ref(step), &step.delta)
}
