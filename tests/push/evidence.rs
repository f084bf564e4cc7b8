//! Machines that sign the results of checks, and send them to a host with a gate.

use std::path::Path;
use std::process::{Command, Output};

use undersign::decision::Verdict;

use crate::support::{self, git_in, key_of, policy};
use crate::{Host, LEDGER, UNDERSIGN, text};

const EVIDENCE: &str = "refs/undersign/evidence";

fn host() -> Host {
    let key = |name: &str| key_of(name).public_key().to_openssh().unwrap();
    let rules = format!(
        "[evidence.ci]\nkind = \"ci\"\nkeys = [\"{}\"]\nchecks = [\"build\", \"test\"]\n\
         [compartment.src]\npaths = [\"src/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]\nrequire = [\"ci:build\"]\n",
        key("ci")
    );
    Host::with(&policy(&rules), &[])
}

/// A machine's clone of the host, at what it is to check.
fn machine(host: &Host, name: &str, options: &[&str]) -> std::path::PathBuf {
    let place = host.f.dir.path().join(name);
    let url = format!("file://{}", host.bare.display());
    let words = [&["clone", "-q"], options, &[&url, place.to_str().unwrap()]].concat();
    git_in(host.f.dir.path(), "ci", &words);
    git_in(&place, "ci", &["fetch", "-q", host.f.repo.to_str().unwrap(), "agent/work"]);
    git_in(&place, "ci", &["checkout", "-q", "--detach", "FETCH_HEAD"]);
    place
}

fn command(place: &Path, key: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(UNDERSIGN);
    command.arg("--repo").arg(place).args(["evidence", "ci", "--key"]).arg(key).args(words);
    command.env("HOME", place).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command
}

fn ci(place: &Path, key: &Path, words: &[&str]) -> Output {
    command(place, key, words).output().unwrap()
}

