//! FLOOR 2: the clock of this machine.

/// The time, in seconds since the epoch; 0 for a clock before it.
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
