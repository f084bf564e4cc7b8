//! Commands that wait, at the desk: listed before all changes, read whole, authorized or refused with the own key.

use std::sync::Arc;

use insta::assert_snapshot;
use undersign::change::digest::Digest;
use undersign::command::receipt::{Event, Run};
use undersign::command::request::{Asked, Command, Input, Kept, Limits, Preview, Program, Proof, Request, Variable};
use undersign::command::statement::Statement;
use undersign::command::{AuthorizationChain, AuthorizationRecord, RunRecord, Verdict, receipt};
use undersign::ledger::append_to;
use undersign::ledger::commands::{Family as _, read_family};
use undersign::record::chain::{Link, file_name};
use undersign::record::statement::{Decimal, Link as Place, PolicyName, RepositoryName};
use undersign::record::{ChainId, Signable as _};

use crate::desk::Session;
use crate::support::{DEVICE, Fixture, NOW, key_of, policy};

const INPUT: &str = "/var/lib/undersign/inputs/shop-prod/sql";

/// A repository whose policy has a target, with a request for a migration that waits there.
pub fn waiting(sql: &str) -> Fixture {
    let broker = key_of("ops").public_key().to_openssh().unwrap();
    let f = Fixture::with_policy(&policy(&format!(
        "[broker.ops]\nkey = \"{broker}\"\n[target.shop-prod]\nbroker = \"ops\"\nabout = \"AWS 4711, database orders\"\n\
         presence = \"none\"\ncooling = \"0s\"\nsign = [{{ role = \"senior\", n = 1 }}]\n\
         [[target.shop-prod.command]]\nname = \"migrate\"\n\
         argv = [\"/usr/bin/psql\", \"-X\", \"-f\", \"{{input:sql}}\"]\n",
    )));
    ask(&f, sql, "Add the index. Safe.");
    f
}

/// As a broker admits it.
pub fn ask(f: &Fixture, sql: &str, why: &str) -> String {
    let digest = Digest::of(sql.as_bytes());
    let (repository, key) = (f.repository(), f.key("ops"));
    let id = ChainId { key: key.public.id().to_string(), device: DEVICE.to_owned() };
    let (seq, prev) = RunRecord::chain(&repository, &id).next();
    let argv = ["/usr/bin/psql", "-X", "-f", INPUT].map(str::to_owned).to_vec();
    let input = Input {
        role: "sql".into(),
        path: INPUT.into(),
        sha256: digest.to_string(),
        size: Decimal(sql.len() as u64),
        kept: Kept::Record,
    };
    let request = Request {
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
        preview: Preview::none(),
        asked: Asked {
            operator: "mina".into(),
            proof: Proof::Proven,
            by: "account 1000".into(),
            claims: vec!["Claude Code".into()],
        },
        why: why.into(),
        ticket: String::new(),
        way_back: String::new(),
        replaces: String::new(),
        not_before: Decimal(NOW as u64 - 300),
        not_after: Decimal(NOW as u64 + 1_500),
        policy: PolicyName { version: Decimal(1), sha256: "8".repeat(64) },
        settings: "7".repeat(64),
    };
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
    let files = [(digest.to_string(), sql.as_bytes().to_vec())].into();
    let link = Link { name: file_name(seq), envelope, files };
    let record: Arc<RunRecord> = append_to(&repository, &id, link, NOW).unwrap();
    record.id().to_string()
}

pub fn signed(f: &Fixture) -> Vec<Arc<AuthorizationRecord>> {
    let chains: Vec<AuthorizationChain> = read_family(&f.repository(), false).unwrap();
    chains.into_iter().flat_map(|chain| chain.records).collect()
}

/// What the sheet asks to be typed.
pub fn challenge(session: &Session) -> String {
    let frame = session.frame();
    let line = frame.lines().find(|line| line.contains("type ")).unwrap_or_else(|| panic!("{frame}"));
    line.split_once("type ").unwrap().1.split_once(" to ").unwrap().0.to_owned()
}

fn plain(test: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"request [0-9a-f]{12}", "request rrrrrrrrrrrr");
    settings.bind(test);
}

pub const INDEX: &str = "CREATE INDEX CONCURRENTLY orders_by_day ON orders (day);\n";
const DROP: &str = "BEGIN;\nDROP TABLE orders;\nCOMMIT;\n";

