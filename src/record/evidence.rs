//! Weaker evidence about what a change does: results of checks, and what a forge says. `EVIDENCE.md`, in this folder,
//! is normative. It has the envelopes and chains of decisions, and a predicate type, a namespace and refs of its own,
//! so that none counts as a decision.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chain::Link as ChainFiles;
use super::outcome::is_link;
use super::statement::{Decimal, Link, MAX_LINE, ManifestDigest, RepositoryName, SeenHead, Target, is_hex, is_name};
use super::typed::{Predicate, Statement, Subject};
use super::{Chain, Entry, Fault, RecordId, Verified};
use crate::change::{address, ref_name, visible};

/// The `predicateType` until the format is stable.
pub const TYPE: &str = "urn:undersign:evidence:v0";
/// The namespace of these signatures.
pub const NAMESPACE: &str = "evidence@undersign";
/// The largest payload, in bytes.
const MAX_PAYLOAD: usize = 64 << 10;
/// The longest name of an account, in bytes.
pub const MAX_ACCOUNT: usize = 200;
/// The most records of one chain that a gate takes and reads.
pub const MAX_RECORDS: usize = 1_000;
/// The most chains of one key that a gate takes and reads.
pub const MAX_CHAINS: usize = 1_000;

/// Seconds after which evidence counts under no policy.
pub const MAX_VALID: i64 = 90 * 24 * 3600;

/// Where evidence comes from. A key of the policy signs evidence of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceKind {
    /// The result of a check that a machine ran.
    Ci,
    /// An approval that an account gave on a forge, as another account read it there.
    Forge,
}

impl EvidenceKind {
    /// The spelling in records and policies.
    pub fn name(self) -> &'static str {
        match self {
            EvidenceKind::Ci => "ci",
            EvidenceKind::Forge => "forge",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvidenceResult {
    /// The check passed, or the account approves.
    Pass,
    /// The check did not pass, or the account does not approve, or no longer.
    Fail,
}

impl EvidenceResult {
    /// The spelling in records and outputs.
    pub fn name(self) -> &'static str {
        match self {
            EvidenceResult::Pass => "pass",
            EvidenceResult::Fail => "fail",
        }
    }
}

/// A statement of evidence.
pub type EvidenceStatement = Statement<Evidence>;

/// A commit and its tree by their SHA-1, under in-toto's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EvidenceDigest {
    /// 40 hex digits.
    pub git_commit: String,
    /// 40 hex digits.
    pub git_tree: String,
}

/// The content, member by member as in `EVIDENCE.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Evidence {
    /// Where it comes from.
    pub kind: EvidenceKind,
    /// The check, 2 to 32 characters of `a-z 0-9 . _ -`; or the account on the forge.
    pub name: String,
    /// What was found.
    pub result: EvidenceResult,
    /// The forge on which the account is, http or https, at most [`super::outcome::MAX_LINK`] bytes; empty for a check.
    pub server: String,
    /// The repository to which the content belongs.
    pub repository: RepositoryName,
    /// The ref on which it is to land, and where that stood; an empty tip if the signer did not know.
    pub target: Target,
    /// The commit that was looked at: 40 hex digits.
    pub commit: String,
    /// Its tree: 40 hex digits.
    pub tree: String,
    /// What the commit does to each path, against a merge base with the tip; an empty digest if there is no tip.
    pub manifest: ManifestDigest,
    /// Where to read more: http or https, without user, query and fragment; or empty.
    pub link: String,
    /// When it was signed, by the signer's clock; in one chain never below that of the record before.
    pub issued_at: Decimal,
    /// The position in the signer's own chain of evidence.
    pub chain: Link,
    /// 32 random hex digits.
    pub nonce: String,
    /// The program that signed, for people.
    pub tool: String,
}

impl Predicate for Evidence {
    type Digest = EvidenceDigest;
    const TYPE: &'static str = TYPE;
    const NAMESPACE: &'static str = NAMESPACE;
    const MAX_PAYLOAD: usize = MAX_PAYLOAD;

    fn is_sound(&self) -> bool {
        self.names_are_sound()
            && self.place_is_sound()
            && is_hex(&self.nonce, 32)
            && self.chain.is_sound()
            && self.chain.forks.is_empty()
            && i64::try_from(self.issued_at.0).is_ok()
            && (self.link.is_empty() || is_link(&self.link))
    }

    fn subject(&self) -> Subject<EvidenceDigest> {
        let digest = EvidenceDigest { git_commit: self.commit.clone(), git_tree: self.tree.clone() };
        Subject { name: self.repository.id.clone(), digest }
    }

