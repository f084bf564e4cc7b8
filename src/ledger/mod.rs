//! FLOOR 2: the ledger: all chains of a repository, in its git refs. A record is verified, written once and atomically,
//! then read back and verified again.

mod append;
mod as_of;
mod bounded_cache;
mod digested;
pub mod drills;
pub mod evidence;
pub mod families;
mod outlines;
#[cfg(feature = "tui")]
pub mod own_chain;
mod reader;
mod remotes;
mod verified;

pub use crate::gate::ref_names::{DECISION_BRANCHES as BRANCH_PREFIX, DECISIONS as PREFIX, prefix_of};
pub use append::{FSYNC, append, append_after, append_to, clear_stale_locks};
pub use as_of::AsOf;
pub use digested::{Digested, at_hand, keep_at_hand};
pub use outlines::Outlines;
pub use remotes::{
    Forgotten, Left, forget_remote, keep_given_up, left_of, never_read, note_remote, told_unread, way_out,
};
pub use verified::VerifiedChains;

use std::collections::BTreeMap;

use git2::Oid;

use crate::change::ObjectId;
use crate::record::{Chain, ChainId, Fault, Record};
use crate::source::git::{GitError, Repository, oid};
use reader::ChainReader;
use remotes::remote_names;

/// What the remotes were last seen to have: `<prefix><remote>/decisions/<key id>/<chain id>`.
pub const REMOTES_PREFIX: &str = "refs/undersign/remotes/";

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("The record was not accepted: {0}. Nothing was written.")]
    Refused(Fault),
    #[error("Another program added a record to this chain meanwhile. Nothing was written; sign again.")]
    LostPlace,
    #[error("What was written could not be read back as it was: {0}. Run `git fsck` before you trust this repository.")]
    NotReadBack(String),
    #[error("The ledger cannot be written: {0}. The decision was not recorded; the draft is kept.")]
    Unwritable(String),
    #[error(transparent)]
    Git(#[from] GitError),
}

/// Which chains are read, and how much of them.
pub struct Scope<'s> {
    /// Whether the chains of a key, by its id, count. Anyone can add other chains, in any number.
    pub wanted: &'s dyn Fn(&str) -> bool,
    /// The most bytes of their links that are read.
    pub max_bytes: u64,
    /// Also read what the remotes were last seen to have.
    pub with_remotes: bool,
    /// Records that no longer matter, whatever else is there: they are dropped after verification, so that memory
    /// depends on the decisions in force.
    pub over: Option<&'s dyn Fn(&Record) -> bool>,
}

impl Scope<'_> {
    fn wants(&self, name: &str) -> bool {
        let id =
            prefix_of(name).map(|prefix| &name[prefix.len()..]).or_else(|| Some(name.split_once("/decisions/")?.1));
        id.is_none_or(|id| (self.wanted)(&id_of(id).key))
    }
}

/// The chains of the repository itself: the basis of a gate's judgement. A ref under the prefix whose name is not that
/// of a chain counts as a chain with a fault.
pub fn read(repository: &Repository) -> Result<Vec<Chain>, GitError> {
    joined(repository, &[PREFIX, BRANCH_PREFIX])
}

/// Like [`read`], for the wanted chains, with some refs moved as by a push; zeros delete a ref. Chains that are
/// `digested` are not read again.
///
/// # Errors
/// A ref cannot be read, or there is more to read than the limit.
pub fn read_with<'r>(
    repository: &'r Repository,
    moves: &[(&str, ObjectId)],
    digested: Option<&Digested>,
    scope: &Scope<'r>,
) -> Result<Vec<Chain>, GitError> {
    let reader = ChainReader::within(repository, scope);
    let wanted = |name: &str| scope.wants(name) && !moves.iter().any(|(moved, _)| *moved == name);
    let mut prefixes = vec![PREFIX.to_owned(), BRANCH_PREFIX.to_owned()];
    if scope.with_remotes {
        prefixes.extend(remotes(repository)?);
    }
    let mut copies = copies(&reader, &prefixes.iter().map(String::as_str).collect::<Vec<_>>(), digested, wanted)?;
    for (name, tip) in moves.iter().filter(|(name, tip)| !tip.is_zero() && scope.wants(name)) {
        let id = &name[prefix_of(name).map_or(0, str::len)..];
        let chain = reader.copy(name, id, Some(oid(*tip)), digested);
        reader.check()?;
        copies.entry(chain.id.clone()).or_default().push(chain);
    }
    Ok(copies.into_values().filter_map(Chain::join).collect())
}

