//! Appends a record to the ledger: under a lock, verified before and after.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use git2::{ErrorCode, ObjectType, Oid};

use super::families::Family;
use super::{LedgerError, VerifiedChains};
use crate::record::chain::{self, Link};
use crate::record::{Chain, ChainId, Fault, Record};
use crate::source::git::Repository;

/// If nobody else holds the ledger, a ref lock older than this was left by a program that was killed.
const STALE_LOCK: Duration = Duration::from_secs(2);

/// The setting by which git waits until each object is on the disk.
pub const FSYNC: &str = "core.fsyncObjectFiles";
/// The most objects that are written at once: those of a record with two files beside it.
const MAX_HANDLES: usize = 4;

/// Appends a record to its chain: verifies it first, appends it only at the position that the record names, and reads
/// it back.
pub fn append(repository: &Repository, id: &ChainId, link: Link, now: i64) -> Result<Record, LedgerError> {
    append_to::<Record>(repository, id, link, now).map(|record| Record::clone(&record))
}

/// Like [`append`], for any kind of record.
///
/// # Errors
/// It was refused, lost its position, or could not be written or read back.
pub fn append_to<R: Family>(
    repository: &Repository,
    id: &ChainId,
    link: Link,
    now: i64,
) -> Result<Arc<R>, LedgerError> {
    appended(repository, id, link, now, &|| R::chain(repository, id))
}

/// Like [`append_to`]; of the records before it, those are not verified again that were before.
///
/// # Errors
/// It was refused, lost its position, or could not be written or read back.
pub fn append_after<R: Family>(
    verified: &VerifiedChains<R>,
    repository: &Repository,
    id: &ChainId,
    link: Link,
    now: i64,
) -> Result<Arc<R>, LedgerError> {
    appended(repository, id, link, now, &|| verified.own(repository, id))
}

fn appended<R: Family>(
    repository: &Repository,
    id: &ChainId,
    link: Link,
    now: i64,
    chain: &dyn Fn() -> Chain<R>,
) -> Result<Arc<R>, LedgerError> {
    let _held = hold(repository)?;
    let before = chain();
    if let Some((_, fault)) = before.fault {
        return Err(LedgerError::Refused(fault));
    }
    let record = match before.check(link.clone()) {
        Ok(record) => record,
        Err(Fault::ChainGap | Fault::ChainRepeat | Fault::ChainPrev) => return Err(LedgerError::LostPlace),
        Err(fault) => return Err(LedgerError::Refused(fault)),
    };
    write::<R>(repository, id, &link, now)?;
    let after = chain();
    let read = after.records.get(before.records.len()).filter(|read| after.fault.is_none() && ***read == record);
    read.cloned().ok_or_else(|| LedgerError::NotReadBack(format!("{}{id}", R::PREFIX)))
}

/// Keeps other instances of this program out while a record is appended. The system releases the lock if a program
/// dies.
fn hold(repository: &Repository) -> Result<File, LedgerError> {
    let dir = repository.common_dir().join("undersign");
    let held = std::fs::create_dir_all(&dir).and_then(|()| {
        let file = File::options().create(true).append(true).open(dir.join("lock"))?;
        file.lock()?;
        Ok(file)
    });
    held.map_err(|error| LedgerError::Unwritable(format!("{} cannot be locked: {error}", dir.display())))
}

fn write<R: Family>(repository: &Repository, id: &ChainId, link: &Link, now: i64) -> Result<(), LedgerError> {
    let raw = &repository.raw;
    let unwritable = |error: git2::Error| LedgerError::Unwritable(error.message().to_owned());
    let name = format!("{}{id}", R::PREFIX);
    let tip = raw.refname_to_id(&name).ok();
    let commit =
        write_objects(repository, &objects(R::WORD, link, tip, now).map_err(unwritable)?).map_err(unwritable)?;
    clear_stale_lock(repository, &name);
    let moved = |error: git2::Error| match error.code() {
        ErrorCode::Exists | ErrorCode::Modified => LedgerError::LostPlace,
        ErrorCode::Locked => LedgerError::Unwritable(format!(
            "another program holds {0} ({0}.lock in the git directory); if none runs, delete that file",
            name
        )),
        _ => LedgerError::Unwritable(error.message().to_owned()),
    };
    let what = format!("undersign: {}", R::WORD);
    match tip {
        Some(tip) => raw.reference_matching(&name, commit, true, tip, &what).map_err(moved)?,
        None => raw.reference(&name, commit, false, &what).map_err(moved)?,
    };
    Ok(())
}

