//! Bytes → [`Verified`], or the [`Fault`] that says why not. Signature first, parsing second.

use ssh_key::public::KeyData;

use super::envelope::{Envelope, fingerprint, pae};
use super::{Fault, KeyId, RecordId, Statement, sshsig};
use crate::change::manifest::Digest;

/// A statement whose signature holds. It can only come from [`verify()`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    statement: Statement,
    payload: Vec<u8>,
    id: RecordId,
    key: KeyData,
}

impl Verified {
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The bytes that were signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The key that signed. Whose it is, the roster says.
    pub fn key(&self) -> &KeyData {
        &self.key
    }

    pub fn key_id(&self) -> KeyId {
        KeyId::of(&self.key)
    }
}

/// Verifies the bytes of an envelope by itself: form, signature, statement. Not whose key it is, nor its place in a chain.
pub fn verify(bytes: &[u8]) -> Result<Verified, Fault> {
    let envelope = Envelope::decode(bytes)?;
    if envelope.payload.len() > super::statement::MAX_PAYLOAD {
        return Err(Fault::TooLarge);
    }
    let key = sshsig::verify(&envelope.armor, &pae(&envelope.payload))?;
    if envelope.key_hint != fingerprint(&key) {
        return Err(Fault::KeyId);
    }
    let statement = Statement::decode(&envelope.payload)?;
    Ok(Verified { statement, id: Digest::of(&envelope.payload), payload: envelope.payload, key: KeyData::Ed25519(key) })
}
