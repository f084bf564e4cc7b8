//! The meaning of a change of the policy: what it newly allows, and vice versa.

mod evidence;
mod targets;
mod team;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{AuthorProof, Compartment, Freeze, Person, PersonKind, Policy, Slot};
use crate::change::visible;
use crate::datafile::date;

/// Whether more lands than before, or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Something that was refused lands from now on.
    Looser,
    /// It depends on what is pushed, and by whom.
    Shifted,
    /// Something that landed is refused from now on.
    Stricter,
    /// What lands stays the same: it changes whom the desk asks, or by when.
    Advice,
}

impl Direction {
    /// One character for a list.
    pub fn mark(self) -> char {
        match self {
            Direction::Looser => '▼',
            Direction::Shifted => '·',
            Direction::Stricter => '▲',
            Direction::Advice => '=',
        }
    }
}

/// One difference, as a sentence without its final period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// Its direction.
    pub direction: Direction,
    /// For people, in English; text from the policy is escaped.
    pub text: String,
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.direction.mark(), self.text)
    }
}

/// All differences, the loosening ones first.
pub fn meaning(old: &Policy, new: &Policy) -> Vec<Meaning> {
    let mut found = Found::default();
    found.general(old, new);
    found.people(old, new);
    found.compartments(old, new);
    found.whole(old, new);
    found.brokers(old, new);
    found.targets(old, new);
    found.evidence(old, new);
    found.clock(old.clock.as_ref(), new.clock.as_ref());
    found.0.sort_by_key(|meaning| meaning.direction);
    found.0
}

#[derive(Default)]
struct Found(Vec<Meaning>);

impl Found {
    fn add(&mut self, direction: Direction, text: impl Into<String>) {
        self.0.push(Meaning { direction, text: visible::text(&text.into()).into_owned() });
    }

    /// A value that is stricter if greater.
    fn more<T: PartialOrd + fmt::Display>(&mut self, what: &str, old: T, new: T) {
        if old != new {
            let direction = if new > old { Direction::Stricter } else { Direction::Looser };
            self.add(direction, format!("{what} {new} instead of {old}"));
        }
    }

    /// A value that is stricter if smaller.
    fn less<T: PartialOrd + fmt::Display>(&mut self, what: &str, old: T, new: T) {
        if old != new {
            let direction = if new < old { Direction::Stricter } else { Direction::Looser };
            self.add(direction, format!("{what} {new} instead of {old}"));
        }
    }

    /// A switch; `strict` is its stricter value.
    fn switch(&mut self, old: bool, new: bool, strict: bool, on: &str, off: &str) {
        if old != new {
            let direction = if new == strict { Direction::Stricter } else { Direction::Looser };
            self.add(direction, if new { on } else { off });
        }
    }

    fn general(&mut self, old: &Policy, new: &Policy) {
        if old.repository != new.repository {
            let text = format!(
                "the repository is called {} instead of {}: no record so far counts any more",
                new.repository, old.repository
            );
            self.add(Direction::Shifted, text);
        }
        self.switch(
            old.self_review,
            new.self_review,
            false,
            "an author's own signature counts (self_review)",
            "an author's own signature counts no more",
        );
        match (old.expires, new.expires) {
            (None, Some(at)) => self.add(Direction::Stricter, format!("the policy expires {}", date(at))),
            (Some(at), None) => {
                self.add(Direction::Looser, format!("the policy expires no more; it would have {}", date(at)));
            }
            (Some(then), Some(now)) if then != now => {
                let direction = if now > then { Direction::Looser } else { Direction::Stricter };
                self.add(direction, format!("the policy expires {} instead of {}", date(now), date(then)));
            }
            _ => {}
        }
        let proven = |policy: &Policy| policy.author_proof == AuthorProof::Proven;
        self.switch(
            proven(old),
            proven(new),
            true,
            "authorship must be proven",
            "the author named in a commit is trusted",
        );
        let rules = |policy: &Policy| -> BTreeMap<String, (bool, bool)> {
            policy.refs.rules().iter().map(|rule| (rule.pattern.clone(), (rule.rewrite, rule.delete))).collect()
        };
        let (before, after) = (rules(old), rules(new));
        for pattern in before.keys().filter(|pattern| !after.contains_key(*pattern)) {
            self.add(
                Direction::Shifted,
                format!("{pattern} is protected no more: nothing lands there, unless it is open"),
            );
        }
        for (pattern, (rewrite, delete)) in &after {
            match before.get(pattern) {
                None => self.add(Direction::Shifted, format!("{pattern} is protected")),
                Some((could_rewrite, could_delete)) => {
                    let (may, not) = (format!("{pattern} may be rewritten"), format!("{pattern} is not rewritten"));
                    self.switch(*could_rewrite, *rewrite, false, &may, &not);
                    let (may, not) = (format!("{pattern} may be deleted"), format!("{pattern} is not deleted"));
                    self.switch(*could_delete, *delete, false, &may, &not);
                }
            }
        }
        let open = |policy: &Policy| policy.refs.open_patterns().iter().cloned().collect::<BTreeSet<_>>();
        for pattern in open(new).difference(&open(old)) {
            self.add(Direction::Looser, format!("{pattern} takes anything"));
        }
        for pattern in open(old).difference(&open(new)) {
            self.add(Direction::Stricter, format!("{pattern} is open no more"));
        }
    }

