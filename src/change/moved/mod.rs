//! Lines that a change moved, within a file and across files, with moves that also changed something told apart.
//!
//! A mark "moved from there" says to a reader: you know this text already. It lulls, so it is given strictly:
//!
//! - Only **blocks** move: removed lines that stand together and come back together, in the same order, as added lines.
//!   A block has [`TELLING_LINES`] lines with a letter or digit and [`TELLING_CHARACTERS`] of those in all, or two
//!   lines with [`TELLING_CHARACTERS_OF_TWO`]. `}`, `return;` or `if err != nil { return nil, err }` are no move.
//! - Lines are the same if their **bytes** are, spaces and tabs aside. A carriage return, a no-break space, a
//!   zero-width or a look-alike character makes another line.
//! - A move is **one to one**. What was removed once and added three times is one move and two additions.
//! - What changed **in place**, such as a block that got an `if` around it and was indented, is no move. Nor is what
//!   the comparison left as context: such a line ends a block.
//! - Up to [`MAX_EDITED`] lines in a row that are no longer the same do not end a block that goes on after them, if
//!   they are alike; they are [`Fidelity::Edited`]: the reader has to look at them as at any other change.
//!
//! Longer blocks are taken first; of equal ones those whose files are nearest in the order given, so that the result
//! depends on nothing but the texts.
//!
//! Bounds: time and memory grow with the changed lines, because a block is only looked for from a line that was removed
//! at most [`MAX_OCCURRENCES`] times in the whole change. A block without such a line (one of very many like copies) is
//! not found, and its lines stay plain removals and additions. Nor is one that moved within more than [`MAX_EDIT`]
//! changed lines without context and got other blanks. Lines above [`MAX_ALIKE_BYTES`] are never called alike.

mod lines;
mod nesting;
mod search;
#[cfg(test)]
mod tests;

use super::compare::Comparison;
use lines::Tape;

/// A block needs so many lines with a letter or digit: two lines that agree are often chance, as `else {` `return;` is.
pub const TELLING_LINES: u32 = 3;

/// And so many letters and digits. Git asks for 20, which `if err != nil {` `return nil, err` `}` just reaches, and
/// three imports do.
pub const TELLING_CHARACTERS: u64 = 30;

/// Two lines will do if they have so many letters and digits: a long sentence or call is not repeated by chance.
pub const TELLING_CHARACTERS_OF_TWO: u64 = 40;

/// A line removed more often than this is not where the search for a block begins; it may be part of one.
pub const MAX_OCCURRENCES: usize = 16;

/// Removed and added lines without context between them that are compared once more without their blanks. In more,
/// nothing moves from one place to another: comparing would take too long to be sure that it did not change in place.
pub const MAX_EDIT: usize = 2000;

/// Lines in a row, in the middle of a block, that may have been edited.
pub const MAX_EDITED: usize = 2;

/// Longer lines are not looked at for likeness; that they changed is all that can be said.
pub const MAX_ALIKE_BYTES: usize = super::compare::MAX_WORD_DIFF_BYTES;

/// Changed lines of a change within which lines are looked for across files. In a larger one, whose lines nobody holds
/// in memory or in mind at once, they are looked for inside of each file.
pub const MAX_ACROSS: usize = 200_000;

/// Bytes of changed lines for which the same holds.
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

/// How a line came to its new place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fidelity {
    /// Byte for byte.
    Exact,
    /// With other spaces and tabs before or after it, and no deeper or shallower among the lines of its block than it
    /// was: the block was indented as a whole.
    Whitespace,
    /// Not the same line any more: other characters, other blanks between its words (`rm -rf /tmp` and `rm -rf / tmp`),
    /// or another nesting than the rest of its block, as a line that left the `if` above it. Of the last, the bytes may
    /// even be those it had while the block around it was indented.
    Edited,
}

/// The other end of a moved line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Move {
    /// Index of the file as it was given to [`Finder::take`].
    pub file: u32,
    /// Line on the other side, 0-based.
    pub line: u32,
    /// How much alike the two are.
    pub fidelity: Fidelity,
}

/// The moved lines of a change. Every line is in one move at most, and [`Moves::went`] and [`Moves::came`] are inverse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// Sorted by new position.
    runs: Vec<Run>,
    /// Indices into `runs`, sorted by old position.
    by_old: Vec<u32>,
    /// Whether lines were looked for inside of each file only.
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

    /// How many added lines are moves; as many removed lines are.
    pub fn lines(&self) -> usize {
        self.runs.iter().map(|run| run.len as usize).sum()
    }

    fn run(&self, index: u32) -> Option<&Run> {
        self.runs.get(index as usize)
    }

    /// Whether the change was too large to look for lines that moved from one file into another ([`MAX_ACROSS`]).
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
    /// Of the files so far, as long as they are few enough.
    tapes: Vec<Tape>,
    lines: usize,
    bytes: usize,
    inside: bool,
    runs: Vec<Run>,
}

impl Finder {
    /// Takes in a file, each once, by its index. What is equally near, length for length, goes to what came first.
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

    /// What was found, with the runs in the order of their places.
    pub fn finish(self) -> Moves {
        let mut runs = self.runs;
        runs.extend(search::runs(&self.tapes));
        Moves::of(runs, self.inside)
    }
}
