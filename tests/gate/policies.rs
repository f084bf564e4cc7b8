//! Rows 8 to 10 and 18 of `docs/threat-model.md`: by which policy, and on which refs.

use undersign::decision::Verdict;

use crate::scene::*;
use crate::support::{Decision, Fixture, now, policy};

/// A junior is enough.
fn weak() -> String {
    next(&policy("")).replace("role = \"senior\"", "role = \"junior\"")
}

/// mina's agent weakens the policy; rahim, who may sign for that, does.
fn weakening(also: &[(&str, &str)]) -> Fixture {
    let f = Fixture::new();
    let weak = weak();
    let files = [&[(".undersign/policy.toml", weak.as_str())], also].concat();
    propose(&f, "mina", "weak", &files);
    f.decide("rahim", "weak", Verdict::Approve);
    f
}

#[test]
fn row_08_policy_weakened_in_the_same_change() {
    denied(judged(&weakening(&[("docs/a.txt", "and more\n")]), "weak"), "POLICY_MIXED");
}

#[test]
fn row_08_twin_the_policy_changed_alone() {
    allowed(judged(&weakening(&[]), "weak"));
}

/// The release branch takes what jonas, a junior, approved; the policy that would let it lands in the same push.
fn released_beside(policy_lands_first: bool) -> Answer {
    let base = once(&policy(""), "protected = [", "protected = [\"refs/heads/release/*\", ")
        + &person("jonas", "\"junior\"", "");
    let f = Fixture::with_policy(&base);
    f.git("rahim", &["branch", "release/1"]);
    let released = f.id("release/1");
    let weaker = next(&base).replace("role = \"senior\"", "role = \"junior\"");
    // Only juniors' signatures could fill this [ai] table; what is tested here is the compartment.
    let weaker =
        once(&weaker, "junior = 1, mid = 1, senior = 1, none = 1", "junior = 0, mid = 0, senior = 0, none = 0");
    propose(&f, "mina", "weak", &[(".undersign/policy.toml", &weaker)]);
    f.decide("rahim", "weak", Verdict::Approve);
    let on_release =
        Decision { target: Some("refs/heads/release/1"), ..Decision::new("jonas", WORK, Verdict::Approve) };
    f.take(on_release);
    let (old, new) = (f.id("main"), f.id("weak"));
    let policy_move = (MAIN, old.as_str(), new.as_str());
    let work = f.id(WORK);
    let release_move = ("refs/heads/release/1", released.as_str(), work.as_str());
    if !policy_lands_first {
        return Gate::of(&f).push(&[policy_move, release_move]);
    }
    allowed(Gate::of(&f).push(&[policy_move]));
    f.git("rahim", &["update-ref", MAIN, &new]);
    Gate::of(&f).push(&[release_move])
}

#[test]
fn row_08_policy_weakened_in_the_same_push_on_another_ref() {
    denied(released_beside(false), "ROLE");
}

#[test]
fn row_08_twin_the_weaker_policy_landed_before() {
    allowed(released_beside(true));
}

