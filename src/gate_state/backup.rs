//! Copies of a gate's state, and what becomes of them.
//!
//! The promise: whatever is backed up and restored, and in whichever order, a gate allows nothing because of it that it
//! would otherwise have refused. So nothing older takes the place of anything newer; and since nobody can know what
//! happened after a backup, a gate that goes on with one stops until an operator answers for that.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::archive::{Archive, Hashing, Header, Held, KEY, broken, copy, head, unwritten};
use super::{
    Access, FILE, GateState, LEDGER, Lock, Log, OUTLINES, StateKey, VERIFIED, has_memory, log, log_of, read, states,
};
use crate::change::shown_path;
use crate::disk::{give_away, open_regular, stream_atomically, sync_dir, with_suffix};
use crate::gate::{AuditHead, Remembered};

/// How the directories begin into which a restore unpacks.
const TEMPORARY: &str = ".restore-";
/// How long a restore waits for a gate at work.
const PATIENCE: Duration = Duration::from_secs(30);

/// A state as it was at one moment: open files that only grow, and how far each went. They are read after the gate goes
/// on, so no push waits for the copy.
pub struct Snapshot {
    repository: String,
    log: Option<AuditHead>,
    key: Option<StateKey>,
    sources: Vec<(String, Source, u64)>,
}

enum Source {
    File(File),
    Bytes(Vec<u8>),
}

impl Source {
    fn read(&mut self, size: u64) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Source::File(file) => {
                file.seek(SeekFrom::Start(0))?;
                Box::new(file.take(size))
            }
            Source::Bytes(bytes) => Box::new(Cursor::new(bytes).take(size)),
        })
    }
}

impl GateState {
    /// The state as it is now, while this holds its lock. `key` is the text of the gate's key, if that is to be part of
    /// it.
    ///
    /// # Errors
    /// A sentence: there is nothing, it cannot be read, or the gate's key does not authenticate it.
    pub fn snapshot(&self, key: Option<String>) -> Result<Snapshot, String> {
        let dir = &self.dir;
        let unread = |error: io::Error| format!("The gate's state in {} cannot be read: {error}.", dir.display());
        if !has_memory(dir)? {
            return Err(format!("The gate has no state in {}: it judged nothing yet.", dir.display()));
        }
        if self.key.is_none() {
            return Err(format!(
                "The gate has no key of its own, so nothing could say whose a backup of its state in {} is. Let it write \
                 into the git directory, or give --state-key FILE.",
                dir.display()
            ));
        }
        if !self.is_vouched {
            return Err(format!(
                "The gate's key does not vouch for its state in {}, so a backup of it would be worth nothing. Give \
                 the key that it was written with: --state-key FILE.",
                dir.display()
            ));
        }
        if self.remembered.recorded && !self.states.are_recorded {
            return Err(format!(
                "The states that were recorded in {} are gone, or the gate's key does not vouch for them. Restore them \
                 first, or answer for what refs show now: `undersign gate record`.",
                dir.display()
            ));
        }
        let mut sources = Vec::new();
        let mut add = |name: &str, end: &dyn Fn(&mut File) -> io::Result<u64>| -> io::Result<()> {
            let mut file = match open_regular(&dir.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                file => file?,
            };
            let end = end(&mut file)?;
            sources.push((name.to_owned(), Source::File(file), end));
            Ok(())
        };
        let whole = |file: &mut File| file.metadata().map(|meta| meta.len());
        add(FILE, &whole).map_err(unread)?;
        // What was torn off or added behind its end is no part of it. Without a key no states are used.
        if let Some(own) = self.states_file.as_ref().filter(|own| own.end() > 0) {
            add(states::FILE, &|_| Ok(own.end())).map_err(unread)?;
        }
        let log = Log::in_dir(dir);
        for (_, path) in log.parts().map_err(unread)? {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            add(name, &whole).map_err(unread)?;
        }
        let head = log.head()?;
        add(log::FILE, &log::end_of_lines).map_err(unread)?;
        self.check_place()?;
        if let Some(text) = key {
            sources.push((KEY.to_owned(), Source::Bytes(text.clone().into_bytes()), text.len() as u64));
        }
        Ok(Snapshot { repository: self.repository.clone(), log: head, key: self.key.clone(), sources })
    }
}

