//! Drills of emergencies, as lists, single records and exports show them: always as drills.

use serde::Serialize;

use super::book::Book;
use super::export::{Bundle, signers_for};
use super::only;
use super::shapes::print_one;
use crate::change::{counted, visible};
use crate::cli::drill_rows::ShownDrill;
use crate::command::drill_statement::{CommandDrill, CommandDrillRecord};
use crate::datafile::date;
use crate::gate::Signer;
use crate::gate::drill::{DrillStanding, standings};
use crate::ledger::drills::{AllDrills, DrillFamily};
use crate::ledger::families::{Keys, chain_names};
use crate::policy::Policy;
use crate::record::chain::{Link, MANIFEST_FILE};
use crate::record::drill::{Drill, DrillRecord, MAX_RECORDS, OfDrill, Practised};
use crate::record::typed::Predicate as _;
use crate::record::{Chain, RecordId};
use crate::source::git::Repository;

/// A kind of drill, as it is shown.
trait Shown: Practised {
    const KIND: &'static str;
    /// What a record of it is not, for whoever sees only one.
    const BANNER: &'static str;

    /// What was practised: a label, and its value.
    fn about(&self) -> (&'static str, String);
}

impl Shown for Drill {
    const KIND: &'static str = "drill";
    const BANNER: &'static str = "this practises an emergency; it lets nothing land, and is not a decision";

    fn about(&self) -> (&'static str, String) {
        ("change", format!("{} on {}", self.commit, visible::text(&self.target.name)))
    }
}

impl Shown for CommandDrill {
    const KIND: &'static str = "command-drill";
    const BANNER: &'static str = "this practises an emergency; it lets nothing run, and authorizes nothing";

    fn about(&self) -> (&'static str, String) {
        ("request", format!("{} at {}", self.request, visible::text(&self.target)))
    }
}

/// A record of a drill, of a change or of a command.
#[derive(Serialize)]
struct Row {
    id: String,
    kind: &'static str,
    step: &'static str,
    drill: String,
    principal: String,
    /// Whose record it is, by its key.
    by: String,
    issued_at: i64,
    chain: String,
    seq: u64,
    standing: &'static str,
}

impl Row {
    fn of<R: OfDrill<Drill: Shown>>(record: &R, standing: DrillStanding, policy: &Policy) -> Row {
        let own = record.step();
        Row {
            id: record.id().to_string(),
            kind: R::Drill::KIND,
            step: own.step.name(),
            drill: record.began_by(),
            principal: own.principal.to_owned(),
            by: Signer::named(Some(policy), record.verified().key(), own.principal).brief(),
            issued_at: record.issued(),
            chain: format!("{}/{}", own.chain.key, own.chain.id),
            seq: own.chain.seq.0,
            standing: standing.name(),
        }
    }

    fn all<R: OfDrill<Drill: Shown>>(policy: &Policy, chains: &[Chain<R>]) -> Vec<Row> {
        let standings = standings(policy, chains, crate::clock::now());
        standings.into_iter().map(|(record, standing)| Row::of(record, standing, policy)).collect()
    }
}

/// Whether there are any.
pub(super) fn are_there(book: &Book) -> bool {
    fn of<R: DrillFamily>(repository: &Repository, keys: &Keys) -> bool {
        chain_names::<R>(repository, true, keys).is_ok_and(|names| !names.is_empty())
    }
    let (Ok(repository), Ok(policy)) = (Repository::open(&book.snapshot.root), book.policy()) else { return false };
    let keys = Keys::of(policy);
    of::<DrillRecord>(&repository, &keys) || of::<CommandDrillRecord>(&repository, &keys)
}

fn read(book: &Book) -> Result<AllDrills, String> {
    let repository = Repository::open(&book.snapshot.root).map_err(|error| error.to_string())?;
    let all = AllDrills::read(&repository, true, &Keys::of(book.policy()?)).map_err(|error| error.to_string())?;
    for (id, position, fault) in all.damages() {
        let id = visible::text(&id.to_string()).into_owned();
        eprintln!("undersign: record {position} of the chain of drills {id} does not hold: {fault}.");
    }
    if all.unread > 0 {
        let left_out = counted(all.unread, "chain");
        eprintln!(
            "undersign: {left_out} of drills left out: a chain of more than {MAX_RECORDS} records, or all of a key, are too much."
        );
    }
    Ok(all)
}

pub(super) fn list(book: &Book, as_json: bool) -> Result<(), String> {
    let (all, policy, now) = (read(book)?, book.policy()?, crate::clock::now());
    let reports = all.reports(policy, policy, now);
    let shown: Vec<ShownDrill> = reports.iter().map(|drill| ShownDrill::of(drill, now)).collect();
    let mut rows = Row::all(policy, &all.of_changes);
    rows.extend(Row::all(policy, &all.of_commands));
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

/// The one record about a drill whose id begins so; none if there is none.
fn found<'c, R: OfDrill>(id: &str, chains: &'c [Chain<R>]) -> Result<Option<&'c R>, String> {
    let all = chains.iter().flat_map(|chain| &chain.records);
    only(id, all.map(|record| &**record).filter(|record| record.id().to_string().starts_with(id)))
}

