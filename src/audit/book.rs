//! The ledger, read once, with queries for what was known at a given time. A landing is judged by the records that
//! could affect it, not by all records: so the cost depends on what landed.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::line::Wanted;
use crate::change::RepoPath;
use crate::decision::Verdict;
use crate::gate::Receipts;
use crate::record::{Chain, Record, RecordId};

/// A record, by its chain and its position in it.
type At = (usize, usize);

/// Records of other content for the same paths that a judgement gets, to explain its refusals: at most this many, known
/// for at most this many seconds, since the gate searches the history between them.
const MAX_NEAR: usize = 5;
const NEAR: i64 = 30 * 24 * 3600;

pub struct Book {
    chains: Vec<Chain>,
    /// By chain and position: since when the record is known.
    known: Vec<Vec<i64>>,
    by_id: HashMap<RecordId, At>,
    by_manifest: HashMap<String, Vec<At>>,
    by_path: HashMap<RepoPath, Vec<At>>,
    /// Records that end others, by the record that they end.
    enders: HashMap<RecordId, Vec<At>>,
    /// Rejections, emergencies with their reviews, and records that end or take over others: they may affect any
    /// judgement.
    always: Vec<At>,
}

/// Whether a record lets something land.
fn lands(record: &Record) -> bool {
    matches!(record.predicate().verdict, Verdict::Approve | Verdict::BreakGlass)
}

impl Book {
    /// `known_at` returns when a record was first known.
    pub fn of(chains: Vec<Chain>, known_at: impl Fn(&Chain, &Record) -> i64) -> Book {
        let mut book = Book {
            known: Vec::with_capacity(chains.len()),
            chains: Vec::new(),
            by_id: HashMap::new(),
            by_manifest: HashMap::new(),
            by_path: HashMap::new(),
            enders: HashMap::new(),
            always: Vec::new(),
        };
        let emergencies: HashSet<&str> = chains
            .iter()
            .flat_map(|chain| &chain.records)
            .filter(|record| record.predicate().verdict == Verdict::BreakGlass)
            .map(|record| record.predicate().manifest.sha256.as_str())
            .collect();
        for (at, chain) in chains.iter().enumerate() {
            let (mut times, mut latest) = (Vec::with_capacity(chain.records.len()), i64::MIN);
            for (place, record) in chain.records.iter().enumerate() {
                // Nobody had a record before its predecessor in the chain.
                latest = latest.max(known_at(chain, record));
                times.push(latest);
                book.enter((at, place), record, &emergencies);
            }
            book.known.push(times);
        }
        drop(emergencies);
        Book { chains, ..book }
    }

    fn enter(&mut self, at: At, record: &Record, emergencies: &HashSet<&str>) {
        let predicate = record.predicate();
        self.by_id.insert(record.id(), at);
        self.by_manifest.entry(predicate.manifest.sha256.clone()).or_default().push(at);
        let is_review = emergencies.contains(predicate.manifest.sha256.as_str());
        if is_review || !matches!(predicate.verdict, Verdict::Approve | Verdict::HumanOnly) {
            self.always.push(at);
        }
        if lands(record) {
            record.manifest.paths().for_each(|path| self.by_path.entry(path.clone()).or_default().push(at));
        }
        for ended in predicate.supersedes.iter().filter_map(|id| id.parse().ok()) {
            self.enders.entry(ended).or_default().push(at);
        }
    }

    pub fn chains(&self) -> &[Chain] {
        &self.chains
    }

    fn record(&self, (chain, place): At) -> &Record {
        &self.chains[chain].records[place]
    }

    fn known_from(&self, (chain, place): At) -> i64 {
        self.known[chain][place]
    }

    pub fn by_id(&self, id: &str) -> Option<&Record> {
        Some(self.record(*self.by_id.get(&id.parse().ok()?)?))
    }

    /// Since when the record with this id is known.
    pub fn known_since(&self, id: &str) -> Option<i64> {
        Some(self.known_from(*self.by_id.get(&id.parse().ok()?)?))
    }

    /// The records for this content, with the time when each became known.
    pub fn of_manifest(&self, manifest: &str) -> impl Iterator<Item = (&Record, i64)> {
        let of = self.by_manifest.get(manifest).into_iter().flatten();
        of.map(|at| (self.record(*at), self.known_from(*at)))
    }

    /// The records that let something land, with the time when each became known.
    pub fn landing(&self) -> impl Iterator<Item = (&Record, i64)> {
        let all = self.by_id.values().map(|at| (self.record(*at), self.known_from(*at)));
        all.filter(|(record, _)| lands(record))
    }

    /// The records by which their owners end this one, with the time when each became known.
    pub fn enders(&self, id: RecordId) -> impl Iterator<Item = (&Record, i64)> {
        self.enders.get(&id).into_iter().flatten().map(|at| (self.record(*at), self.known_from(*at)))
    }

    /// The content that anybody let land on a ref, each once; and what to look for in the steps to find it.
    pub fn wanted(&self, name: &str) -> (Vec<&Record>, Wanted) {
        let (mut records, mut wanted, mut once) = (Vec::new(), Wanted::default(), BTreeSet::new());
        for record in self.chains.iter().flat_map(|chain| &chain.records).filter(|record| lands(record)) {
            let predicate = record.predicate();
            let is_new = predicate.target.name == name && once.insert(predicate.manifest.sha256.as_str());
            let Some(mark) = super::cut::mark(&record.manifest).filter(|_| is_new) else { continue };
            wanted.marks.entry(mark).or_default().push(records.len() as u32);
            wanted.paths.extend(record.manifest.paths().cloned());
            records.push(&**record);
        }
        (records, wanted)
    }

    /// The records, as chains, that may affect the judgement of this content at a time, with when they became known.
    pub fn as_of(&self, manifest: &str, near: &[RepoPath], until: i64) -> (Vec<Chain>, Receipts) {
        let mut chosen: BTreeSet<At> = self.always.iter().copied().collect();
        chosen.extend(self.by_manifest.get(manifest).into_iter().flatten());
        let paths = near.iter().flat_map(|path| self.by_path.get(path).into_iter().flatten());
        let is_near = |at: &&At| (until.saturating_sub(NEAR)..=until).contains(&self.known_from(**at));
        chosen.extend(paths.filter(is_near).take(MAX_NEAR));
        let enders = chosen.iter().flat_map(|at| self.enders.get(&self.record(*at).id()).into_iter().flatten());
        let enders: Vec<At> = enders.copied().collect();
        chosen.extend(enders);
        self.known(chosen.into_iter(), until)
    }

    /// All records that were known at a time.
    pub fn all_as_of(&self, until: i64) -> (Vec<Chain>, Receipts) {
        let all = self.chains.iter().enumerate();
        self.known(all.flat_map(|(at, chain)| (0..chain.records.len()).map(move |place| (at, place))), until)
    }

    fn known(&self, chosen: impl Iterator<Item = At>, until: i64) -> (Vec<Chain>, Receipts) {
        let mut by_chain: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (chain, place) in chosen.filter(|at| self.known_from(*at) <= until) {
            by_chain.entry(chain).or_default().push(place);
        }
        let of = |(at, places): (usize, Vec<usize>)| {
            let chain = &self.chains[at];
            chain.only(places.into_iter().map(|place| chain.records[place].clone()).collect())
        };
        let chains: Vec<Chain> = by_chain.into_iter().map(of).collect();
        let time = |record: &Record| self.by_id.get(&record.id()).map_or(until, |at| self.known_from(*at));
        let receipts = Receipts::at(&chains, time);
        (chains, receipts)
    }
}
