//! Which refusals block a request, and what ends one.

use super::authorization::Verdict;
use super::receipt::RunStatement;
use super::record_status::Counted;
use super::request::{Proof, Request};
use crate::gate::signers;
use crate::policy::Policy;
use crate::record::{RecordId, Signable as _};

/// The refusals that affect a request.
#[derive(Debug, Default)]
pub(super) struct Refusals<'k> {
    /// Those of this very command: they apply until they are ended.
    pub holding: Vec<Counted<'k>>,
    /// Those of other commands of the same operator: each authorization must answer them.
    pub to_answer: Vec<Counted<'k>>,
}

impl Refusals<'_> {
    /// The first refusal that an authorization does not answer.
    pub fn unanswered(&self, answers: &[String]) -> Option<&Counted<'_>> {
        self.to_answer.iter().find(|refusal| !answers.contains(&refusal.record.id().to_string()))
    }
}

/// Of the records in force, the refusals that block a request to a target.
pub(super) fn refusals<'k>(
    policy: &Policy,
    counted: &[Counted<'k>],
    target: &str,
    request: (&Request, &str),
    now: i64,
) -> Refusals<'k> {
    let (request, digest) = request;
    let mut found = Refusals::default();
    let refused = counted.iter().filter(|one| one.is(Verdict::Refuse) && one.authorization().target == target);
    for refusal in refused.filter(|refusal| !is_handed_over(policy, counted, refusal, now)) {
        if refusal.authorization().command == digest {
            found.holding.push(*refusal);
        } else if now < refusal.authorization().not_after.seconds() && is_of_same(refusal, request) {
            found.to_answer.push(*refusal);
        }
    }
    found
}

/// Whether two requests have the same operator, or may have: a claim proves neither.
fn is_of_same(refusal: &Counted<'_>, request: &Request) -> bool {
    let Some(refused) = request_in(refusal) else { return true };
    let is_claimed = |one: &Request| one.asked.proof == Proof::Claimed;
    is_claimed(request) || is_claimed(&refused) || refused.asked.operator == request.asked.operator
}

/// The request inside a record.
fn request_in(counted: &Counted<'_>) -> Option<Request> {
    let text = counted.authorization().request.text.as_bytes();
    RunStatement::decode(text).ok()?.predicate.admitted().cloned()
}

/// Whether people who could change the policy now answer for a refusal, none of them the refused operator.
fn is_handed_over(policy: &Policy, counted: &[Counted<'_>], refusal: &Counted<'_>, now: i64) -> bool {
    let id: RecordId = refusal.record.id();
    let names = |one: &&Counted<'_>| {
        one.is(Verdict::Handover) && !one.is_ahead(now) && one.authorization().answers.contains(&id.to_string())
    };
    if !counted.iter().any(|one| names(&one)) {
        return false;
    }
    let operator = request_in(refusal).map(|request| request.asked.operator).unwrap_or_default();
    let taking: Vec<Counted<'_>> =
        counted.iter().filter(|one| names(one) && one.is_human() && one.person.id != operator).copied().collect();
    let required = policy.hand_over();
    !required.is_empty()
        && required.iter().all(|requirement| {
            let present: Vec<_> = taking.iter().filter(|one| one.presence >= requirement.presence).copied().collect();
            requirement.is_filled_by(&signers(&present))
        })
}
