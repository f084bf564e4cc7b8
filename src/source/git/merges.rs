//! Merges in which nobody wrote anything: those that follow from their parents. They are compared here, path by path
//! and line by line, and not with git's own merge, which attributes, drivers and rename detection of a repository
//! influence. Any merge for which this is not proven counts as somebody's work.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::{Effort, diff_within};
use super::{GitError, Repository, blob_id, object_id, oid};
use crate::change::diff::{Mode, TreeEntry};
use crate::change::merge::merge;
use crate::change::{Commit, ObjectId, RepoPath};

/// The most merges of one push that are examined. Branches that were updated more often are rare.
const MAX_MERGES: usize = 256;
/// The most texts of one push that both sides of a merge changed, and bytes of each.
const MAX_TEXTS: usize = 256;
const MAX_TEXT: usize = 1 << 20;

/// What may still be examined in one push. Beyond that, nothing is proven.
pub(super) struct Budget {
    merges: usize,
    texts: usize,
    effort: Effort,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget { merges: MAX_MERGES, texts: MAX_TEXTS, effort: Effort::default() }
    }
}

/// The commits that are merges of two histories with exactly the content that follows from them, without conflict.
pub(super) fn clean_merges(repository: &Repository, commits: &[Commit], budget: &mut Budget) -> Vec<ObjectId> {
    if !commits.iter().any(|commit| commit.parents.len() > 1) {
        return Vec::new();
    }
    // Behind the cut there may be another merge base.
    if repository.cut_commits().map_or(true, |cut| !cut.is_empty()) {
        return Vec::new();
    }
    let is_clean = |commit: &&Commit| follows(repository, commit, budget).unwrap_or(false);
    commits.iter().filter(|commit| commit.parents.len() == 2).filter(is_clean).map(|commit| commit.id).collect()
}

/// By path, the entries before and after.
type Changed = BTreeMap<RepoPath, (Option<TreeEntry>, Option<TreeEntry>)>;

fn follows(repository: &Repository, commit: &Commit, budget: &mut Budget) -> Result<bool, GitError> {
    repository.deadline.check()?;
    let [ours, theirs] = commit.parents[..] else { return Ok(false) };
    let Some(left) = budget.merges.checked_sub(1) else { return Ok(false) };
    budget.merges = left;
    let bases = repository.raw.merge_bases(oid(ours), oid(theirs))?;
    let [base] = bases[..] else { return Ok(false) };
    let base = repository.tree_of(object_id(base))?;
    let mut since = |commit| -> Result<Changed, GitError> {
        let diff = diff_within(repository, base, repository.tree_of(commit)?, &mut budget.effort)?;
        Ok(diff.files.into_iter().map(|file| (file.path, (file.old, file.new))).collect())
    };
    let sides = [since(ours)?, since(theirs)?];
    let made = since(commit.id)?;
    let paths: BTreeSet<&RepoPath> = sides.iter().chain([&made]).flat_map(BTreeMap::keys).collect();
    for path in paths {
        let [ours, theirs] = sides.each_ref().map(|side| side.get(path));
        let Some(base) = ours.or(theirs).map(|(base, _)| *base) else { return Ok(false) };
        let [ours, theirs, made] = [ours, theirs, made.get(path)].map(|held| held.map_or(base, |(_, new)| *new));
        let follows = match (ours, theirs) {
            _ if ours == theirs || theirs == base => made == ours,
            _ if ours == base => made == theirs,
            _ => joined(repository, [base, ours, theirs, made], &mut budget.texts)?,
        };
        if !follows {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a text that both sides changed contains exactly the edits of both, which must not overlap or be adjacent.
fn joined(repository: &Repository, entries: [Option<TreeEntry>; 4], left: &mut usize) -> Result<bool, GitError> {
    let [Some(base), Some(ours), Some(theirs), Some(made)] = entries else { return Ok(false) };
    let is_file = |entry: &TreeEntry| matches!(entry.mode, Mode::File | Mode::Executable);
    let mode = if ours.mode == base.mode { theirs.mode } else { ours.mode };
    if ![base, ours, theirs].iter().all(is_file) || made.mode != mode || *left == 0 {
        return Ok(false);
    }
    *left -= 1;
    let odb = repository.raw.odb()?;
    let mut texts = Vec::with_capacity(3);
    for entry in [base, ours, theirs] {
        if odb.read_header(oid(entry.id))?.0 > MAX_TEXT {
            return Ok(false);
        }
        texts.push(repository.raw.find_blob(oid(entry.id))?.content().to_vec());
    }
    // git does not merge binary content.
    if texts.iter().any(|text| text.contains(&0)) {
        return Ok(false);
    }
    let Some(merged) = merge(&texts[0], &texts[1], &texts[2]) else { return Ok(false) };
    Ok(blob_id(&merged)? == made.id)
}
