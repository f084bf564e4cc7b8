//! `undersign queue`: the queue for scripts and for output that is not a terminal.

#[cfg(feature = "tui")]
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "tui")]
use std::sync::{Mutex, PoisonError};

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

use super::drill_rows::ShownDrill;
#[cfg(feature = "tui")]
use crate::app::servers::{Index, NotReady, ServerSource};
#[cfg(feature = "tui")]
use crate::authorizing::{CommandLedger, RequestState};
use crate::cache::{self, Caches};
#[cfg(feature = "tui")]
use crate::change::address;
use crate::change::references::Reference;
use crate::change::{Change, ObjectId, RepoPath, counted, visible};
use crate::claims::Claim;
#[cfg(feature = "tui")]
use crate::config;
#[cfg(feature = "tui")]
use crate::delivery::{Hosts, ServerAccess};
use crate::examination::background::{self, Progress};
use crate::examination::team::Team;
use crate::examination::{self, ChangeStatus, Examination, Kept, RepositorySnapshot};
use crate::gate::advice;
#[cfg(feature = "tui")]
use crate::notices::{self, Fact};
use crate::risk::{BlastClass, without_logins};
#[cfg(feature = "tui")]
use crate::signer::NoKey;
#[cfg(feature = "tui")]
use crate::source::git::GitError;
use crate::source::git::{Names, PolicyState, Repository};
#[cfg(feature = "tui")]
use crate::source::server::{CommentCount, Server};
#[cfg(feature = "tui")]
use crate::sync::servers;
use crate::sync::{Prompts, branches};
use crate::waiting::{self, WaitingSince};

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

#[derive(Serialize)]
struct Queue {
    schema: &'static str,
    changes: Vec<Row>,
    /// Drills of emergencies that go on, or whose review is owed.
    drills: Vec<QueuedDrill>,
    /// What is said of the commands in production that wait for people. Scripts ask their broker.
    #[serde(skip)]
    commands: Vec<String>,
    unreadable: Vec<Unreadable>,
}

/// A drill in its repository.
#[derive(Serialize)]
pub(super) struct QueuedDrill {
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

#[derive(Serialize)]
pub(super) struct Row {
    pub id: String,
    pub repository: String,
    pub branch: String,
    /// The branch for people: with its remote where others hold a branch of that name.
    pub name: String,
    /// Full names of the refs that stand at its head.
    pub refs: Vec<String>,
    /// How it stands to its counterpart and to what landed.
    pub stands: Vec<String>,
    /// What its commits and its description on the server say that it depends on.
    pub depends_on: Vec<String>,
    pub target: String,
    pub title: String,
    pub base: String,
    pub head: String,
    pub tier: u8,
    pub points: u32,
    pub blast: String,
    /// The same, for people.
    #[serde(skip)]
    pub reach: BlastClass,
    /// The agent in a word, also if none is named.
    #[serde(skip)]
    pub made_by: String,
    pub agent: Option<String>,
    pub provenance: &'static str,
    pub files: usize,
    pub added: u32,
    pub removed: u32,
    /// Texts that are written in another encoding than before: no line says it.
    pub encodings: Vec<ShownEncoding>,
    pub compartments: Vec<String>,
    pub finding_count: usize,
    pub time: i64,
    /// For whoever runs this.
    #[serde(rename = "need")]
    pub status: ChangeStatus,
    /// Since when it waits for a person, as seen here; then when it is due and late, if the policy has a clock.
    pub since: Option<i64>,
    pub due: Option<i64>,
    pub late: Option<i64>,
    /// Ids of the people to ask for what is open, those with least to read.
    pub ask: Vec<String>,
    /// The same in words, with what nobody who is there can fill, and who is away.
    #[serde(rename = "ask_text")]
    pub told_ask: String,
    /// What nobody who is there can fill, in words.
    #[serde(skip)]
    pub left_open: Option<String>,
    /// Who says to be reading it.
    pub claims: Vec<ShownClaim>,
    /// Who rejected another change of the same paths: an approval answers them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// The review request that it is: `#12`.
    pub request: Option<String>,
    /// Who of this person's is asked to review it, says its server.
    pub asked: Option<String>,
    /// The branch on which its server would land it, if that is another one than `target`.
    pub told_target: Option<String>,
    /// How many comments it has, as far as its server's list says so.
    #[cfg(feature = "tui")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_count: Option<CommentCount>,
    /// Why nobody need read it yet, by what its server said last.
    pub not_ready: Option<&'static str>,
    /// Its page on its server.
    #[cfg(feature = "tui")]
    #[serde(skip)]
    pub page: Option<String>,
    /// Where its repository is.
    #[cfg(feature = "tui")]
    #[serde(skip)]
    pub root: PathBuf,
    /// Names it among all repositories.
    #[cfg(feature = "tui")]
    #[serde(skip)]
    pub key: String,
}

#[derive(Serialize)]
pub(super) struct ShownClaim {
    pub by: String,
    /// When it ends, in seconds since the epoch.
    pub until: i64,
    #[serde(skip)]
    pub told: String,
}

impl ShownClaim {
    fn of(claim: &Claim) -> ShownClaim {
        ShownClaim { by: claim.by.clone(), until: claim.until, told: claim.told() }
    }
}

#[derive(Serialize)]
pub(super) struct Unreadable {
    pub what: String,
    pub why: String,
    /// It matters only for what is late.
    #[serde(skip)]
    pub is_for_late: bool,
}

impl Unreadable {
    pub fn of(what: String, why: String) -> Unreadable {
        // Either may have been typed, or be what git says.
        let [what, why] = [what, why].map(|text| without_logins(&text));
        Unreadable { what, why, is_for_late: false }
    }

