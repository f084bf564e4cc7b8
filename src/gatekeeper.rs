//! FLOOR 3: asks the gate. Joins the objects of a repository, its ledger, what was remembered and the clock with the rules
//! of [`crate::gate`]. The hook, the command, the service and the tests get the same answers from here.
//!
//! No network, no writes but the gate's own state, and no configuration, hook, filter, graft or replacement object of the
//! inspected repository has a say.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::change::{ObjectId, ref_name, visible};
use crate::gate::{
    self, Code, Decided, Effect, Expected, Grounds, LedgerSummary, MemorySummary, Outcome, PolicySummary, Push, Reason,
    RefOutcome, Remembered,
};
use crate::ledger::{self, Digested};
use crate::memory::{Entry, Memory};
use crate::policy::{Policy, RefStanding};
use crate::provenance;
use crate::record::{Chain, ChainId, Fault, Heads};
use crate::source::git::push::Outlook;
use crate::source::git::{GitError, Objects, PolicyState, Repository, TargetBranch};

pub const SCHEMA: &str = "undersign-outcome/v1";
/// Refs of one push. Git itself sends no more in practice.
pub const MAX_REFS: usize = 100_000;
/// Bytes of the names of all of them: each goes into one line of the log, which must be read back.
const MAX_NAMES: usize = 16 << 20;
/// What belongs to us on a host: nobody pushes anything else there.
const OWN: &str = "refs/undersign/";
/// Where `doctor` tries out what a host allows.
const PROBES: &str = "refs/undersign/probe/";

/// How a gate is set up: by whoever runs it, never by the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// A policy file to judge by, instead of the one on the policy branch.
    pub policy: Option<PathBuf>,
    /// Full name of the policy branch; without it, the default branch.
    pub branch: Option<String>,
    /// Where it remembers; by default in the git directory.
    pub state: Option<PathBuf>,
    /// Says what it would do, and lets everything through.
    pub report_only: bool,
    /// The process lasts, so that what it verified itself is at hand; a hook's is over after one push.
    pub lasting: bool,
}

/// A move of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    pub name: String,
    pub old: ObjectId,
    pub new: ObjectId,
}

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Request<'r> {
    pub repository: &'r str,
    /// Directories with objects that are not let in yet.
    pub quarantine: Vec<PathBuf>,
    /// The refs have not moved yet: each must stand where its move begins, which only who pushes says.
    pub ahead: bool,
    pub updates: Vec<Update>,
    /// Who pushes, as the host authenticated them.
    pub pusher: Option<String>,
    /// `new` is the head of a proposal: judge what merging it now would do.
    pub proposal: bool,
    /// Judge as of then, and only to look back: nothing is remembered, and nothing is let through.
    pub at: Option<i64>,
}

/// Judges a push. Every path that is no clear yes is a no.
pub fn judge(request: &Request<'_>, settings: &Settings, now: i64) -> Outcome {
    let started = Instant::now();
    // Its patterns take as long to prepare as all the rest to read, and are wanted only then.
    if !settings.lasting {
        std::thread::spawn(provenance::Rules::shipped);
    }
    let case = Case { request, settings, now: request.at.unwrap_or(now) };
    let mut outcome = case.open().and_then(|hearing| hearing.judge()).unwrap_or_else(|reason| case.refused(&reason));
    outcome.elapsed_ms = started.elapsed().as_millis() as u64;
    outcome
}

struct Case<'c> {
    request: &'c Request<'c>,
    settings: &'c Settings,
    now: i64,
}

fn unreadable(error: impl std::fmt::Display) -> Reason {
    Reason::undecidable(Code::Unreadable, error.to_string())
}

