//! What was on the screen, in bytes of lines, so that wrapping, horizontal scrolling and another layout keep it exact.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::Review;
use super::rows::omission_lines;
use super::rows::text::window;
use super::rows::{ByteRange, Inventory, MAX_LINE_BYTES, Row, bytes_of};

/// What was shown, by index of the file.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    files: HashMap<usize, Shown>,
}

#[derive(Debug, Clone, Default)]
struct Shown {
    /// By hunk: its lines that were entirely shown.
    lines: HashMap<u32, BTreeSet<u32>>,
    /// By hunk and line: what was shown of the other lines.
    parts: HashMap<(u32, u32), Bytes>,
    /// Parts of sentences and of omissions.
    sentences: HashSet<(u32, u32)>,
    omissions: HashSet<(u32, u32)>,
}

impl Shown {
    fn show(&mut self, hunk: u32, line: u32, part: ByteRange, len: usize) {
        let whole = self.lines.entry(hunk).or_default();
        if whole.contains(&line) {
            return;
        }
        let bytes = self.parts.entry((hunk, line)).or_default();
        join(bytes, part);
        if bytes[..] == [(ByteRange { from: 0, to: len.min(MAX_LINE_BYTES) as u32 })] {
            whole.insert(line);
            self.parts.remove(&(hunk, line));
        }
    }
}

/// Sorted byte ranges of a line that do not touch.
type Bytes = Vec<ByteRange>;

fn join(bytes: &mut Bytes, part: ByteRange) {
    let start = bytes.partition_point(|own| own.to < part.from);
    let end = bytes.partition_point(|own| own.from <= part.to);
    let joined = bytes[start..end].iter().fold(part, |a, b| ByteRange { from: a.from.min(b.from), to: a.to.max(b.to) });
    bytes.splice(start..end, [joined]);
}

impl Coverage {
    /// Sentences are wrapped again for another width: their parts then contain other words.
    pub fn forget_sentences(&mut self) {
        self.files.values_mut().for_each(|file| {
            file.sentences.clear();
            file.omissions.clear();
        });
    }

    /// Restores what an earlier session had shown of partly shown hunks.
    pub fn resume(&mut self, index: usize, inventory: &Inventory, shown: &BTreeMap<String, Vec<Range<u32>>>) {
        if shown.is_empty() {
            return;
        }
        for (at, (hunk, key)) in (0..).zip(inventory.outlines.iter().zip(&inventory.hunks)) {
            let lines = shown.get(key).into_iter().flatten().cloned().flatten();
            let lines: BTreeSet<u32> = lines.take_while(|line| *line < hunk.lines).collect();
            if !lines.is_empty() {
                self.files.entry(index).or_default().lines.entry(at).or_default().extend(lines);
            }
        }
    }
}

impl Review {
    /// Records what is on the screen now. Called once the frame is drawn: strokes typed ahead have shown nothing.
    pub fn note_shown(&mut self) {
        for at in self.shown_rows() {
            let Some((position, row)) = self.document.locate(at) else { continue };
            let index = self.document.order()[position];
            let Some(file) = self.document.texts_of(index).cloned() else { continue };
            let row = self.document.row(position, row);
            match row {
                Row::Sentence { sentence, part } => {
                    self.work.shown.files.entry(index).or_default().sentences.insert((sentence, part));
                }
                Row::Omission { omission, part } => {
                    self.work.shown.files.entry(index).or_default().omissions.insert((omission, part));
                }
                _ => {}
            }
            let Some(hunk) = row.hunk() else { continue };
            for (line, part) in row.lines() {
                let bytes = bytes_of(&file, file.comparison.hunks[hunk as usize].lines[line as usize]);
                let part = if self.viewport.look().wrap {
                    part
                } else {
                    let columns = self.document.shape().text(self.document.rows()[position].cells);
                    let seen = window(bytes, self.viewport.left(), columns, self.viewport.look().tab);
                    ByteRange { from: seen.start as u32, to: seen.end as u32 }
                };
                self.work.shown.files.entry(index).or_default().show(hunk, line, part, bytes.len());
            }
        }
    }

    /// Whether all of a mark was on the screen: every byte of every line. The remarks on the file are part of its first
    /// mark.
    pub fn was_shown(&self, position: usize, mark: usize) -> bool {
        let Some((_, inventory)) = self.document.read_at(position) else { return false };
        let shown = self.work.shown.files.get(&self.document.order()[position]);
        let lines_were = inventory.outlines.get(mark).is_none_or(|hunk| {
            let lines = shown.and_then(|file| file.lines.get(&(mark as u32)));
            lines.map_or(0, BTreeSet::len) == hunk.lines as usize
        });
        lines_were && (mark > 0 || self.sentences_were_shown(position))
    }

    fn sentences_were_shown(&self, position: usize) -> bool {
        let shown = self.work.shown.files.get(&self.document.order()[position]);
        let is_shown = |row: &Row| match *row {
            Row::Sentence { sentence, part } => shown.is_some_and(|file| file.sentences.contains(&(sentence, part))),
            _ => true,
        };
        self.document.rows()[position].rows.iter().take_while(|row| !matches!(row, Row::Hunk { .. })).all(is_shown)
    }

    /// Whether the whole text of the omission under the cursor was on the screen; true if there is none.
    pub fn was_omission_shown(&self) -> bool {
        let Some((position, row)) = self.here() else { return true };
        let Row::Omission { omission, .. } = self.document.row(position, row) else { return true };
        self.is_omission_shown(position, omission)
    }

    /// Whether the whole text of an omission was on the screen, whether or not its file is loaded now.
    pub(super) fn is_omission_shown(&self, position: usize, omission: u32) -> bool {
        let own = self.document.inventory_at(position).and_then(|own| own.omissions.get(omission as usize));
        let shown = self.work.shown.files.get(&self.document.order()[position]);
        let (Some(own), Some(shown)) = (own, shown) else { return false };
        let parts = omission_lines(own, self.document.shape()).len() as u32;
        (0..parts).all(|part| shown.omissions.contains(&(omission, part)))
    }

    /// Lines of partly shown, unmarked hunks: where the next session continues.
    pub fn partly_shown(&self) -> BTreeMap<String, Vec<Range<u32>>> {
        // For files that are still being read, earlier data is kept.
        let all_are_read = self.document.files().iter().all(|file| file.inventory.is_some());
        let mut found = if all_are_read { BTreeMap::new() } else { self.work.draft.shown.clone() };
        for (&index, shown) in &self.work.shown.files {
            let Some(inventory) = &self.document.files()[index].inventory else { continue };
            for (&at, lines) in &shown.lines {
                let Some(key) = inventory.hunks.get(at as usize) else { continue };
                if !self.work.is_seen(key) && !lines.is_empty() {
                    found.insert(key.clone(), runs(lines.iter().copied()));
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
                let part = ByteRange { from, to: (from + len).min(30) };
                join(&mut bytes, part);
                seen[part.from as usize..part.to as usize].fill(true);
            }
            let covered = bytes.iter().map(|part| (part.to - part.from) as usize).sum::<usize>();
            prop_assert_eq!(covered, seen.iter().filter(|seen| **seen).count());
            prop_assert!(bytes.windows(2).all(|pair| pair[0].to < pair[1].from));
        }
    }
}
