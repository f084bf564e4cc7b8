//! Drills of emergencies: they go through every step, let nothing land, and weaken nothing.

use std::process::Command;

use undersign::audit::render::{self, Format};
use undersign::audit::report::Report;
use undersign::audit::{self, Query};
use undersign::command::{AuthorizationStatement, RunStatement};
use undersign::decision::Verdict;
use undersign::enforcement::Settings;
use undersign::examination::RepositorySnapshot;
use undersign::gate::drill::{DrillReport, DrillStanding, Practice, drills, practice, standings};
use undersign::gate::{Input, Outcome, PushEvaluation, ReasonEffect, Remembered, States, Update};
use undersign::ledger::own_chain::own_chain;
use undersign::ledger::{self, LedgerError, families::Family as _, families::Keys};
use undersign::policy::Policy;
use undersign::record::chain::{Link as Files, MANIFEST_FILE};
use undersign::record::drill::*;
use undersign::record::envelope::Envelope;
use undersign::record::statement::Decimal;
use undersign::record::{Fault, verify, verify_as};
use undersign::source::git::Objects;
use undersign::source::git::push::Commits;

use crate::drilled::{append, manifest, signed};
use crate::scene::*;
use crate::support::{DEVICE, Fixture, now, policy};

const ZERO: &str = "0000000000000000000000000000000000000000";
/// One senior lets an emergency through, once in 30 days, for four hours; the review is due within a day.
const GLASS: &str = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\n\
    max_duration = \"4h\"\nmax_per_30d = 1\ndebt_after = \"1d\"\n";
/// In the ordinary way, two must sign.
const TWO: &str = "[compartment.src]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n";

fn glass(more: &str) -> Fixture {
    Fixture::with_policy(&policy(&format!("{TWO}{GLASS}{more}")))
}

fn begin(f: &Fixture, who: &str) -> String {
    append(f, who, WORK, |_| {})
}

fn review(f: &Fixture, who: &str, drill: &str) -> String {
    append(f, who, WORK, |own| (own.step, own.drill) = (DrillStep::Review, drill.to_owned()))
}

fn of(f: &Fixture, who: &str) -> String {
    format!("{}{}/{DEVICE}", DrillRecord::PREFIX, f.key(who).public.id())
}

fn outcome_of(f: &Fixture, branch: &str) -> Outcome {
    Gate::of(f).outcome(&[(MAIN, &f.id("main"), &f.id(branch))])
}

/// What the gate says of drills; that it explains, and that the push is denied.
fn told(outcome: &Outcome) -> String {
    assert_ne!(codes_of(outcome).0, 0, "{outcome:?}");
    assert!(!outcome.refs[0].break_glass, "{outcome:?}");
    let reasons = outcome.refs[0].reasons.iter().filter(|reason| reason.code.name() == "DRILL");
    let all: Vec<_> = reasons.collect();
    assert!(all.iter().all(|reason| reason.effect == ReasonEffect::Explains), "{all:?}");
    all.iter().map(|reason| reason.detail.clone()).collect::<Vec<_>>().join("\n")
}

fn policy_of(f: &Fixture) -> Policy {
    let (_, snapshot) = RepositorySnapshot::open(&f.repo).unwrap();
    snapshot.policy().unwrap().clone()
}

fn reports_at(f: &Fixture, at: i64) -> Vec<DrillReport> {
    let policy = policy_of(f);
    let (chains, left_out) = ledger::drills::read(&f.repository(), true, &Keys::of(&policy)).unwrap();
    assert_eq!(left_out, 0);
    drills(&policy, &chains, at)
}

fn reports(f: &Fixture) -> Vec<DrillReport> {
    reports_at(f, now())
}

fn practised(f: &Fixture) -> Vec<Practice> {
    let policy = policy_of(f);
    let (chains, _) = ledger::drills::read(&f.repository(), true, &Keys::of(&policy)).unwrap();
    practice(&policy, &chains, now())
}

fn standing_of(f: &Fixture, id: &str) -> DrillStanding {
    let policy = policy_of(f);
    let (chains, _) = ledger::drills::read::<DrillRecord>(&f.repository(), true, &Keys::of(&policy)).unwrap();
    let all = standings(&policy, &chains, now());
    all.iter().find(|(record, _)| record.id().to_string() == id).unwrap().1
}

const WOULD: &str = "This is a drill by dana, and a drill lets nothing land. An emergency would land it, and would \
                     have to be reviewed within 24 hours.";

