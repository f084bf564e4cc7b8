//! Break-glass: what is signed to allow an emergency, how often that is possible, and the review that is owed for it.

use std::collections::{BTreeMap, BTreeSet};

use super::Receipts;
use super::counted_decision::{CountedDecision, signers};
use super::record_status::Validity;
use crate::change::Identity;
use crate::decision::Verdict;
use crate::policy::{Ai, BreakGlass, PersonKind, Policy, Requirement, SlotState};
use crate::record::Chain;

/// The period of the quota: 30 days, in seconds.
const WINDOW: i64 = 30 * 24 * 3600;

/// One content for which enough people signed an emergency. It counts whether or not it landed or was withdrawn: what
/// the records do not tell must not be a way to avoid the review.
pub(super) struct BreakGlassUse<'g> {
    /// Digest of its manifest.
    pub manifest: &'g str,
    /// The deadline of the review: so long after the last required signature came, by the earlier of the signer's and
    /// the gate's clock. Seconds since the epoch.
    pub due: i64,
    /// When the gate first saw the last of all its signatures; for those that it sees only now, their own date. So no
    /// backdated signature moves an emergency out of the period of the quota.
    pub latest: i64,
    pub compartments: BTreeSet<&'g str>,
    /// Approved in the ordinary way, before or after.
    pub is_reviewed: bool,
}

impl<'g> BreakGlassUse<'g> {
    pub fn is_overdue(&self, now: i64) -> bool {
        !self.is_reviewed && now >= self.due
    }

    /// The same emergency by other terms: the stricter of the two holds.
    fn and(self, other: BreakGlassUse<'g>) -> BreakGlassUse<'g> {
        BreakGlassUse { due: self.due.min(other.due), latest: self.latest.max(other.latest), ..self }
    }

    pub fn is_in_window(&self, now: i64) -> bool {
        self.latest > now.saturating_sub(WINDOW)
    }
}

/// An emergency for which enough people signed, and the state of its review: for audits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emergency {
    /// Digest of its manifest, in hex.
    pub manifest: String,
    /// The deadline of the review, after which its compartments accept nothing more; seconds since the epoch.
    pub due: i64,
    /// Approved in the ordinary way, before or after.
    pub is_reviewed: bool,
}

/// All emergencies of a repository at a time, by the terms of a policy. None if it has no such terms.
pub fn emergencies(policy: &Policy, chains: &[Chain], receipts: &Receipts, now: i64) -> Vec<Emergency> {
    let decisions = CountedDecision::all(policy, chains, receipts, now);
    let told = |one: BreakGlassUse<'_>| Emergency {
        manifest: one.manifest.to_owned(),
        due: one.due,
        is_reviewed: one.is_reviewed,
    };
    all(policy, &decisions, now).into_iter().map(told).collect()
}

