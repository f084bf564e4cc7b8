//! The firewall of Windows in scripts: the commands of PowerShell, and `netsh`. The rest of a script is not read.

use super::super::filters::{self, Rule, Verdict};
use super::firewall::{quoted_words, tell};
use super::lines::{Logical, numbered};
use super::out::{Out, Place};
use super::tree::MAX_NODES;

/// Whether a script has such a command.
pub(super) fn is_script(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.contains("-netfirewall") || lower.contains("advfirewall")
}

pub(super) fn facts(text: &str, out: &mut Out) {
    out.is_partial = true;
    for line in joined(text) {
        let words = quoted_words(line.text.trim());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let rules = match lower.as_slice() {
            ["netsh", "advfirewall", "firewall", "add", "rule", rest @ ..] => of_pairs(rest),
            ["netsh", "advfirewall", "set", _, "state", state, ..] => vec![policy("firewall", *state == "on")],
            ["netsh", "advfirewall", "set", _, "firewallpolicy", word, ..] => {
                vec![policy("in", word.starts_with("block"))]
            }
            ["new-netfirewallrule", rest @ ..] => of_options(rest),
            ["set-netfirewallprofile", rest @ ..] => of_profile(rest),
            [verb @ ("disable-netfirewallrule" | "remove-netfirewallrule"), rest @ ..] => {
                filters::rules("in", Verdict::Accept, vec![vec![format!("{verb} {}", rest.join(" "))]])
            }
            _ => Vec::new(),
        };
        tell(rules, &line.lines, &Place::TOP, out);
    }
}

/// Lines; one that ends in a backtick or a caret goes on in the next.
fn joined(text: &str) -> Vec<Logical> {
    let mut all: Vec<Logical> = Vec::new();
    let mut goes_on = false;
    for (number, line) in numbered(text).take(MAX_NODES) {
        let line = line.trim();
        let part = line.strip_suffix(['`', '^']).unwrap_or(line);
        match all.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.text.push(' ');
                last.text.push_str(part);
                last.lines = *last.lines.start()..=number;
            }
            None => all.push(Logical { lines: number..=number, text: part.to_owned() }),
        }
        goes_on = part.len() < line.len();
    }
    all
}

fn policy(chain: &str, refuses: bool) -> Rule {
    let verdict = if refuses { Verdict::Refuse } else { Verdict::Accept };
    Rule { chain: chain.to_owned(), verdict, conditions: None }
}

/// `-LocalPort 22,80 -Action Allow`: names with their values.
fn options<'w>(words: &[&'w str]) -> Vec<(&'w str, String)> {
    let mut all: Vec<(&str, String)> = Vec::new();
    for word in words {
        match (word.strip_prefix('-'), all.last_mut()) {
            (Some(name), _) => all.push((name, String::new())),
            (None, Some((_, value))) => value.push_str(word),
            _ => {}
        }
    }
    all
}

fn of_options(words: &[&str]) -> Vec<Rule> {
    let options = options(words);
    let pairs: Vec<(&str, &str)> = options.iter().map(|(key, value)| (*key, value.as_str())).collect();
    rule(&pairs)
}

fn of_pairs(words: &[&str]) -> Vec<Rule> {
    let pairs: Vec<(&str, &str)> = words.iter().filter_map(|word| word.split_once('=')).collect();
    rule(&pairs)
}

fn rule(pairs: &[(&str, &str)]) -> Vec<Rule> {
    let get = |names: &[&str]| pairs.iter().find(|(key, _)| names.contains(key)).map(|(_, value)| *value);
    let is_off = get(&["enabled", "enable"]).is_some_and(|word| matches!(word, "false" | "no" | "$false"));
    let chain = if get(&["direction", "dir"]).is_some_and(|word| word.starts_with("out")) { "out" } else { "in" };
    let Some(verdict) = Verdict::of(get(&["action"]).unwrap_or("allow")).filter(|_| !is_off) else { return Vec::new() };
    let condition = |(key, value): &(&str, &str)| {
        let sign = match *key {
            "localport" => "port",
            "remoteport" => "sport",
            "remoteaddress" | "remoteip" => "src",
            "localaddress" | "localip" => "dst",
            "protocol" => "proto",
            "program" | "service" | "profile" | "interfacealias" | "interfacetype" => *key,
            _ => return Vec::new(),
        };
        filters::addresses(sign, value)
    };
    filters::rules(chain, verdict, pairs.iter().map(condition).collect())
}

fn of_profile(words: &[&str]) -> Vec<Rule> {
    let options = options(words);
    let get = |name: &str| options.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
    let inbound = get("defaultinboundaction").map(|word| policy("in", word == "block"));
    let state = get("enabled").map(|word| policy("firewall", matches!(word, "true" | "$true" | "1")));
    inbound.into_iter().chain(state).collect()
}
