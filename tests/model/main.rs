//! The rule of a push against an adversary: the code of the gate, over a small world without git, held to what it
//! promises in generated histories, and compared with the rule that it was built from. `UNDERSIGN_HISTORIES` sets how
//! many are generated.
#![allow(clippy::unwrap_used)]

mod cases;
mod gate;
mod history;
mod promise;
mod rule;
mod world;

use std::collections::BTreeMap;

use cases::Attack;
use gate::Gate;
use history::{Act, Inventor, Mix, Run, replay, shrink, story};
use promise::{Broken, Kind};
use rule::{Judge, Rule, Stricter, Today};

type Make = dyn Fn() -> Box<dyn Judge> + Sync;

const ALL: Mix = Mix { behind: true, protect: true };

fn real() -> Box<dyn Judge> {
    Box::new(Gate::with_memory())
}

fn histories(default: u64) -> u64 {
    let told = std::env::var("UNDERSIGN_HISTORIES").ok().and_then(|text| text.parse().ok());
    told.unwrap_or(default)
}

/// What a search came across.
#[derive(Default)]
struct Tally {
    allowed: usize,
    refused: usize,
    broken: Option<(Vec<Act>, Broken)>,
}

/// Generates histories until one breaks a promise.
fn search(make: &Make, seeds: std::ops::Range<u64>, mix: Mix, only: Option<Kind>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let (mut run, mut inventor) = (Run::new(vec![make()], only), Inventor::new(seed, mix));
        let broken = inventor.history(&mut run).err();
        tally.allowed += run.said.iter().filter(|said| said[0]).count();
        tally.refused += run.said.iter().filter(|said| !said[0]).count();
        if let Some(broken) = broken {
            tally.broken = Some((inventor.acts, broken));
            break;
        }
    }
    tally
}

/// The same on two threads.
fn search_both(make: &Make, count: u64, mix: Mix) -> Tally {
    let [first, second] = std::thread::scope(|scope| {
        let halves = [0..count / 2, count / 2..count];
        halves.map(|seeds| scope.spawn(move || search(make, seeds, mix, None))).map(|half| half.join().unwrap())
    });
    Tally {
        allowed: first.allowed + second.allowed,
        refused: first.refused + second.refused,
        broken: first.broken.or(second.broken),
    }
}

/// A broken promise in as few acts as it takes, as a story.
fn smallest(make: &Make, acts: Vec<Act>, kind: Kind) -> String {
    let acts = shrink(acts, |acts| replay(&|| make(), acts, Some(kind)).1.is_some());
    story(&|| make(), &acts, Some(kind))
}

fn keeps_all_promises(make: &Make, count: u64, mix: Mix) {
    let Tally { allowed, refused, broken } = search_both(make, count, mix);
    if let Some((acts, broken)) = broken {
        panic!("a promise is broken:\n{}", smallest(make, acts, broken.kind));
    }
    println!("{count} histories: {allowed} allowed, {refused} refused");
    // Else the histories show nothing.
    assert!(allowed as u64 > count / 2 && refused as u64 > count / 2, "{allowed} allowed, {refused} refused");
}

#[test]
fn generated_histories_through_the_gate_keep_every_promise() {
    keeps_all_promises(&real, histories(100_000), ALL);
}

#[test]
fn generated_histories_through_a_gate_without_memory_keep_every_promise() {
    // It trusts what refs show: neither administrators nor a policy may put there what nobody let through.
    keeps_all_promises(&|| Box::new(Gate::without_memory()), histories(100_000) / 10, Mix::default());
}

#[test]
fn the_rule_as_it_was_breaks_a_promise_of_every_kind() {
    for kind in Kind::ALL {
        let today: &Make = &|| Box::new(Today);
        let found = search(today, 0..5_000, ALL, Some(kind)).broken;
        assert!(found.is_some(), "{kind:?} is never broken");
    }
}

/// What the gate said to the last act, and the story of it.
fn last(acts: &[Act]) -> (bool, String) {
    let (run, broken) = replay(&real, acts, None);
    let story = story(&real, acts, None);
    assert_eq!(broken, None, "\n{story}");
    (run.said.last().unwrap()[0], story)
}

fn is_refused_and_its_twin_is_allowed(attacks: Vec<Attack>) {
    for Attack { name, acts, twin } in attacks {
        let ((attack, story_), (twin, twins_story)) = (last(&acts), last(&twin));
        assert!(!attack, "{name}: allowed\n{story_}");
        assert!(twin, "{name}: its twin is refused\n{twins_story}");
    }
}

