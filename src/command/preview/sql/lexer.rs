//! The words of a script, as psql and PostgreSQL separate them.

/// The limit for the statements and commands of psql in a script: a person must read them.
const MAX_PIECES: usize = 10_000;
/// The limit for the words of a script, which bounds the memory that it takes.
const MAX_WORDS: usize = 1_000_000;

/// A word of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'t> {
    /// A name or keyword without quotes. Compare it without case.
    Word(&'t str),
    /// A name in quotes, without them.
    Quoted(&'t str),
    /// A string or number.
    Value,
    /// Any other character; the first one of `::` and `:=`.
    Sign(char),
    /// It depends on a variable, or on a setting of the server, how this is read.
    Odd,
}

/// A token in its place.
#[derive(Debug, Clone, Copy)]
pub struct Part<'t> {
    pub token: Token<'t>,
    /// Its text; empty for words in a string that was told before them.
    pub text: &'t str,
    pub line: usize,
    /// Whether a blank or a comment is before it.
    pub is_apart: bool,
}

/// A part of a script.
#[derive(Debug)]
pub enum Piece<'t> {
    /// Up to a semicolon. There is at least one part.
    Statement(Vec<Part<'t>>),
    /// A command of psql, from a backslash to the end of the line. If it is within a statement, that comes after it.
    Meta { line: usize, text: &'t str, is_within: bool },
    /// From here on nothing is understood.
    Rest { line: usize, text: &'t str, why: &'static str },
}

/// The parts of a script, in order.
///
/// # Errors
/// A sentence: there are more than a person reads.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    Reader::of(text).read().map(|reader| reader.found)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// The line of `at`, counted while it moves on.
    line: usize,
    /// How many bytes were searched for the ends of lines.
    counted: usize,
    found: Vec<Piece<'t>>,
    /// The statement that is open.
    parts: Vec<Part<'t>>,
    words: usize,
    is_apart: bool,
    /// How many parentheses are open: psql ends no statement in them.
    depth: usize,
}

