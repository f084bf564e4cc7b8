//! The promises of an OpenAPI document: routes, and their required and optional inputs.

use std::collections::BTreeSet;

use super::super::{Kind, Value};
use super::out::{Out, Place};
use super::tree::{Entry, Node};

const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch", "trace"];

pub(super) fn facts(document: &Node, out: &mut Out) {
    if document.get(&["openapi", "swagger"]).is_none() {
        return;
    }
    for path in document.get(&["paths"]).map(Node::entries).unwrap_or_default() {
        for method in path.value.entries().iter().filter(|method| METHODS.contains(&method.key.as_str())) {
            route(&path.key, method, *path.lines.start(), out);
        }
    }
    let components = document.get(&["components"]).and_then(|components| components.get(&["schemas"]));
    let schemas = components.or(document.get(&["definitions"])).map(Node::entries).unwrap_or_default();
    let sent = sent(document, schemas);
    for each in schemas {
        schema(&format!("schemas.{}", each.key), each, sent.contains(each.key.as_str()), 0, out);
    }
}

/// The names of the schemas that callers send: what they must contain is asked of each of them.
fn sent<'d>(document: &'d Node, schemas: &'d [Entry]) -> BTreeSet<&'d str> {
    let mut open = Vec::new();
    references(document, false, 0, &mut open);
    let mut sent = BTreeSet::new();
    while let Some(name) = open.pop() {
        if sent.insert(name)
            && let Some(schema) = schemas.iter().find(|schema| schema.key == name)
        {
            references(&schema.value, true, 0, &mut open);
        }
    }
    sent
}

/// The names that references inside of bodies of requests mention.
fn references<'d>(node: &'d Node, is_sent: bool, depth: usize, found: &mut Vec<&'d str>) {
    const MAX_DEPTH: usize = 40;
    if depth > MAX_DEPTH {
        return;
    }
    for entry in node.entries() {
        if let Some(name) = entry.value.text().filter(|_| is_sent && entry.key == "$ref") {
            found.extend(name.rsplit('/').next());
        }
        // What is described elsewhere as an answer is not sent.
        let is_sent = is_sent || matches!(entry.key.as_str(), "requestBody" | "requestBodies" | "parameters");
        references(&entry.value, is_sent && entry.key != "responses", depth + 1, found);
    }
    node.items().iter().for_each(|item| references(item, is_sent, depth + 1, found));
}

fn define(object: &str, text: &str, entry: &Entry, opens: u32, scope: &str, out: &mut Out) {
    if out.wants(&entry.lines) {
        let place = Place { object, scope, opens };
        out.add(Kind::Definition, object, Value::None, text, &entry.lines, &place);
    }
}

fn route(path: &str, method: &Entry, opens: u32, out: &mut Out) {
    let object = format!("{} {path}", method.key.to_ascii_uppercase());
    let answers = method.value.get(&["responses"]).map(Node::entries).unwrap_or_default();
    let answers: Vec<&str> = answers.iter().map(|answer| answer.key.as_str()).collect();
    define(&object, &format!("{object} {}", answers.join(" ")), method, opens, "", out);
    for parameter in method.value.get(&["parameters"]).map(Node::items).unwrap_or_default() {
        let Some(name) = parameter.text_of(&["name", "$ref"]) else { continue };
        let entry =
            Entry { key: name.to_owned(), lines: parameter.lines.clone(), is_block: false, value: parameter.clone() };
        let required = parameter.text_of(&["required"]).unwrap_or("false");
        let kind = parameter.get(&["schema"]).map_or_else(|| kind(parameter), kind);
        let text = format!("{name}: {kind} required={required}");
        define(&format!("{object}.parameters[{name}]"), &text, &entry, *method.lines.start(), &object, out);
    }
}

/// What a JSON Schema asks of a document: how each property is checked.
pub(super) fn declared(document: &Node, out: &mut Out) {
    let whole = Entry { key: String::new(), lines: document.lines.clone(), is_block: false, value: document.clone() };
    checked("schema", &whole, 0, out);
    for group in ["definitions", "$defs"] {
        for each in document.get(&[group]).map(Node::entries).unwrap_or_default() {
            checked(&format!("schema.{group}.{}", each.key), each, 0, out);
        }
    }
}

/// Checks of a property, besides its type.
const CHECKS: &[&str] = &[
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "uniqueItems",
    "additionalProperties",
];

fn checked(object: &str, entry: &Entry, depth: usize, out: &mut Out) {
    if depth > 20 {
        return;
    }
    let body = &entry.value;
    let mut required = body.get(&["required"]).map(Node::texts).unwrap_or_default();
    required.sort_unstable();
    let checks = CHECKS.iter().filter_map(|name| Some(format!("{name}={}", body.text_of(&[name])?)));
    let checks: Vec<String> = checks.collect();
    let text = format!("{} {} required=[{}]", kind(body), checks.join(" "), required.join(", "));
    // Of an object only the lines of its own words: a property has a fact of its own.
    define(object, &text, entry, *entry.lines.start(), "", out);
    for property in body.get(&["properties"]).map(Node::entries).unwrap_or_default() {
        checked(&format!("{object}.{}", property.key), property, depth + 1, out);
    }
}

/// A schema, its properties with their types, its values. `is_sent` if callers send it.
fn schema(object: &str, entry: &Entry, is_sent: bool, depth: usize, out: &mut Out) {
    if depth > 20 {
        return;
    }
    let body = &entry.value;
    let mut required = body.get(&["required"]).map(Node::texts).unwrap_or_default();
    required.sort_unstable();
    let direction = if is_sent { "sent required" } else { "required" };
    let text = format!("{} {direction}=[{}]", kind(body), required.join(", "));
    define(object, &text, entry, *entry.lines.start(), "", out);
    for value in body.get(&["enum"]).map(Node::items).unwrap_or_default() {
        let entry = Entry { key: String::new(), lines: value.lines.clone(), is_block: false, value: value.clone() };
        define(&format!("{object}.enum[]"), &value.normalised(), &entry, *entry.lines.start(), object, out);
    }
    for property in body.get(&["properties"]).map(Node::entries).unwrap_or_default() {
        schema(&format!("{object}.{}", property.key), property, is_sent, depth + 1, out);
    }
}

fn kind(body: &Node) -> String {
    let kind = body.text_of(&["type", "$ref"]).unwrap_or("object");
    let items = body.get(&["items"]).and_then(|items| items.text_of(&["type", "$ref"]));
    match items {
        Some(items) => format!("{kind} of {items}"),
        None => kind.to_owned(),
    }
}
