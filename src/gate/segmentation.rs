//! Cuts a push into segments that are each allowed.

use std::collections::HashMap;

use super::Step;
use super::evaluation::Evaluation;
use super::segment::{self, Standing};
use crate::change::manifest::{Manifest, Sides, rolling_hash};
use crate::change::{ObjectId, RepoPath};

/// The effort limit for one push: each touched path counts each time that a segment grows over it. Unsigned steps can
/// be cut in so many ways that the search would not end.
const MAX_EFFORT: usize = 5_000_000;
/// The effort of judging a segment that is not allowed; and of judging any segment, per step.
const JUDGED: usize = 5_000;
const JUDGED_STEP: usize = 50;

/// What the search found.
pub(super) struct Found {
    /// Consecutive segments, each allowed; if they do not reach the end, the last one is the rest, which is not
    /// allowed.
    pub way: Vec<Standing>,
    /// The commits at which the allowed ones end.
    pub ends: Vec<ObjectId>,
    /// The effort limit was reached.
    pub is_given_up: bool,
}

/// Cuts all steps into segments that are each allowed; otherwise says what the rest after the furthest one lacks. Depth
/// first: if each step was approved separately, each is judged once. `effort` is the effort spent on the push so far.
pub(super) fn ways(steps: &[Step], evaluation: &Evaluation<'_>, effort: &mut usize) -> Found {
    let count = steps.len();
    let mut from: Vec<Option<(usize, Standing)>> = vec![None; count + 1];
    let mut stack = vec![Growth::new(steps, 0)];
    while from[count].is_none()
        && *effort <= MAX_EFFORT
        && evaluation.input.contents.exceeded().is_none()
        && let Some(top) = stack.last_mut()
    {
        let Some(end) = top.grow() else {
            stack.pop();
            continue;
        };
        *effort += 1 + steps[end - 1].delta.len();
        if (end != count && from[end].is_some()) || !(top.changed.is_empty() || evaluation.may_know(top.rolling_hash)) {
            continue;
        }
        // Steps that cancel each other out are judged one by one: otherwise something unsigned could land if it is only
        // removed again.
        if top.changed.is_empty() && end > top.start + 1 {
            continue;
        }
        let (start, manifest) = (top.start, top.manifest());
        if !manifest.is_empty() && !evaluation.knows(&manifest) {
            continue;
        }
        let standing = segment::judge(evaluation, &steps[start..end], &manifest);
        *effort += (end - start) * JUDGED_STEP;
        if standing.is_allowed() {
            from[end] = Some((start, standing));
            stack.push(Growth::new(steps, end));
        } else {
            *effort += JUDGED;
        }
    }
    let furthest = from.iter().rposition(Option::is_some).unwrap_or(0);
    let (mut way, mut ends) = (Vec::new(), Vec::new());
    let mut at = furthest;
    while let Some((start, standing)) = from[at].take() {
        way.push(standing);
        ends.push(steps[at - 1].commit);
        at = start;
    }
    way.reverse();
    ends.reverse();
    if furthest < count {
        let rest = &steps[furthest..];
        way.push(segment::judge_explained(evaluation, rest, &total(rest)));
    }
    Found { way, ends, is_given_up: furthest < count && *effort > MAX_EFFORT }
}

fn total(steps: &[Step]) -> Manifest {
    let mut total = Manifest::default();
    steps.iter().for_each(|step| total.then(&step.delta));
    total
}

/// The total of the steps from one on, growing step by step. Its rolling hash is updated entry by entry, so that the
/// cost of a step depends on what it touches, not on everything touched so far.
struct Growth<'s> {
    steps: &'s [Step],
    start: usize,
    end: usize,
    changed: HashMap<&'s RepoPath, Sides>,
    rolling_hash: u64,
}

impl<'s> Growth<'s> {
    fn new(steps: &'s [Step], start: usize) -> Growth<'s> {
        Growth { steps, start, end: start, changed: HashMap::new(), rolling_hash: 0 }
    }

    /// Adds one more step; returns its end, or none if there are no more.
    fn grow(&mut self) -> Option<usize> {
        let step = self.steps.get(self.end)?;
        for (path, old, new) in step.delta.iter() {
            let before = self.changed.remove(path);
            let first = before.map_or(old, |(first, _)| first);
            if let Some(sides) = before {
                self.rolling_hash = self.rolling_hash.wrapping_sub(rolling_hash(path, sides));
            }
            if first != new {
                self.changed.insert(path, (first, new));
                self.rolling_hash = self.rolling_hash.wrapping_add(rolling_hash(path, (first, new)));
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
