//! Lines that a change moved, within a file and across files; moves that also changed something are distinguished.
//!
//! A mark "moved from there" tells the reader: you know this text already. It lowers attention, so the rules are
//! strict:
//!
//! - Only **blocks** move: adjacent removed lines that reappear together, in the same order, as added lines. A block
//!   has [`TELLING_LINES`] lines with a letter or digit and [`TELLING_CHARACTERS`] of those in all, or two lines with
//!   [`TELLING_CHARACTERS_OF_TWO`]. `}`, `return;` or `if err != nil { return nil, err }` are no move.
//! - Lines are equal if their **bytes** are, spaces and tabs aside. A carriage return, a no-break space, a zero-width
//!   or a look-alike character makes a different line.
//! - A move is **one to one**. A line removed once and added three times is one move and two additions.
//! - What changed **in place**, such as a block that was wrapped in an `if` and indented, is not a move. Nor is what
//!   the comparison treats as context: such a line ends a block.
//! - Up to [`MAX_EDITED`] consecutive lines that are no longer equal do not end a block that continues after them, if
//!   they are similar; they are [`Fidelity::Edited`]: the reader must read them like any other change.
//!
//! Longer blocks are taken first; among equal ones, those whose files are nearest in the given order, so that the
//! result depends only on the texts.
//!
//! Bounds: time and memory grow with the changed lines, because the search for a block begins only at a line that was
//! removed at most [`MAX_OCCURRENCES`] times in the whole change. A block without such a line (one of very many similar
//! copies) is not found, and its lines stay plain removals and additions. The same applies to one that moved within
//! more than [`MAX_EDIT`] changed lines without context and changed its blanks. Lines above [`MAX_ALIKE_BYTES`] never
//! count as similar.

mod lines;
mod nesting;
mod search;
#[cfg(test)]
mod tests;

use super::compare::Comparison;
use lines::Tape;

/// The least number of lines with a letter or digit in a block: two equal lines are often chance, as `else {` `return;`
/// is.
pub const TELLING_LINES: u32 = 3;

/// The least number of letters and digits in a block. Git requires 20, which `if err != nil {` `return nil, err` `}`
/// just reaches, as do three imports.
pub const TELLING_CHARACTERS: u64 = 30;

/// Two lines are enough if they have this many letters and digits: a long sentence or call is not repeated by chance.
pub const TELLING_CHARACTERS_OF_TWO: u64 = 40;

/// The search for a block does not begin at a line that was removed more often than this; such a line may be part of
/// one.
pub const MAX_OCCURRENCES: usize = 16;

/// The most removed and added lines without context between them that are compared again without their blanks. In
/// longer runs no moves within the run are reported: making sure that a line did not change in place would take too
/// long.
pub const MAX_EDIT: usize = 2000;

/// The most consecutive lines in the middle of a block that may have been edited.
pub const MAX_EDITED: usize = 2;

/// Longer lines are not checked for similarity; they are only known to have changed.
pub const MAX_ALIKE_BYTES: usize = super::compare::MAX_WORD_DIFF_BYTES;

/// The most changed lines of a change for which moves are sought across files. In a larger one, whose lines do not fit
/// into memory or a reader's mind at once, they are sought within each file.
pub const MAX_ACROSS: usize = 200_000;

/// The same limit in bytes of changed lines.
pub const MAX_BYTES_ACROSS: usize = 32 << 20;

/// The texts of one file and how they compare.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    /// How its two texts compare.
    pub comparison: &'a Comparison,
    /// The old text.
    pub old: &'a [u8],
    /// The new text.
    pub new: &'a [u8],
}

/// How a line relates to its old version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fidelity {
    /// Byte for byte.
    Exact,
    /// With other spaces and tabs before or after it, and with the same nesting relative to the lines of its block: the
    /// block was indented as a whole.
    Whitespace,
    /// No longer the same line: other characters, other blanks between its words (`rm -rf /tmp` and `rm -rf / tmp`), or
    /// a different nesting than the rest of its block, as a line that was moved out of the `if` above it. In the last
    /// case, its bytes may even be unchanged while the block around it was indented.
    Edited,
}

