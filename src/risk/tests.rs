mod paths;
mod replaced;
mod unseen;

use proptest::strategy::Strategy as _;

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
    sample_of_bytes(path, old.as_bytes(), new.as_bytes())
}

fn sample_of_bytes(path: &str, old: &[u8], new: &[u8]) -> Sample {
    let entry = |text: &[u8]| (!text.is_empty()).then_some(TreeEntry { mode: Mode::File, id: ObjectId([1; 20]) });
    let content = |text: &[u8]| (!text.is_empty()).then(|| Content::Text(text.to_vec()));
    Sample {
        diff: FileDiff { path: path.into(), from: None, counterpart: None, old: entry(old), new: entry(new) },
        old: content(old),
        new: content(new),
        comparison: compare(old, new),
    }
}

fn assessed(samples: &[Sample]) -> Assessment {
    assessed_in(samples, &(0..samples.len()).collect::<Vec<_>>())
}

/// With the files in another order.
fn assessed_in(samples: &[Sample], order: &[usize]) -> Assessment {
    let mut assessor = Assessor::new(Rules::shipped());
    for sample in order.iter().map(|&at| &samples[at]) {
        let Sample { diff, old, new, comparison } = sample;
        assessor.read(&FileUnderReview::new(diff, old.as_ref(), new.as_ref(), comparison));
    }
    assessor.finish(&samples.iter().map(|sample| sample.diff.clone()).collect::<Vec<_>>())
}

pub(super) fn fired(path: &str, old: &str, new: &str) -> Vec<String> {
    assessed(&[sample(path, old, new)]).findings.into_iter().map(|f| f.rule).collect()
}

/// The findings in a change of these files: path, text before and after.
pub(super) fn findings(files: &[(&str, &str, &str)]) -> Vec<Finding> {
    assessed(&files.iter().map(|(path, old, new)| sample(path, old, new)).collect::<Vec<_>>()).findings
}

/// The rules that report something as medium or worse in a change of these files.
fn loud(files: &[(&str, &str, &str)]) -> Vec<String> {
    let found = findings(files).into_iter().filter(|found| found.severity >= Severity::Medium);
    found.map(|found| found.rule).collect()
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
    let code = |value: &str| format!("export const client = connect({{\n  maxAttempts: {value},\n}});\n");
    assert_eq!(fired("src/a.ts", &code("3"), &code("Infinity")), ["resil.limit-lost"]);
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
    assert_eq!(fired("package.json", old, &with("checkout-retry-kit")), ["dep.new"]);
    let unlocked = [
        sample("package.json", old, &with("checkout-retry-kit")),
        sample("package-lock.json", "{\n}\n", "{\n\"left-pad\": {}\n}\n"),
    ];
    let found = assessed(&unlocked).findings;
    let phantom = found.iter().find(|finding| finding.rule == "dep.phantom");
    assert!(phantom.is_some_and(|finding| finding.title.ends_with(": checkout-retry-kit")), "{found:?}");
    assert_eq!(fired("package.json", old, &with("expres")), ["dep.typosquat"]);
    let built = [
        sample("package.json", old, &with("wheel")),
        sample("package-lock.json", "{\n}\n", "{\n\"left-pad\": {}\n}\n"),
    ];
    let found = assessed(&built).findings;
    assert!(found.iter().any(|finding| finding.rule == "dep.phantom"), "what builds Python is no tool here: {found:?}");
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
    assert_eq!(fired("a.rs", "", "safe(); //\rdelete_all();\n"), ["term.escape"]);
    assert_eq!(fired("a.rs", "", "let s = \"\u{1D159}\";\n"), ["uni.invisible"]);
    assert_eq!(fired("src/a\u{202E}b.rs", "", "x\n"), ["path.hidden"]);
    assert_eq!(fired("a.rs", "", "// 👩\u{200D}💻 works ✔\u{FE0F}\r\n"), [""; 0]);
    assert_eq!(fired("می\u{200C}خواهم.txt", "", "\u{FEFF}می\u{200C}خواهم\n"), [""; 0]);
}

