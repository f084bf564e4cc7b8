//! Pushes of chains about commands and outcomes: each is judged by the rules of its own kind, and none can pass for a
//! chain of decisions.

use crate::command::{AuthorizationRecord, RunRecord};
use crate::gate::{self, RefOutcome, Update};
use crate::ledger::commands::{Family, chain_from, read_family};
use crate::ledger::id_of;
use crate::policy::Policy;
use crate::record::Chain;
use crate::record::outcome::OutcomeRecord;
use crate::source::git::{Repository, oid};

/// The result for an update of such a ref; none for any other ref.
pub(super) fn decide(repository: &Repository, policy: &Policy, update: &Update) -> Option<RefOutcome> {
    let is_broker = |key: &str| policy.brokers.iter().any(|broker| broker.key.id().to_string() == key);
    let is_person = |key: &str| policy.roster.by_key_id(key).is_some();
    of_family::<RunRecord>(repository, update, &is_broker)
        .or_else(|| of_family::<AuthorizationRecord>(repository, update, &is_person))
        .or_else(|| of_family::<OutcomeRecord>(repository, update, &is_person))
}

fn of_family<R: Family>(
    repository: &Repository,
    update: &Update,
    is_known: &dyn Fn(&str) -> bool,
) -> Option<RefOutcome> {
    let id = id_of(update.name.strip_prefix(R::PREFIX)?);
    let is_kept = update.old.is_zero() || repository.is_descendant(update.new, update.old);
    // A stranger's chain is refused by its name, without being read.
    let read = || match is_known(&id.key) {
        true => chain_from::<R>(repository, &id, oid(update.new)),
        false => Chain::empty(id.clone()),
    };
    let chain = (!update.new.is_zero() && is_kept).then(read);
    let held: Vec<Chain<R>> = match read_family(repository, false) {
        Ok(held) => held.into_iter().filter(|chain| is_known(&chain.id.key)).collect(),
        Err(error) => return Some(RefOutcome::refused(&update.name, super::unread(error))),
    };
    let mut chains: Vec<Chain<R>> = held.iter().filter(|chain| chain.id != id).cloned().collect();
    chains.extend(chain.clone());
    Some(gate::decide_chain(update, chain.as_ref(), &held, &chains, is_known))
}
