//! FLOOR 1: policy + records + the facts of a push → [`RefOutcome`]. Pure: time, policy, records and the content of
//! objects are arguments.
//!
//! What lands is judged by its content: the push is cut into segments whose total delta is exactly one approved
//! manifest. So merge commits, squash and rebase need no special case, and anything that a merge adds is caught.

#![warn(missing_docs)]

pub mod advice;
mod break_glass;
mod counted_decision;
pub mod drill;
mod duration;
mod evaluation;
mod history;
mod input;
mod obsolete;
mod outcome;
mod proposal;
mod push;
mod record_status;
pub mod ref_names;
mod remembered;
mod segment;
mod segmentation;
pub mod summary;

pub use crate::policy::SlotState;
pub use break_glass::{Emergency, emergencies};
pub(crate) use counted_decision::{InRole, signers};
pub use history::{History, HistoryError, MAX_LINE, States};
pub use input::{Contents, Input, MAX_PLACES, Opaque, Rest};
pub use obsolete::{is_over, obsolete};
pub use outcome::{
    AuditHead, Code, Decided, EvidenceState, LedgerSummary, MemorySummary, Outcome, PolicySummary, Reason,
    ReasonEffect, RefOutcome,
};
pub use proposal::{Lands, Merge, Merging, Obstacle, decide_proposal};
pub use push::{Judged, MAX_STEPS, NextPolicy, PushEvaluation, Step, Update, judging_order};
pub use record_status::{RecordStatus, Signer, Validity, is_ahead, record_statuses, still_approve};
pub use remembered::{
    RECEIPTS_KEPT, Receipts, Received, RefPosition, Remembered, SeenOrganization, Waiting, WaitingStates, gone_back,
};
pub use segment::{Answerable, Standing};

use crate::change::RepoPath;
use crate::policy::{POLICY_FILE, Policy};
use crate::record::{Chain, Entry, Fault, Index, Loss};
use evaluation::Evaluation;

/// How many seconds two clocks may differ.
pub const CLOCK_SKEW: i64 = 120;

/// Why the present ledger cannot be used for a judgement.
fn distrust(input: &Input<'_>) -> Option<Reason> {
    unsound(input.policy, input.chains).or_else(|| remembered::rollback(input))
}

/// Why a ledger cannot be used for a judgement, as far as it says so itself: a chain of somebody in the roster is
/// damaged, or a record that somebody saw is not in it. A rejection may be missing.
pub fn unsound(policy: &Policy, chains: &[Chain]) -> Option<Reason> {
    damage(policy, chains).or_else(|| withheld(policy, chains))
}

/// Judges a move of a chain's ref. `chain` is the new chain; none if it lacks a part of the old one. `held` is the
/// content of the refs, `chains` the same with the pushed chains applied.
///
/// `is_known` says whether chains of this kind count for a key id.
pub fn decide_chain<R: Entry>(
    update: &Update,
    chain: Option<&Chain<R>>,
    held: &[Chain<R>],
    chains: &[Chain<R>],
    is_known: &dyn Fn(&str) -> bool,
) -> RefOutcome {
    let refused = |code, detail: String| RefOutcome::refused(&update.name, Reason::deny(code, detail));
    let Some(chain) = chain else {
        return refused(
            Code::LedgerRollback,
            "Records are only ever added. Run `undersign sync` to fetch the records of the ref, then push again."
                .to_owned(),
        );
    };
    if !is_known(&chain.id.key) {
        return refused(
            Code::Stranger,
            "The key of this chain is not in the policy. Add its owner to the policy first.".to_owned(),
        );
    }
    if let Some((position, fault)) = chain.fault {
        return refused(
            Code::LedgerFault,
            format!("Record {position} of what was pushed does not hold: {fault}. It would stop every gate."),
        );
    }
    if let Some(loss) = new_loss(chain, held, chains, is_known) {
        return refused(
            Code::LedgerMissing,
            format!(
                "It holds a record that was signed after record {} of the chain {}, and that is not here. It would \
                 stop every gate. Push that chain first, or with it.",
                loss.head.seq, loss.chain
            ),
        );
    }
    RefOutcome::allowed(&update.name)
}

/// A record that a pushed chain claims to have seen, and that does not exist. Claims that are already in the local copy
/// do not stop the push.
fn new_loss<R: Entry>(
    chain: &Chain<R>,
    held: &[Chain<R>],
    chains: &[Chain<R>],
    is_known: &dyn Fn(&str) -> bool,
) -> Option<Loss> {
    let known = held.iter().find(|copy| copy.id == chain.id).map(|copy| &copy.seen);
    let is_new = |loss: &Loss| known.and_then(|seen| seen.get(&loss.chain)) != Some(loss.head);
    chain.seen.losses(&Index::of(chains)).find(|loss| is_known(&loss.chain.key) && is_new(loss))
}

/// A damaged chain of a known key: a rejection may be missing from it.
fn damage(policy: &Policy, chains: &[Chain]) -> Option<Reason> {
    chains.iter().find_map(|chain| {
        let (position, fault) = chain.fault?;
        let owner = policy.roster.by_key_id(&chain.id.key)?;
        let detail = format!(
            "Record {position} in the chain of {} (refs/undersign/decisions/{}) does not hold: {fault}. Restore the \
             ref from another clone that has it.",
            owner.id, chain.id
        );
        Some(Reason::undecidable(Code::LedgerFault, detail))
    })
}

/// A record that somebody saw when signing, and that is missing.
fn withheld(policy: &Policy, chains: &[Chain]) -> Option<Reason> {
    let (_, detail) = withheld_of(chains, &owner_by(policy)).into_iter().next()?;
    Some(Reason::undecidable(Code::LedgerMissing, detail))
}

fn owner_by(policy: &Policy) -> impl Fn(&str) -> Option<String> {
    |key| policy.roster.by_key_id(key).map(|person| person.id.clone())
}

/// What signers saw and is not here, each with the sentence of it: of chains of keys that have an owner.
pub fn withheld_of(chains: &[Chain], owner: &dyn Fn(&str) -> Option<String>) -> Vec<(Loss, String)> {
    let index = Index::of(chains);
    let of_chain = |chain: &Chain| -> Vec<(Loss, String)> {
        let Some(witness) = owner(&chain.id.key) else { return Vec::new() };
        let told = |loss: Loss| {
            let detail = format!(
                "{witness} signed after record {} of {} (refs/undersign/decisions/{}), and {}. Fetch that ref from \
                 whoever has it.",
                loss.head.seq,
                owner(&loss.chain.key)?,
                loss.chain,
                if loss.fault == Fault::Forked { "another record is here in its place" } else { "it is not here" }
            );
            Some((loss, detail))
        };
        chain.seen.losses(&index).filter_map(told).collect()
    };
    chains.iter().flat_map(of_chain).collect()
}

/// The status of a change that has not landed yet: judged as if it were merged now.
pub fn standing(step: &Step, target: &str, input: &Input<'_>) -> Standing {
    let mut standing =
        segment::judge_explained(&Evaluation::new(input, target), std::slice::from_ref(step), &step.delta);
    if input.policy_branch == Some(target) && step.delta.touches(&RepoPath::from(POLICY_FILE)) {
        // In the words of the answer to a push.
        let next = push::next_policy(input, step.commit).unwrap_or_else(Some);
        standing.reasons.extend(next);
    }
    standing
}
