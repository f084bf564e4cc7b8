//! FLOOR 2: what a gate remembers between pushes, and its log. Facts, never verdicts: what the refs contained, when it
//! came, and what was answered. Facts that could let something through are used only if the gate's own key
//! authenticates them.

mod archive;
mod backup;
mod folder;
mod key;
mod lock;
mod log;
mod memory_cache;
mod states;

pub use archive::{Archive, Held, is_backup};
pub use backup::{Checked, Restored, Snapshot, check, restore};
pub use folder::Folder;
pub use key::StateKey;
pub use lock::{Lock, LockError};
pub use log::{Entries, Entry, EntryRef, Extent, LANDED, Log, PROBE, RECORDED};

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc::O_NONBLOCK;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use states::StatesFile;

use crate::change::ObjectId;
use crate::change::digest::Digest;
use crate::disk::{read_regular, sweep};
use crate::gate::{AuditHead, Receipts, RefPosition, Remembered, SeenOrganization, States, Waiting, WaitingStates};
use crate::ledger::{Digested, Outlines};
use crate::policy::{Policy, Roster};
use crate::record::{Chain, ChainId};

const SCHEMA: &str = "undersign-memory/v1";
/// The format of a state directory: its memory, its states and its log. It increases when an older program would
/// misread or lose what a newer one writes; that program then refuses the state.
///
/// * 1, without a number: as in the first builds.
/// * 2: `restored` and `host` in the memory, `why` and `host` in the lines of the log.
const FORMAT: u32 = 2;
/// The outcome in the log for a state that was taken over from an older program.
const UPGRADED: &str = "upgraded";
/// The outcome in the log for a gate that goes on on another host.
const MOVED: &str = "moved";
/// The longest name of a host, in bytes.
const MAX_HOST: usize = 255;
const FILE: &str = "memory.json";
/// The parts of the ledger that matter under the current policy, and those that matter under any.
const LEDGER: &str = "ledger.cache";
const VERIFIED: &str = "verified.cache";
/// The chains about commands that were verified.
const OUTLINES: &str = "commands.cache";
/// The bytes at the end of either file with which the gate's own key authenticates the rest.
const TAG: usize = 64;
/// One line, a time, for each push about which the log could not have one.
const UNLOGGED: &str = "unlogged";
/// Bytes; enough for some ten thousand pushes.
const MAX_UNLOGGED: u64 = 128 << 10;
/// Bytes; enough for some hundred thousand chains.
const MAX_FILE: u64 = 64 << 20;
/// Seconds that the clock may advance before that alone is written.
const COARSE: i64 = 60;

#[derive(Serialize)]
struct Written {
    schema: String,
    /// The tag of everything that follows, by the gate's own key; none if the gate has no key.
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    #[serde(flatten)]
    remembered: Remembered,
}

/// What an operator answers for, so that a gate can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The clock was fast: it is this now.
    Clock(i64),
    /// What was known of this chain is lost for good.
    Loss(&'a ChainId),
    /// What a backup knew is all that is known.
    Restored,
}

/// How a state directory is opened.
#[derive(Debug, Clone)]
pub struct Access<'a> {
    /// The gate's own key; without it only facts that restrict are used.
    pub key: Option<StateKey>,
    /// The id of the repository, from its policy.
    pub repository: &'a str,
    /// How long to wait for another user of the directory.
    pub patience: Option<Duration>,
    /// Whether this process goes on to judge pushes, and so keeps in memory what it read and wrote here.
    pub lasting: bool,
}

/// A state directory, locked until it is dropped.
#[derive(Debug)]
pub struct GateState {
    dir: PathBuf,
    remembered: Remembered,
    key: Option<StateKey>,
    /// The id of the repository, from its policy: one gate's memory is invalid for another repository.
    repository: String,
    states: States,
    states_file: Option<StatesFile>,
    /// Whether the gate's own key authenticates what was read, or nothing was there.
    is_vouched: bool,
    /// None for readers.
    lock: Option<Lock>,
    lasting: bool,
}

