//! What people do every day, and what they read where it may not land.

use super::*;
use crate::push_in;

const A: &[(&str, &str)] = &[("a.txt", "1\n")];
const B: &[(&str, &str)] = &[("b.txt", "1\n")];
const AB: &[(&str, &str)] = &[("a.txt", "1\n"), ("b.txt", "1\n")];
const SIDE_LINE: &str = "The tip of main would be a side line of what is pushed: its merge has the parents the other \
                         way round. Merge with the host's button, or `git switch main && git merge --no-ff BRANCH`; \
                         approvals still count.";

/// A host with a feature `f` that is approved for main.
fn feature() -> Host {
    let h = Host::guarded();
    h.make("f", &["start"], A);
    h.approve("f", MAIN);
    h
}

/// The same after something else has landed: `other`.
fn moved_on() -> Host {
    let h = feature();
    h.landed("other", "start", MAIN, B);
    h
}

/// A host whose release branch has had a hotfix of its own: `fix`.
fn released() -> Host {
    let h = Host::guarded();
    h.land("start", RELEASE).landed();
    h.landed("fix", "start", RELEASE, A);
    h
}

/// A host on which `f` has landed.
fn feature_landed() -> Host {
    let h = feature();
    h.land("f", MAIN).landed();
    h
}

#[test]
fn a_merge_commit_lands_whether_main_has_moved_or_not() {
    let h = feature();
    h.make("m", &["start", "f"], A);
    h.land("m", MAIN).landed();
    let h = moved_on();
    h.make("m", &["other", "f"], A);
    h.land("m", MAIN).landed();
}

#[test]
fn a_merge_commit_that_adds_something_does_not_land() {
    let h = feature();
    h.make("m", &["start", "f"], AB);
    h.land("m", MAIN).refused("dana approved what is merged here, but the merge does something different.");
}

#[test]
fn a_change_of_two_commits_lands_squashed_rebased_and_by_fast_forward() {
    let h = Host::guarded();
    h.make("one", &["start"], &[("a.txt", "0\n")]);
    h.make("two", &["one"], A);
    h.approve("two", MAIN);
    h.land("one", MAIN).refused("UNSIGNED");
    h.make("squashed", &["start"], A);
    h.land("squashed", MAIN).landed();

    let h = Host::guarded();
    h.make("one", &["start"], &[("a.txt", "0\n")]);
    h.make("two", &["one"], A);
    h.approve("two", MAIN);
    h.landed("other", "start", MAIN, B);
    h.make("one-rebased", &["other"], &[("a.txt", "0\n")]);
    h.make("two-rebased", &["one-rebased"], A);
    h.land("two-rebased", MAIN).landed();

    let h = feature_landed();
    assert_eq!(h.at(MAIN), h.f.id("f"));
}

#[test]
fn what_was_rebased_lands_by_a_merge_commit() {
    let h = moved_on();
    h.make("rebased", &["other"], A);
    h.make("m", &["other", "rebased"], A);
    h.land("m", MAIN).landed();
}

#[test]
fn a_merge_queue_lands_two_changes_in_one_push_and_either_is_a_state() {
    let h = feature();
    h.make("g", &["start"], B);
    h.approve("g", MAIN);
    h.make("m", &["start", "f"], A);
    h.make("group", &["m", "g"], B);
    h.land("group", MAIN).landed();
    h.land("m", TAG).landed();
    h.land("g", RELEASE).refused("NOT_A_STATE");
}

#[test]
fn a_batch_that_was_merged_at_once_does_not_land() {
    let h = feature();
    h.make("g", &["start"], B);
    h.approve("g", MAIN);
    h.make("octopus", &["start", "f", "g"], AB);
    h.land("octopus", MAIN).refused("merges more than two histories at once. Merge them one by one.");
}

#[test]
fn a_branch_that_was_updated_lands_by_merge_commit_and_squashed() {
    for parents in [&["other", "updated"][..], &["other"]] {
        let h = moved_on();
        h.make("updated", &["f", "other"], B);
        h.make("m", parents, A);
        h.land("m", MAIN).landed();
    }
}

