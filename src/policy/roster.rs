//! People, their roles, addresses and keys. Keys and addresses are unique: a person counts, not a key.

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
    pub keys: Vec<Enrolment>,
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
}

impl Enrolment {
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
}

impl Roster {
    pub(super) fn new(people: Vec<Person>) -> Roster {
        Roster { people }
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
        let mut all = self.people.iter().flat_map(|person| person.keys.iter().map(move |own| (person, own)));
        all.find(|(_, own)| own.key == *key)
    }

    /// Whose chain it is, by the hex key id in its name.
    pub fn by_key_id(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.keys.iter().any(|own| own.key.id().to_string() == id))
    }

    /// Whose address it is; letter case does not matter.
    pub fn by_email(&self, email: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.emails.iter().any(|own| own.eq_ignore_ascii_case(email.trim())))
    }

    pub fn rank(&self, author: &Identity) -> Rank {
        let Some(person) = self.by_email(&author.email) else { return Rank::Unknown };
        let of = |role: &String| match role.as_str() {
            "senior" => Rank::Senior,
            "mid" => Rank::Mid,
            "junior" => Rank::Junior,
            _ => Rank::Unknown,
        };
        person.roles.iter().map(of).max().unwrap_or(Rank::Unknown)
    }
}
