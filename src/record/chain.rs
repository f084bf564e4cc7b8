//! A chain: the records of one key from one device, each naming the one before.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use super::statement::is_hex;
use super::{Entry, Fault, Head, Heads, RecordId, Signable, Statement, Verified, verify_as};
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;

/// Identifies a chain: key and device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId {
    /// The key id in hex.
    pub key: String,
    /// 16 hex digits, random for each device.
    pub device: String,
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.key, self.device)
    }
}

impl FromStr for ChainId {
    type Err = Fault;

    fn from_str(text: &str) -> Result<ChainId, Fault> {
        let (key, device) = text.split_once('/').ok_or(Fault::ChainLayout)?;
        let sound = is_hex(key, 64) && is_hex(device, 16);
        sound.then(|| ChainId { key: key.to_owned(), device: device.to_owned() }).ok_or(Fault::ChainLayout)
    }
}

/// The files of one link, as in its commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// The name of the envelope's file: [`file_name`] of its `seq`.
    pub name: String,
    /// The bytes of the envelope.
    pub envelope: Vec<u8>,
    /// The files beside it, by name: for a decision [`MANIFEST_FILE`] and [`FINDINGS_FILE`], and nothing else.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Link {
    /// The link of a decision: with the bytes of its manifest, `SPEC.md`, section 4, and those of its findings, which
    /// may have any form and are bound only by their digest.
    pub fn of_decision(seq: u64, envelope: Vec<u8>, manifest: Vec<u8>, findings: Vec<u8>) -> Link {
        let files = [(MANIFEST_FILE.to_owned(), manifest), (FINDINGS_FILE.to_owned(), findings)];
        Link { name: file_name(seq), envelope, files: files.into() }
    }

    /// The bytes of a file; none if there is no file of that name.
    pub fn file(&self, name: &str) -> &[u8] {
        self.files.get(name).map_or(&[], Vec::as_slice)
    }

    /// The size of all files in bytes.
    pub fn size(&self) -> usize {
        self.envelope.len() + self.files.values().map(Vec::len).sum::<usize>()
    }
}

/// The name of the file in a link that contains its manifest.
pub const MANIFEST_FILE: &str = "manifest";
/// The name of the file in a link that contains its findings.
pub const FINDINGS_FILE: &str = "findings.json";
/// Git's mode of each file of a link: nobody signed what a symbolic link, a folder or a program would mean.
pub const FILE_MODE: i32 = 0o100_644;
/// The number of files in the link of a decision.
pub const FILES: usize = 3;

/// `000017.dsse.json`
pub fn file_name(seq: u64) -> String {
    format!("{seq:06}.dsse.json")
}

/// A verified record at its position, with the manifest that it binds to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What the signature covers.
    pub verified: Verified,
    /// Sorted by path; its digest is the signed one.
    pub manifest: Manifest,
    /// The files, as they were read.
    pub link: Link,
    /// The counter of the security key did not grow since an earlier record of the chain: there are two copies of the
    /// key, or the counter was reset. The record is valid, and counts for nothing.
    pub clone: bool,
    pub(super) rolling_hash: Memo<u64>,
}

/// A value that is computed from the rest when it is first needed: not part of what is compared.
#[derive(Debug, Clone)]
pub(super) struct Memo<T>(OnceLock<T>);

impl<T> Default for Memo<T> {
    fn default() -> Memo<T> {
        Memo(OnceLock::new())
    }
}

impl<T> PartialEq for Memo<T> {
    fn eq(&self, _: &Memo<T>) -> bool {
        true
    }
}

impl<T> Eq for Memo<T> {}

impl Record {
    /// [`Manifest::rolling_hash`], cached: a long-running gate needs it for every approval in every push.
    pub fn rolling_hash(&self) -> u64 {
        *self.rolling_hash.0.get_or_init(|| self.manifest.rolling_hash())
    }

    /// SHA-256 of the signed payload: never of the envelope, which has several spellings.
    pub fn id(&self) -> RecordId {
        self.verified.id()
    }

    /// What was signed, without its in-toto frame.
    pub fn predicate(&self) -> &super::statement::Predicate {
        &self.verified.statement().predicate
    }
}

