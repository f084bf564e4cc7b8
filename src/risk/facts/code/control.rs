//! Guards and handlers: early exits from functions, and the handling of errors.

use std::ops::RangeInclusive;

use tree_sitter::Node;

use super::super::{Kind, Value};
use super::calls::Parts;
use super::language::{Part, Role};
use super::names::{caught_type, is_leaving_call, is_log_call, last_name};
use super::walk::Walk;

/// How many nested blocks are searched for a statement.
const MAX_NESTED: usize = 20;

impl<'t> Walk<'t> {
    pub fn condition(&mut self, node: Node<'t>, [condition, then, otherwise]: [Part; 3], is_negated: bool) {
        let (Some(condition), Some(then)) = (self.part(node, condition), self.part(node, then)) else { return };
        let otherwise = self.part(node, otherwise).filter(|otherwise| *otherwise != then);
        if otherwise.is_some() || then == condition {
            return;
        }
        let said = self.text(condition);
        let object = if is_negated { format!("unless {said}") } else { said };
        self.error_check(node, &object, then);
        if self.fails_a_test(then) {
            return self.tell_of(Kind::Assertion, object, Value::None, node);
        }
        if self.leaves(then) {
            self.tell_of(Kind::Guard, object, Value::None, node);
        } else if self.is_whole_body(node) {
            self.tell(Kind::Guard, object, Value::None, "if".to_owned(), self.lines(node));
        }
    }

    /// Go checks errors explicitly: `if err != nil { … }`.
    fn error_check(&mut self, node: Node<'t>, condition: &str, then: Node<'t>) {
        let is_of_error =
            condition.strip_suffix(" != nil").is_some_and(|name| name.to_ascii_lowercase().ends_with("err"));
        if is_of_error {
            let value = self.treatment(Some(then));
            self.tell_of(Kind::Handler, "any".to_owned(), value, node);
        }
    }

