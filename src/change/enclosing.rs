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
        let is_header = depth <= 1 && above.starts_with(b"[");
        if is_header {
            found.push(above.trim_ascii());
            break;
        }
        let opens = || above.trim_ascii().first().is_some_and(|b| b.is_ascii_alphanumeric() || b"_@#$\"'<".contains(b));
        if indent(above) < depth && opens() {
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

/// Files in which headings say what a line is about, and the sign that begins a heading.
const HEADED: &[(&str, u8)] = &[
    ("md", b'#'),
    ("markdown", b'#'),
    ("mdx", b'#'),
    ("adoc", b'='),
    ("asciidoc", b'='),
    ("org", b'*'),
    ("rst", UNDERLINED),
    ("txt", UNDERLINED),
];
/// Instead of a sign: headings are only underlined.
const UNDERLINED: u8 = 0;
/// The most lines that are taken for the context of a line of code.
const MAX_AROUND: usize = 16;
/// The most equal lines whose context is looked at; beyond that one of them counts as found.
const MAX_EQUAL: usize = 64;

/// A text, its lines, and one of them (0-based).
pub type LineOf<'t> = (&'t Lines, &'t [u8], u32);

/// Whether a line of one text can be that line of another, by what encloses each: nothing else that was there before
/// encloses it now, and nothing that enclosed it is elsewhere. What encloses it may be edited, renamed, or put around
/// it.
pub fn stays_within(path: &str, old: LineOf<'_>, new: LineOf<'_>) -> bool {
    let (was, is) = (context(path, old), context(path, new));
    let is_elsewhere = |at: usize| {
        !is.contains(&was[at]) && !is_beside(was[at], (&was, &is), new) && is_there(path, &was[at..], (new.0, new.1))
    };
    let was_elsewhere = |at: usize| !was.contains(&is[at]) && is_there(path, &is[at..], (old.0, old.1));
    !(0..was.len()).any(is_elsewhere) && !(0..is.len()).any(was_elsewhere)
}

/// The context of a line, innermost first: headings in prose.
fn context<'t>(path: &str, (lines, text, line): LineOf<'t>) -> Vec<&'t [u8]> {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match HEADED.iter().find(|(own, _)| *own == ending) {
        Some((_, sign)) => headings(lines, text, line, *sign),
        None if is_nested(path) => data_path(lines, text, line),
        None => around(path, lines, text, line),
    }
}

/// The context of a line of code, in whatever language: the less indented lines above it, whatever they are, and the
/// last heading above those. A line that only opens a block, such as `BEGIN`, belongs to the one above it.
fn around<'t>(path: &str, lines: &Lines, text: &'t [u8], line: u32) -> Vec<&'t [u8]> {
    let stages = path.to_ascii_lowercase();
    let has_stages = stages.contains("dockerfile") || stages.contains("containerfile");
    let first = lines.get(text, line);
    let mut below = match line + 1 < lines.count() {
        true => lines.get(text, line + 1),
        false => b"",
    };
    let mut depth = if first.trim_ascii().is_empty() { usize::MAX } else { indent(first) };
    let (mut is_open, mut found) = (opens_only(first.trim_ascii()), Vec::new());
    let mut is_headed = is_heading(first, below, has_stages);
    below = first;
    for above in (line.saturating_sub(MAX_ABOVE)..line).rev().map(|at| lines.get(text, at)) {
        let (left, words) = (indent(above), above.trim_ascii());
        let is_head = left <= depth && is_heading(above, below, has_stages);
        below = above;
        let has_name = words.iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
        let is_open_now = opens_only(words);
        if is_passed_over(words) || !has_name && !is_open_now {
            continue;
        }
        let belongs = is_head && !is_headed || is_open && !is_open_now;
        if left < depth || left == depth && belongs {
            found.extend(Some(words).filter(|_| has_name));
            (depth, is_open, is_headed) = (left, is_open_now, is_head);
        }
        if found.len() == MAX_AROUND || depth == 0 && is_headed {
            break;
        }
    }
    found
}

/// Whether a line opens a block that the line above it names.
fn opens_only(words: &[u8]) -> bool {
    const OPENING: [&str; 7] = ["as", "begin", "do", "else", "finally", "is", "then"];
    let mut own = words.split(|byte| !byte.is_ascii_alphanumeric() && byte.is_ascii()).filter(|word| !word.is_empty());
    let is_opening = |word: &[u8]| OPENING.iter().any(|opening| word.eq_ignore_ascii_case(opening.as_bytes()));
    words.len() < 40 && !words.is_empty() && own.all(is_opening) && words.last().is_some_and(|b| !b"}])>;,".contains(b))
}

