//! Which changes there are: forks, work that exists only on this disk, shallow and foreign histories, what landed by
//! other commits, and the branch that all of it would land on.

use std::path::PathBuf;

use undersign::decision::Verdict;
use undersign::source::git::Repository;

use crate::support::{Decision, Fixture, git_in, policy};
use crate::{Said, run_in};

/// A repository of a host, `shop`, and a clone of it, `here`.
pub struct Desk {
    pub f: Fixture,
    here: PathBuf,
}

impl Desk {
    pub fn new() -> Desk {
        let f = Fixture::new();
        f.write("long.txt", &(1..=60).map(|line| format!("line {line}\n")).collect::<String>());
        f.commit("rahim", "Sixty lines");
        f.git("mina", &["branch", "-q", "-D", "agent/work"]);
        let here = f.dir.path().join("here");
        let desk = Desk { f, here };
        desk.clone_again(&[]);
        desk
    }

    pub fn clone_again(&self, how: &[&str]) {
        let _ = std::fs::remove_dir_all(&self.here);
        let from = format!("file://{}", self.f.repo.display());
        let here = self.here.display().to_string();
        git_in(self.f.dir.path(), "dana", &[&["clone", "-q"], how, &[&from, &here]].concat());
    }

    /// Commits on a branch of the host; a new branch starts from main.
    fn host(&self, branch: &str, lines: &[(usize, &str)]) -> String {
        let known = git_in(&self.f.repo, "mina", &["branch", "--list", branch]);
        let new: &[&str] = if known.is_empty() { &["-b"] } else { &[] };
        let from: &[&str] = if known.is_empty() { &["main"] } else { &[] };
        self.f.git("mina", &[&["checkout", "-q"], new, &[branch], from].concat());
        let text = std::fs::read_to_string(self.f.repo.join("long.txt")).unwrap_or_default();
        let mut all: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.iter().for_each(|(at, line)| all[*at - 1] = (*line).to_owned());
        self.f.write("long.txt", &(all.join("\n") + "\n"));
        let id = self.f.commit("mina", &format!("Edit for {branch}: {}", lines[0].1));
        self.f.git("mina", &["checkout", "-q", "main"]);
        id
    }

    /// Commits a file in the clone, on the current branch.
    fn local(&self, file: &str, title: &str) -> String {
        std::fs::write(self.here.join(file), format!("{title}\n")).unwrap();
        git_in(&self.here, "dana", &["add", "-A"]);
        git_in(&self.here, "dana", &["commit", "-q", "-m", title]);
        git_in(&self.here, "dana", &["rev-parse", "HEAD"])
    }

    pub fn git(&self, args: &[&str]) -> String {
        git_in(&self.here, "dana", args)
    }

    /// Another remote with one commit on one branch.
    fn fork(&self, who: &str, branch: &str, title: &str) -> String {
        let place = self.f.dir.path().join(who);
        let (from, to) = (self.f.repo.display().to_string(), place.display().to_string());
        if !place.exists() {
            git_in(self.f.dir.path(), who, &["clone", "-q", &from, &to]);
            self.git(&["remote", "add", who, &to]);
        }
        git_in(&place, who, &["checkout", "-q", "-B", branch, "origin/main"]);
        std::fs::write(place.join(format!("{who}.txt")), title).unwrap();
        git_in(&place, who, &["add", "-A"]);
        git_in(&place, who, &["commit", "-q", "-m", title]);
        self.git(&["fetch", "-q", who]);
        git_in(&place, who, &["rev-parse", "HEAD"])
    }

    pub fn run(&self, args: &[&str]) -> Said {
        run_in(&self.f, &self.here, args)
    }

    fn fetch(&self) {
        self.git(&["fetch", "-q", "-p", "origin"]);
    }

    /// The ids of the pending changes, and what cannot be compared.
    pub fn queue(&self) -> (Vec<String>, Vec<(String, String)>) {
        let json = self.run(&["queue", "--json"]).exits(0).json();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let mut ids: Vec<_> = json["changes"].as_array().unwrap().iter().map(|row| text(&row["id"])).collect();
        ids.sort();
        let broken = json["unreadable"].as_array().unwrap().iter();
        (ids, broken.map(|row| (text(&row["what"]), text(&row["why"]))).collect())
    }

    pub fn ids(&self) -> Vec<String> {
        let (ids, broken) = self.queue();
        assert!(broken.is_empty(), "{broken:?}");
        ids
    }
}

#[test]
fn branches_of_one_name_on_three_remotes_are_three_changes() {
    let desk = Desk::new();
    desk.host("patch-1", &[(5, "of origin")]);
    desk.fetch();
    let ann = desk.fork("ann", "patch-1", "Patch of ann");
    desk.fork("zoe", "patch-1", "Patch of zoe");
    assert_eq!(desk.ids(), ["here:ann/patch-1", "here:patch-1", "here:zoe/patch-1"]);
    desk.run(&["queue"]).exits(0).says("origin/patch-1").says("ann/patch-1").says("zoe/patch-1");
    let same = ["ann/patch-1", "here:ann/patch-1", "refs/remotes/ann/patch-1", "remotes/ann/patch-1", &ann, &ann[..7]];
    for name in same {
        desk.run(&["show", name]).exits(0).says("Patch of ann").says("others of that name: here:patch-1");
    }
    for name in ["patch-1", "origin/patch-1", "here:patch-1"] {
        desk.run(&["show", name]).exits(0).says("Edit for patch-1").says("origin/patch-1 → refs/heads/main");
    }
    let json = desk.run(&["show", "zoe/patch-1", "--json"]).exits(0).json();
    assert_eq!(json["refs"], serde_json::json!(["refs/remotes/zoe/patch-1"]));
    assert_eq!(json["branch"], "patch-1");
}

#[test]
fn a_name_that_stands_for_several_changes_lists_them() {
    let desk = Desk::new();
    desk.fork("ann", "topic", "Topic of ann");
    assert_eq!(desk.ids(), ["here:topic"], "the only one that holds the name");
    desk.fork("zoe", "topic", "Topic of zoe");
    assert_eq!(desk.ids(), ["here:ann/topic", "here:zoe/topic"]);
    desk.run(&["show", "topic"]).exits(70).complains("several").complains("ann/topic").complains("zoe/topic");
    desk.run(&["show", "no/such"]).exits(70).complains("No pending change is called no/such");
    desk.run(&["show", "main"]).exits(70).complains("main is in main already");
}

#[test]
fn the_same_commit_on_several_refs_is_one_change() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.fetch();
    desk.git(&["checkout", "-q", "feat"]);
    desk.git(&["branch", "-q", "mine", "feat"]);
    desk.git(&["remote", "add", "ann", &desk.f.repo.display().to_string()]);
    desk.git(&["fetch", "-q", "ann"]);
    assert_eq!(desk.ids(), ["here:feat"]);
    for name in ["feat", "mine", "ann/feat", "origin/feat", "heads/feat"] {
        desk.run(&["show", name]).exits(0).says("here:feat").says("refs/heads/mine").says("refs/remotes/ann/feat");
    }
}

#[test]
fn a_branch_of_another_remote_takes_no_name_away() {
    let desk = Desk::new();
    desk.host("ann/patch-1", &[(5, "of origin")]);
    desk.fetch();
    desk.host("patch-1", &[(7, "seven")]);
    desk.fetch();
    desk.fork("ann", "patch-1", "Patch of ann");
    assert_eq!(desk.ids(), ["here:ann/patch-1", "here:patch-1", "here:remotes/ann/patch-1"]);
    desk.run(&["show", "ann/patch-1"]).exits(0).says("Edit for ann/patch-1");
    desk.run(&["show", "remotes/ann/patch-1"]).exits(0).says("Patch of ann");
}

