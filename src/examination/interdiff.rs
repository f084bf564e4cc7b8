//! What changed since an earlier revision: compared as content, without what the base changed meanwhile. A pure rebase
//! shows nothing, however far the base moved.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::sides::{Sides, Trees, sides};
use super::{FileMaterial, RepositorySnapshot, mean_the_same};
use crate::change::diff::{Content, Diff, FileDiff, TreeEntry};
use crate::change::digest::Digest;
use crate::change::merge::merge;
use crate::change::{Change, Commit, ObjectId, RepoPath, Revision, counted, renames, visible};
use crate::decision::Revised;
use crate::risk::masked;
use crate::source::git::{self, GitError, Repository};

/// How a change differs between two revisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Update {
    Nothing,
    /// The same content on the same base, in other commits.
    MessageOnly,
    /// The same content on another base.
    Rebase,
    /// Files have other names, and nothing else changed.
    Move,
    Rework,
}

/// A part of a change: its files, and remarks about them as a whole.
#[derive(Debug)]
pub struct Part {
    pub files: Vec<FileMaterial>,
    pub told: Vec<String>,
}

/// Compares what an earlier revision would be on today's base with what the change is now. Files are followed across
/// renames, in either revision and between them.
///
/// # Errors
/// A sentence, if that revision is no longer in the repository.
pub fn since(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    change: &Change,
    then: &Revised,
) -> Result<Part, GitError> {
    let earlier = earlier(repository, change, then)?;
    let now = &change.revision;
    let trees = |revision: &Revision| (revision.base_tree, revision.head_tree);
    let Beyond { files, clashing } = beyond(repository, snapshot, trees(&earlier), trees(now))?;
    let told =
        |path| format!("{path}: base and change touched the same lines; all that the change does here is shown.");
    let (mut told, clashed): (Vec<String>, bool) = (clashing.iter().map(told).collect(), !clashing.is_empty());
    let update = match (files.is_empty() && !clashed, earlier.head == now.head, earlier.base_tree == now.base_tree) {
        (false, ..) if !clashed && files.iter().all(is_only_moved) => Update::Move,
        (false, ..) => Update::Rework,
        (true, true, _) => Update::Nothing,
        (true, false, true) => Update::MessageOnly,
        (true, false, false) => Update::Rebase,
    };
    told.insert(0, sentence(update, files.len()));
    Ok(Part { files, told })
}

/// What a revision does in addition to another one, on the base of the first.
struct Beyond {
    files: Vec<FileMaterial>,
    /// Files in which the two bases and the other revision touched the same lines, so that they are shown in full.
    clashing: Vec<RepoPath>,
}

fn beyond(repository: &Repository, snapshot: &RepositorySnapshot, then: Trees, now: Trees) -> Result<Beyond, GitError> {
    let (mut came, mut clashing) = (Came::default(), Vec::new());
    for sides in sides(repository, snapshot, then, now)? {
        let (mut expected, clashes) = expected(repository, &sides)?;
        let actual = Image::of(repository, sides.now.1)?;
        if clashes && expected == actual {
            // One side was taken whole: what was lost of the other one must be visible.
            expected = Image::of(repository, sides.then.1)?;
        }
        let (was, is) = sides.called;
        if clashes {
            clashing.push(is.clone());
        }
        if expected != actual || was != is {
            came.take(was, is, expected, actual);
        }
    }
    Ok(Beyond { files: came.joined(repository, snapshot), clashing })
}

fn is_only_moved(file: &FileMaterial) -> bool {
    file.diff.from.is_some() && file.diff.old == file.diff.new
}

/// The newly changed files: by path, the old and the new state.
#[derive(Default)]
struct Came {
    diff: Diff,
    was: HashMap<RepoPath, Option<Content>>,
    is: HashMap<RepoPath, Option<Content>>,
}

impl Came {
    fn take(&mut self, was: RepoPath, is: RepoPath, expected: Image, actual: Image) {
        let from = (was != is).then(|| was.clone());
        self.diff.files.push(FileDiff {
            path: is.clone(),
            from,
            counterpart: None,
            old: expected.entry,
            new: actual.entry,
        });
        self.was.insert(was, expected.content);
        self.is.insert(is, actual.content);
    }