/// Shows a record about a drill; returns whether there is one whose id begins so.
pub(super) fn show(id: &str, book: &Book, as_payload: bool, as_json: bool) -> Result<bool, String> {
    let (all, policy) = (read(book)?, book.policy()?);
    Ok(show_of(id, policy, &all.of_changes, as_payload, as_json)?
        || show_of(id, policy, &all.of_commands, as_payload, as_json)?)
}

fn show_of<R: OfDrill<Drill: Shown>>(
    id: &str,
    policy: &Policy,
    chains: &[Chain<R>],
    as_payload: bool,
    as_json: bool,
) -> Result<bool, String> {
    let Some(record) = found(id, chains)? else { return Ok(false) };
    let payload = record.verified().payload();
    if as_payload {
        out!("{}", String::from_utf8_lossy(&payload));
        return Ok(true);
    }
    let all = standings(policy, chains, crate::clock::now());
    let standing = all.iter().find(|(other, _)| other.id() == record.id()).map(|(_, standing)| *standing);
    let row = Row::of(record, standing.unwrap_or(DrillStanding::Stranger), policy);
    let key = record.verified().key().to_openssh();
    if as_json {
        print_one("undersign-drill-shown/v0", row, key, &payload)?;
        return Ok(true);
    }
    let own = record.step();
    let (label, about) = record.drill().about();
    outln!("DRILL     {}", R::Drill::BANNER);
    outln!("record    {}", row.id);
    outln!("standing  {}", row.standing);
    outln!("step      {} of the drill {}", row.step, row.drill);
    outln!("signed    by {} with {key}", row.by);
    outln!("made      {}, ends {} at the latest", date(row.issued_at), date(own.not_after.seconds()));
    outln!("{label:<9} {about}");
    outln!("chain     record {} of {}", row.seq, row.chain);
    outln!("reason    {}", visible::text(own.reason));
    outln!("To check it without undersign: `undersign record export --drills {} --to DIR`.", record.id().short());
    Ok(true)
}

/// A record as it is exported.
struct Exported<'c> {
    id: RecordId,
    principal: &'c str,
    namespace: &'static str,
    link: &'c Link,
}

impl<'c> Exported<'c> {
    fn of<R: OfDrill>(record: &'c R, link: &'c Link) -> Exported<'c> {
        let (id, principal) = (record.id(), record.step().principal);
        Exported { id, principal, namespace: R::Drill::NAMESPACE, link }
    }
}

/// Writes records of drills for somebody who does not have undersign.
pub(super) fn export(ids: &[String], to: &std::path::Path, book: &Book) -> Result<(), String> {
    let (all, policy) = (read(book)?, book.policy()?);
    let mut chosen: Vec<Exported<'_>> = Vec::new();
    for id in ids {
        let of_change = found(id, &all.of_changes)?.map(|record| Exported::of(record, &record.link));
        let of_command = found(id, &all.of_commands)?.map(|record| Exported::of(record, &record.link));
        let missing = || format!("There is no record `{}` of a drill here.", visible::text(id));
        chosen.push(of_change.or(of_command).ok_or_else(missing)?);
    }
    if ids.is_empty() {
        let of_changes = all.of_changes.iter().flat_map(|chain| &chain.records);
        chosen.extend(of_changes.map(|record| Exported::of(&**record, &record.link)));
        let of_commands = all.of_commands.iter().flat_map(|chain| &chain.records);
        chosen.extend(of_commands.map(|record| Exported::of(&**record, &record.link)));
    }
    let Some(first) = chosen.first() else {
        return Err("There is nothing to export: no drill was held here.".to_owned());
    };
    let instructions = instructions(&first.id, first.principal, first.namespace);
    let (mut files, mut lines) = (Vec::new(), Vec::new());
    for Exported { id, link, .. } in &chosen {
        lines.extend_from_slice(&link.envelope);
        files.push((format!("{id}.dsse.json"), link.envelope.clone()));
        files.extend(link.files.get(MANIFEST_FILE).map(|manifest| (format!("{id}.manifest"), manifest.clone())));
    }
    files.push(("drills.intoto.jsonl".to_owned(), lines));
    let signers = [signers_for(policy, Drill::NAMESPACE), signers_for(policy, CommandDrill::NAMESPACE)].concat();
    files.push(("signers".to_owned(), signers.into_bytes()));
    files.push(("HOW-TO-VERIFY".to_owned(), instructions.clone().into_bytes()));
    let bundle = Bundle { files, instructions };
    bundle.write(to)?;
    outln!("Wrote {} of drills to {}. Anyone can check them:", counted(chosen.len(), "record"), to.display());
    out!("\n{}", bundle.instructions);
    Ok(())
}

fn instructions(id: &RecordId, who: &str, namespace: &str) -> String {
    format!(
        "# These are records of drills. They let nothing land or run, and are not decisions.\n\
         # The signature of one record, with OpenSSH, jq and base64, in this folder:\n\
         jq -rj .payload {id}.dsse.json | base64 -d > payload\n\
         jq -rj '.signatures[0].sig' {id}.dsse.json | base64 -d > payload.sig\n\
         {{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < payload)\"; cat payload; }} |\n  \
         ssh-keygen -Y verify -f signers -I {who} -n {namespace} -s payload.sig\n"
    )
}
