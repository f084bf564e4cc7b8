//! One question to the gate: reading what it depends on, judging its refs, and remembering the result.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::families;
use super::ledger::Ledger;
use super::{Case, Request, unread, unreadable};
use crate::change::{ObjectId, visible};
use crate::gate::{
    self, Code, Decided, Input, Judged, MemorySummary, Outcome, PushEvaluation, Reason, ReasonEffect, RefOutcome,
    Remembered, States, Update, Waiting,
};
use crate::gate_state::{Entry, GateState, LANDED};
use crate::ledger::families::Keys;
use crate::ledger::{self, AsOf};
use crate::policy::{AuthorProof, Policy, RefProtection};
use crate::record::{Chain, ChainId, Fault, Heads, Record};
use crate::source::git::push::Commits;
use crate::source::git::{Objects, PolicyState, Repository};

/// Facts read from objects while a push is judged, and facts known from before.
struct Facts<'g> {
    contents: Objects<'g>,
    history: Commits<'g>,
    remembered: &'g Remembered,
    states: &'g States,
}

/// What a verdict depends on.
pub(super) struct Judgement<'c> {
    pub case: &'c Case<'c>,
    pub repository: Repository,
    pub gate_state: Option<GateState>,
    /// The policy branch; none if the operator gave the policy, and nothing names the branch.
    pub policy_branch: Option<String>,
    /// The tip of that branch before the request, and the nearest commit from there down whose policy applies.
    pub before: Option<ObjectId>,
    pub approved: Option<ObjectId>,
    /// The policy was read at the tip of that branch, and not at a tip that a requester claims.
    pub is_before_true: bool,
    pub policy: Arc<Policy>,
    pub ledger: Ledger,
}

