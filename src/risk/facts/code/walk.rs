//! The walk over a tree: its position, and the context for reading facts from a node.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::rc::Rc;

use tree_sitter::{Node, Tree, TreeCursor};

use super::super::{ChangedLines, Fact, Facts, Kind, MAX_FACTS, Value, cut};
use super::constants::constants;
use super::language::{Role, Syntax};
use super::text::{Spelled, part_of, spell};
use crate::risk::blast::is_test;

/// The greatest depth of a node; deeper ones are ignored.
const MAX_DEPTH: usize = 200;

/// How many bytes before and after a comment are searched for something else on its line.
const MAX_AROUND: usize = 500;
/// The most bytes of one name.
const MAX_NAME: usize = 200;

/// Reads the facts that are specific to one language from a node.
pub(super) type Special = for<'t> fn(&mut Walk<'t>, Node<'t>);

/// The position of the walk.
#[derive(Clone)]
pub(super) struct Place {
    /// The owner of keys: the callee, type or variable.
    pub prefix: Rc<str>,
    /// The line, 1-based, on which what encloses the node begins.
    pub opens: u32,
    /// How many ancestors the enclosing type, namespace or file has, including itself.
    pub depth_of_type: usize,
    pub is_in_type: bool,
    pub is_in_function: bool,
    /// Whether what encloses it is public.
    pub is_public: bool,
    /// Its members are as public as itself: an interface, an enumeration.
    pub hands_on: bool,
    pub is_in_test: bool,
    /// The calls that are part of an assertion or a decorator are not separate calls.
    pub is_part_of_whole: bool,
}

pub(super) struct Walk<'t> {
    pub syntax: &'t Syntax,
    /// What is specific to this language.
    special: Special,
    pub source: &'t str,
    pub changed: &'t ChangedLines,
    pub found: Facts,
    pub scope: Vec<String>,
    pub place: Place,
    /// The ancestors of the current node, outermost first.
    pub ancestors: Vec<Node<'t>>,
    /// The number of ancestors of the members that are private from here on.
    pub hidden_from: Option<usize>,
    /// Decorators and comments before the current node.
    pub decorators_before: Vec<Node<'t>>,
    /// What follows the current decorators.
    pub decorated: Option<Node<'t>>,
    /// In how many commands the text is nested.
    pub nesting: u8,
    /// Constants of this text, with their values.
    pub constants: BTreeMap<&'t str, &'t str>,
}

/// Whether a file contains tests, by its name.
pub(super) fn is_of_tests(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let words = name.split(|c: char| !c.is_alphanumeric()).map(str::to_ascii_lowercase);
    let is_named = words.into_iter().any(|word| matches!(word.as_str(), "test" | "tests" | "spec" | "specs"));
    is_test(path) || is_named || name.contains("Test")
}

/// The facts of a tree on the lines that changed.
pub(super) fn walk(
    language: (&Syntax, Special),
    source: &str,
    tree: &Tree,
    changed: &ChangedLines,
    is_of_tests: bool,
) -> Facts {
    walk_in(language, source, tree, changed, is_of_tests, 0)
}

/// The same for a text nested in this many commands.
pub(super) fn walk_in(
    (syntax, special): (&Syntax, Special),
    source: &str,
    tree: &Tree,
    changed: &ChangedLines,
    is_of_tests: bool,
    nesting: u8,
) -> Facts {
    let place = Place {
        prefix: Rc::from(""),
        opens: 0,
        depth_of_type: 0,
        is_in_type: false,
        is_in_function: false,
        is_public: true,
        hands_on: false,
        is_in_test: is_of_tests,
        is_part_of_whole: false,
    };
    let mut walk = Walk {
        syntax,
        special,
        source,
        changed,
        found: Facts::default(),
        scope: Vec::new(),
        place,
        ancestors: Vec::new(),
        hidden_from: None,
        decorators_before: Vec::new(),
        decorated: None,
        nesting,
        constants: constants(source),
    };
    walk.visit(&mut tree.walk());
    walk.found
}

impl<'t> Walk<'t> {
    pub fn visit(&mut self, cursor: &mut TreeCursor<'t>) {
        let node = cursor.node();
        if !self.changed.touch(&self.lines(node)) {
            return;
        }
        if self.ancestors.len() >= MAX_DEPTH || self.found.facts.len() > MAX_FACTS {
            self.found.is_cut = true;
            return;
        }
        let (place, scope) = (self.place.clone(), self.scope.len());
        if self.enter(node) {
            self.children(node, cursor);
        }
        self.place = place;
        self.scope.truncate(scope);
    }

    fn children(&mut self, node: Node<'t>, cursor: &mut TreeCursor<'t>) {
        if !cursor.goto_first_child() {
            return;
        }
        self.ancestors.push(node);
        let hidden_from = self.hidden_from;
        let mut before = Vec::new();
        loop {
            self.look_around(cursor, &mut before);
            self.visit(cursor);
            if !cursor.goto_next_sibling() {
                break;
            }
        }
        self.ancestors.pop();
        self.hidden_from = hidden_from;
        cursor.goto_parent();
    }

