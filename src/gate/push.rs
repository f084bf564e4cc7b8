//! Judges the moves of refs in a push: where each begins, and what is between there and its new tip.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;

use super::evaluation::Evaluation;
use super::history::FirstParentLine;
use super::outcome::{Code, Reason, RefOutcome};
use super::record_status::{RecordStatus, Validity, record_statuses};
use super::{Decided, Input, States, distrust, remembered, segment, segmentation};
use crate::change::digest::Digest;
use crate::change::links::Link;
use crate::change::manifest::Manifest;
use crate::change::{Commit, ObjectId, shown_operand, visible};
use crate::datafile::MAX_NUMBER;
use crate::decision::Verdict;
use crate::policy::{Policy, RefProtection};
use crate::record::Key;

/// A push of more steps than this is not judged. The search for segments is quadratic in the number of steps at worst.
pub const MAX_STEPS: usize = 2_000;
/// How many states are tried for a new or rewritten ref, nearest first.
const MAX_STARTS: usize = 8;
/// How many refusals are collected before the rest of a push is refused unread.
const MAX_REFUSED: usize = 16;

/// A move of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Full name of the ref.
    pub name: String,
    /// Its present id; zeros if it does not exist.
    pub old: ObjectId,
    /// Its new id; zeros if it would be deleted.
    pub new: ObjectId,
}

impl Update {
    /// It is neither created nor deleted.
    pub fn is_move(&self) -> bool {
        !self.old.is_zero() && !self.new.is_zero()
    }
}

/// Version and digest of a policy, or why it cannot be read.
pub type NextPolicy = Result<(u64, Digest), String>;

/// One commit on the target's first-parent line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The ref before this step.
    pub from: ObjectId,
    /// The commit to which the ref would move by this step.
    pub commit: ObjectId,
    /// The content that the ref would have.
    pub tree: ObjectId,
    /// The trees whose difference `delta` is.
    pub compared: (ObjectId, ObjectId),
    /// What the step does to each path, in the form that a decision binds to.
    pub delta: Manifest,
    /// The commits that this step brings in, including itself.
    pub commits: Vec<Commit>,
    /// Those of them with a valid ssh signature, with the key that made it.
    pub signers: Vec<(ObjectId, Key)>,
    /// Those of them that are merges and follow from their parents without conflict: whoever made them wrote nothing.
    /// Only proven ones are included.
    pub clean_merges: Vec<ObjectId>,
    /// The symlinks and submodules among the touched paths: their targets count as touched too.
    pub links: Vec<Link>,
}

/// A verdict, and the commits that are states of the ref once it points to its new tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The verdict on the ref.
    pub outcome: RefOutcome,
    /// The new commits on its first-parent line, oldest first; empty if it is not allowed.
    pub states: Vec<ObjectId>,
}

/// The order in which the refs of a push are judged, by index: new refs may depend on refs that move in the same push.
pub fn judging_order(updates: &[Update]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..updates.len()).collect();
    order.sort_by_key(|&at| updates[at].old.is_zero());
    order
}

/// Judges the refs of one push, one after the other. The push is allowed as a whole or not at all, so states that one
/// ref makes may support the next.
pub struct PushEvaluation<'g> {
    input: Input<'g>,
    /// The states that earlier refs of this push make.
    along: States,
    /// The effort spent so far on the search for segments in the whole push.
    effort: Cell<usize>,
    refused: Cell<usize>,
    /// Refs for which a rejection is in force.
    rejected_for: OnceCell<BTreeSet<String>>,
    distrust: OnceCell<Option<Reason>>,
}

