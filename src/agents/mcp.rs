//! The Model Context Protocol, as far as a server of a few tools needs it: one line of JSON-RPC in, one out.
//!
//! Two generations of it are in use. Clients up to revision 2025-11-25 begin with `initialize`; those from 2026-07-28
//! on name their revision in each request, and ask `server/discover` first. Each request shows its generation, so no
//! state is kept between two requests.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The longest line, in bytes. Inputs are passed as paths, so no valid request is longer.
pub const MAX_LINE: usize = 1 << 20;
/// The revision of stateless requests.
const PRESENT: &str = "2026-07-28";
/// The revisions that begin with `initialize`, the newest first.
const PAST: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// Where a stateless request names its revision, and its answer the server.
const REVISION: &str = "io.modelcontextprotocol/protocolVersion";
const SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// How long a list of tools is valid, in milliseconds: it changes only with the program.
const HOUR: u64 = 3_600_000;

/// The tools of `undersign mcp`: they run nothing that no person authorized.
pub const TOOLS: [&str; 3] = ["prod_request", "prod_status", "prod_run"];

/// Whether a tool is one of those, under the names that agents give to tools of servers: `mcp__undersign__prod_run`,
/// `undersign_prod_run`, `@undersign/prod_run`.
pub fn is_own_tool(name: &str) -> bool {
    let is_mark = |c: char| !c.is_ascii_alphanumeric();
    TOOLS.iter().filter_map(|tool| name.strip_suffix(tool)).any(|server| {
        let server = server.trim_matches(is_mark);
        server.strip_prefix("mcp").unwrap_or(server).trim_matches(is_mark) == "undersign"
    })
}

/// Something that a client may call.
#[derive(Debug, Clone)]
pub struct Tool {
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// For the model.
    pub description: &'static str,
    /// The JSON Schema of its arguments.
    pub arguments: Value,
    /// Hints about its effects for a client, such as `readOnlyHint`.
    pub hints: Value,
}

/// The result of a call.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// For the model.
    pub text: String,
    /// The same for programs: an object.
    pub data: Value,
    /// The tool did not do what it was called for.
    pub is_error: bool,
}

/// Runs a tool, given its name and its arguments; an error is a mistake in the arguments.
pub type CarryOut<'c> = dyn Fn(&str, Map<String, Value>) -> Result<Outcome, String> + 'c;

/// A server: its identity, and its tools.
#[derive(Debug, Clone)]
pub struct Server {
    pub name: &'static str,
    pub version: &'static str,
    /// How to use the tools together, for the model.
    pub instructions: &'static str,
    pub tools: Vec<Tool>,
}

/// Why a request has no result: an error code of JSON-RPC or of the protocol, a sentence, and its data.
struct Refused(i64, String, Value);

impl Refused {
    fn new(code: i64, why: impl Into<String>) -> Refused {
        Refused(code, why.into(), Value::Null)
    }
}

const UNREADABLE: i64 = -32_700;
const NO_REQUEST: i64 = -32_600;
const NO_METHOD: i64 = -32_601;
const BAD_ARGUMENTS: i64 = -32_602;
const UNSUPPORTED_REVISION: i64 = -32_022;

#[derive(Deserialize)]
struct Request {
    jsonrpc: String,
    /// None for a notification, which gets no answer.
    id: Option<Value>,
    method: Option<String>,
    #[serde(default)]
    params: Map<String, Value>,
}

#[derive(Deserialize)]
struct Call {
    name: String,
    #[serde(default)]
    arguments: Map<String, Value>,
}

