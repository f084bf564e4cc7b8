//! Which history counts as approved: what protected refs showed, and where judging a move may begin.
//! `docs/push-model.md` has the promises that these rules keep, and why each part is needed.

use std::collections::{BTreeSet, HashMap};

use super::outcome::{Code, Reason};
use super::{Lands, Merging, Step};
use crate::change::{Commit, ObjectId, RepoPath};

/// How many commits along first parents are walked to find where a move begins. If there are more, the move is not
/// judged.
pub const MAX_LINE: usize = 100_000;

/// Why objects could not be read. It makes a push undecidable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryError {
    /// There is more than may be read, or it took too long; otherwise an object is missing or damaged.
    pub is_limit: bool,
    /// The message for people.
    pub sentence: String,
}

impl From<HistoryError> for Reason {
    fn from(error: HistoryError) -> Reason {
        Reason::undecidable(if error.is_limit { Code::Limit } else { Code::Unreadable }, error.sentence)
    }
}

/// What only the commits and trees of a repository can say about a push.
///
/// # Errors
/// [`HistoryError`]
pub trait History {
    /// The commit that an id names, through tags; none if it is something else.
    fn commit_of(&self, id: ObjectId) -> Result<Option<ObjectId>, HistoryError>;

    /// The first parent. None for a root, and for a commit whose parents are cut off.
    fn first_parent(&self, commit: ObjectId) -> Result<Option<ObjectId>, HistoryError>;

    /// Whether the parents of a commit are hidden here, for example by a shallow file.
    fn is_cut(&self, commit: ObjectId) -> bool;

    /// Whether `commit` is `of` or one of its ancestors.
    fn is_ancestor(&self, commit: ObjectId, of: ObjectId) -> Result<bool, HistoryError>;

    /// Whether history of either side is hidden that is not contained in their one merge base: it may contain another
    /// one.
    fn is_cut_beside(&self, base: ObjectId, sides: [ObjectId; 2]) -> Result<bool, HistoryError>;

    /// The best common ancestors, all of them.
    fn merge_bases(&self, a: ObjectId, b: ObjectId) -> Result<Vec<ObjectId>, HistoryError>;

    /// What each step from `start` along `line` does; `line` is oldest first and ends at the tip.
    fn steps(&self, start: ObjectId, line: &[ObjectId]) -> Result<Vec<Step>, HistoryError>;

    /// A path that `side` changed since `base` and that is different in `end`; none if `end` has all of these changes.
    fn lacks(&self, base: ObjectId, side: ObjectId, end: ObjectId) -> Result<Option<RepoPath>, HistoryError>;

    /// What is between a proposal and its target.
    fn merging(&self, tip: ObjectId, head: ObjectId, lands: Lands) -> Result<Merging, HistoryError>;

    /// The commit with which the policy gave up this id of the repository; none if it never had it, as far as that is
    /// known. It explains, and decides nothing.
    fn id_given_up(&self, _id: &str) -> Option<ObjectId> {
        None
    }
}

/// Commits that protected refs showed, or passed through by approved segments, with those refs. Such a commit is a
/// **state**: one that is merely reachable is not. A hundred thousand states take some megabytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct States {
    /// By commit, the index of its refs in `sets`: nearly all have one ref, and there are few sets.
    of: HashMap<ObjectId, usize>,
    sets: Vec<BTreeSet<String>>,
    /// Everything that was allowed is here. Otherwise these are only the present commits of refs, and nothing is known
    /// about older ones.
    pub are_recorded: bool,
}

impl States {
    /// No states yet, and from now on all that are allowed.
    pub fn recorded() -> States {
        States { are_recorded: true, ..States::default() }
    }

    /// Adds a state; returns whether it is new.
    pub fn insert(&mut self, commit: ObjectId, name: &str) -> bool {
        if self.is_of(commit, name) {
            return false;
        }
        let mut refs: BTreeSet<String> = self.refs_of(commit).map(str::to_owned).collect();
        refs.insert(name.to_owned());
        // The newest is the most likely.
        let known = self.sets.iter().rposition(|set| *set == refs);
        let set = known.unwrap_or_else(|| {
            self.sets.push(refs);
            self.sets.len() - 1
        });
        self.of.insert(commit, set);
        true
    }

    /// Whether the ref of this full name showed the commit.
    pub fn is_of(&self, commit: ObjectId, name: &str) -> bool {
        self.set(commit).is_some_and(|refs| refs.contains(name))
    }

