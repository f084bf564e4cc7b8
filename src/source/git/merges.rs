//! Merges in which nobody wrote anything: those that follow from their parents. They are compared here, path by path
//! and line by line, and not with git's own merge, which attributes, drivers and settings of a repository influence;
//! moves are those of [`renames`]. Any merge for which this is not proven counts as somebody's work.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::ancestry::Ancestry;
use super::objects::{Effort, diff_within};
use super::{GitError, Repository, blob_id, oid, small_text};
use crate::change::diff::{Diff, FileDiff, Mode, TreeEntry};
use crate::change::merge::merge;
use crate::change::{Commit, ObjectId, RepoPath, renames};

/// The most merges of one push that are examined. Branches that were updated more often are rare.
const MAX_MERGES: usize = 256;
/// The most texts of one push that both sides of a merge changed, and bytes of each.
const MAX_TEXTS: usize = 256;
/// The most sides of merges of one push whose moved files are paired: that compares texts.
const MAX_MOVED: usize = 4;
const MAX_TEXT: usize = 1 << 20;
/// The most commits whose parents a shallow file hides; whoever may push can add some where a host allows that.
const MAX_CUT: usize = 8;
/// The most steps through the history for the bases of all merges of one push. A branch that is updated from its target
/// each week takes some hundreds each time.
const MAX_STEPS: usize = 2_000_000;

/// What may still be examined in one push. Beyond that, nothing is proven.
pub(super) struct Budget {
    merges: usize,
    texts: usize,
    moved: usize,
    steps: usize,
    effort: Effort,
}

impl Default for Budget {
    fn default() -> Budget {
        let (merges, texts, moved, steps) = (MAX_MERGES, MAX_TEXTS, MAX_MOVED, MAX_STEPS);
        Budget { merges, texts, moved, steps, effort: Effort::default() }
    }
}

/// The commits that are merges of two histories with exactly the content that follows from them, without conflict.
pub(super) fn clean_merges(
    repository: &Repository,
    commits: &[impl Borrow<Commit>],
    ancestry: &mut Ancestry<'_>,
    budget: &mut Budget,
) -> Vec<ObjectId> {
    if !commits.iter().any(|commit| commit.borrow().parents.len() > 1) {
        return Vec::new();
    }
    let Ok(cut) = repository.cut_commits() else { return Vec::new() };
    if cut.len() > MAX_CUT {
        return Vec::new();
    }
    let mut clean = Vec::new();
    let mut find = || {
        let mut unknown = None;
        for commit in commits.iter().map(Borrow::borrow).filter(|commit| commit.parents.len() == 2) {
            match follows(repository, commit, &cut, ancestry, budget) {
                Ok(true) => clean.push(commit.id),
                // Beyond a limit nothing is proven.
                Ok(false) | Err(GitError::Limit(_)) => {}
                Err(why) => unknown = Some(why),
            }
        }
        // What ran out of time is not known either.
        unknown.or(repository.deadline.check().err()).map_or(Ok(clean.clone()), Err)
    };
    if !cut.is_empty() {
        _ = find();
        return clean;
    }
    // Kept for all together: what the budget proves of one depends on those before it, and whoever pushes a branch with
    // merges of others must not decide what is believed of those elsewhere. A gate keeps nothing.
    let ids: Vec<ObjectId> = commits.iter().map(|commit| commit.borrow().id).collect();
    match repository.kept("which of these commits are merges that follow from their parents", &ids, |_| true, find) {
        Ok(kept) => kept,
        Err(_) => clean,
    }
}

/// By path, the entries before and after.
type Changed = BTreeMap<RepoPath, (Option<TreeEntry>, Option<TreeEntry>)>;