/// Why a state was not opened.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another gate held it the whole time.
    #[error("{0}")]
    Held(LockError),
    /// It cannot be used, as a sentence.
    #[error("{0}")]
    Unusable(String),
}

impl From<LockError> for StateError {
    fn from(error: LockError) -> StateError {
        match error {
            LockError::Held { .. } => StateError::Held(error),
            LockError::Unusable { .. } => StateError::Unusable(error.to_string()),
        }
    }
}

impl From<String> for StateError {
    fn from(why: String) -> StateError {
        StateError::Unusable(why)
    }
}

impl GateState {
    /// Opens a state directory, creates it if necessary, and waits for other users of it. Without the key that wrote
    /// it, only facts that restrict are used.
    ///
    /// # Errors
    /// A sentence; an unusable directory or a damaged file is never treated as an empty memory.
    pub fn open(dir: &Path, access: Access<'_>) -> Result<GateState, StateError> {
        let lock = Lock::take(dir, access.patience)?;
        sweep(dir);
        backup::sweep_restores(dir);
        let memory = GateState::look(dir, access)?;
        let mut memory = GateState { lock: Some(lock), ..memory };
        memory.upgrade()?;
        Ok(memory)
    }

    /// The same, and leaves the state as it is: an older format is not taken over.
    ///
    /// # Errors
    /// Like [`GateState::open`].
    pub fn open_as_it_is(dir: &Path, access: Access<'_>) -> Result<GateState, StateError> {
        let lock = Lock::take(dir, access.patience)?;
        let memory = GateState::look(dir, access)?;
        Ok(GateState { lock: Some(lock), ..memory })
    }

    /// Says in the log that the gate now runs on another host: of two that take turns, nobody would know otherwise.
    ///
    /// # Errors
    /// A sentence: the state cannot be written.
    pub fn on_host(&mut self, host: &str, now: i64) -> Result<(), String> {
        let host: String = host.chars().take(MAX_HOST / 4).collect();
        if !self.is_vouched || self.remembered.host.as_ref() == Some(&host) {
            return Ok(());
        }
        let Some(before) = self.remembered.host.replace(host.clone()) else { return Ok(()) };
        let note = format!("The gate runs on {host} now; before, it ran on {before}. One state belongs to one host.");
        self.enter_and_keep(Entry { host: Some(host), ..Entry::noted(MOVED, now, note) }).map(|_| ())
    }

    /// Takes over a state of an older format, and says so in the log. A state that this gate's key does not vouch for
    /// stays as it is until it is written for another reason.
    fn upgrade(&mut self) -> Result<(), String> {
        let format = self.remembered.format.unwrap_or(1);
        if format >= FORMAT || !self.is_vouched || !self.dir.join(FILE).exists() {
            return Ok(());
        }
        let note = format!(
            "The state was of format {format}; undersign {} writes format {FORMAT}. Older versions refuse it from now \
             on.",
            env!("CARGO_PKG_VERSION")
        );
        let at = crate::clock::now();
        self.enter_and_keep(Entry::noted(UPGRADED, at, note)).map(|_| ())
    }

    /// The same for readers: nothing is locked, created or written.
    ///
    /// # Errors
    /// Like [`GateState::open`].
    pub fn look(dir: &Path, access: Access<'_>) -> Result<GateState, String> {
        let (remembered, is_vouched) = match access.lasting {
            true => memory_cache::read(dir, access.key.as_ref(), access.repository)?,
            false => read(dir, access.key.as_ref(), access.repository)?,
        };
        let (states_file, states) = match &access.key {
            None => (None, States::default()),
            Some(key) => {
                let (file, states) = StatesFile::open(dir, key.clone(), access.repository)?;
                (Some(file), states)
            }
        };
        Ok(GateState {
            dir: dir.to_path_buf(),
            remembered,
            key: access.key,
            repository: access.repository.to_owned(),
            states,
            states_file,
            is_vouched,
            lock: None,
            lasting: access.lasting,
        })
    }