impl<'g> PushEvaluation<'g> {
    /// For one push: results for one of its refs are kept for the next.
    pub fn new(input: &Input<'g>) -> PushEvaluation<'g> {
        let (along, effort, refused, rejected_for, distrust) = Default::default();
        PushEvaluation { input: *input, along, effort, refused, rejected_for, distrust }
    }

    /// Judges one ref that is not one of undersign's own.
    pub fn decide(&mut self, update: &Update) -> Judged {
        let judged = self
            .judge(update)
            .unwrap_or_else(|reason| Judged { outcome: RefOutcome::refused(&update.name, reason), states: Vec::new() });
        if judged.outcome.outcome != Decided::Allow {
            self.refused.set(self.refused.get() + 1);
        } else {
            judged.states.iter().for_each(|&state| _ = self.along.insert(state, &update.name));
        }
        judged
    }

    fn judge(&self, update: &Update) -> Result<Judged, Reason> {
        let Update { name, old, new } = update;
        let allowed = |states| Ok(Judged { outcome: RefOutcome::allowed(name), states });
        let Some(rule) = Rule::of(self.input.policy, name)? else { return allowed(Vec::new()) };
        if let Some(reason) = remembered::stale(&self.input) {
            return Err(reason);
        }
        if new.is_zero() {
            let refused = || Reason::deny(Code::RefDeleted, "A protected ref is not deleted by a push.");
            return if rule.delete { allowed(Vec::new()) } else { Err(refused()) };
        }
        if old == new {
            return allowed(Vec::new());
        }
        let history = self.input.history;
        let end = history
            .commit_of(*new)?
            .ok_or_else(|| Reason::deny(Code::Opaque, "It does not point to a commit, so it cannot be reviewed."))?;
        if name.starts_with("refs/tags/") && !old.is_zero() && !rule.rewrite {
            return Err(Reason::deny(
                Code::Rewrite,
                "A tag that exists is not moved. Give the new state another name.",
            ));
        }
        if let Some(reason) = self.distrust.get_or_init(|| distrust(&self.input)) {
            return Err(reason.clone());
        }
        // The first refusal refuses the whole push: after some refusals, the rest need not be read.
        if self.refused.get() >= MAX_REFUSED {
            return Err(Reason::deny(Code::Limit, "It was not judged: the push is refused for other refs."));
        }
        // Before it moves, its present id is known; afterwards, it is the new id that was given.
        let stands = if self.input.ahead && !old.is_zero() { *old } else { end };
        if !rule.rewrite
            && let Some(reason) = remembered::went_back(&self.input, name, stands)?
        {
            return Err(reason);
        }
        let mut judged = if old.is_zero() || rule.rewrite {
            self.new_or_rewritten(name, end)?
        } else {
            self.forward(name, *old, end)?
        };
        // What was judged with something left unread is not judged.
        if let Some(limit) = self.input.contents.exceeded() {
            return Err(Reason::undecidable(Code::Limit, limit));
        }
        if self.input.policy_branch == Some(name)
            && let Some(reason) = next_policy(&self.input, end)?
        {
            judged.outcome = judged.outcome.and(reason);
        }
        Ok(judged)
    }

    /// A forward-only ref: its old tip stays on the first-parent line, and so does everything that it ever showed.
    fn forward(&self, name: &str, old: ObjectId, end: ObjectId) -> Result<Judged, Reason> {
        let Input { history, states, .. } = self.input;
        let old = history.commit_of(old)?.unwrap_or(old);
        let mut line = FirstParentLine::new(history, end);
        let Some(at) = line.find(0, |commit| commit == old)? else {
            if line.ends_cut() {
                return Err(cut(name));
            }
            let is_beside = history.is_ancestor(old, end)?;
            return Err(Reason::deny(Code::Rewrite, rewritten(name, is_beside)));
        };
        // Before the ref moves, its present id is a fact; afterwards `old` is only a claim, and what the gate knows
        // takes precedence.
        let from = if self.input.ahead { at } else { 0 };
        let own = line.find(from, |commit| states.is_of(commit, name))?;
        // The nearest state, and nothing below it: from further down, paths that were reverted since would look
        // unchanged.
        let start = match own {
            Some(start) => start,
            None => line.find(from, |commit| self.is_state(commit))?.ok_or_else(|| self.no_state(name, &line))?,
        };
        // The ref points where this gate never allowed it: first its way there is judged, then the push.
        let attempt = if start > at {
            let before = self.between(name, &line, at..start)?;
            if before.is_allowed() { before.and(self.between(name, &line, 0..at)?) } else { before }
        } else {
            self.between(name, &line, 0..start)?
        };
        Ok(if start == at { attempt.into_judged() } else { attempt.explained(name) })
    }

    /// A ref that is new, re-created or rewritten.
    fn new_or_rewritten(&self, name: &str, end: ObjectId) -> Result<Judged, Reason> {
        let line = FirstParentLine::new(self.input.history, end);
        let known = |commit| self.is_state(commit) || self.along.contains(commit);
        self.nearest_first(name, line, known)
    }

    /// Judges how a ref got to its present tip from what it last showed: for a gate that is called after the fact, and
    /// may have missed moves.
    pub fn catch_up(&self, name: &str, tip: ObjectId) -> Judged {
        let mut line = FirstParentLine::new(self.input.history, tip);
        let went_back = remembered::went_back(&self.input, name, tip).and_then(|reason| reason.map_or(Ok(()), Err));
        let found = went_back.and_then(|()| line.find(0, |commit| self.input.states.is_of(commit, name)));
        let start = found.and_then(|start| start.ok_or_else(|| self.no_state(name, &line)));
        let judged = start.and_then(|start| self.between(name, &line, 0..start)).map(Attempt::into_judged);
        judged.unwrap_or_else(|reason| Judged { outcome: RefOutcome::refused(name, reason), states: Vec::new() })
    }

    /// Only what presently protected refs showed; otherwise whoever fills a ref while it is open would make states.
    fn is_state(&self, commit: ObjectId) -> bool {
        self.input.shown_by(commit).is_some()
    }

    /// Tries the states on a line, nearest first.
    fn nearest_first(
        &self,
        name: &str,
        mut line: FirstParentLine<'_>,
        is_state: impl Fn(ObjectId) -> bool,
    ) -> Result<Judged, Reason> {
        let mut nearest = None;
        let mut next = line.find(0, &is_state)?;
        for _ in 0..MAX_STARTS {
            let Some(at) = next else { break };
            let attempt = self.between(name, &line, 0..at)?;
            if attempt.is_allowed() {
                return Ok(attempt.into_judged());
            }
            let hopeless = attempt.is_hopeless;
            nearest.get_or_insert(attempt);
            if hopeless {
                break;
            }
            next = line.find(at + 1, &is_state)?;
        }
        nearest.map(|attempt: Attempt| attempt.explained(name)).ok_or_else(|| self.no_state(name, &line))
    }

    fn no_state(&self, name: &str, line: &FirstParentLine<'_>) -> Reason {
        if line.ends_cut() {
            return cut(name);
        }
        let name = visible::text(name);
        if !self.input.states.are_recorded {
            let detail = format!(
                "This gate keeps no memory of what protected refs showed, and none shows anything on this line now. \
                 Point {name} at the tip of one, or let `undersign gate install` record what refs show."
            );
            return Reason::undecidable(Code::NotAState, detail);
        }
        let detail = format!(
            "Nothing on its first-parent line was ever shown by a protected ref, so nothing says what is new in it. \
             Start {name} at what one shows; or the operator records where it stands: `undersign gate record REF`."
        );
        Reason::deny(Code::NotAState, detail)
    }

    /// Judges the steps of a line between two positions, counted from its tip down.
    fn between(
        &self,
        name: &str,
        line: &FirstParentLine<'_>,
        places: std::ops::Range<usize>,
    ) -> Result<Attempt, Reason> {
        let (start, above) = line.between(places);
        let refused = |reason: Reason| Attempt {
            start,
            steps: above.len(),
            outcome: RefOutcome::refused(name, reason),
            states: Vec::new(),
            is_hopeless: true,
        };
        let Some(&end) = above.last() else { return self.at_state(name, start) };
        if above.len() > MAX_STEPS {
            let detail = format!("The push has more than {MAX_STEPS} steps. Push it in parts.");
            return Ok(refused(Reason::deny(Code::Limit, detail)));
        }
        let history = self.input.history;
        let steps = history.steps(start, &above)?;
        let mut commits = steps.iter().flat_map(|step| &step.commits);
        if let Some(cut) = commits.find(|commit| history.is_cut(commit.id)) {
            let detail = format!(
                "The parents of {} are cut off here (a shallow history), so who and what stands behind it cannot be \
                 seen. Push from a clone that has it all: `git fetch --unshallow`.",
                cut.id.short()
            );
            return Ok(refused(Reason::undecidable(Code::CutHistory, detail)));
        }
        let mut effort = self.effort.get();
        let found = segmentation::ways(&steps, &Evaluation::new(&self.input, name), &mut effort);
        self.effort.set(effort);
        let mut outcome = RefOutcome::of(name, found.way);
        // A search that ended early may leave a rest that would be allowed, but was not examined.
        let is_reached = found.ends.last() == Some(&end);
        if found.is_given_up || (!is_reached && outcome.outcome == Decided::Allow) {
            let detail = "There are too many ways to cut the push into what was approved. Push it in parts.";
            outcome = outcome.and(Reason::deny(Code::Limit, detail));
        }
        Ok(Attempt { start, steps: steps.len(), outcome, states: found.ends, is_hopeless: found.is_given_up })
    }

    /// A ref is set to a state: nothing has to be approved, but nobody may have rejected it since.
    fn at_state(&self, name: &str, state: ObjectId) -> Result<Attempt, Reason> {
        let Input { policy, history, chains, remembered, now, .. } = self.input;
        let attempt = Attempt {
            start: state,
            steps: 0,
            outcome: RefOutcome::allowed(name),
            states: vec![state],
            is_hopeless: true,
        };
        let targets = self.rejected_for.get_or_init(|| {
            let all = record_statuses(policy, chains, &remembered.receipts, now);
            let rejects = |status: &&RecordStatus<'_>| {
                status.predicate().verdict == Verdict::Reject
                    && status.validity == Validity::InForce
                    && status.predicate().repository.id == policy.repository
            };
            all.iter().filter(rejects).map(|status| status.predicate().target.name.clone()).collect()
        });
        let below = history.first_parent(state)?;
        let Some(below) = below.filter(|_| !targets.is_empty()) else { return Ok(attempt) };
        let steps = history.steps(below, &[state])?;
        let manifest = steps.iter().map(|step| step.delta.clone()).next().unwrap_or_default();
        let rejections = targets
            .iter()
            .filter_map(|target| segment::rejection(&Evaluation::new(&self.input, target), &steps, &manifest));
        let outcome = rejections.fold(attempt.outcome, RefOutcome::and);
        Ok(Attempt { outcome, ..attempt })
    }
}

