//! The population of a report: the first-parent lines of all protected refs, also of those that are gone, and what of
//! each line belongs to its ref.

use std::collections::{BTreeMap, HashSet};

use super::dates::Told;
use super::forest::{Forest, Piece};
use super::line;
use super::lines::{self, Came, Evidence, Line, Run};
use super::moves::{Move, Moves};
use super::policies;
use super::{AuditInput, Query};
use crate::change::{ObjectId, visible};
use crate::gate::States;
use crate::gate_state::Entry;
use crate::policy::RefProtection;
use crate::source::git::GitError;

/// The most commits that refs once showed, and show no longer, of which the lines are read.
const MAX_GONE: usize = 1_000;
/// The most lines in all.
const MAX_HEADS: usize = 20_000;

pub struct Population<'p> {
    pub moves: Moves<'p>,
    pub forest: Forest,
    /// The lines of the forest; of one ref first what it shows now.
    pub heads: Vec<Head>,
    pub runs: Vec<Run>,
}

/// A line: a ref, with the commit that it shows or once showed.
#[derive(Debug, Clone)]
pub struct Head {
    pub name: String,
    pub tip: ObjectId,
    /// The query asks for it; the other refs only matter for what they show.
    pub is_meant: bool,
    /// The ref shows this no longer, or is not here any more.
    pub is_gone: bool,
    /// The number of commits that it showed before the log.
    before: usize,
}

impl<'p> Population<'p> {
    pub fn of(input: &'p AuditInput<'_>, query: &Query) -> Result<Population<'p>, String> {
        let refs = input.refs(query)?;
        let entries = input.log.as_ref().map_or(&[][..], |log| &log.entries.entries);
        let mut lines = Lines { input, query, forest: Forest::default(), heads: Vec::new(), gone: 0 };
        lines.present(&refs).map_err(|error| error.to_string())?;
        let moves = {
            let commit = |id: ObjectId| input.repository.commit_named(id);
            let tip = |name: &str| refs.iter().find(|(own, _)| own == name).map(|(_, tip)| *tip);
            Moves::of(entries, commit, tip, |name, commit| lines.is_on(name, commit))
        };
        lines.past(&moves).map_err(|error| error.to_string())?;
        let Lines { forest, mut heads, .. } = lines;
        for (line, head) in heads.iter_mut().enumerate() {
            head.before = before(input, &moves, &forest, line, head);
        }
        let runs = runs(input, query, &moves, &forest, &heads);
        Ok(Population { moves, forest, heads, runs })
    }

    /// The moves of the ref of a line.
    pub fn moves_of(&self, line: usize) -> &[Move<'p>] {
        self.moves.of_ref(&self.heads[line].name)
    }

    /// The commit below a place of a line.
    pub fn below(&self, line: usize, place: usize) -> Option<ObjectId> {
        place.checked_sub(1).and_then(|below| self.forest.place(line, below)).map(|place| place.commit)
    }

    /// What the log tells about when each place of a run landed, from the bottom.
    pub fn told(&self, run: &Run) -> Vec<Told> {
        let (moves, begins) = (self.moves_of(run.line), self.moves.begins);
        let sightings = self.sightings(run.line);
        let of = |(range, came): &(std::ops::Range<usize>, Came)| match came {
            Came::By(at) => {
                let one = &moves[*at];
                vec![Told::At { at: one.at(), not_before: one.not_before }; range.len()]
            }
            Came::Past => range.clone().map(|place| between(&sightings, begins.unwrap_or(i64::MIN), place)).collect(),
            Came::Before | Came::Inherited => vec![Told::Nothing; range.len()],
        };
        run.came.iter().flat_map(of).collect()
    }

    /// How much of a line its ref showed each time when the log saw it, with the earliest and the latest that may have
    /// been.
    pub(super) fn sightings(&self, line: usize) -> Vec<(i64, i64, usize)> {
        let shared = |commit: Option<ObjectId>| {
            commit.and_then(|commit| self.forest.meets(line, commit)).map_or(0, |(shared, _)| shared)
        };
        let all = self.moves.sightings(&self.heads[line].name);
        all.map(|seen| (seen.not_before.min(seen.at), seen.at, shared(seen.commit))).collect()
    }

    /// The refs that were asked for, each with another ref where some of what it shows is listed.
    pub fn listed_elsewhere(&self, query: &Query) -> Vec<(&str, &str)> {
        let mut found = Vec::new();
        let meant = self.heads.iter().enumerate().filter(|(_, head)| query.refs.contains(&head.name) && !head.is_gone);
        for (line, head) in meant {
            let own: Vec<&Run> = self.runs.iter().filter(|run| run.line == line).collect();
            let is_own = |place: &usize| own.iter().any(|run| run.places.contains(place));
            let Some(place) = (0..self.forest.height(line)).rev().find(|place| !is_own(place)) else { continue };
            let has = |run: &&Run| run.places.contains(&place) && self.forest.shared(line, run.line) > place;
            let other = self.runs.iter().filter(has).map(|run| &self.heads[run.line].name);
            found.extend(other.filter(|other| **other != head.name).map(|other| (&*head.name, &**other)).next());
        }
        found
    }

    /// How many commits that no log dates have a date after the period; the last date, and the ref of that commit.
    pub fn dated_after(&self, to: i64) -> Option<(usize, i64, &str)> {
        let mut found: Option<(usize, i64, &str)> = None;
        for run in self.runs.iter().filter(|run| self.heads[run.line].is_meant) {
            let untold = run.came.iter().filter(|(_, came)| *came == Came::Before);
            let dates = untold.flat_map(|(range, _)| self.forest.places(run.line, range.clone()));
            let name = &*self.heads[run.line].name;
            for place in dates.filter(|place| place.time > to) {
                let (count, last, of) = found.unwrap_or((0, place.time, name));
                let (last, of) = if place.time > last { (place.time, name) } else { (last, of) };
                found = Some((count + 1, last, of));
            }
        }
        found
    }

    /// Refs that somebody created without the gate, as far as the log says so.
    pub fn created_past_the_gate(&self) -> impl Iterator<Item = &Head> {
        let is_so = |(line, head): &(usize, &Head)| {
            self.moves.begins.is_some()
                && head.is_meant
                && !head.is_gone
                && head.before == 0
                && self.forest.height(*line) > 0
                && self.moves.first(&head.name).is_none_or(|first| first.commit.is_some())
        };
        self.heads.iter().enumerate().filter(is_so).map(|(_, head)| head)
    }
}