    /// Adopts a state that an older program left without a key, in a place where only a gate can write: from now on its
    /// own key authenticates it. A state with the tag of another key is not changed.
    pub fn into_adopted(mut self) -> Result<GateState, String> {
        if self.is_vouched {
            return Ok(self);
        }
        let path = self.dir.join(FILE);
        let bytes = read_regular(&path).map_err(|error| damaged(&path, &error.to_string()))?;
        let written = decode(&path, &bytes)?;
        if written.tag.is_none() {
            self.remembered = written.remembered;
            self.write()?;
        }
        Ok(self)
    }

    pub fn remembered(&self) -> &Remembered {
        &self.remembered
    }

    /// What protected refs showed; nothing of it is recorded until an operator asks for it: see [`GateState::record`].
    pub fn states(&self) -> &States {
        &self.states
    }

    /// Whether the state was written by this gate.
    pub fn is_vouched(&self) -> bool {
        self.is_vouched
    }

    /// Records states; once this was called, a commit that is not recorded is not a state. Returns how many were new.
    ///
    /// # Errors
    /// A sentence: there is no key to authenticate them, or they cannot be written.
    pub fn record(&mut self, states: impl IntoIterator<Item = (ObjectId, String)>) -> Result<usize, String> {
        if self.states_file.is_some() {
            self.begin()?;
        }
        let lock = held(self.lock.as_ref(), &self.dir)?;
        let new: Vec<_> = states.into_iter().filter(|(commit, name)| self.states.insert(*commit, name)).collect();
        let file = self.states_file.as_mut().ok_or_else(|| {
            format!(
                "The states cannot be recorded in {}: the gate has no key of its own. Let it write into the git \
                 directory, or give --state-key FILE.",
                self.dir.display()
            )
        })?;
        if !new.is_empty() || !self.states.are_recorded {
            file.append(lock.folder(), &new)?;
            lock.check()?;
        }
        self.states.are_recorded = true;
        if !self.remembered.recorded {
            self.remembered.recorded = true;
            self.write()?;
        }
        Ok(new.len())
    }

    /// Learns what the refs contain: chains of people in the roster, the policy on the policy branch, and the outcome
    /// of pushes that were let through. Knowledge only grows, and none of it is a requester's claim. It is written
    /// entirely or not at all. Returns what landed.
    pub fn learn(
        &mut self,
        policy: Option<&Policy>,
        roster: &Roster,
        held: &[Chain],
        position: impl Fn(&str, &str, bool) -> RefPosition,
        still_approved: impl Fn(&WaitingStates, &Receipts) -> bool,
        now: i64,
    ) -> Result<Vec<WaitingStates>, String> {
        let before = self.remembered.clone();
        let known = &mut self.remembered;
        let seen = known.settle(position, self.states.are_recorded, now);
        let landed: Vec<_> = seen.iter().filter(|landed| still_approved(landed, &known.receipts)).collect();
        for states in landed.iter().filter(|states| !states.name.starts_with("refs/tags/")) {
            let tip = states.commits.last().unwrap_or(&states.new);
            known.tips.insert(states.name.clone(), tip.clone());
        }
        // Chains of unknown keys belong to nobody, and anyone could fill the memory with them.
        for chain in held.iter().filter(|chain| roster.by_key_id(&chain.id.key).is_some()) {
            known.heads.learn(chain.id.clone(), chain.head());
            known.receipts.learn(chain, now);
        }
        if let Some(policy) = policy
            && known.policy.as_ref().is_none_or(|(version, _)| *version < policy.version)
        {
            known.policy = Some((policy.version, policy.digest.to_string()));
        }
        if let Some(inherited) = policy.and_then(|policy| policy.inherited.as_ref())
            && known.organization.as_ref().is_none_or(|known| known.is_before(inherited))
        {
            known.organization = Some(SeenOrganization::of(inherited));
        }
        let is_old = before == *known;
        let states =
            landed.iter().flat_map(|landed| landed.commits.iter().map(|commit| (commit.parse(), landed.name.clone())));
        let states: Vec<_> = states.filter_map(|(commit, name)| Some((commit.ok()?, name))).collect();
        if self.states.are_recorded && !states.is_empty() {
            self.record(states)?;
        }
        if !(is_old && self.is_vouched) {
            self.write()?;
        }
        Ok(seen)
    }

