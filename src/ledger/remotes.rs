//! Whose copies of chains count beside those of the repository itself: those of the remotes that are configured, and of
//! those that were, as far as this clone exchanged records with them. Anybody who serves a mirror can write refs that
//! look as if they had come from a remote.

use std::collections::BTreeSet;

use git2::{Direction, Oid};

use super::REMOTES_PREFIX;
use crate::change::{shown_operand, shown_word, visible};
use crate::disk::{read_small, write_atomically};
use crate::gate::ref_names::{AUTHORIZATIONS, COMMAND_DRILLS, DECISIONS, DRILLS, EVIDENCE, OUTCOMES, RUNS};
use crate::record::ChainId;
use crate::source::git::{GitError, Repository};

/// In the git directory: the names of the remotes with which records were exchanged, one a line.
const NOTED: &str = "undersign/remotes";
/// The most bytes of it.
const MAX_NOTED: u64 = 64 << 10;
/// The families of chains.
const FAMILIES: [&str; 7] = [DECISIONS, AUTHORIZATIONS, RUNS, OUTCOMES, EVIDENCE, DRILLS, COMMAND_DRILLS];
/// Where branches of chains are kept that no longer count, and those that removed remotes left.
const GIVEN_UP: &str = "refs/undersign/given-up/";
const GIVEN_UP_REMOTES: &str = "refs/undersign/given-up/remotes/";

/// A chain that a remote was last seen to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    pub remote: String,
    /// The full name of the ref.
    pub name: String,
}

/// Also those that have another name now, or are no more: what they were seen to have is as it was, and the next fetch
/// may be long in coming.
pub(super) fn remote_names(repository: &Repository) -> Result<BTreeSet<String>, GitError> {
    let mut names = configured(repository)?;
    names.extend(noted(repository));
    Ok(names)
}

fn configured(repository: &Repository) -> Result<BTreeSet<String>, GitError> {
    Ok(repository.raw.remotes()?.iter().flatten().flatten().map(str::to_owned).collect())
}

fn noted(repository: &Repository) -> BTreeSet<String> {
    let path = repository.common_dir().join(NOTED);
    if !path.exists() {
        return from_refs(repository).unwrap_or_default();
    }
    let bytes = read_small(&path, MAX_NOTED);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines().filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Those of which refs are here, in a clone in which no version noted any yet: earlier ones did not. Not where git
/// itself fetches into these refs, as a mirror does: they may be whatever somebody wrote there.
fn from_refs(repository: &Repository) -> Result<BTreeSet<String>, git2::Error> {
    let mut names = BTreeSet::new();
    for name in repository.raw.remotes()?.iter().flatten().flatten() {
        let remote = repository.raw.find_remote(name)?;
        let is_own =
            |to: &str| to.starts_with("refs/heads/") || to.starts_with("refs/remotes/") || to.starts_with("refs/tags/");
        if remote.refspecs().any(|spec| spec.direction() == Direction::Fetch && !spec.dst().is_ok_and(is_own)) {
            return Ok(names);
        }
    }
    for reference in repository.raw.references_glob(&format!("{REMOTES_PREFIX}*"))? {
        let name = String::from_utf8_lossy(reference?.name_bytes()).into_owned();
        let rest = name.strip_prefix(REMOTES_PREFIX).unwrap_or_default();
        let folders = FAMILIES.iter().filter_map(|prefix| prefix.strip_prefix("refs/undersign"));
        names.extend(folders.filter_map(|folder| Some(rest.rsplit_once(folder)?.0.to_owned())));
    }
    Ok(names)
}

fn note_all(repository: &Repository, names: &BTreeSet<String>) -> Result<(), String> {
    let path = repository.common_dir().join(NOTED);
    let text: String = names.iter().map(|name| format!("{name}\n")).collect();
    write_atomically(&path, text.as_bytes()).map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}

/// Notes that records are exchanged with a remote, so that what it was seen to have counts when it is removed.
///
/// # Errors
/// A sentence: the note cannot be written.
pub fn note_remote(repository: &Repository, name: &str) -> Result<(), String> {
    let mut names = noted(repository);
    if names.insert(name.to_owned()) { note_all(repository, &names) } else { Ok(()) }
}

/// The remote that is the project, if no records were ever exchanged with it: that none are here says nothing of it.
/// A bare repository is where others fetch from.
pub fn never_read(repository: &Repository) -> Option<String> {
    let project = repository.project().ok()?.filter(|_| !repository.is_bare())?;
    (!noted(repository).contains(&project)).then_some(project)
}

/// The same in words, for a person.
pub fn told_unread(remote: &str) -> String {
    format!("No decisions were ever fetched from {}. `undersign sync` fetches them.", visible::text(remote))
}

/// What remotes that are configured no more were seen to have of a chain, of any family.
///
/// # Errors
/// The remotes or their refs cannot be read.
pub fn left_of(repository: &Repository, id: &ChainId) -> Result<Vec<Left>, GitError> {
    let configured = configured(repository)?;
    let mut found = Vec::new();
    for remote in noted(repository).into_iter().filter(|name| !configured.contains(name)) {
        found.extend(kept_of(repository, &remote)?.into_iter().filter(|left| left.name.ends_with(&format!("/{id}"))));
    }
    Ok(found)
}

/// What ends a fault that removed remotes left, as a sentence that begins with a blank; empty if they left nothing.
pub fn way_out(repository: &Repository, id: &ChainId) -> String {
    let told = left_of(repository, id).unwrap_or_default();
    let told = told.iter().map(|left| {
        let [name, remote] = [&left.name, &left.remote].map(|text| visible::text(text));
        format!(
            " One copy of it is what the removed remote {remote} was last seen to have, {name}: `undersign sync --forget \
             {}` puts that one away.",
            shown_word(&left.remote)
        )
    });
    told.collect()
}

/// All chains that a remote was last seen to have, also damaged ones.
fn kept_of(repository: &Repository, remote: &str) -> Result<Vec<Left>, GitError> {
    let mut found = Vec::new();
    for family in FAMILIES {
        let folder = family.strip_prefix("refs/undersign/").unwrap_or(family);
        for prefix in [folder.to_owned(), format!("damaged/{folder}")] {
            for reference in repository.raw.references_glob(&format!("{REMOTES_PREFIX}{remote}/{prefix}*"))? {
                let name = String::from_utf8_lossy(reference?.name_bytes()).into_owned();
                found.push(Left { remote: remote.to_owned(), name });
            }
        }
    }
    Ok(found)
}

/// What became of the chains that a removed remote was seen to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// How many were put away.
    pub away: usize,
    /// The full names of refs with chains that are nowhere else: they count on.
    pub kept: Vec<String>,
}

