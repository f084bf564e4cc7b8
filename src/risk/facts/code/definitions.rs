//! Functions, types and their members: public definitions, tests, decorators, and their scopes.

use std::rc::Rc;
use std::sync::Arc;

use tree_sitter::Node;

use super::super::{Bases, Kind, Value, cut};
use super::language::{Part, Public, Role};
use super::names::{innermost_declarator, is_verb, last_name, route};
use super::text::{spell_head, squeezed};
use super::walk::Walk;

impl<'t> Walk<'t> {
    pub fn function(&mut self, node: Node<'t>, name: Part, body: Part) {
        let name = self.name_of(node, name);
        self.define_function(node, node, name, self.part(node, body));
    }

    /// A function of that name: the definition, the end of its signature, and the scope of its names.
    pub fn define_function(&mut self, node: Node<'t>, whole: Node<'t>, name: String, body: Option<Node<'t>>) {
        let is_test = self.is_test(node, &name);
        if is_test {
            let name = self.title_of_macro(node, name.clone());
            self.tell_signature(Kind::Test, self.qualified(&name), whole, body);
        } else if self.is_public(node, &name) {
            self.tell_signature(Kind::Definition, self.qualified(&name), whole, body);
        }
        let is_macro = is_test && name.starts_with("TEST");
        let line = self.line_of_name(node, whole);
        self.scope.push(if is_macro { self.title_of_macro(node, name) } else { name });
        self.found.defined.insert(self.qualified_scope(), Bases::default());
        self.place.prefix = Rc::from("");
        self.place.opens = line;
        self.place.is_in_function = true;
        self.place.is_in_test |= is_test;
        self.place.is_part_of_whole = false;
    }

    /// The line of the name: the annotations before it may be gone while the function is still there.
    fn line_of_name(&self, node: Node<'t>, whole: Node<'t>) -> u32 {
        let name = self.part(node, "name|declarator").filter(|name| name.start_byte() >= whole.start_byte());
        *self.lines(name.unwrap_or(whole)).start()
    }

    /// The names of an anonymous function have no scope. Those of the two ways of a migration have that of their way.
    pub fn closure(&mut self, node: Node<'t>) {
        if let Some(way) = self.way_of_migration(node) {
            self.scope.push(way.to_owned());
        }
        self.place.prefix = Rc::from("");
        self.place.is_part_of_whole = false;
    }

