//! Drills of emergencies in a period: who held which, how long until the review, and who has not practised. Each by the
//! policy of its own time, like what landed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::command_drills::OfCommands;
use super::report::{ChainInput, DrillRow, Drills, NotPractised, Shown, Time};
use super::{Ground, Query};
use crate::change::digest::Digest;
use crate::command::practice::CommandDrillReport;
use crate::gate::drill::{DrillReport, drills_reviewed, practice};
use crate::ledger;
use crate::ledger::commands::Keys;
use crate::policy::Policy;
use crate::record::drill::{DrillChain, DrillStep};
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
    ground: &'g Ground<'g>,
    chains: &'g [DrillChain],
    to: i64,
    /// By the policy of when they began, and that of when they were reviewed.
    known: BTreeMap<(Digest, Digest), ById>,
}

impl Judged<'_> {
    fn policy(&self, at: i64) -> Result<Option<Arc<Policy>>, String> {
        match self.ground.policies.at_time(at).map_err(|error| error.to_string())? {
            super::policies::Held::Found(policy) => Ok(Some(policy)),
            _ => Ok(None),
        }
    }

    fn by(&mut self, began: &Policy, reviewed: &Policy, id: &str) -> Option<DrillReport> {
        let all = self.known.entry((began.whole, reviewed.whole)).or_insert_with(|| {
            let all = drills_reviewed(began, reviewed, self.chains, self.to);
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

impl Ground<'_> {
    /// The drills of the period. Where nobody said when it ends, that is with the newest record of a drill, or at `to`
    /// if that is later.
    pub(super) fn drills(&self, query: &Query, to: Option<i64>) -> Result<Held, String> {
        let keys = Keys::these(self.keys.keys().cloned());
        let read = ledger::drills::read(self.repository, !self.repository.is_pushed_to(), &keys);
        let (chains, unread) = read.map_err(|error| error.to_string())?;
        let (mut of_commands, unread_too) = OfCommands::read(self, &keys)?;
        let newest = chains.iter().flat_map(|chain| &chain.records).map(|record| record.issued()).max();
        let to = query.to.or(to.max(newest).max(of_commands.newest())).unwrap_or_default();
        let mut notes = notes(&chains, unread + unread_too);
        notes.extend(damages(of_commands.chains()));
        let inputs = chains.iter().map(input).chain(of_commands.chains().iter().map(input)).collect();
        of_commands.until(to);
        let chains: Vec<DrillChain> = chains.iter().map(|chain| chain.until(|record| record.issued() <= to)).collect();
        let mut judged = Judged { ground: self, chains: &chains, to, known: BTreeMap::new() };
        let mut held: Vec<DrillReport> = Vec::new();
        let records = || chains.iter().flat_map(|chain| &chain.records);
        let mut begun: Vec<(i64, String)> = records()
            .filter(|record| record.drill().step == DrillStep::Begin)
            .map(|record| (record.issued(), record.id().to_string()))
            .filter(|(at, _)| query.from.is_none_or(|from| *at >= from))
            .collect();
        begun.sort();
        let mut reviews: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for record in records().filter(|record| record.drill().step == DrillStep::Review) {
            reviews.entry(record.began_by()).or_default().insert(record.issued());
        }
        for (at, id) in begun {
            held.extend(judged.drill(at, &id, reviews.get(&id).unwrap_or(&BTreeSet::new()))?);
        }
        let days = if query.drilled_within == 0 { DRILLED_WITHIN } else { query.drilled_within };
        let since = to.saturating_sub(i64::from(days) * 24 * 3600);
        let everybody = practice(&self.newest, &chains, to);
        let at_targets = of_commands.practice(&self.newest, to);
        let held_there = of_commands.held(&|at| judged.policy(at), (query.from, to))?;
        if held.is_empty() && everybody.is_empty() && held_there.is_empty() && at_targets.is_empty() {
            return Ok(Held { drills: None, notes });
        }
        let is_missing = |last: Option<i64>| last.is_none_or(|last| last < since);
        let missing = everybody.into_iter().filter(|one| is_missing(one.last)).map(|one| NotPractised {
            person: Shown::of(&one.person),
            target: None,
            last: one.last.map(Time),
        });
        let missing_there = at_targets.into_iter().filter(|one| is_missing(one.last)).map(|one| NotPractised {
            person: Shown::of(&one.person),
            target: Some(Shown::of(&one.target)),
            last: one.last.map(Time),
        });
        let mut rows: Vec<DrillRow> = held.iter().map(|drill| row(drill, to)).collect();
        rows.extend(held_there.iter().map(|drill| row_of_command(drill, to)));
        rows.sort_by(|a, b| (a.began.0, &a.id).cmp(&(b.began.0, &b.id)));
        let drills = Drills {
            within_days: days,
            held: rows,
            not_practised: missing.chain(missing_there).collect(),
            chains: inputs,
        };
        Ok(Held { drills: Some(drills), notes })
    }
}

fn input<R: Entry>(chain: &Chain<R>) -> ChainInput {
    ChainInput {
        chain: Shown::of(&chain.id.to_string()),
        records: chain.len(),
        head: chain.head().map(|head| head.record.to_string()),
    }
}

fn notes(chains: &[DrillChain], unread: usize) -> Vec<String> {
    let left_out = (unread > 0).then(|| format!("{unread} chains of drills are too long, and were not read."));
    damages(chains).into_iter().chain(left_out).collect()
}

fn damages<R: Entry>(chains: &[Chain<R>]) -> Vec<String> {
    let damaged = chains.iter().filter_map(|chain| {
        let (position, fault) = chain.fault?;
        Some(format!("Record {position} of the chain of drills {} does not hold: {fault}.", chain.id))
    });
    damaged.collect()
}

fn row_of_command(drill: &CommandDrillReport, to: i64) -> DrillRow {
    let names = |people: &[String]| people.iter().map(|person| Shown::of(person)).collect();
    DrillRow {
        kind: "command-drill",
        id: drill.id.clone(),
        name: Shown::of(&drill.target),
        commit: String::new(),
        request: drill.request.clone(),
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

fn row(drill: &DrillReport, to: i64) -> DrillRow {
    let names = |people: &[String]| people.iter().map(|person| Shown::of(person)).collect();
    DrillRow {
        kind: "drill",
        id: drill.id.clone(),
        name: Shown::of(&drill.target),
        commit: drill.commit.clone(),
        request: String::new(),
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
