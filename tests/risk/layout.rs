//! Other layouts of the acts, as formatters write them: calls over several lines or on one, other indentation, other
//! quotes. What a change means stays the same, and so do its findings, whichever side has the other layout.

use super::{Finding, RULES, Text, all, assess};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Layout {
    /// A line for each argument.
    Broken,
    /// Each call on one line.
    Joined,
    /// Twice the indentation.
    Indented,
    /// `"a"` for `'a'`.
    Quoted,
}

const LAYOUTS: [Layout; 4] = [Layout::Broken, Layout::Joined, Layout::Indented, Layout::Quoted];

/// What a text of a language consists of.
enum Piece {
    Code(char),
    Literal(String),
    /// Without the end of its line.
    Comment(String),
}

struct Language {
    comments: &'static [&'static str],
    quotes: &'static [char],
    /// It has comments between `/*` and `*/`.
    has_blocks: bool,
    /// Its arguments may be on lines of their own.
    has_calls: bool,
    /// Quotes of both kinds mean the same.
    has_two_quotes: bool,
    /// Signs of what is not taken apart here: texts over several lines, regular expressions.
    not_with: &'static [&'static str],
}

const C_LIKE: Language = Language {
    comments: &["//"],
    quotes: &['"', '\''],
    has_blocks: true,
    has_calls: true,
    has_two_quotes: false,
    not_with: &["\"\"\"", "@\"", "$\"", "r#\"", "<<<", "R\"("],
};

fn language(path: &str) -> Option<Language> {
    let ending = path.rsplit('.').next().unwrap_or_default();
    Some(match ending {
        "py" => Language {
            comments: &["#"],
            has_blocks: false,
            has_two_quotes: true,
            not_with: &["\"\"\"", "'''"],
            ..C_LIKE
        },
        "js" | "ts" | "mjs" => Language {
            quotes: &['"', '\'', '`'],
            has_two_quotes: true,
            not_with: &["(/", "= /", ", /", ": /", "[/"],
            ..C_LIKE
        },
        "go" => Language { quotes: &['"', '\'', '`'], ..C_LIKE },
        "java" | "kt" | "cs" | "c" | "cpp" => C_LIKE,
        // A lifetime is no text.
        "rs" => Language { quotes: &['"'], not_with: &["'\"'", "r#\"", "r\""], ..C_LIKE },
        "php" => Language { comments: &["//", "#"], ..C_LIKE },
        "rb" => Language { comments: &["#"], has_blocks: false, not_with: &["<<", "%w", "%i", "(/", "#{"], ..C_LIKE },
        "tf" => Language { comments: &["#", "//"], quotes: &['"'], not_with: &["<<", "${"], ..C_LIKE },
        "yaml" | "yml" => Language {
            comments: &["#"],
            has_blocks: false,
            has_calls: false,
            has_two_quotes: true,
            not_with: &["|", ">", "{{", "''"],
            ..C_LIKE
        },
        _ => return None,
    })
}

