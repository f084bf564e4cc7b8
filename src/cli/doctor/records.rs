//! What the records of a repository say: decisions, drills, outcomes of changes, and signed evidence.

use std::collections::BTreeSet;

use super::Finding::{self, Bad, Good, Note};
use super::commands;
use crate::change::{address, counted};
use crate::gate::drill::Practice;
use crate::ledger::drills::AllDrills;
use crate::ledger::evidence;
use crate::ledger::families::{Family as _, Keys, read_outcomes};
use crate::ledger::{self, AsOf};
use crate::policy::{Enrolment, Policy};
use crate::record::evidence::{EvidenceRecord, out_of_order};
use crate::record::{Chain, ChainId, Fault};
use crate::source::git::Repository;

/// Ids of records that one line names.
const MAX_IDS: usize = 20;
/// How long ago everybody who may declare an emergency should have practised it.
const PRACTISED: i64 = 365 * 24 * 3600;

/// Whether what is signed can be made to vanish, and whether it is whole.
pub(super) fn ledger_state(repository: &Repository, policy: &Policy, gated: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let kept = ["receive.denyNonFastForwards", "receive.denyDeletes"].map(|key| repository.switch(key));
    if repository.is_bare() {
        found.push(match (gated, kept) {
            (true, _) => Good("The gate refuses to rewind or delete records.".to_owned()),
            (false, [true, true]) => Good("git refuses rewinds and deletions of any ref (receive.deny…).".to_owned()),
            _ => Bad(
                "Whoever pushes can rewind and delete records: no gate refuses it, and receive.denyNonFastForwards and \
                 receive.denyDeletes are not both on."
                    .to_owned(),
            ),
        });
    }
    // In a clone, count the same records as the clone's other commands do.
    let read = if repository.is_bare() { ledger::read } else { ledger::read_with_remotes };
    match read(repository) {
        Err(error) => found.push(Bad(format!("The ledger cannot be read: {error}"))),
        Ok(chains) => {
            let faults: Vec<_> = chains.iter().filter_map(|chain| Some((chain, chain.fault?))).collect();
            for (chain, (position, fault)) in &faults {
                let owner = policy.roster.by_key_id(&chain.id.key).map_or("nobody in the roster", |person| &person.id);
                let fault: &Fault = fault;
                let left = ledger::way_out(repository, &chain.id);
                let text = format!("Record {position} of a chain of {owner} does not hold: {fault}.{left}");
                found.push(if policy.roster.by_key_id(&chain.id.key).is_some() { Bad(text) } else { Note(text) });
            }
            if faults.is_empty() {
                let records: usize = chains.iter().map(Chain::len).sum();
                found.push(Good(match records {
                    0 => "The ledger is whole: no record yet.".to_owned(),
                    n => {
                        format!("The ledger is whole: {} in {}.", counted(n, "record"), counted(chains.len(), "chain"))
                    }
                }));
            }
            found.extend(ledger::never_read(repository).map(|remote| Note(ledger::told_unread(&remote))));
            found.extend(secrets(&chains));
        }
    }
    found.extend(commands::state(repository, policy));
    found.extend(outcomes_state(repository, policy));
    found.extend(evidence_state(repository, policy));
    found.extend(drills_state(repository, policy));
    found
}

/// Whether drills are whole, whose reviews are owed, and who has practised. No gate or broker depends on any of it.
fn drills_state(repository: &Repository, policy: &Policy) -> Vec<Finding> {
    let all = match AllDrills::read(repository, !repository.is_bare(), &Keys::of(policy)) {
        Ok(all) => all,
        Err(error) => return vec![Bad(format!("The chains of drills cannot be read: {error}"))],
    };
    let now = crate::clock::now();
    let damages = all.damages().map(|(id, position, fault)| damaged_drills(repository, policy, (id, position, fault)));
    let mut found: Vec<Finding> = damages.collect();
    if all.unread > 0 {
        let unread = counted(all.unread, "chain");
        found.push(Bad(format!("{unread} of drills left out, which are too much to read: what they owe is not seen.")));
    }
    for owed in all.reports(policy, policy, now).iter().filter(|own| own.owes()) {
        let people = owed.people.join(" and ");
        found.push(Note(format!("The drill {} by {people}: {}.", &owed.id[..12], owed.review(now))));
    }
    let (at_targets, of_changes): (Vec<Practice>, Vec<Practice>) =
        all.practice(policy, now).into_iter().partition(|one| one.target.is_some());
    let is_stale = |one: &&Practice| one.last.is_none_or(|last| last < now.saturating_sub(PRACTISED));
    let stale: Vec<&str> = of_changes.iter().filter(is_stale).map(|one| one.person.as_str()).collect();
    if !of_changes.is_empty() && stale.len() == of_changes.len() {
        found.push(Note(format!(
            "Nobody who may declare an emergency practised it within a year ({}): `undersign record drill`.",
            stale.join(", ")
        )));
    } else if !stale.is_empty() {
        found.push(Note(format!("Not practised an emergency within a year, though they may: {}.", stale.join(", "))));
    } else if !of_changes.is_empty() {
        found.push(Good("Everybody who may declare an emergency practised it within a year.".to_owned()));
    }
    let stale = at_targets.iter().filter(is_stale);
    let stale: Vec<String> =
        stale.flat_map(|one| one.target.as_ref().map(|target| format!("{} at {target}", one.person))).collect();
    if !stale.is_empty() {
        found.push(Note(format!(
            "These may declare an emergency, but have not practised one within a year: {}. Start a drill with \
             `undersign record drill --request ID`.",
            stale.join(", ")
        )));
    }
    found
}