    fn people(&mut self, old: &Policy, new: &Policy) {
        for person in old.roster.people().filter(|person| new.roster.by_id(&person.id).is_none()) {
            self.add(Direction::Stricter, format!("{} is off the roster", person.id));
        }
        for person in new.roster.people() {
            match old.roster.by_id(&person.id) {
                None if person.roles.is_empty() => {
                    self.add(Direction::Looser, format!("{} joins without a role", person.id));
                }
                None => self.add(Direction::Looser, format!("{} joins as {}", person.id, listed(person.roles.iter()))),
                Some(before) => self.person(before, person),
            }
            self.away(old.roster.by_id(&person.id), person);
        }
    }

    fn person(&mut self, old: &Person, new: &Person) {
        let id = &new.id;
        let roles = |person: &Person| person.roles.iter().cloned().collect::<BTreeSet<_>>();
        for role in roles(new).difference(&roles(old)) {
            self.add(Direction::Looser, format!("{id} gains the role {role}"));
        }
        for role in roles(old).difference(&roles(new)) {
            self.add(Direction::Stricter, format!("{id} loses the role {role}"));
        }
        if old.kind != new.kind {
            let (direction, what) = match new.kind {
                PersonKind::Human => (Direction::Looser, "a person: signatures count"),
                PersonKind::Bot => (Direction::Stricter, "a bot: signatures count no more"),
            };
            self.add(direction, format!("{id} is {what}"));
        }
        for key in new.keys.iter().filter(|key| !old.keys.iter().any(|own| own.key == key.key)) {
            self.add(Direction::Looser, format!("{id} has a key more: {}", key.key.fingerprint()));
        }
        for key in old.keys.iter().filter(|key| !new.keys.iter().any(|own| own.key == key.key)) {
            self.add(Direction::Stricter, format!("{id} has a key less: {}", key.key.fingerprint()));
        }
        for (before, after) in
            new.keys.iter().filter_map(|key| Some((old.keys.iter().find(|own| own.key == key.key)?, key)))
        {
            let print = after.key.fingerprint();
            // The presence that a key is believed to prove decides which slots it can fill.
            self.less(&format!("the key {print} of {id} is believed to prove"), before.presence, after.presence);
            if before.revoked != after.revoked {
                let (direction, what) = match (before.revoked, after.revoked) {
                    (None, Some(now)) => (Direction::Stricter, format!("revoked: {now}")),
                    (Some(then), Some(now)) => {
                        let direction = if now.weakens(then) { Direction::Looser } else { Direction::Shifted };
                        (direction, format!("revoked in another way: {now} instead of {then}"))
                    }
                    (_, None) => (Direction::Looser, "no longer revoked".to_owned()),
                };
                self.add(direction, format!("the key {print} of {id} is {what}"));
            }
            if before.valid != after.valid {
                let (of, with) = (before.valid, after.valid);
                let begins_earlier = with.0.unwrap_or(i64::MIN) < of.0.unwrap_or(i64::MIN);
                let ends_later = with.1.unwrap_or(i64::MAX) > of.1.unwrap_or(i64::MAX);
                let direction = if begins_earlier || ends_later { Direction::Looser } else { Direction::Stricter };
                self.add(direction, format!("the key {print} of {id} is valid at other times"));
            }
        }
        // Who counts as an author determines who may not approve.
        if old.emails != new.emails || old.logins != new.logins {
            self.add(Direction::Shifted, format!("{id} is known by other addresses or accounts"));
        }
        if old.name != new.name {
            self.add(Direction::Shifted, format!("{id} is known by another name"));
        }
    }

