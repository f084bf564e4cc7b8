//! The real program's commands around the gate: their output on each stream, and their exit codes.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/agent.rs"]
mod agent;
#[path = "../records/token.rs"]
mod token;
#[path = "../support/worlds.rs"]
mod worlds;

mod agents;
mod doctor;
mod gate;
mod hook;
mod hostile;
mod keys;
mod landed;
mod lines;
mod looks;
mod moves;
mod org;
mod outcomes;
mod packaging;
mod policy;
mod requests;
mod risk;
mod shells;
mod target_worlds;
mod team;
mod verify;
mod which;
mod words;

use std::path::Path;
use std::process::{Command, Stdio};

use support::Fixture;

pub const MAIN: &str = "refs/heads/main";
pub const WORK: &str = "agent/work";

/// The result of the program.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Checks the exit code, and prints everything else on failure.
    pub fn exits(self, code: i32) -> Said {
        assert_eq!(self.code, code, "{self:?}");
        self
    }

    /// On standard output.
    pub fn says(self, what: &str) -> Said {
        assert!(self.out.contains(what), "{what}: {self:?}");
        self
    }

    pub fn says_not(self, what: &str) -> Said {
        assert!(!self.out.contains(what), "{what}: {self:?}");
        self
    }

    /// On standard error.
    pub fn complains(self, what: &str) -> Said {
        assert!(self.err.contains(what), "{what}: {self:?}");
        self
    }
}

/// Runs the program in a repository, independent of the user's configuration.
pub fn run_in(f: &Fixture, repo: &Path, args: &[&str]) -> Said {
    run_on(f, repo, args, "")
}

pub fn run_on(f: &Fixture, repo: &Path, args: &[&str], input: &str) -> Said {
    started(f, repo, args, input, &[])
}

/// Runs the program with more in its environment.
pub fn run_with(f: &Fixture, args: &[&str], environment: &[(&str, &str)]) -> Said {
    started(f, &f.repo, args, "", environment)
}

fn started(f: &Fixture, repo: &Path, args: &[&str], input: &str, environment: &[(&str, &str)]) -> Said {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .arg("--repo")
        .arg(repo)
        .args(args)
        .current_dir(f.dir.path())
        .env("HOME", f.dir.path())
        .env("XDG_CONFIG_HOME", f.dir.path().join("config"))
        .env("XDG_CACHE_HOME", f.dir.path().join("cache"))
        .env("XDG_STATE_HOME", f.dir.path().join("state"))
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses its input early closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

pub fn run(f: &Fixture, args: &[&str]) -> Said {
    run_in(f, &f.repo, args)
}

/// Runs `undersign verify` for a move of main.
pub fn verify(f: &Fixture, old: &str, new: &str, more: &[&str]) -> Said {
    run(f, &[&["verify", "--ref", MAIN, "--old", &f.id(old), "--new", &f.id(new)], more].concat())
}

/// The codes of the reasons.
pub fn codes(said: &Said) -> Vec<String> {
    let json = said.json();
    let reasons = json["refs"][0]["reasons"].as_array().unwrap();
    reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
}

/// Writes a file beside the repository; returns its path.
pub fn beside(f: &Fixture, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = f.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Commits some files on a branch from main.
pub fn propose(f: &Fixture, who: &str, branch: &str, files: &[(&str, &str)]) {
    f.git(who, &["checkout", "-q", "-b", branch, "main"]);
    files.iter().for_each(|(path, text)| f.write(path, text));
    f.commit(who, "Propose");
    f.git(who, &["checkout", "-q", "main"]);
}

/// Commits some files on main.
pub fn land(f: &Fixture, files: &[(&str, &str)]) {
    files.iter().for_each(|(path, text)| f.write(path, text));
    f.commit("rahim", "Landed");
}
