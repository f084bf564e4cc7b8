//! `undersign exec --state`: the broker is this process, a job of CI.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use base64ct::{Base64, Encoding as _};

use super::{DoneOptions, RunOptions, VerifyOptions, read_input};
use crate::broker::Broker;
use crate::broker::ci::End;
use crate::broker::wire::{Ask, Reply};
use crate::command::request::{Request, bytes};
use crate::record::RecordId;

pub(super) fn open(dir: &Path) -> Result<Broker, String> {
    let broker = Broker::open(dir)?;
    if broker.settings.is_ci {
        return Ok(broker);
    }
    Err("--state is for jobs of CI (`ci = true` in the settings). `undersign broker serve` runs this broker."
        .to_owned())
}

pub(super) fn answer(broker: &Broker, ask: &Ask) -> Reply {
    broker.answer(ask, &Broker::asker())
}

pub(super) fn run(broker: &Broker, own: &RunOptions) -> Result<Reply, String> {
    supply(broker, &own.input)?;
    Ok(broker.run(id(&own.id)?))
}

pub(super) fn verify(broker: &Broker, own: &VerifyOptions) -> Result<Reply, String> {
    supply(broker, &own.run.input)?;
    let id = id(&own.run.id)?;
    let stated: Vec<Vec<u8>> = own.argv.iter().map(|argument| argument.as_bytes().to_vec()).collect();
    // Whatever can fail does before the request is burnt.
    if let Some(to) = &own.to {
        write(to, b"")?;
    }
    let request = match broker.verify(id, Some(stated.as_slice()).filter(|stated| !stated.is_empty())) {
        Ok(request) => request,
        Err(reply) => return Ok(*reply),
    };
    if let Some(to) = &own.to {
        write(to, &separated(&request))?;
    }
    let text = format!("It is burnt: run it now, once, then `undersign exec done {id} --exit CODE`.");
    Ok(Reply { text, id: id.to_string(), state: "running".to_owned(), ..Reply::default() })
}

pub(super) fn done(broker: &Broker, own: &DoneOptions) -> Result<Reply, String> {
    let end = own.exit.map_or(End::Unknown, End::Exit);
    Ok(broker.done(id(&own.id)?, end))
}

fn id(text: &str) -> Result<RecordId, String> {
    text.parse().map_err(|_| "A request is named by the 64 hex digits that `exec request` printed.".to_owned())
}

/// Hands over inputs that the ledger does not have. Their roles are those of the request.
fn supply(broker: &Broker, inputs: &[String]) -> Result<(), String> {
    for input in inputs {
        let (_, path) = input.split_once('=').ok_or_else(|| format!("--input {input} is not ROLE=PATH."))?;
        let bytes = Base64::decode_vec(&read_input(path.as_ref())?).map_err(|error| error.to_string())?;
        broker.supply(&bytes)?;
    }
    Ok(())
}

/// The arguments, each with a NUL behind it, as `mapfile -d ''` reads them.
fn separated(request: &Request) -> Vec<u8> {
    let arguments = request.command.argv.iter().filter_map(|argument| bytes(argument));
    arguments.flat_map(|argument| [argument, vec![0]].concat()).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}
