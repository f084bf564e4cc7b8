//! The Statement: what is signed. Its fields are those of `SPEC.md` section 3; their order here is the order of the
//! bytes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ChainId, Fault, json};
use crate::change::ref_name;
use crate::decision::Verdict;

/// The `_type` of every record: in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The `predicateType` of every record of this version of the format.
pub const PREDICATE_TYPE: &str = "urn:undersign:decision:v1";
/// The largest payload, in bytes.
pub const MAX_PAYLOAD: usize = 256 << 10;
/// The longest reason, in bytes.
pub const MAX_REASON: usize = 16 << 10;
/// The longest of any other text that the signer's program does not choose itself, in bytes.
pub const MAX_LINE: usize = 4 << 10;

/// An in-toto Statement v1 with one subject. Members in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Always [`STATEMENT_TYPE`].
    #[serde(rename = "_type")]
    pub statement_type: String,
    /// Exactly one; it repeats what the predicate says, for in-toto tools to match.
    pub subject: Vec<Subject>,
    /// Always [`PREDICATE_TYPE`].
    #[serde(rename = "predicateType")]
    pub predicate_type: String,
    /// The decision: what a gate uses.
    pub predicate: Predicate,
}

/// What in-toto tools match. A gate compares the predicate, not this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The repository id, as in [`RepositoryName::id`].
    pub name: String,
    /// Ids of the head and of its tree.
    pub digest: SubjectDigest,
}

/// Git objects by their SHA-1, under in-toto's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubjectDigest {
    /// The head commit: 40 hex digits.
    pub git_commit: String,
    /// The result tree, or that of the head if there is none: 40 hex digits.
    pub git_tree: String,
}

/// One decision of one person about one revision: `SPEC.md`, section 3, member by member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Predicate {
    /// What is decided; sections 3 and 6 say which members each verdict needs.
    pub verdict: Verdict,
    /// Id of the signer, 2 to 32 characters of `a-z 0-9 . _ -`. A claim until the roster gives the key to this person.
    pub principal: String,
    /// According to the signer's policy. A role counts if the gate's own policy assigns it too.
    pub roles: Vec<String>,
    /// The repository that it is for: prevents replay in another one.
    pub repository: RepositoryName,
    /// The ref that it is for: prevents replay onto another one.
    pub target: Target,
    /// A merge base of head and target tip; the target tip itself if there is none.
    pub base: Point,
    /// What was reviewed.
    pub head: Point,
    /// The manifest applied to the target tip, 40 hex digits; empty if a touched path has changed since base.
    pub result_tree: String,
    /// What the decision binds to.
    pub manifest: ManifestDigest,
    /// `name <address>` of authors and co-authors, each at most [`MAX_LINE`] bytes: they may not count as approvers.
    pub authors: Vec<String>,
    /// The rules that the signer was shown.
    pub policy: PolicyName,
    /// What the signer was warned about, and the answers.
    pub findings: Findings,
    /// Remarks at lines; for a rejection, what author and agent act on.
    pub notes: Vec<SignedNote>,
    /// What was known about how the change was made.
    pub provenance: ProvenanceClaim,
    /// How much of the change was seen, as the signer's program counted.
    pub coverage: Coverage,
    /// The ids of own records that no longer count, 64 hex digits each.
    pub supersedes: Vec<String>,
    /// The ids of other people's rejections that the signer answers for, 64 hex digits each.
    pub answers: Vec<String>,
    /// The position in the signer's own chain.
    pub chain: Link,
    /// The heads of other chains that the signer had: they make a dropped record evident.
    pub seen: Vec<SeenHead>,
    /// When it was signed, by the signer's clock, in seconds since the epoch, below 2^63.
    pub issued_at: Decimal,
    /// When an approval expires, in seconds since the epoch; not below `issued_at`.
    pub not_after: Decimal,
    /// The challenge of a gate that requires freshness, at most [`MAX_LINE`] bytes; empty if none was issued.
    pub challenge: String,
    /// 32 random hex digits: two decisions never have the same bytes.
    pub nonce: String,
    /// The program that signed, for people, at most [`MAX_LINE`] bytes.
    pub tool: String,
    /// The signer's words, at most [`MAX_REASON`] bytes; not blank if the verdict ends or blocks something.
    pub reason: String,
}

