//! `Key: value` lines of a message: every line is examined, since a squash leaves trailers in the middle.

use crate::change::{Identity, visible};

/// Bytes of a message that are examined: its beginning, and its end, where the trailers are.
const HEAD: usize = 192 << 10;
const TAIL: usize = 64 << 10;

/// A message as the rules see it.
pub(super) struct Scan {
    pub title: String,
    pub lines: Vec<MessageLine>,
    /// Bytes in the middle that were not examined.
    pub skipped: usize,
}

/// One line of a message below the title, joined with its continuation lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageLine {
    /// Lower-case; empty if the line is not `key: value`.
    pub key: String,
    /// Without hidden characters, as are `key` and `text`: they must not keep a rule from matching.
    pub value: String,
    pub text: String,
    /// Unchanged from the message.
    pub raw: String,
    /// The key contained hidden characters, or characters that imitate others.
    pub disguised: bool,
    indent: usize,
}

impl MessageLine {
    /// The identities in `Co-authored-by: name <address>` and the other spellings of the kernel and GitHub: everybody
    /// who may be meant, and an unknown person if nobody is named.
    pub(super) fn co_authors(&self) -> Vec<Identity> {
        let spellings =
            ["co-authored-by", "co-author", "coauthored-by", "coauthor", "co-authored by", "co-developed-by"];
        if !spellings.contains(&self.key.as_str()) {
            return Vec::new();
        }
        let named = identities(&self.value);
        if named.is_empty() { vec![unknown()] } else { named }
    }

    fn fold(&mut self, more: &str) {
        let shown = shown(more);
        for (to, text) in [(&mut self.raw, more), (&mut self.value, &shown), (&mut self.text, &shown)] {
            if !to.is_empty() {
                to.push(' ');
            }
            to.push_str(text);
        }
    }
}

/// A person who is mentioned but not named.
pub(super) fn unknown() -> Identity {
    Identity { name: "unnamed co-author".to_owned(), email: String::new() }
}

/// Every identity in a value: `A <a@x>, B <b@y>`, `a@x`, or a bare name; and every other address anywhere in it.
pub(super) fn identities(value: &str) -> Vec<Identity> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some((name, after)) = rest.split_once('<') {
        let (email, after) = after.split_once('>').unwrap_or((after, ""));
        found.push(who(name, email));
        rest = after;
    }
    if found.is_empty() {
        let address = addresses(value).next().unwrap_or_default();
        found.push(who(&value.replacen(address, "", 1), address));
    }
    for address in addresses(value) {
        if !found.iter().any(|who| who.email == address) {
            found.push(who("", address));
        }
    }
    found.retain(|who| !who.name.is_empty() || !who.email.is_empty());
    found
}

/// The words of a text that contain an `@` between other characters.
pub(super) fn addresses(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')'));
    words.filter(|word| word.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty()))
}

fn who(name: &str, email: &str) -> Identity {
    Identity {
        name: name.trim_matches([' ', '\t', ',', ';']).to_owned(),
        email: email.trim_matches([' ', '\t', ',', ';', '<', '>']).to_owned(),
    }
}

/// A text whose lines of JSON are lines of a message: `{"agent":"codex"}` is `agent: codex`. Not a parser: what is
/// damaged, or in lines of its own, may name a tool as well.
pub(super) fn without_json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with(['{', '[', '"']) {
            plain.push_str(line);
            continue;
        }
        let (mut is_quoted, mut is_escaped, mut is_key) = (false, false, true);
        for c in line.chars() {
            match c {
                '"' if !is_escaped => is_quoted = !is_quoted,
                '{' | '}' | '[' | ']' | ',' if !is_quoted => {
                    is_key = true;
                    plain.push('\n');
                }
                ':' if !is_quoted && is_key => {
                    is_key = false;
                    plain.push_str(": ");
                }
                '_' if is_key => plain.push('-'),
                c if is_quoted || c == '\n' || !c.is_whitespace() => plain.push(c),
                _ => {}
            }
            is_escaped = c == '\\' && !is_escaped;
        }
    }
    plain
}

/// Text without its hidden characters.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|&c| !visible::is_hidden(c)).collect()
}

/// Reads a message: its title, and the lines below it.
pub(super) fn scan(message: &str) -> Scan {
    let (head, tail) = windows(message);
    let mut parts = head.split('\n').flat_map(|line| line.trim_end_matches('\r').split('\r'));
    let title = parts.find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
    let mut lines = Vec::new();
    parts.for_each(|part| push(part, &mut lines));
    // The rest of a line after the cut does not continue any line before it.
    lines.push(line("", 0));
    tail.split(['\n', '\r']).for_each(|part| push(part, &mut lines));
    lines.retain(|line| !line.raw.is_empty());
    Scan { title, lines, skipped: message.len() - head.len() - tail.len() }
}

