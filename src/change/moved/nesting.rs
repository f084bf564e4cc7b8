//! How similar two lines are, and how the indentation of a block changed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::lines::{is_blank, without_blanks};
use super::{Fidelity, MAX_ALIKE_BYTES};

/// The blanks at the beginning of a line; shorter ones first.
type Indent<'t> = (usize, &'t [u8]);

/// The new value of each indentation in a block, such that deeper nesting stays deeper. In Python or YAML, a line that
/// leaves the block above it has a different meaning, though only its blanks changed.
pub(super) enum Nesting<'t> {
    /// Every line has its old indentation.
    Kept,
    Mapped(BTreeMap<Indent<'t>, Indent<'t>>),
}

impl<'t> Nesting<'t> {
    /// The most frequent changes of indentation win; those that contradict them are dropped.
    pub fn of(lines: &[(&'t [u8], &'t [u8])]) -> Nesting<'t> {
        let mut counts: HashMap<(Indent<'t>, Indent<'t>), usize> = HashMap::new();
        if lines.iter().all(|(old, new)| indent(old) == indent(new)) {
            return Nesting::Kept;
        }
        for (old, new) in lines.iter().filter(|(old, new)| !trim(old).is_empty() && trim(old) == trim(new)) {
            *counts.entry((indent(old), indent(new))).or_default() += 1;
        }
        let mut changes: Vec<_> = counts.into_iter().collect();
        changes.sort_unstable_by_key(|&(change, count)| (Reverse(count), change));
        let mut mapped = BTreeMap::new();
        for ((old, new), _) in changes {
            let shallower = mapped.range(..=old).next_back().is_none_or(|(&o, &n)| o < old && n < new);
            let deeper = mapped.range(old..).next().is_none_or(|(_, &n)| new < n);
            if shallower && deeper {
                mapped.insert(old, new);
            }
        }
        Nesting::Mapped(mapped)
    }

    pub fn fidelity(&self, old: &'t [u8], new: &'t [u8]) -> Fidelity {
        let text = trim(old);
        let nested = match self {
            Nesting::Kept => true,
            Nesting::Mapped(mapped) => text.is_empty() || mapped.get(&indent(old)) == Some(&indent(new)),
        };
        if text != trim(new) || !nested {
            Fidelity::Edited
        } else if old == new {
            Fidelity::Exact
        } else {
            Fidelity::Whitespace
        }
    }
}

fn indent(line: &[u8]) -> Indent<'_> {
    let len = line.iter().take_while(|&&byte| is_blank(byte)).count();
    (len, &line[..len])
}

/// Without surrounding blanks. Not `trim_ascii`: a form feed or a carriage return does not count as a blank here.
pub(super) fn trim(line: &[u8]) -> &[u8] {
    let line = &line[indent(line).0..];
    let end = line.iter().rposition(|&byte| !is_blank(byte)).map_or(0, |last| last + 1);
    &line[..end]
}

/// Whether two lines share at least half of their pairs of adjacent bytes, blanks aside.
pub(super) fn alike(old: &[u8], new: &[u8]) -> bool {
    let (shorter, longer) = (old.len().min(new.len()), old.len().max(new.len()));
    if longer > MAX_ALIKE_BYTES || shorter == 0 {
        return false;
    }
    let (old, new) = (byte_pairs(old), byte_pairs(new));
    let (mut at_old, mut at_new, mut common) = (0, 0, 0);
    while let (Some(a), Some(b)) = (old.get(at_old), new.get(at_new)) {
        common += usize::from(a == b);
        at_old += usize::from(a <= b);
        at_new += usize::from(b <= a);
    }
    common > 0 && common * 4 >= old.len() + new.len()
}

/// Sorted.
fn byte_pairs(line: &[u8]) -> Vec<[u8; 2]> {
    let mut pairs: Vec<_> = without_blanks(line).zip(without_blanks(line).skip(1)).map(|(a, b)| [a, b]).collect();
    pairs.sort_unstable();
    pairs
}
