//! Runs of tools and a change → findings: what the change brought, or touches. Everything else is counted, in one row
//! per tool.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::anchor::ChangedLines;
use super::identity::{self, Left, Spot};
use super::rows::{Tally, failures, listed, remarked, row, skipped, summary};
use super::source::Source;
use super::told::{Candidate, Told};
use super::{Diagnostic, Report, ReportedPath, Run, State, paths};
use crate::change::compare::{Comparison, Line, are_alike};
use crate::change::diff::{FileDiff, Side};
use crate::change::{ObjectId, RepoPath, counted};
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// How many findings of other tools are shown one by one; the rest is one row per tool.
const MAX_SHOWN: usize = 50;

/// Questions about the trees of reports.
pub trait Trees {
    /// The commit that is under review.
    fn head(&self) -> ObjectId;
    /// Whether a file exists.
    fn has(&self, side: Side, path: &RepoPath) -> bool;
    /// Whether another revision has the same content at a path as the head; none if that is not known here.
    fn is_same(&self, revision: &str, path: &RepoPath) -> Option<bool>;
}

/// A run whose results are sorted by the files of a tree.
#[derive(Default)]
struct Sorted {
    /// Without its results.
    run: Run,
    files: HashMap<RepoPath, Vec<Diagnostic>>,
    /// Without a file.
    whole: Vec<Diagnostic>,
    /// On files that are not in the tree, or are ambiguous.
    lost: Vec<ReportedPath>,
}

impl Sorted {
    fn of(mut run: Run, has: impl FnMut(&RepoPath) -> bool) -> Sorted {
        let diagnostics = std::mem::take(&mut run.diagnostics);
        let resolved: HashMap<ReportedPath, RepoPath> =
            paths::resolved(paths::of(&diagnostics), has).into_iter().map(|(path, own)| (path.clone(), own)).collect();
        let mut sorted = Sorted { run, ..Sorted::default() };
        for found in diagnostics {
            match found.path.as_ref().map(|path| resolved.get(path)) {
                Some(Some(path)) => sorted.files.entry(path.clone()).or_default().push(found),
                Some(None) => sorted.lost.extend(found.path),
                None => sorted.whole.push(found),
            }
        }
        sorted
    }
}

/// Gets the files of a change one after another, like the assessment.
pub struct Import<'r> {
    rules: &'r Rules,
    head: Vec<Sorted>,
    base: Vec<Sorted>,
    /// Tools that ran on the base.
    compared: BTreeSet<String>,
    candidates: Vec<Candidate>,
    left: Left,
    tallies: BTreeMap<String, Tally>,
    /// What was not read from the reports.
    remarks: Vec<String>,
    /// The commit that a run examined, by its index in `head`; none if it is the one under review, or not given.
    elsewhen: Vec<Option<String>>,
    /// By file and other revision: whether the file is the same there.
    stale: HashMap<(usize, RepoPath), bool>,
}

