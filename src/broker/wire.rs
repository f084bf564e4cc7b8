//! The protocol between clients and a broker: one line of JSON each way.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::change::visible;

/// The limit of one message in bytes: inputs of 8 MiB in base64, and the rest of the message.
pub(super) const MAX_ASK: u64 = 12 << 20;
/// The limit of an answer in bytes: two outputs of at most 64 MiB in base64.
const MAX_REPLY: u64 = 192 << 20;

/// A message to a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub enum Ask {
    /// Admit a command.
    Request(Draft),
    /// The status of a request.
    Status { id: String },
    /// Start it, and answer when it has ended.
    Run { id: String },
    /// Its output.
    Log { id: String },
    /// Stop it.
    Stop { id: String },
    /// Accept a person's record about commands: for when the ledger's host is unreachable.
    Deliver { chain: String, links: Vec<String> },
    /// A message of the owner of a key, by its fingerprint. Only the account in which sshd relays may say so.
    Relayed { key: String, ask: Box<Ask> },
}

/// A command as a client asks for it: nothing of it is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub target: String,
    /// Each argument in base64: it may not be text. `{input:ROLE}` stands for the path of an input.
    pub argv: Vec<String>,
    /// By role, in base64.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub ticket: String,
    #[serde(default)]
    pub way_back: String,
    #[serde(default)]
    pub replaces: String,
    #[serde(default)]
    pub claims: Vec<String>,
}

/// An answer of a broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// 0 if it was done; otherwise the exit code of the command line: 2 refused, 4 cannot decide, 64 usage, 75 not yet.
    pub code: u8,
    /// For people, and for agents to act on.
    pub text: String,
    /// The request in question.
    #[serde(default)]
    pub id: String,
    /// Reason codes.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The state: `waiting`, `ready`, `running`, `ended`, `over`.
    #[serde(default)]
    pub state: String,
    /// How it ended, if it ran: `code` is then the command's own.
    #[serde(default)]
    pub outcome: String,
    /// The output that was kept, in base64.
    #[serde(default)]
    pub stdout: String,
    #[serde(default)]
    pub stderr: String,
}

/// A negative answer.
pub type Refusal = Box<Reply>;

impl Reply {
    /// Whether it is about a request that is still pending: neither ready, ended nor over.
    pub fn is_pending(&self) -> bool {
        matches!(self.state.as_str(), "waiting" | "running")
    }

    pub fn refused(code: u8, reason: &str, text: impl Into<String>) -> Refusal {
        Box::new(Reply { code, text: text.into(), reasons: vec![reason.to_owned()], ..Reply::default() })
    }
}

/// Reads a message.
///
/// # Errors
/// It is too large, cut off, or not a message.
pub fn read_ask(from: impl Read) -> Result<Ask, String> {
    read(from, MAX_ASK)
}

fn read<T: serde::de::DeserializeOwned>(from: impl Read, most: u64) -> Result<T, String> {
    let mut line = Vec::new();
    let read = BufReader::new(from.take(most)).read_until(b'\n', &mut line);
    read.map_err(|error| format!("the message cannot be read: {error}"))?;
    if line.last() != Some(&b'\n') {
        return Err(format!("the message is cut off or larger than {} MiB", most >> 20));
    }
    serde_json::from_slice(&line).map_err(|error| format!("the message is none: {error}"))
}

pub fn write<T: Serialize>(mut to: impl Write, message: &T) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// Where a broker is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Socket(PathBuf),
    /// Over ssh, as its own program reaches it: `[USER@]HOST`, where a forced command relays.
    Ssh(String),
}

impl Place {
    /// `ssh:[USER@]HOST`, or the path of a socket.
    pub fn of(text: &OsStr) -> Place {
        match text.to_str().and_then(|text| text.strip_prefix("ssh:")) {
            Some(host) => Place::Ssh(host.to_owned()),
            None => Place::Socket(text.into()),
        }
    }

    /// Sends a message to a broker, and waits for the answer.
    ///
    /// # Errors
    /// A sentence: there is no broker, or it did not answer.
    pub fn ask(&self, ask: &Ask) -> Result<Reply, String> {
        match self {
            Place::Socket(socket) => asked(socket, ask),
            Place::Ssh(host) => asked_over_ssh(host, ask),
        }
    }
}

fn asked(socket: &Path, ask: &Ask) -> Result<Reply, String> {
    let failed = |why: String| {
        format!(
            "The broker at {} does not answer: {why}. See that `undersign broker serve` runs there; --broker names another \
             socket.",
            socket.display()
        )
    };
    let stream = UnixStream::connect(socket).map_err(|error| failed(error.to_string()))?;
    write(&stream, ask).map_err(|error| failed(error.to_string()))?;
    read(&stream, MAX_REPLY).map_err(failed)
}

fn asked_over_ssh(host: &str, ask: &Ask) -> Result<Reply, String> {
    let program = std::env::var_os("UNDERSIGN_SSH").unwrap_or_else(|| "ssh".into());
    let failed = |why: String| format!("The broker at {} does not answer: {why}.", visible::text(host));
    let io = |error: std::io::Error| failed(error.to_string());
    let mut child = Command::new(program)
        .args(["-T", "-oBatchMode=yes", "--", host])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(io)?;
    // Whoever is refused closes it early: what was said then is on standard error.
    let sent = child.stdin.take().map(|pipe| write(pipe, ask));
    let reply = child.stdout.take().map(|pipe| read(pipe, MAX_REPLY));
    let status = child.wait().map_err(io)?;
    match (reply, sent) {
        (Some(Ok(reply)), _) => Ok(reply),
        (_, Some(Err(error))) => Err(failed(error.to_string())),
        _ => Err(failed(format!("ssh ended with {status}"))),
    }
}

/// Passes one message on to the broker, for the owner of a key, and its answer back: what sshd runs.
///
/// # Errors
/// A sentence: there is no broker, or the message is none.
pub fn relay(socket: &Path, key: &str) -> Result<(), String> {
    let reply = match read_ask(std::io::stdin().lock()) {
        Ok(ask) => asked(socket, &Ask::Relayed { key: key.to_owned(), ask: Box::new(ask) })?,
        Err(why) => *Reply::refused(64, "ARGV", why),
    };
    write(std::io::stdout().lock(), &reply).map_err(|error| error.to_string())
}
