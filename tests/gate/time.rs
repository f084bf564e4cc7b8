//! Rows 34, 46 and 48 of `docs/threat-model.md`: clocks, waiting times, and what a gate may keep.

use undersign::decision::Verdict;
use undersign::signing::VALIDITY;

use crate::scene::*;
use crate::support::{Fixture, now, policy};

/// An approval by a clock that goes so many seconds fast.
fn signed_ahead(seconds: i64) -> Answer {
    let f = Fixture::new();
    f.decide_at("dana", WORK, Verdict::Approve, now() + seconds);
    judged(&f, WORK)
}

#[test]
fn row_34_an_approval_from_the_future() {
    denied(signed_ahead(180), "TIME");
}

#[test]
fn row_34_twin_an_approval_by_a_clock_that_is_a_minute_fast() {
    allowed(signed_ahead(60));
}

#[test]
fn row_34_an_approval_whose_time_is_over() {
    denied(signed_ahead(-VALIDITY), "EXPIRED");
}

#[test]
fn row_34_twin_an_approval_in_its_last_minute() {
    allowed(signed_ahead(60 - VALIDITY));
}

/// The gate judged something so many seconds ahead of now.
fn gate_was_ahead(seconds: i64) -> Answer {
    let f = approved();
    let state = state_since(&f, 0);
    edit_memory(&f, &state, |memory| memory["clock"] = (now() + seconds).into());
    Gate::of(&f).state(&state).judged(WORK)
}

#[test]
fn row_34_the_clock_of_the_gate_went_back() {
    undecided(gate_was_ahead(180), "TIME");
}

#[test]
fn row_34_twin_the_clock_of_the_gate_was_set_a_little() {
    allowed(gate_was_ahead(60));
}

const COOL: &str = "cooling = \"1h\"";
const COOL_TWO: &str = "cooling = \"1h\"\nsign = [{ role = \"senior\", n = 2 }]";

/// dana approved, by her clock so long ago, and the gate has it since then.
fn cooling(signed_ago: i64, received_ago: i64) -> Answer {
    let f = Fixture::with_policy(&src(COOL));
    f.decide_at("dana", WORK, Verdict::Approve, now() - signed_ago);
    let state = state_since(&f, received_ago);
    Gate::of(&f).state(state).judged(WORK)
}

#[test]
fn row_34_an_approval_that_has_not_cooled() {
    denied(cooling(2 * HOUR, HOUR - 60), "COOLING");
}

#[test]
fn row_34_a_signers_clock_that_was_set_back_cools_nothing() {
    denied(cooling(DAY, 0), "COOLING");
}

#[test]
fn row_34_twin_an_approval_that_the_gate_has_had_for_long_enough() {
    allowed(cooling(2 * HOUR, HOUR + 1));
}

/// Two must sign. dana did long ago; rahim does now, with a clock that says he was the first.
fn cooling_out_of_order(late: bool) -> Answer {
    let f = Fixture::with_policy(&src(COOL_TWO));
    f.decide_at("dana", WORK, Verdict::Approve, now() - 2 * HOUR);
    if !late {
        f.decide_at("rahim", WORK, Verdict::Approve, now() - DAY);
    }
    let state = state_since(&f, 2 * HOUR);
    if late {
        f.decide_at("rahim", WORK, Verdict::Approve, now() - DAY);
    }
    Gate::of(&f).state(state).judged(WORK)
}

#[test]
fn row_34_a_second_approval_that_says_to_be_the_first_cools_from_when_it_came() {
    denied(cooling_out_of_order(true), "COOLING");
}

#[test]
fn row_34_twin_both_approvals_came_long_ago() {
    allowed(cooling_out_of_order(false));
}

/// The content changed and was approved again: what cooled was the earlier content.
#[test]
fn row_34_another_content_begins_to_cool_anew() {
    let f = Fixture::with_policy(&src(COOL));
    f.decide_at("dana", WORK, Verdict::Approve, now() - 2 * HOUR);
    let state = state_since(&f, 2 * HOUR);
    further(&f, "mina", WORK, "src/lib.rs", "fn one() -> u32 {\n    3\n}\n");
    f.decide("dana", WORK, Verdict::Approve);
    denied(Gate::of(&f).state(state).judged(WORK), "COOLING");
}

