//! What `--proposal` lets through, against what hosts then land. In `docs/threat-model.md` its rows are under
//! Proposals.

mod histories;
mod landed;
mod landings;

use undersign::decision::Verdict;
use undersign::enforcement::{self, Request, Settings};

use self::landings::Way;
use crate::scene::*;
use crate::support::gate::answer;
use crate::support::{Fixture, now, policy};

/// Something that nobody minds happens on main.
fn land(f: &Fixture, path: &str, text: &str) {
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write(path, text);
    f.commit("rahim", "Land");
}

/// A fixture with these files on main besides.
fn with_files(files: &[(&str, &str)]) -> Fixture {
    let f = Fixture::new();
    files.iter().for_each(|(path, text)| f.write(path, text));
    f.commit("rahim", "More files");
    f
}

/// The same names moved by git, on a branch that exists.
fn moved(f: &Fixture, branch: &str, from: &str, to: &str) {
    f.git("mina", &["checkout", "-q", branch]);
    f.git("mina", &["mv", from, to]);
    f.commit("mina", "Move");
    f.git("mina", &["checkout", "-q", "main"]);
}

fn approve(f: &Fixture, branch: &str) {
    f.decide("dana", branch, Verdict::Approve);
}

/// What rebasing a branch onto main makes of it, with folders taken for renamed: the files of the tree.
fn rebased(f: &Fixture, branch: &str) -> String {
    f.git("mina", &["checkout", "-q", "--detach", branch]);
    f.git("mina", &["-c", "merge.directoryRenames=true", "rebase", "-q", "main"]);
    let files = f.git("mina", &["ls-tree", "-r", "--name-only", "HEAD"]);
    f.git("mina", &["checkout", "-q", "main"]);
    files
}

/// Main takes in the branch, and the branch takes in main: neither side holds the other's merge.
fn crossed(also_back: bool) -> Fixture {
    let f = Fixture::new();
    propose(&f, "mina", "feature", &[("a.txt", "a\n")]);
    land(&f, "b.txt", "b\n");
    let main = f.id("main");
    land(&f, "b.txt", "bb\n");
    f.git("rahim", &["merge", "-q", "--no-ff", "-m", "Take it in", "feature"]);
    if also_back {
        f.git("mina", &["checkout", "-q", "feature"]);
        f.git("mina", &["merge", "-q", "--no-ff", "-m", "Update", &main]);
    }
    further(&f, "mina", "feature", "c.txt", "c\n");
    approve(&f, "feature");
    f
}

#[test]
fn a_proposal_with_two_merge_bases_is_undecidable() {
    for lands in ["merge", "squash", "rebase"] {
        undecided(proposed(&crossed(true), "feature", lands), "MERGE_UNCLEAR");
    }
}

#[test]
fn a_proposal_part_of_which_was_merged_has_one_merge_base() {
    for lands in ["merge", "squash", "rebase"] {
        allowed(proposed(&crossed(false), "feature", lands));
    }
}

/// The guard, then its use, both approved as one; main may have marked the guard as merged without taking it.
fn guard_and_use(is_marked: bool) -> Fixture {
    let f = Fixture::new();
    propose(&f, "mina", "feature", &[("guard.txt", "guard\n")]);
    let guard = f.id("feature");
    further(&f, "mina", "feature", "use.txt", "use\n");
    approve(&f, "feature");
    if is_marked {
        f.git("rahim", &["merge", "-q", "-s", "ours", "-m", "Mark as merged", &guard]);
    }
    f
}

#[test]
fn a_proposal_whose_first_part_was_marked_as_merged_is_another_change() {
    for lands in ["merge", "squash", "rebase"] {
        denied(proposed(&guard_and_use(true), "feature", lands), "UNSIGNED");
    }
}

#[test]
fn a_proposal_of_two_commits_lands_as_it_was_approved() {
    for lands in ["ff", "merge", "squash", "rebase"] {
        allowed(proposed(&guard_and_use(false), "feature", lands));
    }
}

