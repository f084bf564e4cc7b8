//! Row 7 of `docs/threat-model.md`, and what only the operator says: which branch holds the policy, which repository
//! this is, and what he answers for.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use undersign::decision::Verdict;
use undersign::enforcement::{self, Settings};

use crate::scene::*;
use crate::support::{Fixture, git_in, now, policy};

/// A clone as a pipeline makes it, of a host whose default branch is `develop`; somebody pushed a branch `main` there,
/// with a policy of his own.
fn pipeline() -> (Fixture, PathBuf) {
    let f = Fixture::with_policy(&policy("").replace("refs/heads/main", "refs/heads/develop"));
    f.git("rahim", &["branch", "-m", "main", "develop"]);
    let host = f.dir.path().join("host.git");
    f.git("rahim", &["clone", "-q", "--bare", ".", host.to_str().unwrap()]);
    f.git("mina", &["checkout", "-q", "-b", "main", "develop"]);
    let own = policy("").replace("protected = [\"refs/heads/main\"]", "protected = []\nopen = [\"refs/heads/**\"]");
    f.write(".undersign/policy.toml", &own.replace("version = 1\n", "version = 99\n"));
    f.commit("mina", "A policy of my own");
    f.git("mina", &["push", "-q", host.to_str().unwrap(), "main"]);
    let checkout = f.dir.path().join("checkout");
    git_in(f.dir.path(), "mina", &["init", "-q", "checkout"]);
    git_in(&checkout, "mina", &["remote", "add", "origin", host.to_str().unwrap()]);
    git_in(&checkout, "mina", &["fetch", "-q", "origin"]);
    git_in(&checkout, "mina", &["checkout", "-q", "--detach", "origin/develop"]);
    (f, checkout)
}

fn verify_in(dir: &std::path::Path, args: &[&str]) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
    command.arg("--repo").arg(dir).args(["verify", "--format", "json"]).args(args);
    let (exit, out) = piped(&mut command, b"");
    codes(&(exit, serde_json::from_slice(&out).unwrap_or(Value::Null)))
}

fn proposed(more: &[&str]) -> Answer {
    let (f, checkout) = pipeline();
    let (old, new) = (f.id("develop"), f.id(WORK));
    let asked = ["--proposal", "--ref", "refs/heads/develop", "--old", &old, "--new", &new];
    verify_in(&checkout, &[&asked, more].concat())
}

#[test]
fn a_clone_guesses_no_branch_that_anybody_may_push_to_be_the_policy_branch() {
    undecided(proposed(&[]), "POLICY_ABSENT");
}

#[test]
fn twin_the_branch_that_the_operator_names_is_the_policy_branch() {
    denied(proposed(&["--policy-branch", "refs/heads/develop"]), "UNSIGNED");
}

#[test]
fn twin_a_policy_that_the_operator_gives_needs_no_branch() {
    let (f, checkout) = pipeline();
    let file = f.dir.path().join("central.toml");
    std::fs::write(&file, policy("").replace("refs/heads/main", "refs/heads/develop")).unwrap();
    let (old, new) = (f.id("develop"), f.id(WORK));
    let asked = ["--ref", "refs/heads/develop", "--old", &old, "--new", &new, "--policy", file.to_str().unwrap()];
    denied(verify_in(&checkout, &asked), "UNSIGNED");
}

/// The gate stands before a repository of this id.
fn pinned(id: &str) -> Answer {
    let f = approved();
    Gate::of(&f).repository_id(id).judged(WORK)
}

#[test]
fn a_policy_of_another_repository_cannot_be_judged_by() {
    undecided(pinned("fixture-2"), "POLICY_INVALID");
}

#[test]
fn twin_the_policy_of_the_repository_that_the_gate_stands_before() {
    allowed(pinned("fixture-1"));
}

/// dana approved it, and has left by the next policy on main. It was merged onto where main stood before.
fn merged_before_she_left(landed: bool) -> Answer {
    let f = approved();
    let (old, new) = merge(&f, "rahim", WORK);
    if !landed {
        f.git("rahim", &["reset", "-q", "--hard", &old]);
    }
    land_policy(&f, &next(&with_roles(&policy(""), "dana", "\"junior\"")));
    f.verify(&old, &new)
}

#[test]
fn what_starts_from_where_the_policy_branch_stood_once_is_not_judged_by_the_policy_of_then() {
    denied(merged_before_she_left(false), "BASE_MOVED");
}

#[test]
fn twin_what_landed_under_the_policy_of_then_is_judged_by_that() {
    allowed(merged_before_she_left(true));
}

