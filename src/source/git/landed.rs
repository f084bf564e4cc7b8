//! Whether the work of a branch has landed already: judged by the effect of its commits, as squashing, cherry-picking
//! and rebasing create new ones. What landed stays landed, whatever the target has done to the same lines since.
//!
//! Compared are the newest 2,000 commits of the target that the base of the branch does not contain, with up to 64
//! commits of the branch, in runs: all of it as one, each commit, or some of them as one and others separately. If
//! there are more commits, they are compared only as one. Results are kept, in the process and for a queue on disk: the
//! same two trees always differ in the same way.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{GitError, Repository, is_same_place, object_id, objects, oid, patch};
use crate::cache;
use crate::change::diff::{FileDiff, TreeEntry};
use crate::change::digest::Digest;
use crate::change::{Commit, ObjectId, Revision};

/// The most commits of the target, newest first, among which a branch is sought.
const MAX_LINE: usize = 2_000;
/// The most commits of a branch that are also sought one by one.
const MAX_SERIES: usize = 64;
/// The most paths of a patch whose texts are read.
const MAX_PATHS: usize = 2_000;
/// The most answers of one kind that are kept; after that, all are dropped.
const MAX_KNOWN: usize = 50_000;
/// The most lines of targets that are kept.
const MAX_LINES: usize = 8;

/// How much of a branch has landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Landed {
    No,
    /// This many of its oldest commits.
    First(usize),
    All,
}

/// Two trees: before and after.
type Pair = (ObjectId, ObjectId);

/// The newest commits of a target.
pub(super) struct TargetLine {
    commits: Vec<OnLine>,
    at: HashMap<ObjectId, usize>,
    shaped: Mutex<Shaped>,
    /// By base, since many branches have the same one.
    held: Mutex<HashMap<ObjectId, Arc<Held>>>,
}

/// Which commits of a line a base contains.
pub(super) struct Held {
    /// By position on the line.
    commits: Vec<bool>,
    /// Whether everything that it does not contain is on the line: then nothing else of the target is new since the
    /// base.
    pub(super) is_all_known: bool,
}

struct OnLine {
    parents: Vec<ObjectId>,
    /// The trees before and after it, against its first parent; none for a root commit, and for one that is not on the
    /// line of first parents.
    did: Option<Pair>,
}

/// The first commits of a line, by the paths that they touch.
#[derive(Default)]
struct Shaped {
    commits: usize,
    by: HashMap<Digest, Vec<usize>>,
}

/// What the target has done since a base.
struct Since {
    line: Arc<TargetLine>,
    held: Arc<Held>,
}

#[derive(Default)]
struct Known {
    lines: HashMap<ObjectId, Arc<TargetLine>>,
    shapes: HashMap<Pair, Option<Digest>>,
    patches: HashMap<Pair, Digest>,
    /// By base, head and tip of the target.
    landed: HashMap<(ObjectId, ObjectId, ObjectId), Landed>,
}

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);

/// A known answer, or one that is computed now and kept.
fn known<K: Hash + Eq, V: Clone>(
    kept: impl Fn(&mut Known) -> &mut HashMap<K, V>,
    (key, most): (K, usize),
    find: impl FnOnce() -> Result<V, GitError>,
) -> Result<V, GitError> {
    let lock = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = kept(&mut lock()).get(&key) {
        return Ok(found.clone());
    }
    // Not while holding the lock: the computation looks up answers too.
    let found = find()?;
    let mut all = lock();
    let answers = kept(&mut all);
    if answers.len() >= most {
        answers.clear();
    }
    answers.insert(key, found.clone());
    Ok(found)
}

impl Repository {
    pub(super) fn landed(&self, revision: &Revision) -> Result<Landed, GitError> {
        let key = (revision.base, revision.head, revision.target_tip);
        known(
            |known| &mut known.landed,
            (key, MAX_KNOWN),
            || {
                // Keyed by branch, so that the answer for an earlier target is replaced.
                let (ids, tip) = ([revision.base, revision.head], revision.target_tip);
                let is_of_tip = |(of, _): &(ObjectId, Landed)| *of == tip;
                self.kept("landed on the line, or comes to nothing", &ids, is_of_tip, || {
                    Ok((tip, self.find_landed(revision)?))
                })
                .map(|(_, landed)| landed)
            },
        )
    }

    /// An answer from disk, if this repository has a cache there, or one that is computed now and kept.
    fn kept<T: Serialize + DeserializeOwned>(
        &self,
        kind: &str,
        of: &[ObjectId],
        is_fit: impl Fn(&T) -> bool,
        find: impl FnOnce() -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let Some(cache) = &self.cache else { return find() };
        let parts: Vec<&[u8]> = of.iter().map(|id| &id.0[..]).collect();
        let key = cache::key(kind, &parts);
        if let Some(known) = cache.get(&key).filter(is_fit) {
            return Ok(known);
        }
        let found = find()?;
        cache.put(key, &found);
        Ok(found)
    }

