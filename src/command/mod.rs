//! FLOOR 1: commands that run in production only if a person authorized them: requests, authorizations, receipts, and
//! the one rule that decides whether a run may start.
//!
//! At most one run per request, only with its slots filled and no refusal known. `SPEC.md`, below, is normative.
//!
#![doc = include_str!("SPEC.md")]
#![warn(missing_docs)]

pub mod authorization;
mod break_glass;
mod case;
mod decision;
pub mod drill;
pub mod drill_statement;
pub mod entry;
mod knowledge;
mod ledger_faults;
pub mod outcome;
pub mod preview;
pub mod receipt;
mod record_status;
pub mod records;
mod refusals;
pub mod request;
mod requirements;
mod shown_refusals;
pub mod statement;

pub use authorization::{Authorization, AuthorizationStatement, Verdict};
pub use case::is_destructive;
pub use decision::{is_owed, may_start};
pub use knowledge::Knowledge;
pub use outcome::{Answer, Claim, Code, Decided, Effect, Reason};
pub use receipt::{Event, Run, RunStatement};
pub use record_status::{Counted, in_force};
pub use records::{AuthorizationChain, AuthorizationRecord, Received, RunChain, RunRecord};
pub use request::{Request, command_digest};
pub use shown_refusals::{ShownRefusal, ShownRefusals, shown_refusals};
