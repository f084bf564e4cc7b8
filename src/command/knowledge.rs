//! What a broker knows when it is asked to start something.

use super::records::{AuthorizationChain, Received, RunChain};
use crate::policy::{Level, Policy};
use crate::record::Heads;

/// All that a broker knows when it is asked to start something. It is read once, before anything else.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge<'k> {
    /// The pinned policy, with what it inherits.
    pub policy: &'k Policy,
    /// Why it, or the organization that it inherits from, cannot be relied on, if so.
    pub policy_fault: Option<&'k str>,
    /// Its own chain, from its own disk.
    pub own: &'k RunChain,
    /// The highest known records of each chain, from its own memory and from every copy that it sees.
    pub known: &'k Heads,
    /// What people signed, as last read.
    pub authorizations: &'k [AuthorizationChain],
    /// When each of these was received.
    pub received: &'k Received,
    /// Seconds since the ledger's remote was read, by a monotonic clock; none if it was not read since this program
    /// started. 0 if there is no remote, since then it is read on the spot.
    pub ledger_age: Option<i64>,
    /// Whether the ledger has a remote.
    pub has_remote: bool,
    /// Seconds since the epoch, by the broker's clock.
    pub now: i64,
    /// The proven separation between an agent and the target.
    pub level: Level,
    /// SHA-256 of the broker's current settings for the target, in hex.
    pub settings: &'k str,
}