    /// Joins files that were only renamed since then. The old content may not exist as an object: it is the result of a
    /// merge.
    fn joined(self, repository: &Repository, snapshot: &RepositorySnapshot) -> Vec<FileMaterial> {
        let Came { mut diff, mut was, mut is } = self;
        diff.files.sort_by(|a, b| a.path.cmp(&b.path));
        let merged: HashMap<ObjectId, &[u8]> = diff.files.iter().filter_map(|file| text_of_gone(file, &was)).collect();
        let text = |entry: TreeEntry, most: usize| match merged.get(&entry.id) {
            Some(text) => (text.len() <= most).then(|| text.to_vec()),
            None => git::small_text(repository, entry, most),
        };
        let diff = renames::paired(diff, |from, to| mean_the_same(snapshot, from, to), text);
        let material = |diff: FileDiff| {
            let old = was.remove(diff.from.as_ref().unwrap_or(&diff.path)).flatten();
            let new = is.remove(&diff.path).flatten();
            FileMaterial::of(diff, old, new)
        };
        diff.files.into_iter().map(material).collect()
    }
}

fn text_of_gone<'c>(file: &FileDiff, was: &'c HashMap<RepoPath, Option<Content>>) -> Option<(ObjectId, &'c [u8])> {
    let entry = file.old.filter(|_| file.new.is_none())?;
    match was.get(&file.path)?.as_ref()? {
        Content::Text(text) => Some((entry.id, text)),
        _ => None,
    }
}

fn sentence(update: Update, files: usize) -> String {
    match update {
        Update::Nothing => "Nothing changed.".to_owned(),
        Update::MessageOnly => "Only commits or their messages changed; the content is the same.".to_owned(),
        Update::Rebase => "A pure rebase: the base moved, what the change does is the same.".to_owned(),
        Update::Move => format!("{} renamed, with the same content.", counted(files, "file")),
        Update::Rework if files == 0 => "Reworked; no line is left to compare.".to_owned(),
        Update::Rework => format!("{} reworked; what the base did meanwhile is taken out.", counted(files, "file")),
    }
}

fn earlier(repository: &Repository, change: &Change, then: &Revised) -> Result<Revision, GitError> {
    let gone =
        || GitError::Unsupported(format!("The revision of then, {}, is gone from this repository.", short(&then.head)));
    let id = |text: &str| text.parse::<ObjectId>().map_err(|_| gone());
    repository.revision(id(&then.base)?, id(&then.head)?, change.revision.target_tip).map_err(|_| gone())
}

fn short(id: &str) -> &str {
    id.get(..7).unwrap_or(id)
}

/// One side of a path with its content. Two are equal if mode and content are.
#[derive(Debug, Clone, PartialEq)]
struct Image {
    entry: Option<TreeEntry>,
    content: Option<Content>,
}

impl Image {
    fn of(repository: &Repository, entry: Option<TreeEntry>) -> Result<Image, GitError> {
        Ok(Image { entry, content: entry.map(|entry| git::content(repository, entry)).transpose()? })
    }
}

/// What the earlier version of a path would be on today's base; and whether that cannot be determined, so that today's
/// base itself is used.
fn expected(repository: &Repository, sides: &Sides) -> Result<(Image, bool), GitError> {
    let ((base_then, head_then), (base_now, _)) = (sides.then, sides.now);
    let entry = if head_then == base_then {
        base_now
    } else if base_then == base_now || head_then == base_now {
        head_then
    } else {
        return merged(repository, base_then, base_now, head_then);
    };
    Ok((Image::of(repository, entry)?, false))
}

fn merged(
    repository: &Repository,
    base: Option<TreeEntry>,
    ours: Option<TreeEntry>,
    theirs: Option<TreeEntry>,
) -> Result<(Image, bool), GitError> {
    let side = |entry| Image::of(repository, entry);
    joined_images([side(base)?, side(ours)?, side(theirs)?])
}

