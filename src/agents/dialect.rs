//! How agents ask their hooks about a tool call, and what answer each expects. From their own documentation and
//! sources, as of November 2026; on an answer that they do not know, they continue.

use serde_json::{Map, Value, json};

use super::mcp;
use super::production::Reach;
use crate::change::shell_word;

/// The largest description of a call that is read, in bytes.
pub const MAX_CALL: usize = 8 << 20;
/// The exit code for a refusal, for all agents but two.
const BLOCKED: u8 = 2;

/// The agent that calls the hook.
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
    /// `PreToolUse` of Kiro CLI 3 and IDE 1; version 2 of the CLI continues whatever the answer.
    Kiro,
    /// `beforeShellExecution`, `beforeMCPExecution` and `preToolUse` of Cursor, from 3.9 on.
    Cursor,
    /// `PreToolUse` of Copilot CLI, from 1.0.70 on.
    Copilot,
}

/// A call of a tool that an agent is about to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The agent's name for the tool.
    pub tool: String,
    /// What it runs; empty for tools that run nothing.
    pub commands: Vec<Command>,
    /// The tool is the agent's own, and only reads or changes files.
    is_file_tool: bool,
    /// The tool is one of `undersign mcp`.
    is_own: bool,
    /// Codex only: the call asks for a permission, and takes an answer of another form.
    is_for_permission: bool,
}

/// Something that a tool would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A command line for a shell.
    Line(String),
    /// A program and its arguments.
    Words(Vec<String>),
    /// An element of a list, which may be a command line.
    Item(String),
    /// Code in an unknown language.
    Code(String),
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

/// Tool arguments that contain a command; all keys without case and signs: `commandLine` and `command_line` are one.
const COMMAND_KEYS: &[&str] = &["command", "cmd", "commands", "argv", "cmdline", "commandline", "shellcommand"];
/// Tool arguments that contain code in any language.
const CODE_KEYS: &[&str] = &["script", "code"];
/// Tool arguments that contain a program, without its arguments.
const PROGRAM_KEYS: &[&str] = &["program", "executable"];
/// Tool arguments that contain the arguments of a program.
const ARGUMENT_KEYS: &[&str] =
    &["args", "arguments", "argv", "params", "parameters", "commandargs", "cmdargs", "flags", "options"];
/// Tool arguments that contain the verb of a program, before its other arguments.
const VERB_KEYS: &[&str] = &["subcommand", "verb", "action", "operation"];
/// Tool arguments that contain the variables that something runs with.
const VARIABLE_KEYS: &[&str] = &["env", "envs", "environment", "envvars", "variables", "environmentvariables"];
/// Tool arguments that contain the input of the program beside them.
const INPUT_KEYS: &[&str] = &["stdin", "input"];
/// The line after an input that is put below its command.
const END_OF_INPUT: &str = "UNDERSIGN_END_OF_INPUT";
/// The most that variables and inputs may add to the commands of a call, in bytes.
const MAX_ADDED: usize = 4 << 20;
/// Tool arguments that contain input for a running program, and those that name such a program.
const TYPED_KEYS: &[&str] = &["input", "chars", "stdin", "text"];
const SESSION_KEYS: &[&str] = &["sessionid", "shellid", "bashid", "processid"];
/// Tool arguments that are texts for people or models, or parts of files, and may begin with the name of a program.
const PROSE_KEYS: &[&str] = &[
    "activeform",
    "body",
    "content",
    "contents",
    "description",
    "filepath",
    "filetext",
    "header",
    "label",
    "message",
    "newsource",
    "newstr",
    "newstring",
    "oldstr",
    "oldstring",
    "patch",
    "patchtext",
    "path",
    "pattern",
    "plan",
    "prompt",
    "query",
    "question",
    "subject",
    "summary",
    "title",
    "url",
];
/// Tools that run what they are given, without case and signs: a call of one is not understood if nothing to run is
/// found in it.
const SHELLS: &[&str] = &[
    "bash",
    "shell",
    "powershell",
    "execcommand",
    "executebash",
    "executecommand",
    "localshell",
    "runinterminal",
    "runshellcommand",
    "runcommand",
    "terminal",
    "containerexec",
    "unifiedexec",
];

