//! Rows about a run as a whole: what it found, where that went, and what it did not do.

use std::collections::{BTreeMap, BTreeSet};

use super::{Run, name, paths};
use crate::change::diff::{FileDiff, Location, Side};
use crate::change::digest::Digest;
use crate::change::{RepoPath, counted, visible};
use crate::risk::blast::extension;
use crate::risk::{Finding, Severity};

/// The most places and reasons that a row names.
const MAX_NAMED: usize = 5;

/// How many results of a tool went where.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally {
    pub version: String,
    /// Findings, shown separately or combined.
    pub counted: usize,
    pub known: usize,
    /// In files of the change, at unrelated lines.
    pub untouched: usize,
    /// In files that it does not touch.
    pub elsewhere: usize,
    /// The places of those that are new relative to the run on the base.
    pub new_elsewhere: Vec<String>,
    pub suppressed: usize,
    pub gone: usize,
    pub without_file: usize,
    /// As the tool names them.
    pub lost: BTreeSet<String>,
    pub passed: usize,
    pub unreadable: usize,
    pub more: usize,
    pub stale: BTreeSet<String>,
}

/// `bandit:B105`; without repetition for a tool whose rules begin with its own name.
pub(super) fn rule_id(tool: &str, rule: &str) -> String {
    let tool = tool.split_whitespace().collect::<Vec<_>>().join("-");
    let own = rule.strip_prefix(&tool).and_then(|rest| rest.strip_prefix(['/', ':', '.']));
    name(&format!("{tool}:{}", own.unwrap_or(rule)))
}

pub(super) fn tool_and_version(tool: &str, version: &str) -> String {
    if version.is_empty() { tool.to_owned() } else { format!("{tool} {version}") }
}

/// The first few, and how many there are beyond.
pub(super) fn listed(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MAX_NAMED);
    let mut shown: Vec<String> = all.take(MAX_NAMED).collect();
    shown.extend((more > 0).then(|| format!("and {more} more")));
    shown.join(", ")
}

/// A row about a run, not about a result.
pub(super) fn row(
    (tool, what): (&str, &str),
    severity: Severity,
    title: String,
    why: String,
    ask: &str,
    path: &RepoPath,
) -> Finding {
    let shown = |text: &str| visible::text(text).into_owned();
    Finding {
        rule: shown(&rule_id(tool, what)),
        severity,
        title: shown(&title),
        text: Digest::of(why.as_bytes()).key(),
        why: shown(&why),
        ask: ask.to_owned(),
        location: Location { path: path.clone(), side: Side::New, line: 0 },
        evidence: String::new(),
        within: String::new(),
        ordinal: 0,
        places: Vec::new(),
    }
}

pub(super) fn remarked(remarks: &[String], first: &RepoPath) -> Option<Finding> {
    let title = "A report of another tool was not read as a whole".to_owned();
    let why = listed(remarks.iter().cloned());
    let row = || row(("report", "partly-read"), Severity::Low, title, why, "Can the tool write another one?", first);
    (!remarks.is_empty()).then(row)
}

pub(super) fn failures(run: &Run, first: &RepoPath) -> Option<Finding> {
    let tool = &run.tool;
    let title = format!("the run of {tool} is incomplete");
    let why = format!("That it is silent does not say that there is nothing. {}", listed(run.failures.iter().cloned()));
    let row = || row((tool, "failed"), Severity::Medium, title, why, "Can it be run again?", first);
    (!run.failures.is_empty()).then(row)
}

/// Files of the change that it reports as not read, and those that it does not list although it lists others of their
/// kind.
pub(super) fn skipped(run: &Run, files: &[FileDiff]) -> Vec<Finding> {
    let there: BTreeMap<&RepoPath, ()> =
        files.iter().filter(|file| file.new.is_some()).map(|file| (&file.path, ())).collect();
    let named = run.skipped.iter().map(|(path, _)| path).chain(&run.targets);
    // A file that is not in the change may still show where the paths begin.
    let resolved = paths::resolved(named, |path| there.contains_key(path));
    let mut reasons: BTreeMap<&RepoPath, String> = BTreeMap::new();
    for (path, why) in &run.skipped {
        let Some((own, ())) = resolved.get(path).and_then(|path| there.get_key_value(path)) else { continue };
        reasons.entry(own).or_insert_with(|| format!("It says: {why}"));
    }
    let read: BTreeSet<&RepoPath> = run.targets.iter().filter_map(|path| resolved.get(path)).collect();
    let kinds: BTreeSet<String> =
        run.targets.iter().map(|path| extension(&String::from_utf8_lossy(&path.0)).to_owned()).collect();
    for path in there.keys().filter(|path| !read.contains(**path)) {
        if kinds.contains(extension(&path.lossy())) {
            reasons.entry(path).or_insert_with(|| "It does not list it among the files that it looked at.".to_owned());
        }
    }
    let tell = |(path, why): (&RepoPath, String)| {
        let title = format!("{} did not read this file", run.tool);
        row((&run.tool, "skipped"), Severity::Low, title, why, "Does it have to be read by it?", path)
    };
    reasons.into_iter().map(tell).collect()
}

/// What a tool found, and where that went. Needs no answer, unless there are new results where nobody looks.
pub(super) fn summary(tool: &str, tally: &Tally, has_base: bool, first: &RepoPath) -> Finding {
    let mut said = Vec::new();
    let mut say = |count: usize, what: &str| said.extend((count > 0).then(|| format!("{count} {what}")));
    say(tally.known, "were there before");
    say(tally.untouched, "are in files of the change, at lines that it has nothing to do with");
    say(tally.elsewhere, "are in files that it does not touch");
    say(tally.suppressed, "are suppressed");
    say(tally.gone, "are gone");
    say(tally.without_file, "name no file");
    say(tally.passed, "passed");
    say(tally.unreadable, "could not be read");
    say(tally.more, "are beyond what is read");
    let found = match tally.counted {
        0 => "found nothing on what the change touches".to_owned(),
        n => format!("{} on what the change touches", counted(n, "finding")),
    };
    let compared =
        if has_base { "Compared with its run on the base." } else { "There is no run on the base to compare with." };
    let mut why = vec![compared.to_owned()];
    why.extend((!said.is_empty()).then(|| format!("Of its other results {}.", said.join(", "))));
    why.extend((!tally.stale.is_empty()).then(|| {
        format!(
            "It looked at another revision: {}.",
            listed(tally.stale.iter().cloned().collect::<Vec<_>>().into_iter())
        )
    }));
    why.extend((!tally.lost.is_empty()).then(|| {
        format!(
            "Not in this revision, or not clear which file: {}.",
            listed(tally.lost.iter().cloned().collect::<Vec<_>>().into_iter())
        )
    }));
    let (severity, ask) = match tally.new_elsewhere.is_empty() {
        true => (Severity::Note, ""),
        false => {
            why.push(format!(
                "New in files that the change does not touch: {}.",
                listed(tally.new_elsewhere.iter().cloned())
            ));
            (Severity::Low, "Does the change break what it does not touch?")
        }
    };
    row(
        (tool, "run"),
        severity,
        format!("{}: {found}", tool_and_version(tool, &tally.version)),
        why.join(" "),
        ask,
        first,
    )
}
