//! A report as text, in each format. Content from a repository is escaped in one function of each format.

mod chart;
pub(crate) mod csv;
pub(crate) mod html;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod markup;

use std::io::{self, Write};

use super::report::{Approval, DrillRow, Drills, Evidence, Inputs, Landing, NotPractised, Report, Shown};
use crate::change::shell_word;

/// The format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Html,
    Markdown,
    Csv,
    Json,
}

/// Writes the report.
///
/// # Errors
/// It cannot be written.
pub fn write(report: &Report, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Html => html::write(report, out),
        Format::Markdown => markdown::write(report, out),
        Format::Csv => csv::write(report, out),
        Format::Json => json::write(report, out),
    }
}

/// The most landings without an exception that a page or a text lists; CSV and JSON have all.
const MAX_LISTED: usize = 2_000;

/// The landings that a page lists: all with exceptions, and the newest of the others; and how many it omits.
fn listed(report: &Report) -> (Vec<&Landing>, usize) {
    let plain = report.landings.iter().filter(|landing| landing.exceptions.is_empty()).count();
    let mut skip = plain.saturating_sub(MAX_LISTED);
    let left_out = skip;
    let is_listed = |landing: &&Landing| {
        let is_skipped = landing.exceptions.is_empty() && skip > 0;
        skip -= usize::from(is_skipped);
        !is_skipped
    };
    (report.landings.iter().filter(is_listed).collect(), left_out)
}

/// Who approved, for a cell: `dana (senior), rahim (senior, policy)`.
fn approvers(landing: &Landing) -> String {
    let person = |one: &Approval| {
        let roles: Vec<&str> = one.roles.iter().map(|role| role.as_str()).collect();
        let word = if one.verdict == "approve" { String::new() } else { format!(" by {}", one.verdict) };
        format!("{} ({}){word}", one.person, roles.join(", "))
    };
    let all = landing.approvals.iter().map(person).chain(landing.evidence.iter().filter_map(evidence));
    all.collect::<Vec<_>>().join("; ")
}

/// What counted besides signatures, marked as such: `evidence ci: build`, `evidence github: rahim`.
fn evidence(one: &Evidence) -> Option<String> {
    let people: Vec<&str> = one.by.iter().map(Shown::as_str).collect();
    let what = if people.is_empty() { one.what.as_str().to_owned() } else { people.join(", ") };
    (one.have > 0).then(|| format!("evidence {}: {what}", one.source))
}

/// What each approval proves about presence.
fn presence(landing: &Landing) -> String {
    let mut all: Vec<&str> = landing.approvals.iter().map(|one| one.presence.as_str()).collect();
    all.dedup();
    all.join("; ")
}

/// What was seen: `3/3 files, 7/7 hunks, 2 carried over, 1 omitted`.
fn seen(landing: &Landing) -> String {
    let one = |approval: &Approval| {
        let mut text =
            format!("{}/{} files, {}/{} hunks", approval.files.0, approval.files.1, approval.hunks.0, approval.hunks.1);
        if approval.carried_over > 0 {
            text.push_str(&format!(", {} carried over", approval.carried_over));
        }
        if !approval.omitted.is_empty() {
            text.push_str(&format!(", {} omitted", approval.omitted.len()));
        }
        text
    };
    landing.approvals.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// `declared: Claude`
fn ai(landing: &Landing) -> String {
    match &landing.ai.tool {
        Some(tool) => format!("{}: {tool}", landing.ai.status),
        None => landing.ai.status.to_owned(),
    }
}

/// `2 of 3 answered`
fn findings(landing: &Landing) -> String {
    let one = |approval: &Approval| match approval.findings {
        0 => "none".to_owned(),
        all => format!("{} of {all} answered", approval.answered),
    };
    landing.approvals.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// `allow, line 17`
fn gate(landing: &Landing) -> String {
    landing.gate.as_ref().map_or_else(String::new, |verdict| {
        let report_only = if verdict.enforced { "" } else { ", report only" };
        format!("{}{report_only}, line {}", verdict.outcome, verdict.line)
    })
}

/// The requirements that were missing, or other reasons of the rules.
fn reasons(landing: &Landing) -> String {
    landing.reasons.iter().map(|reason| format!("{}: {}", reason.code, reason.detail)).collect::<Vec<_>>().join(" ")
}

fn exceptions(landing: &Landing) -> String {
    landing.exceptions.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ")
}

/// What a drill is of: the first digits of a commit or a request.
fn drilled(drill: &DrillRow) -> &str {
    short(if drill.request.is_empty() { &drill.commit } else { &drill.request })
}

/// Who held a drill, and whether an emergency would have landed the change, or run the command: `dana and omar; by
/// their signatures, an emergency would have landed it`. What else may have stood against it is not judged here.
fn held(drill: &DrillRow) -> String {
    let people: Vec<&str> = drill.people.iter().map(Shown::as_str).collect();
    let act = if drill.request.is_empty() { "landed" } else { "run" };
    let would = drill.lacking.as_ref().map_or_else(
        || format!("by their signatures, an emergency would have {act} it"),
        |lacking| format!("an emergency would not have {act} it: {lacking}"),
    );
    format!("{}; {would}", people.join(" and "))
}

/// Who has not practised: `dana (never), omar (last 2026-01-01T00:00:00Z)`.
fn not_practised(drills: &Drills) -> String {
    let one = |own: &NotPractised| {
        let at = own.target.as_ref().map_or_else(String::new, |target| format!(" at {target}"));
        match own.last {
            None => format!("{}{at} (never)", own.person),
            Some(last) => format!("{}{at} (last {last})", own.person),
        }
    };
    let all: Vec<String> = drills.not_practised.iter().map(one).collect();
    if all.is_empty() { "nobody".to_owned() } else { all.join(", ") }
}

/// The first digits of an id.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

/// The query, as words of a command line.
fn command(report: &Report) -> String {
    let mut words = vec!["undersign report audit".to_owned()];
    let query = &report.query;
    words.extend(query.from.map(|from| format!("--from {from}")));
    words.extend(query.to.filter(|_| query.to_is_given).map(|to| format!("--to {to}")));
    if query.refs_are_given {
        words.extend(query.refs.iter().map(|name| format!("--ref {}", shell_word(name.as_str()))));
    }
    words.push(format!("--hasty {}", query.hasty_seconds));
    words.extend(report.drills.as_ref().map(|drills| format!("--drilled-within {}", drills.within_days)));
    words.extend(options_of(&report.inputs));
    words.join(" ")
}

/// The options that name the inputs of a report.
pub(crate) fn options_of(inputs: &Inputs) -> Vec<String> {
    let mut words = Vec::new();
    words.extend(inputs.log.is_some().then(|| "--state DIR".to_owned()));
    words.push(match &inputs.policy.branch {
        None => "--policy FILE".to_owned(),
        Some(branch) => format!("--policy-branch {}", shell_word(branch.as_str())),
    });
    words.extend(inputs.policy.organization.is_some().then(|| "--organization PATH".to_owned()));
    words.extend(inputs.controls.is_some().then(|| "--controls FILE".to_owned()));
    words
}
