//! Who signs in the vectors, and what: fixed keys, one change, and the sound statement that each case departs from.

use undersign::change::diff::Mode;
use undersign::change::digest::Digest;
use undersign::change::manifest::{Image, Manifest};
use undersign::decision::Verdict;
use undersign::record::chain::ChainId;
use undersign::record::key::{KeyType, TokenUse};
use undersign::record::statement::*;

use crate::token::Token;

/// The gate's clock in all vectors.
pub const NOW: u64 = 1_790_000_000;
pub(super) const DEVICE: &str = "0123456789abcdef";

/// Somebody who signs: an id in the roster, and a key.
#[derive(Clone)]
pub struct Person {
    pub id: &'static str,
    pub token: Token,
}

pub fn dana() -> Person {
    Person { id: "dana", token: Token::new(KeyType::Ed25519, 42) }
}

pub fn rahim() -> Person {
    Person { id: "rahim", token: Token::new(KeyType::EcdsaP256, 43) }
}

pub(super) fn mina() -> Person {
    Person { id: "mina", token: Token::new(KeyType::Ed25519, 44) }
}

pub(super) fn bot() -> Person {
    Person { id: "bot", token: Token::new(KeyType::Ed25519, 45) }
}

pub(super) fn stranger() -> Person {
    Person { id: "dana", token: Token::new(KeyType::Ed25519, 46) }
}

/// ines signs with a security key, enrolled as each vector says.
pub fn ines() -> Person {
    Person { id: "ines", token: Token::new(KeyType::SkEd25519, 47) }
}

/// ines with a software key of hers.
pub(super) fn ines_plain() -> Person {
    Person { id: "ines", token: Token::new(KeyType::Ed25519, 49) }
}

pub fn jonas() -> Person {
    Person { id: "jonas", token: Token::new(KeyType::SkEcdsaP256, 48) }
}

pub(super) const TOUCHED: TokenUse = TokenUse { flags: 1, counter: 7 };

pub(super) fn image(content: &str) -> Option<Image> {
    Some(Image { mode: Mode::File, content: Digest::of(content.as_bytes()) })
}

pub fn manifest() -> Manifest {
    let mut manifest = Manifest::default();
    manifest.insert("src/lib.rs".into(), image("one\n"), image("two\n"));
    manifest.insert(undersign::change::RepoPath(b"caf\xc3\xa9\n".to_vec()), None, image("new\n"));
    manifest
}

pub(super) fn findings() -> Vec<u8> {
    b"[]\n".to_vec()
}

pub(super) fn chain_id(person: &Person) -> ChainId {
    ChainId { key: Digest::of(&person.token.blob()).to_string(), device: DEVICE.to_owned() }
}

/// A sound statement: the first record of a person's chain, approving [`manifest`].
pub fn statement(person: &Person) -> Statement {
    let id = |digit: &str| digit.repeat(40);
    let predicate = Predicate {
        verdict: Verdict::Approve,
        principal: person.id.into(),
        roles: vec!["senior".into(), "policy".into()],
        repository: RepositoryName { id: "vectors-1".into(), uri: "https://example.com/shop".into() },
        target: Target { name: "refs/heads/main".into(), tip: id("1") },
        base: Point { commit: id("1"), tree: id("2") },
        head: Point { commit: id("3"), tree: id("4") },
        result_tree: id("5"),
        manifest: ManifestDigest { sha256: manifest().digest().to_string(), paths: Decimal(2) },
        authors: vec!["Mina H\u{f6}fer <mina@example.com>".into()],
        policy: PolicyName { version: Decimal(1), sha256: "6".repeat(64) },
        findings: Findings {
            rules: "7".repeat(64),
            sha256: Digest::of(&findings()).to_string(),
            total: Decimal(0),
            answered: vec![],
        },
        notes: vec![],
        provenance: ProvenanceClaim { status: "declared".into(), evidence: vec![] },
        coverage: Coverage {
            files: Decimal(2),
            files_seen: Decimal(2),
            hunks: Decimal(3),
            hunks_seen: Decimal(3),
            carried_over: Decimal(0),
            hidden_characters: Decimal(0),
            omissions: vec![],
        },
        supersedes: vec![],
        answers: vec![],
        chain: Link {
            key: chain_id(person).key,
            id: DEVICE.into(),
            seq: Decimal(1),
            prev: String::new(),
            forks: vec![],
        },
        seen: vec![],
        issued_at: Decimal(NOW - 3600),
        not_after: Decimal(NOW + 3600),
        challenge: String::new(),
        nonce: "0".repeat(32),
        tool: "undersign vectors".into(),
        reason: "line one\nline \"two\" \u{2013} \u{6f22}\u{5b57} \u{1f600}".into(),
    };
    let subject = Subject {
        name: "vectors-1".into(),
        digest: SubjectDigest { git_commit: predicate.head.commit.clone(), git_tree: predicate.result_tree.clone() },
    };
    Statement::new(subject, predicate)
}

pub(super) fn with(person: &Person, change: impl FnOnce(&mut Statement)) -> Statement {
    let mut statement = statement(person);
    change(&mut statement);
    statement
}

pub(super) fn note(side: &str, text: &str) -> SignedNote {
    SignedNote { path: "src/lib.rs".into(), side: side.into(), line: Decimal(1), text: text.into() }
}
