//! Filters of RouterOS, as it exports them: a path, and under it what is added, set, disabled or removed.

use super::super::filters::{self, Verdict};
use super::firewall::{quoted_words, tell, tell_off};
use super::lines::{comments, logical};
use super::out::{Out, Place};
use super::tree::{Lines, MAX_NODES};

/// Attributes that say nothing about what a rule fits.
const TOLD_ONLY: &[&str] =
    &["action", "chain", "comment", "log", "log-prefix", "disabled", "place-before", "reject-with", "rule", "invert"];

/// Whether a text is such an export.
pub(super) fn is_export(text: &str) -> bool {
    let is_path = |line: &str| {
        ["/ip ", "/ipv6 ", "/interface ", "/routing ", "/system ", "/ip/"].iter().any(|head| line.starts_with(head))
    };
    let does = |line: &str| ["add ", "set ", "print", "disable ", "remove "].iter().any(|verb| line.contains(verb));
    text.lines().take(super::firewall::LOOKED_AT).any(is_path) && text.lines().any(does)
}

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    let mut path = String::new();
    for line in logical(text, "#").into_iter().take(MAX_NODES) {
        let code = line.text.trim();
        if code.starts_with('#') {
            continue;
        }
        let words = quoted_words(code);
        let at = words.iter().position(|word| is_verb(word)).unwrap_or(words.len());
        if code.starts_with('/') {
            path = words[..at].join(" ").replace('/', " ").trim().to_owned();
        }
        if let Some((verb, rest)) = words.get(at..).and_then(<[String]>::split_first) {
            statement(&path, verb, rest, &line.lines, out);
        }
    }
}

fn is_verb(word: &str) -> bool {
    matches!(word, "add" | "set" | "disable" | "enable" | "remove" | "move" | "print" | "export")
}

fn statement(path: &str, verb: &str, words: &[String], lines: &Lines, out: &mut Out) {
    let (find, words) = found(words);
    let pairs: Vec<(&str, &str)> = words.iter().filter_map(|word| word.split_once('=')).collect();
    let get = |key: &str| pairs.iter().find(|(own, _)| *own == key).map(|(_, value)| *value);
    let is_off = get("disabled").is_some_and(|value| matches!(value, "yes" | "true"));
    let is_filter = path.contains("filter") || path.ends_with("raw");
    match verb {
        "add" if is_filter => rule(path, &pairs, is_off, lines, out),
        "set" if path == "ip service" => service(words, get("disabled"), get("address"), lines, out),
        // What it finds was there before; the rules of an export do not say where.
        "disable" | "remove" if is_filter => switched_off(&format!("{verb} {find}{}", words.join(" ")), lines, out),
        "set" if is_filter && (is_off || get("action") == Some("accept")) => {
            switched_off(&format!("set {find}{}", words.join(" ")), lines, out);
        }
        "set" => {
            let name = words.first().filter(|word| !word.contains('=')).map_or("", String::as_str);
            let object = format!("{} {name}{find}", path.replace(' ', "."));
            let place = Place { object: object.trim(), ..Place::TOP };
            pairs.iter().for_each(|(key, value)| out.set(&place.child(key), key, value, lines, &place));
        }
        _ => {}
    }
}

/// The part in brackets, which says what is set, and the words behind it.
fn found(words: &[String]) -> (String, &[String]) {
    if !words.first().is_some_and(|word| word.starts_with('[')) {
        return (String::new(), words);
    }
    let end = words.iter().position(|word| word.ends_with(']')).map_or(words.len(), |at| at + 1);
    (words[..end].join(" ") + " ", &words[end..])
}

fn switched_off(what: &str, lines: &Lines, out: &mut Out) {
    let place = Place { object: "firewall.rule", ..Place::TOP };
    if out.wants(lines) {
        out.set("firewall.rule.disabled", "disabled", "true", lines, &place);
        out.block("firewall.rule", what, lines, &place);
    }
}

fn service(words: &[String], disabled: Option<&str>, from: Option<&str>, lines: &Lines, out: &mut Out) {
    let name = words.first().filter(|word| !word.contains('=')).map_or("", String::as_str);
    let verdict = if disabled == Some("yes") { Verdict::Refuse } else { Verdict::Accept };
    let from = from.map_or_else(Vec::new, |from| filters::addresses("src", from));
    tell(filters::rules("ip service", verdict, vec![vec![format!("port {name}")], from]), lines, &Place::TOP, out);
}

fn rule(path: &str, pairs: &[(&str, &str)], is_off: bool, lines: &Lines, out: &mut Out) {
    let get = |key: &str| pairs.iter().find(|(own, _)| *own == key).map_or("", |(_, value)| *value);
    let chain = format!("{path}.{}", get("chain"));
    let mut conditions: Vec<Vec<String>> = pairs.iter().filter_map(|(key, value)| condition(key, value)).collect();
    let verdict = match get("action") {
        // Since version 7 a rule of a route filter is a statement of its own.
        "" if !get("rule").is_empty() => {
            let (head, body) = get("rule").split_once('{').unwrap_or(("", get("rule")));
            conditions.push(vec![head.split_whitespace().collect::<Vec<_>>().join(" ")]);
            body.split(|c: char| !c.is_alphanumeric()).find_map(Verdict::of)
        }
        "jump" => {
            conditions.push(vec![format!("by {}", get("jump-target"))]);
            Some(Verdict::Refuse)
        }
        "" => Some(Verdict::Accept),
        word => Verdict::of(word),
    };
    conditions.retain(|condition| condition.first().is_none_or(|first| !first.is_empty()));
    let rules = verdict.map_or_else(Vec::new, |verdict| filters::rules(&chain, verdict, conditions));
    match is_off {
        true => tell_off(&rules, lines, out),
        false => tell(rules, lines, &Place::TOP, out),
    }
}

fn condition(key: &str, value: &str) -> Option<Vec<String>> {
    let sign = match key {
        _ if TOLD_ONLY.contains(&key) => return None,
        "src-address" => "src",
        "dst-address" => "dst",
        "dst-port" => "port",
        "src-port" => "sport",
        "protocol" => "proto",
        "in-interface" => "in",
        "out-interface" => "out",
        "connection-state" => "state",
        key => key,
    };
    Some(match value.strip_prefix('!') {
        Some(value) => vec![format!("not {sign} {value}")],
        None => filters::addresses(sign, value),
    })
}
