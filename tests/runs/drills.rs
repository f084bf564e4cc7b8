//! Drills of emergencies at a target: abuses, each with its allowed twin, and what drills promise, held against
//! generated worlds.
//!
//! A drill changes no answer of a broker. It is told as one that an emergency would have passed exactly if the same
//! people, at the same times, with the same words and by the same terms, would have started the command by break-glass.

use undersign::command::drill::{drills, practice};
use undersign::command::drill_statement::CommandDrill;
use undersign::command::request::Proof;
use undersign::command::{Answer, Decided, Verdict};
use undersign::gate::drill::standings;
use undersign::record::RecordId;
use undersign::record::drill::DrillStep;
use undersign::record::statement::Decimal;

use crate::world::{A, Ask, PLAIN, Reach, Who, World};
use crate::worlds::{Chance, Met, ensure, in_each_world};

const BEGIN: (DrillStep, Option<RecordId>) = (DrillStep::Begin, None);
const OTHER: Ask = Ask { word: "db", ..A };
const HOUR: i64 = 3600;

/// A world in which the broker admitted a request, and read the ledger.
fn asked(target: &str) -> World {
    let mut world = World::new(target);
    world.admit(A);
    world.read(0);
    world
}

fn would_start(told: &[String]) -> bool {
    told.iter().any(|sentence| sentence.contains("An emergency would start it, and would have to be authorized"))
}

/// As JSON, so that nothing is left out.
fn json(answer: &Answer) -> String {
    serde_json::to_string(answer).unwrap()
}

#[test]
fn row_50_a_drill_starts_nothing() {
    let mut world = asked(PLAIN);
    let before = json(&world.ask(0, A));
    world.practise(Who::Ines, A, BEGIN, |_| {});
    assert_eq!(json(&world.ask(0, A)), before);
    assert!(!world.start(0, A, Reach::Ran) && world.execs.is_empty());
    let told = world.told(0, A);
    assert!(
        would_start(&told) && told[0].starts_with("This is a drill by ines, and a drill runs nothing."),
        "{told:?}"
    );
}

#[test]
fn row_50_twin_the_same_person_declares_the_emergency_itself() {
    let mut world = asked(PLAIN);
    world.sign(Who::Ines, Verdict::BreakGlass, Some(A), |_| {});
    world.send(Who::Ines);
    world.read(0);
    assert!(world.start(0, A, Reach::Ran) && world.execs[0].is_emergency);
}

#[test]
fn row_50_a_drill_without_the_role_or_by_the_operator_is_none_of_an_emergency() {
    let mut world = asked(PLAIN);
    world.practise(Who::Dana, A, BEGIN, |_| {});
    assert!(
        world.told(0, A)[0].contains("An emergency would not start it. Break-glass needs 1 of role oncall, has 0.")
    );
    let seniors = PLAIN.replace("role = \"oncall\"", "role = \"senior\"");
    let mut world = asked(&seniors);
    world.practise(Who::Mina, A, BEGIN, |_| {});
    assert!(world.told(0, A)[0].contains("Break-glass needs 1 of role senior, has 0."), "{:?}", world.told(0, A));
    let mut world = asked(&seniors.replace("presence = \"none\", max", "operator = true, presence = \"none\", max"));
    world.practise(Who::Mina, A, BEGIN, |_| {});
    assert!(would_start(&world.told(0, A)), "the twin: where operators may, {:?}", world.told(0, A));
}

#[test]
fn row_50_twin_who_is_on_call_holds_it() {
    row_50_a_drill_starts_nothing();
}

#[test]
fn row_50_a_drill_in_anothers_name_or_of_another_repository_counts_for_nobody() {
    type Spoil = fn(&mut CommandDrill);
    let spoilt: [(&str, Spoil, &str); 2] = [
        ("in another's name", |own| own.principal = "dana".into(), "of another's key"),
        ("of another repository", |own| own.repository.id = "till".into(), "of another repository"),
    ];
    for (what, spoil, standing) in spoilt {
        let mut world = asked(PLAIN);
        world.practise(Who::Ines, A, BEGIN, spoil);
        assert_eq!(world.told(0, A), Vec::<String>::new(), "{what}");
        let chains: Vec<_> = world.drills.values().cloned().collect();
        assert_eq!(standings(&world.policy, &chains, world.now)[0].1.name(), standing, "{what}");
    }
}

