//! What came of each segment, put together from joins and lines. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::joins::{Join, Landed, Standing, Standings, Unjoined, joins};
use super::read::{Read, Risk};
use super::report::{Change, Kind, Named, Outcome};
use super::rework::{Edits, Lines, rework};
use super::signed::SignedOutcome;
use super::{DAY, Query};
use crate::audit::Signed;
use crate::audit::report::{Landing, Shown, Time};
use crate::change::ObjectId;
use crate::policy::Roster;
use crate::record::outcome::OutcomeKind;

/// A change counts as reworked from this share of its lines on, in percent, and from this many of them.
pub const REWORKED_SHARE: usize = 20;
pub const REWORKED_LINES: usize = 5;
/// The most later segments that are listed for the rework of one change.
const MAX_REWORK: usize = 5;
/// An approver's load is what they approved in this time before.
const LOAD: i64 = 7 * DAY;

/// All that is known of what came of the segments.
pub struct Evidence<'e> {
    landings: &'e [Landing],
    /// By earlier segment.
    joins: HashMap<usize, Vec<Join>>,
    standings: Standings,
    lines: Vec<Lines>,
    pub unjoined: Unjoined,
    /// Files whose lines were not followed any further.
    pub dropped: usize,
    /// Until when something must have landed to have been looked at for long enough.
    watched: Option<i64>,
    /// The times of all approvals, by person, sorted.
    approvals: BTreeMap<&'e str, Vec<i64>>,
    /// What people signed, by segment.
    records: HashMap<usize, Vec<About<'e>>>,
    /// Signed records about what is not in the period, or not on that ref.
    pub astray: usize,
}

/// What people signed: about decisions, and about outcomes.
#[derive(Clone, Copy)]
pub struct Words<'w> {
    pub approvals: &'w [Signed],
    pub outcomes: &'w [SignedOutcome],
    /// Who is who, of the current policy.
    pub roster: &'w Roster,
}

/// A signed outcome of a segment.
#[derive(Debug, Clone, Copy)]
struct About<'s> {
    signed: &'s SignedOutcome,
    /// It was signed by an author of the segment.
    is_by_author: bool,
}

impl<'e> Evidence<'e> {
    pub fn of(
        landings: &'e [Landing],
        read: Vec<Read>,
        query: &Query,
        end: Option<i64>,
        words: Words<'e>,
    ) -> Evidence<'e> {
        let (mut landed, mut edits) = (Vec::with_capacity(read.len()), Vec::<Edits>::with_capacity(read.len()));
        for one in read {
            landed.push(one.landed);
            edits.push(one.edits);
        }
        let within = i64::from(query.within_days) * DAY;
        let (all, unjoined) = joins(&landed, within);
        let (records, astray) = by_segment(landings, &landed, words);
        let standings = Standings::of(&landed, &all);
        drop(landed);
        let reverts: HashSet<(usize, usize)> =
            all.iter().filter(|join| join.how.is_revert()).map(|join| (join.earlier, join.later)).collect();
        let is_revert = |earlier, later| reverts.contains(&(earlier, later));
        let (lines, dropped) = rework(&edits, i64::from(query.rework_days) * DAY, is_revert);
        let mut joins: HashMap<usize, Vec<Join>> = HashMap::new();
        all.into_iter().for_each(|join| joins.entry(join.earlier).or_default().push(join));
        let mut approvals: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        words.approvals.iter().for_each(|one| approvals.entry(&one.person).or_default().push(one.at));
        approvals.values_mut().for_each(|times| times.sort());
        let watched = end.map(|end| end.saturating_sub(within));
        Evidence { landings, joins, standings, lines, unjoined, dropped, watched, approvals, records, astray }
    }

    /// What came of a segment, as a row.
    pub fn change(&self, at: usize, risk: Risk) -> Change {
        let (landing, lines) = (&self.landings[at], &self.lines[at]);
        let approvers: BTreeSet<&Shown> = landing.approvals.iter().map(|one| &one.person).collect();
        let kinds = self.kinds(at);
        let mut outcomes = self.joined(at);
        if kinds.contains(&Kind::Reworked) {
            outcomes.extend(self.reworked(at));
        }
        Change {
            name: landing.name.clone(),
            from: landing.from.clone(),
            to: landing.to.clone(),
            commits: landing.commits,
            subject: landing.subject.clone(),
            author: landing.author.clone(),
            at: landing.at,
            at_by: landing.at_by,
            decision: landing.decision,
            ai: landing.ai.status,
            tool: landing.ai.tool.clone(),
            tier: risk.tier,
            rules: risk.rules.iter().map(|rule| Shown::of(rule)).collect(),
            compartments: landing.requirements.iter().map(|one| one.compartment.clone()).collect(),
            approvers: approvers.into_iter().cloned().collect(),
            load: landing.approvals.iter().map(|one| self.load(one.person.as_str(), one.signed_at.0)).max(),
            is_watched: self.watched.is_some_and(|watched| landing.at.0 <= watched),
            kinds,
            lines_written: lines.written,
            lines_reworked: lines.reworked,
            outcomes,
            records: self.records.get(&at).into_iter().flatten().map(named).collect(),
        }
    }

    /// How much a person had approved in the days before.
    fn load(&self, person: &str, signed_at: i64) -> usize {
        let Some(times) = self.approvals.get(person) else { return 0 };
        let first = times.partition_point(|time| *time < signed_at.saturating_sub(LOAD));
        times.partition_point(|time| *time < signed_at).saturating_sub(first)
    }

    fn kinds(&self, at: usize) -> BTreeSet<Kind> {
        let own = || self.joins.get(&at).into_iter().flatten();
        let lines = &self.lines[at];
        let is_reworked = lines.reworked >= REWORKED_LINES && 100 * lines.reworked >= REWORKED_SHARE * lines.written;
        let found = [
            (Kind::Reverted, self.standings.all[at] == Standing::Reverted),
            (Kind::LandedAgain, self.standings.all[at] == Standing::LandedAgain),
            (Kind::PartlyReverted, self.standings.all[at] == Standing::Partly),
            (Kind::Fixed, own().any(|join| !join.how.is_revert())),
            (Kind::Reworked, is_reworked),
            (Kind::Recorded, self.records.get(&at).into_iter().flatten().any(is_adverse)),
        ];
        found.into_iter().filter(|(_, is_so)| *is_so).map(|(kind, _)| kind).collect()
    }

    /// The segments that revert or fix it, each once for each of the two, with all the evidence.
    fn joined(&self, at: usize) -> Vec<Outcome> {
        let mut found: BTreeMap<(usize, bool), Outcome> = BTreeMap::new();
        for join in self.joins.get(&at).into_iter().flatten() {
            let is_revert = join.how.is_revert();
            let what = if is_revert { "revert" } else { "fix" };
            let outcome = found.entry((join.later, !is_revert)).or_insert_with(|| self.outcome(what, at, join.later));
            outcome.evidence.push(join.how);
            outcome.said_by.extend(join.by.map(|by| by.to_string()));
            let is_whole = is_revert && self.standings.whole.contains(&(at, join.later));
            outcome.parts.extend(join.part.filter(|_| !is_whole).map(|part| part.to_string()));
            outcome.is_taken_back = is_revert && !self.standings.in_force.contains(&(at, join.later));
        }
        let mut outcomes: Vec<Outcome> = found.into_values().collect();
        for outcome in &mut outcomes {
            outcome.evidence.dedup();
            for ids in [&mut outcome.said_by, &mut outcome.parts] {
                ids.sort();
                ids.dedup();
            }
        }
        outcomes
    }

    /// The segments that rework most of its lines.
    fn reworked(&self, at: usize) -> Vec<Outcome> {
        let mut by: Vec<(usize, usize)> = self.lines[at].by.iter().map(|(later, lines)| (*later, *lines)).collect();
        by.sort_by_key(|(later, lines)| (std::cmp::Reverse(*lines), *later));
        by.truncate(MAX_REWORK);
        by.into_iter().map(|(later, lines)| Outcome { lines, ..self.outcome("rework", at, later) }).collect()
    }

    fn outcome(&self, what: &'static str, earlier: usize, later: usize) -> Outcome {
        let (earlier, later) = (&self.landings[earlier], &self.landings[later]);
        Outcome {
            what,
            evidence: Vec::new(),
            commit: later.to.clone(),
            subject: later.subject.clone(),
            at: later.at,
            after: later.at.0.saturating_sub(earlier.at.0).max(0),
            said_by: Vec::new(),
            parts: Vec::new(),
            is_taken_back: false,
            lines: 0,
        }
    }
}

