//! `undersign record outcome`: what came of a change that landed, signed on a plain terminal.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::follow_up::{Pen, confirm, named, sentence};
use super::outcome_list::{Standing, standing};
use crate::change::{ObjectId, visible};
use crate::cli::report::moment;
use crate::clock::now;
use crate::datafile::date;
use crate::examination::RepositorySnapshot;
use crate::ledger::families::{Keys, chain_of, names, read_outcomes, remote_prefix_of};
use crate::ledger::own_chain::{PerClone, own_chain};
use crate::policy::{Person, Policy};
use crate::random::random;
use crate::record::outcome::{
    ChangeOutcome, MAX_SEEN, MAX_WORDS, OutcomeChain, OutcomeKind, OutcomeRecord, OutcomeStatement, in_force, is_link,
};
use crate::record::statement::{Decimal, Link, ManifestDigest, RepositoryName};
use crate::record::{Chain, ChainId};
use crate::signing::{self, Prepared, TOOL};
use crate::source::git::{self, Repository};
use crate::sync::{Prompts, Remote};

#[derive(Args)]
pub struct Options {
    /// A commit of the change: its id, or what git resolves to it
    #[arg(value_name = "COMMIT", required_unless_present = "withdraw")]
    commit: Option<String>,
    /// What came of it
    #[arg(long, value_enum, required_unless_present = "withdraw", conflicts_with = "withdraw")]
    kind: Option<Kind>,
    /// Where to read more: http or https, without user, query and fragment
    #[arg(long, value_name = "URL", default_value = "")]
    link: String,
    /// When it began: a day, 2026-07-01, or a time, 2026-07-01T09:30:00Z; by default now
    #[arg(long, value_name = "DATE", value_parser = |text: &str| moment(text, false))]
    at: Option<i64>,
    /// Your words; they are signed
    #[arg(long, value_name = "TEXT", default_value = "")]
    words: String,
    /// Full name of the ref on which it landed; by default the one on which changes land
    #[arg(long = "ref", value_name = "REF")]
    name: Option<String>,
    /// Take back a record of yours about an outcome: its id, or its first digits
    #[arg(long, value_name = "RECORD", conflicts_with = "commit")]
    withdraw: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// An incident came from it
    Incident,
    /// It was rolled back where it ran
    Rollback,
    /// A defect came from it
    Defect,
    /// You looked, and found nothing that came from it
    None,
}

impl From<Kind> for OutcomeKind {
    fn from(kind: Kind) -> OutcomeKind {
        match kind {
            Kind::Incident => OutcomeKind::Incident,
            Kind::Rollback => OutcomeKind::Rollback,
            Kind::Defect => OutcomeKind::Defect,
            Kind::None => OutcomeKind::None,
        }
    }
}

pub fn run(options: &Options, path: &Path) -> Result<(), String> {
    let pen = Pen::new(path)?;
    let (_, snapshot) = RepositorySnapshot::open(&pen.repository.root).map_err(|error| error.to_string())?;
    let policy = snapshot.policy().ok_or("This repository has no valid policy, so nobody's signature counts in it.")?;
    let person = signer(&pen, policy)?;
    refuse_long(&options.words)?;
    // Of other keys there may be any number, by anybody.
    let (chains, _) = read_outcomes(&pen.repository, true, &Keys::of(policy)).map_err(|error| error.to_string())?;
    let own = own_chain(&pen.repository, &pen.key.public.id().to_string(), &chains, random()?, now())?;
    let (seq, prev) = own.chain.next();
    let ChainId { key, device } = own.chain.id.clone();
    let chain = Link { key, id: device, seq: Decimal(seq), prev, forks: Vec::new() };
    let blank = ChangeOutcome {
        kind: OutcomeKind::None,
        principal: person.id.clone(),
        repository: RepositoryName { id: policy.repository.clone(), uri: snapshot.uri.clone() },
        name: String::new(),
        commit: String::new(),
        manifest: ManifestDigest { sha256: String::new(), paths: Decimal(0) },
        link: String::new(),
        happened_at: signing::seconds(now()),
        issued_at: signing::seconds(now()),
        supersedes: Vec::new(),
        seen: signing::heads(newest(&chains), &chain),
        chain,
        nonce: base16ct::lower::encode_string(&random::<16>()?),
        tool: TOOL.to_owned(),
        words: options.words.trim().to_owned(),
    };
    let outcome = match &options.withdraw {
        Some(id) => withdrawal(blank, id, &chains, policy)?,
        None => said(blank, options, &pen.repository)?,
    };
    let statement = OutcomeStatement::new(outcome);
    let prepared = Prepared::fix((), &statement, BTreeMap::new(), str::to_owned).map_err(sentence)?;
    own.ended.iter().for_each(|why| eprintln!("undersign: {why}"));
    confirm(&prepared)?;
    let record = prepared.append::<OutcomeRecord>(&pen.repository, &pen.key, None, now()).map_err(sentence)?;
    outln!("Signed and recorded: {}. `undersign sync` sends it.", record.id());
    Ok(())
}

