//! `test.deleted`, `test.assert-lost` and `test.weakened`: fewer tests, or fewer and looser assertions. Counted net
//! over the file **and** over the change: a test that moved is none lost.

use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::change::diff::Side;
use crate::risk::blast::is_test;
use crate::risk::rules::ascii;
use crate::risk::{FileUnderReview, Finding, Rules, Severity, is_code};

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
    LazyLock::new(|| TESTS.iter().filter_map(|(ends, text)| Some((*ends, ascii(text).ok()?))).collect());
static ASSERTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    ascii(r"\b(assert\w*!?\s*\(|(debug_)?assert\w*!|expect\(|EXPECT_\w+\(|ASSERT_\w+\(|REQUIRE\(|CHECK\(|require\.\w+\(t)|^\s*assert\s|\.should\b|pytest\.raises").ok()
});
/// Assertions that name the value they expect.
const STRICT: &[&str] = &["==", "_eq!", "Equal", "toBe(", "_EQ(", "raises", "matches!"];

/// What the files lost, and what there would be to say of each.
#[derive(Default)]
pub(super) struct Losses {
    files: Vec<Loss>,
    /// Lines of code, tests aside.
    code_removed: u64,
    code_added: u64,
}

/// Of one file: tests and assertions that it lost net, negative where it gained some, and a finding for each way to
/// lose them.
struct Loss {
    tests: i64,
    asserts: i64,
    deleted: Option<Finding>,
    fewer: Option<Finding>,
    weakened: Option<Finding>,
}

impl Losses {
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) {
        let path = file.path();
        if is_code(&path) && !is_test(&path) {
            self.code_removed += u64::from(file.comparison.removed);
            self.code_added += u64::from(file.comparison.added);
        }
        let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending);
        let begins = BEGINS.iter().find(|(ends, _)| ends.contains(&ending)).map(|(_, regex)| regex);
        self.files.extend(begins.map(|begins| Counted { file, path: &path, begins, rules }.loss()));
    }

    pub fn finish(self) -> Vec<Finding> {
        let tests: i64 = self.files.iter().map(|file| file.tests).sum();
        let asserts: i64 = self.files.iter().map(|file| file.asserts).sum();
        // Where a feature goes with its tests, that is what one hopes for.
        let shrinks = self.code_removed > self.code_added;
        let severity = if shrinks { Severity::Medium } else { Severity::High };
        let of_file = |file: Loss| {
            if tests > 0 && file.tests > 0 {
                file.deleted.map(|finding| Finding { severity: severity.min(finding.severity), ..finding })
            } else if asserts > 0 && file.fewer.is_some() {
                file.fewer
            } else {
                file.weakened
            }
        };
        self.files.into_iter().filter_map(of_file).collect()
    }
}

/// A file in which tests may be, with how they begin in it.
struct Counted<'a, 'f> {
    file: &'a FileUnderReview<'f>,
    path: &'a str,
    begins: &'static Regex,
    rules: &'a Rules,
}

impl Counted<'_, '_> {
    fn loss(&self) -> Loss {
        let tests = self.net(|line| self.begins.is_match(line.as_bytes()));
        let asserts = self.net(asserts_in);
        Loss {
            tests,
            asserts,
            deleted: if tests > 0 { self.deleted(tests) } else { None },
            fewer: if asserts > 0 && is_test(self.path) { self.fewer() } else { None },
            weakened: if asserts == 0 && is_test(self.path) { self.weakened() } else { None },
        }
    }

    fn net(&self, counts: impl Fn(&str) -> bool) -> i64 {
        let count = |lines: &[(u32, String)]| lines.iter().filter(|(_, line)| counts(line)).count() as i64;
        count(self.file.removed()) - count(self.file.added())
    }

    fn deleted(&self, tests: i64) -> Option<Finding> {
        if self.file.new.is_none() {
            let evidence = format!("the file is gone, {tests} tests with it");
            return self.rules.of_check("test.deleted", self.file, Side::Old, 0, &evidence);
        }
        let removed = self.file.removed();
        let (number, line) = removed.iter().find(|(_, line)| self.begins.is_match(line.as_bytes()))?;
        // An attribute says nothing; the line after it names the test.
        let named = removed.iter().find(|(n, _)| *n == number + 1).filter(|_| line.trim().starts_with(['#', '@']));
        self.rules.of_check("test.deleted", self.file, Side::Old, *number, named.map_or(line, |(_, line)| line))
    }

    fn fewer(&self) -> Option<Finding> {
        let (number, line) = self.file.removed().iter().find(|(_, line)| asserts_in(line))?;
        self.rules.of_check("test.assert-lost", self.file, Side::Old, *number, line)
    }

    /// As many assertions as before, fewer of them exact.
    fn weakened(&self) -> Option<Finding> {
        if self.net(|line| asserts_in(line) && is_strict(line)) <= 0 {
            return None;
        }
        let (number, line) = self.file.added().iter().find(|(_, line)| asserts_in(line) && !is_strict(line))?;
        self.rules.of_check("test.weakened", self.file, Side::New, *number, line)
    }
}

fn asserts_in(line: &str) -> bool {
    ASSERTS.as_ref().is_some_and(|regex| regex.is_match(line.as_bytes()))
}

fn is_strict(line: &str) -> bool {
    STRICT.iter().any(|mark| line.contains(mark))
}
