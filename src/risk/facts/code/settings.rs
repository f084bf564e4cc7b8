//! Things with a value: arguments, fields, constants, defaults.

use std::rc::Rc;

use tree_sitter::Node;

use super::super::{Kind, Value};
use super::language::{Part, Role};
use super::names::{innermost_declarator, is_environment};
use super::walk::Walk;

impl<'t> Walk<'t> {
    /// A setting: a key of an object, and its value.
    pub fn set(&mut self, node: Node<'t>, key: &str, value: Node<'t>) {
        let object = self.in_prefix(key);
        if !self.is_compound(value) {
            let said = self.value(value, &object);
            self.tell_of(Kind::Setting, object.clone(), said, node);
        } else if self.always_agrees(value) {
            let said = Value::Expression(self.text(value));
            self.tell_of(Kind::Setting, object.clone(), said, node);
        } else if let Some(said) = self.decision(key, value) {
            let text = format!("{key}: {said}");
            self.tell(Kind::Setting, object.clone(), Value::Expression(said), text, self.lines(node));
        }
        self.open(node, &object);
    }

    /// `() => true`, `(origin, done) => done(null, true)`: a function that asks nothing is a setting.
    fn always_agrees(&self, value: Node<'t>) -> bool {
        const MAX_BYTES: usize = 160;
        let bare = self.bare(value);
        if !matches!(self.role(bare), Some(Role::Closure { .. } | Role::Function { .. }))
            || bare.byte_range().len() > MAX_BYTES
        {
            return false;
        }
        let text = self.text(bare);
        let rest = text.trim_end_matches([' ', ';', '}', ')']);
        let before = rest.strip_suffix("true").or_else(|| rest.strip_suffix("True")).map(str::trim_end);
        before.is_some_and(|before| {
            let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            matches!(word, "return" | "null" | "nil" | "undefined")
                || ["=>", "->", "{", ":", "|", ","].iter().any(|sign| before.ends_with(sign))
        }) && !text.contains("if ")
            && !text.contains("if(")
            && !text.contains(['?', '&'])
    }

    /// A function that decides something for its caller, by the name of the key or call that it is given to:
    /// `retryDelay: () => 0`. Of a long one it is only said that it is one.
    pub fn decision(&self, key: &str, value: Node<'t>) -> Option<String> {
        const MAX_BYTES: usize = 200;
        const WORDS: &[&str] = &[
            "accept",
            "allow",
            "callback",
            "check",
            "condition",
            "delay",
            "enabled",
            "origin",
            "predicate",
            "retry",
            "skip",
            "validate",
            "validation",
            "validator",
            "verifier",
            "verify",
        ];
        let bare = self.bare(value);
        let is_function = matches!(self.role(bare), Some(Role::Closure { .. } | Role::Function { .. }));
        let is_of_decision = || super::super::value::words(key).iter().any(|word| WORDS.contains(&word.as_str()));
        (is_function && is_of_decision()).then(|| match bare.byte_range().len() {
            length if length <= MAX_BYTES => super::text::squeezed(self.raw(bare)),
            _ => "a function".to_owned(),
        })
    }

    pub fn in_prefix(&self, key: &str) -> String {
        match (&*self.place.prefix, key) {
            ("", key) => key.to_owned(),
            (prefix, "") => prefix.to_owned(),
            (prefix, key) => format!("{prefix}.{key}"),
        }
    }

    /// The content of the node belongs to that object.
    pub fn open(&mut self, node: Node<'t>, object: &str) {
        self.place.prefix = Rc::from(object);
        self.place.opens = *self.lines(node).start();
    }

    /// Whether a value consists of parts that are reported one by one.
    fn is_compound(&self, value: Node<'t>) -> bool {
        let role = self.role(self.bare(value));
        let is_made_of_parts = matches!(
            role,
            Some(Role::Map | Role::Literal { .. } | Role::Closure { .. } | Role::Function { .. } | Role::Type { .. })
        );
        is_made_of_parts || matches!(role, Some(Role::List)) && !self.syntax.said(self.bare(value)).is_empty()
    }

