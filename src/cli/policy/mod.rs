//! `undersign policy`: checks, explains, simulates and imports the rules.

mod command;
mod explain;
mod import;
mod simulate;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::change::{counted, visible};
use crate::policy::{self, Policy, SERVICES_FILE, Services, meaning};
use crate::source::git::{POLICY_PATH, PolicyState, Repository};

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say whether a policy file is right, or all of its mistakes: 0 right, 2 not
    #[command(after_help = help!(
        ["0   it is right", "2   it has mistakes"],
        "undersign policy check .undersign/policy.toml"
    ))]
    Check(CheckOptions),
    /// Say what paths need, or a command at a target, and who could sign for it
    #[command(after_help = help!(["0   success"], "undersign policy explain --author mina@example.com src/lib.rs"))]
    Explain(explain::Options),
    /// Say what another policy would mean, and which open changes it would turn
    #[command(after_help = help!(["0   success"], "undersign policy simulate --to-file next-policy.toml"))]
    Simulate(simulate::Options),
    /// Make compartments of a CODEOWNERS file, and list what of it could not be kept
    #[command(after_help = help!(["0   success"], "undersign policy import .github/CODEOWNERS"))]
    Import(import::Options),
}

#[derive(Args)]
struct CheckOptions {
    /// A policy, or a services.toml. By default .undersign/policy.toml of the repository's directory; a services.toml
    /// beside a policy is checked with it
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<u8, String> {
    let here = repository.unwrap_or(Path::new("."));
    match &options.command {
        Command::Check(options) => check(options, here),
        Command::Explain(options) => explain::run(options, here).map(|()| 0),
        Command::Simulate(options) => simulate::run(options, here).map(|()| 0),
        Command::Import(options) => import::run(options).map(|()| 0),
    }
}

fn check(options: &CheckOptions, here: &Path) -> Result<u8, String> {
    let file = match &options.file {
        Some(file) => file.clone(),
        None => own_file(here)?,
    };
    if file.file_name() == services_name() {
        return check_services(&file, None);
    }
    let beside = services_name().map(|name| file.with_file_name(name)).filter(|beside| beside.exists());
    let mut code = 0;
    let policy = match read_file(&file, here)? {
        Ok(policy) => {
            code = told(&file, &policy);
            Some(policy)
        }
        Err(mistakes) => {
            eprintln!("undersign: {mistakes}");
            code = code.max(2);
            None
        }
    };
    let of_services = beside.map(|beside| check_services(&beside, policy.as_ref())).transpose()?;
    Ok(code.max(of_services.unwrap_or(0)))
}

fn services_name() -> Option<&'static OsStr> {
    Path::new(SERVICES_FILE).file_name()
}

/// Says what a policy without mistakes asks for.
fn told(file: &Path, policy: &Policy) -> u8 {
    if policy.inherited.as_ref().is_some_and(|inherited| !inherited.weaker.is_empty()) {
        weaker(file, policy);
        return 2;
    }
    outln!(
        "{} is right: version {} of {}; {}, {}.",
        file.display(),
        policy.version,
        policy.repository,
        people(policy.roster.people().count()),
        counted(policy.compartments.len(), "compartment")
    );
    for compartment in &policy.compartments {
        let evidence = compartment.evidence.iter().map(|need| format!(" and {need}")).collect::<String>();
        let sign = meaning::slots(&compartment.sign) + &evidence;
        outln!("  {:<16} {:<9} {sign}", compartment.name, compartment.criticality.to_string());
    }
    for advice in policy::advice(policy, crate::clock::now()) {
        eprintln!("undersign: {}: {}", file.display(), visible::text(&advice));
    }
    0
}

/// Checks a file of services, of which a policy may say who signs for it.
fn check_services(file: &Path, policy: Option<&Policy>) -> Result<u8, String> {
    let source = std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}.", file.display()))?;
    match Services::read(&file.display().to_string(), &source) {
        Ok(services) => {
            outln!("{} is right: {}.", file.display(), counted(services.all().len(), "service"));
            services.all().iter().for_each(|service| outln!("  {:<16} tier {}", service.name, service.tier));
            let advice = policy.and_then(policy::services_file);
            advice.iter().for_each(|advice| eprintln!("undersign: {}: {}", file.display(), visible::text(advice)));
            Ok(0)
        }
        Err(mistakes) => {
            eprintln!("undersign: {}", visible::lines(&mistakes.to_string()));
            Ok(2)
        }
    }
}

/// Where a policy asks for less than its organization.
fn weaker(file: &Path, policy: &Policy) {
    let weaker = policy.inherited.iter().flat_map(|inherited| &inherited.weaker);
    let lines = weaker.map(|weaker| format!("\n  line {}: {}", weaker.line, visible::text(&weaker.text)));
    eprintln!(
        "undersign: {} asks for less than the organization, and does not land so:{}",
        file.display(),
        lines.collect::<String>()
    );
}

/// The policy file of the work tree.
fn own_file(here: &Path) -> Result<PathBuf, String> {
    let repository = Repository::open(here).map_err(|error| error.to_string())?;
    let file = repository.root.join(POLICY_PATH);
    if file.exists() {
        Ok(file)
    } else {
        Err(format!("There is no {}. `undersign init` writes a first policy.", file.display()))
    }
}

pub(super) fn people(n: usize) -> String {
    if n == 1 { "1 person".to_owned() } else { format!("{n} people") }
}

/// A policy file: the policy, or its mistakes; an error where it cannot be read at all.
fn read_file(file: &Path, here: &Path) -> Result<Result<Policy, String>, String> {
    let source = std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}.", file.display()))?;
    let organization = Repository::open(here).ok().map(|repository| repository.organization()).transpose()?.flatten();
    let parsed = Policy::read(&file.display().to_string(), &source, organization.as_deref());
    Ok(parsed.map_err(|error| visible::lines(&error.to_string())))
}

/// The policy that is in force: of the policy branch.
fn in_force(repository: &Repository) -> Result<Policy, String> {
    let policy_branch = repository.target().map_err(|error| error.to_string())?;
    found(
        repository.policy_at(policy_branch.tip).map_err(|error| error.to_string())?,
        &visible::text(&policy_branch.name),
    )
}

fn found(state: PolicyState, place: &str) -> Result<Policy, String> {
    match state {
        PolicyState::Found(policy) => Ok(*policy),
        PolicyState::Absent => Err(format!(
            "There is no {POLICY_PATH} on {place}. `undersign init` writes one; commit it, and push it \
             there."
        )),
        PolicyState::Invalid(error) => Err(visible::lines(&error.to_string())),
    }
}
