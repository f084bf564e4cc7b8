//! An emergency: what break-glass lets through, and what it does not.

use super::{Segment, length};
use crate::decision::Verdict;
use crate::gate::counted_decision::{CountedDecision, signers};
use crate::gate::outcome::{Code, Effect, Reason, SlotState};
use crate::policy::{Asked, BREAK_GLASS, BreakGlass, Kind};

impl<'g> Segment<'_, 'g> {
    /// Break-glass records of this content that are good now.
    pub(super) fn break_glass_decisions(&self) -> Vec<CountedDecision<'g>> {
        let Some(glass) = &self.evaluation.input.policy.break_glass else { return Vec::new() };
        // The digest of an empty manifest is that of all of them: one emergency would be a licence for any.
        if self.manifest.is_empty() {
            return Vec::new();
        }
        let now = self.now();
        let good = |decision: &CountedDecision<'_>| {
            decision.person.kind == Kind::Human && !decision.is_ahead(now) && now < glass_until(*decision, glass)
        };
        self.decisions(Verdict::BreakGlass).filter(|decision| self.binds(*decision) && good(decision)).collect()
    }

    /// Lets an emergency through, where enough people who did not write it signed for one. It stands in for the slots,
    /// limits, freezes and cooling, and for nothing else: not for the policy itself, nor for what stands alone.
    pub(super) fn break_glass(&mut self, asked: &Asked) {
        let input = &self.evaluation.input;
        let (policy, now) = (input.policy, input.now);
        let (Some(glass), Some(requirement)) = (&policy.break_glass, policy.emergency()) else { return };
        let decisions = self.break_glass_decisions();
        if decisions.is_empty() || self.standing.is_allowed() {
            return;
        }
        if policy.own_compartments().iter().any(|compartment| asked.compartments.contains(&compartment.name)) {
            self.tell(Reason::deny(Code::BreakGlass, "No emergency changes the policy. Sign it in the ordinary way."));
            return;
        }
        let (own, others): (Vec<CountedDecision<'_>>, Vec<CountedDecision<'_>>) =
            decisions.into_iter().partition(|decision| self.is_author(decision.person));
        for decision in own {
            let (who, through) = (&decision.person.id, self.through(&decision.person.id));
            let detail = format!("{who} is an author of this change, or ran the agent that wrote it{through}.");
            self.tell(Reason::explains(Code::SelfApproval, detail));
        }
        let present: Vec<_> = others.into_iter().filter(|decision| decision.presence >= requirement.presence).collect();
        let filled = requirement.fill(&signers(&present));
        if let Some(slot) = filled.iter().find(|slot| slot.have < slot.need) {
            let detail = format!("Break-glass needs {} of role {}, has {}.", slot.need, slot.role, slot.have);
            self.tell(Reason::explains(Code::BreakGlass, detail));
            return;
        }
        let own = self.standing.manifest.to_string();
        let used = self
            .evaluation
            .break_glass_uses
            .iter()
            .filter(|other| other.manifest != own && other.is_in_window(now))
            .count();
        if used >= glass.max_per_30d {
            let detail = format!("Break-glass was used {used} times in 30 days; {} are allowed.", glass.max_per_30d);
            self.tell(Reason::deny(Code::BreakGlass, detail));
            return;
        }
        self.standing.reasons.retain(|reason| reason.effect != Effect::Holds);
        self.standing.emergency = true;
        self.standing.slots = filled
            .into_iter()
            .map(|slot| SlotState {
                compartment: BREAK_GLASS.to_owned(),
                slot: slot.role,
                need: slot.need,
                have: slot.have,
                by: slot.by,
            })
            .collect();
        self.standing.records = present.iter().map(|decision| decision.record.id().to_string()).collect();
        self.standing.presence = present.iter().map(|decision| decision.presence).min();
        let until = present.iter().map(|decision| glass_until(*decision, glass)).min();
        self.standing.valid_until = until;
        let people: Vec<_> = present.iter().map(|decision| decision.person.id.as_str()).collect();
        let detail = format!(
            "{} let it through in an emergency. It must be reviewed within {}.",
            people.join(" and "),
            length(glass.debt_after)
        );
        self.tell(Reason::said(Code::BreakGlass, detail));
    }
}

/// Until when a signature for an emergency is good, left out; seconds since the epoch.
fn glass_until(decision: CountedDecision<'_>, glass: &BreakGlass) -> i64 {
    decision.expires.min(decision.issued().saturating_add(glass.max_duration))
}