/// Each side marks the other as merged and keeps its own.
#[test]
fn a_proposal_that_both_sides_marked_as_merged_is_undecidable() {
    let f = guard_and_use(false);
    let feature = f.id("feature");
    land(&f, "other.txt", "x\n");
    let landed = f.id("main");
    f.git("rahim", &["merge", "-q", "-s", "ours", "-m", "Mark", &feature]);
    f.git("mina", &["checkout", "-q", "feature"]);
    f.git("mina", &["merge", "-q", "-s", "ours", "-m", "Mark", &landed]);
    f.git("mina", &["checkout", "-q", "main"]);
    undecided(proposed(&f, "feature", "merge"), "MERGE_UNCLEAR");
}

const FOLDER: [(&str, &str); 2] = [("old/one.txt", "1\n2\n3\n"), ("old/two.txt", "4\n5\n6\n")];

/// Main moved this, and the proposal adds a file to the folder.
fn added_below(moved_from: &str, to: &str) -> Fixture {
    let f = with_files(&FOLDER);
    propose(&f, "mina", "feature", &[("old/new.txt", "new\n")]);
    approve(&f, "feature");
    std::fs::create_dir_all(f.repo.join("envs")).unwrap();
    moved(&f, "main", moved_from, to);
    f
}

#[test]
fn a_proposal_that_adds_to_a_folder_that_was_renamed_is_undecidable() {
    for lands in ["merge", "squash", "rebase"] {
        undecided(proposed(&added_below("old", "envs/prod"), "feature", lands), "MERGE_UNCLEAR");
    }
}

#[test]
fn a_proposal_that_adds_to_a_folder_of_which_something_stayed_lands() {
    for lands in ["merge", "squash", "rebase"] {
        allowed(proposed(&added_below("old/one.txt", "envs/one.txt"), "feature", lands));
    }
}

/// The proposal renames the folder, and main added this.
fn renamed_folder(landed: &str) -> Fixture {
    let f = with_files(&FOLDER);
    f.git("mina", &["branch", "feature"]);
    moved(&f, "feature", "old", "fresh");
    approve(&f, "feature");
    land(&f, landed, "new\n");
    f
}

#[test]
fn a_proposal_that_renames_a_folder_that_gained_a_file_is_undecidable() {
    for lands in ["merge", "squash", "rebase"] {
        undecided(proposed(&renamed_folder("old/new.txt"), "feature", lands), "MERGE_UNCLEAR");
    }
}

#[test]
fn a_proposal_that_renames_a_folder_that_was_left_alone_lands() {
    for lands in ["merge", "squash", "rebase"] {
        allowed(proposed(&renamed_folder("other/new.txt"), "feature", lands));
    }
}

/// The proposal adds an empty file and takes it away again; main renamed the folder.
fn passing_file(folder: &str) -> Fixture {
    let f = with_files(&FOLDER);
    let passing = format!("{folder}/__init__.py");
    propose(&f, "mina", "feature", &[(&passing, "")]);
    f.git("mina", &["checkout", "-q", "feature"]);
    std::fs::remove_file(f.repo.join(&passing)).unwrap();
    further(&f, "mina", "feature", "README.md", "# the shop\n");
    approve(&f, "feature");
    std::fs::create_dir_all(f.repo.join("envs")).unwrap();
    moved(&f, "main", "old", "envs/prod");
    f
}

#[test]
fn a_commit_that_adds_to_a_folder_that_was_renamed_leaves_a_rebase_undecidable() {
    let f = passing_file("old");
    assert!(rebased(&f, "feature").contains("envs/prod/__init__.py"), "else there is nothing to be undecided about");
    undecided(proposed(&f, "feature", "rebase"), "MERGE_UNCLEAR");
    allowed(proposed(&f, "feature", "merge"));
}

#[test]
fn a_commit_that_adds_to_another_folder_is_rebased() {
    let f = passing_file("other");
    assert!(!rebased(&f, "feature").contains("__init__.py"));
    allowed(proposed(&f, "feature", "rebase"));
}

/// The proposal makes a folder and renames it; main made this meanwhile.
fn passing_folder(landed: &str) -> Fixture {
    let f = Fixture::new();
    propose(&f, "mina", "feature", &[("lib/one.txt", "1\n2\n3\n")]);
    moved(&f, "feature", "lib", "envs");
    approve(&f, "feature");
    land(&f, landed, "new\n");
    f
}