/// The tool whose command is a patch, and where it has that.
const PATCHER: &str = "apply_patch";
const PATCHES: &[&str] = &["command", "input", "patch"];
/// What editors have as their command.
const EDITS: &[&str] =
    &["append", "create", "delete", "insert", "replace", "strReplace", "str_replace", "undo_edit", "view", "write"];
/// The longest command that is quoted back to an agent, in bytes.
const MAX_SAID: usize = 2_000;

impl Call {
    /// Whether it reads or changes files by a tool of the agent itself, and runs nothing.
    pub fn is_of_files(&self) -> bool {
        self.is_file_tool && self.commands.is_empty()
    }

    /// Whether it calls a tool of `undersign mcp`.
    pub fn is_own(&self) -> bool {
        self.is_own
    }
}

impl Agent {
    /// All of them.
    pub const ALL: [Agent; 7] =
        [Agent::ClaudeCode, Agent::Codex, Agent::Opencode, Agent::Gemini, Agent::Kiro, Agent::Cursor, Agent::Copilot];

    /// The name on the command line.
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

    /// Its own tools that only read or change files.
    fn file_tools(self) -> &'static [&'static str] {
        match self {
            Agent::ClaudeCode => {
                &["Edit", "Glob", "Grep", "LS", "MultiEdit", "NotebookEdit", "NotebookRead", "Read", "Write"]
            }
            Agent::Codex => &[PATCHER, "grep_files", "list_dir", "read_file"],
            Agent::Opencode => &["edit", "glob", "grep", "list", "multiedit", "patch", "read", "write", PATCHER],
            Agent::Gemini => &[
                "glob",
                "grep_search",
                "list_directory",
                "read_file",
                "read_many_files",
                "replace",
                "search_file_content",
                "write_file",
            ],
            Agent::Kiro => &["fs_read", "fs_write", "glob", "grep", "read", "write"],
            Agent::Cursor => &["Delete", "Edit", "Glob", "Grep", "LS", "Read", "Write"],
            Agent::Copilot => &["create", "edit", "glob", "grep", "view", "str_replace_editor", PATCHER],
        }
    }

    /// Its own tools that only plan, remember, or speak to people: their texts are no commands.
    fn word_tools(self) -> &'static [&'static str] {
        match self {
            Agent::ClaudeCode | Agent::Cursor => &["AskUserQuestion", "ExitPlanMode", "TodoWrite"],
            Agent::Codex => &["request_user_input", "update_plan"],
            Agent::Opencode => &["question", "todowrite"],
            Agent::Gemini => &["ask_user", "save_memory", "write_todos"],
            Agent::Kiro => &["thinking", "todo_list"],
            Agent::Copilot => &["ask_user", "report_intent", "think", "update_todo"],
        }
    }

    /// Parses an agent's description of a call.
    ///
    /// # Errors
    /// A sentence: the description cannot be read. Such a call does not pass.
    pub fn call(self, text: &[u8]) -> Result<Call, String> {
        if text.len() > MAX_CALL {
            return Err(format!("The call is larger than {} MiB, and was not read.", MAX_CALL >> 20));
        }
        let event: Map<String, Value> =
            serde_json::from_slice(text).map_err(|error| format!("The call is not JSON that can be read: {error}."))?;
        let text = |keys: &[&str]| keys.iter().find_map(|key| event.get(*key)?.as_str()).map(str::to_owned);
        // Cursor only: the command itself, without a tool.
        if let Some(command) = text(&["command"]).filter(|_| self == Agent::Cursor && !event.contains_key("tool_name"))
        {
            return Ok(Call { tool: "Shell".to_owned(), commands: vec![Command::Line(command)], ..Call::default() });
        }
        let tool = text(&["tool_name", "toolName", "tool"]).ok_or("The call names no tool.")?;
        let input = ["tool_input", "toolArgs", "args", "input"].iter().find_map(|key| event.get(*key));
        let mut input = match input {
            Some(Value::String(text)) if text.trim().is_empty() => Value::Null,
            // Copilot only: JSON in a string.
            Some(Value::String(text)) => serde_json::from_str(text)
                .map_err(|error| format!("The arguments of {tool} are not JSON that can be read: {error}."))?,
            Some(input) => input.clone(),
            None => Value::Null,
        };
        let is_own_tool = |own: &[&str]| !is_of_server(&event) && own.contains(&tool.as_str());
        let (is_file_tool, is_word_tool) = (is_own_tool(self.file_tools()), is_own_tool(self.word_tools()));
        if let Some(fields) = input.as_object_mut().filter(|_| is_file_tool && tool == PATCHER) {
            fields.retain(|key, own| !(PATCHES.contains(&key.as_str()) && own.is_string()));
        }
        let mut commands =
            Commands::of(&input).map_err(|key| format!("What {tool} has as `{key}` is not understood."))?;
        let is_shell = SHELLS.contains(&plain_key(&tool).as_str());
        if is_shell && commands.is_empty() && !is_session(&input) {
            return Err(format!("What {tool} would run is not where it was expected."));
        }
        match is_file_tool {
            true => commands.retain(|own| !matches!(own, Command::Line(text) if EDITS.contains(&text.as_str()))),
            false if is_word_tool => {}
            false => guess(&input, &mut commands),
        }
        let is_for_permission = text(&["hook_event_name"]).as_deref() == Some("PermissionRequest");
        let is_own = mcp::is_own_tool(&tool) || mcp::TOOLS.contains(&tool.as_str()) && is_of_own_server(self, &event);
        Ok(Call { tool, commands, is_file_tool, is_own, is_for_permission })
    }

    /// The answer that lets a call pass: silence, if the agent takes that as approval.
    pub fn passes(self) -> Answer {
        match self {
            // With `failClosed`, silence is a refusal.
            Agent::Cursor => Answer { stdout: json!({"permission": "allow"}).to_string() + "\n", ..Answer::default() },
            _ => Answer::default(),
        }
    }

    /// The answer that stops a call, with the text for the agent. The call is none if it could not be read.
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
            // Nothing on standard output: some agents continue if they cannot parse it.
            _ => Answer { code: BLOCKED, stdout: String::new(), stderr: format!("{text}\n") },
        }
    }
}