    /// The value of an expression, for that key.
    pub fn value(&self, node: Node<'t>, key: &str) -> Value {
        let node = self.of_argument(node);
        let node = if node.kind() == "jsx_expression" { self.bare(node) } else { node };
        let text = self.text(node);
        let text = self.constants.get(text.as_str()).map_or(text, |value| (*value).to_owned());
        let text = self.with_factors(text);
        let text = text.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(&text);
        match number(text) {
            Some(plain) => Value::of(&plain, key),
            None => match Value::of(text, key) {
                Value::Text(said) if !is_quoted(text) && is_reference(&said) => Value::Expression(said),
                // `E::A` reads like an address of IPv6.
                Value::Network { text, .. } if matches!(self.role(node), Some(Role::Path)) => Value::Expression(text),
                value => value,
            },
        }
    }

    /// A product with the values of the constants in it: `MINUTES * 60` is `30 * 60`.
    fn with_factors(&self, text: String) -> String {
        const MAX_BYTES: usize = 80;
        let is_product = text.len() <= MAX_BYTES && (text.contains('*') || text.contains("<<"));
        if !is_product || text.contains(['"', '\'', '`']) {
            return text;
        }
        let factor = |part: &str| {
            let value = self.constants.get(part.trim()).filter(|value| number(value).is_some());
            value.map_or(part.to_owned(), |value| (*value).to_owned())
        };
        text.split('*').map(factor).collect::<Vec<_>>().join(" * ")
    }

