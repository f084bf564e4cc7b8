//! A compartment: a part of the repository, how much depends on it, and who signs for it.

use std::borrow::Cow;
use std::fmt;

use super::evidence::EvidenceNeed;
use super::patterns::PathPatterns;
use super::{DEFAULT, INHERITED};
use crate::change::RepoPath;
use crate::change::links::{Link, LinkEnd};
use crate::record::Presence;

/// How strictly an approval is tied to what lands. Ordered from loose to strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// The same content of the touched paths, before and after: remains valid after a rebase, a squash or an unrelated
    /// move of the base.
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

/// How much depends on a part of the repository: for people. Among the levels only `critical` changes a rule, that of
/// the binding. Ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Criticality {
    /// `low`: a mistake can be undone at leisure.
    Low,
    /// `normal`, also if the policy says nothing.
    Normal,
    /// `high`: others notice a mistake.
    High,
    /// `critical`: approvals are bound [`Binding::Exact`] if the policy says nothing else.
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

/// A number of people with a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The name of the role, as in the roster.
    pub role: String,
    /// How many different people, at least 1.
    pub n: usize,
}

/// A part of the repository with its own signers.
#[derive(Debug, Clone)]
pub struct Compartment {
    /// Its name in the policy, 2 to 32 characters of `a-z 0-9 . _ -`; [`DEFAULT`] contains everything that no other
    /// compartment does.
    pub name: String,
    /// It comes from the organization, whose default one contains what none of its others does.
    pub is_inherited: bool,
    /// How much depends on it.
    pub criticality: Criticality,
    /// Whose signatures a change of it needs: each slot by different people.
    pub sign: Vec<Slot>,
    /// The evidence that it needs as well; nothing of it fills a slot.
    pub evidence: Vec<EvidenceNeed>,
    /// How strictly these are tied to what lands.
    pub binding: Binding,
    /// What a signature must prove about the presence of its signer.
    pub presence: Presence,
    /// It must not change together with anything else.
    pub solo: bool,
    /// Seconds for which the gate must have known the last needed approval.
    pub cooling: i64,
    /// As written in the file.
    pub patterns: Vec<String>,
    /// Symlinks, as patterns in the file, that may lead out of it.
    pub links_out: Vec<String>,
    pub(super) paths: PathPatterns,
    pub(super) may_lead_out: PathPatterns,
}

impl Compartment {
    /// Whether it contains what no other compartment of its origin does.
    pub fn is_default(&self) -> bool {
        self.name.strip_prefix(INHERITED).unwrap_or(&self.name) == DEFAULT
    }

    /// Ignores differences that file systems ignore: on many of them `Envs/prod` is `envs/prod`.
    pub(super) fn holds(&self, path: &RepoPath) -> bool {
        self.paths.hold(path)
    }

    /// As [`Compartment::holds`], for a path whose spellings are already known.
    pub(super) fn holds_any(&self, spellings: &[Cow<'_, str>]) -> bool {
        self.paths.hold_any(spellings)
    }

    /// Whether it contains a path, or is below it.
    pub(super) fn lies_at(&self, place: &RepoPath) -> bool {
        self.paths.hold(place) || self.paths.reach_below(place)
    }

    /// Whether a link in it would make another compartment's file part of it, without the policy allowing that. Paths
    /// in no compartment may link to anything in the repository.
    pub(super) fn lets_out(&self, link: &Link) -> bool {
        let owns = |place: &RepoPath| self.paths.hold(place) || self.paths.cover(place);
        let stays = match &link.end {
            LinkEnd::Outside(_) => false,
            _ if self.is_default() => true,
            LinkEnd::Within(end) => owns(end) && link.way.iter().all(|place| self.lies_at(place)),
            LinkEnd::Submodule | LinkEnd::Unknown(_) => true,
        };
        !stays && !self.may_lead_out.hold(&link.path)
    }
}
