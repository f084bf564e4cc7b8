//! `undersign record drill`: an emergency, practised step by step on a plain terminal. What is signed lets nothing
//! land.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::Args;

use super::command_drill::{self, CommandDrills};
use super::follow_up::{Pen, confirm, named, sentence};
use super::outcome::signer;
use crate::change::{ObjectId, visible};
use crate::cli::drills::headline;
use crate::cli::meant::{self, Meant};
use crate::cli::queue::names;
use crate::cli::{now, random};
use crate::datafile::date;
use crate::examination::external::Reports;
use crate::examination::{self, Examination, RepositorySnapshot};
use crate::gate::Code;
use crate::gate::drill::{DrillReport, authors_of, drills};
use crate::ledger;
use crate::ledger::commands::Keys;
use crate::ledger::own_chain::own_chain;
use crate::policy::{Person, Policy, Signer};
use crate::record::ChainId;
use crate::record::chain::MANIFEST_FILE;
use crate::record::drill::{
    Drill, DrillChain, DrillRecord, DrillStatement, DrillStep, MAX_LENGTH, MAX_MANIFEST, MAX_WORDS,
};
use crate::record::statement::{Decimal, Link, ManifestDigest, RepositoryName, Target};
use crate::signing::{self, Prepared, TOOL};

/// The drills of a repository.
struct Drills(Vec<DrillReport>);

impl Drills {
    fn of(policy: &Policy, chains: &[DrillChain], now: i64) -> Drills {
        Drills(drills(policy, chains, now))
    }

    /// The drill whose id begins so.
    fn find(&self, id: &str) -> Result<&DrillReport, String> {
        let id = named(id, self.0.iter().map(|drill| &drill.id), "drill", MISSING)?;
        self.0.iter().find(|drill| drill.id == id).ok_or_else(|| MISSING.to_owned())
    }
}

/// What to do about a drill that is not here.
const MISSING: &str = "`undersign record list --drills` lists those that count, and `undersign sync` fetches them.";

/// What every statement about a drill is headed with, on the terminal.
const BANNER: &str = "DRILL. This practises an emergency. It lets nothing land.";

#[derive(Args)]
pub struct Options {
    /// The change that an emergency would land: named as for `undersign show`
    #[arg(value_name = "CHANGE", required_unless_present_any = ["join", "review", "request"])]
    change: Option<String>,
    /// The command that an emergency would run, instead of a change: a request by its id, or its first digits
    #[arg(long, value_name = "REQUEST", conflicts_with_all = ["change", "join", "review"])]
    request: Option<String>,
    /// Your words, as you would give a reason in an emergency; they are signed
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Sign as another person whom an emergency would need: the drill by its id, or its first digits
    #[arg(long, value_name = "DRILL", conflicts_with_all = ["change", "review"])]
    join: Option<String>,
    /// Sign as somebody who reviewed afterwards: the drill by its id, or its first digits
    #[arg(long, value_name = "DRILL", conflicts_with_all = ["change", "join"])]
    review: Option<String>,
}

/// What the drill is about, and the bytes of its manifest.
struct Content {
    step: DrillStep,
    drill: String,
    target: Target,
    commit: String,
    manifest: ManifestDigest,
    authors: Vec<String>,
    bytes: Vec<u8>,
}