    /// Records the decorators before a node, and what follows a decorator: querying the tree for the siblings of each
    /// node takes quadratic time.
    fn look_around(&mut self, cursor: &TreeCursor<'t>, before: &mut Vec<Node<'t>>) {
        let node = cursor.node();
        if !node.is_named() || self.ancestors.last().is_some_and(|of| of.kind() == "attribute_item") {
            return;
        }
        if !self.is_decoration(node) {
            self.decorators_before = std::mem::take(before);
            return;
        }
        if before.is_empty() {
            let mut ahead = cursor.clone();
            while (self.is_decoration(ahead.node()) || !ahead.node().is_named()) && ahead.goto_next_sibling() {}
            self.decorated = Some(ahead.node()).filter(|node| !self.is_decoration(*node));
        }
        before.push(node);
    }

    /// Reads facts from a node and sets the context of its children; returns whether to visit them.
    fn enter(&mut self, node: Node<'t>) -> bool {
        (self.special)(self, node);
        let Some(role) = self.syntax.role(node) else { return true };
        match role {
            Role::Comment => self.comment(node),
            Role::Text => self.literal(node),
            Role::Call { receiver, name, arguments } => self.call(node, receiver, name, arguments),
            Role::Literal { name } => self.literal_of_type(node, name),
            Role::Named { key, value } => self.named(node, key, value),
            Role::Shorthand => self.shorthand(node),
            Role::List => self.list(node),
            Role::Assignment { target, value } => self.assignment(node, target, value),
            Role::Parameter { name, value } => self.parameter(node, name, value),
            Role::Choice { left, right } => self.choice(node, left, right),
            Role::Function { name, body } => self.function(node, name, body),
            Role::Closure { .. } => self.closure(node),
            Role::Type { name, body } => self.type_definition(node, name, body),
            Role::Scope { name } => self.named_scope(node, name),
            Role::Member { name, value } => self.member(node, name, value),
            Role::If { condition, then, otherwise } => self.condition(node, [condition, then, otherwise], false),
            Role::Unless { condition, then, otherwise } => self.condition(node, [condition, then, otherwise], true),
            Role::Loop { condition, over, body } => self.repetition(node, condition, over, body),
            Role::Handler { caught, body } => self.handler(node, caught, body),
            Role::Decorator { name } => self.decorator(node, name),
            Role::Modifier => self.modifier(node),
            Role::Hold { word, subject } => self.hold(node, word, subject),
            Role::Assert { condition } => self.assertion(node, condition),
            Role::Path | Role::Index | Role::Wrapper | Role::Map | Role::Block | Role::Leave => {}
        }
        !matches!(role, Role::Comment)
    }

