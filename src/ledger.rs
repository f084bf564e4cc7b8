//! FLOOR 2: the ledger, all chains of a repository, in its git refs. A record is written once, atomically, after it was
//! verified, and read back and verified again.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use git2::{ErrorCode, Oid, Signature, Time};

use crate::change::ObjectId;
use crate::record::chain::{self, Link};
use crate::record::envelope::MAX_ENVELOPE;
use crate::record::{Abridged, Chain, ChainId, Fault, Record, Verified, verify};
use crate::source::git::{Deadline, GitError, Repository, oid};

/// Where chains live: `<prefix><key id>/<chain id>`.
pub const PREFIX: &str = "refs/undersign/decisions/";
/// The same on a host that takes no refs but branches.
pub const BRANCH_PREFIX: &str = "refs/heads/undersign/decisions/";
/// What the remotes were last seen to hold: `<prefix><remote>/decisions/<key id>/<chain id>`.
pub const REMOTES_PREFIX: &str = "refs/undersign/remotes/";
/// Bytes of the manifest of a link, and of its findings.
const MAX_FILE: usize = 64 << 20;
/// Bytes of a link's commit and of its tree, which hold nothing but three names and whom they come from.
const MAX_COMMIT: usize = 64 << 10;
/// Links of one chain that are read; a longer one is damage or abuse.
const MAX_LINKS: usize = 100_000;
/// Bytes of links that are kept verified in memory; beyond, all are read anew.
const MAX_KNOWN: usize = 256 << 20;
/// A thread for fewer links costs more than it saves.
const LINKS_PER_THREAD: usize = 50;
/// Links that are read before it is looked whether those so far hold: at first as many as one thread reads, then more
/// and more.
const MAX_BATCH: usize = 64 * LINKS_PER_THREAD;
/// A ref lock that is older, while nobody else holds the ledger, was left by a program that was killed.
const STALE_LOCK: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("The record was not accepted: {0}. Nothing was written.")]
    Refused(Fault),
    #[error("Another program added a record to this chain meanwhile. Nothing was written; sign again.")]
    LostPlace,
    #[error("What was written could not be read back as it was: {0}. Run `git fsck` before you trust this repository.")]
    NotReadBack(String),
    #[error("The ledger cannot be written: {0}. The decision was not recorded; the draft is kept.")]
    Unwritable(String),
    #[error(transparent)]
    Git(#[from] GitError),
}

/// What is read of the chains that are there.
pub struct Scope<'s> {
    /// Whether the chains of a key, by its id, have a say. Anyone can put others there, and as many as they like.
    pub wanted: &'s dyn Fn(&str) -> bool,
    /// Bytes of their links that are read, at most.
    pub max_bytes: u64,
    /// Also what the remotes were last seen to hold.
    pub with_remotes: bool,
}

impl Scope<'_> {
    fn wants(&self, name: &str) -> bool {
        let id =
            prefix_of(name).map(|prefix| &name[prefix.len()..]).or_else(|| Some(name.split_once("/decisions/")?.1));
        id.is_none_or(|id| (self.wanted)(&id_of(id).key))
    }
}

/// What was read of chains before and can still have a say, by ref: see [`Abridged`]. Under another policy other
/// records count, so it is for one policy alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digested {
    /// SHA-256 of the policy.
    pub policy: String,
    refs: BTreeMap<String, DigestedRef>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DigestedRef {
    /// The commit that the ref pointed to, whose id names its whole history.
    tip: String,
    chain: Abridged,
}

impl Digested {
    /// The present chains without what is spent. A chain with a fault is left out, and read anew each time; so is one
    /// that is not what its ref holds, since another copy holds more, or the ref moved meanwhile.
    pub fn of(repository: &Repository, policy: String, chains: &[Chain], spent: impl Fn(&Record) -> bool) -> Digested {
        let refs = chains.iter().filter_map(|chain| {
            let name = format!("{PREFIX}{}", chain.id);
            let tip = repository.raw.refname_to_id(&name).ok()?;
            let newest = Files::of(&repository.raw, tip)?.envelope;
            let is_whole = verify(repository.raw.find_blob(newest).ok()?.content()).ok()?.id() == chain.head()?.record;
            is_whole.then_some(())?;
            Some((name, DigestedRef { tip: tip.to_string(), chain: chain.abridged(&spent)? }))
        });
        Digested { policy, refs: refs.collect() }
    }

