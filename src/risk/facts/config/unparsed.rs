//! Code in languages without a grammar: only what bounds its tries and waits. The patterns read the whole.

use super::super::{Kind, Value};
use super::lines::{comments, numbered};
use super::out::{Out, Place};
use super::tree::{MAX_NODES, clip};

/// Extensions of these languages.
pub(super) const EXTENSIONS: &[&str] =
    &["ex", "exs", "erl", "scala", "sc", "hs", "ml", "fs", "clj", "dart", "swift", "lua", "groovy", "nim", "cr", "jl"];
/// Calls that bound what is repeated or waited for.
const BOUNDS: &[&str] = &[
    "recurs",
    "recurUpTo",
    "retryN",
    "limitRetries",
    "limitRetriesByDelay",
    "limitRetriesByCumulativeDelay",
    "withMaxRetries",
    "maxAttempts",
    "withMaxAttempts",
    "timeout",
    "timeoutTo",
    "timeoutFail",
    "timeoutFailCause",
    "completionTimeout",
    "idleTimeout",
    "withTimeout",
    "stopAfterDelay",
    "stop_after",
    "take_while",
];
/// Words of names that count tries.
const COUNTERS: &[&str] = &["attempt", "tries", "retry", "retries", "fuel", "remaining"];

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#", "//", "--", "%", ";;"]);
    out.is_partial = true;
    for (number, line) in numbered(text).take(MAX_NODES) {
        if out.comments.contains(&number) || line.len() > super::super::MAX_TEXT {
            continue;
        }
        let lines = number..=number;
        if let Some(condition) = condition(line).filter(|_| out.wants(&lines)) {
            out.add(Kind::Guard, &clip(condition), Value::None, line.trim(), &lines, &Place::TOP);
        }
        for call in calls(line) {
            if out.wants(&lines) {
                out.add(Kind::Call, call, Value::None, line.trim(), &lines, &Place::TOP);
            }
        }
    }
}

/// A condition that compares a count of tries: `when attempt <= @max do`, `if (tries > 5) {`.
fn condition(line: &str) -> Option<&str> {
    let heads = [" when ", "if ", "if(", "unless ", "while ", "guard "];
    let at = heads.iter().filter_map(|head| Some(line.find(head)? + head.len())).min()?;
    let rest = &line[at..];
    let ends = [", do", " do", "->", "{", " then", ", :", " =>"];
    let end = ends.iter().filter_map(|sign| rest.find(sign)).min().unwrap_or(rest.len());
    let said = rest[..end].trim();
    let counts = COUNTERS.iter().any(|word| said.to_ascii_lowercase().contains(word));
    (counts && said.contains(['<', '>', '='])).then_some(said)
}

/// The bounds that a line calls, with what they are called on.
fn calls(line: &str) -> impl Iterator<Item = &str> {
    let is_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    line.match_indices('(').filter_map(move |(at, _)| {
        let before = &line[..at];
        let begin =
            before.rfind(|c| !is_of_name(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let name = &before[begin..];
        BOUNDS.contains(&name.rsplit('.').next().unwrap_or(name)).then_some(name)
    })
}
