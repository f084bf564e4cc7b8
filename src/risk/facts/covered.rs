//! Compares the rules of filters of two sides by what they cover.

use std::collections::BTreeMap;

use super::compare::{Delta, Enclosing, Heirs};
use super::filters::{Verdict, covers};
use super::{Bases, ChangedLines, Fact, Value};

/// How many rules of the other side are tried for one: the widest of them.
const MAX_TRIED: usize = 64;

/// What a change did to the rules of filters: which refusals are gone or refuse less, what is let in that was not. What
/// is no longer let in is no loss. Linear: each rule is compared with a bounded number of others.
pub(super) fn compare(old: &[Fact], new: &[Fact], removed: &ChangedLines, added: &ChangedLines) -> Vec<Delta> {
    let (before, after) = (Lists::of(old), Lists::of(new));
    let with = if new.is_empty() { Enclosing::File } else { Enclosing::Nothing };
    let is_lost = |fact: &&Fact| !after.cover(fact) || after.turned_over(fact) && !before.turned_over(fact);
    let lost = old.iter().filter(|fact| !lets_in(fact)).filter(is_lost);
    let lost = lost.filter_map(|old| match after.kin_of(old, &before) {
        Some(new) if removed.touch(&old.lines) || added.touch(&new.lines) => {
            Some(Delta::Changed { old: old.clone(), new: new.clone() })
        }
        _ => removed.touch(&old.lines).then(|| Delta::Went {
            with,
            heirs: Heirs::Anywhere,
            bases: Bases::default(),
            fact: old.clone(),
        }),
    });
    let mut deltas: Vec<Delta> = lost.collect();
    let news = new.iter().filter(|fact| !is_policy(fact) && !before.cover(fact) && before.knows(fact));
    deltas.extend(news.filter_map(|new| match before.kin_of(new, &after).filter(|_| lets_in(new)) {
        Some(old) if removed.touch(&old.lines) || added.touch(&new.lines) => {
            Some(Delta::Changed { old: old.clone(), new: new.clone() })
        }
        _ => added.touch(&new.lines).then(|| Delta::Came(new.clone())),
    }));
    deltas
}

fn lets_in(fact: &Fact) -> bool {
    fact.object.ends_with(".accept")
}

fn is_policy(fact: &Fact) -> bool {
    !matches!(fact.value, Value::Match(_))
}

/// The rules of a side by their objects, those with the fewest conditions first.
struct Lists<'f>(BTreeMap<&'f str, Vec<&'f Fact>>);

impl<'f> Lists<'f> {
    fn of(facts: &'f [Fact]) -> Lists<'f> {
        let mut lists: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
        facts.iter().for_each(|fact| lists.entry(&fact.object).or_default().push(fact));
        let count = |fact: &&Fact| if let Value::Match(all) = &fact.value { all.len() } else { 0 };
        lists.values_mut().for_each(|list| list.sort_by_key(count));
        Lists(lists)
    }

    fn of_object(&self, fact: &Fact) -> impl Iterator<Item = &'f Fact> + use<'_, 'f> {
        self.0.get(fact.object.as_str()).into_iter().flatten().copied().take(MAX_TRIED)
    }

    /// Whether this side has rules, or a policy, in the same list: what a new list lets in was not refused by it.
    fn knows(&self, fact: &Fact) -> bool {
        let list = |object: &str| object.rsplit_once('.').map_or_else(String::new, |(list, _)| list.to_owned());
        let own = list(&fact.object);
        ["accept", "refuse", "policy"].iter().any(|what| self.0.contains_key(format!("{own}.{what}").as_str()))
    }

    /// Whether a rule of this side does what a fact of the other side does, or more.
    fn cover(&self, fact: &Fact) -> bool {
        self.refuses_the_rest(fact)
            || self.of_object(fact).any(|own| match (&own.value, &fact.value) {
                (Value::Match(outer), Value::Match(inner)) => covers(outer, inner),
                (own, others) => own == others,
            })
    }

    /// Whether this side lets in exactly what a refusal of the other side is for, whatever else it refuses.
    fn turned_over(&self, fact: &Fact) -> bool {
        let list = fact.object.strip_suffix(".refuse").and_then(|list| self.0.get(format!("{list}.accept").as_str()));
        list.is_some_and(|list| list.iter().take(MAX_TRIED).any(|own| own.value == fact.value))
    }

    /// Whether a refusal of everything is only what the policy of its list does anyway.
    fn refuses_the_rest(&self, fact: &Fact) -> bool {
        let list = fact.object.strip_suffix(".refuse").filter(|_| fact.value == Value::Match(Vec::new()));
        let policy = list.and_then(|list| self.0.get(format!("{list}.policy").as_str())).and_then(|all| all.first());
        policy.is_some_and(|policy| policy.value == Value::Text(Verdict::Refuse.name().to_owned()))
    }

    /// The rule of this side that a fact of the other side replaces, or that replaces it: one fits wherever the other
    /// does, and the other side does not have it.
    fn kin_of(&self, fact: &Fact, others: &Lists<'_>) -> Option<&'f Fact> {
        let is_kin = |own: &Fact| match (&own.value, &fact.value) {
            (Value::Match(own), Value::Match(other)) => covers(own, other) || covers(other, own),
            _ => true,
        };
        let is_there = |own: &Fact| others.of_object(own).any(|other| other.value == own.value);
        self.of_object(fact).find(|own| is_kin(own) && !is_there(own))
    }
}
