//! What the two kinds of statement about commands have in common. `SPEC.md`, in this folder, is normative.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::change::digest::Digest;
use crate::record::statement::{
    Decimal, Link, MAX_LINE, PolicyName, RepositoryName, STATEMENT_TYPE, SeenHead, is_hex, is_name,
};
use crate::record::{Fault, Signable, json};

/// An in-toto Statement v1 with one subject and one of the two predicates. Its members are in the order in which they
/// are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement<P> {
    /// Always that of in-toto's Statement v1.
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// Exactly one: the target, and the digest of the command or the id of the request.
    pub subject: Vec<Subject>,
    /// Always [`Predicate::TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// The content, which a broker uses.
    pub predicate: P,
}

/// What in-toto tools match. A broker checks the predicate instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The target.
    pub name: String,
    /// Of the command, or of the request.
    pub digest: SubjectDigest,
}

/// SHA-256, under in-toto's name for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectDigest {
    /// 64 hex digits.
    pub sha256: String,
}

/// The content of a kind of statement about commands.
pub trait Predicate: Clone + std::fmt::Debug + Eq + Serialize + DeserializeOwned {
    /// The `predicateType`.
    const TYPE: &'static str;
    /// The namespace of the signature.
    const NAMESPACE: &'static str;
    /// The size limit of a payload in bytes.
    const MAX_PAYLOAD: usize;

    /// Checks that the types cannot express.
    fn is_sound(&self) -> bool;

    /// The one subject that agrees with it.
    fn subject(&self) -> Subject;

    /// Its place in the signer's own chain.
    fn place(&self) -> &Link;

    /// Heads of other chains, as the signer had them.
    fn seen(&self) -> &[SeenHead];
}

impl<P: Predicate> Statement<P> {
    /// Adds the types and the subject that belong to the content. Nothing is checked yet: reading does that.
    pub fn new(predicate: P) -> Statement<P> {
        Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![predicate.subject()],
            predicate_type: P::TYPE.to_owned(),
            predicate,
        }
    }
}

impl<P: Predicate> Signable for Statement<P> {
    const NAMESPACE: &'static str = P::NAMESPACE;
    const MAX_PAYLOAD: usize = P::MAX_PAYLOAD;

    fn encode(&self) -> Vec<u8> {
        json::encode(self)
    }

    fn decode(payload: &[u8]) -> Result<Statement<P>, Fault> {
        if payload.len() > P::MAX_PAYLOAD {
            return Err(Fault::TooLarge);
        }
        let statement: Statement<P> = json::decode(payload).map_err(|fault| {
            if json::names_other_predicate(payload, P::TYPE) { Fault::PredicateType } else { fault }
        })?;
        if statement.predicate_type != P::TYPE {
            return Err(Fault::PredicateType);
        }
        if statement.statement_type != STATEMENT_TYPE || !statement.predicate.is_sound() {
            return Err(Fault::StatementMalformed);
        }
        let agrees = statement.subject == [statement.predicate.subject()];
        if agrees { Ok(statement) } else { Err(Fault::Subject) }
    }

    fn place(&self) -> &Link {
        self.predicate.place()
    }

    fn seen(&self) -> &[SeenHead] {
        self.predicate.seen()
    }
}

/// The subject of a target and a digest.
pub(super) fn subject(target: &str, sha256: String) -> Subject {
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
