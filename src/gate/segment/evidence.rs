//! Weaker evidence: what the sources of the policy say of this content, and whether that is what is asked for.
//!
//! The promise: evidence lets nothing land that the policy does not name it for. It fills no slot, ends and answers no
//! rejection, and counts only for the content and the ref that it names, while the policy lets the key that signed it
//! speak of that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Segment;
use super::authors::Authors;
use crate::change::RepoPath;
use crate::change::visible;
use crate::datafile::date;
use crate::gate::outcome::{Code, EvidenceState, Reason};
use crate::gate::{CLOCK_SKEW, Rest};
use crate::policy::{
    Asked, Binding, EvidenceNeed, EvidenceSource, POLICY_FILE, Person, PersonKind, Requirement, SlotState, Unfit,
};
use crate::record::evidence::{Evidence, EvidenceChain, EvidenceKind, EvidenceRecord, EvidenceResult, out_of_order};

/// What is said of one content, by what is asked.
#[derive(Default)]
pub(super) struct Said {
    answers: BTreeMap<EvidenceNeed, Answer>,
    /// What keeps all of it from being known.
    reasons: Vec<Reason>,
}

/// What there is of one need.
struct Answer {
    kind: EvidenceKind,
    counted: Vec<Counted>,
    /// Why other evidence does not count.
    why: Vec<String>,
}

/// One statement that counts.
struct Counted {
    /// Of an approval on a forge, whose account it is.
    person: Option<String>,
    record: String,
    /// Exclusive, in seconds since the epoch.
    expires: i64,
}

/// Whether the evidence is there that is asked for.
#[derive(Default)]
pub(super) struct Held {
    pub states: Vec<EvidenceState>,
    pub reasons: Vec<Reason>,
    /// When the first of what counts expires.
    pub until: Option<i64>,
}

/// One record of a source, with its chain.
#[derive(Clone, Copy)]
struct One<'c> {
    chain: &'c EvidenceChain,
    record: &'c EvidenceRecord,
}

impl<'c> One<'c> {
    fn evidence(self) -> &'c Evidence {
        self.record.evidence()
    }

    /// Whether it was signed after another one, or may have been. In one chain the order is known; of two chains, what
    /// failed counts as later.
    fn is_later_than(self, other: One<'_>) -> bool {
        if self.chain.id == other.chain.id {
            return self.evidence().chain.seq.0 > other.evidence().chain.seq.0;
        }
        self.record.issued() >= other.record.issued()
    }

    fn is_about_the_same_as(self, other: One<'_>) -> bool {
        let (own, other) = (self.evidence(), other.evidence());
        match own.kind {
            EvidenceKind::Ci => own.name == other.name,
            EvidenceKind::Forge => own.name.eq_ignore_ascii_case(&other.name),
        }
    }
}

impl Said {
    /// Whether a person approves on the forge that a requirement asks.
    pub fn speaks_of(&self, requirement: &Requirement, person: &str) -> bool {
        let answers = requirement.evidence.iter().filter_map(|need| self.answers.get(need));
        answers.flat_map(|answer| &answer.counted).any(|counted| counted.person.as_deref() == Some(person))
    }

    /// What of it meets the requirements. Who fills a slot of a compartment does not count there a second time.
    pub fn held_against(self, asked: &Asked, slots: &[SlotState]) -> Held {
        let mut held = Held { reasons: self.reasons.clone(), ..Held::default() };
        for requirement in &asked.requirements {
            let compartment = &requirement.compartment;
            let own = slots.iter().filter(|slot| slot.compartment == *compartment);
            let signed: BTreeSet<&String> = own.flat_map(|slot| &slot.by).collect();
            for need in &requirement.evidence {
                let Some(answer) = self.answers.get(need) else { continue };
                let is_free = |one: &&Counted| one.person.as_ref().is_none_or(|person| !signed.contains(person));
                let counted: Vec<&Counted> = answer.counted.iter().filter(is_free).collect();
                let state = answer.state(compartment, need, &counted);
                held.until = held.until.into_iter().chain(counted.iter().map(|one| one.expires)).min();
                match state.is_met() {
                    true => held.reasons.push(met(&state)),
                    false => held.reasons.extend(answer.shortfall(&state, need)),
                }
                held.states.push(state);
            }
        }
        held
    }
}

