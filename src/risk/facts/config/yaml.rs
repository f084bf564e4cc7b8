//! YAML, also with templates in it. After a syntax error, reading resumes at the next line without indentation.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use super::out::Out;
use super::template::{self, Plain};
use super::tree::{Entry, Lines, MAX_DEPTH, MAX_NODES, Node, Shape};

/// How often reading resumes after a syntax error.
const MAX_FAULTS: usize = 50;

/// The documents of a text.
pub(super) fn documents(text: &str, out: &mut Out) -> Option<Vec<Node>> {
    let plain = template::without(text);
    let mut reader = Reader::new(&plain);
    let mut first = 0;
    for _ in 0..MAX_FAULTS {
        match reader.read(first) {
            Some(next) => first = next,
            None => break,
        }
    }
    out.is_cut |= reader.left == 0;
    let is_comment = |(_, line): &(u32, &str)| line.trim_start().starts_with('#');
    let comments = (1..).zip(text.lines()).filter(is_comment).map(|(number, _)| number);
    out.comments = comments.filter(|number| !reader.is_in_text(*number)).collect();
    Some(reader.documents)
}

struct Reader<'p> {
    plain: &'p Plain<'p>,
    lines: Vec<&'p str>,
    /// Where each line begins.
    starts: Vec<usize>,
    documents: Vec<Node>,
    open: Vec<Open>,
    /// Lines of multi-line literals, in order: a `#` there is not a comment.
    texts: Vec<Lines>,
    left: usize,
    /// Lines before the part that is read.
    skipped: u32,
    /// Lines of the text.
    count: u32,
}

/// A list or map that is not closed yet.
struct Open {
    first: u32,
    is_map: bool,
    key: Option<(String, u32)>,
    entries: Vec<Entry>,
    items: Vec<Node>,
}

