//! Why what is there is not enough: what is missing, and what came near it.

use super::Segment;
use crate::change::manifest::Manifest;
use crate::change::visible;
use crate::decision::Verdict;
use crate::gate::MAX_PLACES;
use crate::gate::ballot::BallotStanding;
use crate::gate::outcome::{Code, Reason};
use crate::gate::vote::Vote;
use crate::policy::{AI, HIDDEN, Unfit};

impl<'g> Segment<'_, 'g> {
    /// Says what is missing, and what came near it.
    pub(super) fn explain(&mut self) {
        let missing: Vec<_> = self.standing.slots.iter().filter(|slot| slot.have < slot.need).cloned().collect();
        if missing.is_empty() {
            return;
        }
        for slot in missing {
            let (code, what) = match slot.compartment.as_str() {
                AI => (Code::AiUnsigned, "AI assistance".to_owned()),
                HIDDEN => (Code::Hidden, format!("Text with characters that do not show ({})", self.hidden_places())),
                name => (Code::Unsigned, name.to_owned()),
            };
            let detail = format!("{what} needs {} of role {}, has {}.", slot.need, slot.slot, slot.have);
            self.tell(Reason::holds(code, detail).in_compartment(&slot.compartment));
        }
        if self.manifest.is_empty()
            && let Some(step) = self.steps.last()
        {
            let detail = format!(
                "{} changes nothing, and nobody signed for that. Leave it out, or have it approved as it is.",
                step.commit.short()
            );
            self.tell(Reason::explains(Code::Unsigned, detail));
            return;
        }
        for vote in self.votes(Verdict::Approve).filter(|vote| !self.binds(*vote)).collect::<Vec<_>>() {
            if let Some((code, detail)) = self.near_miss(vote) {
                self.tell(Reason::explains(code, detail));
            }
        }
        for vote in self.court.void.iter().filter(|vote| self.binds(**vote)).copied().collect::<Vec<_>>() {
            let who = &vote.person.id;
            let (code, detail) = match vote.standing {
                BallotStanding::Unfit(Unfit::Time) => {
                    (Code::KeyTime, format!("The key of {who} was not valid when it signed, or when this came here."))
                }
                BallotStanding::Unfit(_) => {
                    (Code::KeyRevoked, format!("The key of {who} is revoked, and this came here too late to count."))
                }
                _ => (
                    Code::Clone,
                    format!(
                        "The counter of the security key of {who} went back: there are two of it. The signature \
                         counts for nothing; take the key off the roster."
                    ),
                ),
            };
            self.tell(Reason::explains(code, detail));
        }
        let elsewhere = self.court.elsewhere.iter().filter(|vote| vote.is(Verdict::Approve) && self.binds(**vote));
        for vote in elsewhere.copied().collect::<Vec<_>>() {
            let target = visible::text(&vote.predicate().target.name).into_owned();
            let other = vote.predicate().repository.id != self.court.grounds.policy.repository;
            let place = if other { "another repository".to_owned() } else { target };
            let detail = format!("{} approved this for {place}, not for here.", vote.person.id);
            self.tell(Reason::explains(Code::Context, detail));
        }
    }

    /// The first places with text that does not show.
    fn hidden_places(&self) -> String {
        let mut places: Vec<_> = self.hidden.iter().take(MAX_PLACES).map(ToString::to_string).collect();
        places.extend((self.hidden.len() > MAX_PLACES).then(|| "and others".to_owned()));
        places.join(", ")
    }

    /// What makes an approval of something else look like one of this.
    pub(super) fn near_miss(&self, vote: Vote<'_>) -> Option<(Code, String)> {
        let who = &vote.person.id;
        let approved = &vote.record.manifest;
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
        } else if self.is_about(vote) && merge.is_some_and(|commit| commit.parents.len() > 1) {
            let detail = "approved what is merged here, but the merge does something else than that.";
            Some((Code::MergeDelta, format!("{who} {detail}")))
        } else if self.is_about(vote) || self.overlaps(vote) {
            let detail = "approved another content of these paths: what lands was changed afterwards.";
            Some((Code::ChangedAfter, format!("{who} {detail}")))
        } else {
            None
        }
    }
}