#[test]
fn row_49_a_drill_by_as_many_as_an_emergency_needs_lets_nothing_land() {
    let f = glass("");
    let without = codes_of(&outcome_of(&f, WORK));
    begin(&f, "dana");
    let outcome = outcome_of(&f, WORK);
    denied(codes_of(&outcome), "UNSIGNED");
    assert_eq!(told(&outcome), WOULD);
    // It adds its own sentence, and nothing else.
    let mut with = codes_of(&outcome).1;
    with.retain(|code| code != "DRILL");
    assert_eq!((2, with), without);
    assert_eq!(outcome.refs[0].records, Vec::<String>::new());
    // Nor if it comes with the change, nor as a proposal, nor from a clone.
    let tip = f.id(&of(&f, "dana"));
    f.git("mina", &["update-ref", "-d", &of(&f, "dana")]);
    let both = Gate::of(&f).outcome(&[(&of(&f, "dana"), ZERO, &tip), (MAIN, &f.id("main"), &f.id(WORK))]);
    assert_eq!(codes_of(&both).0, 2);
    let main = both.refs.iter().find(|judged| judged.name == MAIN).unwrap();
    assert!(main.reasons.iter().any(|reason| reason.detail == WOULD), "{main:?}");
    f.git("mina", &["update-ref", &of(&f, "dana"), &tip]);
    denied(proposed(&f, WORK, "merge"), "DRILL");
    let (exit, json) = Gate::of(&f).push_by_program(&[(MAIN, &f.id("main"), &f.id(WORK))]);
    assert!(exit == 2 && json["refs"][0]["break_glass"] == false, "{json}");
}

#[test]
fn row_49_twin_the_same_people_declare_the_emergency_itself() {
    let f = glass("");
    begin(&f, "dana");
    f.decide("dana", WORK, Verdict::BreakGlass);
    let outcome = outcome_of(&f, WORK);
    assert!(outcome.refs[0].break_glass, "{outcome:?}");
    said(codes_of(&outcome), 0, "BREAK_GLASS");
    // Where it lands, nobody is told of a drill.
    assert!(!codes_of(&outcome).1.contains(&"DRILL".to_owned()), "{outcome:?}");
}

#[test]
fn row_49_a_drill_is_put_among_decisions_or_authorizations() {
    let f = glass("");
    begin(&f, "dana");
    let (own, tip) = (of(&f, "dana"), f.id(&of(&f, "dana")));
    for (kind, code) in
        [("decisions", "LEDGER_FAULT"), ("authorizations", "LEDGER_FAULT"), ("outcomes", "LEDGER_FAULT")]
    {
        denied(f.asked(f.request(&own.replace("/drills/", &format!("/{kind}/")), ZERO, &tip)), code);
    }
    // Where it is already, nothing can be decided: a decision may be missing.
    let decisions = own.replace("/drills/", "/decisions/");
    f.git("mina", &["update-ref", &decisions, &tip]);
    undecided(judged(&f, WORK), "LEDGER_FAULT");
}

#[test]
fn row_49_the_bytes_of_a_drill_are_signed_as_a_decision() {
    let f = glass("");
    let (id, link) = signed(&f, "dana", WORK, |_| {});
    let payload = Envelope::decode(&link.envelope).unwrap().payload;
    assert_eq!(verify(&link.envelope).unwrap_err(), Fault::Namespace);
    assert_eq!(verify_as::<AuthorizationStatement>(&link.envelope).unwrap_err(), Fault::Namespace);
    assert_eq!(verify_as::<RunStatement>(&link.envelope).unwrap_err(), Fault::Namespace);
    let key = f.key("dana");
    let as_decision = key.sign_for("decision@undersign", payload.clone(), None).unwrap().encode();
    assert_eq!(verify(&as_decision).unwrap_err(), Fault::PredicateType);
    let as_other = key.sign_for("authorization@undersign", payload, None).unwrap().encode();
    assert!(verify_as::<AuthorizationStatement>(&as_other).is_err());
    let of_drills = Files { envelope: as_decision, ..link };
    let refused = ledger::append_to::<DrillRecord>(&f.repository(), &id, of_drills, now());
    assert!(matches!(refused, Err(LedgerError::Refused(Fault::Namespace))), "{refused:?}");
}

#[test]
fn row_49_an_emergency_is_put_among_drills() {
    let f = glass("");
    f.decide("dana", WORK, Verdict::BreakGlass);
    let decisions = chain_of(&f, "dana");
    denied(f.asked(f.request(&of(&f, "dana"), ZERO, &f.id(&decisions))), "LEDGER_FAULT");
    // It stays an emergency, whatever else says that it was a drill.
    f.git("mina", &["update-ref", &of(&f, "dana"), &f.id(&decisions)]);
    assert!(outcome_of(&f, WORK).refs[0].break_glass);
}

#[test]
fn row_49_twin_a_drill_is_pushed_to_its_own_ref() {
    let f = glass("");
    begin(&f, "dana");
    let (name, tip) = (of(&f, "dana"), f.id(&of(&f, "dana")));
    f.git("mina", &["update-ref", "-d", &name]);
    allowed(f.asked(f.request(&name, ZERO, &tip)));
    f.git("mina", &["update-ref", &name, &tip]);
    assert_eq!(told(&outcome_of(&f, WORK)), WOULD);
}

