//! Literal texts: the SQL statements and shell commands in them.

use tree_sitter::Node;

use super::super::sql;
use super::super::{Kind, Value};
use super::calls::Parts;
use super::language::Role;
use super::names::last_name;
use super::walk::Walk;

/// The most bytes of a text that is read as SQL or as commands.
const MAX_LITERAL: usize = 20_000;
/// The most operands of one text that are joined.
const MAX_OPERANDS: usize = 200;

/// A text joined from its operands.
#[derive(Default)]
struct Joined {
    text: String,
    /// It contains something that is not literal.
    is_dynamic: bool,
}

impl<'t> Walk<'t> {
    /// The content of a literal text, without its quotes.
    pub fn content(&self, node: Node<'t>) -> String {
        let mut joined = Joined::default();
        self.add_content(node, &mut joined);
        joined.text
    }

    fn add_content(&self, node: Node<'t>, joined: &mut Joined) {
        let mut cursor = node.walk();
        let parts: Vec<Node> = node.named_children(&mut cursor).take(MAX_OPERANDS).collect();
        let is_plain = parts.iter().all(|part| !is_part_of_text(part.kind()));
        if is_plain && parts.is_empty() {
            joined.text.push_str(unquoted(self.raw(node)));
            return;
        }
        for part in parts {
            match part.kind() {
                _ if joined.text.len() > MAX_LITERAL => return,
                "string_start" | "string_end" | "heredoc_end" | "heredoc_start" | "interpolation_start" => {}
                kind if kind.contains("escape") => joined.text.push(' '),
                kind if kind.contains("content") || kind.contains("fragment") => joined.text.push_str(self.raw(part)),
                _ if matches!(self.role(part), Some(Role::Text)) || part.kind() == "heredoc_body" => {
                    self.add_content(part, joined)
                }
                _ => {
                    joined.is_dynamic = true;
                    joined.text.push('?');
                }
            }
        }
    }

    /// A literal text, if it is the first of those that are joined.
    pub fn literal(&mut self, node: Node<'t>) {
        self.placeholder(node);
        let is_part = self.ancestors.last().is_some_and(|of| matches!(self.role(*of), Some(Role::Text)));
        let whole = self.whole_text(node);
        if is_part || self.raw(whole).len() < "drop table x".len() {
            return;
        }
        if whole.start_byte() < node.start_byte() && !self.begins_with(whole, node) {
            return;
        }
        let mut joined = Joined::default();
        self.join(whole, &mut joined, 0);
        joined.is_dynamic |= self.is_formatted(&joined.text);
        joined.is_dynamic &= !self.is_bound(whole);
        self.tell_sql(whole, &joined);
    }

