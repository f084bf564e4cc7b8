//! Code in languages without a grammar, as far as lines and brackets tell: calls, conditions for leaving, decorators,
//! and what a route passes through. The patterns read the whole.

use std::ops::RangeInclusive;

use super::super::{Kind, Value};
use super::lines::{comments, numbered};
use super::out::{Out, Place};
use super::tree::{MAX_NODES, clip};

/// Extensions of these languages.
pub(super) const EXTENSIONS: &[&str] = &[
    "ex",
    "exs",
    "erl",
    "scala",
    "sc",
    "hs",
    "ml",
    "fs",
    "clj",
    "dart",
    "swift",
    "lua",
    "groovy",
    "nim",
    "cr",
    "jl",
    "jenkinsfile",
    "sol",
];
/// Words of names that count tries.
const COUNTERS: &[&str] = &["attempt", "tries", "retry", "retries", "fuel", "remaining"];

/// What a route or a controller passes through, in Elixir, Scala, Swift, Groovy and others, without brackets.
const DIRECTIVES: &[&str] = &["plug", "pipe_through", "on_mount", "before", "filter", "interceptor", "middleware"];
/// Words that are followed by a bracket and call nothing.
const NO_CALLS: &[&str] = &[
    "if", "while", "for", "switch", "match", "case", "when", "unless", "guard", "catch", "return", "fun", "func", "fn",
    "def", "defp", "function", "and", "or", "not", "elseif", "cond",
];
/// Words that begin what encloses the indented lines below.
const HEADS: &[&str] = &[
    "def",
    "defp",
    "defmacro",
    "defmodule",
    "pipeline",
    "scope",
    "live_session",
    "func",
    "fun",
    "function",
    "class",
    "object",
    "trait",
    "module",
    "extension",
    "contract",
    "library",
    "struct",
    "protocol",
    "mixin",
    "actor",
    "let",
    "proc",
    "init",
];
/// Words that a head may have before it.
const MODIFIERS: &[&str] = &[
    "public",
    "private",
    "protected",
    "internal",
    "static",
    "override",
    "final",
    "async",
    "open",
    "fileprivate",
    "local",
    "implicit",
    "sealed",
    "abstract",
    "lazy",
    "mutating",
    "case",
    "inline",
    "rec",
    "@objc",
    "@MainActor",
];
/// Words with which a function ends early.
const LEAVING: &[&str] =
    &["return", "throw", "raise", "revert", "halt", "exit", "error", "fail", "abort", "throwError", "failwith"];
/// The most calls of one line.
const MAX_CALLS: usize = 20;

pub(super) fn facts(text: &str, out: &mut Out) {
    out.comments = comments(text, &["#", "//", "--", "%", ";;"]);
    out.is_partial = true;
    let said = |(number, line): &(u32, &str)| !line.trim().is_empty() && !out.comments.contains(number);
    let lines: Vec<(u32, &str)> = numbered(text).take(MAX_NODES).filter(said).collect();
    let mut open = Open::default();
    for (at, (number, line)) in lines.iter().enumerate() {
        let (scope, opens) = open.at(line, *number);
        if line.len() > super::super::MAX_TEXT {
            continue;
        }
        let place = Place { scope: &scope, opens, ..Place::TOP };
        let next = lines.get(at + 1).map(|(_, next)| next.trim());
        of_line(line.trim(), next, &(*number..=*number), &place, out);
    }
}

fn of_line(line: &str, next: Option<&str>, lines: &RangeInclusive<u32>, place: &Place, out: &mut Out) {
    if !out.wants(lines) {
        return;
    }
    if let Some(condition) = condition(line).or_else(|| guard(line, next)) {
        let not = if line.starts_with("unless") { "unless " } else { "" };
        out.add(Kind::Guard, &clip(&format!("{not}{condition}")), Value::None, line, lines, place);
    }
    if let Some(name) = line.strip_prefix('@').and_then(|rest| rest.split(|c: char| !is_of_name(c)).next()) {
        out.add(Kind::Decorator, name, Value::None, line, lines, place);
    }
    let first = line.split(|c: char| !is_of_name(c)).next().unwrap_or_default();
    if DIRECTIVES.contains(&first) && line[first.len()..].starts_with([' ', '(']) {
        out.add(Kind::Call, first, Value::None, line, lines, place);
    }
    for call in calls(line).filter(|call| *call != first || !DIRECTIVES.contains(call)).take(MAX_CALLS) {
        out.add(Kind::Call, call, Value::None, line, lines, place);
    }
}