fn frozen(from: i64, until: i64, more: &str) -> Fixture {
    let (from, until) = (from_now(from), from_now(until));
    approved_under(&policy(&format!("[freeze.peak]\nfrom = {from}\nuntil = {until}\n{more}")))
}

#[test]
fn row_34_a_freeze_that_has_just_begun() {
    denied(judged(&frozen(0, DAY, ""), WORK), "FREEZE");
}

#[test]
fn row_34_a_freeze_in_its_last_minute() {
    denied(judged(&frozen(-DAY, 60, ""), WORK), "FREEZE");
}

#[test]
fn row_34_twin_a_freeze_that_is_about_to_begin() {
    allowed(judged(&frozen(60, DAY, ""), WORK));
}

#[test]
fn row_34_twin_a_freeze_that_has_just_ended() {
    allowed(judged(&frozen(-DAY, 0, ""), WORK));
}

#[test]
fn row_34_twin_a_freeze_of_another_compartment() {
    allowed(judged(&frozen(-DAY, DAY, "compartments = [\"policy\"]\n"), WORK));
}

/// The same push, with the same state, under the policy of before or another one.
fn asked_again(policy_changes: bool) -> Answer {
    let f = approved();
    let state = f.dir.path().join("state");
    let gate = Gate::of(&f).state(&state);
    allowed(gate.judged(WORK));
    allowed(gate.judged(WORK));
    let (file, text) = (f.dir.path().join("policy.toml"), next(&with_roles(&policy(""), "dana", "\"mid\"")));
    std::fs::write(&file, text).unwrap();
    if policy_changes { gate.policy(&file).judged(WORK) } else { gate.judged(WORK) }
}

#[test]
fn row_46_what_was_allowed_once_is_judged_anew() {
    denied(asked_again(true), "ROLE");
}

#[test]
fn row_46_twin_nothing_changed() {
    allowed(asked_again(false));
}

#[test]
fn row_46_the_state_holds_facts_and_no_verdict() {
    let f = approved();
    let state = f.dir.path().join("state");
    allowed(Gate::of(&f).state(&state).judged(WORK));
    edit_memory(&f, &state, |memory| {
        let members: Vec<_> = memory.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            members,
            ["clock", "format", "heads", "host", "log", "policy", "receipts", "schema", "tag", "waiting"]
        );
        assert!(!memory.to_string().contains("allow"), "{memory}");
    });
}

/// Two people approve so many lines so far apart.
fn together(lines: usize, seconds: i64) -> Answer {
    let f = Fixture::with_policy(&policy(""));
    propose(&f, "mina", "long", &[("src/new.rs", &"x\n".repeat(lines))]);
    f.decide_at("dana", "long", Verdict::Approve, now() - 100);
    f.decide_at("rahim", "long", Verdict::Approve, now() - 100 + seconds);
    judged(&f, "long")
}

fn too_fast(answer: &Answer) -> bool {
    answer.1.iter().any(|code| code == "REVIEW_TOO_FAST")
}

#[test]
fn row_48_two_approvals_of_many_lines_at_once_land_and_it_is_said() {
    said(together(300, 20), 0, "REVIEW_TOO_FAST");
}

#[test]
fn row_48_twin_two_approvals_with_time_to_read_in_between() {
    let answer = together(300, 40);
    assert!(!too_fast(&answer), "{answer:?}");
    allowed(answer);
}

#[test]
fn row_48_twin_two_approvals_of_few_lines_at_once() {
    let answer = together(299, 20);
    assert!(!too_fast(&answer), "{answer:?}");
    allowed(answer);
}

/// dana approved so long ago, and says that it is good until then; the policy says how long it may be.
fn good_until(limits: &str, age: i64, until: u64) -> Answer {
    let f = Fixture::with_policy(&policy(limits));
    f.decide("dana", WORK, Verdict::Approve);
    redate(&f, "dana", (now() - age) as u64, until);
    judged(&f, WORK)
}

/// The last second of the year 9999, and what is not a date at all.
const FOR_EVER: [u64; 2] = [253_402_300_799, i64::MAX as u64];
const WEEK: &str = "[limits]\nvalidity = \"7d\"\n";

