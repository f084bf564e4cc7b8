//! Chains about commands at a gate, which keeps what it verified of them: a broker adds to its chain with each run. The
//! promise: what is kept saves time, and no answer depends on it.

use std::path::PathBuf;

use crate::scene::*;
use crate::support::Fixture;
use crate::waiting::{ask, waiting};

/// The links that are there at first, and those that come.
const HELD: usize = 66;
const ALL: usize = HELD + 3;

/// A broker's chain, its ref, and its commits, the oldest first.
struct Long {
    f: Fixture,
    name: String,
    commits: Vec<String>,
}

impl Long {
    fn new() -> Long {
        let f = waiting("SELECT 1;\n");
        (1..ALL).for_each(|_| _ = ask(&f, "SELECT 1;\n", "Again."));
        let name = f.git("mina", &["for-each-ref", "--format=%(refname)", "refs/undersign/runs/"]);
        let commits = f.git("mina", &["rev-list", "--reverse", &name]).lines().map(str::to_owned).collect();
        let long = Long { f, name, commits };
        assert_eq!(long.commits.len(), ALL);
        long
    }

    /// The same, of which the gate has judged a push.
    fn kept() -> Long {
        let long = Long::new();
        allowed(long.pushed(&long.commits, HELD));
        assert!(long.file().exists());
        long
    }

    fn file(&self) -> PathBuf {
        self.f.repo.join(".git/undersign/gate/commands.cache")
    }

    /// What the gate says if one link more comes to so many.
    fn pushed(&self, commits: &[String], held: usize) -> Answer {
        self.f.git("mina", &["update-ref", &self.name, &commits[held - 1]]);
        Gate::of(&self.f).push(&[(&self.name, &commits[held - 1], &commits[held])])
    }

    /// The same links in other commits; in one place another link, if one is named.
    fn anew(&self, broken: Option<usize>) -> Vec<String> {
        let mut made: Vec<String> = Vec::new();
        for (at, commit) in self.commits.iter().enumerate() {
            let tree = format!("{}^{{tree}}", if broken == Some(at) { &self.commits[at - 1] } else { commit });
            let tree = self.f.git("mina", &["rev-parse", &tree]);
            let mut words = vec!["commit-tree", &tree, "-m", "anew"];
            words.extend(made.last().iter().flat_map(|parent| ["-p", parent.as_str()]));
            let id = self.f.git("mina", &words);
            made.push(id);
        }
        made
    }

    /// The envelope of one of the first links is gone: who reads all of the chain finds that.
    fn lose(&self) {
        let listing = self.f.git("mina", &["ls-tree", &self.commits[4]]);
        let entry = listing.lines().find(|line| line.contains(".dsse.json")).unwrap();
        std::fs::remove_file(loose(&self.f, entry.split_ascii_whitespace().nth(2).unwrap())).unwrap();
    }
}

#[test]
fn what_was_verified_of_a_brokers_chain_is_not_read_again() {
    let long = Long::kept();
    long.lose();
    allowed(long.pushed(&long.commits, HELD + 1));
    // Without what is kept, all of it is.
    std::fs::remove_file(long.file()).unwrap();
    denied(long.pushed(&long.commits, HELD + 1), "LEDGER_FAULT");
}

#[test]
fn what_somebody_wrote_in_as_verified_is_not_believed() {
    let long = Long::kept();
    long.lose();
    let mut bytes = std::fs::read(long.file()).unwrap();
    let at = bytes.windows(9).position(|word| word == b"\"counter\"").unwrap();
    bytes.insert(at, b' ');
    std::fs::write(long.file(), bytes).unwrap();
    denied(long.pushed(&long.commits, HELD + 1), "LEDGER_FAULT");
}

#[test]
fn a_chain_that_went_back_or_was_written_anew_is_read_from_its_first_link() {
    let long = Long::kept();
    allowed(long.pushed(&long.commits, 10));
    allowed(long.pushed(&long.anew(None), HELD));
    for broken in [5, HELD - 1, HELD] {
        let other = long.anew(Some(broken));
        denied(long.pushed(&other, HELD), "LEDGER_FAULT");
        // The one that is right is not refused for it.
        allowed(long.pushed(&long.commits, HELD + 1));
    }
    let mut short = long.commits.clone();
    short[10] = long.anew(Some(10))[10].clone();
    let forked =
        long.f.git("mina", &["commit-tree", &format!("{}^{{tree}}", short[10]), "-p", &short[9], "-m", "fork"]);
    short[10] = forked;
    denied(long.pushed(&short, 10), "LEDGER_FAULT");
}
