//! Lines: commands and their separators, redirections and here documents.

use std::rc::Rc;

use super::variables::Variables;
use super::{MAX_DEPTH, Script, SimpleCommand, Word, assignment};

/// Words that may precede a command and run nothing themselves.
const KEYWORDS: &[&str] =
    &["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "!", "{", "}", "coproc"];
const REDIRECTIONS: &[&str] = &["<<<", "<<-", "<<", "<>", ">>", ">&", "<&", ">|", "<(", ">(", "<", ">"];

pub(super) struct Reader<'r> {
    pub text: &'r str,
    pub at: usize,
    pub depth: u8,
    pub script: &'r mut Script,
    pub variables: &'r mut Variables,
}

/// A `<<END` whose lines follow below.
struct HereDocument {
    end: String,
    /// `<<-`: tabs before the end are ignored.
    is_indented: bool,
    is_literal: bool,
    /// The index of the command that reads it, once that command has ended.
    reader: Option<usize>,
}

/// The open brackets, and the command read so far.
#[derive(Default)]
struct Line {
    command: SimpleCommand,
    waiting: Vec<HereDocument>,
    open: Vec<Open>,
    /// How many `if`, `while` and the like are open.
    conditions: usize,
    /// The command follows `&&`, `||` or `|`.
    is_joined: bool,
    /// In a `case`: a pattern follows, in which `|` separates alternatives.
    is_pattern: bool,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum Open {
    Bracket,
    /// A `)` ends a pattern there.
    Case,
}

impl Line {
    /// The first word that is not a keyword.
    fn head(&self) -> Option<&Word> {
        self.command.words.iter().find(|word| !is_keyword(word))
    }

    fn is_at_esac(&self) -> bool {
        self.command.words.first().is_some_and(|word| word.is_keyword("esac"))
    }

