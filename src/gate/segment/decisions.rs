//! Who approved and who rejected, and whether it counts: people, what they saw, and when.

use std::collections::BTreeSet;

use super::explain::sentence;
use super::{Answerable, Segment};
use crate::change::manifest::escape;
use crate::change::{Commit, Identity, ObjectId, RepoPath, visible};
use crate::decision::Verdict;
use crate::gate::counted_decision::{CountedDecision, signers};
use crate::gate::outcome::{Code, Reason};
use crate::gate::{Opaque, Rest};
use crate::policy::{Asked, AuthorProof, Kind, Person};
use crate::provenance;

/// Commits that are looked through for the one that a sentence about an author names.
const MAX_NAMED: usize = 1_000;

impl<'g> Segment<'_, 'g> {
    pub(super) fn count_approvals(&mut self) {
        let bound: Vec<_> = self.decisions(Verdict::Approve).filter(|decision| self.binds(*decision)).collect();
        let all: Vec<_> = bound.iter().copied().chain(self.break_glass_decisions()).collect();
        self.find_authors(&all);
        self.prove_authors(&all);
        self.standing.authors = self.writers.iter().map(|id| (*id).to_owned()).collect();
        // Only a desk asks, and it looks at one step; a push may be of thousands.
        let asked = self.writers.iter().filter(|_| self.steps.len() == 1);
        self.standing.wrote = asked.filter_map(|id| Some(((*id).to_owned(), self.wrote(id)?))).collect();
        // Dear, so only where somebody could have spoken to it, or nobody may.
        if !bound.is_empty() || self.evaluation.input.policy.limits.refuse_opaque {
            match self.evaluation.input.contents.opaque(self.steps) {
                Ok(opaque) => self.opaque = opaque,
                Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            }
        }
        for decision in bound {
            match self.objection(decision) {
                Some(reason) => self.tell(reason),
                None => self.approvals.push(decision),
            }
        }
        let counted: BTreeSet<_> = self.approvals.iter().map(|decision| decision.person.id.clone()).collect();
        self.standing.valid_until = self.approvals.iter().map(|decision| decision.expires).min();
        self.standing.records = self.approvals.iter().map(|decision| decision.record.id().to_string()).collect();
        self.standing.presence = self.approvals.iter().map(|decision| decision.presence).min();
        self.standing.approved_by = counted.into_iter().collect();
    }

    /// Why an approval of exactly this content does not count.
    pub(super) fn objection(&mut self, decision: CountedDecision<'g>) -> Option<Reason> {
        let who = &decision.person.id;
        let no = |code, detail: String| Some(Reason::explains(code, detail));
        if decision.person.kind != Kind::Human {
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
        if self.is_author(decision.person) && !self.evaluation.input.policy.self_review {
            return no(
                Code::SelfApproval,
                format!("{who} is an author of this change{}; somebody else must approve it.", self.through(who)),
            );
        }
        if let Some(what) = decision.unseen() {
            return no(Code::Coverage, format!("{who} approved without having seen all of it: {what}."));
        }
        if let Some((path, why)) = self.opaque.iter().find(|(path, _)| !acknowledges(decision, path)) {
            let what = match why {
                Opaque::Elsewhere => "stands for content that is not in this repository",
                Opaque::NoText => "is binary or too large to be read",
            };
            let detail = format!("{path} {what}, and the approval of {who} says nothing to it.");
            return Some(Reason::explains(Code::Opaque, detail).at(path));
        }
        if let Some(reason) = self.replay(decision) {
            return Some(reason);
        }
        if self.is_author(decision.person) {
            let through = self.through(who);
            let detail =
                format!("{who} approved a change of her or his own{through}; the policy allows it (self_review).");
            self.tell(Reason::said(Code::SelfReview, detail));
        }
        None
    }

    /// An approval is for a change of what was there when it was signed. What landed, was taken back, and would land
    /// again is another change.
    pub(super) fn replay(&self, decision: CountedDecision<'_>) -> Option<Reason> {
        let who = &decision.person.id;
        let since = decision.predicate().target.tip.parse().ok()?;
        let until = self.steps.first()?.from;
        if since == until {
            return None;
        }
        match self.evaluation.input.contents.rest(since, until, self.manifest) {
            Err(why) => Some(Reason::undecidable(Code::Unreadable, why)),
            Ok(Rest::Rested) => None,
            Ok(Rest::Returned) => Some(Reason::explains(
                Code::Context,
                format!("What {who} approved was changed since, and changed back. It must be reviewed again."),
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

    /// Who wrote it, as identities and as people of the roster.
    pub(super) fn find_authors(&mut self, decided: &[CountedDecision<'_>]) {
        self.authors = self.author_set(decided);
        self.writers = self.evaluation.input.policy.roster.ids_of(&self.authors);
    }

    /// Authors and co-authors as signed, those of what landed, and who ran the agent. A commit that squashing or
    /// rebasing wrote anew, and that names one person as author and committer, names who landed it. A merge that is
    /// proven to follow from its parents is nobody's work; of any other, whoever made it may have written or dropped
    /// something.
    fn author_set(&self, decided: &[CountedDecision<'_>]) -> Vec<Identity> {
        let mut authors: Vec<Identity> = decided.iter().flat_map(|decision| decision.authors()).collect();
        let rewritten = !decided.is_empty() && !decided.iter().any(|decision| self.is_about(*decision));
        let landing = |commit: &Commit| rewritten && commit.author.email == commit.committer.email;
        let is_written = |commit: &&Commit| !landing(commit) && !self.follows(commit);
        let written: Vec<Commit> = self.commits.iter().filter(is_written).cloned().collect();
        authors.extend(provenance::author_set(&written, self.evaluation.rules));
        authors.extend(provenance::operators(&written, self.evaluation.rules));
        authors.sort();
        authors.dedup();
        authors
    }

    /// Where authorship is to be proven: a name in a commit is somebody's only if that person signed the commit or
    /// pushes it. Else whoever had a hand in it (committer, signer, pusher) counts as author too, and the author as
    /// unknown.
    pub(super) fn prove_authors(&mut self, decided: &[CountedDecision<'_>]) {
        let input = &self.evaluation.input;
        let roster = &input.policy.roster;
        if input.policy.author_proof == AuthorProof::Claimed {
            return;
        }
        let pusher = input.pusher.and_then(|account| roster.by_account(account));
        // What landing wrote anew tells nothing of who wrote what was approved.
        let rewritten = !decided.is_empty() && !decided.iter().any(|decision| self.is_about(*decision));
        let (mut hands, mut committers, mut unvouched) = (Vec::new(), Vec::new(), None);
        for commit in &self.commits {
            let signer = self.signer_of(commit);
            let authors = roster.people_of(&commit.author);
            let vouches = |person: Option<&Person>| match (person, &authors[..]) {
                (Some(person), [author]) => person.id == author.id,
                _ => false,
            };
            if !self.follows(commit) && (rewritten || !(vouches(signer) || vouches(pusher))) {
                hands.extend(signer.into_iter().chain(pusher));
                committers.push(commit.committer.clone());
                unvouched = Some(commit.id);
                self.unproven = true;
            }
        }
        self.writers.extend(hands.into_iter().map(|person| person.id.as_str()));
        self.writers.extend(roster.ids_of(&committers));
        self.authors.extend(committers);
        if let Some(commit) = unvouched {
            let detail = format!(
                "Nobody vouches for who wrote it: the commits (such as {}) are neither signed nor pushed by their \
                 author. Who committed and pushed counts as author too.",
                commit.short()
            );
            self.tell(Reason::explains(Code::AuthorUnproven, detail));
        }
    }

    /// The person whose key signed a commit. A key in other hands, or outside of its time, proves nothing.
    fn signer_of(&self, commit: &Commit) -> Option<&'g Person> {
        let input = &self.evaluation.input;
        let (_, key) = self.steps.iter().flat_map(|step| &step.signers).find(|(id, _)| *id == commit.id)?;
        let (person, enrolment) = input.policy.roster.enrolment(key)?;
        enrolment.unfit(commit.time, None, input.now).is_none().then_some(person)
    }

    /// Whether a commit is a merge that follows from its parents.
    fn follows(&self, commit: &Commit) -> bool {
        commit.parents.len() == 2 && self.steps.iter().any(|step| step.clean_merges.contains(&commit.id))
    }

    /// The earliest commit by which a person counts as author; none where only a signed record says so.
    pub(super) fn wrote(&self, id: &str) -> Option<ObjectId> {
        let (rules, roster) = (self.evaluation.rules, &self.evaluation.input.policy.roster);
        let is_by = |commit: &&Commit| {
            let own = std::slice::from_ref(*commit);
            let mut named = provenance::author_set(own, rules);
            named.extend(provenance::operators(own, rules));
            named.extend(self.unproven.then(|| commit.committer.clone()));
            roster.ids_of(&named).contains(id)
        };
        let written = self.commits.iter().rev().filter(|commit| !self.follows(commit));
        written.take(MAX_NAMED).find(is_by).map(|commit| commit.id)
    }

    /// ` (commit 1a2b3c4)`, to stand behind a sentence about an author.
    pub(super) fn through(&self, id: &str) -> String {
        self.wrote(id).map_or_else(String::new, |commit| format!(" (commit {})", commit.short()))
    }

    pub(super) fn is_author(&self, person: &Person) -> bool {
        self.writers.contains(person.id.as_str())
    }

    /// A rejection of this content or of this very commit blocks, whoever else approves, unless it was taken over. One
    /// of another content of the same paths must be named by an approval of somebody who is asked: else one changed
    /// byte would shop for a new reviewer, or for anybody who names it.
    pub(super) fn find_rejections(&mut self, asked: &Asked) {
        let roles: BTreeSet<&str> =
            asked.requirements.iter().flat_map(|r| &r.slots).map(|slot| slot.role.as_str()).collect();
        let is_asked = |decision: &CountedDecision<'_>| {
            signers(&[*decision]).iter().any(|signer| !signer.roles.is_disjoint(&roles))
        };
        for decision in self.decisions(Verdict::Reject).collect::<Vec<_>>() {
            let (who, id) = (decision.person.id.clone(), decision.record.id().to_string());
            let said = visible::text(decision.predicate().reason.trim()).into_owned();
            let meant = self.binds(decision) || self.is_about(decision);
            let near = !meant && self.overlaps(decision) && decision.expires > self.now();
            if !(meant || near) || self.is_taken_over(decision) {
                continue;
            }
            self.standing.rejected_by.extend(meant.then(|| who.clone()));
            let names_it = |decision: &&CountedDecision<'_>| decision.predicate().answers.contains(&id);
            let answered = self.approvals.iter().filter(names_it).any(is_asked);
            if near && !answered {
                let detail = format!(
                    "{who} rejected another change of the same paths: {} An approval must answer record {}.",
                    sentence(&said),
                    &id[..12]
                );
                self.standing.to_answer.push(Answerable { is_veto: false, record: id, by: who, reason: said });
                self.tell(Reason::holds(Code::Vetoed, detail));
            } else if meant {
                let answerable =
                    Answerable { is_veto: true, record: id.clone(), by: who.clone(), reason: said.clone() };
                self.standing.to_answer.push(answerable);
                let glass =
                    self.break_glass_decisions().iter().any(|decision| decision.predicate().answers.contains(&id));
                let reason = format!("{who} rejected it: {said}");
                let reason = if glass { Reason::holds } else { Reason::deny }(Code::Vetoed, reason);
                self.tell(reason);
            }
        }
    }

    /// Whether people who could change the policy, none of them an author, answer for this rejection now.
    pub(super) fn is_taken_over(&self, rejection: CountedDecision<'_>) -> bool {
        let (id, now) = (rejection.record.id().to_string(), self.now());
        let takers: Vec<CountedDecision<'_>> = self
            .decisions(Verdict::HandOver)
            .filter(|decision| decision.predicate().answers.contains(&id) && !self.is_author(decision.person))
            .filter(|decision| !decision.is_ahead(now))
            .collect();
        self.evaluation.input.policy.hand_over().iter().all(|requirement| {
            let present: Vec<_> = takers.iter().filter(|v| v.presence >= requirement.presence).copied().collect();
            requirement.is_filled_by(&signers(&present))
        })
    }
}

/// Whether an approval says that it knows of a path that its signer could not read.
fn acknowledges(decision: CountedDecision<'_>, path: &RepoPath) -> bool {
    let name = escape(path);
    decision.predicate().coverage.omissions.iter().any(|o| o.path == name && !o.acknowledged.trim().is_empty())
}