impl Judgement<'_> {
    /// Learns everything that happened before the request.
    pub fn prepare(&mut self) -> Result<(), Reason> {
        let is_past = self.case.request.at.is_some();
        let is_lost = |gate_state: &GateState| gate_state.remembered().recorded && !gate_state.states().are_recorded;
        if !is_past && self.gate_state.as_ref().is_some_and(is_lost) {
            let detail = "What protected refs showed was recorded here, and is gone or not vouched for by the \
                          gate's key. Restore `states` and the key; or answer for what refs show now: `undersign gate \
                          record`.";
            return Err(Reason::undecidable(Code::NotAState, detail));
        }
        // While another gate had the state, its push may have landed: that is a lost race, not tampering.
        self.case.refuse_pretence(&self.repository)?;
        let is_behind = self.is_behind();
        if !is_past && !is_behind {
            self.learn()?;
        }
        if self.ledger.is_new() && (self.gate_state.is_some() || self.case.settings.lasting) {
            self.keep_ledger()?;
        }
        if !is_behind {
            self.catch_up()?;
        }
        Ok(())
    }

    /// Whether the policy was read from below the newest tip that is now known for the policy branch.
    pub fn is_policy_older(&self) -> Result<bool, Reason> {
        let gate_state = self.gate_state.as_ref();
        let now = self.case.approved_policy_commit(
            &self.repository,
            gate_state,
            self.policy_branch.as_deref(),
            self.before,
        )?;
        Ok(now != self.approved)
    }

    fn remembered(&self) -> Cow<'_, Remembered> {
        let is_past = self.case.request.at.is_some();
        let Some(gate_state) = &self.gate_state else { return Cow::default() };
        let mut remembered = Cow::Borrowed(gate_state.remembered());
        if is_past {
            // A look back asks what was valid then, not what has disappeared since.
            let receipts = remembered.receipts.clone();
            return Cow::Owned(Remembered { receipts, ..Remembered::default() });
        }
        // What arrives was received now, whatever its signer says.
        for chain in self.ledger.arriving() {
            remembered.to_mut().receipts.learn(chain, self.case.now);
        }
        remembered
    }

    pub fn judge(mut self) -> Result<Outcome, Reason> {
        let remembered = self.remembered();
        let judged = self.refs(&remembered, &self.states())?;
        self.finish(judged)
    }

    /// The policy is older than one that was applied before: it says nothing about what is remembered.
    fn is_behind(&self) -> bool {
        let newest = self.gate_state.as_ref().and_then(|gate_state| gate_state.remembered().policy.as_ref());
        newest.is_some_and(|(version, _)| self.policy.version < *version)
    }

    /// Learns the results of earlier pushes, and the content of the refs.
    fn learn(&mut self) -> Result<(), Reason> {
        let Some(gate_state) = &mut self.gate_state else { return Ok(()) };
        let (repository, ahead, now) = (&self.repository, self.case.request.ahead, self.case.now);
        let rules = &self.policy.refs;
        let policy = Some(&*self.policy).filter(|_| self.is_before_true || self.case.settings.policy.is_some());
        let positions = RefCell::default();
        let position = |name: &str, id: &str, beyond| position_of(repository, ahead, name, id, beyond, &positions);
        let (record_statuses, digest) = (OnceCell::new(), self.policy.whole.to_string());
        let (policy_now, held) = (&*self.policy, &self.ledger.held[..]);
        let still_approved = |landed: &gate::WaitingStates, receipts: &gate::Receipts| {
            let record_statuses =
                record_statuses.get_or_init(|| gate::record_statuses(policy_now, held, receipts, now));
            rules.protects(&landed.name)
                && gate::still_approve(policy_now, held, record_statuses, landed, landed.policy == digest)
        };
        // A ref that may be deleted may start again; any other missing ref was removed behind the gate's back.
        gate_state.forget_tips(|name| match rules.protection(name) {
            RefProtection::Protected { rewrite: false, delete } => !delete || repository.shown(name, ahead).is_some(),
            _ => false,
        });
        let landed = gate_state.learn(policy, &self.policy.roster, &self.ledger.held, position, still_approved, now);
        let landed = landed.map_err(unreadable)?;
        if !landed.is_empty() {
            gate_state.enter(entry_of_landed(&landed, &self.policy, now)).map_err(unreadable)?;
        }
        Ok(())
    }

    /// What protected refs showed; without a record of it, what they show now, and the old tips that the caller claims
    /// for the refs of the push.
    fn states(&self) -> Cow<'_, States> {
        let recorded = self.gate_state.as_ref().map(GateState::states).filter(|states| states.are_recorded);
        let is_past = self.case.request.at.is_some();
        if let Some(states) = recorded.filter(|_| !is_past) {
            return Cow::Borrowed(states);
        }
        let mut states = recorded.cloned().unwrap_or_default();
        let updates = &self.case.request.updates;
        let asked: HashSet<&str> = updates.iter().map(|update| update.name.as_str()).collect();
        // After the fact, the commits to judge could approve themselves under another name: only the policy branch is
        // trusted.
        let ahead = self.case.request.ahead;
        let shown = if ahead {
            self.repository.shown_refs(ahead, |name| self.is_protected(name))
        } else {
            self.shown_policy_branch().into_iter().collect()
        };
        let others = shown.into_iter().filter(|(name, _)| !asked.contains(name.as_str()));
        let own = updates.iter().filter(|update| !update.old.is_zero());
        let own = own.filter_map(|update| Some((update.name.clone(), self.repository.commit_named(update.old)?)));
        for (name, commit) in others.chain(own).filter(|(name, _)| self.is_protected(name)) {
            states.insert(commit, &name);
        }
        Cow::Owned(states)
    }

    fn shown_policy_branch(&self) -> Option<(String, ObjectId)> {
        let policy_branch = self.policy_branch.as_ref()?;
        Some((policy_branch.clone(), self.repository.commit_named(self.repository.shown(policy_branch, false)?)?))
    }

    fn is_protected(&self, name: &str) -> bool {
        self.policy.refs.protects(name)
    }

    fn input<'g>(&'g self, facts: &'g Facts<'_>, chains: &'g [Chain]) -> Input<'g> {
        Input {
            policy: &self.policy,
            chains,
            remembered: facts.remembered,
            contents: &facts.contents,
            history: &facts.history,
            states: facts.states,
            ahead: self.case.request.ahead,
            policy_branch: self.policy_branch.as_deref().filter(|_| self.case.settings.policy.is_none()),
            pusher: self.case.request.pusher.as_deref(),
            signs_of_ai: false,
            now: self.case.now,
        }
    }

    /// Keeps the content of the refs, without what is obsolete.
    fn keep_ledger(&self) -> Result<(), Reason> {
        let (states, none) = (States::default(), Remembered::default());
        let remembered = self.gate_state.as_ref().map_or(&none, GateState::remembered);
        let facts = self.facts(remembered, &states, &[])?;
        let obsolete = gate::obsolete(&self.input(&facts, &self.ledger.held));
        let is_obsolete = |record: &Record| obsolete.contains(&record.id());
        let lasting = self.case.settings.lasting;
        self.ledger
            .keep(&self.repository, self.gate_state.as_ref(), &self.policy, is_obsolete, lasting)
            .map_err(unreadable)
    }

    /// `updates`: what a push brings of evidence.
    fn facts<'g>(
        &'g self,
        remembered: &'g Remembered,
        states: &'g States,
        updates: &[Update],
    ) -> Result<Facts<'g>, Reason> {
        let wants_proof = self.policy.author_proof == AuthorProof::Proven;
        let history = Commits::of(&self.repository, wants_proof).map_err(unreadable)?.with_policy(self.approved);
        // After the fact HEAD has moved; what the file of an organization was before is where the push says that it
        // started.
        let asked = self.case.request.updates.iter();
        let mut own = asked.filter(|update| Some(&update.name) == self.policy_branch.as_ref() && !update.old.is_zero());
        let contents = match own.next() {
            Some(update) => Objects::of_then(&self.repository, update.old, self.repository.organization()),
            None => Objects::of(&self.repository),
        };
        let scope = ledger::evidence::Scope::of(self.as_of(updates, gate::ref_names::EVIDENCE));
        let practised = self.as_of(updates, gate::ref_names::DRILLS);
        let contents = contents
            .with_evidence(move |keys| ledger::evidence::read(&self.repository, keys, &scope).map(Arc::new))
            .with_drills(move || {
                ledger::drills::recent(&self.repository, &Keys::of(&self.policy), &practised).map(Arc::new)
            });
        Ok(Facts { contents, history, remembered, states })
    }

    /// The refs below a prefix, as for decisions: with what the push brings, and in a clone with what was fetched.
    fn as_of(&self, updates: &[Update], prefix: &str) -> AsOf {
        let request = self.case.request;
        let own = updates.iter().filter(|update| update.name.starts_with(prefix));
        AsOf {
            moves: own.map(|update| (update.name.clone(), update.new)).collect(),
            with_remotes: !request.ahead && !self.repository.is_bare(),
            now: self.case.now,
            is_past: request.at.is_some(),
        }
    }

    fn refs(&self, remembered: &Remembered, states: &States) -> Result<Vec<Judged>, Reason> {
        let past;
        let chains = match self.case.request.at {
            None => &self.ledger.chains,
            Some(at) => {
                let until = |chain: &Chain| chain.until(|record| known_at(chain, record, remembered, at));
                past = Arc::new(self.ledger.chains.iter().map(until).collect());
                &past
            }
        };
        let facts = self.facts(remembered, states, &self.case.request.updates)?;
        let input = self.input(&facts, chains);
        let mut evaluation = PushEvaluation::new(&input);
        let updates = &self.case.request.updates;
        let mut judged: Vec<Option<Judged>> = vec![None; updates.len()];
        let kept = self.gate_state.as_ref().filter(|_| self.case.request.at.is_none());
        let chains = families::Chains::at(self.case.now, kept);
        for at in gate::judging_order(updates) {
            judged[at] = Some(self.of_ref(&updates[at], &mut evaluation, &input, &chains));
        }
        Ok(judged.into_iter().flatten().collect())
    }

    /// A gate that is asked after the fact, as in a pipeline, may have missed moves: first it judges how the policy
    /// branch and the refs of the request reached their tips, and remembers what was approved.
    fn catch_up(&mut self) -> Result<(), Reason> {
        let missed = self.missed(&self.remembered())?;
        let repository = &self.repository;
        self.gate_state.as_mut().map_or(Ok(()), |gate_state| remember_states(gate_state, repository, missed))
    }

    /// Refs that moved without this gate, with the states on the way if they were let through.
    fn missed(&self, remembered: &Remembered) -> Result<Vec<(String, Vec<ObjectId>)>, Reason> {
        let request = self.case.request;
        if remembered.restored.is_some() {
            return Ok(Vec::new());
        }
        let recorded = self.gate_state.as_ref().filter(|gate_state| gate_state.states().are_recorded);
        let Some(gate_state) = recorded.filter(|_| !request.ahead && request.at.is_none()) else {
            return Ok(Vec::new());
        };
        let states = gate_state.states();
        let facts = self.facts(remembered, states, &[])?;
        // The content of the refs, without what a requester adds: it is remembered whatever the outcome of the request.
        let input = self.input(&facts, &self.ledger.held);
        let evaluation = PushEvaluation::new(&input);
        let asked = request.updates.iter().map(|update| (update.name.as_str(), update.new));
        let names: BTreeMap<&str, ObjectId> =
            self.policy_branch.iter().map(|branch| (branch.as_str(), ObjectId::ZERO)).chain(asked).collect();
        let mut moved = Vec::new();
        for (name, new) in names.into_iter().filter(|(name, _)| self.is_protected(name)) {
            let shown = self.repository.shown(name, false).filter(|shown| *shown != new);
            let Some(tip) = shown.and_then(|shown| self.repository.commit_named(shown)) else { continue };
            if !states.is_of(tip, name) {
                moved.push((name.to_owned(), evaluation.catch_up(name, tip).states));
            }
        }
        Ok(moved)
    }

    fn of_ref(
        &self,
        update: &Update,
        evaluation: &mut PushEvaluation<'_>,
        input: &Input<'_>,
        chains: &families::Chains<'_>,
    ) -> Judged {
        let without_states = |outcome| Judged { outcome, states: Vec::new() };
        if let Some(prefix) = ledger::prefix_of(&update.name) {
            return without_states(self.of_chain(update, prefix));
        }
        if let Some(outcome) = chains.decide(&self.repository, &self.policy, &self.case.request.updates, update) {
            return without_states(outcome);
        }
        if let Some(outcome) = gate::ref_names::decide_own(update, input, &self.repository) {
            return without_states(outcome);
        }
        if self.case.request.proposal && update.is_move() {
            return without_states(gate::decide_proposal(update, self.case.request.lands, input));
        }
        let judged = evaluation.decide(update);
        match gate::ref_names::refuse_misnamed_tag(update, input, &self.repository) {
            Some(reason) if judged.outcome.outcome == Decided::Allow => {
                without_states(RefOutcome::refused(&update.name, reason))
            }
            _ => judged,
        }
    }

    fn of_chain(&self, update: &Update, prefix: &str) -> RefOutcome {
        let kept = update.old.is_zero() || self.repository.is_descendant(update.new, update.old);
        let rewound = update.new.is_zero() || !kept;
        let id = ledger::id_of(&update.name[prefix.len()..]);
        // A stranger's chain is refused by its name, without being read.
        let is_known = self.policy.roster.by_key_id(&id.key).is_some();
        let read = || match is_known {
            true => self.ledger.chain_of(&self.repository, update, prefix),
            false => Chain::empty(id),
        };
        let mut chain = (!rewound).then(read);
        // A chain that is valid by itself may contradict another copy.
        if let Some(chain) = &mut chain
            && chain.fault.is_none()
            && fault_of(&self.ledger.held, &chain.id).is_none()
        {
            chain.fault =
                fault_of(&self.ledger.chains, &chain.id).or_else(|| self.fork_on_its_way(&update.name, chain));
        }
        // A chain that was not read in time is not faulty for that reason.
        if let Err(late) = self.case.deadline.check() {
            return RefOutcome::refused(&update.name, unread(late));
        }
        let is_known = |key: &str| self.policy.roster.by_key_id(key).is_some();
        gate::decide_chain(update, chain.as_ref(), &self.ledger.held, &self.ledger.chains, &is_known)
    }

    /// Another copy of a chain was let through under its other name, has not arrived yet, and is not part of this one:
    /// once both are here, they would stop every gate.
    fn fork_on_its_way(&self, name: &str, chain: &Chain) -> Option<(usize, Fault)> {
        let is_copy = |(other, _): &(String, String)| {
            other != name && ledger::prefix_of(other).is_some_and(|p| ledger::id_of(&other[p.len()..]) == chain.id)
        };
        let waiting = self.gate_state.iter().flat_map(|gate_state| &gate_state.remembered().waiting);
        let copies = waiting.filter(|waiting| waiting.moves.iter().any(is_copy));
        let mut heads = copies.filter_map(|waiting| waiting.heads.get(&chain.id));
        let fork = heads.find(|head| chain.holds(*head).is_err())?;
        Some((fork.seq as usize, Fault::Forked))
    }

    /// What must be remembered of an allowed push, once it is seen to have landed.
    fn waiting(&self, judged: &[Judged]) -> Option<Waiting> {
        let updates = &self.case.request.updates;
        let records: HashSet<&str> = updates
            .iter()
            .map(|update| update.name.as_str())
            .filter(|name| ledger::prefix_of(name).is_some())
            .collect();
        let is_kept = |name: &str| records.contains(name) || self.is_protected(name);
        let moves = updates.iter().filter(|update| !update.new.is_zero() && is_kept(&update.name));
        let moves: Vec<_> = moves.map(|update| (update.name.clone(), update.new.to_string())).collect();
        let states = updates.iter().zip(judged).filter(|(_, judged)| !judged.states.is_empty());
        let states = states.map(|(update, judged)| gate::WaitingStates {
            name: update.name.clone(),
            new: update.new.to_string(),
            commits: judged.states.iter().map(ObjectId::to_string).collect(),
            records: judged.outcome.records.clone(),
            policy: self.policy.whole.to_string(),
        });
        let arriving = self.ledger.chains.iter().filter(|chain| {
            let is_known = self.policy.roster.by_key_id(&chain.id.key).is_some();
            is_known
                && [ledger::PREFIX, ledger::BRANCH_PREFIX]
                    .iter()
                    .any(|p| records.contains(format!("{p}{}", chain.id).as_str()))
        });
        (!moves.is_empty()).then(|| Waiting {
            moves,
            states: states.collect(),
            heads: Heads::of(arriving),
            time: self.case.now,
        })
    }

    /// Remembers what was allowed. Nothing is remembered of a request that names other positions than those of the
    /// refs.
    fn remember(&mut self, judged: &[Judged]) -> Result<(), Reason> {
        let request = self.case.request;
        let all_allowed = judged.iter().all(|judged| judged.outcome.outcome == Decided::Allow);
        if request.proposal || request.at.is_some() || !all_allowed {
            return Ok(());
        }
        let shown = |update: &Update| self.repository.shown(&update.name, request.ahead).unwrap_or(ObjectId::ZERO);
        if !request.updates.iter().all(|update| [update.old, update.new].contains(&shown(update))) {
            return Ok(());
        }
        let waiting = self.waiting(judged).filter(|_| request.ahead);
        let moved = request
            .updates
            .iter()
            .zip(judged)
            .filter(|(update, judged)| !request.ahead && shown(update) == update.new && !judged.states.is_empty());
        let moved: Vec<_> = moved.map(|(update, judged)| (update.name.clone(), judged.states.clone())).collect();
        let Some(gate_state) = &mut self.gate_state else { return Ok(()) };
        gate_state.tick(self.case.now).map_err(unreadable)?;
        if gate_state.states().are_recorded {
            remember_states(gate_state, &self.repository, moved)?;
        }
        waiting.map_or(Ok(()), |waiting| gate_state.wait_for(waiting)).map_err(unreadable)
    }

    /// Refs that the landing policy begins to protect: nobody has approved their current states.
    fn newly_protected(&self, judged: &mut [Judged]) {
        let updates = &self.case.request.updates;
        let landing = updates
            .iter()
            .zip(judged)
            .find(|(update, _)| Some(&update.name) == self.policy_branch.as_ref() && !update.new.is_zero());
        let Some((update, judged)) = landing.filter(|(_, judged)| judged.outcome.outcome == Decided::Allow) else {
            return;
        };
        let changed = self.repository.commit_named(update.new);
        let changed = changed.filter(|commit| self.repository.policy_digest(*commit) != Some(self.policy.digest));
        let Some(Ok(PolicyState::Found(next))) = changed.map(|commit| self.repository.policy_at(commit)) else {
            return;
        };
        let is_next = |name: &str| next.refs.protects(name);
        let is_new = |name: &str| is_next(name) && !self.is_protected(name);
        let names = self.repository.shown_refs(self.case.request.ahead, is_new).into_iter().map(|(name, _)| name);
        let names: Vec<String> = names.collect();
        if let Some(first) = names.first() {
            let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
            let detail = format!(
                "The policy begins to protect {}{more}. What stands there nobody let through: until it is approved, \
                 or recorded with `undersign gate record REF`, nothing starts from it.",
                visible::text(first)
            );
            judged.outcome.reasons.push(Reason::said(Code::NotAState, detail));
        }
    }

    fn finish(&mut self, mut judged: Vec<Judged>) -> Result<Outcome, Reason> {
        self.newly_protected(&mut judged);
        let refs: Vec<RefOutcome> = judged.iter().map(|judged| judged.outcome.clone()).collect();
        let gate_state = self.gate_state.as_mut();
        let summary = gate_state.as_ref().map(|m| MemorySummary { chains: m.remembered().heads.iter().count() });
        let mut outcome = self.case.outcome(refs, Some(&self.policy), &self.ledger.chains, summary);
        if let Some(gate_state) = gate_state.filter(|_| self.case.request.at.is_none()) {
            let entry = entry_of(&outcome, self.case.request);
            // This comes before what was let through is remembered: that also writes how far the log went.
            outcome.audit = Some(gate_state.enter(entry).map_err(unreadable)?);
            self.case.is_logged.set(true);
        }
        self.remember(&judged)?;
        // What was written to a directory that is no longer the gate's state lets nothing through.
        self.gate_state.as_ref().map_or(Ok(()), GateState::check_place).map_err(unreadable)?;
        Ok(outcome)
    }
}

