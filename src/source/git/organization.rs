//! Where the file of an organization is: in a repository of its own, in a copy that was fetched from there, or on the
//! disk.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::{GitError, Repository};
use crate::change::digest::Digest;
use crate::change::{ObjectId, shell_word, visible};
use crate::gate::CLOCK_SKEW;
use crate::policy::{ORGANIZATION_FILE, Organization};
use crate::risk::without_logins;

/// In a copy: keeps the last commit of the organization that its own policy let through from being collected.
const KEPT: &str = "refs/undersign/organization";
/// In the git directory of a copy: which commit that is. A ref could be written by an ordinary fetch.
const ACCEPTED: &str = "undersign/organization-accepted";
/// How the second line of a gate's pre-receive hook begins.
pub const GATE_MARK: &str = "# undersign gate";
/// In the git directory of a copy: when it was last fetched, in seconds since the epoch.
const FETCHED: &str = "undersign/organization-fetched";

/// The organization that policies inherit from, none if there is none; or a sentence why it cannot be read.
pub type Known = Result<Option<Arc<Organization>>, String>;

/// A version of the file of an organization.
#[derive(Debug, Clone, Copy)]
pub struct Version {
    /// Since when it counts, in seconds since the epoch: what the committer of its commit claims, unless the versions
    /// around it contradict that.
    pub since: i64,
    pub commit: ObjectId,
    /// SHA-256 of the file; none if the commit has none.
    pub digest: Option<Digest>,
}

/// Reads the organization at a place: a file; the repository to which its changes are pushed; or a copy that
/// `undersign org fetch` keeps. With a clock, in seconds since the epoch, a copy that is too old is refused.
///
/// # Errors
/// A sentence: nothing is there, it has mistakes, nobody verified it, or it is too old.
pub fn read(place: &Path, now: Option<i64>) -> Result<Organization, String> {
    let shown = visible::line(place.as_os_str().as_encoded_bytes());
    let organization = match place.is_file() {
        true => read_file(place, &shown, &parsed_anew),
        false => read_in(&open(place)?, &shown, now, &parsed_anew),
    };
    organization.map(Arc::unwrap_or_clone)
}

/// The same for a gate before `judged`; none if that is the repository at this place, which inherits from nowhere. In a
/// process that lasts, a file of the same bytes is parsed once; where it is and whether it still counts is asked each
/// time.
///
/// # Errors
/// As for [`read`].
pub fn read_for(
    judged: &Repository,
    place: &Path,
    now: Option<i64>,
    lasts: bool,
) -> Result<Option<Arc<Organization>>, String> {
    let shown = visible::line(place.as_os_str().as_encoded_bytes());
    let parse: Parse<'_> = if lasts { &parsed_at_hand } else { &parsed_anew };
    if place.is_file() {
        return read_file(place, &shown, parse).map(Some);
    }
    // It is opened once: in a service that takes a good part of what a push costs.
    let repository = open(place)?;
    if repository.is_same_as(judged) {
        return Ok(None);
    }
    read_in(&repository, &shown, now, parse).map(Some)
}

/// Organizations that a process that lasts has parsed, the most recently used last: parsing one takes longer than
/// judging by it, and its digest identifies it completely.
static AT_HAND: LazyLock<Mutex<VecDeque<Arc<Organization>>>> = LazyLock::new(Mutex::default);
/// A file of 1 MiB takes about 20 MiB in memory.
const MAX_AT_HAND: usize = 4;

fn parsed_anew(name: &str, bytes: &[u8]) -> Result<Arc<Organization>, String> {
    parsed(name, bytes).map(Arc::new)
}

fn parsed_at_hand(name: &str, bytes: &[u8]) -> Result<Arc<Organization>, String> {
    let digest = Digest::of(bytes);
    let mut held = AT_HAND.lock().unwrap_or_else(PoisonError::into_inner);
    let at = held.iter().position(|known| known.digest() == digest);
    let organization = match at.and_then(|at| held.remove(at)) {
        Some(known) => known,
        None => Arc::new(parsed(name, bytes)?),
    };
    held.push_back(Arc::clone(&organization));
    let beyond = held.len().saturating_sub(MAX_AT_HAND);
    held.drain(..beyond);
    Ok(organization)
}

/// Parses the bytes of a file, of which the name is for messages.
type Parse<'p> = &'p dyn Fn(&str, &[u8]) -> Result<Arc<Organization>, String>;

fn read_file(place: &Path, shown: &str, parse: Parse<'_>) -> Result<Arc<Organization>, String> {
    let bytes =
        std::fs::read(place).map_err(|error| format!("The organization's file {shown} cannot be read: {error}."))?;
    parse(shown, &bytes)
}

