//! Search in the diff: texts are searched, not rows. A match is a line, whatever the layout. Workers read the texts,
//! those after the cursor first, and stop once nobody waits for them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

use regex::bytes::{Regex, RegexBuilder};

use super::Review;
use super::rows::bytes_of;
use super::target::Wanted;
use crate::app::Effect;
use crate::change::counted;
use crate::examination::FileMaterial;

/// How many matches are kept; the count says if there are more.
pub const MAX_MATCHES: usize = 100_000;

/// Hunk and line in it.
pub type Spot = (u32, u32);

/// What is searched for.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// As in less: lower-case letters match both cases.
    pub fn new(needle: &str) -> Option<Pattern> {
        let fold = !needle.chars().any(char::is_uppercase);
        let pattern = RegexBuilder::new(&regex::escape(needle)).case_insensitive(fold).unicode(true).build().ok()?;
        (!needle.is_empty()).then_some(Pattern(pattern))
    }

    /// The lines of the hunks of a file that match.
    pub fn lines(&self, file: &FileMaterial) -> Vec<Spot> {
        let mut found = Vec::new();
        for (hunk, shown) in (0..).zip(&file.comparison.hunks) {
            let lines = (0..).zip(&shown.lines).filter(|(_, line)| self.0.is_match(bytes_of(file, **line)));
            found.extend(lines.map(|(line, _)| (hunk, line)));
        }
        found
    }
}

/// A search, and the lines found so far.
#[derive(Debug, Clone)]
pub struct Search {
    pub needle: String,
    pattern: Pattern,
    /// By index of the file.
    found: HashMap<usize, Vec<Spot>>,
    count: usize,
    /// Files that could not be read.
    failed: usize,
    stage: Stage,
    /// The direction of the match that is waited for.
    waiting: Option<bool>,
    /// Whether to go to the first match before everything is searched: as long as the search proceeds from the cursor.
    early: bool,
    /// The current match: index of the file, and line.
    at: Option<(usize, Spot)>,
    /// Workers have the other end: dropping this stops the search.
    alive: Arc<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Running,
    Done,
}

/// What workers found.
#[derive(Debug)]
pub struct Found {
    pub search: Weak<()>,
    /// The lines of a file.
    pub lines: Vec<(usize, Vec<Spot>)>,
    /// The end; the number of files that could not be read.
    pub done: Option<usize>,
}

impl Search {
    fn new(needle: &str) -> Option<Search> {
        let pattern = Pattern::new(needle)?;
        Some(Search {
            needle: needle.to_owned(),
            pattern,
            found: HashMap::new(),
            count: 0,
            failed: 0,
            stage: Stage::New,
            waiting: Some(true),
            early: true,
            at: None,
            alive: Arc::new(()),
        })
    }

    /// The bytes of a line that match.
    pub fn spans(&self, line: &[u8]) -> Vec<std::ops::Range<usize>> {
        self.pattern.0.find_iter(line).map(|found| found.range()).take(100).collect()
    }

    /// No match is waited for any more.
    pub fn stay(&mut self) {
        (self.waiting, self.early) = (None, false);
    }

    /// The order of the files has changed since the search began.
    pub fn reordered(&mut self) {
        self.early = false;
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// The number of the match, and of all; `before` of them come before it.
    fn told(&self, before: usize) -> String {
        let more = match self.stage {
            Stage::Done if self.count < MAX_MATCHES => "",
            _ => "+",
        };
        let files = counted(self.found.len(), "file");
        let failed =
            if self.failed > 0 { format!("; {} not read", counted(self.failed, "file")) } else { String::new() };
        format!("{} of {}{more} lines with `{}`, in {files}{failed}", before + 1, self.count, self.needle)
    }
}

impl Review {
    /// Searches, and goes to the first match from the cursor on.
    pub fn search_for(&mut self, needle: &str) -> Option<String> {
        self.search = Search::new(needle);
        if self.search.is_none() {
            return Some("nothing is searched for yet".to_owned());
        }
        Some(format!("searching for `{needle}` …"))
    }

    /// A search that no worker has started yet.
    pub fn wanted_search(&mut self) -> Option<Effect> {
        let here = self.current_file();
        let search = self.search.as_mut().filter(|search| search.stage == Stage::New)?;
        search.stage = Stage::Running;
        let (alive, pattern) = (Arc::downgrade(&search.alive), search.pattern.clone());
        // From the cursor on, wrapping around.
        let order = self.document.order()[here..].iter().chain(&self.document.order()[..here]).copied().collect();
        let held =
            (0..self.document.files().len()).filter_map(|index| Some((index, self.document.texts_of(index)?.clone())));
        let held: BTreeMap<_, _> = if self.part.shown().is_some() { held.collect() } else { BTreeMap::new() };
        let (ticket, snapshot, diff) = (self.ticket, self.snapshot.clone(), self.diff.clone());
        Some(Effect::Search { ticket, snapshot, diff, order, held, pattern, search: alive })
    }