fn signs(place: &Path, key: &Path, words: &[&str]) -> String {
    let output = ci(place, key, words);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn refused(place: &Path, key: &Path, words: &[&str], why: &str) {
    let output = ci(place, key, words);
    assert!(!output.status.success() && text(&output.stderr).contains(why), "{why}: {output:?}");
}

const PASS: [&str; 4] = ["--check", "build", "--result", "pass"];
const FAIL: [&str; 4] = ["--check", "build", "--result", "fail"];

#[test]
fn what_a_machine_checked_lands_and_what_failed_since_does_not() {
    let host = host();
    host.f.decide("dana", "agent/work", Verdict::Approve);
    let land = || host.push("dana", &["agent/work:refs/heads/main", LEDGER]);
    land().refused("EVIDENCE: src needs the result build of ci");
    let (place, key) = (machine(&host, "one", &[]), host.f.key_file("ci"));
    let said = signs(&place, &key, &PASS);
    assert!(said.starts_with("Signed, and sent to origin: build pass on the tree"), "{said}");
    // Another machine knows nothing of the first.
    let other = machine(&host, "two", &[]);
    signs(&other, &key, &FAIL);
    land().refused("build failed on");
    let said = signs(&place, &key, &[&PASS[..], &["--link", "https://ci.example.com/9"]].concat());
    assert!(said.contains("build pass"), "{said}");
    assert!(land().landed, "{:?}", land());
    assert_eq!(host.at("refs/heads/main"), host.f.id("agent/work"));
    let listed =
        Command::new(UNDERSIGN).arg("--repo").arg(&place).args(["evidence", "list", "--json"]).output().unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let results: Vec<_> =
        listed["evidence"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["pass", "fail", "pass"], "{listed}");
    assert_eq!(listed["evidence"][0]["standing"], "in force");
    // An auditor reads it beside the signatures, and apart from them.
    let report = |format: &str| {
        let mut command = Command::new(UNDERSIGN);
        command.arg("--repo").arg(&host.bare).args(["report", "audit", "--format", format]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let audit: serde_json::Value = serde_json::from_str(&report("json")).unwrap();
    let landing = audit["landings"].as_array().unwrap().iter().find(|landing| landing["evidence"].is_array()).unwrap();
    assert_eq!(landing["decision"], "approved", "{landing}");
    let evidence = &landing["evidence"][0];
    assert_eq!(
        (&evidence["source"], &evidence["kind"], &evidence["what"]),
        (&"ci".into(), &"ci".into(), &"build".into())
    );
    // Without the gate's log, the first time counts at which it could have landed.
    let passed = |row: &&serde_json::Value| row["id"] == evidence["records"][0] && row["result"] == "pass";
    assert!(listed["evidence"].as_array().unwrap().iter().any(|row| passed(&row)), "{landing}");
    assert!(report("csv").contains("dana (senior); evidence ci: build"), "{}", report("csv"));
}

#[test]
fn machines_that_sign_at_once_lose_nothing() {
    let (host, key) = (host(), |host: &Host| host.f.key_file("ci"));
    let key = key(&host);
    let places: Vec<_> = (0..4).map(|n| machine(&host, &format!("machine-{n}"), &[])).collect();
    let running: Vec<_> = places.iter().map(|place| command(place, &key, &PASS).spawn().unwrap()).collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    let names = git_in(&host.bare, "ci", &["for-each-ref", "--format=%(refname)", EVIDENCE]);
    assert_eq!(names.lines().count(), 1, "{names}");
    assert_eq!(git_in(&host.bare, "ci", &["rev-list", "--count", &names]), "4");
}

#[test]
fn a_machine_with_a_shallow_clone_signs_the_tree() {
    let host = host();
    let (place, key) = (machine(&host, "shallow", &["--depth", "1"]), host.f.key_file("ci"));
    signs(&place, &key, &PASS);
    host.f.decide("dana", "agent/work", Verdict::Approve);
    assert!(host.push("dana", &["agent/work:refs/heads/main", LEDGER]).landed);
}

#[test]
fn nothing_is_signed_that_would_not_count() {
    let host = host();
    let place = machine(&host, "one", &[]);
    let key = host.f.key_file("ci");
    refused(&place, &key, &["--check", "lint", "--result", "pass"], "for no check lint");
    refused(&place, &host.f.key_file("dana"), &PASS, "is that of dana: what a person signs is not evidence");
    refused(&place, &host.f.key_file("stranger"), &PASS, "for no check build");
    refused(&place, &key, &[&PASS[..], &["--link", "https://ci.example.com/?token=1"]].concat(), "may contain secrets");
    refused(&place, &key, &[&PASS[..], &["--target", "refs/heads/none"]].concat(), "refs/heads/none");
    let locked = host.f.dir.path().join("locked");
    let words = ["-q", "-t", "ed25519", "-N", "secret", "-f", locked.to_str().unwrap()];
    assert!(Command::new("ssh-keygen").args(words).status().unwrap().success());
    refused(&place, &locked, &PASS, "without a passphrase");
    assert_eq!(git_in(&host.bare, "ci", &["for-each-ref", EVIDENCE]), "");
    assert_eq!(git_in(&place, "ci", &["for-each-ref", EVIDENCE]), "");
}

#[test]
fn what_a_host_declines_is_not_kept() {
    let host = host();
    let (place, key) = (machine(&host, "one", &[]), host.f.key_file("ci"));
    // The key ends on the host before the machine's clone learns of it.
    let policy = std::fs::read_to_string(host.f.repo.join(".undersign/policy.toml")).unwrap();
    let line = key_of("ci").public_key().to_openssh().unwrap();
    let ended = format!("{{ key = \"{line}\", revoked = {{ reason = \"retired\", at = 2026-01-01T00:00:00Z }} }}");
    let next = policy.replace(&format!("\"{line}\""), &ended).replace("version = 1", "version = 2");
    host.f.git("mina", &["checkout", "-q", "-b", "end", "main"]);
    host.f.write(".undersign/policy.toml", &next);
    host.f.commit("mina", "End the key");
    host.f.git("mina", &["checkout", "-q", "main"]);
    host.f.decide("rahim", "end", Verdict::Approve);
    host.f.decide("dana", "end", Verdict::Approve);
    let landed = host.push("rahim", &["end:refs/heads/main", LEDGER]);
    assert!(landed.landed, "{landed:?}");
    refused(&place, &key, &PASS, "Nothing was kept");
    assert_eq!(git_in(&place, "ci", &["for-each-ref", "refs/undersign/evidence"]), "");
    // A clone that knows says why, and does not try.
    git_in(&place, "ci", &["fetch", "-q"]);
    refused(&place, &key, &PASS, "does not sign now (retired");
}

#[test]
fn what_stays_in_a_clone_is_sent_by_sync_and_fetched_by_others() {
    let host = host();
    let (place, key) = (machine(&host, "one", &[]), host.f.key_file("ci"));
    let said = signs(&place, &key, &[&PASS[..], &["--no-push"]].concat());
    assert!(said.contains("`undersign sync` sends it"), "{said}");
    signs(&place, &key, &["--check", "test", "--result", "pass", "--no-push"]);
    let sync = |place: &Path, remote: &str| {
        let mut command = Command::new(UNDERSIGN);
        command.arg("--repo").arg(place).args(["sync", "--remote", remote]).env("HOME", place);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    sync(&place, "origin");
    let names = git_in(&host.bare, "ci", &["for-each-ref", "--format=%(refname)", EVIDENCE]);
    assert_eq!(git_in(&host.bare, "ci", &["rev-list", "--count", &names]), "2");
    // The reviewer's desk sees it once it was fetched.
    let shown = || {
        let output =
            Command::new(UNDERSIGN).arg("--repo").arg(&host.f.repo).args(["show", "agent/work"]).output().unwrap();
        text(&output.stdout)
    };
    assert!(shown().contains("src needs the result build of ci on what lands"), "{}", shown());
    sync(&host.f.repo, "host");
    assert!(shown().contains("build passed, as the evidence ci says"), "{}", shown());
    let doctor = Command::new(UNDERSIGN).arg("--repo").arg(&host.bare).arg("doctor").output().unwrap();
    let said = text(&doctor.stdout);
    assert!(said.contains("What is signed as evidence is whole: 2 records in 1 chain."), "{said}");
    assert!(
        support::git_in(&host.f.repo, "dana", &["for-each-ref", "refs/undersign/remotes/host/evidence"])
            .lines()
            .count()
            == 1
    );
}
