//! What one file of tests lost: its tests and assertions, those that stand elsewhere in it left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::assertion::{Assertion, Strength, words};
use crate::change::diff::Side;
use crate::risk::facts::{self, ChangedLines, Delta, Fact, Kind};
use crate::risk::rules::ascii;
use crate::risk::{FileUnderReview, is_generated};

/// The changes to the tests of a file.
#[derive(Debug, Default)]
pub(super) struct Tests {
    pub gone: Vec<Test>,
    pub came: Vec<Test>,
    /// Removed assertions, by the test that contained them.
    pub lost: Vec<Assertion>,
    /// Exact ones, with what replaces them.
    pub weakened: Vec<(Assertion, Assertion)>,
    /// Added ones.
    pub added: Vec<Assertion>,
    /// Exact assertions that were removed, and added.
    exact: (usize, usize),
    /// Tests that remain, but no longer assert anything.
    pub emptied: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Test {
    pub name: String,
    pub line: u32,
    /// Assertions that were added or removed with it.
    pub asserts: usize,
}

/// How a test and an assertion begin if the format is not read for facts, by the file extension.
const BEGINS: &[(&[&str], &str)] = &[
    (&["scala"], r#"^\s*(@Test\b|test\(|it should |it\()"#),
    (&["ex", "exs"], r#"^\s*test ["']"#),
    (&["swift"], r"^\s*func test"),
    (&["dart"], r#"^\s*(test|testWidgets)\("#),
];
static UNREAD: LazyLock<Vec<(&[&str], Regex)>> =
    LazyLock::new(|| BEGINS.iter().filter_map(|(ends, text)| Some((*ends, ascii(text).ok()?))).collect());
static ASSERTS: LazyLock<Option<Regex>> =
    LazyLock::new(|| ascii(r"\b(assert\w*|refute|XCTAssert\w*|expect)\b\s*\(?|\.should\b|\bshould(Be|Equal)\b").ok());

impl Tests {
    pub fn of(file: &FileUnderReview<'_>, path: &str, in_test_file: bool) -> Tests {
        let mut tests = match file.stated(Side::Old).or(file.stated(Side::New)) {
            Some(_) => Tests::of_facts(file.deltas(), in_test_file),
            None if in_test_file && !is_generated(path) => Tests::of_lines(file, path),
            None => return Tests::default(),
        };
        tests.settle(file);
        tests
    }

    fn of_facts(deltas: &[Delta], in_test_file: bool) -> Tests {
        let mut tests = Tests::default();
        for delta in deltas {
            let (old, new) = match delta {
                Delta::Came(new) => (None, Some(new)),
                Delta::Went { fact, .. } => (Some(fact), None),
                Delta::Changed { old, new } => (Some(old), Some(new)),
            };
            tests.lost.extend(old.and_then(|fact| Assertion::of(fact, in_test_file)));
            tests.added.extend(new.and_then(|fact| Assertion::of(fact, in_test_file)));
            let is_test = |fact: &&Fact| fact.kind == Kind::Test;
            if let (Some(fact), None) = (old.filter(is_test), new) {
                tests.gone.push(Test::of(fact));
            }
            if let (None, Some(fact)) = (old, new.filter(is_test)) {
                tests.came.push(Test::of(fact));
            }
        }
        tests
    }

    fn of_lines(file: &FileUnderReview<'_>, path: &str) -> Tests {
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        let Some((_, begins)) = UNREAD.iter().find(|(ends, _)| ends.contains(&ending)) else { return Tests::default() };
        let moved =
            |lines: &[(u32, String)]| lines.iter().map(|(_, line)| line.trim().to_owned()).collect::<BTreeSet<_>>();
        let (old, new) = (moved(file.removed()), moved(file.added()));
        let mut tests = Tests::default();
        for (lines, others, of, asserts) in [
            (file.removed(), &new, &mut tests.gone, &mut tests.lost),
            (file.added(), &old, &mut tests.came, &mut tests.added),
        ] {
            for (number, line) in lines.iter().filter(|(_, line)| !others.contains(line.trim())) {
                let text = line.trim();
                if begins.is_match(line.as_bytes()) {
                    of.push(Test {
                        name: text.trim_end_matches(['{', ' ', '(']).to_owned(),
                        line: *number,
                        asserts: 0,
                    });
                } else if ASSERTS.as_ref().is_some_and(|regex| regex.is_match(line.as_bytes())) {
                    let test = of.last().map_or_else(String::new, |test| test.name.clone());
                    asserts.push(Assertion::new(text, test, *number));
                }
            }
        }
        tests
    }

    /// Keeps what is lost: not what became another assertion of the same strength, or is now in a table.
    fn settle(&mut self, file: &FileUnderReview<'_>) {
        self.count();
        self.rename();
        let was_whole: BTreeSet<String> = self.lost.iter().map(|assertion| assertion.test.clone()).collect();
        self.pair();
        let here: BTreeSet<String> = file.added().iter().flat_map(|(_, line)| words(line)).collect();
        self.lost.retain(|lost| !lost.words.is_empty() && !lost.words.is_subset(&here));
        let (lost, gone) = (&self.lost, &mut self.gone);
        // Everything that it asserted is elsewhere now.
        gone.retain(|test| test.asserts == 0 || lost.iter().any(|lost| lost.test == test.name));
        let lost_by: BTreeSet<&String> = self.lost.iter().map(|lost| &lost.test).collect();
        let gone: BTreeSet<&String> = self.gone.iter().map(|test| &test.name).collect();
        let stays = |test: &&String| lost_by.contains(test) && !gone.contains(test) && !test.is_empty();
        let suspects: BTreeSet<String> = was_whole.iter().filter(stays).cloned().collect();
        if !suspects.is_empty() && file.new.is_some() {
            self.emptied = emptied(file, suspects);
        }
    }

    /// Whether more exact assertions were removed than added.
    pub fn lost_more(&self) -> bool {
        self.exact.0 > self.exact.1
    }

    fn count(&mut self) {
        let exact = |all: &[Assertion]| all.iter().filter(|own| own.strength == Strength::Exact).count();
        self.exact = (exact(&self.lost), exact(&self.added));
        for (tests, asserts) in [(&mut self.gone, &self.lost), (&mut self.came, &self.added)] {
            for test in tests {
                test.asserts = asserts.iter().filter(|assertion| assertion.test == test.name).count();
            }
        }
    }

    /// A removed test was renamed if an added one asserts most of the same, or has the same body.
    fn rename(&mut self) {
        let of = |asserts: &[Assertion], test: &str| -> BTreeSet<String> {
            asserts.iter().filter(|own| own.test == test).flat_map(|own| own.words.iter().cloned()).collect()
        };
        let mut renamed = BTreeMap::new();
        let mut free: Vec<&Test> = self.came.iter().collect();
        for test in &self.gone {
            let about = of(&self.lost, &test.name);
            let shares = |other: &Test| of(&self.added, &other.name).intersection(&about).count() * 2;
            let at = free.iter().position(|other| match about.len() {
                0 => test.asserts == 0 && other.asserts == 0,
                count => shares(other) >= count,
            });
            // What it expects may be another result, which is in its name too.
            let at = at.or_else(|| free.iter().position(|other| are_named_alike(test.short(), other.short())));
            if let Some(at) = at {
                renamed.insert(test.name.clone(), free.remove(at).name.clone());
            }
        }
        self.gone.retain(|test| !renamed.contains_key(&test.name));
        for lost in &mut self.lost {
            if let Some(name) = renamed.get(&lost.test) {
                lost.test = name.clone();
            }
        }
    }

    /// Pairs removed and added assertions within each test. Equally strict ones replace it, looser ones weaken it.
    fn pair(&mut self) {
        let mut free: Vec<Option<Assertion>> = self.added.iter().cloned().map(Some).collect();
        let mut lost = std::mem::take(&mut self.lost);
        lost.sort_by_key(|assertion| std::cmp::Reverse(assertion.strength));
        let mut rest = Vec::new();
        for gone in lost {
            let makes_up = |own: &Assertion| own.strength >= gone.strength && !own.is_tautology();
            if take_nearest(&mut free, &gone, 0, makes_up).is_none() {
                rest.push(gone);
            }
        }
        for gone in rest {
            let weaker = |own: &Assertion| own.strength == Strength::Loose || own.is_tautology();
            let is_exact = gone.strength == Strength::Exact;
            match take_nearest(&mut free, &gone, 1, weaker).filter(|_| is_exact) {
                Some(weaker) => self.weakened.push((gone, weaker)),
                None => self.lost.push(gone),
            }
        }
    }
}

/// Whether two names of tests have most of their words in the same place: `rejects_no_report_with_500` and
/// `rejects_no_report_with_404`.
fn are_named_alike(one: &str, other: &str) -> bool {
    let parts = |name: &str| -> Vec<String> {
        name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (one, other) = (parts(one), parts(other));
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    same >= 2 && same + 1 >= one.len().max(other.len())
}

/// From the suitable assertions of the same test, takes the one that shares most with it.
fn take_nearest(
    free: &mut [Option<Assertion>],
    gone: &Assertion,
    least: usize,
    will_do: impl Fn(&Assertion) -> bool,
) -> Option<Assertion> {
    let shared = |slot: &Option<Assertion>| {
        let own = slot.as_ref().filter(|own| own.test == gone.test && will_do(own))?;
        Some(own.shared_with(gone)).filter(|count| *count >= least)
    };
    let best = free.iter().enumerate().filter_map(|(at, slot)| Some((shared(slot)?, at)));
    // The first of those that share most.
    let (_, at) = best.max_by_key(|(count, at)| (*count, std::cmp::Reverse(*at)))?;
    free[at].take()
}

/// The tests that assert nothing on the new side, and call nothing that sounds like an assertion.
fn emptied(file: &FileUnderReview<'_>, mut suspects: BTreeSet<String>) -> BTreeSet<String> {
    let text = file.decoded(Side::New);
    let all = ChangedLines::in_runs(std::iter::once(1..=file.comparison.new.count().max(1)));
    let facts = facts::facts(&file.path(), text, &all);
    let Some(facts) = facts.filter(|facts| !facts.is_cut) else { return BTreeSet::new() };
    let checks = |fact: &Fact| {
        let lower = fact.object.to_ascii_lowercase();
        let sounds =
            ["check", "verify", "expect", "assert", "validate", "ensure", "should", "must", "raises", "cmp", "diff"];
        matches!(fact.kind, Kind::Assertion | Kind::Guard)
            || fact.kind == Kind::Call && sounds.iter().any(|word| lower.contains(word))
    };
    let is_there: BTreeSet<&str> =
        facts.facts.iter().filter(|fact| fact.kind == Kind::Test).map(|fact| fact.object.as_str()).collect();
    suspects.retain(|test| is_there.contains(test.as_str()));
    for fact in facts.facts.iter().filter(|fact| checks(fact)) {
        suspects.retain(|test| !is_within(&fact.scope, test));
    }
    suspects
}

fn is_within(scope: &str, test: &str) -> bool {
    scope.strip_prefix(test).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Test {
    fn of(fact: &Fact) -> Test {
        Test { name: fact.object.clone(), line: *fact.lines.start(), asserts: 0 }
    }

    /// Its name for display.
    pub fn short(&self) -> &str {
        short(&self.name)
    }
}

/// The last part of a test's name; titles with dots are kept whole.
pub(super) fn short(name: &str) -> &str {
    if name.contains(' ') { name } else { name.rsplit('.').next().unwrap_or(name) }
}
