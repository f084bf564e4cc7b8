//! Drills of emergencies: whose record of one counts, who would have let the change through, and whether the review
//! that would be owed was done. By the terms, slots and authors of an emergency, so that people practise what would
//! happen.
//!
//! Nothing lands, is refused, is counted in a quota or owed because of a drill: no verdict reads more of this than the
//! sentences of an explanation.

use std::collections::{BTreeMap, BTreeSet};

use super::CLOCK_SKEW;
use super::break_glass::{lacking_slot, lands_alone};
use super::counted_decision::{InRole, identities, signers};
use super::duration::length;
use crate::policy::{Ai, Enrolment, Person, PersonKind, Policy, Requirement};
use crate::record::drill::{DrillChain, DrillRecord, DrillStep, out_of_order};
use crate::record::{Key, Presence};

/// Whether a record of a drill counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillStanding {
    /// It does.
    Counts,
    /// It is dated in the future.
    Ahead,
    /// It is of another repository.
    Elsewhere,
    /// By a security key whose counter went back.
    Clone,
    /// By a key that was not valid when it signed.
    Unfit,
    /// By a bot.
    Bot,
    /// By a key of somebody other than its principal.
    Impostor,
    /// By a key that the roster does not know.
    Stranger,
    /// It follows a record of its chain that is dated later.
    OutOfOrder,
}

impl DrillStanding {
    /// In words, for lists.
    pub fn name(self) -> &'static str {
        match self {
            DrillStanding::Counts => "counts",
            DrillStanding::Ahead => "dated in the future",
            DrillStanding::Elsewhere => "of another repository",
            DrillStanding::Clone => "of a cloned key",
            DrillStanding::Unfit => "outside of its key's time",
            DrillStanding::Bot => "of a bot",
            DrillStanding::Impostor => "of another's key",
            DrillStanding::Stranger => "of no known key",
            DrillStanding::OutOfOrder => "dated back",
        }
    }
}

/// A record of a drill that counts.
#[derive(Clone, Copy)]
pub(super) struct CountedDrill<'c> {
    pub person: &'c Person,
    enrolment: &'c Enrolment,
    pub presence: Presence,
    pub record: &'c DrillRecord,
}

impl<'c> InRole<'c> for CountedDrill<'c> {
    fn person(&self) -> &'c Person {
        self.person
    }

    fn roles(&self) -> &[String] {
        &self.record.drill().roles
    }
}

impl CountedDrill<'_> {
    /// When what it says ends, exclusive.
    fn until(&self, policy: &Policy) -> i64 {
        let own = self.record.drill().not_after.seconds();
        let Some(terms) = &policy.break_glass else { return own };
        let longest = terms.max_duration.min(policy.limits.validity);
        own.min(self.record.issued().saturating_add(longest))
    }

    /// Whether it would still be a signature for an emergency.
    fn is_good(&self, policy: &Policy, now: i64) -> bool {
        now < self.until(policy) && self.enrolment.unfit(self.record.issued(), None, now).is_none()
    }
}

/// Whether each record of the chains counts, chain by chain.
pub fn standings<'c>(policy: &Policy, chains: &'c [DrillChain], now: i64) -> Vec<(&'c DrillRecord, DrillStanding)> {
    let of_chain = |chain: &'c DrillChain| {
        let sound = sound_records(chain);
        chain.records.iter().enumerate().map(move |(at, record)| match at < sound {
            true => (&**record, standing(policy, record, now).0),
            false => (&**record, DrillStanding::OutOfOrder),
        })
    };
    chains.iter().flat_map(of_chain).collect()
}

/// The number of records before the first that is dated back.
fn sound_records(chain: &DrillChain) -> usize {
    out_of_order(chain).map_or(chain.records.len(), |position| position - 1)
}

fn standing<'c>(
    policy: &'c Policy,
    record: &'c DrillRecord,
    now: i64,
) -> (DrillStanding, Option<(&'c Person, &'c Enrolment)>) {
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

/// What a record of a drill, of whatever kind, says of who made it.
pub struct Made<'r> {
    /// The key that signed.
    pub key: &'r Key,
    /// Who that is, by the record.
    pub principal: &'r str,
    /// The id of the repository.
    pub repository: &'r str,
    /// When, in seconds since the epoch.
    pub issued: i64,
    /// The counter of the security key did not increase.
    pub is_clone: bool,
}

