//! Judges the moves of refs in a push: where each begins, and what lies between there and its new tip.

use super::court::Court;
use super::history::{Line, unreadable};
use super::outcome::{Code, Reason, RefOutcome};
use super::{Decided, Grounds, States, distrust, memory, search};
use crate::change::manifest::{Digest, Manifest};
use crate::change::{Commit, ObjectId, RepoPath, visible};
use crate::policy::{Policy, RefStanding};
use crate::record::Key;

/// A push of more steps than this is not judged. The search for segments is quadratic in it at worst.
pub const MAX_STEPS: usize = 2_000;
/// States from which a new or rewritten ref is tried, nearest first.
const MAX_STARTS: usize = 32;

/// A move of a ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Full name of the ref.
    pub name: String,
    /// Where it stands; zeros where it does not exist.
    pub old: ObjectId,
    /// Where it would stand; zeros where it would be deleted.
    pub new: ObjectId,
}

/// Version and digest of a policy, or why it cannot be read.
pub type NextPolicy = Result<(u64, Digest), String>;

/// One commit on the target's first-parent line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where the ref stood before this step.
    pub from: ObjectId,
    pub commit: ObjectId,
    /// What the ref would hold.
    pub tree: ObjectId,
    /// The trees whose difference `delta` is.
    pub compared: (ObjectId, ObjectId),
    pub delta: Manifest,
    /// The commits that this step brings in, itself included.
    pub commits: Vec<Commit>,
    /// Those of them that carry a valid ssh signature, with the key that made it.
    pub signers: Vec<(ObjectId, Key)>,
    /// Those of them that are merges and hold what none of their parents brought; like signers, where proof is asked for.
    pub evil_merges: Vec<ObjectId>,
    /// Where touched symlinks point: these paths count as touched too.
    pub link_targets: Vec<RepoPath>,
}

/// A verdict, and the commits that are states of the ref once it stands at its new tip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub outcome: RefOutcome,
    pub states: Vec<ObjectId>,
}

/// The order in which the refs of a push are judged, by position: what is new may rest on what moves beside it.
pub fn judging_order(updates: &[Update]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..updates.len()).collect();
    order.sort_by_key(|&at| updates[at].old.is_zero());
    order
}

/// Judges the refs of one push, one after the other. It is let through as a whole or not at all: what one of them is let
/// through for may carry the next.
pub struct PushEvaluation<'g> {
    grounds: Grounds<'g>,
    /// What earlier refs of this push are let through for.
    along: States,
}

