//! What all statements but decisions have in common: an in-toto Statement v1 whose one subject repeats what its
//! predicate says. `OUTCOMES.md`, `EVIDENCE.md` and `DRILLS.md` in this folder, and `SPEC.md` of commands, are
//! normative.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::statement::{Link, STATEMENT_TYPE, SeenHead};
use super::{Fault, Signable, json};

/// An in-toto Statement v1 with one subject and a predicate of one type. Its members are in the order in which they are
/// written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound = "")]
pub struct Statement<P: Predicate> {
    /// Always that of in-toto's Statement v1.
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// Exactly one; it repeats what the predicate says.
    pub subject: Vec<Subject<P::Digest>>,
    /// Always [`Predicate::TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// The content, by which is judged.
    pub predicate: P,
}

/// What in-toto tools match. Whoever judges reads the predicate instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject<D> {
    /// What it is about: a repository, or a target.
    pub name: String,
    /// Under the names that in-toto has for digests.
    pub digest: D,
}

/// The content of a kind of statement.
pub trait Predicate: Clone + std::fmt::Debug + Eq + Serialize + DeserializeOwned {
    /// The digests of its subject.
    type Digest: Clone + std::fmt::Debug + Eq + Serialize + DeserializeOwned;
    /// The `predicateType`.
    const TYPE: &'static str;
    /// The namespace of the signature.
    const NAMESPACE: &'static str;
    /// The size limit of a payload in bytes.
    const MAX_PAYLOAD: usize;

    /// Checks that the types cannot express.
    fn is_sound(&self) -> bool;

    /// The one subject that agrees with it.
    fn subject(&self) -> Subject<Self::Digest>;

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
