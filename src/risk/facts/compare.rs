//! Compares the facts of two sides: what was added, what was removed, and what changed its value.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{ChangedLines, Fact, Kind};

/// What a change did to a fact.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::risk) enum Delta {
    Came(Fact),
    /// The removed fact, and what was removed with it, in which it is not missed.
    Went {
        fact: Fact,
        with: Enclosing,
    },
    /// The fact about the same object, before and after.
    Changed {
        old: Fact,
        new: Fact,
    },
}

/// What was removed around a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::risk) enum Enclosing {
    /// Nothing: the fact is missed where it was.
    Nothing,
    /// The key, call or definition that contained it.
    Parent,
    /// The resource, manifest or job.
    Block,
    /// The file.
    File,
}

/// Compares the facts of two sides of a file. A fact that is elsewhere in the file, with the same value, was moved and
/// is no change. `removed` and `added` are the lines that differ. Linear except for the sorting.
pub(in crate::risk) fn compare(
    old: Vec<Fact>,
    new: Vec<Fact>,
    removed: &ChangedLines,
    added: &ChangedLines,
) -> Vec<Delta> {
    let alive = Alive::of(&new);
    let mut sides = Sides { old: old.into_iter().map(Some).collect(), new: new.into_iter().map(Some).collect() };
    sides.pair(|fact| (fact.kind, fact.object.clone(), fact.scope.clone(), said(fact)));
    sides.pair(|fact| (fact.kind, fact.object.clone(), String::new(), said(fact)));
    sides.pair(|fact| (fact.kind, unnumbered(&fact.object), fact.scope.clone(), said(fact)));
    let mut changed = sides.pair(|fact| (fact.kind, fact.object.clone(), fact.scope.clone(), String::new()));
    changed.extend(sides.pair(|fact| (fact.kind, plural(&fact.object), fact.scope.clone(), String::new())));
    changed.extend(sides.pair(|fact| (fact.kind, fact.object.clone(), String::new(), String::new())));
    sides.pair(|fact| (fact.kind, fact.name().to_owned(), String::new(), said(fact)));
    sides.pair_by(of_link, own_name);
    sides.pair_by(own_name, of_link);
    changed.extend(sides.pair(|fact| (fact.kind, alike(fact), fact.scope.clone(), String::new())));
    let mut deltas: Vec<Delta> = changed
        .into_iter()
        .filter(|(old, new)| !old.says_the_same_as(new))
        .filter(|(old, new)| removed.touch(&old.lines) || added.touch(&new.lines))
        .map(|(old, new)| Delta::Changed { old, new })
        .collect();
    let went: Vec<Fact> = sides.old.into_iter().flatten().filter(|fact| removed.touch(&fact.lines)).collect();
    let blocks = went.iter().filter(|fact| fact.kind == Kind::Block).map(|fact| fact.object.clone()).collect();
    deltas.extend(went.into_iter().map(|fact| Delta::Went { with: alive.enclosing_of(&fact, &blocks, removed), fact }));
    deltas.extend(sides.new.into_iter().flatten().filter(|fact| added.touch(&fact.lines)).map(Delta::Came));
    deltas
}

/// An object regardless of its number of values: a `timeout` that was a pair is still the timeout.
fn plural(object: &str) -> String {
    object.trim_end_matches("[]").to_owned()
}

