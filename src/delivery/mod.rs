//! FLOOR 3: signed decisions to the review server that asked for them. One order for all servers: check the state of
//! the request, send what the outbox lists as not done, and read each back. Nothing is sent to a request that is not
//! what was signed, and nothing is sent twice.

mod lines;
mod linked_remotes;
mod outbox;
mod remarks;
mod replies;
mod text;

pub use linked_remotes::{known, link, linked};
pub use outbox::{Entry, Outbox};
pub use remarks::Remarks;
pub use replies::Reply;

use text::Home;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::change::request::{Request, RequestKind};
use crate::change::{BranchRef, Change, ObjectId, address, counted, visible};
use crate::decision::Verdict;
use crate::ledger;
use crate::record::Record;
use crate::source::git::Repository;
use crate::source::server::{
    self, Account, Decided, Kept, LineNote, Memory, Network, Now, Observed, ReviewServer, Server, ServerError,
    ServerKind, Transport,
};

/// The review request of a change, at one of the configured servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted {
    /// The server's name in the configuration.
    pub server: String,
    /// The server's name for the repository.
    pub repository: String,
    pub request: Request,
    pub remote: String,
}

/// A server's name for the repository of each remote, by the remote's name.
pub fn repositories(repository: &Repository, server: &Server) -> Vec<(String, String)> {
    let known = remotes(repository).into_iter().filter_map(|(name, url)| {
        let by_address = || server.repository_of(&address::Remote::of(&url)?);
        let called = linked_remotes::linked(repository, &name, server).or_else(by_address)?;
        Some((name, called))
    });
    known.collect()
}

/// The remotes of a repository and their addresses.
fn remotes(repository: &Repository) -> Vec<(String, String)> {
    let remotes = repository.raw.remotes();
    let names = remotes.iter().flat_map(|names| names.iter()).flatten().flatten();
    let all = names.filter_map(|name| {
        let remote = repository.raw.find_remote(name).ok()?;
        Some((name.to_owned(), remote.url().ok()?.to_owned()))
    });
    all.collect()
}

/// The names of the remotes' repositories at the servers: determined once for all changes of a queue.
pub struct Hosts(Vec<Host>);

struct Host {
    server: String,
    remote: String,
    by_address: Option<String>,
    /// The stored name, for a separate server.
    linked: Option<String>,
}

impl Hosts {
    /// Of no remote.
    pub fn none() -> Hosts {
        Hosts(Vec::new())
    }

    pub fn of(repository: &Repository, servers: &[Server]) -> Hosts {
        if servers.is_empty() {
            return Hosts::none();
        }
        let remotes = remotes(repository);
        let host = |server: &Server, (remote, url): &(String, String)| Host {
            server: server.name.clone(),
            remote: remote.clone(),
            by_address: address::Remote::of(url).and_then(|address| server.repository_of(&address)),
            linked: linked_remotes::linked(repository, remote, server),
        };
        Hosts(servers.iter().flat_map(|server| remotes.iter().map(move |remote| host(server, remote))).collect())
    }

    /// The review request of a change, if one of the servers has it.
    pub fn hosted(&self, refs: &[BranchRef]) -> Option<Hosted> {
        let mut requests = refs.iter().filter_map(|at| Some((at.request()?, at.remote.as_ref()?)));
        requests.find_map(|(request, remote)| {
            let is_apart = request.kind == RequestKind::ReviewRequest;
            let called = |host: &Host| if is_apart { host.linked.clone() } else { host.by_address.clone() };
            let mut at = self.0.iter().filter(|host| host.remote == *remote);
            let (server, repository) = at.find_map(|host| Some((host.server.clone(), called(host)?)))?;
            Some(Hosted { server, repository, request, remote: remote.clone() })
        })
    }
}

/// The review servers of a person, and what is needed to query them and to deliver to them.
pub struct ServerAccess {
    pub servers: Vec<Server>,
    pub outbox: Outbox,
    /// The last answers of the servers.
    pub memory: Memory,
    pub transport: Box<dyn Transport>,
    /// What is queried again only if it changed, by the name of the server.
    pub kept: Mutex<BTreeMap<String, Kept>>,
    /// The kinds of servers that were asked for theirs, by name, and why one did not tell it.
    kinds: Mutex<BTreeMap<String, Arc<Mutex<Option<Recognised>>>>>,
}

