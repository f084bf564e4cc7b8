//! Classes by the tree of a text: one walk over it, from its start to its end.

use tree_sitter::{Tree, TreeCursor};

use super::kinds::{Field, Kind, Kinds};
use super::{MAX_LINE, MAX_TEXT, Texts, Token, TokenClass, Tokens, push};
use crate::change::compare::Line;
use crate::change::lines::Lines;
use crate::grammar::{self, Grammar};

/// The tokens of all lines of both sides; of the old side, only if lines of it were removed.
pub struct Reader {
    old: Vec<Tokens>,
    new: Vec<Tokens>,
}

impl Reader {
    /// None where no grammar is known, or the text cannot be parsed in bounded time.
    pub fn of(path: &str, texts: Texts<'_>) -> Option<Reader> {
        let grammar = Grammar::of_path(path)?;
        let mut lines = texts.comparison.hunks.iter().flat_map(|hunk| &hunk.lines);
        let is_old_drawn = lines.any(|line| matches!(line, Line::Removed { .. }));
        let old = if is_old_drawn { tokens(grammar, texts.old, &texts.comparison.old)? } else { Vec::new() };
        Some(Reader { old, new: tokens(grammar, texts.new, &texts.comparison.new)? })
    }

    /// The tokens of a line; each line is read once.
    pub fn read(&mut self, line: Line) -> Tokens {
        let tokens = match line {
            Line::Removed { old } => self.old.get_mut(old as usize),
            Line::Added { new } | Line::Context { new, .. } => self.new.get_mut(new as usize),
        };
        tokens.map(std::mem::take).unwrap_or_default()
    }
}

fn tokens(grammar: &'static Grammar, text: &[u8], lines: &Lines) -> Option<Vec<Tokens>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAX_TEXT)?;
    let tree = grammar::parse(grammar, text)?;
    let written = Written { lines, at: 0, line: 0, current: Vec::new(), all: Vec::new() };
    Some(Walk { kinds: Kinds::of(grammar), text: text.as_bytes(), written }.walk(&tree))
}

/// What is known of a node while its children are walked.
#[derive(Debug, Clone, Copy)]
struct Around {
    /// The class of what has none of its own.
    class: Option<TokenClass>,
    /// The class of its name.
    names: Option<TokenClass>,
    /// It is what a call calls: the last of its names is the name of a function.
    is_callee: bool,
}

struct Walk<'w> {
    kinds: &'static Kinds,
    text: &'w [u8],
    written: Written<'w>,
}

impl Walk<'_> {
    /// In the order of the text. What no child covers, such as the content of a text, is as the node that contains it.
    fn walk(mut self, tree: &Tree) -> Vec<Tokens> {
        let mut cursor = tree.walk();
        let mut around = vec![Around { class: None, names: None, is_callee: false }];
        while let Some(outside) = around.last().copied() {
            let node = cursor.node();
            self.written.fill(node.start_byte(), outside.class);
            let inside = self.enter(&cursor, outside);
            if cursor.goto_first_child() {
                around.push(inside);
                continue;
            }
            self.written.fill(node.end_byte(), inside.class);
            while !cursor.goto_next_sibling() {
                let left = around.pop();
                if !cursor.goto_parent() {
                    break;
                }
                self.written.fill(cursor.node().end_byte(), left.and_then(|left| left.class));
            }
        }
        self.written.finish()
    }

    /// What a node is for its children, and, if it has none, itself.
    fn enter(&self, cursor: &TreeCursor, around: Around) -> Around {
        let node = cursor.node();
        let field = self.kinds.field(cursor.field_id());
        let class = match self.kinds.kind(node.kind_id()) {
            Kind::Class(class) => Some(class),
            Kind::Code => None,
            Kind::Identifier => self.identifier(&self.text[node.byte_range()], field, around),
            Kind::Keyword => around.class.or(Some(TokenClass::Keyword)),
            Kind::Punctuation => around
                .class
                .filter(|class| matches!(class, TokenClass::String | TokenClass::Comment | TokenClass::Keyword)),
            Kind::Plain | Kind::Names(_) => around.class,
        };
        let names = match self.kinds.kind(node.kind_id()) {
            Kind::Names(class) => Some(class),
            _ => None,
        };
        let is_callee = around.names == Some(TokenClass::Function) && field == Field::Name;
        Around { class, names, is_callee }
    }

    fn identifier(&self, text: &[u8], field: Field, around: Around) -> Option<TokenClass> {
        let is_shouted = text.len() > 1
            && text.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
            && text[0].is_ascii_uppercase();
        match field {
            Field::Name if around.names.is_some() => around.names,
            Field::Name | Field::Member if around.is_callee => Some(TokenClass::Function),
            _ => around.class.or(is_shouted.then_some(TokenClass::Constant)),
        }
    }
}

/// Tokens of lines, in their order.
struct Written<'w> {
    lines: &'w Lines,
    /// The byte up to which it is written.
    at: usize,
    /// The line of that byte, and its tokens so far.
    line: u32,
    current: Vec<Token>,
    all: Vec<Tokens>,
}

impl Written<'_> {
    /// Writes up to a byte.
    fn fill(&mut self, to: usize, class: Option<TokenClass>) {
        while self.at < to && self.line < self.lines.count() {
            let span = self.lines.span(self.line);
            let end = to.min(span.end);
            if let Some(class) = class.filter(|_| span.len() <= MAX_LINE) {
                push(&mut self.current, (self.at - span.start) as u16, (end - span.start) as u16, class);
            }
            self.at = end;
            if end == span.end {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        self.all.push(self.current.drain(..).collect());
        self.line += 1;
    }

    fn finish(mut self) -> Vec<Tokens> {
        while self.line < self.lines.count() {
            self.end_line();
        }
        self.all
    }
}
