//! The gate as a table, `docs/threat-model.md`: real git operations, real signatures, one expected exit code and reason
//! each. Whether a push may land is asked of the library, and of the program where that is what matters: `seam.rs`
//! holds that both say the same.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/agent.rs"]
mod agent;
#[path = "../support/drills.rs"]
mod drilled;
#[path = "../support/plain.rs"]
mod plain;
#[path = "../records/token.rs"]
mod token;
#[path = "../support/waiting.rs"]
mod waiting;
#[path = "../support/worlds.rs"]
mod worlds;

mod audit;
mod backup;
mod bounds;
mod breaker;
mod content;
mod drill_worlds;
mod drills;
mod emergency;
mod evidence;
mod evidence_forge;
mod evidence_model;
mod formats;
mod inheritance;
mod kept_chains;
mod links;
mod objects;
mod operator;
mod outcomes;
mod people;
mod policies;
mod presence;
mod properties;
mod proposals;
mod records;
mod refs;
mod scene;
mod seam;
mod service_worlds;
mod state;
mod time;

use scene::{allowed, denied, tamper};
use support::{Fixture, policy};
use undersign::decision::Verdict;

#[test]
fn no_policy_cannot_be_decided() {
    let f = Fixture::with_policy("");
    assert_eq!(f.verify(&f.id("main"), &f.id("agent/work")), (4, vec!["POLICY_ABSENT".into()]));
}

#[test]
fn a_policy_with_mistakes_cannot_be_decided_and_says_all_of_them() {
    let f = Fixture::with_policy(&policy("[surprise]\n[wonder]\n"));
    let (code, outcome) = f.verify_json(&f.id("main"), &f.id("agent/work"));
    let detail = outcome["refs"][0]["reasons"][0]["detail"].as_str().unwrap();
    assert!(code == 4 && detail.contains("surprise") && detail.contains("wonder"), "{detail}");
}

#[test]
fn what_nobody_decided_does_not_land() {
    let f = Fixture::new();
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "UNSIGNED");
}

#[test]
fn what_a_senior_approved_lands_by_fast_forward_and_the_answer_holds_the_contract() {
    let f = Fixture::new();
    let record = f.decide("dana", "agent/work", Verdict::Approve);
    let (code, outcome) = f.verify_json(&f.id("main"), &f.id("agent/work"));
    assert_eq!(code, 0, "{outcome}");
    assert_eq!(outcome["outcome"], "allow");
    assert_eq!(outcome["refs"][0]["requirements"][0]["by"][0], "dana");
    assert_eq!(outcome["refs"][0]["manifest"][0], record.verified.statement().predicate.manifest.sha256.as_str());
    assert_eq!(outcome["ledger"]["records"], 1);
    for member in ["schema", "enforced", "policy", "memory", "evaluated_at", "valid_until", "elapsed_ms", "version"] {
        assert!(outcome.get(member).is_some(), "{member}");
    }
}

#[test]
fn a_rejection_blocks_whoever_approves_and_its_withdrawal_by_approval_ends_it() {
    let f = Fixture::new();
    f.decide("rahim", "agent/work", Verdict::Approve);
    f.decide("dana", "agent/work", Verdict::Reject);
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "VETOED");
    f.decide("dana", "agent/work", Verdict::Approve);
    allowed(f.verify(&f.id("main"), &f.id("agent/work")));
}

#[test]
fn nobody_ends_the_rejection_of_another() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Reject);
    f.decide("rahim", "agent/work", Verdict::Approve);
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "VETOED");
}

