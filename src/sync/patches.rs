//! The review requests of a server that has no refs, stored among those of the remote that they are for: rebuilt from
//! patches if their commits are not here already.

use std::collections::BTreeSet;

use crate::change::request::{REQUESTS, Request, RequestKind};
use crate::change::{ObjectId, visible};
use crate::source::git::{Repository, oid};
use crate::source::server::{Pending, ReviewServer, Source};

use super::rebuild::rebuild;

/// The result of fetching them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brought {
    /// New here, or moved.
    pub requests: usize,
    /// No longer open, and removed here.
    pub gone: usize,
    /// Open there and not here, a sentence each.
    pub unproved: Vec<String>,
}

/// Fetches the open review requests of a server's repository, and removes those that are no longer open.
///
/// # Errors
/// A sentence: the server did not say which are open.
pub fn bring(repository: &Repository, remote: &str, server: &dyn ReviewServer, name: &str) -> Result<Brought, String> {
    let plain = |error: crate::source::server::ServerError| error.to_string();
    let account = server.account().map_err(plain)?;
    let (mut open, mut brought) = (BTreeSet::new(), Brought::default());
    for pending in server.open(name, &account).map_err(plain)?.into_iter().filter(|one| one.request.is_counted()) {
        let full = format!("{REQUESTS}{remote}/{}", pending.request);
        match head(repository, server, &pending) {
            // Its old position stays: the queue reports that the head of the request moved.
            Err(why) => brought.unproved.push(format!("{}: {why}", visible::text(&pending.request.sign()))),
            Ok(head) => brought.requests += usize::from(put(repository, &full, head)?),
        }
        open.insert(full);
    }
    brought.gone = prune(repository, remote, &open);
    Ok(brought)
}

/// The head of a request, once its commits are here.
fn head(repository: &Repository, server: &dyn ReviewServer, pending: &Pending) -> Result<ObjectId, String> {
    let is_here = |head: &ObjectId| repository.raw.find_commit(oid(*head)).is_ok();
    if let Some(head) = pending.head.filter(is_here) {
        return Ok(head);
    }
    match server.source(&pending.repository, pending.request).map_err(|error| error.to_string())? {
        Source::Patches(series) => rebuild(repository, &series),
        Source::Refs => Err("its server has refs, and git brings them.".to_owned()),
    }
}

/// Returns whether it is new.
fn put(repository: &Repository, full: &str, head: ObjectId) -> Result<bool, String> {
    if repository.raw.refname_to_id(full).ok() == Some(oid(head)) {
        return Ok(false);
    }
    let written = repository.raw.reference(full, oid(head), true, "undersign: fetch");
    written.map(|_| true).map_err(|error| format!("{full} cannot be written: {}.", error.message()))
}

/// Returns how many were removed.
fn prune(repository: &Repository, remote: &str, open: &BTreeSet<String>) -> usize {
    let prefix = format!("{REQUESTS}{remote}/");
    let mut gone = 0;
    for mut reference in repository.raw.references_glob(&format!("{prefix}*")).into_iter().flatten().flatten() {
        let full = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        let request = full.strip_prefix(&prefix).and_then(Request::named);
        if request.is_some_and(|request| request.kind == RequestKind::ReviewRequest) && !open.contains(&full) {
            gone += usize::from(reference.delete().is_ok());
        }
    }
    gone
}
