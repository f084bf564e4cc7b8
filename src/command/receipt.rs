//! What a broker signs, link by link: that it admitted a request, that a run started, how it ended.

use serde::{Deserialize, Serialize};

use super::request::{Command, MAX_REQUEST, Request, command_digest};
use super::statement::{
    Predicate, Statement, Subject, SubjectDigest, are_heads, is_digest, is_line, is_place, is_policy, is_time, subject,
};
use crate::change::digest::Digest;
use crate::policy::Level;
use crate::record::statement::{Decimal, Link, PolicyName, RepositoryName, SeenHead, is_hex};

/// The `predicateType` until the format is stable.
pub const TYPE: &str = "urn:undersign:run:v0";
/// The namespace of a broker's signatures.
pub const NAMESPACE: &str = "run@undersign";

/// A record of a broker.
pub type RunStatement = Statement<Run>;

/// A statement of a broker: `SPEC.md`, in this folder, member by member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Run {
    /// The repository whose policy applies.
    pub repository: RepositoryName,
    /// Where it runs: its name in the policy.
    pub target: String,
    /// The broker's key id: 64 hex digits.
    pub broker: String,
    /// What happened.
    pub event: Event,
    /// The place in the broker's own chain.
    pub chain: Link,
    /// Heads of other chains, as the broker had them.
    pub seen: Vec<SeenHead>,
    /// By the broker's clock, in seconds since the epoch.
    pub issued_at: Decimal,
    /// 32 random hex digits.
    pub nonce: String,
    /// The program that signed, for people.
    pub tool: String,
}

/// What happened to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// It was admitted: from now on it has an ID, which is that of this record.
    Admitted(Box<Request>),
    /// It is burnt: this broker starts it now, and nobody ever starts it again.
    Started(Started),
    /// Its result.
    Ended(Ended),
}

/// The start of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Started {
    /// Id of the `admitted` record.
    pub request: String,
    /// IDs of the records on which it depends.
    pub authorizations: Vec<String>,
    /// Whether it was let through in an emergency: `no`, `yes`.
    pub emergency: YesNo,
    /// The policy that the broker applied.
    pub policy: PolicyName,
    /// The separation between the agent and the target.
    pub level: String,
    /// How the broker knows that, for people.
    pub proofs: Vec<String>,
    /// SHA-256 of the program as it was opened.
    pub program: String,
}

/// A truth value: the format does not use JSON's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum YesNo {
    /// `no`
    No,
    /// `yes`
    Yes,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Ended {
    /// Id of the `admitted` record.
    pub request: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The exit code or the number of the signal; 0 where there is none.
    pub code: Decimal,
    /// When the program started, by the broker's clock; 0 if that is unknown.
    pub began: Decimal,
    /// When it was found to have ended.
    pub finished: Decimal,
    /// Its output.
    pub output: Output,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// By itself, with an exit code.
    Exit,
    /// By a signal.
    Signal,
    /// It exceeded its time limit.
    Timeout,
    /// Somebody stopped it.
    Stopped,
    /// Whether it started and what it did is unknown: somebody must look.
    Unknown,
    /// It was burnt and certainly not started.
    NotRun,
}

impl Outcome {
    /// Its name in records and for programs.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Exit => "exit",
            Outcome::Signal => "signal",
            Outcome::Timeout => "timeout",
            Outcome::Stopped => "stopped",
            Outcome::Unknown => "unknown",
            Outcome::NotRun => "not-run",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Outcome::Exit => "exit",
            Outcome::Signal => "signal",
            Outcome::Timeout => "timeout",
            Outcome::Stopped => "stopped",
            Outcome::Unknown => "unknown",
            Outcome::NotRun => "not run",
        })
    }
}

/// The output of a run; the bytes stay with the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// SHA-256 of the kept part of its standard output.
    pub stdout: String,
    /// The same for its standard error.
    pub stderr: String,
    /// Bytes written, kept or not.
    pub bytes: Decimal,
}

impl Event {
    /// The word for it: `admitted`, `started`, `ended`.
    pub fn word(&self) -> &'static str {
        match self {
            Event::Admitted(_) => "admitted",
            Event::Started(_) => "started",
            Event::Ended(_) => "ended",
        }
    }
}

impl Run {
    /// The request that this is about; none for an `admitted` record, which is a request itself.
    pub fn about(&self) -> Option<&str> {
        match &self.event {
            Event::Admitted(_) => None,
            Event::Started(started) => Some(&started.request),
            Event::Ended(ended) => Some(&ended.request),
        }
    }

    /// The request that it admits.
    pub fn admitted(&self) -> Option<&Request> {
        match &self.event {
            Event::Admitted(request) => Some(request),
            _ => None,
        }
    }

    /// [`command_digest`] of the request that it admits.
    pub fn command_digest(&self) -> Option<Digest> {
        self.admitted().map(|request| self.digest_of(&request.command))
    }

    fn digest_of(&self, command: &Command) -> Digest {
        command_digest(&self.repository.id, &self.target, command)
    }
}

impl Predicate for Run {
    type Digest = SubjectDigest;
    const TYPE: &'static str = TYPE;
    const NAMESPACE: &'static str = NAMESPACE;
    const MAX_PAYLOAD: usize = MAX_REQUEST;

    fn is_sound(&self) -> bool {
        let event = match &self.event {
            Event::Admitted(request) => request.is_sound(),
            Event::Started(started) => started.is_sound(),
            Event::Ended(ended) => ended.is_sound(),
        };
        event
            && is_place(&self.repository, &self.target, &self.broker)
            && self.chain.is_sound()
            && self.chain.key == self.broker
            // A broker whose disk was restored begins a new chain: its own statement must not make a burnt request
            // startable again.
            && self.chain.forks.is_empty()
            && are_heads(&self.seen)
            && is_time(self.issued_at)
            && is_hex(&self.nonce, 32)
            && is_line(&self.tool)
    }

    fn subject(&self) -> Subject<SubjectDigest> {
        let digest = match &self.event {
            Event::Admitted(request) => self.digest_of(&request.command).to_string(),
            Event::Started(Started { request, .. }) | Event::Ended(Ended { request, .. }) => request.clone(),
        };
        subject(&self.target, digest)
    }

    fn place(&self) -> &Link {
        &self.chain
    }

    fn seen(&self) -> &[SeenHead] {
        &self.seen
    }
}

impl Started {
    fn is_sound(&self) -> bool {
        is_digest(&self.request)
            && self.authorizations.iter().all(|id| is_digest(id))
            && is_policy(&self.policy)
            && Level::ALL.iter().any(|level| level.name() == self.level)
            && self.proofs.iter().all(|proof| is_line(proof))
            && is_digest(&self.program)
    }
}

impl Ended {
    fn is_sound(&self) -> bool {
        let has_code = matches!(self.outcome, Outcome::Exit | Outcome::Signal);
        is_digest(&self.request)
            && self.code.0 <= 255
            && (has_code || self.code.0 == 0)
            && is_time(self.began)
            && is_time(self.finished)
            && is_digest(&self.output.stdout)
            && is_digest(&self.output.stderr)
    }
}
