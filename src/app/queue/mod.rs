//! The queue: all pending changes of all repositories, riskiest first.

mod beside;
mod commands;
mod cursor;
mod depends;
mod order;
mod section;
mod stacks;
mod team;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use unicode_width::UnicodeWidthStr as _;

pub use commands::{QueuedCommand, RemoteLedger};
pub use order::Sort;
pub use section::Section;
use section::rows_of;
use stacks::Stacks;

use super::Listing;
use super::review::parts::Since;
use super::servers::{self, NotReady, RequestInfo, ServerSource};
use crate::change::{Change, ObjectId, visible};
use crate::decision::Revised;
use crate::delivery::Hosted;
use crate::examination::background::Progress;
use crate::examination::team::Team;
use crate::examination::{ChangeStatus, Examination, RepositorySnapshot};
use crate::policy::Ask;
use crate::source::git::PolicyState;
use crate::source::server::{CommentCount, Told};
use crate::waiting::WaitingSince;

/// A repository of the desk.
#[derive(Debug, Clone)]
pub enum Source {
    Reading { path: String },
    Ready(Arc<RepositorySnapshot>),
    Failed { path: String, why: String },
}

/// How far the examination of a change is.
#[derive(Debug, Clone)]
pub enum Examined {
    Pending,
    Done(Arc<Examination>),
    Failed(String),
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub change: Arc<Change>,
    pub examined: Examined,
    /// Where it stands, for this person; nothing until it is examined.
    pub status: Option<ChangeStatus>,
    /// Whom to ask for what is open.
    pub ask: Ask,
    pub again: Option<Again>,
    /// Whether it is examined with the present data of its repository, or is being examined.
    pub asked: bool,
    /// Its review request.
    pub hosted: Option<Hosted>,
    /// What its server says about it.
    pub request_info: Option<RequestInfo>,
}

/// A change that moved since the person looked or decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    pub since: Since,
    pub then: Revised,
    /// What changed, once it is known.
    pub told: Option<String>,
}

/// Where details of the selected change are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preview {
    /// At the right if there is room, otherwise below.
    Auto,
    Below,
    Off,
}

/// One row of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueRow {
    /// The heading of a section, with the number of its entries.
    Heading(Section, usize),
    /// The column headings of the changes below: commands have others.
    Columns,
    Change(usize),
    Command(usize),
    /// A problem with a remote's records about commands.
    Alarm(usize),
    /// A missing or unusable policy: one row per repository.
    Policy(usize),
    /// A repository that cannot be read: one grey row with the reason.
    Failed(usize),
    /// A branch that cannot be read, likewise.
    Broken(usize),
    /// A review request for this person, in a repository that they do not have.
    Elsewhere(usize),
    /// A server that did not answer.
    Silent(usize),
}

/// A branch that could not be read.
#[derive(Debug, Clone)]
pub struct Broken {
    pub repository: usize,
    pub what: String,
    pub why: String,
}

