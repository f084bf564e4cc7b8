//! `undersign exec`: ask a broker to run a command in production, and see the result.

mod job;

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use clap::{Args, Subcommand};

use crate::broker::wire::{Ask, Draft, Place, Reply};
use crate::change::visible;
use crate::command::{AuthorizationChain, AuthorizationStatement, RunStatement};
use crate::ledger::families::read_family;
use crate::record::envelope::Envelope;
use crate::record::{Fault, verify_as};
use crate::source::git::Repository;

/// Where a broker listens unless told otherwise.
const SOCKET: &str = "/run/undersign/broker.sock";

#[derive(Args)]
pub struct Options {
    /// Where the broker listens, or ssh:[USER@]HOST; by default what UNDERSIGN_BROKER says, else
    /// /run/undersign/broker.sock
    #[arg(long, value_name = "SOCKET", global = true)]
    broker: Option<PathBuf>,
    /// Be the broker, as a job of CI: the directory that `broker init` made
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "broker")]
    state: Option<PathBuf>,
    /// Write the broker's whole answer to this file: it says whose the exit code is
    #[arg(long, value_name = "FILE", global = true)]
    result: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ask for a command; prints the id of the request
    #[command(after_help = help!(
        ["0   pending", "2   it may not be requested", "75  too many requests are pending"],
        "undersign exec request --target shop-prod --input sql=fix.sql --why 'Adds the index' -- /usr/bin/psql -X -v ON_ERROR_STOP=1 -f {input:sql}"
    ))]
    Request(RequestOptions),
    /// Say how a request stands, and what is missing
    #[command(after_help = help!(
        ["0   it may start", "2   it never may", "4   it cannot be decided", "75  not yet"],
        "undersign exec status ID"
    ))]
    Status(Named),
    /// Wait until a request may start or never will
    #[command(after_help = help!(
        [
            "0   it may start",
            "2   it never may",
            "4   it cannot be decided",
            "75  not yet, when the time was over",
        ],
        "undersign exec wait ID --timeout 1800"
    ))]
    Wait(WaitOptions),
    /// Run a request that was authorized, once; prints its output when it ended
    #[command(after_help = help!(
        [
            "0   it ran and reported success",
            "2   refused, before it started",
            "4   it could not be decided, before it started",
            "75  not yet: it did not start",
            "124 it timed out",
            "125 how it ended is unknown",
            "    otherwise the command's own, or 128 and the signal",
        ],
        "undersign exec run ID --result result.json"
    ))]
    Run(RunOptions),
    /// In a job of CI: burn a request that may start, for the job to run the command itself
    #[command(after_help = help!(
        [
            "0   this job, and no other, may run it now",
            "2   refused",
            "4   it cannot be decided",
            "75  not yet",
        ],
        "undersign exec --state broker verify ID --input plan=saved.plan -- /usr/bin/terraform apply {input:plan}"
    ))]
    Verify(VerifyOptions),
    /// In a job of CI: sign how a command ended that `exec verify` let run
    #[command(after_help = help!(
        ["0   it is signed and at the remote"],
        "undersign exec --state broker done ID --exit 0"
    ))]
    Done(DoneOptions),
    /// Print the output of a run that ended
    #[command(after_help = help!(
        ["0   it ran and reported success", "    otherwise as for `run`"],
        "undersign exec log ID"
    ))]
    Log(Named),
    /// End a run
    #[command(after_help = help!(["0   it is being ended"], "undersign exec stop ID"))]
    Stop(Named),
    /// Bring the broker what was signed in this repository, or is in files, where the ledger's host is away
    #[command(after_help = help!(["0   it took all"], "undersign exec deliver commands.intoto.jsonl"))]
    Deliver(DeliverOptions),
}