    /// `if got != want { t.Errorf(…) }`.
    fn fails_a_test(&self, then: Node<'t>) -> bool {
        let fails = |statement: &Node<'t>| {
            let callee = self.parts_of_call(self.bare(*statement)).map(|parts| parts.callee).unwrap_or_default();
            matches!(
                callee.as_str(),
                "t.Error" | "t.Errorf" | "t.Fatal" | "t.Fatalf" | "t.Fail" | "t.FailNow" | "b.Fatal"
            )
        };
        self.statements(then).iter().any(fails)
    }

    /// The statements of a body, with bare blocks expanded.
    pub fn statements(&self, body: Node<'t>) -> Vec<Node<'t>> {
        let mut at = body;
        for _ in 0..MAX_NESTED {
            if !matches!(self.role(at), Some(Role::Block)) {
                return vec![at];
            }
            let said = self.syntax.said(at);
            match said.as_slice() {
                [only] if matches!(self.role(*only), Some(Role::Block)) => at = *only,
                _ => return said,
            }
        }
        Vec::new()
    }

    /// Whether the last statement of a body exits.
    fn leaves(&self, body: Node<'t>) -> bool {
        self.statements(body).last().is_some_and(|last| self.is_leaving(*last))
    }

    pub fn is_leaving(&self, statement: Node<'t>) -> bool {
        let statement = self.bare(statement);
        match self.role(statement) {
            Some(Role::Leave) => true,
            Some(Role::Call { .. }) => {
                self.parts_of_call(statement).is_some_and(|parts| is_leaving_call(&parts.callee))
            }
            Some(Role::Choice { right, .. }) => {
                self.part(statement, right).is_some_and(|right| matches!(self.role(right), Some(Role::Leave)))
            }
            _ => matches!(self.raw(statement), "raise" | "abort"),
        }
    }

    /// Whether a function does only this.
    fn is_whole_body(&self, node: Node<'t>) -> bool {
        let mut inner = node;
        for of in self.ancestors.iter().rev().take(MAX_NESTED) {
            match self.role(*of) {
                Some(Role::Function { body, .. }) => return self.part(*of, body) == Some(inner),
                Some(Role::Block | Role::Wrapper) if self.has_one(*of) => inner = *of,
                None if of.kind().contains("body") => inner = *of,
                _ => return false,
            }
        }
        false
    }

    /// Whether there is one statement in a block, apart from comments.
    fn has_one(&self, block: Node<'t>) -> bool {
        const MAX_WITH_COMMENTS: usize = 5;
        block.named_child_count() <= MAX_WITH_COMMENTS && self.syntax.said(block).len() == 1
    }

    pub fn handler(&mut self, node: Node<'t>, caught: Part, body: Part) {
        let caught = self.part(node, caught).map(|caught| self.text(caught)).unwrap_or_default();
        let value = self.treatment(self.part(node, body).filter(|body| matches!(self.role(*body), Some(Role::Block))));
        self.tell_of(Kind::Handler, caught_type(&caught), value, node);
    }

    /// The handling of an error: `empty`, `logged` or `handled`.
    pub fn treatment(&self, body: Option<Node<'t>>) -> Value {
        let statements = body.map(|body| self.statements(body)).unwrap_or_default();
        let rest: Vec<Node> = statements.into_iter().filter(|statement| !self.does_nothing(*statement)).collect();
        let said = match rest.as_slice() {
            [] => "empty",
            rest if rest.iter().all(|statement| self.is_log(*statement)) => "logged",
            _ => "handled",
        };
        Value::Text(said.to_owned())
    }

    fn does_nothing(&self, statement: Node<'t>) -> bool {
        const NOTHING: &[&str] = &[
            "pass",
            "...",
            "continue",
            "return",
            "return None",
            "return nil",
            "return null",
            "return false",
            "return False",
            "nil",
            "null",
            "None",
            "()",
            "{}",
            "return undefined",
            "undefined",
            "false",
            "return \"\"",
            "return []",
            "return 0",
            "break",
            "next",
            "empty_statement",
            "",
        ];
        NOTHING.contains(&self.text(statement).as_str())
    }

    fn is_log(&self, statement: Node<'t>) -> bool {
        let mut at = self.bare(statement);
        for _ in 0..MAX_NESTED {
            match self.role(at) {
                Some(Role::Choice { left, .. }) => at = self.part(at, left).unwrap_or(at),
                _ => break,
            }
        }
        let callee = self.parts_of_call(at).map_or_else(|| self.dotted(at), |parts| parts.callee);
        is_log_call(&callee)
    }

    /// `.catch(() => {})`, `.ok();`, `.unwrap_or_default()`.
    pub fn swallowed_by_call(&mut self, node: Node<'t>, parts: &Parts<'t>, text: &str, lines: &RangeInclusive<u32>) {
        let is_statement = self.ancestors.last().is_some_and(|of| of.kind() == "expression_statement");
        let value = match (last_name(&parts.callee), parts.arguments.as_slice()) {
            ("catch" | "catchError" | "onErrorResume", [handler])
                if parts.receiver.is_some() || parts.callee != "catch" =>
            {
                self.treatment_of_function(*handler)
            }
            ("ok", []) if node.kind() == "call_expression" && is_statement => Value::Text("empty".to_owned()),
            ("unwrap_or_default", []) if !self.is_of_option(node) => Value::Text("empty".to_owned()),
            _ => return,
        };
        self.tell(Kind::Handler, "any".to_owned(), value, text.to_owned(), lines.clone());
    }

    /// Whether what a method of Rust is called on is an `Option`, which has no error to be swallowed: it comes from a
    /// function of the library that returns one, or from what is declared as one before it.
    fn is_of_option(&self, node: Node<'t>) -> bool {
        const MAX_BEFORE: usize = 20_000;
        const MAX_STEPS: usize = 20;
        let Some(mut of) = node.child_by_field_name("function").and_then(|name| name.child_by_field_name("value"))
        else {
            return false;
        };
        for _ in 0..MAX_STEPS {
            let callee = self.parts_of_call(of).map(|parts| parts.callee);
            match callee.as_deref().map(last_name) {
                Some(name) if GIVES_OPTION.contains(&name) => return true,
                Some(name) if KEEPS_OPTION.contains(&name) => {}
                _ => break,
            }
            let before = of.child_by_field_name("function").and_then(|name| name.child_by_field_name("value"));
            let Some(before) = before else { return false };
            of = before;
        }
        let name = self.parts_of_call(of).map_or_else(|| self.dotted(of), |parts| parts.callee);
        let before = self.around(node.start_byte().saturating_sub(MAX_BEFORE)..node.start_byte());
        is_declared_as_option(last_name(&name), before)
    }

    pub fn treatment_of_function(&self, handler: Node<'t>) -> Value {
        let handler = self.bare(handler);
        match self.role(handler) {
            Some(Role::Closure { body } | Role::Function { body, .. }) => self.treatment(self.part(handler, body)),
            _ if matches!(last_name(&self.dotted(handler)), "noop" | "ignore") => Value::Text("empty".to_owned()),
            _ if is_log_call(&self.dotted(handler)) => Value::Text("logged".to_owned()),
            _ => Value::Text("handled".to_owned()),
        }
    }

    /// An ignored error: `_ = f()`.
    pub fn discard(&mut self, node: Node<'t>) {
        self.tell_of(Kind::Handler, "any".to_owned(), Value::Text("empty".to_owned()), node);
    }

    /// `a || b`: a default of the environment, or a guard: `x ?: return`, `x or raise`.
    pub fn choice(&mut self, node: Node<'t>, left: Part, right: Part) {
        let (Some(left), Some(right)) = (self.part(node, left), self.part(node, right)) else { return };
        if self.is_leaving(right) {
            self.tell_of(Kind::Guard, self.text(left), Value::None, node);
        } else {
            self.default_of_environment(node, left, right);
        }
    }

    /// What is held while a block runs, if that is not a call that is reported anyway.
    pub fn hold(&mut self, node: Node<'t>, word: &'static str, subject: Part) {
        let Some(subject) = self.part(node, subject) else { return };
        let subject = self.bare(subject);
        if word.is_empty() {
            if !matches!(self.role(subject), Some(Role::Call { .. })) {
                self.tell_of(Kind::Call, self.dotted(subject), Value::None, subject);
            }
            return;
        }
        let said = self.text(subject);
        let row = *self.lines(node).start();
        self.tell(Kind::Call, word.to_owned(), Value::None, format!("{word}({said})"), row..=row);
    }

    /// An assertion of a test; outside a test it is a guard.
    pub fn assertion(&mut self, node: Node<'t>, condition: Part) {
        let Some(condition) = self.part(node, condition) else { return };
        let kind = if self.place.is_in_test { Kind::Assertion } else { Kind::Guard };
        self.tell_of(kind, self.text(condition), Value::None, node);
    }
}

