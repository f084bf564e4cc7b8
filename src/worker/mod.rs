//! FLOOR 4: effects → ports → events. [`perform`] is a plain function: threads call it in the program, tests inline.

mod carry_over;
mod commands;
mod drafts;
mod highlight;
mod opened;
mod read;
pub mod scan;
mod search;

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::app::command::CommandEffect;
use crate::app::queue::Again;
use crate::app::review::Compared;
use crate::app::review::layout::Shape;
use crate::app::review::parts::{ChangePart, Since, View};
use crate::app::{Effect, Event, Listing, Opened, Remarked, Synced, TextLine};
use crate::cache::Caches;
use crate::change::diff::Diff;
use crate::change::{Change, Commit, ObjectId, RepoPath, visible};
use crate::claims;
use crate::clipboard;
use crate::clock;
use crate::decision::{Draft, Revised};
use crate::delivery::{self, Hosts, ServerAccess};
use crate::drafts::{Drafts, Refs, adopted};
use crate::examination::renamed::Renamed;
use crate::examination::team::Team;
use crate::examination::{
    self, ChangeStatus, Examination, Kept, RepositorySnapshot, background, comments, decided, interdiff,
};
use crate::ledger::families::Keys;
use crate::ledger::own_chain::decision_chain;
use crate::policy::Ask;
use crate::random::random;
use crate::record::Record;
use crate::risk::{PackFile, masked};
use crate::signer::{NoKey, SigningKey};
use crate::signing::{self, Case, Moved, SigningError};
use crate::source::git::{GitError, Names, Repository};
use crate::source::server::Told;
use crate::sync::{Prompts, Remote, branches, servers};
use crate::waiting::{self, WaitingSince};
use drafts::RefsOf;
use highlight::Colouring;
use scan::Tools;
use search::Wanted;

/// What is needed to carry out effects.
pub struct Ports {
    pub drafts: Drafts,
    /// Of the repositories of the queue.
    pub names: Names,
    pub caches: Caches,
    /// What the program remembers between runs; nothing if there is no such directory.
    pub state: Option<PathBuf>,
    pub key: Result<SigningKey, NoKey>,
    /// The review servers.
    pub access: ServerAccess,
    /// A fixed clock in tests.
    pub clock: Option<i64>,
    /// Fixed bytes in tests.
    pub random: Option<u8>,
    /// The ticket of the open review: work for another one stops.
    pub open: AtomicU64,
    pub first_frame: FirstFrame,
    /// What other tools find.
    pub tools: Tools,
    /// Rules of the user.
    pub packs: Vec<PackFile>,
    /// Where the output of runs is asked for: a broker's socket.
    pub broker: Option<OsString>,
}

/// Whether a first frame was drawn: until then, work for anything else leaves the processor to it.
#[derive(Default)]
pub struct FirstFrame {
    drawn: Mutex<bool>,
    told: Condvar,
}

impl FirstFrame {
    /// How long work waits for it.
    const PATIENCE: Duration = Duration::from_millis(50);

    /// If there is none to wait for.
    pub fn none() -> FirstFrame {
        FirstFrame { drawn: Mutex::new(true), told: Condvar::new() }
    }

    pub fn is_drawn(&self) {
        *self.drawn.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.told.notify_all();
    }

    fn wait(&self) {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = self.told.wait_timeout_while(drawn, FirstFrame::PATIENCE, |drawn| !*drawn);
    }
}

impl Ports {
    pub fn now(&self) -> i64 {
        self.clock.unwrap_or_else(clock::now)
    }

    fn signing_key(&self) -> Result<&SigningKey, SigningError> {
        self.key.as_ref().map_err(|why| SigningError::Refused(why.text.clone()))
    }

    /// Whether the signing key asks the person on the terminal by itself.
    pub fn signs_on_the_terminal(&self) -> bool {
        self.key.as_ref().is_ok_and(SigningKey::needs_terminal)
    }

