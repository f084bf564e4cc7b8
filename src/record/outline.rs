//! A chain of any kind without its records: what a gate keeps of one that it verified, so that only what was added
//! since must be read. Facts only, and only in a place where nobody else writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Chain, ChainId, Entry, Heads, RecordId};
use crate::change::digest::Digest;

/// What of a sound chain decides about what may follow it. The ids of all records follow one another, 64 hex digits
/// each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outline {
    ids: String,
    counter: u32,
    seen: Heads,
    given_up: BTreeSet<String>,
}

impl Outline {
    /// None for a chain with a fault: nothing in it can be relied on.
    pub fn of<R: Entry>(chain: &Chain<R>) -> Option<Outline> {
        chain.fault.is_none().then(|| Outline {
            ids: chain.ids.iter().map(Digest::to_string).collect(),
            counter: chain.counter,
            seen: Heads::clone(&chain.seen),
            given_up: BTreeSet::clone(&chain.given_up),
        })
    }

    /// The chain, without its records; none if this differs from what [`Outline::of`] produces.
    pub fn chain<R: Entry>(&self, id: ChainId) -> Option<Chain<R>> {
        let digits = self.ids.as_bytes().chunks(64);
        let ids: Option<Vec<RecordId>> = digits.map(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).collect();
        Some(Chain {
            ids: Arc::new(ids?),
            counter: self.counter,
            seen: Arc::new(self.seen.clone()),
            given_up: Arc::new(self.given_up.clone()),
            ..Chain::empty(id)
        })
    }
}