    /// Notes the time at which a push was let through. A refusal does not advance the clock: a clock that once ran fast
    /// would refuse everything until the real time had caught up.
    pub fn tick(&mut self, now: i64) -> Result<(), String> {
        if now < self.remembered.clock + COARSE {
            return Ok(());
        }
        self.remembered.clock = now;
        self.write()
    }

    /// Goes on after an operator answered. First that is in the log, which the memory then knows; only then does it
    /// take effect: there is no answer without its line.
    ///
    /// # Errors
    /// A sentence: it cannot be written. Then it did not take effect, though the log may have its line.
    pub fn answer(&mut self, answer: Answer<'_>, entry: Entry) -> Result<(), String> {
        self.enter(entry)?;
        match answer {
            Answer::Clock(now) => self.remembered.clock = now,
            Answer::Loss(chain) => self.remembered.forget_chain(chain),
            Answer::Restored => self.remembered.restored = None,
        }
        self.write()
    }

    /// Notes the tips of refs, at the request of an operator or after a verdict on them.
    pub fn stand(&mut self, tips: impl IntoIterator<Item = (String, ObjectId)>) -> Result<(), String> {
        self.remembered.tips.extend(tips.into_iter().map(|(name, tip)| (name, tip.to_string())));
        self.write()
    }

    /// Forgets refs that are gone, or that may now be rewritten.
    pub fn forget_tips(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.remembered.tips.retain(|name, _| is_kept(name));
    }

    /// Notes a push that is let through now.
    pub fn wait_for(&mut self, waiting: Waiting) -> Result<(), String> {
        self.remembered.wait_for(waiting);
        self.write()
    }

    /// Whether the directory is still the one that was opened: what was written to another one counts for nothing.
    ///
    /// # Errors
    /// A sentence: it was moved or replaced.
    pub fn check_place(&self) -> Result<(), String> {
        self.lock.as_ref().map_or(Ok(()), Lock::check)
    }

