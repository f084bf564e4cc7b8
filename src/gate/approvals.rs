//! Which decisions count for one segment of a push, and whether they fill what the policy requires.

use std::collections::BTreeSet;

use super::Step;
use super::ballot::{BallotStanding, ballots};
use super::outcome::{Code, Reason, SlotState};
use crate::change::manifest::{Digest, Manifest};
use crate::change::{Commit, Identity, visible};
use crate::decision::Verdict;
use crate::policy::{Binding, Kind, Person, Policy, Requirement};
use crate::provenance;
use crate::record::statement::Predicate;
use crate::record::{Chain, Presence, Record};

/// Seconds by which a signer's clock may run ahead of the gate's.
const CLOCK_SKEW: i64 = 120;

/// How one segment stands: what it needs, what it has, and why that is not enough, if it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub manifest: Digest,
    pub binding: Option<Binding>,
    pub slots: Vec<SlotState>,
    pub reasons: Vec<Reason>,
    pub approved_by: Vec<String>,
    pub rejected_by: Vec<String>,
    pub valid_until: Option<i64>,
}

impl Standing {
    pub fn is_allowed(&self) -> bool {
        !self.reasons.iter().any(|reason| reason.code.blocks()) && self.slots.iter().all(|slot| slot.have >= slot.need)
    }
}

/// A decision with the person whose key signed it.
#[derive(Clone, Copy)]
struct Vote<'c> {
    person: &'c Person,
    record: &'c Record,
    /// What the signature proves of the person being there.
    presence: Presence,
}

impl<'c> Vote<'c> {
    fn predicate(self) -> &'c Predicate {
        self.record.predicate()
    }

    fn binds_to(self, manifest: &Digest) -> bool {
        self.predicate().manifest.sha256 == manifest.to_string()
    }

    /// Whether head of this decision is among the commits.
    fn is_about(self, commits: &BTreeSet<String>) -> bool {
        commits.contains(&self.predicate().head.commit)
    }
}

/// Policy, records and clock, made ready to judge segments of a push to one ref.
pub(super) struct Court<'c> {
    policy: &'c Policy,
    rules: &'static provenance::Rules,
    now: i64,
    /// Decisions in force, for this repository and ref.
    votes: Vec<Vote<'c>>,
    /// Approvals in force for another repository or ref: they explain, and never count.
    elsewhere: Vec<Vote<'c>>,
    /// By a security key whose counter fell: they explain, and never count.
    clones: Vec<Vote<'c>>,
    known: BTreeSet<String>,
}

impl<'c> Court<'c> {
    pub(super) fn new(policy: &'c Policy, chains: &'c [Chain], target: &str, now: i64) -> Court<'c> {
        let (mut votes, mut clones) = (Vec::new(), Vec::new());
        for ballot in ballots(policy, chains, now) {
            let Some(person) = ballot.person else { continue };
            let vote = Vote { person, record: ballot.record, presence: ballot.presence };
            match ballot.standing {
                BallotStanding::InForce | BallotStanding::Expired => votes.push(vote),
                BallotStanding::Clone => clones.push(vote),
                BallotStanding::Superseded | BallotStanding::Stranger | BallotStanding::Impostor => {}
            }
        }
        let (votes, elsewhere): (Vec<_>, Vec<_>) = votes
            .into_iter()
            .partition(|v| v.predicate().repository.id == policy.repository && v.predicate().target.name == target);
        let known = votes.iter().map(|v| v.predicate().manifest.sha256.clone()).collect();
        Court { policy, rules: provenance::Rules::shipped(), now, votes, elsewhere, clones, known }
    }

    /// Whether any decision speaks of this manifest.
    pub(super) fn knows(&self, manifest: &Manifest) -> bool {
        self.known.contains(&manifest.digest().to_string())
    }

    /// Judges steps that together do what `manifest` says.
    pub(super) fn judge(&self, steps: &[Step], manifest: &Manifest) -> Standing {
        let mut segment = Segment::new(self, steps, manifest);
        if !manifest.is_empty() {
            segment.hear_approvals();
            segment.hear_rejections();
            segment.compare_with_policy();
            segment.explain();
        }
        // What came near and was not needed is no reason: only what every outcome must repeat stays.
        if segment.standing.is_allowed() {
            segment.standing.reasons.retain(|reason| reason.code == Code::SelfReview);
        }
        segment.standing
    }
}

