//! Indented lines: configuration of routers, HAProxy, Apache.

use super::braces::path;
use super::firewall;
use super::lines::{comments, entry, numbered, unquoted};
use super::out::Out;
use super::tree::{Entry, Lines, MAX_DEPTH, MAX_NODES, Node, Shape};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Routers: an indented line belongs to the one above.
    Router,
    /// `set a b c value`, `deactivate a b c`.
    Commands,
    /// Sections begin with their kind.
    HaProxy,
    /// Blocks in tags.
    Apache,
}

const SECTIONS: &[&str] =
    &["global", "defaults", "frontend", "backend", "listen", "userlist", "peers", "resolvers", "cache", "program"];
/// Directives of two words.
const TWO_WORDS: &[&str] = &[
    "timeout",
    "option",
    "server",
    "http-request",
    "http-response",
    "tcp-request",
    "acl",
    "stats",
    "no",
    "Header",
    "SetEnv",
    "RequestHeader",
];

pub(super) fn document(text: &str, style: Style, out: &mut Out) -> Node {
    let signs: &[&str] = if style == Style::Router { &["!", "#"] } else { &["#"] };
    out.comments = comments(text, signs);
    let mut open = vec![Open::new(String::new(), 1..=1)];
    let mut router = firewall::Router::default();
    for (number, line) in numbered(text).take(MAX_NODES) {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        if words.is_empty() || out.comments.contains(&number) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        match style {
            Style::Commands => open[0].entries.extend(command(&words, &(number..=number))),
            Style::Apache => tagged(line.trim(), &words, number, &mut open),
            Style::HaProxy if SECTIONS.contains(&words[0].as_str()) => {
                close_to(1, &mut open);
                open.push(Open::new(words.join("."), number..=number));
            }
            Style::HaProxy => {
                add(directive(&words, &(number..=number)), &mut open);
                options(&words, &(number..=number)).into_iter().for_each(|option| add(option, &mut open));
            }
            Style::Router => {
                let plain: Vec<&str> = words.iter().map(String::as_str).collect();
                router.line(&plain, indent > 0, number, out);
                under(&words, indent, number, &mut open);
            }
        }
    }
    router.end(out);
    close_to(1, &mut open);
    let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
    Node::map(open.swap_remove(0).entries, 1..=last.max(1))
}

/// A block that is not closed yet.
struct Open {
    key: String,
    /// The indent of its first line.
    indent: usize,
    /// The indent of the last entry.
    last: usize,
    lines: Lines,
    entries: Vec<Entry>,
}

impl Open {
    fn new(key: String, lines: Lines) -> Open {
        Open { key, indent: 0, last: usize::MAX, lines, entries: Vec::new() }
    }
}

fn add(entry: Entry, open: &mut [Open]) {
    if let Some(last) = open.last_mut() {
        last.lines = *last.lines.start()..=*entry.lines.end();
        last.entries.push(entry);
    }
}

fn close_to(count: usize, open: &mut Vec<Open>) {
    while open.len() > count.max(1) {
        let Some(Open { key, lines, entries, .. }) = open.pop() else { return };
        let value = Node::map(entries, lines.clone());
        add(Entry { key, lines, is_block: false, value }, open);
    }
}

/// A line is a block if the next is indented more; until then it is a setting.
fn under(words: &[String], indent: usize, number: u32, open: &mut Vec<Open>) {
    let keep = open.iter().skip(1).take_while(|block| block.indent < indent).count() + 1;
    close_to(keep, open);
    let is_deep = open.len() > MAX_DEPTH;
    let head = open.last_mut().filter(|block| !is_deep && block.last < indent);
    if let Some((head, indent)) = head.and_then(|block| Some((block.entries.pop()?, block.last))) {
        let (key, lines) = (head_key(&head), head.lines);
        open.push(Open { indent, ..Open::new(key, lines) });
    }
    if let Some(block) = open.last_mut() {
        block.last = indent;
    }
    add(statement(words, &(number..=number)), open);
}

fn head_key(entry: &Entry) -> String {
    match entry.value.text() {
        Some("true") | None => entry.key.clone(),
        Some(last) => format!("{}.{last}", entry.key),
    }
}

/// `no x` removes x. A number before `permit` or `deny` is the position in a list.
fn statement(words: &[String], lines: &Lines) -> Entry {
    let is_numbered = words.len() > 1 && words[0].parse::<u32>().is_ok() && matches!(&*words[1], "permit" | "deny");
    let words = if is_numbered { &words[1..] } else { words };
    match words.split_first() {
        Some((no, rest)) if no == "no" && !rest.is_empty() => {
            let off = |key| entry(key, "false", lines);
            applied(rest, lines).map_or_else(|| off(rest.join(".")), |entry| with_value(entry, "false"))
        }
        _ => applied(words, lines).unwrap_or_else(|| path(words, lines)),
    }
}

