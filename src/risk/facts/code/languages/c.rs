//! C and C++.

use tree_sitter::Node;

use super::super::super::{Kind, Value};
use super::super::language::{Language, Public, Role};
use super::super::walk::Walk;
use crate::grammar;

pub(super) const C: Language = Language {
    grammar: &grammar::C,
    roles: OF_C,
    public: Public::Unless(&["static", "private"]),
    has_alike_quotes: false,
    guards: &["assert", "BUG_ON", "WARN_ON", "g_return_if_fail", "g_return_val_if_fail"],
    test_prefixes: &["test_"],
    test_calls: &[],
};

pub(super) const CPP: Language = Language {
    grammar: &grammar::CPP,
    roles: OF_CPP,
    guards: &["assert", "CHECK", "DCHECK", "Expects", "Ensures", "static_assert"],
    test_prefixes: &["TEST", "test_"],
    ..C
};

/// The common part, followed by the additions.
macro_rules! with_common {
    ($($row:expr),* $(,)?) => {
        &[
            ("comment", Role::Comment),
            ("string_literal", Role::Text),
            ("concatenated_string", Role::Text),
            ("field_expression", Role::Path),
            ("subscript_expression", Role::Index),
            ("field_designator", Role::Wrapper),
            ("parenthesized_expression", Role::Wrapper),
            ("expression_statement", Role::Wrapper),
            ("pointer_expression", Role::Wrapper),
            ("call_expression", Role::Call { receiver: "", name: "function", arguments: "arguments" }),
            ("initializer_pair", Role::Named { key: "designator", value: "value" }),
            ("initializer_list", Role::List),
            ("init_declarator", Role::Assignment { target: "declarator", value: "value" }),
            ("assignment_expression", Role::Assignment { target: "left", value: "right" }),
            ("preproc_def", Role::Assignment { target: "name", value: "value" }),
            ("binary_expression", Role::Choice { left: "left", right: "right" }),
            ("function_definition", Role::Function { name: "declarator", body: "body" }),
            ("struct_specifier", Role::Type { name: "name", body: "body" }),
            ("union_specifier", Role::Type { name: "name", body: "body" }),
            ("enum_specifier", Role::Type { name: "name", body: "body" }),
            ("field_declaration", Role::Member { name: "declarator", value: "default_value" }),
            ("enumerator", Role::Member { name: "name", value: "value" }),
            ("compound_statement", Role::Block),
            ("if_statement", Role::If { condition: "condition", then: "consequence", otherwise: "alternative" }),
            ("for_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
            ("while_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
            ("do_statement", Role::Loop { condition: "condition", over: "", body: "body" }),
            ("return_statement", Role::Leave),
            ("continue_statement", Role::Leave),
            ("break_statement", Role::Leave),
            ("goto_statement", Role::Leave),
            ("volatile", Role::Modifier),
            $($row),*
        ]
    };
}

const OF_C: &[(&str, Role)] = with_common!();

const OF_CPP: &[(&str, Role)] = with_common!(
    ("raw_string_literal", Role::Text),
    ("qualified_identifier", Role::Path),
    ("template_function", Role::Wrapper),
    ("template_type", Role::Wrapper),
    ("condition_clause", Role::Wrapper),
    ("new_expression", Role::Call { receiver: "", name: "type", arguments: "arguments" }),
    ("optional_parameter_declaration", Role::Parameter { name: "declarator", value: "default_value" }),
    ("class_specifier", Role::Type { name: "name", body: "body" }),
    ("namespace_definition", Role::Scope { name: "name" }),
    ("lambda_expression", Role::Closure { body: "body" }),
    ("for_range_loop", Role::Loop { condition: "", over: "right", body: "body" }),
    ("catch_clause", Role::Handler { caught: "parameters/=parameter_declaration", body: "body" },),
    ("throw_statement", Role::Leave),
    ("attribute", Role::Decorator { name: "name" }),
);

pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    match node.kind() {
        "cast_expression" => discarded(walk, node),
        "declaration" => declaration(walk, node),
        "access_specifier" if walk.raw(node).trim_end_matches(':') == "private" => walk.hide_what_follows(),
        "access_specifier" => walk.show_what_follows(),
        _ => {}
    }
}

/// `(void)f();`.
fn discarded<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let is_void = node.child_by_field_name("type").is_some_and(|of| walk.raw(of) == "void");
    let is_call = node.child_by_field_name("value").is_some_and(|value| value.kind() == "call_expression");
    if is_void && is_call {
        walk.discard(node);
    }
}

/// A prototype is public; `std::lock_guard<std::mutex> guard(mutex);` is a call, though it looks like one.
fn declaration<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    let Some(declarator) = node.child_by_field_name("declarator") else { return };
    let is_function = declarator.kind() == "function_declarator";
    if !walk.place.is_in_function {
        let name = walk.dotted(super::super::names::innermost_declarator(declarator));
        if is_function && walk.is_public(node, &name) {
            walk.tell_of(Kind::Definition, walk.qualified(&name), Value::None, node);
        }
        return;
    }
    let Some(class) = node.child_by_field_name("type").filter(|of| is_class(*of)) else { return };
    walk.tell_of(Kind::Call, walk.dotted(class), Value::None, node);
}

fn is_class(node: Node) -> bool {
    matches!(node.kind(), "qualified_identifier" | "template_type" | "type_identifier")
}