/// Whether the tool is one of a server, which may be called as the agent's own are.
fn is_of_server(event: &Map<String, Value>) -> bool {
    ["mcp_context", "server_name", "server", "url"].iter().any(|key| event.contains_key(*key))
        || event.get("hook_event_name").and_then(Value::as_str) == Some("beforeMCPExecution")
}

/// Whether the server is `undersign mcp`, where the tool's name does not say so: Cursor gives the command that started
/// the server, Gemini its name.
fn is_of_own_server(agent: Agent, event: &Map<String, Value>) -> bool {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    match agent {
        Agent::Cursor if text(event.get("hook_event_name")) == "beforeMCPExecution" => {
            let command = text(event.get("command"));
            let words: Vec<&str> = command.split_whitespace().collect();
            matches!(words[..], [program, "mcp"] if program.rsplit('/').next() == Some("undersign"))
        }
        Agent::Gemini => text(event.get("mcp_context").and_then(|context| context.get("server_name"))) == "undersign",
        _ => false,
    }
}

/// A key or a name without case, signs and what cannot be seen.
fn plain_key(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The value of a field that has one of these keys.
fn field<'v>(value: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    value.as_object()?.iter().find(|(key, _)| keys.contains(&plain_key(key).as_str())).map(|(_, own)| own)
}

