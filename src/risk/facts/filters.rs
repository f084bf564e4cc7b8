//! Rules of packet and route filters: what they let pass or refuse, whatever the tool that they are written for. Two
//! sides are compared by what the rules cover, so that a split, merged or sorted list of rules is no change.

use super::Value;
use core::net::IpAddr;

/// The most rules that one line of alternatives is split into.
const MAX_ALTERNATIVES: usize = 64;

/// What a filter does with what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accept,
    Refuse,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Refuse => "refuse",
        }
    }

    /// By the word of a tool.
    pub fn of(word: &str) -> Option<Verdict> {
        Some(match word.to_ascii_lowercase().as_str() {
            "accept" | "allow" | "permit" | "pass" => Verdict::Accept,
            "drop" | "reject" | "deny" | "refuse" | "discard" | "block" | "tarpit" => Verdict::Refuse,
            _ => return None,
        })
    }
}

/// A rule of a filter, or the policy for what no rule fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    /// The list of rules that it is in: `INPUT`, `acl.EDGE-IN`.
    pub chain: String,
    pub verdict: Verdict,
    /// All must hold: `src 10.0.0.0/8`, `port 22`. None for a policy.
    pub conditions: Option<Vec<String>>,
}

impl Rule {
    pub fn object(&self) -> String {
        let what = if self.conditions.is_none() { "policy" } else { self.verdict.name() };
        format!("{}.{what}", self.chain)
    }

    pub fn value(&self) -> Value {
        match &self.conditions {
            Some(conditions) => Value::Match(conditions.clone()),
            None => Value::Text(self.verdict.name().to_owned()),
        }
    }
}

/// The rules of a list of conditions, each of which may have alternatives: one rule for each combination.
pub(super) fn rules(chain: &str, verdict: Verdict, conditions: Vec<Vec<String>>) -> Vec<Rule> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for alternatives in conditions.into_iter().filter(|alternatives| !alternatives.is_empty()) {
        let joined = vec![alternatives.join(",")];
        let chosen = if all.len() * alternatives.len() > MAX_ALTERNATIVES { &joined } else { &alternatives };
        let with = |so_far: &Vec<String>| {
            chosen.iter().map(|one| so_far.iter().chain([one]).cloned().collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(with).collect();
    }
    let rule = |conditions: Vec<String>| {
        let mut conditions: Vec<String> = conditions.into_iter().filter_map(of_some_ports).collect();
        conditions.sort();
        conditions.dedup();
        Rule { chain: chain.to_owned(), verdict, conditions: Some(conditions) }
    };
    all.into_iter().map(rule).collect()
}

/// Whether all that fits `inner` fits `outer`, too.
pub(in crate::risk) fn covers(outer: &[String], inner: &[String]) -> bool {
    outer.iter().all(|outer| inner.iter().any(|inner| implies(inner, outer)))
}

/// Whether a condition holds wherever the other one does: it is the same, or a network within it.
fn implies(inner: &str, outer: &str) -> bool {
    let within = || {
        let ((key, inner), (of, outer)) = (inner.split_once(' ')?, outer.split_once(' ')?);
        Some(key == of && contains(network(outer)?, network(inner)?))
    };
    inner == outer || within().unwrap_or(false) || is_range_within(inner, outer)
}

/// The lowest and highest port of `8000-8010`, `8000:8010` or `22`.
fn ports(word: &str) -> Option<(u16, u16)> {
    let (low, high) = word.split_once(['-', ':']).unwrap_or((word, word));
    Some((low.parse().ok()?, high.parse().ok()?)).filter(|(low, high)| low <= high)
}

/// Whether two conditions on ports say the same but for a range, and the outer range has the inner.
fn is_range_within(inner: &str, outer: &str) -> bool {
    let is_of_ports = |text: &str| text.split(' ').any(|word| matches!(word, "port" | "sport" | "dport"));
    let within = |(inner, outer): (&str, &str)| match (ports(inner), ports(outer)) {
        (Some(inner), Some(outer)) => outer.0 <= inner.0 && inner.1 <= outer.1,
        _ => inner == outer,
    };
    let count = |text: &str| text.split(' ').count();
    is_of_ports(inner) && count(inner) == count(outer) && inner.split(' ').zip(outer.split(' ')).all(within)
}

/// A condition without its ports if these are all there are: of `port 1-65535 tcp` the protocol is left.
fn of_some_ports(condition: String) -> Option<String> {
    let is_all = |word: &str| ports(word).is_some_and(|(low, high)| low <= 1 && high == u16::MAX);
    let is_of_ports = |word: &str| matches!(word, "port" | "sport" | "dport");
    let words: Vec<&str> = condition.split(' ').collect();
    if !words.iter().any(|word| is_of_ports(word)) || !words.iter().any(|word| is_all(word)) {
        return Some(condition);
    }
    let protocol = words.into_iter().find(|word| !is_of_ports(word) && !is_all(word));
    protocol.map(|protocol| format!("proto {protocol}"))
}

/// Address and length of its prefix.
type Network = (IpAddr, u8);

fn network(text: &str) -> Option<Network> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    Some((address, prefix.map_or(Some(most), |prefix| prefix.parse().ok()).filter(|prefix| *prefix <= most)?))
}

