//! Commits that are in many branches, as the lower ones of a stack are: read once for all of them. To inflate, hash and
//! parse a commit takes far longer than to copy it.

use std::collections::HashMap;
use std::sync::Arc;

use super::ancestry::Ancestry;
use super::{GitError, Repository};
use crate::change::{Commit, ObjectId};

/// The most commits that are kept, and bytes of their messages; after that, all are dropped.
const MAX_KEPT: usize = 20_000;
const MAX_BYTES: usize = 32 << 20;

/// A branch that is a sequence of commits on its base, or on another branch of which this is known.
#[derive(Clone)]
pub(super) struct Straight {
    /// The only best common ancestor of branch and target.
    pub base: ObjectId,
    /// What the branch contains and the target does not, newest first.
    pub commits: Vec<Arc<Commit>>,
}

/// What is known while the branches of a repository are compared with their target.
pub(super) struct Shared<'r> {
    pub ancestry: Ancestry<'r>,
    repository: &'r Repository,
    read: HashMap<ObjectId, Arc<Commit>>,
    bytes: usize,
    /// By the tip of a branch: what it has beyond the target.
    branches: HashMap<ObjectId, Straight>,
}

impl<'r> Shared<'r> {
    pub fn of(repository: &'r Repository) -> Shared<'r> {
        Shared {
            ancestry: Ancestry::of(repository),
            repository,
            read: HashMap::new(),
            bytes: 0,
            branches: HashMap::new(),
        }
    }

    /// What a branch has beyond the target, if that is known. All questions are about one target.
    pub fn branch(&self, tip: ObjectId) -> Option<&Straight> {
        self.branches.get(&tip)
    }

    /// What a branch has beyond the target was found. What lies on top of it need not walk it again.
    pub fn found(&mut self, tip: ObjectId, found: &Straight) {
        self.branches.insert(tip, found.clone());
    }

    /// As [`Repository::commit`].
    pub fn commit(&mut self, id: ObjectId) -> Result<Arc<Commit>, GitError> {
        if let Some(known) = self.read.get(&id) {
            return Ok(Arc::clone(known));
        }
        let commit = Arc::new(self.repository.commit(id)?);
        if self.read.len() == MAX_KEPT || self.bytes + commit.message.len() > MAX_BYTES {
            self.read.clear();
            self.bytes = 0;
        }
        self.bytes += commit.message.len();
        self.read.insert(id, commit.clone());
        Ok(commit)
    }
}
