//! `undersign mcp`: lets an agent request a command in production, for clients of the Model Context Protocol. Nothing
//! here authorizes: a person with a key does that at a desk.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _, Write as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::exec;
use crate::agents::mcp::{MAX_LINE, Outcome, Server, TOOLS, Tool};
use crate::broker::wire::{Ask, Draft, Place, Reply};
use crate::change::visible;

/// Calls that are carried out at once. One may take as long as a run does.
const MAX_CALLS: usize = 16;
/// For how long `prod_status` waits at most: clients give up on an answer after a minute.
const MAX_WAIT: u64 = 50;
/// For how long answers are still written when standard input is closed: a client that left wants none, one that piped
/// its calls wants them all.
const LAST_ANSWERS: Duration = Duration::from_secs(1);
/// Bytes of an output that go into an answer: it is read by a model, and its end says most.
const MAX_OUTPUT: usize = 16 << 10;

const INSTRUCTIONS: &str = "Commands that reach production are not run in a shell here. Ask for one with \
    prod_request, and tell the person you work for its id and that it waits for an authorization, which only a \
    reviewer can give, at a desk and with a key of their own. prod_status says how it stands; once it is \"ready\", \
    prod_run runs it, once. A refusal comes with its reason: fix what it names and ask again, or leave it.";

#[derive(Args)]
pub struct Options {
    /// Where the broker listens, or ssh:[USER@]HOST; by default what UNDERSIGN_BROKER says, else
    /// /run/undersign/broker.sock
    #[arg(long, value_name = "SOCKET")]
    broker: Option<PathBuf>,
}

/// Arguments of `prod_request`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    target: String,
    argv: Vec<String>,
    #[serde(default)]
    inputs: BTreeMap<String, PathBuf>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    why: String,
    #[serde(default)]
    ticket: String,
    #[serde(default)]
    way_back: String,
    #[serde(default)]
    replaces: String,
}

/// Arguments of the other tools.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: String,
    #[serde(default)]
    wait_seconds: u64,
}

/// Serves until the client closes standard input. What a broker runs by then, it runs on.
pub fn run(options: &Options) -> Result<(), String> {
    let place = Arc::new(exec::place(options.broker.as_ref()));
    let server = Arc::new(Server {
        name: "undersign",
        version: env!("CARGO_PKG_VERSION"),
        instructions: INSTRUCTIONS,
        tools: tools(),
    });
    let (under_way, out) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(())));
    let mut input = std::io::stdin().lock();
    while let Some(line) = next_line(&mut input).map_err(|error| format!("Standard input cannot be read: {error}."))? {
        let (server, place, out, counter) = (server.clone(), place.clone(), out.clone(), under_way.clone());
        let is_busy = counter.fetch_add(1, Ordering::SeqCst) >= MAX_CALLS;
        std::thread::spawn(move || {
            let answer = server.answer(&line, &|tool, arguments| match is_busy {
                true => Err(format!("{MAX_CALLS} calls are under way. Call again when one of them was answered.")),
                false => carried_out(tool, arguments, &place),
            });
            answer.iter().for_each(|answer| write(&out, answer));
            counter.fetch_sub(1, Ordering::SeqCst);
        });
    }
    let end = Instant::now() + LAST_ANSWERS;
    while under_way.load(Ordering::SeqCst) > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The next line that is not blank; none at the end. Of one that is longer than is read, so much that this shows.
fn next_line(input: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.len() > MAX_LINE && line.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
        }
        if !line.trim_ascii().is_empty() {
            return Ok(Some(line));
        }
    }
}

