//! What all kinds of signed statements share: they have the same envelopes and chains.

use std::fmt;

use super::chain::Link;
use super::statement::{self, MAX_PAYLOAD, SeenHead};
use super::{Fault, Statement, Verified, sshsig};

/// A kind of statement that keys sign. Each kind has its own namespace, predicate type and refs: a signature made for
/// one kind is invalid for another.
pub trait Signable: Clone + fmt::Debug + Eq {
    /// The namespace of the signature, in the sense of OpenSSH's PROTOCOL.sshsig.
    const NAMESPACE: &'static str;
    /// The largest payload, in bytes.
    const MAX_PAYLOAD: usize;

    /// The payload: the bytes that are signed.
    fn encode(&self) -> Vec<u8>;

    /// Reads a payload strictly: only what [`Signable::encode`] writes.
    ///
    /// # Errors
    /// The first fault of the payload.
    fn decode(payload: &[u8]) -> Result<Self, Fault>;

    /// Its position in the signer's own chain.
    fn place(&self) -> &statement::Link;

    /// The heads of other chains that the signer had.
    fn seen(&self) -> &[SeenHead];
}

/// A verified statement at its position in a chain, with the files beside it.
pub trait Entry: Clone + fmt::Debug + Eq {
    /// What is signed.
    type Statement: Signable;

    /// Checks the files against what was signed. `clone`: the counter of the security key went back.
    ///
    /// # Errors
    /// A file is missing, superfluous, or not the one that was signed.
    fn new(verified: Verified<Self::Statement>, link: Link, clone: bool) -> Result<Self, Fault>;

    /// What the signature covers.
    fn verified(&self) -> &Verified<Self::Statement>;

    /// Whether it counts for nothing, since there are two copies of the security key that signed it.
    fn is_clone(&self) -> bool;
}

impl Signable for Statement {
    const NAMESPACE: &'static str = sshsig::NAMESPACE;
    const MAX_PAYLOAD: usize = MAX_PAYLOAD;

    fn encode(&self) -> Vec<u8> {
        Statement::encode(self)
    }

    fn decode(payload: &[u8]) -> Result<Statement, Fault> {
        Statement::decode(payload)
    }

    fn place(&self) -> &statement::Link {
        &self.predicate.chain
    }

    fn seen(&self) -> &[SeenHead] {
        &self.predicate.seen
    }
}
