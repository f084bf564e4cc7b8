//! Who wrote what lands, and whether that is proven.

use std::collections::{BTreeMap, BTreeSet};

use super::Segment;
use crate::change::{Commit, Identity, ObjectId};
use crate::gate::Lands;
use crate::gate::counted_decision::{CountedDecision, identities};
use crate::gate::drill::CountedDrill;
use crate::gate::outcome::{Code, Reason};
use crate::policy::{AuthorProof, Person};
use crate::provenance;
use crate::record::drill::OfDrill as _;

/// How many commits are searched for the one that a message about an author names.
const MAX_NAMED: usize = 1_000;

/// Who wrote a segment.
pub(super) struct Authors<'g> {
    pub identities: Vec<Identity>,
    /// The ids of people in the roster whose own signature does not count: the authors, and those who may be an author.
    pub people: BTreeSet<&'g str>,
    /// A commit with an unproven author, if the policy requires proof.
    pub unproven: Option<ObjectId>,
    pub reasons: Vec<Reason>,
}

/// What signed records say of what lands.
#[derive(Clone, Default)]
pub(super) struct Claims<'r> {
    /// Who wrote it.
    authors: Vec<Identity>,
    /// The commits that were signed, in hex.
    heads: Vec<&'r str>,
}

impl<'r> Claims<'r> {
    pub fn of(decided: &[CountedDecision<'r>]) -> Claims<'r> {
        let heads = decided.iter().map(|decision| decision.predicate().head.commit.as_str()).collect();
        Claims { authors: decided.iter().flat_map(|decision| decision.authors()).collect(), heads }
    }

    /// The same, if what people signed in a drill were decisions.
    pub fn and(mut self, declared: &[CountedDrill<'r>]) -> Claims<'r> {
        for one in declared {
            self.authors.extend(identities(&one.record.drill().authors));
            self.heads.push(&one.record.drill().commit);
        }
        self
    }
}

impl<'g> Authors<'g> {
    pub fn has(&self, person: &Person) -> bool {
        self.people.contains(person.id.as_str())
    }

    /// If authorship must be proven: a name in a commit counts only if that person signed the commit or pushes it.
    /// Otherwise everyone involved (committer, signer, pusher) counts as an author too, and the author as unknown.
    pub fn proven(mut self, segment: &Segment<'_, 'g>, claims: &Claims<'_>) -> Authors<'g> {
        let input = &segment.evaluation.input;
        let roster = &input.policy.roster;
        if input.policy.author_proof == AuthorProof::Claimed {
            return self;
        }
        let pusher = input.pusher.and_then(|account| roster.by_account(account));
        let rewritten = segment.is_rewritten(claims) || segment.will_be_rewritten();
        let (mut hands, mut committers) = (Vec::new(), Vec::new());
        for commit in &segment.commits {
            let signer = segment.signer_of(commit);
            let authors = roster.people_of(&commit.author);
            let vouches = |person: Option<&Person>| match (person, &authors[..]) {
                (Some(person), [author]) => person.id == author.id,
                _ => false,
            };
            if !segment.follows(commit) && (rewritten || !(vouches(signer) || vouches(pusher))) {
                hands.extend(signer.into_iter().chain(pusher));
                committers.push(commit.committer.clone());
                self.unproven = Some(commit.id);
            }
        }
        self.people.extend(hands.into_iter().map(|person| person.id.as_str()));
        self.people.extend(roster.ids_of(&committers));
        self.identities.extend(committers);
        self.reasons.extend(self.unproven.map(|commit| {
            let detail = format!(
                "Nobody vouches for who wrote it: the commits (such as {}) are neither signed nor pushed by their \
                 author. Who committed and pushed counts as author too.",
                commit.short()
            );
            Reason::explains(Code::AuthorUnproven, detail)
        }));
        self
    }
}

impl<'g> Segment<'_, 'g> {
    /// Who wrote it, as identities and as people of the roster.
    pub(super) fn authors(&self, claims: &Claims<'_>) -> Authors<'g> {
        let identities = self.author_set(claims);
        let people = self.evaluation.input.policy.roster.ids_of(&identities);
        Authors { identities, people, unproven: None, reasons: Vec::new() }
    }

    /// Whether landing rewrote the commits: they then do not tell who wrote what was approved.
    fn is_rewritten(&self, claims: &Claims<'_>) -> bool {
        !claims.heads.is_empty() && !claims.heads.iter().any(|head| self.ids.contains(*head))
    }

    /// Whether the host lands a proposal as other commits, which have none of its signatures.
    fn will_be_rewritten(&self) -> bool {
        let stands_on_the_tip = || {
            let tip = self.steps.first().map(|step| step.from);
            self.commits.iter().any(|commit| commit.parents.first().copied() == tip)
        };
        match self.evaluation.lands {
            Some(Lands::Squash) => true,
            Some(Lands::Rebase) => !stands_on_the_tip(),
            Some(Lands::FastForward | Lands::Merge) | None => false,
        }
    }

    /// Authors and co-authors as signed, those of what landed, and who ran the agent. A commit that was rewritten by
    /// squash or rebase, with one person as author and committer, names who landed it. A merge that is proven to follow
    /// from its parents has no author; whoever made any other merge may have written or dropped something.
    fn author_set(&self, claims: &Claims<'_>) -> Vec<Identity> {
        let mut authors = claims.authors.clone();
        let rewritten = self.is_rewritten(claims);
        let landing = |commit: &Commit| rewritten && commit.author.email == commit.committer.email;
        let is_written = |commit: &&Commit| !landing(commit) && !self.follows(commit);
        let written: Vec<Commit> = self.commits.iter().filter(is_written).cloned().collect();
        authors.extend(provenance::author_set(&written, self.evaluation.rules));
        authors.extend(provenance::operators(&written, self.evaluation.rules));
        authors.sort();
        authors.dedup();
        authors
    }

    /// The person whose key signed a commit. A key of somebody else, or outside its validity, proves nothing.
    fn signer_of(&self, commit: &Commit) -> Option<&'g Person> {
        let input = &self.evaluation.input;
        let (_, key) = self.steps.iter().flat_map(|step| &step.signers).find(|(id, _)| *id == commit.id)?;
        let (person, enrolment) = input.policy.roster.enrolment(key)?;
        enrolment.unfit(commit.time, None, input.now).is_none().then_some(person)
    }

    /// Whether a commit is a merge that follows from its parents.
    pub(super) fn follows(&self, commit: &Commit) -> bool {
        commit.parents.len() == 2 && self.steps.iter().any(|step| step.clean_merges.contains(&commit.id))
    }

    /// The earliest commit by which a person counts as author; none if only a signed record says so.
    fn wrote(&self, authors: &Authors<'_>, id: &str) -> Option<ObjectId> {
        let (rules, roster) = (self.evaluation.rules, &self.evaluation.input.policy.roster);
        let is_by = |commit: &&Commit| {
            let own = std::slice::from_ref(*commit);
            let mut named = provenance::author_set(own, rules);
            named.extend(provenance::operators(own, rules));
            named.extend(authors.unproven.map(|_| commit.committer.clone()));
            roster.ids_of(&named).contains(id)
        };
        let written = self.commits.iter().rev().filter(|commit| !self.follows(commit));
        written.take(MAX_NAMED).find(is_by).map(|commit| commit.id)
    }

    /// ` (commit 1a2b3c4)`, appended to a message about an author.
    pub(super) fn through(&self, authors: &Authors<'_>, id: &str) -> String {
        self.wrote(authors, id).map_or_else(String::new, |commit| format!(" (commit {})", commit.short()))
    }

    /// For each person, the earliest commit that says so. Only a desk needs this, for one step; a push may have
    /// thousands.
    pub(super) fn wrote_by_person(&self, authors: &Authors<'_>) -> BTreeMap<String, ObjectId> {
        let asked = authors.people.iter().filter(|_| self.steps.len() == 1);
        asked.filter_map(|id| Some(((*id).to_owned(), self.wrote(authors, id)?))).collect()
    }
}
