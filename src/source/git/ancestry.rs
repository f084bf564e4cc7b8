//! How two commits diverged: their best common ancestors, and what each has beyond the other.
//!
//! An [`Ancestry`] reads each commit once, however many questions it answers. Where there are eighty release branches,
//! most of the history is walked for each of them, and to inflate, hash and parse a commit takes a hundred times as
//! long as to step over one that was read before.
//!
//! Whoever makes a commit chooses its date, so dates may only influence how far a walk goes, never what it answers.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

use super::{GitError, Repository, object_id, oid};
use crate::change::ObjectId;

/// The most common ancestors that are compared with each other. Nobody has that many who did not want to.
const MAX_COMPARED: usize = 32;
/// The most walks for one answer that each look for one commit. They end early, mostly; if more commits are doubtful,
/// their history is read to its end, once, as whoever arranges commits and dates can make each walk do.
const MAX_SEARCHES: usize = 3;
/// The most steps for one answer. In a history of a million commits, some five million are taken at worst.
const MAX_STEPS: usize = 10_000_000;
/// The most steps for all answers about one push, whose gate others wait for.
const MAX_STEPS_OF_PUSH: usize = 20_000_000;

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
    /// What the first commit has and the second has not, exactly: newest first, each before its parents.
    pub ahead: Vec<ObjectId>,
}

