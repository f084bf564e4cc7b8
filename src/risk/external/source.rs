//! Lines and columns as tools count them → places in a text.

use std::cell::OnceCell;
use std::ops::Range;

use super::identity::Spot;
use super::{Diagnostic, Region, Unit};
use crate::change::lines::Lines;

/// One side of a file.
pub(super) struct Source<'t> {
    pub lines: &'t Lines,
    pub text: &'t [u8],
    /// Where lines begin, in each unit.
    starts: OnceCell<[Vec<u64>; 3]>,
}

impl<'t> Source<'t> {
    pub fn of(lines: &'t Lines, text: &'t [u8]) -> Source<'t> {
        Source { lines, text, starts: OnceCell::new() }
    }

    pub fn spot(&self, tool: &str, found: &Diagnostic) -> Spot {
        let line = self.lines_of(&found.region).map(|range| range.start);
        Spot::of(tool, &found.rule, line, (self.lines, self.text), &found.message)
    }

    /// The lines that a region covers, 0-based; none for the file as a whole, and for lines that do not exist.
    pub fn lines_of(&self, region: &Region) -> Option<Range<u32>> {
        let count = self.lines.count();
        if let Some((start, length)) = region.offset {
            let first = self.line_at(start, region.unit)?;
            let last = self.line_at(start.saturating_add(length.saturating_sub(1)), region.unit);
            return Some(first..last.map_or(count, |last| last + 1));
        }
        let first = region.line.checked_sub(1).filter(|&line| line < count)?;
        Some(first..region.end_line.clamp(region.line, count))
    }

    /// The line at an offset from the beginning; none beyond the end.
    fn line_at(&self, offset: u64, unit: Unit) -> Option<u32> {
        let starts = &self.starts.get_or_init(|| self.starts())[unit as usize];
        let line = starts.partition_point(|&start| start <= offset).checked_sub(1)?;
        u32::try_from(line).ok().filter(|&line| line < self.lines.count())
    }

    /// Of all lines, and the end.
    fn starts(&self) -> [Vec<u64>; 3] {
        let mut starts = [Unit::Utf16, Unit::Characters, Unit::Bytes].map(|_| vec![0]);
        for line in 0..self.lines.count() {
            let text = String::from_utf8_lossy(self.lines.slice(self.text, line..line + 1));
            let sizes = [text.encode_utf16().count(), text.chars().count(), text.len()];
            for (starts, size) in starts.iter_mut().zip(sizes) {
                starts.push(starts.last().copied().unwrap_or(0) + size as u64);
            }
        }
        starts
    }
}

/// The byte offset after a number of units.
fn byte_at(text: &str, count: u64, unit: Unit) -> Option<usize> {
    let size = |c: char| match unit {
        Unit::Utf16 => c.len_utf16(),
        Unit::Characters => 1,
        Unit::Bytes => c.len_utf8(),
    };
    let mut left = count;
    for (at, c) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.saturating_sub(size(c) as u64);
    }
    (left == 0).then_some(text.len())
}

/// The part of a line that a region points at, if it is within one line and has columns.
pub(super) fn pointed<'t>(region: &Region, line: &'t str) -> Option<&'t str> {
    let is_one = region.end_line <= region.line && region.column > 0 && region.end_column > region.column;
    let at = |column: u32| byte_at(line, u64::from(column.checked_sub(1)?), region.unit);
    let (start, end) = (at(region.column).filter(|_| is_one)?, at(region.end_column).unwrap_or(line.len()));
    line.get(start..end).map(str::trim).filter(|text| !text.is_empty())
}
