//! `undersign record`: what was signed, for people, for third parties, and for those who must revoke something.

mod book;
mod check;
#[cfg(feature = "tui")]
mod command_drill;
mod commands;
#[cfg(feature = "tui")]
mod drill;
mod drill_list;
mod export;
#[cfg(feature = "tui")]
mod follow_up;
mod for_agent;
#[cfg(feature = "tui")]
mod outcome;
mod outcome_list;
#[cfg(feature = "tui")]
mod participant;
mod shapes;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::change::visible;
#[cfg(feature = "tui")]
use crate::cli::comments::Comments;
#[cfg(feature = "tui")]
use crate::cli::find_change::{self, Meant};
#[cfg(feature = "tui")]
use crate::cli::queue;
use crate::datafile;
use crate::decision::Verdict;
#[cfg(feature = "tui")]
use crate::examination;
use crate::examination::decided::statement_of;
use crate::gate::{RecordStatus, Signer};
use crate::record::Record;
use crate::source::git::Repository;
use book::Book;
use shapes::{print_list, print_one};

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All records, the newest last, each with whether it counts
    #[command(after_help = help!(["0   success"], "undersign record list --json"))]
    List(ListOptions),
    /// One record: what was signed, by whom, and how to check it
    #[command(after_help = help!(["0   there is such a record"], "undersign record show 3f9c --for-agent"))]
    Show(ShowOptions),
    /// Write records, keys and attachments for somebody who has no undersign
    #[command(after_help = help!(["0   all is written"], "undersign record export --to /tmp/audit"))]
    Export(ExportOptions),
    /// Verify record files, or bundles of them, by themselves: 0 all sound, 2 not
    #[command(after_help = help!(
        ["0   all are sound", "2   one is not"],
        "undersign record verify --signers allowed_signers *.dsse.json"
    ))]
    Verify(VerifyOptions),
    /// Take back a decision of yours
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        ["0   it is signed and recorded"],
        "undersign record withdraw 3f9c --reason 'The test was flaky, not the code'"
    ))]
    Withdraw(follow_up::Options),
    /// Take over somebody else's rejection, which ends it; needs the role that signs for the policy
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        ["0   it is signed and recorded"],
        "undersign record hand-over 3f9c --reason 'Rahim left; dana takes it over'"
    ))]
    HandOver(follow_up::Options),
    /// Say which branch of your own chain holds, after a restored backup
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        ["0   it is signed and recorded"],
        "undersign record repair --reason 'Restored from a backup of Monday'"
    ))]
    Repair(follow_up::RepairOptions),
    /// Say what came of a change that landed, for `undersign report outcomes`; no gate judges by it
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        ["0   it is signed and recorded"],
        "undersign record outcome 3f9c2ab1 --kind incident --link https://example.com/incidents/7 --at 2026-07-01"
    ))]
    Outcome(outcome::Options),
    /// Practise an emergency: sign each of its steps, and let nothing land or run
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        ["0   it is signed and recorded"],
        "undersign record drill fix/login --reason 'Drill of May: the login is down'",
        "undersign record drill --request 7be0 --reason 'Drill of May: orders fail'",
        "undersign record drill --join 3f9c2ab1 --reason 'Drill of May: I was called as the second'",
        "undersign record drill --review 3f9c2ab1 --reason 'Drill of May: read it all'"
    ))]
    Drill(drill::Options),
}

#[derive(Args)]
struct ListOptions {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Records about commands in production, instead of decisions
    #[arg(long)]
    commands: bool,
    /// Records about what came of changes, instead of decisions
    #[arg(long, conflicts_with = "commands")]
    outcomes: bool,
    /// Drills of emergencies, instead of decisions
    #[arg(long, conflicts_with_all = ["commands", "outcomes"])]
    drills: bool,
}

#[derive(Args)]
struct ShowOptions {
    /// Record id, or its first digits
    id: String,
    /// Print the signed bytes and nothing else
    #[arg(long)]
    payload: bool,
    /// Print what was decided and remarked for the tool that wrote the change, as Markdown
    #[arg(long, conflicts_with = "payload")]
    for_agent: bool,
    /// With --for-agent: add what others wrote about it, fetched now from its review server
    #[cfg(feature = "tui")]
    #[arg(long, requires = "for_agent")]
    comments: bool,
    /// As JSON
    #[arg(long, conflicts_with = "payload")]
    json: bool,
}

