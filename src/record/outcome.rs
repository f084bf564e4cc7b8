//! Statements about what came of a change that landed: `OUTCOMES.md`, in this folder, is normative. They have the
//! envelopes and chains of decisions, and a predicate type, a namespace and refs of their own, so that none counts as a
//! decision. No gate judges by them.

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chain::Link as ChainFiles;
use super::statement::{Decimal, Link, MAX_LINE, ManifestDigest, RepositoryName, SeenHead, is_hex, is_name};
use super::typed::{Predicate, Statement, Subject};
use super::{Chain, Entry, Fault, RecordId, Verified};
use crate::change::{address, ref_name};

/// The `predicateType` until the format is stable.
pub const TYPE: &str = "urn:undersign:outcome:v0";
/// The namespace of these signatures.
pub const NAMESPACE: &str = "outcome@undersign";
/// The largest payload, in bytes.
const MAX_PAYLOAD: usize = 256 << 10;
/// The longest link, in bytes.
pub const MAX_LINK: usize = 1_000;
/// The longest words, in bytes.
pub const MAX_WORDS: usize = 4 << 10;
/// The most own records that one withdraws or replaces.
const MAX_SUPERSEDED: usize = 64;
/// The most heads of other chains that this program names in one record.
pub const MAX_SEEN: usize = 64;
/// The most records of one chain that a gate takes and a report reads.
pub const MAX_RECORDS: usize = 1_000;
/// The most chains of one key that a gate takes.
pub const MAX_CHAINS: usize = 256;
/// The most records of one key, and the most bytes of them, that a report or a list reads.
pub const MAX_OF_KEY: usize = 10_000;
/// See [`MAX_OF_KEY`].
pub const MAX_BYTES_OF_KEY: usize = 128 << 20;

/// What somebody says came of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// An incident came from it.
    Incident,
    /// It was rolled back where it ran, whatever became of it in the repository.
    Rollback,
    /// A defect came from it.
    Defect,
    /// The signer looked, and found nothing that came from it.
    None,
    /// Withdraws own records and replaces them with nothing.
    Withdraw,
}

impl OutcomeKind {
    /// The spelling in records and outputs.
    pub fn name(self) -> &'static str {
        match self {
            OutcomeKind::Incident => "incident",
            OutcomeKind::Rollback => "rollback",
            OutcomeKind::Defect => "defect",
            OutcomeKind::None => "none",
            OutcomeKind::Withdraw => "withdraw",
        }
    }
}

/// A statement about what came of a change.
pub type OutcomeStatement = Statement<ChangeOutcome>;

/// A commit by its SHA-1, under in-toto's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CommitDigest {
    /// 40 hex digits.
    pub git_commit: String,
}

/// The content, member by member as in `OUTCOMES.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChangeOutcome {
    /// What came of it.
    pub kind: OutcomeKind,
    /// Id of the signer. A claim until the roster gives the key to this person.
    pub principal: String,
    /// The repository in which it landed.
    pub repository: RepositoryName,
    /// The full name of the ref on which it landed.
    #[serde(rename = "ref")]
    pub name: String,
    /// A commit of it: 40 hex digits.
    pub commit: String,
    /// What that commit does to each path, against its first parent.
    pub manifest: ManifestDigest,
    /// Where to read more: http or https, without user, query and fragment, at most [`MAX_LINK`] bytes; or empty.
    pub link: String,
    /// When it began, in seconds since the epoch, by the signer's knowledge; not after `issued_at`.
    pub happened_at: Decimal,
    /// When it was signed, by the signer's clock.
    pub issued_at: Decimal,
    /// Ids of own records that no longer count.
    pub supersedes: Vec<String>,
    /// The position in the signer's own chain of outcomes.
    pub chain: Link,
    /// The heads of other chains of outcomes that the signer had.
    pub seen: Vec<SeenHead>,
    /// 32 random hex digits.
    pub nonce: String,
    /// The program that signed, for people.
    pub tool: String,
    /// The signer's words, at most [`MAX_WORDS`] bytes.
    pub words: String,
}

impl Predicate for ChangeOutcome {
    type Digest = CommitDigest;
    const TYPE: &'static str = TYPE;
    const NAMESPACE: &'static str = NAMESPACE;
    const MAX_PAYLOAD: usize = MAX_PAYLOAD;

