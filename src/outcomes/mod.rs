//! FLOOR 3: what came of what landed: later reverts, fixes and rework of each segment of a period.
//!
//! ```text
//! population  what landed in the period, as the audit cuts it, and what landed since
//! signed   which signed outcomes count
//! read     the landed segments: what their commits say, what they change, and which lines
//! message  what a message says about other commits
//! joins    which earlier segment a later one reverts or fixes
//! rework   how many lines of a segment are changed again soon after
//! changes  all that of each segment;  groups  counts by month, sign of AI, tool, tier and the like
//! report   all of that as plain values;  render  the same as a page, a table, JSON
//! remembered  the counts by rule, kept for later findings
//! ```
//!
//! What landed, and who answered for it, is what [`crate::audit`] says. Messages are written by whoever wrote the
//! commits: they are evidence that is named by its source. Nothing here decides whether something may land, and that
//! nothing came of a change does not mean that it was good. No clock is read, and nothing is written: the same inputs
//! produce the same bytes.

mod changes;
mod groups;
pub mod joins;
pub mod message;
mod population;
pub mod read;
mod remembered;
pub mod render;
pub mod report;
pub mod rework;
mod signed;

use std::cmp::Reverse;

use crate::audit::report::{ChainInput, Shown, Time};
use crate::audit::{self, Progress};
use crate::change::counted;
use crate::examination;
use crate::source::git::Repository;
use changes::{Evidence, Words};
use joins::Unjoined;
use population::{Population, spans};
use read::{Left, Risk, Span};
pub use remembered::Remembered;
use report::{Change, Counts, Report, SCHEMA};

/// By default, an outcome counts within this many days of the landing.
pub const WITHIN: u32 = 90;
/// By default, rework counts within this many days of the landing.
pub const REWORK: u32 = 14;
/// The most changes whose tier is computed, the newest first: each takes about 40 ms.
pub const MAX_TIERED: usize = 5_000;
const DAY: i64 = 24 * 3600;

/// The question.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// What landed; `hasty` does not matter.
    pub landed: audit::Query,
    /// Up to when outcomes are looked for; without it, up to the newest landing.
    pub watch_to: Option<i64>,
    pub within_days: u32,
    pub rework_days: u32,
    /// Whether to compute the tiers and rules of all changes.
    pub with_tiers: bool,
}

/// Looks at what came of what landed.
///
/// # Errors
/// A sentence: as for [`audit::report()`], or the times contradict each other.
pub fn report(query: &Query, progress: Progress<'_>) -> Result<Report, String> {
    let repository = Repository::open(&query.landed.repository).map_err(|error| error.to_string())?;
    let population = Population::of(query, &repository, progress)?;
    let Population { looked, landings, subjects, end } = &population;
    let spans = spans(landings)?;
    let signed = signed::read(&repository, looked, query.watch_to, *end).map_err(|error| error.to_string())?;
    let told = |done| progress("segments", done, spans.len());
    let read = read::segments(&repository, &spans, &told).map_err(|error| error.to_string())?;
    let (risks, rules) = risks(&repository, query, &spans, subjects, progress)?;
    let mut left_out = Left::default();
    read.iter().for_each(|read| left_out.add(read.left));
    let words = Words { approvals: &looked.signed, outcomes: &signed.records, roster: &looked.newest.roster };
    let evidence = Evidence::of(landings, read, query, *end, words);
    let changes: Vec<Change> = subjects.iter().zip(risks).map(|(at, risk)| evidence.change(*at, risk)).collect();
    let mut summary = Counts::default();
    changes.iter().for_each(|change| summary.add(change));
    let mut notes = notes(&evidence, summary, left_out, subjects.len(), query);
    notes.extend(signed.notes);
    let unjoined = evidence.unjoined;
    let found = Found { outcome_chains: signed.chains, rules, summary, unjoined, left_out, changes, notes };
    Ok(found.report(query, population))
}

/// What a report tells besides its population.
struct Found {
    outcome_chains: Vec<ChainInput>,
    rules: Option<String>,
    summary: Counts,
    unjoined: Unjoined,
    left_out: Left,
    changes: Vec<Change>,
    notes: Vec<Shown>,
}

