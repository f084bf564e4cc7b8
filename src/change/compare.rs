//! Two texts → hunks of lines; two lines → spans of words. Lines are indices into the texts, never copies of them.

use std::collections::HashMap;
use std::ops::Range;

use similar::{DiffTag, TextDiff};

use super::anchors::{Changes, changes};
use super::lines::Lines;

/// Lines of context around a change.
pub const CONTEXT: u32 = 3;

/// One line of a hunk. Numbers are 0-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A line that both sides have, by its number on each.
    Context {
        /// Its number in the old text.
        old: u32,
        /// Its number in the new text.
        new: u32,
    },
    /// A line that only the old side has.
    Removed {
        /// Its number in the old text.
        old: u32,
    },
    /// A line that only the new side has.
    Added {
        /// Its number in the new text.
        new: u32,
    },
}

/// A run of changes with its context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Lines of the old text that it covers, 0-based, context included.
    pub old: Range<u32>,
    /// Lines of the new text that it covers, likewise.
    pub new: Range<u32>,
    /// In the order in which they are drawn: removed lines of a change before added ones.
    pub lines: Vec<Line>,
}

/// The most lines compared to find other occurrences of what a hunk replaces; beyond that, nothing counts as occurring
/// only once.
const MAX_COMPARED: usize = 2_000_000;

/// The old and the new text of one path, compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Where the lines of the old text begin.
    pub old: Lines,
    /// Where the lines of the new text begin.
    pub new: Lines,
    /// In the order of the text; they do not overlap.
    pub hunks: Vec<Hunk>,
    /// Added lines in all hunks.
    pub added: u32,
    /// Removed lines in all hunks.
    pub removed: u32,
    /// Part of it was not compared line by line: too large, without unique lines.
    pub coarse: bool,
}

/// Compares two texts by lines (histogram, as `git diff --histogram`), with [`CONTEXT`] lines around each change.
pub fn compare(old: &[u8], new: &[u8]) -> Comparison {
    let (old_lines, new_lines) = (Lines::of(old), Lines::of(new));
    let Changes { runs: changes, coarse } = changes(old, new);
    let added = changes.iter().map(|(_, new)| new.end - new.start).sum();
    let removed = changes.iter().map(|(old, _)| old.end - old.start).sum();
    let hunks = gather(&changes, old_lines.count());
    Comparison { old: old_lines, new: new_lines, hunks, added, removed, coarse }
}

/// Joins changes whose contexts touch.
fn gather(changes: &[(Range<u32>, Range<u32>)], old_count: u32) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    for (index, (old, new)) in changes.iter().enumerate() {
        let next = changes.get(index + 1).map(|(next, _)| next.start - old.end).filter(|&gap| gap <= 2 * CONTEXT);
        let after = next.unwrap_or(CONTEXT.min(old_count - old.end));
        match hunks.last_mut() {
            Some(hunk) if hunk.old.end >= old.start => hunk.push(old, new, after),
            last => {
                let floor = last.map_or(0, |hunk| hunk.old.end);
                let before = CONTEXT.min(old.start - floor);
                let mut hunk =
                    Hunk { old: old.start - before..old.start, new: new.start - before..new.start, lines: Vec::new() };
                (0..before)
                    .for_each(|i| hunk.lines.push(Line::Context { old: hunk.old.start + i, new: hunk.new.start + i }));
                hunk.push(old, new, after);
                hunks.push(hunk);
            }
        }
    }
    hunks
}

/// Where lines of a text (0-based) are in another: at their places by the comparison, possibly with others between them
/// now. Else, if each text has them once, a few lines further up or down. None if they are gone, or if it is unclear
/// which of several equal lines are.
pub fn lines_after(old: &[u8], new: &[u8], lines: Range<u32>) -> Option<Range<u32>> {
    let texts = [(Lines::of(old), old), (Lines::of(new), new)];
    if lines.is_empty() || lines.end > texts[0].0.count() {
        return None;
    }
    let runs = if old == new { Vec::new() } else { changes(old, new).runs };
    let touched: Vec<_> = runs.iter().filter(|(old, new)| overlaps(&may_go(&texts[0], old, new), &lines)).collect();
    if let [(old, new)] = touched[..] {
        return moved_a_little(&texts, lines, old, new);
    }
    let after = |line: u32| {
        let before = runs.iter().take_while(|(old, _)| old.end <= line).last();
        before.map_or(line, |(old, new)| line - old.end + new.end)
    };
    touched.is_empty().then(|| after(lines.start)..after(lines.end - 1) + 1)
}

