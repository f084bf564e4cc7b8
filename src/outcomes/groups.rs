//! Counts by month, sign of AI, tool, tier, compartment, load of the approvers, and rule. Pure.

use std::collections::BTreeMap;

use super::report::{Change, Counts, Group, Row};
use crate::audit::report::Shown;

/// The fewest changes of which a share is told: of fewer it would change with each one.
pub const MIN_SHARE: usize = 20;
/// The classes of an approver's load: approvals of the last seven days, from and to.
const LOADS: [(usize, usize, &str); 6] = [
    (0, 0, "0"),
    (1, 4, "1 to 4"),
    (5, 9, "5 to 9"),
    (10, 19, "10 to 19"),
    (20, 49, "20 to 49"),
    (50, usize::MAX, "50 or more"),
];

/// All groups of which anything is known.
pub fn groups(changes: &[Change], with_tiers: bool) -> Vec<Group> {
    let one = |text: String| vec![text];
    let mut groups = vec![
        group("month", changes, |change| one(change.at.month())),
        group("ai", changes, |change| one(change.ai.to_owned())),
        group("tool", changes, |change| one(shown_or(change.tool.as_ref(), "none named"))),
    ];
    if with_tiers {
        let tier = |change: &Change| change.tier.map_or_else(|| "not computed".to_owned(), |tier| tier.to_string());
        groups.push(group("tier", changes, |change| one(tier(change))));
    }
    groups.push(group("compartment", changes, |change| match change.compartments.is_empty() {
        true => one("none known".to_owned()),
        false => change.compartments.iter().map(ToString::to_string).collect(),
    }));
    groups.push(loads(changes));
    if with_tiers {
        groups.push(rules(changes));
    }
    groups
}

fn shown_or(text: Option<&Shown>, other: &str) -> String {
    text.map_or_else(|| other.to_owned(), ToString::to_string)
}

/// A change counts in each of its rows.
fn group(by: &'static str, changes: &[Change], names: impl Fn(&Change) -> Vec<String>) -> Group {
    let mut rows: BTreeMap<String, Counts> = BTreeMap::new();
    for change in changes {
        names(change).into_iter().for_each(|name| rows.entry(name).or_default().add(change));
    }
    Group { by, rows: rows.into_iter().map(|(name, counts)| Row { name: Shown::of(&name), counts }).collect() }
}

/// In the order of the load.
fn loads(changes: &[Change]) -> Group {
    let class = |change: &Change| change.load.map(class_of);
    let mut rows: BTreeMap<Option<usize>, Counts> = BTreeMap::new();
    changes.iter().for_each(|change| rows.entry(class(change)).or_default().add(change));
    let name = |class: Option<usize>| class.map_or("no approval", |class| LOADS[class].2);
    let rows = rows.into_iter().map(|(class, counts)| Row { name: Shown::of(name(class)), counts });
    Group { by: "load", rows: rows.collect() }
}

fn class_of(load: usize) -> usize {
    LOADS.iter().position(|(_, last, _)| load <= *last).unwrap_or(LOADS.len() - 1)
}

/// The rules on whose changes most came of, first.
fn rules(changes: &[Change]) -> Group {
    let mut group = group("rule", changes, |change| change.rules.iter().map(ToString::to_string).collect());
    group.rows.sort_by(|a, b| (b.counts.with_outcome, &a.name).cmp(&(a.counts.with_outcome, &b.name)));
    group
}

/// `3 of 41 (7 %)`; without a share for few changes.
pub fn rate(count: usize, of: usize) -> String {
    if of < MIN_SHARE {
        return format!("{count} of {of}");
    }
    let share = match (200 * count + of) / (2 * of) {
        0 if count > 0 => "under 1 %".to_owned(),
        share => format!("{share} %"),
    };
    format!("{count} of {of} ({share})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_always_stands_with_its_counts_and_few_changes_have_none() {
        assert_eq!(rate(3, 41), "3 of 41 (7 %)");
        assert_eq!(rate(1, 3), "1 of 3");
        assert_eq!(rate(19, 19), "19 of 19");
        assert_eq!(rate(0, 20), "0 of 20 (0 %)");
        assert_eq!(rate(1, 1_000), "1 of 1000 (under 1 %)");
        assert_eq!(rate(1_000, 1_000), "1000 of 1000 (100 %)");
    }

    #[test]
    fn every_load_is_in_one_class() {
        let name = |load| LOADS[class_of(load)].2;
        let expected = [(0, "0"), (1, "1 to 4"), (4, "1 to 4"), (5, "5 to 9"), (19, "10 to 19"), (20, "20 to 49")];
        for (load, class) in expected {
            assert_eq!(name(load), class);
        }
        assert_eq!([name(50), name(usize::MAX)], ["50 or more"; 2]);
        assert!(LOADS.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
    }
}
