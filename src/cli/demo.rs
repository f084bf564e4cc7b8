//! `undersign demo`: the desk on sample repositories. Real git, a real key; only the people and the code are made up.

mod build;
mod request;

use std::path::{Path, PathBuf};

use clap::Args;

use super::{desk, queue};
use crate::app::State;
use crate::authorizing::CommandLedger;
use crate::command::{AuthorizationRecord, Verdict};
use crate::config::Config;
use crate::drafts::Drafts;
use crate::ledger::families::{Family, read_family};
use crate::record::{Record, Signable as _};
use crate::signer::{NoKey, SigningKey};
use crate::source::git::{Names, PolicyState, Repository};

#[derive(Args)]
pub struct Options {
    /// Where to make it, or where an earlier one is; without it, a new temporary directory
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub fn run(options: &Options) -> Result<u8, String> {
    let dir = match &options.dir {
        Some(dir) => dir.clone(),
        None => fresh_dir()?,
    };
    let demo = build::build(&dir, crate::clock::now())?;
    if let Some(why) = desk::no_screen() {
        outln!("{why}, so nothing can be signed. The sample repositories are in {}.", demo.dir.display());
        return queue::run(&queue::Options::default(), &demo.repositories);
    }
    let mut config = Config::read(demo.repositories.first().map(PathBuf::as_path));
    // The samples are on no server, and nothing about them is sent to one.
    config.servers.clear();
    config.drafts = Drafts::at(demo.dir.join("drafts"));
    config.key = SigningKey::find(&demo.key.display().to_string(), None, None).map_err(|error| NoKey {
        brief: "no signing key".to_owned(),
        text: error.to_string(),
        is_named: true,
    });
    let (key, needs_passphrase) = desk::parts(&config);
    let paths = demo.repositories.clone();
    let left = desk::run(config, Default::default(), Names::of(&paths), |config, now| {
        State::new(paths, config.keymap.clone(), key, needs_passphrase, now)
    })?;
    farewell(&left.state, &demo.dir);
    desk::ended(&left)
}

/// A folder that stays.
fn fresh_dir() -> Result<PathBuf, String> {
    let made = tempfile::Builder::new().prefix("undersign-demo-").tempdir();
    let failed = |error| format!("No directory can be made for the samples: {error}. Name one with --dir DIR.");
    made.map(tempfile::TempDir::keep).map_err(failed)
}

/// How to check what was signed, by this program and without it.
fn farewell(state: &State, dir: &Path) {
    outln!("The sample repositories, the keys and your drafts stay in {}.", dir.display());
    outln!("Open them again with\n  undersign demo --dir {}", dir.display());
    for (repository, record) in &state.signed {
        let root = repository.display().to_string();
        let root = root.trim_end_matches('/');
        let Ok(opened) = Repository::open(repository) else { continue };
        let by_hand = match about_command(&opened, record) {
            Some(told) => {
                outln!("\nSigned {} in {root}: {told}", &record[..12]);
                by_hand::<AuthorizationRecord>(&opened, root, record, dir)
            }
            None => {
                outln!("\nSigned {} in {root}. Whether it may land:", &record[..12]);
                if let Some((old, new)) = landing(&opened, record) {
                    outln!(
                        "  undersign --repo {root} verify --ref refs/heads/main --old {old} --new {new} --format plain"
                    );
                }
                by_hand::<Record>(&opened, root, record, dir)
            }
        };
        if let Some(by_hand) = by_hand {
            outln!("The signature itself, with OpenSSH alone:\n{by_hand}");
        }
    }
}

/// What was signed about a command, if it was, and what its broker would do now.
fn about_command(repository: &Repository, record: &str) -> Option<String> {
    let tip = repository.resolve("refs/heads/main").ok()?;
    let PolicyState::Found(policy) = repository.policy_at(tip).ok()? else { return None };
    let ledger = CommandLedger::read(repository, &policy).ok()?;
    let mut records = ledger.people().iter().flat_map(|chain| &chain.records);
    let own = records.find(|own| own.id().to_string() == record)?.authorization();
    let pending = ledger.find(&policy, own.request.id.parse().ok()?, None, crate::clock::now())?;
    let next = match own.verdict {
        Verdict::Refuse => {
            "Its broker would now tell the agent why, and run neither this nor the same again.".to_owned()
        }
        Verdict::Authorize if pending.people_missing() > 0 => {
            format!(
                "It would still wait: {}. Then its broker would run exactly this, once.",
                pending.slots().join("; ")
            )
        }
        Verdict::Authorize => "Its broker would now run exactly this, once, and sign a receipt.".to_owned(),
        _ => "Its broker would take that into account.".to_owned(),
    };
    let verdict = own.verdict;
    Some(format!("`{verdict}` of a command. No broker is running here, so nothing runs.\n{next}"))
}

/// The target tip and head that a record speaks of.
fn landing(repository: &Repository, record: &str) -> Option<(String, String)> {
    let chains = crate::ledger::read(repository).ok()?;
    let found = chains.iter().flat_map(|chain| &chain.records).find(|r| r.verified.id().to_string() == record)?;
    let predicate = &found.verified.statement().predicate;
    Some((predicate.target.tip.clone(), predicate.head.commit.clone()))
}

/// The commit of a record, as git names it from the end of its chain.
fn commit_of<R: Family>(repository: &Repository, record: &str) -> Option<String> {
    read_family::<R>(repository, false).ok()?.iter().find_map(|chain| {
        let at = chain.records.iter().rposition(|own| own.verified().id().to_string() == record)?;
        Some(format!("{}{}~{}", R::PREFIX, chain.id, chain.records.len() - 1 - at))
    })
}

fn by_hand<R: Family>(repository: &Repository, root: &str, record: &str, dir: &Path) -> Option<String> {
    let (commit, namespace) = (commit_of::<R>(repository, record)?, R::Statement::NAMESPACE);
    let key = dir.join("keys/dana.pub");
    Some(format!(
        "  record={commit}
  file=$(git -C {root} ls-tree --name-only $record | grep dsse)
  git -C {root} show $record:$file > record.dsse.json
  echo \"dana namespaces=\\\"{namespace}\\\" $(cat {key})\" > signers
  jq -rj .payload record.dsse.json | base64 -d > payload
  jq -rj '.signatures[0].sig' record.dsse.json | base64 -d > payload.sig
  {{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < payload)\"; cat payload; }} |
    ssh-keygen -Y verify -f signers -I dana -n {namespace} -s payload.sig",
        key = key.display()
    ))
}
