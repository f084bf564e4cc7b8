//! The chain of outcomes, or of drills, in which this clone signs. Decisions have one chain for each device; these have
//! one for each clone: nothing depends on their order, and two clones that share a chain fork it as soon as both sign.

use std::os::unix::ffi::OsStrExt as _;

use super::commands::Family;
use crate::change::digest::Digest;
use crate::datafile::date;
use crate::disk::{read_small, write_atomically};
use crate::gate::CLOCK_SKEW;
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
    let path = repository.common_dir().join(R::FILE);
    let resolved = std::fs::canonicalize(repository.common_dir()).unwrap_or_else(|_| repository.common_dir().into());
    let place = Digest::of(resolved.as_os_str().as_bytes()).to_string();
    let kept = kept_id(&read_small(&path, MAX_FILE), &place);
    let of = |device: String| R::chain(repository, &ChainId { key: key.to_owned(), device });
    let mut ended = None;
    if let Some(chain) = kept.map(of) {
        let copy = known.iter().find(|copy| copy.id == chain.id);
        match why_ended(&chain, copy, now) {
            None => return Ok(OwnChain { chain, ended: None }),
            Some(why) => ended = Some(format!("A new chain of {} begins: {}{} {why}.", R::NOUN, R::PREFIX, chain.id)),
        }
    }
    let device = base16ct::lower::encode_string(&fresh);
    write_atomically(&path, format!("{device}\n{place}\n").as_bytes())
        .map_err(|error| format!("{} cannot be written: {error}. Nothing was signed.", path.display()))?;
    Ok(OwnChain { chain: of(device), ended })
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
}
