//! A chain: the records of one key from one device, each naming the one before.

use std::fmt;

use super::{Fault, Verified, verify};
use crate::change::manifest::{Digest, Manifest};

/// Which chain: key and device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId {
    /// Hex key id.
    pub key: String,
    /// 16 hex digits, random for each device.
    pub device: String,
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.key, self.device)
    }
}

/// The files of one link, as they lie in its commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    pub envelope: Vec<u8>,
    pub manifest: Vec<u8>,
    pub findings: Vec<u8>,
}

/// A verified record with the manifest that it binds to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub verified: Verified,
    pub manifest: Manifest,
    pub envelope: Vec<u8>,
}

/// The sound records of a chain from the first on, and what stopped the reading, if anything did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub id: ChainId,
    pub records: Vec<Record>,
    /// The first link that is not sound: its position from 1, and why.
    pub fault: Option<(usize, Fault)>,
}

impl Chain {
    /// Reads links, oldest first. `None` is a link whose files could not be read as a link at all.
    pub fn read(id: ChainId, links: impl IntoIterator<Item = Option<Link>>) -> Chain {
        let mut chain = Chain { id, records: Vec::new(), fault: None };
        for (index, link) in links.into_iter().enumerate() {
            match link.ok_or(Fault::ChainLayout).and_then(|link| chain.check(link)) {
                Ok(record) => chain.records.push(record),
                Err(fault) => {
                    chain.fault = Some((index + 1, fault));
                    break;
                }
            }
        }
        chain
    }

    /// The `seq` and `prev` that the next record must carry.
    pub fn next(&self) -> (u64, String) {
        (self.records.len() as u64 + 1, self.records.last().map(|r| r.verified.id().to_string()).unwrap_or_default())
    }

    /// Checks a link that would follow the records so far.
    pub fn check(&self, link: Link) -> Result<Record, Fault> {
        let verified = verify(&link.envelope)?;
        let predicate = &verified.statement().predicate;
        let (seq, prev) = self.next();
        if verified.key_id().to_string() != self.id.key
            || predicate.chain.key != self.id.key
            || predicate.chain.id != self.id.device
        {
            return Err(Fault::ChainKey);
        }
        if predicate.chain.seq.0 != seq {
            return Err(Fault::ChainSeq);
        }
        if predicate.chain.prev != prev {
            return Err(Fault::ChainPrev);
        }
        let attached = Digest::of(&link.manifest).to_string() == predicate.manifest.sha256
            && Digest::of(&link.findings).to_string() == predicate.findings.sha256;
        let manifest = Manifest::decode(&link.manifest).filter(|_| attached).ok_or(Fault::ChainLayout)?;
        if manifest.len() as u64 != predicate.manifest.paths.0 {
            return Err(Fault::ChainLayout);
        }
        Ok(Record { verified, manifest, envelope: link.envelope })
    }
}

/// Of records whose keys belong to their principals, those that no later record of the same principal supersedes.
/// Who calls it has checked the keys: else anyone could end another person's rejection.
pub fn in_force<'c>(trusted: &[&'c Record]) -> Vec<&'c Record> {
    let superseded = |record: &Record| {
        let principal = &record.verified.statement().predicate.principal;
        trusted.iter().any(|other| {
            let predicate = &other.verified.statement().predicate;
            predicate.principal == *principal && predicate.supersedes(record.verified.id())
        })
    };
    trusted.iter().copied().filter(|record| !superseded(record)).collect()
}
