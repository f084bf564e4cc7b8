//! Why a change cannot land, whom it waits for, and how many people it needs.

use std::collections::BTreeSet;

use super::{Examination, RepositorySnapshot};
use crate::change::visible;
use crate::gate::{Code, Reason, Standing, advice};
use crate::policy::{Policy, SlotState};
use crate::source::git::PolicyState;

/// Why a change cannot land, whoever signs for it; in the gate's words, each with its code.
pub fn refusals(snapshot: &RepositorySnapshot, examination: &Examination) -> Vec<String> {
    let branch = visible::text(&snapshot.target.name);
    match (&snapshot.policy, &examination.standing) {
        (PolicyState::Absent, _) => {
            vec![format!(
                "{}: There is no policy on {branch}, so nothing may land. `undersign init` writes one; \
                           commit it, and push it there.",
                Code::PolicyAbsent
            )]
        }
        (PolicyState::Invalid(error), _) => vec![format!(
            "{}: The policy on {branch} has mistakes, so nothing may land: {}",
            Code::PolicyInvalid,
            visible::lines(&error.to_string())
        )],
        (PolicyState::Found(_), standing) => {
            let reasons = standing.iter().flat_map(advice::refusals);
            let reasons = reasons.map(told);
            stop(examination).into_iter().chain(reasons).collect()
        }
    }
}

/// Why nobody can approve a proposal as it is, whatever the policy says, in the gate's words.
pub fn stop(examination: &Examination) -> Option<String> {
    examination.stop.as_ref().map(told)
}

/// Of commits that undo each other there is nothing to read, so that an approval would be of what nobody was shown.
pub(super) fn comes_to_nothing() -> Reason {
    let detail = "Its commits undo each other: a merge would land them, and none of it is shown here to be approved. \
                  Have them left out.";
    Reason::deny(Code::Unsigned, detail)
}

fn told(reason: &Reason) -> String {
    format!("{}: {}", reason.code, reason.detail)
}

/// For whom a change waits that was rejected and has moved on since, by id: who rejected it says whether that was
/// enough, or who may take the rejection over, where that person cannot. Nobody, if somebody rejected it as it is now.
pub(super) fn to_look_again(policy: &Policy, standing: &Standing, now: i64) -> Vec<String> {
    let vetoes = || standing.to_answer.iter().filter(|one| one.is_veto);
    if vetoes().any(|one| !one.is_outdated) {
        return Vec::new();
    }
    let could = |by: &str| match advice::could_end(policy, standing, by, now) {
        nobody if nobody.is_empty() => vec![by.to_owned()],
        could => could,
    };
    vetoes().flat_map(|one| could(&one.by)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Who must sign again, by id: all approvals are there, and none of them answers a rejection of the same paths, which
/// may be newer. Whoever approved signs again, and so answers it.
pub(super) fn to_sign_again(standing: &Standing) -> &[String] {
    let is_filled = standing.slots.iter().all(SlotState::is_filled);
    let waits = is_filled && standing.to_answer.iter().any(|one| !one.is_veto);
    if waits { &standing.approved_by } else { &[] }
}

pub(super) fn people_asked(standing: &Standing) -> usize {
    let widest = standing.slots.iter().map(|slot| slot.need).sum::<usize>().max(1);
    distinct_need(standing).unwrap_or(widest)
}

/// How many more people must sign, as far as they can be counted.
pub fn people_missing(standing: &Standing) -> usize {
    people_asked(standing).saturating_sub(standing.approved_by.len())
}

/// The number of people required by the largest compartment.
fn distinct_need(standing: &Standing) -> Option<usize> {
    let names: BTreeSet<_> = standing.slots.iter().map(|slot| &slot.compartment).collect();
    names
        .into_iter()
        .map(|name| standing.slots.iter().filter(|slot| slot.compartment == *name).map(|slot| slot.need).sum())
        .max()
}
