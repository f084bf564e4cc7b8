//! Claims between the stroke that asks for them and the queue that shows them.

use std::collections::BTreeMap;

use crate::change::ObjectId;

/// Claims that were asked for and that the queue does not show yet: the next stroke is about what they come to.
#[derive(Debug, Clone, Default)]
pub struct Claiming {
    /// By repository and head: whether it will be claimed.
    asked: BTreeMap<(usize, ObjectId), bool>,
    /// How many of a repository are not done.
    open: BTreeMap<usize, usize>,
}

impl Claiming {
    /// Whether a change is to be claimed by the next stroke, or given back; `is_claimed`: what the queue shows.
    pub fn next(&mut self, repository: usize, head: ObjectId, is_claimed: bool) -> bool {
        let asked = self.asked.entry((repository, head)).or_insert(is_claimed);
        *asked = !*asked;
        *self.open.entry(repository).or_default() += 1;
        *asked
    }

    pub fn done(&mut self, repository: usize, is_written: bool) {
        let open = self.open.entry(repository).or_default();
        *open = open.saturating_sub(1);
        if !is_written && *open == 0 {
            self.listed(repository);
        }
    }

    /// The queue shows what is written by now.
    pub fn listed(&mut self, repository: usize) {
        if self.open.get(&repository).is_none_or(|open| *open == 0) {
            self.asked.retain(|(own, _), _| *own != repository);
        }
    }
}
