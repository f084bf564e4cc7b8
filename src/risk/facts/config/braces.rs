//! Statements that end in a semicolon or line break, and blocks in braces: nginx, Caddy, Junos.

use std::collections::BTreeSet;

use super::lines::entry;
use super::out::Out;
use super::tree::{Entry, Lines, MAX_DEPTH, MAX_NODES, Node, Shape};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Nginx,
    Caddy,
    Junos,
}

/// The most bytes of a word; a longer one is split.
const MAX_WORD: usize = 4_000;
/// Directives whose first word after the name is their subject.
const NAMED: &[&str] =
    &["add_header", "proxy_set_header", "fastcgi_param", "set", "header", "env", "proxy_hide_header"];

pub(super) fn document(text: &str, style: Style, out: &mut Out) -> Node {
    let mut reader =
        Reader { style, line: 1, words: Vec::new(), began: 1, ended: 1, open: vec![Open::default()], left: MAX_NODES };
    out.comments = reader.read(text);
    out.is_cut |= reader.left == 0;
    reader.finish()
}

/// A `#` in the middle of a word is not a comment: `/a#b`.
fn may_comment(text: &str, rest: &str) -> bool {
    let before = text[..text.len() - rest.len()].chars().next_back();
    before.is_none_or(|c| c.is_whitespace() || matches!(c, ';' | '{' | '}'))
}

/// A block that is not closed yet.
#[derive(Default)]
struct Open {
    head: Vec<String>,
    first: u32,
    entries: Vec<Entry>,
}

struct Reader {
    style: Style,
    line: u32,
    words: Vec<String>,
    began: u32,
    /// The line of the last word.
    ended: u32,
    open: Vec<Open>,
    left: usize,
}

impl Reader {
    /// Returns the lines that contain only a comment.
    fn read(&mut self, text: &str) -> BTreeSet<u32> {
        let mut comments = BTreeSet::new();
        let mut rest = text;
        let mut begins_line = true;
        while let Some(c) = rest.chars().next() {
            let long = self.style == Style::Junos && rest.starts_with("/*");
            if long || c == '#' && may_comment(text, rest) {
                let end = if long { rest.find("*/").map(|at| at + 2) } else { rest.find('\n') };
                let comment = &rest[..end.unwrap_or(rest.len())];
                let first = self.line;
                self.line += u32::try_from(comment.matches('\n').count()).unwrap_or(0);
                if begins_line {
                    comments.extend(first..=self.line);
                }
                rest = &rest[comment.len()..];
                continue;
            }
            begins_line = c == '\n' || begins_line && c.is_whitespace();
            rest = self.token(c, rest);
        }
        self.end_statement();
        comments
    }

    /// Consumes the token that begins with this character, and returns the rest.
    fn token<'t>(&mut self, c: char, rest: &'t str) -> &'t str {
        let after = &rest[c.len_utf8()..];
        match c {
            '\n' => {
                if self.style == Style::Caddy {
                    self.end_statement();
                }
                self.line = self.line.saturating_add(1);
                return after;
            }
            ';' => self.end_statement(),
            '{' if self.style != Style::Caddy || after.starts_with(char::is_whitespace) => self.open_block(),
            '}' => self.close_block(true),
            '"' | '\'' => return self.quoted(c, after),
            c if c.is_whitespace() => {}
            _ => return self.word(rest),
        }
        after
    }

    /// Up to a blank, semicolon or brace; `${name}` and a placeholder of Caddy, `{name}`, are parts of a word.
    fn word<'t>(&mut self, rest: &'t str) -> &'t str {
        let (mut is_inside, mut before, mut end) = (false, '$', rest.len());
        for (at, c) in rest.char_indices() {
            let is_brace = c == '}' && !is_inside || c == '{' && before != '$';
            if at > 0 && (c.is_whitespace() || c == ';' || is_brace || at > MAX_WORD) {
                end = at;
                break;
            }
            is_inside = c == '{' || is_inside && c != '}';
            before = c;
        }
        self.push(&rest[..end]);
        &rest[end..]
    }

    fn quoted<'t>(&mut self, quote: char, rest: &'t str) -> &'t str {
        let end = rest.find(quote).unwrap_or(rest.len());
        let text = &rest[..end];
        self.push(text);
        self.line = self.line.saturating_add(u32::try_from(text.matches('\n').count()).unwrap_or(0));
        rest.get(end + quote.len_utf8()..).unwrap_or_default()
    }

    fn push(&mut self, word: &str) {
        if self.words.is_empty() {
            self.began = self.line;
        }
        self.ended = self.line;
        self.words.push(word.to_owned());
    }

    fn end_statement(&mut self) {
        let words = std::mem::take(&mut self.words);
        if words.is_empty() || self.left == 0 {
            return;
        }
        self.left -= 1;
        let entries = statement(words, self.style, &(self.began..=self.ended));
        if let Some(open) = self.open.last_mut() {
            open.entries.extend(entries);
        }
    }

    fn open_block(&mut self) {
        let head = std::mem::take(&mut self.words);
        let first = if head.is_empty() { self.line } else { self.began };
        if self.open.len() <= MAX_DEPTH {
            self.open.push(Open { head, first, entries: Vec::new() });
        }
    }

    fn close_block(&mut self, closes: bool) {
        self.end_statement();
        if self.open.len() > 1
            && let Some(open) = self.open.pop()
        {
            // For an unclosed, empty block, the last word is above.
            let last = if closes { self.line } else { self.ended.max(open.first) };
            let entry = block(open, self.style, last);
            if let Some(outer) = self.open.last_mut() {
                outer.entries.push(entry);
            }
        }
    }

    fn finish(mut self) -> Node {
        while self.open.len() > 1 {
            self.close_block(false);
        }
        let entries = self.open.pop().map(|open| open.entries).unwrap_or_default();
        Node::map(entries, 1..=self.ended)
    }
}