#[derive(Debug, Clone)]
pub struct Queue {
    pub sources: Vec<Source>,
    pub broken: Vec<Broken>,
    pub entries: Vec<Entry>,
    /// Of all repositories; those that expire first come first, those that are over last.
    pub commands: Vec<QueuedCommand>,
    /// By repository: the result of fetching commands from its remote.
    pub ledgers: BTreeMap<usize, RemoteLedger>,
    pub sort: Sort,
    pub filter: String,
    /// Id of the selected change or command: the selection follows it when rows move.
    pub selected: Option<String>,
    pub cursor: usize,
    pub scroll: usize,
    pub preview: Preview,
    /// By repository: the number of records that its remote does not have yet.
    pub outbox: BTreeMap<usize, usize>,
    /// When the remotes of each repository were last fetched. Seconds since the epoch.
    pub fetched: BTreeMap<usize, i64>,
    /// Repositories whose remotes are being fetched.
    pub fetching: BTreeSet<usize>,
    /// The servers of the configuration.
    pub servers: Vec<ServerSource>,
    /// By repository: names of servers, and its name there.
    pub at_servers: BTreeMap<usize, Vec<(String, String)>>,
    /// Requests that are not available locally, and servers that did not answer: what, and why.
    elsewhere: Vec<(String, String)>,
    silent: Vec<(String, String)>,
    /// Positions of all entries in their order, which is kept while they are examined; stacks are put together when
    /// rows are asked for.
    order: Vec<usize>,
    by_id: HashMap<String, usize>,
    /// The width of the longest title, and whether there is a review request: each frame needs them.
    longest_title: usize,
    /// Titles that several changes have.
    shared_titles: HashSet<String>,
    longest_ask: usize,
    has_requests: bool,
    has_comments: bool,
    /// By the id of a change: how many comments it had when it was read here.
    read_comments: HashMap<String, CommentCount>,
    stacks: Stacks,
    /// By which each of them refers to others.
    names: depends::Names,
    /// Examinations that were requested and not answered.
    under_way: usize,
    /// By repository: claims, and what its people have to read.
    teams: BTreeMap<usize, Team>,
    /// By repository: since when heads wait, and whether that is still to be remembered.
    waiting: BTreeMap<usize, (WaitingSince, bool)>,
    /// By repository: for which commits history was last read, and the progress while it is being read.
    learnt: BTreeMap<usize, (Learnt, Option<Progress>)>,
    /// What its changes share with each other.
    shared: beside::Shared,
}

/// The positions of a target and of the changes to it: history is read once for them.
type Learnt = (ObjectId, BTreeSet<ObjectId>);

/// How many examinations are requested at a time: enough that no thread waits for a frame, and few enough that changes
/// that scroll into view are next.
const UNDER_WAY: usize = 16;

impl Queue {
    pub fn new(paths: &[std::path::PathBuf]) -> Queue {
        let sources = paths.iter().map(|path| Source::Reading { path: path.display().to_string() }).collect();
        Queue {
            sources,
            broken: Vec::new(),
            entries: Vec::new(),
            commands: Vec::new(),
            ledgers: BTreeMap::new(),
            sort: Sort::Risk,
            filter: String::new(),
            selected: None,
            cursor: 0,
            scroll: 0,
            preview: Preview::Auto,
            outbox: BTreeMap::new(),
            fetched: BTreeMap::new(),
            fetching: BTreeSet::new(),
            servers: Vec::new(),
            at_servers: BTreeMap::new(),
            elsewhere: Vec::new(),
            silent: Vec::new(),
            order: Vec::new(),
            by_id: HashMap::new(),
            longest_title: 0,
            shared_titles: HashSet::new(),
            longest_ask: 0,
            has_requests: false,
            has_comments: false,
            read_comments: HashMap::new(),
            stacks: Stacks::default(),
            names: depends::Names::default(),
            under_way: 0,
            teams: BTreeMap::new(),
            waiting: BTreeMap::new(),
            learnt: BTreeMap::new(),
            shared: beside::Shared::default(),
        }
    }

    pub fn snapshot(&self, change: &Change) -> Option<&Arc<RepositorySnapshot>> {
        self.ready(change.repository)
    }

    /// A repository that was read.
    pub fn ready(&self, repository: usize) -> Option<&Arc<RepositorySnapshot>> {
        match self.sources.get(repository) {
            Some(Source::Ready(snapshot)) => Some(snapshot),
            _ => None,
        }
    }

