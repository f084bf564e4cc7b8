//! The configuration that makes an agent call the hook, where an administrator puts it, and what it leaves open.

use serde_json::json;

use super::Agent;
use crate::change::shell_word;

/// A file for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Where the agent reads it, if possible where the user of the agent cannot write; `~` is the home directory of
    /// that user.
    pub place: &'static str,
    /// Its content.
    pub text: String,
    /// Sentences: what the configuration relies on, and what it does not stop.
    pub notes: &'static [&'static str],
}

/// Seconds after which an agent gives up on a hook. The hook itself answers earlier, since some agents continue then.
const TIMEOUT: u32 = 15;

/// The configuration for an agent, which will run this program.
pub fn setup(agent: Agent, program: &str) -> Setup {
    let command = format!("{} hook {}", shell_word(program), agent.name());
    match agent {
        Agent::ClaudeCode => Setup {
            place: "/etc/claude-code/managed-settings.d/50-undersign.json",
            text: pretty(&json!({
                "hooks": {"PreToolUse": [{"matcher": "*", "hooks": [{
                    "type": "command",
                    "command": program,
                    "args": ["hook", agent.name()],
                    "timeout": TIMEOUT,
                    "onFailure": "block",
                }]}]},
                "pluginConfigs": {"cc-plugin-sec-default@builtin": {"options": {"allowManagedModsOnly": true}}},
            })),
            notes: &[
                "In a user's own settings a mod can overrule it: only the managed place is out of its reach.",
                "--bare, --safe-mode and disableAllHooks run without hooks. Before 2.1.214 a refusal may stop nothing.",
            ],
        },
        Agent::Codex => Setup {
            place: "/etc/codex/requirements.toml",
            text: format!(
                "[features]\nhooks = true\n\n[hooks]\n\n{}",
                ["PreToolUse", "PermissionRequest"].map(|event| codex_hook(event, &command)).join("\n")
            ),
            notes: &[
                "Hooks in a user's or a project's own files are skipped until that user trusts them in /hooks.",
                "`write_stdin` to a program that runs already asks no hook.",
            ],
        },
        Agent::Opencode => Setup {
            place: "~/.config/opencode/plugins/undersign.js",
            text: include_str!("../../assets/agents/opencode.js").replace("@PROGRAM@", &json!(program).to_string()),
            notes: &[
                "opencode has no managed place for plugins: whoever can write this file can take it away.",
                "Calls of subagents, and of tools of MCP servers, were seen to pass by plugins.",
            ],
        },
        Agent::Gemini => Setup {
            place: "/etc/gemini-cli/settings.json",
            text: pretty(&json!({"hooks": {"BeforeTool": [{"matcher": ".*", "hooks": [{
                "type": "command", "command": command, "timeout": TIMEOUT * 1_000,
            }]}]}})),
            notes: &["A hook that fails in another way than by its refusal is a warning there, and the call goes on."],
        },
        Agent::Kiro => Setup {
            place: "~/.kiro/hooks/undersign.json",
            text: pretty(&json!({"version": "v1", "hooks": [{
                "name": "undersign", "trigger": "PreToolUse", "matcher": "*", "enabled": true, "timeout": TIMEOUT,
                "action": {"type": "command", "command": command},
            }]})),
            notes: &[
                "Version 2 of the CLI goes on whatever a hook says; the IDE before 1.0 gives hooks nothing to read.",
            ],
        },
        Agent::Cursor => Setup {
            place: "/etc/cursor/hooks.json",
            text: pretty(&json!({"version": 1, "hooks": {
                "beforeShellExecution": [{"command": command, "timeout": TIMEOUT, "failClosed": true}],
                "beforeMCPExecution": [{"command": command, "timeout": TIMEOUT, "failClosed": true}],
            }})),
            notes: &["Without `failClosed`, or with an event that is misspelt, every call goes on."],
        },
        Agent::Copilot => Setup {
            place: "~/.copilot/hooks/undersign.json",
            text: pretty(&json!({"version": 1, "hooks": {"PreToolUse": [{
                "type": "command", "bash": command, "timeoutSec": TIMEOUT,
            }]}})),
            notes: &["A hook that runs out of time lets the call go on since 1.0.67."],
        },
    }
}

/// Whether a file was written by this module, for any path of the program.
pub fn is_own(agent: Agent, text: &str) -> bool {
    const PROGRAM: &str = "@PROGRAM@";
    let template = setup(agent, PROGRAM).text;
    let own = template.split_once(PROGRAM).and_then(|(before, behind)| {
        let rest = text.strip_prefix(before)?;
        let end = behind.split(PROGRAM).next().and_then(|behind| rest.find(behind))?;
        Some(&rest[..end])
    });
    own.is_some_and(|program| setup(agent, program).text == text)
}

fn codex_hook(event: &str, command: &str) -> String {
    let command = json!(command);
    format!(
        "[[hooks.{event}]]\nmatcher = \".*\"\n\n[[hooks.{event}.hooks]]\ntype = \"command\"\ncommand = {command}\n\
         timeout = {TIMEOUT}\n"
    )
}

fn pretty(value: &serde_json::Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}