#[derive(Args)]
struct RequestOptions {
    /// Where it is to run, as the policy names it
    #[arg(long, value_name = "TARGET")]
    target: String,
    /// A file that it reads, bound by its content; `{input:ROLE}` stands for its path
    #[arg(long, value_name = "ROLE=PATH")]
    input: Vec<String>,
    /// A variable, where the policy lets one be set
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Why it is to run
    #[arg(long, default_value = "")]
    why: String,
    /// The ticket that it is for
    #[arg(long, default_value = "")]
    ticket: String,
    /// How it would be undone
    #[arg(long, default_value = "")]
    way_back: String,
    /// The request that it takes the place of
    #[arg(long, value_name = "ID", default_value = "")]
    replaces: String,
    /// Write the request to this file, which goes to a branch of the broker's settings, below .undersign/requests
    #[arg(long, value_name = "FILE", conflicts_with_all = ["broker", "state"])]
    to: Option<PathBuf>,
    /// The program by its whole path, and its arguments
    #[arg(required = true, last = true)]
    argv: Vec<std::ffi::OsString>,
}

#[derive(Args)]
struct Named {
    /// What `exec request` printed
    id: String,
}

#[derive(Args)]
struct RunOptions {
    /// What `exec request` printed
    id: String,
    /// With --state: an input that does not go into the ledger
    #[arg(long, value_name = "ROLE=PATH")]
    input: Vec<String>,
}

#[derive(Args)]
struct VerifyOptions {
    #[command(flatten)]
    run: RunOptions,
    /// Write the arguments to this file, each with a NUL behind it, for the job to run exactly those
    #[arg(long, value_name = "FILE", required_unless_present = "argv")]
    to: Option<PathBuf>,
    /// The command that the job runs: it must be that of the request
    #[arg(last = true)]
    argv: Vec<std::ffi::OsString>,
}

#[derive(Args)]
struct DoneOptions {
    /// What `exec request` printed
    id: String,
    /// The exit code of the command
    #[arg(long, value_name = "CODE", required_unless_present = "unknown")]
    exit: Option<u8>,
    /// Nobody knows how it ended, and somebody has looked what it did
    #[arg(long, conflicts_with = "exit")]
    unknown: bool,
}

#[derive(Args)]
struct DeliverOptions {
    /// Files that `record export --commands` wrote: *.intoto.jsonl or *.dsse.json
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Args)]
struct WaitOptions {
    /// What `exec request` printed
    id: String,
    /// Seconds after which it is not waited any more
    #[arg(long, default_value_t = 3600)]
    timeout: u64,
}

/// Where the broker is reached.
pub(super) fn place(told: Option<&PathBuf>) -> Place {
    let told = told.map(|path| path.clone().into_os_string()).or_else(|| std::env::var_os("UNDERSIGN_BROKER"));
    told.map_or_else(|| Place::Socket(SOCKET.into()), |told| Place::of(&told))
}

pub fn run(options: &Options, repository: Option<&std::path::Path>) -> Result<u8, String> {
    let job = options.state.as_deref().map(job::open).transpose()?;
    if let Command::Request(own) = &options.command
        && let Some(to) = &own.to
    {
        return write_draft(own, to);
    }
    let place = place(options.broker.as_ref());
    let ask = |ask: &Ask| match &job {
        Some(job) => Ok(job::answer(job, ask)),
        None => place.ask(ask),
    };
    let reply = match (&options.command, &job) {
        (Command::Run(own), Some(job)) => job::run(job, own)?,
        (Command::Verify(own), Some(job)) => job::verify(job, own)?,
        (Command::Done(own), Some(job)) => job::done(job, own)?,
        (command, _) => asked(command, &ask, repository)?,
    };
    if let Some(path) = &options.result {
        let text = serde_json::to_vec_pretty(&reply).map_err(|error| error.to_string())?;
        std::fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
    }
    print(&options.command, &reply)?;
    Ok(reply.code)
}

/// Writes a request to a file, for agents that have nothing but a git remote.
fn write_draft(own: &RequestOptions, to: &std::path::Path) -> Result<u8, String> {
    let text = serde_json::to_vec_pretty(&draft(own)?).map_err(|error| error.to_string())?;
    std::fs::write(to, text).map_err(|error| format!("{} cannot be written: {error}.", to.display()))?;
    Ok(0)
}

