//! The gate where people run gates: the recipes of the manual as they stand there, after the git commands of the hosts
//! themselves, and programs that hosts are made of. `git daemon` and http-backend are in `push/remote.rs`.
#![allow(clippy::unwrap_used)]

mod github;
mod gitlab;
mod gitolite;
mod recipe;
#[path = "../support/mod.rs"]
mod support;
mod tags;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{Decision, Fixture, git_in, policy};
use undersign::decision::Verdict;

const UNDERSIGN: &str = env!("CARGO_BIN_EXE_undersign");
const LEDGER: &str = "refs/undersign/decisions/*:refs/undersign/decisions/*";
const WORK: &str = "agent/work";

/// A host without a hook, whose default branch is `develop`, and a developer's clone. Whoever may push has pushed what
/// would let everything through if it were taken for the policy: a branch `main`, a tag, and a "decision".
struct Host {
    f: Fixture,
    bare: PathBuf,
}

/// The policy of the host: `develop` and the releases are protected.
fn host_policy() -> String {
    policy("").replace("[\"refs/heads/main\"]", "[\"refs/heads/develop\", \"refs/heads/release/*\"]")
}

impl Host {
    fn new() -> Host {
        Host::with(&host_policy())
    }

    fn with(policy: &str) -> Host {
        let f = Fixture::with_policy(policy);
        f.git("rahim", &["branch", "-m", "main", "develop"]);
        f.git("rahim", &["branch", "release/1", "develop"]);
        let bare = f.dir.path().join("shop.git");
        f.git("rahim", &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
        git_in(&bare, "rahim", &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        f.git("rahim", &["remote", "add", "host", bare.to_str().unwrap()]);
        // Decisions are taken for the branch that is named, as it stands here: no copy of the attacker's `main` is
        // kept.
        f.git("rahim", &["config", "--unset", "remote.host.fetch"]);
        let host = Host { f, bare };
        host.attack();
        host.proposed(WORK, "develop");
        host
    }

    fn attack(&self) {
        let f = &self.f;
        f.git("mina", &["checkout", "-q", "-b", "main", "develop"]);
        let open =
            policy("").replace("protected = [\"refs/heads/main\"]", "protected = []\nopen = [\"refs/heads/**\"]");
        f.write(".undersign/policy.toml", &open.replace("version = 1\n", "version = 99\n"));
        f.commit("mina", "A policy of my own");
        let elsewhere =
            ["main:main", "main:refs/tags/develop", "main:refs/heads/heads/develop", "main:refs/heads/HEAD"];
        f.git("mina", &[&["push", "-q", "host"], &elsewhere[..]].concat());
        f.git("mina", &["push", "-q", "host", &format!("main:refs/undersign/decisions/{}/0", "0".repeat(64))]);
        f.git("mina", &["checkout", "-q", "develop"]);
        f.git("mina", &["branch", "-q", "-D", "main"]);
    }

    /// The host's own merge commit of a proposal, and the refs under which GitHub and GitLab show it.
    fn proposed(&self, branch: &str, target: &str) -> String {
        let f = &self.f;
        f.git("mina", &["push", "-q", "-f", "host", branch]);
        let tree = f.git("mina", &["merge-tree", "--write-tree", target, branch]);
        let merge = f.git("rahim", &["commit-tree", &tree, "-p", target, "-p", branch, "-m", "Merge"]);
        for name in ["refs/pull/7/merge", "refs/merge-requests/7/merge", "refs/heads/gh-readonly-queue/one"] {
            f.git("rahim", &["push", "-q", "-f", "host", &format!("{merge}:{name}")]);
        }
        f.git("rahim", &["push", "-q", "-f", "host", &format!("{branch}:refs/pull/7/head")]);
        merge
    }

    /// A decision for a branch of the host, sent there.
    fn decide(&self, who: &str, branch: &str, target: &str, verdict: Verdict) {
        let target = format!("refs/heads/{target}");
        self.f.take(Decision { target: Some(&target), ..Decision::new(who, branch, verdict) });
        self.f.git(who, &["push", "-q", "host", LEDGER]);
    }

    fn url(&self) -> String {
        format!("file://{}", self.bare.display())
    }

    /// A new folder below the fixture's.
    fn folder(&self, name: &str) -> PathBuf {
        let path = self.f.dir.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }
}

/// A shell as a runner starts it: nobody's configuration, and temporary files that go with the test.
fn shell(dir: &Path, host: &Host, script: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("TMPDIR", host.folder("tmp"));
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "gate").env(format!("GIT_{role}_EMAIL"), "gate@example.com");
    }
    command
}

#[derive(Debug)]
struct Ran {
    code: i32,
    said: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let said = [output.stdout, output.stderr].concat();
        Ran { code: output.status.code().unwrap(), said: String::from_utf8_lossy(&said).into_owned() }
    }

    fn stops(&self, code: i32, why: &str) {
        assert!(self.code == code && self.said.contains(why), "{why}: {self:?}");
    }

    fn passes(&self) {
        assert!(self.code == 0 && self.said.contains("may land"), "{self:?}");
    }
}

fn is_here(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap().status.success();
    if !found {
        eprintln!("skipped: no {program} here");
    }
    found
}
