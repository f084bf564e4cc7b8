//! Find in the diff: texts are searched, not rows. What is found is a line, whatever the layout.

use regex::bytes::{Regex, RegexBuilder};

use super::Review;
use super::rows::bytes_of;

/// Matches that are kept; the count says so where there are more.
const MAX_MATCHES: usize = 100_000;

/// What is searched for, and the lines that hold it: index of the file, hunk, line, in the order of the screen.
#[derive(Debug, Clone)]
pub struct Search {
    pub needle: String,
    pattern: Regex,
    matches: Vec<(usize, u32, u32)>,
}

impl Search {
    /// As in less: lower-case letters match both cases.
    pub fn new(needle: &str) -> Option<Search> {
        let fold = !needle.chars().any(char::is_uppercase);
        let pattern = RegexBuilder::new(&regex::escape(needle)).case_insensitive(fold).unicode(true).build().ok()?;
        (!needle.is_empty()).then(|| Search { needle: needle.to_owned(), pattern, matches: Vec::new() })
    }

    /// The bytes of a line that match.
    pub fn spans(&self, line: &[u8]) -> Vec<std::ops::Range<usize>> {
        self.pattern.find_iter(line).map(|found| found.range()).take(100).collect()
    }
}

impl Review {
    /// Searches, and goes to the first match from the cursor on.
    pub fn search_for(&mut self, needle: &str) -> Option<String> {
        self.search = Search::new(needle);
        self.find(true)
    }

    /// Moves to the next match after the cursor, or the one before it. Tells how many there are, or that there is none.
    pub fn find(&mut self, forward: bool) -> Option<String> {
        let Some(mut search) = self.search.take() else { return Some("nothing is searched for yet".to_owned()) };
        // Files may have come since, or gone into another order.
        search.matches = self.matches(&search);
        let here = self.place_here();
        let place = |(index, hunk, line): (usize, u32, u32)| (self.position_of(index), hunk, line);
        let after = search.matches.partition_point(|at| place(*at) <= here);
        let before = search.matches.partition_point(|at| place(*at) < here);
        let all = search.matches.len();
        let next = match (forward, all) {
            (_, 0) => None,
            (true, _) => Some(if after < all { after } else { 0 }),
            (false, _) => Some(before.checked_sub(1).unwrap_or(all - 1)),
        };
        let found = next.map(|at| (at, search.matches[at]));
        let told = found.map_or_else(|| self.nothing_found(), |(at, _)| search.told(at));
        self.search = Some(search);
        if let Some((_, (index, hunk, line))) = found {
            self.go_to_line_of(index, hunk, line);
        }
        Some(told)
    }

    fn nothing_found(&self) -> String {
        let waiting = self.files.iter().filter(|file| file.material.is_none()).count();
        if waiting == 0 { "no match".to_owned() } else { format!("no match yet; {waiting} files are still being read") }
    }

    /// Position, hunk and line under the cursor.
    fn place_here(&self) -> (Option<usize>, u32, u32) {
        let (position, at) = self.locate(self.cursor).unwrap_or((0, 0));
        let rows = self.rows.get(position).map(|file| &file.rows[..=at.min(file.rows.len() - 1)]).unwrap_or_default();
        // On a header or a finding: the line above it.
        let above = rows.iter().rev().find_map(|row| Some((row.hunk()?, row.lines().last()?.0)));
        match above {
            Some((hunk, line)) => (Some(position), hunk, line),
            None => (position.checked_sub(1), u32::MAX, 0),
        }
    }

    fn matches(&self, search: &Search) -> Vec<(usize, u32, u32)> {
        let mut found = Vec::new();
        for &index in &self.order {
            let Some(file) = &self.files[index].material else { continue };
            for (h, hunk) in file.comparison.hunks.iter().enumerate() {
                let lines = hunk.lines.iter().enumerate();
                let matching = lines.filter(|(_, line)| search.pattern.is_match(bytes_of(file, **line)));
                found.extend(matching.map(|(l, _)| (index, h as u32, l as u32)));
                if found.len() >= MAX_MATCHES {
                    return found;
                }
            }
        }
        found
    }

    /// Goes to a line of a hunk of a file, opening it where it is folded.
    pub fn go_to_line_of(&mut self, index: usize, hunk: u32, line: u32) {
        let Some(position) = self.position_of(index) else { return };
        if self.rows[position].folded {
            self.files[index].opening.is_open = Some(true);
            self.rebuild(position);
        } else if self.is_stale(position) {
            self.rebuild(position);
        }
        if let Some(row) = self.rows[position].row_of(hunk, line) {
            self.jump_to(position, row);
        }
    }
}

impl Search {
    fn told(&self, at: usize) -> String {
        let files = self.matches.iter().map(|(index, _, _)| index).collect::<std::collections::BTreeSet<_>>().len();
        let more = if self.matches.len() >= MAX_MATCHES { "+" } else { "" };
        format!(
            "{} of {}{more} lines with `{}`, in {}",
            at + 1,
            self.matches.len(),
            self.needle,
            crate::change::counted(files, "file")
        )
    }
}
