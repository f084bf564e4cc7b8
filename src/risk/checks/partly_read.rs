//! Files of which the facts were not all read: what else they say, rules over facts do not know.

use crate::change::diff::Side;
use crate::risk::{FileUnderReview, Finding, Rules};

pub(super) fn check(file: &FileUnderReview<'_>, rules: &Rules) -> Vec<Finding> {
    let is_cut = |side| file.stated(side).is_some_and(|facts| facts.is_cut);
    let (side, lines) = match (is_cut(Side::New), is_cut(Side::Old)) {
        (true, _) if !file.added().is_empty() => (Side::New, file.added()),
        (_, true) | (true, _) if !file.removed().is_empty() => (Side::Old, file.removed()),
        _ => return Vec::new(),
    };
    let first = lines.first().and_then(|(line, text)| rules.of_check("read.partly", file, side, *line, text));
    first.into_iter().collect()
}