    /// The id of the chain in which a key signs in a repository.
    fn own_chain(&self, snapshot: &RepositorySnapshot, key: &SigningKey) -> Result<String, SigningError> {
        let fresh = self.random::<8>()?;
        let refused = |error: GitError| SigningError::Refused(error.to_string());
        let repository = Repository::open(&snapshot.root).map_err(refused)?;
        let of_device = self.random::<8>()?;
        let device = self.drafts.device(|| of_device).map_err(SigningError::Refused)?;
        decision_chain(&repository, &key.public.id().to_string(), &device, fresh).map_err(SigningError::Refused)
    }

    /// Bytes from the operating system's generator; without it nothing is signed.
    fn random<const N: usize>(&self) -> Result<[u8; N], SigningError> {
        let given = self.random.map(|byte| Ok([byte; N]));
        let bytes = given.unwrap_or_else(random);
        let bytes = bytes.map_err(|why| SigningError::Refused(format!("{why} Nothing was signed.")))?;
        Ok(bytes)
    }
}

/// Carries out one effect and reports what happened, possibly in several events.
pub fn perform(effect: Effect, ports: &Ports, tell: &mut dyn FnMut(Event)) {
    match effect {
        Effect::List { repository, path } => {
            tell(Event::Listed { repository, result: list(repository, &path, ports).map(Box::new) });
        }
        Effect::Examine { snapshot, change, then } => examine_and_compare(&snapshot, &change, then, ports, tell),
        Effect::Learn { repository, snapshot, changes } => {
            let result = learn(repository, &snapshot, &changes, ports, tell);
            tell(Event::Learned { repository, result });
        }
        Effect::Open { ticket, snapshot, change, read_only } => {
            ports.open.store(ticket, Ordering::Relaxed);
            open(snapshot, change, read_only, ports, |result| tell(Event::Opened { ticket, result }));
        }
        Effect::History { repositories } => tell(history(&repositories, ports.now())),
        Effect::Claim { repository, snapshot, person, head, is_taken } => {
            tell(Event::Claimed { repository, result: claim(&snapshot, &person, head, is_taken, ports.now()) });
        }
        Effect::KeepWaiting { snapshot, pending, since } => {
            told(keep_waiting(&snapshot, &pending, &since, ports), tell);
        }
        Effect::Watch { snapshot, change } => {
            tell(Event::Watched { head: change.revision.head, moved: watch(&snapshot, &change) });
        }
        Effect::Renew { ticket, snapshot, change } => {
            tell(Event::Renewed { ticket, result: renewed(&snapshot, &change, ports) });
        }
        Effect::Read { ticket, snapshot, change, diff, order, shape, room } => {
            read::read(ticket, (&snapshot, &change, &diff), &order, (shape, room), ports, tell)
        }
        Effect::Remarks { ticket, snapshot, change, diff } => {
            tell(Event::Remarked { ticket, result: remarks(&snapshot, &change, &diff, ports) });
        }
        Effect::Reply { ticket, snapshot, change, answers, text } => {
            let opened = Repository::open(&snapshot.root).map_err(|error| error.to_string());
            let reply = (answers.as_str(), text.as_str());
            let result = opened.and_then(|repository| ports.access.reply(&repository, &change, reply, ports.now()));
            tell(Event::Replied { ticket, result });
        }
        Effect::Reexamine { ticket, snapshot, change, diff, reports } => {
            read::reexamine(ticket, (&snapshot, &change, &diff), reports, ports, tell);
        }
        Effect::Judge { ticket, snapshot, change, diff } => {
            read::judge(ticket, (&snapshot, &change, &diff), ports, tell);
        }
        Effect::View { ticket, snapshot, change, part, shape } => {
            let result = view(&snapshot, &change, &part, shape).map(Box::new);
            tell(Event::Viewed { ticket, part, result });
        }
        Effect::Range { ticket, snapshot, change, then } => {
            tell(Event::Ranged { ticket, result: range(&snapshot, &change, &then) });
        }
        Effect::Paths { ticket, snapshot, change } => {
            tell(Event::Paths { ticket, result: paths(&snapshot, &change) });
        }
        Effect::Compare { ticket, snapshot, index, file, shape } => {
            let result = read::compare(&snapshot, &file, shape).map_err(|error| error.to_string());
            tell(Event::Compared { ticket, index, result });
        }
        Effect::Search { ticket, snapshot, diff, order, held, pattern, search } => {
            let wanted = Wanted { snapshot: &snapshot, diff: &diff, order: &order, held: &held, pattern: &pattern };
            search::search(&wanted, &search, |found| tell(Event::Found { ticket, found }));
        }
        Effect::Copy(text) => told(clipboard::copy(&text), tell),
        // The main loop owns the terminal: it carries out these.
        Effect::Edit { .. } | Effect::Write { .. } | Effect::Suspend => {}
        Effect::Highlight { ticket, index, file, until } => {
            Colouring::of(ticket, index, &file, until).run(tell);
        }
        Effect::Sync { repository, snapshot } => {
            tell(Event::Synced { repository, result: sync(&snapshot, &ports.access, ports.now()) })
        }
        Effect::Recall => recall(&ports.access, tell),
        Effect::Ask { server, repositories } => {
            if let Err(why) = ask(&server, &repositories, ports, tell) {
                tell(Event::Answered { server, result: Err(why), is_fresh: true });
            }
        }
        Effect::Bring { repository, snapshot, server } => {
            let result = bring(&snapshot, &server, &ports.access);
            tell(Event::Fetched { repository, name: snapshot.name.clone(), result });
        }
        Effect::Fetch { repository, snapshot } => {
            let result = fetch(&snapshot, &ports.access, ports.now());
            tell(Event::Fetched { repository, name: snapshot.name.clone(), result });
        }
        Effect::SaveDraft { snapshot, base, draft } => drafts::save(&snapshot, &base, draft, ports, tell),
        Effect::Prepare { ticket, sheet, snapshot, change, examination, draft, verdict, seen } => {
            let case = Case { change: &change, examination: &examination, draft: &draft, verdict, seen: &seen };
            tell(Event::Prepared { ticket, sheet, result: prepare(&case, &snapshot, ports).map(Box::new) });
        }
        Effect::Command(effect) => tell(Event::Command(commands::perform(effect, ports))),
        Effect::Sign { ticket, sheet, snapshot, change, prepared, passphrase } => {
            let (result, noted) = sign_and_note(&prepared, &change, &snapshot, passphrase.as_deref(), ports);
            tell(Event::Signed { ticket, sheet, snapshot, result });
            told(noted, tell);
        }
    }
}

