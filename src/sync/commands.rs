//! Chains about commands to and from a remote. Apart from decisions, since a broker must know of each push whether the
//! remote took it.

use git2::Oid;

use super::{Prompts, Report, run_git};
use crate::change::visible;
use crate::command::{AuthorizationChain, AuthorizationRecord, RunRecord};
use crate::ledger::commands::{Family, chain_from, chain_of, names, read_family, remote_prefix_of};
use crate::record::{Chain, ChainId};
use crate::source::git::Repository;

/// What became of a chain that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The remote holds it.
    Taken,
    /// The remote holds something else in its place, or does not take it: the sentence says why.
    Refused(String),
    /// Nobody knows: the remote was not reached, or did not answer.
    Away(String),
}

/// Brings here what a remote holds about commands, and sends what people signed here. What goes wrong is an alarm: that
/// decisions were sent stands.
pub(super) fn sync(repository: &Repository, remote: &str, prompts: Prompts, report: &mut Report) {
    match is_of_use(repository, remote, prompts) {
        Ok(true) => {}
        Ok(false) => return,
        Err(why) => return report.alarms.push(why),
    }
    if let Err(why) = fetch::<RunRecord>(repository, remote, prompts) {
        report.alarms.push(why);
    }
    let there = match fetch::<AuthorizationRecord>(repository, remote, prompts) {
        Ok(chains) => chains,
        Err(why) => return report.alarms.push(why),
    };
    let own: Vec<AuthorizationChain> = match read_family(repository, false) {
        Ok(own) => own,
        Err(error) => return report.alarms.push(error.to_string()),
    };
    for chain in own {
        let copy = there.iter().find(|copy| copy.id == chain.id);
        let held = copy.map_or(0, Chain::len);
        if let Some(copy) = copy.filter(|_| chain.len() < held) {
            catch_up(repository, remote, &chain, copy);
        }
        if chain.len() <= held {
            continue;
        }
        match send::<AuthorizationRecord>(repository, remote, &chain.id, prompts) {
            Sent::Taken => report.sent += chain.len() - held,
            Sent::Refused(why) | Sent::Away(why) => {
                report.alarms.push(format!("{} did not take the chain {}: {why}.", visible::text(remote), chain.id));
            }
        }
    }
}

/// How many records that people signed here the remote was not yet seen to hold.
pub(super) fn outbox(repository: &Repository, remote: &str) -> usize {
    let own = names(repository, AuthorizationRecord::PREFIX).unwrap_or_default();
    let kept = remote_prefix_of::<AuthorizationRecord>(remote);
    let waits = |(id, name): &(ChainId, String)| {
        let tip = |name: &str| repository.raw.refname_to_id(name).ok();
        // Mostly all is there: then nothing is read.
        if tip(name) == tip(&format!("{kept}{id}")) {
            return 0;
        }
        let here: AuthorizationChain = chain_of(repository, name, id);
        let there: AuthorizationChain = chain_of(repository, &format!("{kept}{id}"), id);
        here.len().saturating_sub(there.len())
    };
    own.iter().map(waits).sum()
}

/// Brings here what a remote holds about commands, of brokers and of people; whether anything was new.
pub(super) fn fetch_all(repository: &Repository, remote: &str, prompts: Prompts) -> Result<bool, String> {
    let kept = || -> Result<Vec<Oid>, String> {
        let prefixes = [remote_prefix_of::<RunRecord>(remote), remote_prefix_of::<AuthorizationRecord>(remote)];
        let mut tips = Vec::new();
        for prefix in prefixes {
            for (_, name) in names(repository, &prefix).map_err(|error| error.to_string())? {
                tips.extend(repository.raw.refname_to_id(&name));
            }
        }
        Ok(tips)
    };
    let before = kept()?;
    fetch::<RunRecord>(repository, remote, prompts)?;
    fetch::<AuthorizationRecord>(repository, remote, prompts)?;
    Ok(kept()? != before)
}

/// Moves an own chain on to what the remote holds of it, where that is more of the same: the disk of this device was
/// restored.
fn catch_up(repository: &Repository, remote: &str, own: &AuthorizationChain, there: &AuthorizationChain) {
    let is_more = there.fault.is_none() && own.head().is_none_or(|head| there.holds(head).is_ok());
    let kept = format!("{}{}", remote_prefix_of::<AuthorizationRecord>(remote), own.id);
    if let (true, Ok(tip)) = (is_more, repository.raw.refname_to_id(&kept)) {
        let name = format!("{}{}", AuthorizationRecord::PREFIX, own.id);
        // Where it cannot be written, the next signature is refused and says so.
        let _ = repository.raw.reference(&name, tip, true, "undersign: sync");
    }
}

