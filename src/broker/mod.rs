//! FLOOR 3: the broker: it admits requests, reads what people signed, runs what may run, and signs the results.
//!
//! The decision is made by [`crate::command::may_start`]. This module collects what that needs, and keeps the order of
//! the steps: a request is burnt, on this disk and at the remote, before anything of it runs.

pub mod admit;
mod branches;
pub mod certificate;
pub mod child;
pub mod ci;
mod drills;
pub mod examine;
mod files;
mod group;
mod level;
mod notice;
mod preview;
mod run;
mod running;
pub mod serve;
pub mod settings;
mod state;
pub mod wire;

pub use settings::Settings;
pub use state::{State, settings_in};

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::change::digest::Digest;
use crate::change::{ObjectId, shown_path};
use crate::clock::now;
use crate::command::drill_statement::CommandDrillRecord;
use crate::command::receipt::{self, Ended, Event, Outcome, Output, Run};
use crate::command::statement::Statement;
use crate::command::{
    Answer, AuthorizationChain, AuthorizationRecord, Decided, Knowledge, RunChain, RunRecord, may_start,
};
use crate::enforcement;
use crate::ledger::families::{Family as _, Keys};
use crate::ledger::{BRANCH_PREFIX, FSYNC, LedgerError, PREFIX, VerifiedChains, append_after, clear_stale_locks};
use crate::policy::{Policy, Target};
use crate::record::chain::{Link, file_name};
use crate::record::statement::{Decimal, Link as Place, PolicyName, RepositoryName, SeenHead};
use crate::record::{ChainId, Head, Heads, RecordId, Signable as _};
use crate::signer::SigningKey;
use crate::source::git::{PolicyState, Repository, organization};
use crate::sync::families::{Sent, fetch_after, send};
use crate::sync::{Prompts, fetch_ref};
use files::{Hashed, Inputs};
use running::Runs;

/// What signs a record, and where the record is stored.
pub struct Broker {
    pub settings: Settings,
    pub state: State,
    key: SigningKey,
    id: ChainId,
    hashed: Hashed,
    inputs: Inputs,
    known: Mutex<Known>,
    chains: Chains,
    /// The policy of the last read. Nobody holds it while git or a plan takes its time.
    policy: Mutex<Arc<Policy>>,
    runs: Runs,
    /// None if nobody is told of requests.
    notices: Option<notice::Notices>,
    /// Held while a plan is shown.
    previewing: Mutex<()>,
    /// When drills were fetched last.
    practised: Mutex<Option<Instant>>,
}

/// What was verified before, so that a request costs what was signed since the last one, and not the whole history.
#[derive(Default)]
struct Chains {
    runs: VerifiedChains<RunRecord>,
    people: VerifiedChains<AuthorizationRecord>,
    drills: VerifiedChains<CommandDrillRecord>,
}

/// The state at the last read.
struct Known {
    policy: Arc<Policy>,
    /// The commit of the policy branch from which it was read.
    commit: ObjectId,
    own: RunChain,
    authorizations: Vec<AuthorizationChain>,
    read: Option<Instant>,
    /// Alarms that nobody may overlook, a sentence each.
    alarms: Vec<String>,
    /// Why the policy, or the organization that it inherits from, cannot be relied on: then nothing starts.
    policy_fault: Option<String>,
}

impl Known {
    /// What was seen is saved. If it could not be, it is as if it had been read when it was `before`.
    fn saved(&mut self, saved: Result<(), String>, before: Option<Instant>) {
        if let Err(why) = saved {
            self.read = before;
            self.alarms.push(why);
        }
    }
}

impl Broker {
    /// Opens the directory that `broker init` created.
    ///
    /// # Errors
    /// A sentence: something is missing, or another broker is running on it.
    pub fn open(dir: &Path) -> Result<Broker, String> {
        let state = State::open(dir)?;
        let settings = state.settings()?;
        let key = state.key()?;
        let id = ChainId { key: key.public.id().to_string(), device: state.device()? };
        refuse_shared_cas(&settings, &key)?;
        let repository = open(&settings.repository)?;
        durable(&repository)?;
        let commit = state.pinned()?;
        let policy = Arc::new(policy_at(&repository, commit)?);
        let chains = Chains::default();
        let own = chains.runs.own(&repository, &id);
        let known = Known {
            policy: policy.clone(),
            commit,
            own,
            authorizations: Vec::new(),
            read: None,
            alarms: Vec::new(),
            policy_fault: None,
        };
        let inputs = Inputs { kept: state.dir.join("kept"), placed: state.dir.join("in") };
        let (hashed, known, policy) = (Hashed::default(), Mutex::new(known), Mutex::new(policy));
        let broker = Broker {
            notices: notice::start(&settings.notify),
            runs: Runs::default(),
            previewing: Mutex::default(),
            practised: Mutex::default(),
            settings,
            state,
            key,
            id,
            hashed,
            inputs,
            known,
            chains,
            policy,
        };
        broker.look_after_a_crash()?;
        Ok(broker)
    }

