//! What real scanners say of one change, as the program takes it in. Their reports are kept; where it is asked for,
//! the scanners themselves are installed and run again.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;
use undersign::risk::external::{Report, Run, State, read};

/// By the names of their reports: seven producers of SARIF.
const SARIF: [&str; 7] = ["bandit", "ruff", "semgrep", "zizmor", "checkov", "gitleaks", "hadolint"];
/// What they say that is new on the head: rule, line and severity.
const NEW: [(&str, &str, &str); 13] = [
    ("Bandit:B105", "src/pay.py:25", "low"),
    ("Bandit:B602", "src/pay.py:15", "high"),
    ("Checkov:CKV_AWS_293", "deploy/main.tf:13", "high"),
    ("Hadolint:DL3008", "Dockerfile:5", "medium"),
    ("Hadolint:DL3009", "Dockerfile:5", "low"),
    ("Hadolint:DL3014", "Dockerfile:5", "medium"),
    ("Hadolint:DL3015", "Dockerfile:5", "low"),
    ("Semgrep-OSS:shell-from-text", "src/pay.py:15", "high"),
    ("gitleaks:generic-api-key", "deploy/keys.env:2", "medium"),
    ("ruff:S105", "src/pay.py:25", "high"),
    ("ruff:S602", "src/pay.py:15", "high"),
    ("zizmor:dangerous-triggers", ".github/workflows/ci.yml:2", "high"),
    ("zizmor:template-injection", ".github/workflows/ci.yml:8", "high"),
];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scanners")
}

fn script(words: &[&Path]) -> Output {
    let mut command = Command::new("sh");
    command.arg(here().join("scanners.sh")).args(words).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.output().unwrap()
}

/// The repository that was scanned, made once.
fn sample() -> &'static Path {
    static SAMPLE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = SAMPLE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shop");
        let made = script(&[Path::new("sample"), &path]);
        assert!(made.status.success(), "{made:?}");
        (dir, path)
    });
    path
}

fn undersign(words: &[String]) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
    command.arg("--repo").arg(sample()).args(words).env("HOME", home.path()).env("XDG_CACHE_HOME", home.path());
    command.output().unwrap()
}

fn show(reports: &[(&str, PathBuf)]) -> Value {
    let mut words = vec!["show".to_owned(), "agent/work".to_owned(), "--json".to_owned()];
    for (option, path) in reports {
        words.extend([(*option).to_owned(), path.display().to_string()]);
    }
    let said = undersign(&words);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    serde_json::from_slice(&said.stdout).unwrap()
}

/// With reports of all producers in a folder, with those on the base or without.
fn with_all(folder: &Path, base: bool) -> Value {
    let sides = [("--findings", "head"), ("--base-findings", "base")];
    let sides = sides.iter().take(1 + usize::from(base));
    let files = sides
        .flat_map(|(option, side)| SARIF.map(|tool| (*option, folder.join(side).join(tool).with_extension("sarif"))));
    show(&files.collect::<Vec<_>>())
}

fn row(finding: &Value) -> (String, String, String) {
    let text = |member: &str| finding[member].as_str().unwrap().to_owned();
    (text("rule"), format!("{}:{}", text("path"), finding["line"]), text("severity"))
}

/// Findings of other tools, without the rows about their runs.
fn external(shown: &Value) -> Vec<(String, String, String)> {
    let all = shown["findings"].as_array().unwrap().iter().map(row);
    let mut found: Vec<_> = all.filter(|(rule, place, _)| rule.contains(':') && !place.ends_with(":0")).collect();
    found.sort();
    found
}

fn new() -> Vec<(String, String, String)> {
    NEW.map(|(rule, place, severity)| (rule.to_owned(), place.to_owned(), severity.to_owned())).to_vec()
}

fn why<'v>(shown: &'v Value, rule: &str) -> &'v str {
    let findings = shown["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["rule"] == rule).unwrap()["why"].as_str().unwrap()
}

