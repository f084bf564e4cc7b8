//! Which states merges may bring in: what the gate let through, and what was approved on its own ref. Otherwise whoever
//! puts a ref at something unapproved could merge it everywhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::population::Population;
use super::report::Decision;
use super::segments::OfRef;
use super::states::{self, ShownStates, Side};
use super::{AuditInput, Progress, Query};
use crate::change::ObjectId;

/// What the gate let through, without what the rules do not allow of that on which there is no such verdict, as far as
/// merges in the period bring it in. `all` judges by the states of [`ShownStates::let_through`].
pub fn approved_states(
    input: &AuditInput<'_>,
    query: &Query,
    to: Option<i64>,
    population: &Population<'_>,
    all: &[OfRef<'_>],
    progress: Progress<'_>,
) -> Result<ShownStates, String> {
    let mut shown = ShownStates::let_through(input, population);
    let places = states::untold(population);
    let mut found: HashMap<ObjectId, Side> = HashMap::new();
    let meant = all.iter().filter(|own| own.is_meant());
    let mut next: BTreeSet<ObjectId> = meant.flat_map(|own| own.sides(input, query, to)).collect();
    while !next.is_empty() {
        let mut by_run: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (run, place) in next.iter().filter_map(|side| places.get(side)) {
            by_run.entry(*run).or_default().insert(*place);
        }
        next.clear();
        for (run, wanted) in by_run {
            for (place, decision, sides) in all[run].decisions(input, query, &wanted, progress)? {
                if decision == Decision::Nothing {
                    next.extend(&sides);
                }
                found.entry(all[run].commit(place)).or_insert(Side { decision, sides });
            }
        }
        next.retain(|side| !found.contains_key(side));
    }
    shown.drop_unsound(&found);
    Ok(shown)
}
