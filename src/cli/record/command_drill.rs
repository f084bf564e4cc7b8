//! `undersign record drill` for a command: an emergency at a target, practised step by step on a plain terminal. What
//! is signed lets nothing run.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use super::follow_up::{Pen, confirm, named, sentence};
use crate::authorizing::{CommandLedger, PendingCommand};
use crate::change::visible;
use crate::cli::drills::command_headline;
use crate::cli::{now, random};
use crate::command::drill::{CommandDrill, CommandDrillChain, CommandDrillRecord, CommandDrillStatement};
use crate::command::is_destructive;
use crate::command::practice::{CommandDrillReport, drills};
use crate::datafile::date;
use crate::examination::RepositorySnapshot;
use crate::ledger::commands::Keys;
use crate::ledger::drills::read_of_commands;
use crate::ledger::own_chain::own_chain;
use crate::policy::{Person, Policy};
use crate::record::drill::DrillStep;
use crate::record::statement::{Decimal, Link, RepositoryName};
use crate::record::{ChainId, RecordId};
use crate::signing::{self, Prepared, TOOL};

/// What every statement about such a drill is headed with, on the terminal.
const BANNER: &str = "DRILL. This practises an emergency at a target. It lets nothing run.";

/// The drills of commands in a repository, with what they are of.
pub(super) struct CommandDrills {
    ledger: CommandLedger,
    chains: Vec<CommandDrillChain>,
    pub reports: Vec<CommandDrillReport>,
}

impl CommandDrills {
    pub fn read(pen: &Pen, policy: &Policy) -> Result<CommandDrills, String> {
        let ledger = CommandLedger::read(&pen.repository, policy).map_err(|error| error.to_string())?;
        let (chains, _) =
            read_of_commands(&pen.repository, true, &Keys::of(policy)).map_err(|error| error.to_string())?;
        let reports = drills((policy, policy), ledger.runs(), &chains, now());
        Ok(CommandDrills { ledger, chains, reports })
    }

    /// The record that began a drill.
    fn beginning(&self, id: &str) -> Result<&CommandDrill, String> {
        let records = || self.chains.iter().flat_map(|chain| &chain.records);
        let record = records().find(|record| record.id().to_string() == id);
        let record = record.ok_or_else(|| "The record of the drill is not here. Run `undersign sync`.".to_owned())?;
        Ok(record.drill())
    }
}

/// What is signed about which request.
struct Content {
    drill: String,
    target: String,
    broker: String,
    request: String,
    command: String,
    answers: Vec<String>,
}

/// Signs a step of a drill. `about` is a request for the first step, and otherwise the drill.
pub(super) fn run(
    pen: &Pen,
    snapshot: &RepositorySnapshot,
    (policy, person): (&Policy, &Person),
    known: &CommandDrills,
    (step, about, reason): (DrillStep, &str, &str),
) -> Result<(), String> {
    let content = match step {
        DrillStep::Begin => begun(known, policy, person, about)?,
        DrillStep::Join => joined(known, policy, person, about)?,
        DrillStep::Review => reviewed(known, policy, person, about)?,
    };
    let valid = policy.target(&content.target).map_or(0, |target| target.valid);
    let own = own_chain(&pen.repository, &pen.key.public.id().to_string(), &known.chains, random()?, now())?;
    let (seq, prev) = own.chain.next();
    let ChainId { key, device } = own.chain.id.clone();
    // A clock that was set back since makes no record that a gate refuses.
    let issued =
        now().max(own.chain.records.last().map_or(0, |record: &std::sync::Arc<CommandDrillRecord>| record.issued()));
    let statement = CommandDrillStatement::new(CommandDrill {
        step,
        drill: content.drill,
        principal: person.id.clone(),
        roles: person.roles.clone(),
        repository: RepositoryName { id: policy.repository.clone(), uri: snapshot.uri.clone() },
        target: content.target,
        broker: content.broker,
        request: content.request,
        command: content.command,
        answers: content.answers,
        issued_at: signing::seconds(issued),
        not_after: signing::seconds(issued.saturating_add(valid)),
        chain: Link { key, id: device, seq: Decimal(seq), prev, forks: Vec::new() },
        nonce: base16ct::lower::encode_string(&random::<16>()?),
        tool: TOOL.to_owned(),
        reason: reason.trim().to_owned(),
    });
    let prepared = Prepared::fix((), &statement, Default::default(), str::to_owned).map_err(sentence)?;
    own.ended.iter().for_each(|why| eprintln!("undersign: {why}"));
    outln!("{BANNER}");
    confirm(&prepared)?;
    let record = prepared.append::<CommandDrillRecord>(&pen.repository, &pen.key, None, now()).map_err(sentence)?;
    outln!("Signed and recorded: {}. `undersign sync` sends it.", record.id());
    then(&record);
    Ok(())
}