#[test]
fn what_a_compiler_reads_otherwise_than_people_is_found_in_code_and_not_in_text() {
    let rows: &[(&str, &str, Option<&str>)] = &[
        ("a.py", "𝐞𝐱𝐞𝐜(input())\n", Some("uni.confusable")),
        ("a.py", "os.ｓｙｓｔｅｍ(x)\n", Some("uni.confusable")),
        ("a.py", "oſ.remove(x)\n", Some("uni.confusable")),
        ("a.py", "evaₗ(x)\n", Some("uni.confusable")),
        ("a.py", "print(f\"{𝐞𝐱𝐞𝐜(x)}\")\n", Some("uni.confusable")),
        ("a.py", "os.ｓｙｓｔｅｍ(x)  # 漢字\n", Some("uni.confusable")),
        ("a.py", "def сору(): pass\n", Some("uni.confusable")),
        ("a.js", "if (envǃ=PROD) { go() }\n", Some("uni.confusable")),
        ("a.js", "let a = 1\u{37E} f()\n", Some("uni.confusable")),
        ("x.sh", "rm -rf\u{A0}/\n", Some("uni.invisible")),
        ("x.py", "x\u{202F}= 1\n", Some("uni.invisible")),
        ("x.sh", "rm\u{3000}-rf /\n", Some("uni.invisible")),
        ("a.py", "x = '𝐛𝐨𝐥𝐝' + \"ＡＢＣ\"\n", None),
        ("a.md", "𝐛𝐨𝐥𝐝 and 10\u{A0}000\n", None),
        ("a.py", "# これは ＡＰＩ です\n", None),
        ("a.py", "area = 3  # m², 10ᵗʰ, nº, xᵢ, 300\u{212A}\n", None),
        ("a.py", "сумма = 1  # рост, ось\n", None),
        ("a.py", "# 10\u{A0}000 it's\n", None),
        ("a.py", "print(\"10\u{A0}000\")\n", None),
        ("a.js", "// τι κάνεις\u{37E}\n", None),
    ];
    for (path, text, rule) in rows {
        let found = fired(path, "", text);
        let found: Vec<&str> = found.iter().map(String::as_str).filter(|id| id.starts_with("uni.")).collect();
        assert_eq!(found.first().copied(), *rule, "{path}: {text}");
    }
    let found = assessed(&[sample("x.sh", "", "rm -rf\u{A0}/\n")]).findings;
    assert!(found.iter().any(|one| one.rule == "uni.invisible" && one.severity == Severity::Low), "{found:?}");
}

