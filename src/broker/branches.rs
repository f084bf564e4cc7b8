//! Requests of agents that have nothing but a git remote: files on branches that the settings name. For whom they are
//! is only claimed, and each file is admitted once: the chain says which were.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Broker;
use super::admit::Asker;
use super::wire::{Draft, MAX_ASK};
use crate::change::digest::Digest;
use crate::change::visible;
use crate::command::request::Proof;
use crate::source::git::Repository;
use crate::sync::{Prompts, fetch_refs};

/// How often branches are looked at.
const EACH: Duration = Duration::from_secs(5);
/// How long a file is left alone that could not be admitted for the moment.
const LATER: Duration = Duration::from_secs(60);
/// The longest name of a branch, in bytes: it is part of a request.
const MAX_NAME: usize = 200;
/// Where their copies are kept.
const COPIES: &str = "refs/undersign/drafts/";
/// Where requests are, on a branch.
const FOLDER: &str = ".undersign/requests";
/// The most branches, and the most files of each, that are read.
const MAX: usize = 64;

/// A file on a branch: the branch, and the id of the blob.
type File = (String, git2::Oid);

/// What was answered to files since the program began. The chain says what was admitted before.
#[derive(Default)]
struct Answered {
    /// For good.
    done: BTreeSet<File>,
    /// Not before then.
    later: BTreeMap<File, Instant>,
}

/// Looks for requests until the program ends.
pub(super) fn watch(broker: &Broker) {
    let mut answered = Answered::default();
    loop {
        if let Err(why) = broker.look_at_branches(&mut answered) {
            eprintln!("undersign: branches with requests cannot be read: {why}");
        }
        std::thread::sleep(EACH);
    }
}

impl Broker {
    fn look_at_branches(&self, answered: &mut Answered) -> Result<(), String> {
        let repository = self.repository()?;
        if let Some(remote) = &self.settings.remote {
            let specs: Vec<String> = self.settings.branches.keys().map(|name| spec(name)).collect();
            fetch_refs(&repository, remote, &specs, Prompts::Never)?;
        }
        let mut there: BTreeSet<File> = BTreeSet::new();
        for (name, commit) in self.tips(&repository)? {
            there.extend(files(&repository, commit).into_iter().map(|blob| (name.clone(), blob)));
        }
        answered.done.retain(|file| there.contains(file));
        answered.later.retain(|file, _| there.contains(file));
        let now = Instant::now();
        let is_open = |file: &&File| {
            !answered.done.contains(*file) && answered.later.get(*file).is_none_or(|until| *until <= now)
        };
        // Nobody's files hold up those of others: one of each branch at a time.
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let open: Vec<File> =
            there.iter().filter(is_open).filter(|file| taken.insert(file.0.clone())).cloned().collect();
        for file in open {
            match self.look_at(&repository, &file) {
                true => _ = answered.done.insert(file),
                false => _ = answered.later.insert(file, Instant::now() + LATER),
            }
        }
        Ok(())
    }

    /// Admits a file, and says whether that is all about it: what is undecidable, or too much, is looked at again.
    fn look_at(&self, repository: &Repository, (name, blob): &File) -> bool {
        let (Some(operator), Ok(blob)) = (owner(&self.settings.branches, name), repository.raw.find_blob(*blob)) else {
            return true;
        };
        let by = format!("file {} of branch {name}", Digest::of(blob.content()));
        if self.has_admitted(&by) {
            return true;
        }
        let reply = match serde_json::from_slice::<Draft>(blob.content()) {
            Ok(draft) => {
                let asker = Asker { uid: None, by: by.clone(), operator: Some(operator), proof: Proof::Claimed };
                self.admit(&draft, &asker)
            }
            Err(error) => *super::wire::Reply::refused(64, "ARGV", format!("It is not a request: {error}.")),
        };
        eprintln!("undersign: {}: {}", visible::text(&by), visible::lines(&reply.text));
        matches!(reply.code, 0 | 2 | 64)
    }

    fn has_admitted(&self, by: &str) -> bool {
        let known = self.known();
        known.own.records.iter().any(|record| record.run().admitted().is_some_and(|request| request.asked.by == by))
    }

    /// The branches, by their names at the remote.
    fn tips(&self, repository: &Repository) -> Result<Vec<(String, git2::Oid)>, String> {
        let prefix = if self.settings.remote.is_some() { COPIES } else { "refs/" };
        let failed = |error: git2::Error| error.message().to_owned();
        let mut tips = Vec::new();
        for reference in repository.raw.references_glob(&format!("{prefix}heads/*")).map_err(failed)? {
            let reference = reference.map_err(failed)?;
            let (Ok(name), Some(tip)) = (std::str::from_utf8(reference.name_bytes()), reference.target()) else {
                continue;
            };
            tips.push((format!("refs/{}", &name[prefix.len()..]), tip));
        }
        tips.retain(|(name, _)| name.len() <= MAX_NAME && owner(&self.settings.branches, name).is_some());
        tips.truncate(MAX);
        Ok(tips)
    }
}

/// What git is asked for: always a pattern, since a branch that is not there would be an error.
fn spec(name: &str) -> String {
    let start = name.trim_end_matches('*');
    format!("+{start}*:{COPIES}{}*", start.strip_prefix("refs/").unwrap_or(start))
}

/// The person whose the settings say a branch is: by its own name, else by the longest beginning.
fn owner(branches: &BTreeMap<String, String>, name: &str) -> Option<String> {
    let fits = |pattern: &str| pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start));
    let found = branches.iter().filter(|(pattern, _)| fits(pattern));
    found.max_by_key(|(pattern, _)| (!pattern.ends_with('*'), pattern.len())).map(|(_, operator)| operator.clone())
}

/// The files of a commit that are small enough to be requests, unread.
fn files(repository: &Repository, commit: git2::Oid) -> Vec<git2::Oid> {
    let tree = repository.raw.find_commit(commit).and_then(|commit| commit.tree());
    let entry = tree.and_then(|tree| tree.get_path(FOLDER.as_ref()));
    let (Ok(folder), Ok(odb)) = (entry.and_then(|entry| repository.raw.find_tree(entry.id())), repository.raw.odb())
    else {
        return Vec::new();
    };
    let is_request = |entry: &git2::TreeEntry<'_>| {
        let is_small = odb.read_header(entry.id()).is_ok_and(|(size, _)| size as u64 <= MAX_ASK);
        entry.name_bytes().ends_with(b".json") && entry.filemode() == 0o100_644 && is_small
    };
    folder.iter().filter(is_request).take(MAX).map(|entry| entry.id()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_whose_the_closest_pattern_says() {
        let given =
            [("refs/heads/agents/*", "mina"), ("refs/heads/agents/dana/*", "dana"), ("refs/heads/agents/x", "rahim")];
        let branches = given.map(|(pattern, who)| (pattern.to_owned(), who.to_owned())).into();
        for (name, who) in [
            ("refs/heads/agents/a", Some("mina")),
            ("refs/heads/agents/dana/a", Some("dana")),
            ("refs/heads/agents/x", Some("rahim")),
            ("refs/heads/agents/x2", Some("mina")),
            ("refs/heads/main", None),
        ] {
            assert_eq!(owner(&branches, name).as_deref(), who, "{name}");
        }
    }
}
