//! Drills of emergencies, as lists, single records and exports show them: always as drills.

use serde::Serialize;

use super::book::Book;
use super::command_drill_list;
use super::drill_row::{Row, warn};
use super::export::{Bundle, signers_for};
use super::shapes::print_one;
use crate::change::{counted, visible};
use crate::cli::drills::ShownDrill;
use crate::command::drill::{self as command_drill, CommandDrillRecord};
use crate::datafile::date;
use crate::gate::Signer;
use crate::gate::drill::{DrillStanding, drills, standings};
use crate::ledger::commands::{Keys, chain_names};
use crate::ledger::drills::read;
use crate::policy::Policy;
use crate::record::RecordId;
use crate::record::chain::MANIFEST_FILE;
use crate::record::drill::{DrillChain, DrillRecord, NAMESPACE};
use crate::source::git::Repository;

/// Whether there are any.
pub(super) fn are_there(book: &Book) -> bool {
    let (Ok(repository), Ok(policy)) = (Repository::open(&book.snapshot.root), book.policy()) else { return false };
    chain_names::<DrillRecord>(&repository, true, &Keys::of(policy)).is_ok_and(|names| !names.is_empty())
}

fn chains(book: &Book) -> Result<Vec<DrillChain>, String> {
    let repository = Repository::open(&book.snapshot.root).map_err(|error| error.to_string())?;
    let (chains, unread) = read(&repository, true, &Keys::of(book.policy()?)).map_err(|error| error.to_string())?;
    warn(&chains, unread);
    Ok(chains)
}

pub(super) fn list(book: &Book, as_json: bool) -> Result<(), String> {
    let (chains, policy, now) = (chains(book)?, book.policy()?, crate::cli::now());
    let reports = drills(policy, &chains, now);
    let mut shown: Vec<ShownDrill> = reports.iter().map(|drill| ShownDrill::of(drill, now)).collect();
    let mut rows: Vec<Row> =
        standings(policy, &chains, now).iter().map(|(record, standing)| row(record, *standing, policy)).collect();
    let (of_commands, records_of_commands) = command_drill_list::listed(book)?;
    shown.extend(of_commands);
    rows.extend(records_of_commands);
    rows.sort_by(|a, b| (a.issued_at, &a.id).cmp(&(b.issued_at, &b.id)));
    if as_json {
        #[derive(Serialize)]
        struct Listed<'l> {
            schema: &'static str,
            drills: &'l [ShownDrill],
            records: &'l [Row],
        }
        crate::cli::print_json(&Listed { schema: "undersign-drill-records/v0", drills: &shown, records: &rows });
        return Ok(());
    }
    if rows.is_empty() {
        outln!("No drill was held here yet.");
    }
    for drill in &shown {
        outln!("{}\n    {}", drill.told(), drill.reason);
    }
    for row in rows.iter().filter(|row| row.standing != DrillStanding::Counts.name()) {
        outln!(
            "drill record {} by {}, {}: does not count, {}",
            &row.id[..12],
            row.by,
            date(row.issued_at),
            row.standing
        );
    }
    Ok(())
}

fn row(record: &DrillRecord, standing: DrillStanding, policy: &Policy) -> Row {
    let own = record.drill();
    Row {
        id: record.id().to_string(),
        kind: "drill",
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

/// The one record about a drill whose id begins so; none if there is none.
fn found<'c>(id: &str, chains: &'c [DrillChain]) -> Result<Option<&'c DrillRecord>, String> {
    let all = chains.iter().flat_map(|chain| &chain.records).filter(|record| record.id().to_string().starts_with(id));
    match all.collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [one] => Ok(Some(one)),
        _ => Err(format!("`{}` begins several record ids; give more digits.", visible::text(id))),
    }
}

/// Shows a record about a drill; returns whether there is one whose id begins so.
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
    outln!("DRILL     this practises an emergency; it lets nothing land, and is no decision");
    outln!("record    {}", row.id);
    outln!("standing  {}", row.standing);
    outln!("step      {} of the drill {}", row.step, row.drill);
    outln!("signed    by {} with {}", row.by, record.verified.key().to_openssh());
    outln!("made      {}, ends {} at the latest", date(row.issued_at), date(own.not_after.seconds()));
    outln!("change    {} on {}", own.commit, visible::text(&own.target.name));
    outln!("chain     record {} of {}", row.seq, row.chain);
    outln!("reason    {}", visible::text(&own.reason));
    outln!("To check it without undersign: `undersign record export --drills {} --to DIR`.", record.id().short());
    Ok(true)
}

/// Writes records of drills for somebody who does not have undersign.
pub(super) fn export(ids: &[String], to: &std::path::Path, book: &Book) -> Result<(), String> {
    let (chains, of_commands, policy) = (chains(book)?, command_drill_list::chains(book)?, book.policy()?);
    let (mut chosen, mut chosen_commands): (Vec<&DrillRecord>, Vec<&CommandDrillRecord>) = (Vec::new(), Vec::new());
    for id in ids {
        match (found(id, &chains)?, command_drill_list::found(id, &of_commands)?) {
            (Some(record), _) => chosen.push(record),
            (None, Some(record)) => chosen_commands.push(record),
            _ => return Err(format!("There is no record `{}` of a drill here.", visible::text(id))),
        }
    }
    if ids.is_empty() {
        chosen = chains.iter().flat_map(|chain| &chain.records).map(|record| &**record).collect();
        chosen_commands = of_commands.iter().flat_map(|chain| &chain.records).map(|record| &**record).collect();
    }
    let (mut files, mut lines) = (Vec::new(), Vec::new());
    for record in &chosen {
        let id = record.id();
        lines.extend_from_slice(&record.link.envelope);
        files.push((format!("{id}.dsse.json"), record.link.envelope.clone()));
        files.push((format!("{id}.manifest"), record.link.file(MANIFEST_FILE).to_vec()));
    }
    for record in &chosen_commands {
        lines.extend_from_slice(&record.link.envelope);
        files.push((format!("{}.dsse.json", record.id()), record.link.envelope.clone()));
    }
    files.push(("drills.intoto.jsonl".to_owned(), lines));
    let signers = [signers_for(policy, NAMESPACE), signers_for(policy, command_drill::NAMESPACE)].concat();
    files.push(("signers".to_owned(), signers.into_bytes()));
    let instructions = match (chosen.first(), chosen_commands.first()) {
        (Some(first), _) => instructions(&first.id(), &first.drill().principal, NAMESPACE),
        (None, Some(first)) => instructions(&first.id(), &first.drill().principal, command_drill::NAMESPACE),
        _ => return Err("There is nothing to export: no drill was held here.".to_owned()),
    };
    files.push(("HOW-TO-VERIFY".to_owned(), instructions.clone().into_bytes()));
    let bundle = Bundle { files, instructions };
    bundle.write(to)?;
    outln!(
        "Wrote {} of drills to {}. Anyone can check them:",
        counted(chosen.len() + chosen_commands.len(), "record"),
        to.display()
    );
    out!("\n{}", bundle.instructions);
    Ok(())
}

fn instructions(id: &RecordId, who: &str, namespace: &str) -> String {
    format!(
        "# These are records of drills. They let nothing land or run, and are no decisions.\n\
         # The signature of one record, with OpenSSH, jq and base64, in this folder:\n\
         jq -rj .payload {id}.dsse.json | base64 -d > payload\n\
         jq -rj '.signatures[0].sig' {id}.dsse.json | base64 -d > payload.sig\n\
         {{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < payload)\"; cat payload; }} |\n  \
         ssh-keygen -Y verify -f signers -I {who} -n {namespace} -s payload.sig\n"
    )
}
