//! Signing where the key or a person's doubts leave the desk: ssh-keygen's own prompts, taking back, the outbox.

use std::process::Command;

use undersign::decision::Verdict;

use super::support::{Fixture, git_in, policy};
use super::{Program, home};

/// A repository whose dana signs with a key that only OpenSSH opens: P-256 in PEM, encrypted.
fn with_pem_key() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ecdsa", "-m", "PEM", "-N", "open sesame", "-C", "", "-f"])
        .arg(&key)
        .status()
        .unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let mut text = policy("");
    let start = text.find("keys = [").unwrap();
    let end = start + text[start..].find('\n').unwrap();
    text.replace_range(start..end, &format!("keys = [\"{}\"]", public.trim()));
    let fixture = Fixture::with_policy(&text);
    for name in ["key", "key.pub"] {
        std::fs::copy(dir.path().join(name), fixture.dir.path().join(name)).unwrap();
    }
    configure(&fixture, &fixture.dir.path().join("key"));
    fixture
}

pub fn configure(fixture: &Fixture, key: &std::path::Path) {
    fixture.git("dana", &["config", "gpg.format", "ssh"]);
    fixture.git("dana", &["config", "user.signingkey", key.to_str().unwrap()]);
}

fn desk(fixture: &Fixture, home: &std::path::Path) -> Program {
    let repo = fixture.repo.to_str().unwrap();
    let program = Program::start(&["--repo", repo], (100, 30), &[("SSH_AUTH_SOCK", "")], home);
    program.wait_for("Count from two");
    program
}

/// From the queue to the line that asks for the code.
fn reject(program: &mut Program) {
    program.press("\r");
    program.wait_for("@@");
    program.press("S");
    // Read to the end: before that, nothing is decided.
    program.wait_for("ai: 0 of 1");
    program.press("r");
    program.wait_for("reason:");
    program.press("It counts wrong.\r");
    program.wait_for("to reject:");
    program.press("reject\r");
}

/// Closes the sheet, and waits for that: a key that comes together with Esc is one with Alt.
fn leave_sheet(program: &mut Program) {
    program.press("\x1b");
    program.wait_until("reader without a sheet", |screen| !screen.text().contains("to reject:"));
}

#[test]
fn what_is_typed_before_the_field_of_the_reason_is_there_is_not_signed() {
    let (fixture, home) = (with_pem_key(), home());
    let mut program = desk(&fixture, home.path());
    program.press("\r");
    program.wait_for("@@");
    program.press("S");
    program.wait_for("ai: 0 of 1");
    program.press("rTYPEDAHEAD\r");
    program.wait_for("What was typed before this field was there is left out.");
    assert!(!program.text().contains("TYPEDAHEAD"), "{}", program.text());
    // The twin: what is typed into the field that is there is the reason.
    program.press("It counts wrong.\r");
    program.wait_for("to reject:");
    assert!(program.text().contains("It counts wrong."), "{}", program.text());
    leave_sheet(&mut program);
    program.press("qq");
    assert!(program.end().1);
}

#[test]
fn ssh_keygen_asks_on_the_plain_terminal_and_the_desk_comes_back() {
    let (fixture, home) = (with_pem_key(), home());
    let mut program = desk(&fixture, home.path());
    reject(&mut program);
    program.wait_for("Enter passphrase:");
    assert!(!program.screen.lock().unwrap().screen().alternate_screen(), "the screen was not left");
    program.press("wrong\n");
    // OpenSSH gives up, the sheet says so, and nothing was signed.
    program.wait_for("Nothing was signed");
    assert!(program.screen.lock().unwrap().screen().alternate_screen());
    program.wait_for("to reject:");
    program.press("reject\r");
    program.wait_for_times("Enter passphrase:", 2);
    program.press("open sesame\n");
    program.wait_for("Rejected, signed, recorded");
    program.press("xqq");
    assert!(program.end().1);
    assert_eq!(undersign::ledger::read(&fixture.repository()).unwrap()[0].records.len(), 1);
}

#[test]
fn ctrl_c_at_the_prompt_of_ssh_keygen_leads_back_to_the_sheet() {
    let (fixture, home) = (with_pem_key(), home());
    let mut program = desk(&fixture, home.path());
    reject(&mut program);
    program.wait_for("Enter passphrase:");
    program.press("\x03");
    program.wait_for("Nothing was signed");
    leave_sheet(&mut program);
    program.press("qq");
    assert!(program.end().1);
    assert!(undersign::ledger::read(&fixture.repository()).unwrap().is_empty());
}

