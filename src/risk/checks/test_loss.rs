//! `test.deleted`, `test.assert-lost` and `test.weakened`: fewer tests, or fewer and looser assertions. Counted net over
//! the file **and** over the change: a test that moved is none lost.

use std::sync::LazyLock;

use regex::Regex;

use crate::change::diff::Side;
use crate::risk::blast::is_test;
use crate::risk::{FileUnderReview, Finding, Rules, Severity, is_code};

type Lines = Vec<(u32, String)>;

/// How a test begins, by the ending of the file.
const TESTS: &[(&[&str], &str)] = &[
    (&["rs"], r"^\s*#\[(\w+::)*(\w+_)?test\b"),
    (&["py"], r"^\s*(async )?def test_"),
    (&["go"], r"^func (Test|Fuzz)"),
    (&["js", "jsx", "ts", "tsx", "mjs", "cjs"], r#"^\s*(it|test)(\.\w+)*\(\s*['"`]"#),
    (&["java", "kt", "scala", "cs"], r"^\s*(@(Parameterized)?Test\b|\[(Test|Fact|Theory|TestMethod)\b)"),
    (&["rb", "ex", "exs"], r#"^\s*(it|test|specify) ['"]"#),
    (&["c", "cc", "cpp", "cxx"], r"^\s*(TEST|TEST_F|TEST_P|TEST_CASE)\("),
    (&["php"], r"^\s*public function test"),
    (&["swift"], r"^\s*func test"),
];

static BEGINS: LazyLock<Vec<(&[&str], Regex)>> =
    LazyLock::new(|| TESTS.iter().filter_map(|(ends, text)| Some((*ends, Regex::new(text).ok()?))).collect());
static ASSERTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\b(assert\w*!?\s*\(|(debug_)?assert\w*!|expect\(|EXPECT_\w+\(|ASSERT_\w+\(|REQUIRE\(|CHECK\(|require\.\w+\(t)|^\s*assert\s|\.should\b|pytest\.raises").ok()
});
/// Assertions that name the value they expect.
const STRICT: &[&str] = &["==", "_eq!", "Equal", "toBe(", "_EQ(", "raises", "matches!"];

struct Counted<'a, 'f> {
    file: &'a FileUnderReview<'f>,
    removed: Lines,
    added: Lines,
    begins: Option<&'static Regex>,
}

pub(super) fn check(files: &[FileUnderReview<'_>], rules: &Rules) -> Vec<Finding> {
    let counted: Vec<_> = files.iter().filter_map(Counted::of).collect();
    let tests: i64 = counted.iter().map(Counted::tests_lost).sum();
    let asserts: i64 = counted.iter().map(Counted::asserts_lost).sum();
    let severity = if code_shrinks(files) { Severity::Medium } else { Severity::High };
    let mut found = Vec::new();
    for file in &counted {
        if tests > 0 && file.tests_lost() > 0 {
            found.extend(
                file.deleted(rules).map(|finding| Finding { severity: severity.min(finding.severity), ..finding }),
            );
        } else if asserts > 0 && file.asserts_lost() > 0 && is_test(&file.file.path()) {
            let first = file.removed.iter().find(|(_, line)| asserts_in(line));
            found
                .extend(first.and_then(|(n, line)| rules.of_check("test.assert-lost", file.file, Side::Old, *n, line)));
        } else {
            found.extend(file.weakened(rules));
        }
    }
    found
}

/// Whether the change takes away more code than it adds: where a feature goes with its tests, that is what one hopes for.
fn code_shrinks(files: &[FileUnderReview<'_>]) -> bool {
    let code = files.iter().filter(|file| is_code(&file.path()) && !is_test(&file.path()));
    let (removed, added) = code.fold((0, 0), |(removed, added), file| {
        (removed + u64::from(file.comparison.removed), added + u64::from(file.comparison.added))
    });
    removed > added
}

impl<'a, 'f> Counted<'a, 'f> {
    fn of(file: &'a FileUnderReview<'f>) -> Option<Self> {
        let path = file.path();
        let ending = path.rsplit_once('.').map(|(_, ending)| ending)?;
        let begins = BEGINS.iter().find(|(ends, _)| ends.contains(&ending)).map(|(_, regex)| regex);
        begins.is_some().then(|| Counted { file, removed: file.removed(), added: file.added(), begins })
    }

    fn tests_lost(&self) -> i64 {
        let begins = |line: &str| self.begins.is_some_and(|regex| regex.is_match(line));
        net(&self.removed, &self.added, begins)
    }

    fn asserts_lost(&self) -> i64 {
        net(&self.removed, &self.added, asserts_in)
    }

    fn deleted(&self, rules: &Rules) -> Option<Finding> {
        if self.file.new.is_none() {
            let evidence = format!("the file is gone, {} tests with it", self.tests_lost());
            return rules.of_check("test.deleted", self.file, Side::Old, 0, &evidence);
        }
        let (number, line) =
            self.removed.iter().find(|(_, line)| self.begins.is_some_and(|regex| regex.is_match(line)))?;
        // An attribute says nothing; the line after it names the test.
        let named = self.removed.iter().find(|(n, _)| *n == number + 1).filter(|_| line.trim().starts_with(['#', '@']));
        rules.of_check("test.deleted", self.file, Side::Old, *number, named.map_or(line, |(_, line)| line))
    }

    /// As many assertions as before, fewer of them exact.
    fn weakened(&self, rules: &Rules) -> Option<Finding> {
        let strict = |line: &str| asserts_in(line) && is_strict(line);
        let same = self.asserts_lost() == 0 && net(&self.removed, &self.added, strict) > 0;
        if !same || !is_test(&self.file.path()) {
            return None;
        }
        let (number, line) = self.added.iter().find(|(_, line)| asserts_in(line) && !is_strict(line))?;
        rules.of_check("test.weakened", self.file, Side::New, *number, line)
    }
}

fn net(removed: &Lines, added: &Lines, counts: impl Fn(&str) -> bool) -> i64 {
    let count = |lines: &Lines| lines.iter().filter(|(_, line)| counts(line)).count() as i64;
    count(removed) - count(added)
}

fn asserts_in(line: &str) -> bool {
    ASSERTS.as_ref().is_some_and(|regex| regex.is_match(line))
}

fn is_strict(line: &str) -> bool {
    STRICT.iter().any(|mark| line.contains(mark))
}
