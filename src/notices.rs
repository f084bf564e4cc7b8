//! FLOOR 3: a command of the user is told what begins to wait, moved, is due or late, or is decided: once for each
//! head.
//!
//! It gets JSON on its standard input, and nothing else of the program: no shell, no token, no agent of keys. What it
//! says is not read. Nothing in a notice approves anything; a failure is reported, and tried again the next time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::change::digest::Digest;
use crate::change::{shell_word, visible};
use crate::datafile::SECONDS_OF_A_DAY;
use crate::disk::{read_small, write_atomically};
use crate::examination::ChangeStatus;

const SCHEMA: &str = "undersign-notice/v0";
const KEPT: &str = "undersign-notices/v1";
/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most notices of one run: the first may find hundreds of changes. The rest are for the next runs.
const MOST: usize = 50;
/// After so many failures in a row, a run ends: a server that is down must not hold up a timer for an hour.
const FAILURES: usize = 3;
/// Bytes of what is remembered; a larger file is not read. The next three limits keep it smaller.
const MAX_BYTES: u64 = 16 << 20;
/// The most changes that are remembered; of more, those that were seen last.
const MOST_CHANGES: usize = 10_000;
/// The most heads of a change that are remembered, the last ones.
const MOST_HEADS: usize = 16;
/// After so many seconds, a change of a repository that nobody reads any more is forgotten: 90 days.
const FORGOTTEN: i64 = 90 * 86_400;
/// Bytes of what a command that failed said.
const MAX_SAID: usize = 2 << 10;
/// Characters of any one text.
const MAX_TEXT: usize = 300;
/// The most names of a list.
const MAX_NAMES: usize = 20;
/// The variables that a command needs to find its programs, its configuration and the desktop. Others may be secrets.
const ENVIRONMENT: [&str; 10] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "DISPLAY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// What a notice says of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It waits for a person, for the first time.
    Waits,
    /// Somebody was told of it, and its head has changed since.
    Moved,
    /// It waited for others at this head, and now it waits for whoever runs this.
    Turn,
    /// By the clock of its policy.
    Due,
    Late,
    /// Somebody was told of it, and it is signed or rejected.
    Decided,
}

/// A pending change as it is now.
#[derive(Debug, Clone, Default)]
pub struct Fact {
    /// Names it among all repositories: [`Fact::key`].
    pub key: String,
    /// Where its repository is.
    pub root: PathBuf,
    pub id: String,
    pub repository: String,
    pub branch: String,
    pub target: String,
    pub title: String,
    pub head: String,
    pub tier: u8,
    /// For whoever runs this.
    pub status: ChangeStatus,
    pub waits: bool,
    pub is_due: bool,
    pub is_late: bool,
    pub ask: Vec<String>,
    /// The same in words, with who is away.
    pub told_ask: String,
    pub claims: Vec<String>,
    /// The page of its review request, for people.
    pub page: Option<String>,
}

impl Fact {
    fn needs_me(&self) -> bool {
        self.status == ChangeStatus::NeedsYou
    }

    /// The key of a change of a repository: two repositories may have the same name.
    pub fn key(common_dir: &Path, id: &str) -> String {
        format!("{}:{}", place(common_dir), Digest::of(id.as_bytes()))
    }
}

fn place(common_dir: &Path) -> String {
    Digest::of(common_dir.as_os_str().as_encoded_bytes()).to_string()
}

/// What was seen to be pending in a repository that was read, examined or not: all else of it is gone.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    place: String,
    keys: BTreeSet<String>,
}

impl Seen {
    /// By the ids of its changes.
    pub fn of(common_dir: &Path, ids: &[String]) -> Seen {
        Seen { place: place(common_dir), keys: ids.iter().map(|id| Fact::key(common_dir, id)).collect() }
    }

    fn has_gone(&self, key: &str) -> bool {
        key.split(':').next() == Some(&self.place) && !self.keys.contains(key)
    }
}

