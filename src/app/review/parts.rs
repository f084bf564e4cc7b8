//! Parts of a change beside the whole: what came since one looked or decided, and the commits of the series. They are
//! read, never signed: what is signed is the total.

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

/// What is in a part.
#[derive(Debug)]
pub struct View {
    pub diff: Arc<Diff>,
    pub files: Vec<Compared>,
    /// What there is to say of it as a whole.
    pub told: Vec<String>,
}

impl ChangePart {
    /// The part after this one: since one looked, since one decided, all. Those that show the same are one.
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

    /// The commit after the one that is shown, or before it; at the ends all.
    pub fn neighbour(
        now: Option<&ChangePart>,
        commits: &[Commit],
        forward: bool,
    ) -> Result<Option<ChangePart>, &'static str> {
        // Newest first in the revision; a reader goes from the oldest on.
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
    /// A part of a change, in the place of the whole.
    pub fn of_part(whole: &Review, part: ChangePart, view: View, ticket: u64) -> Review {
        let (change, snapshot) = (whole.change.clone(), whole.snapshot.clone());
        let mut review = Review::new(ticket, change, snapshot, view.diff, None, true);
        review.show_files = whole.show_files;
        review.lay_out(whole.shape.columns, whole.page, whole.look);
        review.part = Some((part, view.told));
        for (index, file) in view.files.into_iter().enumerate() {
            review.compared(index, Ok(file));
        }
        review
    }

    pub fn part(&self) -> Option<&ChangePart> {
        self.part.as_ref().map(|(part, _)| part)
    }

    /// Where a reader of parts is: at the one that is shown, or at one after it that has nothing to show.
    pub fn part_turned_to(&self) -> Option<&ChangePart> {
        self.passed.as_ref().or(self.part())
    }

    /// A part was turned to that has nothing to show, or cannot be read; what is said of it, with its place.
    pub fn pass(&mut self, part: ChangePart, why: &str) -> String {
        let said = format!("{}: {why}", self.name_of(&part));
        self.passed = Some(part);
        said
    }

    pub fn forget_passed(&mut self) {
        self.passed = None;
    }

    /// The part that is shown, in words.
    pub fn part_name(&self) -> Option<String> {
        self.part().map(|part| self.name_of(part))
    }

    fn name_of(&self, part: &ChangePart) -> String {
        match part {
            ChangePart::Since(since, _) => since.name().to_owned(),
            ChangePart::Commit(id) => {
                // Oldest first, as one reads them.
                let commits = &self.change.revision.commits;
                let at = commits.iter().rev().position(|commit| commit.id == *id).unwrap_or(0);
                format!("commit {} of {}: {}", at + 1, commits.len(), id.short())
            }
        }
    }

    /// What there is to say of the part that is shown.
    pub fn told(&self) -> &[String] {
        self.part.as_ref().map_or(&[], |(_, told)| told)
    }
}
