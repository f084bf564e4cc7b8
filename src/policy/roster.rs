//! People, their roles, addresses and keys. Keys and addresses are unique: a person counts, not a key.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::Away;
use crate::change::Identity;
use crate::change::fold::folded;
use crate::datafile::date;
use crate::record::key::TokenUse;
use crate::record::{Key, Presence};

/// The kind of an entry of the roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonKind {
    /// Somebody who can fill slots.
    Human,
    /// Fills no slot.
    Bot,
}

/// An entry of the roster: the owner of keys, addresses and accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Unique, 2 to 32 characters of `a-z 0-9 . _ -`; `principal` of the person's decisions.
    pub id: String,
    /// To show to people; it proves nothing.
    pub name: String,
    /// A bot signs nothing that counts.
    pub kind: PersonKind,
    /// The slots that the person can fill, and the [`Rank`].
    pub roles: Vec<String>,
    /// Addresses by which commits name the person; letter case and Unicode form do not matter.
    pub emails: Vec<String>,
    /// The person's accounts on the host, as the host names who pushes.
    pub logins: Vec<String>,
    /// Keys that sign for the person; each is in the roster once.
    pub keys: Vec<Enrolment>,
    /// When the person is not to be asked, in order, without overlaps. A signature made then counts all the same.
    pub away: Vec<Away>,
}

impl Person {
    /// Whether a signature made now could fill a slot of a role: by a person who has the role, with a valid key that
    /// proves enough.
    pub fn could_fill(&self, role: &str, presence: Presence, now: i64) -> bool {
        let good = |own: &Enrolment| own.presence >= presence && own.unfit(now, Some(now), now).is_none();
        self.kind == PersonKind::Human && self.roles.iter().any(|own| own == role) && self.keys.iter().any(good)
    }

    /// The absence at a time, in seconds since the epoch.
    pub fn away_at(&self, now: i64) -> Option<&Away> {
        self.away.iter().find(|away| away.holds(now))
    }

    /// The last day of the absence at a time, in days since the epoch: absences that follow one another are one.
    pub fn away_until(&self, now: i64) -> Option<i64> {
        let mut until = self.away_at(now)?.until;
        let after = |day: i64| self.away.iter().find(|away| away.until > day && away.from <= day.saturating_add(1));
        while let Some(next) = after(until) {
            until = next.until;
        }
        Some(until)
    }
}

/// A key as the roster enrolled it. What its signatures prove about the presence of a person depends on this, never on
/// the record: software can create a security key and set any flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The public key that signs records.
    pub key: Key,
    /// The most that this key is believed to prove.
    pub presence: Presence,
    /// SHA-256 of the attestation that was checked when the key was created.
    pub attestation: Option<String>,
    /// From when it may sign, and until when (exclusive); seconds since the epoch.
    pub valid: (Option<i64>, Option<i64>),
    /// Whether it was revoked; such a key stays in the roster, so that older records keep their owner.
    pub revoked: Option<Revocation>,
}

/// Why a key no longer signs. Times are seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// Retired regularly: what the gate had received by then remains valid.
    Retired {
        /// From then on it no longer signs.
        at: i64,
    },
    /// Compromised since then: what was received later does not count.
    Compromised {
        /// From then on somebody else may have it.
        since: i64,
    },
}

impl Enrolment {
    /// Whether it signs at a time, and from or until when, in a few words: `signs until 2026-05-01 00:00Z`.
    pub fn told(&self, now: i64) -> String {
        let (from, until) = self.valid;
        match (self.revoked, from, until) {
            (Some(Revocation::Retired { at }), ..) if at > now => format!("signs until {}", date(at)),
            (Some(end), ..) => end.to_string(),
            (None, Some(from), _) if from > now => format!("signs from {}", date(from)),
            (None, _, Some(until)) if until > now => format!("signs until {}", date(until)),
            (None, _, Some(until)) => format!("signed until {}", date(until)),
            (None, _, None) => "signs".to_owned(),
        }
    }
}

impl Revocation {
    /// From when on the key signs no longer.
    pub fn time(self) -> i64 {
        match self {
            Revocation::Retired { at } => at,
            Revocation::Compromised { since } => since,
        }
    }

    /// Whether it lets something count that another does not: it is from later on, or believes a key that may be in
    /// other hands.
    pub fn weakens(self, other: Revocation) -> bool {
        let believes = matches!((self, other), (Revocation::Retired { .. }, Revocation::Compromised { .. }));
        believes || self.time() > other.time()
    }
}

/// How and from when, in a few words: `retired from 2026-05-01 00:00Z`.
impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Revocation::Retired { at } => write!(f, "retired from {}", date(*at)),
            Revocation::Compromised { since } => write!(f, "compromised since {}", date(*since)),
        }
    }
}

/// Why a signature by a key does not count for its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// Before or after its period of validity.
    Time,
    /// Retired before the record was received.
    Retired,
    /// Compromised when the record was received, or when it was signed.
    Compromised,
}

impl Enrolment {
    /// Whether a record signed at `issued` by the signer's clock counts as the owner's. A clock that can be set proves
    /// nothing by itself: the time when the gate `received` the record counts as well. A record without a receipt
    /// counts as received `now`; where nobody keeps receipts, as on a desk, a retired key is believed.
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

