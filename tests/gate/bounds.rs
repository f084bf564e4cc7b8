//! What a push may cost: whatever it names, it is judged in bounded time and space, or not decided. In
//! `docs/threat-model.md` its rows are under Bounds.

use std::fs::File;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use undersign::change::diff::Location;
use undersign::change::digest::Digest;
use undersign::change::manifest::Manifest;
use undersign::change::{ObjectId, RepoPath};
use undersign::decision::Verdict;
use undersign::enforcement::{self, Settings};
use undersign::gate::{
    Contents, History as _, Input, MAX_PLACES, NextPolicy, Opaque, PushEvaluation, Remembered, Rest, States, Step,
    Update,
};
use undersign::ledger;
use undersign::policy::Policy;
use undersign::record::chain::{Link, MANIFEST_FILE};
use undersign::record::{ChainId, Record};
use undersign::source::git::push::Commits;
use undersign::source::git::{Deadline, GitError, Objects, Repository, diff};

use crate::scene::{
    Answer, Gate, MAIN, WORK, allowed, approved, approved_under, chain_of, codes_of, commit_of, denied, git_piped,
    line, raw_tree, src, tamper, undecided,
};
use crate::support::{Decision, Fixture, now, policy};

const ZERO: &str = "0000000000000000000000000000000000000000";

/// A record like another, in a chain of its own, with findings of so many bytes beside it.
fn with_findings(f: &Fixture, who: &str, like: &Record, bytes: usize) -> String {
    let key = f.key(who);
    let findings = vec![b' '; bytes];
    let mut statement = like.verified.statement().clone();
    let chain = &mut statement.predicate.chain;
    (chain.key, chain.id) = (key.public.id().to_string(), "fedcba9876543210".to_owned());
    chain.seq.0 = 1;
    chain.prev = String::new();
    statement.predicate.principal = who.to_owned();
    statement.predicate.findings.sha256 = Digest::of(&findings).to_string();
    let id = ChainId { key: chain_key(&statement), device: statement.predicate.chain.id.clone() };
    let envelope = key.sign(statement.encode(), None).unwrap().encode();
    let link = Link::of_decision(1, envelope, like.link.file(MANIFEST_FILE).to_vec(), findings);
    ledger::append(&f.repository(), &id, link, now()).unwrap();
    format!("{}{id}", ledger::PREFIX)
}

fn chain_key(statement: &undersign::record::Statement) -> String {
    statement.predicate.chain.key.clone()
}

/// What a gate that reads a MiB of decisions says where somebody's chain is larger.
fn beside_a_large_chain_of(who: &str) -> (i32, serde_json::Value) {
    let f = Fixture::new();
    let record = f.decide("dana", WORK, Verdict::Approve);
    with_findings(&f, who, &record, 2 << 20);
    Gate::of(&f).max_ledger(1).push_by_program(&[(MAIN, &f.id("main"), &f.id(WORK))])
}

/// They are shared out over the processors, each with its own handle; what is read must not depend on that.
#[test]
fn many_chains_are_read_as_a_few_are() {
    let f = Fixture::new();
    for device in 0..20 {
        let device = format!("{device:016x}");
        f.take(Decision { device: &device, ..Decision::new("dana", WORK, Verdict::Approve) });
    }
    let asked = |state: &str| {
        let gate = Gate::of(&f).state(f.dir.path().join(state));
        gate.push_by_program(&[(MAIN, &f.id("main"), &f.id(WORK))])
    };
    let (exit, outcome) = asked("first");
    assert_eq!((exit, &outcome["ledger"]), (0, &serde_json::json!({ "chains": 20, "records": 20 })), "{outcome}");
    assert_eq!(asked("first").1["ledger"], outcome["ledger"], "and once more from what was kept");
    f.take(Decision { device: "00000000000000ff", ..Decision::new("rahim", WORK, Verdict::Reject) });
    let (exit, outcome) = asked("second");
    assert_eq!((exit, &outcome["refs"][0]["reasons"][0]["code"]), (2, &"VETOED".into()), "{outcome}");
    tamper(&f, &format!("refs/undersign/decisions/{}/0000000000000007", f.key("dana").public.id()), |_| {
        b"{}\n".to_vec()
    });
    let (_, outcome) = asked("third");
    assert_eq!(outcome["ledger"], serde_json::json!({ "chains": 21, "records": 20 }), "{outcome}");
}

