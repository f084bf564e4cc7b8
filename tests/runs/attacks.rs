//! Attacks as worlds, each with its allowed twin beside it.

use undersign::command::authorization::Authorization;
use undersign::command::request::Proof;
use undersign::command::{Claim, Code, Decided, Effect, Verdict};
use undersign::record::statement::Decimal;

use crate::world::{A, Ask, PLAIN, Reach, START, Who, World, policy};

const AGAIN: Ask = Ask { time: 2, ..A };
const OTHER: Ask = Ask { word: "db", ..A };

/// A request is there, and somebody signed it.
fn signed(who: Who, target: &str, change: impl FnOnce(&mut Authorization)) -> World {
    let mut world = World::new(target);
    world.admit(A);
    world.sign(who, Verdict::Authorize, Some(A), change);
    world.send(who);
    world.read(0);
    world
}

fn said(world: &World, ask: Ask) -> (Decided, Vec<Code>) {
    let answer = world.ask(0, ask);
    let mut codes: Vec<Code> = answer.reasons.iter().map(|reason| reason.code).collect();
    codes.sort();
    codes.dedup();
    (answer.decided, codes)
}

fn waits(world: &World, ask: Ask, code: Code) {
    let (decided, codes) = said(world, ask);
    assert!(decided == Decided::NotYet && codes.contains(&code), "{decided:?} {codes:?}, not {code}");
}

fn is_refused(world: &World, ask: Ask, code: Code) {
    let (decided, codes) = said(world, ask);
    assert!(decided == Decided::Refused && codes.contains(&code), "{decided:?} {codes:?}, not {code}");
}

fn is_undecidable(world: &World, ask: Ask, code: Code) {
    let (decided, codes) = said(world, ask);
    assert!(decided == Decided::Undecidable && codes.contains(&code), "{decided:?} {codes:?}, not {code}");
}

fn starts(world: &World, ask: Ask) {
    let answer = world.ask(0, ask);
    assert_eq!(answer.decided, Decided::Start, "{:#?}", answer.reasons);
}

fn refuse(world: &mut World, who: Who, ask: Ask) {
    world.sign(who, Verdict::Refuse, Some(ask), |_| {});
    world.send(who);
    world.read(0);
}

#[test]
fn nobody_authorizes_what_runs_for_them() {
    waits(&signed(Who::Mina, PLAIN, |_| {}), A, Code::SelfApproval);
    starts(&signed(Who::Dana, PLAIN, |_| {}), A);
}

#[test]
fn two_authorizations_of_one_request_are_one_run() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.sign(Who::Rahim, Verdict::Authorize, Some(A), |_| {});
    world.send(Who::Rahim);
    world.read(0);
    assert!(world.start(0, A, Reach::Ran));
    assert!(!world.start(0, A, Reach::Ran));
    is_refused(&world, A, Code::Started);
}

#[test]
fn a_broker_that_was_killed_after_it_burnt_a_request_never_runs_it() {
    for reach in [Reach::Written, Reach::Published] {
        let mut world = signed(Who::Dana, PLAIN, |_| {});
        world.start(0, A, reach);
        world.restart(0);
        world.read(0);
        is_refused(&world, A, Code::Started);
        assert_eq!(world.execs, []);
    }
}

#[test]
fn a_disk_that_was_restored_finds_what_it_started_with_the_host() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.snapshot();
    assert!(world.start(0, A, Reach::Ran));
    world.restore();
    world.read(0);
    is_undecidable(&world, A, Code::LedgerRollback);
}

#[test]
fn a_disk_that_was_restored_before_the_host_knew_has_not_run_anything() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.snapshot();
    assert!(!world.start(0, A, Reach::Written));
    world.restore();
    world.read(0);
    assert!(world.start(0, A, Reach::Ran), "it was burnt on a disk that is gone, and never ran");
}

#[test]
fn of_two_copies_of_a_disk_one_runs_a_request() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.copy();
    world.read(1);
    starts(&world, A);
    assert_eq!(world.ask(1, A).decided, Decided::Start, "neither knows of the other yet");
    assert!(world.start(1, A, Reach::Ran));
    assert!(!world.start(0, A, Reach::Ran), "its place at the host is taken");
    assert_eq!(world.execs.len(), 1);
}

#[test]
fn an_emergency_while_the_host_is_away_is_one_run_of_each_disk_and_while_it_is_there_one_in_all() {
    for is_away in [true, false] {
        let mut world = World::new(PLAIN);
        world.admit(A);
        world.sign(Who::Ines, Verdict::BreakGlass, Some(A), |_| {});
        world.send(Who::Ines);
        world.read(0);
        world.copy();
        world.read(1);
        world.is_offline = is_away;
        world.start(0, A, Reach::Ran);
        world.start(1, A, Reach::Ran);
        assert_eq!(world.execs.len(), if is_away { 2 } else { 1 }, "what the manual says is not stopped");
    }
}