#[test]
fn the_author_does_not_approve_and_a_co_author_neither() {
    let f = Fixture::new();
    f.git("dana", &["checkout", "-q", "-b", "own"]);
    f.write("a.txt", "x\n");
    f.commit("dana", "Mine");
    f.git("mina", &["checkout", "-q", "-b", "paired", "main"]);
    f.write("b.txt", "x\n");
    f.commit("mina", "Ours\n\nCo-authored-by: Dana <DANA@example.com>");
    f.decide("dana", "own", Verdict::Approve);
    f.decide("dana", "paired", Verdict::Approve);
    denied(f.verify(&f.id("main"), &f.id("own")), "SELF_APPROVAL");
    denied(f.verify(&f.id("main"), &f.id("paired")), "SELF_APPROVAL");
}

#[test]
fn a_policy_for_one_person_lets_her_and_says_so_each_time() {
    let f = Fixture::with_policy(&policy("").replace("version = 1\n", "version = 1\nself_review = true\n"));
    f.git("dana", &["checkout", "-q", "-b", "own"]);
    f.write("a.txt", "x\n");
    f.commit("dana", "Mine");
    f.decide("dana", "own", Verdict::Approve);
    assert_eq!(f.verify(&f.id("main"), &f.id("own")), (0, vec!["SELF_REVIEW".into()]));
}

#[test]
fn who_lacks_the_role_does_not_count() {
    let f = Fixture::new();
    f.git("rahim", &["checkout", "-q", "-b", "other"]);
    f.write("a.txt", "x\n");
    f.commit("rahim", "Other");
    f.decide("mina", "other", Verdict::Approve);
    denied(f.verify(&f.id("main"), &f.id("other")), "ROLE");
}

#[test]
fn a_change_after_approval_does_not_land() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    f.git("mina", &["checkout", "-q", "agent/work"]);
    f.write("src/lib.rs", "fn one() -> u32 {\n    3\n}\n");
    f.commit("mina", "And a bit more");
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "CHANGED_AFTER");
}

#[test]
fn merged_by_the_senior_who_signed_it() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    let old = f.id("main");
    f.git("dana", &["merge", "-q", "--no-ff", "-m", "Merge", "agent/work"]);
    allowed(f.verify(&old, &f.id("main")));
}

#[test]
fn squashed_by_the_senior_who_signed_it() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    let old = f.id("main");
    f.git("dana", &["merge", "-q", "--squash", "agent/work"]);
    f.commit("dana", "Count from two (#12)");
    allowed(f.verify(&old, &f.id("main")));
}

#[test]
fn rebased_by_the_senior_who_signed_it_over_an_unrelated_change() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    f.write("other.txt", "x\n");
    f.commit("rahim", "Unrelated");
    let old = f.id("main");
    f.git("dana", &["rebase", "-q", "main", "agent/work"]);
    allowed(f.verify(&old, &f.id("agent/work")));
}

#[test]
fn an_evil_merge_is_caught() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    let old = f.id("main");
    f.git("rahim", &["merge", "-q", "--no-ff", "--no-commit", "agent/work"]);
    f.write("README.md", "# shop, with a door at the back\n");
    f.commit("rahim", "Merge");
    denied(f.verify(&old, &f.id("main")), "UNSIGNED");
}

#[test]
fn the_same_result_from_a_moved_base_is_another_change() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    f.write("src/lib.rs", "fn one() -> u32 {\n    9\n}\n");
    f.commit("rahim", "Moved");
    let old = f.id("main");
    f.write("src/lib.rs", "fn one() -> u32 {\n    2\n}\n");
    f.commit("mina", "Same result");
    denied(f.verify(&old, &f.id("main")), "BASE_MOVED");
}

#[test]
fn two_approved_changes_land_in_one_push() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "second", "main"]);
    f.write("b.txt", "x\n");
    f.commit("mina", "Second");
    f.decide("dana", "agent/work", Verdict::Approve);
    f.decide("dana", "second", Verdict::Approve);
    let old = f.id("main");
    f.git("dana", &["checkout", "-q", "main"]);
    f.git("dana", &["merge", "-q", "--no-ff", "-m", "Merge one", "agent/work"]);
    f.git("dana", &["merge", "-q", "--no-ff", "-m", "Merge two", "second"]);
    let (code, outcome) = f.verify_json(&old, &f.id("main"));
    assert_eq!((code, outcome["refs"][0]["manifest"].as_array().unwrap().len()), (0, 2), "{outcome}");
}

