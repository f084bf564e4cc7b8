//! Shell commands, as far as their words identify them.

use super::super::{Kind, Value, filters};
use super::firewall;
use super::out::{Out, Place};
use super::tree::Lines;

/// The most commands of one script; further ones are ignored.
const MAX_COMMANDS: usize = 5_000;
/// The most levels of scripts in scripts: `sh -c`, `$(…)`.
const MAX_NESTED: usize = 3;
/// The most words of an object: a program and its subcommands.
const MAX_WORDS: usize = 3;

/// The operator between a command and the previous one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    Next,
    Pipe,
    Or,
}

#[derive(Debug)]
struct Command {
    words: Vec<String>,
    lines: Lines,
    joint: Joint,
}

/// The commands of a script that begins on this line.
pub(super) fn facts(script: &str, first: u32, place: &Place, out: &mut Out) {
    nested(script, first, place, out, 0);
}

/// The command of a list of words.
pub(super) fn command(words: &[String], lines: &Lines, place: &Place, out: &mut Out) {
    let command = Command { words: words.to_vec(), lines: lines.clone(), joint: Joint::Next };
    state(&[command], place, out, 0);
}

/// The commands of a script on these lines.
pub(super) fn on_lines(script: &str, lines: &Lines, place: &Place, out: &mut Out) {
    let mut reader = Reader::new(script, *lines.start());
    reader.read();
    reader.commands.iter_mut().for_each(|command| command.lines = lines.clone());
    state(&reader.commands, place, out, 0);
    reader.inner.iter().for_each(|(script, _)| nested(script, *lines.start(), place, out, 1));
}

/// A command whose failure is ignored.
pub(super) fn ignored(script: &str, lines: &Lines, place: &Place, out: &mut Out) {
    add("|| true", &format!("{script} || true"), lines, place, out);
}

/// The words of a line.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut reader = Reader::new(line, 1);
    reader.read();
    reader.commands.into_iter().flat_map(|command| command.words).collect()
}

fn nested(script: &str, first: u32, place: &Place, out: &mut Out, depth: usize) {
    let mut reader = Reader::new(script, first);
    reader.read();
    state(&reader.commands, place, out, depth);
    if depth < MAX_NESTED {
        reader.inner.iter().for_each(|(script, line)| nested(script, *line, place, out, depth + 1));
    }
}

fn state(commands: &[Command], place: &Place, out: &mut Out, depth: usize) {
    let mut pipeline = String::new();
    let mut source = "";
    for each in commands {
        let words = essential(&each.words);
        let text = each.words.join(" ");
        if each.joint == Joint::Or && is_success(words) {
            add("|| true", &format!("{pipeline} || {text}"), &each.lines, place, out);
        }
        pipeline = if each.joint == Joint::Pipe { joined(&pipeline, &text) } else { text.clone() };
        let Some(program) = words.first().map(|word| base_name(word)) else { continue };
        if is_test(program) {
            continue;
        }
        let is_fetch = matches!(program, "curl" | "wget");
        source = if each.joint != Joint::Pipe || is_fetch { program } else { source };
        let feeds = matches!(source, "curl" | "wget") && each.joint == Joint::Pipe || fetches_inside(&words[1..]);
        if feeds && is_interpreter(program) {
            add("curl | sh", &pipeline, &each.lines, place, out);
        }
        add(&object(words), &text, &each.lines, place, out);
        let plain: Vec<&str> = words.iter().map(String::as_str).collect();
        firewall::tell(filters::of_command(&plain), &each.lines, place, out);
        if let Some(script) = script_of(program, words).filter(|_| depth < MAX_NESTED) {
            nested(script, *each.lines.start(), place, out, depth + 1);
        }
    }
}

/// A pipeline may have as many parts as a script: its text is cut as others are.
fn joined(pipeline: &str, text: &str) -> String {
    super::tree::clip(&format!("{pipeline} | {}", super::tree::clip_to(text, super::super::MAX_TEXT)))
}

