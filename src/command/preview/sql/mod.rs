//! Scripts of SQL, as psql and PostgreSQL read them: each statement by its class.
//!
//! Lexical rules: <https://www.postgresql.org/docs/current/sql-syntax-lexical.html>. Nothing is looked up: a name that
//! may be a function with effects, code in another language, and whatever depends on variables is unclear.

mod calls;
mod class;
mod lexer;
mod statement;
mod words;

use std::collections::BTreeSet;

use super::{Act, Document, MAX_ROWS, Row, cut_to, input_at};
use crate::command::request::{Command, Input};
use class::Found;
use lexer::{Part, Piece, Token};

/// Options of psql that change nothing of what a script does.
const HARMLESS: [&str; 22] = [
    "-q",
    "--quiet",
    "-a",
    "--echo-all",
    "-b",
    "--echo-errors",
    "-e",
    "--echo-queries",
    "-n",
    "--no-readline",
    "-1",
    "--single-transaction",
    "-w",
    "--no-password",
    "-A",
    "--no-align",
    "-t",
    "--tuples-only",
    "-x",
    "--expanded",
    "-X",
    "--no-psqlrc",
];
/// Options with a value: where it connects to, which the policy and the settings decide.
const CONNECTION: [&str; 8] = ["-d", "-h", "-p", "-U", "--dbname", "--host", "--port", "--username"];
/// Variables of the environment that change what a script means.
const REDIRECTS: [&str; 6] = ["PGOPTIONS", "PGCLIENTENCODING", "PSQLRC", "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR"];
/// Assignments of psql's own variables that change nothing of what a script means.
const ASSIGNMENTS: [&str; 4] = ["ON_ERROR_STOP=1", "ON_ERROR_STOP=on", "VERBOSITY=verbose", "VERBOSITY=terse"];

/// The script that a command runs.
///
/// # Errors
/// A sentence: it runs none, several, or one that its options may change.
pub fn script(command: &Command) -> Result<&Input, String> {
    let refused = |why: String| Err(format!("only a script that psql runs plainly has a preview, and {why}"));
    let (mut script, mut has_no_profile) = (None, false);
    let mut arguments = command.argv.iter().skip(1).map(String::as_str);
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=').filter(|(name, _)| name.starts_with("--")) {
            Some((name, value)) => (name, Some(value)),
            None => (argument, None),
        };
        has_no_profile |= matches!(argument, "-X" | "--no-psqlrc");
        match name {
            _ if HARMLESS.contains(&argument) => {}
            "-f" | "--file" if script.is_none() => {
                script = value.or_else(|| arguments.next()).and_then(|path| input_at(command, path));
                if script.is_none() {
                    return refused("its file is not an input".to_owned());
                }
            }
            "-v" | "--set" | "--variable" => {
                let assignment = value.or_else(|| arguments.next()).unwrap_or_default();
                if !ASSIGNMENTS.contains(&assignment) {
                    return refused(format!("{} may change what it means", cut_to(assignment, 60)));
                }
            }
            _ if CONNECTION.contains(&name) => {
                let place = value.or_else(|| arguments.next()).unwrap_or_default();
                // A whole connection string sets options of the session, too.
                if place.contains('=') || place.contains("://") {
                    return refused(format!("{} may set more than where it connects to", cut_to(place, 60)));
                }
            }
            _ => return refused(format!("{} may change what it does", cut_to(argument, 60))),
        }
    }
    let mut names = command.env.iter().map(|variable| &variable.name).chain(&command.secrets);
    if let Some(name) = names.find(|name| REDIRECTS.contains(&name.as_str())) {
        return refused(format!("the variable {name} may change what it means"));
    }
    if !has_no_profile {
        return refused("without -X it reads a file of its account first".to_owned());
    }
    let on_stdin = || command.inputs.iter().find(|input| !command.stdin.is_empty() && input.role == command.stdin);
    script.or_else(on_stdin).ok_or_else(|| "it is given no script".to_owned())
}