/// The lines, while they are read.
struct Lines<'l> {
    input: &'l AuditInput<'l>,
    query: &'l Query,
    forest: Forest,
    heads: Vec<Head>,
    /// How many of them show what is on no other.
    gone: usize,
}

impl Lines<'_> {
    /// What refs show now.
    fn present(&mut self, refs: &[(String, ObjectId)]) -> Result<(), GitError> {
        let policies = &self.input.policies;
        // A policy branch that nothing protects is not reported; but others are cut from it.
        if let (Some(branch), Some(last)) = (&policies.branch, policies.line().last())
            && refs.iter().all(|(name, _)| name != branch)
        {
            self.add(branch, last.commit, Some(false), false)?;
        }
        refs.iter().try_for_each(|(name, tip)| self.add(name, *tip, None, false).map(|_| ()))
    }

    /// What the log saw them show, and what they show no longer.
    fn past(&mut self, moves: &Moves<'_>) -> Result<(), GitError> {
        let names: HashSet<String> = self.heads.iter().map(|head| head.name.clone()).collect();
        let is_meant = |name: &str| self.query.refs.iter().any(|own| own == name);
        let known = |name: &&str| names.contains(*name) || self.input.was_protected(name) || is_meant(name);
        let all: Vec<&str> = moves.names().into_iter().filter(known).collect();
        all.into_iter().try_for_each(|name| self.gone(name, moves))
    }

    fn is_on(&self, name: &str, commit: ObjectId) -> bool {
        let own = self.heads.iter().enumerate().filter(|(_, head)| head.name == name);
        own.clone().any(|(line, _)| self.forest.meets(line, commit).is_some_and(|(_, is_on)| is_on))
    }

    /// Whether it shows anything that no other line does.
    fn add(&mut self, name: &str, tip: ObjectId, is_meant: Option<bool>, is_gone: bool) -> Result<bool, GitError> {
        let (places, base) = line::line(self.input.repository, tip, |commit| self.forest.contains(commit))?;
        let is_new = !places.is_empty();
        self.forest.add(Piece { places, base });
        let asked = self.query.refs.is_empty() || self.query.refs.iter().any(|own| own == name);
        self.heads.push(Head { name: name.to_owned(), tip, is_meant: is_meant.unwrap_or(asked), is_gone, before: 0 });
        Ok(is_new)
    }

    /// What the log saw a ref show, and what it shows no longer: the newest first.
    fn gone(&mut self, name: &str, moves: &Moves<'_>) -> Result<(), GitError> {
        let seen: Vec<ObjectId> = moves.sightings(name).filter_map(|seen| seen.commit).collect();
        for commit in seen.into_iter().rev() {
            if !self.is_on(name, commit) && self.gone < MAX_GONE && self.heads.len() < MAX_HEADS {
                // What other lines show already costs nothing.
                self.gone += usize::from(self.add(name, commit, None, true)?);
            }
        }
        Ok(())
    }
}