fn damaged_drills(
    repository: &Repository,
    policy: &Policy,
    (id, position, fault): (&ChainId, usize, Fault),
) -> Finding {
    let owner = policy.roster.by_key_id(&id.key).map_or("somebody", |person| &person.id);
    Bad(format!(
        "Record {position} of a chain of drills of {owner} does not hold: {fault}. Restore it from another clone: \
         {id}.{}",
        ledger::way_out(repository, id)
    ))
}

/// Whether what is signed about outcomes is whole. No gate depends on it.
fn outcomes_state(repository: &Repository, policy: &Policy) -> Vec<Finding> {
    let (chains, _) = match read_outcomes(repository, !repository.is_bare(), &Keys::of(policy)) {
        Ok(read) => read,
        Err(error) => return vec![Bad(format!("The chains of outcomes cannot be read: {error}"))],
    };
    let faulty = chains.iter().filter_map(|chain| Some((chain, chain.fault?)));
    let told = faulty.map(|(chain, (position, fault))| {
        let owner = policy.roster.by_key_id(&chain.id.key).map_or("somebody", |person| &person.id);
        let way = match fault {
            Fault::Forked => "Who signs with that key runs `undersign record repair` where it differs from the remote",
            _ => "Restore it from another clone",
        };
        let left = ledger::way_out(repository, &chain.id);
        Bad(format!(
            "Record {position} of a chain of outcomes of {owner} does not hold: {fault}. {way}: {}.{left}",
            chain.id
        ))
    });
    let mut found: Vec<Finding> = told.collect();
    if found.is_empty() && !chains.is_empty() {
        let records = counted(chains.iter().map(Chain::len).sum(), "record");
        found.push(Good(format!(
            "What is signed about outcomes is whole: {records} in {}.",
            counted(chains.len(), "chain")
        )));
    }
    found
}

/// Whether what machines signed is whole: of a damaged chain nothing counts, and so nothing lands that asks for it.
fn evidence_state(repository: &Repository, policy: &Policy) -> Vec<Finding> {
    let keys = policy.evidence.iter().flat_map(|source| &source.keys).map(|own| own.key.id().to_string()).collect();
    let now = crate::clock::now();
    let scope = evidence::Scope::of(AsOf::now(!repository.is_bare(), now));
    let chains = match evidence::read(repository, &keys, &scope) {
        Ok(chains) => chains,
        Err(error) => return vec![Bad(format!("The chains of evidence cannot be read: {error}"))],
    };
    let mut found = Vec::new();
    for chain in &chains {
        let sources: Vec<_> = policy.evidence_by(&chain.id.key).map(|(source, _)| source.name.as_str()).collect();
        let why = match (chain.fault, out_of_order(chain)) {
            (Some((position, fault)), _) => format!("Record {position} of a chain of it does not hold: {fault}"),
            (None, Some(position)) => format!("Record {position} of a chain of it is dated before the one below it"),
            (None, None) => continue,
        };
        found.push(Bad(format!(
            "Nothing of the evidence {} counts. {why}. Restore it from another clone, or have the operator delete it: \
             {}{}.",
            sources.join(", "),
            EvidenceRecord::PREFIX,
            chain.id
        )));
    }
    for source in &policy.evidence {
        let holds = |own: &&Enrolment| own.unfit(now, None, now).is_none();
        if !source.keys.iter().any(|own| holds(&own)) {
            found.push(Bad(format!("No key signs the evidence {} now: what asks for it does not land.", source.name)));
        }
    }
    if found.is_empty() && !chains.is_empty() {
        let records = counted(chains.iter().map(Chain::len).sum(), "record");
        let chains = counted(chains.len(), "chain");
        found.push(Good(format!("What is signed as evidence is whole: {records} in {chains}.")));
    }
    found
}

/// Records of earlier versions, which signed the URL of `origin` as it stood in the configuration. The secret itself is
/// not said again.
fn secrets(chains: &[Chain]) -> Option<Finding> {
    let held = chains.iter().flat_map(|chain| &chain.records);
    let held = held.filter(|record| address::may_hold_secret(&record.verified.statement().predicate.repository.uri));
    let ids: BTreeSet<String> = held.map(|record| record.id().short()).collect();
    let shown: Vec<&str> = ids.iter().take(MAX_IDS).map(String::as_str).collect();
    let more = ids.len() - shown.len();
    (!ids.is_empty()).then(|| {
        Note(format!(
            "{} signed a URL with a user or password in it: {}{}. A record is never rewritten: have that password or \
             token revoked on the host.",
            counted(ids.len(), "record"),
            shown.join(", "),
            if more > 0 { format!(" and {more} more") } else { String::new() }
        ))
    })
}
