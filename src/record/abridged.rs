//! A chain without the records that can have no say any more: what a gate keeps, so that its cost follows the decisions that
//! stand and not all that were ever taken. Facts only, and only in a place where nobody else writes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::key::TokenUse;
use super::{Chain, ChainId, Heads, Key, Record, RecordId, Verified};
use crate::change::manifest::{Digest, Manifest};

/// As it is written down. Ids of all records stand one after the other, 64 hex digits each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abridged {
    chain: String,
    /// The one key of the chain, in OpenSSH's form; empty where no record is kept.
    key: String,
    ids: String,
    counter: u32,
    seen: Heads,
    given_up: Vec<String>,
    ended: Vec<(String, String)>,
    kept: Vec<Kept>,
}

/// A record that was verified when it was read from its chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    seq: usize,
    clone: bool,
    /// Flags and counter of a security key.
    token: Option<(u8, u32)>,
    payload: String,
    manifest: String,
}

impl Kept {
    fn of(record: &Record) -> Option<Kept> {
        let verified = &record.verified;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(Kept {
            seq: usize::try_from(record.predicate().chain.seq.0).ok()?,
            clone: record.clone,
            token: verified.token().map(|token| (token.flags, token.counter)),
            payload: text(verified.payload())?,
            manifest: text(&record.manifest.encode())?,
        })
    }

    /// The record; of its files nothing is there but what a gate asks for.
    fn open(&self, key: &Key, ids: &[RecordId]) -> Option<Record> {
        let token = self.token.map(|(flags, counter)| TokenUse { flags, counter });
        let id = *ids.get(self.seq.checked_sub(1)?)?;
        Some(Record {
            verified: Verified::recalled(self.payload.clone(), id, key.clone(), token)?,
            manifest: Manifest::recalled(&self.manifest)?,
            link: super::chain::Link::default(),
            clone: self.clone,
        })
    }
}

impl Chain {
    /// This chain without its spent records; none where it has a fault, since then nothing of it is to be relied on.
    pub fn abridged(&self, spent: impl Fn(&Record) -> bool) -> Option<Abridged> {
        if self.fault.is_some() {
            return None;
        }
        let (gone, kept): (Vec<_>, Vec<_>) = self.records.iter().partition(|record| spent(record));
        let mut ended = self.ended.clone();
        for record in gone {
            let predicate = record.predicate();
            ended.extend(predicate.supersedes.iter().map(|id| (predicate.principal.clone(), id.clone())));
        }
        Some(Abridged {
            chain: self.id.to_string(),
            key: kept.first().map(|record| record.verified.key().to_openssh()).unwrap_or_default(),
            ids: self.ids.iter().map(Digest::to_string).collect(),
            counter: self.counter,
            seen: self.seen.clone(),
            given_up: self.given_up.iter().cloned().collect(),
            ended: ended.into_iter().collect(),
            kept: kept.into_iter().map(|record| Kept::of(record)).collect::<Option<_>>()?,
        })
    }
}

impl Abridged {
    /// Bytes of what is written of it, about.
    pub fn size(&self) -> usize {
        let kept = |kept: &Kept| kept.payload.len() + kept.manifest.len();
        self.ids.len() + self.kept.iter().map(kept).sum::<usize>()
    }

    /// The chain, with the records that were kept; none where it is not as [`Chain::abridged`] writes it.
    pub fn open(&self) -> Option<Chain> {
        let id: ChainId = self.chain.parse().ok()?;
        let digits = self.ids.as_bytes().chunks(64);
        let ids: Vec<RecordId> =
            digits.map(|digits| std::str::from_utf8(digits).ok()?.parse().ok()).collect::<Option<_>>()?;
        let records = match &self.kept[..] {
            [] => Vec::new(),
            kept => {
                let key = Key::from_openssh(&self.key).ok().filter(|key| key.id().to_string() == id.key)?;
                kept.iter().map(|kept| kept.open(&key, &ids).map(Arc::new)).collect::<Option<_>>()?
            }
        };
        Some(Chain {
            records,
            ids,
            given_up: self.given_up.iter().cloned().collect(),
            ended: self.ended.iter().cloned().collect(),
            seen: self.seen.clone(),
            counter: self.counter,
            ..Chain::empty(id)
        })
    }
}