#[derive(Args)]
struct ExportOptions {
    /// Record ids, or their first digits; all records where none is named
    ids: Vec<String>,
    /// The directory to write
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Records about commands in production, instead of decisions; with a request, all that is about it
    #[arg(long)]
    commands: bool,
    /// Records of drills, instead of decisions
    #[arg(long, conflicts_with = "commands")]
    drills: bool,
}

#[derive(Args)]
struct VerifyOptions {
    /// *.dsse.json or *.intoto.jsonl
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Whose keys are whose, as ssh-keygen's allowed_signers; without it, a key's owner is not checked
    #[arg(long, value_name = "FILE")]
    signers: Option<PathBuf>,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<u8, String> {
    let path = repository.unwrap_or(Path::new("."));
    match &options.command {
        Command::List(options) if options.commands => commands::list(&Book::open(path)?, options.json).map(|()| 0),
        Command::List(options) if options.outcomes => outcome_list::list(&Book::open(path)?, options.json).map(|()| 0),
        Command::List(options) if options.drills => drill_list::list(&Book::open(path)?, options.json).map(|()| 0),
        Command::List(options) => list(options, &Book::open(path)?).map(|()| 0),
        Command::Show(options) => show(options, &Book::open(path)?).map(|()| 0),
        Command::Export(options) if options.commands => {
            commands::export(&options.ids, &options.to, &Book::open(path)?).map(|()| 0)
        }
        Command::Export(options) if options.drills => {
            drill_list::export(&options.ids, &options.to, &Book::open(path)?).map(|()| 0)
        }
        Command::Export(options) => export::run(&options.ids, &options.to, &Book::open(path)?).map(|()| 0),
        Command::Verify(options) => check::run(&options.files, options.signers.as_deref()),
        #[cfg(feature = "tui")]
        Command::Withdraw(options) => follow_up::withdraw(options, path).map(|()| 0),
        #[cfg(feature = "tui")]
        Command::HandOver(options) => follow_up::hand_over(options, path).map(|()| 0),
        #[cfg(feature = "tui")]
        Command::Repair(options) => {
            let outcomes = outcome::put_away(path, options.remote.as_deref())?;
            let drills = drill::put_away(path, options.remote.as_deref())?;
            follow_up::repair(options, path, outcomes + drills > 0).map(|()| 0)
        }
        #[cfg(feature = "tui")]
        Command::Outcome(options) => outcome::run(options, path).map(|()| 0),
        #[cfg(feature = "tui")]
        Command::Drill(options) => drill::run(options, path).map(|()| 0),
    }
}

#[derive(Serialize)]
struct Row {
    id: String,
    verdict: String,
    principal: String,
    issued_at: u64,
    not_after: u64,
    target: String,
    head: String,
    manifest: String,
    chain: String,
    seq: u64,
    presence: String,
    standing: String,
    /// Whose key it is, by the roster.
    signer: String,
    #[serde(skip)]
    who: String,
}

impl Row {
    fn of(status: &RecordStatus<'_>, signer: &Signer) -> Row {
        let predicate = status.predicate();
        Row {
            id: status.record.id().to_string(),
            verdict: predicate.verdict.to_string(),
            principal: predicate.principal.clone(),
            issued_at: predicate.issued_at.0,
            not_after: predicate.not_after.0,
            target: visible::text(&predicate.target.name).into_owned(),
            head: predicate.head.commit.clone(),
            manifest: predicate.manifest.sha256.clone(),
            chain: format!("{}/{}", predicate.chain.key, predicate.chain.id),
            seq: predicate.chain.seq.0,
            presence: status.presence.to_string(),
            standing: status.validity.to_string(),
            who: signer.brief(),
            signer: signer.to_string(),
        }
    }
}

fn list(options: &ListOptions, book: &Book) -> Result<(), String> {
    let policy = book.policy()?;
    let row = |status: &RecordStatus<'_>| Row::of(status, &Signer::of(Some(policy), status.record));
    let rows: Vec<Row> = book.record_statuses()?.iter().map(row).collect();
    if options.json {
        print_list("undersign-records/v0", &rows);
    } else if rows.is_empty() {
        outln!("No decision is signed here yet.");
        book.snapshot.told_unread().iter().for_each(|told| eprintln!("undersign: {told}"));
    } else {
        let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or_default();
        let (who, target) = (width(|row| row.who.len()), width(|row| row.target.len()));
        for row in &rows {
            let (id, head) = (&row.id[..12], &row.head[..7]);
            let date = date(row.issued_at);
            outln!(
                "{id}  {date}  {:<8}  {:<who$}  {head}  {:<target$}  {}",
                row.verdict,
                row.who,
                row.target,
                row.standing
            );
        }
    }
    if !options.json && outcome_list::are_there(book) {
        outln!("Records of outcomes are listed with --outcomes.");
    }
    if !options.json && drill_list::are_there(book) {
        outln!("Drills are listed with --drills.");
    }
    for chain in &book.snapshot.chains {
        if let Some((position, fault)) = chain.fault {
            eprintln!(
                "undersign: record {position} of the chain {} does not hold: {fault}.",
                visible::text(&chain.id.to_string())
            );
        }
    }
    Ok(())
}

/// `2026-11-24 09:30Z`; a time is a claim of the signer's clock.
fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    time.map_or_else(|| "?".repeat(17), |time| time.strftime("%Y-%m-%d %H:%MZ").to_string())
}

