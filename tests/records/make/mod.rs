//! Makes the published vectors from fixed keys, byte for byte the same each time. The format is in `vectors/README.md`.
//! The name of a vector begins with its stage, and the rest says which file makes it:
//!
//! | vector | file | what it is about |
//! |---|---|---|
//! | `record-sound-*`, `record-envelope-*`, `record-armor-*` | `envelopes.rs` | the text around a signature |
//! | `record-blob-*`, `record-namespace-*`, `record-hash-*`, `record-key-*` | `keys.rs` | what a signature says |
//! | `record-signature-*` | `signatures.rs` | the bytes that the key made |
//! | `record-json-*` | `json.rs` | the payload as JSON |
//! | `record-predicate-*`, `record-subject-*` | `statements.rs` | of what type it is, and about what |
//! | `record-statement-*`, `record-sound-*` | `members.rs`, `verdicts.rs` | the form of each member, and each verdict |
//! | `manifest-*` | `manifests.rs` | the list of what changes |
//! | `chain-*` | `chains.rs` | the records of one key in a row |
//! | `gate-*` | `outcomes.rs`, `presence.rs`, `rejections.rs` | what a gate makes of records |
//! | `run-*`, `runs-*`, `authorization-*`, `authorizations-*` | `commands.rs` | records about commands, format v0 |
//! | `drill-*`, `drills-*`, `command-drill-*`, `command-drills-*` | `drills.rs` | records of drills, format v0 |
//!
//! `people.rs` holds who signs and the statement that all others are made from, `signing.rs` makes bytes of it.

mod chains;
mod commands;
mod drills;
mod envelopes;
mod json;
mod keys;
mod manifests;
mod members;
mod outcomes;
mod people;
mod presence;
mod rejections;
mod signatures;
mod signing;
mod statements;
mod verdicts;

pub use people::{NOW, Person, dana, ines, jonas, manifest, rahim, statement};
pub use signing::{armor, sign};

/// One published case.
pub struct Vector {
    pub name: String,
    what: String,
    stage: &'static str,
    expect: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Vector {
    pub fn encode(&self) -> Vec<u8> {
        let mut out =
            format!("undersign-vector/v1\nwhat: {}\nstage: {}\nexpect: {}\n", self.what, self.stage, self.expect);
        self.headers.iter().for_each(|(key, value)| out.push_str(&format!("{key}: {value}\n")));
        out.push('\n');
        let mut out = out.into_bytes();
        out.extend_from_slice(&self.body);
        out
    }
}

/// All vectors, stage by stage.
pub fn all() -> Vec<Vector> {
    let mut maker = Maker::default();
    maker.sound();
    maker.envelopes();
    maker.armors();
    maker.blobs();
    maker.keys();
    maker.signatures();
    maker.json();
    maker.statements();
    maker.subjects();
    maker.manifests();
    maker.chains();
    maker.gate();
    maker.presence();
    maker.rejections();
    maker.ledger();
    maker.commands();
    maker.drills();
    maker.0
}

#[derive(Default)]
struct Maker(Vec<Vector>);

impl Maker {
    fn push(&mut self, stage: &'static str, name: &str, what: &str, expect: &str, body: Vec<u8>) -> &mut Vector {
        let name = format!("{stage}-{name}");
        assert!(self.0.iter().all(|v| v.name != name), "two vectors are called {name}");
        self.0.push(Vector { name, what: what.into(), stage, expect: expect.into(), headers: vec![], body });
        self.0.last_mut().unwrap()
    }

    fn record(&mut self, name: &str, what: &str, expect: &str, body: Vec<u8>) {
        self.push("record", name, what, expect, body);
    }
}