    /// Why nothing there is ever due, though it should be.
    fn without_clock(snapshot: &RepositorySnapshot, why: String) -> Unreadable {
        Unreadable { is_for_late: true, ..Unreadable::of(snapshot.name.clone(), why) }
    }
}

/// Something is late.
const LATE: u8 = 1;
/// Whether anything is late cannot be said.
const UNDECIDED: u8 = 4;

/// What was found in the repositories.
struct Found {
    queue: Queue,
    is_any_read: bool,
    /// Why it cannot be said of something whether it is late, a sentence each.
    undecided: Vec<Unreadable>,
    /// What was seen to be pending in each repository that was read, for those who remember it.
    #[cfg(feature = "tui")]
    seen: Vec<notices::Seen>,
}

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
    #[cfg(feature = "tui")]
    let Found { mut queue, is_any_read, mut undecided, seen } = read(&names);
    #[cfg(not(feature = "tui"))]
    let Found { mut queue, is_any_read, mut undecided } = read(&names);
    #[cfg(feature = "tui")]
    repositories.iter().filter_map(|path| unusable_key(path)).collect::<BTreeSet<_>>().iter().for_each(|why| {
        eprintln!("undersign: {why}");
    });
    undecided.extend(stale);
    let is_undecided = !undecided.is_empty();
    // A list shows what a policy with a mistake says of each change; only what is late has no such row.
    queue.unreadable.extend(undecided.into_iter().filter(|row| options.late || !row.is_for_late));
    #[cfg(feature = "tui")]
    if options.notify {
        notify(&queue, &seen)?;
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
    } else if is_any_read || queue.unreadable.len() > 1 {
        print(&queue, if options.late { "Nothing is late." } else { "Nothing is pending." });
    }
    match queue.unreadable.first() {
        Some(first) if !is_any_read => Err(first.why.clone()),
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
        failed.into_iter().chain(servers::refresh(&access, &repositories, prompts, now))
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

fn read(names: &Names) -> Found {
    let (mut rows, mut unreadable, mut is_any_read) = (Vec::new(), Vec::new(), false);
    let (mut undecided, mut drills) = (Vec::new(), Vec::new());
    #[cfg_attr(not(feature = "tui"), allow(unused_mut))]
    let mut commands = Vec::new();
    #[cfg(feature = "tui")]
    let mut seen: Vec<notices::Seen> = Vec::new();
    let caches = Caches::at(cache::home());
    #[cfg(feature = "tui")]
    let servers = Servers::read();
    #[cfg(feature = "tui")]
    let told = Index::of(&servers.told);
    for (index, path) in names.paths().iter().enumerate() {
        let mut broken = Vec::new();
        #[cfg(feature = "tui")]
        let hosts = servers.hosts(path);
        let (before, mut heads, mut pending, mut ids) = (rows.len(), Vec::new(), BTreeSet::new(), Vec::new());
        let visited = each(
            names,
            index,
            path,
            &caches,
            |what, why| broken.push(Unreadable::of(what, why)),
            |(snapshot, team), change, examined| {
                pending.insert(change.revision.head);
                ids.push(change.id.clone());
                let examination = match examined {
                    Ok(examination) => examination,
                    Err(why) => {
                        return undecided.push(Unreadable::of(visible::text(&change.id).into_owned(), why));
                    }
                };
                #[allow(unused_mut)]
                let mut row = row(snapshot, team, &change, &examination);
                #[cfg(feature = "tui")]
                {
                    add_told(&hosts, &told, &change, &mut row);
                    row.key = Fact::key(&snapshot.common_dir, &change.id);
                    row.root = snapshot.root.clone();
                }
                heads.push(change.revision.head);
                rows.push((examination::urgency(&change, &examination), row));
            },
        );
        unreadable.append(&mut broken);
        is_any_read |= visited.is_ok();
        if let Ok(snapshot) = &visited {
            if let Some(told) = snapshot.told_unread() {
                eprintln!("undersign: {}: {told}", visible::text(&snapshot.name));
            }
            let rows = heads.into_iter().zip(rows[before..].iter_mut().map(|(_, row)| row));
            undecided.extend(start_clocks(snapshot, &pending, rows));
            drills.extend(QueuedDrill::all(snapshot).into_iter().filter(|own| own.drill.is_current()));
            #[cfg(feature = "tui")]
            match waiting_commands(snapshot) {
                Ok(waiting) => commands.extend(waiting),
                Err(why) => unreadable.push(Unreadable::of(snapshot.name.clone(), why)),
            }
            if let PolicyState::Invalid(error) = &snapshot.policy {
                let why =
                    format!("Its policy has mistakes, so that nothing is due: {}", visible::lines(&error.to_string()));
                undecided.push(Unreadable::without_clock(snapshot, why));
                // Otherwise each row says so.
                if pending.is_empty() {
                    let told = visible::lines(&error.to_string());
                    let why = format!("Its policy has mistakes, so that nothing may land: {told}");
                    unreadable.push(Unreadable::of(snapshot.name.clone(), why));
                }
            }
            #[cfg(feature = "tui")]
            seen.push(notices::Seen::of(&snapshot.common_dir, &ids));
        }
        undecided.extend(visited.err().map(|why| Unreadable::of(folder(path), why)));
    }
    caches.write();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let changes = rows.into_iter().map(|(_, row)| row).collect();
    Found {
        queue: Queue { schema: "undersign-queue/v0", changes, drills, commands, unreadable },
        is_any_read,
        undecided,
        #[cfg(feature = "tui")]
        seen,
    }
}

/// The name of what could not be opened: that of its folder, also where it is named by `.`.
fn folder(path: &Path) -> String {
    let named = std::fs::canonicalize(path).ok().filter(|_| path.file_name().is_none());
    let name = named.as_ref().and_then(|whole| whole.file_name()).map(|name| visible::line(name.as_encoded_bytes()));
    name.unwrap_or_else(|| visible::text(&path.display().to_string()).into_owned())
}

/// Visits every pending change of a repository, examined, or with the reason why that was not possible.
pub(super) fn each(
    names: &Names,
    index: usize,
    path: &Path,
    caches: &Caches,
    mut broken: impl FnMut(String, String),
    mut visit: impl FnMut((&RepositorySnapshot, &Team), Change, Result<Examination, String>),
) -> Result<RepositorySnapshot, String> {
    let (repository, snapshot) = super::opened(names, path, None)?;
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

impl Row {
    /// Whether it waits for a person.
    fn waits(&self) -> bool {
        self.not_ready.is_none() && self.status.waits()
    }

    fn tell_clock(&mut self, snapshot: &RepositorySnapshot, head: ObjectId, since: &WaitingSince) {
        let Some(since) = since.get(&head).filter(|_| self.waits()) else { return };
        let clock = snapshot.policy().and_then(|policy| policy.clock.as_ref());
        let deadlines = clock.and_then(|clock| clock.deadlines(self.tier, *since));
        self.since = Some(*since);
        (self.due, self.late) = (deadlines.map(|own| own.due), deadlines.map(|own| own.late));
    }

    /// By when it is to be signed, as far as a queue has seen it wait.
    pub(super) fn with_clock(mut self, snapshot: &RepositorySnapshot, head: ObjectId) -> Row {
        let since = waiting::since(waiting::home().as_deref(), &snapshot.common_dir, crate::clock::now());
        self.tell_clock(snapshot, head, &since);
        self
    }
}

pub(super) fn row(snapshot: &RepositorySnapshot, team: &Team, change: &Change, examination: &Examination) -> Row {
    let text = |text: &str| visible::text(text).into_owned();
    let now = crate::clock::now();
    let status = ChangeStatus::of(snapshot, examination, me(snapshot), now);
    let ask = team.ask(snapshot, examination, change, &status, now);
    let claims = team.claims_of(change.revision.head);
    let answered = examination.standing.as_ref().map(|standing| advice::answered(standing));
    let answered = answered.map(|by| by.into_iter().map(text).collect());
    Row {
        id: text(&change.id),
        repository: snapshot.name.clone(),
        branch: text(&change.branch),
        name: text(&change.name),
        refs: change.refs.iter().map(|at| text(&at.full)).collect(),
        stands: change.stands.iter().cloned().chain(change.builds_on()).map(|stands| text(&stands)).collect(),
        depends_on: change.references.depends_on.iter().map(Reference::to_string).collect(),
        target: text(&change.target),
        title: text(change.title()),
        base: change.revision.base.to_string(),
        head: change.revision.head.to_string(),
        tier: examination.assessment.tier,
        points: examination.assessment.points,
        blast: examination.assessment.blast.class.name().to_owned(),
        reach: examination.assessment.blast.class,
        agent: examination.provenance.agent().map(text),
        made_by: text(examination.provenance.word()),
        provenance: examination.provenance.status.name(),
        files: examination.files,
        added: examination.added,
        removed: examination.removed,
        encodings: examination.recoded.iter().map(ShownEncoding::of).collect(),
        compartments: examination.compartments.iter().map(|(name, _)| name.clone()).collect(),
        finding_count: examination.assessment.findings.len(),
        time: change.revision.commits.first().map_or(0, |commit| commit.time),
        since: None,
        due: None,
        late: None,
        told_ask: ask.to_string(),
        left_open: ask.left_open(),
        ask: ask.people.into_iter().map(|person| person.id).collect(),
        claims: claims.map(ShownClaim::of).collect(),
        answers: answered.unwrap_or_default(),
        status,
        request: change.request().map(|request| request.sign()),
        asked: None,
        told_target: None,
        not_ready: None,
        #[cfg(feature = "tui")]
        comment_count: None,
        #[cfg(feature = "tui")]
        page: None,
        #[cfg(feature = "tui")]
        root: PathBuf::new(),
        #[cfg(feature = "tui")]
        key: String::new(),
    }
}

/// What servers told last, for the rows of review requests: the same words as in the desk.
#[cfg(feature = "tui")]
struct Servers {
    configured: Vec<Server>,
    told: Vec<ServerSource>,
}

#[cfg(feature = "tui")]
impl Servers {
    fn read() -> Servers {
        let access = ServerAccess::by_network(config::servers(), &config::data_directory());
        let told = access.servers.iter().map(|server| {
            let told = access.memory.load(&server.name).map(Arc::new);
            ServerSource { told, ..ServerSource::new(server.name.clone()) }
        });
        Servers { told: told.collect(), configured: access.servers }
    }

    /// What they call the remotes of a repository.
    fn hosts(&self, path: &Path) -> Hosts {
        Repository::open(path).map_or_else(|_| Hosts::none(), |repository| Hosts::of(&repository, &self.configured))
    }
}

#[cfg(feature = "tui")]
fn add_told(hosts: &Hosts, told: &Index<'_>, change: &Change, row: &mut Row) {
    let hosted = hosts.hosted(&change.refs);
    let info = hosted.and_then(|hosted| told.request_info(&hosted, change.revision.head));
    let Some(info) = info else { return };
    row.title = visible::text(&info.pending.title).into_owned();
    row.not_ready = info.not_ready().map(NotReady::word);
    row.comment_count = info.pending.comments;
    // A page without anything that could act: no query, and no user.
    let page = Some(&info.pending.page).filter(|page| page.len() <= 400 && page.starts_with("http"));
    row.page = page.filter(|page| address::without_user(page) == **page).map(|page| visible::text(page).into_owned());
    row.told_target = info.other_target(change).map(|told| visible::text(told).into_owned());
    let told = info.pending.depends_on.iter().map(Reference::to_string);
    row.depends_on.extend(told.filter(|told| !change.references.depends_on.iter().any(|own| own.to_string() == *told)));
    row.asked = info.pending.asked.as_deref().map(|asked| visible::text(asked).into_owned());
}

/// Tells the user's command what is new. What it does not take is only reported.
#[cfg(feature = "tui")]
fn notify(queue: &Queue, seen: &[notices::Seen]) -> Result<(), String> {
    let command = config::notify();
    if command.is_empty() {
        return Err("There is no `notify` in config.toml: it names the command that gets the notices.".to_owned());
    }
    let home = waiting::home().ok_or("There is no directory to remember which notices were sent: set HOME.")?;
    let is_over = |time: Option<i64>| time.is_some_and(|time| time <= crate::clock::now());
    let fact = |row: &Row| Fact {
        key: row.key.clone(),
        root: row.root.clone(),
        id: row.id.clone(),
        repository: row.repository.clone(),
        branch: row.name.clone(),
        target: row.target.clone(),
        title: row.title.clone(),
        head: row.head.clone(),
        tier: row.tier,
        status: row.status.clone(),
        waits: row.waits(),
        is_due: is_over(row.due),
        is_late: is_over(row.late),
        ask: row.ask.clone(),
        told_ask: row.told_ask.clone(),
        claims: row.claims.iter().map(|claim| claim.by.clone()).collect(),
        page: row.page.clone(),
    };
    let facts: Vec<Fact> = queue.changes.iter().map(fact).collect();
    let problems = notices::tell(&command, &facts, seen, &home, crate::clock::now());
    problems.iter().for_each(|why| eprintln!("undersign: {why}"));
    Ok(())
}

/// The commands of a repository that wait for people, a sentence for each target: only the desk opens them.
#[cfg(feature = "tui")]
fn waiting_commands(snapshot: &RepositorySnapshot) -> Result<Vec<String>, String> {
    let Some(policy) = snapshot.policy().filter(|_| snapshot.has_targets()) else { return Ok(Vec::new()) };
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let ledger = CommandLedger::read(&repository, policy).map_err(|error| error.to_string())?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let pending = ledger.pending(policy, None, crate::clock::now());
    for one in pending.iter().filter(|one| matches!(one.standing, RequestState::Waits) || one.is_owed) {
        *counts.entry(one.target().to_owned()).or_default() += 1;
    }
    let told = |(target, count): (String, usize)| {
        let (wait, them) = if count == 1 { ("waits", "it") } else { ("wait", "them") };
        let (name, target) = (visible::text(&snapshot.name), visible::text(&target));
        format!("{name}: {} {wait} at {target}; `undersign` opens {them}", counted(count, "command"))
    };
    Ok(counts.into_iter().map(told).collect())
}

/// With blanks up to so many columns, as a terminal counts them.
fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// Who asks, by the signing key that the desk would take: the same words here and there.
#[cfg(feature = "tui")]
fn me(snapshot: &RepositorySnapshot) -> Option<&str> {
    static KEYS: Mutex<BTreeMap<PathBuf, Result<String, NoKey>>> = Mutex::new(BTreeMap::new());
    let mut keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner);
    let fingerprint = keys.entry(snapshot.root.clone()).or_insert_with(|| crate::config::fingerprint(&snapshot.root));
    let fingerprint = fingerprint.as_ref().ok()?;
    let mut people = snapshot.policy()?.roster.people();
    let owns = |person: &&crate::policy::Person| person.keys.iter().any(|own| own.key.fingerprint() == *fingerprint);
    people.find(owns).map(|person| person.id.as_str())
}

/// Why an approval by that key would fill no slot, if there is one.
#[cfg(feature = "tui")]
pub(super) fn futile(snapshot: &RepositorySnapshot, examination: &Examination) -> Option<String> {
    let fingerprint = config::fingerprint(&snapshot.root).ok()?;
    let (policy, standing) = (snapshot.policy()?, examination.standing.as_ref()?);
    let mut keys = policy.roster.people().flat_map(|person| &person.keys);
    let key = keys.find(|own| own.key.fingerprint() == fingerprint).map(|own| &own.key);
    advice::futile(policy, standing, key, crate::clock::now())
}

/// A gate's host has no key of a person.
#[cfg(not(feature = "tui"))]
pub(super) fn futile(_: &RepositorySnapshot, _: &Examination) -> Option<String> {
    None
}

/// Why the key that a setting names cannot sign. Nothing is said where none is named: not everybody signs.
#[cfg(feature = "tui")]
pub(super) fn unusable_key(near: &Path) -> Option<String> {
    config::fingerprint(near).err().filter(|why| why.is_named).map(String::from)
}

/// A gate's host has no key of a person.
#[cfg(not(feature = "tui"))]
fn me(_: &RepositorySnapshot) -> Option<&str> {
    None
}

/// A file whose text is written in another encoding than before.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ShownEncoding {
    pub path: String,
    /// Both encodings, as the reader says it.
    pub told: String,
}

impl ShownEncoding {
    fn of((path, told): &(RepoPath, String)) -> ShownEncoding {
        ShownEncoding { path: path.to_string(), told: told.clone() }
    }
}

impl Row {
    /// Whether texts are written in another encoding, in a few words.
    fn told_encodings(&self) -> Vec<String> {
        let count = self.encodings.len();
        (count > 0).then(|| format!("{} in another encoding", counted(count, "file"))).into_iter().collect()
    }
}

/// What a row needs, and from whom if it is from others.
fn needed(row: &Row) -> String {
    let claims: Vec<_> = row.claims.iter().map(|claim| format!(", claimed {}", claim.told)).collect();
    let need = row.not_ready.map_or_else(|| row.status.to_string(), str::to_owned);
    let is_over = |time: Option<i64>| time.is_some_and(|time| time <= crate::clock::now());
    let due = match () {
        () if is_over(row.late) => ", late",
        () if is_over(row.due) => ", due",
        () => "",
    };
    let is_mine = row.not_ready.is_none() && row.status == ChangeStatus::NeedsYou || row.told_ask.is_empty();
    let ask = match &row.left_open {
        Some(left) if is_mine => format!(": {left}"),
        _ if is_mine => String::new(),
        _ => format!(": {}", row.told_ask),
    };
    let answers = if row.answers.is_empty() { String::new() } else { format!(", answers {}", row.answers.join(", ")) };
    format!("{need}{ask}{answers}{}{due}", claims.concat())
}

fn print(queue: &Queue, nothing: &str) {
    for row in &queue.changes {
        outln!(
            "tier {}  {:<7}  {} {} {} {:>6} {:>6}  {}  {}",
            row.tier,
            row.reach.word(),
            padded(&row.repository, 12),
            padded(&row.title, 44),
            padded(&row.made_by, 12),
            format!("+{}", row.added),
            format!("-{}", row.removed),
            needed(row),
            [std::slice::from_ref(&row.name), &row.stands, &row.told_encodings()].concat().join("; ")
        );
    }
    queue.drills.iter().for_each(|drill| outln!("{}", drill.told()));
    queue.commands.iter().for_each(|told| outln!("{told}"));
    for row in &queue.unreadable {
        outln!("unreadable: {}: {}", row.what, row.why);
    }
    if queue.changes.is_empty() && queue.commands.is_empty() && queue.unreadable.is_empty() {
        outln!("{nothing}");
    }
}