#[test]
fn a_weaker_policy_in_the_same_push_has_no_say() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "agent/work"]);
    f.write(".undersign/policy.toml", &policy("").replace("role = \"senior\"", "role = \"junior\""));
    f.commit("mina", "Simplify the policy");
    f.decide("dana", "agent/work", Verdict::Approve);
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "POLICY_MIXED");
}

#[test]
fn a_policy_change_alone_lands_with_the_policy_role() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "policy", "main"]);
    f.write(".undersign/policy.toml", &policy("").replace("version = 1", "version = 2"));
    f.commit("mina", "New version");
    f.decide("dana", "policy", Verdict::Approve);
    denied(f.verify(&f.id("main"), &f.id("policy")), "ROLE");
    f.decide("rahim", "policy", Verdict::Approve);
    allowed(f.verify(&f.id("main"), &f.id("policy")));
}

#[test]
fn an_approval_expires() {
    let f = Fixture::new();
    f.decide_at("dana", "agent/work", Verdict::Approve, support::now() - undersign::signing::VALIDITY - 60);
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "EXPIRED");
}

#[test]
fn an_exact_compartment_takes_the_very_commit_and_no_squash() {
    let exact =
        "[compartment.core]\npaths = [\"src/**\"]\ncriticality = \"critical\"\nsign = [{ role = \"senior\", n = 1 }]\n";
    let f = Fixture::with_policy(&policy(exact));
    f.decide("dana", "agent/work", Verdict::Approve);
    let old = f.id("main");
    allowed(f.verify(&old, &f.id("agent/work")));
    f.git("dana", &["merge", "-q", "--squash", "agent/work"]);
    f.commit("dana", "Squashed");
    denied(f.verify(&old, &f.id("main")), "BINDING");
}

#[test]
fn two_seniors_means_two_people() {
    let two = "[compartment.core]\npaths = [\"src/**\"]\nsign = [{ role = \"senior\", n = 2 }]\n";
    let f = Fixture::with_policy(&policy(two));
    f.decide("dana", "agent/work", Verdict::Approve);
    f.decide("dana", "agent/work", Verdict::Approve);
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "UNSIGNED");
    f.decide("rahim", "agent/work", Verdict::Approve);
    allowed(f.verify(&f.id("main"), &f.id("agent/work")));
}

#[test]
fn history_is_not_rewritten_and_unknown_refs_are_denied() {
    let f = Fixture::new();
    let old = f.id("main");
    f.git("dana", &["commit", "-q", "--amend", "-m", "Rewritten"]);
    denied(f.verify(&old, &f.id("main")), "REWRITE");
    denied(f.verify(&f.id("main"), &"0".repeat(40)), "REF_DELETED");
}

#[test]
fn a_missing_object_cannot_be_decided_and_a_short_id_is_a_usage_error() {
    let f = Fixture::new();
    let (code, reasons) = f.verify(&f.id("main"), "1111111111111111111111111111111111111111");
    assert_eq!((code, reasons), (4, vec!["UNREADABLE".into()]));
    let run = |args: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_undersign")).args(args).output().unwrap().status.code()
    };
    assert_eq!(run(&["verify", "--ref", "refs/heads/main", "--old", "abc", "--new", "abc"]), Some(64));
    assert_eq!(run(&["verify", "--ref", "main", "--old", &f.id("main"), "--new", &f.id("main")]), Some(64));
}

#[test]
fn a_damaged_record_is_no_silent_gap() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Reject);
    // The rejection is replaced by garbage: the gate must not take its absence for consent.
    tamper(&f, &scene::chain_of(&f, "dana"), |_| b"{}\n".to_vec());
    let (code, reasons) = f.verify(&f.id("main"), &f.id("agent/work"));
    assert_eq!((code, reasons), (4, vec!["LEDGER_FAULT".into()]));
}

