//! Drills of emergencies at a target: whose record of one counts, what an emergency would have been told, and whether
//! the authorization that would be owed was practised. By the terms, slots and refusals of an emergency, so that people
//! practise what would happen.
//!
//! Nothing starts, waits, is counted in a quota or owed because of a drill: [`may_start`](super::may_start) does not
//! take any, and what a broker says of one is the sentence of an explanation.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::case::{Case, is_destructive};
use super::decision::past;
use super::drill::{CommandDrillChain, CommandDrillRecord, out_of_order};
use super::emergency::{enough, filling};
use super::knowledge::Knowledge;
use super::outcome::{Code, Decided, Effect, Reason};
use super::receipt::Run;
use super::records::RunChain;
use super::request::Request;
use super::standing::{Signature, signers};
use crate::gate::drill::{DrillStanding, Made, review_told, standing_of};
use crate::policy::meaning::Length;
use crate::policy::{Enrolment, Person, PersonKind, Policy, Requirement, Target};
use crate::record::drill::DrillStep;
use crate::record::{Presence, RecordId};

/// The most drills of one request that are explained.
const MAX_TOLD: usize = 4;

/// A record of a drill that counts.
#[derive(Clone, Copy)]
struct Practised<'c> {
    person: &'c Person,
    enrolment: &'c Enrolment,
    presence: Presence,
    record: &'c CommandDrillRecord,
}

impl<'c> Signature<'c> for Practised<'c> {
    fn person(&self) -> &'c Person {
        self.person
    }

    fn roles(&self) -> &'c [String] {
        &self.record.drill().roles
    }

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

/// A drill: who signed as for an emergency, who it was for, and who reviewed.
struct Held<'c> {
    began: Practised<'c>,
    /// Who signed as for an emergency, in the order of their times; who began it is the first.
    declared: Vec<Practised<'c>>,
    reviews: Vec<Practised<'c>>,
    /// When it ends, exclusive.
    until: i64,
}

impl<'c> Held<'c> {
    /// All drills, the newest first: begun by one policy, reviewed by a later one.
    fn all(policy: &'c Policy, later: &'c Policy, chains: &'c [CommandDrillChain], now: i64) -> Vec<Held<'c>> {
        let mut all: BTreeMap<String, Held<'c>> = BTreeMap::new();
        let counted = counted(policy, chains, now);
        for one in counted.iter().filter(|one| one.record.drill().step == DrillStep::Begin) {
            let drill = Held { began: *one, declared: vec![*one], reviews: Vec::new(), until: until(policy, one) };
            all.insert(one.record.id().to_string(), drill);
        }
        let reviews = self::counted(later, chains, now);
        let is = |step: DrillStep| move |one: &Practised<'c>| one.record.drill().step == step;
        let joined = counted.into_iter().filter(is(DrillStep::Join));
        for one in joined.chain(reviews.into_iter().filter(is(DrillStep::Review))) {
            let Some(drill) = all.get_mut(&one.record.began_by()).filter(|drill| drill.has(one)) else { continue };
            match one.record.drill().step {
                DrillStep::Review => drill.reviews.push(one),
                DrillStep::Begin | DrillStep::Join => drill.declared.push(one),
            }
        }
        let mut all: Vec<Held<'c>> = all.into_values().collect();
        let order = |one: &Practised<'_>| (one.record.issued(), one.record.id().to_string());
        for drill in &mut all {
            drill.declared[1..].sort_by_key(order);
            drill.reviews.sort_by_key(order);
        }
        all.sort_by_key(|drill| (Reverse(drill.began.record.issued()), drill.began.record.id().to_string()));
        all
    }

    /// Whether a record that names the drill is of it: for the same request, and at a time of it.
    fn has(&self, one: Practised<'_>) -> bool {
        let (own, began) = (one.record.drill(), self.began.record.drill());
        let at = one.record.issued();
        let is_same = own.target == began.target
            && own.broker == began.broker
            && own.request == began.request
            && own.command == began.command;
        is_same && at >= self.began.record.issued() && (own.step == DrillStep::Review || at < self.until)
    }

    /// The ids of who signed as for an emergency, each once.
    fn people(&self) -> Vec<&'c str> {
        let mut people: Vec<&str> = Vec::new();
        for one in &self.declared {
            if !people.contains(&one.person.id.as_str()) {
                people.push(&one.person.id);
            }
        }
        people
    }
}