#[test]
fn a_commit_that_renames_a_folder_that_the_target_made_too_leaves_a_rebase_undecidable() {
    let f = passing_folder("lib/new.txt");
    assert!(rebased(&f, "feature").contains("envs/new.txt"), "else there is nothing to be undecided about");
    undecided(proposed(&f, "feature", "rebase"), "MERGE_UNCLEAR");
    allowed(proposed(&f, "feature", "merge"));
}

#[test]
fn a_commit_that_renames_a_folder_of_its_own_is_rebased() {
    let f = passing_folder("other/new.txt");
    assert!(rebased(&f, "feature").contains("other/new.txt"));
    allowed(proposed(&f, "feature", "rebase"));
}

/// The proposal removes a file of a folder and puts another in its place; main moved the other.
fn emptied_by_both() -> Fixture {
    let f = with_files(&FOLDER);
    f.git("mina", &["checkout", "-q", "-b", "feature"]);
    f.git("mina", &["rm", "-q", "old/two.txt"]);
    f.commit("mina", "Remove");
    further(&f, "mina", "feature", "old/two.txt", "another\n");
    approve(&f, "feature");
    std::fs::create_dir_all(f.repo.join("envs")).unwrap();
    moved(&f, "main", "old/one.txt", "envs/one.txt");
    f
}

#[test]
fn a_commit_that_adds_to_a_folder_that_both_sides_emptied_leaves_a_rebase_undecidable() {
    let f = emptied_by_both();
    assert!(rebased(&f, "feature").contains("envs/two.txt"), "else there is nothing to be undecided about");
    undecided(proposed(&f, "feature", "rebase"), "MERGE_UNCLEAR");
    for lands in ["merge", "squash"] {
        allowed(proposed(&f, "feature", lands));
    }
}

#[test]
fn a_commit_that_adds_to_a_folder_that_it_emptied_alone_is_rebased() {
    let f = with_files(&FOLDER);
    f.git("mina", &["checkout", "-q", "-b", "feature"]);
    f.git("mina", &["rm", "-q", "-r", "old"]);
    f.commit("mina", "Remove");
    further(&f, "mina", "feature", "old/two.txt", "another\n");
    approve(&f, "feature");
    land(&f, "envs/new.txt", "new\n");
    assert!(rebased(&f, "feature").contains("old/two.txt"));
    allowed(proposed(&f, "feature", "rebase"));
}

/// The proposal adds a file below a folder, and main has a file by this name.
fn below_file(landed: &str) -> Fixture {
    let f = Fixture::new();
    propose(&f, "mina", "feature", &[("lib/a.py", "a\n")]);
    approve(&f, "feature");
    land(&f, landed, "a file\n");
    f
}

#[test]
fn a_proposal_that_needs_a_folder_where_the_target_has_a_file_is_denied() {
    for lands in ["merge", "squash", "rebase"] {
        denied(proposed(&below_file("lib"), "feature", lands), "BASE_MOVED");
    }
}

#[test]
fn a_proposal_that_needs_a_folder_beside_a_file_lands() {
    for lands in ["merge", "squash", "rebase"] {
        allowed(proposed(&below_file("lib.py"), "feature", lands));
    }
}

/// The proposal has this for one commit; main gains something meanwhile.
fn passing(path: &str, landed: &str) -> Fixture {
    let f = Fixture::new();
    propose(&f, "mina", "feature", &[(path, "passing\n")]);
    f.git("mina", &["checkout", "-q", "feature"]);
    f.git("mina", &["rm", "-q", path]);
    further(&f, "mina", "feature", "README.md", "# the shop\n");
    approve(&f, "feature");
    land(&f, landed, "landed\n");
    f
}

#[test]
fn a_commit_that_needs_a_folder_or_a_file_where_the_target_has_the_other_is_not_rebased() {
    for (path, landed) in [("lib/a.py", "lib"), ("lib", "lib/a.py")] {
        let f = passing(path, landed);
        denied(proposed(&f, "feature", "rebase"), "BASE_MOVED");
        allowed(proposed(&f, "feature", "merge"));
    }
}