/// When a place landed that the log has no verdict on: after the last time that it saw the ref below, before the first
/// at which it saw it above.
fn between(sightings: &[(i64, i64, usize)], begins: i64, place: usize) -> Told {
    let above = sightings.iter().position(|(.., shared)| *shared > place);
    let below = &sightings[..above.unwrap_or(sightings.len())];
    let after = below.last().map_or(begins, |(not_before, ..)| *not_before);
    let before = above.map(|above| sightings[above].1.max(after));
    Told::Between { after, before }
}

/// How many commits of a line its ref showed before the log's first line about it.
fn before(input: &AuditInput<'_>, moves: &Moves<'_>, forest: &Forest, line: usize, head: &Head) -> usize {
    let height = forest.height(line);
    let Some(begins) = moves.begins else { return height };
    let shared = |commit: ObjectId| forest.meets(line, commit).map_or(0, |(shared, _)| shared);
    // The operator recorded then what was there: of a ref that is not in that line, nothing was.
    let is_missing = |seq: u64| {
        let first = moves.first_record.filter(|first| input.protected_by(&head.name, first));
        first.is_some_and(|first| seq > first.seq)
    };
    // Of a ref that became protected later, nobody recorded what was there; what it showed first, it may have got
    // since.
    let was_open = || {
        let log = input.log.as_ref().and_then(|log| log.entries.entries.first());
        log.is_some_and(|(entry, _)| entry.policy.is_some() && !input.protected_by(&head.name, entry))
    };
    match moves.first(&head.name) {
        Some(first) if is_missing(first.seq) => 0,
        None if is_missing(u64::MAX) => 0,
        Some(first) if first.is_recorded => first.commit.map_or(0, shared),
        Some(_) if was_open() => 0,
        Some(first) => {
            let candidate = first.commit.map_or(0, shared);
            input.states().map_or(candidate, |states| recorded(states, forest, line, &head.name, candidate))
        }
        None => match input.states() {
            Some(states) => recorded(states, forest, line, &head.name, height),
            None => forest.places(line, 0..height).take_while(|place| place.time < begins).count(),
        },
    }
}

/// How many commits of a line are below what the gate recorded of its ref, or recorded themselves.
fn recorded(states: &States, forest: &Forest, line: usize, name: &str, candidate: usize) -> usize {
    let is_state = |at: &usize| forest.place(line, *at).is_some_and(|place| states.is_of(place.commit, name));
    (0..candidate).rev().find(is_state).map_or(0, |at| at + 1)
}

