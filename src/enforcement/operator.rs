//! What the operator of a gate is responsible for: the tips of refs, a wrong clock, lost records.

use std::collections::BTreeMap;
use std::path::Path;

use super::policy::{policy, policy_branch};
use super::{Settings, default_state, open_state, own_key};
use crate::change::{ObjectId, visible};
use crate::gate;
use crate::gate_state::{self, Entry, EntryRef, RECORDED, StateKey};
use crate::policy::Policy;
use crate::record::ChainId;
use crate::source::git::Repository;

/// What an operator recorded.
pub struct Recorded {
    /// Refs with their tips.
    pub tips: Vec<(String, ObjectId)>,
    /// The number of commits that were not states before.
    pub new: usize,
}

/// Opens the repository of a gate for its operator, to whom its configuration belongs.
pub(super) fn open(path: &Path, settings: &Settings, now: i64) -> Result<Repository, String> {
    let named = || Repository::open_exactly(path).ok()?.file_setting("undersign.organization");
    let organization = settings.organization.clone().or_else(named);
    let settings = Settings { organization, ..settings.clone() };
    super::policy::open(path, &settings, Some(now)).map_err(|reason| reason.detail)
}

/// Records what protected refs show, at the request of the operator: all of them, or those that are named. For the refs
/// in `lines`, it records the whole first-parent line.
///
/// # Errors
/// A sentence: there is no policy to say which refs are protected, a ref does not exist or is not protected, or the
/// state cannot be written.
pub fn record(
    path: &Path,
    settings: &Settings,
    refs: &[String],
    lines: &[String],
    now: i64,
) -> Result<Recorded, String> {
    let repository = open(path, settings, now)?;
    // If a gate protects the repository, people push to its own refs, even if it was cloned.
    let hosts = repository.is_bare() || repository.common_dir().join("hooks").join("pre-receive").exists();
    let tip = policy_branch(&repository, settings, hosts).map_err(|reason| reason.detail)?.map(|branch| branch.tip);
    let policy = policy(&repository, settings, tip).map_err(|reason| reason.detail)?;
    let is_protected = |name: &str| policy.refs.protects(name);
    let shown: BTreeMap<String, ObjectId> = repository.shown_refs(hosts, is_protected).into_iter().collect();
    let named: Vec<&String> = if refs.is_empty() { shown.keys().collect() } else { refs.iter().collect() };
    let mut tips = Vec::new();
    for name in named.into_iter().chain(lines) {
        let tip = shown.get(name).copied().or_else(|| {
            let held = repository.shown(name, hosts).filter(|_| is_protected(name));
            held.and_then(|held| repository.commit_named(held))
        });
        let tip = tip.ok_or_else(|| {
            format!(
                "{} is not a protected ref of this repository; give its full name, such as refs/heads/main.",
                visible::text(name)
            )
        })?;
        tips.push((name.clone(), tip));
    }
    tips.dedup();
    let dir = settings.state.clone().unwrap_or_else(|| default_state(&repository));
    let mut gate_state = open_state(&repository, settings, &dir, &policy.repository, None)?;
    let mut states = tips.iter().map(|(name, tip)| (*tip, name.clone())).collect::<Vec<_>>();
    for name in lines {
        let Some((_, tip)) = tips.iter().find(|(own, _)| own == name) else { continue };
        let line = repository.first_parents(*tip, gate::MAX_LINE).map_err(|error| error.to_string())?;
        states.extend(line.into_iter().map(|commit| (commit, name.clone())));
    }
    let is_new = |(name, tip): &&(String, ObjectId)| !gate_state.states().is_of(*tip, name);
    let moved = tips.iter().filter(is_new).map(|(name, tip)| EntryRef {
        name: name.clone(),
        old: String::new(),
        new: tip.to_string(),
        outcome: RECORDED.to_owned(),
        reasons: Vec::new(),
        records: Vec::new(),
        why: Vec::new(),
    });
    let moved: Vec<EntryRef> = moved.collect();
    if !moved.is_empty() {
        gate_state.enter(entry(&policy, RECORDED, now, moved, None))?;
    }
    let new = gate_state.record(states)?;
    for (name, tip) in tips.iter().filter(|(name, _)| !name.starts_with("refs/tags/")) {
        gate_state.stands(name, *tip)?;
    }
    Ok(Recorded { tips, new })
}

