//! `drill-*`, `drills-*`, `command-drill-*`, `command-drills-*`: records of drills, of changes and of commands, of which
//! each departs in one thing from a sound one. Their format is v0: they change with it.

use undersign::change::digest::Digest;
use undersign::change::manifest::Manifest;
use undersign::command::authorization;
use undersign::command::drill_statement::{self as command_drill, CommandDrill};
use undersign::record::Signable as _;
use undersign::record::chain::MANIFEST_FILE;
use undersign::record::drill::{self, Drill, DrillStep, MAX_LENGTH, MAX_WORDS, Practised};
use undersign::record::statement::{Decimal, ManifestDigest, Target};
use undersign::record::typed::Statement;

use super::Maker;
use super::commands::{BAD, Change, Linked, encoded, lines, place, repository, sign_for, spelled};
use super::people::{NOW, dana, manifest, statement};
use super::signing::record;

/// The last second at which a drill that begins at [`NOW`] may end.
const LATEST: u64 = NOW + MAX_LENGTH as u64;

/// A kind of drill, with a sound record of it.
trait Vectors: Practised {
    const STAGE: &'static str;
    const CHAINS: &'static str;
    /// The other kinds of record of which one might be taken for it.
    const OTHERS: [&'static str; 3];

    fn begin() -> Self;
    fn take(&mut self, step: DrillStep, drill: String);
    fn put(&mut self, seq: u64, prev: &str);
    /// More than a payload may have.
    fn swell(&mut self);
    fn files() -> Vec<(String, Vec<u8>)>;
}

impl Vectors for Drill {
    const STAGE: &'static str = "drill";
    const CHAINS: &'static str = "drills";
    const OTHERS: [&'static str; 3] = ["decision@undersign", command_drill::NAMESPACE, "git"];

    fn begin() -> Drill {
        Drill {
            step: DrillStep::Begin,
            drill: String::new(),
            principal: "dana".into(),
            roles: vec!["senior".into()],
            repository: repository(),
            target: Target { name: "refs/heads/main".into(), tip: "1".repeat(40) },
            commit: "3".repeat(40),
            manifest: ManifestDigest {
                sha256: manifest().digest().to_string(),
                paths: Decimal(manifest().len() as u64),
            },
            authors: vec!["Mina H\u{f6}fer <mina@example.com>".into()],
            issued_at: Decimal(NOW),
            not_after: Decimal(NOW + 3_600),
            chain: place(&dana(), 1, ""),
            nonce: "0".repeat(32),
            tool: "undersign vectors".into(),
            reason: "The drill of May \u{2013} \u{6f22}\u{5b57}".into(),
        }
    }

    fn take(&mut self, step: DrillStep, drill: String) {
        (self.step, self.drill) = (step, drill);
    }

    fn put(&mut self, seq: u64, prev: &str) {
        self.chain = place(&dana(), seq, prev);
    }

    fn swell(&mut self) {
        self.authors = vec!["x".repeat(4 << 10); 17];
    }

    fn files() -> Vec<(String, Vec<u8>)> {
        vec![(MANIFEST_FILE.to_owned(), manifest().encode())]
    }
}

impl Vectors for CommandDrill {
    const STAGE: &'static str = "command-drill";
    const CHAINS: &'static str = "command-drills";
    const OTHERS: [&'static str; 3] = [authorization::NAMESPACE, drill::NAMESPACE, "git"];

    fn begin() -> CommandDrill {
        CommandDrill {
            step: DrillStep::Begin,
            drill: String::new(),
            principal: "dana".into(),
            roles: vec!["oncall".into()],
            repository: repository(),
            target: "shop-prod".into(),
            broker: "b".repeat(64),
            request: "c".repeat(64),
            command: "d".repeat(64),
            answers: vec!["e".repeat(64)],
            issued_at: Decimal(NOW),
            not_after: Decimal(NOW + 1_800),
            chain: place(&dana(), 1, ""),
            nonce: "0".repeat(32),
            tool: "undersign vectors".into(),
            reason: "The drill of May \u{2013} \u{6f22}\u{5b57}".into(),
        }
    }

    fn take(&mut self, step: DrillStep, drill: String) {
        (self.step, self.drill) = (step, drill);
    }

    fn put(&mut self, seq: u64, prev: &str) {
        self.chain = place(&dana(), seq, prev);
    }

    fn swell(&mut self) {
        self.roles = vec!["oncall".into(); 4 << 10];
    }

    fn files() -> Vec<(String, Vec<u8>)> {
        Vec::new()
    }
}

/// The members that both kinds have, under the same names.
macro_rules! members_of_both {
    ($kind:ty) => {{
        let all: Vec<Change<$kind>> = vec![
            ("begin-named", "A beginning of another drill", Box::new(|d| d.drill = "1".repeat(64))),
            ("join-nothing", "Somebody who joins nothing", Box::new(|d| d.step = DrillStep::Join)),
            ("review-nothing", "A review of nothing", Box::new(|d| d.step = DrillStep::Review)),
            (
                "review-short",
                "A review of what is no id",
                Box::new(|d| (d.step, d.drill) = (DrillStep::Review, "1".repeat(63))),
            ),
            ("principal", "A principal that is no id", Box::new(|d| d.principal = "Dana".into())),
            ("principal-long", "A principal of 33 characters", Box::new(|d| d.principal = "d".repeat(33))),
            ("role", "A role that is no id", Box::new(|d| d.roles[0] = "Senior".into())),
            ("repository", "A repository that is no id", Box::new(|d| d.repository.id = "Shop 1".into())),
            ("uri", "A URL of more than 4 KiB", Box::new(|d| d.repository.uri = "x".repeat((4 << 10) + 1))),
            ("times", "It ends before it begins", Box::new(|d| d.not_after = Decimal(NOW - 1))),
            ("times-long", "It ends a second after 30 days", Box::new(|d| d.not_after = Decimal(LATEST + 1))),
            (
                "times-large",
                "Signed after 2^63 - 1",
                Box::new(|d| (d.issued_at, d.not_after) = (Decimal(1 << 63), Decimal(1 << 63))),
            ),
            ("chain-id", "A chain id of 15 digits", Box::new(|d| d.chain.id = "0".repeat(15))),
            ("chain-zero", "Record 0 of its chain", Box::new(|d| d.chain.seq = Decimal(0))),
            ("chain-prev", "A record before the first", Box::new(|d| d.chain.prev = "1".repeat(64))),
            ("chain-forks", "One that says which branch holds", Box::new(|d| d.chain.forks = vec!["1".repeat(64)])),
            ("nonce", "A nonce of 31 digits", Box::new(|d| d.nonce = "0".repeat(31))),
            ("tool", "A tool of more than 4 KiB", Box::new(|d| d.tool = "x".repeat((4 << 10) + 1))),
            ("reason", "A reason of blanks", Box::new(|d| d.reason = "\u{3000} \n".into())),
            ("reason-long", "A reason of more than 4 KiB", Box::new(|d| d.reason = "x".repeat(MAX_WORDS + 1))),
        ];
        let sound: Vec<Change<$kind>> = vec![
            ("sound-join", "A step of another person", Box::new(|d| d.take(DrillStep::Join, "1".repeat(64)))),
            ("sound-review", "A review", Box::new(|d| d.take(DrillStep::Review, "1".repeat(64)))),
            ("sound-longest", "One of 30 days", Box::new(|d| d.not_after = Decimal(LATEST))),
            ("sound-at-once", "One that ends when it begins", Box::new(|d| d.not_after = Decimal(NOW))),
            ("sound-roles", "Of nobody's role", Box::new(|d| d.roles.clear())),
            ("sound-words", "A reason of 4 KiB", Box::new(|d| d.reason = "x".repeat(MAX_WORDS))),
        ];
        (all, sound)
    }};
}

fn of_changes() -> Vec<Change<Drill>> {
    vec![
        ("ref", "A ref by its short name", Box::new(|d| d.target.name = "main".into())),
        ("tip", "A tip of 39 digits", Box::new(|d| d.target.tip = "1".repeat(39))),
        ("commit", "A commit of 39 digits", Box::new(|d| d.commit = "3".repeat(39))),
        ("manifest", "A digest in upper case", Box::new(|d| d.manifest.sha256.make_ascii_uppercase())),
        (
            "manifest-none",
            "A change of nothing, which every other one is, too",
            Box::new(|d| d.manifest.paths = Decimal(0)),
        ),
        ("authors", "1,001 authors", Box::new(|d| d.authors = vec!["m <m>".into(); 1_001])),
        ("author", "An author of more than 4 KiB", Box::new(|d| d.authors[0] = "x".repeat((4 << 10) + 1))),
    ]
}

fn of_commands() -> Vec<Change<CommandDrill>> {
    vec![
        ("target", "A target that is no id", Box::new(|d| d.target = "../prod".into())),
        ("broker", "A broker of 63 digits", Box::new(|d| d.broker = "b".repeat(63))),
        ("request", "No request", Box::new(|d| d.request.clear())),
        ("command", "A command digest in upper case", Box::new(|d| d.command = "D".repeat(64))),
        ("answer", "An answer to nothing", Box::new(|d| d.answers[0].clear())),
        ("answers", "257 answers", Box::new(|d| d.answers = vec!["e".repeat(64); 257])),
    ]
}

impl Maker {
    pub(super) fn drills(&mut self) {
        let (faults, sound) = members_of_both!(Drill);
        self.drills_of("sound", sound);
        self.drills_of(
            "sound",
            vec![("sound-alone", "Of nobody's change", Box::new(|d: &mut Drill| d.authors.clear()))],
        );
        self.drills_of(BAD, faults);
        self.drills_of(BAD, of_changes());
        self.drill_texts::<Drill>();
        self.drill_chains::<Drill>();
        self.drill_manifests();
        let (faults, sound) = members_of_both!(CommandDrill);
        self.drills_of("sound", sound);
        let most: Vec<Change<CommandDrill>> = vec![
            ("sound-answers", "256 answers", Box::new(|d| d.answers = vec!["e".repeat(64); 256])),
            ("sound-unanswered", "It answers no refusal", Box::new(|d| d.answers.clear())),
        ];
        self.drills_of("sound", most);
        self.drills_of(BAD, faults);
        self.drills_of(BAD, of_commands());
        self.drill_texts::<CommandDrill>();
        self.drill_chains::<CommandDrill>();
    }

