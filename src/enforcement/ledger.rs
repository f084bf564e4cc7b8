//! The decisions on which one question depends, and what is kept of them for the next.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Case, MAX_LEDGER, default_state, unread};
use crate::decision::Verdict;
use crate::gate::{self, Reason, Update};
use crate::gate_state::GateState;
use crate::ledger::{self, Digested, Scope};
use crate::policy::Policy;
use crate::record::{Chain, Record};
use crate::source::git::{GitError, Repository};

/// The part of the ledger on which a question depends.
pub(super) struct Ledger {
    /// The content of the refs.
    pub held: Arc<Vec<Chain>>,
    /// The same, with the pushed refs replaced.
    pub chains: Arc<Vec<Chain>>,
    /// What was kept of it before; none if nothing was.
    digested: Option<Arc<Digested>>,
    /// What to keep of what was read now.
    keep: Keep,
    /// The state directory: the key of the copies in this process.
    state: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Nothing: the kept copy is up to date.
    Nothing,
    /// What matters under the policy.
    ForPolicy,
    /// That, and what matters under any policy: so that a new policy does not require verifying all signatures again.
    ForAny,
}

impl Case<'_> {
    pub(super) fn ledger(
        &self,
        repository: &Repository,
        policy: &Policy,
        gate_state: Option<&GateState>,
    ) -> Result<Ledger, Reason> {
        let state = gate_state.map_or_else(|| default_state(repository), |gate_state| gate_state.dir().to_path_buf());
        // A look back needs records that no longer count.
        let is_past = self.request.at.is_some();
        let digested = if is_past { None } else { self.digested(policy, gate_state, &state) };
        let reading = Reading { case: self, repository, policy, gate_state, digested: digested.as_deref() };
        let held = Arc::new(reading.chains(&[], !is_past).map_err(unread)?);
        let pushed: Vec<_> = self.request.updates.iter().filter(|u| ledger::prefix_of(&u.name).is_some()).collect();
        let chains = match &pushed[..] {
            [] => held.clone(),
            pushed => Arc::new(reading.chains(pushed, !is_past).map_err(unread)?),
        };
        let keep = match &digested {
            _ if is_past => Keep::Nothing,
            Some(digested) if digested.policy.is_empty() => Keep::ForAny,
            Some(_) if reading.is_current() => Keep::Nothing,
            Some(_) => Keep::ForPolicy,
            None => Keep::ForAny,
        };
        Ok(Ledger { held, chains, digested, keep, state })
    }

    /// What was kept for this policy, in memory or on disk; otherwise what matters under any.
    fn digested(&self, policy: &Policy, gate_state: Option<&GateState>, state: &Path) -> Option<Arc<Digested>> {
        let is_ours = |digested: &Arc<Digested>| digested.policy == policy.whole.to_string();
        let at_hand = if self.settings.lasting { ledger::at_hand(state) } else { None };
        at_hand.filter(is_ours).or_else(|| {
            let digested = Arc::new(gate_state?.digested(policy)?);
            if self.settings.lasting && is_ours(&digested) {
                ledger::keep_at_hand(state, digested.clone());
            }
            Some(digested)
        })
    }
}

/// How to read the chains for one question.
struct Reading<'c> {
    case: &'c Case<'c>,
    repository: &'c Repository,
    policy: &'c Policy,
    gate_state: Option<&'c GateState>,
    digested: Option<&'c Digested>,
}

