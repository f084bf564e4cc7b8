//! `policy.toml` → [`Policy`], or every mistake in it at its line.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AiRules, Binding, Compartment, Criticality, DEFAULT, Enrolment, Kind, POLICY_FILE, Person, Policy, Requirement,
    Roster, Slot,
};
use crate::change::manifest::Digest;
use crate::datafile::{self, Item, Placed, Refused, Table};
use crate::record::{Fault, Key, Presence};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

const SCHEMA: &str = "undersign-policy/v0";
/// A slot for more people than this is a typing error.
const MAX_SLOT: u64 = 20;

pub(super) fn parse(file: &str, source: &str) -> Result<Policy, Refused> {
    let digest = Digest::of(source.as_bytes());
    datafile::read(file, source, |root| {
        let schema = root.need_string("schema");
        if let Some(schema) = schema.filter(|schema| schema.value != SCHEMA) {
            schema.mistake(format!("`schema` must be \"{SCHEMA}\"; this version reads no other"));
        }
        let version = root.need_number("version");
        if let Some(zero) = version.as_ref().filter(|version| version.value == 0) {
            zero.mistake("`version` counts from 1 and grows with every change of the policy");
        }
        let repository = root.need_string("repository");
        if let Some(empty) = repository.as_ref().filter(|id| !is_id(&id.value, 64)) {
            empty.mistake("`repository` must be an id of 2 to 64 characters a-z, 0-9, `.`, `_`, `-`");
        }
        let self_review = root.boolean("self_review").is_some_and(|flag| flag.value);
        let people = people(root);
        let protected = refs(root);
        let ai = ai(root);
        let compartments = compartments(root, &people);
        Some(Policy {
            version: version?.value,
            repository: repository?.value,
            self_review,
            roster: Roster::new(people),
            ai: ai?,
            compartments: compartments?,
            digest,
            protected,
        })
    })
}