    pub fn part(&self, node: Node<'t>, part: &'static str) -> Option<Node<'t>> {
        self.syntax.part(node, part)
    }

    pub fn role(&self, node: Node<'t>) -> Option<Role> {
        self.syntax.role(node)
    }

    pub fn lines(&self, node: Node) -> RangeInclusive<u32> {
        self.line(node.start_position().row)..=self.line(last_row(node))
    }

    /// The lines of a node up to its body.
    pub fn head_lines(&self, node: Node, body: Option<Node>) -> RangeInclusive<u32> {
        let Some(body) = body.filter(|body| body.start_byte() > node.start_byte()) else { return self.lines(node) };
        let head = self.around(node.start_byte()..body.start_byte()).trim_end();
        let first = node.start_position().row;
        self.line(first)..=self.line(first + head.matches('\n').count())
    }

    /// The number, 1-based, of a row.
    pub fn line(&self, row: usize) -> u32 {
        u32::try_from(row).unwrap_or(u32::MAX - 1).saturating_add(1)
    }

    /// The source text of a node.
    pub fn raw(&self, node: Node) -> &'t str {
        self.around(node.byte_range())
    }

    pub fn spelled(&self, node: Node<'t>) -> Spelled {
        spell(self.syntax, self.source, node, None)
    }

    pub fn text(&self, node: Node<'t>) -> String {
        self.spelled(node).text
    }

    /// Adds a fact on these lines.
    pub fn tell(&mut self, kind: Kind, object: String, value: Value, text: String, lines: RangeInclusive<u32>) {
        if object.is_empty() || !self.changed.touch(&lines) {
            return;
        }
        let (object, scope) = (cut(object), cut(self.scope.join(".")));
        self.found.facts.push(Fact { kind, object, value, text, scope, lines, opens: self.place.opens });
    }

    /// Adds a fact that a whole node states.
    pub fn tell_of(&mut self, kind: Kind, object: String, value: Value, node: Node<'t>) {
        let text = self.text(node);
        let lines = self.lines(node);
        self.tell(kind, object, value, text, lines);
    }

    /// The text of a range of bytes.
    pub fn around(&self, range: Range<usize>) -> &'t str {
        part_of(self.source, range)
    }

    /// The lines of a comment that contain nothing else.
    pub fn comment(&mut self, node: Node<'t>) {
        let lines = self.lines(node);
        let before = self.around(node.start_byte().saturating_sub(MAX_AROUND)..node.start_byte());
        let before = before.rsplit('\n').next().unwrap_or_default();
        let after = self.around(node.end_byte()..node.end_byte() + MAX_AROUND).split('\n').next().unwrap_or_default();
        let begins = lines.start() + u32::from(!before.trim().is_empty());
        let ends_blank = after.trim().is_empty() || self.raw(node).ends_with('\n');
        let ends = (lines.end() + 1).saturating_sub(u32::from(!ends_blank));
        self.found.comments.extend(begins..ends);
    }

    /// The names of a node, joined by dots; from the last call on, if it contains one.
    pub fn dotted(&self, node: Node<'t>) -> String {
        let mut names = Vec::new();
        self.add_names(node, &mut names, 0);
        cut(names.join("."))
    }

    fn add_names(&self, node: Node<'t>, names: &mut Vec<String>, depth: usize) -> bool {
        let fits = depth < MAX_DEPTH && self.add_names_of(node, names, depth);
        if !fits {
            names.clear();
        }
        fits
    }

    fn add_names_of(&self, node: Node<'t>, names: &mut Vec<String>, depth: usize) -> bool {
        match self.role(node) {
            Some(Role::Path) => {
                let mut cursor = node.walk();
                let children: Vec<Node<'t>> = node.children(&mut cursor).collect();
                let parts =
                    children.into_iter().filter(|part| part.is_named() || matches!(part.kind(), "this" | "base"));
                let parts = parts.filter(|part| !part.kind().contains("argument") && !part.kind().contains("comment"));
                let parts = parts.filter(|part| !matches!(part.kind(), "optional_chain" | "type_parameters"));
                parts.fold(false, |_, part| self.add_names(part, names, depth + 1) || !names.is_empty())
            }
            Some(Role::Index) => {
                let parts = self.syntax.said(node);
                let fits = parts.first().is_some_and(|of| self.add_names(*of, names, depth + 1));
                let index = parts.last().filter(|index| matches!(self.role(**index), Some(Role::Text)));
                names.extend(index.map(|index| short(&self.content(*index))));
                fits
            }
            Some(Role::Wrapper) => {
                let inner = self.syntax.said(node).first().copied();
                inner.is_some_and(|inner| self.add_names(inner, names, depth + 1))
            }
            Some(Role::Call { receiver, name, arguments }) if self.is_bare(node, arguments) => {
                let of = self.part(node, receiver);
                if let Some(of) = of {
                    self.add_names(of, names, depth + 1);
                }
                self.part(node, name).is_some_and(|name| self.add_names(name, names, depth + 1))
            }
            Some(Role::Shorthand) | None if node.named_child_count() == 0 || is_name_of_php(node) => {
                self.add_name(node, names)
            }
            _ => false,
        }
    }

    fn add_name(&self, node: Node<'t>, names: &mut Vec<String>) -> bool {
        let name = self.raw(node).trim_start_matches(['$', '@', ':', '&', '*', '\\']).trim_end_matches(':');
        let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '#');
        if is_name {
            names.push(short(name));
        }
        is_name
    }

    /// A call without arguments and brackets, as in Ruby: it looks like a name.
    pub fn is_bare(&self, node: Node<'t>, arguments: &'static str) -> bool {
        node.kind() == "call"
            && self.part(node, arguments).is_none()
            && self.part(node, "block").is_none()
            && self.part(node, "method").is_some()
    }

    /// The equivalent node, without parentheses and other wrappers.
    pub fn bare<'n>(&self, mut node: Node<'n>) -> Node<'n> {
        for _ in 0..MAX_DEPTH {
            if !matches!(self.syntax.role(node), Some(Role::Wrapper)) {
                break;
            }
            match self.syntax.said(node).first() {
                Some(inner) => node = *inner,
                None => break,
            }
        }
        node
    }

    /// The child of the enclosing type or file that is, or contains, the current node.
    pub fn statement(&self, node: Node<'t>) -> Node<'t> {
        let is_in_body = self.place.depth_of_type > 0;
        let at = self.place.depth_of_type + usize::from(is_in_body);
        self.ancestors.get(at.max(1)).copied().unwrap_or(node)
    }
}

/// At most [`MAX_NAME`] bytes of it.
pub(super) fn short(name: &str) -> String {
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    name[..end].to_owned()
}

fn is_name_of_php(node: Node) -> bool {
    node.kind() == "variable_name"
}

/// A node that ends with its line ends there, not on the next one.
fn last_row(node: Node) -> usize {
    let (start, end) = (node.start_position(), node.end_position());
    if end.column == 0 && end.row > start.row { end.row - 1 } else { end.row }
}
