//! Shell scripts: commands, with their pipelines and the effect of their failure.

use std::sync::OnceLock;

use tree_sitter::Node;

use super::super::sql::Statement;
use super::super::{ChangedLines, Kind, Value, filters};
use super::language::{Language, Public, Role, Syntax};
use super::walk::{Walk, walk_in};
use crate::grammar;

pub(super) const LANGUAGE: Language = Language {
    grammar: &grammar::BASH,
    roles: ROLES,
    public: Public::NoUnderscore,
    has_alike_quotes: false,
    guards: &[],
    test_prefixes: &["test_"],
    test_calls: &[],
};

/// For commands inside other languages.
static SHELL: OnceLock<Syntax> = OnceLock::new();

/// Words before a program that run it.
const PREFIXES: &[&str] =
    &["sudo", "doas", "env", "nohup", "exec", "command", "time", "nice", "xargs", "then", "builtin"];
/// How many words of a command may be subcommands.
const MAX_SUBCOMMANDS: usize = 3;

/// How many levels of commands in texts of commands are followed.
const MAX_NESTED: u8 = 2;

/// Reads commands and similar facts from a node of a script.
pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    match node.kind() {
        "command" => command(walk, node),
        "pipeline" => pipeline(walk, node),
        "list" => list(walk, node),
        "expansion" => default(walk, node),
        "heredoc_body" => sql_of(walk, node),
        "if_statement" => condition(walk, node),
        "for_statement" => times(walk, node),
        _ => {}
    }
}

/// The commands of a text that another language passes to a shell, reported at the place of the call.
pub(super) fn tell_commands<'t>(walk: &mut Walk<'t>, node: Node<'t>, script: &str) {
    if walk.nesting >= MAX_NESTED {
        return;
    }
    let syntax = SHELL.get_or_init(|| Syntax::of(&LANGUAGE));
    let Some(tree) = grammar::parse(syntax.language.grammar, script) else { return };
    let last = u32::try_from(script.lines().count()).unwrap_or(u32::MAX).max(1);
    let found = inner_facts(syntax, script, &tree, last, walk.nesting + 1);
    for (kind, object, value, text) in found {
        walk.tell(kind, object, value, text, walk.lines(node));
    }
}

fn inner_facts(
    syntax: &Syntax,
    script: &str,
    tree: &tree_sitter::Tree,
    last: u32,
    nesting: u8,
) -> Vec<(Kind, String, Value, String)> {
    let all =
        walk_in((syntax, special), script, tree, &ChangedLines::in_runs(std::iter::once(1..=last)), false, nesting);
    let commands = all.facts.into_iter().filter(|fact| fact.kind == Kind::Command);
    commands.map(|fact| (fact.kind, fact.object, fact.value, fact.text)).collect()
}

/// The words of a command, without quotes.
fn words(walk: &Walk, node: Node) -> Vec<String> {
    let mut cursor = node.walk();
    let words = node.named_children(&mut cursor).filter(|word| word.kind() != "variable_assignment");
    words.map(|word| walk.raw(word).to_owned()).collect()
}

/// `set -x`: each command is written out with the values of its variables.
fn traces<W: AsRef<str>>(words: &[W]) -> bool {
    let is_trace =
        |word: &str| word == "xtrace" || word.starts_with('-') && !word.starts_with("--") && word.contains('x');
    matches!(words, [program, rest @ ..] if program.as_ref() == "set" && rest.iter().any(|word| is_trace(word.as_ref())))
}

