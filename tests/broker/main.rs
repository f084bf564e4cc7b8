//! The broker, with real processes: who asks, who signs, what runs and what does not.
#![allow(clippy::unwrap_used)]
#![cfg(target_os = "linux")]

mod audit;
mod branches;
mod calls;
mod certificates;
mod ci;
#[path = "../support/desk.rs"]
mod desk;
#[path = "../support/command_drills.rs"]
mod drilled;
mod drills;
mod faults;
mod groups;
mod holes;
mod mcp;
mod postgres;
mod preview;
#[path = "../support/program.rs"]
mod program;
mod scene;
mod ssh;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use scene::{Scene, is_root, organization};
use undersign::command::Verdict;

#[test]
fn what_a_person_authorized_runs_once_and_its_receipt_is_on_the_host() {
    let scene = Scene::new("", "");
    let id = scene.ask("id -u; env; cat /proc/self/status | grep NoNewPrivs; echo problem >&2; exit 7", "look");
    let waiting = scene.exec(&["run", &id]);
    assert!(waiting.code == 75 && waiting.err.contains("UNSIGNED"), "{waiting:?}");
    scene.sign("dana", Verdict::Authorize, &id);
    assert_eq!(scene.exec(&["status", &id]).code, 0);
    let result = scene.at("result.json");
    let ran = scene.exec(&["--result", &result, "run", &id]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.err.contains("problem") && ran.out.contains("NoNewPrivs:\t1"), "{ran:?}");
    assert!(ran.out.contains("PATH=/usr/bin:/bin") && !ran.out.contains("SECRET_OF_THE_BROKER"), "{ran:?}");
    if is_root() {
        assert!(ran.out.starts_with(&scene.uid.to_string()), "{ran:?}");
    }
    let result: serde_json::Value = serde_json::from_slice(&std::fs::read(result).unwrap()).unwrap();
    assert_eq!((&result["outcome"], &result["code"]), (&"exit".into(), &7.into()));
    let again = scene.exec(&["run", &id]);
    assert!(again.code == 2 && again.err.contains("STARTED"), "{again:?}");
    assert_eq!(scene.exec(&["log", &id]).out, ran.out);
    let host = ["--git-dir", &scene.at("host.git"), "for-each-ref", "refs/undersign/runs"];
    let listed = Command::new("git").args(host).output().unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&listed).lines().count(), 1);
    let synced = scene.undersign(&["sync"]);
    assert_eq!(synced.code, 0, "{synced:?}");
    let list = scene.undersign(&["record", "list", "--commands"]);
    for word in ["admitted", "authorize", "started", "ended", "exit 7"] {
        assert!(list.out.contains(word), "{word}: {list:?}");
    }
}

#[test]
fn a_refusal_holds_the_same_command_whatever_is_said_about_it() {
    let scene = Scene::new("", "");
    let id = scene.ask("echo done", "first");
    scene.sign("dana", Verdict::Authorize, &id);
    scene.sign("rahim", Verdict::Refuse, &id);
    let again = scene.ask("echo done", "now it is urgent");
    scene.sign("dana", Verdict::Authorize, &again);
    for id in [&id, &again] {
        let said = scene.exec(&["run", id]);
        assert!(said.code == 2 && said.err.contains("VETOED") && said.err.contains("as said"), "{said:?}");
    }
}

#[test]
fn what_the_policy_lets_run_unasked_runs_and_what_hides_code_is_not_even_asked() {
    let scene = Scene::new("", "");
    let ask = |argv: &[&str]| scene.exec(&[&["request", "--target", "prod", "--"], argv].concat());
    let id = ask(&["/usr/bin/id", "root"]).out.trim().to_owned();
    let ran = scene.exec(&["run", &id]);
    assert!(ran.code == 0 && ran.out.contains("uid=0(root)"), "{ran:?}");
    for argv in [&["/bin/sh", "-c", "id"][..], &["/usr/bin/cat", "/etc/shadow"], &["/usr/bin/env", "id"]] {
        let said = ask(argv);
        assert!(said.code == 2 && said.err.contains("undersign: "), "{argv:?} {said:?}");
    }
    let said = scene.exec(&["request", "--target", "prod", "--env", "LD_PRELOAD=x", "--", "/usr/bin/id", "root"]);
    assert!(said.code == 2 && said.err.contains("LD_PRELOAD"), "{said:?}");
    assert_eq!(scene.exec(&["request", "--target", "moon", "--", "/usr/bin/id", "root"]).code, 2);
}

