//! Reads the queue of all repositories, and remembers since when their changes wait.

use std::collections::BTreeSet;
use std::path::Path;
#[cfg(feature = "tui")]
use std::path::PathBuf;

use serde::Serialize;

#[cfg(feature = "tui")]
use super::commands;
use super::row::{Row, row};
#[cfg(feature = "tui")]
use super::servers::{Servers, add_told};
#[cfg(feature = "tui")]
use crate::app::servers::Index;
use crate::cache::{self, Caches};
use crate::change::{Change, ObjectId, visible};
use crate::cli::drill_rows::ShownDrill;
use crate::cli::opened;
use crate::examination::team::Team;
use crate::examination::{Examination, Kept, RepositorySnapshot};
use crate::risk::without_logins;
use crate::source::git::{Names, PolicyState, Repository};
use crate::waiting;

/// The queue as `undersign queue --json` has it.
#[derive(Serialize)]
pub struct Queue {
    schema: &'static str,
    /// The most urgent first.
    pub changes: Vec<Row>,
    /// Drills of emergencies that go on, or whose review is owed.
    pub drills: Vec<QueuedDrill>,
    /// What is said of the commands in production that wait for people. Scripts ask their broker.
    #[serde(skip)]
    pub commands: Vec<String>,
    pub unreadable: Vec<Unreadable>,
}

