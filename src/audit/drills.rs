//! Drills of emergencies in a period: who held which, how long until the review, and who has not practised. Each by the
//! policy of its own time, like what landed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::report::{ChainInput, DrillRow, Drills, NotPractised, Shown, Time};
use super::{AuditInput, Query};
use crate::change::digest::Digest;
use crate::gate::drill::{DrillReport, Subject};
use crate::ledger::drills::AllDrills;
use crate::ledger::families::Keys;
use crate::policy::Policy;
use crate::record::drill::DrillStep;
use crate::record::{Chain, Entry};

/// By default, whoever may declare an emergency should have practised it within so many days.
pub const DRILLED_WITHIN: u32 = 365;

/// What was read of drills.
pub(super) struct Held {
    /// None if nobody may declare an emergency, and nobody held a drill.
    pub drills: Option<Drills>,
    /// What could not be read, a sentence each.
    pub notes: Vec<String>,
}

/// Drills by their ids.
type ById = BTreeMap<String, DrillReport>;

/// Drills, as policies judge them.
struct Judged<'g> {
    input: &'g AuditInput<'g>,
    all: &'g AllDrills,
    to: i64,
    /// By the policy of when they began, and that of when they were reviewed.
    known: BTreeMap<(Digest, Digest), ById>,
}

impl Judged<'_> {
    fn policy(&self, at: i64) -> Result<Option<Arc<Policy>>, String> {
        match self.input.policies.at_time(at).map_err(|error| error.to_string())? {
            super::policies::Held::Found(policy) => Ok(Some(policy)),
            _ => Ok(None),
        }
    }

    fn by(&mut self, began: &Policy, reviewed: &Policy, id: &str) -> Option<DrillReport> {
        let all = self.known.entry((began.whole, reviewed.whole)).or_insert_with(|| {
            let all = self.all.reports(began, reviewed, self.to);
            all.into_iter().map(|drill| (drill.id.clone(), drill)).collect()
        });
        all.get(id).cloned()
    }

    /// One drill, by the policy of when it began. Its review is done once it is by the policy of the time: somebody may
    /// have come since who could review it, or have gone.
    fn drill(&mut self, began: i64, id: &str, reviews: &BTreeSet<i64>) -> Result<Option<DrillReport>, String> {
        let Some(policy) = self.policy(began)? else { return Ok(None) };
        let Some(own) = self.by(&policy, &policy, id) else { return Ok(None) };
        for at in reviews {
            let Some(later) = self.policy(*at)? else { continue };
            let then = self.by(&policy, &later, id).filter(|then| then.reviewed.is_some_and(|done| done <= *at));
            if let Some(then) = then {
                return Ok(Some(DrillReport { reviewed: Some(*at), ..then }));
            }
        }
        Ok(Some(DrillReport { reviewed: None, reviewers: Vec::new(), ..own }))
    }
}

impl AuditInput<'_> {
    /// The drills of the period. Where nobody said when it ends, that is with the newest record of a drill, or at `to`
    /// if that is later.
    pub(super) fn drills(&self, query: &Query, to: Option<i64>) -> Result<Held, String> {
        let keys = Keys::these(self.keys.keys().cloned());
        let read = AllDrills::read(self.repository, !self.repository.is_pushed_to(), &keys);
        let mut all = read.map_err(|error| error.to_string())?;
        let newest = all.steps().map(|(_, at, _)| at).max();
        let to = query.to.or(to.max(newest)).unwrap_or_default();
        let notes = notes(&all);
        let inputs = all.of_changes.iter().map(input).chain(all.of_commands.iter().map(input)).collect();
        all.until(to);
        let held = self.held(query, &all, to)?;
        let practice = all.practice(&self.newest, to);
        if held.is_empty() && practice.is_empty() {
            return Ok(Held { drills: None, notes });
        }
        let days = if query.drilled_within == 0 { DRILLED_WITHIN } else { query.drilled_within };
        let since = to.saturating_sub(i64::from(days) * 24 * 3600);
        let missing = practice.into_iter().filter(|one| one.last.is_none_or(|last| last < since));
        let missing = missing.map(|one| NotPractised {
            person: Shown::of(&one.person),
            target: one.target.as_deref().map(Shown::of),
            last: one.last.map(Time),
        });
        let drills = Drills {
            within_days: days,
            held: held.iter().map(|drill| row(drill, to)).collect(),
            not_practised: missing.collect(),
            chains: inputs,
        };
        Ok(Held { drills: Some(drills), notes })
    }

    /// Those that began in the period, the oldest first.
    fn held(&self, query: &Query, all: &AllDrills, to: i64) -> Result<Vec<DrillReport>, String> {
        let mut judged = Judged { input: self, all, to, known: BTreeMap::new() };
        let mut begun: Vec<(i64, String)> = Vec::new();
        let mut reviews: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for (id, at, step) in all.steps() {
            match step {
                DrillStep::Begin if query.from.is_none_or(|from| at >= from) => begun.push((at, id)),
                DrillStep::Begin | DrillStep::Join => {}
                DrillStep::Review => {
                    reviews.entry(id).or_default().insert(at);
                }
            }
        }
        begun.sort();
        let mut held = Vec::new();
        for (at, id) in begun {
            held.extend(judged.drill(at, &id, reviews.get(&id).unwrap_or(&BTreeSet::new()))?);
        }
        Ok(held)
    }
}

fn input<R: Entry>(chain: &Chain<R>) -> ChainInput {
    ChainInput {
        chain: Shown::of(&chain.id.to_string()),
        records: chain.len(),
        head: chain.head().map(|head| head.record.to_string()),
    }
}

fn notes(all: &AllDrills) -> Vec<String> {
    let damaged = all
        .damages()
        .map(|(id, position, fault)| format!("Record {position} of the chain of drills {id} does not hold: {fault}."));
    let left_out =
        (all.unread > 0).then(|| format!("{} chains of drills are too long, and were not read.", all.unread));
    damaged.chain(left_out).collect()
}

fn row(drill: &DrillReport, to: i64) -> DrillRow {
    let names = |people: &[String]| people.iter().map(|person| Shown::of(person)).collect();
    let (kind, target, commit, request) = match &drill.of {
        Subject::Change { target, commit, .. } => ("drill", target, commit.as_str(), ""),
        Subject::Command { target, request } => ("command-drill", target, "", request.as_str()),
    };
    DrillRow {
        kind,
        id: drill.id.clone(),
        name: Shown::of(target),
        commit: commit.to_owned(),
        request: request.to_owned(),
        people: names(&drill.people),
        began: Time(drill.began),
        until: Time(drill.until),
        lacking: drill.lacking.as_deref().map(Shown::of),
        due: drill.due.map(Time),
        reviewed: drill.reviewed.map(Time),
        reviewers: names(&drill.reviewers),
        review: Shown::of(&drill.review(to)),
        reason: Shown::of(&drill.reason),
    }
}
