//! What choosing a row of a list does.

use super::action::Action;
use super::review::{EditId, Goal};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    Act(Action),
    /// In the review that is open.
    Go(Goal),
    /// Mark all hunks as seen that make this edit.
    SeeAlike(EditId),
    /// A note on a path, as records write it.
    Note(String),
}
