//! `undersign key lost`: the edit that ends a key which may be in other hands.

use std::path::Path;

use clap::Args;

use super::file::PolicyFile;
use crate::change::visible;
use crate::change::{Identity, counted};
use crate::cli::now;
use crate::config::GitSettings;
use crate::datafile::date;
use crate::enrolment::{self, Fallen, Refusal};
use crate::examination::RepositorySnapshot;
use crate::gate::RecordStatus;
use crate::policy::Policy;
use crate::record::Key;

/// Records that are listed.
const MAX_ROWS: usize = 20;

#[derive(Args)]
pub struct Options {
    /// Whose key, by id in the roster; by default who has git's user.email
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Which key, by the fingerprint that `key list` prints; needed where there are several
    #[arg(long, value_name = "SHA256:…")]
    key: Option<String>,
    /// From when on it may have been in other hands, 2026-11-20T08:00:00Z; by default now
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<i64>,
}

fn time(text: &str) -> Result<i64, String> {
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(jiff::Timestamp::as_second).map_err(|_| "a time with its offset, such as 2026-11-20T08:00:00Z".to_owned())
}

pub(super) fn run(options: &Options, here: &Path) -> Result<u8, String> {
    let file = PolicyFile::open(here)?;
    file.refuse_inherited()?;
    file.tell_of_organization();
    let now = now();
    let since = options.since.unwrap_or(now);
    let person = match &options.person {
        Some(person) => person.clone(),
        None => own_id(&file.policy, here)?,
    };
    let (key, edit) = match enrolment::lost(&file.policy, &person, options.key.as_deref(), since, now) {
        Ok(ended) => ended,
        Err(why) => {
            if matches!(why, Refusal::WhichKey(_) | Refusal::NoKey(..) | Refusal::NoLivingKey(_)) {
                super::list::table(&file.policy, Some(&person));
            }
            return super::refused("key lost", why);
        }
    };
    let (text, new) = match file.edited(std::slice::from_ref(&edit)) {
        Ok(edited) => edited,
        Err(why) => return super::refused("key lost", why),
    };
    file.write(&text)?;
    outln!("The key {} of {person} ends as of {}.", key.fingerprint(), date(since));
    if options.since.is_none() {
        outln!("If it may have been in other hands earlier, take the edit back and say since when, with --since.");
    }
    file.tell_meaning(&new);
    tell_records(&file, &new, &key, since, now)?;
    if !new.roster.by_id(&person).is_some_and(|own| own.keys.iter().any(|key| key.unfit(now, Some(now), now).is_none()))
    {
        outln!("\n{person} has no key left that signs. With a new one: `undersign key enrol --key FILE`.");
    }
    file.tell_way(&new, &format!("key-{person}-lost"), &format!("End a lost key of {person}"));
    Ok(0)
}

/// Who has the address of git's configuration.
fn own_id(policy: &Policy, here: &Path) -> Result<String, String> {
    let email = GitSettings::of(Some(here)).get("user.email").unwrap_or_default().to_owned();
    let known = policy.roster.ids_of(&[Identity { name: String::new(), email }]);
    match (known.len(), known.first()) {
        (1, Some(id)) => Ok((*id).to_owned()),
        _ => Err("Whose key was lost? Say it with --person; `undersign key list` prints the ids.".to_owned()),
    }
}

fn tell_records(file: &PolicyFile, new: &Policy, key: &Key, since: i64, now: i64) -> Result<(), String> {
    let (_, snapshot) = RepositorySnapshot::open(&file.repository.root).map_err(|error| error.to_string())?;
    let Fallen { falls, stays, rejections } = enrolment::fallen([&file.policy, new], &snapshot.chains, key, now);
    outln!("\nOf what it signed, as far as this repository has it:");
    rows(&falls, "falls: dated since then");
    let then = date(since);
    rows(&stays, &format!("stays only where a gate had received it before {then}; a gate without a memory drops it"));
    rows(&rejections, "stays: a rejection stands until somebody takes it over");
    if falls.is_empty() && stays.is_empty() && rejections.is_empty() {
        outln!("  nothing that counts now");
    }
    outln!("What has landed stays landed: `undersign report audit` lists what this key let through.");
    Ok(())
}

fn rows(statuses: &[RecordStatus<'_>], what: &str) {
    if statuses.is_empty() {
        return;
    }
    outln!("  {}: {what}", counted(statuses.len(), "record"));
    for status in statuses.iter().take(MAX_ROWS) {
        let own = status.predicate();
        let id = status.record.id().to_string();
        let target = visible::text(&own.target.name);
        let head = own.head.commit.get(..7).unwrap_or_default();
        outln!("    {}  {}  {} of {head} on {target}", &id[..12], date(own.issued_at.seconds()), own.verdict);
    }
    if statuses.len() > MAX_ROWS {
        outln!("    and {} more: `undersign record list`", statuses.len() - MAX_ROWS);
    }
}
