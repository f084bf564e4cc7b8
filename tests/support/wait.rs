//! Waiting for what other threads and processes do. Nothing in the tests takes it for granted that something has
//! happened after some time: they look until it has, with a deadline for what never happens.

use std::time::{Duration, Instant};

/// More than anything takes on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something; nothing after that time.
pub fn look_for<T>(within: Duration, mut layout: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        let found = layout();
        if found.is_some() || start.elapsed() > within {
            return found;
        }
        pause_between_looks();
    }
}

/// Whether it comes true within that time.
pub fn comes_true(within: Duration, mut is_so: impl FnMut() -> bool) -> bool {
    look_for(within, || is_so().then_some(())).is_some()
}

/// Looks until it is so, and fails with these words where it never is.
pub fn until(otherwise: impl Fn() -> String, is_so: impl FnMut() -> bool) {
    assert!(comes_true(PATIENCE, is_so), "{}", otherwise());
}

/// Short, so that nobody waits for it; long enough for who is waited for to get on.
fn pause_between_looks() {
    std::thread::sleep(Duration::from_millis(10));
}

/// For the few tests that are about time itself: senders that are slow on purpose, and programs that are killed at any
/// moment.
pub fn take_time(time: Duration) {
    std::thread::sleep(time);
}
