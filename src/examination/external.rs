//! Reports of other tools, assigned to the change that they are about.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::FileMaterial;
use crate::change::diff::{Diff, Side};
use crate::change::{Change, ObjectId, RepoPath, visible};
use crate::risk::external::test_coverage::{self, TestCoverage, TestCoverageReport};
use crate::risk::external::{Import, MAX_BYTES, Report, Trees, read};
use crate::risk::{Finding, Rules};
use crate::source::git::{self, GitError, Repository};

/// The most reports in one note.
const MAX_LINES: usize = 100;

/// Reports on the head of a change, and on its base. If a tool did not run on the base, its findings are not compared.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reports {
    pub head: Vec<Report>,
    pub base: Option<Vec<Report>>,
    /// Which lines of the head were run by tests.
    pub test_coverage: Vec<TestCoverageReport>,
}

impl Reports {
    /// Reads reports from files: on the head, on the base, and of coverage. The error names the file.
    pub fn from_files(head: &[PathBuf], base: &[PathBuf], coverage: &[PathBuf]) -> Result<Reports, String> {
        let report = |path: &PathBuf| from_file(path, |bytes| read(bytes, &stem(path)));
        let read = |files: &[PathBuf]| files.iter().map(report).collect::<Result<Vec<_>, _>>();
        let base = if base.is_empty() { None } else { Some(read(base)?) };
        let test_coverage =
            coverage.iter().map(|path| from_file(path, test_coverage::read)).collect::<Result<_, _>>()?;
        Ok(Reports { head: read(head)?, base, test_coverage })
    }

    /// Reads the notes on head and base of a change in a ref of notes, by its full name. A missing note on the head is
    /// an error: nothing says that a tool found nothing.
    pub fn from_notes(repository: &Repository, change: &Change, name: &str) -> Result<Reports, String> {
        let (head, base) = (change.revision.head, change.revision.base);
        let short = head.short();
        let of_head = from_note(repository, name, head)?;
        let of_head = of_head.ok_or_else(|| format!("There is no note of {} on {short}.", visible::text(name)))?;
        let base = from_note(repository, name, base)?.map(|report| vec![report]);
        Ok(Reports { head: vec![of_head], base, ..Reports::default() })
    }

    /// Adds more reports.
    pub fn add(&mut self, more: Reports) {
        self.head.extend(more.head);
        self.test_coverage.extend(more.test_coverage);
        if let Some(base) = more.base {
            self.base.get_or_insert_default().extend(base);
        }
    }

    fn has_findings(&self) -> bool {
        !self.head.is_empty() || self.base.is_some()
    }
}

fn from_file<T>(path: &Path, read: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, String> {
    let mut bytes = Vec::new();
    // Reading one byte more than the limit shows that there is more.
    let limit = MAX_BYTES as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
    read(&bytes).map_err(|why| format!("{} is not read. {why}", path.display()))
}

/// The report in a note on a commit; none if there is no note. A note may contain several, one per line, as merged
/// notes do.
pub fn from_note(repository: &Repository, name: &str, commit: ObjectId) -> Result<Option<Report>, String> {
    let bytes = git::note(repository, name, commit, MAX_BYTES).map_err(|error| error.to_string())?;
    let Some(bytes) = bytes else { return Ok(None) };
    let own = name.rsplit('/').next().unwrap_or(name);
    let refused = |why: String| format!("The note of {} on {} is not read. {why}", visible::text(name), commit.short());
    let lines = || {
        let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        lines.take(MAX_LINES).map(|line| read(line, own)).collect::<Result<Vec<_>, _>>().ok()
    };
    match (read(&bytes, own), bytes.starts_with(b"{")) {
        (Ok(report), _) => Ok(Some(report)),
        (Err(why), true) => lines().map(|all| Some(joined(all))).ok_or_else(|| refused(why)),
        (Err(why), false) => Err(refused(why)),
    }
}

fn joined(reports: Vec<Report>) -> Report {
    let mut one = Report::default();
    for report in reports {
        one.runs.extend(report.runs);
        one.remarks.extend(report.remarks);
    }
    one
}

/// The name of a tool that does not name itself: the name of its file up to the first dot.
fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    if stem.is_empty() { "report".to_owned() } else { stem.to_owned() }
}

/// The trees of a change, read from git.
struct GitTrees<'r> {
    repository: &'r Repository,
    change: &'r Change,
}

impl GitTrees<'_> {
    fn at(&self, tree: ObjectId, path: &RepoPath) -> Option<crate::change::diff::TreeEntry> {
        git::entry_at(self.repository, tree, path).ok().flatten()
    }
}

impl Trees for GitTrees<'_> {
    fn head(&self) -> ObjectId {
        self.change.revision.head
    }

    fn has(&self, side: Side, path: &RepoPath) -> bool {
        let revision = &self.change.revision;
        let tree = if side == Side::Old { revision.base_tree } else { revision.head_tree };
        self.at(tree, path).is_some()
    }

    fn is_same(&self, revision: &str, path: &RepoPath) -> Option<bool> {
        // Only ids: a report must not select a branch.
        let is_id = revision.len() >= 7 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        let commit = self.repository.resolve(revision).ok().filter(|_| is_id)?;
        let tree = self.repository.tree_of(commit).ok()?;
        Some(self.at(tree, path) == self.at(self.change.revision.head_tree, path))
    }
}

/// What the reports say about a change. Only files with results are read.
pub fn findings(
    repository: &Repository,
    rules: &Rules,
    change: &Change,
    diff: &Diff,
    reports: Reports,
) -> Result<Vec<Finding>, GitError> {
    if !reports.has_findings() {
        return Ok(Vec::new());
    }
    let trees = GitTrees { repository, change };
    let mut import = Import::new(rules, reports.head, reports.base, &trees);
    for file in &diff.files {
        if import.speaks_of(file) {
            import.read(&FileMaterial::read(repository, file)?.under_review());
        }
    }
    Ok(import.finish(&diff.files))
}

/// Which lines of a change were run by tests, according to the reports on it.
pub fn test_coverage(
    repository: &Repository,
    change: &Change,
    diff: &Diff,
    reports: &Reports,
) -> Result<TestCoverage, GitError> {
    let trees = GitTrees { repository, change };
    let (mut coverage, measured) = TestCoverage::of(&reports.test_coverage, |path| trees.has(Side::New, path));
    for file in diff.files.iter().filter(|file| measured.speaks_of(file)) {
        coverage.add(file, &FileMaterial::read(repository, file)?.comparison, &measured);
    }
    Ok(coverage)
}