impl Reading<'_> {
    fn scope<'s>(&'s self, wanted: &'s dyn Fn(&str) -> bool) -> Scope<'s> {
        Scope {
            wanted,
            max_bytes: self.case.settings.max_ledger.unwrap_or(MAX_LEDGER),
            // What is in force is the same for every command in a clone: own records, and those that were fetched.
            with_remotes: !self.case.request.ahead && !self.repository.is_bare(),
            over: None,
        }
    }

    /// Chains of unknown keys do not count, and anyone could add some that take hours to read.
    fn wanted(&self) -> impl Fn(&str) -> bool {
        |key: &str| self.policy.roster.by_key_id(key).is_some()
    }

    fn is_current(&self) -> bool {
        let wanted = self.wanted();
        self.digested.is_some_and(|digested| digested.is_current(self.repository, &self.scope(&wanted)))
    }

    fn read(&self, pushed: &[&Update], over: Option<&dyn Fn(&Record) -> bool>) -> Result<Vec<Chain>, GitError> {
        let wanted = self.wanted();
        let moves: Vec<_> = pushed.iter().map(|update| (update.name.as_str(), update.new)).collect();
        let scope = Scope { over, ..self.scope(&wanted) };
        ledger::read_with(self.repository, &moves, self.digested, &scope)
    }

    /// The chains with some of their refs moved as by a push, without records that no longer matter if those may be
    /// dropped.
    fn chains(&self, pushed: &[&Update], without_over: bool) -> Result<Vec<Chain>, GitError> {
        if !without_over {
            return self.read(pushed, None);
        }
        let (waited_for, gone) = (self.waited_for(), RefCell::new(HashSet::new()));
        let over = |kept: &HashSet<String>, record: &Record| {
            let predicate = record.predicate();
            let is_over = gate::is_over(predicate, self.case.now)
                && !kept.contains(&predicate.manifest.sha256)
                && !waited_for.contains(record.id().to_string().as_str());
            if is_over {
                gone.borrow_mut().insert(predicate.manifest.sha256.clone());
            }
            is_over
        };
        let none = HashSet::new();
        let chains = self.read(pushed, Some(&|record| over(&none, record)))?;
        // The records that the review of an emergency may need are known only after everything was read.
        let emergencies: HashSet<String> =
            chains.iter().flat_map(|chain| &chain.records).filter_map(manifest).collect();
        if emergencies.is_disjoint(&gone.borrow()) {
            return Ok(chains);
        }
        self.read(pushed, Some(&|record| over(&emergencies, record)))
    }

    /// Records because of which a push was let through that is not yet known to have landed.
    fn waited_for(&self) -> HashSet<&str> {
        let waiting = self.gate_state.iter().flat_map(|gate_state| &gate_state.remembered().waiting);
        waiting.flat_map(|waiting| &waiting.states).flat_map(|states| &states.records).map(String::as_str).collect()
    }
}

/// The manifest that an emergency is about.
fn manifest(record: &Arc<Record>) -> Option<String> {
    let predicate = record.predicate();
    (predicate.verdict == Verdict::BreakGlass).then(|| predicate.manifest.sha256.clone())
}

impl Ledger {
    /// The chain that a ref would contain if it pointed to a given tip.
    pub fn chain_of(&self, repository: &Repository, update: &Update, prefix: &str) -> Chain {
        ledger::chain_of(repository, &update.name, prefix, update.new, self.digested.as_deref())
    }

    /// The chains that a push creates or extends.
    pub fn arriving(&self) -> impl Iterator<Item = &Chain> {
        let held: HashMap<_, _> = self.held.iter().map(|chain| (&chain.id, chain.head())).collect();
        self.chains.iter().filter(move |chain| held.get(&chain.id) != Some(&chain.head()))
    }

    /// Whether something of it must be kept.
    pub fn is_new(&self) -> bool {
        self.keep != Keep::Nothing
    }

    /// Keeps what the next question need not read again: on the disk, and in memory in a long-running process.
    pub fn keep(
        &self,
        repository: &Repository,
        gate_state: Option<&GateState>,
        policy: &Policy,
        is_obsolete: impl Fn(&Record) -> bool,
        lasting: bool,
    ) -> Result<(), String> {
        if let Some(gate_state) = gate_state.filter(|_| self.keep == Keep::ForAny) {
            gate_state.keep(&Digested::of(repository, String::new(), &self.held, |_| false))?;
        }
        let digested = Digested::of(repository, policy.whole.to_string(), &self.held, is_obsolete);
        if let Some(gate_state) = gate_state {
            gate_state.keep(&digested)?;
        }
        if lasting {
            ledger::keep_at_hand(&self.state, Arc::new(digested));
        }
        Ok(())
    }
}
