//! FLOOR 3: asks the gate. Joins the objects of a repository, its ledger, what was remembered and the clock with the rules
//! of [`crate::gate`]. The hook, the command, the service and the tests get the same answers from here.
//!
//! No network, no writes but the gate's own state, and no configuration, hook, filter, graft or replacement object of the
//! inspected repository has a say.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::change::{ObjectId, ref_name, visible};
use crate::gate::{
    self, Code, Decided, Effect, Grounds, Judged, Lands, LedgerSummary, MemorySummary, Outcome, PolicySummary,
    PushEvaluation, Reason, RefOutcome, Remembered, States, Waiting,
};
use crate::ledger::{self, Digested, Scope};
use crate::memory::{self, Access, Entry, Memory, StateKey};
use crate::policy::{AuthorProof, Policy, RefStanding};
use crate::provenance;
use crate::record::{Chain, ChainId, Fault, Heads};
use crate::source::git::push::Commits;
use crate::source::git::{Deadline, GitError, Objects, PolicyState, Repository, TargetBranch};

pub use crate::gate::Update;

pub const SCHEMA: &str = "undersign-outcome/v1";
/// Refs of one push. Git itself sends no more in practice.
pub const MAX_REFS: usize = 100_000;
/// Bytes of the names of all of them: each goes into one line of the log, which must be read back.
const MAX_NAMES: usize = 16 << 20;
/// Bytes of the decisions that are read for one push, unless told otherwise. They are held in memory.
pub const MAX_LEDGER: u64 = 1 << 30;
/// What belongs to us on a host: nobody pushes anything else there.
const OWN: &str = "refs/undersign/";
/// Where `doctor` tries out what a host allows.
const PROBES: &str = "refs/undersign/probe/";

/// How a gate is set up: by whoever runs it, never by the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// A policy file to judge by, instead of the one on the policy branch.
    pub policy: Option<PathBuf>,
    /// Full name of the policy branch; without it, the one that HEAD of a repository that is pushed to names.
    pub branch: Option<String>,
    /// The id that the policy must give the repository; none where any will do.
    pub repository_id: Option<String>,
    /// Where it remembers; by default in the git directory.
    pub state: Option<PathBuf>,
    /// The file of the key that vouches for what it remembers; by default in the git directory, made when need be.
    pub state_key: Option<PathBuf>,
    /// Says what it would do, and lets everything through.
    pub report_only: bool,
    /// How long one push may take to judge; none where it may take any time.
    pub deadline: Option<Duration>,
    /// Bytes of decisions that are read for one push; none for [`MAX_LEDGER`].
    pub max_ledger: Option<u64>,
    /// The process lasts, so that what it verified itself is at hand; a hook's is over after one push.
    pub lasting: bool,
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
    /// How the host lands a proposal.
    pub lands: Lands,
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
    let deadline = settings.deadline.map(Deadline::after).unwrap_or_default();
    let case = Case { request, settings, deadline, now: request.at.unwrap_or(now) };
    let mut outcome = case.outcome_of_hearing().unwrap_or_else(|reason| case.refused(&reason));
    outcome.elapsed_ms = started.elapsed().as_millis() as u64;
    outcome
}

struct Case<'c> {
    request: &'c Request<'c>,
    settings: &'c Settings,
    deadline: Deadline,
    now: i64,
}

/// Why a repository cannot be judged by.
fn unread(error: GitError) -> Reason {
    let code = if let GitError::Limit(_) = error { Code::Limit } else { Code::Unreadable };
    Reason::undecidable(code, error.to_string())
}

fn unreadable(error: impl std::fmt::Display) -> Reason {
    Reason::undecidable(Code::Unreadable, error.to_string())
}

