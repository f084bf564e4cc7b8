//! `undersign doctor`: what is really enforced, and that nothing else is called good: row 47 of `docs/threat-model.md`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use undersign::change::address;
use undersign::decision::{Draft, Revised, Verdict};
use undersign::examination::{self, RepositorySnapshot};
use undersign::signing::{self, Case};

use crate::support::{DEVICE, Fixture, all_of, git_in, key_of, now, policy};
use crate::{Said, WORK, beside, land, run, run_in};

/// A repository that people push to, on the host.
struct Host {
    f: Fixture,
    bare: PathBuf,
}

impl Host {
    fn of(f: Fixture) -> Host {
        let bare = f.dir.path().join("shop.git");
        f.git("rahim", &["clone", "-q", "--bare", "--template=", ".", bare.to_str().unwrap()]);
        f.git("rahim", &["push", "-q", bare.to_str().unwrap(), "refs/undersign/*:refs/undersign/*"]);
        Host { f, bare }
    }

    fn gated(f: Fixture, options: &[&str]) -> Host {
        let host = Host::of(f);
        let name = host.bare.display().to_string();
        run(&host.f, &[&["gate", "install", &name], options].concat()).exits(0);
        host
    }

    fn new() -> Host {
        Host::gated(Fixture::new(), &["--pusher-env", "GL_USERNAME"])
    }

    fn doctor(&self) -> Said {
        run_in(&self.f, &self.bare, &["doctor"])
    }

    /// Exactly one check fails and is reported; nothing good is said about it.
    fn fails(&self, what: &str) -> Said {
        let said =
            self.doctor().exits(2).says(&format!("✗ {what}")).complains("undersign: One thing above is not enforced.");
        assert_eq!(said.out.matches('✗').count(), 1, "{said:?}");
        said
    }

    fn hook(&self) -> PathBuf {
        self.bare.join("hooks/pre-receive")
    }

    fn config(&self, key: &str, value: &str) {
        git_in(&self.bare, "rahim", &["config", key, value]);
    }
}

