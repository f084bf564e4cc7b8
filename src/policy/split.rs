//! How to split a change that touches too much into changes that may each land.

use std::collections::{BTreeMap, BTreeSet};

use super::Policy;
use crate::change::RepoPath;

/// A separate change: the paths, and their compartments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitChange {
    /// By name. Several parts may touch the same one.
    pub compartments: BTreeSet<String>,
    /// Sorted by their bytes.
    pub paths: Vec<RepoPath>,
}

impl Policy {
    /// Parts that each respect the limit of compartments and separate what must change alone; one part, or a part that
    /// is too large, if paths that are in several compartments at once prevent that. Each path goes into the fullest
    /// part that has room for it, largest compartments first, so there are few parts; whether each of them builds
    /// separately cannot be determined here.
    pub fn split<'p>(&self, paths: impl Iterator<Item = &'p RepoPath>) -> Vec<SplitChange> {
        let mut groups: BTreeMap<BTreeSet<String>, Vec<RepoPath>> = BTreeMap::new();
        for path in paths {
            let names = self.compartments_of(path).into_iter().map(|c| c.name.clone()).collect();
            groups.entry(names).or_default().push(path.clone());
        }
        let solo = |names: &BTreeSet<String>| -> BTreeSet<&str> {
            self.compartments.iter().filter(|c| c.solo && names.contains(&c.name)).map(|c| c.name.as_str()).collect()
        };
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(names, paths)| (std::cmp::Reverse(names.len()), std::cmp::Reverse(paths.len())));
        let mut parts: Vec<SplitChange> = Vec::new();
        for (names, paths) in groups {
            let takes = |part: &&mut SplitChange| {
                solo(&names) == solo(&part.compartments) && {
                    let together: Vec<String> = part.compartments.union(&names).cloned().collect();
                    self.limits.exceeded(&together).is_none()
                }
            };
            let fullest = |part: &&mut SplitChange| part.compartments.intersection(&names).count();
            match parts.iter_mut().filter(takes).max_by_key(fullest) {
                Some(part) => {
                    part.compartments.extend(names);
                    part.paths.extend(paths);
                }
                None => parts.push(SplitChange { compartments: names, paths }),
            }
        }
        parts.iter_mut().for_each(|part| part.paths.sort());
        parts
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// The sample with overlapping compartments, and another limit.
    fn policy(most: &str) -> Policy {
        let sample = include_str!("../../assets/policy.toml");
        let more: String = ["docs/**", "api/**", "*/shared/**", "web/**"]
            .iter()
            .enumerate()
            .map(|(at, paths)| {
                format!("[compartment.c{at}]\npaths = [\"{paths}\"]\nsign = [{{ role = \"senior\", n = 1 }}]\n")
            })
            .collect();
        let text = sample.replacen("compartments = 3", most, 1).replacen(
            "[compartment.prod]",
            &(more + "[compartment.prod]"),
            1,
        );
        Policy::parse("policy.toml", &text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// With limits of 1, 2 and 3.
    fn policies() -> &'static [Policy] {
        static POLICIES: std::sync::OnceLock<Vec<Policy>> = std::sync::OnceLock::new();
        POLICIES.get_or_init(|| (1..=3).map(|most| policy(&format!("compartments = {most}"))).collect())
    }

    fn names(policy: &Policy, path: &RepoPath) -> BTreeSet<String> {
        policy.compartments_of(path).into_iter().map(|compartment| compartment.name.clone()).collect()
    }

    fn said(policy: &Policy, paths: &[&str]) -> Vec<String> {
        let paths: Vec<RepoPath> = paths.iter().map(|&path| path.into()).collect();
        let of = |part: &SplitChange| {
            let names: Vec<_> = part.compartments.iter().map(String::as_str).collect();
            let paths: Vec<_> = part.paths.iter().map(ToString::to_string).collect();
            format!("{}: {}", names.join(" "), paths.join(" "))
        };
        policy.split(paths.iter()).iter().map(of).collect()
    }

    const POLICY: &str = ".undersign/policy.toml";

    #[test]
    fn few_parts_that_each_may_land() {
        let two = policy("compartments = 2");
        assert_eq!(said(&two, &["docs/a", "api/a"]), ["c0 c1: api/a docs/a"], "what may land is one part");
        assert_eq!(said(&two, &["docs/a", "api/a", "web/a", "x"]), ["c0 c1: api/a docs/a", "c3 default: web/a x"]);
        assert_eq!(said(&two, &["docs/a", POLICY]), ["c0: docs/a", "policy: .undersign/policy.toml"]);
        assert_eq!(
            said(&two, &["api/shared/a", "docs/a", "api/b"]),
            ["c1 c2: api/b api/shared/a", "c0: docs/a"],
            "a path goes where its compartments are already"
        );
        assert_eq!(said(&policy("compartments = 1"), &["api/shared/a", "api/b"]), ["c1 c2: api/shared/a", "c1: api/b"]);
        assert_eq!(said(&policy(""), &["docs/a", "api/a", "web/a", "x"]), ["c0 c1 c3 default: api/a docs/a web/a x"]);
        assert_eq!(said(&two, &[]), [""; 0]);
    }

    #[test]
    fn what_stands_alone_is_one_part_with_all_that_lies_in_it() {
        let both = policy("compartments = 2");
        let files = [POLICY, "docs/CODEOWNERS", "docs/a"];
        assert_eq!(
            said(&both, &files),
            ["c0 policy: .undersign/policy.toml docs/CODEOWNERS", "c0: docs/a"],
            "docs/CODEOWNERS lies in both, and in the one that stands alone"
        );
    }

    const PATHS: [&str; 10] = [
        "x",
        "README.md",
        "docs/a",
        "docs/shared/a",
        "docs/CODEOWNERS",
        "api/a",
        "api/shared/b",
        "web/a",
        "envs/prod/main.tf",
        POLICY,
    ];

    proptest! {
        #[test]
        fn every_path_is_in_one_part_and_each_part_may_land_where_that_is_possible(
            picked in prop::collection::btree_set(0..PATHS.len(), 0..PATHS.len()), most in 1usize..4,
        ) {
            let policy = &policies()[most - 1];
            let mut paths: Vec<RepoPath> = picked.iter().map(|&at| PATHS[at].into()).collect();
            let parts = policy.split(paths.iter());
            let mut found: Vec<RepoPath> = parts.iter().flat_map(|part| part.paths.clone()).collect();
            paths.sort();
            found.sort();
            prop_assert_eq!(found, paths, "every path, exactly once");
            for part in &parts {
                let all: BTreeSet<String> = part.paths.iter().flat_map(|path| names(policy, path)).collect();
                prop_assert_eq!(&part.compartments, &all);
                let widest = part.paths.iter().map(|path| names(policy, path).len()).max().unwrap_or(0);
                prop_assert!(all.len() <= most.max(widest), "{part:?} is larger than it must be");
                let asked = policy.requirements(part.paths.iter(), &[], crate::policy::Ai::Unknown);
                prop_assert_eq!(asked.violations, [], "what stands alone is alone");
            }
        }
    }
}
