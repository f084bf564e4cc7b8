//! Rows 42 to 44 of `docs/threat-model.md`: what the repository itself does to the gate: its objects, its
//! configuration, its size.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use undersign::decision::Verdict;
use undersign::enforcement::MAX_REFS;
use undersign::gate::MAX_STEPS;

use crate::scene::*;
use crate::support::{Fixture, git_in, policy};

/// What the program says, which has read nothing of the repository before: here its objects are damaged.
fn afresh(f: &Fixture, old: &str, new: &str) -> Answer {
    codes(&f.verify_json(old, new))
}

const BAD: (&str, &str) = ("src/lib.rs", "fn one() -> u32 {\n    666\n}\n");

/// What dana approved, and something bad beside it that git takes for the same.
fn replaced(pushed: &str, with: &str) -> Answer {
    let f = approved();
    propose(&f, "mina", "bad", &[BAD]);
    let (pushed, with) = (f.id(pushed), f.id(with));
    let main = f.id("main");
    f.git("mina", &["replace", &pushed, &with]);
    afresh(&f, &main, &pushed)
}

#[test]
fn row_42_a_commit_that_git_takes_for_another() {
    denied(replaced("bad", WORK), "CHANGED_AFTER");
}

#[test]
fn row_42_twin_the_commit_that_was_approved_whatever_git_takes_it_for() {
    allowed(replaced(WORK, "bad"));
}

/// A file of the git directory, and what the gate says to what was approved.
fn with_file(name: &str, text: &str) -> Answer {
    let f = approved();
    let path = f.repo.join(".git").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, before + &text.replace("MAIN", &f.id("main"))).unwrap();
    afresh(&f, &f.id("main"), &f.id(WORK))
}

#[test]
fn row_42_grafts_put_another_history_in_place() {
    undecided(with_file("info/grafts", "MAIN\n"), "UNREADABLE");
}

#[test]
fn row_42_twin_a_grafts_file_with_nothing_in_it() {
    allowed(with_file("info/grafts", ""));
}

#[test]
fn row_42_a_remote_that_promises_objects() {
    undecided(with_file("config", "[remote \"origin\"]\n\tpromisor = true\n"), "UNREADABLE");
}

#[test]
fn row_42_a_partial_clone() {
    undecided(with_file("config", "[extensions]\n\tpartialClone = origin\n"), "UNREADABLE");
}

#[test]
fn row_42_twin_a_remote_that_promises_nothing() {
    allowed(with_file("config", "[remote \"origin\"]\n\tpromisor = false\n"));
}

/// The objects of the change lie in another repository, which this one borrows from.
fn borrowing(there: bool) -> Answer {
    let f = approved();
    let (main, work) = (f.id("main"), f.id(WORK));
    let lender = f.dir.path().join("lender");
    std::fs::create_dir(&lender).unwrap();
    let own = f.repo.join(".git/objects");
    for object in f.git("mina", &["rev-list", "--objects", &work, &format!("^{main}")]).lines() {
        let place = PathBuf::from(&object[..2]).join(&object[2..40]);
        std::fs::create_dir_all(lender.join(&object[..2])).unwrap();
        std::fs::rename(own.join(&place), lender.join(&place)).unwrap();
    }
    std::fs::write(own.join("info/alternates"), format!("{}\n", lender.display())).unwrap();
    if !there {
        std::fs::remove_dir_all(&lender).unwrap();
    }
    afresh(&f, &main, &work)
}

#[test]
fn row_42_borrowed_objects_that_are_gone() {
    undecided(borrowing(false), "UNREADABLE");
}

#[test]
fn row_42_twin_borrowed_objects_that_are_there() {
    allowed(borrowing(true));
}

