//! `undersign gate log`, and the report over a trial.

use std::path::PathBuf;

use undersign::decision::Verdict;

use crate::support::Fixture;
use crate::{MAIN, WORK, beside, run, verify};

/// A gate that denied, then allowed: the digests of both answers.
fn judged(f: &Fixture) -> [String; 2] {
    let digest = |exit: i32| {
        verify(f, "main", WORK, &["--pusher", "mina"]).exits(exit).json()["audit"]["digest"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let denied = digest(2);
    f.decide("dana", WORK, Verdict::Approve);
    [denied, digest(0)]
}

fn file(f: &Fixture) -> PathBuf {
    f.repo.join(".git/undersign/gate/log.jsonl")
}

fn edit(f: &Fixture, from: &str, to: &str) {
    let text = std::fs::read_to_string(file(f)).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(file(f), text.replacen(from, to, 1)).unwrap();
}

#[test]
fn the_log_tells_every_verdict_and_holds_the_answers_that_were_given() {
    let f = Fixture::new();
    run(&f, &["gate", "log"]).exits(0).complains("The log is empty.");
    let digests = judged(&f);
    let said = run(&f, &["gate", "log"]).exits(0).complains("2 entries, each follows the one before.");
    let lines: Vec<Vec<_>> = said.out.lines().map(|line| line.split_whitespace().collect()).collect();
    let moved = format!("{}..{}", &f.id("main")[..7], &f.id(WORK)[..7]);
    assert_eq!(lines[0][3..], ["deny", "mina", &moved, MAIN, "UNSIGNED", "AI_UNSIGNED"]);
    assert_eq!((lines[1][0], &lines[1][3..]), ("2", &["allow", "mina", &moved, MAIN][..]));
    for digest in &digests {
        run(&f, &["gate", "log", "--holds", digest]).exits(0);
    }
    let json = run(&f, &["gate", "log", "--json"]).exits(0);
    let entries: Vec<serde_json::Value> = json.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((entries.len(), &entries[1]["prev"]), (2, &digests[0].as_str().into()));
}

#[test]
fn one_verdict_is_no_two_and_the_state_may_lie_elsewhere() {
    let f = Fixture::new();
    verify(&f, "main", WORK, &["--state", "elsewhere"]).exits(2);
    run(&f, &["gate", "log", "--state", "elsewhere"]).exits(0).complains("1 entry.");
    assert!(!file(&f).exists());
}

#[test]
fn a_line_that_was_tampered_with_is_told() {
    let f = Fixture::new();
    judged(&f);
    edit(&f, "\"outcome\":\"deny\"", "\"outcome\":\"allow\"");
    run(&f, &["gate", "log"]).exits(70).complains("is damaged: line 2 does not follow the one before it.");
    std::fs::write(file(&f), "not json\n").unwrap();
    run(&f, &["gate", "log"]).exits(70).complains("line 1 is not an entry");
    std::fs::write(file(&f), "torn").unwrap();
    run(&f, &["gate", "log"]).exits(70).complains("its last line was never finished");
    // That line was not an answer: the next verdict replaces it.
    verify(&f, "main", WORK, &[]).exits(0);
    run(&f, &["gate", "log"]).exits(0);
    // A verdict that cannot be logged is not given.
    std::fs::remove_file(file(&f)).unwrap();
    std::fs::create_dir(file(&f)).unwrap();
    verify(&f, "main", WORK, &[]).exits(4);
}

#[test]
fn what_was_cut_off_at_the_end_or_altered_there_is_missed_by_who_kept_an_answer() {
    let f = Fixture::new();
    let [first, last] = judged(&f);
    let whole = std::fs::read_to_string(file(&f)).unwrap();
    edit(&f, "\"outcome\":\"allow\"", "\"outcome\":\"deny\"");
    // The gate remembers its last line.
    run(&f, &["gate", "log", "--holds", &last]).exits(70).complains("its line 2 is not the one that the gate wrote");
    std::fs::write(file(&f), whole.lines().next().unwrap().to_owned() + "\n").unwrap();
    run(&f, &["gate", "log"]).exits(0);
    run(&f, &["gate", "log", "--holds", &first]).exits(0);
    run(&f, &["gate", "log", "--holds", &last])
        .exits(70)
        .complains(&format!("a line with digest {last}: it was cut off"));
    let other = beside(&f, "nothing", "");
    run(&f, &["gate", "log", "--holds", &other]).exits(70);
}

#[test]
fn a_trial_tells_what_would_have_been_refused_and_whether_the_team_is_ready() {
    let f = Fixture::new();
    run(&f, &["report", "trial", "--ready"]).exits(1).says("begins a trial");
    verify(&f, "main", WORK, &["--report-only", "--pusher", "mina"]).exits(0);
    let said =
        run(&f, &["report", "trial"]).exits(0).says("1 of 1 push would have been refused: 1 for what they bring");
    let said = said.says("missing  default needs 1 of role senior, has 0. (1)").says("people   mina (1)");
    said.says("refs     refs/heads/main (1)").says("It is too early to say");
    f.decide("dana", WORK, Verdict::Approve);
    verify(&f, "main", WORK, &["--report-only", "--pusher", "mina"]).exits(0);
    let state = file(&f).parent().unwrap().display().to_string();
    let json = run(&f, &["report", "trial", "--state", &state, "--format", "json"]).exits(0).json();
    assert_eq!((&json["pushes"]["signed"], &json["pushes"]["refused"]), (&1.into(), &0.into()));
    assert_eq!(json["again"], 1);
    assert_eq!((&json["log"]["lines"], &json["readiness"]), (&2.into(), &"too-early".into()));
    edit(&f, "\"outcome\":\"deny\"", "\"outcome\":\"allow\"");
    run(&f, &["report", "trial"]).exits(70).complains("line 2 does not follow");
    run(&f, &["report", "trial", "--state", "nowhere"]).exits(70).complains("nowhere is not a directory");
}

#[test]
fn a_trial_also_tells_of_pushes_that_could_not_be_judged_at_all() {
    let f = Fixture::new();
    verify(&f, "main", WORK, &["--report-only"]).exits(0);
    let other = ["--report-only", "--repository-id", "another"];
    verify(&f, "main", WORK, &other).exits(0);
    let said = run(&f, &["report", "trial"]).exits(0);
    said.says("POLICY_INVALID: 1 push").says("Not ready to enforce").says("could not judge 1 push");
    // What is enforced is stopped by it, and needs no report.
    verify(&f, "main", WORK, &other[1..]).exits(4);
    run(&f, &["report", "trial"]).exits(0).says("1 of 1 push would have been refused").says("1 verdict is of a push");
}

#[test]
fn a_push_that_the_log_of_a_trial_cannot_have_is_counted_beside_it() {
    let f = Fixture::new();
    verify(&f, "main", WORK, &["--report-only"]).exits(0);
    let memory = file(&f).with_file_name("memory.json");
    let whole = std::fs::read(&memory).unwrap();
    std::fs::write(&memory, "{").unwrap();
    verify(&f, "main", WORK, &["--report-only"]).exits(0);
    std::fs::write(&memory, whole).unwrap();
    let said = run(&f, &["report", "trial", "--ready"]).exits(1).says("Of 1 push the log has no line");
    said.says("could not judge 1 push").complains("could not judge 1 push");
    // Nothing is left of that with enforcement, which stops the push.
    std::fs::remove_file(file(&f).with_file_name("unlogged")).unwrap();
    std::fs::write(&memory, "{").unwrap();
    verify(&f, "main", WORK, &[]).exits(4);
    assert!(!file(&f).with_file_name("unlogged").exists());
}

#[test]
fn a_trial_is_not_ready_where_the_policy_cannot_be_used_or_is_not_known() {
    let f = Fixture::new();
    verify(&f, "main", WORK, &["--report-only"]).exits(0);
    let state = file(&f).parent().unwrap().display().to_string();
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write(".undersign/policy.toml", "version = ");
    f.commit("rahim", "A mistake");
    run(&f, &["report", "trial", "--ready"]).exits(1).complains("The gate would let nothing land: ");
    let mut elsewhere = std::process::Command::new(env!("CARGO_BIN_EXE_undersign"));
    elsewhere.current_dir(f.dir.path()).args(["report", "trial", "--state", &state]);
    let said = String::from_utf8(elsewhere.output().unwrap().stdout).unwrap();
    assert!(said.contains("By which policy the gate would refuse is not known"), "{said}");
}