#[test]
fn a_program_or_an_input_that_is_another_by_now_does_not_run() {
    let scene = Scene::new("", "");
    let id = scene.ask("echo one", "");
    scene.sign("dana", Verdict::Authorize, &id);
    let kept = Path::new(&scene.at("state")).join("kept");
    for file in std::fs::read_dir(kept).unwrap() {
        std::fs::write(file.unwrap().path(), "echo two").unwrap();
    }
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 2 && said.err.contains("differs from the requested file"), "{said:?}");
}

#[test]
fn a_broker_that_is_killed_while_something_runs_says_unknown_and_starts_it_never_again() {
    let mut scene = Scene::new("", "");
    let mark = mark(&scene);
    // It ends when the test lets it, and not before.
    let id = scene.ask(&format!("echo x >> {mark}; while [ ! -e {mark}.over ]; do sleep 0.1; done"), "");
    scene.sign("dana", Verdict::Authorize, &id);
    let mut running = scene.running(&id);
    until("it does not run", || times(&mark) == 1);
    scene.kill();
    running.wait().unwrap();
    scene.serve();
    let said = scene.exec(&["status", &id]);
    assert!(said.code == 125 && said.err.contains("Look"), "{said:?}");
    assert_eq!(scene.exec(&["run", &id]).code, 2);
    assert_eq!(std::fs::read_to_string(&mark).unwrap(), "x\n");
    std::fs::write(format!("{mark}.over"), "").unwrap();
}

#[test]
fn a_disk_that_was_restored_from_before_the_run_runs_nothing() {
    let mut scene = Scene::new("", "");
    let id = scene.ask("echo done", "");
    scene.sign("dana", Verdict::Authorize, &id);
    let copy = |from: &str, to: &str| {
        let done = Command::new("cp").args(["-a", &scene.at(from), &scene.at(to)]).status().unwrap();
        assert!(done.success());
    };
    copy("state", "state.old");
    copy("broker.git", "broker.old");
    assert_eq!(scene.exec(&["run", &id]).code, 0);
    scene.kill();
    for name in ["state", "broker"] {
        let (old, new) = (format!("{name}.old"), if name == "state" { "state" } else { "broker.git" });
        std::fs::remove_dir_all(scene.at(new)).unwrap();
        std::fs::rename(scene.at(&old), scene.at(new)).unwrap();
    }
    scene.serve();
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 4 && said.err.contains("LEDGER_ROLLBACK"), "{said:?}");
}

#[test]
fn nothing_starts_while_the_host_is_away() {
    let scene = Scene::new("fresh = \"0s\"", "");
    let id = scene.ask("echo done", "");
    scene.sign("dana", Verdict::Authorize, &id);
    std::fs::rename(scene.at("host.git"), scene.at("away.git")).unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 4 && said.err.contains("LEDGER_STALE"), "{said:?}");
    std::fs::rename(scene.at("away.git"), scene.at("host.git")).unwrap();
    // On a slow machine, what was read is a second old before it is judged.
    let ran = scene.decided(&["run", &id]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_run_ends_with_its_time_its_output_is_bounded_and_nothing_of_it_stays() {
    let scene = Scene::new("", "time = \"3s\"\noutput = 1000");
    let id = scene.ask("setsid sleep 60 & head -c 100000 /dev/zero; sleep 60", "");
    scene.sign("dana", Verdict::Authorize, &id);
    let ran = scene.exec(&["run", &id]);
    assert_eq!((ran.code, ran.out.len()), (124, 1000), "{}", ran.err);
    if is_root() {
        let left = Command::new("ps").args(["-u", &scene.uid.to_string(), "-o", "stat="]).output().unwrap().stdout;
        let left = String::from_utf8_lossy(&left).into_owned();
        assert!(left.lines().all(|state| state.starts_with('Z')), "{left}");
    }
}

#[test]
fn a_policy_that_the_pinned_one_does_not_let_land_is_not_taken() {
    let scene = Scene::new("", "");
    let id = scene.ask("echo done", "");
    let policy = std::fs::read_to_string(scene.f.repo.join(".undersign/policy.toml")).unwrap();
    let open = policy
        .replace("version = 1\n", "version = 2\n")
        .replace("{input:script}\"]", "{input:script}\"]\nenv = [\"A\"]");
    scene.f.write(
        ".undersign/policy.toml",
        &open.replace("[people.mina]\nroles = [\"junior\"]", "[people.mina]\nroles = [\"senior\"]"),
    );
    scene.f.commit("mina", "Make me senior");
    scene.f.git("mina", &["push", "-q", "origin", "main"]);
    scene.sign("mina", Verdict::Authorize, &id);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 4 && said.err.contains("Nothing starts until it does"), "{said:?}");
    assert!(said.err.contains("role policy"), "for that reason and no other: {said:?}");
}

