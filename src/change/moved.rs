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

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::compare::{Comparison, Line};
use super::visible;

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

/// The texts of one file and how they compare.
#[derive(Debug, Clone, Copy)]
pub struct Compared<'a> {
    pub comparison: &'a Comparison,
    pub old: &'a [u8],
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
    /// Index of the file in the slice given to [`find`].
    pub file: u32,
    /// Line on the other side, 0-based.
    pub line: u32,
    pub fidelity: Fidelity,
}

/// The moved lines of a change. Every line is in one move at most, and [`Moves::went`] and [`Moves::came`] are inverse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    /// Sorted by new place.
    runs: Vec<Run>,
    /// Indices into `runs`, sorted by old place.
    by_old: Vec<u32>,
}

/// Lines that moved together, with the same fidelity.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    old: Place,
    new: Place,
    len: u32,
    fidelity: Fidelity,
}

/// File and 0-based line.
type Place = (u32, u32);

impl Moves {
    /// Where a removed line of a file went.
    pub fn went(&self, file: usize, old_line: u32) -> Option<Move> {
        let place = (u32::try_from(file).ok()?, old_line);
        let after = self.by_old.partition_point(|&run| self.run(run).is_some_and(|run| run.old <= place));
        let run = self.run(*self.by_old.get(after.checked_sub(1)?)?)?;
        run.across(place, run.old, run.new)
    }

    /// Where an added line of a file came from.
    pub fn came(&self, file: usize, new_line: u32) -> Option<Move> {
        let place = (u32::try_from(file).ok()?, new_line);
        let after = self.runs.partition_point(|run| run.new <= place);
        let run = self.runs.get(after.checked_sub(1)?)?;
        run.across(place, run.new, run.old)
    }

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

    fn of(runs: Vec<Run>) -> Moves {
        let mut by_old: Vec<u32> = (0..runs.len() as u32).collect();
        by_old.sort_unstable_by_key(|&run| runs[run as usize].old);
        Moves { runs, by_old }
    }
}

impl Run {
    /// The other end of a place, if it is in this run; `here` and `there` are the run's first lines.
    fn across(&self, place: Place, here: Place, there: Place) -> Option<Move> {
        let at = place.1.checked_sub(here.1).filter(|&at| place.0 == here.0 && at < self.len)?;
        Some(Move { file: there.0, line: there.1 + at, fidelity: self.fidelity })
    }
}

/// Finds the lines that a change moved. `None` is a file without text on both sides, or one that cannot be read; it
/// keeps its index.
pub fn find(files: &[Option<Compared<'_>>]) -> Moves {
    let mut lines = Changed::gather(files);
    if lines.removed.is_empty() || lines.added.is_empty() {
        return Moves::default();
    }
    let classes = Classes::sort(&mut lines);
    let mut search = Search::new(&lines, &classes);
    let mut blocks = search.take_in_place();
    blocks.extend(search.candidates());
    let moved = search.choose(blocks);
    for (first, last) in moved {
        search.extend(last, 1);
        search.extend(first, -1);
    }
    Moves::of(search.runs())
}

/// No line, no class.
const NONE: u32 = u32::MAX;

/// The partner of a line that changed in place: it moved nowhere, and nothing else may claim it.
const IN_PLACE: u32 = u32::MAX - 1;

/// A removed or an added line.
struct ChangedLine<'t> {
    bytes: &'t [u8],
    place: Place,
    /// Which run of removed and added lines without context between them, counted through all files. Lines of one that
    /// are neighbours here are neighbours in the text.
    edit: u32,
    class: u32,
}

/// All changed lines, in the order of files and lines. The rest of this module names them by their positions here.
#[derive(Default)]
struct Changed<'t> {
    removed: Vec<ChangedLine<'t>>,
    added: Vec<ChangedLine<'t>>,
    /// By edit: its removed and its added lines.
    edits: Vec<(Range<usize>, Range<usize>)>,
}

