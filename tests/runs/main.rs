//! The rule of runs against an adversary: the code that ships, over a small world of people, brokers, restored disks and
//! clocks, held to what it promises in all short histories and in many long ones. `UNDERSIGN_LONG_HISTORIES` sets how
//! many.
#![allow(clippy::unwrap_used)]

mod attacks;
mod drills;
mod forms;
mod promise;
mod world;
#[path = "../support/worlds.rs"]
mod worlds;

use std::sync::Arc;

use promise::{Excused, broken};
use undersign::command::Verdict;
use undersign::command::request::Proof;
use world::{A, Ask, PLAIN, Reach, Who, World, policy};

/// The same command, asked again.
const AGAIN: Ask = Ask { time: 2, ..A };
/// Another command of the same operator.
const OTHER: Ask = Ask { word: "db", ..A };
/// Of an operator who is only claimed, and is another in truth.
const CLAIMED: Ask = Ask { time: 3, proof: Proof::Claimed, operator: "rahim", ..A };

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Admit(Ask),
    Authorize(Who, Ask),
    Answer(Who, Ask),
    Refuse(Who, Ask),
    Withdraw(Who),
    BreakGlass(Ask),
    Send(Who),
    Read(usize),
    Start(usize, Ask),
    Killed(usize, Ask, bool),
    Pass(i64),
    ClockBack(i64),
    Snapshot,
    Restore,
    Copy,
    Offline(bool),
    HostForgets(Who),
}

/// A world with what takes parts of the promise away in it.
#[derive(Clone)]
struct Played {
    world: World,
    excused: Excused,
}

impl Played {
    fn new(policy: Arc<undersign::policy::Policy>) -> Played {
        Played { world: World::of(policy), excused: Excused::default() }
    }

    /// Whether it could happen.
    fn act(&mut self, act: Act) -> bool {
        let world = &mut self.world;
        let is_asked = |world: &World, ask: Ask| world.requests.contains_key(&ask);
        match act {
            Act::Admit(ask) if !is_asked(world, ask) => _ = world.admit(ask),
            Act::Authorize(who, ask) if is_asked(world, ask) => world.sign(who, Verdict::Authorize, Some(ask), |_| {}),
            Act::Answer(who, ask) if is_asked(world, ask) => {
                let refused: Vec<String> = world
                    .host
                    .values()
                    .flat_map(|chain| World::refusals(chain))
                    .map(|(id, _)| id.to_string())
                    .collect();
                world.sign(who, Verdict::Authorize, Some(ask), |own| own.answers = refused);
            }
            Act::Refuse(who, ask) if is_asked(world, ask) => world.sign(who, Verdict::Refuse, Some(ask), |_| {}),
            Act::Withdraw(who) => {
                let own: Vec<String> =
                    World::refusals(&world.people[&who]).iter().map(|(id, _)| id.to_string()).collect();
                if own.is_empty() {
                    return false;
                }
                world.sign(who, Verdict::Withdraw, None, |word| word.supersedes = own);
            }
            Act::BreakGlass(ask) if is_asked(world, ask) => {
                world.sign(Who::Ines, Verdict::BreakGlass, Some(ask), |_| {});
            }
            Act::Send(who) if world.host.get(&who).map_or(0, |chain| chain.len()) < world.people[&who].len() => {
                world.send(who);
            }
            Act::Read(at) if at < world.brokers.len() => world.read(at),
            Act::Start(at, ask) if at < world.brokers.len() && is_asked(world, ask) => {
                _ = world.start(at, ask, Reach::Ran);
            }
            Act::Killed(at, ask, published) if at < world.brokers.len() && is_asked(world, ask) => {
                world.start(at, ask, if published { Reach::Published } else { Reach::Written });
                world.restart(at);
            }
            Act::Pass(seconds) => world.now += seconds,
            Act::ClockBack(seconds) => {
                world.brokers[0].skew -= seconds;
                self.excused.clock_went_back = true;
            }
            Act::Snapshot if world.snapshots.is_empty() => world.snapshot(),
            Act::Restore if !world.snapshots.is_empty() => {
                world.restore();
                self.excused.disk_is_old = true;
            }
            Act::Copy if world.brokers.len() == 1 => {
                world.copy();
                self.excused.disk_is_old = true;
            }
            Act::Offline(is_offline) if world.is_offline != is_offline => world.is_offline = is_offline,
            Act::HostForgets(who) if world.host.remove(&who).is_some() => self.excused.host_lied = true,
            _ => return false,
        }
        true
    }

