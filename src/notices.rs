//! FLOOR 3: a command of the user is told what begins to wait, moved, is due or late, or is decided: once for each
//! head.
//!
//! It gets JSON on its standard input, and nothing else of the program: no shell, no token, no agent of keys. What it
//! says is not read. Nothing in a notice approves anything; a failure is reported, and tried again the next time.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::change::digest::Digest;
use crate::change::visible;
use crate::disk::read_small;
use crate::disk::write_atomically;

const SCHEMA: &str = "undersign-notice/v0";
const KEPT: &str = "undersign-notices/v0";
/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most notices of one run: the first may find hundreds of changes. The rest are for the next runs.
const MOST: usize = 50;
/// After so many failures in a row, a run ends: a server that is down must not hold up a timer for an hour.
const FAILURES: usize = 3;
/// Bytes of what is remembered; a larger file is not read.
const MAX_BYTES: u64 = 8 << 20;
/// Bytes of what a command that failed said.
const MAX_SAID: u64 = 2 << 10;
/// Characters of any one text.
const MAX_TEXT: usize = 300;
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
    pub id: String,
    pub repository: String,
    pub branch: String,
    pub target: String,
    pub title: String,
    pub head: String,
    pub tier: u8,
    /// What it needs, in two words.
    pub need: String,
    pub waits: bool,
    pub is_decided: bool,
    pub is_due: bool,
    pub is_late: bool,
    pub ask: Vec<String>,
    pub claims: Vec<String>,
    /// The page of its review request, for people.
    pub page: Option<String>,
}

impl Fact {
    /// The key of a change of a repository: two repositories may have the same name.
    pub fn key(common_dir: &Path, id: &str) -> String {
        let place = common_dir.as_os_str().as_encoded_bytes();
        Digest::of(&[place, b"\0", id.as_bytes()].concat()).to_string()
    }
}

/// What was told of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    head: String,
    kinds: Vec<Kind>,
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
    change: &'f str,
    repository: String,
    branch: String,
    target: String,
    title: String,
    head: &'f str,
    tier: u8,
    why: String,
    needs_me: bool,
    ask: &'f [String],
    claimed_by: &'f [String],
    /// To look at; nothing in it acts.
    link: Option<&'f str>,
    /// Opens the reader.
    command: String,
}

/// What is to be said of a change now, if anything: the strongest that was not said of this head.
fn next(told: Option<&Told>, fact: &Fact) -> Option<Kind> {
    let was = |kind: Kind| told.is_some_and(|told| told.head == fact.head && told.kinds.contains(&kind));
    if fact.is_decided {
        return (told.is_some() && !was(Kind::Decided)).then_some(Kind::Decided);
    }
    if !fact.waits {
        return None;
    }
    let clock = if fact.is_late { Some(Kind::Late) } else { fact.is_due.then_some(Kind::Due) };
    let first = match told {
        None => Some(Kind::Waits),
        Some(told) if told.head != fact.head => Some(Kind::Moved),
        Some(_) => None,
    };
    clock.filter(|kind| !was(*kind)).or(first)
}

/// What is known to be said after a notice: whoever hears that it is late knows that it waits.
fn said(told: Option<&Told>, fact: &Fact, kind: Kind) -> Told {
    let mut kinds = told.filter(|told| told.head == fact.head).map(|told| told.kinds.clone()).unwrap_or_default();
    kinds.push(kind);
    kinds.extend((kind == Kind::Late).then_some(Kind::Due));
    kinds.sort();
    kinds.dedup();
    Told { head: fact.head.clone(), kinds }
}

fn why(fact: &Fact, kind: Kind) -> String {
    let ask = if fact.ask.is_empty() { String::new() } else { format!("; ask {}", fact.ask.join(", ")) };
    match kind {
        Kind::Waits => format!("it waits: {}{ask}", fact.need),
        Kind::Moved => format!("it moved: {}{ask}", fact.need),
        Kind::Due => format!("it is due: {}{ask}", fact.need),
        Kind::Late => format!("it is late: {}{ask}", fact.need),
        Kind::Decided => format!("it is decided: {}", fact.need),
    }
}