#[test]
fn a_branch_that_was_updated_does_not_land_by_fast_forward_and_the_pusher_reads_how() {
    let h = moved_on();
    h.make("updated", &["f", "other"], B);
    h.land("updated", MAIN).refused(SIDE_LINE);
}

/// A clone of the host in which `f` is committed on what main was, before it moved.
fn behind() -> (Host, std::path::PathBuf) {
    let h = Host::guarded();
    let clone = h.f.dir.path().join("clone");
    h.f.git("mina", &["clone", "-q", h.bare.to_str().unwrap(), clone.to_str().unwrap()]);
    std::fs::write(clone.join("a.txt"), "1\n").unwrap();
    git_in(&clone, "mina", &["add", "."]);
    git_in(&clone, "mina", &["commit", "-q", "-m", "f"]);
    h.f.git("mina", &["fetch", "-q", clone.to_str().unwrap(), "main:f"]);
    h.approve("f", MAIN);
    h.landed("other", "start", MAIN, B);
    (h, clone)
}

#[test]
fn after_git_pull_that_merged_the_pusher_reads_how() {
    let (h, clone) = behind();
    git_in(&clone, "mina", &["pull", "-q", "--no-rebase", "--no-edit"]);
    push_in(&clone, "mina", &["origin", "main"]).refused(SIDE_LINE);
    assert_eq!(h.at(MAIN), h.f.id("other"));
}

#[test]
fn after_git_pull_that_rebased_it_lands() {
    let (_h, clone) = behind();
    git_in(&clone, "mina", &["pull", "-q", "--rebase"]);
    push_in(&clone, "mina", &["origin", "main"]).landed();
}

#[test]
fn tags_and_branches_start_at_mains_tip_and_at_older_ones() {
    let h = feature_landed();
    for (state, name) in [("f", TAG), ("start", "refs/tags/v0"), ("f", RELEASE), ("start", "refs/heads/release/0")] {
        h.land(state, name).landed();
    }
    h.f.git("mina", &["tag", "-a", "-m", "two", "v2", "start"]);
    h.land("refs/tags/v2", "refs/tags/v2").landed();
}

#[test]
fn main_and_its_tag_land_in_one_push() {
    for option in ["--follow-tags", "--atomic"] {
        let h = feature();
        h.f.git("mina", &["tag", "-a", "-m", "one", "v1", "f"]);
        let words = if option == "--atomic" { vec![option, "f:main", TAG] } else { vec![option, "f:main"] };
        h.push("eve", &words).landed();
        assert_eq!(h.at("v1^{commit}"), h.f.id("f"));
    }
}

#[test]
fn a_tag_alone_does_not_land_before_main_does() {
    let h = feature();
    h.land("f", TAG).refused("dana approved this for refs/heads/main, not for here.");
    h.land("f", MAIN).landed();
    h.land("f", TAG).landed();
}

#[test]
fn a_release_branch_with_a_backport_is_tagged_and_branched_off() {
    let h = released();
    h.land("fix", TAG).landed();
    h.land("fix", "refs/heads/release/2").landed();
}

#[test]
fn a_backport_lands_where_it_was_approved_for() {
    let h = Host::guarded();
    h.land("start", RELEASE).landed();
    h.landed("other", "start", MAIN, B);
    h.landed("f", "other", MAIN, A);
    h.make("picked", &["start"], A);
    h.land("picked", RELEASE).refused("dana approved this for refs/heads/main, not for here.");
    h.approve("picked", RELEASE);
    h.land("picked", RELEASE).landed();
}

#[test]
fn a_hotfix_of_a_release_branch_is_merged_to_main_once_it_is_approved_there() {
    let h = released();
    h.make("m", &["start", "fix"], A);
    h.land("m", MAIN).refused("dana approved this for refs/heads/release/1, not for here.");
    h.approve("fix", MAIN);
    h.land("m", MAIN).landed();
}