/// What two sides make of a file, and whether that cannot be determined, so that the first is taken.
fn joined_images([base, ours, theirs]: [Image; 3]) -> Result<(Image, bool), GitError> {
    let text = |image: &Image| match &image.content {
        Some(Content::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let texts = text(&base).zip(text(&ours)).zip(text(&theirs));
    let joined = texts.and_then(|((base, ours), theirs)| merge(&base, &ours, &theirs));
    let modes = [&base, &ours, &theirs].map(|image| image.entry.map(|entry| entry.mode));
    let mode = if modes[2] == modes[0] { modes[1] } else { modes[2] };
    match (joined, mode) {
        (Some(text), Some(mode)) => {
            let entry = TreeEntry { mode, id: git::blob_id(&text)? };
            Ok((Image { entry: Some(entry), content: Some(Content::of_blob(text)) }, false))
        }
        _ => Ok((ours, true)),
    }
}

/// What one commit of a series does, against its first parent, with moves joined. For a merge, what it adds to what
/// follows from its parents.
pub fn commit(repository: &Repository, snapshot: &RepositorySnapshot, id: ObjectId) -> Result<Part, GitError> {
    let commit = repository.commit(id)?;
    if let [ours, theirs] = commit.parents[..]
        && let [base] = repository.bases(ours, theirs)?[..]
    {
        return own_part_of_merge(repository, snapshot, &commit, [base, ours, theirs]);
    }
    if commit.parents.len() > 2
        && let Some(part) = own_part_of_octopus(repository, snapshot, &commit)?
    {
        return Ok(part);
    }
    let tree = repository.tree_of(id)?;
    let diff = match commit.parents.first() {
        Some(parent) => super::joined(repository, snapshot, (repository.tree_of(*parent)?, tree))?,
        None => git::diff_from(repository, None, tree)?,
    };
    let files = diff.files.iter().map(|file| FileMaterial::read(repository, file)).collect::<Result<_, _>>()?;
    // Our words come first: the title, chosen by the author, may be as long as the line.
    let mut told = Vec::new();
    match commit.parents.len() {
        0 => told.push("A first commit, without a parent: all of it is new.".to_owned()),
        1 => {}
        _ => told.push("A merge, shown against its first parent.".to_owned()),
    }
    if diff.files.is_empty() {
        told.push("It changes nothing.".to_owned());
    }
    told.push(visible::text(&masked(commit.title())).into_owned());
    Ok(Part { files, told })
}

/// What only the merge itself contributes: everything that does not follow from its first parent and the changes of the
/// other.
fn own_part_of_merge(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    merge: &Commit,
    [base, ours, theirs]: [ObjectId; 3],
) -> Result<Part, GitError> {
    let tree = |commit| repository.tree_of(commit);
    let (brought, made) = ((tree(base)?, tree(theirs)?), (tree(ours)?, tree(merge.id)?));
    let Beyond { files, clashing } = beyond(repository, snapshot, brought, made)?;
    let brings = git::diff(repository, brought.0, brought.1)?.files.len();
    let what = match (files.is_empty(), clashing.is_empty()) {
        (true, true) => "A merge that adds nothing",
        (true, false) => "A merge of texts that both sides changed",
        _ => "A merge: what it adds",
    };
    // Our words come first: the title, chosen by the author, may be as long as the line.
    let mut told = vec![format!("{what} to the {} of {}.", counted(brings, "file"), theirs.short())];
    let both = |path: &RepoPath| {
        format!("{path}: both sides changed it; shown against the first, or the other where the first was taken whole.")
    };
    told.extend(clashing.iter().map(both));
    told.push(visible::text(&masked(merge.title())).into_owned());
    Ok(Part { files, told })
}

/// The same of a merge of more: what does not follow from its first parent and what each other one changed since it
/// forked from that. None if one of them forked from it at several places.
fn own_part_of_octopus(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    merge: &Commit,
) -> Result<Option<Part>, GitError> {
    let Some((&first, others)) = merge.parents.split_first() else { return Ok(None) };
    let mut sides = Vec::new();
    for &side in others {
        let [base] = repository.bases(first, side)?[..] else { return Ok(None) };
        sides.push((repository.tree_of(base)?, repository.tree_of(side)?));
    }
    let made = (repository.tree_of(first)?, repository.tree_of(merge.id)?);
    let mut paths = BTreeSet::new();
    for &(before, after) in sides.iter().chain([&made]) {
        paths.extend(git::diff(repository, before, after)?.files.into_iter().map(|file| file.path));
    }
    let (mut came, mut clashing, brings) = (Came::default(), Vec::new(), paths.len());
    for path in paths {
        let at = |tree| git::entry_at(repository, tree, &path);
        let (mut expected, actual) = (Image::of(repository, at(made.0)?)?, Image::of(repository, at(made.1)?)?);
        for &(base, side) in &sides {
            let (base, side) = (at(base)?, at(side)?);
            if side == base || side == expected.entry {
                continue;
            }
            let clashes;
            (expected, clashes) = match expected.entry == base {
                true => (Image::of(repository, side)?, false),
                false => joined_images([Image::of(repository, base)?, expected, Image::of(repository, side)?])?,
            };
            if clashes && clashing.last() != Some(&path) {
                clashing.push(path.clone());
            }
        }
        if expected != actual {
            came.take(path.clone(), path, expected, actual);
        }
    }
    let files = came.joined(repository, snapshot);
    let what = if files.is_empty() { "A merge that adds nothing" } else { "A merge: what it adds" };
    let mut told =
        vec![format!("{what} to what its {} parents bring ({}).", merge.parents.len(), counted(brings, "file"))];
    told.extend(clashing.iter().map(|path| format!("{path}: several of them changed it; shown against the first.")));
    told.push(visible::text(&masked(merge.title())).into_owned());
    Ok(Some(Part { files, told }))
}

/// How a commit of one revision relates to one of the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Same(Commit, Commit),
    Reworked(Commit, Commit),
    Gone(Commit),
    New(Commit),
}

/// The most commits of a revision that are compared with those of another.
pub const MAX_RANGE: usize = 200;

/// A commit, with the digest of what it does.
type Patch = (Arc<Commit>, Digest);

/// The commits of an earlier revision beside those of today, oldest first: matched by equal content first, then by
/// title.
pub fn range(repository: &Repository, change: &Change, then: &Revised) -> Result<Vec<Step>, GitError> {
    let earlier = earlier(repository, change, then)?;
    let series = |commits: &[Arc<Commit>]| -> Result<Vec<Patch>, GitError> {
        let commits = commits.iter().rev().take(MAX_RANGE);
        commits.map(|commit| Ok((commit.clone(), patch(repository, commit)?))).collect()
    };
    let (then, now) = (series(&earlier.commits)?, series(&change.revision.commits)?);
    let mut left: Vec<Option<&Patch>> = then.iter().map(Some).collect();
    let mut take = |wanted: &dyn Fn(&Patch) -> bool| {
        let at = left.iter().position(|own| own.is_some_and(wanted))?;
        left[at].take().map(|(commit, _)| (at, Commit::clone(commit)))
    };
    // What cannot be read is not reported as equal.
    let is_same =
        |own: &Patch, other: &Patch| own.1 == other.1 && is_same_place(repository, &own.0, &other.0).unwrap_or(false);
    let same: Vec<_> = now.iter().map(|other| take(&|own| is_same(own, other))).collect();
    let pairs = now.iter().zip(same).map(|((commit, _), same)| match same {
        Some((at, earlier)) => (at, Step::Same(earlier, Commit::clone(commit))),
        None => match take(&|own| own.0.title() == commit.title()) {
            Some((at, earlier)) => (at, Step::Reworked(earlier, Commit::clone(commit))),
            None => (usize::MAX, Step::New(Commit::clone(commit))),
        },
    });
    let pairs: Vec<_> = pairs.collect();
    Ok(in_order(&then, pairs, &left))
}

/// A removed commit keeps its position: before the first commit that came after it.
fn in_order(then: &[Patch], pairs: Vec<(usize, Step)>, left: &[Option<&Patch>]) -> Vec<Step> {
    let mut gone: std::collections::VecDeque<usize> = (0..then.len()).filter(|at| left[*at].is_some()).collect();
    let mut steps = Vec::new();
    for (at, step) in pairs {
        while gone.front().is_some_and(|first| at != usize::MAX && *first < at) {
            steps.extend(gone.pop_front().map(|at| Step::Gone(Commit::clone(&then[at].0))));
        }
        steps.push(step);
    }
    steps.extend(gone.into_iter().map(|at| Step::Gone(Commit::clone(&then[at].0))));
    steps
}

/// Whether two commits with the same effect have it at the same places.
fn is_same_place(repository: &Repository, one: &Commit, other: &Commit) -> Result<bool, GitError> {
    let diff = |commit: &Commit| match commit.parents.first() {
        Some(parent) => git::diff(repository, repository.tree_of(*parent)?, repository.tree_of(commit.id)?),
        None => Ok(Diff::default()),
    };
    git::is_same_place(repository, &diff(one)?, &diff(other)?)
}

/// The effect of a commit: the same wherever it is applied.
fn patch(repository: &Repository, commit: &Commit) -> Result<Digest, GitError> {
    let Some(&parent) = commit.parents.first() else { return Ok(Digest::of(commit.id.to_string().as_bytes())) };
    let diff = git::diff(repository, repository.tree_of(parent)?, repository.tree_of(commit.id)?)?;
    git::patch(repository, &diff)
}
