//! What a gate knows of earlier pushes: facts, never verdicts. It is what makes a step back visible.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::outcome::{Code, Reason};
use super::{CLOCK_SKEW, Grounds};
use crate::record::{Chain, Heads, Record};

/// What was seen of refs before; nothing where there is no memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    pub heads: Heads,
    pub receipts: Receipts,
    /// Version and digest of the newest policy that was judged by.
    pub policy: Option<(u64, String)>,
    /// When the last push was judged, in seconds since the epoch.
    pub clock: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<Expected>,
}

/// Records that came with a push which was let through on them. Git moves each ref by itself: what landed must not go without
/// what it landed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Names and ids of the refs that would move.
    pub moves: Vec<(String, String)>,
    pub heads: Heads,
    /// When it was let through, in seconds since the epoch.
    pub time: i64,
}

/// Seconds after which a push that was let through and did not land is forgotten: another hook refused it, or git did.
const AWAITED: i64 = 3_600;

impl Remembered {
    /// Of a push that landed, its records are known from now on, come or not.
    pub fn settle(&mut self, landed: impl Fn(&str, &str) -> bool, now: i64) {
        for expected in std::mem::take(&mut self.expected) {
            if expected.moves.iter().any(|(name, id)| landed(name, id)) {
                expected.heads.iter().for_each(|(chain, head)| self.heads.learn(chain.clone(), Some(*head)));
            } else if now < expected.time + AWAITED {
                self.expected.push(expected);
            }
        }
    }
}

/// When the gate's clock first saw the records of each chain. The signer's clock can be set; this one is the gate's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Receipts(BTreeMap<String, Vec<Receipt>>);

/// A chain was seen up to a record. The record is named, so that another one put in its place later came later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipt {
    seq: u64,
    record: String,
    time: i64,
}

/// Receipts older than this are thinned out: 60 days, in seconds. What they stood for then counts as received later, which only
/// restricts.
const KEPT: i64 = 60 * 24 * 3600;

impl Receipts {
    /// What the signers say of when they signed: an estimate for a desk, which is no gate.
    pub fn claimed(chains: &[Chain]) -> Receipts {
        let receipt = |record: &Record| Receipt {
            seq: record.predicate().chain.seq.0,
            record: record.id().to_string(),
            time: record.predicate().issued_at.seconds(),
        };
        let of = |chain: &Chain| (chain.id.to_string(), chain.records.iter().map(|r| receipt(r)).collect());
        Receipts(chains.iter().map(of).collect())
    }

    /// When the record at `seq` (from 1) of a chain was first seen.
    pub fn received(&self, chain: &Chain, seq: u64) -> Option<i64> {
        let seen = self.0.get(&chain.id.to_string())?;
        let later = &seen[seen.partition_point(|receipt| receipt.seq < seq)..];
        later.iter().find(|receipt| chain.has(receipt.seq, &receipt.record)).map(|receipt| receipt.time)
    }

    /// Takes in that a chain has now been seen up to its head.
    pub fn learn(&mut self, chain: &Chain, now: i64) {
        let Some(head) = chain.head() else { return };
        let seen = self.0.entry(chain.id.to_string()).or_default();
        // What another record has taken the place of is not what was seen.
        seen.retain(|receipt| chain.has(receipt.seq, &receipt.record));
        if seen.last().is_none_or(|last| last.seq < head.seq) {
            seen.push(Receipt { seq: head.seq, record: head.record.to_string(), time: now });
        }
        // Of what is old, the last entry answers for all before it.
        let old = seen.iter().rposition(|receipt| receipt.time < now - KEPT).unwrap_or(0);
        seen.drain(..old);
    }
}

/// The policy or the clock went back.
pub(super) fn stale(grounds: &Grounds<'_>) -> Option<Reason> {
    let (policy, remembered, now) = (grounds.policy, grounds.remembered, grounds.now);
    if now + CLOCK_SKEW < remembered.clock {
        let detail = "The gate's clock went back since it last judged a push. Set it, then push again.";
        return Some(Reason::undecidable(Code::Time, detail));
    }
    let (version, digest) = remembered.policy.as_ref()?;
    let other = *version == policy.version && *digest != policy.digest.to_string();
    (policy.version < *version || other).then(|| {
        let what = if other { "another policy of the same version" } else { "an older one" };
        let detail = format!(
            "This gate judged by version {version} of the policy ({}), and finds {what}. Restore the policy branch.",
            &digest[..12.min(digest.len())]
        );
        Reason::deny(Code::PolicyStale, detail)
    })
}

/// A record that the gate itself saw before, and that is gone.
pub(super) fn rollback(grounds: &Grounds<'_>) -> Option<Reason> {
    grounds.remembered.heads.losses(grounds.chains).find_map(|loss| {
        let owner = grounds.policy.roster.by_key_id(&loss.chain.key)?;
        let detail = format!(
            "The chain of {} (refs/undersign/decisions/{}) went back: this gate saw its record {} ({}). Restore the ref.",
            owner.id,
            loss.chain,
            loss.head.seq,
            loss.head.record.short()
        );
        Some(Reason::deny(Code::LedgerRollback, detail))
    })
}