    /// Writes the memory if there is none yet, before anything that would be there without it: states or a log beside
    /// no memory are what is left of one that somebody took away.
    fn begin(&mut self) -> Result<(), String> {
        if is_there(&self.dir.join(FILE)).unwrap_or(true) { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), String> {
        let lock = held(self.lock.as_ref(), &self.dir)?;
        self.remembered.format = Some(FORMAT);
        let remembered = self.remembered.clone();
        let tag =
            self.key.as_ref().map(|key| key.tag(&purpose(FILE, &self.repository), &[&plain(&remembered)]).to_string());
        let mut bytes = plain(&Written { schema: SCHEMA.to_owned(), tag, remembered });
        bytes.push(b'\n');
        let path = self.dir.join(FILE);
        if bytes.len() as u64 > MAX_FILE {
            return Err(format!(
                "The gate's state {} would grow beyond {} MiB, and is left as it was. Take people who fill it off the \
                 roster.",
                path.display(),
                MAX_FILE >> 20
            ));
        }
        let written = lock.folder().write(FILE, |file| file.write_all(&bytes));
        written.map_err(|error| format!("The gate's state {} cannot be written: {error}.", path.display()))?;
        lock.check()?;
        self.is_vouched = true;
        Ok(())
    }

    /// What was read of the ledger before: for this policy, otherwise what matters under any; none if nothing was read,
    /// or the gate's own key does not authenticate it: then all signatures are verified again. It only saves time.
    pub fn digested(&self, policy: &Policy) -> Option<Digested> {
        let digest = policy.whole.to_string();
        let for_policy = self.read_digested(LEDGER).filter(|digested| digested.policy == digest);
        for_policy.or_else(|| self.read_digested(VERIFIED).filter(|digested| digested.policy.is_empty()))
    }

    fn read_digested(&self, file: &str) -> Option<Digested> {
        self.recalled(file)
    }

    /// What was verified of chains about commands; nothing if the gate's own key does not authenticate it.
    pub fn outlines(&self) -> Outlines {
        self.recalled(OUTLINES).unwrap_or_default()
    }

    /// Stores that, if there is a key to authenticate it.
    ///
    /// # Errors
    /// A sentence: it cannot be written.
    pub fn keep_outlines(&self, outlines: &Outlines) -> Result<(), String> {
        self.store(OUTLINES, outlines)
    }

    /// What a file holds, if the gate's own key authenticates it.
    fn recalled<T: DeserializeOwned>(&self, file: &str) -> Option<T> {
        let bytes = read_regular(&self.dir.join(file)).ok()?;
        let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG)?)?;
        let tag: Digest = std::str::from_utf8(tag).ok()?.parse().ok()?;
        let is_own = self.key.as_ref()?.vouches(tag, &purpose(file, &self.repository), &[body]);
        is_own.then(|| serde_json::from_slice(body).ok())?
    }

    /// Stores what was read of the ledger, if there is a key to authenticate it.
    pub fn keep(&self, digested: &Digested) -> Result<(), String> {
        self.store(if digested.policy.is_empty() { VERIFIED } else { LEDGER }, digested)
    }

    fn store(&self, file: &str, kept: &impl Serialize) -> Result<(), String> {
        let (Some(key), Some(lock)) = (&self.key, &self.lock) else { return Ok(()) };
        lock.check()?;
        let path = self.dir.join(file);
        let write = |out: &mut File| {
            let mut out = key.marking(&purpose(file, &self.repository), BufWriter::new(out));
            serde_json::to_writer(&mut out, kept)?;
            let (tag, mut out) = out.end();
            write!(out, "{tag}")?;
            out.flush()
        };
        lock.folder()
            .write(file, write)
            .map_err(|error| format!("The gate's state {} cannot be written: {error}.", path.display()))
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes to the log beside it, which continues after the last line that is known.
    ///
    /// # Errors
    /// Like [`Log::append`].
    pub fn enter(&mut self, entry: Entry) -> Result<AuditHead, String> {
        self.begin()?;
        let lock = held(self.lock.as_ref(), &self.dir)?;
        let log = Log::in_dir(&self.dir).known_to(self.remembered.log.clone()).lasting(self.lasting);
        let head = log.append_in(lock.folder(), entry)?;
        lock.check()?;
        self.remembered.log = Some(head.clone());
        Ok(head)
    }

    /// The same, and remembers it at once: nobody else will before the next push that is let through.
    ///
    /// # Errors
    /// Like [`Log::append`].
    pub fn enter_and_keep(&mut self, entry: Entry) -> Result<AuditHead, String> {
        let head = self.enter(entry)?;
        self.write()?;
        Ok(head)
    }
}

/// The lock of a directory that is to be written to, and is still at its path.
fn held<'l>(lock: Option<&'l Lock>, dir: &Path) -> Result<&'l Lock, String> {
    let lock = lock.ok_or_else(|| format!("The gate's state in {} was opened to be read.", dir.display()))?;
    lock.check().map(|()| lock)
}

/// Whether states were recorded there: without its key, that only says that they must not be missing.
pub fn has_recorded(dir: &Path) -> bool {
    read(dir, None, "").is_ok_and(|(remembered, _)| remembered.recorded)
}

