//! How a change that touches too much could be cut into changes that each may land.

use std::collections::{BTreeMap, BTreeSet};

use super::Policy;
use crate::change::RepoPath;

/// A change of its own: the paths, and the compartments that they lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    pub compartments: BTreeSet<String>,
    pub paths: Vec<RepoPath>,
}

impl Policy {
    /// Parts that each keep to the limit of compartments and leave alone what stands alone; one part, or a part that is too
    /// large, where paths that lie in several compartments at once allow no better. Paths go into the fullest part that
    /// takes them, largest compartments first, so there are few parts; that they build by themselves, nobody can say here.
    pub fn split<'p>(&self, paths: impl Iterator<Item = &'p RepoPath>) -> Vec<Part> {
        let most = self.limits.compartments.unwrap_or(usize::MAX);
        let mut groups: BTreeMap<BTreeSet<String>, Vec<RepoPath>> = BTreeMap::new();
        for path in paths {
            let names = self.compartments_of(path).into_iter().map(|c| c.name.clone()).collect();
            groups.entry(names).or_default().push(path.clone());
        }
        let solo = |names: &BTreeSet<String>| self.compartments.iter().any(|c| c.solo && names.contains(&c.name));
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(names, paths)| (std::cmp::Reverse(names.len()), std::cmp::Reverse(paths.len())));
        let mut parts: Vec<Part> = Vec::new();
        for (names, paths) in groups {
            let takes = |part: &&mut Part| {
                !solo(&names) && !solo(&part.compartments) && part.compartments.union(&names).count() <= most
            };
            let fullest = |part: &&mut Part| part.compartments.intersection(&names).count();
            match parts.iter_mut().filter(takes).max_by_key(fullest) {
                Some(part) => {
                    part.compartments.extend(names);
                    part.paths.extend(paths);
                }
                None => parts.push(Part { compartments: names, paths }),
            }
        }
        parts.iter_mut().for_each(|part| part.paths.sort());
        parts
    }
}