/// What went wrong beside an effect that has no other answer.
fn told(result: Result<(), String>, tell: &mut dyn FnMut(Event)) {
    result.err().into_iter().for_each(|why| tell(Event::Told(why)));
}

/// Examines a change of the queue; and if it moved since the person looked, says what came.
fn examine_and_compare(
    snapshot: &RepositorySnapshot,
    change: &Arc<Change>,
    then: Option<Revised>,
    ports: &Ports,
    tell: &mut dyn FnMut(Event),
) {
    tell(Event::Examined { id: change.id.clone(), result: examine(snapshot, change, ports) });
    ports.caches.write_now_and_then();
    if let Some(then) = then {
        tell(Event::Came { id: change.id.clone(), told: came(snapshot, change, &then) });
    }
}

fn claim(
    snapshot: &RepositorySnapshot,
    person: &str,
    head: ObjectId,
    is_taken: bool,
    now: i64,
) -> Result<Option<i64>, String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    claims::claim(&repository, person, head, is_taken, now)
}

/// Remembers since when heads wait. That it cannot be kept matters only where a policy has a clock.
fn keep_waiting(
    snapshot: &RepositorySnapshot,
    pending: &BTreeSet<ObjectId>,
    since: &WaitingSince,
    ports: &Ports,
) -> Result<(), String> {
    let kept = waiting::keep(ports.state.as_deref(), &snapshot.common_dir, pending, since, ports.now());
    let has_clock = snapshot.policy().is_some_and(|policy| policy.clock.is_some());
    if has_clock { kept } else { Ok(()) }
}

/// Whether a change moved. A repository that cannot be read now says so when it is read.
fn watch(snapshot: &RepositorySnapshot, change: &Change) -> Option<Moved> {
    Repository::open(&snapshot.root).ok().and_then(|repository| signing::moved(change, &repository))
}

/// What the servers answered before this session.
fn recall(access: &ServerAccess, tell: &mut dyn FnMut(Event)) {
    for told in access.servers.iter().filter_map(|server| access.memory.load(&server.name)) {
        tell(Event::Answered { server: told.server.clone(), result: Ok(Arc::new(told)), is_fresh: false });
    }
}

