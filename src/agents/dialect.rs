//! How agents ask their hooks about a call of a tool, and how each wants to be answered. Of their own documentation and
//! sources, as of November 2026; what they do with an answer they do not know is to go on.

use serde_json::{Map, Value, json};

use super::production::Reach;

/// Bytes of what an agent says of a call.
pub const MAX_CALL: usize = 8 << 20;
/// What an agent takes for a refusal, all but two.
const BLOCKED: u8 = 2;

/// Whose hook asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// `PreToolUse` of Claude Code, from 2.1.214 on.
    ClaudeCode,
    /// `PreToolUse` and `PermissionRequest` of Codex, from 0.170 on.
    Codex,
    /// `tool.execute.before` of opencode 1.x, by the plugin that is printed.
    Opencode,
    /// `BeforeTool` of Gemini CLI.
    Gemini,
    /// `PreToolUse` of Kiro CLI 3 and IDE 1; version 2 of the CLI goes on whatever is answered.
    Kiro,
    /// `beforeShellExecution`, `beforeMCPExecution` and `preToolUse` of Cursor, from 3.9 on.
    Cursor,
    /// `PreToolUse` of Copilot CLI, from 1.0.70 on.
    Copilot,
}

/// A call of a tool that an agent is about to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// As the agent calls it.
    pub tool: String,
    /// What it runs; empty for tools that run nothing.
    pub commands: Vec<Command>,
    /// Of Codex: it asks for a permission, and is answered in another form.
    is_for_permission: bool,
}

/// What a tool is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// As a shell reads it.
    Line(String),
    /// A program and its arguments.
    Words(Vec<String>),
}

/// What a hook prints, and how it exits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its exit code.
    pub code: u8,
    /// On standard output.
    pub stdout: String,
    /// On standard error.
    pub stderr: String,
}

/// Arguments of tools in which what they run stands.
const COMMAND_KEYS: &[&str] = &["command", "cmd", "script", "code", "commands", "argv"];
/// Tools that run what they are given: a call of one in which nothing of that is found is not understood.
const SHELLS: &[&str] = &[
    "Bash",
    "bash",
    "shell",
    "Shell",
    "PowerShell",
    "powershell",
    "exec_command",
    "execute_bash",
    "local_shell",
    "run_shell_command",
    "run_command",
    "terminal",
    "container.exec",
    "unified_exec",
];

/// Tools that change files and run nothing: a patch stands where others have a command.
const EDITORS: &[&str] = &["apply_patch", "Edit", "MultiEdit", "Write", "NotebookEdit"];
/// Bytes of a command that an agent reads again.
const MAX_SAID: usize = 2_000;

impl Agent {
    /// All of them.
    pub const ALL: [Agent; 7] =
        [Agent::ClaudeCode, Agent::Codex, Agent::Opencode, Agent::Gemini, Agent::Kiro, Agent::Cursor, Agent::Copilot];

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        match self {
            Agent::ClaudeCode => "claude-code",
            Agent::Codex => "codex",
            Agent::Opencode => "opencode",
            Agent::Gemini => "gemini",
            Agent::Kiro => "kiro",
            Agent::Cursor => "cursor",
            Agent::Copilot => "copilot",
        }
    }

    /// What an agent says of a call.
    ///
    /// # Errors
    /// A sentence: it is nothing that this reads. Such a call does not pass.
    pub fn call(self, text: &[u8]) -> Result<Call, String> {
        if text.len() > MAX_CALL {
            return Err(format!("The call is larger than {} MiB, and was not read.", MAX_CALL >> 20));
        }
        let event: Map<String, Value> =
            serde_json::from_slice(text).map_err(|error| format!("The call is not JSON that can be read: {error}."))?;
        let text = |keys: &[&str]| keys.iter().find_map(|key| event.get(*key)?.as_str()).map(str::to_owned);
        // Of Cursor: the command itself, without a tool.
        if let Some(command) = text(&["command"]).filter(|_| self == Agent::Cursor && !event.contains_key("tool_name"))
        {
            return Ok(Call { tool: "Shell".to_owned(), commands: vec![Command::Line(command)], ..Call::default() });
        }
        let tool = text(&["tool_name", "toolName", "tool"]).ok_or("The call names no tool.")?;
        if EDITORS.contains(&tool.as_str()) {
            return Ok(Call { tool, ..Call::default() });
        }
        let input = ["tool_input", "toolArgs", "args", "input"].iter().find_map(|key| event.get(*key));
        let input = match input {
            // Of Copilot: JSON in a string.
            Some(Value::String(text)) => serde_json::from_str(text)
                .map_err(|error| format!("The arguments of {tool} are not JSON that can be read: {error}."))?,
            Some(input) => input.clone(),
            None => Value::Null,
        };
        let commands = commands(&input);
        let is_shell = SHELLS.contains(&tool.as_str());
        if is_shell && commands.is_empty() && !is_poll(&input) {
            return Err(format!("What {tool} would run is not where it was expected."));
        }
        let is_for_permission = text(&["hook_event_name"]).as_deref() == Some("PermissionRequest");
        Ok(Call { tool, commands, is_for_permission })
    }

    /// The answer to a call that may go on: silence, where the agent takes that for one.
    pub fn passes(self) -> Answer {
        match self {
            // With `failClosed`, silence is a refusal.
            Agent::Cursor => Answer { stdout: json!({"permission": "allow"}).to_string() + "\n", ..Answer::default() },
            _ => Answer::default(),
        }
    }

    /// The answer that stops a call, with the text that the agent reads. None where the call could not be read.
    pub fn stops(self, call: Option<&Call>, text: &str) -> Answer {
        let printed = |value: Value| Answer { stdout: value.to_string() + "\n", ..Answer::default() };
        match self {
            Agent::Cursor => printed(json!({"permission": "deny", "user_message": text, "agent_message": text})),
            Agent::Copilot => printed(json!({
                "permissionDecision": "deny",
                "permissionDecisionReason": text,
                "hookSpecificOutput": {
                    "hookEventName": "PreToolUse",
                    "permissionDecision": "deny",
                    "permissionDecisionReason": text,
                },
            })),
            Agent::Codex if call.is_some_and(|call| call.is_for_permission) => printed(json!({
                "hookSpecificOutput": {
                    "hookEventName": "PermissionRequest",
                    "decision": {"behavior": "deny", "message": text},
                },
            })),
            // Nothing on standard output: what is there and cannot be read makes some of them go on.
            _ => Answer { code: BLOCKED, stdout: String::new(), stderr: format!("{text}\n") },
        }
    }
}

