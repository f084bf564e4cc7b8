//! `undersign record withdraw`, `hand-over` and `repair`: decisions about decisions, signed on a plain terminal.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use clap::Args;

use super::book::Book;
use crate::change::{any_of, shown_word, visible};
use crate::clock::now;
use crate::config::Config;
use crate::decision::Verdict;
use crate::examination::RepositorySnapshot;
use crate::gate::Signer;
use crate::ledger::{self, own_chain::decision_chain};
use crate::random::random;
use crate::record::{Chain, ChainId, Fault, Record};
use crate::signer::{KeyLocation, SigningKey};
use crate::signing::{self, FollowUp, Prepared, Signatory, SigningError};
use crate::source::git::Repository;
use crate::sync::{Prompts, Remote};

/// The fewest digits by which what a statement is about is named.
const MIN_DIGITS: usize = 4;

#[derive(Args)]
pub struct Options {
    /// Record id, or its first digits
    id: String,
    /// Why, in your words; it is signed
    #[arg(long)]
    reason: String,
}

#[derive(Args)]
pub struct RepairOptions {
    /// The remote whose copy holds; by default the one on which changes land
    #[arg(long, value_name = "NAME")]
    pub(super) remote: Option<String>,
    /// What happened, in your words; it is signed
    #[arg(long, default_value = "")]
    reason: String,
}

pub fn withdraw(options: &Options, path: &Path) -> Result<(), String> {
    let book = Book::open(path)?;
    let about = book.find(&options.id)?;
    let pen = Pen::new(path)?;
    let person = signing::signer_of(book.policy()?, &pen.key);
    if about.person.is_none() || about.person.map(|p| &p.id) != person.map(|p| &p.id) {
        let signer = Signer::of(book.policy().ok(), about.record).brief();
        return Err(format!("The record is by {signer}: only its own signer can take it back."));
    }
    if about.validity == crate::gate::Validity::Superseded {
        return Err("The record is superseded already; there is nothing to take back.".to_owned());
    }
    let id = about.record.id().to_string();
    pen.follow_up(about.record, Verdict::Withdraw, &options.reason, |what| what.supersedes = vec![id])
}

pub fn hand_over(options: &Options, path: &Path) -> Result<(), String> {
    let book = Book::open(path)?;
    let about = book.find(&options.id)?;
    if about.predicate().verdict != Verdict::Reject {
        return Err("Only a rejection can be handed over.".to_owned());
    }
    let pen = Pen::new(path)?;
    let policy = book.policy()?;
    let person = signing::signer_of(policy, &pen.key);
    let signer = Signer::of(Some(policy), about.record);
    if !matches!(signer, Signer::Person(_)) {
        return Err(format!(
            "The record is by {}: it holds nothing up, so there is nothing to take over.",
            signer.brief()
        ));
    }
    if person.is_some_and(|person| person.id == about.predicate().principal) {
        return Err("The rejection is your own: `undersign record withdraw` takes it back.".to_owned());
    }
    let wanted: Vec<_> = policy.hand_over().into_iter().flat_map(|requirement| requirement.slots).collect();
    if person.is_none_or(|person| !wanted.iter().any(|slot| person.roles.contains(&slot.role))) {
        let roles: Vec<_> = wanted.iter().map(|slot| slot.role.as_str()).collect();
        return Err(format!("Only the role that signs for the policy may take a rejection over: {}.", any_of(&roles)));
    }
    let id = about.record.id().to_string();
    pen.follow_up(about.record, Verdict::HandOver, &options.reason, |what| what.answers = vec![id])
}

