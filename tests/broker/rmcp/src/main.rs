//! Calls tools of `undersign mcp` with the official client in Rust, as `../mcp_client.py` does with that in Python:
//! MODE, the program and its arguments, and on standard input a line of JSON for each call: `[TOOL, ARGUMENTS]`. Prints
//! what was negotiated and listed, then each result, as lines of JSON.

use std::error::Error;
use std::io::BufRead as _;

use rmcp::ServiceError;
use rmcp::model::{CallToolRequestParams, JsonObject, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, RoleClient, RunningService, serve_client_with_lifecycle};
use rmcp::transport::TokioChildProcess;
use serde_json::{Value, json};
use tokio::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (mode, program) = (arguments.next().ok_or("no mode")?, arguments.next().ok_or("no program")?);
    let lifecycle = match mode.as_str() {
        "legacy" => ClientLifecycleMode::Initialize,
        "auto" => ClientLifecycleMode::Auto { preferred_versions: vec![ProtocolVersion::LATEST], legacy_version: None },
        _ => return Err("the mode is legacy or auto".into()),
    };
    let mut command = Command::new(program);
    command.args(arguments);
    let client = serve_client_with_lifecycle((), TokioChildProcess::new(command)?, lifecycle).await?;
    let version = client.peer_info().map(|info| info.protocol_version.to_string());
    let tools: Vec<String> = client.list_all_tools().await?.into_iter().map(|tool| tool.name.to_string()).collect();
    println!("{}", json!({ "version": version, "tools": tools }));
    for line in std::io::stdin().lock().lines() {
        let (tool, given): (String, JsonObject) = serde_json::from_str(&line?)?;
        println!("{}", called(&client, tool, given).await?);
    }
    client.cancel().await?;
    Ok(())
}

async fn called(
    client: &RunningService<RoleClient, ()>,
    tool: String,
    given: JsonObject,
) -> Result<Value, ServiceError> {
    let result = match client.call_tool(CallToolRequestParams::new(tool).with_arguments(given)).await {
        Ok(result) => result,
        Err(ServiceError::McpError(error)) => return Ok(json!({ "refused": error.code.0 })),
        Err(error) => return Err(error),
    };
    let text: String = result.content.iter().filter_map(|block| block.as_text()).map(|text| &*text.text).collect();
    Ok(json!({ "error": result.is_error.unwrap_or(false), "text": text, "data": result.structured_content }))
}
