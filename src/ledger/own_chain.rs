//! The chains in which this clone signs. Each clone has its own: two clones that share a chain fork it as soon as both
//! sign, and one that was cloned anew lacks what the one before signed.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::commands::Family;
use crate::change::digest::Digest;
use crate::datafile::date;
use crate::disk::{read_small, write_atomically};
use crate::gate::CLOCK_SKEW;
use crate::gate::ref_names::AUTHORIZATIONS;
use crate::record::drill::{self, DrillRecord};
use crate::record::outcome::{self, OutcomeRecord};
use crate::record::{Chain, ChainId, Fault};
use crate::source::git::Repository;

/// A family of which each clone signs a chain of its own.
pub trait PerClone: Family {
    /// In the git directory: the id of the chain, and the digest of where the clone was when it began. A copy of a
    /// clone is elsewhere, and begins a chain of its own.
    const FILE: &'static str;
    /// What its chains are of.
    const NOUN: &'static str;
    /// The most records of one chain.
    const MAX_RECORDS: usize;

    /// The date of a record where those of a chain must be in order, in seconds since the epoch.
    fn ordered(&self) -> Option<i64> {
        None
    }
}

impl PerClone for OutcomeRecord {
    const FILE: &'static str = "undersign/outcome-chain";
    const NOUN: &'static str = "outcomes";
    const MAX_RECORDS: usize = outcome::MAX_RECORDS;
}

impl PerClone for DrillRecord {
    const FILE: &'static str = "undersign/drill-chain";
    const NOUN: &'static str = "drills";
    const MAX_RECORDS: usize = drill::MAX_RECORDS;

    fn ordered(&self) -> Option<i64> {
        Some(self.issued())
    }
}

/// More than that is not of this form.
const MAX_FILE: u64 = 200;

/// Where the next record is signed.
#[derive(Debug)]
pub struct OwnChain<R> {
    pub chain: Chain<R>,
    /// Why the chain so far is not continued, as a sentence.
    pub ended: Option<String>,
}

/// The chain of a key in this clone; a new one if there is none, or if the one so far cannot be continued. `known` are
/// the chains here and at remotes, joined; `fresh` is random; `now` is in seconds since the epoch.
///
/// # Errors
/// A sentence: which chain it is cannot be kept.
pub fn own_chain<R: PerClone>(
    repository: &Repository,
    key: &str,
    known: &[Chain<R>],
    fresh: [u8; 8],
    now: i64,
) -> Result<OwnChain<R>, String> {
    let file = OwnFile::of(repository, R::FILE, "");
    let of = |device: String| R::chain(repository, &ChainId { key: key.to_owned(), device });
    let mut ended = None;
    if let Some(chain) = file.kept().map(of) {
        let copy = known.iter().find(|copy| copy.id == chain.id);
        match why_ended(&chain, copy, now) {
            None => return Ok(OwnChain { chain, ended: None }),
            Some(why) => ended = Some(format!("A new chain of {} begins: {}{} {why}.", R::NOUN, R::PREFIX, chain.id)),
        }
    }
    let device = file.keep(base16ct::lower::encode_string(&fresh))?;
    Ok(OwnChain { chain: of(device), ended })
}

/// The id of the chains of decisions, on changes and on commands, that a key signs in this clone. Earlier versions had
/// one for a whole `device`; a clone that has it continues it. One that was copied to another device, where it may lie
/// in the same folder, does not. `fresh` is random.
///
/// # Errors
/// As for [`own_chain`].
pub fn decision_chain(repository: &Repository, key: &str, device: &str, fresh: [u8; 8]) -> Result<String, String> {
    let file = OwnFile::of(repository, "undersign/decision-chain", device);
    if let Some(id) = file.kept() {
        return Ok(id);
    }
    let is_here = |prefix: &str| repository.tip(&format!("{prefix}{key}/{device}")).is_some();
    // A file that names another place was copied with the clone, which then must not go on with the same chain.
    let continues = !file.path.exists() && (is_here(super::PREFIX) || is_here(AUTHORIZATIONS));
    file.keep(if continues { device.to_owned() } else { base16ct::lower::encode_string(&fresh) })
}

/// Where a clone keeps the id of a chain, with the digest of where the clone is.
struct OwnFile {
    path: PathBuf,
    place: String,
}

impl OwnFile {
    fn of(repository: &Repository, name: &str, device: &str) -> OwnFile {
        let common = repository.common_dir();
        let resolved = std::fs::canonicalize(common).unwrap_or_else(|_| common.into());
        let place = [device.as_bytes(), resolved.as_os_str().as_bytes()].concat();
        OwnFile { path: common.join(name), place: Digest::of(&place).to_string() }
    }

    fn kept(&self) -> Option<String> {
        kept_id(&read_small(&self.path, MAX_FILE), &self.place)
    }

