//! What a gate keeps of the chains that it read, so that its cost depends on the decisions in force.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use git2::Oid;
use serde::{Deserialize, Serialize};

use super::bounded_cache::Recent;
use super::reader::{ChainReader, Files};
use super::{PREFIX, Scope};
use crate::record::{Abridged, Chain, Record, verify};
use crate::source::git::Repository;

/// The most bytes that a long-running process keeps for all repositories, but for one that is larger; what is beyond
/// that is read from the state each time, as by a new process.
const MAX_AT_HAND: usize = 256 << 20;

/// What was read of chains before and may still matter, by ref: see [`Abridged`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digested {
    /// The SHA-256 of the policy under which the rest does not matter; empty if it does not matter under any.
    pub policy: String,
    refs: BTreeMap<String, DigestedRef>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestedRef {
    /// The commit that the ref pointed to; its id identifies its whole history.
    tip: String,
    chain: Abridged,
}

impl Digested {
    /// The current chains, without the records that no longer matter. A chain with a fault is omitted, and read again
    /// each time; so is one that differs from its ref, because another copy has more records, or the ref moved
    /// meanwhile.
    pub fn of(
        repository: &Repository,
        policy: String,
        chains: &[Chain],
        obsolete: impl Fn(&Record) -> bool,
    ) -> Digested {
        let refs = chains.iter().filter_map(|chain| {
            let name = format!("{PREFIX}{}", chain.id);
            let tip = repository.raw.refname_to_id(&name).ok()?;
            let newest = Files::of(&repository.raw, tip)?.envelope;
            let is_whole = verify(repository.raw.find_blob(newest).ok()?.content()).ok()?.id() == chain.head()?.record;
            is_whole.then_some(())?;
            let chain = chain.abridged(&obsolete)?;
            Some((name, DigestedRef { tip: tip.to_string(), chain }))
        });
        Digested { policy, refs: refs.collect() }
    }

    /// Whether the tip of every chain that counts is unchanged.
    pub fn is_current(&self, repository: &Repository, scope: &Scope<'_>) -> bool {
        let Ok(references) = repository.raw.references_glob(&format!("{PREFIX}*")) else { return false };
        let tips = references.flatten().filter_map(|reference| {
            Some((String::from_utf8_lossy(reference.name_bytes()).into_owned(), reference.target()?.to_string()))
        });
        let tips = tips.filter(|(name, _)| scope.wants(name));
        let known = |(name, tip): &(String, String)| self.refs.get(name).is_some_and(|held| held.tip == *tip);
        let (mut all, mut count) = (true, 0);
        for tip in tips {
            all &= known(&tip);
            count += 1;
        }
        all && count == self.refs.len()
    }

    /// The chain at a tip: unchanged, or extended from the known tip.
    pub(super) fn chain(&self, reader: &ChainReader<'_>, name: &str, tip: Oid) -> Option<Chain> {
        let held = self.refs.get(name)?;
        let at: Oid = held.tip.parse().ok()?;
        let mut chain = held.chain.chain().clone();
        if at == tip {
            return Some(chain);
        }
        let (reached, commits) = reader.commits(tip, Some(at));
        if !reached {
            return None;
        }
        reader.extend(&mut chain, &commits);
        // What does not follow this copy may follow the real chain.
        chain.fault.is_none().then_some(chain)
    }

    /// The approximate size in bytes.
    fn size(&self) -> usize {
        self.refs.values().map(|held| held.chain.size()).sum()
    }
}

/// By state directory, what a long-running process keeps in memory.
static AT_HAND: LazyLock<Mutex<Recent<PathBuf, Arc<Digested>>>> =
    LazyLock::new(|| Mutex::new(Recent::within(MAX_AT_HAND)));

/// What this process itself digested for a state directory.
pub fn at_hand(state: &Path) -> Option<Arc<Digested>> {
    AT_HAND.lock().ok()?.get(&state.to_path_buf())
}

/// Keeps it in memory, as long as there is room.
pub fn keep_at_hand(state: &Path, digested: Arc<Digested>) {
    let Ok(mut held) = AT_HAND.lock() else { return };
    let size = digested.size();
    held.keep(state.to_path_buf(), digested, size);
}