fn is_id(text: &str, max: usize) -> bool {
    (2..=max).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

fn people(root: &Table<'_>) -> Vec<Person> {
    let Some(table) = root.table("people") else {
        root.mistake("the file needs [people.ID] tables: without people nobody can sign");
        return Vec::new();
    };
    let (mut people, mut keys, mut emails) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    for (id, entry) in table.named_tables() {
        if !is_id(&id.value, 32) {
            id.mistake(format!("`{}` is no id for a person; use 2 to 32 characters a-z, 0-9, `.`, `_`, `-`", id.value));
        }
        let person = person(&id.value, &entry, &mut keys, &mut emails);
        people.push(person);
    }
    people
}

fn person(
    id: &str,
    entry: &Table<'_>,
    keys: &mut BTreeMap<String, String>,
    emails: &mut BTreeMap<String, String>,
) -> Person {
    let kind = match entry.string("kind") {
        Some(kind) if kind.value == "bot" => Kind::Bot,
        Some(kind) if kind.value != "human" => {
            kind.mistake("`kind` is \"human\" or \"bot\"");
            Kind::Bot
        }
        _ => Kind::Human,
    };
    let own_keys = entry.items("keys").iter().filter_map(|item| enrolment(item, id, keys)).collect();
    let mut own_emails = Vec::new();
    for email in entry.strings("emails") {
        unique(&email, email.value.to_ascii_lowercase(), id, "address", emails);
        own_emails.push(email.value);
    }
    Person {
        id: id.to_owned(),
        name: entry.string("name").map_or_else(|| id.to_owned(), |name| name.value),
        kind,
        roles: entry.strings("roles").into_iter().map(|role| role.value).collect(),
        emails: own_emails,
        keys: own_keys,
    }
}

/// `"ssh-ed25519 AAAA…"`, or `{ key = "…", presence = "pin+touch", … }` for a security key.
fn enrolment(item: &Item<'_>, id: &str, keys: &mut BTreeMap<String, String>) -> Option<Enrolment> {
    let table = match item {
        Item::Text(line) => {
            let key = public_key(line, id, keys)?;
            return Some(Enrolment { key, presence: Presence::None, attestation: None });
        }
        Item::Table(table) => table,
    };
    let line = table.need_string("key");
    let presence = table.string("presence").map_or(Some(Presence::None), |word| presence(&word));
    let (application, attestation) = (table.string("application"), table.string("attestation"));
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
    Some(Enrolment { key, presence, attestation: attestation.map(|digest| digest.value) })
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

fn presence(word: &Placed<'_, String>) -> Option<Presence> {
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

fn refs(root: &Table<'_>) -> GlobSet {
    let table = root.table("refs");
    let patterns = table.as_ref().map(|table| table.strings("protected")).unwrap_or_default();
    if patterns.is_empty() {
        root.mistake("the file needs [refs] with `protected = [\"refs/heads/main\"]`: a policy that protects no ref protects nothing");
    }
    for pattern in patterns.iter().filter(|pattern| !pattern.value.starts_with("refs/")) {
        pattern.mistake(format!("`{0}` is no full name of a ref; write \"refs/heads/{0}\"", pattern.value));
    }
    globs(&patterns)
}

fn globs(patterns: &[Placed<'_, String>]) -> GlobSet {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        match GlobBuilder::new(&pattern.value).literal_separator(true).build() {
            Ok(glob) => _ = set.add(glob),
            Err(error) => pattern.mistake(format!("`{}` is no pattern: {}", pattern.value, error.kind())),
        }
    }
    set.build().unwrap_or_default()
}

fn ai(root: &Table<'_>) -> Option<AiRules> {
    let Some(table) = root.table("ai") else {
        // Absent means the strict default: presumed, one outside senior, two where nobody known wrote it.
        return Some(AiRules { presume: true, junior: 1, mid: 1, senior: 1, none: 2 });
    };
    let sign = table.table("sign");
    let number = |key: &str, absent: usize| match sign.as_ref().and_then(|sign| sign.number(key)) {
        Some(number) if number.value > MAX_SLOT => {
            number.mistake(format!("`{key}` asks for more than {MAX_SLOT} people"));
            absent
        }
        Some(number) => number.value as usize,
        None => absent,
    };
    Some(AiRules {
        presume: table.boolean("presume").is_none_or(|flag| flag.value),
        junior: number("junior", 1),
        mid: number("mid", 1),
        senior: number("senior", 1),
        none: number("none", 2),
    })
}

fn compartments(root: &Table<'_>, people: &[Person]) -> Option<Vec<Compartment>> {
    let Some(table) = root.table("compartment") else {
        root.mistake("the file needs [compartment.default] and a solo compartment for `.undersign/**`");
        return None;
    };
    let compartments: Vec<_> =
        table.named_tables().into_iter().map(|(name, entry)| compartment(&name, &entry, people)).collect();
    if !compartments.iter().any(|c| c.name == DEFAULT) {
        table.mistake("[compartment.default] is missing: it says who signs for what no other compartment holds");
    }
    let keepers: Vec<_> = compartments.iter().filter(|c| c.name != DEFAULT && c.holds(POLICY_FILE)).collect();
    if !keepers.iter().any(|c| c.solo) {
        table.mistake(format!("no compartment with `solo = true` holds {POLICY_FILE}; add [compartment.policy] with paths = [\".undersign/**\"]"));
    }
    Some(compartments)
}

fn compartment(name: &Placed<'_, String>, entry: &Table<'_>, people: &[Person]) -> Compartment {
    let patterns = entry.strings("paths");
    match (name.value == DEFAULT, patterns.is_empty()) {
        (true, false) => entry.mistake("the default compartment has no `paths`: it holds what no other does"),
        (false, true) => entry.mistake(format!("[compartment.{}] needs `paths`", name.value)),
        _ => {}
    }
    if !is_id(&name.value, 32) || name.value == super::AI_COMPARTMENT {
        name.mistake(format!("`{}` is no name for a compartment", name.value));
    }
    let criticality = match entry.string("criticality") {
        None => Criticality::Normal,
        Some(word) => match word.value.as_str() {
            "low" => Criticality::Low,
            "normal" => Criticality::Normal,
            "high" => Criticality::High,
            "critical" => Criticality::Critical,
            other => {
                word.mistake(format!("`criticality` is low, normal, high or critical, not `{other}`"));
                Criticality::Critical
            }
        },
    };
    let compartment = Compartment {
        name: name.value.clone(),
        criticality,
        sign: slots(name, entry),
        binding: binding(entry, criticality),
        presence: entry.string("presence").and_then(|word| presence(&word)).unwrap_or_default(),
        solo: entry.boolean("solo").is_some_and(|flag| flag.value),
        paths: globs(&patterns),
    };
    if !compartment.sign.is_empty() {
        reachable(name, &compartment, people);
    }
    compartment
}

fn binding(entry: &Table<'_>, criticality: Criticality) -> Binding {
    let unsaid = if criticality == Criticality::Critical { Binding::Exact } else { Binding::Manifest };
    match entry.string("binding") {
        None => unsaid,
        Some(word) => match word.value.as_str() {
            "exact" => Binding::Exact,
            "tree" => Binding::Tree,
            "manifest" => Binding::Manifest,
            other => {
                word.mistake(format!("`binding` is exact, tree or manifest, not `{other}`"));
                Binding::Exact
            }
        },
    }
}

fn slots(name: &Placed<'_, String>, entry: &Table<'_>) -> Vec<Slot> {
    let mut slots = Vec::new();
    let mut roles = BTreeSet::new();
    for slot in entry.tables("sign") {
        let (role, n) = (slot.need_string("role"), slot.need_number("n"));
        let (Some(role), Some(n)) = (role, n) else { continue };
        if !is_id(&role.value, 32) {
            role.mistake(format!(
                "`{}` is no role; use 2 to 32 characters a-z, 0-9, `.`, `_`, `-`",
                role.value.escape_debug()
            ));
        }
        if !roles.insert(role.value.clone()) {
            role.mistake(format!("role `{}` has a slot already; raise its `n` instead", role.value));
        }
        if n.value == 0 || n.value > MAX_SLOT {
            n.mistake(format!("`n` is a number from 1 to {MAX_SLOT}"));
            continue;
        }
        slots.push(Slot { role: role.value, n: n.value as usize });
    }
    if slots.is_empty() {
        name.mistake(format!("[compartment.{}] needs `sign = [{{ role = \"senior\", n = 1 }}]`", name.value));
    }
    slots
}

/// A compartment that the roster cannot sign for would stop every change for ever.
fn reachable(name: &Placed<'_, String>, compartment: &Compartment, people: &[Person]) {
    let requirement = Requirement::of(compartment);
    let signs = |person: &&Person| person.keys.iter().any(|own| own.presence >= requirement.presence);
    let able: Vec<&Person> = people.iter().filter(signs).collect();
    let key = match requirement.presence {
        Presence::None => "a key".to_owned(),
        level => format!("a key enrolled with presence {level}"),
    };
    for filled in requirement.fill(&able).iter().filter(|filled| filled.have < filled.need) {
        name.mistake(format!(
            "[compartment.{}] needs {} people of role `{}` and {key}, all different; the roster has {} to give",
            name.value, filled.need, filled.role, filled.have
        ));
    }
}
