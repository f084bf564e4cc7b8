//! FLOOR 3: chains exchanged with a remote, by the `git` program: people's own credentials, and no merge, since each
//! chain has one writer. Nothing here signs: a lost race is fetched and sent again.

pub mod branches;
mod claims;
pub mod families;
#[cfg(feature = "tui")]
pub mod patches;
pub mod probe;
mod program;
#[cfg(feature = "tui")]
mod rebuild;
mod requests;
#[cfg(feature = "tui")]
pub mod servers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use git2::{ErrorCode, Oid};

#[cfg(feature = "tui")]
pub use requests::fetch_these;

use crate::change::{shown_word, visible};
use crate::clock;
use crate::ledger::families::Keys;
use crate::ledger::{self, BRANCH_PREFIX, PREFIX};
use crate::record::{Chain, ChainId, Fault, Head, Heads, Index};
use crate::source::git::Repository;
use program::{BRANCH, CHAINS, Ended, GitFailed, run_git};

/// Rounds of fetching and sending; each lost race takes one more.
const ROUNDS: usize = 5;
/// The most refs of one remote that are read.
const MAX_REFS: usize = 100_000;

/// Whether the `git` program may ask for a password on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompts {
    Allowed,
    /// Another program owns the screen: a command that needs to ask fails.
    Never,
}

/// One remote of a repository.
pub struct Remote<'r> {
    repository: &'r Repository,
    pub name: String,
    prompts: Prompts,
    /// Where our own chains go: [`PREFIX`], or [`BRANCH_PREFIX`] on a host that takes nothing else.
    prefix: &'static str,
}

/// What a sync did, and what is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Records that are new here.
    pub fetched: usize,
    /// Records that the remote has taken.
    pub sent: usize,
    /// What must not be overlooked, a sentence each.
    pub alarms: Vec<String>,
    /// Why claims were not exchanged; nothing depends on them.
    pub claims: Option<String>,
    /// Other remotes that had decisions and did not answer, with what git said.
    pub silent: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records = |n: usize| if n == 1 { "1 record".to_owned() } else { format!("{n} records") };
        write!(f, "{} fetched, {} sent", records(self.fetched), records(self.sent))?;
        match self.alarms.len() {
            0 => {}
            1 => write!(f, ", 1 alarm")?,
            n => write!(f, ", {n} alarms")?,
        }
        if self.claims.is_some() {
            write!(f, ", no claims exchanged")?;
        }
        match self.silent.len() {
            0 => Ok(()),
            1 => write!(f, ", another remote did not answer"),
            n => write!(f, ", {n} other remotes did not answer"),
        }
    }
}

/// The chains that a remote holds.
struct There {
    sound: BTreeMap<ChainId, Oid>,
    /// Those with a fault: nothing is sent on top of them.
    damaged: BTreeSet<ChainId>,
}

/// Whether a remote accepted what was sent.
enum Sent {
    All,
    /// Another client was faster: fetch and try again.
    Race,
}