/// In a clone, what was fetched counts as what is signed there does.
fn colleague(fetched: bool) -> Answer {
    let f = approved();
    let clone = f.dir.path().join("clone");
    f.git("rahim", &["clone", "-q", ".", clone.to_str().unwrap()]);
    if fetched {
        let refspec = "+refs/undersign/decisions/*:refs/undersign/remotes/origin/decisions/*";
        git_in(&clone, "rahim", &["fetch", "-q", "origin", refspec]);
    }
    let (old, new) = (f.id("main"), f.id(WORK));
    verify_in(&clone, &["--policy-branch", MAIN, "--ref", MAIN, "--old", &old, "--new", &new])
}

#[test]
fn in_a_clone_records_that_were_not_fetched_do_not_count() {
    denied(colleague(false), "UNSIGNED");
}

#[test]
fn twin_in_a_clone_records_that_were_fetched_count() {
    allowed(colleague(true));
}

/// In a clone whose own main is behind that of its only remote, which has this name.
fn behind(remote: &str) -> Answer {
    let f = approved();
    let clone = f.dir.path().join("clone");
    f.git("rahim", &["clone", "-q", "-o", remote, ".", clone.to_str().unwrap()]);
    f.git("rahim", &["merge", "-q", "--ff-only", WORK]);
    f.git("mina", &["checkout", "-q", "-b", "next", "main"]);
    f.write("src/next.rs", "fn next() {}\n");
    let new = f.commit("mina", "Next");
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "next", Verdict::Approve);
    let refspec = format!("+refs/undersign/decisions/*:refs/undersign/remotes/{remote}/decisions/*");
    git_in(&clone, "rahim", &["fetch", "-q", remote, &refspec, &format!("+refs/heads/*:refs/remotes/{remote}/*")]);
    verify_in(&clone, &["--policy-branch", MAIN, "--ref", MAIN, "--old", &f.id("main"), "--new", &new])
}

#[test]
fn in_a_clone_the_remote_of_the_target_says_what_landed_whatever_its_name() {
    allowed(behind("origin"));
    allowed(behind("project"));
}

/// The id of the repository was changed; then a change is judged that was approved before.
fn renamed() -> (Fixture, String) {
    let f = approved();
    let text = policy("").replace("fixture-1", "fixture-2").replace("version = 1", "version = 2");
    f.write(".undersign/policy.toml", &text);
    let changed = f.commit("rahim", "Another id");
    f.git("mina", &["checkout", "-q", WORK]);
    f.git("mina", &["rebase", "-q", "main"]);
    f.git("mina", &["checkout", "-q", "main"]);
    (f, changed[..7].to_owned())
}

fn told(gate: &Gate<'_>, f: &Fixture) -> String {
    let outcome = gate.outcome(&[(MAIN, &f.id("main"), &f.id(WORK))]);
    outcome
        .refs
        .iter()
        .flat_map(|one| &one.reasons)
        .map(|reason| format!("{} {}\n", reason.code, reason.detail))
        .collect()
}

#[test]
fn after_the_id_of_the_repository_changed_the_reason_says_with_which_commit_and_what_to_do() {
    let (f, changed) = renamed();
    let why = told(&Gate::of(&f), &f);
    assert!(
        why.contains(&format!("the id of this repository was fixture-1. It has been fixture-2 since {changed}")),
        "{why}"
    );
    assert!(why.contains("sign it again") && !why.contains("another repository"), "{why}");
    let why = told(&Gate::of(&f).repository_id("fixture-1"), &f);
    assert!(why.contains(&format!("The id of this repository has been fixture-2 since {changed}")), "{why}");
    assert!(why.contains("give the gate --repository-id fixture-2"), "{why}");
}

#[test]
fn twin_of_an_id_that_this_repository_never_had_the_reason_says_another_repository() {
    let (f, _) = renamed();
    let why = told(&Gate::of(&f).repository_id("fixture-3"), &f);
    assert!(why.contains("The policy is for the repository fixture-2, but this gate protects fixture-3."), "{why}");
    // As if it had always been called so.
    let tree = f.git("rahim", &["rev-parse", "main^{tree}"]);
    let root = f.git("rahim", &["commit-tree", tree.trim(), "-m", "Begin"]);
    let work = f.git("rahim", &["commit-tree", &format!("{WORK}^{{tree}}"), "-p", root.trim(), "-m", "Work"]);
    f.git("rahim", &["update-ref", MAIN, root.trim()]);
    let outcome = Gate::of(&f).outcome(&[(MAIN, root.trim(), work.trim())]);
    let why = format!("{:?}", outcome.refs);
    assert!(why.contains("approved this for another repository, not for here."), "{why}");
}

