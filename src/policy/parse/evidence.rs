//! `[evidence.NAME]`, and what compartments ask of it.

use std::collections::BTreeSet;

use super::people::{Listed, Owners, enrolment};
use super::{MAX_SLOT, is_id};
use crate::change::visible;
use crate::datafile::{Mistake, Placed, Table};
use crate::policy::evidence::{EvidenceNeed, EvidenceSource};
use crate::policy::target::Broker;
use crate::policy::{Binding, Enrolment, Person, PersonKind, Roster};
use crate::record::evidence::{EvidenceKind, MAX_VALID, is_server};
use crate::record::{Key, Presence};

/// Seconds for which evidence counts if the policy says nothing.
const VALID: i64 = 7 * 24 * 3600;

/// Whose keys must not be those of a source, as far as the file itself has them.
pub(super) struct Others<'o> {
    pub people: &'o [Person],
    pub brokers: &'o [Broker],
    /// People whom an organization has: its file changes without this one, which must not become invalid by that.
    pub inherited: Option<&'o Roster>,
}

/// The sources, and where a key is that of somebody of the organization, which has no effect.
pub(super) fn sources(root: &Table<'_>, others: &Others<'_>) -> (Vec<EvidenceSource>, Vec<Mistake>) {
    let (mut sources, mut refused, mut owners) = (Vec::new(), Vec::new(), Owners::default());
    let Some(table) = root.table("evidence") else { return (sources, refused) };
    for (name, entry) in table.named_tables() {
        let Some(source) = source(&name, &entry, others, &mut owners) else { continue };
        let owner = |own: &Enrolment| others.inherited?.owner_of_point(&own.key);
        refused.extend(source.keys.iter().filter_map(owner).map(|person| {
            name.remark(format!("a key of it is that of `{}`: what it signs is not evidence", person.id))
        }));
        sources.push(source);
    }
    (sources, refused)
}

fn source(
    name: &Placed<'_, String>,
    entry: &Table<'_>,
    others: &Others<'_>,
    owners: &mut Owners,
) -> Option<EvidenceSource> {
    let place = format!("evidence.{}", visible::text(&name.value));
    if !is_id(&name.value, 32) {
        let text = visible::text(&name.value);
        name.mistake(format!(
            "`{text}` is not a valid name for evidence; use 2 to 32 characters a-z, 0-9, `.`, `_`, `-`"
        ));
    }
    let keys = keys(&place, name, entry, others, owners);
    let (checks, server) = (checks(entry), server(entry));
    let valid = valid(entry);
    let binding = entry.string("binding");
    let kind = kind(entry)?;
    let has_checks = !checks.is_empty();
    match kind {
        EvidenceKind::Ci if !has_checks => {
            entry.mistake(format!("[{place}] needs `checks = [\"build\"]`: the results that its keys may sign"))
        }
        EvidenceKind::Ci if entry.has("server") => entry.mistake("only evidence of kind \"forge\" has a `server`"),
        EvidenceKind::Forge if server.is_empty() => entry.mistake(format!(
            "[{place}] needs `server = \"https://github.com\"`: an account of another server is another person's"
        )),
        EvidenceKind::Forge if has_checks => entry.mistake("only evidence of kind \"ci\" has `checks`"),
        _ => {}
    }
    let unsaid = if kind == EvidenceKind::Ci { Binding::Tree } else { Binding::Manifest };
    let binding = match binding {
        None => unsaid,
        Some(word) => match word.value.as_str() {
            "tree" => Binding::Tree,
            "manifest" => Binding::Manifest,
            other => {
                word.mistake(format!("the `binding` of evidence is tree or manifest, not `{}`", visible::text(other)));
                Binding::Tree
            }
        },
    };
    Some(EvidenceSource { name: name.value.clone(), kind, keys, checks, server, valid, binding })
}

fn kind(entry: &Table<'_>) -> Option<EvidenceKind> {
    let word = entry.need_string("kind")?;
    let known = [EvidenceKind::Ci, EvidenceKind::Forge].into_iter().find(|kind| kind.name() == word.value);
    if known.is_none() {
        word.mistake(format!("`kind` is ci or forge, not `{}`", visible::text(&word.value)));
    }
    known
}

fn keys(
    place: &str,
    name: &Placed<'_, String>,
    entry: &Table<'_>,
    others: &Others<'_>,
    owners: &mut Owners,
) -> Vec<Enrolment> {
    let items = entry.items("keys");
    if items.is_empty() {
        entry.mistake(format!("[{place}] needs `keys = [\"ssh-ed25519 …\"]`"));
    }
    let own: Vec<Enrolment> = items.iter().filter_map(|item| enrolment(item, &name.value, owners)).collect();
    for key in &own {
        if key.key.kind().is_security_key() || key.presence > Presence::None {
            entry.mistake(format!(
                "a machine signs for [{place}] by itself, so its key cannot be one that wants to be touched"
            ));
        }
        if let Some(owner) = owner(&key.key, others) {
            entry.mistake(format!(
                "a key of [{place}] is that of {owner}: evidence needs a key that is nobody's, or it would be taken \
                 for what a person signed"
            ));
        }
    }
    own
}