#[test]
fn a_record_of_another_repository_or_key_counts_for_nothing() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    // The policy now names another repository id: the same record is from elsewhere.
    f.write(
        ".undersign/policy.toml",
        &policy("").replace("fixture-1", "fixture-2").replace("version = 1", "version = 2"),
    );
    f.commit("rahim", "Another repository");
    f.git("mina", &["checkout", "-q", "agent/work"]);
    f.git("mina", &["rebase", "-q", "main"]);
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "CONTEXT");
}

#[test]
fn replace_refs_do_not_change_what_is_judged() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    let approved = f.id("agent/work");
    f.git("mina", &["checkout", "-q", "-b", "bad", "main"]);
    f.write("src/lib.rs", "fn one() -> u32 { 666 }\n");
    let bad = f.commit("mina", "Bad");
    f.git("mina", &["replace", &bad, &approved]);
    let (code, _) = f.verify(&f.id("main"), &bad);
    assert_eq!(code, 2);
}

#[test]
fn a_key_in_a_real_ssh_agent_signs_and_one_that_is_not_in_it_is_told() {
    use undersign::signer::SigningKey;
    let f = Fixture::new();
    let socket = f.dir.path().join("agent");
    let public = f.key_file("dana").with_extension("pub");
    let absent = SigningKey::find(&std::fs::read_to_string(&public).unwrap(), None, None).unwrap_err();
    assert!(absent.to_string().contains("no ssh-agent runs"), "{absent}");
    let mut agent = std::process::Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("ssh-agent of OpenSSH is needed for this test");
    let listens = || std::os::unix::net::UnixStream::connect(&socket).is_ok();
    support::wait::until(|| "ssh-agent does not listen".into(), listens);
    let text = std::fs::read_to_string(&public).unwrap();
    let empty = SigningKey::find(&text, Some(&socket), None).unwrap_err();
    let added =
        std::process::Command::new("ssh-add").arg("-q").arg(f.key_file("dana")).env("SSH_AUTH_SOCK", &socket).status();
    let signed = SigningKey::find(&text, Some(&socket), None).and_then(|key| key.sign(b"{}".to_vec(), None));
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert!(empty.to_string().contains("does not hold"), "{empty}");
    assert!(added.unwrap().success());
    let envelope = signed.unwrap();
    // The signature holds; the payload is not a statement, which is found only after it was verified.
    assert_eq!(
        undersign::record::verify(&envelope.encode()).unwrap_err(),
        undersign::record::Fault::StatementMalformed
    );
}

#[test]
fn an_approval_that_does_not_count_takes_nothing_from_one_that_does() {
    let f = Fixture::new();
    f.decide("mina", "agent/work", Verdict::Approve);
    f.decide_at("rahim", "agent/work", Verdict::Approve, support::now() - undersign::signing::VALIDITY - 60);
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "SELF_APPROVAL");
    f.decide("dana", "agent/work", Verdict::Approve);
    assert_eq!(f.verify(&f.id("main"), &f.id("agent/work")), (0, vec![]));
}

#[test]
fn a_rejection_that_was_answered_by_a_further_commit_ends_with_a_new_decision_of_the_same_person() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Reject);
    f.git("mina", &["checkout", "-q", "agent/work"]);
    f.write("src/lib.rs", "fn one() -> u32 {\n    1 + 1\n}\n");
    f.commit("mina", "Answer the review");
    f.decide("rahim", "agent/work", Verdict::Approve);
    denied(f.verify(&f.id("main"), &f.id("agent/work")), "VETOED");
    f.decide("dana", "agent/work", Verdict::Approve);
    allowed(f.verify(&f.id("main"), &f.id("agent/work")));
}
