//! Judges a proposal before a host merges it: it is allowed only if every way in which the host may land it brings
//! exactly the approved manifest to the tip that the verdict names. The verdict is not valid on any other tip.
//!
//! With one merge base, and no touched path moved on the target since, git's three-way merge takes each path from one
//! side: no text is merged, so no merge driver, attribute or configuration is involved. What can still differ depends
//! on names only.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::evaluation::Evaluation;
use super::outcome::{Code, Reason, RefOutcome};
use super::push::{PushEvaluation, Rule, next_policy};
use super::{Input, Step, Update, distrust, remembered, segment};
use crate::change::{ObjectId, RepoPath, visible};
use crate::policy::{ORGANIZATION_FILE, POLICY_FILE};

/// How a host lands a proposal. What a rebase would land exactly, the other methods land exactly too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lands {
    /// The target is set to the head: judged as that push.
    FastForward,
    /// Always by a merge commit whose first parent is the target's tip.
    Merge,
    /// As one commit with the tree that a merge would have.
    Squash,
    /// Commit by commit, each replayed on the tip; merges are left out.
    #[default]
    Rebase,
}

impl fmt::Display for Lands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lands::FastForward => "ff",
            Lands::Merge => "merge",
            Lands::Squash => "squash",
            Lands::Rebase => "rebase",
        })
    }
}

impl FromStr for Lands {
    type Err = String;

    fn from_str(text: &str) -> Result<Lands, String> {
        let known = [Lands::FastForward, Lands::Merge, Lands::Squash, Lands::Rebase];
        known.into_iter().find(|way| way.to_string() == text).ok_or_else(|| "ff, merge, squash or rebase".to_owned())
    }
}

/// Facts about a proposal from git objects: where it forked, and what is between it and its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merging {
    /// The best common ancestors of tip and head, all of them.
    pub bases: Vec<ObjectId>,
    /// A commit of either side whose parents are hidden here: there may be another base beyond it.
    pub cut: Option<ObjectId>,
    /// If there is exactly one base.
    pub merge: Option<Merge>,
}

/// What merging a proposal that has one base would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// From the tip to the result.
    pub step: Step,
    /// With [`Lands::Rebase`], what each of several commits does where it stands: all of them land.
    pub replayed: Vec<Step>,
    /// A merge among the commits of the proposal.
    pub merges: Option<ObjectId>,
    /// What keeps it from landing as it is.
    pub obstacle: Option<Obstacle>,
    /// A path that one side adds below a folder that the base had and the other side no longer has: git may treat that
    /// folder as renamed, and put the path elsewhere. With [`Lands::Rebase`], by any commit of the proposal.
    pub in_lost_folder: Option<RepoPath>,
}

/// What keeps a proposal from landing as it is, however it lands. With [`Lands::Rebase`], any of its commits can be the
/// cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// A path that the proposal touches and that differs between the target and the base. With [`Lands::Rebase`], one
    /// that any commit of the target has touched since: git omits a commit whose twin is already there.
    Moved(RepoPath),
    /// A path that the target has as the proposal would leave it, though it differs from the base: the manifest has it,
    /// and no landing would change it.
    There(RepoPath),
    /// A path that is below a file of the other side, or is a folder there.
    Blocked(RepoPath),
}

impl Obstacle {
    /// `BASE_MOVED`, with the path and what to do.
    pub fn reason(&self) -> Reason {
        let reviewed = "Rebase the proposal; what is new in it must be reviewed.";
        let (path, detail) = match self {
            Obstacle::Moved(path) => {
                (path, format!("{path} has changed on the target since the proposal forked. {reviewed}"))
            }
            Obstacle::There(path) => {
                let there = format!("{path} has changed on the target since the proposal forked, in the same way.");
                (
                    path,
                    format!("{there} Rebase the proposal, or merge the target into it: it then no longer holds that."),
                )
            }
            Obstacle::Blocked(path) => {
                (path, format!("{path} is a file on one side where the other has a directory. {reviewed}"))
            }
        };
        Reason::deny(Code::BaseMoved, detail).at(path)
    }
}

/// Judges what landing a proposal would do to a ref at `update.old`; `update.new` is the proposal's head.
pub fn decide_proposal(update: &Update, lands: Lands, input: &Input<'_>) -> RefOutcome {
    let mut outcome = match lands {
        Lands::FastForward => PushEvaluation::new(&Input { ahead: true, ..*input }).decide(update).outcome,
        _ => judge(update, lands, input).unwrap_or_else(|reason| RefOutcome::refused(&update.name, reason)),
    };
    outcome.tip = Some(update.old.to_string());
    outcome
}

