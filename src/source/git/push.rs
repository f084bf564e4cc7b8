//! The facts of a push, read from objects: what each step on the target's first-parent line does to each path.

use std::collections::{HashMap, HashSet};

use git2::{ObjectType, Oid};

use super::links::Links;
use super::objects::{Effort, diff_within};
use super::{GitError, MAX_COMMITS, PolicyState, Repository, diff, object_id, oid};
use crate::change::diff::{Diff, Mode, TreeEntry};
use crate::change::manifest::{Digest, Image, Manifest};
use crate::change::{Change, Commit, ObjectId, Revision};
use crate::gate::{MAX_STEPS, NextPolicy, Push, Step};
use crate::policy::{AuthorProof, Policy, RefStanding};
use crate::record::{Key, sshsig};

/// What git signs commits for.
const COMMIT_NAMESPACE: &str = "git";

/// Where a push is seen from.
pub struct Outlook<'o> {
    pub repository: &'o Repository,
    pub policy: &'o Policy,
    /// The policy branch, and its tip before the push.
    pub trunk: (&'o str, ObjectId),
}

impl Outlook<'_> {
    /// Reads what moving a protected ref from `old` to `new` would do. A new ref starts where it left the line of
    /// the policy branch.
    ///
    /// # Errors
    /// An object is missing, or the push is larger than is read.
    pub fn read(&self, name: &str, old: ObjectId, new: ObjectId) -> Result<Push, GitError> {
        let mut push = Push::new(name, old, new);
        if new.is_zero() || old == new {
            return Ok(push);
        }
        let Some(end) = self.commit_of(new)? else {
            push.no_commit = true;
            return Ok(push);
        };
        let old = if old.is_zero() { None } else { self.commit_of(old)? };
        let is_tag = name.starts_with("refs/tags/");
        push.rewind = old.is_some_and(|_| is_tag);
        let start = match old {
            Some(old) if self.is_ancestor(old, end)? => old,
            Some(_) if !self.may_rewrite(name) => {
                push.rewind = true;
                return Ok(push);
            }
            Some(old) => {
                push.rewind = true;
                self.leaves(end, old).or_else(|_| self.leaves(end, self.trunk.1))?
            }
            None => self.leaves(end, self.trunk.1)?,
        };
        let (mut digests, mut effort) = (HashMap::new(), Effort::default());
        let mut links = Links::of(self.repository);
        push.steps = match self.first_parents(start, end)? {
            Some(line) => {
                let froms = std::iter::once(start).chain(line.iter().copied());
                froms
                    .zip(&line)
                    .map(|(from, &to)| self.step(from, to, &mut digests, &mut effort, &mut links))
                    .collect::<Result<_, _>>()?
            }
            None => vec![self.step(start, end, &mut digests, &mut effort, &mut links)?],
        };
        if name == self.trunk.0 {
            push.policy = self.next_policy(end)?;
        }
        Ok(push)
    }

    fn may_rewrite(&self, name: &str) -> bool {
        matches!(self.policy.refs.standing(name), RefStanding::Protected { rewrite: true, .. })
    }

    /// What merging a proposal into a ref that stands at `old` would do now; none where a path that it touches has moved there
    /// since it forked, so that nobody can say without merging texts.
    pub fn proposal(&self, name: &str, old: ObjectId, head: ObjectId) -> Result<Option<Push>, GitError> {
        let repository = self.repository;
        let (Some(tip), Some(head)) = (self.commit_of(old)?, self.commit_of(head)?) else {
            return Ok(Some(Push { no_commit: true, ..Push::new(name, old, head) }));
        };
        let revision = repository.revision(self.fork_point(head, tip)?, head, tip)?;
        let diff = diff(repository, revision.base_tree, revision.head_tree)?;
        let Some(result_tree) = super::result_tree(repository, &revision, &diff)? else { return Ok(None) };
        let step = merged(&revision, &diff, repository, result_tree, HashMap::new())?;
        let policy = if name == self.trunk.0 { self.next_policy(head)? } else { None };
        Ok(Some(Push { steps: vec![step], policy, ..Push::new(name, old, head) }))
    }

    /// The commit that an id names, through tags; none where it is something else.
    fn commit_of(&self, id: ObjectId) -> Result<Option<ObjectId>, GitError> {
        let object = self.repository.raw.find_object(oid(id), None)?;
        Ok(object.peel(ObjectType::Commit).ok().map(|commit| object_id(commit.id())))
    }

    fn is_ancestor(&self, of: ObjectId, end: ObjectId) -> Result<bool, GitError> {
        Ok(of == end || self.repository.raw.graph_descendant_of(oid(end), oid(of))?)
    }

    fn fork_point(&self, new: ObjectId, from: ObjectId) -> Result<ObjectId, GitError> {
        let base = self.repository.raw.merge_base(oid(new), oid(from)).map_err(|error| match error.code() {
            git2::ErrorCode::NotFound if error.class() != git2::ErrorClass::Odb => GitError::Unsupported(
                "What is pushed has no history in common with the policy branch, so nothing says what is new in it. Start it there."
                    .to_owned(),
            ),
            _ => error.into(),
        })?;
        Ok(object_id(base))
    }

    /// Where the history of `new` leaves the first-parent line of `tip`. What merges brought in beside that line was never
    /// the state of a ref, and so was not judged as one.
    fn leaves(&self, new: ObjectId, tip: ObjectId) -> Result<ObjectId, GitError> {
        let first_parent = |id: Oid| Ok::<_, GitError>(self.repository.raw.find_commit(id)?.parent_ids().next());
        let mut at = oid(self.fork_point(new, tip)?);
        let (mut line, mut next) = (HashSet::new(), Some(oid(tip)));
        while let Some(id) = next.filter(|_| !line.contains(&at)) {
            if line.len() == MAX_COMMITS {
                let detail = format!("It left the line of what landed more than {MAX_COMMITS} commits ago.");
                return Err(GitError::Unsupported(detail));
            }
            line.insert(id);
            next = first_parent(id)?;
        }
        while !line.contains(&at) {
            let nowhere = || GitError::Unsupported("Its history joins that of the branch in merges alone.".to_owned());
            at = first_parent(at)?.ok_or_else(nowhere)?;
        }
        Ok(object_id(at))
    }

    /// The first-parent line from `start` (left out) to `end`, oldest first; none where `start` is not on it.
    fn first_parents(&self, start: ObjectId, end: ObjectId) -> Result<Option<Vec<ObjectId>>, GitError> {
        let (mut line, mut at) = (Vec::new(), end);
        while at != start {
            line.push(at);
            // One more than may be judged is enough to say that it is too many.
            if line.len() > MAX_STEPS {
                break;
            }
            match self.repository.raw.find_commit(oid(at))?.parent_ids().next() {
                Some(parent) => at = object_id(parent),
                None => return Ok(None),
            }
        }
        line.reverse();
        Ok(Some(line))
    }

    fn step(
        &self,
        from: ObjectId,
        to: ObjectId,
        digests: &mut HashMap<ObjectId, Digest>,
        effort: &mut Effort,
        links: &mut Links<'_>,
    ) -> Result<Step, GitError> {
        let repository = self.repository;
        let (from_tree, tree) = (repository.tree_of(from)?, repository.tree_of(to)?);
        let diff = diff_within(repository, from_tree, tree, effort)?;
        let own = repository.commit(to)?;
        // Of an ordinary commit there is nothing to look for.
        let commits = if own.parents == [from] { vec![own] } else { repository.commits_between(&[from], to)? };
        let wants_proof = self.policy.author_proof == AuthorProof::Proven;
        Ok(Step {
            from,
            commit: to,
            tree,
            compared: (from_tree, tree),
            delta: manifest(repository, &diff, digests)?,
            signers: if wants_proof { signers(repository, &commits) } else { Vec::new() },
            evil_merges: if wants_proof { evil_merges(repository, &commits, effort)? } else { Vec::new() },
            commits,
            links: links.touched(&diff, from_tree, tree)?,
        })
    }

    /// What the policy branch would say next.
    fn next_policy(&self, commit: ObjectId) -> Result<Option<NextPolicy>, GitError> {
        Ok(Some(match self.repository.policy_at(commit)? {
            PolicyState::Found(policy) => Ok((policy.version, policy.digest)),
            PolicyState::Absent => Err("it is gone. Without it nothing could land.".to_owned()),
            PolicyState::Invalid(refused) => Err(crate::change::visible::lines(&refused.to_string())),
        }))
    }
}

