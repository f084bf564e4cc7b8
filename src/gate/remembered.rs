//! What a gate knows about earlier pushes: facts, never verdicts. It makes rollbacks visible.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::history::FirstParentLine;
use super::outcome::{AuditHead, Code, Reason};
use super::{CLOCK_SKEW, Input};
use crate::change::{ObjectId, visible};
use crate::policy::{Inherited, Policy};
use crate::record::{Chain, ChainId, Head, Heads, Index, Loss, Record};

/// What was seen before; empty if there is no memory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The highest record seen of each chain.
    pub heads: Heads,
    /// When each record that counts was first seen.
    pub receipts: Receipts,
    /// Version and digest of the newest policy that was applied.
    pub policy: Option<(u64, String)>,
    /// The newest organization that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<SeenOrganization>,
    /// When the last push was judged, in seconds since the epoch.
    pub clock: i64,
    /// Pushes that were allowed and not seen to have landed yet, the oldest first.
    #[serde(default, alias = "expected", skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// States were recorded: from then on, their absence is a loss.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recorded: bool,
    /// The last seen allowed tips of forward-only refs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tips: BTreeMap<String, String>,
    /// The end of the log of verdicts when this was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<AuditHead>,
    /// All of it is from a backup made at this time, in seconds since the epoch, and what happened since may be
    /// missing: until somebody answers for that, nothing lands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<i64>,
    /// The format in which all of the state was last written; none for the first, which had no number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
    /// The host on which the gate ran when this was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// The organization that a policy inherited from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenOrganization {
    /// Its id.
    pub id: String,
    /// The version of its file.
    pub version: u64,
    /// SHA-256 of its file, in hex.
    pub digest: String,
}

impl SeenOrganization {
    /// As the policy has it.
    pub fn of(inherited: &Inherited) -> SeenOrganization {
        SeenOrganization {
            id: inherited.organization.clone(),
            version: inherited.version,
            digest: inherited.digest.to_string(),
        }
    }

    /// Whether this is an older version of the same.
    pub fn is_before(&self, inherited: &Inherited) -> bool {
        self.id == inherited.organization && self.version < inherited.version
    }
}

/// An allowed push, until the gate sees its result. Git moves each ref separately, and another hook may refuse them
/// all: only refs that are seen at their new tip have landed. What landed must not be without the records that came
/// with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Names and ids of the refs that would move.
    pub moves: Vec<(String, String)>,
    /// The moves of refs that record states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<WaitingStates>,
    /// The moves of chains that the push extends.
    pub heads: Heads,
    /// When it was allowed, in seconds since the epoch.
    pub time: i64,
}

/// The effect once a ref is seen at its allowed tip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitingStates {
    /// The full name of the ref.
    #[serde(rename = "ref")]
    pub name: String,
    /// The object to which it would point.
    pub new: String,
    /// The commits that become its states.
    pub commits: Vec<String>,
    /// Ids of the records by which it was allowed: if they were withdrawn before it landed, it was not approved.
    pub records: Vec<String>,
    /// Digest of the policy by which it was allowed.
    #[serde(default)]
    pub policy: String,
}

/// How many seconds after being allowed a push that did not land is forgotten: another hook refused it, or git did.
const AWAITED: i64 = 3_600;
/// How many pushes are waited for at a time; the oldest are forgotten first.
const MAX_WAITING: usize = 1_000;
/// The most bytes of the names of all refs that are waited for.
const MAX_NAMES: usize = 8 << 20;

/// The position of a ref relative to its tip in an allowed push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefPosition {
    /// Exactly there.
    There,
    /// At a commit that contains it.
    Beyond,
    /// Neither: it did not move yet, or moved elsewhere.
    Elsewhere,
}

