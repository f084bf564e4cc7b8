//! Histories by which something unapproved could come to be shown, none of which needs a key.

use super::*;
use crate::write_hook;

const UNSHOWN: &str = "The nearest that a protected ref showed is";
const EVIL: &[(&str, &str)] = &[("evil.txt", "x\n")];
const A1: &[(&str, &str)] = &[("a.txt", "1\n")];
const A2: &[(&str, &str)] = &[("a.txt", "2\n")];

/// A change of two commits, approved as a whole for some refs.
fn two_commits(h: &Host, refs: &[&str]) {
    h.make("inside", &["start"], A1);
    h.make("whole", &["inside"], A2);
    refs.iter().for_each(|name| _ = h.approve("whole", name));
}

#[test]
fn a_merge_that_holds_mains_tip_as_its_second_parent_makes_no_state_of_the_first() {
    let h = Host::guarded();
    h.landed("c", "start", MAIN, A1);
    h.make("evil", &["start"], EVIL);
    h.make("foxtrot", &["evil", "c"], &[("evil.txt", ""), ("a.txt", "1\n")]);
    assert_eq!(h.f.id("foxtrot^{tree}"), h.f.id("c^{tree}"));
    h.land("foxtrot", MAIN).refused("its merge has the parents the other way round");
    h.land("evil", TAG).refused(UNSHOWN);
    h.land("evil", RELEASE).refused(UNSHOWN);
    h.land("evil", NEXT).refused(UNSHOWN);
    assert_eq!(h.at(MAIN), h.f.id("c"));
}

#[test]
fn commits_on_the_line_that_come_to_nothing_do_not_land() {
    let h = Host::guarded();
    h.make("evil", &["start"], EVIL);
    h.make("merge", &["evil", "start"], &[("evil.txt", "")]);
    h.make("revert", &["evil"], &[("evil.txt", "")]);
    for name in ["merge", "revert"] {
        h.land(name, MAIN).refused("These 2 steps cancel out, and nobody approved what was there in between.");
    }
    h.land("evil", TAG).refused(UNSHOWN);
}

#[test]
fn an_unsigned_merge_brings_no_history_to_main_even_the_right_way_round() {
    let h = Host::guarded();
    h.make("evil", &["start"], EVIL);
    h.make("ours", &["start", "evil"], &[]);
    h.land("ours", MAIN).refused("changes nothing, and nobody signed for that");
    assert_eq!(h.at(MAIN), h.f.id("start"));
}

#[test]
fn a_commit_inside_an_approved_change_is_no_state() {
    let h = Host::guarded();
    two_commits(&h, &[MAIN]);
    h.land("whole", MAIN).landed();
    for name in [TAG, RELEASE, NEXT] {
        h.land("inside", name).refused(UNSHOWN);
    }
    h.f.git("mina", &["tag", "-a", "-m", "one", "v1", "inside"]);
    h.land(TAG, TAG).refused(UNSHOWN);
}

#[test]
fn a_commit_inside_an_approved_change_becomes_a_tag_once_it_is_approved_for_that() {
    let h = Host::guarded();
    two_commits(&h, &[MAIN]);
    h.land("whole", MAIN).landed();
    h.f.git("mina", &["update-ref", TAG, "start"]);
    h.approve("inside", TAG);
    h.land("inside", RELEASE).refused(UNSHOWN);
    h.land("inside", TAG).landed();
}

#[test]
fn a_ref_that_may_be_rewritten_does_not_go_inside_what_it_showed() {
    let h = Host::guarded();
    h.land("start", NEXT).landed();
    two_commits(&h, &[NEXT]);
    h.land("whole", NEXT).landed();
    h.land("inside", NEXT).refused(UNSHOWN);
    h.land("start", NEXT).landed();
}

