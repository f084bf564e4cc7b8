//! Lines of a crontab: when, and what.

use super::lines::{comments, numbered};
use super::out::{Out, Place};
use super::shell;
use super::tree::clip_to;

/// Whether lines name a user, as those of the system do.
pub(super) fn facts(text: &str, has_user: bool, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    for (number, line) in numbered(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let lines = number..=number;
        let fields = if line.starts_with('@') { 1 } else { 5 };
        match line.split_once('=').filter(|(key, _)| key.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
        {
            Some((key, value)) => out.set(key.trim(), key.trim(), value.trim(), &lines, &Place::TOP),
            None => {
                let (when, rest) = after_words(line, fields);
                let command = if has_user { after_words(rest, 1).1 } else { rest };
                let object = format!("cron[{}]", clip_to(command, 120));
                let place = Place { object: &object, scope: &object, opens: number };
                out.set(&place.child("schedule"), "schedule", when, &lines, &place);
                shell::facts(command, number, &place, out);
            }
        }
    }
}

/// The first words of a line, and what follows them.
fn after_words(line: &str, count: usize) -> (&str, &str) {
    let mut rest = line;
    for _ in 0..count {
        rest = rest.trim_start().split_once(char::is_whitespace).map_or("", |(_, rest)| rest);
    }
    (line[..line.len() - rest.len()].trim(), rest.trim_start())
}
