//! Tags that the gate signs for who deploys: by git itself, with the commands of the manual.

use crate::support::git_in;
use crate::{Host, Ran, UNDERSIGN, recipe, shell};

fn signed(host: &Host, before: &str, version: &str) -> Ran {
    let script = format!("{before}\n{}", recipe::tag());
    let mut command = shell(&host.f.repo, host, &script);
    Ran::of(command.env("VERSION", version).env("LANDED", host.f.id("develop")).output().unwrap())
}

/// What a cluster checks before it deploys: the last two commands.
fn deploys(host: &Host, version: &str) -> Ran {
    let script = recipe::tag();
    let (_, check) = script.split_once("# Before it is deployed:\n").unwrap();
    Ran::of(shell(&host.f.repo, host, check).env("VERSION", version).output().unwrap())
}

#[test]
fn a_tag_that_the_gate_signed_is_verified_by_git_alone() {
    let host = Host::new();
    signed(&host, "", "v1").stops(0, "Good \"git\" signature for gate");
    deploys(&host, "v1").stops(0, "Good \"git\" signature for gate");
}

#[test]
fn a_tag_of_anybody_else_and_one_under_another_name_is_not() {
    let host = Host::new();
    signed(&host, "", "v1").stops(0, "");
    host.f.git("mina", &["update-ref", "refs/tags/v9", "refs/tags/v1"]);
    deploys(&host, "v9").stops(1, "Good \"git\" signature for gate");
    let key = host.f.key_file("mina");
    let named = format!("user.signingkey={}", key.display());
    host.f.git("mina", &["-c", "gpg.format=ssh", "-c", &named, "tag", "-s", "-m", "Mine", "v2", WORK_TIP]);
    deploys(&host, "v2").stops(1, "");
    host.f.git("mina", &["tag", "v3", WORK_TIP]);
    deploys(&host, "v3").stops(1, "");
}

const WORK_TIP: &str = "agent/work";

#[test]
fn git_signs_no_tag_with_the_key_of_summaries() {
    let host = Host::new();
    let key = host.f.dir.path().join("gate.pem");
    let made = std::process::Command::new(UNDERSIGN).args(["gate", "keygen"]).arg(&key).output().unwrap();
    assert!(made.status.success());
    let named = format!("user.signingkey={}", key.display());
    let script = format!("git -c gpg.format=ssh -c '{named}' tag -s -m Undersigned v1");
    shell(&host.f.repo, &host, &script).output().map(Ran::of).unwrap().stops(128, "unable to sign the tag");
    assert_eq!(git_in(&host.f.repo, "mina", &["tag", "-l", "v1"]), "");
}