#[test]
fn row_49_the_stock_verifier_of_one_record_takes_no_drill() {
    let f = glass("");
    begin(&f, "dana");
    let dir = f.dir.path().join("export");
    std::fs::create_dir_all(&dir).unwrap();
    let listing = f.git("mina", &["show", &format!("{}:000001.dsse.json", of(&f, "dana"))]);
    std::fs::write(dir.join("drill.dsse.json"), listing + "\n").unwrap();
    let line = f.key("dana").public.to_openssh();
    for namespace in ["decision@undersign", NAMESPACE] {
        std::fs::write(dir.join("signers"), format!("dana namespaces=\"{namespace}\" {line}\n")).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/verify-record.sh");
        let digest = manifest(&f, WORK).digest().to_string();
        let ran = Command::new("sh")
            .arg(script)
            .args(["drill.dsse.json", "signers", "dana", "fixture-1", MAIN, &digest])
            .current_dir(&dir)
            .output()
            .unwrap();
        assert!(!ran.status.success(), "{ran:?}");
    }
}

#[test]
fn row_49_drills_use_up_no_quota() {
    let f = glass("");
    propose(&f, "mina", "earlier", &[("docs/a.txt", "x\n")]);
    append(&f, "dana", "earlier", |_| {});
    append(&f, "rahim", "earlier", |_| {});
    f.decide("dana", WORK, Verdict::BreakGlass);
    assert!(outcome_of(&f, WORK).refs[0].break_glass);
}

#[test]
fn row_49_twin_an_emergency_uses_it_up_and_the_next_drill_says_so() {
    let f = glass("");
    propose(&f, "mina", "earlier", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "earlier", Verdict::BreakGlass);
    begin(&f, "dana");
    let told = told(&outcome_of(&f, WORK));
    assert!(told.ends_with("Break-glass was used 1 times in 30 days; 1 are allowed."), "{told}");
}

/// An emergency of three days ago, whose review is owed since two; then what `then` does, and an ordinary change.
fn in_debt(then: impl FnOnce(&Fixture)) -> Answer {
    let f = glass("");
    f.decide_at("dana", WORK, Verdict::BreakGlass, now() - 3 * DAY);
    then(&f);
    propose(&f, "mina", "ordinary", &[("src/new.rs", "x\n")]);
    f.decide("rahim", "ordinary", Verdict::Approve);
    f.decide("dana", "ordinary", Verdict::Approve);
    judged(&f, "ordinary")
}

#[test]
fn row_49_the_review_of_a_drill_pays_no_debt_of_an_emergency() {
    denied(
        in_debt(|f| {
            let drill = begin(f, "dana");
            ["dana", "rahim"].iter().for_each(|who| drop(review(f, who, &drill)));
            assert!(!reports(f)[0].owes());
        }),
        "BREAK_GLASS",
    );
}

#[test]
fn row_49_twin_approvals_pay_it() {
    allowed(in_debt(|f| {
        begin(f, "dana");
        ["dana", "rahim"].iter().for_each(|who| drop(f.decide(who, WORK, Verdict::Approve)));
    }));
}

#[test]
fn row_49_no_drill_raises_a_debt() {
    let f = glass("");
    append(&f, "dana", WORK, |own| {
        (own.issued_at, own.not_after) = (Decimal((now() - 5 * DAY) as u64), Decimal((now() + DAY) as u64));
    });
    propose(&f, "mina", "ordinary", &[("src/new.rs", "x\n")]);
    ["rahim", "dana"].iter().for_each(|who| drop(f.decide(who, "ordinary", Verdict::Approve)));
    allowed(judged(&f, "ordinary"));
}

#[test]
fn row_49_approvals_review_no_drill() {
    let f = glass("");
    begin(&f, "dana");
    ["dana", "rahim"].iter().for_each(|who| drop(f.decide(who, WORK, Verdict::Approve)));
    assert!(reports(&f)[0].owes());
}

#[test]
fn row_49_a_review_by_too_few_or_by_an_author_reviews_no_drill() {
    let f = glass("");
    let drill = begin(&f, "dana");
    review(&f, "rahim", &drill);
    review(&f, "mina", &drill);
    assert!(reports(&f)[0].owes());
    assert!(reports_at(&f, now() + 2 * DAY)[0].review(now() + 2 * DAY).starts_with("review overdue since"));
}

#[test]
fn row_49_who_wrote_a_change_is_no_reviewer_of_its_drill() {
    let f = glass("");
    let drill = begin(&f, "dana");
    ["mina", "dana", "rahim"].iter().for_each(|who| drop(review(&f, who, &drill)));
    assert_eq!(reports(&f)[0].reviewers, ["dana", "rahim"]);
}

