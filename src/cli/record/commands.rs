//! `undersign record list --commands`: what brokers and people signed about commands.

use std::path::Path;

use serde::Serialize;

use super::book::Book;
use super::export::Bundle;
use super::shapes::print_list;
use crate::change::{counted, visible};
use crate::command::in_force;
use crate::command::request::print;
use crate::command::{
    AuthorizationChain, AuthorizationRecord, Event, Received, RunChain, RunRecord, authorization, receipt,
};
use crate::datafile::date;
use crate::gate::Signer;
use crate::ledger::families::read_family;
use crate::policy::{Broker, Policy};
use crate::record::chain::Link;
use crate::record::{Chain, Key, RecordId};
use crate::source::git::Repository;

#[derive(Serialize)]
struct Row {
    id: String,
    what: String,
    by: String,
    target: String,
    request: String,
    issued_at: u64,
    #[serde(skip)]
    step: Step,
    standing: &'static str,
    detail: String,
}

pub(super) fn list(book: &Book, as_json: bool) -> Result<(), String> {
    let repository = Repository::open(&book.snapshot.root).map_err(|error| error.to_string())?;
    let (runs, people): (Vec<RunChain>, Vec<AuthorizationChain>) = (
        read_family(&repository, true).map_err(|error| error.to_string())?,
        read_family(&repository, true).map_err(|error| error.to_string())?,
    );
    let policy = book.policy()?;
    let mut rows: Vec<Row> = runs.iter().flat_map(|chain| &chain.records).map(|own| of_broker(own, policy)).collect();
    rows.extend(of_people(&people, policy));
    rows.sort_by_key(|row| (row.issued_at, row.step));
    print_rows(&rows, as_json);
    runs.iter().for_each(complain);
    people.iter().for_each(complain);
    Ok(())
}

/// Writes records for people who do not have undersign.
pub(super) fn export(ids: &[String], to: &Path, book: &Book) -> Result<(), String> {
    let repository = Repository::open(&book.snapshot.root).map_err(|error| error.to_string())?;
    let (runs, people): (Vec<RunChain>, Vec<AuthorizationChain>) = (
        read_family(&repository, true).map_err(|error| error.to_string())?,
        read_family(&repository, true).map_err(|error| error.to_string())?,
    );
    let policy = book.policy()?;
    let mut all: Vec<Exported<'_>> = runs
        .iter()
        .flat_map(|chain| &chain.records)
        .filter(|record| broker_of(policy, &record.run().broker).is_some())
        .map(|record| Exported::of_broker(record))
        .collect();
    let known = people.iter().filter(|chain| policy.roster.by_key_id(&chain.id.key).is_some());
    all.extend(known.flat_map(|chain| &chain.records).map(|record| Exported::of_person(record)));
    all.sort_by_key(|one| (one.issued_at, one.step));
    let chosen = chosen(&all, ids)?;
    let Some(last) = chosen.last() else {
        return Err("There is nothing to export: nobody in the policy signed anything about commands.".to_owned());
    };
    let bundle = Bundle { files: files(&chosen, policy), instructions: instructions(last, policy) };
    bundle.write(to)?;
    runs.iter().for_each(complain);
    people.iter().for_each(complain);
    outln!("Wrote {} to {}. Anyone can check them:", counted(chosen.len(), "record"), to.display());
    out!("\n{}", bundle.instructions);
    Ok(())
}

/// The steps of a request in their order: a fast broker starts within the second of the authorization.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Admitted,
    Decided,
    Started,
    Ended,
}

impl Step {
    fn of(event: &Event) -> Step {
        match event {
            Event::Admitted(_) => Step::Admitted,
            Event::Started(_) => Step::Started,
            Event::Ended(_) => Step::Ended,
        }
    }
}

/// A record as it is exported.
struct Exported<'r> {
    id: RecordId,
    /// The request that it is about.
    request: String,
    issued_at: u64,
    step: Step,
    link: &'r Link,
    key: &'r Key,
    /// The namespace of the signature, and the name of the person; a broker's is in the policy.
    purpose: &'static str,
    principal: Option<&'r str>,
}

impl<'r> Exported<'r> {
    fn of_broker(record: &'r RunRecord) -> Exported<'r> {
        let own = record.run();
        Exported {
            id: record.id(),
            request: own.about().map_or_else(|| record.id().to_string(), str::to_owned),
            issued_at: own.issued_at.0,
            step: Step::of(&own.event),
            link: &record.link,
            key: record.verified.key(),
            purpose: receipt::NAMESPACE,
            principal: None,
        }
    }

    fn of_person(record: &'r AuthorizationRecord) -> Exported<'r> {
        let own = record.authorization();
        Exported {
            id: record.id(),
            request: own.request.id.clone(),
            issued_at: own.issued_at.0,
            step: Step::Decided,
            link: &record.link,
            key: record.verified.key(),
            purpose: authorization::NAMESPACE,
            principal: Some(&own.principal),
        }
    }
}

fn broker_of<'p>(policy: &'p Policy, key: &str) -> Option<&'p Broker> {
    policy.brokers.iter().find(|broker| broker.key.id().to_string() == key)
}

