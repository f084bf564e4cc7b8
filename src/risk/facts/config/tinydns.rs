//! The data of tinydns: a sign for the type of each line, then the name and its data, with colons between.

use super::lines::{comments, numbered};
use super::out::Out;
use super::tree::{MAX_NODES, clip};
use super::zone;

/// How many lines of a text are examined to detect its format.
const LOOKED_AT: usize = 100;

/// Whether nearly all of the first lines are records.
pub(super) fn is_data(text: &str) -> bool {
    let said = text.lines().take(LOOKED_AT).filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let (mut all, mut records) = (0, 0);
    for line in said {
        all += 1;
        records += usize::from(record(line).is_some() || line.starts_with('-') || line.starts_with('%'));
    }
    records > 1 && records * 10 >= all * 9
}

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#", "-"]);
    for (number, line) in numbered(text).take(MAX_NODES) {
        let Some((kind, name, data, ttl)) = record(line.trim_end()) else { continue };
        let object = clip(&format!("{kind} {name}"));
        zone::state(&object, ttl, &data, &(number..=number), out);
    }
}

/// Type, name, data and time to live.
fn record(line: &str) -> Option<(&'static str, &str, Vec<&str>, Option<&str>)> {
    let sign = line.chars().next()?;
    let fields: Vec<&str> = line[sign.len_utf8()..].split(':').collect();
    let (kind, data) = match sign {
        '.' | '&' => ("NS", 1..3),
        '=' | '+' => ("A", 1..2),
        '@' => ("MX", 1..4),
        '\'' => ("TXT", 1..2),
        '^' => ("PTR", 1..2),
        'C' => ("CNAME", 1..2),
        'S' => ("SRV", 1..6),
        'Z' => ("SOA", 1..3),
        '3' | '6' => ("AAAA", 1..2),
        ':' => ("TYPE", 1..3),
        _ => return None,
    };
    let name = fields.first().filter(|name| name.contains('.') && !name.contains(char::is_whitespace))?;
    let said = fields.get(data.start..data.end.min(fields.len()))?;
    let ttl = fields.get(data.end).copied().filter(|ttl| !ttl.is_empty());
    Some((kind, name, said.iter().copied().filter(|field| !field.is_empty()).collect(), ttl))
}
