//! Cuts a push into segments that are each allowed.

use std::collections::HashMap;

use super::Step;
use super::evaluation::Evaluation;
use super::segment::{self, Standing};
use crate::change::manifest::{Manifest, Sides, rolling_hash};
use crate::change::{ObjectId, RepoPath};

/// How much is looked at for one push: a touched path each time that a segment grows over it is one. What nobody signed
/// can be cut in so many ways that no end would be found.
const MAX_EFFORT: usize = 5_000_000;
/// What it is to judge a segment that then is not allowed; and any, for each of its steps.
const JUDGED: usize = 5_000;
const JUDGED_STEP: usize = 50;

/// What the search found.
pub(super) struct Found {
    /// Segments that follow each other, each allowed; where they do not reach the end, the last is the rest and is not.
    pub way: Vec<Standing>,
    /// The commits at which the allowed ones end.
    pub ends: Vec<ObjectId>,
    /// There was more to try than is tried.
    pub is_given_up: bool,
}

/// Finds a way along all steps in segments that are each allowed; else says what the rest after the furthest lacks.
/// Depth first: where each step was approved alone, this is one look at each. `effort` is what was spent on the push so
/// far.
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
        // What comes to nothing is taken step by step: else something unsigned could land if only it goes away again.
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
        way.push(segment::judge(evaluation, rest, &total(rest)));
    }
    Found { way, ends, is_given_up: furthest < count && *effort > MAX_EFFORT }
}

fn total(steps: &[Step]) -> Manifest {
    let mut total = Manifest::default();
    steps.iter().for_each(|step| total.then(&step.delta));
    total
}

/// The total of the steps from one on, growing step by step. Its rolling hash is kept up to date entry by entry, so
/// that a step costs what it touches and not what all touched so far.
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

    /// Takes in one step more; its end, or none where there is no more.
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
