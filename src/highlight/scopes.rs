//! Classes by the scopes of grammars for editors. What a line is depends on all lines above it.

use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxReference, SyntaxSet};

use super::{MAX_LINE, MAX_TEXT, Texts, TokenClass, Tokens, push};
use crate::change::compare::{Comparison, Line};
use crate::change::lines::Lines;

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

/// Reads both sides of a file together. What is equal on both sides is read once.
pub struct Reader {
    new: Option<State>,
    /// Not used while both sides are in the same state.
    old: Option<State>,
    are_joined: bool,
    /// The last line that was removed: after it, the old side is not read.
    last_removed: Option<u32>,
}

impl Reader {
    /// None where both sides stay plain.
    pub fn of(path: &str, texts: Texts<'_>) -> Option<Reader> {
        let (old, new) = (State::of(path, texts.old), State::of(path, texts.new));
        if old.is_none() && new.is_none() {
            return None;
        }
        let mut lines = texts.comparison.hunks.iter().rev().flat_map(|hunk| hunk.lines.iter().rev());
        let last_removed = lines.find_map(|line| if let Line::Removed { old } = line { Some(*old) } else { None });
        Some(Reader { are_joined: old == new, new, old, last_removed })
    }

    /// The tokens of the next line of a comparison.
    pub fn read(&mut self, line: Line, texts: Texts<'_>) -> Tokens {
        let Comparison { old: old_lines, new: new_lines, .. } = texts.comparison;
        let read = |state: &mut Option<State>, lines: &Lines, text, line: u32| {
            state.as_mut().map_or_else(Tokens::default, |state| state.read(lines.slice(text, line..line + 1)))
        };
        match line {
            Line::Context { old, new } => {
                self.join(old);
                if !self.are_joined {
                    read(&mut self.old, old_lines, texts.old, old);
                }
                read(&mut self.new, new_lines, texts.new, new)
            }
            Line::Removed { old } => {
                self.part();
                read(&mut self.old, old_lines, texts.old, old)
            }
            Line::Added { new } => {
                self.part();
                read(&mut self.new, new_lines, texts.new, new)
            }
        }
    }

    /// Before lines that are equal.
    fn join(&mut self, old: u32) {
        self.are_joined |= self.last_removed.is_none_or(|last| last < old) || self.old == self.new;
    }

    /// Before lines that are not.
    fn part(&mut self) {
        if std::mem::take(&mut self.are_joined) {
            self.old.clone_from(&self.new);
        }
    }
}

/// The state between two lines of a text.
#[derive(Debug, Clone, PartialEq)]
struct State {
    state: ParseState,
    stack: ScopeStack,
}

impl State {
    fn of(path: &str, text: &[u8]) -> Option<State> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAX_TEXT)?;
        Some(State { state: ParseState::new(syntax(path, text)?), stack: ScopeStack::new() })
    }

    /// Reads a line, with its line feed.
    fn read(&mut self, line: &[u8]) -> Tokens {
        tokens(std::str::from_utf8(line).unwrap_or_default(), &mut self.state, &mut self.stack)
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
