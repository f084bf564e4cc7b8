//! Drills of emergencies at a target: whose record of one counts, what an emergency would have been told, and whether
//! the authorization that would be owed was practised. By the terms, slots and refusals of an emergency, so that people
//! practise what would happen.
//!
//! Nothing starts, waits, is counted in a quota or owed because of a drill: [`may_start`](super::may_start) does not
//! take any, and what a broker says of one is the sentence of an explanation.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::break_glass::{able, enough_after, filling, used};
use super::case::{Case, is_destructive};
use super::decision::past;
use super::drill_statement::{CommandDrill, CommandDrillChain, CommandDrillRecord};
use super::knowledge::Knowledge;
use super::outcome::{Answer, Code, Decided, Effect, Reason};
use super::receipt::Run;
use super::record_status::Signature;
use super::records::RunChain;
use super::request::Request;
use crate::gate::drill::{CountedDrill, DrillReport, HeldDrill, Practice, Subject, Terms, first_filling, last_by};
use crate::policy::meaning::Length;
use crate::policy::{Person, PersonKind, Policy, Requirement, Target};
use crate::record::drill::OfDrill as _;
use crate::record::{Presence, RecordId};

/// The most drills of one request that are explained.
const MAX_TOLD: usize = 4;

/// A record of a drill that counts.
type CountedCommandDrill<'c> = CountedDrill<'c, CommandDrillRecord>;
/// A drill of a command.
type HeldCommandDrill<'c> = HeldDrill<'c, CommandDrillRecord>;

impl Terms for CommandDrillRecord {
    /// A target that is not in the policy takes no signature.
    fn longest(&self, policy: &Policy) -> Option<i64> {
        Some(policy.target(&self.drill().target).map_or(0, |target| target.valid))
    }
}

impl<'c> Signature<'c> for CountedCommandDrill<'c> {
    fn presence(&self) -> Presence {
        self.presence
    }

    fn times(&self) -> (i64, i64, i64) {
        let own = self.record.drill();
        (own.issued_at.seconds(), 0, own.not_after.seconds())
    }

    fn answers(&self) -> &'c [String] {
        &self.record.drill().answers
    }
}

/// What an emergency would be told now by the broker that is asked, if people practise one with this request: a
/// sentence for each drill, one of each person, and first of those that it would start. Whatever is returned, the
/// answer stands as it is.
pub fn told(knowledge: &Knowledge<'_>, chains: &[CommandDrillChain], request: RecordId) -> Vec<Reason> {
    let Ok(case) = Case::of(knowledge, request) else { return Vec::new() };
    let Some(record) = knowledge.own.records.iter().find(|record| record.id() == request) else { return Vec::new() };
    let (now, run, id) = (knowledge.now, record.run(), request.to_string());
    let is_meant = |drill: &HeldCommandDrill<'_>| {
        let own = drill.began.record.drill();
        now < drill.until && own.request == id && own.broker == knowledge.own.id.key && repeats(own, run)
    };
    let held = HeldCommandDrill::all(knowledge.policy, knowledge.policy, chains, now).into_iter().filter(is_meant);
    let held: Vec<HeldCommandDrill<'_>> = held.filter_map(|drill| good_now(drill, now)).collect();
    if held.is_empty() {
        return Vec::new();
    }
    // Neither depends on the drill, and both look through the broker's whole chain.
    let (used, answer) = (used(&case), case.without_emergency().0);
    // Who begins many drills takes no place of another: of each person one that it would start, or with the most
    // people, the newest first.
    let mut by_person: BTreeMap<&str, ((bool, usize), String)> = BTreeMap::new();
    for drill in &held {
        let people = drill.people();
        let (starts, would) = match enough_after(&case, &drill.declared, || used) {
            Err(why) => (false, format!("An emergency would not start it. {why}")),
            Ok(present) => would(&case, answer.clone(), &present),
        };
        let rank = (starts, people.len());
        let said = || format!("This is a drill by {}, and a drill runs nothing. {would}", people.join(" and "));
        let person = drill.began.person.id.as_str();
        if by_person.get(person).is_none_or(|(known, _)| *known < rank) {
            by_person.insert(person, (rank, said()));
        }
    }
    let mut told: Vec<_> = by_person.into_values().collect();
    told.sort_by_key(|((starts, _), _)| !starts);
    told.into_iter().take(MAX_TOLD).map(|(_, said)| Reason::new(Code::Drill, Effect::Explains, said)).collect()
}

/// The drill with the signatures whose keys hold now; none if there are none.
fn good_now(mut drill: HeldCommandDrill<'_>, now: i64) -> Option<HeldCommandDrill<'_>> {
    drill.declared.retain(|one| one.enrolment.unfit(one.record.issued(), Some(now), now).is_none());
    (!drill.declared.is_empty()).then_some(drill)
}

/// Whether an emergency with these signatures would start it, and what it would be told; `answer` is that without one.
fn would(case: &Case<'_>, answer: Answer, present: &[CountedCommandDrill<'_>]) -> (bool, String) {
    if answer.decided == Decided::Start {
        return (true, "An emergency would have nothing to let through: it may start as it is.".to_owned());
    }
    let people = present.iter().map(|one| one.person.id.as_str()).collect();
    let answer = past(answer, people);
    if answer.decided == Decided::Start {
        let debt = case.target.break_glass.as_ref().map_or(0, |terms| terms.debt_after);
        let said = format!("An emergency would start it, and would have to be authorized within {}.", Length(debt));
        return (true, said);
    }
    let left = answer.reasons.iter().filter(|reason| reason.effect >= Effect::Waits);
    let codes: BTreeSet<&str> = left.map(|reason| reason.code.name()).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    (false, format!("An emergency would not start it either, because of {}.", codes.join(", ")))
}

