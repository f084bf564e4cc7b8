//! The facts of a push, read from objects: what each step on the target's first-parent line does to each path, and what
//! merging a proposal would do.

use std::borrow::{Borrow, Cow};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::ancestry::Ancestry;
use super::contents::Places;
use super::links::Links;
use super::merges::{Budget, clean_merges};
use super::merging::{Done, Trees, kept_result_tree};
use super::objects::{Effort, diff_within, entry};
use super::{GitError, Repository, object_id, oid};
use crate::change::diff::{Diff, Mode, TreeEntry};
use crate::change::digest::Digest;
use crate::change::manifest::{Image, Manifest};
use crate::change::{Change, Commit, ObjectId, RepoPath, Revision};
use crate::gate::{History, HistoryError, Lands, Merge, Merging, Obstacle, Step};
use crate::record::{Key, sshsig};

/// The namespace of git's signatures of commits.
const COMMIT_NAMESPACE: &str = "git";

/// The most ids of before that are looked for in a policy's history.
const MAX_IDS: usize = 4;

/// The commits of a repository, as read for one push.
pub struct Commits<'r> {
    repository: &'r Repository,
    /// Whether to determine who signed the commits.
    wants_proof: bool,
    /// Commits whose parents a shallow file hides.
    cut: HashSet<ObjectId>,
    ancestry: RefCell<Ancestry<'r>>,
    digests: RefCell<HashMap<ObjectId, Digest>>,
    effort: RefCell<Effort>,
    links: RefCell<Links<'r>>,
    merges: RefCell<Budget>,
    /// Where the policy was read.
    policy: Option<ObjectId>,
    /// Where it gave up each id that was asked about.
    given_up: RefCell<HashMap<String, Option<ObjectId>>>,
}

impl<'r> Commits<'r> {
    /// # Errors
    /// There is a shallow file that cannot be read.
    pub fn of(repository: &'r Repository, wants_proof: bool) -> Result<Commits<'r>, GitError> {
        let (digests, effort) = Default::default();
        let links = RefCell::new(Links::of(repository));
        let merges = RefCell::default();
        let (cut, ancestry) = (repository.cut_commits()?, RefCell::new(Ancestry::of_push(repository)));
        let (policy, given_up) = (None, RefCell::default());
        Ok(Commits { repository, wants_proof, cut, ancestry, digests, effort, links, merges, policy, given_up })
    }

    /// With the commit from which the policy was read.
    pub fn with_policy(self, policy: Option<ObjectId>) -> Commits<'r> {
        Commits { policy, ..self }
    }

    fn step(&self, from: ObjectId, to: ObjectId) -> Result<Step, GitError> {
        let repository = self.repository;
        let (mut digests, mut effort) = (self.digests.borrow_mut(), self.effort.borrow_mut());
        let (from_tree, tree) = (repository.tree_of(from)?, repository.tree_of(to)?);
        let diff = diff_within(repository, from_tree, tree, &mut effort)?;
        let own = repository.commit(to)?;
        let ancestry = &mut self.ancestry.borrow_mut();
        // An ordinary commit needs no search.
        let commits =
            if own.parents == [from] { vec![own] } else { repository.commits_beyond(ancestry, &[from], to)? };
        effort.hold(commits.iter().map(|commit| commit.message.len()).sum())?;
        Ok(Step {
            from,
            commit: to,
            tree,
            compared: (from_tree, tree),
            delta: manifest(repository, &diff, &mut digests)?,
            signers: if self.wants_proof { signers(repository, &commits) } else { Vec::new() },
            clean_merges: clean_merges(repository, &commits, ancestry, &mut self.merges.borrow_mut()),
            commits,
            links: self.links.borrow_mut().touched(&diff, from_tree, tree)?,
        })
    }

    fn holds(&self, of: ObjectId, commit: ObjectId) -> Result<bool, GitError> {
        self.ancestry.borrow_mut().holds(of, commit)
    }