/// Whether such a record counts, and whose it is: the one place that decides this.
pub fn standing_of<'c>(
    policy: &'c Policy,
    made: &Made<'_>,
    now: i64,
) -> (DrillStanding, Option<(&'c Person, &'c Enrolment)>) {
    let issued = made.issued;
    let Some(owner) = policy.roster.enrolment(made.key) else { return (DrillStanding::Stranger, None) };
    let (person, enrolment) = owner;
    let standing = match () {
        () if person.id != made.principal => DrillStanding::Impostor,
        () if person.kind != PersonKind::Human => DrillStanding::Bot,
        () if made.is_clone => DrillStanding::Clone,
        () if made.repository != policy.repository => DrillStanding::Elsewhere,
        () if enrolment.unfit_when_signed(issued).is_some() => DrillStanding::Unfit,
        () if issued > now.saturating_add(CLOCK_SKEW) => DrillStanding::Ahead,
        () => DrillStanding::Counts,
    };
    (standing, Some(owner))
}

fn counted<'c>(policy: &'c Policy, chains: &'c [DrillChain], now: i64) -> Vec<CountedDrill<'c>> {
    let sound = chains.iter().flat_map(|chain| &chain.records[..sound_records(chain)]);
    let counts = |record: &'c DrillRecord| {
        let (DrillStanding::Counts, Some((person, enrolment))) = standing(policy, record, now) else { return None };
        let presence = enrolment.level(record.verified.token());
        Some(CountedDrill { person, enrolment, presence, record })
    };
    sound.filter_map(|record| counts(record)).collect()
}

/// A drill: who signed as for an emergency, and who reviewed.
pub(super) struct Practised<'c> {
    began: CountedDrill<'c>,
    /// Who signed as for an emergency, in the order of their times; who began it is the first.
    pub declared: Vec<CountedDrill<'c>>,
    reviews: Vec<CountedDrill<'c>>,
    /// When it ends, exclusive.
    pub until: i64,
}

impl<'c> Practised<'c> {
    /// All drills, the newest first.
    fn all(policy: &'c Policy, chains: &'c [DrillChain], now: i64) -> Vec<Practised<'c>> {
        let mut all: BTreeMap<String, Practised<'c>> = BTreeMap::new();
        let counted = counted(policy, chains, now);
        for one in counted.iter().filter(|one| one.record.drill().step == DrillStep::Begin) {
            let until = one.until(policy);
            let drill = Practised { began: *one, declared: vec![*one], reviews: Vec::new(), until };
            all.insert(one.record.id().to_string(), drill);
        }
        for one in counted {
            let Some(drill) = all.get_mut(&one.record.began_by()).filter(|drill| drill.has(one)) else { continue };
            match one.record.drill().step {
                DrillStep::Begin => {}
                DrillStep::Join => drill.declared.push(one),
                DrillStep::Review => drill.reviews.push(one),
            }
        }
        let mut all: Vec<Practised<'c>> = all.into_values().collect();
        for drill in &mut all {
            drill.declared[1..].sort_by_key(|one| (one.record.issued(), one.record.id().to_string()));
            drill.reviews.sort_by_key(|one| (one.record.issued(), one.record.id().to_string()));
        }
        all.sort_by_key(|drill| (std::cmp::Reverse(drill.began.record.issued()), drill.began.record.id().to_string()));
        all
    }

    /// Whether a record that names the drill is of it: for the same content and ref, and at a time of it.
    fn has(&self, one: CountedDrill<'_>) -> bool {
        let (own, began) = (one.record.drill(), self.began.record.drill());
        let at = one.record.issued();
        let is_in_time = match own.step {
            DrillStep::Begin | DrillStep::Join => at < self.until,
            DrillStep::Review => true,
        };
        own.target.name == began.target.name
            && own.manifest.sha256 == began.manifest.sha256
            && at >= self.began.record.issued()
            && is_in_time
    }

    /// Those that go on now, of the content that is meant, the newest first: with the signatures that an emergency
    /// would count.
    pub fn now(
        policy: &'c Policy,
        chains: &'c [DrillChain],
        is_meant: impl Fn(&DrillRecord) -> bool,
        now: i64,
    ) -> Vec<Practised<'c>> {
        let mut all = Practised::all(policy, chains, now);
        all.retain(|drill| now < drill.until && is_meant(drill.began.record));
        all.iter_mut().for_each(|drill| drill.declared.retain(|one| one.is_good(policy, now)));
        all.retain(|drill| !drill.declared.is_empty());
        all
    }

    /// Whether the review would be overdue, so that an emergency would land nothing more. Its time runs from the first
    /// signatures that fill the slots, even if an author or somebody of whom nothing proves the presence is among them.
    pub fn is_overdue(&self, policy: &'c Policy, now: i64) -> bool {
        let (Some(terms), Some(requirement)) = (&policy.break_glass, policy.emergency()) else { return false };
        let requirement = Requirement { presence: Presence::None, ..requirement };
        let Some(n) = first_filling(std::slice::from_ref(&requirement), &self.declared) else { return false };
        let last = self.declared[..n].iter().map(|one| one.record.issued()).max();
        let due = last.map(|last| last.saturating_add(terms.debt_after));
        due.is_some_and(|due| now >= due) && reviews(policy, self).is_empty()
    }

    /// The ids of who signed as for an emergency, each once.
    pub fn people(&self) -> Vec<&'c str> {
        let mut people: Vec<&str> = Vec::new();
        for one in &self.declared {
            if !people.contains(&one.person.id.as_str()) {
                people.push(&one.person.id);
            }
        }
        people
    }
}

