//! Whose each record is according to the roster, and whether it counts at all. The one place that decides this.

use std::fmt;
use std::sync::Arc;

use super::{CLOCK_SKEW, Receipts, WaitingStates};
use crate::change::visible;
use crate::decision::Verdict;
use crate::policy::{Enrolment, Person, Policy, Unfit};
use crate::record::chain::Superseded;
use crate::record::statement::Predicate;
use crate::record::{Chain, Key, Presence, Record, RecordId};

/// A record with what the roster says about it.
#[derive(Debug, Clone, Copy)]
pub struct RecordStatus<'c> {
    /// The record itself, verified.
    pub record: &'c Record,
    /// The owner of the key; none if the roster has no such key, or it belongs to somebody other than the principal.
    pub person: Option<&'c Person>,
    /// The presence of the person that the signature proves.
    pub presence: Presence,
    /// When the gate first saw it; none if it has not yet.
    pub received: Option<i64>,
    /// When it stops counting, exclusive, if its verdict expires; seconds since the epoch.
    pub expires: i64,
    /// Whether it counts now, and if not why.
    pub validity: Validity,
}

/// Whether a record counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It counts as far as its key, its owner and its time are concerned; its content is a separate question.
    InForce,
    /// An expired approval.
    Expired,
    /// Its principal replaced or withdrew it.
    Superseded,
    /// By a security key whose counter went back.
    Clone,
    /// By a key outside its validity, or revoked.
    Unfit(Unfit),
    /// By a key that the roster does not know.
    Stranger,
    /// By a key of somebody other than its principal.
    Impostor,
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Validity::InForce => "in force",
            Validity::Expired => "expired",
            Validity::Superseded => "superseded",
            Validity::Clone => "of a cloned key",
            Validity::Unfit(Unfit::Time) => "outside of its key's time",
            Validity::Unfit(Unfit::Retired) => "of a retired key",
            Validity::Unfit(Unfit::Compromised) => "of a compromised key",
            Validity::Stranger => "of no known key",
            Validity::Impostor => "of another's key",
        })
    }
}

/// Who signed a record. A name is a person's only if a key that the roster lists for that person signed; what a record
/// says of itself is quoted as such. Whatever names the signer of a record to people does it by this.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signer {
    /// The owner of the key, which is who the record says.
    Person(String),
    /// A key of somebody else than the record says.
    Other {
        /// The owner of the key.
        owner: String,
        /// Whom the record names.
        calls_itself: String,
    },
    /// A key that the roster does not list.
    Unknown {
        /// Its fingerprint.
        key: String,
        /// Whom the record names.
        calls_itself: String,
    },
}

impl Signer {
    /// According to the roster of a policy; without one, every key is unknown.
    pub fn of(policy: Option<&Policy>, record: &Record) -> Signer {
        Signer::named(policy, record.verified.key(), &record.predicate().principal)
    }

    /// Of a record of any kind, by its key and the person that it names.
    pub fn named(policy: Option<&Policy>, key: &Key, principal: &str) -> Signer {
        let calls_itself = visible::text(principal).into_owned();
        match policy.and_then(|policy| policy.roster.by_key(key)) {
            Some(owner) if owner.id == principal => Signer::Person(owner.id.clone()),
            Some(owner) => Signer::Other { owner: owner.id.clone(), calls_itself },
            None => Signer::Unknown { key: key.fingerprint(), calls_itself },
        }
    }

    /// In a column of names: nothing that a record says of itself.
    pub fn brief(&self) -> String {
        match self {
            Signer::Person(id) => id.clone(),
            Signer::Other { owner, .. } => format!("key of {owner}"),
            Signer::Unknown { key, .. } => {
                let digits = key.strip_prefix("SHA256:").unwrap_or(key);
                format!("unknown key {}", digits.chars().take(8).collect::<String>())
            }
        }
    }
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Signer::Person(id) => f.write_str(id),
            Signer::Other { owner, calls_itself } => write!(f, "a key of {owner} (calls itself {calls_itself})"),
            Signer::Unknown { key, calls_itself } => write!(f, "unknown key {key} (calls itself {calls_itself})"),
        }
    }
}

