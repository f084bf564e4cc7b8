//! The chains in which this clone signs. Each clone has its own: two clones that share a chain fork it as soon as both
//! sign, and one that was cloned anew lacks what the one before signed. So one that cannot be sure to have all of a
//! chain begins another; a chain more harms nobody.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use git2::Oid;

use super::families::{Family, remote_prefix_of};
use super::remotes::remote_names;
use super::{PREFIX, remote_prefix};
use crate::change::digest::Digest;
use crate::command::AuthorizationRecord;
use crate::command::drill_statement::CommandDrillRecord;
use crate::datafile::date;
use crate::disk::{read_small, write_atomically};
use crate::gate::CLOCK_SKEW;
use crate::gate::ref_names::AUTHORIZATIONS;
use crate::record::drill::{self, DrillRecord, OfDrill as _};
use crate::record::outcome::{self, OutcomeRecord};
use crate::record::{Chain, ChainId, Fault};
use crate::source::git::{Repository, oid};

/// A family of which each clone signs a chain of its own.
pub trait PerClone: Family {
    /// In the git directory: the ids of the chains, each with the digest of where the clone was when it began. A copy
    /// of a clone is elsewhere, and begins a chain of its own.
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

impl PerClone for CommandDrillRecord {
    const FILE: &'static str = "undersign/command-drill-chain";
    const NOUN: &'static str = "command drills";
    const MAX_RECORDS: usize = drill::MAX_RECORDS;

    fn ordered(&self) -> Option<i64> {
        Some(self.issued())
    }
}

/// More than that is not of this form.
const MAX_FILE: u64 = 8 << 10;
/// The most places of which a clone keeps the chain: as many as fit into the file.
const MAX_PLACES: usize = 64;

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
    let file = OwnFile::of(repository, R::FILE, key, "");
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

/// The id of the chains of decisions, on changes and on commands, that a key signs in this clone: that of the last
/// time, if nothing of it is missing here, else a new one. Earlier versions had one for a whole `device`; a clone that
/// has it continues it. One that was copied to another device, where it may lie in the same folder, does not. `fresh`
/// is random.
///
/// # Errors
/// As for [`own_chain`].
pub fn decision_chain(repository: &Repository, key: &str, device: &str, fresh: [u8; 8]) -> Result<String, String> {
    let file = OwnFile::of(repository, "undersign/decision-chain", key, device);
    if let Some(id) = file.kept().filter(|id| has_all(repository, &format!("{key}/{id}"))) {
        return Ok(id);
    }
    // A file that names another place was copied with the clone, which then must not go on with the same chain.
    let continues = !file.path.exists() && has_all(repository, &format!("{key}/{device}"));
    file.keep(if continues { device.to_owned() } else { base16ct::lower::encode_string(&fresh) })
}

/// Whether a chain of decisions is here, with all that a remote was seen to have of it. If its ref was lost, nobody
/// knows how far it went; what is only at a remote may have been signed by a clone that this one is a copy of.
fn has_all(repository: &Repository, id: &str) -> bool {
    let tips = |there: fn(&str) -> String, own: &str| {
        let own = repository.tip(&format!("{own}{id}")).map(oid);
        let names = remote_names(repository).unwrap_or_default().into_iter();
        let there: Vec<Oid> =
            names.filter_map(|name| repository.tip(&format!("{}{id}", there(&name)))).map(oid).collect();
        (own, there)
    };
    let is_behind = |own: Option<Oid>, there: Vec<Oid>| {
        let holds_own = |tip: Oid| own.is_none_or(|own| repository.raw.graph_descendant_of(tip, own).unwrap_or(true));
        there.into_iter().any(holds_own)
    };
    let (decisions, there) = tips(remote_prefix, PREFIX);
    let (commands, of_commands) = tips(remote_prefix_of::<AuthorizationRecord>, AUTHORIZATIONS);
    let is_here = decisions.is_some() || commands.is_some();
    is_here && !is_behind(decisions, there) && !is_behind(commands, of_commands)
}

/// Where a clone keeps the ids of chains, each with the digest of where the clone was: a clone that a container shows
/// under another path has one for each.
struct OwnFile {
    path: PathBuf,
    place: String,
}

impl OwnFile {
    fn of(repository: &Repository, name: &str, key: &str, device: &str) -> OwnFile {
        let common = repository.common_dir();
        let resolved = std::fs::canonicalize(common).unwrap_or_else(|_| common.into());
        // A copy that is put where the clone was, as from a backup, is younger. Not every file system knows.
        let born = std::fs::metadata(&resolved).and_then(|found| found.created()).ok();
        let born = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok()).unwrap_or_default().as_nanos();
        let place = [key.as_bytes(), device.as_bytes(), &born.to_be_bytes(), resolved.as_os_str().as_bytes()].concat();
        OwnFile { path: common.join(name), place: Digest::of(&place).to_string() }
    }

