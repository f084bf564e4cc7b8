//! `chain-*`: the records of one key, each linked to the one before.

use base64ct::{Base64, Encoding as _};
use undersign::change::digest::Digest;
use undersign::decision::Verdict;
use undersign::record::chain::file_name;
use undersign::record::key::TokenUse;
use undersign::record::statement::{Decimal, Predicate};

use super::people::{Person, TOUCHED, chain_id, dana, findings, manifest, mina, statement, with};
use super::signing::{armor, envelope, sign, wire_blob};
use super::{Maker, Vector};

/// One link as a line of a body.
#[derive(Clone)]
pub(super) struct LinkLine {
    name: String,
    envelope: Vec<u8>,
    manifest: Vec<u8>,
    findings: Vec<u8>,
    readable: bool,
}

/// The records of one person, each linked to the one before.
#[derive(Clone)]
pub(super) struct Series {
    pub(super) person: Person,
    ids: Vec<String>,
    pub(super) links: Vec<LinkLine>,
    pub(super) counter: u32,
    pub(super) flags: u8,
}

impl Series {
    pub(super) fn of(person: Person) -> Series {
        Series { person, ids: Vec::new(), links: Vec::new(), counter: 7, flags: 5 }
    }

    /// Adds a record that is as it should be, but for `change`.
    pub(super) fn add(mut self, change: impl FnOnce(&mut Predicate)) -> Series {
        let seq = self.ids.len() as u64 + 1;
        let prev = self.ids.last().cloned().unwrap_or_default();
        let statement = with(&self.person, |s| {
            s.predicate.chain.seq = Decimal(seq);
            s.predicate.chain.prev = prev;
            s.predicate.nonce = format!("{seq:032x}");
            change(&mut s.predicate);
            s.subject[0].name = s.predicate.repository.id.clone();
        });
        let payload = statement.encode();
        self.ids.push(Digest::of(&payload).to_string());
        self.links.push(LinkLine {
            name: file_name(seq),
            envelope: sign(&self.person, &payload, TokenUse { flags: self.flags, counter: self.counter }),
            manifest: manifest().encode(),
            findings: findings(),
            readable: true,
        });
        self.counter += 1;
        self
    }

    pub(super) fn approve(self) -> Series {
        self.add(|_| {})
    }

    pub(super) fn reject(self) -> Series {
        self.add(|p| p.verdict = Verdict::Reject)
    }

    pub(super) fn tap(mut self, change: impl FnOnce(&mut Series)) -> Series {
        change(&mut self);
        self
    }

    pub(super) fn id(&self, seq: usize) -> String {
        self.ids[seq - 1].clone()
    }

    pub(super) fn lines(&self) -> String {
        let mut out = format!("chain {}\n", chain_id(&self.person));
        for link in &self.links {
            let line = |bytes: &[u8]| if bytes.is_empty() { "-".to_owned() } else { Base64::encode_string(bytes) };
            out.push_str(&if link.readable {
                format!(
                    "link {} {} {} {}\n",
                    link.name,
                    line(&link.envelope),
                    line(&link.manifest),
                    line(&link.findings)
                )
            } else {
                "unreadable\n".to_owned()
            });
        }
        out
    }
}

impl Maker {
    pub(super) fn chain(&mut self, name: &str, what: &str, expect: &str, series: &Series) -> &mut Vector {
        self.push("chain", name, what, expect, series.lines().into_bytes())
    }

