//! Words: quotes and expansions.

use super::line::Reader;
use super::{MAX_TEXT, Word, is_variable};

/// What ends a word.
const ENDS: &[u8] = b" \t\r\n;&|()<>";

/// Where an expansion occurs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    Bare,
    /// Between `"`.
    Quotes,
}

impl Reader<'_> {
    /// Reads a word; several if a variable in it expands to a value with blanks.
    pub fn words(&mut self) -> Vec<Word> {
        let mut words = vec![Word::literal("")];
        let (mut brace, mut is_braced) = (None, false);
        while let Some(byte) = self.peek(0).filter(|byte| !ENDS.contains(byte)) {
            let word = last(&mut words);
            match byte {
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'\\' => {
                    self.at += 1;
                    word.is_quoted = true;
                    self.take(word);
                }
                b'\'' => {
                    word.is_quoted = true;
                    let inner = self.until(b'\'');
                    word.text.push_str(inner);
                }
                b'"' => self.double_quoted(word),
                b'$' | b'`' => self.expansion(&mut words, Within::Bare),
                _ => {
                    let is_home = byte == b'~' && word.text.is_empty();
                    word.is_pattern |= is_home || matches!(byte, b'*' | b'?' | b'[');
                    // `{a,b}` and `{1..3}` become several words.
                    brace = if byte == b'{' { Some(false) } else { brace };
                    brace = brace.map(|is_list| is_list || byte == b',' || self.text[self.at..].starts_with(".."));
                    is_braced |= byte == b'}' && brace.take() == Some(true);
                    self.take(word);
                }
            }
        }
        words.retain(|word| !word.text.is_empty() || word.is_quoted || !word.is_literal);
        if is_braced {
            words.iter_mut().for_each(|word| (word.is_literal, word.filled) = (false, word.text.len()));
        }
        words
    }

    /// Reads a word without expanding anything: the end of a here document.
    pub fn plain_word(&mut self) -> Word {
        let mut word = Word::literal("");
        while let Some(byte) = self.peek(0).filter(|byte| !ENDS.contains(byte)) {
            match byte {
                b'\'' | b'"' => {
                    word.is_quoted = true;
                    let inner = self.until(byte);
                    word.text.push_str(inner);
                }
                b'\\' => {
                    self.at += 1;
                    word.is_quoted = true;
                    self.take(&mut word);
                }
                _ => self.take(&mut word),
            }
        }
        word
    }

    /// Takes one character, unchanged.
    fn take(&mut self, word: &mut Word) {
        if let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            self.at += c.len_utf8();
            word.text.push(c);
        }
    }

    /// Returns the text up to the next such byte, and moves past that byte.
    fn until(&mut self, end: u8) -> &str {
        let from = self.at + 1;
        let length = self.text.as_bytes()[from..].iter().position(|byte| *byte == end);
        self.script.is_cut |= length.is_none();
        let to = length.map_or(self.text.len(), |length| from + length);
        self.at = (to + 1).min(self.text.len());
        &self.text[from..to]
    }

    /// The next byte; none at the end byte, which is consumed. A text without one is marked as cut.
    fn before(&mut self, end: u8) -> Option<u8> {
        let byte = self.peek(0);
        self.script.is_cut |= byte.is_none();
        self.at += usize::from(byte == Some(end));
        byte.filter(|byte| *byte != end)
    }

    fn double_quoted(&mut self, word: &mut Word) {
        self.at += 1;
        word.is_quoted = true;
        while let Some(byte) = self.before(b'"') {
            match byte {
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'\\' if matches!(self.peek(1), Some(b'"' | b'\\' | b'$' | b'`')) => {
                    self.at += 1;
                    self.take(word);
                }
                b'$' | b'`' => {
                    let mut words = vec![std::mem::take(word)];
                    self.expansion(&mut words, Within::Quotes);
                    *word = words.pop().unwrap_or_default();
                }
                _ => self.take(word),
            }
        }
    }

    /// Reads `$NAME`, `${…}`, `$(…)`, `$((…))`, `$[…]`, `` `…` ``, `$'…'`, `$"…"`; or a dollar that is none of these.
    fn expansion(&mut self, words: &mut Vec<Word>, within: Within) {
        let from = self.at;
        match (self.peek(0), self.peek(1)) {
            (Some(b'`'), _) => self.backquoted(within),
            (_, Some(b'(')) => {
                self.at += 1;
                if self.peek(1) == Some(b'(') && self.is_double_bracket(self.at) {
                    self.calculation(b'(', b')');
                } else {
                    self.at += 1;
                    self.nested(|reader| reader.commands(true));
                }
            }
            (_, Some(b'[')) => {
                self.at += 1;
                self.calculation(b'[', b']');
            }
            (_, Some(b'{')) => {
                self.at += 2;
                self.nested(|reader| reader.braced(within));
            }
            (_, Some(b'\'')) if within == Within::Bare => return self.escaped(last(words)),
            (_, Some(b'"')) if within == Within::Bare => {
                self.at += 1;
                return self.double_quoted(last(words));
            }
            (_, Some(b'A'..=b'Z' | b'a'..=b'z' | b'_')) => {
                self.at += 2;
                while self.peek(0).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    self.at += 1;
                }
            }
            (_, Some(b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'!' | b'$' | b'-')) => self.at += 2,
            _ => return self.take(last(words)),
        }
        let text = &self.text[from..self.at];
        let name = text.trim_start_matches(['$', '{']).trim_end_matches('}');
        match self.variables.value(name).map(str::to_owned) {
            Some(value) => {
                self.script.filled += value.len();
                // The same text many times over would fill the memory.
                match self.script.filled > MAX_TEXT {
                    true => self.script.is_cut = true,
                    false => fill_in(words, &value, within),
                }
            }
            None => {
                let word = last(words);
                word.text.push_str(text);
                (word.is_literal, word.filled) = (false, word.text.len());
            }
        }
    }

    /// Reads `` `…` ``, in which a backslash before a backquote, a dollar or a backslash is removed.
    fn backquoted(&mut self, within: Within) {
        let mut inner = String::new();
        self.at += 1;
        loop {
            let Some(c) = self.text.get(self.at..).and_then(|rest| rest.chars().next()) else {
                self.script.is_cut = true;
                break;
            };
            self.at += c.len_utf8();
            match c {
                '`' => break,
                '\\' => match self.peek(0) {
                    Some(byte @ (b'`' | b'\\' | b'$')) => {
                        inner.push(char::from(byte));
                        self.at += 1;
                    }
                    Some(b'"') if within == Within::Quotes => {
                        inner.push('"');
                        self.at += 1;
                    }
                    _ => inner.push('\\'),
                },
                _ => inner.push(c),
            }
        }
        let (depth, script) = (self.depth, &mut *self.script);
        Reader::new(&inner, depth, script, self.variables).nested(Reader::read);
    }

    /// Reads from after `${` up to its closing bracket.
    fn braced(&mut self, within: Within) {
        let rest = &self.text[self.at..];
        let name = rest.trim_start_matches(['!', '#']);
        let name = &name[..name.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()];
        let operator = rest.find(name).and_then(|at| rest[at + name.len()..].chars().next());
        if is_variable(name) && matches!(operator, Some('=' | ':')) {
            self.variables.forget(name);
        }
        // Within double quotes, a `'` quotes only in a pattern.
        let has_quotes = within == Within::Bare || !matches!(operator, Some(':' | '-' | '=' | '+' | '?'));
        let mut ignored = vec![Word::default()];
        while let Some(byte) = self.before(b'}') {
            match byte {
                b'\\' => {
                    self.at += 1;
                    self.take(last(&mut ignored));
                }
                b'\'' if has_quotes => _ = self.until(b'\''),
                b'"' => self.double_quoted(last(&mut ignored)),
                b'$' | b'`' => self.expansion(&mut ignored, within),
                _ => self.take(last(&mut ignored)),
            }
        }
    }

    /// Reads `$'…'`, with its backslash escapes.
    fn escaped(&mut self, word: &mut Word) {
        self.at += 2;
        word.is_quoted = true;
        while let Some(byte) = self.before(b'\'') {
            if byte == b'\\' {
                self.at += 1;
                self.escape(word);
            } else {
                self.take(word);
            }
        }
    }

    /// Reads the rest of an escape, after the backslash.
    fn escape(&mut self, word: &mut Word) {
        let Some(byte) = self.peek(0) else { return };
        let simple = [(b'n', '\n'), (b't', '\t'), (b'r', '\r'), (b'a', '\u{7}'), (b'e', '\u{1b}'), (b'b', '\u{8}')];
        if let Some((_, c)) = simple.iter().find(|(own, _)| *own == byte) {
            self.at += 1;
            word.text.push(*c);
            return;
        }
        let (digits, longest, radix) = match byte {
            b'x' => (1, 2, 16),
            b'u' => (1, 4, 16),
            b'U' => (1, 8, 16),
            b'0'..=b'7' => (0, 3, 8),
            _ => return self.take(word),
        };
        let from = self.at + digits;
        let rest = &self.text.as_bytes()[from..];
        let length = rest.iter().take(longest).take_while(|byte| char::from(**byte).is_digit(radix)).count();
        let spelt = u32::from_str_radix(&self.text[from..from + length], radix).ok().and_then(char::from_u32);
        self.at = from + length;
        word.text.extend(spelt);
    }

    /// Reads arithmetic with its brackets, in which only substitutions run.
    pub fn calculation(&mut self, open: u8, close: u8) {
        let end = self.balanced(self.at, open, close);
        self.script.is_cut |= end.is_none();
        let to = end.unwrap_or(self.text.len());
        let inner = &self.text[self.at..to];
        self.at = to;
        self.substitutions(inner);
    }

    /// Whether `((` here begins something that ends in `))`.
    pub fn is_double_bracket(&self, at: usize) -> bool {
        let end = self.balanced(at, b'(', b')');
        end.is_some() && self.balanced(at + 1, b'(', b')').map(|inner| inner + 1) == end
    }

    /// The index after the bracket that closes the one here. Quotes hide brackets.
    fn balanced(&self, from: usize, open: u8, close: u8) -> Option<usize> {
        let (mut depth, mut quote, mut is_escaped) = (0_usize, None, false);
        for (at, &byte) in self.text.as_bytes().iter().enumerate().skip(from) {
            match quote {
                _ if is_escaped => is_escaped = false,
                _ if byte == b'\\' && quote != Some(b'\'') => is_escaped = true,
                Some(own) if own == byte => quote = None,
                Some(_) => {}
                None if matches!(byte, b'\'' | b'"') => quote = Some(byte),
                None if byte == open => depth += 1,
                None if byte == close && depth == 1 => return Some(at + 1),
                None if byte == close => depth = depth.saturating_sub(1),
                None => {}
            }
        }
        None
    }

    /// Reads the command lines inside a text that is not one itself.
    pub fn substitutions(&mut self, text: &str) {
        let (depth, script) = (self.depth, &mut *self.script);
        Reader::new(text, depth, script, self.variables).nested(|reader| {
            let mut ignored = vec![Word::default()];
            while let Some(byte) = reader.peek(0) {
                match byte {
                    b'\\' => {
                        reader.at += 1;
                        reader.take(last(&mut ignored));
                    }
                    b'$' | b'`' => reader.expansion(&mut ignored, Within::Quotes),
                    _ => reader.take(last(&mut ignored)),
                }
            }
        });
    }
}

/// Inserts a known value: outside quotes, its blanks separate words.
fn fill_in(words: &mut Vec<Word>, value: &str, within: Within) {
    if within == Within::Quotes {
        last(words).text.push_str(value);
        return;
    }
    let mut fields = value.split_whitespace();
    if !value.starts_with(char::is_whitespace)
        && let Some(first) = fields.next()
    {
        last(words).text.push_str(first);
    }
    words.extend(fields.map(Word::literal));
    if value.ends_with(char::is_whitespace) {
        words.push(Word::literal(""));
    }
}

fn last(words: &mut Vec<Word>) -> &mut Word {
    if words.is_empty() {
        words.push(Word::literal(""));
    }
    words.last_mut().expect("one is there")
}