impl<'c> Case<'c> {
    fn outcome_of_hearing(&'c self) -> Result<Outcome, Reason> {
        let mut hearing = self.open()?;
        hearing.prepare()?;
        // What was let through on the policy branch meanwhile is what is judged by.
        if hearing.is_policy_older()? {
            drop(hearing);
            hearing = self.open()?;
            hearing.prepare()?;
        }
        hearing.judge()
    }

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
        let repository =
            Repository::open_exactly(Path::new(self.request.repository)).map_err(unread)?.within(self.deadline);
        let repository = repository.with_objects(&self.request.quarantine).map_err(unread)?;
        self.refuse_pretence(&repository)?;
        let trunk = trunk(&repository, self.settings, self.request.ahead)?;
        // The policy as it stood before the push: of the policy branch itself, that is where the push says it was.
        let before = self.policy_commit(&repository, trunk.as_ref())?;
        let mut policy = policy(&repository, self.settings, before)?;
        let memory = self.memory(&repository, &policy)?;
        let name = trunk.as_ref().map(|trunk| trunk.name.as_str());
        let approved = self.approved_policy_commit(&repository, memory.as_ref(), name, before)?;
        if approved != before {
            policy = self::policy(&repository, self.settings, approved)?;
        }
        // A look back asks for records that have no say any more.
        let digests = !self.settings.lasting && self.request.at.is_none();
        let digested = memory.as_ref().filter(|_| digests).and_then(|memory| memory.digested(&policy));
        // Chains of keys that are nobody's have no say, and anyone could put some there that take hours to read.
        let scope = Scope {
            wanted: &|key| policy.roster.by_key_id(key).is_some(),
            max_bytes: self.settings.max_ledger.unwrap_or(MAX_LEDGER),
            // What is in force is the same truth for every command of a clone: own records, and those that were fetched.
            with_remotes: !self.request.ahead && !repository.is_bare(),
        };
        let current = digested.as_ref().is_some_and(|digested| digested.is_current(&repository, &scope));
        let held = ledger::read_with(&repository, &[], digested.as_ref(), &scope).map_err(unread)?;
        let pushed: Vec<_> = self.request.updates.iter().filter(|u| ledger::prefix_of(&u.name).is_some()).collect();
        let chains = if pushed.is_empty() {
            held.clone()
        } else {
            let moves: Vec<_> = pushed.iter().map(|update| (update.name.as_str(), update.new)).collect();
            ledger::read_with(&repository, &moves, digested.as_ref(), &scope).map_err(unread)?
        };
        let digest = digests && !current;
        let is_before_true = approved == trunk.as_ref().map(|trunk| trunk.tip);
        Ok(Hearing {
            case: self,
            repository,
            memory,
            trunk: trunk.map(|trunk| trunk.name),
            before,
            approved,
            is_before_true,
            policy,
            held,
            chains,
            digest,
        })
    }

    /// The commit whose policy is asked. Where the branch has moved already, any that it showed is believed to be where it
    /// stood; another could hold a policy of the requester's own, and what the gate remembers would follow it.
    fn policy_commit(&self, repository: &Repository, trunk: Option<&TargetBranch>) -> Result<Option<ObjectId>, Reason> {
        let Some(trunk) = trunk else { return Ok(None) };
        let moved = self.request.updates.iter().find(|update| update.name == trunk.name && !update.old.is_zero());
        let Some(old) = moved.map(|update| update.old).filter(|old| *old != trunk.tip) else {
            return Ok(Some(trunk.tip));
        };
        if self.request.ahead
            || self.settings.policy.is_some()
            || repository.is_on_line(trunk.tip, old).map_err(unread)?
        {
            return Ok(Some(old));
        }
        let detail = format!(
            "{} does not hold {} on its line, so it was rewritten or never stood there, and no policy is read from there.",
            visible::text(&trunk.name),
            old.short()
        );
        Err(Reason::deny(Code::Rewrite, detail))
    }

    /// Asked after the fact, what the policy branch holds may be there without anybody's leave, and would judge itself: then
    /// the nearest below it that was let there is asked, where that is recorded.
    fn approved_policy_commit(
        &self,
        repository: &Repository,
        memory: Option<&Memory>,
        trunk: Option<&str>,
        before: Option<ObjectId>,
    ) -> Result<Option<ObjectId>, Reason> {
        let states = memory.map(Memory::states).filter(|states| states.are_recorded);
        let is_believed = self.request.ahead || self.request.at.is_some() || self.settings.policy.is_some();
        let (Some(states), Some(trunk), Some(at)) = (states.filter(|_| !is_believed), trunk, before) else {
            return Ok(before);
        };
        let found = repository.on_line(at, |commit| states.is_of(commit, trunk)).map_err(unread)?;
        Ok(found.or(before))
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
            if self.request.is_proposal(update) && repository.shown(&update.name, false) != Some(update.old) {
                let detail = format!(
                    "{name} does not stand at {}, and a verdict on a proposal is worth nothing on another tip. Fetch, and ask again.",
                    update.old.short()
                );
                return Err(Reason::deny(Code::BaseMoved, detail));
            }
        }
        Ok(())
    }

    /// The state; none where nobody named a place and the git directory cannot be written and never was, such as a
    /// read-only checkout.
    fn memory(&self, repository: &Repository, policy: &Policy) -> Result<Option<Memory>, Reason> {
        let dir = match &self.settings.state {
            Some(dir) => dir.clone(),
            None => default_state(repository),
        };
        match open_memory(repository, self.settings, &dir, &policy.repository, self.deadline.left()) {
            Ok(memory) => Ok(Some(memory)),
            // Somebody else had it all the time.
            Err(why) if self.deadline.check().is_err() => Err(Reason::undecidable(Code::Limit, why)),
            Err(_) if self.settings.state.is_none() && !dir.exists() => Ok(None),
            Err(why) => Err(unreadable(why)),
        }
    }

    fn refused(&self, reason: &Reason) -> Outcome {
        let refs = self.request.updates.iter().map(|update| RefOutcome::refused(&update.name, reason.clone()));
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

impl Request<'_> {
    fn is_proposal(&self, update: &Update) -> bool {
        self.proposal && !update.old.is_zero() && !update.new.is_zero()
    }
}

/// Where a gate keeps the key of its state, unless told otherwise: in the git directory, and not in the state.
fn own_key(repository: &Repository) -> PathBuf {
    repository.common_dir().join("undersign").join("state.key")
}

