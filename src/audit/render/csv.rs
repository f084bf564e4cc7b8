//! One line for each landing, and for each exception that is about none, for a spreadsheet (RFC 4180).

use std::collections::HashSet;
use std::io::{self, Write};

use super::{ai, approvers, exceptions, findings, gate, held, presence, reasons, seen};
use crate::audit::report::{DrillRow, Exception, Landing, Report, Shown};

const HEAD: [&str; 32] = [
    "ref",
    "from",
    "to",
    "subject",
    "author",
    "steps",
    "commits",
    "paths",
    "at",
    "at_by",
    "decision",
    "exceptions",
    "approvers",
    "presence",
    "signed_at",
    "seen",
    "omitted",
    "records",
    "findings",
    "answers",
    "ai",
    "ai_evidence",
    "policy_version",
    "policy_digest",
    "judged_at",
    "gate",
    "gate_line_digest",
    "pusher",
    "reasons",
    "repository",
    "version",
    "organization_digest",
];

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    line(out, HEAD.iter().map(|name| (*name).to_owned()))?;
    for landing in &report.landings {
        line(out, cells(report, landing))?;
    }
    let landed: HashSet<(&Shown, &str)> = report.landings.iter().map(|one| (&one.name, &*one.to)).collect();
    let is_landed =
        |one: &Exception| one.name.as_ref().zip(one.commit.as_deref()).is_some_and(|own| landed.contains(&own));
    for exception in report.exceptions.iter().filter(|one| !is_landed(one)) {
        line(out, alone(report, exception))?;
    }
    for drill in report.drills.iter().flat_map(|drills| &drills.held) {
        line(out, practised(report, drill))?;
    }
    Ok(())
}

/// The cells of an exception that has no landing.
fn alone(report: &Report, exception: &Exception) -> Vec<String> {
    let of = |column: &&str| match *column {
        "ref" => exception.name.as_ref().map(ToString::to_string).unwrap_or_default(),
        "to" => exception.commit.clone().unwrap_or_default(),
        "subject" => exception.subject.to_string(),
        "at" => exception.at.map(|at| at.to_string()).unwrap_or_default(),
        "exceptions" => exception.kind.name().to_owned(),
        "reasons" => exception.detail.to_string(),
        "repository" => report.repository.to_string(),
        "version" => report.version.to_owned(),
        _ => String::new(),
    };
    HEAD.iter().map(of).collect()
}

/// The cells of a drill, by which nothing landed.
fn practised(report: &Report, drill: &DrillRow) -> Vec<String> {
    let joined = |people: &[Shown]| people.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let of = |column: &&str| match *column {
        "ref" => drill.name.to_string(),
        "to" => {
            if drill.request.is_empty() {
                drill.commit.clone()
            } else {
                drill.request.clone()
            }
        }
        "at" | "signed_at" => drill.began.to_string(),
        "at_by" => "signer".to_owned(),
        "decision" => drill.kind.to_owned(),
        "approvers" => joined(&drill.people),
        "records" => drill.id.clone(),
        "reasons" => format!("{}; {}: {}", held(drill), drill.review, drill.reason),
        "repository" => report.repository.to_string(),
        "version" => report.version.to_owned(),
        _ => String::new(),
    };
    HEAD.iter().map(of).collect()
}

/// Writes the cells of one line.
pub(crate) fn line(out: &mut dyn Write, cells: impl IntoIterator<Item = String>) -> io::Result<()> {
    let cells: Vec<String> = cells.into_iter().map(|text| cell(&text)).collect();
    out.write_all(cells.join(",").as_bytes())?;
    out.write_all(b"\r\n")
}

/// The only function that makes a text a cell. A spreadsheet runs a text with such a beginning as a formula; the quote
/// before it marks it as text.
fn cell(text: &str) -> String {
    let is_formula = text
        .trim_start()
        .starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫', '−']);
    let text = if is_formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r', ';', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn cells(report: &Report, landing: &Landing) -> [String; HEAD.len()] {
    let approvals = &landing.approvals;
    let joined = |all: Vec<String>| all.join("; ");
    let verdict = landing.gate.as_ref();
    let policy = landing.policy.as_ref();
    [
        landing.name.to_string(),
        landing.from.clone().unwrap_or_default(),
        landing.to.clone(),
        landing.subject.to_string(),
        landing.author.to_string(),
        landing.steps.to_string(),
        landing.commits.to_string(),
        landing.paths.to_string(),
        landing.at.to_string(),
        landing.at_by.name().to_owned(),
        landing.decision.name().to_owned(),
        exceptions(landing),
        approvers(landing),
        presence(landing),
        joined(approvals.iter().map(|one| one.signed_at.to_string()).collect()),
        seen(landing),
        joined(approvals.iter().flat_map(|one| &one.omitted).map(ToString::to_string).collect()),
        joined(approvals.iter().map(|one| one.record.clone()).collect()),
        findings(landing),
        joined(approvals.iter().flat_map(|one| &one.answers).map(ToString::to_string).collect()),
        ai(landing),
        joined(landing.ai.evidence.iter().map(ToString::to_string).collect()),
        policy.map(|(version, _)| version.to_string()).unwrap_or_default(),
        policy.map(|(_, digest)| digest.clone()).unwrap_or_default(),
        landing.judged_at.to_string(),
        gate(landing),
        verdict.map(|verdict| verdict.digest.clone()).unwrap_or_default(),
        verdict.and_then(|verdict| verdict.pusher.as_ref()).map(ToString::to_string).unwrap_or_default(),
        reasons(landing),
        report.repository.to_string(),
        report.version.to_owned(),
        landing.organization.as_ref().map(|(_, digest)| digest.clone()).unwrap_or_default(),
    ]
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_early() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("=cmd()"), "\"'=cmd()\"");
        assert_eq!(cell("  @SUM(A1)"), "\"'  @SUM(A1)\"");
        assert_eq!(cell("-1"), "\"'-1\"");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
