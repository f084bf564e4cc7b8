//! An emergency: what break-glass allows, and what it does not.

use super::authors::Authors;
use super::{Segment, Standing, length};
use crate::decision::Verdict;
use crate::gate::counted_decision::{CountedDecision, signers};
use crate::gate::outcome::{Code, Reason, ReasonEffect};
use crate::policy::{Asked, BreakGlass, PersonKind, SlotState};
use crate::record::Presence;

impl<'g> Segment<'_, 'g> {
    /// Break-glass records for this content that are valid now.
    pub(super) fn break_glass_decisions(&self) -> Vec<CountedDecision<'g>> {
        let Some(terms) = &self.evaluation.input.policy.break_glass else { return Vec::new() };
        // All empty manifests have the same digest: one emergency would allow any of them.
        if self.manifest.is_empty() {
            return Vec::new();
        }
        let now = self.now();
        let good = |decision: &CountedDecision<'_>| {
            decision.person.kind == PersonKind::Human && !decision.is_ahead(now) && now < good_until(*decision, terms)
        };
        self.decisions(Verdict::BreakGlass).filter(|decision| self.binds(*decision) && good(decision)).collect()
    }

    /// Allows an emergency if enough people who did not write it signed for one. It replaces slots, limits, freezes and
    /// cooling, and nothing else: not the requirements for the policy itself, nor for what must land alone.
    pub(super) fn break_glass(&self, asked: &Asked, authors: &Authors<'_>) -> BreakGlassAnswer {
        let (policy, now) = (self.evaluation.input.policy, self.now());
        let decisions = self.break_glass_decisions();
        let (Some(terms), Some(requirement), false) = (&policy.break_glass, policy.emergency(), decisions.is_empty())
        else {
            return BreakGlassAnswer::default();
        };
        // The policy is one of them; another compartment that holds it among everything else is none.
        let alone = policy.compartments.iter().filter(|compartment| compartment.solo);
        if let Some(one) = alone.clone().find(|compartment| asked.compartments.contains(&compartment.name)) {
            let is_policy = policy.own_compartments().iter().any(|own| own.name == one.name);
            let what = if is_policy { "the policy".to_owned() } else { format!("{}, which must land alone", one.name) };
            let detail = format!("No emergency changes {what}. Sign it in the ordinary way.");
            return BreakGlassAnswer::refused(vec![Reason::deny(Code::BreakGlass, detail)]);
        }
        let (own, others): (Vec<CountedDecision<'_>>, Vec<CountedDecision<'_>>) =
            decisions.into_iter().partition(|decision| authors.has(decision.person));
        let of_author = |decision: &CountedDecision<'_>| {
            let (who, through) = (&decision.person.id, self.through(authors, &decision.person.id));
            let detail = format!("{who} is an author of this change, or ran the agent that wrote it{through}.");
            Reason::explains(Code::SelfApproval, detail)
        };
        let mut reasons: Vec<_> = own.iter().map(of_author).collect();
        let present: Vec<_> = others.into_iter().filter(|decision| decision.presence >= requirement.presence).collect();
        let slots = requirement.fill(&signers(&present));
        if let Some(slot) = slots.iter().find(|slot| !slot.is_filled()) {
            let detail = format!("Break-glass needs {} of role {}, has {}.", slot.need, slot.slot, slot.have);
            reasons.push(Reason::explains(Code::BreakGlass, detail));
            return BreakGlassAnswer::refused(reasons);
        }
        let own = self.digest.to_string();
        let others = self.evaluation.break_glass_uses.iter().filter(|other| other.manifest != own);
        let used = others.filter(|other| other.is_in_window(now)).count();
        if used >= terms.max_per_30d {
            let detail = format!("Break-glass was used {used} times in 30 days; {} are allowed.", terms.max_per_30d);
            reasons.push(Reason::deny(Code::BreakGlass, detail));
            return BreakGlassAnswer::refused(reasons);
        }
        let people: Vec<_> = present.iter().map(|decision| decision.person.id.as_str()).collect();
        let detail = format!(
            "{} let it through in an emergency. It must be reviewed within {}.",
            people.join(" and "),
            length(terms.debt_after)
        );
        reasons.push(Reason::said(Code::BreakGlass, detail));
        let granted = Granted {
            slots,
            records: present.iter().map(|decision| decision.record.id().to_string()).collect(),
            presence: present.iter().map(|decision| decision.presence).min(),
            until: present.iter().map(|decision| good_until(*decision, terms)).min(),
        };
        BreakGlassAnswer { granted: Some(granted), reasons }
    }
}

/// Whether an emergency is allowed, and why not.
#[derive(Default)]
pub(super) struct BreakGlassAnswer {
    granted: Option<Granted>,
    reasons: Vec<Reason>,
}

/// The records of an emergency.
struct Granted {
    slots: Vec<SlotState>,
    records: Vec<String>,
    presence: Option<Presence>,
    until: Option<i64>,
}

impl BreakGlassAnswer {
    fn refused(reasons: Vec<Reason>) -> BreakGlassAnswer {
        BreakGlassAnswer { granted: None, reasons }
    }

    /// Reasons that only delay a change do not delay an emergency.
    pub fn applied_to(self, mut standing: Standing) -> Standing {
        if let Some(Granted { slots, records, presence, until }) = self.granted {
            standing.reasons.retain(|reason| reason.effect != ReasonEffect::Holds);
            standing = Standing { emergency: true, slots, records, presence, valid_until: until, ..standing };
        }
        standing.reasons.extend(self.reasons);
        standing
    }
}

/// When a signature for an emergency expires, exclusive; seconds since the epoch.
fn good_until(decision: CountedDecision<'_>, terms: &BreakGlass) -> i64 {
    decision.expires.min(decision.issued().saturating_add(terms.max_duration))
}
