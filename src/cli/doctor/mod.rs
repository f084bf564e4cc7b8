//! `undersign doctor`: what is really enforced here.

mod here;
mod remote;
#[cfg(feature = "tui")]
mod server;

use std::path::Path;

use clap::Args;

pub use here::faults_of_hook;

use crate::source::git::Repository;

#[derive(Args)]
pub struct Options {
    /// Try out what this remote allows with records, on refs that are thrown away
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Say what works with this review server of config.toml, and with which account
    #[cfg(feature = "tui")]
    #[arg(long, value_name = "NAME", conflicts_with = "remote")]
    server: Option<String>,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    let repository = Repository::open(repository.unwrap_or(Path::new("."))).map_err(|error| error.to_string());
    #[cfg(feature = "tui")]
    if let Some(name) = &options.server {
        return server::run(name, repository.ok().as_ref());
    }
    let repository = repository?;
    match &options.remote {
        Some(name) => remote::run(name, &repository),
        None => here::run(&repository),
    }
}