/// Where a ref is, relative to where it should be. `beyond` is costly to compute: it is computed once for any two
/// commits, and not after the deadline.
fn position_of(
    repository: &Repository,
    ahead: bool,
    name: &str,
    id: &str,
    beyond: bool,
    known: &RefCell<HashMap<(ObjectId, ObjectId), bool>>,
) -> gate::RefPosition {
    let Ok(id) = id.parse::<ObjectId>() else { return gate::RefPosition::Elsewhere };
    let descends = |held| {
        let in_time = || repository.commit_named(held);
        *known
            .borrow_mut()
            .entry((held, id))
            .or_insert_with(|| in_time().is_some_and(|held| repository.is_descendant(held, id)))
    };
    let holds = |held| beyond && descends(held);
    match repository.shown(name, ahead) {
        Some(held) if held == id => gate::RefPosition::There,
        Some(held) if holds(held) => gate::RefPosition::Beyond,
        _ => gate::RefPosition::Elsewhere,
    }
}

/// Records the states of refs whose tip is the last of them. Only the operator can make the gate forget that this tip
/// was taken back.
fn remember_states(
    gate_state: &mut GateState,
    repository: &Repository,
    moved: Vec<(String, Vec<ObjectId>)>,
) -> Result<(), Reason> {
    for (name, states) in moved {
        let tip = states.last().copied();
        gate_state.record(states.into_iter().map(|state| (state, name.clone()))).map_err(unreadable)?;
        let known = gate_state.remembered().tips.get(&name).and_then(|known| known.parse().ok());
        let is_kept = |tip| known.is_none_or(|known| repository.is_on_line(tip, known).unwrap_or(false));
        if let Some(tip) = tip.filter(|tip| !name.starts_with("refs/tags/") && is_kept(*tip)) {
            gate_state.stand([(name, tip)]).map_err(unreadable)?;
        }
    }
    Ok(())
}