    /// `"${payouts.instant:false}"`, as Spring reads it: the default of a setting.
    fn placeholder(&mut self, node: Node<'t>) {
        let is_of_spring =
            ["java", "kt", "groovy"].iter().any(|of| self.syntax.language.grammar.extensions.contains(of));
        let text = unquoted(self.raw(node)).trim_start_matches('\\');
        let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|_| is_of_spring);
        if let Some((key, default)) = inner.and_then(|inner| inner.split_once(':')) {
            let object = format!("default.{key}");
            self.tell_of(Kind::Setting, object.clone(), Value::of_text(default, &object), node);
        }
    }

    /// The outermost operator around a text that joins it to others.
    fn whole_text(&self, node: Node<'t>) -> Node<'t> {
        let around = self.ancestors.iter().rev().take_while(|of| self.joins(**of) || is_parenthesis(**of));
        around.filter(|of| self.joins(**of)).last().copied().unwrap_or(node)
    }

    fn joins(&self, node: Node<'t>) -> bool {
        let is_operator =
            node.child(1).is_some_and(|middle| matches!(middle.kind(), "+" | "." | "%" | ".." | "concat"));
        node.child_count() == 3 && is_operator && matches!(self.role(node), Some(Role::Choice { .. }))
    }

    fn begins_with(&self, whole: Node<'t>, node: Node<'t>) -> bool {
        self.around(whole.start_byte()..node.start_byte()).chars().all(|c| c == '(' || c.is_whitespace())
    }

    fn join(&self, node: Node<'t>, joined: &mut Joined, depth: usize) {
        match self.role(node) {
            Some(Role::Text) => self.add_content(node, joined),
            _ if depth > MAX_OPERANDS => joined.is_dynamic = true,
            _ if self.joins(node) || is_parenthesis(node) => {
                for operand in self.syntax.said(node) {
                    self.join(operand, joined, depth + 1);
                }
            }
            _ => {
                joined.is_dynamic = true;
                joined.text.push_str(" ? ");
            }
        }
    }

    /// Whether a text with placeholders is formatted in place: `"…%s".format(x)`, `Sprintf("…%s", x)`.
    fn is_formatted(&self, text: &str) -> bool {
        let has_places = text.contains('%') || text.contains('{') || text.contains("?");
        let call = self.ancestors.iter().rev().take(3).find_map(|of| self.parts_of_call(*of));
        let last = call.map(|parts| last_name(&parts.callee).to_ascii_lowercase()).unwrap_or_default();
        has_places && ["format", "formatted", "sprintf", "format!", "fmt.sprintf", "vsprintf"].contains(&last.as_str())
    }

    /// Whether the values in a text are bound as parameters: a template with the tag of a library that does so,
    /// ``sql`… ${id}` ``.
    fn is_bound(&self, template: Node<'t>) -> bool {
        let tagged = self.ancestors.last().filter(|_| template.kind() == "template_string");
        let tag = tagged.and_then(|of| of.child_by_field_name("function"));
        tag.is_some_and(|tag| matches!(last_name(self.raw(tag)), "sql" | "SQL" | "$queryRaw" | "$executeRaw"))
    }

    fn tell_sql(&mut self, node: Node<'t>, joined: &Joined) {
        let (first, end) = (*self.lines(node).start(), *self.lines(node).end());
        let statements = sql::statements(&joined.text);
        // A text that is joined from several has fewer lines than its expression.
        let has_own = statements.len() > 1 && joined.text.matches('\n').count() as u32 >= end.saturating_sub(first);
        let undoes = !statements.is_empty() && self.undoes(node);
        if undoes {
            self.scope.push("down".into());
        }
        for sql::Statement { lines, object, text } in statements {
            let line = (first + lines.start()).min(end);
            let last = if has_own { (first + lines.end()).min(end) } else { end };
            let value = if joined.is_dynamic { Value::Text("dynamic".to_owned()) } else { Value::None };
            self.tell(Kind::Sql, object, value, text, line..=last.max(line));
        }
        if undoes {
            self.scope.pop();
        }
    }

    /// Whether a text is what reverts a migration: `reverse_sql="…"`, and the second argument of `RunSQL`.
    fn undoes(&self, node: Node<'t>) -> bool {
        const AROUND: usize = 8;
        let named = |of: &Node<'t>| of.kind() == "keyword_argument" && self.raw(*of).starts_with("reverse_sql");
        let is_second = |arguments: &Node<'t>| {
            let call = arguments.parent().and_then(|call| call.child_by_field_name("function"));
            let second = arguments.named_child(1);
            let is_there = second.is_some_and(|second| second.byte_range().contains(&node.start_byte()));
            is_there && call.is_some_and(|callee| last_name(self.raw(callee)) == "RunSQL")
        };
        let is_named = |of: &Node<'t>| of.kind() == "keyword_argument";
        let around: Vec<Node<'t>> = self.ancestors.iter().rev().take(AROUND).copied().collect();
        let is_bare = |arguments: &Node<'t>| arguments.named_child(1).is_some_and(|second| !is_named(&second));
        let mut lists = around.iter().filter(|of| of.kind() == "argument_list");
        around.iter().any(named) || lists.any(|list| is_bare(list) && is_second(list))
    }

    /// Texts that are passed to a shell: `os.system("…")`, `subprocess.run(["a", "b"])`,
    /// `exec.Command("sh", "-c", "…")`.
    pub fn commands_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>) {
        if !runs_programs(&parts.callee) {
            return;
        }
        let words: Vec<Node> = match parts.arguments.as_slice() {
            [list, ..] if matches!(self.role(self.bare(*list)), Some(Role::List)) => self.syntax.said(self.bare(*list)),
            all => all.iter().copied().filter(|argument| !self.is_options(*argument)).collect(),
        };
        let words: Vec<String> = words.iter().map(|word| self.word_of_command(*word)).collect();
        let command = match words.as_slice() {
            [program, flag, script, ..] if is_shell(program) && flag.starts_with('-') => script.clone(),
            [only] => only.clone(),
            words => words.join(" "),
        };
        if command.len() <= MAX_LITERAL && !command.starts_with("$x") && !command.is_empty() {
            super::shell::tell_commands(self, node, &command);
        }
    }

    /// A literal text, or one that is joined, with `$x` for what is not literal.
    fn word_of_command(&self, node: Node<'t>) -> String {
        let mut joined = Joined::default();
        self.join(self.bare(self.of_argument(node)), &mut joined, 0);
        joined.text.replace(" ? ", "$x").replace('?', "$x")
    }

    fn is_options(&self, argument: Node<'t>) -> bool {
        let role = self.role(self.bare(argument));
        matches!(role, Some(Role::Map | Role::Closure { .. } | Role::List))
            || matches!(self.role(argument), Some(Role::Named { .. })) && argument.kind() == "keyword_argument"
            || argument.kind() == "pair"
    }
}

fn is_part_of_text(kind: &str) -> bool {
    ["content", "fragment", "escape", "interpolation", "substitution", "body"].iter().any(|part| kind.contains(part))
}

fn is_parenthesis(node: Node) -> bool {
    node.kind() == "parenthesized_expression"
}

fn is_shell(program: &str) -> bool {
    matches!(program.rsplit('/').next().unwrap_or(program), "sh" | "bash" | "zsh" | "ash" | "dash" | "ksh")
}

fn unquoted(text: &str) -> &str {
    let text = text.trim_start_matches(|c: char| c.is_ascii_alphabetic() || "@$#".contains(c));
    text.trim_matches(|c| matches!(c, '"' | '\'' | '`'))
}

/// Functions that run a program.
fn runs_programs(callee: &str) -> bool {
    const WHOLE: &[&str] = &[
        "system",
        "exec",
        "shell_exec",
        "passthru",
        "popen",
        "spawn",
        "sh",
        "execSync",
        "proc_open",
        "Open3.capture3",
        "Open3.capture2e",
        "execa",
        "$",
    ];
    const LAST: &[&str] = &[
        "system",
        "popen",
        "execSync",
        "spawnSync",
        "execFileSync",
        "execFile",
        "exec_command",
        "create_subprocess_shell",
        "create_subprocess_exec",
        "check_output",
        "check_call",
        "getoutput",
        "execa",
    ];
    let of = callee.rsplit('.').nth(1).unwrap_or_default();
    let last = last_name(callee);
    WHOLE.contains(&callee)
        || LAST.contains(&last)
        || of == "subprocess" && matches!(last, "run" | "call" | "Popen")
        || of == "exec" && last.starts_with("Command")
        || matches!(of, "child_process" | "Runtime" | "cp" | "Process" | "conn" | "ssh")
            && matches!(last, "exec" | "spawn" | "start" | "Start" | "run")
        || matches!(callee, "Runtime.getRuntime.exec" | "ProcessBuilder")
}
