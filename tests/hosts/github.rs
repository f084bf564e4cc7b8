//! GitHub Actions: what actions/checkout does, by its own git commands, and the workflow of the manual.

use std::path::{Path, PathBuf};
use std::process::Command;

use undersign::decision::Verdict;

use crate::support::{Decision, git_in};
use crate::{Host, Ran, UNDERSIGN, WORK, host_policy, is_here, recipe, shell};

/// The commands of actions/checkout for a ref of a pull request (`git-source-provider.ts`, v7).
fn checkout(host: &Host, depth: u32) -> PathBuf {
    let dir = host.folder(&format!("checkout-{depth}"));
    let git = |args: &[&str]| git_in(&dir, "runner", args);
    git(&["init", "-q", "."]);
    git(&["remote", "add", "origin", &host.url()]);
    git(&["config", "--local", "gc.auto", "0"]);
    let commit = git_in(&host.bare, "runner", &["rev-parse", "refs/pull/7/merge"]);
    let pull = format!("+{commit}:refs/remotes/pull/7/merge");
    let fetch = ["-c", "protocol.version=2", "fetch", "-q", "--no-tags", "--prune", "--no-recurse-submodules"];
    let all = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*", &pull];
    if depth == 0 {
        git(&[&fetch[..], &["origin"], &all].concat());
    } else {
        git(&[&fetch[..], &[&format!("--depth={depth}"), "origin", &pull]].concat());
    }
    git(&["checkout", "-q", "--progress", "--force", "refs/remotes/pull/7/merge"]);
    dir
}

/// The gate asked in a checkout, about what it has checked out.
fn verify(dir: &Path, more: &[&str]) -> Ran {
    let id = |name: &str| git_in(dir, "runner", &["rev-parse", name]);
    let head = id("HEAD");
    let base = git_in(dir, "runner", &["cat-file", "-p", "HEAD"]);
    let base = base.lines().find_map(|line| line.strip_prefix("parent ")).unwrap().to_owned();
    let mut command = Command::new(UNDERSIGN);
    command.arg("--repo").arg(dir).args(["verify", "--ref", "refs/heads/develop", "--old", &base, "--new", &head]);
    Ran::of(command.args(["--format", "plain"]).args(more).output().unwrap())
}

const FETCH: [&str; 4] = ["fetch", "-q", "origin", "+refs/undersign/decisions/*:refs/undersign/decisions/*"];

#[test]
fn in_a_checkout_no_branch_of_whoever_pushed_it_is_the_policy_branch() {
    let host = Host::new();
    let dir = checkout(&host, 0);
    git_in(&dir, "runner", &FETCH);
    verify(&dir, &[]).stops(4, "Give --policy-branch");
    verify(&dir, &["--policy-branch", "refs/heads/develop"]).stops(2, "UNSIGNED");
}

#[test]
fn in_a_checkout_the_branch_that_the_operator_names_is_the_policy_branch() {
    let host = Host::new();
    host.decide("dana", WORK, "develop", Verdict::Approve);
    let dir = checkout(&host, 0);
    git_in(&dir, "runner", &FETCH);
    verify(&dir, &[]).stops(4, "Give --policy-branch");
    verify(&dir, &["--policy-branch", "refs/heads/develop"]).passes();
}

#[test]
fn a_checkout_of_one_commit_lets_nothing_through() {
    let host = Host::new();
    host.decide("dana", WORK, "develop", Verdict::Approve);
    let dir = checkout(&host, 1);
    git_in(&dir, "runner", &FETCH);
    for more in [&[][..], &["--policy-branch", "refs/heads/develop"]] {
        verify(&dir, more).stops(4, "");
    }
}

/// GitHub has not merged anew since the target moved, and dana is not a senior any more.
fn stale() -> Host {
    let host = Host::new();
    host.decide("dana", WORK, "develop", Verdict::Approve);
    let f = &host.f;
    let next = host_policy().replacen("roles = [\"senior\"]", "roles = [\"junior\"]", 1);
    f.write(".undersign/policy.toml", &next.replace("version = 1\n", "version = 2\n"));
    f.commit("rahim", "Dana has left");
    f.git("rahim", &["push", "-q", "host", "develop"]);
    host
}