    /// Whether every chain that has a say stands where it stood.
    pub fn is_current(&self, repository: &Repository, scope: &Scope<'_>) -> bool {
        let Ok(references) = repository.raw.references_glob(&format!("{PREFIX}*")) else { return false };
        let tips = references.flatten().filter_map(|reference| {
            Some((String::from_utf8_lossy(reference.name_bytes()).into_owned(), reference.target()?.to_string()))
        });
        let tips = tips.filter(|(name, _)| scope.wants(name));
        let known = |(name, tip): &(String, String)| self.refs.get(name).is_some_and(|held| held.tip == *tip);
        let (mut all, mut count) = (true, 0);
        for tip in tips {
            all &= known(&tip);
            count += 1;
        }
        all && count == self.refs.len()
    }

    /// The chain at a tip: as it was, or read on from there.
    fn chain(&self, reader: &Reader<'_>, name: &str, tip: Oid) -> Option<Chain> {
        let held = self.refs.get(name)?;
        let at: Oid = held.tip.parse().ok()?;
        let mut chain = held.chain.open()?;
        if at == tip {
            return Some(chain);
        }
        let (reached, commits) = reader.commits(tip, Some(at));
        if !reached {
            return None;
        }
        reader.extend(&mut chain, &commits);
        // What does not follow may follow what is there in truth.
        chain.fault.is_none().then_some(chain)
    }
}

/// The chains of the repository itself: what a gate judges by. Refs under the prefix that are no chain names are chains
/// with a fault.
pub fn read(repository: &Repository) -> Result<Vec<Chain>, GitError> {
    joined(repository, &[PREFIX, BRANCH_PREFIX])
}

/// As [`read`], of the chains that are wanted, with some refs where a push would put them; zeros take one away. Chains
/// that are `digested` are not read again.
///
/// # Errors
/// A ref cannot be read, or there is more to read than is read.
pub fn read_with(
    repository: &Repository,
    moves: &[(&str, ObjectId)],
    digested: Option<&Digested>,
    scope: &Scope<'_>,
) -> Result<Vec<Chain>, GitError> {
    let reader = Reader::within(repository, scope.max_bytes);
    let wanted = |name: &str| scope.wants(name) && !moves.iter().any(|(moved, _)| *moved == name);
    let mut prefixes = vec![PREFIX.to_owned(), BRANCH_PREFIX.to_owned()];
    if scope.with_remotes {
        prefixes.extend(remotes(repository)?);
    }
    let mut copies = copies(&reader, &prefixes.iter().map(String::as_str).collect::<Vec<_>>(), digested, wanted)?;
    for (name, tip) in moves.iter().filter(|(name, tip)| !tip.is_zero() && scope.wants(name)) {
        let id = &name[prefix_of(name).map_or(0, str::len)..];
        let chain = reader.copy(name, id, Some(oid(*tip)), digested);
        reader.check()?;
        copies.entry(chain.id.clone()).or_default().push(chain);
    }
    Ok(copies.into_values().filter_map(Chain::join).collect())
}

/// The prefix by which a ref is a chain's.
pub fn prefix_of(name: &str) -> Option<&'static str> {
    [PREFIX, BRANCH_PREFIX].into_iter().find(|prefix| name.starts_with(prefix))
}

/// Which chain a ref is, by what its name says after the prefix.
pub fn id_of(name: &str) -> ChainId {
    let (key, device) = name.split_once('/').unwrap_or((name, ""));
    ChainId { key: key.to_owned(), device: device.to_owned() }
}

/// The chain that a ref would hold at a tip.
pub fn chain_of(repository: &Repository, name: &str, prefix: &str, tip: ObjectId) -> Chain {
    chain_at(repository, name, name.strip_prefix(prefix).unwrap_or(name), Some(oid(tip)))
}

