//! Lines of a text as indices into it, never copies.

use std::ops::Range;

/// Where the lines of a text begin. A line ends with LF; the last may lack it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lines {
    starts: Vec<u32>,
    len: u32,
    ends_with_newline: bool,
}

impl Lines {
    /// Texts of 4 GiB and more are truncated; callers refuse them long before ([`super::diff::MAX_TEXT_BYTES`]).
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

    /// The number of lines; text after the last newline counts as one.
    pub fn count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// The bytes of a line (0-based) without its LF; empty if there is no such line.
    pub fn get<'t>(&self, text: &'t [u8], line: u32) -> &'t [u8] {
        let Some(&start) = self.starts.get(line as usize) else { return &[] };
        let end = self.starts.get(line as usize + 1).map_or(self.len, |&next| next);
        let bytes = text.get(start as usize..end as usize).unwrap_or_default();
        bytes.strip_suffix(b"\n").unwrap_or(bytes)
    }

    /// The bytes of a range of lines, with their LFs.
    pub fn slice<'t>(&self, text: &'t [u8], lines: Range<u32>) -> &'t [u8] {
        text.get(self.start(lines.start)..self.start(lines.end.max(lines.start))).unwrap_or_default()
    }

    /// Where a line is in the text, with its LF.
    pub fn span(&self, line: u32) -> Range<usize> {
        self.start(line)..self.start(line.saturating_add(1))
    }

    /// Of a line that is not there: the end of the text.
    fn start(&self, line: u32) -> usize {
        self.starts.get(line as usize).copied().unwrap_or(self.len) as usize
    }

    /// Whether the text has lines but does not end with a line feed.
    pub fn lacks_final_newline(&self) -> bool {
        !self.starts.is_empty() && !self.ends_with_newline
    }
}