fn accept(f: &Fixture, state: &std::path::Path, args: &[&str]) -> i32 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
    command.arg("--repo").arg(&f.repo).args(["gate", "accept", "--state"]).arg(state).args(args);
    piped(&mut command, b"").0
}

#[test]
fn a_clock_that_ran_ahead_stops_the_gate_until_the_operator_answers_for_it() {
    let f = approved();
    let state = state_since(&f, 0);
    edit_memory(&f, &state, |memory| memory["clock"] = (now() + 400 * DAY).into());
    undecided(Gate::of(&f).state(&state).judged(WORK), "TIME");
    let outcome = Gate::of(&f).state(&state).outcome(&[(MAIN, &f.id("main"), &f.id(WORK))]);
    let why = serde_json::to_string(&outcome).unwrap();
    assert!(why.contains("The gate last let a push through at ") && why.contains("gate accept --clock"), "{why}");
    assert_eq!(accept(&f, &state, &["--clock", "--because", " "]), 70);
    assert_eq!(accept(&f, &state, &["--clock", "--because", "the battery was empty"]), 0);
    allowed(Gate::of(&f).state(&state).judged(WORK));
    let log = std::fs::read_to_string(state.join("log.jsonl")).unwrap();
    assert!(log.contains("the battery was empty"), "{log}");
}

#[test]
fn a_push_that_is_denied_moves_no_clock() {
    let f = Fixture::new();
    let state = f.dir.path().join("state");
    denied(Gate::of(&f).state(&state).judged(WORK), "UNSIGNED");
    edit_memory(&f, &state, |memory| assert_eq!(memory["clock"], 0));
    f.decide("dana", WORK, Verdict::Approve);
    allowed(Gate::of(&f).state(&state).judged(WORK));
    edit_memory(&f, &state, |memory| assert!(memory["clock"].as_i64().unwrap() > now() - HOUR));
}

#[test]
fn records_that_are_gone_for_good_stop_the_gate_until_the_operator_answers_for_them() {
    let f = approved();
    let state = state_since(&f, 0);
    let chain = chain_of(&f, "dana");
    f.git("mina", &["update-ref", "-d", &chain]);
    denied(Gate::of(&f).state(&state).judged(WORK), "LEDGER_ROLLBACK");
    assert_eq!(accept(&f, &state, &["--lost", "no chain", "--because", "a disk"]), 70);
    assert_eq!(accept(&f, &state, &["--lost", &chain, "--because", "the disk died, and no clone had it"]), 0);
    denied(Gate::of(&f).state(&state).judged(WORK), "UNSIGNED");
}

/// The key of dana was given up yesterday; what she signed two days ago comes to this gate now, before the change or
/// with it.
fn arrives(with_the_change: bool) -> Answer {
    let retired = format!(", revoked = {{ reason = \"retired\", at = {} }}", from_now(-DAY));
    let f = Fixture::with_policy(&with_keys(&policy(""), "dana", &[key_line("dana", &retired)]));
    let state = f.dir.path().join("state");
    // The gate remembers, and has not seen it.
    denied(Gate::of(&f).state(&state).judged(WORK), "UNSIGNED");
    f.decide_at("dana", WORK, Verdict::Approve, now() - 2 * DAY);
    let chain = chain_of(&f, "dana");
    let (main, tip, zero) = (f.id("main"), f.id(&chain), "0".repeat(40));
    if !with_the_change {
        return Gate::of(&f).state(&state).judged(WORK);
    }
    f.git("mina", &["update-ref", "-d", &chain]);
    Gate::of(&f).state(&state).push(&[(MAIN, &main, &f.id(WORK)), (&chain, &zero, &tip)])
}

#[test]
fn row_07_what_a_retired_key_signed_came_after_it_was_retired() {
    denied(arrives(false), "KEY_REVOKED");
}

#[test]
fn row_07_what_a_retired_key_signed_comes_with_the_change() {
    denied(arrives(true), "KEY_REVOKED");
}

#[test]
fn a_question_after_the_fact_does_not_make_the_gate_forget_that_a_ref_was_taken_back() {
    let f = approved();
    let first = f.id("main");
    merge(&f, "dana", WORK);
    record(&f);
    let last = f.id("main");
    f.git("rahim", &["update-ref", MAIN, &first]);
    let pushed = || Gate::of(&f).push(&[(MAIN, &first, &last)]);
    undecided(pushed(), "REWRITE");
    undecided(f.verify(&"0".repeat(40), &first), "REWRITE");
    undecided(pushed(), "REWRITE");
    // Nor does an operator who does not name it.
    record(&f);
    undecided(pushed(), "REWRITE");
    enforcement::record(&f.repo, &Settings::default(), &[MAIN.to_owned()], &[], now()).unwrap();
    allowed(pushed());
}

