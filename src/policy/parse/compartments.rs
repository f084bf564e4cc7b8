//! `[compartment.NAME]`: paths, criticality, and who signs.

use std::collections::BTreeSet;

use super::evidence::needs;
use super::people::{Listed, presence};
use super::{MAX_SLOT, is_id, path_patterns};
use crate::datafile::{Placed, Table};
use crate::policy::{
    Binding, Compartment, Criticality, DEFAULT, EvidenceSource, POLICY_FILE, RESERVED, Requirement, Signer, Slot,
};
use crate::record::Presence;

/// The compartments of a repository: they hold every path, and the policy alone.
pub(super) fn compartments(root: &Table<'_>, people: &Listed, evidence: &[EvidenceSource]) -> Option<Vec<Compartment>> {
    let Some(table) = root.table("compartment") else {
        root.mistake("the file needs [compartment.default] and a solo compartment for `.undersign/**`");
        return None;
    };
    let compartments = named(&table, people, evidence);
    if !compartments.iter().any(|c| c.name == DEFAULT) {
        table.mistake("[compartment.default] is missing: it says who signs for what no other compartment holds");
    }
    let keepers: Vec<_> = compartments.iter().filter(|c| c.name != DEFAULT && c.holds(&POLICY_FILE.into())).collect();
    for keeper in keepers.iter().filter(|c| c.solo && !c.evidence.is_empty()) {
        table.mistake(format!(
            "[compartment.{}] holds the policy, which needs no evidence to change: if the key of the evidence is lost, \
             nothing else could end it; ask for it elsewhere",
            keeper.name
        ));
    }
    if !keepers.iter().any(|c| c.solo) {
        table.mistake(format!("no compartment with `solo = true` holds {POLICY_FILE}; add [compartment.policy] with paths = [\".undersign/**\"]"));
    }
    Some(compartments)
}

/// The compartments that an organization asks for, on top of those of each repository: any, or none.
pub(super) fn of_organization(root: &Table<'_>, people: &Listed, evidence: &[EvidenceSource]) -> Vec<Compartment> {
    root.table("compartment").map(|table| named(&table, people, evidence)).unwrap_or_default()
}

fn named(table: &Table<'_>, people: &Listed, evidence: &[EvidenceSource]) -> Vec<Compartment> {
    table.named_tables().into_iter().map(|(name, entry)| compartment(&name, &entry, people, evidence)).collect()
}

fn compartment(
    name: &Placed<'_, String>,
    entry: &Table<'_>,
    people: &Listed,
    evidence: &[EvidenceSource],
) -> Compartment {
    let patterns = entry.strings("paths");
    match (name.value == DEFAULT, patterns.is_empty()) {
        (true, false) => entry.mistake("the default compartment has no `paths`: it holds what no other does"),
        (false, true) => entry.mistake(format!("[compartment.{}] needs `paths`", name.value)),
        _ => {}
    }
    if !is_id(&name.value, 32) || RESERVED.contains(&name.value.as_str()) {
        name.mistake(format!("`{}` is not a valid name for a compartment", name.value));
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
    let links_out = entry.strings("links_out");
    let compartment = Compartment {
        name: name.value.clone(),
        is_inherited: false,
        criticality,
        sign: slots(&format!("compartment.{}", name.value), entry, "sign"),
        evidence: needs(&format!("compartment.{}", name.value), entry, evidence, people),
        binding: binding(entry, criticality),
        presence: entry.string("presence").and_then(|word| presence(&word)).unwrap_or_default(),
        solo: entry.boolean("solo").is_some_and(|flag| flag.value),
        cooling: entry.duration("cooling").map_or(0, |length| length.value),
        paths: path_patterns(&patterns),
        may_lead_out: path_patterns(&links_out),
        links_out: links_out.iter().map(|pattern| pattern.value.clone()).collect(),
        patterns: patterns.into_iter().map(|pattern| pattern.value).collect(),
    };
    for pattern in links_out.iter().filter(|_| name.value != DEFAULT) {
        // A wildcard cannot be checked; a plain path must be in the compartment, or be a folder above it.
        if !pattern.value.contains(['*', '?', '[', '{']) && !compartment.lies_at(&pattern.value.as_str().into()) {
            let path = pattern.value.escape_debug();
            pattern.mistake(format!(
                "[compartment.{}] does not hold `{path}`: a link there leads out of nothing",
                name.value
            ));
        }
    }
    if !compartment.sign.is_empty() {
        let place = format!("compartment.{}", name.value);
        reachable(&place, entry, &Requirement::of(&compartment), people);
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

/// `sign = [{ role = "senior", n = 1 }]` in a table.
pub(super) fn slots(place: &str, entry: &Table<'_>, key: &str) -> Vec<Slot> {
    let mut slots = Vec::new();
    let mut roles = BTreeSet::new();
    for slot in entry.tables(key) {
        let (role, n) = (slot.need_string("role"), slot.need_number("n"));
        let (Some(role), Some(n)) = (role, n) else { continue };
        if !is_id(&role.value, 32) {
            role.mistake(format!(
                "`{}` is not a role; use 2 to 32 characters a-z, 0-9, `.`, `_`, `-`",
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
        entry.mistake(format!("[{place}] needs `{key} = [{{ role = \"senior\", n = 1 }}]`"));
    }
    slots
}

/// A requirement that the roster cannot fill would block every change for ever. Where the roster is the organization's,
/// it changes without this file, which must not become invalid by that.
pub(super) fn reachable(place: &str, entry: &Table<'_>, requirement: &Requirement, people: &Listed) {
    if people.are_inherited {
        return;
    }
    let signs = |person: &&crate::policy::Person| person.keys.iter().any(|own| own.presence >= requirement.presence);
    let able: Vec<Signer<'_>> = people.all.iter().filter(signs).map(Signer::from).collect();
    let key = match requirement.presence {
        Presence::None => "a key".to_owned(),
        level => format!("a key enrolled with presence {level}"),
    };
    for filled in requirement.fill(&able).iter().filter(|filled| filled.have < filled.need) {
        let (people, who) = match filled.need {
            1 => ("1 person".to_owned(), ""),
            n => (format!("{n} people"), ", all different"),
        };
        let have = match filled.have {
            0 => "nobody in [people] has it".to_owned(),
            1 => "[people] has 1".to_owned(),
            n => format!("[people] has {n}"),
        };
        entry.mistake(format!("[{place}] needs {people} with the role `{}` and {key}{who}; {have}", filled.slot));
    }
}
