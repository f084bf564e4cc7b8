//! `undersign hook`, called like by agents.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::support::Fixture;
use crate::{Said, run, run_on};

const DELETE: &str =
    r#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"kubectl delete ns shop"}}"#;
const LIST: &str = r#"{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls -l"}}"#;
const READ: &str = r#"{"hook_event_name":"PreToolUse","tool_name":"Read","tool_input":{"file_path":"kubectl delete"}}"#;

fn asked(f: &Fixture, agent: &str, call: &str, rules: Option<&str>) -> Said {
    let rules = rules.map(|rules| ["--rules", rules]);
    let arguments: Vec<&str> = ["hook", agent].into_iter().chain(rules.into_iter().flatten()).collect();
    run_on(f, f.dir.path(), &arguments, call)
}

#[test]
fn what_reaches_production_is_stopped_with_the_command_that_asks_for_it() {
    let f = Fixture::new();
    let said = asked(&f, "claude-code", DELETE, None).exits(2);
    assert_eq!(said.out, "", "an agent may take what it cannot read for a pass");
    assert!(said.err.contains("undersign exec request --target TARGET --why 'WHY' -- "), "{said:?}");
    assert!(said.err.contains("kubectl delete ns shop"), "{said:?}");
    let said = asked(&f, "cursor", r#"{"command":"kubectl delete ns shop","cwd":"/"}"#, None).exits(0);
    assert_eq!(said.json()["permission"], "deny");
}

#[test]
fn what_does_not_passes_without_a_word() {
    let f = Fixture::new();
    // A request may name the command.
    let ask = r#"{"hook_event_name":"PreToolUse","tool_name":"mcp__undersign__prod_request","tool_input":
                 {"target":"shop-prod","argv":["/usr/bin/kubectl","delete","ns","shop"]}}"#;
    let other = ask.replace("undersign", "cluster");
    asked(&f, "codex", &other, None).exits(2);
    for call in [LIST, READ, ask] {
        let said = asked(&f, "codex", call, None).exits(0);
        assert_eq!((said.out.as_str(), said.err.as_str()), ("", ""), "{call}");
    }
}

#[test]
fn a_call_that_cannot_be_read_is_stopped() {
    let f = Fixture::new();
    for call in ["", "{", "[]", r#"{"tool_name":"Bash","tool_input":{}}"#] {
        asked(&f, "gemini", call, None).exits(2).complains("it was not run");
    }
}

#[test]
fn rules_with_mistakes_stop_every_tool_that_is_not_for_files() {
    let f = Fixture::new();
    let rules = crate::beside(&f, "hook.toml", "schema = \"undersign-hook/v0\"\nmarker = 1\n");
    asked(&f, "claude-code", LIST, Some(&rules))
        .exits(2)
        .complains("line 2")
        .complains("only the agent's own tools for files");
    asked(&f, "claude-code", READ, Some(&rules)).exits(0);
    for tool in ["mcp__prod__delete", "use_aws", "mcp__files__read", "Deploy"] {
        asked(&f, "claude-code", &READ.replace("\"Read\"", &format!("\"{tool}\"")), Some(&rules)).exits(2);
    }
    let rules = crate::beside(
        &f,
        "own.toml",
        "schema = \"undersign-hook/v0\"\n[[program]]\nnames = [\"ls\"]\ntarget = \"shop-prod\"\n",
    );
    asked(&f, "claude-code", LIST, Some(&rules)).exits(2).complains("--target shop-prod");
}

/// Calls of tools, by agent: each is read, and reaches production.
const OF_SERVERS: &[(&str, &str)] = &[
    (
        "cursor",
        r#"{"hook_event_name":"beforeMCPExecution","tool_name":"Edit",
            "tool_input":"{\"command\":\"kubectl delete ns shop\"}","url":"https://x.example"}"#,
    ),
    (
        "gemini",
        r#"{"hook_event_name":"BeforeTool","tool_name":"write_file","tool_input":{"command":"kubectl delete ns shop"},
            "mcp_context":{"server_name":"other"}}"#,
    ),
    (
        "gemini",
        r#"{"hook_event_name":"BeforeTool","tool_name":"Edit","tool_input":{"command":"kubectl delete ns shop"}}"#,
    ),
    (
        "cursor",
        r#"{"hook_event_name":"beforeMCPExecution","tool_name":"prod_request","command":"other mcp",
            "tool_input":{"target":"t","argv":["/usr/bin/kubectl","delete","ns","shop"]}}"#,
    ),
    ("claude-code", r#"{"tool_name":"Edit","tool_input":{"command":"kubectl delete ns shop"}}"#),
];