fn contains((outer, prefix): Network, (inner, longer): Network) -> bool {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    outer.is_ipv4() == inner.is_ipv4() && prefix <= longer && (bits(outer) ^ bits(inner)) & mask == 0
}

/// Whether a word stands for every address, so that it is no condition.
fn is_anywhere(word: &str) -> bool {
    matches!(word, "any" | "any4" | "any6" | "all" | "0.0.0.0/0" | "::/0" | "0/0" | "anywhere" | "*")
}

/// A condition on addresses; none if every address fits.
pub(super) fn addresses(key: &str, list: &str) -> Vec<String> {
    let words = list.split([',', ' ', '{', '}']).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(|word| format!("{key} {word}")).collect();
    let is_open = |word: &String| word.split_once(' ').is_some_and(|(_, word)| is_anywhere(word));
    if words.iter().any(is_open) { Vec::new() } else { words }
}

/// The rules of a command for a firewall: `iptables`, `ip6tables`, `nft`, `ufw`. A line of a saved list of iptables
/// begins with its option.
pub(super) fn of_command(words: &[&str]) -> Vec<Rule> {
    let Some((program, rest)) = words.split_first() else { return Vec::new() };
    match program.rsplit('/').next().unwrap_or(program).trim_end_matches("-legacy").trim_end_matches("-nft") {
        "sudo" | "doas" => of_command(rest),
        "iptables" => of_iptables(rest, ""),
        "ip6tables" => of_iptables(rest, "ip6."),
        "nft" => of_nft_command(rest),
        "ufw" => of_ufw(rest),
        _ => Vec::new(),
    }
}

/// The words behind `iptables`, or a line of a saved list.
pub(super) fn of_iptables(words: &[&str], family: &str) -> Vec<Rule> {
    let mut table = "";
    let mut chain = None;
    let mut policy = None;
    let mut target = None;
    let mut conditions: Vec<Vec<String>> = Vec::new();
    let mut negated = "";
    let mut at = 0;
    while let Some(word) = words.get(at).copied() {
        at += 1;
        let next = words.get(at).copied().unwrap_or_default();
        let mut take = |sign: &str| {
            at += 1;
            let key = format!("{negated}{sign}");
            if negated.is_empty() { addresses(&key, next) } else { vec![format!("{key} {next}")] }
        };
        match word {
            "!" => {
                negated = "not ";
                continue;
            }
            "-t" | "--table" => table = if next == "filter" { "" } else { next },
            "-A" | "--append" | "-I" | "--insert" => chain = Some(next),
            "-P" | "--policy" => {
                chain = Some(next);
                policy = words.get(at + 1).copied();
            }
            "-j" | "--jump" | "-g" | "--goto" => target = Some(next),
            "-s" | "--source" | "--src" => conditions.push(take("src")),
            "-d" | "--destination" | "--dst" => conditions.push(take("dst")),
            "-p" | "--protocol" | "--proto" => conditions.push(take("proto")),
            "-i" | "--in-interface" => conditions.push(take("in")),
            "-o" | "--out-interface" => conditions.push(take("out")),
            "--dport" | "--dports" | "--destination-port" | "--destination-ports" => conditions.push(take("port")),
            "--sport" | "--sports" | "--source-port" | "--source-ports" => conditions.push(take("sport")),
            "--ctstate" | "--state" => conditions.push(take("state")),
            "-m" | "--match" | "-c" | "--comment" | "-w" | "-W" | "--reject-with" | "--log-prefix" => {}
            _ if word.starts_with("--") => conditions.push(take(word)),
            _ => {}
        }
        negated = "";
    }
    let Some(chain) = chain else { return Vec::new() };
    let chain = if table.is_empty() { format!("{family}{chain}") } else { format!("{family}{table}.{chain}") };
    if let Some(verdict) = policy.and_then(Verdict::of) {
        return vec![Rule { chain, verdict, conditions: None }];
    }
    match target.map(|target| (target, Verdict::of(target))) {
        Some((_, Some(verdict))) => rules(&chain, verdict, conditions),
        // What another list of rules does with it is not known, but it is asked.
        Some((list, None)) if !is_target(list) => {
            conditions.push(vec![format!("by {list}")]);
            rules(&chain, Verdict::Refuse, conditions)
        }
        _ => Vec::new(),
    }
}

