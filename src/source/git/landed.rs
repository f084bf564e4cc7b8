//! Whether the work of a branch has landed already: judged by the effect of its commits, as squashing, cherry-picking
//! and rebasing create new ones. What landed stays landed, whatever the target has done to the same lines since.
//!
//! Compared are the newest 2,000 commits of the target that the base of the branch does not contain, with up to 64
//! commits of the branch, in runs: all of it as one, each commit, or some of them as one and others separately. If
//! there are more commits, they are compared only as one. A step of the target that did all of it may have done more at
//! other paths, as the merge of a branch into which it was squashed does. Results are kept, in the process and for a
//! queue on disk: the same two trees always differ in the same way.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{GitError, Repository, is_same_place, object_id, objects, oid, patch};
use crate::cache;
use crate::change::diff::{Diff, FileDiff, Mode, TreeEntry};
use crate::change::digest::Digest;
use crate::change::{Commit, ObjectId, RepoPath, Revision, renames};
use crate::risk::Signs;

/// The most commits of the target, newest first, among which a branch is sought.
const MAX_LINE: usize = 2_000;
/// The most commits of a branch that are also sought one by one.
const MAX_SERIES: usize = 64;
/// The most paths of a patch whose texts are read.
const MAX_PATHS: usize = 2_000;
/// The most steps of the target, newest first, that touch all paths of a branch and are compared at these alone.
const MAX_WIDER: usize = 32;
/// The most bytes of a text that is compared to see where a file of the branch was moved to.
const MAX_MOVED: usize = 1 << 18;
/// The most new files of the target among which a moved one is looked for by its text; of more, those of its name.
const MAX_ADDED: usize = 50;
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
    /// All, and this commit of the target took it back afterwards.
    Reverted(ObjectId),
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
    id: ObjectId,
    parents: Vec<ObjectId>,
    /// The trees before and after it, against its first parent; none for a root commit, and for one that is not on the
    /// line of first parents.
    did: Option<Pair>,
    /// Its position on the line of first parents, from the tip: dates do not order commits.
    nth: usize,
}

/// The first commits of a line, by the paths that they touch.
#[derive(Default)]
struct Shaped {
    commits: usize,
    by: HashMap<Digest, Vec<usize>>,
    /// The same for each path, by [`touch`].
    by_path: HashMap<u64, Vec<usize>>,
}

/// What a step touches.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shape {
    all: Digest,
    /// Each path with its modes, by [`touch`].
    paths: Vec<u64>,
}