impl<'g> PushEvaluation<'g> {
    pub fn new(grounds: &Grounds<'g>) -> PushEvaluation<'g> {
        PushEvaluation { grounds: *grounds, along: States::default() }
    }

    /// Judges one ref that is no ref of ours.
    pub fn decide(&mut self, update: &Update) -> Judged {
        let judged = self
            .judge(update)
            .unwrap_or_else(|reason| Judged { outcome: RefOutcome::refused(&update.name, reason), states: Vec::new() });
        if judged.outcome.outcome == Decided::Allow {
            judged.states.iter().for_each(|&state| _ = self.along.insert(state, &update.name));
        }
        judged
    }

    fn judge(&self, update: &Update) -> Result<Judged, Reason> {
        let Update { name, old, new } = update;
        let allowed = |states| Ok(Judged { outcome: RefOutcome::allowed(name), states });
        let Some(rule) = Rule::of(self.grounds.policy, name)? else { return allowed(Vec::new()) };
        if let Some(reason) = memory::stale(&self.grounds) {
            return Err(reason);
        }
        if new.is_zero() {
            let refused = || Reason::deny(Code::RefDeleted, "A protected ref is not deleted by a push.");
            return if rule.delete { allowed(Vec::new()) } else { Err(refused()) };
        }
        if old == new {
            return allowed(Vec::new());
        }
        let history = self.grounds.history;
        let end = history
            .commit_of(*new)
            .map_err(unreadable)?
            .ok_or_else(|| Reason::deny(Code::Opaque, "What it points to is no commit, so it cannot be reviewed."))?;
        if name.starts_with("refs/tags/") && !old.is_zero() && !rule.rewrite {
            return Err(Reason::deny(
                Code::Rewrite,
                "A tag that exists is not moved. Give the new state another name.",
            ));
        }
        if let Some(reason) = distrust(&self.grounds) {
            return Err(reason);
        }
        let mut judged = if old.is_zero() || rule.rewrite {
            self.from_any_state(name, end)?
        } else {
            self.forward(name, *old, end)?
        };
        if self.grounds.policy_branch == Some(name)
            && let Some(reason) = next_policy(&self.grounds, end)?
        {
            judged.outcome = judged.outcome.and(reason);
        }
        Ok(judged)
    }

    /// A ref that only goes forward: its old tip stays on the first-parent line, so that all it ever showed does.
    fn forward(&self, name: &str, old: ObjectId, end: ObjectId) -> Result<Judged, Reason> {
        let history = self.grounds.history;
        let old = history.commit_of(old).map_err(unreadable)?.unwrap_or(old);
        let mut line = Line::new(history, end);
        let Some(at) = line.find(0, |commit| commit == old)? else {
            let is_beside = history.is_ancestor(old, end).map_err(unreadable)?;
            return Err(Reason::deny(Code::Rewrite, rewritten(name, is_beside)));
        };
        if self.grounds.states.is_of(old, name) {
            return self.between(name, &line, at).map(Attempt::into_judged);
        }
        // The ref stands where this gate never let it: what came in without the gate is part of what must be approved.
        self.nearest_first(name, line, at, |commit| self.is_state(commit))
    }

    /// Judges how a ref came to where it stands from what it last showed: for a gate that is asked after the fact, and may
    /// have missed moves.
    pub fn catch_up(&self, name: &str, tip: ObjectId) -> Judged {
        let line = Line::new(self.grounds.history, tip);
        let judged = self.nearest_first(name, line, 0, |commit| self.grounds.states.is_of(commit, name));
        judged.unwrap_or_else(|reason| Judged { outcome: RefOutcome::refused(name, reason), states: Vec::new() })
    }

    /// Only what refs showed that are protected now; else whoever fills a ref while it is open makes states.
    fn is_state(&self, commit: ObjectId) -> bool {
        shown_by(&self.grounds, commit).is_some()
    }

    /// A ref that is new, made again or rewritten.
    fn from_any_state(&self, name: &str, end: ObjectId) -> Result<Judged, Reason> {
        let line = Line::new(self.grounds.history, end);
        let known = |commit| self.is_state(commit) || self.along.contains(commit);
        self.nearest_first(name, line, 0, known)
    }

    /// Tries the states at and below a place of the line, nearest first.
    fn nearest_first(
        &self,
        name: &str,
        mut line: Line<'_>,
        from: usize,
        is_state: impl Fn(ObjectId) -> bool,
    ) -> Result<Judged, Reason> {
        let mut nearest = None;
        let mut next = line.find(from, &is_state)?;
        for _ in 0..MAX_STARTS {
            let Some(at) = next else { break };
            let attempt = self.between(name, &line, at)?;
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
        let Some(attempt) = nearest else { return Err(self.no_state(name)) };
        let (start, steps) = (attempt.start, attempt.steps);
        let mut judged = attempt.into_judged();
        if steps > 0 {
            let detail = format!(
                "No protected ref showed what it would point to; the nearest that one did is {}, {} below. Point it there, or have \
                 what lies between approved for {}.",
                start.short(),
                crate::change::counted(steps, "step"),
                visible::text(name)
            );
            judged.outcome.reasons.push(Reason::explains(Code::NotAState, detail));
        }
        Ok(judged)
    }

    fn no_state(&self, name: &str) -> Reason {
        let name = visible::text(name);
        if !self.grounds.states.are_recorded {
            let detail = format!(
                "This gate keeps no memory of what protected refs showed, and none shows anything on this line now. Point {name} at \
                 the tip of one, or let `undersign gate install` record what refs show."
            );
            return Reason::undecidable(Code::NotAState, detail);
        }
        let detail = format!(
            "Nothing on its first-parent line was ever shown by a protected ref, so nothing says what is new in it. Start {name} at \
             what one shows; or the operator records where it stands: `undersign gate record REF`."
        );
        Reason::deny(Code::NotAState, detail)
    }

    /// Judges what lies above a place of the line.
    fn between(&self, name: &str, line: &Line<'_>, at: usize) -> Result<Attempt, Reason> {
        let (start, above) = line.above(at);
        let refused = |reason: Reason| Attempt {
            start,
            steps: above.len(),
            outcome: RefOutcome::refused(name, reason),
            states: Vec::new(),
            is_hopeless: true,
        };
        let Some(&end) = above.last() else { return Ok(Attempt::at(name, start)) };
        if above.len() > MAX_STEPS {
            let detail = format!("The push has more than {MAX_STEPS} steps. Push it in parts.");
            return Ok(refused(Reason::deny(Code::Limit, detail)));
        }
        let history = self.grounds.history;
        let steps = history.steps(start, &above).map_err(unreadable)?;
        let mut commits = steps.iter().flat_map(|step| &step.commits);
        if let Some(cut) = commits.find(|commit| history.is_cut(commit.id)) {
            let detail = format!(
                "The parents of {} are cut off here (a shallow history), so who and what stands behind it cannot be seen. Push from a \
                 clone that has it all: `git fetch --unshallow`.",
                cut.id.short()
            );
            return Ok(refused(Reason::undecidable(Code::CutHistory, detail)));
        }
        let (way, ends, is_exhausted) = search::ways(&steps, &Court::new(&self.grounds, name));
        let mut outcome = RefOutcome::of(name, way);
        if is_exhausted {
            let detail = "There are too many ways to cut the push into what was approved. Push it in parts.";
            outcome = outcome.and(Reason::deny(Code::Limit, detail));
        }
        debug_assert!(outcome.outcome != Decided::Allow || ends.last() == Some(&end));
        Ok(Attempt { start, steps: steps.len(), outcome, states: ends, is_hopeless: is_exhausted })
    }
}

/// Whether a ref that is protected now showed a commit, with that ref.
pub(super) fn shown_by<'g>(grounds: &Grounds<'g>, commit: ObjectId) -> Option<&'g str> {
    let is_protected = |name: &&str| matches!(grounds.policy.refs.standing(name), RefStanding::Protected { .. });
    grounds.states.refs_of(commit).find(is_protected)
}

