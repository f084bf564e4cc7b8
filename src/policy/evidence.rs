//! Weaker evidence that a policy names: whose keys sign it, what it may say, and where it is asked for. It never fills
//! the slot of a person.

use std::fmt;

use super::{Binding, Enrolment, INHERITED};
use crate::record::evidence::EvidenceKind;

/// Somebody's machine or account whose statements count as evidence, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceSource {
    /// Its name in the policy.
    pub name: String,
    /// What it speaks of.
    pub kind: EvidenceKind,
    /// The keys that sign it: none of a person, and none that wants to be touched.
    pub keys: Vec<Enrolment>,
    /// Of a source of results, the checks that it may speak of.
    pub checks: Vec<String>,
    /// Of a forge, its address: accounts of another one are other people.
    pub server: String,
    /// Seconds for which what it says counts.
    pub valid: i64,
    /// How strictly it is tied to what lands: [`Binding::Manifest`] or [`Binding::Tree`].
    pub binding: Binding,
}

/// Evidence that a compartment asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceNeed {
    /// A check passed.
    Check {
        /// The name of a source.
        source: String,
        /// The check.
        check: String,
    },
    /// People approve on a forge, as its reader says.
    Approvals {
        /// The name of a source.
        source: String,
        /// The role that they must have in the roster; none if any person of it will do.
        role: Option<String>,
        /// How many different people, at least 1.
        n: usize,
    },
}

impl EvidenceNeed {
    /// The name of its source.
    pub fn source(&self) -> &str {
        match self {
            EvidenceNeed::Check { source, .. } | EvidenceNeed::Approvals { source, .. } => source,
        }
    }

    /// How many are needed.
    pub fn n(&self) -> usize {
        match self {
            EvidenceNeed::Check { .. } => 1,
            EvidenceNeed::Approvals { n, .. } => *n,
        }
    }

    /// What is asked of which source, without the number: `ci:build`, or `github` with the role.
    pub fn what(&self) -> String {
        match self {
            EvidenceNeed::Check { source, check } => format!("{source}:{check}"),
            EvidenceNeed::Approvals { source, role: Some(role), .. } => format!("{source} by role {role}"),
            EvidenceNeed::Approvals { source, role: None, .. } => source.clone(),
        }
    }

    /// The same with the source by the name that it has where a repository inherits it.
    pub(super) fn inherited(&self) -> EvidenceNeed {
        let mut own = self.clone();
        match &mut own {
            EvidenceNeed::Check { source, .. } | EvidenceNeed::Approvals { source, .. } => {
                *source = format!("{INHERITED}{source}");
            }
        }
        own
    }
}

/// As in a list: `the result build of ci`, `2 approvals on github by role senior`.
impl fmt::Display for EvidenceNeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EvidenceNeed::Check { source, check } => write!(f, "the result {check} of {source}"),
            EvidenceNeed::Approvals { n: 1, .. } => write!(f, "1 approval on {}", self.what()),
            EvidenceNeed::Approvals { n, .. } => write!(f, "{n} approvals on {}", self.what()),
        }
    }
}

impl EvidenceSource {
    /// Its key with this id.
    pub fn enrolment(&self, key: &str) -> Option<&Enrolment> {
        self.keys.iter().find(|own| own.key.id().to_string() == key)
    }
}
