//! A change file by file: what the rules need of each, and no more of it than they need.

use std::collections::HashMap;
use std::sync::Arc;

use super::concurrent::{self, Edits, Lines};
use super::{Examination, FileMaterial};
use crate::change::diff::{Content, Diff, FileDiff, recoded};
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::{Change, ObjectId, RepoPath};
use crate::provenance;
use crate::risk::{Assessor, Finding, Rules, are_of_one_format};

/// What is collected from the files of a change as they are read, so that no file has to be kept.
pub struct Reading<'r> {
    pub(super) assessor: Assessor<'r>,
    /// By path, one half of a move to where the file means something else, until the other half is read.
    halves: HashMap<RepoPath, FileMaterial>,
    /// The digests of the contents that were read: the manifest binds to them.
    pub(super) digests: HashMap<ObjectId, Digest>,
    pub(super) files: usize,
    pub(super) added: u32,
    pub(super) removed: u32,
    /// The files whose text is written in another encoding than before, with both encodings in words.
    pub(super) recoded: Vec<(RepoPath, String)>,
    /// The lines that it edits, by path.
    pub(super) lines: Lines,
}

impl<'r> Reading<'r> {
    /// Nothing is read yet.
    pub fn by(rules: &'r Rules) -> Reading<'r> {
        let (halves, digests, recoded, lines) = Default::default();
        let assessor = Assessor::new(rules);
        Reading { assessor, halves, digests, files: 0, added: 0, removed: 0, recoded, lines }
    }

    /// Adds a file, each once, in any order.
    pub fn take(&mut self, file: &FileMaterial) {
        self.assessor.read(&file.under_review());
        self.take_encoding(file);
        self.take_across(file);
        concurrent::add(&mut self.lines, &file.diff.path, &file.comparison.edited());
        for (entry, content) in [(file.diff.old, &file.old), (file.diff.new, &file.new)] {
            let digest = content.as_ref().and_then(Content::digest);
            self.digests.extend(entry.zip(digest).map(|(entry, digest)| (entry.id, digest)));
        }
        self.files += 1;
        self.added += file.comparison.added;
        self.removed += file.comparison.removed;
    }

    /// Adds findings of other tools.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.assessor.add(findings);
    }

    fn take_encoding(&mut self, file: &FileMaterial) {
        let told = recoded(file.old.as_ref(), file.new.as_ref());
        self.recoded.extend(told.map(|told| (file.diff.path.clone(), told)));
    }

    fn take_across(&mut self, file: &FileMaterial) {
        let Some(counterpart) = file.diff.counterpart.as_ref().filter(|_| file.diff.changed_across()) else { return };
        // A file that is paired by its text, and not by equal contents, is small enough to be kept.
        let Some(other) = self.halves.remove(&counterpart.path) else {
            self.halves.insert(file.diff.path.clone(), file.clone());
            return;
        };
        let (gone, come) = if file.new.is_some() { (&other, file) } else { (file, &other) };
        // A text of another format is read as what it was; otherwise both are read as what they mean now.
        let from = Some(&gone.diff.path).filter(|from| !are_of_one_format(from, &come.diff.path)).cloned();
        let diff = FileDiff { old: gone.diff.old, from, ..come.diff.clone() };
        let joined = FileMaterial::of(diff, gone.old.clone(), come.new.clone());
        self.take_encoding(&joined);
        self.assessor.read_across(&joined.under_review(), &gone.diff.path);
    }

    /// What the files and commits of a change say by themselves, without a repository and therefore without a
    /// judgement.
    pub fn apart(self, change: &Change, diff: &Diff) -> Examination {
        Examination {
            rules: self.assessor.rules().digest(),
            assessment: self.assessor.finish(&diff.files),
            background: None,
            provenance: provenance::trace(&change.revision.commits, &change.branch, provenance::Rules::shipped()),
            manifest: Manifest::default(),
            result_tree: None,
            stop: None,
            standing: None,
            compartments: Vec::new(),
            crossings: Vec::new(),
            policy_change: None,
            split: Vec::new(),
            authors: Vec::new(),
            files: self.files,
            added: self.added,
            removed: self.removed,
            recoded: self.recoded,
            edits: Arc::new(Edits::of(diff, &concurrent::settled(self.lines))),
            from_objects: false,
        }
    }
}
