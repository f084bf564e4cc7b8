//! Adds a sentence about drills to an answer that starts nothing. They are fetched lazily: any other needs none.

use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::wire::Reply;
use super::{Broker, Known};
use crate::clock::now;
use crate::command::drill_statement::{CommandDrillChain, CommandDrillRecord};
use crate::command::{Answer, drill};
use crate::ledger::AsOf;
use crate::ledger::drills::recent;
use crate::ledger::families::Keys;
use crate::record::RecordId;
use crate::sync::Prompts;
use crate::sync::families::fetch_after;

/// How often drills are fetched at most. They explain, so nothing is lost if one comes later.
const EACH: Duration = Duration::from_secs(3);

impl Broker {
    /// The reply to an answer that starts nothing, with what an emergency would be told if people practise one. The
    /// answer is not judged again, and nobody waits at the lock for what is fetched.
    pub(super) fn explained(&self, known: MutexGuard<'_, Known>, id: RecordId, mut answer: Answer) -> Reply {
        let target = super::admitted_target(&known.own, id);
        let policy = known.policy.clone();
        let has_terms = target.and_then(|name| policy.target(&name)).is_some_and(|own| own.break_glass.is_some());
        if !has_terms {
            return self.reply(&known, id, &answer);
        }
        drop(known);
        let chains = self.drills(&Keys::of(&policy));
        let known = self.known();
        answer.reasons.extend(self.knowing(&known, id, |knowledge| drill::told(knowledge, &chains, id)));
        self.reply(&known, id, &answer)
    }

    /// The chains of these keys with a drill that may be going on, within bounds; those that are here if the remote
    /// does not answer.
    fn drills(&self, keys: &Keys) -> Vec<CommandDrillChain> {
        let Ok(repository) = self.repository() else { return Vec::new() };
        let mut last = self.practised.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|at| at.elapsed() >= EACH);
        if let Some(remote) = self.settings.remote.as_deref().filter(|_| is_due) {
            let _ = fetch_after(&self.chains.drills, &repository, remote, Prompts::Never, (keys, keys));
            *last = Some(Instant::now());
        }
        drop(last);
        recent::<CommandDrillRecord>(&repository, keys, &AsOf::now(true, now())).unwrap_or_default()
    }
}
