//! The result of a look at outcomes, as plain values: drawn, printed and read by machines.

use std::collections::BTreeSet;

use serde::Serialize;

use super::joins::{How, Unjoined};
use super::read::Left;
use crate::audit::report::{ChainInput, Decision, Inputs, Shown, Time, When};

/// Members may be added under this name; none is removed or changes its meaning.
pub const SCHEMA: &str = "undersign-change-outcomes/v1";

/// The whole report.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema: &'static str,
    /// The version of the program that wrote it.
    pub version: &'static str,
    /// The id of the repository, from the policy.
    pub repository: Shown,
    pub query: Query,
    pub inputs: Inputs,
    /// The chains of signed outcomes.
    pub outcome_chains: Vec<ChainInput>,
    /// The SHA-256 of the risk rules by which tiers and rules are told; none if they were not asked for.
    pub rules: Option<String>,
    pub summary: Counts,
    /// What messages name, and what is joined with nothing.
    pub unjoined: Unjoined,
    /// What was not read or not compared.
    pub left_out: Left,
    pub groups: Vec<Group>,
    /// What landed in the period: first what has an outcome, then the rest; the newest first.
    pub changes: Vec<Change>,
}

/// The query, completed.
#[derive(Debug, Serialize)]
pub struct Query {
    /// None for the beginning.
    pub from: Option<Time>,
    /// None only if nothing landed.
    pub to: Option<Time>,
    pub to_is_given: bool,
    /// Up to when outcomes are looked for; none only if nothing landed.
    pub watched_to: Option<Time>,
    pub watched_to_is_given: bool,
    pub refs: Vec<Shown>,
    pub refs_are_given: bool,
    /// An outcome counts within this many days of the landing.
    pub within_days: u32,
    /// Rework counts within this many days of the landing.
    pub rework_days: u32,
    /// Whether tiers and rules were asked for.
    pub with_tiers: bool,
}

/// What came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is reverted.
    Reverted,
    /// It was reverted, then landed again.
    LandedAgain,
    /// Some of its commits were reverted.
    PartlyReverted,
    /// Another change says that it fixes it.
    Fixed,
    /// Many of the lines that it wrote were changed again soon.
    Reworked,
    /// Somebody signed that an incident, a rollback or a defect came from it.
    Recorded,
}

impl Kind {
    pub const ALL: [Kind; 6] =
        [Kind::Reverted, Kind::LandedAgain, Kind::PartlyReverted, Kind::Fixed, Kind::Reworked, Kind::Recorded];

    /// The spelling in outputs.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Reverted => "reverted",
            Kind::LandedAgain => "landed-again",
            Kind::PartlyReverted => "partly-reverted",
            Kind::Fixed => "fixed",
            Kind::Reworked => "reworked",
            Kind::Recorded => "recorded",
        }
    }

    /// The heading of a column.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Reverted => "Reverted",
            Kind::LandedAgain => "Reverted, then landed again",
            Kind::PartlyReverted => "Partly reverted",
            Kind::Fixed => "Fixed later",
            Kind::Reworked => "Reworked soon",
            Kind::Recorded => "Signed incident, rollback or defect",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How many changes landed, and what came of them. A change counts once for each of its kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub landed: usize,
    /// Of these, those that were looked at for all of the time in which an outcome counts.
    pub watched: usize,
    /// Those with an outcome of any kind.
    pub with_outcome: usize,
    pub reverted: usize,
    pub landed_again: usize,
    pub partly_reverted: usize,
    pub fixed: usize,
    pub reworked: usize,
    pub recorded: usize,
    /// Those of which somebody signed that they looked and found nothing, and nothing else tells of.
    pub cleared: usize,
}