/// The state of a repository's gate. What an older program left in the git directory, where nobody else writes, is believed.
fn open_memory(
    repository: &Repository,
    settings: &Settings,
    dir: &Path,
    id: &str,
    patience: Option<Duration>,
) -> Result<Memory, String> {
    let own = own_key(repository);
    let (is_first, key) = match &settings.state_key {
        Some(file) => (false, Some(StateKey::read(file)?)),
        None => (!own.exists(), StateKey::at(&own)?),
    };
    let is_ours = is_first && key.is_some() && settings.state.is_none();
    let memory = Memory::open(dir, Access { key, repository: id, patience })?;
    if is_ours { memory.into_adopted() } else { Ok(memory) }
}

/// Where a repository's gate keeps its state, unless told otherwise.
pub fn default_state(repository: &Repository) -> PathBuf {
    repository.common_dir().join("undersign").join("gate")
}

/// What is read of objects while a push is judged, and what is known of before.
struct Facts<'g> {
    contents: Objects<'g>,
    history: Commits<'g>,
    remembered: &'g Remembered,
    states: &'g States,
}

/// What a verdict rests on.
struct Hearing<'c> {
    case: &'c Case<'c>,
    repository: Repository,
    memory: Option<Memory>,
    /// The policy branch; none where the operator gave the policy, and nothing says which branch it would be.
    trunk: Option<String>,
    /// Where that branch stood before what is asked, and the nearest from there down whose policy is judged by.
    before: Option<ObjectId>,
    approved: Option<ObjectId>,
    /// The policy was read where that branch stands, and not where a requester says that it stood.
    is_before_true: bool,
    policy: Policy,
    /// What the refs hold.
    held: Vec<Chain>,
    /// The same with what is pushed laid over.
    chains: Vec<Chain>,
    /// What was digested before is not what the refs hold now.
    digest: bool,
}

