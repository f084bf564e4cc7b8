//! When the places of a run landed, as far as that is known. Pure.

use crate::gate::CLOCK_SKEW;

/// What the log tells about one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The time at which it was let through; and since when that may have been, if the gate's clock was wrong.
    At { at: i64, not_before: i64 },
    /// It came past the gate: after the log saw the ref below it, and before it saw it above, if it did.
    Between { after: i64, before: Option<i64> },
    /// Nothing: there is no log, or the ref showed it before.
    Nothing,
}

/// The dates of a run.
pub struct Dates {
    places: Vec<Place>,
}

struct Place {
    /// By its committer's clock.
    committed: i64,
    told: Told,
    /// The latest date below it, and whose it is; the earliest above it.
    below: Option<(i64, usize)>,
    above: Option<i64>,
}

impl Dates {
    /// `places` are the committers' dates, and what the log tells.
    pub fn of(places: impl Iterator<Item = (i64, Told)>) -> Dates {
        let place = |(committed, told)| Place { committed, told, below: None, above: None };
        let mut places: Vec<Place> = places.map(place).collect();
        let mut latest: Option<(i64, usize)> = None;
        for (at, place) in places.iter_mut().enumerate() {
            place.below = latest;
            let own = place.landed_at();
            if latest.is_none_or(|(time, _)| time <= own) {
                latest = Some((own, at));
            }
        }
        let mut earliest: Option<i64> = None;
        for place in places.iter_mut().rev() {
            place.above = earliest;
            earliest = Some(earliest.map_or(place.landed_at(), |time| time.min(place.landed_at())));
        }
        Dates { places }
    }

    /// When a place landed: by the log, otherwise by its committer's clock.
    pub fn landed_at(&self, place: usize) -> i64 {
        self.places[place].landed_at()
    }

    /// When the newest place landed.
    pub fn newest(&self) -> Option<i64> {
        self.places.iter().map(Place::landed_at).max()
    }

    /// If a place has a date before those below it: the latest date below it, and its place. Then nobody knows when it
    /// landed, and it belongs to both periods.
    pub fn dated_back(&self, place: usize) -> Option<(i64, usize)> {
        let own = self.places[place].untold()?;
        self.places[place].below.filter(|(below, _)| own < below.saturating_sub(CLOCK_SKEW))
    }

    /// If a place came past the gate: the time after which it landed, and the time before which, if the log saw the ref
    /// above it since. It belongs to all periods between.
    pub fn bypassed(&self, place: usize) -> Option<(i64, Option<i64>)> {
        match self.places[place].told {
            Told::Between { after, before } => Some((after, before)),
            Told::At { .. } | Told::Nothing => None,
        }
    }

    /// Whether a place may have landed in a period.
    pub fn is_within(&self, place: usize, from: Option<i64>, to: Option<i64>) -> bool {
        let meets = |first: i64, last: Option<i64>| {
            to.is_none_or(|to| first <= to) && from.is_none_or(|from| last.is_none_or(|last| last >= from))
        };
        let is_within = |at: i64| meets(at, Some(at));
        match self.places[place].told {
            Told::At { at, not_before } => meets(not_before.min(at), Some(at)),
            Told::Between { after, before } => meets(after, before),
            Told::Nothing => {
                is_within(self.landed_at(place))
                    || self.dated_back(place).is_some_and(|(below, _)| is_within(below))
                    || self.places[place].dated_ahead().is_some_and(is_within)
            }
        }
    }
}

impl Place {
    fn landed_at(&self) -> i64 {
        match self.told {
            Told::At { at, .. } => at,
            // A date that cannot be true is not used, nor is the policy of that time.
            Told::Between { after, before } => self.committed.min(before.unwrap_or(i64::MAX)).max(after),
            Told::Nothing => self.committed,
        }
    }

    /// Its committer's date, if nothing better is known.
    fn untold(&self) -> Option<i64> {
        (!matches!(self.told, Told::At { .. })).then_some(self.committed)
    }

    /// If it has a date after that of one above it: the earliest date above it. It belongs to both periods.
    fn dated_ahead(&self) -> Option<i64> {
        let own = self.untold()?;
        self.above.filter(|above| own > above.saturating_add(CLOCK_SKEW))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    /// Per place: the committer's date in days, and what the log tells.
    fn of(places: &[(i64, Told)]) -> Dates {
        Dates::of(places.iter().map(|(own, told)| (own * DAY, *told)))
    }

    fn at(day: i64) -> Told {
        Told::At { at: day * DAY, not_before: day * DAY }
    }

    /// The days on which a place may have landed, of forty.
    fn on(dates: &Dates, place: usize) -> Vec<i64> {
        let day = |day: &i64| dates.is_within(place, Some(day * DAY), Some(day * DAY + 3600));
        (0..40).filter(day).collect()
    }

    #[test]
    fn what_the_log_tells_is_the_one_day_of_a_place_unless_the_gates_clock_was_wrong() {
        let dates = of(&[(3, at(5)), (30, at(6)), (1, Told::At { at: 9 * DAY, not_before: 7 * DAY })]);
        assert_eq!([0, 1, 2].map(|place| on(&dates, place)), [vec![5], vec![6], vec![7, 8, 9]]);
    }

    #[test]
    fn what_came_past_the_gate_may_have_landed_between_what_the_log_saw_or_at_any_time_since() {
        let between = |after: i64, before: Option<i64>| Told::Between {
            after: after * DAY,
            before: before.map(|before| before * DAY),
        };
        let dates = of(&[(3, at(5)), (4, between(5, Some(9))), (8, at(9)), (900, between(9, None))]);
        assert_eq!(on(&dates, 1), [5, 6, 7, 8, 9]);
        assert_eq!(on(&dates, 3), (9..40).collect::<Vec<_>>());
        assert_eq!((dates.landed_at(1), dates.bypassed(0)), (5 * DAY, None));
    }

    #[test]
    fn a_date_that_contradicts_its_neighbours_belongs_to_theirs_too() {
        let dates = of(&[10, 2, 35, 20].map(|day| (day, Told::Nothing)));
        assert_eq!([0, 1, 2, 3].map(|place| on(&dates, place)), [vec![2, 10], vec![2, 10], vec![20, 35], vec![20, 35]]);
        assert_eq!(dates.dated_back(1), Some((10 * DAY, 0)));
        assert_eq!(dates.dated_back(2), None);
    }
}
