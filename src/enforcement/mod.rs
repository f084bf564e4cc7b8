//! FLOOR 3: asks the gate. Joins the objects of a repository, its ledger, the memory and the clock with the rules of
//! [`crate::gate`]. The hook, the command, the service and the tests get the same answers from here.
//!
//! No network, no writes except to the gate's own state. Configuration, hooks, filters, grafts and replacement objects
//! of the inspected repository have no influence.

mod backup;
mod families;
mod follow;
mod judgement;
mod ledger;
mod operator;
mod policy;

pub use crate::gate::Update;
pub use backup::{Backup, back_up, check_backup, restore};
pub use follow::follow;
pub use operator::{Accepted, Recorded, accept, record, unrecorded};
pub use policy::{policy_branch, policy_file, policy_in_force};

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::change::{ObjectId, visible};
use crate::gate::{Code, Decided, Lands, LedgerSummary, MemorySummary, Outcome, Reason, RefOutcome, ref_names};
use crate::gate_state::{self, Access, GateState, Lock, StateError, StateKey};
use crate::policy::Policy;
use crate::provenance;
use crate::record::Chain;
use crate::source::git::{Deadline, GitError, Repository, TargetBranch};
use judgement::Judgement;
use policy::summary;

pub const SCHEMA: &str = "undersign-outcome/v1";
/// The limit for refs in one push. Git itself sends no more in practice.
pub const MAX_REFS: usize = 100_000;
/// The limit for all their names together, in bytes: each goes into one line of the log, which must be read back.
const MAX_NAMES: usize = 16 << 20;
/// The default limit for the decisions that are read for one push, in bytes. They are kept in memory.
pub const MAX_LEDGER: u64 = 1 << 30;
/// The configuration of a gate: by its operator, never by the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The repository, or the file, of the organization that policies inherit from.
    pub organization: Option<PathBuf>,
    /// A policy file to use instead of the one on the policy branch.
    pub policy: Option<PathBuf>,
    /// The full name of the policy branch; without it, the branch that HEAD names in a repository that people push to.
    pub branch: Option<String>,
    /// The ID that the policy must give the repository; none if any is accepted.
    pub repository_id: Option<String>,
    /// The directory of its state; by default in the git directory.
    pub state: Option<PathBuf>,
    /// The file of the key that authenticates the state; by default in the git directory, and created if necessary.
    pub state_key: Option<PathBuf>,
    /// What it is asked about landed elsewhere, where a freeze may have begun since: none holds it up here.
    pub has_landed: bool,
    /// Reports what it would do, and lets everything through.
    pub report_only: bool,
    /// The time limit for judging one push; none if there is no limit.
    pub deadline: Option<Duration>,
    /// The limit for the decisions that are read for one push, in bytes; none for [`MAX_LEDGER`].
    pub max_ledger: Option<u64>,
    /// The process runs long, so it keeps in memory what it verified itself; a hook ends after one push.
    pub lasting: bool,
}

/// The question.
#[derive(Debug, Clone, Default)]
pub struct Request<'r> {
    pub repository: &'r str,
    /// Directories with objects that are not accepted yet.
    pub quarantine: Vec<PathBuf>,
    /// The refs have not moved yet: each must be where its move begins, which only the pusher says.
    pub ahead: bool,
    pub updates: Vec<Update>,
    /// The pusher, as authenticated by the host.
    pub pusher: Option<String>,
    /// `new` is the head of a proposal: judge what merging it now would do.
    pub proposal: bool,
    /// How the host lands a proposal.
    pub lands: Lands,
    /// Judge as of this time, only to look back: nothing is remembered, and nothing is let through.
    pub at: Option<i64>,
}

/// Judges a push. Every path that is not clearly a yes is a no.
pub fn judge(request: &Request<'_>, settings: &Settings, now: i64) -> Outcome {
    let started = Instant::now();
    // Preparing its patterns takes as long as reading everything else, and they are not needed until then.
    if !settings.lasting {
        std::thread::spawn(provenance::Rules::shipped);
    }
    let deadline = settings.deadline.map(Deadline::after).unwrap_or_default();
    let now = request.at.unwrap_or(now);
    let case = Case { request, settings, deadline, now, is_logged: Cell::new(false) };
    let mut outcome = case.outcome_of_hearing().unwrap_or_else(|reason| {
        let outcome = case.refused(&reason);
        case.note_of_trial(&outcome);
        outcome
    });
    outcome.elapsed_ms = started.elapsed().as_millis() as u64;
    outcome
}

struct Case<'c> {
    request: &'c Request<'c>,
    settings: &'c Settings,
    deadline: Deadline,
    now: i64,
    /// The log has a line about this request.
    is_logged: Cell<bool>,
}

/// Why a repository cannot be used.
fn unread(error: GitError) -> Reason {
    let code = if let GitError::Limit(_) = error { Code::Limit } else { Code::Unreadable };
    Reason::undecidable(code, error.to_string())
}

fn unreadable(error: impl std::fmt::Display) -> Reason {
    Reason::undecidable(Code::Unreadable, error.to_string())
}

