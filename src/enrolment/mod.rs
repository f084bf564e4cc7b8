//! FLOOR 1: keys that come and go: requests to enrol one, what may become of them, and the edit of the policy that
//! somebody else signs. Nothing here changes whom anybody trusts: an edit that lands does.

#![warn(missing_docs)]

pub mod attestation;
pub mod edit;
mod fallen;
pub mod request;
#[cfg(test)]
mod tests;

pub use edit::{Edit, EditError, NewKey, RosterFile};
pub use fallen::{Fallen, fallen};
pub use request::{Asks, Code, KeyRequest, Request, RequestFault};

use crate::change::digest::Digest;
use crate::datafile::date;
use crate::gate::CLOCK_SKEW;
use crate::policy::{Compartment, Enrolment, Person, Policy, Revocation};
use crate::record::key::TokenUse;
use crate::record::{Key, Presence};

/// What is known where a request is accepted.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'t> {
    /// The file that is edited.
    pub file: &'t Policy,
    /// The same file as it is in force, if it is.
    pub in_force: Option<&'t Policy>,
    /// Other files with people in the same repository: a key of somebody there is not somebody else's here.
    pub beside: &'t [&'t Policy],
    /// Whether an earlier policy of the branch had the key.
    pub had_key: bool,
    /// What a new person may sign as.
    pub roles: &'t [String],
    /// The code that the sender read out.
    pub code: Option<&'t str>,
    /// The attestation that came along, by its digest.
    pub attestation: Option<Digest>,
    /// Whether somebody checked that attestation against its manufacturer's certificates.
    pub is_attested: bool,
    /// Seconds since the epoch.
    pub now: i64,
}

/// Why no edit is written; each a sentence without its full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum Refusal {
    #[error("it is for the repository {0}, and this one is {1}; ask for a request that is made in a clone of this one")]
    OtherRepository(String, String),
    #[error("it was signed {0} and could be accepted until {1}; ask for a new one")]
    Expired(String, String),
    #[error("it is dated {0}, which is ahead of this clock; one of the two clocks is wrong")]
    Ahead(String),
    #[error(
        "the code does not belong to it: it is another request than the one that was read out to you; do not use it"
    )]
    Code,
    #[error(
        "{0} is in the roster already, and no key of theirs signed it: anybody could have made it. Have {0} read its code \
         to you, by voice or in person, and give it with --code; whoever still has a working key signs with both \
         (`undersign key enrol --with`, or `key rotate`)"
    )]
    Unconfirmed(String),
    #[error(
        "the key of {0} that signed it too proved presence {1}, and it is enrolled for more: a program may have used \
         it. Have {0} sign again and touch the key, or read its code to you, and give it with --code"
    )]
    Untouched(String, Presence),
    #[error("the key is enrolled already for {0}; there is nothing to add")]
    Known(String),
    #[error("the key is that of {0}, and one key is one person's; ask for a request with a key of their own")]
    Owned(String),
    #[error("the key is that of the broker {0}, which signs by itself; a person needs another one")]
    Broker(String),
    #[error(
        "the key was ended for {0} ({1}), and an ended key is never enrolled again; ask for a request with a new one"
    )]
    Ended(String, String),
    #[error("the key was in an earlier policy and was taken out of it; ask for a request with a new one")]
    TakenOff,
    #[error("{0} has no key {1} in the roster, so that its signature vouches for nothing")]
    UnknownOld(String, String),
    #[error("the key {1} of {0} does not sign now ({2}), so that its signature vouches for nothing")]
    OldUnfit(String, String, String),
    #[error("{0} is in the roster already, with their roles; --role is for somebody new")]
    RolesKept(String),
    #[error("it names another attestation (SHA-256 {0}) than the one that was given")]
    OtherAttestation(String),
    #[error("it names no attestation")]
    NoAttestation,
    #[error("an attested key proves PIN and touch with each signature, and this one signed with {0}")]
    NotVerified(Presence),
    #[error("nobody has the id {0} in the roster")]
    Nobody(String),
    #[error("{0} has no key {1}")]
    NoKey(String, String),
    #[error("{0} has several keys: say which, with --key")]
    WhichKey(String),
    #[error("{0} has no key that still signs; if one that was retired may be in other hands, say which, with --key")]
    NoLivingKey(String),
    #[error("{0} has no key that signs after that; there is nothing to end")]
    Left(String),
    #[error("{0} is more than 90 days ahead: until then the keys would go on. Run it again when the time is nearer")]
    TooFar(String),
    #[error("it is written already: compromised since {0}; a later time would let count again what does not")]
    Earlier(String),
    #[error("a key cannot have been lost in the future; {0} is ahead of this clock")]
    Future(String),
}

