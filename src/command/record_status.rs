//! Who owns each record about commands, and which of them are in force. The one place that decides this.

use std::collections::BTreeSet;

use super::authorization::{Authorization, Verdict};
use super::records::{AuthorizationChain, AuthorizationRecord, Received};
use crate::gate::{CLOCK_SKEW, InRole};
use crate::policy::{Person, PersonKind, Policy};
use crate::record::{Presence, RecordId};

/// A record in force, with the person whose key signed it.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'k> {
    /// The record itself.
    pub record: &'k AuthorizationRecord,
    /// The owner of the key, who is the principal.
    pub person: &'k Person,
    /// How much presence of the person the signature proves.
    pub presence: Presence,
    /// When it was received by whoever decides; now, if that was just now.
    pub received: i64,
}

impl<'k> Counted<'k> {
    /// What was signed.
    pub fn authorization(&self) -> &'k Authorization {
        self.record.authorization()
    }

    /// Whether it has this verdict.
    pub fn is(&self, verdict: Verdict) -> bool {
        self.authorization().verdict == verdict
    }

    /// Whether its date is later than any clock may show now.
    pub fn is_ahead(&self, now: i64) -> bool {
        self.authorization().issued_at.seconds() > now.saturating_add(CLOCK_SKEW)
    }

    pub(super) fn is_human(&self) -> bool {
        self.person.kind == PersonKind::Human
    }
}

/// A signature that may let a request start, or would if it were no drill.
pub(super) trait Signature<'k>: Copy + InRole<'k> {
    fn presence(&self) -> Presence;
    /// When it was signed, from when on it counts, and until when; in seconds since the epoch.
    fn times(&self) -> (i64, i64, i64);
    /// The refusals that it answers.
    fn answers(&self) -> &'k [String];

    fn is_ahead(&self, now: i64) -> bool {
        self.times().0 > now.saturating_add(CLOCK_SKEW)
    }
}

impl<'k> InRole<'k> for Counted<'k> {
    fn person(&self) -> &'k Person {
        self.person
    }

    fn roles(&self) -> &[String] {
        &self.record.authorization().roles
    }
}

impl<'k> Signature<'k> for Counted<'k> {
    fn presence(&self) -> Presence {
        self.presence
    }

    fn times(&self) -> (i64, i64, i64) {
        let own = self.record.authorization();
        (own.issued_at.seconds(), own.not_before.seconds(), own.not_after.seconds())
    }

    fn answers(&self) -> &'k [String] {
        &self.record.authorization().answers
    }
}

/// All records in force, including expired ones: signed by a valid key of their principal that is not a clone, and not
/// withdrawn. A refusal stays in force whatever happens to its key, as long as the key is in the roster.
pub fn in_force<'k>(
    policy: &'k Policy,
    chains: &'k [AuthorizationChain],
    received: &Received,
    now: i64,
) -> Vec<Counted<'k>> {
    let records = chains.iter().flat_map(|chain| &chain.records);
    let owned: Vec<(Counted<'k>, bool)> = records.filter_map(|record| owned(policy, record, received, now)).collect();
    // A record that ends a refusal must be signed by a valid key, and not be dated ahead; otherwise whoever found an
    // old key could end any refusal.
    let ends = |(counted, is_fit): &&(Counted<'k>, bool)| *is_fit && !counted.is_ahead(now);
    let ended: BTreeSet<(&str, &str)> = owned
        .iter()
        .filter(ends)
        .flat_map(|(counted, _)| {
            let own = counted.authorization();
            own.supersedes.iter().map(|id| (own.principal.as_str(), id.as_str()))
        })
        .collect();
    let stands = |counted: &Counted<'k>| {
        let id = counted.record.id().to_string();
        !ended.contains(&(counted.authorization().principal.as_str(), id.as_str()))
    };
    let counts = |(counted, is_fit): (Counted<'k>, bool)| {
        let own = is_fit || counted.is(Verdict::Refuse);
        (own && stands(&counted)).then_some(counted)
    };
    owned.into_iter().filter_map(counts).collect()
}

/// A record with its owner, and whether the key is valid; none if it belongs to nobody, to somebody else, or to a
/// clone.
fn owned<'k>(
    policy: &'k Policy,
    record: &'k AuthorizationRecord,
    received: &Received,
    now: i64,
) -> Option<(Counted<'k>, bool)> {
    let (person, enrolment) = policy.roster.enrolment(record.verified.key())?;
    let own = record.authorization();
    if person.id != own.principal || record.clone || own.repository.id != policy.repository {
        return None;
    }
    let came = received.get(&record.id()).copied();
    let is_fit = enrolment.unfit(own.issued_at.seconds(), Some(came.unwrap_or(now)), now).is_none();
    let presence = enrolment.level(record.verified.token());
    Some((Counted { record, person, presence, received: came.unwrap_or(now) }, is_fit))
}

pub(super) fn ids(counted: &[Counted<'_>]) -> Vec<RecordId> {
    counted.iter().map(|one| one.record.id()).collect()
}
