//! What a gate knows of earlier pushes: facts, never verdicts. It is what makes a step back visible.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::history::Line;
use super::outcome::{AuditHead, Code, Reason};
use super::{CLOCK_SKEW, Input};
use crate::change::{ObjectId, visible};
use crate::record::{Chain, ChainId, Head, Heads, Index, Loss, Record};

/// What was seen of refs before; nothing where there is no memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The highest record seen of each chain.
    pub heads: Heads,
    /// When each record that counts was first seen.
    pub receipts: Receipts,
    /// Version and digest of the newest policy that was judged by.
    pub policy: Option<(u64, String)>,
    /// When the last push was judged, in seconds since the epoch.
    pub clock: i64,
    /// Pushes that were let through and not seen to have landed yet, the oldest first.
    #[serde(default, alias = "expected", skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// States were recorded: from then on, their absence is a loss.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
    /// Where refs that only go forward were last seen to stand, after they were let through.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tips: BTreeMap<String, String>,
    /// Up to where the log of verdicts went when this was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<AuditHead>,
}

/// A push that was let through, until the gate sees what became of it. Git moves each ref by itself, and another hook
/// may refuse them all: only what stands there has landed. What landed must not go without the records that came with
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Names and ids of the refs that would move.
    pub moves: Vec<(String, String)>,
    /// Of the refs that record states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<WaitingStates>,
    /// Of the chains that the push adds to.
    pub heads: Heads,
    /// When it was let through, in seconds since the epoch.
    pub time: i64,
}

/// What becomes of a ref once it is seen to stand where it was let through to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingStates {
    /// The full name of the ref.
    #[serde(rename = "ref")]
    pub name: String,
    /// The object at which it would stand.
    pub new: String,
    /// The commits that become its states.
    pub commits: Vec<String>,
    /// Ids of the records that it was let through on: taken back before it landed, it was not approved.
    pub records: Vec<String>,
    /// Digest of the policy by which it was let through.
    #[serde(default)]
    pub policy: String,
}

/// Seconds after which a push that was let through and did not land is forgotten: another hook refused it, or git did.
const AWAITED: i64 = 3_600;
/// Pushes that are waited for at a time; the oldest are forgotten first.
const MAX_WAITING: usize = 1_000;
/// Bytes of the names of all refs that are waited for.
const MAX_NAMES: usize = 8 << 20;

/// Where a ref is, seen from where a push that was let through would have put it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefPosition {
    /// Right there.
    There,
    /// At something that holds it.
    Beyond,
    /// At neither: it did not move yet, or went another way.
    Elsewhere,
}

impl Remembered {
    /// Of what landed, the records are known from now on, and as of when they came. What became of refs that stand
    /// where they were let through to is returned. Where states are recorded, a record that did not come along is no
    /// loss: what it let through is no state before it comes. Elsewhere nobody would notice, so that what came without
    /// it is known to lack it. `position` is told whether it matters that a ref went on from there.
    pub fn settle(
        &mut self,
        position: impl Fn(&str, &str, bool) -> RefPosition,
        states_are_recorded: bool,
        now: i64,
    ) -> Vec<WaitingStates> {
        let (mut landed, mut left) = (Vec::new(), BTreeSet::new());
        for mut waiting in std::mem::take(&mut self.waiting) {
            // Where no records came with it, that it landed and went on says nothing.
            let beyond = !waiting.heads.is_empty();
            let (moved, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut waiting.moves)
                .into_iter()
                .map(|(name, id)| (position(&name, &id, beyond), name, id))
                .partition(|(position, ..)| *position != RefPosition::Elsewhere);
            for (_, name, _) in moved.iter().filter(|(position, ..)| *position == RefPosition::There) {
                left.insert(name.clone());
                landed.extend(waiting.states.iter().filter(|states| states.name == *name).cloned());
            }
            for (chain, head) in waiting.heads.iter() {
                let came = moved.iter().any(|(_, name, _)| name.ends_with(&chain.to_string()));
                if came || (!states_are_recorded && !moved.is_empty()) {
                    self.heads.learn(chain.clone(), Some(*head));
                    self.receipts.learn_head(chain, head, waiting.time);
                }
            }
            waiting.moves = rest.into_iter().map(|(_, name, id)| (name, id)).collect();
            if !waiting.moves.is_empty() && now < waiting.time + AWAITED {
                self.waiting.push(waiting);
            }
        }
        // Git moves a ref only from where it was judged to stand: what else waited for it cannot land any more, and
        // whoever puts the ref there now is not the push that was judged.
        for waiting in &mut self.waiting {
            waiting.moves.retain(|(name, _)| !left.contains(name));
        }
        self.waiting.retain(|waiting| !waiting.moves.is_empty());
        landed
    }

    /// A chain may begin anew with what is there of it: somebody answers for what is gone.
    pub fn forget_chain(&mut self, chain: &ChainId) {
        self.heads.forget(chain);
        self.receipts.0.remove(&chain.to_string());
    }