impl<'r> Import<'r> {
    /// Reports on the head, and those of a run on the base if there is one.
    pub fn new(rules: &'r Rules, head: Vec<Report>, base: Option<Vec<Report>>, trees: &dyn Trees) -> Import<'r> {
        let mut remarks = Vec::new();
        let mut sorted = |reports: Vec<Report>, side: Side| -> Vec<Sorted> {
            remarks.extend(reports.iter().flat_map(|report| report.remarks.iter().cloned()));
            let runs = reports.into_iter().flat_map(|report| report.runs);
            runs.map(|run| Sorted::of(run, |path| trees.has(side, path))).collect()
        };
        let (head, base) = (sorted(head, Side::New), sorted(base.unwrap_or_default(), Side::Old));
        let elsewhen: Vec<Option<String>> = head.iter().map(|one| elsewhen(&one.run.revision, trees)).collect();
        let mut stale = HashMap::new();
        for (at, (one, revision)) in head.iter().zip(&elsewhen).enumerate() {
            let Some(revision) = revision else { continue };
            stale.extend(
                one.files.keys().map(|path| ((at, path.clone()), !trees.is_same(revision, path).unwrap_or(false))),
            );
        }
        Import {
            rules,
            compared: base.iter().map(|one| one.run.tool.clone()).collect(),
            head,
            base,
            candidates: Vec::new(),
            left: Left::default(),
            tallies: BTreeMap::new(),
            remarks,
            elsewhen,
            stale,
        }
    }

    /// Whether any result is about a file: other files need not be read.
    pub fn speaks_of(&self, file: &FileDiff) -> bool {
        self.head.iter().any(|one| one.files.contains_key(&file.path))
            || self.base.iter().any(|one| file.paths().any(|path| one.files.contains_key(path)))
    }

    /// Adds a file of the change.
    pub fn read(&mut self, file: &FileUnderReview<'_>) {
        let path = file.diff.path.clone();
        let from = file.diff.from.as_ref().unwrap_or(&path);
        let (old, new) = (file.old_text(), file.new_text());
        let (before_it, now) = (Source::of(&file.comparison.old, old), Source::of(&file.comparison.new, new));
        let mut before = Vec::new();
        for one in &mut self.base {
            let found = one.files.remove(from).unwrap_or_default();
            let active = found.iter().filter(|found| !matches!(found.state, State::Suppressed { .. } | State::Absent));
            before.extend(active.map(|found| before_it.spot(&one.run.tool, found)));
        }
        let mut found = Vec::new();
        for (at, one) in self.head.iter_mut().enumerate() {
            let diagnostics = one.files.remove(&path).unwrap_or_default();
            let is_stale = self.stale.get(&(at, path.clone())).copied().unwrap_or(false);
            found.extend(diagnostics.into_iter().map(|found| (at, is_stale, found)));
        }
        let spots: Vec<Spot> = found.iter().map(|(at, _, found)| now.spot(&self.head[*at].run.tool, found)).collect();
        let heads = if before.is_empty() { HashMap::new() } else { renamed_heads(file.comparison, old, new) };
        let (known, left) = identity::compare(&spots, &before, |line| heads.get(&line).copied());
        self.left.extend(left);
        let changed = ChangedLines::of(file.comparison, new);
        for (((at, is_stale, found), spot), known) in found.into_iter().zip(spots).zip(known) {
            let run = &self.head[at].run;
            let revision = is_stale.then(|| self.elsewhen[at].clone()).flatten();
            let tally = self.tallies.entry(run.tool.clone()).or_default();
            tally.stale.extend(revision.clone());
            let told = Told {
                rules: self.rules,
                run,
                file,
                source: &now,
                changed: &changed,
                revision,
                has_base: self.compared.contains(&run.tool),
            };
            match told.candidate(found, spot, known, tally) {
                Some(candidate) => self.candidates.push(candidate),
                None => continue,
            }
        }
    }

    /// All findings and rows. Rows about no file are at the first file.
    pub fn finish(mut self, files: &[FileDiff]) -> Vec<Finding> {
        let Some(first) = files.first().map(|file| file.path.clone()) else { return Vec::new() };
        self.settle_candidates();
        let mut found = Vec::new();
        found.extend(remarked(&self.remarks, &first));
        for one in &self.head {
            found.extend(failures(&one.run, &first));
            found.extend(skipped(&one.run, files));
        }
        self.count_the_rest();
        let shown = self.shown(&first, &mut found);
        found.extend(shown);
        found.extend(
            self.tallies.iter().map(|(tool, tally)| summary(tool, tally, self.compared.contains(tool), &first)),
        );
        found
    }

    /// A result that existed before in another file is not new.
    fn settle_candidates(&mut self) {
        let Import { candidates, left, tallies, .. } = self;
        candidates.retain(|candidate| {
            let tally = tallies.entry(candidate.tool.clone()).or_default();
            let was_there = candidate.counts && left.take(&candidate.spot);
            tally.known += usize::from(was_there);
            tally.untouched += usize::from(!was_there && !candidate.counts);
            tally.counted += usize::from(!was_there && candidate.counts);
            !was_there && candidate.counts
        });
    }

    /// Results on files that the change does not touch: the same on both sides, so that lines can be compared.
    fn count_the_rest(&mut self) {
        let mut before: HashMap<(String, String, RepoPath, u32), usize> = HashMap::new();
        for one in &self.base {
            for (path, found) in &one.files {
                for found in found {
                    let key = (one.run.tool.clone(), found.rule.clone(), path.clone(), found.region.line);
                    *before.entry(key).or_default() += 1;
                }
            }
        }
        for one in &self.head {
            let tally = self.tallies.entry(one.run.tool.clone()).or_default();
            tally.version.clone_from(&one.run.version);
            let run = &one.run;
            tally.passed += run.passed;
            tally.unreadable += run.unreadable;
            tally.more += run.more;
            tally.lost.extend(one.lost.iter().map(ReportedPath::shown));
            tally.without_file += one.whole.len();
            let mut files: Vec<_> = one.files.iter().collect();
            files.sort_by_key(|(path, _)| *path);
            for (path, found) in files {
                tally.elsewhere += found.len();
                for found in
                    found.iter().filter(|found| self.compared.contains(&run.tool) && found.state == State::Active)
                {
                    let key = (run.tool.clone(), found.rule.clone(), path.clone(), found.region.line);
                    match before.get_mut(&key).filter(|count| **count > 0) {
                        Some(count) => *count -= 1,
                        None => tally.new_elsewhere.push(format!("{} at {path}:{}", found.rule, found.region.line)),
                    }
                }
            }
        }
    }

    /// The gravest one by one; the rest as one row per tool.
    fn shown(&mut self, first: &RepoPath, rows: &mut Vec<Finding>) -> Vec<Finding> {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_by(|a, b| {
            let place = |one: &Candidate| (one.finding.location.clone(), one.finding.rule.clone());
            b.finding.severity.cmp(&a.finding.severity).then_with(|| place(a).cmp(&place(b)))
        });
        let rest = candidates.split_off(candidates.len().min(MAX_SHOWN));
        let mut by_tool: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        let mut worst: BTreeMap<String, Severity> = BTreeMap::new();
        for one in rest {
            let severity = worst.entry(one.tool.clone()).or_default();
            *severity = one.finding.severity.max(*severity);
            *by_tool.entry(one.tool).or_default().entry(one.finding.rule).or_default() += 1;
        }
        for (tool, rules) in by_tool {
            let count: usize = rules.values().sum();
            let why = format!(
                "More than {MAX_SHOWN} findings of other tools are not shown one by one. Of {tool} also: {}.",
                listed(rules.iter().map(|(rule, count)| format!("{rule} {count} times")))
            );
            let severity = worst.get(&tool).copied().unwrap_or_default();
            let title = format!("{} of {tool} on what the change touches", counted(count, "more finding"));
            let ask = "Is there a reason that it finds so much? Look at its report.";
            rows.push(row((&tool, "more"), severity, title, why, ask, first));
        }
        candidates.into_iter().map(|candidate| candidate.finding).collect()
    }
}

/// A commit other than the head, if the report names one.
fn elsewhen(revision: &str, trees: &dyn Trees) -> Option<String> {
    let is_head = revision.len() >= 7 && trees.head().to_string().starts_with(&revision.to_ascii_lowercase());
    (!revision.is_empty() && !is_head).then(|| revision.to_owned())
}

/// By added line, the old line that it replaces, if both open a block: the same thing under another name. Results on
/// other added lines are new.
fn renamed_heads(comparison: &Comparison, old: &[u8], new: &[u8]) -> HashMap<u32, u32> {
    let opens = |text: &[u8]| matches!(text.trim_ascii_end().last(), Some(b'{' | b':' | b'(' | b'['));
    let mut heads = HashMap::new();
    for hunk in &comparison.hunks {
        let text = |at: usize| match hunk.lines[at] {
            Line::Removed { old: line } => comparison.old.get(old, line),
            Line::Added { new: line } | Line::Context { new: line, .. } => comparison.new.get(new, line),
        };
        for block in hunk.blocks() {
            let pairs = block.pairs(|removed, added| opens(text(added)) && are_alike(text(removed), text(added)));
            for (removed, added) in pairs.into_iter().filter(|(a, b)| opens(text(*a)) && opens(text(*b))) {
                if let (Line::Removed { old }, Line::Added { new }) = (hunk.lines[removed], hunk.lines[added]) {
                    heads.insert(new, old);
                }
            }
        }
    }
    heads
}
