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
use crate::record::drill::{DrillChain, DrillRecord, DrillStep, OfDrill, Practised as _, out_of_order};
use crate::record::{Chain, Presence};

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

/// A kind of drill, and the terms by which one lasts.
pub trait Terms: OfDrill {
    /// How long a record of it would be a signature for an emergency, in seconds; none if its own end alone says so.
    fn longest(&self, policy: &Policy) -> Option<i64>;
}

impl Terms for DrillRecord {
    fn longest(&self, policy: &Policy) -> Option<i64> {
        policy.break_glass.as_ref().map(|terms| terms.max_duration.min(policy.limits.validity))
    }
}

/// A record of a drill that counts.
pub(crate) struct CountedDrill<'c, R = DrillRecord> {
    pub person: &'c Person,
    pub enrolment: &'c Enrolment,
    pub presence: Presence,
    pub record: &'c R,
}

impl<R> Clone for CountedDrill<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for CountedDrill<'_, R> {}

impl<'c, R: OfDrill> InRole<'c> for CountedDrill<'c, R> {
    fn person(&self) -> &'c Person {
        self.person
    }

    fn roles(&self) -> &[String] {
        self.record.step().roles
    }
}

impl<R: Terms> CountedDrill<'_, R> {
    /// When what it says ends, exclusive.
    fn until(&self, policy: &Policy) -> i64 {
        let own = self.record.step().not_after.seconds();
        let longest = self.record.longest(policy);
        longest.map_or(own, |longest| own.min(self.record.issued().saturating_add(longest)))
    }

    /// Whether it would still be a signature for an emergency.
    fn is_good(&self, policy: &Policy, now: i64) -> bool {
        now < self.until(policy) && self.enrolment.unfit(self.record.issued(), None, now).is_none()
    }
}

/// Whether each record of the chains counts, chain by chain.
pub fn standings<'c, R: OfDrill>(policy: &Policy, chains: &'c [Chain<R>], now: i64) -> Vec<(&'c R, DrillStanding)> {
    let of_chain = |chain: &'c Chain<R>| {
        let sound = sound_records(chain);
        chain.records.iter().enumerate().map(move |(at, record)| match at < sound {
            true => (&**record, standing(policy, &**record, now).0),
            false => (&**record, DrillStanding::OutOfOrder),
        })
    };
    chains.iter().flat_map(of_chain).collect()
}

/// The number of records before the first that is dated back.
fn sound_records<R: OfDrill>(chain: &Chain<R>) -> usize {
    out_of_order(chain).map_or(chain.records.len(), |position| position - 1)
}

/// Whether a record counts, and whose it is: the one place that decides this.
fn standing<'c, R: OfDrill>(
    policy: &'c Policy,
    record: &R,
    now: i64,
) -> (DrillStanding, Option<(&'c Person, &'c Enrolment)>) {
    let (own, issued) = (record.step(), record.issued());
    let Some(owner) = policy.roster.enrolment(record.verified().key()) else { return (DrillStanding::Stranger, None) };
    let (person, enrolment) = owner;
    let standing = match () {
        () if person.id != own.principal => DrillStanding::Impostor,
        () if person.kind != PersonKind::Human => DrillStanding::Bot,
        () if record.is_clone() => DrillStanding::Clone,
        () if own.repository.id != policy.repository => DrillStanding::Elsewhere,
        () if enrolment.unfit_when_signed(issued).is_some() => DrillStanding::Unfit,
        () if issued > now.saturating_add(CLOCK_SKEW) => DrillStanding::Ahead,
        () => DrillStanding::Counts,
    };
    (standing, Some(owner))
}

fn counted<'c, R: OfDrill>(policy: &'c Policy, chains: &'c [Chain<R>], now: i64) -> Vec<CountedDrill<'c, R>> {
    let sound = chains.iter().flat_map(|chain| &chain.records[..sound_records(chain)]);
    let counts = |record: &'c R| {
        let (DrillStanding::Counts, Some((person, enrolment))) = standing(policy, record, now) else { return None };
        let presence = enrolment.level(record.verified().token());
        Some(CountedDrill { person, enrolment, presence, record })
    };
    sound.filter_map(|record| counts(record)).collect()
}

/// A drill that was held: who signed as for an emergency, and who reviewed.
pub(crate) struct HeldDrill<'c, R = DrillRecord> {
    pub began: CountedDrill<'c, R>,
    /// Who signed as for an emergency, in the order of their times; who began it is the first.
    pub declared: Vec<CountedDrill<'c, R>>,
    pub reviews: Vec<CountedDrill<'c, R>>,
    /// When it ends, exclusive.
    pub until: i64,
}