/// Notes that a push was judged, and that the log could not have a line about it. Nothing depends on whether this can
/// be written; what lies there only says that a report is not complete.
pub fn note_unlogged(dir: &Path, at: i64) {
    let path = dir.join(UNLOGGED);
    if std::fs::metadata(&path).is_ok_and(|meta| meta.len() > MAX_UNLOGGED) {
        return;
    }
    let file = File::options().create(true).append(true).mode(0o600).custom_flags(O_NONBLOCK).open(&path);
    let _ = file.and_then(|mut file| file.write_all(format!("{at}\n").as_bytes()));
    crate::disk::give_away(&path);
}

/// When pushes were judged about which the log has no line, in seconds since the epoch.
pub fn unlogged(dir: &Path) -> Vec<i64> {
    let bytes = crate::disk::read_small(&dir.join(UNLOGGED), 2 * MAX_UNLOGGED);
    String::from_utf8_lossy(&bytes).lines().filter_map(|line| line.parse().ok()).collect()
}

/// Since when a state waits for an answer, because it is from a backup: the time of that. Whoever wrote this, it only
/// stops the gate.
///
/// # Errors
/// A sentence: the state cannot be read.
pub fn restored(dir: &Path) -> Result<Option<i64>, String> {
    read(dir, None, "").map(|(remembered, _)| remembered.restored)
}

/// When a push was last let through, by the gate's clock, in seconds since the epoch. Whoever wrote this, it only stops
/// the gate.
///
/// # Errors
/// A sentence: the state cannot be read.
pub fn clock(dir: &Path) -> Result<i64, String> {
    read(dir, None, "").map(|(remembered, _)| remembered.clock)
}

/// The memory and the recorded states, for readers: nothing is locked, created or written.
///
/// # Errors
/// A sentence: the state cannot be read.
pub fn peek(dir: &Path, key: &StateKey, repository: &str) -> Result<(Remembered, States), String> {
    let (remembered, _) = read(dir, Some(key), repository)?;
    let (_, states) = StatesFile::open(dir, key.clone(), repository)?;
    Ok((remembered, states))
}

/// The log of a state directory, which also reports missing lines. Without the gate's key, anyone could have forged the
/// number of its last line: at worst, that reports lines as missing.
///
/// # Errors
/// A sentence: the state cannot be read.
pub fn log_of(dir: &Path) -> Result<Log, String> {
    if is_only_log(dir) {
        return Ok(Log::in_dir(dir));
    }
    let (remembered, _) = read(dir, None, "")?;
    Ok(Log::in_dir(dir).known_to(remembered.log))
}

/// The memory, and whether the gate's own key authenticates it: otherwise only facts that restrict are used.
fn read(dir: &Path, key: Option<&StateKey>, repository: &str) -> Result<(Remembered, bool), String> {
    match bytes(dir)? {
        None => Ok((Remembered::default(), true)),
        Some(bytes) => understood(dir, &bytes, key, repository),
    }
}

/// The file of the memory; none if nothing was remembered yet. It is there before all that stands beside it: see
/// [`GateState::begin`].
fn bytes(dir: &Path) -> Result<Option<Vec<u8>>, String> {
    let unusable = |error: std::io::Error| format!("The gate's state in {} cannot be used: {error}.", dir.display());
    let path = dir.join(FILE);
    // A link to a volume that is not mounted is not a memory of nothing.
    match std::fs::symlink_metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match has_begun(dir).map_err(unusable)? {
            true => Err(damaged(&path, "it is missing, and what was written after it is there")),
            false => Ok(None),
        },
        Err(error) => Err(unusable(error)),
        Ok(meta) if !meta.is_file() => Err(damaged(&path, "it is not a file")),
        Ok(meta) if meta.len() > MAX_FILE => Err(damaged(&path, "it is too large")),
        Ok(_) => read_regular(&path).map(Some).map_err(unusable),
    }
}

