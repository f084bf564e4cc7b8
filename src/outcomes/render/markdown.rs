//! A report on outcomes as Markdown: for a ticket, or to read directly.

use std::io::{self, Write};

use super::{
    MAX_ROWS, ai, cells, command, first, heads, joined, kinds, lines, listed, meaning, period, remark, signed, title,
    told, unjoined,
};
use crate::audit::render::markdown::{inputs, text};
use crate::audit::render::short;
use crate::change::counted;
use crate::outcomes::groups::rate;
use crate::outcomes::report::{Group, Kind, Report};

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Outcomes in {}\n", text(report.repository.as_str()))?;
    let refs = joined(report.query.refs.iter().map(|name| text(name.as_str())), ", ");
    writeln!(out, "{}, on {refs}. {}\n", period(report), meaning(report))?;
    summary(report, out)?;
    changes(report, out)?;
    report.groups.iter().try_for_each(|group| counts(group, out))?;
    inputs(&report.inputs, report.version, &command(report), out)?;
    for chain in &report.outcome_chains {
        let head = chain.head.as_deref().unwrap_or("none");
        let name = text(chain.chain.as_str());
        writeln!(out, "- chain of outcomes {name} with {}, the last `{head}`", counted(chain.records, "record"))?;
    }
    report.rules.iter().try_for_each(|digest| writeln!(out, "- risk rules, SHA-256 `{digest}`"))
}

fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    writeln!(out, "| what | count |\n|---|---:|")?;
    writeln!(out, "| landed | {} |\n| watched to the end | {} |", summary.landed, summary.watched)?;
    writeln!(out, "| with an outcome | {} |", rate(summary.with_outcome, summary.landed))?;
    for kind in Kind::ALL {
        writeln!(out, "| {} | {} |", kind.name(), rate(summary.of(kind), summary.landed))?;
    }
    writeln!(out, "| signed: nothing found | {} |", rate(summary.cleared, summary.landed))?;
    for (count, what) in unjoined(report) {
        writeln!(out, "| not joined: {what} | {count} |")?;
    }
    writeln!(out)
}

fn changes(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (listed, left_out) = listed(report);
    writeln!(out, "## Changes\n")?;
    if left_out > 0 {
        writeln!(out, "{left_out} more changes are not listed; CSV and JSON have all.\n")?;
    }
    writeln!(
        out,
        "| landed | ref | commit | subject | outcome | how it is known | reworked | AI | tier | approvers |"
    )?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|")?;
    for change in listed {
        writeln!(
            out,
            "| {} | {} | `{}` | {} | {} | {} | {} | {} | {} | {} |",
            change.at,
            text(change.name.as_str()),
            short(&change.to),
            text(change.subject.as_str()),
            kinds(change),
            text(&joined(first(&change.records, signed).chain(first(&change.outcomes, told)), "; ")),
            lines(change),
            text(&ai(change)),
            joined(change.tier, ""),
            text(&joined(&change.approvers, ", "))
        )?;
    }
    writeln!(out)
}

fn counts(group: &Group, out: &mut dyn Write) -> io::Result<()> {
    if group.rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "## {}\n", title(group))?;
    if !remark(group).is_empty() {
        writeln!(out, "{}\n", remark(group))?;
    }
    writeln!(out, "| {} | {} |", group.by, heads().join(" | ").to_lowercase())?;
    writeln!(out, "|---|{}", "---:|".repeat(heads().len()))?;
    for row in group.rows.iter().take(MAX_ROWS) {
        writeln!(out, "| {} | {} |", text(row.name.as_str()), cells(&row.counts).join(" | "))?;
    }
    if group.rows.len() > MAX_ROWS {
        writeln!(out, "\n{} more are in JSON.", group.rows.len() - MAX_ROWS)?;
    }
    writeln!(out)
}