    /// The ids and places, the newest first; none if the file is not of this form.
    fn all(&self) -> Vec<(String, String)> {
        let bytes = read_small(&self.path, MAX_FILE);
        let lines: Vec<&str> = std::str::from_utf8(&bytes).unwrap_or_default().lines().collect();
        let is_id = |id: &str| id.len() == 16 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let pairs = lines.chunks_exact(2).filter(|pair| is_id(pair[0]));
        pairs.map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
    }

    fn kept(&self) -> Option<String> {
        self.all().into_iter().find(|(_, place)| *place == self.place).map(|(id, _)| id)
    }

    /// Returns the id.
    fn keep(&self, id: String) -> Result<String, String> {
        let others = self.all().into_iter().filter(|(_, place)| *place != self.place);
        let all = std::iter::once((id.clone(), self.place.clone())).chain(others).take(MAX_PLACES);
        let text: String = all.map(|(id, place)| format!("{id}\n{place}\n")).collect();
        write_atomically(&self.path, text.as_bytes())
            .map_err(|error| format!("{} cannot be written: {error}. Nothing was signed.", self.path.display()))?;
        Ok(id)
    }
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
        assert_eq!(chain(&new, 3), "03".repeat(8));
        let own = |id: &str| format!("{}{key}/{id}", crate::ledger::PREFIX);
        new.raw.reference(&own("0303030303030303"), tip, false, "").unwrap();
        assert_eq!(chain(&new, 4), "03".repeat(8), "it goes on in what it began");
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

    #[test]
    fn a_chain_of_which_something_is_missing_is_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(dir.path()).unwrap();
        let (key, tree) = ("a".repeat(64), raw.treebuilder(None).unwrap().write().unwrap());
        let tree = raw.find_tree(tree).unwrap();
        let who = git2::Signature::new("dana", "dana@example.com", &git2::Time::new(0, 0)).unwrap();
        let first = raw.commit(None, &who, &who, "", &tree, &[]).unwrap();
        let second = raw.commit(None, &who, &who, "", &tree, &[&raw.find_commit(first).unwrap()]).unwrap();
        raw.remote("origin", "https://example.com/x").unwrap();
        let set = |name: &str, tip: git2::Oid| drop(raw.reference(name, tip, true, "").unwrap());
        let repository = Repository::open(dir.path()).unwrap();
        let chain = |fresh: u8| decision_chain(&repository, &key, "00000000000000dd", [fresh; 8]).unwrap();
        let own = |fresh: u8| format!("{PREFIX}{key}/{}", format!("{fresh:02x}").repeat(8));
        let there = |fresh: u8| own(fresh).replace(PREFIX, &remote_prefix("origin"));
        chain(1);
        set(&own(1), first);
        assert_eq!(chain(2), "01".repeat(8));
        set(&there(1), first);
        assert_eq!(chain(2), "01".repeat(8), "a remote has as much");
        set(&there(1), second);
        assert_eq!(chain(2), "02".repeat(8), "a remote has more");
        set(&own(2), second);
        set(&there(2), first);
        assert_eq!(chain(3), "02".repeat(8), "a remote has less");
        raw.find_reference(&own(2)).unwrap().delete().unwrap();
        assert_eq!(chain(3), "03".repeat(8), "the ref was lost");
        set(&format!("{AUTHORIZATIONS}{key}/{}", "03".repeat(8)), first);
        assert_eq!(chain(4), "03".repeat(8), "it has decisions on commands only");
        set(&there(3), first);
        assert_eq!(chain(4), "04".repeat(8), "the ref of those on changes was lost");
        // Another key signs in a chain of its own, and takes nothing from this one.
        set(&own(4), first);
        let other = decision_chain(&repository, &"b".repeat(64), "00000000000000dd", [5; 8]).unwrap();
        assert_eq!((other, chain(6)), ("05".repeat(8), "04".repeat(8)));
    }

    #[test]
    fn a_clone_that_is_seen_under_two_paths_has_one_chain_for_each() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        git2::Repository::init_bare(at("host")).unwrap();
        let device = |name: &str, fresh| {
            let repository = Repository::open(&at(name)).unwrap();
            own_chain::<OutcomeRecord>(&repository, &"a".repeat(64), &[], [fresh; 8], 0).unwrap().chain.id.device
        };
        let host = device("host", 1);
        std::fs::rename(at("host"), at("container")).unwrap();
        let container = device("container", 2);
        assert_ne!(host, container);
        for turn in 3..6 {
            std::fs::rename(at("container"), at("host")).unwrap();
            assert_eq!(device("host", turn), host);
            std::fs::rename(at("host"), at("container")).unwrap();
            assert_eq!(device("container", turn), container);
        }
        if std::fs::metadata(at("container")).unwrap().created().is_err() {
            return;
        }
        // A copy that takes the place of the clone is another one.
        assert!(
            std::process::Command::new("cp").arg("-a").args([at("container"), at("copy")]).status().unwrap().success()
        );
        std::fs::remove_dir_all(at("container")).unwrap();
        std::fs::rename(at("copy"), at("container")).unwrap();
        assert_eq!(device("container", 7), "07".repeat(8));
    }
}
