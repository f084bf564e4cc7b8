//! `undersign record outcome`: what came of a change that landed, signed on a plain terminal.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Args, ValueEnum};

use super::follow_up::{Pen, confirm, sentence};
use crate::change::{ObjectId, visible};
use crate::cli::report::moment;
use crate::cli::{now, random};
use crate::datafile::date;
use crate::examination::RepositorySnapshot;
use crate::ledger::commands::{Family, read_family};
use crate::policy::Policy;
use crate::record::ChainId;
use crate::record::outcome::{
    ChangeOutcome, OutcomeChain, OutcomeKind, OutcomeRecord, OutcomeStatement, in_force, is_link,
};
use crate::record::statement::{Decimal, Link, ManifestDigest, RepositoryName};
use crate::signing::{self, Prepared, TOOL};
use crate::source::git::{self, Repository};

/// The fewest digits by which a record is named.
const MIN_DIGITS: usize = 4;

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
    let person = signing::signer_of(policy, &pen.key).ok_or_else(|| {
        format!("Your key {} belongs to nobody in the policy's roster. Nothing was signed.", pen.key.fingerprint())
    })?;
    let chains: Vec<OutcomeChain> = read_family(&pen.repository, true).map_err(|error| error.to_string())?;
    let chain = place(&pen, &chains)?;
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
        seen: signing::heads(&chains, &chain),
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
    confirm(&prepared)?;
    let record = prepared.append::<OutcomeRecord>(&pen.repository, &pen.key, None, now()).map_err(sentence)?;
    outln!("Signed and recorded: {}. `undersign sync` sends it.", record.id());
    Ok(())
}

/// The next position in the signer's own chain.
fn place(pen: &Pen, chains: &[OutcomeChain]) -> Result<Link, String> {
    let id = ChainId { key: pen.key.public.id().to_string(), device: pen.device.clone() };
    let own = OutcomeRecord::chain(&pen.repository, &id);
    if let Some((position, fault)) = own.fault {
        return Err(format!(
            "Your own chain about outcomes is damaged at record {position}: {fault}. Restore {}{id} from another clone. \
             Nothing was signed.",
            OutcomeRecord::PREFIX
        ));
    }
    if chains.iter().any(|chain| chain.id == id && chain.len() > own.len()) {
        let why = "A remote holds more of your own chain than this repository. `undersign sync` brings it here; then \
                   sign.";
        return Err(why.to_owned());
    }
    let (seq, prev) = own.next();
    Ok(Link { key: id.key, id: id.device, seq: Decimal(seq), prev, forks: Vec::new() })
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
    if id.len() < MIN_DIGITS {
        return Err(format!("Give at least {MIN_DIGITS} digits of the record's id."));
    }
    let owns = |key: &str, person: &str| policy.roster.by_key_id(key).is_some_and(|owner| owner.id == person);
    let mine = in_force(chains, owns).into_iter().filter(|record| record.outcome().principal == blank.principal);
    let found: Vec<_> = mine.filter(|record| record.id().to_string().starts_with(id)).collect();
    let [record] = found[..] else {
        let id = visible::text(id);
        return Err(match found.len() {
            0 => format!("No record of yours about an outcome that still counts begins with {id}."),
            count => format!("{count} records of yours begin with {id}. Give more digits."),
        });
    };
    let earlier = record.outcome();
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
