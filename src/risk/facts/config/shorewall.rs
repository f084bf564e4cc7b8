//! Shorewall: columns for what is done, from where and to where.

use super::super::filters::{self, Verdict};
use super::firewall::tell;
use super::lines::{comments, logical};
use super::out::{Out, Place};

/// The file of policies has the verdict behind both ends, the file of rules in front.
pub(super) fn facts(name: &str, text: &str, out: &mut Out) -> Option<()> {
    let is_policy = match name {
        "policy" => true,
        "rules" => false,
        _ => return None,
    };
    out.comments = comments(text, &["#"]);
    for line in logical(text, "#") {
        let code = line.text.split('#').next().unwrap_or_default();
        let columns: Vec<&str> = code.split_whitespace().collect();
        let (source, target, action, rest) = match columns.as_slice() {
            [source, target, action, ..] if is_policy => (*source, *target, *action, &[][..]),
            [action, source, target, rest @ ..] if !is_policy => (*source, *target, *action, rest),
            _ => continue,
        };
        let (macro_, word) = action.strip_suffix(')').and_then(|inner| inner.split_once('(')).unwrap_or(("", action));
        let Some(verdict) = Verdict::of(word.split(':').next().unwrap_or(word)) else { continue };
        let mut conditions = [zone("from", "src", source), zone("to", "dst", target)].concat();
        conditions.push(if macro_.is_empty() { Vec::new() } else { vec![format!("port {}", macro_.to_lowercase())] });
        for (key, column) in ["proto", "port", "sport"].iter().zip(rest) {
            conditions.push(if *column == "-" { Vec::new() } else { filters::addresses(key, column) });
        }
        let conditions = conditions.into_iter().filter(|condition| !condition.is_empty()).collect();
        tell(filters::rules(name, verdict, conditions), &line.lines, &Place::TOP, out);
    }
    Some(())
}

/// A zone and the addresses in it: `net:192.0.2.0/24`.
fn zone(zone: &str, address: &str, column: &str) -> Vec<Vec<String>> {
    let (name, addresses) = column.split_once(':').unwrap_or((column, ""));
    vec![filters::addresses(zone, name), filters::addresses(address, addresses)]
}
