//! Exchanges chains about commands, outcomes, evidence and drills with a remote. Separate from decisions, since a
//! broker must know for each push whether the remote accepted it.

use git2::{ErrorCode, Oid};

use super::program::{CHAINS, run_git};
use super::{Incoming, Prompts, Report};
use crate::change::{ObjectId, counted, visible};
use crate::command::drill_statement::CommandDrillRecord;
use crate::command::{AuthorizationRecord, RunRecord};
use crate::ledger::VerifiedChains;
use crate::ledger::families::{
    Family, Keys, chain_of, commit_of, damaged_prefix_of, names, read_family, remote_prefix_of,
};
use crate::record::drill::DrillRecord;
use crate::record::evidence::EvidenceRecord;
use crate::record::outcome::OutcomeRecord;
use crate::record::{Chain, ChainId};
use crate::source::git::{Repository, oid};

/// The result of sending a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The remote holds it.
    Taken,
    /// The remote holds something else in its place: whoever reads that may send again on top of it.
    Overtaken(String),
    /// Something at the remote declines it, as a gate, a hook or a setting: git says little more than that.
    Declined(String),
    /// Unknown: the remote was not reached, or did not answer.
    Away(String),
}

/// What a remote shows of the chains of a family.
pub struct Shown<R> {
    /// Unchanged. Chains with a fault are included, so that the caller can judge them.
    pub chains: Vec<Chain<R>>,
    /// Where the remote holds less than before, or something else: a sentence each. The local copy stays.
    pub losses: Vec<String>,
}

/// What the desk learns when it asks a remote for commands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    pub is_new: bool,
    /// What must not be overlooked, a sentence each.
    pub alarms: Vec<String>,
}

/// Sends what was signed here about commands, then about outcomes, evidence and drills, and the remote was not yet seen
/// to hold.
/// Nothing is asked or fetched first, and a chain that cannot be sent does not delay the others: a broker waits for
/// them.
pub(super) fn deliver(repository: &Repository, remote: &str, prompts: Prompts) -> Report {
    let mut report = Report::default();
    let _ = deliver_family::<AuthorizationRecord>(repository, remote, prompts, &mut report)
        && deliver_family::<OutcomeRecord>(repository, remote, prompts, &mut report)
        && deliver_family::<EvidenceRecord>(repository, remote, prompts, &mut report)
        && deliver_family::<DrillRecord>(repository, remote, prompts, &mut report)
        && deliver_family::<CommandDrillRecord>(repository, remote, prompts, &mut report);
    report
}

/// Returns whether the remote answers.
fn deliver_family<R: Family>(repository: &Repository, remote: &str, prompts: Prompts, report: &mut Report) -> bool {
    let own = match names(repository, R::PREFIX) {
        Ok(own) => own,
        Err(error) => {
            report.alarms.push(error.to_string());
            return true;
        }
    };
    let kept = remote_prefix_of::<R>(remote);
    let tip = |name: &str| repository.raw.refname_to_id(name).ok();
    for (id, name) in own.iter().filter(|(id, name)| tip(name) != tip(&format!("{kept}{id}"))) {
        let chain: Chain<R> = chain_of(repository, name, id);
        let there: Chain<R> = chain_of(repository, &format!("{kept}{id}"), id);
        match send::<R>(repository, remote, id, prompts) {
            Sent::Taken => report.sent += chain.len().saturating_sub(there.len()),
            Sent::Overtaken(_) | Sent::Declined(_) if is_caught_up(repository, remote, &chain, prompts) => {}
            Sent::Overtaken(why) | Sent::Declined(why) => {
                let told = forked(repository, remote, &chain).unwrap_or_else(|| not_taken(remote, id, &why));
                report.alarms.push(told);
            }
            // It will not answer for the next one either.
            Sent::Away(why) => {
                report.alarms.push(not_taken(remote, id, why.trim_end_matches('.')));
                return false;
            }
        }
    }
    true
}

