//! A chain without the records that no longer matter: what a gate keeps, so that its cost depends on the decisions in
//! force and not on all that were ever made. Facts only, and only in a place where nobody else writes.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::TokenUse;
use super::{Chain, ChainId, Heads, Key, Record, RecordId, Statement, Verified};
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;

/// A chain that may lack some records, in a form that is stored and read back. It has no fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Abridged(Chain);

/// The stored form. The ids of all records follow one another, 64 hex digits each.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'c> {
    chain: String,
    /// The one key of the chain, in OpenSSH's form; empty if no record is kept.
    key: String,
    ids: String,
    counter: u32,
    seen: Cow<'c, Heads>,
    given_up: Cow<'c, BTreeSet<String>>,
    ended: Cow<'c, BTreeSet<(String, String)>>,
    kept: Vec<Kept<'c>>,
}

/// A record that was verified when it was read from its chain.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept<'c> {
    clone: bool,
    /// The flags and counter of a security key.
    token: Option<(u8, u32)>,
    statement: Cow<'c, Statement>,
    manifest: String,
}

impl Kept<'_> {
    fn of(record: &Record) -> Kept<'_> {
        let verified = &record.verified;
        Kept {
            clone: record.clone,
            token: verified.token().map(|token| (token.flags, token.counter)),
            statement: Cow::Borrowed(verified.statement()),
            manifest: String::from_utf8_lossy(&record.manifest.encode()).into_owned(),
        }
    }

    /// The record; of its files, only what a gate needs is there.
    fn open(self, key: &Key, ids: &[RecordId]) -> Option<Record> {
        let token = self.token.map(|(flags, counter)| TokenUse { flags, counter });
        let statement = self.statement.into_owned();
        let id = *ids.get(usize::try_from(statement.predicate.chain.seq.0).ok()?.checked_sub(1)?)?;
        Some(Record {
            verified: Verified::recalled(statement, id, key.clone(), token),
            manifest: Manifest::recalled(&self.manifest)?,
            link: super::chain::Link::default(),
            clone: self.clone,
            rolling_hash: Default::default(),
        })
    }
}

impl Written<'_> {
    fn of(chain: &Chain) -> Written<'_> {
        Written {
            chain: chain.id.to_string(),
            key: chain.records.first().map(|record| record.verified.key().to_openssh()).unwrap_or_default(),
            ids: chain.ids.iter().map(Digest::to_string).collect(),
            counter: chain.counter,
            seen: Cow::Borrowed(&chain.seen),
            given_up: Cow::Borrowed(&chain.given_up),
            ended: Cow::Borrowed(&chain.ended),
            kept: chain.records.iter().map(|record| Kept::of(record)).collect(),
        }
    }

    /// The chain; none if this differs from what [`Written::of`] produces.
    fn open(self) -> Option<Chain> {
        let id: ChainId = self.chain.parse().ok()?;
        let digits = self.ids.as_bytes().chunks(64);
        let ids: Vec<RecordId> =
            digits.map(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).collect::<Option<_>>()?;
        let records = if self.kept.is_empty() {
            Vec::new()
        } else {
            let key = Key::from_openssh(&self.key).ok().filter(|key| key.id().to_string() == id.key)?;
            self.kept.into_iter().map(|kept| kept.open(&key, &ids).map(Arc::new)).collect::<Option<_>>()?
        };
        Some(Chain {
            records,
            ids: Arc::new(ids),
            given_up: Arc::new(self.given_up.into_owned()),
            ended: Arc::new(self.ended.into_owned()),
            seen: Arc::new(self.seen.into_owned()),
            counter: self.counter,
            ..Chain::empty(id)
        })
    }
}

impl Serialize for Abridged {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::of(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Abridged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Abridged, D::Error> {
        let chain = Written::deserialize(deserializer)?.open();
        chain.map(Abridged).ok_or_else(|| D::Error::custom("no chain is written so"))
    }
}

impl Chain {
    /// This chain without its spent records; none if it has a fault, since then nothing in it can be relied on.
    pub fn abridged(&self, obsolete: impl Fn(&Record) -> bool) -> Option<Abridged> {
        let is_sound = self.fault.is_none();
        is_sound.then(|| {
            let mut chain = self.clone();
            chain.let_go(obsolete);
            Abridged(chain)
        })
    }
}

impl Abridged {
    /// The chain, with the records that were kept.
    pub fn chain(&self) -> &Chain {
        &self.0
    }

    /// The approximate size in memory, in bytes.
    pub fn size(&self) -> usize {
        // Measured over 23,000 records of five paths each.
        const RECORD: usize = 3 << 10;
        const PATH: usize = 256;
        let paths: usize = self.0.records.iter().map(|record| record.manifest.len()).sum();
        self.0.ids.len() * size_of::<RecordId>() + self.0.records.len() * RECORD + paths * PATH
    }
}