pub fn run(options: &Options, path: &Path) -> Result<(), String> {
    let pen = Pen::new(path)?;
    let (_, snapshot) = RepositorySnapshot::open(&pen.repository.root).map_err(|error| error.to_string())?;
    let policy = snapshot.policy().ok_or("This repository has no valid policy, so nobody's signature counts in it.")?;
    let person = signer(&pen, policy)?;
    if options.reason.len() > MAX_WORDS || options.reason.trim().is_empty() {
        return Err(format!("Give a reason of 1 to {MAX_WORDS} bytes, as you would in an emergency."));
    }
    let known = CommandDrills::read(&pen, policy)?;
    if let Some(asked) = of_command(options, &pen, policy, &known)? {
        return command_drill::run(&pen, &snapshot, (policy, person), &known, asked);
    }
    let length = policy.break_glass.as_ref().map(|terms| terms.max_duration.min(MAX_LENGTH)).ok_or(
        "The policy has no [break_glass], so nobody may declare an emergency here, and there is none to practise. \
         Nothing was signed.",
    )?;
    let (chains, _) =
        ledger::drills::read(&pen.repository, true, &Keys::of(policy)).map_err(|error| error.to_string())?;
    let content = match (&options.change, &options.join, &options.review) {
        (Some(change), _, _) => begun(change, path, policy, person)?,
        (_, Some(id), _) => joined(id, &chains, policy, person)?,
        (_, _, id) => reviewed(id.as_deref().unwrap_or_default(), &chains, policy)?,
    };
    let own = own_chain(&pen.repository, &pen.key.public.id().to_string(), &chains, random()?, now())?;
    let (seq, prev) = own.chain.next();
    let ChainId { key, device } = own.chain.id.clone();
    // A clock that was set back since makes no record that a gate refuses.
    let last = own.chain.records.last().map_or(0, |record| record.issued());
    let issued = now().max(last);
    let statement = DrillStatement::new(Drill {
        step: content.step,
        drill: content.drill,
        principal: person.id.clone(),
        roles: person.roles.clone(),
        repository: RepositoryName { id: policy.repository.clone(), uri: snapshot.uri.clone() },
        target: content.target,
        commit: content.commit,
        manifest: content.manifest,
        authors: content.authors,
        issued_at: signing::seconds(issued),
        not_after: signing::seconds(issued.saturating_add(length)),
        chain: Link { key, id: device, seq: Decimal(seq), prev, forks: Vec::new() },
        nonce: base16ct::lower::encode_string(&random::<16>()?),
        tool: TOOL.to_owned(),
        reason: options.reason.trim().to_owned(),
    });
    let files = BTreeMap::from([(MANIFEST_FILE.to_owned(), content.bytes)]);
    let prepared = Prepared::fix((), &statement, files, str::to_owned).map_err(sentence)?;
    own.ended.iter().for_each(|why| eprintln!("undersign: {why}"));
    outln!("{BANNER}");
    confirm(&prepared)?;
    let record = prepared.append::<DrillRecord>(&pen.repository, &pen.key, None, now()).map_err(sentence)?;
    outln!("Signed and recorded: {}. `undersign sync` sends it.", record.id());
    then(&record, options, path)
}

/// The step of a drill of a command, and what it names; none if it is of a change.
fn of_command<'o>(
    options: &'o Options,
    pen: &Pen,
    policy: &Policy,
    known: &CommandDrills,
) -> Result<Option<(DrillStep, &'o str, &'o str)>, String> {
    let (step, id) = match (&options.request, &options.join, &options.review) {
        (Some(request), _, _) => return Ok(Some((DrillStep::Begin, request, &options.reason))),
        (_, Some(drill), _) => (DrillStep::Join, drill),
        (_, _, Some(drill)) => (DrillStep::Review, drill),
        _ => return Ok(None),
    };
    let of_changes = ledger::drills::read(&pen.repository, true, &Keys::of(policy));
    let of_changes = drills(policy, &of_changes.map_err(|error| error.to_string())?.0, now());
    let commands = known.reports.iter().map(|drill| &drill.id);
    named(id, commands.chain(of_changes.iter().map(|drill| &drill.id)), "drill", MISSING)?;
    let is_command = known.reports.iter().any(|drill| drill.id.starts_with(id.as_str()));
    Ok(is_command.then_some((step, id.as_str(), options.reason.as_str())))
}

/// The change that an emergency would land, as `undersign show` finds it.
fn begun(change: &str, path: &Path, policy: &Policy, person: &Person) -> Result<Content, String> {
    let meant = meant::find(change, &names(&[path.to_owned()]))?;
    let examination = examined(&meant)?;
    let authors = &examination.authors;
    refuse_useless(policy, person, &policy.roster.ids_of(authors))?;
    if examination.manifest.is_empty() {
        return Err("The change does nothing, so no emergency could land it. Nothing was signed.".to_owned());
    }
    let bytes = examination.manifest.encode();
    if bytes.len() > MAX_MANIFEST {
        return Err(format!(
            "The change touches more than a gate takes for a drill ({} KiB of paths). Practise with a smaller one. \
             Nothing was signed.",
            MAX_MANIFEST >> 10
        ));
    }
    let revision = &meant.change.revision;
    Ok(Content {
        step: DrillStep::Begin,
        drill: String::new(),
        target: Target { name: meant.change.target.clone(), tip: revision.target_tip.to_string() },
        commit: revision.head.to_string(),
        manifest: ManifestDigest {
            sha256: examination.manifest.digest().to_string(),
            paths: signing::count(examination.manifest.len()),
        },
        authors: authors.iter().map(|author| format!("{} <{}>", author.name, author.email)).collect(),
        bytes,
    })
}

fn examined(meant: &Meant) -> Result<Examination, String> {
    let Meant { repository, snapshot, change, .. } = meant;
    examination::with_reports(repository, snapshot, change, Reports::default(), now())
        .map_err(|error| error.to_string())
}

