//! What was decided in a repository: who signed, having seen what, and whether it landed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::RepositorySnapshot;
use crate::change::{ObjectId, address, counted, visible};
use crate::decision::Verdict;
use crate::gate::drill::DrillReport;
use crate::gate::{self, Receipts, Signer, Validity};
use crate::ledger::drills::AllDrills;
use crate::ledger::families::Keys;
use crate::record::statement::Coverage;
use crate::record::{Record, RecordId};
use crate::risk::masked;
use crate::source::git::{GitError, Landings, Repository};

/// The most decisions that are listed, of all repositories together.
pub const MOST: usize = 500;
/// The most drills of a repository that are listed.
const MOST_DRILLS: usize = 100;

/// A decision, and what came of it.
#[derive(Debug, Clone)]
pub struct Decided {
    pub record: Arc<Record>,
    pub repository: String,
    pub who: Signer,
    /// By the signer's clock, in seconds since the epoch.
    pub at: i64,
    /// Whether it counts; none if no policy says whose keys are whose.
    pub standing: Option<Validity>,
    /// Whether it is dated in the future.
    pub is_ahead: bool,
    /// What the queue called it; empty if its commits are not here.
    pub title: String,
    pub landed: Landed,
}

/// Whether what was decided on is in its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landed {
    /// The head is in the target; the commit by which it came.
    Merged(ObjectId),
    /// A commit of the target has the very tree that was to result.
    AsTree(ObjectId),
    /// It is not a branch's head any more, and not found in the target: it may have landed by other commits.
    NotFound,
    /// It was not found, and this clone has only the newest of the target.
    TooShallow,
    /// A change with this head is pending.
    Pending,
    /// It was for another ref than the target that is known here, or is of a verdict that lets nothing land.
    Unknown,
}

impl Landed {
    /// In words, with the name of the target.
    pub fn told(&self, target: &str) -> String {
        let target = visible::text(target.strip_prefix("refs/heads/").unwrap_or(target)).into_owned();
        match self {
            Landed::Merged(by) => format!("in {target} since {}", by.short()),
            Landed::AsTree(by) => format!("in {target} as {}", by.short()),
            Landed::NotFound => format!("not found in {target} as it was signed"),
            Landed::TooShallow => format!("not found: this clone has too little of {target} to say"),
            Landed::Pending => "pending".to_owned(),
            Landed::Unknown => String::new(),
        }
    }
}

/// Which decisions are listed, and in which order.
///
/// No number of records that do not count hides one that does: those by good keys of the roster come first, newest
/// first, and the others take what is left. A time in the future counts as now, so that nobody leads the list for
/// years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(bool, Reverse<i64>);

impl Rank {
    fn of(is_sure: bool, at: i64, now: i64) -> Rank {
        Rank(!is_sure, Reverse(at.min(now)))
    }
}

/// What was decided, as far as it is listed.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub decisions: Vec<Decided>,
    /// How many more there are.
    pub left_out: usize,
    /// Drills of emergencies, of changes and of commands, the newest first. Nothing was decided by any of them.
    pub drills: Vec<Drilled>,
}

/// A drill in its repository. Its texts are as they were signed.
#[derive(Debug, Clone)]
pub struct Drilled {
    pub repository: String,
    pub report: DrillReport,
}

impl History {
    /// Of several repositories: at most [`MOST`].
    pub fn joined(all: impl IntoIterator<Item = History>, now: i64) -> History {
        let mut joined = History::default();
        for own in all {
            joined.decisions.extend(own.decisions);
            joined.left_out += own.left_out;
            joined.drills.extend(own.drills);
        }
        joined.drills.sort_by_cached_key(|own| (Reverse(own.report.began), own.report.id.clone()));
        joined.decisions.sort_by_cached_key(|own| (Rank::of(own.is_sure(), own.at, now), own.record.verified.id()));
        joined.left_out += joined.decisions.len().saturating_sub(MOST);
        joined.decisions.truncate(MOST);
        joined
    }

    /// What is not listed, in words; empty if nothing.
    pub fn told_left_out(&self) -> String {
        match self.left_out {
            0 => String::new(),
            more => format!("{} more: those that do not count come last.", counted(more, "decision")),
        }
    }
}