#[test]
fn local_work_that_is_not_pushed_is_a_change_of_its_own() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.fetch();
    desk.git(&["checkout", "-q", "feat"]);
    desk.local("one.txt", "One");
    let second = desk.local("two.txt", "Two");
    assert_eq!(desk.ids(), ["here:feat", "here:heads/feat"]);
    desk.run(&["queue"]).says("local is 2 ahead of origin/feat");
    let local = desk.run(&["show", "heads/feat"]).exits(0).says("local is 2 ahead of origin/feat");
    assert!(local.out.contains("3 files") && local.out.contains("others of that name: here:feat"), "{local:?}");
    desk.run(&["show", &second[..8]]).exits(0).says("here:heads/feat");
    desk.run(&["show", "feat"]).exits(0).says("1 file").says("others of that name: here:heads/feat");

    desk.host("feat", &[(9, "nine")]);
    desk.fetch();
    desk.run(&["queue"]).exits(0).says("local is 2 ahead of and 1 behind origin/feat");

    desk.git(&["reset", "-q", "--hard", "origin/feat~1"]);
    assert_eq!(desk.ids(), ["here:feat"], "a copy that is behind proposes nothing");
}

#[test]
fn commits_on_local_main_and_on_main_of_a_fork_are_changes() {
    let desk = Desk::new();
    desk.local("unpushed.txt", "Not pushed");
    desk.fork("ann", "main", "Main of ann");
    assert_eq!(desk.ids(), ["here:ann/main", "here:heads/main"]);
    desk.run(&["queue"]).says("local is 1 ahead of origin/main");
    desk.run(&["show", "heads/main"]).exits(0).says("Not pushed").says("1 file");
    desk.run(&["show", "ann/main"]).exits(0).says("Main of ann");
    desk.git(&["push", "-q", "origin", "main:refs/heads/other"]);
    desk.git(&["reset", "-q", "--hard", "origin/main"]);
    desk.host("main", &[(1, "moved on")]);
    desk.fetch();
    assert_eq!(desk.ids(), ["here:ann/main", "here:other"], "local main is merely behind");
}

#[test]
fn a_shallow_clone_is_compared_with_nothing_and_says_what_to_run() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.host("main", &[(50, "main moved on")]);
    desk.clone_again(&["--depth", "1", "--no-single-branch"]);
    let (ids, broken) = desk.queue();
    assert!(ids.is_empty(), "{ids:?}");
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].0, "here:feat");
    assert!(broken[0].1.contains("`git fetch --unshallow`"), "{broken:?}");
    desk.run(&["queue"]).exits(0).says("here:feat").says("git fetch --unshallow").says_not("tier");
    for name in ["feat", "origin/feat", "here:feat"] {
        desk.run(&["show", name]).exits(70).complains("cannot be compared").complains("git fetch --unshallow");
        desk.run(&["show", name, "--json"]).exits(70).complains("git fetch --unshallow");
    }
    desk.git(&["fetch", "-q", "--unshallow"]);
    assert_eq!(desk.ids(), ["here:feat"]);
}

#[test]
fn a_shallow_clone_in_which_the_base_is_seen_is_compared() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.host("main", &[(50, "main moved on")]);
    desk.clone_again(&["--depth", "2", "--no-single-branch"]);
    assert_eq!(desk.ids(), ["here:feat"]);
    desk.run(&["show", "feat"]).exits(0).says("1 file, +1 −1");
}

#[test]
fn a_history_without_a_common_commit_or_with_two_bases_is_not_compared() {
    let desk = Desk::new();
    desk.git(&["checkout", "-q", "--orphan", "pages"]);
    desk.git(&["rm", "-rfq", "."]);
    desk.local("index.html", "Pages");
    desk.git(&["checkout", "-q", "main"]);
    let (ids, broken) = desk.queue();
    assert!(ids.is_empty(), "{ids:?}");
    assert_eq!(broken[0].0, "here:pages");
    assert!(
        broken[0].1.contains("no commit with origin/main") && broken[0].1.contains("git rebase --root"),
        "{broken:?}"
    );
    desk.run(&["show", "pages"]).exits(70).complains("cannot be compared");

    // Branch and target merge each other: the base is two commits.
    desk.git(&["branch", "-q", "-D", "pages"]);
    let branch = desk.host("cross", &[(5, "five")]);
    let main = desk.host("main", &[(50, "fifty")]);
    desk.f.git("mina", &["merge", "-q", "--no-ff", "-m", "Take in the branch", &branch]);
    desk.f.git("mina", &["checkout", "-q", "cross"]);
    desk.f.git("mina", &["merge", "-q", "--no-ff", "-m", "Take in main", &main]);
    desk.host("cross", &[(20, "twenty")]);
    desk.fetch();
    let (ids, broken) = desk.queue();
    assert!(ids.is_empty(), "{ids:?}");
    assert!(broken[0].0 == "here:cross" && broken[0].1.contains("git merge origin/main"), "{broken:?}");
}

/// Lands the branches `squashed` (two commits, as one), `picked` (two commits, each) and `added` (a new file) on main.
fn landed() -> Desk {
    let desk = Desk::new();
    desk.host("squashed", &[(5, "five")]);
    desk.host("squashed", &[(9, "nine")]);
    let first = desk.host("picked", &[(30, "thirty")]);
    let second = desk.host("picked", &[(40, "forty")]);
    desk.f.git("mina", &["checkout", "-q", "-b", "added", "main"]);
    desk.f.write("new.txt", "new\n");
    let added = desk.f.commit("mina", "Add a file");
    desk.f.git("mina", &["checkout", "-q", "main"]);
    desk.f.git("rahim", &["merge", "-q", "--squash", "squashed"]);
    desk.f.commit("rahim", "Squashed (#1)");
    desk.f.git("rahim", &["cherry-pick", "-x", &first, &second, &added]);
    desk
}

#[test]
fn what_landed_as_one_commit_or_by_its_commits_stays_landed() {
    let desk = landed();
    desk.fetch();
    assert_eq!(desk.ids(), [""; 0], "right after it landed");
    desk.host("main", &[(5, "five again"), (30, "thirty again"), (40, "forty again")]);
    desk.f.git("rahim", &["rm", "-q", "new.txt"]);
    desk.f.commit("rahim", "Take the file away");
    desk.fetch();
    assert_eq!(desk.ids(), [""; 0], "though main changed the same lines since");
    desk.run(&["show", "origin/squashed"]).exits(70).complains("has landed in main by other commits");
    desk.f.git("rahim", &["rm", "-q", "long.txt"]);
    desk.f.commit("rahim", "Take the lines away");
    desk.fetch();
    assert_eq!(desk.ids(), [""; 0], "though main deleted the file");
}

#[test]
fn a_branch_that_landed_and_went_on_is_pending() {
    let desk = landed();
    desk.host("squashed", &[(12, "twelve")]);
    desk.host("picked", &[(45, "forty-five")]);
    desk.host("main", &[(5, "five again"), (30, "thirty again")]);
    desk.fetch();
    assert_eq!(desk.ids(), ["here:picked", "here:squashed"]);
    for name in ["picked", "squashed"] {
        desk.run(&["show", name]).exits(0).says("2 of its 3 commits have landed");
    }
}

