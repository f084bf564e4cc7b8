//! What every match of a pattern must contain, so that a pattern which cannot match is never compiled: a compiled
//! pattern takes tens of kilobytes, and a change touches few of the many that are shipped. As Cox's code search finds
//! its trigrams (<https://swtch.com/~rsc/regexp/regexp4.html>), with words in place of trigrams.

use std::cell::RefCell;
use std::collections::BTreeSet;

use memchr::memmem;
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// The most words that are looked for.
const MAX_WORDS: usize = 64;
/// The most letters that a class stands for.
const MAX_LETTERS: usize = 4;
/// A word so long is rare enough: of two such words neither is better.
const LONG: usize = 4;

/// Words, one of which is in every match. Without any, a pattern may match anything.
#[derive(Debug, Clone, Default)]
pub(super) struct Needed(Vec<Word>);

#[derive(Debug, Clone)]
struct Word {
    /// In ASCII lower case.
    text: Box<[u8]>,
    pairs: Pairs,
}

/// A set of pairs of neighbouring bytes, a bit for each: of most words a text lacks one.
#[derive(Debug, Clone, Copy, Default)]
struct Pairs(u128);

impl Pairs {
    fn of(text: &[u8]) -> Pairs {
        let bit = |pair: &[u8]| 1 << (pair[0].wrapping_mul(31).wrapping_add(pair[1]) % 128);
        Pairs(text.windows(2).fold(0, |all, pair| all | bit(pair)))
    }

    fn contain(self, others: Pairs) -> bool {
        self.0 & others.0 == others.0
    }
}

/// The most bytes of a text that is kept for the next pattern.
const MAX_KEPT: usize = 4_096;

/// The text that was last searched: many patterns are asked about the same.
#[derive(Default)]
struct Searched {
    text: Vec<u8>,
    lower: Vec<u8>,
    pairs: Pairs,
}

impl Searched {
    fn turn_to(&mut self, text: &[u8]) {
        if self.text != text {
            self.text.clear();
            self.text.extend_from_slice(text);
            self.lower.clear();
            self.lower.extend(text.iter().map(u8::to_ascii_lowercase));
            self.pairs = Pairs::of(&self.lower);
        }
    }

    fn has(&self, word: &Word) -> bool {
        self.pairs.contain(word.pairs) && memmem::find(&self.lower, &word.text).is_some()
    }
}

type Words = BTreeSet<Vec<u8>>;

/// What is known about the matches of a part of a pattern.
struct Known {
    /// All that it matches, if that is little.
    exactly: Option<Words>,
    /// One of these is in each match; empty if nothing is known.
    words: Words,
}

impl Needed {
    /// Of a pattern as `ascii` reads it. An invalid one needs nothing.
    pub fn of(pattern: &str) -> Needed {
        let mut parser = regex_syntax::ParserBuilder::new();
        let hir = parser.unicode(false).utf8(false).build().parse(pattern);
        let words = hir.map(|hir| few(known(&hir).words())).ok().filter(|words| worth(words).0 > 0);
        let word = |text: Vec<u8>| Word { pairs: Pairs::of(&text), text: text.into() };
        Needed(words.unwrap_or_default().into_iter().map(word).collect())
    }

    /// Whether one of the words is in a text, in any case.
    pub fn may_be_in(&self, text: &[u8]) -> bool {
        thread_local!(static SEARCHED: RefCell<Searched> = RefCell::default());
        let is_in = |searched: &mut Searched| {
            searched.turn_to(text);
            self.0.iter().any(|word| searched.has(word))
        };
        match text.len() {
            _ if self.0.is_empty() => true,
            0..=MAX_KEPT => SEARCHED.with_borrow_mut(is_in),
            _ => is_in(&mut Searched::default()),
        }
    }
}

impl Known {
    fn exactly(words: impl IntoIterator<Item = Vec<u8>>) -> Known {
        Known { exactly: Some(words.into_iter().collect()), words: Words::new() }
    }

    fn nothing() -> Known {
        Known { exactly: None, words: Words::new() }
    }

    /// The better of what is known: what is long is rare, and what is short stands in every text.
    fn words(self) -> Words {
        self.exactly.into_iter().chain([self.words]).max_by_key(worth).unwrap_or_default()
    }
}

/// The length of the shortest word; of as long ones, fewer are better.
fn worth(words: &Words) -> (usize, usize) {
    let shortest = words.iter().map(Vec::len).min().unwrap_or(0);
    (shortest.min(LONG), MAX_WORDS.saturating_sub(words.len()))
}

fn known(hir: &Hir) -> Known {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Known::exactly([Vec::new()]),
        HirKind::Literal(literal) => Known::exactly([literal.0.to_ascii_lowercase()]),
        HirKind::Class(class) => letters(class).map_or_else(Known::nothing, Known::exactly),
        HirKind::Capture(capture) => known(&capture.sub),
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Concat(parts) => in_a_row(parts),
        HirKind::Alternation(parts) => one_of(parts),
    }
}

