//! `destr.protection-off`: a guard against deletion, or a backup, is gone or turned off. Counted net over the file, or
//! over the change if the whole file is deleted, so that moving or reordering a guard is not reported.

use std::collections::{BTreeMap, VecDeque};

use crate::change::diff::Side;
use crate::risk::blast::{is_sample, is_test};
use crate::risk::{FileUnderReview, Finding, Rules, Severity};

/// When a guard protects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protects {
    /// Unless it is false, 0 or the like.
    On,
    /// If it is false: `force_destroy`.
    Off,
    /// If its value says to keep: `DeletionPolicy: Retain`.
    Kept,
}

/// Keys in lower case without `_` and `-`, since spellings differ between providers and tools.
const GUARDS: &[(&str, Protects)] = &[
    ("preventdestroy", Protects::On),
    ("deletionprotection", Protects::On),
    ("deletionprotectionenabled", Protects::On),
    ("enabledeletionprotection", Protects::On),
    ("terminationprotection", Protects::On),
    ("enableterminationprotection", Protects::On),
    ("disableapitermination", Protects::On),
    ("purgeprotectionenabled", Protects::On),
    ("backupretentionperiod", Protects::On),
    ("backupretentiondays", Protects::On),
    ("pointintimerecovery", Protects::On),
    ("pointintimerecoveryenabled", Protects::On),
    ("retainondelete", Protects::On),
    ("skipfinalsnapshot", Protects::Off),
    ("forcedestroy", Protects::Off),
    ("deletionpolicy", Protects::Kept),
    ("removalpolicy", Protects::Kept),
    ("persistentvolumereclaimpolicy", Protects::Kept),
];
const CODE: &[&str] =
    &["tf", "tfvars", "hcl", "yaml", "yml", "json", "toml", "ts", "js", "py", "go", "bicep", "tpl", "jsonnet"];

/// How often something turned each guard on.
type Counts = BTreeMap<&'static str, usize>;

/// Guards in deleted files, and those that the change sets anywhere.
#[derive(Default)]
pub(super) struct Guards {
    /// By deleted file: its guards in order.
    gone: Vec<Vec<(&'static str, Finding)>>,
    set: Counts,
}

impl Guards {
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let (removed, added) = (file.removed(), file.added());
        let path = file.path();
        for (guard, count) in counted(added, true) {
            *self.set.entry(guard).or_default() += count;
        }
        let is_code = path.rsplit_once('.').is_some_and(|(_, extension)| CODE.contains(&extension));
        // If the format is read for facts, a rule over facts reports it, with both values.
        let is_read = file.new.is_some() && file.stated(Side::Old).is_some();
        if !is_code || is_read || is_test(&path) || is_sample(&path) {
            return Vec::new();
        }
        let say = |side, line, text: &str| rules.of_check("destr.protection-off", file, side, line, text);
        if file.new.is_none() {
            let lost = lost(removed, Counts::new(), true).into_iter();
            // What it guarded is gone with the file, which is another finding if data goes with it.
            let less = |found: Finding| Finding { severity: Severity::Medium, ..found };
            let gone = lost.filter_map(|(guard, line, text)| Some((guard, less(say(Side::Old, line, text)?))));
            self.gone.push(gone.collect());
            return Vec::new();
        }
        let lost_guards = lost(removed, counted(added, true), true).into_iter();
        let mut turned_off = turned_off(added);
        let mut found: Vec<Finding> = lost_guards
            .filter_map(|(guard, line, text)| match turned_off.get_mut(guard).and_then(VecDeque::pop_front) {
                Some((line, text)) => say(Side::New, line, text),
                None => say(Side::Old, line, text),
            })
            .collect();
        // Only guards whose absence protects: `force_destroy = true` in a new resource too.
        if file.old.is_some() {
            let opened = lost(added, counted(removed, false), false).into_iter();
            found.extend(opened.filter_map(|(_, line, text)| say(Side::New, line, text)));
        }
        found
    }

    pub fn finish(self) -> Vec<Finding> {
        let Guards { gone, set } = self;
        let of_file = |guards: Vec<(&'static str, Finding)>| {
            let mut made_up = set.clone();
            guards.into_iter().filter(move |(guard, _)| !makes_up(&mut made_up, guard)).map(|(_, finding)| finding)
        };
        gone.into_iter().flat_map(of_file).collect()
    }
}

fn counted(lines: &[(u32, String)], on: bool) -> Counts {
    let mut counts = Counts::new();
    for (guard, _) in lines.iter().filter_map(|(_, line)| state(line)).filter(|(_, state)| *state == on) {
        *counts.entry(guard).or_default() += 1;
    }
    counts
}

/// By guard, the lines that turn it off, in order. Each line is one lost guard: several of a kind are several findings.
fn turned_off(lines: &[(u32, String)]) -> BTreeMap<&'static str, VecDeque<(u32, &str)>> {
    let mut found: BTreeMap<_, VecDeque<_>> = BTreeMap::new();
    for (number, line) in lines {
        if let Some((guard, false)) = state(line) {
            found.entry(guard).or_default().push_back((*number, line.as_str()));
        }
    }
    found
}

/// Whether one of the counted guards compensates for a lost one; each does so once.
fn makes_up(counts: &mut Counts, guard: &str) -> bool {
    match counts.get_mut(guard).filter(|left| **left > 0) {
        Some(left) => {
            *left -= 1;
            true
        }
        None => false,
    }
}

/// The lines that set a guard to `on`, without those that are compensated.
fn lost(lines: &[(u32, String)], mut made_up: Counts, on: bool) -> Vec<(&'static str, u32, &str)> {
    let is_lost = |(number, line)| {
        let (guard, _) = state(line).filter(|(guard, state)| *state == on && (on || is_inverted(guard)))?;
        (!makes_up(&mut made_up, guard)).then_some((guard, number, line))
    };
    lines.iter().map(|(number, line)| (*number, line.as_str())).filter_map(is_lost).collect()
}

fn is_inverted(guard: &str) -> bool {
    GUARDS.iter().any(|(name, protects)| *name == guard && *protects == Protects::Off)
}

/// The guard that a line `key = value` sets, and whether it protects then.
fn state(line: &str) -> Option<(&'static str, bool)> {
    let (key, value) = line.trim().split_once(['=', ':'])?;
    // Every added line of a change is checked here: avoid copies.
    let letters = || key.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    let (guard, protects) = GUARDS.iter().find(|(name, _)| letters().eq(name.bytes()))?;
    let value = value.trim().trim_matches(['"', '\'', ',', ';']).to_ascii_lowercase();
    let off = ["false", "off", "no", "disabled", "null", "none"].iter().any(|word| value.starts_with(word))
        || value.split([' ', ',']).next() == Some("0");
    let on = match protects {
        Protects::On => !off,
        Protects::Off => off,
        Protects::Kept => value.contains("retain") || value.contains("snapshot"),
    };
    Some((guard, on))
}
