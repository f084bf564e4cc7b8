//! The real program in a pseudo-terminal: the seams that no other test sees. Waits for what is on the screen, not for
//! time.
#![allow(clippy::unwrap_used)]

#[path = "../support/program.rs"]
mod program;
#[path = "../support/mod.rs"]
mod support;

#[path = "../support/waiting.rs"]
mod waiting;

mod commands;
mod seams;
mod signing;
mod slow;

use std::path::Path;
use std::time::Duration;

use portable_pty::PtySize;
use program::{Pace, Program, cells};

fn home() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_demo_is_reviewed_to_the_record_and_verified_by_the_gate_and_by_openssh() {
    let home = home();
    let demo = home.path().join("demo");
    let dir = demo.display().to_string();
    let mut program = Program::start(&["demo", "--dir", &dir], (120, 36), &[], home.path());
    program.wait_for("need you");
    program.press("/typo\r");
    program.wait_for("filter: typo");
    program.wait_for("aider");
    program.press("\r");
    program.wait_for("befor you touch");
    program.wait_for("by risk");
    program.press(" ");
    program.wait_for("nothing left");
    program.press("S");
    program.wait_for("1 hunk seen");
    program.press("a");
    program.wait_for("reason:");
    program.press("\r");
    program.wait_for("to approve:");
    let text = program.text();
    let code = text.split("type ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    program.press(&format!("{code}\r"));
    program.wait_for("Approved, signed, recorded");
    program.press("x");
    program.press("q");
    program.wait_for("1 decided");
    program.press("q");
    let (exit, restored) = program.end();
    assert!(exit == 0 && restored);
    program.wait_for("undersign demo --dir");
    // The commands that it printed, as they stand there.
    let script = String::from_utf8_lossy(&program.raw.lock().unwrap()).into_owned();
    let verify = script.lines().find(|l| l.trim_start().starts_with("undersign --repo")).unwrap().trim().to_owned();
    let verify = verify.replacen("undersign", env!("CARGO_BIN_EXE_undersign"), 1);
    let verified = run(home.path(), &verify);
    assert!(verified.status.success(), "{verify}\n{verified:?}");
    verify_by_hand(&script, home.path());
}

fn run(folder: &Path, script: &str) -> std::process::Output {
    std::process::Command::new("sh").arg("-ec").arg(script).current_dir(folder).output().unwrap()
}

/// Runs the commands that the demo printed, as they are: OpenSSH alone verifies what was signed.
fn verify_by_hand(printed: &str, folder: &Path) {
    if !run(folder, "command -v jq").status.success() {
        return println!("skipped: the check by hand needs jq");
    }
    let by_hand = printed.split("OpenSSH alone:").nth(1).unwrap().replace('\r', "");
    let checked = run(folder, &by_hand);
    assert!(
        checked.status.success() && String::from_utf8_lossy(&checked.stdout).contains("Good"),
        "{by_hand}\n{checked:?}"
    );
}

#[test]
fn the_first_thing_in_the_demo_is_a_command_that_recreates_production_and_it_is_authorized_and_refused() {
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let open = || {
        let mut program = Program::start(&["demo", "--dir", &dir], (80, 24), &[], home.path());
        program.wait_for("need you");
        program.wait_for("Commands waiting 1");
        program.wait_for("✗24");
        program.wait_for("✗ destroyed 24: ce_widget · ± replaced 2: ce_environment.main");
        program.press("\r");
        program.wait_for("✗ destroyed ce_widget   22 of one kind");
        program
    };
    let printed = |mut program: Program| {
        program.press("xqq");
        assert_eq!(program.end(), (0, true), "{}", program.text());
        program.wait_for("-s payload.sig");
        String::from_utf8_lossy(&program.raw.lock().unwrap()).into_owned()
    };
    let mut program = open();
    program.wait_for("± replaced  ce_environment.main   name \"cost-explorer\" →");
    program.wait_for("no broker is running, so nothing runs");
    // What a prompt covers is not shown: each stroke waits for its frame.
    program.press(")");
    program.wait_for("A command that destroys");
    program.press("a");
    program.wait_for("with whose credentials");
    program.press("In production, as the deploy role.\r");
    program.wait_until("answer to the finding", |program| !program.text().contains("1 finding"));
    for wanted in ["takes input plan", "who asks", "agent       “Kiro”"] {
        program.press(" ");
        program.wait_for(wanted);
    }
    program.press("S");
    program.wait_for("Nothing is left to see or to answer");
    program.press("a");
    program.wait_for("reason:");
    program.press("All of it; the backup of tonight.\r");
    program.wait_for("to authorize:");
    let code = program.text().split("type prod ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    program.press(&format!("prod {code}\r"));
    program.wait_for("Authorized, signed, recorded");
    program.wait_for("This repository has no remote");
    let told = printed(program);
    assert!(told.contains("No broker is running here") && told.contains("✗ 1 security of rahim, ines"), "{told}");
    verify_by_hand(&told, home.path());
    let mut program = open();
    program.press("Sr");
    program.wait_for("reason:");
    program.press("Rename it in place.\r");
    program.wait_for("to refuse:");
    program.press("refuse\r");
    program.wait_for("Refused, signed, recorded");
    let told = printed(program);
    assert!(told.contains("tell the agent why"), "{told}");
    verify_by_hand(&told, home.path());
}

#[test]
fn sigterm_gives_the_terminal_back_whatever_is_open() {
    for strokes in ["", "?", "/ab", "\r/x", "j\r/x"] {
        let home = home();
        let dir = home.path().join("demo").display().to_string();
        let mut program = Program::start(&["demo", "--dir", &dir], (80, 24), &[], home.path());
        program.wait_for("need you");
        program.press(strokes);
        let id = program.child.process_id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert!(program.end().1, "{strokes:?}");
    }
}

#[test]
fn a_panic_gives_the_terminal_back_and_is_told() {
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let mut program = Program::start(
        &["demo", "--dir", &dir],
        (80, 24),
        &[("UNDERSIGN_TEST_PANIC", "1"), ("RUST_BACKTRACE", "0")],
        home.path(),
    );
    let (exit, restored) = program.end();
    assert!(exit != 0 && restored);
    program.wait_for("asked to panic by a test");
}

#[test]
fn no_color_means_none_and_80_by_24_is_whole() {
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let mut program = Program::start(&["demo", "--dir", &dir], (80, 24), &[("NO_COLOR", "1")], home.path());
    program.wait_for("need you");
    program.wait_for("quit");
    program.press("q");
    program.end();
    let raw = program.raw.lock().unwrap();
    let text = String::from_utf8_lossy(&raw);
    assert!(!text.contains("38;2;") && !text.contains("38;5;") && !text.contains("48;"), "a colour was sent");
}

#[test]
fn a_resize_to_almost_nothing_and_back_is_survived() {
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let mut program = Program::start(&["demo", "--dir", &dir], (80, 24), &[], home.path());
    program.wait_for("need you");
    let size = |rows, cols| PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
    program.master.resize(size(5, 20)).unwrap();
    program.screen.lock().unwrap().screen_mut().set_size(cells(5), cells(20));
    program.wait_for("40×10");
    program.master.resize(size(24, 80)).unwrap();
    program.screen.lock().unwrap().screen_mut().set_size(cells(24), cells(80));
    program.wait_for("quit");
    program.press("q");
    assert!(program.end().1);
}

#[test]
fn an_encrypted_key_asks_for_its_passphrase_in_the_desk() {
    let home = home();
    let dir = home.path().join("demo").display().to_string();
    let mut first = Program::start(&["demo", "--dir", &dir], (100, 30), &[], home.path());
    first.wait_for("need you");
    first.press("q");
    first.end();
    let key = format!("{dir}/keys/dana");
    let changed =
        std::process::Command::new("ssh-keygen").args(["-q", "-p", "-N", "open sesame", "-f", &key]).status().unwrap();
    assert!(changed.success());
    let mut program = Program::start(&["demo", "--dir", &dir], (100, 30), &[], home.path());
    program.wait_for("need you");
    program.press("/cost\r");
    program.wait_for("filter: cost");
    program.press("\r");
    program.wait_for("3 findings");
    program.press("S");
    program.wait_for("reject");
    program.press("r");
    program.wait_for("reason:");
    program.press("It deletes the database.\r");
    program.wait_for("to reject:");
    program.press("reject\r");
    program.wait_for("passphrase of the key:");
    program.press("wrong\r");
    program.wait_for("The passphrase does not open the key");
    program.press("open sesame\r");
    program.wait_for("Rejected, signed, recorded");
    program.press("xqq");
    program.end();
}