struct Segment<'s, 'c> {
    court: &'s Court<'c>,
    steps: &'s [Step],
    manifest: &'s Manifest,
    commits: Vec<&'s Commit>,
    ids: BTreeSet<String>,
    /// Approvals that count, before binding.
    approvals: Vec<Vote<'c>>,
    authors: Vec<Identity>,
    standing: Standing,
}

impl<'s, 'c> Segment<'s, 'c> {
    fn new(court: &'s Court<'c>, steps: &'s [Step], manifest: &'s Manifest) -> Self {
        let commits: Vec<_> = steps.iter().flat_map(|step| &step.commits).collect();
        let ids = commits.iter().map(|commit| commit.id.to_string()).collect();
        let standing = Standing {
            manifest: manifest.digest(),
            binding: None,
            slots: Vec::new(),
            reasons: Vec::new(),
            approved_by: Vec::new(),
            rejected_by: Vec::new(),
            valid_until: None,
        };
        Segment { court, steps, manifest, commits, ids, approvals: Vec::new(), authors: Vec::new(), standing }
    }

    /// A rejection of this content or of this very commit blocks, whoever else approves, unless it was taken over.
    fn hear_rejections(&mut self) {
        for vote in self.votes(Verdict::Reject) {
            let meant = vote.binds_to(&self.standing.manifest) || vote.is_about(&self.ids);
            if meant && !self.is_taken_over(vote) {
                self.standing.rejected_by.push(vote.person.id.clone());
                let reason = visible::text(vote.predicate().reason.trim()).into_owned();
                self.deny(Code::Vetoed, format!("{} rejected it: {reason}", vote.person.id));
            }
        }
    }

    /// Whether people who could change the policy, none of them an author, answer for this rejection now.
    fn is_taken_over(&self, rejection: Vote<'_>) -> bool {
        let id = rejection.record.id().to_string();
        let hand_overs = self.votes(Verdict::HandOver).into_iter();
        let mut takers: Vec<Vote<'_>> =
            hand_overs.filter(|v| v.predicate().answers.contains(&id) && !self.is_author(v.person)).collect();
        takers.sort_by(|a, b| a.person.id.cmp(&b.person.id));
        takers.dedup_by(|a, b| a.person.id == b.person.id);
        self.court.policy.hand_over().iter().all(|requirement| {
            let people: Vec<&Person> =
                takers.iter().filter(|v| v.presence >= requirement.presence).map(|v| v.person).collect();
            requirement.fill(&people).iter().all(|slot| slot.have >= slot.need)
        })
    }

    fn hear_approvals(&mut self) {
        let approvals: Vec<_> =
            self.votes(Verdict::Approve).into_iter().filter(|v| v.binds_to(&self.standing.manifest)).collect();
        self.authors = self.author_set(&approvals);
        for vote in approvals {
            match self.objection(vote) {
                Some((code, detail)) => self.deny(code, detail),
                None => self.approvals.push(vote),
            }
        }
        let counted: BTreeSet<_> = self.approvals.iter().map(|v| v.person.id.clone()).collect();
        self.standing.valid_until = self.approvals.iter().map(|v| v.predicate().not_after.0 as i64).min();
        self.standing.approved_by = counted.into_iter().collect();
    }