#[test]
fn row_50_a_drill_of_another_command_target_or_broker_says_nothing_of_this() {
    type Spoil = fn(&mut CommandDrill);
    let spoilt: [(&str, Spoil); 3] = [
        ("another command under this request", |own| own.command = "0".repeat(64)),
        ("another target", |own| own.target = "test".into()),
        ("another broker", |own| own.broker = "0".repeat(64)),
    ];
    for (what, spoil) in spoilt {
        let mut world = asked(PLAIN);
        world.practise(Who::Ines, A, BEGIN, spoil);
        assert_eq!(world.told(0, A), Vec::<String>::new(), "{what}");
    }
    let mut world = asked(PLAIN);
    world.admit(OTHER);
    world.practise(Who::Ines, OTHER, BEGIN, |_| {});
    assert!(world.told(0, A).is_empty() && would_start(&world.told(0, OTHER)));
}

#[test]
fn row_50_drills_use_up_no_quota_and_raise_no_debt() {
    let mut world = asked(PLAIN);
    for _ in 0..5 {
        world.practise(Who::Ines, A, BEGIN, |_| {});
    }
    // Long after a review of an emergency would have been due, another one still starts, and so does what is ordinary.
    world.now += 25 * HOUR;
    let late = Ask { time: 9, ..A };
    world.admit_until(late, world.now + HOUR);
    world.sign(Who::Ines, Verdict::BreakGlass, Some(late), |_| {});
    world.send(Who::Ines);
    world.read(0);
    assert!(world.start(0, late, Reach::Ran) && world.execs[0].is_emergency);
}

#[test]
fn row_50_twin_emergencies_use_it_up_and_the_next_drill_says_so() {
    let mut world = asked(PLAIN);
    for time in [2, 3] {
        let ask = Ask { time, ..A };
        world.admit(ask);
        world.sign(Who::Ines, Verdict::BreakGlass, Some(ask), |_| {});
        world.send(Who::Ines);
        world.read(0);
        assert!(world.start(0, ask, Reach::Ran));
    }
    world.practise(Who::Ines, A, BEGIN, |_| {});
    assert!(world.told(0, A)[0].contains("Break-glass was used 2 times in 30 days"), "{:?}", world.told(0, A));
}

/// An emergency whose authorization is overdue, and a request that waits for it.
fn indebted() -> (World, Ask) {
    let mut world = asked(PLAIN);
    world.sign(Who::Ines, Verdict::BreakGlass, Some(A), |_| {});
    world.send(Who::Ines);
    world.read(0);
    assert!(world.start(0, A, Reach::Ran));
    world.now += 25 * HOUR;
    let next = Ask { time: 9, ..A };
    world.admit_until(next, world.now + HOUR);
    world.sign(Who::Dana, Verdict::Authorize, Some(next), |_| {});
    world.send(Who::Dana);
    world.read(0);
    (world, next)
}

#[test]
fn row_50_the_review_of_a_drill_pays_no_debt_of_an_emergency() {
    let (mut world, next) = indebted();
    let began = world.practise(Who::Ines, A, BEGIN, |_| {});
    world.practise(Who::Dana, A, (DrillStep::Review, Some(began)), |_| {});
    assert!(!world.start(0, next, Reach::Ran));
    let answer = json(&world.ask(0, next));
    assert!(answer.contains("ran in an emergency and was not authorized"), "{answer}");
}

#[test]
fn row_50_twin_an_authorization_pays_it() {
    let (mut world, next) = indebted();
    world.sign(Who::Dana, Verdict::Authorize, Some(A), |_| {});
    world.send(Who::Dana);
    world.read(0);
    assert!(world.start(0, next, Reach::Ran));
}

