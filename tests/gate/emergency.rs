//! Row 45 of `docs/threat-model.md`: break-glass as a way around review.

use undersign::decision::Verdict;
use undersign::gate::Outcome;
use undersign::signing::Seen;

use crate::scene::*;
use crate::support::{Decision, Fixture, all_of, now, policy};

/// One senior lets an emergency through, once in 30 days; the review is due within a day.
const GLASS: &str = "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]\nmax_per_30d = 1\ndebt_after = \"1d\"\n";
/// In the ordinary way, two must sign.
const TWO: &str = "[compartment.src]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n";

fn glass(more: &str) -> Fixture {
    Fixture::with_policy(&policy(&format!("{TWO}{GLASS}{more}")))
}

fn let_through(outcome: Outcome) {
    assert!(outcome.refs[0].break_glass, "{outcome:?}");
    said(codes_of(&outcome), 0, "BREAK_GLASS");
}

fn outcome_of(f: &Fixture, branch: &str) -> Outcome {
    Gate::of(f).outcome(&[(MAIN, &f.id("main"), &f.id(branch))])
}

#[test]
fn row_45_an_emergency_that_nobody_may_declare() {
    let f = Fixture::with_policy(&policy(TWO));
    f.decide("dana", WORK, Verdict::BreakGlass);
    denied(judged(&f, WORK), "UNSIGNED");
}

#[test]
fn row_45_an_emergency_that_a_junior_declares() {
    let f = glass(&person("jonas", "\"junior\"", ""));
    f.decide("jonas", WORK, Verdict::BreakGlass);
    denied(judged(&f, WORK), "BREAK_GLASS");
}

#[test]
fn row_45_twin_an_emergency_that_a_senior_declares_lands_and_it_is_said() {
    let f = glass("");
    f.decide("dana", WORK, Verdict::BreakGlass);
    let_through(outcome_of(&f, WORK));
}

/// The agent was run by one person, and another or the same declares the emergency.
fn run_by(operator: &str) -> Fixture {
    let text = policy(&format!("{TWO}{GLASS}"));
    let text = with_login(&text, operator, "operator");
    let f = Fixture::with_policy(&text);
    f.git("mina", &["checkout", "-q", "-b", "hot", "main"]);
    f.write("src/lib.rs", "fn one() -> u32 {\n    0\n}\n");
    f.git("mina", &["add", "-A"]);
    let author = "--author=Claude <noreply@anthropic.com>";
    f.git("mina", &["commit", "-q", author, "-m", "Fix\n\nGenerated with Claude Code on behalf of @operator"]);
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "hot", Verdict::BreakGlass);
    f
}

#[test]
fn row_45_who_ran_the_agent_declares_the_emergency() {
    denied(judged(&run_by("dana"), "hot"), "SELF_APPROVAL");
}

#[test]
fn row_45_twin_another_ran_the_agent() {
    let_through(outcome_of(&run_by("mina"), "hot"));
}

/// Two seniors must declare it: dana and one more key.
fn declared_by(second: (&str, &str)) -> Outcome {
    let keys = [key_line("dana", ""), key_line("dana2", "")];
    let text = once(
        &policy(&format!("{TWO}{GLASS}")),
        "[break_glass]\nsign = [{ role = \"senior\", n = 1 }]",
        "[break_glass]\nsign = [{ role = \"senior\", n = 2 }]",
    );
    let f = Fixture::with_policy(&with_keys(&text, "dana", &keys));
    f.decide("dana", WORK, Verdict::BreakGlass);
    let (who, key) = second;
    f.take(Decision { key: Some(f.key(key)), ..Decision::new(who, WORK, Verdict::BreakGlass) });
    restate(&f, key, |statement| statement.predicate.supersedes.clear());
    outcome_of(&f, WORK)
}

#[test]
fn row_45_one_person_declares_it_with_two_keys() {
    denied(codes_of(&declared_by(("dana", "dana2"))), "BREAK_GLASS");
}

