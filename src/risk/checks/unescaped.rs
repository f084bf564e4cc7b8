//! Code that a language unescapes before it reads it: people see another text than the one that runs.

use std::ops::Range;

use crate::change::diff::Side;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// Where a language takes `\u0065` for the letter that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// In names.
    InNames,
    /// Anywhere, before anything else is read: a comment may end there.
    Anywhere,
}

impl Written {
    /// Of a file, by its name; nothing if its language has no such escapes.
    pub fn of_path(path: &str) -> Option<Written> {
        match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" | "vue" | "svelte" | "cs" => {
                Some(Written::InNames)
            }
            "java" | "groovy" | "gradle" | "jsp" => Some(Written::Anywhere),
            _ => None,
        }
    }

    /// What a line has in escapes that people would read otherwise, as a title.
    pub fn hidden_in(self, line: &str, quoted: &[Range<usize>]) -> Option<String> {
        let escapes = if line.contains("\\u") { escapes(line) } else { return None };
        let ends_something = |c: char| matches!(c, '\n' | '\r' | '"');
        let ends = escapes.iter().find(|escape| self == Written::Anywhere && ends_something(escape.stands_for));
        if let Some(Escape { at, .. }) = ends {
            let shown = &line[at.clone()];
            return Some(format!("An escape that ends a line or a text before the language reads it: {shown}"));
        }
        let ends_comment = |pair: &[Escape]| pair[0].stands_for == '*' && pair[1].stands_for == '/';
        if self == Written::Anywhere && escapes.windows(2).any(ends_comment) {
            return Some("Escapes that end a comment before the language reads it".to_owned());
        }
        let code_ends = comment_in(line, quoted);
        let words = words(line, &escapes).filter(|word| word.at.start < code_ends);
        let mut names = words.filter(|word| !is_in_text(line, quoted, &word.at) && is_name(line, word));
        let name = names.next()?;
        let shown = &line[name.at.clone()];
        Some(format!("Letters in escapes, which the language reads as they are: {shown} is {}", name.seems))
    }
}

/// An escape of an ASCII character.
struct Escape {
    at: Range<usize>,
    stands_for: char,
}

/// `\u0065`, `\uu0065`, `\u{65}`; not `\\u0065`.
fn escapes(line: &str) -> Vec<Escape> {
    let (bytes, mut at, mut found) = (line.as_bytes(), 0, Vec::new());
    while let Some(start) = line[at..].find('\\').map(|by| at + by) {
        if bytes.get(start + 1) != Some(&b'u') {
            // An escaped backslash escapes nothing.
            at = start + if bytes.get(start + 1) == Some(&b'\\') { 2 } else { 1 };
            continue;
        }
        let digits = start + 1 + bytes[start + 1..].iter().take_while(|byte| **byte == b'u').count();
        let is_in_braces = bytes.get(digits) == Some(&b'{');
        let first = digits + usize::from(is_in_braces);
        let count = bytes[first..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let count = if is_in_braces { count } else { count.min(4) };
        let end = first + count + usize::from(is_in_braces);
        let number = u32::from_str_radix(&line[first..first + count], 16).ok();
        let c = number.filter(|_| is_in_braces || count == 4).and_then(char::from_u32).filter(char::is_ascii);
        found.extend(c.map(|stands_for| Escape { at: start..end.min(line.len()), stands_for }));
        at = first + count;
    }
    found
}

/// A word with escapes of letters in it, and what it is.
struct Word {
    at: Range<usize>,
    seems: String,
}

fn words<'l>(line: &'l str, escapes: &'l [Escape]) -> impl Iterator<Item = Word> + use<'l> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let mut done = 0;
    escapes.iter().filter_map(move |first| {
        if first.at.start < done || !is_part(first.stands_for) {
            return None;
        }
        let before = &line[done..first.at.start];
        let head = before.len() - before.trim_end_matches(is_part).len();
        let start = first.at.start - head;
        let mut seems = line[start..first.at.start].to_owned();
        let mut at = first.at.start;
        while at < line.len() {
            let escape = escapes.iter().find(|escape| escape.at.start == at).filter(|one| is_part(one.stands_for));
            let next = line[at..].chars().next().filter(|c| is_part(*c));
            match (escape, next) {
                (Some(escape), _) => {
                    seems.push(escape.stands_for);
                    at = escape.at.end;
                }
                (None, Some(c)) => {
                    seems.push(c);
                    at += c.len_utf8();
                }
                _ => break,
            }
        }
        done = at;
        Some(Word { at: start..at, seems })
    })
}