fn cut(name: &str) -> Reason {
    let detail = format!(
        "The history of what {} would point to is cut off here (a shallow clone), so where it began cannot be seen. \
         Fetch it all: `git fetch --unshallow`.",
        visible::text(name)
    );
    Reason::undecidable(Code::CutHistory, detail)
}

/// The result of judging from one state.
struct Attempt {
    start: ObjectId,
    steps: usize,
    outcome: RefOutcome,
    states: Vec<ObjectId>,
    /// No state further below can give a better result.
    is_hopeless: bool,
}

impl Attempt {
    fn is_allowed(&self) -> bool {
        self.outcome.outcome == Decided::Allow
    }

    /// This, and then what follows it.
    fn and(self, next: Attempt) -> Attempt {
        Attempt {
            start: self.start,
            steps: self.steps + next.steps,
            outcome: self.outcome.then(next.outcome),
            states: [self.states, next.states].concat(),
            is_hopeless: next.is_hopeless,
        }
    }

    fn into_judged(self) -> Judged {
        let states = if self.is_allowed() { self.states.clone() } else { Vec::new() };
        Judged { outcome: RefOutcome { ends: self.states, ..self.outcome }, states }
    }

    /// Adds what would have been possible, if it is refused.
    fn explained(self, name: &str) -> Judged {
        let (start, steps, is_allowed) = (self.start, self.steps, self.is_allowed());
        let mut judged = self.into_judged();
        if steps > 0 && !is_allowed {
            let detail = format!(
                "The nearest that a protected ref showed is {}, {} below. Start from there, or have what lies between \
                 approved for {}.",
                start.short(),
                crate::change::counted(steps, "step"),
                visible::text(name)
            );
            judged.outcome.reasons.push(Reason::explains(Code::NotAState, detail));
        }
        judged
    }
}