#[test]
fn a_revert_is_not_undone_behind_a_merge_with_the_older_tip_first() {
    let h = Host::guarded();
    h.landed("done", "start", MAIN, A1);
    h.landed("undone", "done", MAIN, &[("a.txt", "")]);
    h.make("foxtrot", &["start", "undone"], &[]);
    h.make("again", &["foxtrot"], A1);
    h.land("foxtrot", MAIN).refused("its merge has the parents the other way round");
    h.land("again", MAIN).refused("its merge has the parents the other way round");
    h.land("done", MAIN).refused("rewrites what has landed");
    assert_eq!(h.at(MAIN), h.f.id("undone"));
}

#[test]
fn what_was_approved_as_changing_nothing_is_no_licence_for_other_empty_merges() {
    let h = Host::guarded();
    h.make("empty", &["start"], &[]);
    h.approve("empty", MAIN);
    h.make("evil", &[], EVIL);
    h.make("ours", &["start", "evil"], &[]);
    h.land("ours", MAIN).refused("nobody signed for that");
    // Neither does the head that was approved bring anything else with it.
    h.make("wrapped", &["empty", "evil"], &[]);
    h.make("landing", &["start", "wrapped"], &[]);
    h.land("landing", MAIN).refused("nobody signed for that");
    h.make("beside", &["start", "empty", "evil"], &[]);
    h.land("beside", MAIN).refused("merges more than two histories");
}

#[test]
fn what_was_approved_as_changing_nothing_lands_by_itself_and_by_a_merge() {
    for parents in [&["start", "empty"][..], &[]] {
        let h = Host::guarded();
        h.make("empty", &["start"], &[]);
        h.approve("empty", MAIN);
        if !parents.is_empty() {
            h.make("landing", parents, &[]);
        }
        h.land(if parents.is_empty() { "empty" } else { "landing" }, MAIN).landed();
    }
}

/// A push of `c`, approved for main, that our gate lets through and another hook refuses; with its approval.
fn refused_by_another_hook() -> (Host, Record) {
    let h = Host::guarded();
    let hook = h.bare.join("hooks/pre-receive");
    std::fs::remove_file(&hook).unwrap();
    write_hook(&hook, "#!/bin/sh\n[ ! -e refuse ]\n");
    assert!(h.install(&["--chain"]).status.success());
    h.make("c", &["start"], A1);
    let record = h.approve("c", MAIN);
    std::fs::write(h.bare.join("refuse"), "").unwrap();
    h.land("c", MAIN).refused("pre-receive hook declined");
    std::fs::remove_file(h.bare.join("refuse")).unwrap();
    assert!(h.log().lines().last().unwrap().contains("allow"));
    (h, record)
}

#[test]
fn what_was_let_through_and_did_not_land_is_no_state() {
    let (h, record) = refused_by_another_hook();
    h.land("c", TAG).refused(UNSHOWN);
    h.withdraw(&record);
    h.land("c", TAG).refused(UNSHOWN);
    h.land("c", RELEASE).refused(UNSHOWN);
}

#[test]
fn what_was_let_through_and_landed_late_is_a_state_only_while_its_approval_stands() {
    for is_withdrawn in [false, true] {
        let (h, record) = refused_by_another_hook();
        if is_withdrawn {
            h.withdraw(&record);
        }
        h.move_behind(MAIN, "c");
        let tagged = h.land("c", TAG);
        if is_withdrawn { tagged.refused(UNSHOWN) } else { tagged.landed() }
    }
}

#[test]
fn what_was_let_through_and_rejected_before_it_landed_is_no_state() {
    let (h, _) = refused_by_another_hook();
    h.decide("rahim", "c", MAIN, Verdict::Reject);
    h.move_behind(MAIN, "c");
    h.land("c", TAG).refused(UNSHOWN);
}

/// The policy that protects the open branch, too.
fn wider() -> String {
    once(&guarded(), &format!("[\"{MAIN}\""), &format!("[\"{OPEN}\", \"{MAIN}\""))
}