/// What was told of a change, by head, the last one last. Heads stay, so that nobody rings again by going back to one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    heads: Vec<(String, Vec<Kind>)>,
    /// When it was last seen to be pending, in seconds since the epoch.
    seen: i64,
}

impl Told {
    fn kinds(&self, head: &str) -> Option<&Vec<Kind>> {
        self.heads.iter().find(|(own, _)| own == head).map(|(_, kinds)| kinds)
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema: String,
    told: BTreeMap<String, Told>,
}

/// What the command reads.
#[derive(Serialize)]
struct Notice<'f> {
    schema: &'static str,
    kind: Kind,
    change: String,
    repository: String,
    branch: String,
    target: String,
    title: String,
    head: &'f str,
    tier: u8,
    why: String,
    needs_me: bool,
    ask: Vec<String>,
    claimed_by: Vec<String>,
    /// To look at; nothing in it acts.
    link: Option<&'f str>,
    /// Opens the reader.
    command: String,
}

/// What is to be said of a change now, if anything: the strongest that was not said of this head.
fn next(told: Option<&Told>, fact: &Fact) -> Option<Kind> {
    let of_head = told.and_then(|told| told.kinds(&fact.head));
    let was = |kind: Kind| of_head.is_some_and(|kinds| kinds.contains(&kind));
    if fact.status.is_decided() {
        return (told.is_some() && !was(Kind::Decided)).then_some(Kind::Decided);
    }
    if !fact.waits {
        return None;
    }
    let is_turn = fact.needs_me() && !was(Kind::Turn);
    let clock = if fact.is_late { Some(Kind::Late) } else { fact.is_due.then_some(Kind::Due) };
    let first = match (told, of_head) {
        (None, _) => Some(Kind::Waits),
        (Some(_), None) => Some(Kind::Moved),
        (Some(_), Some(_)) => is_turn.then_some(Kind::Turn),
    };
    clock.filter(|kind| !was(*kind)).or(first)
}

/// What is known to be said after a notice: whoever hears that it is late knows that it waits.
fn said(told: Option<&Told>, fact: &Fact, kind: Kind, now: i64) -> Told {
    let mut heads = told.map(|told| told.heads.clone()).unwrap_or_default();
    let known = heads.iter().position(|(head, _)| *head == fact.head).map(|at| heads.remove(at).1);
    let mut kinds = known.unwrap_or_default();
    kinds.push(kind);
    kinds.extend((kind == Kind::Late).then_some(Kind::Due));
    // Every notice says whether it waits for the reader.
    kinds.extend(fact.needs_me().then_some(Kind::Turn));
    kinds.sort();
    kinds.dedup();
    heads.push((fact.head.clone(), kinds));
    heads.drain(..heads.len().saturating_sub(MOST_HEADS));
    Told { heads, seen: day_of(now) }
}

/// The day is enough to tell what is old, and lets a run without news write nothing.
fn day_of(now: i64) -> i64 {
    now.saturating_sub(now.rem_euclid(SECONDS_OF_A_DAY))
}

/// Forgets what is no longer pending, and what is so old or so much that it cannot be kept.
fn forget(told: &mut BTreeMap<String, Told>, seen: &[Seen], now: i64) {
    let pending = |key: &String| seen.iter().any(|seen| seen.keys.contains(key));
    told.iter_mut().filter(|(key, _)| pending(key)).for_each(|(_, own)| own.seen = own.seen.max(day_of(now)));
    told.retain(|key, own| !seen.iter().any(|seen| seen.has_gone(key)) && own.seen >= now.saturating_sub(FORGOTTEN));
    let mut times: Vec<i64> = told.values().map(|own| own.seen).collect();
    times.sort_unstable();
    if let Some(oldest) = times.len().checked_sub(MOST_CHANGES).and_then(|more| times.get(more)).copied() {
        told.retain(|_, own| own.seen >= oldest);
    }
    while told.len() > MOST_CHANGES {
        told.pop_last();
    }
}

