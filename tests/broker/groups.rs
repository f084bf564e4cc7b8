//! The control group of a run: nothing that it starts outlives it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use undersign::command::{Event, Verdict};

use crate::branches::records;
use crate::scene::{Scene, is_root};

/// Whether this machine gives runs a control group; if not, a test is skipped, and says so.
fn are_there(scene: &Scene, state: &str) -> bool {
    let said = scene.undersign(&["doctor", "--broker", &scene.at(state)]);
    let are = said.out.contains("✓ Each run gets a control group");
    if !are {
        eprintln!("skipped: no cgroup v2 here that can be written");
    }
    are
}

/// Whether a process does anything any more.
fn is_alive(id: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
}

fn first_line(path: &str) -> String {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let Some((line, _)) = text.split_once('\n') {
            return line.to_owned();
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{path} stays empty");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The control groups of runs that are there.
fn left() -> String {
    let found = Command::new("find").args(["/sys/fs/cgroup", "-type", "d", "-name", "undersign-*"]).output().unwrap();
    String::from_utf8_lossy(&found.stdout).into_owned()
}

#[test]
fn what_a_run_left_in_a_session_of_its_own_is_dead_when_the_run_is_over_also_at_level_1() {
    let scene = Scene::of_jobs("");
    scene.job("a", "");
    if !are_there(&scene, "job-a") {
        return;
    }
    let pids = scene.at("pids");
    // Twice a child of its own, in a session of its own, with the output of the run still open.
    let script = format!(
        "setsid sh -c 'setsid sh -c \"echo \\$\\$ >> {pids}; exec sleep 600\" & echo $$ >> {pids}; exec sleep 600' &\n\
         while [ \"$(wc -l < {pids})\" -lt 2 ]; do sleep 0.05; done; echo done\n"
    );
    std::fs::write(&pids, "").unwrap();
    std::fs::write(scene.at("script.sh"), script).unwrap();
    let input = format!("script={}", scene.at("script.sh"));
    let asked = ["request", "--target", "prod", "--input", &input, "--", "/bin/sh", "{input:script}"];
    let asked = scene.in_job("a", &asked);
    let id = asked.out.trim();
    ["dana", "rahim"].iter().for_each(|who| scene.sign(who, Verdict::Authorize, id));
    let ran = scene.in_job("a", &["run", id]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "done\n"), "{ran:?}");
    let pids = std::fs::read_to_string(&pids).unwrap();
    let alive: Vec<&str> = pids.lines().filter(|id| is_alive(id)).collect();
    assert!(pids.lines().count() == 2 && alive.is_empty(), "{alive:?} of {pids}");
    assert!(!left().contains(id), "{}", left());
    let started = records(&scene).into_iter().find_map(|(_, event)| match event {
        Event::Started(started) => Some(started),
        _ => None,
    });
    let proofs = started.unwrap().proofs;
    assert!(proofs.iter().any(|proof| proof.contains("a control group of their own")), "{proofs:?}");
}

#[test]
fn what_a_killed_broker_left_running_is_dead_before_it_serves_again() {
    let mut scene = Scene::new("", "");
    if !are_there(&scene, "state") {
        return;
    }
    let pid = scene.at("mark");
    std::fs::write(&pid, "").unwrap();
    std::fs::set_permissions(&pid, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let id = scene.ask(&format!("setsid sh -c 'echo $$ > {pid}; exec sleep 600'"), "");
    scene.sign("dana", Verdict::Authorize, &id);
    let mut running = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .args(["exec", "--broker", &scene.at("socket"), "run", &id])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = first_line(&pid);
    assert!(is_alive(&pid));
    scene.kill();
    running.wait().unwrap();
    assert!(is_alive(&pid), "a kill of the broker alone ends nothing");
    scene.serve();
    assert!(!is_alive(&pid));
    assert_eq!(scene.exec(&["status", &id]).code, 125);
    let next = scene.ask("echo next", "");
    scene.sign("dana", Verdict::Authorize, &next);
    let ran = scene.exec(&["run", &next]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "next\n"), "{ran:?}");
    assert!(!Path::new(&scene.at("state")).join(format!("runs/{id}.group")).exists());
    assert!(is_root() || !left().contains(&id), "{}", left());
}
