//! What follows from the content of a change alone, kept on disk between two openings of the queue: findings,
//! provenance, counts, and what the policy's rules query about the objects. The key includes everything that this
//! depends on: trees, commits, names of the branches, notes, rules, the version of the program, and how the policy
//! divides paths into compartments, which determines which moved files are joined.
//!
//! The judgement by policy, ledger and clock is made anew each time: it is never kept.
//!
//! Nothing that is signed or let through comes from here. Only the list of the queue uses it; when a person opens a
//! change, it is read and examined from the objects ([`super::examine`]), and that examination is signed; what comes
//! from here is refused there ([`Examination::from_objects`]). A gate does not use the cache. So whoever can write a
//! person's cache can falsify or remove a row of the queue, and nothing else.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::concurrent::{Book, Concurrent, Edits, builds_on};
use super::{ChangeStatus, Examination, Facts, RepositorySnapshot, find_out, judged};
use crate::cache::{self, Cache};
use crate::change::diff::{Diff, Location};
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::{Change, ObjectId, RepoPath};
use crate::gate::{Contents, NextPolicy, Obstacle, Opaque, Rest, Step};
use crate::ledger::families::Keys;
use crate::ledger::{AsOf, evidence};
use crate::policy::Policy;
use crate::provenance;
use crate::record::drill::DrillChain;
use crate::record::evidence::EvidenceChain;
use crate::source::git::{self, GitError, Repository};

/// The most other changes that are judged for one, to find out whether they are decided.
const MAX_JUDGED: usize = 100;

/// What a policy queried about the objects of a change, and the answers; they are valid as long as the two trees are
/// the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answers {
    lines: Option<Vec<(RepoPath, u64)>>,
    hidden: Option<Vec<Location>>,
    opaque: Option<Vec<(RepoPath, Opaque)>>,
    aliases: Option<Vec<(RepoPath, RepoPath)>>,
}

/// Objects about which some answers are already known.
pub(super) struct Asked<'r> {
    pub(super) repository: &'r Repository,
    objects: git::Objects<'r>,
    trees: (ObjectId, ObjectId),
    answers: RefCell<Answers>,
}

impl<'r> Asked<'r> {
    pub(super) fn of(
        repository: &'r Repository,
        snapshot: &'r RepositorySnapshot,
        change: &Change,
        known: Answers,
        now: i64,
    ) -> Asked<'r> {
        let trees = (change.revision.base_tree, change.revision.head_tree);
        // As for decisions: what this clone has, and what it fetched.
        let scope = evidence::Scope::of(AsOf::now(true, now));
        let read = move |keys: &BTreeSet<String>| snapshot.evidence.read(repository, keys, &scope);
        let practised = AsOf::now(true, now);
        let keys = move || snapshot.policy().map_or_else(|| Keys::these(std::iter::empty()), Keys::of);
        let objects = git::Objects::of(repository)
            .with_evidence(read)
            .with_drills(move || snapshot.drills.read(repository, &keys(), &practised));
        Asked { repository, objects, trees, answers: RefCell::new(known) }
    }

    /// Everything known now; empty if there was more to read than the limits allow.
    pub(super) fn answers(self) -> Answers {
        if self.objects.exceeded().is_some() { Answers::default() } else { self.answers.into_inner() }
    }

    fn ask<T: Clone>(
        &self,
        steps: &[Step],
        slot: impl Fn(&mut Answers) -> &mut Option<T>,
        find: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, String> {
        let is_own = matches!(steps, [step] if step.compared == self.trees);
        let known = slot(&mut self.answers.borrow_mut()).clone().filter(|_| is_own);
        if let Some(known) = known {
            return Ok(known);
        }
        let found = find()?;
        if is_own {
            *slot(&mut self.answers.borrow_mut()) = Some(found.clone());
        }
        Ok(found)
    }
}

