//! `undersign record drill` for a command: an emergency at a target, practised step by step on a plain terminal. What
//! is signed lets nothing run.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::sync::Arc;

use super::follow_up::named;
use super::participant::{Participant, beginning, others};
use crate::authorizing::{CommandLedger, PendingCommand};
use crate::change::visible;
use crate::cli::drill_rows::headline;
use crate::clock::now;
use crate::command::drill_statement::{CommandDrill, CommandDrillRecord};
use crate::command::{drill, is_destructive};
use crate::gate::drill::DrillReport;
use crate::record::RecordId;
use crate::record::drill::{DrillStep, OfDrill as _};
use crate::signing;

/// What every statement about such a drill is headed with, on the terminal.
const BANNER: &str = "DRILL. This practises an emergency at a target. It lets nothing run.";

/// What is signed about which request.
struct Content {
    step: DrillStep,
    drill: String,
    target: String,
    broker: String,
    request: String,
    command: String,
    answers: Vec<String>,
}

/// Signs the first step of a drill, with the request whose id begins so.
pub(super) fn begin(who: &Participant<'_>, id: &str) -> Result<(), String> {
    sign(who, begun(who, id)?)
}

/// Signs a further step of a drill of a request.
pub(super) fn take_part(
    who: &Participant<'_>,
    step: DrillStep,
    (report, request): (&DrillReport, &str),
) -> Result<(), String> {
    let content = match step {
        DrillStep::Begin | DrillStep::Join => joined(who, report, request)?,
        DrillStep::Review => reviewed(who, report, request)?,
    };
    sign(who, content)
}

fn sign(who: &Participant<'_>, content: Content) -> Result<(), String> {
    let valid = who.policy.target(&content.target).map_or(0, |target| target.valid);
    let record: Arc<CommandDrillRecord> =
        who.sign(&who.all.of_commands, BANNER, BTreeMap::new(), |frame| CommandDrill {
            step: content.step,
            drill: content.drill,
            principal: frame.principal,
            roles: frame.roles,
            repository: frame.repository,
            target: content.target,
            broker: content.broker,
            request: content.request,
            command: content.command,
            answers: content.answers,
            issued_at: signing::seconds(frame.issued),
            not_after: signing::seconds(frame.issued.saturating_add(valid)),
            chain: frame.chain,
            nonce: frame.nonce,
            tool: frame.tool,
            reason: frame.reason,
        })?;
    let own = record.drill();
    if own.step != DrillStep::Review {
        outln!(
            "Ask the broker itself: `undersign sync`, then `undersign exec run {}`. It starts nothing, and says under \
             DRILL what an emergency would be told.\n{}",
            own.request,
            others(&*record)
        );
    }
    Ok(())
}

/// A request whose id begins so, as the desk finds it.
fn request(who: &Participant<'_>, id: &str) -> Result<PendingCommand, String> {
    let ledger = CommandLedger::read(&who.pen.repository, who.policy).map_err(|error| error.to_string())?;
    let admitted = ledger.runs().iter().flat_map(|chain| &chain.records);
    let admitted = admitted.filter(|record| record.run().admitted().is_some());
    let ids: Vec<String> = admitted.map(|record| record.id().to_string()).collect();
    let missing = "Run `undersign sync` to fetch requests; the agent who asked knows its id.";
    let id: RecordId = named(id, ids.iter(), "request", missing)?.parse().map_err(|_| missing.to_owned())?;
    let found = ledger.find(who.policy, id, Some(&who.person.id), now());
    found.ok_or_else(|| "Its target is not in the policy, or has another broker. Nothing was signed.".to_owned())
}

fn begun(who: &Participant<'_>, id: &str) -> Result<Content, String> {
    let pending = request(who, id)?;
    let name = visible::text(pending.target()).into_owned();
    if who.policy.target(pending.target()).is_none_or(|target| target.break_glass.is_none()) {
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
        return Err(format!("{why} Ask for it again, and practise with that. Nothing was signed."));
    }
    refuse_useless(&pending)?;
    show(&pending);
    type_target(&pending)?;
    let run = pending.record.run();
    Ok(Content {
        step: DrillStep::Begin,
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
    let refusals = &pending.refusals;
    refusals.to_answer.iter().map(|refusal| refusal.record.to_string()).collect()
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
    for (what, refusals) in [("refused", &pending.refusals.holding), ("answers", &pending.refusals.to_answer)] {
        for refusal in refusals {
            outln!("{what:<9} {}: {}", visible::text(&refusal.by), visible::text(&refusal.reason));
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

fn joined(who: &Participant<'_>, report: &DrillReport, id: &str) -> Result<Content, String> {
    who.may_join(report)?;
    let pending = request(who, id)?;
    let own = begun_about(who, report, &pending)?;
    refuse_useless(&pending)?;
    show(&pending);
    type_target(&pending)?;
    Ok(repeated(own, report, DrillStep::Join, answers(&pending)))
}

fn reviewed(who: &Participant<'_>, report: &DrillReport, id: &str) -> Result<Content, String> {
    outln!("{}", headline(report, now()));
    let pending = request(who, id)?;
    let own = begun_about(who, report, &pending)?;
    if pending.request().asked.operator == who.person.id {
        return Err("It would have run for you, so your review would not count. Nothing was signed.".to_owned());
    }
    show(&pending);
    outln!("Afterwards you read it whole at the desk, as you would read what ran in an emergency.");
    Ok(repeated(own, report, DrillStep::Review, Vec::new()))
}

/// What began a drill, if it says of the request what the request itself does: a further record repeats it, and nobody
/// signs anything else than what is shown here.
fn begun_about<'w>(
    who: &Participant<'w>,
    report: &DrillReport,
    pending: &PendingCommand,
) -> Result<&'w CommandDrill, String> {
    let own = beginning(&who.all.of_commands, &report.id)?.drill();
    if own.request == pending.id.to_string() && drill::repeats(own, pending.record.run()) {
        return Ok(own);
    }
    Err(format!(
        "The drill {} names a different target, broker or command from those in its request, so you would sign \
         something other than what you read. Begin another drill. Nothing was signed.",
        &report.id[..12]
    ))
}

/// What a further record about a drill repeats.
fn repeated(own: &CommandDrill, report: &DrillReport, step: DrillStep, answers: Vec<String>) -> Content {
    Content {
        step,
        drill: report.id.clone(),
        target: own.target.clone(),
        broker: own.broker.clone(),
        request: own.request.clone(),
        command: own.command.clone(),
        answers,
    }
}
