//! Lists of rules of packet and route filters: iptables as it saves them, nftables, pf, routers, Kubernetes.

use super::super::filters::{self, Rule, Verdict};
use super::lines::{comments, logical, numbered};
use super::out::{Out, Place};
use super::tree::{Entry, Lines, MAX_NODES, Node, Shape};

/// How many lines of a text are examined to detect its format.
pub(super) const LOOKED_AT: usize = 400;

/// Nothing if it is no list of rules.
pub(super) fn facts(name: &str, extension: &str, text: &str, out: &mut Out) -> Option<()> {
    const EXTENSIONS: &[&str] = &["", "conf", "v4", "v6", "rules", "iptables", "ip6tables", "nft", "nftables", "pf"];
    if !EXTENSIONS.contains(&extension) {
        return None;
    }
    let starts = |signs: &[&str]| {
        let mut lines = text.lines().take(LOOKED_AT).map(str::trim_start);
        lines.any(|line| signs.iter().any(|sign| line.starts_with(sign)))
    };
    if starts(&["*filter", ":INPUT ", ":FORWARD ", "-A INPUT ", "-A FORWARD "]) {
        let is_six = extension == "v6" || name.contains("ip6");
        iptables(text, if is_six { "ip6." } else { "" }, out);
    } else if starts(&["table inet ", "table ip ", "table ip6 ", "table arp ", "table bridge ", "table netdev "]) {
        nftables(text, out);
    } else if name == "pf.conf" || extension == "pf" || starts(&["block "]) && starts(&["pass "]) {
        packet_filter(text, out);
    } else {
        return None;
    }
    Some(())
}

pub(super) fn tell(rules: Vec<Rule>, lines: &Lines, place: &Place, out: &mut Out) {
    if out.wants(lines) {
        rules.iter().for_each(|rule| out.filter(rule, lines, &Place { scope: &rule.chain, ..*place }));
    }
}

/// A refusal that is there and switched off: what it held back passes.
pub(super) fn tell_off(rules: &[Rule], lines: &Lines, out: &mut Out) {
    for rule in rules.iter().filter(|rule| rule.verdict == Verdict::Refuse) {
        let scope = format!("{} {}", rule.object(), rule.value().say());
        let place = Place { object: "firewall.rule", scope: &scope, opens: *lines.start() };
        if out.wants(lines) {
            out.set("firewall.rule.disabled", "disabled", "true", lines, &place);
        }
    }
}

fn iptables(text: &str, family: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    let mut table = String::new();
    for (number, line) in numbered(text).take(MAX_NODES) {
        let words = quoted_words(line.trim());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let rules = match words.as_slice() {
            [first, ..] if first.starts_with('#') => Vec::new(),
            [first, ..] if first.starts_with('*') => {
                table = first.trim_start_matches('*').to_owned();
                Vec::new()
            }
            [chain, policy, ..] if chain.starts_with(':') => {
                filters::of_iptables(&["-t", &table, "-P", &chain[1..], policy], family)
            }
            words => filters::of_iptables(&[&["-t", table.as_str()], words].concat(), family),
        };
        tell(rules, &(number..=number), &Place::TOP, out);
    }
}

