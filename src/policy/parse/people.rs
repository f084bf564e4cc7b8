//! `[people.ID]`: people, their keys, addresses and accounts.

use std::collections::BTreeMap;

use super::is_id;
use super::team::{StandIns, away};
use crate::change::digest::Digest;
use crate::change::fold::folded;
use crate::change::visible;
use crate::datafile::{Item, Mistake, Placed, Table};
use crate::policy::roster::accounts_in;
use crate::policy::{Enrolment, Organization, Person, PersonKind, Revocation};
use crate::record::{Fault, Key, Presence};

/// The people whom the requirements of a file can be checked against.
pub(super) struct Listed {
    pub all: Vec<Person>,
    /// They come from an organization, and change without this file.
    pub are_inherited: bool,
}

/// What `[people.ID]` says where the people themselves come from an organization.
#[derive(Default)]
pub(super) struct LocalRoles {
    /// By id: roles of this repository.
    pub roles: BTreeMap<String, Vec<String>>,
    /// Where the file gives what only the organization gives, which has no effect.
    pub refused: Vec<Mistake>,
    /// Ids that the organization does not have.
    pub strangers: Vec<String>,
}

/// Roles of this repository for people of an organization.
pub(super) fn local_roles(root: &Table<'_>, organization: &Organization) -> LocalRoles {
    let mut local = LocalRoles::default();
    for (id, entry) in root.table("people").map(|table| table.named_tables()).unwrap_or_default() {
        for key in entry.keys().iter().filter(|key| key.value != "roles") {
            // It is reported here, in better words than that it is unknown.
            let _ = entry.has_value(&key.value);
            key.mistake(format!(
                "`{}` comes from the organization, where people and their keys are enrolled; here only `roles` of \
                 this repository are given",
                visible::text(&key.value)
            ));
        }
        let mut own = Vec::new();
        for role in entry.strings("roles") {
            if organization.gives(&role.value) {
                local.refused.push(role.remark(format!(
                    "the role `{}` is the organization's, and only it gives it; call a role of this repository \
                     otherwise",
                    visible::text(&role.value)
                )));
            } else {
                own.push(role.value);
            }
        }
        match organization.roster().by_id(&id.value) {
            Some(_) => _ = local.roles.insert(id.value, own),
            None => local.strangers.push(id.value),
        }
    }
    local
}

pub(super) fn people(root: &Table<'_>) -> Vec<Person> {
    let Some(table) = root.table("people") else {
        root.mistake("the file needs [people.ID] tables: without people nobody can sign");
        return Vec::new();
    };
    let (mut people, mut owners) = (Vec::new(), Owners::default());
    owners.names.extend(table.keys().into_iter().map(|id| (folded(&id.value), id.value)));
    let stand_ins = StandIns::of(&table);
    for (id, entry) in table.named_tables() {
        if !is_id(&id.value, 32) {
            id.mistake(format!(
                "`{}` is not a valid id for a person; use 2 to 32 characters a-z, 0-9, `.`, `_`, `-`",
                id.value
            ));
        } else if !may_end_a_ref(&id.value) {
            id.mistake(format!(
                "`{}` is not a valid id for a person: git allows no such name for a ref, and refs are named by people; let \
                 it neither begin nor end with `.`, nor contain `..`, nor end with `.lock`",
                id.value
            ));
        }
        let away = away(&entry, &id.value, &stand_ins);
        people.push(Person { away, ..person(&id.value, &entry, &mut owners) });
    }
    people
}

/// Whether git takes it as the last part of the name of a ref.
fn may_end_a_ref(id: &str) -> bool {
    !id.starts_with('.') && !id.ends_with('.') && !id.contains("..") && !id.ends_with(".lock")
}

/// The owner of each key, by its point, and of each id, address and account, in normalised form.
#[derive(Default)]
pub(super) struct Owners {
    keys: BTreeMap<Vec<u8>, String>,
    names: BTreeMap<String, String>,
}

impl Owners {
    /// One key for two people would let one person count as two; so would one key in two forms.
    fn take_key(&mut self, at: &Placed<'_, String>, key: &Key, id: &str) {
        match self.keys.insert(key.point(), id.to_owned()) {
            Some(owner) if owner == id => at.mistake(format!(
                "this key is already among those of `{id}`: the same point is the same private key, whatever type or \
                 application it is written with; leave one out"
            )),
            Some(owner) => at.mistake(format!(
                "this key is already that of `{owner}`: the same point is the same private key, whatever type or \
                 application it is written with; one key is one person's"
            )),
            None => {}
        }
    }

