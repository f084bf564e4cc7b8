//! The Statement: what is signed. Field by field as in `SPEC.md` section 3; the order here is the order of the bytes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ChainId, Fault, json};
use crate::change::ref_name;
use crate::decision::Verdict;

pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
pub const PREDICATE_TYPE: &str = "urn:undersign:decision:v1";
/// Bytes.
pub const MAX_PAYLOAD: usize = 256 << 10;
/// Bytes of the reason.
pub const MAX_REASON: usize = 16 << 10;
/// Bytes of any other text that the signer's program does not choose itself.
pub const MAX_LINE: usize = 4 << 10;

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
    pub notes: Vec<SignedNote>,
    pub provenance: ProvenanceClaim,
    pub coverage: Coverage,
    pub supersedes: Vec<String>,
    pub answers: Vec<String>,
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

/// A remark at a place; line 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedNote {
    pub path: String,
    /// `old` or `new`.
    pub side: String,
    pub line: Decimal,
    pub text: String,
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
    pub forks: Vec<String>,
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

impl Decimal {
    /// A time, in seconds since the epoch. What is beyond all dates stays so, and never wraps round into the past.
    pub fn seconds(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

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

    /// Reads a payload strictly: only what [`Statement::encode`] writes. Of several faults it names the first in the
    /// order of `SPEC.md`, section 2.
    pub fn decode(payload: &[u8]) -> Result<Statement, Fault> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Fault::TooLarge);
        }
        let statement: Statement = json::decode(payload)
            .map_err(|fault| if names_other_predicate(payload) { Fault::PredicateType } else { fault })?;
        if statement.predicate_type != PREDICATE_TYPE {
            return Err(Fault::PredicateType);
        }
        if statement.statement_type != STATEMENT_TYPE || !statement.predicate.is_sound() {
            return Err(Fault::StatementMalformed);
        }
        if statement.subject_agrees() { Ok(statement) } else { Err(Fault::Subject) }
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
    /// Forms that the types cannot hold: `SPEC.md` section 3.
    fn is_sound(&self) -> bool {
        self.names_are_sound()
            && self.ids_are_sound()
            && self.chain.is_sound()
            && self.texts_are_short()
            && self.says_what_its_verdict_says()
            && self.issued_at <= self.not_after
            && i64::try_from(self.not_after.0).is_ok()
    }

    fn names_are_sound(&self) -> bool {
        is_name(&self.principal, 32)
            && self.roles.iter().all(|role| is_name(role, 32))
            && is_name(&self.repository.id, 64)
            && ref_name::is_full_name(&self.target.name)
            && self.target.name.len() <= MAX_LINE
    }

    fn ids_are_sound(&self) -> bool {
        let commits = [&self.target.tip, &self.base.commit, &self.base.tree, &self.head.commit, &self.head.tree];
        let digests = [&self.manifest.sha256, &self.policy.sha256, &self.findings.rules, &self.findings.sha256];
        let heads = self
            .seen
            .iter()
            .all(|head| head.chain.parse::<ChainId>().is_ok() && head.seq.0 > 0 && is_hex(&head.record, 64));
        commits.iter().all(|id| is_hex(id, 40))
            && (self.result_tree.is_empty() || is_hex(&self.result_tree, 40))
            && digests.iter().all(|digest| is_hex(digest, 64))
            && self.supersedes.iter().chain(&self.answers).all(|id| is_hex(id, 64))
            && is_hex(&self.nonce, 32)
            && heads
    }

    fn texts_are_short(&self) -> bool {
        let lines = [&self.repository.uri, &self.challenge, &self.tool, &self.provenance.status];
        lines.iter().all(|text| text.len() <= MAX_LINE)
            && self.notes.iter().all(SignedNote::is_sound)
            && self.authors.iter().chain(&self.provenance.evidence).all(|text| text.len() <= MAX_LINE)
            && self.reason.len() <= MAX_REASON
    }

    /// A decision that names nothing it decides about, or something it may not, says nothing clear.
    fn says_what_its_verdict_says(&self) -> bool {
        let (answers, forks) = (!self.answers.is_empty(), !self.chain.forks.is_empty());
        // Blank is what Unicode calls White_Space.
        let reason = !self.reason.trim().is_empty();
        match self.verdict {
            Verdict::Approve => !forks,
            Verdict::BreakGlass => !forks && reason,
            Verdict::Reject | Verdict::HumanOnly => !answers && !forks && reason,
            Verdict::Withdraw => !answers && !forks && reason && !self.supersedes.is_empty(),
            Verdict::HandOver => answers && !forks && reason,
            Verdict::Repair => !answers && forks && self.supersedes.is_empty(),
        }
    }
}

impl SignedNote {
    fn is_sound(&self) -> bool {
        matches!(self.side.as_str(), "old" | "new") && self.path.len() <= MAX_LINE && self.text.len() <= MAX_LINE
    }
}

impl Link {
    fn is_sound(&self) -> bool {
        is_hex(&self.key, 64)
            && is_hex(&self.id, 16)
            && (self.prev.is_empty() || is_hex(&self.prev, 64))
            && self.seq.0 > 0
            && (self.seq.0 == 1) == self.prev.is_empty()
            && self.forks.iter().all(|id| is_hex(id, 64))
    }
}

pub(super) fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// An id as the policy writes them: ASCII, so that no two look alike.
fn is_name(text: &str, max: usize) -> bool {
    (2..=max).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
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