#[test]
fn row_49_a_flood_of_reviews_makes_no_list_of_drills_slow() {
    let f = glass("");
    let drill = begin(&f, "dana");
    review(&f, "rahim", &drill);
    let policy = policy_of(&f);
    let (mut chains, _) = ledger::drills::read(&f.repository(), true, &Keys::of(&policy)).unwrap();
    let rahim = chains.iter().position(|chain| chain.id.key == f.key("rahim").public.id().to_string()).unwrap();
    let again: Vec<_> = (0..2_000).map(|_| chains[rahim].clone()).collect();
    chains.extend(again);
    let began = std::time::Instant::now();
    assert!(drills(&policy, &chains, now())[0].owes());
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn row_49_who_joins_no_drill_practised_none() {
    let f = glass("");
    append(&f, "dana", WORK, |own| (own.step, own.drill) = (DrillStep::Join, "a".repeat(64)));
    assert!(reports(&f).is_empty());
    assert!(practised(&f).iter().all(|one| one.last.is_none()), "{:?}", practised(&f));
}

#[test]
fn row_49_no_search_for_what_was_approved_reads_drills() {
    let f = glass("");
    f.git("mina", &["branch", "first", WORK]);
    further(&f, "mina", WORK, "src/more.rs", "more\n");
    // Known, and not enough: the search tries it, and goes on.
    f.decide("rahim", "first", Verdict::Approve);
    let read = std::cell::Cell::new(0);
    let repository = f.repository();
    let (old, new) = (f.id("main").parse().unwrap(), f.id(WORK).parse().unwrap());
    let commits = Commits::of(&repository, false).unwrap();
    let mut states = States::default();
    states.insert(old, MAIN);
    let policy = policy_of(&f);
    let judged = || {
        let chains = ledger::read(&repository).unwrap();
        let contents = Objects::of(&repository).with_drills(|| {
            read.set(read.get() + 1);
            Ok(Default::default())
        });
        let remembered = Remembered::default();
        let grounds = Input {
            policy: &policy,
            chains: &chains,
            remembered: &remembered,
            contents: &contents,
            history: &commits,
            states: &states,
            ahead: true,
            policy_branch: Some(MAIN),
            pusher: None,
            signs_of_ai: false,
            now: now(),
        };
        let judged = PushEvaluation::new(&grounds).decide(&Update { name: MAIN.to_owned(), old, new }).outcome;
        (judged.outcome.exit_code(), read.get())
    };
    assert_eq!(judged(), (2, 1), "a refusal is explained, once");
    ["dana", "rahim"].iter().for_each(|who| drop(f.decide(who, WORK, Verdict::Approve)));
    assert_eq!(judged(), (0, 1), "nothing more is read");
}

#[test]
fn row_49_twin_reviews_by_those_who_must_review_it() {
    let f = glass("");
    let drill = begin(&f, "dana");
    ["dana", "rahim"].iter().for_each(|who| drop(review(&f, who, &drill)));
    let report = &reports(&f)[0];
    assert!(!report.owes() && report.reviewers == ["dana", "rahim"], "{report:?}");
    assert_eq!(report.people, ["dana"]);
    assert_eq!(report.lacking, None);
}

#[test]
fn row_49_a_drill_that_a_junior_or_an_author_holds_is_none_of_an_emergency() {
    let f = glass("");
    begin(&f, "mina");
    let said = told(&outcome_of(&f, WORK));
    assert!(said.contains("An emergency would not land it. mina is an author"), "{said}");
    let report = &reports(&f)[0];
    assert_eq!(report.lacking.as_deref(), Some("Break-glass needs 1 of role senior, has 0."));
    assert_eq!((report.due, report.owes()), (None, false));
    let people: Vec<_> = practised(&f).into_iter().map(|one| (one.person, one.last.is_some())).collect();
    assert_eq!(people, [("dana".to_owned(), false), ("rahim".to_owned(), false)]);
}

#[test]
fn row_49_twin_a_senior_holds_it() {
    let f = glass("");
    begin(&f, "dana");
    let people: Vec<_> = practised(&f).into_iter().map(|one| (one.person, one.last.is_some())).collect();
    assert_eq!(people, [("dana".to_owned(), true), ("rahim".to_owned(), false)]);
    assert!(reports(&f)[0].due.is_some());
}

/// Two seniors must declare an emergency: dana begins a drill, and another key joins it.
fn joined_by(key: &str, branch: &str, after: i64) -> Fixture {
    let keys = [key_line("dana", ""), key_line("dana2", "")];
    let text = once(&policy(&format!("{TWO}{GLASS}")), "n = 1 }]\nmax_duration", "n = 2 }]\nmax_duration");
    let f = Fixture::with_policy(&with_keys(&text, "dana", &keys));
    propose(&f, "mina", "other", &[("src/other.rs", "x\n")]);
    let drill = begin(&f, "dana");
    append(&f, key, branch, |own| {
        (own.step, own.drill) = (DrillStep::Join, drill);
        own.issued_at.0 += after as u64;
        own.not_after.0 += after as u64;
    });
    f
}

#[test]
fn row_49_one_person_with_two_keys_is_one_in_a_drill() {
    let f = joined_by("dana2", WORK, 0);
    assert!(told(&outcome_of(&f, WORK)).contains("needs 2 of role senior, has 1"));
    assert_eq!(reports(&f)[0].people, ["dana"]);
    assert!(reports(&f)[0].lacking.is_some());
}

#[test]
fn row_49_who_joins_with_other_content_or_too_late_takes_no_part() {
    let f = joined_by("rahim", "other", 0);
    assert!(reports(&f)[0].lacking.is_some());
    let f = joined_by("rahim", WORK, 2 * HOUR);
    assert!(reports_at(&f, now() + 3 * HOUR)[0].lacking.is_some());
}

#[test]
fn row_49_twin_two_people_hold_it() {
    let f = joined_by("rahim", WORK, 60);
    let told = told(&outcome_of(&f, WORK));
    assert!(told.starts_with("This is a drill by dana and rahim, and") && told.contains("would land it"), "{told}");
    assert_eq!(reports(&f)[0].lacking, None);
}

#[test]
fn row_49_a_drill_in_anothers_name_counts_for_nobody() {
    let f = glass("");
    let id = append(&f, "rahim", WORK, |own| own.principal = "dana".into());
    assert_eq!(told(&outcome_of(&f, WORK)), "");
    assert_eq!(standing_of(&f, &id), DrillStanding::Impostor);
    assert!(practised(&f).iter().all(|one| one.last.is_none()) && reports(&f).is_empty());
}

#[test]
fn row_49_a_drill_for_another_repository_ref_or_content_says_nothing_of_this() {
    let f = glass("");
    propose(&f, "mina", "other", &[("src/other.rs", "x\n")]);
    let id = append(&f, "dana", WORK, |own| own.repository.id = "fixture-2".into());
    append(&f, "dana", WORK, |own| own.target.name = "refs/heads/release".into());
    append(&f, "dana", "other", |_| {});
    assert_eq!(told(&outcome_of(&f, WORK)), "");
    assert_eq!(standing_of(&f, &id), DrillStanding::Elsewhere);
    assert_eq!(reports(&f).len(), 2);
}

#[test]
fn row_49_a_strangers_drill_is_not_taken_and_not_read() {
    let f = glass("");
    begin(&f, "zoe");
    let (name, tip) = (of(&f, "zoe"), f.id(&of(&f, "zoe")));
    denied(f.asked(f.request(&name, ZERO, &tip)), "STRANGER");
    assert_eq!(told(&outcome_of(&f, WORK)), "");
    assert!(reports(&f).is_empty());
}

#[test]
fn row_49_a_key_that_ended_holds_no_drill() {
    let f = glass("");
    let id = begin(&f, "dana");
    let (name, tip) = (of(&f, "dana"), f.id(&of(&f, "dana")));
    let end = "revoked = { reason = \"compromised\", since = 2026-01-01T00:00:00Z }";
    let line = f.key("dana").public.to_openssh();
    let text = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
    let ended = once(&text, &format!("\"{line}\""), &format!("{{ key = \"{line}\", {end} }}"));
    f.write(".undersign/policy.toml", &ended);
    f.commit("rahim", "End a key");
    f.git("mina", &["update-ref", "-d", &name]);
    denied(f.asked(f.request(&name, ZERO, &tip)), "KEY_REVOKED");
    f.git("mina", &["update-ref", &name, &tip]);
    assert_eq!(told(&outcome_of(&f, WORK)), "");
    assert_eq!(standing_of(&f, &id), DrillStanding::Unfit);
}

#[test]
fn row_49_a_push_that_takes_a_drill_away() {
    let f = glass("");
    let drill = begin(&f, "dana");
    let (name, first) = (of(&f, "dana"), f.id(&of(&f, "dana")));
    review(&f, "dana", &drill);
    let second = f.id(&name);
    denied(f.asked(f.request(&name, &second, &first)), "LEDGER_ROLLBACK");
    denied(f.asked(f.request(&name, &second, ZERO)), "LEDGER_ROLLBACK");
}

#[test]
fn row_49_twin_a_push_that_adds_to_a_drill() {
    let f = glass("");
    let drill = begin(&f, "dana");
    let (name, first) = (of(&f, "dana"), f.id(&of(&f, "dana")));
    review(&f, "dana", &drill);
    let second = f.id(&name);
    f.git("mina", &["update-ref", &name, &first]);
    allowed(f.asked(f.request(&name, &first, &second)));
}

#[test]
fn row_49_a_flood_of_drills_is_refused_and_holds_up_no_push() {
    let f = glass("");
    begin(&f, "dana");
    let tip = f.id(&of(&f, "dana"));
    let key = f.key("dana").public.id().to_string();
    let raw = git2::Repository::open(&f.repo).unwrap();
    // As somebody could who writes refs past the gate.
    for n in 0..3 * MAX_CHAINS {
        let name = format!("{}{key}/{n:016x}", DrillRecord::PREFIX);
        raw.reference(&name, tip.parse().unwrap(), true, "a test").unwrap();
    }
    let more = format!("{}{key}/{}", DrillRecord::PREFIX, "f".repeat(16));
    denied(f.asked(f.request(&more, ZERO, &tip)), "LIMIT");
    f.decide("rahim", WORK, Verdict::Approve);
    denied(judged(&f, WORK), "UNSIGNED");
    f.decide("dana", WORK, Verdict::Approve);
    allowed(judged(&f, WORK));
}

#[test]
fn row_49_a_damaged_chain_of_drills_holds_up_nothing() {
    let f = glass("");
    begin(&f, "dana");
    f.git("mina", &["update-ref", &of(&f, "dana"), &f.id("main")]);
    denied(f.asked(f.request(&of(&f, "rahim"), ZERO, &f.id("main"))), "LEDGER_FAULT");
    denied(judged(&f, WORK), "UNSIGNED");
    ["rahim", "dana"].iter().for_each(|who| drop(f.decide(who, WORK, Verdict::Approve)));
    allowed(judged(&f, WORK));
}

#[test]
fn row_49_twin_as_many_drills_as_one_key_may_have() {
    let f = glass("");
    begin(&f, "dana");
    let tip = f.id(&of(&f, "dana"));
    let key = f.key("dana").public.id().to_string();
    let raw = git2::Repository::open(&f.repo).unwrap();
    for n in 0..MAX_CHAINS - 2 {
        let name = format!("{}{key}/{n:016x}", DrillRecord::PREFIX);
        raw.reference(&name, tip.parse().unwrap(), true, "a test").unwrap();
    }
    let last = of(&f, "rahim");
    begin(&f, "rahim");
    let own = f.id(&last);
    f.git("mina", &["update-ref", "-d", &last]);
    allowed(f.asked(f.request(&last, ZERO, &own)));
}

#[test]
fn row_49_a_drill_that_is_dated_ahead_or_back() {
    let f = glass("");
    let later = |by: i64| {
        move |own: &mut Drill| {
            let at = (now() + by) as u64;
            (own.issued_at, own.not_after) = (Decimal(at), Decimal(at + 3600));
        }
    };
    let id = append(&f, "dana", WORK, later(HOUR));
    assert_eq!(told(&outcome_of(&f, WORK)), "");
    assert_eq!(standing_of(&f, &id), DrillStanding::Ahead);
    assert!(practised(&f).iter().all(|one| one.last.is_none()));
    let id = append(&f, "dana", WORK, later(0));
    assert_eq!(standing_of(&f, &id), DrillStanding::OutOfOrder);
    let tip = f.id(&of(&f, "dana"));
    f.git("mina", &["update-ref", "-d", &of(&f, "dana")]);
    denied(f.asked(f.request(&of(&f, "dana"), ZERO, &tip)), "LEDGER_FAULT");
    // In order, and yet nothing after it would count.
    append(&f, "rahim", WORK, later(HOUR));
    let tip = f.id(&of(&f, "rahim"));
    f.git("mina", &["update-ref", "-d", &of(&f, "rahim")]);
    denied(f.asked(f.request(&of(&f, "rahim"), ZERO, &tip)), "LEDGER_FAULT");
    append(&f, "rahim", WORK, later(60));
    let tip = f.id(&of(&f, "rahim"));
    f.git("mina", &["update-ref", "-d", &of(&f, "rahim")]);
    allowed(f.asked(f.request(&of(&f, "rahim"), ZERO, &tip)));
}

#[test]
fn row_49_twin_a_clone_whose_chain_ends_ahead_of_its_clock_begins_another() {
    let f = glass("");
    let key = f.key("dana").public.id().to_string();
    let own = |fresh: [u8; 8], at: i64| own_chain::<DrillRecord>(&f.repository(), &key, &[], fresh, at).unwrap();
    let device = u64::from_str_radix(DEVICE, 16).unwrap().to_be_bytes();
    assert_eq!(own(device, now()).chain.id.device, DEVICE);
    append(&f, "dana", WORK, |own| {
        (own.issued_at, own.not_after) = (Decimal((now() + DAY) as u64), Decimal((now() + DAY + 3600) as u64));
    });
    assert!(own(device, now() + 2 * DAY).ended.is_none());
    let other = own([7; 8], now());
    assert!(other.ended.unwrap().contains("ahead of this clock") && other.chain.is_empty());
}

#[test]
fn row_49_a_drill_that_is_over() {
    let f = glass("");
    append(&f, "dana", WORK, |own| {
        (own.issued_at, own.not_after) = (Decimal((now() - 5 * HOUR) as u64), Decimal((now() + 20 * HOUR) as u64));
    });
    // By the policy, an emergency lasts for four hours.
    assert_eq!(told(&outcome_of(&f, WORK)), "");
    assert!(!reports(&f)[0].is_open(now()) && reports(&f)[0].owes());
}

#[test]
fn row_49_twin_a_drill_that_goes_on() {
    let f = glass("");
    append(&f, "dana", WORK, |own| {
        (own.issued_at, own.not_after) = (Decimal((now() - 3 * HOUR) as u64), Decimal((now() + 20 * HOUR) as u64));
    });
    assert_eq!(told(&outcome_of(&f, WORK)), WOULD);
    assert!(reports(&f)[0].is_open(now()));
}

#[test]
fn row_49_a_drill_of_what_no_emergency_may_do_says_so() {
    let f = glass("");
    let text = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
    propose(&f, "mina", "rules", &[(".undersign/policy.toml", &next(&text))]);
    append(&f, "dana", "rules", |_| {});
    let said = told(&outcome_of(&f, "rules"));
    assert!(said.contains("An emergency would not land it. No emergency changes the policy."), "{said}");
    assert_eq!(
        reports(&f)[0].lacking.as_deref(),
        Some("No emergency changes the policy. Sign it in the ordinary way.")
    );
    let f = glass("");
    f.decide("rahim", WORK, Verdict::Reject);
    begin(&f, "dana");
    let outcome = outcome_of(&f, WORK);
    denied(codes_of(&outcome), "VETOED");
    let would = "An emergency would land it if it names the rejection of rahim, and would have to be reviewed within";
    assert!(told(&outcome).contains(would), "{outcome:?}");
}

#[test]
fn a_refused_push_is_not_told_that_an_emergency_let_it_through() {
    let f = glass("");
    // The emergency is older, so it does not name the rejection.
    f.decide("dana", WORK, Verdict::BreakGlass);
    f.decide("rahim", WORK, Verdict::Reject);
    let outcome = outcome_of(&f, WORK);
    denied(codes_of(&outcome), "VETOED");
    let said: Vec<_> = outcome.refs[0].reasons.iter().map(|reason| reason.detail.as_str()).collect();
    assert!(said.contains(&"An emergency was declared, and does not let this land."), "{said:?}");
    assert!(!said.iter().any(|text| text.contains("let it through")), "{said:?}");
}

#[test]
fn row_49_a_drill_where_the_policy_has_no_terms() {
    let f = Fixture::with_policy(&policy(TWO));
    begin(&f, "dana");
    let outcome = outcome_of(&f, WORK);
    denied(codes_of(&outcome), "UNSIGNED");
    assert!(told(&outcome).ends_with("An emergency would not land it: the policy has no terms for one."));
    assert_eq!(reports(&f)[0].lacking.as_deref(), Some("The policy has no terms for emergencies."));
    assert_eq!(practised(&f), []);
}

#[test]
fn row_49_a_record_with_another_manifest_than_it_signed_is_a_fault() {
    let f = glass("");
    propose(&f, "mina", "other", &[("docs/a.txt", "x\n")]);
    let (id, link) = signed(&f, "dana", WORK, |_| {});
    let files = [(MANIFEST_FILE.to_owned(), manifest(&f, "other").encode())].into();
    let refused = ledger::append_to::<DrillRecord>(&f.repository(), &id, Files { files, ..link.clone() }, now());
    assert!(matches!(refused, Err(LedgerError::Refused(Fault::Attachment))), "{refused:?}");
    let none = Files { files: Default::default(), ..link };
    let refused = ledger::append_to::<DrillRecord>(&f.repository(), &id, none, now());
    assert!(matches!(refused, Err(LedgerError::Refused(Fault::Attachment))), "{refused:?}");
}

#[test]
fn an_audit_lists_drills_as_drills_and_who_has_not_practised() {
    let f = glass("");
    let words = "<b>Drill</b> of \u{202e}May | one";
    let drill = append(&f, "dana", WORK, |own| own.reason = words.into());
    ["dana", "rahim"].iter().for_each(|who| drop(review(&f, who, &drill)));
    let settings = Settings { branch: Some(MAIN.to_owned()), ..Settings::default() };
    let query = Query { repository: f.repo.clone(), settings, to: Some(now() + HOUR), ..Query::default() };
    let report = audit::report(&query, &|_, _, _| ()).unwrap();
    let drills = report.drills.as_ref().unwrap();
    let held: Vec<_> = drills.held.iter().map(|one| (one.kind, one.id.as_str(), one.people.len())).collect();
    assert_eq!(held, [("drill", drill.as_str(), 1)]);
    assert!(drills.held[0].review.as_str().starts_with("reviewed after "), "{drills:?}");
    let missing: Vec<_> = drills.not_practised.iter().map(|one| (one.person.as_str(), one.last)).collect();
    assert_eq!(missing, [("rahim", None)]);
    // It is in no count of what landed, and no exception.
    assert!(
        !report.summary.decisions.contains_key("break-glass")
            && report.summary.months.values().all(|m| m.break_glass == 0)
    );
    assert!(report.exceptions.iter().all(|one| one.kind.name() != "review-owed"), "{:?}", report.exceptions);
    for format in [Format::Html, Format::Markdown, Format::Json, Format::Csv] {
        let text = |report: &Report| {
            let mut out = Vec::new();
            render::write(report, format, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let own = text(&report);
        assert!(own.to_lowercase().contains("drill") && !own.contains('\u{202e}'), "{own}");
        assert!(matches!(format, Format::Json | Format::Csv) || !own.contains("<b>Drill"), "{own}");
        assert_eq!(own, text(&audit::report(&query, &|_, _, _| ()).unwrap()));
    }
    // The newest landing is older than the drill.
    let open = audit::report(&Query { to: None, ..query.clone() }, &|_, _, _| ()).unwrap();
    assert!(open.query.to.is_some_and(|to| to.0 < open.drills.as_ref().unwrap().held[0].began.0), "{:?}", open.query);
    // Before it was held, there was none, and nobody had practised.
    let before = Query { to: Some(now() - DAY), ..query.clone() };
    let drills = audit::report(&before, &|_, _, _| ()).unwrap().drills.unwrap();
    assert_eq!((drills.held.len(), drills.not_practised.len()), (0, 2));
    // Long ago is not within the days that are asked for.
    let later = Query { to: Some(now() + 40 * DAY), from: Some(now() + DAY), drilled_within: 30, ..query };
    let drills = audit::report(&later, &|_, _, _| ()).unwrap().drills.unwrap();
    assert_eq!((drills.held.len(), drills.not_practised.len()), (0, 2));
    assert!(drills.not_practised[0].last.is_some());
}

#[test]
fn a_repository_where_nobody_may_declare_an_emergency_has_no_drills_in_its_audit() {
    let f = Fixture::with_policy(&policy(TWO));
    let settings = Settings { branch: Some(MAIN.to_owned()), ..Settings::default() };
    let query = Query { repository: f.repo.clone(), settings, ..Query::default() };
    assert!(audit::report(&query, &|_, _, _| ()).unwrap().drills.is_none());
}

/// Puts a policy on main at a time.
fn change_policy(f: &Fixture, text: &str, at: i64) {
    f.write(".undersign/policy.toml", text);
    f.git("rahim", &["add", "-A"]);
    let raw = git2::Repository::open(&f.repo).unwrap();
    let mut index = raw.index().unwrap();
    let tree = raw.find_tree(index.write_tree().unwrap()).unwrap();
    let main = raw.find_commit(raw.refname_to_id(MAIN).unwrap()).unwrap();
    let rahim = git2::Signature::new("rahim", "rahim@example.com", &git2::Time::new(at, 0)).unwrap();
    raw.commit(Some(MAIN), &rahim, &rahim, "Change who is here", &tree, &[&main]).unwrap();
}

#[test]
fn an_audit_counts_the_review_of_a_drill_by_the_policy_of_its_time() {
    let start = now() - 3 * HOUR;
    let at =
        |own: &mut Drill, at: i64| (own.issued_at, own.not_after) = (Decimal(at as u64), Decimal(at as u64 + 3600));
    // zoe comes after an hour, and leaves after another.
    let reviewed = |reviews: &[(&str, i64)]| {
        let f = glass("");
        let text = std::fs::read_to_string(f.repo.join(".undersign/policy.toml")).unwrap();
        let zoe = format!("[people.zoe]\nroles = [\"senior\"]\nkeys = [{}]\n", key_line("zoe", ""));
        change_policy(&f, &format!("{}{zoe}", next(&text)), start + HOUR);
        change_policy(&f, &once(&next(&text), "version = 2", "version = 3"), start + 2 * HOUR);
        let drill = append(&f, "dana", WORK, |own| at(own, start));
        for (who, time) in reviews {
            append(&f, who, WORK, |own| {
                (own.step, own.drill) = (DrillStep::Review, drill.clone());
                at(own, start + time);
            });
        }
        let settings = Settings { branch: Some(MAIN.to_owned()), ..Settings::default() };
        let query = Query { repository: f.repo.clone(), settings, to: Some(now()), ..Query::default() };
        let drills = audit::report(&query, &|_, _, _| ()).unwrap().drills.unwrap();
        drills.held[0].reviewed.map(|at| at.0 - start)
    };
    assert_eq!(reviewed(&[("rahim", HOUR + 60), ("zoe", HOUR + 120)]), Some(HOUR + 120));
    assert_eq!(reviewed(&[("rahim", HOUR + 60)]), None);
    assert_eq!(reviewed(&[("rahim", HOUR + 60), ("zoe", 60)]), Some(HOUR + 60), "by then, zoe may");
    assert_eq!(reviewed(&[("rahim", HOUR + 60), ("zoe", 2 * HOUR + 60)]), None, "zoe had left");
}
