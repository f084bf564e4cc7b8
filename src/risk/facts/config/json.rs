//! JSON, also with comments and trailing commas.

use tree_sitter::Node as Syntax;

use super::grammar::{Source, comments, parse, parts};
use super::out::Out;
use super::tree::{Entry, MAX_DEPTH, Node, Shape};
use super::yaml::unescaped;

pub(super) fn document(text: &str, out: &mut Out) -> Option<Node> {
    let tree = parse(text, tree_sitter_json::LANGUAGE)?;
    let mut source = Source::new(text, 1);
    out.comments = comments(&tree, &source);
    let document = root(tree.root_node(), &mut source);
    out.is_cut |= source.is_cut();
    document
}

/// A document inside another one, on this line.
pub(super) fn embedded(text: &str, first: u32) -> Option<Node> {
    let tree = parse(text, tree_sitter_json::LANGUAGE).filter(|tree| !tree.root_node().has_error())?;
    root(tree.root_node(), &mut Source::new(text, first))
}

fn root(document: Syntax, source: &mut Source) -> Option<Node> {
    parts(document).into_iter().find_map(|node| node_of(node, source, 0))
}

fn node_of(node: Syntax, source: &mut Source, depth: usize) -> Option<Node> {
    if depth > MAX_DEPTH || !source.take() {
        return None;
    }
    let lines = source.lines(node);
    match node.kind() {
        "object" => {
            let entries = parts(node).into_iter().filter_map(|pair| entry(pair, source, depth)).collect();
            Some(Node { lines, shape: Shape::Map(entries) })
        }
        "array" => {
            let items = parts(node).into_iter().filter_map(|item| node_of(item, source, depth + 1)).collect();
            Some(Node { lines, shape: Shape::List(items) })
        }
        "string" => Some(source.scalar(node, string(source.text(node)))),
        "number" | "true" | "false" | "null" => Some(source.scalar(node, source.text(node).to_owned())),
        _ => None,
    }
}

fn entry(pair: Syntax, source: &mut Source, depth: usize) -> Option<Entry> {
    let (key, value) = (pair.child_by_field_name("key")?, pair.child_by_field_name("value")?);
    let value = node_of(value, source, depth + 1)?;
    Some(Entry { key: string(source.text(key)), lines: source.lines(pair), is_block: false, value })
}

fn string(text: &str) -> String {
    let text = text.strip_prefix('"').unwrap_or(text);
    unescaped(text.strip_suffix('"').unwrap_or(text))
}