impl Answer {
    fn state(&self, compartment: &str, need: &EvidenceNeed, counted: &[&Counted]) -> EvidenceState {
        let what = match need {
            EvidenceNeed::Check { check, .. } => check.clone(),
            EvidenceNeed::Approvals { role, .. } => role.clone().unwrap_or_default(),
        };
        EvidenceState {
            compartment: compartment.to_owned(),
            source: need.source().to_owned(),
            kind: self.kind,
            what,
            need: need.n(),
            have: counted.len(),
            by: counted.iter().filter_map(|one| one.person.clone()).collect(),
            records: counted.iter().map(|one| one.record.clone()).collect(),
        }
    }

    fn shortfall(&self, state: &EvidenceState, need: &EvidenceNeed) -> Vec<Reason> {
        let compartment = &state.compartment;
        let by = if state.by.is_empty() { String::new() } else { format!(" ({})", state.by.join(", ")) };
        let detail = match state.kind {
            EvidenceKind::Ci => format!("{compartment} needs {need} on what lands, and has none that counts."),
            EvidenceKind::Forge => format!("{compartment} needs {need}, has {}{by}.", state.have),
        };
        let mut reasons = vec![Reason::holds(Code::Evidence, detail).in_compartment(compartment)];
        let why = self.why.iter().map(|why| Reason::explains(Code::Evidence, why).in_compartment(compartment));
        reasons.extend(why);
        reasons
    }
}

impl Segment<'_, '_> {
    /// Whether it changes the file of the policy and nothing else, whatever lies in the same compartment.
    fn is_policy_alone(&self) -> bool {
        self.steps.iter().flat_map(|step| step.delta.paths()).all(|path| *path == RepoPath::from(POLICY_FILE))
    }

    /// What the sources say that the requirements ask. The policy itself changes without evidence, or a lost key of a
    /// source could never be replaced.
    pub(super) fn said(&self, asked: &Asked, authors: &Authors<'_>) -> Said {
        let needs: BTreeSet<&EvidenceNeed> =
            asked.requirements.iter().flat_map(|requirement| &requirement.evidence).collect();
        if needs.is_empty() || self.is_policy_alone() {
            return Said::default();
        }
        let policy = self.evaluation.input.policy;
        let sources: Vec<&EvidenceSource> =
            needs.iter().filter_map(|need| policy.evidence_source(need.source())).collect();
        let keys = sources.iter().flat_map(|source| &source.keys).map(|own| own.key.id().to_string()).collect();
        let chains = match self.evaluation.input.contents.evidence(&keys) {
            Ok(chains) => chains,
            Err(why) => {
                let reasons = vec![Reason::undecidable(Code::Unreadable, why)];
                return Said { reasons, ..Said::default() };
            }
        };
        let mut said = Said::default();
        for need in needs {
            let Some(source) = policy.evidence_source(need.source()) else {
                // The policy is refused as it is read if it has no such source. If not, nothing lands without it.
                let detail = format!("The policy asks for evidence of {}, and has no such source.", need.source());
                said.reasons.push(Reason::holds(Code::Evidence, detail));
                continue;
            };
            let own: Vec<&EvidenceChain> =
                chains.iter().filter(|chain| source.enrolment(&chain.id.key).is_some()).collect();
            said.answers.insert(need.clone(), self.answer(need, source, &own, authors));
        }
        said
    }