fn chmod(path: &PathBuf, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_repository_with_a_gate_is_sound() {
    let h = Host::new();
    let said = h.doctor().exits(0);
    assert_eq!(said.err, "");
    let said = said.says("✓ The gate is the pre-receive hook.\n");
    let said = said.says("✓ The policy is version 1, on refs/heads/main, which is protected.\n");
    let said = said.says("✓ The gate refuses to rewind or delete records.\n");
    let said = said.says("✓ The ledger is whole: no record yet.\n");
    assert!(!said.out.contains(['✗', '·']), "{said:?}");
    h.f.decide("dana", WORK, Verdict::Approve);
    let told = format!("{} {} refs/heads/main\n", h.f.id("main"), h.f.id(WORK));
    crate::run_on(&h.f, &h.f.repo, &["verify", "--pre-receive"], &told).exits(0);
    let log = run_in(&h.f, &h.bare, &["gate", "log"]).exits(0).says("  probe  ").says_not("deny");
    assert!(log.out.contains("refs/undersign/is-the-gate-asked"), "{log:?}");
    let here = run(&h.f, &["doctor"]).exits(0).says("· No gate here; this is a working copy.");
    here.says("✓ The ledger is whole: 1 record in 1 chain.\n").says("✓ The log of verdicts is whole: 1 line.\n");
}

#[test]
fn a_gate_that_is_not_told_who_pushes_is_told() {
    let h = Host::gated(Fixture::new(), &[]);
    h.doctor().exits(0).says("· The gate is not told who pushes (--pusher-env)");
}

#[test]
fn a_hook_that_is_missing_or_somebody_elses_is_told() {
    let h = Host::of(Fixture::new());
    let said = h.doctor().exits(2).says("✗ No gate: there is no pre-receive hook.").complains("2 things above");
    said.says("✗ Whoever pushes can rewind and delete records");
    std::fs::create_dir_all(h.bare.join("hooks")).unwrap();
    std::fs::write(h.hook(), "#!/bin/sh\nexit 0\n").unwrap();
    chmod(&h.hook(), 0o755);
    h.doctor().exits(2).says("✗ The pre-receive hook is somebody else's: `undersign gate install --chain DIR`");
    let name = h.bare.display().to_string();
    run(&h.f, &["gate", "install", &name]).exits(70).complains("There is a hook already");
    run(&h.f, &["gate", "install", "--chain", &name]).exits(0);
    h.doctor().exits(0).says("· Another pre-receive hook runs after the gate agreed.");
}

#[test]
fn a_hook_that_git_does_not_run_guards_nothing() {
    let h = Host::new();
    chmod(&h.hook(), 0o644);
    let said = h.doctor().exits(2).says("✗ The pre-receive hook is not executable, so git skips it.");
    said.says("✗ Whoever pushes can rewind and delete records").says_not("✓ The gate").complains("2 things above");
    chmod(&h.hook(), 0o755);
    h.config("core.hooksPath", "/srv/hooks");
    let said = h
        .doctor()
        .exits(2)
        .says("✗ git runs hooks from /srv/hooks (core.hooksPath), so the gate in hooks/ never runs.");
    said.says("✗ Whoever pushes can rewind and delete records").says_not("✓ The gate");
    // Git looks in the gate's directory after all.
    h.config("core.hooksPath", h.bare.join("hooks").to_str().unwrap());
    h.doctor().exits(0).says("✓ The gate is the pre-receive hook.");
}

/// The folder from which git runs hooks, other than that of the repository.
fn central(h: &Host) -> PathBuf {
    let dir = h.f.dir.path().join("central");
    std::fs::create_dir(&dir).unwrap();
    h.config("core.hooksPath", dir.to_str().unwrap());
    dir
}

#[test]
fn a_gate_where_git_runs_hooks_from_is_the_gate() {
    let h = Host::new();
    let there = central(&h).join("pre-receive");
    std::fs::rename(h.hook(), &there).unwrap();
    let said = h.doctor().exits(0).says("✓ The gate is the pre-receive hook.\n");
    said.says("✓ The gate refuses to rewind or delete records.\n");
    chmod(&there, 0o775);
    h.fails("Group or others may write the hook, ");
}

#[test]
fn twin_somebody_elses_hook_where_git_runs_hooks_from_is_none() {
    let h = Host::new();
    let there = central(&h).join("pre-receive");
    std::fs::write(&there, "#!/bin/sh\nexit 0\n").unwrap();
    chmod(&there, 0o755);
    let said = h.doctor().exits(2).says("(core.hooksPath), so the gate in hooks/ never runs. The pre-receive hook is");
    said.says("✗ Whoever pushes can rewind and delete records").says_not("✓ The gate");
}

#[test]
fn a_clock_that_ran_ahead_is_told_with_what_takes_it_back() {
    let h = Host::new();
    let file = h.bare.join("undersign/gate/memory.json");
    let set = |clock: i64| {
        let mut memory: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        memory["clock"] = clock.into();
        std::fs::write(&file, memory.to_string()).unwrap();
    };
    set(4_102_444_800);
    let said = h.doctor().exits(2).says("✗ The gate last let a push through at 2100-01-01T00:00:00Z, and it is ");
    said.says("`undersign gate accept --clock --because …`.");
    set(now() - 60);
    h.doctor().says_not("The gate last let a push through");
}

#[test]
fn a_policy_file_of_the_operator_is_what_a_doctor_looks_at() {
    let f = Fixture::with_policy("");
    let file = f.dir.path().join("central.toml");
    std::fs::write(&file, policy("")).unwrap();
    let name = file.to_str().unwrap().to_owned();
    let h = Host::gated(f, &["--policy", &name, "--pusher-env", "U"]);
    let good = format!("✓ The policy is version 1 of fixture-1, in {name}.\n");
    h.doctor().exits(0).says(&good).says_not("There is no policy");
    chmod(&file, 0o666);
    h.fails("Group or others may write the policy, ");
    chmod(&file, 0o644);
    // A service is given the file, and there is no hook that names it.
    std::fs::remove_file(h.hook()).unwrap();
    h.doctor().exits(2).says("✗ There is no policy on refs/heads/main: nothing may land.");
    run_in(&h.f, &h.bare, &["doctor", "--policy", &name]).exits(2).says(&good).says_not("There is no policy");
    std::fs::write(&file, policy("[surprise]\n")).unwrap();
    let said = run_in(&h.f, &h.bare, &["doctor", "--policy", &name]).exits(2);
    said.says(&format!("✗ The policy {name} cannot be used, so nothing may land: ")).says("line ");
}

#[test]
fn a_gate_that_only_reports_is_no_gate() {
    let h = Host::gated(Fixture::new(), &["--report-only", "--pusher-env", "GL_USERNAME"]);
    let said = h.doctor().exits(2).says("✗ The gate only reports: everything lands.").says_not("✓ The gate");
    said.says("✗ Whoever pushes can rewind and delete records");
}

#[test]
fn a_hook_or_a_state_that_others_may_write_is_told() {
    let h = Host::new();
    chmod(&h.hook(), 0o775);
    h.fails("Group or others may write the hook, ");
    chmod(&h.hook(), 0o755);
    let state = h.bare.join("undersign/gate");
    std::fs::create_dir_all(&state).unwrap();
    chmod(&state, 0o777);
    h.fails("Group or others may write the gate's state, ");
}

#[test]
fn a_policy_that_whoever_pushes_may_write_is_told() {
    let text = policy("").replacen("protected = [\"refs/heads/main\"]", "protected = [\"refs/heads/release\"]", 1);
    Host::gated(Fixture::with_policy(&text), &["--pusher-env", "U"])
        .fails("The policy lies on refs/heads/main, which is not protected: who pushes there makes the rules.");
    let rewrite = "protected = [{ match = \"refs/heads/main\", rewrite = \"allow\" }]";
    let text = policy("").replacen("protected = [\"refs/heads/main\"]", rewrite, 1);
    Host::gated(Fixture::with_policy(&text), &["--pusher-env", "U"])
        .fails("The policy lies on refs/heads/main, which may be rewritten or deleted.");
}

#[test]
fn a_policy_that_is_absent_wrong_or_over_lets_nothing_land() {
    let gated = |text: &str| Host::gated(Fixture::with_policy(text), &["--pusher-env", "U"]);
    gated("").fails("There is no policy on refs/heads/main: nothing may land.");
    gated(&policy("[surprise]\n"))
        .fails("The policy on refs/heads/main has mistakes, so nothing may land: ")
        .says("line ");
    let expires = |seconds: i64| {
        let time = jiff::Timestamp::from_second(now() + seconds).unwrap();
        gated(&policy("").replacen("version = 1\n", &format!("version = 1\nexpires = {time}\n"), 1))
    };
    expires(-60).fails("The policy has expired: only a change of it may land.");
    expires(36 * 3_600).doctor().exits(0).says("· The policy expires in 2 days.");
    expires(3_000).doctor().exits(0).says("· The policy expires in 1 day.");
    expires(90 * 86_400).doctor().exits(0).says_not("expires");
}

#[test]
fn what_a_policy_gives_away_is_told_and_is_no_fault() {
    let given = policy("").replacen("version = 1\n", "version = 1\nself_review = true\n", 1);
    let given = given.replacen("presume = true", "presume = false", 1).replacen(
        "protected",
        "open = [\"refs/**\"]\nprotected",
        1,
    );
    let said = Host::gated(Fixture::with_policy(&given), &["--pusher-env", "U"]).doctor().exits(0);
    let said = said.says("· An author's own signature counts (self_review).");
    let said = said.says("· A change without a sign of AI needs nothing more");
    said.says("· refs/** is open; records stay protected all the same.");
}

#[test]
fn records_that_could_be_rewound_are_told() {
    let h = Host::of(Fixture::new());
    h.config("receive.denyDeletes", "true");
    h.doctor().exits(2).says("✗ Whoever pushes can rewind and delete records");
    h.config("receive.denyNonFastForwards", "yes");
    h.doctor().exits(2).says("✓ git refuses rewinds and deletions of any ref").says_not("Whoever pushes");
}

#[test]
fn a_damaged_ledger_is_told_with_whose_it_is() {
    let f = Fixture::new();
    f.decide("dana", WORK, Verdict::Reject);
    let chain = f.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign"]);
    let tree = f.git("dana", &["ls-tree", &chain]);
    let blob = tree.split_ascii_whitespace().nth(2).unwrap();
    beside(&f, "shop/garbage", "{}\n");
    let garbage = f.git("dana", &["hash-object", "-w", "garbage"]);
    beside(&f, "shop/tree", tree.replace(blob, &garbage) + "\n");
    let tree = {
        let listing = std::fs::File::open(f.repo.join("tree")).unwrap();
        let made =
            std::process::Command::new("git").current_dir(&f.repo).arg("mktree").stdin(listing).output().unwrap();
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    };
    let commit = f.git("dana", &["commit-tree", &tree, "-m", "rewritten"]);
    f.git("dana", &["update-ref", &chain, &commit]);
    let h = Host::gated(f, &["--pusher-env", "U"]);
    h.fails("Record 1 of a chain of dana does not hold: ").says_not("The ledger is whole");
}

#[test]
fn a_damaged_log_is_told() {
    let h = Host::new();
    let state = h.bare.join("undersign/gate");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("log.jsonl"), "torn").unwrap();
    h.fails("The gate's log ").says("is damaged: its last line was never finished");
}