/// All emergencies of a repository, from every known decision, including superseded and expired ones.
pub(super) fn all<'g>(policy: &'g Policy, decisions: &[CountedDecision<'g>], now: i64) -> Vec<BreakGlassUse<'g>> {
    if policy.owed_by.is_empty() {
        return Vec::new();
    }
    let mut by_manifest: BTreeMap<&str, Vec<CountedDecision<'g>>> = BTreeMap::new();
    let declares =
        |decision: &&CountedDecision<'_>| decision.is(Verdict::BreakGlass) && !decision.record.manifest.is_empty();
    for decision in decisions.iter().filter(|decision| declares(decision) && is_here(policy, **decision)) {
        by_manifest.entry(&decision.predicate().manifest.sha256).or_default().push(*decision);
    }
    by_manifest
        .into_iter()
        .filter_map(|(manifest, signed)| {
            let by = |terms| emergency(policy, terms, manifest, &signed, decisions, now);
            // Whoever fills the terms of one alone let nothing through.
            policy.owed_by.iter().map(by).reduce(|one, other| Some(one?.and(other?)))?
        })
        .collect()
}

fn is_here(policy: &Policy, decision: CountedDecision<'_>) -> bool {
    decision.predicate().repository.id == policy.repository
}

fn emergency<'g>(
    policy: &'g Policy,
    terms: &BreakGlass,
    manifest: &'g str,
    signed: &[CountedDecision<'g>],
    decisions: &[CountedDecision<'g>],
    now: i64,
) -> Option<BreakGlassUse<'g>> {
    let requirement = Requirement::of_emergency(terms);
    let mut signed = signed.to_vec();
    signed.sort_by_key(|decision| decision.received.min(decision.issued()));
    let enough = (1..=signed.len()).find(|&n| requirement.is_filled_by(&signers(&signed[..n])))?;
    let last = signed[enough - 1];
    let paths: Vec<_> = last.record.manifest.paths().collect();
    let compartments = paths.iter().flat_map(|path| policy.compartments_of(path)).map(|c| c.name.as_str()).collect();
    let authors: Vec<Identity> = signed.iter().flat_map(|decision| decision.authors()).collect();
    let wrote = policy.roster.ids_of(&authors);
    let asked = policy.requirements(paths.into_iter(), &authors, Ai::Unknown);
    let reviews: Vec<CountedDecision<'_>> = reviews_of(policy, manifest, decisions)
        .filter(|decision| policy.self_review || !wrote.contains(decision.person.id.as_str()))
        .filter(|decision| !decision.is_ahead(now))
        .collect();
    let is_reviewed = asked.requirements.iter().all(|requirement| {
        let present: Vec<_> =
            reviews.iter().filter(|decision| decision.presence >= requirement.presence).copied().collect();
        requirement.is_filled_by(&signers(&present))
    });
    let counts =
        |decision: &&CountedDecision<'_>| requirement.fill(&signers(&[**decision])).iter().any(|slot| slot.have > 0);
    let came = |decision: &CountedDecision<'_>| {
        if decision.received < now { decision.received } else { decision.issued().min(now) }
    };
    let latest = signed.iter().filter(counts).map(came).max()?;
    let due = last.received.min(last.issued()).saturating_add(terms.debt_after);
    Some(BreakGlassUse { manifest, due, latest, compartments, is_reviewed })
}

/// Why no emergency lands what touches these compartments, as a sentence. The policy is one of them; another
/// compartment that holds it among everything else is none.
pub(super) fn lands_alone(policy: &Policy, compartments: &[String]) -> Option<String> {
    let mut alone = policy.compartments.iter().filter(|compartment| compartment.solo);
    let one = alone.find(|compartment| compartments.contains(&compartment.name))?;
    let is_policy = policy.own_compartments().iter().any(|own| own.name == one.name);
    let what = if is_policy { "the policy".to_owned() } else { format!("{}, which must land alone", one.name) };
    Some(format!("No emergency changes {what}. Sign it in the ordinary way."))
}

/// What the signatures for an emergency lack, as a sentence; none if they are enough.
pub(super) fn lacking_slot(slots: &[SlotState]) -> Option<String> {
    let slot = slots.iter().find(|slot| !slot.is_filled())?;
    Some(format!("Break-glass needs {} of role {}, has {}.", slot.need, slot.slot, slot.have))
}

/// What people approved after seeing all of it, and have neither withdrawn nor rejected since. An expired approval
/// still was a review.
fn reviews_of<'a, 'g>(
    policy: &Policy,
    manifest: &'a str,
    decisions: &'a [CountedDecision<'g>],
) -> impl Iterator<Item = CountedDecision<'g>> + 'a {
    let here: Vec<CountedDecision<'g>> = decisions
        .iter()
        .filter(|decision| decision.predicate().manifest.sha256 == manifest && is_here(policy, **decision))
        .filter(|decision| matches!(decision.validity, Validity::InForce | Validity::Expired))
        .copied()
        .collect();
    let rejected: BTreeSet<&str> = here
        .iter()
        .filter(|decision| decision.is(Verdict::Reject))
        .map(|decision| decision.person.id.as_str())
        .collect();
    here.into_iter().filter(move |decision| {
        let says_yes = decision.is(Verdict::Approve) && !rejected.contains(decision.person.id.as_str());
        says_yes && decision.person.kind == PersonKind::Human && decision.unseen().is_none()
    })
}
