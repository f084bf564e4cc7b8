//! `run-*`, `authorization-*`, `runs-*`, `authorizations-*`: records about commands, of which each departs in one thing
//! from a sound one. Their format is v0: they change with it.

use base64ct::{Base64, Encoding as _};
use undersign::change::digest::Digest;
use undersign::command::Verdict;
use undersign::command::authorization::{self, Authorization, Finding, Omission, RUNS, RequestText, View};
use undersign::command::receipt::{self, Ended, Event, Outcome, Output, Run, Started, YesNo};
use undersign::command::request::{
    Asked, Command, Input, Kept, Limits, MAX_ITEMS, Preview, PreviewBy, Program, Proof, Request, Variable,
};
use undersign::command::statement::{Predicate, Statement};
use undersign::record::Signable as _;
use undersign::record::chain::file_name;
use undersign::record::key::KeyType;
use undersign::record::statement::{Decimal, Link, PolicyName, RepositoryName, SeenHead};

use super::Maker;
use super::people::{DEVICE, NOW, Person, TOUCHED, chain_id, dana, statement};
use super::signing::{armor, blob_of, envelope, record, sha512, to_be_signed};
use crate::token::Token;

/// What a change of a sound record leads to.
pub(super) const BAD: &str = "StatementMalformed";
const SCRIPT: &[u8] = b"DROP TABLE orders;\n";

/// An envelope, and the files beside it by their names.
pub(super) type Linked = (Vec<u8>, Vec<(String, Vec<u8>)>);
pub(super) type Change<P> = (&'static str, &'static str, Box<dyn FnOnce(&mut P)>);

/// The broker of all vectors.
pub(super) fn ops() -> Person {
    Person { id: "ops", token: Token::new(KeyType::Ed25519, 50) }
}

/// A record signed for any purpose.
pub(super) fn sign_for(person: &Person, namespace: &str, payload: &[u8]) -> Vec<u8> {
    let signed = to_be_signed(namespace, b"sha512", &sha512(&undersign::record::envelope::pae(payload)));
    let blob = blob_of(&person.token.blob(), namespace, b"sha512", &person.token.sign(&signed, TOUCHED));
    envelope(payload, &person.token.key().fingerprint(), armor(&blob, 70).as_bytes())
}

pub(super) fn repository() -> RepositoryName {
    RepositoryName { id: "vectors-1".into(), uri: "https://example.com/shop".into() }
}

pub(super) fn place(person: &Person, seq: u64, prev: &str) -> Link {
    let key = chain_id(person).key;
    Link { key, id: DEVICE.into(), seq: Decimal(seq), prev: prev.to_owned(), forks: Vec::new() }
}

fn policy_name() -> PolicyName {
    PolicyName { version: Decimal(1), sha256: "6".repeat(64) }
}

/// A sound request: a script for psql, without a preview.
fn request() -> Request {
    let path = "/var/lib/undersign/in/shop-prod/sql";
    Request {
        command: Command {
            entry: "migrate".into(),
            argv: ["/usr/bin/psql", "-X", "-f", path].map(str::to_owned).into(),
            program: Program { path: "/usr/bin/psql".into(), sha256: "a".repeat(64) },
            cwd: "/".into(),
            env: vec![Variable { name: "PATH".into(), value: "/usr/bin:/bin".into() }],
            secrets: vec!["PGPASSWORD".into()],
            stdin: String::new(),
            inputs: vec![Input {
                role: "sql".into(),
                path: path.into(),
                sha256: Digest::of(SCRIPT).to_string(),
                size: Decimal(SCRIPT.len() as u64),
                kept: Kept::Record,
            }],
            uid: Decimal(990),
            limits: Limits { time: Decimal(1_800), output: Decimal(1 << 20) },
        },
        preview: Preview::none("psql is not asked"),
        asked: Asked {
            operator: "mina".into(),
            proof: Proof::Proven,
            by: "account 1000".into(),
            claims: vec!["an agent".into()],
        },
        why: "The orders are wrong \u{2013} \u{6f22}\u{5b57}".into(),
        ticket: "SHOP-7".into(),
        way_back: "none".into(),
        replaces: String::new(),
        not_before: Decimal(NOW - 600),
        not_after: Decimal(NOW + 1_200),
        policy: policy_name(),
        settings: "b".repeat(64),
    }
}

fn run(event: Event) -> Run {
    Run {
        repository: repository(),
        target: "shop-prod".into(),
        broker: chain_id(&ops()).key,
        event,
        chain: place(&ops(), 1, ""),
        seen: Vec::new(),
        issued_at: Decimal(NOW - 600),
        nonce: "0".repeat(32),
        tool: "undersign vectors".into(),
    }
}

fn admitted() -> Run {
    run(Event::Admitted(Box::new(request())))
}

