//! FLOOR 1: the signed record. `SPEC.md`, below, is normative.
//!
//! The one way to a [`Verified`] is [`verify()`]: strict, signature first, parsing second.
//!
#![doc = include_str!("SPEC.md")]

pub mod chain;
pub mod envelope;
pub mod json;
pub mod sshsig;
pub mod statement;
pub mod verify;

pub use chain::{Chain, ChainId, Record};
pub use statement::Statement;
pub use verify::{Verified, verify};

use std::fmt;

use crate::change::manifest::Digest;

/// SHA-256 of the payload bytes.
pub type RecordId = Digest;

/// Why a record or a chain is refused. Names and meaning: `SPEC.md`, sections 2 and 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    TooLarge,
    EnvelopeMalformed,
    PayloadType,
    ArmorMalformed,
    BlobMalformed,
    Namespace,
    HashAlgorithm,
    KeyType,
    KeyId,
    SignatureInvalid,
    StatementMalformed,
    PredicateType,
    ChainKey,
    ChainSeq,
    ChainPrev,
    ChainLayout,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::TooLarge => "it is larger than the format allows",
            Fault::EnvelopeMalformed => "the envelope is not written as the format demands",
            Fault::PayloadType => "the payload is not an in-toto statement",
            Fault::ArmorMalformed => "the armor of the signature is not written as OpenSSH writes it",
            Fault::BlobMalformed => "the signature blob is malformed",
            Fault::Namespace => "the signature was made for another purpose",
            Fault::HashAlgorithm => "the signature does not use sha512",
            Fault::KeyType => "the key is not an ed25519 key",
            Fault::KeyId => "the key id in the envelope is not that of the key",
            Fault::SignatureInvalid => {
                "the signature does not verify: the record was altered, or another key signed it"
            }
            Fault::StatementMalformed => "the statement is not written as the format demands",
            Fault::PredicateType => "the statement is not a decision of this format version",
            Fault::ChainKey => "the record stands in a chain that is not its own",
            Fault::ChainSeq => "a record of the chain is missing or doubled",
            Fault::ChainPrev => "the link to the record before does not hold",
            Fault::ChainLayout => "the commit does not hold one record with its attachments",
        })
    }
}

impl std::error::Error for Fault {}

/// Hex SHA-256 of an OpenSSH public key blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub Digest);

impl KeyId {
    pub fn of(key: &ssh_key::public::KeyData) -> KeyId {
        KeyId(Digest::of(&sshsig::key_blob(key)))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