/// JSON in a text.
fn json_in(text: &str) -> Option<Value> {
    let is_json = text.trim_start().starts_with(['{', '[']);
    Some(text).filter(|_| is_json).and_then(|text| serde_json::from_str(text).ok())
}

/// Texts of one line under a key that is not known: each may be a command line.
fn guess(value: &Value, found: &mut Vec<Command>) {
    match value {
        Value::String(text) if json_in(text).is_some() => {
            json_in(text).iter().for_each(|own| guess(own, found));
        }
        Value::String(text) if !text.trim().contains('\n') => found.push(Command::Item(text.trim().to_owned())),
        Value::Array(list) => list.iter().for_each(|own| guess(own, found)),
        Value::Object(fields) => {
            let has_program = field(value, COMMAND_KEYS).or(field(value, PROGRAM_KEYS)).is_some();
            let is_known = |key: &str, own: &Value| {
                let key = plain_key(key);
                let is_of = |keys: &[&str]| keys.contains(&key.as_str());
                // Without a program beside them, `options` may be anything.
                let is_argument = matches!(key.as_str(), "args" | "arguments") || has_program && is_of(ARGUMENT_KEYS);
                let is_read = is_argument || [COMMAND_KEYS, CODE_KEYS, PROGRAM_KEYS].into_iter().any(is_of);
                is_of(PROSE_KEYS) || is_read && texts(own).is_some()
            };
            fields.iter().filter(|(key, own)| !is_known(key, own)).for_each(|(_, own)| guess(own, found));
        }
        _ => {}
    }
}

/// What a tool runs, anywhere in its arguments.
#[derive(Default)]
struct Commands(Vec<Command>);

impl Commands {
    /// Fails with the key of an argument that is not understood.
    fn of(input: &Value) -> Result<Vec<Command>, String> {
        let mut found = Commands::default();
        found.look(input)?;
        Ok(found.0)
    }