#[test]
fn a_decision_waits_in_the_outbox_is_sent_and_taken_back() {
    let (fixture, home) = (Fixture::new(), home());
    configure(&fixture, &fixture.key_file("dana"));
    let server = fixture.dir.path().join("server.git");
    git_in(fixture.dir.path(), "dana", &["clone", "-q", "--bare", "shop", "server.git"]);
    fixture.git("dana", &["remote", "add", "origin", server.to_str().unwrap()]);
    fixture.git("dana", &["fetch", "-q", "origin"]);
    let mut program = desk(&fixture, home.path());
    reject(&mut program);
    program.wait_for("Rejected, signed, recorded");
    program.press("x");
    // The reader knows it at once.
    program.wait_for("rejected by dana");
    program.press("q");
    program.wait_for("1 to send");
    program.press("P");
    program.wait_for("1 record sent");
    assert!(!git_in(&server, "dana", &["for-each-ref", "refs/undersign/decisions"]).is_empty());
    program.press("\r");
    program.wait_for("@@");
    program.press("S");
    program.wait_for("w withdraw your rejection");
    program.press("w");
    program.wait_for("Why do you take it back?");
    program.press("I misread it.\r");
    program.wait_for("to withdraw:");
    program.press("withdraw\r");
    program.wait_for("Withdrawn, signed, recorded");
    program.press("xq");
    program.wait_for("1 to send");
    program.press("q");
    assert!(program.end().1);
    let records = &undersign::ledger::read(&fixture.repository()).unwrap()[0].records;
    assert!(records[1].predicate().supersedes.contains(&records[0].id().to_string()));
}

#[test]
fn what_a_colleague_pushed_comes_with_a_refresh_and_what_is_listed_stays_where_the_remote_is_gone() {
    let (fixture, home) = (Fixture::new(), home());
    configure(&fixture, &fixture.key_file("dana"));
    let (dir, server) = (fixture.dir.path(), fixture.dir.path().join("server.git"));
    git_in(dir, "dana", &["clone", "-q", "--bare", "shop", "server.git"]);
    git_in(dir, "mina", &["clone", "-q", "server.git", "colleague"]);
    fixture.git("dana", &["remote", "add", "origin", server.to_str().unwrap()]);
    let mut program = desk(&fixture, home.path());
    let colleague = dir.join("colleague");
    git_in(&colleague, "mina", &["checkout", "-q", "-b", "news", "origin/main"]);
    std::fs::write(colleague.join("news.txt"), "news\n").unwrap();
    git_in(&colleague, "mina", &["add", "news.txt"]);
    git_in(&colleague, "mina", &["commit", "-q", "-m", "Tell the news"]);
    git_in(&colleague, "mina", &["push", "-q", "origin", "news"]);
    assert!(!program.text().contains("   fetched"), "{}", program.text());
    program.press("R");
    program.wait_for("there is news");
    program.wait_for("Tell the news");
    program.wait_for("fetched just now");
    program.press("R");
    program.wait_for("nothing new");
    std::fs::rename(&server, dir.join("elsewhere")).unwrap();
    program.press("R");
    program.wait_for("shop is listed as before: `git fetch` failed");
    program.wait_for("Tell the news");
    program.press("q");
    assert!(program.end().1);
}

#[test]
fn a_record_is_taken_back_on_the_command_line_with_its_code_typed() {
    let (fixture, home) = (Fixture::new(), home());
    configure(&fixture, &fixture.key_file("dana"));
    device(home.path());
    let record = fixture.decide("dana", "agent/work", Verdict::Reject);
    let repo = fixture.repo.to_str().unwrap();
    let args = ["--repo", repo, "record", "withdraw", &record.id().short(), "--reason", "I misread it."];
    let mut wrong = Program::start(&args, (100, 120), &[], home.path());
    wrong.wait_for("to sign:");
    wrong.press("yes\n");
    wrong.wait_for("That is not the code. Nothing was signed.");
    assert_ne!(wrong.end().0, 0);
    signed(&args, home.path());
    let mut again = Program::start(&args, (100, 120), &[], home.path());
    again.wait_for("superseded already");
    again.end();
}

/// The chain id that [`Fixture::decide`] signs with becomes this home's own.
fn device(home: &std::path::Path) {
    let drafts = home.join("data/undersign/drafts");
    std::fs::create_dir_all(&drafts).unwrap();
    std::fs::write(drafts.join("chain-id"), "0123456789abcdef\n").unwrap();
}

