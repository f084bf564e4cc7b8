//! What was on the screen: bytes of lines, so that wrapping, scrolling sideways and another layout neither blur nor lose it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use super::Review;
use super::rows::text::window;
use super::rows::{MAX_LINE_BYTES, Part, Row, bytes_of};
use crate::change::compare::Hunk;
use crate::survey::FileMaterial;

/// What was shown, by index of the file.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    files: HashMap<usize, Shown>,
}

#[derive(Debug, Clone, Default)]
struct Shown {
    /// By hunk and line of it.
    lines: HashMap<(u32, u32), Bytes>,
    /// Parts of sentences.
    sentences: HashSet<(u32, u32)>,
}

/// Sorted byte ranges of a line that do not touch.
type Bytes = Vec<Part>;

fn join(bytes: &mut Bytes, part: Part) {
    let start = bytes.partition_point(|own| own.to < part.from);
    let end = bytes.partition_point(|own| own.from <= part.to);
    let joined = bytes[start..end].iter().fold(part, |a, b| Part { from: a.from.min(b.from), to: a.to.max(b.to) });
    bytes.splice(start..end, [joined]);
}

impl Coverage {
    fn show(&mut self, index: usize, hunk: u32, line: u32, part: Part) {
        join(self.files.entry(index).or_default().lines.entry((hunk, line)).or_default(), part);
    }

    fn is_whole(&self, index: usize, hunk: u32, line: u32, len: usize) -> bool {
        let whole = Part { from: 0, to: len.min(MAX_LINE_BYTES) as u32 };
        self.files.get(&index).and_then(|file| file.lines.get(&(hunk, line))).is_some_and(|bytes| bytes[..] == [whole])
    }

    /// Sentences are folded anew for another width: their parts are other words then.
    pub fn forget_sentences(&mut self) {
        self.files.values_mut().for_each(|file| file.sentences.clear());
    }

    /// Takes up what an earlier sitting had shown of hunks that were not wholly shown.
    pub fn resume(
        &mut self,
        index: usize,
        file: &FileMaterial,
        keys: &[String],
        shown: &BTreeMap<String, Vec<Range<u32>>>,
    ) {
        if shown.is_empty() {
            return;
        }
        for (at, (hunk, key)) in file.comparison.hunks.iter().zip(keys).enumerate() {
            let lines = shown.get(key).into_iter().flatten().cloned().flatten();
            for line in lines.take_while(|line| (*line as usize) < hunk.lines.len()) {
                let len = bytes_of(file, hunk.lines[line as usize]).len().min(MAX_LINE_BYTES);
                self.show(index, at as u32, line, Part { from: 0, to: len as u32 });
            }
        }
    }
}

impl Review {
    /// Remembers what is on the screen now. Called once its frame is drawn: what was typed ahead showed nothing.
    pub fn note_shown(&mut self) {
        for at in self.scroll..(self.scroll + self.page).min(self.height()) {
            let Some((position, row)) = self.locate(at) else { continue };
            let index = self.order[position];
            let Some(file) = self.files[index].material.clone() else { continue };
            let row = self.rows[position].rows[row];
            if let Row::Sentence { sentence, part } = row {
                self.coverage.files.entry(index).or_default().sentences.insert((sentence, part));
            }
            let Some(hunk) = row.hunk() else { continue };
            for (line, part) in row.lines() {
                let part = if self.look.wrap {
                    part
                } else {
                    let bytes = bytes_of(&file, file.comparison.hunks[hunk as usize].lines[line as usize]);
                    let columns = self.shape.text(self.rows[position].cells);
                    let seen = window(bytes, self.left, columns, self.look.tab);
                    Part { from: seen.start as u32, to: seen.end as u32 }
                };
                self.coverage.show(index, hunk, line, part);
            }
        }
    }

    /// Whether all of a mark was on the screen: every byte of every line. What is said of the file is part of the first one.
    pub fn was_shown(&self, position: usize, mark: usize) -> bool {
        let index = self.order[position];
        let Some((file, _)) = self.read_at(position) else { return false };
        let lines_were = match file.comparison.hunks.get(mark) {
            Some(hunk) => (0..hunk.lines.len()).all(|line| self.line_was_shown(index, file, mark, hunk, line)),
            None => true,
        };
        lines_were && (mark > 0 || self.sentences_were_shown(position))
    }

    fn sentences_were_shown(&self, position: usize) -> bool {
        let shown = self.coverage.files.get(&self.order[position]);
        let is_shown = |row: &Row| match *row {
            Row::Sentence { sentence, part } => shown.is_some_and(|file| file.sentences.contains(&(sentence, part))),
            _ => true,
        };
        self.rows[position].rows.iter().take_while(|row| !matches!(row, Row::Hunk { .. })).all(is_shown)
    }

    fn line_was_shown(&self, index: usize, file: &FileMaterial, mark: usize, hunk: &Hunk, line: usize) -> bool {
        let len = bytes_of(file, hunk.lines[line]).len();
        self.coverage.is_whole(index, mark as u32, line as u32, len)
    }

    /// Lines of hunks that were shown in part and are not marked: where one goes on another day.
    pub fn partly_shown(&self) -> BTreeMap<String, Vec<Range<u32>>> {
        // What is known of files that are still being read is kept as it was.
        let all_are_here = self.files.iter().all(|file| file.material.is_some());
        let mut found = if all_are_here { BTreeMap::new() } else { self.draft.shown.clone() };
        for (&index, shown) in &self.coverage.files {
            let file = &self.files[index];
            let (Some(material), Some(inventory)) = (&file.material, &file.inventory) else { continue };
            let touched: HashSet<u32> = shown.lines.keys().map(|(hunk, _)| *hunk).collect();
            for at in touched {
                let (hunk, key) = (&material.comparison.hunks[at as usize], &inventory.hunks[at as usize]);
                let is_shown = |line: &usize| self.line_was_shown(index, material, at as usize, hunk, *line);
                let lines = runs((0..hunk.lines.len()).filter(is_shown).map(|line| line as u32));
                if !self.draft.seen.contains(key) && !lines.is_empty() {
                    found.insert(key.clone(), lines);
                }
            }
        }
        found
    }
}

fn runs(lines: impl Iterator<Item = u32>) -> Vec<Range<u32>> {
    let mut runs: Vec<Range<u32>> = Vec::new();
    for line in lines {
        match runs.last_mut() {
            Some(run) if run.end == line => run.end += 1,
            _ => runs.push(line..line + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_in_any_order_are_whole_once_no_byte_is_missing(parts in prop::collection::vec((0u32..30, 0u32..12), 0..20)) {
            let (mut bytes, mut seen) = (Bytes::new(), vec![false; 30]);
            for (from, len) in parts {
                let part = Part { from, to: (from + len).min(30) };
                join(&mut bytes, part);
                seen[part.from as usize..part.to as usize].fill(true);
            }
            let covered = bytes.iter().map(|part| (part.to - part.from) as usize).sum::<usize>();
            prop_assert_eq!(covered, seen.iter().filter(|seen| **seen).count());
            prop_assert!(bytes.windows(2).all(|pair| pair[0].to < pair[1].from));
        }
    }
}