impl<'r> Remote<'r> {
    /// The named remote; otherwise the one that is the project.
    pub fn find(repository: &'r Repository, name: Option<&str>, prompts: Prompts) -> Result<Remote<'r>, String> {
        let names = repository.remotes();
        let chosen = match name {
            Some(name) => names.get(name).cloned(),
            None => repository.project().map_err(|error| error.to_string())?,
        };
        let Some(name) = chosen else {
            return Err(match (name, names.is_empty()) {
                (Some(name), _) => {
                    format!("There is no remote `{}` here; `git remote` lists them.", visible::text(name))
                }
                (None, true) => {
                    "This repository has no remote to sync with. `git remote add origin URL` names one.".to_owned()
                }
                (None, false) => {
                    let names: Vec<_> = names.iter().map(|name| visible::text(name)).collect();
                    format!("Name a remote with --remote: {}.", names.join(", "))
                }
            });
        };
        let setting = format!("remote.{name}.undersignrefs");
        let mapping = repository.raw.config().ok().and_then(|config| config.get_string(&setting).ok());
        let prefix = if mapping.as_deref() == Some("branches") { BRANCH_PREFIX } else { PREFIX };
        Ok(Remote { repository, name, prompts, prefix })
    }

    /// As [`Remote::find`] without a name; none if the repository has no remote.
    ///
    /// # Errors
    /// It has several, and nothing says which one is the project.
    pub fn usual(repository: &'r Repository, prompts: Prompts) -> Result<Option<Remote<'r>>, String> {
        match repository.has_remotes() {
            false => Ok(None),
            true => Remote::find(repository, None, prompts).map(Some),
        }
    }

    /// The number of records about commands that people signed here and the remote was not yet seen to hold.
    pub fn undelivered(&self) -> usize {
        families::outbox(self.repository, &self.name)
    }

    /// The number of our own records that the remote was not yet seen to hold.
    pub fn outbox(&self) -> usize {
        let held = ledger::read_remote(self.repository, &self.name).unwrap_or_default();
        let count = |chain: &Chain| {
            let there = held.iter().find(|copy| copy.id == chain.id).map_or(0, |copy| copy.records.len());
            chain.records.len().saturating_sub(there)
        };
        let decisions: usize = ledger::read(self.repository).unwrap_or_default().iter().map(count).sum();
        decisions + families::outbox(self.repository, &self.name)
    }

    /// Fetches what the remote holds about commands by keys that count.
    ///
    /// # Errors
    /// It could not be read.
    pub fn fetch_commands(&self, counted: &Keys) -> Result<families::News, String> {
        ledger::note_remote(self.repository, &self.name)?;
        families::fetch_all(self.repository, &self.name, self.prompts, counted)
    }

    /// Sends only what people signed here about commands; returns the number of records sent.
    ///
    /// # Errors
    /// Some of it was not accepted: a sentence for each chain.
    pub fn deliver_commands(&self) -> Result<usize, String> {
        let report = families::deliver(self.repository, &self.name, self.prompts);
        if report.alarms.is_empty() { Ok(report.sent) } else { Err(report.alarms.join(" ")) }
    }

    /// Fetches other people's chains and sends our own. With `restore`, records that the remote has lost are sent
    /// again. Chains about commands of keys that are not `counted` are not reported.
    pub fn sync(&self, restore: bool, counted: &Keys) -> Result<Report, String> {
        ledger::note_remote(self.repository, &self.name)?;
        // First, what a broker waits for: no other failure may delay it.
        let delivered = families::deliver(self.repository, &self.name, self.prompts);
        let mut report = Report { sent: delivered.sent, ..Report::default() };
        let decisions = self.sync_decisions(restore, &mut report);
        report.alarms.extend(delivered.alarms.iter().cloned());
        families::sync(self.repository, &self.name, self.prompts, counted, &mut report);
        match decisions {
            Ok(()) => Ok(report),
            Err(why) => Err([vec![why], delivered.alarms].concat().join(" ")),
        }
    }

    /// Fetches decisions from the other remotes that were seen to have some: a rejection that went to a fork counts.
    /// One that does not answer is named, and hinders nothing.
    pub fn fetch_from_others(&self, report: &mut Report) {
        for name in self.repository.remotes().into_iter().filter(|name| *name != self.name) {
            let has_some = self.tips(&ledger::remote_prefix(&name)).is_ok_and(|tips| !tips.is_empty());
            let other = has_some.then(|| Remote::find(self.repository, Some(&name), self.prompts));
            let Some(Ok(other)) = other else { continue };
            if let Err(why) = other.fetch(report) {
                report.silent.push(format!("{}: {why}", visible::text(&name)));
            }
        }
    }

    fn sync_decisions(&self, restore: bool, report: &mut Report) -> Result<(), String> {
        for _ in 0..ROUNDS {
            report.alarms.clear();
            let there = self.fetch(report)?;
            if let Sent::All = self.send(&there, restore, report)? {
                return Ok(());
            }
        }
        Err(format!(
            "The remote {} changed under {ROUNDS} attempts in a row. Nothing is lost; try again.",
            visible::text(&self.name)
        ))
    }

    /// Reads what the remote holds, keeps what only grew, and reports what did not.
    fn fetch(&self, report: &mut Report) -> Result<There, String> {
        let listed = self.list()?;
        let before = ledger::read_remote(self.repository, &self.name).map_err(|error| error.to_string())?;
        let incoming = Incoming::below(Incoming::DECISIONS, self.repository);
        if !listed.is_empty() {
            let specs =
                [format!("+{PREFIX}*:{}c/*", incoming.prefix), format!("+{BRANCH_PREFIX}*:{}b/*", incoming.prefix)];
            self.git(&[
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
                &self.name,
                &specs[0],
                &specs[1],
            ])?;
        }
        let (mut arrived, mut damaged) = (Vec::new(), BTreeSet::new());
        for (id, tip) in incoming.tips(report) {
            let chain =
                ledger::chain_at(self.repository, &format!("{}{id}", incoming.prefix), &id.to_string(), Some(tip));
            if let Some((position, fault)) = chain.fault {
                report.alarms.push(format!(
                    "Record {position} of the chain {id} on {} does not hold: {fault}. The copy that is here stays.",
                    self.name
                ));
                damaged.insert(id);
                continue;
            }
            arrived.push((chain, tip));
        }
        let chains: Vec<Chain> = arrived.iter().map(|(chain, _)| chain.clone()).collect();
        for loss in Heads::of(&before).losses(&Index::of(&chains)).filter(|loss| !damaged.contains(&loss.chain)) {
            report.alarms.push(self.loss(&loss.chain, loss.head, loss.fault));
        }
        let mut there = There { sound: BTreeMap::new(), damaged };
        for (chain, tip) in arrived {
            let known = before.iter().find(|copy| copy.id == chain.id);
            if known.and_then(Chain::head).is_none_or(|head| chain.holds(head).is_ok()) {
                report.fetched +=
                    chain.records.len() - known.map_or(0, |copy| copy.records.len()).min(chain.records.len());
                self.remember(&chain.id, tip)?;
            }
            there.sound.insert(chain.id, tip);
        }
        Ok(there)
    }

    fn loss(&self, id: &ChainId, head: Head, fault: Fault) -> String {
        let record = head.record.short();
        match fault {
            Fault::Forked => format!(
                "On {} the chain {id} holds another record {} than {record}, which was there before. Somebody rewrote \
                 it; the copy that is here stays.",
                self.name, head.seq
            ),
            _ => format!(
                "{} went back: record {} ({record}) of the chain {id} was there and is missing now. `undersign sync \
                 --restore` sends it again.",
                self.name, head.seq
            ),
        }
    }

    /// Sends what the remote lacks of the local chains; advances own chains of which it has more.
    fn send(&self, there: &There, restore: bool, report: &mut Report) -> Result<Sent, String> {
        let mut chains: BTreeMap<ChainId, Oid> = self.tips(PREFIX)?;
        if restore {
            for (id, tip) in self.tips(&ledger::remote_prefix(&self.name))? {
                chains.entry(id).or_insert(tip);
            }
        }
        let mut pushes = Vec::new();
        for (id, tip) in chains.into_iter().filter(|(id, _)| !there.damaged.contains(id)) {
            let ours = ledger::chain_at(self.repository, &format!("{PREFIX}{id}"), &id.to_string(), Some(tip));
            let theirs = there.sound.get(&id).map(|tip| {
                ledger::chain_at(
                    self.repository,
                    &format!("{}{id}", ledger::remote_prefix(&self.name)),
                    &id.to_string(),
                    Some(*tip),
                )
            });
            match compare(&ours, theirs.as_ref()) {
                Order::Same => {}
                Order::Behind => self.bring_forward(&id, tip, there.sound[&id])?,
                Order::Ahead(records) => pushes.push((id, tip, records)),
                Order::Forked => report.alarms.push(format!(
                    "The chain {id} here and on {} went different ways, as after a restored backup. `undersign record \
                     repair --remote {}` says which holds.",
                    self.name,
                    shown_word(&self.name)
                )),
            }
        }
        self.push(&pushes, report)
    }

    fn push(&self, pushes: &[(ChainId, Oid, usize)], report: &mut Report) -> Result<Sent, String> {
        if pushes.is_empty() {
            return Ok(Sent::All);
        }
        let mut arguments =
            vec!["push".to_owned(), "--porcelain".to_owned(), "--no-verify".to_owned(), self.name.clone()];
        arguments.extend(pushes.iter().map(|(id, tip, _)| format!("{tip}:{}{id}", self.prefix)));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let pushed = self.run(&arguments)?;
        let is_read_there = self.is_read_where_it_is_written()?;
        let mut race = false;
        let mut told = 0;
        for line in pushed.stdout.lines() {
            // `<flag> TAB <from>:<to> TAB <summary>`
            let [flag, refs, summary] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { continue };
            let Some((id, tip, records)) =
                pushes.iter().find(|(id, ..)| refs.ends_with(&format!(":{}{id}", self.prefix)))
            else {
                continue;
            };
            told += 1;
            match flag {
                "!" if summary.contains("remote rejected") => report.alarms.push(format!(
                    "{} refused the chain {id}: {}. `undersign doctor --remote {}` says what it takes.",
                    self.name,
                    visible::text(summary),
                    shown_word(&self.name)
                )),
                "!" => race = true,
                _ => {
                    report.sent += if flag == "=" { 0 } else { *records };
                    if is_read_there {
                        self.remember(id, *tip)?;
                    }
                }
            }
        }
        if told == 0 && !pushed.is_ok {
            return Err(stays_here(&pushed.failure()));
        }
        Ok(if race { Sent::Race } else { Sent::All })
    }

    /// Whether what is sent to the remote is fetched from the same place (`remote.NAME.pushurl` may name another): only
    /// then it is missed there.
    fn is_read_where_it_is_written(&self) -> Result<bool, String> {
        let fetched = self.git(&["remote", "get-url", &self.name])?;
        Ok(fetched == self.git(&["remote", "get-url", "--push", &self.name])?)
    }

    /// The refs of the remote, by full name.
    fn list(&self) -> Result<Vec<String>, String> {
        let text = self.git(&["ls-remote", &self.name, &format!("{PREFIX}*"), &format!("{BRANCH_PREFIX}*")])?;
        let names: Vec<String> =
            text.lines().filter_map(|line| line.split_once('\t')).map(|(_, name)| name.to_owned()).collect();
        if names.len() > MAX_REFS {
            return Err(format!("{} lists more than {MAX_REFS} chains; that is not a ledger.", self.name));
        }
        Ok(names)
    }

    fn tips(&self, prefix: &str) -> Result<BTreeMap<ChainId, Oid>, String> {
        let mut tips = BTreeMap::new();
        let references =
            self.repository.raw.references_glob(&format!("{prefix}*")).map_err(|error| error.message().to_owned())?;
        for reference in references.flatten() {
            let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
            if let (Ok(id), Some(tip)) = (name[prefix.len()..].parse(), reference.target()) {
                tips.insert(id, tip);
            }
        }
        Ok(tips)
    }

    fn remember(&self, id: &ChainId, tip: Oid) -> Result<(), String> {
        let name = format!("{}{id}", ledger::remote_prefix(&self.name));
        if let Ok(known) = self.repository.raw.refname_to_id(&name) {
            self.keep_given_up(id, known, tip)?;
        }
        let written = self.repository.raw.reference(&name, tip, true, "undersign: sync");
        written.map(|_| ()).map_err(|error| format!("{name} cannot be written: {}.", error.message()))
    }

    /// Keeps what a ref held before, if what it holds from now on gave that up.
    fn keep_given_up(&self, id: &ChainId, before: Oid, now: Oid) -> Result<(), String> {
        let raw = &self.repository.raw;
        if before == now || raw.graph_descendant_of(now, before).unwrap_or(false) {
            return Ok(());
        }
        let kept = ledger::keep_given_up(self.repository, id, before);
        kept.map_err(|error| format!("What was given up of the chain {id} cannot be kept: {}.", error.message()))
    }

    fn bring_forward(&self, id: &ChainId, from: Oid, to: Oid) -> Result<(), String> {
        let name = format!("{PREFIX}{id}");
        self.keep_given_up(id, from, to)?;
        match self.repository.raw.reference_matching(&name, to, true, from, "undersign: sync") {
            Ok(_) => Ok(()),
            // It grew meanwhile; the next sync fetches the rest.
            Err(error) if error.code() == ErrorCode::Modified => Ok(()),
            Err(error) => Err(format!("{name} cannot be written: {}.", error.message())),
        }
    }

    /// Runs git; returns its output, or its error message.
    fn git(&self, arguments: &[&str]) -> Result<String, String> {
        self.run(arguments)?.output().map_err(|failed| stays_here(&failed))
    }

    fn run(&self, arguments: &[&str]) -> Result<Ended, GitFailed> {
        run_git(self.repository, self.prompts, CHAINS, arguments)
    }
}

/// Fetches refs of a remote; a local ref that would go backwards stays unchanged, and is an error.
///
/// # Errors
/// A sentence: the remote could not be read.
pub fn fetch_ref(repository: &Repository, remote: &str, from: &str, to: &str, prompts: Prompts) -> Result<(), String> {
    fetched(repository, remote, &["--no-tags"], &[format!("{from}:{to}")], prompts)
}

/// Fetches refs by their specs, which are patterns; the copies of those that are gone are removed.
pub fn fetch_refs(repository: &Repository, remote: &str, specs: &[String], prompts: Prompts) -> Result<(), String> {
    fetched(repository, remote, &["--no-tags", "--prune"], specs, prompts)
}

fn fetched(
    repository: &Repository,
    remote: &str,
    options: &[&str],
    specs: &[String],
    prompts: Prompts,
) -> Result<(), String> {
    let usual = ["fetch", "--quiet", "--no-write-fetch-head", "--no-auto-maintenance"];
    let specs: Vec<&str> = specs.iter().map(String::as_str).collect();
    run_git(repository, prompts, BRANCH, &[&usual, options, &[remote], &specs].concat())?.output()?;
    Ok(())
}

fn stays_here(failed: &GitFailed) -> String {
    format!("{failed} What is signed stays here and can be sent later.")
}

/// The relation of a local chain to its copy on a remote.
#[derive(Debug, PartialEq, Eq)]
enum Order {
    Same,
    Behind,
    /// By this many records.
    Ahead(usize),
    Forked,
}

fn compare(ours: &Chain, theirs: Option<&Chain>) -> Order {
    let (our_head, their_head) = (ours.head(), theirs.and_then(Chain::head));
    let holds = |chain: &Chain, head: Option<Head>| head.is_none_or(|head| chain.holds(head).is_ok());
    let there = theirs.map_or(0, |chain| chain.records.len());
    if our_head == their_head {
        Order::Same
    } else if holds(ours, their_head) && ours.records.len() > there {
        Order::Ahead(ours.records.len() - there)
    } else if theirs.is_some_and(|theirs| holds(theirs, our_head)) {
        Order::Behind
    } else {
        Order::Forked
    }
}

/// Where the results of one fetch are kept until they are checked. Each process and fetch has its own: refs that
/// another one removes would seem to be gone from the remote.
struct Incoming<'r> {
    repository: &'r Repository,
    prefix: String,
}

impl<'r> Incoming<'r> {
    const DECISIONS: &'static str = "refs/undersign/incoming/";
    const COMMANDS: &'static str = "refs/undersign/incoming-commands/";
    /// Seconds after which the refs there belong to an aborted fetch.
    const OLD: i64 = 24 * 3_600;