/// The edits that a request asks for, if it may have them.
///
/// # Errors
/// Why not.
pub fn accept(request: &KeyRequest, terms: &Terms<'_>) -> Result<Vec<Edit>, Refusal> {
    let text = request.text();
    is_for_here(request, terms)?;
    is_new(request.key(), &text.person, terms)?;
    let owner = terms.file.roster.by_id(&text.person);
    if owner.is_some() && !terms.roles.is_empty() {
        return Err(Refusal::RolesKept(text.person.clone()));
    }
    let vouched = request.by().map(|by| vouches(by, &text.person, terms)).transpose()?;
    // The file may be of a branch that is older than the policy in force.
    let is_known = owner.is_some()
        || terms.in_force.is_some_and(|own| own.roster.by_id(&text.person).is_some())
        || terms.beside.iter().any(|other| is_anothers_claim(request, other, terms.now));
    if is_known && terms.code.is_none() {
        let own = vouched.ok_or_else(|| Refusal::Unconfirmed(text.person.clone()))?;
        // A security key that nobody touched may have been used by a program.
        let shown = own.level(request.by_token());
        if shown < own.presence {
            return Err(Refusal::Untouched(text.person.clone(), shown));
        }
    }
    let key = new_key(request, terms)?;
    let added = match owner {
        Some(person) => Edit::AddKey { person: person.id.clone(), key },
        None => Edit::AddPerson {
            id: text.person.clone(),
            name: text.name.clone(),
            emails: text.emails.clone(),
            roles: terms.roles.to_vec(),
            key,
        },
    };
    let ended = vouched.filter(|_| text.asks == Asks::Rotate).map(|old| Edit::EndKey {
        person: text.person.clone(),
        key: old.key.clone(),
        end: Revocation::Retired { at: ends_by(old, terms.now.saturating_add(text.overlap.seconds())) },
    });
    Ok(std::iter::once(added).chain(ended).collect())
}

/// Whether another file knows the person, and not by the key that is asked for: it may be of anybody.
fn is_anothers_claim(request: &KeyRequest, other: &Policy, now: i64) -> bool {
    let Some(person) = other.roster.by_id(&request.text().person) else { return false };
    !owned(person, request.key())
        .is_some_and(|own| own.unfit(now, Some(now), now).is_none() && own.level(request.token()) >= own.presence)
}

/// When a key ends that is to end at a time: never later than it does already.
fn ends_by(own: &Enrolment, time: i64) -> i64 {
    let retired = match own.revoked {
        Some(Revocation::Retired { at }) => Some(at),
        _ => None,
    };
    retired.into_iter().chain(own.valid.1).fold(time, i64::min)
}

fn is_for_here(request: &KeyRequest, terms: &Terms<'_>) -> Result<(), Refusal> {
    let (text, now) = (request.text(), terms.now);
    if text.repository != terms.file.repository {
        return Err(Refusal::OtherRepository(text.repository.clone(), terms.file.repository.clone()));
    }
    let issued = text.issued_at.seconds();
    if issued > now.saturating_add(CLOCK_SKEW) {
        return Err(Refusal::Ahead(date(issued)));
    }
    if request.expires() <= now {
        return Err(Refusal::Expired(date(issued), date(request.expires())));
    }
    if terms.code.is_some_and(|code| !request.code().is(code)) { Err(Refusal::Code) } else { Ok(()) }
}