/// The next version of a policy, approved.
fn approve_policy(h: &Host, policy: &str) {
    let text = once(policy, "version = 1\n", "version = 2\n");
    h.make("policy", &["start"], &[(".undersign/policy.toml", &text)]);
    h.decide("rahim", "policy", MAIN, Verdict::Approve);
}

#[test]
fn what_filled_an_open_branch_is_no_state_once_a_policy_protects_it() {
    let h = Host::guarded();
    h.make("evil", &["start"], EVIL);
    h.land("evil", OPEN).landed();
    approve_policy(&h, &wider());
    let pushed = h.land("policy", MAIN);
    pushed.landed();
    assert!(pushed.said.contains(&format!("The policy begins to protect {OPEN}")), "{}", pushed.said);
    h.land("evil", TAG).refused(UNSHOWN);
    // What came without the gate is part of what has to be approved there.
    h.make("more", &["evil"], A1);
    h.sync(OPEN);
    h.approve("more", OPEN);
    h.land("more", OPEN).refused(UNSHOWN);
    h.record(&[OPEN]);
    h.land("more", OPEN).landed();
    h.land("evil", TAG).landed();
}

#[test]
fn an_open_branch_is_not_filled_in_the_push_that_protects_it() {
    let h = Host::guarded();
    h.make("evil", &["start"], EVIL);
    approve_policy(&h, &wider());
    h.push("eve", &[&format!("policy:{MAIN}"), &format!("evil:{OPEN}")]).landed();
    h.land("evil", TAG).refused(UNSHOWN);
    h.push("eve", &[&format!("evil:{RELEASE}"), &format!("evil:{TAG}")]).refused(UNSHOWN);
}

#[test]
fn what_a_branch_showed_that_is_no_longer_protected_carries_nothing_new() {
    let h = Host::with(&wider(), &[]);
    h.f.git("mina", &["branch", "start", "main"]);
    h.land("start", OPEN).landed();
    h.landed("c", "start", OPEN, A1);
    approve_policy(&h, &guarded());
    // By now it is known to have landed.
    h.land("policy", MAIN).landed();
    h.land("c", TAG).refused(UNSHOWN);
    h.make("d", &["c"], A2);
    h.land("d", OPEN).landed();
    h.land("d", TAG).refused(UNSHOWN);
}

#[test]
fn what_a_protected_branch_showed_carries_a_tag() {
    let h = Host::with(&wider(), &[]);
    h.f.git("mina", &["branch", "start", "main"]);
    h.land("start", OPEN).landed();
    h.landed("c", "start", OPEN, A1);
    h.land("c", TAG).landed();
}

#[test]
fn two_new_refs_of_one_push_do_not_rest_on_each_other() {
    let h = Host::guarded();
    h.make("evil", &["start"], EVIL);
    h.push("eve", &[&format!("evil:{RELEASE}"), &format!("evil:{TAG}")]).refused(UNSHOWN);
    h.push("eve", &[&format!("evil:{TAG}"), &format!("evil:{NEXT}"), &format!("evil:{RELEASE}")]).refused(UNSHOWN);
    assert_eq!((h.at(RELEASE), h.at(TAG)), (String::new(), String::new()));
}

#[test]
fn a_new_tag_rests_on_a_new_branch_of_the_same_push() {
    let h = Host::guarded();
    h.make("c", &["start"], A1);
    h.f.git("mina", &["update-ref", RELEASE, "start"]);
    h.approve("c", RELEASE);
    h.land("c", TAG).refused(UNSHOWN);
    h.push("eve", &[&format!("c:{RELEASE}"), &format!("c:{TAG}")]).landed();
}

#[test]
fn what_was_rejected_does_not_land_as_another_commit_of_the_same_tree() {
    let h = Host::guarded();
    h.make("c", &["start"], A1);
    h.make("d", &["start"], A1);
    h.decide("rahim", "c", MAIN, Verdict::Reject);
    h.approve("d", MAIN);
    h.land("d", MAIN).refused("VETOED: rahim rejected it");
    h.make("m", &["start", "d"], A1);
    h.land("m", MAIN).refused("VETOED: rahim rejected it");
}