/// The broker's answer.
fn asked(
    command: &Command,
    ask: &dyn Fn(&Ask) -> Result<Reply, String>,
    repository: Option<&std::path::Path>,
) -> Result<Reply, String> {
    Ok(match command {
        Command::Request(own) => ask(&Ask::Request(draft(own)?))?,
        Command::Status(named) => ask(&Ask::Status { id: named.id.clone() })?,
        Command::Wait(own) => wait(own, ask)?,
        Command::Run(own) if !own.input.is_empty() => return Err("--input is for jobs of CI (--state).".to_owned()),
        Command::Run(own) => ask(&Ask::Run { id: own.id.clone() })?,
        Command::Verify(_) | Command::Done(_) => {
            return Err("This is for jobs of CI: --state names the directory of the broker.".to_owned());
        }
        Command::Log(named) => ask(&Ask::Log { id: named.id.clone() })?,
        Command::Stop(named) => ask(&Ask::Stop { id: named.id.clone() })?,
        Command::Deliver(own) if own.files.is_empty() => deliver(signed_here(repository)?, ask)?,
        Command::Deliver(own) => deliver(signed_in(&own.files)?, ask)?,
    })
}

/// The id and what a command wrote go to standard output; what the broker says, to standard error.
fn print(command: &Command, reply: &Reply) -> Result<(), String> {
    if matches!(command, Command::Request(_)) && reply.code == 0 {
        outln!("{}", reply.id);
    }
    if matches!(command, Command::Run(_) | Command::Log(_)) {
        let [stdout, stderr] = outputs(reply)?;
        written(&mut std::io::stdout(), &stdout);
        written(&mut std::io::stderr(), &stderr);
    }
    eprintln!("undersign: {}", visible::lines(&reply.text));
    Ok(())
}

/// What a command wrote: to standard output, and to standard error.
pub(super) fn outputs(reply: &Reply) -> Result<[Vec<u8>; 2], String> {
    let bytes = |text: &str| Base64::decode_vec(text).map_err(|_| "The broker's answer is damaged.".to_owned());
    Ok([bytes(&reply.stdout)?, bytes(&reply.stderr)?])
}

/// What a command wrote, as it is; on a terminal, which would act on it, escaped.
fn written(out: &mut (impl std::io::Write + IsTerminal), bytes: &[u8]) {
    let escaped = || visible::lines(&String::from_utf8_lossy(bytes)) + "\n";
    let _ = match out.is_terminal() && !bytes.is_empty() {
        true => out.write_all(escaped().as_bytes()),
        false => out.write_all(bytes),
    };
}

/// A file, as a broker takes it.
pub(super) fn read_input(path: &std::path::Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
    Ok(Base64::encode_string(&bytes))
}

fn draft(own: &RequestOptions) -> Result<Draft, String> {
    let mut inputs = BTreeMap::new();
    for input in &own.input {
        let (role, path) = input.split_once('=').ok_or_else(|| format!("--input {input} is not ROLE=PATH."))?;
        inputs.insert(role.to_owned(), read_input(path.as_ref())?);
    }
    let variable = |text: &String| {
        let (name, value) = text.split_once('=').ok_or_else(|| format!("--env {text} is not NAME=VALUE."))?;
        Ok::<_, String>((name.to_owned(), value.to_owned()))
    };
    Ok(Draft {
        target: own.target.clone(),
        argv: own.argv.iter().map(|argument| Base64::encode_string(argument.as_bytes())).collect(),
        inputs,
        env: own.env.iter().map(variable).collect::<Result<_, _>>()?,
        why: own.why.clone(),
        ticket: own.ticket.clone(),
        way_back: own.way_back.clone(),
        replaces: own.replaces.clone(),
        claims: Vec::new(),
    })
}

