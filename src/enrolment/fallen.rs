//! What of the ledger no longer counts once a key has ended.

use crate::decision::Verdict;
use crate::gate::{Receipts, RecordStatus, Validity, record_statuses};
use crate::policy::Policy;
use crate::record::{Chain, Key};

/// Records of a key, by what becomes of them.
#[derive(Debug, Default)]
pub struct Fallen<'c> {
    /// They count under the old policy, and not under the new one.
    pub falls: Vec<RecordStatus<'c>>,
    /// They are dated before the end of the key, so that they count where a gate had received them by then.
    pub stays: Vec<RecordStatus<'c>>,
    /// Rejections: they stand, whatever becomes of the key.
    pub rejections: Vec<RecordStatus<'c>>,
}

/// What becomes of the records of a key, judged by the dates that they give themselves.
pub fn fallen<'c>([old, new]: [&'c Policy; 2], chains: &'c [Chain], key: &Key, now: i64) -> Fallen<'c> {
    let receipts = Receipts::claimed(chains);
    let of = |policy| record_statuses(policy, chains, &receipts, now);
    let after = of(new);
    let counts = |status: &RecordStatus<'_>| status.validity == Validity::InForce;
    let mut found = Fallen::default();
    for status in of(old).into_iter().filter(|status| counts(status) && status.record.verified.key() == key) {
        let id = status.record.id();
        let still = after.iter().any(|other| other.record.id() == id && counts(other));
        match status.predicate().verdict {
            Verdict::Reject if still => found.rejections.push(status),
            _ if still => found.stays.push(status),
            _ => found.falls.push(status),
        }
    }
    found
}
