//! TOML.

use tree_sitter::Node as Syntax;

use super::grammar::{Source, comments, parse, parts};
use super::out::Out;
use super::tree::{Entry, MAX_DEPTH, Node, Shape};
use super::yaml::unescaped;

pub(super) fn document(text: &str, out: &mut Out) -> Option<Node> {
    let tree = parse(text, tree_sitter_toml_ng::LANGUAGE)?;
    let mut source = Source::new(text, 1);
    out.comments = comments(&tree, &source);
    let root = tree.root_node();
    let entries = parts(root).into_iter().filter_map(|part| match part.kind() {
        "pair" => pair(part, &mut source, 0),
        "table" | "table_array_element" => table(part, &mut source),
        _ => None,
    });
    let entries = entries.collect();
    out.is_cut |= source.is_cut();
    Some(Node::map(entries, source.lines(root)))
}

fn table(node: Syntax, source: &mut Source) -> Option<Entry> {
    let parts = parts(node);
    let key = key(*parts.iter().find(|part| is_key(part))?, source);
    let pairs: Vec<Syntax> = parts.into_iter().filter(|part| part.kind() == "pair").collect();
    let first = source.line(node.start_position().row);
    let last = pairs.last().map_or(first, |pair| *source.lines(*pair).end());
    let entries = pairs.into_iter().filter_map(|each| pair(each, source, 1)).collect();
    let lines = first..=last;
    let mut value = Node::map(entries, lines.clone());
    if node.kind() == "table_array_element" {
        value = Node { lines: lines.clone(), shape: Shape::List(vec![value]) };
    }
    Some(Entry { key, lines, is_block: false, value })
}

fn is_key(node: &Syntax) -> bool {
    matches!(node.kind(), "bare_key" | "dotted_key" | "quoted_key")
}

fn key(node: Syntax, source: &Source) -> String {
    source.text(node).split('.').map(|part| part.trim().trim_matches(['"', '\''])).collect::<Vec<_>>().join(".")
}

fn pair(node: Syntax, source: &mut Source, depth: usize) -> Option<Entry> {
    let parts = parts(node);
    let key = key(*parts.iter().find(|part| is_key(part))?, source);
    let value = parts.iter().find(|part| !is_key(part) && part.kind() != "comment");
    let value = value_of(*value?, source, depth)?;
    Some(Entry { key, lines: source.lines(node), is_block: false, value })
}

fn value_of(node: Syntax, source: &mut Source, depth: usize) -> Option<Node> {
    if depth > MAX_DEPTH || !source.take() {
        return None;
    }
    let lines = source.lines(node);
    match node.kind() {
        "array" => {
            let items = parts(node).into_iter().filter_map(|item| value_of(item, source, depth + 1)).collect();
            Some(Node { lines, shape: Shape::List(items) })
        }
        "inline_table" => {
            let entries = parts(node).into_iter().filter_map(|each| pair(each, source, depth + 1)).collect();
            Some(Node::map(entries, lines))
        }
        "comment" => None,
        "string" => Some(source.scalar(node, string(source.text(node)))),
        _ => Some(source.scalar(node, source.text(node).to_owned())),
    }
}

fn string(text: &str) -> String {
    let quoted = ["\"\"\"", "'''", "\"", "'"].into_iter().find_map(|quote| {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        Some(if quote.starts_with('"') { unescaped(inner) } else { inner.to_owned() })
    });
    quoted.unwrap_or_else(|| text.to_owned())
}
