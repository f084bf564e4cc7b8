//! Chains of evidence, as far as they can still matter: those of a few keys, bounded, and none whose newest record is
//! too old to count under any policy.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use git2::Oid;

use super::AsOf;
use super::families::{Family as _, Keys, Room, TooMuch, chain_within};
use crate::record::evidence::{EvidenceChain, EvidenceRecord, MAX_CHAINS, MAX_RECORDS, MAX_VALID};
use crate::record::{Chain, ChainId};
use crate::source::git::{GitError, Repository};

/// What is read for one question.
const ROOM: Room = Room { records: 20_000, bytes: 256 << 20 };
/// What is read for a report.
const ROOM_OF_ALL: Room = Room { records: 200_000, bytes: 1 << 30 };

/// Which chains of evidence are read.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    as_of: AsOf,
    /// Read what ended so long ago that nothing of it counts, as well.
    is_all: bool,
}

impl Scope {
    /// What may count at a moment.
    pub fn of(as_of: AsOf) -> Scope {
        Scope { as_of, is_all: false }
    }

    /// Everything that there is, for a report.
    pub fn all(with_remotes: bool) -> Scope {
        Scope { as_of: AsOf::now(with_remotes, 0), is_all: true }
    }
}

/// Chains of evidence that are read once for many questions.
#[derive(Debug, Default)]
pub struct Book(Mutex<HashMap<BTreeSet<String>, Arc<Vec<EvidenceChain>>>>);

impl Book {
    /// As [`read`], once for the same keys: the scope is that of the first question.
    ///
    /// # Errors
    /// As for [`read`].
    pub fn read(
        &self,
        repository: &Repository,
        keys: &BTreeSet<String>,
        scope: &Scope,
    ) -> Result<Arc<Vec<EvidenceChain>>, GitError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chains) = known.get(keys) {
            return Ok(Arc::clone(chains));
        }
        let chains = Arc::new(read(repository, keys, scope)?);
        known.insert(keys.clone(), Arc::clone(&chains));
        Ok(chains)
    }
}

/// The chains as they were at a time.
pub fn until(chains: &[EvidenceChain], at: i64) -> Vec<EvidenceChain> {
    chains.iter().map(|chain| chain.until(|record| record.issued() <= at)).collect()
}

/// The chains of some keys, by their ids; copies of one chain are joined.
///
/// # Errors
/// A ref cannot be read, or there is too much.
pub fn read(repository: &Repository, keys: &BTreeSet<String>, scope: &Scope) -> Result<Vec<EvidenceChain>, GitError> {
    let (mut chains, mut room) = (Vec::new(), if scope.is_all { ROOM_OF_ALL } else { ROOM });
    for (id, tips) in tips(repository, keys, &scope.as_of)? {
        repository.deadline.check()?;
        if !scope.is_all && tips.iter().all(|tip| is_over(repository, &id, *tip, scope.as_of.now)) {
            continue;
        }
        let mut copies = Vec::new();
        for tip in tips {
            let read = chain_within(repository, &id, tip, MAX_RECORDS, &mut room);
            copies.push(read.map_err(|why| too_much(&id, why))?);
        }
        chains.extend(Chain::join(copies));
    }
    if scope.as_of.is_past {
        chains = until(&chains, scope.as_of.now);
    }
    Ok(chains)
}

/// Each chain with the tips of its copies, once the refs have moved.
fn tips(
    repository: &Repository,
    keys: &BTreeSet<String>,
    as_of: &AsOf,
) -> Result<Vec<(ChainId, BTreeSet<Oid>)>, GitError> {
    let wanted = Keys::these(keys.iter().cloned());
    let names = as_of.chain_names::<EvidenceRecord>(repository, &wanted)?;
    for key in keys {
        if names.keys().filter(|id| id.key == *key).count() > MAX_CHAINS {
            let detail = format!(
                "The key {} has more than {MAX_CHAINS} chains of evidence. Whoever runs the host can delete old ones \
                 below {}{key}/.",
                &key[..12.min(key.len())],
                EvidenceRecord::PREFIX
            );
            return Err(GitError::Limit(detail));
        }
    }
    let mut found = Vec::new();
    for (id, copies) in names {
        let mut tips = BTreeSet::new();
        for name in copies {
            tips.insert(repository.raw.refname_to_id(&name)?);
        }
        tips.extend(as_of.moved_to::<EvidenceRecord>(&id));
        if !tips.is_empty() {
            found.push((id, tips));
        }
    }
    Ok(found)
}

/// Whether the newest record of a chain holds, and is too old to count: none below it is dated later, or the chain is
/// of no use anyway.
fn is_over(repository: &Repository, id: &ChainId, tip: Oid, now: i64) -> bool {
    let record = super::families::record_at::<EvidenceRecord>(repository, id, tip);
    record.is_some_and(|record| record.issued() < now.saturating_sub(MAX_VALID))
}

fn too_much(id: &ChainId, why: TooMuch) -> GitError {
    GitError::Limit(match why {
        TooMuch::Long => {
            format!("The chain of evidence {id} has more than {MAX_RECORDS} records, and is not read.")
        }
        TooMuch::Full => format!(
            "There is more evidence to read than {} records or {} MiB. Whoever runs the host can delete old chains \
             below {}.",
            ROOM.records,
            ROOM.bytes >> 20,
            EvidenceRecord::PREFIX
        ),
    })
}
