//! Commits that landed, as information about the next one. Read leniently: nothing is judged by them, so an author that
//! can be read in two ways is read in one of them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use serde::{Deserialize, Serialize};

use super::{GitError, Repository, object_id, objects, oid};
use crate::change::ObjectId;
use crate::change::diff::Diff;

/// The most bytes of a message that are read.
const MAX_MESSAGE: usize = 64 << 10;

/// The most commits that are read for the title of a change.
const MAX_OWN_LINE: usize = 1_000;

/// Which commits of a history are selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitSelection {
    /// All except merges.
    Written,
    /// The first parents, including merges.
    FirstParents,
}

impl CommitSelection {
    /// Whether a commit with this number of parents is selected.
    fn takes(self, parents: usize) -> bool {
        self == CommitSelection::FirstParents || parents < 2
    }
}

/// Commits with their number of parents: in the given order, except that no commit precedes one of its descendants.
/// Commits of the same second, as rebasing creates them, come in any order.
fn in_order(commits: Vec<(ObjectId, Vec<ObjectId>)>) -> Vec<(ObjectId, usize)> {
    let at: HashMap<ObjectId, usize> = commits.iter().enumerate().map(|(at, (id, _))| (*id, at)).collect();
    let parents = |of: usize| commits[of].1.iter().filter_map(|parent| at.get(parent).copied());
    let mut children = vec![0_usize; commits.len()];
    (0..commits.len()).flat_map(parents).for_each(|parent| children[parent] += 1);
    let mut next: BinaryHeap<Reverse<usize>> =
        (0..commits.len()).filter(|at| children[*at] == 0).map(Reverse).collect();
    let mut ordered = Vec::with_capacity(commits.len());
    while let Some(Reverse(first)) = next.pop() {
        ordered.push((commits[first].0, commits[first].1.len()));
        for parent in parents(first) {
            children[parent] -= 1;
            if children[parent] == 0 {
                next.push(Reverse(parent));
            }
        }
    }
    ordered
}

/// A commit with the tree of its first parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCommit {
    pub id: ObjectId,
    /// Seconds since the epoch by the committer's clock: a claim.
    pub time: i64,
    /// Address of the author, in lower case.
    pub author: String,
    /// At most 64 KiB; invalid UTF-8 becomes U+FFFD.
    pub message: String,
    /// None for a root commit.
    pub old_tree: Option<ObjectId>,
    pub new_tree: ObjectId,
}

impl PastCommit {
    /// The first line of the message.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or_default().trim()
    }

    /// What it changes at each path against its first parent; no blob is opened.
    ///
    /// # Errors
    /// A tree is missing or malformed, or the change exceeds the limits.
    pub fn diff(&self, repository: &Repository) -> Result<Diff, GitError> {
        objects::diff_from(repository, self.old_tree, self.new_tree)
    }
}

impl Repository {
    /// Commits reachable from `tip` but not from `without`, newest first, at most `limit`.
    ///
    /// # Errors
    /// A commit is missing; that does not apply to the commits that a shallow clone omits.
    pub fn past(
        &self,
        tip: ObjectId,
        without: Option<ObjectId>,
        line: CommitSelection,
        limit: usize,
    ) -> Result<Vec<ObjectId>, GitError> {
        let mut walk = self.raw.revwalk()?;
        // Topological order must read the whole history before its first commit.
        walk.set_sorting(git2::Sort::TIME)?;
        if line == CommitSelection::FirstParents {
            walk.simplify_first_parent()?;
        }
        walk.push(oid(tip))?;
        without.map(|without| walk.hide(oid(without))).transpose()?;
        let mut found: Vec<(ObjectId, Vec<ObjectId>)> = Vec::new();
        let mut wanted = 0;
        for id in walk {
            let id = id?;
            self.deadline.check()?;
            let parents: Vec<ObjectId> = self.raw.find_commit(id)?.parent_ids().map(object_id).collect();
            wanted += usize::from(line.takes(parents.len()));
            found.push((object_id(id), parents));
            if wanted == limit {
                break;
            }
        }
        Ok(in_order(found).into_iter().filter(|(_, parents)| line.takes(*parents)).map(|(id, _)| id).collect())
    }

    /// The title of a change: that of its first commit, not one of a branch that it merged, unless it has no other. At
    /// most 1,000 commits are read.
    ///
    /// # Errors
    /// A commit is missing.
    pub fn title_between(&self, base: ObjectId, head: ObjectId) -> Result<String, GitError> {
        let line = self.past(head, Some(base), CommitSelection::FirstParents, MAX_OWN_LINE)?;
        let parents = |id: &ObjectId| self.raw.find_commit(oid(*id)).map_or(0, |commit| commit.parent_count());
        let oldest = match line.iter().rev().find(|id| parents(id) < 2) {
            Some(own) => Some(*own),
            None => self.past(head, Some(base), CommitSelection::Written, MAX_OWN_LINE)?.pop(),
        };
        Ok(self.past_commit(oldest.unwrap_or(head))?.title().to_owned())
    }

    /// The time of a commit, by the committer's clock, and its first parent; no parent for a root commit and at the cut
    /// of a shallow clone.
    ///
    /// # Errors
    /// It is missing.
    pub fn dated(&self, id: ObjectId) -> Result<(i64, Option<ObjectId>), GitError> {
        let commit = self.raw.find_commit(oid(id))?;
        Ok((commit.time().seconds(), commit.parent_ids().next().map(object_id)))
    }

    /// Reads a commit and the trees before and after it.
    ///
    /// # Errors
    /// It, or its first parent, is missing.
    pub fn past_commit(&self, id: ObjectId) -> Result<PastCommit, GitError> {
        let commit = self.raw.find_commit(oid(id))?;
        let message = commit.message_bytes();
        let old = commit.parent_ids().next().map(|parent| self.tree_of(object_id(parent))).transpose()?;
        Ok(PastCommit {
            id,
            time: commit.time().seconds(),
            author: String::from_utf8_lossy(commit.author().email_bytes()).to_lowercase(),
            message: String::from_utf8_lossy(&message[..message.len().min(MAX_MESSAGE)]).into_owned(),
            old_tree: old,
            new_tree: object_id(commit.tree_id()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_commit_comes_before_one_that_grew_out_of_it() {
        let id = |n: u8| ObjectId([n; 20]);
        // 4 merges 2 and 3, which both descend from 1; all of the same second. 9 is older than what was walked.
        let given = vec![(id(1), vec![id(9)]), (id(4), vec![id(2), id(3)]), (id(3), vec![id(1)]), (id(2), vec![id(1)])];
        let ordered: Vec<_> = in_order(given).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ordered, [id(4), id(3), id(2), id(1)]);
        assert_eq!(in_order(Vec::new()), []);
    }
}