    /// Replaces the changes of one repository.
    pub fn listed(&mut self, repository: usize, listing: Listing, me: Option<&str>, now: i64) {
        let Listing { snapshot, changes, examined: mut fresh, mut again, mut hosted, at_servers, broken, .. } = listing;
        let (commands, team, mut asks, since) = (listing.commands, listing.team, listing.asks, listing.since);
        let (outbox, fetched) = (listing.outbox, listing.fetched);
        // The leftovers of a failed fetch say less than what was known before.
        if let Some(time) = fetched {
            let known = self.fetched.entry(repository).or_insert(time);
            *known = time.max(*known);
        }
        self.outbox.remove(&repository);
        self.outbox.extend(outbox.map(|records| (repository, records)));
        let mut known: BTreeMap<_, _> = self
            .entries
            .iter()
            .map(|e| {
                let known = (e.examined.clone(), e.status.clone(), e.ask.clone());
                ((e.change.id.clone(), e.change.revision.head), known)
            })
            .collect();
        self.entries.retain(|entry| entry.change.repository != repository);
        for change in changes {
            let again = again.remove(&change.id);
            let before = known.remove(&(change.id.clone(), change.revision.head));
            let (examined, status, ask, asked) = match fresh.remove(&change.id) {
                // What changed since is still to be reported.
                Some(fresh) => {
                    let status = ChangeStatus::of(&snapshot, &fresh, me, now);
                    let ask = asks.remove(&change.id).unwrap_or_default();
                    (Examined::Done(fresh), Some(status), ask, again.is_none())
                }
                // Changes that were examined before are examined again: policy or ledger may have changed.
                None => {
                    let (examined, status, ask) = before.unwrap_or((Examined::Pending, None, Ask::default()));
                    (examined, status, ask, false)
                }
            };
            let hosted = hosted.remove(&change.id);
            self.entries.push(Entry { change, examined, status, ask, again, asked, hosted, request_info: None });
        }
        self.teams.insert(repository, team);
        self.waiting.insert(repository, (since, false));
        self.at_servers.insert(repository, at_servers);
        self.set_commands(repository, commands);
        self.broken.retain(|broken| broken.repository != repository);
        self.broken.extend(broken.into_iter().map(|(what, why)| Broken { repository, what, why }));
        self.sources[repository] = Source::Ready(snapshot);
        self.join_servers();
        self.start_clocks(now);
        self.arrange();
        self.enter_all_edits(repository);
        self.keep_selection();
    }

    /// Attaches the answers of servers to the changes, and adds rows for requests that are not available locally.
    fn join_servers(&mut self) {
        // What is still being read may turn out to be local.
        let is_known = !self.sources.iter().any(|source| matches!(source, Source::Reading { .. }));
        let here = self.at_servers.values().flatten().collect();
        self.elsewhere = if is_known { servers::elsewhere(&self.servers, &here) } else { Vec::new() };
        self.silent = servers::silent(&self.servers);
        let index = servers::Index::of(&self.servers);
        for entry in &mut self.entries {
            let head = entry.change.revision.head;
            entry.request_info = entry.hosted.as_ref().and_then(|hosted| index.request_info(hosted, head));
        }
    }

    /// A server answered, or why it did not; returns whether there is such a server.
    pub fn answered(&mut self, name: &str, result: Result<Arc<Told>, String>, now: i64) -> bool {
        let Some(server) = self.servers.iter_mut().find(|server| server.name == name) else { return false };
        match result {
            Ok(told) => {
                (server.told, server.problem) = (Some(told), None);
                // What its list counts is newer than what was read before.
                let is_counted =
                    |id: &String| self.by_id.get(id).is_some_and(|at| self.entries[*at].is_counted_by(name));
                self.read_comments.retain(|id, _| !is_counted(id));
            }
            Err(why) => server.problem = Some(why),
        }
        self.join_servers();
        self.start_clocks(now);
        self.arrange();
        self.keep_selection();
        true
    }

    pub fn failed(&mut self, repository: usize, why: String) {
        let path = match &self.sources[repository] {
            Source::Reading { path } | Source::Failed { path, .. } => path.clone(),
            Source::Ready(snapshot) => snapshot.root.display().to_string(),
        };
        self.entries.retain(|entry| entry.change.repository != repository);
        self.broken.retain(|broken| broken.repository != repository);
        self.sources[repository] = Source::Failed { path, why };
        self.join_servers();
        self.arrange();
        self.enter_all_edits(repository);
    }

