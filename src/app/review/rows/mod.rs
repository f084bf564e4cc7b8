//! The one place that decides what a row of the reader is. Navigation, marks, coverage and drawing read these rows, in
//! both layouts. Every changed line is in exactly one hunk and has at least one row; a long line has several.

pub mod inventory;
mod omissions;
mod remarks;
pub mod text;

use std::ops::Range;

pub use inventory::{Inventory, Outline, hunks_by_content, replacement};
pub use omissions::bytes_text;
pub use omissions::{Omission, Spot};
pub use remarks::{
    Located, Remarks, answer_lines, behind_title, comment_lines, detail, note_lines, omission_lines, place_of_all,
    sentence_lines, title_is_cut,
};

use super::layout::{Cells, Opening, Shape};
use crate::change::compare::{Block, Hunk, Line, are_alike};
use crate::change::diff::Content;
use crate::examination::FileMaterial;

/// How many bytes of a line are laid out; the rest is an omission to acknowledge.
pub const MAX_LINE_BYTES: usize = 20_000;

/// A byte range of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ByteRange {
    pub from: u32,
    pub to: u32,
}

/// A side of a row: a line of the hunk with its bytes; none if that side is empty.
pub type Half = Option<(u32, ByteRange)>;

/// One row of the screen. Numbers are indices in the file's own lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Row {
    File,
    /// A sentence about the file: mode changes, missing newlines, moved content.
    Sentence {
        sentence: u32,
        part: u32,
    },
    /// What is not shown, as a sentence: one row of the wrapped text.
    Omission {
        omission: u32,
        part: u32,
    },
    Hunk {
        hunk: u32,
    },
    /// Bytes of a line of a hunk; `from` is 0 on its first row.
    Line {
        hunk: u32,
        line: u32,
        part: ByteRange,
    },
    /// The same side by side: a line before and a line after.
    Pair {
        hunk: u32,
        old: Half,
        new: Half,
    },
    /// An unchanged line outside of the hunks, shown on demand.
    Beyond {
        old: u32,
        new: u32,
        part: ByteRange,
    },
    /// Unchanged lines after the last hunk that are not shown.
    Rest,
    /// At one of its places.
    Finding {
        finding: u32,
        place: u32,
    },
    /// Why it matters and what to ask: one row of the wrapped text.
    FindingDetail {
        finding: u32,
        part: u32,
    },
    Note {
        note: u32,
        part: u32,
    },
    /// What a colleague wrote: one row of the wrapped text.
    Comment {
        comment: u32,
        part: u32,
    },
    Waiting,
    Failed,
    Gap,
}

impl Row {
    /// The lines of the hunk that it shows, with their bytes.
    pub fn lines(self) -> impl Iterator<Item = (u32, ByteRange)> {
        let shown = match self {
            Row::Line { line, part, .. } => [Some((line, part)), None],
            // Context is the same line on both sides.
            Row::Pair { old: Some(old), new: Some(new), .. } if old.0 == new.0 => [Some(new), None],
            Row::Pair { old, new, .. } => [old, new],
            _ => [None, None],
        };
        shown.into_iter().flatten()
    }

    pub fn hunk(self) -> Option<u32> {
        match self {
            Row::Hunk { hunk } | Row::Line { hunk, .. } | Row::Pair { hunk, .. } => Some(hunk),
            _ => None,
        }
    }
}

/// The rows of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileRows {
    pub rows: Vec<Row>,
    /// The rows of each mark of the inventory. None while the file is folded.
    pub marks: Vec<Range<usize>>,
    pub folded: bool,
    pub cells: Cells,
}

impl FileRows {
    /// A file whose texts were dropped: it keeps its height.
    pub fn gone(folded: bool) -> FileRows {
        FileRows { folded, ..FileRows::default() }
    }

    pub fn failed() -> FileRows {
        FileRows { rows: vec![Row::File, Row::Failed, Row::Gap], ..FileRows::default() }
    }

    /// Lays out a file. An added or deleted file has only one side, which takes the whole width in either layout.
    pub fn build(
        file: &FileMaterial,
        inventory: &Inventory,
        remarks: &Remarks,
        opening: &Opening,
        shape: Shape,
    ) -> FileRows {
        let halves = shape.side_by_side && file.old.is_some() && file.new.is_some();
        let folded = inventory.folds() && !opening.is_open.unwrap_or(false);
        let cells = Cells::of(halves, file.comparison.old.count().max(file.comparison.new.count()));
        let out = FileRows { folded, cells, ..FileRows::default() };
        let mut layout = Layouter { file, inventory, remarks, opening, shape, out };
        layout.head();
        if !folded {
            layout.body();
        }
        layout.out.rows.push(Row::Gap);
        layout.out
    }