fn add(object: &str, text: &str, lines: &Lines, place: &Place, out: &mut Out) {
    if !object.is_empty() && out.wants(lines) {
        out.add(Kind::Command, object, Value::None, text, lines, place);
    }
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_success(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(words[..], ["true" | ":" | "/bin/true"] | ["exit", "0"])
}

/// Commands that only test a condition, or report success.
fn is_test(program: &str) -> bool {
    matches!(program, "[" | "[[" | "test" | "true" | "false" | ":")
}

fn is_interpreter(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "zsh" | "dash" | "ksh" | "ash" | "python" | "python3" | "perl" | "ruby" | "node")
}

/// `bash <(curl …)`, `sh -c "$(curl …)"`.
fn fetches_inside(words: &[String]) -> bool {
    words.iter().any(|word| ["$(curl", "$(wget", "<(curl", "<(wget", "`curl"].iter().any(|sign| word.contains(sign)))
}

/// The script of `sh -c 'script'`.
fn script_of<'w>(program: &str, words: &'w [String]) -> Option<&'w str> {
    if !matches!(program, "sh" | "bash" | "zsh" | "dash" | "ash") {
        return None;
    }
    let at = words.iter().position(|word| word.starts_with('-') && !word.starts_with("--") && word.ends_with('c'))?;
    words.get(at + 1).map(String::as_str)
}

/// Program and subcommands up to the first flag; flags that carry their value may stand before the first subcommand.
fn object(words: &[String]) -> String {
    let Some((program, rest)) = words.split_first() else { return String::new() };
    let rest = rest.iter().skip_while(|word| word.starts_with('-') && word.contains('='));
    let subcommands = rest.take(MAX_WORDS - 1).take_while(|word| is_subcommand(word)).map(String::as_str);
    let words: Vec<&str> = std::iter::once(base_name(program)).chain(subcommands).collect();
    words.join(" ")
}

fn is_subcommand(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.len() <= 40 && word.chars().all(is_part)
}

/// A command without its prefix: keywords, assignments, programs that run another.
fn essential(words: &[String]) -> &[String] {
    let mut words = words;
    while let Some((word, rest)) = words.split_first() {
        let is_lead = matches!(
            word.as_str(),
            "if" | "then" | "elif" | "else" | "do" | "while" | "until" | "!" | "time" | "exec" | "nohup" | "command"
        );
        words = match word.as_str() {
            "for" | "case" | "fi" | "done" | "esac" | "function" => &[],
            "sudo" | "env" | "nice" => &rest[rest.iter().take_while(|word| word.starts_with('-')).count()..],
            _ if is_lead || is_assignment(word) => rest,
            _ => return words,
        };
    }
    words
}

fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    word.split_once('=').is_some_and(|(name, _)| is_name(name) && !name.starts_with(|c: char| c.is_ascii_digit()))
}

/// Splits a script into commands and their words.
struct Reader<'s> {
    rest: std::iter::Peekable<std::str::Chars<'s>>,
    line: u32,
    began: u32,
    word: Option<String>,
    words: Vec<String>,
    joint: Joint,
    /// The word that ends a document which begins on the next line.
    document: Option<String>,
    commands: Vec<Command>,
    /// Scripts of `$(…)`, and their lines.
    inner: Vec<(String, u32)>,
}