/// The policy is read from a branch that it leaves open, or protects.
fn policy_branch(refs: &str) -> Answer {
    let own = once(&policy(""), "protected = [\"refs/heads/main\"]", refs);
    let f = approved_under(&own);
    Gate::of(&f).push(&[("refs/heads/release/1", &"0".repeat(40), &f.id("main"))])
}

#[test]
fn a_policy_branch_that_its_own_policy_leaves_open_is_none() {
    let open = "protected = [\"refs/heads/release/**\"]\nopen = [\"refs/heads/main\"]";
    undecided(policy_branch(open), "POLICY_INVALID");
    undecided(policy_branch("protected = [\"refs/heads/release/**\"]"), "POLICY_INVALID");
}

#[test]
fn twin_a_policy_branch_that_its_own_policy_protects() {
    allowed(policy_branch("protected = [\"refs/heads/main\", \"refs/heads/release/**\"]"));
}

/// A repository that holds the branches of another, whose HEAD names what once was its default branch.
fn copy_of_the_host(mirror: bool, more: &[&str]) -> Answer {
    let f = approved();
    let copy = f.dir.path().join("copy.git");
    let how = if mirror { "--mirror" } else { "--bare" };
    f.git("rahim", &["clone", "-q", how, ".", copy.to_str().unwrap()]);
    if !mirror {
        git_in(&copy, "rahim", &["fetch", "-q", "origin", "refs/undersign/decisions/*:refs/undersign/decisions/*"]);
    }
    verify_in(&copy, &[&["--ref", MAIN, "--old", &f.id("main"), "--new", &f.id(WORK)], more].concat())
}

#[test]
fn a_mirror_guesses_no_policy_branch_from_what_its_head_was_once() {
    undecided(copy_of_the_host(true, &[]), "POLICY_ABSENT");
}

#[test]
fn twin_a_mirror_is_told_its_policy_branch_and_a_repository_of_ones_own_knows_it() {
    allowed(copy_of_the_host(true, &["--policy-branch", MAIN]));
    allowed(copy_of_the_host(false, &[]));
}

#[test]
fn what_the_operator_gives_does_not_lie_where_a_checkout_puts_its_own() {
    let f = approved();
    let outside = f.dir.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("policy.toml"), policy("")).unwrap();
    std::os::unix::fs::symlink(&outside, f.repo.join("gate-state")).unwrap();
    let (old, new) = (f.id("main"), f.id(WORK));
    let asked = |option: &str, path: &std::path::Path| {
        verify_in(&f.repo, &["--ref", MAIN, "--old", &old, "--new", &new, option, path.to_str().unwrap()])
    };
    undecided(asked("--policy", &f.repo.join(".undersign/policy.toml")), "UNREADABLE");
    undecided(asked("--policy", &f.repo.join("gate-state/policy.toml")), "UNREADABLE");
    undecided(asked("--state", &f.repo.join("gate-state")), "UNREADABLE");
    undecided(asked("--state", &f.repo.join("new")), "UNREADABLE");
    assert!(!outside.join("memory.json").exists() && !f.repo.join("new").exists());
    allowed(asked("--policy", &outside.join("policy.toml")));
    allowed(asked("--state", &outside.join("state")));
    allowed(asked("--state", &f.repo.join(".git/state")));
}

/// The annotated tag v1, approved with what it names, under a name.
fn tag_under(name: &str) -> Answer {
    let tags =
        once(&policy(""), "protected = [\"refs/heads/main\"", "protected = [\"refs/heads/main\", \"refs/tags/**\"");
    let f = approved_under(&tags);
    f.git("rahim", &["tag", "-a", "-m", "One", "v1", "main"]);
    let tag = f.id("v1");
    f.git("rahim", &["tag", "-d", "v1"]);
    Gate::of(&f).push(&[(name, &"0".repeat(40), &tag)])
}

#[test]
fn a_tag_lands_under_no_name_but_its_own() {
    denied(tag_under("refs/tags/v9"), "CONFUSABLE");
    denied(tag_under("refs/tags/x/v1"), "CONFUSABLE");
}

#[test]
fn twin_a_tag_lands_under_its_own_name() {
    allowed(tag_under("refs/tags/v1"));
}
