//! A real gitolite, with its update hook beside the gate's; pushes go through its forced command.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use undersign::decision::Verdict;

use crate::support::{Fixture, git_in, policy};
use crate::{LEDGER, Ran, UNDERSIGN, WORK, is_here};

const SHELL: &str = "/usr/share/gitolite3/gitolite-shell";

struct Gitolite {
    f: Fixture,
    home: PathBuf,
    ssh: PathBuf,
}

/// None where gitolite is not installed, which is said.
fn gitolite() -> Option<Gitolite> {
    if !is_here("gitolite") || !std::path::Path::new(SHELL).exists() {
        return None;
    }
    let f = Fixture::with_policy(&policy(""));
    let (home, ssh) = (f.dir.path().join("home"), f.dir.path().join("ssh"));
    std::fs::create_dir_all(&home).unwrap();
    // What sshd would do: the key says who it is, and the command is what the client asked for.
    let script = format!(
        "#!/bin/sh\nfor last; do :; done\nexport HOME='{}' SSH_ORIGINAL_COMMAND=\"$last\"\nexport \
         SSH_CONNECTION='127.0.0.1 1 127.0.0.1 22'\nexec {SHELL} \"$WHO\"\n",
        home.display()
    );
    std::fs::write(&ssh, script).unwrap();
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let g = Gitolite { f, home, ssh };
    g.run("gitolite", &["setup", "-a", "rahim"]);
    // Branches are everybody's; records only those of dana may come, by gitolite's own rules.
    let rules = "repo shop\n    RW+ refs/heads/ = mina dana\n    RW refs/undersign/ = dana\n";
    std::fs::write(g.home.join(".gitolite/conf/gitolite.conf"), rules).unwrap();
    g.run("gitolite", &["compile"]);
    g.run("gitolite", &["trigger", "POST_COMPILE"]);
    let host = g.host();
    g.push("mina", &["main"]).stops(0, "");
    git_in(&host, "rahim", &["symbolic-ref", "HEAD", "refs/heads/main"]);
    g.run(UNDERSIGN, &["gate", "install", host.to_str().unwrap(), "--pusher-env", "GL_USER"]);
    Some(g)
}

impl Gitolite {
    fn host(&self) -> PathBuf {
        self.home.join("repositories/shop.git")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(program);
        let output = command.args(args).env("HOME", &self.home).env("USER", "git").output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn push(&self, who: &str, words: &[&str]) -> Ran {
        let mut command = Command::new("git");
        command.current_dir(&self.f.repo).args(["push", "ssh://git@host/shop"]).args(words);
        command.env("GIT_SSH", &self.ssh).env("GIT_SSH_VARIANT", "simple").env("WHO", who);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        Ran::of(command.output().unwrap())
    }

    fn at_host(&self, name: &str) -> String {
        git_in(&self.host(), "git", &["for-each-ref", "--format=%(objectname)", name])
    }
}

#[test]
fn gitolite_lets_through_only_what_is_signed_and_what_its_own_rules_let_through() {
    let Some(g) = gitolite() else { return };
    g.push("mina", &["agent/work:main"]).stops(1, "UNSIGNED");
    g.f.decide("dana", WORK, Verdict::Approve);
    // A record that gitolite refuses, with --atomic or alone: nothing lands of either.
    g.push("mina", &["--atomic", "agent/work:main", LEDGER]).stops(1, "DENIED by fallthru");
    assert_eq!(g.at_host("refs/heads/main"), g.f.id("main"));
    g.push("mina", &["agent/work:main"]).stops(1, "UNSIGNED");
    g.push("dana", &["--atomic", "agent/work:main", LEDGER]).stops(0, "");
    assert_eq!(g.at_host("refs/heads/main"), g.f.id(WORK));
}

#[test]
fn a_record_that_gitolite_refuses_while_its_branch_lands_is_owed_and_stops_nobody_once_it_comes() {
    let Some(g) = gitolite() else { return };
    g.f.decide("dana", WORK, Verdict::Approve);
    g.push("mina", &["agent/work:main", LEDGER]).stops(1, "DENIED by fallthru");
    g.f.git("mina", &["checkout", "-q", "-b", "next", WORK]);
    g.f.write("b.txt", "x\n");
    g.f.commit("mina", "Next");
    if g.at_host("refs/heads/main") == g.f.id(WORK) {
        // Git moved the branch alone, after both hooks. The ledger is whole, and what rests on it is owed the record.
        let next = g.push("mina", &["next:main"]);
        assert!(next.code == 1 && !next.said.contains("LEDGER_ROLLBACK"), "{next:?}");
    }
    g.push("dana", &[LEDGER]).stops(0, "");
    g.push("mina", &["agent/work:main"]).stops(0, "");
    git_in(&g.f.repo, "dana", &["branch", "-q", "-f", "main", WORK]);
    g.f.decide("dana", "next", Verdict::Approve);
    g.push("dana", &[LEDGER]).stops(0, "");
    g.push("mina", &["next:main"]).stops(0, "");
    assert_eq!(g.at_host("refs/heads/main"), g.f.id("next"));
}

#[test]
fn who_pushes_is_who_gitolite_says() {
    let Some(g) = gitolite() else { return };
    let proven = policy("").replace("version = 1\n", "version = 2\nauthor_proof = \"proven\"\n");
    let file = g.f.dir.path().join("policy.toml");
    std::fs::write(&file, proven).unwrap();
    let host = g.host();
    let given = ["--policy", file.to_str().unwrap(), "--pusher-env", "GL_USER"];
    g.run(UNDERSIGN, &[&["gate", "install", host.to_str().unwrap()][..], &given].concat());
    g.f.decide("dana", WORK, Verdict::Approve);
    g.push("dana", &[LEDGER]).stops(0, "");
    g.push("dana", &["agent/work:main"]).stops(1, "AUTHOR_UNPROVEN");
    g.push("mina", &["agent/work:main"]).stops(0, "");
}
