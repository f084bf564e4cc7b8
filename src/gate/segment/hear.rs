//! Who approved and who rejected, and whether it counts: people, what they saw, and when.

use std::collections::BTreeSet;

use super::explain::sentence;
use super::{Answerable, Segment};
use crate::change::manifest::escape;
use crate::change::{Commit, Identity, ObjectId, RepoPath, visible};
use crate::decision::Verdict;
use crate::gate::outcome::{Code, Reason};
use crate::gate::vote::{Vote, signers};
use crate::gate::{Opaque, Rest};
use crate::policy::{Asked, AuthorProof, Kind, Person};
use crate::provenance;

/// Commits that are looked through for the one that a sentence about an author names.
const MAX_NAMED: usize = 1_000;

impl<'g> Segment<'_, 'g> {
    pub(super) fn hear_approvals(&mut self) {
        let bound: Vec<_> = self.votes(Verdict::Approve).filter(|vote| self.binds(*vote)).collect();
        let all: Vec<_> = bound.iter().copied().chain(self.emergency_votes()).collect();
        self.find_authors(&all);
        self.prove_authors(&all);
        self.standing.authors = self.writers.iter().map(|id| (*id).to_owned()).collect();
        // Only a desk asks, and it looks at one step; a push may be of thousands.
        let asked = self.writers.iter().filter(|_| self.steps.len() == 1);
        self.standing.wrote = asked.filter_map(|id| Some(((*id).to_owned(), self.wrote(id)?))).collect();
        // Dear, so only where somebody could have spoken to it, or nobody may.
        if !bound.is_empty() || self.court.grounds.policy.limits.refuse_opaque {
            match self.court.grounds.contents.opaque(self.steps) {
                Ok(opaque) => self.opaque = opaque,
                Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            }
        }
        for vote in bound {
            match self.objection(vote) {
                Some(reason) => self.tell(reason),
                None => self.approvals.push(vote),
            }
        }
        let counted: BTreeSet<_> = self.approvals.iter().map(|vote| vote.person.id.clone()).collect();
        self.standing.valid_until = self.approvals.iter().map(|vote| vote.expires).min();
        self.standing.records = self.approvals.iter().map(|vote| vote.record.id().to_string()).collect();
        self.standing.presence = self.approvals.iter().map(|vote| vote.presence).min();
        self.standing.approved_by = counted.into_iter().collect();
    }

    /// Why an approval of exactly this content does not count.
    pub(super) fn objection(&mut self, vote: Vote<'g>) -> Option<Reason> {
        let who = &vote.person.id;
        let no = |code, detail: String| Some(Reason::explains(code, detail));
        if vote.person.kind != Kind::Human {
            return no(Code::NotHuman, format!("{who} is not a person; only people fill slots."));
        }
        if vote.expires <= self.now() {
            return no(Code::Expired, format!("The approval of {who} has expired. {who} can sign again."));
        }
        if vote.is_ahead(self.now()) {
            return no(
                Code::Time,
                format!("The approval of {who} is dated in the future. Set the clock that signed it."),
            );
        }
        if self.is_author(vote.person) && !self.court.grounds.policy.self_review {
            return no(
                Code::SelfApproval,
                format!("{who} is an author of this change{}; somebody else must approve it.", self.through(who)),
            );
        }
        if let Some(what) = vote.unseen() {
            return no(Code::Coverage, format!("{who} approved without having seen all of it: {what}."));
        }
        if let Some((path, why)) = self.opaque.iter().find(|(path, _)| !acknowledges(vote, path)) {
            let what = match why {
                Opaque::Elsewhere => "stands for content that is not in this repository",
                Opaque::NoText => "is binary or too large to be read",
            };
            let detail = format!("{path} {what}, and the approval of {who} says nothing to it.");
            return Some(Reason::explains(Code::Opaque, detail).at(path));
        }
        if let Some(reason) = self.replay(vote) {
            return Some(reason);
        }
        if self.is_author(vote.person) {
            let through = self.through(who);
            let detail =
                format!("{who} approved a change of her or his own{through}; the policy allows it (self_review).");
            self.tell(Reason::said(Code::SelfReview, detail));
        }
        None
    }

    /// An approval is for a change of what was there when it was signed. What landed, was taken back, and would land
    /// again is another change.
    pub(super) fn replay(&self, vote: Vote<'_>) -> Option<Reason> {
        let who = &vote.person.id;
        let since = vote.predicate().target.tip.parse().ok()?;
        let until = self.steps.first()?.from;
        if since == until {
            return None;
        }
        match self.court.grounds.contents.rest(since, until, self.manifest) {
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
    pub(super) fn find_authors(&mut self, decided: &[Vote<'_>]) {
        self.authors = self.author_set(decided);
        self.writers = self.court.grounds.policy.roster.ids_of(&self.authors);
    }

    /// Authors and co-authors as signed, those of what landed, and who ran the agent. A commit that squashing or
    /// rebasing wrote anew, and that names one person as author and committer, names who landed it. A merge that is
    /// proven to follow from its parents is nobody's work; of any other, whoever made it may have written or dropped
    /// something.
    fn author_set(&self, decided: &[Vote<'_>]) -> Vec<Identity> {
        let mut authors: Vec<Identity> = decided.iter().flat_map(|vote| vote.authors()).collect();
        let rewritten = !decided.is_empty() && !decided.iter().any(|vote| self.is_about(*vote));
        let landing = |commit: &Commit| rewritten && commit.author.email == commit.committer.email;
        let is_written = |commit: &&Commit| !landing(commit) && !self.follows(commit);
        let written: Vec<Commit> = self.commits.iter().filter(is_written).cloned().collect();
        authors.extend(provenance::author_set(&written, self.court.rules));
        authors.extend(provenance::operators(&written, self.court.rules));
        authors.sort();
        authors.dedup();
        authors
    }

    /// Where authorship is to be proven: a name in a commit is somebody's only if that person signed the commit or
    /// pushes it. Else whoever had a hand in it (committer, signer, pusher) counts as author too, and the author as
    /// unknown.
    pub(super) fn prove_authors(&mut self, decided: &[Vote<'_>]) {
        let grounds = &self.court.grounds;
        let roster = &grounds.policy.roster;
        if grounds.policy.author_proof == AuthorProof::Claimed {
            return;
        }
        let pusher = grounds.pusher.and_then(|account| roster.by_account(account));
        // What landing wrote anew tells nothing of who wrote what was approved.
        let rewritten = !decided.is_empty() && !decided.iter().any(|vote| self.is_about(*vote));
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
        let grounds = &self.court.grounds;
        let (_, key) = self.steps.iter().flat_map(|step| &step.signers).find(|(id, _)| *id == commit.id)?;
        let (person, enrolment) = grounds.policy.roster.enrolment(key)?;
        enrolment.unfit(commit.time, None, grounds.now).is_none().then_some(person)
    }

    /// Whether a commit is a merge that follows from its parents.
    fn follows(&self, commit: &Commit) -> bool {
        commit.parents.len() == 2 && self.steps.iter().any(|step| step.clean_merges.contains(&commit.id))
    }

    /// The earliest commit by which a person counts as author; none where only a signed record says so.
    pub(super) fn wrote(&self, id: &str) -> Option<ObjectId> {
        let (rules, roster) = (self.court.rules, &self.court.grounds.policy.roster);
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
    pub(super) fn hear_rejections(&mut self, asked: &Asked) {
        let roles: BTreeSet<&str> =
            asked.requirements.iter().flat_map(|r| &r.slots).map(|slot| slot.role.as_str()).collect();
        let is_asked = |vote: &Vote<'_>| signers(&[*vote]).iter().any(|signer| !signer.roles.is_disjoint(&roles));
        for vote in self.votes(Verdict::Reject).collect::<Vec<_>>() {
            let (who, id) = (vote.person.id.clone(), vote.record.id().to_string());
            let said = visible::text(vote.predicate().reason.trim()).into_owned();
            let meant = self.binds(vote) || self.is_about(vote);
            let near = !meant && self.overlaps(vote) && vote.expires > self.now();
            if !(meant || near) || self.is_taken_over(vote) {
                continue;
            }
            self.standing.rejected_by.extend(meant.then(|| who.clone()));
            let names_it = |vote: &&Vote<'_>| vote.predicate().answers.contains(&id);
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
                let glass = self.emergency_votes().iter().any(|vote| vote.predicate().answers.contains(&id));
                let reason = format!("{who} rejected it: {said}");
                let reason = if glass { Reason::holds } else { Reason::deny }(Code::Vetoed, reason);
                self.tell(reason);
            }
        }
    }

    /// Whether people who could change the policy, none of them an author, answer for this rejection now.
    pub(super) fn is_taken_over(&self, rejection: Vote<'_>) -> bool {
        let (id, now) = (rejection.record.id().to_string(), self.now());
        let takers: Vec<Vote<'_>> = self
            .votes(Verdict::HandOver)
            .filter(|vote| vote.predicate().answers.contains(&id) && !self.is_author(vote.person))
            .filter(|vote| !vote.is_ahead(now))
            .collect();
        self.court.grounds.policy.hand_over().iter().all(|requirement| {
            let present: Vec<_> = takers.iter().filter(|v| v.presence >= requirement.presence).copied().collect();
            requirement.is_filled_by(&signers(&present))
        })
    }
}

/// Whether an approval says that it knows of a path that its signer could not read.
fn acknowledges(vote: Vote<'_>, path: &RepoPath) -> bool {
    let name = escape(path);
    vote.predicate().coverage.omissions.iter().any(|o| o.path == name && !o.acknowledged.trim().is_empty())
}
