//! Cuts a push into segments that are each allowed.

use std::collections::HashMap;

use super::court::Court;
use super::print::{Sides, print};
use super::segment::{self, Standing};
use super::{Code, Push, Reason, RefOutcome, Step};
use crate::change::RepoPath;
use crate::change::manifest::Manifest;

/// How much is looked at for one push: a touched path each time that a segment grows over it is one. What nobody signed can be
/// cut in so many ways that no end would be found.
const MAX_EFFORT: usize = 5_000_000;
/// What it is to judge a segment that then is not allowed.
const JUDGED: usize = 5_000;

/// Finds a way from `old` to `new` in segments that are each allowed; else says what the rest after the furthest lacks.
/// Depth first: where each step was approved alone, this is one look at each.
pub(super) fn judge(push: &Push, court: &Court<'_>) -> RefOutcome {
    let count = push.steps.len();
    let mut from: Vec<Option<(usize, Standing)>> = vec![None; count + 1];
    let mut stack = vec![Growth::new(&push.steps, 0)];
    let mut effort = 0;
    while from[count].is_none()
        && effort <= MAX_EFFORT
        && court.grounds.contents.exceeded().is_none()
        && let Some(top) = stack.last_mut()
    {
        let Some(end) = top.grow() else {
            stack.pop();
            continue;
        };
        effort += 1 + push.steps[end - 1].delta.len();
        if (end != count && from[end].is_some()) || !(top.changed.is_empty() || court.may_know(top.print)) {
            continue;
        }
        // What comes to nothing is taken step by step: else something unsigned could land if only it goes away again.
        if top.changed.is_empty() && end > top.start + 1 {
            continue;
        }
        let (start, manifest) = (top.start, top.manifest());
        if !manifest.is_empty() && !court.knows(&manifest) {
            continue;
        }
        let standing = segment::judge(court, &push.steps[start..end], &manifest);
        if standing.is_allowed() {
            from[end] = Some((start, standing));
            stack.push(Growth::new(&push.steps, end));
        } else {
            effort += JUDGED;
        }
    }
    let furthest = from.iter().rposition(Option::is_some).unwrap_or(0);
    let mut way = Vec::new();
    let mut at = furthest;
    while let Some((start, standing)) = from[at].take() {
        way.push(standing);
        at = start;
    }
    way.reverse();
    if furthest < count {
        let rest = &push.steps[furthest..];
        way.push(segment::judge(court, rest, &total(rest)));
    }
    let outcome = RefOutcome::of(push, way);
    if furthest < count && effort > MAX_EFFORT {
        let detail = "There are too many ways to cut the push into what was approved. Push it in parts.";
        return outcome.and(Reason::deny(Code::Limit, detail));
    }
    outcome
}

fn total(steps: &[Step]) -> Manifest {
    let mut total = Manifest::default();
    steps.iter().for_each(|step| total.then(&step.delta));
    total
}

/// The total of the steps from one on, growing step by step. Its print is kept up to date entry by entry, so that a step
/// costs what it touches and not what all touched so far.
struct Growth<'s> {
    steps: &'s [Step],
    start: usize,
    end: usize,
    changed: HashMap<&'s RepoPath, Sides>,
    print: u64,
}

impl<'s> Growth<'s> {
    fn new(steps: &'s [Step], start: usize) -> Growth<'s> {
        Growth { steps, start, end: start, changed: HashMap::new(), print: 0 }
    }

    /// Takes in one step more; its end, or none where there is no more.
    fn grow(&mut self) -> Option<usize> {
        let step = self.steps.get(self.end)?;
        for (path, old, new) in step.delta.iter() {
            let before = self.changed.remove(path);
            let first = before.map_or(old, |(first, _)| first);
            if let Some(sides) = before {
                self.print = self.print.wrapping_sub(print(path, sides));
            }
            if first != new {
                self.changed.insert(path, (first, new));
                self.print = self.print.wrapping_add(print(path, (first, new)));
            }
        }
        self.end += 1;
        Some(self.end)
    }

    fn manifest(&self) -> Manifest {
        let mut manifest = Manifest::default();
        self.changed.iter().for_each(|(path, (old, new))| manifest.insert((*path).clone(), *old, *new));
        manifest
    }
}
