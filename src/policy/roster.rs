//! People, their roles, addresses and keys. Keys and addresses are unique: a person counts, not a key.

use ssh_key::PublicKey;
use ssh_key::public::KeyData;

use crate::change::Identity;

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
    pub keys: Vec<PublicKey>,
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
    pub fn by_key(&self, key: &KeyData) -> Option<&Person> {
        self.people.iter().find(|person| person.keys.iter().any(|own| own.key_data() == key))
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
