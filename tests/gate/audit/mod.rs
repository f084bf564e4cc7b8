//! Looks back over a year: every planted exception is found, and nothing else.

mod company;
mod logs;
mod organization;
mod outcomes;
mod page;
mod refs;
mod worlds;
mod year;

use std::collections::BTreeSet;
use std::process::Command;

use undersign::audit::render::{self, Format};
use undersign::audit::report::{Decision, Report};
use undersign::audit::{self, Query};
use undersign::change::digest::Digest;
use undersign::decision::Verdict;
use undersign::enforcement::Settings;
use undersign::gate::summary::GateKey;
use undersign::gate_state::{Entry, EntryRef, Log};

use crate::scene::{DAY, HOUR, MAIN, key_line, once, piped, with_keys, with_top};
use crate::support::policy;
use year::{Change, How, START, Word, Year};

/// Kind and commit; no commit for an exception of the repository.
type Found = BTreeSet<(String, String)>;

const TERMS: &str = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 9\ndebt_after = \"2d\"\n\
                     [compartment.core]\npaths = [\"core/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n\
                     [compartment.till]\npaths = [\"till/**\"]\nsign = [{ role = \"cashier\", n = 1 }]\n\
                     [compartment.safe]\npaths = [\"safe/**\"]\nsign = [{ role = \"cashier\", n = 1 }]\n";

/// mina has the role of whoever reviews what her own changes do to the till.
fn terms() -> String {
    once(&policy(TERMS), "roles = [\"junior\"]", "roles = [\"junior\", \"cashier\"]")
}

fn version(text: &str, n: u64) -> String {
    once(text, "version = 1\n", &format!("version = {n}\n"))
}

/// A year with all kinds of landings, and the planted exceptions.
struct Planted {
    year: Year,
    /// Everything that landed, in order.
    all: Vec<Change>,
    expected: Found,
    ids: Vec<(String, Vec<String>)>,
}

/// Time advances by three days with each change.
struct Calendar(i64);

impl Calendar {
    fn next(&mut self) -> i64 {
        self.0 += 3 * DAY;
        START + self.0
    }
}

/// Signs for a change; returns the records that let it land.
type Sign = Box<dyn Fn(&mut Year, &Change) -> Vec<String>>;

