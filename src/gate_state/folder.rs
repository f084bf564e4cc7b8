//! A state directory that is open. What is written goes into that directory, and never into another one that took its
//! path meanwhile.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat, renameat};
use nix::libc::O_DIRECTORY;
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::disk::refuse_others;

/// An open directory, and the path by which it was opened.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    handle: File,
}

impl Folder {
    /// Opens a directory.
    ///
    /// # Errors
    /// It cannot be opened, or is none.
    pub fn open(path: &Path) -> io::Result<Folder> {
        let handle = File::options().read(true).custom_flags(O_DIRECTORY).open(path)?;
        Ok(Folder { path: path.to_path_buf(), handle })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its path still leads to it.
    pub fn is_in_place(&self) -> bool {
        is_same(std::fs::metadata(&self.path), self.handle.metadata())
    }

    /// Opens a file in it to read and write, and creates it if it is not there.
    pub(super) fn file(&self, name: &str, more: OFlag) -> io::Result<File> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_CLOEXEC | more;
        let file = File::from(openat(&self.handle, name, flags, Mode::from_bits_truncate(0o666))?);
        refuse_others(&file)?;
        self.give_away(&file);
        Ok(file)
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        Ok(renameat(&self.handle, from, &self.handle, to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.handle, name, UnlinkatFlags::NoRemoveDir)?)
    }

    /// Writes a file in it completely or not at all.
    pub(super) fn write(&self, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        // As `disk::sweep` finds it if this process is killed.
        let temporary = Path::new(name).with_extension(format!("tmp-{}", std::process::id()));
        let temporary = temporary.to_string_lossy();
        match self.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self.file(&temporary, OFlag::O_EXCL).and_then(|mut file| {
            write(&mut file)?;
            file.sync_all()
        });
        written.and_then(|()| self.rename(&temporary, name)).inspect_err(|_| _ = self.remove(&temporary))?;
        self.sync()
    }

    /// Makes the names in it survive a crash of the machine, where the file system can.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self.handle.sync_all() {
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
            synced => synced,
        }
    }

    /// As `disk::give_away`.
    fn give_away(&self, file: &File) {
        let (Ok(owner), Ok(own)) = (self.handle.metadata(), file.metadata()) else { return };
        if own.uid() != owner.uid() {
            let _ = std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()));
        }
    }
}

/// Whether both are one file.
pub(super) fn is_same(one: io::Result<Metadata>, other: io::Result<Metadata>) -> bool {
    let id = |meta: Metadata| (meta.dev(), meta.ino());
    one.ok().map(id).is_some_and(|one| other.ok().map(id) == Some(one))
}
