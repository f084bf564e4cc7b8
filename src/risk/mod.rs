//! FLOOR 1: what deserves attention. Three separate things: hazard (findings at lines), blast radius (what is
//! affected), background (points). The queue is sorted by [`Assessment::tier`] first; points only decide within a tier.

#![warn(missing_docs)]

mod blast;
mod checks;
mod elsewhere;
mod encoding;
pub mod external;
mod facts;
mod finding;
mod history;
mod layout;
mod machine;
mod moves;
mod packages;
mod place;
mod removed;
mod rules;
mod turned;

pub use blast::{Blast, BlastClass, BlastReason};
pub use finding::{Finding, MAX_ASKED, Place, Severity};
pub use history::{
    Backtest, History, Look, MAX_COMMITS, MAX_RATED, PastChange, Quality, Rates, Share, Signs, Tried, Weights,
};
pub use machine::{is_generated, kind_of_machine_file};
pub use moves::are_of_one_format;
pub use packages::{Builder, ManifestText, Manifests, PackageReach, Packages, is_manifest};
pub use rules::MASK;
pub use rules::{Origin, PackFile, PackText, RuleText, Rulebook, Rules, facts_of};

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::change::compare::{Comparison, Hunk, Line};
use crate::change::diff::{Content, FileDiff, Side};
use crate::change::digest::Digest;
use crate::change::enclosing::whereabouts;
use crate::change::{RepoPath, address, counted};
use facts::{ChangedLines, Delta, Enclosing, Fact, Facts};
use layout::News;
use machine::Author;
use turned::Turned;

/// One path with its texts compared.
#[derive(Debug)]
pub struct FileUnderReview<'a> {
    diff: &'a FileDiff,
    old: Option<&'a Content>,
    new: Option<&'a Content>,
    comparison: &'a Comparison,
    /// It is run once it is approved, under whatever name: see [`FileUnderReview::run_as_it_is`].
    is_run: bool,
    /// Computed once, since many checks need them.
    removed: OnceCell<Vec<NumberedLine>>,
    added: OnceCell<Vec<NumberedLine>>,
    changed_old: OnceCell<ChangedLines>,
    changed_new: OnceCell<ChangedLines>,
    written_by: OnceCell<Author>,
    news_old: OnceCell<News>,
    news_new: OnceCell<News>,
    old_facts: OnceCell<Option<Facts>>,
    new_facts: OnceCell<Option<Facts>>,
    deltas: OnceCell<Vec<Delta>>,
    /// The texts that are not UTF-8, decoded.
    decoded_old: OnceCell<String>,
    decoded_new: OnceCell<String>,
    turned: OnceCell<Turned>,
}

/// 1-based number and text; bytes that are not UTF-8 are U+FFFD.
type NumberedLine = (u32, String);

impl<'a> FileUnderReview<'a> {
    /// Key of what encloses a line (1-based); empty if that is nothing, or there is no such line.
    fn within(&self, side: Side, line: u32) -> String {
        let (lines, text) = match side {
            Side::Old => (&self.comparison.old, self.old_text()),
            Side::New => (&self.comparison.new, self.new_text()),
        };
        let Some(line) = line.checked_sub(1).filter(|line| *line < lines.count()) else { return String::new() };
        let within = whereabouts(&self.diff.path.lossy(), lines, text, line);
        if within.is_empty() { String::new() } else { Digest::of(&within).key() }
    }