/// Whether variables of a script hold secrets, by their names.
fn holds_secrets(script: &str) -> bool {
    const WORDS: &[&str] = &["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "PRIVATE_KEY", "CREDENTIAL"];
    WORDS.iter().any(|word| script.contains(word))
}

fn command<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let words = words(walk, node);
    let object = program(&words);
    if traces(&words) && holds_secrets(walk.source) {
        walk.tell(Kind::Setting, "shell.trace".to_owned(), Value::Bool(true), walk.text(node), walk.lines(node));
    }
    if let [program, flag, script, ..] = words.as_slice()
        && matches!(program.as_str(), "sh" | "bash" | "zsh" | "eval")
        && (flag.starts_with("-") && flag.ends_with('c'))
    {
        tell_commands(walk, node, unquoted(script));
    }
    walk.tell_of(Kind::Command, object.clone(), Value::None, node);
    let plain: Vec<&str> = words.iter().map(|word| unquoted(word)).collect();
    for rule in filters::of_command(&plain) {
        let (value, lines) = (rule.value(), walk.lines(node));
        walk.tell(Kind::Filter, rule.object(), value.clone(), value.say(), lines);
    }
    options(walk, node, &words, &object);
    ages(walk, node, &words);
}

/// `find /backup -mtime +35 -delete`: what is older is deleted. A variable has the value that the script gives it.
fn ages<'t>(walk: &mut Walk<'t>, node: Node<'t>, words: &[String]) {
    let deletes = words.iter().any(|word| matches!(word.as_str(), "-delete" | "rm" | "unlink" | "shred"));
    for pair in words.windows(2).filter(|_| deletes) {
        let unit = match pair[0].as_str() {
            "-mtime" | "-ctime" | "-atime" => "d",
            "-mmin" | "-cmin" | "-amin" => "m",
            _ => continue,
        };
        let age: String = pair[1].chars().filter(|c| !matches!(c, '"' | '\'' | '+' | '$' | '{' | '}')).collect();
        let age = if pair[1].contains('$') { assigned(walk.source, &age).unwrap_or_default() } else { &age };
        if let value @ Value::Duration(_) = Value::of(&format!("{age}{unit}"), "") {
            walk.tell(Kind::Setting, "find.delete.age".to_owned(), value, words.join(" "), walk.lines(node));
        }
    }
}

/// The plain value that a script gives a variable, at the beginning of a line.
fn assigned<'s>(source: &'s str, name: &str) -> Option<&'s str> {
    let value = source.lines().find_map(|line| {
        let line = line.trim_start().trim_start_matches("readonly ").trim_start_matches("export ");
        line.strip_prefix(name)?.strip_prefix('=')
    })?;
    Some(value.split_whitespace().next().unwrap_or_default().trim_matches(['"', '\'']))
}

fn unquoted(word: &str) -> &str {
    let quoted = |quote: char| word.strip_prefix(quote)?.strip_suffix(quote);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(word)
}

/// The program and its subcommands: words up to the first flag that look like names.
fn program(words: &[String]) -> String {
    let mut rest = words;
    while let [first, more @ ..] = rest {
        let is_before = PREFIXES.contains(&first.as_str()) && !more.is_empty();
        let is_flag = rest.len() < words.len() && (first.starts_with('-') || first.contains('='));
        if !is_before && !is_flag {
            break;
        }
        rest = more;
    }
    let Some((program, arguments)) = rest.split_first() else { return String::new() };
    let program = program.rsplit('/').next().unwrap_or(program).to_owned();
    let subcommands = arguments.iter().take(MAX_SUBCOMMANDS).take_while(|word| is_subcommand(word));
    std::iter::once(program).chain(subcommands.cloned()).collect::<Vec<_>>().join(" ")
}

fn is_subcommand(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':'))
}

/// `--max-time 5`, `--retries=3`: the values of options.
fn options<'t>(walk: &mut Walk<'t>, node: Node<'t>, words: &[String], object: &str) {
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.starts_with("--")) {
        let next = words.get(at + 1).filter(|next| !next.starts_with('-'));
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), next.map(String::as_str)),
        };
        let (name, Some(value)) = (name.trim_start_matches('-'), value) else { continue };
        let value = Value::of(value, name);
        if value.is_known() {
            walk.tell(Kind::Setting, format!("{object}.{name}"), value, word.clone(), walk.lines(node));
        }
    }
}

