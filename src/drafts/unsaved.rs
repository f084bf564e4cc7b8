//! What could not be written to disk, until it can be.

use std::path::{Path, PathBuf};

use super::folder::Seen;
use crate::decision::{Draft, Note, Verdict};

/// A draft that could not be written to disk.
#[derive(Debug, Clone)]
pub struct UnsavedDraft {
    /// A sentence.
    pub why: String,
    /// The git directory of the repository that it is of, and which repository that was.
    pub repository: PathBuf,
    pub(super) seen: Option<Seen>,
    /// The last state that was saved.
    pub(super) base: Draft,
    pub(super) draft: Draft,
}

impl UnsavedDraft {
    /// Whether this is where a draft of one review is kept until it can be saved. The name of a change says too little:
    /// a worktree has it that was made anew for another task, and so does a repository that took the place of another.
    pub(super) fn is_of(&self, repository: &Path, seen: Option<&Seen>, draft: &Draft) -> bool {
        let is_same = self.repository == repository && self.seen.as_ref() == seen;
        is_same && self.draft.key() == draft.key() && self.draft.head == draft.head
    }

    /// The change that it is about, and what the person wrote since it was last saved, each with its place. Marks of
    /// what was seen are not among them.
    pub fn words(&self) -> (&str, Vec<String>) {
        let at = |note: &Note| match (note.path.as_str(), note.line) {
            ("", _) => String::new(),
            (path, 0) => format!("{path}: "),
            (path, line) => format!("{path}:{line}: "),
        };
        let notes = self.draft.notes.iter().filter(|note| !self.base.notes.contains(note));
        let mut words: Vec<_> = notes.map(|note| format!("{}{}", at(note), note.text)).collect();
        let answers = |of: &Draft| of.answers.clone().into_iter().chain(of.acknowledged.clone()).collect::<Vec<_>>();
        let before = answers(&self.base);
        words.extend(
            answers(&self.draft)
                .into_iter()
                .filter(|answer| !before.contains(answer))
                .map(|(key, text)| format!("{key}: {text}")),
        );
        let is_new = |(verdict, words): &(&Verdict, &String)| self.base.reasons.get(verdict) != Some(words);
        let reasons = self.draft.reasons.iter().filter(is_new);
        words.extend(reasons.map(|(verdict, words)| format!("reason for “{verdict}”: {words}")));
        (&self.draft.change, words)
    }
}
