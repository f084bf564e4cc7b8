//! FLOOR 2: results that depend on content only, kept on disk: one file per repository, in the user's cache directory.
//! It saves time and decides nothing: a file that is missing, damaged or another user's counts as absent, and may be
//! deleted at any time.
//!
//! A file consists of lines, the least recently used first: key, a digest of the rest, and the answer as JSON. A
//! malformed line is left out when the file is written next.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::change::digest::Digest;
use crate::disk::stream_atomically;

/// Bytes of the file of one repository.
const MAX_BYTES: usize = 64 << 20;
/// Bytes of one answer: a change that large is rare, and would evict many others.
const MAX_ANSWER: usize = 1 << 20;
/// Hex digits of a key, and of the digest of an answer.
const KEY: usize = 64;
const CHECK: usize = 16;

/// How often a running program writes.
const OFTEN: Duration = Duration::from_secs(10);

/// The key of an answer: its kind, all that it depends on, and the program that computed it.
pub fn key(kind: &str, of: &[&[u8]]) -> Digest {
    key_in(program(), kind, of)
}

/// With another program or another form of the answers, none of the old ones is used. Checks change from build to build
/// while the version stays the same, so the executable file is part of it, if it can be determined.
fn program() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let file = std::env::current_exe().and_then(std::fs::metadata).ok();
        let built = file.and_then(|file| Some((file.len(), file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?)));
        format!("{FORMAT} {built:?}")
    });
    &PROGRAM
}

fn key_in(format: &str, kind: &str, of: &[&[u8]]) -> Digest {
    let mut bytes = Vec::new();
    for part in [kind.as_bytes(), format.as_bytes()].iter().chain(of) {
        // The boundaries between the parts are part of it.
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part);
    }
    Digest::of(&bytes)
}

/// The form of the answers, and the version of the program.
const FORMAT: &str = concat!("1 ", env!("CARGO_PKG_VERSION"));

/// The cache directory from the environment: `$XDG_CACHE_HOME/undersign`, otherwise `~/.cache/undersign`; none without
/// either.
pub fn home() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(cache.join("undersign"))
}

/// The caches of all repositories that this program reads.
#[derive(Debug, Default)]
pub struct Caches {
    dir: Option<PathBuf>,
    open: Mutex<HashMap<PathBuf, Arc<Cache>>>,
    /// When they were last written, or first used.
    last: Mutex<Option<Instant>>,
}

impl Caches {
    /// In a directory; only in memory if there is none.
    pub fn at(dir: Option<PathBuf>) -> Caches {
        Caches { dir, ..Caches::default() }
    }

    /// The cache of the repository whose refs and objects are in a directory.
    pub fn of(&self, common_dir: &Path) -> Arc<Cache> {
        self.named(common_dir, "jsonl")
    }

    /// What is kept for each commit of that repository: separate, since a queue is listed without it.
    pub fn history_of(&self, common_dir: &Path) -> Arc<Cache> {
        self.named(common_dir, "history")
    }

    fn named(&self, common_dir: &Path, ending: &str) -> Arc<Cache> {
        let place = std::fs::canonicalize(common_dir).unwrap_or_else(|_| common_dir.to_owned());
        let name = format!("{}.{ending}", Digest::of(place.as_os_str().as_encoded_bytes()).short());
        let path = self.dir.as_ref().map(|dir| dir.join(&name));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(open.entry(place.join(name)).or_insert_with(|| Arc::new(Cache::at(path))))
    }

    /// As [`Caches::write`], unless that was done recently: little is lost if the program is killed.
    pub fn write_now_and_then(&self) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.get_or_insert_with(Instant::now).elapsed() > OFTEN {
            *last = Some(Instant::now());
            drop(last);
            self.write();
        }
    }

    /// Writes what is new in any of them.
    pub fn write(&self) {
        let open: Vec<_> = self.open.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        open.iter().for_each(|cache| cache.write());
    }
}

/// The answers about one repository.
#[derive(Debug, Default)]
pub struct Cache {
    path: Option<PathBuf>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// What was on disk when it was first read; none before that.
    disk: Option<Lines>,
    /// Answers that were computed since, as lines, and their size in bytes.
    fresh: HashMap<Digest, Vec<u8>>,
    bytes: usize,
    /// Answers from disk that were used: they are kept longest.
    used: HashSet<Digest>,
}

/// A file, and where its lines are.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// In the order of the file.
    keys: Vec<Digest>,
    at: HashMap<Digest, Range<usize>>,
}