/// Everything in a configuration that names a program names one that leaves a mark. Attributes point to them.
fn booby_trapped(f: &Fixture) -> PathBuf {
    let (program, mark) = (f.dir.path().join("trap"), f.dir.path().join("canary"));
    std::fs::write(&program, format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", mark.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let git = f.repo.join(".git");
    std::fs::create_dir_all(git.join("hooks")).unwrap();
    for hook in ["pre-receive", "update", "reference-transaction", "post-index-change", "fsmonitor-watchman"] {
        std::fs::copy(&program, git.join("hooks").join(hook)).unwrap();
    }
    let trap = program.display();
    let mut config = std::fs::read_to_string(git.join("config")).unwrap();
    write!(
        config,
        "[core]\n\tfsmonitor = {trap}\n\tpager = {trap}\n\teditor = {trap}\n\tsshCommand = {trap}\n\
         \tgitProxy = {trap}\n\taskPass = {trap}\n\
         \talternateRefsCommand = {trap}\n[diff]\n\texternal = {trap}\n\
         [diff \"x\"]\n\ttextconv = {trap}\n\tcommand = {trap}\n\
         [filter \"x\"]\n\tclean = {trap}\n\tsmudge = {trap}\n\tprocess = {trap}\n\
         \trequired = true\n[merge \"x\"]\n\tdriver = {trap}\n\
         [gpg]\n\tprogram = {trap}\n[gpg \"ssh\"]\n\tprogram = {trap}\n\
         [credential]\n\thelper = {trap}\n[protocol]\n\tallow = always\n\
         [remote \"origin\"]\n\turl = ext::{trap}\n\tuploadpack = {trap}\n[uploadpack]\n\tpackObjectsHook = {trap}\n"
    )
    .unwrap();
    std::fs::write(git.join("config"), config).unwrap();
    std::fs::create_dir_all(git.join("info")).unwrap();
    std::fs::write(git.join("info/attributes"), "* diff=x filter=x merge=x\n").unwrap();
    // The trap is armed: what git itself does here sets it off.
    Command::new("git").current_dir(&f.repo).args(["diff", "--ext-diff", "main", WORK]).output().unwrap();
    assert!(mark.exists());
    std::fs::remove_file(&mark).unwrap();
    mark
}

fn trapped(branch: &str) -> Answer {
    // With signatures of commits to look at, so that there is a program to be tempted by.
    let f = Fixture::with_policy(&with_top(&policy(""), "author_proof = \"proven\""));
    f.git("mina", &["checkout", "-q", WORK]);
    let key = format!("user.signingkey={}", f.key_file("mina").display());
    f.git("mina", &["-c", "gpg.format=ssh", "-c", &key, "commit", "-q", "-S", "--amend", "--no-edit"]);
    f.git("mina", &["checkout", "-q", "main"]);
    f.decide("dana", WORK, Verdict::Approve);
    propose(&f, "mina", "bad", &[BAD, (".gitattributes", "* diff=x filter=x\n")]);
    let (main, branch) = (f.id("main"), f.id(branch));
    let mark = booby_trapped(&f);
    let answer = codes(&Gate::of(&f).pusher("mina").push_by_program(&[(MAIN, &main, &branch)]));
    assert!(!mark.exists(), "{}", std::fs::read_to_string(&mark).unwrap());
    answer
}

#[test]
fn row_42_no_program_that_the_repository_names_is_run_for_what_is_denied() {
    denied(trapped("bad"), "CHANGED_AFTER");
}

#[test]
fn row_42_twin_nor_for_what_is_allowed() {
    allowed(trapped(WORK));
}

/// A real push to a real server, whose hook is the gate: whether it landed.
fn pushed(branch: &str) -> bool {
    let f = approved();
    propose(&f, "mina", "bad", &[BAD]);
    let server = f.dir.path().join("server.git");
    f.git("rahim", &["init", "-q", "--bare", "-b", "main", server.to_str().unwrap()]);
    f.git("rahim", &["push", "-q", server.to_str().unwrap(), "main", "refs/undersign/*:refs/undersign/*"]);
    let hook = server.join("hooks/pre-receive");
    let program = env!("CARGO_BIN_EXE_undersign");
    std::fs::write(&hook, format!("#!/bin/sh\nexec {program} verify --pre-receive\n")).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let push = |what: &str| {
        let mut command = Command::new("git");
        piped(command.current_dir(&f.repo).args(["push", "-q"]).arg(&server).arg(what), b"").0 == 0
    };
    let landed = push(&format!("{branch}:main"));
    assert_eq!(landed, git_in(&server, "rahim", &["rev-parse", "main"]) == f.id(branch));
    landed
}

#[test]
fn row_42_a_real_push_of_something_unsigned_from_quarantine() {
    assert!(!pushed("bad"));
}

#[test]
fn row_42_twin_a_real_push_of_what_was_approved() {
    assert!(pushed(WORK));
}

/// Under the id of one object lies another, as two would that collide.
fn swapped(object: &str, with: &str) -> Answer {
    let f = approved();
    propose(&f, "mina", "bad", &[BAD, (".undersign/policy.toml", &policy("").replace("\"senior\"", "\"junior\""))]);
    let (main, work) = (f.id("main"), f.id(WORK));
    let (into, from) = (loose(&f, &f.id(object)), loose(&f, &f.id(with)));
    let bytes = std::fs::read(from).unwrap();
    std::fs::remove_file(&into).unwrap();
    std::fs::write(&into, bytes).unwrap();
    afresh(&f, &main, &work)
}

#[test]
fn row_43_another_blob_under_the_same_id() {
    undecided(swapped("agent/work:src/lib.rs", "bad:src/lib.rs"), "UNREADABLE");
}

#[test]
fn row_43_another_tree_under_the_same_id() {
    undecided(swapped("agent/work:src", "bad:src"), "UNREADABLE");
}

#[test]
fn row_43_another_commit_under_the_same_id() {
    undecided(swapped("agent/work", "bad"), "UNREADABLE");
}

#[test]
fn row_43_another_policy_under_the_same_id() {
    undecided(swapped("main:.undersign/policy.toml", "bad:.undersign/policy.toml"), "UNREADABLE");
}

#[test]
fn row_43_twin_the_same_blob_written_again() {
    allowed(swapped("agent/work:src/lib.rs", "agent/work:src/lib.rs"));
}

/// One change may touch so many compartments.
fn crossing(most: usize) -> Answer {
    let f = Fixture::with_policy(&src(&format!("[limits]\ncompartments = {most}")));
    propose(&f, "mina", "wide", &[("src/new.rs", "x\n"), ("docs/a.txt", "x\n")]);
    f.decide("dana", "wide", Verdict::Approve);
    judged(&f, "wide")
}

#[test]
fn row_44_more_compartments_than_one_change_may_touch() {
    denied(crossing(1), "LIMIT");
}

#[test]
fn row_44_twin_as_many_compartments_as_one_change_may_touch() {
    allowed(crossing(2));
}

/// A push of this many refs to an open place; the exit code.
fn of_refs(refs: usize) -> i32 {
    let f = Fixture::with_policy(&once(
        &policy(""),
        "protected = [\"refs/heads/main\"]",
        "protected = [\"refs/heads/main\"]\nopen = [\"refs/heads/x/*\"]",
    ));
    let (zero, id) = ("0".repeat(40), f.id(WORK));
    let names: Vec<String> = (0..refs).map(|n| format!("refs/heads/x/{n}")).collect();
    let moves: Vec<_> = names.iter().map(|name| (name.as_str(), zero.as_str(), id.as_str())).collect();
    Gate::of(&f).push_by_program(&moves).0
}

#[test]
fn row_44_a_push_of_more_refs_than_are_judged_is_a_usage_error() {
    assert_eq!(of_refs(MAX_REFS + 2), 64);
}

#[test]
fn row_44_twin_a_push_of_many_refs() {
    assert_eq!(of_refs(1_000), 0);
}

/// Refs with names as long as they may be.
fn of_long_names(refs: usize) -> Answer {
    let f = Fixture::new();
    let (zero, main) = ("0".repeat(40), f.id("main"));
    let long = format!("refs/heads/{}", "long/".repeat(198));
    let names: Vec<_> = (0..refs).map(|n| format!("{long}{n}")).collect();
    let moves: Vec<_> = names.iter().map(|name| (name.as_str(), zero.as_str(), main.as_str())).collect();
    Gate::of(&f).push(&moves)
}

#[test]
fn row_44_more_names_than_one_line_of_the_log_holds() {
    denied(of_long_names(17_000), "LIMIT");
}

#[test]
fn row_44_twin_long_names_of_refs() {
    denied(of_long_names(10), "REF_UNCOVERED");
}

/// A record so large, in the chain of a key.
fn record_of(size: usize, name: &str) -> Answer {
    let f = approved();
    let chain = chain_of(&f, "dana");
    if name != "dana" {
        let other = chain.replace(&f.key("dana").public.id().to_string(), &f.key(name).public.id().to_string());
        f.git("mina", &["update-ref", &other, &chain]);
        tamper(&f, &other, |_| vec![b' '; size]);
        return judged(&f, WORK);
    }
    tamper(&f, &chain, |_| vec![b' '; size]);
    judged(&f, WORK)
}

#[test]
fn row_44_a_record_that_is_too_large_in_a_known_chain() {
    undecided(record_of(2 << 20, "dana"), "LEDGER_FAULT");
}

#[test]
fn row_44_twin_a_record_that_is_too_large_in_a_strangers_chain() {
    allowed(record_of(2 << 20, "nobody"));
}

/// Commits on main, made by git's own importer; each approved by none.
fn import(f: &Fixture, commits: usize, path: &str) -> String {
    let mut stream = format!("reset refs/heads/bomb\nfrom {}\n\n", f.id("main"));
    for n in 0..commits {
        write!(
            stream,
            "commit refs/heads/bomb\ncommitter mina <mina@example.com> {} +0000\n\
         data 1\nx\nM 100644 inline {path}\ndata {}\n{n}\n\n",
            1_790_000_000 + n,
            n.to_string().len() + 1
        )
        .unwrap();
    }
    git_piped(f, &["fast-import", "--quiet", "--force"], stream.as_bytes());
    f.id("bomb")
}

fn of_steps(commits: usize) -> Answer {
    let f = approved();
    let tip = import(&f, commits, "docs/a.txt");
    f.decide("dana", "bomb", Verdict::Approve);
    f.verify(&f.id("main"), &tip)
}

/// Steps that change nothing around one that a single senior approved of two: any of them could begin or end what was
/// approved.
fn padded(steps: usize) -> Answer {
    let two = once(
        &policy(""),
        "[compartment.default]\nsign = [{ role = \"senior\", n = 1",
        "[compartment.default]\nsign = [{ role = \"senior\", n = 2",
    );
    let f = approved_under(&two);
    let (before, after) = (f.id("main^{tree}"), f.id("agent/work^{tree}"));
    let mut stream = String::new();
    let mut parent = f.id("main");
    for n in 0..steps {
        let tree = if n < steps / 2 { &before } else { &after };
        write!(
            stream,
            "commit refs/heads/padded\nmark :{}\ncommitter mina <mina@example.com> 1790000000 +0000\n\
         data 1\nx\nfrom {parent}\nM 040000 {tree} \n\n",
            n + 1
        )
        .unwrap();
        parent = format!(":{}", n + 1);
    }
    git_piped(&f, &["fast-import", "--quiet", "--force"], stream.as_bytes());
    f.verify(&f.id("main"), &f.id("padded"))
}

#[test]
fn row_44_more_ways_to_cut_a_push_than_anybody_could_try() {
    denied(padded(800), "LIMIT");
}

#[test]
fn row_44_twin_a_few_steps_around_what_one_of_two_approved() {
    denied(padded(6), "UNSIGNED");
}

fn stressed() -> bool {
    std::env::var("UNDERSIGN_STRESS").is_ok_and(|word| word == "1")
}

#[test]
fn row_44_a_push_of_more_steps_than_are_judged() {
    if stressed() {
        denied(of_steps(MAX_STEPS + 1), "LIMIT");
    }
}

#[test]
fn row_44_twin_a_push_of_as_many_steps_as_are_judged() {
    // With `UNDERSIGN_STRESS=1` as many as may be.
    allowed(of_steps(if stressed() { MAX_STEPS } else { 50 }));
}

#[test]
fn row_44_a_tree_as_deep_as_a_well_is_judged_like_any_other() {
    let f = approved();
    let deep = format!("{}a", "d/".repeat(if stressed() { 2_000 } else { 500 }));
    let tip = import(&f, 1, &deep);
    denied(f.verify(&f.id("main"), &tip), "UNSIGNED");
}

#[test]
fn row_44_twin_a_deep_tree_that_was_approved() {
    let f = approved();
    let tip = import(&f, 1, &format!("{}a", "d/".repeat(500)));
    f.decide("dana", "bomb", Verdict::Approve);
    allowed(f.verify(&f.id("main"), &tip));
}

/// A folder with a file, beside what was approved, under some mode.
fn beside_what_was_approved(mode: &str) -> Answer {
    let f = approved();
    let blob = line(git_piped(&f, &["hash-object", "-w", "--stdin"], b"bad\n"));
    let folder = raw_tree(&f, &[("100644", "bad.rs", &blob)]);
    let listing = f.git("mina", &["ls-tree", WORK]);
    let mut entries: Vec<_> = listing
        .lines()
        .map(|entry| {
            let parts: Vec<_> = entry.split_ascii_whitespace().collect();
            (parts[0].trim_start_matches('0'), parts[3], parts[2])
        })
        .collect();
    entries.push((mode, "z", &folder));
    f.verify(&f.id("main"), &commit_of(&f, &raw_tree(&f, &entries)))
}

#[test]
fn row_43_a_folder_whose_mode_only_git_takes_for_one() {
    undecided(beside_what_was_approved("40755"), "UNREADABLE");
}

#[test]
fn row_43_a_mode_that_only_git_takes_for_a_submodule() {
    undecided(beside_what_was_approved("10000"), "UNREADABLE");
}

#[test]
fn row_43_twin_a_folder_like_any_other() {
    denied(beside_what_was_approved("40000"), "UNSIGNED");
}

/// Trees that name each other often: so many levels of twenty folders each, and no file in any of them.
fn bomb(levels: usize) -> Answer {
    let f = Fixture::new();
    let names: Vec<_> = (0..20).map(|n| format!("{n:02}")).collect();
    let mut tree = raw_tree(&f, &[]);
    for _ in 0..levels {
        let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_str(), tree.as_str())).collect();
        tree = raw_tree(&f, &entries);
    }
    f.verify(&f.id("main"), &commit_of(&f, &tree))
}