#[test]
fn row_45_twin_two_people_declare_it() {
    let_through(declared_by(("rahim", "rahim")));
}

/// An emergency was declared some days ago; today there is another one.
fn again_after(days: i64) -> Outcome {
    let f = glass("");
    propose(&f, "mina", "earlier", &[("docs/a.txt", "x\n")]);
    f.decide_at("dana", "earlier", Verdict::BreakGlass, now() - days * DAY);
    // Reviewed since: what is counted is the emergency, not the debt.
    f.decide("rahim", "earlier", Verdict::Approve);
    f.decide("dana", WORK, Verdict::BreakGlass);
    let state = state_since(&f, 0);
    edit_memory(&f, &state, |memory| memory["receipts"] = serde_json::json!({}));
    Gate::of(&f).state(state).outcome(&[(MAIN, &f.id("main"), &f.id(WORK))])
}

#[test]
fn row_45_more_emergencies_than_the_quota() {
    denied(codes_of(&again_after(29)), "BREAK_GLASS");
}

#[test]
fn row_45_twin_an_emergency_after_the_quotas_time() {
    let_through(again_after(31));
}

fn declared_ago(seconds: i64) -> Outcome {
    let f = glass("");
    f.decide_at("dana", WORK, Verdict::BreakGlass, now() - seconds);
    outcome_of(&f, WORK)
}

#[test]
fn row_45_an_emergency_that_has_lasted_too_long() {
    denied(codes_of(&declared_ago(4 * HOUR + 1)), "UNSIGNED");
}

#[test]
fn row_45_twin_an_emergency_that_lasts() {
    let_through(declared_ago(4 * HOUR - 60));
}

#[test]
fn row_45_no_emergency_changes_the_policy() {
    let f = glass("");
    propose(&f, "mina", "weak", &[(".undersign/policy.toml", &next(&policy("")))]);
    f.decide("dana", "weak", Verdict::BreakGlass);
    denied(judged(&f, "weak"), "BREAK_GLASS");
}

/// An emergency ends a freeze, limits and a missing signature, and no rule on what stands alone.
#[test]
fn row_45_no_emergency_mixes_what_stands_alone() {
    let f = glass(&compartment("billing", "billing/**", "solo = true"));
    propose(&f, "mina", "mixed", &[("billing/a.txt", "x\n"), ("docs/a.txt", "x\n")]);
    f.decide("dana", "mixed", Verdict::BreakGlass);
    denied(judged(&f, "mixed"), "SOLO");
}

#[test]
fn row_45_no_emergency_lands_what_must_land_alone() {
    let f = glass(&compartment("billing", "billing/**", "solo = true"));
    propose(&f, "mina", "alone", &[("billing/a.txt", "x\n")]);
    f.decide("dana", "alone", Verdict::BreakGlass);
    denied(judged(&f, "alone"), "BREAK_GLASS");
}

#[test]
fn row_45_twin_an_emergency_in_a_freeze() {
    let f = glass(&format!("[freeze.peak]\nfrom = {}\nuntil = {}\n", from_now(-DAY), from_now(DAY)));
    f.decide("dana", WORK, Verdict::BreakGlass);
    let_through(outcome_of(&f, WORK));
}

/// dana rejected this very content; then rahim declares an emergency without or with a word to that.
fn over_a_veto(knowing: bool) -> Outcome {
    let f = glass("");
    f.decide("dana", WORK, Verdict::Reject);
    let chain = chain_of(&f, "dana");
    let tip = f.id(&chain);
    if !knowing {
        f.git("rahim", &["update-ref", "-d", &chain]);
    }
    f.decide("rahim", WORK, Verdict::BreakGlass);
    f.git("rahim", &["update-ref", &chain, &tip]);
    outcome_of(&f, WORK)
}

#[test]
fn row_45_an_emergency_in_spite_of_a_rejection_that_it_does_not_name() {
    denied(codes_of(&over_a_veto(false)), "VETOED");
}

#[test]
fn row_45_twin_an_emergency_that_answers_the_rejection() {
    let_through(over_a_veto(true));
}

