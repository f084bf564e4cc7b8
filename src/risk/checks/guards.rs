//! `destr.protection-off`: a guard against deletion, or a backup, is gone or turned off. Counted net over the file, or over
//! the change where the whole file is gone, so that moving or reordering a guard is none.

use std::collections::BTreeMap;

use crate::change::diff::Side;
use crate::risk::blast::{is_sample, is_test};
use crate::risk::{FileUnderReview, Finding, Rules};

/// When a guard protects.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protects {
    /// Unless it is false, 0 or the like.
    On,
    /// Where it is false: `force_destroy`.
    Off,
    /// Where it says to keep: `DeletionPolicy: Retain`.
    Kept,
}

/// Keys in lower case without `_` and `-`: providers and tools spell them in every way.
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

pub(super) fn check(files: &[FileUnderReview<'_>], rules: &Rules) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files {
        let path = file.path();
        if is_test(&path)
            || is_sample(&path)
            || !path.rsplit_once('.').is_some_and(|(_, extension)| CODE.contains(&extension))
        {
            continue;
        }
        let (removed, added) = (file.removed(), file.added());
        let elsewhere: Vec<_> = match file.new {
            None => files.iter().flat_map(FileUnderReview::added).collect(),
            Some(_) => Vec::new(),
        };
        found.extend(lost(&removed, added.iter().chain(&elsewhere), true).into_iter().filter_map(|(line, text)| {
            let turned_off = added.iter().find(|(_, new)| state(new) == state(text).map(|(guard, on)| (guard, !on)));
            match turned_off {
                Some((line, text)) => rules.of_check("destr.protection-off", file, Side::New, *line, text),
                None => rules.of_check("destr.protection-off", file, Side::Old, line, text),
            }
        }));
        // Only guards whose absence protects: `force_destroy = true` in a new resource too.
        if file.old.is_some() {
            let opened = lost(&added, removed.iter(), false).into_iter();
            found.extend(
                opened.filter_map(|(line, text)| rules.of_check("destr.protection-off", file, Side::New, line, text)),
            );
        }
    }
    found
}

/// The lines of `from` that set a guard to `on`, beyond those that `to` makes up for.
fn lost<'l>(from: &'l [(u32, String)], to: impl Iterator<Item = &'l (u32, String)>, on: bool) -> Vec<(u32, &'l str)> {
    let mut made_up: BTreeMap<&str, usize> = BTreeMap::new();
    for (guard, _) in to.filter_map(|(_, line)| state(line)).filter(|(_, state)| *state == on) {
        *made_up.entry(guard).or_default() += 1;
    }
    let mut lines = Vec::new();
    for (number, line) in from {
        let Some((guard, _)) = state(line).filter(|(guard, state)| *state == on && (on || is_inverted(guard))) else {
            continue;
        };
        match made_up.get_mut(guard).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => lines.push((*number, line.as_str())),
        }
    }
    lines
}

fn is_inverted(guard: &str) -> bool {
    GUARDS.iter().any(|(name, protects)| *name == guard && *protects == Protects::Off)
}

/// The guard that a line `key = value` sets, and whether it protects then.
fn state(line: &str) -> Option<(&'static str, bool)> {
    let (key, value) = line.trim().split_once(['=', ':'])?;
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let (guard, protects) = GUARDS.iter().find(|(name, _)| *name == key)?;
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
