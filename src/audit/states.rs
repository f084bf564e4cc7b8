//! The commits of other refs that a merge may bring in without an approval for its own ref: what the gate let through,
//! and what was approved there. Otherwise whoever puts a ref at something unapproved could merge it everywhere.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::lines::Came;
use super::population::Population;
use super::report::Decision;
use super::segments::OfRef;
use super::{Ground, Progress, Query};
use crate::change::ObjectId;

/// The commits that refs show, without those that are no states.
#[derive(Debug, Default)]
pub struct ShownStates {
    unsound: HashSet<ObjectId>,
}

/// What was found about a commit that a merge brings in.
struct Side {
    decision: Decision,
    /// What it merges itself, if it is a merge of states.
    sides: Vec<ObjectId>,
}

impl ShownStates {
    /// All commits but those that came past a gate, unless its operator recorded them.
    pub fn let_through(ground: &Ground<'_>, population: &Population<'_>) -> ShownStates {
        let mut unsound = HashSet::new();
        let mut sound = HashSet::new();
        for run in &population.runs {
            let name = &population.heads[run.line].name;
            let is_recorded = |commit| ground.states().is_some_and(|states| states.is_of(commit, name));
            for (range, came) in &run.came {
                for place in population.forest.places(run.line, range.clone()) {
                    let is_past = *came == Came::Past && !is_recorded(place.commit);
                    if is_past {
                        unsound.insert(place.commit)
                    } else {
                        sound.insert(place.commit)
                    };
                }
            }
        }
        ShownStates { unsound: unsound.difference(&sound).copied().collect() }
    }

    /// The same without what the rules do not allow, among what merges in the period bring in and no verdict of the gate
    /// let through. `all` judges by the states of [`ShownStates::let_through`].
    pub fn approved(
        ground: &Ground<'_>,
        query: &Query,
        to: Option<i64>,
        population: &Population<'_>,
        all: &[OfRef<'_>],
        progress: Progress<'_>,
    ) -> Result<ShownStates, String> {
        let mut states = ShownStates::let_through(ground, population);
        let places = untold(population);
        let mut found: HashMap<ObjectId, Side> = HashMap::new();
        let meant = all.iter().filter(|own| own.is_meant());
        let mut next: BTreeSet<ObjectId> = meant.flat_map(|own| own.sides(ground, query, to)).collect();
        while !next.is_empty() {
            let mut by_run: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
            for (run, place) in next.iter().filter_map(|side| places.get(side)) {
                by_run.entry(*run).or_default().insert(*place);
            }
            next.clear();
            for (run, wanted) in by_run {
                for (place, decision, sides) in all[run].decisions(ground, query, &wanted, progress)? {
                    if decision == Decision::Nothing {
                        next.extend(&sides);
                    }
                    found.entry(all[run].commit(place)).or_insert(Side { decision, sides });
                }
            }
            next.retain(|side| !found.contains_key(side));
        }
        states.drop_unsound(&found);
        Ok(states)
    }

    /// Drops what is not allowed, and what is allowed only as a merge of that.
    fn drop_unsound(&mut self, found: &HashMap<ObjectId, Side>) {
        loop {
            let is_unsound = |side: &Side| match side.decision {
                Decision::Unapproved | Decision::Undecidable => true,
                Decision::Nothing => side.sides.iter().any(|side| self.unsound.contains(side)),
                Decision::Approved | Decision::BreakGlass | Decision::Ungoverned => false,
            };
            let more: Vec<ObjectId> = found
                .iter()
                .filter(|(commit, side)| !self.unsound.contains(*commit) && is_unsound(side))
                .map(|(commit, _)| *commit)
                .collect();
            if more.is_empty() {
                return;
            }
            self.unsound.extend(more);
        }
    }

    /// The states that other refs than this one show, each with its ref.
    pub fn of_others<'p>(&self, population: &'p Population<'_>, name: &str) -> Vec<(ObjectId, &'p str)> {
        let others = population.runs.iter().filter(|run| population.heads[run.line].name != name);
        let of = |run: &'p super::lines::Run| {
            let name = population.heads[run.line].name.as_str();
            let places = population.forest.places(run.line, run.places.clone());
            places.map(move |place| (place.commit, name))
        };
        others.flat_map(of).filter(|(commit, _)| !self.unsound.contains(commit)).collect()
    }
}

/// Commits on which no verdict that let them through is known: the run of each, and its place there.
fn untold(population: &Population<'_>) -> HashMap<ObjectId, (usize, usize)> {
    let (mut untold, mut told) = (HashMap::new(), HashSet::new());
    for (at, run) in population.runs.iter().enumerate() {
        let moves = population.moves_of(run.line);
        let is_untold = |came: &Came| match came {
            Came::By(own) => !moves[*own].is_allowed(),
            Came::Before => true,
            Came::Past | Came::Inherited => false,
        };
        for (range, came) in &run.came {
            let low = range.start - run.places.start;
            let own = population.forest.places(run.line, range.clone()).enumerate();
            match came {
                came if is_untold(came) => untold.extend(own.map(|(place, one)| (one.commit, (at, low + place)))),
                Came::By(_) => told.extend(own.map(|(_, one)| one.commit)),
                _ => {}
            }
        }
    }
    untold.retain(|commit, _| !told.contains(commit));
    untold
}