    /// Whether any protected ref showed the commit.
    pub fn contains(&self, commit: ObjectId) -> bool {
        self.of.contains_key(&commit)
    }

    /// The refs that showed a commit.
    pub fn refs_of(&self, commit: ObjectId) -> impl Iterator<Item = &str> {
        self.set(commit).into_iter().flatten().map(String::as_str)
    }

    fn set(&self, commit: ObjectId) -> Option<&BTreeSet<String>> {
        self.of.get(&commit).map(|&set| &self.sets[set])
    }

    /// How many commits are states.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// Whether no state is known: a gate without memory, or before its first push.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }
}

/// First parents from a tip down, read lazily.
pub(super) struct FirstParentLine<'h> {
    history: &'h dyn History,
    commits: Vec<ObjectId>,
    is_whole: bool,
}

impl<'h> FirstParentLine<'h> {
    pub fn new(history: &'h dyn History, tip: ObjectId) -> FirstParentLine<'h> {
        FirstParentLine { history, commits: vec![tip], is_whole: false }
    }

    /// The commit a number of steps below the tip; none below a root or a cut.
    fn get(&mut self, at: usize) -> Result<Option<ObjectId>, Reason> {
        while self.commits.len() <= at && !self.is_whole {
            if self.commits.len() > MAX_LINE {
                let detail = format!(
                    "Where it begins lies more than {MAX_LINE} commits below its tip, and so far back is not looked."
                );
                return Err(Reason::undecidable(Code::Limit, detail));
            }
            let below = self.commits[self.commits.len() - 1];
            match self.history.first_parent(below)? {
                Some(parent) => self.commits.push(parent),
                None => self.is_whole = true,
            }
        }
        Ok(self.commits.get(at).copied())
    }

    /// The first position from `at` on with a wanted commit.
    pub fn find(&mut self, mut at: usize, wanted: impl Fn(ObjectId) -> bool) -> Result<Option<usize>, Reason> {
        while let Some(commit) = self.get(at)? {
            if wanted(commit) {
                return Ok(Some(at));
            }
            at += 1;
        }
        Ok(None)
    }

    /// Whether it ends at a commit whose parents are hidden.
    pub fn ends_cut(&self) -> bool {
        self.is_whole && self.commits.last().is_some_and(|last| self.history.is_cut(*last))
    }

    /// What is between two positions, counted from the tip down: the commit at the lower one, and those above it up to
    /// the other, oldest first.
    pub fn between(&self, places: std::ops::Range<usize>) -> (ObjectId, Vec<ObjectId>) {
        (self.commits[places.end], self.commits[places].iter().rev().copied().collect())
    }
}

/// Whether a merge contains everything that one of its sides changed since it forked from the first parent. If that
/// cannot be determined, it does not.
pub(super) fn keeps_all(
    history: &dyn History,
    first: ObjectId,
    side: ObjectId,
    merge: ObjectId,
) -> Result<Result<(), Option<RepoPath>>, HistoryError> {
    let [base] = history.merge_bases(first, side)?[..] else { return Ok(Err(None)) };
    if history.is_cut_beside(base, [first, side])? {
        return Ok(Err(None));
    }
    Ok(history.lacks(base, side, merge)?.map_or(Ok(()), |path| Err(Some(path))))
}

/// The commits that are reachable from one of them, including itself.
pub(super) fn reached(commits: &[Commit], from: &str) -> BTreeSet<ObjectId> {
    let by_id: HashMap<ObjectId, &Commit> = commits.iter().map(|commit| (commit.id, commit)).collect();
    let Some(from) = from.parse::<ObjectId>().ok().filter(|from| by_id.contains_key(from)) else {
        return BTreeSet::new();
    };
    let (mut reached, mut todo) = (BTreeSet::from([from]), vec![from]);
    while let Some(commit) = todo.pop().and_then(|id| by_id.get(&id)) {
        todo.extend(commit.parents.iter().filter(|parent| by_id.contains_key(parent) && reached.insert(**parent)));
    }
    reached
}

/// Whether only `head` and its ancestors are brought in. `landing`, the commit that landed them, is not counted.
pub(super) fn brings_only(commits: &[Commit], head: &str, landing: Option<ObjectId>) -> bool {
    let reached = reached(commits, head);
    !reached.is_empty() && commits.iter().all(|commit| reached.contains(&commit.id) || Some(commit.id) == landing)
}