#[test]
fn row_50_a_drill_ends_no_refusal_and_says_that_an_emergency_would_not_either() {
    let mut world = asked(PLAIN);
    world.sign(Who::Rahim, Verdict::Refuse, Some(A), |_| {});
    world.send(Who::Rahim);
    world.read(0);
    let before = json(&world.ask(0, A));
    world.practise(Who::Ines, A, BEGIN, |_| {});
    assert_eq!(json(&world.ask(0, A)), before);
    assert!(world.told(0, A)[0].contains("would not start it either, because of VETOED"), "{:?}", world.told(0, A));
}

#[test]
fn row_50_a_drill_that_does_not_answer_a_refusal_is_none_and_twin_one_that_does() {
    let mut world = asked(PLAIN);
    world.admit(OTHER);
    world.sign(Who::Rahim, Verdict::Refuse, Some(OTHER), |_| {});
    world.send(Who::Rahim);
    world.read(0);
    let refusals: Vec<String> =
        world.people[&Who::Rahim].records.iter().map(|record| record.id().to_string()).collect();
    world.practise(Who::Ines, A, BEGIN, |_| {});
    assert!(!would_start(&world.told(0, A)), "{:?}", world.told(0, A));
    world.practise(Who::Ines, A, BEGIN, |own| own.answers = refusals);
    assert!(would_start(&world.told(0, A)), "{:?}", world.told(0, A));
}

#[test]
fn row_50_a_drill_that_is_over_dated_ahead_or_back_says_nothing() {
    let mut world = asked(PLAIN);
    world.practise(Who::Ines, A, BEGIN, |own| own.issued_at = Decimal(own.issued_at.0 + 600));
    assert_eq!(world.told(0, A), Vec::<String>::new(), "ahead");
    world.practise(Who::Ines, A, BEGIN, |own| own.issued_at = Decimal(own.issued_at.0 - 600));
    world.now += 600;
    assert_eq!(world.told(0, A).len(), 1, "the second is dated back in its chain");
    let mut world = asked(PLAIN);
    world.practise(Who::Ines, A, BEGIN, |_| {});
    world.now += 29 * 60;
    world.read(0);
    assert!(would_start(&world.told(0, A)), "the twin: it goes on");
    world.now += 61;
    assert_eq!(world.told(0, A), Vec::<String>::new(), "over, by what the target allows");
}

#[test]
fn row_50_one_person_who_takes_part_twice_is_one_and_twin_two_people() {
    let two = PLAIN.replace("[{ role = \"oncall\", n = 1 }]", "[{ role = \"senior\", n = 2 }]");
    let mut world = asked(&two);
    let began = world.practise(Who::Dana, A, BEGIN, |_| {});
    world.practise(Who::Dana, A, (DrillStep::Join, Some(began)), |_| {});
    assert!(world.told(0, A)[0].contains("needs 2 of role senior, has 1"), "{:?}", world.told(0, A));
    world.practise(Who::Rahim, A, (DrillStep::Join, Some(began)), |_| {});
    assert!(would_start(&world.told(0, A)), "{:?}", world.told(0, A));
}

#[test]
fn row_50_the_review_of_a_drill_is_done_by_the_slots_alone_and_without_the_operator() {
    let mut world = asked(PLAIN);
    let began = world.practise(Who::Ines, A, BEGIN, |_| {});
    let report = |world: &World| {
        let (chains, runs) = (world.drills.values().cloned().collect::<Vec<_>>(), [world.brokers[0].chain.clone()]);
        drills((&world.policy, &world.policy), &runs, &chains, world.now).remove(0)
    };
    for who in [Who::Mina, Who::Ines] {
        world.practise(who, A, (DrillStep::Review, Some(began)), |_| {});
        assert!(report(&world).owes(), "{who:?}");
    }
    world.sign(Who::Dana, Verdict::Authorize, Some(A), |_| {});
    assert!(report(&world).owes(), "an authorization reviews no drill");
    world.practise(Who::Dana, A, (DrillStep::Review, Some(began)), |_| {});
    let done = report(&world);
    assert!(done.reviewed == Some(world.now) && done.reviewers.contains(&"dana".to_owned()), "{done:?}");
    let chains: Vec<_> = world.drills.values().cloned().collect();
    let practised = practice(&world.policy, &[world.brokers[0].chain.clone()], &chains, world.now);
    assert!(practised.len() == 1 && practised[0].person == "ines" && practised[0].last == Some(world.now));
}