impl<'t> Changed<'t> {
    fn gather(files: &[Option<Compared<'t>>]) -> Changed<'t> {
        let mut all = Changed::default();
        for (file, compared) in (0..NONE).zip(files) {
            let Some(Compared { comparison, old, new }) = *compared else { continue };
            for hunk in &comparison.hunks {
                for line in &hunk.lines {
                    let edit = all.edits.len() as u32;
                    match *line {
                        Line::Context { .. } => all.end_edit(),
                        Line::Removed { old: line } => {
                            push(&mut all.removed, comparison.old.get(old, line), (file, line), edit);
                        }
                        Line::Added { new: line } => {
                            push(&mut all.added, comparison.new.get(new, line), (file, line), edit);
                        }
                    }
                }
                all.end_edit();
            }
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

/// Positions are `u32`; what would not fit (no machine holds it) is left out.
fn push<'t>(lines: &mut Vec<ChangedLine<'t>>, bytes: &'t [u8], place: Place, edit: u32) {
    if lines.len() < IN_PLACE as usize {
        lines.push(ChangedLine { bytes, place, edit, class: NONE });
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn without_blanks(bytes: &[u8]) -> impl Iterator<Item = u8> + '_ {
    bytes.iter().copied().filter(|&byte| !is_blank(byte))
}

/// Bytes that are equal to others if only spaces and tabs differ.
struct Blankless<'t>(&'t [u8]);

impl PartialEq for Blankless<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || without_blanks(self.0).eq(without_blanks(other.0))
    }
}

impl Eq for Blankless<'_> {}

impl Hash for Blankless<'_> {
    /// In pieces that depend on the bytes hashed, not on where the blanks were.
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

/// The removed lines by what they say. Only these have classes; an added line is of one of them or of none.
#[derive(Default)]
struct Classes {
    /// By class: where its lines begin in `positions`; one more at the end.
    starts: Vec<u32>,
    /// Removed lines, by class and then in order.
    positions: Vec<u32>,
    /// By class: letters and digits of a line.
    characters: Vec<u32>,
}

impl Classes {
    /// Gives every line its class. The hash is keyed at random, so that no text can be made to be slow.
    fn sort(lines: &mut Changed<'_>) -> Classes {
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
    fn removed(&self, class: u32) -> &[u32] {
        let class = class as usize;
        match (self.starts.get(class), self.starts.get(class + 1)) {
            (Some(&start), Some(&end)) => &self.positions[start as usize..end as usize],
            _ => &[],
        }
    }

    /// The removed lines of a class if the search for a block may begin there; else none.
    fn anchors(&self, class: u32) -> &[u32] {
        let removed = self.removed(class);
        if removed.len() <= MAX_OCCURRENCES && self.characters(class) > 0 { removed } else { &[] }
    }

    fn characters(&self, class: u32) -> u32 {
        self.characters.get(class as usize).copied().unwrap_or(0)
    }
}

/// Letters and digits of any script. A filler that Unicode calls a letter but nobody sees is none.
fn telling_characters(bytes: &[u8]) -> u32 {
    let count = if bytes.is_ascii() {
        bytes.iter().filter(|b| b.is_ascii_alphanumeric()).count()
    } else {
        let shown = |c: &char| c.is_alphanumeric() && !visible::is_hidden(*c);
        bytes.utf8_chunks().map(|chunk| chunk.valid().chars().filter(shown).count()).sum()
    };
    count as u32
}

/// A removed and an added line, by position.
type Pair = (usize, usize);

/// Consecutive removed lines that are the same as consecutive added lines. The greatest is taken first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    len: u32,
    in_place: bool,
    /// Lines that are the same byte for byte.
    exact: u32,
    /// How many files apart.
    apart: Reverse<u32>,
    added: Reverse<u32>,
    removed: Reverse<u32>,
}

impl Block {
    fn pair(&self, at: u32) -> Pair {
        ((self.removed.0 + at) as usize, (self.added.0 + at) as usize)
    }
}

struct Search<'s, 't> {
    removed: &'s [ChangedLine<'t>],
    added: &'s [ChangedLine<'t>],
    edits: &'s [(Range<usize>, Range<usize>)],
    classes: &'s Classes,
    /// By added line and one more: letters and digits before it, and lines that have some.
    telling: Vec<(u64, u32)>,
    /// By added line: the removed line of the same edit that a comparison without blanks pairs it with.
    in_place: Vec<u32>,
    /// By removed line: its partner, once chosen.
    went: Vec<u32>,
    /// By added line: its partner, once chosen.
    came: Vec<u32>,
}

impl<'s, 't> Search<'s, 't> {
    fn new(lines: &'s Changed<'t>, classes: &'s Classes) -> Self {
        let Changed { removed, added, edits } = lines;
        let sums = added.iter().scan((0, 0), |(characters, lines), line| {
            let here = classes.characters(line.class);
            *characters += u64::from(here);
            *lines += u32::from(here > 0);
            Some((*characters, *lines))
        });
        let mut search = Search {
            removed,
            added,
            edits,
            classes,
            telling: std::iter::once((0, 0)).chain(sums).collect(),
            in_place: vec![NONE; added.len()],
            went: vec![NONE; removed.len()],
            came: vec![NONE; added.len()],
        };
        search.pair_in_place();
        search
    }

    /// Compares each edit with itself, blanks aside: what that leaves together did not move.
    fn pair_in_place(&mut self) {
        for (removed, added) in self.edits.iter().filter(|edit| !is_long(edit)) {
            if !added.clone().any(|line| self.is_in(self.added[line].class, removed)) {
                continue;
            }
            for (old, new) in pair_by_class(&self.removed[removed.clone()], &self.added[added.clone()]) {
                self.in_place[added.start + new] = (removed.start + old) as u32;
            }
        }
    }

    /// Whether a class has a line among these removed ones.
    fn is_in(&self, class: u32, removed: &Range<usize>) -> bool {
        let positions = self.classes.removed(class);
        let first = positions.partition_point(|&at| (at as usize) < removed.start);
        positions.get(first).is_some_and(|&at| (at as usize) < removed.end)
    }

    /// All maximal blocks that count.
    ///
    /// At most [`MAX_OCCURRENCES`] blocks go through an anchor and twice as many through any other line, which is what
    /// keeps the whole search linear.
    fn candidates(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for (new, line) in self.added.iter().enumerate() {
            let pairs = self.classes.anchors(line.class).iter().map(|&old| (old as usize, new));
            let maximal = pairs.filter(|&pair| self.may_move(pair)).filter_map(|pair| self.maximal(pair));
            blocks.extend(maximal.filter(|block| self.counts(block)));
        }
        blocks
    }