    /// The comparison is empty if there is no text.
    pub fn new(
        diff: &'a FileDiff,
        old: Option<&'a Content>,
        new: Option<&'a Content>,
        comparison: &'a Comparison,
    ) -> FileUnderReview<'a> {
        FileUnderReview {
            diff,
            old,
            new,
            comparison,
            is_run: false,
            removed: OnceCell::new(),
            added: OnceCell::new(),
            changed_old: OnceCell::new(),
            changed_new: OnceCell::new(),
            written_by: OnceCell::new(),
            news_old: OnceCell::new(),
            news_new: OnceCell::new(),
            old_facts: OnceCell::new(),
            new_facts: OnceCell::new(),
            deltas: OnceCell::new(),
            decoded_old: OnceCell::new(),
            decoded_new: OnceCell::new(),
            turned: OnceCell::new(),
        }
    }

    /// An input of a command, which runs in production once somebody authorizes it: nothing that stands around a
    /// danger, and no name that its author chose, makes it smaller.
    pub fn run_as_it_is(self) -> FileUnderReview<'a> {
        FileUnderReview { is_run: true, ..self }
    }

    fn path(&self) -> String {
        self.diff.path.lossy().into_owned()
    }

    fn old_text(&self) -> &[u8] {
        self.old.and_then(Content::text).unwrap_or_default()
    }

    fn new_text(&self) -> &[u8] {
        self.new.and_then(Content::text).unwrap_or_default()
    }

    /// Who wrote it, by what both sides say: what only claims it since is written by people.
    fn author(&self) -> Author {
        let of = |text: &[u8]| machine::author(&self.path(), text);
        *self.written_by.get_or_init(|| match (self.old_text(), self.new_text()) {
            (b"", new) => of(new).of_new_file(),
            (old, b"") => of(old),
            (old, new) => of(old).as_well_as(of(new)),
        })
    }

    /// The text of a side to be parsed: it has the lines of the text, whatever its encoding is.
    fn decoded(&self, side: Side) -> &str {
        let (text, cell) = match side {
            Side::Old => (self.old_text(), &self.decoded_old),
            Side::New => (self.new_text(), &self.decoded_new),
        };
        std::str::from_utf8(text).unwrap_or_else(|_| cell.get_or_init(|| encoding::decoded(text)))
    }

    /// The path of a side: the old text has its old path.
    fn path_of(&self, side: Side) -> Cow<'_, str> {
        self.diff.from.as_ref().filter(|_| side == Side::Old).unwrap_or(&self.diff.path).lossy()
    }

    /// The lines that both sides have and only one of them runs.
    fn turned(&self) -> &Turned {
        self.turned.get_or_init(|| {
            let of = |side: Side| self.path_of(side);
            let (from, to) = (of(Side::Old), of(Side::New));
            if is_generated(&to) || !turned::may_turn(self.comparison, self.old_text(), self.new_text()) {
                return Turned::default();
            }
            Turned::of(self.comparison, (&from, self.decoded(Side::Old)), (&to, self.decoded(Side::New)))
        })
    }

    /// The lines that a side lost or gained: removed or added ones, and those that were turned off or on.
    fn differing(&self, side: Side) -> Cow<'_, [NumberedLine]> {
        let lines = if side == Side::Old { self.removed() } else { self.added() };
        let turned = self.turned().of_side(side);
        if turned.is_empty() {
            return Cow::Borrowed(lines);
        }
        let turned = turned.keys().map(|line| (*line, self.line(side, *line)));
        let mut all: Vec<NumberedLine> = lines.iter().cloned().chain(turned).collect();
        all.sort_by_key(|(number, _)| *number);
        Cow::Owned(all)
    }

    /// The changed line that turned a line off or on, and the words that say so.
    fn turner(&self, side: Side, line: u32) -> Option<((Side, u32), &'static str)> {
        let place = self.turned().of_side(side).get(&line)?;
        let how = if side == Side::Old { "it is still there and does not run" } else { "it was there and did not run" };
        Some((*place, how))
    }

    fn removed(&self) -> &[NumberedLine] {
        let text = self.old_text();
        self.removed.get_or_init(|| {
            self.lines(|line| match line {
                Line::Removed { old } => Some((old + 1, lossy(self.comparison.old.get(text, old)))),
                _ => None,
            })
        })
    }

    fn added(&self) -> &[NumberedLine] {
        let text = self.new_text();
        self.added.get_or_init(|| {
            self.lines(|line| match line {
                Line::Added { new } => Some((new + 1, lossy(self.comparison.new.get(text, new)))),
                _ => None,
            })
        })
    }

    /// What the changed lines of a side say apart from their layout.
    fn news(&self, side: Side) -> &News {
        match side {
            Side::Old => self.news_old.get_or_init(|| News::of(self.removed(), self.added())),
            Side::New => self.news_new.get_or_init(|| News::of(self.added(), self.removed())),
        }
    }

    /// The lines that only one side has.
    fn changed(&self, side: Side) -> &ChangedLines {
        let (lines, cell) = match side {
            Side::Old => (self.removed(), &self.changed_old),
            Side::New => (self.added(), &self.changed_new),
        };
        let (places, text) = match side {
            Side::Old => (&self.comparison.old, self.old_text()),
            Side::New => (&self.comparison.new, self.new_text()),
        };
        let line = |number: u32| (number <= places.count()).then(|| places.get(text, number - 1));
        let turned = self.turned().of_side(side);
        if turned.is_empty() {
            return cell.get_or_init(|| ChangedLines::in_text(lines.iter().map(|(number, _)| *number), line));
        }
        let all: BTreeSet<u32> = lines.iter().map(|(number, _)| *number).chain(turned.keys().copied()).collect();
        cell.get_or_init(|| ChangedLines::in_text(all.into_iter(), line))
    }

    /// The hunks with a few lines of context, the same number on both sides, so that both are read alike.
    fn window(&self, side: Side) -> ChangedLines {
        let range = |hunk: &Hunk| if side == Side::Old { hunk.old.clone() } else { hunk.new.clone() };
        let wider = |range: Range<u32>| (range.start + 1).saturating_sub(AROUND).max(1)..=range.end + AROUND;
        let mut runs: Vec<_> = self.comparison.hunks.iter().map(|hunk| wider(range(hunk))).collect();
        // Lines that were turned off or on may be far from what did it.
        runs.extend(self.turned().all(side).map(|line| wider(line - 1..line)));
        runs.sort_by_key(|run| (*run.start(), *run.end()));
        ChangedLines::in_runs(runs.into_iter())
    }

    /// The facts of a side where it changed; none if its format is not read, or a tool wrote it.
    fn stated(&self, side: Side) -> Option<&Facts> {
        let cell = if side == Side::Old { &self.old_facts } else { &self.new_facts };
        let path = self.path_of(side);
        let read = || {
            let text = Some(self.decoded(side)).filter(|_| !is_generated(&path) && self.author() != Author::Packer)?;
            let mut found = facts::facts(&path, text, &self.window(side))?;
            // The patterns read what may be misread.
            found.is_partial |= self.may_be_misread(side);
            Some(found)
        };
        cell.get_or_init(read).as_ref()
    }

    /// Whether a text is in an encoding in which signs of code may be parts of letters.
    fn may_be_misread(&self, side: Side) -> bool {
        encoding::may_be_misread(if side == Side::Old { self.old_text() } else { self.new_text() })
    }

    /// What the change did to the facts of this file. A deleted file takes all of its facts with it.
    fn deltas(&self) -> &[Delta] {
        self.deltas.get_or_init(|| {
            let none = Facts::default();
            let facts = |side| self.stated(side).unwrap_or(&none);
            let (removed, added) = (self.changed(Side::Old), self.changed(Side::New));
            let turned = self.turned();
            let is_reworded = |line: u32| turned.off.contains_key(&line) || self.news(Side::Old).is_said(line);
            let is_idle_in_old = |fact: &Fact| turned.is_idle(Side::Old, &fact.lines);
            let is_idle_in_new = |fact: &Fact| turned.is_idle(Side::New, &fact.lines);
            let old: (&Facts, &dyn Fn(&Fact) -> bool) = (facts(Side::Old), &is_idle_in_old);
            let new: (&Facts, &dyn Fn(&Fact) -> bool) = (facts(Side::New), &is_idle_in_new);
            let mut deltas = facts::compare(old, new, (removed, &is_reworded), added);
            for delta in deltas.iter_mut().filter(|_| self.new.is_none()) {
                if let Delta::Went { with, .. } = delta {
                    *with = Enclosing::File;
                }
            }
            deltas
        })
    }

    /// The first changed line of a delta.
    fn place_of(&self, delta: &Delta) -> Option<(Side, u32)> {
        let on = |side, fact: &Fact| Some((side, self.changed(side).first_in(&fact.lines)?));
        match delta {
            Delta::Came(fact) => on(Side::New, fact),
            Delta::Went { fact, .. } => on(Side::Old, fact),
            Delta::Changed { old, new } => on(Side::New, new).or_else(|| on(Side::Old, old)),
        }
    }

    /// All lines of a delta.
    fn text_of(&self, delta: &Delta) -> String {
        let lines = |side, fact: &Fact| fact.lines.clone().map(move |line| self.line(side, line));
        let trimmed = |lines: Vec<String>| lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n");
        match delta {
            Delta::Came(fact) => trimmed(lines(Side::New, fact).collect()),
            Delta::Went { fact, .. } => trimmed(lines(Side::Old, fact).collect()),
            Delta::Changed { old, new } => trimmed(lines(Side::Old, old).chain(lines(Side::New, new)).collect()),
        }
    }

    /// A line, 1-based; empty if there is none.
    fn line(&self, side: Side, number: u32) -> String {
        let (lines, text) = match side {
            Side::Old => (&self.comparison.old, self.old_text()),
            Side::New => (&self.comparison.new, self.new_text()),
        };
        if number == 0 || number > lines.count() { String::new() } else { lossy(lines.get(text, number - 1)) }
    }

    fn lines<T>(&self, take: impl Fn(Line) -> Option<T>) -> Vec<T> {
        self.comparison.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(|&line| take(line)).collect()
    }
}