fn overlaps(one: &Range<u32>, other: &Range<u32>) -> bool {
    one.start.max(other.start) < one.end.min(other.end)
}

/// The lines of a text of which a run of them may be the one that is gone: a removed run among equal lines could as
/// well be one further up or down.
fn may_go((lines, text): &(Lines, &[u8]), old: &Range<u32>, new: &Range<u32>) -> Range<u32> {
    let (mut first, mut last) = (old.clone(), old.clone());
    if old.is_empty() || !new.is_empty() {
        return old.clone();
    }
    while first.start > 0 && lines.get(text, first.start - 1) == lines.get(text, first.end - 1) {
        (first.start, first.end) = (first.start - 1, first.end - 1);
    }
    while last.end < lines.count() && lines.get(text, last.end) == lines.get(text, last.start) {
        (last.start, last.end) = (last.start + 1, last.end + 1);
    }
    first.start..last.end
}

/// The place of lines that both texts have once, near those that replace them: two lines that changed places.
fn moved_a_little(
    texts: &[(Lines, &[u8]); 2],
    lines: Range<u32>,
    old: &Range<u32>,
    new: &Range<u32>,
) -> Option<Range<u32>> {
    let [(old_lines, old_text), (new_lines, new_text)] = texts;
    let own = old_lines.slice(old_text, lines.clone());
    let places = |all: &Lines, text: &[u8]| {
        let count = lines.len() as u32;
        let ends = (count..=all.count()).filter(|end| all.slice(text, end - count..*end) == own).take(2);
        ends.map(|end| end - count..end).collect::<Vec<_>>()
    };
    let is_word = own.iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    let [there] = &places(new_lines, new_text)[..] else { return None };
    let (from, to) = (new.start.saturating_sub(2 * CONTEXT), new.end.saturating_add(2 * CONTEXT));
    let is_near = there.start >= from && there.end <= to && old.len() <= WIDE && new.len() <= WIDE;
    (is_word && is_near && places(old_lines, old_text).len() == 1).then(|| there.clone())
}

/// Of a longer run that was replaced, nothing is near.
const WIDE: usize = 40;

impl Comparison {
    /// The runs of lines of the old text that are edited, 0-based, without context, in order. A run is empty where
    /// lines are only added.
    pub fn edited(&self) -> Vec<Range<u32>> {
        let mut runs: Vec<Range<u32>> = Vec::new();
        for hunk in &self.hunks {
            let mut next = hunk.old.start;
            let mut is_open = false;
            for line in &hunk.lines {
                let end = match *line {
                    Line::Context { old, .. } => {
                        (next, is_open) = (old + 1, false);
                        continue;
                    }
                    Line::Removed { old } => old + 1,
                    Line::Added { .. } => next,
                };
                match runs.last_mut().filter(|_| is_open) {
                    Some(run) => run.end = end,
                    None => runs.push(next..end),
                }
                (next, is_open) = (end, true);
            }
        }
        runs
    }

    /// By hunk: whether what it replaces, with the lines around it, occurs only once in the old text. In a list of
    /// similar blocks it is unclear which of them is meant once the text around them has changed.
    pub fn stand_once(&self, old: &[u8]) -> Vec<bool> {
        let mut starts: HashMap<&[u8], Vec<u32>> = HashMap::new();
        let hunks = self.hunks.iter().filter(|hunk| !hunk.old.is_empty());
        hunks.for_each(|hunk| _ = starts.entry(self.old.get(old, hunk.old.start)).or_default());
        for line in 0..self.old.count() {
            if let Some(own) = starts.get_mut(self.old.get(old, line)) {
                own.push(line);
            }
        }
        let mut left = MAX_COMPARED;
        let mut count = |hunk: &Hunk| {
            let is_same = |start: &&u32| {
                let pairs = hunk.old.clone().zip(**start..self.old.count());
                let same = pairs.take_while(|(a, b)| self.old.get(old, *a) == self.old.get(old, *b)).count();
                left = left.saturating_sub(same + 1);
                same == hunk.old.len()
            };
            let starts = starts.get(self.old.get(old, hunk.old.start)).map(Vec::as_slice).unwrap_or_default();
            let count = starts.iter().filter(is_same).count();
            if left == 0 { 0 } else { count }
        };
        self.hunks.iter().map(|hunk| !hunk.old.is_empty() && count(hunk) == 1).collect()
    }
}