fn started() -> Run {
    run(Event::Started(Started {
        request: "c".repeat(64),
        authorizations: vec!["d".repeat(64)],
        emergency: YesNo::No,
        policy: policy_name(),
        level: "L2".into(),
        proofs: vec!["commands run as account 990".into()],
        program: "a".repeat(64),
    }))
}

fn ended() -> Run {
    run(Event::Ended(Ended {
        request: "c".repeat(64),
        outcome: Outcome::Exit,
        code: Decimal(3),
        began: Decimal(NOW - 500),
        finished: Decimal(NOW - 490),
        output: Output { stdout: "e".repeat(64), stderr: "f".repeat(64), bytes: Decimal(17) },
    }))
}

/// A sound authorization of [`request`], by dana.
fn authorization() -> Authorization {
    let text = Statement::new(admitted()).encode();
    Authorization {
        verdict: Verdict::Authorize,
        principal: "dana".into(),
        roles: vec!["senior".into()],
        repository: repository(),
        target: "shop-prod".into(),
        broker: chain_id(&ops()).key,
        request: RequestText { id: Digest::of(&text).to_string(), text: String::from_utf8(text).unwrap() },
        command: admitted().command_digest().unwrap().to_string(),
        view: View { sha256: "8".repeat(64), rows: Decimal(40), seen: Decimal(40), omissions: Vec::new() },
        findings: vec![Finding { rule: "drop-table".into(), severity: "high".into(), answer: "Known.".into() }],
        policy: policy_name(),
        runs: Decimal(RUNS),
        issued_at: Decimal(NOW - 300),
        not_before: Decimal(NOW - 300),
        not_after: Decimal(NOW + 900),
        supersedes: Vec::new(),
        answers: Vec::new(),
        chain: place(&dana(), 1, ""),
        seen: Vec::new(),
        nonce: "0".repeat(32),
        tool: "undersign vectors".into(),
        reason: String::new(),
    }
}

/// An authorization about no request.
fn about_nothing(verdict: Verdict) -> impl FnOnce(&mut Authorization) {
    move |own| {
        own.verdict = verdict;
        own.request = RequestText { id: String::new(), text: String::new() };
        own.command = String::new();
        own.reason = "as said".into();
    }
}

pub(super) fn encoded<P: Predicate>(predicate: P) -> Vec<u8> {
    Statement::new(predicate).encode()
}

/// Another text of a payload: what the types cannot express.
pub(super) fn spelled(payload: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(payload).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}

impl Maker {
    fn run(&mut self, name: &str, what: &str, expect: &str, payload: &[u8]) {
        let body = sign_for(&ops(), receipt::NAMESPACE, payload);
        self.push("run", name, what, expect, body);
    }

    fn authorization(&mut self, name: &str, what: &str, expect: &str, payload: &[u8]) {
        let body = sign_for(&dana(), authorization::NAMESPACE, payload);
        self.push("authorization", name, what, expect, body);
    }

    fn runs_of(&mut self, expect: &str, base: fn() -> Run, changes: Vec<Change<Run>>) {
        for (name, what, change) in changes {
            let mut changed = base();
            change(&mut changed);
            assert_ne!(changed, base(), "{name}");
            self.run(name, what, expect, &encoded(changed));
        }
    }

    fn requests_of(&mut self, expect: &str, changes: Vec<Change<Request>>) {
        for (name, what, change) in changes {
            let mut changed = request();
            change(&mut changed);
            assert_ne!(changed, request(), "{name}");
            self.run(name, what, expect, &encoded(run(Event::Admitted(Box::new(changed)))));
        }
    }

    fn authorizations_of(&mut self, expect: &str, changes: Vec<Change<Authorization>>) {
        for (name, what, change) in changes {
            let mut changed = authorization();
            change(&mut changed);
            assert_ne!(changed, authorization(), "{name}");
            self.authorization(name, what, expect, &encoded(changed));
        }
    }

    pub(super) fn commands(&mut self) {
        self.sound_runs();
        self.requests_of(BAD, command_forms());
        self.requests_of(BAD, request_forms());
        self.runs_of(BAD, admitted, run_forms());
        self.runs_of(BAD, started, started_forms());
        self.runs_of(BAD, ended, ended_forms());
        self.run_texts();
        self.authorizations_of("sound", sound_authorizations());
        self.authorizations_of(BAD, authorization_forms());
        self.authorizations_of(BAD, verdict_forms());
        self.authorizations_of(BAD, request_texts());
        self.authorization_texts();
        self.command_chains();
    }