/// The commits that carry a sound ssh signature, each with its key. Whose key it is, the roster says.
fn signers(repository: &Repository, commits: &[Commit]) -> Vec<(ObjectId, Key)> {
    let signer = |commit: &Commit| {
        let (signature, signed) = repository.raw.extract_signature(&oid(commit.id), None).ok()?;
        let mut armor = signature.to_vec();
        if armor.last() != Some(&b'\n') {
            armor.push(b'\n');
        }
        let (key, _) = sshsig::verify_for(COMMIT_NAMESPACE, &armor, &signed).ok()?;
        Some((commit.id, key))
    };
    commits.iter().filter_map(signer).collect()
}

/// The merges that do something to their first parent which the other did not bring: whoever made them wrote it.
fn evil_merges(repository: &Repository, commits: &[Commit], effort: &mut Effort) -> Result<Vec<ObjectId>, GitError> {
    let mut evil = Vec::new();
    for commit in commits.iter().filter(|commit| commit.parents.len() > 1) {
        let (ours, theirs) = (commit.parents[0], commit.parents[1]);
        let mut between =
            |old, new| diff_within(repository, repository.tree_of(old)?, repository.tree_of(new)?, effort);
        let bases = repository.raw.merge_bases(oid(ours), oid(theirs)).map(|bases| bases.to_vec()).unwrap_or_default();
        let brought = match bases[..] {
            [base] => between(object_id(base), theirs)?.files,
            _ => Vec::new(),
        };
        let brought: HashMap<_, _> = brought.iter().map(|file| (&file.path, file.new)).collect();
        let done = between(ours, commit.id)?.files;
        if !done.iter().all(|file| brought.get(&file.path) == Some(&file.new)) {
            evil.push(commit.id);
        }
    }
    Ok(evil)
}

/// As [`super::manifest`], reading each blob once however many steps touch it.
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
        digests.insert(entry.id, image.content);
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
    merged(&change.revision, diff, repository, result_tree.unwrap_or(change.revision.head_tree), digests)
}

fn merged(
    revision: &Revision,
    diff: &Diff,
    repository: &Repository,
    tree: ObjectId,
    mut digests: HashMap<ObjectId, Digest>,
) -> Result<Step, GitError> {
    let Revision { base_tree, head, head_tree, target_tip, commits, .. } = revision;
    Ok(Step {
        from: *target_tip,
        commit: *head,
        tree,
        compared: (*base_tree, *head_tree),
        delta: manifest(repository, diff, &mut digests)?,
        commits: commits.clone(),
        signers: signers(repository, commits),
        evil_merges: evil_merges(repository, commits, &mut Effort::default())?,
        links: Links::of(repository).touched(diff, *base_tree, *head_tree)?,
    })
}
