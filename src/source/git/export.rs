//! Writes a tree as files in a folder, for a tool that reads files.

use std::fs::{File, create_dir};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid};

use super::{GitError, Repository, oid};
use crate::change::ObjectId;

/// Files and folders of one tree.
const MAX_ENTRIES: usize = 200_000;
/// Bytes of all files.
const MAX_BYTES: usize = 1 << 30;
/// Levels of nested folders.
const MAX_DEPTH: usize = 200;
/// Git's modes of files and of executable files.
const FILE: i32 = 0o100_644;
const EXECUTABLE: i32 = 0o100_755;

/// What was omitted from an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Symbolic links: a tool would follow them out of the folder.
    pub links: usize,
    /// Names that no checkout writes, such as `.git`.
    pub names: usize,
}

/// Writes the files of a tree into an empty folder, byte for byte as they are in the repository. Attributes and filters
/// are not applied.
///
/// # Errors
/// It is larger than 1 GiB or has more than 200,000 files, or it cannot be written.
pub fn export(repository: &Repository, tree: ObjectId, folder: &Path) -> Result<LeftOut, GitError> {
    let mut export = Export { repository, entries: 0, bytes: 0, left_out: LeftOut::default() };
    let mut open = vec![(oid(tree), folder.to_owned(), 0)];
    while let Some((tree, folder, depth)) = open.pop() {
        for (tree, folder) in export.folder(tree, &folder)? {
            if depth >= MAX_DEPTH {
                return Err(too_much());
            }
            open.push((tree, folder, depth + 1));
        }
    }
    Ok(export.left_out)
}

struct Export<'r> {
    repository: &'r Repository,
    entries: usize,
    bytes: usize,
    left_out: LeftOut,
}

impl Export<'_> {
    /// Writes the files of a folder, and creates its subfolders, which it returns.
    fn folder(&mut self, tree: Oid, folder: &Path) -> Result<Vec<(Oid, PathBuf)>, GitError> {
        let tree = self.repository.raw.find_tree(tree)?;
        let mut folders = Vec::new();
        for entry in &tree {
            self.entries += 1;
            let name = entry.name_bytes();
            if self.entries > MAX_ENTRIES {
                return Err(too_much());
            }
            if !is_plain(name) {
                self.left_out.names += 1;
                continue;
            }
            let path = folder.join(std::ffi::OsStr::from_bytes(name));
            match (entry.kind(), entry.filemode_raw()) {
                (Some(ObjectType::Tree), _) => {
                    create_dir(&path).map_err(|error| cannot(&path, &error))?;
                    folders.push((entry.id(), path));
                }
                (Some(ObjectType::Blob), mode @ (FILE | EXECUTABLE)) => self.file(entry.id(), mode, &path)?,
                (Some(ObjectType::Blob), _) => self.left_out.links += 1,
                _ => {}
            }
        }
        Ok(folders)
    }

    fn file(&mut self, id: Oid, mode: i32, path: &Path) -> Result<(), GitError> {
        let odb = self.repository.raw.odb()?;
        self.bytes = self.bytes.saturating_add(odb.read_header(id)?.0);
        if self.bytes > MAX_BYTES {
            return Err(too_much());
        }
        let blob = odb.read(id)?;
        let written = File::create_new(path).and_then(|mut file| {
            file.write_all(blob.data())?;
            if mode == EXECUTABLE { file.set_permissions(std::fs::Permissions::from_mode(0o755)) } else { Ok(()) }
        });
        written.map_err(|error| cannot(path, &error))
    }
}

/// Whether a name stays in its folder, and has no special meaning for git.
fn is_plain(name: &[u8]) -> bool {
    !name.is_empty()
        && ![&b"."[..], b".."].contains(&name)
        && !name.eq_ignore_ascii_case(b".git")
        && !name.iter().any(|byte| matches!(byte, b'/' | 0))
}

fn too_much() -> GitError {
    GitError::Limit(format!(
        "Its files are not written for a tool: there are more than {MAX_ENTRIES} of them, {} MiB, or {MAX_DEPTH} folders \
         in each other.",
        MAX_BYTES >> 20
    ))
}

fn cannot(path: &Path, error: &std::io::Error) -> GitError {
    GitError::Limit(format!("{} cannot be written: {error}.", path.display()))
}
