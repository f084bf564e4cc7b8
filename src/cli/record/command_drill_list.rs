//! Drills of emergencies at targets, as lists, single records and exports show them: always as drills.

use super::book::Book;
use super::drill_row::{Row, warn};
use super::shapes::print_one;
use crate::change::visible;
use crate::cli::drills::ShownDrill;
use crate::command::RunRecord;
use crate::command::drill::{CommandDrillChain, CommandDrillRecord};
use crate::command::practice::{drills, standings};
use crate::datafile::date;
use crate::gate::Signer;
use crate::gate::drill::DrillStanding;
use crate::ledger::commands::{Keys, chain_names, read_family_of};
use crate::ledger::drills::read_of_commands;
use crate::policy::Policy;
use crate::source::git::Repository;

/// Whether there are any.
pub(super) fn are_there(book: &Book) -> bool {
    let (Ok(repository), Ok(policy)) = (Repository::open(&book.snapshot.root), book.policy()) else { return false };
    chain_names::<CommandDrillRecord>(&repository, true, &Keys::of(policy)).is_ok_and(|names| !names.is_empty())
}

fn opened(book: &Book) -> Result<Repository, String> {
    Repository::open(&book.snapshot.root).map_err(|error| error.to_string())
}

pub(super) fn chains(book: &Book) -> Result<Vec<CommandDrillChain>, String> {
    let read = read_of_commands(&opened(book)?, true, &Keys::of(book.policy()?));
    let (chains, unread) = read.map_err(|error| error.to_string())?;
    warn(&chains, unread);
    Ok(chains)
}

/// The drills, the newest first, and all of their records.
pub(super) fn listed(book: &Book) -> Result<(Vec<ShownDrill>, Vec<Row>), String> {
    let (chains, policy, now) = (chains(book)?, book.policy()?, crate::cli::now());
    let runs = read_family_of::<RunRecord>(&opened(book)?, true, &Keys::of(policy));
    let runs = runs.map_err(|error| error.to_string())?;
    let reports = drills((policy, policy), &runs, &chains, now);
    let rows = standings(policy, &chains, now);
    let rows = rows.iter().map(|(record, standing)| row(record, *standing, policy)).collect();
    Ok((reports.iter().map(|drill| ShownDrill::of_command(drill, now)).collect(), rows))
}

fn row(record: &CommandDrillRecord, standing: DrillStanding, policy: &Policy) -> Row {
    let own = record.drill();
    Row {
        id: record.id().to_string(),
        kind: "command-drill",
        step: own.step.name(),
        drill: record.began_by(),
        principal: own.principal.clone(),
        by: Signer::named(Some(policy), record.verified.key(), &own.principal).brief(),
        issued_at: record.issued(),
        chain: format!("{}/{}", own.chain.key, own.chain.id),
        seq: own.chain.seq.0,
        standing: standing.name(),
    }
}

/// The one record whose id begins so; none if there is none.
pub(super) fn found<'c>(id: &str, chains: &'c [CommandDrillChain]) -> Result<Option<&'c CommandDrillRecord>, String> {
    let all = chains.iter().flat_map(|chain| &chain.records).filter(|record| record.id().to_string().starts_with(id));
    match all.collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(format!("`{}` begins several record ids; give more digits.", visible::text(id))),
    }
}

/// Shows a record; returns whether there is one whose id begins so.
pub(super) fn show(id: &str, book: &Book, as_payload: bool, as_json: bool) -> Result<bool, String> {
    let (chains, policy, now) = (chains(book)?, book.policy()?, crate::cli::now());
    let Some(record) = found(id, &chains)? else { return Ok(false) };
    let payload = record.verified.payload();
    if as_payload {
        out!("{}", String::from_utf8_lossy(&payload));
        return Ok(true);
    }
    let all = standings(policy, &chains, now);
    let standing = all.iter().find(|(other, _)| other.id() == record.id()).map(|(_, standing)| *standing);
    let row = row(record, standing.unwrap_or(DrillStanding::Stranger), policy);
    if as_json {
        print_one("undersign-drill-shown/v0", row, record.verified.key().to_openssh(), &payload)?;
        return Ok(true);
    }
    let own = record.drill();
    outln!("DRILL     this practises an emergency; it lets nothing run, and authorizes nothing");
    outln!("record    {}", row.id);
    outln!("standing  {}", row.standing);
    outln!("step      {} of the drill {}", row.step, row.drill);
    outln!("signed    by {} with {}", row.by, record.verified.key().to_openssh());
    outln!("made      {}, ends {} at the latest", date(row.issued_at), date(own.not_after.seconds()));
    outln!("request   {} at {}", own.request, visible::text(&own.target));
    outln!("chain     record {} of {}", row.seq, row.chain);
    outln!("reason    {}", visible::text(&own.reason));
    outln!("To check it without undersign: `undersign record export --drills {} --to DIR`.", record.id().short());
    Ok(true)
}