fn judge(update: &Update, lands: Lands, input: &Input<'_>) -> Result<RefOutcome, Reason> {
    let name = &update.name;
    let Some(rule) = Rule::of(input.policy, name)? else { return Ok(RefOutcome::allowed(name)) };
    if let Some(reason) = remembered::stale(input) {
        return Err(reason);
    }
    let commit = |id| {
        let found = input.history.commit_of(id)?;
        found.ok_or_else(|| Reason::deny(Code::Opaque, "What is proposed is not a commit, so it cannot be reviewed."))
    };
    let (tip, head) = (commit(update.old)?, commit(update.new)?);
    if let Some(reason) = distrust(input) {
        return Err(reason);
    }
    let merging = input.history.merging(tip, head, lands)?;
    if merging.bases == [head] {
        // It has landed: merging it would do nothing.
        return Ok(RefOutcome::allowed(name));
    }
    if input.states.are_recorded && !input.states.is_of(tip, name) {
        let detail = format!(
            "{} stands where this gate never let it, so what a proposal would land on is not known to be approved. \
             Have that approved, or the operator records it: `undersign gate record REF`.",
            visible::text(name)
        );
        return Err(Reason::undecidable(Code::NotAState, detail));
    }
    if !rule.rewrite
        && let Some(reason) = remembered::went_back(input, name, tip)?
    {
        return Err(reason);
    }
    let merge = clear(merging, lands)?;
    if merge.step.delta.is_empty() && lands != Lands::Merge {
        let detail = "The proposal changes nothing, and a host that squashes or rebases lands another commit than \
                      the one that could be approved. Land it by a merge commit (--lands merge), or not at all.";
        return Err(Reason::deny(Code::Unsigned, detail));
    }
    let evaluation = Evaluation::of_proposal(input, name, lands);
    let standing = segment::judge_explained(&evaluation, std::slice::from_ref(&merge.step), &merge.step.delta);
    let on_the_way = segment::refused_on_the_way(&evaluation, &merge);
    // If anything was left unread, there is no verdict.
    if let Some(limit) = input.contents.exceeded() {
        return Err(Reason::undecidable(Code::Limit, limit));
    }
    let mut outcome = on_the_way.into_iter().fold(RefOutcome::of(name, vec![standing]), RefOutcome::and);
    if input.policy_branch == Some(name)
        && [POLICY_FILE, ORGANIZATION_FILE].iter().any(|file| merge.step.delta.touches(&RepoPath::from(*file)))
        && let Some(reason) = next_policy(input, head)?
    {
        outcome = outcome.and(reason);
    }
    Ok(outcome)
}

/// The one possible result of landing it, or why it cannot be determined.
fn clear(merging: Merging, lands: Lands) -> Result<Merge, Reason> {
    let unclear = |detail: String| Err(Reason::undecidable(Code::MergeUnclear, detail));
    if let Some(cut) = merging.cut {
        let detail = format!(
            "The parents of {} are cut off here (a shallow history), so where the proposal forked cannot be seen. \
             Fetch it all: `git fetch --unshallow`.",
            cut.short()
        );
        return Err(Reason::undecidable(Code::CutHistory, detail));
    }
    let Some(merge) = merging.merge else {
        return match merging.bases.len() {
            0 => unclear(
                "The proposal has no history in common with its target, so nothing says what is new in it.".to_owned(),
            ),
            n => unclear(format!(
                "The proposal and its target have {n} merge bases, and git merges with all of them. Rebase the \
                 proposal, or judge the host's own merge commit, without --proposal."
            )),
        };
    };
    if let Some(commit) = merge.merges.filter(|_| lands == Lands::Rebase) {
        return unclear(format!(
            "The proposal holds a merge ({}), which a host that rebases leaves out. Rebase the proposal, or say with \
             --lands how the host lands it.",
            commit.short()
        ));
    }
    if let Some(obstacle) = &merge.obstacle {
        return Err(obstacle.reason());
    }
    if let Some(path) = &merge.in_lost_folder {
        return unclear(format!(
            "{path} is added below a folder that the other side has moved or removed, and git may add it elsewhere. \
             Rebase the proposal, or judge the host's own merge commit, without --proposal."
        ));
    }
    Ok(merge)
}