fn with_value(mut entry: Entry, text: &str) -> Entry {
    match &mut entry.value.shape {
        Shape::Map(entries) => {
            entries.iter_mut().for_each(|inner| inner.value = Node::scalar(text, *inner.lines.start()))
        }
        _ => entry.value = Node::scalar(text, *entry.lines.start()),
    }
    entry
}

/// What is applied to an interface, a line or a neighbour: the direction is part of the key, and the name of the list
/// the value. `neighbor x route-map OUT out` sets `neighbor.x.route-map-out`.
fn applied(words: &[String], lines: &Lines) -> Option<Entry> {
    const LISTS: &[&str] = &[
        "access-group",
        "access-class",
        "traffic-filter",
        "route-map",
        "prefix-list",
        "filter-list",
        "distribute-list",
    ];
    if let [neighbor, name, rest @ ..] = words
        && neighbor == "neighbor"
        && !rest.is_empty()
    {
        let inner = applied(rest, lines).unwrap_or_else(|| {
            let value = if rest.len() > 1 { rest[1..].join(" ") } else { "true".to_owned() };
            entry(rest[0].as_str(), value, lines)
        });
        let value = Node::map(vec![inner], lines.clone());
        return Some(Entry { key: format!("neighbor.{name}"), lines: lines.clone(), is_block: false, value });
    }
    if let [transport, input, rest @ ..] = words
        && transport == "transport"
        && !rest.is_empty()
    {
        return Some(entry(format!("transport.{input}"), rest.join(" "), lines));
    }
    let [before @ .., list, name, direction] = words else { return None };
    let is_applied = LISTS.contains(&list.as_str()) && matches!(direction.as_str(), "in" | "out");
    let key =
        before.iter().map(String::as_str).chain([format!("{list}-{direction}").as_str()]).collect::<Vec<_>>().join(".");
    is_applied.then(|| entry(key, name.as_str(), lines))
}

fn command(words: &[String], lines: &Lines) -> Option<Entry> {
    let (verb, rest) = words.split_first()?;
    match verb.as_str() {
        "set" => Some(path(rest, lines)),
        "deactivate" => Some(entry(format!("{}.inactive", rest.join(".")), "true", lines)),
        "activate" => Some(entry(format!("{}.inactive", rest.join(".")), "false", lines)),
        "delete" => Some(entry(format!("{}.deleted", rest.join(".")), "true", lines)),
        _ => None,
    }
}

fn directive(words: &[String], lines: &Lines) -> Entry {
    let count = if TWO_WORDS.contains(&words[0].as_str()) && words.len() > 1 { 2 } else { 1 };
    let value = words[count..].join(" ");
    let value = if value.is_empty() { "true" } else { unquoted(&value) };
    entry(words[..count].join("."), value, lines)
}

/// The options of a line of HAProxy: `server a 10.0.0.1:80 ssl verify none` sets `server.a.ssl` and
/// `server.a.verify`.
fn options(words: &[String], lines: &Lines) -> Vec<Entry> {
    /// Options that stand alone.
    const ALONE: &[&str] = &[
        "allow-0rtt",
        "backup",
        "check",
        "check-send-proxy",
        "check-ssl",
        "disabled",
        "enabled",
        "force-tlsv12",
        "force-tlsv13",
        "no-check",
        "no-check-ssl",
        "no-ssl",
        "no-sslv3",
        "no-tls-tickets",
        "no-tlsv10",
        "no-tlsv11",
        "no-verifyhost",
        "non-stick",
        "send-proxy",
        "send-proxy-v2",
        "ssl",
        "stick",
        "strict-sni",
        "tfo",
    ];
    let (head, rest) = match words {
        [server, name, _, rest @ ..] if server == "server" => (format!("server.{name}"), rest),
        [server, rest @ ..] if server == "default-server" => (server.clone(), rest),
        [bind, _, rest @ ..] if bind == "bind" => (bind.clone(), rest),
        _ => return Vec::new(),
    };
    let (mut found, mut rest) = (Vec::new(), rest.iter());
    while let Some(option) = rest.next() {
        let value = if ALONE.contains(&option.as_str()) { None } else { rest.next() };
        found.push(entry(format!("{head}.{option}"), value.map_or("true", String::as_str), lines));
    }
    found
}

/// `<Directory "/x">` … `</Directory>`.
fn tagged(line: &str, words: &[String], number: u32, open: &mut Vec<Open>) {
    if line.starts_with("</") {
        let last = open.len().saturating_sub(1);
        if let Some(block) = open.last_mut() {
            block.lines = *block.lines.start()..=number;
        }
        return close_to(last, open);
    }
    match line.strip_prefix('<').and_then(|line| line.strip_suffix('>')) {
        Some(head) if open.len() <= MAX_DEPTH => {
            let key = head.split_whitespace().map(unquoted).collect::<Vec<_>>().join(" ");
            open.push(Open::new(key, number..=number));
        }
        _ => add(directive(words, &(number..=number)), open),
    }
}
