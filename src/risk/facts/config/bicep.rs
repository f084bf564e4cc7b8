//! Bicep: resources, parameters and variables, whose values are objects and lists without commas.

use super::lines::comments;
use super::out::{Out, Place};
use super::tree::{Entry, MAX_DEPTH, MAX_NODES, Node, Shape, clip};
use super::walk::walk;

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["//"]);
    let mut reader = Reader { rest: text, line: 1, last: last_line(text), left: MAX_NODES };
    let mut entries = Vec::new();
    while let Some(entry) = reader.statement() {
        entries.extend(entry);
    }
    out.is_cut |= reader.left == 0;
    let last = reader.here();
    walk(&Node::map(entries, 1..=last), &Place::TOP, "", out);
}

fn last_line(text: &str) -> u32 {
    u32::try_from(text.lines().count()).unwrap_or(u32::MAX).max(1)
}

struct Reader<'t> {
    rest: &'t str,
    line: u32,
    /// The last line of the text: nothing ends behind it.
    last: u32,
    left: usize,
}

impl<'t> Reader<'t> {
    /// Consumes this many bytes.
    fn take(&mut self, bytes: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(bytes.min(self.rest.len()));
        self.line = self.line.saturating_add(u32::try_from(taken.matches('\n').count()).unwrap_or(0));
        self.rest = rest;
        taken
    }

    /// Consumes a character of whatever length, unless it is one of these.
    fn take_char_but(&mut self, kept: &[char]) {
        let next = self.rest.chars().next().filter(|c| !kept.contains(c));
        self.take(next.map_or(0, char::len_utf8));
    }

    fn here(&self) -> u32 {
        self.line.min(self.last)
    }

    /// Skips blanks, comments and, between items, line breaks and commas.
    fn skip(&mut self, is_between: bool) {
        loop {
            let blank = |c: char| c == ' ' || c == '\t' || c == '\r' || is_between && matches!(c, '\n' | ',');
            let bytes = match self.rest {
                rest if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
                rest if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
                rest => rest.find(|c| !blank(c)).unwrap_or(rest.len()),
            };
            if bytes == 0 {
                return;
            }
            self.take(bytes);
        }
    }

    /// The next statement at the top; `Some(None)` for one that states nothing here.
    fn statement(&mut self) -> Option<Option<Entry>> {
        self.skip(true);
        if self.rest.is_empty() || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let first = self.here();
        let head_end = self.rest.find(['=', '\n']).unwrap_or(self.rest.len());
        let head = self.rest[..head_end].to_owned();
        let words: Vec<&str> = head.split_whitespace().collect();
        let key = match words.as_slice() {
            ["resource", name, kind, ..] => {
                let kind = kind.trim_matches('\'');
                format!("resource.{}.{name}", kind.split('@').next().unwrap_or(kind))
            }
            ["module", name, ..] => format!("module.{name}"),
            [what @ ("param" | "var"), name, ..] => format!("{what}.{name}"),
            // Decorators, outputs, types: their lines, whatever is in them.
            _ => {
                self.expression(0);
                self.take_char_but(&['\n']);
                return Some(None);
            }
        };
        self.take(head_end);
        if !self.rest.starts_with('=') {
            return Some(None);
        }
        self.take(1);
        let value = self.value(0);
        let lines = first..=*value.lines.end();
        Some(Some(Entry { key: clip(&key), lines, is_block: false, value }))
    }

    fn value(&mut self, depth: usize) -> Node {
        self.skip(false);
        if depth < MAX_DEPTH && self.left > 0 {
            self.left -= 1;
            if let Some(rest) = self.rest.strip_prefix("if").filter(|rest| rest.trim_start().starts_with('(')) {
                self.take(self.rest.len() - rest.trim_start().len());
                self.bracketed();
                return self.value(depth + 1);
            }
            match self.rest.chars().next() {
                Some('{') => return self.object(depth),
                Some('[') => return self.list(depth),
                _ => {}
            }
        }
        self.scalar(depth)
    }

