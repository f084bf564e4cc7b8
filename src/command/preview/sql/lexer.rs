//! The words of a script, as psql and PostgreSQL separate them.

/// A word of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'t> {
    /// A name or keyword without quotes. Compare it without case.
    Word(&'t str),
    /// A name in quotes.
    Quoted,
    /// A string or number.
    Value,
    /// Any other character.
    Sign(char),
    /// It depends on a variable, or on a setting of the server, how this is read.
    Odd,
}

/// A part of a script.
#[derive(Debug)]
pub enum Piece<'t> {
    /// Up to a semicolon.
    Statement { line: usize, text: &'t str, tokens: Vec<Token<'t>> },
    /// A command of psql: from a backslash to the end of the line.
    Meta { line: usize, text: &'t str },
    /// From here on nothing is understood.
    Rest { line: usize, text: &'t str, why: &'static str },
}

impl<'t> Piece<'t> {
    pub fn line(&self) -> usize {
        match self {
            Piece::Statement { line, .. } | Piece::Meta { line, .. } | Piece::Rest { line, .. } => *line,
        }
    }

    pub fn text(&self) -> &'t str {
        match self {
            Piece::Statement { text, .. } | Piece::Meta { text, .. } | Piece::Rest { text, .. } => text,
        }
    }
}

/// The parts of a script, in order.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut reader = Reader { text, at: 0, found: Vec::new(), tokens: Vec::new(), start: None };
    reader.read();
    reader.found
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    found: Vec<Piece<'t>>,
    tokens: Vec<Token<'t>>,
    /// Where the first word of the statement is.
    start: Option<usize>,
}

impl<'t> Reader<'t> {
    fn read(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            let rest = self.rest();
            match c {
                _ if c.is_ascii_whitespace() || c == '\x0b' => self.at += 1,
                '-' if rest.starts_with("--") => self.at += rest.find(['\n', '\r']).unwrap_or(rest.len()),
                '/' if rest.starts_with("/*") => match comment(rest) {
                    Some(length) => self.at += length,
                    None => return self.end("a comment without an end"),
                },
                ';' => {
                    self.statement();
                    self.at += 1;
                    if self.takes_data() {
                        return self.end("data for COPY");
                    }
                }
                '\\' => self.meta(),
                '\'' => match string(rest, false) {
                    // Whether a backslash escapes the quote is a setting of the server.
                    Some(length) if rest[..length].contains('\\') => self.odd_string(length),
                    Some(length) => self.push(Token::Value, length),
                    None => return self.end("a string without an end"),
                },
                '"' => match quoted(rest) {
                    Some(length) => self.push(Token::Quoted, length),
                    None => return self.end("a name without an end of its quotes"),
                },
                '$' => match dollars(rest) {
                    Some(Ok(length)) => self.push(Token::Value, length),
                    Some(Err(())) => return self.end("a string in dollars without an end"),
                    None => self.push(Token::Sign('$'), 1),
                },
                ':' => self.colon(rest),
                _ if is_letter(c) => {
                    if !self.word(rest) {
                        return self.end("a string without an end");
                    }
                }
                _ if c.is_ascii_digit() => {
                    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
                    self.push(Token::Value, length);
                }
                _ => self.push(Token::Sign(c), c.len_utf8()),
            }
        }
        self.statement();
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn push(&mut self, token: Token<'t>, length: usize) {
        self.start.get_or_insert(self.at);
        self.tokens.push(token);
        self.at += length;
    }

    fn line_at(&self, at: usize) -> usize {
        1 + self.text[..at].bytes().filter(|&byte| byte == b'\n').count()
    }

    /// Ends the statement here.
    fn statement(&mut self) {
        if let Some(start) = self.start.take() {
            let (line, text) = (self.line_at(start), &self.text[start..self.at]);
            self.found.push(Piece::Statement { line, text, tokens: std::mem::take(&mut self.tokens) });
        }
    }

    /// Whether the last statement reads the lines after it.
    fn takes_data(&self) -> bool {
        let Some(Piece::Statement { tokens, .. }) = self.found.last() else { return false };
        let is = |token: &Token<'_>, word: &str| matches!(token, Token::Word(own) if own.eq_ignore_ascii_case(word));
        tokens.first().is_some_and(|first| is(first, "copy")) && tokens.iter().any(|token| is(token, "stdin"))
    }

    /// A command of psql takes the rest of its line, and acts on the statement before it.
    fn meta(&mut self) {
        self.statement();
        let rest = self.rest();
        let length = rest.find('\n').unwrap_or(rest.len());
        self.found.push(Piece::Meta { line: self.line_at(self.at), text: &rest[..length] });
        self.at += length;
    }

    fn end(&mut self, why: &'static str) {
        self.statement();
        let text = self.rest();
        self.found.push(Piece::Rest { line: self.line_at(self.at), text, why });
        self.at = self.text.len();
    }

    /// A string that may end earlier, or later: what is in it is read as words, too.
    fn odd_string(&mut self, length: usize) {
        self.push(Token::Odd, 1);
        let inner = self.at + length - 2;
        let text = &self.text[self.at..inner];
        let words = text.split(|c: char| !is_letter(c)).filter(|word| !word.is_empty());
        self.tokens.extend(words.map(Token::Word));
        self.at = inner + 1;
    }

    /// A cast, or a variable of psql, which may hold anything.
    fn colon(&mut self, rest: &'t str) {
        let next = rest[1..].chars().next().unwrap_or(' ');
        if next == ':' || next == '=' {
            return self.push(Token::Sign(':'), 2);
        }
        let is_variable = is_letter(next) || matches!(next, '\'' | '"' | '{');
        self.push(if is_variable { Token::Odd } else { Token::Sign(':') }, 1);
    }

    /// A word; with a quote after it, it may be a string of another kind.
    fn word(&mut self, rest: &'t str) -> bool {
        let is_part = |c: char| is_letter(c) || c.is_ascii_digit() || c == '$';
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let is_string = after.starts_with('\'');
        match word {
            "E" | "e" if is_string => match string(after, true) {
                Some(string) => self.push(Token::Value, 1 + string),
                None => return false,
            },
            "U" | "u" if after.starts_with("&'") || after.starts_with("&\"") => self.push(Token::Odd, 2),
            "B" | "b" | "X" | "x" | "N" | "n" if is_string => self.push(Token::Value, 1),
            _ => self.push(Token::Word(word), length),
        }
        true
    }
}

/// PostgreSQL takes every character beyond ASCII for a letter.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// The length of a string in quotes, with both; none if it has no end.
fn string(text: &str, has_escapes: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if has_escapes => at += 2,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

fn quoted(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' if bytes.get(at + 1) == Some(&b'"') => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// The length of a string in dollars; an error if it has no end, and none if it is none.
fn dollars(text: &str) -> Option<Result<usize, ()>> {
    let tag = text[1..].find(|c: char| !is_letter(c) && !c.is_ascii_digit()).map(|end| &text[..end + 2])?;
    let is_tag = tag.ends_with('$') && !tag[1..].starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| text[tag.len()..].find(tag).map(|at| at + 2 * tag.len()).ok_or(()))
}

/// The length of a comment, in which others may be nested; none if it has no end.
fn comment(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    None
}
