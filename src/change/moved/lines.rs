//! The changed lines of a change, and which of them are equal.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::{Compared, LinePosition, MAX_OCCURRENCES};
use crate::change::compare::Line;
use crate::change::visible;

/// Marks the absence of a line or of a class.
pub(super) const NONE: u32 = u32::MAX;

/// The partner of a line that was changed in place: it did not move, and nothing else may claim it.
pub(super) const IN_PLACE: u32 = u32::MAX - 1;

/// The changed lines of a file, copied from its texts, so that these need not be kept.
pub(super) struct Tape {
    file: u32,
    text: Vec<u8>,
    /// Each with its length in `text`. A run of context is stored once, without text.
    lines: Vec<(Line, u32)>,
}

impl Tape {
    pub fn of(file: u32, Compared { comparison, old, new }: Compared<'_>) -> Tape {
        let mut tape = Tape { file, text: Vec::new(), lines: Vec::new() };
        let end = Line::Context { old: 0, new: 0 };
        for hunk in &comparison.hunks {
            for &line in &hunk.lines {
                match line {
                    Line::Context { .. } => tape.end_edit(end),
                    Line::Removed { old: number } => tape.push(line, comparison.old.get(old, number)),
                    Line::Added { new: number } => tape.push(line, comparison.new.get(new, number)),
                }
            }
            tape.end_edit(end);
        }
        tape.text.shrink_to_fit();
        tape.lines.shrink_to_fit();
        tape
    }

    fn push(&mut self, line: Line, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
        self.lines.push((line, bytes.len() as u32));
    }

    fn end_edit(&mut self, end: Line) {
        if self.lines.last().is_some_and(|(line, _)| *line != end) {
            self.lines.push((end, 0));
        }
    }

    /// The number of changed lines.
    pub fn count(&self) -> usize {
        self.lines.iter().filter(|(line, _)| !matches!(line, Line::Context { .. })).count()
    }

    pub fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// A removed or an added line.
pub(super) struct ChangedLine<'t> {
    pub bytes: &'t [u8],
    pub position: LinePosition,
    /// The run of removed and added lines without context between them, numbered across all files. Lines of one run
    /// that are adjacent here are adjacent in the text.
    pub edit: u32,
    pub class: u32,
}

/// All changed lines, in the order of files and lines. The rest of this module refers to them by their positions here.
#[derive(Default)]
pub(super) struct Changed<'t> {
    pub removed: Vec<ChangedLine<'t>>,
    pub added: Vec<ChangedLine<'t>>,
    /// By edit: the ranges of its removed and added lines.
    pub edits: Vec<(Range<usize>, Range<usize>)>,
}

impl<'t> Changed<'t> {
    pub fn gather(tapes: &'t [Tape]) -> Changed<'t> {
        let mut all = Changed::default();
        for Tape { file, text, lines } in tapes {
            let mut rest = &text[..];
            for &(line, len) in lines {
                let edit = all.edits.len() as u32;
                let bytes;
                (bytes, rest) = rest.split_at(len as usize);
                match line {
                    Line::Context { .. } => all.end_edit(),
                    Line::Removed { old: line } => push(&mut all.removed, bytes, (*file, line), edit),
                    Line::Added { new: line } => push(&mut all.added, bytes, (*file, line), edit),
                }
            }
            all.end_edit();
        }
        all
    }

    fn end_edit(&mut self) {
        let (removed, added) = self.edits.last().map_or((0, 0), |(removed, added)| (removed.end, added.end));
        if removed < self.removed.len() || added < self.added.len() {
            self.edits.push((removed..self.removed.len(), added..self.added.len()));
        }
    }
}

/// Positions are `u32`; lines that would exceed it (no machine holds them) are ignored.
fn push<'t>(lines: &mut Vec<ChangedLine<'t>>, bytes: &'t [u8], position: LinePosition, edit: u32) {
    if lines.len() < IN_PLACE as usize {
        lines.push(ChangedLine { bytes, position, edit, class: NONE });
    }
}

pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn without_blanks(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.iter().copied().filter(|&byte| !is_blank(byte))
}

/// Bytes that are equal to others if they differ only in spaces and tabs.
pub(super) struct Blankless<'t>(pub &'t [u8]);

impl PartialEq for Blankless<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || without_blanks(self.0).eq(without_blanks(other.0))
    }
}

impl Eq for Blankless<'_> {}

impl Hash for Blankless<'_> {
    /// Hashes in pieces that depend on the bytes hashed, not on the positions of the blanks.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut piece = [0; 64];
        let mut len = 0;
        for byte in without_blanks(self.0) {
            piece[len] = byte;
            len += 1;
            if len == piece.len() {
                state.write(&piece);
                len = 0;
            }
        }
        state.write(&piece[..len]);
        state.write_u8(len as u8);
    }
}

/// The removed lines by content. Only these have classes; an added line is in one of them or in none.
#[derive(Default)]
pub(super) struct Classes {
    /// By class: the start of its lines in `positions`; plus one final entry.
    starts: Vec<u32>,
    /// Removed lines, by class and then in order.
    positions: Vec<u32>,
    /// By class: the number of letters and digits of a line.
    characters: Vec<u32>,
}

impl Classes {
    /// Assigns every line its class. The hash is keyed at random, so that no text can be constructed to be slow.
    pub fn sort(lines: &mut Changed<'_>) -> Classes {
        let mut known: HashMap<Blankless<'_>, u32> = HashMap::with_capacity(lines.removed.len());
        let mut classes = Classes::default();
        for line in &mut lines.removed {
            line.class = *known.entry(Blankless(line.bytes)).or_insert_with(|| {
                classes.characters.push(telling_characters(line.bytes));
                classes.characters.len() as u32 - 1
            });
        }
        for line in &mut lines.added {
            line.class = known.get(&Blankless(line.bytes)).copied().unwrap_or(NONE);
        }
        classes.list(&lines.removed);
        classes
    }

    /// A counting sort of positions by class.
    fn list(&mut self, removed: &[ChangedLine<'_>]) {
        self.starts = vec![0; self.characters.len() + 1];
        removed.iter().for_each(|line| self.starts[line.class as usize + 1] += 1);
        (1..self.starts.len()).for_each(|class| self.starts[class] += self.starts[class - 1]);
        let mut next = self.starts.clone();
        self.positions = vec![0; removed.len()];
        for (position, line) in removed.iter().enumerate() {
            let slot = &mut next[line.class as usize];
            self.positions[*slot as usize] = position as u32;
            *slot += 1;
        }
    }

    /// The removed lines of a class, in order.
    pub fn removed(&self, class: u32) -> &[u32] {
        let class = class as usize;
        match (self.starts.get(class), self.starts.get(class + 1)) {
            (Some(&start), Some(&end)) => &self.positions[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The removed lines of a class if the search for a block may begin there; otherwise none.
    pub fn anchors(&self, class: u32) -> &[u32] {
        let removed = self.removed(class);
        if removed.len() <= MAX_OCCURRENCES && self.characters(class) > 0 { removed } else { &[] }
    }

    pub fn characters(&self, class: u32) -> u32 {
        self.characters.get(class as usize).copied().unwrap_or(0)
    }
}

/// The number of letters and digits of any script. An invisible filler that Unicode classifies as a letter does not
/// count.
fn telling_characters(bytes: &[u8]) -> u32 {
    let count = if bytes.is_ascii() {
        bytes.iter().filter(|b| b.is_ascii_alphanumeric()).count()
    } else {
        let shown = |c: &char| c.is_alphanumeric() && !visible::is_hidden(*c);
        bytes.utf8_chunks().map(|chunk| chunk.valid().chars().filter(shown).count()).sum()
    };
    count as u32
}