/// Lines around a hunk that are read for facts.
const AROUND: u32 = 8;

/// Longer lines are cut before rules see them, in bytes.
const MAX_LINE: usize = 4_000;

fn lossy(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(MAX_LINE)]).into_owned()
}

/// The risk of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// Gravest first, then by place.
    pub findings: Vec<Finding>,
    /// How far the effect of a mistake would spread.
    pub blast: Blast,
    /// The packages that it touches and on which others depend, those with most dependents first.
    pub packages: Vec<PackageReach>,
    /// 1 comes first, 4 last.
    pub tier: u8,
    /// The order within a tier; more is riskier.
    pub points: u32,
    /// The reasons for the points, as sentences; some lower them.
    pub point_reasons: Vec<(i32, String)>,
    /// Indices of the given files, riskiest first, since the last files get the least attention.
    pub file_order: Vec<usize>,
    /// Lines added, without those that tools wrote; none if it touches no code. History weighs code and configuration
    /// differently.
    pub code_added: Option<u32>,
}

impl Assessment {
    /// The same where a policy says how much depends on some of the paths: the class by that alone, and why. What is a
    /// leaf stays one, and nothing gets narrower.
    pub fn within(mut self, parts: impl Iterator<Item = BlastReason>, rules: &Rules) -> Assessment {
        self.blast.widen(parts.filter(|part| rules.class_of(&part.path.lossy()).0 > BlastClass::B0));
        self.reckoned(None, None)
    }

