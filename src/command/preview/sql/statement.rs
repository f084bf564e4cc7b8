//! A statement, and where its words are.

use super::lexer::{Part, Token};

/// A statement. What is asked about places beyond its end is none, or an empty word.
pub struct Statement<'s, 't> {
    pub parts: &'s [Part<'t>],
    /// For each part, the parenthesis or bracket that it is in; for a closing one, that which it closes.
    opened: Vec<Option<usize>>,
    /// For each opening one, the one that closes it.
    closed: Vec<usize>,
    /// Where the name is of what it creates or alters.
    object: Option<usize>,
    // Looked for once: a statement may have a million words.
    pub first_open: Option<usize>,
    pub first_on: Option<usize>,
    pub has_distinct: bool,
}

impl<'s, 't> Statement<'s, 't> {
    pub fn of(parts: &'s [Part<'t>]) -> Statement<'s, 't> {
        let (mut open, mut opened) = (Vec::new(), Vec::with_capacity(parts.len()));
        let mut closed = vec![parts.len(); parts.len()];
        for (at, part) in parts.iter().enumerate() {
            opened.push(open.last().copied());
            match part.token {
                Token::Sign('(' | '[') => open.push(at),
                Token::Sign(')' | ']') => _ = open.pop().map(|open: usize| closed[open] = at),
                _ => {}
            }
        }
        let first_open = parts.iter().position(|part| part.token == Token::Sign('('));
        let mut statement =
            Statement { parts, opened, closed, object: None, first_open, first_on: None, has_distinct: false };
        statement.object = statement.find_object();
        statement.first_on = statement.find("on");
        statement.has_distinct = statement.has("distinct");
        statement
    }

    pub fn len(&self) -> usize {
        self.parts.len()
    }

    pub fn token(&self, at: usize) -> Option<Token<'t>> {
        self.parts.get(at).map(|part| part.token)
    }

    /// The word at a place, in lower case; empty if there is another token.
    pub fn word(&self, at: usize) -> String {
        match self.token(at) {
            Some(Token::Word(word)) => word.to_ascii_lowercase(),
            _ => String::new(),
        }
    }

    /// The word so many places before; empty if it is a part of a name after a dot, where every word is a name.
    pub fn word_before(&self, at: usize, back: usize) -> String {
        let Some(before) = at.checked_sub(back) else { return String::new() };
        let is_after_dot = before > 0 && self.token(before - 1) == Some(Token::Sign('.'));
        if is_after_dot { String::new() } else { self.word(before) }
    }

    pub fn find(&self, wanted: &str) -> Option<usize> {
        let is = |part: &Part<'_>| matches!(part.token, Token::Word(word) if word.eq_ignore_ascii_case(wanted));
        self.parts.iter().position(is)
    }

    pub fn has(&self, wanted: &str) -> bool {
        self.find(wanted).is_some()
    }

    /// The parenthesis or bracket around a part.
    pub fn opened(&self, at: usize) -> Option<usize> {
        self.opened.get(at).copied().flatten()
    }

    /// Where a parenthesis is closed; beyond the end if it is not.
    pub fn closed(&self, open: usize) -> usize {
        self.closed.get(open).copied().unwrap_or(self.len())
    }

    /// Where the name is of what it creates or alters.
    pub fn object(&self) -> Option<usize> {
        self.object
    }

    /// The first part of the name that ends here: `a.b` is one.
    pub fn first_of_name(&self, end: usize) -> usize {
        let is_name = |at: usize| matches!(self.token(at), Some(Token::Word(_) | Token::Quoted(_) | Token::Odd));
        let mut first = end;
        while first >= 2 && self.token(first - 1) == Some(Token::Sign('.')) && is_name(first - 2) {
            first -= 2;
        }
        first
    }

    /// What follows the name that begins here.
    pub fn after_name(&self, first: usize) -> usize {
        let mut at = first + 1;
        while self.token(at) == Some(Token::Sign('.')) {
            at += 2;
        }
        at
    }

    /// Where the kind of what is created is: after words that may stand before it.
    pub fn kind(&self) -> usize {
        let mut at = if self.word(0) == "create" && self.word(1) == "or" && self.word(2) == "replace" { 3 } else { 1 };
        while self.word(0) == "create"
            && matches!(self.word(at).as_str(), "global" | "local" | "temp" | "temporary" | "unlogged" | "unique")
        {
            at += 1;
        }
        at
    }

    fn find_object(&self) -> Option<usize> {
        let is_creation = match self.word(0).as_str() {
            "create" => true,
            "alter" => false,
            _ => return None,
        };
        let kind = self.kind();
        let mut at = match self.word(kind).as_str() {
            "materialized" => kind + 2,
            "table" | "view" | "sequence" | "domain" | "type" | "schema" | "index" | "database" => kind + 1,
            _ => return None,
        };
        // What is called `if` is no `IF EXISTS`.
        match is_creation {
            true if self.word(at) == "if" && self.word(at + 1) == "not" && self.word(at + 2) == "exists" => at += 3,
            false if self.word(at) == "if" && self.word(at + 1) == "exists" => at += 2,
            _ => {}
        }
        if !is_creation && self.word(at) == "only" {
            at += 1;
        }
        Some(at)
    }
}
