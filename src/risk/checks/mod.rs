//! Checks that a pattern cannot express: they need both sides, counting, or a list. Most are about what a diff removes.

mod access;
mod address;
mod apart;
mod context;
mod dependencies;
mod guards;
mod hcl;
mod identity;
mod left_over;
mod modes;
mod owners;
mod partly_read;
mod resources;
mod sequence;
mod stated;
mod successor;
mod test_loss;
mod unescaped;
mod unicode;

pub(super) use dependencies::manifest;

use super::{FileUnderReview, Finding, Rules, Severity};
use crate::change::RepoPath;

/// Checks that need one file at a time.
pub(super) fn of_file(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let each = [access::check, left_over::check, modes::check, partly_read::check, sequence::check, unicode::check];
    let mut found: Vec<Finding> = each.iter().flat_map(|check| check(file, rules)).collect();
    let is_of_binary = |finding: &Finding| finding.rule == "blob.binary" && finding.severity >= Severity::High;
    if found.iter().any(is_of_binary) {
        // Bytes that look like letters: that it is not text is a finding of its own, about all of it.
        found.retain(|finding| !matches!(finding.rule.as_str(), "uni.confusable" | "term.escape"));
    }
    found
}

/// Checks that need all files, with what each remembers of those it has read.
#[derive(Default)]
pub(super) struct OfChange {
    dependencies: dependencies::Dependencies,
    guards: guards::Guards,
    identities: identity::Identities,
    owners: owners::Owners,
    resources: resources::Moved,
    stated: stated::Stated,
    tests: test_loss::Losses,
}

impl OfChange {
    /// Adds a file; returns the findings that are already certain.
    pub fn read(&mut self, file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
        let mut found = self.dependencies.read(file, rules);
        found.extend(self.guards.read(file, rules));
        self.identities.read(file, rules);
        self.owners.read(file, rules);
        found.extend(self.resources.read(file, rules));
        found.extend(self.stated.read(file, rules));
        found.extend(self.tests.read(file, rules));
        found
    }

    /// Adds what changed in a text between two paths, whose halves were, or will be, added as files.
    pub fn read_across(&mut self, file: &FileUnderReview<'_>, from: &RepoPath, rules: &Rules) -> Vec<Finding> {
        self.stated.read_across(file, from, rules)
    }

    /// The findings that need all files.
    pub fn finish(self) -> Vec<Finding> {
        let of_change = [
            self.dependencies.finish(),
            self.guards.finish(),
            self.identities.finish(),
            self.owners.finish(),
            self.resources.finish(),
            self.stated.finish(),
            self.tests.finish(),
        ];
        of_change.into_iter().flatten().collect()
    }
}
