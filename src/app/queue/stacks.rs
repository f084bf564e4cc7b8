//! Stacks: what builds on another row of its section stands after it, in the order in which they land.

use std::collections::HashMap;

use super::{Entry, Queue};

/// Which entry builds on which, by their positions.
#[derive(Debug, Clone, Default)]
pub(super) struct Stacks {
    /// The entry on which one builds.
    lower: HashMap<usize, usize>,
    /// Those that build on it.
    upper: HashMap<usize, Vec<usize>>,
}

impl Stacks {
    pub(super) fn of(entries: &[Entry], by_id: &HashMap<String, usize>) -> Stacks {
        let mut stacks = Stacks::default();
        for (at, entry) in entries.iter().enumerate() {
            let lower = entry.change.below.as_ref().and_then(|below| by_id.get(&below.id));
            if let Some(&lower) = lower {
                stacks.lower.insert(at, lower);
                stacks.upper.entry(lower).or_default().push(at);
            }
        }
        stacks
    }

    /// The row of the same section on which an entry builds.
    fn below(&self, at: usize, entries: &[Entry]) -> Option<usize> {
        let lower = *self.lower.get(&at)?;
        (entries[lower].section() == entries[at].section()).then_some(lower)
    }

    /// A stack stands where the first of its rows would stand alone.
    pub(super) fn put_together(&self, order: &[usize], entries: &[Entry]) -> Vec<usize> {
        if self.lower.is_empty() {
            return order.to_vec();
        }
        let (mut lowest, mut above) = (Vec::new(), HashMap::<usize, Vec<usize>>::new());
        let mut is_known = vec![false; entries.len()];
        for &at in order {
            let mut next = Some(at);
            while let Some(at) = next.filter(|&at| !std::mem::replace(&mut is_known[at], true)) {
                next = self.below(at, entries);
                next.map_or(&mut lowest, |lower| above.entry(lower).or_default()).push(at);
            }
        }
        let mut placed = Vec::with_capacity(order.len());
        lowest.reverse();
        while let Some(at) = lowest.pop() {
            placed.push(at);
            lowest.extend(above.remove(&at).into_iter().flatten().rev());
        }
        placed
    }

    fn sign(&self, at: usize, entries: &[Entry]) -> &'static str {
        let has_above =
            || self.upper.get(&at).is_some_and(|all| all.iter().any(|&upper| self.below(upper, entries) == Some(at)));
        match () {
            () if has_above() => "├ ",
            () if self.below(at, entries).is_some() => "└ ",
            () => "",
        }
    }
}

impl Queue {
    /// The sign of a stack before the title of an entry: `├`, or `└` for the last to land; blank if nothing is beside
    /// it in its section.
    pub fn stack_sign(&self, entry: &Entry) -> &'static str {
        let at = self.by_id.get(&entry.change.id).filter(|_| !self.stacks.lower.is_empty());
        at.map_or("", |&at| self.stacks.sign(at, &self.entries))
    }
}
