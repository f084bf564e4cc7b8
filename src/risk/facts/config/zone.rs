//! Zone files of BIND.

use super::lines::numbered;
use super::out::{Out, Place};
use super::tree::{Lines, clip};

pub(super) const TYPES: &[&str] = &[
    "A", "AAAA", "ALIAS", "CAA", "CNAME", "DNAME", "DNSKEY", "DS", "HTTPS", "LOC", "MX", "NAPTR", "NS", "PTR", "SOA",
    "SPF", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URLFWD",
];

/// Whether a text begins as a zone does.
pub(super) fn is_zone(text: &str) -> bool {
    let said = text.lines().take(40).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(';'));
    let mut said = said.map(|line| line.to_ascii_uppercase());
    said.next().is_some_and(|line| {
        line.starts_with("$TTL") || line.starts_with("$ORIGIN") || line.split_whitespace().any(|word| word == "SOA")
    })
}

pub(super) fn facts(text: &str, out: &mut Out) {
    let mut name = "@".to_owned();
    let mut open: Option<(Lines, String)> = None;
    for (number, line) in numbered(text) {
        if line.trim_start().starts_with(';') {
            out.comments.insert(number);
        }
        let said = without_comment(line);
        let (lines, text) = match open.take() {
            Some((lines, text)) => (*lines.start()..=number, text + " " + said),
            None => (number..=number, said.to_owned()),
        };
        let is_open = text.matches('(').count() > text.matches(')').count() && text.len() < 4_000;
        match is_open {
            true => open = Some((lines, text)),
            false => record(&text, &lines, &mut name, out),
        }
    }
}

/// A semicolon begins a comment outside of quotes.
fn without_comment(line: &str) -> &str {
    let mut is_quoted = false;
    let end = line.char_indices().find(|(_, c)| {
        is_quoted ^= *c == '"';
        *c == ';' && !is_quoted
    });
    end.map_or(line, |(end, _)| &line[..end])
}

fn record(text: &str, lines: &Lines, name: &mut String, out: &mut Out) {
    let has_name = !text.starts_with([' ', '\t']);
    let plain = text.replace(['(', ')'], " ");
    let mut words = plain.split_whitespace().peekable();
    if has_name && let Some(first) = words.next() {
        if let Some(directive) = first.strip_prefix('$') {
            let value = words.collect::<Vec<_>>().join(" ");
            return out.set(&format!("${directive}"), directive, &value, lines, &Place::TOP);
        }
        *name = clip(first);
    }
    let mut ttl = None;
    while let Some(word) = words.next_if(|word| !TYPES.contains(&word.to_ascii_uppercase().as_str())) {
        ttl = if word.starts_with(|c: char| c.is_ascii_digit()) { Some(word) } else { ttl };
    }
    let Some(kind) = words.next() else { return };
    let data = words.collect::<Vec<_>>();
    state(&format!("{} {name}", kind.to_ascii_uppercase()), ttl, &data, lines, out);
}

pub(super) fn state(object: &str, ttl: Option<&str>, data: &[&str], lines: &Lines, out: &mut Out) {
    out.block(object, &data.join(" "), lines, &Place::TOP);
    let place = Place { object, scope: object, opens: *lines.start() };
    if let Some(ttl) = ttl {
        out.set(&place.child("ttl"), "ttl_seconds", ttl, lines, &place);
    }
    match data {
        [primary, contact, numbers @ ..] if object.starts_with("SOA ") => {
            out.set(&place.child("primary"), "primary", primary, lines, &place);
            out.set(&place.child("contact"), "contact", contact, lines, &place);
            for (key, number) in ["serial", "refresh", "retry", "expire", "minimum"].iter().zip(numbers) {
                out.set(&place.child(key), key, number, lines, &place);
            }
        }
        _ => out.set(&place.child("value"), "value", &data.join(" "), lines, &place),
    }
}