/// Runs a command that asks for a code, and types it.
fn signed(args: &[&str], home: &std::path::Path) {
    let mut program = Program::start(args, (100, 140), &[], home);
    program.wait_for("to sign:");
    let text = program.text();
    let code = text.split("Type ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    program.press(&format!("{code}\n"));
    program.wait_for("Signed and recorded");
    assert_eq!(program.end().0, 0);
}

#[test]
fn who_clones_again_signs_on() {
    let (fixture, home) = (Fixture::new(), home());
    device(home.path());
    let record = fixture.decide("dana", "agent/work", Verdict::Reject);
    git_in(fixture.dir.path(), "dana", &["clone", "-q", "--mirror", "shop", "server.git"]);
    git_in(fixture.dir.path(), "dana", &["clone", "-q", "server.git", "again"]);
    let again = fixture.dir.path().join("again");
    let key = fixture.key_file("dana");
    git_in(&again, "dana", &["config", "user.signingkey", key.to_str().unwrap()]);
    git_in(&again, "dana", &["config", "gpg.format", "ssh"]);
    let repo = again.to_str().unwrap();
    let sync = || Command::new(env!("CARGO_BIN_EXE_undersign")).args(["--repo", repo, "sync"]).output().unwrap();
    assert!(sync().status.success());
    signed(&["--repo", repo, "record", "withdraw", &record.id().short(), "--reason", "I misread it."], home.path());
    let sent = sync();
    assert!(sent.status.success(), "{sent:?}");
    let chains = git_in(&fixture.dir.path().join("server.git"), "dana", &["for-each-ref", "refs/undersign/decisions"]);
    assert_eq!(chains.lines().count(), 2, "each clone has a chain of its own: {chains}");
}

#[test]
fn a_rejection_is_taken_over_by_who_signs_for_the_policy_and_by_nobody_else() {
    let (fixture, home) = (Fixture::new(), home());
    device(home.path());
    let rejection = fixture.decide("dana", "agent/work", Verdict::Reject);
    fixture.decide("rahim", "agent/work", Verdict::Approve);
    let (old, new) = (fixture.id("main"), fixture.id("agent/work"));
    assert_eq!(fixture.verify(&old, &new), (2, vec!["VETOED".into()]));
    let repo = fixture.repo.to_str().unwrap();
    let args = ["--repo", repo, "record", "hand-over", &rejection.id().short(), "--reason", "dana is on leave."];
    for (who, said) in [("dana", "The rejection is your own"), ("mina", "Only the role that signs for the policy")] {
        configure(&fixture, &fixture.key_file(who));
        let mut program = Program::start(&args, (100, 30), &[], home.path());
        program.wait_for(said);
        assert_ne!(program.end().0, 0);
    }
    configure(&fixture, &fixture.key_file("rahim"));
    signed(&args, home.path());
    assert_eq!(fixture.verify(&old, &new), (0, vec![]));
}

#[test]
fn a_forked_chain_is_repaired_on_the_command_line() {
    let (fixture, home) = (Fixture::new(), home());
    device(home.path());
    configure(&fixture, &fixture.key_file("dana"));
    let server = fixture.dir.path().join("server.git");
    git_in(fixture.dir.path(), "dana", &["clone", "-q", "--bare", "shop", "server.git"]);
    fixture.git("dana", &["remote", "add", "origin", server.to_str().unwrap()]);
    fixture.git("dana", &["fetch", "-q", "origin"]);
    let sync = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
        command.args(["--repo", fixture.repo.to_str().unwrap(), "sync"]).output().unwrap().status.success()
    };
    let first = fixture.decide("dana", "agent/work", Verdict::Approve);
    fixture.decide("dana", "agent/work", Verdict::Reject);
    assert!(sync());
    // As after a restored backup: back to the first record, and on from there.
    let chain = fixture.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/decisions"]);
    let tracked = fixture.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/remotes"]);
    fixture.git("dana", &["update-ref", "-d", &tracked]);
    fixture.git("dana", &["update-ref", &chain, &format!("{chain}^")]);
    let given_up = fixture.decide_at("dana", "agent/work", Verdict::Approve, super::support::now() - 9);
    assert_ne!(first.id(), given_up.id());
    assert!(!sync());
    signed(&["--repo", fixture.repo.to_str().unwrap(), "record", "repair", "--reason", "Disk restored."], home.path());
    assert!(sync());
    let server = undersign::source::git::Repository::open(&server).unwrap();
    let chain = &undersign::ledger::read(&server).unwrap()[0];
    assert_eq!((chain.records.len(), chain.fault), (3, None));
    assert_eq!(chain.records[2].predicate().chain.forks, [given_up.id().to_string()]);
    let kept = fixture.git("dana", &["for-each-ref", "refs/undersign/given-up"]);
    assert_eq!(kept.lines().count(), 1, "what was given up is kept");
    let mut again =
        Program::start(&["--repo", fixture.repo.to_str().unwrap(), "record", "repair"], (100, 30), &[], home.path());
    again.wait_for("nothing to repair");
    again.end();
}

