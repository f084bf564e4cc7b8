//! What the operator of a gate is responsible for: the tips of refs, a wrong clock, lost records.
//!
//! The promise: no act of an operator takes effect before it is a line of the log, and the memory knows that line.

use std::collections::BTreeMap;
use std::path::Path;

use super::policy::{policy, policy_branch};
use super::{Settings, default_state, open_state, own_key};
use crate::change::{ObjectId, visible};
use crate::gate;
use crate::gate_state::{self, Answer, Entry, EntryRef, RECORDED, StateKey};
use crate::policy::Policy;
use crate::record::ChainId;
use crate::source::git::Repository;

/// What an operator recorded.
pub struct Recorded {
    /// Refs with their tips.
    pub tips: Vec<(String, ObjectId)>,
    /// The number of commits that were not states before.
    pub new: usize,
    /// Refs that were taken back behind the gate, each with the tip that the gate knows and with the one that it shows:
    /// nobody named them, so they were left as they are.
    pub back: Vec<(String, ObjectId, ObjectId)>,
}

/// Opens the repository of a gate for its operator, to whom its configuration belongs.
pub(super) fn open(path: &Path, settings: &Settings, now: i64) -> Result<Repository, String> {
    let named = || Repository::open_exactly(path).ok()?.file_setting("undersign.organization");
    let organization = settings.organization.clone().or_else(named);
    let settings = Settings { organization, ..settings.clone() };
    super::policy::open(path, &settings, Some(now)).map_err(|reason| reason.detail)
}

/// Records what protected refs show, at the request of the operator: all of them, or those that are named. For the refs
/// in `lines`, it records the whole first-parent line. A ref that was taken back is recorded only if it is named.
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
    let hosts = repository.is_pushed_to();
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
    let mut gate_state =
        open_state(&repository, settings, &dir, &policy.repository, None).map_err(|error| error.to_string())?;
    let mut states = tips.iter().map(|(name, tip)| (*tip, name.clone())).collect::<Vec<_>>();
    for name in lines {
        let Some((_, tip)) = tips.iter().find(|(own, _)| own == name) else { continue };
        let line = repository.first_parents(*tip, gate::MAX_LINE).map_err(|error| error.to_string())?;
        states.extend(line.into_iter().map(|commit| (commit, name.clone())));
    }
    let known = |name: &str| gate_state.remembered().tips.get(name)?.parse::<ObjectId>().ok();
    let is_back = |known: ObjectId, tip| known != tip && !repository.is_on_line(tip, known).unwrap_or(false);
    let is_named = |name: &String| refs.contains(name) || lines.contains(name);
    let of_back = |(name, tip): &(String, ObjectId)| {
        let known = known(name).filter(|known| !is_named(name) && is_back(*known, *tip))?;
        Some((name.clone(), known, *tip))
    };
    let back: Vec<_> = tips.iter().filter_map(of_back).collect();
    let is_left = |name: &String| back.iter().any(|(other, ..)| other == name);
    tips.retain(|(name, _)| !is_left(name));
    states.retain(|(_, name)| !is_left(name));
    // Also where the commit is a state already: that the ref shows it again is what the operator answers for.
    let is_told = |(name, tip): &&(String, ObjectId)| {
        !gate_state.states().is_of(*tip, name) || known(name).is_some_and(|known| known != *tip)
    };
    let moved = tips.iter().filter(is_told).map(|(name, tip)| EntryRef {
        name: name.clone(),
        old: known(name).filter(|known| known != tip).map_or_else(String::new, |known| known.to_string()),
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
    gate_state.stand(tips.iter().filter(|(name, _)| !name.starts_with("refs/tags/")).cloned())?;
    Ok(Recorded { tips, new, back })
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
    let hosts = repository.is_pushed_to();
    let tip = policy_branch(&repository, settings, hosts).map_err(|reason| reason.detail)?.map(|branch| branch.tip);
    let policy = policy(&repository, settings, tip).map_err(|reason| reason.detail)?;
    let dir = settings.state.clone().unwrap_or_else(|| default_state(&repository));
    let mut gate_state =
        open_state(&repository, settings, &dir, &policy.repository, None).map_err(|error| error.to_string())?;
    let remembered = gate_state.remembered();
    let (answer, done) = match what {
        Accepted::Clock => {
            (Answer::Clock(now), format!("The clock was {}, and is {} now.", time(remembered.clock), time(now)))
        }
        Accepted::Restored => match remembered.restored {
            Some(made) => (Answer::Restored, format!("The gate goes on with what the backup of {} knew.", time(made))),
            None => return Err("This gate's state is from no backup that waits for an answer.".to_owned()),
        },
        Accepted::Loss(chain) => match remembered.heads.get(chain).map(|head| head.seq) {
            Some(seq) => {
                (Answer::Loss(chain), format!("Of the chain {chain}, records up to {seq} are no longer missed."))
            }
            None => return Err(format!("This gate knows of no record of the chain {chain}.")),
        },
    };
    let note = Some(format!("{done} {reason}"));
    let logged = entry(&policy, "accepted", now, Vec::new(), note);
    gate_state.answer(answer, logged).map_err(|why| format!("Nothing was accepted. {why}"))?;
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
