//! Searching the texts of a change, file by file.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use crate::app::review::search::{Found, MAX_MATCHES, Pattern, Spot};
use crate::change::diff::Diff;
use crate::examination::{FileMaterial, FileReader, RepositorySnapshot};

/// What is searched, and for what.
pub struct Wanted<'w> {
    pub snapshot: &'w RepositorySnapshot,
    pub diff: &'w Diff,
    pub order: &'w [usize],
    /// Texts that cannot be read again.
    pub held: &'w BTreeMap<usize, Arc<FileMaterial>>,
    pub pattern: &'w Pattern,
}

/// Reports each file with matches, and at the end how many files could not be read.
pub fn search(wanted: &Wanted<'_>, search: &Weak<()>, mut tell: impl FnMut(Found)) {
    let failed = each_file(wanted, search, |lines| {
        tell(Found { search: search.clone(), lines: vec![lines], done: None });
    });
    tell(Found { search: search.clone(), lines: Vec::new(), done: Some(failed) });
}

/// Until all files are searched or nobody waits for it. Returns how many could not be read.
fn each_file(wanted: &Wanted<'_>, waits: &Weak<()>, mut found: impl FnMut((usize, Vec<Spot>))) -> usize {
    let Ok(mut reader) = FileReader::open(&wanted.snapshot.root) else { return wanted.order.len() };
    let (mut failed, mut left) = (0, MAX_MATCHES);
    for &index in wanted.order {
        if waits.strong_count() == 0 || left == 0 {
            break;
        }
        let held = wanted.held.get(&index).cloned();
        let Ok(file) = held.map_or_else(|| reader.read(&wanted.diff.files[index]).map(Arc::new), Ok) else {
            failed += 1;
            continue;
        };
        let mut lines = wanted.pattern.lines(&file);
        lines.truncate(left);
        left -= lines.len();
        if !lines.is_empty() {
            found((index, lines));
        }
    }
    failed
}
