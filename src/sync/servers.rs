//! What is open at a review server, and the objects of it: those by its API, these by git, with one fetch for each
//! repository.

use crate::change::ObjectId;
use crate::delivery::{self, Post};
use crate::source::git::Repository;
use crate::source::server::{Pending, ReviewServer, Server, Told};

use super::{Prompts, requests};

/// Requests whose checks are asked for: each takes a question of its own.
const MAX_CHECKED: usize = 60;

/// Asks a server what is open in some of its repositories, and what of all of them asks for the account. What it told
/// is kept, and with it what it did not tell.
///
/// # Errors
/// A sentence: it did not answer. What it told before is kept then.
pub fn ask(post: &Post, server: &Server, repositories: &[String], now: i64) -> Result<Told, String> {
    let (connected, account) = post.connect(server)?;
    let mut told = Told::new(server.name.clone(), now, account);
    for repository in repositories {
        match connected.open(repository, &told.account) {
            Ok(open) => {
                told.repositories.push(repository.clone());
                told.pending.extend(open);
            }
            Err(why) => told.missing.push(why.to_string()),
        }
    }
    match connected.asked(&told.account) {
        Ok(asked) => take_asked(&mut told, asked),
        Err(why) => told.missing.push(why.to_string()),
    }
    take_checks(&mut told, &*connected);
    told.missing.dedup();
    post.memory.save(&told);
    Ok(told)
}

fn take_asked(told: &mut Told, asked: Vec<Pending>) {
    for asked in asked {
        match told.pending.iter_mut().find(|known| is_same(known, &asked)) {
            Some(known) => known.asked = known.asked.take().or(asked.asked),
            None => told.pending.push(asked),
        }
    }
}

/// Of the requests that ask for the account first. One failure is enough to ask no further.
fn take_checks(told: &mut Told, connected: &dyn ReviewServer) {
    let heads = told.pending.iter();
    let heads = heads.filter_map(|one| Some((one.asked.is_none(), one.repository.clone(), one.head?)));
    let mut heads: Vec<(bool, String, ObjectId)> = heads.collect();
    heads.sort();
    for (_, repository, head) in heads.into_iter().take(MAX_CHECKED) {
        match connected.checks(&repository, head) {
            Ok(checks) => _ = told.checks.insert(head.to_string(), checks),
            Err(why) => return told.missing.push(why.to_string()),
        }
    }
}

fn is_same(a: &Pending, b: &Pending) -> bool {
    (&a.repository, a.request) == (&b.repository, b.request)
}

/// Brings what a server told of to a repository, and takes away what is not open any more. Says whether any ref moved.
///
/// # Errors
/// What git said.
pub fn bring(repository: &Repository, server: &Server, told: &Told, prompts: Prompts) -> Result<bool, String> {
    let mut is_new = false;
    for (remote, name) in delivery::repositories(repository, server) {
        if !told.repositories.contains(&name) {
            continue;
        }
        let open = told.pending.iter().filter(|pending| pending.repository == name);
        let open: Vec<_> = open.map(|pending| (pending.request, pending.head)).collect();
        is_new |= requests::fetch_these(repository, &remote, &open, prompts)?;
    }
    Ok(is_new)
}

/// Asks all servers about some repositories, and brings what they tell of; what failed, and why.
pub fn refresh(post: &Post, repositories: &[Repository], prompts: Prompts, now: i64) -> Vec<(String, String)> {
    let mut failed = Vec::new();
    for server in &post.servers {
        let here = repositories.iter().flat_map(|repository| delivery::repositories(repository, server));
        let names: Vec<String> = here.map(|(_, name)| name).collect();
        match ask(post, server, &names, now) {
            Ok(told) => {
                failed.extend(told.missing.iter().map(|why| (server.name.clone(), why.clone())));
                let brought =
                    repositories.iter().map(|repository| (repository, bring(repository, server, &told, prompts)));
                failed.extend(
                    brought.filter_map(|(repository, brought)| Some((repository.name.clone(), brought.err()?))),
                );
            }
            Err(why) => failed.push((server.name.clone(), why)),
        }
    }
    failed
}