#[test]
fn what_its_target_has_changed_since_waits_for_a_rebase_and_every_command_says_so() {
    let desk = Desk::new();
    let head = desk.host("feat", &[(5, "five")]);
    desk.f.decide("dana", "feat", Verdict::Approve);
    let tip = desk.host("main", &[(50, "fifty")]);
    desk.fetch();
    let said = desk.run(&["show", "feat"]).exits(0);
    said.says("rebase")
        .says("BASE_MOVED: long.txt has changed on the target since the proposal forked. Rebase the proposal");
    let shown = desk.run(&["show", "feat", "--json"]).exits(0).json();
    assert_eq!((&shown["need"], shown["refusals"].as_array().map(Vec::len)), (&"rebase".into(), Some(1)), "{shown}");
    assert_eq!(desk.run(&["queue", "--json"]).json()["changes"][0]["need"], "rebase");
    let verify = ["verify", "--proposal", "--policy-branch", "refs/heads/main", "--ref", "refs/heads/main"];
    desk.run(&[&verify[..], &["--old", &tip, "--new", &head, "--format", "plain"]].concat())
        .exits(2)
        .says("BASE_MOVED");
    desk.f.git("mina", &["checkout", "-q", "feat"]);
    desk.f.git("mina", &["rebase", "-q", "main"]);
    desk.f.git("mina", &["checkout", "-q", "main"]);
    desk.fetch();
    desk.run(&["show", "feat"]).exits(0).says_not("BASE_MOVED").says_not("rebase");
}

#[test]
fn a_file_below_what_its_target_has_made_a_file_waits_for_a_rebase_too() {
    let desk = Desk::new();
    desk.f.git("mina", &["checkout", "-q", "-b", "feat", "main"]);
    desk.f.write("notes/today.txt", "today\n");
    desk.f.commit("mina", "Add a folder of notes");
    desk.f.git("mina", &["checkout", "-q", "main"]);
    desk.f.write("notes", "all of them\n");
    desk.f.commit("rahim", "Add a file of notes");
    desk.fetch();
    let said = desk.run(&["show", "feat"]).exits(0);
    said.says("rebase").says("BASE_MOVED: notes/today.txt is a file on one side where the other has a directory.");
}

#[test]
fn a_branch_whose_commits_undo_each_other_is_pending_and_one_whose_commits_change_nothing_is_not() {
    let desk = Desk::new();
    desk.host("back", &[(5, "five")]);
    desk.host("back", &[(5, "line 5")]);
    desk.f.git("mina", &["checkout", "-q", "-b", "empty", "main"]);
    desk.f.git("mina", &["commit", "-q", "--allow-empty", "-m", "Trigger the build"]);
    desk.f.git("mina", &["checkout", "-q", "main"]);
    desk.fetch();
    assert_eq!(desk.ids(), ["here:back"]);
    let said = desk.run(&["show", "back"]).exits(0);
    said.says("its 2 commits cancel out; a merge would land them").says("refused").says("Have them left out.");
    desk.run(&["show", "empty"]).exits(70).complains("its commits change nothing");
}

#[test]
fn a_key_in_commits_that_undo_each_other_is_found() {
    let desk = Desk::new();
    desk.f.git("mina", &["checkout", "-q", "-b", "back", "main"]);
    desk.f.write(".env", "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7ABCDEFG\n");
    let first = desk.f.commit("mina", "Try it");
    desk.f.git("mina", &["rm", "-q", ".env"]);
    desk.f.commit("mina", "Take it out");
    desk.f.git("mina", &["checkout", "-q", "main"]);
    desk.fetch();
    desk.run(&["show", "back"]).exits(0).says(&format!("commit {} puts it into .env:1", &first[..7]));
}

#[test]
fn only_chains_of_records_are_no_changes_among_the_branches_of_that_name() {
    let desk = Desk::new();
    let chain = format!("undersign/decisions/{}/{}", "a".repeat(64), "b".repeat(16));
    for (at, branch) in ["undersign/faster", "undersign/decisions/mine", &chain].into_iter().enumerate() {
        desk.host(branch, &[(at + 1, "edited")]);
    }
    desk.fetch();
    assert_eq!(desk.ids(), ["here:undersign/decisions/mine", "here:undersign/faster"]);
}

#[test]
fn a_merged_branch_that_only_the_remote_has_is_known_by_its_plain_name() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.f.git("rahim", &["merge", "-q", "feat"]);
    desk.fetch();
    desk.run(&["show", "feat"]).exits(70).complains("feat is in main already");
}

#[test]
fn the_same_lines_elsewhere_are_not_what_landed() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "the same line")]);
    // The same edit before the branch began is a different one.
    desk.host("main", &[(50, "the same line")]);
    desk.fetch();
    assert_eq!(desk.ids(), ["here:feat"]);
    desk.host("again", &[(20, "twenty")]);
    desk.f.git("rahim", &["checkout", "-q", "main"]);
    desk.f.git("rahim", &["merge", "-q", "--squash", "again"]);
    desk.f.commit("rahim", "Squashed");
    desk.host("main", &[(20, "line 20")]);
    let retry = desk.host("retry", &[(20, "twenty")]);
    desk.fetch();
    let pending = ["here:again", "here:feat", "here:retry"];
    assert_eq!(desk.ids(), pending, "landed before this one began, and was taken back: {retry}");
    desk.run(&["show", "again"]).exits(0).says("it landed, and was reverted in");
}

#[test]
fn a_default_branch_that_was_renamed_on_the_host_is_found() {
    let desk = Desk::new();
    desk.f.git("rahim", &["branch", "-q", "-m", "main", "master"]);
    desk.clone_again(&[]);
    desk.f.git("rahim", &["branch", "-q", "-m", "master", "main"]);
    desk.host("main", &[(50, "moved on")]);
    desk.host("feat", &[(5, "five")]);
    desk.fetch();
    assert_eq!(desk.git(&["symbolic-ref", "refs/remotes/origin/HEAD"]), "refs/remotes/origin/master");
    assert_eq!(desk.ids(), ["here:feat"]);
    desk.run(&["show", "feat"]).exits(0).says("feat → refs/heads/main");
    // Here without the old name, too.
    desk.git(&["checkout", "-q", "--detach", "origin/main"]);
    desk.git(&["branch", "-q", "-D", "master"]);
    assert_eq!(desk.ids(), ["here:feat"]);
}

#[test]
fn a_default_branch_that_cannot_be_known_is_asked_for() {
    let desk = Desk::new();
    desk.f.git("rahim", &["branch", "-q", "-m", "main", "develop"]);
    desk.f.git("rahim", &["branch", "-q", "other"]);
    desk.fetch();
    desk.run(&["queue"]).exits(70).complains("git remote set-head --auto origin");
    desk.git(&["remote", "set-head", "origin", "--auto"]);
    desk.host_on_develop();
    desk.fetch();
    desk.run(&["show", "other"]).exits(0).says("other → refs/heads/develop");
}

#[test]
fn who_pushes_a_branch_with_a_usual_name_does_not_choose_where_changes_land() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    let lands = |desk: &Desk| desk.run(&["show", "feat"]).exits(0).says("feat → refs/heads/main");
    desk.fetch();
    // The local main follows that of the host.
    desk.git(&["config", "remote.origin.followRemoteHEAD", "never"]);
    desk.git(&["remote", "set-head", "origin", "-d"]);
    lands(&desk);
    desk.f.git("mina", &["branch", "-q", "trunk", "main"]);
    desk.host("trunk", &[(9, "nine")]);
    desk.fetch();
    lands(&desk);
    // As CI checks out: nothing says which of them it is, though one contains the other.
    std::fs::remove_dir_all(&desk.here).unwrap();
    git_in(desk.f.dir.path(), "dana", &["init", "-q", "-b", "ci", &desk.here.display().to_string()]);
    desk.git(&["remote", "add", "origin", &format!("file://{}", desk.f.repo.display())]);
    desk.git(&["config", "remote.origin.followRemoteHEAD", "never"]);
    desk.git(&["fetch", "-q", "origin"]);
    desk.git(&["checkout", "-q", "--detach", "origin/feat"]);
    desk.run(&["queue"]).exits(70).complains("git remote set-head --auto origin");
    desk.git(&["remote", "set-head", "origin", "main"]);
    lands(&desk);
}