#[test]
fn a_tool_of_a_server_is_read_whatever_it_is_called_and_the_own_tools_pass() {
    let f = Fixture::new();
    let is_denied = |agent: &str, call: &str, rules: Option<&str>| {
        let said = asked(&f, agent, call, rules);
        said.out.contains("deny") || !said.err.is_empty()
    };
    for (agent, call) in OF_SERVERS {
        assert!(is_denied(agent, call, None), "{agent} {call}");
    }
    let own = OF_SERVERS[3].1.replace("other mcp", "/usr/bin/undersign mcp");
    assert!(!is_denied("cursor", &own, None), "its own server");
    let faulty = crate::beside(&f, "hook.toml", "schema = \"undersign-hook/v0\"\nmarker = 1\n");
    for call in [
        r#"{"hook_event_name":"beforeMCPExecution","tool_name":"Write","tool_input":{"path":"/x"},"url":"https://x"}"#,
        r#"{"hook_event_name":"beforeMCPExecution","tool_name":"read_file","tool_input":{"path":"/x"}}"#,
    ] {
        assert!(is_denied("cursor", call, Some(&faulty)), "{call}");
    }
    for (agent, call) in [
        (
            "kiro",
            r#"{"tool_name":"fs_write","tool_input":{"command":"create","path":"hook.toml","file_text":"kubectl"}}"#,
        ),
        ("kiro", r#"{"tool_name":"fs_read","tool_input":{"operations":[{"mode":"Line","path":"hook.toml"}]}}"#),
        ("gemini", r#"{"tool_name":"replace","tool_input":{"file_path":"hook.toml","new_string":"kubectl delete x"}}"#),
        ("copilot", r#"{"toolName":"view","toolArgs":{"path":"hook.toml"}}"#),
        ("copilot", r#"{"toolName":"create","toolArgs":{"path":"hook.toml","file_text":"x"}}"#),
        ("codex", r#"{"tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n+kubectl delete ns 'x"}}"#),
    ] {
        assert!(!is_denied(agent, call, Some(&faulty)), "{agent} {call}");
    }
    // Its own form of an answer, also for an editor that the rules name.
    let rules = "schema = \"undersign-hook/v0\"\ntools = [\"apply_patch\"]\n";
    let rules = crate::beside(&f, "tools.toml", rules);
    let call = r#"{"hook_event_name":"PermissionRequest","tool_name":"apply_patch","tool_input":{"command":"x"}}"#;
    let said = asked(&f, "codex", call, Some(&rules)).exits(0).json();
    assert_eq!(said["hookSpecificOutput"]["decision"]["behavior"], "deny");
}

#[test]
fn what_is_run_is_found_under_any_key_and_in_any_spelling_of_a_shell() {
    let f = Fixture::new();
    let call = |tool: &str, key: &str, text: &str| {
        serde_json::json!({"tool_name": tool, "tool_input": {key: text}}).to_string()
    };
    for key in ["Command", "shell", "bash", "line", "shellCommand", "cmd_line", "exec", "run", "statement", "command "]
    {
        asked(&f, "claude-code", &call("mcp__x__run", key, "kubectl delete ns shop"), None).exits(2);
        asked(&f, "claude-code", &call("mcp__x__run", key, "kubectl get pods"), None).exits(0);
    }
    for tool in ["executeBash", "execute_command", "run_in_terminal", "Bash\u{200b}", "B\u{430}sh", "PowerShell"] {
        asked(&f, "claude-code", &call(tool, "text", "kubectl delete ns shop"), None).exits(2);
    }
    // The twins: texts for people and for files.
    for key in ["description", "prompt", "content", "file_text", "new_string"] {
        asked(&f, "claude-code", &call("mcp__x__note", key, "kubectl delete ns shop"), None).exits(0);
    }
    asked(&f, "claude-code", &call("mcp__x__note", "text", "How is kubectl delete undone?"), None).exits(0);
}

#[test]
fn rules_that_are_no_regular_file_of_a_bounded_size_stop_a_call_at_once() {
    let f = Fixture::new();
    let at = |name: &str| f.dir.path().join(name).display().to_string();
    std::os::unix::fs::symlink("/dev/zero", at("zero.toml")).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe.toml")).status().unwrap().success());
    std::fs::write(at("large.toml"), "#".repeat((1 << 20) + 1)).unwrap();
    let begun = std::time::Instant::now();
    for (name, why) in
        [("zero.toml", "regular file"), ("pipe.toml", "regular file"), ("large.toml", "larger than 1 MiB")]
    {
        asked(&f, "claude-code", LIST, Some(&at(name))).exits(2).complains(why);
        asked(&f, "claude-code", READ, Some(&at(name))).exits(0);
    }
    assert!(begun.elapsed().as_secs() < 9);
}

#[test]
fn what_an_agent_wrote_acts_on_no_terminal() {
    let f = Fixture::new();
    let call = DELETE.replace("ns shop", "ns \\u001b[31mowned\\u0007\\u202e");
    let said = asked(&f, "claude-code", &call, None).exits(2);
    assert!(!said.err.contains(['\u{1b}', '\u{7}', '\u{202e}']) && said.err.contains("␛[31mowned␇"), "{said:?}");
}

#[test]
fn a_megabyte_is_read_too() {
    let f = Fixture::new();
    let long = "echo one two three 'four five'; ".repeat(32_000);
    asked(&f, "claude-code", &LIST.replace("ls -l", &long), None).exits(0);
    asked(&f, "claude-code", &LIST.replace("ls -l", &(long + "kubectl delete ns shop")), None).exits(2);
}

#[test]
fn the_set_up_of_every_agent_is_what_it_reads_and_is_written_over_nothing() {
    let f = Fixture::new();
    for agent in ["claude-code", "cursor", "copilot", "gemini", "kiro"] {
        let said = run(&f, &["hook", "install", agent]).exits(0);
        assert!(said.out.contains(&format!("hook {agent}")) || agent == "claude-code", "{said:?}");
        assert!(said.json().is_object() && said.err.contains("level L0"), "{agent}");
    }
    let codex = run(&f, &["hook", "install", "codex"]).exits(0);
    let parsed: toml::Table = codex.out.parse().unwrap();
    assert!(parsed["hooks"]["PreToolUse"].is_array() && parsed["hooks"]["PermissionRequest"].is_array(), "{codex:?}");
    run(&f, &["hook", "install", "opencode"]).exits(0).says("tool.execute.before").says_not("@PROGRAM@");
    run(&f, &["hook", "install", "kiro", "--write"]).exits(0);
    run(&f, &["hook", "install", "kiro", "--write"]).exits(0);
    let file = f.dir.path().join(".kiro/hooks/undersign.json");
    let own = std::fs::read_to_string(&file).unwrap();
    for there in [own.replace("undersign hook", "older/undersign hook"), " \n".to_owned()] {
        assert_ne!(there, own);
        std::fs::write(&file, there).unwrap();
        run(&f, &["hook", "install", "kiro", "--write"]).exits(0);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), own, "an older one of its own gives way");
    }
    for _ in 0..2 {
        run(&f, &["hook", "uninstall", "kiro"]).exits(0);
        assert!(!file.exists());
    }
    std::fs::write(&file, "{}").unwrap();
    run(&f, &["hook", "install", "kiro", "--write"]).exits(70).complains("is there already");
    run(&f, &["hook", "uninstall", "kiro"]).exits(70).complains("by hand");
    run(&f, &["hook", "install", "opencode", "--write"]).exits(0);
    assert!(f.dir.path().join("config/opencode/plugins/undersign.js").is_file());
}

/// Like root with a umask that hides everything: the agent runs as another user.
#[test]
fn a_file_for_an_agent_can_be_read_by_it_and_belongs_to_a_home() {
    let f = Fixture::new();
    let install = |script: &str| {
        let program = env!("CARGO_BIN_EXE_undersign");
        let script = format!("{script} {program} hook install copilot --write");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(f.dir.path()).env("HOME", f.dir.path().join("home"));
        shell.output().unwrap()
    };
    let mode = |path: &str| std::fs::metadata(f.dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert!(install("umask 077;").status.success());
    assert_eq!((mode("home/.copilot/hooks"), mode("home/.copilot/hooks/undersign.json")), (0o755, 0o644));
    for home in ["HOME=", "unset HOME;"] {
        let said = install(home);
        assert!(String::from_utf8_lossy(&said.stderr).contains("HOME is not set"), "{said:?}");
        assert!(!said.status.success() && !f.dir.path().join(".copilot").exists());
    }
}

#[test]
fn what_cannot_be_said_is_a_refusal_too() {
    let f = Fixture::new();
    for (agent, call, to) in
        [("claude-code", DELETE, "2>/dev/full"), ("cursor", DELETE, ">/dev/full"), ("cursor", LIST, ">/dev/full")]
    {
        let script = format!("{} hook {agent} {to}", env!("CARGO_BIN_EXE_undersign"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(f.dir.path()).env("HOME", f.dir.path());
        let mut child = shell.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(call.as_bytes()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{agent} {to}");
    }
}

/// Each command of a line once had a copy of the text below it.
#[test]
fn a_long_text_below_many_commands_is_kept_once() {
    let f = Fixture::new();
    let many = "true; ".repeat(10_000) + "cat > x <<'EOF'\n" + &"kubectl delete ns\n".repeat(60_000) + "EOF\n";
    let call = serde_json::json!({"tool_name": "Bash", "tool_input": {"command": many}}).to_string();
    let script = format!("ulimit -v 1500000; exec {} hook claude-code", env!("CARGO_BIN_EXE_undersign"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(f.dir.path()).env("HOME", f.dir.path()).stdin(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    child.stdin.take().unwrap().write_all(call.as_bytes()).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn only_the_whole_of_what_would_run_is_told_to_be_asked_for() {
    let f = Fixture::new();
    let told = |line: &str| {
        let call = serde_json::json!({"tool_name": "Bash", "tool_input": {"command": line}}).to_string();
        asked(&f, "claude-code", &call, None).exits(2).err
    };
    assert!(told("/bin/kubectl delete ns shop").contains("-- /bin/kubectl delete ns shop\n"));
    assert!(told("./kubectl delete ns shop").contains("-- /PATH/OF/kubectl delete ns shop\n"));
    for (line, left_out) in [
        ("AWS_PROFILE=prod aws s3 rm s3://x --recursive", "put in yourself the variables that are set"),
        ("cd infra/prod && terraform destroy", "the other commands of the line"),
        ("psql -h prod < drop.sql", "its input and output"),
        ("ssh web-1 uptime", "runs what its arguments say"),
        ("psql -h prod -c 'drop table x'", "takes code after -c"),
    ] {
        let text = told(line);
        assert!(text.contains("-- PROGRAM ARGUMENT…\n") && text.contains(left_out), "{line}: {text}");
    }
    assert!(told("ls; terraform destroy -auto-approve").contains("`terraform destroy -auto-approve`"));
}

#[test]
fn rules_are_taken_from_where_they_are_said_to_be() {
    let f = Fixture::new();
    let rules = crate::beside(&f, "hook.toml", "schema = \"undersign-hook/v0\"\nmarkers = [\"shop-prod\"]\n");
    run(&f, &["hook", "--rules", &rules, "check", "curl shop-prod"]).exits(2);
    run(&f, &["hook", "check", "--rules", &rules, "curl shop-prod"]).exits(2);
    run(&f, &["hook", "--rules", "nowhere.toml", "check", "ls"]).exits(70).complains("is not there");
    // A dangling link exists, and nobody knows what its file would have said.
    std::fs::create_dir_all(f.dir.path().join("config/undersign")).unwrap();
    std::os::unix::fs::symlink("nowhere", f.dir.path().join("config/undersign/hook.toml")).unwrap();
    asked(&f, "claude-code", LIST, None).exits(2).complains("cannot be read");
}

#[test]
fn the_doctor_says_which_agents_ask_the_hook_and_what_lies_in_their_account() {
    let f = Fixture::new();
    let doctor = |more: &[(&str, &str)]| crate::run_with(&f, &["doctor", "--agents"], more);
    doctor(&[]).exits(2).says("✗ No agent asks the hook in this account");
    run(&f, &["hook", "install", "opencode", "--write"]).exits(0);
    std::fs::create_dir_all(f.dir.path().join(".kube")).unwrap();
    std::fs::write(f.dir.path().join(".kube/config"), "token: s3cr3t-one").unwrap();
    let said =
        doctor(&[("AWS_SECRET_ACCESS_KEY", "s3cr3t-two"), ("TF_TOKEN_app_terraform_io", "s3cr3t-three")]).exits(0);
    let told = &said.out;
    assert!(told.contains("· opencode: it asks the hook, and whoever works in this account can take"), "{told}");
    for words in ["~/.kube/config", "the variable AWS_SECRET_ACCESS_KEY", "variables TF_TOKEN_…", "level L0"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("s3cr3t"), "{told}");
    let place = f.dir.path().join("config/opencode/plugins/undersign.js");
    let text = std::fs::read_to_string(&place).unwrap();
    std::fs::write(&place, text.replacen("undersign", "true", 1)).unwrap();
    doctor(&[]).exits(2).says("✗ opencode:").says("is not what this version writes");
}

#[test]
fn an_agent_that_says_nothing_is_not_waited_for() {
    let f = Fixture::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .args(["hook", "claude-code"])
        .env("HOME", f.dir.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its input stays open, and half a call is in it.
    let mut input = child.stdin.take().unwrap();
    input.write_all(&LIST.as_bytes()[..20]).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("could not judge the call in time"), "{told}");
    drop(input);
}
