//! Common parts of the formats with a grammar: parsing, lines, comments.

use std::collections::BTreeSet;

use tree_sitter::{Language, Node as Syntax, Parser, Tree};

use super::tree::{Lines, MAX_NODES, Node, Shape};
use crate::grammar;

/// How many columns before and after a comment are examined.
const MAX_INDENT: usize = 200;

/// A text that is read, and how many nodes its tree may still get.
pub(super) struct Source<'t> {
    pub text: &'t str,
    /// The line of its first row.
    first: u32,
    left: usize,
}

impl<'t> Source<'t> {
    pub fn new(text: &'t str, first: u32) -> Source<'t> {
        Source { text, first, left: MAX_NODES }
    }

    /// Whether one more node is allowed.
    pub fn take(&mut self) -> bool {
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }

    pub fn is_cut(&self) -> bool {
        self.left == 0
    }

    pub fn text(&self, node: Syntax) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    pub fn line(&self, row: usize) -> u32 {
        self.first.saturating_add(u32::try_from(row).unwrap_or(u32::MAX))
    }

    /// A node that ends with a line break ends on the line before.
    pub fn lines(&self, node: Syntax) -> Lines {
        let (start, end) = (node.start_position(), node.end_position());
        let last = if end.column == 0 && end.row > start.row { end.row - 1 } else { end.row };
        self.line(start.row)..=self.line(last)
    }

    pub fn scalar(&self, node: Syntax, text: String) -> Node {
        let lines = self.lines(node);
        let first = *lines.start();
        Node { lines, shape: Shape::Scalar { text, first } }
    }
}

pub(super) fn parse(text: &str, language: impl Into<Language>) -> Option<Tree> {
    let language = language.into();
    grammar::tree_of(&language, text, || {
        let mut parser = Parser::new();
        parser.set_language(&language).ok()?;
        // A scanner in C gets only ASCII letters: for others it may read beyond the end of a table.
        let narrow: Vec<u8> = text.bytes().map(|byte| if byte.is_ascii() { byte } else { b'x' }).collect();
        parser.parse(narrow, None)
    })
}

/// The named children; the content of an error counts as children.
pub(super) fn parts<'t>(node: Syntax<'t>) -> Vec<Syntax<'t>> {
    let mut parts = Vec::new();
    for child in node.named_children(&mut node.walk()) {
        match child.is_error() {
            true => parts.extend(child.named_children(&mut child.walk())),
            false => parts.push(child),
        }
    }
    parts
}

pub(super) fn part<'t>(node: Syntax<'t>, kind: &str) -> Option<Syntax<'t>> {
    node.named_children(&mut node.walk()).find(|child| child.kind() == kind)
}

/// Lines that contain only a comment.
pub(super) fn comments(tree: &Tree, source: &Source) -> BTreeSet<u32> {
    let mut lines = BTreeSet::new();
    each_node(tree, |node| {
        let is_comment = node.kind().eq_ignore_ascii_case("comment");
        if is_comment && is_alone(node, source.text) {
            lines.extend(source.lines(node));
        }
        !is_comment
    });
    lines
}

/// Whether there is nothing else on the lines of a node.
fn is_alone(node: Syntax, text: &str) -> bool {
    let (start, end) = (node.start_byte(), node.end_byte());
    let column = node.start_position().column;
    let before = text.as_bytes().get(start.saturating_sub(column)..start).unwrap_or_default();
    let after = text.as_bytes().get(end..).unwrap_or_default();
    let ends = after.iter().take(MAX_INDENT).find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    let ends_line = ends.is_none_or(|byte| *byte == b'\n') || text.as_bytes().get(end.wrapping_sub(1)) == Some(&b'\n');
    column <= MAX_INDENT && before.iter().all(u8::is_ascii_whitespace) && ends_line
}

/// Visits every node, without recursion; its children only if requested.
pub(super) fn each_node(tree: &Tree, mut visit: impl FnMut(Syntax) -> bool) {
    let mut cursor = tree.walk();
    loop {
        if visit(cursor.node()) && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}