    pub(super) fn chains(&mut self) {
        let three = || Series::of(dana()).approve().reject().approve();
        self.chain("sound", "Three records, each naming the one before", "sound 3", &three());
        self.chain("sound-empty", "No record yet", "sound 0", &Series::of(dana()));
        self.chain("gap", "The second record is missing", "ChainGap 2", &three().tap(|s| _ = s.links.remove(1)));
        self.chain("gap-first", "The first record is missing", "ChainGap 1", &three().tap(|s| _ = s.links.remove(0)));
        self.chain(
            "repeat",
            "The first record stands twice",
            "ChainRepeat 2",
            &three().tap(|s| s.links.insert(1, s.links[0].clone())),
        );
        let other = Series::of(dana()).add(|p| p.reason = "another".into());
        self.chain(
            "repeat-other",
            "Two records with the number 1: signed twice",
            "ChainRepeat 2",
            &three().tap(|s| s.links.insert(1, other.links[0].clone())),
        );
        self.chain("order", "The second and third change places", "ChainGap 2", &three().tap(|s| s.links.swap(1, 2)));
        self.chain(
            "prev",
            "A link to a record that is not the one before",
            "ChainPrev 2",
            &Series::of(dana()).approve().add(|p| p.chain.prev = "a".repeat(64)),
        );
        self.chain(
            "key-signed",
            "Signed by the key, for the chain of another",
            "ChainKey 1",
            &Series::of(dana()).add(|p| p.chain.key = "a".repeat(64)),
        );
        self.chain(
            "device",
            "For the chain of another device",
            "ChainKey 1",
            &Series::of(dana()).add(|p| p.chain.id = "f".repeat(16)),
        );
        let mut foreign = Series::of(dana());
        foreign.links = Series::of(mina()).add(|p| p.chain.key = chain_id(&dana()).key).links;
        self.chain("key-other", "Another key's record, put into this chain", "ChainKey 1", &foreign);
        self.chain(
            "name",
            "A file named after another number",
            "ChainLayout 2",
            &three().tap(|s| s.links[1].name = file_name(3)),
        );
        self.chain(
            "unreadable",
            "A commit that does not hold the three files",
            "ChainLayout 2",
            &three().tap(|s| s.links[1].readable = false),
        );
        self.chain(
            "manifest-other",
            "A manifest that is not the signed one",
            "Attachment 2",
            &three().tap(|s| s.links[1].manifest.clear()),
        );
        self.chain(
            "findings-other",
            "Findings that are not the signed ones",
            "Attachment 2",
            &three().tap(|s| s.links[1].findings = b"[ ]\n".to_vec()),
        );
        let bad = b"no manifest\n".to_vec();
        let digest = Digest::of(&bad).to_string();
        let malformed = Series::of(dana()).add(|p| p.manifest.sha256 = digest).tap(|s| s.links[0].manifest = bad);
        self.chain("manifest-malformed", "The signed manifest is none", "ManifestMalformed 1", &malformed);
        self.chain(
            "manifest-count",
            "Another number of paths than signed",
            "ManifestMalformed 1",
            &Series::of(dana()).add(|p| p.manifest.paths = Decimal(3)),
        );
        self.chain(
            "signature",
            "The second record does not verify",
            "SignatureInvalid 2",
            &three().tap(|s| {
                s.links[1].envelope = envelope(
                    &statement(&dana()).encode(),
                    &dana().token.key().fingerprint(),
                    armor(&wire_blob(&dana(), b"x", TOUCHED), 70).as_bytes(),
                )
            }),
        );
        // Against what was known of it.
        let known = |series: &Series, seq: usize| format!("{seq} {}", series.id(seq));
        let (long, short) = (three(), Series::of(dana()).approve());
        self.chain("known", "What was known is there", "sound 3", &long).headers.push(("known", known(&long, 2)));
        self.chain("rewound", "It went back by two records", "Rewound", &short)
            .headers
            .push(("known", known(&long, 3)));
        let branch = Series::of(dana()).approve().add(|p| p.reason = "after the backup".into());
        self.chain("forked", "Another record in the place of the known one", "Forked", &branch)
            .headers
            .push(("known", known(&long, 2)));
        self.chain("known-zero", "A head with number 0 is no head", "Rewound", &long)
            .headers
            .push(("known", format!("0 {}", long.id(1))));
        let repaired = branch.clone().add(|p| {
            p.verdict = Verdict::Repair;
            p.chain.forks = vec![long.id(3)];
        });
        self.chain("repaired", "A repair names the head that was known", "sound 3", &repaired)
            .headers
            .push(("known", known(&long, 3)));
        // The branch that was given up was the longer one.
        let given_up = Series::of(dana()).approve().reject().approve().approve();
        let shorter = branch.clone().add(|p| {
            p.verdict = Verdict::Repair;
            p.chain.forks = vec![given_up.id(4)];
        });
        self.chain("repaired-shorter", "A repair names a known head beyond the chain's end", "sound 3", &shorter)
            .headers
            .push(("known", known(&given_up, 4)));
        let repaired_longer = branch.add(|p| {
            p.verdict = Verdict::Repair;
            p.chain.forks = vec!["a".repeat(64)];
        });
        self.chain("repaired-other", "A repair names another head", "Forked", &repaired_longer)
            .headers
            .push(("known", known(&long, 3)));
    }
}