    fn sound_runs(&mut self) {
        self.run("sound-admitted", "A request", "sound", &encoded(admitted()));
        self.run("sound-started", "A start", "sound", &encoded(started()));
        self.run("sound-ended", "An end, with an exit code", "sound", &encoded(ended()));
        for (name, outcome) in [
            ("timeout", Outcome::Timeout),
            ("stopped", Outcome::Stopped),
            ("unknown", Outcome::Unknown),
            ("not-run", Outcome::NotRun),
        ] {
            let mut own = ended();
            let Event::Ended(end) = &mut own.event else { panic!() };
            (end.outcome, end.code) = (outcome, Decimal(0));
            self.run(&format!("sound-ended-{name}"), &format!("An end: {outcome}"), "sound", &encoded(own));
        }
        self.requests_of(
            "sound",
            vec![
                ("sound-unlisted", "It matches no entry", Box::new(|r| r.command.entry.clear())),
                (
                    "sound-bytes",
                    "An argument with bytes that are no text, and a backslash",
                    Box::new(|r| r.command.argv.push("\\xff \\x5c \u{e4}".into())),
                ),
                (
                    "sound-nobody",
                    "For nobody that is named, which is only claimed",
                    Box::new(|r| (r.asked.operator, r.asked.proof) = (String::new(), Proof::Claimed)),
                ),
                ("sound-claimed", "For mina, which is only claimed", Box::new(|r| r.asked.proof = Proof::Claimed)),
                ("sound-stdin", "An input on its standard input", Box::new(|r| r.command.stdin = "sql".into())),
                (
                    "sound-preview",
                    "A preview of the broker",
                    Box::new(|r| {
                        let (sha256, no) = ("9".repeat(64), Decimal(0));
                        let (tool, by) = ("psql".into(), PreviewBy::Broker);
                        r.preview = Preview { tool, by, sha256, destroys: Decimal(1), replaces: no, unclear: no };
                    }),
                ),
                (
                    "sound-uid",
                    "The highest account but one",
                    Box::new(|r| r.command.uid = Decimal(u64::from(u32::MAX) - 1)),
                ),
            ],
        );
    }

    /// What the types cannot express, and what is signed for something else.
    fn run_texts(&mut self) {
        let payload = || encoded(admitted());
        for (name, what, from, to) in [
            ("member", "A member that nobody knows", "\"tool\":", "\"more\": \"\",\n    \"tool\":"),
            ("event", "An event that is none", "\"admitted\": {", "\"paused\": {"),
            ("proof", "A proof that is none", "\"proof\": \"proven\"", "\"proof\": \"sworn\""),
            ("kept", "An input that is kept nowhere", "\"kept\": \"record\"", "\"kept\": \"nowhere\""),
            ("number", "A number that is none of ours", "\"uid\": \"990\"", "\"uid\": 990"),
        ] {
            self.run(&format!("text-{name}"), what, BAD, &spelled(payload(), from, to));
        }
        let twice = "\"ticket\": \"SHOP-7\",\n        \"ticket\": \"SHOP-8\"";
        let text = spelled(payload(), "\"ticket\": \"SHOP-7\"", twice);
        self.run("text-twice", "A member that is there twice", BAD, &text);
        let text = spelled(payload(), "  \"subject\"", "   \"subject\"");
        self.run("text-spelling", "Spelled otherwise", "JsonMalformed", &text);
        let text = spelled(payload(), "\"uid\": \"990\"", "\"uid\": \"0990\"");
        self.run("text-number-zero", "A number with a zero before it", "JsonMalformed", &text);
        let two = "\"event\": {\n      \"started\": {},\n";
        self.run("text-events", "Two events in one record", BAD, &spelled(payload(), "\"event\": {\n", two));
        for (name, what, to) in [
            ("type-v1", "A version of the format that is not this one", "run:v1"),
            ("type-authorization", "The type of an authorization", "authorization:v0"),
            ("type-decision", "The type of a decision", "decision:v1"),
        ] {
            self.run(name, what, "PredicateType", &spelled(payload(), "run:v0", to));
        }
        let text = spelled(payload(), "\"name\": \"shop-prod\"", "\"name\": \"shop-test\"");
        self.run("subject-target", "Another target than the predicate's", "Subject", &text);
        let digest = admitted().command_digest().unwrap().to_string();
        let text = spelled(payload(), &digest, &"1".repeat(64));
        self.run("subject-digest", "Another command than the predicate's", "Subject", &text);
        let text = spelled(encoded(started()), &"c".repeat(64), &"1".repeat(64));
        self.run("subject-request", "Another request than that of the start", "Subject", &text);
        let mut none = Statement::new(admitted());
        none.subject.clear();
        self.run("subject-none", "No subject", "Subject", &none.encode());
        let mut two = Statement::new(admitted());
        two.subject.push(two.subject[0].clone());
        self.run("subject-two", "Two subjects: in-toto would match either", "Subject", &two.encode());
        let mut large = request();
        large.asked.claims = vec!["x".repeat(4 << 10); 12];
        let large = encoded(run(Event::Admitted(Box::new(large))));
        self.run("large", "A payload of more than 48 KiB", "TooLarge", &large);
        for (name, namespace) in
            [("decision", "decision@undersign"), ("command", authorization::NAMESPACE), ("git", "git")]
        {
            let body = sign_for(&ops(), namespace, &payload());
            self.push("run", &format!("namespace-{name}"), &format!("Signed for {namespace}"), "Namespace", body);
        }
        let mut body = sign_for(&ops(), receipt::NAMESPACE, &payload());
        let other = sign_for(&ops(), receipt::NAMESPACE, &encoded(started()));
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let payload_of = |bytes: &[u8]| text(bytes).split('"').nth(3).unwrap().to_owned();
        body = text(&body).replace(&payload_of(&body), &payload_of(&other)).into_bytes();
        self.push("run", "signature-other", "The signature of another record", "SignatureInvalid", body);
        let decision = record(&statement(&dana()), &dana());
        self.push("run", "decision", "A decision", "Namespace", decision);
    }

