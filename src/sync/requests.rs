//! The review requests of a remote, by git alone, without an account at an API. git cannot know which are open: the
//! newest are taken, without those that have not moved for long.

#[cfg(feature = "tui")]
use std::collections::{BTreeMap, BTreeSet};

use crate::change::ObjectId;
use crate::change::request::{self, Offered, REQUESTS, Request};
use crate::change::visible;
use crate::source::git::{Repository, oid};
#[cfg(feature = "tui")]
use crate::source::server::Pending;

use super::Prompts;
use super::program::{ALL, GitFailed, run_git};

/// How many are taken per remote, unless set otherwise: `git config remote.NAME.undersignRequests`.
const MOST: usize = 50;
/// The largest setting: they become arguments of one git command.
const LIMIT: usize = 1000;
/// Of what a server reports, which may be any number.
#[cfg(feature = "tui")]
const AT_ONCE: usize = 500;
/// Seconds after which a request that did not move counts as abandoned: 90 days.
const OLD: i64 = 90 * 24 * 60 * 60;

/// Fetches the requests of each remote, and removes those that it no longer offers, except for remotes that a review
/// server answers for.
///
/// # Errors
/// git's message; if there are several remotes, some may have answered.
pub fn fetch(repository: &Repository, answered: &[String], prompts: Prompts, now: i64) -> Result<(), String> {
    let remotes = repository.raw.remotes().map_err(|error| error.message().to_owned())?;
    let mut failed = None;
    let is_asked = |remote: &&str| !answered.iter().any(|answered| answered == remote);
    for remote in remotes.iter().flatten().flatten().filter(is_asked) {
        let remote = Remote { repository, remote, prompts, now };
        let fetched = most(repository, remote.remote).and_then(|most| remote.fetch(most));
        match fetched {
            Ok(offered) => _ = remote.prune(&offered.iter().map(|one| one.request).collect::<Vec<_>>()),
            Err(why) => failed = Some(why),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Fetches these requests of a remote, which its server reported as all open ones, with their heads. Returns whether
/// any ref moved.
///
/// # Errors
/// git's message.
#[cfg(feature = "tui")]
pub fn fetch_these(repository: &Repository, remote: &str, open: &[&Pending], prompts: Prompts) -> Result<bool, String> {
    let remote = Remote { repository, remote, prompts, now: 0 };
    let is_new = |pending: &&&Pending| {
        pending.request.is_counted() && pending.head.is_none_or(|head| !remote.has(pending.request, head))
    };
    let wanted = |pending: &&Pending| {
        // A server may say anything, and the ref becomes an argument of git.
        let told = pending.full.clone().filter(|full| pending.request.is_at(full));
        Some((pending.request, told.or_else(|| pending.request.on_its_host())?))
    };
    // A list may contain a request twice, if it moved between two pages.
    let wanted: BTreeMap<Request, String> = open.iter().filter(is_new).filter_map(wanted).collect();
    let absent = remote.bring_all(&wanted)?;
    let gone = remote.prune(&open.iter().map(|pending| pending.request).collect::<Vec<_>>());
    if absent.is_empty() {
        return Ok(gone > 0 || !wanted.is_empty());
    }
    let absent: Vec<String> = absent.into_iter().map(Request::sign).collect();
    Err(format!("open, says its server, and at no ref: {}. All others are here.", absent.join(", ")))
}

/// How many are taken per remote: 0 to 1,000, `false` for none.
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
        let is_new = |one: &&Offered| !self.has(one.request, one.head);
        let specs: Vec<String> =
            offered.iter().filter(is_new).map(|one| format!("+{}:{}", one.full, self.name_of(one.request))).collect();
        if !specs.is_empty() {
            self.bring(&specs)?;
            offered.retain(|one| !self.is_old(one.head));
        }
        Ok(offered)
    }

    fn has(&self, request: Request, head: ObjectId) -> bool {
        self.repository.raw.refname_to_id(&self.name_of(request)).ok() == Some(oid(head))
    }

    /// Fetches requests from their refs; returns those whose refs do not exist: they must not prevent the others from
    /// being fetched.
    #[cfg(feature = "tui")]
    fn bring_all(&self, wanted: &BTreeMap<Request, String>) -> Result<Vec<Request>, String> {
        let mut absent = Vec::new();
        let all: Vec<(&Request, &String)> = wanted.iter().collect();
        for some in all.chunks(AT_ONCE) {
            let specs = |some: &[(&Request, &String)]| -> Vec<String> {
                some.iter().map(|(request, full)| format!("+{full}:{}", self.name_of(**request))).collect()
            };
            match self.bring(&specs(some)) {
                Err(failed) if failed.is_no_ref() => {}
                brought => {
                    brought?;
                    continue;
                }
            }
            let mut list = vec!["ls-remote", "--quiet", self.remote];
            list.extend(some.iter().map(|(_, full)| full.as_str()));
            let listed = self.git(&list)?;
            let there: BTreeSet<&str> = listed.lines().filter_map(|line| Some(line.split_once('\t')?.1)).collect();
            let (here, gone): (Vec<_>, Vec<_>) = some.iter().partition(|(_, full)| there.contains(full.as_str()));
            absent.extend(gone.into_iter().map(|(request, _)| *request));
            if !here.is_empty() {
                self.bring(&specs(&here))?;
            }
        }
        Ok(absent)
    }

    fn bring(&self, specs: &[String]) -> Result<(), GitFailed> {
        let mut arguments = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"];
        arguments.extend(["--no-recurse-submodules", "--no-auto-maintenance", self.remote]);
        arguments.extend(specs.iter().map(String::as_str));
        self.git(&arguments).map(|_| ())
    }

    /// Its local ref.
    fn name_of(&self, request: Request) -> String {
        format!("{REQUESTS}{}/{request}", self.remote)
    }

    /// Whether its commit is here, and old.
    fn is_old(&self, head: ObjectId) -> bool {
        let commit = self.repository.raw.find_commit(oid(head));
        commit.is_ok_and(|commit| self.now.saturating_sub(commit.committer().when().seconds()) > OLD)
    }

    fn git(&self, arguments: &[&str]) -> Result<String, GitFailed> {
        run_git(self.repository, self.prompts, ALL, arguments)?.output()
    }

    /// Removes what the remote no longer offers; returns how many.
    fn prune(&self, open: &[Request]) -> usize {
        let mut gone = 0;
        let prefix = format!("{REQUESTS}{}/", self.remote);
        let references = self.repository.raw.references_glob(&format!("{prefix}*"));
        for mut reference in references.into_iter().flatten().flatten() {
            let full = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            // Another remote's name may begin with this one's and a slash. Requests without a ref on the host are
            // fetched and removed according to their server.
            let request = full.strip_prefix(&prefix).and_then(Request::named);
            let is_own = request.filter(|request| request.kind != request::RequestKind::ReviewRequest);
            if is_own.is_some_and(|request| !open.contains(&request)) {
                gone += usize::from(reference.delete().is_ok());
            }
        }
        gone
    }
}