/// The decisions of a repository; at most so many.
pub fn history(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    pending: &BTreeSet<ObjectId>,
    most: usize,
    now: i64,
) -> Result<History, GitError> {
    let standings = standings(snapshot, now);
    let records = snapshot.chains.iter().flat_map(|chain| &chain.records);
    let mut ranked: Vec<(Rank, RecordId, &Arc<Record>)> = records
        .map(|record| {
            let (id, at) = (record.verified.id(), record.predicate().issued_at.seconds());
            let is_sure = standings.get(&id).is_some_and(|validity| validity.is_of_its_signer());
            (Rank::of(is_sure, at, now), id, record)
        })
        .collect();
    ranked.sort_by_key(|(rank, id, _)| (*rank, *id));
    let left_out = ranked.len().saturating_sub(most);
    ranked.truncate(most);
    let landings = landings(repository, snapshot, &ranked.iter().map(|(_, _, record)| *record).collect::<Vec<_>>())?;
    let decided = ranked.into_iter().map(|(_, id, record)| {
        let predicate = record.predicate();
        let head: Option<ObjectId> = predicate.head.commit.parse().ok();
        Decided {
            repository: snapshot.name.clone(),
            who: Signer::of(snapshot.policy(), record),
            at: predicate.issued_at.seconds(),
            standing: standings.get(&id).copied(),
            is_ahead: gate::is_ahead(predicate, now),
            title: title(repository, predicate.base.commit.parse().ok(), head).unwrap_or_default(),
            landed: landed(repository, snapshot, record, head, &landings, pending),
            record: record.clone(),
        }
    });
    Ok(History { decisions: decided.collect(), left_out, drills: held(repository, snapshot, now) })
}

/// The newest drills of a repository; none if they cannot be read.
fn held(repository: &Repository, snapshot: &RepositorySnapshot, now: i64) -> Vec<Drilled> {
    let Some(policy) = snapshot.policy() else { return Vec::new() };
    let all = AllDrills::read(repository, true, &Keys::of(policy)).unwrap_or_default();
    let newest = all.reports(policy, policy, now).into_iter().take(MOST_DRILLS);
    newest.map(|report| Drilled { repository: snapshot.name.clone(), report }).collect()
}

/// By record: whether it counts.
fn standings(snapshot: &RepositorySnapshot, now: i64) -> BTreeMap<RecordId, Validity> {
    let Some(policy) = snapshot.policy() else { return BTreeMap::new() };
    let statuses = gate::record_statuses(policy, &snapshot.chains, &Receipts::claimed(&snapshot.chains), now);
    statuses.iter().map(|status| (status.record.verified.id(), status.validity)).collect()
}

fn landings(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    records: &[&Arc<Record>],
) -> Result<Landings, GitError> {
    let of_target = records.iter().map(|record| record.predicate());
    let of_target: Vec<_> = of_target.filter(|own| own.target.name == snapshot.target.name).collect();
    let heads = of_target.iter().filter_map(|own| own.head.commit.parse().ok()).collect();
    let trees = of_target.iter().filter_map(|own| own.result_tree.parse().ok()).collect();
    repository.landings(snapshot.target.tip, &heads, &trees)
}

fn landed(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    record: &Record,
    head: Option<ObjectId>,
    landings: &Landings,
    pending: &BTreeSet<ObjectId>,
) -> Landed {
    let predicate = record.predicate();
    let Some(head) = head.filter(|_| predicate.target.name == snapshot.target.name) else { return Landed::Unknown };
    let by_tree = || {
        // What the target had when it was signed is not a landing of it, as after a change that takes something back.
        let before: Option<Vec<ObjectId>> =
            [&predicate.target.tip, &predicate.base.commit].into_iter().map(|id| id.parse().ok()).collect();
        landings.as_tree(repository, predicate.result_tree.parse().ok()?, &before?)
    };
    if let Some(by) = landings.heads.get(&head) {
        return Landed::Merged(*by);
    }
    if pending.contains(&head) {
        return Landed::Pending;
    }
    match by_tree() {
        Some(by) => Landed::AsTree(by),
        None if matches!(predicate.verdict, Verdict::Withdraw | Verdict::HandOver) => Landed::Unknown,
        None if landings.is_shallow => Landed::TooShallow,
        None => Landed::NotFound,
    }
}

