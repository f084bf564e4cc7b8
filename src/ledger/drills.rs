//! Chains of drills, bounded: those that still matter for a verdict's explanation, or all for a report. Nothing lands
//! or is refused because of them, so what is too much is left out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use git2::Oid;

use super::AsOf;
use super::commands::{Family, Keys, Room, chain_within, link_at, read_of_keys, record_of_link};
use crate::command::drill::{CommandDrillChain, CommandDrillRecord};
use crate::record::Chain;
use crate::record::drill::{DrillChain, DrillRecord, MAX_CHAINS, MAX_LENGTH, MAX_RECORDS};
use crate::source::git::{Deadline, GitError, Repository};

/// What is read of one key for a report: as many records as a gate takes.
const ROOM_OF_KEY: Room = Room { records: MAX_CHAINS * MAX_RECORDS, bytes: 64 << 20 };
/// What is read of one key, and of all, for the explanation of a verdict.
const RECENT_OF_KEY: Room = Room { records: 2 * MAX_RECORDS, bytes: 8 << 20 };
const RECENT: Room = Room { records: 2_000, bytes: 32 << 20 };
/// How long that may take. It explains a refusal, so a push does not wait for it.
const RECENT_TIME: Duration = Duration::from_secs(2);

/// All chains of certain keys, and how many are not read because they are too much.
///
/// # Errors
/// A ref cannot be read.
pub fn read(repository: &Repository, with_remotes: bool, keys: &Keys) -> Result<(Vec<DrillChain>, usize), GitError> {
    read_of_keys(repository, with_remotes, keys, MAX_RECORDS, ROOM_OF_KEY)
}

/// The same of drills at targets.
///
/// # Errors
/// As for [`read`].
pub fn read_of_commands(
    repository: &Repository,
    with_remotes: bool,
    keys: &Keys,
) -> Result<(Vec<CommandDrillChain>, usize), GitError> {
    read_of_keys(repository, with_remotes, keys, MAX_RECORDS, ROOM_OF_KEY)
}

/// The chains that are read once for many questions.
#[derive(Debug, Default)]
pub struct Book(Mutex<Option<Arc<Vec<DrillChain>>>>);

impl Book {
    /// As [`recent`]: keys and moment are those of the first question.
    ///
    /// # Errors
    /// As for [`recent`].
    pub fn read(&self, repository: &Repository, keys: &Keys, as_of: &AsOf) -> Result<Arc<Vec<DrillChain>>, GitError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chains) = &*known {
            return Ok(Arc::clone(chains));
        }
        let chains = Arc::new(recent(repository, keys, as_of)?);
        *known = Some(Arc::clone(&chains));
        Ok(chains)
    }
}

/// A kind of drill: the records of a chain are in the order of their times.
pub trait OfDrills: Family {
    /// When it was signed, in seconds since the epoch.
    fn at(&self) -> i64;
}

impl OfDrills for DrillRecord {
    fn at(&self) -> i64 {
        self.issued()
    }
}

impl OfDrills for CommandDrillRecord {
    fn at(&self) -> i64 {
        self.issued()
    }
}

/// The chains of certain keys with a drill that may still be going on. What is too much is left out.
///
/// # Errors
/// A ref cannot be read.
pub fn recent(repository: &Repository, keys: &Keys, as_of: &AsOf) -> Result<Vec<DrillChain>, GitError> {
    recent_of::<DrillRecord>(repository, keys, as_of)
}

/// The same of any kind of drill.
///
/// # Errors
/// A ref cannot be read.
pub fn recent_of<R: OfDrills>(repository: &Repository, keys: &Keys, as_of: &AsOf) -> Result<Vec<Chain<R>>, GitError> {
    let names = as_of.chain_names::<R>(repository, keys)?;
    let (mut chains, mut rooms, mut all) = (Vec::new(), BTreeMap::new(), RECENT);
    let time = Deadline::after(RECENT_TIME);
    for (id, copies) in names {
        repository.deadline.check()?;
        if time.check().is_err() {
            break;
        }
        let mut tips: Vec<Oid> = copies.iter().flat_map(|name| repository.raw.refname_to_id(name)).collect();
        tips.extend(as_of.moved_to::<R>(&id));
        tips.sort_unstable();
        tips.dedup();
        // What ends in a record of long ago has no later one: the order of times is a rule of the format.
        let ended = as_of.now.saturating_sub(MAX_LENGTH);
        let of_key = rooms.entry(id.key.clone()).or_insert(RECENT_OF_KEY);
        tips.retain(|tip| {
            if time.check().is_err() || all.bytes == 0 || of_key.bytes == 0 {
                return false;
            }
            let Some(link) = link_at(repository, *tip) else { return true };
            for whole in [&mut all, &mut *of_key] {
                whole.bytes = whole.bytes.saturating_sub(link.size());
            }
            record_of_link::<R>(&id, link).is_none_or(|record| record.at() >= ended)
        });
        let mut read = |tip| {
            let room = Room { records: all.records.min(of_key.records), bytes: all.bytes.min(of_key.bytes) };
            let mut left = room;
            let chain = chain_within::<R>(repository, &id, tip, MAX_RECORDS, &mut left).ok()?;
            let (records, bytes) = (room.records - left.records, room.bytes - left.bytes);
            for whole in [&mut all, &mut *of_key] {
                (whole.records, whole.bytes) = (whole.records - records, whole.bytes - bytes);
            }
            Some(chain)
        };
        chains.extend(Chain::join(tips.into_iter().filter_map(&mut read).collect()));
    }
    if as_of.is_past {
        chains = chains.iter().map(|chain| chain.until(|record| record.at() <= as_of.now)).collect();
    }
    Ok(chains)
}