    fn authorization_texts(&mut self) {
        let payload = || encoded(authorization());
        for (name, what, from, to) in [
            ("verdict", "A verdict that is none", "\"verdict\": \"authorize\"", "\"verdict\": \"approve\""),
            ("member", "A member that nobody knows", "\"tool\":", "\"more\": \"\",\n    \"tool\":"),
            ("runs", "Runs as a number", "\"runs\": \"1\"", "\"runs\": 1"),
        ] {
            self.authorization(&format!("text-{name}"), what, BAD, &spelled(payload(), from, to));
        }
        let twice = "\"principal\": \"rahim\",\n    \"principal\": \"dana\"";
        let text = spelled(payload(), "\"principal\": \"dana\"", twice);
        self.authorization("text-twice", "A member that is there twice", BAD, &text);
        for (name, what, to) in [
            ("type-v1", "A version of the format that is not this one", "urn:undersign:authorization:v1\",\n  \"pr"),
            ("type-run", "The type of a run", "urn:undersign:run:v0\",\n  \"pr"),
        ] {
            let text = spelled(payload(), "urn:undersign:authorization:v0\",\n  \"pr", to);
            self.authorization(name, what, "PredicateType", &text);
        }
        let text = spelled(payload(), "\"name\": \"shop-prod\"", "\"name\": \"shop-test\"");
        self.authorization("subject-target", "Another target than the predicate's", "Subject", &text);
        let id = authorization().request.id;
        let text = spelled(payload(), &id, &"1".repeat(64));
        self.authorization("subject-request", "Another request than the predicate's", "Subject", &text);
        let mut large = authorization();
        large.view.omissions = vec![Omission { what: "x".repeat(4 << 10), acknowledged: "y".into() }; 64];
        self.authorization("large", "A payload of more than 256 KiB", "TooLarge", &encoded(large));
        for (name, namespace) in [("decision", "decision@undersign"), ("run", receipt::NAMESPACE), ("git", "git")] {
            let body = sign_for(&dana(), namespace, &payload());
            let what = format!("Signed for {namespace}");
            self.push("authorization", &format!("namespace-{name}"), &what, "Namespace", body);
        }
    }

    /// Chains: what lies beside a record, and records that belong elsewhere.
    fn command_chains(&mut self) {
        let script = || vec![(Digest::of(SCRIPT).to_string(), SCRIPT.to_vec())];
        let links = || story().into_iter().zip([script(), Vec::new(), Vec::new()]).collect::<Vec<_>>();
        let mut push = |name: &str, what: &str, expect: &str, change: &dyn Fn(&mut Vec<Linked>)| {
            let mut links: Vec<Linked> = links();
            change(&mut links);
            self.push("runs", name, what, expect, lines(&ops(), &links));
        };
        push("sound", "A request, its start and its end", "sound 3", &|_| {});
        push("input-missing", "The script of the request is not beside it", "Attachment 1", &|l| l[0].1.clear());
        push("input-other", "Another script under its name", "Attachment 1", &|l| {
            l[0].1[0].1 = b"SELECT 1;\n".to_vec()
        });
        push("input-more", "A file that the request does not name", "Attachment 1", &|l| {
            l[0].1.push((Digest::of(b"more").to_string(), b"more".to_vec()));
        });
        push("start-more", "A file beside a start", "Attachment 2", &|l| {
            l[1].1 = vec![(Digest::of(b"").to_string(), Vec::new())]
        });
        push("gap", "The start is missing", "ChainGap 2", &|l| _ = l.remove(1));
        push("decision", "A decision among them", "Namespace 1", &|l| {
            l[0] = (record(&statement(&dana()), &dana()), Vec::new());
        });
        push("authorization", "An authorization among them", "Namespace 1", &|l| {
            l[0] = (sign_for(&dana(), authorization::NAMESPACE, &encoded(authorization())), Vec::new());
        });
        let own = sign_for(&dana(), authorization::NAMESPACE, &encoded(authorization()));
        let mut push = |name: &str, what: &str, expect: &str, links: &[Linked]| {
            self.push("authorizations", name, what, expect, lines(&dana(), links));
        };
        push("sound", "One authorization", "sound 1", &[(own.clone(), Vec::new())]);
        push("file", "A file beside an authorization", "Attachment 1", &[(own.clone(), script())]);
        push("run", "A record of a broker", "Namespace 1", &[(story().remove(0), script())]);
        push("decision", "A decision", "Namespace 1", &[(record(&statement(&dana()), &dana()), Vec::new())]);
        let body = format!("chain {}\nlink {} {} - -\n", chain_id(&dana()), file_name(1), Base64::encode_string(&own));
        self.push("chain", "authorization", "An authorization among decisions", "Namespace 1", body.into_bytes());
    }
}

