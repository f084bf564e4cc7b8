//! What a broker knows when it is asked to start something.

use super::records::{AuthorizationChain, Received, RunChain};
use crate::policy::{Level, Policy};
use crate::record::Heads;

/// All that a broker knows when it is asked to start something. It is read once, before anything else is done.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge<'k> {
    /// The policy that it has pinned.
    pub policy: &'k Policy,
    /// Its own chain, as it lies on its own disk.
    pub own: &'k RunChain,
    /// The highest records known of any chain, from its own memory and from every copy that it sees.
    pub known: &'k Heads,
    /// What people signed, as it was read last.
    pub authorizations: &'k [AuthorizationChain],
    /// When each of these came.
    pub received: &'k Received,
    /// Seconds since the ledger's remote was read, by a clock that never goes back; none where it was not read since
    /// this program began. 0 where there is no remote, since then it is read on the spot.
    pub ledger_age: Option<i64>,
    /// Whether the ledger has a remote.
    pub has_remote: bool,
    /// Seconds since the epoch, by the broker's clock.
    pub now: i64,
    /// What is proven to stand between an agent and the target.
    pub level: Level,
    /// SHA-256 of the broker's settings for the target as they are now, in hex.
    pub settings: &'k str,
}