#[test]
fn a_refusal_holds_the_same_command_asked_again_in_other_words() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    refuse(&mut world, Who::Rahim, A);
    is_refused(&world, A, Code::Vetoed);
    world.admit(AGAIN);
    world.sign(Who::Dana, Verdict::Authorize, Some(AGAIN), |_| {});
    world.send(Who::Dana);
    world.read(0);
    is_refused(&world, AGAIN, Code::Vetoed);
    let id = World::refusals(&world.people[&Who::Rahim])[0].0.to_string();
    world.sign(Who::Rahim, Verdict::Withdraw, None, |own| own.supersedes = vec![id]);
    world.send(Who::Rahim);
    world.read(0);
    starts(&world, AGAIN);
}

#[test]
fn nobody_else_takes_a_refusal_back_but_a_handover_by_those_who_change_the_policy() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    refuse(&mut world, Who::Ines, A);
    let id = World::refusals(&world.people[&Who::Ines])[0].0.to_string();
    for (who, verdict) in [(Who::Rahim, Verdict::Withdraw), (Who::Dana, Verdict::Handover)] {
        world.sign(who, verdict, None, |own| match verdict {
            Verdict::Withdraw => own.supersedes = vec![id.clone()],
            _ => own.answers = vec![id.clone()],
        });
        world.send(who);
        world.read(0);
        is_refused(&world, A, Code::Vetoed);
    }
    world.sign(Who::Rahim, Verdict::Handover, None, |own| own.answers = vec![id]);
    world.send(Who::Rahim);
    world.read(0);
    starts(&world, A);
}

#[test]
fn another_request_of_the_same_operator_answers_the_refusal_while_it_lasts() {
    let claimed = Ask { proof: Proof::Claimed, operator: "rahim", word: "db", time: 7, ..A };
    let stranger = Ask { operator: "ines", word: "db", time: 8, ..A };
    for (ask, must_answer) in [(OTHER, true), (claimed, true), (stranger, false)] {
        let mut world = World::new(PLAIN);
        world.admit(A);
        refuse(&mut world, Who::Rahim, A);
        world.admit(ask);
        for who in [Who::Dana, Who::Mina] {
            world.sign(who, Verdict::Authorize, Some(ask), |_| {});
            world.send(who);
        }
        world.read(0);
        assert_eq!(said(&world, ask).0 == Decided::NotYet, must_answer, "{ask:?} {:?}", said(&world, ask));
        let id = World::refusals(&world.people[&Who::Rahim])[0].0.to_string();
        for who in [Who::Dana, Who::Mina] {
            world.sign(who, Verdict::Authorize, Some(ask), |own| own.answers = vec![id.clone()]);
            world.send(who);
        }
        world.read(0);
        starts(&world, ask);
    }
}

#[test]
fn a_refusal_that_races_a_start_is_missed_for_as_long_as_the_policy_lets_a_reading_be_old_and_no_longer() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.sign(Who::Rahim, Verdict::Refuse, Some(A), |_| {});
    world.send(Who::Rahim);
    world.now += 60;
    starts(&world, A);
    world.now += 1;
    is_undecidable(&world, A, Code::LedgerStale);
    world.read(0);
    is_refused(&world, A, Code::Vetoed);
}

#[test]
fn a_ledger_that_was_never_read_decides_nothing() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.restart(0);
    is_undecidable(&world, A, Code::LedgerStale);
}

#[test]
fn a_clock_behind_the_brokers_own_last_record_decides_nothing() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.brokers[0].skew = -1;
    is_undecidable(&world, A, Code::Time);
}

#[test]
fn an_authorization_is_good_for_as_long_as_the_target_says_whatever_it_says_itself() {
    let mut world = signed(Who::Dana, PLAIN, |own| own.not_after = Decimal(START as u64 + 9_000_000));
    for (after, is_good) in [(1_799, true), (1_800, false)] {
        world.now = START + after;
        world.read(0);
        assert_eq!(said(&world, A).0 == Decided::Start, is_good, "{after}");
    }
    waits(&world, A, Code::Expired);
    world.now = START + 3_600;
    world.read(0);
    is_refused(&world, A, Code::Expired);
}

#[test]
fn what_is_dated_ahead_or_is_for_later_does_not_count_yet() {
    let later = |own: &mut Authorization| own.not_before = Decimal(START as u64 + 10);
    let ahead = |own: &mut Authorization| own.issued_at = Decimal(START as u64 + 121);
    waits(&signed(Who::Dana, PLAIN, later), A, Code::Time);
    waits(&signed(Who::Dana, PLAIN, ahead), A, Code::Time);
    starts(&signed(Who::Dana, PLAIN, |own| own.issued_at = Decimal(START as u64 + 120)), A);
}