/// As [`read`], with what the remotes were last seen to hold: what a reviewer's program knows.
pub fn read_with_remotes(repository: &Repository) -> Result<Vec<Chain>, GitError> {
    let mut prefixes = vec![PREFIX.to_owned(), BRANCH_PREFIX.to_owned()];
    prefixes.extend(remotes(repository)?);
    joined(repository, &prefixes.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Where the chains of all remotes are kept.
fn remotes(repository: &Repository) -> Result<Vec<String>, GitError> {
    Ok(repository.raw.remotes()?.iter().flatten().flatten().map(remote_prefix).collect())
}

/// What a remote was last seen to hold.
pub fn read_remote(repository: &Repository, remote: &str) -> Result<Vec<Chain>, GitError> {
    joined(repository, &[&remote_prefix(remote)])
}

/// Where the chains of a remote are kept.
pub fn remote_prefix(remote: &str) -> String {
    format!("{REMOTES_PREFIX}{remote}/decisions/")
}

/// Reads one chain of the repository itself; an absent one is empty.
pub fn read_chain(repository: &Repository, id: &ChainId) -> Chain {
    let name = format!("{PREFIX}{id}");
    repository
        .raw
        .refname_to_id(&name)
        .map_or_else(|_| Chain::empty(id.clone()), |tip| Reader::of(repository).chain(&name, id, tip))
}

/// All chains under some prefixes; copies of one chain are joined.
fn joined(repository: &Repository, prefixes: &[&str]) -> Result<Vec<Chain>, GitError> {
    Ok(copies(&Reader::of(repository), prefixes, None, |_| true)?.into_values().filter_map(Chain::join).collect())
}

/// Each chain as each ref that is wanted holds it.
fn copies(
    reader: &Reader<'_>,
    prefixes: &[&str],
    digested: Option<&Digested>,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<ChainId, Vec<Chain>>, GitError> {
    let mut copies: BTreeMap<ChainId, Vec<Chain>> = BTreeMap::new();
    for prefix in prefixes {
        for reference in reader.repository.raw.references_glob(&format!("{prefix}*"))? {
            let reference = reference?;
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            if !wanted(&name) {
                continue;
            }
            let copy = reader.copy(&name, &name[prefix.len()..], reference.target(), digested);
            reader.check()?;
            copies.entry(copy.id.clone()).or_default().push(copy);
        }
    }
    Ok(copies)
}

/// The chain under a ref, by what its name says of it.
pub(crate) fn chain_at(repository: &Repository, name: &str, id: &str, tip: Option<Oid>) -> Chain {
    Reader::of(repository).copy(name, id, tip, None)
}

/// What each ref held when it was last read, so that a chain that grew is read from there on, and one that did not is
/// not read at all. A commit id names its whole history, so what was verified under one stays verified. A fault is not
/// kept: what was missing may come, and a service that runs for months must not be told once that a chain is broken and
/// believe it.
static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// Git directory and ref.
type Spot = (PathBuf, String);

#[derive(Default)]
struct Known {
    /// The tip, and the chain that it held.
    chains: HashMap<Spot, (Oid, Chain)>,
    bytes: usize,
}

impl Known {
    fn keep(&mut self, spot: Spot, tip: Oid, chain: Chain) {
        if let Some((_, old)) = self.chains.remove(&spot) {
            self.bytes -= size(&old);
        }
        if self.bytes + size(&chain) > MAX_KNOWN {
            *self = Known::default();
        }
        self.bytes += size(&chain);
        self.chains.insert(spot, (tip, chain));
    }
}

fn size(chain: &Chain) -> usize {
    let links = chain.records.iter().map(|record| &record.link);
    links.map(|link| link.envelope.len() + link.manifest.len() + link.findings.len()).sum()
}

/// A link with what became of its envelope's verification; none where there is no link to read.
type Verdict = Option<(Result<Verified, Fault>, Link)>;

/// Reads chains. What it does not read because there is too much is no link, and so a fault of the chain;
/// [`Reader::check`] then says the true reason, so who has a limit asks it before the chain is used.
struct Reader<'r> {
    repository: &'r Repository,
    budget: Budget,
}

/// How much is read.
struct Budget {
    /// Bytes of links that were read, and that may be.
    read: AtomicU64,
    max_bytes: u64,
    deadline: Deadline,
}

impl Budget {
    /// # Errors
    /// It is used up.
    fn check(&self) -> Result<(), GitError> {
        if self.read.load(Ordering::Relaxed) > self.max_bytes {
            return Err(GitError::Limit(format!(
                "The decisions that are to be read here are more than {} MiB, so nothing is decided. See with \
                 `undersign record list` whose chain is so large; if it is what it should be, let whoever runs the \
                 gate raise --max-ledger.",
                self.max_bytes >> 20
            )));
        }
        self.deadline.check()
    }

    /// Counts bytes before they are read; none where that is too many.
    fn pay(&self, bytes: usize) -> Option<()> {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        self.check().ok()
    }

    /// The files of one commit, its envelope verified. What it binds is read only where the envelope is sound and
    /// belongs here: of what anyone can write, no more than an envelope is read.
    fn link(&self, raw: &git2::Repository, commit: Oid, chain: &ChainId, seq: u64) -> Verdict {
        let files = Files::of(raw, commit)?;
        let mut link = Link { name: files.name, ..Link::default() };
        let size = within(raw, files.envelope, usize::MAX)?;
        if size > MAX_ENVELOPE {
            return Some((Err(Fault::TooLarge), link));
        }
        self.pay(size)?;
        link.envelope = raw.find_blob(files.envelope).ok()?.content().to_vec();
        let verified = verify(&link.envelope);
        if verified.as_ref().is_ok_and(|verified| is_at(verified, chain, seq)) {
            link.manifest = self.file(raw, files.manifest)?;
            link.findings = self.file(raw, files.findings)?;
        }
        Some((verified, link))
    }

    fn file(&self, raw: &git2::Repository, id: Oid) -> Option<Vec<u8>> {
        self.pay(within(raw, id, MAX_FILE)?)?;
        Some(raw.find_blob(id).ok()?.content().to_vec())
    }
}

impl<'r> Reader<'r> {
    fn of(repository: &'r Repository) -> Reader<'r> {
        Reader::within(repository, u64::MAX)
    }

    fn within(repository: &'r Repository, max_bytes: u64) -> Reader<'r> {
        let budget = Budget { read: AtomicU64::new(0), max_bytes, deadline: repository.deadline };
        Reader { repository, budget }
    }

    /// # Errors
    /// Something was not read because there is too much of it.
    fn check(&self) -> Result<(), GitError> {
        self.budget.check()
    }

    /// The chain under a ref.
    fn copy(&self, name: &str, id: &str, tip: Option<Oid>, digested: Option<&Digested>) -> Chain {
        let id = id_of(id);
        let Some(tip) = tip else { return Chain::read(id, [None]) };
        let known = digested.and_then(|digested| digested.chain(self, name, tip));
        known.unwrap_or_else(|| self.chain(name, &id, tip))
    }

    fn chain(&self, name: &str, id: &ChainId, tip: Oid) -> Chain {
        let spot = (self.repository.common_dir().to_path_buf(), name.to_owned());
        let known = KNOWN.lock().ok().and_then(|known| known.chains.get(&spot).cloned());
        // What was read in the quarantine of a push that did not land is gone again.
        let known = known.filter(|(at, chain)| chain.id == *id && self.repository.raw.find_commit(*at).is_ok());
        if let Some((at, chain)) = &known
            && *at == tip
        {
            return chain.clone();
        }
        let (reached, commits) = self.commits(tip, known.as_ref().map(|(at, _)| *at));
        let mut chain = known.filter(|_| reached).map_or_else(|| Chain::empty(id.clone()), |(_, chain)| chain);
        self.extend(&mut chain, &commits);
        if chain.fault.is_none()
            && let Ok(mut known) = KNOWN.lock()
        {
            known.keep(spot, tip, chain.clone());
        }
        chain
    }

    /// The commits up to `tip`, oldest first, from the one after `since` if that is among them (then the first value is
    /// true), else from the first. What cannot be read is `None`: a fault, never a gap.
    fn commits(&self, tip: Oid, since: Option<Oid>) -> (bool, Vec<Option<Oid>>) {
        let raw = &self.repository.raw;
        let (mut commits, mut at) = (Vec::new(), Some(tip));
        let reached = loop {
            match at {
                None => break false,
                Some(id) if Some(id) == since => break true,
                Some(_) if commits.len() == MAX_LINKS || self.check().is_err() => {
                    commits.push(None);
                    break false;
                }
                Some(id) => {
                    let commit = within(raw, id, MAX_COMMIT).and_then(|_| raw.find_commit(id).ok());
                    let commit = commit.filter(|commit| commit.parent_count() <= 1);
                    at = commit.as_ref().and_then(|commit| commit.parent_ids().next());
                    commits.push(commit.map(|commit| commit.id()));
                }
            }
        };
        commits.reverse();
        (reached, commits)
    }

    /// Reads links on, up to the first that is not sound. What follows it, anyone may have put there: it is not read,
    /// but for what other threads read meanwhile, which is no more than what was sound before.
    fn extend(&self, chain: &mut Chain, commits: &[Option<Oid>]) {
        // Enough for each processor from the start.
        let (mut rest, mut size) = (commits, LINKS_PER_THREAD * processors());
        while chain.fault.is_none() && !rest.is_empty() {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            let links = self.links(chain, batch);
            chain.extend_verified(links);
            (rest, size) = (later, (2 * size).min(MAX_BATCH));
        }
    }

    /// The links of commits that would follow a chain, verified, on as many threads as are worth it; each ends at the
    /// first that is not sound.
    fn links(&self, chain: &Chain, commits: &[Option<Oid>]) -> Vec<Verdict> {
        let budget = &self.budget;
        let read = |raw: &git2::Repository, share: &[Option<Oid>], seq: u64| -> Vec<Verdict> {
            let mut verdicts = Vec::with_capacity(share.len());
            for (id, seq) in share.iter().zip(seq..) {
                verdicts.push(id.and_then(|id| budget.link(raw, id, &chain.id, seq)));
                if !matches!(verdicts.last(), Some(Some((Ok(_), _)))) {
                    break;
                }
            }
            verdicts
        };
        let threads = processors().min(commits.len() / LINKS_PER_THREAD);
        // Each thread needs a handle of its own; without one, this thread reads all.
        let handles: Vec<_> = (1..threads).map_while(|_| self.repository.again().ok()).collect();
        let size = commits.len().div_ceil(handles.len() + 1).max(1);
        let seqs = (chain.next().0..).step_by(size);
        let shares: Vec<_> = commits.chunks(size).zip(seqs).collect();
        let Some((&(own, first), others)) = shares.split_first() else { return Vec::new() };
        std::thread::scope(|scope| {
            let spawn = |(raw, (share, seq))| scope.spawn(move || read(&raw, share, seq));
            let running: Vec<_> = handles.into_iter().zip(others.iter().copied()).map(spawn).collect();
            let mut links = read(&self.repository.raw, own, first);
            for thread in running {
                links.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            links
        })
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether a record says that it is this one of this chain: what [`Chain::check`] asks first.
fn is_at(verified: &Verified, chain: &ChainId, seq: u64) -> bool {
    let own = &verified.statement().predicate.chain;
    own.key == chain.key && own.id == chain.device && own.seq.0 == seq
}

/// Bytes of an object, from its header alone; none where it is larger than that.
fn within(raw: &git2::Repository, id: Oid, most: usize) -> Option<usize> {
    let (size, _) = raw.odb().ok()?.read_header(id).ok()?;
    (size <= most).then_some(size)
}

/// What the tree of a link names.
struct Files {
    /// Of the envelope.
    name: String,
    envelope: Oid,
    manifest: Oid,
    findings: Oid,
}

impl Files {
    fn of(raw: &git2::Repository, commit: Oid) -> Option<Files> {
        let id = raw.find_commit(commit).ok()?.tree_id();
        within(raw, id, MAX_COMMIT)?;
        let tree = raw.find_tree(id).ok()?;
        let (mut manifest, mut findings, mut envelope) = (None, None, None);
        for entry in &tree {
            // As it stands in the tree: git takes 100664 for 100644, and whoever hashes the tree does not.
            let blob = Some(entry.id()).filter(|_| entry.filemode_raw() == chain::FILE_MODE)?;
            match entry.name().ok()? {
                chain::MANIFEST_FILE => manifest = Some(blob),
                chain::FINDINGS_FILE => findings = Some(blob),
                other => envelope = Some((other.to_owned(), blob)),
            }
        }
        // A name that is there twice leaves one too few.
        let (name, envelope) = envelope.filter(|_| tree.len() == chain::FILES)?;
        Some(Files { name, envelope, manifest: manifest?, findings: findings? })
    }
}

/// Adds a record to its chain: verified first, added only where the chain stands where the record says, read back
/// after.
pub fn append(repository: &Repository, id: &ChainId, link: Link, now: i64) -> Result<Record, LedgerError> {
    let _held = hold(repository)?;
    let before = read_chain(repository, id);
    if let Some((_, fault)) = before.fault {
        return Err(LedgerError::Refused(fault));
    }
    let record = match before.check(link.clone()) {
        Ok(record) => record,
        Err(Fault::ChainGap | Fault::ChainRepeat | Fault::ChainPrev) => return Err(LedgerError::LostPlace),
        Err(fault) => return Err(LedgerError::Refused(fault)),
    };
    write(repository, id, &link, now)?;
    let after = read_chain(repository, id);
    let same = after.fault.is_none() && after.records.get(before.records.len()).is_some_and(|read| **read == record);
    same.then_some(record).ok_or_else(|| LedgerError::NotReadBack(format!("{PREFIX}{id}")))
}

/// Keeps other programs of ours out while a record is added. The system lets go of it when a program dies.
fn hold(repository: &Repository) -> Result<File, LedgerError> {
    let dir = repository.common_dir().join("undersign");
    let held = std::fs::create_dir_all(&dir).and_then(|()| {
        let file = File::options().create(true).append(true).open(dir.join("lock"))?;
        file.lock()?;
        Ok(file)
    });
    held.map_err(|error| LedgerError::Unwritable(format!("{} cannot be locked: {error}", dir.display())))
}

fn write(repository: &Repository, id: &ChainId, link: &Link, now: i64) -> Result<(), LedgerError> {
    let raw = &repository.raw;
    let unwritable = |error: git2::Error| LedgerError::Unwritable(error.message().to_owned());
    let name = format!("{PREFIX}{id}");
    let tip = raw.refname_to_id(&name).ok();
    let mut tree = raw.treebuilder(None).map_err(unwritable)?;
    let (manifest, findings) = ((chain::MANIFEST_FILE, &link.manifest), (chain::FINDINGS_FILE, &link.findings));
    for (file, bytes) in [(link.name.as_str(), &link.envelope), manifest, findings] {
        let blob = raw.blob(bytes).map_err(unwritable)?;
        tree.insert(file, blob, chain::FILE_MODE).map_err(unwritable)?;
    }
    let tree = raw.find_tree(tree.write().map_err(unwritable)?).map_err(unwritable)?;
    // The commit only carries the record: its author says nothing, the authority is the signature inside.
    let signature = Signature::new("undersign", "undersign@localhost", &Time::new(now, 0)).map_err(unwritable)?;
    let parent = tip.map(|tip| raw.find_commit(tip)).transpose().map_err(unwritable)?;
    let parents: Vec<_> = parent.iter().collect();
    let message = format!("decision {}\n", link.name.trim_end_matches(".dsse.json"));
    let commit = raw.commit(None, &signature, &signature, &message, &tree, &parents).map_err(unwritable)?;
    clear_stale_lock(repository, &name);
    let moved = |error: git2::Error| match error.code() {
        ErrorCode::Exists | ErrorCode::Modified => LedgerError::LostPlace,
        ErrorCode::Locked => LedgerError::Unwritable(format!(
            "another program holds {0} ({0}.lock in the git directory); if none runs, delete that file",
            name
        )),
        _ => LedgerError::Unwritable(error.message().to_owned()),
    };
    match tip {
        Some(tip) => raw.reference_matching(&name, commit, true, tip, "undersign: decision").map_err(moved)?,
        None => raw.reference(&name, commit, false, "undersign: decision").map_err(moved)?,
    };
    Ok(())
}

/// Removes the lock file that a program of ours left behind when it was killed between locking the ref and moving it.
fn clear_stale_lock(repository: &Repository, name: &str) {
    let lock = repository.common_dir().join(format!("{name}.lock"));
    let age = std::fs::metadata(&lock).and_then(|meta| meta.modified()).ok().and_then(|then| then.elapsed().ok());
    if age.is_some_and(|age| age > STALE_LOCK) {
        let _ = std::fs::remove_file(&lock);
    }
}
