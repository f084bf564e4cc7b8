//! The sections of the queue: whose turn a change is.

use super::{Entry, QueueRow};
use crate::examination::ChangeStatus;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Pending commands: they expire.
    Commands,
    Mine,
    Others,
    /// According to its server, it is a draft, or checks are failing or running.
    NotReady,
    /// Signed by this person, and others are still needed.
    Waiting,
    /// It cannot land, whoever signs: no policy says who does, or the gate refuses it as it is.
    Stuck,
    Decided,
    /// Not examined yet.
    Pending,
    /// Commands that ran, or can no longer run.
    CommandsOver,
}

impl Section {
    pub fn name(self) -> &'static str {
        match self {
            Section::Commands => "Commands waiting",
            Section::CommandsOver => "Commands of the last hour",
            Section::Mine => "Needs you",
            Section::Others => "Needs others",
            Section::NotReady => "Not ready",
            Section::Waiting => "You signed, others must",
            Section::Stuck => "Cannot land",
            Section::Decided => "Decided",
            Section::Pending => "Being read",
        }
    }

    /// The explanation of the section.
    pub fn hint(self) -> &'static str {
        match self {
            Section::Mine | Section::Waiting | Section::Decided | Section::Pending | Section::CommandsOver => "",
            Section::Commands => "they come first: their time runs out",
            Section::Others => "only they can fill what is open",
            Section::NotReady => "draft, or CI fails or runs at this head",
            Section::Stuck => "press i for why",
        }
    }
}

impl Entry {
    /// Whose turn it is, from what it needs.
    pub fn section(&self) -> Section {
        match &self.status {
            Some(status) if self.is_examined() => match status {
                status if status.is_decided() => Section::Decided,
                status if status.is_stuck() => Section::Stuck,
                _ if self.not_ready().is_some() => Section::NotReady,
                ChangeStatus::NeedsYou => Section::Mine,
                ChangeStatus::Waiting => Section::Waiting,
                _ => Section::Others,
            },
            _ => Section::Pending,
        }
    }
}

/// The rows of a section under their heading; nothing if there are none.
pub(super) fn rows_of(section: Section, rows: impl ExactSizeIterator<Item = QueueRow>) -> Vec<QueueRow> {
    if rows.len() == 0 {
        return Vec::new();
    }
    std::iter::once(QueueRow::Heading(section, rows.len())).chain(rows).collect()
}
