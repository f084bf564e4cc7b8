//! The refusals that block a request, for people who read it.

use super::case::Case;
use super::knowledge::Knowledge;
use super::standing::Counted;
use crate::record::RecordId;

/// A refusal, for people. The reason is the signer's own words, not escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Veto {
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
pub struct Vetoes {
    /// Those of this very command: it does not run until they are ended.
    pub holding: Vec<Veto>,
    /// Those of other commands of the same operator: each authorization must name them in `answers`.
    pub to_answer: Vec<Veto>,
}

/// The refusals that block a request; none if the broker would not know the request.
pub fn vetoes(knowledge: &Knowledge<'_>, request: RecordId) -> Vetoes {
    let Ok(case) = Case::of(knowledge, request) else { return Vetoes::default() };
    let veto = |one: &Counted<'_>| Veto {
        record: one.record.id(),
        by: one.person.id.clone(),
        reason: one.authorization().reason.clone(),
        at: one.authorization().issued_at.seconds(),
    };
    Vetoes {
        holding: case.refusals.holding.iter().map(veto).collect(),
        to_answer: case.refusals.to_answer.iter().map(veto).collect(),
    }
}