#[test]
fn a_branch_called_head_that_was_pushed_does_not_keep_a_clone_from_the_default_branch() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.fetch();
    let lands = || desk.run(&["show", "feat"]).exits(0).says("feat → refs/heads/main");
    // As git stores a branch `HEAD` of a host where nothing said which branch is the default.
    desk.git(&["remote", "set-head", "origin", "-d"]);
    lands();
    desk.git(&["update-ref", "refs/remotes/origin/HEAD", "origin/feat"]);
    desk.run(&["queue"]).exits(70).complains("git remote set-head --auto origin");
    desk.run(&["queue", "--fetch"]).exits(0);
    lands();
}

#[test]
fn the_only_branch_that_is_fetched_is_not_taken_for_the_default() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    let asks = |desk: &Desk| {
        let said = desk.run(&["queue"]).exits(70).says_not("Nothing is pending");
        let why = said.err.lines().find(|line| line.contains("Which branch of origin changes land on")).unwrap();
        follow(desk, why);
        assert_eq!(desk.ids(), ["here:feat"]);
        desk.run(&["show", "feat"]).exits(0).says("feat → refs/heads/main");
    };
    desk.clone_again(&["--single-branch", "-b", "feat"]);
    asks(&desk);
    // As CI checks out a branch.
    std::fs::remove_dir_all(&desk.here).unwrap();
    git_in(desk.f.dir.path(), "dana", &["init", "-q", "-b", "feat", &desk.here.display().to_string()]);
    desk.git(&["remote", "add", "origin", &format!("file://{}", desk.f.repo.display())]);
    desk.git(&["fetch", "-q", "origin", "+refs/heads/feat:refs/remotes/origin/feat"]);
    desk.git(&["checkout", "-q", "-B", "feat", "refs/remotes/origin/feat"]);
    asks(&desk);
}

#[test]
fn in_a_clone_of_a_fork_changes_land_on_the_project_if_it_is_known() {
    let desk = Desk::new();
    let project = desk.f.dir.path().join("project");
    let (from, to) = (desk.f.repo.display().to_string(), project.display().to_string());
    git_in(desk.f.dir.path(), "rahim", &["clone", "-q", &from, &to]);
    std::fs::write(project.join("landed.txt"), "by others\n").unwrap();
    git_in(&project, "rahim", &["add", "-A"]);
    git_in(&project, "rahim", &["commit", "-q", "-m", "Landed since the fork"]);
    desk.git(&["remote", "add", "upstream", &to]);
    desk.git(&["fetch", "-q", "upstream"]);
    desk.git(&["checkout", "-q", "-b", "work", "--no-track", "upstream/main"]);
    desk.local("own.txt", "Work");
    // Nothing tells which one it is.
    assert_eq!(desk.ids(), ["here:upstream/main", "here:work"]);
    let settings: [&[(&str, &str)]; 3] = [
        &[("undersign.remote", "upstream")],
        &[("remote.upstream.gh-resolved", "base")],
        &[("remote.pushDefault", "origin"), ("branch.main.remote", "upstream")],
    ];
    for settings in settings {
        settings.iter().for_each(|(key, value)| _ = desk.git(&["config", key, value]));
        assert_eq!(desk.ids(), ["here:work"], "{settings:?}");
        desk.run(&["show", "work"]).exits(0).says("1 file, +1 −0");
        settings.iter().for_each(|(key, _)| _ = desk.git(&["config", "--unset", key]));
    }
    desk.git(&["config", "undersign.remote", "projekt"]);
    desk.run(&["queue"]).exits(70).complains("no remote is called so").says_not("Nothing is pending");
}

#[test]
fn in_a_clone_of_a_fork_decisions_are_exchanged_with_the_project() {
    let desk = Desk::new();
    let (f, fork) = (&desk.f, desk.f.dir.path().join("fork.git"));
    f.write(".undersign/policy.toml", &policy(""));
    f.commit("rahim", "Policy");
    desk.host("feat", &[(5, "five")]);
    let [project, fork] = [&f.repo, &fork].map(|path| path.display().to_string());
    git_in(f.dir.path(), "dana", &["clone", "-q", "--bare", &project, &fork]);
    desk.git(&["remote", "set-url", "origin", &fork]);
    desk.git(&["remote", "add", "upstream", &project]);
    desk.git(&["fetch", "-q", "--all"]);
    let uri = || Repository::open(&desk.here).unwrap().uri();
    f.decide("rahim", "feat", Verdict::Reject);
    // Nothing tells that it is a fork.
    desk.run(&["sync"]).exits(0).says("origin: 0 records fetched");
    assert_eq!(uri(), fork);
    let settings: [&[(&str, &str)]; 3] = [
        &[("remote.upstream.gh-resolved", "base")],
        &[("remote.pushDefault", "origin"), ("branch.main.remote", "upstream")],
        &[("undersign.remote", "upstream")],
    ];
    for settings in settings {
        settings.iter().for_each(|(key, value)| _ = desk.git(&["config", key, value]));
        desk.run(&["sync"]).exits(0).says("upstream: ");
        desk.run(&["show", "feat"]).exits(0).says("VETOED");
        assert_eq!(uri(), project, "{settings:?}");
        settings.iter().for_each(|(key, _)| _ = desk.git(&["config", "--unset-all", key]));
    }
    desk.git(&["config", "undersign.remote", "upstream"]);
    desk.run(&["sync", "--remote", "origin"]).exits(0).says("origin: 0 records fetched");
    // What went to the fork is still read there, once it was seen to have some.
    let to_fork = || {
        f.decide("dana", "feat", Verdict::Reject);
        f.git("dana", &["push", "-q", &fork, "refs/undersign/decisions/*:refs/undersign/decisions/*"]);
    };
    to_fork();
    desk.run(&["sync", "--remote", "origin"]).exits(0).says("origin: 2 records fetched");
    to_fork();
    let own = f.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign/decisions"]);
    own.lines().for_each(|name| _ = f.git("dana", &["update-ref", "-d", name]));
    desk.run(&["sync"]).says("upstream: 1 record fetched");
    std::fs::remove_dir_all(&fork).unwrap();
    desk.run(&["sync"]).says("another remote did not answer").complains("origin: ");
    desk.git(&["config", "undersign.remote", "projekt"]);
    desk.run(&["sync"]).exits(70).complains("no remote is called so");
}

#[test]
fn a_clone_that_never_fetched_decisions_says_so_and_not_that_there_are_none() {
    let desk = Desk::new();
    desk.f.write(".undersign/policy.toml", &policy(""));
    desk.f.commit("rahim", "Policy");
    desk.host("feat", &[(5, "five")]);
    desk.f.decide("rahim", "feat", Verdict::Reject);
    desk.clone_again(&[]);
    let never = "No decisions were ever fetched from origin. `undersign sync` fetches them.";
    for words in [&["queue"][..], &["history"], &["record", "list"], &["show", "feat"]] {
        desk.run(words).exits(0).complains(never);
    }
    desk.run(&["doctor"]).says(never);
    desk.run(&["sync"]).exits(0).says("1 record fetched");
    for words in [&["queue"][..], &["history"], &["record", "list"], &["show", "feat"]] {
        assert!(!desk.run(words).exits(0).err.contains(never), "{words:?}");
    }
    desk.run(&["doctor"]).says_not(never);
    // One that fetched, and found none, does not ask again.
    desk.clone_again(&[]);
    desk.f.git("dana", &["for-each-ref", "--format=%(refname)", "refs/undersign"]).lines().for_each(|name| {
        desk.f.git("dana", &["update-ref", "-d", name]);
    });
    desk.run(&["sync"]).exits(0).says("0 records fetched");
    assert!(!desk.run(&["queue"]).exits(0).err.contains(never));
}

