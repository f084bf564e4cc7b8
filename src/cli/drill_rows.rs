//! Drills of emergencies as lists show them: always as drills.

use serde::Serialize;

use crate::change::{counted, visible};
use crate::datafile::date;
use crate::gate::drill::{DrillReport, Subject};
use crate::ledger::drills::AllDrills;
use crate::ledger::families::Keys;
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
        let (kind, of) = match &drill.of {
            Subject::Change { target, commit, manifest } => {
                let target = visible::text(target).into_owned();
                ("drill", Drilled::Change { target, commit: commit.clone(), manifest: manifest.clone() })
            }
            Subject::Command { target, request } => {
                let target = visible::text(target).into_owned();
                ("command-drill", Drilled::Command { target, request: request.clone() })
            }
        };
        ShownDrill {
            id: drill.id.clone(),
            kind,
            of,
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
        let all = AllDrills::read(repository, true, &Keys::of(policy)).unwrap_or_default();
        if all.unread > 0 {
            let unread = counted(all.unread, "chain");
            eprintln!("undersign: {unread} of drills left out, which are too much to read: what they owe is not seen.");
        }
        all.reports(policy, policy, now).iter().map(|drill| ShownDrill::of(drill, now)).collect()
    }
}

/// `DRILL 0123456789ab by dana and omar of 3f9c2ab1 on refs/heads/main, goes on until …; review owed within 1 day`, and
/// of a command `… of the request 7be0… at shop-prod, …`
pub fn headline(drill: &DrillReport, now: i64) -> String {
    let lasts = if drill.is_open(now) { "goes on until" } else { "ended" };
    let (of, act) = match &drill.of {
        Subject::Change { target, commit, .. } => (format!("{} on {}", &commit[..12], visible::text(target)), "land"),
        Subject::Command { target, request } => {
            (format!("the request {} at {}", &request[..12], visible::text(target)), "run")
        }
    };
    let lacking = drill.lacking.as_ref().map(|why| format!("; no emergency would {act} it: {why}"));
    format!(
        "DRILL {} by {} of {of}, began {}, {lasts} {}; {}{}",
        &drill.id[..12],
        drill.people.join(" and "),
        date(drill.began),
        date(drill.until),
        drill.review(now),
        lacking.unwrap_or_default()
    )
}
