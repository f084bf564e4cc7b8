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
    /// By tree: the commits on that line that have it, by their places, newest first.
    trees: BTreeMap<ObjectId, Vec<(usize, ObjectId)>>,
    /// The places of the commits on that line, counted from the tip.
    line: HashMap<ObjectId, usize>,
    /// Whether this clone ends before the branch does.
    pub is_shallow: bool,
}

impl Landings {
    /// The oldest commit on the line that has a tree, of those that none of these commits contains; none if one of
    /// these is not here to say.
    pub fn as_tree(&self, repository: &Repository, tree: ObjectId, before: &[ObjectId]) -> Option<ObjectId> {
        let having = self.trees.get(&tree)?;
        let mut new = having.len();
        for known in before {
            // What contains a commit of the line contains all that are older.
            new = new.min(match self.line.get(known) {
                Some(own) => having.partition_point(|(place, _)| place < own),
                None => {
                    repository.raw.find_commit(oid(*known)).ok()?;
                    let has = |id: ObjectId| repository.raw.graph_descendant_of(oid(*known), oid(id)).unwrap_or(true);
                    having.partition_point(|(_, id)| !has(*id))
                }
            });
        }
        having[..new].last().map(|(_, id)| *id)
    }
}

impl Repository {
    /// Where these heads and trees are among the newest commits of a branch.
    pub fn landings(
        &self,
        tip: ObjectId,
        heads: &BTreeSet<ObjectId>,
        trees: &BTreeSet<ObjectId>,
    ) -> Result<Landings, GitError> {
        let mut found = Landings { is_shallow: self.is_shallow(), ..Landings::default() };
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
                    found.trees.entry(tree).or_default().push((line.len() - 1, object_id(id)));
                }
                found.line.insert(object_id(id), line.len() - 1);
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
    use proptest::prelude::*;

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
        let as_tree = |id: Oid, before: &[Oid]| {
            let before: Vec<_> = before.iter().map(|id| object_id(*id)).collect();
            found.as_tree(&repository, object_id(tree(id)), &before).map(oid)
        };
        assert_eq!([as_tree(squash, &[base]), as_tree(other, &[base])], [Some(squash), None]);
        // Neither on the line nor off it may what was there before count.
        assert_eq!(
            [as_tree(squash, &[squash]), as_tree(squash, &[tip]), as_tree(squash, &[update])],
            [None, None, Some(squash)]
        );
        let beside = commit(&raw, "beside", &[squash]);
        assert_eq!([as_tree(squash, &[beside]), as_tree(squash, &[base, beside])], [None; 2]);
        assert_eq!(as_tree(squash, &[oid("9".repeat(40).parse().unwrap())]), None);
    }

    proptest! {
        /// By the definition: the oldest commit of the line with the tree that no commit of `before` contains.
        #[test]
        fn what_a_change_was_signed_on_is_no_landing_of_it(texts in prop::collection::vec(0u8..3, 1..9), forks in prop::collection::vec((0usize..9, 0u8..3), 0..3)) {
            let dir = tempfile::tempdir().unwrap();
            let raw = git2::Repository::init(dir.path()).unwrap();
            let mut line: Vec<Oid> = Vec::new();
            for text in &texts {
                let parents: Vec<Oid> = line.last().copied().into_iter().collect();
                line.push(commit(&raw, &text.to_string(), &parents));
            }
            let side = forks.iter().map(|(at, text)| commit(&raw, &text.to_string(), &[line[at % line.len()]]));
            let all: Vec<Oid> = line.iter().copied().chain(side.collect::<Vec<_>>()).collect();
            let tree = |id: Oid| object_id(raw.find_commit(id).unwrap().tree_id());
            let trees = all.iter().map(|id| tree(*id)).collect();
            let repository = Repository::open(dir.path()).unwrap();
            let found = repository.landings(object_id(*line.last().unwrap()), &BTreeSet::new(), &trees).unwrap();
            for before in &all {
                for of in &all {
                    let has = |id: Oid| id == *before || raw.graph_descendant_of(*before, id).unwrap();
                    let wanted = line.iter().find(|id| tree(**id) == tree(*of) && !has(**id)).copied();
                    prop_assert_eq!(found.as_tree(&repository, tree(*of), &[object_id(*before)]).map(oid), wanted);
                }
            }
        }
    }
}
