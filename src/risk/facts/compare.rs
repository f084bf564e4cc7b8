//! Compares the facts of two sides: what was added, what was removed, and what changed its value.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::{Bases, ChangedLines, Fact, Kind, Refusals, Value};

/// What a change did to a fact.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::risk) enum Delta {
    Came(Fact),
    /// The removed fact, what was removed with it, in which it is not missed, and where it may be now: also in the
    /// bases of the type that stated it.
    Went {
        fact: Fact,
        with: Enclosing,
        heirs: Heirs,
        bases: Bases,
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
/// is no change. `before` and `kept` are the functions and types of the sides, which may state nothing. `removed` and
/// `added` are the lines that differ; `is_reworded` says of the removed ones whether they only had another layout.
/// Linear except for the sorting.
pub(in crate::risk) fn compare(
    old: &[&Fact],
    new: &[&Fact],
    (before, kept): (&BTreeMap<String, Bases>, &BTreeMap<String, Bases>),
    (removed, is_reworded): (&ChangedLines, &dyn Fn(u32) -> bool),
    added: &ChangedLines,
) -> Vec<Delta> {
    // Of most files all facts but a few have a counterpart, and these are never asked.
    let alive = LazyCell::new(|| Alive::of(new, before, kept));
    let definitions = LazyCell::new(|| Definitions::of(old, new, kept));
    let moves = |old: &Fact, new: &Fact| definitions.heirs_of(old).include(&old.scope, &new.scope);
    let mut sides = Sides::of(old, new);
    sides.pair(|fact| key(fact, fact.object.as_str(), &fact.scope, said(fact)));
    sides.pair_across(|fact| key(fact, fact.object.as_str(), "", said(fact)), moves);
    sides.pair(|fact| key(fact, unnumbered(&fact.object), &fact.scope, said(fact)));
    let of_list = |fact| Some(key(fact, plural(&fact.object), &fact.scope, said(fact)));
    sides.pair_by(of_list, |fact| of_list(fact).filter(|_| !fact.is_empty_list()));
    let mut changed = sides.pair(|fact| key(fact, fact.object.as_str(), &fact.scope, ""));
    // A list that is emptied has none of its items any more, even if it had only one.
    let of_list = |fact| Some(key(fact, plural(&fact.object), &fact.scope, ""));
    changed.extend(sides.pair_by(of_list, |fact| of_list(fact).filter(|_| !fact.is_empty_list())));
    changed.extend(sides.pair_across(|fact| key(fact, fact.object.as_str(), "", ""), moves));
    changed.extend(sides.pair_by(of_job, of_job));
    sides.pair_across(|fact| key(fact, fact.name(), "", said(fact)), moves);
    sides.pair_by(of_link, own_name);
    sides.pair_by(own_name, of_link);
    changed.extend(sides.pair(|fact| key(fact, alike(fact), &fact.scope, "")));
    changed.extend(sides.pair_conditions());
    changed.extend(sides.pair_nested(before.is_empty() && kept.is_empty(), moves));
    let changed_to_a_name = changed.iter().filter_map(|(old, new)| name_for_a_list(old, new)).collect();
    let mut deltas: Vec<Delta> = changed
        .into_iter()
        .filter(|(old, new)| !old.says_the_same_as(new))
        .filter(|(old, new)| removed.touch(&old.lines) || added.touch(&new.lines))
        .map(|(old, new)| Delta::Changed { old: old.clone(), new: new.clone() })
        .collect();
    sides.drop_items_of_named_lists(&changed_to_a_name);
    sides.drop_what_types_state(new, added);
    let went: Vec<&Fact> = sides.old.into_iter().filter(|fact| removed.touch(&fact.lines)).collect();
    let blocks = went.iter().filter(|fact| fact.kind == Kind::Block).map(|fact| fact.object.clone()).collect();
    deltas.extend(went.into_iter().map(|fact| Delta::Went {
        with: alive.enclosing_of(fact, &blocks, |line| removed.touch(&(line..=line)) && is_reworded(line)),
        heirs: definitions.heirs_of(fact),
        bases: kept.get(&fact.scope).cloned().unwrap_or_default(),
        fact: fact.clone(),
    }));
    let came = sides.new.into_iter().filter(|fact| added.touch(&fact.lines));
    deltas.extend(came.cloned().map(Delta::Came));
    deltas
}

/// The object and scope of a list that is a name now: `timeout=(a, b)` became `timeout=settings.timeout`. What is in
/// the list that the name stands for is not known.
fn name_for_a_list(old: &Fact, new: &Fact) -> Option<(String, String)> {
    let is_named = matches!(new.value, Value::Expression(_)) && new.kind == Kind::Setting;
    let is_list = old.object.ends_with("[]") && !new.object.ends_with("[]");
    (is_named && is_list).then(|| (old.object.clone(), old.scope.clone()))
}

/// An object regardless of its number of values: a `timeout` that was a pair is still the timeout.
fn plural(object: &str) -> &str {
    object.trim_end_matches("[]")
}

/// An object without the numbers of its items: if one item of a list is removed, the others move up.
fn unnumbered(object: &str) -> Cow<'_, str> {
    if !object.bytes().any(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(object);
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = object.split('.').filter(|part| !is_number(part));
    let parts = parts.map(|part| match part.split_once('[') {
        Some((name, rest)) if rest.strip_suffix(']').is_some_and(is_number) => name.to_owned() + "[]",
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(".").into()
}

/// What identifies equal facts: for a setting with a quantity, the quantity; otherwise its text.
fn said(fact: &Fact) -> Cow<'_, str> {
    match &fact.value {
        value if fact.kind == Kind::Setting && value.is_known() => format!("={value:?}").into(),
        _ => Cow::Borrowed(&fact.text),
    }
}

/// A call without its receiver, which a chain of calls does not repeat.
fn own_name(fact: &Fact) -> Option<Key<'_>> {
    let own = fact.text.strip_prefix(fact.parent())?.strip_prefix('.')?;
    (fact.kind == Kind::Call).then(|| key(fact, fact.name(), &fact.scope, own))
}

/// A link of a chain of calls.
fn of_link(fact: &Fact) -> Option<Key<'_>> {
    let is_link = fact.kind == Kind::Call && fact.parent().is_empty();
    is_link.then(|| key(fact, fact.object.as_str(), &fact.scope, fact.text.as_str()))
}