impl Hearing<'_> {
    /// Takes in all that happened before what is asked.
    fn prepare(&mut self) -> Result<(), Reason> {
        let is_past = self.case.request.at.is_some();
        let is_lost = |memory: &Memory| memory.remembered().recorded && !memory.states().are_recorded;
        if !is_past && self.memory.as_ref().is_some_and(is_lost) {
            let detail = "What protected refs showed was recorded here, and is gone or not vouched for by the gate's key. Restore \
                          `states` and the key; or answer for what refs show now: `undersign gate record`.";
            return Err(Reason::undecidable(Code::NotAState, detail));
        }
        // While another gate had the state, its push may have landed: that is a race that was lost, and no tampering.
        self.case.refuse_pretence(&self.repository)?;
        let is_behind = self.is_behind();
        if !is_past && !is_behind {
            self.learn()?;
        }
        if let Some(memory) = self.memory.as_ref().filter(|_| self.digest) {
            memory.keep(&self.digested(memory.remembered())?).map_err(unreadable)?;
        }
        if !is_behind {
            let remembered = self.remembered();
            self.catch_up(&remembered)?;
        }
        Ok(())
    }

    /// Whether the policy was read from below where the policy branch is known to have stood by now.
    fn is_policy_older(&self) -> Result<bool, Reason> {
        let memory = self.memory.as_ref();
        let now = self.case.approved_policy_commit(&self.repository, memory, self.trunk.as_deref(), self.before)?;
        Ok(now != self.approved)
    }

    fn remembered(&self) -> Remembered {
        let is_past = self.case.request.at.is_some();
        match &self.memory {
            // A look back asks what was valid then, not what went missing since.
            // What arrives came now, whatever its signer says.
            Some(memory) if !is_past => {
                let mut remembered = memory.remembered().clone();
                let is_held =
                    |chain: &Chain| self.held.iter().any(|held| held.id == chain.id && held.head() == chain.head());
                let arriving = self.chains.iter().filter(|chain| !is_held(chain));
                arriving.for_each(|chain| remembered.receipts.learn(chain, self.case.now));
                remembered
            }
            Some(memory) => Remembered { receipts: memory.remembered().receipts.clone(), ..Remembered::default() },
            None => Remembered::default(),
        }
    }

    fn judge(mut self) -> Result<Outcome, Reason> {
        let remembered = self.remembered();
        let judged = self.refs(&remembered, &self.states())?;
        self.finish(judged)
    }

    /// The policy is older than one that was judged by: it says nothing of what is remembered.
    fn is_behind(&self) -> bool {
        let newest = self.memory.as_ref().and_then(|memory| memory.remembered().policy.as_ref());
        newest.is_some_and(|(version, _)| self.policy.version < *version)
    }

    /// Takes in what became of earlier pushes, and what the refs hold.
    fn learn(&mut self) -> Result<(), Reason> {
        let Some(memory) = &mut self.memory else { return Ok(()) };
        let (repository, ahead, now) = (&self.repository, self.case.request.ahead, self.case.now);
        let rules = &self.policy.refs;
        let policy = Some(&self.policy).filter(|_| self.is_before_true || self.case.settings.policy.is_some());
        let places = RefCell::default();
        let place = |name: &str, id: &str, beyond| place_of(repository, ahead, name, id, beyond, &places);
        let (ballots, digest) = (OnceCell::new(), self.policy.digest.to_string());
        let still_approved = |landed: &gate::WaitingStates, receipts: &gate::Receipts| {
            let ballots = ballots.get_or_init(|| gate::ballots(&self.policy, &self.held, receipts, now));
            matches!(rules.standing(&landed.name), RefStanding::Protected { .. })
                && gate::still_approve(ballots, &landed.records, landed.policy == digest)
        };
        // A ref that may be deleted may begin anew; another that is gone was taken away behind the gate.
        memory.forget_tips(|name| match rules.standing(name) {
            RefStanding::Protected { rewrite: false, delete } => !delete || repository.shown(name, ahead).is_some(),
            _ => false,
        });
        memory.learn(policy, &self.policy.roster, &self.held, place, still_approved, now).map_err(unreadable)
    }

    /// What protected refs showed; without a record of it, what they show now, and where the caller says that the refs of
    /// the push stand.
    fn states(&self) -> Cow<'_, States> {
        let recorded = self.memory.as_ref().map(Memory::states).filter(|states| states.are_recorded);
        let is_past = self.case.request.at.is_some();
        if let Some(states) = recorded.filter(|_| !is_past) {
            return Cow::Borrowed(states);
        }
        let mut states = recorded.cloned().unwrap_or_default();
        let updates = &self.case.request.updates;
        let asked: HashSet<&str> = updates.iter().map(|update| update.name.as_str()).collect();
        // Asked after the fact, what is judged would vouch for itself by another name: only the policy branch is believed.
        let ahead = self.case.request.ahead;
        let shown = if ahead {
            self.repository.shown_refs(ahead, |name| self.is_protected(name))
        } else {
            self.shown_trunk().into_iter().collect()
        };
        let others = shown.into_iter().filter(|(name, _)| !asked.contains(name.as_str()));
        let own = updates.iter().filter(|update| !update.old.is_zero());
        let own = own.filter_map(|update| Some((update.name.clone(), self.repository.commit_named(update.old)?)));
        for (name, commit) in others.chain(own).filter(|(name, _)| self.is_protected(name)) {
            states.insert(commit, &name);
        }
        Cow::Owned(states)
    }

    fn shown_trunk(&self) -> Option<(String, ObjectId)> {
        let trunk = self.trunk.as_ref()?;
        Some((trunk.clone(), self.repository.commit_named(self.repository.shown(trunk, false)?)?))
    }

    fn is_protected(&self, name: &str) -> bool {
        matches!(self.policy.refs.standing(name), RefStanding::Protected { .. })
    }

    fn grounds<'g>(&'g self, facts: &'g Facts<'g>, chains: &'g [Chain]) -> Grounds<'g> {
        Grounds {
            policy: &self.policy,
            chains,
            remembered: facts.remembered,
            contents: &facts.contents,
            history: &facts.history,
            states: facts.states,
            ahead: self.case.request.ahead,
            policy_branch: self.trunk.as_deref().filter(|_| self.case.settings.policy.is_none()),
            pusher: self.case.request.pusher.as_deref(),
            now: self.case.now,
        }
    }

    /// What the refs hold, without what is spent.
    fn digested(&self, remembered: &Remembered) -> Result<Digested, Reason> {
        let states = States::default();
        let facts = self.facts(remembered, &states)?;
        let spent = gate::spent(&self.grounds(&facts, &self.held));
        let policy = self.policy.digest.to_string();
        Ok(Digested::of(&self.repository, policy, &self.held, |record| spent.contains(&record.id())))
    }

    fn facts<'g>(&'g self, remembered: &'g Remembered, states: &'g States) -> Result<Facts<'g>, Reason> {
        let wants_proof = self.policy.author_proof == AuthorProof::Proven;
        let history = Commits::of(&self.repository, wants_proof).map_err(unreadable)?;
        Ok(Facts { contents: Objects::of(&self.repository), history, remembered, states })
    }

    fn refs(&self, remembered: &Remembered, states: &States) -> Result<Vec<Judged>, Reason> {
        let past;
        let chains = match self.case.request.at {
            None => &self.chains,
            Some(at) => {
                past = self.chains.iter().map(|chain| chain.until(|r| known_at(chain, r, remembered, at))).collect();
                &past
            }
        };
        let facts = self.facts(remembered, states)?;
        let grounds = self.grounds(&facts, chains);
        let mut evaluation = PushEvaluation::new(&grounds);
        let updates = &self.case.request.updates;
        let mut judged: Vec<Option<Judged>> = vec![None; updates.len()];
        for at in gate::judging_order(updates) {
            judged[at] = Some(self.of_ref(&updates[at], &mut evaluation, &grounds));
        }
        Ok(judged.into_iter().flatten().collect())
    }

    /// A gate that is asked after the fact, as in a pipeline, may have missed moves: how the policy branch and the refs that
    /// it is asked about came to where they stand is judged first, and remembered where it was approved.
    fn catch_up(&mut self, remembered: &Remembered) -> Result<(), Reason> {
        let missed = self.missed(remembered)?;
        let repository = &self.repository;
        self.memory.as_mut().map_or(Ok(()), |memory| remember_states(memory, repository, missed))
    }

    /// Refs that moved without this gate, with the states on the way where they were let through.
    fn missed(&self, remembered: &Remembered) -> Result<Vec<(String, Vec<ObjectId>)>, Reason> {
        let request = self.case.request;
        let recorded = self.memory.as_ref().filter(|memory| memory.states().are_recorded);
        let Some(memory) = recorded.filter(|_| !request.ahead && request.at.is_none()) else { return Ok(Vec::new()) };
        let states = memory.states();
        let facts = self.facts(remembered, states)?;
        // What the refs hold, and not what a requester lays over it: it is remembered whatever becomes of the request.
        let grounds = self.grounds(&facts, &self.held);
        let evaluation = PushEvaluation::new(&grounds);
        let asked = request.updates.iter().map(|update| (update.name.as_str(), update.new));
        let names: BTreeMap<&str, ObjectId> =
            self.trunk.iter().map(|trunk| (trunk.as_str(), ObjectId::ZERO)).chain(asked).collect();
        let mut moved = Vec::new();
        for (name, new) in names.into_iter().filter(|(name, _)| self.is_protected(name)) {
            let shown = self.repository.shown(name, false).filter(|shown| *shown != new);
            let Some(tip) = shown.and_then(|shown| self.repository.commit_named(shown)) else { continue };
            if !states.is_of(tip, name) {
                moved.push((name.to_owned(), evaluation.catch_up(name, tip).states));
            }
        }
        Ok(moved)
    }

    fn of_ref(&self, update: &Update, evaluation: &mut PushEvaluation<'_>, grounds: &Grounds<'_>) -> Judged {
        match self.of_special(update) {
            Some(outcome) => Judged { outcome, states: Vec::new() },
            None if self.case.request.is_proposal(update) => {
                Judged { outcome: gate::decide_proposal(update, self.case.request.lands, grounds), states: Vec::new() }
            }
            None => evaluation.decide(update),
        }
    }

    /// What the policy has no say in: refs of ours, and names that would change what it is read from.
    fn of_special(&self, update: &Update) -> Option<RefOutcome> {
        let name = &update.name;
        if let Some(prefix) = ledger::prefix_of(name) {
            return Some(self.of_chain(update, prefix));
        }
        if name.starts_with(OWN) {
            return Some(self.of_probe(update));
        }
        if [ledger::PREFIX, ledger::BRANCH_PREFIX].iter().any(|prefix| prefix.starts_with(&format!("{name}/"))) {
            let detail = "It would lie where decisions are kept, and git keeps none below a ref.";
            return Some(RefOutcome::refused(name, Reason::deny(Code::RefUncovered, detail)));
        }
        None
    }

    fn of_chain(&self, update: &Update, prefix: &str) -> RefOutcome {
        let kept = update.old.is_zero() || self.repository.is_descendant(update.new, update.old);
        let rewound = update.new.is_zero() || !kept;
        let id = ledger::id_of(&update.name[prefix.len()..]);
        // A stranger's is refused by its name, and not read.
        let is_known = self.policy.roster.by_key_id(&id.key).is_some();
        let read = || match is_known {
            true => ledger::chain_of(&self.repository, &update.name, prefix, update.new),
            false => Chain::empty(id),
        };
        let mut chain = (!rewound).then(read);
        // What is sound by itself may contradict another copy of the chain.
        if let Some(chain) = &mut chain
            && chain.fault.is_none()
            && fault_of(&self.held, &chain.id).is_none()
        {
            chain.fault = fault_of(&self.chains, &chain.id).or_else(|| self.fork_on_its_way(&update.name, chain));
        }
        // What was not read in time has no fault for that.
        if let Err(late) = self.case.deadline.check() {
            return RefOutcome::refused(&update.name, unread(late));
        }
        gate::decide_chain(update, chain.as_ref(), &self.held, &self.chains, &self.policy)
    }

    /// Another copy of a chain was let through under its other name, is not there yet, and is not held by this one: once both
    /// are there, they would stop every gate.
    fn fork_on_its_way(&self, name: &str, chain: &Chain) -> Option<(usize, Fault)> {
        let is_copy = |(other, _): &(String, String)| {
            other != name && ledger::prefix_of(other).is_some_and(|p| ledger::id_of(&other[p.len()..]) == chain.id)
        };
        let waiting = self.memory.iter().flat_map(|memory| &memory.remembered().waiting);
        let copies = waiting.filter(|waiting| waiting.moves.iter().any(is_copy));
        let mut heads = copies.filter_map(|waiting| waiting.heads.get(&chain.id));
        let fork = heads.find(|head| chain.holds(*head).is_err())?;
        Some((fork.seq as usize, Fault::Forked))
    }

    /// A place to try out what the host allows: it takes empty commits, and keeps what it took.
    fn of_probe(&self, update: &Update) -> RefOutcome {
        let kept = update.old.is_zero() || self.repository.is_descendant(update.new, update.old);
        if update.name.starts_with(PROBES) && !update.new.is_zero() && kept && self.repository.is_empty(update.new) {
            return RefOutcome::allowed(&update.name);
        }
        let detail = "What is under refs/undersign/ is only ever added to, and holds decisions and nothing else.";
        RefOutcome::refused(&update.name, Reason::deny(Code::LedgerRollback, detail))
    }

    /// What is to be remembered of a push that is let through, once it is seen to have landed.
    fn waiting(&self, judged: &[Judged]) -> Option<Waiting> {
        let updates = &self.case.request.updates;
        let records: HashSet<&str> = updates
            .iter()
            .map(|update| update.name.as_str())
            .filter(|name| ledger::prefix_of(name).is_some())
            .collect();
        let is_kept = |name: &str| records.contains(name) || self.is_protected(name);
        let moves = updates.iter().filter(|update| !update.new.is_zero() && is_kept(&update.name));
        let moves: Vec<_> = moves.map(|update| (update.name.clone(), update.new.to_string())).collect();
        let states = updates.iter().zip(judged).filter(|(_, judged)| !judged.states.is_empty());
        let states = states.map(|(update, judged)| gate::WaitingStates {
            name: update.name.clone(),
            new: update.new.to_string(),
            commits: judged.states.iter().map(ObjectId::to_string).collect(),
            records: judged.outcome.records.clone(),
            policy: self.policy.digest.to_string(),
        });
        let arriving = self.chains.iter().filter(|chain| {
            let is_known = self.policy.roster.by_key_id(&chain.id.key).is_some();
            is_known
                && [ledger::PREFIX, ledger::BRANCH_PREFIX]
                    .iter()
                    .any(|p| records.contains(format!("{p}{}", chain.id).as_str()))
        });
        (!moves.is_empty()).then(|| Waiting {
            moves,
            states: states.collect(),
            heads: Heads::of(arriving),
            time: self.case.now,
        })
    }

    /// Remembers what was let through. Nothing of a request that names other places than those where the refs are.
    fn remember(&mut self, judged: &[Judged]) -> Result<(), Reason> {
        let request = self.case.request;
        let all_allowed = judged.iter().all(|judged| judged.outcome.outcome == Decided::Allow);
        if request.proposal || request.at.is_some() || !all_allowed {
            return Ok(());
        }
        let shown = |update: &Update| self.repository.shown(&update.name, request.ahead).unwrap_or(ObjectId::ZERO);
        if !request.updates.iter().all(|update| [update.old, update.new].contains(&shown(update))) {
            return Ok(());
        }
        let waiting = self.waiting(judged).filter(|_| request.ahead);
        let moved = request
            .updates
            .iter()
            .zip(judged)
            .filter(|(update, judged)| !request.ahead && shown(update) == update.new && !judged.states.is_empty());
        let moved: Vec<_> = moved.map(|(update, judged)| (update.name.clone(), judged.states.clone())).collect();
        let Some(memory) = &mut self.memory else { return Ok(()) };
        memory.tick(self.case.now).map_err(unreadable)?;
        if memory.states().are_recorded {
            remember_states(memory, &self.repository, moved)?;
        }
        waiting.map_or(Ok(()), |waiting| memory.wait_for(waiting)).map_err(unreadable)
    }

    /// Refs that the policy which lands begins to protect: what they show, nobody let through.
    fn newly_protected(&self, judged: &mut [Judged]) {
        let updates = &self.case.request.updates;
        let landing = updates
            .iter()
            .zip(judged)
            .find(|(update, _)| Some(&update.name) == self.trunk.as_ref() && !update.new.is_zero());
        let Some((update, judged)) = landing.filter(|(_, judged)| judged.outcome.outcome == Decided::Allow) else {
            return;
        };
        let changed = self.repository.commit_named(update.new);
        let changed = changed.filter(|commit| self.repository.policy_digest(*commit) != Some(self.policy.digest));
        let Some(Ok(PolicyState::Found(next))) = changed.map(|commit| self.repository.policy_at(commit)) else {
            return;
        };
        let is_next = |name: &str| matches!(next.refs.standing(name), RefStanding::Protected { .. });
        let is_new = |name: &str| is_next(name) && !self.is_protected(name);
        let names = self.repository.shown_refs(self.case.request.ahead, is_new).into_iter().map(|(name, _)| name);
        let names: Vec<String> = names.collect();
        if let Some(first) = names.first() {
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            let detail = format!(
                "The policy begins to protect {}{more}. What stands there nobody let through: until it is approved, or recorded \
                 with `undersign gate record REF`, nothing starts from it.",
                visible::text(first)
            );
            judged.outcome.reasons.push(Reason::said(Code::NotAState, detail));
        }
    }

    fn finish(&mut self, mut judged: Vec<Judged>) -> Result<Outcome, Reason> {
        self.remember(&judged)?;
        self.newly_protected(&mut judged);
        let refs: Vec<RefOutcome> = judged.into_iter().map(|judged| judged.outcome).collect();
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

/// Where a ref stands, seen from where it should. Whether it is `beyond` that is dear to know: it is asked once for any two
/// commits, and not when the time is over.
fn place_of(
    repository: &Repository,
    ahead: bool,
    name: &str,
    id: &str,
    beyond: bool,
    known: &RefCell<HashMap<(ObjectId, ObjectId), bool>>,
) -> gate::Place {
    let Ok(id) = id.parse::<ObjectId>() else { return gate::Place::Elsewhere };
    let descends = |held| {
        let in_time = || repository.commit_named(held);
        *known
            .borrow_mut()
            .entry((held, id))
            .or_insert_with(|| in_time().is_some_and(|held| repository.is_descendant(held, id)))
    };
    let holds = |held| beyond && descends(held);
    match repository.shown(name, ahead) {
        Some(held) if held == id => gate::Place::There,
        Some(held) if holds(held) => gate::Place::Beyond,
        _ => gate::Place::Elsewhere,
    }
}

/// Takes in the states of refs that stand at the last of them. That one was taken back, only the operator makes forgotten.
fn remember_states(
    memory: &mut Memory,
    repository: &Repository,
    moved: Vec<(String, Vec<ObjectId>)>,
) -> Result<(), Reason> {
    for (name, states) in moved {
        let tip = states.last().copied();
        memory.record(states.into_iter().map(|state| (state, name.clone()))).map_err(unreadable)?;
        let known = memory.remembered().tips.get(&name).and_then(|known| known.parse().ok());
        let is_kept = |tip| known.is_none_or(|known| repository.is_on_line(tip, known).unwrap_or(false));
        if let Some(tip) = tip.filter(|tip| !name.starts_with("refs/tags/") && is_kept(*tip)) {
            memory.stands(&name, tip).map_err(unreadable)?;
        }
    }
    Ok(())
}

fn fault_of(chains: &[Chain], id: &ChainId) -> Option<(usize, Fault)> {
    chains.iter().find(|chain| chain.id == *id)?.fault
}

/// Whether a record was there at a time: by the gate's receipt, else by its own word.
fn known_at(chain: &Chain, record: &crate::record::Record, remembered: &Remembered, at: i64) -> bool {
    let predicate = record.predicate();
    let received = remembered.receipts.received(chain, predicate.chain.seq.0);
    received.unwrap_or(predicate.issued_at.seconds()) <= at
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
        cut: None,
        note: None,
    }
}