fn not_taken(remote: &str, id: &ChainId, why: &str) -> String {
    format!("{} did not take the chain {id}: {why}.", visible::text(remote))
}

/// What to say of an own chain that goes another way at a remote, as far as that was fetched.
fn forked<R: Family>(repository: &Repository, remote: &str, own: &Chain<R>) -> Option<String> {
    let there: Chain<R> = chain_of(repository, &format!("{}{}", remote_prefix_of::<R>(remote), own.id), &own.id);
    let is_forked = own.is_forked_from(&there);
    let (only_here, remote) = (counted(own.len() - own.shared_with(&there), "record"), visible::text(remote));
    is_forked.then(|| {
        format!(
            "Your chain {}{} went different ways here and on {remote}, which did not take {only_here} of it: it was \
             signed in two places. Nobody else learns of what is only here; {}.",
            R::PREFIX,
            own.id,
            R::WAY_OUT
        )
    })
}

/// Whether the remote holds all of an own chain, and more: then this disk was restored, and the chain is advanced.
fn is_caught_up<R: Family>(repository: &Repository, remote: &str, own: &Chain<R>, prompts: Prompts) -> bool {
    let keys = Keys::one(&own.id.key);
    let Ok(shown) = fetch::<R>(repository, remote, prompts, (&keys, &keys)) else { return false };
    let copy = shown.chains.iter().find(|copy| copy.id == own.id && copy.len() > own.len());
    copy.is_some_and(|copy| catch_up(repository, remote, own, copy))
}

/// Fetches what a remote holds about commands, and resends what it has lost of what people signed here. Failures are
/// alarms: they do not undo that decisions were sent.
pub(super) fn sync(repository: &Repository, remote: &str, prompts: Prompts, counted: &Keys, report: &mut Report) {
    match is_of_use(repository, remote, prompts) {
        Ok(true) => {}
        Ok(false) => return,
        Err(why) => return report.alarms.push(why),
    }
    let whose = (&Keys::all(), counted);
    match fetch::<RunRecord>(repository, remote, prompts, whose) {
        Ok(shown) => report.alarms.extend(shown.losses),
        Err(why) => report.alarms.push(why),
    }
    sync_people::<AuthorizationRecord>(repository, remote, prompts, whose, report);
    sync_people::<OutcomeRecord>(repository, remote, prompts, (&Keys::all(), counted), report);
    // What no policy names is not evidence, and anybody can add some.
    sync_people::<EvidenceRecord>(repository, remote, prompts, (counted, counted), report);
    sync_people::<DrillRecord>(repository, remote, prompts, (counted, counted), report);
    sync_people::<CommandDrillRecord>(repository, remote, prompts, (counted, counted), report);
}

fn sync_people<R: Family>(
    repository: &Repository,
    remote: &str,
    prompts: Prompts,
    (wanted, counted): (&Keys, &Keys),
    report: &mut Report,
) {
    match fetch::<R>(repository, remote, prompts, (wanted, counted)) {
        Ok(shown) => {
            report.alarms.extend(damages(remote, counted, &shown.chains));
            send_lost(repository, remote, prompts, &shown.chains, report);
            report.alarms.extend(shown.losses);
        }
        Err(why) => report.alarms.push(why),
    }
}

/// Resends records that people signed here and the remote once held but no longer shows.
fn send_lost<R: Family>(
    repository: &Repository,
    remote: &str,
    prompts: Prompts,
    there: &[Chain<R>],
    report: &mut Report,
) {
    let own: Vec<Chain<R>> = match read_family(repository, false) {
        Ok(own) => own,
        Err(error) => return report.alarms.push(error.to_string()),
    };
    let kept = remote_prefix_of::<R>(remote);
    for chain in own {
        let copy = there.iter().find(|copy| copy.id == chain.id);
        let held = copy.map_or(0, Chain::len);
        if let Some(copy) = copy.filter(|_| chain.len() < held) {
            catch_up(repository, remote, &chain, copy);
        }
        // What it never held was sent before, and is reported.
        let seen: Chain<R> = chain_of(repository, &format!("{kept}{}", chain.id), &chain.id);
        if chain.len() <= held || seen.len() <= held {
            continue;
        }
        match send::<R>(repository, remote, &chain.id, prompts) {
            Sent::Taken => report.sent += chain.len() - held,
            Sent::Overtaken(why) | Sent::Declined(why) | Sent::Away(why) => {
                report.alarms.push(not_taken(remote, &chain.id, why.trim_end_matches('.')));
            }
        }
    }
}