/// A request, its start and its end, each naming the one before.
fn story() -> Vec<Vec<u8>> {
    let (mut records, mut prev, mut id) = (Vec::new(), String::new(), String::new());
    for (seq, mut own) in (1..).zip([admitted(), started(), ended()]) {
        own.chain = place(&ops(), seq, &prev);
        match &mut own.event {
            Event::Started(start) => start.request = id.clone(),
            Event::Ended(end) => end.request = id.clone(),
            Event::Admitted(_) => {}
        }
        let payload = encoded(own);
        prev = Digest::of(&payload).to_string();
        if seq == 1 {
            id = prev.clone();
        }
        records.push(sign_for(&ops(), receipt::NAMESPACE, &payload));
    }
    records
}

/// The body of a vector of a chain.
pub(super) fn lines(person: &Person, links: &[Linked]) -> Vec<u8> {
    let mut out = format!("chain {}\n", chain_id(person));
    for (seq, (envelope, files)) in (1..).zip(links) {
        out.push_str(&format!("link {} {}", file_name(seq), Base64::encode_string(envelope)));
        files.iter().for_each(|(name, bytes)| out.push_str(&format!(" {name}={}", Base64::encode_string(bytes))));
        out.push('\n');
    }
    out.into_bytes()
}

fn command_forms() -> Vec<Change<Request>> {
    vec![
        ("entry", "An entry that is no id", Box::new(|r| r.command.entry = "Migrate".into())),
        ("argv-none", "No arguments", Box::new(|r| r.command.argv.clear())),
        (
            "argv-program",
            "Another program as its first argument",
            Box::new(|r| r.command.argv[0] = "/usr/bin/id".into()),
        ),
        ("argv-spelling", "A letter as \\xNN", Box::new(|r| r.command.argv[1] = "\\x2dX".into())),
        ("argv-backslash", "A backslash that begins nothing", Box::new(|r| r.command.argv[1] = "\\X".into())),
        ("argv-long", "An argument of more than 4 KiB", Box::new(|r| r.command.argv[1] = "x".repeat((4 << 10) + 1))),
        ("argv-many", "257 arguments", Box::new(|r| r.command.argv.resize(MAX_ITEMS + 1, "x".into()))),
        ("program-relative", "A program that is no whole path", Box::new(|r| set_program(r, "psql"))),
        ("program-dots", "A path with ..", Box::new(|r| set_program(r, "/usr/../bin/psql"))),
        ("program-slashes", "A path with an empty part", Box::new(|r| set_program(r, "/usr//bin/psql"))),
        ("program-digest", "A digest of 63 digits", Box::new(|r| r.command.program.sha256 = "a".repeat(63))),
        ("program-upper", "A digest in upper case", Box::new(|r| r.command.program.sha256 = "A".repeat(64))),
        ("cwd", "A folder that is no whole path", Box::new(|r| r.command.cwd = "srv".into())),
        ("cwd-slash", "A folder with a slash at its end", Box::new(|r| r.command.cwd = "/srv/".into())),
        ("env-name", "A variable with a hyphen", Box::new(|r| r.command.env[0].name = "PA-TH".into())),
        ("env-digit", "A variable that begins with a digit", Box::new(|r| r.command.env[0].name = "1A".into())),
        ("env-empty", "A variable without a name", Box::new(|r| r.command.env[0].name.clear())),
        ("env-twice", "A variable that is there twice", Box::new(|r| r.command.env.push(r.command.env[0].clone()))),
        ("env-secret", "A variable that is a secret, too", Box::new(|r| r.command.secrets.push("PATH".into()))),
        ("env-nul", "A value with NUL", Box::new(|r| r.command.env[0].value = "a\0b".into())),
        ("secret", "A secret whose name is none", Box::new(|r| r.command.secrets[0] = "PG PASSWORD".into())),
        ("stdin", "An input on its standard input that it has not", Box::new(|r| r.command.stdin = "plan".into())),
        ("input-role", "A role that is none", Box::new(|r| r.command.inputs[0].role = "SQL".into())),
        ("input-path", "An input that is no whole path", Box::new(|r| r.command.inputs[0].path = "sql".into())),
        ("input-digest", "An input without a digest", Box::new(|r| r.command.inputs[0].sha256.clear())),
        (
            "input-role-twice",
            "A role that is there twice",
            Box::new(|r| r.command.inputs.push(Input { path: "/other".into(), ..r.command.inputs[0].clone() })),
        ),
        (
            "input-path-twice",
            "A path that is there twice",
            Box::new(|r| r.command.inputs.push(Input { role: "other".into(), ..r.command.inputs[0].clone() })),
        ),
        ("uid-overflow", "The account that stands for unknown ones", Box::new(|r| r.command.uid = Decimal(65_534))),
        ("uid-none", "The account that is none", Box::new(|r| r.command.uid = Decimal(u64::from(u32::MAX)))),
        ("uid-large", "An account of 33 bits", Box::new(|r| r.command.uid = Decimal(1 << 32))),
        ("time", "No time to run in", Box::new(|r| r.command.limits.time = Decimal(0))),
    ]
}

