//! FLOOR 3: what came of what landed: later reverts, fixes and rework of each segment of a period.
//!
//! ```text
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
pub mod read;
mod remembered;
pub mod render;
pub mod report;
pub mod rework;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::audit::report::{ChainInput, Landing, Shown, Time};
use crate::audit::{self, Progress};
use crate::change::ObjectId;
use crate::examination;
use crate::ledger::commands::read_family;
use crate::record::outcome::{OutcomeChain, OutcomeRecord, in_force};
use crate::source::git::{self, GitError, Repository};
use changes::{Evidence, Words};
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
    if let (Some(to), Some(end)) = (query.landed.to, query.watch_to)
        && to > end
    {
        let (to, end) = (Time(to), Time(end));
        return Err(format!("Outcomes are looked for up to {end}, before the period ends ({to}). Give a later day."));
    }
    // What landed after the period is evidence about what landed in it.
    let audit::Looked { report: looked, signed, owners, is_host } =
        audit::look(&audit::Query { to: query.watch_to, ..query.landed.clone() }, progress)?;
    let end = looked.query.to.map(|time| time.0);
    let to = query.landed.to.or(end);
    let is_subject = |landing: &Landing| to.is_some_and(|to| landing.at.0 <= to);
    let landings = in_order(looked.landings);
    let spans = spans(&landings)?;
    let repository = Repository::open(&query.landed.repository).map_err(|error| error.to_string())?;
    let signers = Signers { owners: &owners, repository: &looked.repository, with_remotes: !is_host };
    let named = named(&repository, query, &signers)?;
    let told = |done| progress("segments", done, spans.len());
    let read = read::segments(&repository, &spans, &told).map_err(|error| error.to_string())?;
    let subjects: Vec<usize> = (0..landings.len()).filter(|at| is_subject(&landings[*at])).collect();
    let (risks, rules) = risks(&repository, query, &spans, &subjects, progress)?;
    let mut left_out = Left::default();
    read.iter().for_each(|read| left_out.add(read.left));
    let outcomes: Vec<&OutcomeRecord> = named.records.iter().map(Arc::as_ref).collect();
    let words = Words { approvals: &signed, outcomes: &outcomes };
    let evidence = Evidence::of(&landings, read, query, end, words);
    let mut changes: Vec<Change> = subjects.iter().zip(risks).map(|(at, risk)| evidence.change(*at, risk)).collect();
    let mut summary = Counts::default();
    changes.iter().for_each(|change| summary.add(change));
    let groups = groups::groups(&changes, query.with_tiers);
    changes.sort_by(|a, b| (a.kinds.is_empty(), b.at, &a.name, &a.to).cmp(&(b.kinds.is_empty(), a.at, &b.name, &b.to)));
    let mut inputs = looked.inputs;
    inputs.notes.extend(notes(&evidence, summary, left_out, subjects.len(), query));
    inputs.notes.extend(named.notes);
    Ok(Report {
        schema: SCHEMA,
        version: looked.version,
        repository: looked.repository,
        query: report::Query {
            from: looked.query.from,
            to: to.map(Time),
            to_is_given: query.landed.to.is_some(),
            watched_to: end.map(Time),
            watched_to_is_given: query.watch_to.is_some(),
            refs: looked.query.refs,
            refs_are_given: looked.query.refs_are_given,
            within_days: query.within_days,
            rework_days: query.rework_days,
            with_tiers: query.with_tiers,
        },
        inputs,
        outcome_chains: named.chains,
        rules,
        summary,
        unjoined: evidence.unjoined,
        left_out,
        groups,
        changes,
    })
}

/// Whose signed outcomes count.
struct Signers<'s> {
    /// The people to whom policies ever gave a key, by its id.
    owners: &'s BTreeMap<String, BTreeSet<String>>,
    repository: &'s Shown,
    with_remotes: bool,
}

/// Signed outcomes that count, the chains that they come from, and what must be said of them.
struct SignedOutcomes {
    records: Vec<Arc<OutcomeRecord>>,
    chains: Vec<ChainInput>,
    notes: Vec<Shown>,
}

