//! Requests of agents that have nothing but a git remote: files on branches that the settings name. For whom they are
//! is only claimed, and each file is admitted once: the chain says which were.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
/// Where their copies are kept.
const COPIES: &str = "refs/undersign/drafts/";
/// Where requests are, on a branch.
const FOLDER: &str = ".undersign/requests";
/// The most branches, and the most files of each, that are read.
const MAX: usize = 64;

/// A request on a branch.
struct Found {
    asker: Asker,
    text: Vec<u8>,
}

/// Looks for requests until the program ends.
pub(super) fn watch(broker: &Broker) {
    let mut refused: BTreeSet<String> = BTreeSet::new();
    loop {
        if let Err(why) = broker.look_at_branches(&mut refused) {
            eprintln!("undersign: branches with requests cannot be read: {why}");
        }
        std::thread::sleep(EACH);
    }
}

impl Broker {
    fn look_at_branches(&self, refused: &mut BTreeSet<String>) -> Result<(), String> {
        let repository = self.repository()?;
        if let Some(remote) = &self.settings.remote {
            let specs: Vec<String> = self.settings.branches.keys().map(|name| spec(name)).collect();
            fetch_refs(&repository, remote, &specs, Prompts::Never)?;
        }
        for Found { asker, text } in self.found(&repository)? {
            if refused.contains(&asker.by) || self.has_admitted(&asker.by) {
                continue;
            }
            let by = asker.by.clone();
            let reply = match serde_json::from_slice::<Draft>(&text) {
                Ok(draft) => self.admit(&draft, &asker),
                Err(error) => *super::wire::Reply::refused(64, "ARGV", format!("It is no request: {error}.")),
            };
            eprintln!("undersign: {}: {}", visible::text(&by), visible::lines(&reply.text));
            // What cannot be decided now, or is too much now, is looked at again.
            if matches!(reply.code, 2 | 64) {
                refused.insert(by);
            }
        }
        Ok(())
    }

    fn has_admitted(&self, by: &str) -> bool {
        let known = self.known();
        known.own.records.iter().any(|record| record.run().admitted().is_some_and(|request| request.asked.by == by))
    }

    /// All files that may be requests.
    fn found(&self, repository: &Repository) -> Result<Vec<Found>, String> {
        let mut found = Vec::new();
        for (name, commit) in self.tips(repository)? {
            let Some(operator) = owner(&self.settings.branches, &name) else { continue };
            for text in files(repository, commit) {
                let by = format!("file {} of branch {name}", Digest::of(&text));
                let asker = Asker { uid: None, by, operator: Some(operator.clone()), proof: Proof::Claimed };
                found.push(Found { asker, text });
            }
        }
        Ok(found)
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
        tips.retain(|(name, _)| owner(&self.settings.branches, name).is_some());
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

/// The files of a commit that are small enough to be requests.
fn files(repository: &Repository, commit: git2::Oid) -> Vec<Vec<u8>> {
    let tree = repository.raw.find_commit(commit).and_then(|commit| commit.tree());
    let folder =
        tree.and_then(|tree| tree.get_path(FOLDER.as_ref())).and_then(|entry| repository.raw.find_tree(entry.id()));
    let (Ok(folder), Ok(odb)) = (folder, repository.raw.odb()) else { return Vec::new() };
    let is_request = |entry: &git2::TreeEntry<'_>| {
        let is_small = odb.read_header(entry.id()).is_ok_and(|(size, _)| size as u64 <= MAX_ASK);
        entry.name_bytes().ends_with(b".json") && entry.filemode() == 0o100_644 && is_small
    };
    let text = |entry: git2::TreeEntry<'_>| Some(repository.raw.find_blob(entry.id()).ok()?.content().to_vec());
    folder.iter().filter(is_request).take(MAX).filter_map(text).collect()
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