/// What a tool runs, wherever in its arguments that stands.
fn commands(input: &Value) -> Vec<Command> {
    let Some(fields) = input.as_object() else { return Vec::new() };
    let words = |list: &[Value]| list.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    let command = |value: &Value| match value {
        Value::String(text) => Some(Command::Line(text.clone())),
        Value::Array(list) => words(list).filter(|words| !words.is_empty()).map(Command::Words),
        _ => None,
    };
    COMMAND_KEYS.iter().filter_map(|key| command(fields.get(*key)?)).collect()
}

/// A call that only reads on from a program that runs already.
fn is_poll(input: &Value) -> bool {
    ["session_id", "shell_id", "bash_id"].iter().any(|key| input.get(*key).is_some())
}

/// What an agent is told that may not go on: how to ask instead.
pub fn refusal(reach: &Reach) -> String {
    let target = reach.target.as_deref().unwrap_or("TARGET");
    let words: Vec<String> = reach.command.iter().map(|word| quoted(word)).collect();
    let command = Some(words.join(" ")).filter(|command| (1..=MAX_SAID).contains(&command.len()));
    let command = command.unwrap_or_else(|| "PROGRAM ARGUMENT…".to_owned());
    let targets = if reach.target.is_none() { " TARGET is one of the policy's targets." } else { "" };
    format!(
        "{} No agent runs anything in production without a person's authorization, so this was not run. Ask for it, \
         with the whole path of the program and each file that it reads as --input ROLE=PATH:\n\
         undersign exec request --target {target} --why 'WHY' -- {command}\n\
         Then wait with `undersign exec wait ID`, and run it with `undersign exec run ID`.{targets} If it does not \
         reach production, say so to the person you work for: they can say it in hook.toml. Do not look for another \
         way to run it.",
        reach.why
    )
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-{}".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<Command> {
        vec![Command::Line(text.to_owned())]
    }

    #[test]
    fn a_call_is_read_in_the_form_of_each_agent() {
        for (agent, text) in [
            (
                Agent::ClaudeCode,
                r#"{"session_id":"1","tool_name":"Bash","tool_input":{"command":"ls","description":"d"}}"#,
            ),
            (Agent::Codex, r#"{"turn_id":"1","tool_name":"Bash","tool_input":{"command":"ls"}}"#),
            (Agent::Opencode, r#"{"tool":"bash","args":{"command":"ls","description":"d"}}"#),
            (Agent::Gemini, r#"{"timestamp":"1","tool_name":"run_shell_command","tool_input":{"command":"ls"}}"#),
            (Agent::Kiro, r#"{"cwd":"/","tool_name":"shell","tool_input":{"command":"ls"}}"#),
            (Agent::Cursor, r#"{"conversation_id":"1","command":"ls","cwd":"/"}"#),
            (Agent::Cursor, r#"{"generation_id":"1","tool_name":"Shell","tool_input":{"command":"ls"}}"#),
            (Agent::Copilot, r#"{"sessionId":"1","toolName":"bash","toolArgs":"{\"command\":\"ls\"}"}"#),
            (Agent::Copilot, r#"{"session_id":"1","tool_name":"bash","tool_input":{"command":"ls"}}"#),
        ] {
            assert_eq!(agent.call(text.as_bytes()).map(|call| call.commands), Ok(line("ls")), "{text}");
        }
        let words =
            Agent::Codex.call(br#"{"tool_name":"shell","tool_input":{"command":["bash","-lc","ls"]}}"#).unwrap();
        assert_eq!(words.commands, [Command::Words(["bash", "-lc", "ls"].map(str::to_owned).to_vec())]);
        let read = Agent::ClaudeCode.call(br#"{"tool_name":"Read","tool_input":{"file_path":"a"}}"#).unwrap();
        assert_eq!((read.tool.as_str(), read.commands), ("Read", vec![]));
        let patch = br#"{"tool_name":"apply_patch","tool_input":{"command":"*** Begin Patch\n+kubectl delete 'ns"}}"#;
        assert_eq!(Agent::Codex.call(patch).unwrap().commands, []);
    }

    #[test]
    fn a_call_that_cannot_be_understood_is_an_error_and_no_pass() {
        for text in [
            "",
            "[]",
            "{",
            "null",
            r#"{"tool_input":{}}"#,
            r#"{"tool_name":"Bash","tool_input":{}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":7}}"#,
            r#"{"toolName":"bash","toolArgs":"{"}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":[]}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":["a",1]}}"#,
        ] {
            for agent in Agent::ALL {
                assert!(agent.call(text.as_bytes()).is_err(), "{agent:?} {text}");
            }
        }
        assert!(Agent::Codex.call(&vec![b' '; MAX_CALL + 1]).is_err());
    }

    #[test]
    fn every_agent_is_told_in_the_form_that_stops_it() {
        let text = "Not \"here\".\nAsk.";
        for agent in Agent::ALL {
            let (pass, stop) = (agent.passes(), agent.stops(None, text));
            assert_eq!(pass.code, 0, "{agent:?}");
            match agent {
                Agent::Cursor => {
                    assert_eq!(pass.stdout, "{\"permission\":\"allow\"}\n");
                    let said: Value = serde_json::from_str(&stop.stdout).unwrap();
                    assert_eq!(
                        (stop.code, &said["permission"], &said["user_message"]),
                        (0, &json!("deny"), &json!(text))
                    );
                }
                Agent::Copilot => {
                    let said: Value = serde_json::from_str(&stop.stdout).unwrap();
                    assert_eq!((stop.code, &said["permissionDecision"]), (0, &json!("deny")));
                    assert_eq!(said["hookSpecificOutput"]["permissionDecisionReason"], json!(text));
                }
                _ => {
                    assert_eq!((pass.stdout.as_str(), pass.stderr.as_str()), ("", ""), "{agent:?}");
                    assert_eq!(
                        (stop.code, stop.stdout.as_str(), stop.stderr),
                        (2, "", format!("{text}\n")),
                        "{agent:?}"
                    );
                }
            }
        }
        let asked = br#"{"hook_event_name":"PermissionRequest","tool_name":"Bash","tool_input":{"command":"ls"}}"#;
        let stop = Agent::Codex.stops(Some(&Agent::Codex.call(asked).unwrap()), text);
        let said: Value = serde_json::from_str(&stop.stdout).unwrap();
        assert_eq!(said["hookSpecificOutput"]["decision"], json!({"behavior": "deny", "message": text}));
    }

    #[test]
    fn a_refusal_says_how_to_ask_for_the_very_command() {
        let reach = Reach {
            why: "`kubectl` reaches production here.".to_owned(),
            command: ["/usr/bin/kubectl", "delete", "ns", "a b", "it's"].map(str::to_owned).to_vec(),
            target: Some("shop-prod".to_owned()),
        };
        let text = refusal(&reach);
        let asked = "undersign exec request --target shop-prod --why 'WHY' -- ";
        let command = r"/usr/bin/kubectl delete ns 'a b' 'it'\''s'";
        assert!(text.lines().any(|line| line == format!("{asked}{command}")), "{text}");
        assert!(!text.contains("TARGET"), "{text}");
        let long = Reach { command: vec!["x".repeat(MAX_SAID + 1)], ..reach };
        assert!(refusal(&long).contains("-- PROGRAM ARGUMENT…\n"));
    }
}
