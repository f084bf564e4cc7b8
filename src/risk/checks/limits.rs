//! `resil.limit-lost`: a retry limit, timeout, pool, quota or rate is gone, unlimited, or changed by a factor of two or more.

use crate::change::diff::Side;
use crate::risk::blast::is_test;
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
    "pool",
    "replicas",
    "budget",
    "concurrency",
    "connections",
];

/// `key: number` in a configuration or a constant.
struct Limit {
    key: String,
    value: Option<f64>,
}

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let path = file.path();
    if is_test(&path) || path.ends_with(".md") || crate::risk::is_generated(&path) || file.new.is_none() {
        return Vec::new();
    }
    let added: Vec<(u32, Limit)> = file.added().iter().filter_map(|(n, line)| Some((*n, limit(line)?))).collect();
    let mut found = Vec::new();
    for (number, line) in file.removed() {
        let Some(old) = limit(&line).filter(|old| old.value.is_some_and(|value| value > 0.0)) else { continue };
        match added.iter().find(|(_, new)| new.key == old.key) {
            Some((at, new)) if is_lost(old.value, new.value) => {
                let text = file.added().into_iter().find(|(n, _)| n == at).map(|(_, text)| text).unwrap_or_default();
                found.extend(rules.of_check("resil.limit-lost", file, Side::New, *at, &text));
            }
            Some(_) => {}
            None => found.extend(rules.of_check("resil.limit-lost", file, Side::Old, number, &line)),
        }
    }
    found
}

/// Only `key = 3`, `key: 3,` and `"key": 3` with a limit word in the key: an edit of any other number is no loss of a limit.
fn limit(line: &str) -> Option<Limit> {
    let (key, value) = line.trim().split_once([':', '='])?;
    let key = key.trim().trim_matches(['"', '\'']).rsplit(' ').next()?.trim_matches(['"', '\'']);
    let parts = words(key);
    if key.is_empty() || !parts.iter().any(|word| WORDS.contains(&word.as_str())) {
        return None;
    }
    let value = value.trim().trim_end_matches([',', ';']).trim_matches(['"', '\'']);
    let number: String = value
        .chars()
        .take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'))
        .filter(|&c| c != '_')
        .collect();
    let unlimited = matches!(
        value.to_ascii_lowercase().as_str(),
        "null" | "none" | "infinity" | "unlimited" | "false" | "math.inf"
    );
    let number = number.parse().ok().or(unlimited.then_some(0.0));
    number.map(|value| Limit { key: key.to_ascii_lowercase(), value: Some(value) })
}

/// The words of an identifier: `maxAttempts`, `max_attempts`, `MAX-ATTEMPTS`.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in key.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric() {
            words.last_mut().expect("never empty").extend(c.to_lowercase());
        }
        before = c;
    }
    words
}

fn is_lost(old: Option<f64>, new: Option<f64>) -> bool {
    match (old, new) {
        (Some(old), Some(new)) => new <= 0.0 || new >= 2.0 * old || new <= old / 2.0,
        _ => true,
    }
}