    /// The mark that a row belongs to.
    pub fn mark_at(&self, row: usize) -> Option<usize> {
        // Marks are ordered by their rows.
        let at = self.marks.partition_point(|rows| rows.end <= row);
        self.marks.get(at).filter(|rows| rows.contains(&row)).map(|_| at)
    }

    /// The mark whose first row this is.
    pub fn mark_starting_at(&self, row: usize) -> Option<usize> {
        let at = self.marks.partition_point(|rows| rows.start < row);
        self.marks.get(at).filter(|rows| rows.start == row).map(|_| at)
    }

    /// The first row of a line of a hunk.
    pub fn row_of(&self, hunk: u32, line: u32) -> Option<usize> {
        let rows = self.marks.get(hunk as usize)?.clone();
        let is_it = |row: &Row| row.lines().any(|(at, part)| at == line && part.from == 0);
        Some(rows.start + self.rows.get(rows)?.iter().position(is_it)?)
    }
}

/// The unchanged lines of both sides before a hunk, or after the last one.
pub fn between(file: &FileMaterial, hunk: usize) -> (Range<u32>, Range<u32>) {
    let hunks = &file.comparison.hunks;
    let above = hunk.checked_sub(1).and_then(|at| hunks.get(at)).map_or((0, 0), |hunk| (hunk.old.end, hunk.new.end));
    let below = hunks
        .get(hunk)
        .map_or((file.comparison.old.count(), file.comparison.new.count()), |hunk| (hunk.old.start, hunk.new.start));
    (above.0..below.0, above.1..below.1)
}

struct Layouter<'l> {
    file: &'l FileMaterial,
    inventory: &'l Inventory,
    remarks: &'l Remarks,
    opening: &'l Opening,
    shape: Shape,
    out: FileRows,
}