#[test]
fn only_a_view_that_was_seen_whole_authorizes() {
    waits(&signed(Who::Dana, PLAIN, |own| own.view.seen = Decimal(8)), A, Code::Coverage);
    let open = |own: &mut Authorization| {
        own.view.omissions =
            vec![undersign::command::authorization::Omission { what: "plan.bin".into(), acknowledged: " ".into() }];
    };
    waits(&signed(Who::Dana, PLAIN, open), A, Code::Coverage);
    waits(&signed(Who::Dana, PLAIN, |own| own.view.sha256.clear()), A, Code::Coverage);
}

#[test]
fn a_role_counts_that_was_held_when_signing_and_still_is() {
    waits(&signed(Who::Dana, PLAIN, |own| own.roles.clear()), A, Code::Unsigned);
    waits(&signed(Who::Ines, PLAIN, |own| own.roles = vec!["senior".into()]), A, Code::Unsigned);
}

#[test]
fn a_record_in_anothers_name_or_for_another_place_counts_for_nothing() {
    waits(&signed(Who::Mina, PLAIN, |own| own.principal = "dana".into()), A, Code::Unsigned);
}

#[test]
fn of_an_operator_who_is_only_claimed_one_person_more_signs() {
    let claimed = Ask { proof: Proof::Claimed, operator: "", time: 9, ..A };
    let mut world = World::new(PLAIN);
    world.admit(claimed);
    world.sign(Who::Mina, Verdict::Authorize, Some(claimed), |_| {});
    world.send(Who::Mina);
    world.read(0);
    waits(&world, claimed, Code::OperatorUnproven);
    world.sign(Who::Dana, Verdict::Authorize, Some(claimed), |_| {});
    world.send(Who::Dana);
    world.read(0);
    starts(&world, claimed);
}

#[test]
fn what_destroys_cools_down_and_anybody_of_the_roster_may_still_refuse_it() {
    let cooling = PLAIN.replace("cooling = \"0s\"", "cooling = \"2m\"\nfresh = \"10m\"");
    let destroys = Ask { destroys: 1, ..A };
    let mut world = World::new(&cooling);
    world.admit(destroys);
    world.sign(Who::Dana, Verdict::Authorize, Some(destroys), |own| own.issued_at = Decimal(START as u64 - 600));
    world.send(Who::Dana);
    world.read(0);
    world.now += 119;
    waits(&world, destroys, Code::Cooling);
    world.now += 1;
    starts(&world, destroys);
    refuse(&mut world, Who::Ines, destroys);
    is_refused(&world, destroys, Code::Vetoed);
    starts(&signed(Who::Dana, &cooling, |_| {}), A);
}

#[test]
fn what_destroys_needs_the_slots_for_that_too() {
    let more = PLAIN.replace("break_glass", "destructive = [{ role = \"oncall\", n = 1 }]\nbreak_glass");
    let destroys = Ask { destroys: 1, ..A };
    let mut world = World::new(&more);
    world.admit(destroys);
    world.sign(Who::Dana, Verdict::Authorize, Some(destroys), |_| {});
    world.send(Who::Dana);
    world.read(0);
    waits(&world, destroys, Code::Unsigned);
    world.sign(Who::Ines, Verdict::Authorize, Some(destroys), |_| {});
    world.send(Who::Ines);
    world.read(0);
    starts(&world, destroys);
}

#[test]
fn a_host_that_withholds_a_refusal_which_somebody_signed_to_have_seen_stops_everything() {
    let mut world = World::new(PLAIN);
    world.admit(A);
    world.sign(Who::Rahim, Verdict::Refuse, Some(A), |_| {});
    world.send(Who::Rahim);
    world.sign(Who::Dana, Verdict::Authorize, Some(A), |_| {});
    world.send(Who::Dana);
    world.host.remove(&Who::Rahim);
    world.read(0);
    is_undecidable(&world, A, Code::LedgerMissing);
}

#[test]
fn one_thing_runs_at_a_target_at_a_time_and_what_broke_off_is_looked_at_first() {
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.admit(OTHER);
    world.sign(Who::Dana, Verdict::Authorize, Some(OTHER), |_| {});
    world.send(Who::Dana);
    world.read(0);
    starts(&world, OTHER);
    world.start(0, A, Reach::Published);
    waits(&world, OTHER, Code::Busy);
}

