//! Bytes → [`Verified`], or the [`Fault`] that says why not. Signature first, parsing second.

use super::envelope::{Envelope, pae};
use super::key::TokenUse;
use super::{Fault, Key, RecordId, Signable, Statement, sshsig};
use crate::change::digest::Digest;

/// A statement whose signature holds. It can only come from [`verify()`] and [`verify_as`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<S = Statement> {
    statement: S,
    id: RecordId,
    key: Key,
    token: Option<TokenUse>,
}

impl<S: Signable> Verified<S> {
    /// What was signed, as it was parsed from the very bytes that were verified.
    pub fn statement(&self) -> &S {
        &self.statement
    }

    /// The bytes that were signed: each statement has one spelling, so they need not be kept beside it.
    pub fn payload(&self) -> Vec<u8> {
        self.statement.encode()
    }

    /// SHA-256 of the payload.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The key that signed. Whose it is, the roster says.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// What the security key said of this use; none for a key that is no security key.
    pub fn token(&self) -> Option<TokenUse> {
        self.token
    }
}

/// Verifies the bytes of an envelope by itself: form, signature, statement. Not whose key it is, nor its place in a
/// chain.
pub fn verify(bytes: &[u8]) -> Result<Verified, Fault> {
    verify_as(bytes)
}

/// [`verify()`] for any kind of statement.
pub fn verify_as<S: Signable>(bytes: &[u8]) -> Result<Verified<S>, Fault> {
    let envelope = Envelope::decode(bytes)?;
    if envelope.payload.len() > S::MAX_PAYLOAD {
        return Err(Fault::TooLarge);
    }
    let (key, token) = sshsig::verify_for(S::NAMESPACE, &envelope.armor, &pae(&envelope.payload))?;
    if envelope.key_hint != key.fingerprint() {
        return Err(Fault::KeyHint);
    }
    let statement = S::decode(&envelope.payload)?;
    Ok(Verified { statement, id: Digest::of(&envelope.payload), key, token })
}

impl Verified {
    /// What was verified before and kept since where nobody else writes. That a signature is valid over these bytes is
    /// a fact that does not change, so the costly part of finding it out is omitted.
    pub(super) fn recalled(statement: Statement, id: RecordId, key: Key, token: Option<TokenUse>) -> Verified {
        Verified { statement, id, key, token }
    }
}
