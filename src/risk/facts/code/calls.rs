//! Calls: callees and arguments, and calls with a conventional meaning: tests, assertions, guards, loops, locks.

use std::ops::RangeInclusive;
use std::rc::Rc;

use tree_sitter::Node;

use super::super::{Kind, Value};
use super::language::{Part, Role};
use super::names::{is_assertion, is_environment, is_plain_assert, is_verb, last_name, route};
use super::text::spell;
use super::walk::{Walk, short};

/// How many links of a chain of calls are followed.
const MAX_CHAIN: usize = 200;

/// A call taken apart.
pub(super) struct Parts<'t> {
    /// Its names joined by dots, after the last call in it.
    pub callee: String,
    /// The call on whose result this one is made.
    pub receiver: Option<Node<'t>>,
    pub arguments: Vec<Node<'t>>,
    /// The start of its own names.
    begins: Node<'t>,
}

impl<'t> Walk<'t> {
    pub fn parts_of_call(&self, node: Node<'t>) -> Option<Parts<'t>> {
        let Some(Role::Call { receiver, name, arguments }) = self.role(node) else { return None };
        let name = self.part(node, name)?;
        let receiver = self.part(node, receiver).or_else(|| self.receiver_in(name));
        let is_of_call = receiver.is_some_and(|of| self.is_call(of));
        let callee = match self.part(node, receiver_part(self.role(node))) {
            Some(of) if !is_of_call => [self.dotted(of), self.dotted_callee(name)].join("."),
            _ => self.dotted_callee(name),
        };
        let callee = callee.trim_matches('.').to_owned() + if node.kind() == "macro_invocation" { "!" } else { "" };
        let arguments = self.part(node, arguments).map(|list| self.arguments_in(list)).unwrap_or_default();
        let begins = if is_of_call { self.last_name(name) } else { node };
        Some(Parts { callee, receiver: receiver.filter(|_| is_of_call), arguments, begins })
    }

    fn arguments_in(&self, list: Node<'t>) -> Vec<Node<'t>> {
        let is_opaque = list.kind() == "token_tree";
        if is_opaque { Vec::new() } else { self.syntax.said(list) }
    }

    /// The names of a callee, or of a decorator that is called.
    pub fn dotted_callee(&self, node: Node<'t>) -> String {
        match self.role(node) {
            Some(Role::Call { receiver, name, .. }) => {
                let of = self.part(node, receiver).map(|of| self.dotted(of));
                let name = self.part(node, name).map(|name| self.dotted(name)).unwrap_or_default();
                of.map_or(name.clone(), |of| format!("{of}.{name}"))
            }
            _ => self.dotted(node),
        }
    }

    /// The node from which the names of a callee are taken.
    fn receiver_in(&self, name: Node<'t>) -> Option<Node<'t>> {
        let mut at = name;
        for _ in 0..MAX_CHAIN {
            at = match self.role(at)? {
                Role::Path | Role::Index | Role::Wrapper => *self.syntax.said(at).first()?,
                _ => return Some(at),
            };
        }
        None
    }

    fn is_call(&self, node: Node<'t>) -> bool {
        match self.role(self.bare(node)) {
            Some(Role::Call { arguments, .. }) => !self.is_bare(self.bare(node), arguments),
            _ => false,
        }
    }

    fn last_name(&self, name: Node<'t>) -> Node<'t> {
        match self.role(name) {
            Some(Role::Path) => self.syntax.said(name).last().copied().unwrap_or(name),
            Some(Role::Wrapper) => self.syntax.said(name).first().map_or(name, |inner| self.last_name(*inner)),
            _ => name,
        }
    }

    pub fn call(&mut self, node: Node<'t>, receiver: Part, name: Part, arguments: Part) {
        let _ = receiver;
        if self.is_bare(node, arguments) && self.ancestors.last().is_some_and(|of| self.reads_as_name(*of, node)) {
            return;
        }
        let is_called_again =
            self.part(node, name).is_some_and(|name| matches!(self.role(name), Some(Role::Call { .. })));
        let Some(parts) = self.parts_of_call(node).filter(|parts| !parts.callee.is_empty()) else { return };
        if is_called_again {
            // `describe.skipIf(x)("a", …)`.
            let text = self.text(node);
            self.test_of_call(node, &parts, &text);
            return;
        }
        let (text, lines) = self.own_text(node, &parts);
        if self.place.is_part_of_whole {
            self.open(node, &parts.callee);
            return;
        }
        if self.assertion_of_call(node, &parts) || self.test_of_call(node, &parts, &text) {
            return;
        }
        self.guard_of_call(&parts, &text, &lines);
        self.loop_of_call(node, &parts, &text, &lines);
        self.swallowed_by_call(node, &parts, &text, &lines);
        self.environment_of_call(node, &parts);
        self.flag_of_call(node, &parts);
        self.bulk_of_call(node, &parts, &lines);
        self.commands_of_call(node, &parts);
        self.route_of_call(node, &parts, &text, &lines);
        self.failure_of_call(node, &parts);
        let value = self.only_value(&parts);
        let is_declaration = self.is_declaration(node, &parts);
        let kind = if is_declaration { Kind::Decorator } else { Kind::Call };
        self.tell(kind, parts.callee.clone(), value, text, lines);
        self.positional(node, &parts);
        self.option_of_call(node, &parts);
        self.wait_of_call(node, &parts);
        // What is frozen is still what the variable is called.
        if !matches!(last_name(&parts.callee), "freeze" | "deep_freeze" | "deepFreeze") {
            self.place.prefix = Rc::from(parts.callee.as_str());
        }
        self.place.opens = self.line(parts.begins.start_position().row);
    }

    /// Whether a call without arguments is only a part of a longer name.
    fn reads_as_name(&self, of: Node<'t>, node: Node<'t>) -> bool {
        match self.role(of) {
            Some(Role::Call { receiver, .. }) => self.part(of, receiver) == Some(node),
            Some(Role::Assignment { target, .. }) => self.part(of, target) == Some(node),
            _ => false,
        }
    }

    /// The text of a call without the calls before it in a chain, and its lines.
    fn own_text(&self, node: Node<'t>, parts: &Parts<'t>) -> (String, RangeInclusive<u32>) {
        let spelled = spell(self.syntax, self.source, node, None);
        let first = self.line(parts.begins.start_position().row);
        let end = *self.lines(node).end();
        let last = spelled.left_out.map_or(end, |row| self.line(row)).clamp(first, end.max(first));
        let is_whole = parts.begins == node;
        let text = if is_whole { spelled.text } else { self.text_from(node, parts) };
        (text, first..=last)
    }

    fn text_from(&self, node: Node<'t>, parts: &Parts<'t>) -> String {
        let list = match self.role(node) {
            Some(Role::Call { arguments, .. }) => self.part(node, arguments),
            _ => None,
        };
        let arguments = list.map(|list| self.text(list)).unwrap_or_default();
        let brackets =
            if arguments.starts_with('(') || arguments.is_empty() { arguments } else { format!("({arguments})") };
        super::super::cut(format!("{}{brackets}", parts.callee))
    }

    /// The value of the last literal argument.
    fn only_value(&self, parts: &Parts<'t>) -> Value {
        let values = parts.arguments.iter().rev().filter(|argument| !self.has_name(**argument));
        let values = values.filter(|argument| self.unit(**argument).is_none());
        let key = if matches!(last_name(&parts.callee), "min" | "max") { "" } else { parts.callee.as_str() };
        let values = values.map(|argument| (self.value(*argument, key), *argument));
        let mut literal = values.filter(|(value, argument)| self.is_literal(*argument, value));
        literal.next().map_or(Value::None, |(value, _)| value)
    }

    pub fn has_name(&self, argument: Node<'t>) -> bool {
        match self.role(argument) {
            Some(Role::Named { key, value }) => {
                let (key, value) = (self.part(argument, key), self.part(argument, value));
                key.is_some() && value.is_some() && key != value
            }
            _ => false,
        }
    }

    /// Literal arguments by their index; a single one also as the value of the callee.
    fn positional(&mut self, node: Node<'t>, parts: &Parts<'t>) {
        let begins = *self.lines(node).start();
        let outer = std::mem::replace(&mut self.place.opens, begins);
        for (place, argument) in parts.arguments.iter().enumerate() {
            // `10, TimeUnit.SECONDS` is one value.
            if place > 0 && self.unit(*argument).is_some() {
                continue;
            }
            let unit = parts.arguments.get(place + 1).and_then(|next| self.unit(*next));
            // In `Math.min(…)` the name is no unit.
            let key = if matches!(last_name(&parts.callee), "min" | "max") { "" } else { parts.callee.as_str() };
            let value = match (self.value(*argument, key), unit) {
                (Value::Number(count), Some(seconds)) => Value::Duration(count * seconds),
                (value, _) => value,
            };
            if let Some(said) = self.decision(&parts.callee, *argument) {
                let object = format!("{}.#{}", parts.callee, place + 1);
                let text = format!("{}: {said}", parts.callee);
                self.tell(Kind::Setting, object, Value::Expression(said), text, self.lines(*argument));
            }
            if self.has_name(*argument) || !self.is_literal(*argument, &value) {
                continue;
            }
            if parts.arguments.len() == 1 + usize::from(unit.is_some()) && value.is_known() {
                self.tell_of(Kind::Setting, parts.callee.clone(), value.clone(), *argument);
            }
            self.tell_of(Kind::Setting, format!("{}.#{}", parts.callee, place + 1), value, *argument);
        }
        self.place.opens = outer;
    }

    /// `curl_easy_setopt(handle, CURLOPT_TIMEOUT, 5L)`, `factory.setProperty("a.b", "c")`: the last argument is the
    /// value of the one before it.
    fn option_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>) {
        let [.., key, value] = parts.arguments.as_slice() else { return };
        let (key, value) = (self.bare(self.of_argument(*key)), *value);
        if !sets_options(&parts.callee) || self.has_name(value) {
            return;
        }
        let name = match self.text_of(key) {
            Some(text) if !text.is_empty() && !text.contains(char::is_whitespace) => text,
            Some(_) => return,
            None => last_name(&self.dotted(key)).to_owned(),
        };
        if name.is_empty() {
            return;
        }
        let object = format!("{}.{name}", parts.callee);
        let said = self.value(value, &object);
        let begins = *self.lines(node).start();
        let outer = std::mem::replace(&mut self.place.opens, begins);
        self.tell_of(Kind::Setting, object, said, value);
        self.place.opens = outer;
    }

    /// The seconds of a unit of time that is an argument of its own: `TimeUnit.SECONDS`.
    fn unit(&self, argument: Node<'t>) -> Option<f64> {
        let name = self.dotted(argument);
        let unit = ["TimeUnit.", "ChronoUnit.", "DurationUnit."].iter().find_map(|of| name.strip_prefix(of))?;
        super::super::value::seconds(&unit.to_ascii_lowercase())
    }

    /// `os.getenv("X", "5")`, and `System.getenv("X")…getOrDefault`, `env::var("X").unwrap_or(…)`.
    fn environment_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>) {
        if let [name, default] = parts.arguments.as_slice()
            && is_environment(&parts.callee)
            && let Some(name) = self.text_of(*name)
        {
            return self.tell_environment(node, &name, *default);
        }
        let last = last_name(&parts.callee);
        if let ("SetDefault" | "set_default" | "setDefault", [name, default]) = (last, parts.arguments.as_slice())
            && let Some(name) = self.text_of(*name)
        {
            return self.tell_default(node, &format!("default.{name}"), *default);
        }
        let gives_default =
            last.starts_with("unwrap_or") || matches!(last, "orElse" | "or" | "orElseGet" | "getOrElse");
        if let (true, Some(receiver), [default]) = (gives_default, parts.receiver, parts.arguments.as_slice())
            && let Some(name) = self.environment_variable(receiver)
        {
            self.tell_environment(node, &name, *default);
        }
    }

    /// The default of a flag of the command line: `flag.Bool("dry-run", true, …)`, `add_argument("--dry-run", …)`.
    pub fn flag_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>) {
        let plain: Vec<Node<'t>> = parts.arguments.iter().copied().filter(|each| !self.has_name(*each)).collect();
        let texts = plain.iter().enumerate().find_map(|(at, each)| Some((at, self.text_of(*each)?)));
        let Some((at, name)) = texts else { return };
        let name = name.split(['/', ',', ' ']).find(|word| word.len() > 2).unwrap_or_default();
        let object = format!("flag.{}", name.trim_start_matches('-'));
        match last_name(&parts.callee) {
            "Bool" | "BoolVar" if plain.len() == at + 3 => self.tell_default(node, &object, plain[at + 1]),
            "BoolP" | "BoolVarP" if plain.len() == at + 4 => self.tell_default(node, &object, plain[at + 2]),
            "option" if plain.len() == at + 3 && name.starts_with("--") => {
                self.tell_default(node, &object, plain[at + 2])
            }
            "add_argument" | "option" | "add_option" | "Option" if name.starts_with("--") => {
                self.flag_of_options(node, parts, &object)
            }
            _ => {}
        }
    }

    /// The default by the named arguments: `default=True`, or else `action="store_true"`.
    fn flag_of_options(&mut self, node: Node<'t>, parts: &Parts<'t>, object: &str) {
        let named = |key: &str| {
            parts.arguments.iter().find_map(|argument| match self.role(*argument) {
                Some(Role::Named { key: own, value }) => {
                    let own = self.part(*argument, own)?;
                    (self.raw(own) == key).then(|| self.part(*argument, value))?
                }
                _ => None,
            })
        };
        let action = named("action").and_then(|action| self.text_of(action));
        match (named("default"), action.as_deref()) {
            (Some(default), _) => self.tell_default(node, object, default),
            (None, Some("store_true")) => {
                self.tell_of(Kind::Setting, object.to_owned(), Value::Bool(false), node);
            }
            (None, Some("store_false")) => {
                self.tell_of(Kind::Setting, object.to_owned(), Value::Bool(true), node);
            }
            _ => {}
        }
    }

    /// A call of a mapper that deletes all rows is the statement that it makes.
    fn bulk_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>, lines: &RangeInclusive<u32>) {
        let last = last_name(&parts.callee);
        const MAX_CHAIN_BYTES: usize = 2_000;
        if is_bulk(last)
            && node.byte_range().len() <= MAX_CHAIN_BYTES
            && let text = self.text(node)
            && let Some(table) = emptied(&text, last, &self.rest_of_chain(node))
        {
            self.tell(Kind::Sql, format!("DELETE {table} without WHERE"), Value::None, text, lines.clone());
        }
    }

