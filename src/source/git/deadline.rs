//! How long reading for one judgement may take. The push determines how much there is to read, so there must be a
//! limit.

use std::time::{Duration, Instant};

use super::GitError;

/// A point in time at which reading ends, set once and checked wherever reading can take long.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadline(Option<Over>);

#[derive(Debug, Clone, Copy)]
struct Over {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// From now on; one that is too far in the future to represent means no deadline.
    pub fn after(allowed: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(allowed).map(|at| Over { at, allowed }))
    }

    /// # Errors
    /// [`GitError::Limit`] once the time is over, and on every later call.
    pub fn check(&self) -> Result<(), GitError> {
        match self.0 {
            Some(over) if Instant::now() >= over.at => Err(GitError::Limit(format!(
                "To judge this took longer than the {} seconds that this gate gives a push, so it is not decided. \
                 Push in smaller parts, or let whoever runs the gate raise --deadline.",
                over.allowed.as_secs_f64()
            ))),
            _ => Ok(()),
        }
    }

    /// The time that is left; none if there is no deadline.
    pub fn left(&self) -> Option<Duration> {
        self.0.map(|over| over.at.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_is_over_names_the_limit_and_the_way_out() {
        let over = Deadline::after(Duration::ZERO).check().unwrap_err().to_string();
        assert!(over.contains("0 seconds") && over.contains("--deadline"), "{over}");
        assert_eq!(Deadline::after(Duration::from_secs(3600)).check(), Ok(()));
        assert_eq!(Deadline::default().check(), Ok(()));
        assert_eq!(Deadline::after(Duration::MAX).left(), None);
    }
}