/// Whether a word is a name, and no part of a regular expression: there it stands in a class, or alone.
fn is_name(line: &str, word: &Word) -> bool {
    let is_called = line[word.at.end..].trim_start().starts_with(['(', '`']);
    let before = line[..word.at.start].chars().next_back();
    let is_of_pattern = matches!(before, Some('[' | '-' | '^' | '|' | '/' | '\\'));
    word.seems.len() > 1 && (is_called || !is_of_pattern)
}

/// Whether it is in a text. A template has code in it.
fn is_in_text(line: &str, quoted: &[Range<usize>], at: &Range<usize>) -> bool {
    let inside = quoted.iter().find(|range| range.contains(&at.start));
    inside.is_some_and(|range| !(line[range.clone()].starts_with('`') && line[range.start..at.start].contains("${")))
}

/// Where a comment begins that goes to the end of a line.
fn comment_in(line: &str, quoted: &[Range<usize>]) -> usize {
    let is_comment = line.trim_start().starts_with('*');
    let is_free = |at: &usize| !quoted.iter().any(|range| range.contains(at)) && !line[..*at].ends_with(':');
    let starts = line.match_indices("//").chain(line.match_indices("/*")).map(|(at, _)| at);
    if is_comment { 0 } else { starts.filter(is_free).min().unwrap_or(line.len()) }
}

/// The encoding that a Python source declares, if in it a comment, or what looks like nothing, may be code.
pub(super) fn encoding(file: &FileUnderReview<'_>, rules: &Rules) -> Option<Finding> {
    let path = file.path();
    let is_python = [".py", ".pyw", ".pyi"].iter().any(|end| path.ends_with(end));
    let (line, name) = declared(file.new_text()).filter(|(_, name)| is_python && !is_plain(name))?;
    if declared(file.old_text()).is_some_and(|(_, before)| before == name) {
        return None;
    }
    let found = rules.of_check("uni.confusable", file, Side::New, line, &file.line(Side::New, line))?;
    let title = format!("The source is decoded before it is read: a comment may be code ({name})");
    Some(Finding { title, severity: Severity::High, ..found })
}

/// The line and name of the encoding, as Python looks for it.
fn declared(text: &[u8]) -> Option<(u32, String)> {
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n').take(2)) {
        let line = String::from_utf8_lossy(&line[..line.len().min(MAX_COOKIE)]).into_owned();
        let Some((_, comment)) = line.split_once('#').filter(|(before, _)| before.trim().is_empty()) else {
            if line.trim().is_empty() { continue } else { return None }
        };
        let after = comment.split("coding").skip(1);
        let named = after.filter_map(|rest| rest.strip_prefix([':', '='])).map(|rest| {
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            rest.trim_start_matches([' ', '\t']).chars().take_while(|c| is_of_name(*c)).collect::<String>()
        });
        if let Some(name) = named.into_iter().find(|name| !name.is_empty()) {
            return Some((number, name.to_ascii_lowercase().replace('_', "-")));
        }
    }
    None
}

/// The most bytes of a line in which an encoding is sought.
const MAX_COOKIE: usize = 2_000;

/// Whether an encoding only says which bytes are which letters of a nation, ASCII included.
fn is_plain(name: &str) -> bool {
    const NAMES: &[&str] = &["utf-8", "utf8", "u8", "ascii", "us-ascii", "646", "latin", "l1", "sjis", "s-jis", "mbcs"];
    const BEGIN: &[&str] = &[
        "utf-8-",
        "utf8-",
        "latin-",
        "latin1",
        "iso-8859",
        "iso8859",
        "cp",
        "windows-",
        "koi8",
        "gb",
        "big5",
        "euc",
        "shift-jis",
        "shiftjis",
        "shift-jisx",
        "mac",
        "tis-620",
        "johab",
        "ptcp154",
        "kz1048",
        "ms",
        "iso-2022-",
        "iso2022",
        "cyrillic",
        "greek",
        "arabic",
        "hebrew",
        "thai",
        "ujis",
        "uhc",
        "ks",
        "x-mac",
    ];
    NAMES.contains(&name) || BEGIN.iter().any(|begin| name.starts_with(begin)) || name.parse::<u32>().is_ok()
}
