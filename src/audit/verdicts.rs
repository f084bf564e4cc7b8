//! By which line of the gate's log each step of a run landed. Pure.

use std::ops::Range;

use super::forest::Forest;
use super::lines::{Came, Run};
use super::moves::Move;
use super::policies;
use super::report::{Shown, Time, Verdict};
use crate::change::ObjectId;

/// What the log says about one run.
#[derive(Debug, Default)]
pub struct Verdicts {
    told: Vec<Told>,
    /// For each place of the run, the index of its verdict.
    by_place: Vec<Option<usize>>,
    /// For each place, whether the log must contain a verdict on it.
    is_expected: Vec<bool>,
}

/// A verdict on a move of the ref.
#[derive(Debug)]
struct Told {
    verdict: Verdict,
    /// The commit that the move leads from.
    from: Option<ObjectId>,
    records: Vec<String>,
    policy: Option<String>,
    organization: Option<String>,
}

impl Verdicts {
    pub fn of(forest: &Forest, run: &Run, moves: &[Move<'_>]) -> Verdicts {
        let (low, len) = (run.places.start, run.places.len());
        let mut found = Verdicts { told: Vec::new(), by_place: vec![None; len], is_expected: vec![false; len] };
        for (range, came) in &run.came {
            let within = range.start - low..range.end - low;
            match came {
                Came::By(at) => {
                    let one = &moves[*at];
                    // A ref that was created, or moved over from elsewhere, landed what is new on it.
                    let old = one.old.and_then(|old| forest.meets(run.line, old));
                    let start = old.filter(|(_, is_on)| *is_on).map_or(range.start, |(start, _)| start);
                    found.enter(forest, run, one, within, start);
                }
                Came::Past => found.is_expected[within].fill(true),
                Came::Before | Came::Inherited => {}
            }
        }
        for one in moves.iter().filter(|one| !one.entry.let_through()) {
            found.refuse(forest, run, one);
        }
        found
    }

    fn enter(&mut self, forest: &Forest, run: &Run, one: &Move<'_>, within: Range<usize>, start: usize) {
        self.is_expected[within.clone()].fill(true);
        self.by_place[within].fill(Some(self.told.len()));
        let from = start.checked_sub(1).and_then(|below| forest.place(run.line, below)).map(|place| place.commit);
        let (policy, organization) = (one.entry.policy.clone(), one.entry.organization.clone());
        self.told.push(Told { verdict: verdict(one), from, records: one.moved.records.clone(), policy, organization });
    }

    /// What was refused, and is here nevertheless, came past the gate: its refusal is its verdict.
    fn refuse(&mut self, forest: &Forest, run: &Run, one: &Move<'_>) {
        let Some((end, _)) = one.new.and_then(|new| forest.meets(run.line, new)) else { return };
        let start = one.old.and_then(|old| forest.meets(run.line, old)).map_or(0, |(start, _)| start);
        let low = run.places.start;
        let free = (start.max(low)..end.min(run.places.end)).map(|place| place - low);
        let free: Vec<usize> =
            free.filter(|place| self.is_expected[*place] && self.by_place[*place].is_none()).collect();
        if let (Some(&first), false) = (free.first(), start > end) {
            self.enter(forest, run, one, first..first, start);
            let last = self.told.len() - 1;
            free.into_iter().for_each(|place| self.by_place[place] = Some(last));
        }
    }

    fn of_place(&self, place: usize) -> Option<&Told> {
        self.by_place.get(place).copied().flatten().map(|at| &self.told[at])
    }

    /// The verdict by which a place landed.
    pub fn at(&self, place: usize) -> Option<&Verdict> {
        self.of_place(place).map(|told| &told.verdict)
    }

    /// If the log has a verdict on a place: the commit from which its move leads.
    pub fn start(&self, place: usize) -> Option<Option<ObjectId>> {
        self.of_place(place).map(|told| told.from)
    }

    /// Whether places landed in one move by one verdict; none if no verdict covers any of them.
    pub fn are_one_move(&self, places: Range<usize>) -> Option<bool> {
        let own = self.by_place.get(places)?;
        let is_covered = own.iter().any(Option::is_some);
        is_covered.then(|| own.iter().all(|one| *one == own[0]))
    }

    /// The ids of the records that its verdict is based on.
    pub fn records(&self, place: usize) -> Option<&[String]> {
        self.of_place(place).map(|told| told.records.as_slice())
    }

    /// The policy of its verdict.
    pub fn policy(&self, place: usize) -> Option<policies::Told<'_>> {
        let told = self.of_place(place)?;
        let policy = told.policy.as_deref()?;
        Some(policies::Told { policy, organization: told.organization.as_deref(), at: told.verdict.at.0 })
    }

