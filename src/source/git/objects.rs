//! Trees and blobs → diffs, contents, manifests and result trees.

use git2::{Delta, DiffOptions};

use super::{GitError, Repository, as_path, object_id, oid};
use crate::change::diff::{Content, Diff, FileDiff, MAX_TEXT_BYTES, Mode, TreeEntry};
use crate::change::manifest::{Digest, Image, Manifest};
use crate::change::{ObjectId, RepoPath, Revision};

/// Bytes of a blob that is read; git2 holds it in memory whole.
const MAX_BLOB: usize = 512 << 20;

/// The paths that differ between two trees, without renames and without opening a blob.
pub fn diff(repository: &Repository, old: ObjectId, new: ObjectId) -> Result<Diff, GitError> {
    let old = repository.raw.find_tree(oid(old))?;
    let new = repository.raw.find_tree(oid(new))?;
    let mut options = DiffOptions::new();
    options.include_typechange(true).ignore_submodules(false).skip_binary_check(true);
    let raw = repository.raw.diff_tree_to_tree(Some(&old), Some(&new), Some(&mut options))?;
    let mut files: Vec<FileDiff> = raw.deltas().filter_map(|delta| file(&delta)).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Diff { files })
}

fn file(delta: &git2::DiffDelta<'_>) -> Option<FileDiff> {
    let (old, new) = (delta.old_file(), delta.new_file());
    let path = new.path_bytes().or(old.path_bytes())?;
    let old = if delta.status() == Delta::Added { None } else { side(&old) };
    let new = if delta.status() == Delta::Deleted { None } else { side(&new) };
    (old != new).then(|| FileDiff { path: RepoPath(path.to_vec()), old, new })
}

fn side(file: &git2::DiffFile<'_>) -> Option<TreeEntry> {
    Some(TreeEntry { mode: mode(u32::from(file.mode()) as i32)?, id: object_id(file.id()) })
}

fn mode(raw: i32) -> Option<Mode> {
    match raw & 0o170_000 {
        0o120_000 => Some(Mode::Symlink),
        0o160_000 => Some(Mode::Submodule),
        0o100_000 if raw & 0o111 != 0 => Some(Mode::Executable),
        0o100_000 => Some(Mode::File),
        _ => None,
    }
}

/// What a tree holds at a path.
pub(super) fn entry(tree: &git2::Tree<'_>, path: &RepoPath) -> Option<TreeEntry> {
    let entry = tree.get_path(as_path(path)).ok()?;
    Some(TreeEntry { mode: mode(entry.filemode())?, id: object_id(entry.id()) })
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
    let (size, _) = repository.raw.odb()?.read_header(oid(entry.id))?;
    if size > MAX_BLOB {
        let detail = format!("Object {} is larger than {} MiB, which is more than is read.", entry.id, MAX_BLOB >> 20);
        return Err(GitError::Unsupported(detail));
    }
    let blob = repository.raw.find_blob(oid(entry.id))?;
    Ok(Image { mode: entry.mode, content: Digest::of(blob.content()) })
}

/// The diff applied to the target tip's tree; none where a touched path has moved since base ("rebase first").
/// Nothing is written to the repository: new trees live in memory.
pub fn result_tree(repository: &Repository, revision: &Revision, diff: &Diff) -> Result<Option<ObjectId>, GitError> {
    if revision.target_tree == revision.base_tree {
        return Ok(Some(revision.head_tree));
    }
    let raw = git2::Repository::open(repository.raw.path())?;
    let odb = raw.odb()?;
    // Keeps what is written in memory, in front of the disk.
    let _pack = odb.add_new_mempack_backend(1_000)?;
    let target = raw.find_tree(oid(revision.target_tree))?;
    if diff.files.iter().any(|file| entry(&target, &file.path) != file.old) {
        return Ok(None);
    }
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
    Ok(Some(object_id(index.write_tree_to(&raw)?)))
}

fn index_entry(path: &RepoPath, entry: TreeEntry) -> git2::IndexEntry {
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
