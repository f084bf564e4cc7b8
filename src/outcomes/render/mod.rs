//! A report on outcomes as text, in each format. Content from a repository is escaped where that of an audit is.

mod chart;
mod csv;
mod html;
mod markdown;

use std::io::{self, Write};

use super::groups::rate;
use super::report::{Change, Counts, Group, Kind, Named, Outcome, Report};
use crate::audit::render::{Format, json, options_of, short};
use crate::change::{counted, shell_word};

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

/// The most changes with an outcome, and without, that a page or a text lists; CSV and JSON have all.
const MAX_WITH: usize = 2_000;
const MAX_WITHOUT: usize = 200;
/// The most rows of one group that a page or a text lists.
const MAX_ROWS: usize = 100;

/// The most signed outcomes, and the most later changes, that one cell of a page, a text or CSV lists; JSON has all.
const MAX_IN_CELL: usize = 20;

/// The first of a list as texts, and how many more there are.
fn first<'t, T>(all: &'t [T], told: impl Fn(&T) -> String + 't) -> impl Iterator<Item = String> + 't {
    let more = all.len().saturating_sub(MAX_IN_CELL);
    let first = all.iter().take(MAX_IN_CELL).map(told);
    first.chain((more > 0).then(|| format!("{more} more are in JSON")))
}

/// The changes that a page lists, and how many it leaves out.
fn listed(report: &Report) -> (Vec<&Change>, usize) {
    let (with, without): (Vec<&Change>, Vec<&Change>) =
        report.changes.iter().partition(|change| !change.kinds.is_empty());
    let listed: Vec<&Change> = with.into_iter().take(MAX_WITH).chain(without.into_iter().take(MAX_WITHOUT)).collect();
    let left_out = report.changes.len() - listed.len();
    (listed, left_out)
}

/// The heading of a group.
fn title(group: &Group) -> &'static str {
    match group.by {
        "month" => "By month",
        "ai" => "By what is said about AI",
        "tool" => "By tool",
        "tier" => "By risk tier",
        "compartment" => "By compartment",
        "load" => "By load: approvals of an approver in the seven days before",
        _ => "By risk rule that fires",
    }
}

/// A sentence above a group; empty for most.
fn remark(group: &Group) -> &'static str {
    match group.by {
        "ai" | "tool" => {
            "A change without a named tool may still be by AI, and one without an outcome is not proved clean."
        }
        "tier" => "1 is the riskiest.",
        "compartment" => "A change counts in each of its compartments.",
        "load" => "Of several approvers, the one with the most counts.",
        "rule" => "A change counts for each rule. The counts say what happened here, not what will.",
        _ => "",
    }
}

/// `reverted after 3 days by 0123456789ab (Back out): a message names it, it is the exact inverse`.
fn told(outcome: &Outcome) -> String {
    let verb = match (outcome.what, outcome.is_taken_back) {
        ("revert", true) => "reverted, for a time,",
        ("revert", false) => "reverted",
        ("fix", _) => "fixed",
        _ => "reworked",
    };
    let verb = if outcome.parts.is_empty() { verb.to_owned() } else { format!("partly {verb}") };
    let mut text = format!("{verb} {} by {} ({})", after(outcome.after), short(&outcome.commit), outcome.subject);
    let why: Vec<&str> = outcome.evidence.iter().map(|how| why(how.name())).collect();
    if !why.is_empty() {
        text.push_str(&format!(": {}", why.join(", ")));
    }
    if outcome.lines > 0 {
        text.push_str(&format!(": {} of it", counted(outcome.lines, "line")));
    }
    if !outcome.parts.is_empty() {
        let parts: Vec<&str> = outcome.parts.iter().map(|part| short(part)).collect();
        text.push_str(&format!("; of it {}", parts.join(", ")));
    }
    text
}

/// `incident, 2026-07-01T09:30:00Z, signed by dana in 81d0e4bc09aa: https://… (words)`.
fn signed(named: &Named) -> String {
    let words = if named.words.as_str().is_empty() { String::new() } else { format!(" ({})", named.words) };
    let what = if named.kind == "none" { "looked, and nothing found" } else { named.kind };
    let (at, person, record) = (named.happened_at, &named.person, short(&named.record));
    let mut by = format!("signed by {person}");
    if named.is_by_author {
        by.push_str(", an author,");
    }
    by.push_str(&format!(" in {record}"));
    if let Some(end) = &named.key_end {
        by.push_str(&format!(" with a key that is {end}"));
    }
    format!("{what}, {at}, {by}: {}{words}", named.link)
}

fn why(evidence: &str) -> &'static str {
    match evidence {
        "revert-named" => "a message says that it reverts it",
        "revert-content" => "it is the exact inverse",
        "revert-titled" => "only its title says so",
        _ => "a message says that it fixes it",
    }
}