    fn answer(
        &self,
        need: &EvidenceNeed,
        source: &EvidenceSource,
        chains: &[&EvidenceChain],
        authors: &Authors<'_>,
    ) -> Answer {
        let mut answer = Answer { kind: source.kind, counted: Vec::new(), why: Vec::new() };
        if let Some(why) = chains.iter().find_map(|chain| damaged(chain)) {
            answer.why.push(why);
            return answer;
        }
        let all =
            chains.iter().flat_map(|chain| chain.records.iter().map(|record| One { chain, record: as_ref(record) }));
        let ours = |one: &One<'_>| {
            let own = one.evidence();
            let is_asked = match need {
                EvidenceNeed::Check { check, .. } => own.name == *check,
                EvidenceNeed::Approvals { .. } => own.server == source.server,
            };
            own.kind == source.kind && is_asked && !one.record.clone
        };
        let all: Vec<One<'_>> = all.filter(ours).collect();
        let (here, elsewhere): (Vec<One<'_>>, Vec<One<'_>>) =
            all.into_iter().partition(|one| self.is_said_of_this(one.evidence(), source.binding));
        // The last first: of several approvals of one person, that one counts.
        let mut passes: Vec<One<'_>> =
            here.iter().copied().filter(|one| one.evidence().result == EvidenceResult::Pass).collect();
        passes.sort_by_key(|one| std::cmp::Reverse((one.record.issued(), one.evidence().chain.seq.0)));
        for pass in passes {
            let fails = here.iter().filter(|one| one.evidence().result == EvidenceResult::Fail);
            let mut fails = fails.filter(|fail| fail.is_about_the_same_as(pass) && fail.is_later_than(pass));
            let counted = match fails.next() {
                Some(fail) => Err(told_of_failure(*fail)),
                None => self.counted(pass, need, source, authors),
            };
            match counted {
                Ok(one) if answer.counted.iter().any(|known| known.person == one.person) => {}
                Ok(one) => answer.counted.push(one),
                Err(why) => answer.why.push(why),
            }
        }
        if answer.counted.len() < need.n() {
            let failed = here.iter().rev().find(|one| one.evidence().result == EvidenceResult::Fail);
            let none = || elsewhere.iter().rev().find_map(|one| self.near_evidence(one.evidence()));
            let more = if answer.why.is_empty() { failed.map(|one| told_of_failure(*one)).or_else(none) } else { None };
            answer.why.extend(more);
        }
        answer.why.dedup();
        answer.why.truncate(crate::gate::MAX_PLACES);
        answer
    }

    /// Whether it is about this content, on this ref of this repository.
    fn is_said_of_this(&self, own: &Evidence, binding: Binding) -> bool {
        self.is_said_here(own)
            && match binding {
                Binding::Manifest => {
                    // All empty manifests have the same digest.
                    own.manifest.sha256 == self.sha256 && (!self.manifest.is_empty() || self.ids.contains(&own.commit))
                }
                Binding::Tree | Binding::Exact => self.tree().is_some_and(|tree| tree == own.tree),
            }
    }

    fn is_said_here(&self, own: &Evidence) -> bool {
        own.repository.id == self.evaluation.input.policy.repository && own.target.name == self.evaluation.target
    }

    /// The tree that lands.
    fn tree(&self) -> Option<String> {
        self.steps.last().map(|step| step.tree.to_string())
    }

    /// Whether something that passed counts now, or why not.
    fn counted(
        &self,
        one: One<'_>,
        need: &EvidenceNeed,
        source: &EvidenceSource,
        authors: &Authors<'_>,
    ) -> Result<Counted, String> {
        let (own, issued, now) = (one.evidence(), one.record.issued(), self.now());
        let what = told(own);
        let expires = issued.saturating_add(source.valid);
        if expires <= now {
            return Err(format!("{what}, {}: that has expired.", date(issued)));
        }
        if issued > now.saturating_add(CLOCK_SKEW) {
            return Err(format!("{what}, dated in the future. Set the clock that signed it."));
        }
        let key = source.enrolment(&one.chain.id.key);
        match key.map(|key| key.unfit(issued, None, now)) {
            Some(None) => {}
            Some(Some(Unfit::Time)) => return Err(format!("{what}, by a key that is not valid now, or was not then.")),
            _ => return Err(format!("{what}, by a key that is revoked.")),
        }
        if source.binding == Binding::Manifest {
            self.rested_since(own)?;
        }
        let person = match need {
            EvidenceNeed::Check { .. } => None,
            EvidenceNeed::Approvals { role, .. } => Some(self.approver(own, role.as_deref(), authors)?.id.clone()),
        };
        Ok(Counted { person, record: one.record.id().to_string(), expires })
    }

    /// What landed, was taken back, and would land again is another change.
    fn rested_since(&self, own: &Evidence) -> Result<(), String> {
        let (Ok(since), Some(first)) = (own.target.tip.parse(), self.steps.first()) else {
            return Err(format!("{}, without saying on which tip.", told(own)));
        };
        if since == first.from {
            return Ok(());
        }
        match self.evaluation.input.contents.rest(since, first.from, self.manifest)? {
            Rest::Rested => Ok(()),
            Rest::Returned => Err(format!("{}; the target has changed these paths since.", told(own))),
            Rest::Elsewhere => Err(format!("{}, on a tip that is not on the line of what lands.", told(own))),
        }
    }

    /// Whose approval on a forge it is: a person of the roster who is no author.
    fn approver(&self, own: &Evidence, role: Option<&str>, authors: &Authors<'_>) -> Result<&Person, String> {
        let policy = self.evaluation.input.policy;
        let account = visible::text(&own.name);
        let Some(person) = policy.roster.by_account(&own.name) else {
            return Err(format!("{account} approved on the forge; nobody in the roster has that account (`logins`)."));
        };
        if person.kind != PersonKind::Human {
            return Err(format!("{} approved on the forge, and is not a person.", person.id));
        }
        if authors.has(person) && !policy.self_review {
            return Err(format!("{} approved on the forge, and is an author of this change.", person.id));
        }
        if role.is_some_and(|role| !person.roles.iter().any(|own| own == role)) {
            return Err(format!("{} approved on the forge, and does not have the required role.", person.id));
        }
        Ok(person)
    }

    /// In what way evidence of something else resembles what is asked for.
    fn near_evidence(&self, own: &Evidence) -> Option<String> {
        let tree = self.tree()?;
        let is_same = own.tree == tree || (!self.manifest.is_empty() && own.manifest.sha256 == self.sha256);
        if !self.is_said_here(own) {
            let other = own.repository.id != self.evaluation.input.policy.repository;
            let place = if other { "another repository" } else { &*visible::text(&own.target.name) };
            return is_same.then(|| format!("{}, for {place} and not for here.", told(own)));
        }
        let is_near = is_same || self.ids.contains(&own.commit);
        is_near.then(|| {
            format!(
                "{}, on the tree {}; what lands is {}. Run it on the result of the merge.",
                told(own),
                &own.tree[..7],
                &tree[..7]
            )
        })
    }
}