/// What a server said about its kind, or when it did not and why.
type Recognised = Result<ServerKind, (Instant, ServerError)>;

/// How long a server that did not answer is not asked again: each of many repositories would wait for it.
const SILENCE: Duration = Duration::from_secs(10);

/// The results for the entries of a repository, a sentence each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    pub done: Vec<String>,
    /// Not delivered; the reason says whether the next attempt continues with it.
    pub left: Vec<String>,
}

impl ServerAccess {
    /// Over the network, to the servers of the person's configuration; what is kept of them is in a directory.
    pub fn by_network(servers: Vec<Server>, data: &Path) -> ServerAccess {
        ServerAccess::over(Box::new(Network::default()), servers, data)
    }

    /// As [`ServerAccess::by_network`], over another transport.
    pub fn over(transport: Box<dyn Transport>, servers: Vec<Server>, data: &Path) -> ServerAccess {
        let (outbox, memory) = (Outbox::at(data.join("outbox")), Memory::at(data.join("servers")));
        ServerAccess { servers, outbox, memory, transport, kept: Mutex::default(), kinds: Mutex::default() }
    }

    /// To no server.
    pub fn nowhere() -> ServerAccess {
        ServerAccess::by_network(Vec::new(), Path::new(""))
    }

    /// A server by its name.
    ///
    /// # Errors
    /// A sentence: the configuration has none of that name.
    pub fn server(&self, name: &str) -> Result<&Server, String> {
        let found = self.servers.iter().find(|server| server.name == name);
        found.ok_or_else(|| format!("No server in config.toml is called {}.", visible::text(name)))
    }

    /// The remotes of a repository whose review requests one of the servers reports.
    pub fn answered(&self, repository: &Repository) -> Vec<String> {
        let of = |server| {
            let all = repositories(repository, server).into_iter().map(|(remote, _)| remote);
            all.filter(move |remote| linked(repository, remote, server).is_none())
        };
        self.servers.iter().flat_map(of).collect()
    }

    /// The kind of a server: as configured, otherwise by asking it, once while this exists.
    ///
    /// # Errors
    /// It does not answer, or is of no known kind; within ten seconds after that, it is not asked again.
    pub fn kind_of(&self, server: &Server) -> Result<ServerKind, ServerError> {
        if let Some(kind) = server.kind {
            return Ok(kind);
        }
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let own = Arc::clone(kinds.entry(server.name.clone()).or_default());
        drop(kinds);
        // Held while this server is asked: whoever else wants to know waits for the answer.
        let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
        match &*own {
            Some(Ok(kind)) => return Ok(*kind),
            Some(Err((when, why))) if when.elapsed() < SILENCE => return Err(why.clone()),
            _ => {}
        }
        let told = server::kind_of(server, &*self.transport);
        *own = Some(told.clone().map_err(|why| (Instant::now(), why)));
        told
    }