    /// The same, with history applied: the history of the change, and how often rules fire here. Points move a change
    /// within its tier, never out of it.
    pub fn reckoned(mut self, look: Option<&Look>, rates: Option<&Rates>) -> Assessment {
        let counts = |finding: &&Finding| !rates.is_some_and(|rates| rates.is_common(&finding.rule));
        let counted: Vec<&Finding> = self.findings.iter().filter(counts).collect();
        let mut reasons = points(self.code_added, &counted, &self.blast);
        let weights = if self.code_added.is_some() { Weights::Code } else { Weights::Configuration };
        reasons.extend(look.into_iter().flat_map(|look| history::terms(look, weights)));
        self.tier = tier(counted.iter().map(|f| f.severity).max(), self.blast.class);
        self.points = sum(&reasons);
        self.point_reasons = reasons;
        self
    }
}

/// Points are never negative.
fn sum(reasons: &[(i32, String)]) -> u32 {
    u32::try_from(reasons.iter().map(|(points, _)| points).sum::<i32>()).unwrap_or(0)
}

/// Assesses a change file by file, keeping only what checks over several files need. Deterministic, whatever the order
/// of the files; offline; linear in the size of the diff.
pub struct Assessor<'r> {
    rules: &'r Rules,
    findings: Vec<Finding>,
    checks: checks::OfChange,
    /// How far files reach by what they state.
    reaches: Vec<BlastReason>,
    removed: removed::Removed,
    elsewhere: elsewhere::Elsewhere,
    /// Lines added, without those that tools wrote.
    added: u32,
    /// Some file is run as it is.
    is_run: bool,
}

