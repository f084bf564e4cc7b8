use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::change::compare::compare;
use crate::change::diff::{Content, Diff, FileDiff, Mode, Side, TreeEntry};
use crate::change::{ObjectId, RepoPath};
use crate::risk::{FileUnderReview, Finding, Rules};

/// A log with one run: the description of the tool, and the rest of the run.
fn log(tool: &str, rest: &str) -> Report {
    read(format!(r#"{{"version": "2.1.0", "runs": [{{"tool": {{{tool}}}, {rest}}}]}}"#).as_bytes(), "x").unwrap()
}

const DRIVER: &str = r#""driver": {"name": "t", "rules": [
    {"id": "A", "defaultConfiguration": {"level": "error"}, "messageStrings": {"m": {"text": "about {0}"}}},
    {"id": "B", "properties": {"security-severity": "9.8", "tags": ["security"]}},
    {"id": "C", "defaultConfiguration": {"rank": 75}}]},
    "extensions": [{"name": "x", "rules": [{"id": "X1", "defaultConfiguration": {"level": "note"}}]}]"#;

fn result(members: &str) -> Diagnostic {
    log(DRIVER, &format!(r#""results": [{{{members}}}]"#)).runs.remove(0).diagnostics.remove(0)
}

#[test]
fn how_grave_a_result_is_comes_from_itself_its_score_its_rule_or_nowhere() {
    let rows = [
        (r#""ruleId": "A""#, Severity::High),
        (r#""ruleIndex": 0, "level": "note""#, Severity::Low),
        (r#""rule": {"id": "B"}, "level": "note""#, Severity::Critical),
        (r#""ruleId": "B", "properties": {"security-severity": 4.0}"#, Severity::Medium),
        (r#""ruleId": "C""#, Severity::High),
        (r#""ruleId": "unknown""#, Severity::Medium),
        (r#""ruleId": "A", "kind": "open""#, Severity::Note),
        (r#""rule": {"index": 0, "toolComponent": {"index": 0}}"#, Severity::Low),
        (r#""ruleId": "X1""#, Severity::Low),
        (r#""ruleId": "A/sub", "rank": -1"#, Severity::High),
    ];
    for (members, severity) in rows {
        assert_eq!(result(members).severity, severity, "{members}");
    }
    assert_eq!(result(r#""rule": {"index": 0, "toolComponent": {"name": "x"}}"#).rule, "X1");
}

#[test]
fn messages_are_texts_or_templates_and_files_have_a_uri_or_a_number() {
    assert_eq!(result(r#""ruleId": "A", "message": {"id": "m", "arguments": ["[x](1)"]}"#).message, "about x");
    let run = r#""artifacts": [{"location": {"uri": "a%20b.py"}, "roles": ["analysisTarget"]}],
        "columnKind": "unicodeCodePoints", "results": [{"locations": [
            {"physicalLocation": {"artifactLocation": {"index": 0}, "region": {"startLine": "3", "endLine": 4.0}}},
            {"physicalLocation": {"artifactLocation": {"uri": "c.py"}, "region": {"charOffset": 7, "charLength": 2}}},
            {}]}]"#;
    let run = &log(DRIVER, run).runs[0];
    let paths: Vec<_> = run.diagnostics.iter().map(|found| found.path.as_ref().map(ReportedPath::shown)).collect();
    assert_eq!(paths, [Some("a b.py".to_owned()), Some("c.py".to_owned()), None]);
    assert_eq!((run.diagnostics[0].region.line, run.diagnostics[0].region.end_line), (3, 4));
    assert_eq!((run.diagnostics[1].region.offset, run.diagnostics[1].region.unit), (Some((7, 2)), Unit::Characters));
    assert_eq!(run.targets.len(), 1);
}

#[test]
fn an_odd_result_costs_only_itself_and_is_counted() {
    let odd = r#""results": [null, 3, {"ruleId": "\ud800"}, {"message": null, "ruleId": 7, "locations": null},
        {"ruleId": "A", "rank": 1e308, "baselineState": "unchanged"}, {"kind": "pass"}]"#;
    let run = &log(DRIVER, odd).runs[0];
    assert_eq!((run.unreadable, run.passed, run.diagnostics.len()), (3, 1, 2));
    assert_eq!((&run.diagnostics[0].rule[..], &run.diagnostics[1].state), ("no-rule", &State::Unchanged));
}

#[test]
fn a_suppression_counts_where_it_was_accepted() {
    let state = |status: &str| result(&format!(r#""suppressions": [{{"kind": "inSource"{status}}}]"#)).state;
    let suppressed = State::Suppressed { in_source: true, why: String::new() };
    assert_eq!(state(""), suppressed);
    assert_eq!(state(r#", "status": "accepted""#), suppressed);
    assert_eq!(state(r#", "status": "underReview""#), State::Active);
    assert_eq!(state(r#", "status": "rejected""#), State::Active);
}

#[test]
fn a_run_says_that_it_failed_and_what_it_did_not_read() {
    let run = r#""results": null, "versionControlProvenance": [{"revisionId": "abc1234"}], "invocations": [
        {"executionSuccessful": false, "exitCode": 2, "toolExecutionNotifications": [
            {"level": "error", "message": {"text": "no memory"}},
            {"message": {"text": "not UTF-8"}, "locations": [{"physicalLocation": {"artifactLocation": {"uri": "x"}}}]},
            {"level": "note", "message": {"text": "hello"}}]}]"#;
    let run = &log(DRIVER, run).runs[0];
    assert_eq!(run.failures, ["It says that its run failed (exit code 2).", "It says of itself: no memory"]);
    assert_eq!(run.skipped, [(ReportedPath(b"x".to_vec()), "not UTF-8".to_owned())]);
    assert_eq!(run.revision, "abc1234");
}

#[test]
fn marks_of_byte_order_other_versions_and_no_runs_are_read_and_said() {
    let text = r#"{"version": "1.0.0", "runs": []}"#;
    let bom = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let wide: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for bytes in [&bom, &wide] {
        let report = read(bytes, "x").unwrap();
        assert!(report.runs.is_empty() && report.remarks.len() == 2, "{report:?}");
    }
}

#[test]
fn each_format_is_told_by_its_content() {
    let rows: [(&str, &str, &str, u32); 8] = [
        (
            r#"{"source": {"name": "vet"}, "diagnostics": [{"message": "m", "code": {"value": "R"}, "severity": "ERROR",
            "location": {"path": "a.go", "range": {"start": {"line": 4}}}}]}"#,
            "vet",
            "R",
            4,
        ),
        (
            "{\"message\": \"m\", \"location\": {\"path\": \"a.go\", \"range\": {\"start\": {\"line\": 4}}}}\n\n{\"odd\n",
            "file",
            "no-rule",
            4,
        ),
        (
            r#"[{"check_name": "R", "description": "m", "severity": "blocker",
            "location": {"path": "a.go", "lines": {"begin": 4}}}]"#,
            "file",
            "R",
            4,
        ),
        (
            r#"[{"check_name": "R", "description": "m", "location": {"path": "a.go",
            "positions": {"begin": {"line": 4}}}}]"#,
            "file",
            "R",
            4,
        ),
        (
            r#"[{"path": "a.go", "start_line": 4, "annotation_level": "failure", "title": "R", "message": "m"}]"#,
            "file",
            "R",
            4,
        ),
        (
            r#"{"check_runs": [{"name": "lint", "head_sha": "abc", "output": {"annotations": [{"path": "a.go",
            "start_line": 4, "annotation_level": "notice", "title": "R", "message": "m"}]}}]}"#,
            "lint",
            "R",
            4,
        ),
        ("12:00 ::error file=a.go,line=4,title=R%3AS::m%0An\nnoise ::error", "file", "R:S", 4),
        (
            "<?xml version=\"1.0\"?><checkstyle><file name=\"a.go\"><error line=\"4\" source=\"R\" message=\"&lt;m>\"/></file>\
            </checkstyle>",
            "file",
            "R",
            4,
        ),
    ];
    for (text, tool, rule, line) in rows {
        let report = read(text.as_bytes(), "file").unwrap_or_else(|why| panic!("{why}: {text}"));
        let run = &report.runs[0];
        let found = &run.diagnostics[0];
        assert_eq!((&run.tool[..], &found.rule[..], found.region.line), (tool, rule, line), "{text}");
        assert_eq!(found.path, Some(ReportedPath(b"a.go".to_vec())), "{text}");
    }
    assert!(read(b"[]", "file").unwrap().runs[0].diagnostics.is_empty());
}

#[test]
fn xml_that_is_something_else_broken_or_clever_is_refused() {
    for text in ["<junit/>", "<checkstyle><file>", "<checkstyle", &"<checkstyle>".repeat(99)] {
        assert!(read(text.as_bytes(), "x").is_err(), "{text}");
    }
    let bomb =
        "<!DOCTYPE c [<!ENTITY a \"x\">]><checkstyle><file name=\"&a;\"><error message=\"&a;\"/></file></checkstyle>";
    let report = read(bomb.as_bytes(), "x").unwrap();
    assert_eq!(report.runs[0].diagnostics[0].message, "");
}

#[test]
fn annotations_of_a_check_run_are_of_its_commit() {
    let run = r#"{"name": "CodeQL", "head_sha": "00aa", "conclusion": "timed_out"}"#;
    let annotations = r#"[{"path": "a.go", "start_line": 1, "annotation_level": "warning", "message": "m"}]"#;
    let report = check_run(run, annotations).unwrap();
    assert_eq!((&report.runs[0].tool[..], &report.runs[0].revision[..]), ("CodeQL", "00aa"));
    assert_eq!((report.runs[0].failures.len(), report.runs[0].diagnostics.len()), (1, 1));
}

/// Texts of paths on both sides.
#[derive(Default)]
struct Sides(BTreeMap<&'static str, (Option<String>, Option<String>)>);

impl Trees for Sides {
    fn head(&self) -> ObjectId {
        ObjectId([0xab; 20])
    }

    fn has(&self, side: Side, path: &RepoPath) -> bool {
        let sides = self.0.get(&*path.lossy());
        sides.is_some_and(|(old, new)| if side == Side::Old { old.is_some() } else { new.is_some() })
    }

    fn is_same(&self, revision: &str, path: &RepoPath) -> Option<bool> {
        (revision == "1111111").then(|| path == &RepoPath::from("same.py"))
    }
}

impl Sides {
    fn of(files: &[(&'static str, &str, &str)]) -> Sides {
        let side = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Sides(files.iter().map(|(path, old, new)| (*path, (side(old), side(new)))).collect())
    }

    fn diff(&self) -> Diff {
        let entry =
            |text: &Option<String>| text.as_ref().map(|_| TreeEntry { mode: Mode::File, id: ObjectId([1; 20]) });
        let files = self.0.iter().filter(|(_, (old, new))| old != new);
        let file = |(path, (old, new)): (&&str, &(Option<String>, Option<String>))| FileDiff {
            path: RepoPath::from(*path),
            from: None,
            counterpart: None,
            old: entry(old),
            new: entry(new),
        };
        Diff { files: files.map(file).collect(), deleted_folders: Vec::new() }
    }

    fn findings(&self, head: Report, base: Option<Report>) -> Vec<Finding> {
        let diff = self.diff();
        let mut import = Import::new(Rules::shipped(), vec![head], base.map(|base| vec![base]), self);
        for file in diff.files.iter().filter(|file| file.new.is_some() || file.old.is_some()) {
            let (old, new) = &self.0[&*file.path.lossy()];
            let content = |text: &Option<String>| text.clone().map(|text| Content::Text(text.into_bytes()));
            let (old, new) = (content(old), content(new));
            let text = |content: &Option<Content>| {
                content.as_ref().and_then(|c| c.text().map(<[u8]>::to_vec)).unwrap_or_default()
            };
            let comparison = compare(&text(&old), &text(&new));
            import.read(&FileUnderReview::new(file, old.as_ref(), new.as_ref(), &comparison));
        }
        import.finish(&diff.files)
    }
}

/// A run that found one rule at places.
fn at(places: &[(&str, u32)]) -> Report {
    let found = places.iter().map(|(path, line)| Diagnostic {
        rule: "R".to_owned(),
        message: "bad".to_owned(),
        severity: Severity::High,
        path: Some(ReportedPath(path.as_bytes().to_vec())),
        region: Region { line: *line, end_line: *line, ..Region::default() },
        ..Diagnostic::default()
    });
    let run = Run { tool: "t".to_owned(), diagnostics: found.collect(), ..Run::default() };
    Report { runs: vec![run], remarks: Vec::new() }
}

fn places(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|finding| finding.rule == "t:R").map(|finding| finding.location.to_string()).collect()
}

fn row<'f>(findings: &'f [Finding], rule: &str) -> &'f Finding {
    findings.iter().find(|finding| finding.rule == rule).unwrap_or_else(|| panic!("no {rule} in {findings:?}"))
}

#[test]
fn code_that_moved_to_another_file_brings_nothing_new_and_a_copy_does() {
    let body = "def f():\n    bad()\n    return\n";
    let moved = Sides::of(&[("a.py", body, "x = 1\n"), ("b.py", "y = 1\n", &format!("y = 1\n{body}"))]);
    assert_eq!(places(&moved.findings(at(&[("b.py", 3)]), Some(at(&[("a.py", 2)])))), Vec::<String>::new());
    let copied = Sides::of(&[("a.py", body, body), ("b.py", "y = 1\n", &format!("y = 1\n{body}"))]);
    let found = copied.findings(at(&[("a.py", 2), ("b.py", 3)]), Some(at(&[("a.py", 2)])));
    assert_eq!(places(&found), ["b.py:3"]);
}

#[test]
fn another_order_of_results_changes_nothing() {
    let sides = Sides::of(&[("a.py", "a\nb\nc\n", "a\nbad()\nbad()\nc\n"), ("b.py", "x\n", "bad()\n")]);
    let all = [("a.py", 2), ("a.py", 3), ("b.py", 1), ("nowhere.py", 9)];
    let mut turned = all;
    turned.reverse();
    let sorted = |found: Vec<Finding>| {
        let mut rows: Vec<_> =
            found.into_iter().map(|finding| (finding.key(), finding.location, finding.why)).collect();
        rows.sort();
        rows
    };
    assert_eq!(sorted(sides.findings(at(&all), None)), sorted(sides.findings(at(&turned), None)));
}

#[test]
fn what_is_new_in_files_that_are_not_touched_is_told_and_to_be_answered() {
    let sides = Sides::of(&[("a.py", "a\n", "b\n"), ("same.py", "x\n", "x\n")]);
    let found = sides.findings(at(&[("same.py", 1)]), Some(at(&[])));
    let summary = row(&found, "t:run");
    assert_eq!((summary.severity, summary.location.to_string()), (Severity::Low, "a.py".to_owned()));
    assert!(summary.why.contains("New in files that the change does not touch: R at same.py:1"), "{}", summary.why);
    assert_eq!(row(&sides.findings(at(&[("same.py", 1)]), None), "t:run").severity, Severity::Note);
}

#[test]
fn a_result_of_another_revision_is_marked_and_stands_at_no_line() {
    let sides = Sides::of(&[("a.py", "a\n", "bad()\n"), ("same.py", "x\n", "bad()\n")]);
    let of = |revision: &str| {
        let mut report = at(&[("a.py", 1), ("same.py", 1)]);
        report.runs[0].revision = revision.to_owned();
        sides.findings(report, None)
    };
    assert_eq!(places(&of(&"ab".repeat(20))), ["a.py:1", "same.py:1"]);
    assert_eq!(places(&of("abababababab")), ["a.py:1", "same.py:1"]);
    // The file is the same there.
    assert_eq!(places(&of("1111111")), ["same.py:1"]);
    let unknown = of("2222222");
    assert_eq!(places(&unknown), Vec::<String>::new());
    assert!(row(&unknown, "t:run").why.contains("another revision: 2222222"));
}

#[test]
fn a_suppression_that_the_change_adds_is_a_finding_and_others_are_counted() {
    let sides = Sides::of(&[("a.py", "a\nb\nc\nd\ne\nf\ng\nh\n", "bad() # nosec\nb\nc\nd\ne\nf\ng\nh\n")]);
    let mut report = at(&[("a.py", 1), ("a.py", 8)]);
    let suppressed = State::Suppressed { in_source: true, why: "not here".to_owned() };
    report.runs[0].diagnostics.iter_mut().for_each(|found| found.state = suppressed.clone());
    let found = sides.findings(report, None);
    assert_eq!(places(&found), ["a.py:1"]);
    assert_eq!(row(&found, "t:R").title, "Suppressed in the source (not here): bad");
    assert!(row(&found, "t:run").why.contains("1 are suppressed"));
}

#[test]
fn silence_of_a_run_that_failed_or_did_not_read_a_file_is_a_row() {
    let sides = Sides::of(&[("a.py", "a\n", "b\n"), ("b.py", "a\n", "b\n"), ("c.md", "a\n", "b\n")]);
    let mut report = at(&[]);
    report.runs[0].failures = vec!["It says that its run failed.".to_owned()];
    report.runs[0].targets = vec![ReportedPath(b"a.py".to_vec())];
    let found = sides.findings(report, None);
    assert_eq!(row(&found, "t:failed").severity, Severity::Medium);
    let skipped: Vec<_> = found.iter().filter(|finding| finding.rule == "t:skipped").collect();
    assert_eq!(skipped.iter().map(|finding| finding.location.to_string()).collect::<Vec<_>>(), ["b.py"]);
    assert!(row(&found, "t:run").title.contains("found nothing"));
}

#[test]
fn a_secret_is_drawn_nowhere_whatever_the_tool_writes() {
    let sides = Sides::of(&[("a.env", "A=1\n", "A=1\n😀 KEY kq83Zr0vLw end\n")]);
    let mut report = at(&[("a.env", 2)]);
    let found = &mut report.runs[0].diagnostics[0];
    found.is_about_secret = true;
    found.message = "key kq83Zr0vLw found".to_owned();
    // In UTF-16 the face is two.
    (found.region.column, found.region.end_column) = (8, 18);
    let found = sides.findings(report, None);
    let own = row(&found, "t:R");
    assert_eq!(own.evidence, "😀 KEY ▒▒▒▒▒▒▒▒ end");
    assert!(!format!("{found:?}").contains("kq83Zr0vLw"), "{found:?}");
}

#[test]
fn many_findings_are_told_together_beyond_a_bound() {
    let lines: String = (0..200).map(|line| format!("bad({line})\n")).collect();
    let sides = Sides::of(&[("a.py", "", &lines)]);
    let all: Vec<_> = (1..=200).map(|line| ("a.py", line)).collect();
    let found = sides.findings(at(&all), None);
    assert_eq!(places(&found).len(), 50);
    let more = row(&found, "t:more");
    assert!(more.title.starts_with("150 more findings") && more.why.contains("R 150 times"), "{more:?}");
    assert_eq!(more.severity, Severity::High);
}

#[test]
fn hostile_names_and_texts_are_cut_and_made_visible() {
    let sides = Sides::of(&[("a.py", "a\n", "b\n")]);
    let mut report = at(&[("a.py", 1)]);
    report.runs[0].tool = "t\u{202e}\u{1b}[31m".to_owned();
    report.runs[0].diagnostics[0].message = "\u{1b}]0;x\u{7}".repeat(2_000);
    report.runs[0].diagnostics[0].rule = "R\n".repeat(500);
    for finding in sides.findings(report, None) {
        for text in [&finding.rule, &finding.title, &finding.why] {
            assert!(!text.chars().any(crate::change::visible::is_hidden), "{text:?}");
        }
        assert!(finding.rule.len() < 1_000 && finding.title.len() < 4_000);
    }
}

#[test]
fn what_is_written_as_a_log_is_read_again_with_its_severities_and_places() {
    let sides = Sides::of(&[("a b/é%.py", "a\n", "bad()\n")]);
    let mut report = at(&[("a b/é%.py", 1)]);
    report.runs[0].diagnostics[0].severity = Severity::Critical;
    let found = sides.findings(report, None);
    let log = sarif_log::log(&found, ObjectId([0xab; 20]), "https://git.example.com/shop");
    let again = read(log.to_string().as_bytes(), "x").unwrap();
    let run = &again.runs[0];
    assert_eq!((&run.tool[..], &run.revision[..]), ("undersign", &"ab".repeat(20)[..]));
    assert_eq!(run.diagnostics.len(), found.len());
    for (finding, own) in found.iter().zip(&run.diagnostics) {
        assert_eq!(own.path.as_ref().map(|path| &path.0), Some(&finding.location.path.0));
        assert_eq!((own.region.line, &own.rule), (finding.location.line, &finding.rule));
        assert!(own.message.contains(&finding.title));
    }
    assert_eq!(run.diagnostics[0].severity, Severity::High, "a level has no more");
}

/// Reports of real tools, which are cut and mixed below.
const SEEDS: [&str; 5] = [
    include_str!("../../../tests/scanners/reports/head/semgrep.sarif"),
    include_str!("../../../tests/scanners/reports/head/ruff.rdjson"),
    include_str!("../../../tests/scanners/reports/head/ruff.gitlab.json"),
    include_str!("../../../tests/scanners/reports/head/ruff.github.log"),
    include_str!("../../../tests/scanners/reports/head/hadolint.checkstyle.xml"),
];

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
        let _ = read(&bytes, "x");
    }

    #[test]
    fn no_mistake_in_a_real_report_makes_a_reader_panic(
        seed in 0usize..5,
        changes in prop::collection::vec((0.0f64..1.0, any::<u8>(), 0usize..3), 1..12),
    ) {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (place, byte, what) in changes {
            let at = (place * (bytes.len() - 1) as f64) as usize;
            match what {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(2)),
            }
        }
        let _ = read(&bytes, "x");
    }

    #[test]
    fn no_region_and_no_text_make_an_import_panic_or_point_outside(
        old in "([a-c {}\u{e9}😀]{0,6}\n){0,9}",
        new in "([a-c {}\u{e9}😀]{0,6}\n){0,9}",
        regions in prop::collection::vec((0u32..12, any::<u32>(), 0u32..9, any::<u32>(), any::<(bool, u8, u64)>()), 0..6),
        secret: bool,
    ) {
        let sides = Sides::of(&[("a.py", &old, &new)]);
        let mut report = at(&[]);
        report.runs[0].diagnostics = regions.iter().map(|&(line, end_line, column, end_column, (by, at, length))| Diagnostic {
            path: Some(ReportedPath(b"/w/a.py".to_vec())),
            region: Region {
                line, end_line, column, end_column,
                unit: Unit::Utf16,
                offset: by.then_some((u64::from(at) % 40, length)),
            },
            is_about_secret: secret,
            severity: Severity::Low,
            rule: "R".to_owned(),
            ..Diagnostic::default()
        }).collect();
        let lines = new.lines().count() as u32;
        for finding in sides.findings(report.clone(), Some(report)) {
            prop_assert!(finding.location.line <= lines);
        }
    }
}

/// Reads all files of a folder that is named by a variable, if it is: for large collections of third-party reports.
#[test]
fn every_report_of_a_collection_is_read() {
    let Some(folder) = std::env::var_os("UNDERSIGN_SARIF_CORPUS") else { return };
    let (mut read, mut results, mut failed) = (0, 0, Vec::new());
    let mut folders = vec![std::path::PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            match super::read(&std::fs::read(&path).unwrap(), "corpus") {
                Ok(report) => {
                    read += 1;
                    results += report.runs.iter().map(|run| run.diagnostics.len()).sum::<usize>();
                }
                Err(why) => failed.push(format!("{}: {why}", path.display())),
            }
        }
    }
    println!("{read} read, with {results} results");
    assert!(read > 0 && failed.is_empty(), "{}", failed.join("\n"));
}
