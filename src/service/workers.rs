//! How many pushes are judged at a time, and how many of one repository: those who push to it must not block the
//! others.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::http::HttpError;

/// Requests of one repository that wait for a worker: each holds a connection, of which there are
/// [`super::MAX_CONNECTIONS`].
const MAX_WAITING: usize = 32;

pub struct Workers {
    count: usize,
    /// Of one repository.
    share: usize,
    /// How long a request waits.
    patience: Duration,
    used: Mutex<Used>,
    freed: Condvar,
}

#[derive(Default)]
struct Used {
    working: usize,
    by_repository: HashMap<PathBuf, Demand>,
}

#[derive(Default)]
struct Demand {
    working: usize,
    waiting: usize,
}

/// Released on drop.
pub struct Worker<'w> {
    workers: &'w Workers,
    repository: PathBuf,
}

impl Workers {
    /// For a single repository, which may use all of them.
    pub fn of_one(count: usize, patience: Duration) -> Workers {
        Workers { count, share: count, patience, used: Mutex::default(), freed: Condvar::new() }
    }

    /// For many repositories: each may use half of them.
    pub fn shared(count: usize, patience: Duration) -> Workers {
        Workers { share: (count / 2).max(1), ..Workers::of_one(count, patience) }
    }

    /// Waits for a worker that this repository may use.
    ///
    /// # Errors
    /// No worker was free in time, or too many requests of the repository are waiting already.
    pub fn take(&self, repository: &Path) -> Result<Worker<'_>, HttpError> {
        let mut used = self.used();
        let demand = used.by_repository.entry(repository.to_path_buf()).or_default();
        if demand.waiting >= MAX_WAITING {
            return Err(HttpError::new(503, "Too many pushes to this repository wait to be judged. Try again."));
        }
        demand.waiting += 1;
        let busy = |used: &mut Used| !self.is_free(used, repository);
        let waited = self.freed.wait_timeout_while(used, self.patience, busy);
        let (mut used, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let free = self.is_free(&used, repository);
        used.working += usize::from(free);
        used.change(repository, |demand| {
            demand.waiting -= 1;
            demand.working += usize::from(free);
        });
        if free {
            Ok(Worker { workers: self, repository: repository.to_path_buf() })
        } else {
            Err(HttpError::new(503, "All workers are busy that this repository may have. Try again."))
        }
    }

    /// How many are judging now, and how many requests are waiting.
    pub fn load(&self) -> (usize, usize) {
        let used = self.used();
        (used.working, used.by_repository.values().map(|demand| demand.waiting).sum())
    }

    fn is_free(&self, used: &Used, repository: &Path) -> bool {
        let own = used.by_repository.get(repository).map_or(0, |demand| demand.working);
        used.working < self.count && own < self.share
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    fn change(&mut self, repository: &Path, change: impl FnOnce(&mut Demand)) {
        let Some(demand) = self.by_repository.get_mut(repository) else { return };
        change(demand);
        if demand.working + demand.waiting == 0 {
            self.by_repository.remove(repository);
        }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        let mut used = self.workers.used();
        used.working -= 1;
        used.change(&self.repository, |demand| demand.working -= 1);
        // The waiting threads may wait for different shares.
        self.workers.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(10);

    fn status(taken: Result<Worker<'_>, HttpError>) -> u16 {
        taken.map_or_else(|error| error.status, |_| 200)
    }

    #[test]
    fn one_repository_has_half_of_the_workers_and_another_the_rest() {
        let workers = Workers::shared(4, SOON);
        let (busy, other) = (Path::new("busy"), Path::new("other"));
        let held: Vec<_> = (0..2).map(|_| workers.take(busy).unwrap()).collect();
        assert_eq!(status(workers.take(busy)), 503);
        let more: Vec<_> = (0..2).map(|_| workers.take(other).unwrap()).collect();
        assert_eq!(status(workers.take(Path::new("third"))), 503, "there are no more");
        drop((held, more));
        assert_eq!(status(workers.take(busy)), 200);
        assert!(workers.used().by_repository.is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn a_repository_that_is_alone_has_all_workers() {
        let workers = Workers::of_one(2, SOON);
        let held: Vec<_> = (0..2).map(|_| workers.take(Path::new("alone")).unwrap()).collect();
        assert_eq!(status(workers.take(Path::new("alone"))), 503);
        drop(held);
        assert_eq!(status(workers.take(Path::new("alone"))), 200);
    }

    #[test]
    fn who_waits_gets_the_worker_that_comes_free_and_too_many_do_not_wait() {
        let workers = Workers::shared(2, Duration::from_secs(60));
        let busy = Path::new("busy");
        let held = workers.take(busy).unwrap();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..MAX_WAITING).map(|_| scope.spawn(|| status(workers.take(busy)))).collect();
            while workers.used().by_repository[busy].waiting < MAX_WAITING {
                std::thread::yield_now();
            }
            assert_eq!(status(workers.take(busy)), 503);
            assert_eq!(status(workers.take(Path::new("other"))), 200);
            drop(held);
            assert!(waiting.into_iter().all(|thread| thread.join().unwrap() == 200));
        });
    }
}
