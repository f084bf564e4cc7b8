//! One segment of a push: what it needs, what it has, and why that is not enough, if it is not.

mod authors;
mod break_glass;
mod decisions;
mod evidence;
mod explain;
mod merges;
mod requirements;

use std::collections::{BTreeMap, BTreeSet};

use super::counted_decision::CountedDecision;
use super::duration::length;
use super::evaluation::Evaluation;
use super::history::brings_only;
use super::outcome::{Code, Decided, EvidenceState, Reason, ReasonEffect};
use super::{Lands, Merge, Step};
use crate::change::digest::Digest;
use crate::change::manifest::Manifest;
use crate::change::{Commit, ObjectId, counted};
use crate::decision::Verdict;
use crate::policy::{Asked, Binding, SlotState};
use crate::record::Presence;
use authors::Claims;

/// Two approvals of this many changed lines, signed within [`HASTE`] seconds of each other, are reported.
const MANY_LINES: u64 = 300;
const HASTE: i64 = 30;
/// The most states in between that are named.
const MAX_NAMED: usize = 3;

/// The status of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// SHA-256 of the manifest of what the segment does.
    pub manifest: Digest,
    /// The strictest binding that a touched compartment requires; none if none is touched.
    pub binding: Option<Binding>,
    /// Every slot that the policy requires, with who fills it.
    pub slots: Vec<SlotState>,
    /// The evidence that the policy requires, with what there is of it.
    pub evidence: Vec<EvidenceState>,
    /// Everything that was found, from information to denials.
    pub reasons: Vec<Reason>,
    /// Ids of the people whose approvals count, each once.
    pub approved_by: Vec<String>,
    /// Ids of the people whose rejections block it.
    pub rejected_by: Vec<String>,
    /// Seconds since the epoch: when the first counted approval expires; none if none is counted.
    pub valid_until: Option<i64>,
    /// Break-glass allows it.
    pub emergency: bool,
    /// Ids of the records that it depends on.
    pub records: Vec<String>,
    /// The weakest presence that any of them proves; none if there is no record.
    pub presence: Option<Presence>,
    /// The compartments that it touches, by name.
    pub compartments: Vec<String>,
    /// People whose own signature would not count, because they wrote it.
    pub authors: Vec<String>,
    /// By person, the earliest commit that says so, if one does.
    pub wrote: BTreeMap<String, ObjectId>,
    /// Rejections that an approval must name.
    pub to_answer: Vec<Answerable>,
}

/// A rejection that the next decision must answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answerable {
    /// It rejects exactly this content or commit: only break-glass may answer it. Otherwise an approval must.
    pub is_veto: bool,
    /// It rejects an earlier commit of the change, and neither its present content nor its head.
    pub is_outdated: bool,
    /// Record id, in hex.
    pub record: String,
    /// Id of the person who rejected.
    pub by: String,
    /// The reason of the rejection, unescaped.
    pub reason: String,
}

impl Standing {
    /// The worst of all its reasons, and a denial where a slot is open.
    pub fn decided(&self) -> Decided {
        let worst = self.reasons.iter().map(|reason| reason.effect).max().unwrap_or(ReasonEffect::Said);
        let unmet = !self.slots.iter().all(SlotState::is_filled);
        match worst {
            ReasonEffect::Undecidable => Decided::Undecidable,
            ReasonEffect::Said | ReasonEffect::Explains if !unmet => Decided::Allow,
            _ => Decided::Deny,
        }
    }

    /// Whether it may land, as far as is known now.
    pub fn is_allowed(&self) -> bool {
        self.decided() == Decided::Allow
    }
}

/// Judges steps that together do what `manifest` says, as one of several ways to cut a push.
pub(super) fn judge(evaluation: &Evaluation<'_>, steps: &[Step], manifest: &Manifest) -> Standing {
    Segment::new(evaluation, steps, manifest).judge(false)
}