#[test]
fn in_a_checkout_a_merge_commit_on_a_tip_of_before_somebody_left_is_not_judged_by_the_policy_of_then() {
    let host = stale();
    let dir = checkout(&host, 0);
    git_in(&dir, "runner", &FETCH);
    verify(&dir, &["--policy-branch", "refs/heads/develop"]).stops(2, "BASE_MOVED");
}

#[test]
fn the_workflow_lets_no_merge_commit_through_on_a_tip_that_the_target_has_left_behind() {
    Run::new(&stale()).judge().stops(2, "REWRITE");
}

/// A run of the workflow: what GitHub would tell it, and where its runner lies.
struct Run<'h> {
    host: &'h Host,
    temp: PathBuf,
    target: &'h str,
    lands: &'h str,
    head: String,
    /// Where the gate has a runner of its own.
    state: Option<PathBuf>,
}

impl<'h> Run<'h> {
    /// For the pull request.
    fn new(host: &'h Host) -> Run<'h> {
        let temp = host.folder("runner");
        let program = temp.join("undersign");
        if !program.exists() {
            std::os::unix::fs::symlink(UNDERSIGN, program).unwrap();
        }
        let head = git_in(&host.bare, "runner", &["rev-parse", "refs/pull/7/head"]);
        Run { host, temp, target: "refs/heads/develop", lands: "refs/pull/7/merge", head, state: None }
    }

    /// For the merge queue.
    fn queued(host: &'h Host, target: &'h str) -> Run<'h> {
        let lands = "refs/heads/gh-readonly-queue/one";
        Run { target, lands, head: git_in(&host.bare, "runner", &["rev-parse", lands]), ..Run::new(host) }
    }

    fn judge(&self) -> Ran {
        let place = self.host.folder("work");
        let state = self.state.iter().map(|state| format!(" --state '{}'", state.display()));
        let script = recipe::step("Judge") + &state.collect::<String>();
        let mut command = shell(&place, self.host, &script);
        command
            .env("RUNNER_TEMP", &self.temp)
            .env("POLICY_BRANCH", "refs/heads/develop")
            .env("TARGET", self.target)
            .env("LANDS", self.lands)
            .env("HEAD", &self.head)
            .env("GITHUB_SERVER_URL", format!("file://{}", self.host.f.dir.path().display()))
            .env("GITHUB_REPOSITORY", "shop.git");
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0, "nothing is left where the change may lie");
        ran
    }
}

#[test]
fn the_workflow_lets_nothing_unsigned_through_whatever_else_was_pushed() {
    let host = Host::new();
    Run::new(&host).judge().stops(2, "UNSIGNED");
    Run::queued(&host, "refs/heads/develop").judge().stops(2, "UNSIGNED");
}

#[test]
fn the_workflow_lets_through_what_was_approved() {
    let host = Host::new();
    host.decide("dana", WORK, "develop", Verdict::Approve);
    Run::new(&host).judge().passes();
    Run::queued(&host, "refs/heads/develop").judge().passes();
}

#[test]
fn in_the_queue_of_a_release_branch_an_approval_for_another_branch_is_none() {
    let host = Host::new();
    host.decide("dana", WORK, "develop", Verdict::Approve);
    Run::queued(&host, "refs/heads/release/1").judge().stops(2, "CONTEXT");
}

#[test]
fn in_the_queue_of_a_release_branch_an_approval_for_it_counts() {
    let host = Host::new();
    host.decide("dana", WORK, "release/1", Verdict::Approve);
    Run::queued(&host, "refs/heads/release/1").judge().passes();
    Run::queued(&host, "refs/heads/develop").judge().stops(2, "CONTEXT");
}

#[test]
fn a_merge_commit_of_another_head_than_the_check_is_for_passes_no_check() {
    let host = Host::new();
    host.decide("dana", WORK, "develop", Verdict::Approve);
    let head = host.f.id("develop");
    Run { head, ..Run::new(&host) }.judge().stops(1, "");
}

