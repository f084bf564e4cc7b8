//! The queue of a team from scripts: whom to ask, what is late, and the command that is told.

use std::path::PathBuf;

use undersign::decision::Verdict;

use crate::support::{Fixture, now, policy};
use crate::{Said, propose, run};

const CLOCK: &str = "[clock]\ndefault = { due = \"1d\", late = \"2d\" }\nweekend = []\n";

/// `agent/work` has waited for so many seconds.
fn waits_since(f: &Fixture, ago: i64) {
    let home = f.dir.path().join("state/undersign");
    let head = f.id("agent/work").parse().unwrap();
    let since = [(head, now() - ago)].into_iter().collect();
    undersign::waiting::keep(Some(&home), &f.repo.join(".git"), &[head].into_iter().collect(), &since, now()).unwrap();
}

#[test]
fn only_what_is_late_is_listed_and_the_exit_code_says_so() {
    let f = Fixture::with_policy(&policy(CLOCK));
    run(&f, &["queue", "--late"]).exits(0).says("Nothing is late.");
    run(&f, &["queue"]).exits(0).says("ask ").says_not(", late");
    let row = |said: Said| said.json()["changes"][0].clone();
    let seen = row(run(&f, &["queue", "--json"]));
    assert!(seen["since"].as_i64().unwrap() >= now() - 60, "the clock starts when it is first seen: {seen}");
    assert_eq!(seen["due"].as_i64().unwrap() - seen["since"].as_i64().unwrap(), 86_400);
    waits_since(&f, 3 * 86_400);
    let late = row(run(&f, &["queue", "--late", "--json"]).exits(1));
    assert_eq!(
        (&late["branch"], &late["since"]),
        (&"agent/work".into(), &(late["late"].as_i64().unwrap() - 2 * 86_400).into())
    );
    run(&f, &["queue", "--late"]).exits(1).says(", late");
    run(&f, &["show", "agent/work"]).exits(0).says("late 20");
    // What is decided is not late.
    f.decide("dana", "agent/work", Verdict::Reject);
    run(&f, &["queue", "--late"]).exits(0).says("Nothing is late.");
}

#[test]
fn whom_to_ask_and_who_claimed_it_is_in_both_outputs() {
    let f = Fixture::new();
    propose(&f, "rahim", "fix/x", &[("src/x.rs", "fn x() {}\n")]);
    let shown = run(&f, &["show", "fix/x", "--json"]).exits(0).json();
    assert_eq!(shown["ask"], serde_json::json!(["dana"]));
    run(&f, &["show", "fix/x"]).says("    ask dana");
    let head = f.id("fix/x").parse().unwrap();
    undersign::claims::claim(&f.repository(), "dana", head, true, now()).unwrap();
    let queue = run(&f, &["queue", "--json"]).exits(0).json();
    let row = queue["changes"].as_array().unwrap().iter().find(|row| row["branch"] == "fix/x").unwrap();
    assert_eq!(row["claims"][0]["by"], "dana");
    run(&f, &["queue"]).says("claimed in the name of dana");
}

