//! The commit that introduced each added line, and the line's number there: traced back from the head, commit by
//! commit.
//!
//! A line is traced to the first parent that has it; if none has it, its commit introduced it, as for `git blame`. A
//! file that a commit renamed is followed: the same blob at another path that is gone there, or else a similar text, as
//! [`renames`] pairs them. A line that leads out of the change, to the base or to what was merged from the target, is
//! in no commit of the change and stays unknown. A file assembled from several others was introduced by the commit that
//! did so.
//!
//! Bounds: 256 MiB of text compared, a million paths that differ between commits and their parents, two million added
//! lines; for each step those of [`renames`]. A step from a commit to a parent costs what differs between them, and a
//! comparison for each followed file that differs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{GitError, Repository, content, diff, small_text};
use crate::change::compare::{Comparison, Line, compare};
use crate::change::diff::{Content, Diff, FileDiff, TreeEntry};
use crate::change::{Commit, ObjectId, RepoPath, Revision, renames};
use crate::provenance::attribution::Brought;

/// Bytes of text compared.
const MAX_COMPARED: usize = 256 << 20;
/// Paths that differ between commits and their parents.
const MAX_PATHS: usize = 1_000_000;
/// Added lines that are followed.
const MAX_LINES: usize = 2_000_000;

/// Where the lines came from.
#[derive(Debug, Default)]
pub(super) struct Origins {
    pub brought: Vec<Brought>,
    /// Whether a bound was reached, so that lines are missing.
    pub is_cut: bool,
}

/// Traces the added lines of the files to which `spoken` may refer, paths in any commit of the change.
pub(super) fn trace(
    repository: &Repository,
    revision: &Revision,
    diff: &Diff,
    spoken: &BTreeSet<&RepoPath>,
) -> Result<Origins, GitError> {
    let mut walk = Walk { repository, at: HashMap::new(), spent: Spent::default(), origins: Origins::default() };
    walk.start(revision.head, diff, spoken)?;
    // Newest first: children come before their parents.
    for commit in &revision.commits {
        walk.commit(commit)?;
    }
    Ok(walk.origins)
}

/// Lines being traced: of a file of the diff (by position), at its path in some commit. Pairs as in [`Brought`].
type Lines = BTreeMap<(usize, RepoPath), Vec<(u32, u32)>>;

struct Walk<'r> {
    repository: &'r Repository,
    at: HashMap<ObjectId, Lines>,
    spent: Spent,
    origins: Origins,
}

#[derive(Default)]
struct Spent {
    compared: usize,
    paths: usize,
    lines: usize,
}

impl Walk<'_> {
    /// The added lines at the head. A file that no note mentions may have had another name within the change, if a note
    /// mentions one that no longer exists.
    fn start(&mut self, head: ObjectId, diff: &Diff, spoken: &BTreeSet<&RepoPath>) -> Result<(), GitError> {
        let there: HashSet<&RepoPath> = diff.files.iter().filter(|f| f.new.is_some()).map(|f| &f.path).collect();
        let is_any_gone = spoken.iter().any(|path| !there.contains(path));
        for (index, file) in diff.files.iter().enumerate() {
            let is_named = file.paths().any(|path| spoken.contains(path));
            let is_meant = is_named || (is_any_gone && (file.old.is_none() || file.from.is_some()));
            let Some(new) = file.new.filter(|_| is_meant && !self.is_cut()) else { continue };
            let Some(comparison) = self.compare(file.old, new)? else { continue };
            let added = comparison.hunks.iter().flat_map(|hunk| &hunk.lines).filter_map(|line| match line {
                Line::Added { new } => Some((*new, *new)),
                Line::Context { .. } | Line::Removed { .. } => None,
            });
            let added: Vec<_> = added.collect();
            self.spent.lines += added.len();
            if !added.is_empty() {
                self.at.entry(head).or_default().insert((index, file.path.clone()), added);
            }
        }
        Ok(())
    }

    /// Whether a bound was reached. Checked before each piece of work, so it is exceeded by one piece at most.
    fn is_cut(&mut self) -> bool {
        let Spent { compared, paths, lines } = self.spent;
        self.origins.is_cut |= compared > MAX_COMPARED || paths > MAX_PATHS || lines > MAX_LINES;
        self.origins.is_cut
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), GitError> {
        let Some(mut lines) = self.at.remove(&commit.id) else { return Ok(()) };
        let tree = self.repository.tree_of(commit.id)?;
        for &parent in &commit.parents {
            if lines.is_empty() || self.is_cut() {
                break;
            }
            let step = diff(self.repository, self.repository.tree_of(parent)?, tree)?;
            self.spent.paths += step.files.len();
            lines = self.hand_on(lines, parent, &step)?;
        }
        if !self.origins.is_cut {
            let brought =
                lines.into_iter().map(|((file, path), lines)| Brought { file, commit: commit.id, path, lines });
            self.origins.brought.extend(brought);
        }
        Ok(())
    }

    /// Passes to a parent the lines that it has, and returns the others.
    fn hand_on(&mut self, lines: Lines, parent: ObjectId, step: &Diff) -> Result<Lines, GitError> {
        let gone = gone(step);
        let alike = self.alike(&lines, step, &gone);
        let mut kept = Lines::new();
        for ((file, path), lines) in lines {
            let (before, old, new) = match Before::of(&path, step, &gone, &alike) {
                Before::Same(before) => {
                    self.give(parent, file, before, lines);
                    continue;
                }
                Before::Nothing => {
                    kept.insert((file, path), lines);
                    continue;
                }
                Before::Other(before, old, new) => (before, old, new),
            };
            if self.is_cut() {
                return Ok(Lines::new());
            }
            let same = self.compare(Some(old), new)?.map(|comparison| unchanged(&comparison));
            let there = |line: u32| *same.as_ref()?.get(line as usize)?;
            let (mut had, mut brought) = (Vec::new(), Vec::new());
            for (head, here) in lines {
                match there(here) {
                    Some(there) => had.push((head, there)),
                    None => brought.push((head, here)),
                }
            }
            self.give(parent, file, before, had);
            if !brought.is_empty() {
                kept.insert((file, path), brought);
            }
        }
        Ok(kept)
    }

    /// The earlier paths of files that a step renamed and edited at once: files with lines being traced that appeared
    /// in the step, and whose blob was nowhere before.
    fn alike(&self, lines: &Lines, step: &Diff, gone: &HashMap<ObjectId, Option<&RepoPath>>) -> Moved {
        let paths: HashSet<&RepoPath> = lines.keys().map(|(_, path)| path).collect();
        let is_new = |id: ObjectId| !gone.contains_key(&id);
        let came = |file: &FileDiff| paths.contains(&file.path) && file.new.is_some_and(|new| is_new(new.id));
        let wanted = |file: &&FileDiff| file.new.is_none() || file.old.is_none() && came(file);
        let files: Vec<_> = step.files.iter().filter(wanted).cloned().collect();
        if files.iter().all(|file| file.new.is_none()) {
            return Moved::new();
        }
        let text = |entry, most| small_text(self.repository, entry, most);
        let paired = renames::paired(Diff { files, ..Diff::default() }, |_, _| true, text).files.into_iter();
        paired.filter_map(|file| Some((file.path, (file.from?, file.old?)))).collect()
    }

    fn give(&mut self, parent: ObjectId, file: usize, path: RepoPath, lines: Vec<(u32, u32)>) {
        if !lines.is_empty() {
            self.at.entry(parent).or_default().entry((file, path)).or_default().extend(lines);
        }
    }

    /// None if either side is not a text.
    fn compare(&mut self, old: Option<TreeEntry>, new: TreeEntry) -> Result<Option<Comparison>, GitError> {
        let old = old.map(|old| content(self.repository, old)).transpose()?;
        let new = content(self.repository, new)?;
        let old = old.as_ref().map_or(Some(&[][..]), Content::text);
        let (Some(old), Some(new)) = (old, new.text()) else { return Ok(None) };
        self.spent.compared += old.len() + new.len();
        Ok(Some(compare(old, new)))
    }
}