    fn compartments(&mut self, old: &Policy, new: &Policy) {
        let of = |policy: &Policy| -> BTreeMap<String, Compartment> {
            policy.compartments.iter().map(|c| (c.name.clone(), c.clone())).collect()
        };
        let (before, after) = (of(old), of(new));
        for (name, gone) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            let text = format!(
                "compartment {name} is removed: {} belong to the remaining compartments",
                listed(gone.patterns.iter())
            );
            self.add(Direction::Shifted, text);
        }
        for (name, now) in &after {
            match before.get(name) {
                None => {
                    let needs = now.evidence.iter().map(|need| format!(" and {need}")).collect::<String>();
                    let (paths, sign) = (listed(now.patterns.iter()), slots(&now.sign));
                    self.add(Direction::Shifted, format!("compartment {name} is new: {paths} need {sign}{needs}"));
                }
                Some(then) => self.compartment(then, now),
            }
        }
    }

    fn compartment(&mut self, old: &Compartment, new: &Compartment) {
        let name = &new.name;
        if old.patterns != new.patterns {
            let text =
                format!("{name} holds {} instead of {}", listed(new.patterns.iter()), listed(old.patterns.iter()));
            self.add(Direction::Shifted, text);
        }
        for pattern in added(&old.links_out, &new.links_out) {
            self.add(Direction::Looser, format!("links of {name} may lead out of it: {pattern}"));
        }
        for pattern in added(&new.links_out, &old.links_out) {
            self.add(Direction::Stricter, format!("links of {name} may no longer lead out of it: {pattern}"));
        }
        self.slots(name, &old.sign, &new.sign);
        self.needs(name, &old.evidence, &new.evidence);
        self.more(&format!("{name} binds"), old.binding, new.binding);
        self.more(&format!("{name} asks for presence"), old.presence, new.presence);
        self.more(&format!("{name} is"), old.criticality, new.criticality);
        self.more(&format!("{name} cools for"), Length(old.cooling), Length(new.cooling));
        let (alone, along) = (format!("{name} stands alone"), format!("{name} may be touched together with others"));
        self.switch(old.solo, new.solo, true, &alone, &along);
    }

    fn slots(&mut self, name: &str, old: &[Slot], new: &[Slot]) {
        let need = |slots: &[Slot]| slots.iter().map(|slot| (slot.role.clone(), slot.n)).collect::<BTreeMap<_, _>>();
        let (before, after) = (need(old), need(new));
        for role in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
            let n = |of: &BTreeMap<String, usize>| of.get(role).copied().unwrap_or(0);
            if n(&before) != n(&after) {
                let direction = if n(&after) > n(&before) { Direction::Stricter } else { Direction::Looser };
                let word = |n: usize| if n == 0 { "none".to_owned() } else { n.to_string() };
                let text = format!("{name} needs {} of role {role} instead of {}", word(n(&after)), word(n(&before)));
                self.add(direction, text);
            }
        }
    }

    fn whole(&mut self, old: &Policy, new: &Policy) {
        let (before, after) = (&old.ai, &new.ai);
        self.switch(
            before.presume,
            after.presume,
            true,
            "AI is presumed",
            "a change without a sign of AI needs no more for it",
        );
        for (who, then, now) in [
            ("a junior", before.junior, after.junior),
            ("a mid", before.mid, after.mid),
            ("a senior", before.senior, after.senior),
            ("nobody known", before.none, after.none),
        ] {
            self.more(&format!("AI-assisted work of {who} needs seniors:"), then, now);
        }
        for role in added(&before.human_only_by, &after.human_only_by) {
            self.add(Direction::Looser, format!("role {role} may claim that no AI was used"));
        }
        for role in added(&after.human_only_by, &before.human_only_by) {
            self.add(Direction::Stricter, format!("role {role} may no longer claim that no AI was used"));
        }
        let most = |limit: Option<u64>| limit.map_or("any number".to_owned(), |n| n.to_string());
        let mut limit = |what: &str, then: Option<u64>, now: Option<u64>| {
            if then != now {
                let looser = now.is_none() || then.is_some_and(|then| now.is_some_and(|now| now > then));
                let direction = if looser { Direction::Looser } else { Direction::Stricter };
                self.add(direction, format!("{what}: {} instead of {}", most(now), most(then)));
            }
        };
        let count = |n: Option<usize>| n.map(|n| n as u64);
        limit("compartments that one change may touch", count(old.limits.compartments), count(new.limits.compartments));
        limit("changed lines that a signature stands for", old.limits.lines, new.limits.lines);
        self.less("an approval is good for", Length(old.limits.validity), Length(new.limits.validity));
        self.switch(
            old.limits.refuse_opaque,
            new.limits.refuse_opaque,
            true,
            "submodules and LFS pointers do not land",
            "submodules and LFS pointers land when acknowledged",
        );
        let (before, after) = (&old.limits.uncounted_patterns, &new.limits.uncounted_patterns);
        for pattern in added(before, after) {
            self.add(Direction::Looser, format!("lines in {pattern} count no more"));
        }
        for pattern in added(after, before) {
            self.add(Direction::Stricter, format!("lines in {pattern} count"));
        }
        self.slots("text with hidden characters", &old.hidden, &new.hidden);
        self.freezes(&old.freezes, &new.freezes);
        match (&old.break_glass, &new.break_glass) {
            (None, Some(terms)) => {
                self.add(Direction::Looser, format!("break-glass is possible with {}", slots(&terms.sign)));
            }
            (Some(_), None) => {
                self.add(Direction::Stricter, "break-glass is possible no more; what it owes is forgotten")
            }
            (Some(then), Some(now)) => {
                self.slots("break-glass", &then.sign, &now.sign);
                self.more("break-glass asks for presence", then.presence, now.presence);
                self.less("break-glass is good for", Length(then.max_duration), Length(now.max_duration));
                self.less("break-glass in 30 days:", then.max_per_30d, now.max_per_30d);
                let what = "the review after break-glass is overdue in";
                self.less(what, Length(then.debt_after), Length(now.debt_after));
            }
            (None, None) => {}
        }
    }

    fn freezes(&mut self, old: &[Freeze], new: &[Freeze]) {
        for gone in old.iter().filter(|freeze| !new.iter().any(|other| other.name == freeze.name)) {
            self.add(Direction::Looser, format!("the freeze {} is gone: {}", gone.name, times(gone)));
        }
        for freeze in new {
            match old.iter().find(|other| other.name == freeze.name) {
                None => self.add(Direction::Stricter, format!("the freeze {} is new: {}", freeze.name, times(freeze))),
                Some(before) if before != freeze => {
                    let direction = match (covers(freeze, before), covers(before, freeze)) {
                        (true, _) => Direction::Stricter,
                        (_, true) => Direction::Looser,
                        _ => Direction::Shifted,
                    };
                    let text = format!("the freeze {} is {} instead of {}", freeze.name, times(freeze), times(before));
                    self.add(direction, text);
                }
                Some(_) => {}
            }
        }
    }
}