#[test]
fn allowed_signers_without_a_namespace_are_told_wherever_the_file_lies() {
    let h = Host::new();
    let key = key_of("dana").public_key().to_openssh().unwrap();
    let stranger = key_of("stranger").public_key().to_openssh().unwrap();
    let bare = format!("# all\n#dana@example.com {key}\ndana@example.com {key} laptop\nother@example.com {stranger}\n");
    let file = beside(&h.f, "signers", &bare);
    for name in [&*file, "~/signers"] {
        h.config("gpg.ssh.allowedSignersFile", name);
        h.fails("1 line of ").says(" names keys of the roster without a namespace");
    }
    beside(&h.f, "signers", bare.clone() + &format!("d@example.com {key}\n"));
    h.fails("2 lines of ").says(" name keys of the roster without a namespace");
    beside(&h.f, "signers", bare.replace("dana@example.com ssh", "dana@example.com namespaces=\"git\" ssh"));
    h.doctor().exits(0);
}

#[test]
fn a_folder_that_is_no_repository_and_a_remote_that_is_not_there_are_told() {
    let f = Fixture::new();
    run_in(&f, std::path::Path::new("/"), &["doctor"]).exits(70).complains("/ is not a git repository.");
    run(&f, &["doctor", "--remote", "nowhere"]).exits(70).complains("nowhere");
}