/// Comments and instructions of a preprocessor, which stand further left than what they are in.
fn is_passed_over(words: &[u8]) -> bool {
    let is_comment = [&b"//"[..], b"/*", b"* ", b"--", b";"].iter().any(|sign| words.starts_with(sign));
    words.is_empty() || is_comment || words.starts_with(b"#") && !words.ends_with(b"{")
}

/// Whether a line is the heading of what follows with the same indentation: underlined, in brackets, a label, or a
/// stage of a container's build.
fn is_heading(line: &[u8], below: &[u8], has_stages: bool) -> bool {
    let words = line.trim_ascii();
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.$-".contains(byte);
    let label = words.strip_suffix(b":").or_else(|| words.strip_prefix(b":"));
    let is_followed = !below.trim_ascii().is_empty() && indent(below) == indent(line);
    let is_label = is_followed && label.is_some_and(|name| !name.is_empty() && name.iter().all(is_of_name));
    let is_stage = has_stages && words.get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"from "));
    is_stage || is_label || line.starts_with(b"[") || underlining(words, below).is_some()
}

/// The level of a heading that the next line underlines.
fn underlining(words: &[u8], below: &[u8]) -> Option<usize> {
    let (sign, rest) = below.trim_ascii_end().split_first()?;
    let level = b"=-#^+*~".iter().position(|own| own == sign)?;
    let has_name = words.iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    (has_name && rest.len() >= 2 && rest.iter().all(|byte| byte == sign)).then_some(level + 1)
}

fn headings<'t>(lines: &Lines, text: &'t [u8], line: u32, sign: u8) -> Vec<&'t [u8]> {
    let level = |at: u32| {
        let line = lines.get(text, at);
        let level = line.iter().take_while(|byte| **byte == sign).count();
        let is_signed = level > 0 && line.get(level) == Some(&b' ');
        let below = || Some(at + 1).filter(|at| *at < lines.count()).map(|at| lines.get(text, at));
        // In Markdown, others are fences.
        let underlined = || underlining(line.trim_ascii(), below()?).filter(|level| sign != b'#' || *level <= 2);
        if is_signed { Some(level) } else { underlined() }
    };
    let (mut least, mut found) = (level(line).unwrap_or(usize::MAX), Vec::new());
    for at in (line.saturating_sub(MAX_ABOVE)..line).rev() {
        if let Some(level) = level(at).filter(|level| *level < least) {
            least = level;
            found.push(lines.get(text, at).trim_ascii());
        }
    }
    found
}

/// Whether the line that identified a block of data is still in it: another one may come first now.
fn is_beside(words: &[u8], (was, is): (&[&[u8]], &[&[u8]]), (lines, text, line): LineOf<'_>) -> bool {
    let is_common = |own: &[u8]| was.contains(&own) && is.contains(&own);
    let depth = indent(lines.get(text, line));
    let above = (line.saturating_sub(MAX_ABOVE)..line).rev().map(|at| lines.get(text, at));
    let mut block = above.take_while(|above| indent(above) >= depth && !is_common(above.trim_ascii()));
    block.any(|above| indent(above) == depth && above.trim_ascii() == words)
}

