//! The branches and review requests of the remotes, fetched by the git program with the person's own settings:
//! refspecs, pruning, access.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use git2::Oid;

use super::program::{ALL, CHAINS, Ended, run_git};
use super::{Prompts, requests};
use crate::source::git::Repository;

/// Fetches from all remotes, as `git fetch --all --prune` does, then their review requests, except for remotes that a
/// review server answers for. Returns whether any ref moved; on an error, others may have moved.
pub fn fetch(repository: &Repository, answered: &[String], prompts: Prompts, now: i64) -> Result<bool, String> {
    let before = refs(repository);
    let prune = pruning(repository);
    let settings = prune.iter().flat_map(|setting| ["-c", setting]);
    // A submodule's remote is named by the repository's content; nobody asked for it.
    let fetch = ["fetch", "--all", "--quiet", "--no-recurse-submodules", "--no-auto-maintenance"];
    let arguments: Vec<&str> = settings.chain(fetch).collect();
    let fetched = run_git(repository, prompts, ALL, &arguments)?;
    learn_default(repository);
    // If one remote does not answer, the others may.
    let requests = requests::fetch(repository, answered, prompts, now);
    fetched.output()?;
    requests?;
    Ok(before != refs(repository))
}

/// Asks the remote with the target which branch is its default now: it may have been changed there, and the old one
/// kept. That is noted as git does (`refs/remotes/origin/HEAD`), if the branch is here and contains what counted as the
/// default: a branch that somebody chose here by hand goes its own way, and stays. Nobody is asked for a password
/// again, and if the remote does not say, or git is set not to follow it, what is known stays.
fn learn_default(repository: &Repository) {
    let Some(remote) = repository.home().filter(|name| repository.raw.find_remote(name).is_ok()) else { return };
    let follows =
        repository.raw.config().and_then(|config| config.get_string(&format!("remote.{remote}.followRemoteHEAD")));
    if follows.is_ok_and(|how| how != "create" && how != "always") {
        return;
    }
    let told = run_git(repository, Prompts::Never, CHAINS, &["ls-remote", "--symref", "--", &remote, "HEAD"]);
    let Ok(told) = told.and_then(Ended::output) else { return };
    let Some(branch) = told.lines().find_map(default_told) else { return };
    let (head, now) = (format!("refs/remotes/{remote}/HEAD"), format!("refs/remotes/{remote}/{branch}"));
    let tip = |name: &str| repository.raw.find_reference(name).and_then(|found| found.peel_to_commit()).map(|c| c.id());
    let Ok(new) = tip(&now) else { return };
    let is_older = |old: Oid| old == new || repository.raw.graph_descendant_of(new, old).unwrap_or(false);
    // Not symbolic: somebody pushed a branch that is called HEAD, which nobody chose here.
    let is_chosen = repository.raw.find_reference(&head).is_ok_and(|found| found.symbolic_target_bytes().is_some());
    if !is_chosen || tip(&head).map_or(true, is_older) {
        let _ = repository.raw.reference_symbolic(&head, &now, true, "undersign: the default branch of the remote");
    }
}

/// The branch of `ref: refs/heads/main<tab>HEAD`.
fn default_told(line: &str) -> Option<&str> {
    line.strip_prefix("ref: ")?.strip_suffix("\tHEAD")?.strip_prefix("refs/heads/")
}

/// Settings for git that drop the remote-tracking branches that a remote has no more: otherwise their rows stay for
/// ever. Only of remotes that are fetched into their own folder of `refs/remotes/` and nowhere else: elsewhere, pruning
/// would delete what came from no remote, such as local branches under a mirror's refspec, or records that were not
/// sent yet. Whatever a person has set about pruning stays.
fn pruning(repository: &Repository) -> Vec<String> {
    let Ok(config) = repository.raw.config().and_then(|mut config| config.snapshot()) else { return Vec::new() };
    let is_set = |key: &str| config.get_entry(key).is_ok();
    let names = repository.raw.remotes();
    let names: Vec<&str> = names.iter().flat_map(|names| names.iter()).flatten().flatten().collect();
    let shares_folder = |name: &str| names.iter().any(|other| other.starts_with(&format!("{name}/")));
    let is_pruned = |name: &&&str| {
        // git reads the name of a setting up to the first `=`.
        let is_plain = !name.contains('=') && !shares_folder(name);
        is_plain && !is_set(&format!("remote.{name}.prune")) && tracks_only(&config, name)
    };
    if is_set("fetch.prune") {
        return Vec::new();
    }
    // Tags are not rows: they stay, also where a person prunes them along with branches.
    let settings = |name: &&str| [format!("remote.{name}.prune=true"), format!("remote.{name}.pruneTags=false")];
    names.iter().filter(is_pruned).flat_map(settings).collect()
}

/// Whether all that is fetched from a remote goes to its own folder of `refs/remotes/`.
fn tracks_only(config: &git2::Config, name: &str) -> bool {
    let own = format!("refs/remotes/{name}/");
    let Ok(mut refspecs) = config.multivar(&format!("remote.{name}.fetch"), None) else { return false };
    while let Some(entry) = refspecs.next() {
        let refspec = entry.ok().and_then(|entry| entry.value().ok());
        let Some(to) = refspec.map(|refspec| refspec.split_once(':').map_or("", |(_, to)| to)) else { return false };
        if !to.is_empty() && !to.starts_with(&own) {
            return false;
        }
    }
    true
}

/// Where each ref points: at an object, or at another ref.
fn refs(repository: &Repository) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let all = repository.raw.references().into_iter().flatten().flatten();
    let to = |reference: &git2::Reference<'_>| match reference.target() {
        Some(id) => id.as_bytes().to_vec(),
        None => reference.symbolic_target_bytes().unwrap_or_default().to_vec(),
    };
    all.map(|reference| (reference.name_bytes().to_vec(), to(&reference))).collect()
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