#[test]
fn nothing_starts_below_the_level_of_the_target_or_under_other_settings_or_another_entry() {
    is_refused(&signed(Who::Dana, &PLAIN.replace("\"L1\"", "\"L2\""), |_| {}), A, Code::Level);
    let mut world = signed(Who::Dana, PLAIN, |_| {});
    world.policy = policy(&PLAIN.replace("restart\", \"{word}\"", "restart\", \"{other|one}\"")).into();
    is_refused(&world, A, Code::Argv);
    world.policy = policy(&PLAIN.replace("target.prod", "target.test")).into();
    is_refused(&world, A, Code::TargetUnknown);
}

#[test]
fn what_the_policy_lets_run_unasked_runs_for_an_operator_who_is_proven() {
    let unasked = PLAIN.replace("{word}\"]", "{word}\"]\nunasked = true");
    let claimed = Ask { proof: Proof::Claimed, operator: "", time: 9, ..A };
    let mut world = World::new(&unasked);
    world.admit(A);
    world.admit(claimed);
    world.read(0);
    starts(&world, A);
    waits(&world, claimed, Code::Unsigned);
    refuse(&mut world, Who::Ines, A);
    is_refused(&world, A, Code::Vetoed);
}

#[test]
fn an_emergency_passes_slots_cooling_and_a_stale_ledger_and_no_refusal() {
    let mut world = World::new(PLAIN);
    world.admit(A);
    world.sign(Who::Ines, Verdict::BreakGlass, Some(A), |_| {});
    world.send(Who::Ines);
    world.read(0);
    world.now += 600;
    let answer = world.ask(0, A);
    assert!(answer.decided == Decided::Start && answer.is_emergency && answer.claim == Claim::Local, "{answer:#?}");
    assert!(answer.reasons.iter().any(|reason| reason.effect == Effect::Said && reason.code == Code::BreakGlass));
    refuse(&mut world, Who::Dana, A);
    is_refused(&world, A, Code::Vetoed);
}

#[test]
fn an_emergency_needs_the_right_people_and_not_the_operator_unless_the_policy_lets() {
    let mine = PLAIN.replace("role = \"oncall\"", "role = \"senior\"");
    let may = mine.replace("break_glass = {", "break_glass = { operator = true,");
    for (target, who, is_started) in
        [(PLAIN, Who::Dana, false), (&mine, Who::Mina, false), (&may, Who::Mina, true), (&mine, Who::Dana, true)]
    {
        let mut world = World::new(target);
        world.admit(A);
        world.sign(who, Verdict::BreakGlass, Some(A), |_| {});
        world.send(who);
        world.read(0);
        assert_eq!(said(&world, A).0 == Decided::Start, is_started, "{who:?} {:?}", said(&world, A));
    }
}

#[test]
fn where_the_operator_is_only_claimed_nobody_breaks_the_glass_unless_the_operator_may() {
    let claimed = Ask { proof: Proof::Claimed, operator: "", time: 9, ..A };
    let may = PLAIN.replace("break_glass = {", "break_glass = { operator = true,");
    for (target, is_started) in [(PLAIN, false), (&may, true)] {
        let mut world = World::new(target);
        world.admit(claimed);
        world.sign(Who::Ines, Verdict::BreakGlass, Some(claimed), |_| {});
        world.send(Who::Ines);
        world.read(0);
        assert_eq!(said(&world, claimed).0 == Decided::Start, is_started, "{:?}", said(&world, claimed));
    }
}

#[test]
fn emergencies_are_few_and_each_is_authorized_afterwards_or_nothing_runs() {
    let asks = [1, 2, 3].map(|time| Ask { time, ..A });
    let mut world = World::new(PLAIN);
    for ask in asks {
        world.admit(ask);
        world.sign(Who::Ines, Verdict::BreakGlass, Some(ask), |_| {});
        world.send(Who::Ines);
        world.read(0);
        world.start(0, ask, Reach::Ran);
    }
    assert_eq!(world.execs.len(), 2, "two in thirty days");
    world.sign(Who::Dana, Verdict::Authorize, Some(asks[2]), |own| own.not_after = Decimal(START as u64 + 200_000));
    world.send(Who::Dana);
    world.read(0);
    starts(&world, asks[2]);
    world.now = START + 24 * 3600;
    world.read(0);
    let is_owed = |world: &World| {
        let reasons = world.ask(0, asks[2]).reasons;
        reasons.iter().any(|reason| reason.code == Code::BreakGlass && reason.effect == Effect::Refuses)
    };
    assert!(is_owed(&world));
    for ask in &asks[..2] {
        world.sign(Who::Dana, Verdict::Authorize, Some(*ask), |_| {});
    }
    world.send(Who::Dana);
    world.read(0);
    assert!(!is_owed(&world));
}
