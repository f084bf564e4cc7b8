//! Real agents with a scripted model: the hook stops their shell call, which otherwise runs. Opt-in, since they are
//! large: `npm install --prefix DIR @openai/codex@0.171.0 opencode-ai@1.18.33`, then
//! `UNDERSIGN_TEST_AGENTS=DIR cargo test --test commands agents::`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::run;
use crate::support::Fixture;

fn installed() -> Option<PathBuf> {
    let folder =
        std::env::var_os("UNDERSIGN_TEST_AGENTS").map(|folder| PathBuf::from(folder).join("node_modules/.bin"));
    if folder.is_none() {
        eprintln!("skipped: no agents to run (UNDERSIGN_TEST_AGENTS)");
    }
    folder
}

/// A model on loopback that calls a shell once and then stops; returns its address.
fn model(command: &str) -> String {
    let (listener, command) = (TcpListener::bind("127.0.0.1:0").unwrap(), command.to_owned());
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| _ = answer(stream, &command)));
    format!("http://{address}/v1")
}

fn answer(mut stream: TcpStream, command: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut line, mut length) = (String::new(), 0);
    reader.read_line(&mut line)?;
    let is_chat = line.contains("chat/completions");
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim().to_ascii_lowercase().split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap_or(0),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let events = if is_chat { chat(&body, command) } else { responses(&body, command) };
    let text: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    stream.write_all(format!("{head}{text}").as_bytes())
}

/// The API format of opencode.
fn chat(body: &Value, command: &str) -> Vec<String> {
    let has_run = body["messages"].as_array().is_some_and(|all| all.iter().any(|message| message["role"] == "tool"));
    let arguments = json!({"command": command, "description": "Run it"}).to_string();
    let call =
        json!([{"index": 0, "id": "call_1", "type": "function", "function": {"name": "bash", "arguments": arguments}}]);
    let (delta, reason) = match has_run || body["tools"].as_array().is_none_or(Vec::is_empty) {
        true => (json!({"role": "assistant", "content": "I stop here."}), "stop"),
        false => (json!({"role": "assistant", "tool_calls": call}), "tool_calls"),
    };
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": reason});
        json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": [choice]})
            .to_string()
    };
    vec![chunk(delta, Value::Null), chunk(json!({}), json!(reason)), "[DONE]".to_owned()]
}

/// The API format of Codex.
fn responses(body: &Value, command: &str) -> Vec<String> {
    let items = body["input"].as_array().cloned().unwrap_or_default();
    let has_run = items.iter().any(|item| item["type"] == "function_call_output");
    let is_tool =
        |name: &&str| body["tools"].as_array().is_some_and(|all| all.iter().any(|tool| tool["name"] == **name));
    let tool = ["shell_command", "exec_command", "shell"].into_iter().find(is_tool).unwrap_or("shell");
    let arguments = match tool {
        "shell_command" => json!({"command": command}),
        "exec_command" => json!({"cmd": command}),
        _ => json!({"command": ["bash", "-lc", command]}),
    };
    let item = match has_run {
        true => json!({"type": "message", "id": "m", "role": "assistant",
            "content": [{"type": "output_text", "text": "I stop here."}]}),
        false => json!({"type": "function_call", "id": "f", "call_id": "call_1", "name": tool,
            "arguments": arguments.to_string()}),
    };
    let usage = json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2});
    vec![
        json!({"type": "response.created", "response": {"id": "r"}}).to_string(),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}).to_string(),
        json!({"type": "response.completed", "response": {"id": "r", "output": [item], "usage": usage}}).to_string(),
    ]
}

/// Runs an agent in a separate environment; returns its output, and whether its shell ran.
fn ran(f: &Fixture, agents: &Path, name: &str, arguments: &[&str]) -> (String, bool) {
    let (home, mark) = (f.dir.path().join("home"), f.dir.path().join("ran"));
    let _ = std::fs::remove_file(&mark);
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(agents.join(name))
        .args(arguments)
        .current_dir(&f.repo)
        .env_clear()
        .env("PATH", path)
        .env("HOME", &home)
        .env("CODEX_HOME", home.join(".codex"))
        .env("OPENAI_API_KEY", "made-up")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (said, mark.exists())
}

fn scene() -> (Fixture, String) {
    let f = Fixture::new();
    let command =
        format!("touch {} && kubectl --request-timeout=1s delete ns shop", f.dir.path().join("ran").display());
    (f, model(&command))
}

#[test]
fn the_hook_stops_codex_and_without_it_the_command_runs() {
    let Some(agents) = installed() else { return };
    let (f, address) = scene();
    let folder = f.dir.path().join("home/.codex");
    std::fs::create_dir_all(&folder).unwrap();
    let settings = format!(
        "model = 'scripted'\nmodel_provider = 'local'\napproval_policy = 'never'\nsandbox_mode = 'danger-full-access'\n\
         [model_providers.local]\nname = 'local'\nbase_url = '{address}'\nwire_api = 'responses'\n"
    );
    let hooks = run(&f, &["hook", "install", "codex"]).exits(0).out;
    let arguments = ["exec", "--skip-git-repo-check", "--dangerously-bypass-hook-trust", "Delete the namespace"];
    std::fs::write(folder.join("config.toml"), format!("{settings}\n{hooks}")).unwrap();
    let (said, has_run) = ran(&f, &agents, "codex", &arguments);
    assert!(!has_run && said.contains("undersign exec request --target"), "{said}");
    std::fs::write(folder.join("config.toml"), settings).unwrap();
    let (said, has_run) = ran(&f, &agents, "codex", &arguments);
    assert!(has_run, "{said}");
}

#[test]
fn the_hook_stops_opencode_and_without_it_the_command_runs() {
    let Some(agents) = installed() else { return };
    let (f, address) = scene();
    let folder = f.dir.path().join("home/.config/opencode");
    std::fs::create_dir_all(folder.join("plugins")).unwrap();
    let provider = json!({
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": address, "apiKey": "made-up"},
        "models": {"scripted": {"tool_call": true, "limit": {"context": 100_000, "output": 4_000}}},
    });
    let settings = json!({"model": "local/scripted", "autoupdate": false, "provider": {"local": provider}});
    std::fs::write(folder.join("opencode.json"), settings.to_string()).unwrap();
    let plugin = folder.join("plugins/undersign.js");
    std::fs::write(&plugin, run(&f, &["hook", "install", "opencode"]).exits(0).out).unwrap();
    let (said, has_run) = ran(&f, &agents, "opencode", &["run", "Delete the namespace"]);
    assert!(!has_run && said.contains("undersign exec request --target"), "{said}");
    std::fs::remove_file(plugin).unwrap();
    let (said, has_run) = ran(&f, &agents, "opencode", &["run", "Delete the namespace"]);
    assert!(has_run, "{said}");
}