    /// Takes what changed in place, as a comparison takes what is equal. Gives the blocks too short for that: they
    /// compete with the moves, lest the `}` of a function that another took the place of tear a hole into a move.
    fn take_in_place(&mut self) -> Vec<Block> {
        let (certain, short): (Vec<_>, Vec<_>) = self.in_place_blocks().into_iter().partition(|b| self.counts(b));
        certain.iter().for_each(|block| self.take(block));
        short
    }

    fn in_place_blocks(&self) -> Vec<Block> {
        let in_place = |pair: &Pair| self.in_place[pair.1] == pair.0 as u32;
        let mut blocks = Vec::new();
        let mut new = 0;
        while new < self.added.len() {
            let first = Some((self.in_place[new] as usize, new)).filter(|_| self.in_place[new] != NONE);
            let len = std::iter::successors(first, |&pair| self.along(pair, 1).filter(in_place)).count();
            blocks.extend(first.map(|first| self.block(first, len as u32, true)));
            new += len.max(1);
        }
        blocks
    }

    /// The block around a pair; none if it goes through an earlier anchor, from where it was found.
    fn maximal(&self, pair: Pair) -> Option<Block> {
        let (mut first, mut last) = (pair, pair);
        while let Some(before) = self.along(first, -1).filter(|&before| self.may_move(before)) {
            if !self.classes.anchors(self.added[before.1].class).is_empty() {
                return None;
            }
            first = before;
        }
        while let Some(after) = self.along(last, 1).filter(|&after| self.may_move(after)) {
            last = after;
        }
        Some(self.block(first, (last.1 - first.1 + 1) as u32, false))
    }

    fn block(&self, (old, new): Pair, len: u32, in_place: bool) -> Block {
        let lines = self.removed[old..].iter().zip(&self.added[new..]).take(len as usize);
        let exact = lines.filter(|(removed, added)| removed.bytes == added.bytes).count() as u32;
        let apart = Reverse(self.removed[old].place.0.abs_diff(self.added[new].place.0));
        Block { len, in_place, exact, apart, added: Reverse(new as u32), removed: Reverse(old as u32) }
    }

    /// Whether the lines of a pair are the same, blanks aside, not in place, and in no block yet.
    fn may_move(&self, (old, new): Pair) -> bool {
        let is_same = self.removed[old].class == self.added[new].class;
        is_same && self.is_free((old, new)) && !self.is_in_place((old, new))
    }

    fn is_in_place(&self, (old, new): Pair) -> bool {
        let edit = self.removed[old].edit;
        edit == self.added[new].edit && (self.in_place[new] == old as u32 || is_long(&self.edits[edit as usize]))
    }

    /// Whether a block is long enough not to be chance.
    fn counts(&self, block: &Block) -> bool {
        let (from, to) = (block.added.0 as usize, (block.added.0 + block.len) as usize);
        let characters = self.telling[to].0 - self.telling[from].0;
        let lines = self.telling[to].1 - self.telling[from].1;
        lines >= TELLING_LINES && characters >= TELLING_CHARACTERS
            || lines >= 2 && characters >= TELLING_CHARACTERS_OF_TWO
    }

    /// The pair at a distance from another, in the same edits.
    fn along(&self, (old, new): Pair, distance: isize) -> Option<Pair> {
        let there = (old.checked_add_signed(distance)?, new.checked_add_signed(distance)?);
        let removed = self.removed.get(there.0)?.edit == self.removed.get(old)?.edit;
        let added = self.added.get(there.1)?.edit == self.added.get(new)?.edit;
        (removed && added).then_some(there)
    }

    fn is_free(&self, (old, new): Pair) -> bool {
        self.went[old] == NONE && self.came[new] == NONE
    }

    fn claim(&mut self, (old, new): Pair) {
        self.went[old] = new as u32;
        self.came[new] = old as u32;
    }

    /// Takes the longest block again and again; gives the first and the last pair of each that is a move. Of a block
    /// that lost lines to a longer one, what is left competes again.
    ///
    /// Linear too: a block is looked at again only after one that is no shorter took lines over one of its ends. For
    /// that to happen twice at an end of one side, the other side must have lost lines there in between, enough for the
    /// taker to fit in; so what is left shrinks by a constant factor every few looks.
    fn choose(&mut self, mut blocks: Vec<Block>) -> Vec<(Pair, Pair)> {
        let mut moved = Vec::new();
        let mut left = BinaryHeap::new();
        blocks.sort_unstable();
        while let Some(block) = if left.peek() > blocks.last() { left.pop() } else { blocks.pop() } {
            let free = self.free_parts(&block);
            if free.first().is_some_and(|part| part.len() as u32 == block.len) {
                self.take(&block);
                if !block.in_place {
                    moved.push((block.pair(0), block.pair(block.len - 1)));
                }
                continue;
            }
            let parts =
                free.into_iter().map(|part| self.block(block.pair(part.start), part.len() as u32, block.in_place));
            left.extend(parts.filter(|part| part.in_place || self.counts(part)));
        }
        moved
    }

    fn free_parts(&self, block: &Block) -> Vec<Range<u32>> {
        let mut parts: Vec<Range<u32>> = Vec::new();
        for at in (0..block.len).filter(|&at| self.is_free(block.pair(at))) {
            match parts.last_mut() {
                Some(part) if part.end == at => part.end += 1,
                _ => parts.push(at..at + 1),
            }
        }
        parts
    }