impl<'c> Case<'c> {
    /// Everything that the verdict rests on, read.
    fn open(&'c self) -> Result<Hearing<'c>, Reason> {
        if self.request.updates.len() > MAX_REFS {
            let detail = format!("The push moves more than {MAX_REFS} refs. Push in parts.");
            return Err(Reason::deny(Code::Limit, detail));
        }
        if self.request.updates.iter().map(|update| update.name.len()).sum::<usize>() > MAX_NAMES {
            let detail = format!("The names of the refs are more than {} MiB. Push in parts.", MAX_NAMES >> 20);
            return Err(Reason::deny(Code::Limit, detail));
        }
        self.refuse_names()?;
        let repository = Repository::open(Path::new(self.request.repository)).map_err(unreadable)?;
        let repository = repository.with_objects(&self.request.quarantine).map_err(unreadable)?;
        self.refuse_pretence(&repository)?;
        let memory = self.memory(&repository)?;
        let trunk = trunk(&repository, self.settings)?;
        // The policy as it stood before the push: of the policy branch itself, that is where the push says it was.
        let moved = self.request.updates.iter().find(|update| update.name == trunk.name && !update.old.is_zero());
        let before = moved.map_or(trunk.tip, |update| update.old);
        let policy = policy(&repository, self.settings, before)?;
        // A look back asks for records that have no say any more.
        let digests = !self.settings.lasting && self.request.at.is_none();
        let digested = memory.as_ref().filter(|_| digests).and_then(|memory| memory.digested(&policy));
        let current = digested.as_ref().is_some_and(|digested| digested.is_current(&repository));
        let held = ledger::read_with(&repository, &[], digested.as_ref()).map_err(unreadable)?;
        let pushed: Vec<_> = self.request.updates.iter().filter(|u| ledger::prefix_of(&u.name).is_some()).collect();
        let chains = if pushed.is_empty() {
            held.clone()
        } else {
            let moves: Vec<_> = pushed.iter().map(|update| (update.name.as_str(), update.new)).collect();
            ledger::read_with(&repository, &moves, digested.as_ref()).map_err(unreadable)?
        };
        let digest = digests && !current;
        Ok(Hearing { case: self, repository, memory, trunk: (trunk.name, before), policy, held, chains, digest })
    }

    /// Names that git does not allow, and new ones that look like others.
    fn refuse_names(&self) -> Result<(), Reason> {
        for update in &self.request.updates {
            let name = visible::text(&update.name);
            if !ref_name::is_full_name(&update.name) {
                let detail = format!("{name} is no full name of a ref that git allows. Push under another name.");
                return Err(Reason::deny(Code::RefUncovered, detail));
            }
            if update.old.is_zero() && visible::hidden(&update.name).next().is_some() {
                let detail = format!("{name} is a name with characters that do not show. Push under another name.");
                return Err(Reason::deny(Code::Hidden, detail));
            }
        }
        Ok(())
    }

    /// Git tells where a ref stands as the pusher said it, and looks only when it moves that ref, each for itself: the policy
    /// and where a new branch begins would be the pusher's to choose, for all the others.
    fn refuse_pretence(&self, repository: &Repository) -> Result<(), Reason> {
        let mut names = HashSet::new();
        for update in &self.request.updates {
            let name = visible::text(&update.name);
            if !names.insert(&update.name) {
                let detail = format!("The push moves {name} twice, and what that would mean nobody has said.");
                return Err(Reason::deny(Code::BaseMoved, detail));
            }
            if let Some(other) = repository.stands_for(&update.name) {
                let detail =
                    format!("{name} is another name of {}, which git would move. Push to that.", visible::text(&other));
                return Err(Reason::deny(Code::RefUncovered, detail));
            }
            if self.request.ahead && !repository.stands_at(&update.name, update.old) {
                let detail = format!("{name} does not stand where the push says. Fetch, then push again.");
                return Err(Reason::deny(Code::BaseMoved, detail));
            }
        }
        Ok(())
    }

    /// The state; none where nobody named a place and the git directory cannot be written and never was, such as a
    /// read-only checkout.
    fn memory(&self, repository: &Repository) -> Result<Option<Memory>, Reason> {
        let dir = match &self.settings.state {
            Some(dir) => dir.clone(),
            None => default_state(repository),
        };
        match Memory::open(&dir) {
            Ok(memory) => Ok(Some(memory)),
            Err(_) if self.settings.state.is_none() && !dir.exists() => Ok(None),
            Err(why) => Err(unreadable(why)),
        }
    }

    fn refused(&self, reason: &Reason) -> Outcome {
        let refs = self.request.updates.iter().map(|update| RefOutcome::refused(&push_of(update), reason.clone()));
        self.outcome(refs.collect(), None, &[], None)
    }

    fn outcome(
        &self,
        refs: Vec<RefOutcome>,
        policy: Option<&Policy>,
        chains: &[Chain],
        memory: Option<MemorySummary>,
    ) -> Outcome {
        Outcome {
            schema: SCHEMA,
            // Nothing asked is nothing allowed.
            outcome: refs.iter().map(|judged| judged.outcome).max().unwrap_or(Decided::Undecidable),
            enforced: !self.settings.report_only && self.request.at.is_none(),
            valid_until: refs.iter().filter_map(|judged| judged.valid_until).min(),
            refs,
            policy: policy.map(summary),
            ledger: LedgerSummary { chains: chains.len(), records: chains.iter().map(|c| c.len()).sum() },
            memory,
            audit: None,
            evaluated_at: self.now,
            elapsed_ms: 0,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Where a repository's gate keeps its state, unless told otherwise.
pub fn default_state(repository: &Repository) -> PathBuf {
    repository.common_dir().join("undersign").join("gate")
}

/// What a verdict rests on.
struct Hearing<'c> {
    case: &'c Case<'c>,
    repository: Repository,
    memory: Option<Memory>,
    /// The policy branch, and its tip before the push.
    trunk: (String, ObjectId),
    policy: Policy,
    /// What the refs hold.
    held: Vec<Chain>,
    /// The same with what is pushed laid over.
    chains: Vec<Chain>,
    /// What was digested before is not what the refs hold now.
    digest: bool,
}

impl Hearing<'_> {
    fn judge(mut self) -> Result<Outcome, Reason> {
        let now = self.case.now;
        let is_past = self.case.request.at.is_some();
        let repository = &self.repository;
        let landed = |name: &str, id: &str| {
            let (held, id) = (repository.tip(name), id.parse::<ObjectId>().ok());
            held.zip(id).is_some_and(|(held, id)| repository.is_descendant(held, id))
        };
        if let Some(memory) = self.memory.as_mut().filter(|_| !is_past) {
            // First, so that what is judged by is what is remembered; what was known before keeps the word on what went back.
            memory.learn(&self.policy, &self.held, &self.chains, landed, now).map_err(unreadable)?;
        }
        if let Some(memory) = self.memory.as_ref().filter(|_| self.digest) {
            memory.keep(&self.digested(memory.remembered())).map_err(unreadable)?;
        }
        let remembered = match &self.memory {
            // A look back asks what was valid then, not what went missing since.
            Some(memory) if !is_past => memory.remembered().clone(),
            Some(memory) => Remembered { receipts: memory.remembered().receipts.clone(), ..Remembered::default() },
            None => Remembered::default(),
        };
        let refs = self.refs(&remembered);
        self.finish(refs)
    }

    /// What the refs hold, without what is spent.
    fn digested(&self, remembered: &Remembered) -> Digested {
        let contents = Objects::of(&self.repository);
        let grounds = Grounds {
            policy: &self.policy,
            chains: &self.held,
            remembered,
            contents: &contents,
            pusher: None,
            now: self.case.now,
        };
        let spent = gate::spent(&grounds);
        let policy = self.policy.digest.to_string();
        Digested::of(&self.repository, policy, &self.held, |record| spent.contains(&record.id()))
    }

    fn refs(&self, remembered: &Remembered) -> Vec<RefOutcome> {
        let contents = Objects::of(&self.repository);
        let past;
        let chains = match self.case.request.at {
            None => &self.chains,
            Some(at) => {
                past = self.chains.iter().map(|chain| chain.until(|r| known_at(chain, r, remembered, at))).collect();
                &past
            }
        };
        let grounds = Grounds {
            policy: &self.policy,
            chains,
            remembered,
            contents: &contents,
            pusher: self.case.request.pusher.as_deref(),
            now: self.case.now,
        };
        self.case.request.updates.iter().map(|update| self.of_ref(update, &grounds)).collect()
    }

    fn of_ref(&self, update: &Update, grounds: &Grounds<'_>) -> RefOutcome {
        let plain = push_of(update);
        if let Some(prefix) = ledger::prefix_of(&update.name) {
            return self.of_chain(update, prefix);
        }
        if update.name.starts_with(OWN) {
            return self.of_probe(update);
        }
        if [ledger::PREFIX, ledger::BRANCH_PREFIX].iter().any(|prefix| prefix.starts_with(&format!("{}/", update.name)))
        {
            let detail = "It would lie where decisions are kept, and git keeps none below a ref.";
            return RefOutcome::refused(&plain, Reason::deny(Code::RefUncovered, detail));
        }
        let trunk = self.trunk.0.as_str();
        let is_new = update.old.is_zero() && !update.new.is_zero();
        if self.case.settings.branch.is_none() && is_new && self.repository.displaces(&update.name, trunk) {
            let detail = format!(
                "It would be taken for the policy branch in place of {trunk}. Let HEAD of the repository name {trunk}, or \
                 give the gate --policy-branch."
            );
            return RefOutcome::refused(&plain, Reason::deny(Code::RefUncovered, detail));
        }
        // What is not protected need not be read.
        if !matches!(self.policy.refs.standing(&update.name), RefStanding::Protected { .. }) {
            return gate::decide(&plain, grounds);
        }
        let outlook =
            Outlook { repository: &self.repository, policy: &self.policy, trunk: (&self.trunk.0, self.trunk.1) };
        let push = if self.case.request.proposal && !update.old.is_zero() && !update.new.is_zero() {
            outlook.proposal(&update.name, update.old, update.new)
        } else {
            outlook.read(&update.name, update.old, update.new).map(Some)
        };
        match push {
            Ok(Some(push)) => gate::decide(&push, grounds),
            Ok(None) => {
                let detail = "A path that it touches has moved on the target since it forked. Rebase it, and have it reviewed again.";
                RefOutcome::refused(&plain, Reason::deny(Code::BaseMoved, detail))
            }
            Err(error) => RefOutcome::refused(&plain, unreadable(error)),
        }
    }

    fn of_chain(&self, update: &Update, prefix: &str) -> RefOutcome {
        let kept = update.old.is_zero() || self.repository.is_descendant(update.new, update.old);
        let rewound = update.new.is_zero() || !kept;
        let mut chain = (!rewound).then(|| ledger::chain_of(&self.repository, &update.name, prefix, update.new));
        // What is sound by itself may contradict another copy of the chain.
        if let Some(chain) = &mut chain
            && chain.fault.is_none()
            && fault_of(&self.held, &chain.id).is_none()
        {
            chain.fault = fault_of(&self.chains, &chain.id);
        }
        gate::decide_chain(&push_of(update), chain.as_ref(), &self.policy)
    }

    /// A place to try out what the host allows: it takes empty commits, and keeps what it took.
    fn of_probe(&self, update: &Update) -> RefOutcome {
        let kept = update.old.is_zero() || self.repository.is_descendant(update.new, update.old);
        let push = push_of(update);
        if update.name.starts_with(PROBES) && !update.new.is_zero() && kept && self.repository.is_empty(update.new) {
            return gate::allowed(&push);
        }
        let detail = "What is under refs/undersign/ is only ever added to, and holds decisions and nothing else.";
        RefOutcome::refused(&push, Reason::deny(Code::LedgerRollback, detail))
    }

    /// What a push brings that it is let through on, if it brings any.
    fn expected(&self) -> Option<Expected> {
        let is_record = |update: &&Update| ledger::prefix_of(&update.name).is_some();
        let (records, moves): (Vec<_>, Vec<_>) = self.case.request.updates.iter().partition(is_record);
        let protected = |update: &&Update| {
            matches!(self.policy.refs.standing(&update.name), RefStanding::Protected { .. }) && !update.new.is_zero()
        };
        let moves: Vec<_> = moves.into_iter().filter(protected).map(|u| (u.name.clone(), u.new.to_string())).collect();
        let known = self.chains.iter().filter(|chain| self.policy.roster.by_key_id(&chain.id.key).is_some());
        let expected = Expected { moves, heads: Heads::of(known), time: self.case.now };
        (!records.is_empty() && !expected.moves.is_empty()).then_some(expected)
    }

    fn finish(&mut self, refs: Vec<RefOutcome>) -> Result<Outcome, Reason> {
        if self.case.request.ahead && refs.iter().all(|judged| judged.outcome == Decided::Allow) {
            let expected = self.expected();
            if let (Some(memory), Some(expected)) = (&mut self.memory, expected) {
                memory.expect(expected).map_err(unreadable)?;
            }
        }
        let memory = self.memory.as_ref();
        let summary = memory.map(|memory| MemorySummary { chains: memory.remembered().heads.iter().count() });
        let mut outcome = self.case.outcome(refs, Some(&self.policy), &self.chains, summary);
        if let Some(memory) = memory.filter(|_| self.case.request.at.is_none()) {
            let entry = entry_of(&outcome, self.case.request);
            outcome.audit = Some(memory.log().append(entry).map_err(unreadable)?);
        }
        Ok(outcome)
    }
}

fn fault_of(chains: &[Chain], id: &ChainId) -> Option<(usize, Fault)> {
    chains.iter().find(|chain| chain.id == *id)?.fault
}

/// Whether a record was there at a time: by the gate's receipt, else by its own word.
fn known_at(chain: &Chain, record: &crate::record::Record, remembered: &Remembered, at: i64) -> bool {
    let predicate = record.predicate();
    let received = remembered.receipts.received(chain, predicate.chain.seq.0);
    received.unwrap_or(predicate.issued_at.0 as i64) <= at
}

fn push_of(update: &Update) -> Push {
    Push::new(&update.name, update.old, update.new)
}

fn entry_of(outcome: &Outcome, request: &Request<'_>) -> Entry {
    let word = |decided: Decided| decided.name().to_owned();
    let refs = outcome.refs.iter().zip(&request.updates).map(|(judged, update)| crate::memory::EntryRef {
        name: judged.name.clone(),
        old: update.old.to_string(),
        new: update.new.to_string(),
        outcome: word(judged.outcome),
        reasons: judged.reasons.iter().filter(|r| r.effect != Effect::Said).map(|r| r.code.to_string()).collect(),
        records: judged.records.clone(),
    });
    Entry {
        seq: 0,
        prev: String::new(),
        at: outcome.evaluated_at,
        pusher: request.pusher.clone(),
        outcome: word(outcome.outcome),
        enforced: outcome.enforced,
        policy: outcome.policy.as_ref().map(|policy| policy.digest.clone()),
        refs: refs.collect(),
    }
}

/// The policy that a push would be judged by now.
///
/// # Errors
/// Why every push would be undecidable.
pub fn policy_in_force(repository: &str, settings: &Settings) -> Result<PolicySummary, Reason> {
    let repository = Repository::open(Path::new(repository)).map_err(unreadable)?;
    let tip = trunk(&repository, settings)?.tip;
    policy(&repository, settings, tip).map(|policy| summary(&policy))
}

fn summary(policy: &Policy) -> PolicySummary {
    PolicySummary { version: policy.version, digest: policy.digest.to_string() }
}

/// The policy branch.
fn trunk(repository: &Repository, settings: &Settings) -> Result<TargetBranch, Reason> {
    let trunk = match &settings.branch {
        Some(name) => repository.target_named(name),
        None => repository.target(),
    };
    trunk.map_err(|error| match error {
        GitError::Empty | GitError::NoTarget | GitError::NoSuchRevision(_) if settings.policy.is_none() => {
            Reason::undecidable(Code::PolicyAbsent, format!("There is no policy branch: {error}"))
        }
        other => unreadable(other),
    })
}

/// The file that whoever runs the gate named; else what a commit of the policy branch holds.
fn policy(repository: &Repository, settings: &Settings, commit: ObjectId) -> Result<Policy, Reason> {
    match &settings.policy {
        Some(file) => policy_file(file),
        None => policy_of(repository, commit),
    }
}

fn policy_of(repository: &Repository, commit: ObjectId) -> Result<Policy, Reason> {
    match repository.policy_at(commit) {
        Ok(PolicyState::Found(policy)) => Ok(*policy),
        Ok(PolicyState::Absent) => {
            let detail = "There is no .undersign/policy.toml on the policy branch. `undersign init` writes one.";
            Err(Reason::undecidable(Code::PolicyAbsent, detail))
        }
        Ok(PolicyState::Invalid(refused)) => {
            Err(Reason::undecidable(Code::PolicyInvalid, visible::lines(&refused.to_string())))
        }
        Err(error) => Err(unreadable(error)),
    }
}

fn policy_file(file: &Path) -> Result<Policy, Reason> {
    let source = std::fs::read_to_string(file).map_err(|error| {
        Reason::undecidable(Code::PolicyAbsent, format!("The policy file {} cannot be read: {error}.", file.display()))
    })?;
    let name = file.display().to_string();
    Policy::parse(&name, &source)
        .map_err(|refused| Reason::undecidable(Code::PolicyInvalid, visible::lines(&refused.to_string())))
}
