//! What the policy asks of a segment, and whether it is there.

use std::collections::BTreeSet;

use super::{Segment, length};
use crate::change::Identity;
use crate::change::diff::Mode;
use crate::change::links::{Link, LinkEnd};
use crate::change::spelling::forbidden;
use crate::decision::Verdict;
use crate::gate::counted_decision::{CountedDecision, signers};
use crate::gate::outcome::{Code, Reason, SlotState};
use crate::gate::{Lands, Opaque};
use crate::policy::{Ai, Asked, Binding, DEFAULT, Kind, Requirement};
use crate::provenance;

impl<'s, 'g> Segment<'s, 'g> {
    /// What the policy asks of the touched paths and the authors, and whether it is there.
    pub(super) fn ask(&mut self) -> Asked {
        let policy = self.evaluation.input.policy;
        let links = self.links();
        let mut authors = self.authors.clone();
        // Of no rank: an unproven author asks for what an unknown one asks for.
        authors.extend(self.unproven.then(|| Identity { name: String::new(), email: "unproven".to_owned() }));
        let ai = if self.unproven { Ai::Detected } else { self.ai() };
        let mut asked = policy.requirements_with_links(self.manifest.paths(), &links, &authors, ai);
        if self.manifest.is_empty() {
            // What touches nothing belongs to nobody else.
            let default = policy.compartments.iter().filter(|compartment| compartment.name == DEFAULT);
            asked.requirements.extend(default.map(Requirement::of));
        }
        if let Some(requirement) = policy.hidden_requirement() {
            match self.evaluation.input.contents.hidden(self.steps) {
                Ok(places) => {
                    asked.requirements.extend((!places.is_empty()).then_some(requirement));
                    self.hidden = places;
                }
                Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            }
        }
        self.standing.compartments.clone_from(&asked.compartments);
        for requirement in &asked.requirements {
            self.fill(requirement);
        }
        asked
    }