/// The records whose ids, or the ids of whose requests, begin so; all if nothing is named.
fn chosen<'a, 'r>(all: &'a [Exported<'r>], ids: &[String]) -> Result<Vec<&'a Exported<'r>>, String> {
    let begins = |one: &&Exported<'_>, id: &str| one.id.to_string().starts_with(id) || one.request.starts_with(id);
    for id in ids {
        let shown = visible::text(id);
        let found: Vec<_> = all.iter().filter(|one| begins(one, id)).collect();
        match found.first() {
            None => return Err(format!("There is no record `{shown}` here; `record list --commands` lists them.")),
            Some(first) if found.iter().any(|one| one.request != first.request) => {
                return Err(format!("`{shown}` begins several ids; give more digits."));
            }
            Some(_) => {}
        }
    }
    Ok(all.iter().filter(|one| ids.is_empty() || ids.iter().any(|id| begins(one, id))).collect())
}

fn files(chosen: &[&Exported<'_>], policy: &Policy) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut lines = Vec::new();
    for one in chosen {
        lines.extend_from_slice(&one.link.envelope);
        files.push((format!("{}.dsse.json", one.id), one.link.envelope.clone()));
        files.extend(one.link.files.iter().map(|(name, bytes)| (name.clone(), bytes.clone())));
    }
    files.push(("commands.intoto.jsonl".to_owned(), lines));
    files.push(("signers".to_owned(), signers(policy).into_bytes()));
    if let Some(last) = chosen.last() {
        files.push(("HOW-TO-VERIFY".to_owned(), instructions(last, policy).into_bytes()));
    }
    files
}

/// The people and the brokers of the policy, as ssh-keygen reads them: each key for its one purpose.
fn signers(policy: &Policy) -> String {
    let line = |who: &str, purpose: &str, key: &Key| format!("{who} namespaces=\"{purpose}\" {}\n", key.to_openssh());
    let people = policy
        .roster
        .people()
        .flat_map(|person| person.keys.iter().map(move |own| line(&person.id, authorization::NAMESPACE, &own.key)));
    let brokers = policy.brokers.iter().map(|broker| line(&broker.name, receipt::NAMESPACE, &broker.key));
    people.chain(brokers).collect()
}

fn instructions(one: &Exported<'_>, policy: &Policy) -> String {
    let broker = || broker_of(policy, &one.key.id().to_string()).map_or("broker", |broker| &broker.name);
    format!(
        "# The signature of one record, with OpenSSH, jq and base64, in this folder:\n\
         jq -rj .payload {id}.dsse.json | base64 -d > payload\n\
         jq -rj '.signatures[0].sig' {id}.dsse.json | base64 -d > payload.sig\n\
         {{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < payload)\"; cat payload; }} |\n  \
         ssh-keygen -Y verify -f signers -I {who} -n {purpose} -s payload.sig\n\
         # All of them, with undersign:\n\
         undersign record verify --signers signers *.dsse.json\n",
        id = one.id,
        who = one.principal.unwrap_or_else(broker),
        purpose = one.purpose,
    )
}

fn complain<R>(chain: &Chain<R>) {
    if let Some((position, fault)) = chain.fault {
        let id = visible::text(&chain.id.to_string()).into_owned();
        eprintln!("undersign: record {position} of the chain {id} does not hold: {fault}.");
    }
}

fn of_broker(record: &RunRecord, policy: &Policy) -> Row {
    let own = record.run();
    let broker = policy.brokers.iter().find(|broker| broker.key.id().to_string() == own.broker);
    let detail = match &own.event {
        Event::Admitted(request) => request.command.argv.join(" "),
        Event::Started(started) => format!("{} authorizations, level {}", started.authorizations.len(), started.level),
        Event::Ended(ended) => format!("{} {}", ended.outcome, ended.code.0),
    };
    Row {
        id: record.id().to_string(),
        what: own.event.word().to_owned(),
        by: broker.map_or_else(|| "a broker".to_owned(), |broker| broker.name.clone()),
        target: own.target.clone(),
        request: own.about().map_or_else(|| record.id().to_string(), str::to_owned),
        issued_at: own.issued_at.0,
        step: Step::of(&own.event),
        standing: if broker.is_some() { "in force" } else { "of no known key" },
        detail: visible::text(&detail).into_owned(),
    }
}

fn of_people(chains: &[AuthorizationChain], policy: &Policy) -> Vec<Row> {
    let now = crate::clock::now();
    let stands: Vec<_> = in_force(policy, chains, &Received::new(), now).iter().map(|one| one.record.id()).collect();
    let row = |record: &AuthorizationRecord| {
        let own = record.authorization();
        Row {
            id: record.id().to_string(),
            what: own.verdict.to_string(),
            by: Signer::named(Some(policy), record.verified.key(), &own.principal).brief(),
            target: own.target.clone(),
            request: own.request.id.clone(),
            issued_at: own.issued_at.0,
            step: Step::Decided,
            standing: if stands.contains(&record.id()) { "in force" } else { "does not count" },
            detail: visible::text(&print(own.reason.as_bytes())).into_owned(),
        }
    };
    chains.iter().flat_map(|chain| &chain.records).map(|record| row(record)).collect()
}

fn print_rows(rows: &[Row], as_json: bool) {
    if as_json {
        return print_list("undersign-command-records/v0", rows);
    }
    if rows.is_empty() {
        outln!("Nothing is signed about commands here yet.");
    }
    for row in rows {
        let at = date(i64::try_from(row.issued_at).unwrap_or(i64::MAX));
        let request = row.request.get(..12).unwrap_or_default();
        outln!(
            "{}  {at}  {:<11}  {}  {}  {request:<12}  {}  {}",
            &row.id[..12],
            row.what,
            row.by,
            row.target,
            row.standing,
            row.detail
        );
    }
}
