//! Who approved and who rejected, and whether that counts: people, what they saw, and when.

use super::authors::Authors;
use super::explain::sentence;
use super::{Answerable, Segment};
use crate::change::manifest::escape;
use crate::change::{ObjectId, RepoPath, visible};
use crate::decision::Verdict;
use crate::gate::counted_decision::{CountedDecision, signers};
use crate::gate::outcome::{Code, Reason};
use crate::gate::{HistoryError, Input, MAX_LINE, Opaque, Rest};
use crate::policy::{Asked, PersonKind};

/// What nobody could read.
#[derive(Default)]
pub(super) struct OpaqueContent {
    pub found: Vec<(RepoPath, Opaque)>,
    pub reasons: Vec<Reason>,
}

/// Approvals that count, before binding.
#[derive(Default)]
pub(super) struct Approvals<'g> {
    pub counted: Vec<CountedDecision<'g>>,
    pub reasons: Vec<Reason>,
}

#[derive(Default)]
pub(super) struct Rejections {
    /// Who rejected exactly this content or commit.
    pub by: Vec<String>,
    pub to_answer: Vec<Answerable>,
    pub reasons: Vec<Reason>,
}

impl Rejections {
    fn add(&mut self, answerable: Answerable, reason: Reason) {
        self.to_answer.push(answerable);
        self.reasons.push(reason);
    }
}

