//! Commits that landed, assessed one by one, each against its first parent: by their content, and by the history up to
//! it.

use super::{FileMaterial, GitError, Repository};
use crate::change::ObjectId;
use crate::change::diff::{Diff, FileDiff};
use crate::change::renames;
use crate::risk::{Assessment, Assessor, History, Look, PastChange, Rules, Signs};
use crate::source::git::{self, Line, PastCommit};

/// Files of one commit that are read.
const MAX_FILES: usize = 500;
/// Bytes of their texts, both sides: what is read in less than a second.
const MAX_BYTES: u64 = 4 << 20;
/// Paths of one commit that are looked at.
const MAX_PATHS: usize = 20_000;
/// Commits after which the repository is opened anew: what it maps of its packs would grow to what was read of them.
const MAPPED: usize = 500;

/// What is said of a commit that landed.
#[derive(Debug, Clone)]
pub struct Scored {
    pub commit: PastCommit,
    pub assessment: Assessment,
    /// What the commits before it say.
    pub look: Look,
    pub files: usize,
    pub added: u32,
    pub removed: u32,
    pub left_out: LeftOut,
}

/// What of a commit was not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Files beyond the bounds.
    pub large: usize,
    /// Files whose objects are not here, or cannot be read.
    pub unreadable: usize,
}

impl LeftOut {
    /// Half a sentence; none where all was read.
    pub fn sentence(&self) -> Option<String> {
        let large = format!(
            "{} beyond {MAX_FILES} files or {} MiB of a commit",
            crate::change::counted(self.large, "file"),
            MAX_BYTES >> 20
        );
        let unreadable = format!("{} that cannot be read here", crate::change::counted(self.unreadable, "file"));
        let parts = [(self.large, large), (self.unreadable, unreadable)];
        let parts: Vec<String> = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
        (!parts.is_empty()).then(|| format!("not read: {}", parts.join(", ")))
    }
}

/// Scores commits in the order in which they landed.
pub struct Scorer<'r> {
    repository: Repository,
    rules: &'r Rules,
    history: History,
    line: Line,
    scored: usize,
}

impl<'r> Scorer<'r> {
    /// Nothing is known of what landed before.
    ///
    /// # Errors
    /// The repository cannot be opened.
    pub fn of(repository: &Repository, rules: &'r Rules, line: Line) -> Result<Scorer<'r>, GitError> {
        let repository = Repository::open(repository.git_dir())?;
        Ok(Scorer { repository, rules, history: History::default(), line, scored: 0 })
    }

    /// Learns what landed before a commit.
    ///
    /// # Errors
    /// A commit is missing.
    pub fn remember_up_to(&mut self, tip: ObjectId) -> Result<(), GitError> {
        let mut before = self.repository.past(tip, None, self.line, crate::risk::MAX_COMMITS)?;
        before.reverse();
        for id in before {
            self.refresh()?;
            if let Ok(commit) = self.repository.past_commit(id) {
                self.history.take(&past_change(&self.repository, &commit));
            }
        }
        Ok(())
    }

    /// Scores a commit by what landed so far, without taking it in.
    ///
    /// # Errors
    /// The commit or one of its trees is missing.
    pub fn score(&mut self, id: ObjectId) -> Result<Scored, GitError> {
        self.refresh()?;
        let commit = self.repository.past_commit(id)?;
        let look = self.history.look(&past_change(&self.repository, &commit));
        scored(&self.repository, self.rules, commit, look)
    }

    /// Scores a commit, and takes it in for the next one.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn next(&mut self, id: ObjectId) -> Result<Scored, GitError> {
        let scored = self.score(id)?;
        self.history.take(&past_change(&self.repository, &scored.commit));
        Ok(scored)
    }

    fn refresh(&mut self) -> Result<(), GitError> {
        self.scored += 1;
        if self.scored.is_multiple_of(MAPPED) {
            self.repository = Repository::open(self.repository.git_dir())?;
        }
        Ok(())
    }
}

/// A commit as far as history goes; where its trees cannot be read, without paths.
fn past_change(repository: &Repository, commit: &PastCommit) -> PastChange {
    let diff = commit.diff(repository).unwrap_or_default();
    // Moved without a change: more would ask for the texts.
    let diff = renames::paired(diff, |_, _| true, |_, _| None);
    PastChange {
        id: commit.id,
        time: commit.time,
        author: PastChange::author(&commit.author),
        signs: Signs::of(&commit.message),
        paths: diff.files.into_iter().map(|file| (file.path, file.from)).collect(),
    }
}

fn scored(repository: &Repository, rules: &Rules, commit: PastCommit, look: Look) -> Result<Scored, GitError> {
    let mut diff = commit.diff(repository)?;
    let files = diff.files.len();
    diff.files.truncate(MAX_PATHS);
    let text = |entry, most| git::small_text(repository, entry, most);
    let diff = renames::paired(diff, |from, to| rules.mean_the_same_by(from, to), text);
    let mut scored = Scored {
        left_out: LeftOut { large: files.saturating_sub(MAX_PATHS), unreadable: 0 },
        assessment: Assessment::default(),
        commit,
        look,
        files,
        added: 0,
        removed: 0,
    };
    let assessor = read(repository, rules, &diff, &mut scored);
    scored.assessment = assessor.finish(&diff.files).reckoned(Some(&scored.look), None);
    Ok(scored)
}

fn read<'r>(repository: &Repository, rules: &'r Rules, diff: &Diff, scored: &mut Scored) -> Assessor<'r> {
    let mut assessor = Assessor::new(rules);
    let mut room = MAX_BYTES;
    for (at, file) in diff.files.iter().enumerate() {
        let Some(bytes) = bytes_of(repository, file) else {
            scored.left_out.unreadable += 1;
            continue;
        };
        if at >= MAX_FILES || bytes > room {
            scored.left_out.large += 1;
            continue;
        }
        room -= bytes;
        match FileMaterial::read(repository, file) {
            Ok(file) => {
                assessor.read(&file.under_review());
                scored.added += file.comparison.added;
                scored.removed += file.comparison.removed;
            }
            Err(_) => scored.left_out.unreadable += 1,
        }
    }
    assessor
}

/// Bytes of both sides; none where an object is missing.
fn bytes_of(repository: &Repository, file: &FileDiff) -> Option<u64> {
    let sides = [file.old, file.new].into_iter().flatten();
    sides.map(|entry| git::size_of(repository, entry).ok()).sum()
}