/// When a line of a crontab runs its program, whatever the options are.
fn of_job(fact: &Fact) -> Option<Key<'_>> {
    let command = fact.object.strip_prefix("cron[")?.strip_suffix("].schedule")?;
    let words = command.split_whitespace().filter(|word| !word.starts_with('-'));
    Some((fact.kind, words.collect::<Vec<_>>().join(" ").into(), "", "".into()))
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

/// The ends of a path of keys that may stand for it elsewhere, the longest first: those of several keys, and one key if
/// its name says by itself what it is.
pub(in crate::risk) fn ends_of(path: &str) -> impl Iterator<Item = &str> {
    let from = std::iter::once(0).chain(path.match_indices('.').map(|(at, _)| at + 1));
    from.map(|at| &path[at..]).take(MAX_KEYS).filter(|end| end.contains('.') || is_telling(end))
}

/// How many ends of a path are tried.
const MAX_KEYS: usize = 16;

/// Whether a name has several words: `max_attempts`, `verifyTls`, but not `enabled`.
fn is_telling(name: &str) -> bool {
    let bare = name.trim_end_matches("[]");
    let has_hump = bare.as_bytes().windows(2).any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    !name.contains('[') && (has_hump || bare.trim_matches(['_', '-']).contains(['_', '-']))
}

/// How many candidates are tried for one fact: a text may state the same in twenty thousand functions.
const MAX_TRIED: usize = 64;

/// Where something that a scope no longer states may be now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::risk) enum Heirs {
    /// Anywhere: the scope is gone, or is the file.
    Anywhere,
    /// In what encloses the scope or is inside it, or in a function of one of these names, which it calls.
    Called(Arc<BTreeSet<String>>),
    /// Anywhere but in another one of these blocks, which were there before: two blocks do not exchange their settings.
    NotIn(Arc<BTreeSet<String>>),
}

impl Heirs {
    /// Whether it may have moved from `scope` to `heir`.
    pub fn include(&self, scope: &str, heir: &str) -> bool {
        let is_related = || is_within(scope, heir) || is_within(heir, scope);
        match self {
            Heirs::Anywhere => true,
            // What calls nothing any more may be done by the method of that name in another type.
            Heirs::Called(names) => {
                is_related() || names.contains(last(heir)) || names.is_empty() && last(scope) == last(heir)
            }
            Heirs::NotIn(blocks) => is_related() || !blocks.contains(heir),
        }
    }
}

