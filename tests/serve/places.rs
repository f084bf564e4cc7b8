//! Which repositories and directories a name leads to.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::client::{Service, host, push};
use crate::support::{Fixture, git_in};
use undersign::decision::Verdict;

const ZERO: &str = "0000000000000000000000000000000000000000";

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn repositories_below_a_directory_are_served_by_their_paths() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    let root = f.dir.path().join("served");
    std::fs::create_dir_all(root.join("team")).unwrap();
    copy(&f.repo, &root.join("team/shop"));
    copy(&f.repo.join(".git"), &root.join("shop.git"));
    let state = f.dir.path().join("state");
    let service = Service::below(&root, &["--state", state.to_str().unwrap()]);
    let (main, work) = (f.id("main"), f.id("agent/work"));
    for name in ["team/shop", "shop.git", "team/shop/.git"] {
        let answer = service.ask(&push(name, "refs/heads/main", &main, &work));
        assert_eq!(answer.verdict(), (200, "allow".to_owned(), "0"), "{name}: {answer:?}");
    }
    // Each has its own memory, and one only, by whatever name it is asked for.
    let log = |name: &str| std::fs::read_to_string(state.join(name).join("log.jsonl")).unwrap().lines().count();
    assert_eq!((log("shop.git"), log("team/shop/.git")), (1, 2));
    assert!(!state.join("log.jsonl").exists() && !state.join("team/shop/log.jsonl").exists());
    assert_eq!(service.health().json().get("policy"), None);
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let f = Fixture::new();
    // The directory lies in a repository itself, as directories do.
    let root = f.repo.join("served");
    std::fs::create_dir_all(root.join("plain/sub")).unwrap();
    let outside = f.dir.path().join("outside.git");
    host(&f, &outside);
    std::os::unix::fs::symlink(&outside, root.join("link.git")).unwrap();
    std::os::unix::fs::symlink("../../outside.git", root.join("relative.git")).unwrap();
    std::os::unix::fs::symlink(f.dir.path(), root.join("up")).unwrap();
    std::os::unix::fs::symlink("..", root.join("parent")).unwrap();
    std::fs::create_dir(root.join("pointed")).unwrap();
    std::fs::write(root.join("pointed/.git"), format!("gitdir: {}\n", outside.display())).unwrap();
    std::fs::create_dir(root.join("linked")).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("linked/.git")).unwrap();
    // A worktree below, of a repository outside.
    git_in(&outside, "rahim", &["worktree", "add", "-q", root.join("tree").to_str().unwrap(), "main"]);
    let service = Service::below(&root, &[]);
    let ask = |name: &str| service.ask(&push(name, "refs/heads/main", &f.id("main"), &f.id("agent/work")));
    let absolute = outside.to_str().unwrap();
    for name in
        ["", "/", ".", "..", "./plain", "../outside.git", "plain/../../outside.git", "a\0b", "plain//sub", absolute]
    {
        ask(name).refused(400, "not a plain name");
    }
    let absent =
        ["link.git", "relative.git", "up/outside.git", "parent", "parent/.git", "pointed", "pointed/.git", "linked"];
    for name in absent.into_iter().chain(["linked/.git", "tree", "plain", "plain/sub", "nowhere.git", "%2e%2e"]) {
        ask(name).refused(404, "No repository of that name");
    }
    ask(&"x/".repeat(3_000).replace("/x/", "/y/")).refused(400, "not a plain name");
    ask(&"x".repeat(10_000)).refused(404, "No repository of that name");
    assert_eq!(service.health().json()["judged"], 0);
}

#[test]
fn one_repository_is_asked_for_by_the_text_it_is_served_by() {
    let f = Fixture::new();
    let service = Service::of(&f, &[]);
    let served = f.repo.to_str().unwrap();
    for name in [format!("{served}/"), format!("{served}/.git"), "shop".to_owned(), ".".to_owned(), String::new()] {
        service.ask(&push(&name, "refs/heads/main", &f.id("main"), &f.id("main"))).refused(404, "No repository");
    }
}

/// A host without what is pushed, and the objects of it in a directory as git keeps them until a hook agrees.
fn quarantined(f: &Fixture) -> (std::path::PathBuf, Value, Value) {
    let bare = host(f, &f.dir.path().join("host.git"));
    let before = f.id("main");
    f.decide("dana", "agent/work", Verdict::Approve);
    copy(&f.repo.join(".git/objects"), &bare.join("objects/tmp_objdir-incoming-x"));
    let chain = f.git("dana", &["for-each-ref", "--format=%(refname) %(objectname)", "refs/undersign/decisions"]);
    let (name, tip) = chain.split_once(' ').unwrap();
    let mut body = push(bare.to_str().unwrap(), "refs/heads/main", &before, &f.id("agent/work"));
    body["updates"].as_array_mut().unwrap().push(json!({ "ref": name, "old": ZERO, "new": tip }));
    let mut whole = body.clone();
    whole["quarantine"] = json!(["objects/tmp_objdir-incoming-x"]);
    (bare, body, whole)
}

#[test]
fn objects_of_a_push_are_seen_in_its_quarantine_and_not_after_it() {
    let f = Fixture::new();
    let (bare, body, whole) = quarantined(&f);
    let service = Service::start(&["--repo", bare.to_str().unwrap(), "gate", "serve", "--listen", "127.0.0.1:0"]);
    let verdict = |body: &Value| service.ask(body).verdict().1;
    // What was not there in one request is not a fault in the next, and what was there in one is not there in the next.
    for _ in 0..2 {
        assert_ne!(verdict(&body), "allow");
        assert_eq!(verdict(&whole), "allow");
    }
    let mut alone = body.clone();
    alone["updates"] = json!([body["updates"][1]]);
    assert_ne!(verdict(&alone), "allow");
    // When it landed, it stays.
    let update = |at: usize, member: &str| body["updates"][at][member].as_str().unwrap().to_owned();
    copy(&f.repo.join(".git/objects/."), &bare.join("objects"));
    git_in(&bare, "dana", &["update-ref", &update(1, "ref"), &update(1, "new")]);
    let mut rest = body.clone();
    rest["updates"] = json!([body["updates"][0]]);
    assert_eq!(verdict(&rest), "allow");
}

#[test]
fn a_quarantine_lies_in_the_repository_s_own_git_directory() {
    let f = Fixture::new();
    let (bare, body, whole) = quarantined(&f);
    let service = Service::start(&["--repo", bare.to_str().unwrap(), "gate", "serve", "--listen", "127.0.0.1:0"]);
    let with = |dirs: Value| {
        let mut body = body.clone();
        body["quarantine"] = dirs;
        service.ask(&body)
    };
    let inside = bare.join("objects/tmp_objdir-incoming-x");
    assert_eq!(with(json!([inside])).verdict().1, "allow");
    assert_eq!(service.ask(&whole).verdict().1, "allow");
    std::os::unix::fs::symlink(f.repo.join(".git/objects"), bare.join("objects/out")).unwrap();
    let outside = f.repo.join(".git/objects");
    for dir in [outside.to_str().unwrap(), "/", "..", "../shop/.git/objects", "objects/out", "objects/none", "HEAD"] {
        with(json!([inside, dir])).refused(400, "inside the repository's git directory");
    }
    with(json!(vec![inside; 17])).refused(400, "more than 16");
}
