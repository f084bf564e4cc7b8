//! Rust.

use tree_sitter::Node;

use super::super::super::{Kind, Value};
use super::super::language::{Language, Public, Role};
use super::super::walk::Walk;
use crate::grammar;

pub(super) const LANGUAGE: Language = Language {
    grammar: &grammar::RUST,
    roles: ROLES,
    public: Public::Marked(&["pub"]),
    has_alike_quotes: false,
    guards: &[
        "ensure!",
        "anyhow.ensure!",
        "assert!",
        "assert_eq!",
        "assert_ne!",
        "debug_assert!",
        "require!",
        "invariant!",
    ],
    test_prefixes: &[],
    test_calls: &[],
};

const ROLES: &[(&str, Role)] = &[
    ("line_comment", Role::Comment),
    ("block_comment", Role::Comment),
    ("string_literal", Role::Text),
    ("raw_string_literal", Role::Text),
    ("field_expression", Role::Path),
    ("scoped_identifier", Role::Path),
    ("scoped_type_identifier", Role::Path),
    ("index_expression", Role::Index),
    ("parenthesized_expression", Role::Wrapper),
    ("try_expression", Role::Wrapper),
    ("await_expression", Role::Wrapper),
    ("reference_expression", Role::Wrapper),
    ("generic_function", Role::Wrapper),
    ("generic_type", Role::Wrapper),
    ("expression_statement", Role::Wrapper),
    ("call_expression", Role::Call { receiver: "", name: "function", arguments: "arguments" }),
    ("macro_invocation", Role::Call { receiver: "", name: "macro", arguments: "=token_tree" }),
    ("struct_expression", Role::Literal { name: "name" }),
    ("field_initializer", Role::Named { key: "field", value: "value" }),
    ("shorthand_field_initializer", Role::Shorthand),
    ("array_expression", Role::List),
    ("let_declaration", Role::Assignment { target: "pattern", value: "value" }),
    ("const_item", Role::Assignment { target: "name", value: "value" }),
    ("static_item", Role::Assignment { target: "name", value: "value" }),
    ("assignment_expression", Role::Assignment { target: "left", value: "right" }),
    ("binary_expression", Role::Choice { left: "left", right: "right" }),
    ("function_item", Role::Function { name: "name", body: "body" }),
    ("function_signature_item", Role::Function { name: "name", body: "body" }),
    ("closure_expression", Role::Closure { body: "body" }),
    ("struct_item", Role::Type { name: "name", body: "body" }),
    ("enum_item", Role::Type { name: "name", body: "body" }),
    ("union_item", Role::Type { name: "name", body: "body" }),
    ("trait_item", Role::Type { name: "name", body: "body" }),
    ("impl_item", Role::Scope { name: "type" }),
    ("mod_item", Role::Scope { name: "name" }),
    ("field_declaration", Role::Member { name: "name", value: "" }),
    ("enum_variant", Role::Member { name: "name", value: "value" }),
    ("block", Role::Block),
    ("if_expression", Role::If { condition: "condition", then: "consequence", otherwise: "alternative" }),
    ("while_expression", Role::Loop { condition: "condition", over: "", body: "body" }),
    ("loop_expression", Role::Loop { condition: "", over: "", body: "body" }),
    ("for_expression", Role::Loop { condition: "", over: "value", body: "body" }),
    ("return_expression", Role::Leave),
    ("continue_expression", Role::Leave),
    ("break_expression", Role::Leave),
    ("attribute", Role::Decorator { name: "@0" }),
];

pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    match node.kind() {
        "let_declaration" => declaration(walk, node),
        "match_arm" => arm(walk, node),
        "field_declaration" => option_of_command(walk, node),
        _ => {}
    }
}

/// `let _ = f();` ignores an error; `let Some(x) = y else { return }` is a guard.
fn declaration<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let (Some(pattern), Some(value)) = (node.child_by_field_name("pattern"), node.child_by_field_name("value")) else {
        return;
    };
    let is_call = matches!(walk.role(walk.bare(value)), Some(Role::Call { .. }));
    if walk.raw(pattern) == "_" && is_call {
        walk.discard(node);
    }
    if node.child_by_field_name("alternative").is_some() {
        let object = format!("{} = {}", walk.text(pattern), walk.text(value));
        walk.tell_of(Kind::Guard, object, Value::None, node);
    }
}

/// `Err(_) => {}`.
fn arm<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let pattern = node.child_by_field_name("pattern").map(|pattern| walk.text(pattern)).unwrap_or_default();
    if pattern.starts_with("Err(") {
        let value = walk.treatment(node.child_by_field_name("value"));
        walk.tell_of(Kind::Handler, "any".to_owned(), value, node);
    }
}

/// `#[arg(long, default_value_t = true)]` over a field.
fn option_of_command<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    const KEYS: &[&str] = &["default_value_t", "default_value"];
    let before: Vec<Node<'t>> = walk.decorators_before.clone();
    let Some(name) = node.child_by_field_name("name").map(|name| walk.raw(name)) else { return };
    for attribute in before {
        let raw = walk.raw(attribute);
        let default =
            KEYS.iter().find_map(|key| raw.split_once(key)).and_then(|(_, rest)| rest.trim().strip_prefix('='));
        if let Some(default) = default.and_then(|rest| rest.split([',', ')']).next()) {
            let object = format!("default.{name}");
            let value = Value::of(default.trim(), &object);
            walk.tell_of(Kind::Setting, object, value, attribute);
        }
    }
}
