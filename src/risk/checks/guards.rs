//! `destr.protection-off`: a guard against deletion, or a backup, is gone or turned off.

use crate::change::diff::Side;
use crate::risk::{FileUnderReview, Finding, Rules};

const GUARDS: &[&str] = &[
    "prevent_destroy",
    "deletion_protection",
    "deletion_protection_enabled",
    "deletionprotection",
    "disable_api_termination",
    "enable_deletion_protection",
    "termination_protection",
    "skip_final_snapshot",
    "backup_retention_period",
    "point_in_time_recovery",
    "force_destroy",
    "retain_on_delete",
    "deletionpolicy",
    "versioning",
];
/// Guards whose dangerous value is `true`.
const INVERTED: &[&str] = &["skip_final_snapshot", "force_destroy"];

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let (removed, added) = (file.removed(), file.added());
    let mut found = Vec::new();
    for (number, line) in &removed {
        let Some(guard) = guard(line).filter(|guard| is_on(guard, line)) else { continue };
        // Moved or reformatted: the same guard is still set somewhere in what was added.
        let kept = added.iter().any(|(_, new)| self::guard(new) == Some(guard) && is_on(guard, new));
        if !kept {
            found.extend(rules.of_check("destr.protection-off", file, Side::Old, *number, line));
        }
    }
    for (number, line) in &added {
        let Some(guard) = guard(line).filter(|guard| INVERTED.contains(guard) && !is_on(guard, line)) else { continue };
        let was = removed.iter().any(|(_, old)| self::guard(old) == Some(guard) && !is_on(guard, old));
        if !was {
            found.extend(rules.of_check("destr.protection-off", file, Side::New, *number, line));
        }
    }
    found
}

fn guard(line: &str) -> Option<&'static str> {
    let lower = line.trim_start().to_ascii_lowercase();
    if lower.starts_with(['#', '/', '*']) {
        return None;
    }
    let word =
        |guard: &&&str| lower.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == **guard);
    GUARDS.iter().find(word).copied()
}

/// Whether the line sets the guard so that it protects.
fn is_on(guard: &str, line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let Some(value) = lower.split_once(guard).and_then(|(_, rest)| rest.split_once(['=', ':'])).map(|(_, v)| v.trim())
    else {
        return false;
    };
    let off = value.starts_with("false")
        || value.starts_with('0')
        || value.starts_with("\"delete\"")
        || value.starts_with("delete");
    let on = !off && !value.is_empty();
    if INVERTED.contains(&guard) { value.starts_with("false") } else { on }
}
