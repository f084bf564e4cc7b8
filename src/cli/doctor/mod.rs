//! `undersign doctor`: what of all this is really enforced here.

mod here;
mod remote;

use std::path::Path;

use clap::Args;

use crate::source::git::Repository;

#[derive(Args)]
pub struct Options {
    /// Try out what this remote allows with records, on refs that are thrown away
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    let repository = Repository::open(repository.unwrap_or(Path::new("."))).map_err(|error| error.to_string())?;
    match &options.remote {
        Some(name) => remote::run(name, &repository),
        None => here::run(&repository),
    }
}