/// A configuration that tells a script, which appends what it gets to a file.
fn told_by(f: &Fixture, body: &str) -> PathBuf {
    let (script, out) = (f.dir.path().join("tell"), f.dir.path().join("heard"));
    std::fs::write(&script, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::process::Command::new("chmod").arg("+x").arg(&script).status().unwrap();
    std::fs::create_dir_all(f.dir.path().join("config/undersign")).unwrap();
    let config = format!("notify = [{:?}, {:?}]\n", script.to_str().unwrap(), out.to_str().unwrap());
    std::fs::write(f.dir.path().join("config/undersign/config.toml"), config).unwrap();
    out
}

#[test]
fn the_command_is_told_once_of_each_head_and_again_when_it_failed() {
    let f = Fixture::with_policy(&policy(CLOCK));
    run(&f, &["queue", "--notify"]).exits(70).complains("no `notify` in config.toml");
    let out = told_by(&f, "echo broken >&2; exit 7");
    let failed = run(&f, &["queue", "--notify"]).exits(0).complains("was not taken").complains("broken");
    assert_eq!(failed.out, "", "it prints nothing");
    told_by(&f, "cat >> \"$1\"");
    let heard = || {
        let text = std::fs::read_to_string(&out).unwrap_or_default();
        let notices: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        notices
    };
    for _ in 0..2 {
        run(&f, &["queue", "--notify"]).exits(0);
    }
    assert_eq!(heard().len(), 1, "{:?}", heard());
    let first = &heard()[0];
    assert_eq!((&first["kind"], &first["branch"]), (&"waits".into(), &"agent/work".into()));
    let command = first["command"].as_str().unwrap();
    assert!(command.starts_with("undersign --repo /"), "it works in any folder: {command}");
    assert!(command.ends_with(&format!("/shop/ review {}", f.id("agent/work"))), "{command}");
    assert_eq!(first["link"], serde_json::Value::Null);
    waits_since(&f, 3 * 86_400);
    run(&f, &["queue", "--notify", "--late"]).exits(1).says("late");
    f.decide("dana", "agent/work", Verdict::Approve);
    run(&f, &["queue", "--notify"]).exits(0);
    let kinds: Vec<String> = heard().iter().map(|notice| notice["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["waits", "late", "decided"]);
}

#[test]
fn what_was_decided_is_printed_with_who_saw_what_and_whether_it_landed() {
    let f = Fixture::new();
    run(&f, &["history"]).exits(0).says("Nothing is signed here yet.");
    propose(&f, "mina", "fix/y", &[("src/y.rs", "fn y() {}\n")]);
    propose(&f, "mina", "fix/z", &[("src/z.rs", "fn z() {}\n")]);
    f.decide_at("dana", "agent/work", Verdict::Approve, now() - 300);
    f.decide_at("rahim", "fix/y", Verdict::Approve, now() - 200);
    f.decide_at("rahim", "fix/z", Verdict::Reject, now() - 100);
    f.git("rahim", &["merge", "-q", "--no-ff", "-m", "Merge", "agent/work"]);
    let merge = f.id("main");
    f.git("rahim", &["checkout", "-q", "main"]);
    // A squash on top of the merge has another tree than was signed for.
    f.git("rahim", &["merge", "-q", "--squash", "fix/y"]);
    f.commit("rahim", "Squash y");
    f.git("rahim", &["branch", "-qD", "fix/y"]);
    let history = run(&f, &["history", "--json"]).exits(0).json();
    let rows: Vec<_> = history["decisions"].as_array().unwrap().iter().collect();
    let told = |at: usize| {
        (
            rows[at]["by"].as_str().unwrap(),
            rows[at]["verdict"].as_str().unwrap(),
            rows[at]["landed"].as_str().unwrap().to_owned(),
        )
    };
    assert_eq!(told(0), ("rahim", "reject", "pending".to_owned()));
    assert_eq!(told(1), ("rahim", "approve", "not found in main as it was signed".to_owned()));
    assert_eq!(told(2), ("dana", "approve", format!("in main since {}", &merge[..7])));
    assert_eq!((&rows[2]["files_seen"], &rows[2]["unseen"]), (&1.into(), &"".into()));
    run(&f, &["history"]).exits(0).says("saw 1 of 1 paths").says("in main since");
    // A squash right on the tip for which it was signed has the very tree.
    propose(&f, "mina", "fix/w", &[("src/w.rs", "fn w() {}\n")]);
    f.decide("dana", "fix/w", Verdict::Approve);
    f.git("rahim", &["merge", "-q", "--squash", "fix/w"]);
    f.commit("rahim", "Squash w");
    let history = run(&f, &["history", "--json"]).exits(0).json();
    let squash = f.id("main");
    assert_eq!(history["decisions"][0]["landed"], format!("in main as {}", &squash[..7]));
}

#[test]
fn what_takes_something_back_and_was_left_has_not_landed_as_the_commit_before() {
    let f = Fixture::new();
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write("README.md", "# shop with a mistake\n");
    f.commit("rahim", "Add a mistake");
    propose(&f, "mina", "revert", &[("README.md", "# shop\n")]);
    f.decide("dana", "revert", Verdict::Approve);
    let landed = || run(&f, &["history", "--json"]).exits(0).json()["decisions"][0]["landed"].clone();
    assert_eq!(landed(), "pending");
    f.git("mina", &["checkout", "-q", "main"]);
    f.git("mina", &["branch", "-qD", "revert"]);
    assert_eq!(landed(), "not found in main as it was signed");
    // What takes it back later in the same way is the landing.
    f.write("README.md", "# shop\n");
    let back = f.commit("rahim", "Take it back");
    assert_eq!(landed(), format!("in main as {}", &back[..7]));
}

#[test]
fn what_was_rejected_and_moved_waits_for_who_rejected_it_and_everybody_is_told_so() {
    let f = Fixture::with_policy(&policy(CLOCK));
    let out = told_by(&f, "cat >> \"$1\"");
    run(&f, &["queue", "--notify"]).exits(0);
    f.decide("dana", "agent/work", Verdict::Reject);
    run(&f, &["queue", "--notify"]).exits(0);
    let row = || run(&f, &["queue", "--json"]).exits(0).json()["changes"][0].clone();
    assert_eq!((row()["need"].clone(), row()["since"].clone()), ("rejected".into(), serde_json::Value::Null));
    f.git("mina", &["checkout", "-q", "agent/work"]);
    f.write("src/lib.rs", "fn one() -> u32 {\n    1 + 1 - 1\n}\n");
    f.commit("mina", "Better");
    f.git("mina", &["checkout", "-q", "main"]);
    // Not by the key of dana: as a timer sees it.
    assert_eq!((row()["need"].clone(), row()["ask"].clone()), ("needs dana".into(), serde_json::json!(["dana"])));
    assert!(row()["since"].is_i64() && row()["due"].is_i64());
    run(&f, &["queue", "--notify"]).exits(0);
    let heard = std::fs::read_to_string(&out).unwrap();
    let kinds: Vec<_> = heard
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["waits", "decided", "moved"]);
    waits_since(&f, 3 * 86_400);
    run(&f, &["queue", "--late"]).exits(1).says("needs dana: ask dana");
}

#[test]
fn a_newer_rejection_of_one_of_its_paths_asks_those_who_approved_to_sign_again() {
    let f = Fixture::new();
    propose(&f, "mina", "fix/again", &[("src/lib.rs", "fn one() -> u32 {\n    2 - 1\n}\n")]);
    let row = || {
        let queue = run(&f, &["queue", "--json"]).exits(0).json();
        queue["changes"].as_array().unwrap().iter().find(|row| row["branch"] == "fix/again").unwrap().clone()
    };
    f.decide("dana", "fix/again", Verdict::Approve);
    assert_eq!(row()["need"], "signed");
    f.decide("dana", "agent/work", Verdict::Reject);
    assert_eq!((row()["need"].clone(), row()["ask"].clone()), ("needs dana".into(), serde_json::json!(["dana"])));
}

#[test]
fn what_cannot_be_read_is_not_called_not_late() {
    let f = Fixture::with_policy(&policy(CLOCK));
    run(&f, &["queue"]).exits(0);
    waits_since(&f, 3 * 86_400);
    run(&f, &["queue", "--late"]).exits(1);
    // A repository that is damaged, beside one that is not late.
    let sound = Fixture::with_policy(&policy(CLOCK));
    let both = [sound.repo.to_str().unwrap(), "--repo", "/nowhere/at/all"];
    let args: Vec<&str> = std::iter::once("--repo").chain(both).chain(["queue", "--late"]).collect();
    run(&sound, &args).exits(4).says("unreadable: /nowhere/at/all").says_not("Nothing is late");
    // A policy that says nothing about when.
    f.write(".undersign/policy.toml", &policy("[clock]\ndefault = { due = \"2d\", late = \"1d\" }\n"));
    f.commit("rahim", "Mistake the clock");
    run(&f, &["queue", "--late"]).exits(4).says("Its policy has mistakes").says_not("Nothing is late");
    assert_eq!(run(&f, &["queue", "--late", "--json"]).exits(4).json()["unreadable"].as_array().unwrap().len(), 1);
}

#[test]
fn where_nobody_is_there_to_ask_that_is_said_to_scripts_too() {
    let day = |at: i64| undersign::datafile::day((now() + at * 86_400).div_euclid(86_400));
    // Once: at midnight it is another day.
    let until = day(9);
    let away = format!("away = [{{ from = {}, until = {until} }}]\n", day(-2));
    let text = policy("").replace("emails = [\"dana@", &format!("{away}emails = [\"dana@"));
    let text = text.replace("emails = [\"rahim@", &format!("{away}emails = [\"rahim@"));
    let f = Fixture::with_policy(&text);
    let out = told_by(&f, "cat >> \"$1\"");
    let said = format!("nobody is there (dana is away until {until}, rahim is away until {until})");
    let says = |text: &serde_json::Value| assert!(text.as_str().unwrap().contains(&said), "{text}");
    says(&run(&f, &["queue", "--json"]).exits(0).json()["changes"][0]["ask_text"]);
    says(&run(&f, &["show", "agent/work", "--json"]).exits(0).json()["ask_text"]);
    run(&f, &["queue"]).exits(0).says(&said);
    run(&f, &["queue", "--notify"]).exits(0);
    says(&serde_json::from_str::<serde_json::Value>(&std::fs::read_to_string(&out).unwrap()).unwrap()["why"]);
}

#[test]
fn a_place_that_nobody_can_fill_is_told_to_who_can_fill_another() {
    // The only junior is the author.
    let senior = "sign = [{ role = \"senior\", n = 1 }]";
    let both = "sign = [{ role = \"senior\", n = 1 }, { role = \"junior\", n = 1 }]";
    let dana = |f: &Fixture| {
        f.git("dana", &["config", "gpg.format", "ssh"]);
        f.git("dana", &["config", "user.signingkey", f.key_file("dana").to_str().unwrap()]);
    };
    let f = Fixture::with_policy(&policy("").replace(senior, both));
    dana(&f);
    run(&f, &["queue"]).exits(0).says("needs you: for 1 more nobody is there");
    let f = Fixture::with_policy(&policy(""));
    dana(&f);
    run(&f, &["queue"]).exits(0).says("needs you").says_not("nobody is there");
}

/// dana's second key is taken from her again.
fn taken_from_dana(key: &str) -> (Fixture, impl Fn(&Fixture)) {
    let own = crate::support::key_of("dana").public_key().to_openssh().unwrap();
    let other = crate::support::key_of(key).public_key().to_openssh().unwrap();
    let without = policy("");
    let with = without.replace(&format!("keys = [\"{own}\"]"), &format!("keys = [\"{own}\", \"{other}\"]"));
    assert_ne!(with, without);
    let f = Fixture::with_policy(&with);
    (f, move |f: &Fixture| {
        f.git("rahim", &["checkout", "-q", "main"]);
        f.write(".undersign/policy.toml", &without);
        f.commit("rahim", "Take the key from dana");
    })
}

#[test]
fn a_name_is_a_persons_only_if_a_key_of_the_roster_signed() {
    let (f, take) = taken_from_dana("stolen");
    propose(&f, "mina", "fix/y", &[("src/y.rs", "fn y() {}\n")]);
    f.decide_at("dana", "agent/work", Verdict::Approve, now() - 300);
    let stranger = |branch, at| crate::support::Decision {
        key: Some(f.key("stolen")),
        at,
        device: "fedcba9876543210",
        ..crate::support::Decision::new("dana", branch, Verdict::Approve)
    };
    f.take(stranger("fix/y", now() - 100));
    f.take(stranger("fix/y", now() + 300 * 86_400));
    take(&f);
    let history = run(&f, &["history", "--json"]).exits(0).json();
    let by: Vec<_> = history["decisions"].as_array().unwrap().iter().map(|row| row["by"].as_str().unwrap()).collect();
    assert_eq!(by[0], "dana", "what counts comes first");
    let fingerprint = crate::support::key_of("stolen").public_key().fingerprint(Default::default()).to_string();
    assert_eq!(by[1..], [(); 2].map(|()| format!("unknown key {fingerprint} (calls itself dana)")));
    assert_eq!([1, 2].map(|at| history["decisions"][at]["is_ahead"].as_bool().unwrap()), [true, false]);
    let text = run(&f, &["history"]).exits(0).says("of no known key, dated in the future").out;
    assert_eq!(text.matches("dana").count(), 1, "{text}");
    let list = run(&f, &["record", "list"]).exits(0).out;
    assert_eq!(list.matches("dana").count(), 1, "{list}");
}