/// The chains with a fault that a remote shows, of keys that count.
fn damages<R: Family>(remote: &str, counted: &Keys, chains: &[Chain<R>]) -> Vec<String> {
    let damaged = chains.iter().filter(|chain| counted.have(&chain.id));
    let told = damaged.filter_map(|chain| {
        let (position, fault) = chain.fault?;
        Some(format!(
            "On {} record {position} of the chain of {} does not hold: {fault}. Somebody put it there; {} until it is \
             taken away from {}{}.",
            visible::text(remote),
            counted.owner(&chain.id),
            R::HELD_UP,
            R::PREFIX,
            chain.id
        ))
    });
    told.collect()
}

/// The number of records that people signed here and the remote was not yet seen to hold.
pub(super) fn outbox(repository: &Repository, remote: &str) -> usize {
    outbox_of::<AuthorizationRecord>(repository, remote)
        + outbox_of::<OutcomeRecord>(repository, remote)
        + outbox_of::<EvidenceRecord>(repository, remote)
        + outbox_of::<DrillRecord>(repository, remote)
        + outbox_of::<CommandDrillRecord>(repository, remote)
}

fn outbox_of<R: Family>(repository: &Repository, remote: &str) -> usize {
    let own = names(repository, R::PREFIX).unwrap_or_default();
    let kept = remote_prefix_of::<R>(remote);
    let waits = |(id, name): &(ChainId, String)| {
        let tip = |name: &str| repository.raw.refname_to_id(name).ok();
        // Usually everything is there: then nothing is read.
        if tip(name) == tip(&format!("{kept}{id}")) {
            return 0;
        }
        let here: Chain<R> = chain_of(repository, name, id);
        let there: Chain<R> = chain_of(repository, &format!("{kept}{id}"), id);
        here.len() - here.shared_with(&there)
    };
    own.iter().map(waits).sum()
}

/// Fetches what a remote holds about commands by brokers and people who count; resends what it lost of what people
/// signed here.
pub(super) fn fetch_all(
    repository: &Repository,
    remote: &str,
    prompts: Prompts,
    counted: &Keys,
) -> Result<News, String> {
    let kept = || -> Result<Vec<Oid>, String> {
        let prefixes = [
            remote_prefix_of::<RunRecord>(remote),
            remote_prefix_of::<AuthorizationRecord>(remote),
            damaged_prefix_of::<RunRecord>(remote),
            damaged_prefix_of::<AuthorizationRecord>(remote),
        ];
        let mut tips = Vec::new();
        for prefix in prefixes {
            for (_, name) in names(repository, &prefix).map_err(|error| error.to_string())? {
                tips.extend(repository.raw.refname_to_id(&name));
            }
        }
        Ok(tips)
    };
    let before = kept()?;
    let whose = (counted, counted);
    let runs = fetch::<RunRecord>(repository, remote, prompts, whose)?;
    let people = fetch::<AuthorizationRecord>(repository, remote, prompts, whose)?;
    let mut report = Report::default();
    send_lost(repository, remote, prompts, &people.chains, &mut report);
    let damaged = damages(remote, counted, &runs.chains).into_iter().chain(damages(remote, counted, &people.chains));
    let alarms = damaged.chain(runs.losses).chain(people.losses).chain(report.alarms).collect();
    Ok(News { is_new: kept()? != before, alarms })
}

