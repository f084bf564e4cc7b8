//! `undersign sync`: decisions to and from a remote.

use std::path::Path;

use clap::Args;

use crate::source::git::Repository;
use crate::sync::{Prompts, Remote};

#[derive(Args)]
pub struct Options {
    /// Which remote; by default origin, or the only one
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Send again what the remote had and has lost
    #[arg(long)]
    restore: bool,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    let repository = Repository::open(repository.unwrap_or(Path::new("."))).map_err(|error| error.to_string())?;
    let remote = Remote::find(&repository, options.remote.as_deref(), Prompts::Allowed)?;
    let report = remote.sync(options.restore)?;
    outln!("{}: {report}.", remote.name);
    match report.alarms.len() {
        0 => Ok(()),
        _ => Err(report.alarms.join("\nundersign: ")),
    }
}
