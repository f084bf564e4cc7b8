//! Lines that both sides have and only one of them runs: the change put them into a comment, after a `return` or into a
//! branch that is never taken, or took them out of there. What they state has gone, or has come, as if they were
//! changed.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::facts;
use crate::change::compare::{Comparison, Line};
use crate::change::diff::Side;

/// Which these are, by their numbers, 1-based, with the changed line before them that did it.
#[derive(Debug, Default)]
pub(super) struct Turned {
    /// Those that ran before: their numbers in the old text.
    pub off: BTreeMap<u32, (Side, u32)>,
    /// Those that run now: their numbers in the new text.
    pub on: BTreeMap<u32, (Side, u32)>,
    /// All of them, in the old text and in the new one.
    pairs: Vec<(u32, u32)>,
    /// The numbers of the first in the new text, and of the others in the old one.
    off_in_new: Vec<u32>,
    on_in_old: Vec<u32>,
}

impl Turned {
    /// Compares what runs of the lines that both sides have; the texts may be decoded ones.
    pub fn of(comparison: &Comparison, (old_path, old): (&str, &str), (new_path, new): (&str, &str)) -> Turned {
        let mut turned = Turned::default();
        let (Some(before), Some(after)) = (facts::idle_lines(old_path, old), facts::idle_lines(new_path, new)) else {
            return turned;
        };
        let is_inert = |rows: &[bool], row: u32| rows.get(row as usize).copied().unwrap_or_default();
        each_common(comparison, |old, new, cause| {
            let Some(cause) = cause else { return };
            match (is_inert(&before, old), is_inert(&after, new)) {
                (false, true) => {
                    turned.off.insert(old + 1, cause);
                    turned.off_in_new.push(new + 1);
                }
                (true, false) => {
                    turned.on.insert(new + 1, cause);
                    turned.on_in_old.push(old + 1);
                }
                _ => return,
            }
            turned.pairs.push((old + 1, new + 1));
        });
        turned
    }

    /// The lines of a side that it lost or gained by that.
    pub fn of_side(&self, side: Side) -> &BTreeMap<u32, (Side, u32)> {
        if side == Side::Old { &self.off } else { &self.on }
    }

    /// All of them, as lines of a side.
    pub fn all(&self, side: Side) -> impl Iterator<Item = u32> {
        self.pairs.iter().map(move |(old, new)| if side == Side::Old { *old } else { *new })
    }

    /// Whether all that is on these lines of a side is there without running.
    pub fn is_idle(&self, side: Side, lines: &RangeInclusive<u32>) -> bool {
        let idle = if side == Side::Old { &self.on_in_old } else { &self.off_in_new };
        let is_one = |line: &u32| idle.binary_search(line).is_ok();
        !idle.is_empty() && is_one(lines.start()) && is_one(lines.end())
    }
}

/// Whether there are lines that both sides have, and a changed one that may turn them: otherwise nothing is parsed.
pub(super) fn may_turn(comparison: &Comparison, old: &[u8], new: &[u8]) -> bool {
    let has_common = comparison.old.count() > comparison.removed && !comparison.hunks.is_empty();
    let text = |line: &Line| match *line {
        Line::Removed { old: row } => comparison.old.get(old, row),
        Line::Added { new: row } => comparison.new.get(new, row),
        Line::Context { .. } => &[],
    };
    let mut lines = comparison.hunks.iter().flat_map(|hunk| &hunk.lines).map(text);
    has_common && lines.any(|line| facts::may_turn(&String::from_utf8_lossy(line)))
}

/// The lines that both sides have, 0-based, each with the changed line before it, 1-based.
fn each_common(comparison: &Comparison, mut visit: impl FnMut(u32, u32, Option<(Side, u32)>)) {
    let (mut old_row, mut new_row, mut cause) = (0, 0, None);
    let mut unchanged = |old: u32, new: u32, count: u32, cause| {
        (0..count).for_each(|by| visit(old + by, new + by, cause));
    };
    for hunk in &comparison.hunks {
        unchanged(old_row, new_row, hunk.old.start.saturating_sub(old_row), cause);
        for line in &hunk.lines {
            match *line {
                Line::Context { old, new } => unchanged(old, new, 1, cause),
                Line::Removed { old } => cause = Some((Side::Old, old + 1)),
                Line::Added { new } => cause = Some((Side::New, new + 1)),
            }
        }
        (old_row, new_row) = (hunk.old.end, hunk.new.end);
    }
    unchanged(old_row, new_row, comparison.old.count().saturating_sub(old_row), cause);
}
