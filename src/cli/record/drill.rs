//! `undersign record drill`: an emergency, practised step by step on a plain terminal. What is signed lets nothing land
//! or run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use clap::Args;

use super::command_drill;
use super::follow_up::{Pen, named};
use super::outcome::signer;
use super::participant::{Participant, beginning, others};
use crate::change::{ObjectId, shown_word, visible};
use crate::cli::drill_rows::headline;
use crate::cli::find_change::{self, Meant};
use crate::cli::queue::names;
use crate::clock::now;
use crate::command::drill_statement::CommandDrillRecord;
use crate::datafile::date;
use crate::examination::external::Reports;
use crate::examination::{self, Examination, RepositorySnapshot};
use crate::gate::Code;
use crate::gate::drill::{DrillReport, Subject, authors_of};
use crate::ledger::drills::AllDrills;
use crate::ledger::families::Keys;
use crate::ledger::own_chain::PerClone;
use crate::policy::{Person, Policy, Signer};
use crate::record::chain::MANIFEST_FILE;
use crate::record::drill::{Drill, DrillRecord, DrillStep, MAX_LENGTH, MAX_MANIFEST, MAX_WORDS, OfDrill};
use crate::record::statement::{ManifestDigest, Target};
use crate::signing;

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

/// What a drill is about, and the bytes of its manifest.
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
    let all = AllDrills::read(&pen.repository, true, &Keys::of(policy)).map_err(|error| error.to_string())?;
    let who = Participant { pen: &pen, snapshot: &snapshot, policy, person, all: &all, reason: &options.reason };
    if let Some(request) = &options.request {
        return command_drill::begin(&who, request);
    }
    let later = [(DrillStep::Join, &options.join), (DrillStep::Review, &options.review)];
    let Some((step, id)) = later.into_iter().find_map(|(step, id)| Some((step, id.as_deref()?))) else {
        let change = options.change.as_deref().unwrap_or_default();
        return of_change(&who, options, path, || begun(change, path, policy, person));
    };
    let reports = all.reports(policy, policy, now());
    let id = named(id, reports.iter().map(|drill| &drill.id), "drill", MISSING)?;
    let report = reports.iter().find(|drill| drill.id == id).ok_or(MISSING)?;
    match (&report.of, step) {
        (Subject::Command { request, .. }, _) => command_drill::take_part(&who, step, (report, request)),
        (Subject::Change { .. }, DrillStep::Review) => of_change(&who, options, path, || reviewed(&who, report)),
        (Subject::Change { .. }, _) => of_change(&who, options, path, || joined(&who, report)),
    }
}

/// Signs a step of a drill of a change.
fn of_change(
    who: &Participant<'_>,
    options: &Options,
    path: &Path,
    content: impl FnOnce() -> Result<Content, String>,
) -> Result<(), String> {
    let length = who.policy.break_glass.as_ref().map(|terms| terms.max_duration.min(MAX_LENGTH)).ok_or(
        "The policy has no [break_glass], so nobody may declare an emergency here, and there is none to practise. \
         Nothing was signed.",
    )?;
    let content = content()?;
    let files = BTreeMap::from([(MANIFEST_FILE.to_owned(), content.bytes)]);
    let record: Arc<DrillRecord> = who.sign(&who.all.of_changes, BANNER, files, |frame| Drill {
        step: content.step,
        drill: content.drill,
        principal: frame.principal,
        roles: frame.roles,
        repository: frame.repository,
        target: content.target,
        commit: content.commit,
        manifest: content.manifest,
        authors: content.authors,
        issued_at: signing::seconds(frame.issued),
        not_after: signing::seconds(frame.issued.saturating_add(length)),
        chain: frame.chain,
        nonce: frame.nonce,
        tool: frame.tool,
        reason: frame.reason,
    })?;
    then(&record, options, path)
}

/// The change that an emergency would land, as `undersign show` finds it.
fn begun(change: &str, path: &Path, policy: &Policy, person: &Person) -> Result<Content, String> {
    let meant = find_change::find(change, &names(&[path.to_owned()]))?;
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

fn joined(who: &Participant<'_>, report: &DrillReport) -> Result<Content, String> {
    let content = repeated(who, report, DrillStep::Join)?;
    who.may_join(report)?;
    refuse_useless(who.policy, who.person, &authors_of(who.policy, &content.authors))?;
    Ok(content)
}

fn reviewed(who: &Participant<'_>, report: &DrillReport) -> Result<Content, String> {
    let content = repeated(who, report, DrillStep::Review)?;
    let (tip, commit) = (&content.target.tip[..12], &content.commit[..12]);
    outln!("{}", headline(report, now()));
    let target = shown_word(&content.target.name);
    outln!(
        "Afterwards you read it as you would read an emergency: `undersign review {tip}..{commit} --target {target}`"
    );
    Ok(content)
}

/// What a further record about a drill repeats.
fn repeated(who: &Participant<'_>, report: &DrillReport, step: DrillStep) -> Result<Content, String> {
    let record = beginning(&who.all.of_changes, &report.id)?;
    let own = record.drill();
    Ok(Content {
        step,
        drill: report.id.clone(),
        target: own.target.clone(),
        commit: own.commit.clone(),
        manifest: own.manifest.clone(),
        authors: own.authors.clone(),
        bytes: record.manifest.encode(),
    })
}

/// What the rules of a gate say of it here, and what is left to practise.
fn then(record: &DrillRecord, options: &Options, path: &Path) -> Result<(), String> {
    let own = record.drill();
    if own.step == DrillStep::Review {
        return Ok(());
    }
    let change = options.change.clone().unwrap_or_else(|| own.commit.clone());
    if let Ok(meant) = find_change::find(&change, &names(&[path.to_owned()])) {
        let standing = examined(&meant)?.standing;
        let reasons = standing.iter().flat_map(|standing| &standing.reasons);
        reasons.filter(|reason| reason.code == Code::Drill).for_each(|reason| outln!("{}", reason.detail));
    }
    let target = visible::text(&own.target.name);
    let commit = own.commit.parse::<ObjectId>().map(|commit| commit.short()).unwrap_or_default();
    outln!(
        "Ask the gate itself: `undersign sync`, then push {commit} to {target}. It refuses, and says under DRILL what \
         an emergency would be told.\n{}",
        others(record)
    );
    Ok(())
}

/// Own chains of drills, of changes and of commands, that went different ways here and at a remote.
pub(super) fn put_away(path: &Path, remote: Option<&str>) -> Result<usize, String> {
    fn of<R: PerClone + OfDrill>(
        path: &Path,
        remote: Option<&str>,
        subject: impl Fn(&R::Drill) -> &str,
    ) -> Result<usize, String> {
        super::outcome::put_away_of(path, remote, "undersign record drill", |record: &R| {
            let (own, subject) = (record.step(), subject(record.drill()));
            let (step, subject) = (own.step.name(), subject.get(..12).unwrap_or_default());
            format!("{step} of a drill of {subject}, {}: {}", date(record.issued()), visible::text(own.reason))
        })
    }
    let of_changes = of::<DrillRecord>(path, remote, |own| &own.commit)?;
    Ok(of_changes + of::<CommandDrillRecord>(path, remote, |own| &own.request)?)
}
