//! The population: what landed on a ref, according to its first-parent line in git and nothing else. Its steps are read
//! on all processors, and only what the report needs stays in memory.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cut::{Weighed, mark_of, weight, weight_unread};
use super::report::{Ai, Shown};
use crate::change::diff::{Diff, FileDiff};
use crate::change::{Commit, ObjectId, RepoPath};
use crate::policy::{ORGANIZATION_FILE, POLICY_FILE};
use crate::provenance;
use crate::source::git::{self, GitError, Repository};

/// The most pieces of evidence that a landing names.
const MAX_EVIDENCE: usize = 3;
/// The most paths that are kept for a step, to tell which records are similar.
const MAX_NEAR: usize = 8;
/// The number of steps that a thread takes at once.
const SHARE: usize = 64;

/// A commit of a line, and when it was made, by the committer's clock.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub commit: ObjectId,
    pub time: i64,
}

/// The first parents of a tip, down to the first that another line contains, the oldest first; and that one.
pub fn line(
    repository: &Repository,
    tip: ObjectId,
    is_known: impl Fn(ObjectId) -> bool,
) -> Result<(Vec<Place>, Option<ObjectId>), GitError> {
    let (mut places, mut at) = (Vec::new(), Some(tip));
    while let Some(commit) = at.filter(|commit| !is_known(*commit)) {
        let (time, parent) = repository.dated(commit)?;
        places.push(Place { commit, time });
        at = parent;
    }
    places.reverse();
    Ok((places, at))
}

/// What records name: the paths whose content is read, and the marks that show that a step may belong to a record.
#[derive(Debug, Default)]
pub struct Wanted {
    pub paths: HashSet<RepoPath>,
    /// The indices of manifests, by mark.
    pub marks: HashMap<u64, Vec<u32>>,
}

/// One step, as far as a report needs it.
#[derive(Debug, Clone)]
pub struct Step {
    pub from: Option<ObjectId>,
    pub commit: ObjectId,
    pub time: i64,
    /// The number of commits that it brings in.
    pub commits: usize,
    /// The parents of a merge, but for the first.
    pub sides: Vec<ObjectId>,
    pub paths: usize,
    /// Whether it changes the policy, or the file of an organization.
    pub touches_rules: bool,
    pub subject: Shown,
    pub author: Shown,
    pub ai: Ai,
    pub weighed: Weighed,
    /// Some of its paths that records name.
    pub near: Vec<RepoPath>,
    /// Why it cannot be read for certain, if it cannot.
    pub unread: Option<Shown>,
}

/// Reads the steps that lead to these commits, each from the one before; the first from `from`.
///
/// # Errors
/// The repository cannot be reopened. A step that cannot be read is marked in that step.
pub fn steps(
    repository: &Repository,
    from: Option<ObjectId>,
    places: &[Place],
    wanted: &Wanted,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Vec<Step>, GitError> {
    let froms: Vec<Option<ObjectId>> =
        std::iter::once(from).chain(places.iter().map(|place| Some(place.commit))).collect();
    let shares: Vec<_> = places.chunks(SHARE).zip(froms.chunks(SHARE)).collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let path = repository.git_dir();
    let read = || -> Result<Vec<(usize, Vec<Step>)>, GitError> {
        let own = Repository::open_exactly(path)?;
        let mut read = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((places, froms)) = shares.get(at) else { return Ok(read) };
            let reader = StepReader { repository: &own, wanted };
            read.push((at, places.iter().zip(*froms).map(|(place, from)| reader.step(*from, *place)).collect()));
            progress(done.fetch_add(places.len(), Ordering::Relaxed) + places.len());
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(shares.len()).max(1);
    let read = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
        let joined = running.into_iter().map(|thread| thread.join());
        joined.map(|joined| joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect::<Vec<_>>()
    });
    let mut shares = read.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    shares.sort_by_key(|(at, _)| *at);
    Ok(shares.into_iter().flat_map(|(_, steps)| steps).collect())
}

struct StepReader<'r> {
    repository: &'r Repository,
    wanted: &'r Wanted,
}