    fn place(&self) -> &Link {
        &self.chain
    }

    /// A machine signs what it found, and vouches for no other chain.
    fn seen(&self) -> &[SeenHead] {
        &[]
    }
}

impl Evidence {
    fn names_are_sound(&self) -> bool {
        let of_kind = match self.kind {
            EvidenceKind::Ci => is_name(&self.name, 32) && self.server.is_empty(),
            EvidenceKind::Forge => is_account(&self.name) && is_server(&self.server),
        };
        of_kind
            && is_name(&self.repository.id, 64)
            && self.repository.uri.len() <= MAX_LINE
            && self.tool.len() <= MAX_LINE
    }

    fn place_is_sound(&self) -> bool {
        let has_tip = is_hex(&self.target.tip, 40) && is_hex(&self.manifest.sha256, 64);
        let has_none = self.target.tip.is_empty() && self.manifest.sha256.is_empty() && self.manifest.paths.0 == 0;
        is_hex(&self.commit, 40)
            && is_hex(&self.tree, 40)
            && self.target.name.len() <= MAX_LINE
            && ref_name::is_full_name(&self.target.name)
            && (has_tip || (has_none && self.kind == EvidenceKind::Ci))
    }
}

/// Whether a text can be the name of an account: no blanks, and nothing that does not show.
pub fn is_account(text: &str) -> bool {
    let is_odd = |c: char| c.is_whitespace() || visible::is_hidden(c) || visible::is_odd_blank(c);
    (1..=MAX_ACCOUNT).contains(&text.len()) && !text.starts_with('@') && !text.chars().any(is_odd)
}

/// Whether a text is the address of a server as policies and records have it: in its one spelling, so that the two can
/// be compared byte for byte.
pub fn is_server(text: &str) -> bool {
    is_link(text) && !text.ends_with('/') && text.bytes().all(|b| !b.is_ascii_uppercase())
}

/// How the address of a server is written in records; none if it cannot be.
pub fn server_of(url: &str) -> Option<String> {
    let plain = address::without_user(url).trim_end_matches('/').to_ascii_lowercase();
    is_server(&plain).then_some(plain)
}

/// A verified record at its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRecord {
    /// What the signature says.
    pub verified: Verified<EvidenceStatement>,
    /// As it was read: the envelope, and no other file.
    pub link: ChainFiles,
    /// The counter of the security key did not increase: the record is intact, and counts for nothing.
    pub clone: bool,
}

/// The records of one key, and one machine or check, of what it found.
pub type EvidenceChain = Chain<EvidenceRecord>;

impl Entry for EvidenceRecord {
    type Statement = EvidenceStatement;

    fn new(verified: Verified<EvidenceStatement>, link: ChainFiles, clone: bool) -> Result<EvidenceRecord, Fault> {
        if link.files.is_empty() { Ok(EvidenceRecord { verified, link, clone }) } else { Err(Fault::Attachment) }
    }

    fn verified(&self) -> &Verified<EvidenceStatement> {
        &self.verified
    }

    fn is_clone(&self) -> bool {
        self.clone
    }
}

impl EvidenceRecord {
    /// SHA-256 of the signed payload.
    pub fn id(&self) -> RecordId {
        self.verified.id()
    }

    /// What was signed.
    pub fn evidence(&self) -> &Evidence {
        &self.verified.statement().predicate
    }

    /// Seconds since the epoch.
    pub fn issued(&self) -> i64 {
        self.evidence().issued_at.seconds()
    }
}

/// The position of the first record of a chain that is dated before the one below it, counted from 1. What follows
/// could hide what failed later, so nothing of such a chain counts.
pub fn out_of_order(chain: &EvidenceChain) -> Option<usize> {
    let goes_back = |pair: &[Arc<EvidenceRecord>]| pair[1].issued() < pair[0].issued();
    chain.records.windows(2).position(goes_back).map(|at| at + 2)
}

#[cfg(test)]
mod tests {
    use super::super::Signable;
    use super::*;

    fn evidence() -> Evidence {
        let digits = |n: usize| "0123456789abcdef".repeat(4)[..n].to_owned();
        Evidence {
            kind: EvidenceKind::Ci,
            name: "build".into(),
            result: EvidenceResult::Pass,
            server: String::new(),
            repository: RepositoryName { id: "shop-1".into(), uri: String::new() },
            target: Target { name: "refs/heads/main".into(), tip: digits(40) },
            commit: digits(40),
            tree: digits(40),
            manifest: ManifestDigest { sha256: digits(64), paths: Decimal(1) },
            link: "https://ci.example.com/runs/7".into(),
            issued_at: Decimal(9),
            chain: Link { key: digits(64), id: digits(16), seq: Decimal(1), prev: String::new(), forks: Vec::new() },
            nonce: digits(32),
            tool: "undersign".into(),
        }
    }

