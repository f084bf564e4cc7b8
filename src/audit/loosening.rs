//! What a segment newly lets land, as it changed the policy or the file of the organization.

use super::AuditInput;
use super::line::Step;
use super::policies::{Held, Policies};
use crate::change::ObjectId;
use crate::policy::{Direction, Policy, meaning};
use crate::source::git::Repository;
use crate::source::git::organization;

/// The most loosening changes of a policy that an exception lists.
const MAX_LOOSENED: usize = 3;

/// Step by step: a change that a later step takes back was in force in between.
pub(super) fn of(input: &AuditInput<'_>, name: &str, steps: &[Step], landed_at: i64) -> Vec<String> {
    let policies = &input.policies;
    let is_of_policy = policies.branch.as_deref() == Some(name) && !policies.is_fixed();
    if !is_of_policy {
        return Vec::new();
    }
    let of_step = |step: &Step| {
        let of_organization = loosened_organization(input.repository, step.from, step.commit);
        [loosened_policy(policies, step.from, step.commit, landed_at), of_organization].concat()
    };
    let all: Vec<String> = steps.iter().filter(|step| step.touches_rules).flat_map(of_step).collect();
    let more = all.len().saturating_sub(MAX_LOOSENED);
    let more = (more > 0).then(|| format!("and {more} more"));
    all.into_iter().take(MAX_LOOSENED).chain(more).collect()
}

/// What a step of the policy branch lets land that did not before, under the organization at a time.
fn loosened_policy(policies: &Policies<'_>, from: Option<ObjectId>, to: ObjectId, at: i64) -> Vec<String> {
    let Ok(Held::Found(old)) = policies.at_commit(from, at) else { return Vec::new() };
    match policies.at_commit(Some(to), at) {
        Ok(Held::Found(new)) => looser(&old, &new),
        Ok(Held::Absent) => vec!["there is no policy any more".to_owned()],
        Ok(Held::Invalid(_)) | Err(_) => vec!["the policy cannot be read".to_owned()],
    }
}

/// What a step lets land in the repositories that inherit from this one.
fn loosened_organization(repository: &Repository, from: Option<ObjectId>, to: ObjectId) -> Vec<String> {
    let Some(Ok(old)) = from.map(|from| organization::at(repository, from)) else { return Vec::new() };
    match organization::at(repository, to) {
        Ok(new) => looser(old.rules(), new.rules()).into_iter().map(|text| format!("for all: {text}")).collect(),
        Err(_) => vec!["the file of the organization cannot be read".to_owned()],
    }
}

fn looser(old: &Policy, new: &Policy) -> Vec<String> {
    let looser = meaning(old, new).into_iter().filter(|one| one.direction == Direction::Looser);
    looser.map(|one| one.text).collect()
}
