//! How long a judgement may read. What is pushed decides how much there is to read, so somebody has to say when it is
//! enough.

use std::time::{Duration, Instant};

use super::GitError;

/// A time at which reading ends, given out once and asked wherever reading can go on for long.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadline(Option<Over>);

#[derive(Debug, Clone, Copy)]
struct Over {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    /// From now on; one that is too far away to be told is none.
    pub fn after(allowed: Duration) -> Deadline {
        Deadline(Instant::now().checked_add(allowed).map(|at| Over { at, allowed }))
    }

    /// # Errors
    /// [`GitError::Limit`] when the time is over, and ever after.
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

    /// What is left of the time; none where there is no end to it.
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
