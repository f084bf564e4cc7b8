//! A compartment: a part of the repository, how much hangs on it, and who signs for it.

use std::fmt;

use globset::GlobSet;

use crate::record::Presence;

/// How strictly an approval is tied to what lands. Ordered from loose to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// The same content of the touched paths, before and after: survives rebase, squash and an unrelated move of the base.
    Manifest,
    /// The landed tree is the result tree that was signed.
    Tree,
    /// The signed head commit itself lands on the signed target tip.
    Exact,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Binding::Manifest => "manifest",
            Binding::Tree => "tree",
            Binding::Exact => "exact",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criticality {
    Low,
    Normal,
    High,
    Critical,
}

impl fmt::Display for Criticality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Criticality::Low => "low",
            Criticality::Normal => "normal",
            Criticality::High => "high",
            Criticality::Critical => "critical",
        })
    }
}

/// So many people of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    pub role: String,
    pub n: usize,
}

#[derive(Debug, Clone)]
pub struct Compartment {
    pub name: String,
    pub criticality: Criticality,
    pub sign: Vec<Slot>,
    pub binding: Binding,
    /// What a signature must prove of its signer being there.
    pub presence: Presence,
    /// Nothing else in the same change.
    pub solo: bool,
    /// Seconds that the last needed approval must have been known to the gate.
    pub cooling: i64,
    /// As they stand in the file.
    pub patterns: Vec<String>,
    pub(super) paths: GlobSet,
}

impl Compartment {
    /// Letter case does not matter: on many file systems `Envs/prod` is `envs/prod`.
    pub(super) fn holds(&self, path: &str) -> bool {
        self.paths.is_match(path)
    }
}