/// `is_done` says that something else was repaired, so that nothing need be wrong with the chain of decisions.
pub fn repair(options: &RepairOptions, path: &Path, is_done: bool) -> Result<(), String> {
    let mut pen = Pen::new(path)?;
    let key = pen.key.public.id().to_string();
    let remote = Remote::find(&pen.repository, options.remote.as_deref(), Prompts::Allowed)?;
    let Some((here, theirs)) = forked_from(&pen.repository, &key, &remote.name)? else {
        if is_done {
            return Ok(());
        }
        let way = elsewhere(&pen.repository, &key);
        return Err(format!(
            "Your chain here and on {} did not go different ways; there is nothing to repair.{way}",
            remote.name
        ));
    };
    let id = theirs.id.clone();
    pen.device.clone_from(&id.device);
    let forks: Vec<String> = here
        .records
        .iter()
        .filter(|record| !theirs.records.iter().any(|kept| kept.id() == record.id()))
        .map(|record| record.id().to_string())
        .collect();
    let Some(last) = theirs.records.last().cloned() else {
        return Err(format!("{} holds no record of your chain; there is nothing to build on.", remote.name));
    };
    outln!(
        "The branch on {} holds, with {} records. Given up are {} records that are only here: {}.",
        remote.name,
        theirs.records.len(),
        forks.len(),
        forks.iter().map(|id| &id[..12]).collect::<Vec<_>>().join(", ")
    );
    outln!("They are kept under refs/undersign/given-up/. What you decided in them, decide again.");
    let moved = Moved::to_remote(&pen.repository, &id, &remote.name)?;
    let done = pen.follow_up(&last, Verdict::Repair, &options.reason, |what| what.forks = forks);
    if done.is_err() {
        moved.back()?;
    }
    done
}

/// One of the own chains that went different ways here and on a remote, with its copy there. Any of them: the clone may
/// have been moved since, and sign in another one now.
fn forked_from(repository: &Repository, key: &str, remote: &str) -> Result<Option<(Chain, Chain)>, String> {
    let theirs = ledger::read_remote(repository, remote).map_err(|error| error.to_string())?;
    let own = theirs.into_iter().filter(|theirs| theirs.id.key == key && theirs.fault.is_none());
    let lacks = |chain: &Chain, other: &Chain| other.head().is_some_and(|head| chain.holds(head).is_err());
    let pairs = own.map(|theirs| (ledger::read_chain(repository, &theirs.id), theirs));
    let mut forked = pairs.filter(|(here, theirs)| here.is_forked_from(theirs));
    Ok(forked.find(|(here, theirs)| lacks(here, theirs) && lacks(theirs, here)))
}

/// What to do where an own chain went different ways in another place, as a sentence that begins with a blank.
fn elsewhere(repository: &Repository, key: &str) -> String {
    let all = ledger::read_with_remotes(repository).unwrap_or_default();
    let is_forked = |chain: &&Chain| chain.id.key == key && matches!(chain.fault, Some((_, Fault::Forked)));
    let left: String = all.iter().filter(is_forked).map(|chain| ledger::way_out(repository, &chain.id)).collect();
    let remotes = repository.raw.remotes().ok();
    let names = remotes.iter().flat_map(|names| names.iter().flatten().flatten());
    let others = names.filter(|name| matches!(forked_from(repository, key, name), Ok(Some(_)))).map(|name| {
        let word = shown_word(name);
        format!(" Here and on {} they did: `undersign record repair --remote {word}`.", visible::text(name))
    });
    others.collect::<String>() + &left
}

/// The own chain's ref, moved onto the branch that holds.
struct Moved<'r> {
    repository: &'r Repository,
    name: String,
    from: git2::Oid,
    to: git2::Oid,
}

impl Moved<'_> {
    fn to_remote<'r>(repository: &'r Repository, id: &ChainId, remote: &str) -> Result<Moved<'r>, String> {
        let raw = &repository.raw;
        let name = format!("{}{id}", ledger::PREFIX);
        let failed = |error: git2::Error| format!("The chain cannot be moved: {}.", error.message());
        let from = raw.refname_to_id(&name).map_err(failed)?;
        let to = raw.refname_to_id(&format!("{}{id}", ledger::remote_prefix(remote))).map_err(failed)?;
        ledger::keep_given_up(repository, id, from).map_err(failed)?;
        raw.reference_matching(&name, to, true, from, "undersign: repair").map_err(failed)?;
        Ok(Moved { repository, name, from, to })
    }

    fn back(&self) -> Result<(), String> {
        let moved =
            self.repository.raw.reference_matching(&self.name, self.from, true, self.to, "undersign: repair undone");
        moved.map(|_| ()).map_err(|error| format!("The chain cannot be moved back: {}.", error.message()))
    }
}