    fn look(&mut self, value: &Value) -> Result<(), String> {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Array(list) => return list.iter().try_for_each(|own| self.look(own)),
            Value::String(text) => {
                // What any text has that is no call is not worth a refusal.
                return json_in(text).map_or(Ok(()), |own| self.look(&own).or(Ok(())));
            }
            _ => return Ok(()),
        };
        let before = self.0.len();
        let keyed = |keys: &'static [&'static str]| {
            fields
                .iter()
                .filter(|(key, _)| keys.contains(&plain_key(key).as_str()))
                .map(|(key, own)| (key.as_str(), own))
        };
        for (key, own) in keyed(COMMAND_KEYS).chain(keyed(PROGRAM_KEYS)).filter(|(_, own)| !own.is_null()) {
            match texts(own) {
                Some(texts) => {
                    self.add(key, &texts, value);
                    self.look(own)?;
                }
                None => self.look_inside(key, own)?,
            }
        }
        for (key, own) in keyed(CODE_KEYS).filter(|(_, own)| !own.is_null()) {
            self.0.extend(texts(own).ok_or(key)?.texts.into_iter().map(Command::Code));
        }
        for (key, own) in keyed(TYPED_KEYS).filter(|(_, own)| is_session(value) && !own.is_null()) {
            let own = texts(own).ok_or(key)?;
            self.add(key, &own, value);
        }
        let is_read = |key: &str| [COMMAND_KEYS, PROGRAM_KEYS, CODE_KEYS].iter().any(|keys| keys.contains(&key));
        let is_text = |key: &str, own: &Value| own.is_string() && PROSE_KEYS.contains(&key);
        let others = fields.iter().map(|(key, own)| (plain_key(key), own));
        let mut others = others.filter(|(key, own)| !is_read(key) && !is_text(key, own));
        others.try_for_each(|(_, own)| self.look(own))?;
        self.set_up(fields, before).ok_or_else(|| "env".to_owned())
    }

    /// Puts the variables and the input that stand beside commands to them; none if that is too much.
    fn set_up(&mut self, fields: &Map<String, Value>, from: usize) -> Option<()> {
        let of = |keys: &'static [&'static str]| {
            fields.iter().filter(|(key, _)| keys.contains(&plain_key(key).as_str())).map(|(_, own)| own)
        };
        let variables: Vec<String> = of(VARIABLE_KEYS).flat_map(variables).collect();
        let inputs: Vec<String> = of(INPUT_KEYS).filter_map(texts).map(|own| own.texts.join("\n")).collect();
        if variables.is_empty() && inputs.is_empty() {
            return Some(());
        }
        let exported = if variables.is_empty() { String::new() } else { format!("export {}\n", variables.join(" ")) };
        let input = inputs.join("\n");
        let added = (exported.len() + input.len()).checked_mul(self.0.len() - from)?;
        if added > MAX_ADDED {
            return None;
        }
        for command in &mut self.0[from..] {
            let line = match command {
                Command::Line(line) | Command::Item(line) => std::mem::take(line),
                Command::Words(words) => words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" "),
                Command::Code(_) => continue,
            };
            let line = match (inputs.is_empty(), line.contains([';', '&', '|', '(', ')', '#', '\n'])) {
                (true, _) => format!("{exported}{line}"),
                (_, false) => format!("{exported}{line} <<'{END_OF_INPUT}'\n{input}\n{END_OF_INPUT}\n"),
                // Any of several commands may read it.
                _ => format!("{exported}( {line}\n) <<'{END_OF_INPUT}'\n{input}\n{END_OF_INPUT}\n"),
            };
            *command = if matches!(command, Command::Item(_)) { Command::Item(line) } else { Command::Line(line) };
        }
        Some(())
    }

    /// Looks into a nested value, such as a list of calls; it must contain something to run.
    fn look_inside(&mut self, key: &str, own: &Value) -> Result<(), String> {
        let before = self.0.len();
        self.look(own)?;
        if self.0.len() == before { Err(key.to_owned()) } else { Ok(()) }
    }

    /// A text is a line. A list is a program with its arguments, or a list of lines, if its key or its first element
    /// says so.
    fn add(&mut self, key: &str, own: &Texts, around: &Value) {
        let arguments = arguments_beside(key, around);
        let is_program = !own.is_list && !own.texts.iter().any(|text| text.trim().contains(char::is_whitespace));
        if !arguments.is_empty() && (is_program || own.is_list) {
            self.0.push(Command::Words([&own.texts[..], &arguments[..]].concat()));
        } else if !arguments.is_empty() {
            let arguments: Vec<String> = arguments.iter().map(|word| shell_word(word)).collect();
            self.0.push(Command::Line(format!("{} {}", own.texts.concat(), arguments.join(" "))));
        }
        if own.is_list && !own.texts.is_empty() {
            self.0.push(Command::Words(own.texts.clone()));
        }
        let is_alone = !own.is_list && arguments.is_empty();
        let has_blank = |text: &String| text.contains(char::is_whitespace);
        let is_lines = plain_key(key) == "commands" || own.texts.first().is_some_and(has_blank);
        let is_line = |text: &&String| is_alone || is_lines && has_blank(text);
        let lines = own.texts.iter().filter(is_line).cloned();
        self.0.extend(lines.map(if own.is_list { Command::Item } else { Command::Line }));
    }
}

/// The arguments of a program under this key, from the keys beside it: a list, or the words of a text.
fn arguments_beside(program: &str, around: &Value) -> Vec<String> {
    let keyed = |keys: &'static [&'static str]| {
        let fields = around.as_object().into_iter().flatten();
        fields.filter(move |(key, _)| *key != program && keys.contains(&plain_key(key).as_str())).map(|(_, own)| own)
    };
    let words = |own: Texts| -> Vec<String> {
        match own.is_list {
            true => own.texts,
            false => own.texts.iter().filter(|text| json_in(text).is_none()).flat_map(|text| words_of(text)).collect(),
        }
    };
    keyed(VERB_KEYS).chain(keyed(ARGUMENT_KEYS)).filter_map(texts).flat_map(words).collect()
}

