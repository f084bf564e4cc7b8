//! Ruby.

use tree_sitter::Node;

use super::super::super::{Kind, Value};
use super::super::language::{Language, Public, Role};
use super::super::walk::Walk;
use crate::grammar;

pub(super) const LANGUAGE: Language = Language {
    grammar: &grammar::RUBY,
    roles: ROLES,
    public: Public::Unless(&["private", "protected", "private_class_method"]),
    has_alike_quotes: true,
    guards: &[],
    test_prefixes: &["test_"],
    test_calls: &["it", "specify", "test", "scenario", "xit", "fit", "example"],
};

const ROLES: &[(&str, Role)] = &[
    ("comment", Role::Comment),
    ("string", Role::Text),
    ("chained_string", Role::Text),
    ("heredoc_body", Role::Text),
    ("subshell", Role::Text),
    ("scope_resolution", Role::Path),
    ("element_reference", Role::Index),
    ("parenthesized_statements", Role::Wrapper),
    ("call", Role::Call { receiver: "receiver", name: "method", arguments: "arguments" }),
    ("pair", Role::Named { key: "key", value: "value" }),
    ("hash", Role::Map),
    ("array", Role::List),
    ("string_array", Role::List),
    ("symbol_array", Role::List),
    ("assignment", Role::Assignment { target: "left", value: "right" }),
    ("operator_assignment", Role::Assignment { target: "left", value: "right" }),
    ("optional_parameter", Role::Parameter { name: "name", value: "value" }),
    ("keyword_parameter", Role::Parameter { name: "name", value: "value" }),
    ("binary", Role::Choice { left: "left", right: "right" }),
    ("method", Role::Function { name: "name", body: "body" }),
    ("singleton_method", Role::Function { name: "name", body: "body" }),
    ("do_block", Role::Closure { body: "body" }),
    ("block", Role::Closure { body: "body" }),
    ("lambda", Role::Closure { body: "body" }),
    ("class", Role::Type { name: "name", body: "body" }),
    ("module", Role::Type { name: "name", body: "body" }),
    ("body_statement", Role::Block),
    ("block_body", Role::Block),
    ("then", Role::Block),
    ("do", Role::Block),
    ("if", Role::If { condition: "condition", then: "consequence", otherwise: "alternative" }),
    ("unless", Role::Unless { condition: "condition", then: "consequence", otherwise: "alternative" }),
    ("if_modifier", Role::If { condition: "condition", then: "body", otherwise: "" }),
    ("unless_modifier", Role::Unless { condition: "condition", then: "body", otherwise: "" }),
    ("while", Role::Loop { condition: "condition", over: "", body: "body" }),
    ("until", Role::Loop { condition: "condition", over: "", body: "body" }),
    ("for", Role::Loop { condition: "", over: "value/@0", body: "body" }),
    ("rescue", Role::Handler { caught: "exceptions", body: "body" }),
    ("return", Role::Leave),
    ("next", Role::Leave),
    ("break", Role::Leave),
];

pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    match node.kind() {
        "rescue_modifier" => walk.discard(node),
        "subshell" => subshell(walk, node),
        "identifier" if walk.ancestors.last().is_some_and(|of| is_body(*of)) => statement(walk, node),
        _ => {}
    }
}

/// `` `pdftotext #{path} -` `` is a call of `system`.
fn subshell<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    super::super::shell::tell_commands(walk, node, &walk.content(node));
    let script = walk.raw(node).trim_matches('`').replace('"', "'");
    walk.tell(Kind::Call, "backtick".to_owned(), Value::None, format!("system(\"{script}\")"), walk.lines(node));
}

fn is_body(node: Node) -> bool {
    matches!(node.kind(), "body_statement" | "then" | "block_body" | "do" | "program" | "begin")
}

/// A name on its own is a call: `authenticate!`. In the body of a class it declares something about the class.
fn statement<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let is_declaration = walk.place.is_in_type && !walk.place.is_in_function;
    let name = walk.raw(node).to_owned();
    if is_declaration && matches!(name.as_str(), "private" | "protected") {
        walk.hide_what_follows();
        return;
    }
    let kind = if is_declaration { Kind::Decorator } else { Kind::Call };
    walk.tell_of(kind, name, Value::None, node);
}
