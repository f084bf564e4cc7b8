//! Bytes → [`Verified`], or the [`Fault`] that says why not. Signature first, parsing second.

use super::envelope::{Envelope, pae};
use super::key::TokenUse;
use super::{Fault, Key, RecordId, Signable, Statement, sshsig};
use crate::change::digest::Digest;

/// A statement with a valid signature. It can only come from [`verify()`] and [`verify_as`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<S = Statement> {
    statement: S,
    id: RecordId,
    key: Key,
    token: Option<TokenUse>,
}

impl<S: Signable> Verified<S> {
    /// What was signed, parsed from the very bytes that were verified.
    pub fn statement(&self) -> &S {
        &self.statement
    }

    /// The bytes that were signed: each statement has one spelling, so they need not be stored.
    pub fn payload(&self) -> Vec<u8> {
        self.statement.encode()
    }

    /// SHA-256 of the payload.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The key that signed. The roster says whose key it is.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The data that the security key signed for this use; none for a key that is not a security key.
    pub fn token(&self) -> Option<TokenUse> {
        self.token
    }
}

/// Verifies the bytes of an envelope by itself: form, signature, statement. It checks neither the owner of the key, nor
/// the position in a chain.
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
    /// A statement that was verified before, and kept since in a place where nobody else writes. That a signature is
    /// valid over these bytes never changes, so the costly check is omitted.
    pub(super) fn recalled(statement: Statement, id: RecordId, key: Key, token: Option<TokenUse>) -> Verified {
        Verified { statement, id, key, token }
    }
}