    pub fn examined(&mut self, id: &str, result: Result<Arc<Examination>, String>, me: Option<&str>, now: i64) {
        self.under_way = self.under_way.saturating_sub(1);
        let Some(&at) = self.by_id.get(id) else { return };
        let change = &self.entries[at].change;
        let (status, ask) = match (&result, self.snapshot(change)) {
            (Ok(examination), Some(snapshot)) => {
                let status = ChangeStatus::of(snapshot, examination, me, now);
                let team = self.teams.get(&change.repository);
                let ask = team.map(|team| team.ask(snapshot, examination, change, &status, now)).unwrap_or_default();
                (status, ask)
            }
            _ => (ChangeStatus::Unreadable, Ask::default()),
        };
        let entry = &mut self.entries[at];
        (entry.status, entry.ask) = (Some(status), ask);
        entry.examined = result.map_or_else(Examined::Failed, Examined::Done);
        self.longest_ask = self.longest_ask.max(entry.told_ask().map_or(0, |ask| ask.width()));
        self.start_clock(at, now);
        self.enter_edits(at);
        self.order.retain(|other| *other != at);
        let place = self.order.partition_point(|&other| self.rank(other) < self.rank(at));
        self.order.insert(place, at);
        self.keep_selection();
    }

    /// What changed since the person looked or decided.
    pub fn came(&mut self, id: &str, told: String) {
        let entry = self.by_id.get(id).and_then(|at| self.entries.get_mut(*at));
        if let Some(again) = entry.and_then(|entry| entry.again.as_mut()) {
            again.told = Some(told);
        }
    }

    /// Whether any change is a review request.
    pub fn has_requests(&self) -> bool {
        self.has_requests
    }

    /// Whether comments at a server are known of any change.
    pub fn has_comments(&self) -> bool {
        self.has_comments
    }

    /// The comments of a change were read.
    pub fn commented(&mut self, id: String, count: CommentCount) {
        self.has_comments |= !count.sign().is_empty();
        self.read_comments.insert(id, count);
    }

    /// How many comments a change has at its server: as they were last read here, or as the server's list of requests
    /// says it. No row asks for more.
    pub fn comments(&self, entry: &Entry) -> Option<CommentCount> {
        let listed = || entry.request_info.as_ref()?.pending.comments;
        self.read_comments.get(&entry.change.id).copied().or_else(listed)
    }

    /// Whether another change has the title of this one.
    pub fn is_title_shared(&self, entry: &Entry) -> bool {
        self.shared_titles.contains(entry.title())
    }