/// Signs, and puts the decision into the outbox of its server. Returns the id of the record, and whether the second
/// worked.
fn sign_and_note(
    prepared: &signing::Prepared,
    change: &Change,
    snapshot: &RepositorySnapshot,
    passphrase: Option<&str>,
    ports: &Ports,
) -> (Result<String, SigningError>, Result<(), String>) {
    match sign(prepared, change, snapshot, passphrase, ports) {
        Ok(record) => {
            let noted = note_for_server(snapshot, change, &record, ports);
            (Ok(record.id().to_string()), noted)
        }
        Err(error) => (Err(error), Ok(())),
    }
}

fn list(index: usize, path: &std::path::Path, ports: &Ports) -> Result<Listing, String> {
    let opened = Repository::open(path).map(|repository| ports.names.name(repository));
    let opened = opened.and_then(|repository| RepositorySnapshot::of(repository, None));
    let (repository, snapshot) = opened.map_err(|error| error.to_string())?;
    let snapshot = snapshot.with_packs(&ports.packs);
    let cache = ports.caches.of(repository.common_dir());
    let repository = repository.with_cache(&cache);
    let pending = repository.changes(index, &snapshot.target).map_err(|error| error.to_string())?;
    let broken =
        pending.broken.into_iter().map(|broken| (visible::text(&broken.id).into_owned(), broken.why.to_string()));
    let broken = broken.collect();
    let remote = Remote::find(&repository, None, Prompts::Never).ok();
    let undelivered = remote.as_ref().map_or(0, Remote::undelivered);
    let outbox = remote.map(|remote| {
        let (verdicts, _) = ports.access.outbox.entries(&snapshot.root);
        remote.outbox().max(verdicts.len())
    });
    let refs = RefsOf::of(&repository);
    let drafts = ports.drafts.of_repository(&refs);
    let moved = |change: &Change| Some((change.id.clone(), moved_since(&drafts, &refs, change)?));
    let again = pending.changes.iter().filter_map(moved).collect();
    // What is known at once is shown at once. If it cannot be determined, the examination says why.
    let kept = Kept::of(&repository, &snapshot, &cache);
    let known = |change: &Change| {
        let known = kept.known(change, ports.now()).ok()??;
        Some((change.id.clone(), Arc::new(known)))
    };
    let examined: HashMap<_, _> = pending.changes.iter().filter_map(known).collect();
    let since = waiting::since(ports.state.as_deref(), repository.common_dir(), ports.now());
    let team = Team::of(&repository, &snapshot, pending.changes.iter().map(|own| own.revision.head), ports.now());
    let asks = asks(&snapshot, &pending.changes, &examined, &team, ports.now());
    let fetched = branches::last_fetch(&repository);
    let servers = &ports.access.servers;
    let at_servers = servers.iter().flat_map(|server| {
        delivery::repositories(&repository, server).into_iter().map(|(_, name)| (server.name.clone(), name))
    });
    let at_servers = at_servers.collect();
    let hosts = Hosts::of(&repository, servers);
    let at = |change: &Change| Some((change.id.clone(), hosts.hosted(&change.refs)?));
    let hosted = pending.changes.iter().filter_map(at).collect();
    let changes = pending.changes.into_iter().map(Arc::new).collect();
    let commands = commands::pending(&repository, &snapshot, ports)?;
    let snapshot = Arc::new(snapshot);
    Ok(Listing {
        snapshot,
        changes,
        examined,
        again,
        hosted,
        at_servers,
        broken,
        team,
        asks,
        since,
        commands,
        undelivered,
        outbox,
        fetched,
    })
}

/// Whom to ask for what was examined already.
fn asks(
    snapshot: &RepositorySnapshot,
    changes: &[Change],
    examined: &HashMap<String, Arc<Examination>>,
    team: &Team,
    now: i64,
) -> HashMap<String, Ask> {
    let of = |change: &Change| {
        let examination = examined.get(&change.id)?;
        let status = ChangeStatus::of(snapshot, examination, None, now);
        Some((change.id.clone(), team.ask(snapshot, examination, change, &status, now)))
    };
    changes.iter().filter_map(of).collect()
}

