//! By when changes are to be signed, in working time. It is advice: nothing lands, and nothing is refused, because of a
//! clock.

use std::collections::BTreeSet;

use crate::datafile::SECONDS_OF_A_DAY;

/// The tiers of the queue.
pub(super) const TIERS: usize = 4;
/// The days of the week as files name them, from Monday on.
pub(super) const WEEK: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
/// The longest term: a year of working days, in seconds.
pub(super) const MAX_TERM: i64 = 365 * SECONDS_OF_A_DAY;
/// The most holidays of a file.
pub(super) const MAX_HOLIDAYS: usize = 1_000;

/// How long a change may wait before it is due, and before it is late; seconds of working days, which have 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Until it is due.
    pub due: i64,
    /// Until it is late; longer than until it is due.
    pub late: i64,
}

/// When a change is due, and when it is late. Seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// From then on it is due.
    pub due: i64,
    /// From then on it is late.
    pub late: i64,
}

/// The terms of each tier, and the days that do not count. All days are those of UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    pub(super) tiers: [Option<Terms>; TIERS],
    /// 0 is Monday; never all seven.
    pub(super) weekend: BTreeSet<usize>,
    /// Days since the epoch.
    pub(super) holidays: BTreeSet<i64>,
}

impl Clock {
    /// The terms of a tier, from 1; none if its changes are never due.
    pub fn terms(&self, tier: u8) -> Option<Terms> {
        self.tiers.get(usize::from(tier).checked_sub(1)?).copied().flatten()
    }

    /// When a change is due and late that waits since a time, in seconds since the epoch.
    pub fn deadlines(&self, tier: u8, since: i64) -> Option<Deadlines> {
        let terms = self.terms(tier)?;
        Some(Deadlines { due: self.after(since, terms.due), late: self.after(since, terms.late) })
    }

    /// The time after so many seconds of working days.
    fn after(&self, since: i64, seconds: i64) -> i64 {
        // One working day of each week and the holidays between: more days than that are never passed.
        const MOST: i64 = MAX_TERM / SECONDS_OF_A_DAY * 7 + 7 * MAX_HOLIDAYS as i64 + 14;
        let (mut at, mut left) = (since, seconds);
        for _ in 0..MOST {
            let day = at.div_euclid(SECONDS_OF_A_DAY);
            let Some(end) = day.checked_add(1).and_then(|next| next.checked_mul(SECONDS_OF_A_DAY)) else { break };
            if self.counts(day) {
                if left <= end - at {
                    return at + left;
                }
                left -= end - at;
            }
            at = end;
        }
        i64::MAX
    }

    /// Whether a day, in days since the epoch, is a working day.
    fn counts(&self, day: i64) -> bool {
        // The epoch was a Thursday.
        let weekday = day.saturating_add(3).rem_euclid(7) as usize;
        !self.weekend.contains(&weekday) && !self.holidays.contains(&day)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::datafile::date;

    fn clock(weekend: &[usize], holidays: &[i64]) -> Clock {
        Clock {
            tiers: [None; TIERS],
            weekend: weekend.iter().copied().collect(),
            holidays: holidays.iter().copied().collect(),
        }
    }

    #[test]
    fn clocks_run_on_working_days_only() {
        // 2026-11-27 is a Friday: day 20,784.
        const FRIDAY: i64 = 20_784 * SECONDS_OF_A_DAY;
        const HOUR: i64 = 3_600;
        let (usual, holiday, none) = (clock(&[5, 6], &[]), clock(&[5, 6], &[20_787]), clock(&[], &[]));
        let table: &[(&Clock, i64, i64, &str)] = &[
            (&usual, 15 * HOUR, 4 * HOUR, "2026-11-27 19:00Z"),
            (&usual, 15 * HOUR, 24 * HOUR, "2026-11-30 15:00Z"),
            // The end of Friday, not the start of Monday.
            (&usual, 0, 24 * HOUR, "2026-11-28 00:00Z"),
            // What comes on a Saturday waits from Monday on.
            (&usual, 30 * HOUR, HOUR, "2026-11-30 01:00Z"),
            (&usual, 0, 5 * 24 * HOUR + 1, "2026-12-04 00:00Z"),
            (&holiday, 15 * HOUR, 24 * HOUR, "2026-12-01 15:00Z"),
            (&none, 15 * HOUR, 24 * HOUR, "2026-11-28 15:00Z"),
            (&usual, 15 * HOUR, 0, "2026-11-27 15:00Z"),
        ];
        for (clock, offset, seconds, wanted) in table {
            assert_eq!(date(clock.after(FRIDAY + offset, *seconds)), *wanted, "{offset} + {seconds}");
        }
    }

    #[test]
    fn a_tier_without_terms_is_never_due() {
        let mut clock = clock(&[5, 6], &[]);
        clock.tiers[1] = Some(Terms { due: 60, late: 120 });
        assert_eq!(clock.deadlines(2, 0), Some(Deadlines { due: 60, late: 120 }));
        assert_eq!([0, 1, 3, 4, 5, 255].map(|tier| clock.deadlines(tier, 0)), [None; 6]);
    }

    proptest! {
        #[test]
        fn no_clock_goes_back_or_panics(since: i64, seconds in 0..=MAX_TERM, more in 0..=MAX_TERM, weekend in prop::collection::btree_set(0usize..7, 0..7), holidays in prop::collection::btree_set(-400i64..400, 0..40)) {
            let clock = Clock { tiers: [None; TIERS], weekend, holidays };
            let (first, second) = (clock.after(since, seconds), clock.after(since, seconds.saturating_add(more).min(MAX_TERM)));
            prop_assert!(since <= first && first <= second);
        }
    }
}
