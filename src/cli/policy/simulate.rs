//! `undersign policy simulate`: what another policy would mean here and now.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::change::visible;
use crate::examination::{self, RepositorySnapshot};
use crate::policy::Policy;
use crate::source::git::Repository;

#[derive(Args)]
pub struct Options {
    /// Revision that holds the policy to start from; by default the policy branch
    #[arg(long, value_name = "REV")]
    from: Option<String>,
    /// Revision that holds the other policy
    #[arg(long, value_name = "REV", required_unless_present = "to_file", conflicts_with = "to_file")]
    to: Option<String>,
    /// The other policy as a file that is not committed yet
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
}

pub fn run(options: &Options, here: &Path) -> Result<(), String> {
    let (repository, snapshot) = RepositorySnapshot::open(here).map_err(|error| error.to_string())?;
    let old = match &options.from {
        Some(rev) => at(&repository, rev)?,
        None => super::in_force(&repository)?,
    };
    let new = match (&options.to, &options.to_file) {
        (Some(rev), _) => at(&repository, rev)?,
        (None, Some(file)) => super::read_file(file, here)??,
        (None, None) => return Err("--to or --to-file says what to compare with.".to_owned()),
    };
    let change = examination::compared(&repository, &snapshot, &old, &new, crate::clock::now())
        .map_err(|error| error.to_string())?;
    outln!("Version {} to version {}: {}.", old.version, new.version, change.headline());
    change.meaning.iter().for_each(|meaning| outln!("  {meaning}"));
    for flip in &change.flips {
        outln!("  {} → {}  {}", flip.from.name(), flip.to.name(), visible::text(&flip.change));
    }
    Ok(())
}

fn at(repository: &Repository, rev: &str) -> Result<Policy, String> {
    let commit = repository.resolve(rev).map_err(|error| error.to_string())?;
    super::found(repository.policy_at(commit).map_err(|error| error.to_string())?, &visible::text(rev))
}