/// A drill for reports and lists. Texts are as they were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillReport {
    /// The id of the record that began it.
    pub id: String,
    /// The full name of the ref.
    pub target: String,
    /// The head of the change.
    pub commit: String,
    /// The digest of its manifest, in hex.
    pub manifest: String,
    /// By the clock of who began it; seconds since the epoch.
    pub began: i64,
    /// When it ended, exclusive.
    pub until: i64,
    /// Who signed as for an emergency.
    pub people: Vec<String>,
    /// What that lacked for an emergency, as a sentence; none if an emergency would have had enough.
    pub lacking: Option<String>,
    /// When the review would have been due; none if an emergency would not have been let through.
    pub due: Option<i64>,
    /// When the review was done.
    pub reviewed: Option<i64>,
    /// Who reviewed.
    pub reviewers: Vec<String>,
    /// The words of who began it.
    pub reason: String,
}

impl DrillReport {
    /// Whether it goes on.
    pub fn is_open(&self, now: i64) -> bool {
        now < self.until
    }

    /// Whether the review is owed.
    pub fn owes(&self) -> bool {
        self.due.is_some() && self.reviewed.is_none()
    }

    /// How the review stands, as words: `review done 2 hours after it began`.
    pub fn review(&self, now: i64) -> String {
        review_told(self.began, (self.due, self.reviewed), now)
    }
}

/// How the review of a drill stands that began then, was due then, and was done then.
pub fn review_told(began: i64, (due, reviewed): (Option<i64>, Option<i64>), now: i64) -> String {
    match (due, reviewed) {
        (None, _) => "no review owed".to_owned(),
        (Some(due), Some(at)) => {
            let late = if at > due { ", late" } else { "" };
            format!("reviewed after {}{late}", length(at.saturating_sub(began)))
        }
        (Some(due), None) if now > due => {
            format!("review overdue since {}", length(now.saturating_sub(due)))
        }
        (Some(due), None) => format!("review owed within {}", length(due.saturating_sub(now))),
    }
}

/// All drills of a repository, the newest first, by the terms of a policy.
pub fn drills(policy: &Policy, chains: &[DrillChain], now: i64) -> Vec<DrillReport> {
    Practised::all(policy, chains, now).iter().map(|drill| report(policy, policy, drill)).collect()
}

/// The same for a look back: who reviewed, and whether that was enough, is as by the policy of a later time.
pub fn drills_reviewed(policy: &Policy, later: &Policy, chains: &[DrillChain], now: i64) -> Vec<DrillReport> {
    let mut all = Practised::all(policy, chains, now);
    let mut reviews: BTreeMap<String, Vec<CountedDrill<'_>>> = BTreeMap::new();
    for one in counted(later, chains, now).into_iter().filter(|one| one.record.drill().step == DrillStep::Review) {
        reviews.entry(one.record.began_by()).or_default().push(one);
    }
    for drill in &mut all {
        let mut own = reviews.remove(&drill.began.record.id().to_string()).unwrap_or_default();
        own.retain(|one| drill.has(*one));
        own.sort_by_key(|one| (one.record.issued(), one.record.id().to_string()));
        drill.reviews = own;
    }
    all.iter().map(|drill| report(policy, later, drill)).collect()
}