    /// `[[ … ]]`, in which separators of commands do not separate.
    fn is_in_test(&self) -> bool {
        self.head().is_some_and(|word| word.is_keyword("[["))
            && self.command.words.last().is_some_and(|word| !word.is_keyword("]]"))
    }
}

impl<'r> Reader<'r> {
    pub fn new(text: &'r str, depth: u8, script: &'r mut Script, variables: &'r mut Variables) -> Reader<'r> {
        Reader { text, at: 0, depth, script, variables }
    }

    pub fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    pub fn read(&mut self) {
        self.commands(false);
    }

    /// Reads commands up to the end, or past the bracket that closes a substitution.
    pub fn commands(&mut self, is_bracketed: bool) {
        let mut line = Line::default();
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' if line.is_in_test() => self.test(&mut line),
                b'\n' => {
                    self.at += 1;
                    self.end(&mut line);
                    self.here_documents(&mut line);
                }
                b'#' => self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at),
                b'<' | b'>' => self.redirection(&mut line),
                b'&' if self.peek(1) == Some(b'>') => self.at += 1,
                b'|' if line.is_pattern && !line.is_at_esac() => self.at += 1,
                b';' | b'&' | b'|' => self.separator(&mut line, byte),
                b'(' if self.peek(1) == Some(b'(') && self.is_calculated(&line) => {
                    self.at += 1;
                    self.calculation(b'(', b')');
                    line.command.words.push(Word::literal("(("));
                }
                b'(' => {
                    self.at += 1;
                    self.end(&mut line);
                    line.open.push(Open::Bracket);
                }
                b')' if self.closes(&mut line, is_bracketed) => return,
                b')' => {}
                _ => self.next_word(&mut line),
            }
        }
        self.script.is_cut |= is_bracketed || !line.waiting.is_empty() || line.is_in_test();
        self.end(&mut line);
    }

    fn test(&mut self, line: &mut Line) {
        let text = &self.text[self.at..=self.at];
        self.at += 1;
        line.command.words.push(Word { is_quoted: true, ..Word::literal(text) });
    }

    fn separator(&mut self, line: &mut Line, byte: u8) {
        let is_double = self.peek(1) == Some(byte);
        self.at += 1 + usize::from(is_double);
        self.end(line);
        line.is_joined = byte == b'|' || byte == b'&' && is_double;
        line.is_pattern |= byte == b';' && is_double && line.open.last() == Some(&Open::Case);
    }

    /// Whether `((` begins arithmetic, rather than a command in two brackets.
    fn is_calculated(&self, line: &Line) -> bool {
        let is_place = line.head().is_none_or(|head| head.is_keyword("for"));
        is_place && self.is_double_bracket(self.at)
    }

    /// Reads a closing bracket; returns whether it ends the text to read.
    fn closes(&mut self, line: &mut Line, is_bracketed: bool) -> bool {
        if line.open.last() == Some(&Open::Case) && !line.is_at_esac() {
            self.at += 1;
            line.is_pattern = false;
            line.command = SimpleCommand::default();
            return false;
        }
        let is_head = line.head().is_some_and(|word| word.is_keyword("case"));
        self.end(line);
        line.is_pattern = false;
        self.at += 1;
        let is_own = !is_head && line.open.pop().is_none();
        self.script.is_cut |= is_own && is_bracketed && !line.waiting.is_empty();
        is_own && is_bracketed
    }

    fn next_word(&mut self, line: &mut Line) {
        let mut words = self.words();
        let is_descriptor = words.len() == 1
            && words[0].text.bytes().all(|byte| byte.is_ascii_digit())
            && matches!(self.peek(0), Some(b'<' | b'>'));
        if is_descriptor {
            return;
        }
        if let Some(last) = words.last_mut()
            && self.peek(0) == Some(b'(')
            && last.text.ends_with('=')
            && assignment(last).is_some()
        {
            self.list(last);
        }
        line.command.words.append(&mut words);
    }

    /// `NAME=(…)`: its words are values, and nothing runs.
    fn list(&mut self, word: &mut Word) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b')' => break,
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'(' | b'<' | b'>' => self.at += 1,
                b'#' => self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at),
                _ => {
                    let value = self.words().into_iter().map(|own| own.text).collect::<Vec<_>>().join(" ");
                    word.text.push_str(&value);
                    word.text.push(' ');
                }
            }
        }
        self.script.is_cut |= self.peek(0).is_none();
        self.at = (self.at + 1).min(self.text.len());
        (word.is_literal, word.filled) = (false, word.text.len());
    }

    /// Ends the command read so far, without the keywords before it.
    fn end(&mut self, line: &mut Line) {
        let mut done = std::mem::take(&mut line.command);
        let skipped = done.words.iter().take_while(|word| is_keyword(word)).count();
        for keyword in done.words.drain(..skipped) {
            line.keyword(&keyword.text);
        }
        if done.words.first().is_some_and(|word| word.is_keyword("function")) {
            done.words.drain(..2.min(done.words.len()));
            line.conditions += done.words.iter().take_while(|word| word.is_keyword("{")).count();
            done.words.retain(|word| !word.is_keyword("{"));
        }
        if done.words.first().is_some_and(|head| head.is_keyword("case")) {
            line.open.push(Open::Case);
            line.is_pattern = true;
        }
        while let Some((name, value)) = done.words.first().and_then(assignment) {
            done.words.remove(0);
            done.assignments.push((name, value));
        }
        let is_sure = self.depth == 0 && line.open.is_empty() && line.conditions == 0 && !line.is_joined;
        line.is_joined = false;
        self.variables.see(&done, is_sure);
        let reader = self.script.commands.len();
        let mut is_nothing = done == SimpleCommand::default();
        for document in line.waiting.iter_mut().filter(|document| document.reader.is_none()) {
            (document.reader, is_nothing) = (Some(reader), false);
        }
        self.script.commands.extend((!is_nothing).then_some(done));
    }

    /// `<`, `>`, `<<`, `<<<`, `<(`, and the word that follows.
    fn redirection(&mut self, line: &mut Line) {
        let rest = &self.text[self.at..];
        let operator = REDIRECTIONS.iter().find(|operator| rest.starts_with(**operator)).copied().unwrap_or("<");
        self.at += operator.len();
        if operator.ends_with('(') {
            self.nested(|reader| reader.commands(true));
            line.command.words.push(Word::filled_in("/dev/fd"));
            return;
        }
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let is_document = operator.starts_with("<<") && operator != "<<<";
        let words = if is_document { vec![self.plain_word()] } else { self.words() };
        let Some(word) = words.into_iter().next() else { return };
        match operator {
            "<<" | "<<-" => line.waiting.push(HereDocument {
                is_literal: word.is_quoted,
                end: word.text,
                is_indented: operator == "<<-",
                reader: None,
            }),
            "<<<" => line.command.inputs.push(word.text.into()),
            _ => line.command.files.push(word),
        }
    }

    /// Reads the lines of each pending `<<`, for the command that it belongs to.
    fn here_documents(&mut self, line: &mut Line) {
        for document in std::mem::take(&mut line.waiting) {
            let body = self.here_document(&document);
            let reader = document.reader.and_then(|at| self.script.commands.get_mut(at));
            if let Some(command) = reader {
                command.inputs.push(Rc::from(body));
            }
            if !document.is_literal {
                self.substitutions(body);
            }
        }
    }

    fn here_document(&mut self, document: &HereDocument) -> &'r str {
        let (text, from) = (self.text, self.at);
        while let Some(rest) = text.get(self.at..).filter(|rest| !rest.is_empty()) {
            let line = rest.split_inclusive('\n').next().unwrap_or(rest);
            let (to, bare) = (self.at, line.trim_end_matches(['\n', '\r']));
            self.at += line.len();
            if (if document.is_indented { bare.trim_start_matches('\t') } else { bare }) == document.end {
                return &text[from..to];
            }
        }
        self.script.is_cut = true;
        &text[from..]
    }

    /// Reads something nested, unless that is too deep.
    pub fn nested(&mut self, read: impl FnOnce(&mut Self)) {
        if self.depth >= MAX_DEPTH {
            self.script.is_cut = true;
            self.at = self.text.len();
            return;
        }
        self.depth += 1;
        read(self);
        self.depth -= 1;
    }
}

impl Line {
    fn keyword(&mut self, keyword: &str) {
        match keyword {
            "if" | "{" | "do" => self.conditions += 1,
            "fi" | "done" | "}" => self.conditions = self.conditions.saturating_sub(1),
            "esac" if self.open.last() == Some(&Open::Case) => {
                self.open.pop();
                self.is_pattern = false;
            }
            _ => {}
        }
    }
}

fn is_keyword(word: &Word) -> bool {
    word.is_literal && !word.is_quoted && KEYWORDS.contains(&word.text.as_str())
}