/// Targets that neither accept nor refuse.
fn is_target(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'6') && is_known_target(word)
}

fn is_known_target(word: &str) -> bool {
    const TARGETS: &[&str] = &[
        "LOG",
        "RETURN",
        "MASQUERADE",
        "SNAT",
        "DNAT",
        "REDIRECT",
        "MARK",
        "CONNMARK",
        "TCPMSS",
        "NFLOG",
        "ULOG",
        "QUEUE",
        "NFQUEUE",
        "NOTRACK",
        "CT",
        "TPROXY",
        "SET",
        "TOS",
        "DSCP",
        "TTL",
        "CLASSIFY",
        "NETMAP",
        "AUDIT",
    ];
    TARGETS.contains(&word)
}

/// `nft add rule inet filter input tcp dport 22 accept`.
fn of_nft_command(words: &[&str]) -> Vec<Rule> {
    let at = words.iter().position(|word| *word == "rule" || *word == "chain").unwrap_or(words.len());
    let is_chain = words.get(at) == Some(&"chain");
    let rest = words.get(at + 1..).unwrap_or_default();
    let rest = if rest.first().is_some_and(|word| is_family(word)) { &rest[1..] } else { rest };
    match rest {
        [_, chain, body @ ..] if is_chain => {
            let policy = body.iter().position(|word| *word == "policy").and_then(|at| body.get(at + 1));
            policy
                .and_then(|word| Verdict::of(word.trim_end_matches(';')))
                .map_or_else(Vec::new, |verdict| vec![Rule { chain: (*chain).to_owned(), verdict, conditions: None }])
        }
        [_, chain, body @ ..] => of_nft(chain, body),
        _ => Vec::new(),
    }
}

pub(super) fn is_family(word: &str) -> bool {
    matches!(word, "ip" | "ip6" | "inet" | "arp" | "bridge" | "netdev")
}

/// The words of a rule of nftables in a chain; a set is one word, in braces.
pub(super) fn of_nft(chain: &str, words: &[&str]) -> Vec<Rule> {
    let mut conditions: Vec<Vec<String>> = Vec::new();
    let mut phrase: Vec<&str> = Vec::new();
    let mut verdict = None;
    let mut at = 0;
    while let Some(word) = words.get(at).copied() {
        at += 1;
        match word {
            "counter" | "continue" => {}
            "comment" => at += 1,
            "log" => at += words[at..].iter().take_while(|word| is_of_log(word)).count(),
            "jump" | "goto" => {
                conditions.push(vec![format!("by {}", words.get(at).copied().unwrap_or_default())]);
                verdict = Some(Verdict::Refuse);
                break;
            }
            "accept" | "drop" | "reject" => {
                verdict = Verdict::of(word);
                break;
            }
            _ => {
                let begins = is_head(word) && !(phrase.len() == 1 && is_two(phrase[0]));
                if begins {
                    conditions.extend(phrase_of(&std::mem::take(&mut phrase)));
                }
                phrase.push(word);
            }
        }
    }
    conditions.extend(phrase_of(&phrase));
    verdict.map_or_else(Vec::new, |verdict| rules(chain, verdict, conditions))
}

fn is_of_log(word: &str) -> bool {
    !is_head(word) && !matches!(word, "accept" | "drop" | "reject" | "jump" | "goto" | "counter" | "comment")
}

/// Words that begin a condition.
fn is_head(word: &str) -> bool {
    const HEADS: &[&str] = &[
        "tcp", "udp", "sctp", "th", "ip", "ip6", "ether", "arp", "iif", "iifname", "oif", "oifname", "ct", "meta",
        "icmp", "icmpv6", "limit", "mark", "fib", "socket", "rt", "pkttype", "vlan",
    ];
    HEADS.contains(&word)
}

