//! Filters of OpenBGPD: one rule on each line, the lists in it in braces.

use super::super::filters::{self, Verdict};
use super::firewall::{LOOKED_AT, braced_words, tell};
use super::lines::{Logical, comments, logical};
use super::out::{Out, Place};

/// Words that begin a condition.
const HEADS: &[&str] = &[
    "prefix",
    "prefix-set",
    "as-set",
    "AS",
    "source-as",
    "peer-as",
    "transit-as",
    "community",
    "large-community",
    "ext-community",
    "max-as-len",
    "max-as-seq",
    "max-communities",
    "nexthop",
    "inet",
    "inet6",
    "ovs",
    "avs",
    "roa-set",
    "origin-set",
];

/// Whether one of the first lines allows or denies routes.
pub(super) fn is_filter(text: &str) -> bool {
    let is_rule = |line: &str| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("allow" | "deny")) && words.any(|word| matches!(word, "from" | "to"))
    };
    text.lines().take(LOOKED_AT).any(is_rule)
}

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    for line in whole(text) {
        rule(&line, out);
    }
}

/// The rules; one that opens a brace goes on until that is closed.
fn whole(text: &str) -> Vec<Logical> {
    let mut all: Vec<Logical> = Vec::new();
    let mut is_open = false;
    for line in logical(text, "#") {
        let code = line.text.split('#').next().unwrap_or_default().trim();
        let begins = ["allow", "deny"].iter().any(|verb| code.split_whitespace().next() == Some(verb));
        match all.last_mut().filter(|last| is_open && last.text.len() < super::super::MAX_TEXT) {
            Some(last) => {
                last.text.push(' ');
                last.text.push_str(code);
                last.lines = *last.lines.start()..=*line.lines.end();
            }
            None if begins => all.push(Logical { lines: line.lines, text: code.to_owned() }),
            None => continue,
        }
        let count = |sign: char| all.last().map_or(0, |last| last.text.matches(sign).count());
        is_open = count('{') > count('}');
    }
    all
}

fn rule(line: &Logical, out: &mut Out) {
    let words = braced_words(&line.text);
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "quick").collect();
    let [verb, direction @ ("from" | "to"), rest @ ..] = words.as_slice() else { return };
    let Some(verdict) = Verdict::of(verb) else { return };
    let at = match rest.first() {
        Some(&("group" | "AS")) => 2,
        _ => 1,
    };
    let (peers, rest) = rest.split_at(at.min(rest.len()));
    let mut conditions = vec![listed("peer", peers)];
    let end = rest.iter().position(|word| *word == "set").unwrap_or(rest.len());
    let mut phrase: Vec<&str> = Vec::new();
    for word in &rest[..end] {
        if HEADS.contains(word) {
            conditions.push(of_phrase(&std::mem::take(&mut phrase)));
        }
        phrase.push(word);
    }
    conditions.push(of_phrase(&phrase));
    tell(filters::rules(&format!("bgpd.{direction}"), verdict, conditions), &line.lines, &Place::TOP, out);
}

fn of_phrase(words: &[&str]) -> Vec<String> {
    match words.split_first() {
        Some((head, [])) => vec![(*head).to_owned()],
        Some((head, rest)) => listed(head, rest),
        None => Vec::new(),
    }
}

/// The alternatives of a list; none if it is everybody.
fn listed(key: &str, words: &[&str]) -> Vec<String> {
    let joined = words.join(" ");
    let items = joined.split(',').map(|item| item.split_whitespace().collect::<Vec<_>>().join(" "));
    let items: Vec<String> = items.filter(|item| !item.is_empty()).collect();
    if items.iter().any(|item| item == "any") {
        return Vec::new();
    }
    items.into_iter().map(|item| format!("{key} {item}")).collect()
}