/// The chain that a ref contains, by its name after the prefix.
pub fn id_of(name: &str) -> ChainId {
    let (key, device) = name.split_once('/').unwrap_or((name, ""));
    ChainId { key: key.to_owned(), device: device.to_owned() }
}

/// The chain that a ref would contain at a tip; its `digested` part is not read again.
pub fn chain_of(
    repository: &Repository,
    name: &str,
    prefix: &str,
    tip: ObjectId,
    digested: Option<&Digested>,
) -> Chain {
    ChainReader::of(repository).copy(name, name.strip_prefix(prefix).unwrap_or(name), Some(oid(tip)), digested)
}

/// Like [`read`], with what the remotes were last seen to have: the knowledge of a reviewer's program.
pub fn read_with_remotes(repository: &Repository) -> Result<Vec<Chain>, GitError> {
    let mut prefixes = vec![PREFIX.to_owned(), BRANCH_PREFIX.to_owned()];
    prefixes.extend(remotes(repository)?);
    joined(repository, &prefixes.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The prefixes of the chains of all remotes.
fn remotes(repository: &Repository) -> Result<Vec<String>, GitError> {
    Ok(remote_names(repository)?.iter().map(|name| remote_prefix(name)).collect())
}

/// What a remote was last seen to have.
pub fn read_remote(repository: &Repository, remote: &str) -> Result<Vec<Chain>, GitError> {
    joined(repository, &[&remote_prefix(remote)])
}

/// The prefix of the chains of a remote.
pub fn remote_prefix(remote: &str) -> String {
    format!("{REMOTES_PREFIX}{remote}/decisions/")
}

/// Reads one chain of the repository itself; an absent one is empty.
pub fn read_chain(repository: &Repository, id: &ChainId) -> Chain {
    let name = format!("{PREFIX}{id}");
    repository
        .raw
        .refname_to_id(&name)
        .map_or_else(|_| Chain::empty(id.clone()), |tip| ChainReader::of(repository).chain(&name, id, tip))
}

/// All chains under some prefixes; copies of one chain are joined.
fn joined(repository: &Repository, prefixes: &[&str]) -> Result<Vec<Chain>, GitError> {
    Ok(copies(&ChainReader::of(repository), prefixes, None, |_| true)?.into_values().filter_map(Chain::join).collect())
}

/// Each chain, in the copy of each wanted ref.
fn copies(
    reader: &ChainReader<'_>,
    prefixes: &[&str],
    digested: Option<&Digested>,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<ChainId, Vec<Chain>>, GitError> {
    let mut copies: BTreeMap<ChainId, Vec<Chain>> = BTreeMap::new();
    for prefix in prefixes {
        for reference in reader.repository.raw.references_glob(&format!("{prefix}*"))? {
            let reference = reference?;
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            if !wanted(&name) {
                continue;
            }
            let copy = reader.copy(&name, &name[prefix.len()..], reference.target(), digested);
            reader.check()?;
            copies.entry(copy.id.clone()).or_default().push(copy);
        }
    }
    Ok(copies)
}

/// The chain under a ref, identified by its name.
pub(crate) fn chain_at(repository: &Repository, name: &str, id: &str, tip: Option<Oid>) -> Chain {
    ChainReader::of(repository).copy(name, id, tip, None)
}