    /// Whether an asynchronous function waits for what must be done first, or drops it: `await save(x)`, `save(x);`.
    /// What is kept in a variable, returned or passed on may be waited for elsewhere, and states nothing.
    fn wait_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>) {
        let Some(around) = self.around_chain(node).filter(|_| must_be_awaited(&parts.callee)) else { return };
        let said = match around.kind() {
            "await_expression" | "await" => "awaited",
            "expression_statement" if self.is_in_async() => "dropped",
            "assignment_expression" | "assignment"
                if self.is_in_async() && self.raw(around).trim_start().starts_with("_ =") =>
            {
                "dropped"
            }
            _ => return,
        };
        let object = format!("{}.wait", parts.callee);
        let begins = *self.lines(node).start();
        let outer = std::mem::replace(&mut self.place.opens, begins);
        let text = format!("{said} {}", self.text(node));
        self.tell(Kind::Setting, object, Value::Text(said.to_owned()), text, self.lines(node));
        self.place.opens = outer;
    }

    /// What is around a call and the links behind it that only say what follows its failure or success: `.catch(…)`.
    fn around_chain(&self, node: Node<'t>) -> Option<Node<'t>> {
        let is_link = |of: &Node<'t>| {
            const LINKS: &[&str] = &["catch", "then", "finally", "context", "with_context", "map_err"];
            let begins = of.start_byte() == node.start_byte();
            let name = match self.role(*of) {
                Some(Role::Path) => self.syntax.said(*of).last().map(|name| self.raw(*name)),
                Some(Role::Call { name, .. }) => self.part(*of, name).map(|name| self.raw(name)),
                _ => None,
            };
            let is_of_chain = |name: &str| LINKS.contains(&name.rsplit(['.', ':']).next().unwrap_or(name).trim());
            begins && name.is_some_and(is_of_chain)
        };
        self.ancestors.iter().rev().take(MAX_CHAIN).find(|of| !is_link(of)).copied()
    }

    fn is_in_async(&self) -> bool {
        const MAX_HEAD: usize = 200;
        self.ancestors.iter().rev().take(MAX_CHAIN).any(|of| {
            let is_function = ["function", "method", "arrow", "lambda"].iter().any(|word| of.kind().contains(word));
            let head = self.source.as_bytes().get(of.start_byte()..of.end_byte()).unwrap_or_default();
            let head = &head[..head.len().min(MAX_HEAD)];
            is_function && head.split(|byte| b"{(".contains(byte)).next().is_some_and(has_async)
        })
    }

    /// What is called on the result of a call: `.where("id", 5)` of `table("a").del().where("id", 5)`.
    fn rest_of_chain(&self, node: Node<'t>) -> String {
        const MAX_REST: usize = 400;
        let is_link = |of: &&Node<'t>| {
            of.start_byte() == node.start_byte()
                && of.end_byte() - node.end_byte() <= MAX_REST
                && matches!(self.role(**of), Some(Role::Path | Role::Call { .. }))
        };
        let whole = self.ancestors.iter().rev().take(MAX_CHAIN).take_while(is_link).last();
        whole.map_or_else(String::new, |whole| {
            let rest = self.source.get(node.end_byte()..whole.end_byte()).unwrap_or_default();
            rest.to_owned()
        })
    }

    /// Calls that fail if their argument is false.
    fn guard_of_call(&mut self, parts: &Parts<'t>, text: &str, lines: &RangeInclusive<u32>) {
        let is_guard = |guard: &str| parts.callee == guard || guard.ends_with('.') && parts.callee.starts_with(guard);
        let is_outside =
            !parts.callee.starts_with("assert") && !parts.callee.starts_with("debug_assert") || !self.place.is_in_test;
        if is_outside && self.syntax.language.guards.iter().any(|guard| is_guard(guard)) {
            let condition =
                parts.arguments.first().map_or_else(|| first_argument(text).to_owned(), |of| self.text(*of));
            self.tell(Kind::Guard, condition, Value::None, text.to_owned(), lines.clone());
        }
    }

    /// `3.times { }`, `loop { }`, `repeat(3) { }`.
    fn loop_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>, text: &str, lines: &RangeInclusive<u32>) {
        let receiver = self.part(node, "receiver").map(|of| self.text(of)).unwrap_or_default();
        let value = match (parts.callee.as_str(), parts.arguments.as_slice()) {
            ("loop", []) if self.part(node, "block").is_some() => Value::Unbounded,
            ("times", _) if !receiver.is_empty() => Value::of(&receiver, ""),
            ("repeat", [times]) => self.value(*times, ""),
            _ => return,
        };
        self.tell(Kind::Loop, parts.callee.clone(), value, text.to_owned(), lines.clone());
    }

    /// Macros in the body of a class, as in Ruby: `before_action :authenticate!`.
    fn is_declaration(&self, node: Node<'t>, parts: &Parts<'t>) -> bool {
        let is_plain = self.part(node, "method").is_some() && self.part(node, "receiver").is_none();
        is_plain
            && self.place.is_in_type
            && !self.place.is_in_function
            && parts.receiver.is_none()
            && self.ancestors.last().is_some_and(|of| of.kind() == "body_statement")
    }

    fn assertion_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>) -> bool {
        let root = self.root_of_chain(node).unwrap_or_else(|| parts.callee.clone());
        if !is_assertion(&root) && !is_assertion(&parts.callee)
            || !self.place.is_in_test && is_plain_assert(&parts.callee)
        {
            return false;
        }
        let is_guard = self.syntax.language.guards.iter().any(|guard| *guard == parts.callee);
        if is_guard && !self.place.is_in_test {
            return false;
        }
        self.tell_of(Kind::Assertion, self.text(node), Value::None, node);
        self.place.is_part_of_whole = true;
        true
    }

    /// The callee of the first call of a chain.
    fn root_of_chain(&self, node: Node<'t>) -> Option<String> {
        let mut at = node;
        for _ in 0..MAX_CHAIN {
            let parts = self.parts_of_call(at)?;
            match parts.receiver {
                Some(receiver) => at = self.bare(receiver),
                None => return Some(parts.callee),
            }
        }
        None
    }

    /// `it("does this", () => { … })`, `describe("that", …)`.
    fn test_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>, text: &str) -> bool {
        const GROUPS: &[&str] = &["describe", "context", "suite", "feature", "xdescribe", "fdescribe"];
        let root = parts.callee.split('.').next().unwrap_or_default();
        let calls = self.syntax.language.test_calls;
        let is_group = !calls.is_empty() && GROUPS.contains(&root);
        let is_test = calls.contains(&root) || calls.contains(&parts.callee.as_str());
        let Some(title) =
            parts.arguments.first().and_then(|title| self.text_of(*title)).filter(|_| is_group || is_test)
        else {
            return false;
        };
        if is_group {
            let row = *self.lines(node).start();
            let said = how_a_group_runs(text);
            self.tell(Kind::Setting, format!("group.{}", self.qualified(&title)), said, text.to_owned(), row..=row);
        }
        if is_test && !is_group {
            let row = *self.lines(node).start();
            let last = spell(self.syntax, self.source, node, None).left_out.map_or(row, |row| self.line(row));
            self.tell(Kind::Test, self.qualified(&title), Value::None, text.to_owned(), row..=last.max(row));
        }
        self.scope.push(short(&title));
        self.place.prefix = Rc::from("");
        self.place.opens = *self.lines(node).start();
        self.place.is_in_test = true;
        true
    }

    /// `router.post("/x", …)`: what others can request.
    fn route_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>, text: &str, lines: &RangeInclusive<u32>) {
        let last = last_name(&parts.callee);
        let is_verb = is_verb(last);
        let path = parts.arguments.first().and_then(|path| self.text_of(*path)).filter(|path| path.starts_with('/'));
        if let (true, Some(path), true) = (is_verb, path, parts.arguments.len() > 1) {
            let object = route(last, &path);
            self.behind(node, &object, lines);
            self.tell(Kind::Definition, object, Value::None, text.to_owned(), lines.clone());
        }
    }

    /// What the requests of a route pass first, by the groups that it is in: `r.Use(session.RequireRole("finance"))`.
    fn behind(&mut self, node: Node<'t>, route: &str, lines: &RangeInclusive<u32>) {
        const MAX_GROUPS: usize = 40;
        const MAX_STATEMENTS: usize = 40;
        let mut steps = Vec::new();
        let blocks = self.ancestors.iter().rev().take(MAX_GROUPS);
        for block in blocks.filter(|of| matches!(self.role(**of), Some(Role::Block))) {
            let mut cursor = block.walk();
            let before = block.named_children(&mut cursor).take_while(|each| each.end_byte() <= node.start_byte());
            for statement in before.take(MAX_STATEMENTS).collect::<Vec<_>>() {
                let Some(parts) = self.parts_of_call(self.bare(statement)) else { continue };
                if matches!(last_name(&parts.callee), "Use" | "use" | "UseMiddleware" | "middleware" | "AddFilter") {
                    steps.extend(parts.arguments.into_iter().filter(|step| self.text_of(*step).is_none()));
                }
            }
        }
        let opens = std::mem::replace(&mut self.place.opens, *lines.start());
        for step in steps {
            let text = self.text(step);
            let name = self.parts_of_call(self.bare(step)).map_or_else(|| self.dotted(step), |parts| parts.callee);
            self.tell(Kind::Setting, format!("{route}.behind[]"), Value::Expression(name), text, lines.clone());
        }
        self.place.opens = opens;
    }

    /// Whether the failure of an act ends what it is a part of, or is dropped: `act().context("a")?`, `act().ok();`,
    /// `await act()`, `await act().catch(() => undefined)`, `try { act() } catch { }`, `_ = act()`.
    fn failure_of_call(&mut self, node: Node<'t>, parts: &Parts<'t>) {
        if !is_act(&parts.callee) {
            return;
        }
        let mut around = None;
        for of in self.ancestors.iter().rev().take(MAX_CHAIN).copied() {
            if of.start_byte() != node.start_byte() {
                around = Some(of.kind());
                break;
            }
            let dropped = match (of.kind(), self.parts_of_call(of)) {
                ("try_expression", _) => Some(false),
                (_, Some(link)) => match (last_name(&link.callee), link.arguments.as_slice()) {
                    ("catch" | "catchError" | "onErrorResume", [handler]) => {
                        let value = self.treatment_of_function(*handler);
                        Some(matches!(value, Value::Text(said) if said != "handled"))
                    }
                    ("ok", []) => Some(true),
                    _ => None,
                },
                _ => None,
            };
            if let Some(is_dropped) = dropped {
                return self.tell_failure(node, of, parts, is_dropped);
            }
        }
        let is_discarded = match around {
            Some("let_declaration") => self.around_chain(node).is_some_and(|of| self.raw(of).starts_with("let _ =")),
            Some("assignment_statement") => self.around_chain(node).is_some_and(|of| self.raw(of).starts_with("_ =")),
            _ => false,
        };
        let is_dropped = is_discarded || self.is_dropped_by_its_try(node);
        self.tell_failure(node, node, parts, is_dropped);
    }

    /// Whether the handlers of the block that a call is tried in only log what failed, or do nothing.
    fn is_dropped_by_its_try(&self, node: Node<'t>) -> bool {
        const MAX_CHILDREN: usize = 60;
        let mut inner = node;
        for of in self.ancestors.iter().rev().take(MAX_CHAIN).copied() {
            let tries = ["try", "begin", "body_statement"].iter().any(|word| of.kind().contains(word));
            let is_tried = !matches!(self.role(inner), Some(Role::Handler { .. }))
                && !["finally", "ensure", "else"].iter().any(|word| inner.kind().contains(word));
            if tries && is_tried && of.named_child_count() <= MAX_CHILDREN {
                let mut cursor = of.walk();
                let handlers = of.named_children(&mut cursor).filter_map(|child| match self.role(child) {
                    Some(Role::Handler { body, .. }) => {
                        let body = self.part(child, body).filter(|body| matches!(self.role(*body), Some(Role::Block)));
                        Some(self.treatment(body))
                    }
                    _ => None,
                });
                let handlers: Vec<Value> = handlers.collect();
                if !handlers.is_empty() {
                    return handlers.iter().all(|said| *said != Value::Text("handled".to_owned()));
                }
            }
            if matches!(self.role(of), Some(Role::Function { .. } | Role::Closure { .. })) {
                return false;
            }
            inner = of;
        }
        false
    }

    fn tell_failure(&mut self, node: Node<'t>, whole: Node<'t>, parts: &Parts<'t>, is_dropped: bool) {
        let said = if is_dropped { "dropped" } else { "passed on" };
        let object = format!("{}.failure", parts.callee);
        let begins = *self.lines(node).start();
        let outer = std::mem::replace(&mut self.place.opens, begins);
        self.tell(Kind::Setting, object, Value::Text(said.to_owned()), said.to_owned(), self.lines(whole));
        self.place.opens = outer;
    }
}

