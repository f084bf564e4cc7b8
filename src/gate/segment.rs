//! One segment of a push: what it needs, what it has, and why that is not enough, if it is not.

use std::collections::BTreeSet;

use super::Step;
use super::ballot::BallotStanding;
use super::court::{Court, Vote};
use super::emergency::signers;
use super::outcome::{Code, Decided, Effect, Reason, SlotState};
use super::{CLOCK_SKEW, Opaque, Rest};
use crate::change::manifest::{Digest, Manifest, escape};
use crate::change::{Commit, Identity, RepoPath, visible};
use crate::decision::Verdict;
use crate::policy::{
    AI, Ai, Asked, AuthorProof, BREAK_GLASS, Binding, HIDDEN, Kind, POLICY_FILE, Person, Requirement, Unfit,
};
use crate::provenance;
use crate::record::Presence;

/// Two approvals of this many changed lines, signed within [`HASTE`] seconds of each other, are worth a word.
const MANY_LINES: u64 = 300;
const HASTE: i64 = 30;

/// How one segment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub manifest: Digest,
    pub binding: Option<Binding>,
    pub slots: Vec<SlotState>,
    pub reasons: Vec<Reason>,
    pub approved_by: Vec<String>,
    pub rejected_by: Vec<String>,
    pub valid_until: Option<i64>,
    /// Break-glass lets it through.
    pub emergency: bool,
    /// Ids of the records that it rests on.
    pub records: Vec<String>,
    /// The weakest presence that any of them proves; none where there is no record.
    pub presence: Option<Presence>,
    /// The compartments that it touches, by name.
    pub compartments: Vec<String>,
    /// People whose own signature would not count, since they wrote it.
    pub authors: Vec<String>,
    /// Rejections that whoever lets it land must name.
    pub to_answer: Vec<Answerable>,
}

/// Somebody's rejection that the next decision answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answerable {
    /// It rejects this very content or commit: only break-glass may answer it. Else an approval must.
    pub is_veto: bool,
    /// Record id, in hex.
    pub record: String,
    pub by: String,
    pub reason: String,
}

impl Standing {
    pub fn decided(&self) -> Decided {
        let worst = self.reasons.iter().map(|reason| reason.effect).max().unwrap_or(Effect::Said);
        let unmet = self.slots.iter().any(|slot| slot.have < slot.need);
        match worst {
            Effect::Undecidable => Decided::Undecidable,
            Effect::Said | Effect::Explains if !unmet => Decided::Allow,
            _ => Decided::Deny,
        }
    }

    pub fn is_allowed(&self) -> bool {
        self.decided() == Decided::Allow
    }
}

pub(super) struct Segment<'s, 'g> {
    court: &'s Court<'g>,
    steps: &'s [Step],
    manifest: &'s Manifest,
    commits: Vec<Commit>,
    ids: BTreeSet<String>,
    /// Approvals that count, before binding.
    approvals: Vec<Vote<'g>>,
    authors: Vec<Identity>,
    /// Nobody vouches for who wrote it, where the policy wants that.
    unproven: bool,
    /// What it brings in that nobody could read.
    opaque: Vec<(RepoPath, Opaque)>,
    standing: Standing,
}

impl<'s, 'g> Segment<'s, 'g> {
    pub(super) fn new(court: &'s Court<'g>, steps: &'s [Step], manifest: &'s Manifest) -> Self {
        let commits: Vec<Commit> = steps.iter().flat_map(|step| step.commits.iter().cloned()).collect();
        let ids = commits.iter().map(|commit| commit.id.to_string()).collect();
        let standing = Standing {
            manifest: manifest.digest(),
            binding: None,
            slots: Vec::new(),
            reasons: Vec::new(),
            approved_by: Vec::new(),
            rejected_by: Vec::new(),
            valid_until: None,
            emergency: false,
            records: Vec::new(),
            presence: None,
            compartments: Vec::new(),
            authors: Vec::new(),
            to_answer: Vec::new(),
        };
        Segment {
            court,
            steps,
            manifest,
            commits,
            ids,
            approvals: Vec::new(),
            authors: Vec::new(),
            unproven: false,
            opaque: Vec::new(),
            standing,
        }
    }