#[test]
fn what_was_decided_has_the_title_that_the_queue_gave_it() {
    let desk = Desk::new();
    desk.f.write(".undersign/policy.toml", &policy(""));
    desk.f.commit("rahim", "Policy");
    desk.host("feat", &[(5, "five")]);
    desk.host("feat", &[(9, "nine")]);
    desk.f.decide("rahim", "feat", Verdict::Reject);
    desk.git(&["fetch", "-q", "origin"]);
    desk.run(&["sync"]).exits(0);
    desk.run(&["queue"]).exits(0).says("Edit for feat: five").says_not("nine");
    desk.run(&["history"]).exits(0).says("Edit for feat: five").says_not("nine");
}

#[test]
fn what_was_decided_has_the_same_title_if_its_own_line_is_nothing_but_merges() {
    let desk = Desk::new();
    desk.f.write(".undersign/policy.toml", &policy(""));
    desk.f.commit("rahim", "Policy");
    desk.host("bugs", &[(5, "five")]);
    desk.host("bugs", &[(9, "nine")]);
    desk.f.git("mina", &["checkout", "-q", "-b", "feat", "main"]);
    desk.f.git("mina", &["merge", "-q", "--no-ff", "-m", "Merge bugs", "bugs"]);
    desk.f.git("mina", &["branch", "-q", "-D", "bugs"]);
    desk.f.git("mina", &["checkout", "-q", "main"]);
    desk.f.decide("rahim", "feat", Verdict::Reject);
    desk.git(&["fetch", "-q", "origin"]);
    desk.run(&["sync"]).exits(0);
    desk.run(&["queue"]).exits(0).says("Edit for bugs: five").says_not("Merge bugs");
    desk.run(&["history"]).exits(0).says("Edit for bugs: five").says_not("Merge bugs");
}

#[test]
fn the_repository_that_the_environment_names_is_meant_as_git_means_it() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.git(&["fetch", "-q", "origin"]);
    let other = desk.f.dir.path().join("other");
    std::fs::create_dir_all(&other).unwrap();
    git_in(&other, "dana", &["init", "-q"]);
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_undersign"));
        command.args(words).current_dir(&other).env("HOME", &other).env("XDG_CONFIG_HOME", other.join("none"));
        let out = command.env("GIT_DIR", desk.here.join(".git")).output().unwrap();
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
    };
    for words in [&["queue"][..], &["show", "feat"]] {
        assert!(run(words).contains("Edit for feat: five"), "{words:?} {}", run(words));
    }
    let here = other.to_str().unwrap();
    assert!(!run(&["--repo", here, "queue"]).contains("Edit for feat"), "what is named comes first");
}

#[test]
fn a_branch_whose_file_holds_no_commit_is_a_row_and_hides_no_other() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.git(&["fetch", "-q", "origin"]);
    let heads = desk.here.join(".git/refs/heads");
    std::fs::create_dir_all(heads.join("ann")).unwrap();
    std::fs::write(heads.join("empty"), "").unwrap();
    std::fs::write(heads.join("ann/odd"), "deadbeef\n").unwrap();
    // One that git is about to write.
    std::fs::write(heads.join("next.lock"), "").unwrap();
    let mut queue = desk.run(&["queue"]).exits(0);
    for name in ["refs/heads/empty", "refs/heads/ann/odd"] {
        queue = queue.says(&format!("The file of the ref {name} holds no commit id."));
    }
    queue.says("Edit for feat: five").says_not("next");
}

#[test]
fn what_is_no_repository_says_which_command_helps() {
    let f = Fixture::new();
    let place = |name: &str| f.dir.path().join(name);
    run_in(&f, f.dir.path(), &["--repo", "nowhere", "queue"]).exits(70).says("nowhere does not exist.");
    // A worktree whose repository was moved.
    std::fs::create_dir_all(place("tree/src")).unwrap();
    std::fs::write(place("tree/.git"), "gitdir: /nowhere/shop/.git/worktrees/tree\n").unwrap();
    let lost = run_in(&f, &place("tree/src"), &["sync"]).exits(70);
    lost.complains("tree/.git names /nowhere/shop/.git/worktrees/tree, which does not exist")
        .complains("worktree repair");
    // A clone of a host that has no commit yet.
    std::fs::create_dir_all(place("empty.git")).unwrap();
    git_in(&place("empty.git"), "mina", &["init", "-q", "--bare"]);
    git_in(f.dir.path(), "dana", &["clone", "-q", "empty.git", "clone"]);
    run_in(&f, &place("clone"), &["queue"]).complains("No branch of origin is here");
}

#[test]
fn outside_a_repository_the_queue_is_that_of_the_configuration() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.git(&["fetch", "-q", "origin"]);
    let home = desk.f.dir.path().join("elsewhere");
    std::fs::create_dir_all(home.join(".config/undersign")).unwrap();
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_undersign"));
        let folders = [("HOME", ""), ("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", "c"), ("XDG_STATE_HOME", "s")];
        command.args(words).current_dir(&home).envs(folders.map(|(name, folder)| (name, home.join(folder))));
        command.output().unwrap()
    };
    assert_eq!(run(&["queue"]).status.code(), Some(70), "there is none to read");
    let listed = format!("repositories = [{:?}]\n", desk.here.display().to_string());
    std::fs::write(home.join(".config/undersign/config.toml"), listed).unwrap();
    for words in [&["queue"][..], &["queue", "--json"], &["show", "here:feat"]] {
        let output = run(words);
        assert!(String::from_utf8_lossy(&output.stdout).contains("Edit for feat: five"), "{words:?} {output:?}");
    }
}

#[test]
fn what_was_seen_of_a_remote_holds_when_its_name_changes() {
    let desk = Desk::new();
    desk.f.write(".undersign/policy.toml", &policy(""));
    desk.f.commit("rahim", "Policy");
    desk.host("feat", &[(5, "five")]);
    desk.f.decide("rahim", "feat", Verdict::Reject);
    desk.fetch();
    desk.run(&["sync"]).exits(0);
    desk.run(&["show", "feat"]).exits(0).says("VETOED");
    for change in [&["remote", "rename", "origin", "up"][..], &["remote", "rename", "up", "a/b"]] {
        desk.git(change);
        desk.run(&["show", "feat"]).exits(0).says("VETOED");
        desk.run(&["record", "list"]).exits(0).says("reject");
    }
}

impl Desk {
    fn host_on_develop(&self) {
        self.f.git("mina", &["checkout", "-q", "other"]);
        self.f.write("other.txt", "other\n");
        self.f.commit("mina", "Another");
        self.f.git("mina", &["checkout", "-q", "develop"]);
    }
}

#[test]
fn a_remote_of_any_name_holds_the_target() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    for name in ["upstream", "company"] {
        desk.clone_again(&["-o", name]);
        desk.git(&["checkout", "-q", "--detach"]);
        desk.git(&["branch", "-q", "-D", "main"]);
        desk.git(&["remote", "set-head", name, "-d"]);
        assert_eq!(desk.ids(), ["here:feat"], "{name}");
        desk.run(&["show", &format!("{name}/feat")]).exits(0).says("feat → refs/heads/main");
    }
    // A fork beside it does not take over.
    desk.clone_again(&["-o", "upstream"]);
    desk.fork("ann", "main", "Main of ann");
    assert_eq!(desk.ids(), ["here:ann/main", "here:feat"]);
}

