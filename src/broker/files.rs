//! The program of a command, opened once and hashed, and its inputs, in a place where only the broker writes.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};

use crate::change::digest::Digest;
use crate::record::RecordId;

/// Mode bits that let others than the owner write.
const WRITABLE: u32 = 0o022;

/// A program, as an open file.
pub struct OpenProgram {
    pub file: File,
    pub digest: Digest,
}

/// Digests of programs, cached by file metadata: hashing a large program takes longer than everything else.
#[derive(Default)]
pub struct Hashed(Mutex<HashMap<[u64; 6], Digest>>);

impl Hashed {
    /// Opens a program once, and hashes it.
    ///
    /// # Errors
    /// A sentence: it is not a program, or somebody other than root could replace it.
    pub fn open(&self, path: &Path) -> Result<OpenProgram, String> {
        let real = path.canonicalize().map_err(|error| format!("{} cannot be executed: {error}", path.display()))?;
        path.ancestors().chain(real.ancestors()).try_for_each(is_roots)?;
        // Opening a pipe blocks until there is a writer, and opening a device may have effects.
        let is_file = real.symlink_metadata().is_ok_and(|about| about.is_file());
        if !is_file {
            return Err(format!("{} cannot be executed", real.display()));
        }
        let flags = (OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits();
        let opened = File::options().read(true).custom_flags(flags).open(&real);
        let file = opened.map_err(|error| format!("{} cannot be opened: {error}", real.display()))?;
        let about = file.metadata().map_err(|error| error.to_string())?;
        if !about.is_file() || about.mode() & 0o111 == 0 {
            return Err(format!("{} cannot be executed", real.display()));
        }
        let known = key(&about);
        if let Some(digest) = self.0.lock().ok().and_then(|known_| known_.get(&known).copied()) {
            return Ok(OpenProgram { file, digest });
        }
        let digest = hash(&file)?;
        // If it was written to meanwhile, it is another file.
        if file.metadata().is_ok_and(|now| key(&now) == known)
            && let Ok(mut all) = self.0.lock()
        {
            all.insert(known, digest);
        }
        Ok(OpenProgram { file, digest })
    }
}

/// The metadata that changes when a file does.
fn key(about: &Metadata) -> [u64; 6] {
    let nanos = about.mtime_nsec() as u64 ^ (about.ctime_nsec() as u64).rotate_left(32);
    [about.dev(), about.ino(), about.size(), about.mtime() as u64, about.ctime() as u64, nanos]
}

/// Checks that a component of a path belongs to root, so that nobody else can change where it leads.
fn is_roots(step: &Path) -> Result<(), String> {
    let about = step.symlink_metadata().map_err(|error| format!("{}: {error}", step.display()))?;
    let is_safe = about.uid() == 0 && (about.is_symlink() || about.mode() & WRITABLE == 0);
    if is_safe {
        return Ok(());
    }
    Err(format!("{} is not root's alone, so somebody could put another program there", step.display()))
}

fn hash(mut file: &File) -> Result<Digest, String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match file.read(&mut buffer).map_err(|error| error.to_string())? {
            0 => return Ok(Digest(hasher.finalize().into())),
            n => hasher.update(&buffer[..n]),
        }
    }
}

/// The inputs of requests, by request and role.
pub struct Inputs {
    /// Where they are kept until they are needed.
    pub kept: PathBuf,
    /// Where commands read them: a path that does not depend on the request, so that the same command requested again
    /// is identical.
    pub placed: PathBuf,
}

impl Inputs {
    /// Where commands of a target read the input of a role.
    pub fn path(&self, target: &str, role: &str) -> PathBuf {
        self.placed.join(target).join(role)
    }

    pub fn keep(&self, digest: Digest, bytes: &[u8]) -> Result<(), String> {
        let path = self.kept.join(digest.to_string());
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", path.display());
        if path.exists() { Ok(()) } else { crate::disk::write_atomically(&path, bytes).map_err(failed) }
    }

    /// Removes what was kept under other names than these.
    pub fn sweep(&self, needed: &BTreeSet<&str>) {
        for file in std::fs::read_dir(&self.kept).into_iter().flatten().flatten() {
            if file.file_name().to_str().is_none_or(|name| !needed.contains(name)) {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }

    /// Copies an input to the place where it is read, readable by the group of the run if that has its own account, and
    /// returns what was copied.
    pub fn place(&self, target: &str, role: &str, digest: RecordId, group: Option<u32>) -> Result<Digest, String> {
        let to = self.path(target, role);
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", to.display());
        let bytes = std::fs::read(self.kept.join(digest.to_string())).map_err(failed)?;
        self.folder(target).map_err(failed)?;
        let _ = std::fs::remove_file(&to);
        let mut file = File::options().write(true).create_new(true).mode(0o440).open(&to).map_err(failed)?;
        std::io::Write::write_all(&mut file, &bytes).map_err(failed)?;
        if group.is_some() {
            std::os::unix::fs::fchown(&file, Some(0), group).map_err(failed)?;
        }
        Ok(Digest::of(&bytes))
    }

    /// The folder of a target, in which only the broker writes, and whose files a run can reach by their names.
    pub fn folder(&self, target: &str) -> std::io::Result<PathBuf> {
        let dir = self.placed.join(target);
        std::fs::create_dir_all(&dir)?;
        for dir in [&self.placed, &dir] {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711))?;
        }
        Ok(dir)
    }

    /// Removes the inputs of a target.
    pub fn clear(&self, target: &str) {
        let _ = std::fs::remove_dir_all(self.placed.join(target));
    }
}
