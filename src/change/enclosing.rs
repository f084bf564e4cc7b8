//! What encloses a line: the lines above it with less indentation, which is how nearly all languages show nesting; and
//! the header of its section, if no line has less indentation.

use super::lines::Lines;

/// The most lines above that are examined.
const MAX_ABOVE: u32 = 2_000;

/// The definitions that enclose a line (0-based), innermost first, without their indentation: named things that a
/// reader would look for. Assignments, calls, branches and closing brackets also enclose, but are not definitions.
pub fn enclosing<'t>(lines: &Lines, text: &'t [u8], line: u32) -> Vec<&'t [u8]> {
    let first = lines.get(text, line);
    // On a blank line: whatever is above.
    let mut depth = if first.trim_ascii().is_empty() { usize::MAX } else { indent(first) };
    let mut found = Vec::new();
    for above in (line.saturating_sub(MAX_ABOVE)..line).rev().map(|at| lines.get(text, at)) {
        let opens = above.trim_ascii().first().is_some_and(|b| b.is_ascii_alphanumeric() || b"_@#$\"'<".contains(b));
        let is_header = above.starts_with(b"[") && depth <= 1;
        if is_header {
            found.push(above.trim_ascii());
            break;
        }
        if opens && indent(above) < depth {
            depth = indent(above);
            found.extend(Some(above.trim_ascii()).filter(|line| is_definition(line)));
        }
    }
    found
}

/// Files in which a key is followed by its value, possibly without quotes.
const DATA: &[&str] = &["yaml", "yml", "toml", "ini", "cfg", "conf", "properties", "env", "tfvars"];
/// Other files in which the same line below another key has a different meaning.
const NESTED: &[&str] = &["json", "jsonc", "json5", "tf", "hcl", "xml"];

/// Whether a key in a file of this name is followed by its value, possibly without quotes.
pub fn is_data(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = path.rsplit('/').next().unwrap_or(&path);
    name.starts_with(".env") || name.rsplit_once('.').is_some_and(|(_, ending)| DATA.contains(&ending))
}

/// Whether the meaning of a line in a file of this name depends on the keys, items and sections around it.
pub fn is_nested(path: &str) -> bool {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    is_data(path) || ending.is_some_and(|ending| NESTED.contains(&ending.as_str()))
}

/// The context of a line (0-based) in a file: in data its keys, items and sections, else the definitions around it.
pub fn whereabouts(path: &str, lines: &Lines, text: &[u8], line: u32) -> Vec<u8> {
    match is_nested(path) {
        true => data_path(lines, text, line).join(&b'\n'),
        false => enclosing(lines, text, line).join(&b'\n'),
    }
}

/// The context of a line (0-based) in a text of data, innermost first: the less indented lines above it, the header of
/// its section, and after a bracket, a dash or a header that has no name of its own the first line inside, which
/// usually identifies it. Two equal lines have the same meaning only if this is equal, too.
pub fn data_path<'t>(lines: &Lines, text: &'t [u8], line: u32) -> Vec<&'t [u8]> {
    let mut depth = indent(lines.get(text, line));
    // The last line passed with the same indentation as the innermost so far.
    let (mut first, mut found, mut is_item) = (None, Vec::new(), lines.get(text, line).trim_ascii().starts_with(b"-"));
    for above in (line.saturating_sub(MAX_ABOVE)..line).rev().map(|at| lines.get(text, at)) {
        let (left, words) = (indent(above), above.trim_ascii());
        let says_something = words.first().is_some_and(|b| !b"#;/*}])".contains(b));
        let is_header = words.starts_with(b"[") && depth <= 1 && left == 0;
        let is_key_of_list = is_item && left == depth && !words.starts_with(b"-");
        if says_something && (left < depth || is_header || is_key_of_list) {
            if !words.iter().any(u8::is_ascii_alphanumeric) || is_header {
                found.extend(first);
            }
            found.push(words);
            (depth, first, is_item) = (left, None, words.starts_with(b"-"));
            if is_header {
                break;
            }
        } else if says_something && left == depth {
            first = Some(words);
        }
    }
    found
}

/// Words that may precede the one that says what is defined.
const MODIFIERS: [&str; 22] = [
    "pub",
    "pub(crate)",
    "pub(super)",
    "async",
    "export",
    "default",
    "static",
    "public",
    "private",
    "protected",
    "internal",
    "abstract",
    "final",
    "override",
    "virtual",
    "inline",
    "extern",
    "unsafe",
    "const",
    "open",
    "sealed",
    "partial",
];
/// Words that say what is defined.
const DEFINING: [&str; 31] = [
    "fn",
    "def",
    "class",
    "func",
    "function",
    "fun",
    "sub",
    "proc",
    "impl",
    "struct",
    "enum",
    "union",
    "trait",
    "interface",
    "type",
    "mod",
    "module",
    "namespace",
    "package",
    "resource",
    "data",
    "variable",
    "output",
    "provider",
    "locals",
    "object",
    "protocol",
    "extension",
    "service",
    "message",
    "record",
];
/// Words that never begin a definition, whatever follows them.
const CONTROL: [&str; 25] = [
    "if", "else", "elif", "elsif", "for", "foreach", "while", "loop", "do", "switch", "match", "case", "when", "try",
    "catch", "except", "finally", "with", "return", "throw", "raise", "let", "await", "unless", "until",
];