/// The last name of a scope or an object.
fn last(scope: &str) -> &str {
    scope.rsplit('.').next().unwrap_or(scope)
}

/// Whether a scope is another one, or inside it.
fn is_within(scope: &str, outer: &str) -> bool {
    outer.is_empty() || scope.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Whether a scope is inside a named one.
fn is_part_of(scope: &str, outer: &str) -> bool {
    !outer.is_empty() && scope != outer && is_within(scope, outer)
}

/// The functions and blocks of both sides, and what those of the new side call. A check that left a function which is
/// still there is lost, even if another function, which that one does not call, gained the same check.
struct Definitions {
    old: Arc<BTreeSet<String>>,
    new: BTreeSet<String>,
    calls: BTreeMap<String, Arc<BTreeSet<String>>>,
}

impl Definitions {
    fn of(old: &[&Fact], new: &[&Fact], kept: &BTreeMap<String, Bases>) -> Definitions {
        let mut calls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for fact in new.iter().filter(|fact| fact.kind == Kind::Call) {
            calls.entry(fact.scope.clone()).or_default().insert(last(&fact.object).to_owned());
        }
        for fact in new.iter().filter(|fact| fact.kind == Kind::Decorator && is_mixed_in(fact.name())) {
            calls.entry(fact.scope.clone()).or_default().extend(names(&fact.text));
        }
        let calls = calls.into_iter().map(|(scope, names)| (scope, Arc::new(names))).collect();
        let new = scopes(new).into_iter().chain(kept.keys().cloned()).collect();
        Definitions { old: Arc::new(scopes(old)), new, calls }
    }

    fn heirs_of(&self, fact: &Fact) -> Heirs {
        if fact.scope.is_empty() || !self.new.contains(&fact.scope) {
            return Heirs::Anywhere;
        }
        match self.calls.get(&fact.scope) {
            Some(names) => Heirs::Called(names.clone()),
            // What calls nothing is a block of configuration, or a function that is left with nothing.
            None if matches!(fact.kind, Kind::Setting | Kind::Command) => Heirs::NotIn(self.old.clone()),
            None => Heirs::Called(Arc::default()),
        }
    }
}

/// Whether a declaration in a type takes in what another one has: `include AccountBilling`.
fn is_mixed_in(name: &str) -> bool {
    matches!(name, "include" | "extend" | "prepend" | "use" | "with" | "mixin")
}

/// Scopes that contain facts, and definitions that contain none.
fn scopes(facts: &[&Fact]) -> BTreeSet<String> {
    let is_own = |fact: &&&Fact| matches!(fact.kind, Kind::Definition | Kind::Block);
    let own = facts.iter().filter(is_own).map(|fact| fact.object.clone());
    facts.iter().map(|fact| fact.scope.clone()).chain(own).collect()
}

/// The facts of both sides that have no counterpart yet, each in the order of its text.
struct Sides<'f> {
    old: Vec<&'f Fact>,
    new: Vec<&'f Fact>,
}

/// A fact before and after.
type Pair<'f> = (&'f Fact, &'f Fact);

/// By what facts are paired.
type Key<'f> = (Kind, Cow<'f, str>, &'f str, Cow<'f, str>);

fn key<'f>(fact: &Fact, object: impl Into<Cow<'f, str>>, scope: &'f str, said: impl Into<Cow<'f, str>>) -> Key<'f> {
    (fact.kind, object.into(), scope, said.into())
}

