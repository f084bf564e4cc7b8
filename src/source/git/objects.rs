//! Trees and blobs → diffs, contents, manifests and result trees.

use git2::Oid;

use super::trees::{Entries, Entry, TREE, mode};
use super::{GitError, Repository, as_path, object_id, oid};
use crate::change::diff::{Content, Diff, FileDiff, MAX_TEXT_BYTES, Mode, TreeEntry};
use crate::change::manifest::{Image, Manifest};
use crate::change::{ObjectId, RepoPath, Revision};

/// Folders within folders; deeper ones are made to exhaust whoever walks them.
const MAX_DEPTH: usize = 500;
/// Paths of one change.
const MAX_PATHS: usize = 1_000_000;
/// Paths and folders of all steps of a push. A few small trees that name each other often are any number of folders.
const MAX_ENTRIES: usize = 2 * MAX_PATHS;
/// Bytes of their paths.
const MAX_PATH_BYTES: usize = 256 << 20;

/// The paths that differ between two trees, without renames and without opening a blob. What is the same in both is not
/// opened either, so the cost follows what differs and not how much there is.
///
/// # Errors
/// An object is missing, or a tree is not what git writes: entries out of order, twice, or with names or modes that are
/// none. Git would check out another file than the one that was shown.
pub fn diff(repository: &Repository, old: ObjectId, new: ObjectId) -> Result<Diff, GitError> {
    diff_within(repository, old, new, &mut Effort::default())
}

/// As [`diff`]; without an old tree all of the new one is new.
pub fn diff_from(repository: &Repository, old: Option<ObjectId>, new: ObjectId) -> Result<Diff, GitError> {
    walked(repository, old, new, &mut Effort::default())
}

/// How much was walked so far.
#[derive(Default)]
pub(super) struct Effort {
    /// Entries that differ, and bytes of the paths of files among them.
    entries: usize,
    bytes: usize,
}

impl Effort {
    /// Takes in bytes that are held in memory like those of the paths: where symlinks point, what commits say.
    ///
    /// # Errors
    /// Together they are more than is read.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), GitError> {
        self.bytes += bytes;
        if self.bytes > MAX_PATH_BYTES { Err(too_much()) } else { Ok(()) }
    }
}

fn too_much() -> GitError {
    GitError::Unsupported(format!(
        "A change of more than {MAX_PATHS} paths, or {MAX_DEPTH} folders deep, is not read; nor is a push of more than \
         {MAX_ENTRIES} paths and folders, or {} MiB of paths, targets of symlinks and messages of commits.",
        MAX_PATH_BYTES >> 20
    ))
}

/// As [`diff`], one of several that together may be as much as one push may be.
pub(super) fn diff_within(
    repository: &Repository,
    old: ObjectId,
    new: ObjectId,
    effort: &mut Effort,
) -> Result<Diff, GitError> {
    walked(repository, Some(old), new, effort)
}

fn walked(
    repository: &Repository,
    old: Option<ObjectId>,
    new: ObjectId,
    effort: &mut Effort,
) -> Result<Diff, GitError> {
    let mut walk = Walk { repository, path: Vec::new(), files: Vec::new(), deleted_folders: Vec::new(), effort };
    walk.compare(old.map(oid), Some(oid(new)), 0)?;
    let Walk { mut files, mut deleted_folders, .. } = walk;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    deleted_folders.sort();
    Ok(Diff { files, deleted_folders })
}

struct Walk<'r> {
    repository: &'r Repository,
    path: Vec<u8>,
    files: Vec<FileDiff>,
    deleted_folders: Vec<RepoPath>,
    effort: &'r mut Effort,
}

