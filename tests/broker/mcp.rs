//! `undersign mcp`, called by the official client in both generations of the protocol, and by hand.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use undersign::command::Verdict;

use crate::scene::Scene;

const ERAS: [(&str, &str); 2] = [("legacy", "2025-11-25"), ("auto", "2026-07-28")];

/// The output of the official client for some calls; none, with a message, if there is no Python that has it.
fn called(scene: &Scene, (mode, revision): (&str, &str), calls: &[Value]) -> Option<Vec<Value>> {
    let Ok(python) = std::env::var("UNDERSIGN_ORACLES") else {
        eprintln!("skipped: UNDERSIGN_ORACLES names no Python with the package mcp");
        return None;
    };
    let socket = scene.at("socket");
    let lines = piped(
        Command::new(python).args([
            "tests/broker/mcp_client.py",
            mode,
            env!("CARGO_BIN_EXE_undersign"),
            "mcp",
            "--broker",
            &socket,
        ]),
        calls,
    );
    let (found, results) = lines.split_first().expect("the client says what it found");
    let tools = json!(["prod_request", "prod_status", "prod_run"]);
    assert_eq!(found, &json!({ "version": revision, "tools": tools }));
    assert_eq!(results.len(), calls.len(), "{results:?}");
    Some(results.to_vec())
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
    for era in ERAS {
        let scene = Scene::new("", "");
        let script = scene.at("fix.sh");
        std::fs::write(&script, "printf 'done\\033[31m\\n'; exit 75").unwrap();
        let asked = json!({
            "target": "prod",
            "argv": ["/bin/sh", "{input:script}"],
            "inputs": { "script": script },
            "why": "The index is missing",
        });
        let Some(results) = called(&scene, era, &[json!(["prod_request", asked])]) else { return };
        let id = results[0]["data"]["id"].as_str().unwrap().to_owned();
        assert!(results[0]["error"] == false && results[0]["text"].as_str().unwrap().contains(&id), "{results:?}");
        let named = json!({ "id": id });
        let calls = [json!(["prod_status", named]), json!(["prod_run", named])];
        let results = called(&scene, era, &calls).unwrap();
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
        let results = called(&scene, era, &calls).unwrap();
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
    for era in ERAS {
        let scene = Scene::new("", "");
        let calls = [
            json!(["prod_request", { "target": "prod", "argv": ["/bin/sh", "-c", "id"] }]),
            json!(["prod_request", { "target": "prod", "argv": ["/bin/sh"], "inputs": { "s": "/no/such" } }]),
            json!(["prod_request", { "target": "prod", "argv": "id" }]),
            json!(["prod_request", { "target": "prod", "argv": ["/usr/bin/id", "root"], "approve": true }]),
            json!(["prod_status", { "id": "../../etc/passwd" }]),
            json!(["prod_approve", { "id": "a" }]),
        ];
        let Some(results) = called(&scene, era, &calls) else { return };
        for (at, words) in
            [(0, "takes code"), (1, "cannot be read"), (2, "do not fit"), (3, "approve"), (4, "64 hex digits")]
        {
            let text = results[at]["text"].as_str().unwrap();
            assert!(text.contains(words), "{at}: {text}");
        }
        assert!(results[..4].iter().all(|result| result["error"] == true), "{results:?}");
        assert_eq!(results[5]["refused"], -32602);
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
