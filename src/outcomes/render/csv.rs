//! One line for each change that landed, for a spreadsheet.

use std::io::{self, Write};

use super::{MAX_IN_CELL, first, joined, kinds, signed, told};
use crate::audit::render::csv::line;
use crate::outcomes::report::{Change, Report};

const HEAD: [&str; 27] = [
    "ref",
    "from",
    "to",
    "subject",
    "author",
    "commits",
    "at",
    "at_by",
    "outcomes",
    "watched",
    "told",
    "outcome_commits",
    "evidence",
    "said_by",
    "signed",
    "links",
    "lines_written",
    "lines_reworked",
    "decision",
    "approvers",
    "load",
    "ai",
    "tool",
    "tier",
    "rules",
    "compartments",
    "version",
];

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    line(out, HEAD.map(str::to_owned))?;
    report.changes.iter().try_for_each(|change| line(out, cells(report, change)))
}

fn cells(report: &Report, change: &Change) -> [String; HEAD.len()] {
    let outcomes = &change.outcomes;
    [
        change.name.to_string(),
        change.from.clone().unwrap_or_default(),
        change.to.clone(),
        change.subject.to_string(),
        change.author.to_string(),
        change.commits.to_string(),
        change.at.to_string(),
        change.at_by.name().to_owned(),
        kinds(change),
        if change.is_watched { "yes" } else { "no" }.to_owned(),
        joined(first(outcomes, told), "; "),
        joined(first(outcomes, |one| one.commit.clone()), " "),
        joined(outcomes.iter().flat_map(|one| &one.evidence).map(|how| how.name()), " "),
        joined(outcomes.iter().flat_map(|one| &one.said_by).take(MAX_IN_CELL), " "),
        joined(first(&change.records, signed), "; "),
        joined(change.records.iter().map(|one| &one.link).take(MAX_IN_CELL), " "),
        change.lines_written.to_string(),
        change.lines_reworked.to_string(),
        change.decision.name().to_owned(),
        joined(&change.approvers, "; "),
        change.load.map(|load| load.to_string()).unwrap_or_default(),
        change.ai.to_owned(),
        change.tool.as_ref().map(ToString::to_string).unwrap_or_default(),
        change.tier.map(|tier| tier.to_string()).unwrap_or_default(),
        joined(&change.rules, " "),
        joined(&change.compartments, "; "),
        report.version.to_owned(),
    ]
}