/// Version 2 has landed and the gate has judged by it; then main is where it was before, or not.
fn rolled_back(back: bool) -> Answer {
    let f = approved();
    let first = f.id("main");
    land_policy(&f, &next(&policy("")));
    denied(Gate::of(&f).push(&[(MAIN, &f.id("main"), &"0".repeat(40))]), "REF_DELETED");
    if back {
        f.git("rahim", &["update-ref", MAIN, &first]);
        f.git("rahim", &["reset", "-q", "--hard"]);
    }
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn row_09_the_policy_branch_went_back_to_an_older_policy() {
    denied(rolled_back(true), "POLICY_STALE");
}

#[test]
fn row_09_twin_the_policy_branch_stayed_where_it_was() {
    allowed(rolled_back(false));
}

/// Version 2 has landed; the owner of the policy approves a branch that makes it this.
fn after_version_2(text: &str) -> Answer {
    let f = Fixture::new();
    land_policy(&f, &(next(&policy("")) + &person("ines", "\"senior\"", "")));
    propose(&f, "mina", "again", &[(".undersign/policy.toml", text)]);
    f.decide("rahim", "again", Verdict::Approve);
    judged(&f, "again")
}

#[test]
fn row_09_an_old_branch_brings_the_old_policy_back() {
    denied(after_version_2(&policy("")), "POLICY_STALE");
}

#[test]
fn row_09_another_policy_of_the_same_version() {
    denied(after_version_2(&next(&policy(""))), "POLICY_STALE");
}

#[test]
fn row_09_twin_the_same_rules_as_the_next_version() {
    allowed(after_version_2(&once(&policy(""), "version = 1\n", "version = 3\n")));
}

#[test]
fn row_09_a_policy_that_cannot_be_read_does_not_land() {
    denied(after_version_2("version = 3\n"), "POLICY_INVALID");
}

fn expiring(seconds: i64) -> String {
    with_top(&policy(""), &format!("expires = {}", from_now(seconds)))
}

#[test]
fn row_09_an_expired_policy_lets_nothing_land() {
    denied(judged(&approved_under(&expiring(-DAY)), WORK), "POLICY_STALE");
}

#[test]
fn row_09_twin_a_policy_that_has_not_expired() {
    allowed(judged(&approved_under(&expiring(DAY)), WORK));
}

#[test]
fn row_09_twin_an_expired_policy_lets_its_own_renewal_land() {
    let f = Fixture::with_policy(&expiring(-DAY));
    propose(&f, "mina", "renew", &[(".undersign/policy.toml", &next(&expiring(DAY)))]);
    f.decide("rahim", "renew", Verdict::Approve);
    allowed(judged(&f, "renew"));
}

/// What is approved for main, pushed to another ref under some `[refs]`.
fn pushed_to(refs: &str, name: &str) -> Answer {
    let f = approved_under(&once(&policy(""), "protected = [\"refs/heads/main\"]", refs));
    let work = f.id(WORK);
    Gate::of(&f).push(&[(name, &"0".repeat(40), &work)])
}

const OPEN: &str = "protected = [\"refs/heads/main\"]\nopen = [\"refs/heads/*\"]";

#[test]
fn row_10_a_ref_that_the_policy_does_not_name() {
    denied(pushed_to("protected = [\"refs/heads/main\"]", "refs/heads/other"), "REF_UNCOVERED");
}

#[test]
fn row_10_twin_a_ref_that_the_policy_leaves_open() {
    allowed(pushed_to(OPEN, "refs/heads/other"));
}

#[test]
fn row_10_a_protected_ref_in_other_letter_case() {
    denied(pushed_to(OPEN, "refs/heads/MAIN"), "REF_UNCOVERED");
}

#[test]
fn row_10_twin_a_ref_that_is_another_in_any_letter_case() {
    allowed(pushed_to(OPEN, "refs/heads/MAINLAND"));
}

/// A new protected branch at what was signed for it, or a commit beyond.
fn new_branch(at: &str) -> Answer {
    let f = Fixture::with_policy(&once(&policy(""), "protected = [", "protected = [\"refs/heads/release/*\", "));
    f.git("rahim", &["branch", "release/1"]);
    f.take(Decision { target: Some("refs/heads/release/1"), ..Decision::new("dana", WORK, Verdict::Approve) });
    f.git("rahim", &["branch", "-D", "release/1"]);
    f.git("mina", &["branch", "signed", WORK]);
    further(&f, "mina", WORK, "docs/a.txt", "more\n");
    Gate::of(&f).push(&[("refs/heads/release/1", &"0".repeat(40), &f.id(at))])
}

#[test]
fn row_10_a_new_protected_branch_with_what_nobody_signed() {
    denied(new_branch(WORK), "UNSIGNED");
}

#[test]
fn row_10_twin_a_new_protected_branch_with_what_was_signed() {
    allowed(new_branch("signed"));
}

#[test]
fn row_10_a_path_outside_of_all_compartments_is_in_the_default_one() {
    let owned = compartment("docs", "docs/**", "sign = [{ role = \"junior\", n = 1 }]");
    let f = Fixture::with_policy(&once(
        &(policy(&owned) + &person("jonas", "\"junior\"", "")),
        "presume = true",
        "presume = false",
    ));
    propose(&f, "mina", "elsewhere", &[("nowhere/a.txt", "x\n")]);
    f.decide("jonas", "elsewhere", Verdict::Approve);
    denied(judged(&f, "elsewhere"), "UNSIGNED");
}

#[test]
fn row_10_twin_a_path_in_the_compartment() {
    let owned = compartment("docs", "docs/**", "sign = [{ role = \"junior\", n = 1 }]");
    let f = Fixture::with_policy(&once(
        &(policy(&owned) + &person("jonas", "\"junior\"", "")),
        "presume = true",
        "presume = false",
    ));
    propose(&f, "mina", "here", &[("docs/a.txt", "x\n")]);
    f.decide("jonas", "here", Verdict::Approve);
    allowed(judged(&f, "here"));
}

/// A tag on main, protected, moves to what main moved on to; or another is made there, or on its tree.
fn tagged(name: &str, what: &str) -> Answer {
    let f = approved_under(&once(&policy(""), "protected = [", "protected = [\"refs/tags/v*\", "));
    f.git("rahim", &["tag", "-a", "-m", "One", "v1", "main"]);
    let old = f.git("rahim", &["for-each-ref", "--format=%(objectname)", name]);
    merge(&f, "dana", WORK);
    let old = if old.is_empty() { "0".repeat(40) } else { old };
    Gate::of(&f).push(&[(name, &old, &f.id(what))])
}

#[test]
fn row_10_a_protected_tag_does_not_move() {
    denied(tagged("refs/tags/v1", "main"), "REWRITE");
}

#[test]
fn row_10_twin_a_new_tag_on_what_landed() {
    allowed(tagged("refs/tags/v2", "main"));
}

#[test]
fn row_10_a_tag_on_what_is_no_commit() {
    denied(tagged("refs/tags/v2", "main^{tree}"), "OPAQUE");
}

/// Something bad and its revert, in that order, on a branch or merged: in the sum nothing.
fn there_and_back(f: &Fixture) -> String {
    let bad = propose(f, "mina", "bad", &[("src/lib.rs", "fn one() -> u32 {\n    666\n}\n")]);
    f.git("mina", &["checkout", "-q", "bad"]);
    f.git("mina", &["revert", "--no-edit", "HEAD"]);
    f.git("mina", &["checkout", "-q", "main"]);
    bad
}

/// A new tag, protected, on a commit of a branch that was merged: the bad one, or the merge.
fn tagged_after_merge(bad: bool) -> Answer {
    let f = Fixture::with_policy(&once(&policy(""), "protected = [", "protected = [\"refs/tags/v*\", "));
    let inside = there_and_back(&f);
    f.decide("dana", "bad", Verdict::Approve);
    let (old, merged) = merge(&f, "dana", "bad");
    allowed(f.verify(&old, &merged));
    Gate::of(&f).push(&[("refs/tags/v1", &"0".repeat(40), if bad { &inside } else { &merged })])
}

#[test]
fn row_10_a_tag_on_what_came_in_beside_the_line_of_what_landed() {
    undecided(tagged_after_merge(true), "NOT_A_STATE");
}

#[test]
fn row_10_twin_a_tag_on_the_merge_that_brought_it_in() {
    allowed(tagged_after_merge(false));
}

#[test]
fn row_10_states_in_between_that_come_to_nothing_and_that_nobody_signed() {
    let f = Fixture::new();
    there_and_back(&f);
    denied(judged(&f, "bad"), "UNSIGNED");
}

/// Commits that change nothing, signed for or not.
fn changeless(signed: bool) -> Answer {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "empty"]);
    f.commit("mina", "Nothing");
    if signed {
        f.decide("dana", "empty", Verdict::Approve);
    }
    judged(&f, "empty")
}

