//! `undersign key list`: the keys of the roster.

use std::path::Path;

use clap::Args;

use super::file::{Files, PeopleFile};
use crate::change::visible;
use crate::clock::now;
use crate::policy::Policy;

#[derive(Args)]
pub struct Options {
    /// Only those of one person, by id
    #[arg(long, value_name = "ID")]
    person: Option<String>,
}

pub(super) fn run(options: &Options, here: &Path) -> Result<(), String> {
    let files = Files::open(here)?;
    let person = options.person.as_deref();
    let rosters: Vec<(&PeopleFile, &Policy)> = std::iter::once(&files.policy)
        .chain(&files.organization)
        .map(|file| (file, file.in_force.as_ref().unwrap_or(&file.policy)))
        .collect();
    let has = |policy: &Policy| person.is_none_or(|id| policy.roster.by_id(id).is_some());
    if let Some(person) = person.filter(|_| !rosters.iter().any(|(_, policy)| has(policy))) {
        return Err(format!("Nobody has the id {} in the roster.", visible::text(person)));
    }
    for (file, policy) in rosters.iter().filter(|(_, policy)| has(policy)) {
        if rosters.len() > 1 {
            outln!("In {}, of {}:", file.path(), policy.repository);
        }
        table(policy, person);
    }
    if let Some(defined) = files.policy.defined_elsewhere(person) {
        outln!("{defined}");
    }
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