/// The policy that a push would be judged by now.
///
/// # Errors
/// Why every push would be undecidable.
pub fn policy_in_force(repository: &str, settings: &Settings) -> Result<PolicySummary, Reason> {
    let repository = Repository::open_exactly(Path::new(repository)).map_err(unreadable)?;
    let tip = trunk(&repository, settings, false)?.map(|trunk| trunk.tip);
    policy(&repository, settings, tip).map(|policy| summary(&policy))
}

/// What an operator answered for.
pub struct Recorded {
    /// Refs with the commits at which they stand.
    pub tips: Vec<(String, ObjectId)>,
    /// Commits that were no states before.
    pub new: usize,
}

/// Records what protected refs show, by the word of who runs the gate: of all of them, or of those that are named. Of those in
/// `lines`, the whole first-parent line.
///
/// # Errors
/// A sentence: there is no policy to say which refs are protected, a ref is not there or not protected, or the state cannot be
/// written.
pub fn record(path: &Path, settings: &Settings, refs: &[String], lines: &[String]) -> Result<Recorded, String> {
    let repository = Repository::open_exactly(path).map_err(|error| error.to_string())?;
    // Where a gate stands before the repository, its own refs are those that are pushed to, whatever it was cloned from.
    let hosts = repository.is_bare() || repository.common_dir().join("hooks").join("pre-receive").exists();
    let tip = trunk(&repository, settings, hosts).map_err(|reason| reason.detail)?.map(|trunk| trunk.tip);
    let policy = policy(&repository, settings, tip).map_err(|reason| reason.detail)?;
    let is_protected = |name: &str| matches!(policy.refs.standing(name), RefStanding::Protected { .. });
    let shown: BTreeMap<String, ObjectId> = repository.shown_refs(hosts, is_protected).into_iter().collect();
    let named: Vec<&String> = if refs.is_empty() { shown.keys().collect() } else { refs.iter().collect() };
    let mut tips = Vec::new();
    for name in named.into_iter().chain(lines) {
        let tip = shown.get(name).copied().or_else(|| {
            let held = repository.shown(name, hosts).filter(|_| is_protected(name));
            held.and_then(|held| repository.commit_named(held))
        });
        let tip = tip.ok_or_else(|| {
            format!("{} is no protected ref that is here; name it in full, as refs/heads/main.", visible::text(name))
        })?;
        tips.push((name.clone(), tip));
    }
    tips.dedup();
    let dir = settings.state.clone().unwrap_or_else(|| default_state(&repository));
    let mut memory = open_memory(&repository, settings, &dir, &policy.repository, None)?;
    let mut states = tips.iter().map(|(name, tip)| (*tip, name.clone())).collect::<Vec<_>>();
    for name in lines {
        let Some((_, tip)) = tips.iter().find(|(own, _)| own == name) else { continue };
        let line = repository.first_parents(*tip, gate::MAX_LINE).map_err(|error| error.to_string())?;
        states.extend(line.into_iter().map(|commit| (commit, name.clone())));
    }
    let new = memory.record(states)?;
    for (name, tip) in tips.iter().filter(|(name, _)| !name.starts_with("refs/tags/")) {
        memory.stands(name, *tip)?;
    }
    Ok(Recorded { tips, new })
}

