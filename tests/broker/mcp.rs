//! `undersign mcp`, called by the official clients in Python and in Rust, each in both generations of the protocol, and
//! by hand.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};
use undersign::command::Verdict;

use crate::scene::Scene;

/// The modes of the clients, and the revision that each negotiates.
const ERAS: [(&str, &str); 2] = [("legacy", "2025-11-25"), ("auto", "2026-07-28")];

/// The official clients that are at hand, as the program and its first arguments; a message for each that is not.
fn clients() -> &'static [Vec<String>] {
    static CLIENTS: OnceLock<Vec<Vec<String>>> = OnceLock::new();
    CLIENTS.get_or_init(|| [in_python(), in_rust()].into_iter().flatten().collect())
}

fn in_python() -> Option<Vec<String>> {
    let Ok(python) = std::env::var("UNDERSIGN_ORACLES") else {
        eprintln!("skipped: UNDERSIGN_ORACLES names no Python with the package mcp");
        return None;
    };
    Some(vec![python, "tests/broker/mcp_client.py".to_owned()])
}

/// The client in Rust is a package of its own, built here: its dependencies are none of ours.
fn in_rust() -> Option<Vec<String>> {
    let target = concat!(env!("CARGO_TARGET_TMPDIR"), "/../rmcp");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/broker/rmcp/Cargo.toml");
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let built = Command::new(cargo)
        .args(["build", "--locked", "--quiet", "--manifest-path", manifest, "--target-dir", target])
        .output();
    let why = match built {
        Ok(output) if output.status.success() => return Some(vec![format!("{target}/debug/undersign-rmcp")]),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(std::env::var_os("UNDERSIGN_TEST_RMCP").is_none(), "the client in Rust cannot be built: {why}");
    eprintln!("skipped: the client in Rust (tests/broker/rmcp) cannot be built: {why}");
    None
}

/// Each client in each generation.
fn all() -> impl Iterator<Item = Caller> {
    clients().iter().flat_map(|client| ERAS.map(|(mode, revision)| Caller { client, mode, revision }))
}

#[derive(Clone, Copy)]
struct Caller {
    client: &'static [String],
    mode: &'static str,
    revision: &'static str,
}

impl Caller {
    /// What the client was answered for some calls.
    fn called(self, scene: &Scene, calls: &[Value]) -> Vec<Value> {
        let socket = scene.at("socket");
        let program = [self.mode, env!("CARGO_BIN_EXE_undersign"), "mcp", "--broker", &socket];
        let lines = piped(Command::new(&self.client[0]).args(&self.client[1..]).args(program), calls);
        let (found, results) = lines.split_first().expect("the client says what it found");
        let tools = json!(["prod_request", "prod_status", "prod_run"]);
        assert_eq!(found, &json!({ "version": self.revision, "tools": tools }), "{:?}", self.client);
        assert_eq!(results.len(), calls.len(), "{results:?}");
        results.to_vec()
    }
}

/// The output of a program for lines of JSON, which are all sent at once.
fn piped(command: &mut Command, lines: &[Value]) -> Vec<Value> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    lines.iter().for_each(|line| writeln!(input, "{line}").unwrap());
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_agent_asks_waits_for_a_person_and_runs_what_was_authorized_once() {
    for caller in all() {
        let scene = Scene::new("", "");
        let script = scene.at("fix.sh");
        std::fs::write(&script, "printf 'done\\033[31m\\n'; exit 75").unwrap();
        let asked = json!({
            "target": "prod",
            "argv": ["/bin/sh", "{input:script}"],
            "inputs": { "script": script },
            "why": "The index is missing",
        });
        let results = caller.called(&scene, &[json!(["prod_request", asked])]);
        let id = results[0]["data"]["id"].as_str().unwrap().to_owned();
        assert!(results[0]["error"] == false && results[0]["text"].as_str().unwrap().contains(&id), "{results:?}");
        let named = json!({ "id": id });
        let calls = [json!(["prod_status", named]), json!(["prod_run", named])];
        let results = caller.called(&scene, &calls);
        assert!(results[0]["error"] == false && results[0]["data"]["state"] == "waiting", "{results:?}");
        assert!(results[1]["error"] == true && results[1]["data"]["code"] == 75, "{results:?}");
        scene.sign("dana", Verdict::Authorize, &id);
        let calls = [
            json!(["prod_status", { "id": id, "wait_seconds": 50 }]),
            json!(["prod_run", named]),
            json!(["prod_run", named]),
            // It ended with the code that otherwise says "not yet", so there is no wait.
            json!(["prod_status", { "id": id, "wait_seconds": 50 }]),
        ];
        let results = caller.called(&scene, &calls);
        assert_eq!(results[0]["data"]["state"], "ready", "{results:?}");
        assert!(results[1]["error"] == true && results[1]["data"]["code"] == 75, "{results:?}");
        let text = results[1]["text"].as_str().unwrap();
        assert!(text.contains("done") && !text.contains('\u{1b}'), "{text}");
        assert!(results[2]["error"] == true && results[2]["text"].as_str().unwrap().contains("STARTED"), "{results:?}");
        assert_eq!(results[3]["data"]["outcome"], "exit", "{results:?}");
        assert!(results[3]["text"].as_str().unwrap().contains("Standard output"), "{results:?}");
    }
}

#[test]
fn an_agent_is_told_why_something_may_not_be_asked_and_has_no_tool_that_approves() {
    for caller in all() {
        let scene = Scene::new("", "");
        let calls = [
            json!(["prod_request", { "target": "prod", "argv": ["/bin/sh", "-c", "id"] }]),
            json!(["prod_request", { "target": "prod", "argv": ["/bin/sh"], "inputs": { "s": "/no/such" } }]),
            json!(["prod_request", { "target": "prod", "argv": "id" }]),
            json!(["prod_request", { "target": "prod", "argv": ["/usr/bin/id", "root"], "approve": true }]),
            json!(["prod_status", { "id": "../../etc/passwd" }]),
            json!(["prod_approve", { "id": "a" }]),
            json!(["prod_request", { "target": "prod", "argv": ["/usr/bin/whoami"], "why": "Approved by dana" }]),
        ];
        let results = caller.called(&scene, &calls);
        for (at, words) in
            [(0, "takes code"), (1, "cannot be read"), (2, "do not fit"), (3, "approve"), (4, "64 hex digits")]
        {
            let text = results[at]["text"].as_str().unwrap();
            assert!(text.contains(words), "{at}: {text}");
        }
        assert!(results[..4].iter().all(|result| result["error"] == true), "{results:?}");
        assert_eq!(results[5]["refused"], -32602);
        let id = results[6]["data"]["id"].as_str().unwrap();
        let run = caller
            .called(&scene, &[json!(["prod_run", { "id": id, "approve": true }]), json!(["prod_run", { "id": id }])]);
        assert!(run[0]["text"].as_str().unwrap().contains("approve"), "{run:?}");
        assert!(run[1]["error"] == true && run[1]["text"].as_str().unwrap().contains("UNSIGNED"), "{run:?}");
        for clone in ["host.git", "broker.git"] {
            let signed = ["--git-dir", &scene.at(clone), "for-each-ref", "refs/undersign/authorizations"];
            let signed = Command::new("git").args(signed).output().unwrap();
            assert!(signed.status.success() && signed.stdout.is_empty(), "{clone}: {signed:?}");
        }
    }
}

#[test]
fn what_is_too_long_or_no_message_is_answered_and_the_next_one_too() {
    let long = json!({ "jsonrpc": "2.0", "id": 1, "method": "x".repeat(3 << 20) });
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    let program = || Command::new(env!("CARGO_BIN_EXE_undersign"));
    let answers = piped(program().args(["mcp", "--broker", "/no/such/socket"]), &[long, json!(7), ping]);
    let has = |wanted: &dyn Fn(&Value) -> bool| answers.iter().any(wanted);
    assert_eq!(answers.len(), 3, "{answers:?}");
    assert!(has(&|answer| answer["error"]["code"] == -32700) && has(&|answer| answer["error"]["code"] == -32600));
    assert!(has(&|answer| answer["id"] == 2 && answer["result"] == json!({})), "{answers:?}");
    let call = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {
        "name": "prod_status", "arguments": { "id": "0".repeat(64) } }});
    let answers = piped(program().args(["mcp", "--broker", "/no/such/socket"]), &[call]);
    let text = answers[0]["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("does not answer") && answers[0]["result"]["isError"] == true, "{text}");
}
