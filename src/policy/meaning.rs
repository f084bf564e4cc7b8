//! What a change of the policy means: what it lets happen that did not before, and the other way round.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{AuthorProof, Compartment, Kind, Person, Policy, Slot};
use crate::change::visible;

/// Whether more lands than before, or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    Looser,
    /// It depends on what is pushed, and by whom.
    Shifted,
    Stricter,
}

impl Direction {
    /// One character for a list.
    pub fn mark(self) -> char {
        match self {
            Direction::Looser => '▼',
            Direction::Shifted => '·',
            Direction::Stricter => '▲',
        }
    }
}

/// One difference, as a sentence without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    pub direction: Direction,
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
    found.0.sort_by_key(|meaning| meaning.direction);
    found.0
}

#[derive(Default)]
struct Found(Vec<Meaning>);

impl Found {
    fn add(&mut self, direction: Direction, text: impl Into<String>) {
        self.0.push(Meaning { direction, text: visible::text(&text.into()).into_owned() });
    }

    /// A value of which more is stricter.
    fn more<T: PartialOrd + fmt::Display>(&mut self, what: &str, old: T, new: T) {
        if old != new {
            let direction = if new > old { Direction::Stricter } else { Direction::Looser };
            self.add(direction, format!("{what} {new} instead of {old}"));
        }
    }

    /// A switch; `strict` says which of its sides is the stricter.
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
        if old.expires != new.expires {
            let date = |time: Option<i64>| time.map_or("never".to_owned(), date);
            let later =
                new.expires.is_none() || old.expires.is_some_and(|old| new.expires.is_some_and(|new| new > old));
            let direction = if later { Direction::Looser } else { Direction::Stricter };
            self.add(direction, format!("it expires {} instead of {}", date(new.expires), date(old.expires)));
        }
        let proven = |policy: &Policy| policy.author_proof == AuthorProof::Proven;
        self.switch(
            proven(old),
            proven(new),
            true,
            "authorship must be proven",
            "what a commit says of its author is believed",
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
                None => self.add(Direction::Looser, format!("{} joins as {}", person.id, listed(person.roles.iter()))),
                Some(before) => self.person(before, person),
            }
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
                Kind::Human => (Direction::Looser, "a person: signatures count"),
                Kind::Bot => (Direction::Stricter, "a bot: signatures count no more"),
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
            self.more(&format!("the key {print} of {id} is believed to prove"), before.presence, after.presence);
            if before.revoked != after.revoked {
                let (direction, word) = if after.revoked.is_some() {
                    (Direction::Stricter, "revoked")
                } else {
                    (Direction::Looser, "no longer revoked")
                };
                self.add(direction, format!("the key {print} of {id} is {word}"));
            }
            if before.valid != after.valid {
                self.add(Direction::Shifted, format!("the key {print} of {id} is valid at other times"));
            }
        }
        // Who an author is decides who may not approve.
        if old.emails != new.emails || old.logins != new.logins {
            self.add(Direction::Shifted, format!("{id} is known by other addresses or accounts"));
        }
    }

    fn compartments(&mut self, old: &Policy, new: &Policy) {
        let of = |policy: &Policy| -> BTreeMap<String, Compartment> {
            policy.compartments.iter().map(|c| (c.name.clone(), c.clone())).collect()
        };
        let (before, after) = (of(old), of(new));
        for (name, gone) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
            let text =
                format!("compartment {name} is gone: {} fall to what else holds them", listed(gone.patterns.iter()));
            self.add(Direction::Shifted, text);
        }
        for (name, now) in &after {
            match before.get(name) {
                None => {
                    let text =
                        format!("compartment {name} is new: {} need {}", listed(now.patterns.iter()), slots(&now.sign));
                    self.add(Direction::Shifted, text);
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
        self.slots(name, &old.sign, &new.sign);
        self.more(&format!("{name} binds"), old.binding, new.binding);
        self.more(&format!("{name} asks for presence"), old.presence, new.presence);
        self.more(&format!("{name} is"), old.criticality, new.criticality);
        self.more(&format!("{name} cools for seconds:"), old.cooling, new.cooling);
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
                let text = format!("{name} needs {} of role {role} instead of {}", n(&after), n(&before));
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
        if before.human_only_by != after.human_only_by {
            let text = format!("who may claim that no AI was used: {}", listed(after.human_only_by.iter()));
            self.add(Direction::Shifted, text);
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
        self.switch(
            old.limits.refuse_opaque,
            new.limits.refuse_opaque,
            true,
            "submodules and LFS pointers do not land",
            "submodules and LFS pointers land when acknowledged",
        );
        if old.limits.uncounted_patterns != new.limits.uncounted_patterns {
            self.add(
                Direction::Shifted,
                format!("lines are not counted in {}", listed(new.limits.uncounted_patterns.iter())),
            );
        }
        self.slots("text with hidden characters", &old.hidden, &new.hidden);
        for freeze in old.freezes.iter().filter(|freeze| !new.freezes.contains(freeze)) {
            self.add(Direction::Looser, format!("the freeze {} is gone or changed", freeze.name));
        }
        for freeze in new.freezes.iter().filter(|freeze| !old.freezes.contains(freeze)) {
            let until = date(freeze.until);
            self.add(Direction::Stricter, format!("freeze {} from {} until {until}", freeze.name, date(freeze.from)));
        }
        match (&old.break_glass, &new.break_glass) {
            (None, Some(glass)) => {
                self.add(Direction::Looser, format!("break-glass is possible with {}", slots(&glass.sign)));
            }
            (Some(_), None) => {
                self.add(Direction::Stricter, "break-glass is possible no more; what it owes is forgotten")
            }
            (Some(then), Some(now)) => {
                self.slots("break-glass", &then.sign, &now.sign);
                self.more("break-glass asks for presence", then.presence, now.presence);
                self.less("break-glass is good for seconds:", then.max_duration, now.max_duration);
                self.less("break-glass in 30 days:", then.max_per_30d as i64, now.max_per_30d as i64);
                self.less("seconds until its review is overdue:", then.debt_after, now.debt_after);
            }
            (None, None) => {}
        }
    }

    /// A value of which less is stricter.
    fn less(&mut self, what: &str, old: i64, new: i64) {
        if old != new {
            let direction = if new < old { Direction::Stricter } else { Direction::Looser };
            self.add(direction, format!("{what} {new} instead of {old}"));
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

fn date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| "?".to_owned(), |time| time.strftime("%Y-%m-%d %H:%MZ").to_string())
}