/// The same for an answer: a refusal also says what an emergency would be told, if people practise one. That reads
/// drills, which a search must not wait for.
pub(super) fn judge_explained(evaluation: &Evaluation<'_>, steps: &[Step], manifest: &Manifest) -> Standing {
    Segment::new(evaluation, steps, manifest).judge(true)
}

/// Why a host must not land the commits of a proposal one by one: a name that git treats as its own, or a link, that
/// one commit brings in and another takes away.
pub(super) fn refused_on_the_way(evaluation: &Evaluation<'_>, merge: &Merge) -> Vec<Reason> {
    let delta = &merge.step.delta;
    let mut reasons = Segment::new(evaluation, &merge.replayed, delta).refused_names();
    let lands = |link: &&crate::change::links::Link| {
        link.lands && !merge.step.links.iter().any(|own| own.path == link.path && own.lands)
    };
    let passing = merge.replayed.iter().flat_map(|step| &step.links).filter(lands);
    reasons.extend(passing.take(1).map(|link| {
        let detail = format!(
            "One commit of the proposal brings in the link {}, and another takes it away; a host that rebases lands \
             both. Squash them, or say with --lands how the host lands it.",
            link.path
        );
        Reason::deny(Code::Opaque, detail).at(&link.path)
    }));
    reasons
}

/// Why a new ref may not point to a commit: somebody's rejection of it, or of what its last step brought in.
pub(super) fn rejection(evaluation: &Evaluation<'_>, steps: &[Step], manifest: &Manifest) -> Option<Reason> {
    let segment = Segment::new(evaluation, steps, manifest);
    let rejections = segment.rejections(&Asked::default(), &segment.authors(&Claims::default()), &[]);
    rejections.reasons.into_iter().find(|reason| reason.effect == ReasonEffect::Denies)
}

/// The segment to judge. It is immutable: each step of the judgement returns its findings and reasons, and
/// [`Segment::judge_content`] combines them.
struct Segment<'s, 'g> {
    evaluation: &'s Evaluation<'g>,
    steps: &'s [Step],
    manifest: &'s Manifest,
    digest: Digest,
    /// The same in hex, as records name it.
    sha256: String,
    commits: Vec<Commit>,
    ids: BTreeSet<String>,
}

impl<'s, 'g> Segment<'s, 'g> {
    fn new(evaluation: &'s Evaluation<'g>, steps: &'s [Step], manifest: &'s Manifest) -> Self {
        let commits: Vec<Commit> = steps.iter().flat_map(|step| step.commits.iter().cloned()).collect();
        let ids = commits.iter().map(|commit| commit.id.to_string()).collect();
        let digest = manifest.digest();
        Segment { evaluation, steps, manifest, digest, sha256: digest.to_string(), commits, ids }
    }

    fn judge(&self, with_drills: bool) -> Standing {
        let mut reasons: Vec<Reason> = self.octopus().into_iter().collect();
        let comes_to_nothing = self.manifest.is_empty() && self.steps.len() > 1;
        let (is_merge_back, lacking) = match self.manifest.is_empty() && !comes_to_nothing {
            true => self.merge_back(),
            false => (false, Vec::new()),
        };
        reasons.extend(lacking);
        match comes_to_nothing || is_merge_back {
            true => self.judge_nothing(reasons),
            false => self.judge_content(reasons, with_drills),
        }
    }

    /// Steps that cancel each other out, or merge back what protected refs have shown: there is nothing to approve.
    fn judge_nothing(&self, mut reasons: Vec<Reason>) -> Standing {
        let rejections = self.rejections(&Asked::default(), &self.authors(&Claims::default()), &[]);
        reasons.extend(rejections.reasons);
        reasons.extend(self.passing());
        let standing = self.standing(reasons);
        settled(Standing { rejected_by: rejections.by, to_answer: rejections.to_answer, ..standing })
    }