impl<'f> Sides<'f> {
    fn of(old: &[&'f Fact], new: &[&'f Fact]) -> Sides<'f> {
        Sides { old: old.to_vec(), new: new.to_vec() }
    }

    /// Removes pairs with the same key on both sides, first with first.
    fn pair(&mut self, key: impl Fn(&'f Fact) -> Key<'f>) -> Vec<Pair<'f>> {
        let key = |fact| Some(key(fact));
        self.pair_by(key, key)
    }

    /// Like [`Sides::pair`], for facts of different scopes: each with the first that it may have moved to, of those
    /// that are tried.
    fn pair_across(
        &mut self,
        key: impl Fn(&'f Fact) -> Key<'f>,
        moves: impl Fn(&Fact, &Fact) -> bool,
    ) -> Vec<Pair<'f>> {
        let key = |fact| Some(key(fact));
        self.pair_where(key, key, moves)
    }

    /// Like [`Sides::pair`], with a key for each side; facts without a key are kept.
    fn pair_by(
        &mut self,
        of_old: impl Fn(&'f Fact) -> Option<Key<'f>>,
        of_new: impl Fn(&'f Fact) -> Option<Key<'f>>,
    ) -> Vec<Pair<'f>> {
        self.pair_where(of_old, of_new, |_, _| true)
    }

    fn pair_where(
        &mut self,
        of_old: impl Fn(&'f Fact) -> Option<Key<'f>>,
        of_new: impl Fn(&'f Fact) -> Option<Key<'f>>,
        fits: impl Fn(&Fact, &Fact) -> bool,
    ) -> Vec<Pair<'f>> {
        if self.old.is_empty() || self.new.is_empty() {
            return Vec::new();
        }
        let mut by_key: HashMap<Key<'f>, VecDeque<usize>> = HashMap::new();
        for (at, fact) in self.new.iter().enumerate() {
            if let Some(key) = of_new(fact) {
                by_key.entry(key).or_default().push_back(at);
            }
        }
        let (mut pairs, mut is_taken) = (Vec::new(), vec![false; self.new.len()]);
        let new = &self.new;
        self.old.retain(|fact| {
            let chosen = of_old(fact).and_then(|key| {
                let candidates = by_key.get_mut(&key)?;
                let chosen = candidates.iter().take(MAX_TRIED).position(|at| fits(fact, new[*at]))?;
                candidates.remove(chosen)
            });
            if let Some(at) = chosen {
                is_taken[at] = true;
                pairs.push((*fact, new[at]));
            }
            chosen.is_none()
        });
        self.keep(&is_taken);
        pairs
    }

    /// Drops the new facts that found their counterpart.
    fn keep(&mut self, is_taken: &[bool]) {
        let mut taken = is_taken.iter();
        self.new.retain(|_| taken.next() == Some(&false));
    }
}

impl<'f> Sides<'f> {
    /// Forgets the items of lists that have a name now, by object and scope.
    fn drop_items_of_named_lists(&mut self, lists: &BTreeSet<(String, String)>) {
        if !lists.is_empty() {
            self.old.retain(|fact| !lists.contains(&(fact.object.clone(), fact.scope.clone())));
        }
    }

    /// Forgets what methods declared and their type declares now, for all of them.
    fn drop_what_types_state(&mut self, new: &[&Fact], added: &ChangedLines) {
        if !self.old.iter().any(|old| old.kind == Kind::Decorator) {
            return;
        }
        let mut declared: BTreeMap<(Kind, &str, &str), Vec<&str>> = BTreeMap::new();
        let mut names: BTreeSet<(&str, &str)> = BTreeSet::new();
        for fact in new.iter().filter(|fact| added.touch(&fact.lines)) {
            // The options of a declaration follow it.
            let is_one = fact.kind == Kind::Decorator
                || fact.kind == Kind::Setting && names.contains(&(fact.parent(), fact.scope.as_str()));
            if is_one {
                names.insert((&fact.object, &fact.scope));
                declared.entry((fact.kind, &fact.object, &fact.text)).or_default().push(&fact.scope);
            }
        }
        self.old.retain(|fact| {
            let scopes = declared.get(&(fact.kind, fact.object.as_str(), fact.text.as_str()));
            !scopes.is_some_and(|scopes| scopes.iter().take(MAX_TRIED).any(|scope| is_part_of(&fact.scope, scope)))
        });
    }

    /// Pairs settings that are below another key now: the longest end of their paths that is the only one of both
    /// sides. One path must be the end of the other, or else, if `has_paths`, more than one key.
    fn pair_nested(&mut self, has_paths: bool, moves: impl Fn(&Fact, &Fact) -> bool) -> Vec<Pair<'f>> {
        if self.old.is_empty() || self.new.is_empty() {
            return Vec::new();
        }
        let (old, new) = (by_ends(&self.old), by_ends(&self.new));
        let only = |all: &HashMap<&str, Option<usize>>, end: &str| all.get(end).copied().flatten();
        let (mut pairs, mut is_taken) = (Vec::new(), vec![false; self.new.len()]);
        let facts = &self.new;
        self.old.retain(|fact| {
            let mut ends = ends_of(&fact.object).filter(|_| fact.kind == Kind::Setting);
            let chosen = ends.find_map(|end| {
                only(&old, end)?;
                let at = only(&new, end).filter(|at| !is_taken[*at] && moves(fact, facts[*at]))?;
                let is_whole = end.len() == fact.object.len() || end.len() == facts[at].object.len();
                (is_whole || has_paths && end.contains('.')).then_some(at)
            });
            if let Some(at) = chosen {
                is_taken[at] = true;
                pairs.push((*fact, facts[at]));
            }
            chosen.is_none()
        });
        self.keep(&is_taken);
        pairs
    }

    /// Pairs guards of which one refuses a part of what the other does, or never anything.
    fn pair_conditions(&mut self) -> Vec<Pair<'f>> {
        let mut by_scope: BTreeMap<&str, Vec<(usize, Refusals)>> = BTreeMap::new();
        for (at, fact) in self.new.iter().enumerate().filter(|(_, fact)| fact.kind == Kind::Guard) {
            by_scope.entry(&fact.scope).or_default().push((at, Refusals::of(fact)));
        }
        let (mut pairs, mut is_taken) = (Vec::new(), vec![false; self.new.len()]);
        let new = &self.new;
        self.old.retain(|fact| {
            let candidates = by_scope.get_mut(fact.scope.as_str()).filter(|_| fact.kind == Kind::Guard);
            let Some((at, is_split)) = candidates.and_then(|candidates| counterpart(fact, candidates)) else {
                return true;
            };
            is_taken[at] = true;
            pairs.extend((!is_split).then(|| (*fact, new[at])));
            false
        });
        self.keep(&is_taken);
        pairs
    }
}

