//! Whether people authorized a request in the ordinary way: which slots it has, who fills them, and who cannot.

use super::authorization::Verdict;
use super::case::{Case, is_destructive};
use super::outcome::{Code, Effect, Reason};
use super::record_status::Counted;
use super::request::{Proof, Request};
use crate::gate::signers;
use crate::policy::meaning::Length;
use crate::policy::{Requirement, SlotState, Target};

/// What was signed in the ordinary way.
#[derive(Default)]
pub(super) struct Ordinary<'k> {
    pub signed: Vec<Counted<'k>>,
    pub slots: Vec<SlotState>,
    pub reasons: Vec<Reason>,
}

impl<'k> Case<'k> {
    pub fn is_unasked(&self) -> bool {
        let entry = self.target.commands.iter().find(|entry| entry.name == self.request.command.entry);
        // Nobody reads what runs without approval, so only the entry may determine what it does.
        entry.is_some_and(|entry| entry.unasked) && self.request.command.inputs.is_empty()
    }

    /// The requirements of the request.
    pub fn requirements(&self) -> Vec<Vec<Requirement>> {
        let required = requirements(self.target, self.request, self.is_unasked());
        required.into_iter().map(|requirement| self.with_one_more(requirement)).collect()
    }

    /// If the operator is only claimed, one of the signers may be the operator, so one more is needed, of any of the
    /// roles: every way to require that.
    fn with_one_more(&self, requirement: Requirement) -> Vec<Requirement> {
        if self.request.asked.proof == Proof::Proven {
            return vec![requirement];
        }
        let one_more = |at: usize| {
            let mut more = requirement.clone();
            more.slots[at].n += 1;
            more
        };
        (0..requirement.slots.len()).map(one_more).collect()
    }

    /// Signatures in the ordinary way.
    pub fn ordinary(&self) -> Ordinary<'k> {
        let mut found = Ordinary::default();
        let own = self.id.to_string();
        for one in self.counted.iter().filter(|one| one.is(Verdict::Authorize)) {
            if one.authorization().request.id == own {
                match self.objection(one) {
                    Some(reason) => found.reasons.push(reason),
                    None => found.signed.push(*one),
                }
            }
        }
        for ways in self.requirements() {
            self.fill(&ways, &mut found);
        }
        if self.request.asked.proof == Proof::Claimed {
            let detail = "For whom it runs is only claimed, so one person more must sign.";
            found.reasons.push(Reason::new(Code::OperatorUnproven, Effect::Said, detail));
        }
        found
    }

    /// Fills one requirement in any of the ways in which it can be met.
    fn fill(&self, ways: &[Requirement], found: &mut Ordinary<'k>) {
        let Some(first) = ways.first() else { return };
        let people = signers(&found.signed);
        let met = ways.iter().find(|way| way.is_filled_by(&people));
        let way = met.unwrap_or(first);
        let slots = way.fill(&people);
        for open in slots.iter().filter(|slot| !slot.is_filled()) {
            let detail = format!(
                "{}: {} of role {} must authorize it, {} did.",
                way.compartment, open.need, open.slot, open.have
            );
            found.reasons.push(Reason::new(Code::Unsigned, Effect::Waits, detail));
        }
        found.slots.extend(slots);
        let known = self.now().saturating_sub(way.cooling);
        let cooled: Vec<Counted<'_>> = found.signed.iter().filter(|one| one.received <= known).copied().collect();
        if met.is_some() && way.cooling > 0 && !ways.iter().any(|way| way.is_filled_by(&signers(&cooled))) {
            let detail = format!(
                "It is destructive, so its last authorization must have been known for {}; until then anybody of the \
                 roster may still refuse it.",
                Length(way.cooling)
            );
            found.reasons.push(Reason::new(Code::Cooling, Effect::Waits, detail));
        }
    }

    /// Why an authorization of exactly this request does not count.
    fn objection(&self, one: &Counted<'_>) -> Option<Reason> {
        let (who, own) = (&one.person.id, one.authorization());
        let no = |code, detail: String| Some(Reason::new(code, Effect::Explains, detail));
        if let Some(reason) = self.window(one) {
            return Some(reason);
        }
        if one.person.id == self.request.asked.operator {
            return no(Code::SelfApproval, format!("{who} is the operator for whom it runs; somebody else must sign."));
        }
        if one.presence < self.target.presence {
            let detail = format!(
                "The signature of {who} proves {}, and {} requires {}.",
                one.presence, self.target.name, self.target.presence
            );
            return no(Code::Presence, detail);
        }
        if let Some(what) = own.view.unseen() {
            return no(Code::Coverage, format!("{who} signed without having seen all of it: {what}."));
        }
        None
    }
}

/// The requirements of a request to a target, before the operator is considered. A run without approval takes no input,
/// so its entry describes all that it can do and no preview is missing.
fn requirements(target: &Target, request: &Request, is_unasked: bool) -> Vec<Requirement> {
    let preview = &request.preview;
    if !is_unasked || preview.destroys.0 > 0 || preview.replaces.0 > 0 {
        return target.requirements(is_destructive(request), false);
    }
    match request.asked.proof {
        Proof::Proven => Vec::new(),
        // One more than none.
        Proof::Claimed => {
            let mut required = target.requirements(false, false);
            required.iter_mut().flat_map(|own| &mut own.slots).for_each(|slot| slot.n = 0);
            required
        }
    }
}
