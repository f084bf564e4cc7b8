//! Between the program and the library: what the rows ask of the library, the program answers the same, in its exit
//! code and on its output, and each of its options arrives. The hook in a real push is in `objects.rs`, what a program
//! makes of its environment in `bounds.rs`, what operators type in `operator.rs`.

use serde_json::Value;
use undersign::decision::Verdict;

use crate::scene::*;
use crate::support::{Fixture, policy};

/// What both say to a branch landing on main, after they were found to agree. Only the time it took, and the line in
/// the log, are each one's own.
fn agreed(gate: &Gate<'_>, f: &Fixture, branch: &str) -> (i32, Value) {
    let (old, new) = (f.id("main"), f.id(branch));
    let moves = [(MAIN, old.as_str(), new.as_str())];
    let outcome = gate.outcome(&moves);
    let (exit, printed) = gate.push_by_program(&moves);
    assert_eq!(exit, i32::from(outcome.exit_code()), "{printed}");
    assert_eq!(lasting(&printed), lasting(&serde_json::to_value(&outcome).unwrap()));
    (exit, printed)
}

fn lasting(outcome: &Value) -> Value {
    let mut outcome = outcome.clone();
    for member in ["evaluated_at", "elapsed_ms", "audit"] {
        assert!(outcome.as_object_mut().unwrap().remove(member).is_some(), "{member}");
    }
    outcome
}

/// Whether an option of the gate makes another answer of it, in the program as in the library.
fn differs(f: &Fixture, branch: &str, with: impl for<'f> FnOnce(Gate<'f>) -> Gate<'f>) -> bool {
    lasting(&agreed(&with(Gate::of(f)), f, branch).1) != lasting(&agreed(&Gate::of(f), f, branch).1)
}

#[test]
fn the_program_says_what_the_library_says_of_what_lands_what_does_not_and_what_cannot_be_decided() {
    let f = Fixture::new();
    assert_eq!(agreed(&Gate::of(&f), &f, WORK).0, 2);
    f.decide("dana", WORK, Verdict::Approve);
    assert_eq!(agreed(&Gate::of(&f), &f, WORK).0, 0);
    tamper(&f, &chain_of(&f, "dana"), |_| b"{}\n".to_vec());
    assert_eq!(agreed(&Gate::of(&f), &f, WORK).0, 4);
}

#[test]
fn each_option_of_the_gate_arrives() {
    let f = approved();
    let file = f.dir.path().join("policy.toml");
    std::fs::write(&file, next(&policy(""))).unwrap();
    assert!(differs(&f, WORK, |gate| gate.policy(&file)));
    assert!(differs(&f, WORK, |gate| gate.repository_id("another")));
    let state = f.dir.path().join("state");
    agreed(&Gate::of(&f).state(&state), &f, WORK);
    assert!(state.join("memory.json").exists());
}

#[test]
fn who_pushes_arrives() {
    let proven = with_top(&policy(""), "author_proof = \"proven\"");
    let f = Fixture::with_policy(&once(&proven, "none = 1", "none = 2"));
    propose(&f, "mina", "own", &[("docs/a.txt", "x\n")]);
    f.decide("dana", "own", Verdict::Approve);
    assert!(differs(&f, "own", |gate| gate.pusher("mina")));
}
