//! A repository that stays open between examinations: opening it and reading its trees again takes longer than reading
//! a small change.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::source::git::{GitError, Repository};

/// Uses after which it is reopened, so that its mapped and cached memory is freed.
const USES: usize = 1_024;

struct Opened {
    root: PathBuf,
    repository: Repository,
    uses: usize,
}

thread_local! {
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

/// Runs a function on the repository at a path.
pub(super) fn with<T>(root: &Path, run: impl FnOnce(&Repository) -> Result<T, GitError>) -> Result<T, GitError> {
    OPENED.with(|kept| {
        let mut kept = kept.borrow_mut();
        let fit = kept.take().filter(|opened| opened.root == root && opened.uses < USES);
        let opened = match fit {
            Some(opened) => opened,
            None => Opened { root: root.to_owned(), repository: Repository::open(root)?, uses: 0 },
        };
        let done = run(&opened.repository);
        // If it could not be read, it may be a different one by now.
        *kept = done.is_ok().then_some(Opened { uses: opened.uses + 1, ..opened });
        done
    })
}
