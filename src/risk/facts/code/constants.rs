//! Constants of a text, so that a name is as good as its value.

use std::collections::BTreeMap;

/// The constants that a text gives a value on one line, by their names: all in capitals, or in Go behind `const`.
pub(super) fn constants(source: &str) -> BTreeMap<&str, &str> {
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
        "#define",
    ];
    const MAX_CONSTANTS: usize = 2_000;
    let mut found = BTreeMap::new();
    for line in source.lines() {
        if found.len() >= MAX_CONSTANTS {
            break;
        }
        let is_indented = line.starts_with([' ', '\t']);
        let code = line.trim();
        let Some((head, value)) = code.split_once('=').filter(|(_, value)| !value.starts_with('=')) else { continue };
        let head = head.trim_end_matches(':').trim();
        let is_declared = head.split(' ').next().is_some_and(|word| WORDS.contains(&word));
        let name = head.split(':').next().unwrap_or(head).trim().rsplit(' ').next().unwrap_or_default();
        let name = if code.starts_with("const ") && head.split(' ').count() > 2 && !head.contains(':') {
            head.split(' ').nth(1).unwrap_or(name)
        } else {
            name
        };
        let is_upper =
            name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let is_of_go = code.starts_with("const ") && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if is_of_go || is_upper && (is_declared || !is_indented) {
            found.entry(name).or_insert(value.trim().trim_end_matches([';', ',']));
        }
    }
    found
}