/// Whose key it is, if it signs now.
pub(super) fn signer<'p>(pen: &Pen, policy: &'p Policy) -> Result<&'p Person, String> {
    let print = pen.key.fingerprint();
    let (person, enrolment) = policy
        .roster
        .enrolment(&pen.key.public)
        .ok_or_else(|| format!("Your key {print} belongs to nobody in the policy's roster. Nothing was signed."))?;
    match enrolment.unfit(now(), None, now()) {
        None => Ok(person),
        Some(_) => Err(format!(
            "Your key {print} does not sign now ({}), so what it says would not count. Nothing was signed.",
            enrolment.told(now())
        )),
    }
}

fn refuse_long(words: &str) -> Result<(), String> {
    match words.trim().len() {
        0..=MAX_WORDS => Ok(()),
        long => {
            Err(format!("The words are {long} bytes; at most {MAX_WORDS} are signed. Shorten them, or link to more."))
        }
    }
}

/// The chains to name as seen: sound ones, those that grew last, and not more than a record has room for.
fn newest(chains: &[OutcomeChain]) -> Vec<&OutcomeChain> {
    let mut sound: Vec<&OutcomeChain> = chains.iter().filter(|chain| chain.fault.is_none()).collect();
    let last = |chain: &OutcomeChain| chain.records.last().map(|record| record.outcome().issued_at);
    sound.sort_by_key(|chain| (std::cmp::Reverse(last(chain)), chain.id.clone()));
    // One may be the own one.
    sound.truncate(MAX_SEEN);
    sound
}

/// Own chains of outcomes that went different ways here and at a remote.
pub(super) fn put_away(path: &Path, remote: Option<&str>) -> Result<usize, String> {
    put_away_of::<OutcomeRecord>(path, remote, "undersign record outcome", described)
}

/// Own chains of a family that went different ways here and at a remote: what is only here is put away and listed, and
/// the chain here becomes that of the remote. Nothing is signed by it. Returns how many chains that are.
pub(super) fn put_away_of<R: PerClone>(
    path: &Path,
    remote: Option<&str>,
    command: &str,
    described: impl Fn(&R) -> String,
) -> Result<usize, String> {
    let pen = Pen::new(path)?;
    let remote = Remote::find(&pen.repository, remote, Prompts::Allowed)?.name;
    let (raw, key) = (&pen.repository.raw, pen.key.public.id().to_string());
    let failed = |error: git2::Error| format!("The chain cannot be moved: {}.", error.message());
    let kept = remote_prefix_of::<R>(&remote);
    let mut count = 0;
    let all = names(&pen.repository, R::PREFIX).map_err(|error| error.to_string())?;
    for (id, name) in all.into_iter().filter(|(id, _)| id.key == key) {
        let own: Chain<R> = chain_of(&pen.repository, &name, &id);
        let there: Chain<R> = chain_of(&pen.repository, &format!("{kept}{id}"), &id);
        if !own.is_forked_from(&there) || own.fault.is_some() || there.fault.is_some() {
            continue;
        }
        let from = raw.refname_to_id(&name).map_err(failed)?;
        let to = raw.refname_to_id(&format!("{kept}{id}")).map_err(failed)?;
        let away = format!("refs/undersign/given-up/{}/{id}/{}", R::NOUN, &from.to_string()[..12]);
        raw.reference(&away, from, true, "undersign: repair").map_err(failed)?;
        raw.reference_matching(&name, to, true, from, "undersign: repair").map_err(failed)?;
        outln!(
            "Your chain of {} {id} is now that of {}. These are only here, kept under {away}; sign again what is still \
             so, with `{command}`:",
            R::NOUN,
            visible::text(&remote)
        );
        for record in &own.records[own.shared_with(&there).min(own.records.len())..] {
            outln!("  {}", described(record));
        }
        count += 1;
    }
    Ok(count)
}

