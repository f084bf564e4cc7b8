//! `undersign key leave`: the edit that ends all keys of somebody who leaves, in each file here that has any.

use std::path::Path;

use clap::Args;

use super::Edits;
use super::file::{Files, PeopleFile};
use crate::change::counted;
use crate::clock::now;
use crate::datafile::date;
use crate::enrolment::{self, Edit, Refusal, fallen};
use crate::examination::RepositorySnapshot;
use crate::policy::Policy;

#[derive(Args)]
pub struct Options {
    /// Who leaves, by id in the roster
    #[arg(long, value_name = "ID")]
    person: String,
    /// From when on their keys sign no longer, 2026-11-30T17:00:00Z, at most 90 days ahead; by default now
    #[arg(long, value_name = "TIME", value_parser = super::lost::time)]
    at: Option<i64>,
}

pub(super) fn run(options: &Options, here: &Path) -> Result<u8, String> {
    let files = Files::open(here)?;
    let own = files.editable(Some(&options.person))?;
    let (person, now) = (&options.person, now());
    let at = options.at.unwrap_or(now);
    let edits = match ends(&own, person, at, now) {
        Ok(edits) => edits,
        Err(why) => return super::refused("key leave", why),
    };
    let keys: Vec<Edit> = edits.iter().flat_map(|(_, edits)| edits.clone()).collect();
    let edited = match super::edit_all(edits) {
        Ok(edited) => edited,
        Err(why) => return super::refused("key leave", why),
    };
    let edited = super::write_all(edited)?;
    outln!(
        "The keys of {person} end as of {}. They stay in the roster, so that their records keep their owner.",
        date(at)
    );
    for (file, new) in &edited {
        file.tell_meaning(new);
        if file.is_policy() {
            tell_records(file, new, &keys, now)?;
        }
    }
    files.tell_way(&edited, &format!("key-{person}-leaves"), &format!("End the keys of {person}, who leaves"));
    Ok(0)
}

/// The edits of each file that has keys of the person which go on.
fn ends<'f>(files: &[&'f PeopleFile], person: &str, at: i64, now: i64) -> Result<Vec<Edits<'f>>, Refusal> {
    let (mut edits, mut refused) = (Vec::new(), None);
    for file in files {
        match enrolment::leave(&file.policy, person, at, now) {
            Ok(own) => edits.push((*file, own)),
            Err(Refusal::Nobody(_)) => {}
            Err(why) => refused = Some(why),
        }
    }
    match edits.is_empty() {
        true => Err(refused.unwrap_or_else(|| Refusal::Nobody(person.to_owned()))),
        false => Ok(edits),
    }
}

/// What becomes of what the person signed, as far as this repository has it.
fn tell_records(file: &PeopleFile, new: &Policy, edits: &[Edit], now: i64) -> Result<(), String> {
    let (_, snapshot) = RepositorySnapshot::open(&file.repository.root).map_err(|error| error.to_string())?;
    let (mut falls, mut stays, mut rejections) = (0, 0, 0);
    for edit in edits {
        let Edit::EndKey { key, .. } = edit else { continue };
        let of_key = fallen([&file.policy, new], &snapshot.chains, key, now);
        falls += of_key.falls.len();
        stays += of_key.stays.len();
        rejections += of_key.rejections.len();
    }
    outln!("\nOf what they signed, as far as this repository has it:");
    outln!("  {}: dated after the end, and falls", counted(falls, "record"));
    outln!("  {}: stays where a gate received it before the end", counted(stays, "record"));
    let standing = counted(rejections, "rejection");
    outln!("  {standing}: stands until somebody takes it over (`undersign record hand-over`)");
    Ok(())
}
