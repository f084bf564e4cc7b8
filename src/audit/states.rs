//! The commits of other refs that a merge may bring in without an approval for its own ref.

use std::collections::{HashMap, HashSet};

use super::AuditInput;
use super::lines::Came;
use super::population::Population;
use super::report::Decision;
use crate::change::ObjectId;

/// The commits that refs show, without those that are no states.
#[derive(Debug, Default)]
pub struct ShownStates {
    unsound: HashSet<ObjectId>,
}

/// What was found about a commit that a merge brings in.
pub struct Side {
    pub decision: Decision,
    /// What it merges itself, if it is a merge of states.
    pub sides: Vec<ObjectId>,
}

impl ShownStates {
    /// All commits but those that came past a gate, unless its operator recorded them.
    pub fn let_through(input: &AuditInput<'_>, population: &Population<'_>) -> ShownStates {
        let mut unsound = HashSet::new();
        let mut sound = HashSet::new();
        for run in &population.runs {
            let name = &population.heads[run.line].name;
            let is_recorded = |commit| input.states().is_some_and(|states| states.is_of(commit, name));
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

    /// Drops what is not allowed, and what is allowed only as a merge of that.
    pub fn drop_unsound(&mut self, found: &HashMap<ObjectId, Side>) {
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

    /// The states that other refs show than that of a line, each with its ref. What is on the line itself is none: what
    /// another ref shows as well, and maybe later, is no approval of its landing here.
    pub fn of_others<'p>(&self, population: &'p Population<'_>, line: usize) -> Vec<(ObjectId, &'p str)> {
        let name = &population.heads[line].name;
        let others = population.runs.iter().filter(|run| population.heads[run.line].name != *name);
        let of = |run: &'p super::lines::Run| {
            let name = population.heads[run.line].name.as_str();
            let places = population.forest.places(run.line, run.places.clone());
            places.map(move |place| (place.commit, name))
        };
        let is_beside = |commit| population.forest.meets(line, commit).is_none_or(|(_, is_on)| !is_on);
        let all = others.flat_map(of);
        all.filter(|(commit, _)| !self.unsound.contains(commit) && is_beside(*commit)).collect()
    }
}

/// Commits on which no verdict that let them through is known: the run of each, and its place there.
pub fn untold(population: &Population<'_>) -> HashMap<ObjectId, (usize, usize)> {
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
            let own = population.forest.places(run.line, range.clone());
            match came {
                came if is_untold(came) => {
                    untold.extend((low..).zip(own).map(|(place, one)| (one.commit, (at, place))))
                }
                Came::By(_) => told.extend(own.map(|one| one.commit)),
                _ => {}
            }
        }
    }
    untold.retain(|commit, _| !told.contains(commit));
    untold
}