/// Whether a line defines a named thing that a reader would look for.
fn is_definition(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(&line[..line.len().min(400)]) else { return false };
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '(' | ')');
    let mut words = line.split(|c: char| !is_word(c)).filter(|word| !word.is_empty());
    let first = words.find(|word| !MODIFIERS.contains(word)).unwrap_or_default();
    let word = first.split('(').next().unwrap_or_default();
    if CONTROL.contains(&word) {
        return false;
    }
    if DEFINING.contains(&word) {
        return true;
    }
    // An element; a key of YAML, of JSON, or a block of HCL; a function of C or of a class, with a function's own body.
    let is_assigned = line.split(['"', '\'', '(']).next().is_some_and(|before| before.contains('='));
    let is_key = line.starts_with(['"', '\'']) && line.ends_with(['{', '[']);
    line.starts_with('<')
        || is_key
        || line.contains("=> {")
        || line.contains("= function")
        || (!is_assigned && (line.ends_with('{') || line.ends_with(':')))
        || (!is_assigned && line.ends_with(')') && line.contains(' ') && !line.contains('.'))
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, line: u32) -> Vec<String> {
        let found = enclosing(&Lines::of(text.as_bytes()), text.as_bytes(), line);
        found.into_iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect()
    }

    #[test]
    fn only_what_has_a_name_to_look_for_encloses() {
        assert_eq!(
            of("class A:\n    def f(self):\n        self = self\n            g()\n", 3),
            ["def f(self):", "class A:"]
        );
        assert_eq!(of("fn f() {\n    let x = [\n        1,\n", 2), ["fn f() {"]);
        assert_eq!(of("x = [\n    1,\n", 1), Vec::<String>::new());
        assert_eq!(of("resource \"a\" \"b\" {\n  tags = {\n    x = 1\n", 2), ["resource \"a\" \"b\" {"]);
        assert_eq!(of("int main(void)\n{\n    if (x) {\n        y();\n", 3), ["int main(void)"]);
        // Lines beside the path upwards do not enclose anything.
        assert_eq!(of("fn f() {\n    fn g() {\n    }\n    x = [\n        1,\n", 4), ["fn f() {"]);
        assert_eq!(of("\u{fffd}\n  \n    x\n", 2), Vec::<String>::new());
    }

    #[test]
    fn a_line_of_data_is_where_its_keys_items_and_sections_are() {
        let at = |text: &str, line| {
            let found = data_path(&Lines::of(text.as_bytes()), text.as_bytes(), line);
            found.into_iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(at("prod:\n  # the shop\n  web:\n    replicas: 3\n", 3), ["web:", "prod:"]);
        assert_eq!(at("prod:\n  a: 1\ndev:\n  b: 1\n  replicas: 3\n", 4), ["dev:"]);
        assert_eq!(at("spec:\n  list:\n  - name: a\n    n: 1\n", 3), ["- name: a", "list:", "spec:"]);
        assert_eq!(at("spec:\n  list:\n  - a\n  - b\n", 3), ["list:", "spec:"]);
        assert_eq!(at("[a]\nx = 1\n[b]\ny = 1\nx = 1\n", 4), ["y = 1", "[b]"]);
        assert_eq!(at("[[a]]\nname = 1\n\n[[a]]\nname = 2\nx = 1\n", 5), ["name = 2", "[[a]]"]);
        let json =
            "{\n  \"a\": [\n    {\n      \"id\": 1,\n      \"n\": 1\n    },\n    {\n      \"id\": 2,\n      \"n\": 1\n";
        assert_eq!(at(json, 4), ["\"id\": 1,", "{", "\"a\": [", "{"]);
        assert_eq!(at(json, 8), ["\"id\": 2,", "{", "\"a\": [", "{"]);
        assert_eq!(at("", 0), Vec::<String>::new());
    }

    #[test]
    fn what_stands_further_left_above_encloses() {
        let text = "impl A {\n    fn f() {\n        a();\n    }\n\n    fn g() {\n        b();\n";
        assert_eq!(of(text, 6), ["fn g() {", "impl A {"]);
        assert_eq!(of("x: 1\nprod:\n  s:\n    on: true\n", 3), ["s:", "prod:"]);
        assert_eq!(of("[test]\non = 1\n[prod]\na = 1\non = 2\n", 4), ["[prod]"]);
        assert_eq!(of("", 0), Vec::<String>::new());
    }
}