/// All drills of commands in a repository, the newest first: by the terms of a policy, and reviewed by those of a later
/// one, which may be the same.
pub fn drills(
    (policy, later): (&Policy, &Policy),
    runs: &[RunChain],
    chains: &[CommandDrillChain],
    now: i64,
) -> Vec<DrillReport> {
    let requests = Requests::of(runs);
    HeldCommandDrill::all(policy, later, chains, now)
        .iter()
        .map(|drill| report(policy, later, &requests, drill))
        .collect()
}

fn report(policy: &Policy, later: &Policy, requests: &Requests<'_>, drill: &HeldCommandDrill<'_>) -> DrillReport {
    let own = drill.began.record.drill();
    let request = requests.of_drill(own);
    let due = declared(policy, request, drill);
    let reviews = match (&due, request, later.target(&own.target)) {
        (Ok(_), Some(request), Some(target)) => reviews(target, request, drill),
        _ => Vec::new(),
    };
    let of = Subject::Command { target: own.target.clone(), request: own.request.clone() };
    drill.report(of, due, &reviews)
}

/// What brokers admitted, by id, each with the key of its chain: a drill may be of any of a great number.
struct Requests<'r>(HashMap<RecordId, (&'r str, &'r Run)>);

impl<'r> Requests<'r> {
    fn of(runs: &'r [RunChain]) -> Requests<'r> {
        let of_chain = |chain: &'r RunChain| {
            let admitted = chain.records.iter().filter(|record| record.run().admitted().is_some());
            admitted.map(|record| (record.id(), (chain.id.key.as_str(), record.run())))
        };
        Requests(runs.iter().flat_map(of_chain).collect())
    }

    /// The request of a drill, if its broker's chain has it, and the record repeats what it says.
    fn of_drill(&self, own: &CommandDrill) -> Option<&'r Request> {
        let (broker, run) = self.0.get(&own.request.parse().ok()?)?;
        run.admitted().filter(|_| *broker == own.broker && repeats(own, run))
    }
}

/// Whether a record of a drill says of a request what its broker admitted.
pub fn repeats(own: &CommandDrill, run: &Run) -> bool {
    run.target == own.target
        && run.broker == own.broker
        && run.repository.id == own.repository.id
        && run.command_digest().is_some_and(|digest| digest.to_string() == own.command)
}

/// The target of a drill, if it is in the policy and of the broker that the drill names.
fn target_of<'p>(policy: &'p Policy, own: &CommandDrill) -> Option<&'p Target> {
    let is_own =
        |target: &&Target| policy.broker_of(target).is_some_and(|broker| broker.key.id().to_string() == own.broker);
    policy.target(&own.target).filter(is_own)
}

/// When the authorization would have been due, counted from the last signature that an emergency would have needed.
///
/// # Errors
/// A sentence: what it would have lacked.
fn declared(policy: &Policy, request: Option<&Request>, drill: &HeldCommandDrill<'_>) -> Result<i64, String> {
    let own = drill.began.record.drill();
    let target = target_of(policy, own).ok_or("The policy has no such target, or gives it to another broker.")?;
    let request = request.ok_or("The request is not here, or another one.")?;
    let present = filling(target, request, &drill.declared)?;
    let required: Vec<Requirement> = target.emergency().into_iter().collect();
    let needed = first_filling(&required, &present).unwrap_or(present.len());
    let last = present[..needed].iter().map(|one| one.record.issued()).max().unwrap_or_default();
    let debt = target.break_glass.as_ref().map_or(0, |terms| terms.debt_after);
    Ok(last.saturating_add(debt))
}

/// The reviews that were needed until all slots were filled, in their order; none if they are not.
fn reviews<'c>(target: &Target, request: &Request, drill: &HeldCommandDrill<'c>) -> Vec<CountedCommandDrill<'c>> {
    let counts =
        |one: &&CountedCommandDrill<'c>| one.person.id != request.asked.operator && one.presence >= target.presence;
    let mut own: Vec<CountedCommandDrill<'c>> = drill.reviews.iter().filter(counts).copied().collect();
    own.truncate(first_filling(&target.requirements(is_destructive(request), false), &own).unwrap_or(0));
    own
}

/// Everybody whose signature could let an emergency through now, by target and id, with their last drill there: of a
/// request that is here, with a signature that an emergency would have counted.
pub fn practice(policy: &Policy, runs: &[RunChain], chains: &[CommandDrillChain], now: i64) -> Vec<Practice> {
    let requests = Requests::of(runs);
    let held = HeldCommandDrill::all(policy, policy, chains, now);
    let signed = held.iter().flat_map(|drill| {
        let own = drill.began.record.drill();
        let known = target_of(policy, own).zip(requests.of_drill(own));
        known.and_then(|(target, request)| able(target, request, &drill.declared).ok()).unwrap_or_default()
    });
    let last = last_by(signed.map(|one| {
        let own = one.record.drill();
        ((own.target.as_str(), one.person.id.as_str()), one.record.issued())
    }));
    let mut all: Vec<Practice> = Vec::new();
    for target in &policy.targets {
        let Some(terms) = &target.break_glass else { continue };
        let may = |person: &&Person| {
            person.kind == PersonKind::Human
                && terms.sign.iter().any(|slot| person.could_fill(&slot.role, terms.presence, now))
        };
        all.extend(policy.roster.people().filter(may).map(|person| Practice {
            target: Some(target.name.clone()),
            person: person.id.clone(),
            last: last.get(&(target.name.as_str(), person.id.as_str())).copied(),
        }));
    }
    all.sort();
    all
}
