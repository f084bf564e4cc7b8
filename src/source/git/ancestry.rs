//! How two commits diverged: their best common ancestors, and what each has beyond the other.
//!
//! An [`Ancestry`] reads each commit once, however many questions it answers. Where there are eighty release branches,
//! most of the history is walked for each of them, and to inflate, hash and parse a commit takes a hundred times as
//! long as to step over one that was read before.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::{GitError, Repository, object_id, oid};
use crate::change::ObjectId;

/// How many commits a walk for [`Divergence::ahead`] goes on after the last one that may matter by its date. Dates are
/// not always in order, and until the walk reaches a commit from both sides, it counts as one side's own. Git's own
/// walks allow for five.
const SLOP: usize = 256;

/// The most common ancestors that are compared with each other, which takes a walk for each. Nobody has that many who
/// did not want to.
const MAX_COMPARED: usize = 32;

/// What a walk knows of a commit. One that both sides reach is common; below a common one there is no other base.
const ONE: u8 = 1;
const OTHER: u8 = 2;
const COMMON: u8 = ONE | OTHER;
const STALE: u8 = 4;
/// Where the sides met.
const MET: u8 = 8;
const QUEUED: u8 = 16;

/// Where two commits diverged.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Divergence {
    /// The best common ancestors, exactly: none contains another. Of more than 32 that a walk meets, all are given.
    pub bases: Vec<ObjectId>,
    /// What the first commit has and the second has not, newest first, each before its parents. Where more than a few
    /// hundred commits in a row bear dates that are far too old, commits of both may be among them.
    pub ahead: Vec<ObjectId>,
    /// How many commits the second has and the first has not.
    pub behind: usize,
}

/// Commits by what their history is.
pub(super) struct Ancestry<'r> {
    repository: &'r Repository,
    at: HashMap<ObjectId, usize>,
    commits: Vec<Node>,
}

struct Node {
    id: ObjectId,
    /// By the committer's clock: a claim, which may only influence the order of a walk.
    time: i64,
    parents: Parents,
}

enum Parents {
    Named(Vec<ObjectId>),
    /// By position: they have been read too.
    Read(Box<[usize]>),
}

