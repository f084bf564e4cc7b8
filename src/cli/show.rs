//! `undersign show CHANGE`: one change as text or JSON, for scripts and for who reads without a screen.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::queue::{self, Row};
use crate::change::{counted, visible};
use crate::gate::{Reason, SlotState, counsel};
use crate::source::git::Repository;
use crate::survey::{Examination, Place};
use crate::sync::{Prompts, Remote};

#[derive(Args)]
pub struct Options {
    /// Id of the change as `undersign queue` prints it (REPOSITORY:BRANCH), or its branch
    change: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown {
    schema: &'static str,
    #[serde(flatten)]
    row: Row,
    manifest: String,
    blast_reasons: Vec<String>,
    findings: Vec<ShownFinding>,
    evidence: Vec<String>,
    requirements: Vec<SlotState>,
    /// The same in words, with who could still sign.
    needs: Vec<String>,
    policy_change: Option<ShownPolicyChange>,
    /// How a change that touches too much could be cut.
    split: Vec<ShownPart>,
    reasons: Vec<Reason>,
}

#[derive(Serialize)]
struct ShownPolicyChange {
    headline: String,
    meaning: Vec<String>,
    flips: Vec<String>,
}

#[derive(Serialize)]
struct ShownPart {
    compartments: Vec<String>,
    paths: Vec<String>,
}

#[derive(Serialize)]
struct ShownFinding {
    rule: String,
    severity: &'static str,
    path: String,
    line: u32,
    title: String,
    why: String,
    ask: String,
    evidence: String,
}

pub fn run(options: &Options, repositories: &[PathBuf]) -> Result<(), String> {
    let mut found = None;
    let mut failures = Vec::new();
    for (index, path) in queue::or_here(repositories).iter().enumerate() {
        let mut broken = Vec::new();
        let visited = queue::each(
            index,
            path,
            |what, why| broken.push(format!("{what}: {why}")),
            |place, change, examined| {
                if change.id != options.change && change.branch != options.change {
                    return;
                }
                match examined {
                    Ok(examination) => {
                        found = Some(shown(place, queue::row(place, &change, &examination), &examination))
                    }
                    Err(why) => failures.push(why),
                }
            },
        );
        failures.extend(visited.err());
        failures.extend(broken);
    }
    let shown = found.ok_or_else(|| {
        let name = visible::text(&options.change).into_owned();
        failures
            .first()
            .cloned()
            .unwrap_or(format!("No pending change is called {name}. `undersign queue` lists them."))
    })?;
    if options.json {
        super::print_json(&shown);
    } else {
        print(&shown);
    }
    tell_of_unsent(repositories);
    Ok(())
}

fn shown(place: &Place, row: Row, examination: &Examination) -> Shown {
    let text = |text: &str| visible::text(text).into_owned();
    let assessment = &examination.assessment;
    Shown {
        schema: "undersign-change/v0",
        manifest: examination.manifest.digest().to_string(),
        blast_reasons: assessment
            .blast
            .reasons
            .iter()
            .map(|r| format!("{} {}: {}", r.class.name(), r.path, r.sentence))
            .collect(),
        findings: assessment
            .findings
            .iter()
            .map(|f| ShownFinding {
                rule: f.rule.clone(),
                severity: f.severity.name(),
                path: f.location.path.to_string(),
                line: f.location.line,
                title: f.title.clone(),
                why: f.why.clone(),
                ask: f.ask.clone(),
                evidence: text(&f.evidence),
            })
            .collect(),
        evidence: examination
            .provenance
            .evidence
            .iter()
            .map(|e| format!("{}: {}", e.rule, visible::text(&e.raw)))
            .collect(),
        requirements: examination.standing.as_ref().map(|s| s.slots.clone()).unwrap_or_default(),
        needs: match (place.policy(), &examination.standing) {
            (Some(policy), Some(standing)) => {
                counsel::needs(policy, standing, super::now()).iter().map(ToString::to_string).collect()
            }
            _ => Vec::new(),
        },
        policy_change: examination.policy_change.as_ref().map(|change| ShownPolicyChange {
            headline: change.headline(),
            meaning: change.meaning.iter().map(ToString::to_string).collect(),
            flips: change
                .flips
                .iter()
                .map(|flip| format!("{} → {}  {}", flip.from.name(), flip.to.name(), text(&flip.change)))
                .collect(),
        }),
        split: examination
            .split
            .iter()
            .map(|part| ShownPart {
                compartments: part.compartments.iter().cloned().collect(),
                paths: part.paths.iter().map(ToString::to_string).collect(),
            })
            .collect(),
        reasons: examination.standing.as_ref().map(|s| s.reasons.clone()).unwrap_or_default(),
        row,
    }
}

/// What is signed here and not sent counts nowhere else.
fn tell_of_unsent(repositories: &[PathBuf]) {
    for path in queue::or_here(repositories) {
        let Ok(repository) = Repository::open(&path) else { continue };
        let outbox = Remote::find(&repository, None, Prompts::Never).map_or(0, |remote| remote.outbox());
        if outbox > 0 {
            let records = counted(outbox, "record");
            eprintln!(
                "undersign: {records} of {} not sent yet, and count nowhere else: `undersign sync` sends them.",
                visible::text(&repository.name)
            );
        }
    }
}

fn print(shown: &Shown) {
    let row = &shown.row;
    outln!("{}", row.title);
    outln!("  {}   {} → {}   {}..{}", row.id, row.branch, row.target, &row.base[..7], &row.head[..7]);
    outln!("  {} files, +{} −{}, {}", row.files, row.added, row.removed, row.needs);
    outln!("  tier {}, {} points, blast radius {}", row.tier, row.points, row.blast);
    shown.blast_reasons.iter().for_each(|reason| outln!("    {reason}"));
    outln!("  provenance: {} ({})", row.provenance, row.agent.as_deref().unwrap_or("no tool named"));
    shown.evidence.iter().for_each(|evidence| outln!("    {evidence}"));
    outln!("  findings: {}", shown.findings.len());
    for finding in &shown.findings {
        outln!("    {:<8} {:<22} {}:{}", finding.severity, finding.rule, finding.path, finding.line);
        outln!("             {}. {}", finding.title, finding.ask);
    }
    outln!("  needs:");
    shown.needs.iter().for_each(|need| outln!("    {need}"));
    shown.reasons.iter().for_each(|reason| outln!("    {}: {}", reason.code, reason.detail));
    if let Some(change) = &shown.policy_change {
        outln!("  policy: {}", change.headline);
        change.meaning.iter().chain(&change.flips).for_each(|line| outln!("    {line}"));
    }
    for (at, part) in shown.split.iter().enumerate() {
        outln!("  split {} of {}: {}", at + 1, shown.split.len(), part.compartments.join(", "));
        part.paths.iter().for_each(|path| outln!("    {path}"));
    }
}