fn set_program(request: &mut Request, path: &str) {
    request.command.program.path = path.into();
    request.command.argv[0] = path.into();
}

fn request_forms() -> Vec<Change<Request>> {
    vec![
        ("preview-digest", "A preview by nobody, with a digest", Box::new(|r| r.preview.sha256 = "9".repeat(64))),
        ("preview-count", "A preview by nobody that destroys something", Box::new(|r| r.preview.destroys = Decimal(1))),
        ("preview-none", "A preview by the broker without a digest", Box::new(|r| r.preview.by = PreviewBy::Broker)),
        ("asked-nobody", "Proven to be for nobody", Box::new(|r| r.asked.operator.clear())),
        ("asked-operator", "An operator that is no id", Box::new(|r| r.asked.operator = "Mina H".into())),
        ("asked-by", "Who asks, in more than 4 KiB", Box::new(|r| r.asked.by = "x".repeat((4 << 10) + 1))),
        ("asked-claims", "257 claims", Box::new(|r| r.asked.claims = vec![String::new(); MAX_ITEMS + 1])),
        ("why", "A reason of more than 4 KiB", Box::new(|r| r.why = "x".repeat((4 << 10) + 1))),
        ("ticket", "A ticket of more than 4 KiB", Box::new(|r| r.ticket = "x".repeat((4 << 10) + 1))),
        ("way-back", "A way back of more than 4 KiB", Box::new(|r| r.way_back = "x".repeat((4 << 10) + 1))),
        ("replaces", "It replaces what is no id", Box::new(|r| r.replaces = "SHOP-6".into())),
        ("times", "It ends when it begins", Box::new(|r| r.not_after = r.not_before)),
        ("times-large", "It ends after 2^63 - 1", Box::new(|r| r.not_after = Decimal(1 << 63))),
        ("request-policy", "A policy without a digest", Box::new(|r| r.policy.sha256.clear())),
        ("settings", "Settings without a digest", Box::new(|r| r.settings.clear())),
    ]
}

fn run_forms() -> Vec<Change<Run>> {
    vec![
        ("target", "A target that is no id", Box::new(|r| r.target = "Shop".into())),
        ("target-long", "A target of 33 characters", Box::new(|r| r.target = "s".repeat(33))),
        ("repository", "A repository that is no id", Box::new(|r| r.repository.id = "Shop 1".into())),
        ("broker", "Another broker than the one whose chain it is", Box::new(|r| r.broker = "1".repeat(64))),
        ("chain-key", "The chain of another key", Box::new(|r| r.chain.key = "1".repeat(64))),
        ("chain-id", "A chain id of 15 digits", Box::new(|r| r.chain.id = "0".repeat(15))),
        ("chain-zero", "Record 0 of its chain", Box::new(|r| r.chain.seq = Decimal(0))),
        ("chain-prev", "A record before the first", Box::new(|r| r.chain.prev = "1".repeat(64))),
        ("chain-forks", "A broker that says which branch holds", Box::new(|r| r.chain.forks = vec!["1".repeat(64)])),
        (
            "seen",
            "A head of a chain that is none",
            Box::new(|r| r.seen = vec![SeenHead { chain: "dana".into(), seq: Decimal(1), record: "1".repeat(64) }]),
        ),
        ("issued", "Made after 2^63 - 1", Box::new(|r| r.issued_at = Decimal(1 << 63))),
        ("nonce", "A nonce of 31 digits", Box::new(|r| r.nonce = "0".repeat(31))),
        ("tool", "A tool of more than 4 KiB", Box::new(|r| r.tool = "x".repeat((4 << 10) + 1))),
    ]
}

fn start(change: impl FnOnce(&mut Started) + 'static) -> Box<dyn FnOnce(&mut Run)> {
    Box::new(move |run| match &mut run.event {
        Event::Started(own) => change(own),
        _ => panic!(),
    })
}

fn started_forms() -> Vec<Change<Run>> {
    vec![
        ("started-request", "The start of what is no id", start(|s| s.request = "1".repeat(63))),
        ("started-authorization", "It rests on what is no id", start(|s| s.authorizations[0] = "dana".into())),
        ("started-policy", "A policy without a digest", start(|s| s.policy.sha256.clear())),
        ("started-level", "A level that is none", start(|s| s.level = "L5".into())),
        ("started-level-none", "No level", start(|s| s.level.clear())),
        ("started-proof", "A proof of more than 4 KiB", start(|s| s.proofs[0] = "x".repeat((4 << 10) + 1))),
        ("started-program", "A program without a digest", start(|s| s.program.clear())),
    ]
}

