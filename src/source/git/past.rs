//! Commits that landed, for what they tell of the next one. Read leniently: nothing is judged by them, so one whose
//! author could be read in two ways is read in one.

use serde::{Deserialize, Serialize};

use super::{GitError, Repository, object_id, objects, oid};
use crate::change::ObjectId;
use crate::change::diff::Diff;

/// Bytes of a message that are read.
const MAX_MESSAGE: usize = 64 << 10;

/// Which commits of a history are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// All that are no merges.
    Written,
    /// The first parents, merges among them.
    FirstParents,
}

/// A commit beside its first parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCommit {
    pub id: ObjectId,
    /// Seconds since the epoch by the committer's clock: a claim.
    pub time: i64,
    /// Address of the author, in small letters.
    pub author: String,
    /// At most 64 KiB of it; bytes that are not UTF-8 are U+FFFD.
    pub message: String,
    /// None of a root.
    pub old_tree: Option<ObjectId>,
    pub new_tree: ObjectId,
}

impl PastCommit {
    /// The first line of the message.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or_default().trim()
    }

    /// What it does to each path against its first parent; no blob is opened.
    ///
    /// # Errors
    /// A tree is missing or malformed, or there is more than is read.
    pub fn diff(&self, repository: &Repository) -> Result<Diff, GitError> {
        objects::diff_from(repository, self.old_tree, self.new_tree)
    }
}

impl Repository {
    /// Commits reachable from `tip` and not from `without`, newest first, at most `limit`.
    ///
    /// # Errors
    /// A commit is missing: in a shallow clone that is none.
    pub fn past(
        &self,
        tip: ObjectId,
        without: Option<ObjectId>,
        line: Line,
        limit: usize,
    ) -> Result<Vec<ObjectId>, GitError> {
        let mut walk = self.raw.revwalk()?;
        // Topological order has to read all of a history before its first commit.
        walk.set_sorting(match without {
            Some(_) => git2::Sort::TOPOLOGICAL | git2::Sort::TIME,
            None => git2::Sort::TIME,
        })?;
        if line == Line::FirstParents {
            walk.simplify_first_parent()?;
        }
        walk.push(oid(tip))?;
        without.map(|without| walk.hide(oid(without))).transpose()?;
        let mut found = Vec::new();
        for id in walk {
            let id = id?;
            self.deadline.check()?;
            if line == Line::FirstParents || self.raw.find_commit(id)?.parent_count() < 2 {
                found.push(object_id(id));
            }
            if found.len() == limit {
                break;
            }
        }
        Ok(found)
    }

    /// Reads a commit and the trees that it stands between.
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
