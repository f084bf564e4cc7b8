//! Reads landed segments from the repository: what their commits say, what they change, and which lines. What cannot be
//! read is counted, and joins nothing.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::joins::{Landed, Told};
use super::message::Says;
use super::rework::{Edit, Edits, Run};
use crate::change::compare::{Comparison, Line, compare};
use crate::change::diff::{Diff, FileDiff, Mode, TreeEntry};
use crate::change::digest::Digest;
use crate::change::{Commit, Identity, ObjectId};
use crate::examination::landed::Past;
use crate::risk::{Rules, is_generated};
use crate::source::git::{self, GitError, Repository};

/// The most bytes of a text whose lines are compared.
const MAX_TEXT: usize = 1 << 20;
/// The most files, and changed lines, of one segment whose lines are compared.
const MAX_FILES: usize = 1_000;
const MAX_LINES: usize = 100_000;
/// The most paths of a segment that is compared with its inverse.
const MAX_PATHS: usize = 20_000;
/// The most authors of a segment.
const MAX_AUTHORS: usize = 100;
/// The most changed lines of all segments that are kept to follow them, at 8 bytes each.
const MAX_KEPT: usize = 40_000_000;
/// The number of segments after which it is known how many lines are kept.
const BATCH: usize = 512;
/// The number of segments that a thread takes at once.
const SHARE: usize = 16;

/// Where a segment is.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub line: usize,
    pub at: i64,
    pub from: Option<ObjectId>,
    pub to: ObjectId,
    /// The number of its steps on the line.
    pub steps: usize,
}

/// What was read of one segment.
#[derive(Debug, Default)]
pub struct Read {
    pub landed: Landed,
    pub edits: Edits,
    pub left: Left,
}

/// What was not read or not compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Segments of which an object is missing or malformed.
    pub unread: usize,
    /// Segments that are too large to follow their lines.
    pub large: usize,
    /// Files that are not text, or too large.
    pub binary: usize,
    /// Files that a tool writes.
    pub generated: usize,
}

impl Left {
    pub fn add(&mut self, other: Left) {
        self.unread += other.unread;
        self.large += other.large;
        self.binary += other.binary;
        self.generated += other.generated;
    }
}

/// The tier of a segment, and the rules that fire on it, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Risk {
    pub tier: Option<u8>,
    pub rules: Vec<String>,
}