#[test]
fn chains_of_strangers_are_not_read() {
    let (exit, outcome) = beside_a_large_chain_of("stranger");
    assert_eq!((exit, &outcome["ledger"]["chains"]), (0, &serde_json::json!(1)), "{outcome}");
}

#[test]
fn more_decisions_of_people_of_the_roster_than_are_read_cannot_be_decided() {
    let (exit, outcome) = beside_a_large_chain_of("rahim");
    let reason = &outcome["refs"][0]["reasons"][0];
    assert_eq!((exit, reason["code"].as_str()), (4, Some("LIMIT")), "{outcome}");
    assert!(reason["detail"].as_str().unwrap().contains("--max-ledger"), "{outcome}");
}

#[test]
fn decisions_of_people_of_the_roster_within_the_limit_are_read() {
    let f = Fixture::new();
    let record = f.decide("dana", WORK, Verdict::Approve);
    with_findings(&f, "rahim", &record, 2 << 20);
    allowed(Gate::of(&f).max_ledger(3).judged(WORK));
}

/// Pushes a chain that was taken away from its ref before.
fn pushed_chain_of(who: &str, bytes: usize, also: bool) -> Answer {
    let f = Fixture::new();
    let record = f.decide("dana", WORK, Verdict::Approve);
    let name = with_findings(&f, who, &record, bytes);
    let tip = f.id(&name);
    f.git("mina", &["update-ref", "-d", &name]);
    let (main, work) = (f.id("main"), f.id(WORK));
    let moves = [(name.as_str(), ZERO, tip.as_str()), (MAIN, &main, &work)];
    Gate::of(&f).max_ledger(1).push(if also { &moves } else { &moves[..1] })
}

#[test]
fn a_pushed_chain_of_a_stranger_is_refused_by_its_name_and_not_read() {
    for also in [false, true] {
        let answer = pushed_chain_of("stranger", 2 << 20, also);
        assert_eq!(answer, (2, vec!["STRANGER".to_owned()]));
    }
}

#[test]
fn a_pushed_chain_of_somebody_of_the_roster_is_read_within_the_limit() {
    undecided(pushed_chain_of("rahim", 2 << 20, false), "LIMIT");
    allowed(pushed_chain_of("rahim", 2 << 10, true));
}

