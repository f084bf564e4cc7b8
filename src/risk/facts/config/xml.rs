//! XML: elements are keys, attributes and inner elements their parts.

use tree_sitter::Node as Syntax;

use super::grammar::{Source, comments, parse, part, parts};
use super::out::Out;
use super::tree::{Entry, MAX_DEPTH, Node, Shape};

pub(super) fn document(text: &str, out: &mut Out) -> Option<Node> {
    if depth(text) > MAX_DEPTH {
        out.is_cut = true;
        return None;
    }
    let tree = parse(text, tree_sitter_xml::LANGUAGE_XML)?;
    let mut source = Source::new(text, 1);
    out.comments = comments(&tree, &source);
    let root = tree.root_node();
    let elements = parts(root).into_iter().filter(|part| part.kind() == "element");
    let entries = elements.filter_map(|each| element(each, &mut source, 0)).collect();
    out.is_cut |= source.is_cut();
    Some(Node::map(entries, source.lines(root)))
}

/// The depth of elements, estimated before parsing: the parser's time for a tag is linear in the number of open tags.
fn depth(text: &str) -> usize {
    let (mut open, mut most) = (0usize, 0);
    for (at, _) in text.match_indices(['<', '/']) {
        let mut next = text[at..].bytes();
        match (next.next(), next.next()) {
            (Some(b'<'), Some(b'/')) | (Some(b'/'), Some(b'>')) => open = open.saturating_sub(1),
            (Some(b'<'), Some(c)) if c.is_ascii_alphabetic() || c == b'_' || c >= 0x80 => open += 1,
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn element(node: Syntax, source: &mut Source, depth: usize) -> Option<Entry> {
    if depth > MAX_DEPTH || !source.take() {
        return None;
    }
    let tag = part(node, "STag").or_else(|| part(node, "EmptyElemTag"))?;
    let key = source.text(part(tag, "Name")?).to_owned();
    let lines = source.lines(node);
    let mut entries = attributes(tag, source);
    let mut text = String::new();
    for child in part(node, "content").map(parts).unwrap_or_default() {
        match child.kind() {
            "element" => entries.extend(element(child, source, depth + 1)),
            "Comment" | "PI" => {}
            "CDSect" => text.push_str(part(child, "CData").map_or("", |data| source.text(data))),
            _ => text.push_str(source.text(child)),
        }
    }
    Some(Entry { key, lines: lines.clone(), is_block: true, value: content(entries, text.trim(), lines) })
}

fn content(mut entries: Vec<Entry>, text: &str, lines: super::tree::Lines) -> Node {
    let line = *lines.start();
    let value = Node { lines: lines.clone(), shape: Shape::Scalar { text: unescaped(text), first: line } };
    if entries.is_empty() {
        return value;
    }
    if !text.is_empty() {
        entries.push(Entry { key: "value".to_owned(), lines: lines.clone(), is_block: false, value });
    }
    Node::map(entries, lines)
}

fn attributes(tag: Syntax, source: &Source) -> Vec<Entry> {
    let attributes = parts(tag).into_iter().filter(|part| part.kind() == "Attribute");
    let attributes = attributes.filter_map(|attribute| {
        let key = source.text(part(attribute, "Name")?).to_owned();
        let text = source.text(part(attribute, "AttValue")?).trim_matches(['"', '\'']);
        let value = source.scalar(attribute, unescaped(text));
        Some(Entry { key, lines: source.lines(attribute), is_block: false, value })
    });
    attributes.filter(|attribute| !attribute.key.starts_with("xmlns") && !attribute.key.starts_with("xsi:")).collect()
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&amp;", "&")
}