fn end(change: impl FnOnce(&mut Ended) + 'static) -> Box<dyn FnOnce(&mut Run)> {
    Box::new(move |run| match &mut run.event {
        Event::Ended(own) => change(own),
        _ => panic!(),
    })
}

fn ended_forms() -> Vec<Change<Run>> {
    vec![
        ("ended-request", "The end of what is no id", end(|e| e.request = "C".repeat(64))),
        ("ended-code", "An exit code of 256", end(|e| e.code = Decimal(256))),
        ("ended-timeout-code", "Its time was over, and it has a code", end(|e| e.outcome = Outcome::Timeout)),
        ("ended-unknown-code", "Nobody knows, and it has a code", end(|e| e.outcome = Outcome::Unknown)),
        ("ended-not-run-code", "It did not run, and has a code", end(|e| e.outcome = Outcome::NotRun)),
        ("ended-began", "It began after 2^63 - 1", end(|e| e.began = Decimal(1 << 63))),
        ("ended-finished", "It ended after 2^63 - 1", end(|e| e.finished = Decimal(1 << 63))),
        ("ended-stdout", "An output without a digest", end(|e| e.output.stdout.clear())),
        ("ended-stderr", "An error output without a digest", end(|e| e.output.stderr.clear())),
    ]
}

fn sound_authorizations() -> Vec<Change<Authorization>> {
    let digest = || vec!["1".repeat(64)];
    vec![
        ("sound-authorize", "It may run", Box::new(|a| a.reason = "It is right.".into())),
        (
            "sound-refuse",
            "It must not run",
            Box::new(|a| (a.verdict, a.reason) = (Verdict::Refuse, "Not on a Friday.".into())),
        ),
        (
            "sound-break-glass",
            "It is let through in an emergency",
            Box::new(|a| (a.verdict, a.reason) = (Verdict::BreakGlass, "The shop is down.".into())),
        ),
        (
            "sound-withdraw",
            "Taken back",
            Box::new(move |a| {
                about_nothing(Verdict::Withdraw)(a);
                a.supersedes = digest();
            }),
        ),
        (
            "sound-handover",
            "A refusal of somebody else, taken over",
            Box::new(move |a| {
                about_nothing(Verdict::Handover)(a);
                a.answers = digest();
            }),
        ),
        (
            "sound-repair",
            "Which branch of the own chain holds",
            Box::new(move |a| {
                about_nothing(Verdict::Repair)(a);
                a.chain.forks = digest();
            }),
        ),
        ("sound-answers", "It answers a refusal of another command", Box::new(move |a| a.answers = digest())),
        (
            "sound-unseen",
            "Not all rows were on the screen: for the broker to judge",
            Box::new(|a| a.view.seen = Decimal(39)),
        ),
        (
            "sound-omission",
            "Something that could not be shown",
            Box::new(|a| a.view.omissions = vec![Omission { what: "a plan".into(), acknowledged: "Known.".into() }]),
        ),
    ]
}

fn authorization_forms() -> Vec<Change<Authorization>> {
    let long = || "x".repeat((4 << 10) + 1);
    vec![
        ("principal", "A principal that is no id", Box::new(|a| a.principal = "Dana".into())),
        ("role", "A role that is no id", Box::new(|a| a.roles = vec!["Senior Engineer".into()])),
        ("view", "A view without a whole digest", Box::new(|a| a.view.sha256 = "8".repeat(63))),
        ("policy", "A policy without a digest", Box::new(|a| a.policy.sha256.clear())),
        ("runs-none", "No run", Box::new(|a| a.runs = Decimal(0))),
        ("runs-two", "Two runs", Box::new(|a| a.runs = Decimal(2))),
        ("times-issued", "Made after its end", Box::new(|a| a.issued_at = Decimal(NOW + 901))),
        ("times-before", "It begins after its end", Box::new(|a| a.not_before = Decimal(NOW + 901))),
        ("times-large", "It ends after 2^63 - 1", Box::new(|a| a.not_after = Decimal(1 << 63))),
        ("supersedes", "It replaces what is no id", Box::new(|a| a.supersedes = vec!["1".repeat(63)])),
        ("answers", "It answers what is no id", Box::new(|a| a.answers = vec!["rahim".into()])),
        ("chain-id", "A chain id of 17 digits", Box::new(|a| a.chain.id = "0".repeat(17))),
        ("chain-prev", "A second record without the one before", Box::new(|a| a.chain.seq = Decimal(2))),
        (
            "seen",
            "A head with record 0",
            Box::new(|a| {
                let chain = chain_id(&ops()).to_string();
                a.seen = vec![SeenHead { chain, seq: Decimal(0), record: "1".repeat(64) }];
            }),
        ),
        ("nonce", "A nonce in upper case", Box::new(|a| a.nonce = "A".repeat(32))),
        ("tool", "A tool of more than 4 KiB", Box::new(move |a| a.tool = long())),
        ("finding", "An answer of more than 4 KiB", Box::new(move |a| a.findings[0].answer = long())),
        (
            "omission",
            "An omission of more than 4 KiB",
            Box::new(move |a| a.view.omissions = vec![Omission { what: long(), acknowledged: String::new() }]),
        ),
        ("reason-long", "A reason of more than 16 KiB", Box::new(|a| a.reason = "x".repeat((16 << 10) + 1))),
    ]
}