/// Whoever could declare no emergency practises none: the answer would be that of a key that is not needed.
fn refuse_useless(policy: &Policy, person: &Person, authors: &BTreeSet<&str>) -> Result<(), String> {
    if authors.contains(person.id.as_str()) {
        let why = "You wrote this change, or may have, so that your signature would not count in an emergency. Nothing \
                   was signed.";
        return Err(why.to_owned());
    }
    let Some(requirement) = policy.emergency() else { return Ok(()) };
    if requirement.fill(&[Signer::from(person)]).iter().any(|slot| slot.have > 0) {
        return Ok(());
    }
    let roles: Vec<&str> = requirement.slots.iter().map(|slot| slot.role.as_str()).collect();
    Err(format!(
        "An emergency needs a signature of role {}, which you do not have: yours would not count. Nothing was signed.",
        roles.join(" and ")
    ))
}

fn joined(id: &str, chains: &[DrillChain], policy: &Policy, person: &Person) -> Result<Content, String> {
    let (report, content) = found(id, chains, policy, DrillStep::Join)?;
    let short = &report.id[..12];
    if !report.is_open(now()) {
        return Err(format!("The drill {short} ended {}. Begin another.", date(report.until)));
    }
    if report.people.contains(&person.id) {
        return Err(format!("You take part in the drill {short} already. Nothing was signed."));
    }
    refuse_useless(policy, person, &authors_of(policy, &content.authors))?;
    Ok(content)
}

fn reviewed(id: &str, chains: &[DrillChain], policy: &Policy) -> Result<Content, String> {
    let (report, content) = found(id, chains, policy, DrillStep::Review)?;
    let (tip, commit) = (&content.target.tip[..12], &content.commit[..12]);
    outln!("{}", headline(&report, now()));
    let target = visible::text(&content.target.name);
    outln!(
        "Afterwards you read it as you would read an emergency: `undersign review {tip}..{commit} --target {target}`"
    );
    Ok(content)
}

/// The drill whose id begins so, and what a further record about it repeats.
fn found(id: &str, chains: &[DrillChain], policy: &Policy, step: DrillStep) -> Result<(DrillReport, Content), String> {
    let known = Drills::of(policy, chains, now());
    let report = known.find(id)?.clone();
    let record = chains.iter().flat_map(|chain| &chain.records).find(|record| record.id().to_string() == report.id);
    let record = record.ok_or_else(|| "The record of the drill is not here. Run `undersign sync`.".to_owned())?;
    let own = record.drill();
    let content = Content {
        step,
        drill: report.id.clone(),
        target: own.target.clone(),
        commit: own.commit.clone(),
        manifest: own.manifest.clone(),
        authors: own.authors.clone(),
        bytes: record.manifest.encode(),
    };
    Ok((report, content))
}

/// What the rules of a gate say of it here, and what is left to practise.
fn then(record: &DrillRecord, options: &Options, path: &Path) -> Result<(), String> {
    let own = record.drill();
    let id = &record.began_by()[..12];
    if own.step == DrillStep::Review {
        return Ok(());
    }
    let change = options.change.clone().unwrap_or_else(|| own.commit.clone());
    if let Ok(meant) = meant::find(&change, &names(&[path.to_owned()])) {
        let standing = examined(&meant)?.standing;
        let reasons = standing.iter().flat_map(|standing| &standing.reasons);
        reasons.filter(|reason| reason.code == Code::Drill).for_each(|reason| outln!("{}", reason.detail));
    }
    let target = visible::text(&own.target.name);
    let commit = own.commit.parse::<ObjectId>().map(|commit| commit.short()).unwrap_or_default();
    outln!(
        "Ask the gate itself: `undersign sync`, then push {commit} to {target}. It refuses, and says under DRILL what \
         an emergency would be told.\nOthers take part with `undersign record drill --join {id} --reason …`; the review \
         is signed with `undersign record drill --review {id} --reason …`."
    );
    Ok(())
}

/// Own chains of drills that went different ways here and at a remote.
pub(super) fn put_away(path: &Path, remote: Option<&str>) -> Result<usize, String> {
    let described = |record: &DrillRecord| {
        let own = record.drill();
        let (step, commit) = (own.step.name(), own.commit.get(..12).unwrap_or_default());
        format!("{step} of a drill of {commit}, {}: {}", date(record.issued()), visible::text(&own.reason))
    };
    super::outcome::put_away_of(path, remote, "undersign record drill", described)
}
