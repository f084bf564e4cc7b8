//! `undersign gate`: where gates live.

mod accept;
pub mod install;
mod keygen;
mod log;
mod probe;
mod record;
mod serve;

use std::path::Path;

use clap::{Args, Subcommand};

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Put the gate before a repository, as its pre-receive hook
    Install(install::Options),
    /// Answer for what protected refs show now: from then on nothing else is a place to begin
    Record(record::Options),
    /// Answer for a clock that ran ahead, or for records that are gone, so that the gate goes on
    Accept(accept::Options),
    /// Print the gate's log of verdicts, and check that none was altered or taken out
    Log(log::Options),
    /// Answer over loopback or a socket file, for hosts that call and do not run hooks
    Serve(serve::Options),
    /// Make the key that a gate signs verification summaries with
    Keygen(keygen::Options),
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    match &options.command {
        Command::Install(options) => install::run(options),
        Command::Record(options) => record::run(options, repository.unwrap_or(Path::new("."))),
        Command::Accept(options) => accept::run(options, repository.unwrap_or(Path::new("."))),
        Command::Log(options) => log::run(options, repository.unwrap_or(Path::new("."))),
        Command::Serve(options) => serve::run(options, repository),
        Command::Keygen(options) => keygen::run(options),
    }
}
