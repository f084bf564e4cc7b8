//! Drills of emergencies at targets in a period: each by the policy of when it began, its review by that of when it was
//! signed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Ground;
use crate::command::drill::CommandDrillChain;
use crate::command::practice::{CommandDrillReport, CommandPractice, drills, practice};
use crate::command::{RunChain, RunRecord};
use crate::ledger::commands::{Keys, read_family_of};
use crate::ledger::drills::read_of_commands;
use crate::policy::Policy;
use crate::record::drill::DrillStep;

/// What was read of them.
#[derive(Default)]
pub(super) struct OfCommands {
    chains: Vec<CommandDrillChain>,
    runs: Vec<RunChain>,
}

impl OfCommands {
    /// Reads the chains of these keys, of brokers only those that a drill names, and how many are too long.
    pub fn read(ground: &Ground<'_>, keys: &Keys) -> Result<(OfCommands, usize), String> {
        let with_remotes = !ground.repository.is_pushed_to();
        let read = read_of_commands(ground.repository, with_remotes, keys);
        let (chains, unread) = read.map_err(|error| error.to_string())?;
        let brokers = chains.iter().flat_map(|chain| &chain.records).map(|record| record.drill().broker.clone());
        let brokers: BTreeSet<String> = brokers.collect();
        let mut runs = Vec::new();
        if !brokers.is_empty() {
            let read = read_family_of::<RunRecord>(ground.repository, with_remotes, &Keys::these(brokers.into_iter()));
            runs = read.map_err(|error| error.to_string())?;
        }
        Ok((OfCommands { chains, runs }, unread))
    }

    pub fn chains(&self) -> &[CommandDrillChain] {
        &self.chains
    }

    /// When the newest record was signed.
    pub fn newest(&self) -> Option<i64> {
        self.chains.iter().flat_map(|chain| &chain.records).map(|record| record.issued()).max()
    }

    /// Without what was signed after a time.
    pub fn until(&mut self, to: i64) {
        self.chains = self.chains.iter().map(|chain| chain.until(|record| record.issued() <= to)).collect();
    }

    /// Those that began in a period, the oldest first.
    pub fn held(
        &self,
        policy_at: &dyn Fn(i64) -> Result<Option<Arc<Policy>>, String>,
        (from, to): (Option<i64>, i64),
    ) -> Result<Vec<CommandDrillReport>, String> {
        let records = || self.chains.iter().flat_map(|chain| &chain.records);
        let begun = records().filter(|record| record.drill().step == DrillStep::Begin);
        let mut begun: Vec<(i64, String)> = begun.map(|record| (record.issued(), record.id().to_string())).collect();
        begun.retain(|(at, _)| from.is_none_or(|from| *at >= from));
        begun.sort();
        let mut reviews: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for record in records().filter(|record| record.drill().step == DrillStep::Review) {
            reviews.entry(record.began_by()).or_default().insert(record.issued());
        }
        let mut held = Vec::new();
        for (at, id) in begun {
            let Some(policy) = policy_at(at)? else { continue };
            let by = |later: &Policy| {
                let all = drills((&policy, later), &self.runs, &self.chains, to);
                all.into_iter().find(|drill| drill.id == id)
            };
            let Some(mut own) = by(&policy) else { continue };
            (own.reviewed, own.reviewers) = (None, Vec::new());
            for at in reviews.get(&id).into_iter().flatten() {
                let Some(later) = policy_at(*at)? else { continue };
                if let Some(then) = by(&later).filter(|then| then.reviewed.is_some_and(|done| done <= *at)) {
                    own = CommandDrillReport { reviewed: Some(*at), ..then };
                    break;
                }
            }
            held.push(own);
        }
        Ok(held)
    }

    /// Who may declare an emergency at a target now, with their last drill there.
    pub fn practice(&self, newest: &Policy, to: i64) -> Vec<CommandPractice> {
        practice(newest, &self.chains, to)
    }
}
