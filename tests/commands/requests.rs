//! The review requests of a host, by git alone.

use std::process::Command;

use crate::support::{git_in, now};
use crate::which::Desk;

const DAY: i64 = 24 * 60 * 60;

impl Desk {
    /// A commit on top of main that a ref of the host names, this many days old; no branch contains it.
    fn offers(&self, full: &str, title: &str, days: i64) -> String {
        let date = format!("{} +0000", now() - days * DAY);
        let tree = self.tree_with(&format!("{}.txt", title.replace(' ', "-")));
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.f.repo).args(["commit-tree", "-p", "main", "-m", title, &tree]);
        command.envs([("GIT_AUTHOR_NAME", "zoe"), ("GIT_AUTHOR_EMAIL", "zoe@example.com")]);
        command.envs([("GIT_COMMITTER_NAME", "zoe"), ("GIT_COMMITTER_EMAIL", "zoe@example.com")]);
        let output = command.envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let id = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        self.f.git("mina", &["update-ref", full, &id]);
        id
    }

    /// The tree of main with one more file.
    fn tree_with(&self, file: &str) -> String {
        self.f.git("mina", &["read-tree", "main"]);
        self.f.write(file, file);
        self.f.git("mina", &["add", file]);
        let tree = self.f.git("mina", &["write-tree"]);
        self.f.git("mina", &["reset", "-q", "--hard", "main"]);
        tree
    }

    fn fetched(&self) -> Vec<String> {
        self.run(&["queue", "--fetch"]).exits(0);
        self.ids()
    }
}

#[test]
fn the_review_requests_of_each_kind_of_host_are_changes_by_their_number() {
    let desk = Desk::new();
    desk.offers("refs/pull/12/head", "Pull request", 1);
    desk.offers("refs/merge-requests/7/head", "Merge request", 1);
    desk.offers("refs/pull-requests/3/from", "Of a data center", 1);
    desk.offers("refs/changes/34/1234/1", "First patch set", 1);
    let newest = desk.offers("refs/changes/34/1234/2", "Second patch set", 1);
    assert_eq!(desk.ids(), <[&str; 0]>::default(), "nothing is fetched unasked");
    let ids = ["here:changes/1234", "here:merge-requests/7", "here:pull-requests/3", "here:pull/12"];
    assert_eq!(desk.fetched(), ids);
    desk.run(&["queue"]).exits(0).says("#12").says("!7").says("#3").says(" 1234");
    for name in ["pull/12", "#12", "12", "origin/pull/12", "here:pull/12", "undersign/requests/origin/pull/12"] {
        desk.run(&["show", name]).exits(0).says("Pull request");
    }
    let json = desk.run(&["show", "changes/1234", "--json"]).exits(0).json();
    assert_eq!((json["head"].as_str(), json["title"].as_str()), (Some(&*newest), Some("Second patch set")));
}

#[test]
fn a_branch_is_in_the_row_of_its_review_request_and_keeps_that_place_when_it_moves() {
    let desk = Desk::new();
    let head = desk.offers("refs/pull/12/head", "Rework", 1);
    desk.f.git("mina", &["branch", "rework", &head]);
    assert_eq!(desk.fetched(), ["here:pull/12"]);
    let json = desk.run(&["show", "12", "--json"]).exits(0).json();
    let refs = ["refs/undersign/requests/origin/pull/12", "refs/remotes/origin/rework"];
    assert_eq!(json["refs"], serde_json::json!(refs));
    desk.run(&["show", "rework"]).exits(0).says("Rework");
    let moved = desk.offers("refs/pull/12/head", "Rework again", 1);
    desk.f.git("mina", &["branch", "-f", "rework", &moved]);
    assert_eq!(desk.fetched(), ["here:pull/12"]);
    desk.run(&["show", "12"]).exits(0).says("Rework again");
}