/// Whose key it is, by its point: the same private key may be written with other types.
fn owner(key: &Key, others: &Others<'_>) -> Option<String> {
    let is_same = |other: &Key| other.point() == key.point();
    let person = others.people.iter().find(|person| person.keys.iter().any(|own| is_same(&own.key)));
    let broker = || others.brokers.iter().find(|broker| is_same(&broker.key));
    person.map(|person| format!("`{}`", person.id)).or_else(|| Some(format!("the broker `{}`", broker()?.name)))
}

fn checks(entry: &Table<'_>) -> Vec<String> {
    let checks = entry.strings("checks");
    let mut known = BTreeSet::new();
    for check in &checks {
        let text = visible::text(&check.value);
        if !is_id(&check.value, 32) {
            check.mistake(format!(
                "`{text}` is not a valid name for a check; use 2 to 32 characters a-z, 0-9, `.`, `_`, `-`"
            ));
        } else if !known.insert(&check.value) {
            check.mistake(format!("the check `{text}` is there twice"));
        }
    }
    checks.into_iter().map(|check| check.value).collect()
}

fn server(entry: &Table<'_>) -> String {
    let Some(server) = entry.string("server") else { return String::new() };
    if !is_server(&server.value) {
        server.mistake(
            "`server` is the address of the forge, in small letters, without user, query or a slash at its end: \
             \"https://github.com\"",
        );
    }
    server.value
}

fn valid(entry: &Table<'_>) -> i64 {
    let Some(valid) = entry.duration("valid") else { return VALID };
    if !(60..=MAX_VALID).contains(&valid.value) {
        valid.mistake("`valid` is from \"1m\" to \"90d\"");
    }
    valid.value
}

/// `require = ["ci:build"]` and `forge_approvals = { evidence = "github", n = 1 }` in a compartment.
pub(super) fn needs(place: &str, entry: &Table<'_>, sources: &[EvidenceSource], people: &Listed) -> Vec<EvidenceNeed> {
    let mut needs = Vec::new();
    for item in entry.strings("require") {
        let text = visible::text(&item.value).into_owned();
        let Some((source, check)) = item.value.split_once(':') else {
            item.mistake(format!(
                "`{text}` is not a result of a check; write \"ci:build\", with the name of [evidence.ci]"
            ));
            continue;
        };
        match sources.iter().find(|known| known.name == source) {
            None => item.mistake(format!("there is no [evidence.{}]", visible::text(source))),
            Some(known) if known.kind != EvidenceKind::Ci => {
                item.mistake(format!("[evidence.{source}] is no \"ci\"; `forge_approvals` asks for approvals"));
            }
            Some(known) if !known.checks.iter().any(|own| own == check) => {
                item.mistake(format!("[evidence.{source}] has no check `{}`", visible::text(check)));
            }
            Some(_) => {
                let need = EvidenceNeed::Check { source: source.to_owned(), check: check.to_owned() };
                if needs.contains(&need) {
                    item.mistake(format!("`{text}` is there twice"));
                } else {
                    needs.push(need);
                }
            }
        }
    }
    needs.extend(entry.table("forge_approvals").and_then(|table| approvals(place, &table, sources, people)));
    needs
}

fn approvals(place: &str, table: &Table<'_>, sources: &[EvidenceSource], people: &Listed) -> Option<EvidenceNeed> {
    let (source, n) = (table.need_string("evidence"), table.need_number("n"));
    let role = table.string("role");
    if let Some(role) = role.as_ref().filter(|role| !is_id(&role.value, 32)) {
        role.mistake(format!("`{}` is not a role", visible::text(&role.value)));
    }
    let (source, n) = (source?, n?);
    if n.value == 0 || n.value > MAX_SLOT {
        n.mistake(format!("`n` is a number from 1 to {MAX_SLOT}"));
        return None;
    }
    match sources.iter().find(|known| known.name == source.value) {
        None => source.mistake(format!("there is no [evidence.{}]", visible::text(&source.value))),
        Some(known) if known.kind != EvidenceKind::Forge => {
            source.mistake(format!("[evidence.{}] is no \"forge\"; `require` asks for results of checks", known.name));
        }
        Some(_) => {}
    }
    let could = |person: &&Person| {
        let has_role = role.as_ref().is_none_or(|role| person.roles.contains(&role.value));
        person.kind == PersonKind::Human && !person.logins.is_empty() && has_role
    };
    // An organization's people change without this file.
    let able = people.all.iter().filter(could).count() as u64;
    if !people.are_inherited && able < n.value {
        table.mistake(format!(
            "[{place}] needs {} of the roster with `logins` on the forge{}; there are {able}",
            n.value,
            role.as_ref().map(|role| format!(" and the role `{}`", role.value)).unwrap_or_default()
        ));
    }
    Some(EvidenceNeed::Approvals { source: source.value, role: role.map(|role| role.value), n: n.value as usize })
}