    /// Why an approval of exactly this content does not count.
    fn objection(&mut self, vote: Vote<'_>) -> Option<(Code, String)> {
        let (who, predicate, now) = (&vote.person.id, vote.predicate(), self.court.now);
        if vote.person.kind != Kind::Human {
            return Some((Code::NotHuman, format!("{who} is not a person; only people fill slots.")));
        }
        if predicate.not_after.0 as i64 <= now {
            return Some((Code::Expired, format!("The approval of {who} has expired. {who} can sign again.")));
        }
        if predicate.issued_at.0 as i64 > now + CLOCK_SKEW {
            return Some((
                Code::Time,
                format!("The approval of {who} is dated in the future. Set the clock that signed it."),
            ));
        }
        if self.is_author(vote.person) {
            if !self.court.policy.self_review {
                return Some((
                    Code::SelfApproval,
                    format!("{who} is an author of this change; somebody else must approve it."),
                ));
            }
            let detail = format!("{who} approved a change of her or his own; the policy allows it (self_review).");
            self.standing.reasons.push(Reason::new(Code::SelfReview, detail));
        }
        None
    }

    /// Authors and co-authors as signed, and those of what landed. A commit that only landing made (a merge, or one that
    /// squashing or rebasing wrote anew) and that names one person as author and committer names who landed it.
    fn author_set(&self, approvals: &[Vote<'_>]) -> Vec<Identity> {
        let mut authors: Vec<Identity> =
            approvals.iter().flat_map(|vote| &vote.predicate().authors).map(|text| parse_identity(text)).collect();
        let approved = !approvals.is_empty();
        let rewritten = approved && !approvals.iter().any(|vote| vote.is_about(&self.ids));
        let landing = |commit: &Commit| {
            approved && commit.author.email == commit.committer.email && (commit.parents.len() > 1 || rewritten)
        };
        let written: Vec<Commit> =
            self.commits.iter().filter(|commit| !landing(commit)).map(|&commit| commit.clone()).collect();
        authors.extend(provenance::author_set(&written, self.court.rules));
        authors.sort();
        authors.dedup();
        authors
    }

    fn is_author(&self, person: &Person) -> bool {
        self.authors
            .iter()
            .any(|author| self.court.policy.roster.by_email(&author.email).is_some_and(|p| p.id == person.id))
    }

    fn compare_with_policy(&mut self) {
        let links = self.steps.iter().flat_map(|step| &step.link_targets);
        let commits: Vec<Commit> = self.commits.iter().map(|&commit| commit.clone()).collect();
        let detected = provenance::trace(&commits, "", self.court.rules).is_ai();
        let asked = self.court.policy.requirements(self.manifest.paths().chain(links), &self.authors, detected);
        for violation in &asked.violations {
            let code = if violation.compartment_holds_policy { Code::PolicyMixed } else { Code::Solo };
            self.standing.reasons.push(
                Reason::new(code, violation.to_string()).in_compartment(&violation.compartment).at(&violation.path),
            );
        }
        for requirement in &asked.requirements {
            self.fill(requirement);
        }
    }

    fn fill(&mut self, requirement: &Requirement) {
        self.standing.binding = self.standing.binding.max(Some(requirement.binding));
        let (present, absent): (Vec<Vote<'_>>, Vec<Vote<'_>>) =
            self.approvals.iter().partition(|vote| vote.presence >= requirement.presence);
        let (bound, unbound): (Vec<Vote<'_>>, Vec<Vote<'_>>) =
            present.into_iter().partition(|vote| self.is_bound(*vote, requirement.binding));
        let mut signers: Vec<&Person> = bound.iter().map(|vote| vote.person).collect();
        signers.sort_by(|a, b| a.id.cmp(&b.id));
        signers.dedup_by(|a, b| a.id == b.id);
        let mut unmet = false;
        for filled in requirement.fill(&signers) {
            unmet |= filled.have < filled.need;
            self.standing.slots.push(SlotState {
                compartment: requirement.compartment.clone(),
                slot: filled.role,
                need: filled.need,
                have: filled.have,
                by: filled.by,
            });
        }
        if !unmet {
            return;
        }
        for vote in absent {
            let detail = format!(
                "The approval of {} proves presence {}; {} is asked for. Sign with a security key that the roster enrols so.",
                vote.person.id, vote.presence, requirement.presence
            );
            self.standing.reasons.push(Reason::new(Code::Presence, detail).in_compartment(&requirement.compartment));
        }
        for vote in unbound {
            let detail = format!(
                "The approval of {} binds {}: what lands is the same content, but not exactly where it was signed. Sign it again \
                 on the tip of the target.",
                vote.person.id, requirement.binding
            );
            self.standing.reasons.push(Reason::new(Code::Binding, detail).in_compartment(&requirement.compartment));
        }
        for signer in signers.iter().filter(|p| !requirement.slots.iter().any(|slot| p.roles.contains(&slot.role))) {
            let wanted: Vec<_> = requirement.slots.iter().map(|slot| slot.role.as_str()).collect();
            let detail = format!(
                "{} approved, but does not have the role that is asked for ({}).",
                signer.id,
                wanted.join(", ")
            );
            self.standing.reasons.push(Reason::new(Code::Role, detail).in_compartment(&requirement.compartment));
        }
    }

    /// Whether an approval of this content also meets a stricter binding.
    fn is_bound(&self, vote: Vote<'_>, binding: Binding) -> bool {
        let predicate = vote.predicate();
        let (Some(first), Some(last)) = (self.steps.first(), self.steps.last()) else { return false };
        let same_tree = !predicate.result_tree.is_empty() && last.tree.to_string() == predicate.result_tree;
        match binding {
            Binding::Manifest => true,
            Binding::Tree => same_tree,
            Binding::Exact => same_tree && first.from.to_string() == predicate.target.tip && vote.is_about(&self.ids),
        }
    }

    /// Says what is missing, and what came near it.
    fn explain(&mut self) {
        let missing: Vec<_> = self.standing.slots.iter().filter(|slot| slot.have < slot.need).cloned().collect();
        if missing.is_empty() {
            return;
        }
        for slot in missing {
            let detail = format!("{} needs {} of role {}, has {}.", slot.compartment, slot.need, slot.slot, slot.have);
            self.standing.reasons.push(Reason::new(Code::Unsigned, detail).in_compartment(&slot.compartment));
        }
        for vote in self.votes(Verdict::Approve) {
            if vote.binds_to(&self.standing.manifest) {
                continue;
            }
            if self.is_moved_base(vote) {
                self.deny(Code::BaseMoved, format!("{} approved the same result from another base: a touched path has moved. It must be reviewed again.", vote.person.id));
            } else if vote.is_about(&self.ids) || vote.record.manifest.paths().any(|path| self.manifest.touches(path)) {
                self.deny(
                    Code::ChangedAfter,
                    format!(
                        "{} approved another content of these paths: what lands was changed afterwards.",
                        vote.person.id
                    ),
                );
            }
        }
        for clone in self.court.clones.iter().filter(|v| v.binds_to(&self.standing.manifest)) {
            let who = &clone.person.id;
            let detail = format!(
                "The counter of the security key of {who} went back: there are two of it. The signature counts for nothing; take \
                 the key off the roster."
            );
            self.standing.reasons.push(Reason::new(Code::Clone, detail));
        }
        let elsewhere: Vec<_> =
            self.court.elsewhere.iter().filter(|v| v.binds_to(&self.standing.manifest)).copied().collect();
        for vote in elsewhere {
            let target = visible::text(&vote.predicate().target.name).into_owned();
            self.deny(Code::Context, format!("{} approved this for {target}, not for here.", vote.person.id));
        }
    }

    fn is_moved_base(&self, vote: Vote<'_>) -> bool {
        let images = |m: &Manifest| m.iter().map(|(path, _, new)| (path.clone(), new)).collect::<Vec<_>>();
        images(&vote.record.manifest) == images(self.manifest)
    }

    fn votes(&self, verdict: Verdict) -> Vec<Vote<'c>> {
        self.court.votes.iter().filter(|v| v.predicate().verdict == verdict).copied().collect()
    }

    fn deny(&mut self, code: Code, detail: String) {
        self.standing.reasons.push(Reason::new(code, detail));
    }
}

/// `name <address>` as a statement lists it.
fn parse_identity(text: &str) -> Identity {
    let parts = text.rsplit_once('<').and_then(|(name, rest)| Some((name.trim(), rest.strip_suffix('>')?)));
    let (name, email) = parts.unwrap_or((text, ""));
    Identity { name: name.to_owned(), email: email.to_owned() }
}
