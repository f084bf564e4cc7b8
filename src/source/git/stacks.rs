//! Review requests that build on each other: each is compared with the one below it, which lands first, so that it is
//! read and signed for what it adds.
//!
//! Git decides, not a server: the head of one is among the commits of the other, on its line of first parents, along
//! which a push is judged step by step. Once the lower one moves, its head is no longer there, and the upper one is
//! compared with the target again, until it is rebased. So is one that merged the target in: what a push brings is
//! not what it adds.

use std::collections::{HashMap, HashSet};

use super::{GitError, Repository};
use crate::change::references::References;
use crate::change::{Below, BranchRef, Change, Commit, ObjectId};
use crate::risk::masked;

impl Repository {
    /// Puts requests of one remote on top of each other where they build on each other.
    pub(super) fn stack(&self, changes: &mut [Change]) -> Result<(), GitError> {
        let heads = heads(changes);
        let found: Vec<(usize, usize)> =
            (0..changes.len()).filter_map(|at| Some((at, below(&changes[at], &heads)?))).collect();
        let mut stacked = Vec::new();
        for (at, lower) in found {
            let (change, lower) = (&changes[at], &changes[lower]);
            let target_tip = change.revision.target_tip;
            // Both are known without what the target contains, so nothing is walked again.
            let below: HashSet<ObjectId> = lower.revision.commits.iter().map(|commit| commit.id).collect();
            let own = change.revision.commits.iter().filter(|commit| !below.contains(&commit.id)).cloned().collect();
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
            let all = change.revision.commits.iter().map(|commit| commit.id);
            let commits = all.filter(|id| !own.contains(id)).collect();
            // It lands on what the lower one leaves behind.
            revision.target_tree = revision.base_tree;
            let base = change.revision.base;
            let below = Below { id: lower.id.clone(), name: name(lower), branches: branches(lower), base, commits };
            stacked.push((at, revision, below));
        }
        for (at, revision, below) in stacked {
            let change = &mut changes[at];
            change.title = masked(revision.title().unwrap_or(&change.branch));
            let at = change.refs.first().and_then(|at| self.reference_of(at));
            change.references = References::of(&revision.commits, at);
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
    let commits: HashMap<ObjectId, &Commit> =
        change.revision.commits.iter().map(|commit| (commit.id, commit)).collect();
    let first_parent = |commit: &&Commit| commits.get(commit.parents.first()?).copied();
    let own = commits.get(&change.revision.head).copied()?;
    std::iter::successors(first_parent(&own), first_parent).find_map(|commit| heads.get(&(remote, commit.id)).copied())
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