    fn play(&mut self, acts: &[Act]) -> Option<String> {
        acts.iter().find_map(|act| {
            let before = self.world.execs.len();
            self.act(*act);
            if self.world.execs.len() > before { broken(&self.world, self.excused) } else { None }
        })
    }
}

fn alphabet() -> Vec<Act> {
    vec![
        Act::Authorize(Who::Dana, A),
        Act::Authorize(Who::Mina, A),
        Act::Refuse(Who::Rahim, A),
        Act::Withdraw(Who::Rahim),
        Act::BreakGlass(A),
        Act::Send(Who::Dana),
        Act::Send(Who::Rahim),
        Act::Send(Who::Ines),
        Act::Read(0),
        Act::Read(1),
        Act::Start(0, A),
        Act::Start(1, A),
        Act::Killed(0, A, false),
        Act::Killed(0, A, true),
        Act::Pass(61),
        Act::ClockBack(1_000),
        Act::Snapshot,
        Act::Restore,
        Act::Copy,
        Act::HostForgets(Who::Rahim),
    ]
}

/// What a broker would do that takes `started` on its own disk for enough.
fn with_local_claims() -> Played {
    let mut played = Played::new(Arc::new(policy(PLAIN)));
    played.world.ignores_claims = true;
    played
}

#[test]
fn a_broker_that_burns_requests_on_its_own_disk_alone_breaks_the_promise() {
    let asked = [Act::Admit(A), Act::Authorize(Who::Dana, A), Act::Send(Who::Dana), Act::Read(0)];
    let copied = [Act::Copy, Act::Read(1), Act::Offline(true), Act::Start(0, A), Act::Start(1, A)];
    let restored = [
        Act::Snapshot,
        Act::Offline(true),
        Act::Start(0, A),
        Act::Restore,
        Act::Offline(false),
        Act::Read(0),
        Act::Start(0, A),
    ];
    for ways in [&copied[..], &restored] {
        let acts = [&asked[..], ways].concat();
        assert!(with_local_claims().play(&acts).is_some_and(|what| what.contains("ran 2 times")), "{acts:?}");
        assert_eq!(Played::new(Arc::new(policy(PLAIN))).play(&acts), None, "{acts:?}");
    }
}

#[derive(Default)]
struct Tally {
    histories: u64,
    runs: u64,
    refused: u64,
}

/// Plays every history of so many acts from a world on, each act one that can happen there.
fn every(played: &Played, depth: usize, acts: &mut Vec<Act>, tally: &mut Tally) {
    for act in alphabet() {
        let mut next = played.clone();
        let (before, asked) = (next.world.execs.len(), next.world.answers.len());
        if !next.act(act) {
            continue;
        }
        acts.push(act);
        tally.histories += 1;
        let ran = next.world.execs.len() - before;
        tally.runs += ran as u64;
        tally.refused += (next.world.answers.len() - asked - ran) as u64;
        if ran > 0
            && let Some(what) = broken(&next.world, next.excused)
        {
            panic!("{what}, by {acts:?}");
        }
        if depth > 1 {
            every(&next, depth - 1, acts, tally);
        }
        acts.pop();
    }
}

/// One authorization is there and read: what can still go wrong, goes wrong after it.
fn authorized() -> Played {
    let mut played = Played::new(Arc::new(policy(PLAIN)));
    let acts = [Act::Admit(A), Act::Authorize(Who::Dana, A), Act::Send(Who::Dana), Act::Snapshot, Act::Read(0)];
    assert_eq!(played.play(&acts), None);
    played
}

