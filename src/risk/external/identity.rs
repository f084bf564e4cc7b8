//! What makes a result the same as one of another run: its tool, its rule, and the text at its line. Never the line
//! number: lines above come and go.

use std::collections::HashMap;
use std::hash::Hash;

use crate::change::digest::Digest;
use crate::change::lines::Lines;
use crate::risk::MAX_LINE;

/// A result, identified by what stays the same when lines move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot {
    pub tool: String,
    pub rule: String,
    /// 0-based; none for the file as a whole.
    pub line: Option<u32>,
    /// Of the line, without blanks.
    pub text: Digest,
    /// Of the line and its two neighbours.
    pub around: Digest,
}

impl Spot {
    /// By its line; for a file as a whole, by its message.
    pub fn of(tool: &str, rule: &str, line: Option<u32>, (lines, text): (&Lines, &[u8]), message: &str) -> Spot {
        let squeezed = |at: Option<u32>| match at {
            Some(at) => {
                let line = lines.get(text, at).iter().take(MAX_LINE);
                line.filter(|byte| !byte.is_ascii_whitespace()).copied().collect()
            }
            None => Vec::new(),
        };
        let own = line.map_or_else(|| message.as_bytes().to_vec(), |line| squeezed(Some(line)));
        let before = squeezed(line.and_then(|line| line.checked_sub(1)));
        let after = squeezed(line.and_then(|line| line.checked_add(1)));
        Spot {
            tool: tool.to_owned(),
            rule: rule.to_owned(),
            line,
            around: Digest::of(&[&before[..], &own, &after].join(&b'\n')),
            text: Digest::of(&own),
        }
    }
}

/// Which results existed before, and the earlier ones that match none. `was` maps a line to the old line that it
/// replaces, if both are the head of the same thing under another name.
pub fn compare(now: &[Spot], before: &[Spot], was: impl Fn(u32) -> Option<u32>) -> (Vec<bool>, Vec<Spot>) {
    let (mut known, mut taken) = (vec![false; now.len()], vec![false; before.len()]);
    let around = |spot: &Spot| Some(spot.around);
    let text = |spot: &Spot| Some(spot.text);
    pair(now, before, (&mut known, &mut taken), around, around);
    pair(now, before, (&mut known, &mut taken), text, text);
    pair(now, before, (&mut known, &mut taken), |spot| was(spot.line?), |spot| spot.line);
    let left = before.iter().zip(taken).filter(|(_, taken)| !taken).map(|(spot, _)| spot.clone()).collect();
    (known, left)
}

/// Pairs remaining results with the same key, each at most once.
fn pair<K: Eq + Hash>(
    now: &[Spot],
    before: &[Spot],
    (known, taken): (&mut [bool], &mut [bool]),
    key_now: impl Fn(&Spot) -> Option<K>,
    key_before: impl Fn(&Spot) -> Option<K>,
) {
    let mut open: HashMap<(&str, &str, K), Vec<usize>> = HashMap::new();
    for (at, spot) in before.iter().enumerate().rev().filter(|(at, _)| !taken[*at]) {
        let key = key_before(spot).map(|key| (&spot.tool[..], &spot.rule[..], key));
        key.into_iter().for_each(|key| open.entry(key).or_default().push(at));
    }
    for (at, spot) in now.iter().enumerate() {
        let Some(key) = key_now(spot).filter(|_| !known[at]) else { continue };
        if let Some(before) = open.get_mut(&(&spot.tool[..], &spot.rule[..], key)).and_then(Vec::pop) {
            (known[at], taken[before]) = (true, true);
        }
    }
}

/// Unmatched earlier results, to be found in other files: code that moved.
#[derive(Debug, Default)]
pub struct Left(HashMap<(String, String, Digest), usize>);

impl Left {
    pub fn extend(&mut self, spots: Vec<Spot>) {
        for spot in spots {
            *self.0.entry((spot.tool, spot.rule, spot.around)).or_default() += 1;
        }
    }

    /// Takes one of them.
    pub fn take(&mut self, spot: &Spot) -> bool {
        let left = self.0.get_mut(&(spot.tool.clone(), spot.rule.clone(), spot.around));
        left.filter(|left| **left > 0).map(|left| *left -= 1).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spots(text: &str, lines: &[u32]) -> Vec<Spot> {
        let of = Lines::of(text.as_bytes());
        let spot = |&line: &u32| Spot::of("t", "r", Some(line), (&of, text.as_bytes()), "");
        lines.iter().map(spot).collect()
    }

    #[test]
    fn results_are_known_by_their_text_wherever_it_stands_and_each_only_once() {
        let before = spots("a\nbad()\nc\nbad()\n", &[1, 3]);
        let now = spots("x\n\n\na\n  bad( )\nc\nbad()\nd\nbad()\n", &[4, 6, 8]);
        let (known, left) = compare(&now, &before, |_| None);
        assert_eq!((known.iter().filter(|known| **known).count(), left.len()), (2, 0));
        assert!(known[0], "line and neighbours are the same");
    }

    #[test]
    fn another_name_in_a_head_and_code_in_another_file_are_no_news() {
        let before = spots("resource \"a\" {\n  x\n}\n", &[0]);
        let now = spots("resource \"b\" {\n  x\n}\n", &[0]);
        assert_eq!(compare(&now, &before, |_| None).0, [false]);
        assert_eq!(compare(&now, &before, Some).0, [true]);
        let mut left = Left::default();
        left.extend(compare(&[], &before, |_| None).1);
        assert!(left.take(&before[0]) && !left.take(&before[0]));
    }
}
