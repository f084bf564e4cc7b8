//! Trees and blobs → diffs, contents, manifests and result trees.

use git2::Oid;

use super::trees::{Entries, Entry, TREE, mode};
use super::{GitError, Repository, as_path, object_id, oid};
use crate::change::diff::{Content, Diff, FileDiff, MAX_TEXT_BYTES, Mode, TreeEntry};
use crate::change::manifest::{Image, Manifest};
use crate::change::{ObjectId, RepoPath};

/// The most levels of nested folders; deeper trees are made to exhaust whoever walks them.
const MAX_DEPTH: usize = 500;
/// The most paths of one change.
const MAX_PATHS: usize = 1_000_000;
/// The most paths and folders of all steps of a push. A few small trees that refer to each other repeatedly can expand
/// to any number of folders.
const MAX_ENTRIES: usize = 2 * MAX_PATHS;
/// The most bytes of their paths.
const MAX_PATH_BYTES: usize = 256 << 20;

/// The paths that differ between two trees, without renames and without opening a blob. Equal subtrees are not opened
/// either, so the cost depends on what differs, not on the size of the trees.
///
/// # Errors
/// An object is missing, or a tree is not in git's format: entries out of order, duplicated, or with invalid names or
/// modes. Git would check out a different file than the one that was shown.
pub fn diff(repository: &Repository, old: ObjectId, new: ObjectId) -> Result<Diff, GitError> {
    diff_within(repository, old, new, &mut Effort::default())
}

/// As [`diff`]; without an old tree, all of the new one counts as added.
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
    /// Counts bytes that are held in memory like those of the paths: targets of symlinks, messages of commits.
    ///
    /// # Errors
    /// The total exceeds the limit.
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

/// As [`diff`], for one of several whose total is bounded as one push.
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

/// The entry of a tree at a path.
pub(super) fn entry(tree: &git2::Tree<'_>, path: &RepoPath) -> Option<TreeEntry> {
    let entry = tree.get_path(as_path(path)).ok()?;
    Some(TreeEntry { mode: mode(entry.filemode())?, id: object_id(entry.id()) })
}

/// The folder of a tree at a path.
pub(super) fn folder(tree: &git2::Tree<'_>, path: &RepoPath) -> Option<Oid> {
    let entry = tree.get_path(as_path(path)).ok()?;
    (entry.filemode() == TREE).then(|| entry.id())
}

/// The entry of a tree, given by its id, at a path.
pub fn entry_at(repository: &Repository, tree: ObjectId, path: &RepoPath) -> Result<Option<TreeEntry>, GitError> {
    Ok(entry(&repository.raw.find_tree(oid(tree))?, path))
}

/// The size of a file in bytes; 0 for a submodule, which is not here.
pub fn size_of(repository: &Repository, entry: TreeEntry) -> Result<u64, GitError> {
    if entry.mode == Mode::Submodule {
        return Ok(0);
    }
    Ok(repository.raw.odb()?.read_header(oid(entry.id))?.0 as u64)
}

/// The id of a text as a blob. Nothing is written.
pub fn blob_id(text: &[u8]) -> Result<ObjectId, GitError> {
    Ok(object_id(git2::Oid::hash_object(git2::ObjectType::Blob, text)?))
}

/// Reads one side of a path and classifies it as text or not. Huge blobs are not read at all.
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

/// The text of a file, if it is one and no larger than `most`; none if it cannot be read.
pub fn small_text(repository: &Repository, entry: TreeEntry, most: usize) -> Option<Vec<u8>> {
    let (size, _) = repository.raw.odb().ok()?.read_header(oid(entry.id)).ok()?;
    if size > most {
        return None;
    }
    match content(repository, entry).ok()? {
        Content::Text(text) | Content::Wide { text, .. } => Some(text).filter(|text| text.len() <= most),
        _ => None,
    }
}

/// The manifest of a diff: reads every touched blob, which binds a decision to the bytes and not only to SHA-1.
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
