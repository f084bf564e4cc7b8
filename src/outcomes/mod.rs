//! FLOOR 3: what came of what landed: later reverts, fixes and rework of each segment of a period.
//!
//! ```text
//! read     the landed segments: what their commits say, what they change, and which lines
//! message  what a message says about other commits
//! joins    which earlier segment a later one reverts or fixes
//! rework   how many lines of a segment are changed again soon after
//! ```
//!
//! Messages are written by whoever wrote the commits: they are evidence that is named by its source. Nothing here
//! decides whether something may land, and that nothing came of a change does not mean that it was good.

pub mod joins;
pub mod message;
pub mod read;
pub mod rework;
