//! Two desks of one person on one change: nothing that either wrote is lost, and each is told.

use super::*;

#[test]
fn what_another_desk_answered_marked_and_noted_is_kept_and_told() {
    let f = two_changes();
    let mut one = Session::new(&f, (120, 40));
    one.press("<enter>");
    Session::new(&f, (120, 40)).press("<enter>)aIt is a test host.<enter>cWhy here?<enter>qq");
    one.press("<space>");
    let frame = one.frame();
    assert!(frame.contains("Another desk of yours is on this change: 1 answer, 1 note came from there."), "{frame}");
    assert!(frame.contains("It is a test host.") && frame.contains("Why here?"), "{frame}");
    one.press("qq");
    let mut later = Session::new(&f, (120, 40));
    later.press("<enter>");
    let frame = later.frame();
    assert!(frame.contains("nothing left") && frame.contains("✓ answered") && frame.contains("Why here?"), "{frame}");
}

#[test]
fn a_note_that_is_being_written_is_not_put_on_another_that_came_meanwhile() {
    let f = two_changes();
    let mut one = Session::new(&f, (120, 40));
    one.press("<enter>cfirst<enter>");
    let mut two = Session::new(&f, (120, 40));
    two.press("<enter>]jjcsecond<enter>");
    // The first desk rewrites its own note, with the other's between.
    one.press("c, more<enter>").press("<space>");
    let frame = one.frame();
    assert!(frame.contains("first, more") && frame.contains("second"), "{frame}");
    two.press("<space>");
    assert!(two.frame().contains("first, more") && two.frame().contains("second"), "{}", two.frame());
}

#[test]
fn a_decision_takes_only_the_notes_that_it_signed() {
    let f = two_changes();
    let mut one = Session::new(&f, (120, 40));
    one.press("<enter>cOne note.<enter>");
    Session::new(&f, (120, 40)).press("<enter>]jjcAnother note.<enter>qq");
    one.press("Sr").press("No.<enter>").press("reject<enter>");
    assert!(one.frame().contains("✓ Rejected, signed, recorded"), "{}", one.frame());
    let mut later = Session::new(&f, (120, 40));
    later.press("/retries<enter><enter>");
    let frame = later.frame();
    assert!(frame.contains("✎ Another note.") && !frame.contains("✎ One note."), "{frame}");
    // What was signed stands there as part of the rejection.
    assert!(frame.contains(": “One note.”"), "{frame}");
}