/// Whether a record says that something bad came of a change.
fn is_adverse(about: &About<'_>) -> bool {
    matches!(about.signed.record.outcome().kind, OutcomeKind::Incident | OutcomeKind::Rollback | OutcomeKind::Defect)
}

/// The records of each segment of the ref that they name, and how many are about none.
fn by_segment<'r>(
    landings: &[Landing],
    landed: &[Landed],
    words: Words<'r>,
) -> (HashMap<usize, Vec<About<'r>>>, usize) {
    let mut wanted: HashMap<ObjectId, Vec<&'r SignedOutcome>> = HashMap::new();
    let mut found: HashMap<usize, Vec<About<'r>>> = HashMap::new();
    for signed in words.outcomes {
        // A sound record names a commit.
        let Ok(commit) = signed.record.outcome().commit.parse() else { continue };
        wanted.entry(commit).or_default().push(signed);
    }
    for (at, segment) in landed.iter().enumerate() {
        for signed in segment.commits.iter().filter_map(|told| wanted.get(&told.id)).flatten() {
            let outcome = signed.record.outcome();
            if Shown::of(&outcome.name) == landings[at].name {
                let mut authors = segment.authors.iter().flat_map(|author| words.roster.people_of(author));
                let is_by_author = authors.any(|person| person.id == outcome.principal);
                found.entry(at).or_default().push(About { signed, is_by_author });
            }
        }
    }
    let joined: HashSet<String> = found.values().flatten().map(|about| about.signed.record.id().to_string()).collect();
    let astray = words.outcomes.len() - joined.len();
    (found, astray)
}

fn named(about: &About<'_>) -> Named {
    let (record, outcome) = (&about.signed.record, about.signed.record.outcome());
    Named {
        record: record.id().to_string(),
        person: Shown::of(&outcome.principal),
        kind: outcome.kind.name(),
        link: Shown::of(&outcome.link),
        words: Shown::of(&outcome.words),
        happened_at: Time(outcome.happened_at.seconds()),
        signed_at: Time(outcome.issued_at.seconds()),
        is_by_author: about.is_by_author,
        key_end: about.signed.key_end.as_deref().map(Shown::of),
    }
}
