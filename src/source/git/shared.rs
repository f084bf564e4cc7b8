//! Commits that are in many branches, as the lower ones of a stack are: read once for all of them. To inflate, hash and
//! parse a commit takes far longer than to copy it.

use std::collections::HashMap;

use super::ancestry::Ancestry;
use super::{GitError, Repository};
use crate::change::{Commit, ObjectId};

/// The most commits that are kept, and bytes of their messages; after that, all are dropped.
const MAX_KEPT: usize = 20_000;
const MAX_BYTES: usize = 32 << 20;

/// What is known while the branches of a repository are compared with their target.
pub(super) struct Shared<'r> {
    pub ancestry: Ancestry<'r>,
    repository: &'r Repository,
    read: HashMap<ObjectId, Commit>,
    bytes: usize,
}

impl<'r> Shared<'r> {
    pub fn of(repository: &'r Repository) -> Shared<'r> {
        Shared { ancestry: Ancestry::of(repository), repository, read: HashMap::new(), bytes: 0 }
    }

    /// As [`Repository::commit`].
    pub fn commit(&mut self, id: ObjectId) -> Result<Commit, GitError> {
        if let Some(known) = self.read.get(&id) {
            return Ok(known.clone());
        }
        let commit = self.repository.commit(id)?;
        if self.read.len() == MAX_KEPT || self.bytes + commit.message.len() > MAX_BYTES {
            self.read.clear();
            self.bytes = 0;
        }
        self.bytes += commit.message.len();
        self.read.insert(id, commit.clone());
        Ok(commit)
    }
}
