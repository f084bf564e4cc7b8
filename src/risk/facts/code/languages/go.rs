//! Go.

use tree_sitter::Node;

use super::super::super::{Kind, Value};
use super::super::language::{Language, Public, Role};
use super::super::walk::Walk;
use crate::grammar;

pub(super) const LANGUAGE: Language = Language {
    grammar: &grammar::GO,
    roles: ROLES,
    public: Public::Capital,
    has_alike_quotes: false,
    guards: &[],
    test_prefixes: &["Test", "Benchmark", "Fuzz"],
    test_calls: &[],
};

const ROLES: &[(&str, Role)] = &[
    ("comment", Role::Comment),
    ("interpreted_string_literal", Role::Text),
    ("raw_string_literal", Role::Text),
    ("selector_expression", Role::Path),
    ("qualified_type", Role::Path),
    ("index_expression", Role::Index),
    ("parenthesized_expression", Role::Wrapper),
    ("expression_statement", Role::Wrapper),
    ("literal_element", Role::Wrapper),
    ("unary_expression", Role::Wrapper),
    ("pointer_type", Role::Wrapper),
    ("generic_type", Role::Wrapper),
    ("call_expression", Role::Call { receiver: "", name: "function", arguments: "arguments" }),
    ("composite_literal", Role::Literal { name: "type" }),
    ("keyed_element", Role::Named { key: "key", value: "value" }),
    ("short_var_declaration", Role::Assignment { target: "left", value: "right" }),
    ("assignment_statement", Role::Assignment { target: "left", value: "right" }),
    ("const_spec", Role::Assignment { target: "name", value: "value" }),
    ("var_spec", Role::Assignment { target: "name", value: "value" }),
    ("binary_expression", Role::Choice { left: "left", right: "right" }),
    ("function_declaration", Role::Function { name: "name", body: "body" }),
    ("method_declaration", Role::Function { name: "name", body: "body" }),
    ("func_literal", Role::Closure { body: "body" }),
    ("type_spec", Role::Type { name: "name", body: "type/=field_declaration_list" }),
    ("method_elem", Role::Member { name: "name", value: "" }),
    ("field_declaration", Role::Member { name: "name", value: "" }),
    ("block", Role::Block),
    ("statement_list", Role::Block),
    ("if_statement", Role::If { condition: "condition", then: "consequence", otherwise: "alternative" }),
    ("for_statement", Role::Loop { condition: "=for_clause/condition|@0", over: "=range_clause/right", body: "body" }),
    ("return_statement", Role::Leave),
    ("continue_statement", Role::Leave),
    ("break_statement", Role::Leave),
    ("goto_statement", Role::Leave),
];

/// `_ = f()` and `x, _ := f()` ignore an error.
pub(super) fn special<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    if node.kind() == "field_declaration" {
        return tagged(walk, node);
    }
    if !matches!(node.kind(), "assignment_statement" | "short_var_declaration") {
        return;
    }
    let left = node.child_by_field_name("left").and_then(|left| walk.syntax.said(left).last().copied());
    let right = node.child_by_field_name("right").map(|right| walk.syntax.said(right)).unwrap_or_default();
    let is_call = matches!(right.as_slice(), [only] if only.kind() == "call_expression");
    if is_call && left.is_some_and(|left| walk.raw(left) == "_") {
        walk.discard(node);
    }
}

/// The default that the tag of a field gives it: `default:"true"`.
fn tagged<'t>(walk: &mut Walk<'t>, node: Node<'t>) {
    const KEYS: &[&str] = &["default:\"", "envDefault:\"", "env-default:\"", ",default=", ", default="];
    let (Some(name), Some(tag)) = (node.child_by_field_name("name"), node.child_by_field_name("tag")) else { return };
    let (name, tag) = (walk.raw(name), walk.raw(tag));
    let default = KEYS.iter().find_map(|key| tag.split_once(key)).and_then(|(_, rest)| rest.split(['"', ',']).next());
    if let Some(default) = default {
        let object = format!("default.{name}");
        walk.tell_of(Kind::Setting, object.clone(), Value::of_text(default, &object), node);
    }
}
