//! Chains about commands, outcomes, evidence and drills: those of brokers, of people who authorize, say what came of a
//! change, or practise, and of machines. They are short, so they are read completely; what reads them again and again
//! keeps [`VerifiedChains`].

use std::collections::{BTreeMap, BTreeSet};

use git2::Oid;

use super::remotes::remote_names;
use super::{VerifiedChains, read_chain};
use crate::command::drill_statement::CommandDrillRecord;
use crate::command::request::{MAX_BESIDE, MAX_ITEMS};
use crate::command::{AuthorizationRecord, RunRecord};
use crate::gate::ref_names::{AUTHORIZATIONS, COMMAND_DRILLS, DECISIONS, DRILLS, EVIDENCE, OUTCOMES, RUNS};
use crate::policy::Policy;
use crate::record::chain::{self, Link};
use crate::record::drill::DrillRecord;
use crate::record::envelope::MAX_ENVELOPE;
use crate::record::evidence::EvidenceRecord;
use crate::record::outcome::{MAX_BYTES_OF_KEY, MAX_OF_KEY, MAX_RECORDS, OutcomeChain, OutcomeRecord};
use crate::record::{Chain, ChainId, Entry, Record, Signable as _, verify_as};
use crate::source::git::{GitError, Repository};

/// The most links of one chain that are read.
pub(super) const MAX_LINKS: usize = 100_000;
/// The largest commit of a link, and the largest tree, in bytes.
const MAX_OBJECT: usize = 64 << 10;
/// The suffix of the file name of an envelope.
const ENVELOPE: &str = ".dsse.json";

/// A kind of chain in the ledger.
pub trait Family: Entry {
    /// The prefix of its chains: `<prefix><key id>/<chain id>`.
    const PREFIX: &'static str;
    /// The word in its commit messages.
    const WORD: &'static str;
    /// What a damaged chain of it holds up, as a clause.
    const HELD_UP: &'static str;
    /// What to do about a chain of one's own that went different ways in two places, as a clause.
    const WAY_OUT: &'static str = "restore it from the clone that has all of it";

    /// The chain of the repository itself; an absent one is empty.
    fn chain(repository: &Repository, id: &ChainId) -> Chain<Self> {
        chain_of(repository, &format!("{}{id}", Self::PREFIX), id)
    }
}

impl Family for Record {
    const PREFIX: &'static str = DECISIONS;
    const WORD: &'static str = "decision";
    const HELD_UP: &'static str = "nothing lands";

    fn chain(repository: &Repository, id: &ChainId) -> Chain {
        read_chain(repository, id)
    }
}

impl Family for RunRecord {
    const PREFIX: &'static str = RUNS;
    const WORD: &'static str = "run";
    const HELD_UP: &'static str = "nothing runs";
}

impl Family for AuthorizationRecord {
    const PREFIX: &'static str = AUTHORIZATIONS;
    const WORD: &'static str = "authorization";
    const HELD_UP: &'static str = "nothing runs";
}

impl Family for OutcomeRecord {
    const PREFIX: &'static str = OUTCOMES;
    const WORD: &'static str = "outcome";
    const HELD_UP: &'static str = "what follows it is not reported";
    const WAY_OUT: &'static str = "`undersign record repair` puts away what is only here, and says what to sign again";
}

impl Family for EvidenceRecord {
    const PREFIX: &'static str = EVIDENCE;
    const WORD: &'static str = "evidence";
    const HELD_UP: &'static str = "nothing of its source counts";
    const WAY_OUT: &'static str = "take away what is only here: what it found can be signed again";
}

impl Family for DrillRecord {
    const PREFIX: &'static str = DRILLS;
    const WORD: &'static str = "drill";
    const HELD_UP: &'static str = "the drills that follow it are not reported";
    const WAY_OUT: &'static str = "`undersign record repair` puts away what is only here, and says what to sign again";
}

impl Family for CommandDrillRecord {
    const PREFIX: &'static str = COMMAND_DRILLS;
    const WORD: &'static str = "command drill";
    const HELD_UP: &'static str = "the drills that follow it are not reported";
    const WAY_OUT: &'static str = "`undersign record repair` puts away what is only here, and says what to sign again";
}

