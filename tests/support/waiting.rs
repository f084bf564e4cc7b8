//! Requests that wait for people, as a broker admits them.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use undersign::change::digest::Digest;
use undersign::command::preview::sql;
use undersign::command::receipt::{Event, Run};
use undersign::command::request::{Asked, Command, Input, Kept, Limits, Preview, Program, Proof, Request, Variable};
use undersign::command::statement::Statement;
use undersign::command::{RunRecord, receipt};
use undersign::ledger::append_to;
use undersign::ledger::families::Family as _;
use undersign::record::chain::{Link, file_name};
use undersign::record::statement::{Decimal, Link as Place, PolicyName, RepositoryName};
use undersign::record::{ChainId, Signable as _};

use crate::support::{DEVICE, Fixture, NOW, key_of, policy};

pub const INPUT: &str = "/var/lib/undersign/inputs/shop-prod/sql";

/// A repository whose policy has a target, with a request for a migration that waits there.
pub fn waiting(sql: &str) -> Fixture {
    waiting_for("0s", sql)
}

/// As [`waiting`], with a cooling time.
pub fn waiting_for(cooling: &str, sql: &str) -> Fixture {
    waiting_with(&format!("cooling = \"{cooling}\"\n"), sql)
}

/// As [`waiting`], with further lines for the target.
pub fn waiting_with(lines: &str, sql: &str) -> Fixture {
    let broker = key_of("ops").public_key().to_openssh().unwrap();
    let f = Fixture::with_policy(&policy(&format!(
        "[broker.ops]\nkey = \"{broker}\"\n[target.shop-prod]\nbroker = \"ops\"\n\
         about = \"AWS 4711, database orders\"\npresence = \"none\"\n{lines}\
         sign = [{{ role = \"senior\", n = 1 }}]\n\
         [[target.shop-prod.command]]\nname = \"migrate\"\n\
         argv = [\"/usr/bin/psql\", \"-X\", \"-f\", \"{{input:sql}}\"]\n",
    )));
    ask(&f, sql, "Add the index. Safe.");
    f
}

/// As a broker admits it.
pub fn ask(f: &Fixture, sql: &str, why: &str) -> String {
    ask_with(f, sql, |request| request.why = why.into())
}

/// As a broker admits it that previews the script.
pub fn ask_previewed(f: &Fixture, script: &str, why: &str) -> String {
    ask_with(f, script, |request| {
        request.why = why.into();
        request.preview = sql::preview(script.as_bytes()).unwrap().summary();
    })
}

/// As a broker admits it, with something else in it than usual.
pub fn ask_with(f: &Fixture, script: &str, edit: impl FnOnce(&mut Request)) -> String {
    let digest = Digest::of(script.as_bytes());
    let (repository, key) = (f.repository(), f.key("ops"));
    let id = ChainId { key: key.public.id().to_string(), device: DEVICE.to_owned() };
    let (seq, prev) = RunRecord::chain(&repository, &id).next();
    let argv = ["/usr/bin/psql", "-X", "-f", INPUT].map(str::to_owned).to_vec();
    let input = Input {
        role: "sql".into(),
        path: INPUT.into(),
        sha256: digest.to_string(),
        size: Decimal(script.len() as u64),
        kept: Kept::Record,
    };
    let mut request = Request {
        command: Command {
            entry: "migrate".into(),
            program: Program { path: argv[0].clone(), sha256: "9".repeat(64) },
            argv,
            cwd: "/srv/run".into(),
            env: vec![Variable { name: "PATH".into(), value: "/usr/bin:/bin".into() }],
            secrets: vec!["PGPASSWORD".into()],
            stdin: String::new(),
            inputs: vec![input],
            uid: Decimal(990),
            limits: Limits { time: Decimal(1_800), output: Decimal(1 << 20) },
        },
        preview: Preview::none(""),
        asked: Asked {
            operator: "mina".into(),
            proof: Proof::Proven,
            by: "account 1000".into(),
            claims: vec!["Claude Code".into()],
        },
        why: String::new(),
        ticket: String::new(),
        way_back: String::new(),
        replaces: String::new(),
        not_before: Decimal(NOW as u64 - 300),
        not_after: Decimal(NOW as u64 + 1_500),
        policy: PolicyName { version: Decimal(1), sha256: "8".repeat(64) },
        settings: "7".repeat(64),
    };
    edit(&mut request);
    let document = sql::preview(script.as_bytes()).unwrap();
    let has_preview = document.summary() == request.preview;
    let run = Run {
        repository: RepositoryName { id: "fixture-1".into(), uri: String::new() },
        target: "shop-prod".into(),
        broker: id.key.clone(),
        event: Event::Admitted(Box::new(request)),
        chain: Place { key: id.key.clone(), id: id.device.clone(), seq: Decimal(seq), prev, forks: Vec::new() },
        seen: Vec::new(),
        issued_at: Decimal(NOW as u64 - 300),
        nonce: format!("{seq:032x}"),
        tool: "test".into(),
    };
    let envelope = key.sign_for(receipt::NAMESPACE, Statement::new(run).encode(), None).unwrap().encode();
    let mut files = BTreeMap::from([(digest.to_string(), script.as_bytes().to_vec())]);
    if has_preview {
        files.insert(document.summary().sha256, document.encode());
    }
    let link = Link { name: file_name(seq), envelope, files };
    let record: Arc<RunRecord> = append_to(&repository, &id, link, NOW).unwrap();
    record.id().to_string()
}
