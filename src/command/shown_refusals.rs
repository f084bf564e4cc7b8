//! The refusals that block a request, for people who read it.

use super::case::Case;
use super::knowledge::Knowledge;
use super::record_status::Counted;
use crate::record::RecordId;

/// A refusal, for people. The reason is the signer's own words, not escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownRefusal {
    /// The record.
    pub record: RecordId,
    /// ID of the person who refused.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was signed by the signer's clock, in seconds since the epoch.
    pub at: i64,
}

/// The refusals that affect a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShownRefusals {
    /// Those of this very command: it does not run until they are ended.
    pub holding: Vec<ShownRefusal>,
    /// Those of other commands of the same operator: each authorization must name them in `answers`.
    pub to_answer: Vec<ShownRefusal>,
}

/// The refusals that block a request; none if the broker would not know the request.
pub fn shown_refusals(knowledge: &Knowledge<'_>, request: RecordId) -> ShownRefusals {
    let Ok(case) = Case::of(knowledge, request) else { return ShownRefusals::default() };
    let refusal = |one: &Counted<'_>| ShownRefusal {
        record: one.record.id(),
        by: one.person.id.clone(),
        reason: one.authorization().reason.clone(),
        at: one.authorization().issued_at.seconds(),
    };
    ShownRefusals {
        holding: case.refusals.holding.iter().map(refusal).collect(),
        to_answer: case.refusals.to_answer.iter().map(refusal).collect(),
    }
}
