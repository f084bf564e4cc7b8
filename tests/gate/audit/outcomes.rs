//! What came of a year: by whom it was approved, under which load, and how long after something came of it.

use undersign::audit::render::Format;
use undersign::outcomes::report::{Counts, Kind, Report};
use undersign::outcomes::{self, Query, render};

use super::year::{How, START, Word, Year};
use super::{query, terms};
use crate::scene::{DAY, HOUR};

fn asked(query: &Query) -> Report {
    outcomes::report(query, &|_, _, _| ()).unwrap()
}

fn of_year(year: &Year) -> Query {
    let (watch_to, with_tiers) = (None, true);
    Query { landed: query(year), watch_to, within_days: 90, rework_days: 14, with_tiers }
}

/// The counts of a row: landed, watched, with an outcome.
fn row(report: &Report, by: &str, name: &str) -> (usize, usize, usize) {
    let rows = &report.groups.iter().find(|group| group.by == by).unwrap().rows;
    let of = |counts: &Counts| (counts.landed, counts.watched, counts.with_outcome);
    rows.iter().find(|row| row.name.as_str() == name).map(|row| of(&row.counts)).unwrap_or_default()
}

/// A day on which dana approves eleven changes, the last of which is taken back; and others.
fn planted() -> Year {
    let mut year = Year::new();
    year.push("rahim", START, "Start", &[(".undersign/policy.toml", &terms())]);
    let mut changes = Vec::new();
    for n in 0..11 {
        let path = format!("core/{n}.txt");
        let message = if n == 10 { "Add\n\nCo-Authored-By: Claude <noreply@anthropic.com>" } else { "Add" };
        changes.push((year.land("mina", START + 10 * DAY + n * 60, message, &[(&path, "x\n")], How::Merge), "dana"));
    }
    let back = year.land("mina", START + 20 * DAY, "Tidy up", &[("core/10.txt", "")], How::Squash);
    changes.push((back, "rahim"));
    let late = year.land("mina", START + 200 * DAY, "The last", &[("z.txt", "z\n")], How::Squash);
    changes.push((late, "dana"));
    year.told();
    for (change, who) in changes {
        year.approve(&change, who);
        let other = if who == "dana" { "rahim" } else { "dana" };
        year.sign(&change, Word::new(other, change.head_at + 2 * HOUR));
    }
    year.signed();
    year
}

#[test]
fn what_came_of_a_change_is_counted_by_ai_tool_compartment_load_and_month() {
    let year = planted();
    let report = asked(&of_year(&year));
    let found: Vec<_> = report.changes.iter().filter(|change| !change.kinds.is_empty()).collect();
    let [taken_back] = found[..] else { panic!("{found:#?}") };
    assert_eq!(report.changes[0].to, taken_back.to, "what has an outcome comes first");
    assert!(taken_back.kinds.contains(&Kind::Reverted));
    let [outcome] = &taken_back.outcomes[..] else { panic!("{taken_back:#?}") };
    assert_eq!((outcome.what, outcome.after), ("revert", 10 * DAY - 10 * 60));
    assert_eq!(report.summary, Counts { landed: 14, watched: 13, with_outcome: 1, reverted: 1, ..Counts::default() });
    assert_eq!(row(&report, "ai", "declared"), (1, 1, 1));
    assert_eq!(row(&report, "ai", "undeclared"), (13, 12, 0));
    assert_eq!(row(&report, "tool", "none named"), (13, 12, 0));
    assert_eq!(row(&report, "compartment", "core"), (12, 12, 1));
    assert_eq!(row(&report, "month", "2026-01"), (12, 12, 1), "the start was made a day before");
    // Each of both had approved ten others in the week before.
    assert_eq!(taken_back.load, Some(10));
    assert_eq!(row(&report, "load", "10 to 19"), (1, 1, 1));
    assert_eq!(row(&report, "load", "0"), (3, 2, 0), "the first, the one that takes back, and the last");
    assert_eq!(row(&report, "load", "no approval"), (1, 1, 0));
}

#[test]
fn a_period_has_only_its_own_changes_and_what_landed_later_tells_of_them() {
    let year = planted();
    let whole = of_year(&year);
    let mut part = whole.clone();
    (part.landed.from, part.landed.to) = (Some(START + 5 * DAY), Some(START + 15 * DAY));
    let report = asked(&part);
    assert_eq!((report.summary.landed, report.summary.reverted), (11, 1));
    let early = asked(&Query { watch_to: part.landed.to, ..part.clone() });
    assert_eq!((early.summary.landed, early.summary.watched, early.summary.reverted), (11, 0, 0));
    let soon = asked(&Query { within_days: 9, ..part.clone() });
    assert_eq!((soon.summary.reverted, soon.summary.watched), (0, 11));
    for format in [Format::Html, Format::Markdown, Format::Csv, Format::Json] {
        let text = |query: &Query| {
            let mut out = Vec::new();
            render::write(&asked(query), format, &mut out).unwrap();
            out
        };
        assert!(text(&part) == text(&part), "{format:?}");
    }
}
