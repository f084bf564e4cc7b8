//! A key that takes its time, and statements that are fixed late, with strokes in between: what is signed is what the
//! sheet says, and it is told, whatever is on the screen by then.

use undersign::app::{Event, update};
use undersign::command;

use crate::commands::{INDEX, challenge, signed};
use crate::desk::Session;
use crate::support::Fixture;
use crate::two_changes;
use crate::waiting::waiting;

/// A refusal whose key was asked and did not answer yet.
fn refusing(f: &Fixture) -> (Session, Vec<undersign::app::Effect>) {
    let mut session = Session::new(f, (100, 40));
    session.press("<enter>SrNot without a backup.<enter>");
    let signing = session.begin("refuse<enter>");
    assert!(session.frame().contains("signing …"), "{}", session.frame());
    (session, signing)
}

#[test]
fn nobody_leaves_a_sheet_while_the_key_signs_and_what_it_signed_is_told() {
    let f = waiting(INDEX);
    let (mut session, signing) = refusing(&f);
    for keys in ["<esc>", "<ctrl-c>", "q", "S"] {
        session.press(keys);
        assert!(session.frame().contains("signing …"), "{keys}: {}", session.frame());
    }
    session.press("<esc>");
    assert!(session.frame().contains("It is being signed, and that cannot be cancelled"), "{}", session.frame());
    session.answer(signing);
    assert!(session.frame().contains("✓ Refused, signed, recorded"), "{}", session.frame());
    assert_eq!((signed(&f).len(), session.state.signed.len()), (1, 1));
    session.press("<esc>q");
    assert!(session.frame().contains("refused"), "{}", session.frame());
}

#[test]
fn what_the_key_signs_while_the_program_is_ended_is_named_on_leaving() {
    let f = waiting(INDEX);
    let (mut session, signing) = refusing(&f);
    update(&mut session.state, Event::Leave);
    session.answer(signing);
    assert_eq!(session.state.signed.len(), 1);
}

#[test]
fn a_statement_that_is_fixed_late_is_not_shown_under_another_verdict() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter><space><space>SaFine.");
    let authorization = session.begin("<enter>");
    session.press("<esc>SrRather not.");
    let refusal = session.begin("<enter>");
    session.answer(authorization);
    assert!(session.frame().contains("fixing the statement …"), "{}", session.frame());
    session.answer(refusal);
    assert_eq!(challenge(&session), "refuse");
    assert!(session.frame().contains("REFUSES this command"), "{}", session.frame());
    session.press("refuse<enter>");
    let [record] = &signed(&f)[..] else { panic!("one record") };
    assert_eq!(record.authorization().verdict, command::Verdict::Refuse);
}

#[test]
fn a_statement_of_the_same_verdict_is_that_of_the_sheet_that_is_open() {
    let f = waiting(INDEX);
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter>SrFirst words.");
    let first = session.begin("<enter>");
    session.press("<esc>Sr").press(&"<backspace>".repeat(20)).press("Second words.");
    let second = session.begin("<enter>");
    session.answer(second);
    session.answer(first);
    assert!(session.frame().contains("Second words."), "{}", session.frame());
    assert!(!session.frame().contains("First words."), "{}", session.frame());
}

#[test]
fn a_late_statement_about_a_change_takes_no_other_stage_either() {
    let f = two_changes();
    let mut session = Session::new(&f, (100, 40));
    session.press("<enter>SrNo.");
    let late = session.begin("<enter>");
    session.press("<esc>S");
    session.answer(late);
    assert!(!session.frame().contains("type reject"), "{}", session.frame());
    session.press("r<enter>");
    let signing = session.begin("reject<enter>");
    session.press("<esc>");
    assert!(session.frame().contains("that cannot be cancelled"), "{}", session.frame());
    session.answer(signing);
    assert!(session.frame().contains("✓ Rejected, signed, recorded"), "{}", session.frame());
    assert_eq!(session.state.signed.len(), 1);
}