    /// Adds what workers found, and goes to the match if it is waited for.
    pub fn found(&mut self, found: Found) -> Option<String> {
        let search = self.search.as_mut()?;
        if found.search.as_ptr() != Arc::as_ptr(&search.alive) {
            return None;
        }
        search.count += found.lines.iter().map(|(_, lines)| lines.len()).sum::<usize>();
        search.found.extend(found.lines);
        if let Some(failed) = found.done {
            (search.stage, search.failed) = (Stage::Done, failed);
        }
        let is_done = search.stage == Stage::Done;
        let Some(forward) = search.waiting else { return self.told_again().filter(|_| is_done) };
        // Near files come first, so that the first match after the cursor is known before all are.
        if !is_done && !search.early {
            return None;
        }
        let next = self.next_match(forward, is_done);
        if next.is_none() && !is_done {
            return None;
        }
        self.lead(next)
    }

    /// Moves to the next match after the cursor, or the one before it. Returns how many there are, or that there is
    /// none.
    pub fn find(&mut self, forward: bool) -> Option<String> {
        let Some(search) = &mut self.search else { return Some("nothing is searched for yet".to_owned()) };
        if search.stage != Stage::Done {
            search.waiting = Some(forward);
            return Some(format!("searching for `{}` …", search.needle));
        }
        let next = self.next_match(forward, true);
        self.lead(next)
    }

    fn lead(&mut self, next: Option<(usize, Spot)>) -> Option<String> {
        let search = self.search.as_mut()?;
        search.waiting = None;
        let Some((position, spot)) = next else {
            return Some(match search.failed {
                0 => "no match".to_owned(),
                n => format!("no match; {} could not be read", counted(n, "file")),
            });
        };
        let index = self.document.order()[position];
        search.at = Some((index, spot));
        self.go_to_line_of(index, spot.0, spot.1);
        self.told_again()
    }

    /// The current match among all that are found by now.
    fn told_again(&self) -> Option<String> {
        let search = self.search.as_ref()?;
        let (index, spot) = search.at?;
        let of_file = |index: &usize| search.found.get(index).map(Vec::as_slice).unwrap_or_default();
        let before: usize =
            self.document.order()[..self.document.position_of(index)?].iter().map(of_file).map(<[Spot]>::len).sum();
        let inside = of_file(&index).partition_point(|line| *line < spot);
        Some(search.told(before + inside))
    }

    /// Position and line of the next match; it wraps around only if all are known.
    fn next_match(&self, forward: bool, wrap: bool) -> Option<(usize, Spot)> {
        let search = self.search.as_ref()?;
        let lines =
            |position: usize| search.found.get(&self.document.order()[position]).map(Vec::as_slice).unwrap_or_default();
        let (here, spot) = self.place_here();
        let inside = |at: usize| {
            let found = lines(at);
            let after = found.partition_point(|line| *line <= spot);
            let before = found.partition_point(|line| *line < spot);
            if forward { found.get(after) } else { found.get(before.checked_sub(1)?) }
        };
        if let Some(line) = here.and_then(inside) {
            return Some((here?, *line));
        }
        let (after, all) = (here.map_or(0, |here| here + 1), self.document.order().len());
        if forward {
            let mut beyond = (after..all).chain(if wrap { 0..after } else { 0..0 });
            return beyond.find_map(|at| Some((at, *lines(at).first()?)));
        }
        let start = here.unwrap_or(0);
        let mut beyond = (0..start).rev().chain(if wrap { (start..all).rev() } else { (0..0).rev() });
        beyond.find_map(|at| Some((at, *lines(at).last()?)))
    }

    /// Position, hunk and line under the cursor: on a header or a finding the line above it.
    fn place_here(&self) -> (Option<usize>, Spot) {
        let Some((position, at)) = self.here() else { return (None, (u32::MAX, 0)) };
        let above = (0..=at).rev().map(|at| self.document.row(position, at));
        let above = above.filter_map(|row| Some((row.hunk()?, row.lines().last()?.0))).next();
        match above {
            Some(spot) => (Some(position), spot),
            None => (position.checked_sub(1), (u32::MAX, 0)),
        }
    }

    /// Goes to a line of a hunk of a file, opening it where it is folded.
    fn go_to_line_of(&mut self, index: usize, hunk: u32, line: u32) {
        let Some(position) = self.document.position_of(index) else { return };
        if self.document.rows()[position].folded {
            self.document.file_mut(index).opening.is_open = Some(true);
            self.rebuild(position);
        }
        self.head_for(index, Wanted::Line(hunk, line));
    }
}