/// Reads segments, on all processors.
///
/// # Errors
/// The repository cannot be reopened.
pub fn segments(
    repository: &Repository,
    spans: &[Span],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Read>, GitError> {
    let path = repository.git_dir();
    let open = || Repository::open_exactly(path);
    let (mut all, mut kept) = (Vec::with_capacity(spans.len()), 0);
    for batch in spans.chunks(BATCH) {
        let done = all.len();
        let told = |own| progress(done + own);
        let read = shared(batch, open, |own: &mut Repository, span| segment(own, span), &told)?;
        all.extend(read.into_iter().map(|read| bounded(read, &mut kept)));
    }
    Ok(all)
}

/// A segment without its lines, if those of the segments before it are too many already. That is the same on every
/// machine, however many threads read.
fn bounded(mut read: Read, kept: &mut usize) -> Read {
    let lines = |file: &Edit| file.runs.iter().map(|run| run.removed.len() + run.added.len()).sum::<usize>();
    *kept += read.edits.files.iter().map(lines).sum::<usize>();
    if *kept > MAX_KEPT && !read.edits.files.is_empty() {
        read.edits.files = Vec::new();
        read.left.large += 1;
    }
    read
}

/// The tiers and rules of segments, step by step, by these rules and without history.
///
/// # Errors
/// The repository cannot be reopened.
pub fn risks(
    repository: &Repository,
    rules: &Rules,
    spans: &[Span],
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Risk>, GitError> {
    let path = repository.git_dir();
    let open = || {
        let own = Repository::open_exactly(path)?;
        Ok((Past::of(&own)?, own))
    };
    let read = |(past, own): &mut (Past, Repository), span: &Span| risk(past, own, rules, span);
    shared(spans, open, read, progress)
}

/// The results in the order of the items. Each thread opens what it reads from.
fn shared<I: Sync, S, T: Send>(
    items: &[I],
    open: impl Fn() -> Result<S, GitError> + Sync,
    read: impl Fn(&mut S, &I) -> T + Sync,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<T>, GitError> {
    let shares: Vec<&[I]> = items.chunks(SHARE).collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || -> Result<Vec<(usize, Vec<T>)>, GitError> {
        let (mut source, mut results) = (open()?, Vec::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(share) = shares.get(at) else { return Ok(results) };
            results.push((at, share.iter().map(|item| read(&mut source, item)).collect()));
            progress(done.fetch_add(share.len(), Ordering::Relaxed) + share.len());
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(shares.len()).max(1);
    let joined = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = running.into_iter().map(|thread| thread.join());
        joined.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
    });
    let mut all = Vec::new();
    for part in joined {
        all.extend(part?);
    }
    all.sort_by_key(|(at, _)| *at);
    Ok(all.into_iter().flat_map(|(_, results)| results).collect())
}

fn risk(past: &mut Past, repository: &Repository, rules: &Rules, span: &Span) -> Risk {
    let steps = repository.first_parents(span.to, span.steps).unwrap_or_default();
    let mut risk = Risk::default();
    for (tier, fired) in steps.into_iter().filter_map(|step| past.tier(step, rules)) {
        // 1 is the riskiest.
        risk.tier = Some(risk.tier.map_or(tier, |own| own.min(tier)));
        risk.rules.extend(fired);
    }
    risk.rules.sort();
    risk.rules.dedup();
    risk
}

fn segment(repository: &Repository, span: &Span) -> Read {
    let mut read = Read {
        landed: Landed { line: span.line, at: span.at, is_one_step: span.steps == 1, ..Landed::default() },
        edits: Edits { line: span.line, at: span.at, files: Vec::new() },
        left: Left::default(),
    };
    let all = commits(repository, span).and_then(|commits| Ok((commits, diff(repository, span)?)));
    match all {
        Ok((commits, diff)) => {
            read.landed.authors = authors(&commits);
            read.landed.commits = commits.iter().map(told).collect();
            read.landed.content = content(&diff);
            read.edits.files = edits(repository, &diff, &mut read.left);
        }
        Err(_) => {
            // Its own id can still be named.
            let title = repository.past_commit(span.to).map(|commit| commit.title().to_owned()).unwrap_or_default();
            read.landed.commits = vec![Told { id: span.to, title, is_merge: false, says: Says::default() }];
            read.left.unread = 1;
        }
    }
    read
}

fn commits(repository: &Repository, span: &Span) -> Result<Vec<Commit>, GitError> {
    match span.from {
        Some(from) => repository.commits_between(&[from], span.to),
        None => Ok(vec![repository.commit(span.to)?]),
    }
}

fn told(commit: &Commit) -> Told {
    Told {
        id: commit.id,
        title: commit.title().to_owned(),
        is_merge: commit.parents.len() > 1,
        says: Says::of(&commit.message),
    }
}

fn authors(commits: &[Commit]) -> Vec<Identity> {
    let mut authors: Vec<Identity> = Vec::new();
    for commit in commits.iter().filter(|commit| commit.parents.len() < 2) {
        if !authors.contains(&commit.author) && authors.len() < MAX_AUTHORS {
            authors.push(commit.author.clone());
        }
    }
    authors
}

fn diff(repository: &Repository, span: &Span) -> Result<Diff, GitError> {
    let old = span.from.map(|from| repository.tree_of(from)).transpose()?;
    git::diff_from(repository, old, repository.tree_of(span.to)?)
}

/// Digests of what is changed and of its inverse: paths, and modes and ids of both sides.
fn content(diff: &Diff) -> Option<(Digest, Digest)> {
    if diff.files.is_empty() || diff.files.len() > MAX_PATHS {
        return None;
    }
    let (mut own, mut inverse) = (Vec::new(), Vec::new());
    for file in &diff.files {
        for (text, sides) in [(&mut own, [file.old, file.new]), (&mut inverse, [file.new, file.old])] {
            text.extend_from_slice(&(file.path.0.len() as u64).to_le_bytes());
            text.extend_from_slice(&file.path.0);
            sides.iter().for_each(|side| text.extend_from_slice(&named(*side)));
        }
    }
    Some((Digest::of(&own), Digest::of(&inverse)))
}

/// Mode and id, in as many bytes for each side.
fn named(side: Option<TreeEntry>) -> [u8; 26] {
    let mut bytes = [0; 26];
    if let Some(entry) = side {
        bytes[..6].copy_from_slice(entry.mode.octal().as_bytes());
        bytes[6..].copy_from_slice(&entry.id.0);
    }
    bytes
}

fn edits(repository: &Repository, diff: &Diff, left: &mut Left) -> Vec<Edit> {
    if diff.files.len() > MAX_FILES {
        left.large += 1;
        return Vec::new();
    }
    let (mut edits, mut lines) = (Vec::new(), 0);
    for file in &diff.files {
        if is_written_by_tools(&file.path.lossy()) {
            left.generated += 1;
            continue;
        }
        let Some(edit) = edit(repository, file) else {
            left.binary += 1;
            continue;
        };
        lines += edit.runs.iter().map(|run| run.removed.len() + run.added.len()).sum::<usize>();
        if lines > MAX_LINES {
            // Half of a move would look like rework.
            left.large += 1;
            return Vec::new();
        }
        edits.push(edit);
    }
    edits
}

/// Besides what is generated, the lists of dependencies that a package manager writes: one upgrade soon after another
/// is not rework.
fn is_written_by_tools(path: &str) -> bool {
    is_generated(path) || path.rsplit('/').next() == Some("go.mod")
}

/// The lines that a file's change removes and adds; none if a side is not text.
fn edit(repository: &Repository, file: &FileDiff) -> Option<Edit> {
    let is_file = |entry: &TreeEntry| matches!(entry.mode, Mode::File | Mode::Executable);
    let text = |side: Option<TreeEntry>| match side {
        None => Some(Vec::new()),
        Some(entry) if is_file(&entry) => git::small_text(repository, entry, MAX_TEXT),
        Some(_) => None,
    };
    let (old, new) = (text(file.old)?, text(file.new)?);
    let comparison = compare(&old, &new);
    let id = |side: Option<TreeEntry>| side.map(|entry| entry.id);
    Some(Edit {
        path: file.path.clone(),
        old: id(file.old),
        new: id(file.new),
        old_lines: comparison.old.count(),
        runs: runs(&comparison, &old, &new),
    })
}

fn runs(comparison: &Comparison, old: &[u8], new: &[u8]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for hunk in &comparison.hunks {
        // The next line of the old text; a context line ends a run.
        let (mut at, mut is_open) = (hunk.old.start, false);
        for line in &hunk.lines {
            if let Line::Context { .. } = line {
                (at, is_open) = (at + 1, false);
                continue;
            }
            if !is_open {
                runs.push(Run { at, ..Run::default() });
                is_open = true;
            }
            let Some(run) = runs.last_mut() else { continue };
            match line {
                Line::Removed { old: line } => {
                    run.removed.push(hash(comparison.old.get(old, *line)));
                    at += 1;
                }
                Line::Added { new: line } => run.added.push(hash(comparison.new.get(new, *line))),
                Line::Context { .. } => {}
            }
        }
    }
    runs
}

/// Of the content without its indentation; 0 for a line without a letter or digit.
fn hash(line: &[u8]) -> u64 {
    let line = line.trim_ascii();
    if !line.iter().any(|b| b.is_ascii_alphanumeric() || !b.is_ascii()) {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish() | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(old: &str, new: &str) -> Vec<(u32, usize, usize)> {
        let runs = runs(&compare(old.as_bytes(), new.as_bytes()), old.as_bytes(), new.as_bytes());
        runs.iter().map(|run| (run.at, run.removed.len(), run.added.len())).collect()
    }

    #[test]
    fn runs_say_which_lines_replace_which() {
        assert_eq!(replaced("", "a\nb\n"), [(0, 0, 2)]);
        assert_eq!(replaced("a\nb\nc\nd\n", "a\nx\nc\nd\ne\n"), [(1, 1, 1), (4, 0, 1)]);
        assert_eq!(replaced("a\nb\n", ""), [(0, 2, 0)]);
        let long = (0..30).map(|n| format!("{n}\n")).collect::<String>();
        assert_eq!(replaced(&long, &long.replace("20\n", "x\ny\n")), [(20, 1, 2)]);
    }

    #[test]
    fn a_line_is_the_same_however_far_it_is_indented_and_punctuation_is_none() {
        assert_eq!(hash(b"\treturn 1;"), hash(b"    return 1; \r"));
        assert_ne!(hash(b"return 1;"), hash(b"return 2;"));
        assert_eq!([hash(b"  }"), hash(b""), hash(b"//")], [0; 3]);
        assert_ne!(hash("日本".as_bytes()), 0);
    }

    #[test]
    fn what_undoes_a_change_is_its_inverse_and_nothing_else_is() {
        let entry = |n: u8, mode| Some(TreeEntry { mode, id: ObjectId([n; 20]) });
        let file = |path: &str, old, new| FileDiff { path: path.into(), from: None, counterpart: None, old, new };
        let digests = |files: &[FileDiff]| content(&Diff { files: files.to_vec(), deleted_folders: Vec::new() });
        let (one, two) = (entry(1, Mode::File), entry(2, Mode::File));
        let (own, inverse) = digests(&[file("a", one, two), file("b", None, one)]).unwrap();
        let (back, _) = digests(&[file("a", two, one), file("b", one, None)]).unwrap();
        assert_eq!(back, inverse);
        for other in [
            vec![file("a", two, one)],
            vec![file("a", two, one), file("c", one, None)],
            vec![file("a", two, entry(1, Mode::Executable)), file("b", one, None)],
            vec![file("a", two, one), file("b", two, None)],
        ] {
            let (back, _) = digests(&other).unwrap();
            assert!(back != inverse && back != own);
        }
        assert_eq!(digests(&[]), None);
    }
}
