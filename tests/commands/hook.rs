//! `undersign hook`, as agents ask it.

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
    for call in [LIST, READ] {
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
fn rules_with_mistakes_stop_every_command_and_no_other_tool() {
    let f = Fixture::new();
    let rules = crate::beside(&f, "hook.toml", "schema = \"undersign-hook/v0\"\nmarker = 1\n");
    asked(&f, "claude-code", LIST, Some(&rules)).exits(2).complains("line 2").complains("no command runs");
    asked(&f, "claude-code", READ, Some(&rules)).exits(0);
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
    std::fs::write(f.dir.path().join(".kiro/hooks/undersign.json"), "{}").unwrap();
    run(&f, &["hook", "install", "kiro", "--write"]).exits(70).complains("is there already");
}