impl<'r> Assessor<'r> {
    /// Nothing is assessed yet.
    pub fn new(rules: &'r Rules) -> Assessor<'r> {
        Assessor {
            rules,
            findings: Vec::new(),
            checks: checks::OfChange::default(),
            reaches: Vec::new(),
            removed: removed::Removed::default(),
            elsewhere: elsewhere::Elsewhere::default(),
            added: 0,
            is_run: false,
        }
    }

    /// The rules to apply.
    pub fn rules(&self) -> &'r Rules {
        self.rules
    }

    /// Adds a file; each must be added once.
    pub fn read(&mut self, file: &FileUnderReview<'_>) {
        self.is_run |= file.is_run;
        self.findings.extend(self.rules.findings_in(file));
        self.findings.extend(checks::of_file(file, self.rules));
        self.findings.extend(self.checks.read(file, self.rules));
        self.reaches.extend(self.rules.reach_by_content(file));
        self.removed.read(file);
        self.elsewhere.read(file);
        if !is_generated(&file.path()) {
            self.added = self.added.saturating_add(file.comparison.added);
        }
    }

    /// Adds what changed in a text that moved to where it means something else, in addition to its two halves, in which
    /// it is only removed and added. `from` is its old path.
    pub fn read_across(&mut self, file: &FileUnderReview<'_>, from: &RepoPath) {
        let mut found = self.rules.findings_in(file);
        found.extend(checks::of_file(file, self.rules));
        found.extend(self.checks.read_across(file, from, self.rules));
        self.findings.extend(found.into_iter().map(|finding| finding.of_old_path(from)));
    }

    /// Whether a rule reported the same in the files themselves.
    pub fn saw(&self, finding: &Finding) -> bool {
        self.findings.iter().any(|own| {
            (&own.rule, &own.location.path, &own.text) == (&finding.rule, &finding.location.path, &finding.text)
        })
    }

    /// Adds what was found outside the files.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
    }

    /// The findings of rules, each place separately.
    pub fn found(self) -> Vec<Finding> {
        let found = self.findings.into_iter().chain(self.checks.finish()).collect();
        // Other tools weigh their own findings.
        let (rules, is_run) = (self.rules, self.is_run);
        let elsewhere = self.elsewhere;
        let placed = |finding: Finding| match rules.is_own(&finding) && !is_run {
            true => place::weigh(elsewhere.weigh(finding), rules),
            false => finding,
        };
        let weighed = self.removed.weigh(found).into_iter();
        let mut found: Vec<Finding> = weighed.map(|finding| rules.quieted(placed(finding))).collect();
        finding::settle(&mut found);
        found.into_iter().map(Finding::made_visible).collect()
    }

    /// The assessment, once all of these files were read, where nothing is known of packages.
    pub fn finish(self, files: &[FileDiff]) -> Assessment {
        self.finish_among(files, &Packages::default())
    }

    /// The assessment, once all of these files were read. The packages are those of the base.
    pub fn finish_among(self, files: &[FileDiff], packages: &Packages) -> Assessment {
        let (rules, added, reaches) = (self.rules, self.added, self.reaches.clone());
        let deleted = self.removed.paths().clone();
        let found = finding::joined(self.found(), |finding| rules.names_its_object(finding));
        let is_deleted = |path: &RepoPath| deleted.contains(&*path.lossy());
        let found = finding::adjoined(found, |finding| rules.is_own(finding), is_deleted);
        let findings = finding::grouped(finding::of_one_file(found));
        let blast::ByPaths { mut blast, felt, several } = blast::of(files, rules);
        let reach = packages.reach_of(&felt);
        // Folders stand for packages where no manifest says what these are.
        let several = if reach.several.is_some() { reach.several } else { several };
        blast.widen(reach.reasons.into_iter().chain(several).chain(reaches));
        let assessment = Assessment {
            file_order: file_order(files, &findings, rules),
            code_added: files.iter().any(|file| is_source(&file.path.lossy())).then_some(added),
            findings,
            blast,
            packages: reach.packages,
            ..Assessment::default()
        };
        assessment.reckoned(None, None)
    }
}

