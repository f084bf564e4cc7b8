//! Reports of which lines tests ran: lcov's and Cobertura's → the changed lines that no test ran. They do not say
//! whether a test would notice a mistake in a line that it ran.

use std::collections::{BTreeMap, HashMap};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::checkstyle::attribute;
use super::paths::{plain, resolved};
use super::{MAX_BYTES, ReportedPath};
use crate::change::RepoPath;
use crate::change::compare::{Comparison, Line};
use crate::change::diff::FileDiff;

/// The most lines of all files of one report.
const MAX_LINES: usize = 5_000_000;
/// How deep elements nest.
const MAX_DEPTH: usize = 32;

/// By file: the executable lines, by 1-based number, and whether they ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestCoverageReport {
    files: BTreeMap<ReportedPath, BTreeMap<u32, bool>>,
    lines: usize,
}

/// The lines of a change, and which of them tests ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestCoverage {
    files: BTreeMap<RepoPath, Covered>,
    /// Files of the reports that are not in the revision.
    lost: usize,
}

/// The executable added lines of one file, 1-based and in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered {
    /// Those that some test ran.
    pub ran: Vec<u32>,
    /// Those that no test ran.
    pub missed: Vec<u32>,
}

/// Reads a report of either format, which is detected from its content. The error is a sentence.
pub fn read(bytes: &[u8]) -> Result<TestCoverageReport, String> {
    if bytes.len() > MAX_BYTES {
        return Err(format!("It is larger than {} MiB, which is not read.", MAX_BYTES >> 20));
    }
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}').trim();
    match text.as_bytes().first() {
        None => Err("It is empty: no tests ran, or nothing was measured.".to_owned()),
        Some(b'<') => cobertura(text),
        Some(_) => lcov(text),
    }
}

impl TestCoverageReport {
    /// A line of a file; if it is listed twice, one run is enough.
    fn put(&mut self, file: &ReportedPath, line: u32, ran: bool) -> Result<(), String> {
        self.lines += 1;
        if self.lines > MAX_LINES {
            return Err(format!("It covers more than {MAX_LINES} lines, and is not read."));
        }
        if !self.files.contains_key(file) {
            self.files.insert(file.clone(), BTreeMap::new());
        }
        if let Some(lines) = self.files.get_mut(file).filter(|_| line > 0) {
            *lines.entry(line).or_default() |= ran;
        }
        Ok(())
    }
}

/// `SF:` begins a file, `DA:line,times` is a line, `end_of_record` ends the file; everything else is ignored.
fn lcov(text: &str) -> Result<TestCoverageReport, String> {
    let (mut report, mut file, mut is_one) = (TestCoverageReport::default(), None, false);
    for line in text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("SF:") {
            (file, is_one) = (plain(path.trim().as_bytes()), true);
        } else if line == "end_of_record" {
            file = None;
        } else if let (Some(path), Some(told)) = (&file, line.strip_prefix("DA:")) {
            let mut parts = told.split(',');
            let number = parts.next().and_then(|number| number.trim().parse().ok()).unwrap_or(0);
            report.put(path, number, is_positive(parts.next().unwrap_or_default()))?;
        }
    }
    if is_one { Ok(report) } else { Err("It is neither lcov's format nor Cobertura's.".to_owned()) }
}

/// Counts may exceed any integer, and be decimal.
fn is_positive(count: &str) -> bool {
    count.trim().parse::<f64>().is_ok_and(|count| count > 0.0)
}

