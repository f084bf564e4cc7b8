use super::*;
use crate::change::ObjectId;
use crate::change::compare::compare;
use crate::change::diff::{Mode, TreeEntry};

struct Sample {
    diff: FileDiff,
    old: Option<Content>,
    new: Option<Content>,
    comparison: Comparison,
}

fn sample(path: &str, old: &str, new: &str) -> Sample {
    let entry = |text: &str| (!text.is_empty()).then_some(TreeEntry { mode: Mode::File, id: ObjectId([1; 20]) });
    let content = |text: &str| (!text.is_empty()).then(|| Content::Text(text.as_bytes().to_vec()));
    Sample {
        diff: FileDiff { path: path.into(), old: entry(old), new: entry(new) },
        old: content(old),
        new: content(new),
        comparison: compare(old.as_bytes(), new.as_bytes()),
    }
}

fn assessed(samples: &[Sample]) -> Assessment {
    let files: Vec<_> = samples
        .iter()
        .map(|s| FileUnderReview { diff: &s.diff, old: s.old.as_ref(), new: s.new.as_ref(), comparison: &s.comparison })
        .collect();
    assess(&files, Rules::shipped())
}

fn fired(path: &str, old: &str, new: &str) -> Vec<String> {
    assessed(&[sample(path, old, new)]).findings.into_iter().map(|f| f.rule).collect()
}

#[test]
fn an_environment_that_would_be_recreated_is_critical_and_first() {
    let old = "resource \"ce_environment\" \"main\" {\n  name = \"cost-explorer\"\n  lifecycle {\n    prevent_destroy = true\n  }\n}\n";
    let new = "resource \"ce_environment\" \"main\" {\n  name = \"cost-explorer-v2\"\n}\n";
    let found = assessed(&[sample("envs/prod/main.tf", old, new)]);
    let rules: Vec<_> = found.findings.iter().map(|f| f.rule.as_str()).collect();
    assert_eq!(rules, ["destr.protection-off", "destr.recreate"]);
    assert_eq!((found.tier, found.blast.class), (1, BlastClass::B4));
}

#[test]
fn a_limit_that_is_lost_or_far_off_is_found_and_a_small_change_is_not() {
    let config = |value: &str| format!("retry:\n{value}  backoff_ms: 200\n");
    let old = config("  max_attempts: 3\n");
    assert_eq!(fired("config/checkout.yaml", &old, &config("")), ["resil.limit-lost"]);
    assert_eq!(fired("config/checkout.yaml", &old, &config("  max_attempts: 0\n")), ["resil.limit-lost"]);
    assert_eq!(fired("config/checkout.yaml", &old, &config("  max_attempts: 12\n")), ["resil.limit-lost"]);
    assert_eq!(fired("config/checkout.yaml", &old, &config("  max_attempts: 4\n")), [""; 0]);
    assert_eq!(fired("src/a.ts", "  maxAttempts: 3,\n", "  maxAttempts: Infinity,\n"), ["resil.limit-lost"]);
}

#[test]
fn lost_tests_are_counted_net_and_a_moved_test_is_none() {
    let old = "def test_a():\n    assert f(1) == 2\n\ndef test_b():\n    assert f(2) == 3\n";
    assert!(fired("tests/test_x.py", old, "").contains(&"test.deleted".to_owned()));
    assert!(
        fired("tests/test_x.py", old, "def test_a():\n    assert f(1) == 2\n").contains(&"test.deleted".to_owned())
    );
    assert_eq!(fired("tests/test_x.py", old, &old.replace("f(", "g(")), [""; 0]);
    assert_eq!(fired("tests/test_x.py", old, &old.replace("assert f(2) == 3", "assert f(2)")), ["test.weakened"]);
}

#[test]
fn a_made_up_or_look_alike_dependency_is_found_and_a_locked_one_is_not() {
    let old = "{\"dependencies\": {\n\"axios\": \"1\"\n}}\n";
    let with = |name: &str| format!("{{\"dependencies\": {{\n\"axios\": \"1\",\n\"{name}\": \"2\"\n}}}}\n");
    assert_eq!(fired("package.json", old, &with("checkout-retry-kit")), ["dep.phantom"]);
    assert_eq!(fired("package.json", old, &with("expres")), ["dep.typosquat"]);
    let locked = [
        sample("package.json", old, &with("left-pad")),
        sample("package-lock.json", "{\n}\n", "{\n\"left-pad\": {}\n}\n"),
    ];
    assert!(assessed(&locked).findings.is_empty());
}

#[test]
fn reordering_and_hidden_characters_are_found_and_emoji_are_not() {
    assert_eq!(fired("a.rs", "", "if x { /*\u{202E} } \u{2066}if admin */\n"), ["uni.bidi"]);
    assert_eq!(fired("a.rs", "", "let a\u{200B}b = 1;\n"), ["uni.invisible"]);
    assert_eq!(fired("a.rs", "", "print(\"\x1b[2J\");\n"), ["term.escape"]);
    assert_eq!(fired("a.rs", "", "// 👩\u{200D}💻 works ✔\u{FE0F}\n"), [""; 0]);
}

#[test]
fn a_secret_is_found_and_not_repeated() {
    let found = assessed(&[sample("a.py", "", "key = 'AKIAIOSFODNN7ABCDEFG'\n")]);
    assert_eq!(found.findings[0].rule, "secret.known");
    assert!(!found.findings[0].evidence.contains("AKIA"), "{}", found.findings[0].evidence);
}

#[test]
fn files_go_by_risk_and_generated_ones_last() {
    let samples = [
        sample("Cargo.lock", "a\n", "b\n"),
        sample("src/a.rs", "let a = 1;\n", "let a = 2;\n"),
        sample("tests/a.rs", "let a = 1;\n", "let a = 2;\n"),
        sample("src/z.py", "x\n", "requests.get(u, verify=False)\n"),
    ];
    assert_eq!(assessed(&samples).file_order, [3, 1, 2, 0]);
}

#[test]
fn keys_of_findings_are_unique_and_survive_moved_lines() {
    let keys = |text: &str| assessed(&[sample("a.py", "", text)]).findings.iter().map(Finding::key).collect::<Vec<_>>();
    let twice = keys("x(verify=False)\nx(verify=False)\n");
    assert!(twice.len() == 2 && twice[0] != twice[1]);
    assert_eq!(keys("\n\nx(verify=False)\n")[0], twice[0]);
}

proptest::proptest! {
    #[test]
    fn arbitrary_texts_never_panic(old: Vec<u8>, new: Vec<u8>, path in "[a-z./]{1,20}") {
        let (old, new) = (String::from_utf8_lossy(&old).into_owned(), String::from_utf8_lossy(&new).into_owned());
        let _ = assessed(&[sample(&path, &old, &new), sample("package.json", &old, &new), sample("a.tf", &old, &new)]);
    }
}
