//! Row 10 of `docs/threat-model.md`, and the rest of its names of refs: before anything else is judged.

use std::process::Command;

use undersign::change::ref_name::is_full_name;

use crate::scene::*;
use crate::support::{Fixture, policy};

/// What the gate says to a new ref of this name.
fn named(f: &Fixture, name: &str) -> Answer {
    Gate::of(f).push(&[(name, &"0".repeat(40), &f.id("main"))])
}

/// The policy lets in any branch and tag.
fn open() -> Fixture {
    let refs = "open = [\"refs/heads/**\", \"refs/tags/**\"]\nprotected = [";
    approved_under(&once(&policy(""), "protected = [", refs))
}

#[test]
fn row_10_a_name_that_git_does_not_allow() {
    let f = open();
    for name in
        ["refs/heads/a..b", "refs/heads/x.lock", "refs/heads/.x", "refs/heads/a b", "refs/heads/@{0}", "refs/heads//x"]
    {
        assert_eq!(named(&f, name), (2, vec!["REF_UNCOVERED".to_owned()]), "{name}");
    }
}

#[test]
fn row_10_a_new_name_with_characters_that_do_not_show() {
    let f = open();
    denied(named(&f, "refs/heads/ma\u{200b}in"), "BIDI");
    denied(named(&f, "refs/tags/a\u{202e}b"), "BIDI");
}

#[test]
fn row_10_twin_names_that_people_give() {
    let f = open();
    for name in ["refs/heads/main-2", "refs/heads/a.b/c@d", "refs/heads/👩\u{200d}💻", "refs/heads/می\u{200c}خ"]
    {
        allowed(named(&f, name));
    }
}

#[test]
fn row_10_twin_a_ref_with_such_a_name_is_deleted() {
    let f = open();
    let (name, tip) = ("refs/heads/oth\u{200b}er", f.id("main"));
    f.git("mina", &["update-ref", name, &tip]);
    allowed(Gate::of(&f).push(&[(name, &tip, &"0".repeat(40))]));
}

/// The policy lets in anything that it does not protect.
fn wide_open() -> Fixture {
    approved_under(&once(&policy(""), "protected = [", "open = [\"refs/**\"]\nprotected = ["))
}

#[test]
fn what_git_would_take_for_another_object_never_lands_however_open_the_policy_is() {
    let f = wide_open();
    let (main, work, zero) = (f.id("main"), f.id(WORK), "0".repeat(40));
    let name = format!("refs/replace/{main}");
    denied(Gate::of(&f).push(&[(&name, &zero, &work)]), "REF_UNCOVERED");
    // One that somebody put there may go.
    f.git("mina", &["update-ref", &name, &work]);
    allowed(Gate::of(&f).push(&[(&name, &work, &zero)]));
}

#[test]
fn twin_a_ref_that_stands_for_nothing_but_itself() {
    let f = wide_open();
    let name = format!("refs/notes/{}", f.id("main"));
    allowed(Gate::of(&f).push(&[(&name, &"0".repeat(40), &f.id(WORK))]));
}

#[test]
fn names_are_judged_as_git_judges_them() {
    let pieces = [
        "a", ".", "..", "/", "//", "@", "@{", "{", ".lock", "lock", " ", "~", "^", ":", "?", "*", "[", "\\", "-",
        "\u{7f}", "\u{e9}",
    ];
    for first in pieces {
        for second in pieces.iter().step_by(3).chain(&["/.", "x"]) {
            for name in [format!("refs/heads/{first}{second}"), format!("refs/{first}{second}/x")] {
                let git = Command::new("git").args(["check-ref-format", &name]).status().unwrap().success();
                assert_eq!(is_full_name(&name), git, "{name}");
            }
        }
    }
}

/// An object of the fixture's repository, from a file.
fn blob(f: &Fixture, text: &str) -> String {
    f.write("../blob", text);
    f.git("mina", &["hash-object", "-w", "../blob"])
}

#[test]
fn claims_are_one_small_blob_of_each_person_of_the_policy_and_change_at_will() {
    let (f, none) = (open(), "0".repeat(40));
    let (one, other) = (blob(&f, "undersign-claims/v1\n"), blob(&f, "whatever it says, no gate reads it"));
    let name = "refs/undersign/claims/dana";
    allowed(Gate::of(&f).push(&[(name, &none, &one)]));
    allowed(Gate::of(&f).pusher("dana").push(&[(name, &none, &one)]));
    // An account that is nobody's in the policy may be a machine that passes them on.
    allowed(Gate::of(&f).pusher("mirror").push(&[(name, &none, &one)]));
    f.git("dana", &["update-ref", name, &one]);
    allowed(Gate::of(&f).push(&[(name, &one, &other)]));
    allowed(Gate::of(&f).push(&[(name, &one, &none)]));
}

#[test]
fn nothing_else_is_let_in_among_claims() {
    let (f, none) = (open(), "0".repeat(40));
    let small = blob(&f, "undersign-claims/v1\n");
    let large = blob(&f, &"x".repeat(4097));
    let tree = f.git("mina", &["rev-parse", "main^{tree}"]);
    let push = |name: &str, object: &str| Gate::of(&f).push(&[(name, &none, object)]);
    let dana = "refs/undersign/claims/dana";
    for object in [&large, &tree, &f.id("main"), &"1".repeat(40)] {
        denied(push(dana, object), "REF_UNCOVERED");
    }
    for name in ["refs/undersign/claims/stranger", "refs/undersign/claims/dana/more", "refs/undersign/claims/DANA"] {
        denied(push(name, &small), "REF_UNCOVERED");
    }
    denied(push("refs/undersign/claims", &small), "LEDGER_ROLLBACK");
    denied(Gate::of(&f).pusher("rahim").push(&[(dana, &none, &small)]), "REF_UNCOVERED");
}