fn notice(fact: &Fact, kind: Kind) -> Vec<u8> {
    let text = |text: &str| visible::text(text).chars().take(MAX_TEXT).collect::<String>();
    let notice = Notice {
        schema: SCHEMA,
        kind,
        change: &fact.id,
        repository: text(&fact.repository),
        branch: text(&fact.branch),
        target: text(&fact.target),
        title: text(&fact.title),
        head: &fact.head,
        tier: fact.tier,
        why: text(&why(fact, kind)),
        needs_me: fact.need == "needs you",
        ask: &fact.ask,
        claimed_by: &fact.claims,
        link: fact.page.as_deref(),
        // By its head: a branch may be called anything, and this may be pasted into a shell.
        command: format!("undersign review {}", fact.head),
    };
    let mut bytes = serde_json::to_vec(&notice).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Tells the command what is new about these changes, which are all that are pending in the repositories that were
/// read; `is_whole`: no other repository may have some. Returns what went wrong, a sentence each.
pub fn tell(command: &[String], facts: &[Fact], is_whole: bool, home: &Path) -> Vec<String> {
    let path = home.join("notices.json");
    // Two runs at once would say everything twice.
    let lock = match locked(home) {
        Ok(Some(lock)) => lock,
        Ok(None) => return Vec::new(),
        Err(why) => return vec![why],
    };
    let kept = serde_json::from_slice::<Kept>(&read_small(&path, MAX_BYTES)).ok();
    let mut told = kept.filter(|kept| kept.schema == KEPT).map(|kept| kept.told).unwrap_or_default();
    let mut run = |bytes: &[u8]| run(command, bytes, PATIENCE);
    let problems = tell_by(&mut run, facts, &mut told);
    if is_whole {
        told.retain(|key, _| facts.iter().any(|fact| fact.key == *key));
    }
    let kept = serde_json::to_vec(&Kept { schema: KEPT.to_owned(), told }).unwrap_or_default();
    let written = write_atomically(&path, &kept).err();
    drop(lock);
    let unwritten = |error| format!("What was told cannot be remembered, and will be told again: {error}.");
    problems.into_iter().chain(written.map(unwritten)).collect()
}

fn tell_by(
    run: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    facts: &[Fact],
    told: &mut BTreeMap<String, Told>,
) -> Vec<String> {
    let new = facts.iter().filter_map(|fact| Some((fact, next(told.get(&fact.key), fact)?))).collect::<Vec<_>>();
    let (mut problems, mut in_a_row) = (Vec::new(), 0);
    for (at, (fact, kind)) in new.iter().enumerate() {
        if at == MOST || in_a_row == FAILURES {
            let left = new.len() - at;
            problems.push(format!("{left} notices are left for the next run."));
            break;
        }
        match run(&notice(fact, *kind)) {
            Ok(()) => {
                in_a_row = 0;
                told.insert(fact.key.clone(), said(told.get(&fact.key), fact, *kind));
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
        // It is smaller than the buffer of a pipe. Whoever does not want to read it need not.
        let _ = input.write_all(notice);
    }
    let (sender, said) = channel();
    if let Some(stderr) = child.stderr.take() {
        std::thread::spawn(move || {
            let (mut bytes, mut rest) = (Vec::new(), stderr);
            let _ = rest.by_ref().take(MAX_SAID).read_to_end(&mut bytes);
            let _ = sender.send(bytes);
            let _ = std::io::copy(&mut rest, &mut std::io::sink());
        });
    }
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                let said = said.recv_timeout(Duration::from_millis(200)).unwrap_or_default();
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

fn end(child: &mut Child) {
    if let Ok(group) = i32::try_from(child.id()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests;