#[test]
fn a_commit_that_needs_a_folder_or_a_file_beside_the_other_is_rebased() {
    for (path, landed) in [("lib/a.py", "lib.py"), ("lib.py", "lib/a.py")] {
        allowed(proposed(&passing(path, landed), "feature", "rebase"));
    }
}

/// Main puts the one file of a folder in its place, and the proposal adds something below one for one commit.
fn folder_became_file(path: &str) -> (Fixture, String) {
    let f = with_files(&FOLDER[..1]);
    propose(&f, "mina", "feature", &[(path, "")]);
    f.git("mina", &["checkout", "-q", "feature"]);
    f.git("mina", &["rm", "-q", path]);
    further(&f, "mina", "feature", "README.md", "# the shop\n");
    approve(&f, "feature");
    f.git("rahim", &["rm", "-q", FOLDER[0].0]);
    land(&f, "old", FOLDER[0].1);
    let [tip, head] = ["main", "feature"].map(|name| git2::Oid::from_str(&f.id(name)).unwrap());
    let tree = Way::RebaseInLibgit2.land(&git2::Repository::open(&f.repo).unwrap(), tip, head).unwrap();
    let files = f.git("mina", &["ls-tree", "--name-only", &tree.to_string()]);
    (f, files)
}

#[test]
fn a_commit_that_adds_to_a_folder_that_became_a_file_is_not_rebased() {
    let (f, files) = folder_became_file("old/new.txt");
    assert!(!files.lines().any(|file| file == "old"), "else there is nothing to deny: {files}");
    denied(proposed(&f, "feature", "rebase"), "BASE_MOVED");
    allowed(proposed(&f, "feature", "merge"));
}

#[test]
fn a_commit_that_adds_to_a_folder_beside_one_that_became_a_file_is_rebased() {
    let (f, files) = folder_became_file("older/new.txt");
    assert!(files.lines().any(|file| file == "old"));
    allowed(proposed(&f, "feature", "rebase"));
}

#[test]
fn a_proposal_that_needs_a_file_where_the_target_has_a_folder_is_denied() {
    for (landed, is_denied) in [("lib/b.py", true), ("lib.d/b.py", false)] {
        let f = Fixture::new();
        propose(&f, "mina", "feature", &[("lib", "a file\n")]);
        approve(&f, "feature");
        land(&f, landed, "b\n");
        let answer = proposed(&f, "feature", "merge");
        if is_denied { denied(answer, "BASE_MOVED") } else { allowed(answer) }
    }
}

/// The proposal sets a path to two and back to one, and adds a file; main changed this meanwhile.
fn touched_and_restored(landed: &str) -> Fixture {
    let f = with_files(&[("x.txt", "one\n")]);
    propose(&f, "mina", "feature", &[("x.txt", "two\n")]);
    f.git("mina", &["checkout", "-q", "feature"]);
    f.write("x.txt", "one\n");
    further(&f, "mina", "feature", "y.txt", "y\n");
    approve(&f, "feature");
    land(&f, landed, "two\n");
    f
}

#[test]
fn a_rebase_that_would_take_back_what_a_touched_and_restored_path_became_is_denied() {
    let f = touched_and_restored("x.txt");
    f.git("mina", &["checkout", "-q", "--detach", "feature"]);
    f.git("mina", &["rebase", "-q", "main"]);
    assert_eq!(f.git("mina", &["show", "HEAD:x.txt"]), "one", "main's two is gone");
    denied(proposed(&f, "feature", "rebase"), "BASE_MOVED");
    for lands in ["merge", "squash"] {
        allowed(proposed(&f, "feature", lands));
    }
}

#[test]
fn a_path_that_was_touched_and_restored_and_that_the_target_left_alone_is_rebased() {
    allowed(proposed(&touched_and_restored("z.txt"), "feature", "rebase"));
}

