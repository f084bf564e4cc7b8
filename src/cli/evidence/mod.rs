//! `undersign evidence`: weaker evidence, for machines that sign it and people who look at it.

#[cfg(feature = "tui")]
mod ci;
#[cfg(feature = "tui")]
mod forge;
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
        ["0   it is signed, and sent"],
        "undersign evidence ci --check build --result pass --key /run/secrets/evidence",
        "undersign evidence ci --check build --result fail --key /run/secrets/evidence --commit HEAD --target main"
    ))]
    Ci(ci::Options),
    /// Read approvals of other people on a review server, sign what was read, and send it
    #[cfg(feature = "tui")]
    #[command(after_help = help!(
        ["0   what is new is signed, and sent; or nothing is new"],
        "undersign evidence forge --server work --key /run/secrets/reader",
        "undersign evidence forge --server work --key /run/secrets/reader --request 12"
    ))]
    Forge(forge::Options),
    /// List what was signed, newest first, and whose key signed it
    #[command(after_help = help!(["0   success"], "undersign evidence list --json"))]
    List(list::Options),
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    let here = repository.unwrap_or(Path::new("."));
    match &options.command {
        #[cfg(feature = "tui")]
        Command::Ci(options) => ci::run(options, here),
        #[cfg(feature = "tui")]
        Command::Forge(options) => forge::run(options, here),
        Command::List(options) => list::run(options, here),
    }
}
