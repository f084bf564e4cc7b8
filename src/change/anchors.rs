//! Large texts are split at lines that are unique on both sides before they are compared (patience, Bram Cohen):
//! histogram and Myers take quadratic time on some texts, and the author of a change can choose its texts.

use std::collections::HashMap;
use std::ops::Range;

use imara_diff::{Algorithm, Diff, InternedInput};

use super::lines::Lines;

/// The most lines of both sides for which texts are compared as a whole: at worst a tenth of a second.
const WHOLE: u32 = 20_000;

/// How two texts differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Ranges of lines of the old text, with those of the new one that replace them: sorted and disjoint.
    pub runs: Vec<(Range<u32>, Range<u32>)>,
    /// Somewhere neither size nor unique lines allowed a comparison: a stretch is replaced as a whole, more than
    /// necessary.
    pub coarse: bool,
}

/// Compares two texts by lines.
pub fn changes(old: &[u8], new: &[u8]) -> Changes {
    let lines = [Lines::of(old), Lines::of(new)];
    let all = (0..lines[0].count(), 0..lines[1].count());
    if is_small(&all) {
        return Changes { runs: compared(old, new), coarse: false };
    }
    let anchors = unique(&lines, old, new);
    let ends = [(all.0.end, all.1.end)];
    let (mut found, mut at) = (Changes::default(), (0, 0));
    for (old_line, new_line) in anchors.into_iter().chain(ends) {
        let gap = (at.0..old_line, at.1..new_line);
        between(&lines, old, new, gap, &mut found);
        at = (old_line + 1, new_line + 1);
    }
    found
}

type Gap = (Range<u32>, Range<u32>);

fn is_small(gap: &Gap) -> bool {
    gap.0.len() + gap.1.len() <= WHOLE as usize
}

fn compared(old: &[u8], new: &[u8]) -> Vec<Gap> {
    let input = InternedInput::new(imara_diff::sources::byte_lines(old), imara_diff::sources::byte_lines(new));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    diff.hunks().map(|hunk| (hunk.before, hunk.after)).collect()
}

/// Compares the lines between two anchors.
fn between(lines: &[Lines; 2], old: &[u8], new: &[u8], gap: Gap, found: &mut Changes) {
    let gap = trimmed(lines, old, new, gap);
    if gap.0.is_empty() && gap.1.is_empty() {
        return;
    }
    if gap.0.is_empty() || gap.1.is_empty() || !is_small(&gap) {
        found.coarse |= !gap.0.is_empty() && !gap.1.is_empty();
        found.runs.push(gap);
        return;
    }
    let (from_old, from_new) = (gap.0.start, gap.1.start);
    let inner = compared(lines[0].slice(old, gap.0), lines[1].slice(new, gap.1));
    let moved = |range: Range<u32>, by: u32| range.start + by..range.end + by;
    found.runs.extend(inner.into_iter().map(|(old, new)| (moved(old, from_old), moved(new, from_new))));
}

/// A gap without the equal lines at its start and its end.
fn trimmed(lines: &[Lines; 2], old: &[u8], new: &[u8], (mut a, mut b): Gap) -> Gap {
    let same = |x: u32, y: u32| lines[0].slice(old, x..x + 1) == lines[1].slice(new, y..y + 1);
    while !a.is_empty() && !b.is_empty() && same(a.start, b.start) {
        (a.start, b.start) = (a.start + 1, b.start + 1);
    }
    while !a.is_empty() && !b.is_empty() && same(a.end - 1, b.end - 1) {
        (a.end, b.end) = (a.end - 1, b.end - 1);
    }
    (a, b)
}

/// Lines that occur once on each side: their longest sequence that is in order on both.
fn unique(lines: &[Lines; 2], old: &[u8], new: &[u8]) -> Vec<(u32, u32)> {
    // How often it occurs on each side, and where.
    let mut seen: HashMap<&[u8], [(u32, u32); 2]> = HashMap::with_capacity(lines[0].count() as usize);
    for (side, text) in [(0, old), (1, new)] {
        for line in 0..lines[side].count() {
            let entry = &mut seen.entry(lines[side].slice(text, line..line + 1)).or_default()[side];
            *entry = (entry.0 + 1, line);
        }
    }
    let mut pairs: Vec<(u32, u32)> =
        seen.into_values().filter(|[a, b]| (a.0, b.0) == (1, 1)).map(|[a, b]| (a.1, b.1)).collect();
    pairs.sort_unstable();
    longest_rising(&pairs)
}

