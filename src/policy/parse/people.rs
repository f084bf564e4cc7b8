//! `[people.ID]`: people, their keys, addresses and accounts.

use std::collections::BTreeMap;

use super::is_id;
use crate::change::manifest::Digest;
use crate::datafile::{Item, Placed, Table};
use crate::policy::{Enrolment, Kind, Person, Revocation};
use crate::record::{Fault, Key, Presence};

pub(super) fn people(root: &Table<'_>) -> Vec<Person> {
    let Some(table) = root.table("people") else {
        root.mistake("the file needs [people.ID] tables: without people nobody can sign");
        return Vec::new();
    };
    let (mut people, mut owners) = (Vec::new(), Owners::default());
    for (id, entry) in table.named_tables() {
        if !is_id(&id.value, 32) {
            id.mistake(format!("`{}` is no id for a person; use 2 to 32 characters a-z, 0-9, `.`, `_`, `-`", id.value));
        }
        people.push(person(&id.value, &entry, &mut owners));
    }
    people
}

/// Whose each key, address and account is.
#[derive(Default)]
struct Owners {
    keys: BTreeMap<String, String>,
    emails: BTreeMap<String, String>,
    logins: BTreeMap<String, String>,
}

fn person(id: &str, entry: &Table<'_>, owners: &mut Owners) -> Person {
    let kind = match entry.string("kind") {
        Some(kind) if kind.value == "bot" => Kind::Bot,
        Some(kind) if kind.value != "human" => {
            kind.mistake("`kind` is \"human\" or \"bot\"");
            Kind::Bot
        }
        _ => Kind::Human,
    };
    let own_keys = entry.items("keys").iter().filter_map(|item| enrolment(item, id, &mut owners.keys)).collect();
    let only = |key: &str, what: &str, owners: &mut BTreeMap<String, String>| {
        let values = entry.strings(key);
        values.iter().for_each(|value| unique(value, value.value.to_ascii_lowercase(), id, what, owners));
        values.into_iter().map(|value| value.value).collect()
    };
    let emails = only("emails", "address", &mut owners.emails);
    let logins = only("logins", "account", &mut owners.logins);
    Person {
        id: id.to_owned(),
        name: entry.string("name").map_or_else(|| id.to_owned(), |name| name.value),
        kind,
        roles: entry.strings("roles").into_iter().map(|role| role.value).collect(),
        emails,
        logins,
        keys: own_keys,
    }
}

/// `"ssh-ed25519 AAAA…"`, or `{ key = "…", presence = "pin+touch", … }` for a security key.
fn enrolment(item: &Item<'_>, id: &str, keys: &mut BTreeMap<String, String>) -> Option<Enrolment> {
    let table = match item {
        Item::Text(line) => {
            let key = public_key(line, id, keys)?;
            return Some(Enrolment {
                key,
                presence: Presence::None,
                attestation: None,
                valid: (None, None),
                revoked: None,
            });
        }
        Item::Table(table) => table,
    };
    let line = table.need_string("key");
    let presence = table.string("presence").map_or(Some(Presence::None), |word| presence(&word));
    let (application, attestation) = (table.string("application"), table.string("attestation"));
    let (valid, revoked) = (validity(table), revocation(table));
    let line = line?;
    let key = public_key(&line, id, keys)?;
    let presence = presence?;
    if presence > Presence::None && !key.kind().is_security_key() {
        line.mistake(format!("a key of type {} proves no presence: it is no security key (sk-…)", key.kind().name()));
    }
    if let Some(other) = application.as_ref().filter(|application| application.value != key.application()) {
        other.mistake(format!("the key was made for the application `{}`", key.application()));
    }
    if let Some(other) = attestation.as_ref().filter(|digest| digest.value.parse::<Digest>().is_err()) {
        other.mistake("`attestation` is the SHA-256 of the attestation file, 64 lower-case hex digits");
    }
    if presence == Presence::Attested && (application.is_none() || attestation.is_none()) {
        line.mistake("`attested` needs `application` and `attestation`: what was checked when the key was made");
    }
    Some(Enrolment { key, presence, attestation: attestation.map(|digest| digest.value), valid, revoked })
}

/// `valid = { from = …, until = … }`
fn validity(key: &Table<'_>) -> (Option<i64>, Option<i64>) {
    let Some(table) = key.table("valid") else { return (None, None) };
    let (from, until) = (table.time("from"), table.time("until"));
    if let (Some(from), Some(until)) = (&from, &until)
        && from.value >= until.value
    {
        until.mistake("`until` is not after `from`: the key would never be valid");
    }
    (from.map(|time| time.value), until.map(|time| time.value))
}

/// `revoked = { reason = "retired", at = … }` or `{ reason = "compromised", since = … }`
fn revocation(key: &Table<'_>) -> Option<Revocation> {
    let table = key.table("revoked")?;
    let (at, since) = (table.time("at"), table.time("since"));
    let reason = table.need_string("reason")?;
    match (reason.value.as_str(), at, since) {
        ("retired", Some(at), None) => return Some(Revocation::Retired { at: at.value }),
        ("compromised", _, Some(since)) => return Some(Revocation::Compromised { since: since.value }),
        _ => reason.mistake(
            "write `revoked = { reason = \"retired\", at = TIME }`, or `{ reason = \"compromised\", since = TIME }` with the \
             time from which on the key may have been in other hands",
        ),
    }
    None
}

fn public_key(line: &Placed<'_, String>, id: &str, keys: &mut BTreeMap<String, String>) -> Option<Key> {
    match Key::from_openssh(&line.value) {
        Ok(key) => {
            unique(line, key.id().to_string(), id, "key", keys);
            Some(key)
        }
        Err(Fault::KeyType) => {
            line.mistake("keys of this type sign no records; use ssh-ed25519, ecdsa-sha2-nistp256, or one of the two in a security key (sk-…)");
            None
        }
        Err(_) => {
            line.mistake("this is no OpenSSH public key; copy the line of the .pub file");
            None
        }
    }
}

pub(super) fn presence(word: &Placed<'_, String>) -> Option<Presence> {
    let known = Presence::ALL.into_iter().find(|level| level.name() == word.value);
    if known.is_none() {
        word.mistake(format!("`presence` is none, touch, pin+touch or attested, not `{}`", word.value));
    }
    known
}

/// One key or address for two people would let one person count as two.
fn unique(at: &Placed<'_, String>, value: String, id: &str, what: &str, owners: &mut BTreeMap<String, String>) {
    if let Some(owner) = owners.insert(value, id.to_owned()) {
        at.mistake(format!("this {what} is already that of `{owner}`"));
    }
}
