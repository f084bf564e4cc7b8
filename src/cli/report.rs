//! `undersign report`: a report for auditors.

mod trial;

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::audit::controls::Controls;
use crate::audit::{self, Query, render};
use crate::change::digest::Digest;
use crate::change::visible;
use crate::disk::{stream_atomically, with_suffix, write_atomically};
use crate::enforcement::Settings;
use crate::gate::summary::GateKey;
use crate::outcomes::{self, Remembered};
use crate::source::git::Repository;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What landed in a period, who answered for it, and what of that must be looked at
    #[command(after_help = help!(
        ["0   the report is written, whatever it says"],
        "undersign report audit --from 2026-07-01 --to 2026-09-30 --format html --output q3.html",
        "undersign --repo /srv/git/shop.git report audit --state /srv/git/shop.git/undersign/gate --format csv"
    ))]
    Audit(Box<AuditOptions>),
    /// What came of what landed: later reverts, fixes and rework, by AI, tool, tier, compartment, load and month
    #[command(after_help = help!(
        ["0   the report is written, whatever it says"],
        "undersign report outcomes --policy-branch refs/heads/main --from 2026-07-01 --format html --output q3.html",
        "undersign --repo /srv/git/shop.git report outcomes --state /srv/git/shop.git/undersign/gate --format csv"
    ))]
    Outcomes(Box<OutcomesOptions>),
    /// What a gate with --report-only would have refused, and whether the team is ready to enforce
    #[command(after_help = help!(
        ["0   the report is written", "1   `--ready`: it does not say ready"],
        "undersign --repo /srv/git/shop.git report trial",
        "undersign report trial --state /var/lib/undersign/shop --from 2026-11-01 --format md --output trial.md"
    ))]
    Trial(trial::Options),
}

/// What is looked at, and where it is written.
#[derive(Args)]
struct Looked {
    /// The first day, 2026-07-01, or a time, 2026-07-01T09:30:00Z; from the beginning where none is given
    #[arg(long, value_name = "DATE", value_parser = |text: &str| moment(text, false))]
    from: Option<i64>,
    /// The last day, or a time; else when the newest of all landed
    #[arg(long, value_name = "DATE", value_parser = |text: &str| moment(text, true))]
    to: Option<i64>,
    /// Full name of a ref, again for each; all that the policy protects where none is named
    #[arg(long = "ref", value_name = "REF")]
    refs: Vec<String>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Md)]
    format: Format,
    /// Where a gate keeps its state: its log says when something landed, and what landed past the gate
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The key that vouches for that state; by default in the git directory
    #[arg(long, value_name = "FILE", requires = "state")]
    state_key: Option<PathBuf>,
    /// A policy file to judge all of it by, instead of those that the policy branch had
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Full name of the branch that holds the policy; by default the one that HEAD of a repository that is pushed to
    /// names
    #[arg(long, value_name = "REF")]
    policy_branch: Option<String>,
    /// The repository of the organization that the policy inherits from, or a copy of it; by default the one that git's
    /// setting undersign.organization names
    #[arg(long, value_name = "PATH")]
    organization: Option<PathBuf>,
    /// A file to write, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The gate's key, which `undersign gate keygen` makes: it signs the file, into FILE.sig, as ssh-keygen verifies it
    #[arg(long, value_name = "KEY", requires = "output")]
    sign: Option<PathBuf>,
}

#[derive(Args)]
struct AuditOptions {
    #[command(flatten)]
    looked: Looked,
    /// An approval within so many seconds of the commit that it is of must be looked at
    #[arg(long, value_name = "SECONDS", default_value_t = audit::HASTY,
        value_parser = clap::value_parser!(i64).range(0..))]
    hasty: i64,
    /// Who may declare an emergency, and did not practise it within so many days, is listed
    #[arg(long, value_name = "DAYS", default_value_t = audit::DRILLED_WITHIN,
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    drilled_within: u32,
    /// Which columns are evidence for which controls, as TOML
    #[arg(long, value_name = "FILE")]
    controls: Option<PathBuf>,
}