    /// A name for two people would make one the author of what the other wrote.
    fn take_name(&mut self, at: &Placed<'_, String>, name: &str, what: &str, id: &str) {
        let owner = self.names.entry(folded(name)).or_insert_with(|| id.to_owned());
        if owner != id {
            at.mistake(format!(
                "this {what} is already that of `{owner}`, as an id, an address or an account, but perhaps for letter \
                 case or Unicode form; give it to one of the two"
            ));
        }
    }
}

fn person(id: &str, entry: &Table<'_>, owners: &mut Owners) -> Person {
    let kind = match entry.string("kind") {
        Some(kind) if kind.value == "bot" => PersonKind::Bot,
        Some(kind) if kind.value != "human" => {
            kind.mistake("`kind` is \"human\" or \"bot\"");
            PersonKind::Bot
        }
        _ => PersonKind::Human,
    };
    let own_keys = entry.items("keys").iter().filter_map(|item| enrolment(item, id, owners)).collect();
    let emails = entry.strings("emails").iter().map(|value| email(value, id, owners)).collect();
    let logins = entry.strings("logins").iter().map(|value| login(value, id, owners)).collect();
    Person {
        id: id.to_owned(),
        name: entry.string("name").map_or_else(|| id.to_owned(), |name| name.value),
        kind,
        roles: entry.strings("roles").into_iter().map(|role| role.value).collect(),
        emails,
        logins,
        keys: own_keys,
        away: Vec::new(),
    }
}

fn email(address: &Placed<'_, String>, id: &str, owners: &mut Owners) -> String {
    let text = &address.value;
    if !is_address(text) {
        address.mistake(format!(
            "`{}` is not an address; write it as commits have it, \"{id}@example.com\", without blanks or characters \
             that do not show",
            visible::text(text)
        ));
    }
    owners.take_name(address, text, "address", id);
    let folded = folded(text);
    for account in accounts_in(&folded).into_iter().filter(|account| *account != folded) {
        owners.take_name(address, account, "account in a host's own address", id);
    }
    text.clone()
}

/// Whether commits can have a text as somebody's address.
pub(crate) fn is_address(text: &str) -> bool {
    let sides =
        text.split_once('@').filter(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
    sides.is_some() && is_plain(text) && !text.contains(['<', '>', ',', ';', '"'])
}

fn login(account: &Placed<'_, String>, id: &str, owners: &mut Owners) -> String {
    let text = &account.value;
    if text.is_empty() || !is_plain(text) || text.starts_with('@') {
        account.mistake(format!(
            "`{}` is not an account; write the name by which the host tells who pushes, without `@` before it, blanks, \
             or characters that do not show",
            visible::text(text)
        ));
    }
    owners.take_name(account, text, "account", id);
    text.clone()
}

/// Whether a text contains neither blanks nor invisible characters.
fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_whitespace() || visible::is_hidden(c) || visible::is_odd_blank(c))
}

/// `"ssh-ed25519 AAAA…"`, or `{ key = "…", presence = "pin+touch", … }` for a security key.
pub(super) fn enrolment(item: &Item<'_>, id: &str, owners: &mut Owners) -> Option<Enrolment> {
    let table = match item {
        Item::Text(line) => {
            let key = public_key(line, id, owners)?;
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
    let key = public_key(&line, id, owners)?;
    let presence = presence?;
    if presence > Presence::None && !key.kind().is_security_key() {
        line.mistake(format!(
            "a key of type {} proves no presence: it is not a security key (sk-…)",
            key.kind().name()
        ));
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
            "write `revoked = { reason = \"retired\", at = TIME }`, or `{ reason = \"compromised\", since = TIME }` \
             with the time from which on the key may have been in other hands",
        ),
    }
    None
}

fn public_key(line: &Placed<'_, String>, id: &str, owners: &mut Owners) -> Option<Key> {
    match Key::from_openssh(&line.value) {
        Ok(key) => {
            owners.take_key(line, &key, id);
            Some(key)
        }
        Err(Fault::KeyType) => {
            line.mistake("keys of this type sign no records; use ssh-ed25519, ecdsa-sha2-nistp256, or one of the two in a security key (sk-…)");
            None
        }
        Err(_) => {
            line.mistake("this is not a supported OpenSSH public key; copy the line of a .pub file made by ssh-keygen");
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