/// The settings by the ends of their paths; none where several have one.
fn by_ends<'f>(facts: &[&'f Fact]) -> HashMap<&'f str, Option<usize>> {
    let mut ends = HashMap::new();
    for (at, fact) in facts.iter().enumerate().filter(|(_, fact)| fact.kind == Kind::Setting) {
        for end in ends_of(&fact.object) {
            ends.entry(end).and_modify(|held| *held = None).or_insert(Some(at));
        }
    }
    ends
}

/// Takes the condition that replaces another one, by its index, and whether others refuse with it all that was refused:
/// `if (a || b)` that became `if (a)` and `if (b)` refuses the same.
fn counterpart(old: &Fact, candidates: &mut Vec<(usize, Refusals)>) -> Option<(usize, bool)> {
    let old = Refusals::of(old);
    let fits = |(_, new): &(usize, Refusals)| old.lost_in(new).is_some() || new.lost_in(&old).is_some();
    let chosen = candidates.iter().take(MAX_TRIED).position(fits)?;
    let (at, new) = candidates.swap_remove(chosen);
    let is_split = old.lost_in(&new).is_some()
        && candidates.iter().take(MAX_TRIED).any(|(_, other)| other.refuse_what(&old, &new));
    Some((at, is_split))
}

/// What the new side still has: the objects and scopes that contain facts.
struct Alive<'d> {
    objects: BTreeSet<String>,
    scopes: BTreeSet<String>,
    /// Lists, by scope and the object of their items; also those that are empty.
    lists: BTreeSet<(String, String)>,
    /// The functions and types of the old side.
    before: &'d BTreeMap<String, Bases>,
    /// There are new functions or types: one that is gone may have another name now.
    has_new_names: bool,
}

