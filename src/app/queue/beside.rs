//! Which other changes of the queue edit the same as one of them.

use std::collections::HashSet;

use super::{Entry, Examined, Queue};
use crate::examination::ChangeStatus;
use crate::examination::concurrent::{Book, Concurrent, builds_on};

/// What examined changes edit, and what the selected one shares with others: a frame must not compare them.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    book: Book,
    /// Grows with every change of the book and of what is decided.
    version: u64,
    selected: Option<(String, u64, Concurrent)>,
}

impl Queue {
    /// Enters what an examined change edits.
    pub(super) fn enter_edits(&mut self, at: usize) {
        let Entry { change, examined, .. } = &self.entries[at];
        match examined {
            Examined::Done(examination) => self.shared.book.put(change.repository, &change.id, &examination.edits),
            Examined::Pending | Examined::Failed(_) => self.shared.book.forget(&change.id),
        }
        self.shared.version += 1;
    }

    /// The same for a repository that was listed, or cannot be read.
    pub(super) fn enter_all_edits(&mut self, repository: usize) {
        let of_repository = |at: &usize| self.entries[*at].change.repository == repository;
        let own: Vec<usize> = (0..self.entries.len()).filter(of_repository).collect();
        let ids: HashSet<&str> = own.iter().map(|at| self.entries[*at].change.id.as_str()).collect();
        self.shared.book.keep(repository, &ids);
        self.shared.version += 1;
        own.into_iter().for_each(|at| self.enter_edits(at));
    }

    /// What a change shares with others that are not decided.
    pub fn compare_with_others(&self, entry: &Entry) -> Concurrent {
        let open = |id: &str| {
            let other = self.entry(id)?;
            let is_decided = other.status.as_ref().is_some_and(ChangeStatus::is_decided);
            let counts = !is_decided && !builds_on(&entry.change, &other.change);
            counts.then_some(&*other.change)
        };
        Concurrent::among(self.shared.book.beside(&entry.change.id), open)
    }

    /// Finds out what the selected change shares with others, if that is not known.
    pub fn look_beside(&mut self) {
        let version = self.shared.version;
        let Some(entry) = self.selected_entry() else { return };
        let is_known = |(id, at, _): &(String, u64, Concurrent)| *id == entry.change.id && *at == version;
        if !self.shared.selected.as_ref().is_some_and(is_known) {
            let found = (entry.change.id.clone(), version, self.compare_with_others(entry));
            self.shared.selected = Some(found);
        }
    }

    /// What the selected change shares with others; none if another one is asked for.
    pub fn beside(&self, entry: &Entry) -> Option<&Concurrent> {
        let (_, _, found) = self.shared.selected.as_ref().filter(|(id, ..)| *id == entry.change.id)?;
        Some(found)
    }
}