/// Whether a group of tests runs, by the text of its call: `describe.skip("a", …)`.
fn how_a_group_runs(text: &str) -> Value {
    let head = text.split(['"', '\'', '`']).next().unwrap_or(text);
    let name = head.trim_end_matches('(');
    let links: Vec<&str> = name.split(['.', '(']).collect();
    let is = |word: &str| links.contains(&word);
    let said = match name.find("skipIf(").or_else(|| name.find("runIf(")) {
        Some(at) => name[at..].to_owned(),
        None if is("skip") || is("todo") || is("fixme") || is("xdescribe") => "skipped".to_owned(),
        None if is("only") || is("fdescribe") => "alone".to_owned(),
        None => "run".to_owned(),
    };
    Value::Text(said)
}

/// Calls whose failure somebody should learn of.
fn is_act(callee: &str) -> bool {
    const MORE: &[&str] = &[
        "append",
        "apply",
        "authorise",
        "credit",
        "debit",
        "deduct",
        "deposit",
        "enqueue",
        "execute",
        "persist",
        "put",
        "record",
        "register",
        "settle",
        "upload",
        "upsert",
        "withdraw",
    ];
    let words = super::super::value::words(last_name(callee));
    let is_more = words.first().is_some_and(|word| MORE.contains(&word.as_str()));
    is_more || must_be_awaited(callee) && !words.first().is_some_and(|word| is_tidying(word))
}

