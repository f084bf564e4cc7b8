//! Merges, and steps that change nothing: nothing unsigned may come in with either.

use std::collections::BTreeSet;

use super::Segment;
use crate::change::{Commit, ObjectId, visible};
use crate::gate::Step;
use crate::gate::counted_decision::CountedDecision;
use crate::gate::history::{HistoryError, keeps_all, reached};
use crate::gate::outcome::{Code, Reason};

impl Segment<'_, '_> {
    /// A merge of three or more histories hides what each brings in: no desk shows it as one change.
    pub(super) fn octopus(&self) -> Option<Reason> {
        let many = |step: &&Step| self.commits.iter().any(|c| c.id == step.commit && c.parents.len() > 2);
        let step = self.steps.iter().find(many)?;
        let detail = format!("{} merges more than two histories at once. Merge them one by one.", step.commit.short());
        Some(Reason::deny(Code::MergeDelta, detail))
    }

    /// States that are undone at the end still exist, and somebody can build on them or tag them; so each step that
    /// changes nothing is approved separately.
    pub(super) fn passing(&self) -> Option<Reason> {
        let steps = self.steps.len();
        let detail =
            format!("These {steps} steps cancel out, and nobody approved what was there in between. Leave them out.");
        (steps > 1).then(|| Reason::deny(Code::Unsigned, detail))
    }

    /// The merge that brought in everything else, if there is one. That of a proposal does not exist yet.
    pub(super) fn landing_merge(&self) -> Option<ObjectId> {
        let [step] = self.steps else { return None };
        if self.evaluation.lands.is_some() {
            return None;
        }
        let commit = self.commits.iter().find(|commit| commit.id == step.commit)?;
        (commit.parents.len() > 1 && commit.parents[0] == step.from).then_some(commit.id)
    }

    /// A merge of what protected refs have shown, all of whose content is already here. That of a proposal does not
    /// exist yet, and its head may be based on anything. Also returns what it lacks to be one.
    pub(super) fn merge_back(&self) -> (bool, Vec<Reason>) {
        let no = (false, Vec::new());
        let [step] = self.steps else { return no };
        if self.evaluation.lands.is_some() {
            return no;
        }
        let commit = self.commits.iter().find(|commit| commit.id == step.commit);
        let Some(sides) = commit.and_then(|commit| commit.parents.get(1..)).filter(|sides| !sides.is_empty()) else {
            return no;
        };
        let (mut is_one, mut reasons) = (true, Vec::new());
        for &side in sides {
            match self.merges_back(side, step) {
                Ok(Ok(())) => {}
                Ok(Err(lacking)) => {
                    is_one = false;
                    reasons.extend(lacking);
                }
                Err(why) => {
                    reasons.push(why.into());
                    return (false, reasons);
                }
            }
        }
        (is_one, reasons)
    }

    /// Whether a side of a merge is merged back; otherwise what it lacks, if that can be determined.
    fn merges_back(&self, side: ObjectId, step: &Step) -> Result<Result<(), Option<Reason>>, HistoryError> {
        let history = self.evaluation.input.history;
        let Some(name) = self.evaluation.input.shown_by(side) else { return Ok(Err(None)) };
        // Git makes no merge of what is already contained: such a merge would only invalidate approvals of this tip.
        if history.is_ancestor(side, step.from)? {
            return Ok(Err(None));
        }
        let Err(lacking) = keeps_all(history, step.from, side, step.commit)? else { return Ok(Ok(())) };
        Ok(Err(lacking.map(|path| {
            let detail = format!(
                "{} would be marked as merged without what it changed in {path}. Merge that too, or have this head \
                 approved for here as changing nothing.",
                visible::text(name)
            );
            Reason::explains(Code::Unsigned, detail).at(&path)
        })))
    }

    /// An unsigned merge inside an approved change must not drop what it claims to merge.
    pub(super) fn dropping_merges(&self, approvals: &[CountedDecision<'_>]) -> Vec<Reason> {
        let mut signed = BTreeSet::new();
        for decision in approvals.iter().copied().chain(self.break_glass_decisions()) {
            signed.append(&mut reached(&self.commits, &decision.predicate().head.commit));
        }
        let history = self.evaluation.input.history;
        // A merge of more is refused for that reason, and one that is proven to follow from its parents drops nothing.
        let is_open = |commit: &&Commit| commit.parents.len() == 2 && !signed.contains(&commit.id);
        let merges = self.commits.iter().filter(is_open).filter(|commit| !self.follows(commit));
        let mut found = Vec::new();
        for merge in merges {
            for &side in &merge.parents[1..] {
                match keeps_all(history, merge.parents[0], side, merge.id) {
                    Err(why) => found.push(why.into()),
                    Ok(Ok(())) => {}
                    Ok(Err(path)) => {
                        let what = path.map_or_else(
                            || "has more than one merge base, so what it drops cannot be said".to_owned(),
                            |path| format!("writes or drops something in {path}, which {} changed", side.short()),
                        );
                        let detail = format!(
                            "The merge {} {what}, and no approval is of it. Merge again without that, or have its \
                             head approved.",
                            merge.id.short()
                        );
                        found.push(Reason::deny(Code::MergeDelta, detail));
                    }
                }
            }
        }
        found
    }
}
