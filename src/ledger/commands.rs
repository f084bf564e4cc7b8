//! Chains about commands and outcomes: those of brokers, and those of people who authorize, or say what came of a
//! change. They are short, so they are read completely each time.

use std::collections::BTreeMap;

use git2::{ErrorCode, Oid};

use super::{read_chain, remote_names};
use crate::command::request::{MAX_BESIDE, MAX_ITEMS};
use crate::command::{AuthorizationRecord, RunRecord};
use crate::gate::ref_names::{AUTHORIZATIONS, DECISIONS, OUTCOMES, RUNS};
use crate::policy::Policy;
use crate::record::chain::{self, Link};
use crate::record::envelope::MAX_ENVELOPE;
use crate::record::outcome::OutcomeRecord;
use crate::record::{Chain, ChainId, Entry, Record};
use crate::source::git::{GitError, Repository};

/// The most links of one chain that are read.
const MAX_LINKS: usize = 100_000;
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

    /// The chains of the people and the brokers of a policy.
    pub fn of(policy: &Policy) -> Keys {
        let people =
            policy.roster.people().flat_map(|person| person.keys.iter().map(|own| (&own.key, person.id.clone())));
        let brokers = policy.brokers.iter().map(|broker| (&broker.key, format!("the broker {}", broker.name)));
        Keys(Some(people.chain(brokers).map(|(key, owner)| (key.id().to_string(), owner)).collect()))
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
    let mut prefixes = vec![R::PREFIX.to_owned()];
    if with_remotes {
        for name in remote_names(repository)? {
            prefixes.extend([remote_prefix_of::<R>(&name), damaged_prefix_of::<R>(&name)]);
        }
    }
    let mut copies: BTreeMap<ChainId, Vec<Chain<R>>> = BTreeMap::new();
    for prefix in &prefixes {
        for (id, name) in names(repository, prefix)?.into_iter().filter(|(id, _)| keys.have(id)) {
            copies.entry(id.clone()).or_default().push(chain_of(repository, &name, &id));
        }
    }
    Ok(copies.into_values().filter_map(Chain::join).collect())
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
    match repository.raw.find_reference(name) {
        Ok(reference) => match reference.target() {
            Some(tip) => chain_from(repository, id, tip),
            None => Chain::read(id.clone(), [None]),
        },
        Err(error) if error.code() == ErrorCode::NotFound => Chain::empty(id.clone()),
        Err(_) => Chain::read(id.clone(), [None]),
    }
}

/// The chain that ends in a commit.
pub fn chain_from<R: Family>(repository: &Repository, id: &ChainId, tip: Oid) -> Chain<R> {
    let (mut commits, mut at) = (Vec::new(), Some(tip));
    while let Some(commit) = at {
        let found = within(repository, commit, MAX_OBJECT).and_then(|_| repository.raw.find_commit(commit).ok());
        let found = found.filter(|commit| commit.parent_count() <= 1 && commits.len() < MAX_LINKS);
        at = found.as_ref().and_then(|commit| commit.parent_ids().next());
        commits.push(found);
    }
    commits.reverse();
    Chain::read(id.clone(), commits.iter().map(|commit| commit.as_ref().and_then(|commit| link(repository, commit))))
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
fn link(repository: &Repository, commit: &git2::Commit<'_>) -> Option<Link> {
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