impl Server {
    /// The answer to a line, itself a line; none if there is nothing to answer.
    pub fn answer(&self, line: &[u8], call: &CarryOut<'_>) -> Option<String> {
        let unreadable = |why: String| Some(refused(&Value::Null, Refused::new(UNREADABLE, why)).to_string());
        if line.len() > MAX_LINE {
            return unreadable(format!("A message is larger than {} MiB.", MAX_LINE >> 20));
        }
        let value = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(error) => return unreadable(error.to_string()),
        };
        let answer = match value {
            // Revision 2025-03-26 allows batches.
            Value::Array(several) => {
                let answers: Vec<Value> = several.into_iter().filter_map(|one| self.answered(one, call)).collect();
                (!answers.is_empty()).then_some(Value::Array(answers))
            }
            one => self.answered(one, call),
        };
        answer.map(|answer| answer.to_string())
    }

    fn answered(&self, value: Value, call: &CarryOut<'_>) -> Option<Value> {
        let id = value.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        let request = match serde_json::from_value::<Request>(value) {
            Ok(request) if request.jsonrpc == "2.0" => request,
            _ => return Some(refused(&id.unwrap_or_default(), Refused::new(NO_REQUEST, "That is not a request."))),
        };
        // No method means a response: this server sends no requests, so it is ignored.
        let method = request.method?;
        request.id?;
        // A null id, or an invalid one, cannot be answered.
        let Some(id) = id else { return Some(refused(&Value::Null, Refused::new(NO_REQUEST, "The id is none."))) };
        Some(match self.result(&method, request.params, call) {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err(why) => refused(&id, why),
        })
    }

    fn result(&self, method: &str, params: Map<String, Value>, call: &CarryOut<'_>) -> Result<Value, Refused> {
        let is_present = is_of_the_present(&params)?;
        let mut result = match method {
            "initialize" => self.initialized(&params),
            "ping" => json!({}),
            "server/discover" => self.discovered(),
            "tools/list" => self.listed(),
            "tools/call" => self.called(params, call)?,
            other => return Err(Refused::new(NO_METHOD, format!("There is no method {other:?} here."))),
        };
        if is_present {
            result["resultType"] = "complete".into();
        }
        Ok(result)
    }

    fn initialized(&self, params: &Map<String, Value>) -> Value {
        let asked = params.get("protocolVersion").and_then(Value::as_str);
        let revision = PAST.into_iter().find(|revision| Some(*revision) == asked).unwrap_or(PAST[0]);
        json!({
            "protocolVersion": revision,
            "capabilities": { "tools": {} },
            "serverInfo": self.own(),
            "instructions": self.instructions,
        })
    }

    fn discovered(&self) -> Value {
        json!({
            "supportedVersions": [PRESENT],
            "capabilities": { "tools": {} },
            "instructions": self.instructions,
            "_meta": { SERVER: self.own() },
            "ttlMs": HOUR,
            "cacheScope": "private",
        })
    }

    fn own(&self) -> Value {
        json!({ "name": self.name, "version": self.version })
    }

    /// Older clients ignore fields that they do not know.
    fn listed(&self) -> Value {
        let tool = |tool: &Tool| {
            json!({
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "inputSchema": tool.arguments,
                "annotations": tool.hints,
            })
        };
        let tools: Vec<Value> = self.tools.iter().map(tool).collect();
        json!({ "tools": tools, "ttlMs": HOUR, "cacheScope": "private" })
    }

    fn called(&self, params: Map<String, Value>, call: &CarryOut<'_>) -> Result<Value, Refused> {
        let asked: Call = serde_json::from_value(Value::Object(params))
            .map_err(|error| Refused::new(BAD_ARGUMENTS, format!("That is not a call: {error}.")))?;
        if !self.tools.iter().any(|tool| tool.name == asked.name) {
            return Err(Refused::new(BAD_ARGUMENTS, format!("There is no tool {:?} here.", asked.name)));
        }
        let outcome = call(&asked.name, asked.arguments).unwrap_or_else(|why| Outcome {
            text: why,
            data: json!({}),
            // Not a protocol error: the model should read it, and correct its call.
            is_error: true,
        });
        Ok(json!({
            "content": [{ "type": "text", "text": outcome.text }],
            "structuredContent": outcome.data,
            "isError": outcome.is_error,
        }))
    }
}

/// Whether a request names its revision, and is answered in that form.
fn is_of_the_present(params: &Map<String, Value>) -> Result<bool, Refused> {
    let Some(revision) = params.get("_meta").and_then(|meta| meta.get(REVISION)) else { return Ok(false) };
    if revision == PRESENT {
        return Ok(true);
    }
    let data = json!({ "supported": [PRESENT], "requested": revision });
    Err(Refused(UNSUPPORTED_REVISION, "This revision is not supported.".to_owned(), data))
}