#[test]
fn row_50_where_the_target_has_no_terms_a_drill_says_so() {
    let line = PLAIN.lines().find(|line| line.trim_start().starts_with("break_glass")).unwrap();
    let mut world = asked(&PLAIN.replace(line, ""));
    world.practise(Who::Ines, A, BEGIN, |_| {});
    assert!(world.told(0, A)[0].contains("no terms for emergencies at this target"), "{:?}", world.told(0, A));
}

// ------------------------------------------------------------------------------------------------------ any drill

const CLAIMED: Ask = Ask { time: 3, proof: Proof::Claimed, operator: "rahim", ..A };
const DESTROYS: Ask = Ask { time: 4, destroys: 2, ..A };

/// One step of somebody, in a drill or in the emergency that it practises.
#[derive(Debug, Clone, Copy)]
struct Said {
    who: Who,
    /// Seconds before the question.
    ago: i64,
    lasts: u64,
    answers: bool,
    has_its_roles: bool,
    is_for_this: bool,
    is_in_own_name: bool,
}

fn said(chance: &mut Chance) -> Said {
    Said {
        who: chance.of(&[Who::Ines, Who::Ines, Who::Dana, Who::Rahim, Who::Mina]),
        ago: chance.of(&[0, 1, 60, 600, 1_799, 1_800, 1_801]),
        lasts: chance.of(&[1, 900, 3_600, 3_600, 3_600]),
        answers: chance.percent(60),
        has_its_roles: chance.percent(92),
        is_for_this: chance.percent(92),
        is_in_own_name: chance.percent(95),
    }
}

/// A world before anybody declares or practises anything.
fn world(chance: &mut Chance) -> (World, Ask, &'static str) {
    let slots = chance.of(&[
        "[{ role = \"oncall\", n = 1 }]",
        "[{ role = \"senior\", n = 1 }]",
        "[{ role = \"senior\", n = 2 }]",
        "[{ role = \"oncall\", n = 1 }, { role = \"senior\", n = 1 }]",
    ]);
    let operator = if chance.percent(50) { "operator = true, " } else { "" };
    let most = chance.of(&["1", "2"]);
    let terms = format!("sign = {slots}, {operator}presence = \"none\", max_per_30d = {most}");
    let target = PLAIN
        .replace("sign = [{ role = \"oncall\", n = 1 }], presence = \"none\", max_per_30d = 2", &terms)
        .replace("cooling = \"0s\"", chance.of(&["cooling = \"0s\"", "cooling = \"2m\""]));
    let mut world = World::new(&target);
    let ask = chance.of(&[A, A, CLAIMED, DESTROYS]);
    world.admit(ask);
    if chance.percent(25) {
        // An earlier emergency: of the quota, and perhaps of a debt.
        let earlier = Ask { time: 7, ..A };
        world.admit(earlier);
        for who in [Who::Ines, Who::Dana, Who::Rahim] {
            world.sign(who, Verdict::BreakGlass, Some(earlier), |_| {});
            world.send(who);
        }
        world.read(0);
        world.start(0, earlier, Reach::Ran);
    }
    if chance.percent(30) {
        let refused = chance.of(&[ask, OTHER, OTHER]);
        if !world.requests.contains_key(&refused) {
            world.admit(refused);
        }
        world.sign(Who::Rahim, Verdict::Refuse, Some(refused), |_| {});
        world.send(Who::Rahim);
    }
    if chance.percent(20) {
        world.sign(Who::Dana, Verdict::Authorize, Some(ask), |_| {});
        world.send(Who::Dana);
    }
    if chance.percent(80) {
        world.read(0);
    }
    world.is_offline = chance.percent(20);
    world.has_remote = chance.percent(90);
    (world, ask, slots)
}

/// The refusals that are known when somebody signs.
fn refusals(world: &World) -> Vec<String> {
    let all = world.host.values().flat_map(|chain| World::refusals(chain));
    all.map(|(id, _)| id.to_string()).collect()
}

