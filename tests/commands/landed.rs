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
