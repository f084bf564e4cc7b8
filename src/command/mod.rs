//! FLOOR 1: commands that run in production only if a person authorized them: requests, authorizations, receipts, and
//! the one rule that decides whether a run may start.
//!
//! At most one run per request, only with its slots filled and no refusal known. `SPEC.md`, below, is normative.
//!
#![doc = include_str!("SPEC.md")]
#![warn(missing_docs)]

pub mod authorization;
mod case;
mod decision;
pub mod drill;
mod emergency;
pub mod entry;
mod knowledge;
mod ordinary;
pub mod outcome;
pub mod practice;
pub mod preview;
pub mod receipt;
pub mod records;
mod refusals;
pub mod request;
mod standing;
pub mod statement;
mod trouble;
mod vetoes;

pub use authorization::{Authorization, AuthorizationStatement, Verdict};
pub use case::is_destructive;
pub use decision::{is_owed, may_start};
pub use knowledge::Knowledge;
pub use outcome::{Answer, Claim, Code, Decided, Effect, Reason};
pub use receipt::{Event, Run, RunStatement};
pub use records::{AuthorizationChain, AuthorizationRecord, Received, RunChain, RunRecord};
pub use request::{Request, command_digest};
pub use standing::{Counted, standing};
pub use vetoes::{Veto, Vetoes, vetoes};
