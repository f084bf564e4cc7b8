//! `undersign key check`: whether a key signs for somebody here, tried out before it is relied on.

use std::path::Path;

use clap::Args;

use super::file::PeopleFile;
use super::pen;
use crate::change::visible;
use crate::clock::now;
use crate::enrolment::request::NAMESPACE;
use crate::policy::Policy;
use crate::random::random;
use crate::record::{Presence, sshsig};

#[derive(Args)]
pub struct Options {
    /// Its file, or a public key that the ssh-agent holds; by default the one that signs here
    #[arg(long, value_name = "FILE")]
    key: Option<String>,
}

pub(super) fn run(options: &Options, here: &Path) -> Result<u8, String> {
    let file = PeopleFile::policy(here)?;
    let policy = file.in_force.as_ref().unwrap_or(&file.policy);
    let key = pen::key(options.key.as_deref(), here)?;
    // Neither a request nor a decision: it begins with no brace.
    let text = format!("undersign key check {}\n", base16ct::lower::encode_string(&random::<16>()?));
    let armor = pen::armored(&key, text.as_bytes())?;
    let verified = sshsig::verify_for(NAMESPACE, &armor, text.as_bytes());
    let (public, token) = verified.map_err(|fault| format!("The signature does not hold: {fault}."))?;
    let print = public.fingerprint();
    let Some((person, own)) = policy.roster.enrolment(&public) else {
        let proposed = file.policy.roster.by_key(&public);
        let hint = match proposed {
            Some(_) => "It is in the policy of your working tree, which has not landed".to_owned(),
            None => "`undersign key enrol` asks for it".to_owned(),
        };
        eprintln!("undersign: {print} signs, and is nobody's in the policy in force. {hint}.");
        return Ok(2);
    };
    if own.unfit(now(), Some(now()), now()).is_some() {
        eprintln!("undersign: {print} is a key of {} that does not count now: {}.", person.id, own.told(now()));
        return Ok(2);
    }
    let level = own.level(token);
    outln!("{print} signs for {} and proves presence {level}; {}.", person.id, own.told(now()));
    if level < own.presence {
        outln!("The roster has it as {}, which this signature did not prove.", own.presence);
    }
    for (compartment, asked) in closed(policy, &person.roles, level) {
        outln!("It fills no slot of {}, which asks for presence {asked}.", visible::text(compartment));
    }
    Ok(0)
}

/// The compartments whose slots the roles fill, and the presence does not.
fn closed<'p>(policy: &'p Policy, roles: &[String], level: Presence) -> Vec<(&'p str, Presence)> {
    let asks = policy.compartments.iter().filter(|compartment| compartment.presence > level);
    let mine = asks.filter(|compartment| compartment.sign.iter().any(|slot| roles.contains(&slot.role)));
    mine.map(|compartment| (compartment.name.as_str(), compartment.presence)).collect()
}
