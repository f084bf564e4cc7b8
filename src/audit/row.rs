//! One landing as a row: put together from steps, verdict and judgement. Pure.

use super::book::Book;
use super::judge::Judged;
use super::line::{Step, ai_of};
use super::report::{Approval, Decision, Evidence, Landing, Reason, Requirement, Shown, Time, Verdict, When};
use crate::gate::{EvidenceState, ReasonEffect, SlotState};
use crate::policy::Policy;
use crate::record::Record;

/// The most sentences of the rules in a row.
const MAX_REASONS: usize = 8;
/// The most omissions, and answered findings, that an approval lists; after them, it says how many more there are.
const MAX_LISTED: usize = 20;

/// The parts of a row.
pub struct Parts<'p> {
    pub name: &'p str,
    pub steps: &'p [Step],
    pub verdict: Option<&'p Verdict>,
    /// By the gate's clock if its log says that it let it through, otherwise by the committer's.
    pub landed_at: i64,
    pub judged: Option<&'p Judged>,
    /// The policy of that time.
    pub policy: Option<&'p Policy>,
    pub book: &'p Book,
}

impl Parts<'_> {
    /// The row, without its exceptions.
    pub fn landing(&self) -> Option<Landing> {
        let (first, last) = (self.steps.first()?, self.steps.last()?);
        let is_told = self.verdict.is_some_and(Verdict::let_through);
        let (at, at_by) = (self.landed_at, if is_told { When::Log } else { When::Committer });
        let outcome = self.judged.map(|judged| &judged.outcome);
        let policy = self.policy.map(|policy| (policy.version, policy.digest.to_string()));
        let reasons = outcome.into_iter().flat_map(|outcome| &outcome.reasons);
        let unread = self.steps.iter().filter_map(|step| step.unread.clone());
        let unread = unread.map(|detail| Reason { code: "UNREADABLE", detail });
        let is_worth = |effect| self.decision() != Decision::Approved || effect == ReasonEffect::Said;
        let mut reasons: Vec<Reason> = reasons
            .filter(|reason| is_worth(reason.effect))
            .map(|reason| Reason { code: reason.code.name(), detail: Shown::of(&reason.detail) })
            .chain(unread)
            .collect();
        reasons.truncate(MAX_REASONS);
        Some(Landing {
            name: Shown::of(self.name),
            from: first.from.map(|from| from.to_string()),
            to: last.commit.to_string(),
            steps: self.steps.len(),
            commits: self.steps.iter().map(|step| step.commits).sum(),
            paths: self.steps.iter().map(|step| step.paths).sum(),
            subject: last.subject.clone(),
            author: last.author.clone(),
            at: Time(at),
            at_by,
            decision: self.decision(),
            judged_at: Time(self.judged.map_or(at, |judged| judged.at)),
            policy,
            organization: self
                .policy
                .and_then(|policy| policy.inherited.as_ref())
                .map(|inherited| (inherited.version, inherited.digest.to_string())),
            approvals: self.approvals(),
            requirements: outcome.into_iter().flat_map(|outcome| &outcome.requirements).map(requirement).collect(),
            evidence: outcome.into_iter().flat_map(|outcome| &outcome.evidence).map(evidence).collect(),
            reasons,
            ai: ai_of(self.steps),
            gate: self.verdict.cloned(),
            exceptions: Vec::new(),
        })
    }

    fn decision(&self) -> Decision {
        self.judged.map_or(Decision::Ungoverned, Judged::decision)
    }

    fn approvals(&self) -> Vec<Approval> {
        self.counted().iter().map(|(record, presence)| approval(record, presence)).collect()
    }

    /// The records that were counted, with what each proves about the presence of its signer.
    pub fn counted(&self) -> Vec<(&Record, String)> {
        let (Some(judged), Some(policy)) = (self.judged, self.policy) else { return Vec::new() };
        let mut ids = judged.outcome.records.clone();
        ids.sort();
        ids.dedup();
        let presence = |record: &Record| {
            let enrolment = policy.roster.enrolment(record.verified.key());
            let level = enrolment.map(|(_, own)| own.level(record.verified.token()));
            level.map_or_else(|| "none".to_owned(), |level| level.to_string())
        };
        ids.iter().filter_map(|id| self.book.by_id(id)).map(|record| (record, presence(record))).collect()
    }
}

fn requirement(slot: &SlotState) -> Requirement {
    Requirement {
        compartment: Shown::of(&slot.compartment),
        slot: Shown::of(&slot.slot),
        need: slot.need,
        have: slot.have,
    }
}

fn evidence(state: &EvidenceState) -> Evidence {
    Evidence {
        compartment: Shown::of(&state.compartment),
        source: Shown::of(&state.source),
        kind: state.kind.name(),
        what: Shown::of(&state.what),
        need: state.need,
        have: state.have,
        by: state.by.iter().map(|person| Shown::of(person)).collect(),
        records: state.records.clone(),
    }
}

fn approval(record: &Record, presence: &str) -> Approval {
    let predicate = record.predicate();
    let coverage = &predicate.coverage;
    let omitted = coverage.omissions.iter().map(|omission| {
        let said = omission.acknowledged.trim();
        let said = if said.is_empty() { "not acknowledged" } else { said };
        Shown::of(&format!("{} ({}): {said}", omission.path, omission.what))
    });
    let answered = predicate.findings.answered.iter().map(|finding| {
        Shown::of(&format!(
            "{} {} {}:{}: {}",
            finding.severity, finding.rule, finding.path, finding.line.0, finding.answer
        ))
    });
    Approval {
        record: record.id().to_string(),
        verdict: predicate.verdict.to_string(),
        person: Shown::of(&predicate.principal),
        roles: predicate.roles.iter().map(|role| Shown::of(role)).collect(),
        presence: presence.to_owned(),
        signed_at: Time(predicate.issued_at.seconds()),
        files: (coverage.files_seen.0, coverage.files.0),
        hunks: (coverage.hunks_seen.0, coverage.hunks.0),
        carried_over: coverage.carried_over.0,
        omitted: listed(omitted),
        findings: predicate.findings.total.0,
        answered: predicate.findings.answered.len(),
        answers: listed(answered),
        reason: Shown::of(&predicate.reason),
    }
}

/// Some of a list, and how many more there are: nothing is left out silently.
fn listed(texts: impl ExactSizeIterator<Item = Shown>) -> Vec<Shown> {
    let more = texts.len().saturating_sub(MAX_LISTED);
    let mut listed: Vec<Shown> = texts.take(MAX_LISTED).collect();
    listed.extend((more > 0).then(|| Shown::of(&format!("and {more} more"))));
    listed
}
