//! `undersign verify` beyond the ordinary push: proposals, looking back, reports and summaries.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use undersign::decision::Verdict;
use undersign::gate::summary::{self, GatePublicKey, Level};

use crate::support::{Fixture, now, policy};
use crate::{MAIN, Said, WORK, beside, codes, land, run, verify};

fn approved() -> Fixture {
    let f = Fixture::new();
    f.decide("dana", WORK, Verdict::Approve);
    f
}

#[test]
fn a_proposal_is_judged_as_if_it_were_merged_now() {
    let f = approved();
    verify(&f, "main", WORK, &["--proposal"]).exits(0);
    land(&f, &[("other.txt", "x\n")]);
    assert_eq!(codes(&verify(&f, "main", WORK, &[]).exits(2)), ["REWRITE"], "as a push it would undo what landed");
    verify(&f, "main", WORK, &["--proposal"]).exits(0);
    land(&f, &[("src/lib.rs", "fn one() -> u32 {\n    9\n}\n")]);
    assert_eq!(codes(&verify(&f, "main", WORK, &["--proposal"]).exits(2)), ["BASE_MOVED"]);
}

#[test]
fn a_proposal_that_nobody_approved_is_denied_wherever_the_target_stands() {
    let f = Fixture::new();
    assert!(codes(&verify(&f, "main", WORK, &["--proposal"]).exits(2)).contains(&"UNSIGNED".to_owned()));
    land(&f, &[("other.txt", "x\n")]);
    assert!(codes(&verify(&f, "main", WORK, &["--proposal"]).exits(2)).contains(&"UNSIGNED".to_owned()));
    run(&f, &["verify", "--pre-receive", "--proposal"]).exits(64);
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

#[test]
fn a_look_back_never_passes_and_knows_only_what_was_there() {
    let f = Fixture::new();
    f.decide_at("dana", WORK, Verdict::Approve, now() - 7_200);
    let at =
        |ago: i64, more: &[&str]| verify(&f, "main", WORK, &[&["--at", &time(now() - ago), "--audit"], more].concat());
    let then = at(3_600, &[]).exits(3);
    assert_eq!((&then.json()["outcome"], &then.json()["enforced"]), (&"allow".into(), &false.into()));
    assert!(codes(&at(10_800, &[]).exits(2)).contains(&"UNSIGNED".to_owned()), "before it was signed");
    at(3_600, &["--report-only"]).exits(3);
    at(10_800, &["--report-only"]).exits(2);
    at(3_600, &["--format", "plain"])
        .exits(3)
        .says("refs/heads/main: may land.")
        .says("This is a report: it stops nothing.");
    assert!(!f.repo.join(".git/undersign/gate/log.jsonl").exists(), "a look back leaves no verdict");
    verify(&f, "main", WORK, &[]).exits(0);
}

#[test]
fn a_look_back_must_be_called_one() {
    let f = approved();
    verify(&f, "main", WORK, &["--at", &time(now())]).exits(64).complains("--audit");
    verify(&f, "main", WORK, &["--audit"]).exits(64).complains("--at");
    verify(&f, "main", WORK, &["--audit", "--at", "yesterday"]).exits(64);
    run(&f, &["verify", "--pre-receive", "--at", &time(now()), "--audit"]).exits(64);
}

#[test]
fn a_gate_that_only_reports_says_what_it_would_deny_and_passes() {
    let f = Fixture::new();
    let said = verify(&f, "main", WORK, &["--report-only"]).exits(0);
    assert_eq!((&said.json()["outcome"], &said.json()["enforced"]), (&"deny".into(), &false.into()));
    let plain = verify(&f, "main", WORK, &["--report-only", "--format", "plain"]).exits(0);
    plain.says("refs/heads/main: may not land.").says("This is a report: it stops nothing.");
    let absent = "1111111111111111111111111111111111111111";
    let lost = run(&f, &["verify", "--ref", MAIN, "--old", &f.id("main"), "--new", absent, "--report-only"]).exits(0);
    assert_eq!(lost.json()["outcome"], "undecidable");
}

fn summarised(f: &Fixture, file: &str, more: &[&str]) -> Said {
    let key = f.dir.path().join("gate.pem").display().to_string();
    let words = ["--summary", file, "--summary-key", &key, "--verifier", "https://gate.example/undersign"];
    let place = ["--resource", "git+https://git.example/shop"];
    verify(f, "main", WORK, &[&words[..], &place, more].concat())
}

fn keygen(f: &Fixture) -> GatePublicKey {
    run(f, &["gate", "keygen", "gate.pem"]).exits(0).says("gate.pem, its public key in gate.pem.pub.");
    GatePublicKey::from_pem(&std::fs::read_to_string(f.dir.path().join("gate.pem.pub")).unwrap()).unwrap()
}

#[test]
fn what_is_allowed_is_summed_up_with_the_gates_key_and_what_is_denied_takes_the_old_summary_away() {
    let f = approved();
    let public = keygen(&f);
    let file = f.dir.path().join("summary.json");
    let name = file.display().to_string();
    let allowed = summarised(&f, &name, &[]).exits(0);
    let summary = summary::read(&std::fs::read(&file).unwrap(), &public).unwrap();
    assert_eq!((&*summary.verifier, &*summary.reference), ("https://gate.example/undersign", MAIN));
    assert_eq!((&*summary.repository, summary.commit.to_string()), ("git+https://git.example/shop", f.id(WORK)));
    assert_eq!(summary.levels, [Level::SeniorSigned]);
    let record = allowed.json()["refs"][0]["records"][0].as_str().unwrap().to_owned();
    assert_eq!(summary.records.iter().map(|input| input.digest.to_string()).collect::<Vec<_>>(), [record]);
    f.decide("rahim", WORK, Verdict::Reject);
    summarised(&f, &name, &[]).exits(2);
    assert!(!file.exists(), "a summary of an earlier push must not be taken for one of this");
    summarised(&f, &name, &[]).exits(2);
    assert!(!file.exists());
}

#[test]
fn no_report_and_no_look_back_is_summed_up() {
    let f = approved();
    keygen(&f);
    let name = beside(&f, "summary.json", "of an earlier push");
    summarised(&f, &name, &["--report-only"]).exits(0);
    assert!(!Path::new(&name).exists());
    summarised(&f, &name, &["--audit", "--at", &time(now())]).exits(64);
    verify(&f, "main", WORK, &["--summary", &name]).exits(64);
}

#[test]
fn what_nobody_signed_is_not_summed_up() {
    let f = approved();
    keygen(&f);
    let file = f.dir.path().join("summary.json");
    std::fs::write(&file, "of an earlier push").unwrap();
    let name = file.display().to_string();
    let key = f.dir.path().join("gate.pem").display().to_string();
    let more = ["--summary", &name, "--summary-key", &key, "--verifier", "https://gate.example/undersign"];
    verify(&f, "main", "main", &more).exits(0).complains("nobody signed for this");
    assert!(!file.exists());
}

#[test]
fn a_push_whose_summary_cannot_be_written_does_not_pass() {
    let f = approved();
    let absent = f.dir.path().join("summary.json").display().to_string();
    summarised(&f, &absent, &[]).exits(4).complains("The gate's key");
    keygen(&f);
    let nowhere = f.dir.path().join("gate.pem/summary.json").display().to_string();
    summarised(&f, &nowhere, &[]).exits(4).complains("cannot be written");
    beside(&f, "gate.pem", "no key");
    summarised(&f, &absent, &[]).exits(4).complains("The gate's key cannot be used");
    assert!(!Path::new(&absent).exists());
}

#[test]
fn the_key_of_a_gate_is_its_owners_alone_and_is_never_written_over() {
    let f = Fixture::new();
    keygen(&f);
    let (file, public) = (f.dir.path().join("gate.pem"), f.dir.path().join("gate.pem.pub"));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (before, told) = (std::fs::read(&file).unwrap(), std::fs::read(&public).unwrap());
    run(&f, &["gate", "keygen", "gate.pem"]).exits(70).complains("gate.pem.pub is there already");
    assert_eq!((std::fs::read(&file).unwrap(), std::fs::read(&public).unwrap()), (before.clone(), told.clone()));
    let public_away = f.dir.path().join("away.pub");
    std::fs::rename(&public, &public_away).unwrap();
    run(&f, &["gate", "keygen", "gate.pem"]).exits(70).complains("gate.pem cannot be written");
    assert!(std::fs::read(&file).unwrap() == before && !public.exists());
    std::fs::rename(&public_away, &public).unwrap();
    // Others may already trust the public half, whose private half is elsewhere.
    std::fs::remove_file(&file).unwrap();
    run(&f, &["gate", "keygen", "gate.pem"]).exits(70).complains("gate.pem.pub");
    assert!(!file.exists() && std::fs::read(&public).unwrap() == told);
    keygen_differs(&f);
}

fn keygen_differs(f: &Fixture) {
    let key = |name: &str| {
        run(f, &["gate", "keygen", name]).exits(0);
        std::fs::read(f.dir.path().join(name)).unwrap()
    };
    assert_ne!(key("one.pem"), key("two.pem"));
}

#[test]
fn show_and_queue_say_what_verify_will_refuse_whoever_signs() {
    let f = Fixture::new();
    let same = policy("").replace("junior = 1", "junior = 2");
    crate::propose(&f, "mina", "stale", &[(".undersign/policy.toml", &same)]);
    f.decide("rahim", "stale", Verdict::Approve);
    let told = verify(&f, "main", "stale", &[]).exits(2);
    assert_eq!(codes(&told), ["POLICY_STALE"], "{told:?}");
    let sentence = told.json()["refs"][0]["reasons"][0]["detail"].as_str().unwrap().to_owned();
    run(&f, &["show", "stale"]).exits(0).says(&format!("POLICY_STALE: {sentence}"));
    let rows = run(&f, &["queue"]).exits(0).out;
    assert!(rows.lines().any(|row| row.contains("stale") && row.contains("refused")), "{rows}");
}

#[test]
fn a_secret_that_comes_and_goes_inside_a_branch_is_a_finding_at_its_commit() {
    let f = Fixture::new();
    let leak = |branch: &str, text: &str, then: &str| {
        f.git("mina", &["checkout", "-q", "-b", branch, "main"]);
        f.write("docs/a.txt", "a\n");
        f.write("conf.txt", text);
        let first = f.commit("mina", "One");
        f.write("conf.txt", then);
        f.commit("mina", "Two");
        f.git("mina", &["checkout", "-q", "main"]);
        first
    };
    let key = "token: ghp_abcdefghijklmnopqrstuvwxyz0123456789\n";
    let first = leak("leak", key, "token: from elsewhere\n");
    let shown = run(&f, &["show", "leak", "--json"]).exits(0).json().to_string();
    assert!(shown.contains(&format!("commit {} puts it into conf.txt:1", &first[..7])), "{shown}");
    assert!(shown.contains("secret.known") && !shown.contains("ghp_abcdef"), "{shown}");
    run(&f, &["queue"]).exits(0).says("tier 1");
    // A secret that stays is found where it is, once; and text that only moved is not a secret.
    leak("stays", key, &format!("# more\n{key}"));
    let shown = run(&f, &["show", "stays", "--json"]).exits(0).json().to_string();
    assert!(shown.contains("secret.known") && !shown.contains("puts it into"), "{shown}");
    leak("plain", "one\n", "two\n");
    run(&f, &["show", "plain"]).exits(0).says("findings: 0");
}

#[test]
fn a_secret_in_the_message_of_a_commit_is_a_finding_at_that_commit() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "told", "main"]);
    f.write("docs/a.txt", "a\n");
    f.commit("mina", "One");
    f.write("docs/b.txt", "b\n");
    let second = f.commit("mina", "Two\n\nDeployed with ghp_abcdefghijklmnopqrstuvwxyz0123456789.");
    f.git("mina", &["checkout", "-q", "main"]);
    let shown = run(&f, &["show", "told"]).exits(0).says("secret.in-message").says("tier 1");
    let place = format!("It is in line 3 of the message of commit {}.", &second[..7]);
    assert!(shown.out.contains(&place) && !shown.out.contains("ghp_abcdef"), "{shown:?}");
    f.git("mina", &["checkout", "-q", "-b", "plain", "main"]);
    f.write("docs/c.txt", "c\n");
    f.commit("mina", "Rotate the token\n\nThe password: see the vault.");
    f.git("mina", &["checkout", "-q", "-b", "title", "main"]);
    f.write("docs/d.txt", "d\n");
    f.commit("mina", "Deploy with ghp_abcdefghijklmnopqrstuvwxyz0123456789");
    f.git("mina", &["checkout", "-q", "main"]);
    run(&f, &["show", "plain"]).exits(0).says("findings: 0");
    for how in [&["queue"][..], &["queue", "--json"], &["show", "title"], &["show", "title", "--json"]] {
        run(&f, how).exits(0).says("Deploy with ").says_not("ghp_abcdef");
    }
}