/// Whose chains count: those of certain keys, each with its owner, or all if nobody can tell whose count. Anyone who
/// may push can add other chains, in any number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(Option<BTreeMap<String, String>>);

impl Keys {
    /// The chains of everybody.
    pub fn all() -> Keys {
        Keys(None)
    }

    /// The chains of one key, by its id.
    pub fn one(key: &str) -> Keys {
        Keys(Some(BTreeMap::from([(key.to_owned(), String::new())])))
    }

    /// The chains of certain keys, by their ids, whosever they are.
    pub fn these(keys: impl Iterator<Item = String>) -> Keys {
        Keys(Some(keys.map(|key| (key, String::new())).collect()))
    }

    /// The chains of the people, the brokers and the sources of evidence of a policy.
    pub fn of(policy: &Policy) -> Keys {
        let people =
            policy.roster.people().flat_map(|person| person.keys.iter().map(|own| (&own.key, person.id.clone())));
        let brokers = policy.brokers.iter().map(|broker| (&broker.key, format!("the broker {}", broker.name)));
        let sources = policy
            .evidence
            .iter()
            .flat_map(|source| source.keys.iter().map(|own| (&own.key, format!("the evidence {}", source.name))));
        let all = people.chain(brokers).chain(sources);
        Keys(Some(all.map(|(key, owner)| (key.id().to_string(), owner)).collect()))
    }

    /// Whether a chain belongs to one of them.
    pub fn have(&self, id: &ChainId) -> bool {
        self.0.as_ref().is_none_or(|keys| keys.contains_key(&id.key))
    }

    /// The owner of a chain, as far as known.
    pub fn owner(&self, id: &ChainId) -> &str {
        let owner = self.0.as_ref().and_then(|keys| keys.get(&id.key)).map(String::as_str);
        owner.filter(|owner| !owner.is_empty()).unwrap_or("somebody")
    }

    /// The beginnings of the names of their chains, below the prefix of a family.
    pub fn folders(&self) -> Vec<String> {
        let folder = |key: &String| format!("{key}/");
        self.0.as_ref().map_or_else(|| vec![String::new()], |keys| keys.keys().map(folder).collect())
    }
}

/// The prefix of the chains of a family that a remote was last seen to have.
pub fn remote_prefix_of<R: Family>(remote: &str) -> String {
    let folder = R::PREFIX.strip_prefix("refs/undersign/").unwrap_or(R::PREFIX);
    format!("{}{remote}/{folder}", super::REMOTES_PREFIX)
}

/// The prefix of the chains that a remote showed with a fault: they are read in addition to the earlier copies, so that
/// the fault is visible and hides nothing.
pub fn damaged_prefix_of<R: Family>(remote: &str) -> String {
    let folder = R::PREFIX.strip_prefix("refs/undersign/").unwrap_or(R::PREFIX);
    format!("{}{remote}/damaged/{folder}", super::REMOTES_PREFIX)
}

/// All chains of a family in the repository, and those that its remotes were last seen to have; copies of one chain are
/// joined.
///
/// # Errors
/// A ref cannot be read.
pub fn read_family<R: Family>(repository: &Repository, with_remotes: bool) -> Result<Vec<Chain<R>>, GitError> {
    read_family_of(repository, with_remotes, &Keys::all())
}

/// Like [`read_family`], but nothing of other keys is read.
///
/// # Errors
/// A ref cannot be read.
pub fn read_family_of<R: Family>(
    repository: &Repository,
    with_remotes: bool,
    keys: &Keys,
) -> Result<Vec<Chain<R>>, GitError> {
    VerifiedChains::default().family(repository, with_remotes, keys)
}

/// The chains of a family that [`read_family_of`] reads, each with the refs of all of its copies.
///
/// # Errors
/// A ref cannot be read.
pub fn chain_names<R: Family>(
    repository: &Repository,
    with_remotes: bool,
    keys: &Keys,
) -> Result<BTreeMap<ChainId, Vec<String>>, GitError> {
    let mut prefixes = vec![R::PREFIX.to_owned()];
    if with_remotes {
        for name in remote_names(repository)? {
            prefixes.extend([remote_prefix_of::<R>(&name), damaged_prefix_of::<R>(&name)]);
        }
    }
    let mut copies: BTreeMap<ChainId, Vec<String>> = BTreeMap::new();
    for prefix in &prefixes {
        for (id, name) in names(repository, prefix)?.into_iter().filter(|(id, _)| keys.have(id)) {
            copies.entry(id).or_default().push(name);
        }
    }
    Ok(copies)
}

