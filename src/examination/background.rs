//! What the history of the target says about pending changes, and how often each rule fires in it: read while the queue
//! is shown, and kept. Kept by commit, so that only newly landed ones are read the next time; and by change, for the
//! list.
//!
//! It orders a list and shows how rare a finding is. Nothing that is signed or let through is based on it.

use std::sync::Arc;

use super::landed::{self, LeftOut};
use super::{Examination, RepositorySnapshot};
use crate::cache::{self, Cache, Caches};
use crate::change::digest::Digest;
use crate::change::{Change, ObjectId, counted};
use crate::risk::{History, Look, MAX_COMMITS, MAX_RATED, PastChange, Rates, Rules, Signs};
use crate::source::git::{CommitSelection, GitError, Repository};

/// Commits between two progress reports.
const STEP: usize = 100;

/// What history says about a change; both as of an earlier tip of the target, which may have moved since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Background {
    pub look: Look,
    /// None while they are still being counted.
    pub rates: Option<Arc<Rates>>,
}

impl Background {
    /// A clause: what it is based on.
    pub fn said(&self) -> String {
        let commits = counted(self.look.commits as usize, "commit");
        if self.look.speaks() {
            return format!("by the history of {commits}");
        }
        format!("history is {commits} long, too short to count")
    }
}

/// The progress of the reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub what: &'static str,
    pub done: usize,
    pub total: usize,
}

impl Examination {
    /// Adds what is kept about the history of the target.
    pub fn with_background(mut self, change: &Change, rules: &Rules, cache: &Cache) -> Examination {
        self.background = kept(change, rules, cache);
        if let Some(Background { look, rates }) = &self.background {
            self.assessment = self.assessment.reckoned(Some(look), rates.as_deref());
        }
        self
    }
}

fn look_key(change: &Change) -> Digest {
    let revision = &change.revision;
    cache::key(
        "look",
        &[revision.base, revision.base_tree, revision.head, revision.head_tree].each_ref().map(|id| &id.0[..]),
    )
}

fn rates_key(rules: &Rules) -> Digest {
    cache::key("rates", &[&rules.digest().0])
}

/// How often rules fire here, as far as it was read.
pub fn kept_rates(rules: &Rules, cache: &Cache) -> Option<Rates> {
    cache.get::<(ObjectId, Rates)>(&rates_key(rules)).map(|(_, rates)| rates)
}

/// What is kept about the history of a change.
pub fn kept(change: &Change, rules: &Rules, cache: &Cache) -> Option<Background> {
    let (_, look): (ObjectId, Look) = cache.get(&look_key(change))?;
    Some(Background { look, rates: kept_rates(rules, cache).map(Arc::new) })
}

/// Reads the parts of a target's history that are not kept yet, for these changes; returns whether anything is new.
/// First what landed, which takes seconds, then how often each rule fires, which takes minutes the first time; `tell`
/// receives the progress.
///
/// # Errors
/// The history cannot be walked.
pub fn learn(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    changes: &[Arc<Change>],
    caches: &Caches,
    tell: &mut dyn FnMut(Progress),
) -> Result<bool, GitError> {
    let rules = snapshot.rules();
    let tip = snapshot.target.tip;
    let (answers, commits) = (caches.of(repository.common_dir()), caches.history_of(repository.common_dir()));
    let is_current = |change: &&Arc<Change>| {
        answers.get::<(ObjectId, Look)>(&look_key(change)).is_some_and(|(known, _)| known == tip)
    };
    let (mut is_new, missing): (bool, Vec<_>) = (false, changes.iter().filter(|change| !is_current(change)).collect());
    if !missing.is_empty() {
        let history = history(repository, tip, &commits, caches, tell)?;
        for change in missing {
            let look = history.look(&proposed(repository, snapshot, change)?);
            answers.put(look_key(change), &(tip, look));
        }
        is_new = true;
    }
    let known: Option<(ObjectId, Rates)> = answers.get(&rates_key(rules));
    if known.is_none_or(|(known, _)| known != tip) {
        let rates = rates(repository, rules, tip, &commits, caches, tell)?;
        answers.put(rates_key(rules), &(tip, rates));
        is_new = true;
    }
    caches.write();
    Ok(is_new)
}

/// A pending change, in the form in which the history records changes.
fn proposed(repository: &Repository, snapshot: &RepositorySnapshot, change: &Change) -> Result<PastChange, GitError> {
    let commits = &change.revision.commits;
    let diff = super::diff(repository, snapshot, change)?;
    Ok(PastChange {
        id: change.revision.head,
        time: commits.first().map_or(0, |commit| commit.time),
        author: commits.last().map_or(0, |commit| PastChange::author(&commit.author.email)),
        signs: Signs::of_all(commits.iter().map(|commit| commit.message.as_str())),
        paths: diff.files.into_iter().map(|file| (file.path, file.from)).collect(),
    })
}

fn history(
    repository: &Repository,
    tip: ObjectId,
    cache: &Cache,
    caches: &Caches,
    tell: &mut dyn FnMut(Progress),
) -> Result<History, GitError> {
    let commits = repository.past(tip, None, CommitSelection::Written, MAX_COMMITS)?;
    let mut history = History::default();
    let mut past = landed::Past::of(repository)?;
    for (done, id) in commits.iter().rev().enumerate() {
        let key = cache::key("past", &[&id.0]);
        let known = cache.get(&key).or_else(|| past.change(*id).inspect(|found| cache.put(key, found)));
        known.iter().for_each(|change| history.take(change));
        step(done, Progress { what: "commits read", done, total: commits.len() }, caches, tell);
    }
    Ok(history)
}

fn rates(
    repository: &Repository,
    rules: &Rules,
    tip: ObjectId,
    cache: &Cache,
    caches: &Caches,
    tell: &mut dyn FnMut(Progress),
) -> Result<Rates, GitError> {
    let commits = repository.past(tip, None, CommitSelection::Written, MAX_RATED)?;
    let mut rates = Rates::default();
    let mut past = landed::Past::of(repository)?;
    for (done, id) in commits.iter().enumerate() {
        let key = cache::key("fired", &[&rules.digest().0, &id.0]);
        let fired: Option<Vec<String>> = cache.get(&key).or_else(|| {
            let (fired, left_out) = past.fired(*id, rules)?;
            // Objects missing now may be here later.
            if left_out == LeftOut::default() {
                cache.put(key, &fired);
            }
            Some(fired)
        });
        fired.iter().for_each(|fired| rates.take(fired.iter().map(String::as_str)));
        step(done, Progress { what: "commits assessed", done, total: commits.len() }, caches, tell);
    }
    Ok(rates)
}

fn step(done: usize, progress: Progress, caches: &Caches, tell: &mut dyn FnMut(Progress)) {
    if done.is_multiple_of(STEP) {
        tell(progress);
        caches.write_now_and_then();
    }
}