#[test]
fn every_marker_of_a_half_resolved_merge_is_found_and_lines_that_look_like_one_are_not() {
    let rows: &[(&str, &str, usize)] = &[
        ("a.rs", "<<<<<<< HEAD\na\n=======\nb\n>>>>>>> feat\n", 2),
        ("a.rs", "fn a() {\n||||||| 1a2b3c4\n}\n", 1),
        ("a.rs", "||||||| merged common ancestors\n", 1),
        ("a.rs", "|||||||\r\n", 1),
        ("a.yaml", "<<<<<<<\n", 1),
        ("a.py", "    run()\n=======\n    walk()\n", 1),
        ("README.md", "Text\n<<<<<<< HEAD\nmore\n=======\nother\n>>>>>>> feat/x\n", 2),
        ("README.md", "Text\n\n||||||| 1a2b3c4d\n\nmore\n", 1),
        ("README.md", "Text\n>>>>>>> 1a2b3c4d (Say more)\n", 1),
        ("guide.rst", "<<<<<<< Updated upstream\n", 1),
        ("a.rs", "<<<<<<<<<<< HEAD\na\n===========\nb\n>>>>>>>>>>> feat\n", 2),
        ("a.rs", "    a\n>>>>>>>>>>> 1a2b3c4d (Say more)\n", 1),
        ("a.rs", "<<<<<<<<<<<\na\n|||||||||||\nb\n>>>>>>>>>>>\n", 3),
        ("a.rs", "    <<<<<<< HEAD\n    a();\n", 1),
        ("a.rs", "%%%%%%% diff from base to side #1\n-a\n", 1),
        (
            "a.rs",
            "<<<<<<< conflict 1 of 1\n%%%%%%% diff from: a 1a2b\n-a\n+++++++ b 3c4d \"x\"\nc\n>>>>>>> conflict 1 of 1 ends\n",
            4,
        ),
        ("a.rs", "------- Contents of base\na\n+++++++ Contents of side #2\nb\n", 2),
        ("a.rs", "fn a() {\n\\\\\\\\\\\\\\        to: abc 1a2b\n}\n", 1),
        ("n.ipynb", "{\"cells\":[\n<<<<<<< local\n{\"a\":1}\n=======\n{\"a\":2}\n>>>>>>> remote\n]}\n", 2),
        ("a.yaml", "a: 1\n=======\nb: 2\n", 1),
        ("a.sh", "done\n=======\nexit\n", 1),
        ("a.rs", "fn a() {\n||||||||||||||| base\n}\n", 1),
        ("a.py", ">>>> ORIGINAL //depot/a#1\nx\n==== THEIRS //depot/a#2\ny\n==== YOURS //c/a\nz\n<<<<\n", 3),
        ("a.py", "<<<<<<<\tHEAD\n", 1),
        ("a.py", "\u{FEFF}<<<<<<< HEAD\nx\n", 1),
        ("a.py.rej", "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n", 1),
        ("a.csv", "a|b|c|d|e|f|g|h\n|||||||\n", 0),
        ("a.csv", "<<<<<<< HEAD\na\n|||||||\nb\n=======\nc\n>>>>>>> feat\n", 3),
        ("vendor/x/Cargo.toml.orig", "[package]\n", 0),
        ("a.tex", "%%%%%%%\n%%%%%%% Setup\n%%%%%%%%%%%%%%%%%\n", 0),
        ("a.sql", "------- end\n", 0),
        ("a.txt", "        <<<<<<< HEAD\n", 0),
        ("a.sh", "cat <<END\n<<<<<<<<<<<<<<<<<<<<\n>>>>>>>>>>>> the end of it\n   >>>>>>>\nEND\n", 0),
        ("a.rs", "||||||||||||||| a\n", 0),
        ("a.rs", "|||||||a\n// <<<<<<< HEAD\n", 0),
        ("a.py", "\"\"\"\nLicense\n=======\n\"\"\"\n", 0),
        ("a.py", "=======\nSetup\n=======\n", 0),
        ("README.md", "A title\n=======\n", 0),
        ("README.md", "| a |\n|||||||\n| b |\n", 0),
        ("README.md", ">>>>>> he said\n>>>>>>> yes\n", 0),
        ("README.md", ">>>>>>> and so on\n", 0),
        ("README.md", "It looks so:\n```\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> feat\n```\n", 0),
        ("tests/merge_test.py", "<<<<<<< HEAD\n", 0),
    ];
    for (path, text, count) in rows {
        let found = fired(path, "", text);
        assert_eq!(found.iter().filter(|rule| *rule == "merge.left-over").count(), *count, "{path}: {text}");
    }
    assert_eq!(fired("a.rs", "||||||| a\n", "||||||| a\nb\n"), [""; 0], "it stood there before");
}

#[test]
fn what_steers_agents_and_says_what_they_may_run_is_named_and_reaches_far() {
    for path in AGENT_FILES {
        let found = assessed(&[sample(path, "", "x\n")]);
        assert!(found.findings.iter().any(|f| f.rule == "agent.instructions"), "{path}: {:?}", found.findings);
        assert!(found.blast.class >= BlastClass::B3, "{path}: {:?}", found.blast);
    }
    for path in ["src/agents/mod.rs", "docs/claude.md.txt", "src/hooks/use_hooks.ts", "cursor/blink.c"] {
        assert!(!fired(path, "", "x\n").contains(&"agent.instructions".to_owned()), "{path}");
    }
}