/// What an operator answers for, so that a gate goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// The clock ran ahead when a push was let through.
    Clock,
    /// Records of a chain that the gate saw are gone for good.
    Loss(ChainId),
}

/// Takes back a wrong clock, or accepts that records are gone, by the word of who runs the gate; it goes into the log, with
/// the reason. A sentence that says what was done.
///
/// # Errors
/// A sentence: the state cannot be used, or there is nothing of it to take back.
pub fn accept(path: &Path, settings: &Settings, what: &Accepted, reason: &str, now: i64) -> Result<String, String> {
    let repository = Repository::open_exactly(path).map_err(|error| error.to_string())?;
    let hosts = repository.is_bare() || repository.common_dir().join("hooks").join("pre-receive").exists();
    let tip = trunk(&repository, settings, hosts).map_err(|reason| reason.detail)?.map(|trunk| trunk.tip);
    let policy = policy(&repository, settings, tip).map_err(|reason| reason.detail)?;
    let dir = settings.state.clone().unwrap_or_else(|| default_state(&repository));
    let mut memory = open_memory(&repository, settings, &dir, &policy.repository, None)?;
    let time = |at: i64| jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string());
    let done = match what {
        Accepted::Clock => format!("The clock was {}, and is {} now.", time(memory.set_clock(now)?), time(now)),
        Accepted::Loss(chain) => match memory.forget_chain(chain)? {
            Some(seq) => format!("Of the chain {chain}, records up to {seq} are no longer missed."),
            None => return Err(format!("This gate knows of no record of the chain {chain}.")),
        },
    };
    let entry = Entry {
        seq: 0,
        prev: String::new(),
        at: now,
        pusher: None,
        outcome: "accepted".to_owned(),
        enforced: true,
        policy: Some(policy.digest.to_string()),
        refs: Vec::new(),
        cut: None,
        note: Some(format!("{done} {reason}")),
    };
    memory.log().append(entry)?;
    Ok(done)
}

