//! JavaScript and TypeScript, with and without JSX.

use tree_sitter::Node;

use super::super::super::{Kind, Value};
use super::super::language::{Language, Public, Role};
use super::super::walk::Walk;
use crate::grammar;

pub(super) const TYPESCRIPT: Language = Language { grammar: &grammar::TYPESCRIPT, roles: TYPED, ..JAVASCRIPT };

pub(super) const TSX: Language = Language { grammar: &grammar::TSX, roles: TYPED_JSX, ..JAVASCRIPT };

pub(super) const JAVASCRIPT: Language = Language {
    grammar: &grammar::JAVASCRIPT,
    roles: PLAIN_JSX,
    public: Public::Exported,
    has_alike_quotes: true,
    guards: &["invariant", "assert", "assert.", "console.assert", "tiny.invariant"],
    test_prefixes: &[],
    test_calls: &["it", "test", "xit", "fit", "xtest", "specify", "Deno.test", "bench"],
};

/// The common part, followed by the additions.
macro_rules! with_common {
    ($($row:expr),* $(,)?) => {
        &[
            ("comment", Role::Comment),
            ("string", Role::Text),
            ("template_string", Role::Text),
            ("member_expression", Role::Path),
            ("subscript_expression", Role::Index),
            ("parenthesized_expression", Role::Wrapper),
            ("await_expression", Role::Wrapper),
            ("expression_statement", Role::Wrapper),
            ("call_expression", Role::Call { receiver: "", name: "function", arguments: "arguments" }),
            ("new_expression", Role::Call { receiver: "", name: "constructor", arguments: "arguments" }),
            ("object", Role::Map),
            ("array", Role::List),
            ("pair", Role::Named { key: "key", value: "value" }),
            ("shorthand_property_identifier", Role::Shorthand),
            ("variable_declarator", Role::Assignment { target: "name", value: "value" }),
            ("assignment_expression", Role::Assignment { target: "left", value: "right" }),
            ("object_assignment_pattern", Role::Parameter { name: "left", value: "right" }),
            ("assignment_pattern", Role::Parameter { name: "left", value: "right" }),
            ("binary_expression", Role::Choice { left: "left", right: "right" }),
            ("function_declaration", Role::Function { name: "name", body: "body" }),
            ("generator_function_declaration", Role::Function { name: "name", body: "body" }),
            ("method_definition", Role::Function { name: "name", body: "body" }),
            ("arrow_function", Role::Closure { body: "body" }),
            ("function_expression", Role::Closure { body: "body" }),
            ("generator_function", Role::Closure { body: "body" }),
            ("class_declaration", Role::Type { name: "name", body: "body" }),
            ("statement_block", Role::Block),
            ("if_statement", Role::If { condition: "condition", then: "consequence", otherwise: "alternative" }),
            ("for_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
            ("for_in_statement", Role::Loop { condition: "", over: "right", body: "body" }),
            ("while_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
            ("do_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
            ("catch_clause", Role::Handler { caught: "", body: "body" }),
            ("return_statement", Role::Leave),
            ("throw_statement", Role::Leave),
            ("continue_statement", Role::Leave),
            ("break_statement", Role::Leave),
            ("decorator", Role::Decorator { name: "@0" }),
            $($row),*
        ]
    };
}

const JSX_ELEMENT: (&str, Role) = ("jsx_opening_element", Role::Literal { name: "name" });
const JSX_EMPTY: (&str, Role) = ("jsx_self_closing_element", Role::Literal { name: "name" });
const JSX_ATTRIBUTE: (&str, Role) = ("jsx_attribute", Role::Named { key: "@0", value: "@1" });
const JSX_EXPRESSION: (&str, Role) = ("jsx_expression", Role::Wrapper);

const FIELD: Role = Role::Member { name: "name|property", value: "value" };

const PLAIN_JSX: &[(&str, Role)] =
    with_common!(("field_definition", FIELD), JSX_ELEMENT, JSX_EMPTY, JSX_ATTRIBUTE, JSX_EXPRESSION);

macro_rules! with_types {
    ($($row:expr),* $(,)?) => {
        with_common!(
            ("public_field_definition", FIELD),
            ("property_signature", Role::Member { name: "name", value: "" }),
            ("method_signature", Role::Member { name: "name", value: "" }),
            ("required_parameter", Role::Parameter { name: "pattern", value: "value" }),
            ("optional_parameter", Role::Parameter { name: "pattern", value: "value" }),
            ("non_null_expression", Role::Wrapper),
            ("as_expression", Role::Wrapper),
            ("satisfies_expression", Role::Wrapper),
            ("abstract_class_declaration", Role::Type { name: "name", body: "body" }),
            ("interface_declaration", Role::Type { name: "name", body: "body" }),
            ("enum_declaration", Role::Type { name: "name", body: "body" }),
            ("enum_assignment", Role::Member { name: "name", value: "value" }),
            ("type_alias_declaration", Role::Member { name: "name", value: "" }),
            ("internal_module", Role::Scope { name: "name" }),
            $($row),*
        )
    };
}

const TYPED: &[(&str, Role)] = with_types!();
const TYPED_JSX: &[(&str, Role)] = with_types!(JSX_ELEMENT, JSX_EMPTY, JSX_ATTRIBUTE, JSX_EXPRESSION);

/// A value of an enumeration that is only its name.
pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let is_of_enum = walk.ancestors.last().is_some_and(|of| of.kind() == "enum_body");
    if is_of_enum && node.kind() == "property_identifier" && walk.is_public(node, walk.raw(node)) {
        walk.tell_of(Kind::Definition, walk.qualified(walk.raw(node)), Value::None, node);
    }
}
