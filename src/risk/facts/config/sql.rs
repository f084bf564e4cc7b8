//! SQL files. Statements in the half that reverts a migration have the scope `down`.

use super::super::{Kind, Value, sql};
use super::lines::comments;
use super::out::{Out, Place};

pub(super) fn facts(name: &str, text: &str, out: &mut Out) {
    out.comments = comments(text, &["--"]);
    let stem = name.split('.').next().unwrap_or(name);
    let is_named = ["down", "undo", "revert", "rollback"]
        .iter()
        .any(|word| stem == *word || stem.strip_suffix(word).is_some_and(|rest| rest.ends_with(['_', '-'])));
    let is_undo = is_named
        || [".down.", ".undo.", ".revert.", "rollback"].iter().any(|mark| name.contains(mark))
        || name.starts_with("u") && name.contains("__");
    let downs = if is_undo { vec![(0, true)] } else { halves(text) };
    for sql::Statement { lines, object, text } in sql::statements(text) {
        let lines = lines.start() + 1..=lines.end() + 1;
        let first = *lines.start();
        let is_down = downs.iter().rev().find(|(line, _)| *line <= first).is_some_and(|(_, is_down)| *is_down);
        let scope = if is_down { "down" } else { "" };
        if out.wants(&lines) {
            out.add(Kind::Sql, &object, Value::None, &text, &lines, &Place { scope, ..Place::TOP });
        }
    }
}

/// Where the halves of a migration begin, 1-based, according to the marks of its tool, and whether each is the
/// reverting one.
fn halves(text: &str) -> Vec<(u32, bool)> {
    let of_line = |(line, text): (u32, &str)| {
        let mark = text.trim().strip_prefix("--")?.to_ascii_lowercase();
        let is_mark = ["+goose", "+migrate", "migrate:", "//@undo", "rollback", "changeset", "down", "up"]
            .iter()
            .any(|word| mark.trim_start().starts_with(word));
        let is_within = ["statement", "no transaction", "envsub"].iter().any(|word| mark.contains(word));
        let is_mark = is_mark && !is_within;
        let is_down = ["down", "undo", "rollback"].iter().any(|word| mark.contains(word));
        is_mark.then_some((line, is_down))
    };
    (1..).zip(text.lines()).filter_map(of_line).collect()
}
