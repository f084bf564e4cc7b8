//! The answers of review servers, attached to the changes that they are about.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use crate::change::request::Request;
use crate::change::{Change, ObjectId, counted, visible};
use crate::delivery::Hosted;
use crate::source::server::{Checks, Pending, Told};

/// A server of the configuration.
#[derive(Debug, Clone)]
pub struct ServerSource {
    pub name: String,
    pub told: Option<Arc<Told>>,
    /// Why its last query failed.
    pub problem: Option<String>,
}

impl ServerSource {
    pub fn new(name: String) -> ServerSource {
        ServerSource { name, told: None, problem: None }
    }
}

/// What a server says about one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestInfo {
    pub pending: Pending,
    /// About the local head.
    pub checks: Option<Checks>,
}

/// Why a change is not ready to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    Draft,
    ChecksFail,
    ChecksRun,
}

impl NotReady {
    /// In a few columns.
    pub fn word(self) -> &'static str {
        match self {
            NotReady::Draft => "draft",
            NotReady::ChecksFail => "CI fails",
            NotReady::ChecksRun => "CI runs",
        }
    }
}

impl RequestInfo {
    /// The branch on which its server would land it, if that is not the target that it is compared with here, and not
    /// the branch of what it builds on.
    pub fn other_target(&self, change: &Change) -> Option<&str> {
        fn short(name: &str) -> &str {
            name.strip_prefix("refs/heads/").unwrap_or(name)
        }
        let is_below = |told: &str| change.below.iter().flat_map(|below| &below.branches).any(|own| own == told);
        let is_other = |told: &&str| !told.is_empty() && *told != short(&change.target) && !is_below(told);
        Some(short(&self.pending.target)).filter(is_other)
    }

    pub fn not_ready(&self) -> Option<NotReady> {
        let checks = self.checks.unwrap_or_default();
        match () {
            () if self.pending.is_draft => Some(NotReady::Draft),
            () if checks.failed > 0 => Some(NotReady::ChecksFail),
            () if checks.running > 0 => Some(NotReady::ChecksRun),
            () => None,
        }
    }
}

/// Checks in three columns: `✓`, `✗2`, `…`, `–` if none are known.
pub fn checks_sign(checks: Option<Checks>) -> String {
    match checks {
        Some(Checks { failed, .. }) if failed > 0 => format!("✗{}", failed.min(99)),
        Some(Checks { running, .. }) if running > 0 => "…".to_owned(),
        Some(Checks { passed, .. }) if passed > 0 => "✓".to_owned(),
        _ => "–".to_owned(),
    }
}

/// Checks in a sentence.
pub fn checks_sentence(checks: Checks) -> String {
    let Checks { passed, failed, running } = checks;
    let part = |n: usize, word: &str| (n > 0).then(|| format!("{n} {word}"));
    let parts = [part(failed, "failed"), part(running, "running"), part(passed, "passed")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "none at this head".to_owned() } else { parts.join(", ") + " at this head" }
}

/// The answers of servers, keyed by what identifies a request.
pub struct Index<'t>(HashMap<(&'t str, &'t str, Request), (&'t Told, &'t Pending)>);

impl<'t> Index<'t> {
    pub fn of(servers: &'t [ServerSource]) -> Index<'t> {
        let told = servers.iter().filter_map(|server| server.told.as_deref());
        let all = told.flat_map(|told| told.pending.iter().map(move |pending| (told, pending)));
        let place = |told: &'t Told, one: &'t Pending| (told.server.as_str(), one.repository.as_str(), one.request);
        Index(all.map(|(told, pending)| (place(told, pending), (told, pending))).collect())
    }

    /// What a server says about a change, if the local head is the one that it reports.
    pub fn request_info(&self, hosted: &Hosted, head: ObjectId) -> Option<RequestInfo> {
        let (told, pending) = self.0.get(&(hosted.server.as_str(), hosted.repository.as_str(), hosted.request))?;
        Some(RequestInfo { pending: (*pending).clone(), checks: told.checks_at(&pending.repository, head) })
    }
}

/// Requests for this person's review in repositories that they do not have: what, and what helps. `here` lists the
/// local repositories, by server and name there.
pub fn elsewhere(servers: &[ServerSource], here: &BTreeSet<&(String, String)>) -> Vec<(String, String)> {
    let row = |pending: &Pending| {
        let what = format!("{} {} {}", pending.repository, pending.request.sign(), pending.title);
        let page = if pending.page.is_empty() { String::new() } else { format!(" Its page: {}", pending.page) };
        let why = format!("your review is requested, and no clone of {} is open here.{page}", pending.repository);
        (visible::text(&what).into_owned(), visible::text(&why).into_owned())
    };
    let told = servers.iter().filter_map(|server| server.told.as_ref());
    let all = told.flat_map(|told| told.pending.iter().map(|one| (&told.server, one)));
    let asks = all.filter(|(_, one)| one.asked.is_some());
    let elsewhere = asks.filter(|(server, one)| !here.contains(&((*server).clone(), one.repository.clone())));
    elsewhere.map(|(_, one)| row(one)).collect()
}

/// Servers that did not answer everything, and what is shown about them.
pub fn silent(servers: &[ServerSource]) -> Vec<(String, String)> {
    let row = |server: &ServerSource| {
        let missing = server.told.as_ref().and_then(|told| told.missing.first());
        let why = server.problem.as_ref().or(missing)?;
        // The new part of its answer is not from before.
        let before = server.told.as_ref().filter(|_| server.problem.is_some()).map_or(0, |told| told.pending.len());
        let known =
            if before == 0 { String::new() } else { format!(" Shown as before: {}.", counted(before, "request")) };
        Some((visible::text(&server.name).into_owned(), format!("{why}{known}")))
    };
    servers.iter().filter_map(row).collect()
}