impl StepReader<'_> {
    fn step(&self, from: Option<ObjectId>, place: Place) -> Step {
        let repository = self.repository;
        let mut step = Step {
            from,
            commit: place.commit,
            time: place.time,
            commits: 1,
            sides: Vec::new(),
            paths: 0,
            touches_rules: false,
            subject: Shown::default(),
            author: Shown::default(),
            ai: Ai { status: provenance::Status::Undeclared.name(), tool: None, evidence: Vec::new() },
            weighed: Weighed::default(),
            near: Vec::new(),
            unread: None,
        };
        if let Ok(past) = repository.past_commit(place.commit) {
            (step.subject, step.author) = (Shown::of(past.title()), Shown::of(&past.author));
        }
        let read = self.commits(from, place.commit).map(|commits| step.take_commits(&commits));
        let read = read.and_then(|()| self.weigh(&mut step));
        if let Err(error) = read {
            step.weighed = Weighed { is_unread: true, ..Weighed::default() };
            step.unread = Some(Shown::of(&error.to_string()));
        }
        step
    }

    fn commits(&self, from: Option<ObjectId>, to: ObjectId) -> Result<Vec<Commit>, GitError> {
        match from {
            Some(from) => self.repository.commits_between(&[from], to),
            None => Ok(vec![self.repository.commit(to)?]),
        }
    }

    fn weigh(&self, step: &mut Step) -> Result<(), GitError> {
        let diff = self.repository.past_commit(step.commit)?.diff(self.repository)?;
        step.paths = diff.files.len();
        step.weighed.is_empty = diff.files.is_empty();
        let rules = [POLICY_FILE, ORGANIZATION_FILE].map(RepoPath::from);
        step.touches_rules = diff.files.iter().any(|file| rules.contains(&file.path));
        let is_wanted = |file: &FileDiff| self.wanted.paths.contains(&file.path);
        let (named, others): (Vec<_>, Vec<_>) = diff.files.into_iter().partition(is_wanted);
        let mut sum = others.iter().fold(0u64, |sum, file| {
            let side = |held| weight_unread(&file.path, held);
            sum.wrapping_add(side(file.new)).wrapping_sub(side(file.old))
        });
        step.near = named.iter().take(MAX_NEAR).map(|file| file.path.clone()).collect();
        let named = Diff { files: named, deleted_folders: Vec::new() };
        for (path, old, new) in git::manifest(self.repository, &named)?.iter() {
            sum = sum.wrapping_add(weight(path, new)).wrapping_sub(weight(path, old));
            step.weighed.marked.extend(self.wanted.marks.get(&mark_of(path, new)).into_iter().flatten());
        }
        step.weighed.difference = sum;
        Ok(())
    }
}

impl Step {
    fn take_commits(&mut self, commits: &[Commit]) {
        self.commits = commits.len();
        if let Some(own) = commits.iter().find(|commit| commit.id == self.commit) {
            self.sides = own.parents.iter().skip(1).copied().collect();
            self.author = Shown::of(&own.author.to_string());
        }
        let provenance = provenance::trace(commits, "", provenance::Rules::shipped());
        let evidence = provenance.evidence.iter().take(MAX_EVIDENCE);
        self.ai = Ai {
            status: provenance.status.name(),
            tool: provenance.agent().map(Shown::of),
            evidence: evidence.map(|one| Shown::of(&format!("{}: {}", one.class.name(), one.raw))).collect(),
        };
    }
}

/// What several steps together say about AI: the strongest status, and the evidence of all tools.
pub fn ai_of(steps: &[Step]) -> Ai {
    const ORDER: [&str; 5] = ["declared", "detected", "unrecognised", "negative-claim", "undeclared"];
    let rank = |ai: &Ai| ORDER.iter().position(|status| *status == ai.status).unwrap_or(ORDER.len());
    let strongest = steps.iter().map(|step| &step.ai).min_by_key(|ai| rank(ai));
    let Some(strongest) = strongest else {
        return Ai { status: "undeclared", tool: None, evidence: Vec::new() };
    };
    let mut evidence: Vec<Shown> = Vec::new();
    for one in steps.iter().flat_map(|step| &step.ai.evidence) {
        if evidence.len() < MAX_EVIDENCE && !evidence.contains(one) {
            evidence.push(one.clone());
        }
    }
    Ai { status: strongest.status, tool: strongest.tool.clone(), evidence }
}
