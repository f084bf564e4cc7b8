//! The facts of a push, read from objects: what each step on the target's first-parent line does to each path.

use super::{GitError, Repository, content, diff, manifest, oid};
use crate::change::diff::{Content, Diff, Mode};
use crate::change::{Change, ObjectId, RepoPath, Revision};
use crate::gate::{MAX_STEPS, Push, Step};

/// Reads what moving `name` from `old` to `new` would do. `old` of zeros (a new ref) starts where it left the policy
/// branch, whose tip is `trunk`.
pub fn read(
    repository: &Repository,
    name: &str,
    old: ObjectId,
    new: ObjectId,
    trunk: ObjectId,
) -> Result<Push, GitError> {
    let nothing = Push { name: name.to_owned(), old, new, steps: Vec::new(), rewind: false };
    if new.is_zero() || old == new {
        return Ok(nothing);
    }
    let start = if old.is_zero() { fork_point(repository, new, trunk)? } else { old };
    repository.raw.find_commit(oid(start))?;
    repository.raw.find_commit(oid(new))?;
    if start != new && !repository.raw.graph_descendant_of(oid(new), oid(start))? {
        return Ok(Push { rewind: true, ..nothing });
    }
    let steps = match first_parents(repository, start, new)? {
        Some(line) => {
            let froms = std::iter::once(start).chain(line.iter().copied());
            froms.zip(&line).map(|(from, &to)| step(repository, from, to)).collect::<Result<_, _>>()?
        }
        None => vec![step(repository, start, new)?],
    };
    Ok(Push { steps, ..nothing })
}

fn fork_point(repository: &Repository, new: ObjectId, trunk: ObjectId) -> Result<ObjectId, GitError> {
    Ok(super::object_id(repository.raw.merge_base(oid(new), oid(trunk))?))
}

/// The first-parent line from `start` (left out) to `end`, oldest first; none where `start` is not on it.
fn first_parents(repository: &Repository, start: ObjectId, end: ObjectId) -> Result<Option<Vec<ObjectId>>, GitError> {
    let (mut line, mut at) = (Vec::new(), end);
    while at != start {
        line.push(at);
        // One more than may be judged is enough to say that it is too many.
        if line.len() > MAX_STEPS {
            break;
        }
        match repository.raw.find_commit(oid(at))?.parent_ids().next() {
            Some(parent) => at = super::object_id(parent),
            None => return Ok(None),
        }
    }
    line.reverse();
    Ok(Some(line))
}

fn step(repository: &Repository, from: ObjectId, to: ObjectId) -> Result<Step, GitError> {
    let (from_tree, tree) = (repository.tree_of(from)?, repository.tree_of(to)?);
    let diff = diff(repository, from_tree, tree)?;
    Ok(Step {
        from,
        commit: to,
        tree,
        delta: manifest(repository, &diff)?,
        commits: repository.commits_between(&[from], to)?,
        link_targets: link_targets(repository, &diff)?,
    })
}

/// A change as the one step that landing it now would be.
pub fn landing(
    change: &Change,
    diff: &Diff,
    repository: &Repository,
    result_tree: Option<ObjectId>,
) -> Result<Step, GitError> {
    let Revision { head, head_tree, target_tip, commits, .. } = &change.revision;
    Ok(Step {
        from: *target_tip,
        commit: *head,
        tree: result_tree.unwrap_or(*head_tree),
        delta: manifest(repository, diff)?,
        commits: commits.clone(),
        link_targets: link_targets(repository, diff)?,
    })
}

/// Where symlinks among the touched paths point, before and after, as paths of the repository.
fn link_targets(repository: &Repository, diff: &Diff) -> Result<Vec<RepoPath>, GitError> {
    let mut targets = Vec::new();
    for file in &diff.files {
        for entry in [file.old, file.new].into_iter().flatten().filter(|entry| entry.mode == Mode::Symlink) {
            if let Content::Symlink(target) = content(repository, entry)? {
                targets.push(resolve(&file.path, &target));
            }
        }
    }
    Ok(targets)
}

/// A symlink's target relative to the root. One that leaves the repository stays as it is written.
fn resolve(link: &RepoPath, target: &[u8]) -> RepoPath {
    let mut parts: Vec<&[u8]> = link.0.split(|&b| b == b'/').collect();
    parts.pop();
    for part in target.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.pop().is_none() => return RepoPath(target.to_vec()),
            b".." => {}
            name => parts.push(name),
        }
    }
    RepoPath(parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symlink_reaches_where_it_points() {
        let at = |link: &str, target: &str| resolve(&link.into(), target.as_bytes()).to_string();
        assert_eq!(at("docs/x", "../envs/prod/main.tf"), "envs/prod/main.tf");
        assert_eq!(at("x", "./a/b"), "a/b");
        assert_eq!(at("x", "../../etc/passwd"), "../../etc/passwd");
    }
}
