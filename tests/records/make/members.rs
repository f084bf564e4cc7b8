//! `record-statement-*`: members of a statement that have no form.

use undersign::decision::Verdict;
use undersign::record::statement::{Decimal, SeenHead};

use super::people::{DEVICE, note};
use super::statements::Form;

/// Ids that people gave, and the name of the ref.
pub(super) fn names() -> Vec<Form> {
    vec![
        ("principal-upper", "A principal in upper case", Box::new(|s| s.predicate.principal = "Dana".into())),
        (
            "principal-confusable",
            "A principal with a character that looks like another",
            Box::new(|s| s.predicate.principal = "d\u{430}na".into()),
        ),
        ("principal-short", "A principal of one character", Box::new(|s| s.predicate.principal = "d".into())),
        ("principal-long", "A principal of 33 characters", Box::new(|s| s.predicate.principal = "d".repeat(33))),
        ("role", "A role that is no id", Box::new(|s| s.predicate.roles = vec!["Senior Engineer".into()])),
        (
            "repository",
            "A repository id of 65 characters",
            Box::new(|s| {
                s.predicate.repository.id = "r".repeat(65);
                s.subject[0].name = "r".repeat(65);
            }),
        ),
        ("ref-short", "A ref that is no full name", Box::new(|s| s.predicate.target.name = "main".into())),
        ("ref-empty", "A ref that is only a prefix", Box::new(|s| s.predicate.target.name = "refs/".into())),
        ("ref-dots", "A ref with two dots", Box::new(|s| s.predicate.target.name = "refs/heads/a..b".into())),
        ("ref-space", "A ref with a space", Box::new(|s| s.predicate.target.name = "refs/heads/a b".into())),
        ("ref-star", "A ref that is a pattern", Box::new(|s| s.predicate.target.name = "refs/heads/*".into())),
        ("ref-slashes", "A ref with an empty part", Box::new(|s| s.predicate.target.name = "refs/heads//main".into())),
        ("ref-brace", "A ref with @{", Box::new(|s| s.predicate.target.name = "refs/heads/main@{1}".into())),
        (
            "ref-slash-end",
            "A ref that ends in a slash",
            Box::new(|s| s.predicate.target.name = "refs/heads/main/".into()),
        ),
        ("ref-dot-end", "A ref that ends in a dot", Box::new(|s| s.predicate.target.name = "refs/heads/main.".into())),
        (
            "ref-dot-start",
            "A ref with a part that starts with a dot",
            Box::new(|s| s.predicate.target.name = "refs/heads/.main".into()),
        ),
        ("ref-lock", "A ref that ends in .lock", Box::new(|s| s.predicate.target.name = "refs/heads/a.lock".into())),
        (
            "ref-lock-part",
            "A ref with a part that ends in .lock",
            Box::new(|s| s.predicate.target.name = "refs/heads/a.lock/b".into()),
        ),
        (
            "ref-delete",
            "A ref with a control character",
            Box::new(|s| s.predicate.target.name = "refs/heads/main\u{7f}".into()),
        ),
        (
            "ref-long",
            "A ref of more than 4 KiB",
            Box::new(|s| s.predicate.target.name = format!("refs/{}", "a".repeat(4096))),
        ),
    ]
}

/// Ids that git or a digest gave.
pub(super) fn ids() -> Vec<Form> {
    vec![
        ("oid-upper", "An object id in upper case", Box::new(|s| s.predicate.target.tip = "A".repeat(40))),
        ("oid-short", "An object id of 39 digits", Box::new(|s| s.predicate.base.commit = "1".repeat(39))),
        ("oid-base-tree", "A base tree that is no id", Box::new(|s| s.predicate.base.tree = "x".repeat(40))),
        (
            "oid-head",
            "A head that is no id",
            Box::new(|s| {
                s.predicate.head.commit = "x".repeat(40);
                s.subject[0].digest.git_commit = "x".repeat(40);
            }),
        ),
        ("oid-head-tree", "A head tree that is no id", Box::new(|s| s.predicate.head.tree = "x".repeat(40))),
        (
            "oid-result",
            "A result tree that is no id",
            Box::new(|s| {
                s.predicate.result_tree = "5".repeat(41);
                s.subject[0].digest.git_tree = "5".repeat(41);
            }),
        ),
        ("manifest-digest", "A manifest digest of 63 digits", Box::new(|s| s.predicate.manifest.sha256.truncate(63))),
        ("policy-digest", "A policy digest in upper case", Box::new(|s| s.predicate.policy.sha256 = "A".repeat(64))),
        ("rules-digest", "A rules digest that is none", Box::new(|s| s.predicate.findings.rules = String::new())),
        (
            "findings-digest",
            "A findings digest that is none",
            Box::new(|s| s.predicate.findings.sha256 = "x".repeat(64)),
        ),
        ("nonce", "A nonce of 31 digits", Box::new(|s| s.predicate.nonce.truncate(31))),
        ("supersedes", "Superseding what is no record id", Box::new(|s| s.predicate.supersedes = vec!["a".repeat(40)])),
    ]
}