/// A repository, for machines and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryName {
    /// From the policy, 2 to 64 characters of `a-z 0-9 . _ -`; a gate uses this.
    pub id: String,
    /// Where the signer got it from, at most [`MAX_LINE`] bytes. For people; no user, password, query or fragment.
    pub uri: String,
}

/// The ref on which a change is to land.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The full name, `refs/heads/main`, at most [`MAX_LINE`] bytes, valid by the rules of `git check-ref-format`.
    #[serde(rename = "ref")]
    pub name: String,
    /// The commit to which the ref pointed for the signer: 40 hex digits.
    pub tip: String,
}

/// A commit and its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// 40 hex digits.
    pub commit: String,
    /// 40 hex digits.
    pub tree: String,
}

/// Identifies a manifest: `SPEC.md`, section 4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestDigest {
    /// SHA-256 of its text: 64 hex digits.
    pub sha256: String,
    /// The number of its lines, one for each path.
    pub paths: Decimal,
}

/// Identifies a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyName {
    /// Its `version`.
    pub version: Decimal,
    /// SHA-256 of the bytes of its file: 64 hex digits.
    pub sha256: String,
}

/// What the rules found at lines of the change. The complete list is in `findings.json`, beside the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    /// The digest by which the signer's program identifies its rules: 64 hex digits.
    pub rules: String,
    /// SHA-256 of `findings.json`: 64 hex digits.
    pub sha256: String,
    /// The number of findings, answered or not.
    pub total: Decimal,
    /// Those that the signer answered.
    pub answered: Vec<AnsweredFinding>,
}

/// A finding, and the signer's answer. Free texts: the format requires no form and no limit of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnsweredFinding {
    /// The id of the rule.
    pub rule: String,
    /// Its severity, in the terms of the signer's program: `note`, `low`, `medium`, `high`, `critical`.
    pub severity: String,
    /// Escaped as in a manifest.
    pub path: String,
    /// Counts from 1; 0 is the file as a whole.
    pub line: Decimal,
    /// The signer's words.
    pub answer: String,
}

/// A remark at a position; line 0 is the file as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedNote {
    /// Escaped as in a manifest, at most [`MAX_LINE`] bytes.
    pub path: String,
    /// `old` or `new`.
    pub side: String,
    /// Counts from 1 on that side; 0 is the file as a whole.
    pub line: Decimal,
    /// At most [`MAX_LINE`] bytes; its first words may say that it covers several lines, or is outdated (section 3).
    pub text: String,
}

impl SignedNote {
    /// The last line that it is about, and its words without those that say so.
    pub fn until_and_words(&self) -> (u64, &str) {
        let line = self.line.0;
        let said = self.text.strip_prefix(&format!("Lines {line} to ")).and_then(|rest| rest.split_once(": "));
        let said = said.and_then(|(until, words)| Some((until.parse().ok()?, words)));
        said.filter(|(until, _)| *until > line).unwrap_or((line, &self.text))
    }
}

/// A claim by the signer's program; the gate looks for evidence itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenanceClaim {
    /// One word or phrase that sums it up, at most [`MAX_LINE`] bytes.
    pub status: String,
    /// One line each, at most [`MAX_LINE`] bytes.
    pub evidence: Vec<String>,
}

