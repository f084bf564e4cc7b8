//! What the kinds of signed statements have in common: envelopes and chains are the same for all of them.

use std::fmt;

use super::chain::Link;
use super::statement::{self, MAX_PAYLOAD, SeenHead};
use super::{Fault, Statement, Verified, sshsig};

/// A kind of statement that keys sign, each with a namespace, a predicate type and refs of its own: a signature made
/// for one kind is none for another.
pub trait Signable: Clone + fmt::Debug + Eq {
    /// The namespace of the signature, in the sense of OpenSSH's PROTOCOL.sshsig.
    const NAMESPACE: &'static str;
    /// Bytes of a payload.
    const MAX_PAYLOAD: usize;

    /// The payload: the bytes that are signed.
    fn encode(&self) -> Vec<u8>;

    /// Reads a payload strictly: only what [`Signable::encode`] writes.
    ///
    /// # Errors
    /// The first fault of the payload.
    fn decode(payload: &[u8]) -> Result<Self, Fault>;

    /// Its place in the signer's own chain.
    fn place(&self) -> &statement::Link;

    /// Heads of other chains, as the signer had them.
    fn seen(&self) -> &[SeenHead];
}

/// A verified statement in its place in a chain, with the files that lie beside it.
pub trait Entry: Clone + fmt::Debug + Eq {
    /// What is signed.
    type Statement: Signable;

    /// Checks the files against what was signed. `clone`: the counter of the security key went back.
    ///
    /// # Errors
    /// A file is missing, too much, or not the one that was signed.
    fn new(verified: Verified<Self::Statement>, link: Link, clone: bool) -> Result<Self, Fault>;

    /// What the signature says.
    fn verified(&self) -> &Verified<Self::Statement>;

    /// Whether it counts for nothing, since the security key that signed it is there twice.
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