/// The chains of outcomes of certain keys, as far as there is room for each key, and how many are not read. Anybody can
/// add chains of other keys, and one person a great number of records.
///
/// # Errors
/// A ref cannot be read.
pub fn read_outcomes(
    repository: &Repository,
    with_remotes: bool,
    keys: &Keys,
) -> Result<(Vec<OutcomeChain>, usize), GitError> {
    let room = Room { records: MAX_OF_KEY, bytes: MAX_BYTES_OF_KEY };
    read_of_keys(repository, with_remotes, keys, MAX_RECORDS, room)
}

/// The chains of a family of certain keys, each of at most so many records, as far as there is room for each key, and
/// how many are not read.
pub(super) fn read_of_keys<R: Family>(
    repository: &Repository,
    with_remotes: bool,
    keys: &Keys,
    most: usize,
    room: Room,
) -> Result<(Vec<Chain<R>>, usize), GitError> {
    let (mut chains, mut unread) = (Vec::new(), 0);
    let mut rooms: BTreeMap<String, Room> = BTreeMap::new();
    for (id, refs) in chain_names::<R>(repository, with_remotes, keys)? {
        repository.deadline.check()?;
        match read_bounded(repository, &id, &refs, most, rooms.entry(id.key.clone()).or_insert(room)) {
            Some(chain) => chains.push(chain),
            None => unread += 1,
        }
    }
    Ok((chains, unread))
}

/// The copies of a chain under some refs, joined, within bounds; none if they are too much. A copy that is the same as
/// another is read once.
fn read_bounded<R: Family>(
    repository: &Repository,
    id: &ChainId,
    refs: &[String],
    most: usize,
    room: &mut Room,
) -> Option<Chain<R>> {
    let tip = |name: &String| repository.raw.refname_to_id(name).ok();
    let tips: BTreeSet<Option<Oid>> = refs.iter().map(tip).collect();
    let read = |tip: Option<Oid>| match tip {
        Some(tip) => chain_within(repository, id, tip, most, room).ok(),
        None => Some(Chain::read(id.clone(), [None])),
    };
    let copies: Option<Vec<Chain<R>>> = tips.into_iter().map(read).collect();
    Chain::join(copies?)
}

/// The refs below a prefix, each with the chain that its name identifies.
pub fn names(repository: &Repository, prefix: &str) -> Result<Vec<(ChainId, String)>, GitError> {
    let mut found = Vec::new();
    for reference in repository.raw.references_glob(&format!("{prefix}*"))? {
        let name = String::from_utf8_lossy(reference?.name_bytes()).into_owned();
        found.push((super::id_of(&name[prefix.len()..]), name));
    }
    Ok(found)
}

/// The chain under a ref; an absent one is empty.
pub fn chain_of<R: Family>(repository: &Repository, name: &str, id: &ChainId) -> Chain<R> {
    VerifiedChains::default().chain_of(repository, name, id)
}

/// The commits up to a tip, the oldest first, from the first or after one of those that are known, which one that was,
/// and whether there are more than the most; what cannot be read is `None`.
pub(super) fn commits<'r>(
    repository: &'r Repository,
    tip: Oid,
    most: usize,
    known: &[Oid],
) -> (Vec<Option<git2::Commit<'r>>>, Option<Oid>, bool) {
    let (mut commits, mut at, mut is_longer) = (Vec::new(), Some(tip), false);
    while let Some(commit) = at.filter(|at| !known.contains(at)) {
        is_longer = commits.len() >= most;
        let found = within(repository, commit, MAX_OBJECT).and_then(|_| repository.raw.find_commit(commit).ok());
        let found = found.filter(|commit| commit.parent_count() <= 1 && !is_longer);
        at = found.as_ref().and_then(|commit| commit.parent_ids().next());
        commits.push(found);
    }
    commits.reverse();
    (commits, at, is_longer)
}