    /// The same where nobody keeps receipts, as of outcomes: the signer's own date stands for one.
    pub fn unfit_when_signed(&self, issued: i64) -> Option<Unfit> {
        self.unfit(issued, Some(issued), issued)
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
    /// None of the three roles, or not in the roster.
    Unknown,
    /// The role `junior`.
    Junior,
    /// The role `mid`.
    Mid,
    /// The role `senior`.
    Senior,
}

/// The people. Looked up by key, address and account without reading all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roster {
    people: Vec<Person>,
    /// By hex key id: the positions of person and key.
    keys: HashMap<String, (usize, usize)>,
    /// By folded address, and by folded account: the positions of people.
    emails: HashMap<String, usize>,
    logins: HashMap<String, usize>,
    /// By folded id, name or account: names used if no address is given.
    called: HashMap<String, BTreeSet<usize>>,
}

impl Roster {
    pub(super) fn new(people: Vec<Person>) -> Roster {
        let mut roster = Roster::default();
        for (at, person) in people.iter().enumerate() {
            let keys = person.keys.iter().enumerate();
            roster.keys.extend(keys.map(|(key, own)| (own.key.id().to_string(), (at, key))));
            roster.emails.extend(person.emails.iter().map(|email| (folded(email), at)));
            roster.logins.extend(person.logins.iter().map(|login| (folded(login), at)));
            let names = [&person.id, &person.name].into_iter().chain(&person.logins).map(|name| folded(name));
            names
                .filter(|name| !name.is_empty())
                .for_each(|name| _ = roster.called.entry(name).or_default().insert(at));
        }
        Roster { people, ..roster }
    }

    /// All entries, in the order of the file.
    pub fn people(&self) -> impl Iterator<Item = &Person> {
        self.people.iter()
    }

    /// By the exact id; none if nobody in the roster has it.
    pub fn by_id(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.id == id)
    }

    /// The owner of a key.
    pub fn by_key(&self, key: &Key) -> Option<&Person> {
        self.enrolment(key).map(|(person, _)| person)
    }

    /// The owner of a key, and how it was enrolled.
    pub fn enrolment(&self, key: &Key) -> Option<(&Person, &Enrolment)> {
        self.enrolment_by_id(&key.id().to_string())
    }

    /// The same by the hex id of the key.
    pub fn enrolment_by_id(&self, id: &str) -> Option<(&Person, &Enrolment)> {
        let &(person, own) = self.keys.get(id)?;
        let person = &self.people[person];
        Some((person, &person.keys[own]))
    }

    /// The owner of the private key that a key belongs to, whatever type or application it is written with.
    pub fn owner_of_point(&self, key: &Key) -> Option<&Person> {
        let point = key.point();
        self.people.iter().find(|person| person.keys.iter().any(|own| own.key.point() == point))
    }

    /// The owner of a chain, by the hex key id in its name.
    pub fn by_key_id(&self, id: &str) -> Option<&Person> {
        self.keys.get(id).map(|&(person, _)| &self.people[person])
    }

    /// The owner of an account on the host: it must be listed under `logins` in the policy, except for the case of
    /// ASCII letters. An account with the same name as somebody's id or address may belong to anybody.
    pub fn by_account(&self, account: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.logins.iter().any(|own| own.eq_ignore_ascii_case(account)))
    }

    /// Everybody whom an identity in a commit or a message may refer to: by address, by the account in a host's own
    /// address, or, without an address, by id, name or account. Being referred to only restricts, so it may be more
    /// than one person.
    pub fn people_of(&self, who: &Identity) -> Vec<&Person> {
        let email = folded(&who.email);
        let found: BTreeSet<usize> = if email.is_empty() {
            self.called.get(&folded(&who.name)).cloned().unwrap_or_default()
        } else {
            // Some hosts use an address as the name of an account.
            let accounts = accounts_in(&email).into_iter().chain([email.as_str()]);
            let accounts = accounts.filter_map(|account| self.logins.get(account));
            self.emails.get(&email).into_iter().chain(accounts).copied().collect()
        };
        found.into_iter().map(|at| &self.people[at]).collect()
    }

    /// The ids of all people to whom any of these identities may refer.
    pub fn ids_of(&self, identities: &[Identity]) -> BTreeSet<&str> {
        identities.iter().flat_map(|who| self.people_of(who)).map(|person| person.id.as_str()).collect()
    }

    /// The seniority of an author; if the identity may refer to several people, the lowest.
    pub fn rank(&self, author: &Identity) -> Rank {
        let of = |role: &String| match role.as_str() {
            "senior" => Rank::Senior,
            "mid" => Rank::Mid,
            "junior" => Rank::Junior,
            _ => Rank::Unknown,
        };
        let highest = |person: &Person| person.roles.iter().map(of).max().unwrap_or(Rank::Unknown);
        self.people_of(author).into_iter().map(highest).min().unwrap_or(Rank::Unknown)
    }
}

/// The accounts to which an address may refer: those in an address that a host generates for people who hide their own,
/// as `login@`, `ID+login@` or `ID-login@users.noreply.HOST`, or `login@noreply.HOST`; and text that is not an address.
pub(super) fn accounts_in(address: &str) -> Vec<&str> {
    let Some((local, domain)) = address.rsplit_once('@') else { return vec![address] };
    if !["users.noreply.", "noreply."].iter().any(|start| domain.starts_with(start)) {
        return Vec::new();
    }
    let after_plus = local.match_indices('+').map(|(at, _)| &local[at + 1..]);
    let after_id = local.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('-');
    std::iter::once(local).chain(after_plus).chain(after_id).filter(|account| !account.is_empty()).collect()
}
