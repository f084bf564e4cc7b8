//! The lock of a state directory: one gate at a time. Anyone who may open the file may lock it, so nobody else may open
//! it; and the wait for the lock is bounded.
//!
//! The promise: whoever holds the lock of a directory that is no longer at its path writes nothing to the one that is.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::libc::{ENXIO, O_NONBLOCK};

use super::folder::{Folder, is_same};
use crate::disk::{give_away, refuse_others};

/// Only the owner may enter the directory, and open the file.
const DIR_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const OTHERS: u32 = 0o077;
const STICKY: u32 = 0o1000;
/// The pause between two attempts: at first, and at most.
const SHORT: Duration = Duration::from_millis(1);
const LONG: Duration = Duration::from_millis(50);
/// How long to wait without a deadline.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often in a row the directory may have been replaced when its lock was taken.
const ATTEMPTS: usize = 8;

/// Held until it is dropped, or its process ends.
#[derive(Debug)]
pub struct Lock {
    folder: Folder,
    file: File,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(
        "Another gate has held the state in {dir} for {seconds} seconds. `fuser {dir}/lock` names the process: wait \
         for it, or end it if it hangs; then push again."
    )]
    Held { dir: String, seconds: u64 },
    #[error("The gate's state in {dir} cannot be used: {error}.")]
    Unusable { dir: String, error: io::Error },
}

impl Lock {
    /// Creates the directory if necessary, closes it to others if it is open to them, and waits for the lock: two
    /// minutes if no limit is given.
    ///
    /// # Errors
    /// [`LockError`]
    pub fn take(dir: &Path, patience: Option<Duration>) -> Result<Lock, LockError> {
        let shown = || crate::change::visible::line(dir.as_os_str().as_encoded_bytes());
        let unusable = |error: io::Error| LockError::Unusable { dir: shown(), error };
        let patience = patience.unwrap_or(PATIENCE);
        let until = Instant::now().checked_add(patience);
        for _ in 0..ATTEMPTS {
            make(dir).map_err(unusable)?;
            let file = match open(&dir.join("lock")) {
                // The directory was set aside just now.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file.map_err(unusable)?,
            };
            match wait(&file, until) {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held { dir: shown(), seconds: patience.as_secs() });
                }
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
            let folder = match Folder::open(dir) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                folder => folder.map_err(unusable)?,
            };
            let lock = Lock { folder, file };
            // While this waited, the directory may have been set aside, and another one may be in its place.
            if lock.is_in_place() {
                return Ok(lock);
            }
        }
        Err(unusable(io::Error::other("it is replaced again and again")))
    }

    /// The directory that is locked.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Whether the path of the directory still leads to the one that is locked.
    pub fn is_in_place(&self) -> bool {
        let path = self.folder.path().join("lock");
        self.folder.is_in_place() && is_same(std::fs::metadata(path), self.file.metadata())
    }

    /// Refuses to go on with a directory that is no longer at its path.
    ///
    /// # Errors
    /// A sentence: it was moved or replaced.
    pub fn check(&self) -> Result<(), String> {
        if self.is_in_place() {
            return Ok(());
        }
        let dir = crate::change::visible::line(self.folder.path().as_os_str().as_encoded_bytes());
        Err(format!(
            "The gate's state in {dir} was moved or replaced while it was in use, so nothing of this counts. Try again."
        ))
    }
}

fn make(dir: &Path) -> io::Result<()> {
    if let Some(above) = dir.parent() {
        let is_new = !above.exists();
        std::fs::create_dir_all(above)?;
        if is_new {
            give_away(above);
        }
    }
    match DirBuilder::new().mode(DIR_MODE).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        made => {
            if made.is_ok() {
                give_away(dir);
            }
            close(dir, DIR_MODE);
            Ok(())
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    // A pipe that nobody reads cannot be opened so, where it would block otherwise.
    let file = OpenOptions::new().create(true).append(true).mode(FILE_MODE).custom_flags(O_NONBLOCK).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(ENXIO) => io::Error::other("its lock is not a regular file"),
        _ => error,
    })?;
    refuse_others(&file)?;
    give_away(path);
    close(path, FILE_MODE);
    Ok(file)
}

/// Removes permissions of others that an earlier version, or a loose umask, granted. Only the owner of a file can do
/// that. A directory that is shared on purpose, such as `/tmp`, is not changed.
fn close(path: &Path, mode: u32) {
    let Ok(meta) = std::fs::metadata(path) else { return };
    let held = meta.permissions().mode() & 0o7777;
    if held & OTHERS != 0 && held & STICKY == 0 {
        let _ = std::fs::set_permissions(path, Permissions::from_mode(held & mode));
    }
}

/// Polls the lock: the system either does not wait at all, or waits for ever.
fn wait(file: &File, until: Option<Instant>) -> Result<(), TryLockError> {
    let mut pause = SHORT;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if until.is_none_or(|until| Instant::now() < until) => {}
            done => return done,
        }
        thread::sleep(pause);
        pause = LONG.min(2 * pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn nobody_else_can_open_the_lock_whatever_the_modes_were() {
        let dir = tempfile::tempdir().unwrap();
        let fresh = dir.path().join("a/b");
        drop(Lock::take(&fresh, None).unwrap());
        assert_eq!((mode(&fresh), mode(&fresh.join("lock"))), (0o700, 0o600));
        std::fs::set_permissions(&fresh, Permissions::from_mode(0o777)).unwrap();
        std::fs::set_permissions(fresh.join("lock"), Permissions::from_mode(0o666)).unwrap();
        drop(Lock::take(&fresh, None).unwrap());
        assert_eq!((mode(&fresh), mode(&fresh.join("lock"))), (0o700, 0o600));
    }

    #[test]
    fn a_lock_that_is_held_is_not_waited_for_without_end_and_one_that_comes_free_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let held = Lock::take(dir.path(), None).unwrap();
        let why = Lock::take(dir.path(), Some(Duration::from_millis(20))).unwrap_err().to_string();
        assert!(why.contains("fuser") && why.contains("Another gate"), "{why}");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| Lock::take(dir.path(), Some(Duration::from_secs(60))));
            std::thread::sleep(Duration::from_millis(20));
            drop(held);
            assert!(waiting.join().unwrap().is_ok());
        });
    }

    #[test]
    fn whoever_waits_for_a_directory_that_is_set_aside_gets_the_lock_of_the_one_at_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let (path, aside) = (dir.path().join("gate"), dir.path().join("gate.old"));
        let held = Lock::take(&path, None).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| Lock::take(&path, Some(Duration::from_secs(60))));
            std::fs::rename(&path, &aside).unwrap();
            let is_open = held.check().is_ok();
            drop(held);
            assert!(waiting.join().unwrap().unwrap().is_in_place());
            assert!(!is_open);
        });
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        assert!(matches!(Lock::take(&dir.path().join("file/x"), None), Err(LockError::Unusable { .. })));
    }
}
