//! When somebody is not to be asked. It is advice: a signature that somebody gives while away counts like any other.

use std::fmt;

use crate::datafile::{SECONDS_OF_A_DAY, day};

/// An absence, in whole days of UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away {
    /// The first day, in days since the epoch.
    pub from: i64,
    /// The last day.
    pub until: i64,
    /// Id of the person who is asked instead, if that person can sign.
    pub instead: Option<String>,
}

impl Away {
    /// Whether a time, in seconds since the epoch, is on one of its days.
    pub fn holds(&self, now: i64) -> bool {
        (self.from..=self.until).contains(&now.div_euclid(SECONDS_OF_A_DAY))
    }
}

/// Its days, in a few words: `from 2026-12-20 until 2027-01-04`.
impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.until {
            return write!(f, "on {}", day(self.from));
        }
        write!(f, "from {} until {}", day(self.from), day(self.until))
    }
}