/// When a drill that so begins ends, exclusive: with what an emergency would have been valid for.
fn until(policy: &Policy, began: &Practised<'_>) -> i64 {
    let own = began.record.drill();
    let valid = policy.target(&own.target).map_or(0, |target| target.valid);
    own.not_after.seconds().min(began.record.issued().saturating_add(valid))
}

/// Whether each record of the chains counts, chain by chain.
pub fn standings<'c>(
    policy: &Policy,
    chains: &'c [CommandDrillChain],
    now: i64,
) -> Vec<(&'c CommandDrillRecord, DrillStanding)> {
    let of_chain = |chain: &'c CommandDrillChain| {
        let sound = sound_records(chain);
        chain.records.iter().enumerate().map(move |(at, record)| match at < sound {
            true => (&**record, standing(policy, record, now).0),
            false => (&**record, DrillStanding::OutOfOrder),
        })
    };
    chains.iter().flat_map(of_chain).collect()
}

/// The number of records before the first that is dated back.
fn sound_records(chain: &CommandDrillChain) -> usize {
    out_of_order(chain).map_or(chain.records.len(), |position| position - 1)
}

fn standing<'p>(
    policy: &'p Policy,
    record: &CommandDrillRecord,
    now: i64,
) -> (DrillStanding, Option<(&'p Person, &'p Enrolment)>) {
    let own = record.drill();
    let made = Made {
        key: record.verified.key(),
        principal: &own.principal,
        repository: &own.repository.id,
        issued: record.issued(),
        is_clone: record.clone,
    };
    standing_of(policy, &made, now)
}

fn counted<'c>(policy: &'c Policy, chains: &'c [CommandDrillChain], now: i64) -> Vec<Practised<'c>> {
    let sound = chains.iter().flat_map(|chain| &chain.records[..sound_records(chain)]);
    let counts = |record: &'c CommandDrillRecord| {
        let (DrillStanding::Counts, Some((person, enrolment))) = standing(policy, record, now) else { return None };
        let presence = enrolment.level(record.verified.token());
        Some(Practised { person, enrolment, presence, record })
    };
    sound.filter_map(|record| counts(record)).collect()
}

/// What an emergency would be told now by the broker that is asked, if people practise one with this request: a
/// sentence for each drill. Whatever is returned, the answer stands as it is.
pub fn told(knowledge: &Knowledge<'_>, chains: &[CommandDrillChain], request: RecordId) -> Vec<Reason> {
    let Ok(case) = Case::of(knowledge, request) else { return Vec::new() };
    let now = knowledge.now;
    let is_meant = |drill: &Held<'_>| {
        let own = drill.began.record.drill();
        let run = admitted(std::slice::from_ref(knowledge.own), own).map(|(run, _)| run);
        own.request == case.id.to_string() && run.is_some() && now < drill.until
    };
    let held = Held::all(knowledge.policy, knowledge.policy, chains, now);
    let meant = held.into_iter().filter(is_meant).take(MAX_TOLD);
    meant.filter_map(|drill| explained(&case, drill)).collect()
}

fn explained(case: &Case<'_>, mut drill: Held<'_>) -> Option<Reason> {
    let now = case.now();
    drill.declared.retain(|one| one.enrolment.unfit(one.record.issued(), Some(now), now).is_none());
    if drill.declared.is_empty() {
        return None;
    }
    let begins = format!("This is a drill by {}, and a drill runs nothing.", drill.people().join(" and "));
    let would = match enough(case, &drill.declared) {
        Err(why) => format!("An emergency would not start it. {why}"),
        Ok(present) => would(case, &present),
    };
    Some(Reason::new(Code::Drill, Effect::Explains, format!("{begins} {would}")))
}