#[test]
fn a_drill_is_told_as_the_emergency_that_it_practises_and_changes_no_answer() {
    let mut met = Met::default();
    in_each_world(900, &[], |chance| {
        let (start, ask, _) = world(chance);
        let mut steps: Vec<Said> = (0..1 + chance.below(3)).map(|_| said(chance)).collect();
        steps.sort_by_key(|step| std::cmp::Reverse(step.ago));
        let at = start.now + 1_801;
        let refused = refusals(&start);
        // In one world they declare it, and in the other they practise.
        let (mut declared, mut practised) = (start.clone(), start);
        let mut began = None;
        let mut is_whole = true;
        for step in &steps {
            let answers = if step.answers { refused.clone() } else { Vec::new() };
            let issued = at - step.ago;
            let roles = |roles: &mut Vec<String>| {
                if !step.has_its_roles {
                    *roles = vec!["reader".into()];
                }
            };
            declared.now = issued;
            practised.now = issued;
            let is_real = step.is_for_this && step.is_in_own_name;
            if is_real {
                declared.sign(step.who, Verdict::BreakGlass, Some(ask), |own| {
                    own.not_after = Decimal(issued as u64 + step.lasts);
                    own.answers = answers.clone();
                    roles(&mut own.roles);
                });
            }
            let of = began.map_or(BEGIN, |began| (DrillStep::Join, Some(began)));
            let id = practised.practise(step.who, ask, of, |own| {
                own.not_after = Decimal(issued as u64 + step.lasts);
                own.answers = answers;
                roles(&mut own.roles);
                if !step.is_for_this {
                    own.command = "0".repeat(64);
                }
                if !step.is_in_own_name {
                    own.principal = if own.principal == "dana" { "ines".into() } else { "dana".into() };
                }
            });
            // A drill is over with what began it; an emergency goes on with whoever is left.
            let is_first = began.is_none();
            began = began.or(Some(id));
            let lasts = (step.lasts as i64).min(1_800);
            is_whole &= !is_first || (is_real && step.ago < lasts);
            let first = &steps[0];
            is_whole &= issued < at - first.ago + (first.lasts as i64).min(1_800);
        }
        (declared.now, practised.now) = (at, at);
        // What they declared reaches the broker, by hand if the host is away, with what else is there.
        let (read_at, is_offline) = (declared.brokers[0].read_at, declared.is_offline);
        declared.is_offline = false;
        for who in Who::ALL {
            if steps.iter().any(|step| step.who == who) {
                declared.send(who);
            }
        }
        practised.is_offline = false;
        for world in [&mut declared, &mut practised] {
            world.read(0);
            (world.brokers[0].read_at, world.is_offline) = (read_at, is_offline);
        }
        let before = json(&practised.ask(0, ask));
        let untouched = {
            let mut without = practised.clone();
            without.drills.values_mut().for_each(|chain| *chain = undersign::record::Chain::empty(chain.id.clone()));
            json(&without.ask(0, ask))
        };
        ensure(before == untouched, || format!("a drill changed the answer: {untouched} / {before}"))?;
        let real = declared.ask(0, ask);
        let is_ordinary = practised.ask(0, ask).decided == Decided::Start;
        let starts = real.decided == Decided::Start && real.is_emergency;
        let told = practised.told(0, ask);
        let would = would_start(&told);
        ensure(!would || starts, || format!("told as enough, and is not: {told:?} / {} / {steps:?}", json(&real)))?;
        ensure(!starts || !is_whole || would, || format!("it would have started: {told:?} / {steps:?}"))?;
        ensure(!is_ordinary || !would, || format!("it may start as it is: {told:?}"))?;
        met.count("would start", would);
        met.count("starts though a drill would be over", starts && !would);
        met.count("does not start", !starts && !told.is_empty());
        met.count("refused", told.iter().any(|sentence| sentence.contains("VETOED")));
        met.count("would start though the host is away", would && is_offline);
        Ok(())
    });
    met.at_least(5);
}
