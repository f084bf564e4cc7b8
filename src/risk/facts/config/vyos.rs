//! Filters of VyOS and EdgeOS: as blocks of their configuration file, or as commands that set the same paths.

use std::collections::BTreeMap;

use super::super::filters::{self, Rule, Verdict};
use super::firewall::{LOOKED_AT, quoted_words, tell, tell_off};
use super::lines::{comments, numbered};
use super::out::{Out, Place};
use super::tree::{Lines, MAX_DEPTH, MAX_NODES};

/// Whether a text is a configuration file: blocks in braces whose statements have no semicolon.
pub(super) fn is_boot(text: &str) -> bool {
    let heads = ["firewall {", "interfaces {", "policy {", "service {", "system {", "protocols {", "nat {"];
    let mut lines = text.lines().take(LOOKED_AT);
    lines.any(|line| heads.contains(&line.trim_end())) && !text.lines().any(|line| line.trim_end().ends_with(';'))
}

/// Whether a text is a list of commands that set numbered rules, or what becomes of the rest.
pub(super) fn is_commands(text: &str) -> bool {
    let heads = ["set firewall ", "set policy ", "set interfaces "];
    let of = |line: &str| {
        let is_head = heads.iter().any(|head| line.starts_with(head));
        is_head && [" rule ", "default-action", " firewall "].iter().any(|word| line.contains(word))
    };
    text.lines().take(LOOKED_AT).map(str::trim_start).any(of)
}

/// The statements of a configuration file.
pub(super) fn boot(text: &str, out: &mut Out) {
    out.comments = comments(text, &["//", "/*"]);
    let mut open: Vec<Vec<String>> = Vec::new();
    let mut reader = Reader::default();
    for (number, line) in numbered(text).take(MAX_NODES) {
        let code = line.trim();
        if code.starts_with("//") || code.starts_with("/*") {
            continue;
        }
        let words = quoted_words(code.trim_end_matches('{'));
        if code == "}" {
            open.pop();
        } else if code.ends_with('{') {
            if open.len() < MAX_DEPTH {
                open.push(words);
            }
        } else if !words.is_empty() {
            let path: Vec<&str> = open.iter().flatten().chain(&words).map(String::as_str).collect();
            reader.statement(&path, number, out);
            let (last, path) = path.split_last().filter(|(_, path)| !path.is_empty()).unwrap_or((&"true", &path));
            let key = path.last().copied().unwrap_or_default();
            out.set(&path.join("."), key, last, &(number..=number), &Place::TOP);
        }
    }
    reader.end(out);
}

/// The filters that commands set.
pub(super) fn commands(text: &str, out: &mut Out) {
    let mut reader = Reader::default();
    for (number, line) in numbered(text).take(MAX_NODES) {
        let words = quoted_words(line.trim());
        if let Some((_, path)) = words.split_first().filter(|(verb, _)| *verb == "set") {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            reader.statement(&path, number, out);
        }
    }
    reader.end(out);
}

/// The numbered rules so far: their statements may be anywhere.
#[derive(Default)]
struct Reader(BTreeMap<(String, String), Numbered>);

#[derive(Default)]
struct Numbered {
    verdict: Option<Verdict>,
    conditions: BTreeMap<String, Vec<String>>,
    lines: Option<Lines>,
    is_off: bool,
}

impl Reader {
    fn statement(&mut self, path: &[&str], number: u32, out: &mut Out) {
        let lines = number..=number;
        let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let rule = path.windows(2).position(|pair| pair[0] == "rule" && is_number(&pair[1]));
        match (path, rule) {
            (["firewall" | "policy", ..], Some(at)) => {
                let key = (path[..at].join("."), path[at + 1].to_owned());
                self.0.entry(key).or_default().statement(&path[at + 2..], lines);
            }
            (["firewall" | "policy", inner @ .., "default-action", word], None) => {
                let chain = format!("{}.{}", path[0], inner.join("."));
                let rule = |verdict| Rule { chain, verdict, conditions: None };
                tell(Verdict::of(word).map(rule).into_iter().collect(), &lines, &Place::TOP, out);
            }
            (["interfaces", ..], None) => {
                // A list of rules that is applied to what comes in.
                if let Some(at) = path.iter().position(|word| *word == "firewall").filter(|at| *at + 2 < path.len()) {
                    let by = vec![vec![format!("by {}", path[at + 1..].join(" "))]];
                    tell(filters::rules(&path[..at].join("."), Verdict::Refuse, by), &lines, &Place::TOP, out);
                }
            }
            _ => {}
        }
    }

    fn end(self, out: &mut Out) {
        for ((chain, _), rule) in self.0 {
            let (Some(verdict), Some(lines)) = (rule.verdict, rule.lines) else { continue };
            let rules = filters::rules(&chain, verdict, rule.conditions.into_values().collect());
            match rule.is_off {
                true => tell_off(&rules, &lines, out),
                false => tell(rules, &lines, &Place::TOP, out),
            }
        }
    }
}

impl Numbered {
    fn statement(&mut self, words: &[&str], lines: Lines) {
        let own = self.lines.get_or_insert(lines.clone());
        *own = *own.start().min(lines.start())..=*own.end().max(lines.end());
        match words {
            ["action", "jump"] => self.verdict = Some(Verdict::Refuse),
            ["action", word] => self.verdict = Verdict::of(word),
            ["disable"] => self.is_off = true,
            ["description" | "log" | "log-options" | "set", ..] | [] => {}
            [path @ .., last] => {
                let key = match path.join(" ").as_str() {
                    "source address" => "src".to_owned(),
                    "destination address" => "dst".to_owned(),
                    "destination port" => "port".to_owned(),
                    "source port" => "sport".to_owned(),
                    "protocol" => "proto".to_owned(),
                    "" => "is".to_owned(),
                    key => key.to_owned(),
                };
                let value = match last.strip_prefix('!') {
                    Some(last) => vec![format!("not {key} {last}")],
                    None => filters::addresses(&key, last),
                };
                self.conditions.entry(key).or_default().extend(value);
            }
        }
    }
}
