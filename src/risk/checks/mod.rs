//! Checks that a pattern cannot express: they need both sides, counting, or a list. What a diff takes away is our niche.

mod dependencies;
mod guards;
mod limits;
mod modes;
mod resources;
mod test_loss;
mod unicode;

use super::{FileUnderReview, Finding, Rules};

pub(super) fn run(files: &[FileUnderReview<'_>], rules: &Rules) -> Vec<Finding> {
    let mut found = dependencies::check(files, rules);
    for file in files {
        for check in [guards::check, limits::check, modes::check, resources::check, test_loss::check, unicode::check] {
            found.extend(check(file, rules));
        }
    }
    found
}
