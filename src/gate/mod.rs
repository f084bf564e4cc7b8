//! FLOOR 1: policy + records + the facts of a push → [`RefOutcome`]. Pure: time, policy, records and what objects hold are
//! arguments.
//!
//! What lands is judged by its content: the push is cut into segments whose total delta is exactly one approved
//! manifest. So merge commit, squash and rebase need no special case, and what a merge adds on the side is caught.

mod ballot;
pub mod counsel;
mod court;
mod emergency;
mod grounds;
mod memory;
mod outcome;
mod print;
mod search;
mod segment;
mod spent;
pub mod summary;
mod vote;

pub use ballot::{Ballot, BallotStanding, ballots};
pub use grounds::{Contents, Grounds, Opaque, Rest};
pub use memory::{Expected, Receipts, Remembered};
pub use outcome::{
    AuditHead, Code, Decided, Effect, LedgerSummary, MemorySummary, Outcome, PolicySummary, Reason, RefOutcome,
    SlotState,
};
pub use segment::{Answerable, Standing};
pub use spent::spent;

use crate::change::links::Link;
use crate::change::manifest::{Digest, Manifest};
use crate::change::{Commit, ObjectId};
use crate::policy::{Policy, RefStanding};
use crate::record::{Chain, Fault, Key};
use court::Court;

/// Seconds by which two clocks may differ.
pub const CLOCK_SKEW: i64 = 120;

/// What a push does to one ref, read from git objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// Full name of the ref.
    pub name: String,
    pub old: ObjectId,
    pub new: ObjectId,
    /// Along the first parents of `new`, oldest first, from `old`. One step for all of it where `old` is not among them.
    pub steps: Vec<Step>,
    /// `old` is not an ancestor of `new`, or a tag that was there already is moved.
    pub rewind: bool,
    /// What `new` names is no commit, nor a tag of one.
    pub no_commit: bool,
    /// What it puts in place of the policy, where it moves the policy branch: version and digest, or what is wrong.
    pub policy: Option<NextPolicy>,
}

/// Version and digest of a policy, or why it cannot be read.
pub type NextPolicy = Result<(u64, Digest), String>;

impl Push {
    /// A move of a ref of which nothing else is known yet.
    pub fn new(name: &str, old: ObjectId, new: ObjectId) -> Push {
        Push { name: name.to_owned(), old, new, steps: Vec::new(), rewind: false, no_commit: false, policy: None }
    }
}

/// One commit on the target's first-parent line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where the ref stood before this step.
    pub from: ObjectId,
    pub commit: ObjectId,
    /// What the ref would hold.
    pub tree: ObjectId,
    /// The trees whose difference `delta` is.
    pub compared: (ObjectId, ObjectId),
    pub delta: Manifest,
    /// The commits that this step brings in, itself included.
    pub commits: Vec<Commit>,
    /// Those of them that carry a valid ssh signature, with the key that made it.
    pub signers: Vec<(ObjectId, Key)>,
    /// Those of them that are merges and hold what none of their parents brought; like signers, where proof is asked for.
    pub evil_merges: Vec<ObjectId>,
    /// The symlinks and submodules among the touched paths: where they lead counts as touched too.
    pub links: Vec<Link>,
}

/// A push of more steps than this is not judged. The search for segments is quadratic in it at worst.
pub const MAX_STEPS: usize = 2_000;