impl Entry for Record {
    type Statement = Statement;

    fn new(verified: Verified, link: Link, clone: bool) -> Result<Record, Fault> {
        let predicate = &verified.statement().predicate;
        let is_signed = |name: &str, signed: &str| {
            link.files.get(name).is_some_and(|bytes| Digest::of(bytes).to_string() == signed)
        };
        if link.files.len() + 1 != FILES
            || !is_signed(MANIFEST_FILE, &predicate.manifest.sha256)
            || !is_signed(FINDINGS_FILE, &predicate.findings.sha256)
        {
            return Err(Fault::Attachment);
        }
        let manifest = Manifest::decode(link.file(MANIFEST_FILE)).ok_or(Fault::ManifestMalformed)?;
        if manifest.len() as u64 != predicate.manifest.paths.0 {
            return Err(Fault::ManifestMalformed);
        }
        Ok(Record { verified, manifest, link, clone, rolling_hash: Memo::default() })
    }

    fn verified(&self) -> &Verified {
        &self.verified
    }

    fn is_clone(&self) -> bool {
        self.clone
    }
}

/// The valid records of a chain from the first on, and what stopped the reading, if anything did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain<R = Record> {
    /// The key and the device of the chain.
    pub id: ChainId,
    /// All records, or those that were kept: see [`super::Abridged`].
    pub records: Vec<Arc<R>>,
    /// The ids of all records, kept or not. Shared, like everything that grows with the chain: a long-running gate
    /// copies each chain for each push.
    pub(super) ids: Arc<Vec<RecordId>>,
    /// The heads of branches that the owner gave up, by record.
    pub(super) given_up: Arc<BTreeSet<String>>,
    /// What records that were not kept supersede, with their principals.
    pub(super) ended: Arc<BTreeSet<(String, String)>>,
    /// The first invalid link: its position from 1, and its fault.
    pub fault: Option<(usize, Fault)>,
    /// What the records say about other chains.
    pub seen: Arc<Heads>,
    /// The highest counter so far, for a key that counts.
    pub(super) counter: u32,
}

impl<R: Entry> Chain<R> {
    /// A chain without records: where reading one starts.
    pub fn empty(id: ChainId) -> Chain<R> {
        Chain {
            id,
            records: Vec::new(),
            ids: Arc::default(),
            given_up: Arc::default(),
            ended: Arc::default(),
            fault: None,
            seen: Arc::default(),
            counter: 0,
        }
    }

    /// Reads links, oldest first. `None` is something that could not be read as a link at all.
    pub fn read(id: ChainId, links: impl IntoIterator<Item = Option<Link>>) -> Chain<R> {
        let mut chain = Chain::empty(id);
        chain.extend(links);
        chain
    }

    /// Reads further links, up to the first invalid one.
    pub fn extend(&mut self, links: impl IntoIterator<Item = Option<Link>>) {
        self.extend_verified(links.into_iter().map(|link| {
            let link = link?;
            Some((verify_as(&link.envelope), link))
        }));
    }

    /// Like [`Chain::extend`], for links whose envelopes were already verified, perhaps on several threads.
    pub fn extend_verified(
        &mut self,
        links: impl IntoIterator<Item = Option<(Result<Verified<R::Statement>, Fault>, Link)>>,
    ) {
        let mut links = links.into_iter();
        while self.fault.is_none()
            && let Some(link) = links.next()
        {
            let placed = link.ok_or(Fault::ChainLayout).and_then(|(verified, link)| self.place(verified?, link));
            match placed {
                Ok(record) => self.push(record),
                Err(fault) => self.fault = Some((self.ids.len() + 1, fault)),
            }
        }
    }

    fn push(&mut self, record: R) {
        let (verified, statement) = (record.verified(), record.verified().statement());
        self.counter = verified.token().map_or(0, |token| token.counter).max(self.counter);
        for seen in statement.seen() {
            // Their form was checked when the statement was read.
            if let (Ok(chain), Ok(id)) = (seen.chain.parse(), seen.record.parse()) {
                Arc::make_mut(&mut self.seen).learn(chain, Some(Head { seq: seen.seq.0, record: id }));
            }
        }
        let forks = &statement.place().forks;
        if !record.is_clone() && !forks.is_empty() {
            Arc::make_mut(&mut self.given_up).extend(forks.iter().cloned());
        }
        Arc::make_mut(&mut self.ids).push(verified.id());
        self.records.push(Arc::new(record));
    }