impl Contents for Asked<'_> {
    fn lines(&self, steps: &[Step]) -> Result<Vec<(RepoPath, u64)>, String> {
        self.ask(steps, |answers| &mut answers.lines, || self.objects.lines(steps))
    }

    fn hidden(&self, steps: &[Step]) -> Result<Vec<Location>, String> {
        self.ask(steps, |answers| &mut answers.hidden, || self.objects.hidden(steps))
    }

    fn opaque(&self, steps: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String> {
        self.ask(steps, |answers| &mut answers.opaque, || self.objects.opaque(steps))
    }

    fn aliases(&self, steps: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String> {
        self.ask(steps, |answers| &mut answers.aliases, || self.objects.aliases(steps))
    }

    fn exceeded(&self) -> Option<String> {
        self.objects.exceeded()
    }

    fn rest(&self, since: ObjectId, until: ObjectId, manifest: &Manifest) -> Result<Rest, String> {
        self.objects.rest(since, until, manifest)
    }

    fn is_same_place(&self, then: (ObjectId, ObjectId), paths: &[&RepoPath], steps: &[Step]) -> Option<bool> {
        self.objects.is_same_place(then, paths, steps)
    }

    fn evidence(&self, keys: &BTreeSet<String>) -> Result<Arc<Vec<EvidenceChain>>, String> {
        self.objects.evidence(keys)
    }

    fn drills(&self) -> Result<Arc<Vec<DrillChain>>, String> {
        self.objects.drills()
    }

    fn next_policy(&self, commit: ObjectId, now: Digest) -> Result<Option<NextPolicy>, String> {
        self.objects.next_policy(commit, now)
    }
}

/// The examinations kept of the changes of a repository.
pub struct Kept<'r> {
    repository: &'r Repository,
    snapshot: &'r RepositorySnapshot,
    cache: &'r Cache,
    /// The part of their keys that all changes share.
    context: Digest,
}

