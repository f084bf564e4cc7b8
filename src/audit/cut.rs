//! Cuts a line of steps into the stretches that records approve, like the gate's search for segments, but over years
//! instead of one push. Pure.
//!
//! Each step adds a number to a running sum, and the manifest of a record is the difference of two such sums: a stretch
//! of steps can only match a record if the sums at its ends differ by exactly that number. So a stretch is found by
//! looking up a number, and only matches are judged. A collision of numbers costs one judgement and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::ops::Range;

use crate::change::RepoPath;
use crate::change::diff::TreeEntry;
use crate::change::manifest::{Image, Manifest};

/// The most steps in one stretch, the same as in one push.
const MAX_STRETCH: usize = crate::gate::MAX_STEPS;
/// The most stretches over one step that may equal one manifest, the shortest first. Something that is switched on and
/// off again and again comes to the same over any number of steps.
const MAX_TRIED: usize = 64;

/// The weight of a path while it has content that a record could name.
pub fn weight(path: &RepoPath, held: Option<Image>) -> u64 {
    held.map_or(0, |image| hashed(&(0u8, path, image)))
}

/// The same for a path that no record names: its blob need not be read.
pub fn weight_unread(path: &RepoPath, held: Option<TreeEntry>) -> u64 {
    held.map_or(0, |entry| hashed(&(1u8, path, entry.mode, entry.id)))
}

/// How much a manifest changes the sum.
pub fn difference(manifest: &Manifest) -> u64 {
    manifest.iter().fold(0, |sum, (path, old, new)| sum.wrapping_add(weight(path, new)).wrapping_sub(weight(path, old)))
}

/// The mark by which a manifest is found: one of its paths with its new content. Landing the manifest needs such a
/// step.
pub fn mark(manifest: &Manifest) -> Option<u64> {
    manifest.iter().next().map(|(path, _, new)| mark_of(path, new))
}

/// The same for what one step does to a path.
pub fn mark_of(path: &RepoPath, new: Option<Image>) -> u64 {
    hashed(&(path, new))
}

fn hashed<T: Hash>(value: &T) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The data of a step that the search for stretches needs.
#[derive(Debug, Clone, Default)]
pub struct Weighed {
    /// How much it changes the sum.
    pub difference: u64,
    /// It changes nothing: then it is a segment by itself.
    pub is_empty: bool,
    /// What it did cannot be read: no stretch contains it.
    pub is_unread: bool,
    /// Indices in `wanted` of the manifests that it may belong to, by their mark.
    pub marked: Vec<u32>,
}

/// Stretches by start and end, with the index of the manifest that they may equal; none for a step that changes
/// nothing.
pub type Stretches = BTreeMap<(usize, usize), Option<u32>>;

