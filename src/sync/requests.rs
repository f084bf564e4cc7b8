//! The review requests of a remote, by git alone: no account at an API is needed. What is open there, git cannot know:
//! the newest are taken, without those that nobody touched for long.

use std::collections::BTreeMap;

use crate::change::ObjectId;
use crate::change::request::{self, Offered, REQUESTS};
use crate::change::visible;
use crate::source::git::{Repository, oid};

use super::{Prompts, run_git, why_failed};

/// How many of a remote are taken where nothing else is set: `git config remote.NAME.undersignRequests`.
const MOST: usize = 50;
/// More cannot be set: they are arguments of one git.
const LIMIT: usize = 1000;
/// Seconds after which nobody waits for a request that did not move: 90 days.
const OLD: i64 = 90 * 24 * 60 * 60;

/// Brings the requests of each remote, and takes away those that it does not offer any more.
///
/// # Errors
/// What git said; of several remotes some may have answered.
pub fn fetch(repository: &Repository, prompts: Prompts, now: i64) -> Result<(), String> {
    let remotes = repository.raw.remotes().map_err(|error| error.message().to_owned())?;
    let mut failed = None;
    for remote in remotes.iter().flatten().flatten() {
        let remote = Remote { repository, remote, prompts, now };
        let fetched = most(repository, remote.remote).and_then(|most| remote.fetch(most));
        match fetched {
            Ok(offered) => remote.prune(&offered),
            Err(why) => failed = Some(why),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// How many of a remote are taken: 0 to 1,000, `false` for none.
fn most(repository: &Repository, remote: &str) -> Result<usize, String> {
    let config = repository.raw.config().and_then(|mut config| config.snapshot()).ok();
    let setting = format!("remote.{remote}.undersignrequests");
    match config.as_ref().and_then(|config| config.get_str(&setting).ok()) {
        None | Some("true") => Ok(MOST),
        Some("false") => Ok(0),
        Some(text) => text.parse().ok().filter(|most| *most <= LIMIT).ok_or_else(|| {
            let (remote, text) = (visible::text(remote), visible::text(text));
            format!("undersignRequests of the remote {remote} is `{text}`; write a number up to {LIMIT}, or false.")
        }),
    }
}

struct Remote<'r> {
    repository: &'r Repository,
    remote: &'r str,
    prompts: Prompts,
    now: i64,
}

impl Remote<'_> {
    fn fetch(&self, most: usize) -> Result<Vec<Offered>, String> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut list = vec!["ls-remote", "--quiet", self.remote];
        list.extend(request::PATTERNS);
        let listed = self.git(&list)?;
        let refs = listed.lines().filter_map(|line| {
            let (id, name) = line.split_once('\t')?;
            Some((name, id.parse().ok()?))
        });
        let mut offered = request::offered(refs, most);
        offered.retain(|one| !self.is_old(one.head));
        let here = |one: &&Offered| self.repository.raw.refname_to_id(&self.name(one)).ok() != Some(oid(one.head));
        let specs: Vec<String> =
            offered.iter().filter(here).map(|one| format!("+{}:{}", one.full, self.name(one))).collect();
        if !specs.is_empty() {
            let mut arguments = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
            arguments.extend(["--no-recurse-submodules", "--no-auto-maintenance", self.remote]);
            arguments.extend(specs.iter().map(String::as_str));
            self.git(&arguments)?;
            offered.retain(|one| !self.is_old(one.head));
        }
        Ok(offered)
    }

    /// Where it is kept here.
    fn name(&self, offered: &Offered) -> String {
        format!("{REQUESTS}{}/{}", self.remote, offered.request)
    }

    /// Whether its commit is here, and old.
    fn is_old(&self, head: ObjectId) -> bool {
        let commit = self.repository.raw.find_commit(oid(head));
        commit.is_ok_and(|commit| self.now.saturating_sub(commit.committer().when().seconds()) > OLD)
    }

    fn git(&self, arguments: &[&str]) -> Result<String, String> {
        let (ok, stdout, stderr) = run_git(self.repository, self.prompts, arguments)?;
        if ok { Ok(stdout) } else { Err(why_failed(arguments[0], &stderr)) }
    }

    /// Takes away what the remote does not offer any more.
    fn prune(&self, offered: &[Offered]) {
        let kept: BTreeMap<String, ObjectId> = offered.iter().map(|one| (self.name(one), one.head)).collect();
        let prefix = format!("{REQUESTS}{}/", self.remote);
        let references = self.repository.raw.references_glob(&format!("{prefix}*"));
        for mut reference in references.into_iter().flatten().flatten() {
            let full = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            // Another remote's name may begin with this one's and a slash.
            let is_own = full.strip_prefix(&prefix).is_some_and(|rest| request::Request::named(rest).is_some());
            if is_own && !kept.contains_key(&full) {
                let _ = reference.delete();
            }
        }
    }
}
