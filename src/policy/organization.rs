//! What an organization asks of each of its repositories, and a repository's policy with that on top.
//!
//! The promise: whatever lands under the policy of a repository that inherits would land under the organization's rules
//! alone, and under the repository's own, with the people of the organization. So each rule of the two is kept, or the
//! stricter one where they cannot both be: the repository may ask for more, never for less.

use std::collections::BTreeMap;

use super::{
    AiRules, AuthorProof, BreakGlass, Compartment, EvidenceNeed, EvidenceSource, Freeze, INHERITED, Limits, Person,
    Policy, Refs, Roster, Slot,
};
use crate::change::digest::Digest;
use crate::datafile::{FileError, Mistake};

/// The people and the least requirements of all repositories of an organization, as its file has them.
#[derive(Debug, Clone)]
pub struct Organization {
    rules: Policy,
    stale: Option<i64>,
}

/// What a policy has from its organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inherited {
    /// The id of the organization.
    pub organization: String,
    /// The version of its file.
    pub version: u64,
    /// SHA-256 of its file.
    pub digest: Digest,
    /// Where the policy asks for less, which has no effect; a policy in which this is not empty must not land.
    pub weaker: Vec<Mistake>,
    /// Ids to which the policy gives roles, and whom the organization does not have.
    pub strangers: Vec<String>,
}

impl Organization {
    pub(super) fn new(rules: Policy, stale: Option<i64>) -> Organization {
        Organization { rules, stale }
    }

    /// Reads the bytes of an organization's file.
    ///
    /// # Errors
    /// As for [`Policy::read`].
    pub fn read(file: &str, bytes: &[u8]) -> Result<Organization, FileError> {
        super::parse::organization(file, super::text(file, bytes)?)
    }

    /// Its id: policies that inherit from it name it.
    pub fn id(&self) -> &str {
        &self.rules.repository
    }

    /// Grows with every change of the file.
    pub fn version(&self) -> u64 {
        self.rules.version
    }

    /// SHA-256 of the file.
    pub fn digest(&self) -> Digest {
        self.rules.digest
    }

    /// How many seconds after it was last fetched a copy still counts; none if any does.
    pub fn stale(&self) -> Option<i64> {
        self.stale
    }

    /// Its people.
    pub fn roster(&self) -> &Roster {
        &self.rules.roster
    }

    /// What it asks for, as if it were the policy of a repository.
    pub fn rules(&self) -> &Policy {
        &self.rules
    }

    /// Whether only the organization gives a role: it has a meaning in its rules, or somebody has it there.
    pub(super) fn gives(&self, role: &str) -> bool {
        const RANKS: [&str; 3] = ["junior", "mid", "senior"];
        let rules = &self.rules;
        let slots = rules.compartments.iter().flat_map(|compartment| &compartment.sign).chain(&rules.hidden);
        let slots = slots.chain(rules.break_glass.iter().flat_map(|terms| &terms.sign));
        RANKS.contains(&role)
            || slots.into_iter().any(|slot| slot.role == role)
            || rules.ai.human_only_by.iter().any(|own| own == role)
            || rules.roster.people().any(|person| person.roles.iter().any(|own| own == role))
    }

    /// Its people, with the roles that they have in one repository.
    pub(super) fn people_with(&self, local: &BTreeMap<String, Vec<String>>) -> Vec<Person> {
        let with_local = |person: &Person| {
            let mut person = person.clone();
            person.roles.extend(local.get(&person.id).into_iter().flatten().cloned());
            person
        };
        self.roster().people().map(with_local).collect()
    }