impl<'s> Reader<'s> {
    fn new(script: &'s str, first: u32) -> Reader<'s> {
        Reader {
            rest: script.chars().peekable(),
            line: first,
            began: first,
            word: None,
            words: Vec::new(),
            joint: Joint::Next,
            document: None,
            commands: Vec::new(),
            inner: Vec::new(),
        }
    }

    fn read(&mut self) {
        while let Some(c) = self.next() {
            if self.commands.len() >= MAX_COMMANDS {
                return;
            }
            match c {
                '\n' => self.end_line(),
                '\\' => self.escape(),
                '\'' => self.quoted_plainly(),
                '"' => self.quoted(),
                '`' => self.substituted('`'),
                '$' if self.rest.peek() == Some(&'(') => self.substituted('$'),
                '<' if self.rest.peek() == Some(&'(') => self.substituted('<'),
                '#' if self.word.is_none() => self.comment(),
                ';' | '(' | ')' => self.end_command(Joint::Next),
                '|' => self.pipe(),
                '&' => self.ampersand(),
                '<' if self.rest.peek() == Some(&'<') => self.document(),
                c if c.is_whitespace() => self.end_word(),
                c => self.push(c),
            }
        }
        self.end_command(Joint::Next);
    }

    fn next(&mut self) -> Option<char> {
        self.rest.next()
    }

    fn push(&mut self, c: char) {
        if self.word.is_none() && self.words.is_empty() {
            self.began = self.line;
        }
        self.word.get_or_insert_default().push(c);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self, joint: Joint) {
        self.end_word();
        let words = std::mem::take(&mut self.words);
        let words: Vec<String> = words.into_iter().filter(|word| !matches!(word.as_str(), "{" | "}")).collect();
        if !words.is_empty() {
            self.commands.push(Command { words, lines: self.began..=self.line, joint: self.joint });
        }
        self.joint = joint;
    }

    fn end_line(&mut self) {
        let goes_on = self.words.is_empty() && self.word.is_none() && self.joint != Joint::Next;
        let joint = if goes_on { self.joint } else { Joint::Next };
        self.end_command(joint);
        self.line += 1;
        if let Some(end) = self.document.take() {
            self.skip_document(&end);
        }
    }

    fn escape(&mut self) {
        match self.next() {
            Some('\n') => self.line += 1,
            Some(c) => self.push(c),
            None => {}
        }
    }

    fn quoted_plainly(&mut self) {
        self.open_word();
        while let Some(c) = self.next().filter(|c| *c != '\'') {
            self.count(c);
            self.push(c);
        }
    }

    fn quoted(&mut self) {
        self.open_word();
        while let Some(c) = self.next().filter(|c| *c != '"') {
            self.count(c);
            match c {
                '\\' => self.escape(),
                '$' if self.rest.peek() == Some(&'(') => self.substituted('$'),
                c => self.push(c),
            }
        }
    }

    fn open_word(&mut self) {
        if self.word.is_none() && self.words.is_empty() {
            self.began = self.line;
        }
        self.word.get_or_insert_default();
    }

    fn count(&mut self, c: char) {
        self.line += u32::from(c == '\n');
    }

    /// `$(…)`, `<(…)` or backquotes: a part of the word, and also a separate script.
    fn substituted(&mut self, sign: char) {
        let line = self.line;
        self.push(sign);
        let mut depth = usize::from(sign == '`');
        let mut script = String::new();
        while let Some(c) = self.next() {
            self.count(c);
            self.push(c);
            match c {
                '(' if sign != '`' => depth += 1,
                ')' if sign != '`' => depth = depth.saturating_sub(1),
                '`' if sign == '`' => depth = 0,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            script.push(c);
        }
        let script = if sign == '`' { &script } else { script.strip_prefix('(').unwrap_or(&script) };
        self.inner.push((script.to_owned(), line));
    }

    fn comment(&mut self) {
        while self.rest.peek().is_some_and(|c| *c != '\n') {
            self.next();
        }
    }

    fn pipe(&mut self) {
        let is_or = self.rest.next_if_eq(&'|').is_some();
        self.rest.next_if_eq(&'&');
        self.end_command(if is_or { Joint::Or } else { Joint::Pipe });
    }

    /// `2>&1` and `&>` redirect, `&&` and `&` end a command.
    fn ampersand(&mut self) {
        if self.word.as_ref().is_some_and(|word| word.ends_with('>')) || self.rest.peek() == Some(&'>') {
            return self.push('&');
        }
        self.rest.next_if_eq(&'&');
        self.end_command(Joint::Next);
    }

    /// `<<EOF`, `<<-'EOF'`; `<<<` is a text.
    fn document(&mut self) {
        self.next();
        if self.rest.next_if_eq(&'<').is_some() {
            return self.end_word();
        }
        let mut end = String::new();
        while let Some(c) = self.rest.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '|' | '&' | ')')) {
            end.push(c);
        }
        let end: String = end.chars().filter(|c| !matches!(c, '-' | '"' | '\'' | '\\')).collect();
        self.document = (!end.is_empty()).then_some(end);
    }

    fn skip_document(&mut self, end: &str) {
        let mut text = String::new();
        while let Some(c) = self.next() {
            if c != '\n' {
                text.push(c);
                continue;
            }
            self.line += 1;
            if text.trim() == end {
                return;
            }
            text.clear();
        }
    }
}