fn follows(
    repository: &Repository,
    commit: &Commit,
    cut: &HashSet<ObjectId>,
    ancestry: &mut Ancestry<'_>,
    budget: &mut Budget,
) -> Result<bool, GitError> {
    repository.deadline.check()?;
    let [ours, theirs] = commit.parents[..] else { return Ok(false) };
    let Some(left) = budget.merges.checked_sub(1) else { return Ok(false) };
    budget.merges = left;
    let bases = ancestry.bases_within(ours, theirs, &mut budget.steps)?;
    let [base] = bases[..] else { return Ok(false) };
    // Behind a commit without its parents there may be another base.
    for &cut in cut {
        let mut is_in = |commit| ancestry.holds_within(commit, cut, &mut budget.steps);
        if !is_in(base)? && (is_in(ours)? || is_in(theirs)?) {
            return Ok(false);
        }
    }
    let base = repository.tree_of(base)?;
    let mut since = |commit| diff_within(repository, base, repository.tree_of(commit)?, &mut budget.effort);
    let [ours, theirs] = [since(ours)?, since(theirs)?];
    let made = changed(&since(commit.id)?);
    let sides = [changed(&ours), changed(&theirs)];
    let mut moves = Moves::default();
    for (side, diff) in [ours, theirs].into_iter().enumerate() {
        if !moves.follow(repository, diff, (&sides[side], &sides[1 - side]), &made, budget)? {
            return Ok(false);
        }
    }
    let paths: BTreeSet<&RepoPath> = sides.iter().chain([&made]).flat_map(BTreeMap::keys).collect();
    for path in paths.into_iter().filter(|path| !moves.checked.contains(path)) {
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

fn changed(diff: &Diff) -> Changed {
    diff.files.iter().map(|file| (file.path.clone(), (file.old, file.new))).collect()
}

/// Files that one side moved and the other changed where they were: the change follows to the new place, as git has it.
#[derive(Default)]
struct Moves {
    /// Where they were, and where they are now.
    checked: BTreeSet<RepoPath>,
}

impl Moves {
    /// Returns whether all files that a side moved contain what the other one changed in them, and nothing else.
    fn follow(
        &mut self,
        repository: &Repository,
        diff: Diff,
        (own, other): (&Changed, &Changed),
        made: &Changed,
        budget: &mut Budget,
    ) -> Result<bool, GitError> {
        let is_gone = |held: Option<&(_, Option<TreeEntry>)>| held.is_some_and(|(_, new)| new.is_none());
        let edited: BTreeMap<&RepoPath, TreeEntry> = other
            .iter()
            .filter(|(path, _)| is_gone(own.get(path)) && is_gone(made.get(path)))
            .filter_map(|(path, (old, new))| Some((path, old.and(*new)?)))
            .collect();
        if edited.is_empty() {
            return Ok(true);
        }
        repository.deadline.check()?;
        let Some(left) = budget.moved.checked_sub(1) else { return Ok(false) };
        budget.moved = left;
        let matters = |file: &FileDiff| file.old.is_none() || edited.contains_key(&file.path);
        let diff = Diff { files: diff.files.into_iter().filter(matters).collect(), ..diff };
        let text = |entry, most| small_text(repository, entry, most);
        for file in renames::paired(diff, |_, _| true, text).files {
            let Some(from) = file.from.filter(|_| !other.contains_key(&file.path)) else { continue };
            let Some(theirs) = edited.get(&from).copied() else { continue };
            let now = made.get(&file.path).and_then(|(_, new)| *new);
            if !joined(repository, [file.old, file.new, Some(theirs), now], &mut budget.texts)? {
                return Ok(false);
            }
            self.checked.extend([from, file.path]);
        }
        Ok(true)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::git::{object_id, oid};

    const LINES: &str = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n";

    /// Files of the base, of both sides, and of the merge; whether it follows from its parents.
    fn follows(files: [&[(&str, &str)]; 4]) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(dir.path()).unwrap();
        let who = git2::Signature::new("dana", "dana@example.com", &git2::Time::new(0, 0)).unwrap();
        let commit = |files: &[(&str, &str)], parents: &[git2::Oid]| {
            let mut tree = raw.treebuilder(None).unwrap();
            for (name, text) in files {
                tree.insert(name, raw.blob(text.as_bytes()).unwrap(), 0o100_644).unwrap();
            }
            let tree = raw.find_tree(tree.write().unwrap()).unwrap();
            let parents: Vec<_> = parents.iter().map(|id| raw.find_commit(*id).unwrap()).collect();
            raw.commit(None, &who, &who, "", &tree, &parents.iter().collect::<Vec<_>>()).unwrap()
        };
        let base = commit(files[0], &[]);
        let sides = [commit(files[1], &[base]), commit(files[2], &[base])];
        let merge = object_id(commit(files[3], &sides));
        let repository = Repository::open(dir.path()).unwrap();
        let commits = [repository.commit(merge).unwrap()];
        assert!(oid(merge) != base);
        clean_merges(&repository, &commits, &mut Ancestry::of(&repository), &mut Budget::default()) == [merge]
    }

    #[test]
    fn a_change_follows_a_file_that_the_other_side_moved() {
        let edited = LINES.replace("two", "TWO");
        let moved = LINES.replace("seven", "SEVEN");
        let both = edited.replace("seven", "SEVEN");
        let base = [("a.txt", LINES), ("z.txt", "z\n")];
        let (edit, rename) = ([("a.txt", &*edited), ("z.txt", "z\n")], [("b.txt", &*moved), ("z.txt", "z\n")]);
        let merged = |text| [("b.txt", text), ("z.txt", "z\n")];
        assert!(follows([&base, &rename, &edit, &merged(&both)]));
        assert!(follows([&base, &edit, &rename, &merged(&both)]), "whichever side moved it");
        let plain = [("b.txt", LINES), ("z.txt", "z\n")];
        assert!(follows([&base, &plain, &edit, &merged(&edited)]), "moved as it was");
    }

    #[test]
    fn merges_of_one_push_share_their_steps_and_beyond_them_none_is_proven() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(dir.path()).unwrap();
        let tree = raw.find_tree(raw.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let commit = |time, text: &str, parents: &[git2::Oid]| {
            let who = git2::Signature::new("dana", "dana@example.com", &git2::Time::new(time, 0)).unwrap();
            let parents: Vec<_> = parents.iter().map(|id| raw.find_commit(*id).unwrap()).collect();
            raw.commit(None, &who, &who, text, &tree, &parents.iter().collect::<Vec<_>>()).unwrap()
        };
        let root = commit(0, "root", &[]);
        let merges = ["one", "other"].map(|text| {
            let sides = [commit(1, &format!("{text}, ours"), &[root]), commit(1, &format!("{text}, theirs"), &[root])];
            object_id(commit(2, text, &sides))
        });
        let repository = Repository::open(dir.path()).unwrap();
        let commits = merges.map(|merge| repository.commit(merge).unwrap());
        let proven = |steps| {
            let mut budget = Budget { steps, ..Budget::default() };
            clean_merges(&repository, &commits, &mut Ancestry::of(&repository), &mut budget)
        };
        assert_eq!(proven(6), merges);
        assert_eq!(proven(4), [merges[0]], "a base is found in three steps");
        assert!(proven(2).is_empty());

        let caches = crate::cache::Caches::at(Some(dir.path().join("cache")));
        let keeps = Repository::open(dir.path()).unwrap().with_cache(&caches.of(dir.path()));
        let kept = |commits: &[Commit], steps| {
            clean_merges(&keeps, commits, &mut Ancestry::of(&keeps), &mut Budget { steps, ..Budget::default() })
        };
        assert_eq!(kept(&commits, 4), [merges[0]]);
        assert_eq!(kept(&commits, 6), [merges[0]], "it is kept");
        assert_eq!(kept(&commits[1..], 6), [merges[1]], "what one branch used up is believed of that branch alone");
    }

    #[test]
    fn who_adds_drops_or_misplaces_something_beside_a_move_wrote_it() {
        let edited = LINES.replace("two", "TWO");
        let both = edited.replace("seven", "SEVEN");
        let moved = LINES.replace("seven", "SEVEN");
        let base = [("a.txt", LINES)];
        let (edit, rename) = ([("a.txt", &*edited)], [("b.txt", &*moved)]);
        let more = format!("{both}nine\n");
        assert!(!follows([&base, &rename, &edit, &[("b.txt", &more)]]), "a line more");
        assert!(!follows([&base, &rename, &edit, &[("b.txt", &moved)]]), "the change is gone");
        assert!(!follows([&base, &rename, &edit, &[("b.txt", &moved), ("c.txt", &both)]]), "into a new file");
        assert!(!follows([&base, &rename, &edit, &[("a.txt", &edited), ("b.txt", &moved)]]), "the file is back");
        let conflicting = [("b.txt", &*LINES.replace("two", "2"))];
        assert!(!follows([&base, &conflicting, &edit, &[("b.txt", &edited)]]), "a conflict that was resolved");
        // Where the side that changed the file has one at the new place too.
        let there = [("a.txt", &*edited), ("b.txt", "other\n")];
        assert!(!follows([&base, &rename, &there, &[("b.txt", &both)]]));
    }
}