    /// What is in round brackets, with them.
    fn bracketed(&mut self) {
        let mut depth = 0_usize;
        let end = self.rest.char_indices().find(|(_, c)| {
            depth = match c {
                '(' => depth + 1,
                ')' => depth.saturating_sub(1),
                _ => depth,
            };
            depth == 0
        });
        self.take(end.map_or(self.rest.len(), |(at, c)| at + c.len_utf8()));
    }

    fn object(&mut self, depth: usize) -> Node {
        let first = self.here();
        self.take(1);
        let mut entries = Vec::new();
        loop {
            self.skip(true);
            if self.rest.is_empty() || self.rest.starts_with('}') || self.left == 0 {
                break;
            }
            let begins = self.here();
            let end = self.rest.find([':', '\n', '}']).unwrap_or(self.rest.len());
            let key = self.take(end).trim().trim_matches('\'').to_owned();
            if !self.rest.starts_with(':') {
                // A nested resource, or a spread.
                self.take_char_but(&['}']);
                continue;
            }
            self.take(1);
            let value = self.value(depth + 1);
            entries.push(Entry { key, lines: begins..=*value.lines.end(), is_block: false, value });
        }
        let last = self.here();
        self.take_char_but(&[]);
        Node::map(entries, first..=last)
    }

    /// A list; a loop is the object that it makes, with its head as `for`.
    fn list(&mut self, depth: usize) -> Node {
        let first = self.here();
        self.take(1);
        self.skip(true);
        let mut items = Vec::new();
        let head = self.rest.starts_with("for ").then(|| {
            let end = self.rest.find([':', '\n']).unwrap_or(self.rest.len());
            let head = Node::scalar(self.take(end).trim(), self.here());
            self.take(usize::from(self.rest.starts_with(':')));
            head
        });
        loop {
            self.skip(true);
            if self.rest.is_empty() || self.rest.starts_with(']') || self.left == 0 {
                break;
            }
            let before = self.rest.len();
            items.push(self.value(depth + 1));
            if self.rest.len() == before {
                self.take_char_but(&[]);
            }
        }
        let lines = first..=self.here();
        self.take_char_but(&[]);
        match (head, items.pop()) {
            (Some(head), Some(Node { shape: Shape::Map(mut entries), .. })) => {
                let own = Entry { key: "for".to_owned(), lines: head.lines.clone(), is_block: false, value: head };
                entries.push(own);
                Node::map(entries, lines)
            }
            (_, last) => {
                items.extend(last);
                Node { lines, shape: Shape::List(items) }
            }
        }
    }

    fn scalar(&mut self, depth: usize) -> Node {
        let first = self.here();
        let text = self.expression(depth).trim();
        let lines = first..=self.here();
        let inner = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(text);
        let is_literal = !inner.contains('\'')
            && (inner.len() < text.len() || !inner.contains(['(', '.', '?', ' ']) && !inner.is_empty());
        let is_name = inner.len() == text.len() && inner.starts_with(|c: char| c.is_alphabetic());
        let is_word = matches!(inner, "true" | "false" | "null");
        match is_literal && (!is_name || is_word) {
            true => Node { lines, shape: Shape::Scalar { text: inner.to_owned(), first } },
            false => Node { lines, shape: Shape::Scalar { text: format!("${{{text}}}"), first } },
        }
    }

    /// Up to the end of the line, item, list or object.
    fn expression(&mut self, depth: usize) -> &'t str {
        let (mut open, mut is_text) = (0_usize, false);
        if let Some(rest) = self.rest.strip_prefix("'''") {
            return self.take(rest.find("'''").map_or(self.rest.len(), |at| at + 6));
        }
        let mut end = self.rest.len();
        for (at, c) in self.rest.char_indices() {
            let is_comment = !is_text && self.rest[at..].starts_with("//");
            match c {
                '\'' => is_text = !is_text,
                '\n' if open == 0 || is_text => {
                    end = at;
                    break;
                }
                _ if is_comment => {
                    end = at;
                    break;
                }
                _ if is_text => {}
                '(' | '[' | '{' => open += 1,
                ')' | ']' | '}' if open > 0 => open -= 1,
                ']' | '}' | ',' if open == 0 && depth > 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        self.take(end)
    }
}