/// The report on outcomes, as the program prints it.
fn report_as(fixture: &Fixture, home: &std::path::Path, format: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
    let repo = fixture.repo.to_str().unwrap();
    let args = ["--repo", repo, "report", "outcomes", "--policy-branch", "refs/heads/main", "--format", format];
    let output = command.args(args).env("HOME", home).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn outcomes(fixture: &Fixture, home: &std::path::Path) -> serde_json::Value {
    serde_json::from_str(&report_as(fixture, home, "json")).unwrap()
}

#[test]
fn what_came_of_a_change_is_signed_with_a_typed_code_reported_and_taken_back() {
    let (fixture, home) = (Fixture::new(), home());
    device(home.path());
    configure(&fixture, &fixture.key_file("dana"));
    let repo = fixture.repo.to_str().unwrap();
    let of = |more: &[&'static str]| -> Vec<String> {
        ["--repo", repo, "record", "outcome"].iter().chain(more).map(ToString::to_string).collect()
    };
    let refused = |more: &[&'static str], said: &str| {
        let args = of(more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut program = Program::start(&args, (160, 30), &[], home.path());
        program.wait_for(said);
        assert_ne!(program.end().0, 0);
    };
    let kind = ["--kind", "incident"];
    refused(&[&["main"][..], &kind, &["--link", "https://u:p@example.com/7"]].concat(), "may contain secrets");
    refused(&[&["main"][..], &kind].concat(), "Say where to read more");
    refused(&[&["agent/work"][..], &kind, &["--words", "Down."]].concat(), "has not landed on");
    refused(&[&["main"][..], &kind, &["--words", "Down.", "--at", "2999-01-01"]].concat(), "is still to come");
    let sign = |more: &[&'static str]| {
        let args = of(more);
        signed(&args.iter().map(String::as_str).collect::<Vec<_>>(), home.path());
    };
    sign(&[&["main"][..], &kind, &["--link", "https://example.com/7", "--words", "Down for an hour."]].concat());
    let report = outcomes(&fixture, home.path());
    let change = &report["changes"][0];
    assert_eq!((&report["summary"]["recorded"], &change["kinds"][0]), (&1.into(), &"recorded".into()));
    let record = &change["records"][0];
    assert_eq!((&record["person"], &record["kind"]), (&"dana".into(), &"incident".into()));
    assert_eq!(record["link"], "https://example.com/7");
    assert_eq!(report["outcome_chains"][0]["records"], 1);
    let page = report_as(&fixture, home.path(), "html");
    let link = "<a href=\"https://example.com/7\" rel=\"noreferrer\">incident of dana</a>";
    assert!(page.contains(link) && page.contains(&record["record"].as_str().unwrap()[..12]), "{page}");
    let id = record["record"].as_str().unwrap().to_owned();
    let args = ["--repo", repo, "record", "outcome", "--withdraw", &id[..12], "--words", "It was another change."];
    signed(&args, home.path());
    let report = outcomes(&fixture, home.path());
    assert_eq!((&report["summary"]["recorded"], &report["outcome_chains"][0]["records"]), (&0.into(), &2.into()));
    sign(&["main", "--kind", "none", "--words", "Looked at the dashboards for a week."]);
    let report = outcomes(&fixture, home.path());
    assert_eq!((&report["summary"]["cleared"], &report["summary"]["with_outcome"]), (&1.into(), &0.into()));
    // It goes to the remote with the decisions, and counts there.
    let server = fixture.dir.path().join("server.git");
    git_in(fixture.dir.path(), "dana", &["clone", "-q", "--bare", "shop", "server.git"]);
    fixture.git("dana", &["remote", "add", "origin", server.to_str().unwrap()]);
    fixture.git("dana", &["fetch", "-q", "origin"]);
    let mut sync = Command::new(env!("CARGO_BIN_EXE_undersign"));
    assert!(sync.args(["--repo", repo, "sync"]).env("HOME", home.path()).output().unwrap().status.success());
    let there = git_in(&server, "dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/outcomes"]);
    assert_eq!(there.lines().count(), 1);
}

#[test]
fn a_drill_is_held_on_the_command_line_and_every_list_shows_it_as_a_drill() {
    let glass = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 1\ndebt_after = \"1d\"\n";
    let (fixture, home) = (Fixture::with_policy(&policy(glass)), home());
    device(home.path());
    let repo = fixture.repo.to_str().unwrap();
    let as_who = |who: &str| configure(&fixture, &fixture.key_file(who));
    let begin = ["--repo", repo, "record", "drill", "agent/work", "--reason", "Drill of May: the login is down"];
    as_who("mina");
    let mut author = Program::start(&begin, (160, 30), &[], home.path());
    author.wait_for("You wrote this change");
    assert_ne!(author.end().0, 0);
    as_who("dana");
    let mut program = Program::start(&begin, (160, 140), &[], home.path());
    program.wait_for("to sign:");
    let text = program.text();
    assert!(text.contains("DRILL. This practises an emergency. It lets nothing land."), "{text}");
    assert!(text.contains("urn:undersign:drill:v0"), "{text}");
    let code = text.split("Type ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    program.press(&format!("{code}\n"));
    program.wait_for("This is a drill by dana, and a drill lets nothing land. An emergency would land it");
    program.wait_for("undersign record drill --review");
    assert_eq!(program.end().0, 0);
    let (old, new) = (fixture.id("main"), fixture.id("agent/work"));
    assert_eq!(fixture.verify(&old, &new).0, 2);
    let said = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
        let output = command.args(["--repo", repo]).args(args).env("HOME", home.path()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let json = |args: &[&str]| -> serde_json::Value { serde_json::from_str(&said(args).1).unwrap() };
    let listed = json(&["record", "list", "--drills", "--json"]);
    let drill = &listed["drills"][0];
    assert_eq!((&drill["kind"], &drill["people"]), (&"drill".into(), &serde_json::json!(["dana"])));
    let id = drill["id"].as_str().unwrap().to_owned();
    let of = format!("DRILL {} by dana", &id[..12]);
    for args in [&["record", "list", "--drills"][..], &["queue"], &["history"]] {
        let (_, text) = said(args);
        assert!(text.contains(&of) && text.contains("review owed within"), "{args:?}: {text}");
    }
    assert!(said(&["record", "list"]).1.contains("Drills are listed with --drills."));
    assert!(said(&["record", "show", &id[..12]]).1.starts_with("DRILL     this practises an emergency"));
    assert_eq!(json(&["record", "show", &id[..12], "--json"])["schema"], "undersign-drill-shown/v0");
    assert!(said(&["show", "agent/work"]).1.contains("DRILL: This is a drill by dana"));
    assert_eq!(json(&["queue", "--json"])["drills"][0]["id"], id.as_str());
    assert_eq!(json(&["history", "--json"])["decisions"], serde_json::json!([]));
    assert!(
        said(&["doctor"]).1.contains(&format!("The drill {} by dana: review owed", &id[..12])),
        "{:?}",
        said(&["doctor"])
    );
    // Whoever gets the records can check them, as records of drills.
    let to = fixture.dir.path().join("export");
    assert!(said(&["record", "export", "--drills", "--to", to.to_str().unwrap()]).0);
    let (bundle, signers) = (to.join("drills.intoto.jsonl"), to.join("signers"));
    let verify = ["record", "verify", bundle.to_str().unwrap(), "--signers", signers.to_str().unwrap()];
    let (is_sound, text) = said(&verify);
    assert!(is_sound && text.contains("DRILL (begin) by dana, sound"), "{text}");
    std::fs::write(&signers, std::fs::read_to_string(&signers).unwrap().replace("drill@", "decision@")).unwrap();
    assert!(!said(&verify).0, "a key for decisions signs no drill");
    // The review, by those who would owe it.
    for who in ["dana", "rahim"] {
        as_who(who);
        signed(&["--repo", repo, "record", "drill", "--review", &id[..12], "--reason", "Read all of it"], home.path());
    }
    let drill = &json(&["record", "list", "--drills", "--json"])["drills"][0];
    assert!(drill["reviewed"].is_i64() && drill["lacking"] == "", "{drill}");
    let server = fixture.dir.path().join("server.git");
    git_in(fixture.dir.path(), "dana", &["clone", "-q", "--bare", "shop", "server.git"]);
    fixture.git("dana", &["remote", "add", "origin", server.to_str().unwrap()]);
    fixture.git("dana", &["fetch", "-q", "origin"]);
    assert!(said(&["sync"]).0);
    let there = git_in(&server, "dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/drills"]);
    assert_eq!(there.lines().count(), 2);
}