fn fault_of(chains: &[Chain], id: &ChainId) -> Option<(usize, Fault)> {
    chains.iter().find(|chain| chain.id == *id)?.fault
}

/// Whether a record existed at a time: by the gate's receipt, otherwise by its own date.
fn known_at(chain: &Chain, record: &crate::record::Record, remembered: &Remembered, at: i64) -> bool {
    let predicate = record.predicate();
    let received = remembered.receipts.received(chain, predicate.chain.seq.0);
    received.unwrap_or(predicate.issued_at.seconds()) <= at
}

/// How much of its sentences a trial keeps for one ref: they go into the log with each verdict.
const MAX_SENTENCES: usize = 8;
const MAX_SENTENCE: usize = 300;

/// The sentences of a refusal, for the report over a trial: a pusher who reads them does not act on them.
fn why(judged: &RefOutcome) -> Vec<String> {
    if judged.outcome == Decided::Allow {
        return Vec::new();
    }
    let logged = judged.reasons.iter().filter(|reason| reason.effect != ReasonEffect::Said);
    logged.take(MAX_SENTENCES).map(|reason| reason.detail.chars().take(MAX_SENTENCE).collect()).collect()
}

pub(super) fn entry_of(outcome: &Outcome, request: &Request<'_>) -> Entry {
    let word = |decided: Decided| decided.name().to_owned();
    let refs = outcome.refs.iter().zip(&request.updates).map(|(judged, update)| crate::gate_state::EntryRef {
        name: judged.name.clone(),
        old: update.old.to_string(),
        new: update.new.to_string(),
        outcome: word(judged.outcome),
        reasons: judged.reasons.iter().filter(|r| r.effect != ReasonEffect::Said).map(|r| r.code.to_string()).collect(),
        records: judged.records.clone(),
        why: if outcome.enforced { Vec::new() } else { why(judged) },
    });
    Entry {
        seq: 0,
        prev: String::new(),
        at: outcome.evaluated_at,
        pusher: request.pusher.clone(),
        outcome: word(outcome.outcome),
        enforced: outcome.enforced,
        policy: outcome.policy.as_ref().map(|policy| policy.digest.clone()),
        organization: outcome.policy.as_ref().and_then(|policy| Some(policy.organization.as_ref()?.digest.clone())),
        refs: refs.collect(),
        proposal: request.proposal,
        cut: None,
        missing: None,
        note: None,
        host: None,
    }
}

/// Protected refs that are seen at the tip to which they were let through: what was let through, but refused by git or
/// by another hook, has no such line.
fn entry_of_landed(landed: &[gate::WaitingStates], policy: &Policy, now: i64) -> Entry {
    let refs = landed.iter().map(|landed| crate::gate_state::EntryRef {
        name: landed.name.clone(),
        old: String::new(),
        new: landed.new.clone(),
        outcome: LANDED.to_owned(),
        reasons: Vec::new(),
        records: landed.records.clone(),
        why: Vec::new(),
    });
    Entry {
        seq: 0,
        prev: String::new(),
        at: now,
        pusher: None,
        outcome: LANDED.to_owned(),
        enforced: true,
        policy: Some(policy.digest.to_string()),
        organization: policy.inherited.as_ref().map(|inherited| inherited.digest.to_string()),
        refs: refs.collect(),
        proposal: false,
        cut: None,
        missing: None,
        note: None,
        host: None,
    }
}