/// `incident of 0123456789ab, 2026-07-01 09:30Z: https://… (words)`
fn described(record: &OutcomeRecord) -> String {
    let own = record.outcome();
    let (kind, commit) = (own.kind.name(), own.commit.get(..12).unwrap_or_default());
    let words = if own.words.is_empty() { String::new() } else { format!(" ({})", visible::text(&own.words)) };
    format!("{kind} of {commit}, {}: {}{words}", date(own.happened_at.seconds()), visible::text(&own.link))
}

/// What the options say of a commit that landed.
fn said(blank: ChangeOutcome, options: &Options, repository: &Repository) -> Result<ChangeOutcome, String> {
    let told = |error: git::GitError| error.to_string();
    let kind = options.kind.map_or(OutcomeKind::None, OutcomeKind::from);
    let target = match &options.name {
        Some(name) => repository.target_named(name).map_err(told)?,
        None => repository.target().map_err(told)?,
    };
    let commit = repository.resolve(options.commit.as_deref().unwrap_or_default()).map_err(told)?;
    if commit != target.tip && !repository.is_descendant(target.tip, commit) {
        let name = visible::text(&target.name);
        return Err(format!("{commit} has not landed on {name} here. Fetch, or name the ref with --ref."));
    }
    if !options.link.is_empty() && !is_link(&options.link) {
        let why = "A link is http:// or https://, at most 1,000 plain characters, without user, query and fragment: \
                   these may contain secrets, and what is signed cannot be taken back.";
        return Err(why.to_owned());
    }
    if options.link.is_empty() && blank.words.is_empty() || kind == OutcomeKind::None && blank.words.is_empty() {
        let why = "Say where to read more, with --link, or what happened, with --words; of `none` what you looked at.";
        return Err(why.to_owned());
    }
    let at = options.at.unwrap_or(blank.issued_at.seconds());
    if at > blank.issued_at.seconds() {
        return Err(format!("{} is still to come.", date(at)));
    }
    if at < 0 {
        return Err(format!("{} is before 1970.", date(at)));
    }
    let made = repository.commit(commit).map_err(told)?.time;
    if at < made {
        eprintln!(
            "undersign: It began {}, before the commit was made ({}): an earlier change may be meant, or another time.",
            date(at),
            date(made)
        );
    }
    let manifest = manifest_of(repository, commit).map_err(told)?;
    Ok(ChangeOutcome {
        kind,
        name: target.name,
        commit: commit.to_string(),
        manifest,
        link: options.link.clone(),
        happened_at: signing::seconds(at),
        ..blank
    })
}

/// What takes back an own record.
fn withdrawal(
    blank: ChangeOutcome,
    id: &str,
    chains: &[OutcomeChain],
    policy: &Policy,
) -> Result<ChangeOutcome, String> {
    if blank.words.is_empty() {
        return Err("Say why, with --words.".to_owned());
    }
    let counts = |record: &OutcomeRecord| standing(record, policy) == Standing::InForce;
    let mine = in_force(chains, counts).into_iter().filter(|record| record.outcome().principal == blank.principal);
    let mine: BTreeMap<String, &OutcomeRecord> = mine.map(|record| (record.id().to_string(), &**record)).collect();
    let missing = "Only your own records of outcomes that still count can be taken back; `undersign record list \
                   --outcomes` lists them.";
    let record = mine[named(id, mine.keys(), "record", missing)?];
    let earlier = record.outcome();
    outln!("This takes back: {}", described(record));
    Ok(ChangeOutcome {
        kind: OutcomeKind::Withdraw,
        name: earlier.name.clone(),
        commit: earlier.commit.clone(),
        manifest: earlier.manifest.clone(),
        supersedes: vec![record.id().to_string()],
        ..blank
    })
}

/// What a commit does to each path, against its first parent.
fn manifest_of(repository: &Repository, commit: ObjectId) -> Result<ManifestDigest, git::GitError> {
    let manifest = git::manifest(repository, &repository.past_commit(commit)?.diff(repository)?)?;
    Ok(ManifestDigest { sha256: manifest.digest().to_string(), paths: signing::count(manifest.len()) })
}
