//! PHP.

use tree_sitter::Node;

use super::super::super::{Kind, Value};
use super::super::language::{Language, Public, Role};
use super::super::walk::Walk;
use crate::grammar;

pub(super) const LANGUAGE: Language = Language {
    grammar: &grammar::PHP,
    roles: ROLES,
    public: Public::Unless(&["private", "protected"]),
    has_alike_quotes: true,
    guards: &["Assert.", "Assertion.", "assert", "abort_if", "abort_unless", "throw_if", "throw_unless"],
    test_prefixes: &["test"],
    test_calls: &["it", "test"],
};

const ROLES: &[(&str, Role)] = &[
    ("comment", Role::Comment),
    ("string", Role::Text),
    ("encapsed_string", Role::Text),
    ("heredoc", Role::Text),
    ("nowdoc", Role::Text),
    ("shell_command_expression", Role::Text),
    ("member_access_expression", Role::Path),
    ("nullsafe_member_access_expression", Role::Path),
    ("scoped_property_access_expression", Role::Path),
    ("class_constant_access_expression", Role::Path),
    ("qualified_name", Role::Path),
    ("subscript_expression", Role::Index),
    ("parenthesized_expression", Role::Wrapper),
    ("expression_statement", Role::Wrapper),
    ("function_call_expression", Role::Call { receiver: "", name: "function", arguments: "arguments" }),
    ("member_call_expression", Role::Call { receiver: "object", name: "name", arguments: "arguments" }),
    ("nullsafe_member_call_expression", Role::Call { receiver: "object", name: "name", arguments: "arguments" }),
    ("scoped_call_expression", Role::Call { receiver: "scope", name: "name", arguments: "arguments" }),
    ("object_creation_expression", Role::Call { receiver: "", name: "@0", arguments: "=arguments" }),
    ("argument", Role::Named { key: "name", value: "@-1" }),
    ("array_element_initializer", Role::Named { key: "@0", value: "@1" }),
    ("array_creation_expression", Role::List),
    ("const_element", Role::Assignment { target: "@0", value: "@1" }),
    ("property_element", Role::Assignment { target: "name", value: "default_value" }),
    ("assignment_expression", Role::Assignment { target: "left", value: "right" }),
    ("simple_parameter", Role::Parameter { name: "name", value: "default_value" }),
    ("property_promotion_parameter", Role::Parameter { name: "name", value: "default_value" }),
    ("binary_expression", Role::Choice { left: "left", right: "right" }),
    ("conditional_expression", Role::Choice { left: "condition", right: "alternative" }),
    ("function_definition", Role::Function { name: "name", body: "body" }),
    ("method_declaration", Role::Function { name: "name", body: "body" }),
    ("arrow_function", Role::Closure { body: "body" }),
    ("anonymous_function", Role::Closure { body: "body" }),
    ("class_declaration", Role::Type { name: "name", body: "body" }),
    ("interface_declaration", Role::Type { name: "name", body: "body" }),
    ("trait_declaration", Role::Type { name: "name", body: "body" }),
    ("enum_declaration", Role::Type { name: "name", body: "body" }),
    ("enum_case", Role::Member { name: "name", value: "value" }),
    ("compound_statement", Role::Block),
    ("colon_block", Role::Block),
    ("if_statement", Role::If { condition: "condition", then: "body", otherwise: "alternative" }),
    ("for_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
    ("while_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
    ("do_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
    ("catch_clause", Role::Handler { caught: "type", body: "body" }),
    ("return_statement", Role::Leave),
    ("throw_expression", Role::Leave),
    ("continue_statement", Role::Leave),
    ("break_statement", Role::Leave),
    ("exit_statement", Role::Leave),
    ("attribute", Role::Decorator { name: "@0" }),
];

pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    match node.kind() {
        "error_suppression_expression" => walk.discard(node),
        "shell_command_expression" => super::super::shell::tell_commands(walk, node, &walk.content(node)),
        "function_call_expression" => constant(walk, node),
        _ => {}
    }
}

/// `define('X', 5)`.
fn constant<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let Some(parts) = walk.parts_of_call(node).filter(|parts| parts.callee == "define") else { return };
    if let [name, value] = parts.arguments.as_slice()
        && let Some(name) = walk.text_of(*name)
    {
        let value = walk.value(*value, &name);
        walk.tell_of(Kind::Setting, name, value, node);
    } else {
        walk.tell_of(Kind::Setting, "define".to_owned(), Value::None, node);
    }
}