    /// Connects to a server, with the account of its token.
    ///
    /// # Errors
    /// A sentence.
    pub fn connect(&self, server: &Server) -> Result<(Box<dyn ReviewServer + '_>, Account), String> {
        // Where a token is looked up, and what it is, depends on the kind.
        let kind = self.kind_of(server).map_err(|error| error.to_string())?;
        let server = &Server { kind: Some(kind), ..server.clone() };
        let found = server::token(server)?;
        let from = found.as_ref().map(|found| found.from.clone());
        let kept =
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).entry(server.name.clone()).or_default().clone();
        let connected = server::connect(server, found.map(|found| found.token), &*self.transport, kept);
        let connected = connected.map_err(|error| error.to_string())?;
        let account = connected.account().map_err(|error| refused(&error, &server.name, from.as_deref()))?;
        Ok((connected, account))
    }

    /// Puts a decision into the outbox, if one of the servers has the review request of its change.
    ///
    /// # Errors
    /// A sentence: it could not be stored.
    pub fn take(&self, repository: &Repository, change: &Change, record: &Record, now: i64) -> Result<(), String> {
        let Some(hosted) = Hosts::of(repository, &self.servers).hosted(&change.refs) else { return Ok(()) };
        let Hosted { server, repository: name, request, remote } = hosted;
        self.outbox.replace(&Entry {
            server,
            repository: name,
            request,
            root: repository.root.clone(),
            remote,
            head: change.revision.head,
            target: change.target.clone(),
            verdict: record.predicate().verdict,
            record: record.id().to_string(),
            signed_at: now,
        })
    }

    /// Delivers what is waiting for a repository, in the order of signing.
    pub fn deliver(&self, repository: &Repository) -> Receipt {
        if self.outbox.is_empty(&repository.root) {
            return Receipt::default();
        }
        // They are read again: another process may have delivered them by now.
        let lock = self.outbox.lock();
        let (entries, troubles) = self.outbox.entries(&repository.root);
        let (replies, more) = self.outbox.replies(&repository.root);
        let mut receipt = Receipt { done: Vec::new(), left: [troubles, more].concat() };
        let _lock = match lock {
            Ok(lock) => lock,
            Err(why) => {
                receipt.left.push(why);
                return receipt;
            }
        };
        let mut connected = BTreeMap::new();
        let mut connection = |name: &str| {
            let connect = || self.server(name).and_then(|server| self.connect(server)).map(Arc::new);
            connected.entry(name.to_owned()).or_insert_with(connect).clone()
        };
        for entry in entries {
            match connection(&entry.server).as_deref() {
                Ok((server, account)) => {
                    let delivery = Delivery { outbox: &self.outbox, server: &**server, account, repository };
                    match delivery.deliver(&entry) {
                        Delivered::Done(told) => receipt.done.push(told),
                        Delivered::Over(why) | Delivered::Left(why) => receipt.left.push(why),
                    }
                }
                Err(why) => receipt.left.push(format!("{}: {why}", visible::text(&entry.name()))),
            }
        }
        for reply in replies {
            let sent = connection(&reply.server).and_then(|connected| reply.send(&*connected.0, &connected.1));
            let told = |sentence: String| format!("{}: {sentence}", visible::text(&reply.name()));
            match sent {
                Ok(sentence) => {
                    self.outbox.remove_reply(&reply);
                    receipt.done.push(told(sentence));
                }
                Err(why) => {
                    let file = self.outbox.reply_file(&reply);
                    receipt.left.push(told(format!("{why} Your answer is kept in {}.", file.display())));
                }
            }
        }
        receipt
    }
}

/// Why there is no account: which token was refused, or where one may be put.
fn refused(error: &ServerError, name: &str, from: Option<&str>) -> String {
    match (error, from) {
        (ServerError::Account(host), Some(from)) => format!("{host} does not accept the token (401) from {from}."),
        (ServerError::Account(host), None) => {
            let variable = server::variable(name);
            format!("{host} asks for an account (401), and there is no token. Put one into {variable}.")
        }
        _ => error.to_string(),
    }
}

/// The result for an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// Read back as it was sent; a sentence.
    Done(String),
    /// It can never be delivered: why.
    Over(String),
    /// It stays in the outbox for the next attempt: why.
    Left(String),
}

/// Delivers one entry, continuing from its current state.
pub struct Delivery<'d> {
    pub outbox: &'d Outbox,
    pub server: &'d dyn ReviewServer,
    pub account: &'d Account,
    pub repository: &'d Repository,
}

