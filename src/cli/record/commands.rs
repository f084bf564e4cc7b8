//! `undersign record list --commands`: what brokers and people signed about commands.

use serde::Serialize;

use super::book::Book;
use crate::change::visible;
use crate::command::request::print;
use crate::command::standing;
use crate::command::{AuthorizationChain, AuthorizationRecord, Event, Received, RunChain, RunRecord};
use crate::datafile::date;
use crate::ledger::commands::read_family;
use crate::policy::Policy;
use crate::record::Chain;
use crate::source::git::Repository;

#[derive(Serialize)]
struct Row {
    id: String,
    what: String,
    by: String,
    target: String,
    request: String,
    issued_at: u64,
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
    rows.sort_by_key(|row| row.issued_at);
    print_rows(&rows, as_json);
    runs.iter().for_each(complain);
    people.iter().for_each(complain);
    Ok(())
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
        standing: if broker.is_some() { "in force" } else { "of no known key" },
        detail: visible::text(&detail).into_owned(),
    }
}

fn of_people(chains: &[AuthorizationChain], policy: &Policy) -> Vec<Row> {
    let now = crate::cli::now();
    let stands: Vec<_> = standing(policy, chains, &Received::new(), now).iter().map(|one| one.record.id()).collect();
    let row = |record: &AuthorizationRecord| {
        let own = record.authorization();
        Row {
            id: record.id().to_string(),
            what: own.verdict.to_string(),
            by: own.principal.clone(),
            target: own.target.clone(),
            request: own.request.id.clone(),
            issued_at: own.issued_at.0,
            standing: if stands.contains(&record.id()) { "in force" } else { "does not count" },
            detail: visible::text(&print(own.reason.as_bytes())).into_owned(),
        }
    };
    chains.iter().flat_map(|chain| &chain.records).map(|record| row(record)).collect()
}

fn print_rows(rows: &[Row], as_json: bool) {
    if as_json {
        #[derive(Serialize)]
        struct Listed<'l> {
            schema: &'static str,
            records: &'l [Row],
        }
        return crate::cli::print_json(&Listed { schema: "undersign-command-records/v0", records: rows });
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