impl Default for Queue {
    fn default() -> Queue {
        Queue {
            schema: "undersign-queue/v0",
            changes: Vec::new(),
            drills: Vec::new(),
            commands: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}

/// A drill in its repository.
#[derive(Serialize)]
pub struct QueuedDrill {
    pub repository: String,
    #[serde(flatten)]
    pub drill: ShownDrill,
}

impl QueuedDrill {
    /// All of a repository, the newest first.
    pub fn all(snapshot: &RepositorySnapshot) -> Vec<QueuedDrill> {
        let Ok(repository) = Repository::open(&snapshot.root) else { return Vec::new() };
        let all = ShownDrill::all(&repository, snapshot.policy(), crate::clock::now()).into_iter();
        all.map(|drill| QueuedDrill { repository: visible::text(&snapshot.name).into_owned(), drill }).collect()
    }

    /// In one line.
    pub fn told(&self) -> String {
        format!("{}: {}", self.repository, self.drill.told())
    }
}

/// What could not be read, and why.
#[derive(Serialize)]
pub struct Unreadable {
    pub what: String,
    pub why: String,
    /// It matters only for what is late.
    #[serde(skip)]
    pub is_for_late: bool,
}

impl Unreadable {
    /// Both may be what somebody typed, or what git says.
    pub fn of(what: String, why: String) -> Unreadable {
        let [what, why] = [what, why].map(|text| without_logins(&text));
        Unreadable { what, why, is_for_late: false }
    }

    /// Why nothing there is ever due, though it should be.
    fn without_clock(snapshot: &RepositorySnapshot, why: String) -> Unreadable {
        Unreadable { is_for_late: true, ..Unreadable::of(snapshot.name.clone(), why) }
    }
}

/// What was found in the repositories.
#[derive(Default)]
pub struct Found {
    pub queue: Queue,
    pub is_any_read: bool,
    /// Why it cannot be said of something whether it is late, a sentence each.
    pub undecided: Vec<Unreadable>,
    /// What is pending in each repository that was read, examined or not.
    #[cfg(feature = "tui")]
    pub pending: Vec<Pending>,
}

/// What is pending in a repository, for those who remember it.
#[derive(Default)]
pub struct Pending {
    #[cfg(feature = "tui")]
    pub common_dir: PathBuf,
    #[cfg(feature = "tui")]
    pub ids: Vec<String>,
    heads: BTreeSet<ObjectId>,
}

/// Reads all of them, one after the other.
pub fn read(names: &Names) -> Found {
    let caches = Caches::at(cache::home());
    let mut found = Found::default();
    #[cfg(feature = "tui")]
    let servers = Servers::read();
    #[cfg(feature = "tui")]
    let told = Index::of(&servers.told);
    for (index, path) in names.paths().iter().enumerate() {
        #[cfg(feature = "tui")]
        let hosts = servers.hosts(path);
        #[cfg(feature = "tui")]
        let complete = |change: &Change, row: &mut Row| add_told(&hosts, &told, change, row);
        #[cfg(not(feature = "tui"))]
        let complete = |_: &Change, _: &mut Row| ();
        found.read_one((names, index, path), &caches, &complete);
    }
    caches.write();
    found.queue.changes.sort_by(|a, b| a.urgency.cmp(&b.urgency));
    found
}

impl Found {
    fn read_one(
        &mut self,
        (names, index, path): (&Names, usize, &Path),
        caches: &Caches,
        complete: &dyn Fn(&Change, &mut Row),
    ) {
        let (mut pending, mut rows) = (Pending::default(), Vec::new());
        let Found { queue, undecided, .. } = self;
        let visited = each(
            names,
            index,
            path,
            caches,
            |what, why| queue.unreadable.push(Unreadable::of(what, why)),
            |(snapshot, team), change, examined| {
                pending.heads.insert(change.revision.head);
                #[cfg(feature = "tui")]
                pending.ids.push(change.id.clone());
                match examined {
                    Ok(examination) => {
                        let mut row = row(snapshot, team, &change, &examination);
                        complete(&change, &mut row);
                        rows.push((change.revision.head, row));
                    }
                    Err(why) => undecided.push(Unreadable::of(visible::text(&change.id).into_owned(), why)),
                }
            },
        );
        match visited {
            Ok(snapshot) => {
                let rows = rows.iter_mut().map(|(head, row)| (*head, row));
                undecided.extend(start_clocks(&snapshot, &pending.heads, rows));
                self.tell_of(&snapshot, pending);
            }
            Err(why) => undecided.push(Unreadable::of(folder(path), why)),
        }
        self.queue.changes.extend(rows.into_iter().map(|(_, row)| row));
    }

    /// What there is to say of a repository beside its changes.
    fn tell_of(&mut self, snapshot: &RepositorySnapshot, pending: Pending) {
        self.is_any_read = true;
        if let Some(told) = snapshot.told_unread() {
            eprintln!("undersign: {}: {told}", visible::text(&snapshot.name));
        }
        let drills = QueuedDrill::all(snapshot).into_iter();
        self.queue.drills.extend(drills.filter(|own| own.drill.is_current()));
        #[cfg(feature = "tui")]
        match commands::waiting(snapshot) {
            Ok(waiting) => self.queue.commands.extend(waiting),
            Err(why) => self.queue.unreadable.push(Unreadable::of(snapshot.name.clone(), why)),
        }
        if let PolicyState::Invalid(error) = &snapshot.policy {
            let told = visible::lines(&error.to_string());
            let why = format!("Its policy has mistakes, so that nothing is due: {told}");
            self.undecided.push(Unreadable::without_clock(snapshot, why));
            // Otherwise each row says so.
            if pending.heads.is_empty() {
                let why = format!("Its policy has mistakes, so that nothing may land: {told}");
                self.queue.unreadable.push(Unreadable::of(snapshot.name.clone(), why));
            }
        }
        #[cfg(feature = "tui")]
        self.pending.push(Pending { common_dir: snapshot.common_dir.clone(), ..pending });
    }
}

/// The name of what could not be opened: that of its folder, also where it is named by `.`.
fn folder(path: &Path) -> String {
    let named = std::fs::canonicalize(path).ok().filter(|_| path.file_name().is_none());
    let name = named.as_ref().and_then(|whole| whole.file_name()).map(|name| visible::line(name.as_encoded_bytes()));
    name.unwrap_or_else(|| visible::text(&path.display().to_string()).into_owned())
}

/// Visits every pending change of a repository, examined, or with the reason why that was not possible.
pub fn each(
    names: &Names,
    index: usize,
    path: &Path,
    caches: &Caches,
    mut broken: impl FnMut(String, String),
    mut visit: impl FnMut((&RepositorySnapshot, &Team), Change, Result<Examination, String>),
) -> Result<RepositorySnapshot, String> {
    let (repository, snapshot) = opened(names, path, None)?;
    let cache = caches.of(repository.common_dir());
    let repository = repository.with_cache(&cache);
    let pending = repository.changes(index, &snapshot.target).map_err(|error| error.to_string())?;
    for one in pending.broken {
        broken(visible::text(&one.id).into_owned(), one.why.to_string());
    }
    let team =
        Team::of(&repository, &snapshot, pending.changes.iter().map(|own| own.revision.head), crate::clock::now());
    let kept = Kept::of(&repository, &snapshot, &cache);
    for change in pending.changes {
        let examined = kept.listed(&change, crate::clock::now());
        visit((&snapshot, &team), change, examined.map_err(|error| error.to_string()));
    }
    Ok(snapshot)
}

/// Says since when what is pending waits, and by when it is due: a clock starts when a head is first seen to wait.
fn start_clocks<'r>(
    snapshot: &RepositorySnapshot,
    pending: &BTreeSet<ObjectId>,
    rows: impl Iterator<Item = (ObjectId, &'r mut Row)>,
) -> Option<Unreadable> {
    let (now, home) = (crate::clock::now(), waiting::home());
    let mut since = waiting::since(home.as_deref(), &snapshot.common_dir, now);
    for (head, row) in rows.filter(|(_, row)| row.waits()) {
        since.entry(head).or_insert(now);
        row.tell_clock(snapshot, head, &since);
    }
    let kept = match home.is_some() {
        true => waiting::keep(home.as_deref(), &snapshot.common_dir, pending, &since, now),
        false => Err("Since when changes wait cannot be remembered: set HOME.".to_owned()),
    };
    // Without a clock nobody misses it.
    let why = kept.err().filter(|_| snapshot.policy().is_some_and(|policy| policy.clock.is_some()))?;
    eprintln!("undersign: {why}");
    Some(Unreadable::without_clock(snapshot, why))
}