impl<'r> Ancestry<'r> {
    pub fn of(repository: &'r Repository) -> Ancestry<'r> {
        Ancestry { repository, at: HashMap::new(), commits: Vec::new() }
    }

    /// The best common ancestors, as [`Divergence::bases`].
    ///
    /// # Errors
    /// A commit is missing; that does not apply to the commits that a shallow clone omits.
    pub fn bases(&mut self, one: ObjectId, other: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        let (one, other) = (self.position(one)?, self.position(other)?);
        let common = self.walked(&[one], &[other], Until::Bases)?.common();
        self.best(common)
    }

    /// # Errors
    /// As for [`Ancestry::bases`].
    pub fn divergence(&mut self, one: ObjectId, other: ObjectId) -> Result<Divergence, GitError> {
        let (one, other) = (self.position(one)?, self.position(other)?);
        let walk = self.walked(&[one], &[other], Until::Sides)?;
        let (ahead, behind) = (walk.apart(ONE), walk.apart(OTHER).len());
        Ok(Divergence { bases: self.best(walk.common())?, ahead: self.in_order(&ahead), behind })
    }

    /// The commits that no other one of them contains.
    fn best(&mut self, common: Vec<usize>) -> Result<Vec<ObjectId>, GitError> {
        if common.len() > MAX_COMPARED {
            return Ok(common.into_iter().map(|at| self.commits[at].id).collect());
        }
        let mut best = Vec::new();
        for &at in &common {
            let others: Vec<usize> = common.iter().copied().filter(|other| *other != at).collect();
            if others.is_empty() || self.walked(&[at], &others, Until::Bases)?.flags[at] & OTHER == 0 {
                best.push(self.commits[at].id);
            }
        }
        Ok(best)
    }

    /// Walks from both sides at once, newest first, until only commits below common ones are left.
    fn walked(&mut self, one: &[usize], other: &[usize], until: Until) -> Result<Walk, GitError> {
        let mut walk = Walk::new();
        one.iter().for_each(|at| walk.reach(*at, ONE, &self.commits));
        other.iter().for_each(|at| walk.reach(*at, OTHER, &self.commits));
        let mut slop = if until == Until::Sides { SLOP } else { 0 };
        while let Some((time, at)) = walk.next() {
            let flags = walk.flags[at];
            let is_settled = walk.fresh == 0 && flags & STALE != 0;
            // A commit that is newer than one of a side's own may yet turn out to contain that one.
            if is_settled && (until == Until::Bases || time < walk.oldest_apart) {
                let Some(left) = slop.checked_sub(1) else { break };
                slop = left;
            }
            self.repository.deadline.check()?;
            let passed_on = walk.look_at(at, time);
            for parent in self.parents(at)? {
                walk.reach(parent, passed_on, &self.commits);
            }
        }
        Ok(walk)
    }

    /// Newest first, except that no commit precedes one of its descendants.
    fn in_order(&self, commits: &[usize]) -> Vec<ObjectId> {
        let mut children: HashMap<usize, usize> = commits.iter().map(|at| (*at, 0)).collect();
        let parents = |at: usize| match &self.commits[at].parents {
            Parents::Read(parents) => parents.iter(),
            Parents::Named(_) => [].iter(),
        };
        for parent in commits.iter().flat_map(|at| parents(*at)) {
            children.entry(*parent).and_modify(|children| *children += 1);
        }
        let key = |at: usize| (self.commits[at].time, Reverse(at));
        let mut next: BinaryHeap<_> = commits.iter().filter(|at| children[at] == 0).map(|at| key(*at)).collect();
        let mut ordered = Vec::with_capacity(commits.len());
        while let Some((_, Reverse(at))) = next.pop() {
            ordered.push(self.commits[at].id);
            for parent in parents(at) {
                let Some(left) = children.get_mut(parent) else { continue };
                *left -= 1;
                if *left == 0 {
                    next.push(key(*parent));
                }
            }
        }
        ordered
    }

    fn position(&mut self, id: ObjectId) -> Result<usize, GitError> {
        if let Some(&at) = self.at.get(&id) {
            return Ok(at);
        }
        // This also heeds the cut of a shallow clone.
        let commit = self.repository.raw.find_commit(oid(id))?;
        let parents = Parents::Named(commit.parent_ids().map(object_id).collect());
        let at = self.commits.len();
        self.commits.push(Node { id, time: commit.time().seconds(), parents });
        self.at.insert(id, at);
        Ok(at)
    }

    fn parents(&mut self, at: usize) -> Result<Box<[usize]>, GitError> {
        let ids = match &self.commits[at].parents {
            Parents::Read(parents) => return Ok(parents.clone()),
            Parents::Named(ids) => ids.clone(),
        };
        let parents: Box<[usize]> = ids.into_iter().map(|id| self.position(id)).collect::<Result<_, _>>()?;
        self.commits[at].parents = Parents::Read(parents.clone());
        Ok(parents)
    }
}

/// How far to walk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Bases,
    /// On, until what each side has is certain too.
    Sides,
}

struct Walk {
    /// By position. Commits that the walk did not come to have none.
    flags: Vec<u8>,
    reached: Vec<usize>,
    queue: BinaryHeap<(i64, Reverse<usize>)>,
    /// How many queued commits are not stale.
    fresh: usize,
    /// The time of the oldest commit that was one side's own when the walk came to it.
    oldest_apart: i64,
}

impl Walk {
    fn new() -> Walk {
        let (flags, reached) = Default::default();
        Walk { flags, reached, queue: BinaryHeap::new(), fresh: 0, oldest_apart: i64::MAX }
    }

    fn reach(&mut self, at: usize, paint: u8, commits: &[Node]) {
        if self.flags.len() <= at {
            self.flags.resize(commits.len(), 0);
        }
        let before = self.flags[at];
        if before & paint == paint {
            return;
        }
        if before == 0 {
            self.reached.push(at);
        }
        let now = before | paint | QUEUED;
        self.flags[at] = now;
        self.fresh -= usize::from(before & QUEUED != 0 && before & STALE == 0);
        self.fresh += usize::from(now & STALE == 0);
        if before & QUEUED == 0 {
            self.queue.push((commits[at].time, Reverse(at)));
        }
    }

    fn next(&mut self) -> Option<(i64, usize)> {
        let (time, Reverse(at)) = self.queue.pop()?;
        self.flags[at] &= !QUEUED;
        self.fresh -= usize::from(self.flags[at] & STALE == 0);
        Some((time, at))
    }