/// The place in a chain, and what was seen of others.
pub(super) fn links() -> Vec<Form> {
    vec![
        ("chain-key", "A key id that is none", Box::new(|s| s.predicate.chain.key.truncate(63))),
        ("chain-id", "A chain id of 15 digits", Box::new(|s| s.predicate.chain.id.truncate(15))),
        ("chain-seq-0", "Number 0", Box::new(|s| s.predicate.chain.seq = Decimal(0))),
        (
            "chain-seq-0-prev",
            "Number 0 with a record before it",
            Box::new(|s| {
                s.predicate.chain.seq = Decimal(0);
                s.predicate.chain.prev = "a".repeat(64);
            }),
        ),
        (
            "chain-first-prev",
            "A first record with one before it",
            Box::new(|s| s.predicate.chain.prev = "a".repeat(64)),
        ),
        (
            "chain-second-no-prev",
            "A second record without one before it",
            Box::new(|s| s.predicate.chain.seq = Decimal(2)),
        ),
        (
            "chain-prev",
            "A link that is no record id",
            Box::new(|s| {
                s.predicate.chain.seq = Decimal(2);
                s.predicate.chain.prev = "a".repeat(63);
            }),
        ),
        (
            "seen-chain",
            "A head of what is no chain",
            Box::new(|s| {
                s.predicate.seen = vec![SeenHead { chain: "a".repeat(64), seq: Decimal(1), record: "a".repeat(64) }]
            }),
        ),
        (
            "seen-device",
            "A head of a chain whose device is none",
            Box::new(|s| {
                s.predicate.seen = vec![SeenHead {
                    chain: format!("{}/{}", "a".repeat(64), "g".repeat(16)),
                    seq: Decimal(1),
                    record: "a".repeat(64),
                }]
            }),
        ),
        (
            "seen-key",
            "A head of a chain whose key is none",
            Box::new(|s| {
                s.predicate.seen = vec![SeenHead {
                    chain: format!("{}/{DEVICE}", "a".repeat(63)),
                    seq: Decimal(1),
                    record: "a".repeat(64),
                }]
            }),
        ),
        (
            "seen-seq",
            "A head with number 0",
            Box::new(|s| {
                s.predicate.seen = vec![SeenHead {
                    chain: format!("{}/{DEVICE}", "a".repeat(64)),
                    seq: Decimal(0),
                    record: "a".repeat(64),
                }]
            }),
        ),
        (
            "seen-record",
            "A head that is no record id",
            Box::new(|s| {
                s.predicate.seen = vec![SeenHead {
                    chain: format!("{}/{DEVICE}", "a".repeat(64)),
                    seq: Decimal(1),
                    record: "a".repeat(63),
                }]
            }),
        ),
    ]
}

/// Times, and texts that are too long or on no side.
pub(super) fn texts() -> Vec<Form> {
    vec![
        (
            "times",
            "It ends before it was made",
            Box::new(|s| s.predicate.not_after = Decimal(s.predicate.issued_at.0 - 1)),
        ),
        (
            "times-wide",
            "It ends at a time that is no signed 64-bit number",
            Box::new(|s| s.predicate.not_after = Decimal(1 << 63)),
        ),
        (
            "reason-blank",
            "A rejection whose reason is only White_Space",
            Box::new(|s| {
                s.predicate.verdict = Verdict::Reject;
                s.predicate.reason = "\t\u{b}\u{85}\u{a0}\u{1680}\u{2003}\u{2028}\u{202f}\u{3000}".into();
            }),
        ),
        ("reason-long", "A reason of more than 16 KiB", Box::new(|s| s.predicate.reason = "x".repeat((16 << 10) + 1))),
        ("uri-long", "A URI of more than 4 KiB", Box::new(|s| s.predicate.repository.uri = "x".repeat((4 << 10) + 1))),
        (
            "author-long",
            "An author of more than 4 KiB",
            Box::new(|s| s.predicate.authors = vec!["x".repeat((4 << 10) + 1)]),
        ),
        (
            "evidence-long",
            "Evidence of more than 4 KiB",
            Box::new(|s| s.predicate.provenance.evidence = vec!["x".repeat((4 << 10) + 1)]),
        ),
        (
            "challenge-long",
            "A challenge of more than 4 KiB",
            Box::new(|s| s.predicate.challenge = "x".repeat((4 << 10) + 1)),
        ),
        ("note-side", "A note on a side that there is not", Box::new(|s| s.predicate.notes = vec![note("both", "x")])),
        (
            "note-long",
            "A note of more than 4 KiB",
            Box::new(|s| s.predicate.notes = vec![note("new", &"x".repeat((4 << 10) + 1))]),
        ),
    ]
}
