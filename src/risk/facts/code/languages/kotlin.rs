//! Kotlin.

use tree_sitter::Node;

use super::super::super::Kind;
use super::super::language::{Language, Public, Role};
use super::super::walk::Walk;
use crate::grammar;

pub(super) const LANGUAGE: Language = Language {
    grammar: &grammar::KOTLIN,
    roles: ROLES,
    public: Public::Unless(&["private", "internal", "protected"]),
    has_alike_quotes: false,
    guards: &["require", "requireNotNull", "check", "checkNotNull", "assert", "Preconditions."],
    test_prefixes: &[],
    test_calls: &["it", "test"],
};

const ROLES: &[(&str, Role)] = &[
    ("line_comment", Role::Comment),
    ("block_comment", Role::Comment),
    ("string_literal", Role::Text),
    ("multiline_string_literal", Role::Text),
    ("navigation_expression", Role::Path),
    ("qualified_identifier", Role::Path),
    ("user_type", Role::Path),
    ("index_expression", Role::Index),
    ("parenthesized_expression", Role::Wrapper),
    ("unary_expression", Role::Wrapper),
    ("variable_declaration", Role::Wrapper),
    ("call_expression", Role::Call { receiver: "", name: "@0", arguments: "=value_arguments" }),
    ("constructor_invocation", Role::Call { receiver: "", name: "@0", arguments: "=value_arguments" }),
    ("value_argument", Role::Named { key: "@0", value: "@1" }),
    ("property_declaration", Role::Assignment { target: "=variable_declaration", value: "@-1" }),
    ("assignment", Role::Assignment { target: "left", value: "right" }),
    (
        "class_parameter",
        Role::Parameter { name: "=identifier", value: "=number_literal|=string_literal|=call_expression" },
    ),
    ("binary_expression", Role::Choice { left: "left", right: "right" }),
    ("function_declaration", Role::Function { name: "name", body: "=function_body" }),
    ("lambda_literal", Role::Closure { body: "" }),
    ("anonymous_function", Role::Closure { body: "=function_body" }),
    ("class_declaration", Role::Type { name: "name", body: "=class_body|=enum_class_body" }),
    ("object_declaration", Role::Type { name: "name", body: "=class_body" }),
    ("enum_entry", Role::Member { name: "=identifier", value: "" }),
    ("block", Role::Block),
    ("if_expression", Role::If { condition: "condition", then: "@1", otherwise: "@2" }),
    ("for_statement", Role::Loop { condition: "", over: "@1", body: "=block" }),
    ("while_statement", Role::Loop { condition: "condition", over: "", body: "=block" }),
    ("do_while_statement", Role::Loop { condition: "condition", over: "", body: "=block" }),
    ("catch_block", Role::Handler { caught: "=user_type", body: "=block" }),
    ("return_expression", Role::Leave),
    ("throw_expression", Role::Leave),
    ("annotation", Role::Decorator { name: "@0" }),
];

/// The default of a parameter comes after it, in the list.
pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    if node.kind() != "function_value_parameters" {
        return;
    }
    let said = walk.syntax.said(node);
    let function = walk.scope.last().cloned().unwrap_or_default();
    for pair in said.windows(2) {
        if let [parameter, default] = pair
            && parameter.kind() == "parameter"
            && !matches!(default.kind(), "parameter" | "parameter_modifiers")
            && let Some(name) = parameter.named_child(0)
        {
            let object = format!("{function}.{}", walk.raw(name));
            let value = walk.value(*default, &object);
            walk.tell_of(Kind::Setting, object, value, *default);
        }
    }
}