fn history(repositories: &[(Arc<RepositorySnapshot>, BTreeSet<ObjectId>)], now: i64) -> Event {
    let (mut decisions, mut problems) = (Vec::new(), Vec::new());
    for (snapshot, pending) in repositories {
        let read = Repository::open(&snapshot.root)
            .and_then(|repository| decided::history(&repository, snapshot, pending, decided::MOST, now));
        match read {
            Ok(own) => decisions.push(own),
            Err(error) => problems.push(format!("{}: {error}", snapshot.name)),
        }
    }
    Event::History { history: decided::History::joined(decisions, now), problems }
}

/// An open change as it is now.
fn renewed(
    snapshot: &RepositorySnapshot,
    change: &Change,
    ports: &Ports,
) -> Result<(Arc<RepositorySnapshot>, Arc<Change>), String> {
    let opened = snapshot.reopened(Some(&change.target));
    let (repository, fresh) = opened.map_err(|error| error.to_string())?;
    let fresh = fresh.with_packs(&ports.packs);
    let pending = repository.changes(change.repository, &fresh.target).map_err(|error| error.to_string())?;
    if let Some(broken) = pending.broken.iter().find(|broken| broken.id == change.id) {
        return Err(broken.why.to_string());
    }
    let now = pending.changes.into_iter().find(|now| now.id == change.id);
    let now = now.ok_or("It is no longer pending: it was merged, has landed, or its branch was deleted.")?;
    Ok((Arc::new(fresh), Arc::new(now)))
}

/// Whether a change moved since the person decided on it, or otherwise since they looked at it.
fn moved_since(drafts: &[(PathBuf, Draft)], refs: &dyn Refs, change: &Change) -> Option<Again> {
    let (_, draft) = adopted(drafts, refs, change)?;
    let looked = (Since::Looked, draft.revision());
    let (since, then) = draft.decided_on.clone().map_or(looked, |decided| (Since::Decided, decided));
    (then.head != change.revision.head.to_string()).then_some(Again { since, then, told: None })
}

/// What was added to a change since an earlier revision, in a sentence.
fn came(snapshot: &RepositorySnapshot, change: &Change, then: &Revised) -> String {
    let again =
        Repository::open(&snapshot.root).and_then(|repository| interdiff::since(&repository, snapshot, change, then));
    match again {
        Ok(again) => again.told.join(" "),
        Err(error) => error.to_string(),
    }
}

/// A part of a change, compared and laid out.
fn view(snapshot: &RepositorySnapshot, change: &Change, part: &ChangePart, shape: Shape) -> Result<View, String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let part = match part {
        ChangePart::Since(_, then) => interdiff::since(&repository, snapshot, change, then),
        ChangePart::Commit(id) => interdiff::commit(&repository, snapshot, *id),
    };
    let interdiff::Part { files, told } = part.map_err(|error| error.to_string())?;
    let diff = Arc::new(Diff { files: files.iter().map(|file| file.diff.clone()).collect(), ..Diff::default() });
    let files = files.into_iter().map(|file| Compared::of(Arc::new(file), shape)).collect();
    Ok(View { diff, files, told })
}

/// The commits of two revisions side by side, as text.
fn range(snapshot: &RepositorySnapshot, change: &Change, then: &Revised) -> Result<Vec<TextLine>, String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let steps = interdiff::range(&repository, change, then).map_err(|error| error.to_string())?;
    let name = |commit: &Commit| format!("{} {}", commit.id.short(), visible::text(&masked(commit.title())));
    let line = |step: &interdiff::Step| match step {
        interdiff::Step::Same(then, now) => TextLine::Plain(format!("=  {}  →  {}", then.id.short(), name(now))),
        interdiff::Step::Reworked(then, now) => TextLine::Heading(format!("!  {}  →  {}", then.id.short(), name(now))),
        interdiff::Step::Gone(then) => TextLine::Removed(format!("−  {}", name(then))),
        interdiff::Step::New(now) => TextLine::Added(format!("+  {}", name(now))),
    };
    let mut lines = vec![TextLine::Claim("= the same content, ! reworked, − gone, + new".to_owned())];
    if change.revision.commits.len() > interdiff::MAX_RANGE {
        let text = format!("Only the first {} commits of either are compared.", interdiff::MAX_RANGE);
        lines.push(TextLine::Heading(text));
    }
    lines.extend(steps.iter().map(line));
    Ok(lines)
}