impl<'g> Segment<'_, 'g> {
    /// What it brings in that nobody could read. This is costly to find, so only if somebody could have acknowledged
    /// it, or nobody may.
    pub(super) fn opaque(&self, bound: &[CountedDecision<'_>]) -> OpaqueContent {
        if bound.is_empty() && !self.evaluation.input.policy.limits.refuse_opaque {
            return OpaqueContent::default();
        }
        match self.evaluation.input.contents.opaque(self.steps) {
            Ok(found) => OpaqueContent { found, reasons: Vec::new() },
            Err(why) => OpaqueContent { found: Vec::new(), reasons: vec![Reason::undecidable(Code::Unreadable, why)] },
        }
    }

    /// The approvals of exactly this content that count, and why others do not.
    pub(super) fn approvals(
        &self,
        bound: Vec<CountedDecision<'g>>,
        authors: &Authors<'_>,
        opaque: &[(RepoPath, Opaque)],
    ) -> Approvals<'g> {
        let mut approvals = Approvals::default();
        for decision in bound {
            if let Some(reason) = self.objection(decision, authors, opaque) {
                approvals.reasons.push(reason);
                continue;
            }
            if authors.has(decision.person) {
                let (who, through) = (&decision.person.id, self.through(authors, &decision.person.id));
                let detail =
                    format!("{who} approved a change of her or his own{through}; the policy allows it (self_review).");
                approvals.reasons.push(Reason::said(Code::SelfReview, detail));
            }
            approvals.counted.push(decision);
        }
        approvals
    }

    /// Why an approval of exactly this content does not count.
    fn objection(
        &self,
        decision: CountedDecision<'g>,
        authors: &Authors<'_>,
        opaque: &[(RepoPath, Opaque)],
    ) -> Option<Reason> {
        let who = &decision.person.id;
        let no = |code, detail: String| Some(Reason::explains(code, detail));
        if decision.person.kind != PersonKind::Human {
            return no(Code::NotHuman, format!("{who} is not a person; only people fill slots."));
        }
        if decision.expires <= self.now() {
            return no(Code::Expired, format!("The approval of {who} has expired. {who} can sign again."));
        }
        if decision.is_ahead(self.now()) {
            return no(
                Code::Time,
                format!("The approval of {who} is dated in the future. Set the clock that signed it."),
            );
        }
        if authors.has(decision.person) && !self.evaluation.input.policy.self_review {
            return no(
                Code::SelfApproval,
                format!(
                    "{who} is an author of this change{}; somebody else must approve it.",
                    self.through(authors, who)
                ),
            );
        }
        if let Some(what) = decision.unseen() {
            return no(Code::Coverage, format!("{who} approved without having seen all of it: {what}."));
        }
        if let Some((path, why)) = opaque.iter().find(|(path, _)| !acknowledges(decision, path)) {
            let what = match why {
                Opaque::Elsewhere => "stands for content that is not in this repository",
                Opaque::NoText => "is binary or too large to be read",
            };
            let detail = format!("{path} {what}, and the approval of {who} says nothing to it.");
            return Some(Reason::explains(Code::Opaque, detail).at(path));
        }
        self.replay(decision)
    }

    /// An approval is for a change of the content that was there when it was signed. What landed, was reverted, and
    /// would land again is another change.
    fn replay(&self, decision: CountedDecision<'_>) -> Option<Reason> {
        let who = &decision.person.id;
        let since = decision.predicate().target.tip.parse().ok()?;
        let until = self.steps.first()?.from;
        if since == until {
            return None;
        }
        match self.rested(since, until, decision) {
            Err(why) => Some(Reason::undecidable(Code::Unreadable, why)),
            Ok(Rest::Rested) => None,
            Ok(Rest::Returned) => Some(Reason::explains(
                Code::Context,
                format!(
                    "Since {who} approved, the target has changed these paths, even if it changed them back. It must be \
                     reviewed again."
                ),
            )),
            Ok(Rest::Elsewhere) => Some(Reason::explains(
                Code::Context,
                format!(
                    "{who} signed on a tip that is not on the line of what lands. Sign again on the tip that the ref \
                     has."
                ),
            )),
        }
    }

    /// Whether the paths stayed as they were since an approval was signed on a tip. It may be for what is added to a
    /// commit that had not landed then: whatever led to that commit was there when it was signed.
    fn rested(&self, since: ObjectId, until: ObjectId, decision: CountedDecision<'_>) -> Result<Rest, String> {
        let Input { contents, history, .. } = &self.evaluation.input;
        let rests = |since, until| contents.rest(since, until, self.manifest);
        let rested = rests(since, until)?;
        let Ok(base) = decision.predicate().base.commit.parse::<ObjectId>() else { return Ok(rested) };
        // A commit that is not here has not landed.
        let is_in = |commit: ObjectId| history.is_ancestor(base, commit).ok();
        if rested != Rest::Returned || is_in(since) != Some(false) || is_in(until) != Some(true) {
            return Ok(rested);
        }
        match self.came(base, since, until).map_err(|error| error.sentence)? {
            // As it is: everything from the tip to it was known.
            Some((commit, _)) if commit == base => rests(base, until),
            // By a merge: neither what landed before it nor what it brought beside that commit touched the paths.
            Some((commit, before)) if rests(since, before)? == Rest::Rested => {
                let sides = self.sides(base, before, commit).map_err(|error| error.sentence)?;
                let rest_too = sides.into_iter().map(|side| rests(base, side)).collect::<Result<Vec<_>, _>>()?;
                let is_alone = !rest_too.is_empty() && rest_too.iter().all(|rest| *rest == Rest::Rested);
                if is_alone { rests(commit, until) } else { Ok(rested) }
            }
            _ => Ok(rested),
        }
    }

    /// The parents beside the first one through which a merge brought a commit.
    fn sides(&self, base: ObjectId, before: ObjectId, merge: ObjectId) -> Result<Vec<ObjectId>, HistoryError> {
        let history = self.evaluation.input.history;
        let steps = history.steps(before, &[merge])?;
        let commit = steps.iter().flat_map(|step| &step.commits).find(|commit| commit.id == merge);
        let mut sides = Vec::new();
        for &side in commit.map_or(&[][..], |commit| commit.parents.get(1..).unwrap_or_default()) {
            if history.is_ancestor(base, side)? {
                sides.push(side);
            }
        }
        Ok(sides)
    }

    /// The first commit on the line from one to another, without the first, that contains a commit, which the last one
    /// does; and the one below it. None if they are on no line.
    fn came(
        &self,
        base: ObjectId,
        since: ObjectId,
        until: ObjectId,
    ) -> Result<Option<(ObjectId, ObjectId)>, HistoryError> {
        let history = self.evaluation.input.history;
        let mut line = vec![until];
        while let Some(before) = history.first_parent(line[line.len() - 1])? {
            line.push(before);
            if before == since || line.len() > MAX_LINE {
                break;
            }
        }
        if line.last() != Some(&since) {
            return Ok(None);
        }
        // Whatever is above a commit that contains it contains it as well.
        let (mut has, mut lacks) = (0, line.len() - 1);
        while lacks - has > 1 {
            let middle = has + (lacks - has) / 2;
            let is_in = history.is_ancestor(base, line[middle])?;
            *if is_in { &mut has } else { &mut lacks } = middle;
        }
        Ok(Some((line[has], line[has + 1])))
    }

    /// A rejection of this content or of exactly this commit blocks, whoever else approves, unless it was taken over. A
    /// rejection of other content of the same paths must be named by an approval of somebody who is required: otherwise
    /// one changed byte would be enough to find a new reviewer, or anybody who names the rejection.
    pub(super) fn rejections(
        &self,
        asked: &Asked,
        authors: &Authors<'_>,
        approvals: &[CountedDecision<'_>],
    ) -> Rejections {
        let roles = asked.roles();
        // Whom only the organization asks has no say on what the repository's own people rejected, and the reverse.
        let are_asked = |decisions: &[CountedDecision<'_>]| {
            let signers = signers(decisions);
            roles.iter().all(|roles| signers.iter().any(|signer| !signer.roles.is_disjoint(roles)))
        };
        let mut rejections = Rejections::default();
        for decision in self.decisions(Verdict::Reject) {
            let meant = self.binds(decision) || self.is_about(decision);
            let near = !meant && self.overlaps(decision) && decision.expires > self.now();
            if !(meant || near) || self.is_taken_over(decision, authors) {
                continue;
            }
            let (who, id) = (decision.person.id.clone(), decision.record.id().to_string());
            let said = visible::text(decision.predicate().reason.trim()).into_owned();
            rejections.by.extend(meant.then(|| who.clone()));
            let names_it = |decision: &&CountedDecision<'_>| decision.predicate().answers.contains(&id);
            if meant {
                let is_answered = self.break_glass_decisions().iter().any(|decision| names_it(&decision));
                let reason = format!("{who} rejected it: {said}");
                let reason = if is_answered { Reason::holds } else { Reason::deny }(Code::Vetoed, reason);
                let head = self.steps.last().map(|step| step.commit.to_string());
                let is_outdated = !self.binds(decision) && head.as_ref() != Some(&decision.predicate().head.commit);
                rejections.add(Answerable { is_veto: true, is_outdated, record: id, by: who, reason: said }, reason);
            } else if !are_asked(&approvals.iter().filter(names_it).copied().collect::<Vec<_>>()) {
                let detail = format!(
                    "{who} rejected another change of the same paths: {} An approval must answer record {}.",
                    sentence(&said),
                    &id[..12]
                );
                let reason = Reason::holds(Code::Vetoed, detail);
                rejections
                    .add(Answerable { is_veto: false, is_outdated: true, record: id, by: who, reason: said }, reason);
            }
        }
        rejections
    }

    /// Whether people who could change the policy, none of them an author, have taken over this rejection.
    fn is_taken_over(&self, rejection: CountedDecision<'_>, authors: &Authors<'_>) -> bool {
        let (id, now) = (rejection.record.id().to_string(), self.now());
        let takers: Vec<CountedDecision<'_>> = self
            .decisions(Verdict::HandOver)
            .filter(|decision| decision.predicate().answers.contains(&id) && !authors.has(decision.person))
            .filter(|decision| !decision.is_ahead(now))
            .collect();
        self.evaluation.input.policy.hand_over().iter().all(|requirement| {
            let present: Vec<_> = takers.iter().filter(|v| v.presence >= requirement.presence).copied().collect();
            requirement.is_filled_by(&signers(&present))
        })
    }
}

/// Whether an approval acknowledges a path that its signer could not read.
fn acknowledges(decision: CountedDecision<'_>, path: &RepoPath) -> bool {
    let name = escape(path);
    decision.predicate().coverage.omissions.iter().any(|o| o.path == name && !o.acknowledged.trim().is_empty())
}