/// Three days ago there was an emergency in `src`; somebody reviewed it since, or nobody. Today an ordinary change
/// comes.
fn after_an_emergency(more: &str, path: &str, review: impl FnOnce(&Fixture)) -> Answer {
    let f = glass(more);
    f.decide_at("dana", WORK, Verdict::BreakGlass, now() - 3 * DAY);
    review(&f);
    propose(&f, "mina", "ordinary", &[(path, "x\n")]);
    f.decide("rahim", "ordinary", Verdict::Approve);
    f.decide("dana", "ordinary", Verdict::Approve);
    judged(&f, "ordinary")
}

fn approve(f: &Fixture, who: &str) {
    f.decide(who, WORK, Verdict::Approve);
}

#[test]
fn row_45_a_compartment_whose_review_is_overdue_takes_nothing() {
    denied(after_an_emergency("", "src/new.rs", |_| {}), "BREAK_GLASS");
}

#[test]
fn row_45_a_review_by_fewer_than_the_compartment_asks_for_pays_no_debt() {
    denied(after_an_emergency("", "src/new.rs", |f| approve(f, "dana")), "BREAK_GLASS");
}

#[test]
fn row_45_twin_a_compartment_whose_emergency_was_reviewed() {
    let review = |f: &Fixture| ["dana", "rahim"].iter().for_each(|who| approve(f, who));
    allowed(after_an_emergency("", "src/new.rs", review));
}

#[test]
fn row_45_twin_another_compartment_than_that_of_the_debt() {
    allowed(after_an_emergency("", "docs/a.txt", |_| {}));
}

/// ines may review too, with a key that is in other hands since yesterday.
fn ines(more: &str) -> String {
    person("ines", "\"senior\"", "").replace(&key_line("ines", ""), &key_line("ines", more))
}

#[test]
fn row_45_a_review_by_a_key_in_other_hands_pays_no_debt() {
    let revoked = format!(", revoked = {{ reason = \"compromised\", since = {} }}", from_now(-DAY));
    let review = |f: &Fixture| ["dana", "ines"].iter().for_each(|who| approve(f, who));
    denied(after_an_emergency(&ines(&revoked), "src/new.rs", review), "BREAK_GLASS");
}

#[test]
fn row_45_twin_a_review_by_a_sound_key() {
    let review = |f: &Fixture| ["dana", "ines"].iter().for_each(|who| approve(f, who));
    allowed(after_an_emergency(&ines(""), "src/new.rs", review));
}

#[test]
fn row_45_a_review_that_looked_at_nothing_pays_no_debt() {
    let review = |f: &Fixture| {
        approve(f, "rahim");
        approve_seeing(f, "dana", WORK, Seen { files_seen: 0, ..all_of(1) });
    };
    denied(after_an_emergency("", "src/new.rs", review), "BREAK_GLASS");
}

#[test]
fn a_review_that_was_taken_back_pays_no_debt() {
    let review = |f: &Fixture| {
        approve(f, "rahim");
        let record = f.decide("dana", WORK, Verdict::Approve);
        follow(f, "dana", Verdict::Withdraw, &record);
    };
    denied(after_an_emergency("", "src/new.rs", review), "BREAK_GLASS");
}

#[test]
fn a_review_that_became_a_rejection_pays_no_debt() {
    let review = |f: &Fixture| {
        ["dana", "rahim"].iter().for_each(|who| approve(f, who));
        f.decide("dana", WORK, Verdict::Reject);
    };
    denied(after_an_emergency("", "src/new.rs", review), "BREAK_GLASS");
}

#[test]
fn a_review_beside_a_rejection_of_the_same_person_pays_no_debt() {
    let review = |f: &Fixture| {
        ["dana", "rahim"].iter().for_each(|who| approve(f, who));
        f.decide("dana", WORK, Verdict::Reject);
        restate(f, "dana", |statement| statement.predicate.supersedes.clear());
    };
    denied(after_an_emergency("", "src/new.rs", review), "BREAK_GLASS");
}

