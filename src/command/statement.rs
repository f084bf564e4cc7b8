//! What the two kinds of statement about commands have in common. `SPEC.md`, in this folder, is normative.

use serde::{Deserialize, Serialize};

use crate::change::digest::Digest;
use crate::record::json;
use crate::record::statement::{Decimal, MAX_LINE, PolicyName, RepositoryName, SeenHead, is_hex, is_name};
pub use crate::record::typed::{Predicate, Statement, Subject};

/// SHA-256, under in-toto's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectDigest {
    /// 64 hex digits.
    pub sha256: String,
}

/// The subject of a target and a digest.
pub(super) fn subject(target: &str, sha256: String) -> Subject<SubjectDigest> {
    Subject { name: target.to_owned(), digest: SubjectDigest { sha256 } }
}

pub(super) fn is_digest(text: &str) -> bool {
    is_hex(text, 64)
}

/// An id of at most 32 characters.
pub(super) fn is_id(text: &str) -> bool {
    is_name(text, 32)
}

pub(super) fn is_line(text: &str) -> bool {
    text.len() <= MAX_LINE
}

pub(super) fn is_time(time: Decimal) -> bool {
    i64::try_from(time.0).is_ok()
}

/// Repository, target and broker: every record about commands has them.
pub(super) fn is_place(repository: &RepositoryName, target: &str, broker: &str) -> bool {
    is_name(&repository.id, 64) && is_line(&repository.uri) && is_id(target) && is_digest(broker)
}

pub(super) fn is_policy(policy: &PolicyName) -> bool {
    is_digest(&policy.sha256)
}

pub(super) fn are_heads(seen: &[SeenHead]) -> bool {
    seen.iter().all(SeenHead::is_sound)
}

/// SHA-256 of a value, serialized as signed JSON.
pub(super) fn digest_of<T: Serialize>(value: &T) -> Digest {
    Digest::of(&json::encode(value))
}
