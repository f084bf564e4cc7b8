//! `resil.limit-lost`: a retry limit, timeout, pool, quota or rate is gone, unlimited, or changed by a factor of two or
//! more. A limit that goes with the whole block around it is none lost.

use crate::change::diff::Side;
use crate::risk::blast::{is_sample, is_test};
use crate::risk::{FileUnderReview, Finding, Rules};

const WORDS: &[&str] = &[
    "retry",
    "retries",
    "attempts",
    "attempt",
    "timeout",
    "deadline",
    "backoff",
    "limit",
    "quota",
    "rate",
    "ratelimit",
    "pool",
    "replicas",
    "budget",
    "concurrency",
    "connections",
    "inflight",
    "throttle",
    "burst",
];
/// Where a key is configuration, so that its loss is a loss; in code, names come and go.
const CONFIGURATION: &[&str] =
    &["yaml", "yml", "toml", "json", "tf", "tfvars", "hcl", "ini", "cfg", "conf", "properties", "env"];

/// `key: number` in a configuration or a constant. Infinite where it says that there is no limit.
struct Limit {
    key: String,
    value: f64,
    line: u32,
    text: String,
    indent: usize,
}

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let path = file.path();
    let foreign =
        is_test(&path) || is_sample(&path) || crate::risk::is_generated(&path) || path.starts_with(".github/");
    if foreign || file.new.is_none() || file.old.is_none() {
        return Vec::new();
    }
    let (removed, added) = (file.removed(), file.added());
    let mut new: Vec<Limit> = added.iter().filter_map(limit).collect();
    let mut found = Vec::new();
    for old in removed.iter().filter_map(limit).filter(|old| old.value > 0.0 && old.value.is_finite()) {
        // First with first: in a list of like blocks, keys repeat.
        match new.iter().position(|new| new.key == old.key) {
            Some(at) => {
                let new = new.remove(at);
                if is_far(old.value, new.value) {
                    found.extend(rules.of_check("resil.limit-lost", file, Side::New, new.line, &new.text));
                }
            }
            None if is_configuration(&path) && !goes_with_its_block(&old, removed) => {
                found.extend(rules.of_check("resil.limit-lost", file, Side::Old, old.line, &old.text));
            }
            None => {}
        }
    }
    found
}

fn is_configuration(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| CONFIGURATION.contains(&ending))
}

/// Whether the removed lines just above reach the line that opens the block of this key.
fn goes_with_its_block(old: &Limit, removed: &[(u32, String)]) -> bool {
    let at = removed.iter().position(|(line, _)| *line == old.line).unwrap_or_default();
    let run = removed[..=at].iter().rev().zip(0..).take_while(|((line, _), back)| line + back == old.line);
    run.into_iter().any(|((_, text), _)| !text.trim().is_empty() && indent(text) < old.indent)
        || old.text.trim_start().starts_with("- ")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Only `key = 3`, `key: 3,` and `"key": 3` with a limit word in the key: an edit of any other number is no loss of a
/// limit.
fn limit((line, text): &(u32, String)) -> Option<Limit> {
    let (key, value) = text.trim().split_once([':', '='])?;
    let key = key.trim().trim_matches(['"', '\'']).rsplit([' ', '.']).next()?.trim_matches(['"', '\'']);
    if key.is_empty() || !words(key).iter().any(|word| WORDS.contains(&word.as_str())) {
        return None;
    }
    let value = value.trim().trim_end_matches([',', ';']).trim_matches(['"', '\'']);
    Some(Limit {
        key: key.to_ascii_lowercase(),
        value: amount(value)?,
        line: *line,
        text: text.clone(),
        indent: indent(text),
    })
}

/// A number with at most a unit after it; an expression is none.
fn amount(value: &str) -> Option<f64> {
    let lower = value.to_ascii_lowercase();
    if matches!(lower.as_str(), "null" | "none" | "infinity" | "unlimited" | "false" | "math.inf" | "-1" | "nil") {
        return Some(f64::INFINITY);
    }
    let digits = lower.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '_')).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let factor = match unit.split(['#', '/']).next().unwrap_or_default().trim() {
        "" | "s" | "sec" | "seconds" | "m" => 1.0,
        "ms" => 0.001,
        "min" => 60.0,
        "h" => 3600.0,
        "k" => 1e3,
        _ => return None,
    };
    number.replace('_', "").parse::<f64>().ok().map(|number| number * factor)
}

/// The words of an identifier: `maxAttempts`, `max_attempts`, `MAX-ATTEMPTS`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in key.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words
}

fn is_far(old: f64, new: f64) -> bool {
    new <= 0.0 || new >= 2.0 * old || new <= old / 2.0
}