fn why(fact: &Fact, kind: Kind) -> String {
    let ask = if fact.told_ask.is_empty() { String::new() } else { format!("; {}", fact.told_ask) };
    match kind {
        Kind::Waits => format!("it waits: {}{ask}", fact.status),
        Kind::Moved => format!("it moved: {}{ask}", fact.status),
        Kind::Turn => format!("it is your turn: {}{ask}", fact.status),
        Kind::Due => format!("it is due: {}{ask}", fact.status),
        Kind::Late => format!("it is late: {}{ask}", fact.status),
        Kind::Decided => format!("it is decided: {}", fact.status),
    }
}

fn notice(fact: &Fact, kind: Kind) -> Vec<u8> {
    let text = |text: &str| visible::text(text).chars().take(MAX_TEXT).collect::<String>();
    let names = |all: &[String]| all.iter().take(MAX_NAMES).map(|name| text(name)).collect();
    let notice = Notice {
        schema: SCHEMA,
        kind,
        change: text(&fact.id),
        repository: text(&fact.repository),
        branch: text(&fact.branch),
        target: text(&fact.target),
        title: text(&fact.title),
        head: &fact.head,
        tier: fact.tier,
        why: text(&why(fact, kind)),
        needs_me: fact.needs_me(),
        ask: names(&fact.ask),
        claimed_by: names(&fact.claims),
        link: fact.page.as_deref(),
        // By its head: a branch may be called anything, and this may be pasted into a shell.
        command: command_of(fact),
    };
    let mut bytes = serde_json::to_vec(&notice).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// For a shell, in any folder.
fn command_of(fact: &Fact) -> String {
    let path = fact.root.to_str().filter(|path| !path.is_empty() && visible::text(path) == **path);
    let at = path.map(|path| format!("--repo {} ", shell_word(path))).unwrap_or_default();
    format!("undersign {at}review {}", fact.head)
}

/// Tells the command what is new about these changes, and forgets what is gone from the repositories that were read.
/// Returns what went wrong, a sentence each.
pub fn tell(command: &[String], facts: &[Fact], seen: &[Seen], home: &Path, now: i64) -> Vec<String> {
    let path = home.join("notices.json");
    // Two runs at once would say everything twice.
    let lock = match locked(home) {
        Ok(Some(lock)) => lock,
        Ok(None) => return vec!["Another run is telling its notices. This one told none.".to_owned()],
        Err(why) => return vec![why],
    };
    let kept = serde_json::from_slice::<Kept>(&read_small(&path, MAX_BYTES)).ok();
    let mut told = kept.filter(|kept| kept.schema == KEPT).map(|kept| kept.told).unwrap_or_default();
    let before = told.clone();
    forget(&mut told, seen, now);
    let mut run = |bytes: &[u8]| run(command, bytes, PATIENCE);
    let mut keep = |told: &BTreeMap<String, Told>| {
        let kept = serde_json::to_vec(&Kept { schema: KEPT.to_owned(), told: told.clone() }).unwrap_or_default();
        write_atomically(&path, &kept)
            .map_err(|error| format!("The notices that were sent cannot be remembered: {error}."))
    };
    let problems =
        tell_by(&mut Ports { run: &mut run, keep: &mut keep, now, is_stale: told != before }, facts, &mut told);
    drop(lock);
    problems
}

/// Remembers what was told.
type Keep<'p> = dyn FnMut(&BTreeMap<String, Told>) -> Result<(), String> + 'p;

/// What telling needs of the world.
struct Ports<'p> {
    run: &'p mut dyn FnMut(&[u8]) -> Result<(), String>,
    keep: &'p mut Keep<'p>,
    now: i64,
    /// There is something to write, whatever is told.
    is_stale: bool,
}

