//! FLOOR 1: text → token classes, no colours. A theme maps classes to colours, so that changing it costs nothing.

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

/// Bytes of a line and their class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub from: u16,
    pub to: u16,
    pub class: TokenClass,
}

impl Token {
    pub fn contains(&self, at: usize) -> bool {
        (usize::from(self.from)..usize::from(self.to)).contains(&at)
    }
}

/// The tokens of one line, sorted; what is plain is left out.
pub type Tokens = Box<[Token]>;

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

/// Reads a text from its start on, some lines at a time: what a line is hangs on all above it.
pub struct Highlighter {
    state: ParseState,
    stack: ScopeStack,
    /// Bytes that are read.
    at: usize,
}

impl Highlighter {
    /// None where the text stays plain: it is not UTF-8, too large, or in no language that is known.
    pub fn of(path: &str, text: &[u8]) -> Option<Highlighter> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAX_TEXT)?;
        let syntax = syntax(path, text)?;
        Some(Highlighter { state: ParseState::new(syntax), stack: ScopeStack::new(), at: 0 })
    }

    /// The tokens of the next lines of the same text, at most so many; none after the last.
    pub fn lines(&mut self, text: &[u8], count: usize) -> Vec<Tokens> {
        let rest = text.get(self.at..).and_then(|rest| std::str::from_utf8(rest).ok()).unwrap_or_default();
        let mut found = Vec::new();
        for line in rest.split_inclusive('\n').take(count) {
            found.push(tokens(line, &mut self.state, &mut self.stack));
            self.at += line.len();
        }
        found
    }
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
        return Tokens::default();
    }
    let Ok(ops) = state.parse_line(line, &SYNTAXES) else { return Tokens::default() };
    let (mut tokens, mut from) = (Vec::new(), 0);
    for (at, op) in ops.iter().map(|(at, op)| (*at, Some(op))).chain([(line.len(), None)]) {
        if at > from {
            if let Some(class) = class(stack) {
                push(&mut tokens, from as u16, at as u16, class);
            }
            from = at;
        }
        // A scope stack that does not fit is a fault of the grammar: the rest of the line stays plain.
        if op.is_some_and(|op| stack.apply(op).is_err()) {
            break;
        }
    }
    tokens.into_boxed_slice()
}

fn class(stack: &ScopeStack) -> Option<TokenClass> {
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| SCOPES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class))
}

fn push(tokens: &mut Vec<Token>, from: u16, to: u16, class: TokenClass) {
    match tokens.last_mut() {
        Some(last) if last.class == class && last.to == from => last.to = to,
        _ => tokens.push(Token { from, to, class }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_over_several_lines_is_one() {
        let text = b"x = \"\"\"one\ntwo\n\"\"\"\n";
        let mut highlighter = Highlighter::of("a.py", text).unwrap();
        highlighter.lines(text, 1);
        let second = highlighter.lines(text, 1);
        assert_eq!(second[0][..], [Token { from: 0, to: 4, class: TokenClass::String }]);
        assert_eq!((highlighter.lines(text, 9).len(), highlighter.lines(text, 9).len()), (1, 0));
    }

    #[test]
    fn terraform_rust_and_typescript_are_known_and_no_bytes_panic() {
        for (path, text) in
            [("main.tf", "resource \"a\" \"b\" {}\n"), ("a.rs", "fn main() {}\n"), ("a.ts", "const x = 1;\n")]
        {
            let mut highlighter = Highlighter::of(path, text.as_bytes()).unwrap();
            assert!(!highlighter.lines(text.as_bytes(), 1)[0].is_empty(), "{path}");
        }
        assert!(Highlighter::of("a.rs", b"\xff\x00\"").is_none());
    }
}