type Plan = Vec<(Change, Option<&'static str>, Sign)>;

fn approve(who: &'static str) -> Sign {
    Box::new(move |year, change| vec![year.approve(change, who)])
}

fn words(of: impl Fn(&Change) -> Vec<Word<'static>> + 'static) -> Sign {
    Box::new(move |year, change| of(change).into_iter().map(|word| year.sign(change, word)).collect())
}

fn planted() -> Planted {
    let mut year = Year::new();
    let mut calendar = Calendar(0);
    let mut plan: Plan = Vec::new();
    let nobody = || words(|_| Vec::new());
    // Before there is a policy.
    plan.push((year.push("rahim", START, "Start", &[("README.md", "# o\n")]), Some("no-policy"), nobody()));
    let text = terms();
    let at = calendar.next();
    let policy_file = ".undersign/policy.toml";
    plan.push((year.push("rahim", at, "Adopt undersign", &[(policy_file, &text)]), Some("no-policy"), nobody()));
    // A quiet part of the year, with all ways in which changes land.
    for n in 0..24 {
        let (path, at) = (year.path(), calendar.next());
        let how = [How::Merge, How::Squash, How::Forward, How::Series][n % 4];
        let message =
            if n % 3 == 0 { "Add a file\n\nCo-Authored-By: Claude <noreply@anthropic.com>" } else { "Add a file" };
        let change = year.land("mina", at, message, &[(&path, "one\n")], how);
        plan.push((change, None, approve(if n % 2 == 0 { "dana" } else { "rahim" })));
    }
    let mut land = |year: &mut Year, how| {
        let (path, at) = (year.path(), calendar.next());
        year.land("mina", at, "Change something", &[(&path, "two\n")], how)
    };
    plan.push((land(&mut year, How::Squash), Some("unapproved"), nobody()));
    plan.push((land(&mut year, How::Squash), None, approve("dana")));
    // Signed by somebody whose role is not required; and by the author.
    let as_junior = |change: &Change| vec![Word { roles: &["junior"], ..Word::new("mina", change.head_at + HOUR) }];
    plan.push((land(&mut year, How::Merge), Some("unapproved"), words(as_junior)));
    // The approval has expired when it lands.
    plan.push((
        land(&mut year, How::Merge),
        Some("unapproved"),
        words(|c| vec![Word::new("dana", c.head_at - 20 * DAY)]),
    ));
    // There is a rejection.
    plan.push((
        land(&mut year, How::Merge),
        Some("unapproved"),
        words(|c| {
            let reject = Word { verdict: Verdict::Reject, ..Word::new("rahim", c.head_at + HOUR) };
            vec![Word::new("dana", c.head_at + HOUR), reject]
        }),
    ));
    // Approved in haste, and similar changes that were not.
    plan.push((land(&mut year, How::Merge), Some("hasty"), words(|c| vec![Word::new("dana", c.head_at + 20)])));
    plan.push((land(&mut year, How::Merge), None, words(|c| vec![Word::new("dana", c.head_at + 61)])));
    plan.push((
        land(&mut year, How::Merge),
        None,
        words(|c| vec![Word { carried_over: true, ..Word::new("dana", c.head_at + 20) }]),
    ));
    // Approved after it landed, as far as that can be seen.
    plan.push((land(&mut year, How::Merge), Some("approved-late"), words(|c| vec![Word::new("dana", c.at + HOUR)])));
    plan.push((land(&mut year, How::Forward), None, words(|c| vec![Word::new("dana", c.head_at + HOUR)])));
    // Withdrawn later; and signed again, which is not an exception.
    plan.push((
        land(&mut year, How::Merge),
        Some("withdrawn"),
        Box::new(|year, change| {
            let first = year.approve(change, "dana");
            let supersedes = vec![first.clone()];
            year.sign(change, Word { verdict: Verdict::Withdraw, supersedes, ..Word::new("dana", change.at + DAY) });
            vec![first]
        }),
    ));
    plan.push((
        land(&mut year, How::Merge),
        None,
        Box::new(|year, change| {
            let first = year.approve(change, "dana");
            let supersedes = vec![first.clone()];
            year.sign(change, Word { supersedes, ..Word::new("dana", change.at + DAY) });
            vec![first]
        }),
    ));
    // Emergencies: one whose review is owed, one that was reviewed.
    let emergency = |who, at| Word { verdict: Verdict::BreakGlass, ..Word::new(who, at) };
    for (expected, is_reviewed) in [(None, true), (Some("review-owed"), false)] {
        let (path, at) = (format!("core/{is_reviewed}.txt"), calendar.next());
        let change = year.land("mina", at, "Mend the shop", &[(&path, "mended\n")], How::Merge);
        plan.push((
            change,
            expected,
            words(move |c| {
                let mut words = vec![emergency("dana", c.at - HOUR)];
                if is_reviewed {
                    words.extend([Word::new("dana", c.at + DAY), Word::new("rahim", c.at + DAY)]);
                }
                words
            }),
        ));
    }
    // The policy allows self-review, an author uses it, and the policy is restored.
    let loose = version(&with_top(&text, "self_review = true"), 2);
    let change = year.land("mina", calendar.next(), "Trust authors", &[(policy_file, &loose)], How::Merge);
    let as_policy = |c: &Change| vec![Word { roles: &["senior", "policy"], ..Word::new("rahim", c.head_at + HOUR) }];
    plan.push((change, Some("policy-weakened"), words(as_policy)));
    let change = year.land("dana", calendar.next(), "Mine", &[("src/own.txt", "own\n")], How::Merge);
    plan.push((change, Some("self-review"), approve("dana")));
    // Keys end: one in good order, one compromised; what they signed is checked from then on.
    let at = calendar.next();
    let time = |at: i64| jiff::Timestamp::from_second(at).unwrap().to_string();
    let revoked = |how: &str, at: i64| format!(", revoked = {{ {how} = {} }}", time(at));
    let keys = [
        key_line("dana", ""),
        key_line("dana-old", &revoked("reason = \"retired\", at", at)),
        key_line("dana-lost", &revoked("reason = \"compromised\", since", at)),
    ];
    let strict = version(&with_keys(&text, "dana", &keys), 4);
    let before =
        version(&with_keys(&text, "dana", &["dana", "dana-old", "dana-lost"].map(|name| key_line(name, ""))), 3);
    let change = year.land("mina", calendar.next(), "Enrol keys", &[(policy_file, &before)], How::Merge);
    plan.push((change, Some("policy-weakened"), words(as_policy)));
    for name in ["dana-old", "dana-lost"] {
        let path = year.path();
        let change = year.land("mina", calendar.next(), "Something", &[(&path, "x\n")], How::Merge);
        plan.push((
            change,
            Some("key-ended"),
            words(move |c| vec![Word { key: Some(name), ..Word::new("dana", c.head_at + HOUR) }]),
        ));
    }
    let change = year.land("mina", calendar.next(), "End keys", &[(policy_file, &strict)], How::Merge);
    plan.push((change, None, words(as_policy)));
    // Emergencies that are reviewed under another policy than that of when they landed: by somebody who could review
    // only then, and by somebody who could not any more.
    let reviewed = |at: i64| {
        let roles = &["senior", "cashier"];
        words(move |c| vec![emergency("dana", c.at - HOUR), Word { roles, ..Word::new("dana", at + DAY) }])
    };
    let base = once(&strict, "version = 4\n", "version = 1\n");
    let cashier = once(&base, "roles = [\"senior\"]", "roles = [\"senior\", \"cashier\"]");
    let (at, given) = (calendar.next(), calendar.next());
    let change = year.land("mina", at, "Mend the till", &[("till/a.txt", "mended\n")], How::Merge);
    plan.push((change, None, reviewed(given)));
    let cashier = version(&cashier, 5);
    let change = year.land("mina", given, "Let dana review", &[(policy_file, &cashier)], How::Merge);
    plan.push((change, Some("policy-weakened"), words(as_policy)));
    let (at, taken) = (calendar.next(), calendar.next());
    let change = year.land("mina", at, "Mend the safe", &[("safe/a.txt", "mended\n")], How::Merge);
    plan.push((change, Some("review-owed"), reviewed(taken)));
    let base = version(&base, 6);
    let change = year.land("mina", taken, "Let dana review no more", &[(policy_file, &base)], How::Merge);
    plan.push((change, None, words(as_policy)));
    // Something that nobody can read for certain.
    let at = calendar.next();
    let files = year.files.clone();
    let tip = year.tip.unwrap();
    let odd = year.commit("mina <>", at, "Odd", &[tip], &files);
    year.tip = Some(odd);
    let manifest = undersign::change::manifest::Manifest::default();
    let change = Change { base: tip, head: odd, landed: odd, head_at: at, at, manifest, steps: 1 };
    plan.push((change, Some("undecidable"), nobody()));
    let path = year.path();
    let change = year.land("mina", calendar.next(), "The last", &[(&path, "end\n")], How::Merge);
    plan.push((change, None, approve("dana")));
    year.told();
    let (mut expected, mut all, mut ids) = (Found::new(), Vec::new(), Vec::new());
    for (change, exception, sign) in plan {
        let records = sign(&mut year, &change);
        let commit = year.id(change.landed);
        expected.extend(exception.map(|kind| (kind.to_owned(), commit.clone())));
        ids.push((commit, records));
        all.push(change);
    }
    year.signed();
    Planted { year, all, expected, ids }
}

fn query(year: &Year) -> Query {
    Query { repository: year.repo(), hasty: audit::HASTY, ..Query::default() }
}

fn asked(query: &Query) -> Report {
    audit::report(query, &|_, _, _| ()).unwrap()
}

fn found(report: &Report) -> Found {
    let exceptions = report.exceptions.iter();
    exceptions.map(|one| (one.kind.name().to_owned(), one.commit.clone().unwrap_or_default())).collect()
}

/// Checks that what is found is what was planted, and names every difference.
fn nothing_but(report: &Report, expected: &Found) {
    let found = found(report);
    let missed: Vec<_> = expected.difference(&found).collect();
    let surplus: Vec<_> = found.difference(expected).collect();
    let told = report.exceptions.iter().filter(|one| {
        surplus.iter().any(|(kind, commit)| *kind == one.kind.name() && Some(commit) == one.commit.as_ref())
    });
    let told: Vec<String> = told.map(|one| format!("{} {}", one.subject, one.detail)).collect();
    assert!(missed.is_empty() && surplus.is_empty(), "missed {missed:?}, surplus {surplus:?}: {told:#?}");
}

fn text(report: &Report, format: Format) -> String {
    let mut out = Vec::new();
    render::write(report, format, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

const FORMATS: [Format; 4] = [Format::Html, Format::Markdown, Format::Csv, Format::Json];

#[test]
fn every_planted_exception_is_found_and_nothing_else_is() {
    let planted = planted();
    let report = asked(&query(&planted.year));
    nothing_but(&report, &planted.expected);
    // The population is what is in git, cut as it landed.
    let landed: Vec<(&str, usize)> = report.landings.iter().map(|one| (one.to.as_str(), one.steps)).collect();
    let made: Vec<(String, usize)> = planted.all.iter().map(|one| (planted.year.id(one.landed), one.steps)).collect();
    assert_eq!(landed, made.iter().map(|(id, steps)| (id.as_str(), *steps)).collect::<Vec<_>>());
    assert!(
        report.landings.iter().filter(|one| one.decision == Decision::Approved).all(|one| !one.approvals.is_empty())
    );
    assert_eq!(report.summary.ai["declared"], 8);
}

#[test]
fn two_runs_give_the_same_bytes_in_every_format_and_a_period_is_a_part_of_the_whole() {
    let planted = planted();
    let whole = query(&planted.year);
    for format in FORMATS {
        let (first, second) = (text(&asked(&whole), format), text(&asked(&whole), format));
        assert!(first == second, "{format:?}");
    }
    let report = asked(&whole);
    let (from, to) = (START + 60 * DAY, START + 120 * DAY);
    let part = asked(&Query { from: Some(from), to: Some(to), ..query(&planted.year) });
    let own = |report: &Report| -> Vec<(String, Option<String>, i64)> {
        report.landings.iter().map(|one| (one.to.clone(), one.from.clone(), one.at.0)).collect()
    };
    let within: Vec<_> = own(&report).into_iter().filter(|(.., at)| (from..=to).contains(at)).collect();
    assert!(within.len() > 10 && own(&part) == within, "{:?}", own(&part));
    assert!(report.landings.len() > part.landings.len());
}

#[test]
fn what_a_text_of_the_repository_says_is_text_in_every_format() {
    let mut year = Year::new();
    let edit = [(".undersign/policy.toml", &*terms())];
    let start = year.push("rahim", START, "Start", &edit);
    let hostile = "=cmd()|' <script>alert(1)</script> \u{1b}[31m\u{202e} \"&amp; `x` [a](javascript:b) **";
    let change = year.land("mina", START + 3 * DAY, hostile, &[("=x,\"y\".txt", "one\n")], How::Squash);
    year.told();
    year.approve(&change, "dana");
    year.signed();
    let report = asked(&query(&year));
    assert_eq!(report.landings.len(), 2, "{}", year.id(start.landed));
    for format in FORMATS {
        let text = text(&report, format);
        assert!(!text.chars().any(|c| c == '\u{1b}' || c == '\u{202e}'), "{format:?}");
        match format {
            Format::Html => assert!(!text.contains("<script") && text.contains("&lt;script&gt;"), "{text}"),
            Format::Markdown => {
                assert!(!text.contains("<script") && !text.contains("[a](") && !text.contains(" `x`"), "{text}");
            }
            Format::Csv => {
                let line = text.lines().find(|line| line.contains("cmd()")).unwrap();
                assert!(line.contains(",\"'=cmd()") && !line.contains(",=") && !line.contains(",\"="), "{line}");
            }
            Format::Json => assert!(text.is_ascii() && serde_json::from_str::<serde_json::Value>(&text).is_ok()),
        }
    }
}

/// Appends a line about a move of main: its old and new tip, and the records that it is based on.
fn enter(log: &Log, at: i64, (outcome, enforced): (&str, bool), moved: (&str, &str, &[String])) {
    let moved = EntryRef {
        name: MAIN.to_owned(),
        old: moved.0.to_owned(),
        new: moved.1.to_owned(),
        outcome: outcome.to_owned(),
        reasons: Vec::new(),
        records: moved.2.to_vec(),
        why: Vec::new(),
    };
    let entry = Entry {
        seq: 0,
        prev: String::new(),
        at,
        pusher: Some("mina".to_owned()),
        outcome: outcome.to_owned(),
        enforced,
        policy: None,
        organization: None,
        refs: vec![moved],
        proposal: false,
        cut: None,
        missing: None,
        note: None,
        host: None,
    };
    log.append(entry).unwrap();
}

/// Writes a gate's log over a year, like the gate; returns the exceptions planted in it.
fn with_log(planted: &Planted, state: &std::path::Path) -> Found {
    std::fs::create_dir_all(state).unwrap();
    let log = Log::in_dir(state);
    let mut expected = Found::new();
    let zeros = "0".repeat(40);
    let enter = |at: i64, outcome: &str, enforced: bool, moved: (&str, &str, &[String])| {
        enter(&log, at, (outcome, enforced), moved);
    };
    for (at, change) in planted.all.iter().enumerate() {
        let (commit, records) = &planted.ids[at];
        let old = if at == 0 { zeros.clone() } else { planted.ids[at - 1].0.clone() };
        // A fast-forward lands a day after it was made.
        let time = change.at.max(change.head_at + DAY);
        let mut plant = |kind: &str| _ = expected.insert((kind.to_owned(), commit.clone()));
        match at {
            5 => plant("no-verdict"),
            6 => {
                plant("report-only");
                enter(time, "deny", false, (&old, commit, &[]));
            }
            7 => {
                plant("refused");
                enter(time, "deny", true, (&old, commit, &[]));
            }
            8 => {
                plant("record-lost");
                let lost = Digest::of(b"gone").to_string();
                enter(time, "allow", true, (&old, commit, &[records[0].clone(), lost]));
            }
            _ => {
                // Refused at first, like most.
                enter(time - HOUR, "deny", true, (&old, commit, &[]));
                enter(time, "allow", true, (&old, commit, records));
                enter(time + HOUR, "landed", true, ("", commit, records));
            }
        }
    }
    let last = planted.all.last().unwrap().at + 2 * DAY;
    let gone = "9".repeat(40);
    enter(last, "allow", true, (&planted.ids.last().unwrap().0, &gone, &[]));
    enter(last, "landed", true, ("", &gone, &[]));
    expected.insert(("rewritten".to_owned(), gone));
    expected
}

#[test]
fn with_the_log_of_a_gate_what_landed_past_it_is_found_too() {
    let planted = planted();
    let state = planted.year.dir.path().join("state");
    let mut expected = with_log(&planted, &state);
    // What was approved after it landed was not approved when it landed: the log knows when that was.
    let late = |(kind, commit): &(String, String)| match kind.as_str() {
        "approved-late" => ("unapproved".to_owned(), commit.clone()),
        _ => (kind.clone(), commit.clone()),
    };
    expected.extend(planted.expected.iter().map(late));
    let settings = Settings { state: Some(state), ..Settings::default() };
    let report = asked(&Query { settings, ..query(&planted.year) });
    nothing_but(&report, &expected);
    // One without a verdict, and one that was refused: the log does not say when they landed.
    assert_eq!(report.summary.times["gate-log"], report.landings.len() - 2);
    let verdict = report.landings.last().unwrap().gate.as_ref().unwrap();
    assert!(verdict.landed.is_some() && verdict.digest.len() == 64);
}

#[test]
fn a_chain_that_does_not_hold_and_a_log_with_a_gap_are_told() {
    let planted = planted();
    let chain = planted.year.chain("rahim");
    let git = |args: &[&str]| {
        let out = Command::new("git").current_dir(planted.year.repo()).args(args).output().unwrap();
        assert!(out.status.success(), "{args:?}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    // A link without the content of a record.
    let tree = git(&["rev-parse", &format!("{MAIN}^{{tree}}")]);
    let author = ["-c", "user.name=u", "-c", "user.email=u@localhost"];
    let commit = git(&[&author[..], &["commit-tree", &tree, "-p", &chain, "-m", "x"]].concat());
    git(&["update-ref", &chain, &commit]);
    let state = planted.year.dir.path().join("state");
    with_log(&planted, &state);
    let log = state.join("log.jsonl");
    let lines = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, lines.lines().skip(2).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let settings = Settings { state: Some(state), ..Settings::default() };
    let found = found(&asked(&Query { settings, ..query(&planted.year) }));
    assert!(found.contains(&("record-lost".into(), String::new())), "{found:?}");
    assert!(found.contains(&("log-gap".into(), String::new())), "{found:?}");
}

/// Runs the program on a repository: exit code, standard output and standard error.
fn program(year: &Year, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
    let out = command.arg("--repo").arg(year.repo()).args(["report", "audit"]).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (out.status.code().unwrap(), text(out.stdout), text(out.stderr))
}

fn small() -> Year {
    let mut year = Year::new();
    year.push("rahim", START, "Start", &[(".undersign/policy.toml", &*terms())]);
    let change = year.land("mina", START + 3 * DAY, "Add", &[("a.txt", "one\n")], How::Merge);
    year.told();
    year.approve(&change, "dana");
    year.signed();
    year
}

#[test]
fn the_program_signs_a_report_as_openssh_verifies_it_and_one_changed_byte_is_noticed() {
    let year = small();
    let path = |name: &str| year.dir.path().join(name).display().to_string();
    std::fs::write(path("gate.pem"), &*GateKey::generate([5; 32]).to_pem()).unwrap();
    let (page, key) = (path("page.html"), path("gate.pem"));
    let (exit, out, told) = program(&year, &["--format", "html", "--output", &page, "--sign", &key]);
    assert_eq!((exit, out.as_str()), (0, ""), "{told}");
    let signer = told.split("allowed signers: ").nth(1).unwrap();
    std::fs::write(path("signers"), signer).unwrap();
    let verified = |bytes: &[u8]| {
        let signature = format!("{page}.sig");
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-Y", "verify", "-f", &path("signers"), "-I", "gate", "-n", "audit@undersign", "-s", &signature]);
        piped(&mut keygen, bytes).0 == 0
    };
    let mut bytes = std::fs::read(&page).unwrap();
    assert!(verified(&bytes));
    *bytes.last_mut().unwrap() = b' ';
    assert!(!verified(&bytes));
}

#[test]
fn the_program_says_what_was_meant_and_prints_controls_beside_it() {
    let year = small();
    let controls = year.dir.path().join("controls.toml").display().to_string();
    std::fs::write(&controls, "schema = \"undersign-controls/v1\"\n[columns]\napprovers = [\"SOC 2 CC8.1\"]\n")
        .unwrap();
    let (exit, out, _) = program(&year, &["--format", "json", "--controls", &controls, "--to", "2026-12-31"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, &report["schema"]), (0, &"undersign-audit/v1".into()));
    assert_eq!(report["controls"]["approvers"][0], "SOC 2 CC8.1");
    assert_eq!(
        (&report["query"]["to"], &report["query"]["to_is_given"]),
        (&"2026-12-31T23:59:59Z".into(), &true.into())
    );
    assert_eq!(report["landings"][1]["approvals"][0]["person"], "dana");
    std::fs::write(&controls, "schema = \"undersign-controls/v1\"\n[columns]\naprovers = [\"x\"]\n").unwrap();
    let (exit, out, told) = program(&year, &["--controls", &controls]);
    assert!(exit == 70 && out.is_empty() && told.contains("line 3"), "{told}");
    assert_eq!(program(&year, &["--from", "yesterday"]).0, 64);
    let (exit, _, told) = program(&year, &["--state", "/nowhere"]);
    assert!(exit == 70 && told.contains("/nowhere"), "{told}");
    let (exit, _, told) = program(&year, &["--ref", "refs/heads/none"]);
    assert!(exit == 70 && told.contains("refs/heads/none"), "{told}");
}

#[test]
fn what_a_branch_shares_with_the_policy_branch_landed_once() {
    let mut year = Year::new();
    let text = once(
        &terms(),
        "protected = [\"refs/heads/main\"]",
        "protected = [\"refs/heads/main\", \"refs/heads/release/*\"]",
    );
    year.push("rahim", START, "Start", &[(".undersign/policy.toml", &text)]);
    let shared = year.land("mina", START + 3 * DAY, "Shared", &[("a.txt", "one\n")], How::Squash);
    let files = year.files.clone();
    let fix = year.commit("mina", START + 9 * DAY, "Nobody saw this", &[shared.landed], &files);
    let of_main = year.land("mina", START + 6 * DAY, "Main alone", &[("b.txt", "one\n")], How::Squash);
    year.told();
    year.approve(&shared, "dana");
    year.approve(&of_main, "dana");
    year.signed();
    let release = year.id(fix);
    let made =
        Command::new("git").current_dir(year.repo()).args(["update-ref", "refs/heads/release/1", &release]).status();
    assert!(made.unwrap().success());
    let report = asked(&query(&year));
    let landed: Vec<(&str, &str)> =
        report.landings.iter().map(|one| (one.name.as_str(), one.subject.as_str())).collect();
    let main = |subject| ("refs/heads/main", subject);
    let own = ("refs/heads/release/1", "Nobody saw this");
    assert_eq!(landed, [main("Start"), main("Shared"), main("Main alone"), own]);
    let unapproved = report.exceptions.iter().filter(|one| one.kind.name() == "unapproved");
    assert_eq!(unapproved.map(|one| one.commit.clone().unwrap()).collect::<Vec<_>>(), [release]);
    let named = asked(&Query { refs: vec!["refs/heads/release/1".into()], ..query(&year) });
    assert_eq!(named.landings.len(), 1);
}

#[test]
fn a_ref_that_no_policy_protects_is_reported_if_it_is_named_and_a_copy_is_no_policy_branch() {
    let year = small();
    let git = |args: &[&str]| {
        let out = Command::new("git").current_dir(year.repo()).args(args).output().unwrap();
        assert!(out.status.success(), "{args:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let who = ["-c", "user.name=Mina", "-c", "user.email=mina@example.com"];
    let side =
        git(&[&who[..], &["commit-tree", "refs/heads/main^{tree}", "-p", "refs/heads/main", "-m", "Aside"]].concat());
    git(&["update-ref", "refs/heads/side", &side]);
    assert!(asked(&query(&year)).landings.iter().all(|one| one.name.as_str() == "refs/heads/main"));
    let named = asked(&Query { refs: vec!["refs/heads/side".into()], ..query(&year) });
    let landed: Vec<(&str, &str)> =
        named.landings.iter().map(|one| (one.name.as_str(), one.subject.as_str())).collect();
    assert_eq!(landed, [("refs/heads/side", "Aside")]);
    // It would show all of the branch, and report nothing of it.
    git(&["update-ref", "refs/remotes/origin/main", "refs/heads/main"]);
    let (exit, out, told) = program(&year, &["--policy-branch", "refs/remotes/origin/main"]);
    assert!(exit == 70 && out.is_empty() && told.contains("Name the branch itself"), "{told}");
}
