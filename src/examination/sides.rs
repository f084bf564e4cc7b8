//! The files of a change in two of its revisions, each followed across renames: by the change in either of them, and by
//! the base in between.

use std::collections::{BTreeMap, BTreeSet};

use super::{RepositorySnapshot, joined, mean_the_same};
use crate::change::diff::{FileDiff, TreeEntry};
use crate::change::{ObjectId, RepoPath, renames};
use crate::source::git::{self, GitError, Repository};

/// The trees of a revision's base and of its head.
pub(super) type Trees = (ObjectId, ObjectId);

/// The entries of a path before and after.
type Pair = (Option<TreeEntry>, Option<TreeEntry>);

/// A file in the two revisions: before and after in each. Also its name if the earlier one were on today's base, and
/// its name now.
pub(super) struct Sides {
    pub then: Pair,
    pub now: Pair,
    pub called: (RepoPath, RepoPath),
}

/// A revision by its trees: what it does to each path, and the new paths of files that it moved.
struct Touched<'r> {
    repository: &'r Repository,
    trees: Trees,
    files: BTreeMap<RepoPath, FileDiff>,
    moved: BTreeMap<RepoPath, RepoPath>,
}

impl<'r> Touched<'r> {
    fn of(repository: &'r Repository, snapshot: &RepositorySnapshot, trees: Trees) -> Result<Touched<'r>, GitError> {
        let joined = joined(repository, snapshot, trees)?;
        let moved = joined.files.iter().filter_map(|file| Some((file.from.clone()?, file.path.clone())));
        let moved = moved.collect();
        let files = joined.apart().files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Ok(Touched { repository, trees, files, moved })
    }

    fn at(&self, path: &RepoPath) -> Result<Pair, GitError> {
        match self.files.get(path) {
            Some(file) => Ok((file.old, file.new)),
            None => git::entry_at(self.repository, self.trees.0, path).map(|entry| (entry, entry)),
        }
    }

    /// The name of a base file after the revision.
    fn called(&self, path: &RepoPath) -> RepoPath {
        self.moved.get(path).unwrap_or(path).clone()
    }

    /// Whether it removes a path of its base, or changes its content.
    fn touches_old(&self, path: &RepoPath) -> bool {
        self.files.get(path).is_some_and(|file| file.old.is_some())
    }
}

/// Every file that either revision touches. A moved file is identified by its path in the earlier base, if that is
/// unambiguous; any other by its path.
pub(super) fn sides(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    then: Trees,
    now: Trees,
) -> Result<Vec<Sides>, GitError> {
    let (then, now) = (Touched::of(repository, snapshot, then)?, Touched::of(repository, snapshot, now)?);
    let rebased = rebased(&then, &now)?;
    let back: BTreeMap<&RepoPath, &RepoPath> = rebased.iter().map(|(was, is)| (is, was)).collect();
    let in_base_then = now.moved.keys().map(|path| *back.get(path).unwrap_or(&path));
    let moved: BTreeSet<&RepoPath> = then.moved.keys().chain(in_base_then).chain(rebased.keys()).collect();
    let (mut found, mut taken) = (Vec::new(), BTreeSet::new());
    for path in moved {
        let bases = (path, rebased.get(path).unwrap_or(path));
        let Some((sides, names)) = followed(snapshot, &then, &now, bases)? else { continue };
        if names.iter().all(|name| !taken.contains(name)) {
            taken.extend(names);
            found.push(sides);
        }
    }
    for path in then.files.keys().chain(now.files.keys()).collect::<BTreeSet<_>>() {
        if !taken.contains(path) {
            let called = (path.clone(), path.clone());
            found.push(Sides { then: then.at(path)?, now: now.at(path)?, called });
        }
    }
    Ok(found)
}

/// What the base renamed between the two revisions, for files that the change touches in both.
fn rebased(then: &Touched, now: &Touched) -> Result<BTreeMap<RepoPath, RepoPath>, GitError> {
    if then.trees.0 == now.trees.0 {
        return Ok(BTreeMap::new());
    }
    let mut step = git::diff(then.repository, then.trees.0, now.trees.0)?;
    step.files.retain(|file| match (file.old, file.new) {
        (Some(_), None) => then.touches_old(&file.path),
        (None, Some(_)) => now.touches_old(&file.path),
        _ => false,
    });
    let text = |entry, most| git::small_text(then.repository, entry, most);
    let step = renames::paired(step, |_, _| true, text);
    Ok(step.files.into_iter().filter_map(|file| Some((file.from?, file.path))).collect())
}

/// A file at these paths in the two bases, with all names that it has in the four trees; none if one of them also
/// belongs to another file, or if the last two names do not mean the same.
fn followed(
    snapshot: &RepositorySnapshot,
    then: &Touched,
    now: &Touched,
    (base_then, base_now): (&RepoPath, &RepoPath),
) -> Result<Option<(Sides, BTreeSet<RepoPath>)>, GitError> {
    let (head_then, head_now) = (then.called(base_then), now.called(base_now));
    // A file that only the base renamed has that name on today's base.
    let was = if head_then == *base_then { base_now } else { &head_then };
    let names: BTreeSet<RepoPath> = [base_then, base_now, &head_then, &head_now].map(RepoPath::clone).into();
    let mut is_clear = *was == head_now || mean_the_same(snapshot, was, &head_now);
    for name in &names {
        let ((a, b), (c, d)) = (then.at(name)?, now.at(name)?);
        let homes = [(a, base_then), (b, &head_then), (c, base_now), (d, &head_now)];
        is_clear &= homes.iter().all(|(entry, home)| entry.is_some() == (name == *home));
    }
    if !is_clear {
        return Ok(None);
    }
    let then = (then.at(base_then)?.0, then.at(&head_then)?.1);
    let now = (now.at(base_now)?.0, now.at(&head_now)?.1);
    Ok(Some((Sides { then, now, called: (was.clone(), head_now) }, names)))
}