    /// Pins a policy, by default the current one: from then on only a policy that it lets land replaces it.
    ///
    /// # Errors
    /// A sentence: there is no sound policy, or it assigns no target to this broker.
    pub fn pin(dir: &Path, told: Option<ObjectId>) -> Result<(ObjectId, Policy), String> {
        let state = State::open(dir)?;
        let (settings, key) = (state.settings()?, state.key()?);
        let repository = open(&settings.repository)?;
        let mut name = settings.policy_branch.as_str();
        if let Some(remote) = &settings.remote {
            fetch_ref(&repository, remote, name, state::POLICY_REF, Prompts::Never)?;
            name = state::POLICY_REF;
        }
        let commit = match told {
            Some(commit) => commit,
            None => repository.resolve(name).map_err(|error| error.to_string())?,
        };
        let policy = policy_at(&repository, commit)?;
        let key = key.public.id().to_string();
        if !policy.targets.iter().any(|target| own_target(&policy, &key, &target.name).is_some()) {
            return Err(
                "The policy gives no target to this broker's key. `undersign broker init` printed it.".to_owned()
            );
        }
        place_branch(&repository, &settings, commit)?;
        state.pin(commit)?;
        Ok((commit, policy))
    }

    /// Opened again for each thread.
    fn repository(&self) -> Result<Repository, String> {
        open(&self.settings.repository)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy of the last read, without waiting for one that is going on.
    fn policy(&self) -> Arc<Policy> {
        self.policy.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A run that was started and has no end was interrupted: nobody knows what it did.
    fn look_after_a_crash(&self) -> Result<(), String> {
        let mut known = self.known();
        self.state.clear_specs()?;
        self.end_what_is_left()?;
        // Only the holder of the state's lock writes this ref, so whoever locked it is gone.
        let repository = self.repository()?;
        let _ = std::fs::remove_file(repository.common_dir().join(format!("{}{}.lock", RunRecord::PREFIX, self.id)));
        // What another job started may still be running there.
        if !self.settings.is_ci && self.sign_ends(&mut known)? {
            // It is on this disk; if the remote is unreachable, it is sent with the next record.
            let _ = self.publish();
        }
        Ok(())
    }

    /// Signs the end of each run that has ended and has none signed, and tells of it: the one place that does. Returns
    /// whether there was one.
    fn sign_ends(&self, known: &mut Known) -> Result<bool, String> {
        let mut is_new = false;
        for (request, target) in unfinished(&known.own) {
            let Some(id) = request.parse::<RecordId>().ok() else { continue };
            let Some(end) = self.runs.end_of(id) else { continue };
            self.sign(known, &target, Event::Ended(end.clone()), Vec::new())?;
            self.runs.signed(id);
            self.tell_ended(known, id, &end);
            is_new = true;
        }
        Ok(is_new)
    }

    /// Tries again to sign the ends that could not be signed, and says so once.
    fn retry_ends(&self) {
        let mut known = self.known();
        match self.sign_ends(&mut known) {
            Ok(true) => _ = self.publish(),
            Ok(false) => {}
            Err(why) if self.runs.is_news(&why) => {
                let why = crate::change::visible::lines(&why);
                eprintln!("undersign: the end of a run cannot be signed, and is tried again: {why}");
            }
            Err(_) => {}
        }
    }

    /// Kills what runs of a killed broker left in their control groups, before anybody is told that they are over.
    fn end_what_is_left(&self) -> Result<(), String> {
        for (note, dir) in self.state.groups()? {
            let left = group::Group::left(dir);
            left.kill().map_err(|why| format!("A run of a broker that was killed goes on: {why}."))?;
            let _ = std::fs::remove_file(note);
        }
        Ok(())
    }

    /// Reads the policy branch and the ledger of the remote, and saves what was seen.
    fn refresh(&self, known: &mut Known) {
        let before = known.read;
        self.look(known);
        let saved = self.state.save();
        known.saved(saved, before);
    }

    /// Reads the policy branch and the ledger of the remote. What was seen must be saved before anything depends on it.
    fn look(&self, known: &mut Known) {
        known.alarms.clear();
        let repository = match self.repository() {
            Ok(repository) => repository,
            Err(why) => return known.alarms.push(why),
        };
        // Records that arrive during the read may be missed: the result is as old as its start.
        let began = Instant::now();
        let fetched = self.fetch_policy(&repository);
        known.policy_fault = self.follow(&repository, known).err();
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = known.policy.clone();
        // The ledger last: who joined by the newest policy may have refused something.
        let read = self.read(&repository, known);
        match fetched.and(read) {
            Ok(()) => known.read = Some(began),
            Err(why) => known.alarms.push(why),
        }
    }

    /// Fetches the policy branch, and what was signed about it.
    fn fetch_policy(&self, repository: &Repository) -> Result<(), String> {
        let Some(remote) = &self.settings.remote else { return Ok(()) };
        clear_stale_locks(repository);
        fetch_ref(repository, remote, &self.settings.policy_branch, state::POLICY_REF, Prompts::Never)?;
        for chains in [PREFIX, BRANCH_PREFIX].map(|prefix| format!("{prefix}*")) {
            fetch_ref(repository, remote, &chains, &chains, Prompts::Never)?;
        }
        Ok(())
    }

    /// Adopts what is newer of the policy, and then of the organization that it inherits from.
    fn follow(&self, repository: &Repository, known: &mut Known) -> Result<(), String> {
        let policy = self.follow_policy(repository, known);
        let organization = self.follow_organization(repository, known);
        policy.and(organization)
    }

    /// Reads the organization anew: its people may have left, or lost their keys, since the policy was read. An older
    /// one than this broker saw, or another, is not taken.
    fn follow_organization(&self, repository: &Repository, known: &mut Known) -> Result<(), String> {
        if known.policy.inherited.is_none() {
            return Ok(());
        }
        let place = repository.organization_setting().ok_or(
            "The policy inherits from an organization, and git's setting undersign.organization in the broker's \
             repository does not say where that is.",
        )?;
        let organization = Arc::new(organization::read(&place, Some(now()))?);
        let policy = policy_under(repository, known.commit, &Ok(Some(organization)))?;
        if let Some(inherited) = &policy.inherited {
            self.state.learn_organization(inherited)?;
        }
        known.policy = Arc::new(policy);
        Ok(())
    }

    /// Reads the ledger, from the remote if there is one, and learns what was seen.
    fn read(&self, repository: &Repository, known: &mut Known) -> Result<(), String> {
        let fetched = match &self.settings.remote {
            Some(remote) => self.fetch_ledger(repository, remote, &Keys::of(&known.policy)),
            None => Ok(Vec::new()),
        };
        if self.settings.is_ci && fetched.is_ok() {
            self.adopt(repository, known)?;
        }
        // Local records count, whether the remote answered or not: they may have been delivered by hand.
        known.authorizations =
            self.chains.people.family(repository, true, &Keys::all()).map_err(|error| error.to_string())?;
        let new = self.state.learn(&known.authorizations, &self.heads_of(repository, known), now())?;
        self.tell_refused(known, &new);
        // An invalid chain is not kept. The kept copy must not hide it: it may contain a refusal.
        for damaged in fetched? {
            known.authorizations.retain(|chain| chain.id != damaged.id);
            known.authorizations.push(damaged);
        }
        Ok(())
    }

    /// Adopts a newer policy, if the pinned one lets it land.
    fn follow_policy(&self, repository: &Repository, known: &mut Known) -> Result<(), String> {
        let name = match self.settings.remote {
            Some(_) => state::POLICY_REF,
            None => &self.settings.policy_branch,
        };
        let tip = repository.resolve(name).map_err(|error| error.to_string())?;
        if tip == known.commit {
            return Ok(());
        }
        let settings = enforcement::Settings {
            branch: Some(self.settings.policy_branch.clone()),
            repository_id: Some(known.policy.repository.clone()),
            organization: repository.file_setting("undersign.organization"),
            ..enforcement::Settings::default()
        };
        let (place, branch) = (&self.settings.repository, &self.settings.policy_branch);
        let pinned = known.commit;
        let followed = enforcement::follow(place, branch, (pinned, tip), (&settings, now()), |repository, _, next| {
            known.policy = Arc::new(policy_at(repository, next)?);
            known.commit = next;
            place_branch(repository, &self.settings, next)?;
            self.state.pin(next)
        });
        followed.map_err(|why| {
            format!(
                "The policy branch stands at {}, where the policy that is pinned, at {}, does not let it: {why}\n\
                 Nothing starts until it does. If the branch is right, pin it again: `undersign broker pin {}`.",
                tip.short(),
                known.commit.short(),
                shown_path(&self.state.dir)
            )
        })
    }

    /// Whether a request may start, by the current knowledge.
    fn judge(&self, known: &Known, id: RecordId) -> Answer {
        self.knowing(known, id, |knowledge| may_start(knowledge, id))
    }

    /// Asks a rule about a request, by the current knowledge.
    fn knowing<T>(&self, known: &Known, id: RecordId, rule: impl FnOnce(&Knowledge<'_>) -> T) -> T {
        let target = admitted_target(&known.own, id).unwrap_or_default();
        let settings = self.settings.targets.get(&target);
        let digest = settings.map(|settings| settings.digest().to_string()).unwrap_or_default();
        let memory = self.state.memory();
        let has_remote = self.settings.remote.is_some();
        let age = known.read.map(|at| i64::try_from(at.elapsed().as_secs()).unwrap_or(i64::MAX));
        rule(&Knowledge {
            policy: &known.policy,
            policy_fault: known.policy_fault.as_deref(),
            own: &known.own,
            known: &memory.heads,
            authorizations: &known.authorizations,
            received: &memory.received,
            ledger_age: age,
            has_remote,
            now: now(),
            level: settings.map_or(crate::policy::Level::L0, |settings| level::proven(&self.settings, settings).0),
            settings: &digest,
        })
    }

    /// Signs an event, and appends it to the chain on this disk.
    fn sign(
        &self,
        known: &mut Known,
        target: &str,
        event: Event,
        files: Vec<(Digest, Vec<u8>)>,
    ) -> Result<RecordId, String> {
        let (seq, prev) = known.own.next();
        let run = Run {
            repository: RepositoryName { id: known.policy.repository.clone(), uri: String::new() },
            target: target.to_owned(),
            broker: self.id.key.clone(),
            event,
            chain: Place {
                key: self.id.key.clone(),
                id: self.id.device.clone(),
                seq: Decimal(seq),
                prev,
                forks: Vec::new(),
            },
            seen: heads_of_people(known),
            issued_at: Decimal(now().max(0) as u64),
            nonce: state::nonce()?,
            tool: format!("undersign {}", env!("CARGO_PKG_VERSION")),
        };
        let payload = Statement::new(run).encode();
        let envelope = self.key.sign_for(receipt::NAMESPACE, payload, None).map_err(|error| error.to_string())?;
        let files = files.into_iter().map(|(digest, bytes)| (digest.to_string(), bytes)).collect();
        let link = Link { name: file_name(seq), envelope: envelope.encode(), files };
        let repository = self.repository()?;
        let appended = append_after(&self.chains.runs, &repository, &self.id, link, now());
        let record = appended.map_err(|error| match error {
            LedgerError::LostPlace => "Another broker writes to this chain. Nothing was done.".to_owned(),
            other => other.to_string(),
        })?;
        known.own = self.chains.runs.own(&repository, &self.id);
        Ok(record.id())
    }

    /// Pushes the chain to the remote.
    fn publish(&self) -> Sent {
        let Some(remote) = &self.settings.remote else { return Sent::Taken };
        match self.repository() {
            Ok(repository) => send::<RunRecord>(&repository, remote, &self.id, Prompts::Never),
            Err(why) => Sent::Away(why),
        }
    }

    /// Fetches authorizations and runs from a remote. Returns the invalid chains of people.
    fn fetch_ledger(
        &self,
        repository: &Repository,
        remote: &str,
        keys: &Keys,
    ) -> Result<Vec<AuthorizationChain>, String> {
        let whose = (keys, keys);
        let people = fetch_after(&self.chains.people, repository, remote, Prompts::Never, whose)?;
        let runs = fetch_after(&self.chains.runs, repository, remote, Prompts::Never, whose)?;
        // What is lost may be a refusal, or a run: the remote does not count as read.
        if let Some(loss) = people.losses.into_iter().chain(runs.losses).next() {
            return Err(loss);
        }
        Ok(people.chains.into_iter().filter(|chain| chain.fault.is_some()).collect())
    }

    /// The heads of all chains as read now, including the remote's copy of the broker's own.
    fn heads_of(&self, repository: &Repository, known: &Known) -> Heads {
        let mut heads = Heads::of(&known.authorizations);
        for chain in self.chains.runs.family(repository, true, &Keys::all()).unwrap_or_default() {
            heads.learn(chain.id.clone(), chain.head());
        }
        heads
    }
}

/// A CA makes certificates for one target, and signs nothing else.
fn refuse_shared_cas(settings: &Settings, key: &SigningKey) -> Result<(), String> {
    let mut seen = vec![key.fingerprint()];
    for (name, login) in settings.targets.iter().filter_map(|(name, target)| Some((name, target.ssh.as_ref()?))) {
        let Ok(ca) = login.ca() else { continue };
        let fingerprint = ca.fingerprint(ssh_key::HashAlg::Sha256).to_string();
        if seen.contains(&fingerprint) {
            return Err(format!("The CA of {name} is the key of something else, too: a target has its own."));
        }
        seen.push(fingerprint);
    }
    Ok(())
}

/// The output of a run, as far as it is kept.
#[derive(Debug, Clone, Default)]
struct Captured {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    bytes: u64,
}

fn ended(request: &str, outcome: Outcome, code: u8, (began, finished): (i64, i64), output: &Captured) -> Ended {
    Ended {
        request: request.to_owned(),
        outcome,
        code: Decimal(u64::from(code)),
        began: Decimal(began.max(0) as u64),
        finished: Decimal(finished.max(0) as u64),
        output: Output {
            stdout: Digest::of(&output.stdout).to_string(),
            stderr: Digest::of(&output.stderr).to_string(),
            bytes: Decimal(output.bytes),
        },
    }
}

/// Requests that were started and have no end, with their targets.
fn unfinished(chain: &RunChain) -> Vec<(String, String)> {
    let mut open: Vec<(String, String)> = Vec::new();
    for record in &chain.records {
        match &record.run().event {
            Event::Started(started) => open.push((started.request.clone(), record.run().target.clone())),
            Event::Ended(ended) => open.retain(|(request, _)| *request != ended.request),
            Event::Admitted(_) => {}
        }
    }
    open
}

fn admitted_target(own: &RunChain, id: RecordId) -> Option<String> {
    own.records.iter().find(|record| record.id() == id).map(|record| record.run().target.clone())
}

/// The known heads of people's chains, for use in records.
fn heads_of_people(known: &Known) -> Vec<SeenHead> {
    let head = |chain: &AuthorizationChain| {
        let Head { seq, record } = chain.head()?;
        Some(SeenHead { chain: chain.id.to_string(), seq: Decimal(seq), record: record.to_string() })
    };
    let trusted = known.authorizations.iter().filter(|chain| known.policy.roster.by_key_id(&chain.id.key).is_some());
    trusted.filter_map(head).collect()
}

fn policy_at(repository: &Repository, commit: ObjectId) -> Result<Policy, String> {
    policy_under(repository, commit, &repository.organization())
}

fn policy_under(
    repository: &Repository,
    commit: ObjectId,
    organization: &organization::Known,
) -> Result<Policy, String> {
    match repository.policy_under(commit, organization).map_err(|error| error.to_string())? {
        PolicyState::Found(policy) => Ok(*policy),
        PolicyState::Absent => Err(format!("There is no policy at {}.", commit.short())),
        PolicyState::Invalid(mistakes) => Err(crate::change::visible::lines(&mistakes.to_string())),
    }
}

/// The repository of a broker, to whose operator its configuration belongs.
fn open(path: &Path) -> Result<Repository, String> {
    let repository = Repository::open_exactly(path).map_err(|error| error.to_string())?;
    Ok(repository.following_settings())
}

/// In a clone the policy branch points to the pinned policy, from which the gate judges.
fn place_branch(repository: &Repository, settings: &Settings, commit: ObjectId) -> Result<(), String> {
    if settings.remote.is_none() {
        return Ok(());
    }
    let placed =
        repository.raw.reference(&settings.policy_branch, crate::source::git::oid(commit), true, "undersign: pin");
    placed.map(|_| ()).map_err(|error| error.message().to_owned())
}

/// Makes objects and refs survive a crash of the machine once they are written.
fn durable(repository: &Repository) -> Result<(), String> {
    let set = |mut config: git2::Config| match config.get_bool(FSYNC) {
        Ok(true) => Ok(()),
        _ => config.set_bool(FSYNC, true),
    };
    repository.raw.config().and_then(set).map_err(|error| error.message().to_owned())
}

fn policy_name(policy: &Policy) -> PolicyName {
    PolicyName { version: Decimal(policy.version), sha256: policy.digest.to_string() }
}

/// The target of the policy that this broker serves.
fn own_target<'p>(policy: &'p Policy, key: &str, name: &str) -> Option<&'p Target> {
    // A person's key could authorize what it runs. An organization may have enrolled it after the policy was signed.
    if policy.roster.by_key_id(key).is_some() {
        return None;
    }
    let own = |target: &&Target| policy.broker_of(target).is_some_and(|broker| broker.key.id().to_string() == key);
    policy.target(name).filter(own)
}

/// Whether an answer lets a run start.
fn starts(answer: &Answer) -> bool {
    answer.decided == Decided::Start
}
