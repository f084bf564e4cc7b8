//! A repository that stays open from one examination to the next: to open it and to read its trees anew takes longer
//! than to read a small change.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use crate::source::git::{GitError, Repository};

/// Uses after which it is opened anew, so that what it maps and keeps in memory is given back.
const USES: usize = 1_024;

struct Opened {
    root: PathBuf,
    repository: Repository,
    uses: usize,
}

thread_local! {
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

/// Does something with the repository at a place.
pub(super) fn with<T>(root: &Path, run: impl FnOnce(&Repository) -> Result<T, GitError>) -> Result<T, GitError> {
    OPENED.with(|kept| {
        let mut kept = kept.borrow_mut();
        let fit = kept.take().filter(|opened| opened.root == root && opened.uses < USES);
        let opened = match fit {
            Some(opened) => opened,
            None => Opened { root: root.to_owned(), repository: Repository::open(root)?, uses: 0 },
        };
        let done = run(&opened.repository);
        // One that could not be read may be another by now.
        *kept = done.is_ok().then_some(Opened { uses: opened.uses + 1, ..opened });
        done
    })
}