/// The proposal adds what is not wanted, and takes it out again, by a merge or by a commit.
fn undone(by_merge: bool) -> Fixture {
    let f = Fixture::new();
    propose(&f, "mina", "feature", &[("evil.txt", "evil\n")]);
    land(&f, "other.txt", "x\n");
    f.git("mina", &["checkout", "-q", "feature"]);
    if by_merge {
        f.git("mina", &["merge", "-q", "--no-commit", "main"]);
    }
    f.git("mina", &["rm", "-q", "-f", "evil.txt"]);
    f.git("mina", &["commit", "-q", "-m", "Good again"]);
    further(&f, "mina", "feature", "y.txt", "y\n");
    approve(&f, "feature");
    f
}

#[test]
fn a_rebase_that_would_leave_out_the_merge_that_undid_a_commit_is_undecidable() {
    let f = undone(true);
    assert!(rebased(&f, "feature").contains("evil.txt"), "else there is nothing to be undecided about");
    undecided(proposed(&f, "feature", "rebase"), "MERGE_UNCLEAR");
    for lands in ["merge", "squash"] {
        allowed(proposed(&f, "feature", lands));
    }
}

#[test]
fn a_commit_that_undid_a_commit_is_rebased() {
    let f = undone(false);
    assert!(!rebased(&f, "feature").contains("evil.txt"));
    allowed(proposed(&f, "feature", "rebase"));
}

/// A commit of the proposal was picked onto main and reverted, or something else was.
fn picked_and_reverted(is_twin: bool) -> Fixture {
    let f = Fixture::new();
    propose(&f, "mina", "feature", &[("x.txt", "x\n")]);
    let first = f.id("feature");
    further(&f, "mina", "feature", "y.txt", "y\n");
    if is_twin {
        f.git("rahim", &["cherry-pick", &first]);
    } else {
        land(&f, "z.txt", "x\n");
    }
    f.git("rahim", &["revert", "--no-edit", "HEAD"]);
    approve(&f, "feature");
    f
}

#[test]
fn a_rebase_that_would_leave_out_a_commit_whose_twin_was_reverted_is_denied() {
    let f = picked_and_reverted(true);
    assert!(!rebased(&f, "feature").contains("x.txt"), "else there is nothing to deny");
    denied(proposed(&f, "feature", "rebase"), "BASE_MOVED");
    for lands in ["merge", "squash"] {
        allowed(proposed(&f, "feature", lands));
    }
}

#[test]
fn a_commit_without_a_twin_is_rebased() {
    let f = picked_and_reverted(false);
    assert!(rebased(&f, "feature").contains("x.txt"));
    allowed(proposed(&f, "feature", "rebase"));
}

/// The parents of a commit are hidden, as in a shallow clone.
fn cut_at(f: &Fixture, commit: &str) {
    std::fs::write(f.repo.join(".git/shallow"), format!("{}\n", f.id(commit))).unwrap();
}

#[test]
fn a_proposal_over_history_that_is_cut_above_the_merge_base_is_undecidable() {
    for side in ["main", "feature"] {
        let f = Fixture::new();
        propose(&f, "mina", "feature", &[("x.txt", "x\n")]);
        further(&f, "mina", "feature", "y.txt", "y\n");
        approve(&f, "feature");
        land(&f, "z.txt", "z\n");
        land(&f, "z.txt", "zz\n");
        // What the base alone holds hides no other base.
        cut_at(&f, "main~2");
        ["merge", "squash", "rebase"].iter().for_each(|lands| allowed(proposed(&f, "feature", lands)));
        cut_at(&f, &format!("{side}~1"));
        ["merge", "squash", "rebase"].iter().for_each(|lands| undecided(proposed(&f, "feature", lands), "CUT_HISTORY"));
    }
}

#[test]
fn a_cut_that_hides_one_of_two_merge_bases_leaves_a_proposal_undecidable() {
    let f = crossed(true);
    cut_at(&f, "main~1");
    assert_eq!(f.git("mina", &["merge-base", "--all", "main", "feature"]).lines().count(), 1);
    undecided(proposed(&f, "feature", "merge"), "CUT_HISTORY");
}