#[derive(Args)]
struct OutcomesOptions {
    #[command(flatten)]
    looked: Looked,
    /// The last day, or a time, whose landings tell what came of the others; else the newest landing
    #[arg(long, value_name = "DATE", value_parser = |text: &str| moment(text, true))]
    watch_to: Option<i64>,
    /// A revert or a fix counts within so many days of the landing
    #[arg(long, value_name = "DAYS", default_value_t = outcomes::WITHIN,
        value_parser = clap::value_parser!(u32).range(1..=36_500))]
    within: u32,
    /// Rework counts within so many days of the landing
    #[arg(long, value_name = "DAYS", default_value_t = outcomes::REWORK,
        value_parser = clap::value_parser!(u32).range(1..=3_650))]
    rework: u32,
    /// Compute no risk tiers and rules, which takes most of the time
    #[arg(long)]
    no_tiers: bool,
    /// Keep the counts by rule in the git directory: `undersign risk` tells them beside its findings
    #[arg(long, conflicts_with = "no_tiers")]
    remember: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// One page, without scripts
    Html,
    /// Markdown
    Md,
    /// One line a landing
    Csv,
    /// As docs/audit.md describes it
    Json,
}

impl From<Format> for render::Format {
    fn from(format: Format) -> render::Format {
        match format {
            Format::Html => render::Format::Html,
            Format::Md => render::Format::Markdown,
            Format::Csv => render::Format::Csv,
            Format::Json => render::Format::Json,
        }
    }
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<u8, String> {
    let repository = repository.unwrap_or(Path::new("."));
    let done = match &options.command {
        Command::Audit(options) => audit(options, repository),
        Command::Outcomes(options) => outcomes(options, repository),
        Command::Trial(options) => return trial::run(options, repository),
    };
    done.map(|()| 0)
}

impl Looked {
    fn query(&self, repository: &Path, hasty: i64) -> Query {
        Query {
            repository: repository.to_path_buf(),
            settings: Settings {
                policy: self.policy.clone(),
                branch: self.policy_branch.clone(),
                organization: self.organization.clone(),
                state: self.state.clone(),
                state_key: self.state_key.clone(),
                ..Settings::default()
            },
            from: self.from,
            to: self.to,
            refs: self.refs.clone(),
            hasty,
            drilled_within: audit::DRILLED_WITHIN,
        }
    }