#[test]
fn a_secret_in_a_message_is_found_where_the_commits_come_to_nothing() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "undone", "main"]);
    f.write("docs/a.txt", "a\n");
    let first = f.commit("mina", "Deploy with ghp_abcdefghijklmnopqrstuvwxyz0123456789");
    f.git("mina", &["rm", "-q", "docs/a.txt"]);
    f.commit("mina", "Take it back");
    f.git("mina", &["checkout", "-q", "main"]);
    let shown = run(&f, &["show", "undone"]).exits(0).says("secret.in-message").says("docs/a.txt");
    let place = format!("It is in line 1 of the message of commit {}.", &first[..7]);
    assert!(shown.out.contains(&place) && !shown.out.contains("ghp_abcdef"), "{shown:?}");
}

#[test]
fn states_in_between_are_named_by_whoever_shows_a_change_and_by_the_gate() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "steps", "main"]);
    let ids: Vec<String> = (1..=5)
        .map(|n| {
            f.write("docs/a.txt", &format!("{n}\n"));
            f.commit("mina", &format!("Step {n}"))
        })
        .collect();
    f.git("mina", &["checkout", "-q", "main"]);
    let named = format!("4 states in between ({}, {}, {}, 1 more) were", &ids[0][..7], &ids[1][..7], &ids[2][..7]);
    run(&f, &["show", "steps"]).exits(0).says(&format!("INTERMEDIATE: {named}")).says("unless it is squashed.");
    let told = verify(&f, "main", "steps", &[]).exits(2);
    let detail = told.json()["refs"][0]["reasons"].to_string();
    assert!(detail.contains(&named), "{detail}");
    for lands in ["rebase", "merge"] {
        let told = verify(&f, "main", "steps", &["--proposal", "--lands", lands]).exits(2);
        assert!(told.json()["refs"][0]["reasons"].to_string().contains(&named), "{lands}: {told:?}");
    }
    assert!(!detail.contains("unless it is squashed"), "{detail}");
}

