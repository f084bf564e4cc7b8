//! Marks the lines of code that do not run, by its tree.

use tree_sitter::{Node, Tree};

use super::super::inert::{Rows, State};
use super::language::{Role, Syntax};

/// Marks them.
pub(super) fn mark(syntax: &Syntax, text: &str, tree: &Tree, rows: &mut Rows<'_>) {
    let reader = Reader { syntax, text };
    let mut cursor = tree.walk();
    loop {
        if reader.enter(cursor.node(), rows) && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

struct Reader<'t> {
    syntax: &'t Syntax,
    text: &'t str,
}

impl<'t> Reader<'t> {
    /// Marks what a node puts out of the program; returns whether to visit its children.
    fn enter(&self, node: Node<'t>, rows: &mut Rows<'_>) -> bool {
        if node.start_position().row == node.end_position().row || !node.is_named() {
            return false;
        }
        let role = self.syntax.role(node);
        if is_comment(node, role) {
            rows.mark(node.byte_range(), State::Text);
            return false;
        }
        if is_code_in_text(node) {
            rows.mark(node.start_byte() + 1..node.end_byte(), State::Runs);
        } else if is_text(node, role) {
            rows.mark(node.byte_range(), State::Text);
        }
        match role {
            Some(Role::If { condition, then, otherwise }) => {
                self.mark_branches(node, [condition, then, otherwise], rows);
            }
            Some(Role::Unless { condition, then, otherwise }) => {
                self.mark_branches(node, [condition, otherwise, then], rows);
            }
            // The body of `do … while (0)` runs once.
            Some(Role::Loop { condition, body, .. }) if node.kind().starts_with("while_s") => {
                self.mark_branches(node, [condition, body, ""], rows);
            }
            _ if matches!(role, Some(Role::Block)) || node.kind() == "program" => self.mark_after_leaving(node, rows),
            _ => {}
        }
        true
    }

    /// Marks the branch of a known condition that is never taken.
    fn mark_branches(&self, node: Node<'t>, [condition, then, otherwise]: [&'static str; 3], rows: &mut Rows<'_>) {
        let part = |part| self.syntax.part(node, part);
        let Some(is_true) = part(condition).and_then(|condition| known(self.source(condition))) else { return };
        if let Some(never) = part(if is_true { otherwise } else { then }) {
            rows.mark(never.byte_range(), State::Never);
        }
    }

    /// Marks the statements after one that leaves their block. A label is jumped to, and a definition is there before.
    fn mark_after_leaving(&self, block: Node<'t>, rows: &mut Rows<'_>) {
        if rows.is_never_run(block.end_byte().saturating_sub(1)) {
            return;
        }
        let (mut has_left, mut is_sure) = (false, true);
        for child in block.named_children(&mut block.walk()) {
            let role = self.syntax.role(child);
            let is_definition = matches!(role, Some(Role::Function { .. } | Role::Type { .. } | Role::Scope { .. }));
            if child.kind().contains("label") || child.kind().contains("case") || child.kind().contains("default") {
                has_left = false;
            } else if has_left && !is_definition {
                rows.mark(child.byte_range(), State::Never);
            } else if is_sure && self.leaves(child) {
                has_left = true;
            }
            // `for_each(…)` before a return is a loop, and no statement of its own.
            is_sure = !child.has_error();
        }
    }

    fn leaves(&self, node: Node<'t>) -> bool {
        match self.syntax.role(node) {
            Some(Role::Leave) => true,
            Some(Role::Wrapper) => {
                node.named_child(0).is_some_and(|child| matches!(self.syntax.role(child), Some(Role::Leave)))
            }
            _ if node.kind() == "expression_statement" => {
                node.named_child(0).is_some_and(|child| matches!(self.syntax.role(child), Some(Role::Leave)))
            }
            _ if node.kind() == "command" => {
                matches!(self.source(node).split_whitespace().next(), Some("exit" | "return"))
            }
            _ => false,
        }
    }

    fn source(&self, node: Node<'t>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }
}

fn is_comment(node: Node, role: Option<Role>) -> bool {
    matches!(role, Some(Role::Comment)) || node.kind().contains("comment")
}

fn is_text(node: Node, role: Option<Role>) -> bool {
    matches!(role, Some(Role::Text))
        || matches!(node.kind(), "heredoc_body" | "uninterpreted" | "text_interpolation" | "text" | "nowdoc_body")
        || matches!(node.kind(), "template_string" | "raw_string_literal" | "raw_string" | "string_literal" | "string")
}

fn is_code_in_text(node: Node) -> bool {
    node.kind().contains("substitution")
        || node.kind().contains("interpolat") && !node.kind().contains("string") && node.kind() != "text_interpolation"
}

/// The value of a condition that is always the same.
fn known(condition: &str) -> Option<bool> {
    let mut bare = condition.trim();
    while let Some(inner) = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        bare = inner.trim();
    }
    let is_never = |part: &str| matches!(part.trim(), "0" | "false" | "False" | "FALSE" | "nil" | "null" | "None");
    let is_conjunction = !bare.contains("||") && !bare.contains(" or ") && !bare.contains(['(', ')']);
    let mut parts = bare.split("&&").flat_map(|part| part.split(" and "));
    match bare {
        "1" | "true" | "True" | "TRUE" => Some(true),
        _ => (is_never(bare) || is_conjunction && parts.any(is_never)).then_some(false),
    }
}
