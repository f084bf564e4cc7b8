//! FLOOR 1: the signed record. `SPEC.md`, below, is normative.
//!
//! The one way to a [`Verified`] is [`verify()`]: strict, signature first, parsing second.
//!
#![doc = include_str!("SPEC.md")]

mod abridged;
pub mod chain;
pub mod envelope;
pub mod heads;
pub mod json;
pub mod key;
pub mod sshsig;
pub mod statement;
pub mod verify;
pub mod wire;

pub use abridged::Abridged;
pub use chain::{Chain, ChainId, Record};
pub use heads::{Head, Heads, Index, Loss};
pub use key::{Key, KeyId, Presence};
pub use statement::Statement;
pub use verify::{Verified, verify};

use std::fmt;

use crate::change::digest::Digest;

/// SHA-256 of the payload bytes.
pub type RecordId = Digest;

/// Why a record or a chain is refused. Names and meaning: `SPEC.md`, sections 2, 4 and 5.
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
    KeyMalformed,
    KeyHint,
    SignatureMalformed,
    SignatureInvalid,
    JsonMalformed,
    StatementMalformed,
    PredicateType,
    Subject,
    ChainKey,
    ChainGap,
    ChainRepeat,
    ChainPrev,
    ChainLayout,
    Attachment,
    ManifestMalformed,
    Rewound,
    Forked,
}

impl Fault {
    pub const ALL: [Fault; 25] = [
        Fault::TooLarge,
        Fault::EnvelopeMalformed,
        Fault::PayloadType,
        Fault::ArmorMalformed,
        Fault::BlobMalformed,
        Fault::Namespace,
        Fault::HashAlgorithm,
        Fault::KeyType,
        Fault::KeyMalformed,
        Fault::KeyHint,
        Fault::SignatureMalformed,
        Fault::SignatureInvalid,
        Fault::JsonMalformed,
        Fault::StatementMalformed,
        Fault::PredicateType,
        Fault::Subject,
        Fault::ChainKey,
        Fault::ChainGap,
        Fault::ChainRepeat,
        Fault::ChainPrev,
        Fault::ChainLayout,
        Fault::Attachment,
        Fault::ManifestMalformed,
        Fault::Rewound,
        Fault::Forked,
    ];

    /// The name by which `SPEC.md` and the vectors call it.
    pub fn name(self) -> String {
        format!("{self:?}")
    }
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
            Fault::KeyType => {
                "the key is of a type that signs no records, or the signature of another type than the key"
            }
            Fault::KeyMalformed => "the public key is malformed",
            Fault::KeyHint => "the key id in the envelope is not that of the key",
            Fault::SignatureMalformed => "the signature inside the blob is malformed",
            Fault::SignatureInvalid => {
                "the signature does not verify: the record was altered, or another key signed it"
            }
            Fault::JsonMalformed => "the statement is not spelled as the format demands",
            Fault::StatementMalformed => "the statement does not hold the members that the format demands",
            Fault::PredicateType => "the statement is not a decision of this format version",
            Fault::Subject => "the subject of the statement is not what its predicate speaks of",
            Fault::ChainKey => "the record stands in a chain that is not its own",
            Fault::ChainGap => "a record before it is missing",
            Fault::ChainRepeat => "another record has its number: one of the two was put in, or signed twice",
            Fault::ChainPrev => "the link to the record before does not hold",
            Fault::ChainLayout => "the commit does not hold one record with its attachments",
            Fault::Attachment => "an attachment is not the one that was signed",
            Fault::ManifestMalformed => "the manifest is not written as the format demands",
            Fault::Rewound => "the chain went back: a record that was there is missing",
            Fault::Forked => "the chain holds another record in the place of one that was seen",
        })
    }
}

impl std::error::Error for Fault {}