impl Delivery<'_> {
    pub fn deliver(&self, entry: &Entry) -> Delivered {
        let name = visible::text(&entry.name()).into_owned();
        let delivered = match self.tell(entry) {
            Ok(Delivered::Done(told)) => Delivered::Done(format!("{name}: {told}")),
            Ok(Delivered::Over(why)) => Delivered::Over(format!("{name}: {why}")),
            Ok(Delivered::Left(why)) | Err(why) => Delivered::Left(format!("{name}: {why}")),
        };
        if !matches!(delivered, Delivered::Left(_)) {
            self.outbox.remove(entry);
        }
        delivered
    }

    /// # Errors
    /// A sentence: as [`Delivered::Left`].
    fn tell(&self, entry: &Entry) -> Result<Delivered, String> {
        let now = self.server.now(&entry.repository, entry.request).map_err(|error| error.to_string())?;
        if !now.is_open {
            let why = "it is closed. Nothing was sent to the server, and nothing will be.";
            return Ok(Delivered::Over(why.to_owned()));
        }
        let record = self.record(entry)?;
        let is_old_side_known = record.as_deref().is_some_and(|record| self.is_old_side_known(entry, &now, record));
        if let Some(why) = self.obstacle(entry, now, record.as_deref()) {
            return Err(why);
        }
        let Some(record) = record else {
            return Err(format!("the record {} is not in this repository.", &entry.record[..16]));
        };
        if !is_of(entry, &record) {
            let why = "it differs from the signed record. Nothing was sent to the server.";
            return Err(why.to_owned());
        }
        let abilities = self.server.abilities();
        let home = Home { is_in_ref: self.is_held(entry), is_with_verdict: abilities.holds_records };
        let mut placed = lines::placed(self.repository, &record, abilities.notes_on_old_side);
        if !is_old_side_known {
            let counts_old = |note: &mut LineNote| note.old_side || note.beside.is_some();
            placed.iter_mut().for_each(|note| drop(note.take_if(counts_old)));
        }
        let is_rest = |at: usize| placed.get(at).is_none_or(Option::is_none);
        let (text, brief) = (text::comment(&record, home, |_| true), text::comment(&record, home, is_rest));
        let (notes, summary): (Vec<LineNote>, _) = (placed.iter().flatten().cloned().collect(), text::summary(&record));
        let envelope = String::from_utf8_lossy(&record.link.envelope).into_owned();
        let decided = Decided {
            repository: &entry.repository,
            request: entry.request,
            head: entry.head,
            verdict: entry.verdict,
            record: &entry.record,
            envelope: &envelope,
            text: if notes.is_empty() { &text } else { &brief },
            notes: &notes,
            summary: &summary,
        };
        let seen = || self.server.verdict(&decided, self.account);
        let give = || match self.server.give_verdict(&decided) {
            // It may refuse a line that its own diff does not show. A refusal need not come from it: it may have it.
            Err(ServerError::Refused(..)) if !notes.is_empty() && seen()?.is_none() => {
                self.server.give_verdict(&Decided { text: &text, notes: &[], ..decided.clone() })
            }
            // The next step reads it back.
            Err(ServerError::Refused(..)) if !notes.is_empty() => Ok(()),
            given => given,
        };
        let bound = self.step(entry, &seen, &give)?;
        let none = self.status(entry, &decided)?;
        let given = given(entry.verdict);
        Ok(Delivered::Done(format!("{given}, {bound}; the record is {}{none}.", home.place())))
    }

    /// The status at the commit, if the server has one; if not, what to report about that.
    fn status(&self, entry: &Entry, decided: &Decided<'_>) -> Result<&'static str, String> {
        if !self.server.abilities().has_status {
            return Ok("; this server has no status");
        }
        let seen = || self.server.status(decided);
        let give = || self.server.set_status(decided);
        self.step(entry, &seen, &give).map(|_| "")
    }

    /// Why it must not be delivered: the request is not what was signed.
    fn obstacle(&self, entry: &Entry, now: Now, record: Option<&Record>) -> Option<String> {
        if now.head != entry.head {
            let (then, now) = (entry.head.short(), now.head.short());
            return Some(format!(
                "its head moved to {now} after you signed {then}. Nothing was told to the server; read what came and \
                 decide again."
            ));
        }
        let stacked = record.filter(|record| !self.is_base_landed(entry, record));
        if let Some(record) = stacked.filter(|_| entry.verdict == Verdict::Approve) {
            let base = record.predicate().base.commit.get(..12).unwrap_or_default();
            let target = visible::text(&entry.target);
            return Some(format!(
                "you signed what it adds to {base}, which was not in {target} at the last fetch: the server could land \
                 both. Nothing was sent to the server; the approval is sent once {target} contains that commit."
            ));
        }
        let is_at_base = |target: &str| stacked.is_some_and(|record| self.is_at_base(entry, target, record));
        let is_other = |target: &String| *target != entry.target && !is_at_base(target);
        if let Some(target) = now.target.filter(is_other) {
            let (then, now) = (visible::text(&entry.target), visible::text(&target));
            return Some(format!(
                "its target is now {now}, and you signed for {then}. Nothing was sent to the server."
            ));
        }
        let is_own = entry.verdict == Verdict::Approve && now.author == self.account.login;
        let account = visible::text(&self.account.login);
        is_own.then(|| format!("{account} opened it, and nobody can approve their own request. Nothing was sent."))
    }

    /// Whether the target of the remote contains the base of what was signed, so that nothing else lands with it. If
    /// not, the change builds on another one that nobody landed yet, and no server promises to keep a request on the
    /// branch of that one.
    fn is_base_landed(&self, entry: &Entry, record: &Record) -> bool {
        let base = record.predicate().base.commit.parse().ok();
        let tip = self.tip(entry, &entry.target);
        base.zip(tip).is_some_and(|(base, tip)| self.repository.is_descendant(tip, base))
    }

    /// Whether the server counts the lines of the old side at the base of what was signed. It counts those of a request
    /// that builds on another one at the target, unless that is the branch of the other.
    fn is_old_side_known(&self, entry: &Entry, now: &Now, record: &Record) -> bool {
        let target = now.target.as_ref().unwrap_or(&entry.target);
        self.is_base_landed(entry, record) || self.is_at_base(entry, target, record)
    }

    /// Whether a branch of the remote shows the commit to which the change was signed to add: the head of the change
    /// below it, which lands first.
    fn is_at_base(&self, entry: &Entry, target: &str, record: &Record) -> bool {
        self.tip(entry, target).is_some_and(|tip| record.predicate().base.commit == tip.to_string())
    }

    /// Where a branch of the remote was at the last fetch; in a clone that keeps none of its branches, the own one.
    fn tip(&self, entry: &Entry, target: &str) -> Option<ObjectId> {
        let branch = target.strip_prefix("refs/heads/").unwrap_or(target);
        let of_remote = self.repository.tip(&format!("refs/remotes/{}/{branch}", entry.remote));
        of_remote.or_else(|| self.repository.tip(&format!("refs/heads/{branch}")))
    }

    /// Sends what is not there yet, and reads it back: its state there, if it is as sent.
    fn step(
        &self,
        entry: &Entry,
        seen: &dyn Fn() -> Result<Option<Observed>, ServerError>,
        give: &dyn Fn() -> Result<(), ServerError>,
    ) -> Result<String, String> {
        let plain = |error: ServerError| error.to_string();
        let mut observed = seen().map_err(plain)?;
        if observed.is_none() {
            let given = give();
            // A lost answer does not tell what was done.
            if let Err(error) = given.as_ref().map_err(Clone::clone)
                && !error.may_be_done()
            {
                return Err(error.to_string());
            }
            observed = seen().map_err(plain)?;
            if let (None, Err(error)) = (&observed, given) {
                return Err(error.to_string());
            }
        }
        as_given(observed, entry.head, self.server.abilities().binds_commits)
    }

    fn record(&self, entry: &Entry) -> Result<Option<Arc<Record>>, String> {
        let chains = ledger::read(self.repository).map_err(|error| error.to_string())?;
        let all = chains.into_iter().flat_map(|chain| chain.records);
        Ok(all.into_iter().find(|record| record.id().to_string() == entry.record))
    }

    /// Whether the remote was seen to hold the record.
    fn is_held(&self, entry: &Entry) -> bool {
        let held = ledger::read_remote(self.repository, &entry.remote).unwrap_or_default();
        held.iter().flat_map(|chain| &chain.records).any(|record| record.id().to_string() == entry.record)
    }
}