/// Puts a large manifest beside the envelope of dana's record, and this envelope in its place.
fn beside_a_large_manifest(envelope: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Answer {
    let f = approved();
    let chain = chain_of(&f, "dana");
    tamper(&f, &chain, envelope);
    let listing = f.git("mina", &["ls-tree", &chain]);
    let large = line(git_piped(&f, &["hash-object", "-w", "--stdin"], &vec![b'x'; 2 << 20]));
    let entries: Vec<_> = listing
        .lines()
        .map(|entry| {
            let (facts, name) = entry.split_once('\t').unwrap();
            let id = if name == "manifest" { &large } else { facts.split_whitespace().nth(2).unwrap() };
            ("100644", name, id)
        })
        .collect();
    let commit = f.git("mina", &["commit-tree", &raw_tree(&f, &entries), "-m", "forged"]);
    f.git("mina", &["update-ref", &chain, &commit]);
    Gate::of(&f).max_ledger(1).judged(WORK)
}

#[test]
fn what_lies_beside_an_envelope_that_is_not_sound_is_not_read() {
    undecided(beside_a_large_manifest(|_| b"forged".to_vec()), "LEDGER_FAULT");
    // Nor is an envelope that is larger than any may be.
    undecided(beside_a_large_manifest(|_| vec![b'x'; (1 << 20) + 1]), "LEDGER_FAULT");
}

#[test]
fn what_lies_beside_an_envelope_that_is_sound_counts_as_read() {
    undecided(beside_a_large_manifest(|envelope| envelope), "LIMIT");
}

#[test]
fn a_link_whose_tree_or_commit_is_huge_is_no_link() {
    let huge = "x".repeat(70_000);
    let f = approved();
    let chain = chain_of(&f, "dana");
    let tree = f.id(&format!("{chain}^{{tree}}"));
    for (message, exit) in [("small", 0), (huge.as_str(), 4)] {
        let commit = line(git_piped(&f, &["commit-tree", &tree, "-F", "-"], message.as_bytes()));
        f.git("mina", &["update-ref", &chain, &commit]);
        let answer = Gate::of(&f).state(f.dir.path().join(exit.to_string())).judged(WORK);
        assert_eq!(answer.0, exit, "{answer:?}");
    }
}

/// Dana's record, then so many links in a row that anyone can write, each of a hundred thousand bytes.
fn before_forged_links(count: usize, max_ledger: u64) -> Answer {
    let f = approved();
    let chain = chain_of(&f, "dana");
    let large = line(git_piped(&f, &["hash-object", "-w", "--stdin"], &vec![b'x'; 100_000]));
    let names = ["000002.dsse.json", "findings.json", "manifest"];
    let tree = raw_tree(&f, &names.map(|name| ("100644", name, large.as_str())));
    for _ in 0..count {
        let commit = f.git("mina", &["commit-tree", &tree, "-p", &chain, "-m", "forged"]);
        f.git("mina", &["update-ref", &chain, &commit]);
    }
    Gate::of(&f).max_ledger(max_ledger).judged(WORK)
}

#[test]
fn links_after_one_that_does_not_hold_are_not_read() {
    undecided(before_forged_links(20, 1), "LEDGER_FAULT");
}

#[test]
fn links_before_any_that_does_not_hold_are_read() {
    allowed(before_forged_links(0, 1));
}

/// Everybody who works with the repository sees them all the same.
#[test]
fn chains_of_strangers_are_listed() {
    let f = Fixture::new();
    let record = f.decide("dana", WORK, Verdict::Approve);
    with_findings(&f, "stranger", &record, 10);
    assert_eq!(ledger::read(&f.repository()).unwrap().len(), 2);
}

/// A commit on main of so many files that hold these contents in turn, and of nothing else.
fn files(f: &Fixture, count: usize, contents: &[Vec<u8>]) -> String {
    let hash = |bytes: &Vec<u8>| line(git_piped(f, &["hash-object", "-w", "--stdin"], bytes));
    let blobs: Vec<_> = contents.iter().map(hash).collect();
    let names: Vec<_> = (0..count).map(|n| format!("f{n:05}")).collect();
    let entries: Vec<_> =
        names.iter().zip(blobs.iter().cycle()).map(|(name, id)| ("100644", name.as_str(), id.as_str())).collect();
    commit_of(f, &raw_tree(f, &entries))
}

/// What one commit does, as it would be judged.
fn steps(repository: &Repository, old: ObjectId, new: &str) -> Vec<Step> {
    Commits::of(repository, false).unwrap().steps(old, &[new.parse().unwrap()]).unwrap()
}

#[test]
fn each_object_is_read_once_however_many_paths_name_it() {
    let f = Fixture::new();
    let main: ObjectId = f.id("main").parse().unwrap();
    let was_there = 3;
    for distinct in [1, 50] {
        let contents: Vec<_> = (0..distinct).map(|n| format!("{n}\n").into_bytes()).collect();
        let tip = files(&f, 50, &contents);
        let repository = f.repository();
        let steps = steps(&repository, main, &tip);
        let objects = Objects::of(&repository);
        assert_eq!(objects.opaque(&steps).unwrap(), []);
        assert_eq!(objects.lines(&steps).unwrap().len(), 50 + was_there);
        assert_eq!(objects.hidden(&steps), Ok(vec![]));
        assert_eq!(repository.blob_reads(), (distinct + was_there) as u64);
    }
}

#[test]
fn what_a_content_is_does_not_hang_on_the_path_that_named_it_first() {
    let f = Fixture::new();
    let blob = |bytes: &[u8]| line(git_piped(&f, &["hash-object", "-w", "--stdin"], bytes));
    let (binary, lfs) = (blob(b"a\0b"), blob(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"));
    // As a symlink's target, bytes are a text; as a file's content, they are not.
    let tree = raw_tree(
        &f,
        &[("120000", "a", &binary), ("100644", "b", &binary), ("120000", "c", &lfs), ("100755", "d", &lfs)],
    );
    let repository = f.repository();
    let steps = steps(&repository, f.id("main").parse().unwrap(), &commit_of(&f, &tree));
    let opaque = Objects::of(&repository).opaque(&steps).unwrap();
    assert_eq!(opaque, [("b".into(), Opaque::NoText), ("d".into(), Opaque::Elsewhere)]);
}

#[test]
fn the_same_two_contents_are_compared_once_however_many_paths_hold_them() {
    let f = Fixture::new();
    let text = |change: &str| {
        let mut text: String = (0..200_000).map(|n| format!("line {n}\n")).collect();
        text.push_str(change);
        text.into_bytes()
    };
    let (old, new) = (text("old\n"), text("new\u{200b}\n"));
    // All of them together are more than is compared for one push.
    let count = (1 << 30) / old.len();
    let base = files(&f, count, &[old]);
    f.git("mina", &["update-ref", "refs/heads/main", &base]);
    let tip = files(&f, count, &[new]);
    let repository = f.repository();
    let steps = steps(&repository, base.parse().unwrap(), &tip);
    let objects = Objects::of(&repository);
    let lines = objects.lines(&steps).unwrap();
    assert!(lines.len() == count && lines.iter().all(|(_, lines)| *lines == 2));
    assert_eq!(objects.hidden(&steps).unwrap().len(), count.min(MAX_PLACES + 1));
    assert_eq!((objects.exceeded(), repository.blob_reads()), (None, 2));
}

#[test]
fn a_symlink_whose_target_no_system_follows_is_not_read() {
    let to = |bytes: usize| {
        let f = Fixture::new();
        let target = line(git_piped(&f, &["hash-object", "-w", "--stdin"], &vec![b'x'; bytes]));
        f.verify(&f.id("main"), &commit_of(&f, &raw_tree(&f, &[("120000", "link", &target)])))
    };
    undecided(to(4 << 10), "UNREADABLE");
    denied(to((4 << 10) - 1), "UNSIGNED");
}

#[test]
fn nothing_is_read_once_the_time_is_over() {
    let f = approved();
    let (main, work): (ObjectId, ObjectId) = (f.id("main").parse().unwrap(), f.id(WORK).parse().unwrap());
    let steps = steps(&f.repository(), main, &f.id(WORK));
    let over = f.repository().within(Deadline::after(Duration::ZERO));
    let late = |result: Result<(), GitError>| assert!(matches!(result, Err(GitError::Limit(_))), "{result:?}");
    let trees = steps[0].compared;
    late(diff(&over, trees.0, trees.1).map(drop));
    let commits = Commits::of(&over, false).unwrap();
    assert!(commits.steps(main, &[work]).unwrap_err().is_limit);
    assert!(commits.first_parent(work).unwrap_err().is_limit);
    let scope = ledger::Scope { wanted: &|_| true, max_bytes: u64::MAX, with_remotes: false, over: None };
    late(ledger::read_with(&over, &[], None, &scope).map(drop));
    let objects = Objects::of(&over);
    let sentence = objects.lines(&steps).unwrap_err();
    assert!(sentence.contains("--deadline") && objects.exceeded() == Some(sentence));
    assert!(objects.rest(main, work, &steps[0].delta).unwrap_err().contains("--deadline"));
    // The same without an end.
    let objects_in_time = f.repository();
    let objects = Objects::of(&objects_in_time);
    assert!(objects.lines(&steps).is_ok() && objects.exceeded().is_none());
}

/// What the gatekeeper says that has so much time for a push of what dana approved.
fn within(deadline: Option<Duration>) -> Answer {
    let f = approved_under(&src(""));
    let (old, new) = (f.id("main"), f.id(WORK));
    let settings = Settings { deadline, ..Settings::default() };
    codes_of(&enforcement::judge(&f.request(MAIN, &old, &new), &settings, now()))
}

#[test]
fn a_push_that_takes_too_long_is_not_decided() {
    assert_eq!(within(Some(Duration::ZERO)), (4, vec!["LIMIT".to_owned()]));
}

#[test]
fn a_push_that_is_judged_in_time_lands() {
    assert_eq!(within(Some(Duration::from_secs(3600))), (0, vec![]));
    assert_eq!(within(None), (0, vec![]));
}

/// Holds the state of a fixture's gate as another process would.
fn hold(f: &Fixture) -> File {
    let dir = f.repo.join(".git/undersign/gate");
    std::fs::create_dir_all(&dir).unwrap();
    let lock = File::options().create(true).append(true).open(dir.join("lock")).unwrap();
    lock.lock().unwrap();
    lock
}

#[test]
fn a_state_that_somebody_holds_is_waited_for_until_the_deadline_and_no_longer() {
    let f = approved();
    let held = hold(&f);
    let (exit, outcome) = Gate::of(&f).deadline(1).push_by_program(&[(MAIN, &f.id("main"), &f.id(WORK))]);
    let reason = &outcome["refs"][0]["reasons"][0];
    assert_eq!((exit, reason["code"].as_str()), (4, Some("LIMIT")), "{outcome}");
    assert!(reason["detail"].as_str().unwrap().contains("fuser"), "{outcome}");
    drop(held);
    allowed(Gate::of(&f).deadline(60).judged(WORK));
}

#[test]
fn nobody_but_its_owner_can_lock_the_state() {
    let f = approved();
    let dir = f.repo.join(".git/undersign/gate");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
    allowed(judged_by_hook(&f));
    assert_eq!((mode(&dir), mode(&dir.join("lock"))), (0o700, 0o600));
    // Left open by an earlier version.
    std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(dir.join("lock"), std::fs::Permissions::from_mode(0o664)).unwrap();
    allowed(judged_by_hook(&f));
    assert_eq!((mode(&dir), mode(&dir.join("lock"))), (0o700, 0o600));
}

fn judged_by_hook(f: &Fixture) -> Answer {
    Gate::of(f).judged(WORK)
}

/// What the gate says of dana's approval where it is told of this place, in this environment.
fn asked_at(f: &Fixture, place: &Path, variables: &[(&str, &Path)]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .current_dir(place)
        .envs(variables.iter().copied())
        .args(["verify", "--ref", MAIN, "--old", &f.id("main"), "--new", &f.id(WORK)])
        .output()
        .unwrap();
    let named = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .envs(variables.iter().copied())
        .arg("--repo")
        .arg(place)
        .args(["verify", "--ref", MAIN, "--old", &f.id("main"), "--new", &f.id(WORK)])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), named.status.code());
    (named.status.code().unwrap(), String::from_utf8(named.stdout).unwrap())
}

#[test]
fn a_gate_judges_by_no_repository_around_the_one_that_was_named() {
    let f = approved();
    std::fs::create_dir_all(f.repo.join("inner/empty.git")).unwrap();
    for place in ["src", "inner/empty.git", ".git/objects"] {
        let (exit, said) = asked_at(&f, &f.repo.join(place), &[]);
        assert!(exit == 4 && said.contains("not itself a git repository"), "{place}: {said}");
    }
    // Nor by one that the environment names.
    let elsewhere = f.dir.path().join("elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    let git_dir = f.repo.join(".git");
    assert_eq!(asked_at(&f, &elsewhere, &[("GIT_DIR", &git_dir), ("GIT_WORK_TREE", &f.repo)]).0, 4);
}

#[test]
fn a_gate_judges_by_the_repository_that_was_named_however_it_is_named() {
    let f = approved();
    f.git("mina", &["worktree", "add", "-q", "--detach", "../linked", "main"]);
    for place in [f.repo.clone(), f.repo.join(".git"), f.dir.path().join("linked")] {
        let (exit, said) = asked_at(&f, &place, &[]);
        assert_eq!(exit, 0, "{}: {said}", place.display());
    }
}

/// What nobody approved, with a message of so many bytes.
fn with_message(bytes: usize) -> Answer {
    let f = Fixture::new();
    let commit = line(git_piped(&f, &["commit-tree", "agent/work^{tree}", "-p", "main"], &vec![b'x'; bytes]));
    f.verify(&f.id("main"), &commit)
}

#[test]
fn a_commit_that_is_larger_than_is_read_cannot_be_decided() {
    undecided(with_message(16 << 20), "LIMIT");
}

#[test]
fn a_commit_that_is_large_is_read() {
    denied(with_message(8 << 20), "UNSIGNED");
}

/// Objects of which more would have to be read than is read, although every question about them was answered.
struct Exhausted<'o>(Objects<'o>, Option<&'static str>);

impl Contents for Exhausted<'_> {
    fn lines(&self, steps: &[Step]) -> Result<Vec<(RepoPath, u64)>, String> {
        self.0.lines(steps)
    }

    fn hidden(&self, steps: &[Step]) -> Result<Vec<Location>, String> {
        self.0.hidden(steps)
    }

    fn opaque(&self, steps: &[Step]) -> Result<Vec<(RepoPath, Opaque)>, String> {
        self.0.opaque(steps)
    }

    fn aliases(&self, steps: &[Step]) -> Result<Vec<(RepoPath, RepoPath)>, String> {
        self.0.aliases(steps)
    }

    fn exceeded(&self) -> Option<String> {
        self.1.map(str::to_owned)
    }

    fn rest(&self, since: ObjectId, until: ObjectId, manifest: &Manifest) -> Result<Rest, String> {
        self.0.rest(since, until, manifest)
    }

    fn next_policy(&self, commit: ObjectId, now: Digest) -> Result<Option<NextPolicy>, String> {
        self.0.next_policy(commit, now)
    }
}

#[test]
fn what_was_judged_with_something_left_unread_is_not_decided() {
    let f = approved();
    let repository = f.repository();
    let (old, new) = (f.id("main").parse().unwrap(), f.id(WORK).parse().unwrap());
    let commits = Commits::of(&repository, false).unwrap();
    let mut states = States::default();
    states.insert(old, MAIN);
    let policy = Policy::parse("policy.toml", &policy("")).unwrap();
    let chains = ledger::read(&repository).unwrap();
    let judged = |limit| {
        let contents = Exhausted(Objects::of(&repository), limit);
        let remembered = Remembered::default();
        let grounds = Input {
            policy: &policy,
            chains: &chains,
            remembered: &remembered,
            contents: &contents,
            history: &commits,
            states: &states,
            ahead: true,
            policy_branch: Some(MAIN),
            pusher: None,
            signs_of_ai: false,
            now: now(),
        };
        let judged = PushEvaluation::new(&grounds).decide(&Update { name: MAIN.to_owned(), old, new }).outcome;
        (judged.outcome.exit_code(), judged.reasons.iter().map(|reason| reason.code.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(judged(Some("too much")), (4, vec!["LIMIT".to_owned()]));
    assert_eq!(judged(None), (0, vec![]));
}