impl<'c, R: Terms> HeldDrill<'c, R> {
    /// All drills, the newest first: begun by one policy, reviewed by a later one, which may be the same.
    pub fn all(policy: &'c Policy, later: &'c Policy, chains: &'c [Chain<R>], now: i64) -> Vec<HeldDrill<'c, R>> {
        let mut all: BTreeMap<String, HeldDrill<'c, R>> = BTreeMap::new();
        let of = |step: DrillStep| move |one: &CountedDrill<'c, R>| one.record.step().step == step;
        let counted = self::counted(policy, chains, now);
        for one in counted.iter().copied().filter(of(DrillStep::Begin)) {
            let until = one.until(policy);
            let drill = HeldDrill { began: one, declared: vec![one], reviews: Vec::new(), until };
            all.insert(one.record.id().to_string(), drill);
        }
        let reviews = match std::ptr::eq(policy, later) {
            true => counted.clone(),
            false => self::counted(later, chains, now),
        };
        let joined = counted.into_iter().filter(of(DrillStep::Join));
        for one in joined.chain(reviews.into_iter().filter(of(DrillStep::Review))) {
            let Some(drill) = all.get_mut(&one.record.began_by()).filter(|drill| drill.has(one)) else { continue };
            match one.record.step().step {
                DrillStep::Review => drill.reviews.push(one),
                DrillStep::Begin | DrillStep::Join => drill.declared.push(one),
            }
        }
        let order = |one: &CountedDrill<'c, R>| (one.record.issued(), one.record.id().to_string());
        let mut all: Vec<HeldDrill<'c, R>> = all.into_values().collect();
        for drill in &mut all {
            drill.declared[1..].sort_by_key(order);
            drill.reviews.sort_by_key(order);
        }
        all.sort_by_key(|drill| (std::cmp::Reverse(drill.began.record.issued()), drill.began.record.id().to_string()));
        all
    }

    /// Whether a record that names the drill is of it: about the same, and at a time of it.
    fn has(&self, one: CountedDrill<'_, R>) -> bool {
        let at = one.record.issued();
        let is_in_time = match one.record.step().step {
            DrillStep::Begin | DrillStep::Join => at < self.until,
            DrillStep::Review => true,
        };
        one.record.drill().is_about_same(self.began.record.drill()) && at >= self.began.record.issued() && is_in_time
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

    /// The drill for reports and lists. `due` is when the review would have been due, or a sentence with what an
    /// emergency would have lacked; `reviews` are those that were needed until it was done.
    pub fn report(&self, of: Subject, due: Result<i64, String>, reviews: &[CountedDrill<'_, R>]) -> DrillReport {
        let own = self.began.record.step();
        let (lacking, due) = match due {
            Ok(due) => (None, Some(due)),
            Err(lacking) => (Some(lacking), None),
        };
        let reviewers: BTreeSet<&str> = reviews.iter().map(|one| one.person.id.as_str()).collect();
        DrillReport {
            id: self.began.record.id().to_string(),
            of,
            began: self.began.record.issued(),
            until: self.until,
            people: self.people().into_iter().map(str::to_owned).collect(),
            lacking,
            due,
            reviewed: reviews.last().map(|one| one.record.issued()),
            reviewers: reviewers.into_iter().map(str::to_owned).collect(),
            reason: own.reason.to_owned(),
        }
    }
}

impl<'c> HeldDrill<'c> {
    /// Those that go on now, of the content that is meant, the newest first: with the signatures that an emergency
    /// would count.
    pub fn now(
        policy: &'c Policy,
        chains: &'c [DrillChain],
        is_meant: impl Fn(&DrillRecord) -> bool,
        now: i64,
    ) -> Vec<HeldDrill<'c>> {
        let mut all = HeldDrill::all(policy, policy, chains, now);
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
}

/// What was practised. Texts are as they were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The change that an emergency would have landed.
    Change {
        /// The full name of the ref.
        target: String,
        /// The head.
        commit: String,
        /// The digest of the manifest, in hex.
        manifest: String,
    },
    /// The command that an emergency would have run.
    Command {
        /// The name of the target.
        target: String,
        /// The id of the request.
        request: String,
    },
}

/// A drill for reports and lists. Texts are as they were signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillReport {
    /// The id of the record that began it.
    pub id: String,
    /// What was practised.
    pub of: Subject,
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

    /// How the review stands, as words: `reviewed after 2 hours`.
    pub fn review(&self, now: i64) -> String {
        match (self.due, self.reviewed) {
            (None, _) => "no review owed".to_owned(),
            (Some(due), Some(at)) => {
                let late = if at > due { ", late" } else { "" };
                format!("reviewed after {}{late}", length(at.saturating_sub(self.began)))
            }
            (Some(due), None) if now > due => {
                format!("review overdue since {}", length(now.saturating_sub(due)))
            }
            (Some(due), None) => format!("review owed within {}", length(due.saturating_sub(now))),
        }
    }
}

/// All drills of changes in a repository, the newest first, by the terms of a policy.
pub fn drills(policy: &Policy, chains: &[DrillChain], now: i64) -> Vec<DrillReport> {
    drills_reviewed(policy, policy, chains, now)
}

/// The same for a look back: who reviewed, and whether that was enough, is as by the policy of a later time.
pub fn drills_reviewed(policy: &Policy, later: &Policy, chains: &[DrillChain], now: i64) -> Vec<DrillReport> {
    HeldDrill::all(policy, later, chains, now).iter().map(|drill| report(policy, later, drill)).collect()
}

fn report(policy: &Policy, later: &Policy, drill: &HeldDrill<'_>) -> DrillReport {
    let own = drill.began.record.drill();
    let debt = policy.break_glass.as_ref().map_or(0, |terms| terms.debt_after);
    let due = declared(policy, drill).map(|last| last.saturating_add(debt));
    let reviews = due.as_ref().map(|_| reviews(later, drill)).unwrap_or_default();
    let of = Subject::Change {
        target: own.target.name.clone(),
        commit: own.commit.clone(),
        manifest: own.manifest.sha256.clone(),
    };
    drill.report(of, due, &reviews)
}

/// The people of the roster who wrote the change, according to those who signed, as for an emergency.
fn authors<'c>(policy: &'c Policy, drill: &HeldDrill<'c>) -> BTreeSet<&'c str> {
    let named: Vec<_> = drill.declared.iter().flat_map(|one| identities(&one.record.drill().authors)).collect();
    policy.roster.ids_of(&named)
}

/// When the last signature came that an emergency would have needed.
///
/// # Errors
/// A sentence: what it would have lacked.
fn declared(policy: &Policy, drill: &HeldDrill<'_>) -> Result<i64, String> {
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
fn counting<'c>(policy: &'c Policy, drill: &HeldDrill<'c>, emergency: &Requirement) -> Vec<CountedDrill<'c>> {
    let wrote = authors(policy, drill);
    let counts =
        |one: &&CountedDrill<'_>| !wrote.contains(one.person.id.as_str()) && one.presence >= emergency.presence;
    drill.declared.iter().filter(counts).copied().collect()
}

/// The reviews that were needed until the review was done, in their order; none if it is not done.
fn reviews<'c>(policy: &'c Policy, drill: &HeldDrill<'c>) -> Vec<CountedDrill<'c>> {
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
pub(crate) fn first_filling<R: OfDrill>(requirements: &[Requirement], signed: &[CountedDrill<'_, R>]) -> Option<usize> {
    let mut brought: BTreeSet<(&str, &str, Presence)> = BTreeSet::new();
    let mut able: Vec<CountedDrill<'_, R>> = Vec::new();
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

/// Somebody who may declare an emergency, and when they last signed in a drill of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Practice {
    /// The name of the target at which they may; none for changes.
    pub target: Option<String>,
    /// The id of the person.
    pub person: String,
    /// None if never.
    pub last: Option<i64>,
}

/// When each of these was last, by whom or where they were.
pub(crate) fn last_by<K: Ord>(all: impl Iterator<Item = (K, i64)>) -> BTreeMap<K, i64> {
    let mut last: BTreeMap<K, i64> = BTreeMap::new();
    for (key, at) in all {
        let known = last.entry(key).or_insert(i64::MIN);
        *known = at.max(*known);
    }
    last
}

/// Everybody whose signature could let an emergency through now, by their ids, with their last drill.
pub fn practice(policy: &Policy, chains: &[DrillChain], now: i64) -> Vec<Practice> {
    let Some(terms) = &policy.break_glass else { return Vec::new() };
    let may = |person: &&Person| {
        let has_key = person.keys.iter().any(|own| own.unfit(now, None, now).is_none());
        let has_role = terms.sign.iter().any(|slot| person.roles.contains(&slot.role));
        person.kind == PersonKind::Human && has_key && has_role
    };
    let emergency = Requirement::of_emergency(terms);
    let held = HeldDrill::all(policy, policy, chains, now);
    let signed = held.iter().flat_map(|drill| counting(policy, drill, &emergency));
    let last = last_by(signed.map(|one| (one.person.id.as_str(), one.record.issued())));
    let of = |person: &Person| Practice {
        target: None,
        person: person.id.clone(),
        last: last.get(person.id.as_str()).copied(),
    };
    let mut all: Vec<Practice> = policy.roster.people().filter(may).map(of).collect();
    all.sort();
    all
}
