//! Drills of emergencies as lists show them: always as drills.

use serde::Serialize;

use crate::change::{counted, visible};
use crate::command::RunRecord;
use crate::command::practice::{self, CommandDrillReport};
use crate::datafile::date;
use crate::gate::drill::{DrillReport, drills};
use crate::ledger::commands::{Keys, read_family_of};
use crate::ledger::drills::{read, read_of_commands};
use crate::policy::Policy;
use crate::source::git::Repository;

/// What a drill is of.
#[derive(Serialize)]
#[serde(untagged)]
enum Drilled {
    Change {
        #[serde(rename = "ref")]
        target: String,
        commit: String,
        manifest: String,
    },
    Command {
        target: String,
        request: String,
    },
}

/// A drill as one object.
#[derive(Serialize)]
pub struct ShownDrill {
    id: String,
    /// `drill`, or `command-drill`: nothing that is read by its shape alone is taken for a decision.
    kind: &'static str,
    #[serde(flatten)]
    of: Drilled,
    began: i64,
    until: i64,
    people: Vec<String>,
    /// What an emergency would have lacked; empty if nothing.
    lacking: String,
    due: Option<i64>,
    reviewed: Option<i64>,
    reviewers: Vec<String>,
    pub reason: String,
    #[serde(skip)]
    told: String,
    #[serde(skip)]
    is_current: bool,
}

impl ShownDrill {
    pub fn of(drill: &DrillReport, now: i64) -> ShownDrill {
        ShownDrill {
            id: drill.id.clone(),
            kind: "drill",
            of: Drilled::Change {
                target: visible::text(&drill.target).into_owned(),
                commit: drill.commit.clone(),
                manifest: drill.manifest.clone(),
            },
            began: drill.began,
            until: drill.until,
            people: drill.people.clone(),
            lacking: drill.lacking.clone().unwrap_or_default(),
            due: drill.due,
            reviewed: drill.reviewed,
            reviewers: drill.reviewers.clone(),
            reason: visible::text(&drill.reason).into_owned(),
            told: headline(drill, now),
            is_current: drill.is_open(now) || drill.owes(),
        }
    }

    pub fn of_command(drill: &CommandDrillReport, now: i64) -> ShownDrill {
        ShownDrill {
            id: drill.id.clone(),
            kind: "command-drill",
            of: Drilled::Command { target: visible::text(&drill.target).into_owned(), request: drill.request.clone() },
            began: drill.began,
            until: drill.until,
            people: drill.people.clone(),
            lacking: drill.lacking.clone().unwrap_or_default(),
            due: drill.due,
            reviewed: drill.reviewed,
            reviewers: drill.reviewers.clone(),
            reason: visible::text(&drill.reason).into_owned(),
            told: command_headline(drill, now),
            is_current: now < drill.until || drill.owes(),
        }
    }

    /// In one line.
    pub fn told(&self) -> &str {
        &self.told
    }

    /// Whether it goes on, or its review is owed.
    pub fn is_current(&self) -> bool {
        self.is_current
    }

    /// All drills of a repository, the newest first; none without a policy or if they cannot be read.
    pub fn all(repository: &Repository, policy: Option<&Policy>, now: i64) -> Vec<ShownDrill> {
        let Some(policy) = policy else { return Vec::new() };
        let read = read(repository, true, &Keys::of(policy));
        let (chains, unread) = read.unwrap_or_default();
        if unread > 0 {
            let unread = counted(unread, "chain");
            eprintln!("undersign: {unread} of drills left out, which are too much to read: what they owe is not seen.");
        }
        let reports = drills(policy, &chains, now);
        let mut all: Vec<ShownDrill> = reports.iter().map(|drill| ShownDrill::of(drill, now)).collect();
        let of_commands = of_commands(repository, policy, now);
        all.extend(of_commands.iter().map(|drill| ShownDrill::of_command(drill, now)));
        all
    }
}

/// The drills of commands in a repository, the newest first; none if they cannot be read. Requests are read only if
/// there is one.
pub fn of_commands(repository: &Repository, policy: &Policy, now: i64) -> Vec<CommandDrillReport> {
    let keys = Keys::of(policy);
    let (chains, _) = read_of_commands(repository, true, &keys).unwrap_or_default();
    if chains.is_empty() {
        return Vec::new();
    }
    let runs = read_family_of::<RunRecord>(repository, true, &keys).unwrap_or_default();
    practice::drills((policy, policy), &runs, &chains, now)
}

/// `DRILL 0123456789ab by ines of the request 7be0… at shop-prod, goes on until …; review owed within 1 day`
pub fn command_headline(drill: &CommandDrillReport, now: i64) -> String {
    let lasts = if now < drill.until { "goes on until" } else { "ended" };
    let lacking = drill.lacking.as_ref().map(|why| format!("; no emergency would run it: {why}"));
    format!(
        "DRILL {} by {} of the request {} at {}, began {}, {lasts} {}; {}{}",
        &drill.id[..12],
        drill.people.join(" and "),
        &drill.request[..12],
        visible::text(&drill.target),
        date(drill.began),
        date(drill.until),
        drill.review(now),
        lacking.unwrap_or_default()
    )
}

/// `DRILL 0123456789ab by dana and omar of 3f9c2ab1 on refs/heads/main, goes on until …; review owed within 1 day`
pub fn headline(drill: &DrillReport, now: i64) -> String {
    let lasts = if drill.is_open(now) { "goes on until" } else { "ended" };
    let lacking = drill.lacking.as_ref().map(|why| format!("; no emergency would land it: {why}"));
    format!(
        "DRILL {} by {} of {} on {}, began {}, {lasts} {}; {}{}",
        &drill.id[..12],
        drill.people.join(" and "),
        &drill.commit[..12],
        visible::text(&drill.target),
        date(drill.began),
        date(drill.until),
        drill.review(now),
        lacking.unwrap_or_default()
    )
}