    fn is_sound(&self) -> bool {
        self.names_are_sound()
            && is_hex(&self.commit, 40)
            && is_hex(&self.manifest.sha256, 64)
            && is_hex(&self.nonce, 32)
            && self.chain.is_sound()
            && self.chain.forks.is_empty()
            && self.seen.iter().all(SeenHead::is_sound)
            && self.supersedes.len() <= MAX_SUPERSEDED
            && self.supersedes.iter().all(|id| is_hex(id, 64))
            && self.happened_at <= self.issued_at
            && i64::try_from(self.issued_at.0).is_ok()
            && self.says_something()
    }

    fn subject(&self) -> Subject<CommitDigest> {
        Subject { name: self.repository.id.clone(), digest: CommitDigest { git_commit: self.commit.clone() } }
    }

    fn place(&self) -> &Link {
        &self.chain
    }

    fn seen(&self) -> &[SeenHead] {
        &self.seen
    }
}

impl ChangeOutcome {
    fn names_are_sound(&self) -> bool {
        is_name(&self.principal, 32)
            && is_name(&self.repository.id, 64)
            && self.repository.uri.len() <= MAX_LINE
            && self.tool.len() <= MAX_LINE
            && self.name.len() <= MAX_LINE
            && ref_name::is_full_name(&self.name)
    }

    /// A record that names nothing that anybody could look up, or withdraws nothing, is of no use.
    fn says_something(&self) -> bool {
        let has_words = !self.words.trim().is_empty();
        let is_linked = self.link.is_empty() || is_link(&self.link);
        let says = match self.kind {
            OutcomeKind::Incident | OutcomeKind::Rollback | OutcomeKind::Defect => has_words || !self.link.is_empty(),
            OutcomeKind::None => has_words,
            OutcomeKind::Withdraw => has_words && !self.supersedes.is_empty(),
        };
        says && is_linked && self.words.len() <= MAX_WORDS
    }
}

/// Whether a text is a link that may be signed: what is signed can never be taken back, and a user, a query or a
/// fragment may contain a secret.
pub fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let is_plain = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'<' | b'>' | b'`' | b'\\'));
    let has_host = rest.is_some_and(|rest| rest.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'['));
    has_host && is_plain && text.len() <= MAX_LINK && address::without_user(text) == text
}

/// A verified record at its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRecord {
    /// What the signature says.
    pub verified: Verified<OutcomeStatement>,
    /// As it was read: the envelope, and no other file.
    pub link: ChainFiles,
    /// The counter of the security key did not increase: the record is intact, and counts for nothing.
    pub clone: bool,
}

/// The records of one key about outcomes.
pub type OutcomeChain = Chain<OutcomeRecord>;

impl Entry for OutcomeRecord {
    type Statement = OutcomeStatement;

    fn new(verified: Verified<OutcomeStatement>, link: ChainFiles, clone: bool) -> Result<OutcomeRecord, Fault> {
        if link.files.is_empty() { Ok(OutcomeRecord { verified, link, clone }) } else { Err(Fault::Attachment) }
    }

    fn verified(&self) -> &Verified<OutcomeStatement> {
        &self.verified
    }

    fn is_clone(&self) -> bool {
        self.clone
    }
}

impl OutcomeRecord {
    /// SHA-256 of the signed payload.
    pub fn id(&self) -> RecordId {
        self.verified.id()
    }

    /// What was signed.
    pub fn outcome(&self) -> &ChangeOutcome {
        &self.verified.statement().predicate
    }
}

/// The records that are in force among those that count: not withdrawn or replaced by a record of the same person that
/// counts as well. In the order of their times, then ids. A record of a copied security key never counts.
pub fn in_force(chains: &[OutcomeChain], counts: impl Fn(&OutcomeRecord) -> bool) -> Vec<&Arc<OutcomeRecord>> {
    let counting = |record: &&Arc<OutcomeRecord>| !record.clone && counts(record);
    let all: Vec<&Arc<OutcomeRecord>> = chains.iter().flat_map(|chain| &chain.records).filter(counting).collect();
    let ended = ended(all.iter().map(|record| record.outcome()));
    let says = |record: &&Arc<OutcomeRecord>| {
        let (own, id) = (record.outcome(), record.id().to_string());
        own.kind != OutcomeKind::Withdraw && !ended.contains(&(own.principal.as_str(), id.as_str()))
    };
    let mut counted: Vec<&Arc<OutcomeRecord>> = all.iter().filter(|record| says(record)).copied().collect();
    counted.sort_by_cached_key(|record| (record.outcome().issued_at, record.id().to_string()));
    counted
}

