//! The rules over facts, over all files of a change: what one file lost and another gained was moved.

use std::collections::BTreeMap;

use crate::change::digest::Digest;
use crate::risk::facts::{Delta, Fact};
use crate::risk::rules::FactRule;
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// What each file lost and gained, and what there would be to say of it.
#[derive(Default)]
pub(super) struct Stated {
    came: BTreeMap<Moved, u32>,
    went: BTreeMap<Moved, u32>,
    said: Vec<(Direction, Moved, Vec<Finding>)>,
}

/// Kind, object and text of a fact, in 16 bytes: the same wherever it stands.
type Moved = [u8; 16];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Came,
    Went,
}

impl Stated {
    /// Takes in a file, each once; gives what can be said at once.
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let about = rules.over_facts_at(&file.path());
        let (mut found, deltas) = (Vec::new(), file.deltas());
        let mut successors = Successors::default();
        for delta in &deltas {
            let firing = about.iter().filter_map(|rule| Some((*rule, rules.finding_of(rule, delta, file)?)));
            match delta {
                Delta::Changed { .. } => found.extend(firing.map(|(_, finding)| finding)),
                Delta::Came(fact) => self.remember(Direction::Came, fact, firing.map(|(_, finding)| finding).collect()),
                Delta::Went { fact, .. } => {
                    let said = firing.map(|(rule, finding)| successors.weigh(rule, finding, &deltas)).collect();
                    self.remember(Direction::Went, fact, said);
                }
            }
        }
        found
    }

    fn remember(&mut self, direction: Direction, fact: &Fact, said: Vec<Finding>) {
        let key = moved(fact);
        let counts = if direction == Direction::Came { &mut self.came } else { &mut self.went };
        *counts.entry(key).or_default() += 1;
        if !said.is_empty() {
            self.said.push((direction, key, said));
        }
    }

    /// What is left to say: as often as it stands on the other side, it was moved.
    pub fn finish(self) -> Vec<Finding> {
        let Stated { mut came, mut went, said } = self;
        let mut is_moved = |direction, key| {
            let others = if direction == Direction::Came { &mut went } else { &mut came };
            others.get_mut(&key).filter(|count| **count > 0).map(|count| *count -= 1).is_some()
        };
        said.into_iter()
            .filter(|(direction, key, _)| !is_moved(*direction, *key))
            .flat_map(|(_, _, found)| found)
            .collect()
    }
}

/// What came in a file and may have taken the place of what went: a lock of another kind, a check in a function of its
/// own.
#[derive(Default)]
struct Successors {
    /// By rule: how many of its sort came, less those that took a place.
    left: BTreeMap<String, usize>,
}

impl Successors {
    /// A finding of what is gone: low where one of its sort came in its place.
    fn weigh(&mut self, rule: &FactRule, finding: Finding, deltas: &[Delta]) -> Finding {
        let came =
            || deltas.iter().filter(|delta| matches!(delta, Delta::Came(fact) if rule.is_of_its_sort(fact))).count();
        let left = self.left.entry(rule.wording.id.clone()).or_insert_with(came);
        let is_replaced = *left > 0;
        *left = left.saturating_sub(1);
        if !is_replaced {
            return finding;
        }
        let title = format!("{}; one of its kind came", finding.title);
        Finding { severity: finding.severity.min(Severity::Low), title, ..finding }
    }
}

fn moved(fact: &Fact) -> Moved {
    let text = format!("{:?}\0{}\0{}", fact.kind, fact.object, fact.text);
    let mut key = [0; 16];
    key.copy_from_slice(&Digest::of(text.as_bytes()).0[..16]);
    key
}