    fn drill<P: Vectors>(&mut self, name: &str, what: &str, expect: &str, payload: &[u8]) {
        self.push(P::STAGE, name, what, expect, sign_for(&dana(), P::NAMESPACE, payload));
    }

    fn drills_of<P: Vectors>(&mut self, expect: &str, changes: Vec<Change<P>>) {
        for (name, what, change) in changes {
            let mut changed = P::begin();
            change(&mut changed);
            assert_ne!(changed, P::begin(), "{name}");
            self.drill::<P>(name, what, expect, &encoded(changed));
        }
    }

    /// What the types cannot express, and what is signed for something else.
    fn drill_texts<P: Vectors>(&mut self) {
        let payload = || encoded(P::begin());
        self.drill::<P>("sound-begin", "A beginning", "sound", &payload());
        for (name, what, from, to) in [
            ("step", "A step that is none", "\"step\": \"begin\"", "\"step\": \"break-glass\""),
            ("member", "A member that nobody knows", "\"tool\":", "\"more\": \"\",\n    \"tool\":"),
            (
                "verdict",
                "A verdict, as if it were no drill",
                "\"tool\":",
                "\"verdict\": \"break-glass\",\n    \"tool\":",
            ),
            ("twice", "A member that is there twice", "\"drill\": \"\"", "\"drill\": \"\",\n    \"drill\": \"\""),
        ] {
            self.drill::<P>(&format!("text-{name}"), what, BAD, &spelled(payload(), from, to));
        }
        let text = spelled(payload(), "  \"subject\"", "   \"subject\"");
        self.drill::<P>("text-spelling", "Spelled otherwise", "JsonMalformed", &text);
        for (name, what, to) in [
            ("v1", "A version of the format that is not this one", P::TYPE.replace("v0", "v1")),
            ("decision", "The type of a decision", "urn:undersign:decision:v1".to_owned()),
            ("authorization", "The type of an authorization", authorization::TYPE.to_owned()),
        ] {
            let text = spelled(payload(), P::TYPE, &to);
            self.drill::<P>(&format!("type-{name}"), what, "PredicateType", &text);
        }
        let mut other = Statement::new(P::begin());
        other.subject[0].name = "elsewhere".into();
        self.drill::<P>("subject-name", "Another subject than the predicate's", "Subject", &other.encode());
        let mut none = Statement::new(P::begin());
        none.subject.clear();
        self.drill::<P>("subject-none", "No subject", "Subject", &none.encode());
        let mut two = Statement::new(P::begin());
        two.subject.push(two.subject[0].clone());
        self.drill::<P>("subject-two", "Two subjects: in-toto would match either", "Subject", &two.encode());
        let mut large = P::begin();
        large.swell();
        self.drill::<P>("large", "A payload of more than 64 KiB", "TooLarge", &encoded(large));
        for namespace in P::OTHERS {
            let name = format!("namespace-{}", namespace.trim_end_matches("@undersign"));
            let body = sign_for(&dana(), namespace, &payload());
            self.push(P::STAGE, &name, &format!("Signed for {namespace}"), "Namespace", body);
        }
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let payload_of = |envelope: &str| envelope.split('"').nth(3).unwrap().to_owned();
        let mut joins = P::begin();
        joins.take(DrillStep::Join, "1".repeat(64));
        let own = text(sign_for(&dana(), P::NAMESPACE, &payload()));
        let other = text(sign_for(&dana(), P::NAMESPACE, &encoded(joins)));
        let body = own.replace(&payload_of(&own), &payload_of(&other)).into_bytes();
        self.push(P::STAGE, "signature-other", "The signature of another record", "SignatureInvalid", body);
        self.push(P::STAGE, "decision", "A decision", "Namespace", record(&statement(&dana()), &dana()));
    }

