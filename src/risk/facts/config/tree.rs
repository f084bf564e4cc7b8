//! The tree into which every configuration format is read: maps, lists and values with their positions.

use std::ops::RangeInclusive;

use super::super::MAX_TEXT;

/// First and last line, 1-based.
pub(super) type Lines = RangeInclusive<u32>;

/// The greatest depth of a tree; deeper levels are ignored.
pub(super) const MAX_DEPTH: usize = 200;
/// The most nodes of a tree; further ones are ignored.
pub(super) const MAX_NODES: usize = 200_000;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub lines: Lines,
    pub shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Map(Vec<Entry>),
    List(Vec<Node>),
    /// A literal, without quotes. It has line breaks only if they are significant: `first` is the line of the first of
    /// them.
    Scalar {
        text: String,
        first: u32,
    },
    /// A computed value: a reference, a call, a template.
    #[cfg_attr(not(feature = "syntax"), expect(dead_code, reason = "the formats that compute are read by grammars"))]
    Expression(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    /// The lines of key and value.
    pub lines: Lines,
    /// It may be repeated: an attribute of its body distinguishes it from the others.
    pub is_block: bool,
    pub value: Node,
}

impl Node {
    pub fn scalar(text: impl Into<String>, line: u32) -> Node {
        Node { lines: line..=line, shape: Shape::Scalar { text: text.into(), first: line } }
    }

    pub fn map(entries: Vec<Entry>, lines: Lines) -> Node {
        Node { lines, shape: Shape::Map(entries) }
    }

    pub fn entries(&self) -> &[Entry] {
        match &self.shape {
            Shape::Map(entries) => entries,
            _ => &[],
        }
    }

    pub fn items(&self) -> &[Node] {
        match &self.shape {
            Shape::List(items) => items,
            _ => &[],
        }
    }

    /// The value of a key with one of these names.
    pub fn get(&self, names: &[&str]) -> Option<&Node> {
        self.entries().iter().find(|entry| names.contains(&entry.key.as_str())).map(|entry| &entry.value)
    }

    pub fn text(&self) -> Option<&str> {
        match &self.shape {
            Shape::Scalar { text, .. } | Shape::Expression(text) => Some(text),
            _ => None,
        }
    }

    pub fn text_of(&self, names: &[&str]) -> Option<&str> {
        self.get(names).and_then(Node::text)
    }

    /// The plain values of a list; a single value counts as a list of one.
    pub fn texts(&self) -> Vec<&str> {
        match &self.shape {
            Shape::List(items) => items.iter().filter_map(Node::text).collect(),
            _ => self.text().into_iter().collect(),
        }
    }

    /// Whether it has parts.
    pub fn is_branch(&self) -> bool {
        !self.entries().is_empty() || !self.items().is_empty()
    }

    /// The canonical text: keys in order, runs of blanks as one, at most [`MAX_TEXT`] bytes.
    pub fn normalised(&self) -> String {
        let mut text = String::new();
        self.render(&mut text, true);
        clip(&text)
    }

    fn render(&self, text: &mut String, is_outermost: bool) {
        if text.len() > MAX_TEXT {
            return;
        }
        match &self.shape {
            Shape::Map(entries) if is_outermost => render_entries(entries, text),
            Shape::Map(entries) => {
                text.push('{');
                render_entries(entries, text);
                text.push('}');
            }
            Shape::List(items) => {
                text.push('[');
                separated(items, text, |item, text| item.render(text, false));
                text.push(']');
            }
            Shape::Scalar { text: value, .. } | Shape::Expression(value) => text.push_str(&one_line(value)),
        }
    }
}

fn render_entries(entries: &[Entry], text: &mut String) {
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    separated(&sorted, text, |entry, text| {
        text.push_str(&entry.key);
        text.push_str(": ");
        entry.value.render(text, false);
    });
}

fn separated<T>(parts: &[T], text: &mut String, mut each: impl FnMut(&T, &mut String)) {
    for (at, part) in parts.iter().enumerate() {
        if text.len() > MAX_TEXT {
            return;
        }
        if at > 0 {
            text.push_str(", ");
        }
        each(part, text);
    }
}

/// Each run of blanks as one blank, at most [`MAX_TEXT`] bytes.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > MAX_TEXT {
            break;
        }
    }
    clip(&line)
}

/// At most [`MAX_TEXT`] bytes of a text.
pub(super) fn clip(text: &str) -> String {
    clip_to(text, MAX_TEXT).to_owned()
}

/// At most this many bytes of a text.
pub(super) fn clip_to(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}
