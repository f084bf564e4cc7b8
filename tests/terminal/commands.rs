//! Leaving the desk soon after something was signed about a command.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use undersign::record::statement::Decimal;

use super::signing::configure;
use super::support::{Fixture, git_in, now};
use super::waiting::{ask_with, waiting};
use super::{Program, home};

/// A request that waits now, with a host.
fn hosted() -> (Fixture, PathBuf) {
    let fixture = waiting("SELECT 1;\n");
    ask_with(&fixture, "SELECT 2;\n", |request| {
        request.not_before = Decimal(now() as u64 - 60);
        request.not_after = Decimal(now() as u64 + 3_000);
    });
    configure(&fixture, &fixture.key_file("dana"));
    let host = fixture.dir.path().join("host.git");
    git_in(fixture.dir.path(), "dana", &["clone", "-q", "--bare", "shop", "host.git"]);
    fixture.git("dana", &["remote", "add", "origin", host.to_str().unwrap()]);
    fixture.git("dana", &["push", "-q", "origin", "refs/undersign/*:refs/undersign/*"]);
    (fixture, host)
}

/// Refuses what waits, and leaves at once.
fn refuse_and_leave(fixture: &Fixture, home: &Path) -> Program {
    let repo = fixture.repo.to_str().unwrap();
    let mut program = Program::start(&["--repo", repo], (100, 30), &[("SSH_AUTH_SOCK", "")], home);
    program.wait_for("psql");
    program.press("\r");
    program.wait_for("what it does");
    program.press("Sr");
    program.wait_for("reason:");
    program.press("Not today.\r");
    program.wait_for("to refuse:");
    program.press("refuse\r");
    program.wait_for("Refused, signed, recorded");
    program.press("xqq");
    program
}

#[test]
fn leaving_waits_for_what_is_on_its_way() {
    let ((fixture, host), home) = (hosted(), home());
    let hook = host.join("hooks/pre-receive");
    std::fs::create_dir_all(host.join("hooks")).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nsleep 3\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut program = refuse_and_leave(&fixture, home.path());
    assert_eq!(program.end(), (0, true), "{}", program.text());
    assert!(!git_in(&host, "dana", &["for-each-ref", "refs/undersign/authorizations"]).is_empty());
}

#[test]
fn leaving_names_what_did_not_arrive_and_fails() {
    let ((fixture, host), home) = (hosted(), home());
    std::fs::rename(&host, fixture.dir.path().join("away.git")).unwrap();
    let mut program = refuse_and_leave(&fixture, home.path());
    assert_eq!(program.end(), (70, true), "{}", program.text());
    let text = program.text().replace('\n', "");
    assert!(text.contains("NOT SENT from") && text.contains("the refusal of request"), "{text}");
}
