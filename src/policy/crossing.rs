//! A file that moves from one compartment to another: afterwards other people sign for it.

use std::collections::BTreeSet;
use std::fmt;

use super::Policy;
use crate::change::RepoPath;

/// What a move between compartments means for who signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// The old path of the file.
    pub from: RepoPath,
    /// The new path.
    pub to: RepoPath,
    /// Compartments that contained it, and no longer do.
    pub left: BTreeSet<String>,
    /// Compartments that contain it from now on.
    pub entered: BTreeSet<String>,
}

impl Policy {
    /// What a move means for who signs; none if the same compartments contain both paths.
    pub fn crossing(&self, from: &RepoPath, to: &RepoPath) -> Option<Crossing> {
        let names = |path| self.compartments_of(path).into_iter().map(|c| c.name.clone()).collect::<BTreeSet<_>>();
        let (before, after) = (names(from), names(to));
        let is_one = before == after;
        (!is_one).then(|| Crossing {
            from: from.clone(),
            to: to.clone(),
            left: &before - &after,
            entered: &after - &before,
        })
    }
}

impl Crossing {
    /// "leaves payments for default".
    pub fn headline(&self) -> String {
        let names = |names: &BTreeSet<String>| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        match (names(&self.left), names(&self.entered)) {
            (left, entered) if entered.is_empty() => format!("leaves {left}"),
            (left, entered) if left.is_empty() => format!("enters {entered}"),
            (left, entered) => format!("leaves {left} for {entered}"),
        }
    }
}

impl fmt::Display for Crossing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {} {}", self.from, self.to, self.headline())
    }
}