/// One answer at a time. Whoever closed the other end is not answered, and closes this one too.
fn write(out: &Mutex<()>, line: &str) {
    let _one = out.lock().unwrap_or_else(PoisonError::into_inner);
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn carried_out(tool: &str, arguments: Map<String, Value>, place: &Place) -> Result<Outcome, String> {
    let ask = |ask: &Ask| place.ask(ask);
    match tool {
        "prod_request" => Ok(told(&ask(&Ask::Request(draft(read(arguments)?)?))?, "")),
        "prod_status" => status(read(arguments)?, &ask),
        _ => {
            let Named { id, .. } = read(arguments)?;
            let reply = ask(&Ask::Run { id })?;
            Ok(told(&reply, &outputs(&reply)?))
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| format!("The arguments do not fit: {error}."))
}

fn draft(wanted: Wanted) -> Result<Draft, String> {
    let input = |(role, path): (String, PathBuf)| Ok::<_, String>((role, exec::read_input(&path)?));
    Ok(Draft {
        target: wanted.target,
        argv: wanted.argv.iter().map(|argument| Base64::encode_string(argument.as_bytes())).collect(),
        inputs: wanted.inputs.into_iter().map(input).collect::<Result<_, _>>()?,
        env: wanted.env,
        why: wanted.why,
        ticket: wanted.ticket,
        way_back: wanted.way_back,
        replaces: wanted.replaces,
        claims: Vec::new(),
    })
}

/// How a request stands, as soon as that is no longer "not yet", or when it was waited for long enough; and what it
/// wrote, once it ended.
fn status(named: Named, ask: &dyn Fn(&Ask) -> Result<Reply, String>) -> Result<Outcome, String> {
    let until = Instant::now() + Duration::from_secs(named.wait_seconds.min(MAX_WAIT));
    let reply = loop {
        let reply = ask(&Ask::Status { id: named.id.clone() })?;
        if !reply.is_pending() || Instant::now() >= until {
            break reply;
        }
        std::thread::sleep(Duration::from_secs(1));
    };
    let log = match reply.state.as_str() {
        "ended" => outputs(&ask(&Ask::Log { id: named.id })?)?,
        _ => String::new(),
    };
    // Having to wait is a valid answer, not an error.
    Ok(Outcome { is_error: false, ..told(&reply, &log) })
}

fn told(reply: &Reply, output: &str) -> Outcome {
    let data = json!({
        "id": reply.id,
        "state": reply.state,
        "code": reply.code,
        "outcome": reply.outcome,
        "reasons": reply.reasons,
    });
    let id = if reply.id.is_empty() { String::new() } else { format!("\nRequest {}", reply.id) };
    let text = format!("{}{id}{output}", visible::lines(&reply.text));
    Outcome { text, data, is_error: reply.code != 0 }
}

/// What a command wrote, escaped: it may hold what would act on the screen that an agent shows it on.
fn outputs(reply: &Reply) -> Result<String, String> {
    let [stdout, stderr] = exec::outputs(reply)?;
    Ok([("Standard output", stdout), ("Standard error", stderr)].map(|(name, bytes)| section(name, &bytes)).concat())
}

fn section(name: &str, bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return String::new();
    }
    let left_out = bytes.len().saturating_sub(MAX_OUTPUT);
    let note = match left_out {
        0 => String::new(),
        count => format!(" (without its first {count} bytes; `undersign exec log` prints all)"),
    };
    format!("\n\n{name}{note}:\n{}", visible::lines(&String::from_utf8_lossy(&bytes[left_out..])))
}

fn tools() -> Vec<Tool> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let texts = |description: &str| {
        let each = json!({ "type": "string" });
        json!({ "type": "object", "additionalProperties": each, "description": description })
    };
    let id = || text("What prod_request gave: 64 hex digits.");
    let object = |required: &[&str], properties: Value| {
        let closed = json!(false);
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": closed })
    };
    let [request, status, run] = TOOLS;
    vec![
        Tool {
            name: request,
            title: "Ask for a command in production",
            description: "Asks that a command be run in production. It is not run: a reviewer reads it and authorizes \
                          or refuses it. Gives the id of the request.",
            arguments: object(
                &["target", "argv"],
                json!({
                    "target": text("Where it is to run, as the policy names it, such as shop-prod."),
                    "argv": {
                        "type": "array",
                        "items": { "type": "string" },
                        "minItems": 1,
                        "description": "The program by its whole path, and its arguments. No shell reads them. \
                                        {input:ROLE} stands for the path of an input."
                    },
                    "inputs": texts("Files that it reads, by role: paths here. They are bound by their content."),
                    "env": texts("Variables, where the policy lets one be set."),
                    "why": text("Why it is to run; the reviewer reads it."),
                    "ticket": text("The ticket that it is for."),
                    "way_back": text("How it would be undone."),
                    "replaces": text("The id of the request that it takes the place of."),
                }),
            ),
            hints: json!({ "readOnlyHint": false, "destructiveHint": false, "idempotentHint": false }),
        },
        Tool {
            name: status,
            title: "See how a request stands",
            description: "Says how a request stands (waiting, ready, running, ended, over), what is missing, why it \
                          was refused, and what it wrote once it ended.",
            arguments: object(
                &["id"],
                json!({
                    "id": id(),
                    "wait_seconds": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": MAX_WAIT,
                        "description": "Waits so long for a decision."
                    },
                }),
            ),
            hints: json!({ "readOnlyHint": true }),
        },
        Tool {
            name: run,
            title: "Run what was authorized",
            description: "Runs a request that was authorized, once, and gives its exit code and what it wrote.",
            arguments: object(&["id"], json!({ "id": id() })),
            hints: json!({ "readOnlyHint": false, "destructiveHint": true, "idempotentHint": false }),
        },
    ]
}
