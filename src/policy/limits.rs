//! Rules for a change as a whole: how large it may be, when nothing lands, and how an emergency is let through.

use globset::GlobSet;

use super::{INHERITED, Slot};
use crate::change::RepoPath;
use crate::record::Presence;

/// The limits of one change.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Compartments of this file that one change may touch.
    pub compartments: Option<usize>,
    /// The same of those that the organization asks for.
    pub inherited_compartments: Option<usize>,
    /// Changed lines that one signature may cover.
    pub lines: Option<u64>,
    /// The most seconds after its signature for which an approval, a claim or an emergency counts, whatever it states
    /// itself.
    pub validity: i64,
    /// Submodules and LFS pointers do not land at all; otherwise each must have been acknowledged by the approvers.
    pub refuse_opaque: bool,
    /// As written in the file.
    pub uncounted_patterns: Vec<String>,
    /// A path is uncounted if all of them match it.
    pub(super) uncounted: Vec<GlobSet>,
}

/// How long an approval is valid if the policy does not say: 30 days, in seconds.
const VALIDITY: i64 = 30 * 24 * 3600;

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            compartments: None,
            inherited_compartments: None,
            lines: None,
            validity: VALIDITY,
            refuse_opaque: false,
            uncounted_patterns: Vec::new(),
            uncounted: Vec::new(),
        }
    }
}

impl Limits {
    /// The compartments of the repository, or else of the organization, if a change touches more of them than may be
    /// touched; with that number.
    pub fn exceeded<'n>(&self, compartments: &'n [String]) -> Option<(Vec<&'n str>, usize)> {
        let all = || compartments.iter().map(String::as_str);
        let own = all().filter(|name| !name.starts_with(INHERITED)).collect();
        let inherited = all().filter(|name| name.starts_with(INHERITED)).collect();
        let limits = [(own, self.compartments), (inherited, self.inherited_compartments)];
        limits.into_iter().find_map(|(touched, most): (Vec<_>, _)| {
            let most = most.filter(|&most| touched.len() > most)?;
            Some((touched, most))
        })
    }

    /// Whether the lines of a path count: those of lock files and vendored code need not.
    pub fn counts(&self, path: &RepoPath) -> bool {
        let path = path.lossy();
        self.uncounted.is_empty() || !self.uncounted.iter().all(|set| set.is_match(path.as_ref()))
    }
}

/// A period in which nothing lands. Seconds since the epoch; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// Its name in refusals.
    pub name: String,
    /// Its first second.
    pub from: i64,
    /// The first second after it.
    pub until: i64,
    /// Empty means all.
    pub compartments: Vec<String>,
}

impl Freeze {
    /// Whether a change of a compartment may not land at a time, in seconds since the epoch.
    pub fn holds(&self, compartment: &str, now: i64) -> bool {
        (self.from..self.until).contains(&now)
            && (self.compartments.is_empty() || self.compartments.iter().any(|name| name == compartment))
    }
}

/// How an emergency is let through, and what is owed afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// Whose signatures let an emergency through; the authors' own do not count.
    pub sign: Vec<Slot>,
    /// The least that each of them must prove about the presence of the signer.
    pub presence: Presence,
    /// Seconds for which one signature is valid.
    pub max_duration: i64,
    /// The most changes in any 30 days.
    pub max_per_30d: usize,
    /// Seconds within which what landed in this way must be approved in the ordinary way; after that, its compartments
    /// accept nothing more.
    pub debt_after: i64,
}