/// The stretches that may equal a manifest: those that are known to have landed as one, and others. `wanted` contains
/// the differences of the manifests, `named` stretches that are looked at in any case: those that records name.
pub fn stretches(
    steps: &[Weighed],
    wanted: &[u64],
    named: &[(usize, usize)],
    is_one: impl Fn((usize, usize), u32) -> bool,
) -> (Stretches, Stretches) {
    let mut sums = Vec::with_capacity(steps.len() + 1);
    sums.push(0u64);
    steps.iter().for_each(|step| sums.push(sums[sums.len() - 1].wrapping_add(step.difference)));
    let mut at: HashMap<u64, Vec<usize>> = HashMap::new();
    sums.iter().enumerate().for_each(|(position, sum)| at.entry(*sum).or_default().push(position));
    let (mut found, mut apart, mut floors, mut floor) = (Stretches::new(), Stretches::new(), vec![0], 0);
    for (step, weighed) in steps.iter().enumerate() {
        if weighed.is_unread {
            floor = step + 1;
        } else if weighed.is_empty {
            found.insert((step, step + 1), None);
        }
        floors.push(floor);
        for &manifest in &weighed.marked {
            let difference = wanted[manifest as usize];
            let within = steps[step..].iter().take(MAX_STRETCH).take_while(|one| !one.is_unread).count();
            let ends = sums.iter().enumerate().skip(step + 1).take(within);
            let over = ends.flat_map(|(end, sum)| {
                let starts = at.get(&sum.wrapping_sub(difference)).map_or(&[][..], Vec::as_slice);
                let lowest = floor.max(end.saturating_sub(MAX_STRETCH));
                let starts = &starts[..starts.partition_point(|start| *start <= step)];
                starts.iter().rev().take_while(move |start| **start >= lowest).map(move |start| (*start, end))
            });
            for key in over.take(MAX_TRIED) {
                let own = if key.1 - key.0 == 1 || is_one(key, manifest) { &mut found } else { &mut apart };
                own.insert(key, Some(manifest));
            }
        }
    }
    let mut by_difference: HashMap<u64, Vec<u32>> = HashMap::new();
    (0..).zip(wanted).for_each(|(manifest, difference)| by_difference.entry(*difference).or_default().push(manifest));
    for &(start, end) in named.iter().filter(|(start, end)| floors[*end] <= *start && end - start <= MAX_STRETCH) {
        let equal = by_difference.get(&sums[end].wrapping_sub(sums[start])).into_iter().flatten();
        let own = equal.filter(|manifest| is_one((start, end), **manifest));
        found.extend(own.map(|manifest| ((start, end), Some(*manifest))));
    }
    (found, apart)
}

/// A segment of a cut, by the indices of its steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub steps: Range<usize>,
    /// It is one of the approved stretches.
    pub is_approved: bool,
}

