//! FLOOR 2: files that are either complete or absent.

use std::fs::File;
use std::io::ErrorKind::{AlreadyExists, InvalidInput, PermissionDenied, Unsupported};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::libc::O_NONBLOCK;

/// Writes a file completely or not at all: temporary file next to it, sync, rename, sync of the directory. Creates the
/// directory if needed.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    stream_atomically(path, |file| file.write_all(bytes))
}

/// Writes a file completely or not at all, whatever happens to this process. For what is of no use after a crash of the
/// machine: that may take it away.
pub fn write_until_restart(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
    let written = create_anew(&temporary).and_then(|mut file| file.write_all(bytes));
    written.and_then(|()| std::fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

/// As [`write_atomically`], for content that need not be in memory as a whole.
pub fn stream_atomically(path: &Path, write: impl FnOnce(&mut File) -> std::io::Result<()>) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let new = dir.ancestors().take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists()).count();
    std::fs::create_dir_all(dir)?;
    let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
    let written = create_anew(&temporary).and_then(|mut file| {
        write(&mut file)?;
        give_away(&temporary);
        file.sync_all()
    });
    written.and_then(|()| std::fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })?;
    // The names last: the file's own, and those of the directories that were created for it.
    dir.ancestors().take(new + 1).try_for_each(sync_dir)
}

/// Opens a regular file to read it. At a pipe, opening would wait until somebody writes, and a device may never end.
///
/// # Errors
/// Like [`File::open`], or it is not a regular file.
pub(crate) fn open_regular(path: &Path) -> std::io::Result<File> {
    let file = File::options().read(true).custom_flags(O_NONBLOCK).open(path)?;
    refuse_others(&file)?;
    Ok(file)
}

/// Refuses a file that is open and is not a regular one.
pub(crate) fn refuse_others(file: &File) -> std::io::Result<()> {
    match file.metadata()?.is_file() {
        true => Ok(()),
        false => Err(std::io::Error::other("it is not a regular file")),
    }
}

/// The bytes of a regular file; see [`open_regular`].
pub(crate) fn read_regular(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a small file that somebody else may have put there; empty if it cannot be one.
pub(crate) fn read_small(path: &Path, most: u64) -> Vec<u8> {
    let read = || -> std::io::Result<Vec<u8>> {
        let file = open_regular(path)?;
        if file.metadata()?.len() > most {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().unwrap_or_default()
}

/// Creates a file that is not there. What a killed process left is removed; nothing is written through a link, which a
/// repository may hold under this name.
fn create_anew(path: &Path) -> std::io::Result<File> {
    match File::create_new(path) {
        Err(error) if error.kind() == AlreadyExists => {
            std::fs::remove_file(path)?;
            File::create_new(path)
        }
        created => created,
    }
}

/// The path beside this one whose name has something more at its end: `states.new`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(suffix);
    PathBuf::from(longer)
}

/// Makes the names in a directory survive a crash of the machine. A directory that is writable but not readable, and a
/// file system that cannot sync directories, are ignored: a write that succeeded must not fail for that.
pub fn sync_dir(dir: &Path) -> std::io::Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    match File::open(dir).and_then(|dir| dir.sync_all()) {
        Err(error) if matches!(error.kind(), PermissionDenied | InvalidInput | Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Gives a file the owner of its directory, if this program may: after one run by root, a gate could otherwise not
/// continue as the user who owns the repository.
pub fn give_away(path: &Path) {
    let owner = path.parent().and_then(|dir| std::fs::metadata(dir).ok());
    let Some((owner, own)) = owner.zip(std::fs::metadata(path).ok()) else { return };
    if own.uid() != owner.uid() {
        let _ = std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid()));
    }
}

/// Removes what [`write_atomically`] left in a directory when its process was killed. The caller must keep out all
/// writers.
pub fn sweep(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let process = path.extension().and_then(|ext| ext.to_str()?.strip_prefix("tmp-"));
        if process.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())) {
            let _ = std::fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn nothing_is_written_through_a_link_that_has_the_name_of_the_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("policy.toml"), dir.path().join("victim"));
        std::fs::write(&victim, "mine").unwrap();
        let temporary = path.with_extension(format!("tmp-{}", std::process::id()));
        std::os::unix::fs::symlink(&victim, temporary).unwrap();
        write_atomically(&path, b"text").unwrap();
        assert_eq!(std::fs::read(&victim).unwrap(), b"mine");
        assert!(path.symlink_metadata().unwrap().is_file());
        assert_eq!(std::fs::read(&path).unwrap(), b"text");
    }

    #[test]
    fn a_file_is_written_whole_into_directories_that_are_new() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, file) = (dir.path().join("a/b"), dir.path().join("a/b/file.json"));
        write_atomically(&file, b"one").unwrap();
        write_atomically(&file, b"two").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 1, "nothing else is left there");
        stream_atomically(&file, |_| Err(std::io::Error::other("no"))).unwrap_err();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(&inner).unwrap().count(), 1);
    }
}