impl Validity {
    /// Whether what it is about is something that a person of the roster signed with a good key, be it over by now.
    pub fn is_of_its_signer(self) -> bool {
        matches!(self, Validity::InForce | Validity::Expired | Validity::Superseded)
    }
}

impl<'c> RecordStatus<'c> {
    /// What was signed.
    pub fn predicate(&self) -> &'c Predicate {
        self.record.predicate()
    }
}

/// All sound records, each with its validity at a time, chain by chain.
pub fn record_statuses<'c>(
    policy: &'c Policy,
    chains: &'c [Chain],
    receipts: &Receipts,
    now: i64,
) -> Vec<RecordStatus<'c>> {
    let of = |chain: &'c Chain| {
        let received = receipts.of(chain);
        // All records of a chain are by its one key.
        let owner = chain.records.first().and_then(|record| policy.roster.enrolment(record.verified.key()));
        let of =
            |record: &'c Arc<Record>| status(policy, record, owner, received.time(record.predicate().chain.seq.0), now);
        chain.records.iter().map(of).collect::<Vec<_>>()
    };
    let mut all: Vec<RecordStatus<'c>> = chains.iter().flat_map(of).collect();
    let counting = |status: &&RecordStatus<'c>| matches!(status.validity, Validity::InForce | Validity::Expired);
    let trusted: Vec<&Record> = all.iter().filter(counting).map(|status| status.record).collect();
    let gone = Superseded::of(chains.iter().flat_map(Chain::ended));
    let superseded = Superseded::by(trusted.iter().copied());
    // Nobody can end a rejection with a postdated record; an approval may end at once.
    let restricts = |record: &Record| {
        let predicate = record.predicate();
        predicate.verdict == Verdict::Reject || !is_ahead(predicate, now)
    };
    // Nearly always all may, and there can be as many of them as records.
    let ending_rejections = (!trusted.iter().all(|record| restricts(record)))
        .then(|| Superseded::by(trusted.iter().copied().filter(|record| restricts(record))));
    let ending_rejections = ending_rejections.as_ref().unwrap_or(&superseded);
    for status in all.iter_mut().filter(|status| counting(&&**status)) {
        let ended = if status.predicate().verdict == Verdict::Reject { ending_rejections } else { &superseded };
        if ended.has(status.record) || gone.has(status.record) {
            status.validity = Validity::Superseded;
        }
    }
    all
}

/// Whether records by which a push was allowed still stand: not withdrawn, replaced or rejected since. It does not
/// matter that they have expired. Under another policy than that of the verdict it does not matter either what that
/// says of a key or its owner: it may have ended one or renamed the other since, and what landed before that was
/// allowed. A chain whose key it does not list is no longer read; what others say of its records is.
pub fn still_approve(
    policy: &Policy,
    chains: &[Chain],
    record_statuses: &[RecordStatus<'_>],
    landed: &WaitingStates,
    is_same_policy: bool,
) -> bool {
    let stands = |status: &RecordStatus<'_>| matches!(status.validity, Validity::InForce | Validity::Expired);
    let stood = |status: &RecordStatus<'_>| match status.validity {
        Validity::InForce | Validity::Expired => true,
        Validity::Superseded | Validity::Clone => false,
        Validity::Unfit(_) | Validity::Stranger | Validity::Impostor => {
            !is_same_policy && !is_taken_back(policy, chains, record_statuses, status.record)
        }
    };
    // Anybody can write that something is answered: of keys that ended since, those count that were somebody's.
    let answers = |other: &RecordStatus<'_>| {
        matches!(other.predicate().verdict, Verdict::HandOver | Verdict::BreakGlass)
            && (stands(other) || matches!(other.validity, Validity::Unfit(_)) && stood(other))
    };
    let is_answered =
        |id: &String| record_statuses.iter().any(|other| other.predicate().answers.contains(id) && answers(other));
    let is_rejected = |is_of_it: &dyn Fn(&Predicate) -> bool| {
        let rejects = |other: &&RecordStatus<'_>| {
            other.predicate().verdict == Verdict::Reject && is_of_it(other.predicate()) && stands(other)
        };
        record_statuses.iter().filter(rejects).any(|other| !is_answered(&other.record.id().to_string()))
    };
    let is_ended = |id: &String| {
        let supersedes = |status: &RecordStatus<'_>| stands(status) && status.predicate().supersedes.contains(id);
        chains.iter().flat_map(Chain::ended).any(|(_, ended)| ended == id) || record_statuses.iter().any(supersedes)
    };
    let is_landed = |other: &Predicate| other.target.name == landed.name && landed.commits.contains(&other.head.commit);
    landed.records.iter().all(|id| {
        let named: Option<RecordId> = id.parse().ok();
        let own = record_statuses.iter().find(|status| Some(status.record.id()) == named);
        let Some(own) = own else { return !is_same_policy && !is_ended(id) && !is_rejected(&is_landed) };
        let (digest, target) = (&own.predicate().manifest.sha256, &own.predicate().target.name);
        stood(own) && !is_rejected(&|other| other.manifest.sha256 == *digest && other.target.name == *target)
    })
}

