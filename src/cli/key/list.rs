//! `undersign key list`: the keys of the roster.

use std::path::Path;

use clap::Args;

use super::file::PolicyFile;
use crate::change::visible;
use crate::cli::now;
use crate::policy::Policy;

#[derive(Args)]
pub struct Options {
    /// Only those of one person, by id
    #[arg(long, value_name = "ID")]
    person: Option<String>,
}

pub(super) fn run(options: &Options, here: &Path) -> Result<(), String> {
    let file = PolicyFile::open(here)?;
    let policy = file.in_force.as_ref().unwrap_or(&file.policy);
    if let Some(person) = options.person.as_ref().filter(|person| policy.roster.by_id(person).is_none()) {
        return Err(format!("Nobody has the id {} in the roster.", visible::text(person)));
    }
    table(policy, options.person.as_deref());
    Ok(())
}

/// One line for each key.
pub(super) fn table(policy: &Policy, person: Option<&str>) {
    let shown = || policy.roster.people().filter(|own| person.is_none_or(|id| own.id == id));
    let width = shown().map(|person| person.id.len()).max().unwrap_or_default();
    for person in shown() {
        for own in &person.keys {
            let print = own.key.fingerprint();
            let presence = own.presence.to_string();
            outln!("{:<width$}  {print}  {:<9}  {}  {}", person.id, presence, own.told(now()), own.key.kind().name());
        }
    }
}