/// A decision about a review request of a server is also delivered there.
fn note_for_server(
    snapshot: &RepositorySnapshot,
    change: &Change,
    record: &Record,
    ports: &Ports,
) -> Result<(), String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    ports.access.take(&repository, change, record, ports.now())
}

/// The screen is ours, so git must not ask on it.
fn sync(snapshot: &RepositorySnapshot, access: &ServerAccess, now: i64) -> Result<Synced, String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let remote = Remote::find(&repository, None, Prompts::Never)?;
    let mut report = remote
        .sync(false, &counted(snapshot))
        .map_err(|why| format!("{why} In a terminal, `undersign sync` can ask for a password."))?;
    remote.fetch_from_others(&mut report);
    report.claims = snapshot.policy().and_then(|policy| remote.exchange_claims(policy, now).err());
    let receipt = access.deliver(&repository);
    Ok(Synced { route: format!("{} → {}", snapshot.name, remote.name), report, receipt })
}

/// The keys whose chains about commands count.
fn counted(snapshot: &RepositorySnapshot) -> Keys {
    snapshot.policy().map_or_else(Keys::all, Keys::of)
}

fn fetch(snapshot: &RepositorySnapshot, access: &ServerAccess, now: i64) -> Result<bool, String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let fetched = branches::fetch(&repository, &access.answered(&repository), Prompts::Never, now);
    // If a remote does not answer, a server may.
    let brought = servers::bring_patches(access, &repository);
    let remote = Remote::find(&repository, None, Prompts::Never).ok().filter(|_| snapshot.has_targets());
    let commands = remote.map(|remote| remote.fetch_commands(&counted(snapshot))).transpose();
    let (is_fetched, commands) = (fetched?, commands?);
    let is_moved = is_fetched || commands.is_some_and(|news| news.is_new) || brought.requests + brought.gone > 0;
    if brought.problems.is_empty() { Ok(is_moved) } else { Err(brought.problems.join(" ")) }
}

/// The open requests are reported first: checks are queried one by one, and must not delay them.
fn ask(name: &str, repositories: &[String], ports: &Ports, tell: &mut dyn FnMut(Event)) -> Result<(), String> {
    let server = ports.access.server(name)?;
    let mut answered = |told: &Told, is_fresh| {
        tell(Event::Answered { server: name.to_owned(), result: Ok(Arc::new(told.clone())), is_fresh });
    };
    let (connected, mut told) = servers::ask(&ports.access, server, repositories, ports.now())?;
    answered(&told, true);
    servers::check(&ports.access, &*connected, &mut told);
    answered(&told, false);
    Ok(())
}

/// What the server that has a change has at its lines, placed at the lines of now.
fn remarks(
    snapshot: &RepositorySnapshot,
    change: &Change,
    diff: &Diff,
    ports: &Ports,
) -> Result<Option<Box<Remarked>>, String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let Some(found) = ports.access.remarks(&repository, change, ports.now())? else { return Ok(None) };
    let delivery::Remarks { server, login, author, comments, reports, missing } = found;
    let remarks = comments::placed(&repository, &change.revision, diff, comments, (&login, &author));
    Ok(Some(Box::new(Remarked { server, remarks, reports, missing })))
}

/// Whether anything that a server reported is new here.
fn bring(snapshot: &RepositorySnapshot, name: &str, access: &ServerAccess) -> Result<bool, String> {
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let Some(told) = access.memory.load(name) else { return Ok(false) };
    servers::bring(&repository, access.server(name)?, &told, Prompts::Never)
}

/// For the queue, which uses the cache. The reader examines what it reads.
fn examine(
    snapshot: &RepositorySnapshot,
    change: &Change,
    ports: &Ports,
) -> Result<Arc<examination::Examination>, String> {
    opened::with(&snapshot.root, |repository| {
        let cache = ports.caches.of(repository.common_dir());
        Kept::of(repository, snapshot, &cache).listed(change, ports.now()).map(Arc::new)
    })
    .map_err(|error| error.to_string())
}