/// Whether anything is there that is written only once the memory is.
fn has_begun(dir: &Path) -> std::io::Result<bool> {
    Ok(is_there(&dir.join(states::FILE))? || is_there(&dir.join(log::FILE))? || !Log::in_dir(dir).parts()?.is_empty())
}

/// Whether a gate began to remember something there.
///
/// # Errors
/// A sentence: its memory cannot be read, or is gone from beside what was written after it.
pub fn has_memory(dir: &Path) -> Result<bool, String> {
    bytes(dir).map(|bytes| bytes.is_some())
}

/// Whether a directory holds no more than a gate's log: a copy that an auditor was given. It can be read; no gate goes
/// on from it.
pub fn is_only_log(dir: &Path) -> bool {
    let is_missing = |name: &str| matches!(is_there(&dir.join(name)), Ok(false));
    is_missing(FILE) && is_missing(states::FILE)
}

/// Whether anything is at a path, a dangling link too.
fn is_there(path: &Path) -> std::io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        found => found.map(|_| true),
    }
}

fn understood(
    dir: &Path,
    bytes: &[u8],
    key: Option<&StateKey>,
    repository: &str,
) -> Result<(Remembered, bool), String> {
    let written = decode(&dir.join(FILE), bytes)?;
    let is_vouched = is_own(&written, key, repository);
    let remembered = written.remembered;
    Ok((if is_vouched { remembered } else { remembered.restricting() }, is_vouched))
}

fn plain<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data always serialises into memory")
}

fn purpose(file: &str, repository: &str) -> String {
    format!("{file} of {repository}")
}

fn is_own(written: &Written, key: Option<&StateKey>, repository: &str) -> bool {
    let told = written.tag.as_ref().and_then(|tag| tag.parse().ok());
    let vouches = |(key, told): (&StateKey, Digest)| {
        key.vouches(told, &purpose(FILE, repository), &[&plain(&written.remembered)])
    };
    key.zip(told).is_some_and(vouches)
}

/// Whether a file has a member that this program does not know, so that a later one wrote it. The parser tells that
/// apart in its text alone.
fn is_from_later(error: &serde_json::Error) -> bool {
    error.is_data() && error.to_string().starts_with("unknown field")
}

fn decode(path: &Path, bytes: &[u8]) -> Result<Written, String> {
    let remembers_more = || newer(path, "which remembers more than this one");
    let broken = |error: serde_json::Error| match is_from_later(&error) {
        // The field would be lost with the next write.
        true => remembers_more(),
        false => damaged(path, &error.to_string()),
    };
    let mut fields: serde_json::Map<String, Value> = serde_json::from_slice(bytes).map_err(broken)?;
    let mut text = |name: &str| fields.remove(name).and_then(|value| value.as_str().map(str::to_owned));
    let (schema, tag) = (text("schema"), text("tag"));
    let schema = schema.ok_or_else(|| damaged(path, "it does not say what it is"))?;
    if schema != SCHEMA {
        return Err(remembers_more());
    }
    // First, since a newer format may have changed what the other members are.
    if let Some(format) = fields.get("format").and_then(Value::as_u64).filter(|format| *format > u64::from(FORMAT)) {
        return Err(newer(path, &format!("in format {format}, and this one knows {FORMAT}")));
    }
    let remembered = serde_json::from_value(Value::Object(fields)).map_err(broken)?;
    Ok(Written { schema, tag, remembered })
}

/// What a gate says of a state that it must not touch: whatever it does not know would be lost with the next write.
fn newer(path: &Path, why: &str) -> String {
    format!(
        "The gate's state {} was written by a newer version of undersign, {why}. Run that version, or a later one; \
         nothing was changed.",
        path.display()
    )
}

fn damaged(path: &Path, why: &str) -> String {
    format!(
        "The gate's state {} is damaged: {why}. Restore it (`undersign gate restore`); without it, records that went \
         missing are not noticed.",
        path.display()
    )
}
