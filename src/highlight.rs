//! FLOOR 1: text → token classes, no colours. A theme maps classes to colours, so that changing it costs nothing.

use std::ops::Range;
use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use crate::change::compare::{Comparison, Line};
use crate::change::lines::Lines;

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

/// Scope prefixes → classes; the first that matches, from the innermost scope outwards, wins.
const CLASSES: &[(&str, TokenClass)] = &[
    ("comment", TokenClass::Comment),
    ("string", TokenClass::String),
    ("constant.numeric", TokenClass::Number),
    ("constant.character.escape", TokenClass::Constant),
    ("constant", TokenClass::Constant),
    ("entity.name.function", TokenClass::Function),
    ("support.function", TokenClass::Function),
    ("variable.function", TokenClass::Function),
    ("entity.name.tag", TokenClass::Tag),
    ("entity.other.attribute-name", TokenClass::Attribute),
    ("entity.name", TokenClass::Type),
    ("support.type", TokenClass::Type),
    ("support.class", TokenClass::Type),
    ("storage.type", TokenClass::Keyword),
    ("storage", TokenClass::Keyword),
    ("keyword.operator", TokenClass::Keyword),
    ("keyword", TokenClass::Keyword),
];

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);
static SCOPES: LazyLock<Vec<(Scope, TokenClass)>> =
    LazyLock::new(|| CLASSES.iter().filter_map(|(name, class)| Some((Scope::new(name).ok()?, *class))).collect());

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

/// Reads both sides of a file together, from their starts on, some lines at a time: what a line is depends on all lines
/// above it. What is equal on both sides is read once.
pub struct Highlighter {
    new: Option<Reader>,
    /// Not used while both sides are in the same state.
    old: Option<Reader>,
    are_joined: bool,
    /// The next line of each side.
    next: (u32, u32),
    /// The next hunk and the next of its lines.
    hunk: (usize, usize),
    /// The last line that was removed: after it, the old side is not read.
    last_removed: Option<u32>,
}

impl Highlighter {
    /// None where both sides stay plain: not UTF-8, too large, or in no language that is known.
    pub fn of(path: &str, texts: Texts<'_>) -> Option<Highlighter> {
        let (old, new) = (Reader::of(path, texts.old), Reader::of(path, texts.new));
        if old.is_none() && new.is_none() {
            return None;
        }
        let mut lines = texts.comparison.hunks.iter().rev().flat_map(|hunk| hunk.lines.iter().rev());
        let last_removed = lines.find_map(|line| if let Line::Removed { old } = line { Some(*old) } else { None });
        Some(Highlighter { are_joined: old == new, new, old, next: (0, 0), hunk: (0, 0), last_removed })
    }

    /// How many lines of both sides together it has read.
    pub fn read(&self) -> usize {
        self.next.0 as usize + self.next.1 as usize
    }

    /// The colours of the next lines of the same texts, at most so many; none after the last.
    pub fn lines(&mut self, texts: Texts<'_>, count: usize) -> Colours {
        let mut found = Colours { above: self.next, ..Colours::default() };
        for _ in 0..count {
            let Some(line) = self.line(texts.comparison) else { break };
            self.read_line(line, texts, &mut found);
        }
        found
    }

    /// The next line, in the order of the hunks.
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

    fn read_line(&mut self, line: Line, texts: Texts<'_>, found: &mut Colours) {
        let Comparison { old: old_lines, new: new_lines, .. } = texts.comparison;
        let read = |reader: &mut Option<Reader>, lines: &Lines, text, line: u32| {
            reader.as_mut().map_or_else(Tokens::default, |reader| reader.read(lines.slice(text, line..line + 1)))
        };
        match line {
            Line::Context { old, new } => {
                self.join(old);
                found.new.push(read(&mut self.new, new_lines, texts.new, new));
                if !self.are_joined {
                    read(&mut self.old, old_lines, texts.old, old);
                }
                self.next = (old + 1, new + 1);
            }
            Line::Removed { old } => {
                self.part();
                found.removed.push((old, read(&mut self.old, old_lines, texts.old, old)));
                self.next.0 = old + 1;
            }
            Line::Added { new } => {
                self.part();
                found.new.push(read(&mut self.new, new_lines, texts.new, new));
                self.next.1 = new + 1;
            }
        }
    }

    /// Before lines that are equal.
    fn join(&mut self, old: u32) {
        self.are_joined |= self.last_removed.is_none_or(|last| last < old) || self.old == self.new;
    }

    /// Before lines that are not.
    fn part(&mut self) {
        if std::mem::take(&mut self.are_joined) {
            self.old.clone_from(&self.new);
        }
    }
}

/// The state between two lines of a text.
#[derive(Debug, Clone, PartialEq)]
struct Reader {
    state: ParseState,
    stack: ScopeStack,
}

impl Reader {
    fn of(path: &str, text: &[u8]) -> Option<Reader> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAX_TEXT)?;
        Some(Reader { state: ParseState::new(syntax(path, text)?), stack: ScopeStack::new() })
    }

    /// Reads a line, with its line feed.
    fn read(&mut self, line: &[u8]) -> Tokens {
        tokens(std::str::from_utf8(line).unwrap_or_default(), &mut self.state, &mut self.stack)
    }
}

