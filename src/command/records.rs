//! Records about commands in their chains: which files are stored with each, and what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use super::authorization::{Authorization, AuthorizationStatement};
use super::receipt::{Event, Run, RunStatement};
use super::request::MAX_BESIDE;
use crate::change::digest::Digest;
use crate::record::chain::Link;
use crate::record::{Chain, Entry, Fault, RecordId, Signable, Verified};

/// A verified record about commands at its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRecord<S> {
    /// What the signature says.
    pub verified: Verified<S>,
    /// As it was read: the envelope, and files named by their digests.
    pub link: Link,
    /// The counter of the security key did not increase: the record is intact, and counts for nothing.
    pub clone: bool,
}

/// A record by a broker.
pub type RunRecord = CommandRecord<RunStatement>;
/// A record by a person.
pub type AuthorizationRecord = CommandRecord<AuthorizationStatement>;
/// The records of a broker.
pub type RunChain = Chain<RunRecord>;
/// The records of a person about commands.
pub type AuthorizationChain = Chain<AuthorizationRecord>;

/// The files that are stored with a record.
pub trait Beside {
    /// Digests of the files, in hex.
    fn beside(&self) -> BTreeSet<&str>;
}

impl Beside for RunStatement {
    fn beside(&self) -> BTreeSet<&str> {
        match &self.predicate.event {
            Event::Admitted(request) => request.beside().collect(),
            Event::Started(_) | Event::Ended(_) => BTreeSet::new(),
        }
    }
}

impl Beside for AuthorizationStatement {
    fn beside(&self) -> BTreeSet<&str> {
        BTreeSet::new()
    }
}

impl<S: Signable + Beside> Entry for CommandRecord<S> {
    type Statement = S;

    fn new(verified: Verified<S>, link: Link, clone: bool) -> Result<CommandRecord<S>, Fault> {
        let wanted = verified.statement().beside();
        let is_named = |(name, bytes): (&String, &Vec<u8>)| {
            wanted.contains(name.as_str()) && Digest::of(bytes).to_string() == *name
        };
        let size: usize = link.files.values().map(Vec::len).sum();
        let whole = link.files.len() == wanted.len() && size <= MAX_BESIDE && link.files.iter().all(is_named);
        if whole { Ok(CommandRecord { verified, link, clone }) } else { Err(Fault::Attachment) }
    }

    fn verified(&self) -> &Verified<S> {
        &self.verified
    }

    fn is_clone(&self) -> bool {
        self.clone
    }
}

impl<S: Signable> CommandRecord<S> {
    /// SHA-256 of the signed payload.
    pub fn id(&self) -> RecordId {
        self.verified.id()
    }
}

impl RunRecord {
    /// What was signed.
    pub fn run(&self) -> &Run {
        &self.verified.statement().predicate
    }
}

impl AuthorizationRecord {
    /// What was signed.
    pub fn authorization(&self) -> &Authorization {
        &self.verified.statement().predicate
    }
}

/// When each record was received by whoever decides, in seconds since the epoch; a record that is not in it was
/// received just now.
pub type Received = BTreeMap<RecordId, i64>;
