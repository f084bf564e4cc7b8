//! Three texts → one: what two sides did to a common base, if they did not touch the same lines. Used to show what a
//! rebase left unchanged, and to see whether a merge contains work of its own: nothing that is signed or landed comes
//! from it, and no merge driver is used.

use std::ops::Range;

use super::anchors::changes;
use super::lines::Lines;

/// A range of base lines, and the lines of a side that replace them.
type Edit = (Range<u32>, Range<u32>);

/// The base with the edits of both sides; none if these overlap or are adjacent.
pub fn merge(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<Vec<u8>> {
    let sides = [ours, theirs];
    let lines = sides.map(Lines::of);
    let edits = sides.map(|side| changes(base, side).runs);
    let base_lines = Lines::of(base);
    let (mut out, mut at, mut next) = (Vec::with_capacity(ours.len()), 0, [0, 0]);
    loop {
        let heads = [0, 1].map(|side: usize| edits[side].get(next[side]));
        let (side, edit) = match heads {
            [None, None] => break,
            [Some(a), Some(b)] if touch(a, b) => {
                let text = |side: usize, edit: &Edit| lines[side].slice(sides[side], edit.1.clone());
                // The same edit on both sides counts once.
                if a.0 != b.0 || text(0, a) != text(1, b) {
                    return None;
                }
                next[1] += 1;
                (0, a)
            }
            [Some(a), Some(b)] if b.0.start < a.0.start => (1, b),
            [Some(a), _] => (0, a),
            [None, Some(b)] => (1, b),
        };
        next[side] += 1;
        out.extend_from_slice(base_lines.slice(base, at..edit.0.start));
        out.extend_from_slice(lines[side].slice(sides[side], edit.1.clone()));
        at = edit.0.end;
    }
    out.extend_from_slice(base_lines.slice(base, at..base_lines.count()));
    Some(out)
}

/// Whether two edits overlap or are adjacent: git, too, leaves those to a person.
fn touch(a: &Edit, b: &Edit) -> bool {
    a.0.start <= b.0.end && b.0.start <= a.0.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
        merge(base.as_bytes(), ours.as_bytes(), theirs.as_bytes()).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn edits_apart_are_joined_and_edits_that_touch_are_not() {
        let base = "1\n2\n3\n4\n5\n";
        assert_eq!(merged(base, "one\n2\n3\n4\n5\n", "1\n2\n3\n4\nfive"), Some("one\n2\n3\n4\nfive".into()));
        assert_eq!(merged(base, "1\n3\n4\n5\n", "1\n2\n3\n4\n5\n6\n"), Some("1\n3\n4\n5\n6\n".into()));
        assert_eq!(merged(base, "1\nB\n3\n4\n5\n", "1\nb\n3\n4\n5\n"), None);
        assert_eq!(merged(base, "1\nB\n3\n4\n5\n", "1\n2\nc\n4\n5\n"), None, "neighbours");
        assert_eq!(merged(base, "1\nB\n3\n4\n5\n", "1\nB\n3\n4\n5\n"), Some("1\nB\n3\n4\n5\n".into()));
    }

    proptest! {
        #[test]
        fn a_side_that_did_nothing_gives_the_other(base in "[a-c\n]{0,30}", side in "[a-c\n]{0,30}") {
            prop_assert_eq!(merged(&base, &side, &base), Some(side.clone()));
            prop_assert_eq!(merged(&base, &base, &side), Some(side.clone()));
        }

        #[test]
        fn both_orders_give_the_same(base in "[a-c\n]{0,30}", a in "[a-c\n]{0,30}", b in "[a-c\n]{0,30}") {
            prop_assert_eq!(merged(&base, &a, &b), merged(&base, &b, &a));
        }
    }
}