    /// Chains: what lies beside a record, and records that belong elsewhere.
    fn drill_chains<P: Vectors>(&mut self) {
        let all: Vec<Linked> = held::<P>().into_iter().map(|envelope| (envelope, P::files())).collect();
        let mut push = |name: &str, what: &str, expect: &str, change: &dyn Fn(&mut Vec<Linked>)| {
            let mut links = all.clone();
            change(&mut links);
            self.push(P::CHAINS, name, what, expect, lines(&dana(), &links));
        };
        push("sound", "A drill: its beginning, another's step, and its review", "sound 3", &|_| {});
        push("file", "A file that does not belong to it", "Attachment 1", &|l| {
            l[0].1.push((Digest::of(b"more").to_string(), b"more".to_vec()));
        });
        push("gap", "The second step is missing", "ChainGap 2", &|l| _ = l.remove(1));
        push("decision", "A decision among them", "Namespace 1", &|l| {
            l[0] = (record(&statement(&dana()), &dana()), Vec::new());
        });
        // The other way round: what takes no drill.
        let one = || held::<P>().remove(0);
        let link = lines(&dana(), &[(one(), P::files())]);
        let what = format!("A record of the stage {} among authorizations", P::STAGE);
        self.push("authorizations", P::STAGE, &what, "Namespace 1", link);
        let text = String::from_utf8(lines(&dana(), &[(one(), Vec::new())])).unwrap().replace('\n', " - -\n");
        let text = text.replacen(" - -\n", "\n", 1);
        let what = format!("A record of the stage {} among decisions", P::STAGE);
        self.push("chain", P::STAGE, &what, "Namespace 1", text.into_bytes());
    }