#[test]
fn a_queue_of_nothing_that_could_be_read_is_no_success() {
    let f = Fixture::with_policy(&policy(""));
    let none = f.dir.path().join("none");
    std::fs::create_dir(&none).unwrap();
    run_in(&f, &none, &["queue"]).exits(70).complains("is not a git repository");
    run_in(&f, &none, &["queue", "--json"]).exits(70).says("unreadable");
    let both = ["--repo", &f.repo.display().to_string(), "queue"];
    run_in(&f, &none, &both).exits(0).says("unreadable").says("agent/work");
}

/// Main with sixty lines, and branches that each edit one of them.
fn of_sixty_lines(branches: &[(&str, usize)]) -> Desk {
    let desk = Desk::new();
    for (branch, line) in branches {
        desk.host(branch, &[(*line, branch)]);
    }
    desk
}

#[test]
fn an_approval_of_another_change_of_the_same_file_is_not_called_one_of_this() {
    let desk = of_sixty_lines(&[("one", 5), ("other", 40), ("rival", 5), ("beside", 6), ("above", 4)]);
    desk.f.decide("dana", "one", Verdict::Approve);
    let show = |name: &str| run_in(&desk.f, &desk.f.repo, &["show", name]).exits(0);
    for name in ["other", "beside", "above"] {
        show(name).says("needs").says_not("CHANGED_AFTER").says_not("changed afterwards");
    }
    let id = desk.f.id("one");
    show("rival").says(&format!("dana approved another edit of the same lines, {}.", &id[..7]));
    desk.host("one", &[(7, "and more")]);
    show("one").says("CHANGED_AFTER: dana approved another content of these paths: what lands was changed afterwards.");
    show("other").says_not("CHANGED_AFTER");
}

#[test]
fn an_approval_that_a_file_is_renamed_or_deleted_is_not_called_an_edit_of_its_lines() {
    let desk = of_sixty_lines(&[("other", 40)]);
    for (branch, act) in [("away", &["rm", "-q", "long.txt"][..]), ("moved", &["mv", "long.txt", "longer.txt"])] {
        desk.f.git("mina", &["checkout", "-q", "-b", branch, "main"]);
        desk.f.git("mina", act);
        desk.f.commit("mina", branch);
        desk.f.git("mina", &["checkout", "-q", "main"]);
        desk.f.decide("dana", branch, Verdict::Approve);
    }
    let show = |name: &str| run_in(&desk.f, &desk.f.repo, &["show", name]).exits(0);
    show("other").says("needs").says_not("CHANGED_AFTER");
}

#[test]
fn a_rejection_of_another_change_of_the_same_file_is_told_as_that() {
    let desk = of_sixty_lines(&[("one", 5), ("other", 40)]);
    desk.f.take(Decision { reason: "no good", ..Decision::new("dana", "one", Verdict::Reject) });
    let said = run_in(&desk.f, &desk.f.repo, &["show", "other"]).exits(0);
    said.says("dana rejected another change of the same paths: no good. An approval must answer record");
}

#[test]
fn a_branch_that_was_deleted_on_the_remote_goes_with_the_next_fetch_and_nothing_else_does() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.host("kept", &[(7, "seven")]);
    desk.host("mine", &[(9, "nine")]);
    desk.fetch();
    desk.git(&["branch", "-q", "--track", "mine", "origin/mine"]);
    desk.git(&["tag", "-a", "-m", "own", "own", "main"]);
    desk.git(&["update-ref", "refs/undersign/decisions/x/1", "origin/feat"]);
    desk.f.git("mina", &["branch", "-q", "-D", "feat", "mine"]);
    assert_eq!(desk.ids(), ["here:feat", "here:kept", "here:mine"]);
    desk.git(&["config", "remote.origin.prune", "false"]);
    desk.run(&["queue", "--fetch"]).exits(0).says("feat");
    desk.git(&["config", "--unset", "remote.origin.prune"]);
    desk.run(&["queue", "--fetch"]).exits(0).says("kept").says_not("feat");
    // What is only here is nobody's but the person's; the row says that the other end is gone.
    desk.run(&["queue"]).says("mine; origin/mine is gone");
    assert_eq!(desk.ids(), ["here:kept", "here:mine"]);
    desk.git(&["rev-parse", "refs/undersign/decisions/x/1", "own"]);
}

#[test]
fn nothing_is_pruned_where_a_remote_is_fetched_into_refs_of_ones_own() {
    for refspec in ["+refs/heads/*:refs/heads/*", "+refs/undersign/*:refs/undersign/*"] {
        let desk = Desk::new();
        desk.git(&["checkout", "-q", "--detach"]);
        desk.git(&["branch", "-q", "own", "main"]);
        desk.git(&["update-ref", "refs/undersign/decisions/x/1", "main"]);
        desk.git(&["config", "--add", "remote.origin.fetch", refspec]);
        desk.run(&["queue", "--fetch"]).exits(0);
        desk.git(&["rev-parse", "refs/heads/own", "refs/undersign/decisions/x/1"]);
    }
}

#[test]
fn commits_of_a_detached_worktree_that_are_on_no_branch_are_a_change() {
    let desk = Desk::new();
    let work = desk.f.dir.path().join("agent-7");
    let at = |args: &[&str]| git_in(&work, "mina", args);
    desk.git(&["worktree", "add", "-q", "--detach", work.to_str().unwrap(), "main"]);
    assert!(desk.ids().is_empty(), "it has committed nothing yet");
    let commit = |title: &str| {
        std::fs::write(work.join("long.txt"), title).unwrap();
        at(&["commit", "-q", "-a", "-m", title]);
        at(&["rev-parse", "HEAD"])
    };
    let first = commit("Work on no branch");
    assert_eq!(desk.ids(), ["here:worktrees/agent-7"]);
    let name = format!("agent-7@{}", &first[..7]);
    desk.run(&["queue"]).exits(0).says(&name).says("on no branch: detached HEAD of the worktree ").says("/agent-7");
    for meant in ["here:worktrees/agent-7", "worktrees/agent-7", "worktrees/agent-7/HEAD", &first[..8]] {
        desk.run(&["show", meant]).exits(0).says("Work on no branch").says("here:worktrees/agent-7");
    }
    // The id stays when the agent goes on, so that what was seen stays with it.
    let second = commit("More work");
    let json = desk.run(&["show", "worktrees/agent-7", "--json"]).exits(0).json();
    assert_eq!((json["head"].as_str(), json["id"].as_str()), (Some(&second[..]), Some("here:worktrees/agent-7")));
    // From within, it is the same change.
    let within = run_in(&desk.f, &work, &["queue", "--json"]).exits(0).json();
    assert_eq!(within["changes"].as_array().unwrap().len(), 1);

    at(&["branch", "-q", "found", "HEAD"]);
    assert_eq!(desk.ids(), ["here:found"], "a branch has it now");
    at(&["checkout", "-q", "HEAD~1"]);
    assert_eq!(desk.ids(), ["here:found"], "what a branch contains is not a work of its own");
    at(&["branch", "-q", "-D", "found"]);
    assert_eq!(desk.ids(), ["here:worktrees/agent-7"]);
    std::fs::remove_dir_all(&work).unwrap();
    assert!(desk.ids().is_empty(), "its files are gone");
    desk.git(&["checkout", "-q", "--detach"]);
    desk.local("own.txt", "Work beside the git directory");
    assert_eq!(desk.ids(), ["here:main-worktree"]);
}