/// The cut that leaves the fewest steps unapproved; between equally good ones, the one with the shorter segments, in
/// the order in which the gate tries them.
pub fn best(steps: usize, approved: &BTreeSet<(usize, usize)>) -> Vec<Segment> {
    /// The best cut up to a position.
    #[derive(Clone, Copy)]
    struct Way {
        unapproved: usize,
        segments: usize,
        /// Where its last segment starts.
        start: usize,
        is_approved: bool,
    }
    let mut ending: HashMap<usize, Vec<usize>> = HashMap::new();
    approved.iter().for_each(|&(start, end)| ending.entry(end).or_default().push(start));
    let mut ways = vec![Way { unapproved: 0, segments: 0, start: 0, is_approved: true }];
    for end in 1..=steps {
        let alone = |before: Way| Way {
            unapproved: before.unapproved + 1,
            segments: before.segments + 1,
            start: end - 1,
            is_approved: false,
        };
        let mut least = alone(ways[end - 1]);
        for &start in ending.get(&end).into_iter().flatten() {
            let Way { unapproved, segments, .. } = ways[start];
            let way = Way { unapproved, segments: segments + 1, start, is_approved: true };
            let is_better = (way.unapproved, least.segments) < (least.unapproved, way.segments);
            if is_better {
                least = way;
            }
        }
        ways.push(least);
    }
    let (mut cut, mut at) = (Vec::new(), steps);
    while at > 0 {
        let Way { start, is_approved, .. } = ways[at];
        cut.push(Segment { steps: start..at, is_approved });
        at = start;
    }
    cut.reverse();
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::diff::Mode;
    use crate::change::digest::Digest;

    fn image(text: &str) -> Option<Image> {
        Some(Image { mode: Mode::File, content: Digest::of(text.as_bytes()) })
    }

    fn manifest(entries: &[(&str, &str, &str)]) -> Manifest {
        let mut manifest = Manifest::default();
        let side = |text: &str| if text.is_empty() { None } else { image(text) };
        entries.iter().for_each(|(path, old, new)| manifest.insert((*path).into(), side(old), side(new)));
        manifest
    }

    /// The steps, weighed for these manifests.
    fn weighed(steps: &[Manifest], wanted: &[Manifest]) -> Vec<Weighed> {
        let marks: Vec<_> = wanted.iter().map(|one| mark(one).unwrap()).collect();
        let of = |step: &Manifest| {
            let own: Vec<u64> = step.iter().map(|(path, _, new)| mark_of(path, new)).collect();
            let marked = marks.iter().enumerate().filter(|(_, mark)| own.contains(mark)).map(|(at, _)| at as u32);
            Weighed {
                difference: difference(step),
                is_empty: step.is_empty(),
                is_unread: false,
                marked: marked.collect(),
            }
        };
        steps.iter().map(of).collect()
    }

    fn found(steps: &[Manifest], wanted: &[Manifest]) -> Vec<(usize, usize)> {
        let differences: Vec<u64> = wanted.iter().map(difference).collect();
        stretches(&weighed(steps, wanted), &differences, &[], |_, _| true).0.into_keys().collect()
    }

    #[test]
    fn a_stretch_is_found_whose_steps_come_to_what_was_signed() {
        let steps = [
            manifest(&[("x", "", "1")]),
            manifest(&[("a", "", "1"), ("debug", "", "on")]),
            manifest(&[("a", "1", "2")]),
            manifest(&[("debug", "on", "")]),
            manifest(&[("y", "", "1")]),
        ];
        let whole = manifest(&[("a", "", "2")]);
        assert_eq!(found(&steps, &[whole]), [(1, 4)]);
        assert_eq!(found(&steps, &[manifest(&[("a", "", "1")])]), [], "that with debug left on is another");
        assert_eq!(found(&steps, &[manifest(&[("y", "", "1")])]), [(4, 5)]);
    }

    #[test]
    fn the_same_content_that_lands_twice_is_found_twice() {
        let (there, back) = (manifest(&[("a", "", "1")]), manifest(&[("a", "1", "")]));
        let steps = [there.clone(), back, there.clone()];
        let found = found(&steps, &[there]);
        assert!(found.contains(&(0, 1)) && found.contains(&(2, 3)), "{found:?}");
    }

    #[test]
    fn what_cannot_be_read_is_led_over_by_none() {
        let steps = [manifest(&[("a", "", "1")]), Manifest::default(), manifest(&[("a", "1", "2")])];
        let whole = manifest(&[("a", "", "2")]);
        let mut weighed = weighed(&steps, std::slice::from_ref(&whole));
        weighed[1].is_unread = true;
        let (found, apart) = stretches(&weighed, &[difference(&whole)], &[(0, 3)], |_, _| true);
        assert_eq!((found.len(), apart.len()), (0, 0));
    }

    #[test]
    fn what_comes_to_the_same_over_any_number_of_steps_is_looked_for_within_bounds() {
        let (on, off) = (manifest(&[("flag", "", "on")]), manifest(&[("flag", "on", "")]));
        let steps: Vec<Manifest> = (0..400).map(|at| if at % 2 == 0 { on.clone() } else { off.clone() }).collect();
        let weighed = weighed(&steps, std::slice::from_ref(&on));
        let whole = (0, 399);
        let (found, apart) = stretches(&weighed, &[difference(&on)], &[whole], |key, _| key == whole);
        assert!(found.contains_key(&whole), "what a record names is found, however long it is");
        assert!((0..200).all(|at| found.contains_key(&(2 * at, 2 * at + 1))));
        assert!(apart.len() <= 200 * MAX_TRIED, "{}", apart.len());
    }

    #[test]
    fn the_cut_leaves_as_little_unapproved_as_can_be_and_prefers_short_segments() {
        let cut = |steps, approved: &[(usize, usize)]| {
            let segments = best(steps, &approved.iter().copied().collect()).into_iter();
            segments.map(|segment| (segment.steps, segment.is_approved)).collect::<Vec<_>>()
        };
        // First one step was approved, and then both together: the gate finds this by backtracking.
        assert_eq!(cut(2, &[(0, 1), (0, 2)]), [(0..2, true)]);
        assert_eq!(cut(2, &[(0, 1), (1, 2), (0, 2)]), [(0..1, true), (1..2, true)]);
        assert_eq!(cut(3, &[(1, 3)]), [(0..1, false), (1..3, true)]);
        assert_eq!(cut(0, &[]), []);
    }
}
