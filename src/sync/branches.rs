//! The branches and review requests of the remotes, fetched by the git program with the person's own settings:
//! refspecs, pruning, access.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use git2::Oid;

use super::program::{ALL, run_git};
use super::{Prompts, requests, why_failed};
use crate::source::git::Repository;

/// Fetches from all remotes, as `git fetch --all` does, then their review requests, except for remotes that a review
/// server answers for. Returns whether any ref moved; on an error, others may have moved.
pub fn fetch(repository: &Repository, answered: &[String], prompts: Prompts, now: i64) -> Result<bool, String> {
    let before = refs(repository);
    // A submodule's remote is named by the repository's content; nobody asked for it.
    let arguments = ["fetch", "--all", "--quiet", "--no-recurse-submodules", "--no-auto-maintenance"];
    let (ok, _, stderr) = run_git(repository, prompts, ALL, &arguments)?;
    // If one remote does not answer, the others may.
    let requests = requests::fetch(repository, answered, prompts, now);
    if !ok {
        return Err(why_failed("fetch", &stderr));
    }
    requests?;
    Ok(before != refs(repository))
}

fn refs(repository: &Repository) -> BTreeMap<Vec<u8>, Oid> {
    let all = repository.raw.references().into_iter().flatten().flatten();
    all.filter_map(|reference| Some((reference.name_bytes().to_vec(), reference.target()?))).collect()
}

/// When branches last came from a remote, in seconds since the epoch: the time of the last fetch by any program,
/// otherwise of the clone. None without remotes, or if git left no trace of either.
pub fn last_fetch(repository: &Repository) -> Option<i64> {
    let remotes = repository.raw.remotes().ok().filter(|remotes| !remotes.is_empty())?;
    let (own, common) = (repository.raw.path(), repository.raw.commondir());
    let clones = remotes.iter().flatten().flatten().map(|name| common.join(format!("refs/remotes/{name}/HEAD")));
    let newest = |files: &mut dyn Iterator<Item = PathBuf>| files.filter_map(|file| written(&file)).max();
    let fetched = newest(&mut [own, common].into_iter().map(|dir| dir.join("FETCH_HEAD")));
    fetched.or_else(|| newest(&mut clones.into_iter()))
}

/// When a file was last written. git empties the file of a failed fetch.
fn written(file: &Path) -> Option<i64> {
    let metadata = std::fs::metadata(file).ok().filter(|metadata| metadata.len() > 0)?;
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_as_old_as_the_last_fetch_that_brought_something_else_as_the_clone() {
        let dir = tempfile::tempdir().unwrap();
        let raw = git2::Repository::init(dir.path()).unwrap();
        let now = || last_fetch(&Repository::open(dir.path()).unwrap());
        let put = |name: &str, text: &str, time: u64| {
            let path = dir.path().join(".git").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            let time = UNIX_EPOCH + std::time::Duration::from_secs(time);
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        };
        put("FETCH_HEAD", "something", 30);
        assert_eq!(now(), None, "without a remote nothing is old");
        raw.remote("origin", "https://example.com/shop").unwrap();
        assert_eq!(now(), Some(30));
        put("refs/remotes/origin/HEAD", "ref: refs/remotes/origin/main\n", 20);
        assert_eq!(now(), Some(30));
        put("FETCH_HEAD", "", 40);
        assert_eq!(now(), Some(20), "a fetch that failed brought nothing");
    }
}