/// Whether nobody has the key, or had it: by its point, since the same private key can be written in several ways.
fn is_new(key: &Key, person: &str, terms: &Terms<'_>) -> Result<(), Refusal> {
    let policies = [Some(terms.file), terms.in_force];
    for policy in policies.into_iter().flatten() {
        if let Some(broker) = policy.brokers.iter().find(|broker| broker.key.point() == key.point()) {
            return Err(Refusal::Broker(broker.name.clone()));
        }
        let owned = policy.roster.people().find_map(|owner| Some((owner, owned(owner, key)?)));
        match owned {
            Some((owner, Enrolment { revoked: Some(end), .. })) => {
                return Err(Refusal::Ended(owner.id.clone(), end.to_string()));
            }
            Some((owner, _)) if owner.id == person => return Err(Refusal::Known(owner.id.clone())),
            Some((owner, _)) => return Err(Refusal::Owned(owner.id.clone())),
            None => {}
        }
    }
    terms.beside.iter().try_for_each(|other| is_nobody_elses(key, person, other))?;
    if terms.had_key { Err(Refusal::TakenOff) } else { Ok(()) }
}

/// The same in another file: there the key may be the person's own, if it has not ended.
fn is_nobody_elses(key: &Key, person: &str, other: &Policy) -> Result<(), Refusal> {
    if let Some(broker) = other.brokers.iter().find(|broker| broker.key.point() == key.point()) {
        return Err(Refusal::Broker(broker.name.clone()));
    }
    match other.roster.people().find_map(|owner| Some((owner, owned(owner, key)?))) {
        Some((owner, Enrolment { revoked: Some(end), .. })) => Err(Refusal::Ended(owner.id.clone(), end.to_string())),
        Some((owner, _)) if owner.id != person => Err(Refusal::Owned(owner.id.clone())),
        _ => Ok(()),
    }
}

fn owned<'p>(owner: &'p Person, key: &Key) -> Option<&'p Enrolment> {
    owner.keys.iter().find(|own| own.key.point() == key.point())
}

/// The enrolment of a known key that signed too: under each policy it must be the person's, and sign now.
fn vouches<'t>(by: &Key, person: &str, terms: &Terms<'t>) -> Result<&'t Enrolment, Refusal> {
    let print = by.fingerprint();
    let in_policy = |policy: &'t Policy| match policy.roster.enrolment(by) {
        Some((owner, own)) if owner.id == person => match own.unfit(terms.now, Some(terms.now), terms.now) {
            None => Ok(own),
            Some(_) => Err(Refusal::OldUnfit(person.to_owned(), print.clone(), own.told(terms.now))),
        },
        _ => Err(Refusal::UnknownOld(person.to_owned(), print.clone())),
    };
    terms.in_force.map(in_policy).transpose()?;
    in_policy(terms.file)
}

/// What the policy will say of the key: it is believed to prove what its own signature proved, and no more.
fn new_key(request: &KeyRequest, terms: &Terms<'_>) -> Result<NewKey, Refusal> {
    let named = &request.text().attestation;
    let shown = request.token().map(TokenUse::presence).unwrap_or_default();
    let given = terms.attestation.map(|digest| digest.to_string());
    match &given {
        Some(_) if named.is_empty() => return Err(Refusal::NoAttestation),
        Some(given) if given != named => return Err(Refusal::OtherAttestation(named.clone())),
        None if terms.is_attested => return Err(Refusal::NoAttestation),
        _ => {}
    }
    if terms.is_attested && shown != Presence::PinTouch {
        return Err(Refusal::NotVerified(shown));
    }
    let presence = if terms.is_attested { Presence::Attested } else { shown };
    let since = date(terms.now);
    let day = since.split(' ').next().unwrap_or_default();
    let comment = format!("{}-{day}", request.text().person);
    Ok(NewKey { key: request.key().clone(), comment, presence, attestation: given })
}

