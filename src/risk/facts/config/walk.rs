//! From the tree of a configuration to its facts: a setting for each value, a block for each whole.

use std::collections::BTreeMap;

use super::super::{Kind, Value};
use super::out::{MAX_OBJECT, Out, Place, literal};
use super::tree::{Entry, Lines, Node, Shape, clip_to};
use super::{alerts, identity, policy, scripts};

/// The most bytes of one key in a path.
const MAX_KEY: usize = 120;
/// Keys at the top whose entries are separate blocks: jobs, services, resources.
const CONTAINERS: &[&str] =
    &["jobs", "services", "Resources", "pipelines", "workflows", "Outputs", "paths", "definitions"];
/// Keys that name no quantity: what encloses them does.
const VALUES: &[&str] = &["value", "default", "default_value", "defaultValue", "values", "Value", "Default"];

/// Keys whose value only declares possible values.
const DECLARING: &[&str] = &["openAPIV3Schema"];

/// Emits the facts of a tree at a position. The hint is the key that names its values.
pub(super) fn walk(node: &Node, place: &Place, hint: &str, out: &mut Out) {
    if place.object.len() > MAX_OBJECT {
        out.is_cut = true;
        return;
    }
    if !out.wants(&node.lines) {
        return;
    }
    match &node.shape {
        Shape::Map(entries) => {
            policy::facts(node, place, out);
            alerts::facts(node, place, out);
            scripts::facts(node, place, out);
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            let blocks = entries.iter().filter(|each| each.is_block);
            blocks.for_each(|each| *counts.entry(each.key.as_str()).or_default() += 1);
            let is_repeated = |each: &Entry| counts.get(each.key.as_str()).is_some_and(|count| *count > 1);
            entries.iter().for_each(|each| entry(each, is_repeated(each), place, hint, out));
        }
        Shape::List(items) => items.iter().enumerate().for_each(|(at, each)| item(each, at, place, hint, out)),
        Shape::Scalar { .. } | Shape::Expression(_) => setting(node, place.object, hint, &node.lines, place, out),
    }
}

fn entry(entry: &Entry, is_repeated: bool, place: &Place, hint: &str, out: &mut Out) {
    if !out.wants(&entry.lines) {
        return;
    }
    let key = clip_to(&entry.key, MAX_KEY);
    if DECLARING.contains(&key) {
        return;
    }
    let may_be_named = entry.is_block && (is_repeated || identity::comes_in_numbers(key));
    let named = may_be_named.then(|| identity::of_block(&entry.value)).flatten();
    let object = match &named {
        Some(name) => place.child(&format!("{key}[{name}]")),
        None => place.child(key),
    };
    let hint = if VALUES.contains(&key) && !hint.is_empty() { hint } else { key.rsplit('.').next().unwrap_or(key) };
    if !entry.value.is_branch() {
        return setting(&entry.value, &object, hint, &entry.lines, place, out);
    }
    let is_container = place.object.is_empty() && CONTAINERS.contains(&key);
    let is_block = matches!(entry.value.shape, Shape::Map(_)) && !is_container;
    if is_block {
        block(&entry.value, &object, &entry.lines, place, out);
    }
    let scope = if place.scope.is_empty() && is_block { &object } else { place.scope };
    walk(
        &entry.value,
        &Place { object: &object, scope, opens: *entry.lines.start() },
        named.as_deref().unwrap_or(hint),
        out,
    );
}

fn item(item: &Node, at: usize, place: &Place, hint: &str, out: &mut Out) {
    if !item.is_branch() {
        let object = format!("{}[]", place.object);
        setting(item, &object, hint, &item.lines, place, out);
        return flag(item, place, out);
    }
    let name = identity::of(item).unwrap_or_else(|| at.to_string());
    let object = format!("{}[{name}]", place.object);
    if matches!(item.shape, Shape::Map(_)) {
        block(item, &object, &item.lines, place, out);
    }
    let scope = if place.scope.is_empty() { &object } else { place.scope };
    walk(item, &Place { object: &object, scope, opens: *item.lines.start() }, &name, out);
}

/// `--timeout=30s` in a list of arguments is also a setting.
fn flag(item: &Node, place: &Place, out: &mut Out) {
    let flag = item.text().filter(|text| text.starts_with('-')).and_then(|text| text.split_once('='));
    let Some((name, value)) = flag.map(|(name, value)| (name.trim_start_matches('-'), value)) else { return };
    if !name.is_empty() && name.len() <= MAX_KEY && !name.contains(char::is_whitespace) {
        out.set(&place.child(name), name, value, &item.lines, place);
    }
}

/// Emits a block. For a resource of a template, the text begins with its type.
pub(super) fn block(node: &Node, object: &str, lines: &Lines, place: &Place, out: &mut Out) {
    if out.wants(lines) {
        let kind = node.text_of(&["Type"]).map_or(String::new(), |kind| format!("{kind} "));
        out.block(object, &format!("{kind}{}", node.normalised()), lines, place);
    }
}

fn setting(node: &Node, object: &str, key: &str, lines: &Lines, place: &Place, out: &mut Out) {
    if !out.wants(lines) {
        return;
    }
    let text = node.normalised();
    // Names that are published, each for itself.
    if object.ends_with("external-dns.alpha.kubernetes.io/hostname") {
        for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            out.set(&format!("{object}[]"), key, name, lines, place);
        }
        return;
    }
    let (value, text) = match &node.shape {
        Shape::Scalar { .. } => (literal(&text, key), text),
        Shape::Expression(_) => (computed(&text, key), text),
        Shape::List(_) => (Value::Text("[]".to_owned()), "[]".to_owned()),
        Shape::Map(_) => (Value::Text("{}".to_owned()), "{}".to_owned()),
    };
    out.add(Kind::Setting, object, value, &text, lines, place);
}

/// `60 * 60` has a known value, a reference does not.
fn computed(text: &str, key: &str) -> Value {
    let is_arithmetic = text.chars().all(|c| c.is_ascii_digit() || " *+-/.()".contains(c));
    if is_arithmetic { Value::of(text, key) } else { Value::Expression(text.to_owned()) }
}