impl Layouter<'_> {
    /// The remarks on the file as a whole, and on lines that no row shows.
    fn head(&mut self) {
        let folded = self.out.folded;
        self.out.rows.push(Row::File);
        self.remarks.push_top(self.file, folded, &mut self.out.rows);
        let asked = self.inventory.asked(folded).filter(|(_, omission)| !matches!(omission.spot, Spot::Line { .. }));
        self.out.rows.extend(asked.flat_map(|(at, omission)| omission_rows(at, omission, self.shape)));
        let start = self.out.rows.len();
        for (sentence, text) in (0..).zip(&self.inventory.sentences) {
            let parts = 0..sentence_lines(text, self.shape).len() as u32;
            self.out.rows.extend(parts.map(|part| Row::Sentence { sentence, part }));
        }
        if self.file.comparison.hunks.is_empty() && !self.inventory.hunks.is_empty() {
            self.out.marks.push(start..self.out.rows.len());
        }
    }

    fn body(&mut self) {
        let hunks = &self.file.comparison.hunks;
        for (index, hunk) in hunks.iter().enumerate() {
            let (old, new) = between(self.file, index);
            let lines = old.len() as u32;
            let (above, below) = self.opening.shown(index as u32, lines);
            // If nothing is left out, the hunk's own row is directly above it.
            let (above, below) = if above + below == lines { (lines, 0) } else { (above, below) };
            (0..above).for_each(|at| self.beyond(old.start + at, new.start + at));
            let start = self.out.rows.len();
            self.out.rows.push(Row::Hunk { hunk: index as u32 });
            (lines - below..lines).for_each(|at| self.beyond(old.start + at, new.start + at));
            self.hunk(index as u32, hunk);
            self.out.marks.push(start..self.out.rows.len());
        }
        self.rest(hunks.len());
    }

    fn rest(&mut self, after: usize) {
        let (old, new) = between(self.file, after);
        let lines = old.len() as u32;
        // There is nothing below, so a stroke shows lines after what is above.
        let (above, below) = self.opening.shown(after as u32, lines);
        let shown = if self.opening.whole { below } else { above };
        (0..shown).for_each(|at| self.beyond(old.start + at, new.start + at));
        if shown < lines {
            self.out.rows.push(Row::Rest);
        }
    }

    fn parts(&self, bytes: &[u8]) -> Vec<ByteRange> {
        let part = |range: Range<usize>| ByteRange { from: range.start as u32, to: range.end as u32 };
        if self.shape.wrap {
            text::wrap(bytes, self.shape.text(self.out.cells), self.shape.tab).into_iter().map(part).collect()
        } else {
            vec![part(0..bytes.len().min(MAX_LINE_BYTES))]
        }
    }

    fn beyond(&mut self, old: u32, new: u32) {
        let bytes = bytes_of(self.file, Line::Context { old, new });
        let rows = self.parts(bytes).into_iter().map(|part| Row::Beyond { old, new, part });
        self.out.rows.extend(rows);
    }

    fn hunk(&mut self, index: u32, hunk: &Hunk) {
        if !self.out.cells.halves {
            (0..hunk.lines.len()).for_each(|line| {
                let parts = self.parts(bytes_of(self.file, hunk.lines[line]));
                let line = line as u32;
                self.out.rows.extend(parts.into_iter().map(|part| Row::Line { hunk: index, line, part }));
                self.after(index, hunk, line);
            });
            return;
        }
        let mut next = 0;
        for block in hunk.blocks() {
            (next..block.removed.start).for_each(|line| self.pair(index, hunk, Some(line), Some(line)));
            self.block(index, hunk, &block);
            next = block.added.end;
        }
        (next..hunk.lines.len()).for_each(|line| self.pair(index, hunk, Some(line), Some(line)));
    }

    /// A block side by side: a line and what it became are in one row, and the lines in between fill up.
    fn block(&mut self, index: u32, hunk: &Hunk, block: &Block) {
        let (mut old, mut new) = (block.removed.start, block.added.start);
        let ends = [(block.removed.end, block.added.end)];
        for (to_old, to_new) in pairs(self.file, hunk, block).into_iter().chain(ends) {
            for at in 0..(to_old - old).max(to_new - new) {
                let side = |start: usize, end: usize| (start + at < end).then_some(start + at);
                self.pair(index, hunk, side(old, to_old), side(new, to_new));
            }
            if to_old < block.removed.end || to_new < block.added.end {
                self.pair(index, hunk, Some(to_old), Some(to_new));
            }
            (old, new) = (to_old + 1, to_new + 1);
        }
    }

    fn pair(&mut self, index: u32, hunk: &Hunk, old: Option<usize>, new: Option<usize>) {
        let parts = |line: Option<usize>| match line {
            Some(line) => self.parts(bytes_of(self.file, hunk.lines[line])),
            None => Vec::new(),
        };
        let (left, right) = (parts(old), parts(new));
        for at in 0..left.len().max(right.len()) {
            let side = |line: Option<usize>, parts: &[ByteRange]| Some((line? as u32, *parts.get(at)?));
            self.out.rows.push(Row::Pair { hunk: index, old: side(old, &left), new: side(new, &right) });
        }
        let both = [old, new.filter(|_| new != old)];
        both.into_iter().flatten().for_each(|line| self.after(index, hunk, line as u32));
    }

    /// The remarks below a line.
    fn after(&mut self, hunk_index: u32, hunk: &Hunk, line: u32) {
        let spot = Spot::Line { hunk: hunk_index, line };
        let mut omissions = self.inventory.omissions.iter().enumerate();
        let long = omissions.find(|(_, omission)| omission.spot == spot).into_iter();
        self.out.rows.extend(long.flat_map(|(at, omission)| omission_rows(at, omission, self.shape)));
        let (old, number) = place_of(hunk.lines[line as usize]);
        self.remarks.push(old, number, &mut self.out.rows);
    }
}

fn omission_rows(at: usize, omission: &Omission, shape: Shape) -> impl Iterator<Item = Row> + use<> {
    let parts = 0..omission_lines(omission, shape).len() as u32;
    parts.map(move |part| Row::Omission { omission: at as u32, part })
}

/// The pairs of old and new lines in a block, by their indices in the lines of the hunk.
pub fn pairs(file: &FileMaterial, hunk: &Hunk, block: &Block) -> Vec<(usize, usize)> {
    let text = |at: usize| bytes_of(file, hunk.lines[at]);
    block.pairs(|old, new| are_alike(text(old), text(new)))
}

/// Side and 1-based number that remarks on a line carry: a removed line is on the old side, all others on the new one.
pub fn place_of(line: Line) -> (bool, u32) {
    match line {
        Line::Removed { old } => (true, old + 1),
        Line::Added { new } | Line::Context { new, .. } => (false, new + 1),
    }
}

/// Each side that has a line, and its 1-based number there.
pub fn numbers_of(line: &Line) -> Vec<(bool, u32)> {
    match *line {
        Line::Context { old, new } => vec![(true, old + 1), (false, new + 1)],
        line => vec![place_of(line)],
    }
}

/// The bytes of a line of a file.
pub fn bytes_of(file: &FileMaterial, line: Line) -> &[u8] {
    match line {
        Line::Removed { old } => {
            file.comparison.old.get(file.old.as_ref().and_then(Content::text).unwrap_or_default(), old)
        }
        Line::Added { new } | Line::Context { new, .. } => {
            file.comparison.new.get(file.new.as_ref().and_then(Content::text).unwrap_or_default(), new)
        }
    }
}

#[cfg(test)]
mod tests;