impl Snapshot {
    /// Writes the backup, readable for its owner alone, completely or not at all.
    ///
    /// # Errors
    /// A sentence: something cannot be read or written, or changed meanwhile.
    pub fn write(mut self, to: &Path, made: i64) -> Result<(), String> {
        let mut files = Vec::new();
        for (name, source, size) in &mut self.sources {
            let mut hashing = Hashing::new(io::sink());
            let hashed = source.read(*size).and_then(|mut from| copy(&mut from, &mut hashing));
            hashed.map_err(|error| format!("{name} of the gate's state cannot be read: {error}."))?;
            let (digest, length, _) = hashing.end();
            if length != *size {
                return Err(format!("{name} of the gate's state became shorter while it was copied. Try again."));
            }
            files.push(Held { name: name.clone(), size: *size, sha256: digest.to_string() });
        }
        let header = Header::new(self.repository.clone(), made, self.log.clone(), files);
        let head = head(&header, self.key.as_ref());
        let write = |file: &mut File| {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
            file.write_all(&head)?;
            for ((name, source, size), held) in self.sources.iter_mut().zip(&header.files) {
                let mut out = Hashing::new(&mut *file);
                copy(&mut source.read(*size)?, &mut out)?;
                if out.end().0.to_string() != held.sha256 {
                    return Err(io::Error::other(format!("{name} changed while it was copied")));
                }
            }
            Ok(())
        };
        stream_atomically(to, write).map_err(|error| unwritten(to, &error))
    }
}

/// What a backup has, once all of it was read and fits together.
pub struct Checked {
    pub lines: u64,
    pub missing: Vec<(u64, u64)>,
    pub states: usize,
    pub chains: usize,
    /// The version of the newest policy that was applied.
    pub policy: Option<u64>,
}

/// Reads all of a backup: each file is what the list says, the log is whole, and what the gate's key authenticates is
/// its own. Without a key that is not looked at.
///
/// # Errors
/// A sentence: what does not fit.
pub fn check(archive: &mut Archive, key: Option<&StateKey>) -> Result<Checked, String> {
    let dir = tempfile::tempdir().map_err(|error| format!("There is no place to unpack the backup: {error}."))?;
    unpacked(archive, dir.path(), key).map(|(checked, _)| checked)
}

/// Unpacks a backup, and checks it. Returns also the memory in it.
fn unpacked(archive: &mut Archive, dir: &Path, key: Option<&StateKey>) -> Result<(Checked, Remembered), String> {
    // Where it was unpacked is nobody's concern, and what a gate would do with a log there is no advice.
    look_through(archive, dir, key).map_err(|why| {
        let why = why.replace(&*dir.to_string_lossy(), &archive.path().to_string_lossy());
        why.replace(log::ASIDE, " Use another backup.")
    })
}

fn look_through(archive: &mut Archive, dir: &Path, key: Option<&StateKey>) -> Result<(Checked, Remembered), String> {
    archive.extract(dir)?;
    let repository = archive.repository().to_owned();
    let state =
        GateState::look(dir, Access { key: key.cloned(), repository: &repository, patience: None, lasting: false })?;
    let path = dir.join(FILE);
    if key.is_some() && archive.has_tag() && !state.is_vouched() {
        return Err(broken(&path, "the gate's key does not vouch for the memory in it"));
    }
    let extent = Log::in_dir(dir).known_to(state.remembered().log.clone()).visit(&mut |_, _| ())?;
    if extent.head.as_ref() != archive.log() {
        return Err(broken(&path, "its log does not end where its list says"));
    }
    let remembered = state.remembered().clone();
    if key.is_some() && state.is_vouched() && remembered.recorded && !state.states().are_recorded {
        return Err(broken(&path, "the gate's key does not vouch for the states in it"));
    }
    let checked = Checked {
        lines: extent.lines,
        missing: extent.missing,
        states: state.states().len(),
        chains: remembered.heads.iter().count(),
        policy: remembered.policy.as_ref().map(|(version, _)| *version),
    };
    Ok((checked, remembered))
}

/// What was restored.
pub struct Restored {
    pub checked: Checked,
    /// The state, still locked.
    pub state: GateState,
}