    fn of_forge() -> Evidence {
        let (kind, name, server) = (EvidenceKind::Forge, "dana-r".into(), "https://github.com".into());
        Evidence { kind, name, server, ..evidence() }
    }

    fn without_tip(of: Evidence) -> Evidence {
        let target = Target { tip: String::new(), ..of.target };
        Evidence { target, manifest: ManifestDigest { sha256: String::new(), paths: Decimal(0) }, ..of }
    }

    fn read(evidence: Evidence) -> Result<EvidenceStatement, Fault> {
        EvidenceStatement::decode(&EvidenceStatement::new(evidence).encode())
    }

    #[test]
    fn a_sound_statement_is_read_as_it_was_written() {
        for sound in [evidence(), of_forge(), without_tip(evidence())] {
            let statement = EvidenceStatement::new(sound);
            assert_eq!(EvidenceStatement::decode(&statement.encode()), Ok(statement));
        }
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        type Spoil = fn(&mut Evidence);
        let of_both: [(&str, Spoil); 12] = [
            ("a short ref", |own| own.target.name = "main".into()),
            ("a short tip", |own| own.target.tip.truncate(39)),
            ("no tip but a manifest", |own| own.target.tip.clear()),
            ("a tip without a manifest", |own| own.manifest.sha256.clear()),
            ("a short commit", |own| own.commit.truncate(39)),
            ("a tree in capitals", |own| own.tree.make_ascii_uppercase()),
            ("a link with a query", |own| own.link.push_str("?token=secret")),
            ("a time that no clock shows", |own| own.issued_at = Decimal(u64::MAX)),
            ("a first record with one before", |own| own.chain.prev = "0".repeat(64)),
            ("a repair", |own| own.chain.forks = vec!["0".repeat(64)]),
            ("a short nonce", |own| own.nonce.clear()),
            ("a repository that looks like another", |own| own.repository.id = "shоp-1".into()),
        ];
        for (what, spoil) in of_both {
            for mut own in [evidence(), of_forge()] {
                spoil(&mut own);
                assert_eq!(read(own), Err(Fault::StatementMalformed), "{what}");
            }
        }
        let apart = [
            ("a check in capitals", Evidence { name: "Build".into(), ..evidence() }),
            ("a check on a server", Evidence { server: "https://github.com".into(), ..evidence() }),
            ("an account with a blank", Evidence { name: "dana r".into(), ..of_forge() }),
            ("an account that does not show", Evidence { name: "dana\u{200b}".into(), ..of_forge() }),
            ("an approval on no server", Evidence { server: String::new(), ..of_forge() }),
            ("a server in another spelling", Evidence { server: "https://GitHub.com".into(), ..of_forge() }),
            ("a server with a slash", Evidence { server: "https://github.com/".into(), ..of_forge() }),
            ("an approval of nobody knows what", without_tip(of_forge())),
        ];
        for (what, own) in apart {
            assert_eq!(read(own), Err(Fault::StatementMalformed), "{what}");
        }
    }

    #[test]
    fn a_decision_is_no_evidence_and_evidence_no_decision() {
        let payload = EvidenceStatement::new(evidence()).encode();
        assert_eq!(crate::record::Statement::decode(&payload), Err(Fault::PredicateType));
        let other = String::from_utf8(payload.clone()).unwrap().replace(TYPE, "urn:undersign:outcome:v0");
        assert_eq!(EvidenceStatement::decode(other.as_bytes()), Err(Fault::PredicateType));
        let more = String::from_utf8(payload).unwrap().replacen("\"tool\"", "\"more\": \"\",\n    \"tool\"", 1);
        assert_eq!(EvidenceStatement::decode(more.as_bytes()), Err(Fault::StatementMalformed));
        let mut astray = EvidenceStatement::new(evidence());
        astray.subject[0].digest.git_tree = "0".repeat(40);
        assert_eq!(EvidenceStatement::decode(&astray.encode()), Err(Fault::Subject));
    }

    #[test]
    fn the_address_of_a_server_has_one_spelling() {
        assert_eq!(server_of("https://GitHub.com/"), Some("https://github.com".into()));
        assert_eq!(server_of("https://user:secret@git.example.com/api"), Some("https://git.example.com/api".into()));
        assert_eq!(server_of("ssh://github.com"), None);
    }
}
