//! Which keys of a configuration contain shell commands.

use super::out::{Out, Place};
use super::shell;
use super::tree::{Entry, Lines, Node, Shape};

/// Their value is a script, or a list of scripts.
const SCRIPTS: &[&str] = &[
    "run",
    "script",
    "before_script",
    "after_script",
    "commands",
    "cmds",
    "cmd",
    "shell",
    "bash",
    "runcmd",
    "bootcmd",
    "inline",
    "user_data",
    "sh",
    "pwsh",
    "powershell",
];
/// Their value is a script, or the words of one command.
const ARGUMENTS: &[&str] = &["command", "entrypoint", "Command", "EntryPoint"];

/// The commands directly in a map.
pub(super) fn facts(node: &Node, place: &Place, out: &mut Out) {
    for entry in node.entries() {
        let key = entry.key.rsplit('.').next().unwrap_or_default();
        if let Some(text) = entry.value.text().filter(|_| key.starts_with("Exec")) {
            joined(text.trim_start_matches(['-', '@', '+', '!', ':']), &entry.lines, place, out);
        } else if SCRIPTS.contains(&key) {
            scripts(&entry.value, place, out);
        } else if ARGUMENTS.contains(&key) {
            arguments(&entry.value, node.get(&["args"]), place, out);
        } else if is_alone(key, entry, node) {
            arguments(&entry.value, None, place, out);
        }
    }
}

/// Arguments without a command beside them, and the command of a health check.
fn is_alone(key: &str, entry: &Entry, node: &Node) -> bool {
    match key {
        "args" => node.get(ARGUMENTS).is_none(),
        "test" => entry.value.items().first().and_then(Node::text).is_some_and(is_health_command),
        _ => false,
    }
}

fn is_health_command(word: &str) -> bool {
    matches!(word, "CMD" | "CMD-SHELL")
}

/// A script, or each of a list or map of scripts.
pub(super) fn scripts(node: &Node, place: &Place, out: &mut Out) {
    match &node.shape {
        Shape::Scalar { text, first } if out.wants(&node.lines) => shell::facts(text, *first, place, out),
        Shape::List(items) => items.iter().for_each(|item| one(item, place, out)),
        _ => {}
    }
}

/// A script whose lines are joined: its commands are on all of them.
pub(super) fn joined(script: &str, lines: &Lines, place: &Place, out: &mut Out) {
    if out.wants(lines) {
        shell::on_lines(script, lines, place, out);
    }
}

/// `- run: |` of a step is found with its step; a plain item is a script.
fn one(node: &Node, place: &Place, out: &mut Out) {
    if let Shape::Scalar { text, first } = &node.shape
        && out.wants(&node.lines)
    {
        shell::facts(text, *first, place, out);
    }
}

fn arguments(node: &Node, more: Option<&Node>, place: &Place, out: &mut Out) {
    if node.items().is_empty() {
        return scripts(node, place, out);
    }
    let words = node.texts().into_iter().chain(more.map(Node::texts).unwrap_or_default());
    let words: Vec<String> = words.skip_while(|word| is_health_command(word)).map(str::to_owned).collect();
    // Arguments alone are those of a program that an image names.
    let is_command = words.first().is_some_and(|word| !word.starts_with('-'));
    if is_command && out.wants(&node.lines) {
        shell::command(&words, &node.lines, place, out);
    }
}