/// Whether a text has the first of these lines, in the context of the others.
fn is_there(path: &str, all: &[&[u8]], (lines, text): (&Lines, &[u8])) -> bool {
    let Some((first, within)) = all.split_first() else { return false };
    let mut equal = (0..lines.count()).filter(|at| lines.get(text, *at).trim_ascii() == *first);
    let is_within = |at: u32| {
        let own = context(path, (lines, text, at));
        own == within || own.len() == MAX_AROUND && own.starts_with(within)
    };
    equal.by_ref().take(MAX_EQUAL).any(is_within) || equal.next().is_some()
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

    /// Whether the only line `n` of each text can be the same one.
    fn stays(path: &str, old: &str, new: &str) -> bool {
        let at = |text: &str| text.lines().position(|line| line.trim().starts_with("n:")).unwrap() as u32;
        let (old, new) = ((Lines::of(old.as_bytes()), old), (Lines::of(new.as_bytes()), new));
        let of = |(lines, text): &(Lines, &str)| at(text).min(lines.count());
        let line = (of(&old), of(&new));
        stays_within(path, (&old.0, old.1.as_bytes(), line.0), (&new.0, new.1.as_bytes(), line.1))
    }

    #[test]
    fn a_line_stays_only_where_no_other_block_that_was_there_encloses_it() {
        let yaml = "- id: a\n  n: 1\n- id: b\n  m: 1\n";
        assert!(!stays("a.yaml", yaml, "- id: b\n  n: 1\n- id: a\n  m: 1\n"), "the two changed places");
        assert!(!stays("a.yaml", yaml, "- id: c\n  n: 1\n- id: a\n  m: 1\n"), "its own block is elsewhere");
        assert!(!stays("a.yaml", yaml, "- id: b\n  n: 1\n"), "its own block is gone");
        // The twins: it is renamed, moves as a whole, or lies within something new.
        assert!(stays("a.yaml", yaml, "- id: z\n  n: 1\n- id: b\n  m: 1\n"));
        assert!(stays("a.yaml", yaml, "- id: b\n  m: 1\n- id: a\n  n: 1\n"));
        assert!(stays("a.yaml", yaml, "all:\n  - id: a\n    n: 1\n  - id: b\n    m: 1\n"));
        assert!(stays("a.toml", "[a]\ny = 1\nn: 1\n", "[a]\nz = 1\ny = 1\nn: 1\n"), "another key comes first");
        let code = "class A:\n  def new(x):\n    n: 1\nclass B:\n  def new(x):\n    m: 1\n";
        assert!(stays("a.py", code, &code.replacen("new(x)", "new(x, y)", 1)), "another class has one of that name");
        let unknown = [
            ("a.sh", "case $1 in\n  dev)\n    n:\n    ;;\n  prod)\n    m:\n    ;;\nesac\n", "dev)", "prod)"),
            (
                "a.sh",
                "f() {\n  case $1 in\n  dev)\n    n:\n    ;;\n  prod)\n    m:\n    ;;\n  esac\n}\n",
                "dev)",
                "prod)",
            ),
            (
                "a.sql",
                "CREATE PROCEDURE a AS\nBEGIN\n  n: 1\nEND\n\nCREATE PROCEDURE b AS\nBEGIN\n  m: 1\nEND\n",
                "E a",
                "E b",
            ),
            ("a.sql", "CREATE TABLE a (\n  n: 1\n);\n\nCREATE TABLE b (\n  m: 1\n);\n", "E a", "E b"),
            ("Dockerfile", "FROM a AS dev\nn: 1\n\nFROM b AS prod\nm: 1\n", "a AS dev", "b AS prod"),
            (
                "Dockerfile",
                "FROM a AS dev\nRUN x \\\n  n: 1\n\nFROM b AS prod\nRUN x \\\n  m: 1\n",
                "a AS dev",
                "b AS prod",
            ),
            ("a.css", ".a {\n  n: 1;\n}\n\n.b {\n  m: 1;\n}\n", ".a", ".b"),
            ("a.clj", "(defn aa [x]\n  n: 1)\n\n(defn bb [x]\n  m: 1)\n", "aa", "bb"),
            ("a.md", "Alpha\n-----\n\nn: 1\n\nBetas\n-----\n\nm: 1\n", "Alpha", "Betas"),
            ("a.rst", "T\n###\n\nAlpha\n=====\n\nn: 1\n\nBetas\n=====\n\nm: 1\n", "Alpha", "Betas"),
            ("README", "Alpha\n=====\n\nn: 1\n\nBetas\n=====\n\nm: 1\n", "Alpha", "Betas"),
            ("a.s", "aa:\nn: 1\nbb:\nm: 1\n", "aa", "bb"),
            ("a.c", "int aa(void)\n{\n  n: 1\n}\nint bb(void)\n{\n  m: 1\n}\n", "aa", "bb"),
        ];
        for (path, old, own, other) in unknown {
            let swapped = old.replace(own, "\0").replace(other, own).replace('\0', other);
            assert!(!stays(path, old, &swapped), "{path}: the names changed places\n{swapped}");
            let bodies = old.replace("n:", "\0").replace("m:", "n:").replace('\0', "m:");
            assert!(!stays(path, old, &bodies), "{path}: the bodies changed places\n{bodies}");
            let moved = bodies.replace(own, "\0").replace(other, own).replace('\0', other);
            assert!(stays(path, old, &moved), "{path}: the blocks changed places as a whole\n{moved}");
            // The twins: its header is edited, or named anew, lines come before it, or all is further right.
            assert!(stays(path, old, &old.replacen(own, &format!("{own}x"), 1)), "{path}: edited");
            assert!(stays(path, old, &format!("first\n\n{old}")), "{path}: lines above");
            let deeper: String = old.lines().map(|line| format!("  {line}\n")).collect();
            let is_prose = matches!(path, "a.md" | "a.rst");
            assert!(is_prose || stays(path, old, &deeper), "{path}: further right\n{deeper}");
        }
        let prose = "# A\n## One\nn: 1\n## Two\nm: 1\n";
        assert!(!stays("a.md", prose, "# A\n## One\nm: 1\n## Two\nn: 1\n"));
        assert!(stays("a.md", prose, "# A\n## Two\nm: 1\n## One\nn: 1\n"));
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