impl<'r> Kept<'r> {
    pub fn of(repository: &'r Repository, snapshot: &'r RepositorySnapshot, cache: &'r Cache) -> Kept<'r> {
        let rules = [snapshot.rules().digest(), provenance::Rules::shipped().digest()];
        let division = snapshot.policy().map(division).unwrap_or_default();
        Kept { repository, snapshot, cache, context: context(rules, &snapshot.notes.told(), &division) }
    }

    /// The examination of a change from what is kept of it; none if nothing is.
    pub fn known(&self, change: &Change, now: i64) -> Result<Option<Examination>, GitError> {
        let key = key(self.context, change);
        let Some(facts) = self.cache.get::<Facts>(&key) else { return Ok(None) };
        let apart = facts.diff.apart();
        let applied = self.applied(change, &apart)?;
        let answers = facts.answers.clone();
        let (examination, answers_now) =
            judged(self.repository, self.snapshot, change, &facts, (&apart, applied), now)?;
        // The policy queries more than before.
        if answers_now != answers {
            self.cache.put(key, &Facts { answers: answers_now, ..facts });
        }
        Ok(Some(examination.with_background(change, self.snapshot.rules(), self.cache)))
    }

    /// As [`super::whole`], for a list: what is kept is not read again, and what is read is kept.
    pub fn listed(&self, change: &Change, now: i64) -> Result<Examination, GitError> {
        if let Some(known) = self.known(change, now)? {
            return Ok(known);
        }
        let (repository, snapshot) = (self.repository, self.snapshot);
        let diff = super::diff(repository, snapshot, change)?;
        let reading = super::read(repository, snapshot.rules(), &diff)?;
        let packages = snapshot.packages.listed(repository, super::agreed_tree(repository, change), self.cache);
        let facts = find_out((repository, snapshot), change, diff, reading, &packages);
        let apart = facts.diff.apart();
        let applied = self.applied(change, &apart)?;
        let (examination, answers) = judged(repository, snapshot, change, &facts, (&apart, applied), now)?;
        // If objects are cut off or missing, more may be visible later.
        if !repository.is_shallow() && !facts.is_partial() && !packages.is_failed() {
            self.cache.put(key(self.context, change), &Facts { answers, ..facts });
        }
        Ok(examination.with_background(change, snapshot.rules(), self.cache))
    }

    /// What an examined change shares with the other pending ones, as far as the queue has examined them: nothing is
    /// read for it but what is kept of them.
    pub fn beside(&self, (change, edits): (&Change, &Arc<Edits>), pending: &[Change], now: i64) -> Concurrent {
        let (mut book, mut unexamined) = (Book::default(), 0);
        book.put(0, &change.id, edits);
        let others = pending.iter().filter(|other| other.id != change.id && !builds_on(change, other));
        let by_id: HashMap<&str, &Change> = others.map(|other| (other.id.as_str(), other)).collect();
        for (id, other) in &by_id {
            match self.edits_of(other) {
                Some(edits) => book.put(0, id, &Arc::new(edits)),
                None => unexamined += 1,
            }
        }
        let mut judged = 0;
        let open = |id: &str| {
            let other = *by_id.get(id)?;
            judged += 1;
            // What is not judged any more counts: better one too many than one that nobody hears of.
            let is_over = judged <= MAX_JUDGED && self.is_decided(other, now);
            (!is_over).then_some(other)
        };
        Concurrent { unexamined, ..Concurrent::among(book.beside(&change.id), open) }
    }

    /// What a change edits, from what is kept of it; none if nothing is.
    fn edits_of(&self, change: &Change) -> Option<Edits> {
        let facts = self.cache.get::<Facts>(&key(self.context, change))?;
        Some(Edits::of(&facts.diff, &facts.lines))
    }

    /// Whether all is said of a change, from what is kept of it.
    fn is_decided(&self, change: &Change, now: i64) -> bool {
        let known = self.known(change, now).ok().flatten();
        known.is_some_and(|known| ChangeStatus::of(self.snapshot, &known, None, now).is_decided())
    }

    /// What comes of applying a change to its target, as [`git::applied`].
    fn applied(&self, change: &Change, apart: &Diff) -> Result<Result<ObjectId, Obstacle>, GitError> {
        let revision = &change.revision;
        let trees = [revision.base_tree, revision.head_tree];
        // Not keyed by target, so that the result for an earlier one is replaced.
        let key = cache::key("applied", &trees.each_ref().map(|tree| &tree.0[..]));
        if let Some((target, known)) = self.cache.get::<(ObjectId, Result<ObjectId, Obstacle>)>(&key)
            && target == revision.target_tree
        {
            return Ok(known);
        }
        let found = git::applied(self.repository, revision, apart)?;
        self.cache.put(key, &(revision.target_tree, &found));
        Ok(found)
    }
}

/// What the facts of all changes of a repository depend on, besides their objects.
fn context(rules: [Digest; 2], notes: &str, division: &[u8]) -> Digest {
    cache::key("context", &[&rules[0].0, &rules[1].0, notes.as_bytes(), division])
}

/// The key of a change, which covers everything except the target.
fn key(context: Digest, change: &Change) -> Digest {
    let revision = &change.revision;
    let fork = change.below.as_ref().map_or(revision.base, |below| below.base);
    let points = [fork, revision.base, revision.base_tree, revision.head, revision.head_tree];
    let commits: Vec<u8> = revision.commits.iter().flat_map(|commit| commit.id.0).collect();
    let mut parts: Vec<&[u8]> = vec![&context.0];
    parts.extend(points.iter().map(|id| &id.0[..]));
    parts.push(&commits);
    parts.extend(change.branches().map(str::as_bytes));
    cache::key("examined", &parts)
}

/// Which paths each compartment of a policy contains.
fn division(policy: &Policy) -> Vec<u8> {
    let compartments = policy.compartments.iter().map(|compartment| (&compartment.name, &compartment.patterns));
    serde_json::to_vec(&compartments.collect::<Vec<_>>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Revision;

    fn id(n: u8) -> ObjectId {
        ObjectId([n; 20])
    }

    fn change(points: [u8; 6]) -> Change {
        let [base, base_tree, head, head_tree, target_tip, target_tree] = points.map(id);
        let revision = Revision { base, base_tree, head, head_tree, target_tip, target_tree, commits: Vec::new() };
        Change::of_range("shop:x".into(), "x".into(), "refs/heads/main".into(), revision)
    }

    #[test]
    fn other_rules_trees_commits_names_or_notes_are_another_key_and_another_target_is_not() {
        let rules = [1, 2].map(|n| Digest([n; 32]));
        let context_of = |rules| context(rules, "notes", b"division");
        let own = change([1, 2, 3, 4, 5, 6]);
        let known = key(context_of(rules), &own);
        for other in [[9, 2], [1, 9], [2, 1]] {
            assert_ne!(known, key(context_of(other.map(|n| Digest([n; 32]))), &own));
        }
        assert_ne!(known, key(context(rules, "other notes", b"division"), &own));
        assert_ne!(known, key(context(rules, "notes", b"another division"), &own));
        for points in [[9, 2, 3, 4, 5, 6], [1, 9, 3, 4, 5, 6], [1, 2, 9, 4, 5, 6], [1, 2, 3, 9, 5, 6]] {
            assert_ne!(known, key(context_of(rules), &change(points)), "{points:?}");
        }
        assert_eq!(known, key(context_of(rules), &change([1, 2, 3, 4, 9, 9])));
        let divided = |rest: &str| {
            let text = format!("{}\n{rest}", include_str!("../../assets/policy.toml"));
            division(&Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}")))
        };
        let one = "[compartment.one]\npaths = [\"one/**\"]\nsign = [{ role = \"senior\", n = 1 }]\n";
        assert_ne!(divided(""), divided(one));
        assert_ne!(divided(one), divided(&one.replace("one/**", "two/**")));
        assert_eq!(divided(one), divided(&format!("{one}solo = true\n")));
    }
}