fn read_in(
    repository: &Repository,
    shown: &str,
    now: Option<i64>,
    parse: Parse<'_>,
) -> Result<Arc<Organization>, String> {
    let word = shell_word(shown);
    let (commit, fetched) = newest(repository).ok_or_else(|| {
        format!(
            "{shown} is a copy of the organization that nobody verified: `undersign org fetch {word}` does, and \
             fetches what is new. If changes are pushed to it, it is the organization's own, which has a gate: \
             `undersign gate install {word}`."
        )
    })?;
    let organization = parse(ORGANIZATION_FILE, &text_at(repository, commit)?)?;
    let (Some(now), Some(stale), Some(fetched)) = (now, organization.stale(), fetched) else { return Ok(organization) };
    if fetched > now.saturating_add(CLOCK_SKEW) {
        return Err(format!(
            "The copy of the organization in {shown} was last fetched in the future, by the clock of this machine. Set \
             the clock, then `undersign org fetch {word}`."
        ));
    }
    if now.saturating_sub(fetched) > stale {
        return Err(format!(
            "The copy of the organization in {shown} was last fetched {} minutes ago, and counts for {}: `undersign org \
             fetch {word}` brings it up to date.",
            (now - fetched) / 60,
            stale / 60
        ));
    }
    Ok(organization)
}

/// The versions that the file of the organization had in a repository or a copy, the oldest first.
///
/// # Errors
/// A sentence: its history is not here, or cannot be read.
pub fn versions(repository: &Repository) -> Result<Vec<Version>, String> {
    let Some((tip, _)) = newest(repository) else { return Ok(Vec::new()) };
    let mut line = repository.first_parents(tip, usize::MAX).map_err(|error| error.to_string())?;
    line.reverse();
    let mut versions: Vec<Version> = Vec::new();
    let mut last = None;
    for commit in line {
        let file = repository.file_at(commit, ORGANIZATION_FILE);
        if file == last {
            continue;
        }
        last = file;
        let (since, _) = repository.dated(commit).map_err(|error| error.to_string())?;
        let digest = file.and_then(|file| Some(repository.facts(file).ok()?.digest));
        versions.push(Version { since, commit, digest });
    }
    put_in_order(&mut versions);
    Ok(versions)
}

/// A date that contradicts those around it counts for nothing: one in the future must not hold up those after it.
fn put_in_order(versions: &mut [Version]) {
    for at in 0..versions.len().saturating_sub(1) {
        let (before, next) = (at.checked_sub(1).map(|before| versions[before].since), versions[at + 1].since);
        if versions[at].since > next && before.is_none_or(|before| before <= next) {
            versions[at].since = next;
        }
    }
    let mut latest = i64::MIN;
    for version in versions {
        latest = latest.max(version.since);
        version.since = latest;
    }
}

/// Opens the repository of an organization, or a copy of it.
///
/// # Errors
/// A sentence: none is there, or it cannot be read.
pub fn open(place: &Path) -> Result<Repository, String> {
    let shown = without_logins(&visible::line(place.as_os_str().as_encoded_bytes()));
    Repository::open_exactly(place).map_err(|error| match error {
        GitError::NotTheRepository(_) => format!(
            "{shown} is neither a git repository nor the file of an organization. Name one of the two, with \
             --organization or git's setting undersign.organization; `git clone --bare URL DIR` makes a copy."
        ),
        error => format!("The organization in {shown} cannot be read: {error}"),
    })
}

/// Whether anything is where the file of an organization would be.
pub(super) fn is_at(repository: &Repository, commit: ObjectId) -> bool {
    let tree = repository.raw.find_commit(super::oid(commit)).and_then(|commit| commit.tree());
    tree.is_ok_and(|tree| tree.get_path(Path::new(ORGANIZATION_FILE)).is_ok())
}

/// The organization in a commit of its repository.
///
/// # Errors
/// A sentence: nothing is there, or it has mistakes.
pub fn at(repository: &Repository, commit: ObjectId) -> Result<Organization, String> {
    parsed(ORGANIZATION_FILE, &text_at(repository, commit)?)
}

fn text_at(repository: &Repository, commit: ObjectId) -> Result<Vec<u8>, String> {
    let text = repository.file_text(commit, ORGANIZATION_FILE).map_err(|error| error.to_string())?;
    text.ok_or_else(|| {
        format!("There is no {ORGANIZATION_FILE} in {} at {}.", repository.root.display(), commit.short())
    })
}

fn parsed(name: &str, bytes: &[u8]) -> Result<Organization, String> {
    Organization::read(name, bytes).map_err(|error| visible::lines(&error.to_string()))
}