fn syntax<'s>(path: &str, text: &str) -> Option<&'s SyntaxReference> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let first = text.lines().next().filter(|line| line.len() < MAX_LINE);
    SYNTAXES
        .find_syntax_by_extension(name)
        .or_else(|| SYNTAXES.find_syntax_by_extension(extension?))
        .or_else(|| SYNTAXES.find_syntax_by_first_line(first?))
        .filter(|syntax| syntax.name != "Plain Text")
}

fn tokens(line: &str, state: &mut ParseState, stack: &mut ScopeStack) -> Tokens {
    if line.len() > MAX_LINE {
        return Tokens::default();
    }
    let Ok(ops) = state.parse_line(line, &SYNTAXES) else { return Tokens::default() };
    let (mut tokens, mut from) = (Vec::new(), 0);
    for (at, op) in ops.iter().map(|(at, op)| (*at, Some(op))).chain([(line.len(), None)]) {
        if at > from {
            if let Some(class) = class(stack) {
                push(&mut tokens, from as u16, at as u16, class);
            }
            from = at;
        }
        // A scope stack that does not fit is a fault of the grammar: the rest of the line stays plain.
        if op.is_some_and(|op| stack.apply(op).is_err()) {
            break;
        }
    }
    tokens.into_boxed_slice()
}

fn class(stack: &ScopeStack) -> Option<TokenClass> {
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| SCOPES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class))
}

fn push(tokens: &mut Vec<Token>, from: u16, to: u16, class: TokenClass) {
    match tokens.last_mut() {
        Some(last) if last.class == class && last.to == from => last.to = to,
        _ => tokens.push(Token { from, to, class }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::change::compare::compare;

    /// The lines of a text as they are read alone.
    fn alone(path: &str, text: &[u8]) -> Vec<Tokens> {
        let mut reader = Reader::of(path, text);
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.map(|line| reader.as_mut().map_or_else(Tokens::default, |reader| reader.read(line))).collect()
    }

    /// Both sides together, some lines at a time.
    fn together(path: &str, old: &[u8], new: &[u8], step: usize) -> Option<Colours> {
        let comparison = compare(old, new);
        let texts = Texts { old, new, comparison: &comparison };
        let mut highlighter = Highlighter::of(path, texts)?;
        let mut all = Colours::default();
        loop {
            let next = highlighter.lines(texts, step);
            if next.is_empty() {
                return Some(all);
            }
            all.extend(next);
        }
    }

    #[test]
    fn a_string_over_several_lines_is_one() {
        let text = b"x = \"\"\"one\ntwo\n\"\"\"\n";
        let colours = together("a.py", b"", text, 1).unwrap();
        assert_eq!(colours.of(Line::Added { new: 1 }), [Token { from: 0, to: 4, class: TokenClass::String }]);
        assert_eq!(colours.lines(), 0..3);
    }

    #[test]
    fn terraform_rust_and_typescript_are_known_and_no_bytes_panic() {
        for (path, text) in
            [("main.tf", "resource \"a\" \"b\" {}\n"), ("a.rs", "fn main() {}\n"), ("a.ts", "const x = 1;\n")]
        {
            let colours = together(path, b"", text.as_bytes(), 1).unwrap();
            assert!(!colours.of(Line::Added { new: 0 }).is_empty(), "{path}");
        }
        assert!(together("a.rs", b"\xff\x00\"", b"\xff", 9).is_none());
    }

    #[test]
    fn equal_lines_are_read_once() {
        let text: String = (0..50).map(|n| format!("let value_{n} = {n};\n")).collect();
        let (old, new) = (format!("{text}a\n{text}c\n"), format!("{text}b\n{text}d\n"));
        let comparison = compare(old.as_bytes(), new.as_bytes());
        let texts = Texts { old: old.as_bytes(), new: new.as_bytes(), comparison: &comparison };
        let mut highlighter = Highlighter::of("a.rs", texts).unwrap();
        let mut parted = 0;
        while !highlighter.lines(texts, 1).is_empty() {
            parted += usize::from(!highlighter.are_joined);
        }
        assert_eq!(parted, 4, "only the lines that differ");
    }

    fn code() -> impl Strategy<Value = Vec<&'static str>> {
        let lines = ["x = 1\n", "\"\"\"\n", "def f(a):\n", "# note\n", "'''\n", "return \"a\"\n", "\n", "last"];
        prop::collection::vec(prop::sample::select(lines.to_vec()), 0..30)
    }

    proptest! {
        #[test]
        fn both_sides_together_are_coloured_as_each_of_them_alone(
            old in code(), edits in prop::collection::vec((0..30_usize, 0..3_usize, code()), 0..4), step in 1..9_usize,
        ) {
            let mut new = old.clone();
            for (at, gone, come) in edits {
                let at = at.min(new.len());
                new.splice(at..(at + gone).min(new.len()), come.into_iter().take(3));
            }
            let (old, new) = (old.concat().into_bytes(), new.concat().into_bytes());
            let Some(colours) = together("a.py", &old, &new, step) else { return Ok(()) };
            let (alone_old, alone_new) = (alone("a.py", &old), alone("a.py", &new));
            for (line, tokens) in (0..).zip(&alone_new) {
                prop_assert_eq!(colours.of(Line::Added { new: line }), &tokens[..], "new line {}", line);
            }
            for line in compare(&old, &new).hunks.iter().flat_map(|hunk| &hunk.lines) {
                if let Line::Removed { old } = *line {
                    prop_assert_eq!(colours.of(*line), &alone_old[old as usize][..], "old line {}", old);
                }
            }
        }
    }
}
