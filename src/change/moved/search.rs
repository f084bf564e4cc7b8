//! Finds which of the blocks that occur on both sides are moves.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use super::lines::{Changed, ChangedLine, Classes, IN_PLACE, NONE, Tape, without_blanks};
use super::nesting::{Nesting, alike};
use super::{MAX_EDIT, MAX_EDITED, Run, TELLING_CHARACTERS, TELLING_CHARACTERS_OF_TWO, TELLING_LINES};

/// The moves among these files.
pub(super) fn runs(tapes: &[Tape]) -> Vec<Run> {
    let mut lines = Changed::gather(tapes);
    if lines.removed.is_empty() || lines.added.is_empty() {
        return Vec::new();
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
    search.runs()
}

/// A removed and an added line, by position.
type Pair = (usize, usize);

/// Consecutive removed lines that equal consecutive added lines. The greatest is taken first.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    len: u32,
    in_place: bool,
    /// The number of lines that are equal byte for byte.
    exact: u32,
    /// The distance in files.
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
    /// By added line, plus one final entry: letters and digits before it, and lines that have any.
    telling: Vec<(u64, u32)>,
    /// By added line: the removed line of the same edit with which a comparison without blanks pairs it.
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

    /// Compares each edit with itself, blanks aside: lines that this pairs did not move.
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

    /// All maximal blocks that qualify.
    ///
    /// At most [`MAX_OCCURRENCES`] blocks contain a given anchor and twice as many any other line, which keeps the
    /// whole search linear.
    fn candidates(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for (new, line) in self.added.iter().enumerate() {
            let pairs = self.classes.anchors(line.class).iter().map(|&old| (old as usize, new));
            let maximal = pairs.filter(|&pair| self.may_move(pair)).filter_map(|pair| self.maximal(pair));
            blocks.extend(maximal.filter(|block| self.counts(block)));
        }
        blocks
    }

    /// Takes blocks that changed in place, as a comparison takes equal lines. Returns those too short for that: they
    /// compete with the moves, since otherwise the `}` of a function that another one replaced could tear a hole into a
    /// move.
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

    /// The block around a pair; none if it contains an earlier anchor, from which it was already found.
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
        let apart = Reverse(self.removed[old].position.0.abs_diff(self.added[new].position.0));
        Block { len, in_place, exact, apart, added: Reverse(new as u32), removed: Reverse(old as u32) }
    }

    /// Whether the lines of a pair are equal, blanks aside, not in place, and not yet in a block.
    fn may_move(&self, (old, new): Pair) -> bool {
        let is_same = self.removed[old].class == self.added[new].class;
        is_same && self.is_free((old, new)) && !self.is_in_place((old, new))
    }

    fn is_in_place(&self, (old, new): Pair) -> bool {
        let edit = self.removed[old].edit;
        edit == self.added[new].edit && (self.in_place[new] == old as u32 || is_long(&self.edits[edit as usize]))
    }

    /// Whether a block is too long to be chance.
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

    /// Takes the longest block repeatedly; returns the first and the last pair of each that is a move. If a block has
    /// lost lines to a longer one, the rest competes again.
    ///
    /// Linear too: a block is examined again only after one that is no shorter has taken lines at one of its ends. For
    /// that to happen twice at an end of one side, the other side must have lost lines there in between, enough for the
    /// other block to fit; so the rest shrinks by a constant factor every few examinations.
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

    /// Extends a block beyond one of its ends, across edited lines. Done after all blocks are chosen, so that an edited
    /// line is never taken from a block in which it is equal.
    fn extend(&mut self, end: Pair, step: isize) {
        let mut end = Some(end);
        while let Some(pair) = end {
            end = (0..=MAX_EDITED).find_map(|edited| self.bridge(pair, step, edited)).flatten();
        }
    }

    /// Skips this many edited lines to reach an equal line. `None`: there is none; `Some(None)`: there is one, in a
    /// block that is already chosen and is extended by itself.
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

    /// The chosen moves, by new position.
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

    /// Splits a block into runs of the same fidelity.
    fn push_runs(&self, pairs: &[Pair], runs: &mut Vec<Run>) {
        let lines: Vec<_> = pairs.iter().map(|&(old, new)| (self.removed[old].bytes, self.added[new].bytes)).collect();
        let nesting = Nesting::of(&lines);
        let mut before = None;
        for (&(old, new), &(removed, added)) in pairs.iter().zip(&lines) {
            let fidelity = nesting.fidelity(removed, added);
            match runs.last_mut() {
                Some(run) if before == Some(fidelity) => run.len += 1,
                _ => {
                    runs.push(Run { old: self.removed[old].position, new: self.added[new].position, len: 1, fidelity })
                }
            }
            before = Some(fidelity);
        }
    }
}

fn is_long((removed, added): &(Range<usize>, Range<usize>)) -> bool {
    removed.len() + added.len() > MAX_EDIT
}

/// Pairs the lines of two texts that have the same class, in order, as a diff does.
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
