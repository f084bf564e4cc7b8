//! What is not yet delivered to the server that asked for it: a file for each record, and one for each answer to a
//! comment, so that nothing is lost if the network, the server or this program fails midway.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Reply;
use crate::change::ObjectId;
use crate::change::request::Request;
use crate::decision::Verdict;
use crate::disk::write_atomically;

const SCHEMA: &str = "undersign-outbox/v0";
const REPLY_SCHEMA: &str = "undersign-reply/v0";

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
        let (mut entries, troubles) = read_all(&self.dir, SCHEMA, |entry: &Entry| entry.record.clone());
        entries.sort_by(|a, b| (a.signed_at, &a.record).cmp(&(b.signed_at, &b.record)));
        (entries, troubles)
    }

    /// Answers to comments that a repository still has to send, in the order of writing, and a sentence for each file
    /// that cannot be read.
    pub fn replies(&self, root: &Path) -> (Vec<Reply>, Vec<String>) {
        let (mut replies, troubles) = read_all(&self.replies_dir(), REPLY_SCHEMA, Reply::key);
        replies.retain(|reply| reply.root == root);
        replies.sort_by_key(|reply| (reply.written_at, reply.key()));
        (replies, troubles)
    }

    /// Whether nothing is to be sent for a repository.
    pub fn is_empty(&self, root: &Path) -> bool {
        self.entries(root) == Default::default() && self.replies(root) == Default::default()
    }

    /// # Errors
    /// A sentence: the file cannot be written.
    pub fn put(&self, entry: &Entry) -> Result<(), String> {
        self.write(&self.path(entry), SCHEMA, entry)
    }

    /// # Errors
    /// As [`Outbox::put`].
    pub fn put_reply(&self, reply: &Reply) -> Result<(), String> {
        self.write(&self.reply_file(reply), REPLY_SCHEMA, reply)
    }

    fn write(&self, path: &Path, schema: &str, entry: impl Serialize) -> Result<(), String> {
        let written = Written { schema: schema.to_owned(), entry };
        let bytes = serde_json::to_vec_pretty(&written).map_err(|error| error.to_string())?;
        write_atomically(path, &bytes).map_err(|error| {
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

    /// It is sent, as [`Outbox::remove`].
    pub fn remove_reply(&self, reply: &Reply) {
        let _ = std::fs::remove_file(self.reply_file(reply));
    }

    fn path(&self, entry: &Entry) -> PathBuf {
        self.dir.join(format!("{}.json", entry.record))
    }

    /// Where an answer is kept.
    pub fn reply_file(&self, reply: &Reply) -> PathBuf {
        self.replies_dir().join(format!("{}.json", reply.key()))
    }

    fn replies_dir(&self) -> PathBuf {
        self.dir.join("replies")
    }
}

/// All files of a directory that are of a schema and called after what they hold; a sentence for each other one.
fn read_all<E: DeserializeOwned>(dir: &Path, schema: &str, key: impl Fn(&E) -> String) -> (Vec<E>, Vec<String>) {
    let (mut entries, mut troubles) = (Vec::new(), Vec::new());
    for file in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = file.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        match read(&path, schema, &key) {
            Ok(entry) => entries.push(entry),
            Err(why) => troubles.push(format!("{} cannot be read: {why}. It is left as it is.", path.display())),
        }
    }
    (entries, troubles)
}

fn read<E: DeserializeOwned>(path: &Path, wanted: &str, key: impl Fn(&E) -> String) -> Result<E, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let Written { schema, entry }: Written<E> = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let key = key(&entry);
    let is_id = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    match () {
        () if schema != wanted => Err(format!("its schema is not {wanted}")),
        () if !is_id || path.file_stem().is_none_or(|name| name != key.as_str()) => {
            Err("it is not called after what it holds".to_owned())
        }
        () => Ok(entry),
    }
}
