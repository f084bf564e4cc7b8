//! `undersign key lost`: the edit that ends a key which may be in other hands, in each file here that has it.

use std::collections::BTreeSet;
use std::path::Path;

use clap::Args;

use super::Edits;
use super::file::{Files, PeopleFile};
use crate::change::visible;
use crate::change::{Identity, counted};
use crate::clock::now;
use crate::config::GitSettings;
use crate::datafile::date;
use crate::enrolment::{self, Fallen, Refusal};
use crate::examination::RepositorySnapshot;
use crate::gate::RecordStatus;
use crate::policy::{Person, Policy};
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

pub(super) fn time(text: &str) -> Result<i64, String> {
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.map(jiff::Timestamp::as_second).map_err(|_| "a time with its offset, such as 2026-11-20T08:00:00Z".to_owned())
}

pub(super) fn run(options: &Options, here: &Path) -> Result<u8, String> {
    let files = Files::open(here)?;
    let own = files.editable(options.person.as_deref())?;
    let now = now();
    let since = options.since.unwrap_or(now);
    let person = match &options.person {
        Some(person) => person.clone(),
        None => own_id(&own, here)?,
    };
    let (key, edits) = match ended(&own, &person, options.key.as_deref(), since, now) {
        Ok(ended) => ended,
        Err(why) => {
            if matches!(why, Refusal::WhichKey(_) | Refusal::NoKey(..) | Refusal::NoLivingKey(_)) {
                own.iter().for_each(|file| super::list::table(&file.policy, Some(&person)));
            }
            return super::refused("key lost", why);
        }
    };
    let edited = match super::edit_all(edits) {
        Ok(edited) => edited,
        Err(why) => return super::refused("key lost", why),
    };
    let edited = super::write_all(edited)?;
    outln!("The key {} of {person} ends as of {}.", key.fingerprint(), date(since));
    if options.since.is_none() {
        outln!("If it may have been in other hands earlier, take the edit back and say since when, with --since.");
    }
    for (file, new) in &edited {
        file.tell_meaning(new);
        if file.is_policy() {
            tell_records(file, new, &key, since, now)?;
        }
        let signs = |own: &Person| own.keys.iter().any(|key| key.unfit(now, Some(now), now).is_none());
        if !new.roster.by_id(&person).is_some_and(signs) {
            let there = if file.is_policy() { String::new() } else { format!(" in {}", file.path()) };
            outln!("\n{person} has no key left{there} that signs. With a new one: `undersign key enrol --key FILE`.");
        }
    }
    if edited.iter().any(|(file, _)| !file.is_policy()) {
        outln!(
            "\nIn repositories that inherit, what the key signed falls or stays by the same rules; `undersign report \
             audit` there lists what it let through."
        );
    }
    files.tell_way(&edited, &format!("key-{person}-lost"), &format!("End a lost key of {person}"));
    Ok(0)
}

/// The key that was lost, and the edit of each file that has it.
fn ended<'f>(
    files: &[&'f PeopleFile],
    person: &str,
    print: Option<&str>,
    since: i64,
    now: i64,
) -> Result<(Key, Vec<Edits<'f>>), Refusal> {
    let mut refused = None;
    let mut keys: Vec<Key> = Vec::new();
    for file in files.iter().filter(|file| file.policy.roster.by_id(person).is_some()) {
        match enrolment::lost(&file.policy, person, print, since, now) {
            Ok((key, _)) if keys.iter().any(|known| known.point() == key.point()) => {}
            Ok((key, _)) => keys.push(key),
            Err(why @ Refusal::WhichKey(_)) => return Err(why),
            Err(why) => _ = refused.get_or_insert(why),
        }
    }
    let key = match &keys[..] {
        [] => return Err(refused.unwrap_or_else(|| Refusal::Nobody(person.to_owned()))),
        [key] => key.clone(),
        _ => return Err(Refusal::WhichKey(person.to_owned())),
    };
    let mut edits = Vec::new();
    for file in files {
        // Where it was retired already, it is lost as well.
        let owner = file.policy.roster.by_id(person);
        let own = owner.and_then(|owner| owner.keys.iter().find(|own| own.key.point() == key.point()));
        let Some(own) = own else { continue };
        match enrolment::lost(&file.policy, person, Some(&own.key.fingerprint()), since, now) {
            Ok((_, edit)) => edits.push((*file, vec![edit])),
            Err(Refusal::Earlier(_)) => {}
            Err(why) => return Err(why),
        }
    }
    Ok((key, edits))
}

/// Who has the address of git's configuration.
fn own_id(files: &[&PeopleFile], here: &Path) -> Result<String, String> {
    let email = GitSettings::of(Some(here)).get("user.email").unwrap_or_default().to_owned();
    let me = [Identity { name: String::new(), email }];
    let known: BTreeSet<&str> = files.iter().flat_map(|file| file.policy.roster.ids_of(&me)).collect();
    match (known.len(), known.first()) {
        (1, Some(id)) => Ok((*id).to_owned()),
        _ => Err("Whose key was lost? Say it with --person; `undersign key list` prints the ids.".to_owned()),
    }
}

fn tell_records(file: &PeopleFile, new: &Policy, key: &Key, since: i64, now: i64) -> Result<(), String> {
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
