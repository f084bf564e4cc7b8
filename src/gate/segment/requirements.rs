//! What the policy requires for a segment, and whether that is present.

use std::collections::BTreeSet;

use super::authors::Authors;
use super::evidence::Said;
use super::{Segment, length};
use crate::change::diff::{Location, Mode};
use crate::change::links::{Link, LinkEnd};
use crate::change::spelling::forbidden;
use crate::change::{Identity, RepoPath};
use crate::decision::Verdict;
use crate::gate::counted_decision::{CountedDecision, signers};
use crate::gate::outcome::{Code, Reason};
use crate::gate::{Lands, Opaque};
use crate::policy::{Ai, Asked, Binding, POLICY_FILE, PersonKind, Requirement, SlotState};
use crate::provenance;

/// The requirements.
pub(super) struct Required {
    pub asked: Asked,
    /// Where it brings in invisible text, if the policy requires slots for that.
    pub hidden: Vec<Location>,
    pub reasons: Vec<Reason>,
}

/// Which requirements are met.
#[derive(Default)]
pub(super) struct Filled {
    pub slots: Vec<SlotState>,
    pub reasons: Vec<Reason>,
}

impl<'s, 'g> Segment<'s, 'g> {
    /// What the policy requires for the touched paths and the authors.
    pub(super) fn required(&self, authors: &Authors<'_>, approvals: &[CountedDecision<'_>]) -> Required {
        let policy = self.evaluation.input.policy;
        let mut identities = authors.identities.clone();
        // Without rank: an unproven author requires the same as an unknown one.
        let unknown = || Identity { name: String::new(), email: "unproven".to_owned() };
        identities.extend(authors.unproven.map(|_| unknown()));
        let ai = if authors.unproven.is_some() { Ai::Detected } else { self.ai(approvals) };
        let mut asked = policy.requirements_with_links(self.manifest.paths(), &self.links(), &identities, ai);
        if self.manifest.is_empty() {
            // A segment that touches nothing is in no other compartment.
            let default = policy.compartments.iter().filter(|compartment| compartment.is_default());
            asked.requirements.extend(default.map(Requirement::of));
        }
        let (mut hidden, mut reasons) = (Vec::new(), Vec::new());
        if let Some(requirement) = policy.hidden_requirement() {
            match self.evaluation.input.contents.hidden(self.steps) {
                Ok(places) => {
                    asked.requirements.extend((!places.is_empty()).then_some(requirement));
                    hidden = places;
                }
                Err(why) => reasons.push(Reason::undecidable(Code::Unreadable, why)),
            }
        }
        Required { asked, hidden, reasons }
    }

    fn links(&self) -> Vec<&'s Link> {
        self.steps.iter().flat_map(|step| &step.links).collect()
    }

    /// Signs of AI in what lands and in what was signed; a claim that no AI was used counts only if there are none.
    fn ai(&self, approvals: &[CountedDecision<'_>]) -> Ai {
        let signed = |decision: &CountedDecision<'_>| {
            matches!(&*decision.predicate().provenance.status, "declared" | "detected")
        };
        if self.evaluation.input.signs_of_ai {
            return Ai::Detected;
        }
        if provenance::trace(&self.commits, "", self.evaluation.rules).is_ai() || approvals.iter().any(signed) {
            return Ai::Detected;
        }
        let may = &self.evaluation.input.policy.ai.human_only_by;
        let now = self.now();
        let good = |decision: &CountedDecision<'_>| decision.expires > now && !decision.is_ahead(now);
        let claims = self.decisions(Verdict::HumanOnly).filter(|decision| self.binds(*decision) && good(decision));
        let counted = |decision: CountedDecision<'_>| {
            let holds = |role: &String| may.contains(role) && decision.predicate().roles.contains(role);
            decision.person.kind == PersonKind::Human && decision.person.roles.iter().any(holds)
        };
        if claims.into_iter().any(counted) { Ai::Denied } else { Ai::Unknown }
    }

    /// Which requirements are met, and why an approval fills no slot.
    pub(super) fn filled(&self, asked: &Asked, approvals: &[CountedDecision<'_>], said: &Said) -> Filled {
        let mut filled = Filled::default();
        for requirement in &asked.requirements {
            let of_one = self.fill(requirement, approvals, said);
            filled.slots.extend(of_one.slots);
            filled.reasons.extend(of_one.reasons);
        }
        filled
    }

    fn fill(&self, requirement: &Requirement, approvals: &[CountedDecision<'_>], said: &Said) -> Filled {
        let (present, absent): (Vec<CountedDecision<'_>>, Vec<CountedDecision<'_>>) =
            approvals.iter().partition(|decision| decision.presence >= requirement.presence);
        let (mut bound, unbound): (Vec<CountedDecision<'_>>, Vec<CountedDecision<'_>>) =
            present.into_iter().partition(|decision| self.is_bound(*decision, requirement.binding));
        // Who signs and approves on a forge counts once: a signer of whom no forge speaks has the slot first.
        let mut first = signers(&bound);
        first.sort_by_key(|signer| said.speaks_of(requirement, &signer.person.id));
        let (slots, mut reasons) = (requirement.fill(&first), Vec::new());
        let mut tell = |reason: Reason| reasons.push(reason.in_compartment(&requirement.compartment));
        if slots.iter().all(SlotState::is_filled) {
            // The last needed approval is the earliest one with which all slots were filled.
            bound.sort_by_key(|decision| decision.received);
            let enough = (1..=bound.len()).find(|&n| requirement.is_filled_by(&signers(&bound[..n])));
            let until = enough.map_or(0, |n| bound[n - 1].received) + requirement.cooling;
            if requirement.cooling > 0 && until > self.now() {
                let detail = format!(
                    "Compartment {} has a cooling time, and this gate has only just seen the last approval. It may land \
                     in {}.",
                    requirement.compartment,
                    length(until - self.now())
                );
                tell(Reason::holds(Code::Cooling, detail));
            }
            return Filled { slots, reasons };
        }
        for decision in absent {
            let detail = format!(
                "The approval of {} proves presence {}; {} is asked for. Sign with a security key that the roster \
                 enrols so.",
                decision.person.id, decision.presence, requirement.presence
            );
            tell(Reason::explains(Code::Presence, detail));
        }
        for decision in unbound {
            let detail = format!(
                "The approval of {} binds {}: what lands is the same content, but not exactly where it was signed. \
                 Sign it again on the tip of the target.",
                decision.person.id, requirement.binding
            );
            tell(Reason::explains(Code::Binding, detail));
        }
        let wanted: Vec<_> = requirement.slots.iter().map(|slot| slot.role.as_str()).collect();
        for signer in signers(&bound).iter().filter(|signer| !wanted.iter().any(|role| signer.roles.contains(role))) {
            let who = &signer.person.id;
            let late = signer.person.roles.iter().any(|role| wanted.contains(&role.as_str()));
            let detail = if late {
                format!("{who} did not have the role that is asked for ({}) when signing.", wanted.join(", "))
            } else {
                format!("{who} approved, but does not have the required role ({}).", wanted.join(", "))
            };
            tell(Reason::explains(Code::Role, detail));
        }
        Filled { slots, reasons }
    }

    /// Whether an approval of this content also meets a stricter binding.
    fn is_bound(&self, decision: CountedDecision<'_>, binding: Binding) -> bool {
        let predicate = decision.predicate();
        let (Some(first), Some(last)) = (self.steps.first(), self.steps.last()) else { return false };
        let same_tree = !predicate.result_tree.is_empty() && last.tree.to_string() == predicate.result_tree;
        match binding {
            Binding::Manifest => true,
            Binding::Tree => same_tree,
            Binding::Exact => {
                // A host that squashes or rebases lands a commit other than the signed one.
                let stays = self.evaluation.lands.is_none_or(|lands| lands == Lands::Merge);
                stays && same_tree && first.from.to_string() == predicate.target.tip && self.is_about(decision)
            }
        }
    }

    /// Rules for the change as a whole.
    pub(super) fn limits(&self, asked: &Asked) -> Vec<Reason> {
        let (policy, now, mut reasons) = (self.evaluation.input.policy, self.now(), Vec::new());
        for violation in &asked.violations {
            let code = if violation.compartment_holds_policy { Code::PolicyMixed } else { Code::Solo };
            let reason = Reason::deny(code, violation.to_string()).in_compartment(&violation.compartment);
            reasons.push(reason.at(&violation.path));
        }
        if let Some((touched, most)) = policy.limits.exceeded(&asked.compartments) {
            let detail = format!(
                "The change touches {} compartments ({}); {most} are allowed. `undersign show` proposes how to split \
                 it.",
                touched.len(),
                touched.join(", ")
            );
            reasons.push(Reason::holds(Code::Limit, detail));
        }
        let frozen = policy.freezes.iter().flat_map(|freeze| {
            let held = asked.compartments.iter().filter(|name| freeze.holds(name, now));
            held.map(move |name| (name, &freeze.name, freeze.until))
        });
        for (compartment, freeze, until) in frozen {
            let detail = format!("{compartment} is frozen ({freeze}) for another {}.", length(until - now));
            reasons.push(Reason::holds(Code::Freeze, detail).in_compartment(compartment));
        }
        if policy.expires.is_some_and(|expires| expires <= now) && !self.is_of_policy(asked) {
            let detail = "The policy has expired: until it is renewed, only a change of the policy itself may land.";
            reasons.push(Reason::deny(Code::PolicyStale, detail));
        }
        reasons
    }

    /// Whether it touches what is in the compartments of the policy, and nothing else.
    pub(super) fn is_of_policy(&self, asked: &Asked) -> bool {
        let own = self.evaluation.input.policy.compartments_of(&RepoPath::from(POLICY_FILE));
        asked.compartments.len() == own.len() && own.iter().all(|c| asked.compartments.contains(&c.name))
    }

    /// Rules that need git objects.
    pub(super) fn refusals_of_objects(&self, opaque: &[(RepoPath, Opaque)]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let (contents, limits) = (self.evaluation.input.contents, &self.evaluation.input.policy.limits);
        match contents.aliases(self.steps) {
            Err(why) => reasons.push(Reason::undecidable(Code::Unreadable, why)),
            Ok(aliases) => {
                for (path, other) in aliases {
                    let detail = format!(
                        "{path} may be {other} on file systems for which letter case, Unicode form or the end of a \
                         name makes no difference: one hides the other."
                    );
                    reasons.push(Reason::deny(Code::Confusable, detail).at(&path));
                }
            }
        }
        reasons.extend(self.refused_names());
        reasons.extend(self.refused_links());
        for (path, _) in opaque.iter().filter(|(_, why)| limits.refuse_opaque && *why == Opaque::Elsewhere) {
            let detail =
                format!("The content of {path} is not in this repository, and the policy does not allow that.");
            reasons.push(Reason::deny(Code::Opaque, detail).at(path));
        }
        let Some(most) = limits.lines else { return reasons };
        match contents.lines(self.steps) {
            Err(why) => reasons.push(Reason::undecidable(Code::Unreadable, why)),
            Ok(lines) => {
                let total: u64 = lines.iter().filter(|(path, _)| limits.counts(path)).map(|(_, n)| n).sum();
                if total > most {
                    let detail =
                        format!("The change has {total} changed lines; one signature covers at most {most}. Split it.");
                    reasons.push(Reason::holds(Code::Limit, detail));
                }
            }
        }
        reasons
    }

    /// Names that git treats as its own on some file system: no approval allows one, not even in an intermediate
    /// commit.
    pub(super) fn refused_names(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let steps = self.steps;
        let entries = steps.iter().flat_map(|step| step.delta.iter());
        let landing: BTreeSet<_> = entries.filter_map(|(path, _, new)| Some((path, new?.mode))).collect();
        for (path, mode) in landing {
            let mut names: Vec<&[u8]> = path.0.split(|&b| b == b'/').collect();
            let file = names.pop().and_then(|name| forbidden(name, mode));
            // The name of a folder is judged without regard to the files in it.
            if let Some(why) = names.iter().find_map(|name| forbidden(name, Mode::File)).or(file) {
                let detail = format!("A name in {path} {why}. Choose another.");
                reasons.push(Reason::deny(Code::Confusable, detail).at(path));
            }
        }
        reasons
    }

    /// Links whose target cannot be determined, and links whose content others decide.
    fn refused_links(&self) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let (links, policy) = (self.links(), self.evaluation.input.policy);
        for link in links.iter().filter(|link| link.lands) {
            if let LinkEnd::Unknown(why) = &link.end {
                let detail = format!(
                    "{} {why}, so nobody can say which compartments it reaches. Point it elsewhere.",
                    link.path
                );
                reasons.push(Reason::undecidable(Code::Unreadable, detail).at(&link.path));
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
            reasons.push(Reason::deny(Code::Opaque, detail).at(&link.path).in_compartment(&compartment));
        }
        reasons
    }

    /// A compartment with an overdue review accepts nothing more.
    pub(super) fn debts(&self, asked: &Asked) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let now = self.now();
        let overdue = self.evaluation.break_glass_uses.iter().filter(|emergency| emergency.is_overdue(now));
        let owed = overdue.filter_map(|emergency| {
            let compartment = asked.compartments.iter().find(|name| emergency.compartments.contains(name.as_str()))?;
            Some((compartment, emergency.manifest))
        });
        for (compartment, manifest) in owed {
            let detail = format!(
                "What was let through in an emergency (manifest {}) has not been reviewed in time. Until it is \
                 approved, {compartment} takes nothing.",
                &manifest[..12]
            );
            reasons.push(Reason::deny(Code::BreakGlass, detail).in_compartment(compartment));
        }
        reasons
    }
}
