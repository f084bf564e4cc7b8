//! Commits that landed, assessed one by one, each against its first parent: by their content, and by the history up to
//! it.

use std::collections::{BTreeSet, VecDeque};

use super::{FileMaterial, GitError, Reading, Repository};
use crate::change::ObjectId;
use crate::change::diff::{Diff, FileDiff};
use crate::change::renames;
use crate::risk::{Assessment, History, Look, MAX_COMMITS, MAX_RATED, PastChange, Rates, Rules, Signs};
use crate::source::git::{self, CommitSelection, PastCommit};

/// The most files of one commit that are read.
const MAX_FILES: usize = 500;
/// The most bytes of their texts, both sides: an amount that is read in less than a second.
const MAX_BYTES: u64 = 2 << 20;
/// The most paths of one commit that are examined.
const MAX_PATHS: usize = 20_000;
/// Commits after which the repository is reopened: its mapped packs would grow to the size of what was read.
const MAPPED: usize = 500;

/// The score of a commit that landed.
#[derive(Debug, Clone)]
pub struct Scored {
    pub commit: PastCommit,
    pub assessment: Assessment,
    /// What the commits before it say about it.
    pub look: Look,
    pub files: usize,
    pub added: u32,
    pub removed: u32,
    pub left_out: LeftOut,
}

/// What was not read of a commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Files beyond the bounds.
    pub large: usize,
    /// Files whose objects are not here, or cannot be read.
    pub unreadable: usize,
}

impl LeftOut {
    /// A clause; none if everything was read.
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

/// Reads commits one by one.
pub struct Past {
    repository: Repository,
    read: usize,
}

impl Past {
    /// # Errors
    /// The repository cannot be opened.
    pub fn of(repository: &Repository) -> Result<Past, GitError> {
        Ok(Past { repository: Repository::open(repository.git_dir())?, read: 0 })
    }

    /// A commit in the form in which the history records it; none if it is not here.
    pub fn change(&mut self, id: ObjectId) -> Option<PastChange> {
        let commit = self.commit(id).ok()?;
        Some(past_change(&self.repository, &commit))
    }

    /// The rules that fire on a commit, and what was not read of it; none if it is not here.
    pub fn fired(&mut self, id: ObjectId, rules: &Rules) -> Option<(Vec<String>, LeftOut)> {
        let commit = self.commit(id).ok()?;
        let Scored { assessment, left_out, .. } = scored(&self.repository, rules, commit, Look::default()).ok()?;
        let fired: BTreeSet<String> = assessment.findings.into_iter().map(|finding| finding.rule).collect();
        Some((fired.into_iter().collect(), left_out))
    }

    /// The tier of a commit, and the rules that fire on it, without history; none if it is not here.
    pub fn tier(&mut self, id: ObjectId, rules: &Rules) -> Option<(u8, BTreeSet<String>)> {
        let commit = self.commit(id).ok()?;
        let assessment = scored(&self.repository, rules, commit, Look::default()).ok()?.assessment;
        Some((assessment.tier, assessment.findings.into_iter().map(|finding| finding.rule).collect()))
    }

    fn commit(&mut self, id: ObjectId) -> Result<PastCommit, GitError> {
        self.read += 1;
        if self.read.is_multiple_of(MAPPED) {
            self.repository = Repository::open(self.repository.git_dir())?;
        }
        self.repository.past_commit(id)
    }
}

/// Scores commits in the order in which they landed.
pub struct Scorer<'r> {
    past: Past,
    rules: &'r Rules,
    history: History,
    line: CommitSelection,
    /// The rules that fired on the newest scored commits, and how often they did.
    fired: VecDeque<BTreeSet<String>>,
    rates: Rates,
}

impl<'r> Scorer<'r> {
    /// Starts without any history.
    ///
    /// # Errors
    /// The repository cannot be opened.
    pub fn of(repository: &Repository, rules: &'r Rules, line: CommitSelection) -> Result<Scorer<'r>, GitError> {
        let (history, fired, rates) = Default::default();
        Ok(Scorer { past: Past::of(repository)?, rules, history, line, fired, rates })
    }

    /// Adds the history up to and including a commit.
    ///
    /// # Errors
    /// A commit is missing.
    pub fn remember_up_to(&mut self, tip: ObjectId) -> Result<(), GitError> {
        let before = self.past.repository.past(tip, None, self.line, MAX_COMMITS)?;
        for id in before.into_iter().rev() {
            self.past.change(id).iter().for_each(|change| self.history.take(change));
        }
        Ok(())
    }

    /// Scores a commit by the history so far, without adding it.
    ///
    /// # Errors
    /// The commit or one of its trees is missing.
    pub fn score(&mut self, id: ObjectId) -> Result<Scored, GitError> {
        let commit = self.past.commit(id)?;
        let look = self.history.look(&past_change(&self.past.repository, &commit));
        let mut scored = scored(&self.past.repository, self.rules, commit, look)?;
        scored.assessment = scored.assessment.reckoned(Some(&scored.look), Some(&self.rates));
        Ok(scored)
    }

    /// How often each rule fired on the added commits.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Scores a commit, and adds it to the history for the next one.
    ///
    /// # Errors
    /// As [`Scorer::score`].
    pub fn next(&mut self, id: ObjectId) -> Result<Scored, GitError> {
        let scored = self.score(id)?;
        self.history.take(&past_change(&self.past.repository, &scored.commit));
        let fired: BTreeSet<String> = scored.assessment.findings.iter().map(|finding| finding.rule.clone()).collect();
        self.rates.take(fired.iter().map(String::as_str));
        self.fired.push_back(fired);
        if self.fired.len() > MAX_RATED
            && let Some(oldest) = self.fired.pop_front()
        {
            self.rates.forget(oldest.iter().map(String::as_str));
        }
        Ok(scored)
    }
}

/// A commit in the form in which the history records it; without paths if its trees cannot be read.
fn past_change(repository: &Repository, commit: &PastCommit) -> PastChange {
    let diff = commit.diff(repository).unwrap_or_default();
    // Only moves without a change: finding others would require the texts.
    let diff = renames::paired(diff, |_, _| true, |_, _| None);
    PastChange {
        id: commit.id,
        time: commit.time,
        author: PastChange::author(&commit.author),
        signs: Signs::of(&commit.message),
        paths: diff.files.into_iter().map(|file| (file.path, file.from)).take(MAX_PATHS).collect(),
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
    let reading = read(repository, rules, &diff, &mut scored);
    scored.assessment = reading.assessor.finish(&diff.files);
    Ok(scored)
}

/// Takes the files within the bounds, as the desk does.
fn read<'r>(repository: &Repository, rules: &'r Rules, diff: &Diff, scored: &mut Scored) -> Reading<'r> {
    let mut reading = Reading::by(rules);
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
            Ok(file) => reading.take(&file),
            Err(_) => scored.left_out.unreadable += 1,
        }
    }
    (scored.added, scored.removed) = (reading.added, reading.removed);
    reading
}

/// Bytes of both sides; none if an object is missing.
fn bytes_of(repository: &Repository, file: &FileDiff) -> Option<u64> {
    let sides = [file.old, file.new].into_iter().flatten();
    sides.map(|entry| git::size_of(repository, entry).ok()).sum()
}