    pub fn longest_title(&self) -> usize {
        self.longest_title
    }

    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.by_id.get(id).and_then(|at| self.entries.get(*at))
    }

    /// The positions of the changes to examine next: those on the screen first, then from the top.
    pub fn next_to_examine(&mut self, page: usize) -> Vec<usize> {
        let room = UNDER_WAY.saturating_sub(self.under_way);
        if room == 0 || self.entries.iter().all(|entry| entry.asked) {
            return Vec::new();
        }
        let rows = self.rows();
        let on_screen = rows.iter().skip(self.scroll).take(page);
        let on_screen = on_screen.filter_map(|row| if let QueueRow::Change(at) = row { Some(at) } else { None });
        let mut next: Vec<usize> = Vec::with_capacity(room);
        for &at in on_screen.chain(&self.order) {
            if next.len() < room && !std::mem::replace(&mut self.entries[at].asked, true) {
                next.push(at);
            }
        }
        self.under_way += next.len();
        next
    }

    /// A repository whose history should be read next, with its changes: one at a time, and none while changes are
    /// still being examined, since people wait for those.
    pub fn next_to_learn(&mut self) -> Option<(usize, Arc<RepositorySnapshot>, Vec<Arc<Change>>)> {
        let is_busy = self.under_way > 0 || self.learnt.values().any(|(_, progress)| progress.is_some());
        if is_busy || self.entries.iter().any(|entry| matches!(entry.examined, Examined::Pending)) {
            return None;
        }
        let next = self.sources.iter().enumerate().find_map(|(at, source)| {
            let Source::Ready(snapshot) = source else { return None };
            let changes: Vec<_> = self.entries.iter().filter(|entry| entry.change.repository == at).collect();
            let changes: Vec<_> = changes.into_iter().map(|entry| entry.change.clone()).collect();
            let heads = changes.iter().map(|change| change.revision.head).collect();
            let now = (snapshot.target.tip, heads);
            let is_known = self.learnt.get(&at).is_some_and(|(known, _)| *known == now);
            (!changes.is_empty() && !is_known).then(|| (at, snapshot.clone(), changes, now))
        });
        let (at, snapshot, changes, now) = next?;
        let start = Progress { what: "commits read", done: 0, total: 0 };
        self.learnt.insert(at, (now, Some(start)));
        Some((at, snapshot, changes))
    }

    /// Sets the progress of reading a repository's history; none when it is finished.
    pub fn learning(&mut self, repository: usize, now: Option<Progress>) {
        if let Some((_, progress)) = self.learnt.get_mut(&repository) {
            *progress = now;
        }
    }

    /// The progress of reading a repository's history, while it lasts.
    pub fn progress(&self, repository: usize) -> Option<Progress> {
        self.learnt.get(&repository).and_then(|(_, progress)| *progress)
    }

    /// The rows to show, in order: by whose turn it is, then what cannot be read.
    pub fn rows(&self) -> Vec<QueueRow> {
        let is_shown = |at: &usize| self.filter.is_empty() || self.matches(&self.entries[*at]);
        let changes: Vec<usize> =
            self.stacks.put_together(&self.order, &self.entries).into_iter().filter(is_shown).collect();
        let (waiting, over) = self.shown_commands();
        let mut rows = Vec::with_capacity(changes.len() + self.commands.len() + 8);
        rows.extend(rows_of(Section::Commands, waiting.into_iter().map(QueueRow::Command)));
        rows.extend((0..self.ledger_alarms().len()).map(QueueRow::Alarm));
        if !rows.is_empty() && !changes.is_empty() {
            rows.push(QueueRow::Columns);
        }
        for run in changes.chunk_by(|a, b| self.entries[*a].section() == self.entries[*b].section()) {
            rows.extend(rows_of(self.entries[run[0]].section(), run.iter().map(|at| QueueRow::Change(*at))));
        }
        rows.extend(rows_of(Section::CommandsOver, over.into_iter().map(QueueRow::Command)));
        let sources = || self.sources.iter().enumerate();
        let is_stuck = |source: &Source| matches!(source, Source::Ready(snapshot) if snapshot.policy().is_none());
        let has_changes = |at: usize| self.entries.iter().any(|entry| entry.change.repository == at);
        let stuck = sources().filter(|(at, source)| is_stuck(source) && has_changes(*at));
        let failed = sources().filter(|(_, source)| matches!(source, Source::Failed { .. }));
        let unread = (stuck.map(|(at, _)| QueueRow::Policy(at)))
            .chain((0..self.elsewhere.len()).map(QueueRow::Elsewhere))
            .chain((0..self.silent.len()).map(QueueRow::Silent))
            .chain((0..self.broken.len()).map(QueueRow::Broken))
            .chain(failed.map(|(at, _)| QueueRow::Failed(at)));
        let is_meant = |row: &QueueRow| {
            let told = self.problem(*row).map(|(what, why)| format!("{what} {why}"));
            self.filter.is_empty() || told.is_some_and(|told| self.is_filtered_by(&told))
        };
        rows.extend(unread.filter(is_meant));
        rows
    }

    fn matches(&self, entry: &Entry) -> bool {
        let agent = match &entry.examined {
            Examined::Done(examination) => examination.provenance.word().to_owned(),
            _ => String::new(),
        };
        let again = entry.again.as_ref().map_or("", |_| "again");
        let asked = if entry.is_asked_of_me() { "@" } else { "" };
        let author = entry.request_info.as_ref().map_or("", |request_info| request_info.pending.author.as_str());
        let ready = entry.not_ready().map_or("", NotReady::word);
        let ask = entry.told_ask().unwrap_or_default();
        let claims: Vec<_> = self.claims_of(&entry.change).map(|claim| claim.by.as_str()).collect();
        let status = entry.status.as_ref().map(ChangeStatus::to_string).unwrap_or_default();
        let text = [&entry.change.id, &entry.change.name, entry.title(), &agent, &status, again, asked, author, ready];
        self.is_filtered_by(&[&text[..], &[&ask], &claims].concat().join(" "))
    }

    /// Whether a text has each word of the filter.
    fn is_filtered_by(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.filter.to_lowercase().split_whitespace().all(|word| text.contains(word))
    }
}