/// Says in 64 bits which path is touched, and its modes.
fn touch(file: &FileDiff) -> u64 {
    Digest::of(&touched(file)).0.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn touched(file: &FileDiff) -> Vec<u8> {
    let mode = |side: Option<TreeEntry>| side.map_or("-", |entry| entry.mode.octal());
    [&file.path.0[..], format!("\0{}{}\0", mode(file.old), mode(file.new)).as_bytes()].concat()
}

/// What the target has done since a base.
struct Since {
    line: Arc<TargetLine>,
    held: Arc<Held>,
}

#[derive(Default)]
struct Known {
    lines: HashMap<ObjectId, Arc<TargetLine>>,
    shapes: HashMap<Pair, Option<Arc<Shape>>>,
    patches: HashMap<Pair, Digest>,
    /// Of one file each, by the blobs of both sides.
    file_patches: HashMap<Pair, Digest>,
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
                self.kept("landed on the line, was reverted, or comes to nothing", &ids, is_of_tip, || {
                    Ok((tip, self.find_landed(revision)?))
                })
                .map(|(_, landed)| landed)
            },
        )
    }

    /// An answer from disk, if this repository has a cache there, or one that is computed now and kept.
    pub(super) fn kept<T: Serialize + DeserializeOwned>(
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
        let diff = self.moved_along(revision, diff)?;
        let (done, undone) = (self.newest_step(&since, &diff)?, self.undone_at(&since, &diff)?);
        let is_later = |done: usize| undone.is_none_or(|undone| done < undone);
        let found = match self.series(revision)? {
            _ if done.is_some_and(is_later) => Landed::All,
            Some(trees) => self.first_landed(&since, &trees, undone)?,
            None => Landed::No,
        };
        Ok(match (found, undone.and_then(|at| since.line.id(at))) {
            (Landed::No, Some(by)) if self.had_landed(&since, revision, done)? => Landed::Reverted(by),
            _ => found,
        })
    }

    /// The newest step of the target that took all of this back. One that only removes files again need not be about
    /// the branch: it counts if its message says that it reverts something.
    fn undone_at(&self, since: &Since, diff: &Diff) -> Result<Option<usize>, GitError> {
        let Some(at) = self.newest_step(since, &reversed(diff))? else { return Ok(None) };
        Ok(Some(at).filter(|at| self.is_revert(since, *at, diff)))
    }

    fn is_revert(&self, since: &Since, at: usize, of: &Diff) -> bool {
        let says_so = || -> Result<bool, GitError> {
            let Some(id) = since.line.id(at) else { return Ok(false) };
            let commit = self.raw.find_commit(oid(id))?;
            Ok(Signs::of(&String::from_utf8_lossy(commit.message_bytes())).undoes)
        };
        of.files.iter().any(|file| file.old.is_some()) || says_so().unwrap_or(false)
    }

    /// Whether all of a branch had landed before the target took it back.
    fn had_landed(&self, since: &Since, revision: &Revision, done: Option<usize>) -> Result<bool, GitError> {
        if done.is_some() {
            return Ok(true);
        }
        let Some(trees) = self.series(revision)? else { return Ok(false) };
        Ok(self.first_landed(since, &trees, None)? == Landed::All)
    }

    /// A diff with the paths that the target has moved since: what changes them lands where they are now.
    fn moved_along(&self, revision: &Revision, diff: Diff) -> Result<Diff, GitError> {
        let tree = self.raw.find_tree(oid(revision.target_tree))?;
        let is_gone = |file: &FileDiff| file.old.is_some() && objects::entry(&tree, &file.path).is_none();
        let gone: BTreeSet<&RepoPath> =
            diff.files.iter().filter(|f| is_gone(f) && f.new.is_some()).map(|f| &f.path).collect();
        if gone.is_empty() {
            return Ok(diff);
        }
        let since = objects::diff(self, revision.base_tree, revision.target_tree)?;
        // After years, hundreds of files may be new, and each would be read and compared for each old branch.
        let is_old = since.files.iter().filter(|file| file.old.is_none()).count() > MAX_ADDED;
        let name = |path: &RepoPath| path.lossy().rsplit('/').next().map(str::to_owned);
        let names: BTreeSet<_> = gone.iter().map(|path| name(path)).collect();
        let may_be_it = |file: &FileDiff| !is_old || names.contains(&name(&file.path));
        let matters = |file: &FileDiff| gone.contains(&file.path) || file.old.is_none() && may_be_it(file);
        let files = since.files.iter().filter(|file| matters(file)).cloned().collect();
        let text = |entry, most: usize| objects::small_text(self, entry, most.min(MAX_MOVED));
        let moved = renames::paired(Diff { files, ..Diff::default() }, |_, _| true, text);
        let places: HashMap<RepoPath, RepoPath> =
            moved.files.into_iter().filter_map(|file| Some((file.from?, file.path))).collect();
        let mut files = diff.files;
        for file in &mut files {
            if let Some(to) = places.get(&file.path) {
                file.path = to.clone();
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Diff { files, ..diff })
    }

    /// The newest step of the target that did all of this, or left all of these paths so.
    fn newest_step(&self, since: &Since, wanted: &Diff) -> Result<Option<usize>, GitError> {
        if !(1..=MAX_PATHS).contains(&wanted.files.len()) {
            return Ok(None);
        }
        let paths: Vec<u64> = wanted.files.iter().map(touch).collect();
        for (at, (before, after)) in since.touching(&paths) {
            self.deadline.check()?;
            let trees = (self.raw.find_tree(oid(before))?, self.raw.find_tree(oid(after))?);
            let side = |tree, file: &FileDiff| objects::entry(tree, &file.path);
            let is_left_so = wanted.files.iter().all(|file| side(&trees.1, file) == file.new);
            let step =
                |file: &FileDiff| FileDiff { old: side(&trees.0, file), new: side(&trees.1, file), ..file.clone() };
            let step = Diff { files: wanted.files.iter().map(step).collect(), ..Diff::default() };
            if is_left_so || self.is_patch_of_files(wanted, &step)? && is_same_place(self, wanted, &step)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Whether two diffs of the same paths do the same to each.
    fn is_patch_of_files(&self, one: &Diff, other: &Diff) -> Result<bool, GitError> {
        for (one, other) in one.files.iter().zip(&other.files) {
            let is_equal = (one.old, one.new) == (other.old, other.new);
            if !is_equal && self.patch_of_file(one)? != self.patch_of_file(other)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn patch_of_file(&self, file: &FileDiff) -> Result<Digest, GitError> {
        let of = |file: FileDiff| patch(self, &Diff { files: vec![file], ..Diff::default() });
        let plain = |side: Option<TreeEntry>| {
            let entry = side.filter(|entry| matches!(entry.mode, Mode::File | Mode::Executable))?;
            Some(TreeEntry { mode: Mode::File, ..entry })
        };
        let (Some(old), Some(new)) = (plain(file.old), plain(file.new)) else { return of(file.clone()) };
        // Path and modes are the same in what is compared, but not wherever these two blobs are.
        let find = || {
            let (old, new) = (Some(old), Some(new));
            of(FileDiff { path: RepoPath::from(""), from: None, counterpart: None, old, new })
        };
        let kept = || self.kept("patch of a file", &[old.id, new.id], |_| true, find);
        known(|known| &mut known.file_patches, ((old.id, new.id), MAX_KNOWN), kept)
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
        let follows = |(commit, before): (&Arc<Commit>, ObjectId)| commit.parents == [before];
        if commits.len() > MAX_SERIES || !commits.iter().zip(before).all(follows) {
            return Ok(None);
        }
        let trees = commits.iter().rev().map(|commit| self.tree_of(commit.id));
        std::iter::once(Ok(revision.base_tree)).chain(trees).collect::<Result<_, _>>().map(Some)
    }

    /// Advances from landed run to landed run, trying the longest first, as far as possible. What landed before
    /// `undone` does not count.
    fn first_landed(&self, since: &Since, trees: &[ObjectId], undone: Option<usize>) -> Result<Landed, GitError> {
        let last = trees.len() - 1;
        let (mut at, mut landed) = (0, 0);
        while at < last {
            // A commit that changes nothing is neither landed nor missing.
            if trees[at] == trees[at + 1] {
                at += 1;
                continue;
            }
            let mut end = last;
            while end > at && !self.has_done(since, (trees[at], trees[end]), undone)? {
                end -= 1;
            }
            if end == at {
                return Ok(if landed == 0 { Landed::No } else { Landed::First(landed) });
            }
            (at, landed) = (end, end);
        }
        Ok(Landed::All)
    }

    /// Whether one step of the target did exactly this, and none took it back since; nor, at `undone`, the whole.
    fn has_done(&self, since: &Since, wanted: Pair, undone: Option<usize>) -> Result<bool, GitError> {
        let Some(done) = self.done_at(since, wanted)? else { return Ok(false) };
        let is_undone = undone.is_some_and(|undone| undone < done);
        if is_undone {
            return Ok(false);
        }
        let undone = self.done_at(since, (wanted.1, wanted.0))?.filter(|undone| *undone < done);
        let Some(undone) = undone else { return Ok(true) };
        Ok(!self.is_revert(since, undone, &objects::diff(self, wanted.0, wanted.1)?))
    }

    /// The newest step of the target that did exactly this.
    fn done_at(&self, since: &Since, wanted: Pair) -> Result<Option<usize>, GitError> {
        let Some(shape) = self.shape(wanted)? else { return Ok(None) };
        let same = since.of(&shape.all);
        if same.is_empty() {
            return Ok(None);
        }
        let patch = self.patch(wanted)?;
        for (at, pair) in same {
            if pair == wanted || self.patch(pair)? == patch && self.is_same_place(wanted, pair)? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// Whether two patches with the same effect have it at the same places.
    fn is_same_place(&self, one: Pair, other: Pair) -> Result<bool, GitError> {
        let (one, other) = (objects::diff(self, one.0, one.1)?, objects::diff(self, other.0, other.1)?);
        is_same_place(self, &one, &other)
    }

    /// Which paths are touched, and their modes: this is cheap to compute, and equal for equal patches. None if nothing
    /// is touched, or too much.
    fn shape(&self, pair: Pair) -> Result<Option<Arc<Shape>>, GitError> {
        let find = || {
            let diff = objects::diff(self, pair.0, pair.1)?;
            let all = || Digest::of(&diff.files.iter().flat_map(touched).collect::<Vec<_>>());
            let shape = || Shape { all: all(), paths: diff.files.iter().map(touch).collect() };
            Ok((1..=MAX_PATHS).contains(&diff.files.len()).then(shape))
        };
        let kept = || Ok(self.kept("paths, each and all", &[pair.0, pair.1], |_| true, find)?.map(Arc::new));
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
        Ok(OnLine { did: before.map(|before| (before, object_id(commit.tree_id()))), parents, id, nth: 0 })
    }
}

impl TargetLine {
    pub(super) fn holds(&self, commit: ObjectId) -> bool {
        self.at.contains_key(&commit)
    }

    /// Drops the changes of commits that merges brought in beside the line. The target never showed them: some of them,
    /// or all, may have been reverted before the merge.
    fn forget_beside(&mut self, tip: ObjectId) {
        let (mut is_on_line, mut next, mut positions) = (vec![false; self.commits.len()], Some(tip), 0..);
        while let Some(&at) = next.and_then(|id| self.at.get(&id)) {
            is_on_line[at] = true;
            self.commits[at].nth = positions.next().unwrap_or_default();
            next = self.commits[at].parents.first().copied();
        }
        let beside = self.commits.iter_mut().zip(is_on_line).filter(|(_, is_on_line)| !is_on_line);
        beside.for_each(|(commit, _)| commit.did = None);
    }

    /// The commit at a position on the line of first parents.
    fn id(&self, nth: usize) -> Option<ObjectId> {
        self.commits.iter().find(|commit| commit.did.is_some() && commit.nth == nth).map(|commit| commit.id)
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
                shaped.by.entry(shape.all).or_default().push(at);
                for path in &shape.paths {
                    shaped.by_path.entry(*path).or_default().push(at);
                }
            }
            shaped.commits += 1;
        }
        Ok(())
    }
}

impl Since {
    /// The changes that touched exactly these paths, newest first, with their positions.
    fn of(&self, shape: &Digest) -> Vec<(usize, Pair)> {
        let shaped = self.line.shaped.lock().unwrap_or_else(PoisonError::into_inner);
        self.new_among(shaped.by.get(shape).into_iter().flatten())
    }

    /// The changes that touched all of these paths, and maybe others: the newest, newest first, with their positions.
    fn touching(&self, paths: &[u64]) -> Vec<(usize, Pair)> {
        let shaped = self.line.shaped.lock().unwrap_or_else(PoisonError::into_inner);
        let places: Option<Vec<&Vec<usize>>> = paths.iter().map(|path| shaped.by_path.get(path)).collect();
        let Some(mut places) = places else { return Vec::new() };
        places.sort_by_key(|places| places.len());
        let Some((rarest, others)) = places.split_first() else { return Vec::new() };
        // They are in the order in which they were added.
        let in_all = |at: &&usize| others.iter().all(|places| places.binary_search(at).is_ok());
        let mut found = self.new_among(rarest.iter().filter(in_all));
        found.truncate(MAX_WIDER);
        found
    }

    fn new_among<'a>(&self, places: impl Iterator<Item = &'a usize>) -> Vec<(usize, Pair)> {
        let commits = places.filter(|at| !self.held.commits[**at]).map(|at| &self.line.commits[*at]);
        let mut found: Vec<_> = commits.filter_map(|commit| Some((commit.nth, commit.did?))).collect();
        found.sort_unstable_by_key(|(nth, _)| *nth);
        found
    }
}

/// What takes a diff back.
fn reversed(diff: &Diff) -> Diff {
    let back = |file: &FileDiff| FileDiff { old: file.new, new: file.old, ..file.clone() };
    Diff { files: diff.files.iter().map(back).collect(), ..Diff::default() }
}
