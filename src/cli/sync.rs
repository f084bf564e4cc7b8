//! `undersign sync`: decisions to and from a remote.

use std::path::Path;

use clap::Args;

use crate::change::{counted, shown_word, visible};
#[cfg(feature = "tui")]
use crate::config;
#[cfg(feature = "tui")]
use crate::delivery::ServerAccess;
use crate::ledger;
use crate::ledger::families::Keys;
use crate::policy::Policy;
use crate::source::git::{PolicyState, Repository};
use crate::sync::{Prompts, Remote};

#[derive(Args)]
pub struct Options {
    /// Which remote; by default the one on which changes land, and of the others those that had decisions are read
    #[arg(long, value_name = "NAME")]
    remote: Option<String>,
    /// Send again what the remote had and has lost
    #[arg(long)]
    restore: bool,
    /// Put away what a removed remote was last seen to have, so that it no longer counts
    #[arg(long, value_name = "NAME", conflicts_with_all = ["remote", "restore"])]
    forget: Option<String>,
}

pub fn run(options: &Options, repository: Option<&Path>) -> Result<(), String> {
    let repository = Repository::open(repository.unwrap_or(Path::new("."))).map_err(|error| error.to_string())?;
    if let Some(name) = &options.forget {
        let ledger::Forgotten { away, kept } = ledger::forget_remote(&repository, name)?;
        let chains = counted(away, "chain");
        outln!("{}: {chains} put away, under refs/undersign/given-up/remotes/.", visible::text(name));
        for kept in &kept {
            outln!(
                "{} counts on: nothing else of this chain is here, and it may hold a rejection. `git update-ref -d {}` \
                 ends that.",
                visible::text(kept),
                shown_word(kept)
            );
        }
        return Ok(());
    }
    let remote = Remote::find(&repository, options.remote.as_deref(), Prompts::Allowed)?;
    let policy = policy(&repository);
    let keys = policy.as_ref().map_or_else(Keys::all, |policy| Keys::of(policy));
    let mut report = remote.sync(options.restore, &keys)?;
    if options.remote.is_none() {
        remote.fetch_from_others(&mut report);
    }
    report.claims = policy.and_then(|policy| remote.exchange_claims(&policy, crate::clock::now()).err());
    outln!("{}: {report}.", visible::text(&remote.name));
    // Nothing depends on them.
    report.claims.iter().for_each(|why| eprintln!("undersign: claims were not exchanged: {why}"));
    report.silent.iter().for_each(|why| eprintln!("undersign: {why}"));
    let mut alarms = report.alarms;
    alarms.extend(deliver(&repository));
    if alarms.is_empty() { Ok(()) } else { Err(alarms.join("\nundersign: ")) }
}

/// Whose chains about commands count, and whose claims, says the policy; without one nobody can say.
fn policy(repository: &Repository) -> Option<Box<Policy>> {
    let policy = repository.target().and_then(|target| repository.policy_at(target.tip));
    if let Ok(PolicyState::Found(policy)) = policy { Some(policy) } else { None }
}

/// Tells review servers what was decided about their requests; why something is left.
#[cfg(feature = "tui")]
fn deliver(repository: &Repository) -> Vec<String> {
    let receipt = ServerAccess::by_network(config::servers(), &config::data_directory()).deliver(repository);
    receipt.done.iter().for_each(|done| outln!("{done}"));
    receipt.left
}

/// Nobody signs on the host of a gate.
#[cfg(not(feature = "tui"))]
fn deliver(_: &Repository) -> Vec<String> {
    Vec::new()
}