#[test]
fn what_was_rejected_after_it_was_shown_gets_no_new_name() {
    for rejected in ["c", "d"] {
        let h = Host::guarded();
        h.make("d", &["start"], A1);
        h.landed("c", "start", MAIN, A1);
        // A reviewer whose clone is behind: of the commit itself, or of another with the same content.
        h.f.git("mina", &["update-ref", MAIN, "start"]);
        h.decide("rahim", rejected, MAIN, Verdict::Reject);
        h.land("c", TAG).refused("VETOED: rahim rejected it");
        h.land("start", TAG).landed();
    }
}

#[test]
fn a_shallow_push_hides_nothing() {
    let h = Host::guarded();
    git_in(&h.bare, "rahim", &["config", "receive.shallowUpdate", "true"]);
    h.make("evil", &["start"], EVIL);
    h.make("c", &["evil"], A1);
    let shallow = h.f.dir.path().join("shallow");
    let origin = format!("file://{}", h.f.repo.display());
    h.f.git("mina", &["clone", "-q", "--depth", "1", "--branch", "c", &origin, shallow.to_str().unwrap()]);
    for name in [MAIN, RELEASE, TAG, NEXT] {
        let pushed = crate::push_in(&shallow, "eve", &[h.bare.to_str().unwrap(), &format!("+c:{name}")]);
        pushed.refused("may not land");
    }
    // A host that was made shallow by hand, too, says that it cannot see.
    h.land("c", OPEN).landed();
    std::fs::write(h.bare.join("shallow"), h.f.id("c") + "\n").unwrap();
    for name in [MAIN, RELEASE, TAG, NEXT] {
        h.land("c", name).refused("CUT_HISTORY");
    }
}

#[test]
fn what_an_administrator_put_on_main_has_to_be_approved_before_anything_rests_on_it() {
    let h = Host::guarded();
    h.make("evil", &["start"], EVIL);
    h.move_behind(MAIN, "evil");
    h.land("evil", TAG).refused(UNSHOWN);
    h.make("c", &["evil"], A1);
    h.approve("c", MAIN);
    h.land("c", MAIN).refused(UNSHOWN);
    // Taken back on top, it was on main all the same.
    h.make("revert", &["evil"], &[("evil.txt", "")]);
    h.approve("revert", MAIN);
    h.land("revert", MAIN).refused(UNSHOWN);
    h.f.git("mina", &["update-ref", MAIN, "start"]);
    h.decide("dana", "evil", MAIN, Verdict::Approve);
    h.land("c", MAIN).landed();
    h.land("evil", TAG).landed();
}

#[test]
fn what_came_without_the_gate_and_is_taken_out_again_needs_its_own_approval() {
    let h = Host::guarded();
    h.make("evil", &["start"], EVIL);
    h.move_behind(MAIN, "evil");
    h.make("c", &["start"], A1);
    h.f.git("mina", &["update-ref", MAIN, "start"]);
    h.decide("dana", "c", MAIN, Verdict::Approve);
    h.make("tidy", &["evil"], &[("evil.txt", ""), ("a.txt", "1\n")]);
    assert_eq!(h.f.id("tidy^{tree}"), h.f.id("c^{tree}"));
    h.land("tidy", MAIN).refused(UNSHOWN);
}

#[test]
fn what_an_administrator_put_on_main_is_a_state_by_the_operators_word() {
    let h = Host::guarded();
    h.make("evil", &["start"], EVIL);
    h.move_behind(MAIN, "evil");
    h.record(&[MAIN]);
    h.land("evil", TAG).landed();
    h.landed("c", "evil", MAIN, A1);
}