#[test]
fn a_clone_of_one_branch_says_that_it_sees_no_other() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    let elsewhere = "+refs/heads/*:refs/mine/*";
    let main = "+refs/heads/main:refs/remotes/origin/main";
    for (how, refspec) in
        [(&["--single-branch"][..], main), (&["--depth", "1"], main), (&["--single-branch"], elsewhere)]
    {
        desk.clone_again(how);
        desk.git(&["config", "remote.origin.fetch", refspec]);
        let (ids, broken) = desk.queue();
        assert!(ids.is_empty() && broken.len() == 1, "{how:?}: {ids:?} {broken:?}");
        assert_eq!(broken[0].0, "here:origin/*");
        assert!(broken[0].1.contains("git remote set-branches origin '*'"), "{broken:?}");
        desk.run(&["queue"]).exits(0).says("changes on others are not seen").says_not("Nothing is pending");
    }
    desk.git(&["remote", "set-branches", "origin", "*"]);
    desk.fetch();
    assert_eq!(desk.ids(), ["here:feat"]);
}

#[test]
fn a_command_to_paste_runs_nothing_that_the_name_of_a_remote_says() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    for (name, shown) in [
        ("x;touch${IFS}ran", "'x;touch${IFS}ran'"),
        ("--upload-pack=touch${IFS}ran;true", "-- '--upload-pack=touch${IFS}ran;true'"),
    ] {
        desk.clone_again(&["--single-branch"]);
        desk.git(&["config", "--rename-section", "remote.origin", &format!("remote.{name}")]);
        desk.git(&["config", "undersign.remote", name]);
        let told = run_in(&desk.f, &desk.here, &["queue"]);
        let why = format!("{}{}", told.out, told.err);
        assert!(why.contains(&format!("git fetch {shown}`")), "{why}");
        for command in why.split('`').filter(|part| part.starts_with("git fetch ")) {
            let _ = std::process::Command::new("sh").current_dir(&desk.here).args(["-c", command]).output().unwrap();
        }
        assert!(!desk.here.join("ran").exists(), "the name ran: {why}");
    }
}

#[test]
fn a_repository_whose_commits_are_elsewhere_says_where_they_should_be() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.clone_again(&["--reference", &desk.f.repo.display().to_string()]);
    let place = desk.f.repo.join(".git/objects");
    let aside = desk.f.dir.path().join("aside");
    std::fs::rename(&place, &aside).unwrap();
    desk.run(&["queue"]).exits(70).complains("borrows objects from").complains(&place.display().to_string());
    std::fs::rename(&aside, &place).unwrap();
    assert_eq!(desk.ids(), ["here:feat"]);
}

#[test]
fn a_branch_with_the_name_of_another_ones_commit_does_not_stand_for_it() {
    let desk = Desk::new();
    let tip = desk.host("feat", &[(5, "five")]);
    desk.host(&tip[..8], &[(20, "twenty")]);
    desk.fetch();
    desk.run(&["show", &tip[..8]]).exits(70).complains("stands for several changes");
    desk.run(&["show", &format!("here:{}", &tip[..8])]).exits(0).says("twenty");
    desk.run(&["show", &tip[..12]]).exits(0).says("five");
}

/// The commands between backquotes of a sentence, run in the clone.
fn follow(desk: &Desk, sentence: &str) {
    for command in sentence.split('`').skip(1).step_by(2) {
        let done = std::process::Command::new("sh").current_dir(&desk.here).args(["-c", command]).output().unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
    }
}

#[test]
fn a_partial_clone_says_by_its_name_what_to_run_and_is_whole_afterwards() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.f.git("mina", &["config", "uploadpack.allowFilter", "true"]);
    for filter in ["--filter=blob:none", "--filter=tree:0"] {
        desk.clone_again(&[filter]);
        let said = run_in(&desk.f, &desk.here, &["queue"]).exits(70).complains("A partial clone");
        assert!(said.err.contains("git fetch --refetch --no-filter origin && git config --unset"), "{said:?}");
        follow(&desk, &said.err);
        assert_eq!(desk.ids(), ["here:feat"], "{filter}");
        desk.run(&["show", "feat"]).exits(0).says("1 file, +1 −1");
    }
    desk.clone_again(&["--filter=blob:none"]);
    let here = desk.here.join(".");
    assert!(run_in(&desk.f, &here, &["queue", "--json"]).exits(70).out.contains("here"), "it has a name");
}

#[test]
fn a_partial_clone_is_seen_whatever_its_remote_is_called_and_its_setting_is_spelled() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.f.git("mina", &["config", "uploadpack.allowFilter", "true"]);
    desk.clone_again(&["--filter=blob:none", "--no-checkout", "-o", "-x"]);
    let said = run_in(&desk.f, &desk.here, &["queue"]).exits(70).complains("A partial clone");
    assert!(said.err.contains("git fetch --refetch --no-filter -- -x && git config --unset"), "{said:?}");
    follow(&desk, &said.err);
    run_in(&desk.f, &desk.here, &["queue"]).exits(0);
    for value in ["1", "yes"] {
        desk.clone_again(&["--filter=blob:none"]);
        git_in(&desk.here, "mina", &["config", "remote.origin.promisor", value]);
        run_in(&desk.f, &desk.here, &["queue"]).exits(70).complains("A partial clone");
    }
}

#[test]
fn a_missing_object_is_fetched_by_the_command_that_is_said() {
    let desk = Desk::new();
    let feat = desk.host("feat", &[(5, "five")]);
    desk.fetch();
    let blob = desk.git(&["rev-parse", &format!("{feat}:long.txt")]);
    let file = desk.here.join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::remove_file(file).unwrap();
    let said = desk.run(&["show", "feat"]).exits(70);
    assert!(said.err.contains("is missing") && said.err.contains("`git fetch --refetch`"), "{said:?}");
    desk.git(&["fetch", "-q", "--refetch"]);
    desk.run(&["show", "feat"]).exits(0).says("1 file, +1 −1");
}

#[test]
fn the_beginning_of_a_name_in_any_case_is_enough_if_it_is_that_of_one_change() {
    let desk = Desk::new();
    desk.host("feat/cart", &[(5, "five")]);
    desk.host("feat/checkout", &[(6, "six")]);
    desk.host("Fix", &[(7, "seven")]);
    desk.fetch();
    for name in ["feat/ca", "FEAT/CART", "feat/Ca", "origin/feat/ca", "here:feat/ca"] {
        desk.run(&["show", name]).exits(0).says("Edit for feat/cart");
    }
    desk.run(&["show", "fix"]).exits(0).says("Edit for Fix");
    // A Mac decomposes what others compose.
    desk.host("cafe\u{301}", &[(9, "nine")]);
    desk.fetch();
    desk.run(&["show", "caf\u{e9}"]).exits(0).says("Edit for cafe\u{301}");
    desk.run(&["show", "feat/c"]).exits(70).complains("several").complains("feat/cart").complains("feat/checkout");
    desk.run(&["show", "her"]).exits(70).complains("No pending change is called her");
    desk.run(&["show", "art"]).exits(70).complains("No pending change is called art");
    desk.run(&["show", ""]).exits(70).complains("No pending change is called");
    // A whole name is not a beginning.
    desk.host("feat/cart-2", &[(8, "eight")]);
    desk.fetch();
    desk.run(&["show", "feat/cart"]).exits(0).says("Edit for feat/cart: five");
    let short = desk.run(&["show", "fi"]).exits(0);
    assert!(short.err.contains("fi is short for here:Fix"), "{}", short.err);
    // What is there, and not pending, is not taken for something that begins so.
    desk.git(&["branch", "-q", "feat/check", "origin/main"]);
    desk.git(&["tag", "FEAT/CHE", "origin/main"]);
    for name in ["feat/check", "FEAT/CHE"] {
        desk.run(&["show", name, "--json"]).exits(70).complains("is in main already");
    }
}

