//! The ledger with real repositories and the git program: syncing, what went wrong elsewhere, follow-ups, exports, and
//! being killed at any moment.
#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/agent.rs"]
mod agent;
#[path = "../records/token.rs"]
mod token;
#[path = "../support/worlds.rs"]
mod worlds;

mod clone_worlds;
mod killed;
mod presence;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Fixture, git_in, key_of, now, policy};
use undersign::decision::Verdict;
use undersign::record::chain::Link;
use undersign::record::{ChainId, Fault, Record};
use undersign::source::git::Repository;
use undersign::{ledger, record};

/// A server, and two clones that know it as origin.
struct Team {
    dana: Fixture,
    server: PathBuf,
    rahim: PathBuf,
}

impl Team {
    fn new() -> Team {
        let dana = Fixture::new();
        let server = dana.dir.path().join("server.git");
        dana.git("rahim", &["clone", "-q", "--bare", ".", server.to_str().unwrap()]);
        dana.git("rahim", &["remote", "add", "origin", server.to_str().unwrap()]);
        dana.git("rahim", &["fetch", "-q", "origin"]);
        dana.git("rahim", &["remote", "set-head", "origin", "main"]);
        let rahim = dana.dir.path().join("rahim");
        git_in(dana.dir.path(), "rahim", &["clone", "-q", server.to_str().unwrap(), "rahim"]);
        Team { dana, server, rahim }
    }

    fn main_dir(&self) -> &Path {
        &self.dana.repo
    }

    fn server_git(&self, args: &[&str]) -> String {
        git_in(&self.server, "rahim", args)
    }

    /// `refs/undersign/decisions/…` of a person's chain.
    fn chain_ref(who: &str) -> String {
        format!("{}{}", ledger::PREFIX, chain_of(who))
    }
}

fn chain_of(who: &str) -> ChainId {
    let key = record::Key::from_openssh(&key_of(who).public_key().to_openssh().unwrap()).unwrap();
    ChainId { key: key.id().to_string(), device: "0123456789abcdef".into() }
}

