//! Two texts → hunks of lines; two lines → spans of words. Lines are numbers into the texts, never copies of them.

use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};
use similar::{DiffTag, TextDiff};

/// Lines of context around what changed.
pub const CONTEXT: u32 = 3;

/// Where the lines of a text begin. A line ends with LF; the last may lack it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    starts: Vec<u32>,
    len: u32,
    ends_with_newline: bool,
}

impl Lines {
    /// Texts of 4 GiB and more are cut off; callers refuse them long before ([`super::diff::MAX_TEXT_BYTES`]).
    pub fn of(text: &[u8]) -> Lines {
        let text = &text[..text.len().min(u32::MAX as usize)];
        let mut starts = Vec::with_capacity(text.len() / 32 + 1);
        if !text.is_empty() {
            starts.push(0);
        }
        let after = text.iter().enumerate().filter(|&(_, &b)| b == b'\n').map(|(at, _)| at as u32 + 1);
        starts.extend(after.filter(|&at| (at as usize) < text.len()));
        Lines { starts, len: text.len() as u32, ends_with_newline: text.last() == Some(&b'\n') }
    }

    pub fn count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// The bytes of a line (0-based) without its LF; empty where there is no such line.
    pub fn get<'t>(&self, text: &'t [u8], line: u32) -> &'t [u8] {
        let Some(&start) = self.starts.get(line as usize) else { return &[] };
        let end = self.starts.get(line as usize + 1).map_or(self.len, |&next| next);
        let bytes = text.get(start as usize..end as usize).unwrap_or_default();
        bytes.strip_suffix(b"\n").unwrap_or(bytes)
    }

    /// Whether the text does not end with a line feed though it has lines.
    pub fn lacks_final_newline(&self) -> bool {
        !self.starts.is_empty() && !self.ends_with_newline
    }
}

/// One line of a hunk. Numbers are 0-based.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Context { old: u32, new: u32 },
    Removed { old: u32 },
    Added { new: u32 },
}

/// A run of changes with its context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Lines of the old text that it covers, 0-based, context included.
    pub old: Range<u32>,
    pub new: Range<u32>,
    pub lines: Vec<Line>,
}

/// The old and the new text of one path, compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    pub old: Lines,
    pub new: Lines,
    pub hunks: Vec<Hunk>,
    pub added: u32,
    pub removed: u32,
}

/// Compares two texts by lines (histogram, as `git diff --histogram`), with [`CONTEXT`] lines around each change.
pub fn compare(old: &[u8], new: &[u8]) -> Comparison {
    let (old_lines, new_lines) = (Lines::of(old), Lines::of(new));
    let input = InternedInput::new(imara_diff::sources::byte_lines(old), imara_diff::sources::byte_lines(new));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let changes: Vec<_> = diff.hunks().map(|h| (h.before, h.after)).collect();
    let added = changes.iter().map(|(_, new)| new.end - new.start).sum();
    let removed = changes.iter().map(|(old, _)| old.end - old.start).sum();
    let hunks = gather(&changes, old_lines.count());
    Comparison { old: old_lines, new: new_lines, hunks, added, removed }
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

/// Byte ranges of a removed and of an added line that differ. Empty where the lines have too little in common for the
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

/// Pairs the removed with the added lines of each change block, first with first, for word emphasis.
/// Gives for a line of the hunk the index of its partner.
pub fn partner(hunk: &Hunk, index: usize) -> Option<usize> {
    let is_removed = |l: &Line| matches!(l, Line::Removed { .. });
    let is_added = |l: &Line| matches!(l, Line::Added { .. });
    let lines = &hunk.lines;
    let (start, removed, added) = match lines.get(index)? {
        Line::Context { .. } => return None,
        Line::Removed { .. } => {
            let start = lines[..index].iter().rposition(|l| !is_removed(l)).map_or(0, |at| at + 1);
            block(lines, start, is_removed, is_added)
        }
        Line::Added { .. } => {
            let first_added = lines[..index].iter().rposition(|l| !is_added(l)).map_or(0, |at| at + 1);
            let start = lines[..first_added].iter().rposition(|l| !is_removed(l)).map_or(0, |at| at + 1);
            block(lines, start, is_removed, is_added)
        }
    };
    if removed != added {
        return None;
    }
    Some(if index < start + removed { index + removed } else { index - removed })
}

fn block(
    lines: &[Line],
    start: usize,
    is_removed: fn(&Line) -> bool,
    is_added: fn(&Line) -> bool,
) -> (usize, usize, usize) {
    let removed = lines[start..].iter().take_while(|l| is_removed(l)).count();
    let added = lines[start + removed..].iter().take_while(|l| is_added(l)).count();
    (start, removed, added)
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
    fn a_change_stands_in_three_lines_of_context() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(show(old, &old.replace('5', "five")), "@ 1..8 1..8\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
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
}
