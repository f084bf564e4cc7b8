//! The text of a node in a canonical form, without anything that formatters change.

use std::ops::Range;

use tree_sitter::{Node, TreeCursor};

use super::super::{MAX_TEXT, cut};
use super::language::{Role, Syntax};

/// A text, at most [`MAX_TEXT`] bytes.
#[derive(Debug, Default)]
pub(super) struct Spelled {
    pub text: String,
    /// The row, 0-based, on which the first omitted body of a function begins: `{ … }`.
    pub left_out: Option<usize>,
}

/// The node without comments; blanks, trailing commas, semicolons, needless parentheses and equivalent quotes are
/// normalised, and bodies of functions in it are omitted. Ends before a node, if one is given.
pub(super) fn spell(syntax: &Syntax, source: &str, node: Node, end: Option<Node>) -> Spelled {
    Writer::new(syntax, source).whole(node, end)
}

/// The text of a definition up to its body, without its decorators.
pub(super) fn spell_head(syntax: &Syntax, source: &str, node: Node, body: Option<Node>) -> String {
    let mut writer = Writer::new(syntax, source);
    writer.is_plain = true;
    writer.whole(node, body).text
}

/// Replaces each run of blanks by one, and trims the ends.
pub(super) fn squeezed(text: &str) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > MAX_TEXT {
            break;
        }
    }
    cut(out)
}

