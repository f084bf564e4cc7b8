//! Common parts of the formats that are read line by line.

use super::tree::{Entry, Lines, MAX_NODES, Node};

/// Lines with their numbers; those that end in a backslash are joined with the next.
pub(super) struct Logical {
    pub lines: Lines,
    /// Without blanks at its end.
    pub text: String,
}

/// A line that ends in a backslash continues in the next. Comments in between are omitted.
pub(super) fn logical(text: &str, comment: &str) -> Vec<Logical> {
    let mut all: Vec<Logical> = Vec::new();
    let mut goes_on = false;
    for (number, line) in numbered(text) {
        let line = line.trim_end();
        if goes_on && !comment.is_empty() && line.trim_start().starts_with(comment) {
            continue;
        }
        let (part, ends_open) = line.strip_suffix('\\').map_or((line, false), |part| (part, true));
        match all.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.text.push(' ');
                last.text.push_str(part.trim());
                last.lines = *last.lines.start()..=number;
            }
            None => all.push(Logical { lines: number..=number, text: part.trim_end().to_owned() }),
        }
        goes_on = ends_open;
        if all.len() > MAX_NODES {
            break;
        }
    }
    all
}

/// Lines, numbered from one.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (u32, &str)> {
    (1..).zip(text.lines())
}

/// Numbers of the lines that begin with one of these signs.
pub(super) fn comments(text: &str, signs: &[&str]) -> std::collections::BTreeSet<u32> {
    let is_comment = |line: &str| signs.iter().any(|sign| line.trim_start().starts_with(sign));
    numbered(text).filter(|(_, line)| is_comment(line)).map(|(number, _)| number).collect()
}

pub(super) fn entry(key: impl Into<String>, text: impl Into<String>, lines: &Lines) -> Entry {
    let mut value = Node::scalar(text, *lines.start());
    value.lines = lines.clone();
    Entry { key: key.into(), lines: lines.clone(), is_block: false, value }
}

/// The text without its quotes, if it is in quotes.
pub(super) fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}
