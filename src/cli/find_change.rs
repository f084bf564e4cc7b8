//! Finds the pending change that somebody means: by its id, a branch, a ref or a commit.

use std::path::Path;

use crate::cache::{self, Caches};
use crate::change::{Change, shown_word, visible};
use crate::examination::RepositorySnapshot;
use crate::source::git::{Names, Pending, Repository, Resolved, ambiguous};

/// A pending change in its repository.
pub struct Meant {
    pub repository: Repository,
    pub snapshot: RepositorySnapshot,
    pub change: Change,
    /// The others that are pending in the repository.
    pub others: Vec<Change>,
}

impl Meant {
    /// Ids of others whose branch has the same name.
    pub fn namesakes(&self) -> Vec<String> {
        let others = self.others.iter().filter(|other| other.branch == self.change.branch);
        others.map(|other| other.id.clone()).collect()
    }
}

/// What is read of a repository to find it.
struct Read {
    repository: Repository,
    snapshot: RepositorySnapshot,
    pending: Pending,
}

/// # Errors
/// A sentence: nothing is called so, several are, or it cannot be compared.
pub fn find(text: &str, names: &Names) -> Result<Meant, String> {
    let mut failures = Vec::new();
    let mut read = Vec::new();
    // Which branches have landed is looked for once, here or by the queue.
    let caches = Caches::at(cache::home());
    for (index, path) in names.paths().iter().enumerate() {
        match open(names, (index, path), text, &caches) {
            Ok(one) => read.push(one),
            Err(why) => failures.push(why),
        }
    }
    caches.write();
    let (at, id) = match &candidates(text, &read)[..] {
        [(at, Resolved::Change(change))] => (*at, change.id.clone()),
        [(_, Resolved::Broken(broken))] => {
            return Err(format!("{} cannot be compared. {}", visible::text(&broken.id), broken.why));
        }
        [] => return Err(failures.into_iter().next().unwrap_or_else(|| absent(text, &read))),
        several => {
            let ids: Vec<_> = several.iter().map(|(at, one)| named(&read[*at].snapshot, one)).collect();
            return Err(ambiguous(text, &ids));
        }
    };
    let Read { repository, snapshot, pending } = read.swap_remove(at);
    if pending.called(text).0 > Pending::BY_NAME {
        eprintln!("undersign: {} is short for {}.", visible::text(text), visible::text(&id));
    }
    let (mut meant, others): (Vec<_>, Vec<_>) = pending.changes.into_iter().partition(|change| change.id == id);
    let change = meant.pop().ok_or_else(|| absent(text, &[]))?;
    Ok(Meant { repository, snapshot, change, others })
}

/// What is pending is read only where the text may mean something.
fn open(names: &Names, (index, path): (usize, &Path), text: &str, caches: &Caches) -> Result<Read, String> {
    let (repository, snapshot) = super::opened(names, path, None)?;
    let cache = caches.of(repository.common_dir());
    let repository = repository.with_cache(&cache);
    let pending = match repository.may_mean(text, &snapshot.target) {
        Ok(true) => repository.changes(index, &snapshot.target),
        Ok(false) => Ok(Pending::default()),
        Err(why) => Err(why),
    };
    let pending = pending.map_err(|error| error.to_string())?;
    Ok(Read { repository, snapshot, pending })
}

/// The surest of all repositories.
fn candidates<'r>(text: &str, read: &'r [Read]) -> Vec<(usize, Resolved<'r>)> {
    let called: Vec<_> = read.iter().map(|one| one.pending.called(text)).collect();
    let surest = called.iter().map(|(certainty, _)| *certainty).min().unwrap_or(u8::MAX);
    // What git calls a commit is that commit, as `HEAD` is: what has landed, or is not a branch, must not be taken for
    // something else that begins so.
    if surest > Pending::BY_NAME && read.iter().any(|one| one.repository.named(text).is_some()) {
        let at = |one: &'r Read| one.repository.named(text).map(|commit| one.pending.ending_with(commit));
        let found = read.iter().enumerate().filter_map(|(index, one)| Some((index, at(one)?)));
        return found.flat_map(|(index, found)| found.into_iter().map(move |one| (index, one))).collect();
    }
    let found = called.into_iter().enumerate().filter(|(_, (certainty, _))| *certainty == surest);
    found.flat_map(|(at, (_, found))| found.into_iter().map(move |one| (at, one))).collect()
}

/// An id, and where it is: two repositories may have the same name.
fn named(snapshot: &RepositorySnapshot, one: &Resolved<'_>) -> String {
    format!("{} ({})", one.id(), snapshot.root.display())
}

/// Why nothing pending is called so, as far as that can be told.
fn absent(text: &str, read: &[Read]) -> String {
    let name = visible::text(text);
    for Read { repository, snapshot, .. } in read {
        let Some(commit) = repository.named(text) else { continue };
        let target = visible::text(snapshot.target.short());
        return if repository.is_descendant(snapshot.target.tip, commit) {
            format!("{name} is in {target} already: nothing of it is pending. `undersign queue` lists what is.")
        } else {
            format!(
                "{name} is not a pending change: it has landed in {target} by other commits, its commits change nothing, \
                 or no branch stands at it. `undersign review {}` reads it all the same.",
                shown_word(&format!("{}..{text}", snapshot.target.short()))
            )
        };
    }
    format!("No pending change is called {name}. `undersign queue` lists them.")
}