/// As the queue calls what was decided.
fn title(repository: &Repository, base: Option<ObjectId>, head: Option<ObjectId>) -> Option<String> {
    let title = repository.title_between(base?, head?).ok()?;
    Some(visible::text(&masked(&title)).into_owned())
}

impl Decided {
    /// What is to be said of the record itself wherever it is listed; empty for one that is as it should be.
    pub fn doubt(&self) -> String {
        let standing = match self.standing {
            Some(Validity::InForce) => None,
            Some(other) => Some(other.to_string()),
            None => Some("no policy says whose key that is".to_owned()),
        };
        let ahead = self.is_ahead.then(|| "dated in the future".to_owned());
        standing.into_iter().chain(ahead).collect::<Vec<_>>().join(", ")
    }

    /// Whether a good key of the person whom it names signed it, by the roster.
    pub fn is_sure(&self) -> bool {
        self.standing.is_some_and(Validity::is_of_its_signer)
    }

    /// What was on the signer's screen, as their program counted: `3 of 3 paths, 12 of 14 hunks (4 seen before)`.
    pub fn saw(&self) -> String {
        let coverage = &self.record.verified.statement().predicate.coverage;
        let Coverage { files, files_seen, hunks, hunks_seen, carried_over, .. } = coverage;
        let before = if carried_over.0 > 0 { format!(" ({} before)", carried_over.0) } else { String::new() };
        format!("{} of {} paths, {} of {} hunks{before}", files_seen.0, files.0, hunks_seen.0, hunks.0)
    }

    /// What the signer did not see, or could not; empty if nothing.
    pub fn left_unseen(&self) -> String {
        let predicate = &self.record.verified.statement().predicate;
        let coverage = &predicate.coverage;
        let count = |n: u64, what: &str| (n > 0).then(|| counted(usize::try_from(n).unwrap_or(usize::MAX), what));
        let (known, not) = coverage.omissions.iter().partition::<Vec<_>, _>(|one| !one.acknowledged.trim().is_empty());
        // One answer may be for several places, and the record counts what was found by these.
        let (answered, found) = (predicate.findings.answered.len(), predicate.findings.total.0);
        let parts = [
            count(coverage.files.0.saturating_sub(coverage.files_seen.0), "path"),
            count(coverage.hunks.0.saturating_sub(coverage.hunks_seen.0), "hunk"),
            count(known.len() as u64, "omission").map(|told| format!("{told} acknowledged")),
            count(not.len() as u64, "omission").map(|told| format!("{told} not acknowledged")),
            count(found, "place").filter(|_| found > predicate.findings.answered.len() as u64).map(|places| {
                match answered {
                    0 => format!("findings at {places} not answered"),
                    n => format!("{} answered of those at {places}", counted(n, "finding")),
                }
            }),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// The statement as it was signed, for people, and whether something is left out of it: a URL of an earlier version may
/// hold a secret.
pub fn statement_of(record: &Record) -> (String, bool) {
    let mut statement = record.verified.statement().clone();
    let uri = &mut statement.predicate.repository.uri;
    if !address::may_hold_secret(uri) {
        return (String::from_utf8_lossy(&record.verified.payload()).into_owned(), false);
    }
    *uri = address::without_user(uri);
    (String::from_utf8_lossy(&statement.encode()).into_owned(), true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_number_of_records_that_do_not_count_hides_one_that_does(
            all in prop::collection::vec((any::<bool>(), any::<i64>()), 0..60),
            most in 1usize..30,
            now: i64,
        ) {
            let mut listed: Vec<Rank> = all.iter().map(|(is_sure, at)| Rank::of(*is_sure, *at, now)).collect();
            listed.sort();
            listed.truncate(most);
            let sure = all.iter().filter(|(is_sure, _)| *is_sure).count();
            prop_assert_eq!(listed.iter().filter(|rank| !rank.0).count(), sure.min(most));
            // None leads by a time that is yet to come.
            let ahead = |rank: &&Rank| rank.1.0 > now;
            prop_assert_eq!(listed.iter().filter(ahead).count(), 0);
            let times: Vec<i64> = listed.iter().filter(|rank| !rank.0).map(|rank| rank.1.0).collect();
            prop_assert!(times.is_sorted_by(|a, b| a >= b));
        }
    }
}
