//! Branches as most are: a few commits in sequence, on one of the newest commits of the target. Their base is known
//! without a walk of its own. A walk would visit everything that has reached the target since, again for each branch.
//! So are branches on top of one that is known, as those of a stack are.

use super::shared::{Shared, Straight};
use super::{GitError, Repository};
use crate::change::ObjectId;

/// The most commits of such a branch, and bytes of their messages.
const MAX_COMMITS: usize = 64;
const MAX_MESSAGES: usize = 1 << 20;

impl Repository {
    /// What a branch adds to a target, if it can be found in this way; none says nothing about the branch.
    ///
    /// Exact, not a guess by dates: each commit of the branch has one parent, so everything else that the branch
    /// contains is contained in the base. If the target contained one of its commits, that commit would be new there
    /// since the base, as it descends from the base; but everything new there since the base is on the line, and the
    /// commit is not. On top of another branch, its commits descend from one that the target does not contain.
    ///
    /// # Errors
    /// The target cannot be read.
    pub(super) fn straight(
        &self,
        tip: ObjectId,
        target: ObjectId,
        shared: &mut Shared<'_>,
    ) -> Result<Option<Straight>, GitError> {
        // Behind the cut there may be other ancestors.
        if self.is_shallow() {
            return Ok(None);
        }
        let line = self.line(target)?;
        let (mut base, mut commits, mut bytes) = (tip, Vec::new(), 0);
        while !line.holds(base) {
            if let Some(lower) = shared.branch(base) {
                bytes += lower.commits.iter().map(|commit| commit.message.len()).sum::<usize>();
                if commits.len() + lower.commits.len() > super::MAX_COMMITS || bytes > super::MAX_MESSAGES {
                    return Ok(None);
                }
                commits.extend(lower.commits.iter().cloned());
                return Ok(Some(Straight { base: lower.base, commits }));
            }
            // Errors of reading are reported by the code that walks to it.
            let Ok(commit) = shared.commit(base) else { return Ok(None) };
            let [parent] = commit.parents[..] else { return Ok(None) };
            bytes += commit.message.len();
            if commits.len() == MAX_COMMITS || bytes > MAX_MESSAGES {
                return Ok(None);
            }
            commits.push(commit);
            base = parent;
        }
        Ok(line.held_by(base).is_all_known.then_some(Straight { base, commits }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::source::git::object_id;

    /// Commits with any parents among the earlier ones, and with clocks that run backwards.
    fn history() -> impl Strategy<Value = Vec<(Vec<prop::sample::Index>, i64)>> {
        let parents = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
        let likely = prop_oneof![1 => parents, 6 => prop::collection::vec(any::<prop::sample::Index>(), 1..2)];
        prop::collection::vec((likely, 0i64..40), 2..16)
    }

    fn made(history: &[(Vec<prop::sample::Index>, i64)]) -> (tempfile::TempDir, Repository, Vec<ObjectId>) {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(dir.path()).unwrap();
        let tree = raw.find_tree(raw.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let mut ids: Vec<git2::Oid> = Vec::new();
        for (n, (parents, time)) in history.iter().enumerate() {
            let mut parents: Vec<git2::Oid> = match ids.is_empty() {
                true => Vec::new(),
                false => parents.iter().map(|parent| ids[parent.index(ids.len())]).collect(),
            };
            parents.dedup();
            let parents: Vec<git2::Commit<'_>> = parents.iter().map(|id| raw.find_commit(*id).unwrap()).collect();
            let who = git2::Signature::new("mina", "mina@example.com", &git2::Time::new(1_000 + time, 0)).unwrap();
            let parents: Vec<&git2::Commit<'_>> = parents.iter().collect();
            ids.push(raw.commit(None, &who, &who, &format!("commit {n}"), &tree, &parents).unwrap());
        }
        let repository = Repository::open(dir.path()).unwrap();
        (dir, repository, ids.into_iter().map(object_id).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..Default::default() })]

        #[test]
        fn what_is_said_without_a_walk_is_what_a_walk_says(history in history()) {
            let (_dir, repository, ids) = made(&history);
            for &target in &ids {
                // One knows of nothing, the other of each branch that was asked for before, as it is walked.
                let shared = &mut Shared::of(&repository);
                for &tip in &ids {
                    let (bases, walked) = (repository.bases(tip, target).unwrap(), |base| {
                        let all = repository.commits_between(&[base, target], tip).unwrap();
                        all.into_iter().map(Arc::new).collect::<Vec<_>>()
                    });
                    for shared in [&mut Shared::of(&repository), &mut *shared] {
                        let Some(straight) = repository.straight(tip, target, shared).unwrap() else { continue };
                        prop_assert_eq!(&bases, &vec![straight.base]);
                        prop_assert_eq!(&straight.commits, &walked(straight.base));
                    }
                    if let [base] = bases[..] {
                        let commits = walked(base);
                        if !commits.is_empty() {
                            shared.found(tip, &Straight { base, commits });
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_plain_branch_is_straight_and_a_merge_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(dir.path()).unwrap();
        let tree = raw.find_tree(raw.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let who = git2::Signature::new("mina", "mina@example.com", &git2::Time::new(1_000, 0)).unwrap();
        let commit = |text: &str, parents: &[git2::Oid]| {
            let parents: Vec<_> = parents.iter().map(|id| raw.find_commit(*id).unwrap()).collect();
            let parents: Vec<_> = parents.iter().collect();
            raw.commit(None, &who, &who, text, &tree, &parents).unwrap()
        };
        let root = commit("root", &[]);
        let main = commit("main", &[root]);
        let one = commit("one", &[root]);
        let two = commit("two", &[one]);
        let merged = commit("merged", &[two, main]);
        let repository = Repository::open(dir.path()).unwrap();
        let straight =
            |tip| repository.straight(object_id(tip), object_id(main), &mut Shared::of(&repository)).unwrap();
        let found = straight(two).unwrap();
        assert_eq!((found.base, found.commits.len()), (object_id(root), 2));
        assert!(straight(merged).is_none());
        assert!(straight(root).unwrap().commits.is_empty());
    }
}