/// Reads the history of a target. The first frame does not wait for it.
fn learn(
    repository: usize,
    snapshot: &RepositorySnapshot,
    changes: &[Arc<Change>],
    ports: &Ports,
    tell: &mut dyn FnMut(Event),
) -> Result<bool, String> {
    ports.first_frame.wait();
    let opened = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let mut progress = |progress| tell(Event::Learning { repository, progress });
    background::learn(&opened, snapshot, changes, &ports.caches, &mut progress).map_err(|error| error.to_string())
}

/// The paths that a note may be on.
fn paths(snapshot: &RepositorySnapshot, change: &Change) -> Result<Vec<RepoPath>, String> {
    let repository = Repository::open(&snapshot.root);
    let paths = repository.and_then(|repository| examination::notes::paths(&repository, &change.revision));
    paths.map_err(|error| error.to_string())
}

/// Sends the event before it frees what was read of the repository: that takes a while, and nothing depends on it.
fn open(
    snapshot: Arc<RepositorySnapshot>,
    change: Arc<Change>,
    read_only: bool,
    ports: &Ports,
    tell: impl FnOnce(Result<Box<Opened>, String>),
) {
    match Repository::open(&snapshot.root) {
        Ok(repository) => tell(opened_in(&repository, snapshot, change, read_only, ports)),
        Err(error) => tell(Err(error.to_string())),
    }
}

fn opened_in(
    repository: &Repository,
    snapshot: Arc<RepositorySnapshot>,
    change: Arc<Change>,
    read_only: bool,
    ports: &Ports,
) -> Result<Box<Opened>, String> {
    let diff = examination::diff(repository, &snapshot, &change).map_err(|error| error.to_string())?;
    let (saved, draft_problem) = match ports.drafts.load(&RefsOf::of(repository), &change) {
        Ok(loaded) => (loaded.draft, loaded.told),
        Err(why) => (None, Some(why)),
    };
    let mut draft = saved.clone();
    let renamed = draft.as_mut().map_or(0, |draft| bring_up(repository, &snapshot, &change, &diff, draft));
    let diff = Arc::new(diff);
    Ok(Box::new(Opened { snapshot, change, diff, draft, saved, renamed, draft_problem, read_only }))
}

/// Brings a draft up to the open revision: notes follow their lines, and marks and answers follow the new name of their
/// file. Returns how many files with marks have a new name. For what cannot be read, nothing is carried over, and it is
/// read again.
fn bring_up(
    repository: &Repository,
    snapshot: &RepositorySnapshot,
    change: &Change,
    diff: &Diff,
    draft: &mut Draft,
) -> usize {
    let renamed = Renamed::since(repository, snapshot, draft, change, diff);
    examination::notes::follow(repository, draft, &change.revision, diff, &renamed);
    carry_over::carry(repository, snapshot, draft, diff, &renamed).unwrap_or_default()
}

fn prepare(case: &Case<'_>, snapshot: &RepositorySnapshot, ports: &Ports) -> Result<signing::Prepared, SigningError> {
    let key = ports.signing_key()?;
    let chain = ports.own_chain(snapshot, key)?;
    signing::prepare(case, snapshot, key, &chain, ports.random::<16>()?, ports.now())
}

fn sign(
    prepared: &signing::Prepared,
    change: &Change,
    snapshot: &RepositorySnapshot,
    passphrase: Option<&str>,
    ports: &Ports,
) -> Result<Record, SigningError> {
    signing::sign(prepared, change, snapshot, ports.signing_key()?, passphrase, ports.now())
}

/// Threads that carry out effects, each lane in order. `sign` never drops anything.
pub struct Workers {
    load: Sender<Effect>,
    read: Sender<Effect>,
    near: Sender<Effect>,
    search: Sender<Effect>,
    assess: Sender<Effect>,
    learn: Sender<Effect>,
    highlight: Sender<Effect>,
    sync: Sender<Effect>,
    commands: Sender<Effect>,
    deliver: Sender<Effect>,
    ask: Sender<Effect>,
    /// None once it is to end.
    sign: Option<Sender<Effect>>,
    signing: Vec<JoinHandle<()>>,
}