const JOB: &str = "permissions: { contents: read }\njobs:\n  undersigned:\n    steps:\n      - run: undersign verify --proposal \
                   --new ${{ github.event.pull_request.head.sha }}\n";

fn pipeline(path: &str, on: &str, solo: bool) -> Host {
    let text = if solo {
        policy("").replacen("[\".undersign/**\"]", "[\".undersign/**\", \".github/**\", \".gitlab-ci.yml\"]", 1)
    } else {
        policy("")
    };
    let f = Fixture::with_policy(&text);
    land(&f, &[(path, &format!("{on}\n{JOB}"))]);
    Host::gated(f, &["--pusher-env", "U"])
}

#[test]
fn row_47_a_gate_in_the_changes_own_pipeline_is_told() {
    let path = ".github/workflows/gate.yml";
    let what =
        ".github/workflows/gate.yml runs the gate from the change's own copy of the file: a change can take it out.";
    for on in [
        "on: pull_request",
        "on: pull_request # on each",
        "on: [push, pull_request]",
        "on: [push, \"pull_request\"]",
        "on: { pull_request: {} }",
        "on:\n  pull_request:\n    branches: [main]",
        "on:\n  - push\n  - pull_request",
        "on: [pull_request_target, pull_request]",
    ] {
        // Regardless of who may change it: a run for the change uses the file of the change.
        for solo in [false, true] {
            pipeline(path, on, solo).fails(what);
        }
    }
    pipeline(".gitlab-ci.yml", "stages: [test]", true).fails(".gitlab-ci.yml runs the gate from the change's own copy");
}