/// What may fail without harm.
fn is_tidying(word: &str) -> bool {
    matches!(word, "cancel" | "flush" | "remove" | "release" | "enter" | "wait" | "delete" | "begin")
}

/// Names of calls that delete.
fn is_bulk(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "delete",
        "_raw_delete",
        "Delete",
        "del",
        "truncate",
        "delete_all",
        "destroy_all",
        "bulkDelete",
        "deleteMany",
        "delete_many",
        "DeleteMany",
        "destroy",
        "remove",
        "ExecuteDelete",
        "ExecuteDeleteAsync",
        "execute",
        "exec",
        "Exec",
        "clear",
    ];
    NAMES.contains(&name)
}

/// Whether the word `async` is in a text.
fn has_async(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_alphanumeric()).any(|word| word == b"async")
}

/// Names of calls after which others go on as if they were done.
fn must_be_awaited(callee: &str) -> bool {
    const WORDS: &[&str] = &[
        "acquire",
        "authorize",
        "begin",
        "cancel",
        "capture",
        "charge",
        "check",
        "commit",
        "create",
        "delete",
        "enter",
        "flush",
        "insert",
        "lock",
        "pay",
        "publish",
        "refund",
        "release",
        "remove",
        "reserve",
        "rollback",
        "save",
        "send",
        "store",
        "transfer",
        "update",
        "validate",
        "verify",
        "wait",
        "write",
    ];
    let words = super::super::value::words(last_name(callee));
    words.first().is_some_and(|word| WORDS.contains(&word.as_str()))
}

