//! How often each rule fires in one repository. The same pattern matches 0.1 % of the changes of one project and 32 %
//! of another: a rule that fires all the time does not distinguish changes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// How many commits rates are computed from: the newest.
pub const MAX_RATED: usize = 3_000;
/// The least number of commits for a meaningful rate.
const ENOUGH: u32 = 200;
/// The percentage of changes above which a rule is common.
const COMMON: u32 = 5;

/// On how many commits of a repository each rule fired.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Commits that were assessed.
    pub commits: u32,
    /// By the id of the rule; rules that never fired are not included.
    pub fired: BTreeMap<String, u32>,
}

impl Rates {
    /// Adds what fired on one commit.
    pub fn take<'f>(&mut self, rules: impl IntoIterator<Item = &'f str>) {
        self.commits += 1;
        let once: BTreeSet<&str> = rules.into_iter().collect();
        once.into_iter().for_each(|rule| *self.fired.entry(rule.to_owned()).or_default() += 1);
    }

    /// Removes what was added before.
    pub fn forget<'f>(&mut self, rules: impl IntoIterator<Item = &'f str>) {
        self.commits = self.commits.saturating_sub(1);
        let once: BTreeSet<&str> = rules.into_iter().collect();
        for rule in once {
            if let Some(count) = self.fired.get_mut(rule) {
                *count = count.saturating_sub(1);
            }
        }
        self.fired.retain(|_, count| *count > 0);
    }

    /// Whether a rule fires on more than 5 % of the changes here: then its findings are notes, which raise no tier.
    pub fn is_common(&self, rule: &str) -> bool {
        let fired = self.fired.get(rule).copied().unwrap_or(0);
        self.commits >= ENOUGH && u64::from(fired) * 100 > u64::from(self.commits) * u64::from(COMMON)
    }

    /// How rare a rule is, as a clause; none if too little is known.
    pub fn said(&self, rule: &str) -> Option<String> {
        if self.commits < ENOUGH {
            return None;
        }
        Some(match self.fired.get(rule).copied().unwrap_or(0) {
            0 => format!("fired on none of the last {} commits here", self.commits),
            fired => {
                let share = format!("fires on 1 in {} changes here", (self.commits + fired / 2) / fired);
                if self.is_common(rule) { format!("{share}, so often that it is a note") } else { share }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(commits: u32, fired: u32) -> Rates {
        Rates { commits, fired: BTreeMap::from([("a.b".to_owned(), fired)]) }
    }

    #[test]
    fn a_rule_is_common_that_fires_on_more_than_one_change_in_twenty() {
        assert!(rates(1_000, 51).is_common("a.b") && !rates(1_000, 50).is_common("a.b"));
        assert!(!rates(100, 100).is_common("a.b"), "too few to say");
        assert!(!rates(1_000, 51).is_common("a.c"));
    }

    #[test]
    fn how_rare_it_is_is_said_in_changes() {
        let said = |commits, fired| rates(commits, fired).said("a.b");
        assert_eq!(said(3_000, 9).as_deref(), Some("fires on 1 in 333 changes here"));
        assert_eq!(said(3_000, 300).as_deref(), Some("fires on 1 in 10 changes here, so often that it is a note"));
        assert_eq!(said(3_000, 0).as_deref(), Some("fired on none of the last 3000 commits here"));
        assert_eq!(said(50, 5), None);
    }

    #[test]
    fn a_rule_counts_once_a_commit() {
        let mut rates = Rates::default();
        rates.take(["a.b", "a.b", "a.c"]);
        rates.take([]);
        assert_eq!((rates.commits, rates.fired["a.b"]), (2, 1));
        rates.forget(["a.b", "a.c"]);
        assert_eq!(rates, Rates { commits: 1, ..Rates::default() });
    }
}