impl<'t> Reader<'t> {
    fn of(text: &'t str) -> Reader<'t> {
        let (found, parts) = (Vec::new(), Vec::new());
        Reader { text, at: 0, line: 1, counted: 0, found, parts, words: 0, is_apart: false, depth: 0 }
    }

    fn read(mut self) -> Result<Self, String> {
        while let Some(c) = self.rest().chars().next() {
            if let Err(why) = self.step(c) {
                self.statement();
                let text = self.rest();
                self.found.push(Piece::Rest { line: self.line, text, why });
                self.at = self.text.len();
            }
            if self.found.len() > MAX_PIECES {
                return Err(format!("the script has more than {MAX_PIECES} statements"));
            }
            if self.words + self.parts.len() > MAX_WORDS {
                return Err(format!("the script has more than {MAX_WORDS} words"));
            }
        }
        self.statement();
        Ok(self)
    }

    /// Reads what begins with this character; an error if nothing is understood from here on.
    fn step(&mut self, c: char) -> Result<(), &'static str> {
        let rest = self.rest();
        match c {
            _ if c.is_ascii_whitespace() || c == '\x0b' => self.skip(1),
            '-' if rest.starts_with("--") => self.skip(rest.find(['\n', '\r']).unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => self.skip(comment(rest).ok_or("a comment without an end")?),
            ';' if self.depth == 0 => return self.semicolon(),
            '\\' => self.meta(),
            '\'' => {
                let length = string(rest, false).ok_or("a string without an end")?;
                // Whether a backslash escapes the quote is a setting of the server.
                match rest[..length].contains('\\') {
                    true => self.odd_string(length),
                    false => self.push(Token::Value, length),
                }
            }
            '"' => {
                let length = quoted(rest).ok_or("a name without an end of its quotes")?;
                self.push(Token::Quoted(&rest[1..length - 1]), length);
            }
            '$' if starts_with_digit(&rest[1..]) => {
                let length = 1 + digits(&rest[1..]);
                return self.number(Token::Odd, length);
            }
            '$' => match dollars(rest) {
                Some(Ok(length)) => self.push(Token::Value, length),
                Some(Err(())) => return Err("a string in dollars without an end"),
                None => self.push(Token::Sign('$'), 1),
            },
            ':' => self.colon(rest),
            _ if is_letter(c) => return self.word(rest),
            _ if c.is_ascii_digit() || (c == '.' && starts_with_digit(&rest[1..])) => {
                return self.number(Token::Value, number(rest));
            }
            _ => {
                match c {
                    '(' => self.depth += 1,
                    ')' => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                self.push(Token::Sign(c), c.len_utf8());
            }
        }
        Ok(())
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn advance(&mut self, length: usize) {
        let passed = &self.text.as_bytes()[self.at..self.at + length];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.counted += length;
        self.at += length;
    }

    /// Passes a blank or a comment.
    fn skip(&mut self, length: usize) {
        self.advance(length);
        self.is_apart = true;
    }

    fn push(&mut self, token: Token<'t>, length: usize) {
        let text = &self.rest()[..length];
        let is_apart = std::mem::take(&mut self.is_apart);
        self.parts.push(Part { token, text, line: self.line, is_apart });
        self.advance(length);
    }

    /// Ends the statement here; false if none is open.
    fn statement(&mut self) -> bool {
        let parts = std::mem::take(&mut self.parts);
        let is_open = !parts.is_empty();
        self.words += parts.len();
        if is_open {
            self.found.push(Piece::Statement(parts));
        }
        is_open
    }

    fn semicolon(&mut self) -> Result<(), &'static str> {
        let is_ended = self.statement();
        self.skip(1);
        if is_ended && self.takes_data() { Err("data for COPY") } else { Ok(()) }
    }

    /// Whether the last statement reads the lines after it.
    fn takes_data(&self) -> bool {
        let Some(Piece::Statement(parts)) = self.found.last() else { return false };
        let is = |part: &Part<'_>, word: &str| matches!(part.token, Token::Word(own) if own.eq_ignore_ascii_case(word));
        parts.first().is_some_and(|first| is(first, "copy")) && parts.iter().any(|part| is(part, "stdin"))
    }

    /// A command of psql takes the rest of its line. Most end no statement: what follows belongs to that which is open.
    fn meta(&mut self) {
        let rest = self.rest();
        let length = rest.find('\n').unwrap_or(rest.len());
        self.found.push(Piece::Meta { line: self.line, text: &rest[..length], is_within: !self.parts.is_empty() });
        self.skip(length);
    }

    /// A string that may end earlier, or later: what is in it is read as words, too.
    fn odd_string(&mut self, length: usize) {
        let (line, text) = (self.line, &self.rest()[..length]);
        self.push(Token::Odd, length);
        let words = text.split(|c: char| !is_letter(c)).filter(|word| !word.is_empty());
        self.parts.extend(words.map(|word| Part { token: Token::Word(word), text: "", line, is_apart: false }));
    }

    /// A number or parameter. How what touches its end is read differs between versions of psql and PostgreSQL:
    /// `1E--` hides the comment from some.
    fn number(&mut self, token: Token<'t>, length: usize) -> Result<(), &'static str> {
        let next = self.rest()[length..].chars().next().unwrap_or(' ');
        if is_letter(next) || next == '$' || next == '.' || next.is_ascii_digit() {
            return Err("a number that something else touches");
        }
        self.push(token, length);
        Ok(())
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
    fn word(&mut self, rest: &'t str) -> Result<(), &'static str> {
        let is_part = |c: char| is_letter(c) || c.is_ascii_digit() || c == '$';
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let is_string = after.starts_with('\'');
        match word {
            "E" | "e" if is_string => {
                let length = string(after, true).ok_or("a string without an end")?;
                // In encodings such as SJIS a backslash may be the second byte of a character.
                let is_odd = after.as_bytes()[..length].windows(2).any(|pair| pair[0] >= 0x80 && pair[1] == b'\\');
                self.push(if is_odd { Token::Odd } else { Token::Value }, 1 + length);
            }
            "U" | "u" if after.starts_with("&'") || after.starts_with("&\"") => self.push(Token::Odd, 2),
            "B" | "b" | "X" | "x" | "N" | "n" if is_string => self.push(Token::Value, 1),
            _ => self.push(Token::Word(word), length),
        }
        Ok(())
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

/// The length of a decimal number, with its exponent if that has digits.
fn number(text: &str) -> usize {
    let mut length = digits(text);
    if text[length..].starts_with('.') {
        length += 1 + digits(&text[length + 1..]);
    }
    let exponent = &text[length..];
    if exponent.starts_with(['e', 'E']) {
        let sign = if exponent[1..].starts_with(['+', '-']) { 2 } else { 1 };
        let power = digits(&exponent[sign..]);
        length += if power > 0 { sign + power } else { 0 };
    }
    length
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_once_however_many_statements_there_are() {
        for piece in ["END;", "\\timing\n", ";", "a b\n;", "/**/;\n", "COPY a TO b;;;;"] {
            let text = piece.repeat(2_000);
            let reader = Reader::of(&text).read().unwrap();
            assert_eq!(reader.counted, text.len(), "{piece}");
            assert_eq!(reader.line, 1 + text.matches('\n').count(), "{piece}");
        }
    }

    #[test]
    fn a_script_of_more_than_a_person_reads_is_refused() {
        for text in ["END;".repeat(MAX_PIECES + 1), "\\timing\n".repeat(MAX_PIECES + 1), "(".repeat(MAX_WORDS + 1)] {
            assert!(pieces(&text).unwrap_err().contains("more than"));
        }
        assert!(pieces(&"END;".repeat(MAX_PIECES)).is_ok());
    }
}