/// Whether a call gives an option a value: its last argument but one is the key.
fn sets_options(callee: &str) -> bool {
    const NAMES: &[&str] = &["setproperty", "setattribute", "setoption", "setconfig", "setsystemproperty", "configset"];
    const HOLDERS: &[&str] = &["prop", "conf", "opt", "setting", "param"];
    let last = last_name(callee).to_ascii_lowercase().replace('_', "");
    if matches!(last.as_str(), "put" | "set" | "add") {
        let holder = callee.rsplit('.').nth(1).unwrap_or_default().to_ascii_lowercase();
        return HOLDERS.iter().any(|word| holder.contains(word));
    }
    last.ends_with("setopt") || NAMES.contains(&last.as_str())
}

/// The table that a chain of calls empties: neither it nor the rest of the chain says which rows.
fn emptied<'x>(text: &'x str, last: &str, rest: &str) -> Option<&'x str> {
    const CONDITIONS: &[&str] = &[
        "filter", "where", "exclude", "find", "first", "limit", ".get(", "By", "_by", "only(", ".in(", ".in_(", ".eq(",
    ];
    const MAX_CHAIN_TEXT: usize = 400;
    let has = |sign: &str| text.contains(sign);
    if text.len() > MAX_CHAIN_TEXT {
        return None;
    }
    let lower = format!("{text}{rest}").to_ascii_lowercase();
    let is_all = has("Where(\"1 = 1\")") || has("Where(\"1=1\")") || has("AllowGlobalUpdate");
    let is_open = has("where: {}") || has("truncate: true") || has("where: {  }");
    let is_bound = CONDITIONS.iter().any(|word| lower.contains(&word.to_ascii_lowercase())) && !is_all && !is_open;
    let ends = |signs: &[&str]| signs.iter().any(|sign| text.ends_with(sign));
    let begins_large = text.starts_with(|c: char| c.is_uppercase());
    let is_emptied = !is_bound
        && match last {
            "delete" | "_raw_delete" if has(".objects.") => ends(&["delete()", "_raw_delete()"]) || has("_raw_delete("),
            "delete" => {
                ends(&["delete()", "delete({})"])
                    && (has("query(") || has(".query.") || has("table(") || has("knex(") || has("epository"))
                    || has("delete(synchronize_session")
            }
            "Delete" => is_all,
            "del" => has("knex(") || has("db("),
            "truncate" => begins_large && ends(&["truncate()", "truncate"]) || has("table(") || has("knex("),
            "delete_all" | "destroy_all" => begins_large && !has("("),
            "bulkDelete" => {
                let rows = text.split_once(", ").map(|(_, rest)| rest.trim_start()).unwrap_or_default();
                ["null", "{}", "{ }"].iter().any(|all| rows.starts_with(all))
            }
            "deleteMany" | "delete_many" | "DeleteMany" => has("DeleteMany(ctx, bson.M{})") || has("bson.D{})"),
            "destroy" => is_open,
            "remove" => ends(&["remove({})"]),
            "ExecuteDelete" | "ExecuteDeleteAsync" => true,
            "execute" | "exec" => has("diesel::delete(") || has(".delete().execute(") || has("delete_many().exec("),
            "Exec" => has(".Delete().Exec("),
            "clear" => has("epository.clear()"),
            _ => false,
        };
    let root = text.split(['.', '(', ':', '-', ' ']).find(|word| !word.is_empty() && *word != "await")?;
    let named = text.split(['"', '\'']).nth(1).filter(|word| !word.is_empty() && !word.contains(' '));
    is_emptied.then(|| named.unwrap_or(root))
}

fn receiver_part(role: Option<Role>) -> Part {
    match role {
        Some(Role::Call { receiver, .. }) => receiver,
        _ => "",
    }
}

/// The first argument of a call.
fn first_argument(text: &str) -> &str {
    let inner = text.split_once('(').map_or(text, |(_, inner)| inner);
    let inner = inner.strip_suffix(')').unwrap_or(inner);
    inner.split(", ").next().unwrap_or(inner).trim()
}
