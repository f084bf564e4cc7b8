//! Which moves of a file do not change its meaning.

use super::blast::{extension, is_sample, is_test};
use super::{Rules, checks, kind_of_machine_file};
use crate::change::RepoPath;

impl Rules {
    /// Whether a file that moved from one path to the other means the same: rules and checks treat both paths alike,
    /// and so does whatever runs, applies or follows the file.
    pub fn mean_the_same_by(&self, a: &RepoPath, b: &RepoPath) -> bool {
        let (a, b) = (&*a.lossy(), &*b.lossy());
        let folder = |path: &str| {
            let folder = path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
            self.goes_by_folder(path).then_some(folder)
        };
        let kind = |path: &str| {
            // Files of one class may be run by different machines, each for a different reason.
            let by_rules = (self.class_of(path), is_test(path), is_sample(path), extension(path).to_owned());
            (by_rules, kind_of_machine_file(path), checks::manifest(path), folder(path))
        };
        kind(a) == kind(b) && self.look_alike_at(a, b)
    }
}
