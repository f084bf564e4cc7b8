//! The files of a change, read from the objects and compared.

use std::path::{Path, PathBuf};

use crate::change::compare::{Comparison, compare};
use crate::change::diff::{Content, FileDiff};
use crate::change::moved;
use crate::risk::FileUnderReview;
use crate::source::git::{self, GitError, Repository};

/// The texts of one path, compared.
#[derive(Debug, Clone)]
pub struct FileMaterial {
    pub diff: FileDiff,
    pub old: Option<Content>,
    pub new: Option<Content>,
    pub comparison: Comparison,
    /// What a submodule moves over, as sentences.
    pub passed: Vec<String>,
}

impl FileMaterial {
    /// Compares two contents.
    pub fn of(diff: FileDiff, old: Option<Content>, new: Option<Content>) -> FileMaterial {
        // Most omissions have no lines on their side; nor is there anything to compare if only the mode changed.
        let comparable = [&old, &new].iter().all(|c| c.as_ref().is_none_or(|c| c.text().is_some()));
        let comparison = if comparable { compare(text_of(&old), text_of(&new)) } else { Comparison::default() };
        FileMaterial { diff, old, new, comparison, passed: Vec::new() }
    }

    /// Reads and compares one path.
    pub fn read(repository: &Repository, diff: &FileDiff) -> Result<FileMaterial, GitError> {
        let side = |entry: Option<_>| entry.map(|entry| git::content(repository, entry)).transpose();
        let passed = git::passed_by_submodule(repository, diff);
        Ok(FileMaterial { passed, ..FileMaterial::of(diff.clone(), side(diff.old)?, side(diff.new)?) })
    }

    /// The input for finding moves among all changed lines of a change.
    pub fn compared(&self) -> moved::Compared<'_> {
        moved::Compared { comparison: &self.comparison, old: text_of(&self.old), new: text_of(&self.new) }
    }

    /// The input for the rules.
    pub fn under_review(&self) -> FileUnderReview<'_> {
        FileUnderReview::new(&self.diff, self.old.as_ref(), self.new.as_ref(), &self.comparison)
    }
}

/// Reads the files of a change one after another. The memory for mapped packs is freed from time to time: it would grow
/// to the size of what was read.
pub struct FileReader {
    root: PathBuf,
    repository: Repository,
    /// Bytes of texts since it was opened.
    read: usize,
}

impl FileReader {
    /// Bytes of texts after which the repository is reopened, which takes less time than reading a file.
    const MAPPED: usize = 2 << 20;

    pub fn open(root: &Path) -> Result<FileReader, GitError> {
        Ok(FileReader { root: root.to_owned(), repository: Repository::open(root)?, read: 0 })
    }

    pub fn read(&mut self, diff: &FileDiff) -> Result<FileMaterial, GitError> {
        if self.read > FileReader::MAPPED {
            self.repository = Repository::open(&self.root)?;
            self.read = 0;
        }
        let file = FileMaterial::read(&self.repository, diff)?;
        self.read += text_of(&file.old).len() + text_of(&file.new).len();
        Ok(file)
    }
}

/// The text of a side; empty if it has none.
pub fn text_of(content: &Option<Content>) -> &[u8] {
    content.as_ref().and_then(Content::text).unwrap_or_default()
}