/// A request whose id begins so, as the desk finds it.
fn request(known: &CommandDrills, policy: &Policy, person: &Person, id: &str) -> Result<PendingCommand, String> {
    let admitted = known.ledger.runs().iter().flat_map(|chain| &chain.records);
    let admitted = admitted.filter(|record| record.run().admitted().is_some());
    let ids: Vec<String> = admitted.map(|record| record.id().to_string()).collect();
    let missing = "Run `undersign sync` to fetch requests; the agent who asked knows its id.";
    let id: RecordId = named(id, ids.iter(), "request", missing)?.parse().map_err(|_| missing.to_owned())?;
    let found = known.ledger.find(policy, id, Some(&person.id), now());
    found.ok_or_else(|| "Its target is not in the policy, or has another broker. Nothing was signed.".to_owned())
}

fn begun(known: &CommandDrills, policy: &Policy, person: &Person, id: &str) -> Result<Content, String> {
    let pending = request(known, policy, person, id)?;
    let name = visible::text(pending.target()).into_owned();
    if policy.target(pending.target()).is_none_or(|target| target.break_glass.is_none()) {
        return Err(format!(
            "{name} has no break_glass in the policy, so nobody may declare an emergency there. Nothing was signed."
        ));
    }
    if pending.answer.decided == crate::command::Decided::Start {
        let why = "It may start as it is, so `exec run` would run it. Practise with a request that nobody authorized. \
                   Nothing was signed.";
        return Err(why.to_owned());
    }
    if let Some(why) = pending.closed() {
        return Err(format!("{why} Ask for it anew, and practise with that. Nothing was signed."));
    }
    refuse_useless(&pending)?;
    show(&pending);
    type_target(&pending)?;
    let run = pending.record.run();
    Ok(Content {
        drill: String::new(),
        target: run.target.clone(),
        broker: run.broker.clone(),
        request: pending.id.to_string(),
        command: run.command_digest().map(|digest| digest.to_string()).unwrap_or_default(),
        answers: answers(&pending),
    })
}

/// A break-glass record names every refusal that its signer was shown.
fn answers(pending: &PendingCommand) -> Vec<String> {
    let vetoes = &pending.vetoes;
    vetoes.to_answer.iter().map(|veto| veto.record.to_string()).collect()
}

fn refuse_useless(pending: &PendingCommand) -> Result<(), String> {
    if pending.may_break_glass {
        return Ok(());
    }
    Err(format!(
        "Your signature would not count in an emergency at {}: you lack the role or the presence that its break_glass \
         asks for, or it runs for you. Nothing was signed.",
        visible::text(pending.target())
    ))
}