#[test]
fn main_taken_back_by_an_administrator_takes_nothing_until_the_operator_answers_for_it() {
    let h = Host::guarded();
    h.landed("c", "start", MAIN, A1);
    // Another ref's push is what sees main where it was let through to.
    h.land("c", TAG).landed();
    git_in(&h.bare, "rahim", &["update-ref", MAIN, &h.f.id("start")]);
    h.f.git("mina", &["fetch", "-q", "host"]);
    h.make("d", &["start"], A2);
    h.approve("d", MAIN);
    for name in ["c", "d"] {
        h.land(name, MAIN).refused("taken back behind the gate");
    }
    h.land("c", RELEASE).landed();
    h.record(&[MAIN]);
    h.land("d", MAIN).landed();
}

#[test]
fn a_branch_that_an_administrator_deleted_comes_back_only_on_top_of_what_it_showed() {
    let h = Host::guarded();
    h.land("start", RELEASE).landed();
    h.landed("fix", "start", RELEASE, A1);
    // Another ref's push is what sees the release where it was let through to.
    h.land("fix", TAG).landed();
    git_in(&h.bare, "rahim", &["update-ref", "-d", RELEASE]);
    h.land("start", RELEASE).refused("taken back behind the gate");
    h.land("fix", RELEASE).landed();
}

#[test]
fn a_hotfix_is_not_marked_as_merged_without_its_content() {
    let h = Host::guarded();
    h.land("start", RELEASE).landed();
    h.landed("fix", "start", RELEASE, &[("fix.txt", "x\n")]);
    h.make("ours", &["start", "fix"], &[]);
    h.land("ours", MAIN).refused("would be marked as merged without what it changed in fix.txt");
    h.approve("ours", MAIN);
    h.land("ours", MAIN).landed();
}

#[test]
fn a_merge_inside_what_lands_that_nobody_approved_drops_no_hotfix() {
    let h = Host::guarded();
    h.land("start", RELEASE).landed();
    h.landed("fix", "start", RELEASE, &[("fix.txt", "x\n")]);
    h.make("c", &["start"], A1);
    h.approve("c", MAIN);
    h.make("ours", &["c", "fix"], &[]);
    h.make("landing", &["start", "ours"], A1);
    h.land("landing", MAIN).refused("and no approval is of it");
    h.make("merge", &["start", "c"], A1);
    h.land("merge", MAIN).landed();
}

#[test]
fn unsigned_merges_of_what_main_holds_already_do_not_land() {
    let h = Host::guarded();
    h.landed("c", "start", MAIN, A1);
    h.make("noise", &["c", "start"], &[]);
    h.land("noise", MAIN).refused("nobody signed for that");
    h.make("itself", &["c", "c"], &[]);
    h.land("itself", MAIN).refused("nobody signed for that");
}

#[test]
fn of_two_names_that_git_cannot_both_have_the_one_that_did_not_land_makes_no_state() {
    let wide = guarded().replace("release/*", "release/**");
    let h = Host::with(&wide, &[]);
    h.f.git("mina", &["branch", "start", "main"]);
    h.make("c", &["start"], A1);
    let below = "refs/heads/release/1/x";
    h.f.git("mina", &["update-ref", below, "start"]);
    h.approve("c", below);
    let pushed = h.push("eve", &[&format!("start:{RELEASE}"), &format!("c:{below}")]);
    assert!(!pushed.landed && h.at(below).is_empty() && !h.at(RELEASE).is_empty(), "{}", pushed.said);
    h.land("c", TAG).refused(UNSHOWN);
    h.land("c", &format!("{MAIN}/x")).refused("REF_UNCOVERED");
    h.land("c", &format!("{NEXT}/x")).refused("REF_UNCOVERED");
}

#[test]
fn tags_do_not_move_nor_go() {
    let h = Host::guarded();
    h.land("start", TAG).landed();
    h.landed("c", "start", MAIN, A1);
    h.land("c", TAG).refused("A tag that exists is not moved");
    h.push("eve", &[&format!(":{TAG}")]).refused("REF_DELETED");
    h.push("eve", &[&format!(":{MAIN}")]).refused("REF_DELETED");
}