/// The words of a text that is no line, without the quotes around them.
fn words_of(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned()).collect()
}

/// `NAME=value` for a shell, from an object, a list of such texts, or a list of names with values.
fn variables(value: &Value) -> Vec<String> {
    let pair = |name: &str, value: &str| {
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then(|| format!("{name}={}", shell_word(value)))
    };
    match value {
        Value::Object(fields) => fields.iter().filter_map(|(name, own)| pair(name, own.as_str()?)).collect(),
        Value::Array(list) => list.iter().flat_map(variables_in).filter_map(|(name, own)| pair(&name, &own)).collect(),
        Value::String(text) => match json_in(text) {
            Some(own) => variables(&own),
            None => {
                text.split_whitespace().filter_map(|own| own.split_once('=')).filter_map(|(n, v)| pair(n, v)).collect()
            }
        },
        _ => Vec::new(),
    }
}

fn variables_in(value: &Value) -> Option<(String, String)> {
    let (name, own) = match value {
        Value::String(text) => text.split_once('=')?,
        _ => (field(value, &["name", "key"])?.as_str()?, field(value, &["value"])?.as_str()?),
    };
    Some((name.to_owned(), own.to_owned()))
}

/// A text, or a list of texts.
struct Texts {
    texts: Vec<String>,
    is_list: bool,
}