fn cobertura(text: &str) -> Result<TestCoverageReport, String> {
    let mut reader = Reader::from_str(text);
    let mut read = Cobertura::default();
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("It is no XML from byte {}: {error}.", reader.error_position()))?;
        match &event {
            Event::Start(element) => read.element(element, true)?,
            Event::Empty(element) => read.element(element, false)?,
            Event::Text(text) if read.in_source => {
                let text = String::from_utf8_lossy(text.as_ref().as_bytes()).trim().to_owned();
                read.sources.extend((!text.is_empty()).then_some(text));
            }
            Event::End(element) => {
                read.depth = read.depth.saturating_sub(1);
                read.in_source &= element.local_name().as_ref() != "source";
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if read.depth == 0 && read.has_root { Ok(read.report) } else { Err("It breaks off.".to_owned()) }
}

#[derive(Default)]
struct Cobertura {
    report: TestCoverageReport,
    /// The root of the file names.
    sources: Vec<String>,
    file: Option<ReportedPath>,
    depth: usize,
    in_source: bool,
    has_root: bool,
}

impl Cobertura {
    fn element(&mut self, element: &BytesStart<'_>, is_open: bool) -> Result<(), String> {
        match element.local_name().as_ref() {
            "coverage" if self.depth == 0 => self.has_root = true,
            _ if self.depth == 0 => return Err("It is XML, and no report of Cobertura.".to_owned()),
            "source" => self.in_source = is_open && self.sources.len() < 16,
            "class" => self.file = self.path(&attribute(element, "filename")),
            "line" => {
                let number = attribute(element, "number").trim().parse().unwrap_or(0);
                if let Some(file) = self.file.clone() {
                    self.report.put(&file, number, is_positive(&attribute(element, "hits")))?;
                }
            }
            _ => {}
        }
        self.depth += usize::from(is_open);
        if self.depth > MAX_DEPTH { Err(format!("Its elements nest deeper than {MAX_DEPTH}.")) } else { Ok(()) }
    }

    /// Below the only source; with several, it is not known which.
    fn path(&self, name: &str) -> Option<ReportedPath> {
        match &self.sources[..] {
            [source] if !name.starts_with('/') => plain(format!("{source}/{name}").as_bytes()),
            _ => plain(name.as_bytes()),
        }
    }
}

impl TestCoverage {
    /// For files of the tree of the head, as given by `has`; their lines are added by [`TestCoverage::add`].
    pub fn of(reports: &[TestCoverageReport], mut has: impl FnMut(&RepoPath) -> bool) -> (TestCoverage, Measured) {
        let (mut coverage, mut measured) = (TestCoverage::default(), Measured::default());
        for report in reports {
            let paths: HashMap<&ReportedPath, RepoPath> = resolved(report.files.keys(), &mut has);
            for (path, lines) in &report.files {
                let Some(own) = paths.get(path) else {
                    coverage.lost += 1;
                    continue;
                };
                let known = measured.0.entry(own.clone()).or_default();
                lines.iter().for_each(|(line, ran)| *known.entry(*line).or_default() |= ran);
            }
        }
        (coverage, measured)
    }

    /// Adds a file of the change: its added lines, as far as they were measured.
    pub fn add(&mut self, file: &FileDiff, comparison: &Comparison, measured: &Measured) {
        let Some(lines) = measured.0.get(&file.path) else { return };
        let covered = self.files.entry(file.path.clone()).or_default();
        for line in comparison.hunks.iter().flat_map(|hunk| &hunk.lines) {
            let Line::Added { new } = *line else { continue };
            match lines.get(&(new + 1)) {
                Some(true) => covered.ran.push(new + 1),
                Some(false) => covered.missed.push(new + 1),
                None => {}
            }
        }
    }

    /// Whether nothing was measured of the change.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Files of the change that were measured.
    pub fn files(&self) -> impl Iterator<Item = (&RepoPath, &Covered)> {
        self.files.iter()
    }

    /// Whether a line, 1-based, of a file of the change is executable, and no test ran it.
    pub fn is_missed(&self, path: &RepoPath, line: u32) -> bool {
        self.files.get(path).is_some_and(|file| file.missed.binary_search(&line).is_ok())
    }

    /// How many of the executable added lines no test ran, and their total.
    pub fn counts(&self) -> (usize, usize) {
        let missed = self.files.values().map(|file| file.missed.len()).sum::<usize>();
        (missed, missed + self.files.values().map(|file| file.ran.len()).sum::<usize>())
    }

    /// In one sentence.
    pub fn told(&self) -> String {
        let lost = match self.lost {
            0 => String::new(),
            lost => format!(" Of the files of the report, {lost} are not in this revision."),
        };
        match self.counts() {
            (_, 0) => format!("The report of coverage says nothing of the added lines.{lost}"),
            (0, all) => format!("Tests ran all of the {all} added lines that can run.{lost}"),
            (missed, all) => format!("No test ran {missed} of the {all} added lines that can run.{lost}"),
        }
    }
}

/// By file of the tree: the executable lines, and whether some test ran them.
#[derive(Debug, Clone, Default)]
pub struct Measured(BTreeMap<RepoPath, BTreeMap<u32, bool>>);

impl Measured {
    /// Whether anything is known about a file: other files need not be read.
    pub fn speaks_of(&self, file: &FileDiff) -> bool {
        self.0.contains_key(&file.path)
    }
}

/// Numbers as runs, at most so many: `4–6, 9, and 3 more`.
pub fn runs(lines: &[u32], most: usize) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for &line in lines {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(line) => *last = line,
            _ => runs.push((line, line)),
        }
    }
    let more = runs.len().saturating_sub(most);
    let shown = runs.iter().take(most);
    let shown = shown.map(|(first, last)| if first == last { first.to_string() } else { format!("{first}–{last}") });
    let more = (more > 0).then(|| format!("and {more} more"));
    shown.chain(more).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::compare::compare;

    const LCOV: &str = "TN:\nSF:/w/shop/src/a.py\nDA:1,1\nDA:2,0\nDA:3,0,abc\nDA:5,99999999999999999999999\nDA:x\n\
        BRDA:1,0,0,-\nend_of_record\nSF:gone.py\nDA:1,1\nend_of_record\nDA:7,1\n";
    const COBERTURA: &str = r#"<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "x.dtd"><coverage line-rate="1">
        <sources><source>/w/shop</source></sources><packages><package><classes>
        <class filename="src/a.py"><methods><method><lines><line number="2" hits="0"/></lines></method></methods>
        <lines><line number="1" hits="1"/><line number="2" hits="0"/><line number="3" hits="0"/><line number="5" hits="7"/>
        </lines></class><class filename="gone.py"><lines><line number="1" hits="1"/></lines></class>
        </classes></package></packages></coverage>"#;

    fn of(report: &str) -> TestCoverage {
        let tree = [RepoPath::from("src/a.py")];
        let (mut coverage, measured) =
            TestCoverage::of(&[read(report.as_bytes()).unwrap()], |path| tree.contains(path));
        let file = FileDiff { path: tree[0].clone(), from: None, counterpart: None, old: None, new: None };
        coverage.add(&file, &compare(b"one\nfive\n", b"one\ntwo\nthree\nfour\nnew\n"), &measured);
        coverage
    }

    #[test]
    fn both_formats_tell_which_added_lines_no_test_ran() {
        for report in [LCOV, COBERTURA] {
            let coverage = of(report);
            let (_, covered) = coverage.files().next().unwrap();
            assert_eq!((&covered.missed[..], &covered.ran[..]), (&[2, 3][..], &[5][..]), "{report}");
            assert!(coverage.is_missed(&RepoPath::from("src/a.py"), 3));
            assert!(!coverage.is_missed(&RepoPath::from("src/a.py"), 5));
            assert_eq!(
                coverage.told(),
                "No test ran 2 of the 3 added lines that can run. Of the files of the report, 1 are not in this revision."
            );
        }
    }

    #[test]
    fn what_is_something_else_or_breaks_off_is_refused() {
        for text in ["", "hello", "<junit/>", "<coverage><packages>", "{\"a\": 1}", &"<coverage>".repeat(99)] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_are_told_as_runs() {
        assert_eq!(runs(&[4, 5, 6, 9, 11, 12], 2), "4–6, 9, and 1 more");
        assert_eq!(runs(&[u32::MAX], 2), u32::MAX.to_string());
        assert_eq!(runs(&[], 2), "");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_reader_panic(bytes: Vec<u8>, at in 0.0f64..1.0, seed: bool) {
            let _ = read(&bytes);
            let text = if seed { LCOV } else { COBERTURA };
            let mut mixed = text.as_bytes().to_vec();
            let at = (at * text.len() as f64) as usize;
            mixed.splice(at..at, bytes);
            let _ = read(&mixed);
        }
    }
}