/// What people ended: each with the id of the record.
fn ended<'o>(all: impl Iterator<Item = &'o ChangeOutcome>) -> HashSet<(&'o str, &'o str)> {
    all.flat_map(|own| own.supersedes.iter().map(|id| (own.principal.as_str(), id.as_str()))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Signable;
    use super::*;

    fn outcome() -> ChangeOutcome {
        let digits = |n: usize| "0123456789abcdef".repeat(4)[..n].to_owned();
        ChangeOutcome {
            kind: OutcomeKind::Incident,
            principal: "dana".into(),
            repository: RepositoryName { id: "shop-1".into(), uri: String::new() },
            name: "refs/heads/main".into(),
            commit: digits(40),
            manifest: ManifestDigest { sha256: digits(64), paths: Decimal(1) },
            link: "https://example.com/incidents/7".into(),
            happened_at: Decimal(5),
            issued_at: Decimal(9),
            supersedes: Vec::new(),
            chain: Link { key: digits(64), id: digits(16), seq: Decimal(1), prev: String::new(), forks: Vec::new() },
            seen: Vec::new(),
            nonce: digits(32),
            tool: "undersign".into(),
            words: String::new(),
        }
    }

    fn read(outcome: ChangeOutcome) -> Result<OutcomeStatement, Fault> {
        OutcomeStatement::decode(&OutcomeStatement::new(outcome).encode())
    }

    #[test]
    fn a_sound_statement_is_read_as_it_was_written() {
        let statement = OutcomeStatement::new(outcome());
        assert_eq!(OutcomeStatement::decode(&statement.encode()), Ok(statement));
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        type Spoil = fn(&mut ChangeOutcome);
        let spoilt: [(&str, Spoil); 14] = [
            ("a name that looks like another", |own| own.principal = "dаna".into()),
            ("a short ref", |own| own.name = "main".into()),
            ("a short commit", |own| own.commit.truncate(39)),
            ("a digest in capitals", |own| own.manifest.sha256.make_ascii_uppercase()),
            ("a short nonce", |own| own.nonce.clear()),
            ("what is still to happen", |own| own.happened_at = Decimal(10)),
            ("a time that no clock shows", |own| own.issued_at = Decimal(u64::MAX)),
            ("a first record with one before", |own| own.chain.prev = "0".repeat(64)),
            ("a repair", |own| own.chain.forks = vec!["0".repeat(64)]),
            ("too many words", |own| own.words = "x".repeat(MAX_WORDS + 1)),
            ("nothing to look up", |own| own.link.clear()),
            ("nothing found, without a word", |own| own.kind = OutcomeKind::None),
            ("a withdrawal of nothing", |own| (own.kind, own.words) = (OutcomeKind::Withdraw, "It was not".into())),
            ("no id", |own| own.supersedes = vec!["0".repeat(63)]),
        ];
        for (what, spoil) in spoilt {
            let mut own = outcome();
            spoil(&mut own);
            assert_eq!(read(own), Err(Fault::StatementMalformed), "{what}");
        }
    }

    #[test]
    fn only_a_plain_link_of_the_web_is_signed() {
        for link in ["https://example.com/a/7", "http://[2001:db8::1]:80/x", "https://tracker.example/BUG-7"] {
            assert!(is_link(link), "{link}");
        }
        for link in [
            "ftp://example.com/7",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://user:secret@example.com/7",
            "https://example.com/7?token=secret",
            "https://example.com/7#secret",
            "https://example.com/a b",
            "https://example.com/\u{202e}",
            "https://example.com/\"><script>",
            "HTTPS://example.com/7",
            &format!("https://example.com/{}", "x".repeat(MAX_LINK)),
        ] {
            assert!(!is_link(link), "{link}");
            assert_eq!(read(ChangeOutcome { link: link.to_owned(), ..outcome() }), Err(Fault::StatementMalformed));
        }
    }

    #[test]
    fn a_decision_is_no_outcome_and_an_outcome_no_decision() {
        let payload = OutcomeStatement::new(outcome()).encode();
        assert_eq!(crate::record::Statement::decode(&payload), Err(Fault::PredicateType));
        let other = String::from_utf8(payload.clone()).unwrap().replace(TYPE, "urn:undersign:decision:v1");
        assert_eq!(OutcomeStatement::decode(other.as_bytes()), Err(Fault::PredicateType));
        let more = String::from_utf8(payload).unwrap().replacen("\"words\"", "\"more\": \"\",\n    \"words\"", 1);
        assert_eq!(OutcomeStatement::decode(more.as_bytes()), Err(Fault::StatementMalformed));
        let mut astray = OutcomeStatement::new(outcome());
        astray.subject[0].name = "other-1".into();
        assert_eq!(OutcomeStatement::decode(&astray.encode()), Err(Fault::Subject));
    }
}