impl Walk<'_> {
    fn compare(&mut self, old: Option<Oid>, new: Option<Oid>, depth: usize) -> Result<(), GitError> {
        if old == new {
            return Ok(());
        }
        self.repository.deadline.check()?;
        let Effort { entries, bytes } = *self.effort;
        if depth > MAX_DEPTH || self.files.len() > MAX_PATHS || entries > MAX_ENTRIES || bytes > MAX_PATH_BYTES {
            return Err(too_much());
        }
        let entries = |tree: Option<Oid>| tree.map_or_else(|| Ok(Entries::default()), |id| self.repository.entries(id));
        let (old, new) = (entries(old)?, entries(new)?);
        let (mut left, mut right) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let (a, b) = match (left.peek(), right.peek()) {
                (None, None) => return Ok(()),
                (Some(a), Some(b)) if a.0 == b.0 => (left.next(), right.next()),
                (Some(a), Some(b)) if a.0 < b.0 => (left.next(), None),
                (Some(_), None) => (left.next(), None),
                _ => (None, right.next()),
            };
            self.entry(a, b, depth)?;
        }
    }

    fn entry(&mut self, old: Option<&Entry>, new: Option<&Entry>, depth: usize) -> Result<(), GitError> {
        if old == new {
            return Ok(());
        }
        let Some((name, ..)) = old.or(new) else { return Ok(()) };
        self.effort.entries += 1;
        let start = self.path.len();
        if start > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        let leaf = |side: Option<&Entry>| {
            side.and_then(|(_, raw, id)| Some(TreeEntry { mode: mode(*raw)?, id: object_id(*id) }))
        };
        let tree = |side: Option<&Entry>| side.filter(|(_, raw, _)| *raw == TREE).map(|(_, _, id)| *id);
        let (before, after) = (leaf(old), leaf(new));
        if before != after {
            self.effort.bytes += self.path.len();
            self.files.push(FileDiff {
                path: RepoPath(self.path.clone()),
                from: None,
                counterpart: None,
                old: before,
                new: after,
            });
        }
        let is_below =
            |folder: &RepoPath| self.path.strip_prefix(&folder.0[..]).is_some_and(|rest| rest.starts_with(b"/"));
        if tree(old).is_some() && tree(new).is_none() && !self.deleted_folders.last().is_some_and(is_below) {
            self.deleted_folders.push(RepoPath(self.path.clone()));
        }
        self.compare(tree(old), tree(new), depth + 1)?;
        self.path.truncate(start);
        Ok(())
    }
}

/// What a tree holds at a path.
pub(super) fn entry(tree: &git2::Tree<'_>, path: &RepoPath) -> Option<TreeEntry> {
    let entry = tree.get_path(as_path(path)).ok()?;
    Some(TreeEntry { mode: mode(entry.filemode())?, id: object_id(entry.id()) })
}

/// The folder that a tree holds at a path.
pub(super) fn folder(tree: &git2::Tree<'_>, path: &RepoPath) -> Option<Oid> {
    let entry = tree.get_path(as_path(path)).ok()?;
    (entry.filemode() == TREE).then(|| entry.id())
}

/// What a tree, given by its id, holds at a path.
pub fn entry_at(repository: &Repository, tree: ObjectId, path: &RepoPath) -> Result<Option<TreeEntry>, GitError> {
    Ok(entry(&repository.raw.find_tree(oid(tree))?, path))
}

/// Bytes of a file; of a submodule none are here.
pub fn size_of(repository: &Repository, entry: TreeEntry) -> Result<u64, GitError> {
    if entry.mode == Mode::Submodule {
        return Ok(0);
    }
    Ok(repository.raw.odb()?.read_header(oid(entry.id))?.0 as u64)
}

/// The id that a text has as a blob. Nothing is written.
pub fn blob_id(text: &[u8]) -> Result<ObjectId, GitError> {
    Ok(object_id(git2::Oid::hash_object(git2::ObjectType::Blob, text)?))
}

