//! Chains that a long-running program verified before, by the commits that they end in: a commit never changes, so only
//! what was added to it must be read.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::{ErrorCode, Oid};

use super::families::{Family, Keys, MAX_LINKS, chain_names, commits, link};
use crate::record::{Chain, ChainId};
use crate::source::git::{GitError, Repository};

/// The tips of one chain that are kept: it may be shorter, or damaged, at a remote.
const MAX_TIPS: usize = 4;

/// Chains by their ids, each at some of its tips, the one used last at the end.
type Kept<R> = HashMap<ChainId, Vec<(Oid, Chain<R>)>>;

/// The chains of a family that were verified. An empty one reads everything.
///
/// A tip that does not continue what is kept of its chain is read from the first link on, and all that was kept of that
/// chain is dropped. A chain with a fault is not kept.
#[derive(Debug)]
pub struct VerifiedChains<R>(Mutex<Kept<R>>);

impl<R> Default for VerifiedChains<R> {
    fn default() -> VerifiedChains<R> {
        VerifiedChains(Mutex::default())
    }
}

impl<R: Family> VerifiedChains<R> {
    /// The chain of the repository itself; an absent one is empty.
    pub fn own(&self, repository: &Repository, id: &ChainId) -> Chain<R> {
        self.chain_of(repository, &format!("{}{id}", R::PREFIX), id)
    }

    /// The chain under a ref; an absent one is empty.
    pub fn chain_of(&self, repository: &Repository, name: &str, id: &ChainId) -> Chain<R> {
        match repository.raw.find_reference(name) {
            Ok(reference) => match reference.target() {
                Some(tip) => self.chain_from(repository, id, tip),
                None => Chain::read(id.clone(), [None]),
            },
            Err(error) if error.code() == ErrorCode::NotFound => Chain::empty(id.clone()),
            Err(_) => Chain::read(id.clone(), [None]),
        }
    }

    /// The chain that ends in a commit.
    pub fn chain_from(&self, repository: &Repository, id: &ChainId, tip: Oid) -> Chain<R> {
        let kept = self.all().get(id).cloned().unwrap_or_default();
        let tips: Vec<Oid> = kept.iter().map(|(tip, _)| *tip).collect();
        let (read, met, _) = commits(repository, tip, MAX_LINKS, &tips);
        let before = kept.into_iter().find(|(tip, _)| Some(*tip) == met).map(|(_, chain)| chain);
        let is_continued = before.as_ref().is_some_and(|before| before.len() + read.len() <= MAX_LINKS);
        let (mut chain, read) = match before.filter(|_| is_continued) {
            Some(before) => (before, read),
            None if met.is_none() => (Chain::empty(id.clone()), read),
            None => (Chain::empty(id.clone()), commits(repository, tip, MAX_LINKS, &[]).0),
        };
        chain.extend(read.iter().map(|commit| commit.as_ref().and_then(|commit| link(repository, commit))));
        self.keep(tip, &chain, is_continued);
        chain
    }

    /// The chains of certain keys in the repository, and with remotes those that they were last seen to have; copies of
    /// one chain are joined.
    ///
    /// # Errors
    /// A ref cannot be read.
    pub fn family(&self, repository: &Repository, with_remotes: bool, keys: &Keys) -> Result<Vec<Chain<R>>, GitError> {
        let all = chain_names::<R>(repository, with_remotes, keys)?.into_iter();
        let copies = |(id, names): (ChainId, Vec<String>)| {
            Chain::join(names.iter().map(|name| self.chain_of(repository, name, &id)).collect())
        };
        Ok(all.filter_map(copies).collect())
    }

    /// Takes a chain as verified that somebody who is trusted for that verified before.
    pub(super) fn recall(&self, tip: Oid, chain: Chain<R>) {
        self.keep(tip, &chain, false);
    }

    /// The commit at which a chain ended when it was read, whatever its ref has moved to since.
    pub(super) fn tip_of(&self, chain: &Chain<R>) -> Option<Oid> {
        let all = self.all();
        let mut kept = all.get(&chain.id)?.iter().rev();
        kept.find(|(_, kept)| kept.head() == chain.head()).map(|(tip, _)| *tip)
    }

    fn all(&self) -> MutexGuard<'_, Kept<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a sound chain as the one that was used last.
    fn keep(&self, tip: Oid, chain: &Chain<R>, is_continued: bool) {
        let mut all = self.all();
        let kept = all.entry(chain.id.clone()).or_default();
        kept.retain(|(own, _)| is_continued && *own != tip);
        if chain.fault.is_none() {
            kept.drain(..kept.len().saturating_sub(MAX_TIPS - 1));
            kept.push((tip, chain.clone()));
        }
    }
}
