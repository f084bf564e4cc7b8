//! Texts of a log with how often each occurs, of a bounded number of texts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::audit::report::Shown;

/// How many texts are told apart.
const MAX: usize = 200;

/// How often texts occur; whatever else is written into a log, they are escaped, short and few.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tally {
    counts: BTreeMap<Shown, u64>,
    /// How often others occurred, after so many were known.
    others: u64,
}

impl Tally {
    pub fn add(&mut self, text: &str) {
        let shown = Shown::of(text);
        if self.counts.len() < MAX || self.counts.contains_key(&shown) {
            *self.counts.entry(shown).or_default() += 1;
        } else {
            self.others += 1;
        }
    }

    /// The most frequent, and how many are left out.
    pub fn most(&self, n: usize) -> (Vec<(&Shown, u64)>, u64) {
        let mut all: Vec<_> = self.counts.iter().map(|(text, count)| (text, *count)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let left = all.iter().skip(n).map(|(_, count)| count).sum::<u64>() + self.others;
        all.truncate(n);
        (all, left)
    }
}