    fn links(&self) -> Vec<&'s Link> {
        self.steps.iter().flat_map(|step| &step.links).collect()
    }

    /// Signs of AI in what lands and in what was signed; only where there is none, a claim that there was none is
    /// counted.
    pub(super) fn ai(&self) -> Ai {
        let signed = |decision: &CountedDecision<'_>| {
            matches!(&*decision.predicate().provenance.status, "declared" | "detected")
        };
        if self.evaluation.input.signs_of_ai {
            return Ai::Detected;
        }
        if provenance::trace(&self.commits, "", self.evaluation.rules).is_ai() || self.approvals.iter().any(signed) {
            return Ai::Detected;
        }
        let may = &self.evaluation.input.policy.ai.human_only_by;
        let now = self.now();
        let good = |decision: &CountedDecision<'_>| decision.expires > now && !decision.is_ahead(now);
        let claims = self.decisions(Verdict::HumanOnly).filter(|decision| self.binds(*decision) && good(decision));
        let counted = |decision: CountedDecision<'_>| {
            let holds = |role: &String| may.contains(role) && decision.predicate().roles.contains(role);
            decision.person.kind == Kind::Human && decision.person.roles.iter().any(holds)
        };
        if claims.into_iter().any(counted) { Ai::Denied } else { Ai::Unknown }
    }

    pub(super) fn fill(&mut self, requirement: &Requirement) {
        self.standing.binding = self.standing.binding.max(Some(requirement.binding));
        let (present, absent): (Vec<CountedDecision<'_>>, Vec<CountedDecision<'_>>) =
            self.approvals.iter().partition(|decision| decision.presence >= requirement.presence);
        let (mut bound, unbound): (Vec<CountedDecision<'_>>, Vec<CountedDecision<'_>>) =
            present.into_iter().partition(|decision| self.is_bound(*decision, requirement.binding));
        let filled = requirement.fill(&signers(&bound));
        let unmet = filled.iter().any(|slot| slot.have < slot.need);
        self.standing.slots.extend(filled.into_iter().map(|slot| SlotState {
            compartment: requirement.compartment.clone(),
            slot: slot.role,
            need: slot.need,
            have: slot.have,
            by: slot.by,
        }));
        if !unmet {
            // The last needed one is the earliest by whose coming all slots were filled.
            bound.sort_by_key(|decision| decision.received);
            let enough = (1..=bound.len()).find(|&n| requirement.is_filled_by(&signers(&bound[..n])));
            let until = enough.map_or(0, |n| bound[n - 1].received) + requirement.cooling;
            if requirement.cooling > 0 && until > self.now() {
                let detail = format!(
                    "Compartment {} cools down: its last approval came to this gate only now. It may land in {}.",
                    requirement.compartment,
                    length(until - self.now())
                );
                self.tell(Reason::holds(Code::Cooling, detail).in_compartment(&requirement.compartment));
            }
            return;
        }
        for decision in absent {
            let detail = format!(
                "The approval of {} proves presence {}; {} is asked for. Sign with a security key that the roster \
                 enrols so.",
                decision.person.id, decision.presence, requirement.presence
            );
            self.tell(Reason::explains(Code::Presence, detail).in_compartment(&requirement.compartment));
        }
        for decision in unbound {
            let detail = format!(
                "The approval of {} binds {}: what lands is the same content, but not exactly where it was signed. \
                 Sign it again on the tip of the target.",
                decision.person.id, requirement.binding
            );
            self.tell(Reason::explains(Code::Binding, detail).in_compartment(&requirement.compartment));
        }
        let wanted: Vec<_> = requirement.slots.iter().map(|slot| slot.role.as_str()).collect();
        for signer in signers(&bound).iter().filter(|signer| !wanted.iter().any(|role| signer.roles.contains(role))) {
            let who = &signer.person.id;
            let late = signer.person.roles.iter().any(|role| wanted.contains(&role.as_str()));
            let detail = if late {
                format!("{who} did not have the role that is asked for ({}) when signing.", wanted.join(", "))
            } else {
                format!("{who} approved, but does not have the role that is asked for ({}).", wanted.join(", "))
            };
            self.tell(Reason::explains(Code::Role, detail).in_compartment(&requirement.compartment));
        }
    }

    /// Whether an approval of this content also meets a stricter binding.
    pub(super) fn is_bound(&self, decision: CountedDecision<'_>, binding: Binding) -> bool {
        let predicate = decision.predicate();
        let (Some(first), Some(last)) = (self.steps.first(), self.steps.last()) else { return false };
        let same_tree = !predicate.result_tree.is_empty() && last.tree.to_string() == predicate.result_tree;
        match binding {
            Binding::Manifest => true,
            Binding::Tree => same_tree,
            Binding::Exact => {
                // A host that squashes or rebases lands another commit than the one that was signed.
                let stays = self.evaluation.lands.is_none_or(|lands| lands == Lands::Merge);
                stays && same_tree && first.from.to_string() == predicate.target.tip && self.is_about(decision)
            }
        }
    }

    /// What holds for the change as a whole.
    pub(super) fn weigh(&mut self, asked: &Asked) {
        let (policy, now) = (self.evaluation.input.policy, self.now());
        for violation in &asked.violations {
            let code = if violation.compartment_holds_policy { Code::PolicyMixed } else { Code::Solo };
            let reason = Reason::deny(code, violation.to_string()).in_compartment(&violation.compartment);
            self.tell(reason.at(&violation.path));
        }
        let touched = asked.compartments.len();
        if let Some(most) = policy.limits.compartments.filter(|&most| touched > most) {
            let detail = format!(
                "The change touches {touched} compartments ({}); {most} are allowed. `undersign show` proposes how to \
                 split it.",
                asked.compartments.join(", ")
            );
            self.tell(Reason::holds(Code::Limit, detail));
        }
        let unsigned = policy.freezes.iter().flat_map(|freeze| {
            let held = asked.compartments.iter().filter(|name| freeze.holds(name, now));
            held.map(move |name| (name, &freeze.name, freeze.until))
        });
        for (compartment, freeze, until) in unsigned.collect::<Vec<_>>() {
            let detail = format!("{compartment} is frozen ({freeze}) for another {}.", length(until - now));
            self.tell(Reason::holds(Code::Freeze, detail).in_compartment(compartment));
        }
        let of_policy = || policy.own_compartments().iter().all(|c| asked.compartments.contains(&c.name));
        if policy.expires.is_some_and(|expires| expires <= now) && !(of_policy() && asked.compartments.len() == 1) {
            let detail = "The policy has expired: until it is renewed, only a change of the policy itself may land.";
            self.tell(Reason::deny(Code::PolicyStale, detail));
        }
    }

    /// What only the objects tell.
    pub(super) fn look(&mut self) {
        let (contents, limits) = (self.evaluation.input.contents, &self.evaluation.input.policy.limits);
        match contents.aliases(self.steps) {
            Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            Ok(aliases) => {
                for (path, other) in aliases {
                    let detail = format!(
                        "{path} may be {other} on file systems for which letter case, Unicode form or the end of a \
                         name makes no difference: one hides the other."
                    );
                    self.tell(Reason::deny(Code::Confusable, detail).at(&path));
                }
            }
        }
        self.refuse_names();
        self.refuse_links();
        for (path, _) in self.opaque.clone().iter().filter(|(_, why)| limits.refuse_opaque && *why == Opaque::Elsewhere)
        {
            let detail =
                format!("{path} stands for content that is not in this repository; the policy lets none land.");
            self.tell(Reason::deny(Code::Opaque, detail).at(path));
        }
        let Some(most) = limits.lines else { return };
        match contents.lines(self.steps) {
            Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            Ok(lines) => {
                let total: u64 = lines.iter().filter(|(path, _)| limits.counts(path)).map(|(_, n)| n).sum();
                if total > most {
                    let detail = format!(
                        "The change has {total} changed lines; a signature stands for {most} at most. Split it."
                    );
                    self.tell(Reason::holds(Code::Limit, detail));
                }
            }
        }
    }

    /// Names that git takes for its own on some file system: nobody's approval lets one in, not even in between.
    fn refuse_names(&mut self) {
        let steps = self.steps;
        let entries = steps.iter().flat_map(|step| step.delta.iter());
        let landing: BTreeSet<_> = entries.filter_map(|(path, _, new)| Some((path, new?.mode))).collect();
        for (path, mode) in landing {
            let mut names: Vec<&[u8]> = path.0.split(|&b| b == b'/').collect();
            let file = names.pop().and_then(|name| forbidden(name, mode));
            // What a folder is called is judged without regard to the file in it.
            if let Some(why) = names.iter().find_map(|name| forbidden(name, Mode::File)).or(file) {
                let detail = format!("A name in {path} {why}. Choose another.");
                self.tell(Reason::deny(Code::Confusable, detail).at(path));
            }
        }
    }

    /// Links of which nobody can say where they lead, and those that lead where others decide what they stand for.
    fn refuse_links(&mut self) {
        let (links, policy) = (self.links(), self.evaluation.input.policy);
        for link in links.iter().filter(|link| link.lands) {
            if let LinkEnd::Unknown(why) = &link.end {
                let detail = format!(
                    "{} {why}, so nobody can say which compartments it reaches. Point it elsewhere.",
                    link.path
                );
                self.tell(Reason::undecidable(Code::Unreadable, detail).at(&link.path));
            }
        }
        for (link, compartment) in policy.leading_out(&links) {
            let to = match &link.end {
                LinkEnd::Within(end) => format!("compartment {compartment}, by way of what others sign for, to {end}"),
                _ => "the repository: what it stands for is not what was approved".to_owned(),
            };
            let detail = format!(
                "{} is a symlink that leads out of {to}. Copy what it stands for, or let `links_out` of \
                 [compartment.{compartment}] name it.",
                link.path
            );
            self.tell(Reason::deny(Code::Opaque, detail).at(&link.path).in_compartment(&compartment));
        }
    }

    /// A compartment in which a review is overdue takes nothing more.
    pub(super) fn collect_debts(&mut self, asked: &Asked) {
        let Some(glass) = &self.evaluation.input.policy.break_glass else { return };
        let now = self.now();
        let overdue = self.evaluation.break_glass_uses.iter().filter(|emergency| emergency.is_overdue(glass, now));
        let owed = overdue.filter_map(|emergency| {
            let compartment = asked.compartments.iter().find(|name| emergency.compartments.contains(name.as_str()))?;
            Some((compartment, emergency.manifest))
        });
        for (compartment, manifest) in owed.collect::<Vec<_>>() {
            let detail = format!(
                "What was let through in an emergency (manifest {}) has not been reviewed in time. Until it is \
                 approved, {compartment} takes nothing.",
                &manifest[..12]
            );
            self.tell(Reason::deny(Code::BreakGlass, detail).in_compartment(compartment));
        }
    }
}