#[test]
fn a_command_that_waits_comes_before_all_changes() {
    let f = waiting(INDEX);
    for size in [(80, 24), (120, 36), (200, 60)] {
        let session = Session::new(&f, size);
        plain(|| assert_snapshot!(format!("queue {}", size.0), session.frame()));
    }
}

#[test]
fn a_request_says_first_what_it_does_then_the_command_then_who_asks() {
    let f = waiting(DROP);
    for size in [(80, 24), (120, 50), (200, 60)] {
        let mut session = Session::new(&f, size);
        session.press("<enter>");
        plain(|| assert_snapshot!(format!("request {}", size.0), session.frame()));
    }
}

#[test]
fn the_table_drop_stands_on_top_and_must_be_answered() {
    let f = waiting(DROP);
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter>");
    let frame = session.frame();
    let found = frame.lines().position(|line| line.contains("orders") && line.contains("input sql, line 2"));
    let command = frame.lines().position(|line| line.contains("the command, one argument a row"));
    assert!(found.is_some() && found < command, "{frame}");
    session.press("GggSa");
    assert!(session.frame().contains("1 finding not answered"), "{}", session.frame());
    session.press("<esc>aThe table is empty since March.<enter>Sa");
    assert!(session.frame().contains("what could it destroy"), "{}", session.frame());
}

#[test]
fn authorizing_needs_every_row_shown_the_name_of_the_target_and_the_code_and_enter_alone_signs_nothing() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (80, 24));
    session.press("<enter>Sa");
    assert!(session.frame().contains("An authorization needs all of it shown"), "{}", session.frame());
    session.press("<esc><space><space><space><space>Sa<enter>");
    assert!(session.frame().contains("A reason is needed"), "{}", session.frame());
    session.press("It only adds an index.<enter><enter><enter>");
    assert!(signed(&f).is_empty(), "Enter means no");
    let typed = challenge(&session);
    assert!(typed.starts_with("shop-prod "), "{typed}");
    session.press(typed.split(' ').next_back().unwrap()).press("<enter>");
    assert!(signed(&f).is_empty(), "the code alone is not enough");
    session.press(&"<backspace>".repeat(6)).press(&typed).press("<enter>");
    assert!(session.frame().contains("✓ Authorized, signed, recorded"), "{}", session.frame());
    let [record] = &signed(&f)[..] else { panic!("one record") };
    let own = record.authorization();
    assert_eq!((own.verdict, own.principal.as_str()), (Verdict::Authorize, "dana"));
    assert_eq!((own.view.rows, own.view.unseen()), (own.view.seen, None));
    assert_eq!(own.not_after.0 - own.issued_at.0, 1_800);
    session.press("<esc>q");
    assert!(session.frame().contains("may start"), "{}", session.frame());
}

#[test]
fn a_refusal_needs_a_reason_and_the_word_and_holds_the_same_command_asked_again() {
    let f = waiting(DROP);
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter>Sr<enter>");
    assert!(session.frame().contains("A reason is needed"), "{}", session.frame());
    session.press("Not without a backup.<enter>refuse<enter>");
    assert!(session.frame().contains("✓ Refused, signed, recorded"), "{}", session.frame());
    let head = session.press("<esc>").frame().lines().next().unwrap().to_owned();
    assert!(head.ends_with(" refused"), "{head}");
    session.press("q");
    ask(&f, DROP, "It is urgent now.");
    session.press("R");
    let frame = session.frame();
    assert_eq!(frame.lines().filter(|line| line.trim_end().ends_with(" refused")).count(), 2, "{frame}");
    session.press("G<enter>");
    assert!(session.frame().contains("by dana: “Not without a backup.”"), "{}", session.frame());
    session.press("Sw<enter>");
    assert!(session.frame().contains("A reason is needed"), "{}", session.frame());
    session.press("There is one.<enter>withdraw<enter>");
    assert!(session.frame().contains("✓ Withdrawn"), "{}", session.frame());
    session.press("<esc>q");
    assert_eq!(session.frame().lines().filter(|line| line.trim_end().ends_with(" you")).count(), 3);
}

#[test]
fn who_refused_and_thinks_better_of_it_reads_all_of_it_first() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (80, 24));
    session.press("<enter>SrNot now.<enter>refuse<enter><esc>qG<enter>Sa");
    assert!(session.frame().contains("An authorization needs all of it shown"), "{}", session.frame());
    session.press("<esc><space><space><space><space>Sa").press(&"<backspace>".repeat(20)).press("Now it fits.<enter>");
    let typed = challenge(&session);
    session.press(&typed).press("<enter>");
    assert!(session.frame().contains("✓ Authorized"), "{}", session.frame());
    let [refusal, authorization] = &signed(&f)[..] else { panic!("two records") };
    assert_eq!(authorization.authorization().supersedes, [refusal.id().to_string()]);
}