#[test]
fn row_10_a_commit_that_changes_nothing_and_that_nobody_signed() {
    denied(changeless(false), "UNSIGNED");
}

#[test]
fn row_10_twin_a_commit_that_was_approved_as_changing_nothing() {
    allowed(changeless(true));
}

#[test]
fn row_10_twin_two_states_that_come_to_nothing_and_were_signed_each() {
    let f = Fixture::new();
    there_and_back(&f);
    f.git("mina", &["branch", "half", "bad~1"]);
    f.decide("dana", "half", Verdict::Approve);
    f.git("mina", &["branch", "-D", "half"]);
    // The revert is signed where the first half has landed.
    f.git("mina", &["update-ref", MAIN, &f.id("bad~1")]);
    f.decide("dana", "bad", Verdict::Approve);
    f.git("mina", &["update-ref", MAIN, &f.id("bad~2")]);
    allowed(judged(&f, "bad"));
}

/// A rule for main that lets it be rewritten or deleted.
fn may(what: &str) -> Fixture {
    let rule = format!("protected = [{{ match = \"refs/heads/main\"{what} }}]");
    approved_under(&once(&policy(""), "protected = [\"refs/heads/main\"]", &rule))
}

#[test]
fn row_10_a_protected_ref_is_not_deleted() {
    let f = may("");
    denied(Gate::of(&f).push(&[(MAIN, &f.id("main"), &"0".repeat(40))]), "REF_DELETED");
}