fn texts(value: &Value) -> Option<Texts> {
    match value {
        Value::String(text) => Some(Texts { texts: vec![text.clone()], is_list: false }),
        Value::Array(list) if !list.is_empty() => {
            let texts = list.iter().map(|own| own.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
            Some(Texts { texts, is_list: true })
        }
        _ => None,
    }
}

/// Whether a call continues with a running program.
fn is_session(input: &Value) -> bool {
    field(input, SESSION_KEYS).is_some()
}

/// The text for an agent whose call is refused: how to ask instead. It repeats the command if that is all that would
/// run.
pub fn refusal(reach: &Reach) -> String {
    let target = reach.target.as_deref().unwrap_or("TARGET");
    let words: Vec<String> = reach.command.iter().map(|word| shell_word(word)).collect();
    let is_whole = reach.left_out.is_empty();
    let command = Some(words.join(" ")).filter(|command| is_whole && (1..=MAX_SAID).contains(&command.len()));
    let command = command.unwrap_or_else(|| "PROGRAM ARGUMENT…".to_owned());
    let targets = if reach.target.is_none() { " TARGET is one of the policy's targets." } else { "" };
    let left_out = match reach.left_out.is_empty() {
        true => String::new(),
        false => format!(" A request has one program and its arguments; put in yourself {}.", listed(&reach.left_out)),
    };
    format!(
        "{} No agent runs anything in production without a person's authorization, so this was not run. Ask for it, \
         with the whole path of the program and each file that it reads as --input ROLE=PATH:\n\
         undersign exec request --target {target} --why 'WHY' -- {command}\n\
         Then wait with `undersign exec wait ID`, and run it with `undersign exec run ID`.{targets}{left_out} If it \
         does not reach production, say so to the person you work for: they can say it in hook.toml. Do not look for \
         another way to run it.",
        reach.why
    )
}

/// `a`, `a and b`, `a, b and c`.
fn listed(parts: &[String]) -> String {
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => parts.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::{Judgement, ProductionRules};

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
            r#"{"tool_name":"BASH ","tool_input":{"line":"ls"}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":{"line":"ls"},"cmd":"ls"}}"#,
            r#"{"tool_name":"Bash","tool_input":{"command":7,"code":"ls"}}"#,
            r#"{"tool_name":"mcp__x__run","tool_input":{"cmd":7}}"#,
        ] {
            for agent in Agent::ALL {
                assert!(agent.call(text.as_bytes()).is_err(), "{agent:?} {text}");
            }
        }
        assert!(Agent::Codex.call(&vec![b' '; MAX_CALL + 1]).is_err());
    }

    #[test]
    fn what_any_tool_would_run_is_found_wherever_it_stands() {
        let rules = ProductionRules::with(None).unwrap();
        let judged = |tool: &str, input: &str| {
            let call = format!(r#"{{"tool_name":"{tool}","tool_input":{input}}}"#);
            let call = Agent::ClaudeCode.call(call.as_bytes()).unwrap_or_else(|why| panic!("{input}: {why}"));
            super::super::judge(&call, &rules)
        };
        for input in [
            r#"{"command":["kubectl delete ns shop"]}"#,
            r#"{"commands":["ls","kubectl delete ns shop"]}"#,
            r#"{"commands":[{"command":"kubectl delete ns shop"}]}"#,
            r#"{"code":"import os\nos.system('kubectl delete ns shop')"}"#,
            r#"{"code":"!kubectl delete ns shop"}"#,
            r#"{"script":"subprocess.run(['kubectl','delete','ns','shop'])"}"#,
            r#"{"cmdline":"kubectl delete ns shop"}"#,
            r#"{"args":{"command":"kubectl delete ns shop"}}"#,
            r#"{"program":"kubectl","args":["delete","ns","shop"]}"#,
            r#"{"command":"sudo","args":["kubectl","delete","ns","shop"]}"#,
            r#"{"command":"bash","args":["-c","kubectl delete ns shop"]}"#,
            r#"{"bash_id":"1","input":"kubectl delete ns shop"}"#,
            r#"{"session_id":1,"chars":"kubectl delete ns shop\n"}"#,
            r#"{"session_id":"1","input":["kubectl","delete","ns"]}"#,
            r#"{"command":"kubectl","args":"delete ns shop"}"#,
            r#"{"command":"sudo kubectl","args":["delete","ns"]}"#,
            r#"{"command":"kubectl","subcommand":"delete","args":["ns","shop"]}"#,
            r#"{"command":"kubectl","action":"delete","arguments":"ns shop"}"#,
            r#"{"program":"kubectl","argv":["delete","ns","shop"]}"#,
            r#"{"command":"psql","env":{"PGHOST":"db.prod"}}"#,
            r#"{"command":"psql -c x","env":["PGHOST=db.prod"]}"#,
            r#"{"command":["psql","-c","x"],"environment":[{"name":"PGHOST","value":"db.prod"}]}"#,
            r#"{"env":{"PGHOST":"db.prod"},"call":{"command":"psql -c 'select 1'"}}"#,
            r#"{"command":"bash","stdin":"cd /srv\nkubectl delete ns shop\n"}"#,
            r#"{"command":"bash","args":["-s"],"input":"cd /srv\nkubectl delete ns shop\n"}"#,
            r#"{"command":["python3"],"stdin":"import os\nos.system('kubectl delete ns shop')"}"#,
            r#"{"command":"ls","options":{"x":"kubectl delete ns shop"}}"#,
            r#"{"command":"ls","payload":"{\"command\":\"kubectl delete ns shop\"}"}"#,
            r#"{"command":"ls","arguments":"{\"command\":\"kubectl delete ns shop\"}"}"#,
            r#"{"command":"{\"cmd\":[\"kubectl\",\"delete\",\"ns\"]}"}"#,
            r#"{"command":"ls","data":"[{\"a\":\"{\\\"cmd\\\":\\\"kubectl delete ns x\\\"}\"}]"}"#,
        ] {
            for tool in ["Bash", "mcp__x__run"] {
                assert_ne!(judged(tool, input), Judgement::Elsewhere, "{tool} {input}");
            }
        }
        for input in [
            r#"{"command":"kubectl","args":["get","pods"]}"#,
            r#"{"command":["grep","-r","kubectl delete","."]}"#,
            r#"{"command":["bash","-lc","kubectl get pods"]}"#,
            r#"{"command":"ls","script":null}"#,
            r#"{"command":"kubectl","args":"get pods"}"#,
            r#"{"command":"kubectl","subcommand":"get","args":["pods"]}"#,
            r#"{"command":"psql -c x","env":{"PGHOST":"localhost","TERM":"xterm"}}"#,
            r#"{"command":"cargo test","env":{"RUST_LOG":"kubectl=debug"}}"#,
            r#"{"command":"bash","stdin":"cd /srv\nkubectl get pods\n"}"#,
            r#"{"command":"git commit -F -","stdin":"Say how\nkubectl delete ns is asked for\n"}"#,
            r#"{"command":"ls","payload":"{\"command\":\"kubectl get pods\"}"}"#,
            r#"{"command":"ls","payload":"{\"command\":7}"}"#,
            r#"{"command":"ls","content":"{\"command\":\"kubectl delete ns shop\"}"}"#,
            r#"{"code":"print(1)"}"#,
            r#"{"session_id":"1"}"#,
        ] {
            assert_eq!(judged("Bash", input), Judgement::Elsewhere, "{input}");
        }
        assert_ne!(judged("use_aws", r#"{"service_name":"s3"}"#), Judgement::Elsewhere);
        assert_eq!(judged("Task", r#"{"prompt":"kubectl delete ns shop"}"#), Judgement::Elsewhere);
    }

    #[test]
    fn what_a_tool_of_the_agent_plans_or_remembers_is_no_command() {
        let rules = ProductionRules::with(None).unwrap();
        let judged = |agent: Agent, call: &str| super::super::judge(&agent.call(call.as_bytes()).unwrap(), &rules);
        for (agent, call) in [
            (
                Agent::Codex,
                r#"{"tool_name":"update_plan","tool_input":{"note":"kubectl delete ns shop","plan":[{"step":"x"}]}}"#,
            ),
            (Agent::Gemini, r#"{"tool_name":"save_memory","tool_input":{"fact":"kubectl delete ns is not for me"}}"#),
            (Agent::Copilot, r#"{"toolName":"report_intent","toolArgs":{"intent":"terraform apply in shop"}}"#),
        ] {
            assert_eq!(judged(agent, call), Judgement::Elsewhere, "{call}");
            // A server may call its tool so, and a command is one in every tool.
            let of_server = call.replacen('{', r#"{"server_name":"x","#, 1);
            assert_ne!(judged(agent, &of_server), Judgement::Elsewhere, "{of_server}");
            let command = ["note", "fact", "intent"]
                .iter()
                .fold(call.to_owned(), |call, key| call.replace(&format!("\"{key}\":"), "\"cmd\":"));
            assert_ne!(judged(agent, &command), Judgement::Elsewhere, "{command}");
        }
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
            ..Reach::default()
        };
        let text = refusal(&reach);
        let asked = "undersign exec request --target shop-prod --why 'WHY' -- ";
        let command = r"/usr/bin/kubectl delete ns 'a b' 'it'\''s'";
        assert!(text.lines().any(|line| line == format!("{asked}{command}")), "{text}");
        assert!(!text.contains("TARGET"), "{text}");
        let long = Reach { command: vec!["x".repeat(MAX_SAID + 1)], ..reach.clone() };
        assert!(refusal(&long).contains("-- PROGRAM ARGUMENT…\n"));
        let part = Reach { left_out: vec!["its input".to_owned(), "the rest".to_owned()], ..reach };
        let text = refusal(&part);
        assert!(text.contains("-- PROGRAM ARGUMENT…\n") && text.contains("put in yourself its input and the rest."));
    }
}