/// Commits by what their history is.
pub(super) struct Ancestry<'r> {
    repository: &'r Repository,
    at: HashMap<ObjectId, usize>,
    commits: Vec<Node>,
    /// The most steps for one answer, and those that are left for all.
    most: usize,
    left_of_all: usize,
    /// What this answer may take, and what is left of it.
    allowed: usize,
    left: usize,
    /// As [`MAX_SEARCHES`].
    searches: usize,
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
        let (at, commits, allowed, left) = Default::default();
        let (most, left_of_all, searches) = (MAX_STEPS, usize::MAX, MAX_SEARCHES);
        Ancestry { repository, at, commits, most, left_of_all, allowed, left, searches }
    }

    /// For the questions that one push raises: all answers together are limited too.
    pub fn of_push(repository: &'r Repository) -> Ancestry<'r> {
        Ancestry { left_of_all: MAX_STEPS_OF_PUSH, ..Ancestry::of(repository) }
    }

    /// The best common ancestors, as [`Divergence::bases`].
    ///
    /// # Errors
    /// A commit is missing; that does not apply to the commits that a shallow clone omits. Or it would take too long.
    pub fn bases(&mut self, one: ObjectId, other: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        self.bases_within(one, other, &mut self.most.clone())
    }

    /// As [`Ancestry::bases`], in at most some steps, of which those that were not needed are left. None are after an
    /// error.
    ///
    /// # Errors
    /// As for [`Ancestry::bases`].
    pub fn bases_within(
        &mut self,
        one: ObjectId,
        other: ObjectId,
        steps: &mut usize,
    ) -> Result<Vec<ObjectId>, GitError> {
        self.allow(std::mem::take(steps));
        let (one, other) = (self.position(one)?, self.position(other)?);
        let common = self.walked(&[one], &[other], Until::Settled)?.common();
        let bases = self.best(common)?;
        *steps = self.left;
        Ok(bases)
    }

    /// # Errors
    /// As for [`Ancestry::bases`].
    pub fn divergence(&mut self, one: ObjectId, other: ObjectId) -> Result<Divergence, GitError> {
        self.allow(self.most);
        let (one, other) = (self.position(one)?, self.position(other)?);
        let mut walk = self.walked(&[one], &[other], Until::Settled)?;
        let common = walk.common();
        let ahead = self.own(&mut walk)?;
        Ok(Divergence { bases: self.best(common)?, ahead: self.in_order(&ahead) })
    }

    /// What a commit has and none of the others has, as [`Divergence::ahead`].
    ///
    /// # Errors
    /// As for [`Ancestry::bases`].
    pub fn beyond(&mut self, others: &[ObjectId], one: ObjectId) -> Result<Vec<ObjectId>, GitError> {
        self.allow(self.most);
        let one = self.position(one)?;
        let others: Vec<usize> = others.iter().map(|id| self.position(*id)).collect::<Result<_, _>>()?;
        let mut walk = self.walked(&[one], &others, Until::Settled)?;
        let own = self.own(&mut walk)?;
        Ok(self.in_order(&own))
    }

    /// Whether a commit has another among its ancestors, or is that commit.
    ///
    /// # Errors
    /// As for [`Ancestry::bases`].
    pub fn holds(&mut self, of: ObjectId, commit: ObjectId) -> Result<bool, GitError> {
        self.holds_within(of, commit, &mut self.most.clone())
    }

    /// As [`Ancestry::holds`], in some steps, as for [`Ancestry::bases_within`].
    ///
    /// # Errors
    /// As for [`Ancestry::bases`].
    pub fn holds_within(&mut self, of: ObjectId, commit: ObjectId, steps: &mut usize) -> Result<bool, GitError> {
        if of == commit {
            return Ok(true);
        }
        self.allow(std::mem::take(steps));
        let (of, commit) = (self.position(of)?, self.position(commit)?);
        let is_held = self.held(commit, &[of])?.is_some();
        *steps = self.left;
        Ok(is_held)
    }

    /// The walk that found a commit below some others; none if it is not below them.
    ///
    /// Exact whatever the dates: what the walk leaves out is below a commit that both sides reach, so it is contained
    /// in the one that is looked for, which is not contained in itself.
    fn held(&mut self, commit: usize, by: &[usize]) -> Result<Option<Walk>, GitError> {
        let walk = self.walked(&[commit], by, Until::Held(commit))?;
        Ok((walk.flags[commit] & OTHER != 0).then_some(walk))
    }

    /// What only the first side of a walk has, for certain.
    ///
    /// When a walk ends, what it left out is below the commits in which the sides met. A commit that came up too early
    /// by its date looks like one side's own, and may be there, too. Whatever contains a commit that is not there is
    /// not there either, so those are looked for that have no parent among the side's own: mostly a single one.
    fn own(&mut self, walk: &mut Walk) -> Result<Vec<usize>, GitError> {
        let met = walk.common();
        let mut proven = HashSet::new();
        let mut searches = 0;
        loop {
            let own = walk.own();
            self.spend(own.len())?;
            let is_lowest = |at: &usize| !self.read(*at).iter().any(|parent| walk.is_own(*parent));
            let open: Vec<usize> = own.iter().copied().filter(|at| !proven.contains(at) && is_lowest(at)).collect();
            if open.is_empty() || met.is_empty() {
                return Ok(own);
            }
            searches += open.len();
            if searches > self.searches {
                let held = self.holders(&met)?;
                walk.learn(own.into_iter().filter(|at| held[*at] != 0));
                return Ok(walk.own());
            }
            for at in open {
                // One of the walks before may have come to it.
                if !walk.is_own(at) {
                    continue;
                }
                match self.held(at, &met)? {
                    None => _ = proven.insert(at),
                    Some(found) => walk.learn(found.of_other()),
                }
            }
        }
    }

    /// The commits that no other one of them contains.
    fn best(&mut self, common: Vec<usize>) -> Result<Vec<ObjectId>, GitError> {
        let mut best = Vec::new();
        if common.len() < 2 || common.len() > MAX_COMPARED {
            best = common;
        } else if common.len() > self.searches {
            let holders = self.holders(&common)?;
            best.extend(common.iter().enumerate().filter(|(nth, at)| holders[**at] == 1 << nth).map(|(_, at)| *at));
        } else {
            for &at in &common {
                let others: Vec<usize> = common.iter().copied().filter(|other| *other != at).collect();
                if self.held(at, &others)?.is_none() {
                    best.push(at);
                }
            }
        }
        Ok(best.into_iter().map(|at| self.commits[at].id).collect())
    }

    /// Which of some commits contain each commit or are it, by position and bit. If there are more commits than bits,
    /// the last bit stands for the rest.
    fn holders(&mut self, commits: &[usize]) -> Result<Vec<u32>, GitError> {
        let history = self.history(commits)?;
        let mut holders = vec![0; self.commits.len()];
        for (nth, at) in commits.iter().enumerate() {
            holders[*at] |= 1 << nth.min(31);
        }
        for at in history {
            for parent in self.read(at) {
                holders[*parent] |= holders[at];
            }
        }
        Ok(holders)
    }

    /// All that some commits contain, themselves too, each before its parents.
    fn history(&mut self, commits: &[usize]) -> Result<Vec<usize>, GitError> {
        let (mut seen, mut done) = (HashSet::new(), Vec::new());
        // A commit is met a second time when all of its history has been.
        let mut open: Vec<(usize, bool)> = commits.iter().map(|at| (*at, false)).collect();
        while let Some((at, is_done)) = open.pop() {
            if is_done {
                done.push(at);
            } else if seen.insert(at) {
                self.repository.deadline.check()?;
                let parents = self.parents(at)?;
                self.spend(1 + parents.len())?;
                open.push((at, true));
                open.extend(parents.iter().filter(|parent| !seen.contains(parent)).map(|parent| (*parent, false)));
            }
        }
        done.reverse();
        Ok(done)
    }

    /// Walks from both sides at once, newest first, until only commits below common ones are left.
    fn walked(&mut self, one: &[usize], other: &[usize], until: Until) -> Result<Walk, GitError> {
        let mut walk = Walk::new();
        one.iter().for_each(|at| walk.reach(*at, ONE, &self.commits));
        other.iter().for_each(|at| walk.reach(*at, OTHER, &self.commits));
        while walk.fresh > 0 && !matches!(until, Until::Held(at) if walk.flags[at] & OTHER != 0) {
            let Some(at) = walk.next() else { break };
            self.repository.deadline.check()?;
            self.spend(1)?;
            let passed_on = walk.look_at(at);
            for parent in self.parents(at)? {
                walk.reach(parent, passed_on, &self.commits);
            }
        }
        Ok(walk)
    }

    /// Newest first, except that no commit precedes one of its descendants. Of the same second, the one that comes up
    /// first comes first, whatever was asked before.
    fn in_order(&self, commits: &[usize]) -> Vec<ObjectId> {
        let mut children: HashMap<usize, usize> = commits.iter().map(|at| (*at, 0)).collect();
        for parent in commits.iter().flat_map(|at| self.read(*at)) {
            children.entry(*parent).and_modify(|children| *children += 1);
        }
        let (mut next, mut known) = (BinaryHeap::new(), 0);
        let mut add = |next: &mut BinaryHeap<_>, at: usize| {
            next.push((self.commits[at].time, Reverse(known), at));
            known += 1;
        };
        commits.iter().filter(|at| children[at] == 0).for_each(|at| add(&mut next, *at));
        let mut ordered = Vec::with_capacity(commits.len());
        while let Some((_, _, at)) = next.pop() {
            ordered.push(self.commits[at].id);
            for parent in self.read(at) {
                let Some(left) = children.get_mut(parent) else { continue };
                *left -= 1;
                if *left == 0 {
                    add(&mut next, *parent);
                }
            }
        }
        ordered
    }

    /// Begins an answer.
    fn allow(&mut self, steps: usize) {
        self.allowed = steps.min(self.most).min(self.left_of_all);
        self.left = self.allowed;
    }

    fn spend(&mut self, steps: usize) -> Result<(), GitError> {
        self.left = self.left.checked_sub(steps).ok_or_else(|| too_far(self.allowed))?;
        self.left_of_all -= steps;
        Ok(())
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

    /// The parents of a commit that a walk went past.
    fn read(&self, at: usize) -> &[usize] {
        match &self.commits[at].parents {
            Parents::Read(parents) => parents,
            Parents::Named(_) => &[],
        }
    }
}

fn too_far(most: usize) -> GitError {
    GitError::Limit(format!(
        "To tell the commits of this change from those that were there before, more than {most} steps through the \
         history are needed, and more are not taken. Rebase it onto its target, or merge fewer old branches at once."
    ))
}

/// How far to walk.
#[derive(Clone, Copy)]
enum Until {
    /// Until everything that is left is below a common commit.
    Settled,
    /// As above, or until the other side comes to this commit.
    Held(usize),
}

struct Walk {
    /// By position. Commits that the walk did not come to have none.
    flags: Vec<u8>,
    reached: Vec<usize>,
    queue: BinaryHeap<(i64, Reverse<usize>)>,
    /// How many queued commits are not stale.
    fresh: usize,
}

impl Walk {
    fn new() -> Walk {
        let (flags, reached) = Default::default();
        Walk { flags, reached, queue: BinaryHeap::new(), fresh: 0 }
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

    fn next(&mut self) -> Option<usize> {
        let (_, Reverse(at)) = self.queue.pop()?;
        self.flags[at] &= !QUEUED;
        self.fresh -= usize::from(self.flags[at] & STALE == 0);
        Some(at)
    }

    /// What its parents learn from a commit.
    fn look_at(&mut self, at: usize) -> u8 {
        let flags = self.flags[at] & (COMMON | STALE);
        if flags != COMMON {
            return flags;
        }
        self.flags[at] |= MET;
        flags | STALE
    }

    /// What was found to be below the commits in which the sides met.
    fn learn(&mut self, found: impl IntoIterator<Item = usize>) {
        for at in found {
            if self.is_own(at) {
                self.flags[at] |= OTHER;
            }
        }
    }

    fn is_own(&self, at: usize) -> bool {
        self.flags.get(at).is_some_and(|flags| flags & COMMON == ONE)
    }

    /// The commits that the other side came to.
    fn of_other(&self) -> impl Iterator<Item = usize> {
        self.reached.iter().copied().filter(|at| self.flags[*at] & OTHER != 0)
    }

    /// The commits that only the first side came to.
    fn own(&self) -> Vec<usize> {
        self.reached.iter().copied().filter(|at| self.is_own(*at)).collect()
    }

    /// Common ancestors that were not found through another one.
    fn common(&self) -> Vec<usize> {
        self.reached.iter().copied().filter(|at| self.flags[*at] & (MET | STALE) == MET).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Parents among the earlier commits, and clocks that may run backwards.
    type History = Vec<(Vec<usize>, i64)>;

    fn history() -> impl Strategy<Value = History> {
        let parents = prop_oneof![1 => Just(0), 6 => Just(1), 3 => Just(2), 1 => Just(3)]
            .prop_flat_map(|most| prop::collection::vec(any::<prop::sample::Index>(), most));
        let earlier = |(n, (parents, time)): (usize, (Vec<prop::sample::Index>, i64))| {
            let parents: BTreeSet<usize> = parents.iter().filter(|_| n > 0).map(|index| index.index(n)).collect();
            (parents.into_iter().collect(), time)
        };
        prop::collection::vec((parents, 0i64..40), 2..24)
            .prop_map(move |commits| commits.into_iter().enumerate().map(earlier).collect())
    }

    fn made(history: &History) -> (tempfile::TempDir, Repository, Vec<ObjectId>) {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init_bare(dir.path()).unwrap();
        let tree = raw.find_tree(raw.treebuilder(None).unwrap().write().unwrap()).unwrap();
        let mut ids: Vec<git2::Oid> = Vec::new();
        for (n, (parents, time)) in history.iter().enumerate() {
            let commits: Vec<git2::Commit<'_>> = parents.iter().map(|at| raw.find_commit(ids[*at]).unwrap()).collect();
            let who = git2::Signature::new("mina", "mina@example.com", &git2::Time::new(1_000 + time, 0)).unwrap();
            let commits: Vec<&git2::Commit<'_>> = commits.iter().collect();
            ids.push(raw.commit(None, &who, &who, &format!("commit {n}"), &tree, &commits).unwrap());
        }
        let repository = Repository::open(dir.path()).unwrap();
        (dir, repository, ids.into_iter().map(object_id).collect())
    }

    /// All that a commit contains, by the definition.
    fn contained(of: usize, history: &History) -> HashSet<usize> {
        let (mut found, mut open) = (HashSet::new(), vec![of]);
        while let Some(at) = open.pop() {
            if found.insert(at) {
                open.extend(&history[at].0);
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..Default::default() })]

        #[test]
        fn a_divergence_is_what_its_definition_says_whatever_the_clocks(
            history in history(),
            searches in prop_oneof![Just(0), Just(MAX_SEARCHES)],
        ) {
            let (_dir, repository, ids) = made(&history);
            let contained: Vec<HashSet<usize>> = (0..ids.len()).map(|at| contained(at, &history)).collect();
            // One for all pairs: what a question leaves behind must not change the answer to the next one.
            let mut ancestry = Ancestry { searches, ..Ancestry::of(&repository) };
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
                    prop_assert_eq!(ancestry.beyond(&[ids[other]], ids[one]).unwrap(), found.ahead.clone());
                    prop_assert_eq!(ancestry.holds(ids[one], ids[other]).unwrap(), contained[one].contains(&other));
                    prop_assert_eq!(
                        repository.is_descendant(ids[one], ids[other]),
                        contained[one].contains(&other)
                    );
                    let place = |at: usize| found.ahead.iter().position(|id| *id == ids[at]);
                    for (at, (of, _)) in history.iter().enumerate() {
                        let (Some(child), of) = (place(at), of.iter().filter_map(|parent| place(*parent))) else {
                            continue;
                        };
                        prop_assert!(of.into_iter().all(|parent| child < parent));
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..Default::default() })]

        #[test]
        fn the_commits_of_a_step_are_what_their_definition_says_whatever_the_clocks(
            history in history(),
            others in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        ) {
            let (_dir, repository, ids) = made(&history);
            let others: Vec<usize> = others.iter().map(|other| other.index(ids.len())).collect();
            let known: HashSet<usize> = others.iter().flat_map(|other| contained(*other, &history)).collect();
            let without: Vec<ObjectId> = others.iter().map(|other| ids[*other]).collect();
            for one in 0..ids.len() {
                let found = repository.commits_between(&without, ids[one]).unwrap();
                let own: HashSet<ObjectId> = (&contained(one, &history) - &known).iter().map(|at| ids[*at]).collect();
                prop_assert_eq!(found.len(), own.len());
                prop_assert_eq!(found.iter().map(|commit| commit.id).collect::<HashSet<_>>(), own);
            }
        }
    }

    /// A target that took in a commit and then a run of others that bear dates from before its root, and a branch that
    /// merges both the target and that commit again: the target's tip, the branch, and what only the branch has.
    fn merged_again(run: usize) -> (History, [usize; 2], Vec<usize>) {
        let mut history: History = vec![(vec![], 500), (vec![0], 600)];
        for _ in 0..run {
            history.push((vec![history.len() - 1], 0));
        }
        let target = history.len();
        history.push((vec![target - 1], 700));
        history.push((vec![target, 1], 800));
        history.push((vec![target + 1], 900));
        (history, [target, target + 2], vec![target + 2, target + 1])
    }

    #[test]
    fn what_the_target_has_is_not_a_branchs_own_however_many_old_dates_are_in_between() {
        for run in [0, 3, 8, 300, 2_000] {
            let (history, [target, branch], own) = merged_again(run);
            let (_dir, repository, ids) = made(&history);
            let own: Vec<ObjectId> = own.into_iter().map(|at| ids[at]).collect();
            let found = repository.commits_between(&[ids[target]], ids[branch]).unwrap();
            assert_eq!(found.iter().map(|commit| commit.id).collect::<Vec<_>>(), own, "{run}");
            let found = Ancestry::of(&repository).divergence(ids[branch], ids[target]).unwrap();
            assert_eq!(found, Divergence { bases: vec![ids[target]], ahead: own }, "{run}");
        }
    }

    #[test]
    fn an_answer_that_takes_too_many_steps_is_none_and_the_next_question_has_as_many() {
        let (history, [target, branch], own) = merged_again(100);
        let (_dir, repository, ids) = made(&history);
        let mut ancestry = Ancestry { most: 50, ..Ancestry::of(&repository) };
        let refused = ancestry.beyond(&[ids[target]], ids[branch]).unwrap_err();
        assert!(matches!(&refused, GitError::Limit(why) if why.contains("more than 50 steps")), "{refused}");
        assert_eq!(ancestry.beyond(&[ids[target]], ids[target + 1]).unwrap_err(), refused);
        assert_eq!(ancestry.beyond(&[ids[target + 1]], ids[branch]).unwrap(), [ids[own[0]]]);
    }

    #[test]
    fn all_answers_about_a_push_share_their_steps() {
        let (history, [target, branch], _) = merged_again(10);
        let (_dir, repository, ids) = made(&history);
        let mut ancestry = Ancestry { left_of_all: 200, ..Ancestry::of_push(&repository) };
        let answers = |ancestry: &mut Ancestry<'_>| ancestry.beyond(&[ids[target]], ids[branch]).is_ok();
        assert!(answers(&mut ancestry) && ancestry.left_of_all < 200);
        while answers(&mut ancestry) {}
        assert!(ancestry.left_of_all < 200);
        assert!(!answers(&mut ancestry), "none is left for the next one");
    }

    #[test]
    fn commits_that_pretend_to_be_old_cost_the_history_a_few_times_however_many_they_are() {
        let mut history: History =
            (0..1_000).map(|n: usize| (n.checked_sub(1).into_iter().collect(), 1 + n as i64)).collect();
        // Thirty roots as old as time, with and without a parent in the history, and two merges of all of them.
        for parents in [vec![999], vec![]] {
            let first = history.len();
            history.extend((0..30).map(|_| (parents.clone(), 0)));
            let roots: Vec<usize> = (first..first + 30).collect();
            history.extend([(roots.clone(), 2_000), (roots, 2_000)]);
        }
        let (_dir, repository, ids) = made(&history);
        let mut ancestry = Ancestry::of(&repository);
        assert_eq!(ancestry.bases(ids[1_030], ids[1_031]).unwrap().len(), 30);
        assert!(ancestry.allowed - ancestry.left < 5_000, "{}", ancestry.allowed - ancestry.left);
        assert_eq!(ancestry.beyond(&[ids[999]], ids[1_062]).unwrap().len(), 31);
        assert!(ancestry.allowed - ancestry.left < 5_000, "{}", ancestry.allowed - ancestry.left);
    }

    #[test]
    fn what_a_push_brings_costs_what_it_brings_however_long_the_history() {
        let mut history: History =
            (0..1_000).map(|n: usize| (n.checked_sub(1).into_iter().collect(), n as i64)).collect();
        // A branch of two commits, from ten commits back, and its merge.
        history.extend([(vec![989], 1_000), (vec![1_000], 1_001), (vec![999, 1_001], 1_002)]);
        let (_dir, repository, ids) = made(&history);
        let mut ancestry = Ancestry::of(&repository);
        assert_eq!(ancestry.beyond(&[ids[999]], ids[1_002]).unwrap(), [ids[1_002], ids[1_001], ids[1_000]]);
        assert!(ancestry.commits.len() < 20, "{}", ancestry.commits.len());
        assert!(ancestry.allowed - ancestry.left < 60, "{}", ancestry.allowed - ancestry.left);
    }
}