#[test]
fn every_short_history_keeps_the_promise() {
    let mut tally = Tally::default();
    let mut admitted = Played::new(Arc::new(policy(PLAIN)));
    admitted.play(&[Act::Admit(A)]);
    every(&admitted, 4, &mut Vec::new(), &mut tally);
    every(&authorized(), 4, &mut Vec::new(), &mut tally);
    println!("{} histories: {} runs, {} refused", tally.histories, tally.runs, tally.refused);
    assert!(tally.runs > 300 && tally.refused > 1_000, "{} runs, {} refused", tally.runs, tally.refused);
}

/// A generator of numbers that needs no crate: xorshift.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// One act, or several that make a run likely.
    fn acts(&mut self) -> Vec<Act> {
        let ask = [A, A, A, AGAIN, OTHER, CLAIMED][self.below(6)];
        match self.below(8) {
            0 => vec![Act::Answer(Who::Dana, ask), Act::Send(Who::Dana), Act::Read(0)],
            1 => vec![Act::Read(0), Act::Start(0, ask)],
            2 if self.below(3) == 0 => vec![Act::Withdraw(Who::Rahim), Act::Send(Who::Rahim)],
            _ => vec![self.act()],
        }
    }

    fn act(&mut self) -> Act {
        let who = Who::ALL[self.below(4)];
        let ask = [A, A, A, AGAIN, OTHER, CLAIMED][self.below(6)];
        let at = usize::from(self.below(4) == 0);
        match self.below(22) {
            0 => Act::Admit(ask),
            1 | 2 => Act::Authorize(who, ask),
            3 => Act::Answer(who, ask),
            4 => Act::Refuse(who, ask),
            5 => Act::Withdraw(who),
            6 => Act::BreakGlass(ask),
            7..=9 => Act::Send(who),
            10..=12 => Act::Read(at),
            13..=15 => Act::Start(at, ask),
            16 => Act::Killed(at, ask, self.below(2) == 0),
            17 => Act::Pass([1, 61, 1_000, 2_000][self.below(4)]),
            18 => [Act::Snapshot, Act::Restore, Act::Restore, Act::Copy][self.below(4)],
            19 => Act::Offline(self.below(3) == 0),
            20 if self.below(6) == 0 => Act::HostForgets(who),
            21 if self.below(6) == 0 => Act::ClockBack([30, 1_000][self.below(2)]),
            _ => Act::Read(0),
        }
    }
}

#[test]
fn long_histories_keep_the_promise() {
    let told = std::env::var("UNDERSIGN_LONG_HISTORIES").ok().and_then(|text| text.parse().ok());
    let policy = Arc::new(policy(PLAIN));
    let (mut runs, mut refused) = (0, 0);
    for seed in 1..=told.unwrap_or(600_u64) {
        let (mut chance, mut played) = (Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)), Played::new(policy.clone()));
        let mut acts = vec![Act::Admit(A), Act::Admit(AGAIN), Act::Admit(OTHER), Act::Admit(CLAIMED)];
        acts.extend((0..30).flat_map(|_| chance.acts()));
        if let Some(what) = played.play(&acts) {
            let acts = smallest(acts, &policy);
            panic!("seed {seed}: {what}, by {acts:?}");
        }
        runs += played.world.execs.len();
        refused += played.world.answers.len() - played.world.execs.len();
    }
    println!("{runs} runs, {refused} refused");
    assert!(runs > 300 && refused > 300, "{runs} runs, {refused} refused: the histories show nothing");
}

/// A broken promise in as few acts as it takes.
fn smallest(mut acts: Vec<Act>, policy: &Arc<undersign::policy::Policy>) -> Vec<Act> {
    let breaks = |acts: &[Act]| Played::new(policy.clone()).play(acts).is_some();
    let mut at = 0;
    while at < acts.len() {
        let mut fewer = acts.clone();
        fewer.remove(at);
        if breaks(&fewer) { acts = fewer } else { at += 1 }
    }
    acts
}
