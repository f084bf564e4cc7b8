//! Large pushes. The full sizes run with `UNDERSIGN_STRESS=1`; otherwise a tenth of them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use undersign::decision::Verdict;

use crate::{Host, LEDGER, policy, support};

fn size(full: usize) -> usize {
    if std::env::var_os("UNDERSIGN_STRESS").is_some() { full } else { full / 10 }
}

/// Adds `count` commits to a branch, each to a file of its own, as `git fast-import` does it.
fn import(h: &Host, branch: &str, count: usize) {
    let mut stream = Vec::new();
    for n in 0..count {
        let message = format!("Step {n}");
        let from = if n == 0 { "from refs/heads/main^0\n" } else { "" };
        write!(
            stream,
            "commit refs/heads/{branch}\nmark :{}\nauthor mina <mina@example.com> {1} +0000\ncommitter mina <mina@example.com> \
             {1} +0000\ndata {2}\n{message}\n{from}M 100644 inline big/{n}.txt\ndata {3}\n{n}\n\n",
            n + 1,
            1_790_000_000 + n,
            message.len(),
            n.to_string().len() + 1
        )
        .unwrap();
    }
    feed(h, &["fast-import", "--quiet"], &stream);
}

fn feed(h: &Host, words: &[&str], input: &[u8]) {
    let mut child = Command::new("git").current_dir(&h.f.repo).args(words).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    assert!(child.wait().unwrap().success(), "git {words:?}");
}

#[test]
fn a_push_of_a_thousand_commits_lands_as_one_approved_change() {
    let h = Host::new();
    import(&h, "agent/big", size(1_000));
    h.push("mina", &["agent/big:main"]).refused("UNSIGNED");
    h.f.decide("dana", "agent/big", Verdict::Approve);
    h.push("dana", &[LEDGER]).landed();
    h.push("mina", &["agent/big:main"]).landed();
}

#[test]
fn a_push_of_ten_thousand_refs_is_judged_ref_by_ref() {
    let open = policy("").replace("protected = [", "open = [\"refs/heads/agent/**\"]\nprotected = [");
    let h = Host::with(&open, &[]);
    let count = size(10_000);
    let tip = h.f.id("agent/work");
    let many: String = (0..count).map(|n| format!("create refs/heads/agent/n{n} {tip}\n")).collect();
    feed(&h, &["update-ref", "--stdin"], many.as_bytes());
    h.push("mina", &["refs/heads/agent/*:refs/heads/agent/*", "agent/work:main"]).refused("UNSIGNED");
    assert_eq!(h.at("refs/heads/agent/n1"), "");
    h.push("mina", &["refs/heads/agent/*:refs/heads/agent/*"]).landed();
    let held = support::git_in(&h.bare, "mina", &["for-each-ref", "refs/heads/agent"]);
    assert_eq!(held.lines().count(), count + 1);
}