/// What an operator accepts, so that a gate can continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// The clock was fast when a push was let through.
    Clock,
    /// Records of a chain that the gate saw are lost for good.
    Loss(ChainId),
    /// The state is from a backup, and may lack what the gate saw since then.
    Restored,
}

/// Corrects a wrong clock, or accepts that records are lost, at the request of the operator; it is logged, with the
/// reason. Returns a sentence that says what was done.
///
/// # Errors
/// A sentence: the state cannot be used, or contains nothing to correct.
pub fn accept(path: &Path, settings: &Settings, what: &Accepted, reason: &str, now: i64) -> Result<String, String> {
    let repository = open(path, settings, now)?;
    let hosts = repository.is_bare() || repository.common_dir().join("hooks").join("pre-receive").exists();
    let tip = policy_branch(&repository, settings, hosts).map_err(|reason| reason.detail)?.map(|branch| branch.tip);
    let policy = policy(&repository, settings, tip).map_err(|reason| reason.detail)?;
    let dir = settings.state.clone().unwrap_or_else(|| default_state(&repository));
    let mut gate_state = open_state(&repository, settings, &dir, &policy.repository, None)?;
    let done = match what {
        Accepted::Clock => format!("The clock was {}, and is {} now.", time(gate_state.set_clock(now)?), time(now)),
        Accepted::Restored => match gate_state.accept_restored()? {
            Some(made) => format!("The gate goes on with what the backup of {} knew.", time(made)),
            None => return Err("This gate's state is from no backup that waits for an answer.".to_owned()),
        },
        Accepted::Loss(chain) => match gate_state.forget_chain(chain)? {
            Some(seq) => format!("Of the chain {chain}, records up to {seq} are no longer missed."),
            None => return Err(format!("This gate knows of no record of the chain {chain}.")),
        },
    };
    let note = Some(format!("{done} {reason}"));
    gate_state.enter(entry(&policy, "accepted", now, Vec::new(), note))?;
    Ok(done)
}

pub(super) fn time(at: i64) -> String {
    jiff::Timestamp::from_second(at).map_or_else(|_| at.to_string(), |time| time.to_string())
}

/// A line of the log about what an operator did.
pub(super) fn entry(policy: &Policy, outcome: &str, now: i64, refs: Vec<EntryRef>, note: Option<String>) -> Entry {
    Entry {
        seq: 0,
        prev: String::new(),
        at: now,
        pusher: None,
        outcome: outcome.to_owned(),
        enforced: true,
        policy: Some(policy.digest.to_string()),
        organization: policy.inherited.as_ref().map(|inherited| inherited.digest.to_string()),
        refs,
        proposal: false,
        cut: None,
        missing: None,
        note,
        host: None,
    }
}

/// Whether states were recorded, and which protected refs are at a tip that this gate never let through: for a
/// repository that people push to, for `doctor`.
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
    let (remembered, states) = gate_state::peek(&dir, &StateKey::read(&own)?, &policy.repository)?;
    if !states.are_recorded {
        return Ok(None);
    }
    let waits = |name: &str, commit: ObjectId| {
        let waiting = remembered.waiting.iter().flat_map(|waiting| &waiting.states);
        waiting.clone().any(|states| states.name == name && states.commits.last() == Some(&commit.to_string()))
    };
    let is_protected = |name: &str| policy.refs.protects(name);
    let shown = repository.shown_refs(true, is_protected).into_iter();
    let unknown = shown.filter(|(name, commit)| !states.is_of(*commit, name) && !waits(name, *commit));
    Ok(Some(unknown.map(|(name, _)| name).collect()))
}
