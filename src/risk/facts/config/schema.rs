//! Definitions of interfaces and of stored data: protobuf, GraphQL, Prisma.

use std::collections::BTreeSet;

use super::super::{Kind, Value};
use super::out::{Out, Place};
use super::tree::{Lines, clip, clip_to, one_line};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Protobuf,
    GraphQl,
    Prisma,
}

/// The greatest depth of definitions; deeper ones count as part of their outermost.
const MAX_LEVELS: usize = 50;

pub(super) fn facts(text: &str, language: Language, out: &mut Out) {
    let mut reader = Reader { language, names: Vec::new(), text: String::new(), began: 0, depth: 0 };
    let mut comments = BTreeSet::new();
    let mut is_comment = false;
    for (number, line) in super::lines::numbered(text) {
        let said = without_comment(line, language, &mut is_comment);
        if said.trim().is_empty() && !line.trim().is_empty() {
            comments.insert(number);
        }
        reader.line(&said, number, out);
    }
    out.comments = comments;
}

/// A line without comments and descriptions.
fn without_comment(line: &str, language: Language, is_inside: &mut bool) -> String {
    let (sign, opens, closes) = match language {
        Language::Protobuf | Language::Prisma => ("//", "/*", "*/"),
        Language::GraphQl => ("#", "\"\"\"", "\"\"\""),
    };
    let mut said = String::new();
    let mut rest = line;
    loop {
        let Some(at) = rest.find(if *is_inside { closes } else { opens }) else {
            let end = rest.find(sign).unwrap_or(rest.len());
            said.push_str(if *is_inside { "" } else { &rest[..end] });
            return said;
        };
        if !*is_inside && rest.find(sign).is_some_and(|comment| comment < at) {
            said.push_str(rest.split(sign).next().unwrap_or_default());
            return said;
        }
        said.push_str(if *is_inside { "" } else { &rest[..at] });
        rest = &rest[at + opens.len()..];
        *is_inside = !*is_inside;
    }
}

/// A definition whose body is read; a `oneof` has no name in the path of a field.
struct Open {
    name: String,
    first: u32,
    is_enum: bool,
    /// What is asked of an interface, and not what it offers.
    is_operation: bool,
}

struct Reader {
    language: Language,
    /// The open definitions, outermost first.
    names: Vec<Open>,
    /// The part of a statement that was read so far.
    text: String,
    began: u32,
    /// Brackets that are open in it.
    depth: usize,
}

impl Reader {
    fn line(&mut self, line: &str, number: u32, out: &mut Out) {
        for c in line.chars() {
            match c {
                '{' if self.depth == 0 => self.open(number, out),
                '}' if self.depth == 0 => {
                    self.end(number, out);
                    self.names.pop();
                }
                ';' if self.depth == 0 => self.end(number, out),
                _ => {
                    if self.text.trim().is_empty() && !c.is_whitespace() {
                        self.began = number;
                    }
                    self.depth = match c {
                        '(' | '[' => self.depth + 1,
                        ')' | ']' => self.depth.saturating_sub(1),
                        _ => self.depth,
                    };
                    self.text.push(c);
                }
            }
        }
        match self.language {
            Language::GraphQl | Language::Prisma if self.depth == 0 => self.end(number, out),
            _ => self.text.push(' '),
        }
    }

    /// A body begins: the text before it is its head.
    fn open(&mut self, number: u32, out: &mut Out) {
        let head = std::mem::take(&mut self.text);
        let words: Vec<&str> = head.split_whitespace().filter(|word| *word != "extend").collect();
        let name = words.get(1).or(words.first()).map(|word| word.split('(').next().unwrap_or(word));
        let name = clip_to(name.unwrap_or_default(), 120).to_owned();
        let begins = if words.is_empty() { number } else { self.began };
        let is_group = words.first() == Some(&"oneof");
        let verb = words.first().and_then(|word| word.split('(').next()).unwrap_or_default();
        let is_outermost = self.language == Language::GraphQl && self.names.is_empty();
        let is_operation = is_outermost && matches!(verb, "" | "query" | "mutation" | "subscription" | "fragment");
        if !words.is_empty() && !is_group && !is_operation {
            self.state(&name, &head, &(begins..=number), out);
        }
        if self.names.len() < MAX_LEVELS {
            let is_enum = words.contains(&"enum");
            let name = if is_group { String::new() } else { name };
            self.names.push(Open { name, first: begins, is_enum, is_operation });
        }
    }

    fn end(&mut self, number: u32, out: &mut Out) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        let lines = self.began..=number;
        if self.is_in_values() {
            return without_arguments(text)
                .split([' ', ','])
                .filter(|word| !word.is_empty() && !word.starts_with('@'))
                .for_each(|word| self.state(word, word, &lines, out));
        }
        if let Some(name) = self.name_of(text) {
            self.state(&name, text, &lines, out);
        }
    }

    /// GraphQL values may be on the same line.
    fn is_in_values(&self) -> bool {
        self.language == Language::GraphQl && self.names.last().is_some_and(|open| open.is_enum)
    }

    /// What a statement defines; options and imports define nothing.
    fn name_of(&self, text: &str) -> Option<String> {
        let first = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ':' | '=')).next()?;
        let name = match (self.language, first) {
            (_, "") | (Language::Protobuf, "option" | "import" | "syntax" | "package" | "edition") => return None,
            (Language::Protobuf, "rpc") => text.split([' ', '(']).filter(|word| !word.is_empty()).nth(1)?,
            (Language::Protobuf, "reserved" | "extensions") => first,
            (Language::Protobuf, _) => text.split('=').next()?.split_whitespace().next_back()?,
            (Language::GraphQl, "union" | "scalar" | "directive") => text.split([' ', '=']).nth(1)?,
            (Language::GraphQl | Language::Prisma, _) => first,
        };
        Some(clip_to(name, 120).to_owned())
    }

    fn state(&self, name: &str, text: &str, lines: &Lines, out: &mut Out) {
        if self.names.first().is_some_and(|open| open.is_operation) {
            return;
        }
        let names: Vec<&str> =
            self.names.iter().map(|open| open.name.as_str()).filter(|name| !name.is_empty()).collect();
        let scope = clip(&names.join("."));
        let opens = self.names.last().map_or(0, |open| open.first);
        let place = Place { object: &scope, scope: &scope, opens };
        if out.wants(lines) {
            let object = place.child(name);
            out.add(Kind::Definition, &object, Value::None, &tight(text), lines, &place);
        }
    }
}

/// A text without what directives say: `A @deprecated(reason: "use B")`.
fn without_arguments(text: &str) -> String {
    let mut depth = 0_usize;
    let mut left = String::new();
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => left.push(c),
            _ => {}
        }
    }
    left
}

/// The canonical form: no blanks inside brackets and before symbols.
fn tight(text: &str) -> String {
    let text = one_line(text).replace(" (", "(").replace("( ", "(").replace(" )", ")");
    text.replace(" :", ":").replace(" ,", ",")
}
