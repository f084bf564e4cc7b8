//! HCL: Terraform, Packer, Nomad.

use tree_sitter::Node as Syntax;

use super::grammar::{Source, comments, parse, part, parts};
use super::json;
use super::out::Out;
use super::tree::{Entry, MAX_DEPTH, Node, Shape, clip_to};

/// The most bytes of one expression; a longer one is cut.
const MAX_EXPRESSION: usize = 4_000;

pub(super) fn document(text: &str, out: &mut Out) -> Option<Node> {
    let tree = parse(text, tree_sitter_hcl::LANGUAGE)?;
    let mut source = Source::new(text, 1);
    out.comments = comments(&tree, &source);
    let root = tree.root_node();
    let mut entries = Vec::new();
    for part in parts(root) {
        match part.kind() {
            "body" => entries.extend(body(part, &mut source, 0)),
            _ => entries.extend(entry(part, &mut source, 0)),
        }
    }
    out.is_cut |= source.is_cut();
    Some(Node::map(entries, source.lines(root)))
}

fn body(node: Syntax, source: &mut Source, depth: usize) -> Vec<Entry> {
    parts(node).into_iter().filter_map(|part| entry(part, source, depth)).collect()
}

fn entry(node: Syntax, source: &mut Source, depth: usize) -> Option<Entry> {
    if depth > MAX_DEPTH || !source.take() {
        return None;
    }
    match node.kind() {
        "attribute" => attribute(node, source, depth),
        "block" => Some(block(node, source, depth)),
        _ => None,
    }
}

fn attribute(node: Syntax, source: &mut Source, depth: usize) -> Option<Entry> {
    let key = source.text(part(node, "identifier")?).to_owned();
    let value = value(part(node, "expression")?, source, depth + 1);
    Some(Entry { key, lines: source.lines(node), is_block: false, value })
}

/// A block is identified by its type and labels, or without labels by an attribute of its body.
fn block(node: Syntax, source: &mut Source, depth: usize) -> Entry {
    let children = parts(node);
    let heads = children.iter().filter(|child| matches!(child.kind(), "identifier" | "string_lit"));
    let names: Vec<&str> = heads.map(|head| source.text(*head).trim_matches('"')).collect();
    let entries = children.iter().filter(|child| child.kind() == "body");
    let entries = entries.flat_map(|child| body(*child, source, depth + 1)).collect();
    let lines = source.lines(node);
    let value = Node::map(entries, lines.clone());
    Entry { key: names.join("."), is_block: names.len() == 1, lines, value }
}

fn value(node: Syntax, source: &mut Source, depth: usize) -> Node {
    if depth > MAX_DEPTH || !source.take() {
        return expression(node, source);
    }
    let only = parts(node).into_iter().filter(|child| child.kind() != "comment").collect::<Vec<_>>();
    match (node.kind(), only.as_slice()) {
        ("expression" | "collection_value" | "literal_value" | "template_expr", [inner])
            if node.child(0).is_none_or(|child| child.is_named()) =>
        {
            value(*inner, source, depth + 1)
        }
        ("object", _) => object(node, source, depth),
        ("tuple", _) => tuple(node, source, depth),
        ("numeric_lit" | "bool_lit" | "null_lit", _) => source.scalar(node, source.text(node).to_owned()),
        ("string_lit" | "quoted_template", _) => quoted(node, source),
        ("heredoc_template", _) => heredoc(node, source),
        ("function_call", _) => encoded(node, source, depth).unwrap_or_else(|| expression(node, source)),
        _ => expression(node, source),
    }
}

fn object(node: Syntax, source: &mut Source, depth: usize) -> Node {
    let mut entries = Vec::new();
    for element in parts(node) {
        let (key, inner) = (element.child_by_field_name("key"), element.child_by_field_name("val"));
        let (Some(key), Some(inner)) = (key, inner) else { continue };
        let key = value(key, source, MAX_DEPTH - 4).normalised();
        let inner = value(inner, source, depth + 1);
        entries.push(Entry { key, lines: source.lines(element), is_block: false, value: inner });
    }
    Node { lines: source.lines(node), shape: Shape::Map(entries) }
}

fn tuple(node: Syntax, source: &mut Source, depth: usize) -> Node {
    let items = parts(node).into_iter().filter(|child| child.kind() == "expression");
    let items = items.map(|item| value(item, source, depth + 1)).collect();
    Node { lines: source.lines(node), shape: Shape::List(items) }
}

/// `"${x}"` is the expression `x`, another template a text.
fn quoted(node: Syntax, source: &Source) -> Node {
    let text = source.text(node);
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    match parts(node).as_slice() {
        [_, only, _] if only.kind() == "template_interpolation" => match part(*only, "expression") {
            Some(inner) => expression(inner, source),
            None => source.scalar(node, text.to_owned()),
        },
        _ => source.scalar(node, super::yaml::unescaped(text)),
    }
}

/// A document, parsed further if it is JSON.
fn heredoc(node: Syntax, source: &Source) -> Node {
    let text = source.text(node);
    let (_, body) = text.split_once('\n').unwrap_or((text, ""));
    let body = body.rsplit_once('\n').map_or(body, |(body, _)| body);
    let lines = source.lines(node);
    let first = lines.start().saturating_add(1);
    match json::embedded(body, first).filter(Node::is_branch) {
        Some(node) => node,
        None => Node { lines, shape: Shape::Scalar { text: body.to_owned(), first } },
    }
}

/// A value to be encoded: `jsonencode({…})`.
fn encoded(node: Syntax, source: &mut Source, depth: usize) -> Option<Node> {
    let name = source.text(part(node, "identifier")?);
    let is_encoding = matches!(name, "jsonencode" | "yamlencode" | "toset" | "tolist" | "tomap" | "sensitive");
    let arguments = part(node, "function_arguments").filter(|_| is_encoding)?;
    match parts(arguments).as_slice() {
        [only] if only.kind() == "expression" => Some(value(*only, source, depth + 1)).filter(Node::is_branch),
        _ => None,
    }
}

/// The canonical form of an expression, without regard to blanks, line breaks and comments.
fn expression(node: Syntax, source: &Source) -> Node {
    Node { lines: source.lines(node), shape: Shape::Expression(spelling(node, source)) }
}

fn spelling(node: Syntax, source: &Source) -> String {
    let mut tokens: Vec<&str> = Vec::new();
    let mut bytes = 0;
    let mut cursor = node.walk();
    loop {
        let node = cursor.node();
        // The pieces of a text in quotes belong together, blanks and all.
        let is_whole = matches!(node.kind(), "quoted_template" | "string_lit" | "heredoc_template" | "comment");
        if !is_whole && cursor.goto_first_child() {
            continue;
        }
        if node.kind() != "comment" {
            tokens.push(source.text(node));
            bytes += tokens.last().map_or(0, |token| token.len());
        }
        if bytes > MAX_EXPRESSION {
            break;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return join(&tokens);
            }
        }
    }
    join(&tokens)
}

fn join(tokens: &[&str]) -> String {
    let mut text = String::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| !token.is_empty()) {
        let (before, after) = (tokens[..at].last().copied().unwrap_or(""), tokens.get(at + 1).copied().unwrap_or(""));
        // A trailing comma is only layout.
        if *token == "," && matches!(after, ")" | "]" | "}") {
            continue;
        }
        let is_tight = matches!(before, "" | "(" | "[" | "{" | "." | "!")
            || matches!(*token, ")" | "]" | "}" | "." | "," | "[" | "(" | "...");
        if !is_tight {
            text.push(' ');
        }
        text.push_str(clip_to(token, MAX_EXPRESSION));
    }
    text
}
