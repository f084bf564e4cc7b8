//! `test.deleted` and `test.assert-lost`: fewer tests, or fewer and looser assertions, counted net over the file.

use crate::change::diff::Side;
use crate::risk::blast::is_test;
use crate::risk::{FileUnderReview, Finding, Rules};

const TESTS: &[&str] = &["def test_", "#[test]", "func Test", "it(", "test(", "@Test", "test \""];
const ASSERTIONS: &[&str] = &["assert", "expect(", "should.", "require.", "EXPECT_", "CHECK("];

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let has_tests = is_test(&file.path()) || file.removed().iter().any(|(_, line)| is_any(line, TESTS));
    if !has_tests {
        return Vec::new();
    }
    let (removed, added) = (file.removed(), file.added());
    if file.new.is_none() {
        let evidence = format!("{} tests gone", count(&removed, TESTS));
        let lost = is_any_of(&removed, TESTS) || is_any_of(&removed, ASSERTIONS);
        return if lost {
            rules.of_check("test.deleted", file, Side::Old, 0, &evidence).into_iter().collect()
        } else {
            Vec::new()
        };
    }
    let mut found = Vec::new();
    if count(&removed, TESTS) > count(&added, TESTS) {
        let at = removed.iter().find(|(_, line)| is_any(line, TESTS));
        found.extend(at.and_then(|(number, line)| rules.of_check("test.deleted", file, Side::Old, *number, line)));
    }
    if count(&removed, ASSERTIONS) > count(&added, ASSERTIONS) {
        let at = removed.iter().find(|(_, line)| is_any(line, ASSERTIONS));
        found.extend(at.and_then(|(number, line)| rules.of_check("test.assert-lost", file, Side::Old, *number, line)));
    } else if strictness(&added) < strictness(&removed) {
        let at = added.iter().find(|(_, line)| is_any(line, ASSERTIONS) && !is_strict(line));
        found.extend(at.and_then(|(number, line)| rules.of_check("test.weakened", file, Side::New, *number, line)));
    }
    found
}

/// Assertions that name the value they expect.
fn strictness(lines: &[(u32, String)]) -> usize {
    lines.iter().filter(|(_, line)| is_any(line, ASSERTIONS) && is_strict(line)).count()
}

fn is_strict(line: &str) -> bool {
    ["==", "assert_eq", "assertEqual", "toBe(", "toEqual", "toStrictEqual", "assertRaises", "pytest.raises"]
        .iter()
        .any(|mark| line.contains(mark))
}

fn count(lines: &[(u32, String)], marks: &[&str]) -> usize {
    lines.iter().filter(|(_, line)| is_any(line, marks)).count()
}

fn is_any_of(lines: &[(u32, String)], marks: &[&str]) -> bool {
    count(lines, marks) > 0
}

fn is_any(line: &str, marks: &[&str]) -> bool {
    let line = line.trim_start();
    marks.iter().any(|mark| line.starts_with(mark) || (mark.len() > 5 && line.contains(mark)))
}