/// Runs the program: exit code, stdout, stderr.
fn undersign(repo: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .arg("--repo")
        .arg(repo)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("XDG_CACHE_HOME", repo.join("../cache"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn synced(repo: &Path) -> String {
    let (code, out, err) = undersign(repo, &["sync"]);
    assert_eq!(code, 0, "{out}{err}");
    out
}

fn chains(repo: &Path) -> Vec<record::Chain> {
    ledger::read_with_remotes(&Repository::open(repo).unwrap()).unwrap()
}

fn outbox(repo: &Path) -> usize {
    let repository = Repository::open(repo).unwrap();
    undersign::sync::Remote::find(&repository, None, undersign::sync::Prompts::Never).unwrap().outbox()
}

#[test]
fn a_decision_reaches_the_others_and_waits_in_the_outbox_until_then() {
    let team = Team::new();
    assert_eq!(outbox(team.main_dir()), 0);
    let record = team.dana.decide("dana", "agent/work", Verdict::Approve);
    assert_eq!(outbox(team.main_dir()), 1);
    assert_eq!(synced(team.main_dir()), "origin: 0 records fetched, 1 record sent.\n");
    assert_eq!(outbox(team.main_dir()), 0);
    assert_eq!(synced(&team.rahim), "origin: 1 record fetched, 0 records sent.\n");
    assert_eq!(chains(&team.rahim)[0].records[0].id(), record.id());
    // Others' chains do not become our own, and nothing is sent back.
    assert!(ledger::read(&Repository::open(&team.rahim).unwrap()).unwrap().is_empty());
    assert_eq!(synced(&team.rahim), "origin: 0 records fetched, 0 records sent.\n");
}

#[test]
fn the_gate_on_the_server_judges_by_what_was_sent() {
    let team = Team::new();
    let (old, new) = (team.dana.id("main"), team.dana.id("agent/work"));
    let verify = |code: i32| {
        let args = ["verify", "--ref", "refs/heads/main", "--old", &old, "--new", &new];
        let (said, out, _) = undersign(&team.server, &args);
        assert_eq!(said, code, "{out}");
    };
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    verify(2);
    synced(team.main_dir());
    verify(0);
}

#[test]
fn what_is_sent_to_another_place_than_is_fetched_from_is_not_missed_there() {
    let team = Team::new();
    let mirror = team.dana.dir.path().join("written.git");
    team.dana.git("rahim", &["clone", "-q", "--bare", ".", mirror.to_str().unwrap()]);
    team.dana.git("dana", &["config", "remote.origin.pushurl", mirror.to_str().unwrap()]);
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    assert_eq!(synced(team.main_dir()), "origin: 0 records fetched, 1 record sent.\n");
    for _ in 0..2 {
        assert_eq!(synced(team.main_dir()), "origin: 0 records fetched, 0 records sent.\n");
    }
}

#[test]
fn what_a_remote_has_lost_is_named_and_sent_again_on_demand() {
    let team = Team::new();
    let first = team.dana.decide("dana", "agent/work", Verdict::Approve);
    let second = team.dana.decide("dana", "agent/work", Verdict::Reject);
    synced(team.main_dir());
    synced(&team.rahim);
    // Somebody with write access to the server takes the rejection out.
    let name = Team::chain_ref("dana");
    team.server_git(&["update-ref", &name, &format!("{name}^")]);
    let (code, _, err) = undersign(&team.rahim, &["sync"]);
    assert_ne!(code, 0);
    assert!(err.contains("went back") && err.contains(&second.id().short()) && err.contains("record 2"), "{err}");
    assert_eq!(chains(&team.rahim)[0].records.len(), 2, "the copy that is here stays");
    let (code, out, _) = undersign(&team.rahim, &["sync", "--restore"]);
    assert_eq!((code, out.contains("1 record sent")), (70, true), "{out}");
    assert_eq!(synced(&team.rahim), "origin: 0 records fetched, 0 records sent.\n");
    // The whole chain deleted: the signer's own sync sends it again by itself, and says so.
    team.server_git(&["update-ref", "-d", &name]);
    let (code, out, err) = undersign(team.main_dir(), &["sync"]);
    assert!(code != 0 && out.contains("2 records sent") && err.contains("went back"), "{out}{err}");
    assert_eq!(synced(team.main_dir()), "origin: 0 records fetched, 0 records sent.\n");
    assert_ne!(first.id(), second.id());
}

#[test]
fn a_rewritten_chain_and_a_damaged_one_never_take_the_place_of_a_sound_copy() {
    let team = Team::new();
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    synced(team.main_dir());
    synced(&team.rahim);
    let name = Team::chain_ref("dana");
    // Another first record in its place, soundly signed with the same key: equivocation.
    let twin = Fixture::new();
    twin.decide_at("dana", "agent/work", Verdict::Reject, now() - 60);
    let path = twin.repo.to_str().unwrap();
    team.server_git(&["fetch", "-q", path, &format!("+{name}:{name}")]);
    let (code, _, err) = undersign(&team.rahim, &["sync"]);
    assert!(code != 0 && err.contains("another record 1"), "{err}");
    // A commit that is not a link.
    let tree = team.server_git(&["rev-parse", "main^{tree}"]);
    let commit = team.server_git(&["commit-tree", "-m", "x", &tree]);
    team.server_git(&["update-ref", &name, &commit]);
    let (code, _, err) = undersign(&team.rahim, &["sync"]);
    assert!(code != 0 && err.contains("Record 1") && err.contains("does not hold"), "{err}");
    assert_eq!(chains(&team.rahim)[0].records.len(), 1);
    assert_eq!(chains(&team.rahim)[0].fault, None);
}

#[test]
fn a_chain_that_forked_after_a_restored_backup_is_refused_and_can_be_repaired() {
    let team = Team::new();
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    synced(team.main_dir());
    let backup = team.dana.dir.path().join("backup");
    copy(&team.main_dir().join(".git"), &backup);
    let lost = team.dana.decide("dana", "agent/work", Verdict::Reject);
    synced(team.main_dir());
    std::fs::remove_dir_all(team.main_dir().join(".git")).unwrap();
    copy(&backup, &team.main_dir().join(".git"));
    // Signing on from the backup, not knowing.
    let given_up = team.dana.decide_at("dana", "agent/work", Verdict::Approve, now() - 5);
    let (code, _, err) = undersign(team.main_dir(), &["sync"]);
    assert!(code != 0 && err.contains("record repair"), "{err}");
    let (_, theirs) = (lost.id(), ledger::read_remote(&Repository::open(team.main_dir()).unwrap(), "origin").unwrap());
    assert_eq!(theirs[0].records[1].id(), lost.id());
    // Nothing is signed on a fork.
    let joined = chains(team.main_dir());
    assert_eq!(joined[0].fault.map(|(_, fault)| fault), Some(Fault::Forked));
    // Who saw the branch that is given up knows better after the repair.
    let repaired = repair(&team, &theirs[0].records[1], given_up.id().to_string());
    assert_eq!(repaired.verified.statement().predicate.chain.seq.0, 3);
    synced(team.main_dir());
    let whole = ledger::read(&Repository::open(&team.server).unwrap()).unwrap();
    assert_eq!((whole[0].records.len(), whole[0].fault), (3, None));
    let head = record::Head { seq: 2, record: given_up.id() };
    assert_eq!(whole[0].holds(head), Ok(()));
}

/// A remote of dana's with another first record in her chain than she has.
fn with_trial(team: &Team) -> Fixture {
    let twin = Fixture::new();
    twin.decide_at("dana", "agent/work", Verdict::Reject, now() - 60);
    team.dana.git("dana", &["remote", "add", "trial", twin.repo.to_str().unwrap()]);
    let (code, _, err) = undersign(team.main_dir(), &["sync", "--remote", "trial"]);
    assert!(code != 0 && err.contains("record repair --remote trial"), "{err}");
    twin
}

#[test]
fn a_fault_that_a_removed_remote_left_is_named_with_the_command_that_ends_it() {
    let team = Team::new();
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    synced(team.main_dir());
    let _twin = with_trial(&team);
    let faults = || chains(team.main_dir()).iter().filter(|chain| chain.fault.is_some()).count();
    let forget = |name: &str| undersign(team.main_dir(), &["sync", "--forget", name]);
    let (code, _, err) = forget("trial");
    assert!(code != 0 && err.contains("git remote remove trial"), "{err}");
    team.dana.git("dana", &["remote", "remove", "trial"]);
    assert_eq!(faults(), 1, "what a remote was seen to have counts on");
    let (_, out, _) = undersign(team.main_dir(), &["doctor"]);
    let left = format!("refs/undersign/remotes/trial/decisions/{}", chain_of("dana"));
    assert!(out.contains(&left) && out.contains("undersign sync --forget trial"), "{out}");
    let (code, _, err) = forget("nobody");
    assert!(code != 0 && err.contains("origin, trial"), "{err}");
    let (code, out, err) = forget("trial");
    assert_eq!(
        (code, out.as_str()),
        (0, "trial: 1 chain put away, under refs/undersign/given-up/remotes/.\n"),
        "{err}"
    );
    assert_eq!(faults(), 0);
    let kept = team.dana.git("dana", &["for-each-ref", "refs/undersign/given-up/remotes/trial"]);
    assert_eq!(kept.lines().count(), 1, "nothing is lost: {kept}");
    synced(team.main_dir());
}

/// What only a remote had that was removed since: a chain of which nothing else is here.
fn with_only_copy(team: &Team) -> String {
    let name = "refs/undersign/remotes/trial/decisions/";
    let own = Team::chain_ref("dana");
    let only = format!("{name}{}/00000000000000ff", chain_of("dana").key);
    team.dana.git("dana", &["update-ref", &only, &own]);
    only
}

#[test]
fn a_chain_that_only_a_removed_remote_had_is_not_put_away() {
    let team = Team::new();
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    synced(team.main_dir());
    let _twin = with_trial(&team);
    let only = with_only_copy(&team);
    team.dana.git("dana", &["remote", "remove", "trial"]);
    let (code, out, err) = undersign(team.main_dir(), &["sync", "--forget", "trial"]);
    assert!(code == 0 && out.contains("1 chain put away"), "the twin: {out}{err}");
    assert!(out.contains(&format!("{only} counts on: nothing else of this chain is here")), "{out}");
    assert!(!team.dana.git("dana", &["for-each-ref", &only]).is_empty());
    let (_, out, _) = undersign(team.main_dir(), &["sync", "--forget", "trial"]);
    assert!(out.contains("0 chains put away"), "it is still known: {out}");
}

#[test]
fn what_a_remote_left_before_remotes_were_noted_counts_on() {
    let team = Team::new();
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    synced(team.main_dir());
    let _twin = with_trial(&team);
    let faults = || chains(team.main_dir()).iter().filter(|chain| chain.fault.is_some()).count();
    team.dana.git("dana", &["remote", "rename", "trial", "other"]);
    std::fs::remove_file(team.main_dir().join(".git/undersign/remotes")).unwrap();
    assert_eq!(faults(), 1);
    // The twin: a mirror, into which anybody's refs are fetched.
    team.dana.git("dana", &["config", "--add", "remote.origin.fetch", "+refs/*:refs/*"]);
    assert_eq!(faults(), 0);
}

#[test]
fn a_ref_as_of_a_remote_that_never_was_here_is_no_evidence_of_a_fork() {
    let team = Team::new();
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    synced(team.main_dir());
    let faults = || chains(team.main_dir()).iter().filter(|chain| chain.fault.is_some()).count();
    for id in [chain_of("dana").to_string(), format!("{}/00000000000000ff", chain_of("dana").key)] {
        let name = format!("refs/undersign/remotes/x/decisions/{id}");
        team.dana.git("dana", &["update-ref", &name, "main"]);
        assert_eq!(faults(), 0, "{name}");
    }
    // The twin: a remote of that name, of which somebody could have fetched it.
    team.dana.git("dana", &["remote", "add", "x", team.server.to_str().unwrap()]);
    assert_eq!(faults(), 1);
}

/// What `undersign record repair` does once its code was typed; that is tried in a terminal.
fn repair(team: &Team, last: &Record, given_up: String) -> Record {
    use undersign::signing::{FollowUp, Signatory, follow_up};
    let name = Team::chain_ref("dana");
    let remote = format!("{}{}", ledger::remote_prefix("origin"), chain_of("dana"));
    team.dana.git("dana", &["update-ref", &name, &remote]);
    let (repository, snapshot) = undersign::examination::RepositorySnapshot::open(team.main_dir()).unwrap();
    let key = undersign::signer::SigningKey::find(team.dana.key_file("dana").to_str().unwrap(), None, None).unwrap();
    let signatory = Signatory::of(&repository, &snapshot, &key, "0123456789abcdef").unwrap();
    let what = FollowUp {
        verdict: Verdict::Repair,
        about: last,
        supersedes: vec![],
        answers: vec![],
        forks: vec![given_up],
        reason: String::new(),
    };
    follow_up(what, signatory, [9; 16], now()).unwrap().record(&repository, &key, None, now()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn two_programs_that_sign_with_one_key_make_one_chain() {
    let fixture = Fixture::new();
    let first = fixture.decide("dana", "agent/work", Verdict::Approve);
    let links: Vec<Link> = (0..8).map(|n| signed_link(&fixture, &first, n)).collect();
    // All say that they are record 2: exactly one is.
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = links
            .into_iter()
            .map(|link| {
                let path = fixture.repo.clone();
                scope.spawn(move || {
                    let repository = Repository::open(&path).unwrap();
                    ledger::append(&repository, &chain_of("dana"), link, now()).is_ok()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(outcomes.iter().filter(|ok| **ok).count(), 1, "{outcomes:?}");
    let chain = ledger::read_chain(&fixture.repository(), &chain_of("dana"));
    assert_eq!((chain.records.len(), chain.fault), (2, None));
}

/// A link that would follow `before`, with a nonce of its own.
fn signed_link(fixture: &Fixture, before: &Record, nonce: u8) -> Link {
    use undersign::record::statement::Decimal;
    let mut statement = before.verified.statement().clone();
    let seq = statement.predicate.chain.seq.0 + 1;
    statement.predicate.chain.seq = Decimal(seq);
    statement.predicate.chain.prev = before.id().to_string();
    statement.predicate.nonce = format!("{nonce:032x}");
    let key = undersign::signer::SigningKey::find(fixture.key_file("dana").to_str().unwrap(), None, None).unwrap();
    let envelope = key.sign(statement.encode(), None).unwrap().encode();
    Link { name: record::chain::file_name(seq), envelope, ..before.link.clone() }
}

#[test]
fn a_lost_push_race_is_fetched_and_sent_again_without_a_signature() {
    let team = Team::new();
    // A second clone with dana's key and device, whose record arrives first.
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    synced(team.main_dir());
    let name = Team::chain_ref("dana");
    let server = team.server.to_str().unwrap();
    let other = team.dana.dir.path().join("other");
    git_in(team.dana.dir.path(), "dana", &["clone", "-q", server, "other"]);
    git_in(&other, "dana", &["fetch", "-q", "origin", &format!("{name}:{name}")]);
    let twin = Fixture { dir: tempfile::tempdir().unwrap(), repo: other.clone() };
    let head = ledger::read_chain(&twin.repository(), &chain_of("dana")).records[0].clone();
    let link = signed_link(&twin, &head, 1);
    ledger::append(&twin.repository(), &chain_of("dana"), link, now()).unwrap();
    synced(&other);
    // This one has nothing new, and is brought forward.
    assert_eq!(synced(team.main_dir()), "origin: 1 record fetched, 0 records sent.\n");
    assert_eq!(ledger::read_chain(&team.dana.repository(), &chain_of("dana")).records.len(), 2);
}

#[test]
fn a_remote_that_is_gone_says_so_and_loses_nothing() {
    let team = Team::new();
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    std::fs::rename(&team.server, team.dana.dir.path().join("away")).unwrap();
    let (code, _, err) = undersign(team.main_dir(), &["sync"]);
    assert!(code != 0 && err.contains("can be sent later"), "{err}");
    assert_eq!(outbox(team.main_dir()), 1);
    std::fs::rename(team.dana.dir.path().join("away"), &team.server).unwrap();
    assert!(synced(team.main_dir()).contains("1 record sent"));
}

#[test]
fn a_host_that_takes_only_branches_is_found_out_and_served() {
    let team = Team::new();
    let hook = team.server.join("hooks/update");
    std::fs::write(&hook, "#!/bin/sh\ncase $1 in refs/heads/*) exit 0 ;; esac\necho no such refs here >&2\nexit 1\n")
        .unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    team.server_git(&["config", "receive.denyNonFastForwards", "true"]);
    team.server_git(&["config", "receive.denyDeletes", "true"]);
    team.dana.decide("dana", "agent/work", Verdict::Approve);
    let (code, _, err) = undersign(team.main_dir(), &["sync"]);
    assert!(code != 0 && err.contains("refused the chain") && err.contains("doctor --remote"), "{err}");
    let (code, out, _) = undersign(team.main_dir(), &["doctor", "--remote", "origin"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("Guarantee: kept") && out.contains("undersignRefs branches"), "{out}");
    team.dana.git("dana", &["config", "remote.origin.undersignRefs", "branches"]);
    assert!(synced(team.main_dir()).contains("1 record sent"));
    assert!(synced(&team.rahim).contains("1 record fetched"));
    // The ledger's branches are no proposed changes.
    git_in(&team.rahim, "rahim", &["fetch", "-q"]);
    let (_, queue, _) = undersign(&team.rahim, &["queue", "--json"]);
    assert!(!queue.contains("undersign/decisions"), "{queue}");
}

#[test]
fn an_ordinary_host_lets_records_vanish_and_the_doctor_says_so() {
    let team = Team::new();
    let (code, out, _) = undersign(team.main_dir(), &["doctor", "--remote", "origin"]);
    assert_eq!(code, 0);
    assert!(out.contains("Guarantee: noticed"), "{out}");
    assert_eq!(team.server_git(&["for-each-ref", "refs/undersign", "refs/heads/undersign"]), "", "the probes are gone");
    let (code, _, err) = undersign(team.main_dir(), &["doctor", "--remote", "nowhere"]);
    assert!(code != 0 && err.contains("no remote `nowhere`"), "{err}");
}

#[test]
fn a_gate_remembers_the_highest_record_it_saw() {
    let fixture = Fixture::new();
    let (old, new) = (fixture.id("main"), fixture.id("agent/work"));
    fixture.decide("dana", "agent/work", Verdict::Reject);
    fixture.decide("rahim", "agent/work", Verdict::Approve);
    assert_eq!(fixture.verify(&old, &new), (2, vec!["VETOED".into()]));
    fixture.git("mina", &["update-ref", "-d", &Team::chain_ref("dana")]);
    assert_eq!(fixture.verify(&old, &new), (4, vec!["LEDGER_MISSING".into()]), "rahim saw it too");
    // A state directory of its own, that never saw it, and no witness.
    let fixture = Fixture::new();
    fixture.decide("dana", "agent/work", Verdict::Reject);
    assert_eq!(fixture.verify(&old, &new).0, 2);
    fixture.git("mina", &["update-ref", "-d", &Team::chain_ref("dana")]);
    fixture.decide("rahim", "agent/work", Verdict::Approve);
    let (old, new) = (fixture.id("main"), fixture.id("agent/work"));
    assert_eq!(fixture.verify(&old, &new), (2, vec!["LEDGER_ROLLBACK".into()]));
    let state = fixture.dir.path().join("elsewhere");
    let args = ["verify", "--ref", "refs/heads/main", "--old", &old, "--new", &new, "--state", state.to_str().unwrap()];
    assert_eq!(undersign(&fixture.repo, &args).0, 0, "first contact: nothing can be missed");
    // A damaged memory is not an empty one.
    std::fs::write(state.join("memory.json"), "{}").unwrap();
    let (code, out, _) = undersign(&fixture.repo, &args);
    assert!(code == 4 && out.contains("damaged"), "{out}");
}

#[test]
fn an_export_is_checked_by_stock_tools_and_the_shell_gate_agrees_with_ours() {
    let fixture = Fixture::new();
    let record = fixture.decide("dana", "agent/work", Verdict::Approve);
    let rejection = fixture.decide("rahim", "agent/work", Verdict::Reject);
    let dir = fixture.dir.path().join("export");
    let (code, out, err) = undersign(&fixture.repo, &["record", "export", "--to", dir.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    // Word for word, as it is printed.
    let shell = Command::new("sh").current_dir(&dir).args(["-ec", &out[out.find('#').unwrap()..]]).output().unwrap();
    assert!(shell.status.success(), "{}", String::from_utf8_lossy(&shell.stderr));
    assert!(String::from_utf8_lossy(&shell.stdout).contains("Good \"decision@undersign\" signature for dana"));
    let manifest = record.predicate().manifest.sha256.clone();
    let gate = |file: &str, who: &str, target: &str, manifest: &str, rest: &[&str]| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/verify-record.sh");
        let args = [file, "signers", who, "fixture-1", target, manifest];
        Command::new("sh").current_dir(&dir).arg(script).args(args).args(rest).output().unwrap().status.success()
    };
    let file = format!("{}.dsse.json", record.id());
    assert!(gate(&file, "dana", "refs/heads/main", &manifest, &[]));
    let last = out.lines().filter(|line| line.starts_with("sh verify-record.sh")).collect::<Vec<_>>().join("\n");
    let said = |command: &str| Command::new("sh").current_dir(&dir).args(["-c", command]).output().unwrap();
    let (holds, fails) = (said(&last), said(&last.replace("refs/heads/main", "refs/heads/next")));
    assert!(String::from_utf8_lossy(&holds.stdout).starts_with("holds: dana approved "), "{holds:?}");
    assert!(String::from_utf8_lossy(&fails.stderr).contains("does not hold: the statement"), "{fails:?}");
    assert!(!gate(&file, "rahim", "refs/heads/main", &manifest, &[]), "another person");
    assert!(!gate(&file, "dana", "refs/heads/release", &manifest, &[]), "another ref");
    assert!(!gate(&file, "dana", "refs/heads/main", &"0".repeat(64), &[]), "another content");
    assert!(!gate(&file, "dana", "refs/heads/main", &manifest, &["touch"]), "no security key");
    assert!(!gate(&format!("{}.dsse.json", rejection.id()), "rahim", "refs/heads/main", &manifest, &[]), "a rejection");
    let altered = std::fs::read_to_string(dir.join(&file)).unwrap().replace("\"sig\":\"LS", "\"sig\":\"LT");
    std::fs::write(dir.join("altered"), altered).unwrap();
    assert!(!gate("altered", "dana", "refs/heads/main", &manifest, &[]), "an altered signature");
    let bundle = dir.join("decisions.intoto.jsonl");
    let (bundle, signers) = (bundle.to_str().unwrap(), dir.join("signers"));
    let (code, out, _) =
        undersign(&fixture.repo, &["record", "verify", bundle, "--signers", signers.to_str().unwrap()]);
    assert_eq!((code, out.lines().count()), (0, 2), "{out}");
    let (code, out, _) = undersign(&fixture.repo, &["record", "verify", dir.join("altered").to_str().unwrap()]);
    assert!(code == 2 && out.contains("ArmorMalformed"), "{out}");
}

#[test]
fn records_are_listed_and_shown_with_what_they_are_worth() {
    let fixture = Fixture::new();
    assert!(undersign(&fixture.repo, &["record", "list"]).1.contains("No decision is signed here yet"));
    let record = fixture.decide("dana", "agent/work", Verdict::Reject);
    fixture.decide("dana", "agent/work", Verdict::Approve);
    let (_, list, _) = undersign(&fixture.repo, &["record", "list"]);
    let lines: Vec<&str> = list.lines().collect();
    assert!(lines.len() == 2 && list.contains("reject") && list.contains("superseded"), "{list}");
    let (_, json, _) = undersign(&fixture.repo, &["record", "list", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["records"][0]["id"], record.id().to_string());
    let (_, shown, _) = undersign(&fixture.repo, &["record", "show", &record.id().short()]);
    assert!(shown.contains("standing  superseded") && shown.contains("\"verdict\": \"reject\""), "{shown}");
    let (_, payload, _) = undersign(&fixture.repo, &["record", "show", &record.id().short(), "--payload"]);
    assert_eq!(payload.as_bytes(), record.verified.payload());
    let (code, _, err) = undersign(&fixture.repo, &["record", "show", "ffff"]);
    assert!(code != 0 && err.contains("record list"), "{err}");
    // Without a terminal nobody can type the code, so nothing is signed.
    let (code, _, err) = undersign(&fixture.repo, &["record", "withdraw", "ffff", "--reason", "x"]);
    assert!(code != 0 && !err.is_empty());
}

#[test]
fn a_clock_that_was_set_back_breaks_no_chain_and_orders_nothing() {
    let fixture = Fixture::new();
    fixture.decide_at("dana", "agent/work", Verdict::Reject, now());
    // Two days earlier by the clock, and later in the chain: the approval takes the rejection's place.
    fixture.decide_at("dana", "agent/work", Verdict::Approve, now() - 2 * 24 * 3600);
    let (old, new) = (fixture.id("main"), fixture.id("agent/work"));
    assert_eq!(fixture.verify(&old, &new), (0, vec![]));
    // A clock that runs ahead signs nothing that counts before its time.
    fixture.decide_at("dana", "agent/work", Verdict::Approve, now() + 3600);
    let (code, reasons) = fixture.verify(&old, &new);
    assert!(code == 2 && reasons.contains(&"TIME".to_owned()), "{reasons:?}");
}

#[test]
fn a_chain_that_grew_is_read_from_where_it_was_known() {
    let fixture = Fixture::with_policy(&policy(""));
    let first = fixture.decide("dana", "agent/work", Verdict::Approve);
    let id = chain_of("dana");
    let repository = fixture.repository();
    let known = ledger::read_chain(&repository, &id);
    let link = signed_link(&fixture, &first, 1);
    ledger::append(&repository, &id, link, now()).unwrap();
    let grown = ledger::read_chain(&repository, &id);
    // The same record, not one like it: it was not read again.
    assert!(std::sync::Arc::ptr_eq(&known.records[0], &grown.records[0]));
    assert_eq!(grown.records.len(), 2);
    // A ref that went back is read anew, and so is one that went elsewhere.
    fixture.git("mina", &["update-ref", &Team::chain_ref("dana"), &format!("{}^", Team::chain_ref("dana"))]);
    assert_eq!(ledger::read_chain(&repository, &id).records.len(), 1);
}