fn show(options: &ShowOptions, book: &Book) -> Result<(), String> {
    let status = match book.find(&options.id) {
        Ok(status) => status,
        Err(why) if options.for_agent => return Err(why),
        Err(why) => {
            let is_drill = drill_list::show(&options.id, book, options.payload, options.json)?;
            return if is_drill { Ok(()) } else { Err(why) };
        }
    };
    let record = status.record;
    let signer = Signer::of(Some(book.policy()?), record);
    // The payload verified, so it is ASCII without control characters other than line feeds.
    if options.payload {
        out!("{}", String::from_utf8_lossy(&record.verified.payload()));
        return Ok(());
    }
    if options.for_agent {
        let repository = Repository::open(&book.snapshot.root).map_err(|error| error.to_string())?;
        #[allow(unused_mut)]
        let mut feedback = for_agent::Feedback::of(&status, &signer, &repository);
        #[cfg(feature = "tui")]
        if options.comments {
            feedback.comments = Some(comments_of(&status, &book.snapshot.root)?);
        }
        if options.json {
            super::print_json(&feedback);
        } else {
            out!("{}", feedback.markdown());
        }
        return Ok(());
    }
    if options.json {
        return show_json(&status, &signer);
    }
    let predicate = status.predicate();
    outln!("record    {}", record.id());
    outln!("standing  {}", status.validity);
    outln!("signed    by {signer} with {}", record.verified.key().to_openssh());
    outln!("presence  {}{}", status.presence, token(record));
    let until = match predicate.verdict {
        // It ends with the same person's next decision, not after a time.
        Verdict::Reject => "in force until withdrawn".to_owned(),
        _ => format!("good until {}", datafile::date(status.expires)),
    };
    outln!("made      {}, {until}", datafile::date(predicate.issued_at.seconds()));
    outln!("chain     record {} of {}/{}", predicate.chain.seq.0, predicate.chain.key, predicate.chain.id);
    let (shown, is_cut) = statement_of(record);
    outln!("\n{shown}");
    if is_cut {
        outln!("The user of the URL is left out above; --payload prints the signed bytes.");
    }
    outln!("To check it without undersign: `undersign record export {} --to DIR`.", record.id().short());
    Ok(())
}

/// What others wrote about the change that was decided on, while that is pending.
#[cfg(feature = "tui")]
fn comments_of(status: &RecordStatus<'_>, root: &Path) -> Result<Comments, String> {
    let head = &status.predicate().head.commit;
    let found = find_change::find(head, &queue::names(&[root.to_owned()]));
    let Meant { repository, snapshot, change, .. } = found.map_err(|why| {
        let short: String = head.chars().take(12).collect();
        format!("The comments cannot be asked for: no pending change ends with {short}, which was decided on. {why}")
    })?;
    let diff = examination::diff(&repository, &snapshot, &change).map_err(|error| error.to_string())?;
    Comments::read(&repository, &change, &diff)
}

fn show_json(status: &RecordStatus<'_>, signer: &Signer) -> Result<(), String> {
    let verified = &status.record.verified;
    let (row, key) = (Row::of(status, signer), verified.key().to_openssh());
    print_one("undersign-record-shown/v0", row, key, &verified.payload())
}

fn token(record: &Record) -> String {
    record
        .verified
        .token()
        .map_or_else(String::new, |token| format!(" (flags {:#04x}, counter {})", token.flags, token.counter))
}

/// The one of those whose ids begin so; none if there is none.
fn only<T>(id: &str, mut beginning: impl Iterator<Item = T>) -> Result<Option<T>, String> {
    let first = beginning.next();
    match beginning.count() {
        0 => Ok(first),
        more => Err(format!("{} records begin with `{}`; give more digits.", more + 1, visible::text(id))),
    }
}