    fn take(&mut self, block: &Block) {
        for pair in (0..block.len).map(|at| block.pair(at)) {
            if block.in_place {
                self.went[pair.0] = IN_PLACE;
                self.came[pair.1] = IN_PLACE;
            } else {
                self.claim(pair);
            }
        }
    }

    /// Lets a block go on beyond one of its ends, over edited lines. After all blocks were chosen: an edited line is
    /// never taken from a block in which it is the same.
    fn extend(&mut self, end: Pair, step: isize) {
        let mut end = Some(end);
        while let Some(pair) = end {
            end = (0..=MAX_EDITED).find_map(|edited| self.bridge(pair, step, edited)).flatten();
        }
    }

    /// Goes over so many edited lines to a line that is the same. `None`: it is not there; `Some(None)`: it is, in a
    /// block that was chosen already and is extended by itself.
    fn bridge(&mut self, end: Pair, step: isize, edited: usize) -> Option<Option<Pair>> {
        let edits = (1..=edited as isize).map(|n| self.along(end, step * n)).collect::<Option<Vec<_>>>()?;
        let landing = self.along(end, step * (edited as isize + 1))?;
        let chosen = self.went[landing.0] == landing.1 as u32;
        let says_something = edited == 0 || without_blanks(self.added[landing.1].bytes).next().is_some();
        let lands = chosen || self.may_move(landing) && says_something;
        let is_edit = |&pair: &Pair| self.is_free(pair) && alike(self.removed[pair.0].bytes, self.added[pair.1].bytes);
        if !lands || !edits.iter().all(is_edit) {
            return None;
        }
        edits.into_iter().chain([landing]).for_each(|pair| self.claim(pair));
        Some((!chosen).then_some(landing))
    }

    /// What was chosen, by new place.
    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut new = 0;
        while new < self.added.len() {
            let old = self.came[new];
            if old >= IN_PLACE {
                new += 1;
                continue;
            }
            let first = (old as usize, new);
            let next = |pair: &Pair| self.along(*pair, 1).filter(|pair| self.came[pair.1] == pair.0 as u32);
            let pairs: Vec<Pair> = std::iter::successors(Some(first), next).collect();
            self.push_runs(&pairs, &mut runs);
            new += pairs.len();
        }
        runs
    }

    /// A block as runs of the same fidelity.
    fn push_runs(&self, pairs: &[Pair], runs: &mut Vec<Run>) {
        let lines: Vec<_> = pairs.iter().map(|&(old, new)| (self.removed[old].bytes, self.added[new].bytes)).collect();
        let nesting = Nesting::of(&lines);
        let mut before = None;
        for (&(old, new), &(removed, added)) in pairs.iter().zip(&lines) {
            let fidelity = nesting.fidelity(removed, added);
            match runs.last_mut() {
                Some(run) if before == Some(fidelity) => run.len += 1,
                _ => runs.push(Run { old: self.removed[old].place, new: self.added[new].place, len: 1, fidelity }),
            }
            before = Some(fidelity);
        }
    }
}

fn is_long((removed, added): &(Range<usize>, Range<usize>)) -> bool {
    removed.len() + added.len() > MAX_EDIT
}

/// Pairs the lines of two texts that are of one class, in order, as a diff does.
fn pair_by_class(removed: &[ChangedLine<'_>], added: &[ChangedLine<'_>]) -> Vec<Pair> {
    let mut input = imara_diff::InternedInput::default();
    input.update_before(removed.iter().map(|line| line.class));
    input.update_after(added.iter().map(|line| line.class));
    let diff = imara_diff::Diff::compute(imara_diff::Algorithm::Histogram, &input);
    let mut pairs = Vec::new();
    let (mut old, mut new) = (0, 0);
    for hunk in diff.hunks() {
        pairs.extend((old..hunk.before.start as usize).zip(new..hunk.after.start as usize));
        (old, new) = (hunk.before.end as usize, hunk.after.end as usize);
    }
    pairs.extend((old..removed.len()).zip(new..added.len()));
    pairs
}

/// The blanks that a line begins with; shorter ones first.
type Indent<'t> = (usize, &'t [u8]);

/// What became of each indentation in a block, so that what was nested deeper still is. In Python or YAML a line that
/// leaves the block above it says something else, though only its blanks changed.
enum Nesting<'t> {
    /// Every line has the indentation it had.
    Kept,
    Mapped(BTreeMap<Indent<'t>, Indent<'t>>),
}

impl<'t> Nesting<'t> {
    /// The most frequent changes of indentation hold; those that contradict them do not.
    fn of(lines: &[(&'t [u8], &'t [u8])]) -> Nesting<'t> {
        let mut counts: HashMap<(Indent<'t>, Indent<'t>), usize> = HashMap::new();
        if lines.iter().all(|(old, new)| indent(old) == indent(new)) {
            return Nesting::Kept;
        }
        for (old, new) in lines.iter().filter(|(old, new)| !trim(old).is_empty() && trim(old) == trim(new)) {
            *counts.entry((indent(old), indent(new))).or_default() += 1;
        }
        let mut changes: Vec<_> = counts.into_iter().collect();
        changes.sort_unstable_by_key(|&(change, count)| (Reverse(count), change));
        let mut mapped = BTreeMap::new();
        for ((old, new), _) in changes {
            let shallower = mapped.range(..=old).next_back().is_none_or(|(&o, &n)| o < old && n < new);
            let deeper = mapped.range(old..).next().is_none_or(|(_, &n)| new < n);
            if shallower && deeper {
                mapped.insert(old, new);
            }
        }
        Nesting::Mapped(mapped)
    }

    fn fidelity(&self, old: &'t [u8], new: &'t [u8]) -> Fidelity {
        let text = trim(old);
        let nested = match self {
            Nesting::Kept => true,
            Nesting::Mapped(mapped) => text.is_empty() || mapped.get(&indent(old)) == Some(&indent(new)),
        };
        if text != trim(new) || !nested {
            Fidelity::Edited
        } else if old == new {
            Fidelity::Exact
        } else {
            Fidelity::Whitespace
        }
    }
}

