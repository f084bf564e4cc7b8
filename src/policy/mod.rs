//! FLOOR 1: the policy: who the people are, which refs are protected, which compartments a repository has and who
//! signs for each. It is read from the policy branch as it stood before a push, never from the change.

mod compartment;
mod parse;
mod requirement;
mod roster;

pub use compartment::{Binding, Compartment, Criticality, Slot};
pub use requirement::{AI_COMPARTMENT, Asked, Filled, Requirement, Violation};
pub use roster::{Enrolment, Kind, Person, Rank, Roster};

use globset::GlobSet;

use crate::change::RepoPath;
use crate::change::manifest::Digest;
use crate::datafile::Refused;

/// The name of the compartment for what no other matches.
pub const DEFAULT: &str = "default";
/// The file itself; its compartment must be `solo`.
pub const POLICY_FILE: &str = ".undersign/policy.toml";

/// A policy, read whole and found consistent.
#[derive(Debug, Clone)]
pub struct Policy {
    pub version: u64,
    /// Stable id of the repository, signed into each decision: a fork's copy is another place.
    pub repository: String,
    /// Lets an author's own signature count. Every outcome that rests on it says so.
    pub self_review: bool,
    pub roster: Roster,
    pub ai: AiRules,
    pub compartments: Vec<Compartment>,
    /// SHA-256 of the file.
    pub digest: Digest,
    protected: GlobSet,
}

/// What AI assistance asks for on top: outside seniors, by the lowest rank among the authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AiRules {
    /// Every change counts as AI-assisted, with or without a sign of it.
    pub presume: bool,
    pub junior: usize,
    pub mid: usize,
    pub senior: usize,
    /// No author is known to the roster.
    pub none: usize,
}

impl Policy {
    /// Reads a policy file; refused whole, with all of its mistakes.
    pub fn parse(file: &str, source: &str) -> Result<Policy, Refused> {
        parse::parse(file, source)
    }

    /// Whether a ref, by its full name, takes only what is undersigned.
    pub fn protects(&self, name: &str) -> bool {
        self.protected.is_match(name)
    }

    /// The compartments a path lies in: all that match, else the default one.
    pub fn compartments_of(&self, path: &RepoPath) -> Vec<&Compartment> {
        let text = path.lossy();
        let matching: Vec<_> = self.compartments.iter().filter(|c| c.name != DEFAULT && c.holds(&text)).collect();
        if matching.is_empty() { self.compartments.iter().filter(|c| c.name == DEFAULT).collect() } else { matching }
    }
}

#[cfg(test)]
mod tests;