#[test]
fn row_47_a_gate_whose_file_any_change_may_carry_is_told() {
    pipeline(".github/workflows/gate.yml", "on: pull_request_target", false)
        .fails(".github/workflows/gate.yml runs the gate, and is in no compartment that stands alone");
}

#[test]
fn row_47_twin_a_gate_in_the_targets_pipeline() {
    for on in [
        "on: pull_request_target",
        "on: { pull_request_target: {}, merge_group: {} }",
        "# not on: pull_request\non:\n  pull_request_target:\n  merge_group:",
        "on: pull_request_target\nif: github.event_name != 'pull_request'",
    ] {
        let said = pipeline(".github/workflows/gate.yml", on, true).doctor().exits(0);
        said.says("· .github/workflows/gate.yml runs the gate: require its check on the host");
    }
}

#[test]
fn row_47_twin_a_pipeline_without_a_gate() {
    let f = Fixture::new();
    land(&f, &[(".github/workflows/test.yml", "on: pull_request\njobs: {}\n")]);
    Host::gated(f, &["--pusher-env", "U"]).doctor().exits(0).says_not("workflows");
}

#[test]
fn repositories_that_share_an_id_are_told() {
    let h = Host::new();
    let fork = h.f.dir.path().join("fork.git");
    h.f.git("rahim", &["clone", "-q", "--bare", h.bare.to_str().unwrap(), fork.to_str().unwrap()]);
    let told = h.doctor();
    assert!(told.out.contains("fork.git has the same repository id, fixture-1"), "{told:?}");
    std::fs::remove_dir_all(&fork).unwrap();
    assert!(!h.doctor().out.contains("same repository id"), "clones that nobody pushes to share it rightly");
}

#[test]
fn repositories_that_share_an_id_below_one_directory_are_told() {
    let h = Host::new();
    let root = h.f.dir.path().join("hosted");
    let fork = root.join("fork/shop.git");
    h.f.git("rahim", &["clone", "-q", "--bare", h.bare.to_str().unwrap(), fork.to_str().unwrap()]);
    h.doctor().exits(0).says_not("same repository id");
    let doctor = || run_in(&h.f, &h.bare, &["doctor", "--repositories", root.to_str().unwrap()]);
    doctor().exits(2).says("hosted/fork/shop.git has the same repository id, fixture-1");
    std::fs::remove_dir_all(&fork).unwrap();
    doctor().exits(0).says_not("same repository id");
}

/// A decision of an earlier version: with the URL unchanged from the configuration.
fn signed_with_uri(f: &Fixture, uri: &str) -> String {
    let (repository, snapshot) = RepositorySnapshot::open(&f.repo).unwrap();
    let change = repository.changes(0, &snapshot.target).unwrap().changes.remove(0);
    let examination = examination::whole(&repository, &snapshot, &change, now()).unwrap();
    let mut draft = Draft::new(&change.id, Revised::of(&change.revision));
    draft.reasons.insert(Verdict::Reject, "read".into());
    let (seen, verdict, key) = (all_of(1), Verdict::Reject, f.key("dana"));
    let case = Case { change: &change, examination: &examination, draft: &draft, verdict, seen: &seen };
    let mut prepared = signing::prepare(&case, &snapshot, &key, DEVICE, [3; 16], now()).unwrap();
    let payload = String::from_utf8(prepared.payload).unwrap();
    prepared.payload = payload.replacen(&address::without_user(uri), uri, 1).into_bytes();
    signing::sign(&prepared, &change, &snapshot, &key, None, now()).unwrap().id().to_string()
}

