//! Reads chains from git: which links are read, how much of them, and on how many threads.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};

use git2::Oid;

use super::bounded_cache::Recent;
use super::{Digested, Scope, id_of};
use crate::record::chain::{self, Link};
use crate::record::envelope::MAX_ENVELOPE;
use crate::record::{Chain, ChainId, Fault, Record, Verified, verify};
use crate::source::git::{Deadline, GitError, Repository};

/// The largest manifest of a link, and the largest findings, in bytes.
const MAX_FILE: usize = 64 << 20;
/// The largest commit of a link, and the largest tree, in bytes; they only contain three names and who they come from.
const MAX_COMMIT: usize = 64 << 10;
/// The most links of one chain that are read; a longer one is damage or abuse.
const MAX_LINKS: usize = 100_000;
/// The most bytes of links that are kept verified in memory; chains beyond that are read each time.
const MAX_KNOWN: usize = 256 << 20;
/// Bytes of links after which the handles that read them are reopened: otherwise what git maps and caches of a large
/// ledger would stay in memory.
const MAX_MAPPED: u64 = 16 << 20;
/// A thread for fewer links costs more than it saves.
const LINKS_PER_THREAD: usize = 50;
/// The most links that are read before the links so far are checked: at first as many as one thread reads, then more
/// and more.
const MAX_BATCH: usize = 64 * LINKS_PER_THREAD;

/// What each ref contained when it was last read, so that a chain that grew is read from there on, and an unchanged one
/// is not read at all. A commit id identifies its whole history, so what was verified under one stays verified. A fault
/// is not kept: missing objects may arrive, and a service that runs for months must not consider a chain broken for
/// ever because it once was.
static KNOWN: LazyLock<Mutex<Recent<Spot, (Oid, Chain)>>> = LazyLock::new(|| Mutex::new(Recent::within(MAX_KNOWN)));

/// Git directory and ref.
type Spot = (PathBuf, String);

fn size(chain: &Chain) -> usize {
    chain.records.iter().map(|record| record.link.size()).sum()
}

/// A link, and whether its envelope is valid; none if there is no link to read.
type Verdict = Option<(Result<Verified, Fault>, Link)>;

/// Reads chains. What exceeds the limits counts as no link, and so as a fault of the chain; [`ChainReader::check`] then
/// returns the true reason, so callers with a limit call it before they use the chain.
pub(super) struct ChainReader<'r> {
    pub repository: &'r Repository,
    budget: Budget,
    /// Records that are dropped as soon as they are verified.
    over: Option<&'r dyn Fn(&Record) -> bool>,
    handles: RefCell<Handles>,
}

/// Handles on the objects, one for each thread that reads links.
#[derive(Default)]
struct Handles {
    idle: Vec<git2::Repository>,
    /// The bytes that had been read when they were opened.
    since: u64,
    /// Why there are none.
    failed: Option<String>,
}

/// How much may be read.
struct Budget {
    /// The bytes of links that were read, and the limit.
    read: AtomicU64,
    max_bytes: u64,
    deadline: Deadline,
}

impl Budget {
    fn of(repository: &Repository, max_bytes: u64) -> Budget {
        Budget { read: AtomicU64::new(0), max_bytes, deadline: repository.deadline }
    }

    /// # Errors
    /// The budget is exhausted.
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

    /// Counts bytes before they are read; none if that exceeds the budget.
    fn pay(&self, bytes: usize) -> Option<()> {
        self.read.fetch_add(bytes as u64, Ordering::Relaxed);
        self.check().ok()
    }

    /// The files of one commit, with the envelope verified. What it binds is read only if the envelope is valid and
    /// belongs here: of what anyone can write, only an envelope is read.
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
            for (name, id) in [(chain::MANIFEST_FILE, files.manifest), (chain::FINDINGS_FILE, files.findings)] {
                link.files.insert(name.to_owned(), self.file(raw, id)?);
            }
        }
        Some((verified, link))
    }

    fn file(&self, raw: &git2::Repository, id: Oid) -> Option<Vec<u8>> {
        self.pay(within(raw, id, MAX_FILE)?)?;
        Some(raw.find_blob(id).ok()?.content().to_vec())
    }
}

impl<'r> ChainReader<'r> {
    pub fn of(repository: &'r Repository) -> ChainReader<'r> {
        ChainReader { repository, budget: Budget::of(repository, u64::MAX), over: None, handles: RefCell::default() }
    }

    pub fn within(repository: &'r Repository, scope: &Scope<'r>) -> ChainReader<'r> {
        let budget = Budget::of(repository, scope.max_bytes);
        ChainReader { repository, budget, over: scope.over, handles: RefCell::default() }
    }

    /// At least one handle, and no more than requested. If there is none, [`ChainReader::check`] returns the reason.
    fn take_handles(&self, count: usize) -> Vec<git2::Repository> {
        let mut own = self.handles.borrow_mut();
        let (wanted, idle) = (count.max(1), own.idle.len());
        let mut taken = own.idle.split_off(idle.saturating_sub(wanted));
        while taken.len() < wanted {
            match self.repository.apart() {
                Ok(handle) => taken.push(handle),
                Err(error) => {
                    if taken.is_empty() {
                        own.failed = Some(error.to_string());
                    }
                    break;
                }
            }
        }
        taken
    }

    fn give_back(&self, handles: impl IntoIterator<Item = git2::Repository>) {
        let (mut own, read) = (self.handles.borrow_mut(), self.budget.read.load(Ordering::Relaxed));
        own.idle.extend(handles);
        if read - own.since > MAX_MAPPED {
            own.idle.clear();
            own.since = read;
        }
    }