impl Lines {
    /// Reads a file; an empty one if there is none that could be ours.
    fn read(path: &Path) -> Lines {
        let open = || -> std::io::Result<Vec<u8>> {
            // A pipe at this path must not block.
            let meta = std::fs::metadata(path)?;
            if !meta.is_file() || meta.len() > MAX_BYTES as u64 {
                return Err(ErrorKind::InvalidData.into());
            }
            let mut bytes = Vec::with_capacity(meta.len() as usize);
            File::open(path)?.take(MAX_BYTES as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        Lines::of(open().unwrap_or_default())
    }

    fn of(bytes: Vec<u8>) -> Lines {
        let mut lines = Lines::default();
        let mut start = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let range = start..start + line.len();
            start = range.end;
            let Some(key) = key_of(line) else { continue };
            if lines.at.insert(key, range).is_none() {
                lines.keys.push(key);
            }
        }
        lines.bytes = bytes;
        lines
    }

    fn get(&self, key: &Digest) -> Option<&[u8]> {
        self.bytes.get(self.at.get(key)?.clone())
    }
}

/// The key of a whole line.
fn key_of(line: &[u8]) -> Option<Digest> {
    let is_whole = line.len() > KEY + CHECK + 3 && line.ends_with(b"\n") && line[KEY] == b' ';
    is_whole.then(|| std::str::from_utf8(&line[..KEY]).ok()?.parse().ok()).flatten()
}

fn line_of(key: &Digest, answer: &[u8]) -> Vec<u8> {
    let mut line = format!("{key} {} ", check(key, answer)).into_bytes();
    line.extend_from_slice(answer);
    line.push(b'\n');
    line
}

/// Detects damage; anyone who can write the file can write this too.
fn check(key: &Digest, answer: &[u8]) -> String {
    Digest::of(&[&key.0, answer].concat()).to_string()[..CHECK].to_owned()
}

/// The answer of a sound line.
fn answer_of<'l>(key: &Digest, line: &'l [u8]) -> Option<&'l [u8]> {
    let rest = line.get(KEY + 1..)?.strip_suffix(b"\n")?;
    let (found, answer) = (rest.get(..CHECK)?, rest.get(CHECK + 1..)?);
    (found == check(key, answer).as_bytes()).then_some(answer)
}