/// That something rests on evidence, which is weaker than a signature.
fn met(state: &EvidenceState) -> Reason {
    let EvidenceState { compartment, source, what, by, .. } = state;
    let detail = match state.kind {
        EvidenceKind::Ci => format!("{compartment}: {what} passed, as the evidence {source} says."),
        EvidenceKind::Forge => {
            let by = by.join(", ");
            format!("{compartment}: {by} approved on a forge, as the evidence {source} says; nobody signed that here.")
        }
    };
    Reason::said(Code::Evidence, detail).in_compartment(compartment)
}

fn as_ref(record: &Arc<EvidenceRecord>) -> &EvidenceRecord {
    record
}

/// Why nothing of a source counts: something that failed may be hidden.
fn damaged(chain: &EvidenceChain) -> Option<String> {
    let place = format!("refs/undersign/evidence/{}", chain.id);
    if let Some((position, fault)) = chain.fault {
        return Some(format!("Record {position} of {place} does not hold: {fault}. So nothing of its source counts."));
    }
    let position = out_of_order(chain)?;
    Some(format!("Record {position} of {place} is dated before the one below it. So nothing of its source counts."))
}

/// `build passed on 0123456`, `dana-r approved 0123456 on https://github.com`
fn told(own: &Evidence) -> String {
    let (name, commit) = (visible::text(&own.name), &own.commit[..7]);
    match (own.kind, own.result) {
        (EvidenceKind::Ci, EvidenceResult::Pass) => format!("{name} passed on {commit}"),
        (EvidenceKind::Ci, EvidenceResult::Fail) => format!("{name} failed on {commit}"),
        (EvidenceKind::Forge, EvidenceResult::Pass) => format!("{name} approved {commit} on {}", own.server),
        (EvidenceKind::Forge, EvidenceResult::Fail) => format!("{name} does not approve {commit} on {}", own.server),
    }
}

fn told_of_failure(fail: One<'_>) -> String {
    let own = fail.evidence();
    let link = if own.link.is_empty() { String::new() } else { format!(" ({})", visible::text(&own.link)) };
    format!("{}, {}{link}.", told(own), date(fail.record.issued()))
}
