//! One file of a draft, or what stands in its place.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::change::digest::Digest;
use crate::decision::Draft;

/// How long to wait for another desk, which holds the lock for as long as it takes to write a file.
const PATIENCE: Duration = Duration::from_secs(10);

/// The file of a draft, by the name by which it is kept.
pub(super) fn file_of(key: &str) -> String {
    format!("{}.json", Digest::of(key.as_bytes()).short())
}

/// What stays in place of a draft that is kept by another ref now.
#[derive(Serialize, Deserialize)]
pub(super) struct Moved {
    schema: String,
    /// The name by which it is kept.
    pub to: String,
}

impl Moved {
    const SCHEMA: &str = "undersign-draft-moved/v1";

    pub fn encode(to: &str) -> Vec<u8> {
        serde_json::to_vec(&Moved { schema: Moved::SCHEMA.to_owned(), to: to.to_owned() }).unwrap_or_default()
    }

    pub fn read(path: &Path) -> Option<Moved> {
        Moved::of(&std::fs::read(path).ok()?)
    }

    fn of(bytes: &[u8]) -> Option<Moved> {
        serde_json::from_slice(bytes).ok().filter(|moved: &Moved| moved.schema == Moved::SCHEMA)
    }
}

/// What is at the path of a draft.
pub(super) enum OnDisk {
    None,
    /// To another file, for those who read it here before.
    Moved,
    Draft(Box<Draft>),
    /// And why it cannot be used.
    Damaged(String),
}

pub(super) fn read(path: &Path) -> Result<OnDisk, String> {
    match std::fs::read(path) {
        Ok(bytes) if Moved::of(&bytes).is_some() => Ok(OnDisk::Moved),
        Ok(bytes) => Ok(match Draft::decode(&bytes) {
            Ok(draft) => OnDisk::Draft(Box::new(draft)),
            Err(why) => OnDisk::Damaged(why),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(OnDisk::None),
        Err(error) => Err(format!("The draft {} cannot be read: {error}.", path.display())),
    }
}

/// The draft in a file, if there is one that can be used.
pub(super) fn draft_in(path: &Path) -> Option<Draft> {
    match read(path) {
        Ok(OnDisk::Draft(draft)) => Some(*draft),
        _ => None,
    }
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Renames a draft that cannot be used; reports where it is, and what is used instead.
pub(super) fn damaged(path: &Path, why: &str, now: &str) -> String {
    let aside = out_of_the_way(path);
    format!("The draft of this review could not be used: {why}. It is kept as {}; {now}.", aside.display())
}

/// Moves a file that cannot be used to a free name, and returns its new path.
fn out_of_the_way(path: &Path) -> PathBuf {
    let names = (0..1000).map(|n| if n == 0 { "damaged".to_owned() } else { format!("damaged-{n}") });
    let free = names.map(|name| path.with_extension(name)).find(|aside| !aside.exists());
    let moved = free.and_then(|aside| std::fs::rename(path, &aside).ok().map(|()| aside));
    moved.unwrap_or_else(|| path.to_path_buf())
}

/// One desk at a time. On a file system without locks, none is taken: a draft that cannot be saved is worse.
pub(super) fn lock(path: &Path) -> Result<Option<File>, String> {
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(|error| error.to_string())?;
    let until = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => return Err(format!("another program holds {}", path.display())),
        }
    }
}