fn indent(line: &[u8]) -> Indent<'_> {
    let len = line.iter().take_while(|&&byte| is_blank(byte)).count();
    (len, &line[..len])
}

/// Without the blanks around it. Not `trim_ascii`: a form feed or a carriage return is no blank here.
fn trim(line: &[u8]) -> &[u8] {
    let line = &line[indent(line).0..];
    let end = line.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1);
    &line[..end]
}

/// Whether two lines share at least half of their pairs of neighbouring bytes, blanks aside.
fn alike(old: &[u8], new: &[u8]) -> bool {
    let (shorter, longer) = (old.len().min(new.len()), old.len().max(new.len()));
    if longer > MAX_ALIKE_BYTES || shorter == 0 {
        return false;
    }
    let (old, new) = (byte_pairs(old), byte_pairs(new));
    let (mut at_old, mut at_new, mut common) = (0, 0, 0);
    while let (Some(a), Some(b)) = (old.get(at_old), new.get(at_new)) {
        common += usize::from(a == b);
        at_old += usize::from(a <= b);
        at_new += usize::from(b <= a);
    }
    common > 0 && common * 4 >= old.len() + new.len()
}

/// Sorted.
fn byte_pairs(line: &[u8]) -> Vec<[u8; 2]> {
    let mut pairs: Vec<_> = without_blanks(line).zip(without_blanks(line).skip(1)).map(|(a, b)| [a, b]).collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::super::compare::compare;
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    /// Old and new texts of the files of a change, compared.
    struct Texts(Vec<(Vec<u8>, Vec<u8>, Comparison)>);

    impl Texts {
        fn of<T: AsRef<[u8]>>(files: &[(T, T)]) -> Texts {
            let compared = |(old, new): &(T, T)| {
                let (old, new) = (old.as_ref().to_vec(), new.as_ref().to_vec());
                let comparison = compare(&old, &new);
                (old, new, comparison)
            };
            Texts(files.iter().map(compared).collect())
        }

        fn find(&self) -> Moves {
            let files: Vec<_> =
                self.0.iter().map(|(old, new, comparison)| Some(Compared { comparison, old, new })).collect();
            find(&files)
        }

        fn old_line(&self, file: u32, line: u32) -> &[u8] {
            let (old, _, comparison) = &self.0[file as usize];
            comparison.old.get(old, line)
        }

        fn new_line(&self, file: u32, line: u32) -> &[u8] {
            let (_, new, comparison) = &self.0[file as usize];
            comparison.new.get(new, line)
        }

        /// Every changed line of a file: which side, and its number.
        fn changed(&self, file: usize) -> impl Iterator<Item = Line> + '_ {
            let lines = self.0[file].2.hunks.iter().flat_map(|hunk| hunk.lines.iter().copied());
            lines.filter(|line| !matches!(line, Line::Context { .. }))
        }
    }

    /// The moved lines: `file:line>file:line=` for exact, `~` for whitespace, `!` for edited; lines from 1.
    fn show(files: &[(&str, &str)]) -> String {
        let texts = Texts::of(files);
        let moves = texts.find();
        let mut out = Vec::new();
        for file in 0..files.len() {
            for line in texts.changed(file) {
                let Line::Added { new } = line else { continue };
                let Some(from) = moves.came(file, new) else { continue };
                let sign = match from.fidelity {
                    Fidelity::Exact => '=',
                    Fidelity::Whitespace => '~',
                    Fidelity::Edited => '!',
                };
                out.push(format!("{}:{}>{file}:{}{sign}", from.file, from.line + 1, new + 1));
            }
        }
        out.join(" ")
    }

    const FUNCTION: &str = "fn verify(key: &Key) -> bool {\n    let digest = hash(key);\n    digest.matches(key)\n}\n";

    fn indented(text: &str, by: &str) -> String {
        text.lines().map(|line| format!("{by}{line}\n")).collect()
    }

    #[test]
    fn a_block_that_moves_to_another_file_is_marked_line_by_line() {
        let (old, new) = (format!("head\n{FUNCTION}tail\n"), format!("other\nlines\n{FUNCTION}"));
        assert_eq!(show(&[(&old, "head\ntail\n"), ("other\nlines\n", &new)]), "0:2>1:3= 0:3>1:4= 0:4>1:5= 0:5>1:6=");
    }

    #[test]
    fn a_block_that_moves_within_a_file_is_marked() {
        let between = (0..9).map(|n| format!("between {n}\n")).collect::<String>();
        let (old, new) = (format!("{FUNCTION}{between}"), format!("{between}{FUNCTION}"));
        assert_eq!(show(&[(&old, &new)]), "0:1>0:10= 0:2>0:11= 0:3>0:12= 0:4>0:13=");
    }

    #[test]
    fn a_block_that_moves_into_a_deeper_place_is_marked_as_other_whitespace() {
        for by in ["    ", "\t", "\t  "] {
            let moved = format!("mod inner {{\n{}}}\n", indented(FUNCTION, by));
            assert_eq!(show(&[(FUNCTION, ""), ("", &moved)]), "0:1>1:2~ 0:2>1:3~ 0:3>1:4~ 0:4>1:5~");
        }
    }

    #[test]
    fn blocks_too_short_to_be_more_than_chance_do_not_move() {
        let cases = [
            "}\n",
            "        }\n    }\n}\n\n}\n}\n",
            "    return;\n}\n",
            "if err != nil {\n\treturn nil, err\n}\n",
            "} else {\n    return false;\n}\n",
            "import os\nimport re\nimport sys\n",
            "a_single_line_however_long_it_may_be_is_not_a_block_of_lines(at, all);\n",
            "let a = 1;\nlet b = 2;\n",
        ];
        for case in cases {
            assert_eq!(show(&[(case, ""), ("", case)]), "", "{case}");
        }
    }

    #[test]
    fn three_lines_that_say_something_or_two_that_say_much_are_a_block() {
        let cases = [
            "let first = open(path);\nlet second = read(first);\nclose(first);\n",
            "the quick brown fox jumps over\nthe lazy dog and never comes back\n",
            "первая строка\nвторая строка\nтретья строка\n",
        ];
        for case in cases {
            assert_ne!(show(&[(case, ""), ("", case)]), "", "{case}");
        }
    }

    #[test]
    fn characters_that_do_not_show_do_not_make_a_block_long() {
        let hidden = format!("{}\n", "\u{3164}\u{200B}".repeat(30)).repeat(4);
        assert_eq!(show(&[(&hidden, ""), ("", &hidden)]), "");
    }

    #[test]
    fn a_line_edited_in_a_moved_block_is_told_apart() {
        let moved = FUNCTION.replace("hash(key)", "hash(key.id)");
        assert_eq!(show(&[(FUNCTION, ""), ("", &moved)]), "");
        let longer = format!("/// Says whether a key is what it says that it is.\n/// Slow.\n{FUNCTION}");
        let moved = longer.replace("hash(key)", "hash(key.id)");
        assert_eq!(show(&[(&longer, ""), ("", &moved)]), "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4! 0:5>1:5= 0:6>1:6=");
    }

    #[test]
    fn an_edited_line_before_the_last_brace_belongs_to_the_block() {
        let moved = FUNCTION.replace("digest.matches(key)", "digest.matches(key) || true");
        let (old, new) = (format!("// checks the key\n{FUNCTION}"), format!("// checks the key\n{moved}"));
        assert_eq!(show(&[(&old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4! 0:5>1:5=");
    }

    #[test]
    fn what_is_not_alike_is_no_edit_and_ends_the_block() {
        let head = "first line of the block\nsecond line of the block\nthird line of it\n";
        let (old, new) = (format!("{head}check(signature)?;\n}}\n"), format!("{head}return Ok(());\n}}\n"));
        assert_eq!(show(&[(&old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2= 0:3>1:3=");
        let (old, new) =
            (format!("{head}a = 1;\nb = 1;\nc = 1;\nend\n"), format!("{head}a = 2;\nb = 2;\nc = 2;\nend\n"));
        assert_eq!(show(&[(&old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2= 0:3>1:3=", "three in a row are too many");
    }

    #[test]
    fn a_line_slipped_into_a_moved_block_stays_an_addition() {
        let block: String = (0..8).map(|n| format!("step number {n} of the long block\n")).collect();
        let new = block.replace("step number 4", "exfiltrate();\nstep number 4");
        assert_eq!(
            show(&[(&block, ""), ("", &new)]),
            "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4= 0:5>1:6= 0:6>1:7= 0:7>1:8= 0:8>1:9="
        );
    }

    #[test]
    fn a_character_that_does_not_show_makes_another_line() {
        let head = "first line of the block\nsecond line of the block\nthird line of it\n";
        for slipped in
            ["role = \"admin\u{200B}\";", "role\u{A0}= \"admin\";", "role = \"\u{430}dmin\";", "role = \"admin\";\r"]
        {
            let (old, new) = (format!("{head}role = \"admin\";\nend\n"), format!("{head}{slipped}\nend\n"));
            assert_eq!(show(&[(&old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4! 0:5>1:5=", "{slipped:?}");
        }
    }

    #[test]
    fn blanks_between_words_are_an_edit() {
        let old = "cd /srv/builds && ls -la\nrm -rf /tmp/builds/old\necho all is clean again\n";
        let new = old.replace("rm -rf /tmp", "rm -rf / tmp");
        assert_eq!(show(&[(old, ""), ("", &new)]), "0:1>1:1= 0:2>1:2! 0:3>1:3=");
    }

    #[test]
    fn a_line_that_leaves_the_block_above_it_is_an_edit() {
        let old = "def drop(user):\n    audit(user)\n    if user.is_admin:\n        log(user)\n        delete_all()\n";
        let flat = old.replace("        delete_all", "    delete_all");
        let expected = "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4= 0:5>1:5!";
        assert_eq!(show(&[(old, ""), ("", &flat)]), expected);
        let deeper = format!("class A:\n{}", indented(old, "    "));
        assert_eq!(show(&[(old, ""), ("", &deeper)]), "0:1>1:2~ 0:2>1:3~ 0:3>1:4~ 0:4>1:5~ 0:5>1:6~");
        let stayed =
            format!("class A:\n{}", indented(old, "    ").replace("            delete_all", "        delete_all"));
        assert_eq!(show(&[(old, ""), ("", &stayed)]), "0:1>1:2~ 0:2>1:3~ 0:3>1:4~ 0:4>1:5~ 0:5>1:6!");
    }

    #[test]
    fn tabs_for_spaces_are_the_same_nesting() {
        let old = "def drop(user):\n    audit(user)\n    if user.is_admin:\n        delete_everything()\n";
        assert_eq!(show(&[(old, ""), ("", &old.replace("    ", "\t"))]), "0:1>1:1= 0:2>1:2~ 0:3>1:3~ 0:4>1:4~");
    }

    #[test]
    fn a_change_in_place_is_no_move() {
        let wrapped = format!("if checked {{\n{}}}\n", indented(FUNCTION, "    "));
        assert_eq!(show(&[(FUNCTION, &indented(FUNCTION, "    "))]), "");
        assert_eq!(show(&[(FUNCTION, &wrapped)]), "");
        assert_eq!(show(&[(&wrapped, FUNCTION)]), "");
        // Nor is what was re-indented claimed from elsewhere, even by a block that is a line longer.
        assert_eq!(show(&[(FUNCTION, &wrapped), (FUNCTION, "")]), "");
    }

    #[test]
    fn lines_that_change_order_and_indentation_in_one_edit_moved_unless_the_edit_is_long() {
        let rest =
            |count: usize, by: &str| (0..count).map(|n| format!("{by}some other line {n}\n")).collect::<String>();
        let lines = |count| {
            let (old, new) = (FUNCTION.to_owned() + &rest(count, ""), rest(count, "\t") + &indented(FUNCTION, "\t"));
            Texts::of(&[(old, new)]).find().lines()
        };
        assert_eq!(lines(10), 4);
        assert_eq!(lines(MAX_EDIT / 2 - 4), 4);
        assert_eq!(lines(MAX_EDIT / 2), 0);
    }

    #[test]
    fn a_brace_that_another_takes_the_place_of_tears_no_hole_into_a_move() {
        let other = "    fn entirely_different() {\n        nothing.at_all();\n    }\n    }\n";
        let nested = indented(FUNCTION, "  ");
        assert_eq!(
            show(&[(&format!("{nested}  }}\n"), other), ("", &format!("{nested}  }}\n"))]),
            "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4= 0:5>1:5="
        );
    }

    #[test]
    fn a_copy_is_one_move_and_the_rest_additions_and_the_nearest_file_gets_it() {
        let files = [("", FUNCTION), ("", ""), ("", FUNCTION), (FUNCTION, ""), ("", ""), ("", FUNCTION)];
        assert_eq!(show(&files), "3:1>2:1= 3:2>2:2= 3:3>2:3= 3:4>2:4=");
    }

    #[test]
    fn longer_blocks_win_and_what_is_left_of_the_others_competes_again() {
        let lines: Vec<String> = (0..10).map(|n| format!("line number {n} of the block\n")).collect();
        let (all, first, last) = (lines.concat(), lines[..7].concat(), lines[4..].concat());
        let found = show(&[(&all, ""), ("", &first), ("", &last)]);
        assert_eq!(found, "0:1>1:1= 0:2>1:2= 0:3>1:3= 0:4>1:4= 0:5>1:5= 0:6>1:6= 0:7>1:7= 0:8>2:4= 0:9>2:5= 0:10>2:6=");
    }

    #[test]
    fn of_two_blocks_the_one_with_the_same_bytes_is_taken() {
        let files = [("", FUNCTION), (&*indented(FUNCTION, " "), ""), ("", ""), (FUNCTION, "")];
        assert_eq!(show(&files), "3:1>0:1= 3:2>0:2= 3:3>0:3= 3:4>0:4=");
    }

    #[test]
    fn a_file_without_text_keeps_its_index() {
        let comparison = (compare(FUNCTION.as_bytes(), b""), compare(b"", FUNCTION.as_bytes()));
        let old = Compared { comparison: &comparison.0, old: FUNCTION.as_bytes(), new: b"" };
        let new = Compared { comparison: &comparison.1, old: b"", new: FUNCTION.as_bytes() };
        let moves = find(&[None, Some(old), None, Some(new)]);
        assert_eq!(moves.came(3, 1), Some(Move { file: 1, line: 1, fidelity: Fidelity::Exact }));
        assert_eq!(moves.went(1, 3), Some(Move { file: 3, line: 3, fidelity: Fidelity::Exact }));
        assert_eq!((moves.came(3, 4), moves.came(0, 0), moves.went(usize::MAX, u32::MAX)), (None, None, None));
        assert_eq!(moves.lines(), 4);
        assert!(find(&[]).is_empty() && find(&[None]).is_empty());
    }

    #[test]
    fn lines_that_occur_very_often_start_no_block_but_belong_to_one() {
        let often = "a line that is everywhere in the text\n".repeat(40);
        assert_eq!(show(&[(&often, ""), ("", &often)]), "");
        let with_anchor = format!("{often}a line that is there once\n{often}");
        assert_eq!(Texts::of(&[(&*with_anchor, ""), ("", &with_anchor)]).find().lines(), 81);
    }

    #[test]
    fn texts_made_to_be_slow_are_not() {
        let pattern = |kinds: usize, count: usize| -> String {
            (0..count).map(|n| format!("line of kind {} in a pattern\n", n * n % kinds)).collect()
        };
        for (kinds, count) in [(1, 40_000), (2, 40_000), (251, 4_000), (4099, 40_000), (40_000, 40_000)] {
            let text = pattern(kinds, count);
            let moves = Texts::of(&[(&*text, ""), ("", &text)]).find();
            assert!(moves.lines() <= count);
        }
    }

    /// Lines from a small set, so that moves are common; with all that may differ between two that are nearly the same.
    fn text() -> impl Strategy<Value = String> {
        let words = prop::sample::select(vec![
            "let first_value = open(the_path);",
            "let first_value = open(the_path, mode);",
            "let second = read(first_value)?;",
            "let second =read(first_value)?;",
            "check_the_signature(second, key);",
            "check_the_signature(second, key\u{200B});",
            "return second_of_all;",
            "}",
            "",
        ]);
        let line = (prop::sample::select(vec!["", "  ", "    ", "\t"]), words);
        prop::collection::vec(line, 0..40)
            .prop_map(|lines| lines.into_iter().map(|(indent, word)| format!("{indent}{word}\n")).collect())
    }

    /// A change whose files have blocks of one another.
    fn files() -> impl Strategy<Value = Vec<(String, String)>> {
        let block = prop::collection::vec(text(), 3).prop_flat_map(|blocks| {
            let any = || prop::collection::vec(0..3usize, 0..3);
            let file = (any(), any(), text()).prop_map(move |(old, new, own)| {
                let join = |picked: Vec<usize>| picked.into_iter().map(|at| blocks[at].as_str()).collect::<String>();
                (join(old), own + &join(new))
            });
            prop::collection::vec(file, 1..4)
        });
        block.boxed()
    }

    fn check(texts: &Texts) {
        let moves = texts.find();
        let (mut here, mut there) = (0, HashSet::new());
        for file in 0..texts.0.len() {
            for line in texts.changed(file) {
                match line {
                    Line::Added { new } => {
                        let Some(from) = moves.came(file, new) else { continue };
                        here += 1;
                        assert!(there.insert((from.file, from.line)), "a removed line is in two moves");
                        let back = moves.went(from.file as usize, from.line);
                        assert_eq!(back, Some(Move { file: file as u32, line: new, fidelity: from.fidelity }));
                        let (old, new) = (texts.old_line(from.file, from.line), texts.new_line(file as u32, new));
                        match from.fidelity {
                            Fidelity::Exact => assert_eq!(old, new),
                            Fidelity::Whitespace => assert!(old != new && trim(old) == trim(new)),
                            Fidelity::Edited => assert!(alike(old, new) || Blankless(old) == Blankless(new)),
                        }
                    }
                    Line::Removed { old } => {
                        let Some(to) = moves.went(file, old) else { continue };
                        let back = moves.came(to.file as usize, to.line);
                        assert_eq!(back.map(|from| (from.file, from.line)), Some((file as u32, old)));
                    }
                    Line::Context { .. } => {}
                }
            }
        }
        assert_eq!(moves.lines(), here);
        assert_eq!(moves, texts.find(), "the same again");
    }

    proptest! {
        #[test]
        fn each_line_is_in_one_move_and_both_ends_agree(files in files()) {
            check(&Texts::of(&files));
        }

        #[test]
        fn no_bytes_break_it(files in prop::collection::vec((any::<Vec<u8>>(), any::<Vec<u8>>()), 0..4)) {
            check(&Texts::of(&files));
        }

        #[test]
        fn texts_that_are_not_those_compared_break_nothing(text in text(), other in text(), bytes: Vec<u8>) {
            let comparisons = [compare(text.as_bytes(), other.as_bytes()), compare(other.as_bytes(), text.as_bytes())];
            let files: Vec<_> =
                comparisons.iter().map(|comparison| Some(Compared { comparison, old: &bytes, new: &bytes })).collect();
            find(&files);
        }

        #[test]
        fn every_line_of_a_renamed_file_moved(
            words in prop::collection::hash_set("[a-z]{12}", 3..30), at in 0..3usize,
        ) {
            let text: String = words.into_iter().map(|word| format!("{word}\n}}\n")).collect();
            let mut files = vec![(String::new(), String::new()); 4];
            files[at].0 = text.clone();
            files[3].1 = text.clone();
            let moves = Texts::of(&files).find();
            prop_assert_eq!(moves.lines(), text.lines().count());
            for line in 0..text.lines().count() as u32 {
                prop_assert_eq!(moves.came(3, line), Some(Move { file: at as u32, line, fidelity: Fidelity::Exact }));
            }
        }

        #[test]
        fn hashes_do_not_depend_on_where_blanks_are(
            bytes: Vec<u8>, at in prop::collection::vec(any::<prop::sample::Index>(), 0..9),
        ) {
            let mut spread = bytes.clone();
            at.iter().for_each(|at| spread.insert(at.index(spread.len() + 1), b' '));
            let keys = std::hash::RandomState::new();
            let hash = |bytes: &[u8]| std::hash::BuildHasher::hash_one(&keys, Blankless(bytes));
            prop_assert!(Blankless(&bytes) == Blankless(&spread));
            prop_assert_eq!(hash(&bytes), hash(&spread));
        }
    }
}