/// The members of a class in lower case, if they are few.
fn letters(class: &Class) -> Option<Vec<Vec<u8>>> {
    let Class::Bytes(class) = class else { return None };
    let ranges = || class.ranges().iter().map(|range| range.start()..=range.end());
    if ranges().map(|range| usize::from(range.end() - range.start()) + 1).sum::<usize>() > 2 * MAX_LETTERS {
        return None;
    }
    let lower: BTreeSet<u8> = ranges().flatten().map(|byte| byte.to_ascii_lowercase()).collect();
    (lower.len() <= MAX_LETTERS).then(|| lower.into_iter().map(|byte| vec![byte]).collect())
}

fn repeated(repetition: &Repetition) -> Known {
    let once = known(&repetition.sub);
    match (repetition.min, repetition.max, once.exactly) {
        (1, Some(1), exactly) => Known { exactly, words: once.words },
        (0, Some(1), Some(exactly)) => Known::exactly(exactly.into_iter().chain([Vec::new()])),
        (0, ..) => Known::nothing(),
        (_, _, exactly) => Known { exactly: None, words: Known { exactly, words: once.words }.words() },
    }
}

fn in_a_row(parts: &[Hir]) -> Known {
    let mut row = Words::from([Vec::new()]);
    let mut best = Words::new();
    let mut is_whole = true;
    let mut better = |words: Words| {
        if worth(&words) > worth(&best) {
            best = words;
        }
    };
    for part in parts {
        let part = known(part);
        match part.exactly {
            Some(next) if row.len() * next.len() <= MAX_WORDS => row = product(&row, &next),
            exactly => {
                is_whole = false;
                better(std::mem::replace(&mut row, exactly.unwrap_or_else(|| Words::from([Vec::new()]))));
                better(part.words);
            }
        }
    }
    if is_whole {
        return Known { exactly: Some(row), words: Words::new() };
    }
    better(row);
    Known { exactly: None, words: best }
}

fn product(row: &Words, next: &Words) -> Words {
    row.iter().flat_map(|head| next.iter().map(move |tail| [head.as_slice(), tail].concat())).collect()
}

fn one_of(parts: &[Hir]) -> Known {
    let parts: Vec<Known> = parts.iter().map(known).collect();
    let count: Option<usize> = parts.iter().map(|part| part.exactly.as_ref().map(BTreeSet::len)).sum();
    if count.is_some_and(|count| count <= MAX_WORDS) {
        return Known::exactly(parts.into_iter().filter_map(|part| part.exactly).flatten());
    }
    let each: Vec<Words> = parts.into_iter().map(Known::words).collect();
    let is_any_free = each.iter().any(|words| worth(words).0 == 0);
    Known { exactly: None, words: if is_any_free { Words::new() } else { few(each.into_iter().flatten().collect()) } }
}

/// Without the words that hold another one, which say nothing more; only their beginnings if they are many.
fn few(words: Words) -> Words {
    let holds_another = |word: &[u8]| words.iter().any(|other| other != word && memmem::find(word, other).is_some());
    let apart: Words = words.iter().filter(|word| !holds_another(word)).cloned().collect();
    if apart.len() <= MAX_WORDS {
        return apart;
    }
    let begun: Words = apart.iter().map(|word| word[..word.len().min(LONG)].to_vec()).collect();
    if begun.len() <= MAX_WORDS { begun } else { Words::new() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ascii;
    use super::*;

    fn words(pattern: &str) -> Vec<String> {
        Needed::of(pattern).0.iter().map(|word| String::from_utf8_lossy(&word.text).into_owned()).collect()
    }

    #[test]
    fn the_words_of_a_pattern_are_what_none_of_its_matches_lacks() {
        assert_eq!(words(r"\bDROP\s+TABLE\b"), ["drop"]);
        assert_eq!(words(r"(?i)(time_?out|deadline)s?$"), ["deadline", "time_out", "timeout"]);
        assert_eq!(words(r"[0-9]+(ms|s)"), ["s"], "one that holds another says no more");
        assert_eq!(words(r"(retries)?\d*"), [""; 0]);
        assert_eq!(words(r"a{3}b|.*"), [""; 0]);
        assert_eq!(words(r"gr[ae]y(ish)+"), ["gray", "grey"]);
        assert_eq!(words("no (pattern"), [""; 0]);
    }

    fn any_pattern() -> impl Strategy<Value = String> {
        let leaf = prop_oneof!["[abAB]{1,2}", Just("[ab]".to_owned()), Just(".".to_owned()), Just("\\b".to_owned())];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
                proptest::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join("|"))),
                (inner.clone(), "[*+?]|\\{[012]\\}|\\{1,2\\}").prop_map(|(part, times)| format!("(?:{part}){times}")),
                inner.prop_map(|part| format!("(?i:{part})")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_a_pattern_matches_has_one_of_its_words(
            pattern in any_pattern(),
            texts in proptest::collection::vec("[abAB -]{0,8}", 20),
        ) {
            let (regex, needed) = (ascii(&pattern).unwrap(), Needed::of(&pattern));
            for text in texts {
                let found = regex.is_match(text.as_bytes());
                prop_assert!(!found || needed.may_be_in(text.as_bytes()), "{pattern} in {text}: {needed:?}");
            }
        }
    }
}