fn block(open: Open, style: Style, last: u32) -> Entry {
    let Open { mut head, first, mut entries } = open;
    let lines = first..=last;
    let is_inactive = take_mark(&mut head);
    if is_inactive {
        entries.push(entry("inactive", "true", &(first..=first)));
    }
    let key = head.join(if style == Style::Junos { "." } else { " " });
    Entry { key, lines: lines.clone(), is_block: true, value: Node::map(entries, lines) }
}

/// Removes the marks before a Junos statement; returns whether one of them deactivates it.
fn take_mark(words: &mut Vec<String>) -> bool {
    let marks = words.iter().take_while(|word| matches!(word.as_str(), "inactive:" | "protect:" | "replace:")).count();
    words.drain(..marks).any(|mark| mark == "inactive:")
}

fn statement(mut words: Vec<String>, style: Style, lines: &Lines) -> Vec<Entry> {
    let is_inactive = take_mark(&mut words);
    let mut entries = match style {
        Style::Junos => vec![path(&words, lines)],
        Style::Nginx | Style::Caddy => directive(&words, lines),
    };
    if let Some(key) = entries.first().filter(|_| is_inactive).map(|entry| format!("{}.inactive", entry.key)) {
        entries.push(entry(key, "true", lines));
    }
    entries
}

/// `limit_req zone=one burst=5;` also sets `limit_req.burst`.
fn directive(words: &[String], lines: &Lines) -> Vec<Entry> {
    let Some((name, rest)) = words.split_first() else { return Vec::new() };
    let (key, rest) = match rest.split_first() {
        Some((what, rest)) if NAMED.contains(&name.as_str()) && !rest.is_empty() => (format!("{name}.{what}"), rest),
        _ => (name.clone(), rest),
    };
    let parameters = rest.iter().filter_map(|word| word.split_once('='));
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let parameters = parameters.filter(|(name, _)| is_name(name));
    let parameters = parameters.map(|(name, value)| entry(format!("{key}.{name}"), value, lines)).collect::<Vec<_>>();
    let value = if rest.is_empty() { "true".to_owned() } else { rest.join(" ") };
    std::iter::once(entry(key, value, lines)).chain(parameters).collect()
}

/// The last of the words is the value of the path before it; a list in brackets has several.
pub(super) fn path(words: &[String], lines: &Lines) -> Entry {
    if let Some(at) = words.iter().position(|word| word == "[").filter(|at| *at > 0) {
        let items = words[at + 1..].iter().filter(|word| *word != "]");
        let items = items.map(|word| Node::scalar(word.as_str(), *lines.start())).collect();
        let value = Node { lines: lines.clone(), shape: Shape::List(items) };
        return Entry { key: words[..at].join("."), lines: lines.clone(), is_block: false, value };
    }
    match words.split_last() {
        Some((last, path)) if !path.is_empty() => entry(path.join("."), last.as_str(), lines),
        _ => entry(words.join("."), "true", lines),
    }
}
