//! `undersign doctor`: what is really enforced here.

mod agents;
#[cfg(all(feature = "tui", target_os = "linux"))]
mod broker;
mod commands;
mod here;
mod hook;
mod records;
mod remote;
#[cfg(feature = "tui")]
mod server;
mod state;

use std::path::{Path, PathBuf};

use clap::Args;

pub use here::faults_of_hook;

use crate::cli::gate::record::StateOptions;
use crate::source::git::{Repository, organization};

#[derive(Args)]
pub struct Options {
    /// Try out what this remote allows with records, on refs that are thrown away
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Say what works with this review server of config.toml, and with which account
    #[cfg(feature = "tui")]
    #[arg(long, value_name = "NAME", conflicts_with = "remote")]
    server: Option<String>,
    /// Say which level a broker proves for each of its targets, and what is missing; for whoever runs it
    #[cfg(all(feature = "tui", target_os = "linux"))]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["remote", "server"])]
    broker: Option<PathBuf>,
    /// Look for the same repository id in all repositories below this directory, and not only beside this one
    #[arg(long, value_name = "DIR")]
    repositories: Option<PathBuf>,
    #[command(flatten)]
    gate: StateOptions,
    /// Say which agents ask the hook in this account, whether it could take that away, and which credentials lie in it
    #[arg(long, conflicts_with_all = AGENTS_ALONE)]
    agents: bool,
}

/// What `--agents` says nothing about.
#[cfg(all(feature = "tui", target_os = "linux"))]
const AGENTS_ALONE: [&str; 3] = ["remote", "server", "broker"];
#[cfg(all(feature = "tui", not(target_os = "linux")))]
const AGENTS_ALONE: [&str; 2] = ["remote", "server"];
#[cfg(not(feature = "tui"))]
const AGENTS_ALONE: [&str; 1] = ["remote"];

/// One thing that was looked at.
enum Finding {
    Good(String),
    /// Worth knowing; enforces nothing and opens nothing.
    Note(String),
    Bad(String),
}

/// Something is not as it should be.
const NOT_ENFORCED: u8 = 2;

/// Prints what was found; the exit code says whether anything is not as it should be.
fn tell(found: &[Finding]) -> u8 {
    for finding in found {
        match finding {
            Finding::Good(text) => outln!("✓ {text}"),
            Finding::Note(text) => outln!("· {text}"),
            Finding::Bad(text) => outln!("✗ {text}"),
        }
    }
    match found.iter().filter(|finding| matches!(finding, Finding::Bad(_))).count() {
        0 => 0,
        1 => not_enforced("One thing above is not enforced."),
        n => not_enforced(&format!("{n} things above are not enforced.")),
    }
}

fn not_enforced(summary: &str) -> u8 {
    eprintln!("undersign: {summary}");
    NOT_ENFORCED
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<u8, String> {
    #[cfg(all(feature = "tui", target_os = "linux"))]
    if let Some(dir) = &options.broker {
        return broker::run(dir);
    }
    if options.agents {
        return Ok(agents::run());
    }
    let repository = Repository::open(repository.unwrap_or(Path::new("."))).map_err(|error| error.to_string());
    #[cfg(feature = "tui")]
    if let Some(name) = &options.server {
        return server::run(name, repository.ok().as_ref()).map(|()| 0);
    }
    let repository = repository?;
    match &options.remote {
        Some(name) => remote::run(name, &repository),
        None => {
            let settings = options.gate.settings();
            let organization = settings.organization.as_ref();
            let organization =
                organization.map(|place| organization::read(place, Some(crate::clock::now()))).transpose()?;
            let repository = match organization {
                Some(organization) => repository.with_organization(organization),
                None => repository,
            };
            Ok(here::run(&repository, &settings, options.repositories.as_deref()))
        }
    }
}
