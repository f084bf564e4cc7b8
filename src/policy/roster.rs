//! People, their roles, addresses and keys. Keys and addresses are unique: a person counts, not a key.

use std::collections::HashMap;

use crate::change::Identity;
use crate::record::key::TokenUse;
use crate::record::{Key, Presence};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Human,
    /// Fills no slot.
    Bot,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    pub roles: Vec<String>,
    pub emails: Vec<String>,
    /// Names of accounts on the host, as it tells the gate who pushes.
    pub logins: Vec<String>,
    pub keys: Vec<Enrolment>,
}

impl Person {
    /// Whether a signature made now could fill a slot of a role: by a person who has it, with a key that is good and proves
    /// enough.
    pub fn could_fill(&self, role: &str, presence: Presence, now: i64) -> bool {
        let good = |own: &Enrolment| own.presence >= presence && own.unfit(now, Some(now), now).is_none();
        self.kind == Kind::Human && self.roles.iter().any(|own| own == role) && self.keys.iter().any(good)
    }
}

/// A key as the roster took it in. What its signatures prove of a person being there hangs on this, never on the record:
/// software can mint a security key and set any flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    pub key: Key,
    /// The most that this key is believed.
    pub presence: Presence,
    /// SHA-256 of the attestation that was checked when the key was made.
    pub attestation: Option<String>,
    /// From when on it may sign, and until when (left out); seconds since the epoch.
    pub valid: (Option<i64>, Option<i64>),
    pub revoked: Option<Revocation>,
}

/// Why a key signs no more. Times are seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// Given up in good order: what the gate had received by then stays.
    Retired { at: i64 },
    /// In other hands since then: what was received later counts for nothing.
    Compromised { since: i64 },
}

/// Why a key does not speak for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Before or after its time.
    Time,
    Retired,
    Compromised,
}

impl Enrolment {
    /// Whether a record signed at `issued` by the signer's clock is by the owner. A clock that can be set proves nothing
    /// alone: when the gate `received` the record counts as well. One without a receipt came only `now`; where nobody keeps
    /// receipts, as on a desk, a key given up in good order is believed.
    pub fn unfit(&self, issued: i64, received: Option<i64>, now: i64) -> Option<Unfit> {
        let (from, until) = self.valid;
        let outside = |time: i64| from.is_some_and(|from| time < from) || until.is_some_and(|until| time >= until);
        match self.revoked {
            Some(Revocation::Compromised { since }) if received.unwrap_or(now) >= since => Some(Unfit::Compromised),
            Some(Revocation::Retired { at }) if received.unwrap_or(issued) >= at => Some(Unfit::Retired),
            _ if outside(issued) || outside(received.unwrap_or(now)) => Some(Unfit::Time),
            _ => None,
        }
    }

    /// How much one use of the key proves.
    pub fn level(&self, token: Option<TokenUse>) -> Presence {
        let shown = token.map(TokenUse::presence).unwrap_or_default();
        if self.presence == Presence::Attested && shown == Presence::PinTouch {
            return Presence::Attested;
        }
        shown.min(self.presence)
    }
}

/// Seniority by the roles `junior`, `mid` and `senior`; the highest of a person counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    Unknown,
    Junior,
    Mid,
    Senior,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    people: Vec<Person>,
    /// By hex key id: person and key, by position.
    keys: HashMap<String, (usize, usize)>,
}

impl Roster {
    pub(super) fn new(people: Vec<Person>) -> Roster {
        let keys = people.iter().enumerate().flat_map(|(at, person)| {
            person.keys.iter().enumerate().map(move |(key, own)| (own.key.id().to_string(), (at, key)))
        });
        Roster { keys: keys.collect(), people }
    }

    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.iter()
    }

    pub fn by_id(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// Whose key it is.
    pub fn by_key(&self, key: &Key) -> Option<&Person> {
        self.enrolment(key).map(|(person, _)| person)
    }

    /// Whose key it is, and how it was taken in.
    pub fn enrolment(&self, key: &Key) -> Option<(&Person, &Enrolment)> {
        let &(person, own) = self.keys.get(&key.id().to_string())?;
        let person = &self.people[person];
        Some((person, &person.keys[own]))
    }

    /// Whose chain it is, by the hex key id in its name.
    pub fn by_key_id(&self, id: &str) -> Option<&Person> {
        self.keys.get(id).map(|&(person, _)| &self.people[person])
    }

    /// Whose address it is; letter case does not matter.
    pub fn by_email(&self, email: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.emails.iter().any(|own| own.eq_ignore_ascii_case(email.trim())))
    }

    /// Who an identity of a commit or of a message is: by address, by the account in a host's own address, or, where there
    /// is no address, by account.
    pub fn person_of(&self, who: &Identity) -> Option<&Person> {
        let host = || {
            let (local, domain) = who.email.trim().rsplit_once('@')?;
            let login = local.rsplit_once('+').map_or(local, |(_, login)| login);
            domain.starts_with("users.noreply.").then(|| self.by_login(login))?
        };
        if who.email.trim().is_empty() { self.by_login(&who.name) } else { self.by_email(&who.email).or_else(host) }
    }

    /// Who a host means: by account, by id, or by address.
    pub fn by_login(&self, login: &str) -> Option<&Person> {
        let login = login.trim();
        let own = |person: &&Person| person.logins.iter().any(|own| own.eq_ignore_ascii_case(login));
        self.people.iter().find(own).or_else(|| self.by_id(login)).or_else(|| self.by_email(login))
    }

    /// Whether a person is one of these identities.
    pub fn is_among(&self, person: &Person, identities: &[Identity]) -> bool {
        identities.iter().any(|who| self.person_of(who).is_some_and(|known| known.id == person.id))
    }

    pub fn rank(&self, author: &Identity) -> Rank {
        let Some(person) = self.person_of(author) else { return Rank::Unknown };
        let of = |role: &String| match role.as_str() {
            "senior" => Rank::Senior,
            "mid" => Rank::Mid,
            "junior" => Rank::Junior,
            _ => Rank::Unknown,
        };
        person.roles.iter().map(of).max().unwrap_or(Rank::Unknown)
    }
}