    /// Takes in a push that is let through now. The same one tried again is one.
    pub fn wait_for(&mut self, waiting: Waiting) {
        self.waiting.retain(|other| other.moves != waiting.moves);
        self.waiting.push(waiting);
        let mut room = MAX_NAMES;
        let fits = |waiting: &&Waiting| {
            let size: usize = waiting.moves.iter().map(|(name, id)| name.len() + id.len()).sum();
            room = room.saturating_sub(size.max(1));
            room > 0
        };
        let kept = self.waiting.iter().rev().take(MAX_WAITING).take_while(fits).count();
        self.waiting.drain(..self.waiting.len() - kept);
    }

    /// What only restricts: it is believed whoever wrote it. What was received when, and what landed, is not.
    #[must_use]
    pub fn restricting(self) -> Remembered {
        Remembered { receipts: Receipts::default(), waiting: Vec::new(), ..self }
    }
}

/// When the gate's clock first saw the records of each chain. The signer's clock can be set; this one is the gate's
/// own.
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

/// Receipts older than this are thinned out: 60 days, in seconds. What they stood for then counts as received later,
/// which only restricts.
pub const RECEIPTS_KEPT: i64 = 60 * 24 * 3600;

impl Receipts {
    /// What the signers say of when they signed: an estimate for a desk, which is no gate.
    pub fn claimed(chains: &[Chain]) -> Receipts {
        Receipts::at(chains, |record| record.predicate().issued_at.seconds())
    }

    /// As if each record of some chains had come at a time of its own: for a look back, which knows of several clocks.
    pub fn at(chains: &[Chain], time: impl Fn(&Record) -> i64) -> Receipts {
        let receipt = |record: &Record| Receipt {
            seq: record.predicate().chain.seq.0,
            record: record.id().to_string(),
            time: time(record),
        };
        let of = |chain: &Chain| (chain.id.to_string(), chain.records.iter().map(|r| receipt(r)).collect());
        Receipts(chains.iter().map(of).collect())
    }

    /// When the record at `seq` (from 1) of a chain was first seen.
    pub fn received(&self, chain: &Chain, seq: u64) -> Option<i64> {
        self.of(chain).time(seq)
    }

    /// When the records of a chain were first seen.
    pub fn of(&self, chain: &Chain) -> Received {
        let seen = self.0.get(&chain.id.to_string()).into_iter().flatten();
        let held = seen.filter(|receipt| chain.has(receipt.seq, &receipt.record));
        Received(held.map(|receipt| (receipt.seq, receipt.time)).collect())
    }

    /// Takes in that a chain was seen up to a record, unless more of it was seen.
    fn learn_head(&mut self, chain: &ChainId, head: &Head, time: i64) {
        let seen = self.0.entry(chain.to_string()).or_default();
        if seen.last().is_none_or(|last| last.seq < head.seq) {
            seen.push(Receipt { seq: head.seq, record: head.record.to_string(), time });
        }
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
        let old = seen.iter().rposition(|receipt| receipt.time < now - RECEIPTS_KEPT).unwrap_or(0);
        seen.drain(..old);
    }
}

/// Up to which record a chain was seen, and when, oldest first.
pub struct Received(Vec<(u64, i64)>);

impl Received {
    /// When the record at `seq` (from 1) was first seen.
    pub fn time(&self, seq: u64) -> Option<i64> {
        let later = self.0.partition_point(|(seen, _)| *seen < seq);
        self.0.get(later).map(|(_, time)| *time)
    }
}

/// The policy or the clock went back.
pub(super) fn stale(input: &Input<'_>) -> Option<Reason> {
    let (policy, remembered, now) = (input.policy, input.remembered, input.now);
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

/// A ref that was seen further on: somebody took it back behind the gate.
pub(super) fn went_back(input: &Input<'_>, name: &str, stands: ObjectId) -> Result<Option<Reason>, Reason> {
    let tip = input.remembered.tips.get(name).and_then(|tip| tip.parse::<ObjectId>().ok());
    let Some(tip) = tip.filter(|tip| *tip != stands) else { return Ok(None) };
    if Line::new(input.history, stands).find(0, |commit| commit == tip)?.is_some() {
        return Ok(None);
    }
    let detail = format!(
        "{} stood at {} after this gate let it there, and is no longer built on that: it was taken back behind the \
         gate. If that was meant, the operator says so: `undersign gate record REF`.",
        visible::text(name),
        tip.short()
    );
    Ok(Some(Reason::undecidable(Code::Rewrite, detail)))
}

/// A record that the gate itself saw before, and that is gone.
pub(super) fn rollback(input: &Input<'_>) -> Option<Reason> {
    let gone = gone_back(&input.remembered.heads, input.chains, &super::owner_by(input.policy));
    gone.into_iter().next().map(|(_, detail)| Reason::deny(Code::LedgerRollback, detail))
}

/// What the gate saw before and is gone, each with the sentence of it: of chains of keys that have an owner.
pub fn gone_back(heads: &Heads, chains: &[Chain], owner: &dyn Fn(&str) -> Option<String>) -> Vec<(Loss, String)> {
    let told = |loss: Loss| {
        let detail = format!(
            "The chain of {} (refs/undersign/decisions/{}) went back: this gate saw its record {} ({}). Restore the \
             ref.",
            owner(&loss.chain.key)?,
            loss.chain,
            loss.head.seq,
            loss.head.record.short()
        );
        Some((loss, detail))
    };
    heads.losses(&Index::of(chains)).filter_map(told).collect()
}
