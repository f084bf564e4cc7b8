//! The commands in production that wait for people.

use std::collections::BTreeMap;

use crate::authorizing::{CommandLedger, RequestState};
use crate::change::{counted, visible};
use crate::examination::RepositorySnapshot;
use crate::source::git::Repository;

/// Those of a repository, a sentence for each target: only the desk opens them.
pub fn waiting(snapshot: &RepositorySnapshot) -> Result<Vec<String>, String> {
    let Some(policy) = snapshot.policy().filter(|_| snapshot.has_targets()) else { return Ok(Vec::new()) };
    let repository = Repository::open(&snapshot.root).map_err(|error| error.to_string())?;
    let ledger = CommandLedger::read(&repository, policy).map_err(|error| error.to_string())?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let pending = ledger.pending(policy, None, crate::clock::now());
    for one in pending.iter().filter(|one| matches!(one.standing, RequestState::Waits) || one.is_owed) {
        *counts.entry(one.target().to_owned()).or_default() += 1;
    }
    let told = |(target, count): (String, usize)| {
        let (wait, them) = if count == 1 { ("waits", "it") } else { ("wait", "them") };
        let (name, target) = (visible::text(&snapshot.name), visible::text(&target));
        format!("{name}: {} {wait} at {target}; `undersign` opens {them}", counted(count, "command"))
    };
    Ok(counts.into_iter().map(told).collect())
}
