//! The model of a push with real git through the real hook: its attacks, by people without a key, and its workflows.

mod attacks;
mod upgrade;
mod workflows;

use std::process::Command;

use undersign::decision::Verdict;
use undersign::examination::RepositorySnapshot;
use undersign::record::Record;
use undersign::signing::{FollowUp, Signatory, follow_up};

use crate::support::{DEVICE, Decision, git_in, now, policy};
use crate::{Host, LEDGER, Pushed, UNDERSIGN, piped, text};

const MAIN: &str = "refs/heads/main";
const RELEASE: &str = "refs/heads/release/1";
const NEXT: &str = "refs/heads/next";
const TAG: &str = "refs/tags/v1";
const OPEN: &str = "refs/heads/agent/x";

/// Main, releases and tags only go forward, `next` may be rewritten, and agents write what they like.
fn guarded() -> String {
    let refs = "protected = [\"refs/heads/main\", \"refs/heads/release/*\", \"refs/tags/v*\", \
                { match = \"refs/heads/next\", rewrite = \"allow\", delete = \"allow\" }]\n\
                open = [\"refs/heads/agent/**\"]";
    once(&policy(""), "protected = [\"refs/heads/main\"]", refs)
}

fn once(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

impl Host {
    /// A host under that policy. `start` names its first commit, at which main stands.
    fn guarded() -> Host {
        let h = Host::with(&guarded(), &[]);
        h.f.git("mina", &["branch", "start", "main"]);
        h
    }

    /// A commit on some parents: the files of the first, with some laid over, or left out where the text is empty. A
    /// branch of the clone names it.
    fn make(&self, name: &str, parents: &[&str], files: &[(&str, &str)]) {
        let git = |words: &[&str]| self.f.git("mina", words);
        git(&["read-tree", parents.first().copied().unwrap_or("--empty")]);
        for (path, content) in files {
            if content.is_empty() {
                git(&["update-index", "--force-remove", path]);
                continue;
            }
            let mut hash = Command::new("git");
            hash.current_dir(&self.f.repo).args(["hash-object", "-w", "--stdin"]);
            let blob = text(&piped(&mut hash, content.as_bytes()));
            git(&["update-index", "--add", "--cacheinfo", &format!("100644,{},{path}", blob.trim())]);
        }
        let tree = git(&["write-tree"]);
        let mut words = vec!["commit-tree", &tree, "-m", name];
        parents.iter().for_each(|parent| words.extend(["-p", parent]));
        let id = git(&words);
        git(&["update-ref", &format!("refs/heads/{name}"), &id]);
    }

    /// The clone has a ref where the host shows it.
    fn sync(&self, name: &str) {
        let tip = self.at(&format!("{name}^{{commit}}"));
        if !tip.is_empty() {
            self.f.git("mina", &["update-ref", name, &tip]);
        }
    }

    /// Somebody decides on what a branch changes since where a ref stands in the clone, and the host has the record.
    fn decide(&self, who: &str, branch: &str, target: &str, verdict: Verdict) -> Record {
        let record = self.f.take(Decision { target: Some(target), ..Decision::new(who, branch, verdict) });
        self.push(who, &[LEDGER]).landed();
        record
    }

    /// A senior approves a branch for a ref, as that stands on the host now.
    fn approve(&self, branch: &str, target: &str) -> Record {
        self.sync(target);
        self.decide("dana", branch, target, Verdict::Approve)
    }

    fn withdraw(&self, record: &Record) {
        let (repository, snapshot) = RepositorySnapshot::open(&self.f.repo).unwrap();
        let key = self.f.key("dana");
        let what = FollowUp {
            verdict: Verdict::Withdraw,
            about: record,
            supersedes: vec![record.id().to_string()],
            answers: Vec::new(),
            forks: Vec::new(),
            reason: "I was wrong".to_owned(),
        };
        let signatory = Signatory::of(&repository, &snapshot, &key, DEVICE).unwrap();
        follow_up(what, signatory, [9; 16], now()).unwrap().record(&repository, &key, None, now()).unwrap();
        self.push("dana", &[LEDGER]).landed();
    }

    /// Somebody without a key moves a ref to what a branch of the clone names, by force.
    fn land(&self, from: &str, to: &str) -> Pushed {
        self.push("eve", &[&format!("+{from}:{to}")])
    }

    /// A commit that is approved for a ref, and lands there.
    fn landed(&self, name: &str, on: &str, to: &str, files: &[(&str, &str)]) {
        self.make(name, &[on], files);
        self.approve(name, to);
        self.land(name, to).landed();
    }

    /// An administrator moves a ref past the gate, which has the objects.
    fn move_behind(&self, name: &str, to: &str) {
        self.land(to, "refs/heads/agent/objects").landed();
        git_in(&self.bare, "rahim", &["update-ref", name, &self.f.id(to)]);
    }

    /// Runs the program on the host's repository: exit code and all that it says.
    fn program(&self, words: &[&str]) -> (i32, String) {
        let output = Command::new(UNDERSIGN).arg("--repo").arg(&self.bare).args(words).output().unwrap();
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    }
}