#[test]
fn a_proposal_that_moves_the_policy_is_denied_whoever_approves() {
    let f = Fixture::new();
    f.git("mina", &["branch", "feature"]);
    moved(&f, "feature", ".undersign/policy.toml", ".undersign/rules.toml");
    approve(&f, "feature");
    f.decide("rahim", "feature", Verdict::Approve);
    for lands in ["merge", "squash", "rebase"] {
        denied(proposed(&f, "feature", lands), "POLICY_INVALID");
    }
}

#[test]
fn a_proposal_that_changes_the_policy_needs_a_policy_role_and_a_higher_version() {
    let version = |n: u64| policy("").replacen("version = 1\n", &format!("version = {n}\n"), 1);
    for (text, code) in [
        (next(&policy("")), None),
        (version(20_270_101), None),
        (policy("# the same version\n"), Some("POLICY_STALE")),
        // No other could land after it.
        (version(1 << 53), Some("POLICY_INVALID")),
    ] {
        let f = Fixture::new();
        propose(&f, "mina", "feature", &[(".undersign/policy.toml", &text)]);
        approve(&f, "feature");
        denied(proposed(&f, "feature", "squash"), "ROLE");
        f.decide("rahim", "feature", Verdict::Approve);
        let answer = proposed(&f, "feature", "squash");
        match code {
            Some(code) => denied(answer, code),
            None => allowed(answer),
        }
    }
}

/// Main got its policy only after the proposal forked, which may bring one of its own.
fn older_than_the_policy(own: Option<&str>) -> Fixture {
    let f = Fixture::with_policy("");
    if let Some(own) = own {
        further(&f, "mina", WORK, ".undersign/policy.toml", own);
    }
    land(&f, ".undersign/policy.toml", &policy(""));
    for who in ["dana", "rahim"] {
        f.decide(who, WORK, Verdict::Approve);
    }
    f
}

#[test]
fn a_proposal_that_forked_before_there_was_a_policy_and_leaves_it_alone_lands() {
    for lands in ["merge", "squash", "rebase"] {
        allowed(proposed(&older_than_the_policy(None), WORK, lands));
    }
}

#[test]
fn a_proposal_that_forked_before_there_was_a_policy_and_brings_one_is_denied() {
    for lands in ["merge", "squash", "rebase"] {
        denied(proposed(&older_than_the_policy(Some(&next(&policy("")))), WORK, lands), "BASE_MOVED");
    }
}

#[test]
fn a_proposal_is_judged_on_no_tip_but_that_of_its_target() {
    let f = approved();
    land(&f, "other.txt", "x\n");
    for lands in ["merge", "squash", "rebase"] {
        denied(proposed_at(&f, "main~1", WORK, lands), "BASE_MOVED");
        allowed(proposed_at(&f, "main", WORK, lands));
    }
}

#[test]
fn a_proposal_for_a_tip_that_nobody_let_through_is_undecidable() {
    let f = approved();
    record(&f);
    land(&f, "other.txt", "x\n");
    for lands in ["merge", "squash", "rebase"] {
        undecided(proposed(&f, WORK, lands), "NOT_A_STATE");
    }
    record(&f);
    allowed(proposed(&f, WORK, "rebase"));
}

#[test]
fn a_proposal_for_a_tip_that_was_approved_lands_though_the_gate_did_not_see_it_move() {
    let f = approved();
    record(&f);
    propose(&f, "mina", "other", &[("other.txt", "x\n")]);
    approve(&f, "other");
    merge(&f, "rahim", "other");
    for lands in ["merge", "squash", "rebase"] {
        allowed(proposed(&f, WORK, lands));
    }
}

/// A branch of two commits, the first of which is undone by the second, and something that stays.
fn of_two_commits() -> Fixture {
    let f = Fixture::new();
    propose(&f, "mina", "two", &[("docs/a.txt", "here\n"), (".env", "gone again\n")]);
    f.git("mina", &["checkout", "-q", "two"]);
    f.git("mina", &["rm", "-q", ".env"]);
    f.commit("mina", "Take it out");
    f.git("mina", &["checkout", "-q", "main"]);
    approve(&f, "two");
    f
}

