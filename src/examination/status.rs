//! What a change still needs before it can land, in a word or two: of several, what stops it first.

use std::fmt;

use serde::{Serialize, Serializer};

use super::blockers::{people_asked, to_look_again, to_sign_again};
use super::{Examination, RepositorySnapshot};
use crate::gate::{Code, SlotState, Standing, advice};
use crate::policy::Policy;
use crate::source::git::PolicyState;

/// Where a change stands, for one person; its words are those of the queue, its JSON and its notices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ChangeStatus {
    /// Its objects were not read, or cannot be.
    #[default]
    Unreadable,
    /// There is no policy where it would land.
    PolicyAbsent,
    /// The policy there has mistakes.
    PolicyInvalid,
    /// Somebody rejected it as it is now.
    Rejected,
    /// It cannot land, whoever signs for it.
    Refused,
    /// The same as a whole; its parts can land one by one.
    MustBeSplit,
    /// The same where it is based; on what its target has now it can land.
    MustBeRebased,
    /// It may land.
    Signed,
    /// All approvals are there; it may land when a freeze ends.
    Frozen,
    /// All approvals are there; it may land when a delay is over.
    Cooling,
    /// All approvals are there, but not all signed evidence.
    NeedsEvidence,
    /// This person approved it, others have not yet.
    Waiting,
    /// This person wrote it, so others sign.
    Yours,
    /// This person can sign what is open.
    NeedsYou,
    /// One of these people, by id, looks again: they rejected an earlier version, or may take over its rejection.
    NeedsPeople(Vec<String>),
    /// Some of the people required have approved it.
    Partly { approved: usize, required: usize },
    /// Others than this person can sign what is open.
    NeedsOthers,
}

impl ChangeStatus {
    /// Of an examined change, at a time in seconds since 1970, for a person by id if one is known.
    pub fn of(snapshot: &RepositorySnapshot, examination: &Examination, me: Option<&str>, now: i64) -> ChangeStatus {
        let (Some(policy), Some(standing)) = (snapshot.policy(), &examination.standing) else {
            let is_absent = matches!(snapshot.policy, PolicyState::Absent);
            return if is_absent { ChangeStatus::PolicyAbsent } else { ChangeStatus::PolicyInvalid };
        };
        let looking = to_look_again(policy, standing, now);
        stopped(examination, standing, &looking)
            .or_else(|| looked_at_again(looking, me))
            .or_else(|| filled(standing))
            .or_else(|| unanswered(standing, me))
            .unwrap_or_else(|| open(policy, standing, me, now))
    }

    /// Whether all is said.
    pub fn is_decided(&self) -> bool {
        matches!(self, ChangeStatus::Signed | ChangeStatus::Rejected | ChangeStatus::Frozen | ChangeStatus::Cooling)
    }

    /// Whether it cannot land, whoever signs.
    pub fn is_stuck(&self) -> bool {
        matches!(
            self,
            ChangeStatus::Unreadable
                | ChangeStatus::PolicyAbsent
                | ChangeStatus::PolicyInvalid
                | ChangeStatus::Refused
                | ChangeStatus::MustBeSplit
                | ChangeStatus::MustBeRebased
        )
    }

    /// Whether somebody must sign before it can land; not if it is decided, or cannot land as it is.
    pub fn waits(&self) -> bool {
        !self.is_decided() && !self.is_stuck()
    }
}

/// What stops it, whatever anybody signs from here on, or that nothing stops it.
fn stopped(examination: &Examination, standing: &Standing, looking: &[String]) -> Option<ChangeStatus> {
    if !standing.rejected_by.is_empty() && looking.is_empty() {
        return Some(ChangeStatus::Rejected);
    }
    if let Some(stop) = &examination.stop {
        let is_rebased = stop.code == Code::BaseMoved;
        return Some(if is_rebased { ChangeStatus::MustBeRebased } else { ChangeStatus::Refused });
    }
    if standing.is_allowed() {
        return Some(ChangeStatus::Signed);
    }
    let is_refused = !advice::refusals(standing).is_empty();
    let has_parts = !examination.split.is_empty();
    is_refused.then_some(if has_parts { ChangeStatus::MustBeSplit } else { ChangeStatus::Refused })
}

fn looked_at_again(looking: Vec<String>, me: Option<&str>) -> Option<ChangeStatus> {
    let is_me = |by: &String| me.is_some_and(|me| by == me);
    match looking {
        nobody if nobody.is_empty() => None,
        some if some.iter().any(is_me) => Some(ChangeStatus::NeedsYou),
        others => Some(ChangeStatus::NeedsPeople(others)),
    }
}

/// What is left when all approvals are there.
fn filled(standing: &Standing) -> Option<ChangeStatus> {
    if !standing.slots.iter().all(SlotState::is_filled) {
        return None;
    }
    if let Some(delay) = advice::delays(standing).first() {
        return Some(if delay.code == Code::Freeze { ChangeStatus::Frozen } else { ChangeStatus::Cooling });
    }
    standing.evidence.iter().any(|state| !state.is_met()).then_some(ChangeStatus::NeedsEvidence)
}

/// Who must sign again, if all have signed before somebody rejected a change of the same paths.
fn unanswered(standing: &Standing, me: Option<&str>) -> Option<ChangeStatus> {
    match to_sign_again(standing) {
        [] => None,
        people if me.is_some_and(|me| people.iter().any(|id| id == me)) => Some(ChangeStatus::NeedsYou),
        people => Some(ChangeStatus::NeedsPeople(people.to_vec())),
    }
}

/// Who can sign what is open.
fn open(policy: &Policy, standing: &Standing, me: Option<&str>, now: i64) -> ChangeStatus {
    if let Some(me) = me {
        let is_me = |id: &String| id == me;
        if standing.approved_by.iter().any(is_me) {
            return ChangeStatus::Waiting;
        }
        if standing.authors.iter().any(is_me) && !policy.self_review {
            return ChangeStatus::Yours;
        }
        if advice::needs(policy, standing, now).iter().any(|need| need.could.iter().any(is_me)) {
            return ChangeStatus::NeedsYou;
        }
    }
    match standing.approved_by.len() {
        0 => ChangeStatus::NeedsOthers,
        approved => ChangeStatus::Partly { approved, required: people_asked(standing) },
    }
}

impl fmt::Display for ChangeStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ChangeStatus::Unreadable => "unreadable",
            ChangeStatus::PolicyAbsent => "no policy",
            ChangeStatus::PolicyInvalid => "policy invalid",
            ChangeStatus::Rejected => "rejected",
            ChangeStatus::Refused => "refused",
            ChangeStatus::MustBeSplit => "split",
            ChangeStatus::MustBeRebased => "rebase",
            ChangeStatus::Signed => "signed",
            ChangeStatus::Frozen => "frozen",
            ChangeStatus::Cooling => "cooling",
            ChangeStatus::NeedsEvidence => "evidence",
            ChangeStatus::Waiting => "waiting",
            ChangeStatus::Yours => "yours",
            ChangeStatus::NeedsYou => "needs you",
            ChangeStatus::NeedsPeople(people) => return write!(f, "needs {}", people.join(", ")),
            ChangeStatus::Partly { approved, required } => return write!(f, "{approved} of {required}"),
            ChangeStatus::NeedsOthers => "needs others",
        })
    }
}

impl Serialize for ChangeStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