impl Hunk {
    /// Adds a change and the lines of context after it.
    fn push(&mut self, old: &Range<u32>, new: &Range<u32>, after: u32) {
        self.lines.extend(old.clone().map(|old| Line::Removed { old }));
        self.lines.extend(new.clone().map(|new| Line::Added { new }));
        self.lines.extend((0..after).map(|i| Line::Context { old: old.end + i, new: new.end + i }));
        self.old.end = old.end + after;
        self.new.end = new.end + after;
    }
}

/// Byte ranges in which a removed and an added line differ. Empty if the lines have too little in common for the
/// emphasis to help (under 40 %), or are longer than [`MAX_WORD_DIFF_BYTES`].
pub fn word_spans(old: &str, new: &str) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    if old.len() > MAX_WORD_DIFF_BYTES || new.len() > MAX_WORD_DIFF_BYTES {
        return Default::default();
    }
    let diff = TextDiff::from_unicode_words(old, new);
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let (mut old_at, mut new_at, mut equal) = (0, 0, 0);
    for op in diff.ops() {
        let old_len: usize = op.old_range().filter_map(|at| diff.old_slice(at)).map(str::len).sum();
        let new_len: usize = op.new_range().filter_map(|at| diff.new_slice(at)).map(str::len).sum();
        if op.tag() == DiffTag::Equal {
            equal += old[old_at..old_at + old_len].trim().len();
        } else {
            push_span(&mut removed, old_at..old_at + old_len);
            push_span(&mut added, new_at..new_at + new_len);
        }
        (old_at, new_at) = (old_at + old_len, new_at + new_len);
    }
    let longer = old.trim().len().max(new.trim().len());
    if equal * 10 < longer * 4 { Default::default() } else { (removed, added) }
}

/// Longer lines get no word emphasis.
pub const MAX_WORD_DIFF_BYTES: usize = 2000;

fn push_span(spans: &mut Vec<Range<usize>>, span: Range<usize>) {
    match spans.last_mut() {
        _ if span.is_empty() => {}
        Some(last) if last.end == span.start => last.end = span.end,
        _ => spans.push(span),
    }
}

/// A run of removed lines and the run of added lines that replaces it: positions in the lines of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The run of removed lines; empty if lines are only added.
    pub removed: Range<usize>,
    /// The run of added lines; empty if lines are only removed.
    pub added: Range<usize>,
}

/// Blocks that would need more pair comparisons than this are not aligned.
const MAX_TRIED: usize = 1024;

impl Hunk {
    /// The first block at or after a line.
    fn block_from(&self, start: usize) -> Option<Block> {
        let run = |from: usize, of: fn(&Line) -> bool| {
            from + self.lines[from..].iter().position(|line| !of(line)).unwrap_or(self.lines.len() - from)
        };
        let start = run(start.min(self.lines.len()), |line| matches!(line, Line::Context { .. }));
        let middle = run(start, |line| matches!(line, Line::Removed { .. }));
        let end = run(middle, |line| matches!(line, Line::Added { .. }));
        (start < end).then_some(Block { removed: start..middle, added: middle..end })
    }

    /// The blocks of the hunk, in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block> + '_ {
        let mut next = 0;
        std::iter::from_fn(move || {
            let block = self.block_from(next)?;
            next = block.added.end;
            Some(block)
        })
    }

    /// The block that contains a line of the hunk; none for context. Costs the length of the block.
    pub fn block_at(&self, index: usize) -> Option<Block> {
        let is_context = |line: &Line| matches!(line, Line::Context { .. });
        let line = self.lines.get(index).filter(|line| !is_context(line))?;
        let before = |of: fn(&Line) -> bool, from: usize| {
            self.lines[..from].iter().rposition(|line| !of(line)).map_or(0, |at| at + 1)
        };
        let start = match line {
            Line::Added { .. } => before(|line| matches!(line, Line::Added { .. }), index),
            _ => index,
        };
        self.block_from(before(|line| matches!(line, Line::Removed { .. }), start))
    }
}

