//! Filters written in XML: the zones of firewalld, the rules of pfSense and OPNsense.

use super::super::filters::{self, Rule, Verdict};
use super::firewall::{tell, tell_off};
use super::out::{Out, Place};
use super::tree::{Entry, Node};

/// The filters of a document, if it has some.
pub(super) fn facts(document: &Node, out: &mut Out) {
    for root in document.entries() {
        match root.key.as_str() {
            "zone" => zone(root, out),
            "pfsense" | "opnsense" => root.value.entries().iter().for_each(|part| sense(part, out)),
            _ => {}
        }
    }
}

fn zone(root: &Entry, out: &mut Out) {
    let first = *root.lines.start();
    let target = root.value.text_of(&["target"]).unwrap_or("default");
    // Without a target, what no rule is for is rejected.
    let verdict = Verdict::of(target.trim_matches('%')).unwrap_or(Verdict::Refuse);
    let policy = Rule { chain: "input".to_owned(), verdict, conditions: None };
    tell(vec![policy], &(first..=first), &Place::TOP, out);
    for each in root.value.entries() {
        let (conditions, verdict) = match each.key.as_str() {
            "rule" => (each.value.entries().iter().map(condition).collect(), verdict_of(&each.value)),
            "service" | "port" | "source-port" | "protocol" | "forward-port" | "masquerade" => {
                (vec![condition(each)], Some(Verdict::Accept))
            }
            _ => continue,
        };
        if let Some(verdict) = verdict {
            tell(filters::rules("input", verdict, conditions), &each.lines, &Place::TOP, out);
        }
    }
}

fn verdict_of(rule: &Node) -> Option<Verdict> {
    rule.entries().iter().find_map(|each| Verdict::of(&each.key))
}

/// What an element of a zone or of a rule in it fits; nothing if it is no condition.
fn condition(each: &Entry) -> Vec<String> {
    let text = |name: &str| each.value.text_of(&[name]);
    let with = |key: &str, name: &str| text(name).map(|value| format!("{key} {value}")).into_iter().collect();
    match each.key.as_str() {
        "service" => with("port", "name"),
        "port" => text("port").map_or_else(Vec::new, |port| vec![said_port("port", port, text("protocol"))]),
        "source-port" => text("port").map_or_else(Vec::new, |port| vec![said_port("sport", port, text("protocol"))]),
        "protocol" => with("proto", "value"),
        "source" | "destination" => {
            let key = if each.key == "source" { "src" } else { "dst" };
            let is_not = text("invert").or(text("NOT")).is_some_and(|word| matches!(word, "true" | "yes" | "True"));
            let named = ["address", "mac", "ipset"].iter().find_map(|name| text(name)).unwrap_or_default();
            if is_not { vec![format!("not {key} {named}")] } else { filters::addresses(key, named) }
        }
        "forward-port" | "masquerade" | "icmp-block" => vec![format!("{} {}", each.key, each.value.normalised())],
        "family" => with("family", "family"),
        _ => Vec::new(),
    }
}

fn said_port(key: &str, port: &str, protocol: Option<&str>) -> String {
    protocol.map_or_else(|| format!("{key} {port}"), |protocol| format!("{key} {port} {protocol}"))
}

/// `filter` has a list of rules, each with its interface.
fn sense(part: &Entry, out: &mut Out) {
    for each in part.value.entries().iter().filter(|each| part.key == "filter" && each.key == "rule") {
        let rule = &each.value;
        let is_off = rule.get(&["disabled"]).is_some() || rule.text_of(&["enabled"]) == Some("0");
        let Some(verdict) = rule.text_of(&["type"]).and_then(Verdict::of) else { continue };
        let chain = format!("in.{}", rule.text_of(&["interface"]).unwrap_or("floating"));
        let plain = ["protocol", "ipprotocol", "direction", "statetype", "gateway"];
        let mut conditions: Vec<Vec<String>> =
            plain.iter().filter_map(|key| Some(filters::addresses(key, rule.text_of(&[key])?))).collect();
        for (side, key, port) in [("source", "src", "sport"), ("destination", "dst", "port")] {
            let Some(end) = rule.get(&[side]) else { continue };
            let is_not = end.get(&["not"]).is_some();
            let where_ = end.text_of(&["address", "network"]).map_or_else(Vec::new, |word| match is_not {
                true => vec![format!("not {key} {word}")],
                false => filters::addresses(key, word),
            });
            conditions.push(where_);
            conditions.push(end.text_of(&["port"]).map_or_else(Vec::new, |word| vec![format!("{port} {word}")]));
        }
        let rules = filters::rules(&chain, verdict, conditions);
        match is_off {
            true => tell_off(&rules, &each.lines, out),
            false => tell(rules, &each.lines, &Place::TOP, out),
        }
    }
}
