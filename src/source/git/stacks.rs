//! Review requests that build on each other: each is compared with the one below it, which lands first, so that it is
//! read and signed for what it adds.
//!
//! Git decides, not a server: the head of one is among the commits of the other, on its line of first parents, along
//! which a push is judged step by step. Once the lower one moves, its head is no longer there, and the upper one is
//! compared with the target again, until it is rebased. So is one that merged the target in: what a push brings is
//! not what it adds.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{GitError, Repository};
use crate::change::{Below, BranchRef, Change, Commit, LowerCommits, ObjectId};
use crate::risk::masked;

impl Repository {
    /// Puts requests of one remote on top of each other where they build on each other.
    pub(super) fn stack(&self, changes: &mut [Change]) -> Result<(), GitError> {
        let heads = heads(changes);
        let mut found: Vec<(usize, usize)> =
            (0..changes.len()).filter_map(|at| Some((at, below(&changes[at], &heads)?))).collect();
        // The longest list first, of which the others are the ends.
        found.sort_by_key(|(_, lower)| Reverse(changes[*lower].revision.commits.len()));
        let (mut lists, mut stacked) = (Lists::default(), Vec::new());
        for (at, lower) in found {
            let (change, lower) = (&changes[at], &changes[lower]);
            let target_tip = change.revision.target_tip;
            // Both are known without what the target contains, so nothing is walked again.
            let own = beyond(change, lower);
            let mut revision = self.revision_of(lower.revision.head, change.revision.head, target_tip, own)?;
            // One that adds nothing would have nothing to show.
            if revision.base_tree == revision.head_tree {
                continue;
            }
            let own: HashSet<ObjectId> = revision.commits.iter().map(|commit| commit.id).collect();
            // If it took the target in, it would show what others landed there as its own, and a signature for that
            // lets nothing land: a gate counts only what the push brings.
            let is_own = |id: &ObjectId| own.contains(id) || self.is_descendant(lower.revision.head, *id);
            if !revision.commits.iter().flat_map(|commit| &commit.parents).all(is_own) {
                continue;
            }
            let commits = lists.of(&lower.revision.commits);
            // It lands on what the lower one leaves behind.
            revision.target_tree = revision.base_tree;
            let base = change.revision.base;
            let below = Below { id: lower.id.clone(), name: name(lower), branches: branches(lower), base, commits };
            stacked.push((at, revision, below));
        }
        for (at, revision, below) in stacked {
            let change = &mut changes[at];
            change.title = masked(revision.title().unwrap_or(&change.branch));
            (change.revision, change.below) = (revision, Some(below));
        }
        Ok(())
    }
}

/// Review requests by remote and head.
type Heads<'c> = HashMap<(&'c Option<String>, ObjectId), usize>;

fn heads(changes: &[Change]) -> Heads<'_> {
    let requests = changes.iter().enumerate().filter(|(_, change)| change.request().is_some());
    requests.filter_map(|(at, change)| Some(((&change.refs.first()?.remote, change.revision.head), at))).collect()
}

/// The nearest request of the same remote that a change builds on.
fn below(change: &Change, heads: &Heads<'_>) -> Option<usize> {
    let remote = change.request().and(change.refs.first()).map(|at| &at.remote)?;
    let mut next = Some(change.revision.head);
    // Each stands before its parents, so its line of first parents is met in one pass.
    for commit in &change.revision.commits {
        if next != Some(commit.id) {
            continue;
        }
        let lower = heads.get(&(remote, commit.id)).filter(|_| commit.id != change.revision.head);
        if lower.is_some() {
            return lower.copied();
        }
        next = commit.parents.first().copied();
    }
    None
}

/// What a change has beyond the one below it. Mostly it is that one's commits with more before them.
fn beyond(change: &Change, lower: &Change) -> Vec<Arc<Commit>> {
    let (all, below) = (&change.revision.commits, &lower.revision.commits);
    let (own, rest) = all.split_at(all.len().saturating_sub(below.len()));
    if rest.iter().zip(below).all(|(one, other)| one.id == other.id) && rest.len() == below.len() {
        return own.to_vec();
    }
    let below: HashSet<ObjectId> = below.iter().map(|commit| commit.id).collect();
    all.iter().filter(|commit| !below.contains(&commit.id)).cloned().collect()
}

