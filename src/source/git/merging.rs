//! What comes of merging a proposal into its target, and what stands in its way: judged by trees alone.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use git2::{ObjectType, Oid};

use super::objects::{entry, folder, index_entry};
use super::{GitError, Repository, as_path, diff, object_id, oid};
use crate::change::diff::{Diff, FileDiff};
use crate::change::{ObjectId, RepoPath, Revision};
use crate::gate::Obstacle;

/// The diff applied to the target tip's tree, or what keeps it from landing as it is. Nothing is written to the
/// repository: new trees are kept in memory.
pub fn applied(
    repository: &Repository,
    revision: &Revision,
    diff: &Diff,
) -> Result<Result<ObjectId, Obstacle>, GitError> {
    if revision.target_tree == revision.base_tree {
        return Ok(Ok(revision.head_tree));
    }
    // For most changes with an old base this is the answer, without opening a repository for it.
    let tree = |id| repository.raw.find_tree(oid(id));
    let done = Done { before: tree(revision.base_tree)?, after: tree(revision.head_tree)?, diff: Cow::Borrowed(diff) };
    if let Some(obstacle) = Trees::of(&repository.raw, revision)?.obstacle(&[done]) {
        return Ok(Err(obstacle));
    }
    result_tree(&git2::Repository::open(repository.raw.path())?, revision, diff).map(Ok)
}

/// A diff without what the target has since changed in the same way: what the proposal would do once it is rebased.
pub fn still_new(repository: &Repository, revision: &Revision, diff: &Diff) -> Result<Diff, GitError> {
    let trees = Trees::of(&repository.raw, revision)?;
    let files = diff.files.iter().filter(|file| !trees.has_already(file)).cloned().collect();
    Ok(Diff { files, ..diff.clone() })
}

/// The diff applied to the target tip's tree, if nothing is in its way. The repository can read the result afterwards:
/// for a gate, which writes nothing else through it.
pub(super) fn kept_result_tree(
    repository: &Repository,
    revision: &Revision,
    diff: &Diff,
) -> Result<ObjectId, GitError> {
    if revision.target_tree == revision.base_tree {
        return Ok(revision.head_tree);
    }
    result_tree(&repository.raw, revision, diff)
}

fn result_tree(raw: &git2::Repository, revision: &Revision, diff: &Diff) -> Result<ObjectId, GitError> {
    let odb = raw.odb()?;
    // Keeps written objects in memory, in front of the disk.
    let _pack = odb.add_new_mempack_backend(1_000)?;
    let target = raw.find_tree(oid(revision.target_tree))?;
    let mut index = git2::Index::new()?;
    index.read_tree(&target)?;
    for file in &diff.files {
        let _ = index.remove(as_path(&file.path), 0);
    }
    for file in &diff.files {
        if let Some(new) = file.new {
            index.add(&index_entry(&file.path, new))?;
        }
    }
    Ok(object_id(index.write_tree_to(raw)?))
}

/// What a proposal, or one commit of it, does.
pub(super) struct Done<'r> {
    pub before: git2::Tree<'r>,
    pub after: git2::Tree<'r>,
    pub diff: Cow<'r, Diff>,
}

impl Done<'_> {
    /// Folders that no longer exist. Git may consider them renamed.
    fn lost(&self) -> BTreeSet<RepoPath> {
        let gone = self.diff.files.iter().filter(|file| file.new.is_none());
        let above = gone.flat_map(|file| folders_above(&file.path));
        above.filter(|above| is_lost(&self.before, &self.after, above)).collect()
    }
}

fn is_lost(before: &git2::Tree<'_>, after: &git2::Tree<'_>, path: &RepoPath) -> bool {
    folder(before, path).is_some() && folder(after, path).is_none()
}

/// The tree from which a proposal forked, and the one on which it would land.
pub(super) struct Trees<'r> {
    base: git2::Tree<'r>,
    tip: git2::Tree<'r>,
}

