//! `undersign evidence list`: what machines signed, and whether the policy names their keys.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use crate::change::visible;
use crate::clock::now;
use crate::datafile::date;
use crate::ledger::evidence::{Scope, read};
use crate::policy::Policy;
use crate::record::evidence::{EvidenceRecord, out_of_order};
use crate::source::git::{PolicyState, Repository};

#[derive(Args)]
pub struct Options {
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Row {
    id: String,
    source: String,
    kind: &'static str,
    name: String,
    result: &'static str,
    issued_at: i64,
    expires: i64,
    #[serde(rename = "ref")]
    target: String,
    commit: String,
    tree: String,
    manifest: String,
    link: String,
    chain: String,
    seq: u64,
    /// Of its key alone: whether it counts depends on what is to land.
    standing: &'static str,
}

pub fn run(options: &Options, here: &Path) -> Result<(), String> {
    let repository = Repository::open(here).map_err(|error| error.to_string())?;
    let policy_branch = repository.target().map_err(|error| error.to_string())?;
    let policy = match repository.policy_at(policy_branch.tip).map_err(|error| error.to_string())? {
        PolicyState::Found(policy) => policy,
        _ => return Err("There is no valid policy, so nothing is evidence here.".to_owned()),
    };
    let keys = policy.evidence.iter().flat_map(|source| &source.keys).map(|own| own.key.id().to_string()).collect();
    let scope = Scope::all(true);
    let chains = read(&repository, &keys, &scope).map_err(|error| error.to_string())?;
    let mut rows: Vec<Row> =
        chains.iter().flat_map(|chain| &chain.records).flat_map(|record| of_record(record, &policy)).collect();
    rows.sort_by(|a, b| (b.issued_at, b.seq, &b.id).cmp(&(a.issued_at, a.seq, &a.id)));
    if options.json {
        #[derive(Serialize)]
        struct Listed<'l> {
            schema: &'static str,
            evidence: &'l [Row],
        }
        let listed = Listed { schema: "undersign-evidence-records/v0", evidence: &rows };
        outln!("{}", serde_json::to_string_pretty(&listed).unwrap_or_default());
    } else {
        rows.iter().for_each(|row| outln!("{}", line(row)));
        if rows.is_empty() {
            outln!("No evidence is here. `undersign sync` fetches it.");
        }
    }
    for chain in &chains {
        if let Some((position, fault)) = chain.fault {
            eprintln!("undersign: record {position} of the chain of evidence {} does not hold: {fault}.", chain.id);
        } else if let Some(position) = out_of_order(chain) {
            eprintln!("undersign: record {position} of the chain of evidence {} is dated back.", chain.id);
        }
    }
    Ok(())
}

/// A row for each source that the key signs for.
fn of_record(record: &EvidenceRecord, policy: &Policy) -> Vec<Row> {
    let (own, key) = (record.evidence(), record.verified.key().id().to_string());
    let sources = policy.evidence_by(&key).filter(|(source, _)| source.kind == own.kind);
    let row = |(source, enrolment): (&crate::policy::EvidenceSource, &crate::policy::Enrolment)| {
        let expires = record.issued().saturating_add(source.valid);
        let standing = match enrolment.unfit(record.issued(), None, now()) {
            Some(_) => "of a key that ended",
            None if expires <= now() => "expired",
            None => "in force",
        };
        Row {
            id: record.id().to_string(),
            source: source.name.clone(),
            kind: own.kind.name(),
            name: visible::text(&own.name).into_owned(),
            result: own.result.name(),
            issued_at: record.issued(),
            expires,
            target: visible::text(&own.target.name).into_owned(),
            commit: own.commit.clone(),
            tree: own.tree.clone(),
            manifest: own.manifest.sha256.clone(),
            link: visible::text(&own.link).into_owned(),
            chain: format!("{}/{}", own.chain.key, own.chain.id),
            seq: own.chain.seq.0,
            standing,
        }
    };
    sources.map(row).collect()
}

fn line(row: &Row) -> String {
    let link = if row.link.is_empty() { String::new() } else { format!("  {}", row.link) };
    format!(
        "{}  {}  {}:{} {}  {} → {}  {}{link}",
        &row.id[..12],
        date(row.issued_at),
        row.source,
        row.name,
        row.result,
        &row.commit[..7],
        row.target,
        row.standing
    )
}