#[test]
fn the_gate_takes_these_chains_by_rules_of_their_own_and_never_as_decisions() {
    let scene = Scene::new("", "");
    let first = scene.ask("echo done", "");
    scene.sign("dana", Verdict::Authorize, &first);
    assert_eq!(scene.exec(&["run", &first]).code, 0);
    let git = |args: &[&str]| {
        let output =
            Command::new("git").args([&["--git-dir", &scene.at("broker.git")], args].concat()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let name = git(&["for-each-ref", "--format=%(refname)", "refs/undersign/runs"]);
    let tip = git(&["rev-parse", &name]);
    let (before, zero) = (git(&["rev-parse", &format!("{tip}~1")]), "0".repeat(40));
    let path = name.strip_prefix("refs/undersign/runs/").unwrap().to_owned();
    let verify = |name: &str, old: &str, new: &str| {
        let repo = scene.at("broker.git");
        let said = Command::new(env!("CARGO_BIN_EXE_undersign"))
            .args([
                "--repo",
                &repo,
                "verify",
                "--policy-branch",
                "refs/heads/main",
                "--ref",
                name,
                "--old",
                old,
                "--new",
                new,
            ])
            .output()
            .unwrap();
        (said.status.code().unwrap(), String::from_utf8_lossy(&said.stdout).into_owned())
    };
    let allowed = verify(&name, &before, &tip);
    assert_eq!(allowed.0, 0, "{}", allowed.1);
    let stranger = format!("refs/undersign/runs/{}/0123456789abcdef", "a".repeat(64));
    for (name, old, new, code) in [
        (&name, &tip, &before, "LEDGER_ROLLBACK"),
        (&name, &tip, &zero, "LEDGER_ROLLBACK"),
        (&stranger, &zero, &tip, "STRANGER"),
        (&format!("refs/undersign/authorizations/{path}"), &zero, &tip, "STRANGER"),
        (&format!("refs/undersign/decisions/{path}"), &zero, &tip, "STRANGER"),
    ] {
        let said = verify(name, old, new);
        assert!(said.0 == 2 && said.1.contains(code), "{name} {code}: {}", said.1);
    }
    // A chain of a person's own key, placed among the decisions.
    let repo = scene.f.repository();
    let own = scene.f.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/authorizations"]);
    let as_decision = own.replace("authorizations", "decisions");
    let tip = scene.f.id(&own);
    drop(repo);
    let said = scene.undersign(&[
        "verify",
        "--policy-branch",
        "refs/heads/main",
        "--ref",
        &as_decision,
        "--old",
        &zero,
        "--new",
        &tip,
    ]);
    assert!(said.code == 2 && said.out.contains("LEDGER_FAULT"), "{said:?}");
}

/// A folder in which every account may count its runs.
fn mark(scene: &Scene) -> String {
    let mark = scene.at("mark");
    std::fs::create_dir(&mark).unwrap();
    std::fs::set_permissions(&mark, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    format!("{mark}/ran")
}

/// Waits until something is so.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn times(mark: &str) -> usize {
    std::fs::read_to_string(mark).unwrap_or_default().lines().count()
}

#[test]
fn of_many_who_call_at_once_one_starts_it() {
    let scene = Scene::new("", "");
    let mark = mark(&scene);
    let id = scene.ask(&format!("echo x >> {mark}; sleep 1"), "");
    scene.sign("dana", Verdict::Authorize, &id);
    let codes: Vec<i32> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..6).map(|_| scope.spawn(|| scene.exec(&["run", &id]).code)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!((codes.iter().filter(|code| **code == 0).count(), times(&mark)), (1, 1), "{codes:?}");
}

#[test]
fn of_two_copies_of_a_broker_that_race_one_runs_it() {
    // A command without inputs: those are in the folder of one of them.
    let counts = "[[target.prod.command]]\nname = \"count\"\nargv = [\"/bin/sh\", \"count.sh\"]\n";
    let mut scene = Scene::new_in("work", counts, "");
    std::fs::create_dir(scene.at("work")).unwrap();
    let mark = mark(&scene);
    std::fs::write(scene.at("work/count.sh"), format!("echo x >> {mark}; sleep 1")).unwrap();
    for round in 1..=5 {
        let asked = scene.exec(&["request", "--target", "prod", "--", "/bin/sh", "count.sh"]);
        assert_eq!(asked.code, 0, "{asked:?}");
        let id = asked.out.trim();
        // It has no preview, so it counts as destructive.
        scene.sign("dana", Verdict::Authorize, id);
        scene.kill();
        for (from, to) in [("state", "state2"), ("broker.git", "broker2.git")] {
            let _ = std::fs::remove_dir_all(scene.at(to));
            assert!(Command::new("cp").args(["-a", &scene.at(from), &scene.at(to)]).status().unwrap().success());
        }
        let settings = scene.at("state2/settings.toml");
        let text = std::fs::read_to_string(&settings).unwrap();
        let text = text.replace("broker.git\"", "broker2.git\"").replace("/socket\"", "/socket2\"");
        std::fs::write(settings, text).unwrap();
        scene.serve();
        let copy = scene.copy("state2", "socket2");
        let run = |socket: &str| scene.undersign(&["exec", "--broker", &scene.at(socket), "run", id]);
        let said = std::thread::scope(|scope| {
            let calls = ["socket", "socket2"].map(|socket| scope.spawn(move || run(socket)));
            calls.map(|call| call.join().unwrap())
        });
        drop(copy);
        assert_eq!(times(&mark), round, "{said:?}");
        let [first, second] = &said;
        let (winner, loser, is_copy) = if first.code == 0 { (first, second, true) } else { (second, first, false) };
        assert_eq!(winner.code, 0, "{said:?}");
        // It was refused for what the other did, and not for something of its own.
        let reasons = ["LEDGER_ROLLBACK", "STARTED", "BUSY", "another record in its place", "account"];
        assert!(loser.code != 0 && reasons.iter().any(|reason| loser.err.contains(reason)), "{said:?}");
        assert!(!loser.err.contains("The input"), "{said:?}");
        if !is_copy {
            // The copy is the broker from now on: the first one knows less than the host.
            scene.kill();
            for (from, to) in [("state2", "state"), ("broker2.git", "broker.git")] {
                std::fs::remove_dir_all(scene.at(to)).unwrap();
                std::fs::rename(scene.at(from), scene.at(to)).unwrap();
            }
            std::fs::copy(scene.at("broker.toml"), scene.at("state/settings.toml")).unwrap();
            scene.serve();
        }
    }
}

/// Where a broker is killed, by what it has written of a run.
const STEPS: [&str; 5] = ["at once", "spec", "group", "ran", "ended"];

/// Waits until a run got so far, or ended, or for ten seconds.
fn reached(scene: &Scene, step: &str, id: &str, has_run: impl Fn() -> bool) {
    let [file, end] = [step, "stdout"].map(|name| scene.at(&format!("state/runs/{id}.{name}")));
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        let is_there = match step {
            "at once" => true,
            "ran" => has_run(),
            _ => Path::new(&file).exists(),
        };
        if is_there || Path::new(&end).exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn wherever_a_broker_is_killed_nothing_runs_twice_or_without_a_word() {
    let mut scene = Scene::new("pending = 100", "");
    let mark = mark(&scene);
    let rounds = if std::env::var_os("UNDERSIGN_STRESS").is_some() { 700 } else { 26 };
    // How many were killed before they were burnt, after that, and after they had begun to run.
    let mut counts = [0, 0, 0];
    for round in 0..rounds {
        let id = scene.ask(&format!("echo {round} >> {mark}; sleep 0.1"), "");
        scene.sign("dana", Verdict::Authorize, &id);
        let did = || {
            let text = std::fs::read_to_string(&mark).unwrap_or_default();
            text.lines().filter(|line| **line == round.to_string()).count()
        };
        let mut running = scene.running(&id);
        reached(&scene, STEPS[round % STEPS.len()], &id, || did() > 0);
        // Some are killed a little later: between the files there are steps, too.
        std::thread::sleep(Duration::from_millis((round / STEPS.len() * 17 % 90) as u64));
        scene.kill();
        running.wait().unwrap();
        scene.serve();
        // An interrupted fetch leaves locks, which do not count as old at once; until then nothing is decided.
        let said = scene.decided(&["status", &id]);
        let is_said = matches!(said.code, 0 | 125);
        assert!(is_said && did() <= 1, "round {round}: {} times, {said:?}", did());
        // If the authorization was not used up, it may still start; then it runs once.
        assert!(said.code == 125 || said.err.contains("ended") || did() == 0, "round {round}: {said:?}");
        counts[if said.err.contains("It may start") { 0 } else { 1 + did() }] += 1;
        scene.decided(&["run", &id]);
        std::thread::sleep(Duration::from_millis(150));
        assert!(did() <= 1, "round {round}: {} times", did());
    }
    assert!(counts[0] > 0 && counts[2] > 0, "before it was burnt, after that, and after it ran: {counts:?}");
}

#[test]
fn a_policy_that_the_pinned_one_lets_land_is_taken() {
    let scene = Scene::new("", "");
    let policy = std::fs::read_to_string(scene.f.repo.join(".undersign/policy.toml")).unwrap();
    let more = "[[target.prod.command]]\nname = \"date\"\nargv = [\"/usr/bin/date\"]\nunasked = true\n";
    scene.f.git("dana", &["checkout", "-q", "-b", "policy-2"]);
    scene.f.write(".undersign/policy.toml", &(policy.replace("version = 1\n", "version = 2\n") + more));
    scene.f.commit("dana", "Let date run unasked");
    scene.f.git("dana", &["checkout", "-q", "main"]);
    scene.f.decide("rahim", "policy-2", undersign::decision::Verdict::Approve);
    scene.f.git("rahim", &["merge", "-q", "--ff-only", "policy-2"]);
    scene.f.git("rahim", &["push", "-q", "origin", "main", "refs/undersign/decisions/*:refs/undersign/decisions/*"]);
    let asked = scene.exec(&["request", "--target", "prod", "--", "/usr/bin/date"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    let ran = scene.exec(&["run", asked.out.trim()]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_running_broker_obeys_each_change_of_the_organization_and_takes_no_older_one() {
    let scene = Scene::inheriting();
    let authorized = || {
        let id = scene.ask("echo done", "");
        scene.sign("dana", Verdict::Authorize, &id);
        id
    };
    assert_eq!(scene.exec(&["run", &authorized()]).code, 0);
    // Dana leaves; the broker is not restarted.
    let id = authorized();
    let left = organization(2).replace("[people.dana]\nroles = [\"senior\"]", "[people.dana]\nroles = [\"left\"]");
    scene.publish(&left);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 75 && said.err.contains("UNSIGNED"), "{said:?}");
    for older in [organization(1), organization(2)] {
        scene.publish(&older);
        let said = scene.exec(&["run", &id]);
        assert!(said.code == 4 && said.err.contains("takes newer versions"), "{said:?}");
    }
    std::fs::remove_file(scene.at("acme.toml")).unwrap();
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 4 && said.err.contains("POLICY_STALE"), "{said:?}");
    scene.publish(&organization(3));
    assert_eq!(scene.exec(&["run", &id]).code, 0);
}

/// A further person of the policy.
fn nora(roles: &str) -> String {
    let key = support::key_of("nora").public_key().to_openssh().unwrap();
    format!("[people.nora]\nroles = [{roles}]\nemails = [\"nora@example.com\"]\nkeys = [\"{key}\"]\n")
}

/// A next policy lands, signed by somebody.
fn landed(scene: &Scene, who: &str, branch: &str, policy: &str) {
    approved(scene, who, branch, &[policy]);
    pushed(scene);
}

/// Somebody signs for a branch that writes one policy after the other, and main of the clone holds it.
fn approved(scene: &Scene, who: &str, branch: &str, policies: &[&str]) {
    scene.f.git("dana", &["checkout", "-q", "-b", branch]);
    for policy in policies {
        scene.f.write(".undersign/policy.toml", policy);
        scene.f.commit("dana", "Change the policy");
    }
    scene.f.git("dana", &["checkout", "-q", "main"]);
    scene.f.decide(who, branch, undersign::decision::Verdict::Approve);
    scene.f.git("rahim", &["merge", "-q", "--ff-only", branch]);
}

/// The host has what main of the clone holds, and what was signed.
fn pushed(scene: &Scene) {
    scene.f.git("rahim", &["push", "-q", "origin", "main", "refs/undersign/decisions/*:refs/undersign/decisions/*"]);
}

/// The policy of a scene, and the one after it, by which nora may sign for the next.
fn enrolling(scene: &Scene) -> (String, String) {
    let first = std::fs::read_to_string(scene.f.repo.join(".undersign/policy.toml")).unwrap();
    let second = first.replace("version = 1\n", "version = 2\n");
    (first, second.replace("[ai]", &(nora("\"senior\", \"policy\"") + "[ai]")))
}

/// The next version of a policy.
fn version(policy: &str, version: u32) -> String {
    let (before, after) = policy.split_once("\nversion = ").unwrap();
    format!("{before}\nversion = {version}\n{}", after.split_once('\n').unwrap().1)
}

#[test]
fn a_refusal_of_somebody_who_joined_since_the_broker_looked_holds() {
    let scene = Scene::inheriting();
    let id = scene.ask("echo done", "");
    scene.publish(&(organization(2) + &nora("\"senior\"")));
    scene.sign("nora", Verdict::Refuse, &id);
    scene.sign("dana", Verdict::Authorize, &id);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 2 && said.err.contains("VETOED"), "{said:?}");
}

#[test]
fn a_broker_follows_policies_that_came_one_after_the_other() {
    let scene = Scene::new("", "");
    let id = scene.ask("echo done", "");
    let (_, second) = enrolling(&scene);
    landed(&scene, "rahim", "enrol", &second);
    // Signed by nora, whom the policy that is pinned does not know; dana leaves.
    let third = second.replace("version = 2\n", "version = 3\n");
    landed(
        &scene,
        "nora",
        "leave",
        &third.replace("[people.dana]\nroles = [\"senior\"]", "[people.dana]\nroles = [\"left\"]"),
    );
    scene.sign("dana", Verdict::Authorize, &id);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 75 && said.err.contains("UNSIGNED"), "{said:?}");
    scene.sign("nora", Verdict::Authorize, &id);
    assert_eq!(scene.exec(&["run", &id]).code, 0);
}

/// What the policy lets run unasked.
fn ran_unasked(scene: &Scene) -> scene::Said {
    let asked = scene.exec(&["request", "--target", "prod", "--", "/usr/bin/id", "root"]);
    assert_eq!(asked.code, 0, "{asked:?}");
    scene.exec(&["run", asked.out.trim()])
}

#[test]
fn a_broker_follows_a_policy_that_was_approved_as_two_commits() {
    let scene = Scene::new("", "");
    let (_, second) = enrolling(&scene);
    approved(&scene, "rahim", "enrol", &[&second, &format!("{second}# As the reviewer asked.\n")]);
    pushed(&scene);
    landed(&scene, "nora", "next", &version(&second, 3));
    assert_eq!(ran_unasked(&scene).code, 0);
}

#[test]
fn a_broker_follows_two_policies_that_landed_in_one_push_and_a_third_that_needs_them() {
    let scene = Scene::new("", "");
    let (_, second) = enrolling(&scene);
    // By the second alone, rahim could not sign for the third.
    let second =
        second.replace("\"senior\", \"policy\"]\nemails = [\"nora", "\"senior\", \"chief\"]\nemails = [\"nora");
    let second = second.replace("sign = [{ role = \"policy\"", "sign = [{ role = \"chief\"");
    assert_eq!(second.matches("\"chief\"").count(), 2, "{second}");
    approved(&scene, "rahim", "second", &[&second]);
    approved(&scene, "rahim", "third", &[&version(&second, 3)]);
    pushed(&scene);
    landed(&scene, "nora", "fourth", &version(&second, 4));
    assert_eq!(ran_unasked(&scene).code, 0);
}

#[test]
fn a_broker_follows_a_policy_that_was_undone_before_it_looked_and_obeys_what_undid_it() {
    let scene = Scene::new("", "");
    let (first, second) = enrolling(&scene);
    let id = scene.ask("echo done", "");
    landed(&scene, "rahim", "enrol", &second);
    scene.sign("nora", Verdict::Authorize, &id);
    landed(&scene, "nora", "undo", &version(&first, 3));
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 75 && said.err.contains("UNSIGNED"), "{said:?}");
    scene.sign("dana", Verdict::Authorize, &id);
    assert_eq!(scene.exec(&["run", &id]).code, 0);
}

#[test]
fn a_broker_follows_no_policy_inside_of_an_approved_change() {
    let scene = Scene::new("", "");
    let (first, second) = enrolling(&scene);
    approved(&scene, "rahim", "both", &[&second, &format!("{}# Nobody new.\n", version(&first, 2))]);
    let end = scene.f.id("main");
    pushed(&scene);
    // Dana may not sign for the policy, so the way ends before.
    landed(&scene, "dana", "next", &version(&first, 3));
    let said = ran_unasked(&scene);
    assert!(said.code == 4 && said.err.contains("POLICY_STALE"), "{said:?}");
    assert!(said.err.contains(&format!("pinned, at {}", &end[..7])), "{said:?}");
}

#[test]
fn a_policy_that_nobody_let_land_is_not_followed_for_one_after_it() {
    let scene = Scene::new("", "");
    let (_, second) = enrolling(&scene);
    // Dana may not sign for the policy.
    landed(&scene, "dana", "enrol", &second);
    landed(&scene, "nora", "next", &version(&second, 3));
    let said = ran_unasked(&scene);
    assert!(said.code == 4 && said.err.contains("POLICY_STALE"), "{said:?}");
}

/// What a sheet asks a person to type.
fn challenge(frame: &str) -> String {
    let typed = frame.lines().find_map(|line| Some(line.split_once("type ")?.1.split_once(" to ")?.0.to_owned()));
    typed.unwrap_or_else(|| panic!("{frame}"))
}

#[test]
fn a_request_is_read_and_authorized_at_the_desk_and_then_runs() {
    let scene = Scene::new("destructive = [{ role = \"senior\", n = 1 }]", "");
    let id = scene.ask("echo the shop is well\n", "To see how it is.");
    let mut desk = scene.desk("dana", (100, 60));
    assert!(desk.frame().contains("Nothing waits") || !desk.frame().contains("Commands waiting"), "{}", desk.frame());
    desk.press("R");
    let frame = desk.frame();
    assert!(frame.contains("Commands waiting 1") && frame.contains("sh {script}"), "{frame}");
    desk.press("<enter>");
    let frame = desk.frame();
    for words in ["no preview", "mina, proven by account", "To see how it is.", "echo the shop is well"] {
        assert!(frame.contains(words), "{words}: {frame}");
    }
    desk.press("SaIt only prints.<enter>");
    desk.press(&challenge(&desk.frame())).press("<enter>");
    assert!(desk.frame().contains("✓ Authorized"), "{}", desk.frame());
    // It was sent at once.
    let ran = scene.exec(&["run", &id]);
    assert!(ran.code == 0 && ran.out == "the shop is well\n", "{ran:?}");
    desk.press("<esc>qR");
    assert!(desk.frame().contains("exit 0"), "{}", desk.frame());
}

#[test]
fn a_refusal_at_the_desk_stops_what_somebody_else_authorized_at_theirs() {
    let scene = Scene::new("", "");
    let id = scene.ask("echo done\n", "");
    scene.sign("dana", Verdict::Authorize, &id);
    assert_eq!(scene.exec(&["status", &id]).code, 0);
    let mut desk = scene.desk("rahim", (100, 60));
    desk.press("R<enter>SrNot on a Friday.<enter>refuse<enter>");
    assert!(desk.frame().contains("✓ Refused"), "{}", desk.frame());
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 2 && said.err.contains("Not on a Friday."), "{said:?}");
}

#[test]
fn a_refusal_does_not_hide_behind_a_link_that_does_not_hold() {
    let scene = Scene::new("fresh = \"0s\"", "");
    let id = scene.ask("echo done", "");
    scene.sign("dana", Verdict::Authorize, &id);
    scene.sign("rahim", Verdict::Refuse, &id);
    // Somebody appends to rahim's chain without the gate's permission, before the broker has seen the refusal.
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args([&["--git-dir", &scene.at("host.git")], args].concat())
            .env("GIT_COMMITTER_NAME", "x")
            .env("GIT_COMMITTER_EMAIL", "x")
            .env("GIT_AUTHOR_NAME", "x")
            .env("GIT_AUTHOR_EMAIL", "x")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let key = scene.f.key("rahim").public.id().to_string();
    let name = git(&["for-each-ref", "--format=%(refname)", &format!("refs/undersign/authorizations/{key}")]);
    let junk = git(&["commit-tree", &format!("{name}^{{tree}}"), "-p", &name, "-m", "junk"]);
    git(&["update-ref", &name, &junk]);
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 4 && said.err.contains("LEDGER_FAULT"), "{said:?}");
}