/// Judges one ref of a push that is no ref of ours.
pub fn decide(push: &Push, grounds: &Grounds<'_>) -> RefOutcome {
    let refused = |reason: Reason| RefOutcome::refused(push, reason);
    let policy = grounds.policy;
    let (rewrite, delete) = match policy.refs.standing(&push.name) {
        RefStanding::Protected { rewrite, delete } => (rewrite, delete),
        RefStanding::Open => return RefOutcome::of(push, Vec::new()),
        RefStanding::Alias => {
            return refused(Reason::deny(
                Code::RefUncovered,
                "The name is that of a protected ref but for letter case or Unicode form, and so the same ref on many file systems. \
                 Choose another.",
            ));
        }
        RefStanding::Uncovered => {
            return refused(Reason::deny(
                Code::RefUncovered,
                "The policy names no such ref; nothing matches, so nothing may land. Name it under [refs] in the policy.",
            ));
        }
    };
    if let Some(reason) = memory::stale(grounds) {
        return refused(reason);
    }
    if push.new.is_zero() {
        return if delete {
            RefOutcome::of(push, Vec::new())
        } else {
            refused(Reason::deny(Code::RefDeleted, "A protected ref is not deleted by a push."))
        };
    }
    if push.no_commit {
        return refused(Reason::deny(Code::Opaque, "What it points to is no commit, so it cannot be reviewed."));
    }
    if push.rewind && !rewrite {
        return refused(Reason::deny(
            Code::Rewrite,
            "The push rewrites what has landed. Build on the ref's tip instead.",
        ));
    }
    if push.steps.len() > MAX_STEPS {
        let detail = format!("The push has more than {MAX_STEPS} steps. Push it in parts.");
        return refused(Reason::deny(Code::Limit, detail));
    }
    if let Some(reason) = distrust(grounds) {
        return refused(reason);
    }
    let judged = search::judge(push, &Court::new(grounds, &push.name));
    match next_policy(push, policy) {
        Some(reason) => judged.and(reason),
        None => judged,
    }
}

/// A move of a ref that the policy has nothing to say of.
pub fn allowed(push: &Push) -> RefOutcome {
    RefOutcome::of(push, Vec::new())
}

/// A policy that nobody could judge by must not land: nothing could land after it.
fn next_policy(push: &Push, policy: &Policy) -> Option<Reason> {
    match push.policy.as_ref()? {
        Err(why) => {
            Some(Reason::deny(Code::PolicyInvalid, format!("The policy that would land cannot be read: {why}")))
        }
        Ok((_, digest)) if *digest == policy.digest => None,
        Ok((version, _)) if *version <= policy.version => {
            let detail =
                format!("The policy changes, and its version does not grow: raise it above {}.", policy.version);
            Some(Reason::deny(Code::PolicyStale, detail))
        }
        Ok(_) => None,
    }
}

/// Why the ledger as it lies there is not to be judged by.
fn distrust(grounds: &Grounds<'_>) -> Option<Reason> {
    let (policy, chains) = (grounds.policy, grounds.chains);
    damage(policy, chains).or_else(|| withheld(policy, chains)).or_else(|| memory::rollback(grounds))
}

/// Judges a move of a chain's ref. `chain` is what would be there; none where what was there is not all in it.
pub fn decide_chain(push: &Push, chain: Option<&Chain>, policy: &Policy) -> RefOutcome {
    let refused = |code, detail: String| RefOutcome::refused(push, Reason::deny(code, detail));
    let Some(chain) = chain else {
        return refused(
            Code::LedgerRollback,
            "Records are only ever added. `undersign sync` brings here what the ref holds; then push again.".to_owned(),
        );
    };
    if policy.roster.by_key_id(&chain.id.key).is_none() {
        return refused(
            Code::Stranger,
            "The key of this chain is nobody's in the roster. Add its owner to the policy first.".to_owned(),
        );
    }
    if let Some((position, fault)) = chain.fault {
        return refused(
            Code::LedgerFault,
            format!("Record {position} of what was pushed does not hold: {fault}. It would stop every gate."),
        );
    }
    RefOutcome::of(push, Vec::new())
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
        Some(Reason::undecidable(Code::LedgerFault, detail))
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
        Some(Reason::undecidable(Code::LedgerMissing, detail))
    })
}

/// How a change stands that has not landed yet: judged as if it were merged now.
pub fn standing(step: &Step, target: &str, grounds: &Grounds<'_>) -> Standing {
    segment::judge(&Court::new(grounds, target), std::slice::from_ref(step), &step.delta)
}