impl<'p> Reader<'p> {
    fn new(plain: &'p Plain<'p>) -> Reader<'p> {
        let lines: Vec<&str> = plain.text.split('\n').collect();
        let starts = lines.iter().scan(0, |at, line| Some(std::mem::replace(at, *at + line.len() + 1))).collect();
        Reader {
            plain,
            lines,
            starts,
            documents: Vec::new(),
            open: Vec::new(),
            texts: Vec::new(),
            left: MAX_NODES,
            skipped: 0,
            count: u32::try_from(plain.text.lines().count()).unwrap_or(u32::MAX).max(1),
        }
    }

    /// Reads from a line, 0-based; returns the line from which to resume after a syntax error.
    fn read(&mut self, first: usize) -> Option<usize> {
        self.skipped = u32::try_from(first).unwrap_or(u32::MAX);
        let goes_on = first > 0 && !self.lines[first].starts_with("---");
        let known = self.documents.len();
        let plain = self.plain;
        let mut last = first;
        let mut fault = None;
        for event in Parser::new_from_str(&plain.text[self.starts[first]..]) {
            match event {
                Ok((event, span)) => {
                    last = last.max(first + span.end.line().saturating_sub(1));
                    self.event(event, span);
                }
                Err(error) => {
                    fault = Some(last.max(first + error.marker().line().saturating_sub(1)));
                    break;
                }
            }
        }
        while !self.open.is_empty() {
            self.close();
        }
        if goes_on {
            self.join(known);
        }
        let next = |at: usize| (at + 1..self.lines.len()).find(|line| begins_anew(self.lines[*line]));
        fault.and_then(|at| next(at.max(first)))
    }

    /// What is read after a syntax error belongs to the document that contains it.
    fn join(&mut self, known: usize) {
        if known == 0 || known >= self.documents.len() {
            return;
        }
        let new = self.documents.remove(known);
        let Node { lines, shape } = &mut self.documents[known - 1];
        *lines = *lines.start()..=*new.lines.end();
        match (shape, new.shape) {
            (Shape::Map(entries), Shape::Map(more)) => entries.extend(more),
            (Shape::List(items), Shape::List(more)) => items.extend(more),
            _ => {}
        }
    }

    fn line(&self, line: usize) -> u32 {
        self.skipped.saturating_add(u32::try_from(line).unwrap_or(u32::MAX)).clamp(1, self.count)
    }

    fn event(&mut self, event: Event, span: Span) {
        let first = self.line(span.start.line());
        match event {
            Event::MappingStart(..) => self.open(true, first),
            Event::SequenceStart(..) => self.open(false, first),
            Event::MappingEnd | Event::SequenceEnd => self.close(),
            Event::Scalar(text, style, _, tag) => self.scalar(&text, style, span, tag.as_deref()),
            Event::Alias(_) => {
                let line = self.lines.get(first as usize - 1).copied().unwrap_or_default();
                let rest = line.char_indices().nth(span.start.col()).map_or("", |(at, _)| &line[at..]);
                let name = rest.split([' ', ',', ']', '}']).next().unwrap_or_default();
                self.add(Node { lines: first..=first, shape: Shape::Expression(name.to_owned()) });
            }
            _ => {}
        }
    }

    fn open(&mut self, is_map: bool, first: u32) {
        self.open.push(Open { first, is_map, key: None, entries: Vec::new(), items: Vec::new() });
    }

    fn close(&mut self) {
        let Some(Open { first, is_map, entries, items, .. }) = self.open.pop() else { return };
        let last = entries.last().map(|entry| *entry.lines.end());
        let last = last.or_else(|| items.last().map(|item| *item.lines.end())).unwrap_or(first).max(first);
        let first = entries.first().map_or(first, |entry| *entry.lines.start());
        let shape = if is_map { Shape::Map(entries) } else { Shape::List(items) };
        self.add(Node { lines: first.min(last)..=last, shape });
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span, tag: Option<&Tag>) {
        let first = self.line(span.start.line());
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let last = if is_block { self.block_end(first, span) } else { self.line(span.end.line()).max(first) };
        let text = self.plain.restored(text);
        if last > first || is_block {
            self.texts.push(if is_block { first..=last } else { first + 1..=last });
        }
        let is_null = style == ScalarStyle::Plain && (matches!(&*text, "" | "~") || text.eq_ignore_ascii_case("null"));
        let shape = match tag.and_then(name) {
            Some(tag) => Shape::Expression(format!("{tag} {}", text.trim())),
            None if is_null => Shape::Scalar { text: "null".to_owned(), first },
            None => Shape::Scalar { text, first },
        };
        self.add(Node { lines: first..=last, shape });
    }

    /// A block begins after its head, and ends at its last line that is not blank.
    fn block_end(&self, first: u32, span: Span) -> u32 {
        let end = self.line(span.end.line());
        let end = if span.end.col() == 0 || self.is_before_text(end, span.end.col()) { end - 1 } else { end };
        let is_said = |number: &u32| self.lines.get(*number as usize - 1).is_some_and(|line| !line.trim().is_empty());
        (first + 1..=end).rev().find(is_said).unwrap_or(first)
    }

    /// Whether there are only blanks before a column.
    fn is_before_text(&self, number: u32, column: usize) -> bool {
        let line = self.lines.get(number as usize - 1).copied().unwrap_or_default();
        line.chars().take(column).all(char::is_whitespace)
    }

    /// Adds a node to the innermost open one.
    fn add(&mut self, node: Node) {
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else {
            return self.documents.push(node);
        };
        if !open.is_map {
            if depth <= MAX_DEPTH && self.left > 0 {
                self.left -= 1;
                open.items.push(node);
            }
            return;
        }
        match open.key.take() {
            None => open.key = Some((node.normalised(), *node.lines.start())),
            Some((key, first)) if depth <= MAX_DEPTH && self.left > 0 => {
                self.left -= 1;
                let lines = first..=first.max(*node.lines.end());
                open.entries.push(Entry { key, lines, is_block: false, value: node });
            }
            Some(_) => {}
        }
    }

    fn is_in_text(&self, number: u32) -> bool {
        let at = self.texts.partition_point(|lines| *lines.end() < number);
        self.texts.get(at).is_some_and(|lines| lines.contains(&number))
    }
}

/// The tag of an application makes a value an expression: `!Ref`. Those of YAML itself are ignored.
fn name(tag: &Tag) -> Option<String> {
    (!tag.is_yaml_core_schema()).then(|| format!("{}{}", tag.handle, tag.suffix))
}

/// Where reading may resume: a key or item without indentation, a new document.
fn begins_anew(line: &str) -> bool {
    let is_key = || line.starts_with(|c: char| c.is_alphanumeric() || c == '"' || c == '\'') && line.contains(':');
    line.starts_with("---") || line.starts_with("- ") || is_key()
}

/// The escapes that matter for a value.
pub(super) fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some('r') | Some('\n') | None => {}
                Some(other @ ('"' | '\\' | '/' | '\'')) => plain.push(other),
                Some(other) => plain.extend(['\\', other]),
            },
            '\n' => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}