/// An object without the numbers of its items: if one item of a list is removed, the others move up.
fn unnumbered(object: &str) -> String {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = object.split('.').filter(|part| !is_number(part));
    let parts = parts.map(|part| match part.split_once('[') {
        Some((name, rest)) if rest.strip_suffix(']').is_some_and(is_number) => name.to_owned() + "[]",
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(".")
}

/// What identifies equal facts: for a setting with a quantity, the quantity; otherwise its text.
fn said(fact: &Fact) -> String {
    match &fact.value {
        value if fact.kind == Kind::Setting && value.is_known() => format!("={value:?}"),
        _ => fact.text.clone(),
    }
}

/// A call without its receiver, which a chain of calls does not repeat.
fn own_name(fact: &Fact) -> Option<Key> {
    let own = fact.text.strip_prefix(fact.parent())?.strip_prefix('.')?;
    (fact.kind == Kind::Call).then(|| (Kind::Call, fact.name().to_owned(), fact.scope.clone(), own.to_owned()))
}

/// A link of a chain of calls.
fn of_link(fact: &Fact) -> Option<Key> {
    let is_link = fact.kind == Kind::Call && fact.parent().is_empty();
    is_link.then(|| (Kind::Call, fact.object.clone(), fact.scope.clone(), fact.text.clone()))
}

/// Which facts of a scope replace each other although their objects differ: conditions that use the same names, loops.
/// Others do not.
fn alike(fact: &Fact) -> String {
    match fact.kind {
        Kind::Guard | Kind::Assertion => names(&fact.object).join(" "),
        Kind::Loop => String::new(),
        _ => format!("{}\0{}", fact.object, fact.text),
    }
}

/// The identifiers of an expression, in order, each once.
fn names(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let named = words.filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    let mut names: Vec<String> = named
        .filter(|word| !matches!(*word, "not" | "and" | "or" | "is" | "if" | "unless"))
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The facts of both sides that have no counterpart yet.
struct Sides {
    old: Vec<Option<Fact>>,
    new: Vec<Option<Fact>>,
}

type Key = (Kind, String, String, String);

impl Sides {
    /// Removes pairs with the same key on both sides, first with first.
    fn pair(&mut self, key: impl Fn(&Fact) -> Key) -> Vec<(Fact, Fact)> {
        let key = |fact: &Fact| Some(key(fact));
        self.pair_by(key, key)
    }

    /// Like [`Sides::pair`], with a key for each side; facts without a key are kept.
    fn pair_by(
        &mut self,
        of_old: impl Fn(&Fact) -> Option<Key>,
        of_new: impl Fn(&Fact) -> Option<Key>,
    ) -> Vec<(Fact, Fact)> {
        let mut by_key: BTreeMap<Key, VecDeque<usize>> = BTreeMap::new();
        for (at, fact) in self.new.iter().enumerate() {
            if let Some(key) = fact.as_ref().and_then(&of_new) {
                by_key.entry(key).or_default().push_back(at);
            }
        }
        let mut pairs = Vec::new();
        for slot in &mut self.old {
            let at = slot.as_ref().and_then(|fact| by_key.get_mut(&of_old(fact)?)?.pop_front());
            if let Some(pair) = at.and_then(|at| self.new[at].take()).and_then(|new| Some((slot.take()?, new))) {
                pairs.push(pair);
            }
        }
        pairs
    }
}

/// What the new side still has: the objects and scopes that contain facts.
struct Alive {
    objects: BTreeSet<String>,
    scopes: BTreeSet<String>,
}

impl Alive {
    fn of(new: &[Fact]) -> Alive {
        let prefixes = |object: &str| {
            let ends = object.match_indices('.').map(|(at, _)| at).chain([object.len()]);
            ends.map(|end| object[..end].to_owned()).collect::<Vec<_>>()
        };
        Alive {
            objects: new.iter().flat_map(|fact| prefixes(&fact.object)).collect(),
            scopes: new.iter().map(|fact| fact.scope.clone()).collect(),
        }
    }

    /// What was removed around a fact; `blocks` are the removed blocks.
    fn enclosing_of(&self, fact: &Fact, blocks: &BTreeSet<String>, removed: &ChangedLines) -> Enclosing {
        let is_there = match fact.kind {
            Kind::Setting | Kind::Block => self.objects.contains(fact.parent()),
            _ => self.scopes.contains(&fact.scope),
        };
        // A key at the top, such as `permissions`, is a part of its file rather than a separate thing.
        let is_a_thing = fact.scope.contains('.') && fact.scope != fact.object;
        if is_a_thing && blocks.contains(&fact.scope) {
            Enclosing::Block
        } else if fact.opens > 0 && removed.touch(&(fact.opens..=fact.opens)) && !is_there {
            Enclosing::Parent
        } else {
            Enclosing::Nothing
        }
    }
}

impl Delta {
    /// The fact after the change, or else before it.
    pub fn fact(&self) -> &Fact {
        match self {
            Delta::Came(fact) | Delta::Went { fact, .. } | Delta::Changed { new: fact, .. } => fact,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::super::Value;
    use super::*;

    fn item(at: u32, value: f64) -> Fact {
        Fact {
            kind: Kind::Setting,
            object: format!("items[{at}].x"),
            value: Value::Number(value),
            text: value.to_string(),
            scope: String::new(),
            lines: at + 1..=at + 1,
            opens: at + 1,
        }
    }

    fn lines(numbers: RangeInclusive<u32>) -> ChangedLines {
        ChangedLines::of(numbers)
    }

    #[test]
    fn where_an_item_without_a_name_is_gone_the_others_only_moved_up() {
        let old = vec![item(0, 1.0), item(1, 2.0), item(2, 3.0)];
        let new = vec![item(0, 2.0), item(1, 3.0)];
        let deltas = compare(old, new, &lines(1..=1), &ChangedLines::default());
        assert!(matches!(&deltas[..], [Delta::Went { fact, .. }] if fact.value == Value::Number(1.0)), "{deltas:?}");
    }

    #[test]
    fn what_differs_on_lines_that_did_not_change_is_not_said() {
        let untouched = lines(9..=9);
        assert_eq!(compare(vec![item(0, 1.0)], vec![item(0, 2.0)], &untouched, &untouched), []);
    }
}