/// How much of chains may still be read for one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// The number of records.
    pub records: usize,
    /// The bytes of their files.
    pub bytes: usize,
}

/// Why a chain was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TooMuch {
    /// It has more records than one chain may have.
    Long,
    /// There is no room left for it.
    Full,
}

/// The chain that ends in a commit, if it has at most so many records, and only as far as there is room. What is too
/// much is found before any signature is verified.
///
/// # Errors
/// It is too much.
pub fn chain_within<R: Family>(
    repository: &Repository,
    id: &ChainId,
    tip: Oid,
    most: usize,
    room: &mut Room,
) -> Result<Chain<R>, TooMuch> {
    let (commits, _, is_longer) = commits(repository, tip, most, &[]);
    if is_longer {
        return Err(TooMuch::Long);
    }
    room.records = room.records.checked_sub(commits.len()).ok_or(TooMuch::Full)?;
    let mut links = Vec::with_capacity(commits.len());
    for commit in commits {
        let link = commit.and_then(|commit| link(repository, &commit));
        room.bytes = room.bytes.checked_sub(link.as_ref().map_or(0, Link::size)).ok_or(TooMuch::Full)?;
        links.push(link);
    }
    Ok(Chain::read(id.clone(), links))
}

/// The record in one commit of a chain, verified by itself; none if it is of no use, or of another chain.
pub fn record_at<R: Family>(repository: &Repository, id: &ChainId, commit: Oid) -> Option<R> {
    record_of_link(id, link_at(repository, commit)?)
}

/// The files in one commit of a chain; none if they are too much, or not a link.
pub(super) fn link_at(repository: &Repository, commit: Oid) -> Option<Link> {
    within(repository, commit, MAX_OBJECT)?;
    link(repository, &repository.raw.find_commit(commit).ok()?)
}

/// The record that they are, verified by itself; none if it is of no use, or of another chain.
pub(super) fn record_of_link<R: Family>(id: &ChainId, link: Link) -> Option<R> {
    let verified = verify_as::<R::Statement>(&link.envelope).ok()?;
    let place = verified.statement().place();
    let is_here = place.key == id.key && place.id == id.device && verified.key().id().to_string() == id.key;
    R::new(verified, link, false).ok().filter(|_| is_here)
}

/// The commit of the last of this many links, counted from the first, in the history of a commit.
pub fn commit_of(repository: &Repository, tip: Oid, links: usize) -> Option<Oid> {
    let mut commits = vec![tip];
    while let Some(parent) = commits.last().and_then(|at| repository.raw.find_commit(*at).ok()?.parent_id(0).ok()) {
        if commits.len() >= MAX_LINKS {
            return None;
        }
        commits.push(parent);
    }
    commits.reverse();
    commits.get(links.checked_sub(1)?).copied()
}

/// The files of a commit; none if it is not a link.
pub(super) fn link(repository: &Repository, commit: &git2::Commit<'_>) -> Option<Link> {
    within(repository, commit.tree_id(), MAX_OBJECT)?;
    let tree = commit.tree().ok()?;
    let mut link = Link::default();
    let mut size = 0;
    for entry in tree.iter().take(MAX_ITEMS + 2) {
        let id = Some(entry.id()).filter(|_| entry.filemode_raw() == chain::FILE_MODE)?;
        let name = entry.name().ok()?.to_owned();
        let is_envelope = name.ends_with(ENVELOPE);
        size += within(repository, id, if is_envelope { MAX_ENVELOPE } else { MAX_BESIDE })?;
        if size > MAX_ENVELOPE + MAX_BESIDE {
            return None;
        }
        let bytes = repository.raw.find_blob(id).ok()?.content().to_vec();
        if !is_envelope {
            link.files.insert(name, bytes);
        } else if link.name.is_empty() {
            (link.name, link.envelope) = (name, bytes);
        } else {
            return None;
        }
    }
    let is_whole = !link.name.is_empty() && tree.len() == link.files.len() + 1;
    is_whole.then_some(link)
}

/// The size of an object in bytes, from its header alone; none if it exceeds the limit.
fn within(repository: &Repository, id: Oid, most: usize) -> Option<usize> {
    let (size, _) = repository.raw.odb().ok()?.read_header(id).ok()?;
    (size <= most).then_some(size)
}