/// Advances an own chain to the remote's version if that continues it: the disk of this device was restored. Returns
/// whether it did.
fn catch_up<R: Family>(repository: &Repository, remote: &str, own: &Chain<R>, there: &Chain<R>) -> bool {
    let is_more = there.fault.is_none() && own.head().is_none_or(|head| there.holds(head).is_ok());
    let kept = format!("{}{}", remote_prefix_of::<R>(remote), own.id);
    if let (true, Ok(tip)) = (is_more, repository.raw.refname_to_id(&kept)) {
        let name = format!("{}{}", R::PREFIX, own.id);
        // If it cannot be written, the next signature is refused and says so.
        let _ = repository.raw.reference(&name, tip, true, "undersign: sync");
    }
    is_more
}

/// Whether there is anything about commands, outcomes, evidence or drills, here or on the remote.
fn is_of_use(repository: &Repository, remote: &str, prompts: Prompts) -> Result<bool, String> {
    let prefixes = [
        RunRecord::PREFIX,
        AuthorizationRecord::PREFIX,
        OutcomeRecord::PREFIX,
        EvidenceRecord::PREFIX,
        DrillRecord::PREFIX,
        CommandDrillRecord::PREFIX,
    ];
    let kept = [
        remote_prefix_of::<RunRecord>(remote),
        remote_prefix_of::<AuthorizationRecord>(remote),
        remote_prefix_of::<OutcomeRecord>(remote),
        remote_prefix_of::<EvidenceRecord>(remote),
        remote_prefix_of::<DrillRecord>(remote),
        remote_prefix_of::<CommandDrillRecord>(remote),
    ];
    let here = |prefix: &str| names(repository, prefix).map_err(|error| error.to_string());
    for prefix in prefixes.into_iter().chain(kept.iter().map(String::as_str)) {
        if !here(prefix)?.is_empty() {
            return Ok(true);
        }
    }
    let patterns = prefixes.map(|prefix| format!("{prefix}*"));
    let asked: Vec<&str> = ["ls-remote", remote].into_iter().chain(patterns.iter().map(String::as_str)).collect();
    let listed = run_git(repository, prompts, CHAINS, &asked)?.output()?;
    Ok(!listed.trim().is_empty())
}

/// If it cannot be removed now, it is removed later.
fn remove(repository: &Repository, name: &str) {
    if let Ok(mut reference) = repository.raw.find_reference(name) {
        let _ = reference.delete();
    }
}

/// Fetches the chains of a family that a remote holds, for the keys that are `wanted`. Those that are `counted` are
/// read, and kept if they only grew; others are not read, and nothing is reported about them.
///
/// # Errors
/// The remote could not be read.
pub fn fetch<R: Family>(
    repository: &Repository,
    remote: &str,
    prompts: Prompts,
    whose: (&Keys, &Keys),
) -> Result<Shown<R>, String> {
    fetch_after(&VerifiedChains::default(), repository, remote, prompts, whose)
}

