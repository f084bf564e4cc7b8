//! A gate that an older program installed: nothing says yet what protected refs showed.

use super::*;

const A: &[(&str, &str)] = &[("a.txt", "1\n")];

/// A host on which `f` has landed, and that forgot that main ever stood at `start`.
fn unrecorded() -> Host {
    let h = Host::guarded();
    h.landed("f", "start", MAIN, A);
    std::fs::remove_dir_all(h.bare.join("undersign/gate")).unwrap();
    h
}

#[test]
fn without_recorded_states_what_refs_show_now_is_all_that_is_known() {
    let h = unrecorded();
    h.land("start", TAG).refused("This gate keeps no memory of what protected refs showed");
    h.land("f", TAG).landed();
    h.landed("g", "f", MAIN, &[("g.txt", "x\n")]);
    h.land("f", RELEASE).landed();
    h.make("evil", &["g"], A);
    h.land("evil", MAIN).refused("nobody signed");
    h.make("evil", &["g"], &[("evil.txt", "x\n")]);
    for name in [MAIN, RELEASE, "refs/tags/v2", NEXT] {
        h.land("evil", name).refused("UNSIGNED");
    }
}

#[test]
fn an_older_commit_cannot_be_decided_without_recorded_states() {
    let h = unrecorded();
    let lines = format!("{} {} {TAG}\n", "0".repeat(40), h.f.id("start"));
    let mut verify = Command::new(UNDERSIGN);
    verify.arg("--repo").arg(&h.bare).args(["verify", "--pre-receive", "--format", "json"]);
    let outcome: serde_json::Value = serde_json::from_slice(&piped(&mut verify, lines.as_bytes())).unwrap();
    assert_eq!(outcome["outcome"], "undecidable", "{outcome}");
    let reason = &outcome["refs"][0]["reasons"][0];
    assert_eq!(reason["code"], "NOT_A_STATE", "{outcome}");
    assert!(reason["detail"].as_str().unwrap().contains("let `undersign gate install` record what refs show"));
}

#[test]
fn doctor_says_that_states_were_not_recorded_and_installing_again_records_them() {
    let h = unrecorded();
    let (code, said) = h.program(&["doctor"]);
    assert!(code != 0 && said.contains("were not recorded yet"), "{said}");
    assert!(h.install(&[]).status.success());
    let (_, said) = h.program(&["doctor"]);
    assert!(said.contains("All protected refs point where the gate allowed"), "{said}");
    h.land("start", TAG).refused("Nothing on its first-parent line was ever shown");
    h.land("f", TAG).landed();
    h.landed("g", "f", MAIN, &[("g.txt", "x\n")]);
    h.land("f", RELEASE).landed();
}
