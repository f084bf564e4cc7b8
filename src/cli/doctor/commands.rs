//! Whether what is signed about commands in production is whole, and what nobody looked at yet.

use std::collections::BTreeSet;

use super::Finding::{self, Bad, Good, Note};
use crate::change::{counted, visible};
use crate::command::{AuthorizationRecord, Event, Run, RunRecord};
use crate::datafile::date;
use crate::ledger::families::{Family, Keys, read_family_of};
use crate::policy::Policy;
use crate::record::Chain;
use crate::source::git::Repository;

/// Requests that one line names.
const MAX_NAMED: usize = 5;

/// The chains of brokers and of people who authorize.
pub(super) fn state(repository: &Repository, policy: &Policy) -> Vec<Finding> {
    let keys = Keys::of(policy);
    let mut found = Vec::new();
    let runs: Vec<Chain<RunRecord>> = read(repository, &keys, &mut found);
    let people: Vec<Chain<AuthorizationRecord>> = read(repository, &keys, &mut found);
    let records = runs.iter().map(Chain::len).chain(people.iter().map(Chain::len)).sum();
    if found.is_empty() && records > 0 {
        found.push(Good(format!(
            "What is signed about commands is whole: {} in {}.",
            counted(records, "record"),
            counted(runs.len() + people.len(), "chain")
        )));
    }
    found.extend(missing(&keys, &runs, &people));
    found.extend(unfinished(&runs));
    found.extend(policy.targets.iter().filter_map(|target| {
        let broker = policy.broker_of(target)?;
        let is_persons = policy.roster.by_key_id(&broker.key.id().to_string()).is_some();
        is_persons.then(|| Bad(format!("The key of the broker {} is also a person's: nothing runs.", broker.name)))
    }));
    found
}

/// The chains of a family of the keys that count; faults are told.
fn read<R: Family>(repository: &Repository, keys: &Keys, found: &mut Vec<Finding>) -> Vec<Chain<R>> {
    let chains = match read_family_of::<R>(repository, !repository.is_bare(), keys) {
        Ok(chains) => chains,
        Err(error) => {
            found.push(Bad(format!("The chains below {} cannot be read: {error}", R::PREFIX)));
            return Vec::new();
        }
    };
    for chain in &chains {
        let Some((position, fault)) = chain.fault else { continue };
        found.push(Bad(format!(
            "Record {position} of a chain of {} does not hold: {fault}. Until it is whole, {}: {}{}.",
            visible::text(keys.owner(&chain.id)),
            R::HELD_UP,
            R::PREFIX,
            chain.id
        )));
    }
    chains
}

/// What somebody signed to have seen, or a run rested on, and is not here.
fn missing(keys: &Keys, runs: &[Chain<RunRecord>], people: &[Chain<AuthorizationRecord>]) -> Option<Finding> {
    let mut lost: BTreeSet<String> = BTreeSet::new();
    let heads =
        runs.iter().flat_map(|chain| chain.seen.iter()).chain(people.iter().flat_map(|chain| chain.seen.iter()));
    for (id, head) in heads.filter(|(id, _)| keys.have(id)) {
        let of_broker = runs.iter().any(|chain| chain.id == *id && chain.holds(*head).is_ok());
        if !of_broker && !people.iter().any(|chain| chain.id == *id && chain.holds(*head).is_ok()) {
            lost.insert(format!("record {} of {id}", head.seq));
        }
    }
    let known: BTreeSet<String> =
        people.iter().flat_map(|chain| &chain.records).map(|record| record.id().to_string()).collect();
    for record in runs.iter().flat_map(|chain| &chain.records) {
        if let Event::Started(started) = &record.run().event {
            lost.extend(started.authorizations.iter().filter(|id| !known.contains(*id)).cloned());
        }
    }
    let named: Vec<&str> = lost.iter().take(MAX_NAMED).map(String::as_str).collect();
    let more = lost.len().saturating_sub(MAX_NAMED);
    (!lost.is_empty()).then(|| {
        Bad(format!(
            "Not here, though somebody relied on it: {}{}. Fetch it from whoever has it, with `undersign sync`.",
            named.join(", "),
            if more > 0 { format!(" and {more} more") } else { String::new() }
        ))
    })
}

/// Starts that have no end, and ends of which nobody knows what came before.
fn unfinished(runs: &[Chain<RunRecord>]) -> Vec<Finding> {
    let mut found = Vec::new();
    for chain in runs {
        let own: Vec<&Run> = chain.records.iter().map(|record| record.run()).collect();
        let ended: BTreeSet<&str> =
            own.iter().filter(|run| matches!(run.event, Event::Ended(_))).filter_map(|run| run.about()).collect();
        for run in own {
            let Event::Started(started) = &run.event else { continue };
            if !ended.contains(started.request.as_str()) {
                found.push(Note(format!(
                    "Request {} was started at {} at {}, and nobody signed how it ended. It runs, or somebody must look.",
                    started.request.get(..12).unwrap_or_default(),
                    visible::text(&run.target),
                    date(run.issued_at.seconds())
                )));
            }
        }
    }
    found
}