/// The enclosing definitions, by the indents of their heads, their first lines and names.
#[derive(Default)]
struct Open(Vec<(usize, u32, String)>);

impl Open {
    /// Takes in a line; returns what encloses it, and the line where that begins.
    fn at(&mut self, line: &str, number: u32) -> (String, u32) {
        const MAX_OPEN: usize = 20;
        let indent = line.len() - line.trim_start().len();
        let closes = line.trim_start().starts_with(['}', ')', ']']) || line.trim() == "end";
        self.0.retain(|(own, ..)| *own < indent || closes && *own == indent);
        let scope = self.0.iter().map(|(_, _, name)| name.as_str()).collect::<Vec<_>>().join(".");
        let opens = self.0.last().map_or(0, |(_, line, _)| *line);
        let mut words = line.split_whitespace().skip_while(|word| MODIFIERS.contains(word));
        if let Some(name) = words.next().filter(|word| HEADS.contains(word)).and(words.next())
            && self.0.len() < MAX_OPEN
        {
            let name = name.trim_matches(|c: char| !is_of_name(c));
            let name = name.split(['(', '<', ':', '[', '=']).next().unwrap_or(name).replace('.', "_");
            self.0.push((indent, number, name));
        }
        (scope, opens)
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '?' | '!')
}

/// A condition for leaving: `require(sender == owner)`, `guard isOwner else {`, `if (!allowed) return`,
/// `unless owner, do: raise`, or with that on the next line.
fn guard<'t>(line: &'t str, next: Option<&str>) -> Option<&'t str> {
    if let Some(rest) = line.strip_prefix("require(") {
        let said = rest.rsplit_once(')').map_or(rest, |(said, _)| said);
        return Some(said.split(", \"").next().unwrap_or(said).trim()).filter(|said| !said.is_empty());
    }
    if let Some(rest) = line.strip_prefix("guard ") {
        return rest.split(" else").next().map(str::trim).filter(|said| !said.is_empty());
    }
    let rest = line.strip_prefix("if").or_else(|| line.strip_prefix("unless"))?;
    let rest = rest.strip_prefix(' ').or_else(|| rest.starts_with('(').then_some(rest))?;
    let ends = [", do", " do", "->", "{", " then", ") "];
    let end = ends.iter().filter_map(|sign| Some(rest.find(sign)? + usize::from(*sign == ") "))).min();
    let (said, after) = rest.split_at(end.unwrap_or(rest.len()));
    let after = after.trim_start_matches(|c: char| !c.is_alphabetic() || c.is_whitespace());
    let after = ["do: ", "do ", "then "].iter().find_map(|word| after.strip_prefix(word)).unwrap_or(after);
    let leaves = |text: &str| {
        let text = text.trim_start_matches(['{', ':', ' ', '(']);
        LEAVING.contains(&text.split(|c: char| !is_of_name(c)).next().unwrap_or_default())
    };
    let is_leaving = leaves(after) || matches!(after, "" | "do" | "then") && next.is_some_and(leaves);
    let said = said.trim();
    (is_leaving && !said.is_empty()).then_some(said)
}

/// A condition that compares a count of tries: `when attempt <= @max do`, `if (tries > 5) {`.
fn condition(line: &str) -> Option<&str> {
    let heads = [" when ", "if ", "if(", "unless ", "while ", "guard "];
    let at = heads.iter().filter_map(|head| Some(line.find(head)? + head.len())).min()?;
    let rest = &line[at..];
    let ends = [", do", " do", "->", "{", " then", ", :", " =>"];
    let end = ends.iter().filter_map(|sign| rest.find(sign)).min().unwrap_or(rest.len());
    let said = rest[..end].trim();
    let counts = COUNTERS.iter().any(|word| said.to_ascii_lowercase().contains(word));
    (counts && said.contains(['<', '>', '='])).then_some(said)
}

/// What a line calls, with what it is called on.
fn calls(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices('(').filter_map(move |(at, _)| {
        let before = &line[..at];
        let begin =
            before.rfind(|c| !is_of_name(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        let name = before[begin..].trim_start_matches('.');
        let is_call = name.starts_with(|c: char| c.is_alphabetic() || c == '_') && !NO_CALLS.contains(&name);
        // What is defined is not called.
        let is_defined = HEADS.contains(&before[..begin].split_whitespace().next_back().unwrap_or_default());
        (is_call && !is_defined).then_some(name)
    })
}