#[test]
fn row_44_more_folders_than_anybody_could_walk_with_nothing_in_them() {
    undecided(bomb(20), "UNREADABLE");
}

#[test]
fn row_44_twin_folders_with_nothing_in_them() {
    denied(bomb(2), "UNSIGNED");
}

/// As many steps as may be, each of as many folders as may be.
#[test]
fn row_44_steps_that_each_are_as_much_as_a_push_may_be() {
    let f = Fixture::new();
    let names: Vec<_> = (0..20).map(|n| format!("{n:02}")).collect();
    let mut tree = raw_tree(&f, &[]);
    for _ in 0..4 {
        let entries: Vec<_> = names.iter().map(|name| ("40000", name.as_str(), tree.as_str())).collect();
        tree = raw_tree(&f, &entries);
    }
    let empty = raw_tree(&f, &[]);
    let mut tip = f.id("main");
    for n in 0..20 {
        let tree = if n % 2 == 0 { &tree } else { &empty };
        tip = f.git("mina", &["commit-tree", tree, "-p", &tip, "-m", "Back and forth"]);
    }
    undecided(f.verify(&f.id("main"), &tip), "UNREADABLE");
}

#[test]
fn row_44_many_paths_that_are_too_long_to_be_held() {
    let f = Fixture::new();
    let blob = line(git_piped(&f, &["hash-object", "-w", "--stdin"], b"x\n"));
    let names: Vec<_> = (0..200).map(|n| format!("{n:03}")).collect();
    let entries: Vec<_> = names.iter().map(|name| ("100644", name.as_str(), blob.as_str())).collect();
    let mut tree = raw_tree(&f, &entries);
    let long = "d".repeat(100_000);
    for _ in 0..10 {
        tree = raw_tree(&f, &[("40000", &long, &tree), ("40000", "e", &tree)]);
    }
    undecided(f.verify(&f.id("main"), &commit_of(&f, &tree)), "UNREADABLE");
}