    /// A folder below one of these.
    fn below(all: &str, repository: &'r Repository) -> Incoming<'r> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let now = clock::now();
        let is_old = |name: &str| {
            let began = name[all.len()..].split_once('-').and_then(|(began, _)| began.parse::<i64>().ok());
            began.is_none_or(|began| began.saturating_add(Incoming::OLD) < now)
        };
        remove_below(repository, all, is_old);
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Incoming { repository, prefix: format!("{all}{now}-{process}-{number}/") }
    }

    /// The tips by chain; a ref whose name is not a chain's is reported and left out. Of two copies, the one under
    /// [`PREFIX`] is used, unless only branches hold it.
    fn tips(&self, report: &mut Report) -> BTreeMap<ChainId, Oid> {
        let mut tips = BTreeMap::new();
        for folder in ["b/", "c/"] {
            let prefix = format!("{}{folder}", self.prefix);
            let references = self.repository.raw.references_glob(&format!("{prefix}*"));
            for reference in references.into_iter().flatten().flatten() {
                let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
                match (name[prefix.len()..].parse(), reference.target()) {
                    (Ok(id), Some(tip)) => _ = tips.insert(id, tip),
                    _ => report.alarms.push(format!(
                        "The remote has a ref among its chains that is none: {}.",
                        visible::text(&name[prefix.len()..])
                    )),
                }
            }
        }
        tips
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        remove_below(self.repository, &self.prefix, |_| true);
    }
}

/// Removes refs below a prefix. What cannot be removed now is removed later.
fn remove_below(repository: &Repository, prefix: &str, is_meant: impl Fn(&str) -> bool) {
    let references = repository.raw.references_glob(&format!("{prefix}*"));
    for mut reference in references.into_iter().flatten().flatten() {
        if is_meant(&String::from_utf8_lossy(reference.name_bytes())) {
            let _ = reference.delete();
        }
    }
}
