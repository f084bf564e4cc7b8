//! `[limits]`, `[freeze.NAME]` and `[break_glass]`.

use super::MAX_SLOT;
use super::compartments::{reachable, slots};
use super::people::{Listed, presence};
use super::{globs, whole_path};
use crate::change::visible;
use crate::datafile::Table;
use crate::policy::{BreakGlass, Compartment, Freeze, Limits, Requirement};

/// `unsaid` holds where the file says nothing.
pub(super) fn limits(root: &Table<'_>, unsaid: Limits) -> Limits {
    let Some(table) = root.table("limits") else { return unsaid };
    let positive = |key: &str| {
        let number = table.number(key)?;
        if number.value == 0 {
            number.mistake(format!("`{key} = 0` would let nothing land; leave it out to set no limit"));
        }
        Some(number.value)
    };
    let validity = table.duration("validity");
    if let Some(none) = validity.as_ref().filter(|validity| validity.value == 0) {
        none.mistake(
            "`validity = \"0s\"` would let no approval count; write for how long one is good at most, such as \"30d\"",
        );
    }
    let refuse_opaque = match table.string("opaque") {
        None => false,
        Some(word) => match word.value.as_str() {
            "acknowledge" => false,
            "refuse" => true,
            other => {
                word.mistake(format!("`opaque` is acknowledge or refuse, not `{other}`"));
                true
            }
        },
    };
    let uncounted = table.strings("uncounted");
    uncounted.iter().for_each(whole_path);
    Limits {
        compartments: positive("compartments").map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        lines: positive("lines"),
        validity: validity.map_or(unsaid.validity, |validity| validity.value),
        refuse_opaque,
        inherited_compartments: None,
        uncounted: vec![globs(&uncounted)],
        uncounted_patterns: uncounted.into_iter().map(|pattern| pattern.value).collect(),
    }
}

pub(super) fn freezes(root: &Table<'_>, compartments: &[Compartment]) -> Vec<Freeze> {
    let Some(table) = root.table("freeze") else { return Vec::new() };
    let freeze = |(name, entry): (crate::datafile::Placed<'_, String>, Table<'_>)| {
        let (from, until) = (entry.need_time("from"), entry.need_time("until"));
        let names = entry.strings("compartments");
        for unknown in names.iter().filter(|name| !compartments.iter().any(|c| c.name == name.value)) {
            unknown.mistake(format!("there is no [compartment.{}]", unknown.value));
        }
        let (from, until) = (from?, until?);
        if from.value >= until.value {
            until.mistake("`until` is not after `from`: nothing would ever be frozen");
        }
        let compartments = names.into_iter().map(|name| name.value).collect();
        // Any text may be a key here, and is repeated in reasons and messages.
        let name = visible::text(&name.value).into_owned();
        Some(Freeze { name, from: from.value, until: until.value, compartments })
    };
    table.named_tables().into_iter().filter_map(freeze).collect()
}

pub(super) fn break_glass(root: &Table<'_>, people: &Listed) -> Option<BreakGlass> {
    let table = root.table("break_glass")?;
    let max = table.number("max_per_30d");
    if let Some(many) = max.as_ref().filter(|max| max.value == 0 || max.value > MAX_SLOT) {
        many.mistake(format!(
            "`max_per_30d` is a number from 1 to {MAX_SLOT}; without [break_glass] there is none at all"
        ));
    }
    let terms = BreakGlass {
        sign: slots("break_glass", &table, "sign"),
        presence: table.string("presence").and_then(|word| presence(&word)).unwrap_or_default(),
        max_duration: table.duration("max_duration").map_or(4 * 3600, |length| length.value),
        max_per_30d: max.map_or(3, |max| max.value as usize),
        debt_after: table.duration("debt_after").map_or(48 * 3600, |length| length.value),
    };
    if !terms.sign.is_empty() {
        let requirement = Requirement::of_emergency(&terms);
        reachable("break_glass", &table, &requirement, people);
    }
    Some(terms)
}
