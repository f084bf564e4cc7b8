//! Stacks: what builds on another row of its section, or says that it depends on one, stands after it, in the order in
//! which they land.

use std::collections::HashMap;

use super::depends::Names;
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
    pub(super) fn of(entries: &[Entry], by_id: &HashMap<String, usize>, names: &Names) -> Stacks {
        let below = |entry: &Entry| entry.change.below.as_ref().and_then(|below| by_id.get(&below.id)).copied();
        let built = entries.iter().enumerate().filter_map(|(at, entry)| Some((at, below(entry)?)));
        let mut lower: HashMap<usize, usize> = built.collect();
        // What git does not say is a claim, and claims may go in a circle.
        for at in 0..entries.len() {
            let claimed = || names.first(at, entries).filter(|&on| !is_below(&lower, at, on));
            if let Some(on) = (!lower.contains_key(&at)).then(claimed).flatten() {
                lower.insert(at, on);
            }
        }
        let mut upper: HashMap<usize, Vec<usize>> = HashMap::new();
        (0..entries.len())
            .for_each(|at| lower.get(&at).into_iter().for_each(|on| upper.entry(*on).or_default().push(at)));
        Stacks { lower, upper }
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

/// Whether an entry is the other one, or below it.
fn is_below(lower: &HashMap<usize, usize>, at: usize, other: usize) -> bool {
    std::iter::successors(Some(other), |next| lower.get(next).copied()).any(|next| next == at)
}

impl Queue {
    /// The sign of a stack before the title of an entry: `├`, or `└` for the last to land; blank if nothing is beside
    /// it in its section.
    pub fn stack_sign(&self, entry: &Entry) -> &'static str {
        let at = self.by_id.get(&entry.change.id).filter(|_| !self.stacks.lower.is_empty());
        at.map_or("", |&at| self.stacks.sign(at, &self.entries))
    }
}
