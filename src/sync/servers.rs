//! What is open at a review server, and its objects: the list by its API, the objects by git, with one fetch per
//! repository.

use std::collections::{BTreeSet, HashSet};

use crate::change::request::Request;
use crate::change::{ObjectId, visible};
use crate::delivery::{self, ServerAccess};
use crate::source::git::Repository;
use crate::source::server::{self, Pending, ReviewServer, Server, ServerError, Told};

use super::{Prompts, patches, requests};

/// Requests whose checks are queried: each takes a query of its own.
const MAX_CHECKED: usize = 60;
/// Concurrent queries to one server.
const AT_ONCE: usize = 8;

/// A server that has confirmed our account.
pub type Connected<'p> = Box<dyn ReviewServer + 'p>;

/// Asks a server what is open in some of its repositories, and what in all of them is waiting for the account. The
/// answer is kept, including what is missing from it. Repositories that were not asked about stay as before, and checks
/// as they were known for the same heads.
///
/// # Errors
/// A sentence: it did not answer. Its last answer is kept then.
pub fn ask<'p>(
    access: &'p ServerAccess,
    server: &Server,
    repositories: &[String],
    now: i64,
) -> Result<(Connected<'p>, Told), String> {
    let (connected, account) = access.connect(server)?;
    let mut told = Told::new(server.name.clone(), now, account);
    let open = at_once(repositories, |repository| connected.open(repository, &told.account));
    for (repository, open) in repositories.iter().zip(open) {
        match open {
            Ok(open) => {
                told.repositories.push(repository.clone());
                // A list that changes while its pages are read may have an entry on two of them.
                let mut known = HashSet::new();
                told.pending.extend(open.into_iter().filter(|one| known.insert(one.request)));
            }
            Err(why) => told.missing.push(why.to_string()),
        }
    }
    let asked = connected.asked(&told.account);
    let is_all_told = asked.is_ok();
    match asked {
        Ok(asked) => take_asked(&mut told, asked),
        Err(why) => told.missing.push(why.to_string()),
    }
    let before = access.memory.load(&server.name).filter(|before| before.account.login == told.account.login);
    if let Some(before) = before {
        let unlisted = still_open(&*connected, &before, &mut told);
        told.pending.extend(unlisted);
        // What is waiting for the account is reported for the whole server.
        let is_over = |one: &Pending| is_all_told && one.asked.is_some();
        let is_known = |one: &Pending, told: &Told| told.pending.iter().any(|known| is_same(known, one));
        let elsewhere = before.pending.into_iter().filter(|one| !told.repositories.contains(&one.repository));
        let kept: Vec<Pending> = elsewhere.filter(|one| !is_over(one) && !is_known(one, &told)).collect();
        told.pending.extend(kept);
        let checked = |one: &Pending| Some(server::checked(&one.repository, one.head?));
        let heads: BTreeSet<String> = told.pending.iter().filter_map(checked).collect();
        told.checks = before.checks.into_iter().filter(|(head, _)| heads.contains(head)).collect();
    }
    keep(access, &mut told);
    Ok((connected, told))
}

/// Requests that were open and that the list no longer has, if they are still open. A list that changes while its pages
/// are read may lack an entry: one that moved to a page that was read already.
fn still_open(connected: &dyn ReviewServer, before: &Told, told: &mut Told) -> Vec<Pending> {
    let listed: HashSet<_> = told.pending.iter().map(|one| (&one.repository, one.request)).collect();
    let is_gone = |one: &&Pending| {
        told.repositories.contains(&one.repository) && !listed.contains(&(&one.repository, one.request))
    };
    let gone: Vec<&Pending> = before.pending.iter().filter(is_gone).take(MAX_CHECKED).collect();
    let now = at_once(&gone, |one| connected.now(&one.repository, one.request));
    let mut open = Vec::new();
    for (one, now) in gone.into_iter().zip(now) {
        match now {
            Ok(now) if now.is_open => open.push(Pending { head: Some(now.head), ..one.clone() }),
            Ok(_) | Err(ServerError::NotFound(..)) => {}
            // It is not known to be closed.
            Err(why) => {
                told.missing.push(why.to_string());
                open.push(one.clone());
            }
        }
    }
    open
}

/// Queries the results of checks, first for the requests that are waiting for the account. Nobody sees those of
/// repositories that are elsewhere.
pub fn check(access: &ServerAccess, connected: &dyn ReviewServer, told: &mut Told) {
    let heads = told.pending.iter().filter(|one| told.repositories.contains(&one.repository));
    let heads = heads.filter_map(|one| Some((one.asked.is_none(), one.repository.clone(), one.request, one.head?)));
    let mut heads: Vec<(bool, String, Request, ObjectId)> = heads.collect();
    heads.sort();
    heads.truncate(MAX_CHECKED);
    let checks = at_once(&heads, |(_, repository, request, head)| connected.checks(repository, *request, *head));
    for ((_, repository, _, head), checks) in heads.iter().zip(checks) {
        match checks {
            Ok(checks) => _ = told.checks.insert(server::checked(repository, *head), checks),
            Err(why) => told.missing.push(why.to_string()),
        }
    }
    keep(access, told);
}