#[test]
fn what_is_delivered_counts_while_the_host_is_away_and_may_be_delivered_again() {
    let scene = Scene::new("fresh = \"10m\"", "");
    let id = scene.ask("echo done", "");
    scene.sign("dana", Verdict::Authorize, &id);
    assert_eq!(scene.exec(&["status", &id]).code, 0);
    scene.sign("rahim", Verdict::Refuse, &id);
    std::fs::rename(scene.at("host.git"), scene.at("away.git")).unwrap();
    for _ in 0..2 {
        let said = scene.exec(&["deliver"]);
        assert_eq!(said.code, 0, "{said:?}");
    }
    let said = scene.exec(&["run", &id]);
    assert!(said.code == 2 && said.err.contains("VETOED"), "{said:?}");
}

#[test]
fn an_input_that_nothing_reads_is_no_part_of_a_command() {
    let scene = Scene::new("", "stdin = \"sql\"");
    let input = format!("sql={}", scene.at("broker.toml"));
    let junk = format!("junk={}", scene.at("broker.toml"));
    let unasked = ["request", "--target", "prod", "--input", &input, "--", "/usr/bin/id", "root"];
    let said = scene.exec(&unasked);
    assert!(said.code == 64 && said.err.contains("runs unasked, so it takes no input"), "{said:?}");
    let said = scene.exec(&["request", "--target", "prod", "--input", &junk, "--", "/usr/bin/id", "root"]);
    assert!(said.code == 64 && said.err.contains("Nothing reads the input junk"), "{said:?}");
}