/// What an emergency with these signatures would be told.
fn would(case: &Case<'_>, present: &[Practised<'_>]) -> String {
    let (answer, _) = case.without_emergency();
    if answer.decided == Decided::Start {
        return "An emergency would have nothing to let through: it may start as it is.".to_owned();
    }
    let people = present.iter().map(|one| one.person.id.as_str()).collect();
    let answer = past(answer, people);
    if answer.decided == Decided::Start {
        let debt = case.target.break_glass.as_ref().map_or(0, |terms| terms.debt_after);
        return format!("An emergency would start it, and would have to be authorized within {}.", Length(debt));
    }
    let left = answer.reasons.iter().filter(|reason| reason.effect >= Effect::Waits);
    let codes: BTreeSet<&str> = left.map(|reason| reason.code.name()).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    format!("An emergency would not start it either, because of {}.", codes.join(", "))
}

/// A drill for reports and lists. Texts are as they were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandDrillReport {
    /// The id of the record that began it.
    pub id: String,
    /// The target of the command.
    pub target: String,
    /// The id of the request.
    pub request: String,
    /// By the clock of who began it; seconds since the epoch.
    pub began: i64,
    /// When it ended, exclusive.
    pub until: i64,
    /// Who signed as for an emergency.
    pub people: Vec<String>,
    /// What their signatures lacked for an emergency, as a sentence; none if they would have been enough.
    pub lacking: Option<String>,
    /// When the authorization would have been due; none if an emergency would not have been let through.
    pub due: Option<i64>,
    /// When it was practised.
    pub reviewed: Option<i64>,
    /// Who practised it.
    pub reviewers: Vec<String>,
    /// The words of who began it.
    pub reason: String,
}

impl CommandDrillReport {
    /// Whether the review is owed.
    pub fn owes(&self) -> bool {
        self.due.is_some() && self.reviewed.is_none()
    }

    /// How the review stands, as words.
    pub fn review(&self, now: i64) -> String {
        review_told(self.began, (self.due, self.reviewed), now)
    }
}

/// All drills of a repository, the newest first: by the terms of a policy, and reviewed by those of a later one, which
/// may be the same.
pub fn drills(
    (policy, later): (&Policy, &Policy),
    runs: &[RunChain],
    chains: &[CommandDrillChain],
    now: i64,
) -> Vec<CommandDrillReport> {
    Held::all(policy, later, chains, now).iter().map(|drill| report(policy, later, runs, drill)).collect()
}

fn report(policy: &Policy, later: &Policy, runs: &[RunChain], drill: &Held<'_>) -> CommandDrillReport {
    let (record, own) = (drill.began.record, drill.began.record.drill());
    let request = admitted(runs, own).map(|(_, request)| request);
    let (lacking, due) = match declared(policy, request, drill) {
        Ok(due) => (None, Some(due)),
        Err(lacking) => (Some(lacking), None),
    };
    let target = later.target(&own.target);
    let reviews = match (due, request, target) {
        (Some(_), Some(request), Some(target)) => reviews(target, request, drill),
        _ => Vec::new(),
    };
    let reviewers: BTreeSet<&str> = reviews.iter().map(|one| one.person.id.as_str()).collect();
    CommandDrillReport {
        id: record.id().to_string(),
        target: own.target.clone(),
        request: own.request.clone(),
        began: record.issued(),
        until: drill.until,
        people: drill.people().into_iter().map(str::to_owned).collect(),
        lacking,
        due,
        reviewed: reviews.last().map(|one| one.record.issued()),
        reviewers: reviewers.into_iter().map(str::to_owned).collect(),
        reason: own.reason.clone(),
    }
}

