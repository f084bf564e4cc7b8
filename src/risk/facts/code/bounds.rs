//! Loops, and the greatest number of their iterations.

use tree_sitter::Node;

use super::super::{Kind, Value};
use super::language::{Part, Role};
use super::settings::number;
use super::text::spell;
use super::walk::Walk;

impl<'t> Walk<'t> {
    pub fn repetition(&mut self, node: Node<'t>, condition: Part, over: Part, body: Part) {
        let body = self.part(node, body);
        let bound = match self.part(node, over) {
            Some(over) => self.bound_of_range(over),
            // In a script it waits for what somebody else does.
            None if self.waits(node) => Some(Value::Unbounded),
            None => Some(self.bound_of_condition(self.part(node, condition), body, node.kind() == "until")),
        };
        let Some(value) = bound else { return };
        let (head, lines) = match body {
            Some(body) if body.start_byte() > node.start_byte() && node.kind() != "do_statement" => {
                (spell(self.syntax, self.source, node, Some(body)).text, self.head_lines(node, Some(body)))
            }
            _ => (self.text(node), self.lines(node)),
        };
        let object = self.part(node, over).or(self.part(node, condition)).filter(|of| Some(*of) != body);
        let object = object.map(|of| self.text(of)).filter(|text| !matches!(text.as_str(), "" | ";"));
        let object = object.unwrap_or_else(|| node.kind().split('_').next().unwrap_or("loop").to_owned());
        let value = match (value, body) {
            (Value::Unbounded, Some(body)) if self.ends_by_time_or_count(body) => Value::Expression(head.clone()),
            (value, _) => value,
        };
        self.tell(Kind::Loop, object, value, head, lines);
    }

    /// `until pg_isready; do … done`, `while ! nc …`: without a count.
    fn waits(&self, node: Node<'t>) -> bool {
        let head = self.raw(node).split([';', '\n']).next().unwrap_or_default();
        let counts = ["-lt", "-le", "-gt", "-ge", "-eq", "-ne", "((", "read "].iter().any(|sign| head.contains(sign));
        self.is_script() && (head.starts_with("until ") || head.starts_with("while ! ")) && !counts
    }

    fn is_script(&self) -> bool {
        self.syntax.language.grammar.extensions.contains(&"bash")
    }

    /// Whether a body checks a deadline or counts its turns, and leaves then.
    fn ends_by_time_or_count(&self, body: Node<'t>) -> bool {
        const MAX_READ: usize = 4_000;
        const TIMES: &[&str] = &["deadline", "elapsed", "time.since(", "expires", "give_up", "giveup", "time_limit"];
        const COUNTS: &[&str] = &["attempt", "tries", "retries", "retry_count", "count", "turns", "rounds"];
        let start = body.start_byte();
        let text = self.around(start..body.end_byte().min(start + MAX_READ)).to_ascii_lowercase();
        let is_condition = |line: &&str| line.contains("if ") || line.contains("if(") || line.contains("unless ");
        let compares = |line: &str| ["<", ">", "==", ".after(", ".before("].iter().any(|sign| line.contains(sign));
        let says = |line: &str, words: &[&str]| words.iter().any(|word| line.contains(word));
        let lines: Vec<&str> = text.lines().collect();
        let leaves = |at: usize| {
            let near = &lines[at..lines.len().min(at + 4)];
            near.iter().any(|line| says(line, &["return", "break", "raise", "throw", "panic", "exit", "bail!"]))
        };
        let is_script = self.is_script();
        let is_end = |(at, line): (usize, &&str)| {
            let is_test = is_script && line.contains('$') && says(line, &["-ge ", "-gt ", "-eq "]);
            is_test && leaves(at)
                || is_condition(line) && compares(line) && (says(line, TIMES) || says(line, COUNTS)) && leaves(at)
        };
        lines.iter().enumerate().any(is_end)
    }

    fn bound_of_condition(&self, condition: Option<Node<'t>>, body: Option<Node<'t>>, is_until: bool) -> Value {
        let condition = condition.filter(|of| Some(*of) != body && !is_nothing(*of));
        let Some(condition) = condition else { return Value::Unbounded };
        let text = self.text(condition);
        match text.as_str() {
            "true" | "True" | "1" | "TRUE" | ":" => Value::Unbounded,
            _ => self.bound_of_comparison(condition, is_until).unwrap_or(Value::Expression(text)),
        }
    }

    /// `i < 3` runs up to three times, `3 > i` too.
    fn bound_of_comparison(&self, condition: Node<'t>, is_until: bool) -> Option<Value> {
        let text = self.text(condition);
        let (at, sign) =
            ["<=", ">=", "<", ">"].iter().find_map(|sign| Some((text.find(&format!(" {sign} "))?, *sign)))?;
        let (left, right) = (text[..at].trim(), text[at + sign.len() + 2..].trim());
        let is_below = sign.starts_with('<') != is_until;
        let limit = if is_below { right } else { left };
        let limit = limit.split([' ', ')', '(']).next().unwrap_or(limit);
        let limit = self.constants.get(limit).map_or(limit, |value| *value);
        match Value::of(&number(limit).unwrap_or_else(|| limit.to_owned()), "") {
            value @ Value::Number(_) => Some(value),
            _ if is_below => Some(Value::Expression(limit.to_owned())),
            _ => None,
        }
    }

    /// `range(3)`, `0..3`, `1 until 3`; nothing if it iterates over a collection.
    pub fn bound_of_range(&self, over: Node<'t>) -> Option<Value> {
        let over = self.bare(over);
        let is_range = match self.role(over) {
            Some(Role::Call { .. }) => {
                let callee = self.parts_of_call(over)?.callee;
                matches!(callee.as_str(), "range" | "xrange" | "_.range" | "Enumerable.Range")
            }
            _ => over.kind().contains("range") || self.text(over).contains(" until "),
        };
        let text = self.text(over);
        let last = text.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' && !text.contains("..")));
        let last = last.map(str::to_owned).find(|word| !word.is_empty()).filter(|_| is_range)?;
        let last = self.constants.get(last.as_str()).map_or(last, |value| (*value).to_owned());
        Some(match Value::of(&number(&last).unwrap_or_else(|| last.clone()), "") {
            value @ Value::Number(_) => value,
            _ => Value::Expression(last),
        })
    }
}

/// A missing condition: `for (;;)`.
fn is_nothing(node: Node) -> bool {
    matches!(node.kind(), "empty_statement" | "for_clause" | ";" | "block")
}