fn refused(id: &Value, Refused(code, why, data): Refused) -> Value {
    let mut error = json!({ "code": code, "message": why });
    if !data.is_null() {
        error["data"] = data;
    }
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn server() -> Server {
        let tool = Tool {
            name: "echo",
            title: "Echo",
            description: "Says it again.",
            arguments: json!({ "type": "object" }),
            hints: json!({ "readOnlyHint": true }),
        };
        Server { name: "test", version: "1", instructions: "Ask.", tools: vec![tool] }
    }

    fn answer(line: &str) -> Option<Value> {
        let call = |_: &str, arguments: Map<String, Value>| match arguments.get("say").and_then(Value::as_str) {
            Some(text) => Ok(Outcome { text: text.to_owned(), data: json!({ "said": text }), is_error: false }),
            None => Err("Say something.".to_owned()),
        };
        server().answer(line.as_bytes(), &call).map(|answer| serde_json::from_str(&answer).unwrap())
    }

    fn present(method: &str, params: Value) -> String {
        let mut params = params;
        params["_meta"] = json!({ REVISION: PRESENT });
        json!({ "jsonrpc": "2.0", "id": "a", "method": method, "params": params }).to_string()
    }

    #[test]
    fn a_client_of_the_past_begins_with_initialize_and_is_given_its_own_revision_or_the_newest() {
        for (asked, given) in [("2025-06-18", "2025-06-18"), ("2024-11-05", "2024-11-05"), ("1999-01-01", PAST[0])] {
            let line = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": asked}});
            let result = &answer(&line.to_string()).unwrap()["result"];
            assert_eq!(result["protocolVersion"], given);
            assert_eq!(result["serverInfo"]["name"], "test");
            assert!(result.get("resultType").is_none(), "{result}");
        }
        let ping = answer(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).unwrap();
        assert_eq!(ping, json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    }

    #[test]
    fn a_client_of_the_present_discovers_and_every_result_says_that_it_is_complete() {
        let found = answer(&present("server/discover", json!({}))).unwrap();
        assert_eq!(found["result"]["supportedVersions"], json!([PRESENT]));
        assert_eq!(found["result"]["_meta"][SERVER]["version"], "1");
        for (method, params) in [
            ("server/discover", json!({})),
            ("tools/list", json!({})),
            ("tools/call", json!({ "name": "echo", "arguments": { "say": "hi" } })),
        ] {
            let result = &answer(&present(method, params)).unwrap()["result"];
            assert_eq!(result["resultType"], "complete", "{method}");
        }
        let line = present("tools/list", json!({})).replace(PRESENT, "2031-01-01");
        let error = &answer(&line).unwrap()["error"];
        assert_eq!((&error["code"], &error["data"]["supported"][0]), (&json!(-32022), &json!(PRESENT)));
    }

    #[test]
    fn a_mistake_in_arguments_is_told_to_the_model_and_one_in_the_protocol_to_the_client() {
        let call = |params: Value| {
            answer(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).to_string()).unwrap()
        };
        let told = call(json!({ "name": "echo", "arguments": {} }));
        assert_eq!(told["result"]["isError"], true);
        assert_eq!(told["result"]["content"][0]["text"], "Say something.");
        let said = call(json!({ "name": "echo", "arguments": { "say": "hi" } }));
        assert_eq!(said["result"]["structuredContent"], json!({ "said": "hi" }));
        for params in [json!({ "name": "approve" }), json!({}), json!({ "name": "echo", "arguments": [] })] {
            assert_eq!(call(params)["error"]["code"], BAD_ARGUMENTS);
        }
    }

    #[test]
    fn what_is_no_request_has_an_error_and_what_wants_no_answer_has_none() {
        for (line, code) in [
            ("{", UNREADABLE),
            ("7", NO_REQUEST),
            (r#"{"id":1,"method":"ping"}"#, NO_REQUEST),
            (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, NO_REQUEST),
            (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, NO_REQUEST),
            (r#"{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}"#, NO_METHOD),
        ] {
            assert_eq!(answer(line).unwrap()["error"]["code"], code, "{line}");
        }
        for line in [
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo","arguments":{"say":"hi"}}}"#,
            r#"{"jsonrpc":"2.0","id":4,"result":{}}"#,
            "[]",
        ] {
            assert_eq!(answer(line), None, "{line}");
        }
    }

    #[test]
    fn several_requests_in_one_line_are_answered_in_one_line() {
        let line = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},
                       {"jsonrpc":"2.0","id":2,"method":"x"}]"#;
        let answers = answer(line).unwrap();
        assert_eq!(answers.as_array().unwrap().len(), 2);
        assert_eq!(answers[1]["error"]["code"], NO_METHOD);
    }

    #[test]
    fn the_tools_of_this_server_are_known_by_the_names_that_agents_give_them() {
        for name in ["mcp__undersign__prod_request", "undersign_prod_run", "mcp_undersign_prod_status"] {
            assert!(is_own_tool(name), "{name}");
        }
        for name in ["prod_request", "mcp__other__prod_request", "mcp__undersign__prod_run_all", "undersign"] {
            assert!(!is_own_tool(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_in_one_line_or_not_at_all(line: Vec<u8>) {
            let call = |_: &str, _: Map<String, Value>| Ok(Outcome::default());
            if let Some(answer) = server().answer(&line, &call) {
                prop_assert!(!answer.contains('\n'));
            }
        }
    }
}