    /// A commit of either side, not contained in the only base, behind which another base may be.
    fn cut_beside(&self, bases: &[ObjectId], sides: [ObjectId; 2]) -> Result<Option<ObjectId>, GitError> {
        for &cut in &self.cut {
            let is_below = match bases {
                [base] => self.holds(*base, cut)?,
                _ => false,
            };
            if !is_below && (self.holds(sides[0], cut)? || self.holds(sides[1], cut)?) {
                return Ok(Some(cut));
            }
        }
        Ok(None)
    }

    /// One of some paths, if a commit of the target has touched it since the base, on any of its parents.
    fn touched_since(
        &self,
        base: ObjectId,
        tip: ObjectId,
        head: ObjectId,
        paths: &BTreeSet<RepoPath>,
    ) -> Result<Option<RepoPath>, GitError> {
        let repository = self.repository;
        let places = Places::of(paths.iter());
        let plain: BTreeSet<Vec<u8>> = paths.iter().map(|path| without_blanks(&path.0)).collect();
        let new = repository.commits_beyond(&mut self.ancestry.borrow_mut(), &[base, head], tip)?;
        for commit in new.iter().filter(|commit| commit.parents.len() < 2) {
            repository.deadline.check()?;
            let tree = |id| repository.raw.find_commit(oid(id)).map(|commit| commit.tree_id());
            let before = commit.parents.first().map(|parent| tree(*parent)).transpose()?;
            let after = tree(commit.id)?;
            let is_twin = || self.touches_twin(before, after, &plain);
            if !places.are_same(repository, before, Some(after))? || is_twin()? {
                // Which of them is needed only for the message.
                return Ok(paths.first().cloned());
            }
        }
        Ok(None)
    }

    /// Whether something has one of these names but for white space: git compares what commits do without any, also in
    /// the names, and a rebase leaves out what it takes for done.
    fn touches_twin(
        &self,
        before: Option<git2::Oid>,
        after: git2::Oid,
        plain: &BTreeSet<Vec<u8>>,
    ) -> Result<bool, GitError> {
        let raw = &self.repository.raw;
        let (before, after) = (before.map(|id| raw.find_tree(id)).transpose()?, raw.find_tree(after)?);
        let diff = raw.diff_tree_to_tree(before.as_ref(), Some(&after), None)?;
        let names = diff.deltas().flat_map(|delta| {
            let paths = [delta.old_file().path_bytes(), delta.new_file().path_bytes()];
            paths.into_iter().flatten().map(without_blanks).collect::<Vec<_>>()
        });
        Ok(names.into_iter().any(|name| plain.contains(&name)))
    }