#[test]
fn a_review_that_is_dated_ahead_pays_no_debt() {
    let review = |f: &Fixture| {
        approve(f, "rahim");
        f.decide_at("dana", WORK, Verdict::Approve, now() + HOUR);
    };
    denied(after_an_emergency("", "src/new.rs", review), "BREAK_GLASS");
}

#[test]
fn twin_a_review_that_was_given_again_or_whose_time_is_over() {
    let again = |f: &Fixture| ["dana", "rahim", "dana"].iter().for_each(|who| approve(f, who));
    allowed(after_an_emergency("", "src/new.rs", again));
    let over = |f: &Fixture| {
        approve(f, "rahim");
        f.decide_at("dana", WORK, Verdict::Approve, now() - 40 * DAY);
    };
    allowed(after_an_emergency("", "src/new.rs", over));
}

#[test]
fn twin_a_rejection_of_something_else_takes_no_review_back() {
    let review = |f: &Fixture| {
        ["dana", "rahim"].iter().for_each(|who| approve(f, who));
        propose(f, "mina", "other", &[("docs/b.txt", "x\n")]);
        f.decide("dana", "other", Verdict::Reject);
    };
    allowed(after_an_emergency("", "src/new.rs", review));
}

/// An emergency that was declared at these times, in seconds from now, and reviewed; today there is another one, at a
/// gate that has had all of it for so long, if for any time.
fn declared_at(times: &[i64], received_ago: Option<i64>) -> Answer {
    let f = glass("");
    propose(&f, "mina", "earlier", &[("docs/a.txt", "x\n")]);
    times.iter().for_each(|time| drop(f.decide_at("dana", "earlier", Verdict::BreakGlass, now() + time)));
    f.decide("rahim", "earlier", Verdict::Approve);
    let state = state_since(&f, received_ago.unwrap_or_default());
    if received_ago.is_none() {
        edit_memory(&f, &state, |memory| memory["receipts"] = serde_json::json!({}));
    }
    f.decide("dana", WORK, Verdict::BreakGlass);
    Gate::of(&f).state(state).judged(WORK)
}

#[test]
fn an_emergency_signed_again_with_an_old_date_still_counts() {
    for received_ago in [None, Some(DAY)] {
        denied(declared_at(&[-DAY, -31 * DAY], received_ago), "BREAK_GLASS");
        denied(declared_at(&[-31 * DAY, -DAY], received_ago), "BREAK_GLASS");
    }
}

#[test]
fn an_emergency_counts_from_when_the_gate_had_it_however_old_it_says_it_is() {
    denied(declared_at(&[-31 * DAY], Some(29 * DAY)), "BREAK_GLASS");
    denied(declared_at(&[-40_000 * DAY / 2], Some(DAY)), "BREAK_GLASS");
}

#[test]
fn twin_an_emergency_that_the_gate_had_long_ago() {
    let_through_codes(declared_at(&[-31 * DAY], Some(31 * DAY)));
    let_through_codes(declared_at(&[-31 * DAY, -40 * DAY], Some(31 * DAY)));
    let_through_codes(declared_at(&[-31 * DAY, -40 * DAY], None));
}

fn let_through_codes(answer: Answer) {
    said(answer, 0, "BREAK_GLASS");
}

/// An emergency whose record gives these times.
fn declared_in(issued: u64, until: u64) -> Answer {
    let f = glass("");
    f.decide("dana", WORK, Verdict::BreakGlass);
    redate(&f, "dana", issued, until);
    judged(&f, WORK)
}

#[test]
fn an_emergency_at_the_end_of_all_times_is_none() {
    for (issued, until) in [(i64::MAX as u64, i64::MAX as u64), (0, i64::MAX as u64)] {
        denied(declared_in(issued, until), "UNSIGNED");
    }
}

#[test]
fn twin_an_emergency_now_that_says_to_last_for_ever() {
    let_through_codes(declared_in(now() as u64, i64::MAX as u64));
    let_through_codes(declared_in(now() as u64, 253_402_300_799));
}
