//! Contents of a push in which nothing is hidden: text files, left alone since they were signed.

use undersign::change::diff::Location;
use undersign::change::manifest::Manifest;
use undersign::change::{ObjectId, RepoPath};
use undersign::gate::{Contents, Opaque, Rest, Step};

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
}