impl Remembered {
    /// Settles the pushes that landed: their records are known from now on, with the time when they came. Returns the
    /// effects of refs that are at their allowed tips. If states are recorded, a record that did not come along is no
    /// loss: what it allowed is not a state until the record comes. Otherwise nobody would notice, so the record is
    /// remembered as missing. The argument of `position` says whether it matters that a ref has moved on from there.
    pub fn settle(
        &mut self,
        position: impl Fn(&str, &str, bool) -> RefPosition,
        states_are_recorded: bool,
        now: i64,
    ) -> Vec<WaitingStates> {
        let (mut landed, mut left) = (Vec::new(), BTreeSet::new());
        for mut waiting in std::mem::take(&mut self.waiting) {
            // If no records came with it, it does not matter that it landed and moved on.
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
        // Git moves a ref only from the id that was judged: other pushes that waited for it can no longer land, and if
        // the ref gets there now, it is not by the push that was judged.
        for waiting in &mut self.waiting {
            waiting.moves.retain(|(name, _)| !left.contains(name));
        }
        self.waiting.retain(|waiting| !waiting.moves.is_empty());
        landed
    }

    /// A chain may start again with what is left of it: somebody answers for what is lost.
    pub fn forget_chain(&mut self, chain: &ChainId) {
        self.heads.forget(chain);
        self.receipts.0.remove(&chain.to_string());
    }

    /// Adds a push that is allowed now. A repeated attempt counts once.
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

    /// The part that only restricts: it is used whoever wrote it. Receipts and landed pushes are not.
    #[must_use]
    pub fn restricting(self) -> Remembered {
        Remembered { receipts: Receipts::default(), waiting: Vec::new(), ..self }
    }
}

impl Remembered {
    /// What a gate that was restored knows from a backup: of an earlier time, so no allowed push is waited for.
    #[must_use]
    pub fn of_backup(self, made: i64, log: Option<AuditHead>) -> Remembered {
        // If the backup is itself of a state that nobody answered for, what is missing is missing since then.
        let since = self.restored.map_or(made, |since| since.min(made));
        Remembered { waiting: Vec::new(), restored: Some(since), log, ..self }
    }

    /// Keeps what another memory knows more of, as far as that restricts. If the other knows the log as far as this
    /// one, it is the newer one, even if no line was written between them.
    #[must_use]
    pub fn and_restrictions_of(mut self, other: &Remembered) -> Remembered {
        other.heads.iter().for_each(|(chain, head)| self.heads.learn(chain.clone(), Some(*head)));
        self.clock = self.clock.max(other.clock);
        let version = |policy: &Option<(u64, String)>| policy.as_ref().map(|(version, _)| *version);
        if version(&self.policy) < version(&other.policy) {
            self.policy.clone_from(&other.policy);
        }
        self.recorded |= other.recorded;
        if self.log.is_some() && self.log == other.log {
            self.tips.extend(other.tips.clone());
            self.organization.clone_from(&other.organization);
        }
        self
    }
}

/// When the gate's clock first saw the records of each chain. The signer's clock can be set; this one is the gate's
/// own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Receipts(BTreeMap<String, Vec<Receipt>>);

/// A chain was seen up to a record. The record is named, so that a later replacement counts as received later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipt {
    seq: u64,
    record: String,
    time: i64,
}

/// Receipts older than this are thinned out: 60 days, in seconds. Their records then count as received later, which
/// only restricts.
pub const RECEIPTS_KEPT: i64 = 60 * 24 * 3600;

impl Receipts {
    /// The signers' own dates: an estimate for a desk, which is not a gate.
    pub fn claimed(chains: &[Chain]) -> Receipts {
        Receipts::at(chains, |record| record.predicate().issued_at.seconds())
    }

    /// As if each record of some chains had arrived at a given time: for an audit, which knows several clocks.
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

    /// Records that a chain was seen up to a record, unless more of it was seen.
    fn learn_head(&mut self, chain: &ChainId, head: &Head, time: i64) {
        let seen = self.0.entry(chain.to_string()).or_default();
        if seen.last().is_none_or(|last| last.seq < head.seq) {
            seen.push(Receipt { seq: head.seq, record: head.record.to_string(), time });
        }
    }

