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
        let lower = joined(entries.len(), &built.collect(), |at| names.first(at, entries));
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

/// On which entry each builds: as git says, or else as it claims. Claims may go in a circle: the one that would close
/// it does not count.
fn joined(
    count: usize,
    built: &HashMap<usize, usize>,
    claimed: impl Fn(usize) -> Option<usize>,
) -> HashMap<usize, usize> {
    let (mut lower, mut lowest) = (HashMap::new(), Lowest((0..count).collect()));
    let known = (0..count).filter_map(|at| Some((at, *built.get(&at)?)));
    let claims = (0..count).filter(|at| !built.contains_key(at)).filter_map(|at| Some((at, claimed(at)?)));
    for (at, on) in known.chain(claims) {
        let below = lowest.of(on);
        // Nothing is below it yet, so it is in the stack of the other one only as its lowest.
        if below != at {
            lower.insert(at, on);
            lowest.0[at] = below;
        }
    }
    lower
}

/// For each entry another one of its stack, further down. The ways are shortened when they are walked, so that a stack
/// of thousands costs no more than thousands of small ones.
struct Lowest(Vec<usize>);

impl Lowest {
    fn of(&mut self, at: usize) -> usize {
        let mut found = at;
        while self.0[found] != found {
            self.0[found] = self.0[self.0[found]];
            found = self.0[found];
        }
        found
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By its plain meaning: walks down for each claim.
    fn walked(count: usize, built: &HashMap<usize, usize>, claims: &[Option<usize>]) -> HashMap<usize, usize> {
        let mut lower = built.clone();
        for at in (0..count).filter(|at| !built.contains_key(at)) {
            let is_above =
                |on: &usize| std::iter::successors(Some(*on), |next| lower.get(next).copied()).any(|next| next == at);
            if let Some(on) = claims[at].filter(|on| !is_above(on)) {
                lower.insert(at, on);
            }
        }
        lower
    }

    proptest! {
        #[test]
        fn each_claim_counts_that_closes_no_circle(
            claims in prop::collection::vec(prop::option::of(any::<prop::sample::Index>()), 1..24),
            by_git in prop::collection::vec(any::<bool>(), 24),
        ) {
            let count = claims.len();
            let claims: Vec<Option<usize>> = claims.iter().map(|on| on.map(|on| on.index(count))).collect();
            // Of commits none is above itself.
            let told = |at: usize| claims[at].filter(|on| by_git[at] && *on < at);
            let built: HashMap<usize, usize> = (0..count).filter_map(|at| Some((at, told(at)?))).collect();
            prop_assert_eq!(joined(count, &built, |at| claims[at]), walked(count, &built, &claims));
        }
    }

    #[test]
    fn a_stack_of_a_hundred_thousand_claims_is_put_together_without_walking_it_for_each() {
        let (count, begun) = (100_000, std::time::Instant::now());
        // Each claims the next: the longest ways there can be.
        let lower = joined(count, &HashMap::new(), |at| (at + 1 < count).then_some(at + 1));
        assert_eq!(lower.len(), count - 1);
        let lower = joined(count, &HashMap::new(), |at| at.checked_sub(1));
        assert_eq!(lower.len(), count - 1);
        // Walking takes minutes.
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}