/// Whether whose key signed a record withdrew or replaced it, whatever the roster says of that key by now.
fn is_taken_back(policy: &Policy, chains: &[Chain], record_statuses: &[RecordStatus<'_>], own: &Record) -> bool {
    let (id, principal) = (own.id().to_string(), &own.predicate().principal);
    let owner = |record: &Record| policy.roster.by_key(record.verified.key()).map(|person| &person.id);
    let is_theirs = |other: &Record| {
        let is_same_key = other.verified.key() == own.verified.key();
        other.predicate().principal == *principal
            && (is_same_key || owner(other).is_some_and(|id| owner(own) == Some(id)))
    };
    let mut sound = record_statuses.iter().filter(|status| status.validity != Validity::Clone);
    sound.any(|status| status.predicate().supersedes.contains(&id) && is_theirs(status.record))
        || chains.iter().flat_map(Chain::ended).any(|(by, ended)| by == principal && ended == id)
}

fn status<'c>(
    policy: &Policy,
    record: &'c Record,
    owner: Option<(&'c Person, &'c Enrolment)>,
    received: Option<i64>,
    now: i64,
) -> RecordStatus<'c> {
    let expires = expires(policy, record.predicate());
    let Some((owner, enrolment)) = owner else {
        let validity = Validity::Stranger;
        return RecordStatus { record, person: None, presence: Presence::None, received, expires, validity };
    };
    let predicate = record.predicate();
    let own = owner.id == predicate.principal;
    // A rejection only restricts: revoking a key must never end one.
    let restricts = predicate.verdict == Verdict::Reject;
    let unfit = enrolment.unfit(predicate.issued_at.seconds(), received, now).filter(|_| !restricts);
    let ends = matches!(predicate.verdict, Verdict::Approve | Verdict::HumanOnly | Verdict::BreakGlass);
    let validity = match unfit {
        _ if !own => Validity::Impostor,
        _ if record.clone => Validity::Clone,
        Some(unfit) => Validity::Unfit(unfit),
        None if ends && expires <= now => Validity::Expired,
        None => Validity::InForce,
    };
    let presence = enrolment.level(record.verified.token());
    RecordStatus { record, person: own.then_some(owner), presence, received, expires, validity }
}

/// When a record expires: a record that allows something is valid no longer than the policy permits, whatever the
/// signer says.
fn expires(policy: &Policy, predicate: &Predicate) -> i64 {
    let signed = predicate.not_after.seconds();
    match predicate.verdict {
        Verdict::Reject => signed,
        _ => signed.min(predicate.issued_at.seconds().saturating_add(policy.limits.validity)),
    }
}

/// Whether a record is dated further in the future than clocks may differ.
pub fn is_ahead(predicate: &Predicate, now: i64) -> bool {
    predicate.issued_at.seconds() > now.saturating_add(CLOCK_SKEW)
}
