//! `undersign record`: what was signed, for people, for third parties, and for who must take something back.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::change::visible;
use crate::gate::{self, Ballot, BallotStanding};
use crate::policy::Policy;
use crate::record::{Fault, Key, Record, sshsig, verify};
use crate::source::git::{GitError, PolicyState};
use crate::survey::Place;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// All records, the newest last, each with whether it counts
    List(ListOptions),
    /// One record: what was signed, by whom, and how to check it
    Show(ShowOptions),
    /// Write records, keys and attachments for somebody who has no undersign
    Export(ExportOptions),
    /// Verify record files, or bundles of them, by themselves: 0 all sound, 2 not
    Verify(VerifyOptions),
    /// Take back a decision of yours
    #[cfg(feature = "tui")]
    Withdraw(super::follow_up::Options),
    /// Take over somebody else's rejection, which ends it; for who signs for the policy
    #[cfg(feature = "tui")]
    HandOver(super::follow_up::Options),
    /// Say which branch of your own chain holds, after a restored backup
    #[cfg(feature = "tui")]
    Repair(super::follow_up::RepairOptions),
}

#[derive(Args)]
struct ListOptions {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ShowOptions {
    /// Record id, or its first digits
    id: String,
    /// Print the signed bytes and nothing else
    #[arg(long)]
    payload: bool,
}

#[derive(Args)]
struct ExportOptions {
    /// Record ids, or their first digits; all records where none is named
    ids: Vec<String>,
    /// The folder to write
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
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
        Command::List(options) => list(options, &Ledger::open(path)?).map(|()| 0),
        Command::Show(options) => show(options, &Ledger::open(path)?).map(|()| 0),
        Command::Export(options) => export(options, &Ledger::open(path)?).map(|()| 0),
        Command::Verify(options) => verify_files(options),
        #[cfg(feature = "tui")]
        Command::Withdraw(options) => super::follow_up::withdraw(options, path).map(|()| 0),
        #[cfg(feature = "tui")]
        Command::HandOver(options) => super::follow_up::hand_over(options, path).map(|()| 0),
        #[cfg(feature = "tui")]
        Command::Repair(options) => super::follow_up::repair(options, path).map(|()| 0),
    }
}

/// The records of a repository and of its remotes, and the policy that says whose they are.
pub(super) struct Ledger {
    pub place: Place,
}

impl Ledger {
    pub fn open(path: &Path) -> Result<Ledger, String> {
        let (_, place) = Place::open(path).map_err(|error: GitError| error.to_string())?;
        Ok(Ledger { place })
    }

    pub fn policy(&self) -> Result<&Policy, String> {
        match &self.place.policy {
            PolicyState::Found(policy) => Ok(policy),
            PolicyState::Absent => {
                Err("There is no policy on the policy branch, so nobody's key is known. `undersign init` writes one."
                    .to_owned())
            }
            PolicyState::Invalid(refused) => Err(visible::lines(&refused.to_string())),
        }
    }

    /// All records by the time they claim, then by chain and number.
    pub fn ballots(&self) -> Result<Vec<Ballot<'_>>, String> {
        let mut ballots = gate::ballots(self.policy()?, &self.place.chains, super::now());
        ballots.sort_by_key(|ballot| ballot.predicate().issued_at);
        Ok(ballots)
    }

    /// The record whose id begins so.
    pub fn find(&self, id: &str) -> Result<Ballot<'_>, String> {
        let matching: Vec<_> =
            self.ballots()?.into_iter().filter(|ballot| ballot.record.id().to_string().starts_with(id)).collect();
        match matching[..] {
            [one] => Ok(one),
            [] => Err(format!("There is no record `{}` here; `undersign record list` lists them.", visible::text(id))),
            _ => Err(format!("`{}` begins several record ids; give more digits.", visible::text(id))),
        }
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
}

impl Row {
    fn of(ballot: &Ballot<'_>) -> Row {
        let predicate = ballot.predicate();
        Row {
            id: ballot.record.id().to_string(),
            verdict: predicate.verdict.to_string(),
            principal: predicate.principal.clone(),
            issued_at: predicate.issued_at.0,
            not_after: predicate.not_after.0,
            target: visible::text(&predicate.target.name).into_owned(),
            head: predicate.head.commit.clone(),
            manifest: predicate.manifest.sha256.clone(),
            chain: format!("{}/{}", predicate.chain.key, predicate.chain.id),
            seq: predicate.chain.seq.0,
            presence: ballot.presence.to_string(),
            standing: ballot.standing.to_string(),
        }
    }
}