impl<'c> Case<'c> {
    fn outcome_of_hearing(&'c self) -> Result<Outcome, Reason> {
        let mut judgement = self.open()?;
        judgement.prepare()?;
        // What was let through on the policy branch meanwhile now applies.
        if judgement.is_policy_older()? {
            drop(judgement);
            judgement = self.open()?;
            judgement.prepare()?;
        }
        judgement.judge()
    }

    /// Reads everything on which the verdict depends.
    fn open(&'c self) -> Result<Judgement<'c>, Reason> {
        if self.request.updates.len() > MAX_REFS {
            let detail = format!("The push moves more than {MAX_REFS} refs. Push in parts.");
            return Err(Reason::deny(Code::Limit, detail));
        }
        if self.request.updates.iter().map(|update| update.name.len()).sum::<usize>() > MAX_NAMES {
            let detail = format!("The names of the refs are more than {} MiB. Push in parts.", MAX_NAMES >> 20);
            return Err(Reason::deny(Code::Limit, detail));
        }
        ref_names::refuse_names(&self.request.updates).map_or(Ok(()), Err)?;
        let clock = self.request.at.is_none().then_some(self.now);
        let repository = policy::open(Path::new(self.request.repository), self.settings, clock)?.within(self.deadline);
        let repository = repository.with_objects(&self.request.quarantine).map_err(unread)?;
        self.refuse_pretence(&repository)?;
        policy::refuse_files_of_the_work_tree(&repository, self.settings)?;
        let policy_branch = policy_branch(&repository, self.settings, self.request.ahead)?;
        // The policy before the push: for the policy branch itself, at the tip that the push claims as old.
        let before = self.policy_commit(&repository, policy_branch.as_ref())?;
        let mut policy = policy::policy(&repository, self.settings, before)?;
        let gate_state = self.gate_state(&repository, &policy)?;
        let name = policy_branch.as_ref().map(|branch| branch.name.as_str());
        let approved = self.approved_policy_commit(&repository, gate_state.as_ref(), name, before)?;
        if approved != before {
            policy = policy::policy(&repository, self.settings, approved)?;
        }
        policy::refuse_open_branch(self.settings, name, &policy)?;
        let ledger = self.ledger(&repository, &policy, gate_state.as_ref())?;
        let is_before_true = approved == policy_branch.as_ref().map(|branch| branch.tip);
        Ok(Judgement {
            case: self,
            repository,
            gate_state,
            policy_branch: policy_branch.map(|branch| branch.name),
            before,
            approved,
            is_before_true,
            policy,
            ledger,
        })
    }

    /// The commit whose policy applies. If the branch has already moved, any commit on its line is accepted as its
    /// earlier tip; another commit could contain a policy of the requester's own, and the gate's memory would follow
    /// it.
    fn policy_commit(
        &self,
        repository: &Repository,
        policy_branch: Option<&TargetBranch>,
    ) -> Result<Option<ObjectId>, Reason> {
        let Some(policy_branch) = policy_branch else { return Ok(None) };
        let moved =
            self.request.updates.iter().find(|update| update.name == policy_branch.name && !update.old.is_zero());
        let Some(moved) = moved.filter(|update| update.old != policy_branch.tip) else {
            return Ok(Some(policy_branch.tip));
        };
        let old = moved.old;
        if self.request.ahead || self.settings.policy.is_some() {
            return Ok(Some(old));
        }
        let holds = |commit| repository.is_on_line(policy_branch.tip, commit).map_err(unread);
        if holds(old)? {
            // Either it has landed, or it starts from an earlier tip of the branch: under the policy of that time.
            if self.request.at.is_none() && !moved.new.is_zero() && !holds(moved.new)? {
                let detail = format!(
                    "{} has moved on from {}, and does not hold {}. Merge or rebase onto {}, where it stands, and ask \
                     again.",
                    visible::text(&policy_branch.name),
                    old.short(),
                    moved.new.short(),
                    policy_branch.tip.short()
                );
                return Err(Reason::deny(Code::BaseMoved, detail));
            }
            return Ok(Some(old));
        }
        let detail = format!(
            "{} does not hold {} on its line, so it was rewritten or never stood there, and no policy is read from \
             there.",
            visible::text(&policy_branch.name),
            old.short()
        );
        Err(Reason::deny(Code::Rewrite, detail))
    }

    /// After the fact, the tip of the policy branch may be there without permission, and would judge itself: then the
    /// nearest commit below it that was let through applies, if that is recorded.
    fn approved_policy_commit(
        &self,
        repository: &Repository,
        gate_state: Option<&GateState>,
        policy_branch: Option<&str>,
        before: Option<ObjectId>,
    ) -> Result<Option<ObjectId>, Reason> {
        let states = gate_state.map(GateState::states).filter(|states| states.are_recorded);
        let is_believed = self.request.ahead || self.request.at.is_some() || self.settings.policy.is_some();
        let (Some(states), Some(policy_branch), Some(at)) = (states.filter(|_| !is_believed), policy_branch, before)
        else {
            return Ok(before);
        };
        let found = repository.on_line(at, |commit| states.is_of(commit, policy_branch)).map_err(unread)?;
        Ok(found.or(before))
    }

    fn refuse_pretence(&self, repository: &Repository) -> Result<(), Reason> {
        let asked = ref_names::Asked { ahead: self.request.ahead, proposal: self.request.proposal };
        let refused = ref_names::refuse_pretence(&self.request.updates, asked, repository);
        refused.map_or(Ok(()), Err)
    }

    /// The state; none if nobody named a place, and the git directory cannot be written and never was, such as in a
    /// read-only checkout.
    fn gate_state(&self, repository: &Repository, policy: &Policy) -> Result<Option<GateState>, Reason> {
        let dir = match &self.settings.state {
            Some(dir) => dir.clone(),
            None => default_state(repository),
        };
        if self.request.at.is_some() {
            return look_into_state(repository, self.settings, &dir, &policy.repository).map(Some).map_err(unreadable);
        }
        match open_state(repository, self.settings, &dir, &policy.repository, self.deadline.left()) {
            Ok(gate_state) => Ok(Some(gate_state)),
            Err(StateError::Held(why)) => Err(Reason::undecidable(Code::Limit, why.to_string())),
            Err(StateError::Unusable(_)) if self.settings.state.is_none() && !dir.exists() => Ok(None),
            Err(StateError::Unusable(why)) => Err(unreadable(why)),
        }
    }

    /// A trial also tells what could not be judged at all, such as without a policy; an enforcing gate stops that, and
    /// somebody asks. What cannot even be logged, or came before the gate had a memory, is counted beside the log.
    /// Nothing depends on whether that can be written.
    fn note_of_trial(&self, outcome: &Outcome) {
        if !self.settings.report_only || self.request.at.is_some() || self.is_logged.get() {
            return;
        }
        let opened = || policy::open(Path::new(self.request.repository), self.settings, None).ok();
        let dir = self.settings.state.clone().or_else(|| Some(default_state(&opened()?)));
        let Some(dir) = dir.filter(|dir| dir.exists()) else { return };
        let note = || {
            let lock = Lock::take(&dir, self.deadline.left()).map_err(|error| error.to_string())?;
            if gate_state::is_only_log(&dir) {
                return Err("No log is written before the memory.".to_owned());
            }
            gate_state::log_of(&dir)?.append_in(lock.folder(), judgement::entry_of(outcome, self.request))
        };
        if note().is_err() {
            gate_state::note_unlogged(&dir, outcome.evaluated_at);
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
        gate_state: Option<MemorySummary>,
    ) -> Outcome {
        Outcome {
            schema: SCHEMA,
            // If nothing is asked, nothing is allowed.
            outcome: refs.iter().map(|judged| judged.outcome).max().unwrap_or(Decided::Undecidable),
            enforced: !self.settings.report_only && self.request.at.is_none(),
            valid_until: refs.iter().filter_map(|judged| judged.valid_until).min(),
            refs,
            policy: policy.map(summary),
            ledger: LedgerSummary { chains: chains.len(), records: chains.iter().map(|c| c.len()).sum() },
            memory: gate_state,
            audit: None,
            evaluated_at: self.now,
            elapsed_ms: 0,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// The default place of the key of a gate's state: in the git directory, and not in the state.
fn own_key(repository: &Repository) -> PathBuf {
    repository.common_dir().join("undersign").join("state.key")
}

/// The state of a repository's gate. A state that an older program left in the git directory, where nobody else writes,
/// is adopted.
fn open_state(
    repository: &Repository,
    settings: &Settings,
    dir: &Path,
    id: &str,
    patience: Option<Duration>,
) -> Result<GateState, StateError> {
    let own = own_key(repository);
    let (is_first, key) = match &settings.state_key {
        Some(file) => (false, Some(StateKey::read(file)?)),
        None => (!own.exists(), StateKey::at(&own)?),
    };
    let is_ours = is_first && key.is_some() && settings.state.is_none();
    let gate_state = GateState::open(dir, Access { key, repository: id, patience, lasting: settings.lasting })?;
    let mut gate_state = if is_ours { gate_state.into_adopted()? } else { gate_state };
    if let Some(host) = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok()) {
        gate_state.on_host(&host, crate::clock::now())?;
    }
    Ok(gate_state)
}

/// The same for a look back, which creates and writes nothing.
///
/// # Errors
/// A sentence: the state cannot be read.
pub fn look_into_state(
    repository: &Repository,
    settings: &Settings,
    dir: &Path,
    id: &str,
) -> Result<GateState, String> {
    let file = settings.state_key.clone().unwrap_or_else(|| own_key(repository));
    let is_there = settings.state_key.is_some() || file.exists();
    let key = is_there.then(|| StateKey::read(&file)).transpose()?;
    GateState::look(dir, Access { key, repository: id, patience: None, lasting: false })
}

/// The default place of the state of a repository's gate.
pub fn default_state(repository: &Repository) -> PathBuf {
    repository.common_dir().join("undersign").join("gate")
}