#[test]
fn a_token_in_a_url_is_neither_signed_nor_said_and_older_records_that_hold_one_are_named() {
    let f = Fixture::new();
    let uri = "https://USER:TOKEN123@host.invalid/shop.git";
    f.git("dana", &["remote", "add", "origin", uri]);
    // A new decision contains no token, and nothing is said about it.
    let now = f.decide("rahim", WORK, Verdict::Reject);
    let payload = String::from_utf8_lossy(&now.verified.payload()).into_owned();
    assert!(payload.contains("\"https://host.invalid/shop.git\""), "{payload}");
    run(&f, &["doctor"]).exits(0).says_not("a URL with");
    let id = signed_with_uri(&f, uri);
    let said = run(&f, &["doctor"]).exits(0);
    let said = said.says(&format!("· 1 record signed a URL with a user or password in it: {}.", &id[..12]));
    assert!(!format!("{said:?}").contains("TOKEN123"), "{said:?}");
    for words in [&["record", "show", &id][..], &["record", "show", &id, "--for-agent"], &["queue"], &["sync"]] {
        let said = format!("{:?}", run(&f, words));
        assert!(!said.contains("TOKEN123") && !said.contains("USER"), "{words:?}: {said}");
    }
    run(&f, &["record", "show", &id, "--payload"]).exits(0).says("TOKEN123");
}

#[test]
fn hosts_that_take_turns_at_a_state_are_told_and_one_that_moved_is_not() {
    use undersign::gate_state::{Access, GateState, StateKey};
    let h = Host::new();
    let on = |host: &str, at: i64| {
        let key = StateKey::read(&h.bare.join("undersign/state.key")).unwrap();
        let access = Access { key: Some(key), repository: "fixture-1", patience: None, lasting: false };
        GateState::open(&h.bare.join("undersign/gate"), access).unwrap().on_host(host, at).unwrap();
    };
    on("ops1", 10);
    on("ops2", 20);
    assert!(!h.doctor().out.contains("take turns"));
    on("ops1", 30);
    h.fails("Several hosts take turns at this state: ops1 went on with it at 1970-01-01T00:00:30Z");
}

#[test]
fn a_token_in_the_path_of_a_url_or_in_an_argument_is_neither_signed_nor_said() {
    const TOKEN: &str = "ghp_S3cr3tT0ken1234567890abcdefABCDEF12";
    let f = Fixture::new();
    f.git("dana", &["remote", "add", "origin", &format!("https://127.0.0.1:1/{TOKEN}/shop.git")]);
    let decided = f.decide("rahim", WORK, Verdict::Reject);
    let payload = String::from_utf8_lossy(&decided.verified.payload()).into_owned();
    assert!(payload.contains("https://127.0.0.1:1/") && !payload.contains(TOKEN), "{payload}");
    let url = format!("https://user:{TOKEN}@127.0.0.1:1/shop.git");
    let head = f.id("main");
    for words in [
        &["queue", "--fetch"][..],
        &["queue", "--fetch", "--json"],
        &["sync"],
        &["doctor", "--remote", "origin"],
        &["sync", &url],
        &["queue", "--repo", &url],
        &["show", &url],
        &["verify", "--organization", &url, "--ref", "refs/heads/main", "--old", &head, "--new", &head],
    ] {
        let said = format!("{:?}", run(&f, words));
        assert!(said.contains("127.0.0.1") || !words.contains(&url.as_str()), "{words:?}: {said}");
        assert!(!said.contains(TOKEN), "{words:?}: {said}");
    }
}
