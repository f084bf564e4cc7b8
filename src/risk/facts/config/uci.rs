//! The firewall of OpenWrt: sections with options, as its configuration system writes them.

use super::super::filters::{self, Rule, Verdict};
use super::firewall::{LOOKED_AT, quoted_words, tell, tell_off};
use super::lines::{comments, numbered};
use super::out::{Out, Place};
use super::tree::{Lines, MAX_NODES};

/// Whether a text has sections of a firewall.
pub(super) fn is_firewall(text: &str) -> bool {
    let kinds = ["config rule", "config zone", "config defaults", "config redirect", "config forwarding"];
    let mut lines = text.lines().take(LOOKED_AT).map(str::trim_end);
    lines.any(|line| kinds.iter().any(|kind| line.starts_with(kind))) && text.contains("option ")
}

#[derive(Default)]
struct Section {
    kind: String,
    options: Vec<(String, String)>,
    lines: Option<Lines>,
}

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    let mut section = Section::default();
    for (number, line) in numbered(text).take(MAX_NODES) {
        let words = quoted_words(line.trim());
        match words.as_slice() {
            [verb, kind, ..] if verb == "config" => {
                std::mem::take(&mut section).tell(out);
                section.kind = kind.clone();
                section.lines = Some(number..=number);
            }
            [verb, key, value, ..] if verb == "option" || verb == "list" => {
                section.options.push((key.clone(), value.clone()));
                section.lines = section.lines.map(|lines| *lines.start()..=number);
            }
            _ => {}
        }
    }
    section.tell(out);
}

impl Section {
    fn get(&self, key: &str) -> Option<&str> {
        self.options.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_str())
    }

    fn tell(self, out: &mut Out) {
        let Some(lines) = self.lines.clone() else { return };
        let rules = match self.kind.as_str() {
            "rule" => {
                let verdict = self.get("target").and_then(Verdict::of);
                verdict.map_or_else(Vec::new, |verdict| filters::rules("input", verdict, self.conditions()))
            }
            "forwarding" | "redirect" => filters::rules(&self.kind, Verdict::Accept, self.conditions()),
            "zone" | "defaults" => self.policies(),
            _ => Vec::new(),
        };
        match self.get("enabled") {
            Some("0") => tell_off(&rules, &lines, out),
            _ => tell(rules, &lines, &Place::TOP, out),
        }
    }

    /// What becomes of what no rule is for.
    fn policies(&self) -> Vec<Rule> {
        let name = self.get("name").unwrap_or("defaults");
        let policy = |list: &&str| {
            let verdict = Verdict::of(self.get(list)?)?;
            Some(Rule { chain: format!("{name}.{list}"), verdict, conditions: None })
        };
        ["input", "forward", "output"].iter().filter_map(policy).collect()
    }

    fn conditions(&self) -> Vec<Vec<String>> {
        let keys = ["src", "dest", "src_ip", "dest_ip", "proto", "src_port", "dest_port", "family", "icmp_type"];
        let more = ["src_mac", "src_dip", "src_dport", "mark", "ipset", "dest_mac"];
        let of_key = |key: &&str| {
            let sign = match *key {
                "src" => "from",
                "dest" => "to",
                "src_ip" => "src",
                "dest_ip" => "dst",
                "dest_port" => "port",
                "src_port" => "sport",
                key => key,
            };
            let values = self.options.iter().filter(|(own, _)| own == key);
            let values: Vec<&str> = values.map(|(_, value)| value.as_str()).collect();
            filters::addresses(sign, &values.join(" "))
        };
        keys.iter().chain(&more).map(of_key).collect()
    }
}