    fn judge_content(&self, mut reasons: Vec<Reason>, with_drills: bool) -> Standing {
        let bound: Vec<_> = self.decisions(Verdict::Approve).filter(|decision| self.binds(*decision)).collect();
        let decided: Vec<_> = bound.iter().copied().chain(self.break_glass_decisions()).collect();
        let claims = Claims::of(&decided);
        let authors = self.authors(&claims).proven(self, &claims);
        let opaque = self.opaque(&bound);
        let approvals = self.approvals(bound, &authors, &opaque.found);
        let required = self.required(&authors, &approvals.counted);
        let said = self.said(&required.asked, &authors);
        let filled = self.filled(&required.asked, &approvals.counted, &said);
        let evidence = said.held_against(&required.asked, &filled.slots);
        let rejections = self.rejections(&required.asked, &authors, &approvals.counted);
        let (asked, counted) = (&required.asked, &approvals.counted);
        let objects = self.refusals_of_objects(&opaque.found);
        for found in [
            authors.reasons.clone(),
            opaque.reasons,
            approvals.reasons,
            required.reasons,
            filled.reasons,
            evidence.reasons,
            rejections.reasons,
            self.limits(asked),
            objects,
            self.dropping_merges(counted),
            self.debts(asked),
            self.shortfalls(&filled.slots, &required.hidden),
        ] {
            reasons.extend(found);
        }
        let mut standing = Standing {
            binding: asked.requirements.iter().map(|requirement| requirement.binding).max(),
            slots: filled.slots,
            approved_by: counted.iter().map(|one| one.person.id.clone()).collect::<BTreeSet<_>>().into_iter().collect(),
            rejected_by: rejections.by,
            evidence: evidence.states,
            valid_until: counted.iter().map(|approval| approval.expires).chain(evidence.until).min(),
            records: counted.iter().map(|approval| approval.record.id().to_string()).collect(),
            presence: counted.iter().map(|approval| approval.presence).min(),
            compartments: asked.compartments.clone(),
            authors: authors.people.iter().map(|id| (*id).to_owned()).collect(),
            wrote: self.wrote_by_person(&authors),
            to_answer: rejections.to_answer,
            ..self.standing(reasons)
        };
        if !standing.is_allowed() {
            standing = self.break_glass(asked, &authors).applied_to(standing);
        }
        if with_drills && !standing.is_allowed() {
            let practised = self.drills(asked, &claims, &standing);
            standing.reasons.extend(practised);
        }
        standing.reasons.extend(self.remarks(counted));
        settled(standing)
    }

    /// A result with reasons only.
    fn standing(&self, reasons: Vec<Reason>) -> Standing {
        Standing {
            manifest: self.digest,
            binding: None,
            slots: Vec::new(),
            evidence: Vec::new(),
            reasons,
            approved_by: Vec::new(),
            rejected_by: Vec::new(),
            valid_until: None,
            emergency: false,
            records: Vec::new(),
            presence: None,
            compartments: Vec::new(),
            authors: Vec::new(),
            wrote: BTreeMap::new(),
            to_answer: Vec::new(),
        }
    }

    fn now(&self) -> i64 {
        self.evaluation.input.now
    }