fn wait(own: &WaitOptions, ask: &dyn Fn(&Ask) -> Result<Reply, String>) -> Result<Reply, String> {
    let began = Instant::now();
    loop {
        let reply = ask(&Ask::Status { id: own.id.clone() })?;
        if !reply.is_pending() || began.elapsed() > Duration::from_secs(own.timeout) {
            return Ok(reply);
        }
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// What people signed about commands, by chain and number, as envelopes.
type Signed = BTreeMap<String, BTreeMap<u64, Vec<u8>>>;

fn signed_here(repository: Option<&std::path::Path>) -> Result<Signed, String> {
    let here = repository.unwrap_or(std::path::Path::new("."));
    let repository = Repository::open(here).map_err(|error| error.to_string())?;
    let chains: Vec<AuthorizationChain> = read_family(&repository, false).map_err(|error| error.to_string())?;
    let links =
        |chain: AuthorizationChain| (1..).zip(chain.records.iter().map(|own| own.link.envelope.clone())).collect();
    Ok(chains.into_iter().map(|chain| (chain.id.to_string(), links(chain))).collect())
}

/// Of an export, what people signed: a broker needs no records of brokers.
fn signed_in(files: &[PathBuf]) -> Result<Signed, String> {
    let mut signed = Signed::new();
    for path in files {
        let text = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        for (line, number) in text.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            let wrong = |fault: Fault| format!("Line {number} of {} is not a record: {fault}", path.display());
            if line.trim_ascii().is_empty() {
                continue;
            }
            Envelope::decode(line).map_err(wrong)?;
            let Some((chain, seq)) = place_of(line).map_err(wrong)? else { continue };
            let before = signed.entry(chain).or_default().insert(seq, line.to_vec());
            if before.is_some_and(|before| before.trim_ascii() != line.trim_ascii()) {
                return Err(format!("Line {number} of {} is another record {seq} of its chain.", path.display()));
            }
        }
    }
    if signed.is_empty() {
        return Err("No record of a person about a command is there.".to_owned());
    }
    Ok(signed)
}

/// The chain and number of a record of a person; none of a record of a broker. A damaged one is neither.
fn place_of(line: &[u8]) -> Result<Option<(String, u64)>, Fault> {
    match verify_as::<AuthorizationStatement>(line) {
        Ok(verified) => {
            let own = &verified.statement().predicate.chain;
            Ok(Some((format!("{}/{}", own.key, own.id), own.seq.0)))
        }
        Err(Fault::Namespace | Fault::PredicateType) => verify_as::<RunStatement>(line).map(|_| None),
        Err(fault) => Err(fault),
    }
}

/// The most that one message to a broker carries of a chain, in base64.
const MAX_SENT: usize = 8 << 20;

/// A chain in pieces that a broker takes, in order.
fn pieces(links: impl Iterator<Item = String>) -> Vec<Vec<String>> {
    let (mut pieces, mut size) = (Vec::<Vec<String>>::new(), 0);
    for link in links {
        size += link.len();
        match pieces.last_mut().filter(|_| size <= MAX_SENT) {
            Some(piece) => piece.push(link),
            None => {
                size = link.len();
                pieces.push(vec![link]);
            }
        }
    }
    pieces
}

/// Sends it, chain by chain.
fn deliver(signed: Signed, ask: &dyn Fn(&Ask) -> Result<Reply, String>) -> Result<Reply, String> {
    let (mut told, mut texts) = (Reply::default(), Vec::new());
    for (chain, links) in signed {
        for links in pieces(links.values().map(|envelope| Base64::encode_string(envelope))) {
            let reply = ask(&Ask::Deliver { chain: chain.clone(), links })?;
            let (code, text) = (reply.code, format!("{chain}: {}", reply.text));
            texts.push(text);
            // A chain that is not accepted does not hold back the others, and its code is the one reported.
            if told.code == 0 {
                told = reply;
            }
            if code != 0 {
                break;
            }
        }
    }
    told.text = if texts.is_empty() { "Nothing about commands is signed there.".to_owned() } else { texts.join("\n") };
    Ok(told)
}
