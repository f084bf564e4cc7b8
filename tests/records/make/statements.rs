//! `record-statement-*`, `record-predicate-*`, `record-subject-*` and the sound forms: what a statement says.

use undersign::decision::Verdict;
use undersign::record::statement::*;

use super::Maker;
use super::people::{DEVICE, TOUCHED, dana, statement, with};
use super::signing::{record, sign};

/// Name, what it is, and what it changes in a sound statement.
type Form = (&'static str, &'static str, Box<dyn FnOnce(&mut Statement)>);

impl Maker {
    /// A statement by dana, changed and soundly signed.
    pub(super) fn form(&mut self, name: &str, what: &str, expect: &str, change: impl FnOnce(&mut Statement)) {
        let changed = with(&dana(), change);
        assert_ne!(changed, statement(&dana()), "{name}");
        self.record(name, what, expect, record(&changed, &dana()));
    }

    pub(super) fn statements(&mut self) {
        let bad = "StatementMalformed";
        let id = || "a".repeat(64);
        self.text("statement-verdict", "A verdict that is none", bad, |t| t.replace("\"approve\"", "\"approved\""));
        self.form("statement-type", "Another version of the in-toto Statement", bad, |s| {
            s.statement_type = "https://in-toto.io/Statement/v0.1".into()
        });
        self.form("predicate-type-v0", "A version of the format that is not this one", "PredicateType", |s| {
            s.predicate_type = "urn:undersign:decision:v0".into()
        });
        self.text("predicate-type-spelling", "Of another type, and spelled otherwise", "PredicateType", |t| {
            t.replace("decision:v1", "decision:v2").replace("  ", " ")
        });
        self.text("predicate-type-unknown", "Of another type, with members of its own", "PredicateType", |t| {
            t.replace("decision:v1", "decision:v2").replace("\"roles\"", "\"more\": \"\",\n    \"roles\"")
        });
        self.text("predicate-type-twice", "Two types, one of them ours", bad, |t| {
            t.replacen("\"predicateType\"", "\"predicateType\": \"urn:undersign:decision:v2\",\n  \"predicateType\"", 1)
        });
        self.record("predicate-type-other", "A statement of somebody else, soundly signed", "PredicateType", sign(&dana(), b"{\n  \"_type\": \"https://in-toto.io/Statement/v1\",\n  \"subject\": [],\n  \"predicateType\": \"https://slsa.dev/provenance/v1\",\n  \"predicate\": {}\n}\n", TOUCHED));
        let forms: Vec<Form> = vec![
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
            (
                "ref-slashes",
                "A ref with an empty part",
                Box::new(|s| s.predicate.target.name = "refs/heads//main".into()),
            ),
            ("ref-brace", "A ref with @{", Box::new(|s| s.predicate.target.name = "refs/heads/main@{1}".into())),
            (
                "ref-slash-end",
                "A ref that ends in a slash",
                Box::new(|s| s.predicate.target.name = "refs/heads/main/".into()),
            ),
            (
                "ref-dot-end",
                "A ref that ends in a dot",
                Box::new(|s| s.predicate.target.name = "refs/heads/main.".into()),
            ),
            (
                "ref-dot-start",
                "A ref with a part that starts with a dot",
                Box::new(|s| s.predicate.target.name = "refs/heads/.main".into()),
            ),
            (
                "ref-lock",
                "A ref that ends in .lock",
                Box::new(|s| s.predicate.target.name = "refs/heads/a.lock".into()),
            ),
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
            (
                "manifest-digest",
                "A manifest digest of 63 digits",
                Box::new(|s| s.predicate.manifest.sha256.truncate(63)),
            ),
            (
                "policy-digest",
                "A policy digest in upper case",
                Box::new(|s| s.predicate.policy.sha256 = "A".repeat(64)),
            ),
            ("rules-digest", "A rules digest that is none", Box::new(|s| s.predicate.findings.rules = String::new())),
            (
                "findings-digest",
                "A findings digest that is none",
                Box::new(|s| s.predicate.findings.sha256 = "x".repeat(64)),
            ),
            ("nonce", "A nonce of 31 digits", Box::new(|s| s.predicate.nonce.truncate(31))),
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
                "supersedes",
                "Superseding what is no record id",
                Box::new(|s| s.predicate.supersedes = vec!["a".repeat(40)]),
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
            (
                "reason-long",
                "A reason of more than 16 KiB",
                Box::new(|s| s.predicate.reason = "x".repeat((16 << 10) + 1)),
            ),
            (
                "uri-long",
                "A URI of more than 4 KiB",
                Box::new(|s| s.predicate.repository.uri = "x".repeat((4 << 10) + 1)),
            ),
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
            ("approve-forks", "An approval that names forks", Box::new(move |s| s.predicate.chain.forks = vec![id()])),
            (
                "reject-no-reason",
                "A rejection without reason",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.reason = " \n".into();
                }),
            ),
            (
                "note-side",
                "A note on a side that there is not",
                Box::new(|s| s.predicate.notes = vec![note("both", "x")]),
            ),
            (
                "note-long",
                "A note of more than 4 KiB",
                Box::new(|s| s.predicate.notes = vec![note("new", &"x".repeat((4 << 10) + 1))]),
            ),
            (
                "human-only-no-reason",
                "A claim that no AI was used, without reason",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::HumanOnly;
                    s.predicate.reason = String::new();
                }),
            ),
            (
                "human-only-answers",
                "A claim that no AI was used, which answers a rejection",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::HumanOnly;
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "break-glass-no-reason",
                "Break-glass without reason",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::BreakGlass;
                    s.predicate.reason = " ".into();
                }),
            ),
            (
                "break-glass-forks",
                "Break-glass that names forks",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::BreakGlass;
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            (
                "reject-answers",
                "A rejection that answers one",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "reject-forks",
                "A rejection that names forks",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            ("withdraw-nothing", "A withdrawal of nothing", Box::new(|s| s.predicate.verdict = Verdict::Withdraw)),
            (
                "withdraw-no-reason",
                "A withdrawal without reason",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Withdraw;
                    s.predicate.supersedes = vec![id()];
                    s.predicate.reason.clear();
                }),
            ),
            (
                "withdraw-answers",
                "A withdrawal that answers a rejection",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Withdraw;
                    s.predicate.supersedes = vec![id()];
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "withdraw-forks",
                "A withdrawal that names forks",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Withdraw;
                    s.predicate.supersedes = vec![id()];
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            ("handover-nothing", "A handover of nothing", Box::new(|s| s.predicate.verdict = Verdict::HandOver)),
            (
                "handover-no-reason",
                "A handover without reason",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::HandOver;
                    s.predicate.answers = vec![id()];
                    s.predicate.reason.clear();
                }),
            ),
            (
                "handover-forks",
                "A handover that names forks",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::HandOver;
                    s.predicate.answers = vec![id()];
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            (
                "handover-id",
                "A handover of what is no record id",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::HandOver;
                    s.predicate.answers = vec!["x".into()];
                }),
            ),
            ("repair-nothing", "A repair that names no fork", Box::new(|s| s.predicate.verdict = Verdict::Repair)),
            (
                "repair-answers",
                "A repair that answers a rejection",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Repair;
                    s.predicate.chain.forks = vec![id()];
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "repair-supersedes",
                "A repair that supersedes",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Repair;
                    s.predicate.chain.forks = vec![id()];
                    s.predicate.supersedes = vec![id()];
                }),
            ),
            (
                "repair-id",
                "A repair of what is no record id",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Repair;
                    s.predicate.chain.forks = vec!["x".into()];
                }),
            ),
        ];
        for (name, what, change) in forms {
            self.form(&format!("statement-{name}"), what, bad, change);
        }
        let sound: Vec<Form> = vec![
            (
                "notes",
                "A rejection with notes on both sides",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.notes = vec![note("old", "why was this?\n"), note("new", "caf\u{e9}")];
                }),
            ),
            (
                "approve-answers",
                "An approval that answers another person's rejection of an earlier version",
                Box::new(move |s| s.predicate.answers = vec![id()]),
            ),
            ("human-only", "A claim that no AI was used", Box::new(|s| s.predicate.verdict = Verdict::HumanOnly)),
            (
                "break-glass",
                "Break-glass that answers a rejection",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::BreakGlass;
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "withdraw",
                "A withdrawal",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Withdraw;
                    s.predicate.supersedes = vec![id()];
                }),
            ),
            (
                "handover",
                "A handover",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::HandOver;
                    s.predicate.answers = vec![id()];
                }),
            ),
            (
                "repair",
                "A repair",
                Box::new(move |s| {
                    s.predicate.verdict = Verdict::Repair;
                    s.predicate.chain.forks = vec![id()];
                }),
            ),
            (
                "longest",
                "Texts as long as they may be",
                Box::new(|s| {
                    s.predicate.reason = "x".repeat(16 << 10);
                    s.predicate.tool = "x".repeat(4 << 10);
                    s.predicate.principal = "d".repeat(32);
                }),
            ),
            (
                "times-widest",
                "It ends at the last time that there is",
                Box::new(|s| s.predicate.not_after = Decimal((1 << 63) - 1)),
            ),
            (
                "integers-widest",
                "Other integers go on to 64 bits",
                Box::new(|s| s.predicate.coverage.hidden_characters = Decimal(u64::MAX)),
            ),
            (
                "reason-separator",
                "A rejection whose reason is no White_Space, though some programs strip it",
                Box::new(|s| {
                    s.predicate.verdict = Verdict::Reject;
                    s.predicate.reason = "\u{1c}\u{1f}".into();
                }),
            ),
            (
                "ref-odd",
                "A ref with a name that git allows",
                Box::new(|s| s.predicate.target.name = "refs/@/a.LOCK/-x.y\u{85}\u{e9}".into()),
            ),
            (
                "free-texts",
                "Answers and omissions have no form and no limit of their own",
                Box::new(|s| {
                    s.predicate.findings.answered = vec![AnsweredFinding {
                        rule: String::new(),
                        severity: "whatever".into(),
                        path: "caf\u{e9}".into(),
                        line: Decimal(0),
                        answer: "x".repeat((4 << 10) + 1),
                    }];
                    s.predicate.coverage.omissions = vec![Omission {
                        path: String::new(),
                        what: "x".repeat((4 << 10) + 1),
                        acknowledged: String::new(),
                    }];
                }),
            ),
            ("momentary", "It ends when it was made", Box::new(|s| s.predicate.not_after = s.predicate.issued_at)),
            (
                "second",
                "A second record",
                Box::new(move |s| {
                    s.predicate.chain.seq = Decimal(2);
                    s.predicate.chain.prev = id();
                }),
            ),
            (
                "approve-no-reason",
                "An approval without reason: where one is needed, the signer's program asks for it",
                Box::new(|s| s.predicate.reason.clear()),
            ),
        ];
        for (name, what, change) in sound {
            self.form(&format!("sound-{name}"), what, "sound", change);
        }
    }

    pub(super) fn subjects(&mut self) {
        self.form("subject-name", "Another repository than the predicate's", "Subject", |s| {
            s.subject[0].name = "vectors-2".into()
        });
        self.form("subject-commit", "Another commit", "Subject", |s| s.subject[0].digest.git_commit = "9".repeat(40));
        self.form("subject-tree", "Another tree", "Subject", |s| s.subject[0].digest.git_tree = "4".repeat(40));
        self.form("subject-none", "No subject", "Subject", |s| s.subject.clear());
        self.form("subject-two", "Two subjects: in-toto would match either", "Subject", |s| {
            s.subject.push(s.subject[0].clone())
        });
        self.text(
            "subject-extra-digest",
            "A further digest, by which in-toto would match too",
            "StatementMalformed",
            |t| t.replacen("\"gitTree\"", "\"sha256\": \"\",\n        \"gitTree\"", 1),
        );
    }
}

pub(super) fn note(side: &str, text: &str) -> SignedNote {
    SignedNote { path: "src/lib.rs".into(), side: side.into(), line: Decimal(1), text: text.into() }
}