/// Whether there is anything about commands, here or there.
fn is_of_use(repository: &Repository, remote: &str, prompts: Prompts) -> Result<bool, String> {
    let prefixes = [RunRecord::PREFIX, AuthorizationRecord::PREFIX];
    let kept = [remote_prefix_of::<RunRecord>(remote), remote_prefix_of::<AuthorizationRecord>(remote)];
    let here = |prefix: &str| names(repository, prefix).map_err(|error| error.to_string());
    for prefix in prefixes.into_iter().chain(kept.iter().map(String::as_str)) {
        if !here(prefix)?.is_empty() {
            return Ok(true);
        }
    }
    let [runs, authorizations] = prefixes.map(|prefix| format!("{prefix}*"));
    let (ok, listed, stderr) = run_git(repository, prompts, &["ls-remote", remote, &runs, &authorizations])?;
    if ok { Ok(!listed.trim().is_empty()) } else { Err(super::why_failed("ls-remote", &stderr)) }
}

/// Where fetched chains lie until they are looked at.
const INCOMING: &str = "refs/undersign/incoming-commands/";

/// Fetches the chains of a family that a remote holds, and keeps those that only grew.
///
/// # Errors
/// The remote could not be read, or holds less, or something else, than it did: what is here stays, and who asks must
/// not go on as if it were read.
pub fn fetch<R: Family>(repository: &Repository, remote: &str, prompts: Prompts) -> Result<Vec<Chain<R>>, String> {
    let spec = format!("+{}*:{INCOMING}*", R::PREFIX);
    clear(repository)?;
    let arguments =
        ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--prune", remote, &spec];
    let (ok, _, stderr) = run_git(repository, prompts, &arguments)?;
    if !ok {
        return Err(super::why_failed("fetch", &stderr));
    }
    let arrived = names(repository, INCOMING).map_err(|error| error.to_string())?;
    let kept = remote_prefix_of::<R>(remote);
    let mut chains = Vec::new();
    for (id, name) in arrived {
        let tip = repository.raw.refname_to_id(&name).map_err(|error| error.message().to_owned())?;
        let chain: Chain<R> = chain_from(repository, &id, tip);
        keep(repository, &format!("{kept}{id}"), &chain, tip)?;
        chains.push(chain);
    }
    for (id, _) in names(repository, &kept).map_err(|error| error.to_string())? {
        if !chains.iter().any(|chain| chain.id == id) {
            return Err(lost(remote, &id, "is gone"));
        }
    }
    clear(repository)?;
    Ok(chains)
}

/// Keeps a chain that holds what was kept of it. One with a fault is handed on, so that who judges sees it, and not
/// kept.
fn keep<R: Family>(repository: &Repository, name: &str, chain: &Chain<R>, tip: Oid) -> Result<(), String> {
    let before: Chain<R> = chain_of(repository, name, &chain.id);
    if let Some(head) = before.head()
        && let Err(fault) = chain.holds(head)
    {
        return Err(lost(name, &chain.id, &format!("holds less than it did ({fault})")));
    }
    if chain.fault.is_some() {
        return Ok(());
    }
    let written = repository.raw.reference(name, tip, true, "undersign: sync");
    written.map(|_| ()).map_err(|error| format!("{name} cannot be written: {}.", error.message()))
}

fn lost(place: &str, id: &ChainId, what: &str) -> String {
    format!("On {} the chain {id} {what}. Somebody rewrote it; restore it there.", visible::text(place))
}

fn clear(repository: &Repository) -> Result<(), String> {
    for (_, name) in names(repository, INCOMING).map_err(|error| error.to_string())? {
        let mut reference = repository.raw.find_reference(&name).map_err(|error| error.message().to_owned())?;
        reference.delete().map_err(|error| error.message().to_owned())?;
    }
    Ok(())
}

/// Sends one chain of the repository itself; the remote only ever adds to it.
pub fn send<R: Family>(repository: &Repository, remote: &str, id: &ChainId, prompts: Prompts) -> Sent {
    let name = format!("{}{id}", R::PREFIX);
    let Ok(tip) = repository.raw.refname_to_id(&name) else { return Sent::Away(format!("There is no {name} here.")) };
    let spec = format!("{tip}:{name}");
    let (ok, stdout, stderr) =
        match run_git(repository, prompts, &["push", "--porcelain", "--no-verify", remote, &spec]) {
            Ok(ran) => ran,
            Err(why) => return Sent::Away(why),
        };
    let told = stdout.lines().find(|line| line.contains(&format!(":{name}")));
    match told.and_then(|line| line.split_once('\t')) {
        Some(("!", summary)) => Sent::Refused(visible::text(summary).into_owned()),
        Some(_) if ok => {
            let kept = format!("{}{id}", remote_prefix_of::<R>(remote));
            // It is only a note of what was seen there: without it, the next fetch sees it again.
            let _ = repository.raw.reference(&kept, tip, true, "undersign: sync");
            Sent::Taken
        }
        _ => Sent::Away(super::why_failed("push", &stderr)),
    }
}
