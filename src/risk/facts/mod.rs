//! What a text states, whatever its layout: settings, calls, guards, handlers and so on, read from its syntax. Two
//! sides are compared fact by fact ([`compare`]), so that moving an argument to a new line is no change, and a removed
//! limit is found where it was.

mod code;
mod compare;
mod condition;
mod config;
mod covered;
mod filters;
mod inert;
mod sql;
mod value;

pub(super) use compare::{Delta, Enclosing, Heirs, ends_of};
pub(super) use condition::{Refusals, is_inverted};
pub(super) use config::without_template;
pub(super) use filters::covers;
pub(super) use inert::may_turn;
pub(super) use value::Value;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The kind of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    /// Something has a value: a key of a configuration, a constant, a named argument, a field of a literal, the default
    /// of a parameter or of a variable of the environment.
    Setting,
    /// A function is called.
    Call,
    /// A condition for an early exit from a function, or for the next iteration.
    Guard,
    /// The handling of an error: its object is the error that is caught, its value `empty`, `logged` or `handled`.
    Handler,
    /// A decorator, annotation or attribute: something that is declared about a function or class.
    Decorator,
    /// A loop; the value is its bound, or [`Value::Unbounded`].
    Loop,
    /// An assertion of a test, or of code.
    Assertion,
    /// A test, by its name.
    Test,
    /// A public definition, with its signature: a public function, type, field, route, message.
    Definition,
    /// A program that a shell runs: its name and subcommands; the text has all of its words.
    Command,
    /// A statement of SQL: its verb and what it is about.
    Sql,
    /// A rule of a packet or route filter: the list that it is in and whether it accepts or refuses, `INPUT.refuse`;
    /// the value is its conditions. `INPUT.policy` is for what no rule fits.
    Filter,
    /// A whole resource, manifest, job or stage: `resource.aws_db_instance.main`.
    Block,
}

/// A statement of one side of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fact {
    pub kind: Kind,
    /// What it is about, its parts joined by dots: `spec.containers[web].livenessProbe.timeoutSeconds`,
    /// `requests.post.timeout`, `terraform destroy`. An item of a list of plain values ends in `[]`.
    pub object: String,
    /// Its value.
    pub value: Value,
    /// The text, with each run of blanks as one blank and without comments; at most [`MAX_TEXT`] bytes.
    pub text: String,
    /// The definitions that enclose it, outermost first, joined by dots: `Checkout.pay`.
    pub scope: String,
    /// Its first and last line, 1-based.
    pub lines: RangeInclusive<u32>,
    /// The line, 1-based, on which the enclosing definition, call, block or key begins; 0 at the top.
    pub opens: u32,
}

impl Fact {
    /// The object without its last part.
    pub fn parent(&self) -> &str {
        self.object.rsplit_once('.').map_or("", |(parent, _)| parent)
    }

    /// The last part of the object.
    pub fn name(&self) -> &str {
        self.object.rsplit_once('.').map_or(&self.object, |(_, name)| name)
    }

    /// Whether it is a setting of no items, however its language writes that.
    pub fn is_empty_list(&self) -> bool {
        let (Value::Text(text) | Value::Expression(text)) = &self.value else { return false };
        let is_plain = matches!(
            text.as_str(),
            "[]" | "()" | "{}" | "null" | "nil" | "None" | "~" | "set()" | "list()" | "tuple()" | "frozenset()"
        );
        let is_typed = || match text.strip_prefix("new ") {
            Some(made) => made.ends_with("{}") || made.ends_with("[0]"),
            None => text.starts_with("[]") && text.ends_with("{}"),
        };
        let is_made = || text.ends_with(".of()") || text.ends_with(".emptyList()");
        let is_empty = || is_plain || is_typed() || is_made();
        self.kind == Kind::Setting && !self.object.ends_with("[]") && is_empty()
    }

