//! FLOOR 1: text → token classes, no colours. A theme maps classes to colours, so that changing it costs nothing.

use std::ops::Range;
use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

/// About a dozen classes: enough to read by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenClass {
    Keyword,
    String,
    Comment,
    Number,
    Function,
    Type,
    Constant,
    Tag,
    Attribute,
}

/// Byte ranges of one line with their classes, sorted; what is plain is left out.
pub type Tokens = Vec<(Range<usize>, TokenClass)>;

/// Larger texts stay plain: bytes.
pub const MAX_TEXT: usize = 1 << 20;
/// Longer lines stay plain: bytes.
const MAX_LINE: usize = 2_000;

/// Scope prefixes → classes; the first that matches, from the innermost scope outwards, wins.
const CLASSES: &[(&str, TokenClass)] = &[
    ("comment", TokenClass::Comment),
    ("string", TokenClass::String),
    ("constant.numeric", TokenClass::Number),
    ("constant.character.escape", TokenClass::Constant),
    ("constant", TokenClass::Constant),
    ("entity.name.function", TokenClass::Function),
    ("support.function", TokenClass::Function),
    ("variable.function", TokenClass::Function),
    ("entity.name.tag", TokenClass::Tag),
    ("entity.other.attribute-name", TokenClass::Attribute),
    ("entity.name", TokenClass::Type),
    ("support.type", TokenClass::Type),
    ("support.class", TokenClass::Type),
    ("storage.type", TokenClass::Keyword),
    ("storage", TokenClass::Keyword),
    ("keyword.operator", TokenClass::Keyword),
    ("keyword", TokenClass::Keyword),
];

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);
static SCOPES: LazyLock<Vec<(Scope, TokenClass)>> =
    LazyLock::new(|| CLASSES.iter().filter_map(|(name, class)| Some((Scope::new(name).ok()?, *class))).collect());

/// The tokens of every line of a text; empty where it stays plain.
pub fn highlight(path: &str, text: &[u8]) -> Vec<Tokens> {
    let Ok(text) = std::str::from_utf8(text) else { return Vec::new() };
    if text.len() > MAX_TEXT {
        return Vec::new();
    }
    let Some(syntax) = syntax(path, text) else { return Vec::new() };
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    text.split_inclusive('\n').map(|line| tokens(line, &mut state, &mut stack)).collect()
}

fn syntax<'s>(path: &str, text: &str) -> Option<&'s SyntaxReference> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    let first = text.lines().next().filter(|line| line.len() < MAX_LINE);
    SYNTAXES
        .find_syntax_by_extension(name)
        .or_else(|| SYNTAXES.find_syntax_by_extension(extension?))
        .or_else(|| SYNTAXES.find_syntax_by_first_line(first?))
        .filter(|syntax| syntax.name != "Plain Text")
}

fn tokens(line: &str, state: &mut ParseState, stack: &mut ScopeStack) -> Tokens {
    if line.len() > MAX_LINE {
        return Tokens::new();
    }
    let Ok(ops) = state.parse_line(line, &SYNTAXES) else { return Tokens::new() };
    let (mut tokens, mut from) = (Tokens::new(), 0);
    for (at, op) in ops.iter().map(|(at, op)| (*at, Some(op))).chain([(line.len(), None)]) {
        if at > from {
            if let Some(class) = class(stack) {
                push(&mut tokens, from..at, class);
            }
            from = at;
        }
        // A scope stack that does not fit is a fault of the grammar: the rest of the line stays plain.
        if op.is_some_and(|op| stack.apply(op).is_err()) {
            break;
        }
    }
    tokens
}

fn class(stack: &ScopeStack) -> Option<TokenClass> {
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| SCOPES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class))
}

fn push(tokens: &mut Tokens, range: Range<usize>, class: TokenClass) {
    match tokens.last_mut() {
        Some((last, same)) if *same == class && last.end == range.start => last.end = range.end,
        _ => tokens.push((range, class)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_over_several_lines_is_one() {
        let lines = highlight("a.py", b"x = \"\"\"one\ntwo\n\"\"\"\n");
        assert_eq!(lines[1], vec![(0..4, TokenClass::String)]);
    }

    #[test]
    fn terraform_rust_and_typescript_are_known_and_no_bytes_panic() {
        for (path, text) in
            [("main.tf", "resource \"a\" \"b\" {}\n"), ("a.rs", "fn main() {}\n"), ("a.ts", "const x = 1;\n")]
        {
            assert!(!highlight(path, text.as_bytes())[0].is_empty(), "{path}");
        }
        highlight("a.rs", b"\xff\x00\"");
    }
}
