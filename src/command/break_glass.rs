//! Break-glass at a target: who lets a run through, how often, and the authorization that is owed afterwards.

use std::collections::BTreeSet;

use super::authorization::Verdict;
use super::case::{Case, is_destructive};
use super::outcome::{Code, Effect, Reason};
use super::receipt::{Event, Outcome, Started, YesNo};
use super::record_status::{Counted, Signature};
use super::request::{Proof, Request};
use crate::gate::signers;
use crate::policy::Target;
use crate::policy::meaning::Length;
use crate::record::RecordId;

/// The period of the quota: 30 days, in seconds.
const WINDOW: i64 = 30 * 24 * 3600;

/// The signatures that let a request through in an emergency; none if nobody signed for one, or the target has no terms
/// for it.
///
/// # Errors
/// Somebody signed, but it is not enough.
pub(super) fn signed<'k>(case: &Case<'k>) -> Result<Option<Vec<Counted<'k>>>, Reason> {
    if case.target.break_glass.is_none() {
        return Ok(None);
    }
    let own = case.id.to_string();
    let declared = |one: &&Counted<'_>| one.is(Verdict::BreakGlass) && one.authorization().request.id == own;
    let all: Vec<Counted<'k>> = case.counted.iter().filter(declared).copied().collect();
    if all.is_empty() {
        return Ok(None);
    }
    let explain = |detail: String| Reason::new(Code::BreakGlass, Effect::Explains, detail);
    enough(case, &all).map(Some).map_err(explain)
}

/// Those of these signatures that let a request through in an emergency, if they are enough.
///
/// # Errors
/// A sentence: what is missing.
pub(super) fn enough<'k, S: Signature<'k>>(case: &Case<'_>, all: &[S]) -> Result<Vec<S>, String> {
    enough_after(case, all, || used(case))
}

/// The same, with the number of emergencies already counted: it does not depend on the signatures.
///
/// # Errors
/// As for [`enough`].
pub(super) fn enough_after<'k, S: Signature<'k>>(
    case: &Case<'_>,
    all: &[S],
    used: impl FnOnce() -> usize,
) -> Result<Vec<S>, String> {
    let in_time: Vec<S> = all.iter().filter(|one| case.window(*one).is_none()).copied().collect();
    let present = filling(case.target, case.request, &in_time)?;
    let used = used();
    match case.target.break_glass.as_ref().map_or(0, |terms| terms.max_per_30d) {
        most if used >= most => Err(format!("Break-glass was used {used} times in 30 days; {most} are allowed.")),
        _ => Ok(present),
    }
}

/// How often break-glass was used at the target in the period of the quota.
pub(super) fn used(case: &Case<'_>) -> usize {
    started(case).filter(|(at, _)| *at > case.knowledge.now.saturating_sub(WINDOW)).count()
}

/// Those of these signatures that fill the slots of an emergency, whenever they were made.
///
/// # Errors
/// A sentence: what is missing.
pub(super) fn filling<'k, S: Signature<'k>>(target: &Target, request: &Request, all: &[S]) -> Result<Vec<S>, String> {
    let present = able(target, request, all)?;
    let requirement = target.emergency().ok_or_else(no_terms)?;
    match requirement.fill(&signers(&present)).iter().find(|slot| !slot.is_filled()) {
        Some(slot) => Err(format!("Break-glass needs {} of role {}, has {}.", slot.need, slot.slot, slot.have)),
        None => Ok(present),
    }
}

fn no_terms() -> String {
    "The policy has no terms for emergencies at this target.".to_owned()
}

/// Those of these signatures that an emergency counts, whether they are enough or not.
///
/// # Errors
/// A sentence: why it counts none.
pub(super) fn able<'k, S: Signature<'k>>(target: &Target, request: &Request, all: &[S]) -> Result<Vec<S>, String> {
    let terms = target.break_glass.as_ref().ok_or_else(no_terms)?;
    if request.asked.proof == Proof::Claimed && !terms.operator {
        let detail = "The operator is only claimed, so nobody can be excluded as the operator, who may not allow it.";
        return Err(detail.to_owned());
    }
    let may = |one: &S| terms.operator || one.person().id != request.asked.operator;
    let good = |one: &&S| one.presence() >= terms.presence && may(one);
    Ok(all.iter().filter(good).copied().collect())
}

/// Runs of the target that an emergency let through, with their start times. A run that certainly did not start is not
/// counted.
fn started<'c>(case: &'c Case<'_>) -> impl Iterator<Item = (i64, &'c Started)> {
    let records = &case.knowledge.own.records;
    let not_run: BTreeSet<&str> = records.iter().filter_map(|record| not_run(&record.run().event)).collect();
    records.iter().filter_map(move |record| match &record.run().event {
        Event::Started(started) if not_run.contains(started.request.as_str()) => None,
        Event::Started(started) if record.run().target == case.target.name && started.emergency == YesNo::Yes => {
            Some((record.run().issued_at.seconds(), started))
        }
        _ => None,
    })
}

fn not_run(event: &Event) -> Option<&str> {
    match event {
        Event::Ended(ended) if ended.outcome == Outcome::NotRun => Some(&ended.request),
        _ => None,
    }
}

/// Whether a request ran in an emergency, and nobody has authorized it in the ordinary way yet.
pub(super) fn is_owed(case: &Case<'_>) -> bool {
    let own = case.id.to_string();
    let is_own = |(_, started): (i64, &Started)| started.request == own;
    case.target.break_glass.is_some() && started(case).any(is_own) && !is_authorized(case, &own)
}

/// The overdue authorizations: until they are signed, nothing else runs.
pub(super) fn owed(case: &Case<'_>) -> Vec<Reason> {
    let Some(terms) = &case.target.break_glass else { return Vec::new() };
    let overdue = started(case).filter(|(at, started)| {
        case.knowledge.now >= at.saturating_add(terms.debt_after) && !is_authorized(case, &started.request)
    });
    let reason = |(_, started): (i64, &Started)| {
        let detail = format!(
            "Request {} ran in an emergency and was not authorized within {} of it. Read and authorize it first.",
            started.request.get(..8).unwrap_or_default(),
            Length(terms.debt_after)
        );
        Reason::new(Code::BreakGlass, Effect::Refuses, detail)
    };
    overdue.map(reason).collect()
}

/// Whether people who saw the whole request filled its slots, before or after it ran. It does not matter that they have
/// expired by now: it was a review all the same.
fn is_authorized(case: &Case<'_>, id: &str) -> bool {
    let Some(request) = admitted(case, id) else { return false };
    let counts = |one: &&Counted<'_>| {
        one.is(Verdict::Authorize)
            && one.authorization().request.id == id
            && one.is_human()
            && !one.is_ahead(case.knowledge.now)
            && one.person.id != request.asked.operator
            && one.presence >= case.target.presence
            && one.authorization().view.unseen().is_none()
    };
    let refused: BTreeSet<&str> = case
        .counted
        .iter()
        .filter(|one| one.is(Verdict::Refuse) && one.authorization().request.id == id)
        .map(|one| one.person.id.as_str())
        .collect();
    let signed: Vec<Counted<'_>> =
        case.counted.iter().filter(counts).filter(|one| !refused.contains(one.person.id.as_str())).copied().collect();
    let required = case.target.requirements(is_destructive(request), false);
    required.iter().all(|requirement| requirement.is_filled_by(&signers(&signed)))
}

fn admitted<'c>(case: &'c Case<'_>, id: &str) -> Option<&'c Request> {
    let id: RecordId = id.parse().ok()?;
    case.knowledge.own.records.iter().find(|record| record.id() == id)?.run().admitted()
}
