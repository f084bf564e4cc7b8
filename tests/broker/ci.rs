//! Jobs of CI as the broker: what remains of them is what the host took.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use undersign::command::Verdict;

use crate::scene::{Said, Scene};

/// A command without inputs, and what a job says that it runs.
const IDENTITY: [&str; 3] = ["--", "/usr/bin/id", "root"];

fn verify(scene: &Scene, job: &str, id: &str) -> Said {
    scene.in_job(job, &[&["verify", id], &IDENTITY[..]].concat())
}

/// A request of a job for a command that one person must sign, because nobody knows for whom a job runs.
fn asked(scene: &Scene, job: &str) -> String {
    let said = scene.in_job(job, &[&["request", "--target", "prod"], &IDENTITY[..]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    said.out.trim().to_owned()
}

fn authorized(scene: &Scene, job: &str) -> String {
    let id = asked(scene, job);
    scene.sign("dana", Verdict::Authorize, &id);
    id
}

/// How many records of each kind the host has.
fn on_host(scene: &Scene, word: &str) -> usize {
    let listed = scene.undersign(&["sync"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let listed = scene.undersign(&["record", "list", "--commands"]).out;
    listed.lines().filter(|line| line.contains(&format!("  {word}  "))).count()
}

/// What the host runs for a push.
fn hook(scene: &Scene, name: &str, script: &str) {
    let path = Path::new(&scene.at("host.git")).join("hooks").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

#[test]
fn of_jobs_that_race_one_may_run_it_and_only_that_one_says_how_it_ended() {
    let scene = Scene::of_jobs("");
    let jobs = ["a", "b", "c", "d"];
    jobs.iter().for_each(|job| scene.job(job, ""));
    let id = asked(&scene, "a");
    let early = verify(&scene, "b", &id);
    assert!(early.code == 75 && early.err.contains("UNSIGNED"), "{early:?}");
    scene.sign("dana", Verdict::Authorize, &id);
    let said: Vec<Said> = std::thread::scope(|scope| {
        let all = jobs.map(|job| scope.spawn(|| verify(&scene, job, &id)));
        all.map(|one| one.join().unwrap()).into()
    });
    let winners: Vec<&str> = jobs.iter().zip(&said).filter(|(_, said)| said.code == 0).map(|(job, _)| *job).collect();
    let [winner] = winners[..] else { panic!("{said:?}") };
    let refused = |said: &&Said| said.code == 2 && said.err.contains("STARTED");
    assert_eq!(said.iter().filter(refused).count(), jobs.len() - 1, "{said:?}");
    for loser in jobs.iter().filter(|job| **job != winner) {
        let said = scene.in_job(loser, &["done", &id, "--exit", "0"]);
        assert!(said.code == 2 && said.err.contains("Another job started it"), "{said:?}");
    }
    assert_eq!(scene.in_job(winner, &["done", &id, "--exit", "3"]).code, 0);
    assert_eq!(scene.in_job(winner, &["done", &id, "--exit", "0"]).code, 2, "one end");
    assert_eq!((on_host(&scene, "started"), on_host(&scene, "ended")), (1, 1));
    scene.job("later", "");
    let said = scene.in_job("later", &["status", &id]);
    assert!(said.code == 3 && said.err.contains("exit code 3"), "{said:?}");
    assert_eq!(verify(&scene, "later", &id).code, 2);
}

#[test]
fn one_command_at_a_time_runs_at_a_target_whichever_job_runs_it() {
    let scene = Scene::of_jobs("");
    ["a", "b"].iter().for_each(|job| scene.job(job, ""));
    let (first, second) = (authorized(&scene, "a"), authorized(&scene, "b"));
    let said = std::thread::scope(|scope| {
        let all = [("a", &first), ("b", &second)].map(|(job, id)| scope.spawn(|| verify(&scene, job, id)));
        all.map(|one| one.join().unwrap())
    });
    let mut codes = said.each_ref().map(|said| said.code);
    let (job, id, other, next) = if codes[0] == 0 { ("a", &first, "b", &second) } else { ("b", &second, "a", &first) };
    codes.sort();
    assert_eq!(codes, [0, 75], "{said:?}");
    assert_eq!(scene.in_job(job, &["done", id, "--exit", "0"]).code, 0);
    assert_eq!(verify(&scene, other, next).code, 0);
}

#[test]
fn a_job_that_is_gone_leaves_unknown_and_nothing_starts_until_somebody_looked() {
    let scene = Scene::of_jobs("");
    scene.job("a", "time = \"1s\"");
    let (id, next) = (authorized(&scene, "a"), authorized(&scene, "a"));
    assert_eq!(verify(&scene, "a", &id).code, 0);
    // The machine of the job is gone, with all that was on it.
    scene.job("a", "time = \"1s\"");
    let mut said = scene.in_job("a", &["status", &id]);
    for _ in 0..50 {
        if said.code != 75 {
            break;
        }
        std::thread::sleep(Duration::from_millis(200));
        said = scene.in_job("a", &["status", &id]);
    }
    assert!(said.code == 125 && said.err.contains("Unknown") && said.err.contains("Look"), "{said:?}");
    assert_eq!(verify(&scene, "a", &id).code, 2);
    let busy = verify(&scene, "a", &next);
    assert!(busy.code == 75 && busy.err.contains("BUSY"), "{busy:?}");
    assert_eq!(scene.in_job("a", &["done", &id, "--exit", "0"]).code, 2);
    assert_eq!(scene.in_job("a", &["done", &id, "--unknown"]).code, 0);
    assert_eq!(scene.in_job("a", &["status", &id]).code, 125);
    assert_eq!(verify(&scene, "a", &next).code, 0);
}

#[test]
fn wherever_a_job_is_killed_a_second_one_never_runs_it_too() {
    let scene = Scene::of_jobs("pending = 100");
    let rounds = if std::env::var_os("UNDERSIGN_STRESS").is_some() { 300 } else { 14 };
    // How many were killed before they were burnt, and after that.
    let mut counts = [0, 0];
    for round in 0..rounds {
        scene.job("a", "");
        scene.job("b", "");
        let id = authorized(&scene, "a");
        let before = commits(&scene);
        let mut child = Command::new(env!("CARGO_BIN_EXE_undersign"))
            .args(["exec", "--state", &scene.at("job-a"), "verify", &id])
            .args(IDENTITY)
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        // At times, and, in every third round, when the host has taken the record.
        let began = Instant::now();
        while round % 3 == 2 && commits(&scene) == before && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if round % 3 != 2 {
            std::thread::sleep(Duration::from_millis(20 + round * 37 % 400));
        }
        // With its git: a machine that is gone pushes nothing.
        let group = format!("-{}", child.id());
        let _ = Command::new("kill").args(["-9", "--", &group]).stderr(Stdio::null()).status().unwrap();
        let is_let = child.wait().unwrap().success();
        let mut second = verify(&scene, "b", &id);
        for _ in 0..50 {
            if second.code != 4 {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
            second = verify(&scene, "b", &id);
        }
        assert!(!(is_let && second.code == 0), "round {round}: both may run it");
        counts[usize::from(second.code == 2)] += 1;
        assert!(matches!(second.code, 0 | 2), "round {round}: {second:?}");
        let end =
            if second.code == 0 { scene.in_job("b", &["done", &id, "--exit", "0"]) } else { end_of_gone(&scene, &id) };
        assert_eq!(end.code, 0, "round {round}: {end:?}");
    }
    assert!(counts.iter().all(|count| *count > 0), "before it was burnt, and after that: {counts:?}");
}

/// Where the chains of brokers end at the host.
fn commits(scene: &Scene) -> Vec<u8> {
    let args = ["--git-dir", &scene.at("host.git"), "for-each-ref", "refs/undersign/runs"];
    Command::new("git").args(args).output().unwrap().stdout
}

fn end_of_gone(scene: &Scene, id: &str) -> Said {
    scene.in_job("b", &["done", id, "--unknown"])
}

#[test]
fn a_job_that_would_run_something_else_is_refused_and_burns_nothing() {
    let scene = Scene::of_jobs("destructive = [{ role = \"senior\", n = 1 }]");
    scene.job("a", "keep = [\"script\"]");
    let script = |text: &str| {
        std::fs::write(scene.at("script.sh"), text).unwrap();
        format!("script={}", scene.at("script.sh"))
    };
    let input = script("echo done");
    let command = ["--", "/bin/sh", "{input:script}"];
    let said = scene.in_job("a", &[&["request", "--target", "prod", "--input", &input], &command[..]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    let id = said.out.trim();
    ["dana", "rahim"].iter().for_each(|who| scene.sign(who, Verdict::Authorize, id));
    for other in
        [&["/usr/bin/id", "root"][..], &["/bin/sh"], &["/bin/sh", "{input:script}", "more"], &["/bin/sh", "/x"]]
    {
        let said = scene.in_job("a", &[&["verify", id, "--input", &input, "--"], other].concat());
        assert!(said.code == 2 && said.err.contains("another command"), "{other:?} {said:?}");
    }
    // Another machine has no input, and another file is none.
    scene.job("a", "keep = [\"script\"]");
    let said = scene.in_job("a", &[&["verify", id], &command[..]].concat());
    assert!(said.code == 2 && said.err.contains("The input script"), "{said:?}");
    let other = script("echo other");
    let said = scene.in_job("a", &[&["verify", id, "--input", &other], &command[..]].concat());
    assert!(said.code == 2 && said.err.contains("The input script"), "{said:?}");
    assert_eq!(on_host(&scene, "started"), 0);
    let (input, to) = (script("echo done"), scene.at("argv"));
    let said = scene.in_job("a", &["verify", id, "--input", &input, "--to", &to]);
    assert_eq!(said.code, 0, "{said:?}");
    let argv = std::fs::read(&to).unwrap();
    let argv: Vec<&str> = std::str::from_utf8(&argv).unwrap().split_terminator('\0').collect();
    let ran = Command::new(argv[0]).args(&argv[1..]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "done\n", "{argv:?}");
    assert_eq!(scene.in_job("a", &["done", id, "--exit", "0"]).code, 0);
}

#[test]
fn a_job_runs_it_itself_with_exactly_its_environment_and_the_inputs_of_the_ledger() {
    let scene = Scene::of_jobs("");
    scene.job("a", "");
    std::fs::write(scene.at("script.sh"), "env; exit 7").unwrap();
    let input = format!("script={}", scene.at("script.sh"));
    let request = ["request", "--target", "prod", "--input", &input, "--", "/bin/sh", "{input:script}"];
    let asked = scene.in_job("a", &request);
    let id = asked.out.trim();
    ["dana", "rahim"].iter().for_each(|who| scene.sign(who, Verdict::Authorize, id));
    scene.job("a", "");
    let ran = scene.in_job("a", &["run", id]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.out.contains("PATH=/usr/bin:/bin") && !ran.out.contains("HOME="), "{ran:?}");
    assert_eq!(scene.in_job("a", &["run", id]).code, 2);
    assert_eq!((on_host(&scene, "started"), on_host(&scene, "ended")), (1, 1));
}

#[test]
fn nothing_may_run_whose_start_the_host_did_not_take_an_emergency_neither() {
    let terms = "break_glass = { sign = [{ role = \"senior\", n = 1 }], operator = true, presence = \"none\", \
                 max_per_30d = 3, debt_after = \"24h\" }";
    let scene = Scene::of_jobs(terms);
    scene.job("a", "");
    let id = authorized(&scene, "a");
    let urgent = asked(&scene, "a");
    scene.sign("rahim", Verdict::BreakGlass, &urgent);
    hook(&scene, "pre-receive", "exit 1");
    for id in [&id, &urgent] {
        let said = verify(&scene, "a", id);
        assert!(said.code == 4 && said.err.contains("did not take the record"), "{said:?}");
    }
    std::fs::rename(scene.at("host.git"), scene.at("away.git")).unwrap();
    for id in [&id, &urgent] {
        let said = verify(&scene, "a", id);
        assert_eq!(said.code, 4, "{said:?}");
    }
    std::fs::rename(scene.at("away.git"), scene.at("host.git")).unwrap();
    hook(&scene, "pre-receive", "exit 0");
    // Nothing was burnt: what was not taken is not in the chain.
    assert_eq!(verify(&scene, "a", &id).code, 0);
    assert_eq!(on_host(&scene, "started"), 1);
}

#[test]
fn a_start_that_the_host_took_without_saying_so_is_burnt_and_no_job_runs_it() {
    let scene = Scene::of_jobs("");
    ["a", "b"].iter().for_each(|job| scene.job(job, ""));
    let (id, next) = (authorized(&scene, "a"), authorized(&scene, "a"));
    // The ref is written by then, and nobody is told.
    hook(&scene, "post-receive", "kill -9 $PPID");
    let said = verify(&scene, "a", &id);
    assert!(said.code == 4 && said.err.contains("may have taken"), "{said:?}");
    std::fs::remove_file(scene.at("host.git/hooks/post-receive")).unwrap();
    assert_eq!(on_host(&scene, "started"), 1);
    for job in ["a", "b"] {
        let said = verify(&scene, job, &id);
        assert!(said.code == 2 && said.err.contains("STARTED"), "{said:?}");
        assert_eq!(scene.in_job(job, &["done", &id, "--exit", "0"]).code, 2);
    }
    assert_eq!(verify(&scene, "b", &next).code, 75);
    assert_eq!(scene.in_job("b", &["done", &id, "--unknown"]).code, 0);
    assert_eq!(verify(&scene, "b", &next).code, 0);
}

#[test]
fn a_job_that_kept_its_state_notices_that_the_host_lost_a_start() {
    let scene = Scene::of_jobs("");
    scene.job("a", "");
    let id = authorized(&scene, "a");
    let git = |args: &[&str]| {
        let output = Command::new("git").args([&["--git-dir", &scene.at("host.git")], args].concat()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let name = git(&["for-each-ref", "--format=%(refname)", "refs/undersign/runs"]);
    let before = git(&["rev-parse", &name]);
    assert_eq!(verify(&scene, "a", &id).code, 0);
    git(&["update-ref", &name, &before]);
    let said = verify(&scene, "a", &id);
    assert!(matches!(said.code, 2 | 4) && said.err.contains("ALARM"), "{said:?}");
}

#[test]
fn a_refusal_holds_in_a_job_too() {
    let scene = Scene::of_jobs("");
    scene.job("a", "");
    let id = authorized(&scene, "a");
    scene.sign("rahim", Verdict::Refuse, &id);
    let said = verify(&scene, "a", &id);
    assert!(said.code == 2 && said.err.contains("VETOED"), "{said:?}");
}

#[test]
fn a_broker_that_serves_is_no_job_and_a_job_does_not_serve() {
    let scene = Scene::of_jobs("");
    scene.job("a", "");
    let said = scene.program(&["broker", "serve", &scene.at("job-a")]);
    assert!(said.code != 0 && said.err.contains("--state"), "{said:?}");
    let mut served = Scene::new("", "");
    served.kill();
    let said = served.program(&["exec", "--state", &served.at("state"), "status", &"0".repeat(64)]);
    assert!(said.code != 0 && said.err.contains("ci = true"), "{said:?}");
    let file = served.at("broker.toml");
    let key = scene.at("key");
    let said = served.program(&["broker", "init", &served.at("new"), "--settings", &file, "--key", &key]);
    assert!(said.code != 0 && said.err.contains("for jobs of CI"), "{said:?}");
}
