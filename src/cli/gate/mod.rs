//! `undersign gate`: commands for the machines on which gates run.

mod accept;
mod backup;
pub mod hook;
mod install;
mod keygen;
mod log;
mod probe;
pub mod record;
#[cfg(feature = "serve")]
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
    #[command(after_help = help!(["0   the hook is installed"], "undersign gate install /srv/git/shop.git"))]
    Install(install::Options),
    /// Answer for what protected refs show now: from then on nothing else is a place to begin
    #[command(after_help = help!(["0   it is recorded"], "undersign --repo /srv/git/shop.git gate record"))]
    Record(record::Options),
    /// Answer for a clock that ran ahead, for records that are gone, or for a restored state, so that the gate goes on
    #[command(after_help = help!(
        ["0   it is accepted"],
        "undersign --repo /srv/git/shop.git gate accept --clock --because 'NTP was down'"
    ))]
    Accept(accept::Options),
    /// Copy the gate's state into one file, while the gate is at work; or check such a file
    #[command(after_help = help!(
        ["0   the backup is written, or holds"],
        "undersign --repo /srv/git/shop.git gate backup --to /var/backups/shop.gate",
        "undersign --repo /srv/git/shop.git gate backup --check /var/backups/shop.gate"
    ))]
    Backup(backup::BackupOptions),
    /// Put a backup in the place of a lost state; nothing lands until `gate accept --restored`
    #[command(after_help = help!(
        ["0   it is restored"],
        "undersign --repo /srv/git/shop.git gate restore /var/backups/shop.gate"
    ))]
    Restore(backup::RestoreOptions),
    /// Print the gate's log of verdicts, and check that none was altered or taken out
    #[command(after_help = help!(
        ["0   no line was altered or taken out"],
        "undersign --repo /srv/git/shop.git gate log"
    ))]
    Log(log::Options),
    /// Answer over loopback or a socket file, for hosts that call and do not run hooks
    #[command(after_help = help!(
        ["0   a signal ended it"],
        "undersign gate serve --repositories /srv/git --listen 127.0.0.1:7117"
    ))]
    #[cfg(feature = "serve")]
    Serve(serve::Options),
    /// Make the key that a gate signs verification summaries with
    #[command(after_help = help!(["0   the key is written"], "undersign gate keygen /etc/undersign/gate.key"))]
    Keygen(keygen::Options),
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    match &options.command {
        Command::Install(options) => install::run(options),
        Command::Record(options) => record::run(options, repository.unwrap_or(Path::new("."))),
        Command::Accept(options) => accept::run(options, repository.unwrap_or(Path::new("."))),
        Command::Backup(options) => backup::back_up(options, repository.unwrap_or(Path::new("."))),
        Command::Restore(options) => backup::restore(options, repository.unwrap_or(Path::new("."))),
        Command::Log(options) => log::run(options, repository.unwrap_or(Path::new("."))),
        #[cfg(feature = "serve")]
        Command::Serve(options) => serve::run(options, repository),
        Command::Keygen(options) => keygen::run(options),
    }
}