/// `2 senior, 1 security`
pub fn slots(slots: &[Slot]) -> String {
    listed(slots.iter().map(|slot| format!("{} {}", slot.n, slot.role)))
}

fn listed(items: impl Iterator<Item = impl ToString>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

/// The items of the second list that are not in the first.
fn added<'l>(before: &'l [String], after: &'l [String]) -> impl Iterator<Item = &'l String> {
    after.iter().filter(|item| !before.contains(item))
}

/// Whether one freeze stops everything that the other stops.
fn covers(freeze: &Freeze, other: &Freeze) -> bool {
    let names = |of: &Freeze| of.compartments.iter().cloned().collect::<BTreeSet<_>>();
    let wider =
        freeze.compartments.is_empty() || !other.compartments.is_empty() && names(freeze).is_superset(&names(other));
    wider && freeze.from <= other.from && freeze.until >= other.until
}

fn times(freeze: &Freeze) -> String {
    let place =
        if freeze.compartments.is_empty() { "everything".to_owned() } else { listed(freeze.compartments.iter()) };
    format!("{place} from {} until {}", date(freeze.from), date(freeze.until))
}

/// A duration in seconds for people, to the second: in the largest unit that leaves no remainder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub i64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
        let whole = units.into_iter().find(|(size, _)| self.0 != 0 && self.0 % size == 0);
        let (size, unit) = whole.unwrap_or((1, "second"));
        let n = self.0 / size;
        write!(f, "{n} {unit}{}", if n == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const SAMPLE: &str = include_str!("../../assets/policy.toml");

    fn policy(edits: &[(&str, &str)]) -> Policy {
        let edit = |text: String, (from, to): &(&str, &str)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        };
        let text = edits.iter().fold(SAMPLE.to_owned(), edit);
        Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn lines(old: &Policy, new: &Policy) -> Vec<String> {
        meaning(old, new).iter().map(ToString::to_string).collect()
    }

    const DANA: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIJspA57Jh4UO4cfgCrRITp4ceaoBLfq3VImEvxDYoxwH";
    const OTHER: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    const ROLES: &str = "roles = [\"junior\"]";
    const HOLDS: &str = "paths = [\"envs/prod/**\"]";
    const LIMIT: &str = "compartments = 3";
    const WINDOW: &str = "max_duration = \"4h\"";

    /// An edit, its meaning, and the meaning of reverting it.
    #[rustfmt::skip]
    const TABLE: &[(&str, &str, &[&str], &[&str])] = &[
        ("3f9c1a7e", "00000000",
            &["· the repository is called storefront-00000000 instead of storefront-3f9c1a7e: no record so far counts any more"],
            &["· the repository is called storefront-3f9c1a7e instead of storefront-00000000: no record so far counts any more"]),
        ("self_review = false", "self_review = true",
            &["▼ an author's own signature counts (self_review)"], &["▲ an author's own signature counts no more"]),
        ("\"claimed\" ", "\"proven\" ",
            &["▲ authorship must be proven"], &["▼ the author named in a commit is trusted"]),
        ("#expires", "expires",
            &["▲ the policy expires 2027-11-01 00:00Z"], &["▼ the policy expires no more; it would have 2027-11-01 00:00Z"]),
        ("\"refs/heads/release/*\", ", "",
            &["· refs/heads/release/* is protected no more: nothing lands there, unless it is open"], &["· refs/heads/release/* is protected"]),
        ("\"refs/heads/release/*\"", "{ match = \"refs/heads/release/*\", rewrite = \"allow\" }",
            &["▼ refs/heads/release/* may be rewritten"], &["▲ refs/heads/release/* is not rewritten"]),
        ("\"refs/heads/release/*\"", "{ match = \"refs/heads/release/*\", delete = \"allow\" }",
            &["▼ refs/heads/release/* may be deleted"], &["▲ refs/heads/release/* is not deleted"]),
        ("[people.dana]", "[people.dana]\naway = [{ from = 2026-12-20, until = 2027-01-04, instead = \"ines\" }, { from = 2027-02-01, until = 2027-02-01 }]",
            &["= dana is away from 2026-12-20 until 2027-01-04, and ines is asked instead", "= dana is away on 2027-02-01"],
            &["= dana is not away from 2026-12-20 until 2027-01-04, as was said", "= dana is not away on 2027-02-01, as was said"]),
        ("[people.mina]", "[people.nora]\nroles = [\"mid\"]\naway = [{ from = 2026-12-20, until = 2027-01-04 }]\n[people.mina]",
            &["▼ nora joins as mid", "= nora is away from 2026-12-20 until 2027-01-04"], &["▲ nora is off the roster"]),
        ("[break_glass]", "[clock]\ntier1 = { due = \"4h\", late = \"1d\" }\ndefault = { due = \"3d\", late = \"5d\" }\nholidays = [2026-12-25]\n[break_glass]",
            &["= tier 1 is due after 4 hours and late after 1 day", "= tier 2 is due after 3 days and late after 5 days", "= tier 3 is due after 3 days and late after 5 days", "= tier 4 is due after 3 days and late after 5 days", "= clocks stand still on saturday, sunday, 2026-12-25"],
            &["= tier 1 is never due", "= tier 2 is never due", "= tier 3 is never due", "= tier 4 is never due"]),
        ("open = [", "open = [\"refs/wip/**\", ",
            &["▼ refs/wip/** takes anything"], &["▲ refs/wip/** is open no more"]),
        ("[people.mina]", "[people.omar]\nroles = []\n[people.mina]", &["▼ omar joins without a role"], &["▲ omar is off the roster"]),
        ("[people.mina]", "[people.nora]\nroles = [\"mid\", \"junior\"]\n[people.mina]",
            &["▼ nora joins as mid, junior"], &["▲ nora is off the roster"]),
        (ROLES, "roles = [\"junior\", \"policy\"]",
            &["▼ mina gains the role policy"], &["▲ mina loses the role policy"]),
        (ROLES, "kind = \"bot\"\nroles = [\"junior\"]",
            &["▲ mina is a bot: signatures count no more"], &["▼ mina is a person: signatures count"]),
        (DANA, OTHER,
            &["▼ dana has a key more: SHA256:NEW", "▲ dana has a key less: SHA256:OLD"],
            &["▼ dana has a key more: SHA256:OLD", "▲ dana has a key less: SHA256:NEW"]),
        ("dana@example.com\"]", "dana@example.com\", \"d@example.net\"]",
            &["· dana is known by other addresses or accounts"], &["· dana is known by other addresses or accounts"]),
        ("[people.dana]", "[people.dana]\nlogins = [\"dr\"]",
            &["· dana is known by other addresses or accounts"], &["· dana is known by other addresses or accounts"]),
        ("[compartment.prod]", "[compartment.docs]\npaths = [\"docs/**\"]\nsign = [{ role = \"junior\", n = 1 }]\n[compartment.prod]",
            &["· compartment docs is new: docs/** need 1 junior"],
            &["· compartment docs is removed: docs/** belong to the remaining compartments"]),
        (HOLDS, "paths = [\"envs/prod/**\", \"live/**\"]",
            &["· prod holds envs/prod/**, live/** instead of envs/prod/**"], &["· prod holds envs/prod/** instead of envs/prod/**, live/**"]),
        ("binding = \"exact\"\n", "binding = \"exact\"\nlinks_out = [\"envs/prod/shared.tf\"]\n",
            &["▼ links of prod may lead out of it: envs/prod/shared.tf"], &["▲ links of prod may no longer lead out of it: envs/prod/shared.tf"]),
        ("sign = [{ role = \"senior\", n = 2 }, {", "sign = [{ role = \"senior\", n = 1 }, {",
            &["▼ prod needs 1 of role senior instead of 2"], &["▲ prod needs 2 of role senior instead of 1"]),
        (", { role = \"security\", n = 1 }]\nbinding", "]\nbinding",
            &["▼ prod needs none of role security instead of 1"], &["▲ prod needs 1 of role security instead of none"]),
        ("binding = \"exact\"", "binding = \"tree\"",
            &["▼ prod binds tree instead of exact"], &["▲ prod binds exact instead of tree"]),
        ("criticality = \"critical\"", "criticality = \"low\"",
            &["▼ prod is low instead of critical"], &["▲ prod is critical instead of low"]),
        ("cooling = \"0s\"", "cooling = \"30m\"",
            &["▲ policy cools for 30 minutes instead of 0 seconds"], &["▼ policy cools for 0 seconds instead of 30 minutes"]),
        ("binding = \"exact\"\n", "binding = \"exact\"\nsolo = true\n",
            &["▲ prod stands alone"], &["▼ prod may be touched together with others"]),
        ("presume = true", "presume = false",
            &["▼ a change without a sign of AI needs no more for it"], &["▲ AI is presumed"]),
        ("none = 2 }", "none = 1 }",
            &["▼ AI-assisted work of nobody known needs seniors: 1 instead of 2"], &["▲ AI-assisted work of nobody known needs seniors: 2 instead of 1"]),
        ("sign = { junior = 1", "sign = { junior = 2",
            &["▲ AI-assisted work of a junior needs seniors: 2 instead of 1"], &["▼ AI-assisted work of a junior needs seniors: 1 instead of 2"]),
        ("mid = 1", "mid = 0",
            &["▼ AI-assisted work of a mid needs seniors: 0 instead of 1"], &["▲ AI-assisted work of a mid needs seniors: 1 instead of 0"]),
        ("senior = 1, none", "senior = 0, none",
            &["▼ AI-assisted work of a senior needs seniors: 0 instead of 1"], &["▲ AI-assisted work of a senior needs seniors: 1 instead of 0"]),
        ("human_only_by = []", "human_only_by = [\"senior\"]",
            &["▼ role senior may claim that no AI was used"], &["▲ role senior may no longer claim that no AI was used"]),
        (LIMIT, "compartments = 5",
            &["▼ compartments that one change may touch: 5 instead of 3"], &["▲ compartments that one change may touch: 3 instead of 5"]),
        (LIMIT, "",
            &["▼ compartments that one change may touch: any number instead of 3"], &["▲ compartments that one change may touch: 3 instead of any number"]),
        ("lines = 4000", "lines = 400",
            &["▲ changed lines that a signature stands for: 400 instead of 4000"], &["▼ changed lines that a signature stands for: 4000 instead of 400"]),
        ("validity = \"30d\"", "validity = \"7d\"",
            &["▲ an approval is good for 7 days instead of 30 days"], &["▼ an approval is good for 30 days instead of 7 days"]),
        ("opaque = \"acknowledge\"", "opaque = \"refuse\"",
            &["▲ submodules and LFS pointers do not land"], &["▼ submodules and LFS pointers land when acknowledged"]),
        (", \"vendor/**\"]", "]",
            &["▲ lines in vendor/** count"], &["▼ lines in vendor/** count no more"]),
        ("[hidden]\nsign = [{ role = \"security\", n = 1 }]", "",
            &["▼ text with hidden characters needs none of role security instead of 1"], &["▲ text with hidden characters needs 1 of role security instead of none"]),
        ("until = 2026-12-01T00:00:00Z", "until = 2026-11-27T00:00:00Z",
            &["▼ the freeze peak is prod from 2026-11-26 00:00Z until 2026-11-27 00:00Z instead of prod from 2026-11-26 00:00Z until 2026-12-01 00:00Z"],
            &["▲ the freeze peak is prod from 2026-11-26 00:00Z until 2026-12-01 00:00Z instead of prod from 2026-11-26 00:00Z until 2026-11-27 00:00Z"]),
        ("from = 2026-11-26T00:00:00Z\nuntil = 2026-12-01T00:00:00Z\ncompartments = [\"prod\"]", "from = 2026-11-26T00:00:00Z\nuntil = 2026-12-01T00:00:00Z",
            &["▲ the freeze peak is everything from 2026-11-26 00:00Z until 2026-12-01 00:00Z instead of prod from 2026-11-26 00:00Z until 2026-12-01 00:00Z"],
            &["▼ the freeze peak is prod from 2026-11-26 00:00Z until 2026-12-01 00:00Z instead of everything from 2026-11-26 00:00Z until 2026-12-01 00:00Z"]),
        ("from = 2026-11-26T00:00:00Z\nuntil = 2026-12-01", "from = 2026-11-27T00:00:00Z\nuntil = 2026-12-02",
            &["· the freeze peak is prod from 2026-11-27 00:00Z until 2026-12-02 00:00Z instead of prod from 2026-11-26 00:00Z until 2026-12-01 00:00Z"],
            &["· the freeze peak is prod from 2026-11-26 00:00Z until 2026-12-01 00:00Z instead of prod from 2026-11-27 00:00Z until 2026-12-02 00:00Z"]),
        ("[break_glass]", "[freeze.move]\nfrom = 2027-01-01T00:00:00Z\nuntil = 2027-01-02T00:00:00Z\n[break_glass]",
            &["▲ the freeze move is new: everything from 2027-01-01 00:00Z until 2027-01-02 00:00Z"],
            &["▼ the freeze move is gone: everything from 2027-01-01 00:00Z until 2027-01-02 00:00Z"]),
        ("[break_glass]\nsign = [{ role = \"senior\", n = 2 }]\n", "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\n",
            &["▼ break-glass needs 1 of role senior instead of 2"], &["▲ break-glass needs 2 of role senior instead of 1"]),
        (WINDOW, "max_duration = \"1d\"",
            &["▼ break-glass is good for 1 day instead of 4 hours"], &["▲ break-glass is good for 4 hours instead of 1 day"]),
        ("max_per_30d = 3", "max_per_30d = 1",
            &["▲ break-glass in 30 days: 1 instead of 3"], &["▼ break-glass in 30 days: 3 instead of 1"]),
        ("debt_after = \"48h\"", "debt_after = \"12h\"",
            &["▲ the review after break-glass is overdue in 12 hours instead of 2 days"],
            &["▼ the review after break-glass is overdue in 2 days instead of 12 hours"]),
    ];

    #[test]
    fn each_difference_is_said_in_both_directions_and_nothing_else_is() {
        let sample = policy(&[]);
        assert_eq!(lines(&sample, &sample), [""; 0]);
        let print = |key: &str| crate::record::Key::from_openssh(&format!("ssh-ed25519 {key}")).unwrap().fingerprint();
        let named = |texts: &[&str]| -> Vec<String> {
            let name = |text: &&str| text.replace("SHA256:NEW", &print(OTHER)).replace("SHA256:OLD", &print(DANA));
            texts.iter().map(name).collect()
        };
        for (from, to, there, back) in TABLE {
            let edited = policy(&[(from, to)]);
            assert_eq!(lines(&sample, &edited), named(there), "{from} → {to}");
            assert_eq!(lines(&edited, &sample), named(back), "back from {to}");
        }
    }

    #[test]
    fn what_a_key_is_believed_to_prove_when_it_holds_and_that_it_is_revoked_are_said() {
        let line = format!("keys = [\"ssh-ed25519 {DANA} dana@laptop\"]");
        let with = |more: &str| {
            let table = format!("keys = [{{ key = \"ssh-ed25519 {DANA}\"{more} }}]");
            policy(&[(&line, &table)])
        };
        let (plain, print) = (policy(&[]), policy(&[]).roster.by_id("dana").unwrap().keys[0].key.fingerprint());
        assert_eq!(lines(&plain, &with("")), [""; 0], "the long form says the same");
        let (may, june) = ("retired from 2026-05-01 00:00Z", "retired from 2026-06-01 00:00Z");
        let revoked = with(", revoked = { reason = \"retired\", at = 2026-05-01T00:00:00Z }");
        assert_eq!(lines(&plain, &revoked), [format!("▲ the key {print} of dana is revoked: {may}")]);
        assert_eq!(lines(&revoked, &plain), [format!("▼ the key {print} of dana is no longer revoked")]);
        let later = with(", revoked = { reason = \"retired\", at = 2026-06-01T00:00:00Z }");
        assert_eq!(
            lines(&revoked, &later),
            [format!("▼ the key {print} of dana is revoked in another way: {june} instead of {may}")]
        );
        assert_eq!(
            lines(&later, &revoked),
            [format!("· the key {print} of dana is revoked in another way: {may} instead of {june}")]
        );
        let stolen = with(", revoked = { reason = \"compromised\", since = 2026-06-01T00:00:00Z }");
        let since = "compromised since 2026-06-01 00:00Z";
        assert_eq!(
            lines(&stolen, &revoked),
            [format!("▼ the key {print} of dana is revoked in another way: {may} instead of {since}")],
            "an earlier end that believes what is dated back"
        );
        let valid = with(", valid = { until = 2026-05-01T00:00:00Z }");
        let other = |mark: char| [format!("{mark} the key {print} of dana is valid at other times")];
        assert_eq!(lines(&plain, &valid), other('▲'));
        assert_eq!(lines(&valid, &plain), other('▼'));
        let shifted = with(", valid = { from = 2026-01-01T00:00:00Z, until = 2026-06-01T00:00:00Z }");
        assert_eq!(lines(&valid, &shifted), other('▼'), "it ends later");
    }

    #[test]
    fn to_believe_more_of_a_key_is_looser_and_to_ask_for_more_is_stricter() {
        use base64ct::{Base64, Encoding as _};
        let name = "sk-ssh-ed25519@openssh.com";
        let word = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes(), bytes].concat();
        let point = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes();
        let blob = Base64::encode_string(&[word(name.as_bytes()), word(&point), word(b"ssh:")].concat());
        let keys = |presence: &str| {
            policy(&[("keys = [", &format!("keys = [{{ key = \"{name} {blob}\", presence = \"{presence}\" }}, "))])
        };
        let (weak, strong) = (keys("touch"), keys("pin+touch"));
        let print = weak.roster.by_id("dana").unwrap().keys[0].key.fingerprint();
        let said = format!("the key {print} of dana is believed to prove");
        assert_eq!(lines(&weak, &strong), [format!("▼ {said} pin+touch instead of touch")]);
        assert_eq!(lines(&strong, &weak), [format!("▲ {said} touch instead of pin+touch")]);
        let asks = |presence: &str| {
            let key = format!("keys = [{{ key = \"{name} {blob}\", presence = \"pin+touch\" }}, ");
            let docs = format!(
                "[compartment.docs]\npaths = [\"docs/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]\npresence = \"{presence}\"\n[compartment.prod]"
            );
            policy(&[("keys = [", &key), ("[compartment.prod]", &docs)])
        };
        assert_eq!(lines(&asks("touch"), &asks("pin+touch")), ["▲ docs asks for presence pin+touch instead of touch"]);
        assert_eq!(lines(&asks("pin+touch"), &asks("touch")), ["▼ docs asks for presence touch instead of pin+touch"]);
    }

    #[test]
    fn lengths_are_exact_and_in_the_largest_unit_that_leaves_no_rest() {
        let said = [0, 1, 90, 60, 5_400, 7_200, 9_000, 86_400, 90_000, 1_209_600].map(|n| Length(n).to_string());
        let wanted = [
            "0 seconds",
            "1 second",
            "90 seconds",
            "1 minute",
            "90 minutes",
            "2 hours",
            "150 minutes",
            "1 day",
            "25 hours",
            "14 days",
        ];
        assert_eq!(said, wanted);
    }

    #[test]
    fn break_glass_that_comes_or_goes_is_one_line() {
        let (with, glass) = (policy(&[]), SAMPLE.find("[break_glass]").unwrap());
        let commands = SAMPLE.find("# Commands that agents ask").unwrap();
        let without = Policy::parse("policy.toml", &[&SAMPLE[..glass], &SAMPLE[commands..]].concat()).unwrap();
        assert_eq!(lines(&without, &with), ["▼ break-glass is possible with 2 senior"]);
        assert_eq!(lines(&with, &without), ["▲ break-glass is possible no more; what it owes is forgotten"]);
    }

    #[test]
    fn what_loosens_comes_first_and_nothing_of_it_reaches_a_terminal_raw() {
        let edits = [("\"claimed\" ", "\"proven\" "), (HOLDS, "paths = [\"envs/\\u001Bm\\u202E**\"]"), (LIMIT, "")];
        let found = meaning(&policy(&[]), &policy(&edits));
        let marks: String = found.iter().map(|meaning| meaning.direction.mark()).collect();
        assert_eq!(marks, "▼·▲");
        assert!(found.iter().all(|meaning| visible::hidden(&meaning.text).next().is_none()), "{found:?}");
        assert!(found[1].text.contains("envs/␛m<U+202E>**"), "{found:?}");
    }
}