/// Puts away what a removed remote was last seen to have, so that it no longer counts. A chain of which nothing else is
/// here stays: a rejection in it would be unseen from then on.
///
/// # Errors
/// A sentence: the remote is still there, nothing of it is known, or a ref cannot be moved.
pub fn forget_remote(repository: &Repository, remote: &str) -> Result<Forgotten, String> {
    let shown = visible::text(remote).into_owned();
    let told = |error: GitError| error.to_string();
    if configured(repository).map_err(told)?.contains(remote) {
        return Err(format!(
            "{shown} is a remote of this repository, and the next sync would bring the same again. `git remote remove \
             {}` first, if it is not to count.",
            shown_operand(remote)
        ));
    }
    let mut names = noted(repository);
    if !names.remove(remote) {
        let known = names.iter().map(|name| visible::text(name).into_owned()).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        return Err(format!("No records were exchanged with a remote {shown}. With which they were: {known}."));
    }
    let mut forgotten = Forgotten::default();
    for Left { name, .. } in kept_of(repository, remote).map_err(told)? {
        if !is_elsewhere(repository, remote, &name).map_err(told)? {
            forgotten.kept.push(name);
            continue;
        }
        let failed = |error: git2::Error| format!("{} cannot be put away: {}.", visible::text(&name), error.message());
        let mut reference = repository.raw.find_reference(&name).map_err(failed)?;
        if let Some(tip) = reference.target() {
            // With its tip: the same remote may be forgotten again.
            let rest = name.strip_prefix(REMOTES_PREFIX).unwrap_or(&name);
            let away = format!("{GIVEN_UP_REMOTES}{rest}/{}", &tip.to_string()[..12]);
            repository.raw.reference(&away, tip, true, "undersign: forget").map_err(failed)?;
        }
        reference.delete().map_err(failed)?;
        forgotten.away += 1;
    }
    if forgotten.kept.is_empty() {
        note_all(repository, &names)?;
    }
    Ok(forgotten)
}

/// Whether something of the chain in a ref of a remote is here besides: the clone's own, or what another remote has.
/// What arrived damaged never counted.
fn is_elsewhere(repository: &Repository, remote: &str, name: &str) -> Result<bool, GitError> {
    let rest = name.strip_prefix(REMOTES_PREFIX).and_then(|rest| rest.strip_prefix(remote)).unwrap_or_default();
    if rest.starts_with("/damaged/") {
        return Ok(true);
    }
    let mut others = remote_names(repository)?;
    others.remove(remote);
    let copies = others.iter().map(|other| format!("{REMOTES_PREFIX}{other}{rest}"));
    Ok(copies.chain([format!("refs/undersign{rest}")]).any(|copy| repository.tip(&copy).is_some()))
}

/// Keeps a branch of a chain that a repair gave up: nothing reads it, and nothing is lost.
///
/// # Errors
/// The ref cannot be written.
pub fn keep_given_up(repository: &Repository, id: &ChainId, tip: Oid) -> Result<(), git2::Error> {
    let kept = format!("{GIVEN_UP}{id}/{}", &tip.to_string()[..12]);
    repository.raw.reference(&kept, tip, true, "undersign: repair").map(|_| ())
}