/// `after 3 days`; under two days in hours.
fn after(seconds: i64) -> String {
    let hours = usize::try_from(seconds / 3600).unwrap_or(0);
    match hours {
        0 => "within an hour".to_owned(),
        1..=47 => format!("after {}", counted(hours, "hour")),
        _ => format!("after {}", counted(hours / 24, "day")),
    }
}

/// `12 of 40 lines`; empty if it wrote none.
fn lines(change: &Change) -> String {
    if change.lines_written == 0 {
        return String::new();
    }
    format!("{} of {}", change.lines_reworked, counted(change.lines_written, "line"))
}

fn kinds(change: &Change) -> String {
    change.kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ")
}

fn ai(change: &Change) -> String {
    change.tool.as_ref().map_or_else(|| change.ai.to_owned(), |tool| format!("{}: {tool}", change.ai))
}

fn joined<T: ToString>(all: impl IntoIterator<Item = T>, with: &str) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(with)
}

/// What messages name and nothing is joined with, as pairs of a count and a text; only what there is.
fn unjoined(report: &Report) -> Vec<(usize, &'static str)> {
    let unjoined = report.unjoined;
    let all = [
        (unjoined.unknown, "name nothing that landed here in the period"),
        (unjoined.ambiguous, "fit several commits or titles"),
        (unjoined.own, "name a commit of the same segment"),
        (unjoined.elsewhere, "name what landed later or on another ref"),
        (unjoined.too_late, "came too late to count"),
        (unjoined.short, "have fewer than 8 digits"),
        (unjoined.more, "are beyond the 32 of one message"),
    ];
    all.into_iter().filter(|(count, _)| *count > 0).collect()
}

/// The period, and up to when outcomes were looked for.
fn period(report: &Report) -> String {
    let query = &report.query;
    let from = query.from.map_or_else(|| "the beginning".to_owned(), |from| from.to_string());
    let to = query.to.map_or_else(|| "now; nothing landed".to_owned(), |to| to.to_string());
    let end = query.watched_to.map(|end| format!(", and what came of it up to {end}")).unwrap_or_default();
    format!("What landed from {from} to {to}{end}")
}

/// How the columns are meant, in sentences.
fn meaning(report: &Report) -> String {
    format!(
        "A revert or fix counts within {} of the landing, rework within {} and if it is of at least {} lines and {} % of \
         those that the change wrote. A change without an outcome is not proved clean.",
        counted(report.query.within_days as usize, "day"),
        counted(report.query.rework_days as usize, "day"),
        super::changes::REWORKED_LINES,
        super::changes::REWORKED_SHARE,
    )
}

/// The headings of the counts.
fn heads() -> Vec<&'static str> {
    let first = ["Landed", "Watched to the end", "With an outcome"];
    first.into_iter().chain(Kind::ALL.map(Kind::title)).chain(["Signed: nothing found"]).collect()
}

/// The counts as cells, under [`heads`]: nothing is only a 0, in a row that begins with how many landed.
fn cells(counts: &Counts) -> Vec<String> {
    let share = |count: usize| if count == 0 { "0".to_owned() } else { rate(count, counts.landed) };
    let first = [counts.landed.to_string(), counts.watched.to_string(), share(counts.with_outcome)];
    let kinds = Kind::ALL.map(|kind| share(counts.of(kind)));
    first.into_iter().chain(kinds).chain([share(counts.cleared)]).collect()
}

/// The query, as words of a command line.
fn command(report: &Report) -> String {
    let query = &report.query;
    let mut words = vec!["undersign report outcomes".to_owned()];
    words.extend(query.from.map(|from| format!("--from {from}")));
    words.extend(query.to.filter(|_| query.to_is_given).map(|to| format!("--to {to}")));
    words.extend(query.watched_to.filter(|_| query.watched_to_is_given).map(|end| format!("--watch-to {end}")));
    if query.refs_are_given {
        words.extend(query.refs.iter().map(|name| format!("--ref {}", shell_word(name.as_str()))));
    }
    words.push(format!("--within {} --rework {}", query.within_days, query.rework_days));
    words.extend((!query.with_tiers).then(|| "--no-tiers".to_owned()));
    words.extend(options_of(&report.inputs));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::after;

    #[test]
    fn a_time_between_is_told_in_hours_or_days() {
        let told = [0, 3599, 3600, 47 * 3600, 48 * 3600, 90 * 24 * 3600].map(after);
        let expected =
            ["within an hour", "within an hour", "after 1 hour", "after 47 hours", "after 2 days", "after 90 days"];
        assert_eq!(told, expected);
    }
}
