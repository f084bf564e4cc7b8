//! Real pushes with the git program through the installed hook.
#![allow(clippy::unwrap_used)]

mod claims;
mod evidence;
mod history;
mod large;
mod remote;
#[path = "../support/mod.rs"]
mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use support::{Fixture, policy};
use undersign::decision::Verdict;

const UNDERSIGN: &str = env!("CARGO_BIN_EXE_undersign");
const LEDGER: &str = "refs/undersign/decisions/*:refs/undersign/decisions/*";

/// A reviewer's clone and the bare repository that it pushes to, with the gate before it.
struct Host {
    f: Fixture,
    bare: PathBuf,
}

impl Host {
    fn new() -> Host {
        Host::with(&policy(""), &[])
    }

    fn with(policy: &str, options: &[&str]) -> Host {
        let f = Fixture::with_policy(policy);
        let bare = f.dir.path().join("shop.git");
        f.git("rahim", &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
        // Only main: proposals live where they were made.
        support::git_in(&bare, "rahim", &["update-ref", "-d", "refs/heads/agent/work"]);
        support::git_in(&bare, "rahim", &["symbolic-ref", "HEAD", "refs/heads/main"]);
        f.git("rahim", &["remote", "add", "host", bare.to_str().unwrap()]);
        let host = Host { f, bare };
        let installed = host.install(options);
        assert!(installed.status.success(), "{}", text(&installed.stderr));
        host
    }

    fn install(&self, options: &[&str]) -> Output {
        Command::new(UNDERSIGN).args(["gate", "install"]).arg(&self.bare).args(options).output().unwrap()
    }

    /// The operator answers for what refs show.
    fn record(&self, refs: &[&str]) {
        let words = ["gate", "record"].into_iter().chain(refs.iter().copied());
        let output = Command::new(UNDERSIGN).arg("--repo").arg(&self.bare).args(words).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    fn push(&self, who: &str, words: &[&str]) -> Pushed {
        push_in(&self.f.repo, who, &[&["host"], words].concat())
    }

    fn at(&self, name: &str) -> String {
        let output = Command::new("git").current_dir(&self.bare).args(["rev-parse", "-q", "--verify", name]).output();
        text(&output.unwrap().stdout).trim().to_owned()
    }

    fn log(&self) -> String {
        let output = Command::new(UNDERSIGN).arg("--repo").arg(&self.bare).args(["gate", "log"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    }
}

#[derive(Debug)]
struct Pushed {
    landed: bool,
    said: String,
}

impl Pushed {
    fn refused(&self, why: &str) {
        assert!(!self.landed && self.said.contains(why), "{why}: {}", self.said);
    }

    fn landed(&self) {
        assert!(self.landed, "{}", self.said);
    }
}

fn push_in(dir: &Path, who: &str, words: &[&str]) -> Pushed {
    let output = Command::new("git")
        .current_dir(dir)
        .arg("push")
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOST_USER", who)
        .output()
        .unwrap();
    Pushed { landed: output.status.success(), said: text(&output.stderr) }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_is_not_undersigned_does_not_land_and_the_pusher_reads_why() {
    let h = Host::new();
    let before = h.at("refs/heads/main");
    let pushed = h.push("mina", &["agent/work:main"]);
    pushed.refused("remote: refs/heads/main: may not land.");
    pushed.refused("UNSIGNED: default needs 1 of role senior, has 0.");
    assert_eq!(h.at("refs/heads/main"), before);
    h.f.decide("dana", "agent/work", Verdict::Approve);
    h.push("mina", &["agent/work:main"]).refused("UNSIGNED");
    h.push("dana", &[LEDGER]).landed();
    h.push("mina", &["agent/work:main"]).landed();
    assert_eq!(h.at("refs/heads/main"), h.f.id("agent/work"));
    let log = h.log();
    let outcomes: Vec<_> = log.lines().map(|line| line.split_whitespace().nth(3).unwrap()).collect();
    let expected = ["probe", "recorded", "deny", "deny", "allow", "allow"];
    assert_eq!(outcomes, expected, "the first two are of the installation: {log}");
}

#[test]
fn the_record_may_come_with_what_it_is_about() {
    let h = Host::new();
    h.f.decide("dana", "agent/work", Verdict::Approve);
    h.push("mina", &["--atomic", "agent/work:main", LEDGER]).landed();
    assert_eq!(h.at("refs/heads/main"), h.f.id("agent/work"));
}

#[test]
fn a_rejection_that_comes_with_it_stops_the_whole_push() {
    let h = Host::new();
    h.f.decide("rahim", "agent/work", Verdict::Approve);
    h.f.decide("dana", "agent/work", Verdict::Reject);
    h.push("mina", &["agent/work:main", LEDGER]).refused("VETOED: dana rejected it");
    assert_eq!(h.at("refs/heads/main"), h.f.id("main"));
}

#[test]
fn records_are_only_ever_added() {
    let h = Host::new();
    h.f.decide("dana", "agent/work", Verdict::Reject);
    let chain = h.f.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/decisions"]);
    h.push("dana", &[LEDGER]).landed();
    let held = h.at(&chain);
    h.push("mina", &[&format!(":{chain}")]).refused("LEDGER_ROLLBACK");
    let other = h.f.git("mina", &["commit-tree", "-m", "empty", &h.f.git("mina", &["mktree", "--missing"])]);
    h.push("mina", &["--force", &format!("{other}:{chain}")]).refused("LEDGER_ROLLBACK");
    h.push("mina", &[&format!("{other}:refs/undersign/decisions/x/y")]).refused("STRANGER");
    h.push("mina", &[&format!("{other}:refs/undersign/notes")]).refused("LEDGER_ROLLBACK");
    assert_eq!(h.at(&chain), held);
    h.f.decide("dana", "agent/work", Verdict::Approve);
    h.push("dana", &[LEDGER]).landed();
}

#[test]
fn branches_that_the_policy_calls_open_take_anything_and_others_nothing() {
    let open = policy("").replace("protected = [", "open = [\"refs/heads/agent/**\"]\nprotected = [");
    let h = Host::with(&open, &[]);
    h.push("mina", &["agent/work"]).landed();
    h.push("mina", &["agent/work:refs/heads/other"]).refused("REF_UNCOVERED");
    h.push("mina", &["agent/work:refs/heads/MAIN"]).refused("REF_UNCOVERED");
    h.push("mina", &[":agent/work"]).landed();
    h.push("mina", &[":main"]).refused("REF_DELETED");
}

#[test]
fn one_ref_that_may_not_land_keeps_the_others_out() {
    let open = policy("").replace("protected = [", "open = [\"refs/heads/agent/**\"]\nprotected = [");
    let h = Host::with(&open, &[]);
    let pushed = h.push("mina", &["agent/work", "agent/work:main"]);
    pushed.refused("Nothing of this push landed.");
    assert_eq!(h.at("refs/heads/agent/work"), "");
}

#[test]
fn a_gate_that_only_reports_lets_it_land_and_says_so() {
    let h = Host::with(&policy(""), &["--report-only"]);
    let pushed = h.push("mina", &["agent/work:main"]);
    pushed.landed();
    assert!(pushed.said.contains("may not land") && pushed.said.contains("only reports here"), "{}", pushed.said);
    assert!(h.log().contains("deny"));
}

#[test]
fn nothing_in_the_repository_turns_the_gate_down() {
    let h = Host::new();
    // What a pusher can bring: files of any name, and refs. What a repository's own configuration could say is no
    // pusher's.
    h.f.git("mina", &["checkout", "-q", "agent/work"]);
    for file in [".undersign/gate.toml", ".undersign/config.toml", "gate.toml"] {
        h.f.write(file, "report_only = true\n");
    }
    h.f.commit("mina", "Only report");
    h.push("mina", &["agent/work:main"]).refused("may not land");
    support::git_in(&h.bare, "mina", &["config", "undersign.reportOnly", "true"]);
    h.push("mina", &["agent/work:main"]).refused("may not land");
}

#[test]
fn a_hook_that_is_there_is_kept_and_runs_after_ours_agreed() {
    let h = Host::new();
    let hook = h.bare.join("hooks/pre-receive");
    std::fs::remove_file(&hook).unwrap();
    write_hook(&hook, "#!/bin/sh\ncat > told\n[ ! -e refuse ]\n");
    let refused = h.install(&[]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("--chain"), "{}", text(&refused.stderr));
    assert!(h.install(&["--chain"]).status.success());
    h.push("mina", &["agent/work:main"]).refused("UNSIGNED");
    assert!(!h.bare.join("told").exists(), "the other hook is asked only about what may land");
    h.f.decide("dana", "agent/work", Verdict::Approve);
    // A push refused by another hook after ours agreed: nothing of it may be remembered as having landed.
    std::fs::write(h.bare.join("refuse"), "").unwrap();
    h.push("mina", &["agent/work:main", LEDGER]).refused("pre-receive hook declined");
    assert!(std::fs::read_to_string(h.bare.join("told")).unwrap().contains("refs/heads/main"));
    assert!(h.log().contains("allow"));
    std::fs::remove_file(h.bare.join("refuse")).unwrap();
    h.push("mina", &["agent/work:main"]).refused("UNSIGNED");
    h.push("mina", &["agent/work:main", LEDGER]).landed();
}

#[test]
fn a_gate_is_not_installed_where_git_would_never_ask_it() {
    let h = Host::new();
    let hooks = h.bare.join("hooks");
    let set = |path: &Path| support::git_in(&h.bare, "rahim", &["config", "core.hooksPath", path.to_str().unwrap()]);
    set(&h.f.dir.path().join("elsewhere"));
    let refused = h.install(&[]);
    assert!(!refused.status.success() && text(&refused.stderr).contains("that is not a directory"), "{refused:?}");
    set(&hooks);
    assert!(h.install(&[]).status.success());
    h.push("mina", &["agent/work:main"]).refused("UNSIGNED");
}

#[test]
fn a_gate_is_installed_where_this_repository_s_git_runs_hooks_from() {
    let h = Host::new();
    let own = h.bare.join("hooks/pre-receive");
    let central = h.f.dir.path().join("central");
    std::fs::create_dir(&central).unwrap();
    std::fs::create_dir(h.bare.join("other")).unwrap();
    // Git takes a relative path from the git directory.
    for (path, hook) in
        [(central.to_str().unwrap(), central.join("pre-receive")), ("other", h.bare.join("other/pre-receive"))]
    {
        let _ = std::fs::remove_file(&own);
        support::git_in(&h.bare, "rahim", &["config", "core.hooksPath", path]);
        let installed = h.install(&[]);
        assert!(installed.status.success() && text(&installed.stdout).contains("git asks it"), "{installed:?}");
        let is_outside = text(&installed.stdout).contains("It lies in");
        assert_eq!(is_outside, path.starts_with('/'), "{installed:?}");
        assert!(hook.exists() && !own.exists());
        h.push("mina", &["agent/work:main"]).refused("UNSIGNED");
    }
}

#[test]
fn a_gate_that_git_does_not_ask_is_not_said_to_be_installed() {
    let h = Host::new();
    // Of whoever runs git here; the repository says nothing of it.
    let config = h.f.dir.path().join("gitconfig");
    std::fs::write(&config, format!("[core]\n\thooksPath = {}\n", h.f.dir.path().join("nowhere").display())).unwrap();
    let install = |options: &[&str]| {
        let mut command = Command::new(UNDERSIGN);
        command.args(["gate", "install"]).arg(&h.bare).args(options);
        command.env("GIT_CONFIG_GLOBAL", &config).output().unwrap()
    };
    for options in [&[][..], &["--report-only"]] {
        let output = install(options);
        assert_eq!(output.status.code(), Some(70), "{output:?}");
        assert!(text(&output.stderr).contains("git did not ask it"), "{}", text(&output.stderr));
    }
    assert!(h.at("refs/undersign/is-the-gate-asked").is_empty(), "nothing is left of the trial");
    std::fs::write(&config, "").unwrap();
    for options in [&["--report-only"][..], &[]] {
        let output = install(options);
        assert!(output.status.success() && text(&output.stdout).contains("git asks it"), "{output:?}");
    }
    assert!(h.at("refs/undersign/is-the-gate-asked").is_empty());
    h.push("mina", &["agent/work:main"]).refused("UNSIGNED");
}

#[test]
fn an_installation_answers_for_no_ref_that_was_taken_back() {
    let h = Host::new();
    let before = h.at("refs/heads/main");
    h.f.decide("dana", "agent/work", Verdict::Approve);
    h.push("mina", &["agent/work:main", LEDGER]).landed();
    assert!(h.install(&[]).status.success());
    support::git_in(&h.bare, "rahim", &["update-ref", "refs/heads/main", &before]);
    let output = h.install(&[]);
    assert_eq!(output.status.code(), Some(70), "{output:?}");
    assert!(text(&output.stderr).contains("was taken back behind the gate, and was not recorded"), "{output:?}");
    h.record(&["refs/heads/main"]);
    let log = std::fs::read_to_string(h.bare.join("undersign/gate/log.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&last["outcome"], &last["refs"][0]["new"]), (&"recorded".into(), &before.into()));
    assert!(h.install(&[]).status.success());
}

#[test]
fn a_restored_state_is_a_fault_and_no_installation_answers_for_it() {
    let h = Host::new();
    h.f.decide("dana", "agent/work", Verdict::Approve);
    h.push("mina", &["agent/work:main", LEDGER]).landed();
    let run = |words: &[&str]| Command::new(UNDERSIGN).arg("--repo").arg(&h.bare).args(words).output().unwrap();
    let file = h.f.dir.path().join("backup");
    assert!(run(&["gate", "backup", "--to", file.to_str().unwrap()]).status.success());
    let state = h.bare.join("undersign/gate");
    let aside = h.f.dir.path().join("aside");
    std::fs::rename(&state, &aside).unwrap();
    let restored = run(&["gate", "restore", file.to_str().unwrap()]);
    assert!(text(&restored.stdout).contains("Nothing lands yet"), "{restored:?}");
    let doctor = run(&["doctor"]);
    assert!(!doctor.status.success() && text(&doctor.stdout).contains("(RESTORED)"), "{doctor:?}");
    let log = || std::fs::read_to_string(state.join("log.jsonl")).unwrap();
    let before = log();
    let installed = h.install(&[]);
    assert!(installed.status.success() && text(&installed.stdout).contains("was not recorded"), "{installed:?}");
    assert!(!log()[before.len()..].contains("recorded"));
    assert!(run(&["gate", "accept", "--restored", "--because", "the disk died"]).status.success());
    assert!(!text(&run(&["doctor"]).stdout).contains("(RESTORED)"));
    // Elsewhere, where the hook does not look, or where there is none.
    let other = h.f.dir.path().join("other");
    let elsewhere = run(&["gate", "restore", file.to_str().unwrap(), "--state", other.to_str().unwrap()]);
    let said = text(&elsewhere.stdout);
    assert!(said.contains("THE HOOK DOES NOT USE THIS STATE") && !said.contains("Nothing lands yet"), "{said}");
    assert!(h.install(&["--state", aside.to_str().unwrap()]).status.success());
    let asked = run(&["gate", "backup", "--to", file.to_str().unwrap()]);
    assert!(text(&asked.stderr).contains("was installed with --state"), "{asked:?}");
}

#[test]
fn what_somebody_put_where_an_installation_tries_the_gate_does_not_stop_it() {
    let h = Host::new();
    support::git_in(&h.bare, "rahim", &["update-ref", "refs/undersign/is-the-gate-asked", &h.at("refs/heads/main")]);
    let output = h.install(&[]);
    assert!(output.status.success() && text(&output.stdout).contains("git asks it"), "{output:?}");
}

#[test]
fn a_gate_is_not_installed_with_a_key_that_cannot_be_used() {
    let h = Host::new();
    let hook = h.bare.join("hooks/pre-receive");
    let before = std::fs::read(&hook).unwrap();
    let key = h.f.dir.path().join("state.key");
    for content in [None, Some("not a key"), Some("")] {
        if let Some(content) = content {
            std::fs::write(&key, content).unwrap();
        }
        let refused = h.install(&["--state-key", key.to_str().unwrap()]);
        assert!(!refused.status.success() && text(&refused.stderr).contains("openssl rand"), "{content:?}");
        assert_eq!(std::fs::read(&hook).unwrap(), before, "the hook that is there stays as it was");
    }
    std::fs::write(&key, "5".repeat(64)).unwrap();
    assert!(h.install(&["--state-key", key.to_str().unwrap()]).status.success());
    assert_ne!(std::fs::read(&hook).unwrap(), before);
}

#[test]
fn a_gate_is_not_installed_with_a_policy_file_that_cannot_be_used() {
    let h = Host::new();
    let file = h.f.dir.path().join("policy.toml");
    for content in [None, Some("version = "), Some("")] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let refused = h.install(&["--policy", file.to_str().unwrap()]);
        assert!(!refused.status.success() && text(&refused.stderr).contains("policy.toml"), "{content:?}");
    }
    std::fs::write(&file, policy("")).unwrap();
    assert!(h.install(&["--policy", file.to_str().unwrap()]).status.success());
}

#[test]
fn a_gate_whose_program_is_gone_refuses_everything() {
    let h = Host::new();
    let hook = h.bare.join("hooks/pre-receive");
    let text = std::fs::read_to_string(&hook).unwrap();
    write_hook(&hook, &text.replace(UNDERSIGN, "/nonexistent/undersign"));
    h.push("mina", &["agent/work:main"]).refused("declined");
}

#[test]
fn who_pushes_is_what_the_host_says() {
    let proven = policy("").replace("version = 1\n", "version = 1\nauthor_proof = \"proven\"\n");
    let h = Host::with(&proven, &["--pusher-env", "HOST_USER"]);
    h.f.decide("dana", "agent/work", Verdict::Approve);
    h.push("dana", &["agent/work:main", LEDGER]).refused("AUTHOR_UNPROVEN");
    h.push("mina", &["agent/work:main", LEDGER]).landed();
}

#[test]
fn of_two_pushes_at_once_one_lands_and_the_ledger_is_whole() {
    let h = Host::new();
    h.f.git("mina", &["checkout", "-q", "-b", "second", "main"]);
    h.f.write("b.txt", "x\n");
    h.f.commit("mina", "Second");
    h.f.decide("dana", "agent/work", Verdict::Approve);
    h.f.decide("dana", "second", Verdict::Approve);
    h.push("dana", &[LEDGER]).landed();
    for _ in 0..3 {
        let before = h.at("refs/heads/main");
        let pushed: Vec<Pushed> = std::thread::scope(|scope| {
            let spawn = |branch: &'static str| {
                let h = &h;
                scope.spawn(move || h.push("mina", &[&format!("{branch}:main")]))
            };
            let running = ["agent/work", "second"].map(spawn);
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(pushed.iter().filter(|pushed| pushed.landed).count(), 1, "{pushed:?}");
        assert!(!pushed.iter().any(|pushed| pushed.said.contains("behind the gate")), "{pushed:?}");
        // The gate sees where main stands when it is asked the next time, whatever for.
        h.push("mina", &["agent/work:elsewhere"]).refused("REF_UNCOVERED");
        // Back, past the gate, for the next round: that is noticed, until the operator answers for it.
        support::git_in(&h.bare, "rahim", &["update-ref", "refs/heads/main", &before]);
        h.push("mina", &["agent/work:main"]).refused("taken back behind the gate");
        h.record(&["refs/heads/main"]);
    }
    assert!(h.log().contains("allow"));
}

#[test]
fn merge_squash_and_rebase_of_what_was_approved_land() {
    for way in ["merge", "squash", "rebase"] {
        let h = Host::new();
        h.f.decide("dana", "agent/work", Verdict::Approve);
        h.push("dana", &[LEDGER]).landed();
        match way {
            "merge" => _ = h.f.git("dana", &["merge", "-q", "--no-ff", "-m", "Merge", "agent/work"]),
            "squash" => {
                h.f.git("dana", &["merge", "-q", "--squash", "agent/work"]);
                h.f.commit("dana", "Count from two (#12)");
            }
            _ => {
                h.f.git("mina", &["checkout", "-q", "agent/work"]);
                h.f.git("mina", &["commit", "-q", "--amend", "-m", "Said better"]);
                h.f.git("mina", &["branch", "-f", "main", "agent/work"]);
            }
        }
        h.push("dana", &["main:main"]).landed();
    }
}

/// A push by a client that says of the refs what it likes: `(old, new, ref)` each, with the objects of some revisions.
fn push_crafted(h: &Host, moves: &[(&str, &str, &str)], revisions: &[&str]) {
    let mut input = Vec::new();
    for (at, (old, new, name)) in moves.iter().enumerate() {
        let line = format!("{old} {new} {name}{}", if at == 0 { "\0report-status" } else { "" });
        input.extend(format!("{:04x}{line}", line.len() + 4).into_bytes());
    }
    input.extend(b"0000");
    let mut pack = Command::new("git");
    pack.current_dir(&h.f.repo).args(["pack-objects", "--revs", "--stdout", "-q"]);
    input.extend(piped(&mut pack, (revisions.join("\n") + "\n").as_bytes()));
    piped(Command::new("git").arg("receive-pack").arg(&h.bare), &input);
}

fn piped(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap().stdout
}

/// A policy that no branch holds says that main is anybody's; a push names it as where main stands.
fn with_a_policy_of_ones_own(moves: impl Fn(&str, &str, &str) -> Vec<(String, String, &'static str)>) -> bool {
    let h = Host::with(&policy("").replace("protected = [", "protected = [\"refs/heads/release/*\", "), &[]);
    h.f.git("mina", &["checkout", "-q", "-b", "own"]);
    let open = policy("").replace("protected = [\"refs/heads/main\"]", "protected = []\nopen = [\"refs/heads/**\"]");
    h.f.write(".undersign/policy.toml", &open.replace("version = 1\n", "version = 9\n"));
    let own = h.f.commit("mina", "A policy of my own");
    let (main, work) = (h.at("refs/heads/main"), h.f.id("agent/work"));
    let moves = moves(&main, &own, &work);
    let moves: Vec<_> = moves.iter().map(|(old, new, name)| (old.as_str(), new.as_str(), *name)).collect();
    push_crafted(&h, &moves, &[&own, &work]);
    h.at("refs/heads/main") != main || !h.at("refs/heads/release/1").is_empty()
}

#[test]
fn where_the_policy_branch_stands_is_not_for_the_pusher_to_say() {
    let main = "refs/heads/main";
    assert!(!with_a_policy_of_ones_own(|at, own, work| vec![
        (own.into(), work.into(), main),
        (at.into(), work.into(), main),
    ]));
    assert!(!with_a_policy_of_ones_own(|_, own, work| vec![
        (own.into(), work.into(), main),
        ("0".repeat(40), work.into(), "refs/heads/release/1"),
    ]));
}

#[test]
fn no_branch_is_taken_for_the_policy_branch_but_the_one_that_the_operator_says() {
    let open = policy("").replace("protected = [", "open = [\"refs/heads/**\"]\nprotected = [");
    let h = Host::with(&open, &[]);
    // As `git init --bare` leaves it where nobody says otherwise: no branch but that one holds the policy, there or
    // not.
    support::git_in(&h.bare, "rahim", &["symbolic-ref", "HEAD", "refs/heads/master"]);
    h.push("mina", &["agent/work:refs/heads/agent/work"]).refused("The policy branch refs/heads/master is not here");
    support::git_in(&h.bare, "rahim", &["symbolic-ref", "HEAD", "refs/heads/main"]);
    h.push("mina", &["agent/work:refs/heads/master"]).landed();
    h.push("mina", &["agent/work:main"]).refused("UNSIGNED");
}

#[test]
fn another_name_of_a_protected_branch_is_no_way_to_it() {
    let h = Host::with(&policy("").replace("protected = [", "open = [\"refs/heads/**\"]\nprotected = ["), &[]);
    let before = h.at("refs/heads/main");
    support::git_in(&h.bare, "rahim", &["symbolic-ref", "refs/heads/master", "refs/heads/main"]);
    h.push("mina", &["agent/work:master"]).refused("another name of refs/heads/main");
    assert_eq!(h.at("refs/heads/main"), before);
    h.push("mina", &["agent/work:other"]).landed();
}

fn write_hook(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A branch landed, and the record that came with it did not: git moves each ref by itself, after the hook, and
/// somebody who holds the lock of one makes it fail alone.
fn landed_without_its_record(recorded: bool) -> Host {
    let h = Host::new();
    h.f.decide("dana", "agent/work", Verdict::Approve);
    let chain = h.f.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/decisions"]);
    let lock = h.bare.join(format!("{chain}.lock"));
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    std::fs::write(&lock, "").unwrap();
    if !recorded {
        std::fs::remove_dir_all(h.bare.join("undersign/gate")).unwrap();
    }
    let pushed = h.push("mina", &["agent/work:main", LEDGER]);
    assert!(!pushed.landed && h.at("refs/heads/main") == h.f.id("agent/work"), "{}", pushed.said);
    assert_eq!(h.at(&chain), "");
    std::fs::remove_file(&lock).unwrap();
    h.f.git("mina", &["checkout", "-q", "-b", "next", "agent/work"]);
    h.f.write("b.txt", "x\n");
    h.f.commit("mina", "Next");
    h
}

#[test]
fn what_landed_without_its_record_counts_once_that_comes() {
    let h = landed_without_its_record(true);
    h.push("mina", &["next:main"]).refused("UNSIGNED");
    h.push("dana", &[LEDGER]).landed();
    h.f.git("dana", &["fetch", "-q", "host", "main:main"]);
    h.f.decide("dana", "next", Verdict::Approve);
    h.push("dana", &[LEDGER]).landed();
    h.push("mina", &["next:main"]).landed();
}

#[test]
fn where_no_states_are_recorded_what_landed_does_not_go_without_its_record() {
    let h = landed_without_its_record(false);
    h.push("mina", &["next:main"]).refused("LEDGER_ROLLBACK");
    h.push("dana", &[LEDGER]).landed();
    h.push("mina", &["next:main"]).refused("UNSIGNED");
}

#[test]
fn a_hook_that_is_told_nothing_lets_nothing_through() {
    let h = Host::new();
    let mut child = Command::new(UNDERSIGN);
    let output = child.arg("--repo").arg(&h.bare).args(["verify", "--pre-receive"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", text(&output.stderr));
}

#[test]
fn what_landed_is_in_the_log_and_what_another_hook_refused_after_us_is_not() {
    let h = Host::new();
    h.f.decide("dana", "agent/work", Verdict::Approve);
    h.push("dana", &[LEDGER]).landed();
    let update = h.bare.join("hooks/update");
    std::fs::write(&update, "#!/bin/sh\necho not today >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&update, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    h.push("mina", &["agent/work:main"]).refused("not today");
    std::fs::remove_file(&update).unwrap();
    h.push("mina", &["agent/work:refs/heads/x"]).refused("REF_UNCOVERED");
    let landed = |log: &str| log.lines().filter(|line| line.contains("landed")).count();
    assert_eq!(landed(&h.log()), 0, "{}", h.log());
    h.push("mina", &["agent/work:main"]).landed();
    h.push("mina", &["agent/work:refs/heads/x"]).refused("REF_UNCOVERED");
    assert_eq!(landed(&h.log()), 1, "{}", h.log());
}
