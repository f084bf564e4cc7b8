//! Which records can no longer matter, so that a gate need not look at them again.

use std::collections::HashSet;

use super::Input;
use super::record_status::{Validity, is_ahead, record_statuses};
use crate::decision::Verdict;
use crate::record::RecordId;
use crate::record::statement::Predicate;

/// How many seconds after its expiry an approval still explains why a push is denied: two days.
const EXPLAINS: i64 = 2 * 24 * 3600;

/// Whether a record cannot matter from `now` on under any policy: it has expired by its own date, and neither ends nor
/// answers another. It may still be needed for the review of an emergency, which only its manifest tells.
pub fn is_over(predicate: &Predicate, now: i64) -> bool {
    let ends = matches!(predicate.verdict, Verdict::Approve | Verdict::HumanOnly);
    ends && predicate.supersedes.is_empty()
        && predicate.answers.is_empty()
        && !is_ahead(predicate, now)
        && predicate.not_after.seconds().saturating_add(EXPLAINS) <= now
}

/// The records that change no verdict from `now` on, as long as the policy stays the same: superseded ones, and expired
/// approvals and claims; not those of an emergency, for which a review is owed. What they supersede stays superseded.
/// Time only goes forward, and the validity of a key at a time is fixed once the record was received: so what is
/// obsolete stays obsolete.
pub fn obsolete(input: &Input<'_>) -> HashSet<RecordId> {
    let all = record_statuses(input.policy, input.chains, &input.remembered.receipts, input.now);
    let break_glass_uses: HashSet<&str> = all
        .iter()
        .filter(|status| status.predicate().verdict == Verdict::BreakGlass)
        .map(|status| status.predicate().manifest.sha256.as_str())
        .collect();
    let is_obsolete = |status: &&super::RecordStatus<'_>| {
        let predicate = status.predicate();
        match status.validity {
            _ if status.received.is_none() => false,
            _ if break_glass_uses.contains(predicate.manifest.sha256.as_str()) => false,
            // What it supersedes is not all superseded yet.
            _ if is_ahead(predicate, input.now) => false,
            Validity::Superseded => true,
            Validity::Expired => status.expires.saturating_add(EXPLAINS) <= input.now,
            _ => false,
        }
    };
    all.iter().filter(is_obsolete).map(|status| status.record.id()).collect()
}
