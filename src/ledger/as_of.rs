//! The refs of chains at a moment: as they are, or as a push would leave them.

use std::collections::BTreeMap;

use git2::Oid;

use super::families::{Family, Keys, chain_names};
use super::id_of;
use crate::change::ObjectId;
use crate::record::ChainId;
use crate::source::git::{GitError, Repository, oid};

#[derive(Debug, Clone, Default)]
pub struct AsOf {
    /// Refs as a push would move them; zeros delete a ref.
    pub moves: Vec<(String, ObjectId)>,
    /// Also read what the remotes were last seen to have.
    pub with_remotes: bool,
    /// Seconds since the epoch. What ended so long before that it no longer matters may be left out.
    pub now: i64,
    /// For a look back: what is dated later than `now` is not there yet.
    pub is_past: bool,
}

impl AsOf {
    /// The refs as they are.
    pub fn now(with_remotes: bool, now: i64) -> AsOf {
        AsOf { with_remotes, now, ..AsOf::default() }
    }

    /// The chains of a family that certain keys have, each with the refs of its copies that do not move.
    pub(super) fn chain_names<F: Family>(
        &self,
        repository: &Repository,
        keys: &Keys,
    ) -> Result<BTreeMap<ChainId, Vec<String>>, GitError> {
        let mut names = chain_names::<F>(repository, self.with_remotes, keys)?;
        for (name, _) in &self.moves {
            let id = name.strip_prefix(F::PREFIX).map(id_of).filter(|id| keys.have(id));
            // A chain that is new has no ref yet.
            id.into_iter().for_each(|id| names.entry(id).or_default().retain(|copy| copy != name));
        }
        Ok(names)
    }

    /// Where the ref of a chain would move.
    pub(super) fn moved_to<F: Family>(&self, id: &ChainId) -> impl Iterator<Item = Oid> {
        let own = format!("{}{id}", F::PREFIX);
        self.moves.iter().filter(move |(name, new)| *name == own && !new.is_zero()).map(|(_, new)| oid(*new))
    }
}