#[test]
fn a_secret_that_a_merge_or_a_root_of_the_branch_puts_in_is_a_finding_and_what_main_has_is_none() {
    let key = "token: ghp_abcdefghijklmnopqrstuvwxyz0123456789\n";
    let f = Fixture::new();
    let found = |branch: &str, by: &str| {
        f.write("conf.txt", "token: from elsewhere\n");
        f.commit("mina", "Tidy");
        f.git("mina", &["checkout", "-q", "main"]);
        let shown = run(&f, &["show", branch, "--json"]).exits(0).json().to_string();
        assert_eq!(
            shown.contains(&format!("commit {} puts it into conf.txt:1", &by[..7])),
            !by.contains(' '),
            "{shown}"
        );
        shown.contains("secret.known")
    };
    let work = |branch: &str| {
        f.git("mina", &["checkout", "-q", "-b", branch, "main"]);
        f.write("docs/a.txt", branch);
        f.commit("mina", "Work");
    };
    let main_moves = |path: &str, text: &str| {
        f.git("mina", &["checkout", "-q", "main"]);
        f.write(path, text);
        f.commit("rahim", "Main moves");
    };
    work("merged");
    main_moves("m.txt", "more\n");
    f.git("mina", &["checkout", "-q", "merged"]);
    f.git("mina", &["merge", "-q", "--no-ff", "--no-commit", "main"]);
    f.write("conf.txt", key);
    let merge = f.commit("mina", "Merge main");
    assert!(found("merged", &merge));
    work("rooted");
    f.git("mina", &["checkout", "-q", "--orphan", "lib"]);
    f.git("mina", &["rm", "-rfq", "."]);
    f.write("conf.txt", key);
    let root = f.commit("mina", "A library");
    f.git("mina", &["checkout", "-q", "rooted"]);
    f.git("mina", &["merge", "-q", "--no-ff", "--allow-unrelated-histories", "-m", "Take it in", "lib"]);
    f.git("mina", &["branch", "-q", "-D", "lib"]);
    assert!(found("rooted", &root));
    // What main added was not added by this branch: neither the file, nor its line in a text that a merge joined.
    work("updated");
    f.write("both.txt", "mine\n\n\n\n\n\nend\n");
    f.commit("mina", "More work");
    main_moves("conf.txt", key);
    f.git("mina", &["checkout", "-q", "updated"]);
    f.git("mina", &["merge", "-q", "--no-ff", "-m", "Merge main", "main"]);
    assert!(!found("updated", "no commit"));
}

#[test]
fn each_open_requirement_is_said_once() {
    let f = Fixture::new();
    let counts = |text: &str, what: &str, count: usize| assert_eq!(text.matches(what).count(), count, "{what}: {text}");
    let told = verify(&f, "main", WORK, &["--proposal", "--format", "plain"]).exits(2).out;
    counts(&told, "  UNSIGNED: default needs 1 of role senior, has 0.\n", 1);
    counts(&told, "has 0", 2);
    counts(&told, "AI assistance", 1);
    let shown = run(&f, &["show", "agent/work"]).exits(0).out;
    counts(&shown, "    UNSIGNED: default: 0 of 1 senior; dana", 1);
    counts(&shown, "    AI_UNSIGNED: ai: 0 of 1 senior; dana", 1);
    counts(&shown, "senior", 2);
    counts(&shown, "has 0", 0);
    // What is signed is still listed, with who signed it.
    f.decide("dana", WORK, Verdict::Approve);
    let told = verify(&f, "main", WORK, &["--proposal", "--format", "plain"]).exits(0).out;
    counts(&told, "default needs 1 senior, has 1 (dana)", 1);
}