impl Language {
    /// The pieces of a text; none if it has something that is not taken apart.
    fn pieces(&self, text: &str) -> Option<Vec<Piece>> {
        if self.not_with.iter().any(|sign| text.contains(sign)) {
            return None;
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(c) = rest.chars().next() {
            let is_comment = self.comments.iter().any(|sign| rest.starts_with(sign));
            let length = if is_comment {
                rest.find('\n').unwrap_or(rest.len())
            } else if self.has_blocks && rest.starts_with("/*") {
                rest.find("*/")? + 2
            } else if self.quotes.contains(&c) && !(self.comments == ["#"] && !self.has_calls && is_in_word(text, rest))
            {
                length_of_literal(rest, c)?
            } else {
                pieces.push(Piece::Code(c));
                rest = &rest[c.len_utf8()..];
                continue;
            };
            let (piece, after) = rest.split_at(length);
            pieces.push(match piece.starts_with(c) && self.quotes.contains(&c) {
                true => Piece::Literal(piece.to_owned()),
                false => Piece::Comment(piece.to_owned()),
            });
            rest = after;
        }
        Some(pieces)
    }
}

/// An apostrophe in a word of YAML is none.
fn is_in_word(text: &str, rest: &str) -> bool {
    text[..text.len() - rest.len()].ends_with(char::is_alphanumeric)
}

/// The length of a literal with its quotes; none if it does not end.
fn length_of_literal(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' if quote != '`' => return None,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// The text in another layout; none if it is not taken apart, or has no other one.
fn relaid(path: &str, text: &str, layout: Layout) -> Option<String> {
    let language = language(path)?;
    let pieces = language.pieces(text)?;
    let is_directive = |line: &str| matches!(path.rsplit('.').next(), Some("c" | "cpp")) && line.starts_with('#');
    if text.lines().any(is_directive) && layout != Layout::Indented {
        return None;
    }
    let relaid = match layout {
        Layout::Broken if language.has_calls => broken(&pieces),
        Layout::Joined if language.has_calls => joined(&pieces),
        // The keys of an item are below its first one.
        Layout::Indented if language.has_calls || !text.contains("- ") => indented(&pieces),
        Layout::Quoted if language.has_two_quotes => quoted(&pieces),
        _ => return None,
    };
    (relaid != text).then_some(relaid)
}

/// The brackets that are open after a text and the character that follows it. What Go declares in brackets has a line for
/// each.
fn follow(open: &mut Vec<char>, before: &str, c: char) {
    let is_group = || ["import (", "const (", "var (", "type ("].iter().any(|group| before.ends_with(group));
    match c {
        '(' if is_group() => open.push('{'),
        '(' | '[' | '{' => open.push(c),
        ')' | ']' | '}' => _ = open.pop(),
        _ => {}
    }
}

fn broken(pieces: &[Piece]) -> String {
    let (mut out, mut open) = (String::new(), Vec::new());
    for (at, piece) in pieces.iter().enumerate() {
        let Piece::Code(c) = piece else {
            out += said(piece);
            continue;
        };
        out.push(*c);
        follow(&mut open, &out, *c);
        let after = pieces[at + 1..].iter().find(|piece| !matches!(piece, Piece::Code(' ')));
        let ends = matches!(after, None | Some(Piece::Code('\n' | ')') | Piece::Comment(_)));
        if matches!(c, '(' | ',') && open.last() == Some(&'(') && !ends {
            out.push('\n');
            out += &" ".repeat(4 * open.len());
        }
    }
    out
}

fn joined(pieces: &[Piece]) -> String {
    let (mut out, mut open, mut is_at_start, mut may_join) = (String::new(), Vec::new(), false, true);
    for piece in pieces {
        match piece {
            Piece::Code('\n') if open.last() == Some(&'(') && may_join => is_at_start = true,
            Piece::Code(' ' | '\t') if is_at_start => {}
            _ => {
                if std::mem::take(&mut is_at_start) && !out.ends_with('(') && !matches!(piece, Piece::Code(')' | '.')) {
                    out.push(' ');
                }
                may_join = !matches!(piece, Piece::Comment(_));
                out += &said_of(piece);
                if let Piece::Code(c) = piece {
                    follow(&mut open, &out, *c);
                }
            }
        }
    }
    out
}

fn indented(pieces: &[Piece]) -> String {
    let (mut out, mut is_at_start) = (String::new(), true);
    for piece in pieces {
        match piece {
            Piece::Code(c @ (' ' | '\t')) if is_at_start => out.extend([*c, *c]),
            _ => {
                is_at_start = matches!(piece, Piece::Code('\n'));
                out += &said_of(piece);
            }
        }
    }
    out
}

fn quoted(pieces: &[Piece]) -> String {
    let other = |text: &str| {
        let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
        (!inner.contains(['"', '\\', '$', '#', '{'])).then(|| format!("\"{inner}\""))
    };
    pieces.iter().map(|piece| other(said(piece)).unwrap_or_else(|| said_of(piece))).collect()
}

/// The text of a literal or a comment.
fn said(piece: &Piece) -> &str {
    match piece {
        Piece::Literal(text) | Piece::Comment(text) => text,
        Piece::Code(_) => "",
    }
}

fn said_of(piece: &Piece) -> String {
    match piece {
        Piece::Code(c) => c.to_string(),
        _ => said(piece).to_owned(),
    }
}

/// The texts with one side, or both, in another layout; none if nothing differs.
fn in_layout(texts: &[Text], layout: Layout, [before, after]: [bool; 2]) -> Option<Vec<Text>> {
    let side = |path: &str, text: &Option<String>, is: bool| {
        let other = text.as_ref().filter(|_| is).and_then(|text| relaid(path, text, layout));
        other.or_else(|| text.clone())
    };
    let all: Vec<Text> = texts
        .iter()
        .map(|text| Text {
            path: text.path.clone(),
            before: side(&text.path, &text.before, before),
            after: side(&text.path, &text.after, after),
        })
        .collect();
    let is_other = |(own, other): (&Text, &Text)| own.before != other.before || own.after != other.after;
    texts.iter().zip(&all).any(is_other).then_some(all)
}

/// What findings say, whatever the layout of what they quote.
fn keys(found: &[Finding]) -> Vec<String> {
    let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !"\"'".contains(*c)).collect::<String>();
    let say = |finding: &Finding| format!("{} {} {}", finding.rule, finding.severity, plain(&finding.title));
    let mut keys: Vec<String> = found.iter().map(say).collect();
    keys.sort();
    keys
}

/// How many of a hundred layouts may still change what is found: where a constant has its value on several lines, and
/// where every line of the other layout counts as another one.
const KNOWN: usize = 5;

#[test]
fn another_layout_of_either_side_changes_no_finding() {
    let (mut tried, mut differ) = ([0; LAYOUTS.len()], Vec::new());
    for act in all() {
        let texts = act.texts();
        let own = keys(&assess(&texts, &RULES).findings);
        for (index, layout) in LAYOUTS.into_iter().enumerate() {
            for sides in [[true, true], [false, true], [true, false]] {
                let Some(other) = in_layout(&texts, layout, sides) else { continue };
                tried[index] += 1;
                let found = keys(&assess(&other, &RULES).findings);
                if found != own {
                    let less: Vec<_> = own.iter().filter(|key| !found.contains(key)).collect();
                    let more: Vec<_> = found.iter().filter(|key| !own.contains(key)).collect();
                    differ.push(format!("{}, {layout:?} {sides:?}\n    without {less:?}\n    with {more:?}", act.name));
                }
            }
        }
    }
    println!("{tried:?} tried, {} differ:\n{}", differ.len(), differ.join("\n"));
    assert!(tried.iter().all(|count| *count > 50), "{tried:?}");
    let all: usize = tried.iter().sum();
    assert!(differ.len() * 100 <= all * KNOWN, "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[test]
fn another_layout_alone_is_no_change() {
    let mut differ = Vec::new();
    for act in all() {
        for text in act.texts() {
            // That a file which agents follow, or which says who approves, is another one is told as such.
            let pairs = LAYOUTS.into_iter().filter_map(|layout| {
                let before = text.after.clone()?;
                let after = relaid(&text.path, &before, layout)?;
                Some((layout, Text { path: text.path.clone(), before: Some(before), after: Some(after) }))
            });
            for (layout, pair) in pairs {
                let found = assess(&[pair], &RULES).findings;
                let of_content = found.iter().filter(|finding| finding.location.line > 0);
                let found: Vec<_> = of_content.map(|finding| (&finding.rule, &finding.title)).collect();
                if !found.is_empty() {
                    differ.push(format!("{}, {layout:?}: {found:?}", act.name));
                }
            }
        }
    }
    // Two modules of Rust that are one another's twins exchange a timeout.
    assert!(differ.len() <= 3, "{} differ:\n{}", differ.len(), differ.join("\n"));
}

#[test]
fn a_text_is_laid_out_anew_as_formatters_do() {
    let rows = [
        ("a.py", Layout::Broken, "f(a, 'b, c')", "f(\n    a,\n     'b, c')"),
        ("a.py", Layout::Joined, "f(\n    a,  # why\n    b,\n)", "f(a,  # why\n    b,)"),
        ("a.go", Layout::Joined, "f(\n\ta,\n\tb,\n)", "f(a, b,)"),
        ("a.ts", Layout::Indented, "if (a) {\n  b(`\n  c`);\n}", "if (a) {\n    b(`\n  c`);\n}"),
        ("a.ts", Layout::Quoted, "f('a', 'b\\'c')", "f(\"a\", 'b\\'c')"),
        ("a.yaml", Layout::Indented, "a:\n  b: it's\n", "a:\n    b: it's\n"),
        ("a.go", Layout::Broken, "import (\n\t\"a\"\n)\nf(a, b)", "import (\n\t\"a\"\n)\nf(\n    a,\n     b)"),
    ];
    for (path, layout, text, expected) in rows {
        assert_eq!(relaid(path, text, layout).as_deref(), Some(expected), "{path} {layout:?}");
    }
    assert_eq!(relaid("a.py", "x = '''a'''", Layout::Broken), None);
}