fn runs(input: &AuditInput<'_>, query: &Query, moves: &Moves<'_>, forest: &Forest, heads: &[Head]) -> Vec<Run> {
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for head in heads {
        let next = names.len();
        names.entry(&head.name).or_insert(next);
    }
    let of = |head: &Head| {
        let (name, moves, seen) = (&*head.name, moves.of_ref(&head.name), moves.sightings(&head.name).collect());
        Line { name: names[name], moves, seen, before: head.before }
    };
    let all: Vec<Line<'_>> = heads.iter().map(of).collect();
    let by_index: BTreeMap<usize, &str> = names.iter().map(|(name, index)| (*index, *name)).collect();
    let was_protected = |name: usize, one: &Move<'_>| input.protected_by(by_index[&name], one.entry);
    let approvals = input.approvals(&names);
    let first = input.policies.branch.as_deref().and_then(|branch| names.get(branch)).copied();
    lines::runs(
        forest,
        &all,
        &Evidence { was_protected: &was_protected, approvals: &approvals, first, until: query.to },
    )
}

impl AuditInput<'_> {
    /// The refs that any policy protects or protected, whichever the query asks for, and those of the query: the policy
    /// branch first, then by name.
    fn refs(&self, query: &Query) -> Result<Vec<(String, ObjectId)>, String> {
        let hosts = self.repository.is_pushed_to();
        let policy_branch = self.policies.branch.as_deref();
        let mut refs = self.repository.shown_refs(hosts, |name| self.was_protected(name));
        // What is pushed to a symbolic ref lands on the one that it names: nothing judges that, unless it is protected.
        let symbolic = self.repository.symbolic_refs(hosts, |name| self.was_protected(name));
        let is_judged = |target: &String| self.was_protected(target);
        refs.extend(symbolic.into_iter().filter(|(_, target, _)| !is_judged(target)).map(|(name, _, tip)| (name, tip)));
        for name in &query.refs {
            if !name.starts_with("refs/") {
                return Err(format!("Name the ref {} in full, as refs/heads/main.", visible::text(name)));
            }
            let held = self.repository.shown(name, hosts).and_then(|held| self.repository.commit_named(held));
            match held {
                Some(tip) => refs.push((name.clone(), tip)),
                // The log may know what it showed.
                None if self.log.as_ref().is_some_and(|log| log.names(name)) => {}
                None => {
                    let name = visible::text(name);
                    return Err(format!("The ref {name} is not here; name it in full, as refs/heads/main."));
                }
            }
        }
        refs.sort_by(|a, b| (Some(&*a.0) != policy_branch, a).cmp(&(Some(&*b.0) != policy_branch, b)));
        refs.dedup();
        Ok(refs)
    }

    /// Approvals that may have let something land, the earliest first, with the ref for which they are.
    fn approvals(&self, names: &BTreeMap<&str, usize>) -> Vec<(i64, usize, ObjectId, ObjectId)> {
        let landing = self.book.landing().filter(|(record, _)| self.is_of_its_principal(record));
        let counts = |roles: &[String]| roles.iter().any(|role| self.roles.contains(role));
        let of = |(record, known): (&crate::record::Record, i64)| {
            let predicate = record.predicate();
            let name = *names.get(&*predicate.target.name).filter(|_| counts(&predicate.roles))?;
            Some((known, name, predicate.base.commit.parse().ok()?, predicate.head.commit.parse().ok()?))
        };
        let mut all: Vec<_> = landing.filter_map(of).collect();
        all.sort();
        all
    }

    /// Whether the policy of a line of the log protected a ref.
    fn protected_by(&self, name: &str, entry: &Entry) -> bool {
        matches!(self.protection(name, entry), RefProtection::Protected { .. })
    }

    /// Whether the policy of a line of the log let what a ref shows go: by a rewrite, or with the ref.
    pub(super) fn may_go(&self, name: &str, entry: &Entry, with_the_ref: bool) -> bool {
        match self.protection(name, entry) {
            RefProtection::Protected { delete, .. } if with_the_ref => delete,
            RefProtection::Protected { rewrite, .. } => rewrite,
            _ => true,
        }
    }

    fn protection(&self, name: &str, entry: &Entry) -> RefProtection {
        let told = policies::Told::of(entry).and_then(|told| self.policies.told(&told));
        match told.unwrap_or_else(|| self.policies.at_time(entry.at)) {
            Ok(policies::Held::Found(policy)) => policy.refs.protection(name),
            _ => RefProtection::Uncovered,
        }
    }
}