/// Whether an entry says what was signed.
fn is_of(entry: &Entry, record: &Record) -> bool {
    let signed = record.predicate();
    let same_head = signed.head.commit == entry.head.to_string();
    same_head && signed.verdict == entry.verdict && signed.target.name == entry.target
}

/// Whether a server holds what was sent, for the commit that was signed.
fn as_given(observed: Option<Observed>, head: ObjectId, binds_commits: bool) -> Result<String, String> {
    match observed {
        None => Err("the server answered that it took it, and does not have it. Nothing counts as done.".to_owned()),
        Some(Observed { is_as_given: false, .. }) => {
            Err("the server stored something other than what was sent. Check its page.".to_owned())
        }
        Some(Observed { commit: Some(commit), .. }) if commit != head => Err(format!(
            "the server has it for {} and not for {}, which you signed. Look at its page.",
            commit.short(),
            head.short()
        )),
        Some(Observed { commit, instead, at_lines, .. }) => {
            let bound = match commit {
                Some(_) if binds_commits => "bound to the commit there",
                _ => "bound to the commit by the record alone: this server binds none",
            };
            let instead = instead.map(|instead| format!("{}, ", visible::text(&instead)));
            let notes =
                if at_lines > 0 { format!("{} at the lines, ", counted(at_lines, "note")) } else { String::new() };
            Ok(instead.unwrap_or_default() + &notes + bound)
        }
    }
}

fn given(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approve => "approved",
        Verdict::Reject => "changes requested",
        _ => "told",
    }
}