#[test]
fn a_merge_back_of_what_is_there_already_lands_unsigned() {
    let h = released();
    h.landed("same", "start", MAIN, A);
    h.make("back", &["same", "fix"], &[]);
    h.land("back", MAIN).landed();
}

#[test]
fn a_revert_lands_once_it_is_approved_and_takes_the_old_approval_with_it() {
    let h = feature_landed();
    h.make("revert", &["f"], &[("a.txt", "")]);
    h.land("revert", MAIN).refused("UNSIGNED: default needs 1 of role senior");
    h.approve("revert", MAIN);
    h.land("revert", MAIN).landed();
    h.make("again", &["revert"], A);
    let since = "Since dana approved, the target has changed these paths, even if it changed them back.";
    h.land("again", MAIN).refused(since);
    h.approve("again", MAIN);
    h.land("again", MAIN).landed();
}

#[test]
fn an_empty_commit_needs_an_approval_of_its_own_on_main_but_not_inside_an_approved_change() {
    let h = feature();
    h.make("empty", &["start"], &[]);
    h.land("empty", MAIN)
        .refused("changes nothing, and nobody signed for that. Leave it out, or have it approved as it is.");
    h.make("inside", &["empty"], A);
    h.land("inside", MAIN).landed();
    h.make("after", &["inside"], &[]);
    h.land("after", MAIN).refused("nobody signed for that");
    h.approve("after", MAIN);
    h.land("after", MAIN).landed();
}

#[test]
fn a_branch_that_may_be_rewritten_is_put_onto_mains_tip_with_commits_of_its_own() {
    let h = feature_landed();
    h.land("start", NEXT).landed();
    h.landed("before", "start", NEXT, B);
    h.land("f", NEXT).landed();
    h.make("own", &["f"], &[("own.txt", "x\n")]);
    h.land("own", NEXT).refused("have what lies between approved for refs/heads/next");
    h.approve("own", NEXT);
    h.land("own", NEXT).landed();
}

#[test]
fn a_branch_that_may_go_goes_and_comes_back_at_a_state() {
    let h = feature_landed();
    h.land("f", NEXT).landed();
    h.landed("own", "f", NEXT, B);
    h.push("eve", &[&format!(":{NEXT}")]).landed();
    h.land("own", NEXT).landed();
    h.push("eve", &[&format!(":{NEXT}")]).landed();
    h.make("foreign", &["f"], &[("foreign.txt", "x\n")]);
    h.land("foreign", NEXT).refused("The nearest that a protected ref showed is");
    h.land("start", NEXT).landed();
}

#[test]
fn the_first_push_to_an_empty_repository_cannot_be_decided() {
    let h = Host::guarded();
    let empty = h.f.dir.path().join("empty.git");
    h.f.git("rahim", &["init", "-q", "--bare", "-b", "main", empty.to_str().unwrap()]);
    let installed = Command::new(UNDERSIGN).args(["gate", "install"]).arg(&empty).output().unwrap();
    assert!(installed.status.success(), "{}", text(&installed.stderr));
    push_in(&h.f.repo, "eve", &[empty.to_str().unwrap(), "start:main"]).refused("POLICY_ABSENT");
}

#[test]
fn a_history_of_its_own_gets_no_protected_name() {
    let h = Host::guarded();
    h.make("foreign", &[], A);
    let why = "Nothing on its first-parent line was ever shown by a protected ref";
    for name in [RELEASE, TAG, NEXT] {
        h.land("foreign", name).refused(why);
    }
    h.land("foreign", MAIN).refused("rewrites what has landed");
}

#[test]
fn old_commits_of_a_line_are_tagged_where_the_operator_recorded_it_whole() {
    let h = Host::guarded();
    h.make("side", &["start"], B);
    h.make("old", &["start"], A);
    h.make("tip", &["old", "side"], AB);
    h.move_behind(MAIN, "tip");
    h.record(&[MAIN]);
    h.land("old", TAG).refused("The nearest that a protected ref showed is");
    assert!(h.install(&["--line", MAIN]).status.success());
    h.land("side", RELEASE).refused("The nearest that a protected ref showed is");
    h.land("old", TAG).landed();
}