    /// The way of a migration that an anonymous function is: `dir.down do … end`, `{ down: () => … }`.
    fn way_of_migration(&self, node: Node<'t>) -> Option<&'static str> {
        let of = *self.ancestors.last()?;
        let name = match (of.kind(), self.role(of)) {
            ("call", Some(Role::Call { .. })) if matches!(node.kind(), "do_block" | "block") => {
                self.part(of, "method").map(|name| self.raw(name))
            }
            (_, Some(Role::Named { key, .. })) => self.part(of, key).map(|key| self.raw(key)),
            _ => None,
        };
        ["up", "down"].into_iter().find(|way| name.is_some_and(|name| name.trim_matches(['"', '\'']) == *way))
    }

    pub fn type_definition(&mut self, node: Node<'t>, name: Part, body: Part) {
        let name = self.name_of(node, name);
        let is_public = self.is_public(node, &name);
        // `struct order *o` names a type, and defines none.
        let is_mention = node.kind().ends_with("_specifier") && self.part(node, body).is_none();
        if is_public && !name.is_empty() && !is_mention {
            let body = self.part(node, body).or_else(|| first_brace(node));
            self.tell_signature(Kind::Definition, self.qualified(&name), node, body);
        }
        self.open_type(node, name, is_public);
        let kind = node.kind();
        let words = self.words_before_name(node);
        self.place.hands_on = ["interface", "enum", "trait", "annotation_type"]
            .iter()
            .any(|word| kind.contains(word) || words.iter().any(|said| said == word));
    }

    pub fn named_scope(&mut self, node: Node<'t>, name: Part) {
        let name = self.name_of(node, name);
        self.place.is_in_test |= matches!(name.as_str(), "tests" | "test");
        self.open_type(node, name, true);
    }

    /// What follows in the same body is private to the type.
    pub fn hide_what_follows(&mut self) {
        self.hidden_from = Some(self.ancestors.len());
    }

    pub fn show_what_follows(&mut self) {
        self.hidden_from = None;
    }

    fn open_type(&mut self, node: Node<'t>, name: String, is_public: bool) {
        let line = self.line_of_name(node, node);
        if !name.is_empty() {
            let bases = self.bases_of(node);
            self.scope.push(name);
            self.found.defined.insert(self.qualified_scope(), bases);
        }
        self.place.prefix = Rc::from("");
        self.place.opens = line;
        self.place.depth_of_type = self.ancestors.len() + 1;
        self.place.is_in_type = true;
        self.place.is_in_function = false;
        self.place.is_public = is_public;
    }

    pub fn member(&mut self, node: Node<'t>, name: Part, value: Part) {
        let name = self.name_of(node, name);
        if self.is_public(node, &name) {
            self.tell_of(Kind::Definition, self.qualified(&name), Value::None, node);
        }
        if let Some(value) = self.part(node, value) {
            self.set(node, &name, value);
        }
    }

    fn tell_signature(&mut self, kind: Kind, object: String, node: Node<'t>, body: Option<Node<'t>>) {
        let text = spell_head(self.syntax, self.source, node, body);
        let lines = self.head_lines(node, body);
        self.tell(kind, object, Value::None, text, lines);
    }

    /// The dotted name of a definition; for a method outside its type, with the type.
    fn name_of(&self, node: Node<'t>, name: Part) -> String {
        let name = self.part(node, name).map(|name| self.dotted(innermost_declarator(name))).unwrap_or_default();
        match self.part(node, "receiver").filter(|receiver| receiver.kind() == "parameter_list") {
            Some(receiver) => format!("{}.{name}", last_word(self.raw(receiver))),
            None => name,
        }
    }

    /// With the enclosing scopes.
    pub fn qualified(&self, name: &str) -> String {
        self.scope.iter().map(String::as_str).chain([name]).collect::<Vec<_>>().join(".")
    }

    /// The names that the head of a type says after its own.
    fn bases_of(&self, node: Node<'t>) -> Bases {
        const MAX_HEAD: usize = 400;
        let Some(name) = self.part(node, "name") else { return Bases::default() };
        let body = self.part(node, "body").or_else(|| first_brace(node));
        let end = body.map_or(node.end_byte(), |body| body.start_byte()).min(name.end_byte() + MAX_HEAD);
        let mut head = self.around(name.end_byte()..end.max(name.end_byte()));
        if body.is_none() {
            head = head.split('\n').next().unwrap_or_default();
        }
        let names = head.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
        Arc::new(names.map(str::to_owned).collect())
    }

    /// The current scope.
    fn qualified_scope(&self) -> String {
        cut(self.scope.join("."))
    }

    /// Whether a definition is public.
    pub fn is_public(&self, node: Node<'t>, name: &str) -> bool {
        let is_hidden = self.hidden_from.is_some_and(|depth| self.ancestors.len() >= depth);
        if self.place.is_in_function || !self.place.is_public || is_hidden || name.is_empty() {
            return false;
        }
        let last = name.rsplit('.').next().unwrap_or(name);
        let words = || self.words_before_name(node);
        match self.syntax.language.public {
            Public::NoUnderscore => !last.starts_with('_'),
            Public::Capital => last.starts_with(char::is_uppercase),
            Public::Unless(marks) => !last.starts_with('#') && !words().iter().any(|word| marks.contains(word)),
            Public::Exported if self.place.is_in_type => {
                let words = words();
                !last.starts_with('#') && !words.contains(&"private") && !words.contains(&"protected")
            }
            Public::Exported => words().contains(&"export"),
            Public::Marked(marks) => {
                self.place.hands_on && !words().contains(&"private") || words().iter().any(|word| marks.contains(word))
            }
        }
    }

    /// The words of a statement up to the name that it defines: its modifiers.
    fn words_before_name(&self, node: Node<'t>) -> Vec<&'t str> {
        const MAX_HEAD: usize = 1_000;
        let start = self.statement(node).start_byte().min(node.start_byte());
        let name = self.part(node, "name|declarator|=variable_declaration|=identifier").unwrap_or(node);
        let end = name.start_byte().max(node.start_byte()).min(start + MAX_HEAD);
        let head = self.around(start..end);
        head.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '"')).filter(|word| !word.is_empty()).collect()
    }

    fn is_test(&self, node: Node<'t>, name: &str) -> bool {
        let last = name.rsplit('.').next().unwrap_or(name);
        let by_name = self.syntax.language.test_prefixes.iter().any(|prefix| last.starts_with(prefix));
        by_name || self.decorators_of(node).iter().any(|decorator| is_test_mark(decorator))
    }

    /// Tests of C++ are distinguished by their arguments: `TEST(Suite, Name)`.
    fn title_of_macro(&self, node: Node<'t>, name: String) -> String {
        match self.part(node, "declarator/parameters").filter(|_| name.starts_with("TEST")) {
            Some(names) => squeezed(self.raw(names)).trim_matches(['(', ')']).replace(", ", "."),
            None => name,
        }
    }