fn list(options: &ListOptions, ledger: &Ledger) -> Result<(), String> {
    let rows: Vec<Row> = ledger.ballots()?.iter().map(Row::of).collect();
    if options.json {
        #[derive(Serialize)]
        struct Listed<'l> {
            schema: &'static str,
            records: &'l [Row],
        }
        let listed = Listed { schema: "undersign-records/v0", records: &rows };
        outln!("{}", serde_json::to_string_pretty(&listed).map_err(|error| error.to_string())?);
    } else if rows.is_empty() {
        outln!("Nothing is signed here yet.");
    } else {
        let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or_default();
        let (who, target) = (width(|row| row.principal.len()), width(|row| row.target.len()));
        for row in &rows {
            let (id, head) = (&row.id[..12], &row.head[..7]);
            let date = date(row.issued_at);
            outln!(
                "{id}  {date}  {:<8}  {:<who$}  {head}  {:<target$}  {}",
                row.verdict,
                row.principal,
                row.target,
                row.standing
            );
        }
    }
    for chain in &ledger.place.chains {
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

fn show(options: &ShowOptions, ledger: &Ledger) -> Result<(), String> {
    let ballot = ledger.find(&options.id)?;
    let record = ballot.record;
    // The payload is ASCII without control characters but line feeds: it verified.
    let payload = String::from_utf8_lossy(record.verified.payload());
    if options.payload {
        out!("{payload}");
        return Ok(());
    }
    let predicate = ballot.predicate();
    outln!("record    {}", record.id());
    outln!("standing  {}", ballot.standing);
    outln!("signed    by {} with {}", signer(&ballot), record.verified.key().to_openssh());
    outln!("presence  {}{}", ballot.presence, token(record));
    outln!("made      {}, good until {}", date(predicate.issued_at.0), date(predicate.not_after.0));
    outln!("chain     record {} of {}/{}", predicate.chain.seq.0, predicate.chain.key, predicate.chain.id);
    outln!("\n{payload}");
    outln!("To check it without undersign: `undersign record export {} --to DIR`.", record.id().short());
    Ok(())
}

fn signer(ballot: &Ballot<'_>) -> String {
    match (ballot.person, ballot.standing) {
        (Some(person), _) => person.id.clone(),
        (None, BallotStanding::Impostor) => format!("somebody else than {}", ballot.predicate().principal),
        (None, _) => "nobody in the roster".to_owned(),
    }
}

fn token(record: &Record) -> String {
    record
        .verified
        .token()
        .map_or_else(String::new, |token| format!(" (flags {:#04x}, counter {})", token.flags, token.counter))
}

fn export(options: &ExportOptions, ledger: &Ledger) -> Result<(), String> {
    let mut chosen = Vec::new();
    for id in &options.ids {
        chosen.push(ledger.find(id)?);
    }
    if options.ids.is_empty() {
        chosen = ledger.ballots()?.into_iter().filter(|ballot| ballot.person.is_some()).collect();
    }
    if chosen.is_empty() {
        return Err("There is nothing to export: nothing is signed here by anybody in the roster.".to_owned());
    }
    let bundle = Bundle::of(&chosen, ledger.policy()?);
    bundle.write(&options.to)?;
    outln!("Wrote {} record(s) to {}. Anyone can check them:", chosen.len(), options.to.display());
    out!("\n{}", bundle.instructions);
    Ok(())
}

/// Files for a third party: names and bytes.
struct Bundle {
    files: Vec<(String, Vec<u8>)>,
    instructions: String,
}

impl Bundle {
    fn of(ballots: &[Ballot<'_>], policy: &Policy) -> Bundle {
        let mut files = Vec::new();
        let mut lines = Vec::new();
        for ballot in ballots {
            let (record, id) = (ballot.record, ballot.record.id());
            lines.extend_from_slice(&record.link.envelope);
            files.push((format!("{id}.dsse.json"), record.link.envelope.clone()));
            files.push((format!("{id}.manifest"), record.link.manifest.clone()));
            files.push((format!("{id}.findings.json"), record.link.findings.clone()));
        }
        files.push(("decisions.intoto.jsonl".to_owned(), lines));
        files.push(("signers".to_owned(), signers(policy).into_bytes()));
        let script = include_bytes!("../../assets/verify-record.sh");
        files.push(("verify-record.sh".to_owned(), script.to_vec()));
        let instructions = instructions(&ballots[0]);
        files.push(("HOW-TO-VERIFY".to_owned(), instructions.clone().into_bytes()));
        Bundle { files, instructions }
    }

    fn write(&self, dir: &Path) -> Result<(), String> {
        for (name, bytes) in &self.files {
            let path = dir.join(name);
            crate::disk::write_atomically(&path, bytes)
                .map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
        }
        Ok(())
    }
}

/// The roster as ssh-keygen reads it; a line without a namespace would let a key for commits sign decisions.
fn signers(policy: &Policy) -> String {
    let line = |person: &crate::policy::Person, key: &Key| {
        format!("{} namespaces=\"{}\" {}\n", person.id, sshsig::NAMESPACE, key.to_openssh())
    };
    policy.roster.people().flat_map(|person| person.keys.iter().map(move |own| line(person, &own.key))).collect()
}

fn instructions(ballot: &Ballot<'_>) -> String {
    let (id, predicate) = (ballot.record.id(), ballot.predicate());
    format!(
        "# The signature of one record, with OpenSSH, jq and base64, in this folder:\n\
         jq -rj .payload {id}.dsse.json | base64 -d > payload\n\
         jq -rj '.signatures[0].sig' {id}.dsse.json | base64 -d > payload.sig\n\
         {{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < payload)\"; cat payload; }} |\n  \
         ssh-keygen -Y verify -f signers -I {who} -n {namespace} -s payload.sig\n\
         # That it approves exactly this, now:\n\
         sh verify-record.sh {id}.dsse.json signers {who} {repository} {target} {manifest}\n",
        who = predicate.principal,
        namespace = sshsig::NAMESPACE,
        repository = predicate.repository.id,
        target = quoted(&predicate.target.name),
        manifest = predicate.manifest.sha256,
    )
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    if plain { text.to_owned() } else { format!("'{}'", visible::text(text).replace('\'', "'\\''")) }
}

fn verify_files(options: &VerifyOptions) -> Result<u8, String> {
    let signers = options.signers.as_ref().map(|file| Signers::read(file)).transpose()?;
    let mut sound = true;
    for path in &options.files {
        let bytes = std::fs::read(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            let said = match verify(line) {
                Ok(verified) => {
                    let predicate = &verified.statement().predicate;
                    let what = format!("{}  {} by {}", verified.id(), predicate.verdict, predicate.principal);
                    match signers.as_ref().map(|signers| signers.own(&predicate.principal, verified.key())) {
                        Some(false) => Err(format!("{what}: the key is not one of {}", predicate.principal)),
                        Some(true) => Ok(format!("{what}, sound")),
                        None => Ok(format!("{what}, sound; key {}", verified.key().fingerprint())),
                    }
                }
                Err(fault) => Err(format!("{}: {} ({fault})", path.display(), fault.name())),
            };
            sound &= said.is_ok();
            outln!("{}", said.unwrap_or_else(|why| why));
        }
        if bytes.is_empty() {
            sound = false;
            outln!("{}: {} (it is empty)", path.display(), Fault::EnvelopeMalformed.name());
        }
    }
    Ok(if sound { 0 } else { 2 })
}

/// Lines of `allowed_signers` in the form that [`signers`] writes: one principal, our namespace and no other option.
struct Signers(Vec<(String, Key)>);

impl Signers {
    fn read(path: &Path) -> Result<Signers, String> {
        let text =
            std::fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        let mut signers = Vec::new();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'))
        {
            let wrong = || {
                format!(
                    "{}, line {}: only `PRINCIPAL namespaces=\"{}\" TYPE KEY` is read here.",
                    path.display(),
                    at + 1,
                    sshsig::NAMESPACE
                )
            };
            let (who, rest) = line.split_once(' ').ok_or_else(wrong)?;
            let key = rest.strip_prefix(&format!("namespaces=\"{}\" ", sshsig::NAMESPACE)).ok_or_else(wrong)?;
            signers.push((who.to_owned(), Key::from_openssh(key).map_err(|_| wrong())?));
        }
        Ok(Signers(signers))
    }

    fn own(&self, principal: &str, key: &Key) -> bool {
        self.0.iter().any(|(who, own)| who == principal && own == key)
    }
}
