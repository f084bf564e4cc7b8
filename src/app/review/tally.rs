//! How much of the change is done: counts of each file, and their sum.

use super::File;
use super::work::Work;
use crate::risk::Severity;

/// Counts: seen and all, acknowledged and all; and hunks that are not seen and have no finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub hunks: (usize, usize),
    pub findings: (usize, usize),
    pub omissions: (usize, usize),
    pub unflagged: usize,
    /// The unanswered findings.
    pub worst: Option<Severity>,
}

impl Tally {
    /// The counts of a file, without its findings.
    pub(super) fn of(file: &File, folded: bool, work: &Work) -> Tally {
        let Some(inventory) = &file.inventory else { return Tally::default() };
        let marks = inventory.marks(folded);
        let unseen = marks.iter().enumerate().filter(|(_, key)| !work.is_seen(key));
        let (unseen, flagged) =
            unseen.fold((0, 0), |(n, f), (at, _)| (n + 1, f + usize::from(file.flagged.contains(&(at as u32)))));
        let omissions = inventory.asked(folded);
        let (known, all) = omissions.fold((0, 0), |(known, all), (_, omission)| {
            (known + usize::from(work.is_acknowledged(&omission.key)), all + 1)
        });
        Tally {
            hunks: (marks.len() - unseen, marks.len()),
            omissions: (known, all),
            unflagged: unseen - flagged,
            ..Tally::default()
        }
    }

    /// This sum, with one part replaced.
    fn with(self, old: Tally, new: Tally) -> Tally {
        let pair = |sum: (usize, usize), old: (usize, usize), new: (usize, usize)| {
            (sum.0 + new.0 - old.0, sum.1 + new.1 - old.1)
        };
        Tally {
            hunks: pair(self.hunks, old.hunks, new.hunks),
            findings: pair(self.findings, old.findings, new.findings),
            omissions: pair(self.omissions, old.omissions, new.omissions),
            unflagged: self.unflagged + new.unflagged - old.unflagged,
            worst: None,
        }
    }
}

/// The counts of each file, by index. Their sum is kept, since the header of each frame has it.
#[derive(Debug, Clone)]
pub(super) struct Tallies {
    each: Vec<Tally>,
    sum: Tally,
}

impl Tallies {
    pub(super) fn new(files: usize) -> Tallies {
        Tallies { each: vec![Tally::default(); files], sum: Tally::default() }
    }

    pub(super) fn of(&self, index: usize) -> Tally {
        self.each[index]
    }

    pub(super) fn sum(&self) -> Tally {
        self.sum
    }

    pub(super) fn set(&mut self, index: usize, counted: Tally) {
        let before = std::mem::replace(&mut self.each[index], counted);
        self.sum = self.sum.with(before, counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tally() -> impl Strategy<Value = Tally> {
        let pair = (0usize..5, 0usize..5).prop_map(|(done, left)| (done, done + left));
        (pair.clone(), pair.clone(), pair, 0usize..5).prop_map(|(hunks, findings, omissions, unflagged)| Tally {
            hunks,
            findings,
            omissions,
            unflagged,
            worst: None,
        })
    }

    proptest! {
        #[test]
        fn the_sum_is_that_of_all_files_however_often_each_is_counted(
            counts in prop::collection::vec((0usize..4, tally()), 0..20)
        ) {
            let mut tallies = Tallies::new(4);
            counts.into_iter().for_each(|(index, counted)| tallies.set(index, counted));
            let sum = |part: fn(Tally) -> usize| (0..4).map(|index| part(tallies.of(index))).sum::<usize>();
            prop_assert_eq!(tallies.sum().hunks, (sum(|t| t.hunks.0), sum(|t| t.hunks.1)));
            prop_assert_eq!(tallies.sum().findings, (sum(|t| t.findings.0), sum(|t| t.findings.1)));
            prop_assert_eq!(tallies.sum().omissions, (sum(|t| t.omissions.0), sum(|t| t.omissions.1)));
            prop_assert_eq!(tallies.sum().unflagged, sum(|t| t.unflagged));
        }
    }
}