#[test]
fn an_approval_is_good_for_no_longer_than_the_policy_lets_it_be() {
    for until in FOR_EVER {
        denied(good_until("", 30 * DAY + 60, until), "EXPIRED");
        denied(good_until(WEEK, 7 * DAY + 60, until), "EXPIRED");
    }
}

#[test]
fn twin_an_approval_within_that_time() {
    for until in FOR_EVER {
        allowed(good_until("", 30 * DAY - 60, until));
        allowed(good_until(WEEK, 7 * DAY - 60, until));
    }
}

#[test]
fn an_approval_still_ends_when_it_says_so() {
    denied(good_until("", DAY, now() as u64 - 60), "EXPIRED");
}

#[test]
fn an_approval_dated_at_the_end_of_all_times_does_not_count() {
    for issued in FOR_EVER {
        let f = Fixture::new();
        f.decide("dana", WORK, Verdict::Approve);
        redate(&f, "dana", issued, i64::MAX as u64);
        denied(judged(&f, WORK), "TIME");
    }
}

/// mina's work by hand, which two seniors must approve unless rahim claims that it is by hand; he does, so far ahead,
/// so long.
fn claimed(ahead: i64, until: u64) -> Answer {
    let text = once(&policy(""), "presume = true", "presume = true\nhuman_only_by = [\"policy\"]");
    let f = Fixture::with_policy(&once(&text, "junior = 1", "junior = 2"));
    propose(&f, "mina", "quiet", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "quiet", Verdict::Approve);
    f.decide("rahim", "quiet", Verdict::HumanOnly);
    redate(&f, "rahim", (now() + ahead) as u64, until);
    judged(&f, "quiet")
}

#[test]
fn a_claim_that_is_dated_ahead_is_not_heard() {
    denied(claimed(180, i64::MAX as u64), "AI_UNSIGNED");
}

#[test]
fn a_claim_is_heard_for_no_longer_than_the_policy_lets_it_be() {
    denied(claimed(-31 * DAY, i64::MAX as u64), "AI_UNSIGNED");
}

#[test]
fn twin_a_claim_by_a_clock_that_is_a_minute_fast_and_for_ever() {
    allowed(claimed(60, i64::MAX as u64));
    allowed(claimed(-29 * DAY, i64::MAX as u64));
}

/// dana rejected and rahim approved; the rejection is ended by somebody in this way, and dated so far ahead.
fn ended(how: Verdict, ahead: i64) -> Answer {
    let f = Fixture::with_policy(&(policy("") + &person("helper", "\"senior\", \"policy\"", "")));
    let rejection = f.decide("dana", WORK, Verdict::Reject);
    f.decide("rahim", WORK, Verdict::Approve);
    let who = if how == Verdict::HandOver { "helper" } else { "dana" };
    match how {
        Verdict::Approve => drop(f.decide(who, WORK, how)),
        _ => drop(follow(&f, who, how, &rejection)),
    }
    redate(&f, who, (now() + ahead) as u64, i64::MAX as u64);
    judged(&f, WORK)
}

#[test]
fn a_rejection_is_not_ended_ahead_of_time() {
    for how in [Verdict::HandOver, Verdict::Withdraw, Verdict::Approve] {
        denied(ended(how, 180), "VETOED");
    }
}

#[test]
fn twin_a_rejection_is_ended_by_a_clock_that_is_a_minute_fast() {
    for how in [Verdict::HandOver, Verdict::Withdraw, Verdict::Approve] {
        allowed(ended(how, 60));
    }
}

/// dana approved, and then took it back or rejected it, by a clock that is far ahead.
fn taken_back(how: Verdict) -> Answer {
    let f = Fixture::new();
    let approval = f.decide("dana", WORK, Verdict::Approve);
    match how {
        Verdict::Reject => drop(f.decide("dana", WORK, how)),
        _ => drop(follow(&f, "dana", how, &approval)),
    }
    redate(&f, "dana", (now() + DAY) as u64, i64::MAX as u64);
    judged(&f, WORK)
}

#[test]
fn an_approval_is_taken_back_at_once_whatever_the_clock_says() {
    denied(taken_back(Verdict::Withdraw), "UNSIGNED");
    denied(taken_back(Verdict::Reject), "VETOED");
}