    fn find_landed(&self, revision: &Revision) -> Result<Landed, GitError> {
        if revision.base_tree == revision.head_tree {
            // Commits that undo each other are not to be missed: a merge lands them as they are.
            return Ok(if self.is_without_effect(revision)? { Landed::All } else { Landed::No });
        }
        let diff = objects::diff(self, revision.base_tree, revision.head_tree)?;
        if self.is_there(&diff.files, revision.target_tree)? {
            return Ok(Landed::All);
        }
        let line = self.line(revision.target_tip)?;
        let since = Since { held: line.held_by(revision.base), line };
        let Some(last) = since.held.commits.iter().rposition(|held| !held) else { return Ok(Landed::No) };
        since.line.shape(self, last + 1)?;
        let Some(trees) = self.series(revision)? else {
            let all = self.has_done(&since, (revision.base_tree, revision.head_tree))?;
            return Ok(if all { Landed::All } else { Landed::No });
        };
        self.first_landed(&since, &trees)
    }

    /// Whether no commit of a branch changes anything.
    fn is_without_effect(&self, revision: &Revision) -> Result<bool, GitError> {
        for commit in &revision.commits {
            if self.tree_of(commit.id)? != revision.base_tree {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the target now has the new side of every touched path.
    fn is_there(&self, files: &[FileDiff], target_tree: ObjectId) -> Result<bool, GitError> {
        let tree = self.raw.find_tree(oid(target_tree))?;
        Ok(files.iter().all(|file| objects::entry(&tree, &file.path) == file.new))
    }

    /// The trees of a branch from its base on, oldest first, if its commits are a simple sequence.
    fn series(&self, revision: &Revision) -> Result<Option<Vec<ObjectId>>, GitError> {
        let commits = &revision.commits;
        let before = commits.iter().skip(1).map(|commit| commit.id).chain([revision.base]);
        let follows = |(commit, before): (&Commit, ObjectId)| commit.parents == [before];
        if commits.len() > MAX_SERIES || !commits.iter().zip(before).all(follows) {
            return Ok(None);
        }
        let trees = commits.iter().rev().map(|commit| self.tree_of(commit.id));
        std::iter::once(Ok(revision.base_tree)).chain(trees).collect::<Result<_, _>>().map(Some)
    }

    /// Advances from landed run to landed run, trying the longest first, as far as possible.
    fn first_landed(&self, since: &Since, trees: &[ObjectId]) -> Result<Landed, GitError> {
        let last = trees.len() - 1;
        let (mut at, mut landed) = (0, 0);
        while at < last {
            // A commit that changes nothing is neither landed nor missing.
            if trees[at] == trees[at + 1] {
                at += 1;
                continue;
            }
            let mut end = last;
            while end > at && !self.has_done(since, (trees[at], trees[end]))? {
                end -= 1;
            }
            if end == at {
                return Ok(if landed == 0 { Landed::No } else { Landed::First(landed) });
            }
            (at, landed) = (end, end);
        }
        Ok(Landed::All)
    }

    fn has_done(&self, since: &Since, wanted: Pair) -> Result<bool, GitError> {
        let Some(shape) = self.shape(wanted)? else { return Ok(false) };
        let same = since.of(&shape);
        if same.is_empty() {
            return Ok(false);
        }
        let patch = self.patch(wanted)?;
        for pair in same {
            if pair == wanted || self.patch(pair)? == patch && self.is_same_place(wanted, pair)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether two patches with the same effect have it at the same places.
    fn is_same_place(&self, one: Pair, other: Pair) -> Result<bool, GitError> {
        let (one, other) = (objects::diff(self, one.0, one.1)?, objects::diff(self, other.0, other.1)?);
        is_same_place(self, &one, &other)
    }

    /// Which paths are touched, and their modes: this is cheap to compute, and equal for equal patches. None if nothing
    /// is touched, or too much.
    fn shape(&self, pair: Pair) -> Result<Option<Digest>, GitError> {
        let find = || {
            let diff = objects::diff(self, pair.0, pair.1)?;
            let mode = |side: Option<TreeEntry>| side.map_or("-", |entry| entry.mode.octal());
            let mut bytes = Vec::new();
            for file in &diff.files {
                bytes.extend_from_slice(&file.path.0);
                bytes.extend_from_slice(format!("\0{}{}\0", mode(file.old), mode(file.new)).as_bytes());
            }
            Ok((1..=MAX_PATHS).contains(&diff.files.len()).then(|| Digest::of(&bytes)))
        };
        let kept = || self.kept("paths", &[pair.0, pair.1], |_| true, find);
        known(|known| &mut known.shapes, (pair, MAX_KNOWN), kept)
    }

    fn patch(&self, pair: Pair) -> Result<Digest, GitError> {
        let find = || patch(self, &objects::diff(self, pair.0, pair.1)?);
        let kept = || self.kept("patch", &[pair.0, pair.1], |_| true, find);
        known(|known| &mut known.patches, (pair, MAX_KNOWN), kept)
    }

    pub(super) fn line(&self, tip: ObjectId) -> Result<Arc<TargetLine>, GitError> {
        let find = || {
            let mut walk = self.raw.revwalk()?;
            // Sorted by time alone, the walk reads no further than needed.
            walk.set_sorting(git2::Sort::TIME)?;
            walk.push(oid(tip))?;
            let (commits, at, shaped, held) = Default::default();
            let mut line = TargetLine { commits, at, shaped, held };
            for id in walk.take(MAX_LINE) {
                self.deadline.check()?;
                let id = object_id(id?);
                line.at.insert(id, line.commits.len());
                line.commits.push(self.on_the_line(id)?);
            }
            line.forget_beside(tip);
            Ok(Arc::new(line))
        };
        known(|known| &mut known.lines, (tip, MAX_LINES), find)
    }

    fn on_the_line(&self, id: ObjectId) -> Result<OnLine, GitError> {
        let commit = self.raw.find_commit(oid(id))?;
        let parents: Vec<ObjectId> = commit.parent_ids().map(object_id).collect();
        // A shallow clone lacks the parents of its oldest commits.
        let before = parents.first().and_then(|parent| self.tree_of(*parent).ok());
        Ok(OnLine { did: before.map(|before| (before, object_id(commit.tree_id()))), parents })
    }
}

impl TargetLine {
    pub(super) fn holds(&self, commit: ObjectId) -> bool {
        self.at.contains_key(&commit)
    }

    /// Drops the changes of commits that merges brought in beside the line. The target never showed them: some of them,
    /// or all, may have been reverted before the merge.
    fn forget_beside(&mut self, tip: ObjectId) {
        let (mut is_on_line, mut next) = (vec![false; self.commits.len()], Some(tip));
        while let Some(&at) = next.and_then(|id| self.at.get(&id)) {
            is_on_line[at] = true;
            next = self.commits[at].parents.first().copied();
        }
        let beside = self.commits.iter_mut().zip(is_on_line).filter(|(_, is_on_line)| !is_on_line);
        beside.for_each(|(commit, _)| commit.did = None);
    }

    /// Which of its commits another commit contains.
    pub(super) fn held_by(&self, base: ObjectId) -> Arc<Held> {
        let mut known = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(base).or_insert_with(|| Arc::new(self.find_held(base))))
    }

    fn find_held(&self, base: ObjectId) -> Held {
        let mut held = vec![false; self.commits.len()];
        let mut open = vec![base];
        while let Some(id) = open.pop() {
            if let Some(&at) = self.at.get(&id)
                && !std::mem::replace(&mut held[at], true)
            {
                open.extend(&self.commits[at].parents);
            }
        }
        let fresh = held.iter().zip(&self.commits).filter(|(held, _)| !**held).map(|(_, commit)| commit);
        let is_all_known = fresh.flat_map(|commit| &commit.parents).all(|parent| self.holds(*parent));
        Held { commits: held, is_all_known }
    }

    /// Sorts this many of its first commits by the paths that they touch.
    fn shape(&self, repository: &Repository, wanted: usize) -> Result<(), GitError> {
        let mut shaped = self.shaped.lock().unwrap_or_else(PoisonError::into_inner);
        while shaped.commits < wanted {
            repository.deadline.check()?;
            let at = shaped.commits;
            let shape = self.commits[at].did.map(|pair| repository.shape(pair)).transpose()?.flatten();
            if let Some(shape) = shape {
                shaped.by.entry(shape).or_default().push(at);
            }
            shaped.commits += 1;
        }
        Ok(())
    }
}

impl Since {
    /// The changes that touched these paths.
    fn of(&self, shape: &Digest) -> Vec<Pair> {
        let shaped = self.line.shaped.lock().unwrap_or_else(PoisonError::into_inner);
        let places = shaped.by.get(shape).into_iter().flatten().filter(|at| !self.held.commits[**at]);
        places.filter_map(|at| self.line.commits[*at].did).collect()
    }
}
