//! Where heads came into a branch: of many at once, by one walk.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use git2::Oid;

use super::{GitError, Repository, object_id, oid};
use crate::change::ObjectId;

/// The most commits that are walked, newest first.
const MAX_WALK: usize = 20_000;

/// What was found in a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Landings {
    /// By head: the commit on the branch's first-parent line by which it came, the head itself if it is there.
    pub heads: BTreeMap<ObjectId, ObjectId>,
    /// By tree: the oldest commit on that line that has it.
    pub trees: BTreeMap<ObjectId, ObjectId>,
}

impl Repository {
    /// Where these heads and trees are among the newest commits of a branch.
    pub fn landings(
        &self,
        tip: ObjectId,
        heads: &BTreeSet<ObjectId>,
        trees: &BTreeSet<ObjectId>,
    ) -> Result<Landings, GitError> {
        let mut found = Landings::default();
        if heads.is_empty() && trees.is_empty() {
            return Ok(found);
        }
        let newest = self.newest_of(oid(tip))?;
        // By commit: its position on the line, counted from the tip, or that of the oldest commit of it that brought
        // it.
        let mut place: HashMap<Oid, usize> = HashMap::from([(oid(tip), 0)]);
        let (mut line, mut next) = (Vec::new(), Some(oid(tip)));
        for id in children_first(oid(tip), &newest) {
            let Some(commit) = newest.get(&id) else { continue };
            if next == Some(id) {
                place.insert(id, line.len());
                line.push(object_id(id));
                next = commit.parents.first().copied();
                let tree = object_id(commit.tree);
                if trees.contains(&tree) {
                    found.trees.insert(tree, object_id(id));
                }
            }
            let own = place.get(&id).copied().unwrap_or_default();
            for parent in &commit.parents {
                let known = place.entry(*parent).or_insert(own);
                *known = own.max(*known);
            }
            if heads.contains(&object_id(id))
                && let Some(by) = line.get(own)
            {
                found.heads.insert(object_id(id), *by);
            }
        }
        Ok(found)
    }

    /// The newest commits that a tip contains. Not git's walk by time: that reads all of the history first, and sorts
    /// commits of the same second in any order.
    fn newest_of(&self, tip: Oid) -> Result<HashMap<Oid, Read>, GitError> {
        let mut newest = HashMap::new();
        let mut ahead = BinaryHeap::from([(self.raw.find_commit(tip)?.time().seconds(), tip)]);
        while let Some((_, id)) = ahead.pop() {
            if newest.len() == MAX_WALK {
                break;
            }
            if newest.contains_key(&id) {
                continue;
            }
            // A shallow clone ends somewhere.
            let Ok(commit) = self.raw.find_commit(id) else { continue };
            let parents: Vec<Oid> = commit.parent_ids().collect();
            for parent in parents.iter().filter(|parent| !newest.contains_key(*parent)) {
                ahead.extend(self.raw.find_commit(*parent).ok().map(|found| (found.time().seconds(), *parent)));
            }
            newest.insert(id, Read { parents, tree: commit.tree_id() });
        }
        Ok(newest)
    }
}

struct Read {
    parents: Vec<Oid>,
    tree: Oid,
}

/// Each commit after all of its children.
fn children_first(tip: Oid, commits: &HashMap<Oid, Read>) -> Vec<Oid> {
    let mut children: HashMap<Oid, usize> = HashMap::new();
    for parent in commits.values().flat_map(|commit| &commit.parents) {
        *children.entry(*parent).or_default() += 1;
    }
    let (mut order, mut ready) = (Vec::with_capacity(commits.len()), vec![tip]);
    while let Some(id) = ready.pop() {
        order.push(id);
        for parent in commits.get(&id).map(|commit| &commit.parents[..]).unwrap_or_default() {
            let left = children.entry(*parent).or_default();
            *left = left.saturating_sub(1);
            if *left == 0 {
                ready.push(*parent);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A commit with this file in its tree, on these parents; all at the same second.
    fn commit(raw: &git2::Repository, text: &str, parents: &[Oid]) -> Oid {
        let blob = raw.blob(text.as_bytes()).unwrap();
        let mut builder = raw.treebuilder(None).unwrap();
        builder.insert("f", blob, 0o100_644).unwrap();
        let tree = raw.find_tree(builder.write().unwrap()).unwrap();
        let who = git2::Signature::new("a", "a@b.c", &git2::Time::new(1_790_000_000, 0)).unwrap();
        let parents: Vec<_> = parents.iter().map(|id| raw.find_commit(*id).unwrap()).collect();
        raw.commit(None, &who, &who, text, &tree, &parents.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_head_is_found_where_it_came_and_a_tree_where_it_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        let base = commit(&raw, "base", &[]);
        let work = commit(&raw, "work", &[base]);
        let other = commit(&raw, "other", &[base]);
        let merge = commit(&raw, "work", &[base, work]);
        // It contains what the merge brought already.
        let update = commit(&raw, "late", &[other, merge]);
        let squash = commit(&raw, "squash", &[merge]);
        let tip = commit(&raw, "late", &[squash, update]);
        let repository = Repository::open(dir.path()).unwrap();
        let ids = |ids: &[Oid]| ids.iter().map(|id| object_id(*id)).collect::<BTreeSet<_>>();
        let tree = |id: Oid| raw.find_commit(id).unwrap().tree_id();
        let trees = ids(&[tree(squash), tree(other)]);
        let found = repository.landings(object_id(tip), &ids(&[work, other, update, squash, base]), &trees).unwrap();
        let pair = |a: Oid, b: Oid| (object_id(a), object_id(b));
        let heads = [pair(work, merge), pair(other, tip), pair(update, tip), pair(squash, squash), pair(base, base)];
        assert_eq!(found.heads, heads.into_iter().collect());
        assert_eq!(found.trees, [pair(tree(squash), squash)].into_iter().collect());
    }
}