    /// The number of valid records, kept or not.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether it has no valid record.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The chain as it was when all its records were known: up to the first that `known` denies. For a look back; the
    /// rest still exists, so what `seen` says about other chains is omitted.
    pub fn until(&self, known: impl Fn(&R) -> bool) -> Chain<R> {
        let records: Vec<_> = self.records.iter().take_while(|record| known(record)).cloned().collect();
        let ids = records.iter().map(|record| record.verified().id()).collect();
        Chain { records, ids: Arc::new(ids), counter: self.counter, ..Chain::empty(self.id.clone()) }
    }

    /// The same chain with only some of its records, for a look back that needs no others. It has no fault, and says
    /// nothing about other chains: it answers questions about these records, and does not represent the whole chain.
    pub fn only(&self, records: Vec<Arc<R>>) -> Chain<R> {
        Chain { records, ids: self.ids.clone(), ..Chain::empty(self.id.clone()) }
    }

    /// The position of the last valid record.
    pub fn head(&self) -> Option<Head> {
        self.ids.last().map(|&record| Head { seq: self.ids.len() as u64, record })
    }

    /// The number of records that another copy of the chain has as well, from the first on.
    pub fn shared_with(&self, other: &Chain<R>) -> usize {
        self.ids.iter().zip(other.ids.iter()).take_while(|(own, other)| own == other).count()
    }

    /// Whether two copies of the chain go different ways: each has a record that the other does not have.
    pub fn is_forked_from(&self, other: &Chain<R>) -> bool {
        let shared = self.shared_with(other);
        shared < self.len() && shared < other.len()
    }

    /// Whether the record at `seq` (from 1) has this id, in hex.
    pub fn has(&self, seq: u64, record: &str) -> bool {
        let at = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        at.and_then(|at| self.ids.get(at)).is_some_and(|held| held.to_string() == record)
    }

    /// The `seq` and `prev` that the next record must contain.
    pub fn next(&self) -> (u64, String) {
        (self.ids.len() as u64 + 1, self.ids.last().map(ToString::to_string).unwrap_or_default())
    }

    /// Checks a link as the next one after the records so far.
    pub fn check(&self, link: Link) -> Result<R, Fault> {
        self.place(verify_as(&link.envelope)?, link)
    }

    fn place(&self, verified: Verified<R::Statement>, link: Link) -> Result<R, Fault> {
        let own = verified.statement().place();
        if verified.key().id().to_string() != self.id.key || own.key != self.id.key || own.id != self.id.device {
            return Err(Fault::ChainKey);
        }
        let (seq, prev) = self.next();
        match own.seq.0 {
            signed if signed > seq => return Err(Fault::ChainGap),
            signed if signed < seq => return Err(Fault::ChainRepeat),
            _ => {}
        }
        if own.prev != prev {
            return Err(Fault::ChainPrev);
        }
        if link.name != file_name(seq) {
            return Err(Fault::ChainLayout);
        }
        // A key that always reports 0 does not count.
        let clone = verified.token().is_some_and(|token| token.counter <= self.counter && self.counter > 0);
        R::new(verified, link, clone)
    }

    /// Whether the chain still contains what was known of it.
    ///
    /// # Errors
    /// [`Fault::Rewound`] if the chain ends before it, [`Fault::Forked`] if another record is at its position and no
    /// later `repair` of the key's owner names the one that was known.
    pub fn holds(&self, known: Head) -> Result<(), Fault> {
        let at = usize::try_from(known.seq).ok().and_then(|seq| seq.checked_sub(1)).ok_or(Fault::Rewound)?;
        match self.ids.get(at) {
            Some(&record) if record == known.record => Ok(()),
            Some(_) if self.has_repaired(known.record) => Ok(()),
            Some(_) => Err(Fault::Forked),
            None if self.has_repaired(known.record) => Ok(()),
            None => Err(Fault::Rewound),
        }
    }