    /// Whether two facts of the same kind and object state the same.
    pub fn says_the_same_as(&self, other: &Fact) -> bool {
        let is_same_setting = || {
            self.value.is_known() && self.value.is_the_same_as(&other.value)
                || value::is_same_schedule(&self.value.say(), &other.value.say())
        };
        self.text == other.text && (self.kind != Kind::Setting || self.value == other.value)
            || self.kind == Kind::Setting && is_same_setting()
    }
}

/// The most bytes of a fact's text; a longer one is cut.
pub(super) const MAX_TEXT: usize = 1_000;
/// The most facts of one side of a file; more are ignored, and that is reported.
pub(super) const MAX_FACTS: usize = 20_000;
/// The most bytes of a text that is parsed; a longer one is left to the patterns.
pub(super) const MAX_PARSED: usize = 2 << 20;

/// The names that the head of a type says besides its own: `class A < B`, `class A extends B implements C`.
pub(in crate::risk) type Bases = Arc<BTreeSet<String>>;

/// The facts of one side of a file, where it changed.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub facts: Vec<Fact>,
    /// Lines, 1-based, that contain only a comment.
    pub comments: BTreeSet<u32>,
    /// The functions and types with their scopes, `Checkout.pay`, also those that state nothing; and the names after
    /// that of a type, its bases.
    pub defined: BTreeMap<String, Bases>,
    /// There are more facts than were read.
    pub is_cut: bool,
    /// Only a part of the text was understood: the patterns read the whole.
    pub is_partial: bool,
}

/// Lines, 1-based, of one side that a change removes or adds.
#[derive(Debug, Default)]
pub(super) struct ChangedLines(Vec<Run>);

/// Consecutive lines that differ.
#[derive(Debug)]
struct Run {
    /// Those that the comparison chose.
    chosen: RangeInclusive<u32>,
    /// Including those that it could have chosen as well: of two equal lines, either may be the removed one.
    possible: RangeInclusive<u32>,
}

/// By how many lines a run may slide.
const MAX_SLIDE: u32 = 40;

impl ChangedLines {
    /// Numbers in ascending order.
    #[cfg(test)]
    pub fn of(numbers: impl Iterator<Item = u32>) -> ChangedLines {
        ChangedLines::in_text(numbers, |_| None)
    }

    /// Numbers in ascending order; `line` returns the text of any line of that side, none after its end.
    pub fn in_text<'t>(numbers: impl Iterator<Item = u32>, line: impl Fn(u32) -> Option<&'t [u8]>) -> ChangedLines {
        let mut chosen: Vec<RangeInclusive<u32>> = Vec::new();
        for number in numbers {
            match chosen.last_mut() {
                Some(run) if *run.end() + 1 >= number => *run = *run.start()..=number,
                _ => chosen.push(number..=number),
            }
        }
        let same = |a: u32, b: u32| a > 0 && line(a).zip(line(b)).is_some_and(|(a, b)| a == b);
        let possible = |run: RangeInclusive<u32>| {
            let (start, end) = (*run.start(), *run.end());
            let down = (0..MAX_SLIDE).take_while(|&by| same(start + by, end + 1 + by)).count() as u32;
            let up = (1..=MAX_SLIDE.min(start)).take_while(|&by| same(start - by, end + 1 - by)).count() as u32;
            Run { chosen: run, possible: start - up..=end + down }
        };
        ChangedLines(chosen.into_iter().map(possible).collect())
    }

    /// Runs in order; those that touch become one.
    pub fn in_runs(runs: impl Iterator<Item = RangeInclusive<u32>>) -> ChangedLines {
        let mut joined: Vec<Run> = Vec::new();
        for run in runs {
            match joined.last_mut() {
                Some(last) if *last.chosen.end() + 1 >= *run.start() => {
                    let whole = *last.chosen.start()..=*last.chosen.end().max(run.end());
                    *last = Run { chosen: whole.clone(), possible: whole };
                }
                _ => joined.push(Run { chosen: run.clone(), possible: run }),
            }
        }
        ChangedLines(joined)
    }

    /// Whether one of these lines is included.
    pub fn touch(&self, lines: &RangeInclusive<u32>) -> bool {
        self.run_in(lines).is_some()
    }

    /// The first changed line among these, or else the first of the run that could have been chosen there.
    pub fn first_in(&self, lines: &RangeInclusive<u32>) -> Option<u32> {
        let Run { chosen, .. } = self.run_in(lines)?;
        let first = *chosen.start().max(lines.start());
        Some(if first <= *chosen.end().min(lines.end()) { first } else { *chosen.start() })
    }

    fn run_in(&self, lines: &RangeInclusive<u32>) -> Option<&Run> {
        let touches = |run: &&Run| run.possible.start() <= lines.end() && lines.start() <= run.possible.end();
        // Runs may slide by a bounded number of lines only, so that those that can touch are near.
        let from = self.0.partition_point(|run| run.chosen.end() + MAX_SLIDE < *lines.start());
        let near = self.0[from..].iter().take_while(|run| *run.chosen.start() <= lines.end().saturating_add(MAX_SLIDE));
        near.filter(touches).min_by_key(|run| run.chosen.start() > lines.end() || lines.start() > run.chosen.end())
    }
}

