//! Parts of a change: what changed since the reviewer looked or decided, and the commits of the series. Parts are only
//! read: the whole change is signed.

use std::sync::Arc;

use super::{Compared, Review};
use crate::change::diff::Diff;
use crate::change::{Commit, ObjectId};
use crate::decision::{Draft, Revised};

/// Which part of a change is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangePart {
    Since(Since, Revised),
    Commit(ObjectId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Looked,
    Decided,
}

impl Since {
    pub fn name(self) -> &'static str {
        match self {
            Since::Looked => "since you looked",
            Since::Decided => "since you decided",
        }
    }
}

/// The content of a part.
#[derive(Debug)]
pub struct View {
    pub diff: Arc<Diff>,
    pub files: Vec<Compared>,
    /// Remarks on the part as a whole.
    pub told: Vec<String>,
}

/// The part on the screen, and how far somebody turned the pages of parts.
#[derive(Debug, Clone, Default)]
pub struct CurrentPart {
    /// With the remarks on it; none: the whole change.
    shown: Option<(ChangePart, Vec<String>)>,
    /// A part without files that was chosen but not shown: the next part follows it.
    passed: Option<ChangePart>,
}

impl CurrentPart {
    pub fn shown(&self) -> Option<&ChangePart> {
        self.shown.as_ref().map(|(part, _)| part)
    }

    /// The part from which the next one follows: the one that is shown, or a later one that has nothing to show.
    pub fn turned_to(&self) -> Option<&ChangePart> {
        self.passed.as_ref().or(self.shown())
    }

    pub fn forget_passed(&mut self) {
        self.passed = None;
    }

    /// The remarks on the shown part.
    pub fn told(&self) -> &[String] {
        self.shown.as_ref().map_or(&[], |(_, told)| told)
    }
}

impl ChangePart {
    /// The part after this one: since the reviewer looked, since they decided, all. Equal parts are shown once.
    pub fn after(now: Option<&ChangePart>, draft: &Draft) -> Result<Option<ChangePart>, &'static str> {
        let moved = |then: &&Revised| then.head != draft.head;
        let looked = draft.looked_at.as_ref().filter(moved).map(|then| ChangePart::Since(Since::Looked, then.clone()));
        let decided =
            draft.decided_on.as_ref().filter(moved).map(|then| ChangePart::Since(Since::Decided, then.clone()));
        let decided = decided.filter(|_| draft.decided_on != draft.looked_at || looked.is_none());
        let parts: Vec<ChangePart> = [looked, decided].into_iter().flatten().collect();
        if parts.is_empty() {
            return Err("You have seen no other revision of this change.");
        }
        let at = now.and_then(|now| parts.iter().position(|part| part == now));
        Ok(match (now, at) {
            (None, _) => parts.into_iter().next(),
            (Some(_), Some(at)) => parts.into_iter().nth(at + 1),
            // From a commit back to all.
            (Some(_), None) => None,
        })
    }

    /// The commit after the shown one, or before it; at the ends, the whole change.
    pub fn neighbour(
        now: Option<&ChangePart>,
        commits: &[Arc<Commit>],
        forward: bool,
    ) -> Result<Option<ChangePart>, &'static str> {
        // The revision lists the newest first; a reader starts with the oldest.
        let ids: Vec<ObjectId> = commits.iter().rev().map(|commit| commit.id).collect();
        if ids.len() < 2 {
            return Err("The change is one commit.");
        }
        let at = match now {
            Some(ChangePart::Commit(id)) => ids.iter().position(|own| own == id),
            _ => None,
        };
        let next = match (at, forward) {
            (None, true) => Some(0),
            (None, false) => Some(ids.len() - 1),
            (Some(at), true) => Some(at + 1),
            (Some(at), false) => at.checked_sub(1),
        };
        Ok(next.and_then(|next| ids.get(next)).map(|id| ChangePart::Commit(*id)))
    }
}

impl Review {
    /// A part of a change, shown instead of the whole.
    pub fn of_part(whole: &Review, part: ChangePart, view: View, ticket: u64) -> Review {
        let (change, snapshot) = (whole.change.clone(), whole.snapshot.clone());
        let mut review = Review::new(ticket, change, snapshot, view.diff, None, true);
        review.viewport.show_files = whole.viewport.show_files;
        review.lay_out(whole.document.shape().columns, whole.viewport.page(), whole.viewport.look());
        review.part.shown = Some((part, view.told));
        for (index, file) in view.files.into_iter().enumerate() {
            review.compared(index, Ok(file));
        }
        review
    }

    /// The chosen part has nothing to show, or cannot be read; returns a remark on it, with its name.
    pub fn pass(&mut self, part: ChangePart, why: &str) -> String {
        let said = format!("{}: {why}", self.name_of(&part));
        self.part.passed = Some(part);
        said
    }

    /// The part that is shown, in words.
    pub fn part_name(&self) -> Option<String> {
        self.part.shown().map(|part| self.name_of(part))
    }

    fn name_of(&self, part: &ChangePart) -> String {
        match part {
            ChangePart::Since(since, _) => since.name().to_owned(),
            ChangePart::Commit(id) => {
                // Oldest first, in reading order.
                let commits = &self.change.revision.commits;
                let at = commits.iter().rev().position(|commit| commit.id == *id).unwrap_or(0);
                format!("commit {} of {}: {}", at + 1, commits.len(), id.short())
            }
        }
    }
}
