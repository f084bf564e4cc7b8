//! `undersign record list --outcomes`: what people signed about what came of changes.

use std::collections::HashSet;

use serde::Serialize;

use super::book::Book;
use super::shapes::print_list;
use crate::change::{counted, visible};
use crate::datafile::date;
use crate::gate::Signer;
use crate::ledger::families::{Keys, chain_names, read_outcomes};
use crate::policy::Policy;
use crate::record::outcome::{MAX_OF_KEY, MAX_RECORDS, OutcomeRecord, in_force};
use crate::source::git::Repository;

/// Whether a record counts as far as its key is concerned, by the current policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    InForce,
    /// Of somebody else than it names.
    Impostor,
    /// Signed when its key had ended, or did not hold yet.
    Unfit,
    /// By a security key whose counter went back.
    Clone,
}

/// Of a record of a key in the roster.
pub(super) fn standing(record: &OutcomeRecord, policy: &Policy) -> Standing {
    let own = record.outcome();
    match policy.roster.enrolment(record.verified.key()) {
        _ if record.clone => Standing::Clone,
        Some((person, _)) if person.id != own.principal => Standing::Impostor,
        Some((_, enrolment)) if enrolment.unfit_when_signed(own.issued_at.seconds()).is_none() => Standing::InForce,
        Some(_) => Standing::Unfit,
        None => Standing::Impostor,
    }
}

#[derive(Serialize)]
struct Row {
    id: String,
    kind: &'static str,
    principal: String,
    /// Whose record it is, by its key.
    by: String,
    issued_at: u64,
    happened_at: u64,
    #[serde(rename = "ref")]
    name: String,
    commit: String,
    link: String,
    words: String,
    chain: String,
    seq: u64,
    standing: &'static str,
}

/// Whether there are any.
pub(super) fn are_there(book: &Book) -> bool {
    let (Ok(repository), Ok(policy)) = (Repository::open(&book.snapshot.root), book.policy()) else { return false };
    chain_names::<OutcomeRecord>(&repository, true, &Keys::of(policy)).is_ok_and(|names| !names.is_empty())
}

pub(super) fn list(book: &Book, as_json: bool) -> Result<(), String> {
    let repository = Repository::open(&book.snapshot.root).map_err(|error| error.to_string())?;
    let policy = book.policy()?;
    let (chains, unread) = read_outcomes(&repository, true, &Keys::of(policy)).map_err(|error| error.to_string())?;
    let counting = in_force(&chains, |record| standing(record, policy) == Standing::InForce);
    let counting: HashSet<String> = counting.into_iter().map(|record| record.id().to_string()).collect();
    let mut rows: Vec<Row> =
        chains.iter().flat_map(|chain| &chain.records).map(|record| row(record, policy, &counting)).collect();
    rows.sort_by(|a, b| (a.issued_at, &a.id).cmp(&(b.issued_at, &b.id)));
    print(&rows, as_json);
    for chain in &chains {
        if let Some((position, fault)) = chain.fault {
            let id = visible::text(&chain.id.to_string()).into_owned();
            eprintln!("undersign: record {position} of the chain of outcomes {id} does not hold: {fault}.");
        }
    }
    if unread > 0 {
        let chains = counted(unread, "chain");
        eprintln!(
            "undersign: {chains} of outcomes left out: at most {MAX_RECORDS} records of one chain are read, and \
             {MAX_OF_KEY} of one key."
        );
    }
    Ok(())
}

fn row(record: &OutcomeRecord, policy: &Policy, counting: &HashSet<String>) -> Row {
    let (own, id) = (record.outcome(), record.id().to_string());
    let standing = match standing(record, policy) {
        Standing::InForce if counting.contains(&id) => "in force",
        Standing::InForce if own.supersedes.is_empty() => "withdrawn",
        Standing::InForce => "withdraws",
        Standing::Impostor => "of another's key",
        Standing::Unfit => "outside of its key's time",
        Standing::Clone => "of a cloned key",
    };
    Row {
        kind: own.kind.name(),
        principal: own.principal.clone(),
        by: Signer::named(Some(policy), record.verified.key(), &own.principal).brief(),
        issued_at: own.issued_at.0,
        happened_at: own.happened_at.0,
        name: visible::text(&own.name).into_owned(),
        commit: own.commit.clone(),
        link: visible::text(&own.link).into_owned(),
        words: visible::text(&own.words).into_owned(),
        chain: format!("{}/{}", own.chain.key, own.chain.id),
        seq: own.chain.seq.0,
        standing,
        id,
    }
}

fn print(rows: &[Row], as_json: bool) {
    if as_json {
        return print_list("undersign-outcome-records/v0", rows);
    }
    if rows.is_empty() {
        outln!("No outcome is signed here yet.");
    }
    let who = rows.iter().map(|row| row.by.len()).max().unwrap_or_default();
    for row in rows {
        let at = date(i64::try_from(row.issued_at).unwrap_or(i64::MAX));
        outln!(
            "{}  {at}  {:<8}  {:<who$}  {}  {}  {}  {} {}",
            &row.id[..12],
            row.kind,
            row.by,
            &row.commit[..12],
            row.name,
            row.standing,
            row.link,
            row.words
        );
    }
}