/// What became of judging from one state.
struct Attempt {
    start: ObjectId,
    steps: usize,
    outcome: RefOutcome,
    states: Vec<ObjectId>,
    /// No state further below can make it any better.
    is_hopeless: bool,
}

impl Attempt {
    /// The state itself.
    fn at(name: &str, state: ObjectId) -> Attempt {
        let outcome = RefOutcome::allowed(name);
        Attempt { start: state, steps: 0, outcome, states: vec![state], is_hopeless: false }
    }

    fn is_allowed(&self) -> bool {
        self.outcome.outcome == Decided::Allow
    }

    fn into_judged(self) -> Judged {
        let states = if self.is_allowed() { self.states } else { Vec::new() };
        Judged { outcome: self.outcome, states }
    }
}

/// What a push may do to a protected ref.
pub(super) struct Rule {
    rewrite: bool,
    delete: bool,
}

impl Rule {
    /// None for a ref that takes anything.
    pub fn of(policy: &Policy, name: &str) -> Result<Option<Rule>, Reason> {
        let uncovered = |detail| Err(Reason::deny(Code::RefUncovered, detail));
        match policy.refs.standing(name) {
            RefStanding::Protected { rewrite, delete } => Ok(Some(Rule { rewrite, delete })),
            RefStanding::Open => Ok(None),
            RefStanding::Alias => uncovered(
                "The name is that of a protected ref but for letter case, and so the same ref on many file systems. Choose another.",
            ),
            RefStanding::Uncovered => uncovered(
                "The policy names no such ref; nothing matches, so nothing may land. Name it under [refs] in the policy.",
            ),
        }
    }
}

fn rewritten(name: &str, is_beside: bool) -> String {
    let name = visible::text(name);
    if !is_beside {
        return "The push rewrites what has landed. Build on the ref's tip instead.".to_owned();
    }
    let branch = name.strip_prefix("refs/heads/").unwrap_or(&name);
    format!(
        "The tip of {branch} would be a side line of what is pushed: its merge has the parents the other way round. Merge with the \
         host's button, or `git switch {branch} && git merge --no-ff BRANCH`; approvals still count."
    )
}

/// A policy that nobody could judge by must not land: nothing could land after it.
pub(super) fn next_policy(grounds: &Grounds<'_>, commit: ObjectId) -> Result<Option<Reason>, Reason> {
    let policy = grounds.policy;
    Ok(match grounds.contents.next_policy(commit).map_err(unreadable)? {
        Err(why) => {
            Some(Reason::deny(Code::PolicyInvalid, format!("The policy that would land cannot be read: {why}")))
        }
        Ok((_, digest)) if digest == policy.digest => None,
        Ok((version, _)) if version <= policy.version => {
            let detail =
                format!("The policy changes, and its version does not grow: raise it above {}.", policy.version);
            Some(Reason::deny(Code::PolicyStale, detail))
        }
        Ok(_) => None,
    })
}
