//! `undersign history`: what was decided in the repositories, newest first.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::queue::{QueuedDrill, Unreadable, names};
use crate::change::visible;
use crate::examination::decided::{self, Decided, History, MOST};

#[derive(Args)]
pub struct Options {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Printed {
    schema: &'static str,
    decisions: Vec<Row>,
    /// How many more there are; those that do not count come last.
    left_out: usize,
    /// Drills of emergencies, the newest of each repository first: no decisions.
    drills: Vec<QueuedDrill>,
    unreadable: Vec<Unreadable>,
}

#[derive(Serialize)]
struct Row {
    record: String,
    repository: String,
    verdict: String,
    /// The owner of the key by the roster; otherwise words that are no id.
    by: String,
    /// By the signer's clock, in seconds since the epoch.
    at: i64,
    standing: String,
    /// Whether it is dated in the future.
    is_ahead: bool,
    target: String,
    base: String,
    head: String,
    title: String,
    files: u64,
    files_seen: u64,
    hunks: u64,
    hunks_seen: u64,
    carried_over: u64,
    /// What was not seen, in words.
    unseen: String,
    /// Whether it landed and by which commit, in words.
    landed: String,
    reason: String,
}

impl Row {
    fn of(own: &Decided) -> Row {
        let predicate = &own.record.verified.statement().predicate;
        let coverage = &predicate.coverage;
        Row {
            record: own.record.verified.id().to_string(),
            repository: own.repository.clone(),
            verdict: predicate.verdict.to_string(),
            by: own.who.to_string(),
            at: own.at,
            standing: own.standing.map(|standing| standing.to_string()).unwrap_or_default(),
            is_ahead: own.is_ahead,
            target: visible::text(&predicate.target.name).into_owned(),
            base: predicate.base.commit.clone(),
            head: predicate.head.commit.clone(),
            title: own.title.clone(),
            files: coverage.files.0,
            files_seen: coverage.files_seen.0,
            hunks: coverage.hunks.0,
            hunks_seen: coverage.hunks_seen.0,
            carried_over: coverage.carried_over.0,
            unseen: own.left_unseen(),
            landed: own.landed.told(&predicate.target.name),
            reason: visible::lines(&predicate.reason),
        }
    }
}

pub fn run(options: &Options, repositories: &[PathBuf]) -> Result<(), String> {
    let (mut all, mut drills, mut unreadable, mut unread) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let names = names(repositories);
    let repositories = names.paths();
    for (index, path) in repositories.iter().enumerate() {
        let mut read = || -> Result<History, String> {
            let (repository, snapshot) = super::opened(&names, path, None)?;
            drills.extend(QueuedDrill::all(&snapshot));
            unread.extend(snapshot.told_unread().map(|told| format!("{}: {told}", visible::text(&snapshot.name))));
            let pending = repository.changes(index, &snapshot.target).map_err(|error| error.to_string())?;
            let heads: BTreeSet<_> = pending.changes.iter().map(|change| change.revision.head).collect();
            decided::history(&repository, &snapshot, &heads, MOST, crate::clock::now())
                .map_err(|error| error.to_string())
        };
        match read() {
            Ok(own) => all.push(own),
            Err(why) => unreadable.push(Unreadable::of(path.display().to_string(), why)),
        }
    }
    let all = History::joined(all, crate::clock::now());
    let is_any_read = unreadable.len() < repositories.len();
    let first = unreadable.first().map(|first| first.why.clone());
    let decisions = all.decisions.iter().map(Row::of).collect();
    let history = Printed { schema: "undersign-history/v0", decisions, left_out: all.left_out, drills, unreadable };
    if options.json {
        super::print_json(&history);
    } else {
        print(&all, &history.drills, &history.unreadable);
    }
    unread.iter().for_each(|told| eprintln!("undersign: {told}"));
    match first {
        Some(why) if !is_any_read => Err(why),
        _ => Ok(()),
    }
}

fn print(all: &History, drills: &[QueuedDrill], unreadable: &[Unreadable]) {
    for own in &all.decisions {
        let predicate = &own.record.verified.statement().predicate;
        let (title, unseen) =
            (if own.title.is_empty() { &predicate.head.commit[..12] } else { &own.title }, own.left_unseen());
        outln!(
            "{}  {:<11} {:<10} {}: {title}",
            crate::datafile::date(own.at),
            predicate.verdict.to_string(),
            own.who.brief(),
            own.repository
        );
        let unseen = if unseen.is_empty() { String::new() } else { format!("; left: {unseen}") };
        let landed = own.landed.told(&predicate.target.name);
        let landed = if landed.is_empty() { landed } else { format!("; {landed}") };
        let doubt = own.doubt();
        let standing = if doubt.is_empty() { "; in force".to_owned() } else { format!("; {doubt}") };
        outln!("    saw {}{unseen}{landed}{standing}   {}", own.saw(), own.record.verified.id().short());
    }
    drills.iter().for_each(|drill| outln!("{}", drill.told()));
    for row in unreadable {
        outln!("unreadable: {}: {}", row.what, row.why);
    }
    if all.left_out > 0 {
        outln!("{}", all.told_left_out());
    }
    if all.decisions.is_empty() && unreadable.is_empty() {
        outln!("Nothing is signed here yet.");
    }
}