/// A claim by the signer's program about what was on the screen. An approval counts only if it is complete: section 6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Coverage {
    /// The number of paths in the manifest.
    pub files: Decimal,
    /// Those that were seen: for an approval, not below the number of paths.
    pub files_seen: Decimal,
    /// The number of hunks of all texts.
    pub hunks: Decimal,
    /// Those that were seen.
    pub hunks_seen: Decimal,
    /// Those of the seen that were seen in an earlier revision and have not changed.
    pub carried_over: Decimal,
    /// The number of invisible characters in the change.
    pub hidden_characters: Decimal,
    /// What could not be read line by line.
    pub omissions: Vec<Omission>,
}

impl Coverage {
    /// Hunks that were read anew. More than were seen cannot be carried over: such a count is ignored.
    pub fn read_anew(&self) -> u64 {
        self.hunks_seen.0.checked_sub(self.carried_over.0).unwrap_or(self.hunks_seen.0)
    }
}

/// Something that nobody reads line by line: a submodule, an LFS pointer, a binary or too large file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omission {
    /// Escaped as in a manifest; it must be exactly the path that it is about.
    pub path: String,
    /// What it is, for people.
    pub what: String,
    /// Why the signer accepts it; blank if it was not acknowledged. Where the same object in the same mode only moved,
    /// the signer's program says so here: there is nothing to accept.
    pub acknowledged: String,
}

/// The position of a record in its own chain: `SPEC.md`, section 5.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// SHA-256 of the public key: 64 hex digits.
    pub key: String,
    /// The chain of this device: 16 hex digits.
    pub id: String,
    /// From 1, one more with each record.
    pub seq: Decimal,
    /// The id of the previous record, 64 hex digits; empty only at 1.
    pub prev: String,
    /// For a repair, the ids of records that the chain drops.
    pub forks: Vec<String>,
}

/// A record of another chain that the signer had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenHead {
    /// `<key id>/<chain id>`, as [`ChainId`] is displayed.
    pub chain: String,
    /// Its number, from 1.
    pub seq: Decimal,
    /// Its id: 64 hex digits.
    pub record: String,
}

/// An integer as a decimal string: JSON numbers become doubles in other people's parsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(pub u64);

impl Decimal {
    /// A time, in seconds since the epoch. A value beyond all dates stays there, and never wraps round into the past.
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
    /// With the types of this version of the format. Nothing is checked yet: [`Statement::decode`] does that.
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

    /// Reads a payload strictly: only what [`Statement::encode`] writes. If there are several faults, it returns the
    /// first in the order of `SPEC.md`, section 2.
    pub fn decode(payload: &[u8]) -> Result<Statement, Fault> {
        if payload.len() > MAX_PAYLOAD {
            return Err(Fault::TooLarge);
        }
        let statement: Statement = json::decode(payload).map_err(|fault| {
            if json::names_other_predicate(payload, PREDICATE_TYPE) { Fault::PredicateType } else { fault }
        })?;
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
    /// Checks the forms that the types cannot express: `SPEC.md` section 3.
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
        let heads = self.seen.iter().all(SeenHead::is_sound);
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

    /// A decision that does not name what it decides about, or names something that it must not, is ambiguous.
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

impl SeenHead {
    pub(crate) fn is_sound(&self) -> bool {
        self.chain.parse::<ChainId>().is_ok() && self.seq.0 > 0 && is_hex(&self.record, 64)
    }
}

impl Link {
    pub(crate) fn is_sound(&self) -> bool {
        is_hex(&self.key, 64)
            && is_hex(&self.id, 16)
            && (self.prev.is_empty() || is_hex(&self.prev, 64))
            && self.seq.0 > 0
            && (self.seq.0 == 1) == self.prev.is_empty()
            && self.forks.iter().all(|id| is_hex(id, 64))
    }
}

pub(crate) fn is_hex(text: &str, len: usize) -> bool {
    // Ids have 32 bytes at most.
    text.len() == len && base16ct::lower::decode(text, &mut [0; 32]).is_ok()
}

/// An id as in a policy: ASCII, so that no two look alike.
pub(crate) fn is_name(text: &str, max: usize) -> bool {
    (2..=max).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}