/// By path in a commit: path and entry in its parent.
type Moved = HashMap<RepoPath, (RepoPath, TreeEntry)>;

/// What a parent has for a file.
enum Before {
    /// The same content, at this path.
    Same(RepoPath),
    /// Another content, at this path: the parent's, and the commit's.
    Other(RepoPath, TreeEntry, TreeEntry),
    Nothing,
}

impl Before {
    fn of(path: &RepoPath, step: &Diff, gone: &HashMap<ObjectId, Option<&RepoPath>>, alike: &Moved) -> Before {
        let Ok(at) = step.files.binary_search_by(|touched| touched.path.cmp(path)) else {
            return Before::Same(path.clone());
        };
        match (step.files[at].old, step.files[at].new) {
            (Some(old), Some(new)) if old.id == new.id => Before::Same(path.clone()),
            (Some(old), Some(new)) => Before::Other(path.clone(), old, new),
            (_, Some(new)) => match (gone.get(&new.id), alike.get(path)) {
                (Some(Some(before)), _) => Before::Same((*before).clone()),
                (None, Some((before, old))) => Before::Other(before.clone(), *old, new),
                _ => Before::Nothing,
            },
            (_, None) => Before::Nothing,
        }
    }
}

/// The paths of removed blobs; none for a blob that was at several.
fn gone(step: &Diff) -> HashMap<ObjectId, Option<&RepoPath>> {
    let mut gone = HashMap::new();
    for file in step.files.iter().filter(|file| file.new.is_none()) {
        let Some(old) = file.old else { continue };
        gone.entry(old.id).and_modify(|path| *path = None).or_insert(Some(&file.path));
    }
    gone
}

/// For each line of the new text its number in the old one, if it is unchanged.
fn unchanged(comparison: &Comparison) -> Vec<Option<u32>> {
    let mut lines = Vec::with_capacity(comparison.new.count() as usize);
    let mut old = 0;
    for hunk in &comparison.hunks {
        lines.extend((old..hunk.old.start).map(Some));
        lines.extend(hunk.lines.iter().filter_map(|line| match *line {
            Line::Context { old, .. } => Some(Some(old)),
            Line::Added { .. } => Some(None),
            Line::Removed { .. } => None,
        }));
        old = hunk.old.end;
    }
    lines.extend((old..comparison.old.count()).map(Some));
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_that_are_there_before_are_the_same_and_in_order(old in "[ab\n]{0,60}", new in "[ab\n]{0,60}") {
            let comparison = compare(old.as_bytes(), new.as_bytes());
            let lines = unchanged(&comparison);
            prop_assert_eq!(lines.len(), comparison.new.count() as usize);
            prop_assert_eq!(lines.iter().filter(|line| line.is_none()).count(), comparison.added as usize);
            prop_assert!(lines.iter().flatten().is_sorted_by(|a, b| a < b));
            for (line, before) in lines.iter().enumerate() {
                let before = before.map(|before| comparison.old.get(old.as_bytes(), before));
                prop_assert!(before.is_none_or(|b| b == comparison.new.get(new.as_bytes(), line as u32)));
            }
        }
    }
}