impl Counts {
    pub fn add(&mut self, change: &Change) {
        self.landed += 1;
        self.watched += usize::from(change.is_watched);
        self.with_outcome += usize::from(!change.kinds.is_empty());
        self.cleared += usize::from(change.is_cleared());
        for kind in &change.kinds {
            *match kind {
                Kind::Reverted => &mut self.reverted,
                Kind::LandedAgain => &mut self.landed_again,
                Kind::PartlyReverted => &mut self.partly_reverted,
                Kind::Fixed => &mut self.fixed,
                Kind::Reworked => &mut self.reworked,
                Kind::Recorded => &mut self.recorded,
            } += 1;
        }
    }

    pub fn of(&self, kind: Kind) -> usize {
        match kind {
            Kind::Reverted => self.reverted,
            Kind::LandedAgain => self.landed_again,
            Kind::PartlyReverted => self.partly_reverted,
            Kind::Fixed => self.fixed,
            Kind::Reworked => self.reworked,
            Kind::Recorded => self.recorded,
        }
    }
}

/// Counts by one property of changes.
#[derive(Debug, Clone, Serialize)]
pub struct Group {
    /// `month`, `ai`, `tool`, `tier`, `compartment`, `load`, `rule`.
    pub by: &'static str,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub name: Shown,
    #[serde(flatten)]
    pub counts: Counts,
}

/// A segment that landed in the period.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    #[serde(rename = "ref")]
    pub name: Shown,
    pub from: Option<String>,
    pub to: String,
    pub commits: usize,
    pub subject: Shown,
    pub author: Shown,
    pub at: Time,
    pub at_by: When,
    pub decision: Decision,
    /// Status of provenance: `declared`, `detected` and the like.
    pub ai: &'static str,
    pub tool: Option<Shown>,
    /// By the rules of today; none if it was not asked for, or not computed.
    pub tier: Option<u8>,
    /// The risk rules that fire on it.
    pub rules: Vec<Shown>,
    pub compartments: BTreeSet<Shown>,
    pub approvers: Vec<Shown>,
    /// The most approvals that one of them signed in the seven days before; none without an approval.
    pub load: Option<usize>,
    /// It was looked at for all of the time in which an outcome counts.
    pub is_watched: bool,
    pub kinds: BTreeSet<Kind>,
    /// Lines that it wrote, and how many of these were changed again soon.
    pub lines_written: usize,
    pub lines_reworked: usize,
    pub outcomes: Vec<Outcome>,
    /// What people signed about it.
    pub records: Vec<Named>,
}

impl Change {
    /// Whether somebody who did not write it signed that they found nothing, and nothing else tells of an outcome.
    pub fn is_cleared(&self) -> bool {
        self.kinds.is_empty() && self.records.iter().any(|record| !record.is_by_author)
    }
}

/// What somebody signed about a change.
#[derive(Debug, Clone, Serialize)]
pub struct Named {
    /// The id of the record.
    pub record: String,
    pub person: Shown,
    /// `incident`, `rollback`, `defect` or `none`.
    pub kind: &'static str,
    pub link: Shown,
    pub words: Shown,
    /// When it began, and when it was signed, by the signer.
    pub happened_at: Time,
    pub signed_at: Time,
    /// The signer is an author of the change: what they did not find clears nothing.
    pub is_by_author: bool,
    /// How the key ended with which it was signed before; none if it has not.
    pub key_end: Option<Shown>,
}

/// A later segment by which something came of a change.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// `revert`, `fix` or `rework`.
    pub what: &'static str,
    /// The evidence of a revert or a fix; none for rework, which is counted.
    pub evidence: Vec<How>,
    /// The last commit of the later segment.
    pub commit: String,
    pub subject: Shown,
    pub at: Time,
    /// Seconds after the landing; 0 if the dates contradict the order.
    pub after: i64,
    /// The commits whose messages say so.
    pub said_by: Vec<String>,
    /// The commits of the change that are named, if it is not all of it.
    pub parts: Vec<String>,
    /// The revert was itself reverted.
    pub is_taken_back: bool,
    /// For rework, the lines of the change that it changes.
    pub lines: usize,
}
