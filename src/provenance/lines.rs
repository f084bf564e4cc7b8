//! `Key: value` lines of a message: every line is looked at, since a squash leaves trailers in the middle.

use crate::change::{Identity, visible};

/// Bytes of a message that are looked at.
const MAX_MESSAGE: usize = 256 << 10;

/// One line of a message below the title. `key` is lower-case, and empty where the line is no `key: value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageLine {
    pub key: String,
    pub value: String,
    pub whole: String,
    /// Hidden characters stood in the key; they were taken out of it.
    pub disguised: bool,
}

impl MessageLine {
    /// The identity in `Co-authored-by: name <address>` and the kernel's and GitHub's other spellings.
    pub(super) fn co_author(&self) -> Option<Identity> {
        matches!(self.key.as_str(), "co-authored-by" | "co-author" | "coauthored-by" | "co-developed-by")
            .then(|| identity(&self.value))
    }
}

pub(super) fn identity(text: &str) -> Identity {
    let text = text.trim();
    let parts = text.rsplit_once('<').and_then(|(name, rest)| Some((name, rest.trim_end().strip_suffix('>')?)));
    let (name, email) = parts.unwrap_or((text, ""));
    Identity { name: name.trim().to_owned(), email: email.trim().to_owned() }
}

/// The lines below the title; folded continuation lines belong to the line before.
pub(super) fn of(message: &str) -> Vec<MessageLine> {
    let mut end = message.len().min(MAX_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    let mut lines: Vec<MessageLine> = Vec::new();
    for raw in message[..end].lines().skip(1) {
        let folded = raw.starts_with([' ', '\t']) && lines.last().is_some_and(|last| !last.key.is_empty());
        match lines.last_mut() {
            Some(last) if folded && !raw.trim().is_empty() && !looks_like_key(raw) => {
                last.value = format!("{} {}", last.value, raw.trim());
                last.whole = format!("{} {}", last.whole, raw.trim());
            }
            _ => lines.push(line(raw.trim())),
        }
    }
    lines
}

fn looks_like_key(raw: &str) -> bool {
    !line(raw.trim()).key.is_empty()
}

fn line(text: &str) -> MessageLine {
    let plain = MessageLine { key: String::new(), value: String::new(), whole: text.to_owned(), disguised: false };
    let Some((key, value)) = text.split_once(':') else { return plain };
    let clean: String = key.chars().filter(|&c| !visible::is_hidden(c)).collect();
    let is_key = clean.starts_with(|c: char| c.is_ascii_alphabetic())
        && clean.len() <= 60
        && clean.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ' '));
    // Words before a colon are prose, except the spaced spellings that tools write ("Devin Session:").
    if !is_key || clean.split(' ').count() > 2 {
        return plain;
    }
    MessageLine {
        disguised: clean != key,
        key: clean.to_ascii_lowercase(),
        value: value.trim().to_owned(),
        whole: text.to_owned(),
    }
}