impl<'r> Trees<'r> {
    pub(super) fn of(raw: &'r git2::Repository, revision: &Revision) -> Result<Trees<'r>, GitError> {
        let tree = |id| raw.find_tree(oid(id));
        Ok(Trees { base: tree(revision.base_tree)?, tip: tree(revision.target_tree)? })
    }

    /// What keeps a proposal from being merged as it is.
    pub(super) fn obstacle(&self, done: &[Done<'_>]) -> Option<Obstacle> {
        let touched: BTreeSet<&RepoPath> = done.iter().flat_map(|done| &done.diff.files).map(|f| &f.path).collect();
        let moved = touched.into_iter().filter(|path| entry(&self.base, path) != entry(&self.tip, path));
        // The first is the proposal as a whole.
        let is_there =
            |path: &&RepoPath| done.first().is_some_and(|whole| entry(&whole.after, path) == entry(&self.tip, path));
        let (there, moved): (Vec<_>, Vec<_>) = moved.partition(is_there);
        let obstacle = moved.first().map(|path| Obstacle::Moved((*path).clone()));
        let obstacle = obstacle.or_else(|| self.blocked(done).map(Obstacle::Blocked));
        obstacle.or_else(|| there.first().map(|path| Obstacle::There((*path).clone())))
    }

    /// Whether the target has what a proposal would leave at a path, though it was otherwise where the proposal forked.
    fn has_already(&self, file: &FileDiff) -> bool {
        let there = entry(&self.tip, &file.path);
        there == file.new && there != entry(&self.base, &file.path)
    }

    /// A path that is to be a file where the target has gained a folder, or that is below something that is a file
    /// there and remains one.
    fn blocked(&self, done: &[Done<'_>]) -> Option<RepoPath> {
        let files = || done.iter().flat_map(|done| &done.diff.files);
        let goes: HashSet<&RepoPath> = files().filter(|file| file.new.is_none()).map(|file| &file.path).collect();
        let is_blocked = |path: &RepoPath| {
            let below_file =
                folders_above(path).any(|above| entry(&self.tip, &above).is_some() && !goes.contains(&above));
            below_file || folder(&self.tip, path).is_some_and(|held| folder(&self.base, path) != Some(held))
        };
        files().filter(|file| file.new.is_some()).map(|file| &file.path).find(|path| is_blocked(path)).cloned()
    }

    /// A path that one side adds below a folder that the other side has lost.
    pub(super) fn in_lost_folder(
        &self,
        repository: &Repository,
        done: &[Done<'_>],
    ) -> Result<Option<RepoPath>, GitError> {
        if let Some(path) = self.added_where_lost(repository, done)? {
            return Ok(Some(path));
        }
        for above in done.iter().flat_map(Done::lost) {
            let added = self.change_below(repository, &above)?.files.into_iter().find(|file| file.old.is_none());
            if let Some(file) = added {
                return Ok(Some(RepoPath([&above.0[..], b"/", &file.path.0].concat())));
            }
        }
        Ok(None)
    }

    /// A path that the proposal adds below a folder that the target has lost. Each commit is replayed on the result of
    /// those before it: they may have removed all that the target had left of a folder.
    fn added_where_lost(&self, repository: &Repository, done: &[Done<'_>]) -> Result<Option<RepoPath>, GitError> {
        let files = || done.iter().flat_map(|done| &done.diff.files);
        let gone = files().filter(|file| file.new.is_none());
        let thinned: BTreeSet<RepoPath> = gone.flat_map(|file| folders_above(&file.path)).collect();
        let added = files().filter(|file| file.old.is_none());
        let into = added.flat_map(|file| folders_above(&file.path).map(|above| (above, &file.path)));
        for (above, path) in into.collect::<BTreeMap<_, _>>() {
            let is_thinned = || -> Result<bool, GitError> {
                let has_several = done.len() > 2;
                let loses = |diff: Diff| diff.files.iter().any(|file| file.new.is_none());
                Ok(has_several && thinned.contains(&above) && loses(self.change_below(repository, &above)?))
            };
            if is_lost(&self.base, &self.tip, &above) || is_thinned()? {
                return Ok(Some(path.clone()));
            }
        }
        Ok(None)
    }

    /// What the target has changed in a folder, with paths relative to it. A folder that does not exist counts as
    /// empty.
    fn change_below(&self, repository: &Repository, above: &RepoPath) -> Result<Diff, GitError> {
        let held = |tree| folder(tree, above).map_or_else(|| Oid::hash_object(ObjectType::Tree, b""), Ok);
        diff(repository, object_id(held(&self.base)?), object_id(held(&self.tip)?))
    }
}

/// `a/b` and `a` of `a/b/c`.
fn folders_above(path: &RepoPath) -> impl Iterator<Item = RepoPath> {
    let ends = path.0.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    ends.map(|end| RepoPath(path.0[..end].to_vec())).collect::<Vec<_>>().into_iter()
}