/// The text of a range of bytes, shortened to whole characters, since grammars work on bytes.
pub(super) fn part_of(source: &str, range: Range<usize>) -> &str {
    let end = (0..=range.end.min(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
    let start = (range.start..end).find(|at| source.is_char_boundary(*at)).unwrap_or(end);
    &source[start..end]
}

struct Writer<'a, 't> {
    syntax: &'a Syntax,
    source: &'a str,
    out: Line,
    parents: Vec<Node<'t>>,
    /// Brackets to write when a node ends, each with the number of its parents.
    closers: Vec<(usize, &'static str)>,
    left_out: Option<usize>,
    /// Decorators are left out.
    is_plain: bool,
}

impl<'a, 't> Writer<'a, 't> {
    fn new(syntax: &'a Syntax, source: &'a str) -> Writer<'a, 't> {
        let (parents, closers) = (Vec::new(), Vec::new());
        Writer { syntax, source, out: Line::default(), parents, closers, left_out: None, is_plain: false }
    }

    fn whole(mut self, node: Node<'t>, end: Option<Node>) -> Spelled {
        self.write(node, end.map_or(usize::MAX, |end| end.start_byte()));
        Spelled { text: cut(self.out.text), left_out: self.left_out }
    }

    fn write(&mut self, node: Node<'t>, end: usize) {
        let mut cursor = node.walk();
        loop {
            let at = cursor.node();
            if at.start_byte() >= end || self.out.text.len() > MAX_TEXT {
                return;
            }
            if self.goes_in(at, &cursor) && cursor.goto_first_child() {
                self.parents.push(at);
            } else if !self.goes_on(&mut cursor) {
                return;
            }
        }
    }

    fn goes_on(&mut self, cursor: &mut TreeCursor<'t>) -> bool {
        loop {
            while self.closers.last().is_some_and(|(depth, _)| *depth == self.parents.len()) {
                let closer = self.closers.pop().map_or("", |(_, closer)| closer);
                self.out.push(closer, Spacing::CLOSER);
            }
            if self.parents.is_empty() {
                return false;
            }
            if cursor.goto_next_sibling() {
                return true;
            }
            cursor.goto_parent();
            self.parents.pop();
        }
    }

    /// Returns whether its children must be written; writes nodes that are written as a whole.
    fn goes_in(&mut self, node: Node<'t>, cursor: &TreeCursor<'t>) -> bool {
        match self.syntax.role(node) {
            Some(Role::Comment) => return false,
            Some(Role::Decorator { .. }) if self.is_plain => return false,
            _ if self.is_plain && matches!(node.kind(), "attribute_list" | "attribute_declaration") => return false,
            Some(Role::Text) => {
                let text = self.literal(node, cursor);
                self.out.push(&text, Spacing::WORD);
                return false;
            }
            _ if node.is_missing() || node.kind() == "line_continuation" => return false,
            // `"$DIR"/x` is one word of a shell: with a blank in it, it would be two.
            _ if node.kind() == "concatenation" => {
                self.out.push(part_of(self.source, node.byte_range()), Spacing::WORD);
                return false;
            }
            _ => {}
        }
        let is_lambda = matches!(self.syntax.role(node), Some(Role::Closure { body: "" })) && !self.parents.is_empty();
        if is_lambda || self.is_body_of_closure(node) {
            self.left_out.get_or_insert(node.start_position().row);
            self.out.push(if self.syntax.said(node).is_empty() { "{}" } else { "{ … }" }, Spacing::WORD);
            return false;
        }
        self.opens_bracket(node, cursor);
        if node.child_count() == 0 {
            self.token(node);
        }
        true
    }

    /// A block of statements that is the body of a function within the written node.
    fn is_body_of_closure(&self, node: Node<'t>) -> bool {
        let Some(parent) = self.parents.last() else { return false };
        match self.syntax.role(*parent) {
            Some(Role::Closure { body } | Role::Function { body, .. }) => {
                let is_body = self.syntax.part(*parent, body).is_some_and(|body| body == node);
                is_body && (matches!(self.syntax.role(node), Some(Role::Block)) || node.kind().contains("body"))
            }
            _ => false,
        }
    }

    /// Brackets that only some formatters write: around the arguments of a call of Ruby, and around the only parameter
    /// of an arrow function.
    fn opens_bracket(&mut self, node: Node<'t>, cursor: &TreeCursor<'t>) {
        let is_bare_list = node.kind() == "argument_list" && node.child(0).is_some_and(|first| first.kind() != "(");
        let is_lone = cursor.field_name() == Some("parameter") && node.kind() == "identifier";
        let is_of_call = |parent: &Node| matches!(parent.kind(), "call" | "arrow_function");
        if (is_bare_list || is_lone) && self.parents.last().is_some_and(is_of_call) {
            self.out.push("(", if is_bare_list { Spacing::TIGHT } else { Spacing::OPENER });
            self.closers.push((self.parents.len(), ")"));
        }
    }

    fn token(&mut self, node: Node<'t>) {
        let text = part_of(self.source, node.byte_range());
        let needless = text == ";" || (text == "(" || text == ")") && self.is_needless_parenthesis();
        if needless || text.trim().is_empty() {
            return;
        }
        let spacing = self.spacing(node, text);
        match text.contains(char::is_whitespace) {
            true => self.out.push(&squeezed(text), spacing),
            false => self.out.push(text, spacing),
        }
    }

    /// Needless parentheses.
    fn is_needless_parenthesis(&self) -> bool {
        let parents = self.parents.as_slice();
        let [.., outer, inner] = parents else {
            return parents.first().is_some_and(|only| is_parenthesised(*only) && !is_tuple(*only));
        };
        is_parenthesised(*inner) && (self.is_atom(*inner) || !binds(*outer, *inner))
    }

    /// The content of the parentheses is a unit without them.
    fn is_atom(&self, parentheses: Node<'t>) -> bool {
        let only = self.syntax.said(parentheses);
        let [only] = only.as_slice() else { return false };
        let role = self.syntax.role(*only);
        only.child_count() == 0 || matches!(role, Some(Role::Path | Role::Call { .. } | Role::Index | Role::Text))
    }

    fn spacing(&self, node: Node<'t>, text: &str) -> Spacing {
        let Some(parent) = self.parents.last() else { return Spacing::of(text) };
        let is_word = text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let has_two = parent.child_count() == 2 && !node.is_named() && !is_word;
        let is_first = node.start_byte() == parent.start_byte();
        let role = self.syntax.role(*parent);
        let joins = matches!(text, "." | "?." | "::" | "->" | "?->" | "!!" | "&.")
            && matches!(role, Some(Role::Path | Role::Call { .. } | Role::Index | Role::Wrapper));
        let is_keyword_argument = text == "=" && matches!(parent.kind(), "keyword_argument" | "default_parameter");
        let is_macro = text == "!" && parent.kind() == "macro_invocation";
        let kind = parent.kind();
        let is_generic = matches!(text, "<" | ">") && (kind.contains("type_") || kind.contains("template_"));
        let is_tight = joins
            || is_keyword_argument
            || is_macro
            || text == "?" && kind == "conditional_access_expression"
            || text == "=" && kind == "variable_assignment";
        match text {
            "[" | "]" if kind == "test_command" => Spacing::WORD,
            _ if is_tight => Spacing::TIGHT,
            "<" if is_generic => Spacing::TIGHT,
            ">" if is_generic => Spacing::CLOSER,
            "(" | "[" if self.follows_name(node) => Spacing::TIGHT,
            _ if has_two && is_first && PREFIXES.contains(&text) => Spacing::OPENER,
            _ if has_two && !is_first && !matches!(text, "}" | "]" | ")" | "{") => Spacing::CLOSER,
            _ if is_word && node.is_named() => Spacing::WORD,
            _ if is_word => Spacing::KEYWORD,
            _ => Spacing::of(text),
        }
    }

    /// The bracket of arguments, of an index, of parameters.
    fn follows_name(&self, node: Node<'t>) -> bool {
        !self.out.ends_keyword
            && self.out.text.ends_with(|c: char| c.is_alphanumeric() || "_)]>!?\"".contains(c))
            && !node.is_named()
    }

    /// A literal text with canonical quotes; as a key, without quotes if it is a name.
    fn literal(&self, node: Node<'t>, cursor: &TreeCursor<'t>) -> String {
        let text = squeezed(part_of(self.source, node.byte_range()));
        if !self.syntax.language.has_alike_quotes {
            return text;
        }
        let is_of_object = node.named_child(0).is_some_and(|first| first.kind() == "string_fragment")
            && cursor.field_name() == Some("key");
        let quoted = with_double_quotes(&text);
        match quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(name) if is_of_object && is_name(name) => name.to_owned(),
            _ => quoted,
        }
    }
}

/// Prefix operators.
const PREFIXES: &[&str] =
    &["!", "~", "-", "+", "&", "*", "**", "...", "..", "++", "--", "@", "#", "$", "^", "::", "<-", "\\"];

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_') && chars.all(|c| c.is_alphanumeric() || c == '_')
}

/// `'a'` as `"a"`, if nothing in it would need different escapes.
fn with_double_quotes(text: &str) -> String {
    let prefix = text.find('\'').unwrap_or(0);
    let is_prefix = text[..prefix].chars().all(|c| c.is_ascii_alphabetic());
    let rest = &text[prefix..];
    let quote = if rest.starts_with("'''") { "'''" } else { "'" };
    let inner = rest.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    match inner.filter(|inner| is_prefix && prefix <= 2 && !inner.contains(['"', '\'', '\\', '$', '#'])) {
        Some(inner) => {
            let double = quote.replace('\'', "\"");
            format!("{}{double}{inner}{double}", text[..prefix].to_ascii_lowercase())
        }
        None => text.to_owned(),
    }
}

fn is_parenthesised(node: Node) -> bool {
    matches!(node.kind(), "parenthesized_expression" | "parenthesized_statements" | "condition_clause")
}

fn is_tuple(node: Node) -> bool {
    node.named_child_count() != 1
}

/// Whether the context of parentheses would bind to a part of their content.
fn binds(outer: Node, inner: Node) -> bool {
    const OPERATORS: &[&str] = &[
        "as_",
        "attribute",
        "await",
        "binary",
        "boolean_operator",
        "call",
        "cast",
        "comparison",
        "conditional",
        "field_",
        "index",
        "infix",
        "instanceof",
        "invocation",
        "member",
        "navigation",
        "non_null",
        "not_operator",
        "postfix",
        "prefix",
        "range",
        "selector",
        "spread",
        "subscript",
        "ternary",
        "try_expression",
        "type_",
        "unary",
        "update",
    ];
    let is_operator = OPERATORS.iter().any(|word| outer.kind().contains(word));
    is_operator && !(operator(outer) == Some("||") && inner.named_child(0).and_then(operator) == Some("&&"))
}

/// The symbol between two operands.
fn operator<'t>(node: Node<'t>) -> Option<&'t str> {
    (node.child_count() == 3).then(|| node.child(1).map(|middle| middle.kind()))?
}

