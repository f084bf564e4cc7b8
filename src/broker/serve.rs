//! The broker at its socket: the kernel identifies the peer.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::admit::Asker;
use super::wire::{self, Ask, Refusal, Reply};
use super::{Broker, Known, branches, own_target, starts};
use crate::clock::now;
use crate::command::RunRecord;
use crate::command::request::{OVERFLOW_UID, Proof};
use crate::ledger::{LedgerError, append_after};
use crate::policy::target::Start;
use crate::record::chain::{Link, file_name};
use crate::record::{ChainId, RecordId};

/// Connections served at the same time; each may wait for a run.
const MAX_ASKERS: usize = 64;
/// How long a client may take to send its request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the broker looks for requests that may start without approval.
const EACH: Duration = Duration::from_secs(2);

/// Listens until the program ends.
///
/// # Errors
/// A sentence: the socket cannot be created.
pub fn serve(broker: Broker) -> Result<(), String> {
    let socket = broker.settings.socket.clone();
    let _ = std::fs::remove_file(&socket);
    let failed = |error: std::io::Error| format!("{} cannot be made: {error}.", socket.display());
    let listener = UnixListener::bind(&socket).map_err(failed)?;
    // Anybody who can reach it may ask; the account determines what they may do.
    std::fs::set_permissions(&socket, std::os::unix::fs::PermissionsExt::from_mode(0o666)).map_err(failed)?;
    let broker = Arc::new(broker);
    let (looking, askers) = (broker.clone(), Arc::new(AtomicUsize::new(0)));
    std::thread::spawn(move || looking.start_by_itself());
    if !broker.settings.branches.is_empty() {
        let reading = broker.clone();
        std::thread::spawn(move || branches::watch(&reading));
    }
    for stream in listener.incoming().flatten() {
        if askers.fetch_add(1, Ordering::SeqCst) >= MAX_ASKERS {
            askers.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (broker, askers) = (broker.clone(), askers.clone());
        std::thread::spawn(move || {
            let _ = answer(&broker, &stream);
            askers.fetch_sub(1, Ordering::SeqCst);
        });
    }
    Ok(())
}

fn answer(broker: &Broker, stream: &UnixStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let reply = match (peer(broker, stream), wire::read_ask(stream)) {
        (Err(why), _) => *Reply::refused(2, "OPERATOR_UNPROVEN", why),
        (_, Err(why)) => *Reply::refused(64, "ARGV", why),
        (Ok(uid), Ok(ask)) => match asker(broker, uid, ask) {
            Ok((asker, ask)) => broker.answer(&ask, &asker),
            Err(why) => *Reply::refused(2, "OPERATOR_UNPROVEN", why),
        },
    };
    wire::write(stream, &reply)
}

/// The account at the other end.
fn peer(broker: &Broker, stream: &UnixStream) -> Result<u32, String> {
    let peer = getsockopt(stream, PeerCredentials).map_err(|error| format!("Nobody knows who asks: {error}."))?;
    if peer.uid() == OVERFLOW_UID {
        return Err("Account 65534 represents unknown accounts, so it may not submit requests.".to_owned());
    }
    // Processes left over by a run may not ask for anything. An ordinary account that runs the broker is its own.
    let is_of_runs = broker.settings.targets.values().any(|target| target.uid == peer.uid());
    if is_of_runs && peer.uid() != nix::unistd::geteuid().as_raw() {
        return Err(format!("Commands run as account {}, so it may ask nothing.", peer.uid()));
    }
    Ok(peer.uid())
}

/// Who asks, and for what. The account in which sshd relays asks nothing of its own, and nobody else may relay.
fn asker(broker: &Broker, uid: u32, ask: Ask) -> Result<(Asker, Ask), String> {
    let settings = &broker.settings;
    match (ask, settings.ssh_uid == Some(uid)) {
        (Ask::Relayed { key, ask }, true) => {
            if matches!(*ask, Ask::Relayed { .. }) {
                return Err("What is relayed is relayed once.".to_owned());
            }
            let own = settings.keys.get(&key).ok_or("The settings give this key to nobody.")?;
            if broker.policy().roster.by_key_id(&own.key.id().to_string()).is_some() {
                return Err("With this key somebody signs; an agent has one of its own.".to_owned());
            }
            let (by, operator) = (format!("key {key}"), Some(own.operator.clone()));
            Ok((Asker { uid: None, by, operator, proof: Proof::Proven }, *ask))
        }
        (Ask::Relayed { .. }, false) => Err(format!("Account {uid} relays nothing.")),
        (_, true) => Err(format!("Account {uid} relays for keys, and asks nothing itself.")),
        (ask, false) => Ok((Asker::of_account(uid, settings.operators.get(&uid).cloned()), ask)),
    }
}

/// Whether something was asked for by this account or key, or root asks.
fn owner(by: &str, asker: &Asker) -> Result<(), Refusal> {
    if asker.uid == Some(0) || by == asker.by {
        return Ok(());
    }
    Err(Reply::refused(2, "REQUEST_UNKNOWN", "Another account or key asked for that."))
}

impl Broker {
    /// Answers a message.
    pub fn answer(&self, ask: &Ask, asker: &Asker) -> Reply {
        let id = |text: &String| {
            text.parse::<RecordId>().map_err(|_| {
                Reply::refused(
                    64,
                    "REQUEST_UNKNOWN",
                    "A request is named by the 64 hex digits that `exec request` printed.",
                )
            })
        };
        let replied = match ask {
            Ask::Request(draft) => Ok(self.admit(draft, asker)),
            Ask::Status { id: text } => id(text).map(|id| self.status(id)),
            Ask::Run { id: text } => id(text).and_then(|id| {
                // Also while this waits for what another call knows: a stop counts.
                let _under_way = self.runs.begin(id);
                self.owned(id, asker).map(|id| self.run(id))
            }),
            Ask::Log { id: text } => id(text).and_then(|id| self.readable(id, asker)).map(|id| self.log(id)),
            Ask::Stop { id: text } => id(text).and_then(|id| self.stoppable(id, asker)).map(|id| self.stop(id)),
            Ask::Deliver { chain, links } => Ok(self.deliver(chain, links)),
            Ask::Relayed { .. } => Err(Reply::refused(2, "OPERATOR_UNPROVEN", "What is relayed is relayed once.")),
        };
        replied.unwrap_or_else(|reply: Refusal| *reply)
    }

    /// A request is started by the account or key that asked for it, or by root.
    fn owned(&self, id: RecordId, asker: &Asker) -> Result<RecordId, Refusal> {
        let known = self.known();
        let record = known.own.records.iter().find(|record| record.id() == id);
        let by = record.and_then(|record| Some(record.run().admitted()?.asked.by.clone()));
        match by {
            Some(by) => owner(&by, asker).map(|()| id),
            None => Err(Reply::refused(2, "REQUEST_UNKNOWN", "This broker admitted no such request.")),
        }
    }

    /// Its output is read by these, and by any account of a person in the roster, who may have authorized it. Keys are
    /// those of agents.
    fn readable(&self, id: RecordId, asker: &Asker) -> Result<RecordId, Refusal> {
        let person = asker.operator.as_ref().filter(|_| asker.uid.is_some());
        let is_known = person.is_some_and(|who| self.policy().roster.by_id(who).is_some());
        if is_known { Ok(id) } else { self.owned(id, asker) }
    }

    /// A run is stopped by its requester, by root, and by any account of a person in the roster. Keys are those of
    /// agents, which stop only what they asked for. This must not wait for git, which may take minutes.
    fn stoppable(&self, id: RecordId, asker: &Asker) -> Result<RecordId, Refusal> {
        let person = asker.operator.as_ref().filter(|_| asker.uid.is_some());
        let is_known = person.is_some_and(|who| self.policy().roster.by_id(who).is_some());
        match self.runs.by(id) {
            _ if is_known => Ok(id),
            Some(by) => owner(&by, asker).map(|()| id),
            None => self.owned(id, asker),
        }
    }

    /// Accepts links of a person's chain, oldest first: they count by their signatures, whoever delivers them.
    fn deliver(&self, chain: &str, links: &[String]) -> Reply {
        let mut known = self.known();
        let id: Option<ChainId> = chain.parse().ok();
        let Some(id) = id.filter(|id| known.policy.roster.by_key_id(&id.key).is_some()) else {
            return *Reply::refused(2, "REQUEST_UNKNOWN", "The key of this chain is not in the roster.");
        };
        let repository = match self.repository() {
            Ok(repository) => repository,
            Err(why) => return *Reply::refused(4, "LEDGER_FAULT", why),
        };
        let held = self.chains.people.own(&repository, &id);
        let is_held = |envelope: &[u8]| held.records.iter().any(|record| record.link.envelope == envelope);
        let mut taken = 0;
        for text in links {
            let Ok(envelope) = Base64::decode_vec(text) else {
                return *Reply::refused(64, "ARGV", "That is not a record.");
            };
            if is_held(&envelope) {
                continue;
            }
            let seq = crate::record::verify_as::<crate::command::AuthorizationStatement>(&envelope)
                .map(|verified| verified.statement().predicate.chain.seq.0);
            let Ok(seq) = seq else { return *Reply::refused(2, "LEDGER_FAULT", "A record does not hold.") };
            let link = Link { name: file_name(seq), envelope, ..Link::default() };
            match append_after(&self.chains.people, &repository, &id, link, now()) {
                Ok(_) => taken += 1,
                Err(LedgerError::LostPlace) => {
                    let text = format!(
                        "Record {seq} of the chain {id} does not continue what is here, which ends with {}. Bring the \
                         whole chain.",
                        held.len() + taken
                    );
                    return *Reply::refused(2, "LEDGER_FAULT", text);
                }
                Err(error) => return *Reply::refused(2, "LEDGER_FAULT", error.to_string()),
            }
        }
        self.refresh(&mut known);
        Reply { text: format!("{} taken in.", crate::change::counted(taken, "record")), ..Reply::default() }
    }

    /// Starts requests that the policy lets start by themselves, as soon as they may: one at a time at each target, and
    /// no target waits for the run of another.
    fn start_by_itself(&self) {
        let starts: Mutex<Starts> = Mutex::default();
        let starts = &starts;
        std::thread::scope(|scope| {
            loop {
                std::thread::sleep(EACH);
                self.retry_ends();
                for (target, id) in self.ready_to_start(starts) {
                    let turn = Turn::of(starts, target);
                    scope.spawn(move || {
                        let reply = self.run(id);
                        self.note_start(starts, id, &reply);
                        drop(turn);
                    });
                }
            }
        });
    }

    /// Says why a request did not start that may: whoever waits for it calls nobody.
    fn note_start(&self, starts: &Mutex<Starts>, id: RecordId, reply: &Reply) {
        if reply.code == 0 || !reply.state.is_empty() {
            return;
        }
        let is_news = lock(starts).failed(id, &reply.text);
        if !is_news {
            return;
        }
        eprintln!("undersign: {id} was not started: {}", crate::change::visible::lines(&reply.text));
        let known = self.known();
        if !known.own.records.iter().any(|record| record.run().about() == Some(id.to_string().as_str())) {
            self.tell_failed(&known, id, &reply.text);
        }
    }

    /// A request of each target that may start now, where none runs: what could not be started comes last.
    fn ready_to_start(&self, starts_so_far: &Mutex<Starts>) -> Vec<(String, RecordId)> {
        let mut known = self.known();
        let mut waiting = self.waiting_to_start(&known);
        lock(starts_so_far).order(&mut waiting);
        if waiting.is_empty() {
            return Vec::new();
        }
        // One reading for all of them. What is to start reads again.
        self.refresh(&mut known);
        waiting.retain(|(_, id)| starts(&self.judge(&known, *id)));
        let mut taken = BTreeSet::new();
        waiting.retain(|(target, _)| taken.insert(target.clone()));
        waiting
    }

    fn waiting_to_start(&self, known: &Known) -> Vec<(String, RecordId)> {
        let started: BTreeSet<&str> = known.own.records.iter().filter_map(|record| record.run().about()).collect();
        let now = now();
        let waits = |record: &&Arc<RunRecord>| {
            let own = record.run();
            let target = own_target(&known.policy, &self.id.key, &own.target);
            target.is_some_and(|target| target.start == Start::Authorized)
                && own.admitted().is_some_and(|request| request.not_after.seconds() > now)
                && !started.contains(record.id().to_string().as_str())
        };
        let named = |record: &Arc<RunRecord>| (record.run().target.clone(), record.id());
        known.own.records.iter().filter(waits).map(named).collect()
    }
}

/// What starts by itself.
#[derive(Default)]
struct Starts {
    /// The targets where something does.
    busy: BTreeSet<String>,
    /// What could not be started: how often, and why at last.
    failures: BTreeMap<RecordId, (usize, String)>,
}

impl Starts {
    /// Notes that a request could not be started. Returns whether the reason is another one.
    fn failed(&mut self, id: RecordId, why: &str) -> bool {
        let (times, last) = self.failures.entry(id).or_default();
        *times += 1;
        std::mem::replace(last, why.to_owned()) != why
    }

    /// Leaves out targets that are busy, and puts requests that failed less often first. Forgets the others.
    fn order(&mut self, waiting: &mut Vec<(String, RecordId)>) {
        self.failures.retain(|failed, _| waiting.iter().any(|(_, id)| id == failed));
        waiting.retain(|(target, _)| !self.busy.contains(target));
        waiting.sort_by_key(|(_, id)| self.failures.get(id).map_or(0, |(times, _)| *times));
    }
}

/// A target where something starts, until that is over, by a panic too.
struct Turn<'s> {
    starts: &'s Mutex<Starts>,
    target: String,
}

impl<'s> Turn<'s> {
    fn of(starts: &'s Mutex<Starts>, target: String) -> Turn<'s> {
        lock(starts).busy.insert(target.clone());
        Turn { starts, target }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.starts).busy.remove(&self.target);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
