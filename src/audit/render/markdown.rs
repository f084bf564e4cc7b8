//! A report as Markdown: for a ticket, or to read directly.

use std::io::{self, Write};

use super::{ai, approvers, command, drilled, exceptions, gate, held, listed, not_practised, presence, seen, short};
use crate::audit::report::{Inputs, Kind, Report};
use crate::change::visible;

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let query = &report.query;
    writeln!(out, "# Audit of {}\n", text(report.repository.as_str()))?;
    let from = query.from.map_or_else(|| "the beginning".to_owned(), |from| from.to_string());
    let to = query.to.map_or_else(|| "now; nothing landed".to_owned(), |to| to.to_string());
    let given = if query.to_is_given { "" } else { " (the newest landing)" };
    let refs: Vec<String> = query.refs.iter().map(|name| text(name.as_str())).collect();
    writeln!(out, "From {from} to {to}{given}, on {}.\n", refs.join(", "))?;
    summary(report, out)?;
    found(report, out)?;
    drills(report, out)?;
    landings(report, out)?;
    inputs(&report.inputs, report.version, &command(report), out)?;
    for (column, ids) in &report.controls {
        let ids: Vec<String> = ids.iter().map(|id| text(id.as_str())).collect();
        writeln!(out, "- column {column} is evidence for {}", ids.join(", "))?;
    }
    Ok(())
}

fn summary(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    writeln!(out, "| what | count |\n|---|---:|")?;
    writeln!(out, "| landings | {} |", summary.landings)?;
    writeln!(out, "| with exceptions | {} |", summary.with_exceptions)?;
    for (name, count) in &summary.decisions {
        writeln!(out, "| {name} | {count} |")?;
    }
    for (name, count) in &summary.ai {
        writeln!(out, "| AI: {name} | {count} |")?;
    }
    for (name, count) in &summary.times {
        writeln!(out, "| time by {name} | {count} |")?;
    }
    writeln!(out)
}

fn found(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## Exceptions\n")?;
    if report.exceptions.is_empty() {
        return writeln!(out, "None.\n");
    }
    for kind in Kind::ALL {
        let own: Vec<_> = report.exceptions.iter().filter(|exception| exception.kind == kind).collect();
        if own.is_empty() {
            continue;
        }
        writeln!(out, "### {} ({})\n", kind.title(), own.len())?;
        for exception in own {
            let at = exception.at.map(|at| format!("{at} ")).unwrap_or_default();
            let name = exception.name.as_ref().map(|name| format!("{} ", text(name.as_str()))).unwrap_or_default();
            let commit = exception.commit.as_deref().map(|id| format!("`{}` ", short(id))).unwrap_or_default();
            let (subject, detail) = (text(exception.subject.as_str()), text(exception.detail.as_str()));
            writeln!(out, "- {at}{name}{commit}{subject}: {detail}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Apart from what landed: nothing landed by a drill.
fn drills(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let Some(drills) = &report.drills else { return Ok(()) };
    writeln!(out, "## Drills\n\nEmergencies that people practised. Nothing landed or ran by any of them.\n")?;
    if !drills.held.is_empty() {
        writeln!(
            out,
            "| began | drill | ref or target | commit or request | held by | review | reason |\n|---|---|---|---|---|---|---|"
        )?;
    }
    for drill in &drills.held {
        writeln!(
            out,
            "| {} | DRILL `{}` | {} | `{}` | {} | {} | {} |",
            drill.began,
            short(&drill.id),
            text(drill.name.as_str()),
            drilled(drill),
            text(&held(drill)),
            text(drill.review.as_str()),
            text(drill.reason.as_str())
        )?;
    }
    let missing = text(&not_practised(drills));
    writeln!(
        out,
        "\nMay declare an emergency, and did not practise it within {} days: {missing}.\n",
        drills.within_days
    )
}

fn landings(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let (listed, left_out) = listed(report);
    writeln!(out, "## Landings\n")?;
    if left_out > 0 {
        writeln!(out, "{left_out} older landings without an exception are not listed; CSV and JSON have all.\n")?;
    }
    writeln!(out, "| at | ref | commit | subject | decision | approvers | presence | seen | AI | gate | exceptions |")?;
    writeln!(out, "|---|---|---|---|---|---|---|---|---|---|---|")?;
    for landing in listed {
        writeln!(
            out,
            "| {} | {} | `{}` | {} | {} | {} | {} | {} | {} | {} | {} |",
            landing.at,
            text(landing.name.as_str()),
            short(&landing.to),
            text(landing.subject.as_str()),
            landing.decision.name(),
            text(&approvers(landing)),
            text(&presence(landing)),
            seen(landing),
            text(&ai(landing)),
            text(&gate(landing)),
            exceptions(landing)
        )?;
    }
    writeln!(out)
}

/// What a report was made from, and the command that makes it again.
pub(crate) fn inputs(inputs: &Inputs, version: &str, command: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## Inputs\n")?;
    writeln!(out, "- undersign {version}; again: {}", visible::code_span(command))?;
    writeln!(out, "- policy version {}, SHA-256 `{}`", inputs.policy.version, inputs.policy.digest)?;
    if let Some(organization) = &inputs.policy.organization {
        let id = text(organization.id.as_str());
        writeln!(out, "- organization {id} version {}, SHA-256 `{}`", organization.version, organization.digest)?;
    }
    for one in &inputs.refs {
        writeln!(out, "- {} at `{}`, {} commits of its own", text(one.name.as_str()), one.tip, one.line)?;
    }
    for chain in &inputs.ledger.chains {
        let head = chain.head.as_deref().unwrap_or("none");
        writeln!(out, "- chain {} with {} records, the last `{head}`", text(chain.chain.as_str()), chain.records)?;
    }
    if let Some((line, digest)) = inputs.log.as_ref().and_then(|log| log.head.as_ref()) {
        writeln!(out, "- the gate's log up to line {line}, SHA-256 `{digest}`")?;
    }
    for note in &inputs.notes {
        writeln!(out, "- {}", text(note.as_str()))?;
    }
    Ok(())
}

/// The only function that makes a text Markdown: anything that would be markup, or end a cell, is escaped.
pub(crate) fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    let mut rest = plain.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '!' | '~' | '@' => {
                out.push('\\');
                out.push(c);
            }
            // Otherwise it would be a link.
            ':' if rest.peek() == Some(&'/') => out.push_str("\\:"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn markup_is_text() {
        assert_eq!(text("<script>alert(1)</script>"), "&lt;script&gt;alert(1)&lt;/script&gt;");
        assert_eq!(text("a | [b](c) `d`"), "a \\| \\[b\\](c) \\`d\\`");
        assert_eq!(text("https://x @you"), "https\\://x \\@you");
    }
}