/// Whether there are blanks before and after a token.
#[derive(Clone, Copy)]
struct Spacing {
    before: bool,
    after: bool,
    is_keyword: bool,
}

impl Spacing {
    const WORD: Spacing = Spacing { before: true, after: true, is_keyword: false };
    const KEYWORD: Spacing = Spacing { before: true, after: true, is_keyword: true };
    const OPENER: Spacing = Spacing { before: true, after: false, is_keyword: false };
    const CLOSER: Spacing = Spacing { before: false, after: true, is_keyword: false };
    const TIGHT: Spacing = Spacing { before: false, after: false, is_keyword: false };

    fn of(text: &str) -> Spacing {
        match text {
            "(" | "[" | "@" | "#" | "#[" | "${" | "$" => Spacing::OPENER,
            ")" | "]" | "," | ":" => Spacing::CLOSER,
            "." | "?." | "::" | ".." | "..=" | "..." => Spacing::TIGHT,
            _ => Spacing::WORD,
        }
    }
}

/// Tokens, joined.
#[derive(Default)]
struct Line {
    text: String,
    is_tight: bool,
    ends_keyword: bool,
}

impl Line {
    fn push(&mut self, token: &str, spacing: Spacing) {
        if matches!(token, ")" | "]" | "}" | ">") && self.text.ends_with(',') {
            self.text.pop();
        }
        let is_empty_block = token == "}" && self.text.ends_with('{');
        if spacing.before && !self.is_tight && !self.text.is_empty() && !is_empty_block {
            self.text.push(' ');
        }
        self.text.push_str(token);
        self.is_tight = !spacing.after;
        self.ends_keyword = spacing.is_keyword;
    }
}
