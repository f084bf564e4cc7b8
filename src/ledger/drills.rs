//! Chains of drills, bounded: those that still matter for a verdict's explanation, or all for a report. Nothing lands
//! or is refused because of them, so what is too much is left out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use git2::Oid;

use super::AsOf;
use super::families::{Family, Keys, Room, chain_within, link_at, read_family_of, read_of_keys, record_of_link};
use crate::command::drill_statement::CommandDrillChain;
use crate::command::{RunChain, RunRecord, drill};
use crate::gate;
use crate::gate::drill::{DrillReport, Practice, drills_reviewed};
use crate::policy::Policy;
use crate::record::drill::{DrillChain, DrillStep, MAX_CHAINS, MAX_LENGTH, MAX_RECORDS, OfDrill};
use crate::record::{Chain, ChainId, Fault};
use crate::source::git::{Deadline, GitError, Repository};

/// What is read of one key for a report: as many records as a gate takes.
const ROOM_OF_KEY: Room = Room { records: MAX_CHAINS * MAX_RECORDS, bytes: 64 << 20 };
/// What is read of one key, and of all, for the explanation of a verdict.
const RECENT_OF_KEY: Room = Room { records: 2 * MAX_RECORDS, bytes: 8 << 20 };
const RECENT: Room = Room { records: 2_000, bytes: 32 << 20 };
/// How long that may take. It explains a refusal, so a push does not wait for it.
const RECENT_TIME: Duration = Duration::from_secs(2);

/// A kind of drill in the ledger.
pub trait DrillFamily: Family + OfDrill {}

impl<R: Family + OfDrill> DrillFamily for R {}

/// All chains of certain keys, and how many are not read because they are too much.
///
/// # Errors
/// A ref cannot be read.
pub fn read<R: DrillFamily>(
    repository: &Repository,
    with_remotes: bool,
    keys: &Keys,
) -> Result<(Vec<Chain<R>>, usize), GitError> {
    read_of_keys(repository, with_remotes, keys, MAX_RECORDS, ROOM_OF_KEY)
}

/// The drills of both kinds in a repository, with the requests that those of commands are of.
#[derive(Debug, Default)]
pub struct AllDrills {
    pub of_changes: Vec<DrillChain>,
    pub of_commands: Vec<CommandDrillChain>,
    /// Of brokers only those that a drill names.
    runs: Vec<RunChain>,
    /// How many chains are not read because they are too much.
    pub unread: usize,
}

impl AllDrills {
    /// Reads the chains of these keys.
    ///
    /// # Errors
    /// A ref cannot be read.
    pub fn read(repository: &Repository, with_remotes: bool, keys: &Keys) -> Result<AllDrills, GitError> {
        let (of_changes, unread) = read(repository, with_remotes, keys)?;
        let (of_commands, unread_too): (Vec<CommandDrillChain>, usize) = read(repository, with_remotes, keys)?;
        let records = of_commands.iter().flat_map(|chain| &chain.records);
        let brokers: BTreeSet<String> = records.map(|record| record.drill().broker.clone()).collect();
        let runs = match brokers.is_empty() {
            true => Vec::new(),
            false => read_family_of::<RunRecord>(repository, with_remotes, &Keys::these(brokers.into_iter()))?,
        };
        Ok(AllDrills { of_changes, of_commands, runs, unread: unread + unread_too })
    }

    /// All drills, the newest first: by the terms of a policy, and reviewed by those of a later one, which may be the
    /// same.
    pub fn reports(&self, policy: &Policy, later: &Policy, now: i64) -> Vec<DrillReport> {
        let mut all = drills_reviewed(policy, later, &self.of_changes, now);
        all.extend(drill::drills((policy, later), &self.runs, &self.of_commands, now));
        all.sort_by(|a, b| (Reverse(a.began), &a.id).cmp(&(Reverse(b.began), &b.id)));
        all
    }

    /// Everybody whose signature could let an emergency through now, for changes and at each target, with their last
    /// drill there.
    pub fn practice(&self, policy: &Policy, now: i64) -> Vec<Practice> {
        let of_changes = gate::drill::practice(policy, &self.of_changes, now).into_iter();
        of_changes.chain(drill::practice(policy, &self.runs, &self.of_commands, now)).collect()
    }

    /// The steps of all drills, in no order: the id of the drill, when it was signed, and what it does.
    pub fn steps(&self) -> impl Iterator<Item = (String, i64, DrillStep)> {
        steps_of(&self.of_changes).chain(steps_of(&self.of_commands))
    }

    /// Without what was signed after a time.
    pub fn until(&mut self, to: i64) {
        self.of_changes = self.of_changes.iter().map(|chain| chain.until(|record| record.issued() <= to)).collect();
        self.of_commands = self.of_commands.iter().map(|chain| chain.until(|record| record.issued() <= to)).collect();
    }

    /// Damages of the chains: the chain, and the position and fault of its first link that does not hold.
    pub fn damages(&self) -> impl Iterator<Item = (&ChainId, usize, Fault)> {
        let of_changes = self.of_changes.iter().map(|chain| (&chain.id, chain.fault));
        let all = of_changes.chain(self.of_commands.iter().map(|chain| (&chain.id, chain.fault)));
        all.filter_map(|(id, fault)| fault.map(|(position, fault)| (id, position, fault)))
    }
}

fn steps_of<R: OfDrill>(chains: &[Chain<R>]) -> impl Iterator<Item = (String, i64, DrillStep)> {
    let records = chains.iter().flat_map(|chain| &chain.records);
    records.map(|record| (record.began_by(), record.issued(), record.step().step))
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

/// The chains of certain keys with a drill that may still be going on. What is too much is left out.
///
/// # Errors
/// A ref cannot be read.
pub fn recent<R: DrillFamily>(repository: &Repository, keys: &Keys, as_of: &AsOf) -> Result<Vec<Chain<R>>, GitError> {
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
            record_of_link::<R>(&id, link).is_none_or(|record| record.issued() >= ended)
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
        chains = chains.iter().map(|chain| chain.until(|record| record.issued() <= as_of.now)).collect();
    }
    Ok(chains)
}
