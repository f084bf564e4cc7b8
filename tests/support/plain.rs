//! Contents of a push in which nothing is hidden: text files, left alone since they were signed. And a history that is
//! one line of given steps.

use undersign::change::diff::Location;
use undersign::change::digest::Digest;
use undersign::change::manifest::Manifest;
use undersign::change::{ObjectId, RepoPath};
use undersign::gate::{Contents, History, HistoryError, Lands, Merging, NextPolicy, Opaque, Rest, Step};

pub struct Plain;

impl Contents for Plain {
    fn lines(&self, _: &[Step]) -> Result<Vec<(RepoPath, u64)>, String> {
        Ok(vec![])
    }

    fn hidden(&self, _: &[Step]) -> Result<Vec<Location>, String> {
        Ok(vec![])
    }

    fn opaque(&self, _: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String> {
        Ok(vec![])
    }

    fn aliases(&self, _: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String> {
        Ok(vec![])
    }

    fn rest(&self, _: ObjectId, _: ObjectId, _: &Manifest) -> Result<Rest, String> {
        Ok(Rest::Rested)
    }

    fn next_policy(&self, _: ObjectId, _: Digest) -> Result<Option<NextPolicy>, String> {
        Ok(None)
    }
}

/// Each step follows the one before.
#[allow(dead_code, reason = "shared by several suites")]
pub struct StraightLine(pub Vec<Step>);

impl History for StraightLine {
    fn commit_of(&self, id: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        Ok(Some(id))
    }

    fn first_parent(&self, commit: ObjectId) -> Result<Option<ObjectId>, HistoryError> {
        Ok(self.0.iter().find(|step| step.commit == commit).map(|step| step.from))
    }

    fn is_cut(&self, _: ObjectId) -> bool {
        false
    }

    fn is_ancestor(&self, commit: ObjectId, of: ObjectId) -> Result<bool, HistoryError> {
        let mut at = Some(of);
        while let Some(id) = at.filter(|id| *id != commit) {
            at = self.first_parent(id)?;
        }
        Ok(at.is_some())
    }

    fn is_cut_beside(&self, _: ObjectId, _: [ObjectId; 2]) -> Result<bool, HistoryError> {
        Ok(false)
    }

    fn merge_bases(&self, _: ObjectId, _: ObjectId) -> Result<Vec<ObjectId>, HistoryError> {
        Err(none("merges"))
    }

    fn steps(&self, _: ObjectId, line: &[ObjectId]) -> Result<Vec<Step>, HistoryError> {
        Ok(self.0.iter().filter(|step| line.contains(&step.commit)).cloned().collect())
    }

    fn lacks(&self, _: ObjectId, _: ObjectId, _: ObjectId) -> Result<Option<RepoPath>, HistoryError> {
        Err(none("merges"))
    }

    fn merging(&self, _: ObjectId, _: ObjectId, _: Lands) -> Result<Merging, HistoryError> {
        Err(none("proposals"))
    }
}

fn none(of: &str) -> HistoryError {
    HistoryError { is_limit: false, sentence: format!("A straight line has no {of}.") }
}