/// What a push may do to a protected ref.
pub(super) struct Rule {
    pub rewrite: bool,
    delete: bool,
}

impl Rule {
    /// None for a ref that accepts anything.
    pub fn of(policy: &Policy, name: &str) -> Result<Option<Rule>, Reason> {
        let uncovered = |detail| Err(Reason::deny(Code::RefUncovered, detail));
        match policy.refs.protection(name) {
            RefProtection::Protected { rewrite, delete } => Ok(Some(Rule { rewrite, delete })),
            RefProtection::Open => Ok(None),
            RefProtection::Alias => uncovered(
                "The name is that of a protected ref but for letter case or Unicode form, and so the same ref on many \
                 file systems. Choose another.",
            ),
            RefProtection::Uncovered => uncovered(
                "The policy names no such ref; nothing matches, so nothing may land. Name it under [refs] in the \
                 policy.",
            ),
        }
    }
}

fn rewritten(name: &str, is_beside: bool) -> String {
    if !is_beside {
        return "The push rewrites what has landed. Build on the ref's tip instead.".to_owned();
    }
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
    format!(
        "The tip of {} would be a side line of what is pushed: its merge has the parents the other way round. \
         Merge with the host's button, or `git switch {} && git merge --no-ff BRANCH`; approvals still count.",
        visible::text(branch),
        shown_operand(branch)
    )
}

/// An unusable policy must not land: nothing could land after it.
pub(super) fn next_policy(input: &Input<'_>, commit: ObjectId) -> Result<Option<Reason>, Reason> {
    let policy = input.policy;
    let next = input.contents.next_policy(commit, policy.digest);
    let next = next.map_err(|why| Reason::undecidable(Code::Unreadable, why))?;
    let Some(next) = next else { return Ok(None) };
    Ok(match next {
        Err(why) => {
            Some(Reason::deny(Code::PolicyInvalid, format!("The policy that would land cannot be used: {why}")))
        }
        Ok((_, digest)) if digest == policy.digest => None,
        Ok((version, _)) if version <= policy.version => {
            let detail =
                format!("The policy changes, and its version does not grow: raise it above {}.", policy.version);
            Some(Reason::deny(Code::PolicyStale, detail))
        }
        // Otherwise one change could use up all versions, and nobody could change the policy any more.
        Ok((version, _)) if version - policy.version > (MAX_NUMBER - policy.version) / 2 => {
            let detail = format!(
                "The policy that would land raises its version from {} to {version}, which uses up more than half of \
                 those that are left. Raise it by less.",
                policy.version
            );
            Some(Reason::deny(Code::PolicyInvalid, detail))
        }
        Ok(_) => None,
    })
}