    /// The value of an argument or item; without a name, it is what it wraps.
    pub fn of_argument(&self, node: Node<'t>) -> Node<'t> {
        match self.role(node) {
            Some(Role::Named { value, .. }) if !self.has_name(node) => {
                self.part(node, value).or_else(|| self.syntax.said(node).first().copied()).unwrap_or(node)
            }
            _ => node,
        }
    }

    pub fn is_literal(&self, node: Node<'t>, value: &Value) -> bool {
        value.is_known() || matches!(value, Value::Text(_)) || matches!(self.role(node), Some(Role::Text))
    }

    pub fn named(&mut self, node: Node<'t>, key: Part, value: Part) {
        let (key, value) = (self.part(node, key), self.part(node, value));
        let Some((key, value)) = key.zip(value).filter(|(key, value)| key != value) else { return };
        let name = match self.role(self.bare(key)) {
            Some(Role::Text) => self.content(self.bare(key)),
            _ => Some(self.dotted(key)).filter(|name| !name.is_empty()).unwrap_or_else(|| self.text(key)),
        };
        self.set(node, &name, value);
    }

    pub fn shorthand(&mut self, node: Node<'t>) {
        let name = self.raw(node).trim();
        let is_of_object = self.ancestors.last().is_some_and(|of| matches!(self.role(*of), Some(Role::Map)));
        if is_of_object || node.kind().starts_with("shorthand_field") {
            self.tell_of(Kind::Setting, self.in_prefix(name), Value::Expression(name.to_owned()), node);
        }
    }

    /// The plain items of a list that has a name.
    pub fn list(&mut self, node: Node<'t>) {
        if self.place.prefix.is_empty() || self.place.prefix.ends_with("[]") {
            return;
        }
        let object = format!("{}[]", self.place.prefix);
        let begins = *self.lines(node).start();
        let opens = std::mem::replace(&mut self.place.opens, begins);
        for item in self.syntax.said(node) {
            let item = self.of_argument(item);
            let is_plain = !matches!(self.role(item), Some(Role::Named { .. } | Role::Assignment { .. }));
            if is_plain && !self.is_compound(item) {
                let value = self.value(item, &object);
                self.tell_of(Kind::Setting, object.clone(), value, item);
            }
        }
        self.place.opens = opens;
    }

    pub fn literal_of_type(&mut self, node: Node<'t>, name: Part) {
        let name = self.part(node, name).map(|name| self.dotted(name)).unwrap_or_default();
        if !name.is_empty() {
            self.open(node, &name);
        }
    }

    pub fn parameter(&mut self, node: Node<'t>, name: Part, value: Part) {
        let Some(value) = self.part(node, value).filter(|value| Some(*value) != self.part(node, name)) else { return };
        let name = self.part(node, name).map(|name| self.dotted(name)).unwrap_or_default();
        let function = self.scope.last().cloned().unwrap_or_default();
        let function = self.declared_function().unwrap_or(function);
        let function = function.rsplit('.').next().unwrap_or_default();
        self.place.prefix = Rc::from(function);
        self.set(node, &name, value);
    }

    /// The function that a prototype of C declares.
    fn declared_function(&self) -> Option<String> {
        let around = self.ancestors.iter().rev().take(3).find(|of| of.kind() == "function_declarator")?;
        Some(self.dotted(innermost_declarator(*around)))
    }

    pub fn assignment(&mut self, node: Node<'t>, target: Part, value: Part) {
        let (target, value) = (self.part(node, target), self.part(node, value));
        let Some((target, value)) = target.zip(value).filter(|(target, value)| target != value) else { return };
        let (targets, values) = (self.each(target), self.each(value));
        if targets.len() == values.len() {
            for (target, value) in targets.into_iter().zip(values) {
                self.assign(node, target, value);
            }
        }
    }

    /// The sides of an assignment of several variables, one by one.
    fn each(&self, side: Node<'t>) -> Vec<Node<'t>> {
        const LISTS: &[&str] = &["expression_list", "pattern_list", "left_assignment_list", "right_assignment_list"];
        match LISTS.contains(&side.kind()) {
            true => self.syntax.said(side),
            false => vec![side],
        }
    }

    fn assign(&mut self, node: Node<'t>, target: Node<'t>, value: Node<'t>) {
        let name = self.dotted(innermost_declarator(target));
        if name.is_empty() {
            return;
        }
        if let Some(Role::Closure { body }) = self.role(self.bare(value)) {
            let body = self.part(self.bare(value), body);
            if let Some(said) = self.decision(&name, value).filter(|_| !self.place.prefix.is_empty()) {
                let text = format!("{name} = {said}");
                self.tell(Kind::Setting, self.in_prefix(&name), Value::Expression(said), text, self.lines(node));
            }
            return self.define_function(node, node, name, body);
        }
        let is_of_literal = !self.place.prefix.is_empty() && self.ancestors.iter().rev().take(2).any(is_initializer);
        if !is_of_literal {
            self.place.prefix = Rc::from("");
        }
        let is_member = self.place.is_in_type && !self.place.is_in_function && !name.contains('.');
        if is_member && self.is_public(node, &name) {
            self.tell_of(Kind::Definition, self.qualified(&name), Value::None, node);
        }
        let said = self.value(value, &name);
        self.default_of_field(&name, value);
        if matches!(self.role(self.bare(value)), Some(Role::Call { .. })) && !said.is_known() {
            // Of a key it matters how it is made.
            if name.to_ascii_lowercase().ends_with("key") {
                self.tell_of(Kind::Setting, self.in_prefix(&name), Value::Expression(self.text(value)), node);
            }
            return self.open(node, &name);
        }
        self.set(node, &name, value);
    }

    /// `verify: bool = field(default=True)`: the field has that value unless it is given another.
    fn default_of_field(&mut self, name: &str, value: Node<'t>) {
        let is_field = self.place.is_in_type && !self.place.is_in_function && !name.contains('.');
        let Some(parts) = self.parts_of_call(self.bare(value)).filter(|_| is_field) else { return };
        let default = parts.arguments.iter().find_map(|argument| match self.role(*argument) {
            Some(Role::Named { key, value }) => {
                let key = self.part(*argument, key)?;
                (self.raw(key) == "default").then(|| self.part(*argument, value))?
            }
            _ => None,
        });
        if let Some(default) = default {
            let said = self.value(default, name);
            if said.is_known() {
                self.tell_of(Kind::Setting, name.to_owned(), said, default);
            }
        }
    }

    /// `A || 'x'`, where `A` is a variable of the environment: its default.
    pub fn default_of_environment(&mut self, node: Node<'t>, left: Node<'t>, right: Node<'t>) {
        if let Some(name) = self.environment_variable(left) {
            self.tell_environment(node, &name, right);
        }
    }

    pub fn tell_environment(&mut self, node: Node<'t>, name: &str, default: Node<'t>) {
        self.tell_default(node, &format!("env.{name}"), default);
    }

    /// A default value.
    pub fn tell_default(&mut self, node: Node<'t>, object: &str, default: Node<'t>) {
        let default = self.innermost_default(default);
        let value = self.value(default, object);
        if self.is_literal(default, &value) {
            self.tell_of(Kind::Setting, object.to_owned(), value, node);
        }
    }

    /// `|_| "5".to_string()` is `"5"`.
    fn innermost_default(&self, node: Node<'t>) -> Node<'t> {
        const MAX_WRAPPED: usize = 3;
        let mut at = self.bare(self.of_argument(node));
        for _ in 0..MAX_WRAPPED {
            let inner = match self.role(at) {
                Some(Role::Closure { body }) => self.part(at, body),
                Some(Role::Call { name, .. }) => self.part(at, name).and_then(|name| self.part(name, "value|object")),
                _ => None,
            };
            let is_near = |inner: &Node<'t>| matches!(self.role(*inner), Some(Role::Text | Role::Call { .. }));
            match inner.filter(is_near) {
                Some(inner) => at = inner,
                None => break,
            }
        }
        at
    }

    /// The variable that an expression reads from the environment, if it does only that.
    pub fn environment_variable(&self, node: Node<'t>) -> Option<String> {
        let node = self.bare(node);
        if let Some(Role::Call { .. }) = self.role(node) {
            let call = self.parts_of_call(node)?;
            let [only] = call.arguments.as_slice() else { return None };
            return is_environment(&call.callee).then(|| self.text_of(*only))?;
        }
        let name = self.dotted(node);
        ["process.env.", "ENV.", "os.environ.", "import.meta.env.", "_ENV.", "_SERVER.", "Deno.env."]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix).map(str::to_owned))
    }

    /// The content of a literal text.
    pub fn text_of(&self, node: Node<'t>) -> Option<String> {
        let node = self.bare(self.of_argument(node));
        matches!(self.role(node), Some(Role::Text)).then(|| self.content(node))
    }
}

fn is_initializer(node: &Node) -> bool {
    node.kind() == "initializer_expression"
}

/// A number without the suffix of its type: `5L`, `1_000u64`, `0x1F`.
pub(super) fn number(text: &str) -> Option<String> {
    let text = text.strip_prefix("- ").or(text.strip_prefix('-')).map_or(("", text), |rest| ("-", rest));
    let (sign, digits) = text;
    if !digits.starts_with(|c: char| c.is_ascii_digit())
        || !digits.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.".contains(&b))
    {
        return None;
    }
    let lower = digits.to_ascii_lowercase().replace('_', "");
    if let Some(hex) = lower.strip_prefix("0x") {
        return u64::from_str_radix(hex.trim_end_matches(['u', 'l']), 16).ok().map(|n| format!("{sign}{n}"));
    }
    if let Some(octal) = lower.strip_prefix("0o") {
        return Some(format!("{sign}{}", u64::from_str_radix(octal, 8).ok()?));
    }
    const MARKS: &[&str] = &[
        "usize", "isize", "ull", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "ul", "ll", "lu",
        "u", "l", "f", "n",
    ];
    let plain = MARKS.iter().find_map(|mark| lower.strip_suffix(mark)).unwrap_or(&lower);
    let exponent = plain.parse::<f64>().ok().filter(|n| plain.contains('e') && n.is_finite());
    exponent.map(|n| format!("{sign}{n}")).or_else(|| plain.parse::<f64>().is_ok().then(|| format!("{sign}{plain}")))
}

fn is_quoted(text: &str) -> bool {
    text.trim_start_matches(|c: char| c.is_ascii_alphabetic() || "@$".contains(c)).starts_with(['"', '\'', '`', '<'])
}

/// Whether a text without quotes names something rather than being a constant of the language.
fn is_reference(text: &str) -> bool {
    let is_constant = matches!(text.to_ascii_lowercase().as_str(), "none" | "null" | "nil" | "undefined");
    !is_constant && !text.starts_with(':') && text.contains(char::is_alphabetic)
}