fn windows(message: &str) -> (&str, &str) {
    if message.len() <= HEAD + TAIL {
        return (message, "");
    }
    let (mut head, mut tail) = (HEAD, message.len() - TAIL);
    while !message.is_char_boundary(head) {
        head -= 1;
    }
    while !message.is_char_boundary(tail) {
        tail += 1;
    }
    (&message[..head], &message[tail..])
}

fn push(part: &str, lines: &mut Vec<MessageLine>) {
    let indent = part.len() - part.trim_start_matches([' ', '\t']).len();
    let next = line(part.trim(), indent);
    match lines.last_mut() {
        // A line that is indented deeper continues a key, unless it is a key itself.
        Some(last) if !last.key.is_empty() && indent > last.indent && next.key.is_empty() && !next.raw.is_empty() => {
            last.fold(&next.raw);
        }
        _ => lines.push(next),
    }
}

fn line(raw: &str, indent: usize) -> MessageLine {
    let text = shown(raw).trim().to_owned();
    let mut line = MessageLine {
        key: String::new(),
        value: String::new(),
        text: String::new(),
        raw: raw.to_owned(),
        disguised: false,
        indent,
    };
    if let (Some((key, value)), Some((raw_key, _))) = (text.split_once(':'), raw.split_once(':')) {
        let key = key.trim();
        if is_key(key) {
            line.disguised = shown(raw_key) != raw_key.replace('\t', " ");
            line.key = key.to_ascii_lowercase();
            line.value = value.trim().to_owned();
        } else {
            // "Аssisted-by" in Cyrillic is not a key, but is meant to be read as one.
            line.disguised = key.len() <= 60 && !key.is_ascii() && key.ends_with("-by") && !key.contains(' ');
        }
    }
    line.text = text;
    line
}

/// Words before a colon are prose, except the spaced spellings that tools write ("Devin Session:").
fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 60
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ' '))
        && text.split(' ').count() <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read_leniently() {
        let read = |text| identities(text).iter().map(|who| format!("{}|{}", who.name, who.email)).collect::<Vec<_>>();
        assert_eq!(read("Ada <ada@x>, Bo <bo@y> and more"), ["Ada|ada@x", "Bo|bo@y"]);
        assert_eq!(read("ada@x"), ["|ada@x"]);
        assert_eq!(read("Ada ada@x"), ["Ada|ada@x"]);
        assert_eq!(read("Ada <ada@x"), ["Ada|ada@x"]);
        assert_eq!(read("Ada"), ["Ada|"]);
        assert_eq!(read("ada@x, Bo <bo@y> and cy@z"), ["ada@x, Bo|bo@y", "|ada@x", "|cy@z"]);
        assert_eq!(read("ada@x bo@y"), ["bo@y|ada@x", "|bo@y"]);
        assert_eq!(read("Ada <ada@x, bo@y>"), ["Ada|ada@x, bo@y", "|ada@x", "|bo@y"]);
        assert_eq!(read("Ada <> bo@y"), ["Ada|", "|bo@y"]);
        assert_eq!(read(" "), Vec::<String>::new());
    }

    #[test]
    fn continuation_lines_are_joined_and_keys_are_not() {
        let lines = scan("x\r\n\r\nAssisted-by:\r\n  Claude\r\n  Model: y\r\nprose\r\n").lines;
        let seen: Vec<_> = lines.iter().map(|line| (line.key.as_str(), line.value.as_str())).collect();
        assert_eq!(seen, [("assisted-by", "Claude"), ("model", "y"), ("", "")]);
    }

    #[test]
    fn lines_of_json_are_read_as_keys() {
        let text =
            "Agent: x, {y}\n{\"agent_name\":\"a, b: \\\"c\\\"\",\"n\":{\"model\":\"m\"}}\n{\n  \"tool\": \"t\",\n";
        let lines = scan(&format!("note\n{}", without_json(text))).lines;
        let seen: Vec<_> = lines.iter().map(|line| (line.key.as_str(), line.value.as_str())).collect();
        let own = ("agent-name", r#"a, b: \"c\""#);
        assert_eq!(seen, [("agent", "x, {y}"), own, ("n", ""), ("model", "m"), ("tool", "t")]);
    }

    #[test]
    fn a_long_message_is_read_at_both_ends() {
        let message = format!("x\n\nFirst: 1\n{}\nLast: 2", "é".repeat(1 << 20));
        let scan = scan(&message);
        assert!(scan.skipped > 1 << 20);
        assert_eq!(scan.lines.first().map(|line| line.key.as_str()), Some("first"));
        assert_eq!(scan.lines.last().map(|line| line.key.as_str()), Some("last"));
    }
}