#[test]
fn a_pipe_that_is_asked_for_as_a_program_holds_nobody_up() {
    let scene = Scene::new("", "");
    let pipe = scene.at("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let said = scene.exec(&["request", "--target", "prod", "--", &pipe]);
    assert_eq!(said.code, 2, "{said:?}");
    let id = scene.ask("echo done", "");
    assert_eq!(scene.exec(&["status", &id]).code, 75);
}

#[test]
fn a_device_whose_clone_was_restored_signs_on_once_its_own_chain_came_back() {
    let scene = Scene::new("", "");
    let sign = |script: &str, reason: &str| {
        scene.ask(script, "");
        let mut desk = scene.desk("rahim", (100, 60));
        desk.press("R<enter>Sr").press(reason).press("<enter>refuse<enter>");
        desk.frame()
    };
    assert!(sign("echo one\n", "Not this.").contains("✓ Refused"));
    let chains = ["for-each-ref", "--format=%(refname)", "refs/undersign/authorizations"];
    let own = scene.f.git("rahim", &chains);
    let before = scene.f.git("rahim", &["rev-parse", &own]);
    assert!(sign("echo two\n", "Nor this.").contains("✓ Refused"));
    scene.f.git("rahim", &["update-ref", &own, &before]);
    // The desk asks the remote, which has the complete chain.
    let told = sign("echo three\n", "Nor that.");
    assert!(told.contains("✓ Refused") && told.contains("✓ It is at origin"), "{told}");
    assert_eq!(scene.f.git("rahim", &["rev-list", "--count", &own]).trim(), "3");
    // So does a sync, without the desk.
    scene.f.git("rahim", &["update-ref", &own, &before]);
    assert_eq!(scene.undersign(&["sync"]).code, 0);
    assert_eq!(scene.f.git("rahim", &["rev-list", "--count", &own]).trim(), "3");
}