/// The compartments for which a person could sign with one key and cannot with another, since it proves less.
pub fn given_up<'p>(policy: &'p Policy, person: &Person, old: Presence, new: Presence) -> Vec<&'p Compartment> {
    let signs = |compartment: &&Compartment| compartment.sign.iter().any(|slot| person.roles.contains(&slot.role));
    let falls = |compartment: &&Compartment| compartment.presence > new && compartment.presence <= old;
    policy.compartments.iter().filter(signs).filter(falls).collect()
}

/// The edits that end all keys of somebody who leaves, as of a time. What a gate has received by then stays, and the
/// person stays in the roster, so that everything signed before keeps its owner.
///
/// # Errors
/// Nobody has the id, no key signs after that, or it is too far ahead.
pub fn leave(policy: &Policy, person: &str, at: i64, now: i64) -> Result<Vec<Edit>, Refusal> {
    let owner = policy.roster.by_id(person).ok_or_else(|| Refusal::Nobody(person.to_owned()))?;
    if at > now.saturating_add(request::MAX_OVERLAP) {
        return Err(Refusal::TooFar(date(at)));
    }
    let goes_on = |own: &&Enrolment| {
        let ended = own.revoked.map(Revocation::time).into_iter().chain(own.valid.1).min();
        ended.is_none_or(|ended| ended > at)
    };
    // A retired key is believed for what is dated earlier, and a key in other hands signs with any date.
    let ends = |own: &Enrolment| match own.revoked {
        Some(Revocation::Compromised { .. }) => Revocation::Compromised { since: at },
        _ => Revocation::Retired { at },
    };
    let end = |own: &Enrolment| Edit::EndKey { person: person.to_owned(), key: own.key.clone(), end: ends(own) };
    let edits: Vec<Edit> = owner.keys.iter().filter(goes_on).map(end).collect();
    if edits.is_empty() { Err(Refusal::Left(person.to_owned())) } else { Ok(edits) }
}

/// The key that somebody lost, and the edit that ends it.
///
/// # Errors
/// There is no such key, or it ended earlier already.
pub fn lost(
    policy: &Policy,
    person: &str,
    fingerprint: Option<&str>,
    since: i64,
    now: i64,
) -> Result<(Key, Edit), Refusal> {
    let id = || person.to_owned();
    let owner = policy.roster.by_id(person).ok_or_else(|| Refusal::Nobody(id()))?;
    if since > now.saturating_add(CLOCK_SKEW) {
        return Err(Refusal::Future(date(since)));
    }
    let own = match fingerprint {
        Some(print) => {
            let own = owner.keys.iter().find(|own| own.key.fingerprint() == print);
            own.ok_or_else(|| Refusal::NoKey(id(), print.to_owned()))?
        }
        None => {
            let living = |own: &&Enrolment| own.unfit(now, Some(now), now).is_none();
            match owner.keys.iter().filter(living).collect::<Vec<_>>()[..] {
                [] => return Err(Refusal::NoLivingKey(id())),
                [one] => one,
                _ => return Err(Refusal::WhichKey(id())),
            }
        }
    };
    match own.revoked {
        Some(Revocation::Compromised { since: then }) if then <= since => Err(Refusal::Earlier(date(then))),
        _ => {
            // What came after it was retired does not count again because it is lost.
            let since = match own.revoked {
                Some(Revocation::Retired { at }) => since.min(at),
                _ => since,
            };
            let end = Revocation::Compromised { since };
            Ok((own.key.clone(), Edit::EndKey { person: id(), key: own.key.clone(), end }))
        }
    }
}