    /// What its parents learn from a commit.
    fn look_at(&mut self, at: usize, time: i64) -> u8 {
        let mut flags = self.flags[at] & (COMMON | STALE);
        if flags == COMMON {
            self.flags[at] |= MET;
            flags |= STALE;
        }
        if flags & STALE == 0 {
            self.oldest_apart = self.oldest_apart.min(time);
        }
        flags
    }

    /// The commits of one side alone.
    fn apart(&self, side: u8) -> Vec<usize> {
        self.reached.iter().copied().filter(|at| self.flags[*at] & COMMON == side).collect()
    }

    /// Common ancestors that were not found through another one.
    fn common(&self) -> Vec<usize> {
        self.reached.iter().copied().filter(|at| self.flags[*at] & (MET | STALE) == MET).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// Parents among the earlier commits, and clocks that may run backwards.
    type History = Vec<(Vec<prop::sample::Index>, i64)>;

    fn history() -> impl Strategy<Value = History> {
        let parents = prop_oneof![1 => Just(0), 6 => Just(1), 3 => Just(2), 1 => Just(3)]
            .prop_flat_map(|most| prop::collection::vec(any::<prop::sample::Index>(), most));
        prop::collection::vec((parents, 0i64..40), 2..24)
    }

    fn made(history: &History) -> (tempfile::TempDir, Repository, Vec<ObjectId>, Vec<Vec<usize>>) {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(dir.path()).unwrap();
        let tree = raw.find_tree(raw.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let (mut ids, mut all): (Vec<git2::Oid>, Vec<Vec<usize>>) = Default::default();
        for (n, (parents, time)) in history.iter().enumerate() {
            let mut parents: Vec<usize> = parents.iter().filter(|_| n > 0).map(|index| index.index(n)).collect();
            parents.sort_unstable();
            parents.dedup();
            let commits: Vec<git2::Commit<'_>> = parents.iter().map(|at| raw.find_commit(ids[*at]).unwrap()).collect();
            let who = git2::Signature::new("mina", "mina@example.com", &git2::Time::new(1_000 + time, 0)).unwrap();
            let commits: Vec<&git2::Commit<'_>> = commits.iter().collect();
            ids.push(raw.commit(None, &who, &who, &format!("commit {n}"), &tree, &commits).unwrap());
            all.push(parents);
        }
        let repository = Repository::open(dir.path()).unwrap();
        (dir, repository, ids.into_iter().map(object_id).collect(), all)
    }

    /// All that a commit contains, by the definition.
    fn contained(of: usize, parents: &[Vec<usize>]) -> HashSet<usize> {
        let (mut found, mut open) = (HashSet::new(), vec![of]);
        while let Some(at) = open.pop() {
            if found.insert(at) {
                open.extend(&parents[at]);
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..Default::default() })]

        #[test]
        fn a_divergence_is_what_its_definition_says_whatever_the_clocks(history in history()) {
            let (_dir, repository, ids, parents) = made(&history);
            let contained: Vec<HashSet<usize>> = (0..ids.len()).map(|at| contained(at, &parents)).collect();
            // One for all pairs: what a question leaves behind must not change the answer to the next one.
            let mut ancestry = Ancestry::of(&repository);
            for one in 0..ids.len() {
                for other in 0..ids.len() {
                    let found = ancestry.divergence(ids[one], ids[other]).unwrap();
                    let common: HashSet<usize> = &contained[one] & &contained[other];
                    let is_best = |at: &&usize| !common.iter().any(|by| by != *at && contained[*by].contains(at));
                    let best: HashSet<ObjectId> = common.iter().filter(is_best).map(|at| ids[*at]).collect();
                    prop_assert_eq!(found.bases.iter().copied().collect::<HashSet<_>>(), best);
                    prop_assert_eq!(ancestry.bases(ids[one], ids[other]).unwrap(), found.bases);
                    let own: HashSet<ObjectId> = (&contained[one] - &common).iter().map(|at| ids[*at]).collect();
                    prop_assert_eq!(found.ahead.iter().copied().collect::<HashSet<_>>(), own);
                    prop_assert_eq!(found.behind, (&contained[other] - &common).len());
                    let place = |at: usize| found.ahead.iter().position(|id| *id == ids[at]);
                    for (at, of) in parents.iter().enumerate() {
                        let (Some(child), of) = (place(at), of.iter().filter_map(|parent| place(*parent))) else {
                            continue;
                        };
                        prop_assert!(of.into_iter().all(|parent| child < parent));
                    }
                }
            }
        }
    }
}