#[test]
fn of_real_reports_on_both_sides_what_is_new_counts_and_the_rest_is_counted() {
    let shown = with_all(&here().join("reports"), true);
    assert_eq!(external(&shown), new());
    // Lines moved, and nothing of what was there is news.
    assert!(why(&shown, "Bandit:run").contains("Of its other results 3 were there before"));
    assert!(why(&shown, "Checkov:run").contains("10 were there before"));
    assert!(why(&shown, "Checkov:CKV_AWS_293").contains("line 13, which the change does not touch"));
    assert_eq!(shown["tier"], 1);
    assert!(!shown.to_string().contains("k9Qw3xZp7Lm2"), "a secret is shown");
    assert!(!shown.to_string().contains("correct-horse"), "a secret is shown");
}

#[test]
fn without_reports_on_the_base_what_the_change_touches_counts() {
    let shown = with_all(&here().join("reports"), false);
    let found = external(&shown);
    new().iter().for_each(|row| assert!(found.contains(row), "{row:?} is missing"));
    let elsewhere = |place: &str| found.iter().any(|(_, own, _)| own == place);
    assert!(!elsewhere("src/pay.py:8") && !elsewhere("src/pay.py:21"), "{found:?}");
    assert!(why(&shown, "ruff:run").contains("at lines that it has nothing to do with"));
}

#[test]
fn other_formats_of_the_same_tool_say_the_same() {
    let folder = here().join("reports/head");
    let places = |file: &str| {
        let found = external(&show(&[("--findings", folder.join(file))]));
        found.into_iter().map(|(_, place, _)| place).collect::<Vec<_>>()
    };
    let of_ruff = places("ruff.sarif");
    assert_eq!(of_ruff.len(), 2);
    ["ruff.rdjson", "ruff.gitlab.json", "ruff.github.log"]
        .iter()
        .for_each(|file| assert_eq!(places(file), of_ruff, "{file}"));
    assert_eq!(places("hadolint.checkstyle.xml"), places("hadolint.sarif"));
}

#[test]
fn a_report_in_a_note_says_what_it_says_in_a_file() {
    let report = here().join("reports/head/bandit.sarif");
    let mut git = Command::new("git");
    git.current_dir(sample()).args(["notes", "--ref", "bandit", "add", "-f", "-F"]).arg(&report).arg("agent/work");
    assert!(git.status().unwrap().success());
    let words = ["show", "agent/work", "--json", "--findings-notes", "refs/notes/bandit"];
    let said = undersign(&words.map(str::to_owned));
    let of_note: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(of_note["findings"], show(&[("--findings", report)])["findings"]);
    let said = undersign(&["show", "agent/work", "--findings-notes", "refs/notes/none"].map(str::to_owned));
    assert!(String::from_utf8(said.stderr).unwrap().contains("There is no note of refs/notes/none"));
}

#[test]
fn both_formats_of_coverage_tell_the_added_lines_that_no_test_ran() {
    for file in ["coverage.lcov", "coverage.xml"] {
        let shown = show(&[("--test-coverage", here().join("reports/head").join(file))]);
        let said = &shown["test_coverage"];
        assert_eq!(said["told"], "No test ran 1 of the 3 added lines that can run.", "{file}");
        assert_eq!(said["files"][0], serde_json::json!({"path": "src/pay.py", "ran": 2, "missed": [15]}), "{file}");
    }
}

#[test]
fn a_report_that_cannot_be_read_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    for (content, why) in [("", "It is empty"), ("hello", "It is not a report"), ("{\"version\": 1", "It is no JSON")] {
        let path = dir.path().join("broken.sarif");
        std::fs::write(&path, content).unwrap();
        let said = undersign(&["show", "agent/work", "--findings", path.to_str().unwrap()].map(str::to_owned));
        let error = String::from_utf8(said.stderr).unwrap();
        assert_eq!(said.status.code(), Some(70));
        assert!(error.contains(why) && error.contains("broken.sarif"), "{error}");
    }
}

