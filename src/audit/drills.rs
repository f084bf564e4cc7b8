//! Drills of emergencies in a period: who held which, how long until the review, and who has not practised. Each by the
//! policy of its own time, like what landed.

use super::report::{ChainInput, DrillRow, Drills, NotPractised, Shown, Time};
use super::{Ground, Query};
use crate::gate::drill::{DrillReport, drills, practice};
use crate::ledger;
use crate::ledger::commands::Keys;
use crate::record::drill::DrillChain;

/// By default, whoever may declare an emergency should have practised it within so many days.
pub const DRILLED_WITHIN: u32 = 365;

/// What was read of drills.
pub(super) struct Held {
    /// None if nobody may declare an emergency, and nobody held a drill.
    pub drills: Option<Drills>,
    /// What could not be read, a sentence each.
    pub notes: Vec<String>,
}

impl Ground<'_> {
    /// The drills of the period, which ends at `to`; without an end, with the newest record.
    pub(super) fn drills(&self, query: &Query, to: Option<i64>) -> Result<Held, String> {
        let keys = Keys::these(self.keys.keys().cloned());
        let read = ledger::drills::read(self.repository, !self.repository.is_pushed_to(), &keys);
        let (chains, unread) = read.map_err(|error| error.to_string())?;
        let newest = chains.iter().flat_map(|chain| &chain.records).map(|record| record.issued()).max();
        let to = to.or(newest).unwrap_or_default();
        let notes = notes(&chains, unread);
        let inputs = chains.iter().map(input).collect();
        let chains: Vec<DrillChain> = chains.iter().map(|chain| chain.until(|record| record.issued() <= to)).collect();
        let mut held: Vec<DrillReport> = Vec::new();
        let mut begun: Vec<(i64, String)> = chains
            .iter()
            .flat_map(|chain| &chain.records)
            .map(|record| (record.issued(), record.id().to_string()))
            .filter(|(at, _)| query.from.is_none_or(|from| *at >= from))
            .collect();
        begun.sort();
        let mut known: Option<(crate::change::digest::Digest, Vec<DrillReport>)> = None;
        for (at, id) in begun {
            let super::policies::Held::Found(policy) = self.policies.at_time(at).map_err(|error| error.to_string())?
            else {
                continue;
            };
            if known.as_ref().is_none_or(|(digest, _)| *digest != policy.whole) {
                known = Some((policy.whole, drills(&policy, &chains, to)));
            }
            let of = known.iter().flat_map(|(_, all)| all).find(|drill| drill.id == id);
            held.extend(of.cloned());
        }
        let days = if query.drilled_within == 0 { DRILLED_WITHIN } else { query.drilled_within };
        let since = to.saturating_sub(i64::from(days) * 24 * 3600);
        let everybody = practice(&self.newest, &chains, to);
        if held.is_empty() && everybody.is_empty() {
            return Ok(Held { drills: None, notes });
        }
        let missing = everybody.into_iter().filter(|one| one.last.is_none_or(|last| last < since));
        let drills = Drills {
            within_days: days,
            held: held.iter().map(|drill| row(drill, to)).collect(),
            not_practised: missing
                .map(|one| NotPractised { person: Shown::of(&one.person), last: one.last.map(Time) })
                .collect(),
            chains: inputs,
        };
        Ok(Held { drills: Some(drills), notes })
    }
}

fn input(chain: &DrillChain) -> ChainInput {
    ChainInput {
        chain: Shown::of(&chain.id.to_string()),
        records: chain.len(),
        head: chain.head().map(|head| head.record.to_string()),
    }
}

fn notes(chains: &[DrillChain], unread: usize) -> Vec<String> {
    let damaged = chains.iter().filter_map(|chain| {
        let (position, fault) = chain.fault?;
        Some(format!("Record {position} of the chain of drills {} does not hold: {fault}.", chain.id))
    });
    let left_out = (unread > 0).then(|| format!("{unread} chains of drills are too long, and were not read."));
    damaged.chain(left_out).collect()
}

fn row(drill: &DrillReport, to: i64) -> DrillRow {
    let names = |people: &[String]| people.iter().map(|person| Shown::of(person)).collect();
    DrillRow {
        kind: "drill",
        id: drill.id.clone(),
        name: Shown::of(&drill.target),
        commit: drill.commit.clone(),
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