impl Block {
    /// Which removed line became which added one: one by one if there are equally many, else those that are similar, in
    /// order. The pairs never cross.
    pub fn pairs(&self, alike: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
        if self.removed.len() == self.added.len() {
            return self.removed.clone().zip(self.added.clone()).collect();
        }
        if self.removed.len().saturating_mul(self.added.len()) > MAX_TRIED {
            return Vec::new();
        }
        let mut next = self.added.start;
        let pair = |removed: usize| {
            let added = (next..self.added.end).find(|&added| alike(removed, added))?;
            next = added + 1;
            Some((removed, added))
        };
        self.removed.clone().filter_map(pair).collect()
    }
}

/// Whether the common beginning and end of two lines make it likely that one became the other: at least half of the
/// longer.
pub fn are_alike(old: &[u8], new: &[u8]) -> bool {
    let (old, new) = (old.trim_ascii(), new.trim_ascii());
    let shorter = old.len().min(new.len());
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take(shorter - head).take_while(|(a, b)| a == b).count();
    let longer = old.len().max(new.len());
    longer > 0 && (head + tail) * 2 >= longer
}

/// Whether two runs of lines are equal, line by line, except for whitespace (spaces, tabs, carriage returns) and empty
/// lines.
pub fn differ_in_blanks<'t>(old: impl Iterator<Item = &'t [u8]>, new: impl Iterator<Item = &'t [u8]>) -> bool {
    let inked = |line: &'t [u8]| line.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    let is_inked = move |line: &&'t [u8]| inked(line).next().is_some();
    let (mut old, mut new) = (old.filter(is_inked), new.filter(is_inked));
    loop {
        match (old.next(), new.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if inked(a).eq(inked(b)) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn show(old: &str, new: &str) -> String {
        let c = compare(old.as_bytes(), new.as_bytes());
        let mut out = String::new();
        for hunk in &c.hunks {
            out.push_str(&format!("@ {:?} {:?}\n", hunk.old, hunk.new));
            for line in &hunk.lines {
                let (sign, text) = match *line {
                    Line::Context { old: line, .. } => (' ', c.old.get(old.as_bytes(), line)),
                    Line::Removed { old: line } => ('-', c.old.get(old.as_bytes(), line)),
                    Line::Added { new: line } => ('+', c.new.get(new.as_bytes(), line)),
                };
                out.push_str(&format!("{sign}{}\n", String::from_utf8_lossy(text)));
            }
        }
        out
    }

    #[test]
    fn lines_are_followed_by_the_comparison_and_not_where_it_is_unclear_which_are_gone() {
        let after = |old: &str, new: &str, lines| lines_after(old.as_bytes(), new.as_bytes(), lines);
        let five = "a\nb\nc\nd\ne\n";
        assert_eq!(after(five, five, 2..3), Some(2..3));
        assert_eq!(after(five, "x\na\nb\nc\nd\ne\n", 2..3), Some(3..4));
        assert_eq!(after(five, "a\nb\nc\ny\nd\ne\n", 2..4), Some(2..5), "one between them");
        assert_eq!(after(five, "a\nb\nC\nd\ne\n", 2..3), None);
        assert_eq!(after(five, "a\nb\nd\nc\ne\n", 2..3), Some(3..4), "the two changed places");
        assert_eq!(after("x\ny\nx\ny\n", "x\ny\n", 0..1), None, "either may be gone");
        assert_eq!(after("x\ny\nx\ny\n", "x\ny\nx\ny\nx\ny\n", 0..1), Some(0..1));
        assert_eq!(after(five, five, 4..6), None, "there are no such lines");
        let far = format!("{}c\n", numbered(40));
        assert_eq!(after(&format!("c\n{}", numbered(40)), &far, 0..1), None, "what is far away may be another");
    }

    fn numbered(count: usize) -> String {
        (0..count).map(|n| format!("line {n}\n")).collect()
    }

    #[test]
    fn a_change_stands_in_three_lines_of_context() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(show(old, &old.replace('5', "five")), "@ 1..8 1..8\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "runs are ranges")]
    fn edited_lines_are_those_of_the_old_text_and_what_is_only_added_is_between_two() {
        let edited = |old: &str, new: &str| compare(old.as_bytes(), new.as_bytes()).edited();
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(edited(old, &old.replace("3\n4", "three\nmore\nfour")), vec![2..4]);
        assert_eq!(edited(old, &old.replace("3\n", "3\nmore\n").replace("6\n", "")), vec![3..3, 5..6]);
        assert_eq!(edited("", "a\nb\n"), vec![0..0]);
        assert_eq!(edited("a\nb\n", ""), vec![0..2]);
        assert_eq!(edited(old, old), vec![]);
    }

    #[test]
    fn a_new_and_an_emptied_text_are_one_hunk() {
        assert_eq!(show("", "a\nb"), "@ 0..0 0..2\n+a\n+b\n");
        assert_eq!(show("a\n", ""), "@ 0..1 0..0\n-a\n");
        assert_eq!(show("", ""), "");
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "spans are ranges")]
    fn words_that_changed_are_marked() {
        let (removed, added) = word_spans("let retries = 5;", "let retries = 50;");
        assert_eq!((removed, added), (vec![14..15], vec![14..16]));
        assert_eq!(word_spans("alpha beta", "completely other text"), (vec![], vec![]));
    }

    proptest! {
        #[test]
        fn hunks_hold_every_changed_line_once_and_rebuild_the_new_text(old in "[ab\n]{0,60}", new in "[ab\n]{0,60}") {
            let c = compare(old.as_bytes(), new.as_bytes());
            let (mut rebuilt, mut at) = (Vec::new(), 0);
            let mut take = |text: &str, lines: &Lines, line: u32| {
                let bytes = lines.get(text.as_bytes(), line).to_vec();
                rebuilt.push(bytes);
            };
            for hunk in &c.hunks {
                (at..hunk.old.start).for_each(|line| take(&old, &c.old, line));
                for line in &hunk.lines {
                    match *line {
                        Line::Context { old: line, .. } => take(&old, &c.old, line),
                        Line::Added { new: line } => take(&new, &c.new, line),
                        Line::Removed { .. } => {}
                    }
                }
                at = hunk.old.end;
            }
            (at..c.old.count()).for_each(|line| take(&old, &c.old, line));
            let expected: Vec<Vec<u8>> = (0..c.new.count()).map(|l| c.new.get(new.as_bytes(), l).to_vec()).collect();
            prop_assert_eq!(rebuilt, expected);
        }
    }

    #[test]
    fn lines_of_a_block_are_paired_first_with_first_or_by_what_they_share() {
        let pairs = |old: &str, new: &str| {
            let c = compare(old.as_bytes(), new.as_bytes());
            let hunk = &c.hunks[0];
            let text = |at: usize| match hunk.lines[at] {
                Line::Removed { old: line } => c.old.get(old.as_bytes(), line),
                Line::Added { new: line } | Line::Context { new: line, .. } => c.new.get(new.as_bytes(), line),
            };
            hunk.blocks().flat_map(|block| block.pairs(|a, b| are_alike(text(a), text(b)))).collect::<Vec<_>>()
        };
        assert_eq!(pairs("a = 1\nb = 2\n", "a = 3\nb = 4\n"), [(0, 2), (1, 3)]);
        assert_eq!(pairs("let total = 1;\n", "// why\nlet total = 2;\n"), [(0, 2)]);
        assert_eq!(pairs("one\n", "quite\nother\n"), []);
    }

    #[test]
    fn blanks_alone_are_told_from_what_can_be_read() {
        let differ = |old: &str, new: &str| {
            differ_in_blanks(old.split('\n').map(str::as_bytes), new.split('\n').map(str::as_bytes))
        };
        assert!(differ("if a:\n  b", "if a:\r\n\n\tb"));
        assert!(!differ("a\nb", "ab"));
        assert!(!differ("a", "a\u{200b}"));
    }

    proptest! {
        #[test]
        fn blocks_hold_every_changed_line_once(old in "[a-d\n]{0,60}", new in "[a-d\n]{0,60}") {
            for hunk in compare(old.as_bytes(), new.as_bytes()).hunks {
                let blocks: Vec<_> = hunk.blocks().collect();
                let held: Vec<usize> = blocks.iter().flat_map(|b| b.removed.clone().chain(b.added.clone())).collect();
                let changed = |at: &usize| !matches!(hunk.lines[*at], Line::Context { .. });
                prop_assert_eq!(&held, &(0..hunk.lines.len()).filter(changed).collect::<Vec<_>>());
                for at in held {
                    prop_assert!(blocks.contains(&hunk.block_at(at).unwrap()));
                }
                for block in &blocks {
                    let pairs = block.pairs(|_, _| true);
                    prop_assert!(pairs.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1));
                }
            }
        }
    }
}