/// Like [`fetch`]; what was verified before is not verified again.
///
/// # Errors
/// The remote could not be read.
pub fn fetch_after<R: Family>(
    verified: &VerifiedChains<R>,
    repository: &Repository,
    remote: &str,
    prompts: Prompts,
    (wanted, counted): (&Keys, &Keys),
) -> Result<Shown<R>, String> {
    let incoming = Incoming::below(Incoming::COMMANDS, repository);
    let mut arguments = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", remote];
    let spec = |folder: &String| format!("+{}{folder}*:{}{folder}*", R::PREFIX, incoming.prefix);
    let specs: Vec<String> = wanted.folders().iter().map(spec).collect();
    let mut shown = Shown { chains: Vec::new(), losses: Vec::new() };
    if specs.is_empty() {
        return Ok(shown);
    }
    arguments.extend(specs.iter().map(String::as_str));
    run_git(repository, prompts, CHAINS, &arguments)?.output()?;
    let arrived = names(repository, &incoming.prefix).map_err(|error| error.to_string())?;
    for (id, name) in &arrived {
        let tip = repository.raw.refname_to_id(name).map_err(|error| error.message().to_owned())?;
        if !counted.have(id) {
            keep_unread(repository, &format!("{}{id}", remote_prefix_of::<R>(remote)), tip);
            continue;
        }
        let chain: Chain<R> = verified.chain_from(repository, id, tip);
        shown.losses.extend(keep(verified, repository, (remote, counted), &chain, tip).err());
        shown.chains.push(chain);
    }
    let kept = names(repository, &remote_prefix_of::<R>(remote)).map_err(|error| error.to_string())?;
    for (id, _) in kept.iter().filter(|(id, _)| wanted.have(id) && counted.have(id)) {
        if !arrived.iter().any(|(there, _)| there == id) {
            shown.losses.push(lost::<R>(remote, counted, id, "is gone"));
        }
    }
    let is_there = |chains: &[(ChainId, String)], id: &ChainId| chains.iter().any(|(own, _)| own == id);
    // Of what never had a sound record, nothing is hidden once it is gone.
    let damaged = names(repository, &damaged_prefix_of::<R>(remote)).map_err(|error| error.to_string())?;
    let gone = damaged.iter().filter(|(id, _)| wanted.have(id) && counted.have(id));
    gone.filter(|(id, _)| !is_there(&arrived, id) && !is_there(&kept, id))
        .for_each(|(_, name)| remove(repository, name));
    Ok(shown)
}

/// Keeps a chain that contains what was kept of it. Of a chain with a fault, the sound part is kept, and the whole
/// chain separately: the fault must be visible, and what was signed before it counts.
fn keep<R: Family>(
    verified: &VerifiedChains<R>,
    repository: &Repository,
    (remote, counted): (&str, &Keys),
    chain: &Chain<R>,
    tip: Oid,
) -> Result<(), String> {
    let name = format!("{}{}", remote_prefix_of::<R>(remote), chain.id);
    let damaged = format!("{}{}", damaged_prefix_of::<R>(remote), chain.id);
    let known = repository.raw.refname_to_id(&name).ok();
    let before = known.map(|tip| verified.chain_from(repository, &chain.id, tip));
    if let Some(head) = before.as_ref().and_then(Chain::head)
        && let Err(fault) = chain.holds(head)
    {
        return Err(lost::<R>(remote, counted, &chain.id, &format!("holds less than it did ({fault})")));
    }
    let sound = match chain.fault {
        None => {
            remove(repository, &damaged);
            Some(tip)
        }
        Some(_) => {
            write(repository, &damaged, tip, repository.raw.refname_to_id(&damaged).ok())?;
            commit_of(repository, tip, chain.len())
        }
    };
    sound.map_or(Ok(()), |tip| write(repository, &name, tip, known))
}

/// Keeps a chain of a key that does not count here, as it grows.
fn keep_unread(repository: &Repository, name: &str, tip: Oid) {
    let known = repository.raw.refname_to_id(name).ok();
    if known.is_none_or(|known| repository.raw.graph_descendant_of(tip, known).unwrap_or_default()) {
        let _ = write(repository, name, tip, known);
    }
}

/// Writes a ref with a known old value. If the value has changed, another fetch was faster, and may know more.
fn write(repository: &Repository, name: &str, tip: Oid, known: Option<Oid>) -> Result<(), String> {
    let written = match known {
        Some(known) => repository.raw.reference_matching(name, tip, true, known, "undersign: sync"),
        None => repository.raw.reference(name, tip, false, "undersign: sync"),
    };
    match written {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.code(), ErrorCode::Modified | ErrorCode::Exists) => Ok(()),
        Err(error) => Err(format!("{name} cannot be written: {}.", error.message())),
    }
}