/// Heads behind which another word belongs to them: `ip protocol`, `meta l4proto`, `ct mark`.
fn is_two(word: &str) -> bool {
    matches!(word, "ct" | "meta" | "fib" | "ip" | "ip6" | "ether" | "limit")
}

/// A condition with its alternatives: `tcp dport { 80, 443 }`.
fn phrase_of(words: &[&str]) -> Option<Vec<String>> {
    let (last, head) = words.split_last()?;
    let head = head.join(" ").replace("iifname", "iif").replace("oifname", "oif");
    let values = last.trim_matches(['{', '}']).split(',').map(|word| word.trim().trim_matches('"'));
    let values: Vec<String> = values.filter(|word| !word.is_empty()).map(|word| said(&head, word)).collect();
    Some(if head.contains("addr") && is_open(&values) { Vec::new() } else { values })
}

fn is_open(values: &[String]) -> bool {
    values.iter().any(|value| value.rsplit(' ').next().is_some_and(is_anywhere))
}

/// The key in front of an address is one word, so that networks can be compared.
fn said(head: &str, word: &str) -> String {
    match head {
        "ip saddr" | "ip6 saddr" => format!("src {word}"),
        "ip daddr" | "ip6 daddr" => format!("dst {word}"),
        "" => word.to_owned(),
        head => format!("{head} {word}"),
    }
}

/// `ufw allow from 10.0.0.0/8 to any port 22`, `ufw default deny incoming`.
fn of_ufw(words: &[&str]) -> Vec<Rule> {
    let words: Vec<&str> = words.iter().copied().filter(|word| !matches!(*word, "--force" | "route" | "log")).collect();
    let verdict = |word: &str| if word == "limit" { Some(Verdict::Accept) } else { Verdict::of(word) };
    match words.as_slice() {
        ["default", policy, rest @ ..] => {
            let chain = format!("ufw.{}", rest.first().copied().unwrap_or("incoming"));
            let rule = |verdict| Rule { chain, verdict, conditions: None };
            Verdict::of(policy).map(rule).into_iter().collect()
        }
        ["insert", _, rest @ ..] | ["prepend", rest @ ..] => of_ufw(rest),
        [word, rest @ ..] => verdict(word).map_or_else(Vec::new, |verdict| of_words("ufw", verdict, rest)),
        [] => Vec::new(),
    }
}

/// The conditions of a rule of ufw or pf, which read alike: `in on em0 proto tcp from <admins> to any port 22`.
pub(super) fn of_words(chain: &str, verdict: Verdict, words: &[&str]) -> Vec<Rule> {
    let mut conditions: Vec<Vec<String>> = Vec::new();
    let mut side = "dst";
    let mut at = 0;
    while let Some(word) = words.get(at).copied() {
        at += 1;
        let next = words.get(at).copied().unwrap_or_default();
        let mut take = |key: &str| {
            at += 1;
            match next {
                "!" => {
                    at += 1;
                    vec![format!("not {key} {}", words.get(at - 1).copied().unwrap_or_default())]
                }
                next => addresses(key, next),
            }
        };
        match word {
            "in" | "out" => conditions.push(vec![format!("dir {word}")]),
            "on" => conditions.push(take("on")),
            "proto" => conditions.push(take("proto")),
            "inet" | "inet6" => conditions.push(vec![format!("family {word}")]),
            "from" => {
                conditions.push(take("src"));
                side = "src";
            }
            "to" => {
                side = "dst";
                if next != "port" {
                    conditions.push(take("dst"));
                }
            }
            "port" => conditions.push(take(if side == "src" { "sport" } else { "port" })),
            "comment" | "label" => at += 1,
            "user" | "group" | "tagged" | "icmp-type" | "os" => conditions.push(take(word)),
            _ => conditions.extend(port_of(word)),
        }
    }
    rules(chain, verdict, conditions)
}

/// `22`, `22/tcp`, `8000:8010/udp`.
fn port_of(word: &str) -> Option<Vec<String>> {
    let (port, proto) = word.split_once('/').map_or((word, None), |(port, proto)| (port, Some(proto)));
    let is_port =
        port.starts_with(|c: char| c.is_ascii_digit()) && port.chars().all(|c| c.is_ascii_digit() || c == ':');
    is_port.then(|| vec![proto.map_or_else(|| format!("port {port}"), |proto| format!("port {port} {proto}"))])
}

