//! Checks that a pattern cannot express: they need both sides, counting, or a list. What a diff takes away is our niche.

mod access;
mod dependencies;
mod guards;
mod hcl;
mod limits;
mod modes;
mod resources;
mod test_loss;
mod unicode;

use super::{FileUnderReview, Finding, Rules};

pub(super) fn run(files: &[FileUnderReview<'_>], rules: &Rules) -> Vec<Finding> {
    let whole = [dependencies::check, guards::check, limits::check, resources::check, test_loss::check];
    let each = [access::check, modes::check, unicode::check];
    let of_change = whole.iter().flat_map(|check| check(files, rules));
    of_change.chain(files.iter().flat_map(|file| each.iter().flat_map(|check| check(file, rules)))).collect()
}