/// Reads one side of a path, sorted into text and what is not text. Huge blobs are not read at all.
pub fn content(repository: &Repository, entry: TreeEntry) -> Result<Content, GitError> {
    if entry.mode == Mode::Submodule {
        return Ok(Content::Submodule(entry.id));
    }
    let odb = repository.raw.odb()?;
    let (size, _) = odb.read_header(oid(entry.id))?;
    if size as u64 > MAX_TEXT_BYTES {
        return Ok(Content::TooLarge { size: size as u64 });
    }
    let bytes = repository.raw.find_blob(oid(entry.id))?.content().to_vec();
    Ok(match entry.mode {
        Mode::Symlink => Content::Symlink(bytes),
        _ => Content::of_blob(bytes),
    })
}

/// The text of a file, if it is one and no larger than that; what cannot be read is none.
pub fn small_text(repository: &Repository, entry: TreeEntry, most: usize) -> Option<Vec<u8>> {
    let (size, _) = repository.raw.odb().ok()?.read_header(oid(entry.id)).ok()?;
    if size > most {
        return None;
    }
    match content(repository, entry).ok()? {
        Content::Text(text) => Some(text),
        _ => None,
    }
}

/// The manifest of a diff: reads every touched blob, which is what binds a decision to bytes and not to SHA-1.
pub fn manifest(repository: &Repository, diff: &Diff) -> Result<Manifest, GitError> {
    let side = |entry: Option<TreeEntry>| entry.map(|entry| image(repository, entry)).transpose();
    let mut manifest = Manifest::default();
    for file in &diff.files {
        manifest.insert(file.path.clone(), side(file.old)?, side(file.new)?);
    }
    Ok(manifest)
}

pub(super) fn image(repository: &Repository, entry: TreeEntry) -> Result<Image, GitError> {
    if entry.mode == Mode::Submodule {
        return Ok(Image::of_submodule(entry.id));
    }
    Ok(Image { mode: entry.mode, content: repository.facts(entry.id)?.digest })
}

/// The diff applied to the target tip's tree; none where a touched path has moved since base ("rebase first").
/// Nothing is written to the repository: new trees live in memory.
pub fn result_tree(repository: &Repository, revision: &Revision, diff: &Diff) -> Result<Option<ObjectId>, GitError> {
    if revision.target_tree == revision.base_tree {
        return Ok(Some(revision.head_tree));
    }
    // Of most changes to an old base nothing more is to be said, and no repository to be opened for it.
    if has_moved(&repository.raw, revision, diff)? {
        return Ok(None);
    }
    applied(&git2::Repository::open(repository.raw.path())?, revision, diff)
}

/// Whether the target holds something else at a touched path than the base.
fn has_moved(raw: &git2::Repository, revision: &Revision, diff: &Diff) -> Result<bool, GitError> {
    let target = raw.find_tree(oid(revision.target_tree))?;
    Ok(diff.files.iter().any(|file| entry(&target, &file.path) != file.old))
}

/// As [`result_tree`], and the repository can read it from then on: for a gate, which writes nothing else through it.
pub(super) fn kept_result_tree(
    repository: &Repository,
    revision: &Revision,
    diff: &Diff,
) -> Result<Option<ObjectId>, GitError> {
    if revision.target_tree == revision.base_tree {
        return Ok(Some(revision.head_tree));
    }
    applied(&repository.raw, revision, diff)
}

fn applied(raw: &git2::Repository, revision: &Revision, diff: &Diff) -> Result<Option<ObjectId>, GitError> {
    let odb = raw.odb()?;
    // Keeps what is written in memory, in front of the disk.
    let _pack = odb.add_new_mempack_backend(1_000)?;
    if has_moved(raw, revision, diff)? {
        return Ok(None);
    }
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
    Ok(Some(object_id(index.write_tree_to(raw)?)))
}

pub(super) fn index_entry(path: &RepoPath, entry: TreeEntry) -> git2::IndexEntry {
    let mode = u32::from_str_radix(entry.mode.octal(), 8).expect("modes are octal literals");
    let zero = git2::IndexTime::new(0, 0);
    git2::IndexEntry {
        ctime: zero,
        mtime: zero,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id: oid(entry.id),
        flags: 0,
        flags_extended: 0,
        path: path.0.clone(),
    }
}
