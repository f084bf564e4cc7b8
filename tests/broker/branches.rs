//! Requests on branches, of agents that have nothing but a git remote.

use std::time::{Duration, Instant};

use undersign::command::Verdict;
use undersign::command::request::Proof;
use undersign::command::{Event, RunChain};
use undersign::ledger::families::read_family;
use undersign::sync::Prompts;
use undersign::sync::families::fetch;

use crate::scene::Scene;

/// What brokers signed, as the host has it.
pub fn records(scene: &Scene) -> Vec<(String, Event)> {
    use undersign::command::RunRecord;
    use undersign::ledger::families::Keys;
    let repository = scene.f.repository();
    fetch::<RunRecord>(&repository, "origin", Prompts::Never, (&Keys::all(), &Keys::all())).unwrap();
    let runs: Vec<RunChain> = read_family(&repository, true).unwrap();
    runs.iter()
        .flat_map(|chain| &chain.records)
        .map(|record| (record.id().to_string(), record.run().event.clone()))
        .collect()
}

/// Waits until something can be found.
fn until<T>(what: &str, found: impl Fn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        match found() {
            Some(found) => return found,
            None => assert!(began.elapsed() < Duration::from_secs(60), "{what}"),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Commits files to a branch, below the folder of requests, and pushes it.
fn push(scene: &Scene, branch: &str, files: &[(&str, &str)]) {
    scene.f.git("mina", &["checkout", "-q", "-B", branch, "main"]);
    for (name, text) in files {
        scene.f.write(&format!(".undersign/requests/{name}"), text);
    }
    scene.f.commit("mina", "Ask");
    scene.f.git("mina", &["push", "-q", "-f", "origin", branch]);
    scene.f.git("mina", &["checkout", "-q", "main"]);
}

/// A request of a script, as it is written to a file.
fn draft(scene: &Scene, script: &str) -> String {
    std::fs::write(scene.at("script.sh"), script).unwrap();
    let (input, to) = (format!("script={}", scene.at("script.sh")), scene.at("draft.json"));
    let args = ["request", "--target", "prod", "--input", &input, "--to", &to, "--", "/bin/sh", "{input:script}"];
    let said = scene.undersign(&[&["exec"], &args[..]].concat());
    assert_eq!(said.code, 0, "{said:?}");
    std::fs::read_to_string(to).unwrap()
}

#[test]
fn a_request_on_a_branch_is_admitted_once_and_its_operator_is_only_claimed() {
    let branches = "branches = [\"refs/heads/agents/mina/*\", \"refs/heads/one\"]";
    let scene = Scene::asked_by("", branches, "start = \"authorized\"\n");
    let (first, second) = (draft(&scene, "echo one"), draft(&scene, "echo two"));
    push(&scene, "elsewhere", &[("a.json", &draft(&scene, "echo elsewhere"))]);
    push(&scene, "agents/mina/x", &[("a.json", &first), ("junk.json", "{}"), ("note.txt", &second)]);
    let admitted = || {
        let all = records(&scene).into_iter();
        let found: Vec<_> = all
            .filter_map(|(id, event)| match event {
                Event::Admitted(request) => Some((id, request)),
                _ => None,
            })
            .collect();
        found
    };
    let (id, request) = until("it is not admitted", || admitted().into_iter().next());
    assert_eq!((request.asked.operator.as_str(), request.asked.proof), ("mina", Proof::Claimed));
    assert!(request.asked.by.contains("of branch refs/heads/agents/mina/x"), "{}", request.asked.by);
    // The file stays, and another comes: only that is a new request.
    push(&scene, "agents/mina/x", &[("a.json", &first), ("b.json", &second), ("junk.json", "{}")]);
    until("the second is not admitted", || (admitted().len() > 1).then_some(()));
    push(&scene, "one", &[("a.json", &second)]);
    until("the third is not admitted", || (admitted().len() > 2).then_some(()));
    assert_eq!(admitted().len(), 3);
    // One person is not enough, and the one for whom it is said to be is nobody.
    scene.sign("dana", Verdict::Authorize, &id);
    let said = scene.exec(&["status", &id]);
    assert!(said.code == 75 && said.err.contains("2 of role senior"), "{said:?}");
    scene.sign("rahim", Verdict::Authorize, &id);
    let ended =
        || records(&scene).into_iter().find(|(_, event)| matches!(event, Event::Ended(end) if end.request == id));
    until("it does not run", ended);
    let log = || std::fs::read_to_string(scene.at("broker.log")).unwrap();
    until("junk is not told", || log().contains("It is not a request").then_some(()));
}