    /// Writes a report where it is wanted, and signs it if that is wanted.
    fn put(&self, write: impl Fn(render::Format, &mut dyn Write) -> io::Result<()>) -> Result<(), String> {
        let format = self.format.into();
        put(self.output.as_deref(), |out| write(format, out))?;
        self.output.as_deref().zip(self.sign.as_deref()).map_or(Ok(()), |(path, key)| sign(path, key))
    }
}

/// Writes a report to a file, completely or not at all; without one, to standard output.
fn put(path: Option<&Path>, write: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let Some(path) = path else {
        super::pour(|out| write(out));
        return Ok(());
    };
    let into = |file: &mut std::fs::File| -> io::Result<()> {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    };
    stream_atomically(path, into).map_err(|error| format!("The report {} cannot be written: {error}.", path.display()))
}

fn audit(options: &AuditOptions, repository: &Path) -> Result<(), String> {
    let controls = options.controls.as_deref().map(controls).transpose()?;
    let query = options.looked.query(repository, options.hasty);
    let query = Query { drilled_within: options.drilled_within, ..query };
    let meter = Meter::new();
    let mut report = audit::report(&query, &|what, done, all| meter.tell(what, done, all))?;
    meter.clear();
    if let Some((controls, digest)) = controls {
        report = audit::with_controls(report, controls, digest);
    }
    options.looked.put(|format, out| render::write(&report, format, out))
}

fn outcomes(options: &OutcomesOptions, repository: &Path) -> Result<(), String> {
    let query = outcomes::Query {
        landed: options.looked.query(repository, audit::HASTY),
        watch_to: options.watch_to,
        within_days: options.within,
        rework_days: options.rework,
        with_tiers: !options.no_tiers,
    };
    let meter = Meter::new();
    let report = outcomes::report(&query, &|what, done, all| meter.tell(what, done, all))?;
    meter.clear();
    if options.remember {
        let repository = Repository::open(repository).map_err(|error| error.to_string())?;
        let kept = Remembered::of(&report).ok_or("Nothing landed in the period, so there is nothing to remember.")?;
        kept.keep(&repository)?;
    }
    options.looked.put(|format, out| outcomes::render::write(&report, format, out))
}

/// What the signature of a report is made for.
const PURPOSE: &str = "audit@undersign";

/// Signs a report beside it, and says with what it is verified.
fn sign(report: &Path, key: &Path) -> Result<(), String> {
    let failed = |path: &Path, error: io::Error| format!("{} cannot be read: {error}.", path.display());
    let pem = std::fs::read_to_string(key).map_err(|error| failed(key, error))?;
    let key = GateKey::from_pem(&pem).map_err(|fault| format!("The gate's key cannot be used: {fault}."))?;
    let bytes = std::fs::read(report).map_err(|error| failed(report, error))?;
    let unusable = |fault| format!("The gate's key cannot be used: {fault}.");
    let armor = key.sign_file(PURPOSE, &bytes).map_err(unusable)?;
    let path = with_suffix(report, ".sig");
    write_atomically(&path, armor.as_bytes())
        .map_err(|error| format!("{} cannot be written: {error}.", path.display()))?;
    let public = key.public().ssh_key().map_err(unusable)?.to_openssh();
    eprintln!("undersign: Signed. As ssh-keygen's allowed signers: gate namespaces=\"{PURPOSE}\" {public}");
    Ok(())
}

fn controls(path: &Path) -> Result<(Controls, Digest), String> {
    let name = visible::line(path.as_os_str().as_encoded_bytes());
    let source = std::fs::read_to_string(path).map_err(|error| format!("{name} cannot be read: {error}."))?;
    let controls = Controls::parse(&name, &source).map_err(|error| visible::lines(&error.to_string()))?;
    Ok((controls, Digest::of(source.as_bytes())))
}

/// A time, or the first or last second of a day in UTC.
pub(super) fn moment(text: &str, is_end: bool) -> Result<i64, String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_second());
    }
    // A time without a zone is not accepted as a day, though it can be parsed as one.
    let is_day = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day = text.parse::<Date>().ok().filter(|_| is_day);
    let day = day.ok_or_else(|| "a day is written 2026-07-01, a time 2026-07-01T09:30:00Z".to_owned())?;
    let day = if is_end { day.tomorrow().map_err(|error| error.to_string())? } else { day };
    let start = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_err(|error| error.to_string())?.as_second();
    Ok(if is_end { start - 1 } else { start })
}

/// How far it is, on a terminal; nowhere else.
struct Meter {
    is_shown: bool,
    last: Mutex<Option<Instant>>,
}

/// How often it says so.
const PACE: Duration = Duration::from_millis(200);

impl Meter {
    fn new() -> Meter {
        Meter { is_shown: io::stderr().is_terminal(), last: Mutex::new(None) }
    }

    fn tell(&self, what: &str, done: usize, all: usize) {
        if !self.is_shown {
            return;
        }
        let Ok(mut last) = self.last.lock() else { return };
        if last.is_some_and(|last| last.elapsed() < PACE) {
            return;
        }
        *last = Some(Instant::now());
        let of = if all > 0 { format!(" {done} of {all}") } else { String::new() };
        let _ = write!(io::stderr(), "\r\x1b[K{what}{of}");
    }

    fn clear(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn a_day_is_meant_from_its_first_second_to_its_last() {
        assert_eq!(moment("1970-01-02", false), Ok(86_400));
        assert_eq!(moment("1970-01-01", true), Ok(86_399));
        assert_eq!(moment("1970-01-01T00:00:07Z", true), Ok(7));
        for text in ["yesterday", "2026-07-10T10:30:00", "2026-07-10T10:00:00[Europe/Berlin]"] {
            assert!(moment(text, false).is_err(), "{text}");
        }
    }
}
