//! Python.

use tree_sitter::Node;

use super::super::super::{Kind, Value};
use super::super::language::{Language, Public, Role};
use super::super::walk::Walk;
use crate::grammar;

pub(super) const LANGUAGE: Language = Language {
    grammar: &grammar::PYTHON,
    roles: ROLES,
    public: Public::NoUnderscore,
    has_alike_quotes: true,
    guards: &["Preconditions.", "invariant"],
    test_prefixes: &["test_", "test"],
    test_calls: &[],
};

const ROLES: &[(&str, Role)] = &[
    ("comment", Role::Comment),
    ("string", Role::Text),
    ("concatenated_string", Role::Text),
    ("attribute", Role::Path),
    ("dotted_name", Role::Path),
    ("subscript", Role::Index),
    ("parenthesized_expression", Role::Wrapper),
    ("await", Role::Wrapper),
    ("as_pattern", Role::Wrapper),
    ("expression_statement", Role::Wrapper),
    ("call", Role::Call { receiver: "", name: "function", arguments: "arguments" }),
    ("keyword_argument", Role::Named { key: "name", value: "value" }),
    ("pair", Role::Named { key: "key", value: "value" }),
    ("dictionary", Role::Map),
    ("list", Role::List),
    ("tuple", Role::List),
    ("set", Role::List),
    ("assignment", Role::Assignment { target: "left", value: "right" }),
    ("named_expression", Role::Assignment { target: "name", value: "value" }),
    ("default_parameter", Role::Parameter { name: "name", value: "value" }),
    ("typed_default_parameter", Role::Parameter { name: "name", value: "value" }),
    ("boolean_operator", Role::Choice { left: "left", right: "right" }),
    ("binary_operator", Role::Choice { left: "left", right: "right" }),
    ("function_definition", Role::Function { name: "name", body: "body" }),
    ("lambda", Role::Closure { body: "body" }),
    ("class_definition", Role::Type { name: "name", body: "body" }),
    ("block", Role::Block),
    ("if_statement", Role::If { condition: "condition", then: "consequence", otherwise: "alternative" }),
    ("while_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
    ("for_statement", Role::Loop { condition: "", over: "right", body: "body" }),
    ("except_clause", Role::Handler { caught: "value", body: "=block" }),
    ("return_statement", Role::Leave),
    ("raise_statement", Role::Leave),
    ("continue_statement", Role::Leave),
    ("break_statement", Role::Leave),
    ("decorator", Role::Decorator { name: "@0" }),
    ("with_item", Role::Hold { word: "", subject: "value" }),
    ("assert_statement", Role::Assert { condition: "@0" }),
];

pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    match node.kind() {
        "expression_statement" => docstring(walk, node),
        "assignment" => class_field(walk, node),
        "call" => suppressed(walk, node),
        _ => {}
    }
}

/// A text on its own is a comment.
fn docstring<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let only = node.named_child(0).filter(|_| node.named_child_count() == 1);
    if only.is_some_and(|only| only.kind() == "string") {
        walk.comment(node);
    }
}

/// `permission_classes = [IsAuthenticated]` has the same meaning for a class as a decorator.
fn class_field<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let value = node.child_by_field_name("right").filter(|value| match value.kind() {
        "list" | "tuple" | "binary_operator" => true,
        // A list that has a name.
        "identifier" | "attribute" => is_constant(walk.raw(*value)),
        _ => false,
    });
    let is_of_class = walk.place.is_in_type && !walk.place.is_in_function;
    if let (Some(_), Some(target), true) = (value, node.child_by_field_name("left"), is_of_class) {
        walk.tell_of(Kind::Decorator, walk.dotted(target), Value::None, node);
    }
}

/// `WAREHOUSE_ONLY`, `permissions.WAREHOUSE_ONLY`.
fn is_constant(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.len() > 1 && last.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// `contextlib.suppress(E)` catches an error and does nothing.
fn suppressed<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let Some(parts) = walk.parts_of_call(node) else { return };
    if matches!(parts.callee.as_str(), "suppress" | "contextlib.suppress") {
        let caught = parts.arguments.first().map(|of| walk.text(*of)).unwrap_or_default();
        let caught = super::super::names::caught_type(&caught);
        walk.tell_of(Kind::Handler, caught, Value::Text("empty".to_owned()), node);
    }
}