impl<'d> Alive<'d> {
    fn of(new: &[&Fact], before: &'d BTreeMap<String, Bases>, kept: &BTreeMap<String, Bases>) -> Alive<'d> {
        let prefixes = |object: &str| {
            let ends = object.match_indices('.').map(|(at, _)| at).chain([object.len()]);
            ends.map(|end| object[..end].to_owned()).collect::<Vec<_>>()
        };
        Alive {
            objects: new.iter().flat_map(|fact| prefixes(&fact.object)).collect(),
            scopes: new.iter().map(|fact| fact.scope.clone()).chain(kept.keys().cloned()).collect(),
            lists: {
                let lists = new.iter().filter(|fact| fact.object.ends_with("[]") || fact.is_empty_list());
                lists.map(|fact| (fact.scope.clone(), format!("{}[]", plural(&fact.object)))).collect()
            },
            before,
            has_new_names: kept.keys().any(|name| !before.contains_key(name)),
        }
    }

    /// What was removed around a fact; `blocks` are the removed blocks.
    fn enclosing_of(&self, fact: &Fact, blocks: &BTreeSet<String>, is_removed: impl Fn(u32) -> bool) -> Enclosing {
        let is_there = match fact.kind {
            Kind::Setting | Kind::Block => {
                let list = || (fact.scope.clone(), fact.object.clone());
                self.objects.contains(fact.parent()) || fact.object.ends_with("[]") && self.lists.contains(&list())
            }
            _ => self.scopes.contains(&fact.scope),
        };
        // A key at the top, such as `permissions`, is a part of its file rather than a separate thing.
        let is_a_thing = fact.scope.contains('.') && fact.scope != fact.object;
        // What is declared about a function is no part of what encloses it.
        let was_defined = self.before.contains_key(&fact.scope);
        let is_declared = fact.kind == Kind::Decorator && was_defined && !self.has_new_names;
        let is_opened = fact.opens > 0 && is_removed(fact.opens);
        if is_a_thing && blocks.contains(&fact.scope) {
            Enclosing::Block
        } else if (is_opened || is_declared) && !is_there {
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

    fn compare(old: &[Fact], new: &[Fact], removed: &ChangedLines, added: &ChangedLines) -> Vec<Delta> {
        let (old, new) = (old.iter().collect::<Vec<_>>(), new.iter().collect::<Vec<_>>());
        super::compare(&old, &new, (&BTreeMap::new(), &BTreeMap::new()), (removed, &|_| true), added)
    }

    fn lines(numbers: RangeInclusive<u32>) -> ChangedLines {
        ChangedLines::of(numbers)
    }

    #[test]
    fn where_an_item_without_a_name_is_gone_the_others_only_moved_up() {
        let old = vec![item(0, 1.0), item(1, 2.0), item(2, 3.0)];
        let new = vec![item(0, 2.0), item(1, 3.0)];
        let deltas = compare(&old, &new, &lines(1..=1), &ChangedLines::default());
        assert!(matches!(&deltas[..], [Delta::Went { fact, .. }] if fact.value == Value::Number(1.0)), "{deltas:?}");
    }

    fn stated(kind: Kind, object: &str, scope: &str, line: u32) -> Fact {
        let (object, scope) = (object.to_owned(), scope.to_owned());
        Fact { kind, object, value: Value::None, text: "x".to_owned(), scope, lines: line..=line, opens: line }
    }

    /// What is missed of a check that was in the function `a`, or the block `a`, and is in `heir` now.
    fn is_missed(kind: Kind, heir: &str, others: &[Fact]) -> bool {
        let old = [&[stated(kind, "check", "a", 1)], &others[..1]].concat();
        let new = [&[stated(kind, "check", heir, 2)], others].concat();
        let deltas = compare(&old, &new, &lines(1..=1), &lines(2..=2));
        deltas.iter().any(|delta| match delta {
            Delta::Went { fact, heirs, .. } => !heirs.include(&fact.scope, heir),
            _ => false,
        })
    }

    #[test]
    fn a_check_moves_to_what_its_function_calls_or_is_part_of_and_nowhere_else() {
        let own = |object: &str| stated(Kind::Definition, object, "", 8);
        let call = |name: &str| stated(Kind::Call, name, "a", 9);
        for kind in [Kind::Decorator, Kind::Guard, Kind::Call] {
            assert!(is_missed(kind, "b", &[own("a")]), "{kind:?}");
            assert!(is_missed(kind, "b", &[own("a"), call("c")]), "{kind:?}");
            assert!(!is_missed(kind, "b", &[own("a"), call("self.b")]), "{kind:?}: it is called");
            assert!(!is_missed(kind, "a.inner", &[own("a")]), "{kind:?}: it is inside");
            assert!(!is_missed(kind, "b", &[own("z")]), "{kind:?}: the function has another name now");
        }
        let block = |object: &str| stated(Kind::Block, object, "", 8);
        let exchanged = [block("a"), block("b")];
        let old = [&[stated(Kind::Setting, "check", "a", 1)], &exchanged[..]].concat();
        let new = [&[stated(Kind::Setting, "check", "b", 2)], &exchanged[..]].concat();
        let deltas = compare(&old, &new, &lines(1..=1), &lines(2..=2));
        assert!(matches!(&deltas[..], [Delta::Went { .. }, Delta::Came(_)]), "{deltas:?}");
        assert!(!is_missed(Kind::Setting, "b", &[block("a"), block("b")]), "the block is new");
    }

    #[test]
    fn what_differs_on_lines_that_did_not_change_is_not_said() {
        let untouched = lines(9..=9);
        assert_eq!(compare(&[item(0, 1.0)], &[item(0, 2.0)], &untouched, &untouched), []);
    }
}