/// `permit tcp any host 203.0.113.10 eq 443`, as in a list of a router; a standard list has a source only.
pub(super) fn of_access_list(chain: &str, words: &[&str]) -> Vec<Rule> {
    let Some((verdict, rest)) = words.split_first().and_then(|(word, rest)| Some((Verdict::of(word)?, rest))) else {
        return Vec::new();
    };
    let mut conditions: Vec<Vec<String>> = Vec::new();
    let is_protocol =
        rest.first().is_some_and(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_of_address(word));
    let mut at = 0;
    if let Some(proto) = rest.first().filter(|_| is_protocol) {
        at = 1;
        if !matches!(*proto, "ip" | "ipv4" | "ipv6") {
            conditions.push(vec![format!("proto {proto}")]);
        }
    }
    for (key, port) in [("src", "sport"), ("dst", "port")] {
        let (condition, used) = address_of(key, &rest[at.min(rest.len())..]);
        conditions.extend(condition);
        at += used;
        let (condition, used) = ports_of(port, &rest[at.min(rest.len())..]);
        conditions.extend(condition);
        at += used;
    }
    let more = rest[at.min(rest.len())..].iter().take_while(|word| !matches!(**word, "log" | "log-input" | "!"));
    conditions.extend(more.map(|word| vec![(*word).to_owned()]));
    let is_implied = verdict == Verdict::Refuse && conditions.is_empty();
    if is_implied { Vec::new() } else { rules(chain, verdict, conditions) }
}

fn is_of_address(word: &str) -> bool {
    is_anywhere(word) || matches!(word, "host" | "object-group" | "addrgroup" | "object")
}

/// The condition at the beginning of these words, and how many it has.
fn address_of(key: &str, words: &[&str]) -> (Option<Vec<String>>, usize) {
    match words {
        [word, ..] if is_anywhere(word) => (None, 1),
        ["host", address, ..] => (Some(vec![format!("{key} {address}")]), 2),
        ["object-group" | "addrgroup" | "object", name, ..] => (Some(vec![format!("{key} @{name}")]), 2),
        [address, wildcard, ..] if is_address(address) && is_address(wildcard) => {
            (Some(addresses(key, &masked(address, wildcard))), 2)
        }
        [address, ..] if network(address).is_some() => (Some(addresses(key, address)), 1),
        _ => (None, 0),
    }
}

fn is_address(word: &str) -> bool {
    word.parse::<IpAddr>().is_ok()
}

/// `10.0.0.0 0.255.255.255` is `10.0.0.0/8`; a mask that is no prefix stays as it is.
fn masked(address: &str, wildcard: &str) -> String {
    let bits = wildcard.parse::<core::net::Ipv4Addr>().map(|mask| mask.to_bits()).unwrap_or(1);
    let is_mask = bits.leading_ones() + bits.trailing_zeros() == 32;
    let is_wildcard = bits.leading_zeros() + bits.trailing_ones() == 32;
    match (is_wildcard, is_mask) {
        (true, _) => format!("{address}/{}", bits.leading_zeros()),
        (_, true) => format!("{address}/{}", bits.leading_ones()),
        _ => format!("{address}~{wildcard}"),
    }
}