/// The request of a drill, if its broker's chain has it, and the record repeats what it says.
fn admitted<'r>(runs: &'r [RunChain], own: &super::drill::CommandDrill) -> Option<(&'r Run, &'r Request)> {
    let of_broker = runs.iter().filter(|chain| chain.id.key == own.broker);
    let record = of_broker.flat_map(|chain| &chain.records).find(|record| record.id().to_string() == own.request)?;
    let run = record.run();
    let is_same = run.target == own.target
        && run.broker == own.broker
        && run.repository.id == own.repository.id
        && run.command_digest().is_some_and(|digest| digest.to_string() == own.command);
    run.admitted().filter(|_| is_same).map(|request| (run, request))
}

/// When the authorization would have been due, counted from the last signature that an emergency would have needed.
///
/// # Errors
/// A sentence: what it would have lacked.
fn declared(policy: &Policy, request: Option<&Request>, drill: &Held<'_>) -> Result<i64, String> {
    let own = drill.began.record.drill();
    let is_own =
        |target: &&Target| policy.broker_of(target).is_some_and(|broker| broker.key.id().to_string() == own.broker);
    let target = policy.target(&own.target).filter(is_own);
    let target = target.ok_or("The policy has no such target, or gives it to another broker.")?;
    let request = request.ok_or("The request is not here, or another one.")?;
    filling(target, request, &drill.declared)?;
    let n = (1..=drill.declared.len()).find(|n| filling(target, request, &drill.declared[..*n]).is_ok());
    let needed = &drill.declared[..n.unwrap_or(drill.declared.len())];
    let last = needed.iter().map(|one| one.record.issued()).max().unwrap_or_default();
    let debt = target.break_glass.as_ref().map_or(0, |terms| terms.debt_after);
    Ok(last.saturating_add(debt))
}

/// The reviews that were needed until all slots were filled, in their order; none if they are not.
fn reviews<'c>(target: &Target, request: &Request, drill: &Held<'c>) -> Vec<Practised<'c>> {
    let counts = |one: &&Practised<'c>| one.person.id != request.asked.operator && one.presence >= target.presence;
    let own: Vec<Practised<'c>> = drill.reviews.iter().filter(counts).copied().collect();
    let required: Vec<Requirement> = target.requirements(is_destructive(request), false);
    let fills = |n: &usize| required.iter().all(|requirement| requirement.is_filled_by(&signers(&own[..*n])));
    (1..=own.len()).find(fills).map_or_else(Vec::new, |n| own[..n].to_vec())
}

/// Somebody who may declare an emergency at a target, and when they last signed in a drill there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandPractice {
    /// The name of the target.
    pub target: String,
    /// The id of the person.
    pub person: String,
    /// None if never.
    pub last: Option<i64>,
}

/// Everybody whose signature could let an emergency through now, by target and id, with their last drill there.
pub fn practice(policy: &Policy, chains: &[CommandDrillChain], now: i64) -> Vec<CommandPractice> {
    let mut last: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let held = Held::all(policy, policy, chains, now);
    for one in held.iter().flat_map(|drill| &drill.declared) {
        let known = last.entry((&one.record.drill().target, &one.person.id)).or_insert(i64::MIN);
        *known = one.record.issued().max(*known);
    }
    let mut all: Vec<CommandPractice> = Vec::new();
    for target in &policy.targets {
        let Some(terms) = &target.break_glass else { continue };
        let may = |person: &&Person| {
            person.kind == PersonKind::Human
                && terms.sign.iter().any(|slot| person.could_fill(&slot.role, terms.presence, now))
        };
        all.extend(policy.roster.people().filter(may).map(|person| CommandPractice {
            target: target.name.clone(),
            person: person.id.clone(),
            last: last.get(&(target.name.as_str(), person.id.as_str())).copied(),
        }));
    }
    all.sort_by(|a, b| (&a.target, &a.person).cmp(&(&b.target, &b.person)));
    all
}