#[test]
fn every_known_attack_is_refused_and_its_twin_is_allowed() {
    is_refused_and_its_twin_is_allowed(cases::table());
}

#[test]
fn every_known_attack_with_refs_moved_behind_the_gate_is_refused_and_its_twin_is_allowed() {
    is_refused_and_its_twin_is_allowed(cases::behind());
}

#[test]
fn everyday_workflows_are_allowed_or_refused_as_the_manual_says() {
    for (name, is_allowed, acts) in cases::workflows() {
        let (said, story) = last(&acts);
        assert_eq!(said, is_allowed, "{name}:\n{story}");
    }
}

/// The gate, the rule with all in which the gate is stricter, and the rule without.
fn three() -> Vec<Box<dyn Judge>> {
    vec![real(), Box::new(Rule::with(&Stricter::ALL)), Box::new(Rule::with(&[]))]
}

/// Carries out acts until the gate and the stricter rule differ.
fn differs(acts: &[Act]) -> bool {
    let mut run = Run::new(three(), None);
    acts.iter().for_each(|act| _ = run.act(act));
    run.said.iter().any(|said| said[0] != said[1])
}

/// Which of the parts in which the gate is stricter, alone, refuse the last of what was asked.
fn reasons(acts: &[Act]) -> Vec<Stricter> {
    let alone = |part: &Stricter| Box::new(Rule::with(&[*part])) as Box<dyn Judge>;
    let judges = std::iter::once(real()).chain(Stricter::ALL.iter().map(alone)).collect();
    let mut run = Run::new(judges, None);
    acts.iter().for_each(|act| _ = run.act(act));
    let said = run.said.last().unwrap()[1..].iter().zip(Stricter::ALL);
    said.filter(|(is_allowed, _)| !**is_allowed).map(|(_, part)| part).collect()
}

#[test]
fn the_gate_is_stricter_than_the_rule_only_for_named_reasons() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..histories(100_000) / 10 {
        let (mut run, mut inventor) = (Run::new(three(), None), Inventor::new(seed + 1_000_000, ALL));
        _ = inventor.history(&mut run);
        if run.said.iter().any(|said| said[0] != said[1]) {
            let acts = shrink(inventor.acts, differs);
            let mut run = Run::new(three(), None);
            acts.iter().for_each(|act| _ = run.act(act));
            let said = run.said.iter().find(|said| said[0] != said[1]).unwrap();
            panic!("the gate says {}, the rule {}:\n{}", said[0], said[1], story(&real, &acts, None));
        }
        for (asked, said) in run.said.iter().enumerate().filter(|(_, said)| said[1] != said[2]) {
            assert!(!said[0], "only ever stricter");
            let reasons = reasons(&until(&inventor.acts, asked));
            let reasons = if reasons.is_empty() { "several together".to_owned() } else { format!("{reasons:?}") };
            *counts.entry(reasons).or_default() += 1;
        }
    }
    println!("{counts:#?}");
}

#[test]
fn each_part_in_which_the_gate_is_stricter_refuses_alone_what_the_rule_allows() {
    let refused = cases::workflows().into_iter().filter(|(_, is_allowed, _)| !is_allowed).map(|(_, _, acts)| acts);
    let attacks = cases::attacks().iter().map(|(_, acts)| acts.clone());
    let is_allowed_without = |acts: &Vec<Act>| {
        let (run, _) = replay(&|| Box::new(Rule::with(&[])), acts, None);
        run.said.last().unwrap()[0]
    };
    let alone: Vec<Vec<Stricter>> =
        refused.chain(attacks).filter(is_allowed_without).map(|acts| reasons(&acts)).collect();
    for part in Stricter::ALL {
        assert!(alone.contains(&vec![part]), "{part:?}: {alone:?}");
    }
}

/// The acts up to the one by which the gate was asked for the so many-th time, from 0.
fn until(acts: &[Act], asked: usize) -> Vec<Act> {
    let mut run = Run::new(vec![real()], None);
    let is_before = |act: &&Act| {
        let before = run.said.len() <= asked;
        if before {
            _ = run.act(act);
        }
        before
    };
    acts.iter().take_while(is_before).cloned().collect()
}
