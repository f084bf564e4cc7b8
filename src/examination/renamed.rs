//! Files that were renamed between the revision of a draft and the open one. A draft keys what it stores about a file
//! by its path, which would otherwise be lost.

use std::collections::{BTreeMap, BTreeSet};

use super::{RepositorySnapshot, joined};
use crate::change::diff::{Diff, FileDiff};
use crate::change::manifest::unescape;
use crate::change::{Change, RepoPath, renames};
use crate::decision::Draft;
use crate::source::git::{self, GitError, Repository};

#[derive(Debug, Clone, Default)]
pub struct Renamed {
    /// What the earlier revision did to each path; empty if the change has not been updated since.
    pub then: Diff,
    /// By path in the earlier head: the path now.
    pub names: BTreeMap<RepoPath, RepoPath>,
}

impl Renamed {
    /// Since the revision of a draft. If that is no longer in the repository, no renames are known.
    pub fn since(
        repository: &Repository,
        snapshot: &RepositorySnapshot,
        draft: &Draft,
        change: &Change,
        now: &Diff,
    ) -> Renamed {
        Renamed::read(repository, snapshot, draft, change, now).unwrap_or_default()
    }

    fn read(
        repository: &Repository,
        snapshot: &RepositorySnapshot,
        draft: &Draft,
        change: &Change,
        now: &Diff,
    ) -> Result<Renamed, GitError> {
        let revision = &change.revision;
        let (Ok(base), Ok(head)) = (draft.base.parse(), draft.head.parse()) else { return Ok(Renamed::default()) };
        if (base, head) == (revision.base, revision.head) {
            return Ok(Renamed::default());
        }
        let head = repository.tree_of(head)?;
        let then = joined(repository, snapshot, (repository.tree_of(base)?, head))?;
        let mut step = git::diff(repository, head, revision.head_tree)?;
        step.files.retain(is_of_the_change(&then, now, draft));
        let text = |entry, most| git::small_text(repository, entry, most);
        // At its new path it may mean something else, but it is the same file.
        let step = renames::paired(step, |_, _| true, text);
        let names = step.files.into_iter().filter_map(|file| Some((file.from?, file.path))).collect();
        Ok(Renamed { then, names })
    }
}

/// Only files that the change touched, or that have notes, can have been renamed by it, and only to a path that it
/// touches now. The base may have advanced by any number of files.
fn is_of_the_change(then: &Diff, now: &Diff, draft: &Draft) -> impl Fn(&FileDiff) -> bool {
    let noted = draft.notes.iter().filter_map(|note| unescape(&note.path));
    let before: BTreeSet<RepoPath> = then.files.iter().map(|file| file.path.clone()).chain(noted).collect();
    let after: BTreeSet<RepoPath> = now.files.iter().map(|file| file.path.clone()).collect();
    move |file| match (file.old, file.new) {
        (Some(_), None) => before.contains(&file.path),
        (None, Some(_)) => after.contains(&file.path),
        _ => false,
    }
}
