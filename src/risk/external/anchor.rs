//! How the change relates to the line of a result.

use std::ops::Range;

use crate::change::compare::{Comparison, Line};
use crate::change::lines::Lines;
use crate::risk::MAX_LINE;

/// How many lines of a block are examined, above and below.
const MAX_BLOCK: u32 = 400;

/// How near the change is. Ordered, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// The change added the line.
    AddedLine,
    /// It is among the lines around a change.
    ChangedHunk,
    /// The block that it opens, or the innermost one around it, changed: a resource, a call.
    ChangedBlock,
    /// The file changed elsewhere.
    ChangedFile,
}

/// The lines of a new text that a change touches.
pub struct ChangedLines<'t> {
    lines: &'t Lines,
    text: &'t [u8],
    comparison: &'t Comparison,
    /// 0-based, in order.
    added: Vec<u32>,
    /// The lines before which something was removed, in order.
    gaps: Vec<u32>,
}

impl<'t> ChangedLines<'t> {
    pub fn of(comparison: &'t Comparison, text: &'t [u8]) -> ChangedLines<'t> {
        let (mut added, mut gaps) = (Vec::new(), Vec::new());
        for hunk in &comparison.hunks {
            let mut next = hunk.new.start;
            for line in &hunk.lines {
                match *line {
                    Line::Added { new } => added.push(new),
                    Line::Removed { .. } if gaps.last() != Some(&next) => gaps.push(next),
                    _ => {}
                }
                next += u32::from(!matches!(line, Line::Removed { .. }));
            }
        }
        ChangedLines { lines: &comparison.new, text, comparison, added, gaps }
    }

    /// For a range of lines, 0-based, including the last.
    pub fn anchor(&self, first: u32, last: u32) -> Anchor {
        let last = last.clamp(first, first.saturating_add(MAX_BLOCK));
        if self.added.binary_search(&first).is_ok() {
            return Anchor::AddedLine;
        }
        let hunks = &self.comparison.hunks;
        let next = hunks.partition_point(|hunk| hunk.new.end <= first);
        if hunks.get(next).is_some_and(|hunk| hunk.new.contains(&first)) {
            return Anchor::ChangedHunk;
        }
        let blocks = [first..last + 1, self.block(first)];
        if blocks.iter().any(|block| self.touches(block)) { Anchor::ChangedBlock } else { Anchor::ChangedFile }
    }

    fn touches(&self, block: &Range<u32>) -> bool {
        let has = |sorted: &[u32], range: Range<u32>| {
            sorted.get(sorted.partition_point(|&line| line < range.start)).is_some_and(|line| range.contains(line))
        };
        // What was removed before the first line was not in the range; what was removed at its end was.
        has(&self.added, block.clone()) || has(&self.gaps, block.start + 1..block.end + 1)
    }

    /// The block that a line opens, or else the innermost one that contains it.
    fn block(&self, line: u32) -> Range<u32> {
        let body = self.until(line);
        if body.end > line + 1 {
            return body;
        }
        let Some(depth) = self.indent(line).filter(|&depth| depth > 0) else { return line..line + 1 };
        let above = (line.saturating_sub(MAX_BLOCK)..line).rev();
        let head = above.into_iter().find(|&above| self.indent(above).is_some_and(|own| own < depth));
        head.map_or(line..line + 1, |head| self.until(head))
    }

    /// From a line to the next one that is not indented further.
    fn until(&self, head: u32) -> Range<u32> {
        let Some(depth) = self.indent(head) else { return head..head + 1 };
        let below = head + 1..self.lines.count().min(head.saturating_add(MAX_BLOCK));
        let deeper = |at: &u32| self.indent(*at).is_none_or(|own| own > depth);
        let end = below.clone().take_while(deeper).filter(|&at| self.indent(at).is_some()).last();
        head..end.map_or(head, |end| end) + 1
    }

    /// None for a blank line.
    fn indent(&self, line: u32) -> Option<usize> {
        self.lines.get(self.text, line).iter().take(MAX_LINE).position(|byte| !byte.is_ascii_whitespace())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::compare::compare;

    fn of(old: &str, new: &str, line: u32, last: u32) -> Anchor {
        let comparison = compare(old.as_bytes(), new.as_bytes());
        ChangedLines::of(&comparison, new.as_bytes()).anchor(line, last)
    }

    const BODY: &str =
        "resource \"x\" \"y\" {\n  a = 1\n  b = 2\n  c = 3\n  d = 4\n  e = 5\n}\n\nother {\n  f = 1\n}\n";

    #[test]
    fn the_head_of_a_block_in_which_something_came_or_went_is_changed() {
        let come = BODY.replace("  e = 5\n", "  e = 5\n  open = true\n");
        let gone = BODY.replace("  e = 5\n", "");
        for new in [&come, &gone] {
            assert_eq!(of(BODY, new, 0, 0), Anchor::ChangedBlock, "{new}");
            assert_eq!(of(BODY, new, 1, 1), Anchor::ChangedBlock, "{new}");
        }
        assert_eq!(of(BODY, &come, 6, 6), Anchor::AddedLine);
        assert_eq!(of(BODY, &come, 4, 4), Anchor::ChangedHunk);
        assert_eq!(of(BODY, &come, 10, 10), Anchor::ChangedFile);
        assert_eq!(of(BODY, &gone, 9, 9), Anchor::ChangedFile);
    }

    #[test]
    fn what_changed_before_a_block_is_not_in_it_and_a_region_is_all_of_its_lines() {
        let before = format!("x = 0\n\n\n\n{BODY}");
        let changed = format!("x = 1\n\n\n\n{BODY}");
        assert_eq!(of(&before, &changed, 4, 4), Anchor::ChangedFile);
        assert_eq!(of("a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nd\ne\nf\nG\n", 1, 6), Anchor::ChangedBlock);
        assert_eq!(of("a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nd\ne\nf\nG\n", 1, u32::MAX), Anchor::ChangedBlock);
        assert_eq!(of("", "", 7, 9), Anchor::ChangedFile);
    }
}
