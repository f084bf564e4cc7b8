//! The Statement: what is signed. Field by field as in `SPEC.md` section 3; the order here is the order of the bytes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Fault, RecordId, json};
use crate::decision::Verdict;

pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
pub const PREDICATE_TYPE: &str = "urn:undersign:decision:v0";
/// Bytes.
pub const MAX_PAYLOAD: usize = 256 << 10;
/// Bytes of the reason.
pub const MAX_REASON: usize = 16 << 10;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    #[serde(rename = "_type")]
    pub statement_type: String,
    pub subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    pub predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    pub name: String,
    pub digest: SubjectDigest,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubjectDigest {
    pub git_commit: String,
    pub git_tree: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Predicate {
    pub verdict: Verdict,
    pub principal: String,
    pub roles: Vec<String>,
    pub repository: RepositoryName,
    pub target: Target,
    pub base: Point,
    pub head: Point,
    pub result_tree: String,
    pub manifest: ManifestDigest,
    pub authors: Vec<String>,
    pub policy: PolicyName,
    pub findings: Findings,
    pub provenance: ProvenanceClaim,
    pub coverage: Coverage,
    pub supersedes: Vec<String>,
    pub chain: Link,
    pub seen: Vec<SeenHead>,
    pub issued_at: Decimal,
    pub not_after: Decimal,
    pub challenge: String,
    pub nonce: String,
    pub tool: String,
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryName {
    pub id: String,
    pub uri: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    #[serde(rename = "ref")]
    pub name: String,
    pub tip: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    pub commit: String,
    pub tree: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestDigest {
    pub sha256: String,
    pub paths: Decimal,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyName {
    pub version: Decimal,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    pub rules: String,
    pub sha256: String,
    pub total: Decimal,
    pub answered: Vec<AnsweredFinding>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnsweredFinding {
    pub rule: String,
    pub severity: String,
    pub path: String,
    pub line: Decimal,
    pub answer: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenanceClaim {
    pub status: String,
    pub evidence: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Coverage {
    pub files: Decimal,
    pub files_seen: Decimal,
    pub hunks: Decimal,
    pub hunks_seen: Decimal,
    pub carried_over: Decimal,
    pub hidden_characters: Decimal,
    pub omissions: Vec<Omission>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omission {
    pub path: String,
    pub what: String,
    pub acknowledged: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub key: String,
    pub id: String,
    pub seq: Decimal,
    pub prev: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenHead {
    pub chain: String,
    pub seq: Decimal,
    pub record: String,
}

/// An integer as a decimal string: JSON numbers pass through doubles in other people's parsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(pub u64);

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Decimal).map_err(|_| D::Error::custom("not a decimal integer"))
    }
}

impl Statement {
    pub fn new(subject: Subject, predicate: Predicate) -> Statement {
        Statement {
            statement_type: STATEMENT_TYPE.to_owned(),
            subject: vec![subject],
            predicate_type: PREDICATE_TYPE.to_owned(),
            predicate,
        }
    }

    /// The payload: the bytes that the sign sheet shows and the key signs.
    pub fn encode(&self) -> Vec<u8> {
        json::encode(self)
    }

    /// Reads a payload strictly: only what [`Statement::encode`] writes.
    pub fn decode(payload: &[u8]) -> Result<Statement, Fault> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Fault::TooLarge);
        }
        let statement: Statement = match json::decode(payload) {
            Some(statement) => statement,
            None if names_other_predicate(payload) => return Err(Fault::PredicateType),
            None => return Err(Fault::StatementMalformed),
        };
        if statement.predicate_type != PREDICATE_TYPE {
            return Err(Fault::PredicateType);
        }
        let sound =
            statement.statement_type == STATEMENT_TYPE && statement.subject_agrees() && statement.predicate.is_sound();
        sound.then_some(statement).ok_or(Fault::StatementMalformed)
    }

    fn subject_agrees(&self) -> bool {
        let p = &self.predicate;
        let tree = if p.result_tree.is_empty() { &p.head.tree } else { &p.result_tree };
        let [subject] = &self.subject[..] else { return false };
        subject.name == p.repository.id
            && subject.digest.git_commit == p.head.commit
            && subject.digest.git_tree == *tree
    }
}

impl Predicate {
    /// Field forms that the types cannot hold.
    fn is_sound(&self) -> bool {
        let oids = [&self.target.tip, &self.base.commit, &self.base.tree, &self.head.commit, &self.head.tree];
        let digests =
            [&self.manifest.sha256, &self.policy.sha256, &self.findings.rules, &self.findings.sha256, &self.chain.key];
        oids.iter().all(|id| is_hex(id, 40))
            && (self.result_tree.is_empty() || is_hex(&self.result_tree, 40))
            && digests.iter().all(|digest| is_hex(digest, 64))
            && self.supersedes.iter().all(|id| is_hex(id, 64))
            && is_hex(&self.chain.id, 16)
            && is_hex(&self.nonce, 32)
            && (self.chain.prev.is_empty() || is_hex(&self.chain.prev, 64))
            && (self.chain.seq.0 == 1) == self.chain.prev.is_empty()
            && self.target.name.starts_with("refs/")
            && self.reason.len() <= MAX_REASON
    }

    pub fn supersedes(&self, id: RecordId) -> bool {
        self.supersedes.contains(&id.to_string())
    }
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether this is a statement of another kind, so that the fault can say so.
fn names_other_predicate(payload: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "predicateType")]
        predicate_type: String,
    }
    serde_json::from_slice::<Kind>(payload).is_ok_and(|kind| kind.predicate_type != PREDICATE_TYPE)
}
