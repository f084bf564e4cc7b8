//! What who asks and a broker say to each other: one line of JSON each way.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Bytes of one message: inputs of 8 MiB in base64, and what is around them.
const MAX_ASK: u64 = 12 << 20;
/// Bytes of an answer: two outputs of at most 64 MiB in base64.
const MAX_REPLY: u64 = 192 << 20;

/// What somebody wants of a broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub enum Ask {
    /// Take a command in.
    Request(Draft),
    /// How a request stands.
    Status { id: String },
    /// Start it, and answer when it ended.
    Run { id: String },
    /// What it wrote.
    Log { id: String },
    /// End it.
    Stop { id: String },
    /// Take in a record of somebody about commands: for when the ledger's host is away.
    Deliver { chain: String, links: Vec<String> },
}

/// A command as somebody asks for it: nothing of it is trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    pub target: String,
    /// Each argument in base64: it may be no text. `{input:ROLE}` stands for the path of an input.
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

/// What a broker says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// 0 where it was done; else that of the command line: 2 refused, 4 cannot decide, 64 usage, 75 not yet.
    pub code: u8,
    /// For people, and for agents to act on.
    pub text: String,
    /// The request that it is about.
    #[serde(default)]
    pub id: String,
    /// Reason codes.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The state: `waiting`, `ready`, `running`, `ended`, `over`.
    #[serde(default)]
    pub state: String,
    /// How it ended, where it ran: `code` is then the command's own.
    #[serde(default)]
    pub outcome: String,
    /// What was kept of its output, in base64.
    #[serde(default)]
    pub stdout: String,
    #[serde(default)]
    pub stderr: String,
}

/// An answer that says no.
pub type Refusal = Box<Reply>;

impl Reply {
    /// Whether it is about a request of which more is to come: neither ready, ended nor over.
    pub fn is_pending(&self) -> bool {
        matches!(self.state.as_str(), "waiting" | "running")
    }

    pub fn refused(code: u8, reason: &str, text: impl Into<String>) -> Refusal {
        Box::new(Reply { code, text: text.into(), reasons: vec![reason.to_owned()], ..Reply::default() })
    }
}

/// What somebody asks.
///
/// # Errors
/// It is too large, cut off, or none.
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

/// Asks a broker, and waits for what it says.
///
/// # Errors
/// A sentence: there is none, or it did not answer.
pub fn ask(socket: &Path, ask: &Ask) -> Result<Reply, String> {
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
