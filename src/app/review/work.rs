//! What the reviewer did to the open change: what was on the screen, and the draft of what was seen, answered and
//! noted.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::coverage::Coverage;
use crate::change::Change;
use crate::decision::{Draft, Revised};

/// What an answer is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    Finding(String),
    Omission(String),
}

#[derive(Debug, Clone)]
pub struct Work {
    pub draft: Draft,
    /// The draft as last written or read: what was done since then must be written.
    saved: Draft,
    /// Marks that came from a draft of another head.
    carried_over: BTreeSet<String>,
    /// Nothing may be marked, answered or noted.
    pub read_only: bool,
    pub(super) shown: Coverage,
}

impl Work {
    /// Continues a draft, or begins one. Marks of a draft of another head are carried over.
    pub(super) fn on(change: &Change, draft: Option<Draft>, read_only: bool) -> Work {
        let revision = Revised::of(&change.revision);
        let mut draft = draft.unwrap_or_else(|| Draft::new(&change.id, revision.clone()));
        let saved = draft.clone();
        let carried_over = if draft.head == revision.head { BTreeSet::new() } else { draft.seen.clone() };
        draft.moved_to(revision);
        draft.refs = change.refs.iter().map(|at| at.full.clone()).collect();
        draft.change.clone_from(&change.id);
        Work { draft, saved, carried_over, read_only, shown: Coverage::default() }
    }

    /// What is on disk, if that is not what was read.
    pub fn saved_as(&mut self, saved: Draft) {
        self.saved = saved;
    }

    /// The draft to write, with the lines of partly shown hunks; and the one that it continues.
    pub fn to_write(&mut self, shown: BTreeMap<String, Vec<Range<u32>>>) -> (Draft, Draft) {
        let draft = Draft { shown, ..self.draft.clone() };
        let base = std::mem::replace(&mut self.saved, draft.clone());
        (base, draft)
    }

    pub fn is_seen(&self, key: &str) -> bool {
        self.draft.seen.contains(key)
    }

    pub fn is_carried_over(&self, key: &str) -> bool {
        self.carried_over.contains(key)
    }

    pub fn carries_anything_over(&self) -> bool {
        !self.carried_over.is_empty()
    }

    pub fn is_acknowledged(&self, key: &str) -> bool {
        self.draft.acknowledged.contains_key(key)
    }

    pub fn answer_to(&self, subject: &Subject) -> Option<&String> {
        match subject {
            Subject::Finding(key) => self.draft.answers.get(key),
            Subject::Omission(key) => self.draft.acknowledged.get(key),
        }
    }

    /// Records an answer; an empty one removes it.
    pub(super) fn answer(&mut self, subject: Subject, text: &str) {
        let (map, key) = match subject {
            Subject::Finding(key) => (&mut self.draft.answers, key),
            Subject::Omission(key) => (&mut self.draft.acknowledged, key),
        };
        if text.trim().is_empty() {
            map.remove(&key);
        } else {
            map.insert(key, text.trim().to_owned());
        }
    }

    /// The draft has become a record: a decision, or a withdrawal.
    pub(super) fn decided(&mut self, stands: bool, notes_are_signed: bool) {
        let notes = std::mem::take(&mut self.draft.notes);
        self.draft = self.draft.decided();
        // Content that is in no record is kept.
        self.draft.notes = if notes_are_signed { Vec::new() } else { notes };
        self.draft.decided_on = self.draft.decided_on.take().filter(|_| stands);
    }

    /// Merges what another desk did.
    pub(super) fn take_in(&mut self, written: &Draft, merged: &Draft) {
        self.draft.take_in(written, merged);
        self.saved.take_in(written, merged);
    }
}