/// The table of tiers: worst finding × blast class → tier. If nothing was found that is worth a question, folders alone
/// do not rank changes: as measured, an order by them is worse than none.
fn tier(worst: Option<Severity>, class: BlastClass) -> u8 {
    use BlastClass::B4;
    match (worst.unwrap_or(Severity::Note), class) {
        (Severity::Critical, _) => 1,
        (Severity::High, B4) => 1,
        (Severity::High, _) | (Severity::Medium, B4) => 2,
        (Severity::Medium, _) | (_, B4) => 3,
        _ => 4,
    }
}

/// Integers that add up, each with its sentence. Size counts only for code, from 8 lines on, saturating: for
/// configuration, where the outages came from, it is no better than chance, as measured.
fn points(added_to_code: Option<u32>, findings: &[&Finding], blast: &Blast) -> Vec<(i32, String)> {
    let mut reasons = Vec::new();
    for (severity, weight) in
        [(Severity::Critical, 40), (Severity::High, 20), (Severity::Medium, 8), (Severity::Low, 2)]
    {
        let count: usize = findings.iter().filter(|f| f.severity == severity).map(|f| f.count()).sum();
        reasons.push((weight * count.min(5) as i32, format!("{count} of severity {}", severity.name())));
    }
    reasons.push((2 * blast.class as i32, format!("blast radius {}", blast.class.name())));
    let added = added_to_code.unwrap_or(0);
    let doublings = added.saturating_add(1).ilog2().min(10) as i32;
    reasons.push((2 * (doublings - 3).max(0), format!("{} added to code", counted(added as usize, "line"))));
    reasons.retain(|(points, _)| *points > 0);
    reasons
}

/// Whether a path is code, without tests; for more languages than [`is_code`] uses for the order of files.
fn is_source(path: &str) -> bool {
    const MORE: &[&str] = &[
        "sh", "bash", "pl", "pm", "lua", "sql", "m", "mm", "hs", "ml", "erl", "exs", "clj", "jsx", "s", "asm", "zig",
        "dart", "cxx", "hh", "ps1", "psm1", "proto",
    ];
    let is_more = path.rsplit_once('.').is_some_and(|(_, ext)| MORE.contains(&ext));
    (is_code(path) || is_more) && !blast::is_test(path) && !is_generated(path)
}

fn is_code(path: &str) -> bool {
    const CODE: &[&str] = &[
        "rs", "py", "ts", "tsx", "js", "jsx", "go", "java", "kt", "c", "h", "cc", "cpp", "hpp", "rb", "php", "cs",
        "swift", "scala", "ex",
    ];
    path.rsplit_once('.').is_some_and(|(_, ext)| CODE.contains(&ext))
}

/// Worst finding first, then files written by people before those written by tools, then reach, then code before its
/// tests.
fn file_order(files: &[FileDiff], findings: &[Finding], rules: &Rules) -> Vec<usize> {
    // The worst severity of each path, and how many findings have it: findings come gravest first.
    let mut worst: BTreeMap<&RepoPath, (Severity, usize)> = BTreeMap::new();
    let now: BTreeMap<&RepoPath, &RepoPath> =
        files.iter().filter_map(|file| Some((file.from.as_ref()?, &file.path))).collect();
    for (finding, location) in findings.iter().flat_map(|f| f.locations().map(move |location| (f, location))) {
        let path = now.get(&location.path).copied().unwrap_or(&location.path);
        let (severity, count) = worst.entry(path).or_insert((finding.severity, 0));
        *count += usize::from(*severity == finding.severity);
    }
    let key = |&index: &usize| {
        let file = &files[index];
        let path = file.path.lossy();
        (
            Reverse(worst.get(&file.path)),
            is_generated(&path),
            Reverse(rules.class_of(&path).0),
            blast::is_test(&path),
            &file.path,
        )
    };
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_cached_key(key);
    let calm = |index: usize| !worst.contains_key(&files[index].path);
    beside_what_they_test(files, order, calm)
}