/// Each row of the table of verdicts, missed in one thing.
fn verdict_forms() -> Vec<Change<Authorization>> {
    let one = || vec!["1".repeat(64)];
    vec![
        ("authorize-nothing", "No request that may run", Box::new(about_nothing(Verdict::Authorize))),
        ("authorize-forks", "It may run, and a branch holds", Box::new(move |a| a.chain.forks = one())),
        ("refuse-reason", "Refused without a reason", Box::new(|a| a.verdict = Verdict::Refuse)),
        (
            "refuse-answers",
            "Refused, and a refusal answered",
            Box::new(move |a| (a.verdict, a.reason, a.answers) = (Verdict::Refuse, "No.".into(), one())),
        ),
        ("refuse-nothing", "No request that must not run", Box::new(about_nothing(Verdict::Refuse))),
        (
            "break-glass-reason",
            "An emergency with a blank reason",
            Box::new(|a| (a.verdict, a.reason) = (Verdict::BreakGlass, " \n".into())),
        ),
        ("break-glass-nothing", "An emergency of no request", Box::new(about_nothing(Verdict::BreakGlass))),
        ("withdraw-nothing", "Nothing taken back", Box::new(about_nothing(Verdict::Withdraw))),
        (
            "withdraw-request",
            "Taken back, with a request",
            Box::new(move |a| (a.verdict, a.reason, a.supersedes) = (Verdict::Withdraw, "No.".into(), one())),
        ),
        (
            "withdraw-reason",
            "Taken back without a reason",
            Box::new(move |a| {
                about_nothing(Verdict::Withdraw)(a);
                (a.supersedes, a.reason) = (one(), String::new());
            }),
        ),
        ("handover-nothing", "Nothing taken over", Box::new(about_nothing(Verdict::Handover))),
        (
            "handover-reason",
            "Taken over without a reason",
            Box::new(move |a| {
                about_nothing(Verdict::Handover)(a);
                (a.answers, a.reason) = (one(), String::new());
            }),
        ),
        (
            "handover-request",
            "Taken over, with a request",
            Box::new(move |a| (a.verdict, a.reason, a.answers) = (Verdict::Handover, "Mine.".into(), one())),
        ),
        ("repair-forks", "No branch that holds", Box::new(about_nothing(Verdict::Repair))),
        (
            "repair-supersedes",
            "A branch holds, and something is taken back",
            Box::new(move |a| {
                about_nothing(Verdict::Repair)(a);
                (a.chain.forks, a.supersedes) = (one(), one());
            }),
        ),
    ]
}

/// The request inside of an authorization is the one that was made, and about the same.
fn request_texts() -> Vec<Change<Authorization>> {
    let other = |change: fn(&mut Run)| {
        move |a: &mut Authorization| {
            let mut own = admitted();
            change(&mut own);
            let text = encoded(own);
            a.request.id = Digest::of(&text).to_string();
            a.request.text = String::from_utf8(text).unwrap();
        }
    };
    vec![
        ("request-id", "The id of another request", Box::new(|a| a.request.id = "1".repeat(64))),
        ("request-text", "The text of another request", Box::new(|a| a.request.text.push(' '))),
        ("request-none", "An id without a text", Box::new(|a| a.request.text.clear())),
        ("request-target", "A request for another target", Box::new(other(|r| r.target = "shop-test".into()))),
        (
            "request-repository",
            "A request of another repository",
            Box::new(other(|r| r.repository.id = "vectors-2".into())),
        ),
        (
            "request-broker",
            "A request to another broker",
            Box::new(other(|r| {
                r.broker = "1".repeat(64);
                r.chain.key = "1".repeat(64);
            })),
        ),
        ("request-started", "A start in place of a request", Box::new(other(|r| r.event = started().event))),
        (
            "request-command",
            "A request for another command",
            Box::new(other(|r| match &mut r.event {
                Event::Admitted(request) => request.command.argv.push("-q".into()),
                _ => panic!(),
            })),
        ),
        ("command", "The digest of another command", Box::new(|a| a.command = "1".repeat(64))),
        ("target", "Another target than the request's", Box::new(|a| a.target = "shop-test".into())),
        ("broker", "Another broker than the request's", Box::new(|a| a.broker = "1".repeat(64))),
    ]
}