impl Cache {
    fn at(path: Option<PathBuf>) -> Cache {
        Cache { path, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.disk.is_none() {
            held.disk = Some(self.path.as_deref().map(Lines::read).unwrap_or_default());
        }
        held
    }

    /// A stored answer, if it exists and can be read.
    pub fn get<T: DeserializeOwned>(&self, key: &Digest) -> Option<T> {
        let mut held = self.held();
        let line = held.fresh.get(key).map(Vec::as_slice).or_else(|| held.disk.as_ref()?.get(key));
        let answer = serde_json::from_slice(answer_of(key, line?)?).ok()?;
        held.used.insert(*key);
        Some(answer)
    }

    /// Stores an answer.
    pub fn put<T: Serialize>(&self, key: Digest, answer: &T) {
        let Ok(text) = serde_json::to_vec(answer) else { return };
        if self.path.is_none() || text.len() > MAX_ANSWER {
            return;
        }
        let mut held = self.held();
        // Writing has failed for a long time.
        if held.bytes > MAX_BYTES {
            (held.fresh, held.bytes) = Default::default();
        }
        held.bytes += text.len();
        held.fresh.insert(key, line_of(&key, &text));
    }

    /// Writes what is new, with what another program wrote meanwhile. What cannot be written is kept in memory: users
    /// of the cache do not depend on it.
    pub fn write(&self) {
        let Some(path) = &self.path else { return };
        let mut held = self.held();
        if held.fresh.is_empty() {
            return;
        }
        let Some(_lock) = make_room_for(path).ok().and_then(|()| lock(&path.with_extension("lock"))) else { return };
        let disk = Lines::read(path);
        let written = stream_atomically(path, |file| {
            file.set_permissions(Permissions::from_mode(0o600))?;
            let mut file = std::io::BufWriter::new(file);
            lines(&held, &disk).into_iter().try_for_each(|line| file.write_all(line))?;
            file.flush()
        });
        if written.is_ok() {
            (held.fresh, held.bytes) = Default::default();
            held.disk = Some(Lines::read(path));
        }
    }
}

/// The lines for the file: what was not used recently, what was, and what is new; if that is too much, the last of
/// them.
fn lines<'l>(held: &'l Held, disk: &'l Lines) -> Vec<&'l [u8]> {
    let is_kept = |key: &&Digest| !held.fresh.contains_key(key);
    let (used, other): (Vec<&Digest>, Vec<&Digest>) =
        disk.keys.iter().filter(is_kept).partition(|key| held.used.contains(key));
    let old = other.into_iter().chain(used).filter_map(|key| {
        let line = disk.get(key)?;
        answer_of(key, line).map(|_| line)
    });
    let all: Vec<&[u8]> = old.chain(held.fresh.values().map(Vec::as_slice)).collect();
    let mut bytes = 0;
    let fits = |line: &&&[u8]| {
        bytes += line.len();
        bytes <= MAX_BYTES
    };
    let kept = all.iter().rev().take_while(fits).count();
    all[all.len() - kept..].to_vec()
}

/// Creates the directory, accessible only to its owner.
fn make_room_for(path: &Path) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    if let Some(above) = dir.parent() {
        std::fs::create_dir_all(above)?;
    }
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Held while the file is written. If another program holds it, this one writes later or not at all.
fn lock(path: &Path) -> Option<File> {
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).ok()?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => None,
        // A file system without locks: the last writer wins, and the file is complete.
        _ => Some(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(dir: &Path) -> Arc<Cache> {
        Caches::at(Some(dir.join("cache/undersign"))).of(Path::new("/nowhere/shop.git"))
    }

    fn file(dir: &Path) -> PathBuf {
        cache(dir).path.clone().unwrap()
    }

    fn kept(dir: &Path, n: u32) -> Option<u32> {
        cache(dir).get(&key("number", &[&n.to_le_bytes()]))
    }

    fn keep(cache: &Cache, numbers: Range<u32>) {
        numbers.for_each(|n| cache.put(key("number", &[&n.to_le_bytes()]), &(n + 1)));
        cache.write();
    }

    #[test]
    fn what_is_kept_is_there_for_the_next_program_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(kept(dir.path(), 3), None);
        keep(&cache(dir.path()), 0..5);
        assert_eq!(kept(dir.path(), 3), Some(4));
        assert_eq!(kept(dir.path(), 5), None);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file(dir.path())), 0o600);
        assert_eq!(mode(file(dir.path()).parent().unwrap()), 0o700);
    }

    #[test]
    fn two_programs_lose_nothing_of_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (cache(dir.path()), cache(dir.path()));
        keep(&one, 0..3);
        keep(&other, 2..6);
        keep(&one, 6..8);
        assert_eq!((0..8).filter_map(|n| kept(dir.path(), n)).collect::<Vec<_>>(), (1..9).collect::<Vec<_>>());
    }

    #[test]
    fn damage_is_no_answer_and_is_gone_once_the_file_is_written_again() {
        let dir = tempfile::tempdir().unwrap();
        keep(&cache(dir.path()), 0..4);
        let sound = std::fs::read(file(dir.path())).unwrap();
        for (at, byte) in sound.iter().enumerate() {
            let mut damaged = sound.clone();
            damaged[at] = byte ^ 1;
            std::fs::write(file(dir.path()), &damaged).unwrap();
            let found: Vec<u32> = (0..4).filter_map(|n| kept(dir.path(), n)).collect();
            assert!(found.len() >= 2 && found.iter().all(|n| (1..5).contains(n)), "{found:?}");
            assert!((0..4).all(|n| kept(dir.path(), n).is_none_or(|answer| answer == n + 1)));
        }
        for end in 0..sound.len() {
            std::fs::write(file(dir.path()), &sound[..end]).unwrap();
            assert!((0..4).all(|n| kept(dir.path(), n).is_none_or(|answer| answer == n + 1)));
        }
        std::fs::write(file(dir.path()), b"\xff\x00 no cache of ours\n".repeat(9)).unwrap();
        keep(&cache(dir.path()), 0..4);
        let text = std::fs::read_to_string(file(dir.path())).unwrap();
        assert_eq!((text.lines().count(), text.contains("no cache")), (4, false));
    }

    #[test]
    fn where_nothing_can_be_written_it_does_without() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cache"), "a file").unwrap();
        let cache = cache(dir.path());
        keep(&cache, 0..3);
        assert_eq!(cache.get::<u32>(&key("number", &[&1u32.to_le_bytes()])), Some(2));
        assert_eq!(kept(dir.path(), 1), None);
        // Nor if there is a directory at the path of the file.
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(file(dir.path())).unwrap();
        keep(&self::cache(dir.path()), 0..3);
        assert_eq!(kept(dir.path(), 1), None);
        assert_eq!(Caches::at(None).of(dir.path()).get::<u32>(&key("number", &[])), None);
    }

    #[test]
    fn of_too_much_what_was_of_no_use_longest_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let large = "x".repeat(MAX_ANSWER - 2);
        let name = |n: u32| key("large", &[&n.to_le_bytes()]);
        let first = cache(dir.path());
        (0..62).for_each(|n| first.put(name(n), &large));
        first.write();
        let second = cache(dir.path());
        assert!((0..30).all(|n| second.get::<String>(&name(n)).is_some()));
        (62..80).for_each(|n| second.put(name(n), &large));
        second.put(name(99), &"x".repeat(MAX_ANSWER));
        second.write();
        assert!(std::fs::metadata(file(dir.path())).unwrap().len() <= MAX_BYTES as u64);
        let third = cache(dir.path());
        let is_kept = |n: u32| third.get::<String>(&name(n)).is_some();
        assert!((0..30).chain(62..80).all(is_kept));
        assert!((30..62).filter(|n| is_kept(*n)).count() < 17);
        assert!(!is_kept(99));
    }

    #[test]
    fn no_part_of_a_key_runs_into_the_next() {
        assert_ne!(key("a", &[b"bc", b"d"]), key("a", &[b"b", b"cd"]));
        assert_ne!(key("a", &[b"b"]), key("ab", &[]));
    }

    #[test]
    fn another_version_of_the_program_finds_nothing_of_this_one() {
        assert_eq!(key("a", &[b"b"]), key_in(program(), "a", &[b"b"]));
        assert!(program().starts_with(FORMAT) && program().contains("Some"), "{}", program());
        assert_ne!(key("a", &[b"b"]), key_in("1 9.9.9", "a", &[b"b"]));
        assert!(FORMAT.ends_with(env!("CARGO_PKG_VERSION")));
    }
}