    fn decisions(&self, verdict: Verdict) -> impl Iterator<Item = CountedDecision<'g>> {
        self.evaluation.decisions.iter().copied().filter(move |decision| decision.is(verdict))
    }

    /// Whether a decision is about this content. All empty manifests have the same digest, so for a step that changes
    /// nothing the decision must be about the head, with nothing else brought in.
    fn binds(&self, decision: CountedDecision<'_>) -> bool {
        let predicate = decision.predicate();
        predicate.manifest.sha256 == self.sha256
            && (!self.manifest.is_empty() || brings_only(&self.commits, &predicate.head.commit, self.landing_merge()))
    }

    /// Whether the head of a decision is among the commits.
    fn is_about(&self, decision: CountedDecision<'_>) -> bool {
        self.ids.contains(&decision.predicate().head.commit)
    }

    fn overlaps(&self, decision: CountedDecision<'_>) -> bool {
        decision.record.manifest.paths().any(|path| self.manifest.touches(path))
    }

    /// Commits that stay in the history without their own approval: those in the middle of a fast-forward or rebase,
    /// and those behind a merge. Of a change that is only viewed, nobody knows how it would land: `true` says so.
    fn between(&self) -> (Vec<ObjectId>, bool) {
        let commit = |id| self.commits.iter().find(|commit| commit.id == id);
        let is_push = |step: &Step| commit(step.commit).is_some_and(|own| own.parents.first() == Some(&step.from));
        let is_open = self.evaluation.lands.is_none() && !self.steps.iter().all(is_push);
        let landing = self.landing_merge();
        let tip = self.steps.last().map(|step| step.commit);
        let head = landing.and_then(|merge| commit(merge)?.parents.get(1).copied()).or(tip);
        let kept: Vec<ObjectId> = self.commits.iter().map(|own| own.id).filter(|id| Some(*id) != landing).collect();
        // A proposal that would be merged has no commit of its own yet.
        let reviewed = kept.iter().position(|id| Some(*id) == head).unwrap_or(0);
        if self.evaluation.lands == Some(Lands::Squash) || kept.is_empty() {
            return (Vec::new(), is_open);
        }
        let reviewed = kept[reviewed];
        let kept: BTreeSet<ObjectId> = kept.into_iter().collect();
        let mut between = self.oldest_first();
        between.retain(|id| *id != reviewed && kept.contains(id));
        (between, is_open)
    }

    /// The commits, each after its parents: a push lists them in another order than a proposal.
    fn oldest_first(&self) -> Vec<ObjectId> {
        let commits: BTreeMap<ObjectId, &[ObjectId]> =
            self.commits.iter().map(|own| (own.id, own.parents.as_slice())).collect();
        let parents: BTreeSet<ObjectId> = commits.values().copied().flatten().copied().collect();
        let tips = commits.keys().filter(|id| !parents.contains(id));
        let mut waiting: Vec<(ObjectId, bool)> = tips.map(|tip| (*tip, false)).collect();
        let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
        while let Some((id, are_parents_listed)) = waiting.pop() {
            let Some(parents) = commits.get(&id) else { continue };
            if are_parents_listed {
                order.push(id);
            } else if seen.insert(id) {
                waiting.push((id, true));
                waiting.extend(parents.iter().rev().map(|parent| (*parent, false)));
            }
        }
        order
    }

    /// What was not reviewed on its own, if anything was not.
    fn intermediate(&self) -> Option<Reason> {
        let (between, is_open) = self.between();
        if between.is_empty() || self.manifest.is_empty() {
            return None;
        }
        let verb = if between.len() == 1 { "was" } else { "were" };
        let (states, more) = (counted(between.len(), "state"), between.len().saturating_sub(MAX_NAMED));
        let mut names: Vec<String> = between.iter().take(MAX_NAMED).map(|id| id.short()).collect();
        names.extend((more > 0).then(|| format!("{more} more")));
        let unless = if is_open { ", unless it is squashed" } else { "" };
        let detail = format!(
            "{states} in between ({}) {verb} not reviewed individually: what was added and removed there stays in the \
             history{unless}.",
            names.join(", ")
        );
        Some(Reason::said(Code::Intermediate, detail))
    }

    /// What an auditor will want to know, but denies nothing.
    fn remarks(&self, approvals: &[CountedDecision<'g>]) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = self.intermediate().into_iter().collect();
        let mut times: Vec<_> = approvals.iter().map(|decision| (decision.issued(), &decision.person.id)).collect();
        times.sort_unstable();
        let hasty = times.windows(2).any(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 < HASTE);
        if hasty && let Ok(lines) = self.evaluation.input.contents.lines(self.steps) {
            let total: u64 = lines.iter().map(|(_, n)| n).sum();
            if total >= MANY_LINES {
                let detail = format!("Two people approved {total} changed lines within {HASTE} seconds of each other.");
                reasons.push(Reason::said(Code::TooFast, detail));
            }
        }
        reasons
    }
}

/// Unneeded explanations are dropped: if it may land, only what every outcome must repeat is kept.
fn settled(mut standing: Standing) -> Standing {
    if standing.is_allowed() {
        standing.reasons.retain(|reason| reason.effect == ReasonEffect::Said);
    }
    standing
}