    /// The policy of a repository with these rules on top.
    pub(super) fn over(&self, own: Policy) -> Policy {
        let rules = &self.rules;
        let whole = format!("undersign-inherited/v1\n{}\n{}\n", own.digest, rules.digest);
        Policy {
            self_review: own.self_review && rules.self_review,
            expires: least(own.expires, rules.expires),
            author_proof: match (own.author_proof, rules.author_proof) {
                (AuthorProof::Claimed, AuthorProof::Claimed) => AuthorProof::Claimed,
                _ => AuthorProof::Proven,
            },
            refs: Refs { rules: [&own.refs.rules[..], &rules.refs.rules].concat(), ..own.refs },
            ai: stricter_ai(own.ai, &rules.ai),
            compartments: own.compartments.into_iter().chain(rules.compartments.iter().map(inherited)).collect(),
            limits: stricter_limits(own.limits, &rules.limits),
            freezes: own.freezes.into_iter().chain(rules.freezes.iter().map(inherited_freeze)).collect(),
            // Where the repository allows no emergency, none was let through for which a review could be owed.
            owed_by: if own.owed_by.is_empty() { Vec::new() } else { [&own.owed_by[..], &rules.owed_by].concat() },
            break_glass: stricter_break_glass(own.break_glass, rules.break_glass.as_ref()),
            hidden: both(own.hidden, &rules.hidden),
            // It is advice, so the nearer word holds.
            clock: own.clock.or_else(|| rules.clock.clone()),
            evidence: own
                .evidence
                .into_iter()
                .map(|source| of_nobody(source, rules))
                .chain(rules.evidence.iter().map(inherited_source))
                .collect(),
            whole: Digest::of(whole.as_bytes()),
            ..own
        }
    }
}

fn named(name: &str) -> String {
    format!("{INHERITED}{name}")
}

fn inherited(compartment: &Compartment) -> Compartment {
    let evidence = compartment.evidence.iter().map(EvidenceNeed::inherited).collect();
    Compartment { name: named(&compartment.name), is_inherited: true, evidence, ..compartment.clone() }
}

fn inherited_source(source: &EvidenceSource) -> EvidenceSource {
    EvidenceSource { name: named(&source.name), ..source.clone() }
}

/// Without the keys of people of the organization: their machines would speak in their names.
fn of_nobody(mut source: EvidenceSource, rules: &Policy) -> EvidenceSource {
    source.keys.retain(|own| rules.roster.owner_of_point(&own.key).is_none());
    source
}

fn inherited_freeze(freeze: &Freeze) -> Freeze {
    let compartments = freeze.compartments.iter().map(|name| named(name)).collect();
    Freeze { name: named(&freeze.name), compartments, ..*freeze }
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Slots that fill both lists: for a role that both name, the larger number.
fn both(own: Vec<Slot>, other: &[Slot]) -> Vec<Slot> {
    let mut all = own;
    for slot in other {
        match all.iter_mut().find(|known| known.role == slot.role) {
            Some(known) => known.n = known.n.max(slot.n),
            None => all.push(slot.clone()),
        }
    }
    all
}

/// What nobody signs that no AI was used for must be accepted by both.
fn stricter_ai(own: AiRules, other: &AiRules) -> AiRules {
    let human_only_by = match (own.presume, other.presume) {
        (true, true) => own.human_only_by.into_iter().filter(|role| other.human_only_by.contains(role)).collect(),
        (false, true) => other.human_only_by.clone(),
        (_, false) => own.human_only_by,
    };
    AiRules {
        presume: own.presume || other.presume,
        junior: own.junior.max(other.junior),
        mid: own.mid.max(other.mid),
        senior: own.senior.max(other.senior),
        none: own.none.max(other.none),
        human_only_by,
    }
}

/// Paths whose lines do not count are those that count for neither.
fn stricter_limits(own: Limits, other: &Limits) -> Limits {
    let (uncounted_patterns, uncounted) = match (own.lines, other.lines) {
        (_, None) => (own.uncounted_patterns, own.uncounted),
        (None, Some(_)) => (other.uncounted_patterns.clone(), other.uncounted.clone()),
        (Some(_), Some(_)) => (own.uncounted_patterns, [own.uncounted, other.uncounted.clone()].concat()),
    };
    Limits {
        compartments: own.compartments,
        inherited_compartments: other.compartments,
        lines: least(own.lines, other.lines),
        validity: own.validity.min(other.validity),
        refuse_opaque: own.refuse_opaque || other.refuse_opaque,
        uncounted_patterns,
        uncounted,
    }
}

/// Emergencies stand in for the slots of both, so both must let them through.
fn stricter_break_glass(own: Option<BreakGlass>, other: Option<&BreakGlass>) -> Option<BreakGlass> {
    let (own, other) = (own?, other?);
    Some(BreakGlass {
        sign: both(own.sign, &other.sign),
        presence: own.presence.max(other.presence),
        max_duration: own.max_duration.min(other.max_duration),
        max_per_30d: own.max_per_30d.min(other.max_per_30d),
        debt_after: own.debt_after.min(other.debt_after),
    })
}