    /// Records that a chain has now been seen up to its head.
    pub fn learn(&mut self, chain: &Chain, now: i64) {
        let Some(head) = chain.head() else { return };
        let seen = self.0.entry(chain.id.to_string()).or_default();
        // A replaced record is not the one that was seen.
        seen.retain(|receipt| chain.has(receipt.seq, &receipt.record));
        if seen.last().is_none_or(|last| last.seq < head.seq) {
            seen.push(Receipt { seq: head.seq, record: head.record.to_string(), time: now });
        }
        // Of old entries, the last represents all before it.
        let old = seen.iter().rposition(|receipt| receipt.time < now - RECEIPTS_KEPT).unwrap_or(0);
        seen.drain(..old);
    }
}

/// Up to which record a chain was seen at which time, oldest first.
pub struct Received(Vec<(u64, i64)>);

impl Received {
    /// When the record at `seq` (from 1) was first seen.
    pub fn time(&self, seq: u64) -> Option<i64> {
        let later = self.0.partition_point(|(seen, _)| *seen < seq);
        self.0.get(later).map(|(_, time)| *time)
    }
}

/// Reports that the policy or the clock went back.
pub(super) fn stale(input: &Input<'_>) -> Option<Reason> {
    let (policy, remembered, now) = (input.policy, input.remembered, input.now);
    if let Some(made) = remembered.restored {
        let detail = format!(
            "The gate's state was restored from a backup of {}, and what the gate saw since then may be missing. \
             Let everybody send the records they have (`undersign sync --restore`); then the operator answers for the rest: \
             `undersign gate accept --restored`.",
            time(made)
        );
        return Some(Reason::undecidable(Code::Restored, detail));
    }
    if now.saturating_add(CLOCK_SKEW) < remembered.clock {
        let detail = format!(
            "The gate last let a push through at {}, and by its clock it is {} now. If that is wrong, set it and push \
             again. If the clock was wrong then, its operator takes it back: `undersign gate accept --clock --because \
             …`.",
            time(remembered.clock),
            time(now)
        );
        return Some(Reason::undecidable(Code::Time, detail));
    }
    if let Some(reason) = remembered.organization.as_ref().and_then(|seen| other_organization(seen, policy)) {
        return Some(reason);
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

fn time(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}

/// Reports that the organization went back, or is not the same any more.
fn other_organization(seen: &SeenOrganization, policy: &Policy) -> Option<Reason> {
    let name = visible::text(&seen.id);
    let what = match &policy.inherited {
        None => "the policy inherits from none",
        Some(now) if now.organization != seen.id => "the policy inherits from another",
        Some(now) if now.version < seen.version => "finds an older one",
        Some(now) if now.version == seen.version && now.digest.to_string() != seen.digest => {
            "finds another of the same version"
        }
        Some(_) => return None,
    };
    let detail = format!(
        "This gate judged by version {} of the organization {name} ({}), and {what}. Restore what it was, or fetch the \
         organization again: `undersign org fetch`.",
        seen.version,
        &seen.digest[..12.min(seen.digest.len())]
    );
    Some(Reason::undecidable(Code::PolicyStale, detail))
}

/// A ref that was seen further ahead: somebody moved it back without the gate.
pub(super) fn went_back(input: &Input<'_>, name: &str, stands: ObjectId) -> Result<Option<Reason>, Reason> {
    let tip = input.remembered.tips.get(name).and_then(|tip| tip.parse::<ObjectId>().ok());
    let Some(tip) = tip.filter(|tip| *tip != stands) else { return Ok(None) };
    if FirstParentLine::new(input.history, stands).find(0, |commit| commit == tip)?.is_some() {
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

/// A record that the gate itself saw before, and that is missing.
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