fn keep(access: &ServerAccess, told: &mut Told) {
    let mut known = BTreeSet::new();
    told.missing.retain(|why| known.insert(why.clone()));
    access.memory.save(told);
}

/// Runs several queries at once, up to the limit for one server.
fn at_once<A: Sync, B: Send>(asked: &[A], ask: impl Fn(&A) -> B + Sync) -> Vec<B> {
    let mut answers = Vec::with_capacity(asked.len());
    for asked in asked.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let threads: Vec<_> = asked.iter().map(|asked| scope.spawn(|| ask(asked))).collect();
            answers.extend(threads.into_iter().map(|thread| thread.join().expect("an adapter does not panic")));
        });
    }
    answers
}

fn take_asked(told: &mut Told, asked: Vec<Pending>) {
    for asked in asked {
        match told.pending.iter_mut().find(|known| is_same(known, &asked)) {
            Some(known) => known.asked = known.asked.take().or(asked.asked),
            None => told.pending.push(asked),
        }
    }
}

fn is_same(a: &Pending, b: &Pending) -> bool {
    (&a.repository, a.request) == (&b.repository, b.request)
}

/// Fetches what a server reported into a repository, and removes what is no longer open. Returns whether any ref moved.
///
/// # Errors
/// git's message.
pub fn bring(repository: &Repository, server: &Server, told: &Told, prompts: Prompts) -> Result<bool, String> {
    let mut is_new = false;
    for (remote, name) in delivery::repositories(repository, server) {
        let is_apart = delivery::linked(repository, &remote, server).is_some();
        if is_apart || !told.repositories.contains(&name) {
            continue;
        }
        let open = told.pending.iter().filter(|pending| pending.repository == name);
        let open: Vec<&Pending> = open.collect();
        is_new |= requests::fetch_these(repository, &remote, &open, prompts)?;
    }
    Ok(is_new)
}

/// What came from servers that are separate from the repositories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// Review requests that are new here, or moved.
    pub requests: usize,
    /// Those that were removed, since they are no longer open.
    pub gone: usize,
    /// What is not here, a sentence each.
    pub problems: Vec<String>,
}

/// Fetches the open review requests of servers that have patches instead of refs, for the remotes that they know.
pub fn bring_patches(access: &ServerAccess, repository: &Repository) -> Brought {
    let mut brought = Brought::default();
    for server in &access.servers {
        if let Err(why) = bring_from(access, server, repository, &mut brought) {
            brought.problems.push(format!("{}: {why}", visible::text(&server.name)));
        }
    }
    brought
}

fn bring_from(access: &ServerAccess, server: &Server, own: &Repository, brought: &mut Brought) -> Result<(), String> {
    let kind = access.kind_of(server).map_err(|error| error.to_string())?;
    if !kind.is_apart() {
        return Ok(());
    }
    let (connected, _) = access.connect(server)?;
    let name = visible::text(&server.name);
    for (remote, called) in delivery::known(own, &*connected)? {
        delivery::link(own, &remote, server, &called)?;
        let came = patches::bring(own, &remote, &*connected, &called)?;
        brought.requests += came.requests;
        brought.gone += came.gone;
        brought.problems.extend(came.unproved.iter().map(|why| format!("{name}: {why}")));
    }
    Ok(())
}

/// Asks all servers about some repositories, and fetches what they report; returns what failed, and why.
pub fn refresh(
    access: &ServerAccess,
    repositories: &[Repository],
    prompts: Prompts,
    now: i64,
) -> Vec<(String, String)> {
    let patched = |repository: &Repository| {
        let problems = bring_patches(access, repository).problems;
        let name = repository.name.clone();
        problems.into_iter().map(move |why| (name.clone(), why))
    };
    let mut failed: Vec<(String, String)> = repositories.iter().flat_map(patched).collect();
    for server in &access.servers {
        let here = repositories.iter().flat_map(|repository| delivery::repositories(repository, server));
        let names: Vec<String> = here.map(|(_, name)| name).collect();
        match ask(access, server, &names, now) {
            Ok((connected, mut told)) => {
                check(access, &*connected, &mut told);
                failed.extend(told.missing.iter().map(|why| (server.name.clone(), why.clone())));
                let brought =
                    repositories.iter().map(|repository| (repository, bring(repository, server, &told, prompts)));
                failed.extend(
                    brought.filter_map(|(repository, brought)| Some((repository.name.clone(), brought.err()?))),
                );
            }
            Err(why) => {
                // This was already reported for each repository that has patches there.
                let told = format!("{}: {why}", visible::text(&server.name));
                failed.retain(|(_, other)| *other != told);
                failed.push((server.name.clone(), why));
            }
        }
    }
    failed
}