/// `curl … | sudo sh` is `curl | sh`.
fn pipeline<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let commands: Vec<Node> = walk.syntax.said(node);
    let programs: Vec<String> = commands.iter().map(|command| name(walk, *command)).collect();
    let Some((last, before)) = programs.split_last() else { return };
    let is_interpreter =
        matches!(last.as_str(), "sh" | "bash" | "zsh" | "python" | "python3" | "perl" | "node" | "ruby");
    if let (true, Some(first)) = (is_interpreter, before.first()) {
        walk.tell_of(Kind::Command, format!("{first} | {last}"), Value::None, node);
    }
}

fn name(walk: &Walk, node: Node) -> String {
    let node = if node.kind() == "redirected_statement" { node.named_child(0).unwrap_or(node) } else { node };
    let program = program(&words(walk, node));
    program.split(' ').next().unwrap_or_default().to_owned()
}

/// `f || true`, and guards: `[ -n "$X" ] || exit 1`.
fn list<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let said = walk.syntax.said(node);
    let [left, right] = said.as_slice() else { return };
    let (left, right) = (*left, *right);
    let is_or = node.child(1).is_some_and(|sign| sign.kind() == "||");
    match name(walk, right).as_str() {
        "true" | ":" if is_or => walk.tell_of(Kind::Command, "|| true".to_owned(), Value::None, node),
        "exit" | "return" | "continue" | "break" | "die" => {
            let condition = walk.text(left);
            let condition = if is_or { format!("unless {condition}") } else { condition };
            walk.tell_of(Kind::Guard, condition, Value::None, node);
        }
        _ => {}
    }
}

/// `if [ -z "$X" ]; then exit 1; fi`.
fn condition<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let said = walk.syntax.said(node);
    let has_other = said.iter().any(|part| matches!(part.kind(), "else_clause" | "elif_clause"));
    let (Some(condition), Some(last)) = (said.first(), said.last()) else { return };
    let leaves = matches!(name(walk, *last).as_str(), "exit" | "return" | "continue" | "break" | "die");
    if !has_other && leaves && said.len() > 1 {
        walk.tell_of(Kind::Guard, walk.text(*condition), Value::None, node);
    }
}

/// `${X:-5}`: the default of a variable.
fn default<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let operator = node.child_by_field_name("operator").map(|operator| operator.kind());
    let said = walk.syntax.said(node);
    if let (Some(":-" | "-" | ":=" | "="), [name, value]) = (operator, said.as_slice()) {
        let object = format!("env.{}", walk.raw(*name));
        let value = Value::of(walk.raw(*value), &object);
        walk.tell_of(Kind::Setting, object, value, node);
    }
}

/// `for i in $(seq 1 30)`, `for i in {1..30}`: so many times.
fn times<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let head = walk.raw(node).split([';', '\n']).next().unwrap_or_default();
    let Some((_, list)) = head.split_once(" in ") else { return };
    let words: Vec<&str> =
        list.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    let is_counted = list.contains("seq ") || list.contains("..") && list.contains('{');
    if let Some(last) = words.last().filter(|_| is_counted) {
        let value = Value::of(last, "");
        let value = if matches!(value, Value::Number(_)) { value } else { Value::Expression((*last).to_owned()) };
        let row = *walk.lines(node).start();
        walk.tell(Kind::Loop, list.trim().to_owned(), value, head.to_owned(), row..=row);
    }
}

fn sql_of<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let first = *walk.lines(node).start();
    for Statement { lines, object, text } in super::super::sql::statements(walk.raw(node)) {
        walk.tell(Kind::Sql, object, Value::None, text, first + lines.start()..=first + lines.end());
    }
}

const ROLES: &[(&str, Role)] = &[
    ("comment", Role::Comment),
    ("string", Role::Text),
    ("raw_string", Role::Text),
    ("ansi_c_string", Role::Text),
    ("variable_assignment", Role::Assignment { target: "name", value: "value" }),
    ("function_definition", Role::Function { name: "name", body: "body" }),
    ("compound_statement", Role::Block),
    ("while_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
    ("c_style_for_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
];
