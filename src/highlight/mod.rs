//! FLOOR 1: text → token classes, no colours. A theme maps classes to colours, so that changing it costs nothing.
//!
//! Texts in a language whose grammar is known are parsed once, and the tree says what each token is (`tree`); in all
//! others, what a line is depends on all lines above it (`scopes`).

mod kinds;
mod scopes;
mod tree;

use std::ops::Range;

use crate::change::compare::{Comparison, Line};

/// About a dozen classes: enough to read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenClass {
    Keyword,
    String,
    Comment,
    Number,
    Function,
    Type,
    Constant,
    Tag,
    Attribute,
}

/// Bytes of a line and their class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub from: u16,
    pub to: u16,
    pub class: TokenClass,
}

impl Token {
    pub fn contains(&self, at: usize) -> bool {
        (usize::from(self.from)..usize::from(self.to)).contains(&at)
    }
}

/// The tokens of one line, sorted; what is plain is left out.
pub type Tokens = Box<[Token]>;

/// Larger texts stay plain: bytes.
pub const MAX_TEXT: usize = 1 << 20;
/// Longer lines stay plain: bytes.
const MAX_LINE: usize = 2_000;

/// Both texts of a file and how they differ.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'t> {
    pub old: &'t [u8],
    pub new: &'t [u8],
    pub comparison: &'t Comparison,
}

/// The tokens of consecutive lines of a file: of all of its new lines, and of the old ones that were removed, since
/// nobody draws the others.
#[derive(Debug, Clone, Default)]
pub struct Colours {
    /// Lines of both sides above the first.
    above: (u32, u32),
    removed: Vec<(u32, Tokens)>,
    new: Vec<Tokens>,
}

impl Colours {
    /// Of a line of a hunk; empty if they are not known.
    pub fn of(&self, line: Line) -> &[Token] {
        let tokens = match line {
            Line::Removed { old } => {
                let at = self.removed.binary_search_by_key(&old, |(line, _)| *line);
                at.ok().map(|at| &self.removed[at].1)
            }
            Line::Added { new } | Line::Context { new, .. } => {
                new.checked_sub(self.above.1).and_then(|at| self.new.get(at as usize))
            }
        };
        tokens.map_or(&[], |tokens| &tokens[..])
    }

    /// The new lines among them.
    pub fn lines(&self) -> Range<u32> {
        self.above.1..self.above.1 + self.new.len() as u32
    }

    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.new.is_empty()
    }

    /// Adds the next lines, or the same ones again.
    pub fn extend(&mut self, next: Colours) {
        self.removed.truncate(self.removed.partition_point(|(old, _)| *old < next.above.0));
        self.new.truncate(next.above.1.saturating_sub(self.above.1) as usize);
        self.removed.extend(next.removed);
        self.new.extend(next.new);
    }
}

/// The classes of both sides of a file, line by line from the start on, as the reader draws them.
pub struct Highlighter {
    at: Position,
    reader: Reader,
}

enum Reader {
    Tree(Box<tree::Reader>),
    Scopes(Box<scopes::Reader>),
}

impl Highlighter {
    /// None where both sides stay plain: not UTF-8, too large, or in no language that is known.
    pub fn of(path: &str, texts: Texts<'_>) -> Option<Highlighter> {
        let reader = match tree::Reader::of(path, texts) {
            Some(reader) => Reader::Tree(Box::new(reader)),
            None => Reader::Scopes(Box::new(scopes::Reader::of(path, texts)?)),
        };
        Some(Highlighter { at: Position::default(), reader })
    }

    /// How many lines of both sides together it has read.
    pub fn read(&self) -> usize {
        self.at.next.0 as usize + self.at.next.1 as usize
    }

    /// The colours of the next lines of the same texts, at most so many; none after the last.
    pub fn lines(&mut self, texts: Texts<'_>, count: usize) -> Colours {
        let mut found = Colours { above: self.at.next, ..Colours::default() };
        for _ in 0..count {
            let Some(line) = self.at.advance(texts.comparison) else { break };
            let tokens = match &mut self.reader {
                Reader::Tree(reader) => reader.read(line),
                Reader::Scopes(reader) => reader.read(line, texts),
            };
            match line {
                Line::Removed { old } => found.removed.push((old, tokens)),
                Line::Added { .. } | Line::Context { .. } => found.new.push(tokens),
            }
        }
        found
    }
}

/// Between two lines of a comparison.
#[derive(Debug, Clone, Copy, Default)]
struct Position {
    /// The next line of each side.
    next: (u32, u32),
    /// The next hunk and the next of its lines.
    hunk: (usize, usize),
}

impl Position {
    /// The next line, in the order of the hunks.
    fn advance(&mut self, comparison: &Comparison) -> Option<Line> {
        let line = self.line(comparison)?;
        self.next = match line {
            Line::Context { old, new } => (old + 1, new + 1),
            Line::Removed { old } => (old + 1, self.next.1),
            Line::Added { new } => (self.next.0, new + 1),
        };
        Some(line)
    }

    fn line(&mut self, comparison: &Comparison) -> Option<Line> {
        let (old, new) = self.next;
        let hunk = comparison.hunks.get(self.hunk.0).filter(|hunk| old >= hunk.old.start && new >= hunk.new.start);
        let Some(hunk) = hunk else {
            let is_one = old < comparison.old.count() && new < comparison.new.count();
            return is_one.then_some(Line::Context { old, new });
        };
        let line = hunk.lines.get(self.hunk.1).copied();
        let is_last = self.hunk.1 + 1 >= hunk.lines.len();
        self.hunk = if is_last { (self.hunk.0 + 1, 0) } else { (self.hunk.0, self.hunk.1 + 1) };
        line
    }
}

fn push(tokens: &mut Vec<Token>, from: u16, to: u16, class: TokenClass) {
    match tokens.last_mut() {
        Some(last) if last.class == class && last.to == from => last.to = to,
        _ => tokens.push(Token { from, to, class }),
    }
}

#[cfg(test)]
mod tests;
