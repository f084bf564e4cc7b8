//! `undersign queue`: the queue for scripts and for output that is not a terminal.

#[cfg(feature = "tui")]
mod commands;
#[cfg(feature = "tui")]
mod notify;
mod own_key;
mod print;
mod reading;
mod row;
#[cfg(feature = "tui")]
mod servers;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

pub(super) use self::own_key::{futile, unusable as unusable_key};
pub(super) use self::reading::{QueuedDrill, Unreadable};
pub(super) use self::row::{Row, ShownEncoding, row};
use crate::cache::{self, Caches};
use crate::change::{Change, visible};
#[cfg(feature = "tui")]
use crate::config;
#[cfg(feature = "tui")]
use crate::delivery::ServerAccess;
use crate::examination::background::{self, Progress};
#[cfg(feature = "tui")]
use crate::source::git::GitError;
use crate::source::git::{Names, Repository};
#[cfg(feature = "tui")]
use crate::sync::servers as server_lists;
use crate::sync::{Prompts, branches};

#[derive(Args, Default)]
pub struct Options {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Bring branches and review requests of the remotes first, as `R` does in the desk
    #[arg(long)]
    pub fetch: bool,
    /// Read the history of each target first, as the desk does beside its queue: minutes, the first time
    #[arg(long)]
    pub history: bool,
    /// Print only what is late by the clock of its policy; exits with 1 if anything is
    #[arg(long)]
    pub late: bool,
    /// Tell the command `notify` of config.toml what is new, and print nothing unless --json or --late is given
    #[cfg(feature = "tui")]
    #[arg(long)]
    pub notify: bool,
}

impl Options {
    /// Whether anything is printed.
    fn prints(&self) -> bool {
        #[cfg(feature = "tui")]
        return !self.notify || self.json || self.late;
        #[cfg(not(feature = "tui"))]
        true
    }
}

/// Something is late.
const LATE: u8 = 1;
/// Whether anything is late cannot be said.
const UNDECIDED: u8 = 4;

pub fn run(options: &Options, repositories: &[PathBuf]) -> Result<u8, String> {
    let names = names(repositories);
    let repositories = names.paths();
    let mut stale = if options.fetch { fetch(&names) } else { Vec::new() };
    if options.history {
        stale.extend(repositories.iter().enumerate().filter_map(|(index, path)| {
            let what = path.display().to_string();
            learn(&names, index, path).err().map(|why| Unreadable::of(what, why))
        }));
    }
    let mut found = reading::read(&names);
    repositories.iter().filter_map(|path| unusable_key(path)).collect::<BTreeSet<_>>().iter().for_each(|why| {
        eprintln!("undersign: {why}");
    });
    found.undecided.extend(stale);
    let is_undecided = !found.undecided.is_empty();
    // A list shows what a policy with a mistake says of each change; only what is late has no such row.
    let undecided = found.undecided.into_iter().filter(|row| options.late || !row.is_for_late);
    let mut queue = found.queue;
    queue.unreadable.extend(undecided);
    #[cfg(feature = "tui")]
    if options.notify {
        notify::notify(&queue, &found.pending)?;
    }
    if options.late {
        queue.changes.retain(|row| row.late.is_some_and(|late| late <= crate::clock::now()));
        // Nobody waits for a drill, and no policy gives commands a clock.
        queue.drills.clear();
        queue.commands.clear();
    }
    if !options.prints() {
        queue.unreadable.iter().for_each(|row| eprintln!("undersign: {}: {}", row.what, row.why));
    } else if options.json {
        super::print_json(&queue);
    } else if found.is_any_read || queue.unreadable.len() > 1 {
        print::print(&queue, if options.late { "Nothing is late." } else { "Nothing is pending." });
    }
    match queue.unreadable.first() {
        Some(first) if !found.is_any_read => Err(first.why.clone()),
        _ if !options.late => Ok(0),
        _ if !queue.changes.is_empty() => Ok(LATE),
        _ => Ok(if is_undecided { UNDECIDED } else { 0 }),
    }
}

/// Those that somebody named, otherwise the one here, and where none is, as in the home of a timer, those of the
/// configuration.
pub(super) fn names(repositories: &[PathBuf]) -> Names {
    let here = super::here();
    #[cfg(feature = "tui")]
    if repositories.is_empty() && matches!(Repository::open(&here), Err(GitError::NotARepository(_))) {
        let configured = config::repositories();
        if !configured.is_empty() {
            return super::names(&configured);
        }
    }
    if repositories.is_empty() { super::names(&[here]) } else { super::names(repositories) }
}

/// Fetches into each; those whose remotes or servers did not answer are listed as they were before.
fn fetch(names: &Names) -> Vec<Unreadable> {
    let opened = names.paths().iter().filter_map(|path| Repository::open(path).ok());
    let repositories: Vec<Repository> = opened.map(|repository| names.name(repository)).collect();
    let (prompts, now) = (Prompts::Allowed, crate::clock::now());
    let branches = |answered: &dyn Fn(&Repository) -> Vec<String>| -> Vec<(String, String)> {
        let fetched = repositories.iter().map(|it| (it.name.clone(), branches::fetch(it, &answered(it), prompts, now)));
        fetched.filter_map(|(name, fetched)| Some((name, fetched.err()?))).collect()
    };
    #[cfg(feature = "tui")]
    let failed = {
        let access = ServerAccess::by_network(config::servers(), &config::data_directory());
        let failed = branches(&|repository| access.answered(repository));
        failed.into_iter().chain(server_lists::refresh(&access, &repositories, prompts, now))
    };
    #[cfg(not(feature = "tui"))]
    let failed = branches(&|_| Vec::new());
    let stale = failed.into_iter().map(|(what, why)| Unreadable::of(what, format!("It is listed as before. {why}")));
    stale.collect()
}

/// Reads what history says of the changes of a repository, and tells how far it is on standard error.
fn learn(names: &Names, index: usize, path: &Path) -> Result<(), String> {
    let (repository, snapshot) = super::opened(names, path, None)?;
    let pending = repository.changes(index, &snapshot.target).map_err(|error| error.to_string())?;
    let changes: Vec<Arc<Change>> = pending.changes.into_iter().map(Arc::new).collect();
    let mut told = |Progress { what, done, total }: Progress| {
        if done.is_multiple_of(1_000) {
            eprintln!("undersign: {}: {done} of {total} {what}", visible::text(&snapshot.name));
        }
    };
    let caches = Caches::at(cache::home());
    background::learn(&repository, &snapshot, &changes, &caches, &mut told).map(|_| ()).map_err(|why| why.to_string())
}