/// Whether states were recorded, and which protected refs stand where this gate never let them: of a repository that is pushed
/// to, for `doctor`.
///
/// # Errors
/// A sentence: the state cannot be read.
pub fn unrecorded(
    repository: &Repository,
    policy: &Policy,
    settings: &Settings,
) -> Result<Option<Vec<String>>, String> {
    let own = settings.state_key.clone().unwrap_or_else(|| own_key(repository));
    let dir = settings.state.clone().unwrap_or_else(|| default_state(repository));
    if !own.exists() {
        return Ok(None);
    }
    let (remembered, states) = memory::peek(&dir, &StateKey::read(&own)?, &policy.repository)?;
    if !states.are_recorded {
        return Ok(None);
    }
    let waits = |name: &str, commit: ObjectId| {
        let waiting = remembered.waiting.iter().flat_map(|waiting| &waiting.states);
        waiting.clone().any(|states| states.name == name && states.commits.last() == Some(&commit.to_string()))
    };
    let is_protected = |name: &str| matches!(policy.refs.standing(name), RefStanding::Protected { .. });
    let shown = repository.shown_refs(true, is_protected).into_iter();
    let unknown = shown.filter(|(name, commit)| !states.is_of(*commit, name) && !waits(name, *commit));
    Ok(Some(unknown.map(|(name, _)| name).collect()))
}