fn ports_of(key: &str, words: &[&str]) -> (Option<Vec<String>>, usize) {
    match words {
        ["eq", rest @ ..] => {
            let ports = rest.iter().take_while(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            let ports: Vec<String> = ports.map(|port| format!("{key} {port}")).collect();
            let count = ports.len().max(1);
            let named = || rest.first().map(|name| format!("{key} {name}")).into_iter().collect();
            (Some(if ports.is_empty() { named() } else { ports }), 1 + count.min(rest.len()))
        }
        ["range", from, to, ..] => (Some(vec![format!("{key} {from}-{to}")]), 3),
        [sign @ ("gt" | "lt" | "neq"), port, ..] => (Some(vec![format!("{key} {sign} {port}")]), 2),
        _ => (None, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(rules: &[Rule]) -> Vec<String> {
        rules.iter().map(|rule| format!("{} {}", rule.object(), rule.value().say()).trim().to_owned()).collect()
    }

    #[test]
    fn a_rule_is_what_it_does_and_on_which_conditions_whatever_the_tool() {
        let rows: &[(&str, &[&str])] = &[
            ("iptables -P INPUT DROP", &["INPUT.policy refuse"]),
            ("iptables -A INPUT -j DROP", &["INPUT.refuse everything"]),
            ("sudo ip6tables -I INPUT -s ::/0 -j REJECT", &["ip6.INPUT.refuse everything"]),
            (
                "iptables -A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
                &["INPUT.accept port 80, proto tcp", "INPUT.accept port 443, proto tcp"],
            ),
            ("iptables -A INPUT ! -s 10.0.0.0/8 -j DROP", &["INPUT.refuse not src 10.0.0.0/8"]),
            ("iptables -A INPUT -j LOG", &[]),
            ("iptables -A INPUT -j blocked", &["INPUT.refuse by blocked"]),
            ("nft add rule inet filter input tcp dport 22 accept", &["input.accept tcp dport 22"]),
            ("ufw default deny incoming", &["ufw.incoming.policy refuse"]),
            ("ufw allow from 10.0.0.0/8 to any port 22 proto tcp", &["ufw.accept port 22, proto tcp, src 10.0.0.0/8"]),
            ("ufw allow 22/tcp", &["ufw.accept port 22 tcp"]),
            ("ufw allow 1:65535/tcp", &["ufw.accept proto tcp"]),
            ("nft add rule inet filter input tcp dport 0-65535 accept", &["input.accept proto tcp"]),
            ("iptables -A INPUT -p tcp --dport 1:65535 -j ACCEPT", &["INPUT.accept proto tcp"]),
            ("echo iptables", &[]),
        ];
        for (command, rules) in rows {
            let words: Vec<&str> = command.split(' ').collect();
            assert_eq!(said(&of_command(&words)), *rules, "{command}");
        }
    }

    #[test]
    fn a_rule_of_nftables_is_read_without_what_only_counts_or_explains() {
        let rows: &[(&str, &[&str])] = &[
            ("ct state {established,related} accept", &["c.accept ct state established", "c.accept ct state related"]),
            ("iif lo accept", &["c.accept iif lo"]),
            ("iifname \"lo\" counter accept comment \"x\"", &["c.accept iif lo"]),
            ("ip saddr @admin tcp dport 22 accept", &["c.accept src @admin, tcp dport 22"]),
            ("log prefix \"x\" drop", &["c.refuse everything"]),
            ("ip saddr 10.0.0.0/8 jump others", &["c.refuse by others, src 10.0.0.0/8"]),
        ];
        for (text, rules) in rows {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(said(&of_nft("c", &words)), *rules, "{text}");
        }
    }

    #[test]
    fn a_rule_of_a_router_is_read_with_its_masks_and_ports() {
        let rows: &[(&str, &[&str])] = &[
            ("deny ip 10.0.0.0 0.255.255.255 any", &["a.refuse src 10.0.0.0/8"]),
            ("deny ip any any log", &[]),
            ("permit ip any any", &["a.accept everything"]),
            ("permit tcp any host 192.0.2.1 eq 443", &["a.accept dst 192.0.2.1, port 443, proto tcp"]),
            ("permit 192.0.2.0 0.0.0.255", &["a.accept src 192.0.2.0/24"]),
            (
                "permit tcp 10.0.0.0/8 any range 1 9 established",
                &["a.accept established, port 1-9, proto tcp, src 10.0.0.0/8"],
            ),
            ("remark deny all", &[]),
        ];
        for (text, rules) in rows {
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(said(&of_access_list("a", &words)), *rules, "{text}");
        }
    }

    #[test]
    fn a_network_covers_those_within_it_and_fewer_conditions_cover_more() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert!(covers(&list(&["src 10.0.0.0/8"]), &list(&["port 22", "src 10.1.0.0/16"])));
        assert!(covers(&[], &list(&["port 22"])));
        assert!(covers(&list(&["tcp dport 20-30"]), &list(&["tcp dport 22"])));
        assert!(covers(&list(&["port 20:30"]), &list(&["port 20:25"])));
        assert!(!covers(&list(&["port 22"]), &list(&["port 20-30"])));
        assert!(!covers(&list(&["tcp dport 20-30"]), &list(&["udp dport 22"])));
        assert!(!covers(&list(&["src 10.1.0.0/16"]), &list(&["src 10.0.0.0/8"])));
        assert!(!covers(&list(&["dst 10.0.0.0/8"]), &list(&["src 10.1.0.0/16"])));
        assert!(covers(&list(&["src ::/0"]), &list(&["src 2001:db8::1"])));
    }
}