/// Tests without findings come directly after the file that they are named after, if the change has it.
fn beside_what_they_test(files: &[FileDiff], order: Vec<usize>, calm: impl Fn(usize) -> bool) -> Vec<usize> {
    let path = |index: usize| files[index].path.lossy();
    let is_code = |index: &usize| is_code(&path(*index)) && !blast::is_test(&path(*index));
    let mut subjects: BTreeMap<String, usize> = BTreeMap::new();
    // The riskiest of those with the same name.
    order.iter().filter(|index| is_code(index)).for_each(|&index| {
        subjects.entry(subject(&path(index))).or_insert(index);
    });
    let (mut tests, mut rest): (BTreeMap<usize, Vec<usize>>, Vec<usize>) = (BTreeMap::new(), Vec::new());
    for index in order {
        let own = path(index);
        let of = (blast::is_test(&own) && calm(index)).then(|| subjects.get(&subject(&own))).flatten();
        match of {
            Some(&of) => tests.entry(of).or_default().push(index),
            None => rest.push(index),
        }
    }
    let with_tests = |index: usize| std::iter::once(index).chain(tests.get(&index).into_iter().flatten().copied());
    rest.iter().flat_map(|&index| with_tests(index).collect::<Vec<_>>()).collect()
}

/// The subject of a file, by its name: `src/cart.rs`, `cart_test.go`, `test_cart.py` and `cart.spec.ts` are all about
/// `cart`.
fn subject(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    let stem = stem.strip_prefix("test_").unwrap_or(stem);
    let endings = ["_test", "_tests", "_spec", "Test", "Tests"];
    endings.iter().find_map(|ending| stem.strip_suffix(ending)).unwrap_or(stem).to_owned()
}

/// A text without what the shipped rules take for secrets, to be drawn.
pub fn masked(text: &str) -> String {
    let shown = |line: &str| if may_hold_a_secret(line) { Rules::shipped().redacted(line) } else { line.to_owned() };
    without_keys(text).split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// A text that may contain addresses, as it may be signed, logged and printed: without logins, and without tokens that
/// stand elsewhere in them.
pub fn without_logins(text: &str) -> String {
    masked(&address::without_users(text))
}

/// A text without the bodies of private keys, which no line of them tells.
fn without_keys(text: &str) -> Cow<'_, str> {
    const HEAD: &str = "PRIVATE KEY-----";
    const TAIL: &str = "-----END";
    let (mut shown, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(HEAD) {
        let (before, body) = rest.split_at(at + HEAD.len());
        shown.push_str(before);
        rest = body;
        // The end of a key has the same words as its beginning.
        let is_head = before.rfind("-----BEGIN").is_some_and(|head| before.rfind(TAIL).is_none_or(|tail| tail < head));
        let end = if is_head { body.find(TAIL).unwrap_or_else(|| end_of_key(body)) } else { 0 };
        if !body[..end].trim().is_empty() {
            let blank = if body.starts_with('\n') || body.starts_with("\r\n") { "\n" } else { " " };
            shown.extend([blank, rules::MASK, blank]);
            rest = &body[end..];
        }
    }
    if shown.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(shown + rest) }
}

/// Where the body of a key ends whose end is not there: before the first word that cannot be of one.
fn end_of_key(body: &str) -> usize {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut end = 0;
    for word in body.split_inclusive(char::is_whitespace) {
        let own = word.trim_end();
        if !own.is_empty() && (own.len() < 16 || !own.chars().all(is_of_key)) {
            break;
        }
        end += word.len();
    }
    end
}

/// Whether a line has a word that may be a secret, or one that announces it. A queue draws thousands of titles, and the
/// patterns take longer to compile than all else that it does.
fn may_hold_a_secret(line: &str) -> bool {
    const WORDS: &[&str] = &["pass", "pwd", "secret", "token", "key", "auth", "credential", "bearer", "curl", "://"];
    let is_token = |word: &str| word.len() >= 12 && word.bytes().any(|byte| byte.is_ascii_digit());
    let lower = line.to_ascii_lowercase();
    lower.split_whitespace().any(is_token) || WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests;
