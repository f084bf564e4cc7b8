//! `undersign org`: what an organization asks of each of its repositories.

mod status;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::change::{counted, visible};
use crate::inheritance;
use crate::policy::{ORGANIZATION_FILE, Organization, meaning};

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fetch what is new into a copy of the organization's repository, if its own policy lets it land
    #[command(after_help = help!(["0   the copy is up to date"], "undersign org fetch /var/lib/undersign/acme.git"))]
    Fetch(CopyOptions),
    /// Check the file of an organization: all of its mistakes, each with its line
    #[command(after_help = help!(
        ["0   it is right", "2   it has mistakes"],
        "undersign org check .undersign/organization.toml"
    ))]
    Check(CheckOptions),
    /// Say which repositories keep to an organization: gated, by it, and asking for no less
    #[command(after_help = help!(
        ["0   all keep to them", "2   one does not"],
        "undersign org status --organization /var/lib/undersign/acme.git /srv/git/*.git"
    ))]
    Status(status::Options),
}

#[derive(Args)]
struct CopyOptions {
    /// A bare clone of the organization's repository
    #[arg(value_name = "DIR")]
    copy: PathBuf,
}

#[derive(Args)]
struct CheckOptions {
    /// By default .undersign/organization.toml
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<u8, String> {
    match &options.command {
        Command::Fetch(options) => fetch(options).map(|()| 0),
        Command::Check(options) => check(options.file.as_deref().unwrap_or(Path::new(ORGANIZATION_FILE))),
        Command::Status(options) => status::run(options),
    }
}

fn fetch(options: &CopyOptions) -> Result<(), String> {
    let fetched = inheritance::fetch(&options.copy, crate::clock::now())?;
    let organization = &fetched.organization;
    let (id, version) = (organization.id(), organization.version());
    match fetched.before {
        None => outln!(
            "The copy begins with version {version} of {id}, at commit {}. Nothing vouches for that yet: compare the \
             commit with whoever keeps the organization's repository, since its policy decides what is accepted from \
             now on.",
            fetched.commit
        ),
        Some(before) if before == version => outln!("Version {version} of {id} is still the newest."),
        Some(before) => outln!("Version {version} of {id} was accepted, after version {before}."),
    }
    Ok(())
}

fn check(file: &Path) -> Result<u8, String> {
    let source = std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}.", file.display()))?;
    let organization = match Organization::read(&file.display().to_string(), &source) {
        Ok(organization) => organization,
        Err(mistakes) => {
            eprintln!("undersign: {}", visible::lines(&mistakes.to_string()));
            return Ok(2);
        }
    };
    let rules = organization.rules();
    outln!(
        "{} is right: version {} of the organization {}; {}, {}.",
        file.display(),
        organization.version(),
        organization.id(),
        super::policy::people(rules.roster.people().count()),
        counted(rules.compartments.len(), "compartment")
    );
    for told in crate::policy::unfilled(rules, crate::clock::now()) {
        eprintln!("undersign: {}: {}", file.display(), visible::text(&told));
    }
    if organization.stale().is_none() {
        eprintln!(
            "undersign: {}: `stale` is not set: a copy that is never fetched again counts for ever. `stale = \"7d\"` \
             holds what lands after that.",
            file.display()
        );
    }
    for compartment in &rules.compartments {
        let sign = meaning::slots(&compartment.sign);
        outln!("  {:<16} {:<9} {sign}", compartment.name, compartment.criticality.to_string());
    }
    Ok(0)
}