/// The facts of a text on the lines that changed, in the format given by its path; nothing if the format is not known.
/// Linear in the length of the text.
pub(super) fn facts(path: &str, text: &str, changed: &ChangedLines) -> Option<Facts> {
    let is_long = text.len() > MAX_PARSED;
    // Only whether the format is read.
    let text = if is_long { "{}\n" } else { text };
    let mut found = code::facts(path, text, changed).or_else(|| config::facts(path, text, changed))?;
    found.is_cut |= is_long || found.facts.len() > MAX_FACTS;
    found.is_partial |= found.is_cut;
    found.facts.truncate(MAX_FACTS);
    Some(found)
}

/// Whether each line of a text is one that does not run; nothing if that is not known of its format. Linear.
pub(super) fn idle_lines(path: &str, text: &str) -> Option<Vec<bool>> {
    if text.len() > MAX_PARSED {
        return None;
    }
    let mut rows = inert::Rows::of(text);
    let is_known = code::mark_inert(path, text, &mut rows).is_some() || inert::mark_by_signs(path, text, &mut rows);
    inert::mark_left_out(path, &mut rows);
    is_known.then(|| rows.into_idle())
}

/// Compares the facts of two sides of a file; rules of filters by what they cover. `removed` and `added` are the lines
/// that differ; of removed ones, `is_reworded` says whether it is in more than their layout. Facts that are `idle` do
/// not run, of the old side and of the new one, and do so on the other one.
pub(super) fn compare(
    (old, is_idle_in_old): (&Facts, &dyn Fn(&Fact) -> bool),
    (new, is_idle_in_new): (&Facts, &dyn Fn(&Fact) -> bool),
    (removed, is_reworded): (&ChangedLines, &dyn Fn(u32) -> bool),
    added: &ChangedLines,
) -> Vec<Delta> {
    let is_filter = |fact: &&Fact| fact.kind == Kind::Filter;
    let defined = (&old.defined, &new.defined);
    let (old_filters, old): (Vec<&Fact>, Vec<&Fact>) =
        old.facts.iter().filter(|fact| !is_idle_in_old(fact)).partition(is_filter);
    let (new_filters, new): (Vec<&Fact>, Vec<&Fact>) =
        new.facts.iter().filter(|fact| !is_idle_in_new(fact)).partition(is_filter);
    let mut deltas = compare::compare(&old, &new, defined, (removed, is_reworded), added);
    let owned = |filters: Vec<&Fact>| filters.into_iter().cloned().collect::<Vec<_>>();
    deltas.extend(covered::compare(&owned(old_filters), &owned(new_filters), removed, added));
    deltas
}

/// At most [`MAX_TEXT`] bytes of it.
fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}