/// The objects of a link that follows another: its files, the tree, and last the commit. The commit only carries the
/// record: its author means nothing, the authority is the signature inside.
fn objects(word: &str, link: &Link, tip: Option<Oid>, now: i64) -> Result<Vec<(ObjectType, Vec<u8>)>, git2::Error> {
    let mut objects: Vec<(ObjectType, Vec<u8>)> = Vec::new();
    let files: BTreeMap<&String, &Vec<u8>> = std::iter::once((&link.name, &link.envelope)).chain(&link.files).collect();
    let mut tree = Vec::new();
    for (name, bytes) in files {
        tree.extend_from_slice(format!("{:o} {name}\0", chain::FILE_MODE).as_bytes());
        tree.extend_from_slice(Oid::hash_object(ObjectType::Blob, bytes)?.as_bytes());
        objects.push((ObjectType::Blob, bytes.clone()));
    }
    let parent = tip.map_or_else(String::new, |tip| format!("parent {tip}\n"));
    let who = format!("undersign <undersign@localhost> {now} +0000");
    let commit = format!(
        "tree {}\n{parent}author {who}\ncommitter {who}\n\n{word} {}\n",
        Oid::hash_object(ObjectType::Tree, &tree)?,
        link.name.trim_end_matches(".dsse.json")
    );
    objects.extend([(ObjectType::Tree, tree), (ObjectType::Commit, commit.into_bytes())]);
    Ok(objects)
}

/// Writes objects, and returns the id of the last. Where each waits until it is on the disk, they wait together: git
/// itself holds a lock over one database, so each gets a handle of its own.
fn write_objects(repository: &Repository, objects: &[(ObjectType, Vec<u8>)]) -> Result<Oid, git2::Error> {
    let raw = &repository.raw;
    let database = raw.odb()?;
    let Some(((kind, last), others)) = objects.split_last() else { return Ok(Oid::ZERO_SHA1) };
    let waits = raw.config().and_then(|config| config.get_bool(FSYNC)).unwrap_or(false);
    if !waits || others.len() > MAX_HANDLES {
        others.iter().try_for_each(|(kind, bytes)| database.write(*kind, bytes).map(|_| ()))?;
        return database.write(*kind, last);
    }
    let path = raw.path();
    std::thread::scope(|scope| {
        let write = |(kind, bytes): &(ObjectType, Vec<u8>)| {
            git2::Repository::open(path)?.odb()?.write(*kind, bytes).map(|_| ())
        };
        let writers: Vec<_> = others.iter().map(|object| scope.spawn(move || write(object))).collect();
        let written = database.write(*kind, last);
        for writer in writers {
            writer.join().unwrap_or_else(|_| Err(git2::Error::from_str("a thread that wrote an object ended")))?;
        }
        written
    })
}

/// Removes the lock file that this program leaves if it is killed between locking the ref and moving it.
fn clear_stale_lock(repository: &Repository, name: &str) {
    remove_if_stale(&repository.common_dir().join(format!("{name}.lock")));
}

fn remove_if_stale(lock: &Path) {
    let age = std::fs::metadata(lock).and_then(|meta| meta.modified()).ok().and_then(|then| then.elapsed().ok());
    if age.is_some_and(|age| age > STALE_LOCK) {
        let _ = std::fs::remove_file(lock);
    }
}

/// The same for all refs of undersign, for a program that is the only writer of a repository: an interrupted fetch
/// would otherwise block every later one.
pub fn clear_stale_locks(repository: &Repository) {
    let mut ahead = vec![repository.common_dir().join("refs/undersign")];
    while let Some(dir) = ahead.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => ahead.push(entry.path()),
                Ok(_) if entry.path().extension().is_some_and(|end| end == "lock") => remove_if_stale(&entry.path()),
                _ => {}
            }
        }
    }
    remove_if_stale(&repository.common_dir().join("packed-refs.lock"));
}
