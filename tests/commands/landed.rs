//! What the queue calls landed: only what the target's own line did, at exactly that place.

use crate::run;
use crate::support::Fixture;

/// A list of users, and which of them are administrators.
fn users(users: &[(&str, bool)]) -> String {
    let user = |(name, is_admin): &(&str, bool)| {
        format!(
            "  {{\n    \"name\": \"{name}\",\n    \"a\": 1,\n    \"b\": 2,\n    \"c\": 3,\n    \"admin\": {is_admin},\n    \
             \"d\": 4,\n    \"e\": 5,\n    \"f\": 6\n  }},\n"
        )
    };
    users.iter().map(user).collect()
}

/// A file on main, then on a branch, then on main again.
fn queued(path: &str, base: &str, proposed: &str, then: &str) -> String {
    let f = Fixture::new();
    f.write(path, base);
    f.commit("rahim", "Base");
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    crate::propose(&f, "mina", "topic", &[(path, proposed)]);
    f.write(path, then);
    f.commit("rahim", "Something");
    run(&f, &["queue"]).exits(0).out
}

#[test]
fn the_same_edit_of_another_block_has_not_landed_and_of_the_same_one_has() {
    let base = users(&[("ops", false), ("root", false)]);
    let root = users(&[("ops", false), ("root", true)]);
    let ops = users(&[("ops", true), ("root", false)]);
    assert!(queued("a.json", &base, &root, &ops).contains("topic"), "another user was made an administrator");
    let both = users(&[("new", false), ("ops", false), ("root", true)]);
    let out = queued("a.json", &base, &root, &both);
    assert!(out.contains("topic"), "main did more than that in one commit: {out}");
    assert!(!queued("a.json", &base, &root, &root).contains("topic"));
}

#[test]
fn what_a_merge_brought_in_beside_the_line_and_the_line_never_showed_has_not_landed() {
    for taken_back in [false, true] {
        let f = Fixture::new();
        f.git("mina", &["branch", "-q", "-D", "agent/work"]);
        crate::propose(&f, "mina", "side", &[("a.py", "backdoor()\n")]);
        f.git("mina", &["checkout", "-q", "side"]);
        if taken_back {
            f.git("mina", &["revert", "--no-edit", "HEAD"]);
            f.write("b.txt", "harmless\n");
            f.commit("mina", "Something harmless");
        }
        f.git("mina", &["checkout", "-q", "main"]);
        let how: &[&str] = if taken_back { &[] } else { &["-s", "ours"] };
        f.git("rahim", &[&["merge", "-q", "--no-ff", "-m", "Merge side"], how, &["side"]].concat());
        f.git("mina", &["branch", "-q", "-D", "side"]);
        f.git("mina", &["checkout", "-q", "-b", "again", "main^"]);
        f.write("a.py", "backdoor()\n");
        f.commit("mina", "A useful helper");
        f.git("mina", &["checkout", "-q", "main"]);
        let out = run(&f, &["queue"]).exits(0).out;
        assert!(out.contains("again"), "{taken_back}: {out}");
    }
}

#[test]
fn what_a_merge_commit_brings_as_a_whole_has_landed() {
    let f = Fixture::new();
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    crate::propose(&f, "mina", "topic", &[("a.py", "one()\n")]);
    f.git("mina", &["checkout", "-q", "-b", "rebased", "main"]);
    f.write("m.txt", "more\n");
    f.git("mina", &["checkout", "-q", "main"]);
    f.commit("rahim", "Main moves");
    f.git("mina", &["checkout", "-q", "-B", "rebased", "main"]);
    f.git("mina", &["cherry-pick", "topic"]);
    f.git("mina", &["checkout", "-q", "main"]);
    f.git("rahim", &["merge", "-q", "--no-ff", "-m", "Merge it", "rebased"]);
    f.write("a.py", "two()\n");
    f.commit("rahim", "Main moves on");
    f.git("mina", &["branch", "-q", "-D", "rebased"]);
    let out = run(&f, &["queue"]).exits(0).out;
    assert!(!out.contains("topic"), "{out}");
}

/// A branch `topic` with two commits, which is squashed on main with `beside`.
fn squashed(beside: &[(&str, &str)]) -> Fixture {
    let f = Fixture::new();
    f.git("mina", &["branch", "-q", "-D", "agent/work"]);
    f.write("a.txt", &lines(&[]));
    f.commit("rahim", "Base");
    crate::propose(&f, "mina", "topic", &[("a.txt", &lines(&[(5, "five")]))]);
    f.git("mina", &["checkout", "-q", "topic"]);
    f.write("a.txt", &lines(&[(5, "five"), (30, "thirty")]));
    f.write("new.txt", "new\n");
    f.commit("mina", "Go on");
    f.git("mina", &["checkout", "-q", "main"]);
    f.git("rahim", &["merge", "-q", "--squash", "topic"]);
    beside.iter().for_each(|(path, text)| f.write(path, text));
    f.commit("rahim", "Topic (#1)");
    f
}

fn lines(edits: &[(usize, &str)]) -> String {
    let line =
        |at: usize| edits.iter().find(|(line, _)| *line == at).map_or_else(|| format!("line {at}"), |e| e.1.into());
    (1..=60).map(|at| line(at) + "\n").collect()
}