#[test]
fn states_in_between_are_said_of_every_way_of_landing_that_keeps_them() {
    let f = of_two_commits();
    for lands in ["ff", "merge", "rebase"] {
        said(proposed(&f, "two", lands), 0, "INTERMEDIATE");
    }
    assert_eq!(proposed(&f, "two", "squash"), (0, vec![]));
    said(judged(&f, "two"), 0, "INTERMEDIATE");
    // One commit has nothing in between, however it lands.
    let one = approved();
    for lands in ["ff", "merge", "rebase", "squash"] {
        assert_eq!(proposed(&one, WORK, lands), (0, vec![]), "{lands}");
    }
    let (old, new) = merge(&one, "rahim", WORK);
    assert_eq!(one.verify(&old, &new), (0, vec![]));
    let (old, new) = merge(&f, "rahim", "two");
    said(f.verify(&old, &new), 0, "INTERMEDIATE");
    let squashed = of_two_commits();
    let old = squashed.id("main");
    squashed.git("rahim", &["merge", "-q", "--squash", "two"]);
    squashed.commit("rahim", "Squashed");
    assert_eq!(squashed.verify(&old, &squashed.id("main")), (0, vec![]));
}

#[test]
fn a_target_that_was_taken_back_behind_the_gate_takes_no_proposal() {
    let (f, state) = (approved(), tempfile::tempdir().unwrap());
    let settings = Settings { state: Some(state.path().to_owned()), ..Settings::default() };
    let before = f.id("main");
    enforcement::record(&f.repo, &settings, &[], &[], now()).unwrap();
    allowed(answer(&Request { ahead: true, ..f.request(MAIN, &before, &f.id(WORK)) }, &settings));
    f.git("rahim", &["merge", "-q", "--ff-only", WORK]);
    propose(&f, "mina", "next", &[("docs/a.md", "a\n")]);
    f.decide("dana", "next", Verdict::Approve);
    let asked = |lands: &str| {
        let request = f.request(MAIN, &f.id("main"), &f.id("next"));
        answer(&Request { proposal: true, lands: lands.parse().unwrap(), ..request }, &settings)
    };
    for lands in ["rebase", "squash", "merge"] {
        allowed(asked(lands));
    }
    f.git("rahim", &["reset", "-q", "--hard", &before]);
    for lands in ["rebase", "squash", "merge"] {
        undecided(asked(lands), "REWRITE");
    }
}

#[test]
fn what_one_commit_brings_in_and_another_takes_away_is_not_replayed() {
    for (file, code) in [("x/.g\u{200c}it/config", "CONFUSABLE"), ("link", "OPAQUE")] {
        let f = Fixture::new();
        f.git("mina", &["checkout", "-q", "-b", "passing", "main"]);
        f.write("docs/a.md", "a\n");
        if file == "link" {
            std::os::unix::fs::symlink("/etc/passwd", f.repo.join(file)).unwrap();
        } else {
            f.write(file, "x\n");
        }
        f.commit("mina", "Bring it in");
        let path = f.repo.join(file.split('/').next().unwrap());
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap()
        } else {
            std::fs::remove_file(path).unwrap()
        }
        f.commit("mina", "Take it away");
        f.git("mina", &["checkout", "-q", "main"]);
        f.decide("dana", "passing", Verdict::Approve);
        denied(proposed(&f, "passing", "rebase"), code);
        allowed(proposed(&f, "passing", "squash"));
    }
}

#[test]
fn a_twin_under_a_name_that_differs_in_white_space_is_one_that_git_leaves_out() {
    let f = Fixture::new();
    for name in ["deploy prod.sh", "deployprod.sh"] {
        f.write(name, "one\ntwo\n");
    }
    f.commit("rahim", "Add both");
    propose(&f, "mina", "two", &[("deployprod.sh", "one\nthree\n")]);
    f.git("mina", &["checkout", "-q", "two"]);
    f.write("docs/a.md", "a\n");
    f.commit("mina", "And a text");
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", "two", Verdict::Approve);
    allowed(proposed(&f, "two", "rebase"));
    f.write("deploy prod.sh", "one\nthree\n");
    f.commit("rahim", "The same edit elsewhere");
    denied(proposed(&f, "two", "rebase"), "BASE_MOVED");
    allowed(proposed(&f, "two", "squash"));
}
