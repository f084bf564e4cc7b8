//! Pending commands: listed, opened, prepared and signed.

use std::sync::Arc;

#[cfg(target_os = "linux")]
use base64ct::{Base64, Encoding as _};

use super::Ports;
use crate::app::command::{AskedRemote, CommandEffect, CommandEvent, CommandListing, OpenedCommand, ShownCommand};
use crate::authorizing::{self, CommandDecision, CommandLedger, PendingCommand, RequestPage};
use crate::command::Verdict;
use crate::examination::RepositorySnapshot;
use crate::ledger::families::Keys;
use crate::policy::Policy;
use crate::record::RecordId;
use crate::signing::{Prepared, SigningError, signer_of};
use crate::source::git::Repository;
use crate::sync::{Prompts, Remote};

/// Bytes of an output that are shown.
#[cfg(target_os = "linux")]
const MAX_OUTPUT: usize = 16 << 10;

/// Carries out an effect about commands.
pub fn perform(effect: CommandEffect, ports: &Ports) -> CommandEvent {
    match effect {
        CommandEffect::Open { ticket, repository, snapshot, id } => {
            CommandEvent::Opened { ticket, repository, result: open(&snapshot, id, ports) }
        }
        CommandEffect::Prepare { sheet, about, decision } => {
            CommandEvent::Prepared { sheet, result: prepare(&decision, &about, ports) }
        }
        CommandEffect::Sign { sheet, about, prepared, passphrase } => {
            let result = sign(&prepared, &about, passphrase.as_deref(), ports);
            CommandEvent::Signed { sheet, about, verdict: prepared.verdict, result }
        }
        CommandEffect::List { repository, snapshot } => {
            CommandEvent::Listed { repository, result: list(&snapshot, ports) }
        }
        CommandEffect::Output { id } => CommandEvent::Output { id, result: output(id, ports) },
        CommandEffect::Deliver { repository, snapshot } => {
            CommandEvent::Delivered { repository, result: deliver(&snapshot) }
        }
    }
}

/// The pending requests of a repository; nothing is read if its policy has no target.
pub fn pending(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    ports: &Ports,
) -> Result<Vec<PendingCommand>, String> {
    let Some(policy) = snapshot.policy().filter(|_| snapshot.has_targets()) else { return Ok(Vec::new()) };
    let ledger = CommandLedger::read(repository, policy).map_err(|error| error.to_string())?;
    Ok(ledger.pending(policy, me(policy, ports), ports.now()))
}

/// The pending requests of a repository, after asking its remote. If it does not answer, the known ones are used.
fn list(snapshot: &RepositorySnapshot, ports: &Ports) -> Result<CommandListing, String> {
    let (repository, fresh) = snapshot.reopened(None).map_err(|error| error.to_string())?;
    let asked = fresh.policy().map_or(Ok(None), |policy| {
        let remote = Remote::usual(&repository, Prompts::Never)?;
        remote.map(|remote| remote.fetch_commands(&Keys::of(policy))).transpose()
    });
    let remote = match asked {
        Ok(None) => AskedRemote::None,
        Ok(Some(news)) => AskedRemote::Answered(news.alarms),
        Err(why) => AskedRemote::Silent(why),
    };
    Ok(CommandListing { commands: pending(&repository, &fresh, ports)?, remote })
}

/// Sends what was signed about commands; returns the name of the remote. If there are several and nothing says
/// which one is the project, the destination is not known.
fn deliver(snapshot: &RepositorySnapshot) -> Result<Option<String>, String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let Some(remote) = Remote::usual(&repository, Prompts::Never)? else { return Ok(None) };
    remote.deliver_commands()?;
    Ok(Some(remote.name.clone()))
}

/// The end of what a run wrote, as its broker kept it: it is in no repository.
#[cfg(target_os = "linux")]
fn output(id: RecordId, ports: &Ports) -> Result<Option<[String; 2]>, String> {
    use crate::broker::wire::{Ask, Place};
    let Some(place) = &ports.broker else { return Ok(None) };
    let reply = Place::of(place).ask(&Ask::Log { id: id.to_string() })?;
    if reply.outcome.is_empty() {
        return Err(reply.text);
    }
    let text =
        |kept: &str| Base64::decode_vec(kept).map(last).map_err(|_| "The broker's answer is damaged.".to_owned());
    Ok(Some([text(&reply.stdout)?, text(&reply.stderr)?]))
}

/// A broker runs on Linux alone.
#[cfg(not(target_os = "linux"))]
fn output(_: RecordId, _: &Ports) -> Result<Option<[String; 2]>, String> {
    Ok(None)
}

/// The last of an output, and how much is left out.
#[cfg(target_os = "linux")]
fn last(bytes: Vec<u8>) -> String {
    let from = bytes.len().saturating_sub(MAX_OUTPUT);
    let text = String::from_utf8_lossy(&bytes[from..]).into_owned();
    if from == 0 { text } else { format!("({from} bytes before this are left out; `exec log` prints them)\n{text}") }
}

/// The current state of a request, laid out.
fn open(snapshot: &RepositorySnapshot, id: RecordId, ports: &Ports) -> Result<Box<OpenedCommand>, String> {
    let (repository, fresh) = snapshot.reopened(None).map_err(|error| error.to_string())?;
    let fresh = fresh.with_packs(&ports.packs);
    let Some(policy) = fresh.policy() else { return Err("This repository no longer has a valid policy.".to_owned()) };
    let ledger = CommandLedger::read(&repository, policy).map_err(|error| error.to_string())?;
    let pending = ledger.find(policy, id, me(policy, ports), ports.now());
    let pending = pending.ok_or("The policy no longer has such a target, or another broker serves it.")?;
    let page = RequestPage::of(&pending, &ledger, policy, fresh.rules());
    Ok(Box::new(OpenedCommand { snapshot: Arc::new(fresh), pending: Arc::new(pending), page: Arc::new(page) }))
}

fn prepare(
    decision: &CommandDecision,
    about: &ShownCommand,
    ports: &Ports,
) -> Result<Box<Prepared<Verdict>>, SigningError> {
    let key = ports.signing_key()?;
    let nonce = ports.random::<16>()?;
    let ShownCommand { snapshot, id, page, .. } = about;
    let chain = ports.own_chain(snapshot, key)?;
    authorizing::prepare(decision, (*id, page), snapshot, (key, &chain), nonce, ports.now()).map(Box::new)
}

fn sign(
    prepared: &Prepared<Verdict>,
    about: &ShownCommand,
    passphrase: Option<&str>,
    ports: &Ports,
) -> Result<String, SigningError> {
    let ShownCommand { snapshot, id, page, .. } = about;
    let record = authorizing::sign(prepared, (*id, page), snapshot, ports.signing_key()?, passphrase, ports.now())?;
    Ok(record.id().to_string())
}

/// The person that the signing key belongs to.
fn me<'p>(policy: &'p Policy, ports: &Ports) -> Option<&'p str> {
    let key = ports.key.as_ref().ok()?;
    signer_of(policy, key).map(|person| person.id.as_str())
}