/// The other end of a moved line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Move {
    /// Index of the file as passed to [`Finder::take`].
    pub file: u32,
    /// Line on the other side, 0-based.
    pub line: u32,
    /// How similar the two are.
    pub fidelity: Fidelity,
}

/// The moved lines of a change. Every line is in at most one move, and [`Moves::went`] and [`Moves::came`] are inverse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// Sorted by new position.
    runs: Vec<Run>,
    /// Indices into `runs`, sorted by old position.
    by_old: Vec<u32>,
    /// Whether moves were sought only within each file.
    inside: bool,
}

/// Lines that moved together, with the same fidelity.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    old: LinePosition,
    new: LinePosition,
    len: u32,
    fidelity: Fidelity,
}

/// File and 0-based line.
type LinePosition = (u32, u32);

impl Moves {
    /// Where a removed line of a file went.
    pub fn went(&self, file: usize, old_line: u32) -> Option<Move> {
        let position = (u32::try_from(file).ok()?, old_line);
        let after = self.by_old.partition_point(|&run| self.run(run).is_some_and(|run| run.old <= position));
        let run = self.run(*self.by_old.get(after.checked_sub(1)?)?)?;
        run.across(position, run.old, run.new)
    }

    /// Where an added line of a file came from.
    pub fn came(&self, file: usize, new_line: u32) -> Option<Move> {
        let position = (u32::try_from(file).ok()?, new_line);
        let after = self.runs.partition_point(|run| run.new <= position);
        let run = self.runs.get(after.checked_sub(1)?)?;
        run.across(position, run.new, run.old)
    }

    /// Whether nothing moved.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The number of added lines that are moves; the number of removed ones is the same.
    pub fn lines(&self) -> usize {
        self.runs.iter().map(|run| run.len as usize).sum()
    }

    fn run(&self, index: u32) -> Option<&Run> {
        self.runs.get(index as usize)
    }

    /// Whether the change was too large to find lines that moved from one file to another ([`MAX_ACROSS`]).
    pub fn are_inside_of_files(&self) -> bool {
        self.inside
    }

    fn of(mut runs: Vec<Run>, inside: bool) -> Moves {
        runs.sort_unstable_by_key(|run| run.new);
        let mut by_old: Vec<u32> = (0..runs.len() as u32).collect();
        by_old.sort_unstable_by_key(|&run| runs[run as usize].old);
        Moves { runs, by_old, inside }
    }
}

impl Run {
    /// The other end of a position, if it is in this run; `here` and `there` are the run's first lines.
    fn across(&self, position: LinePosition, here: LinePosition, there: LinePosition) -> Option<Move> {
        let at = position.1.checked_sub(here.1).filter(|&at| position.0 == here.0 && at < self.len)?;
        Some(Move { file: there.0, line: there.1 + at, fidelity: self.fidelity })
    }
}

/// Finds the lines that a change moved, while its files are read: only their changed lines are kept.
#[derive(Default)]
pub struct Finder {
    /// For the files so far, as long as they are few enough.
    tapes: Vec<Tape>,
    lines: usize,
    bytes: usize,
    inside: bool,
    runs: Vec<Run>,
}

impl Finder {
    /// Adds a file, each once, by its index. Among equally long and equally near blocks, the earliest file wins.
    pub fn take(&mut self, file: usize, compared: Compared<'_>) {
        let Ok(file) = u32::try_from(file) else { return };
        let tape = Tape::of(file, compared);
        self.lines += tape.count();
        self.bytes += tape.bytes();
        self.inside |= self.lines > MAX_ACROSS || self.bytes > MAX_BYTES_ACROSS;
        self.tapes.push(tape);
        if self.inside {
            let alone = self.tapes.drain(..).flat_map(|tape| search::runs(&[tape]));
            self.runs.extend(alone);
        }
    }

    /// The moves found, with the runs sorted by position.
    pub fn finish(self) -> Moves {
        let mut runs = self.runs;
        runs.extend(search::runs(&self.tapes));
        Moves::of(runs, self.inside)
    }
}