/// What the desk shows first of a request.
fn show(pending: &PendingCommand) {
    let request = pending.request();
    let operator = if request.asked.operator.is_empty() { "nobody knows whom" } else { &request.asked.operator };
    let preview = &request.preview;
    outln!("{BANNER}\nrequest   {}\ntarget    {}", pending.id, visible::text(pending.target()));
    outln!("command   {}", pending.line());
    outln!("does      destroys {}, replaces {}, unclear {}", preview.destroys.0, preview.replaces.0, preview.unclear.0);
    outln!("asked     for {}: {}", visible::text(operator), visible::text(&request.why));
    for (what, vetoes) in [("refused", &pending.vetoes.holding), ("answers", &pending.vetoes.to_answer)] {
        for veto in vetoes {
            outln!("{what:<9} {}: {}", visible::text(&veto.by), visible::text(&veto.reason));
        }
    }
}

/// As at the desk, whoever lets through what is destructive types where it would run.
fn type_target(pending: &PendingCommand) -> Result<(), String> {
    if !is_destructive(pending.request()) {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err("There is no terminal: nothing is signed without a person who types its target.".to_owned());
    }
    out!("It is destructive, or nobody knows. Type the name of the target: ");
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).map_err(|error| error.to_string())?;
    if typed.trim() == pending.target() { Ok(()) } else { Err("That is not its name. Nothing was signed.".to_owned()) }
}

fn joined(known: &CommandDrills, policy: &Policy, person: &Person, id: &str) -> Result<Content, String> {
    let report = found(known, id)?;
    let short = &report.id[..12];
    if now() >= report.until {
        return Err(format!("The drill {short} ended {}. Begin another.", date(report.until)));
    }
    if report.people.contains(&person.id) {
        return Err(format!("You take part in the drill {short} already. Nothing was signed."));
    }
    let pending = request(known, policy, person, &report.request)?;
    refuse_useless(&pending)?;
    show(&pending);
    type_target(&pending)?;
    Ok(Content { answers: answers(&pending), ..repeated(known, report)? })
}

fn reviewed(known: &CommandDrills, policy: &Policy, person: &Person, id: &str) -> Result<Content, String> {
    let report = found(known, id)?;
    outln!("{}", command_headline(report, now()));
    let pending = request(known, policy, person, &report.request)?;
    if pending.request().asked.operator == person.id {
        return Err("It would have run for you, so your review would not count. Nothing was signed.".to_owned());
    }
    show(&pending);
    outln!("Afterwards you read it whole at the desk, as you would read what ran in an emergency.");
    repeated(known, report)
}

fn found<'k>(known: &'k CommandDrills, id: &str) -> Result<&'k CommandDrillReport, String> {
    known.reports.iter().find(|report| report.id.starts_with(id)).ok_or_else(|| "There is no such drill.".to_owned())
}

/// What a further record about a drill repeats.
fn repeated(known: &CommandDrills, report: &CommandDrillReport) -> Result<Content, String> {
    let own = known.beginning(&report.id)?;
    Ok(Content {
        drill: report.id.clone(),
        target: own.target.clone(),
        broker: own.broker.clone(),
        request: own.request.clone(),
        command: own.command.clone(),
        answers: Vec::new(),
    })
}

/// What is left to practise.
fn then(record: &CommandDrillRecord) {
    let own = record.drill();
    if own.step == DrillStep::Review {
        return;
    }
    let id = &record.began_by()[..12];
    outln!(
        "Ask the broker itself: `undersign sync`, then `undersign exec run {}`. It starts nothing, and says under DRILL \
         what an emergency would be told.\nOthers take part with `undersign record drill --join {id} --reason …`; the \
         review is signed with `undersign record drill --review {id} --reason …`.",
        own.request
    );
}

/// Own chains of such drills that went different ways here and at a remote.
pub(super) fn put_away(path: &Path, remote: Option<&str>) -> Result<usize, String> {
    let described = |record: &CommandDrillRecord| {
        let own = record.drill();
        let request = own.request.get(..12).unwrap_or_default();
        format!(
            "{} of a drill of {request}, {}: {}",
            own.step.name(),
            date(record.issued()),
            visible::text(&own.reason)
        )
    };
    super::outcome::put_away_of(path, remote, "undersign record drill", described)
}