#[test]
fn what_landed_is_old_or_is_gone_from_the_host_is_no_change() {
    let desk = Desk::new();
    desk.offers("refs/pull/1/head", "Forgotten", 91);
    let lands = desk.offers("refs/pull/2/head", "Lands", 2);
    desk.offers("refs/pull/3/head", "Stays", 3);
    assert_eq!(desk.fetched(), ["here:pull/2", "here:pull/3"]);
    assert_eq!(desk.git(&["for-each-ref", "--format=%(refname)", "refs/undersign/requests/origin/pull/1"]), "");
    desk.f.git("mina", &["merge", "-q", "--ff-only", &lands]);
    assert_eq!(desk.fetched(), ["here:pull/3"]);
    desk.f.git("mina", &["update-ref", "-d", "refs/pull/3/head"]);
    assert_eq!(desk.fetched(), <[&str; 0]>::default());
    assert_eq!(desk.git(&["for-each-ref", "refs/undersign/requests/origin/pull/3"]), "");
}

#[test]
fn only_open_ones_are_taken_where_the_host_says_which_would_merge() {
    let desk = Desk::new();
    desk.offers("refs/pull/1/head", "Closed", 1);
    let open = desk.offers("refs/pull/2/head", "Open", 1);
    desk.f.git("mina", &["update-ref", "refs/pull/2/merge", &open]);
    assert_eq!(desk.fetched(), ["here:pull/2"]);
}

#[test]
fn how_many_are_taken_is_set_for_each_remote() {
    let desk = Desk::new();
    (1..=4).for_each(|n| _ = desk.offers(&format!("refs/pull/{n}/head"), &format!("Number {n}"), 1));
    desk.git(&["config", "remote.origin.undersignRequests", "2"]);
    assert_eq!(desk.fetched(), ["here:pull/3", "here:pull/4"]);
    desk.git(&["config", "remote.origin.undersignRequests", "false"]);
    assert_eq!(desk.fetched(), <[&str; 0]>::default());
    desk.git(&["config", "remote.origin.undersignRequests", "many"]);
    let (ids, told) = desk.fetching();
    assert_eq!(ids.len(), 0);
    assert!(told.contains("undersignRequests of the remote origin is `many`"), "{told}");
}

#[test]
fn two_hosts_count_for_themselves_and_one_that_does_not_answer_hides_nothing() {
    let desk = Desk::new();
    desk.offers("refs/pull/1/head", "Of origin", 1);
    let ann = desk.f.dir.path().join("ann");
    git_in(desk.f.dir.path(), "ann", &["clone", "-q", "--bare", &desk.f.repo.display().to_string(), "ann"]);
    let head = desk.offers("refs/heads/elsewhere", "Of ann", 1);
    git_in(&ann, "ann", &["fetch", "-q", &desk.f.repo.display().to_string(), &format!("{head}:refs/pull/1/head")]);
    desk.f.git("mina", &["update-ref", "-d", "refs/heads/elsewhere"]);
    desk.git(&["remote", "add", "ann", &ann.display().to_string()]);
    assert_eq!(desk.fetched(), ["here:ann/pull/1", "here:pull/1"]);
    desk.run(&["queue"]).exits(0).says("#1").says("ann/pull/1");
    std::fs::remove_dir_all(&ann).unwrap();
    desk.offers("refs/pull/2/head", "Of origin, too", 1);
    let (ids, told) = desk.fetching();
    assert_eq!(ids, ["here:ann/pull/1", "here:pull/1", "here:pull/2"]);
    assert!(told.contains("It is listed as before. `git fetch` failed"), "{told}");
}

impl Desk {
    /// The ids, and why not everything was fetched.
    fn fetching(&self) -> (Vec<String>, String) {
        let told = self.run(&["queue", "--fetch"]).exits(0).out;
        let rows = told.lines().filter(|line| line.starts_with("unreadable: ")).collect::<Vec<_>>().join("\n");
        (self.ids(), rows)
    }
}