    fn done(&self, before: ObjectId, after: ObjectId) -> Result<Done<'_>, GitError> {
        let repository = self.repository;
        let diff = diff_within(repository, before, after, &mut self.effort.borrow_mut())?;
        let tree = |id| repository.raw.find_tree(oid(id));
        Ok(Done { before: tree(before)?, after: tree(after)?, diff: Cow::Owned(diff) })
    }

    fn merge(&self, base: ObjectId, tip: ObjectId, head: ObjectId, lands: Lands) -> Result<Merge, GitError> {
        let repository = self.repository;
        let commits = repository.commits_beyond(&mut self.ancestry.borrow_mut(), &[base, tip], head)?;
        let revision = repository.revision_of(base, head, tip, commits.into_iter().map(Arc::new).collect())?;
        let trees = Trees::of(&repository.raw, &revision)?;
        // A merge compares these; a rebase compares each commit with its parent.
        let mut compared = vec![(revision.base_tree, revision.head_tree)];
        if lands == Lands::Rebase {
            for commit in revision.commits.iter().filter(|commit| commit.parents.len() == 1) {
                compared.push((repository.tree_of(commit.parents[0])?, repository.tree_of(commit.id)?));
            }
        }
        let done = compared.into_iter().map(|(before, after)| self.done(before, after));
        let done = done.collect::<Result<Vec<_>, _>>()?;
        let diff = &done[0].diff;
        let mut obstacle = trees.obstacle(&done);
        if lands == Lands::Rebase && !matches!(obstacle, Some(Obstacle::Moved(_) | Obstacle::There(_))) {
            let touched = done.iter().flat_map(|done| &done.diff.files).map(|file| file.path.clone()).collect();
            obstacle = self.touched_since(base, tip, head, &touched)?.map(Obstacle::Moved).or(obstacle);
        }
        let in_lost_folder = trees.in_lost_folder(repository, &done)?;
        let result = match obstacle {
            None => Some(kept_result_tree(repository, &revision, diff)?),
            Some(_) => None,
        };
        let merges = revision.commits.iter().find(|commit| commit.parents.len() > 1).map(|commit| commit.id);
        let single = revision.commits.iter().filter(|commit| commit.parents.len() == 1);
        let replayed = match lands == Lands::Rebase && revision.commits.len() > 1 {
            true => single.map(|commit| self.step(commit.parents[0], commit.id)).collect::<Result<_, _>>()?,
            false => Vec::new(),
        };
        // What the paths lead to, and what is beside them, is judged where they land.
        let compared = result.map_or((revision.base_tree, revision.head_tree), |tree| (revision.target_tree, tree));
        let step = merged(&revision, diff, repository, result.unwrap_or(revision.head_tree), compared, HashMap::new())?;
        Ok(Merge { step, replayed, merges, obstacle, in_lost_folder })
    }
}

fn unreadable(error: impl Into<GitError>) -> HistoryError {
    let error = error.into();
    HistoryError { is_limit: matches!(error, GitError::Limit(_)), sentence: error.to_string() }
}

impl History for Commits<'_> {
    fn id_given_up(&self, id: &str) -> Option<ObjectId> {
        let policy = self.policy?;
        let mut known = self.given_up.borrow_mut();
        // It explains, and decides nothing: a push with signatures for many ids must not wait for all of them.
        if known.len() >= MAX_IDS && !known.contains_key(id) {
            return None;
        }
        *known.entry(id.to_owned()).or_insert_with(|| self.repository.id_given_up(policy, id))
    }

    fn commit_of(&self, id: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        self.repository.peeled(id).map_err(unreadable)
    }

    fn first_parent(&self, commit: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        if self.cut.contains(&commit) {
            return Ok(None);
        }
        self.repository.deadline.check().map_err(unreadable)?;
        let commit = self.repository.raw.find_commit(oid(commit)).map_err(unreadable)?;
        Ok(commit.parent_ids().next().map(object_id))
    }

    fn is_cut(&self, commit: ObjectId) -> bool {
        self.cut.contains(&commit)
    }

    fn is_ancestor(&self, commit: ObjectId, of: ObjectId) -> Result<bool, HistoryError> {
        self.holds(of, commit).map_err(unreadable)
    }

    fn is_cut_beside(&self, base: ObjectId, sides: [ObjectId; 2]) -> Result<bool, HistoryError> {
        self.cut_beside(&[base], sides).map(|cut| cut.is_some()).map_err(unreadable)
    }

    fn merge_bases(&self, a: ObjectId, b: ObjectId) -> Result<Vec<ObjectId>, HistoryError> {
        self.ancestry.borrow_mut().bases(a, b).map_err(unreadable)
    }

    fn steps(&self, start: ObjectId, line: &[ObjectId]) -> Result<Vec<Step>, HistoryError> {
        let froms = std::iter::once(&start).chain(line);
        froms.zip(line).map(|(&from, &to)| self.step(from, to)).collect::<Result<_, _>>().map_err(unreadable)
    }

    fn lacks(&self, base: ObjectId, side: ObjectId, end: ObjectId) -> Result<Option<RepoPath>, HistoryError> {
        let repository = self.repository;
        let lacking = || -> Result<Option<RepoPath>, GitError> {
            let (base, side) = (repository.tree_of(base)?, repository.tree_of(side)?);
            let diff = diff_within(repository, base, side, &mut self.effort.borrow_mut())?;
            let end = repository.raw.find_tree(oid(repository.tree_of(end)?))?;
            Ok(diff.files.into_iter().find(|file| entry(&end, &file.path) != file.new).map(|file| file.path))
        };
        lacking().map_err(unreadable)
    }

    fn merging(&self, tip: ObjectId, head: ObjectId, lands: Lands) -> Result<Merging, HistoryError> {
        let merging = || -> Result<Merging, GitError> {
            let bases = self.ancestry.borrow_mut().bases(tip, head)?;
            let cut = self.cut_beside(&bases, [tip, head])?;
            let merge = match bases[..] {
                [base] if cut.is_none() && base != head => Some(self.merge(base, tip, head, lands)?),
                _ => None,
            };
            Ok(Merging { bases, cut, merge })
        };
        merging().map_err(unreadable)
    }
}

