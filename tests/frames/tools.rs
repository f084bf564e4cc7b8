//! Findings of other tools in the reader: given, or of tools that the user has run on what is opened.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use undersign::app::Screen;
use undersign::decision::{Draft, Revised};
use undersign::examination::{RepositorySnapshot, external::Reports, with_reports};
use undersign::risk::external::{read, test_coverage};
use undersign::signing::{self, Case};
use undersign::worker::scan::{Scanner, Tools, Way};

use super::reader::{fixture, numbered};
use super::*;

fn scanner(f: &Fixture, name: &str, command: &str) -> Scanner {
    let timeout = Duration::from_secs(60);
    Scanner { name: name.into(), repository: f.repo.clone(), way: Way::Command(command.into()), timeout, on_base: true }
}

fn opened(f: &Fixture, tools: Tools) -> Session {
    let mut session = Session::new(f, (120, 30));
    session.ports.tools = tools;
    session.press("/topic<enter><enter>");
    session
}

fn findings(session: &Session) -> Vec<(String, String, String)> {
    let Screen::Review(review) = &session.state.screen else { panic!("no review is open") };
    let told =
        |finding: &undersign::risk::Finding| (finding.rule.clone(), finding.location.to_string(), finding.why.clone());
    review.findings.all().iter().map(told).collect()
}

fn why<'f>(findings: &'f [(String, String, String)], rule: &str) -> &'f str {
    let found = findings.iter().find(|(own, ..)| own == rule);
    found.map_or_else(|| panic!("no {rule} in {findings:?}"), |(_, _, why)| why)
}

/// Two lines are bad; the change brings one of them, and moves the other.
fn topic() -> Fixture {
    let (before, after) = (format!("bad()\n{}", numbered(1..30)), format!("new\nbad()\n{}bad()\n", numbered(1..30)));
    fixture(&[("a.py", &before)], &[("a.py", &after)])
}

const GREP: &str = "grep -n bad a.py | sed 's/\\([0-9]*\\):.*/::error file=a.py,line=\\1,title=no-bad::This is bad/'";

#[test]
fn a_tool_of_the_user_looks_at_both_sides_and_what_is_new_stands_at_its_line() {
    let f = topic();
    let mut session = opened(&f, Tools::new(Reports::default(), vec![scanner(&f, "lint", GREP)]));
    let found = findings(&session);
    let lines: Vec<_> =
        found.iter().filter(|(rule, ..)| rule == "lint:no-bad").map(|(_, place, _)| &place[..]).collect();
    assert_eq!(lines, ["a.py:32"]);
    assert!(why(&found, "lint:run").contains("Compared with its run on the base. Of its other results 1 were there"));
    session.press(")");
    let frame = session.frame();
    assert!(frame.contains("H ┃ lint:no-bad  This is bad") && frame.contains("[a] answer"), "{frame}");
    session.press("aIt is meant so<enter>");
    assert!(session.frame().contains("✓ answered"), "{}", session.frame());
    // One of another repository is not run.
    let other = Scanner { repository: PathBuf::from("/nowhere"), ..scanner(&f, "lint", "touch /nowhere") };
    assert!(findings(&opened(&f, Tools::new(Reports::default(), vec![other]))).is_empty());
}

#[test]
fn a_tool_that_hangs_fails_or_prints_something_else_is_a_row_with_the_reason() {
    let f = topic();
    let hangs = Scanner { timeout: Duration::from_secs(1), ..scanner(&f, "hangs", "sleep 300 & sleep 300") };
    let fails = scanner(&f, "fails", "echo 'no such rule' >&2; exit 3");
    let begun = Instant::now();
    let found = findings(&opened(&f, Tools::new(Reports::default(), vec![hangs, fails, scanner(&f, "lint", GREP)])));
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(why(&found, "hangs:failed").contains("It took longer than 1 seconds, and was ended."));
    let said = why(&found, "fails:failed");
    assert!(said.contains("exit code 3") && said.contains("no such rule"), "{said}");
    assert_eq!(found.iter().filter(|(rule, ..)| rule == "lint:no-bad").count(), 1);
}

#[test]
fn where_a_tool_fails_on_the_base_it_is_said_and_it_is_compared_with_nothing() {
    let f = topic();
    let command = format!("test \"$UNDERSIGN_SIDE\" = head && {GREP}");
    let found = findings(&opened(&f, Tools::new(Reports::default(), vec![scanner(&f, "lint", &command)])));
    assert!(why(&found, "lint:failed").contains("On the base: It ended with exit code 1"));
    assert!(why(&found, "lint:run").contains("There is no run on the base"));
}