fn summary(policy: &Policy) -> PolicySummary {
    PolicySummary { version: policy.version, digest: policy.digest.to_string() }
}

/// The policy branch, as the operator says which it is: by an option, or by HEAD of a repository that is pushed to. Branches
/// of a clone are named by whoever pushed them, so that `main` of one is anybody's. None where the operator gave the policy
/// itself, and nothing says which branch it would be.
fn trunk(repository: &Repository, settings: &Settings, ahead: bool) -> Result<Option<TargetBranch>, Reason> {
    let name = match &settings.branch {
        Some(name) => Some(name.clone()),
        None if ahead || repository.is_bare() => repository.head_branch(),
        None if repository.has_remotes() => None,
        None => repository.target().ok().map(|target| target.name),
    };
    // Late is not absent.
    repository.deadline.check().map_err(unread)?;
    let tip = |name: &String| repository.commit_named(repository.shown(name, ahead)?);
    let absent = |detail: String| match settings.policy {
        Some(_) => Ok(None),
        None => Err(Reason::undecidable(Code::PolicyAbsent, detail)),
    };
    match name {
        None => absent(
            "Nothing here that only an operator can write says which branch holds the policy. Give --policy-branch \
             refs/heads/NAME, or the policy itself with --policy FILE."
                .to_owned(),
        ),
        Some(name) => match tip(&name) {
            Some(tip) => Ok(Some(TargetBranch { name, tip })),
            None => absent(format!(
                "The policy branch {} is not here. Push it with the gate away, let HEAD name the one that is, or give \
                 --policy-branch.",
                visible::text(&name)
            )),
        },
    }
}

/// The file that whoever runs the gate named; else what a commit of the policy branch holds.
fn policy(repository: &Repository, settings: &Settings, commit: Option<ObjectId>) -> Result<Policy, Reason> {
    let policy = match (&settings.policy, commit) {
        (Some(file), _) => policy_file(file),
        (None, Some(commit)) => policy_of(repository, commit),
        (None, None) => Err(Reason::undecidable(Code::PolicyAbsent, "There is no policy branch.")),
    }?;
    match &settings.repository_id {
        Some(id) if *id != policy.repository => {
            let detail = format!(
                "The policy is that of the repository {}, and this gate stands before {}.",
                visible::text(&policy.repository),
                visible::text(id)
            );
            Err(Reason::undecidable(Code::PolicyInvalid, detail))
        }
        _ => Ok(policy),
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
        Err(error) => Err(unread(error)),
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