/// Key, device and repository of who signs here.
pub(super) struct Pen {
    pub repository: Repository,
    pub key: SigningKey,
    pub device: String,
}

impl Pen {
    pub fn new(path: &Path) -> Result<Pen, String> {
        let config = Config::read(Some(path));
        let mut key = config.key.clone()?;
        // The terminal is free here: ssh-keygen prompts for the passphrase itself.
        if let KeyLocation::File { path, encrypted: true } = &key.location {
            key.location = KeyLocation::Openssh(path.clone());
        }
        let repository = Repository::open(path).map_err(|error| error.to_string())?;
        let (of_device, fresh) = (random()?, random()?);
        let own = config.drafts.device(|| of_device)?;
        let device = decision_chain(&repository, &key.public.id().to_string(), &own, fresh)?;
        Ok(Pen { repository, key, device })
    }

    fn follow_up(
        &self,
        about: &Record,
        verdict: Verdict,
        reason: &str,
        set: impl FnOnce(&mut FollowUp<'_>),
    ) -> Result<(), String> {
        let (_, snapshot) = RepositorySnapshot::open(&self.repository.root).map_err(|error| error.to_string())?;
        let signatory = Signatory::of(&self.repository, &snapshot, &self.key, &self.device).map_err(sentence)?;
        let mut what = FollowUp {
            verdict,
            about,
            supersedes: Vec::new(),
            answers: Vec::new(),
            forks: Vec::new(),
            reason: reason.trim().to_owned(),
        };
        set(&mut what);
        let prepared = signing::follow_up(what, signatory, random()?, now()).map_err(sentence)?;
        confirm(&prepared)?;
        let record = prepared.record(&self.repository, &self.key, None, now()).map_err(sentence)?;
        outln!("Signed and recorded: {}. `undersign sync` sends it.", record.id());
        Ok(())
    }
}

/// Shows what is signed, and takes the code of it, typed.
pub(super) fn confirm<V>(prepared: &Prepared<V>) -> Result<(), String> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err("There is no terminal: nothing is signed without a person who types its code.".to_owned());
    }
    outln!("\n{}", String::from_utf8_lossy(&prepared.payload));
    out!("These {} bytes are what is signed. Type {} to sign: ", prepared.payload.len(), prepared.code());
    std::io::stdout().flush().map_err(|error| error.to_string())?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed).map_err(|error| error.to_string())?;
    if typed.trim() == prepared.code() { Ok(()) } else { Err("That is not the code. Nothing was signed.".to_owned()) }
}

pub(super) fn sentence(error: SigningError) -> String {
    match error {
        SigningError::Moved(why) | SigningError::LostPlace(why) | SigningError::Refused(why) => why,
        SigningError::PassphraseNeeded => {
            "The key is encrypted and its passphrase was not given. Nothing was signed.".to_owned()
        }
    }
}

/// The one id of these that begins so.
pub(super) fn named<'i>(
    id: &str,
    all: impl Iterator<Item = &'i String>,
    noun: &str,
    missing: &str,
) -> Result<&'i str, String> {
    if id.len() < MIN_DIGITS {
        return Err(format!("Give at least {MIN_DIGITS} digits of the {noun}'s id."));
    }
    let found: Vec<&String> = all.filter(|one| one.starts_with(id)).collect();
    let id = visible::text(id);
    match found[..] {
        [one] => Ok(one),
        [] => Err(format!("No {noun} begins with {id}. {missing}")),
        _ => Err(format!("{} {noun}s begin with {id}. Give more digits.", found.len())),
    }
}