/// Puts a backup in the place of a state that is gone, or that the backup contains. From then on the gate stops, until
/// an operator answers for what may be missing.
///
/// # Errors
/// A sentence: the backup does not hold, or the place knows what the backup does not. Then nothing was changed.
pub fn restore(archive: &mut Archive, dir: &Path, key: Option<StateKey>) -> Result<Restored, String> {
    let lock = Lock::take(dir, Some(PATIENCE)).map_err(|error| error.to_string())?;
    let failed = |error: io::Error| unwritten(dir, &error);
    sweep_restores(dir);
    let temporary = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(dir).map_err(failed)?;
    let (checked, of_backup) = unpacked(archive, temporary.path(), key.as_ref())?;
    let here = refuse_newer(archive, dir, temporary.path())?;
    let is_vouched = key.is_some() && archive.has_tag();
    let of_backup = if is_vouched { of_backup } else { of_backup.restricting() };
    let repository = archive.repository().to_owned();
    let remembered = of_backup.and_restrictions_of(&here).of_backup(archive.made(), archive.log().cloned());
    // First what stops the gate: wherever this ends, nothing lands because of it.
    let lock = write_memory(lock, dir, remembered, key.clone(), &repository)?;
    let own = |name: &str| name != KEY && name != FILE;
    for held in archive.files().iter().filter(|held| own(&held.name)) {
        let to = dir.join(&held.name);
        std::fs::rename(temporary.path().join(&held.name), &to).map_err(failed)?;
        give_away(&to);
    }
    let is_left = |name: &&str| !archive.files().iter().any(|held| held.name == **name);
    for name in [LEDGER, VERIFIED, OUTLINES, states::FILE, log::FILE].iter().filter(|name| is_left(name)) {
        match std::fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    sync_dir(dir).map_err(failed)?;
    lock.check()?;
    let state = GateState::look(dir, Access { key, repository: &repository, patience: None, lasting: false })?;
    Ok(Restored { checked, state: GateState { lock: Some(lock), ..state } })
}

/// Removes what killed restores left. The caller holds the lock of the directory, so none is at work.
pub(super) fn sweep_restores(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn write_memory(
    lock: Lock,
    dir: &Path,
    remembered: Remembered,
    key: Option<StateKey>,
    repository: &str,
) -> Result<Lock, String> {
    let mut state = GateState {
        dir: dir.to_path_buf(),
        remembered,
        key,
        repository: repository.to_owned(),
        states: crate::gate::States::default(),
        states_file: None,
        is_vouched: true,
        lock: Some(lock),
        lasting: false,
    };
    state.write()?;
    state.lock.ok_or_else(|| format!("The lock of {} is gone.", dir.display()))
}

/// The backup must contain the whole log of the place, so that nothing is forgotten; an empty place knows nothing.
/// Returns what the place knows.
fn refuse_newer(archive: &Archive, dir: &Path, unpacked: &Path) -> Result<Remembered, String> {
    let aside = format!(
        "If it cannot be used any more, set the directory aside, `mv {} {}`, and restore into an empty place.",
        shown_path(dir),
        shown_path(&with_suffix(dir, ".old"))
    );
    let memory = read(dir, None, "").map(|(remembered, _)| remembered);
    let log = log_of(dir).unwrap_or_else(|_| Log::in_dir(dir)).visit(&mut |_, _| ());
    let ends =
        [memory.as_ref().ok().and_then(|known| known.log.clone()), log.as_ref().ok().and_then(|log| log.head.clone())];
    let end = ends.into_iter().flatten().max_by_key(|head| head.seq);
    let untold = |why: String| format!("What the state in {} knows cannot be told: {why} {aside}", dir.display());
    let memory = memory.map_err(&untold)?;
    log.map_err(&untold)?;
    let Some(end) = end else {
        return if memory == Remembered::default() { Ok(memory) } else { Err(untold("It has no log.".to_owned())) };
    };
    let last = archive.log().map_or(0, |head| head.seq);
    if end.seq > last {
        return Err(format!(
            "The state in {} goes on to line {} of its log, and the backup only to line {last}: the gate would forget \
             what came since. Nothing was changed. {aside}",
            dir.display(),
            end.seq
        ));
    }
    let mut is_in = false;
    Log::in_dir(unpacked).visit(&mut |_, head| is_in |= *head == end)?;
    if !is_in {
        return Err(format!(
            "Line {} of the log in {} is not in the backup: they are of different gates, or went different ways. \
             Nothing was changed. {aside}",
            end.seq,
            dir.display()
        ));
    }
    Ok(memory)
}