fn lost<R: Family>(remote: &str, counted: &Keys, id: &ChainId, what: &str) -> String {
    format!(
        "On {} a chain of {} {what}. Somebody rewrote it; restore it there: {}{id}.",
        visible::text(remote),
        counted.owner(id),
        R::PREFIX
    )
}

/// Sends one chain of the repository itself; the remote only ever appends to it.
pub fn send<R: Family>(repository: &Repository, remote: &str, id: &ChainId, prompts: Prompts) -> Sent {
    let name = format!("{}{id}", R::PREFIX);
    let Ok(tip) = repository.raw.refname_to_id(&name) else { return Sent::Away(format!("There is no {name} here.")) };
    let spec = format!("{tip}:{name}");
    let pushed = match run_git(repository, prompts, CHAINS, &["push", "--porcelain", "--no-verify", remote, &spec]) {
        Ok(ended) => ended,
        Err(failed) => return Sent::Away(failed.to_string()),
    };
    let told = pushed.stdout.lines().find(|line| line.contains(&format!(":{name}")));
    match told.and_then(|line| line.split_once('\t')) {
        Some(("!", summary)) => refused(summary),
        Some(_) if pushed.is_ok => {
            let kept = format!("{}{id}", remote_prefix_of::<R>(remote));
            // This only records what was seen there: without it, the next fetch sees it again.
            let _ = repository.raw.reference(&kept, tip, true, "undersign: sync");
            Sent::Taken
        }
        _ => Sent::Away(pushed.failure().to_string()),
    }
}

/// Why a ref was not taken, as git reports it: `FROM:TO`, a tab, and then `[rejected]` if git itself saw that the
/// remote has something else, or `[remote rejected]` with what the other side said.
fn refused(summary: &str) -> Sent {
    let why = visible::text(summary).into_owned();
    let told = summary.split_once('\t').map_or(summary, |(_, told)| told);
    if told.starts_with("[remote rejected]") { Sent::Declined(why) } else { Sent::Overtaken(why) }
}

/// Fetches the chains of one key, and advances those of the repository itself to them. What a chain here has beyond the
/// remote's, or in place of it, was never taken there, and is dropped: machines can sign what they found again.
///
/// # Errors
/// The remote could not be read, or shows less than before.
pub fn bring<R: Family>(repository: &Repository, remote: &str, prompts: Prompts, key: &str) -> Result<(), String> {
    let keys = Keys::one(key);
    let shown = fetch::<R>(repository, remote, prompts, (&keys, &keys))?;
    if let Some(loss) = shown.losses.into_iter().next() {
        return Err(loss);
    }
    for chain in shown.chains.iter().filter(|chain| chain.fault.is_none()) {
        let kept = format!("{}{}", remote_prefix_of::<R>(remote), chain.id);
        give_up::<R>(repository, &chain.id, repository.tip(&kept))?;
    }
    Ok(())
}

/// Sets an own chain to a commit, or removes it.
///
/// # Errors
/// The ref cannot be written.
pub fn give_up<R: Family>(repository: &Repository, id: &ChainId, to: Option<ObjectId>) -> Result<(), String> {
    let name = format!("{}{id}", R::PREFIX);
    match to {
        None => remove(repository, &name),
        Some(tip) => {
            let written = repository.raw.reference(&name, oid(tip), true, "undersign: evidence");
            written.map_err(|error| format!("{name} cannot be written: {}.", error.message()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_side_declined_is_told_apart_from_what_was_overtaken_whatever_the_names_say() {
        let told = |status: &str| refused(&format!("{}:refs/undersign/runs/x\t{status}", "1".repeat(40)));
        assert!(matches!(told("[rejected] (fetch first)"), Sent::Overtaken(why) if why.contains("fetch first")));
        assert!(matches!(told("[rejected] ([remote rejected])"), Sent::Overtaken(_)));
        let declined = told("[remote rejected] (pre-receive hook declined)");
        assert!(matches!(declined, Sent::Declined(why) if why.contains("hook declined")));
    }
}
