//! `record-predicate-*`, `record-subject-*`, and all statements with a member changed.

use undersign::record::statement::Statement;

use super::people::{TOUCHED, dana, statement, with};
use super::signing::{record, sign};
use super::{Maker, members, verdicts};

/// Name, what it is, and what it changes in a sound statement.
pub(super) type Form = (&'static str, &'static str, Box<dyn FnOnce(&mut Statement)>);

impl Maker {
    /// A statement by dana, changed and soundly signed.
    pub(super) fn form(&mut self, name: &str, what: &str, expect: &str, change: impl FnOnce(&mut Statement)) {
        let changed = with(&dana(), change);
        assert_ne!(changed, statement(&dana()), "{name}");
        self.record(name, what, expect, record(&changed, &dana()));
    }

    pub(super) fn statements(&mut self) {
        let bad = "StatementMalformed";
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
        let provenance = br#"{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [],
  "predicateType": "https://slsa.dev/provenance/v1",
  "predicate": {}
}
"#;
        let signed = sign(&dana(), provenance, TOUCHED);
        self.record("predicate-type-other", "A statement of somebody else, soundly signed", "PredicateType", signed);
        let lists = [members::names(), members::ids(), members::links(), members::texts(), verdicts::refused()];
        for (name, what, change) in lists.into_iter().flatten() {
            self.form(&format!("statement-{name}"), what, bad, change);
        }
        for (name, what, change) in verdicts::sound() {
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
