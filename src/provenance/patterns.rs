//! Regular expressions of several owners.

use regex::{RegexSet, RegexSetBuilder};

/// Patterns of several owners, matched all at once.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns {
    set: RegexSet,
    owners: Vec<usize>,
}

impl Patterns {
    pub(super) fn new(patterns: Vec<(String, usize)>) -> Result<Patterns, regex::Error> {
        let (texts, owners): (Vec<_>, Vec<_>) = patterns.into_iter().unzip();
        let set = RegexSetBuilder::new(texts).case_insensitive(true).size_limit(16 << 20).build()?;
        Ok(Patterns { set, owners })
    }

    /// Every owner with a match, once.
    pub(super) fn all(&self, text: &str) -> Vec<usize> {
        let mut owners: Vec<usize> = self.set.matches(text).into_iter().map(|at| self.owners[at]).collect();
        owners.dedup();
        owners
    }

    pub(super) fn first(&self, text: &str) -> Option<usize> {
        self.set.matches(text).into_iter().next().map(|at| self.owners[at])
    }
}