    /// Returns the id.
    fn keep(&self, id: String) -> Result<String, String> {
        write_atomically(&self.path, format!("{id}\n{}\n", self.place).as_bytes())
            .map_err(|error| format!("{} cannot be written: {error}. Nothing was signed.", self.path.display()))?;
        Ok(id)
    }
}

fn kept_id(bytes: &[u8], place: &str) -> Option<String> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
    let (id, own) = (lines.next()?, lines.next()?);
    let is_id = id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (is_id && own == place).then(|| id.to_owned())
}

/// Why a chain is not continued, as the end of a sentence. `copy` is joined from all copies here.
fn why_ended<R: PerClone>(own: &Chain<R>, copy: Option<&Chain<R>>, now: i64) -> Option<String> {
    let last = own.records.last().and_then(|record| record.ordered());
    if let Some(last) = last.filter(|last| *last > now.saturating_add(CLOCK_SKEW)) {
        // What follows it in the chain would have to be dated as late, and would not count.
        let date = date(last);
        return Some(format!("ends with a record dated {date}, ahead of this clock, so that nothing after it counts"));
    }
    if let Some((position, fault)) = own.fault {
        return Some(format!("is damaged at record {position} ({fault}); restore it from another clone"));
    }
    if copy.is_some_and(|copy| copy.fault.is_some_and(|(_, fault)| fault == Fault::Forked)) {
        return Some("went different ways here and at a remote; see `undersign record repair`".to_owned());
    }
    if copy.is_some_and(|copy| copy.len() > own.len()) {
        return Some("has more records at a remote than here; `undersign sync` brings them".to_owned());
    }
    (own.len() >= R::MAX_RECORDS).then(|| format!("has {} records, the most that one may have", R::MAX_RECORDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_its_chain_and_a_copy_of_it_begins_another() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        git2::Repository::init_bare(at("one")).unwrap();
        let device = |name: &str, fresh| {
            let repository = Repository::open(&at(name)).unwrap();
            let own = own_chain::<OutcomeRecord>(&repository, &"a".repeat(64), &[], fresh, 0).unwrap();
            assert_eq!(own.ended, None);
            own.chain.id.device
        };
        let first = device("one", [1; 8]);
        assert_eq!(first, "0101010101010101");
        assert_eq!(device("one", [2; 8]), first);
        std::fs::create_dir_all(at("two/undersign")).unwrap();
        git2::Repository::init_bare(at("two")).unwrap();
        std::fs::copy(at("one").join(OutcomeRecord::FILE), at("two").join(OutcomeRecord::FILE)).unwrap();
        assert_eq!(device("two", [3; 8]), "0303030303030303");
        std::fs::write(at("two").join(OutcomeRecord::FILE), "0303\n").unwrap();
        assert_eq!(device("two", [4; 8]), "0404040404040404", "what is not of its form is written anew");
    }
    #[test]
    fn decisions_go_on_in_the_chain_that_is_here_and_in_no_other_clone() {
        let dir = tempfile::tempdir().unwrap();
        let (key, of_device) = ("a".repeat(64), "00000000000000dd");
        let clone = |name: &str| {
            let raw = git2::Repository::init_bare(dir.path().join(name)).unwrap();
            let tree = raw.find_tree(raw.treebuilder(None).unwrap().write().unwrap()).unwrap();
            let who = git2::Signature::new("dana", "dana@example.com", &git2::Time::new(0, 0)).unwrap();
            let tip = raw.commit(None, &who, &who, "", &tree, &[]).unwrap();
            (Repository::open(&dir.path().join(name)).unwrap(), tip)
        };
        let chain =
            |repository: &Repository, fresh: u8| decision_chain(repository, &key, of_device, [fresh; 8]).unwrap();
        let (old, tip) = clone("old");
        old.raw.reference(&format!("{}{key}/{of_device}", crate::ledger::PREFIX), tip, false, "").unwrap();
        assert_eq!((chain(&old, 1), chain(&old, 2)), (of_device.to_owned(), of_device.to_owned()));
        // What a remote has of it was signed in another clone.
        let (new, tip) = clone("new");
        let there = format!("{}{key}/{of_device}", crate::ledger::remote_prefix("origin"));
        new.raw.reference(&there, tip, false, "").unwrap();
        assert_eq!((chain(&new, 3), chain(&new, 4)), ("03".repeat(8), "03".repeat(8)));
        // In the same folder on another device.
        assert_eq!(decision_chain(&new, &key, "00000000000000ee", [6; 8]).unwrap(), "06".repeat(8));
        // A copy of the old clone has its chain and its file.
        let (copy, tip) = clone("copy");
        copy.raw.reference(&format!("{}{key}/{of_device}", crate::ledger::PREFIX), tip, false, "").unwrap();
        std::fs::create_dir_all(copy.common_dir().join("undersign")).unwrap();
        let file = "undersign/decision-chain";
        std::fs::copy(old.common_dir().join(file), copy.common_dir().join(file)).unwrap();
        assert_eq!(chain(&copy, 5), "05".repeat(8));
    }
}