#[test]
fn what_landed_and_was_reverted_is_pending_until_it_lands_again() {
    let f = squashed(&[]);
    run(&f, &["queue"]).exits(0).says("Nothing is pending");
    f.git("rahim", &["revert", "--no-edit", "HEAD"]);
    let by = f.git("rahim", &["rev-parse", "--short=7", "HEAD"]);
    run(&f, &["queue"]).exits(0).says("topic").says(&format!("it landed, and was reverted in {}", by.trim()));
    run(&f, &["show", "topic"]).exits(0).says("it landed, and was reverted in");
    f.write("a.txt", &lines(&[(50, "fifty")]));
    f.commit("rahim", "Something else");
    run(&f, &["queue"]).exits(0).says("it landed, and was reverted in");
    f.git("rahim", &["reset", "-q", "--hard", "HEAD~1"]);
    f.git("rahim", &["revert", "--no-edit", "HEAD"]);
    run(&f, &["queue"]).exits(0).says("Nothing is pending");
    f.write("a.txt", &lines(&[(5, "five again")]));
    f.commit("rahim", "Edit the line");
    run(&f, &["queue"]).exits(0).says("Nothing is pending");
}

#[test]
fn what_was_picked_commit_by_commit_and_reverted_as_one_is_pending() {
    let f = squashed(&[]);
    f.git("rahim", &["reset", "-q", "--hard", "HEAD~1"]);
    f.git("rahim", &["cherry-pick", "main..topic"]);
    f.write("b.txt", "b\n");
    f.commit("rahim", "Beside");
    run(&f, &["queue"]).exits(0).says("Nothing is pending");
    f.git("rahim", &["revert", "--no-commit", "HEAD~3..HEAD~1"]);
    f.commit("rahim", "Take the topic back");
    run(&f, &["queue"]).exits(0).says("it landed, and was reverted in");
}

#[test]
fn what_landed_with_other_files_stays_landed_though_its_lines_change() {
    let f = squashed(&[("other.txt", "of another branch\n")]);
    f.write("a.txt", &lines(&[(5, "five again")]));
    f.commit("rahim", "Edit the line");
    run(&f, &["queue"]).exits(0).says("Nothing is pending");
    // The twin: one commit of the two.
    let f = squashed(&[("other.txt", "of another branch\n"), ("a.txt", &lines(&[(30, "thirty")]))]);
    f.write("a.txt", &lines(&[(30, "thirty again")]));
    f.commit("rahim", "Edit the line");
    run(&f, &["queue"]).exits(0).says("topic");
}

#[test]
fn what_was_squashed_into_a_branch_that_was_merged_stays_landed() {
    let f = squashed(&[]);
    f.git("rahim", &["branch", "-q", "develop"]);
    f.git("rahim", &["reset", "-q", "--hard", "HEAD~1"]);
    f.git("rahim", &["checkout", "-q", "develop"]);
    f.write("dev.txt", "1\n");
    f.commit("rahim", "Develop");
    f.git("rahim", &["checkout", "-q", "main"]);
    f.git("rahim", &["merge", "-q", "--no-ff", "-m", "Release", "develop"]);
    f.git("rahim", &["branch", "-q", "-D", "develop"]);
    f.write("a.txt", &lines(&[(5, "five again"), (30, "thirty")]));
    f.commit("rahim", "Edit the line");
    run(&f, &["queue"]).exits(0).says("Nothing is pending");
}

#[test]
fn what_landed_where_its_file_had_moved_stays_landed() {
    let f = squashed(&[]);
    f.git("rahim", &["reset", "-q", "--hard", "HEAD~1"]);
    f.git("rahim", &["mv", "a.txt", "b.txt"]);
    f.commit("rahim", "Move it");
    f.git("rahim", &["merge", "-q", "--squash", "topic"]);
    f.commit("rahim", "Topic (#1)");
    f.write("b.txt", &lines(&[(5, "five again"), (30, "thirty")]));
    f.commit("rahim", "Edit the line");
    run(&f, &["queue"]).exits(0).says("Nothing is pending");
    // The twin: other lines at the new place.
    f.git("rahim", &["reset", "-q", "--hard", "HEAD~2"]);
    f.write("b.txt", &lines(&[(5, "otherwise"), (30, "thirty")]));
    f.write("new.txt", "new\n");
    f.commit("rahim", "Something like it");
    run(&f, &["queue"]).exits(0).says("topic");
}

#[test]
fn what_was_merged_stays_landed_when_its_head_is_reworded() {
    let f = squashed(&[]);
    f.git("rahim", &["reset", "-q", "--hard", "HEAD~1"]);
    f.git("rahim", &["merge", "-q", "--no-ff", "-m", "Merge topic", "topic"]);
    f.git("mina", &["checkout", "-q", "topic"]);
    f.git("mina", &["commit", "-q", "--amend", "-m", "In other words"]);
    f.git("mina", &["checkout", "-q", "main"]);
    f.write("a.txt", &lines(&[(5, "five"), (30, "thirty again")]));
    f.commit("rahim", "Edit the line");
    run(&f, &["queue"]).exits(0).says("Nothing is pending");
}