#[test]
fn what_came_while_it_was_read_is_noticed_before_anything_is_signed() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 60));
    session.press("<enter><space>SaFine.");
    let mut rahim = Session::new(&f, (100, 60));
    rahim.ports.key = Ok(f.key("rahim"));
    rahim.press("<enter>SrNot today.<enter>refuse<enter>");
    assert!(rahim.frame().contains("✓ Refused"), "{}", rahim.frame());
    session.press("<enter>");
    assert!(session.frame().contains("something came meanwhile"), "{}", session.frame());
    assert_eq!(signed(&f).len(), 1);
}

#[test]
fn the_operator_is_told_that_an_authorization_would_not_count() {
    let f = waiting(INDEX);
    let key = f.key("mina");
    let ports = undersign::worker::Ports { clock: Some(NOW), ..crate::desk::ports(&f.dir.path().join("d"), key) };
    let mut session = Session::over(vec![f.repo.clone()], ports, NOW, (100, 50));
    session.press("<enter>S");
    assert!(session.frame().contains("it runs for you, so somebody else must sign"), "{}", session.frame());
}

#[test]
fn whose_key_is_in_no_roster_is_told_before_reading_in_vain() {
    let f = waiting(INDEX);
    let key = f.key("somebody");
    let ports = undersign::worker::Ports { clock: Some(NOW), ..crate::desk::ports(&f.dir.path().join("d"), key) };
    let mut session = Session::over(vec![f.repo.clone()], ports, NOW, (100, 50));
    session.press("<enter>S");
    assert!(session.frame().contains("the roster does not have your key"), "{}", session.frame());
}

#[test]
fn nothing_in_a_request_reaches_the_screen_as_it_is() {
    let f = waiting("SELECT 1; -- \u{1b}[2J\u{202e}\n");
    ask(&f, "SELECT 2;\n", "line\nbreak \u{1b}]0;owned\u{7}");
    let mut session = Session::new(&f, (100, 50));
    for keys in ["", "<enter>", "q", "j<enter>"] {
        let frame = session.press(keys).frame();
        assert!(!frame.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{frame}");
    }
}

/// The promise: a row counts as shown only once all of it was on a frame. Against any strokes, on screens of any size,
/// also while something lies over the page.
#[test]
fn no_row_counts_as_shown_that_was_on_no_frame() {
    const KEYS: [&str; 16] =
        ["j", "k", "<space>", "<ctrl-d>", "<ctrl-u>", "G", "gg", ")", "]", "u", "?", "<esc>", "S", "a", "x", "5j"];
    let lines: Vec<String> =
        (0..60).map(|n| format!("SELECT 'row-{n}-begins', '{}', 'row-{n}-ends';", "x".repeat(n * 3))).collect();
    let f = waiting(&(lines.join("\n") + "\n"));
    let mut chance = 7_u64;
    let mut next = |below: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) as usize % below
    };
    let mut seen_in_all = 0;
    for _ in 0..12 {
        let mut session = Session::new(&f, (40 + next(120) as u16, 10 + next(40) as u16));
        session.press("<enter>");
        let mut shown = session.frame();
        for _ in 0..25 {
            if next(8) == 0 {
                session.size = (40 + next(120) as u16, 10 + next(40) as u16);
                let resized = undersign::app::Event::Resize(session.size.0, session.size.1);
                session.take([resized].into());
            } else {
                session.press(KEYS[next(KEYS.len())]);
            }
            shown.push_str(&session.frame());
        }
        let undersign::app::Screen::Command(view) = &session.state.screen else { continue };
        for (row, what) in view.page.rows.iter().enumerate() {
            let undersign::authorizing::PageRow::Line(number, _) = what else { continue };
            let ends = [format!("'row-{}-begins'", number - 1), format!("'row-{}-ends'", number - 1)];
            if view.is_seen(row) {
                seen_in_all += 1;
                // A text that is folded at a blank is on the frame in pieces, none of them cut.
                assert!(ends.iter().all(|end| shown.contains(end.as_str())), "row {number} at {:?}", session.size);
            }
        }
    }
    assert!(seen_in_all > 50, "{seen_in_all} rows were shown, too few to say anything");
}