/// The longest sequence of pairs with increasing second numbers, by patience sorting: n log n.
fn longest_rising(pairs: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let mut tops: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, pair) in pairs.iter().enumerate() {
        let pile = tops.partition_point(|&top| pairs[top].1 < pair.1);
        before.push(pile.checked_sub(1).map(|pile| tops[pile]));
        if pile == tops.len() { tops.push(at) } else { tops[pile] = at }
    }
    let mut run = Vec::with_capacity(tops.len());
    let mut next = tops.last().copied();
    while let Some(at) = next {
        run.push(pairs[at]);
        next = before[at];
    }
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The new text, reconstructed from the old one and the changes.
    fn applied(old: &str, new: &str, changes: &[Gap]) -> String {
        let lines = [Lines::of(old.as_bytes()), Lines::of(new.as_bytes())];
        let (mut out, mut at) = (Vec::new(), 0);
        for (removed, added) in changes {
            assert!(at <= removed.start && removed.end <= lines[0].count());
            out.extend_from_slice(lines[0].slice(old.as_bytes(), at..removed.start));
            out.extend_from_slice(lines[1].slice(new.as_bytes(), added.clone()));
            at = removed.end;
        }
        out.extend_from_slice(lines[0].slice(old.as_bytes(), at..lines[0].count()));
        String::from_utf8(out).unwrap()
    }

    fn text(lines: impl Iterator<Item = String>) -> String {
        lines.map(|line| line + "\n").collect()
    }

    #[test]
    fn texts_that_take_the_square_of_their_size_elsewhere_are_compared_to_the_line() {
        let side = |word: &str| {
            text((0..200_000).map(|i| if i / 2 % 2 == 0 { format!("{i}") } else { format!("{word} {i}") }))
        };
        let (old, new) = (side("old"), side("new"));
        let found = changes(old.as_bytes(), new.as_bytes());
        assert_eq!((found.runs.len(), found.coarse), (50_000, false));
        assert_eq!(applied(&old, &new, &found.runs), new);
    }

    #[test]
    fn without_a_unique_line_a_large_stretch_is_replaced_whole() {
        let side = |by: usize| text((0..40_000).map(|i| format!("{}", i * by % 300)));
        let (old, new) = (side(7919), side(7907));
        let found = changes(old.as_bytes(), new.as_bytes());
        assert_eq!(applied(&old, &new, &found.runs), new);
        assert!(found.runs.len() <= 2 && found.coarse, "{}", found.runs.len());
    }

    #[test]
    fn one_line_in_a_large_text_is_one_change() {
        let old = text((0..60_000).map(|i| format!("{}", i % 100)));
        let mut lines: Vec<&str> = old.lines().collect();
        lines[30_000] = "changed";
        let new = text(lines.into_iter().map(str::to_owned));
        assert_eq!(changes(old.as_bytes(), new.as_bytes()).runs, [(30_000..30_001, 30_000..30_001)]);
    }

    proptest! {
        #[test]
        fn cut_or_whole_the_changes_make_the_new_text_of_the_old(old in "[a-e\n]{0,80}", new in "[a-e\n]{0,80}") {
            let found = compared(old.as_bytes(), new.as_bytes());
            prop_assert_eq!(applied(&old, &new, &found), new.clone());
            let lines = [Lines::of(old.as_bytes()), Lines::of(new.as_bytes())];
            let (mut cut, mut at) = (Changes::default(), (0, 0));
            let ends = [(lines[0].count(), lines[1].count())];
            for (a, b) in unique(&lines, old.as_bytes(), new.as_bytes()).into_iter().chain(ends) {
                between(&lines, old.as_bytes(), new.as_bytes(), (at.0..a, at.1..b), &mut cut);
                at = (a + 1, b + 1);
            }
            prop_assert_eq!(applied(&old, &new, &cut.runs), new);
        }
    }
}
