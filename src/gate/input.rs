//! The input of a verdict.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{History, NextPolicy, Remembered, States, Step};
use crate::change::diff::Location;
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::{ObjectId, RepoPath};
use crate::policy::Policy;
use crate::record::Chain;
use crate::record::drill::DrillChain;
use crate::record::evidence::EvidenceChain;

/// Everything but the push itself.
#[derive(Clone, Copy)]
pub struct Input<'g> {
    /// The policy as it was before the push.
    pub policy: &'g Policy,
    /// Every chain of the ledger, including those that came in the same push; a fault in one is kept in
    /// [`Chain::fault`].
    pub chains: &'g [Chain],
    /// What the gate saw before; the default if it has no memory.
    pub remembered: &'g Remembered,
    /// Reads the objects of the repository.
    pub contents: &'g dyn Contents,
    /// Reads the commits along a line.
    pub history: &'g dyn History,
    /// What protected refs showed, as far as the gate knows.
    pub states: &'g States,
    /// Full name of the branch that the policy was read from; none if the operator gave a policy file.
    pub policy_branch: Option<&'g str>,
    /// The refs have not moved yet, and point to the old ids of the push.
    pub ahead: bool,
    /// Who pushes, as authenticated by the host; none if it does not say.
    pub pusher: Option<&'g str>,
    /// Evidence outside the messages, such as notes of tools, says that AI was used. This can only raise the
    /// requirements: a desk knows it before signing, a gate gets it from the signed records.
    pub signs_of_ai: bool,
    /// The gate's clock, in seconds since the epoch.
    pub now: i64,
}

/// The most places that a reason names.
pub const MAX_PLACES: usize = 5;

impl<'g> Input<'g> {
    /// A ref that is protected now and showed a commit; otherwise whoever fills a ref while it is open would make
    /// states.
    pub(super) fn shown_by(&self, commit: ObjectId) -> Option<&'g str> {
        let is_protected = |name: &&str| self.policy.refs.protects(name);
        self.states.refs_of(commit).find(is_protected)
    }
}

/// Facts that need git objects. They are requested only if a decision depends on them, so the cost depends on what may
/// land.
///
/// # Errors
/// A sentence: an object that is missing makes a push undecidable.
pub trait Contents {
    /// The lines that some steps together add and remove, by path.
    fn lines(&self, steps: &[Step]) -> Result<Vec<(RepoPath, u64)>, String>;

    /// Where they bring in invisible text ([`crate::change::visible::hidden`]): in new lines, targets of symlinks, and
    /// names (line 0) of what they leave there. The first [`MAX_PLACES`] and one more.
    fn hidden(&self, steps: &[Step]) -> Result<Vec<Location>, String>;

    /// What they bring in that no desk shows line by line.
    fn opaque(&self, steps: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String>;

    /// New paths, each with another path of the tree that differs only in letter case or Unicode form.
    fn aliases(&self, steps: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String>;

    /// The limit of what is read for one push, if it was reached: nothing is decided then. Once reached, it stays
    /// reached.
    fn exceeded(&self) -> Option<String> {
        None
    }

    /// Whether the paths of a manifest stayed the same along all first parents from `since` to `until`.
    fn rest(&self, since: ObjectId, until: ObjectId, manifest: &Manifest) -> Result<Rest, String>;

    /// Whether the changes between two commits edit lines, in one of some paths, that the steps edit too; none if those
    /// commits are not here. Only for explanations: nothing is decided by it.
    fn is_same_place(&self, _then: (ObjectId, ObjectId), _paths: &[&RepoPath], _steps: &[Step]) -> Option<bool> {
        None
    }

    /// The chains of evidence of some keys, by their ids; none where nobody keeps any.
    fn evidence(&self, _keys: &BTreeSet<String>) -> Result<Arc<Vec<EvidenceChain>>, String> {
        Ok(Arc::default())
    }

    /// The chains of people with a drill that may be going on; none where nobody keeps any. Only for explanations:
    /// nothing is decided by them.
    fn drills(&self) -> Result<Arc<Vec<DrillChain>>, String> {
        Ok(Arc::default())
    }

    /// The policy that the policy branch would have at a commit; none if that is the present policy.
    fn next_policy(&self, commit: ObjectId, now: Digest) -> Result<Option<NextPolicy>, String>;
}

/// Why the content of a path cannot be read in the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opaque {
    /// A submodule or LFS pointer: its content is not in this repository.
    Elsewhere,
    /// Binary, or too large.
    NoText,
}

/// Whether paths stayed unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// No touched path changed between the two commits.
    Rested,
    /// It changed, and was changed back.
    Returned,
    /// One commit is not on the first-parent line of the other.
    Elsewhere,
}