fn named(repository: &Repository, query: &Query, signers: &Signers<'_>) -> Result<SignedOutcomes, String> {
    let all: Vec<OutcomeChain> = read_family(repository, signers.with_remotes).map_err(|error| error.to_string())?;
    // Anybody can add chains of other keys.
    let chains: Vec<OutcomeChain> =
        all.into_iter().filter(|chain| signers.owners.contains_key(&chain.id.key)).collect();
    let owns = |key: &str, person: &str| signers.owners.get(key).is_some_and(|owners| owners.contains(person));
    let is_meant = |record: &&Arc<OutcomeRecord>| {
        let outcome = record.outcome();
        Shown::of(&outcome.repository.id) == *signers.repository
            && query.watch_to.is_none_or(|end| outcome.issued_at.seconds() <= end)
    };
    let (mut records, mut notes) = (Vec::new(), Vec::new());
    for record in in_force(&chains, owns).into_iter().filter(is_meant) {
        match is_of_its_commit(repository, record) {
            Ok(true) => records.push(Arc::clone(record)),
            Ok(false) => notes.push(format!("The commit of the signed outcome {} has other content.", record.id())),
            Err(error) => notes.push(format!("The signed outcome {} cannot be checked: {error}", record.id())),
        }
    }
    for chain in &chains {
        if let Some((position, fault)) = chain.fault {
            notes.push(format!("Record {position} of the chain of outcomes {} does not hold: {fault}.", chain.id));
        }
    }
    let input = |chain: &OutcomeChain| ChainInput {
        chain: Shown::of(&chain.id.to_string()),
        records: chain.len(),
        head: chain.head().map(|head| head.record.to_string()),
    };
    let notes = notes.iter().map(|note| Shown::of(note)).collect();
    Ok(SignedOutcomes { records, chains: chains.iter().map(input).collect(), notes })
}

/// Whether the commit that a record names does what it says, by SHA-256 of the contents.
fn is_of_its_commit(repository: &Repository, record: &OutcomeRecord) -> Result<bool, GitError> {
    let outcome = record.outcome();
    let Ok(commit) = outcome.commit.parse::<ObjectId>() else { return Ok(false) };
    let diff = repository.past_commit(commit)?.diff(repository)?;
    Ok(git::manifest(repository, &diff)?.digest().to_string() == outcome.manifest.sha256)
}

/// By ref, and along each ref the oldest first.
fn in_order(landings: Vec<Landing>) -> Vec<Landing> {
    let mut by_ref: BTreeMap<Shown, Vec<Landing>> = BTreeMap::new();
    landings.into_iter().for_each(|landing| by_ref.entry(landing.name.clone()).or_default().push(landing));
    by_ref.into_values().flatten().collect()
}

/// Where the segments are. What a ref no longer shows is on a line of its own: nothing that landed since stands on it.
fn spans(landings: &[Landing]) -> Result<Vec<Span>, String> {
    let commit = |text: &str| text.parse::<ObjectId>().map_err(|error| format!("{text} is no commit: {error}."));
    let mut line = 0;
    let of = |(at, landing): (usize, &Landing)| {
        let is_next = at.checked_sub(1).is_some_and(|before| landings[before].name != landing.name);
        line += usize::from(is_next);
        let is_gone = landing.exceptions.contains(&audit::report::Kind::Rewritten);
        Ok(Span {
            line: if is_gone { landings.len() + at } else { line },
            at: landing.at.0,
            from: landing.from.as_deref().map(commit).transpose()?,
            to: commit(&landing.to)?,
            steps: landing.steps,
        })
    };
    landings.iter().enumerate().map(of).collect()
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
    newest.sort_by_key(|at| (-spans[subjects[*at]].at, *at));
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
        "What nobody named is not clean: a change without an outcome is one of which no message, no exact inverse, no \
         quick rework and no signed record here tells."
            .to_owned(),
        "What a message says is said by whoever wrote it.".to_owned(),
    ];
    let mut note = |count: usize, text: String| notes.extend((count > 0).then_some(text));
    let young = summary.landed - summary.watched;
    note(
        young,
        format!("{young} of {} changes landed less than {} days before the end.", summary.landed, query.within_days),
    );
    note(left.unread, format!("{} segments cannot be read here.", left.unread));
    note(left.large, format!("The lines of {} segments are too many to follow.", left.large));
    note(
        left.binary + left.generated,
        format!(
            "Of rework, {} changes to files that are no text, and {} to files that a tool writes, are left out.",
            left.binary, left.generated
        ),
    );
    note(
        evidence.astray,
        format!("{} signed outcomes are about commits that did not land on that ref in the period.", evidence.astray),
    );
    note(evidence.dropped, format!("{} files were not followed any further.", evidence.dropped));
    let untiered = subjects.saturating_sub(MAX_TIERED);
    if query.with_tiers {
        note(untiered, format!("The tiers of {untiered} older changes are not computed."));
        note(subjects, "Tiers and rules are those of the rules of today.".to_owned());
    }
    notes.iter().map(|note| Shown::of(note)).collect()
}