#[test]
fn a_tool_sees_the_files_of_the_revision_and_nothing_that_leads_out_of_them() {
    let f = topic();
    f.git("mina", &["checkout", "-q", "topic"]);
    std::os::unix::fs::symlink("/etc/passwd", f.repo.join("link")).unwrap();
    f.write("bin/run", "#!/bin/sh\n");
    f.commit("mina", "Add a link");
    f.git("mina", &["update-index", "--chmod=+x", "bin/run"]);
    f.git("mina", &["commit", "-q", "-m", "Let it run"]);
    f.git("mina", &["checkout", "-q", "-f", "main"]);
    // What stands in the working tree is none of its business.
    f.write("secret.txt", "mine\n");
    let list =
        "find . -type f -o -type l | sort | tr '\\n' ' ' | sed 's/^/::error file=a.py,line=1::/'; test -x bin/run";
    let only_head = Scanner { on_base: false, ..scanner(&f, "list", list) };
    let found = findings(&opened(&f, Tools::new(Reports::default(), vec![only_head])));
    let said =
        why(&found, "list:annotation").to_owned() + &found.iter().map(|(.., why)| why.as_str()).collect::<String>();
    assert!(!said.contains("link ") && !said.contains("secret.txt"), "{said}");
    assert!(why(&found, "report:partly-read").contains("1 symbolic link"));
}

#[test]
fn a_report_in_a_note_on_the_head_is_read_and_one_on_the_base_is_compared_with_it() {
    let f = topic();
    let put = |commit: &str, report: &str| {
        f.git("mina", &["notes", "--ref", "ci", "add", "-f", "-m", report, commit]);
    };
    let line = |line: u32| {
        format!(
            r#"{{"message": "Bad", "code": {{"value": "R"}}, "location": {{"path": "a.py", "range": {{"start": {{"line": {line}}}}}}}}}"#
        )
    };
    let ci = Scanner { way: Way::Notes("refs/notes/ci".to_owned()), ..scanner(&f, "ci", "") };
    let found = || findings(&opened(&f, Tools::new(Reports::default(), vec![ci.clone()])));
    let places = |found: &[(String, String, String)]| {
        found.iter().filter(|(rule, ..)| rule == "ci:R").map(|(_, place, _)| place.clone()).collect::<Vec<_>>()
    };
    assert!(why(&found(), "ci:failed").contains("There is no note of refs/notes/ci on"));
    put("topic", &format!("{}\n{}", line(2), line(32)));
    // Line 2 was moved down by a line: it is near a change.
    assert_eq!(places(&found()), ["a.py:2", "a.py:32"]);
    put("main", &line(1));
    assert_eq!(places(&found()), ["a.py:32"]);
    put("topic", "All is well.");
    assert!(why(&found(), "ci:failed").contains("is not read. It is not a report in a known format"));
}

#[test]
fn reports_that_are_given_stand_in_the_reader_and_in_what_is_signed() {
    let f = topic();
    let log = "::error file=a.py,line=32,title=no-bad::This is bad";
    let reports = Reports { head: vec![read(log.as_bytes(), "lint").unwrap()], base: None, ..Reports::default() };
    let session = opened(&f, Tools::new(reports.clone(), Vec::new()));
    assert!(findings(&session).iter().any(|(rule, place, _)| rule == "lint:no-bad" && place == "a.py:32"));

    let (repository, snapshot) = RepositorySnapshot::open(&f.repo).unwrap();
    let changes = repository.changes(0, &snapshot.target).unwrap().changes;
    let change = changes.into_iter().find(|change| change.branch == "topic").unwrap();
    let examination = with_reports(&repository, &snapshot, &change, reports, NOW).unwrap();
    let finding = examination.assessment.findings.iter().find(|finding| finding.rule == "lint:no-bad").unwrap();
    let mut draft = Draft::new(&change.id, Revised::of(&change.revision));
    draft.reasons.insert(Verdict::Approve, "read in full".to_owned());
    draft.answers.insert(finding.key(), "It is meant so.".to_owned());
    let seen = support::all_of(1);
    let case =
        Case { change: &change, examination: &examination, draft: &draft, verdict: Verdict::Approve, seen: &seen };
    let prepared = signing::prepare(&case, &snapshot, &f.key("dana"), support::DEVICE, [7; 16], NOW).unwrap();
    let payload: serde_json::Value = serde_json::from_slice(&prepared.payload).unwrap();
    let answered = &payload["predicate"]["findings"]["answered"][0];
    assert_eq!(
        (answered["rule"].as_str(), answered["answer"].as_str()),
        (Some("lint:no-bad"), Some("It is meant so."))
    );
    assert_eq!(answered["path"], "a.py");
}

#[test]
fn an_added_line_that_no_test_ran_has_its_sign_and_others_have_none() {
    let f = fixture(&[("a.py", "one\ntwo\n")], &[("a.py", "one\nran()\nmissed()\nblank\ntwo\n")]);
    let report = test_coverage::read(b"SF:/build/a.py\nDA:1,0\nDA:2,1\nDA:3,0\nend_of_record\n").unwrap();
    let reports = Reports { test_coverage: vec![report], ..Reports::default() };
    let frame = opened(&f, Tools::new(reports, Vec::new())).frame();
    assert!(frame.contains("○+ missed()") && frame.matches('○').count() == 1, "{frame}");
    assert!(frame.contains("No test ran 1 of the 2 added lines that can run."), "{frame}");
}
