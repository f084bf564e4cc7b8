//! `undersign evidence`: weaker evidence, for machines that sign it and people who look at it.

#[cfg(feature = "tui")]
mod ci;
mod list;
#[cfg(feature = "tui")]
mod pen;

use std::path::Path;

use clap::{Args, Subcommand};

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sign the result of a check, with a key that the policy names for it, and send it
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        "0 it is signed, and sent",
        "undersign evidence ci --check build --result pass --key /run/secrets/evidence",
        "undersign evidence ci --check build --result fail --key /run/secrets/evidence --commit HEAD --target main"
    ))]
    Ci(ci::Options),
    /// List what was signed, newest first, and whose key signed it
    #[command(after_help = help!("0", "undersign evidence list --json"))]
    List(list::Options),
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    let here = repository.unwrap_or(Path::new("."));
    match &options.command {
        #[cfg(feature = "tui")]
        Command::Ci(options) => ci::run(options, here),
        Command::List(options) => list::run(options, here),
    }
}
