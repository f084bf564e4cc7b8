//! Constants of a text, so that a name is as good as its value.

use std::collections::BTreeMap;

/// Words that declare something, in one language or another.
const WORDS: &[&str] = &[
    "pub",
    "pub(crate)",
    "export",
    "private",
    "public",
    "protected",
    "internal",
    "static",
    "final",
    "const",
    "val",
    "let",
    "readonly",
    "constexpr",
    "inline",
    "override",
    "lazy",
    "#define",
];
const MAX_CONSTANTS: usize = 2_000;

/// The constants that a text gives a value on one line, by their names: all in capitals, or declared as constant.
pub(super) fn constants(source: &str) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    // `const (` of Go.
    let mut is_in_group = false;
    for line in source.lines() {
        if found.len() >= MAX_CONSTANTS {
            break;
        }
        let code = line.trim();
        match code {
            "const (" => is_in_group = true,
            ")" => is_in_group = false,
            _ => {}
        }
        let Some((head, value)) = code.split_once('=').filter(|(_, value)| !value.starts_with('=')) else { continue };
        let head = head.trim_end_matches(':').trim();
        let name = name_in(code, head, is_in_group);
        let value = value.trim().trim_end_matches([';', ',']);
        // The rest of a list is on other lines.
        if value.ends_with(['[', '(', '{']) {
            continue;
        }
        if is_constant(line, code, head, name, is_in_group) || is_fixed(head, name) && is_literal(value) {
            found.entry(name).or_insert(value);
        }
    }
    found
}

fn name_in<'s>(code: &str, head: &'s str, is_in_group: bool) -> &'s str {
    let name = head.split(':').next().unwrap_or(head).trim().rsplit(' ').next().unwrap_or_default();
    let words = head.split(' ').filter(|word| !word.is_empty()).count();
    match code.starts_with("const ") && words > 2 && !head.contains(':') {
        true => head.split(' ').nth(1).unwrap_or(name),
        // A type follows the name.
        false if is_in_group => head.split(' ').next().unwrap_or(name),
        false => name,
    }
}

fn is_constant(line: &str, code: &str, head: &str, name: &str, is_in_group: bool) -> bool {
    let is_indented = line.starts_with([' ', '\t']);
    let is_declared = head.split(' ').next().is_some_and(|word| WORDS.contains(&word));
    let is_upper = name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let is_of_go = (code.starts_with("const ") || is_in_group) && is_name(name);
    is_of_go || is_upper && (is_declared || !is_indented)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Whether a declaration says that the value never changes: `constexpr long kPeer`, `private static final int limit`,
/// `private val limit`, `static let limit`, `private readonly limit`. What a function declares is only its own.
fn is_fixed(head: &str, name: &str) -> bool {
    let words: Vec<&str> = head.split([' ', ':']).filter(|word| !word.is_empty()).collect();
    let has = |word: &str| words.contains(&word);
    let is_declared = words.first().is_some_and(|word| WORDS.contains(word));
    let is_fixed = has("constexpr")
        || has("const")
        || has("static") && (has("final") || has("let") || has("readonly"))
        || has("private") && (has("val") || has("let") || has("final") || has("readonly"));
    is_declared && is_fixed && is_name(name) && name.len() > 1
}

/// Whether a value is a number, a text, true or false, or the default of its type.
fn is_literal(value: &str) -> bool {
    let first = value.trim_start_matches(['-', '!', '(']).chars().next();
    let begins = first.is_some_and(|c| c.is_ascii_digit() || matches!(c, '"' | '\''));
    let is_one =
        matches!(value, "true" | "false" | "True" | "False") || super::super::value::default_of(value).is_some();
    begins || is_one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_declared_as_constant_has_its_value() {
        let rows = [
            ("MAX = 5\n", "MAX", Some("5")),
            ("    MAX = 5\n", "MAX", None),
            ("const (\n\tbudget = 5 * time.Second\n\tlimit int = 3\n)\n", "budget", Some("5 * time.Second")),
            ("const (\n\tbudget = 5 * time.Second\n\tlimit int = 3\n)\n", "limit", Some("3")),
            ("const (\n\ta = 1\n)\nfunc f() {\n\tlimit = 3\n}\n", "limit", None),
            ("constexpr long kPeer = 1L;\n", "kPeer", Some("1L")),
            ("  static constexpr bool verify = bool{};\n", "verify", Some("bool{}")),
            ("    private static final int pageSize = 50;\n", "pageSize", Some("50")),
            ("    private val pageSize = 50\n", "pageSize", Some("50")),
            ("    static let pageSize: Int = 50\n", "pageSize", Some("50")),
            ("    val pageSize = 50\n", "pageSize", None),
            ("    private val loader = Loader()\n", "loader", None),
            ("    let limit = 5;\n", "limit", None),
            ("ONLY = [\n    A,\n]\n", "ONLY", None),
            ("é = 5\nconst é = 5\n", "é", Some("5")),
        ];
        for (source, name, value) in rows {
            assert_eq!(constants(source).get(name).copied(), value, "{source}");
        }
    }
}