/// Lists of commits, by each commit that they may be cut at.
#[derive(Default)]
struct Lists<'c>(HashMap<ObjectId, (&'c [Arc<Commit>], LowerCommits)>);

impl<'c> Lists<'c> {
    /// A list as the end of one that is known, if it is that.
    fn of(&mut self, commits: &'c [Arc<Commit>]) -> LowerCommits {
        let known = commits.first().and_then(|newest| self.0.get(&newest.id));
        let is_same = |known: &[Arc<Commit>]| {
            known.len() == commits.len() && known.iter().zip(commits).all(|(one, other)| one.id == other.id)
        };
        if let Some((_, known)) = known.filter(|(known, _)| is_same(known)) {
            return known.clone();
        }
        let whole = LowerCommits::new(commits.iter().map(|commit| commit.id));
        for (place, commit) in commits.iter().enumerate() {
            self.0.entry(commit.id).or_insert_with(|| (&commits[place..], whole.without(place)));
        }
        whole
    }
}

/// As its host calls it: `#12`.
fn name(change: &Change) -> String {
    change.request().map_or_else(|| change.name.clone(), |request| request.sign())
}

/// The branches of its remote that show its head: a host may say that what builds on it lands on one of them.
fn branches(change: &Change) -> Vec<String> {
    let remote = change.refs.first().and_then(|at| at.remote.clone());
    let is_branch = |at: &&BranchRef| at.request().is_none() && at.remote == remote;
    change.refs.iter().filter(is_branch).map(|at| at.branch.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::ObjectId;
    use crate::source::git::object_id;

    /// A repository whose remote has this many requests, each on the one before, and the commits of all.
    fn stacked(count: usize) -> (tempfile::TempDir, Repository, Vec<ObjectId>) {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(dir.path()).unwrap();
        let (mut parent, mut ids) = (None::<git2::Oid>, Vec::new());
        for n in 0..=count {
            let blob = raw.blob(format!("{n}\n").as_bytes()).unwrap();
            let before = parent.map(|id| raw.find_commit(id).unwrap());
            let tree = before.as_ref().map(|commit| commit.tree().unwrap());
            let mut builder = raw.treebuilder(tree.as_ref()).unwrap();
            builder.insert(format!("{}.txt", n % 9), blob, 0o100_644).unwrap();
            let tree = raw.find_tree(builder.write().unwrap()).unwrap();
            let who = git2::Signature::new("mina", "mina@example.com", &git2::Time::new(1_000 + n as i64, 0)).unwrap();
            let message = format!("Step {n}\n\nDepends-On: ann/lib#{n}\n");
            let parents: Vec<&git2::Commit<'_>> = before.iter().collect();
            let commit = raw.commit(None, &who, &who, &message, &tree, &parents).unwrap();
            let name = match n {
                0 => "refs/heads/main".to_owned(),
                n => format!("refs/undersign/requests/origin/pull/{n}"),
            };
            raw.reference(&name, commit, true, "made").unwrap();
            parent = Some(commit);
            ids.push(object_id(commit));
        }
        raw.remote("origin", "https://git.example/ann/shop.git").unwrap();
        (dir, Repository::open(raw.path()).unwrap(), ids)
    }

    #[test]
    fn each_of_many_requests_that_build_on_each_other_adds_its_own_commit_to_all_that_are_below() {
        let count = 120;
        let (_dir, repository, ids) = stacked(count);
        let target = repository.target().unwrap();
        let mut changes = repository.changes(0, &target).unwrap().changes;
        assert_eq!(changes.len(), count);
        changes.sort_by_key(|change| change.request().unwrap().number);
        for (change, n) in changes.iter().zip(1..) {
            let own: Vec<ObjectId> = change.revision.commits.iter().map(|commit| commit.id).collect();
            assert_eq!((own, change.title.as_str()), (vec![ids[n]], &*format!("Step {n}")));
            // What it says it depends on is said by its own commit.
            assert_eq!(change.references.depends_on.len(), 1, "{:?}", change.references);
            match &change.below {
                None => assert_eq!(n, 1),
                Some(below) => {
                    assert_eq!((below.base, &below.name), (ids[0], &format!("#{}", n - 1)));
                    let held: Vec<bool> = ids.iter().map(|id| below.commits.contains(id)).collect();
                    let wanted: Vec<bool> = (0..=count).map(|at| (1..n).contains(&at)).collect();
                    assert_eq!(held, wanted, "below {n}");
                }
            }
        }
    }
}