impl Entry {
    /// Its title on its server, or else that of its oldest commit.
    pub fn title(&self) -> &str {
        let told = self.request_info.as_ref().map(|request_info| request_info.pending.title.as_str());
        told.filter(|title| !title.trim().is_empty()).unwrap_or(self.change.title())
    }

    /// Whether the list of a server counts its comments.
    fn is_counted_by(&self, server: &str) -> bool {
        let info = self.request_info.as_ref().filter(|info| info.pending.comments.is_some());
        info.is_some() && self.hosted.as_ref().is_some_and(|hosted| hosted.server == server)
    }

    /// Whether its server requests a review by this person.
    pub fn is_asked_of_me(&self) -> bool {
        self.request_info.as_ref().is_some_and(|request_info| request_info.pending.asked.is_some())
    }

    pub fn not_ready(&self) -> Option<NotReady> {
        self.request_info.as_ref().and_then(RequestInfo::not_ready)
    }

    /// Whether everything that the queue needs is known.
    pub fn is_examined(&self) -> bool {
        !matches!(self.examined, Examined::Pending)
    }
}

impl Queue {
    /// What cannot be read in a row, and why.
    pub fn problem(&self, row: QueueRow) -> Option<(String, String)> {
        match row {
            QueueRow::Change(_) | QueueRow::Command(_) | QueueRow::Heading(..) | QueueRow::Columns => None,
            QueueRow::Alarm(at) => self.ledger_alarms().get(at).cloned(),
            QueueRow::Elsewhere(at) => self.elsewhere.get(at).cloned(),
            QueueRow::Silent(at) => self.silent.get(at).cloned(),
            QueueRow::Broken(at) => self.broken.get(at).map(|broken| (broken.what.clone(), broken.why.clone())),
            QueueRow::Failed(at) => match self.sources.get(at) {
                Some(Source::Failed { path, why }) => Some((path.clone(), why.clone())),
                _ => None,
            },
            QueueRow::Policy(at) => match self.sources.get(at) {
                Some(Source::Ready(snapshot)) => Some((snapshot.name.clone(), without_policy(snapshot)?)),
                _ => None,
            },
        }
    }
}

/// Why nobody can sign in a repository, and what helps; none if its policy is usable.
pub fn without_policy(snapshot: &RepositorySnapshot) -> Option<String> {
    match &snapshot.policy {
        PolicyState::Found(_) => None,
        PolicyState::Absent => Some(
            "there is no policy, so its changes can be read, not signed. `undersign init` writes who signs for what"
                .to_owned(),
        ),
        PolicyState::Invalid(error) => {
            let text = format!("{}; its changes can be read, not signed", error.brief());
            Some(visible::text(&text).into_owned())
        }
    }
}