    fn drill_manifests(&mut self) {
        let begin = |paths: u64, bytes: &[u8]| {
            let mut own = Drill::begin();
            own.manifest = ManifestDigest { sha256: Digest::of(bytes).to_string(), paths: Decimal(paths) };
            sign_for(&dana(), drill::NAMESPACE, &encoded(own))
        };
        let (whole, none) = (manifest().encode(), Manifest::default().encode());
        let paths = manifest().len() as u64;
        for (name, what, expect, envelope, file) in [
            ("manifest-missing", "The manifest is not beside it", "Attachment 1", begin(paths, &whole), None),
            ("manifest-other", "Another manifest", "Attachment 1", begin(paths, &whole), Some(none)),
            (
                "manifest-paths",
                "A number of paths that it has not",
                "ManifestMalformed 1",
                begin(paths + 1, &whole),
                Some(whole.clone()),
            ),
            (
                "manifest-text",
                "A manifest that is none",
                "ManifestMalformed 1",
                begin(1, b"x\n"),
                Some(b"x\n".to_vec()),
            ),
        ] {
            let files = file.map(|bytes| (MANIFEST_FILE.to_owned(), bytes)).into_iter().collect();
            self.push("drills", name, what, expect, lines(&dana(), &[(envelope, files)]));
        }
    }
}

/// A drill: its beginning, another step, and its review, all by dana, each naming the one before.
fn held<P: Vectors>() -> Vec<Vec<u8>> {
    let (mut records, mut prev, mut began) = (Vec::new(), String::new(), String::new());
    for (seq, step) in (1..).zip([DrillStep::Begin, DrillStep::Join, DrillStep::Review]) {
        let mut own = P::begin();
        own.take(step, began.clone());
        own.put(seq, &prev);
        let payload = encoded(own);
        prev = Digest::of(&payload).to_string();
        if seq == 1 {
            began = prev.clone();
        }
        records.push(sign_for(&dana(), P::NAMESPACE, &payload));
    }
    records
}