#[test]
fn a_name_of_a_branch_is_no_command() {
    let host = Host::new();
    host.decide("dana", WORK, "develop", Verdict::Approve);
    let target = "refs/heads/x\";touch${IFS}f;\"$(touch${IFS}g)";
    host.f.git("mina", &["push", "-q", "host", &format!("develop:{target}")]);
    // The run itself sees that nothing was written.
    Run { target, ..Run::new(&host) }.judge().stops(2, "REF_UNCOVERED");
}

#[test]
fn a_rejection_that_somebody_took_off_the_host_is_missed_by_a_runner_that_keeps_memory() {
    let host = Host::new();
    host.decide("dana", WORK, "develop", Verdict::Approve);
    let ledger = || git_in(&host.bare, "mina", &["for-each-ref", "--format=%(refname)", "refs/undersign"]);
    let before = ledger();
    host.decide("rahim", WORK, "develop", Verdict::Reject);
    let run = || Run { state: Some(host.folder("state")), ..Run::new(&host) }.judge();
    run().stops(2, "VETOED");
    let rejection = ledger().lines().find(|name| !before.contains(name)).unwrap().to_owned();
    git_in(&host.bare, "mina", &["update-ref", "-d", &rejection]);
    run().stops(2, "LEDGER_ROLLBACK");
}

#[test]
fn a_runner_that_keeps_memory_holds_up_nothing_that_was_approved() {
    let host = Host::new();
    let run = || Run { state: Some(host.folder("state")), ..Run::new(&host) }.judge();
    run().stops(2, "UNSIGNED");
    host.decide("dana", WORK, "develop", Verdict::Approve);
    run().passes();
    run().passes();
}

/// rahim writes a change in dana's name; she opens the pull request, without having written any of it.
fn in_her_name(sign: bool) -> Ran {
    // Who is somebody unknown needs two seniors, and dana would need one.
    let proven = host_policy().replace("version = 1\n", "version = 1\nauthor_proof = \"proven\"\n");
    let host = Host::with(&proven.replace("none = 1", "none = 2"));
    let f = &host.f;
    f.git("dana", &["checkout", "-q", "-b", "named", "develop"]);
    f.write("b.txt", "x\n");
    f.git("dana", &["add", "b.txt"]);
    let key = f.key_file("dana");
    let signed = ["-c", "gpg.format=ssh", "-c", &format!("user.signingkey={}", key.display()), "commit", "-q", "-S"];
    f.git("dana", &[if sign { &signed[..] } else { &["commit", "-q"] }, &["-m", "In her name"]].concat());
    host.proposed("named", "develop");
    let target = Some("refs/heads/develop");
    f.take(Decision { target, ..Decision::new("rahim", "named", Verdict::Approve) });
    f.git("rahim", &["push", "-q", "host", crate::LEDGER]);
    Run::new(&host).judge()
}

#[test]
fn who_opens_a_pull_request_vouches_for_no_commit_in_it() {
    in_her_name(false).stops(2, "AUTHOR_UNPROVEN");
}

#[test]
fn who_signed_the_commits_of_a_pull_request_vouches_for_them() {
    in_her_name(true).passes();
}

fn install(host: &Host, sha256: &str) -> Ran {
    let temp = host.folder("fresh");
    let program = host.f.dir.path().join("program");
    std::fs::write(&program, "#!/bin/sh\n").unwrap();
    let mut command = shell(&temp, host, &recipe::step("Install"));
    command.env("RUNNER_TEMP", &temp).env("SHA256", sha256);
    Ran::of(command.env("PROGRAM", format!("file://{}", program.display())).output().unwrap())
}

#[test]
fn a_program_that_is_not_the_one_that_the_recipe_names_is_not_run() {
    if is_here("curl") && is_here("sha256sum") {
        let host = Host::new();
        install(&host, &"0".repeat(64)).stops(1, "did NOT match");
        let right = undersign::change::digest::Digest::of(b"#!/bin/sh\n").to_string();
        install(&host, &right).stops(0, "");
    }
}