/// The words of a line; one in quotes is one word.
pub(super) fn quoted_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quote) = (None::<String>, None);
    for c in line.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            None if matches!(c, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            None if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Blocks of nftables; a statement ends with its line or a semicolon, and braces in it are a set.
fn nftables(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    let mut reader = Nftables { open: Vec::new(), words: Vec::new(), set: None, began: 1 };
    for (number, line) in numbered(text).take(MAX_NODES) {
        let code = line.split('#').next().unwrap_or_default();
        let spaced =
            ["{", "}", ";"].iter().fold(code.to_owned(), |code, sign| code.replace(sign, &format!(" {sign} ")));
        for word in quoted_words(&spaced) {
            reader.word(word, number, out);
        }
        if reader.set.is_none() {
            reader.end(number, out);
        }
    }
}

struct Nftables {
    /// Kind and name of the open blocks.
    open: Vec<(String, String)>,
    words: Vec<String>,
    /// The members of a set that is not closed yet.
    set: Option<String>,
    began: u32,
}

impl Nftables {
    fn word(&mut self, word: String, number: u32, out: &mut Out) {
        if let Some(set) = &mut self.set {
            if word == "}" {
                self.words.extend(self.set.take());
            } else {
                set.push_str(&word);
            }
            return;
        }
        match word.as_str() {
            "{" if self.is_head() => {
                let (kind, name) = (self.words.first().cloned(), self.words.last().cloned());
                self.open.push((kind.unwrap_or_default(), name.unwrap_or_default()));
                self.words.clear();
            }
            "{" => self.set = Some(String::new()),
            "}" => {
                self.end(number, out);
                self.open.pop();
            }
            ";" => self.end(number, out),
            _ => {
                if self.words.is_empty() {
                    self.began = number;
                }
                self.words.push(word);
            }
        }
    }

    fn is_head(&self) -> bool {
        let first = self.words.first().map(String::as_str).unwrap_or_default();
        matches!(first, "table" | "chain" | "set" | "map" | "flowtable" | "ct" | "counter" | "quota")
            && self.words.len() < 5
    }

    fn end(&mut self, number: u32, out: &mut Out) {
        let words = std::mem::take(&mut self.words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let Some((kind, name)) = self.open.last().filter(|_| !words.is_empty()) else { return };
        let lines = self.began..=number;
        match (kind.as_str(), words.as_slice()) {
            ("chain", ["policy", policy]) => {
                let rule = |verdict| Rule { chain: name.clone(), verdict, conditions: None };
                tell(Verdict::of(policy).map(rule).into_iter().collect(), &lines, &Place::TOP, out);
            }
            ("chain", words) => tell(filters::of_nft(name, words), &lines, &Place::TOP, out),
            ("set" | "map", ["elements", "=", members]) => {
                for member in members.split(',') {
                    out.set(&format!("set.{name}.elements[]"), "elements", member, &lines, &Place::TOP);
                }
            }
            _ => {}
        }
    }
}

/// Rules of pf, one on each line.
fn packet_filter(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#"]);
    for line in logical(text, "#") {
        let code = line.text.split('#').next().unwrap_or_default().trim();
        let words = braced_words(code);
        let Some((verb, rest)) = words.split_first() else { continue };
        let rest: Vec<&str> = rest.iter().map(String::as_str).filter(|word| !is_of_handling(word)).collect();
        let rules = match (verb.as_str(), Verdict::of(verb)) {
            ("antispoof", _) => filters::of_words("pf", Verdict::Refuse, &["in", "tagged", &rest.join(" ")]),
            (_, Some(verdict)) => filters::of_words("pf", verdict, &rest),
            _ => Vec::new(),
        };
        tell(rules, &line.lines, &Place::TOP, out);
    }
}

/// Words of pf that change nothing about what a rule fits.
fn is_of_handling(word: &str) -> bool {
    matches!(word, "log" | "quick" | "drop" | "return" | "return-rst" | "return-icmp" | "keep" | "state" | "modulate")
}

/// The words of a line; a list in braces is one word.
pub(super) fn braced_words(line: &str) -> Vec<String> {
    let (mut words, mut depth) = (Vec::<String>::new(), 0_usize);
    let spaced = line.replace('{', " { ").replace('}', " } ");
    for word in quoted_words(&spaced) {
        match (word.as_str(), words.last_mut()) {
            ("{", _) => {
                depth += 1;
                words.push(String::new());
            }
            ("}", _) => depth = depth.saturating_sub(1),
            (_, Some(last)) if depth > 0 => {
                last.push(' ');
                last.push_str(&word);
            }
            _ => words.push(word),
        }
    }
    words
}

/// The lists of a router that are being read: access lists, prefix lists, route maps.
#[derive(Default)]
pub(super) struct Router {
    /// The list whose rules are on the lines below.
    list: Option<String>,
    /// The entry of a route map whose conditions are on the lines below.
    entry: Option<(String, Verdict, Vec<Vec<String>>, Lines)>,
}

impl Router {
    /// Reads a line of a router's configuration.
    pub fn line(&mut self, words: &[&str], is_indented: bool, number: u32, out: &mut Out) {
        if is_indented {
            return self.inner(words, number, out);
        }
        self.end(out);
        let lines = number..=number;
        let of_list = |kind: &str, name: &str| format!("{kind}.{name}");
        match words {
            ["ip" | "ipv4" | "ipv6" | "mac", "access-list", "standard" | "extended", name]
            | ["ip" | "ipv4" | "ipv6" | "mac", "access-list", name] => {
                self.list = Some(of_list("acl", name));
            }
            ["access-list", name, "extended" | "standard" | "line", rest @ ..] | ["access-list", name, rest @ ..] => {
                tell(filters::of_access_list(&of_list("acl", name), rest), &lines, &Place::TOP, out);
            }
            ["ip" | "ipv6", "prefix-list", name, "seq", _, rest @ ..]
            | ["ip" | "ipv6", "prefix-list", name, rest @ ..] => {
                tell(of_prefix(&of_list("prefix-list", name), rest), &lines, &Place::TOP, out);
            }
            ["route-map", name, verdict, ..] => {
                let verdict = Verdict::of(verdict).unwrap_or(Verdict::Accept);
                self.entry = Some((of_list("route-map", name), verdict, Vec::new(), lines));
            }
            _ => {}
        }
    }

    fn inner(&mut self, words: &[&str], number: u32, out: &mut Out) {
        let words = if words.first().is_some_and(|word| word.parse::<u32>().is_ok()) { &words[1..] } else { words };
        if let Some(list) = &self.list {
            tell(filters::of_access_list(list, words), &(number..=number), &Place::TOP, out);
        }
        if let Some((_, _, conditions, lines)) = self.entry.as_mut().filter(|_| words.first() == Some(&"match")) {
            conditions.push(vec![words.join(" ")]);
            *lines = *lines.start()..=number;
        }
    }

    /// The lists end here.
    pub fn end(&mut self, out: &mut Out) {
        self.list = None;
        if let Some((chain, verdict, conditions, lines)) = self.entry.take() {
            tell(filters::rules(&chain, verdict, conditions), &lines, &Place::TOP, out);
        }
    }
}

/// `permit 203.0.113.0/24 le 32`.
fn of_prefix(chain: &str, words: &[&str]) -> Vec<Rule> {
    let [verdict, network, lengths @ ..] = words else { return Vec::new() };
    let is_all = matches!(*network, "0.0.0.0/0" | "::/0") && lengths.first() == Some(&"le") || *network == "any";
    let conditions = if is_all { Vec::new() } else { vec![vec![format!("net {network}")], vec![lengths.join(" ")]] };
    let conditions = conditions.into_iter().filter(|condition| !condition.concat().is_empty()).collect();
    let is_implied = is_all && Verdict::of(verdict) == Some(Verdict::Refuse);
    let verdict = Verdict::of(verdict).filter(|_| !is_implied);
    verdict.map_or_else(Vec::new, |verdict| filters::rules(chain, verdict, conditions))
}

/// The rules of a manifest of Kubernetes that says which pods are reached, and from where.
#[cfg(feature = "syntax")]
pub(super) fn of_manifest(document: &Node, name: &str, out: &mut Out) {
    let Some(spec) = document.get(&["spec"]).filter(|_| name.starts_with("NetworkPolicy.")) else { return };
    for (key, peers) in [("ingress", "from"), ("egress", "to")] {
        for item in spec.get(&[key]).map(Node::items).unwrap_or_default() {
            let alternatives = |key: &str| {
                let all = item.get(&[key]).map(Node::items).unwrap_or_default();
                all.iter().map(|each| format!("{key} {}", each.normalised())).collect::<Vec<_>>()
            };
            let conditions = vec![alternatives(peers), alternatives("ports")];
            let chain = format!("{name}.{key}");
            tell(filters::rules(&chain, Verdict::Accept, conditions), &item.lines, &Place::TOP, out);
        }
    }
}

/// A value at the end of a path, and where it is.
type Leaf<'n> = (String, &'n str, &'n Lines);

/// The terms of Junos: `from` or `match` has the conditions of each, `then` what is done.
pub(super) fn of_junos(document: &Node, out: &mut Out) {
    let mut leaves = Vec::new();
    add_leaves(document, "", &mut leaves);
    let mut terms: Vec<Term> = Vec::new();
    for (path, value, lines) in leaves {
        let Some((term, rest)) = term_of(&path) else { continue };
        if terms.last().is_none_or(|last| last.path != term) {
            terms.push(Term::new(term));
        }
        if let Some(last) = terms.last_mut() {
            last.add(rest, value, lines);
        }
    }
    for term in terms.into_iter().filter(|term| !term.is_inactive) {
        let chain = term.path.rsplit_once('.').and_then(|(path, _)| path.rsplit_once('.'));
        let (Some((chain, _)), Some(verdict), Some(lines)) = (chain, term.verdict, term.lines) else { continue };
        let conditions = term.conditions.into_values().collect();
        tell(filters::rules(chain, verdict, conditions), &lines, &Place::TOP, out);
    }
}

fn add_leaves<'n>(node: &'n Node, path: &str, leaves: &mut Vec<Leaf<'n>>) {
    if leaves.len() > MAX_NODES || path.len() > super::out::MAX_OBJECT {
        return;
    }
    for Entry { key, value, .. } in node.entries() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match &value.shape {
            Shape::Map(_) => add_leaves(value, &path, leaves),
            Shape::List(items) => {
                leaves.extend(items.iter().filter_map(|item| Some((path.clone(), item.text()?, &item.lines))));
            }
            _ => leaves.push((path, value.text().unwrap_or_default(), &value.lines)),
        }
    }
}

