//! Why no decision is possible: chains that are invalid, or that lack records known to have existed.

use super::knowledge::Knowledge;
use super::outcome::{Code, Effect, Reason};
use super::records::AuthorizationChain;
use crate::record::{ChainId, Fault, Head};

/// All problems of the broker's own chain, and of those of people in the roster: the missing record may be a refusal,
/// or a run.
pub(super) fn trouble(knowledge: &Knowledge<'_>) -> Vec<Reason> {
    let trusted: Vec<&AuthorizationChain> = knowledge
        .authorizations
        .iter()
        .filter(|chain| knowledge.policy.roster.by_key_id(&chain.id.key).is_some())
        .collect();
    let mut reasons = Vec::new();
    if let Some(fault) = knowledge.policy_fault {
        reasons.push(Reason::new(Code::PolicyStale, Effect::Undecidable, fault));
    }
    if let Some((position, fault)) = knowledge.own.fault {
        let detail = format!("Record {position} of the broker's own chain does not hold: {fault}.");
        reasons.push(Reason::new(Code::LedgerFault, Effect::Undecidable, detail));
    }
    for chain in &trusted {
        if let Some((position, fault)) = chain.fault {
            let detail = format!("Record {position} of {} does not hold: {fault}.", whose(knowledge, &chain.id));
            reasons.push(Reason::new(Code::LedgerFault, Effect::Undecidable, detail));
        }
    }
    let told = trusted.iter().flat_map(|chain| chain.seen.iter()).chain(knowledge.own.seen.iter());
    for (id, head) in knowledge.known.iter().chain(told) {
        reasons.extend(lost(knowledge, &trusted, id, *head));
    }
    reasons.dedup();
    reasons
}

/// Whether a known record of a chain is missing from it.
fn lost(knowledge: &Knowledge<'_>, trusted: &[&AuthorizationChain], id: &ChainId, head: Head) -> Option<Reason> {
    if *id == knowledge.own.id {
        let fault = knowledge.own.holds(head).err()?;
        let detail = format!(
            "A copy of the broker's own chain holds more than its disk does ({fault}): the disk was restored, or \
             another broker runs with this key. Look what ran, then begin a new chain; what is open is asked again."
        );
        return Some(Reason::new(Code::LedgerRollback, Effect::Undecidable, detail));
    }
    knowledge.policy.roster.by_key_id(&id.key)?;
    let chain = trusted.iter().find(|chain| chain.id == *id);
    let fault = chain.map_or(Err(Fault::Rewound), |chain| chain.holds(head)).err()?;
    let detail = format!(
        "Record {} of {} is known and not here ({fault}): it may be a refusal. Fetch it from whoever has it.",
        head.seq,
        whose(knowledge, id)
    );
    Some(Reason::new(Code::LedgerMissing, Effect::Undecidable, detail))
}

fn whose(knowledge: &Knowledge<'_>, id: &ChainId) -> String {
    let owner = knowledge.policy.roster.by_key_id(&id.key).map_or("nobody", |person| person.id.as_str());
    format!("the chain of {owner} (refs/undersign/authorizations/{id})")
}
