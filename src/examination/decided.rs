//! What was decided in a repository: who signed, having seen what, and whether it landed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::RepositorySnapshot;
use crate::change::{ObjectId, address, counted, visible};
use crate::decision::Verdict;
use crate::gate::{self, Receipts};
use crate::record::Record;
use crate::record::statement::Coverage;
use crate::source::git::{GitError, Landings, Repository};

/// The most decisions that are listed, of all repositories together.
pub const MOST: usize = 500;

/// A decision, and what came of it.
#[derive(Debug, Clone)]
pub struct Decided {
    pub record: Arc<Record>,
    pub repository: String,
    /// The person to whom the key belongs, or what the record claims.
    pub who: String,
    /// By the signer's clock, in seconds since the epoch.
    pub at: i64,
    /// Whether it counts, in words; empty if no policy says whose keys are whose.
    pub standing: String,
    /// The first line of the message of the head; empty if that is not here.
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
    /// It is no branch's head any more, and not found in the target: it may have landed by other commits.
    NotFound,
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
            Landed::Pending => "pending".to_owned(),
            Landed::Unknown => String::new(),
        }
    }
}

/// The newest decisions of a repository, newest first; at most so many.
pub fn history(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    pending: &BTreeSet<ObjectId>,
    most: usize,
    now: i64,
) -> Result<Vec<Decided>, GitError> {
    let mut records: Vec<&Arc<Record>> = snapshot.chains.iter().flat_map(|chain| &chain.records).collect();
    records.sort_by_key(|record| {
        (std::cmp::Reverse(record.verified.statement().predicate.issued_at), record.verified.id())
    });
    records.truncate(most);
    let standings = standings(snapshot, now);
    let landings = landings(repository, snapshot, &records)?;
    let decided = records.into_iter().map(|record| {
        let predicate = &record.verified.statement().predicate;
        let head: Option<ObjectId> = predicate.head.commit.parse().ok();
        let (who, standing) = standings.get(&record.verified.id().to_string()).cloned().unwrap_or_default();
        Decided {
            repository: snapshot.name.clone(),
            who: who.unwrap_or_else(|| visible::text(&predicate.principal).into_owned()),
            at: predicate.issued_at.seconds(),
            standing,
            title: head.map(|head| title(repository, head)).unwrap_or_default(),
            landed: landed(snapshot, record, head, &landings, pending),
            record: record.clone(),
        }
    });
    Ok(decided.collect())
}

/// By record: its owner according to the roster, and whether it counts.
fn standings(snapshot: &RepositorySnapshot, now: i64) -> BTreeMap<String, (Option<String>, String)> {
    let Some(policy) = snapshot.policy() else { return BTreeMap::new() };
    let statuses = gate::record_statuses(policy, &snapshot.chains, &Receipts::claimed(&snapshot.chains), now);
    let entry = |status: &gate::RecordStatus<'_>| {
        let who = status.person.map(|person| person.id.clone());
        (status.record.id().to_string(), (who, status.validity.to_string()))
    };
    statuses.iter().map(entry).collect()
}

fn landings(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    records: &[&Arc<Record>],
) -> Result<Landings, GitError> {
    let of_target = records.iter().map(|record| &record.verified.statement().predicate);
    let of_target: Vec<_> = of_target.filter(|own| own.target.name == snapshot.target.name).collect();
    let heads = of_target.iter().filter_map(|own| own.head.commit.parse().ok()).collect();
    let trees = of_target.iter().filter_map(|own| own.result_tree.parse().ok()).collect();
    repository.landings(snapshot.target.tip, &heads, &trees)
}

fn landed(
    snapshot: &RepositorySnapshot,
    record: &Record,
    head: Option<ObjectId>,
    landings: &Landings,
    pending: &BTreeSet<ObjectId>,
) -> Landed {
    let predicate = &record.verified.statement().predicate;
    let Some(head) = head.filter(|_| predicate.target.name == snapshot.target.name) else { return Landed::Unknown };
    let by_tree = || landings.trees.get(&predicate.result_tree.parse::<ObjectId>().ok()?);
    match (landings.heads.get(&head), pending.contains(&head), by_tree()) {
        (Some(by), ..) => Landed::Merged(*by),
        (None, true, _) => Landed::Pending,
        // The tree of the tip on which it was to land, if the change comes to nothing there.
        (None, false, Some(by)) if by.to_string() != predicate.target.tip => Landed::AsTree(*by),
        _ if matches!(predicate.verdict, Verdict::Withdraw | Verdict::HandOver) => Landed::Unknown,
        _ => Landed::NotFound,
    }
}

fn title(repository: &Repository, head: ObjectId) -> String {
    let past = repository.past_commit(head).ok();
    past.map(|past| visible::text(past.title()).into_owned()).unwrap_or_default()
}

impl Decided {
    /// What was on the signer's screen, as their program counted: `3 of 3 files, 12 of 14 hunks (4 seen before)`.
    pub fn saw(&self) -> String {
        let coverage = &self.record.verified.statement().predicate.coverage;
        let Coverage { files, files_seen, hunks, hunks_seen, carried_over, .. } = coverage;
        let before = if carried_over.0 > 0 { format!(" ({} before)", carried_over.0) } else { String::new() };
        format!("{} of {} files, {} of {} hunks{before}", files_seen.0, files.0, hunks_seen.0, hunks.0)
    }

    /// What the signer did not see, or could not; empty if nothing.
    pub fn left_unseen(&self) -> String {
        let predicate = &self.record.verified.statement().predicate;
        let coverage = &predicate.coverage;
        let count = |n: u64, what: &str| (n > 0).then(|| counted(usize::try_from(n).unwrap_or(usize::MAX), what));
        let (known, not) = coverage.omissions.iter().partition::<Vec<_>, _>(|one| !one.acknowledged.trim().is_empty());
        let open = predicate.findings.total.0.saturating_sub(predicate.findings.answered.len() as u64);
        let parts = [
            count(coverage.files.0.saturating_sub(coverage.files_seen.0), "file"),
            count(coverage.hunks.0.saturating_sub(coverage.hunks_seen.0), "hunk"),
            count(known.len() as u64, "omission").map(|told| format!("{told} acknowledged")),
            count(not.len() as u64, "omission").map(|told| format!("{told} not acknowledged")),
            count(open, "finding").map(|told| format!("{told} not answered")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// Of several repositories: the newest first, at most [`MOST`].
pub fn newest_first(all: &mut Vec<Decided>) {
    all.sort_by_key(|own| (std::cmp::Reverse(own.at), own.record.verified.id()));
    all.truncate(MOST);
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