/// One of each kind that agents read.
const AGENT_FILES: &[&str] = &[
    "AGENTS.md",
    "lib/AGENTS.override.md",
    "CLAUDE.md",
    "CLAUDE.local.md",
    "GEMINI.md",
    ".claude/settings.json",
    ".codex/config.toml",
    ".cursor/rules/style.mdc",
    ".cursorrules",
    ".gemini/settings.json",
    ".kiro/steering/product.md",
    ".opencode/plugin/shim.ts",
    "opencode.json",
    ".windsurf/rules/a.md",
    ".clinerules",
    ".github/copilot-instructions.md",
    ".github/hooks/pre.json",
    ".mcp.json",
    ".vscode/mcp.json",
    "plugins/x/hooks/hooks.json",
];

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
    let two = keys("x(verify=False)\ny(verify=False)\n");
    assert!(two.len() == 2 && two[0] != two[1]);
    assert_eq!(keys("\n\nx(verify=False)\n")[0], two[0]);
}

#[test]
fn what_is_said_of_one_object_at_several_places_is_one_finding() {
    let found = |files: &[(&str, &str)]| {
        let samples: Vec<_> = files.iter().map(|(path, text)| sample(path, "", text)).collect();
        assessed(&samples).findings
    };
    let both = found(&[("a.py", "x(verify=False)\n\nx(verify=False)\n"), ("b.py", "x(verify=False)\n")]);
    let [one] = &both[..] else { panic!("{both:?}") };
    let places: Vec<_> = one.locations().map(ToString::to_string).collect();
    assert_eq!((places, one.count()), (["a.py:1", "a.py:3", "b.py:1"].map(str::to_owned).to_vec(), 3));
    assert_eq!(one.whereabouts(), "a.py:1 and 2 other places");
    // An answer covers the places that were shown, wherever their lines are now, and no others.
    let moved = found(&[("a.py", "\nx(verify=False)\nx(verify=False)\n"), ("b.py", "\nx(verify=False)\n")]);
    assert_eq!(moved[0].key(), one.key());
    for other in [
        &[("a.py", "x(verify=False)\nx(verify=False)\n")][..],
        &[("a.py", "x(verify=False)\nx(verify=False)\n"), ("c.py", "x(verify=False)\n")],
        &[("a.py", "x(verify=False)\nx(verify=False)\n"), ("b.py", "x(verify=False)\nx(verify=False)\n")],
        &[("a.py", "x(verify=False)\n")],
    ] {
        assert_ne!(found(other)[0].key(), one.key(), "{other:?}");
    }
}

