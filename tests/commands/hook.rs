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