fn tell_by(ports: &mut Ports<'_>, facts: &[Fact], told: &mut BTreeMap<String, Told>) -> Vec<String> {
    let new = facts.iter().filter_map(|fact| Some((fact, next(told.get(&fact.key), fact)?))).collect::<Vec<_>>();
    let (mut problems, mut in_a_row) = (Vec::new(), 0);
    // What cannot be remembered is not told: each run would tell it.
    if (ports.is_stale || !new.is_empty())
        && let Err(why) = (ports.keep)(told)
    {
        return vec![format!("{why} No notice is sent.")];
    }
    for (at, (fact, kind)) in new.iter().enumerate() {
        if at == MOST || in_a_row == FAILURES {
            let left = new.len() - at;
            problems.push(format!("{left} notices are left for the next run."));
            break;
        }
        match (ports.run)(&notice(fact, *kind)) {
            Ok(()) => {
                in_a_row = 0;
                told.insert(fact.key.clone(), said(told.get(&fact.key), fact, *kind, ports.now));
                // At once: the run may be ended before the next.
                if let Err(why) = (ports.keep)(told) {
                    problems.push(format!("{why} This one will be sent again: {}.", fact.id));
                    break;
                }
            }
            Err(why) => {
                in_a_row += 1;
                problems.push(format!("The notice about {} was not taken: {why}", fact.id));
            }
        }
    }
    problems
}

fn locked(home: &Path) -> Result<Option<File>, String> {
    let failed = |error: std::io::Error| format!("Nothing can be remembered in {}: {error}.", home.display());
    std::fs::create_dir_all(home).map_err(failed)?;
    let lock = File::create(home.join("notices.lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Runs a command with a notice on its standard input, and waits for at most 20 seconds.
///
/// # Errors
/// A sentence: it cannot be run, failed, or took longer.
#[cfg(target_os = "linux")]
pub(crate) fn tell_once(command: &[String], notice: &[u8]) -> Result<(), String> {
    run(command, notice, PATIENCE)
}

/// Runs the command with a notice on its standard input.
fn run(command: &[String], notice: &[u8], patience: Duration) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let variables = ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(variables).current_dir("/").process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let until = Instant::now() + patience;
    let mut child = command.spawn().map_err(|error| format!("{} cannot be run: {error}.", visible::text(program)))?;
    if let Some(mut input) = child.stdin.take() {
        // Whoever does not want to read it need not, and does not hold up anything.
        let notice = notice.to_vec();
        std::thread::spawn(move || drop(input.write_all(&notice)));
    }
    let said = Arc::new(Mutex::new(Vec::new()));
    let reader = child.stderr.take().map(|stderr| collect(stderr, said.clone()));
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                // A child that it left may hold the other end for hours: what was said until now counts.
                let soon = Instant::now() + Duration::from_millis(200);
                while reader.as_ref().is_some_and(|reader| !reader.is_finished()) && Instant::now() < soon {
                    std::thread::sleep(Duration::from_millis(5));
                }
                let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let said = String::from_utf8_lossy(&said);
                let last = said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
                let last: String = visible::text(last).chars().take(MAX_TEXT).collect();
                let last = if last.is_empty() { last } else { format!(" It says: {last}") };
                return Err(format!("it ended with {status}.{last}"));
            }
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
            Ok(None) => {
                end(&mut child);
                return Err(format!("it took longer than {} seconds, and was ended.", patience.as_secs_f32().ceil()));
            }
            Err(error) => return Err(format!("it cannot be waited for: {error}.")),
        }
    }
}

/// Reads what a command says, as it says it.
fn collect(mut from: impl std::io::Read + Send + 'static, into: Arc<Mutex<Vec<u8>>>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok(read @ 1..) = from.read(&mut bytes) {
            let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MAX_SAID.saturating_sub(into.len());
            into.extend_from_slice(&bytes[..read.min(room)]);
        }
    })
}

fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests;