/// The path of the term that a value belongs to, and the path within it.
fn term_of(path: &str) -> Option<(&str, &str)> {
    let at = [".term.", ".policy."].iter().find_map(|sign| Some(path.rfind(sign)? + sign.len()))?;
    let end = at + path[at..].find('.')?;
    Some((&path[..end], &path[end + 1..]))
}

struct Term {
    path: String,
    verdict: Option<Verdict>,
    conditions: std::collections::BTreeMap<String, Vec<String>>,
    lines: Option<Lines>,
    is_inactive: bool,
}

impl Term {
    fn new(path: &str) -> Term {
        Term { path: path.to_owned(), verdict: None, conditions: Default::default(), lines: None, is_inactive: false }
    }

    fn add(&mut self, path: &str, value: &str, lines: &Lines) {
        let whole = self
            .lines
            .as_ref()
            .map_or(lines.clone(), |own| *own.start().min(lines.start())..=*own.end().max(lines.end()));
        self.lines = Some(whole);
        let (part, rest) = path.split_once('.').unwrap_or((path, ""));
        match part {
            "inactive" => self.is_inactive = value == "true",
            "then" => {
                let words = [rest, value];
                self.verdict = words.iter().find_map(|word| Verdict::of(word)).or(self.verdict);
            }
            "from" | "match" => self.condition(rest, value),
            _ => {}
        }
    }

    fn condition(&mut self, path: &str, value: &str) {
        if let Some(key) = path.strip_suffix(".inactive") {
            self.conditions.remove(key);
        } else if value != "any" {
            self.conditions.entry(path.to_owned()).or_default().push(format!("{path} {value}"));
        }
    }
}