/// The commit that counts, and when it was fetched if this is a copy.
fn newest(repository: &Repository) -> Option<(ObjectId, Option<i64>)> {
    // Whoever serves a mirror writes all of its refs.
    if !repository.is_bare() || repository.is_mirror() {
        return None;
    }
    // A copy may have become the one that changes are pushed to, and that one may have remotes, for its backup.
    if is_gated(repository) || !repository.has_upstream() {
        return Some((repository.tip(&repository.head_branch()?)?, None));
    }
    Some((accepted(repository)?, Some(fetched(repository).unwrap_or(0))))
}

/// Whether a gate is the pre-receive hook of a repository, so that changes are pushed to it.
pub fn is_gated(repository: &Repository) -> bool {
    is_hook_of_a_gate(&std::fs::read(repository.pre_receive()).unwrap_or_default())
}

/// Whether `undersign gate install` wrote a hook.
pub fn is_hook_of_a_gate(hook: &[u8]) -> bool {
    hook.split(|&b| b == b'\n').nth(1).is_some_and(|line| line.starts_with(GATE_MARK.as_bytes()))
}

/// When a copy was last fetched.
pub fn fetched(repository: &Repository) -> Option<i64> {
    std::fs::read_to_string(repository.common_dir().join(FETCHED)).ok()?.trim().parse().ok()
}

/// In a copy: the last commit that was accepted.
pub fn accepted(repository: &Repository) -> Option<ObjectId> {
    std::fs::read_to_string(repository.common_dir().join(ACCEPTED)).ok()?.trim().parse().ok()
}

/// Notes which commit a copy accepted.
///
/// # Errors
/// A sentence: it cannot be written.
pub fn note_accepted(repository: &Repository, commit: ObjectId) -> Result<(), String> {
    repository.point(KEPT, commit).map_err(|error| error.to_string())?;
    note(repository, ACCEPTED, &commit.to_string())
}

/// Notes that a copy was fetched.
///
/// # Errors
/// A sentence: it cannot be written.
pub fn note_fetched(repository: &Repository, now: i64) -> Result<(), String> {
    note(repository, FETCHED, &now.to_string())
}

fn note(repository: &Repository, name: &str, text: &str) -> Result<(), String> {
    let path = repository.common_dir().join(name);
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = written.and_then(|()| crate::disk::write_atomically(&path, format!("{text}\n").as_bytes()));
    written.map_err(|error| format!("What was fetched cannot be noted in {}: {error}.", path.display()))
}

impl Repository {
    /// Whether another one has the same git directory, so that it is the same repository.
    fn is_same_as(&self, other: &Repository) -> bool {
        std::fs::canonicalize(self.common_dir()).ok() == std::fs::canonicalize(other.common_dir()).ok()
    }
}

/// Whether the place of an organization is this very repository.
pub fn is_of(place: &Path, repository: &Repository) -> bool {
    Repository::open_exactly(place).is_ok_and(|other| other.is_same_as(repository))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{MAX_AT_HAND, Version, parsed_at_hand, put_in_order, read_file};
    use crate::change::ObjectId;

    #[test]
    fn a_file_of_the_same_bytes_is_parsed_once_and_one_of_others_is_never_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let of = |version: usize| {
            format!(
                "schema = \"undersign-organization/v1\"\nversion = {version}\norganization = \"acme\"\n[people.dana]\n\
                 roles = [\"senior\"]\nemails = [\"dana@example.com\"]\n"
            )
        };
        let place = dir.path().join("organization.toml");
        let read = |version: usize| {
            std::fs::write(&place, of(version)).unwrap();
            read_file(&place, "organization.toml", &parsed_at_hand).unwrap()
        };
        let first = read(1);
        assert!(Arc::ptr_eq(&first, &read(1)));
        for version in 2..MAX_AT_HAND + 3 {
            assert_eq!(read(version).version(), version as u64);
        }
        // It was let go of meanwhile, and is read again.
        assert_eq!(read(1).version(), 1);
        std::fs::write(&place, "version = 1\n").unwrap();
        assert!(read_file(&place, "organization.toml", &parsed_at_hand).is_err());
    }

    #[test]
    fn a_date_that_contradicts_the_versions_around_it_moves_no_other() {
        let ordered = |times: &[i64]| {
            let version = |since: &i64| Version { since: *since, commit: ObjectId::ZERO, digest: None };
            let mut versions: Vec<Version> = times.iter().map(version).collect();
            put_in_order(&mut versions);
            versions.iter().map(|version| version.since).collect::<Vec<_>>()
        };
        assert_eq!(ordered(&[1, 2, 3]), [1, 2, 3]);
        assert_eq!(ordered(&[1, 99, 3, 4]), [1, 3, 3, 4], "in the future");
        assert_eq!(ordered(&[99, 2, 3]), [2, 2, 3]);
        assert_eq!(ordered(&[1, 2, 0, 4]), [1, 2, 2, 4], "in the past");
        assert_eq!(ordered(&[]), [0; 0]);
    }
}