#[test]
fn row_10_twin_a_ref_that_may_be_deleted() {
    let f = may(", delete = \"allow\"");
    allowed(Gate::of(&f).push(&[(MAIN, &f.id("main"), &"0".repeat(40))]));
}

/// Main moved on since the pusher looked. The hook says where it stands, whatever the pusher believed.
fn raced(merged: bool) -> Answer {
    let f = approved();
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write("docs/b.txt", "another push came first\n");
    let now_there = f.commit("rahim", "First");
    if !merged {
        return f.verify(&now_there, &f.id(WORK));
    }
    let (old, new) = merge(&f, "dana", WORK);
    f.verify(&old, &new)
}

#[test]
fn row_18_a_push_that_lost_the_race_does_not_take_the_winner_away() {
    denied(raced(false), "REWRITE");
}

#[test]
fn row_18_twin_it_is_merged_with_the_winner() {
    allowed(raced(true));
}

/// Where a ref may be rewritten, what comes is judged all the same.
fn rewritten(signed: bool) -> Answer {
    let f = may(", rewrite = \"allow\"");
    record(&f);
    propose(&f, "mina", "instead", &[("src/lib.rs", "fn one() -> u32 {\n    3\n}\n")]);
    if signed {
        f.decide_at("dana", "instead", Verdict::Approve, now());
    }
    let landed = merge(&f, "dana", WORK).1;
    Gate::of(&f).push(&[(MAIN, &landed, &f.id("instead"))])
}

#[test]
fn row_18_a_ref_that_may_be_rewritten_takes_nothing_unsigned() {
    denied(rewritten(false), "CHANGED_AFTER");
}

#[test]
fn row_18_twin_a_ref_that_may_be_rewritten_takes_what_was_signed() {
    allowed(rewritten(true));
}

/// The ref of a branch moves between review and push; the hook's ids count, not where a name points.
#[test]
fn row_18_a_name_that_points_elsewhere_meanwhile_changes_nothing() {
    let f = approved();
    let signed = f.id(WORK);
    let pushed = further(&f, "mina", WORK, "src/lib.rs", "fn one() -> u32 {\n    666\n}\n");
    f.git("mina", &["update-ref", "refs/heads/agent/work", &signed]);
    denied(f.verify(&f.id("main"), &pushed), "CHANGED_AFTER");
}

#[test]
fn row_18_twin_the_id_that_was_signed_whatever_the_name_says() {
    let f = approved();
    let signed = f.id(WORK);
    further(&f, "mina", WORK, "src/lib.rs", "fn one() -> u32 {\n    666\n}\n");
    allowed(f.verify(&f.id("main"), &signed));
}