/// Methods of the library of Rust that return an `Option`.
const GIVES_OPTION: &[&str] = &[
    "as_array",
    "as_bool",
    "as_f64",
    "as_i64",
    "as_object",
    "as_str",
    "as_u64",
    "checked_add",
    "checked_div",
    "checked_mul",
    "checked_sub",
    "extension",
    "file_name",
    "file_stem",
    "find",
    "first",
    "get",
    "get_mut",
    "last",
    "max",
    "max_by",
    "max_by_key",
    "min",
    "min_by",
    "min_by_key",
    "next",
    "next_back",
    "nth",
    "parent",
    "peek",
    "pop",
    "pop_back",
    "pop_front",
    "position",
    "reduce",
    "rsplit_once",
    "split_once",
    "strip_prefix",
    "strip_suffix",
];
/// Methods that give an `Option` for an `Option`, and a `Result` for a `Result`.
const KEEPS_OPTION: &[&str] = &[
    "and_then",
    "as_deref",
    "as_deref_mut",
    "as_mut",
    "as_ref",
    "cloned",
    "copied",
    "filter",
    "map",
    "or_else",
    "take",
];

/// Whether a text declares a name, or the result of a function of that name, as an `Option`.
fn is_declared_as_option(name: &str, before: &str) -> bool {
    let is_of_name = |c: char| c.is_alphanumeric() || c == '_';
    let declares = |at: usize| {
        let rest = &before[at + name.len()..];
        let is_whole = !before[..at].ends_with(is_of_name) && !rest.starts_with(is_of_name);
        let of_type = rest
            .trim_start()
            .strip_prefix(':')
            .map(|of| of.trim_start().trim_start_matches("&mut ").trim_start_matches('&'));
        let is_value = of_type.is_some_and(|of| of.starts_with("Option<"));
        let is_function = before[..at].ends_with("fn ") && result_of(rest).is_some_and(|of| of.starts_with("Option<"));
        is_whole && (is_value || is_function)
    };
    !name.is_empty() && before.match_indices(name).any(|(at, _)| declares(at))
}

/// The type that a function returns, behind its name.
fn result_of(rest: &str) -> Option<&str> {
    let head = rest.split(['{', ';']).next()?;
    head.split_once("->").map(|(_, of)| of.trim_start())
}