fn without_blanks(name: &[u8]) -> Vec<u8> {
    name.iter().copied().filter(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b).collect()
}

/// The commits with a valid ssh signature, each with its key. The roster says whose key it is.
fn signers(repository: &Repository, commits: &[impl Borrow<Commit>]) -> Vec<(ObjectId, Key)> {
    let signer = |commit: &Commit| {
        let (signature, signed) = repository.raw.extract_signature(&oid(commit.id), None).ok()?;
        let mut armor = signature.to_vec();
        if armor.last() != Some(&b'\n') {
            armor.push(b'\n');
        }
        let (key, _) = sshsig::verify_for(COMMIT_NAMESPACE, &armor, &signed).ok()?;
        Some((commit.id, key))
    };
    commits.iter().map(Borrow::borrow).filter_map(signer).collect()
}

/// As [`super::manifest`], but reads each blob once, however many steps touch it.
fn manifest(
    repository: &Repository,
    diff: &Diff,
    digests: &mut HashMap<ObjectId, Digest>,
) -> Result<Manifest, GitError> {
    let mut image = |entry: Option<TreeEntry>| -> Result<Option<Image>, GitError> {
        let Some(entry) = entry else { return Ok(None) };
        if let Some(&content) = digests.get(&entry.id).filter(|_| entry.mode != Mode::Submodule) {
            return Ok(Some(Image { mode: entry.mode, content }));
        }
        let image = super::objects::image(repository, entry)?;
        // What is known of a submodule is its id, which may be that of a blob, too.
        if entry.mode != Mode::Submodule {
            digests.insert(entry.id, image.content);
        }
        Ok(Some(image))
    };
    let mut manifest = Manifest::default();
    for file in &diff.files {
        manifest.insert(file.path.clone(), image(file.old)?, image(file.new)?);
    }
    Ok(manifest)
}

/// A change as the one step that landing it now would be. Contents whose digests are known are not read again.
pub fn landing(
    change: &Change,
    diff: &Diff,
    repository: &Repository,
    result_tree: Option<ObjectId>,
    digests: HashMap<ObjectId, Digest>,
) -> Result<Step, GitError> {
    let revision = &change.revision;
    let compared = (revision.base_tree, revision.head_tree);
    merged(revision, diff, repository, result_tree.unwrap_or(revision.head_tree), compared, digests)
}

fn merged(
    revision: &Revision,
    diff: &Diff,
    repository: &Repository,
    tree: ObjectId,
    compared: (ObjectId, ObjectId),
    mut digests: HashMap<ObjectId, Digest>,
) -> Result<Step, GitError> {
    let Revision { head, target_tip, commits, .. } = revision;
    Ok(Step {
        from: *target_tip,
        commit: *head,
        tree,
        compared,
        delta: manifest(repository, diff, &mut digests)?,
        commits: commits.iter().map(|commit| (**commit).clone()).collect(),
        signers: signers(repository, commits),
        clean_merges: clean_merges(repository, commits, &mut Ancestry::of(repository), &mut Budget::default()),
        links: Links::of(repository).touched(diff, compared.0, compared.1)?,
    })
}