/// Only where `UNDERSIGN_TEST_SCANNERS` is set: they take about 1 GB.
fn are_scanners_wanted() -> bool {
    let wanted = std::env::var_os("UNDERSIGN_TEST_SCANNERS").is_some();
    if !wanted {
        let _ = writeln!(std::io::stderr(), "skipped: scanners are not run; UNDERSIGN_TEST_SCANNERS=1 installs them");
    }
    wanted
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target")
}

#[test]
fn our_own_findings_are_a_log_that_other_readers_of_sarif_take() {
    let report = here().join("reports/head/bandit.sarif");
    let words = ["show", "agent/work", "--sarif", "--findings", report.to_str().unwrap()];
    let said = undersign(&words.map(str::to_owned));
    let log: Value = serde_json::from_slice(&said.stdout).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let ids: Vec<_> = results.iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    assert!(ids.contains(&"net.any") && ids.contains(&"Bandit:B602"), "{ids:?}");
    // Read again it says the same, as far as levels go.
    let again = read(&said.stdout, "x").unwrap();
    assert_eq!(again.runs[0].diagnostics.len(), results.len());
    if !are_scanners_wanted() {
        return;
    }
    let file = target().join("scanners/own.sarif");
    std::fs::create_dir_all(target().join("scanners")).unwrap();
    std::fs::write(&file, &said.stdout).unwrap();
    let judged = script(&[Path::new("judge"), &target().join("scanners"), &file]);
    let out = String::from_utf8(judged.stdout).unwrap();
    assert!(judged.status.success(), "{out}{}", String::from_utf8_lossy(&judged.stderr));
    assert!(out.contains("net.any") && out.contains("Analysis completed successfully"), "{out}");
    assert!(!out.contains(": error "), "{out}");
}

#[test]
fn the_scanners_themselves_still_say_what_is_kept() {
    if !are_scanners_wanted() {
        return;
    }
    let root = target();
    let out = root.join("scanners/reports");
    let ran = script(&[Path::new("run"), &root.join("scanners"), sample(), &out]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    for base in [true, false] {
        assert_eq!(with_all(&out, base)["findings"], with_all(&here().join("reports"), base)["findings"]);
    }
    for file in ["coverage.lcov", "coverage.xml"] {
        let told = |folder: &Path| show(&[("--test-coverage", folder.join("head").join(file))])["test_coverage"].take();
        assert_eq!(told(&out), told(&here().join("reports")));
    }
}

/// Of each: runs, results, those that are not simply active, failures, and files that were not read.
#[test]
fn what_readers_trip_over_in_test_files_of_others_is_read() {
    let rows = [
        ("artifacts-by-index", [1, 2, 0, 0, 0]),
        ("baseline-states", [1, 3, 3, 0, 0]),
        ("chains-of-bases", [1, 1, 0, 0, 0]),
        ("failed-run-with-extensions", [1, 3, 0, 1, 0]),
        ("messages-by-id-and-notifications", [1, 6, 0, 0, 0]),
        ("null-messages", [1, 5, 1, 0, 0]),
        ("ranks", [1, 3, 0, 0, 0]),
        ("suppressions-after-a-byte-order-mark", [1, 3, 2, 0, 0]),
    ];
    for (name, counts) in rows {
        let bytes = std::fs::read(here().join("sarif-sdk").join(name).with_extension("sarif")).unwrap();
        let Report { runs, .. } = read(&bytes, name).unwrap();
        let sum = |count: &dyn Fn(&Run) -> usize| runs.iter().map(count).sum::<usize>();
        let inactive = |run: &Run| run.diagnostics.iter().filter(|found| found.state != State::Active).count();
        let read = [
            runs.len(),
            sum(&|run| run.diagnostics.len()),
            sum(&inactive),
            sum(&|run| run.failures.len()),
            sum(&|run| run.skipped.len()),
        ];
        assert_eq!(read, counts, "{name}");
        assert_eq!(sum(&|run| run.unreadable + run.more), 0, "{name}");
        // Bases, numbers of files and templates were followed.
        let texts = runs.iter().flat_map(|run| &run.diagnostics);
        texts.for_each(|found| assert!(!found.message.contains("{0}"), "{name}: {found:?}"));
    }
}