    /// Whether a record of this chain names another as the head of a branch that was given up.
    fn has_repaired(&self, record: RecordId) -> bool {
        self.given_up.contains(&record.to_string())
    }

    /// Joins copies of one chain from several places: the longest, if it contains what the others contain. Of two
    /// copies of equal length, the one with a fault, since something came after it.
    pub fn join(mut copies: Vec<Chain<R>>) -> Option<Chain<R>> {
        let (longest, _) = copies.iter().enumerate().max_by_key(|(_, copy)| (copy.len(), copy.fault.is_some()))?;
        let mut joined = copies.swap_remove(longest);
        let forked = copies.iter().filter_map(Chain::head).find_map(|head| joined.holds(head).err().map(|_| head.seq));
        if let Some(seq) = forked {
            joined.fault = Some((seq as usize, Fault::Forked));
        }
        Some(joined)
    }
}

impl Chain {
    /// Drops records that no longer matter; of the others it drops the files as read, which are needed only to export a
    /// record.
    pub fn let_go(&mut self, is_over: impl Fn(&Record) -> bool) {
        let (gone, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.records).into_iter().partition(|record| is_over(record));
        for record in gone.iter().filter(|record| !record.predicate().supersedes.is_empty()) {
            let predicate = record.predicate();
            Arc::make_mut(&mut self.ended)
                .extend(predicate.supersedes.iter().map(|id| (predicate.principal.clone(), id.clone())));
        }
        self.records = kept;
        for record in self.records.iter_mut().filter(|record| !record.link.envelope.is_empty()) {
            Arc::make_mut(record).link = Link::default();
        }
    }

    /// The ids that records which were not kept supersede, each with the principal whose records they may be.
    pub fn ended(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ended.iter().map(|(principal, id)| (principal.as_str(), id.as_str()))
    }
}

/// What records supersede: principal and id. A record can only supersede records of its own principal.
#[derive(Default)]
pub struct Superseded<'c> {
    ids: HashSet<(&'c str, RecordId)>,
    /// Whether an id begins with these two bytes. A gate asks of every record of its ledger, and nearly none is
    /// superseded: most answers need no hash.
    beginnings: Vec<bool>,
}

impl<'c> Superseded<'c> {
    /// What these records supersede.
    pub fn by(trusted: impl Iterator<Item = &'c Record>) -> Superseded<'c> {
        let named = |record: &'c Record| {
            let predicate = record.predicate();
            predicate.supersedes.iter().map(|id| (predicate.principal.as_str(), id.as_str()))
        };
        Superseded::of(trusted.flat_map(named))
    }

    /// Of principals and the ids that are superseded for them. What is not an id is the id of nothing.
    pub fn of(named: impl Iterator<Item = (&'c str, &'c str)>) -> Superseded<'c> {
        let ids: HashSet<_> = named.filter_map(|(principal, id)| Some((principal, id.parse().ok()?))).collect();
        let mut beginnings = vec![false; if ids.is_empty() { 0 } else { 1 << 16 }];
        for (_, id) in &ids {
            beginnings[beginning(id)] = true;
        }
        Superseded { ids, beginnings }
    }

    /// Whether this record is superseded.
    pub fn has(&self, record: &Record) -> bool {
        let id = record.id();
        self.beginnings.get(beginning(&id)).is_some_and(|begins| *begins)
            && self.ids.contains(&(record.predicate().principal.as_str(), id))
    }
}

fn beginning(id: &RecordId) -> usize {
    usize::from(id.0[0]) << 8 | usize::from(id.0[1])
}

/// Of records whose keys belong to their principals, those that no other record of the same principal supersedes.
/// The caller must have checked the keys: otherwise anyone could end another person's rejection.
pub fn in_force<'c>(trusted: &[&'c Record]) -> Vec<&'c Record> {
    let superseded = Superseded::by(trusted.iter().copied());
    trusted.iter().copied().filter(|record| !superseded.has(record)).collect()
}
