//! What is about to run, what runs, and ends that are not signed yet. The one place where a stop is kept, and nobody
//! holds it while git or a plan takes its time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Captured, ended};
use crate::clock::now;
use crate::command::receipt::{Ended, Outcome};
use crate::record::RecordId;

#[derive(Default)]
pub(super) struct Runs(Mutex<Held>);

#[derive(Default)]
struct Held {
    /// A request and who asked for it, once that is known; once for each call that may start it.
    under_way: Vec<(RecordId, Option<String>)>,
    /// Somebody asked to stop them, and their end is not signed.
    stopped: BTreeSet<RecordId>,
    /// How they ended, until that is signed.
    unsigned: BTreeMap<RecordId, Ended>,
    /// What was last said about ends that cannot be signed.
    said: String,
}

/// A call that may start a request: from its first step to its last, however it ends.
pub(super) struct UnderWay<'r> {
    runs: &'r Runs,
    id: RecordId,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut held = self.runs.held();
        // The last of them: whoever came first has said who asked.
        if let Some(at) = held.under_way.iter().rposition(|(id, _)| *id == self.id) {
            held.under_way.remove(at);
        }
    }
}

impl Runs {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on, a stop of this request counts.
    pub fn begin(&self, id: RecordId) -> UnderWay<'_> {
        self.held().under_way.push((id, None));
        UnderWay { runs: self, id }
    }

    /// Who asked for a request that is under way.
    pub fn asked_by(&self, id: RecordId, by: &str) {
        let mut held = self.held();
        held.under_way.iter_mut().filter(|(own, _)| *own == id).for_each(|(_, asked)| *asked = Some(by.to_owned()));
    }

    pub fn by(&self, id: RecordId) -> Option<String> {
        self.held().under_way.iter().find_map(|(own, by)| by.clone().filter(|_| *own == id))
    }

    pub fn is_under_way(&self, id: RecordId) -> bool {
        self.held().under_way.iter().any(|(own, _)| *own == id)
    }

    /// Keeps a stop of a request that is under way, until it has ended. Returns whether it is.
    pub fn stop(&self, id: RecordId) -> bool {
        let mut held = self.held();
        let is_under_way = held.under_way.iter().any(|(own, _)| *own == id);
        if is_under_way {
            held.stopped.insert(id);
        }
        is_under_way
    }

    pub fn is_stopped(&self, id: RecordId) -> bool {
        self.held().stopped.contains(&id)
    }

    /// Keeps how a run ended until that is signed.
    pub fn ended(&self, id: RecordId, end: Ended) {
        self.held().unsigned.insert(id, end);
    }

    /// What to sign as the end of a request that was started; none while it runs. Of what neither runs nor ended,
    /// nobody knows what it did: its broker or its thread was cut off.
    pub fn end_of(&self, id: RecordId) -> Option<Ended> {
        let is_under_way = self.is_under_way(id);
        let end = self.held().unsigned.get(&id).cloned();
        let unknown = || ended(&id.to_string(), Outcome::Unknown, 0, (0, now()), &Captured::default());
        end.or_else(|| (!is_under_way).then(unknown))
    }

    /// The end of a request is signed.
    pub fn signed(&self, id: RecordId) {
        let mut held = self.held();
        held.unsigned.remove(&id);
        held.stopped.remove(&id);
        held.said.clear();
    }

    /// Whether this was not the last thing said about an end that cannot be signed.
    pub fn is_news(&self, why: &str) -> bool {
        std::mem::replace(&mut self.held().said, why.to_owned()) != why
    }
}