impl Workers {
    /// Starts them; results are reported by `tell`, from any of their threads.
    pub fn start(ports: Arc<Ports>, tell: impl Fn(Event) + Clone + Send + 'static) -> Workers {
        let lane = |name: &str, threads: usize| {
            let (sender, receiver) = channel();
            let receiver = Arc::new(Mutex::new(receiver));
            let mut running = Vec::new();
            for _ in 0..threads {
                let (ports, receiver, tell) = (ports.clone(), receiver.clone(), tell.clone());
                let run = move || work(&receiver, &ports, &tell);
                let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
                running.push(thread.expect("the system can start a thread"));
            }
            (sender, running)
        };
        let (sign, signing) = lane("sign", 1);
        Workers {
            load: lane("load", 1).0,
            read: lane("read", 1).0,
            near: lane("near", 1).0,
            search: lane("search", 1).0,
            assess: lane("assess", 2).0,
            learn: lane("learn", 1).0,
            highlight: highlight::lane(ports.clone(), tell.clone()),
            sync: lane("sync", 1).0,
            // A slow remote must not delay another, nor what was signed.
            commands: lane("commands", 4).0,
            deliver: lane("deliver", 4).0,
            // A slow server must not delay another.
            ask: lane("ask", 4).0,
            sign: Some(sign),
            signing,
        }
    }

    /// Carries out an effect in its lane.
    pub fn submit(&self, effect: Effect) {
        let lane = match effect {
            Effect::List { .. } | Effect::Open { .. } => &self.load,
            Effect::Read { .. } | Effect::Reexamine { .. } | Effect::Judge { .. } => &self.read,
            Effect::Compare { .. } => &self.near,
            Effect::Search { .. } => &self.search,
            Effect::View { .. } | Effect::Range { .. } | Effect::Paths { .. } | Effect::Copy(_) => &self.load,
            Effect::Watch { .. } | Effect::Claim { .. } | Effect::KeepWaiting { .. } => &self.load,
            Effect::Edit { .. } | Effect::Write { .. } | Effect::Suspend => &self.load,
            Effect::Examine { .. } | Effect::History { .. } => &self.assess,
            Effect::Learn { .. } => &self.learn,
            Effect::Highlight { .. } => &self.highlight,
            // One at a time sends to servers.
            Effect::Sync { .. } | Effect::Fetch { .. } | Effect::Bring { .. } | Effect::Reply { .. } => &self.sync,
            Effect::Recall => &self.load,
            Effect::Ask { .. } | Effect::Remarks { .. } => &self.ask,
            Effect::Command(CommandEffect::Deliver { .. }) => &self.deliver,
            // It reads the draft that was written just before.
            Effect::SaveDraft { .. }
            | Effect::Renew { .. }
            | Effect::Prepare { .. }
            | Effect::Sign { .. }
            | Effect::Command(CommandEffect::Prepare { .. } | CommandEffect::Sign { .. }) => match &self.sign {
                Some(lane) => lane,
                None => return,
            },
            Effect::Command(CommandEffect::Open { .. }) => &self.load,
            Effect::Command(CommandEffect::List { .. } | CommandEffect::Output { .. }) => &self.commands,
        };
        // A lane ends only with the program.
        let _ = lane.send(effect);
    }

    /// Ends the signing lane, after drafts and decisions under way are written. What was signed may still be being
    /// delivered.
    pub fn finish(&mut self, ports: &Ports) {
        ports.open.store(u64::MAX, Ordering::Relaxed);
        ports.tools.end();
        drop(self.sign.take());
        ports.caches.write();
        // If a lane panicked, that was already reported.
        self.signing.drain(..).for_each(|thread| _ = thread.join());
        drafts::save_the_rest(ports);
    }
}

fn work(receiver: &Mutex<Receiver<Effect>>, ports: &Ports, tell: &impl Fn(Event)) {
    loop {
        let next = receiver.lock().map(|receiver| receiver.recv());
        let Ok(Ok(effect)) = next else { return };
        perform(effect, ports, &mut |event| tell(event));
    }
}

/// Where drafts and this device's chain id are stored.
pub fn drafts_dir(data: PathBuf) -> Drafts {
    Drafts::at(data.join("drafts"))
}
