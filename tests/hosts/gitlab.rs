//! GitLab: a runner's folder as earlier jobs left it, and the job of the manual.

use undersign::change::digest::Digest;
use undersign::decision::Verdict;

use crate::support::git_in;
use crate::{Host, Ran, UNDERSIGN, WORK, is_here, recipe, shell};

/// The job, in a folder that the runner uses again. Who wrote what an earlier job ran there wrote all that lies in it.
fn job(host: &Host, merge: &str) -> Ran {
    let project = host.folder("builds/shop");
    let git = |args: &[&str]| git_in(&project, "runner", args);
    // The runner's own commands.
    git(&["init", "-q"]);
    git(&["remote", "add", "origin", &host.url()]);
    let commit = format!("+{merge}:refs/pipelines/1");
    git(&["-c", "gc.auto=0", "fetch", "-q", "origin", "--prune", &commit]);
    git(&["checkout", "-f", "-q", merge]);
    git(&["fetch", "-q", "origin", "+refs/heads/main:refs/heads/develop"]);
    git(&["fetch", "-q", "origin", "+refs/heads/main:refs/remotes/origin/develop"]);
    std::fs::create_dir_all(project.join(".git/undersign")).unwrap();
    std::fs::write(project.join(".git/undersign/state.key"), "5".repeat(64)).unwrap();
    for name in ["undersign", "git", "gate.git"] {
        std::fs::write(project.join(name), "#!/bin/sh\nexit 0\n").unwrap();
    }
    let program = std::fs::read(UNDERSIGN).unwrap();
    let mut command = shell(&project, host, &recipe::script());
    command
        .env("PROGRAM", format!("file://{UNDERSIGN}"))
        .env("SHA256", Digest::of(&program).to_string())
        .env("CI_REPOSITORY_URL", host.url())
        .env("CI_DEFAULT_BRANCH", "develop")
        .env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "develop")
        .env("CI_COMMIT_SHA", merge);
    Ran::of(command.output().unwrap())
}

#[test]
fn the_job_reads_no_policy_from_a_decision_and_none_that_an_earlier_job_left() {
    if is_here("curl") {
        let host = Host::new();
        let merge = host.proposed(WORK, "develop");
        job(&host, &merge).stops(2, "UNSIGNED");
    }
}

#[test]
fn the_job_lets_through_what_was_approved() {
    if is_here("curl") {
        let host = Host::new();
        let merge = host.proposed(WORK, "develop");
        host.decide("dana", WORK, "develop", Verdict::Approve);
        job(&host, &merge).passes();
    }
}