    /// # Errors
    /// Something was not read, because there is too much of it or because the repository cannot be reopened.
    pub fn check(&self) -> Result<(), GitError> {
        match &self.handles.borrow().failed {
            Some(why) => Err(GitError::Other(why.clone())),
            None => self.budget.check(),
        }
    }

    /// The chain under a ref.
    pub fn copy(&self, name: &str, id: &str, tip: Option<Oid>, digested: Option<&Digested>) -> Chain {
        let id = id_of(id);
        let Some(tip) = tip else { return Chain::read(id, [None]) };
        let known = digested.and_then(|digested| digested.chain(self, name, tip));
        known.unwrap_or_else(|| if self.over.is_some() { self.rest(&id, tip) } else { self.chain(name, &id, tip) })
    }

    pub fn chain(&self, name: &str, id: &ChainId, tip: Oid) -> Chain {
        let spot = (self.repository.common_dir().to_path_buf(), name.to_owned());
        let known = KNOWN.lock().ok().and_then(|mut known| known.get(&spot));
        // What was read in the quarantine of a push that did not land no longer exists.
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
            let size = size(&chain);
            known.keep(spot, (tip, chain.clone()), size);
        }
        chain
    }

    /// The chain without the records that no longer matter; none of these stays in memory.
    fn rest(&self, id: &ChainId, tip: Oid) -> Chain {
        let mut chain = Chain::empty(id.clone());
        self.extend(&mut chain, &self.commits(tip, None).1);
        chain
    }

    /// The commits up to `tip`, oldest first, from the one after `since` if that is among them (then the first value is
    /// true), otherwise from the first. What cannot be read is `None`: a fault, never a gap.
    pub fn commits(&self, tip: Oid, since: Option<Oid>) -> (bool, Vec<Option<Oid>>) {
        let handles = self.take_handles(1);
        let Some(raw) = handles.first() else { return (false, vec![None]) };
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
        self.give_back(handles);
        commits.reverse();
        (reached, commits)
    }

    /// Reads further links, up to the first invalid one. Anyone may have written what follows it: that is not read,
    /// except by other threads meanwhile, which is at most as much as was valid before.
    pub fn extend(&self, chain: &mut Chain, commits: &[Option<Oid>]) {
        // Enough for all processors from the start.
        let (mut rest, mut size) = (commits, LINKS_PER_THREAD * processors());
        while chain.fault.is_none() && !rest.is_empty() {
            let (batch, later) = rest.split_at(size.min(rest.len()));
            let links = self.links(chain, batch);
            chain.extend_verified(links);
            if let Some(over) = self.over {
                chain.let_go(over);
            }
            (rest, size) = (later, (2 * size).min(MAX_BATCH));
        }
    }

    /// The links of commits that would extend a chain, verified, on as many threads as are worthwhile; each thread ends
    /// at its first invalid link.
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
        let handles = self.take_handles(threads);
        if handles.is_empty() {
            return vec![None];
        }
        let size = commits.len().div_ceil(handles.len()).max(1);
        let shares = commits.chunks(size).zip((chain.next().0..).step_by(size));
        let (links, handles): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
            let spawn = |(raw, (share, seq))| scope.spawn(move || (read(&raw, share, seq), raw));
            let mut shares = handles.into_iter().zip(shares);
            // This thread reads the first share itself.
            let own = shares.next();
            let running: Vec<_> = shares.map(spawn).collect();
            let own = own.map(|(raw, (share, seq))| (read(&raw, share, seq), raw));
            let others = running.into_iter().map(|thread| thread.join());
            let others = others.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            own.into_iter().chain(others).unzip()
        });
        self.give_back(handles);
        links.into_iter().flatten().collect()
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Whether a record claims this position of this chain: the first check of [`Chain::check`].
fn is_at(verified: &Verified, chain: &ChainId, seq: u64) -> bool {
    let own = &verified.statement().predicate.chain;
    own.key == chain.key && own.id == chain.device && own.seq.0 == seq
}

/// The size of an object in bytes, from its header alone; none if it exceeds the limit.
fn within(raw: &git2::Repository, id: Oid, most: usize) -> Option<usize> {
    let (size, _) = raw.odb().ok()?.read_header(id).ok()?;
    (size <= most).then_some(size)
}

/// The files in the tree of a link.
pub(super) struct Files {
    /// The name of the envelope.
    name: String,
    pub envelope: Oid,
    manifest: Oid,
    findings: Oid,
}

impl Files {
    pub fn of(raw: &git2::Repository, commit: Oid) -> Option<Files> {
        let id = raw.find_commit(commit).ok()?.tree_id();
        within(raw, id, MAX_COMMIT)?;
        let tree = raw.find_tree(id).ok()?;
        let (mut manifest, mut findings, mut envelope) = (None, None, None);
        for entry in &tree {
            // The raw mode in the tree: git treats 100664 as 100644, but the digest of the tree does not.
            let blob = Some(entry.id()).filter(|_| entry.filemode_raw() == chain::FILE_MODE)?;
            match entry.name().ok()? {
                chain::MANIFEST_FILE => manifest = Some(blob),
                chain::FINDINGS_FILE => findings = Some(blob),
                other => envelope = Some((other.to_owned(), blob)),
            }
        }
        // With a duplicate name, one file is missing.
        let (name, envelope) = envelope.filter(|_| tree.len() == chain::FILES)?;
        Some(Files { name, envelope, manifest: manifest?, findings: findings? })
    }
}