    /// Names of the decorators of a definition, in it or before it.
    fn decorators_of(&self, node: Node<'t>) -> Vec<String> {
        let mut names = Vec::new();
        for decorator in &self.decorators_before {
            self.add_decorators(*decorator, &mut names, 0);
        }
        let mut cursor = node.walk();
        let inside: Vec<Node> = node.named_children(&mut cursor).take(8).collect();
        for child in inside {
            self.add_decorators(child, &mut names, 0);
        }
        names
    }

    pub fn is_decoration(&self, node: Node<'t>) -> bool {
        matches!(self.role(node), Some(Role::Decorator { .. } | Role::Comment)) || node.kind() == "attribute_item"
    }

    fn add_decorators(&self, node: Node<'t>, names: &mut Vec<String>, depth: usize) {
        if let Some(Role::Decorator { name }) = self.role(node) {
            names.extend(self.part(node, name).map(|name| self.dotted(name)));
        } else if depth < 3 && (node.kind().contains("modifiers") || node.kind().contains("attribute")) {
            for child in self.syntax.said(node) {
                self.add_decorators(child, names, depth + 1);
            }
        }
    }

    pub fn decorator(&mut self, node: Node<'t>, name: Part) {
        let name = self.part(node, name).map(|name| self.dotted_callee(name)).unwrap_or_default();
        let decorated = self.name_of_decorated();
        self.scope.extend(decorated);
        self.place.is_part_of_whole = true;
        let text = self.text(node);
        if let Some(path) = path_in(&text).filter(|_| is_verb(last_name(&name))) {
            self.tell(Kind::Definition, route(last_name(&name), path), Value::None, text.clone(), self.lines(node));
        }
        self.tell(Kind::Decorator, name.clone(), Value::None, text, self.lines(node));
        let call = self.syntax.said(node).first().copied();
        if let Some((call, parts)) = call.and_then(|call| Some((call, self.parts_of_call(call)?))) {
            self.flag_of_call(call, &parts);
        }
        self.place.prefix = Rc::from(name);
        self.place.opens = *self.lines(node).start();
    }

    /// The name of what follows a decorator, if that is a definition.
    fn name_of_decorated(&self) -> Option<String> {
        let holder = self.ancestors.iter().rev().find(|of| !of.kind().starts_with("attribute"));
        let inside = holder.filter(|of| of.kind() != "attribute_item" && self.is_definition(**of));
        self.decorated.filter(|_| inside.is_none()).and_then(|next| self.definition_name(next))
    }

    fn is_definition(&self, node: Node<'t>) -> bool {
        matches!(self.role(node), Some(Role::Function { .. } | Role::Type { .. } | Role::Member { .. }))
    }

    fn definition_name(&self, node: Node<'t>) -> Option<String> {
        match self.role(node)? {
            Role::Function { name, .. }
            | Role::Type { name, .. }
            | Role::Scope { name }
            | Role::Member { name, .. } => Some(self.name_of(node, name)).filter(|name| !name.is_empty()),
            _ => None,
        }
    }

    /// A modifier is reported like a decorator.
    pub fn modifier(&mut self, node: Node<'t>) {
        let is_of_definition = self.ancestors.last().is_some_and(|of| of.kind() != "synchronized_statement");
        if is_of_definition {
            self.tell_of(Kind::Decorator, self.raw(node).trim_start_matches("@").to_owned(), Value::None, node);
        }
    }
}

/// The path, `/x`, in the arguments of a decorator.
fn path_in(text: &str) -> Option<&str> {
    let path = text.split('"').nth(1)?;
    path.starts_with('/').then_some(path)
}

fn is_test_mark(decorator: &str) -> bool {
    const MARKS: &[&str] = &[
        "Fact",
        "ParameterizedTest",
        "Property",
        "RepeatedTest",
        "Test",
        "TestCase",
        "TestFactory",
        "TestMethod",
        "Theory",
        "test",
        "rstest",
        "test_case",
        "quickcheck",
    ];
    MARKS.contains(&decorator.rsplit('.').next().unwrap_or(decorator))
}

/// The brace that opens a body, if the body is not a separate child.
fn first_brace(node: Node) -> Option<Node> {
    const MAX_HEAD: usize = 6;
    let mut at = Some(node);
    for _ in 0..MAX_HEAD {
        let mut cursor = at?.walk();
        let children: Vec<Node> = at?.children(&mut cursor).take(50).collect();
        if let Some(brace) = children.iter().find(|child| child.kind() == "{") {
            return Some(*brace);
        }
        at = children.last().copied();
    }
    None
}

fn last_word(text: &str) -> &str {
    let text = text.split('[').next().unwrap_or(text);
    text.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).find(|word| !word.is_empty()).unwrap_or_default()
}