#[test]
fn at_most_fifty_want_an_answer_and_none_is_lost() {
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let tables = lines(60, &|n| format!("DROP TABLE t{n};\n"));
    let checks = lines(3_000, &|n| format!("get(url{n}, verify=False)\n"));
    let given = assessed(&[sample("db/a.sql", "", &tables), sample("src/a.py", "", &checks)]);
    let asked: Vec<&Finding> = given.findings.iter().filter(|f| f.severity > Severity::Note).collect();
    assert_eq!(asked.len(), MAX_ASKED);
    // The gravest are separate.
    let group = |rule: &str| asked.iter().find(|f| f.rule == rule && f.count() > 1).copied();
    let (sql, tls) = (group("destr.sql").expect("a group"), group("tls.off").expect("a group"));
    assert!(asked.iter().filter(|f| f.count() == 1).all(|f| f.rule == "destr.sql"), "{asked:?}");
    assert_eq!((sql.count(), tls.count()), (60 - 48, 3_000));
    assert_eq!(sql.title, "12 more findings of this rule");
    assert!(sql.why.contains("3060 findings of this change want an answer"), "{}", sql.why);
    // Every line is a place of one of them, and says what is wrong there.
    let places = |path: &str| {
        let all = given.findings.iter().flat_map(Finding::locations).filter(|at| at.path == path.into());
        all.map(|at| at.line).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!((places("db/a.sql").len(), places("src/a.py").len()), (60, 3_000));
    assert_ne!(tls.title_at(7), tls.title);
    // One more place is another question.
    let more =
        assessed(&[sample("db/a.sql", "", &tables), sample("src/a.py", "", &format!("{checks}z(verify=False)\n"))]);
    let keys = |given: &Assessment| given.findings.iter().map(Finding::key).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(keys(&given).symmetric_difference(&keys(&more)).count(), 2);
}

#[test]
fn of_more_rules_than_answers_the_last_are_answered_together() {
    let finding = |rule: usize| Finding {
        rule: format!("a.r{rule:03}"),
        severity: if rule < 10 { Severity::High } else { Severity::Low },
        title: format!("T{rule}"),
        why: "W.".to_owned(),
        ask: "A?".to_owned(),
        location: crate::change::diff::Location { path: "a".into(), side: Side::New, line: rule as u32 + 1 },
        places: Vec::new(),
        evidence: String::new(),
        text: rule.to_string(),
        within: String::new(),
        ordinal: 0,
    };
    let grouped = |count: usize| super::finding::grouped((0..count).map(finding).collect());
    assert_eq!(grouped(MAX_ASKED).iter().map(Finding::count).max(), Some(1));
    let many = grouped(MAX_ASKED + 30);
    assert_eq!(many.len(), MAX_ASKED);
    let last = many.last().expect("some");
    assert_eq!((&last.rule[..], last.count(), last.severity), ("findings.more", 31, Severity::Low));
    assert_eq!(last.title_at(0), "T49");
    assert_eq!(many.iter().map(Finding::count).sum::<usize>(), MAX_ASKED + 30);
}

#[test]
fn what_only_moves_is_no_loss() {
    let test = "#[test]\nfn a() {\n    assert_eq!(f(1), 2);\n}\n";
    assert!(assessed(&[sample("src/a.rs", test, ""), sample("src/b.rs", "", test)]).findings.is_empty());
    let database = "resource \"aws_db_instance\" \"main\" {\n  deletion_protection = true\n}\n";
    assert!(assessed(&[sample("a/main.tf", database, ""), sample("a/db.tf", "", database)]).findings.is_empty());
    let guarded = "a:\n  DeletionPolicy: Retain\n  x: 1\n";
    assert_eq!(fired("stack.yaml", guarded, "a:\n  x: 1\n  DeletionPolicy: \"Retain\"\n"), [""; 0]);
    let pools = "pools:\n- name: a\n  timeout: 3\n- name: b\n  timeout: 9\n";
    assert_eq!(fired("pools.yaml", pools, "pools:\n- name: b\n  timeout: 9\n"), [""; 0]);
    assert_eq!(
        fired("src/a.py", "@login_required\ndef f(): pass\n", "def g(): pass\n\n  @login_required\n"),
        ["api.removed"]
    );
}

#[test]
fn a_guard_that_is_turned_off_and_a_resource_that_goes_are_critical() {
    let database = |on: &str| format!("resource \"aws_db_instance\" \"main\" {{\n  deletion_protection = {on}\n}}\n");
    let found = assessed(&[sample("a/main.tf", &database("true"), &database("false"))]).findings;
    assert_eq!((found[0].rule.as_str(), found[0].location.line), ("destr.protection-off", 2));
    let gone = fired("a/main.tf", &database("false"), "# nothing left\n");
    assert_eq!(gone, ["destr.resource-removed"]);
    assert_eq!(fired("a/main.tf", "force_destroy = false\n", "force_destroy = true\n"), ["destr.protection-off"]);
}

#[test]
fn each_guard_that_is_lost_is_a_finding_at_a_line_of_its_own() {
    let database = |n: usize, on: &str| {
        format!("resource \"aws_db_instance\" \"d{n}\" {{\n  deletion_protection = {on}\n  name = \"d{n}\"\n}}\n")
    };
    let databases = |states: [&str; 4]| (0..4).map(|n| database(n, states[n])).collect::<String>();
    let places = |old: &str, new: &str| {
        let found = assessed(&[sample("a/main.tf", old, new)]).findings.into_iter();
        let guards = found.filter(|f| f.rule == "destr.protection-off");
        guards.map(|f| (f.location.side, f.location.line)).collect::<Vec<_>>()
    };
    let on = databases(["true"; 4]);
    let new = |lines: [u32; 4]| lines.map(|line| (Side::New, line)).to_vec();
    assert_eq!(places(&on, &databases(["false"; 4])), new([2, 6, 10, 14]));
    // One that is already off, one that is turned off, and one whose line is removed.
    let old = databases(["false", "true", "true", "true"]);
    let gone = databases(["false", "false", "-", "true"]).replace("  deletion_protection = -\n", "");
    assert_eq!(places(&old, &gone), [(Side::Old, 10), (Side::New, 6)]);
    // Moved about, each guard is where it was.
    let back = |order: [usize; 4]| order.map(|n| database(n, "true")).concat();
    assert!(places(&on, &back([3, 1, 0, 2])).is_empty());
    let keys: std::collections::BTreeSet<_> =
        assessed(&[sample("a/main.tf", &on, &databases(["false"; 4]))]).findings.iter().map(Finding::key).collect();
    assert_eq!(keys.len(), 4, "each is answered on its own");
}

#[test]
fn a_policy_that_lets_in_someone_new_is_found_and_a_reordered_one_is_not() {
    let members = |names: &[&str]| {
        names.iter().fold("members = [\n".to_owned(), |text, name| format!("{text}  \"user:{name}\",\n")) + "]\n"
    };
    let old = members(&["a@x.example", "b@x.example"]);
    assert_eq!(fired("iam.tf", &old, &members(&["a@x.example", "c@x.example"])), ["iam.widen"]);
    assert_eq!(fired("iam.tf", &old, &members(&["b@x.example", "a@x.example"])), [""; 0]);
    let statement = |effect: &str| {
        format!(
            "{{\n  \"Statement\": [\n    {{\n      \"Effect\": \"{effect}\",\n      \"Action\": \"s3:Get\"\n    }}\n  ]\n}}\n"
        )
    };
    assert_eq!(fired("p.json", &statement("Deny"), &statement("Allow")), ["iam.denial-lost"]);
}

#[test]
fn a_secret_is_masked_whatever_rule_shows_its_line() {
    let line = "requests.get(u, verify=False, api_key='a8Fq2Lm0Zx91')\n";
    let found = assessed(&[sample("a.py", "", line)]).findings;
    assert!(found.iter().any(|finding| finding.rule == "tls.off"), "{found:?}");
    assert!(found.iter().all(|finding| !finding.evidence.contains("a8Fq2")), "{found:?}");
}

#[test]
fn a_new_version_of_a_go_module_is_no_new_dependency() {
    let module = |version: u32| format!("require github.com/google/go-github/v{version} v{version}.0.0\n");
    assert_eq!(fired("go.mod", &module(88), &module(89)), [""; 0]);
}

/// Files of which each check over several files has something to say, and something that another file makes up for.
const ORDERED: [(&str, &str, &str); 8] = [
    ("package.json", "{}\n", "{\n \"dependencies\": {\n  \"left-pad-own\": \"1\",\n  \"unheard-of\": \"1\"\n }\n}\n"),
    ("package-lock.json", "{}\n", "{ \"left-pad-own\": 1 }\n"),
    ("a/main.tf", "resource \"aws_db_instance\" \"main\" {\n  deletion_protection = true\n}\n", ""),
    ("a/other.tf", "resource \"aws_s3_bucket\" \"b\" {\n  bucket = \"x\"\n}\n", "# none\n"),
    ("a/db.tf", "", "resource \"aws_db_instance\" \"main\" {\n  deletion_protection = true\n}\n"),
    ("old.yaml", "DeletionPolicy: Retain\nA: 1\n  DeletionPolicy: Retain\n", ""),
    ("tests/test_a.py", "def test_a():\n    assert f(1) == 2\ndef test_b():\n    assert f(2) == 2\n", "x = 1\n"),
    ("tests/test_b.py", "x = 1\n", "def test_b():\n    assert f(2) == 2\n"),
];

#[test]
fn checks_over_several_files_find_something_in_the_files_that_are_read_in_every_order() {
    let samples = ORDERED.map(|(path, old, new)| sample(path, old, new));
    let found: Vec<_> =
        assessed(&samples).findings.into_iter().map(|f| (f.location.path.to_string(), f.rule)).collect();
    let has = |path: &str, rule: &str| found.iter().any(|(p, r)| p == path && r == rule);
    assert!(has("package.json", "dep.phantom") && has("a/other.tf", "destr.resource-removed"), "{found:?}");
    assert!(has("old.yaml", "destr.protection-off") && has("tests/test_a.py", "test.deleted"), "{found:?}");
    assert!(!has("a/main.tf", "destr.resource-removed") && !has("a/main.tf", "destr.protection-off"), "{found:?}");
}

proptest::proptest! {
    #[test]
    fn the_order_in_which_files_are_read_changes_nothing(
        order in proptest::sample::subsequence((0..ORDERED.len()).collect::<Vec<_>>(), ORDERED.len()).prop_shuffle(),
    ) {
        let samples = ORDERED.map(|(path, old, new)| sample(path, old, new));
        proptest::prop_assert_eq!(assessed_in(&samples, &order), assessed(&samples));
    }

    #[test]
    fn arbitrary_texts_never_panic(old: Vec<u8>, new: Vec<u8>, path in "[a-z./]{1,20}") {
        let (old, new) = (String::from_utf8_lossy(&old).into_owned(), String::from_utf8_lossy(&new).into_owned());
        let _ = assessed(&[sample(&path, &old, &new), sample("package.json", &old, &new), sample("a.tf", &old, &new)]);
    }
}

#[test]
fn a_test_stands_beside_the_file_that_it_tests() {
    let names =
        ["src/cart.py", "src/total.py", "tests/test_cart.py", "web/menu.ts", "web/menu.spec.ts", "tests/other.py"];
    let samples: Vec<_> = names.iter().map(|path| sample(path, "a = 1\n", "a = 2\n")).collect();
    let order: Vec<_> = assessed(&samples).file_order.into_iter().map(|at| names[at]).collect();
    let after = |path: &str| order.iter().skip_while(|own| **own != path).nth(1).copied();
    assert_eq!(after("src/cart.py"), Some("tests/test_cart.py"), "{order:?}");
    assert_eq!(after("web/menu.ts"), Some("web/menu.spec.ts"), "{order:?}");
    assert_eq!(order.last(), Some(&"tests/other.py"));
}

#[test]
fn one_act_that_two_rules_speak_of_is_one_finding() {
    let text =
        "class A < ActiveRecord::Migration[7.0]\n  def up\n    User.delete_all\n    drop_table :carts\n  end\nend\n";
    let found = findings(&[("db/migrate/1_a.rb", "", text)]);
    let grave: Vec<_> = found.iter().filter(|found| found.severity >= Severity::High).collect();
    let of = |line: u32| grave.iter().filter(|found| found.locations().any(|at| at.line == line)).count();
    assert_eq!((of(3), of(4)), (1, 1), "{grave:#?}");
}
