//! What a verdict rests on.

use serde::{Deserialize, Serialize};

use super::{History, NextPolicy, Remembered, States, Step};
use crate::change::diff::Location;
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::{ObjectId, RepoPath};
use crate::policy::Policy;
use crate::record::Chain;

/// Everything but the push itself.
#[derive(Clone, Copy)]
pub struct Input<'g> {
    /// As it stood before the push.
    pub policy: &'g Policy,
    /// Every chain of the ledger, those that came in the same push included; a fault in one is kept in
    /// [`Chain::fault`].
    pub chains: &'g [Chain],
    /// What the gate saw before; the default where it has no memory.
    pub remembered: &'g Remembered,
    /// Reads what the objects of the repository hold.
    pub contents: &'g dyn Contents,
    /// Reads the commits that a line is followed through.
    pub history: &'g dyn History,
    /// What protected refs showed, as far as the gate knows.
    pub states: &'g States,
    /// Full name of the branch that the policy was read from; none where the operator gave another.
    pub policy_branch: Option<&'g str>,
    /// The refs have not moved yet, and stand where the push says that they do.
    pub ahead: bool,
    /// Who pushes, as the host authenticated them; none where it does not say.
    pub pusher: Option<&'g str>,
    /// What is known beside the messages, notes of tools for one, says that AI was used. It only raises what is asked
    /// for: a desk knows it before it signs it, a gate learns it from what was signed.
    pub signs_of_ai: bool,
    /// The gate's clock, in seconds since the epoch.
    pub now: i64,
}

/// Places that a reason names at most.
pub const MAX_PLACES: usize = 5;

impl<'g> Input<'g> {
    /// A ref that is protected now and showed a commit; else whoever fills a ref while it is open makes states.
    pub(super) fn shown_by(&self, commit: ObjectId) -> Option<&'g str> {
        let is_protected = |name: &&str| self.policy.refs.protects(name);
        self.states.refs_of(commit).find(is_protected)
    }
}

/// What only objects tell, and is asked for where a decision speaks of it: the cost follows what may land.
///
/// # Errors
/// A sentence: an object that is missing makes a push undecidable.
pub trait Contents {
    /// Lines that some steps together add and remove, by path.
    fn lines(&self, steps: &[Step]) -> Result<Vec<(RepoPath, u64)>, String>;

    /// Where they bring in text that does not show ([`crate::change::visible::hidden`]): new lines, targets of
    /// symlinks, and names (line 0) of what they leave there. The first [`MAX_PLACES`] and one more.
    fn hidden(&self, steps: &[Step]) -> Result<Vec<Location>, String>;

    /// What they bring in and no desk shows line by line.
    fn opaque(&self, steps: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String>;

    /// New paths, each with another path of the tree that is the same but for letter case or Unicode form.
    fn aliases(&self, steps: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String>;

    /// The limit of what is read for one push, if it was met: nothing is decided then. Never unmet again once it was.
    fn exceeded(&self) -> Option<String> {
        None
    }

    /// Whether the paths of a manifest held the same all the way along first parents from `since` to `until`.
    fn rest(&self, since: ObjectId, until: ObjectId, manifest: &Manifest) -> Result<Rest, String>;

    /// Whether what is between two commits edits lines of one of some paths that the steps edit too; none where that
    /// cannot be seen, since those commits are not here. For explanations: nothing is decided by it.
    fn is_same_place(&self, _then: (ObjectId, ObjectId), _paths: &[&RepoPath], _steps: &[Step]) -> Option<bool> {
        None
    }

    /// What the policy branch would say next if it stood at a commit; none where that is what it says now.
    fn next_policy(&self, commit: ObjectId, now: Digest) -> Result<Option<NextPolicy>, String>;
}

/// Why a path cannot be read by looking at the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Opaque {
    /// A submodule or LFS pointer: what it stands for is not in this repository.
    Elsewhere,
    /// Binary, or too large.
    NoText,
}

/// Whether a place was left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// No touched path changed between the two commits.
    Rested,
    /// It changed, and was changed back.
    Returned,
    /// The one commit is not on the first-parent line of the other.
    Elsewhere,
}
