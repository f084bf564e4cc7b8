//! When the places of a line landed, as far as that is known. Pure.

use crate::gate::CLOCK_SKEW;

/// The dates of a line.
pub struct Dates {
    places: Vec<Place>,
}

struct Place {
    /// By its committer's clock.
    committed: i64,
    /// By the gate's clock, if its log tells.
    told: Option<i64>,
    /// The log knows the ref here, so that it should tell.
    is_expected: bool,
    /// The latest date below it, and whose it is; the earliest above it.
    below: Option<(i64, usize)>,
    above: Option<i64>,
    /// The latest that the log tells below it, and the earliest above it.
    after: Option<i64>,
    before: Option<i64>,
}

impl Dates {
    /// `committed` are the committers' dates, `told` and `is_expected` what a log tells and should tell of each place;
    /// `begins` is the last time at which a log saw the ref below the first place, or when it begins.
    pub fn of(
        committed: impl Iterator<Item = i64>,
        told: impl Fn(usize) -> Option<i64>,
        is_expected: impl Fn(usize) -> bool,
        begins: Option<i64>,
    ) -> Dates {
        let place = |(at, committed): (usize, i64)| {
            let (below, above, after, before) = (None, None, None, None);
            Place { committed, told: told(at), is_expected: is_expected(at), below, above, after, before }
        };
        let mut places: Vec<Place> = committed.enumerate().map(place).collect();
        let (mut latest, mut after): (Option<(i64, usize)>, _) = (None, begins);
        for (at, place) in places.iter_mut().enumerate() {
            (place.below, place.after) = (latest, after);
            let own = place.landed_at();
            if latest.is_none_or(|(time, _)| time <= own) {
                latest = Some((own, at));
            }
            after = after.max(place.told);
        }
        let (mut earliest, mut before): (Option<i64>, Option<i64>) = (None, None);
        for place in places.iter_mut().rev() {
            (place.above, place.before) = (earliest, before);
            earliest = Some(earliest.map_or(place.landed_at(), |time| time.min(place.landed_at())));
            before = before.into_iter().chain(place.told).min();
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

    /// If the log knows the ref, but nothing that let a place through: the time after which it landed, and the time
    /// before which, if anything landed on it since. It belongs to all periods between.
    pub fn bypassed(&self, place: usize) -> Option<(i64, Option<i64>)> {
        let own = &self.places[place];
        let after = own.after.filter(|_| own.is_expected && own.told.is_none())?;
        // A ref that was set back is above and below the same move.
        Some((own.before.map_or(after, |before| before.min(after)), own.before.map(|before| before.max(after))))
    }

    /// Whether a place may have landed in a period.
    pub fn is_within(&self, place: usize, from: Option<i64>, to: Option<i64>) -> bool {
        let is_within = |at: i64| from.is_none_or(|from| at >= from) && to.is_none_or(|to| at <= to);
        let meets = |(first, last): (i64, Option<i64>)| {
            to.is_none_or(|to| first <= to) && from.is_none_or(|from| last.is_none_or(|last| last >= from))
        };
        is_within(self.landed_at(place))
            || self.dated_back(place).is_some_and(|(below, _)| is_within(below))
            || self.places[place].dated_ahead().is_some_and(is_within)
            || self.bypassed(place).is_some_and(meets)
    }
}

impl Place {
    fn landed_at(&self) -> i64 {
        self.told.unwrap_or(self.committed)
    }

    /// Its committer's date, if nothing better is known.
    fn untold(&self) -> Option<i64> {
        self.told.is_none().then_some(self.committed)
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

    /// Per place: the committer's date in days, and what the log tells.
    fn of(places: &[(i64, Option<i64>)], is_expected: bool) -> Dates {
        let days = |days: i64| days * 24 * 3600;
        let committed = places.iter().map(|(own, _)| days(*own));
        Dates::of(committed, |at| places[at].1.map(days), |_| is_expected, is_expected.then_some(0))
    }

    /// The days on which a place may have landed, of forty.
    fn on(dates: &Dates, place: usize) -> Vec<i64> {
        let day = |day: &i64| dates.is_within(place, Some(day * 24 * 3600), Some(day * 24 * 3600 + 3600));
        (0..40).filter(day).collect()
    }

    #[test]
    fn what_the_log_tells_is_the_one_day_of_a_place() {
        let dates = of(&[(3, Some(5)), (30, Some(6)), (1, Some(7))], true);
        assert_eq!([0, 1, 2].map(|place| on(&dates, place)), [[5], [6], [7]]);
    }

    #[test]
    fn what_the_log_should_tell_and_does_not_may_have_landed_between_its_neighbours_or_at_any_time_since() {
        let dates = of(&[(3, Some(5)), (4, None), (8, Some(9)), (10, None)], true);
        assert_eq!(on(&dates, 1), [4, 5, 6, 7, 8, 9]);
        assert_eq!(on(&dates, 3), (9..40).collect::<Vec<_>>());
        assert_eq!((dates.bypassed(0), dates.bypassed(3).unwrap().1), (None, None));
        let before_the_log = of(&[(3, None), (4, None)], false);
        assert_eq!(on(&before_the_log, 0), [3]);
    }

    #[test]
    fn a_date_that_contradicts_its_neighbours_belongs_to_theirs_too() {
        let dates = of(&[(10, None), (2, None), (35, None), (20, None)], false);
        assert_eq!([0, 1, 2, 3].map(|place| on(&dates, place)), [vec![2, 10], vec![2, 10], vec![20, 35], vec![20, 35]]);
        assert_eq!(dates.dated_back(1), Some((10 * 24 * 3600, 0)));
        assert_eq!(dates.dated_back(2), None);
    }
}