/// The preview of a script.
///
/// # Errors
/// A sentence: it is not text, or has more statements than a person reads.
pub fn preview(script: &[u8]) -> Result<Document, String> {
    let text = std::str::from_utf8(script).map_err(|_| "the script is not UTF-8".to_owned())?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if text.contains('\0') {
        // psql reads a line up to it.
        return Err("the script holds NUL".to_owned());
    }
    let (mut rows, mut types) = (Vec::new(), BTreeSet::new());
    for piece in lexer::pieces(text)? {
        match piece {
            Piece::Statement(parts) => {
                rows.extend(told(&parts, &types));
                types.extend(class::made_type(&parts));
            }
            Piece::Meta { text, is_within: false, .. } if is_harmless(text) => {}
            Piece::Meta { line, text, is_within } => {
                let note = if is_within { "a command of psql within a statement" } else { "a command of psql itself" };
                rows.push(unclear(line, text, note));
            }
            Piece::Rest { line, text, why } => rows.push(unclear(line, text, &format!("{why}: not read from here on"))),
        }
        if rows.len() > MAX_ROWS {
            return Err(format!("the script does more than the {MAX_ROWS} things that a preview lists"));
        }
    }
    Document::new("undersign, statement by statement", rows)
}

fn unclear(line: usize, text: &str, note: &str) -> Row {
    let start = text.split_ascii_whitespace().take(20).collect::<Vec<_>>().join(" ");
    Row::new(Act::Unclear, &format!("line {line}: {}", cut_to(&start, 100)), note)
}

/// The rows of a statement, after others that made types.
fn told(parts: &[Part<'_>], types: &BTreeSet<String>) -> Vec<Row> {
    let mut found = class::of(parts);
    let is_made = |part: &Part<'_>| class::name_of(part.token).is_some_and(|name| types.contains(&name));
    if !types.is_empty() && parts.iter().any(is_made) {
        class::doubt(&mut found, parts, "uses a type that this script makes, which may run code");
    }
    found.iter().map(|own| row(own, parts)).collect()
}

fn row(found: &Found, parts: &[Part<'_>]) -> Row {
    /// How many bytes of the verb, and of the rest, a row shows: together with the line less than it holds.
    const LENGTHS: (usize, usize) = (100, 230);
    let own = &parts[found.parts.clone()];
    let line = own.first().or(parts.first()).map_or(1, |part| part.line);
    let gap = if found.has_gap { "… " } else { "" };
    let verb = match found.verb.is_empty() {
        true => String::new(),
        false => shown(&parts[found.verb.clone()], LENGTHS.0) + " ",
    };
    Row::new(found.act, &format!("line {line}: {verb}{gap}{}", shown(own, LENGTHS.1)), &found.note)
}

/// Tokens without the comments between them, up to a length. None is cut so that another could be meant by it.
fn shown(parts: &[Part<'_>], length: usize) -> String {
    let mut text = String::new();
    for part in parts.iter().filter(|part| !part.text.is_empty()) {
        if text.len() > length {
            text.push('…');
            break;
        }
        if part.is_apart && !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&shown_token(part));
    }
    text
}

fn shown_token(part: &Part<'_>) -> String {
    /// PostgreSQL compares names up to this length.
    const NAME: usize = 63 + '…'.len_utf8();
    const VALUE: usize = 60;
    match part.token {
        Token::Word(word) => cut_to(word, NAME),
        Token::Quoted(name) => {
            let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            format!("\"{}\"", cut_to(&name, NAME))
        }
        _ => {
            let text = part.text.split_whitespace().collect::<Vec<_>>().join(" ");
            // A string that is cut still ends.
            let end = text.chars().last().filter(|end| text.len() > VALUE && !end.is_alphanumeric());
            cut_to(&text, VALUE) + &end.map_or_else(String::new, String::from)
        }
    }
}

/// Commands of psql that change nothing of what the script does.
fn is_harmless(meta: &str) -> bool {
    let words: Vec<&str> = meta.split_ascii_whitespace().collect();
    matches!(words[..], ["\\set", "ON_ERROR_STOP", "on" | "1" | "true"] | ["\\timing"] | ["\\timing", "on" | "off"])
}

#[cfg(test)]
mod tests;
