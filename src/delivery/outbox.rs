//! What is signed and not yet delivered to the server that asked for it: a file for each record, so that nothing is
//! lost if the network, the server or this program fails midway.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::change::ObjectId;
use crate::change::request::Request;
use crate::decision::Verdict;
use crate::disk::write_atomically;

const SCHEMA: &str = "undersign-outbox/v0";

/// One decision for one server. It does not record what was delivered already: the server is asked each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the configuration.
    pub server: String,
    /// The server's name for it.
    pub repository: String,
    pub request: Request,
    /// The path of the repository on this disk.
    pub root: PathBuf,
    /// The remote that holds the request.
    pub remote: String,
    pub head: ObjectId,
    /// Full name of the ref that it was signed for.
    pub target: String,
    pub verdict: Verdict,
    /// Id of the record: 64 hex digits.
    pub record: String,
    /// Seconds since the epoch.
    pub signed_at: i64,
}

/// An entry in the format of its file.
#[derive(Serialize, Deserialize)]
struct Written<E> {
    schema: String,
    #[serde(flatten)]
    entry: E,
}

impl Entry {
    /// The usual name of the request: `ann/shop #12`.
    pub fn name(&self) -> String {
        format!("{} {}", self.repository, self.request.sign())
    }
}

/// Held by the process that delivers.
pub struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // A child process that is being started holds the file, too, for a moment: closing it would not release the
        // lock.
        let _ = self.0.unlock();
    }
}

/// The directory that holds them.
#[derive(Debug, Clone)]
pub struct Outbox {
    dir: PathBuf,
}

impl Outbox {
    pub fn at(dir: PathBuf) -> Outbox {
        Outbox { dir }
    }

    /// For the process that delivers: no two processes may deliver the same entry. Held until it is dropped.
    ///
    /// # Errors
    /// A sentence: another process has it, or it cannot be taken.
    pub fn lock(&self) -> Result<Lock, String> {
        let dir = self.dir.display();
        let cannot = |error: std::io::Error| format!("{dir} cannot be locked: {error}. Nothing was sent to a server.");
        std::fs::create_dir_all(&self.dir).map_err(cannot)?;
        let file = File::options().create(true).append(true).open(self.dir.join("lock")).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(TryLockError::Error(error)) => Err(cannot(error)),
            Err(TryLockError::WouldBlock) => {
                Err("Another undersign is sending decisions to servers. What it leaves will be sent next time."
                    .to_owned())
            }
        }
    }

    /// Those of a repository in the order of signing, and a sentence for each file that cannot be read.
    pub fn entries(&self, root: &Path) -> (Vec<Entry>, Vec<String>) {
        let (mut entries, troubles) = self.all();
        entries.retain(|entry| entry.root == root);
        (entries, troubles)
    }

    /// Those of all repositories.
    fn all(&self) -> (Vec<Entry>, Vec<String>) {
        let (mut entries, mut troubles) = (Vec::new(), Vec::new());
        for file in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = file.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path) {
                Ok(entry) => entries.push(entry),
                Err(why) => troubles.push(format!("{} cannot be read: {why}. It is left as it is.", path.display())),
            }
        }
        entries.sort_by(|a, b| (a.signed_at, &a.record).cmp(&(b.signed_at, &b.record)));
        (entries, troubles)
    }

    /// # Errors
    /// A sentence: the file cannot be written.
    pub fn put(&self, entry: &Entry) -> Result<(), String> {
        let written = Written { schema: SCHEMA.to_owned(), entry };
        let bytes = serde_json::to_vec_pretty(&written).map_err(|error| error.to_string())?;
        write_atomically(&self.path(entry), &bytes).map_err(|error| {
            format!("What is to be sent cannot be noted in {}: {error}. It was not sent.", self.dir.display())
        })
    }

    /// Adds a new decision; undelivered earlier ones about the same request are dropped, also those of another clone.
    ///
    /// # Errors
    /// As [`Outbox::put`].
    pub fn replace(&self, entry: &Entry) -> Result<(), String> {
        self.put(entry)?;
        let (earlier, _) = self.all();
        let same = |other: &&Entry| {
            other.record != entry.record && other.server == entry.server && other.name() == entry.name()
        };
        earlier.iter().filter(same).for_each(|earlier| self.remove(earlier));
        Ok(())
    }

    pub fn remove(&self, entry: &Entry) {
        // It is done: another look would find it done.
        let _ = std::fs::remove_file(self.path(entry));
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.dir.join(format!("{}.json", entry.record))
    }
}

fn read(path: &Path) -> Result<Entry, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let Written { schema, entry }: Written<Entry> =
        serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let is_id = entry.record.len() == 64 && entry.record.bytes().all(|byte| byte.is_ascii_hexdigit());
    match () {
        () if schema != SCHEMA => Err(format!("its schema is not {SCHEMA}")),
        () if !is_id || path.file_stem().is_none_or(|name| name != entry.record.as_str()) => {
            Err("it is not called after its record".to_owned())
        }
        () => Ok(entry),
    }
}
