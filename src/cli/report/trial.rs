//! `undersign report trial`: what a gate that only reports would have refused.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{moment, put};
use crate::audit::trial::{self, Now, Readiness, Trial};
use crate::change::visible;
use crate::cli::gate::hook::Hook;
use crate::enforcement::{self, Settings, policy_in_force};
use crate::gate_state;
use crate::ledger;
use crate::source::git::{PolicyState, Repository};

#[derive(Args)]
pub struct Options {
    /// Where the gate keeps its state; by default in the git directory
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The first day, 2026-07-01, or a time, 2026-07-01T09:30:00Z; from the beginning where none is given
    #[arg(long, value_name = "DATE", value_parser = |text: &str| moment(text, false))]
    from: Option<i64>,
    /// The last day, or a time; to the end where none is given
    #[arg(long, value_name = "DATE", value_parser = |text: &str| moment(text, true))]
    to: Option<i64>,
    /// What to write
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A file to write, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Exit with 1 unless the report says that the team is ready: for a loop over many repositories
    #[arg(long)]
    ready: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// Markdown
    Md,
    /// As docs/gate.md describes it
    Json,
}

impl From<Format> for trial::Format {
    fn from(format: Format) -> trial::Format {
        match format {
            Format::Text => trial::Format::Text,
            Format::Md => trial::Format::Markdown,
            Format::Json => trial::Format::Json,
        }
    }
}

pub fn run(options: &Options, repository: &Path) -> Result<u8, String> {
    let opened = Repository::open_exactly(repository).map_err(|error| error.to_string());
    let hook = opened.as_ref().ok().and_then(Hook::of_repository);
    let given = hook.as_ref().map(Hook::settings).unwrap_or_default();
    let (name, dir) = match &options.state {
        Some(dir) => (dir.clone(), dir.clone()),
        None => {
            let repository = opened.as_ref().map_err(Clone::clone)?;
            let own = enforcement::default_state(repository);
            (repository.root.clone(), given.state.clone().unwrap_or(own))
        }
    };
    if options.state.is_some() && !dir.is_dir() {
        let dir = visible::line(dir.as_os_str().as_encoded_bytes());
        return Err(format!("{dir} is not a directory of a gate's state."));
    }
    let mut trial = Trial::new(options.from, options.to, now(opened.ok().as_ref(), &given, &dir));
    let extent = gate_state::log_of(&dir)?.visit(&mut |entry, head| trial.line(&entry, head))?;
    let report = trial.report(&String::from_utf8_lossy(name.as_os_str().as_encoded_bytes()), extent);
    put(options.output.as_deref(), |out| trial::write(&report, options.format.into(), out))?;
    let is_ready = report.readiness == Readiness::Ready;
    if options.ready && !is_ready {
        report.why.iter().for_each(|why| eprintln!("undersign: {why}"));
    }
    Ok(u8::from(options.ready && !is_ready))
}

/// What the gate would judge by if it refused from now on. `given` is how its hook sets it up.
fn now(repository: Option<&Repository>, given: &Settings, dir: &Path) -> Now {
    let unlogged = gate_state::unlogged(dir);
    let Some(repository) = repository else {
        let why = "By which policy the gate would refuse is not known: name its repository with --repo DIR.".to_owned();
        return Now { policy: None, faults: vec![why], unlogged };
    };
    let mut faults = Vec::new();
    let place = repository.root.to_string_lossy();
    let policy = match policy_in_force(&place, given, crate::clock::now()) {
        Ok(policy) => Some((policy.digest, policy.organization.map(|organization| organization.digest))),
        Err(reason) => {
            // A mistake in a policy has lines of its own, and this is one sentence.
            let why: Vec<&str> = reason.detail.split_whitespace().collect();
            faults.push(format!("The gate would let nothing land: {}", visible::text(&why.join(" "))));
            None
        }
    };
    if let Ok(Some(_)) = gate_state::restored(dir) {
        faults.push(
            "The gate would let nothing land: its state is from a backup, and nobody answered for that.".to_owned(),
        );
    }
    match ledger::read(repository) {
        Err(error) => faults.push(format!("The ledger cannot be read: {error}")),
        Ok(chains) => {
            // A chain of a stranger stops nothing, whatever is in it.
            let branch = repository.target().ok();
            let own = match branch.and_then(|branch| repository.policy_at(branch.tip).ok()) {
                Some(PolicyState::Found(own)) if given.policy.is_none() => Some(own),
                _ => None,
            };
            let is_known = |key: &str| own.as_ref().is_none_or(|own| own.roster.by_key_id(key).is_some());
            let faulty = chains.iter().filter(|chain| is_known(&chain.id.key));
            let faulty = faulty.filter_map(|chain| Some((&chain.id, chain.fault?)));
            faults.extend(faulty.map(|(id, (at, fault))| {
                format!("Record {at} of the chain {id} does not hold ({fault}), so the gate may let nothing land.")
            }));
        }
    }
    Now { policy, faults, unlogged }
}