impl Found {
    fn report(self, query: &Query, population: Population) -> Report {
        let Found { mut changes, notes, .. } = self;
        let groups = groups::groups(&changes, query.with_tiers);
        changes.sort_by(|a, b| {
            (a.kinds.is_empty(), b.at, &a.name, &a.to).cmp(&(b.kinds.is_empty(), a.at, &b.name, &b.to))
        });
        let looked = population.looked.report;
        let mut inputs = looked.inputs;
        inputs.notes.extend(notes);
        Report {
            schema: SCHEMA,
            version: looked.version,
            repository: looked.repository,
            query: report::Query {
                from: looked.query.from,
                to: looked.query.to,
                to_is_given: query.landed.to.is_some(),
                watched_to: population.end.map(Time),
                watched_to_is_given: query.watch_to.is_some(),
                refs: looked.query.refs,
                refs_are_given: looked.query.refs_are_given,
                within_days: query.within_days,
                rework_days: query.rework_days,
                with_tiers: query.with_tiers,
            },
            inputs,
            outcome_chains: self.outcome_chains,
            rules: self.rules,
            summary: self.summary,
            unjoined: self.unjoined,
            left_out: self.left_out,
            groups,
            changes,
        }
    }
}

/// The tiers and rules of the changes, and the digest of the rules; of the oldest beyond the most, none.
fn risks(
    repository: &Repository,
    query: &Query,
    spans: &[Span],
    subjects: &[usize],
    progress: Progress<'_>,
) -> Result<(Vec<Risk>, Option<String>), String> {
    if !query.with_tiers {
        return Ok((vec![Risk::default(); subjects.len()], None));
    }
    let rules = examination::rulebook(repository).map_err(|error| error.to_string())?;
    let mut newest: Vec<usize> = (0..subjects.len()).collect();
    newest.sort_by_key(|at| (Reverse(spans[subjects[*at]].at), *at));
    newest.truncate(MAX_TIERED);
    let asked: Vec<Span> = newest.iter().map(|at| spans[subjects[*at]]).collect();
    let told = |done| progress("tiers", done, asked.len());
    let found = read::risks(repository, rules.rules(), &asked, &told).map_err(|error| error.to_string())?;
    let mut risks = vec![Risk::default(); subjects.len()];
    newest.into_iter().zip(found).for_each(|(at, risk)| risks[at] = risk);
    Ok((risks, Some(rules.rules().digest().to_string())))
}

/// What could not be seen, and how to read the numbers.
fn notes(evidence: &Evidence<'_>, summary: Counts, left: Left, subjects: usize, query: &Query) -> Vec<Shown> {
    let mut notes = vec![
        "A change without an outcome is not proved clean: no message, no exact inverse, no quick rework and no signed \
         record here speaks of it."
            .to_owned(),
        "What a message says is said by whoever wrote it.".to_owned(),
    ];
    let mut note = |count: usize, text: String| notes.extend((count > 0).then_some(text));
    let young = summary.landed - summary.watched;
    note(
        young,
        format!(
            "{young} of {} landed less than {} before the end.",
            counted(summary.landed, "change"),
            counted(query.within_days as usize, "day")
        ),
    );
    note(left.unread, format!("{} cannot be read here.", counted(left.unread, "segment")));
    note(left.large, format!("The lines of {} are too many to follow.", counted(left.large, "segment")));
    note(
        left.binary + left.generated,
        format!(
            "Of rework, {} to files that are not text, and {} to files that a tool writes, are left out.",
            counted(left.binary, "change"),
            left.generated
        ),
    );
    note(
        evidence.astray,
        match evidence.astray {
            1 => "1 signed outcome is about a commit that did not land on that ref in the period.".to_owned(),
            astray => {
                format!("{astray} signed outcomes are about commits that did not land on that ref in the period.")
            }
        },
    );
    let dropped = counted(evidence.dropped, "time");
    note(evidence.dropped, format!("{dropped}, a file was not followed any further: there were too many lines."));
    let untiered = subjects.saturating_sub(MAX_TIERED);
    if query.with_tiers {
        note(
            untiered,
            format!(
                "Tiers and rules are those of the newest {MAX_TIERED} changes; of {untiered} older ones they are not \
                 computed, so the counts by tier and rule are not of the whole period."
            ),
        );
        note(subjects, "Tiers and rules are those of the rules of today.".to_owned());
    }
    notes.iter().map(|note| Shown::of(note)).collect()
}