#[test]
fn what_the_target_changed_in_the_same_way_is_said_to_be_there_and_splits_no_change() {
    let desk = Desk::new();
    let newer = policy("# More.\n");
    desk.f.git("mina", &["checkout", "-q", "-b", "feat"]);
    desk.f.write(".undersign/policy.toml", &newer);
    desk.f.commit("mina", "Take the new policy over");
    desk.f.git("mina", &["checkout", "-q", "main"]);
    let head = desk.host("feat", &[(5, "five")]);
    desk.f.write(".undersign/policy.toml", &newer);
    let tip = desk.f.commit("rahim", "Comment the policy");
    desk.fetch();
    let there =
        "BASE_MOVED: .undersign/policy.toml has changed on the target since the proposal forked, in the same way.";
    desk.run(&["show", "feat"])
        .exits(0)
        .says(there)
        .says("Rebase the proposal, or merge the target into it")
        .says_not("POLICY_MIXED")
        .says_not("policy: it means the same")
        .says_not("split 1");
    let verify = ["verify", "--proposal", "--policy-branch", "refs/heads/main", "--ref", "refs/heads/main"];
    for lands in ["rebase", "squash", "merge"] {
        let how = ["--old", &tip, "--new", &head, "--lands", lands, "--format", "plain"];
        desk.run(&[&verify[..], &how].concat()).exits(2).says(there).says_not("POLICY_MIXED");
    }
    // The twin: another policy than that of the target.
    desk.f.write(".undersign/policy.toml", &policy("# Other.\n"));
    desk.f.commit("rahim", "Comment it otherwise");
    desk.fetch();
    desk.run(&["show", "feat"]).exits(0).says("since the proposal forked. Rebase").says("POLICY_MIXED").says("split 1");
    // What is advised helps.
    desk.f.git("mina", &["reset", "-q", "--hard", &tip]);
    desk.f.git("mina", &["checkout", "-q", "feat"]);
    desk.f.git("mina", &["merge", "-q", "--no-edit", "main"]);
    desk.f.git("mina", &["checkout", "-q", "main"]);
    desk.fetch();
    desk.run(&["show", "feat"]).exits(0).says_not("BASE_MOVED").says_not("POLICY_MIXED").says_not("policy.toml");
}

#[test]
fn a_fetch_learns_that_the_host_has_another_default_branch() {
    let desk = Desk::new();
    desk.f.git("rahim", &["branch", "-q", "-m", "main", "master"]);
    desk.clone_again(&[]);
    desk.f.git("rahim", &["checkout", "-q", "-b", "main"]);
    desk.host("main", &[(50, "moved on")]);
    desk.host("feat", &[(5, "five")]);
    assert_eq!(desk.git(&["symbolic-ref", "refs/remotes/origin/HEAD"]), "refs/remotes/origin/master");
    desk.run(&["queue", "--fetch"]).exits(0).says("feat").says_not("moved on");
    assert_eq!(desk.git(&["symbolic-ref", "refs/remotes/origin/HEAD"]), "refs/remotes/origin/main");
    assert_eq!(desk.ids(), ["here:feat"]);

    // The twins: a branch that somebody chose here, and a host that names none.
    desk.host("release", &[(40, "forty")]);
    desk.git(&["fetch", "-q"]);
    desk.git(&["remote", "set-head", "origin", "release"]);
    desk.run(&["queue", "--fetch"]);
    assert_eq!(desk.git(&["symbolic-ref", "refs/remotes/origin/HEAD"]), "refs/remotes/origin/release");
    desk.git(&["remote", "set-head", "origin", "main"]);
    desk.f.git("rahim", &["checkout", "-q", "--detach"]);
    desk.run(&["queue", "--fetch"]).exits(0).says("feat");
    assert_eq!(desk.git(&["symbolic-ref", "refs/remotes/origin/HEAD"]), "refs/remotes/origin/main");
}

#[test]
fn a_local_branch_is_compared_with_the_one_that_it_follows_whatever_its_name() {
    let desk = Desk::new();
    desk.host("feature-x", &[(5, "five")]);
    desk.fetch();
    desk.git(&["checkout", "-q", "-b", "mine", "origin/feature-x"]);
    assert_eq!(desk.ids(), ["here:feature-x"]);
    desk.local("mine.txt", "Mine");
    assert_eq!(desk.ids(), ["here:feature-x", "here:mine"]);
    desk.run(&["queue"]).exits(0).says("local is 1 ahead of origin/feature-x");
    desk.host("feature-x", &[(9, "nine")]);
    desk.fetch();
    desk.run(&["show", "mine"]).exits(0).says("local is 1 ahead of and 1 behind origin/feature-x");
    desk.git(&["reset", "-q", "--hard", "HEAD~1"]);
    assert_eq!(desk.ids(), ["here:feature-x"], "what is behind proposes nothing by itself");
    // The twin follows the target, as `checkout -b` from it sets it up.
    desk.git(&["checkout", "-q", "-b", "own", "origin/main"]);
    desk.local("own.txt", "Own");
    desk.run(&["show", "own"]).exits(0).says_not("ahead of");
}

#[test]
fn a_worktree_of_a_shallow_clone_says_that_the_history_is_cut() {
    let desk = Desk::new();
    desk.host("feat", &[(5, "five")]);
    desk.host("main", &[(50, "moved on")]);
    desk.clone_again(&["--depth", "1", "--no-single-branch"]);
    let (_, here) = desk.queue();
    let worktree = desk.f.dir.path().join("worktree");
    desk.git(&["worktree", "add", "-q", "--detach", &worktree.display().to_string(), "origin/main"]);
    let json = run_in(&desk.f, &worktree, &["queue", "--json"]).exits(0).json();
    assert_eq!(json["unreadable"][0]["why"], here[0].1, "{json}");
    assert!(here[0].1.contains("git fetch --unshallow"), "{here:?}");
}

#[test]
fn what_git_calls_a_commit_is_the_pending_change_that_ends_with_it() {
    let desk = Desk::new();
    desk.host("feat", &[(3, "three")]);
    desk.fetch();
    desk.git(&["checkout", "-q", "feat"]);
    desk.git(&["tag", "-a", "-m", "Candidate", "v1-rc"]);
    for text in ["HEAD", "@", "@{u}", "v1-rc", "feat~0"] {
        desk.run(&["show", text]).exits(0).says("Edit for feat: three");
    }
    // The twins: what has landed, and what no branch ends with.
    desk.git(&["commit", "-q", "--allow-empty", "-m", "More"]);
    desk.git(&["checkout", "-q", "main"]);
    desk.run(&["show", "HEAD"]).exits(70).complains("HEAD is in main already");
}

#[test]
fn a_local_branch_that_is_called_as_one_of_a_remote_takes_no_name_away() {
    let desk = Desk::new();
    desk.host("x", &[(3, "three")]);
    desk.fetch();
    desk.git(&["checkout", "-q", "-b", "origin/x", "refs/remotes/origin/main"]);
    desk.local("l.txt", "Only local");
    desk.run(&["queue"]).exits(0).says("heads/origin/x");
    desk.run(&["show", "origin/x"]).exits(0).says("Edit for x: three").says_not("Only local");
    desk.run(&["show", "heads/origin/x"])
        .exits(0)
        .says("Only local")
        .says("only here: refs/heads/origin/x is a branch");
    // The twin: no remote is called so.
    desk.git(&["branch", "-q", "-m", "fix/x"]);
    desk.run(&["show", "fix/x"]).exits(0).says("Only local").says_not("only here").says_not("heads/fix/x");
}
