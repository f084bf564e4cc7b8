//! Collects the facts of a file: first those on changed lines, then those around them.

use std::collections::BTreeSet;

use super::super::filters::Rule;
use super::super::{ChangedLines, Fact, Facts, Kind, MAX_FACTS, Value};
use super::tree::{Lines, clip, one_line};

/// Facts of unchanged lines. They show what the comparison only moved, and what a change left of a block; without them
/// a block would count as removed when one of its lines is.
const MAX_CONTEXT: usize = 4_000;
/// The most bytes of an object and of a scope; anything deeper is ignored.
pub(super) const MAX_OBJECT: usize = 1_000;

/// The context of a fact.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'p> {
    /// The path of the parent, empty at the top.
    pub object: &'p str,
    /// The outermost block; empty outside all blocks.
    pub scope: &'p str,
    /// The line on which the parent begins, 0 at the top.
    pub opens: u32,
}

impl Place<'_> {
    pub const TOP: Place<'static> = Place { object: "", scope: "", opens: 0 };

    /// The path of a part.
    pub fn child(&self, key: &str) -> String {
        if self.object.is_empty() { key.to_owned() } else { format!("{}.{key}", self.object) }
    }
}

pub(super) struct Out<'a> {
    changed: &'a ChangedLines,
    touched: Vec<Fact>,
    context: Vec<Fact>,
    pub comments: BTreeSet<u32>,
    pub is_cut: bool,
    /// Only a part of the text is understood.
    pub is_partial: bool,
}

impl<'a> Out<'a> {
    pub fn new(changed: &'a ChangedLines) -> Out<'a> {
        Out {
            changed,
            touched: Vec::new(),
            context: Vec::new(),
            comments: BTreeSet::new(),
            is_cut: false,
            is_partial: false,
        }
    }

    /// Whether a fact on these lines is collected.
    pub fn wants(&self, lines: &Lines) -> bool {
        self.context.len() < MAX_CONTEXT || self.touched.len() <= MAX_FACTS && self.changed.touch(lines)
    }

    pub fn add(&mut self, kind: Kind, object: &str, value: Value, text: &str, lines: &Lines, place: &Place) {
        let is_touched = self.changed.touch(lines);
        let (facts, most) = match is_touched {
            true => (&mut self.touched, MAX_FACTS + 1),
            false => (&mut self.context, MAX_CONTEXT),
        };
        if facts.len() >= most {
            return;
        }
        facts.push(Fact {
            kind,
            object: clip(object),
            value,
            text: one_line(text),
            scope: clip(place.scope),
            lines: lines.clone(),
            opens: place.opens,
        });
    }

    /// A setting whose value is a literal.
    pub fn set(&mut self, object: &str, key: &str, text: &str, lines: &Lines, place: &Place) {
        if self.wants(lines) {
            let text = one_line(text);
            self.add(Kind::Setting, object, literal(&text, key), &text, lines, place);
        }
    }

    pub fn block(&mut self, object: &str, text: &str, lines: &Lines, place: &Place) {
        if self.wants(lines) {
            self.add(Kind::Block, object, Value::None, text, lines, place);
        }
    }

    pub fn filter(&mut self, rule: &Rule, lines: &Lines, place: &Place) {
        let value = rule.value();
        let text = value.say();
        self.add(Kind::Filter, &rule.object(), value, &text, lines, place);
    }

    pub fn into_facts(mut self) -> Facts {
        self.touched.append(&mut self.context);
        let Out { touched: facts, comments, is_cut, is_partial, .. } = self;
        Facts { facts, comments, is_cut, is_partial, ..Facts::default() }
    }
}

/// The value of a literal; values from a template are not known.
pub(super) fn literal(text: &str, key: &str) -> Value {
    // Spring and Compose write a variable with its default: `${NAME:true}`, `${NAME:-true}`.
    let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).filter(|inner| !inner.contains("${"));
    if let Some(default) = whole.and_then(|inner| inner.split_once(':')).map(|(_, rest)| rest.trim_start_matches('-')) {
        let value = Value::of_text(default, key);
        return if value.is_known() { value } else { Value::Expression(text.to_owned()) };
    }
    let is_template = ["{{", "${", "{%", "<%"].iter().any(|sign| text.contains(sign));
    if is_template { Value::Expression(text.to_owned()) } else { Value::of_text(text, key) }
}