fn report(policy: &Policy, later: &Policy, drill: &Practised<'_>) -> DrillReport {
    let (record, own) = (drill.began.record, drill.began.record.drill());
    let (lacking, due) = match declared(policy, drill) {
        Ok(last) => {
            let debt = policy.break_glass.as_ref().map_or(0, |terms| terms.debt_after);
            (None, Some(last.saturating_add(debt)))
        }
        Err(lacking) => (Some(lacking), None),
    };
    let reviews = due.map(|_| reviews(later, drill)).unwrap_or_default();
    let reviewers: BTreeSet<&str> = reviews.iter().map(|one| one.person.id.as_str()).collect();
    DrillReport {
        id: record.id().to_string(),
        target: own.target.name.clone(),
        commit: own.commit.clone(),
        manifest: own.manifest.sha256.clone(),
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

/// The people of the roster who wrote the change, according to those who signed, as for an emergency.
fn authors<'c>(policy: &'c Policy, drill: &Practised<'c>) -> BTreeSet<&'c str> {
    let named: Vec<_> = drill.declared.iter().flat_map(|one| identities(&one.record.drill().authors)).collect();
    policy.roster.ids_of(&named)
}

/// When the last signature came that an emergency would have needed.
///
/// # Errors
/// A sentence: what it would have lacked.
fn declared(policy: &Policy, drill: &Practised<'_>) -> Result<i64, String> {
    let Some(requirement) = policy.emergency() else {
        return Err("The policy has no terms for emergencies.".to_owned());
    };
    let asked = policy.requirements(drill.began.record.manifest.paths(), &[], Ai::Unknown);
    if let Some(why) = lands_alone(policy, &asked.compartments) {
        return Err(why);
    }
    let counting = counting(policy, drill, &requirement);
    match first_filling(std::slice::from_ref(&requirement), &counting) {
        Some(n) => Ok(counting[..n].iter().map(|one| one.record.issued()).max().unwrap_or(drill.began.record.issued())),
        None => Err(lacking_slot(&requirement.fill(&signers(&counting))).unwrap_or_default()),
    }
}

/// The signatures of a drill that an emergency would have counted.
fn counting<'c>(policy: &'c Policy, drill: &Practised<'c>, emergency: &Requirement) -> Vec<CountedDrill<'c>> {
    let wrote = authors(policy, drill);
    let counts =
        |one: &&CountedDrill<'_>| !wrote.contains(one.person.id.as_str()) && one.presence >= emergency.presence;
    drill.declared.iter().filter(counts).copied().collect()
}

/// The reviews that were needed until the review was done, in their order; none if it is not done.
fn reviews<'c>(policy: &'c Policy, drill: &Practised<'c>) -> Vec<CountedDrill<'c>> {
    let wrote = authors(policy, drill);
    let named: Vec<_> = drill.declared.iter().flat_map(|one| identities(&one.record.drill().authors)).collect();
    let asked = policy.requirements(drill.began.record.manifest.paths(), &named, Ai::Unknown);
    let counts = |one: &&CountedDrill<'_>| policy.self_review || !wrote.contains(one.person.id.as_str());
    let mut own: Vec<CountedDrill<'c>> = drill.reviews.iter().filter(counts).copied().collect();
    own.truncate(first_filling(&asked.requirements, &own).unwrap_or(0));
    own
}

/// The fewest of these signatures, from the first, that fill all slots. Somebody may sign thousands of times: only what
/// brings a role at a presence that the person has not brought yet can fill a slot more.
fn first_filling(requirements: &[Requirement], signed: &[CountedDrill<'_>]) -> Option<usize> {
    let mut brought: BTreeSet<(&str, &str, Presence)> = BTreeSet::new();
    let mut able: Vec<CountedDrill<'_>> = Vec::new();
    for (at, one) in signed.iter().enumerate() {
        let person = one.person.id.as_str();
        let held = one.person.roles.iter().filter(|role| one.roles().contains(role));
        let mut is_new = false;
        held.for_each(|role| is_new |= brought.insert((person, role, one.presence)));
        if is_new {
            able.push(*one);
        } else if at > 0 {
            continue;
        }
        let is_filled = |requirement: &Requirement| {
            let present: Vec<_> = able.iter().filter(|one| one.presence >= requirement.presence).copied().collect();
            requirement.is_filled_by(&signers(&present))
        };
        if requirements.iter().all(is_filled) {
            return Some(at + 1);
        }
    }
    None
}

/// The people of the roster among authors, as records list them.
pub fn authors_of<'p>(policy: &'p Policy, authors: &[String]) -> BTreeSet<&'p str> {
    policy.roster.ids_of(&identities(authors))
}

/// Somebody who may declare an emergency, and when they last signed in a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Practice {
    /// The id of the person.
    pub person: String,
    /// None if never.
    pub last: Option<i64>,
}

/// Everybody whose signature could let an emergency through now, by their ids, with their last drill.
pub fn practice(policy: &Policy, chains: &[DrillChain], now: i64) -> Vec<Practice> {
    let Some(terms) = &policy.break_glass else { return Vec::new() };
    let may = |person: &&Person| {
        let has_key = person.keys.iter().any(|own| own.unfit(now, None, now).is_none());
        let has_role = terms.sign.iter().any(|slot| person.roles.contains(&slot.role));
        person.kind == PersonKind::Human && has_key && has_role
    };
    let mut last: BTreeMap<&str, i64> = BTreeMap::new();
    let emergency = Requirement::of_emergency(terms);
    let drills = Practised::all(policy, chains, now);
    for one in drills.iter().flat_map(|drill| counting(policy, drill, &emergency)) {
        let known = last.entry(&one.person.id).or_insert(i64::MIN);
        *known = one.record.issued().max(*known);
    }
    let mut all: Vec<Practice> = policy
        .roster
        .people()
        .filter(may)
        .map(|person| Practice { person: person.id.clone(), last: last.get(person.id.as_str()).copied() })
        .collect();
    all.sort_by(|a, b| a.person.cmp(&b.person));
    all
}
