//! Why the approvals are not enough: what is missing, and what was close to it.

use std::collections::BTreeMap;

use super::Segment;
use crate::change::diff::Location;
use crate::change::manifest::Manifest;
use crate::change::{ObjectId, visible};
use crate::decision::Verdict;
use crate::gate::counted_decision::CountedDecision;
use crate::gate::outcome::{Code, Reason};
use crate::gate::record_status::Validity;
use crate::gate::{Input, MAX_PLACES};
use crate::policy::{AI, HIDDEN, SlotState, Unfit};

impl<'g> Segment<'_, 'g> {
    /// Says what is missing, and what was close to it.
    pub(super) fn shortfalls(&self, slots: &[SlotState], hidden: &[Location]) -> Vec<Reason> {
        let missing: Vec<_> = slots.iter().filter(|slot| !slot.is_filled()).collect();
        let mut reasons = Vec::new();
        if missing.is_empty() {
            return reasons;
        }
        for slot in missing {
            let what = match slot.compartment.as_str() {
                AI => "AI assistance".to_owned(),
                HIDDEN => format!("Text with characters that do not show ({})", places(hidden)),
                name => name.to_owned(),
            };
            let by = if slot.by.is_empty() { String::new() } else { format!(" ({})", slot.by.join(", ")) };
            let detail = format!("{what} needs {} of role {}, has {}{by}.", slot.need, slot.slot, slot.have);
            reasons.push(Reason::holds(Code::of_open_slot(slot), detail).in_compartment(&slot.compartment));
        }
        if self.manifest.is_empty()
            && let Some(step) = self.steps.last()
        {
            let detail = format!(
                "{} changes nothing, and nobody signed for that. Leave it out, or have it approved as it is.",
                step.commit.short()
            );
            reasons.push(Reason::explains(Code::Unsigned, detail));
            return reasons;
        }
        for decision in self.decisions(Verdict::Approve).filter(|decision| !self.binds(*decision)) {
            if let Some((code, detail)) = self.near_miss(decision) {
                reasons.push(Reason::explains(code, detail));
            }
        }
        for decision in
            self.evaluation.void.iter().filter(|decision| self.binds(**decision)).copied().collect::<Vec<_>>()
        {
            let who = &decision.person.id;
            let (code, detail) = match decision.validity {
                Validity::Unfit(Unfit::Time) => {
                    (Code::KeyTime, format!("The key of {who} was not valid when it signed, or when this came here."))
                }
                Validity::Unfit(_) => (
                    Code::KeyRevoked,
                    format!("The key of {who} is revoked, and this record arrived too late to count."),
                ),
                _ => (
                    Code::Clone,
                    format!(
                        "The counter of the security key of {who} went back: there are two of it. The signature \
                         counts for nothing; take the key off the roster."
                    ),
                ),
            };
            reasons.push(Reason::explains(code, detail));
        }
        let elsewhere =
            self.evaluation.elsewhere.iter().filter(|decision| decision.is(Verdict::Approve) && self.binds(**decision));
        for decision in elsewhere.copied() {
            let target = visible::text(&decision.predicate().target.name).into_owned();
            let Input { policy, history, .. } = &self.evaluation.input;
            let (who, id) = (&decision.person.id, &decision.predicate().repository.id);
            let given_up = if *id == policy.repository { None } else { history.id_given_up(id) };
            let detail = match given_up {
                Some(commit) => format!(
                    "{who} approved this when the id of this repository was {}. It has been {} since {}, and \
                     signatures for the old id no longer count: sign it again.",
                    visible::text(id),
                    visible::text(&policy.repository),
                    commit.short()
                ),
                None if *id != policy.repository => {
                    format!("{who} approved this for another repository, not for here.")
                }
                None => format!("{who} approved this for {target}, not for here."),
            };
            reasons.push(Reason::explains(Code::Context, detail));
        }
        reasons
    }

    /// In what way an approval of something else resembles one of this.
    fn near_miss(&self, decision: CountedDecision<'_>) -> Option<(Code, String)> {
        let who = &decision.person.id;
        let approved = &decision.record.manifest;
        let after = |m: &Manifest| m.iter().map(|(path, _, new)| (path.clone(), new)).collect::<Vec<_>>();
        let contents = |m: &Manifest| {
            let content = |image: Option<crate::change::manifest::Image>| image.map(|image| image.content);
            m.iter().map(|(path, old, new)| (path.clone(), content(old), content(new))).collect::<Vec<_>>()
        };
        let merge = self.steps.last().and_then(|step| self.commits.iter().find(|commit| commit.id == step.commit));
        if after(approved) == after(self.manifest) {
            let detail =
                "approved the same result from another base: a touched path has moved. It must be reviewed again.";
            Some((Code::BaseMoved, format!("{who} {detail}")))
        } else if contents(approved) == contents(self.manifest) {
            Some((Code::TypeChange, format!("{who} approved the same contents with other file modes.")))
        } else if self.is_about(decision) && merge.is_some_and(|commit| commit.parents.len() > 1) {
            let detail = "approved what is merged here, but the merge does something different.";
            Some((Code::MergeDelta, format!("{who} {detail}")))
        } else if self.is_about(decision) || self.shares_a_commit(decision) {
            let detail = "approved another content of these paths: what lands was changed afterwards.";
            Some((Code::ChangedAfter, format!("{who} {detail}")))
        } else if self.reworks(decision) {
            let head = &decision.predicate().head.commit;
            let detail = format!(
                "{who} approved another edit of the same lines, {}. This one must be reviewed by itself.",
                visible::text(head.get(..7).unwrap_or(head))
            );
            Some((Code::ChangedAfter, detail))
        } else {
            None
        }
    }

    /// Whether what was approved contains a commit of this.
    fn shares_a_commit(&self, decision: CountedDecision<'_>) -> bool {
        let history = self.evaluation.input.history;
        let Some((base, head)) = ends(decision).filter(|_| self.overlaps(decision)) else { return false };
        if self.steps.first().is_some_and(|step| step.from == head) && self.is_under_way(head) {
            return true;
        }
        let holds = |of, commit| history.is_ancestor(commit, of).unwrap_or(false);
        // The oldest of each step: if that is not contained, no later one is.
        let mut oldest = self.steps.iter().take(MAX_PLACES).filter_map(|step| step.commits.last());
        oldest.any(|commit| holds(head, commit.id) && !holds(base, commit.id))
    }

    /// Whether a commit is new with what is judged: no ref showed it, as far as is known. At the desk nothing is known.
    fn is_under_way(&self, commit: ObjectId) -> bool {
        let states = self.evaluation.input.states;
        !states.is_empty() && states.refs_of(commit).next().is_none()
    }

    /// Whether what was approved begins with the same content and edits the same lines, as after a squash, a rebase or
    /// an amend; and not merely the same file.
    fn reworks(&self, decision: CountedDecision<'_>) -> bool {
        let before: BTreeMap<_, _> = self.manifest.iter().map(|(path, old, _)| (path, old)).collect();
        let same = decision.record.manifest.iter().filter(|(path, old, _)| before.get(path) == Some(old));
        let paths: Vec<_> = same.map(|(path, ..)| path).take(MAX_PLACES).collect();
        if paths.is_empty() {
            return false;
        }
        let seen =
            ends(decision).and_then(|then| self.evaluation.input.contents.is_same_place(then, &paths, self.steps));
        // If nothing is left of what was approved, it was most likely this.
        seen.unwrap_or(true)
    }
}

/// The first places with invisible text.
fn places(hidden: &[Location]) -> String {
    let mut places: Vec<_> = hidden.iter().take(MAX_PLACES).map(ToString::to_string).collect();
    places.extend((hidden.len() > MAX_PLACES).then(|| "and others".to_owned()));
    places.join(", ")
}

/// The base and the head of a decision.
fn ends(decision: CountedDecision<'_>) -> Option<(ObjectId, ObjectId)> {
    let predicate = decision.predicate();
    Some((predicate.base.commit.parse().ok()?, predicate.head.commit.parse().ok()?))
}

/// What somebody wrote, as a sentence.
pub(super) fn sentence(said: &str) -> String {
    if said.ends_with(['.', '!', '?']) { said.to_owned() } else { format!("{said}.") }
}
