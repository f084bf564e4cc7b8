//! FLOOR 1: the signed record. `SPEC.md`, below, is normative.
//!
//! The only way to get a [`Verified`] is [`verify()`]: strict, signature first, parsing second.
//!
#![doc = include_str!("SPEC.md")]
#![warn(missing_docs)]

mod abridged;
pub mod chain;
pub mod drill;
pub mod envelope;
pub mod evidence;
pub mod heads;
pub mod json;
pub mod key;
pub mod outcome;
mod outline;
mod signable;
pub mod sshsig;
pub mod statement;
pub mod typed;
pub mod verify;
pub mod wire;

pub use abridged::Abridged;
pub use chain::{Chain, ChainId, Record};
pub use heads::{Head, Heads, Index, Loss};
pub use key::{Key, KeyId, Presence};
pub use outline::Outline;
pub use signable::{Entry, Signable};
pub use statement::Statement;
pub use verify::{Verified, verify, verify_as};

use std::fmt;

use crate::change::digest::Digest;

/// SHA-256 of the payload bytes.
pub type RecordId = Digest;

/// Why a record or a chain is refused. For names and meaning see `SPEC.md`, sections 2, 4 and 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The envelope is over [`envelope::MAX_ENVELOPE`], or the payload over [`statement::MAX_PAYLOAD`].
    TooLarge,
    /// The envelope does not have exactly the bytes of section 1: order, white space, members, base64, number of
    /// signatures.
    EnvelopeMalformed,
    /// The `payloadType` is not [`envelope::PAYLOAD_TYPE`].
    PayloadType,
    /// The armor does not re-encode to the same bytes: CR LF, other line widths, text around it.
    ArmorMalformed,
    /// Fields of the signature blob are missing, bytes trail, the version is not 1, the reserved field is not empty.
    BlobMalformed,
    /// The signature is not for [`sshsig::NAMESPACE`].
    Namespace,
    /// The hash of the signature is not `sha512`.
    HashAlgorithm,
    /// The key has no type in [`key::KeyType`], or the signature has another type than the key.
    KeyType,
    /// The public key does not have the form of its type, or is not a point of its curve.
    KeyMalformed,
    /// The `keyid` in the envelope is not the fingerprint of the key in the blob.
    KeyHint,
    /// The signature inside the blob does not have the form of its type.
    SignatureMalformed,
    /// The signature does not verify.
    SignatureInvalid,
    /// The payload is not JSON, or not in its one spelling: section 3.
    JsonMalformed,
    /// A member is missing, unknown, duplicate, of another type or not of its form: section 3.
    StatementMalformed,
    /// The `predicateType` is not [`statement::PREDICATE_TYPE`]: a version that must not be ignored.
    PredicateType,
    /// There is not exactly one subject, or it does not match the predicate.
    Subject,
    /// The key in the record is not that of its ref, or the record names another chain.
    ChainKey,
    /// `seq` is more than one above that of the previous record.
    ChainGap,
    /// `seq` is not above that of the previous record.
    ChainRepeat,
    /// `prev` is not the id of the previous record.
    ChainPrev,
    /// A commit cannot be read, has several parents or another tree than section 5 requires, or the file has another
    /// number.
    ChainLayout,
    /// SHA-256 of the manifest or of `findings.json` is not the signed one.
    Attachment,
    /// The manifest does not re-encode to the same bytes, or has another number of lines than was signed: section 4.
    ManifestMalformed,
    /// The chain has fewer valid records than were known.
    Rewound,
    /// The known record is a different one in this chain.
    Forked,
}

impl Fault {
    /// All of them, in the order of their declaration.
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

    /// Its name in `SPEC.md` and in the vectors.
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