    pub(super) fn judge(mut self) -> Standing {
        self.refuse_octopus();
        if self.manifest.is_empty() {
            self.authors = self.author_set(&[]);
            self.hear_rejections(&Asked::default());
            self.refuse_passing();
        } else {
            self.hear_approvals();
            let asked = self.ask();
            self.hear_rejections(&asked);
            self.weigh(&asked);
            self.look();
            self.collect_debts(&asked);
            self.explain();
            self.break_glass(&asked);
        }
        self.remark();
        // What came near and was not needed is no reason: only what every outcome must repeat stays.
        if self.standing.is_allowed() {
            self.standing.reasons.retain(|reason| reason.effect == Effect::Said);
        }
        self.standing
    }

    fn now(&self) -> i64 {
        self.court.grounds.now
    }

    fn tell(&mut self, reason: Reason) {
        self.standing.reasons.push(reason);
    }

    fn votes(&self, verdict: Verdict) -> impl Iterator<Item = Vote<'g>> {
        self.court.votes.iter().copied().filter(move |vote| vote.is(verdict))
    }

    fn binds(&self, vote: Vote<'_>) -> bool {
        vote.predicate().manifest.sha256 == self.standing.manifest.to_string()
    }

    /// Whether the head of a decision is among the commits.
    fn is_about(&self, vote: Vote<'_>) -> bool {
        self.ids.contains(&vote.predicate().head.commit)
    }

    fn overlaps(&self, vote: Vote<'_>) -> bool {
        vote.record.manifest.paths().any(|path| self.manifest.touches(path))
    }

    /// A merge of three or more hides what each brings in: no desk shows it as one change.
    fn refuse_octopus(&mut self) {
        let many = |step: &&Step| self.commits.iter().any(|c| c.id == step.commit && c.parents.len() > 2);
        if let Some(step) = self.steps.iter().find(many) {
            let detail =
                format!("{} merges more than two histories at once. Merge them one by one.", step.commit.short());
            self.tell(Reason::deny(Code::MergeDelta, detail));
        }
    }

    /// States that are gone at the end were there all the same, for whoever builds on them or gives them a name.
    fn refuse_passing(&mut self) {
        if self.steps.iter().any(|step| !step.delta.is_empty()) {
            let detail = format!(
                "These {} steps come to nothing, and nobody approved what was there in between. Leave them out.",
                self.steps.len()
            );
            self.tell(Reason::deny(Code::Unsigned, detail));
        }
    }

    /// A rejection of this content or of this very commit blocks, whoever else approves, unless it was taken over. One of
    /// another content of the same paths must be named by an approval of somebody who is asked: else one changed byte would
    /// shop for a new reviewer, or for anybody who names it.
    fn hear_rejections(&mut self, asked: &Asked) {
        let roles: BTreeSet<&str> =
            asked.requirements.iter().flat_map(|r| &r.slots).map(|slot| slot.role.as_str()).collect();
        let is_asked = |vote: &Vote<'_>| signers(&[*vote]).iter().any(|signer| !signer.roles.is_disjoint(&roles));
        for vote in self.votes(Verdict::Reject).collect::<Vec<_>>() {
            let (who, id) = (vote.person.id.clone(), vote.record.id().to_string());
            let said = visible::text(vote.predicate().reason.trim()).into_owned();
            let meant = self.binds(vote) || self.is_about(vote);
            let near = !meant && self.overlaps(vote) && vote.expires() > self.now();
            if !(meant || near) || self.is_taken_over(vote) {
                continue;
            }
            self.standing.rejected_by.extend(meant.then(|| who.clone()));
            let names_it = |vote: &&Vote<'_>| vote.predicate().answers.contains(&id);
            let answered = self.approvals.iter().filter(names_it).any(is_asked);
            if near && !answered {
                let detail = format!(
                    "{who} rejected another version of this: {said} An approval must answer record {}.",
                    &id[..12]
                );
                self.standing.to_answer.push(Answerable { is_veto: false, record: id, by: who, reason: said });
                self.tell(Reason::holds(Code::Vetoed, detail));
            } else if meant {
                let answerable =
                    Answerable { is_veto: true, record: id.clone(), by: who.clone(), reason: said.clone() };
                self.standing.to_answer.push(answerable);
                let glass = self.emergency_votes().iter().any(|vote| vote.predicate().answers.contains(&id));
                let reason = format!("{who} rejected it: {said}");
                let reason = if glass { Reason::holds } else { Reason::deny }(Code::Vetoed, reason);
                self.tell(reason);
            }
        }
    }

    /// Whether people who could change the policy, none of them an author, answer for this rejection now.
    fn is_taken_over(&self, rejection: Vote<'_>) -> bool {
        let id = rejection.record.id().to_string();
        let takers: Vec<Vote<'_>> = self
            .votes(Verdict::HandOver)
            .filter(|vote| vote.predicate().answers.contains(&id) && !self.is_author(vote.person))
            .collect();
        self.court.grounds.policy.hand_over().iter().all(|requirement| {
            let present: Vec<_> = takers.iter().filter(|v| v.presence >= requirement.presence).copied().collect();
            requirement.is_filled_by(&signers(&present))
        })
    }

    fn hear_approvals(&mut self) {
        let bound: Vec<_> = self.votes(Verdict::Approve).filter(|vote| self.binds(*vote)).collect();
        let all: Vec<_> = bound.iter().copied().chain(self.emergency_votes()).collect();
        self.authors = self.author_set(&all);
        self.prove_authors(&all);
        let roster = &self.court.grounds.policy.roster;
        let known = roster.people().filter(|person| roster.is_among(person, &self.authors));
        self.standing.authors = known.map(|person| person.id.clone()).collect();
        // Dear, so only where somebody could have spoken to it, or nobody may.
        if !bound.is_empty() || self.court.grounds.policy.limits.refuse_opaque {
            match self.court.grounds.contents.opaque(self.steps) {
                Ok(opaque) => self.opaque = opaque,
                Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            }
        }
        for vote in bound {
            match self.objection(vote) {
                Some(reason) => self.tell(reason),
                None => self.approvals.push(vote),
            }
        }
        let counted: BTreeSet<_> = self.approvals.iter().map(|vote| vote.person.id.clone()).collect();
        self.standing.valid_until = self.approvals.iter().map(|vote| vote.expires()).min();
        self.standing.records = self.approvals.iter().map(|vote| vote.record.id().to_string()).collect();
        self.standing.presence = self.approvals.iter().map(|vote| vote.presence).min();
        self.standing.approved_by = counted.into_iter().collect();
    }

    /// Why an approval of exactly this content does not count.
    fn objection(&mut self, vote: Vote<'g>) -> Option<Reason> {
        let who = &vote.person.id;
        let no = |code, detail: String| Some(Reason::explains(code, detail));
        if vote.person.kind != Kind::Human {
            return no(Code::NotHuman, format!("{who} is not a person; only people fill slots."));
        }
        if vote.expires() <= self.now() {
            return no(Code::Expired, format!("The approval of {who} has expired. {who} can sign again."));
        }
        if vote.issued() > self.now() + CLOCK_SKEW {
            return no(
                Code::Time,
                format!("The approval of {who} is dated in the future. Set the clock that signed it."),
            );
        }
        if self.is_author(vote.person) && !self.court.grounds.policy.self_review {
            return no(
                Code::SelfApproval,
                format!("{who} is an author of this change; somebody else must approve it."),
            );
        }
        if let Some(what) = vote.unseen() {
            return no(Code::Coverage, format!("{who} approved without having seen all of it: {what}."));
        }
        if let Some((path, why)) = self.opaque.iter().find(|(path, _)| !acknowledges(vote, path)) {
            let what = match why {
                Opaque::Elsewhere => "stands for content that is not in this repository",
                Opaque::NoText => "is binary or too large to be read",
            };
            let detail = format!("{path} {what}, and the approval of {who} says nothing to it.");
            return Some(Reason::explains(Code::Opaque, detail).at(path));
        }
        if let Some(reason) = self.replay(vote) {
            return Some(reason);
        }
        if self.is_author(vote.person) {
            let detail = format!("{who} approved a change of her or his own; the policy allows it (self_review).");
            self.tell(Reason::said(Code::SelfReview, detail));
        }
        None
    }

    /// An approval is for a change of what was there when it was signed. What landed, was taken back, and would land again
    /// is another change.
    fn replay(&self, vote: Vote<'_>) -> Option<Reason> {
        let who = &vote.person.id;
        let since = vote.predicate().target.tip.parse().ok()?;
        let until = self.steps.first()?.from;
        if since == until {
            return None;
        }
        match self.court.grounds.contents.rest(since, until, self.manifest) {
            Err(why) => Some(Reason::undecidable(Code::Unreadable, why)),
            Ok(Rest::Rested) => None,
            Ok(Rest::Returned) => Some(Reason::explains(
                Code::Context,
                format!("What {who} approved was changed since, and changed back. It must be reviewed again."),
            )),
            Ok(Rest::Elsewhere) => Some(Reason::explains(
                Code::Context,
                format!("{who} signed on a tip that this ref never had. Sign again on the tip that it has."),
            )),
        }
    }

    /// Authors and co-authors as signed, those of what landed, and who ran the agent. A commit that only landing made (a
    /// merge, or one that squashing or rebasing wrote anew) and that names one person as author and committer names who
    /// landed it.
    fn author_set(&self, decided: &[Vote<'_>]) -> Vec<Identity> {
        let mut authors: Vec<Identity> =
            decided.iter().flat_map(|vote| &vote.predicate().authors).map(|text| parse_identity(text)).collect();
        let rewritten = !decided.is_empty() && !decided.iter().any(|vote| self.is_about(*vote));
        let landing = |commit: &Commit| {
            !decided.is_empty()
                && commit.author.email == commit.committer.email
                && (commit.parents.len() > 1 || rewritten)
        };
        let written: Vec<Commit> = self.commits.iter().filter(|commit| !landing(commit)).cloned().collect();
        authors.extend(provenance::author_set(&written, self.court.rules));
        authors.extend(provenance::operators(&written, self.court.rules));
        authors.sort();
        authors.dedup();
        authors
    }

    /// Where authorship is to be proven: a name in a commit is somebody's only if that person signed the commit or pushes
    /// it. Else whoever had a hand in it (committer, signer, pusher) counts as author too, and the author as unknown.
    fn prove_authors(&mut self, decided: &[Vote<'_>]) {
        let grounds = &self.court.grounds;
        let roster = &grounds.policy.roster;
        if grounds.policy.author_proof == AuthorProof::Claimed {
            return;
        }
        let pusher = grounds.pusher.and_then(|login| roster.by_login(login));
        // What landing wrote anew tells nothing of who wrote what was approved.
        let rewritten = !decided.is_empty() && !decided.iter().any(|vote| self.is_about(*vote));
        let signed: Vec<_> = self.steps.iter().flat_map(|step| &step.signers).collect();
        let mut hands = Vec::new();
        for commit in &self.commits {
            let keys = signed.iter().filter(|(id, _)| *id == commit.id);
            let signer = keys.filter_map(|(_, key)| roster.by_key(key)).next();
            let author = roster.person_of(&commit.author);
            let vouches = |person: Option<&Person>| person.is_some() && person.map(|p| &p.id) == author.map(|a| &a.id);
            let is_merge = commit.parents.len() > 1 && !decided.is_empty();
            if !is_merge && (rewritten || !(vouches(signer) || vouches(pusher))) {
                let named = signer.into_iter().chain(pusher).map(|person| person.id.clone());
                hands.extend(named.map(|id| Identity { name: id, email: String::new() }));
                hands.push(commit.committer.clone());
                self.unproven = true;
            }
        }
        self.authors.extend(hands);
        if self.unproven {
            let detail = "Nobody vouches for who wrote it: the commits are neither signed nor pushed by their author. Who \
                          committed and pushed counts as author too.";
            self.tell(Reason::explains(Code::AuthorUnproven, detail));
        }
    }

    fn is_author(&self, person: &Person) -> bool {
        self.court.grounds.policy.roster.is_among(person, &self.authors)
    }

    /// What the policy asks of the touched paths and the authors, and whether it is there.
    fn ask(&mut self) -> Asked {
        let policy = self.court.grounds.policy;
        let links = self.steps.iter().flat_map(|step| &step.link_targets);
        let mut authors = self.authors.clone();
        // Of no rank: an unproven author asks for what an unknown one asks for.
        authors.extend(self.unproven.then(|| Identity { name: String::new(), email: "unproven".to_owned() }));
        let ai = if self.unproven { Ai::Detected } else { self.ai() };
        let mut asked = policy.requirements(self.manifest.paths().chain(links), &authors, ai);
        if let Some(requirement) = policy.hidden_requirement() {
            match self.court.grounds.contents.hidden(self.steps) {
                Ok(0) => {}
                Ok(_) => asked.requirements.push(requirement),
                Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            }
        }
        self.standing.compartments.clone_from(&asked.compartments);
        for requirement in &asked.requirements {
            self.fill(requirement);
        }
        asked
    }

    /// Signs of AI in what lands and in what was signed; only where there is none, a claim that there was none is heard.
    fn ai(&self) -> Ai {
        let signed = |vote: &Vote<'_>| matches!(&*vote.predicate().provenance.status, "declared" | "detected");
        if provenance::trace(&self.commits, "", self.court.rules).is_ai() || self.approvals.iter().any(signed) {
            return Ai::Detected;
        }
        let may = &self.court.grounds.policy.ai.human_only_by;
        let claims = self.votes(Verdict::HumanOnly).filter(|vote| self.binds(*vote) && vote.expires() > self.now());
        let heard = |vote: Vote<'_>| {
            let holds = |role: &String| may.contains(role) && vote.predicate().roles.contains(role);
            vote.person.kind == Kind::Human && vote.person.roles.iter().any(holds)
        };
        if claims.into_iter().any(heard) { Ai::Denied } else { Ai::Unknown }
    }

    fn fill(&mut self, requirement: &Requirement) {
        self.standing.binding = self.standing.binding.max(Some(requirement.binding));
        let (present, absent): (Vec<Vote<'_>>, Vec<Vote<'_>>) =
            self.approvals.iter().partition(|vote| vote.presence >= requirement.presence);
        let (mut bound, unbound): (Vec<Vote<'_>>, Vec<Vote<'_>>) =
            present.into_iter().partition(|vote| self.is_bound(*vote, requirement.binding));
        let filled = requirement.fill(&signers(&bound));
        let unmet = filled.iter().any(|slot| slot.have < slot.need);
        self.standing.slots.extend(filled.into_iter().map(|slot| SlotState {
            compartment: requirement.compartment.clone(),
            slot: slot.role,
            need: slot.need,
            have: slot.have,
            by: slot.by,
        }));
        if !unmet {
            // The last needed one is the earliest by whose coming all slots were filled.
            bound.sort_by_key(|vote| vote.received);
            let enough = (1..=bound.len()).find(|&n| requirement.is_filled_by(&signers(&bound[..n])));
            let until = enough.map_or(0, |n| bound[n - 1].received) + requirement.cooling;
            if requirement.cooling > 0 && until > self.now() {
                let detail = format!(
                    "Compartment {} cools down: its last approval came to this gate only now. It may land in {}.",
                    requirement.compartment,
                    length(until - self.now())
                );
                self.tell(Reason::holds(Code::Cooling, detail).in_compartment(&requirement.compartment));
            }
            return;
        }
        for vote in absent {
            let detail = format!(
                "The approval of {} proves presence {}; {} is asked for. Sign with a security key that the roster enrols so.",
                vote.person.id, vote.presence, requirement.presence
            );
            self.tell(Reason::explains(Code::Presence, detail).in_compartment(&requirement.compartment));
        }
        for vote in unbound {
            let detail = format!(
                "The approval of {} binds {}: what lands is the same content, but not exactly where it was signed. Sign it again \
                 on the tip of the target.",
                vote.person.id, requirement.binding
            );
            self.tell(Reason::explains(Code::Binding, detail).in_compartment(&requirement.compartment));
        }
        let wanted: Vec<_> = requirement.slots.iter().map(|slot| slot.role.as_str()).collect();
        for signer in signers(&bound).iter().filter(|signer| !wanted.iter().any(|role| signer.roles.contains(role))) {
            let who = &signer.person.id;
            let late = signer.person.roles.iter().any(|role| wanted.contains(&role.as_str()));
            let detail = if late {
                format!("{who} did not have the role that is asked for ({}) when signing.", wanted.join(", "))
            } else {
                format!("{who} approved, but does not have the role that is asked for ({}).", wanted.join(", "))
            };
            self.tell(Reason::explains(Code::Role, detail).in_compartment(&requirement.compartment));
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
            Binding::Exact => same_tree && first.from.to_string() == predicate.target.tip && self.is_about(vote),
        }
    }

    /// What holds for the change as a whole.
    fn weigh(&mut self, asked: &Asked) {
        let (policy, now) = (self.court.grounds.policy, self.now());
        for violation in &asked.violations {
            let code = if violation.compartment_holds_policy { Code::PolicyMixed } else { Code::Solo };
            let reason = Reason::deny(code, violation.to_string()).in_compartment(&violation.compartment);
            self.tell(reason.at(&violation.path));
        }
        let touched = asked.compartments.len();
        if let Some(most) = policy.limits.compartments.filter(|&most| touched > most) {
            let detail = format!(
                "The change touches {touched} compartments ({}); {most} are allowed. `undersign show` proposes how to split it.",
                asked.compartments.join(", ")
            );
            self.tell(Reason::holds(Code::Limit, detail));
        }
        let frozen = policy.freezes.iter().flat_map(|freeze| {
            let held = asked.compartments.iter().filter(|name| freeze.holds(name, now));
            held.map(move |name| (name, &freeze.name, freeze.until))
        });
        for (compartment, freeze, until) in frozen.collect::<Vec<_>>() {
            let detail = format!("{compartment} is frozen ({freeze}) for another {}.", length(until - now));
            self.tell(Reason::holds(Code::Freeze, detail).in_compartment(compartment));
        }
        let of_policy = || {
            policy.compartments_of(&RepoPath::from(POLICY_FILE)).iter().all(|c| asked.compartments.contains(&c.name))
        };
        if policy.expires.is_some_and(|expires| expires <= now) && !(of_policy() && asked.compartments.len() == 1) {
            let detail = "The policy has expired: until it is renewed, only a change of the policy itself may land.";
            self.tell(Reason::deny(Code::PolicyStale, detail));
        }
    }

    /// What only the objects tell.
    fn look(&mut self) {
        let (contents, limits) = (self.court.grounds.contents, &self.court.grounds.policy.limits);
        match contents.aliases(self.steps) {
            Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            Ok(aliases) => {
                for (path, other) in aliases {
                    let detail = format!(
                        "{path} is {other} but for letter case or Unicode form: on many file systems, one hides the other."
                    );
                    self.tell(Reason::deny(Code::Confusable, detail).at(&path));
                }
            }
        }
        for (path, _) in self.opaque.clone().iter().filter(|(_, why)| limits.refuse_opaque && *why == Opaque::Elsewhere)
        {
            let detail =
                format!("{path} stands for content that is not in this repository; the policy lets none land.");
            self.tell(Reason::deny(Code::Opaque, detail).at(path));
        }
        let Some(most) = limits.lines else { return };
        match contents.lines(self.steps) {
            Err(why) => self.tell(Reason::undecidable(Code::Unreadable, why)),
            Ok(lines) => {
                let total: u64 = lines.iter().filter(|(path, _)| limits.counts(path)).map(|(_, n)| n).sum();
                if total > most {
                    let detail = format!(
                        "The change has {total} changed lines; a signature stands for {most} at most. Split it."
                    );
                    self.tell(Reason::holds(Code::Limit, detail));
                }
            }
        }
    }

    /// A compartment in which a review is overdue takes nothing more.
    fn collect_debts(&mut self, asked: &Asked) {
        let Some(glass) = &self.court.grounds.policy.break_glass else { return };
        let now = self.now();
        let overdue = self.court.emergencies.iter().filter(|emergency| emergency.is_overdue(glass, now));
        let owed = overdue.filter_map(|emergency| {
            let compartment = asked.compartments.iter().find(|name| emergency.compartments.contains(name.as_str()))?;
            Some((compartment, emergency.manifest))
        });
        for (compartment, manifest) in owed.collect::<Vec<_>>() {
            let detail = format!(
                "What was let through in an emergency (manifest {}) has not been reviewed in time. Until it is approved, {compartment} \
                 takes nothing.",
                &manifest[..12]
            );
            self.tell(Reason::deny(Code::BreakGlass, detail).in_compartment(compartment));
        }
    }

    /// Says what is missing, and what came near it.
    fn explain(&mut self) {
        let missing: Vec<_> = self.standing.slots.iter().filter(|slot| slot.have < slot.need).cloned().collect();
        if missing.is_empty() {
            return;
        }
        for slot in missing {
            let (code, what) = match slot.compartment.as_str() {
                AI => (Code::AiUnsigned, "AI assistance".to_owned()),
                HIDDEN => (Code::Hidden, "Text with characters that do not show".to_owned()),
                name => (Code::Unsigned, name.to_owned()),
            };
            let detail = format!("{what} needs {} of role {}, has {}.", slot.need, slot.slot, slot.have);
            self.tell(Reason::holds(code, detail).in_compartment(&slot.compartment));
        }
        for vote in self.votes(Verdict::Approve).filter(|vote| !self.binds(*vote)).collect::<Vec<_>>() {
            if let Some((code, detail)) = self.near_miss(vote) {
                self.tell(Reason::explains(code, detail));
            }
        }
        for vote in self.court.void.iter().filter(|vote| self.binds(**vote)).copied().collect::<Vec<_>>() {
            let who = &vote.person.id;
            let (code, detail) = match vote.standing {
                BallotStanding::Unfit(Unfit::Time) => {
                    (Code::KeyTime, format!("The key of {who} was not valid when it signed, or when this came here."))
                }
                BallotStanding::Unfit(_) => {
                    (Code::KeyRevoked, format!("The key of {who} is revoked, and this came here too late to count."))
                }
                _ => (
                    Code::Clone,
                    format!(
                        "The counter of the security key of {who} went back: there are two of it. The signature counts for nothing; \
                         take the key off the roster."
                    ),
                ),
            };
            self.tell(Reason::explains(code, detail));
        }
        let elsewhere = self.court.elsewhere.iter().filter(|vote| vote.is(Verdict::Approve) && self.binds(**vote));
        for vote in elsewhere.copied().collect::<Vec<_>>() {
            let target = visible::text(&vote.predicate().target.name).into_owned();
            let other = vote.predicate().repository.id != self.court.grounds.policy.repository;
            let place = if other { "another repository".to_owned() } else { target };
            let detail = format!("{} approved this for {place}, not for here.", vote.person.id);
            self.tell(Reason::explains(Code::Context, detail));
        }
    }

    /// What makes an approval of something else look like one of this.
    fn near_miss(&self, vote: Vote<'_>) -> Option<(Code, String)> {
        let who = &vote.person.id;
        let approved = &vote.record.manifest;
        let after = |m: &Manifest| m.iter().map(|(path, _, new)| (path.clone(), new)).collect::<Vec<_>>();
        let contents = |m: &Manifest| {
            let content = |image: Option<crate::change::manifest::Image>| image.map(|image| image.content);
            m.iter().map(|(path, old, new)| (path.clone(), content(old), content(new))).collect::<Vec<_>>()
        };
        let merge = self.steps.last().and_then(|step| self.commits.iter().find(|commit| commit.id == step.commit));
        if after(approved) == after(self.manifest) {
            let detail =
                "approved the same result from another base: a touched path has moved. It must be reviewed again.";
            Some((Code::BaseMoved, format!("{who} {detail}")))
        } else if contents(approved) == contents(self.manifest) {
            Some((Code::TypeChange, format!("{who} approved the same contents with other file modes.")))
        } else if self.is_about(vote) && merge.is_some_and(|commit| commit.parents.len() > 1) {
            let detail = "approved what is merged here, but the merge does something else than that.";
            Some((Code::MergeDelta, format!("{who} {detail}")))
        } else if self.is_about(vote) || self.overlaps(vote) {
            let detail = "approved another content of these paths: what lands was changed afterwards.";
            Some((Code::ChangedAfter, format!("{who} {detail}")))
        } else {
            None
        }
    }

    /// Break-glass records of this content that are good now.
    fn emergency_votes(&self) -> Vec<Vote<'g>> {
        let Some(glass) = &self.court.grounds.policy.break_glass else { return Vec::new() };
        let now = self.now();
        let good = |vote: &Vote<'_>| {
            let until = vote.expires().min(vote.issued() + glass.max_duration);
            vote.person.kind == Kind::Human && vote.issued() <= now + CLOCK_SKEW && now < until
        };
        self.votes(Verdict::BreakGlass).filter(|vote| self.binds(*vote) && good(vote)).collect()
    }

    /// Lets an emergency through, where enough people who did not write it signed for one. It stands in for the slots,
    /// limits, freezes and cooling, and for nothing else: not for the policy itself, nor for what stands alone.
    fn break_glass(&mut self, asked: &Asked) {
        let grounds = &self.court.grounds;
        let (policy, now) = (grounds.policy, grounds.now);
        let (Some(glass), Some(requirement)) = (&policy.break_glass, policy.emergency()) else { return };
        let votes = self.emergency_votes();
        if votes.is_empty() || self.standing.is_allowed() {
            return;
        }
        let holders = policy.compartments_of(&RepoPath::from(POLICY_FILE));
        if holders.iter().any(|compartment| asked.compartments.contains(&compartment.name)) {
            self.tell(Reason::deny(Code::BreakGlass, "No emergency changes the policy. Sign it in the ordinary way."));
            return;
        }
        let (own, others): (Vec<Vote<'_>>, Vec<Vote<'_>>) =
            votes.into_iter().partition(|vote| self.is_author(vote.person));
        for vote in own {
            let detail = format!("{} is an author of this change, or ran the agent that wrote it.", vote.person.id);
            self.tell(Reason::explains(Code::SelfApproval, detail));
        }
        let present: Vec<_> = others.into_iter().filter(|vote| vote.presence >= requirement.presence).collect();
        let filled = requirement.fill(&signers(&present));
        if let Some(slot) = filled.iter().find(|slot| slot.have < slot.need) {
            let detail = format!("Break-glass needs {} of role {}, has {}.", slot.need, slot.role, slot.have);
            self.tell(Reason::explains(Code::BreakGlass, detail));
            return;
        }
        let own = self.standing.manifest.to_string();
        let used =
            self.court.emergencies.iter().filter(|other| other.manifest != own && other.is_in_window(now)).count();
        if used >= glass.max_per_30d {
            let detail = format!("Break-glass was used {used} times in 30 days; {} are allowed.", glass.max_per_30d);
            self.tell(Reason::deny(Code::BreakGlass, detail));
            return;
        }
        self.standing.reasons.retain(|reason| reason.effect != Effect::Holds);
        self.standing.emergency = true;
        self.standing.slots = filled
            .into_iter()
            .map(|slot| SlotState {
                compartment: BREAK_GLASS.to_owned(),
                slot: slot.role,
                need: slot.need,
                have: slot.have,
                by: slot.by,
            })
            .collect();
        self.standing.records = present.iter().map(|vote| vote.record.id().to_string()).collect();
        self.standing.presence = present.iter().map(|vote| vote.presence).min();
        let until = present.iter().map(|vote| vote.expires().min(vote.issued() + glass.max_duration)).min();
        self.standing.valid_until = until;
        let people: Vec<_> = present.iter().map(|vote| vote.person.id.as_str()).collect();
        let detail = format!(
            "{} let it through in an emergency. It must be reviewed within {}.",
            people.join(" and "),
            length(glass.debt_after)
        );
        self.tell(Reason::said(Code::BreakGlass, detail));
    }

    /// What an auditor will want to know, and what denies nothing.
    fn remark(&mut self) {
        if self.steps.len() > 1 && !self.manifest.is_empty() {
            let detail = format!("{} states in between were not reviewed by themselves.", self.steps.len() - 1);
            self.tell(Reason::said(Code::Intermediate, detail));
        }
        let mut times: Vec<_> = self.approvals.iter().map(|vote| (vote.issued(), &vote.person.id)).collect();
        times.sort_unstable();
        let hasty = times.windows(2).any(|pair| pair[0].1 != pair[1].1 && pair[1].0 - pair[0].0 < HASTE);
        if hasty && let Ok(lines) = self.court.grounds.contents.lines(self.steps) {
            let total: u64 = lines.iter().map(|(_, n)| n).sum();
            if total >= MANY_LINES {
                let detail = format!("Two people approved {total} changed lines within {HASTE} seconds of each other.");
                self.tell(Reason::said(Code::TooFast, detail));
            }
        }
    }
}

/// Whether an approval says that it knows of a path that its signer could not read.
fn acknowledges(vote: Vote<'_>, path: &RepoPath) -> bool {
    let name = escape(path);
    vote.predicate().coverage.omissions.iter().any(|o| o.path == name && !o.acknowledged.trim().is_empty())
}

/// `name <address>` as a statement lists it.
pub(super) fn parse_identity(text: &str) -> Identity {
    let parts = text.rsplit_once('<').and_then(|(name, rest)| Some((name.trim(), rest.strip_suffix('>')?)));
    let (name, email) = parts.unwrap_or((text, ""));
    Identity { name: name.to_owned(), email: email.to_owned() }
}

/// A length of time for people: its largest unit, rounded up.
fn length(seconds: i64) -> String {
    let (size, unit) = match seconds {
        ..=120 => (1, "second"),
        121..=7_200 => (60, "minute"),
        7_201..=172_800 => (3_600, "hour"),
        _ => (86_400, "day"),
    };
    let n = (seconds + size - 1) / size;
    format!("{n} {unit}{}", if n == 1 { "" } else { "s" })
}