    /// Whether the log must contain a verdict on a place.
    pub fn is_expected(&self, place: usize) -> bool {
        self.is_expected[place]
    }
}

impl Verdict {
    pub fn is_allowed(&self) -> bool {
        self.outcome.as_str() == crate::gate::Decided::Allow.name()
    }

    /// Whether the gate stopped nothing: it allowed the push, or was only reporting.
    pub fn let_through(&self) -> bool {
        self.is_allowed() || !self.enforced
    }
}

/// A verdict as it is reported.
pub fn verdict(one: &Move<'_>) -> Verdict {
    // A push is let through as a whole or not at all.
    let outcome = if one.is_allowed() { &one.moved.outcome } else { &one.entry.outcome };
    Verdict {
        line: one.head.seq,
        digest: one.head.digest.clone(),
        outcome: Shown::of(outcome),
        enforced: one.entry.enforced,
        at: Time(one.at()),
        pusher: one.entry.pusher.as_deref().map(Shown::of),
        reasons: one.moved.reasons.iter().map(|reason| Shown::of(reason)).collect(),
        landed: one.landed,
    }
}

#[cfg(test)]
mod tests {
    use super::super::forest::Piece;
    use super::super::line::Place;
    use super::super::moves::Moves;
    use super::super::moves::tests::{entry, id};
    use super::*;
    use crate::gate::AuditHead;
    use crate::gate_state::Entry;

    /// A line of four commits, 1 to 4, of which each came so.
    fn of(log: &[(Entry, AuditHead)], came: &[(Range<usize>, Came)]) -> Verdicts {
        let places = (1..5).map(|n| Place { commit: id(n), time: i64::from(n) }).collect();
        let mut forest = Forest::default();
        forest.add(Piece { places, base: None });
        let moves = Moves::of(log, Some, |_| Some(id(4)), |_, _| false);
        let run = Run { line: 0, places: 0..4, came: came.to_vec() };
        Verdicts::of(&forest, &run, moves.of_ref("main"))
    }

    fn lines(verdicts: &Verdicts) -> Vec<Option<u64>> {
        (0..4).map(|place| verdicts.at(place).map(|verdict| verdict.line)).collect()
    }

    #[test]
    fn a_move_is_the_verdict_of_its_steps_and_what_came_past_the_gate_has_that_which_refused_it() {
        let log = [entry(1, "allow", "main", 0, 2), entry(2, "deny", "main", 2, 3), entry(3, "deny", "main", 0, 4)];
        let verdicts = of(&log, &[(0..2, Came::By(0)), (2..3, Came::Past), (3..4, Came::Past)]);
        assert_eq!(lines(&verdicts), [Some(1), Some(1), Some(2), Some(3)]);
        assert_eq!((verdicts.are_one_move(0..2), verdicts.are_one_move(1..3)), (Some(true), Some(false)));
        let before = of(&log, &[(0..2, Came::Before), (2..4, Came::Past)]);
        assert_eq!(lines(&before), [None, None, Some(2), Some(3)]);
        assert!(!before.is_expected(1) && before.is_expected(2));
    }
}
