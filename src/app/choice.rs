//! What choosing a row of a list does.

use super::action::Action;
use super::review::{EditId, Goal};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    Act(Action),
    /// In the open review.
    Go(Goal),
    /// Mark all hunks that make this edit as seen.
    SeeAlike(EditId),
    /// One of the decisions that are listed, by its position.
    Decision(usize),
    /// One of the drills beside them, by its position.
    Drill(usize),
    /// A note on a path, as records write it.
    Note(String),
}
