//! What the rows of the attack table share: policies, git operations, questions to the gate, and damage.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use undersign::change::digest::Digest;
use undersign::decision::Verdict;
use undersign::enforcement::{self, Request, Settings};
use undersign::examination::RepositorySnapshot;
use undersign::gate::Outcome;
use undersign::gate_state::{Access, GateState, StateKey};
use undersign::record::envelope::Envelope;
use undersign::record::{Record, Statement};
use undersign::signing::{FollowUp, Seen, Signatory, follow_up};

pub use crate::support::gate::{Answer, codes, codes_of, piped};
use crate::support::gate::{answer, by_program, update};
use crate::support::{DEVICE, Decision, Fixture, key_of, now, policy};

pub const MAIN: &str = "refs/heads/main";
pub const WORK: &str = "agent/work";
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

pub fn denied(answer: Answer, code: &str) {
    said(answer, 2, code);
}

pub fn undecided(answer: Answer, code: &str) {
    said(answer, 4, code);
}

pub fn said(answer: Answer, exit: i32, code: &str) {
    assert_eq!(answer.0, exit, "{answer:?}");
    assert!(answer.1.iter().any(|reason| reason == code), "{code}: {answer:?}");
}

pub fn allowed(answer: Answer) {
    assert_eq!(answer.0, 0, "{answer:?}");
}

/// A time as a policy writes it, so many seconds from now.
pub fn from_now(seconds: i64) -> String {
    jiff::Timestamp::from_second(now() + seconds).unwrap().to_string()
}

/// A person of a policy, with a key.
pub fn person(id: &str, roles: &str, more: &str) -> String {
    format!("[people.{id}]\nroles = [{roles}]\nemails = [\"{id}@example.com\"]\nkeys = [{}]\n{more}", key_line(id, ""))
}

/// A key as the roster enrols it; `more` goes into its table.
pub fn key_line(name: &str, more: &str) -> String {
    let key = key_of(name).public_key().to_openssh().unwrap();
    format!("{{ key = \"{key}\"{more} }}")
}

/// The same policy with other keys for a person.
pub fn with_keys(policy: &str, who: &str, keys: &[String]) -> String {
    edited(policy, who, "keys = [", &format!("keys = [{}]", keys.join(", ")))
}

/// The same policy with other roles for a person.
pub fn with_roles(policy: &str, who: &str, roles: &str) -> String {
    edited(policy, who, "roles = [", &format!("roles = [{roles}]"))
}

/// The same policy with another account for a person.
pub fn with_login(policy: &str, who: &str, login: &str) -> String {
    edited(policy, who, "logins = [", &format!("logins = [\"{login}\"]"))
}

/// The first line of a person that starts so becomes another.
pub fn edited(policy: &str, who: &str, start: &str, line: &str) -> String {
    let person = policy.find(&format!("[people.{who}]")).unwrap();
    let at = person + policy[person..].find(start).unwrap();
    let end = at + policy[at..].find('\n').unwrap();
    format!("{}{line}{}", &policy[..at], &policy[end..])
}

/// The same with a key of the file's top.
pub fn with_top(policy: &str, line: &str) -> String {
    once(policy, "version = 1\n", &format!("version = 1\n{line}\n"))
}

pub fn once(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// The policy of most rows: a senior signs, and `src` asks for what `rules` say.
pub fn src(rules: &str) -> String {
    policy(&compartment("src", "src/**", rules))
}

pub fn compartment(name: &str, paths: &str, rules: &str) -> String {
    let sign = if rules.contains("sign =") { "" } else { "sign = [{ role = \"senior\", n = 1 }]\n" };
    format!("[compartment.{name}]\npaths = [\"{paths}\"]\n{sign}{rules}\n")
}

/// The fixture of most twins: dana approved what mina's agent wrote.
pub fn approved() -> Fixture {
    approved_under(&policy(""))
}

pub fn approved_under(policy: &str) -> Fixture {
    let f = Fixture::with_policy(policy);
    f.decide("dana", WORK, Verdict::Approve);
    f
}

/// What the gate says to a branch landing by fast-forward.
pub fn judged(f: &Fixture, branch: &str) -> Answer {
    f.verify(&f.id("main"), &f.id(branch))
}

/// What the gate says to a branch as a proposal for main where it stood there, landed so.
pub fn proposed_at(f: &Fixture, old: &str, branch: &str, lands: &str) -> Answer {
    let request = f.request(MAIN, &f.id(old), &f.id(branch));
    f.asked(Request { proposal: true, lands: lands.parse().unwrap(), ..request })
}

pub fn proposed(f: &Fixture, branch: &str, lands: &str) -> Answer {
    proposed_at(f, "main", branch, lands)
}

/// Approves having seen so much.
pub fn approve_seeing(f: &Fixture, who: &str, branch: &str, seen: Seen) -> Record {
    f.take(Decision { seen: Some(seen), ..Decision::new(who, branch, Verdict::Approve) })
}

/// A branch from main with some files, in one commit.
pub fn propose(f: &Fixture, who: &str, branch: &str, files: &[(&str, &str)]) -> String {
    f.git(who, &["checkout", "-q", "-b", branch, "main"]);
    files.iter().for_each(|(path, text)| f.write(path, text));
    let id = f.commit(who, "Propose");
    f.git(who, &["checkout", "-q", "main"]);
    id
}

/// A further commit on a branch.
pub fn further(f: &Fixture, who: &str, branch: &str, path: &str, text: &str) -> String {
    f.git(who, &["checkout", "-q", branch]);
    f.write(path, text);
    let id = f.commit(who, "A bit more");
    f.git(who, &["checkout", "-q", "main"]);
    id
}

/// Merges a branch into main, as who lands it does: where main stood, and where it stands now.
pub fn merge(f: &Fixture, who: &str, branch: &str) -> (String, String) {
    let old = f.id("main");
    f.git(who, &["checkout", "-q", "main"]);
    f.git(who, &["merge", "-q", "--no-ff", "-m", "Merge", branch]);
    (old, f.id("main"))
}

/// The operator answers for what protected refs show.
pub fn record(f: &Fixture) {
    enforcement::record(&f.repo, &Settings::default(), &[], &[], crate::support::now()).unwrap();
}

/// Puts another policy on main, as if it had landed.
pub fn land_policy(f: &Fixture, text: &str) -> String {
    f.git("rahim", &["checkout", "-q", "main"]);
    f.write(".undersign/policy.toml", text);
    f.commit("rahim", "Another policy")
}

/// The next version of a policy.
pub fn next(policy: &str) -> String {
    once(policy, "version = 1\n", "version = 2\n")
}

/// The gate as a host sets it up. That library and program say the same is held in `seam.rs`.
pub struct Gate<'f> {
    fixture: &'f Fixture,
    settings: Settings,
    pusher: Option<String>,
}

impl<'f> Gate<'f> {
    pub fn of(fixture: &'f Fixture) -> Gate<'f> {
        let settings = Settings { deadline: Some(Duration::from_secs(120)), ..Settings::default() };
        Gate { fixture, settings, pusher: None }
    }

    pub fn policy(mut self, file: impl AsRef<Path>) -> Gate<'f> {
        self.settings.policy = Some(file.as_ref().to_owned());
        self
    }

    pub fn state(mut self, dir: impl AsRef<Path>) -> Gate<'f> {
        self.settings.state = Some(dir.as_ref().to_owned());
        self
    }

    pub fn repository_id(mut self, id: &str) -> Gate<'f> {
        self.settings.repository_id = Some(id.to_owned());
        self
    }

    pub fn pusher(mut self, account: &str) -> Gate<'f> {
        self.pusher = Some(account.to_owned());
        self
    }

    pub fn deadline(mut self, seconds: u64) -> Gate<'f> {
        self.settings.deadline = Some(Duration::from_secs(seconds));
        self
    }

    pub fn max_ledger(mut self, mib: u64) -> Gate<'f> {
        self.settings.max_ledger = Some(mib << 20);
        self
    }

    fn request(&self, moves: &[(&str, &str, &str)]) -> Request<'f> {
        let repository = self.fixture.repo.to_str().unwrap();
        let updates = moves.iter().map(|(name, old, new)| update(name, old, new)).collect();
        Request { repository, ahead: true, updates, pusher: self.pusher.clone(), ..Request::default() }
    }

    /// What the gate says to a push before its refs move: `(ref, old, new)` each.
    pub fn push(&self, moves: &[(&str, &str, &str)]) -> Answer {
        answer(&self.request(moves), &self.settings)
    }

    /// The same with everything that it says, from the library.
    pub fn outcome(&self, moves: &[(&str, &str, &str)]) -> Outcome {
        enforcement::judge(&self.request(moves), &self.settings, now())
    }

    /// The same from the program, which is told of the push as git's pre-receive hook is: exit code and JSON.
    pub fn push_by_program(&self, moves: &[(&str, &str, &str)]) -> (i32, Value) {
        by_program(&self.request(moves), &self.settings)
    }

    /// A branch landing on main by fast-forward.
    pub fn judged(&self, branch: &str) -> Answer {
        let f = self.fixture;
        self.push(&[(MAIN, &f.id("main"), &f.id(branch))])
    }
}

/// Runs git on some bytes.
pub fn git_piped(f: &Fixture, args: &[&str], input: &[u8]) -> Vec<u8> {
    let (exit, out) = piped(Command::new("git").current_dir(&f.repo).args(args), input);
    assert_eq!(exit, 0, "git {args:?}");
    out
}

/// A tree as nobody but an attacker writes it: mode, name and id of each entry.
pub fn raw_tree(f: &Fixture, entries: &[(&str, &str, &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, id) in entries {
        bytes.extend(format!("{mode} {name}\0").into_bytes());
        bytes.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()));
    }
    line(git_piped(f, &["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &bytes))
}

/// A commit on main of some tree.
pub fn commit_of(f: &Fixture, tree: &str) -> String {
    f.git("mina", &["commit-tree", tree, "-p", "main", "-m", "Crafted"])
}

pub fn line(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim().to_owned()
}

/// The refs of all chains.
pub fn chain_refs(f: &Fixture) -> Vec<String> {
    let names = f.git("mina", &["for-each-ref", "--format=%(refname)", "refs/undersign"]);
    names.lines().map(str::to_owned).collect()
}

/// The ref of the chain that a key of that name signs.
pub fn chain_of(f: &Fixture, name: &str) -> String {
    let key = f.key(name).public.id().to_string();
    chain_refs(f).into_iter().find(|chain| chain.contains(&key)).expect("a chain")
}

/// Puts other bytes in the place of the newest envelope of a chain, as whoever can write refs could.
pub fn tamper(f: &Fixture, chain: &str, edit: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    let listing = f.git("mina", &["ls-tree", chain]);
    let entry = listing.lines().find(|line| line.ends_with(".dsse.json")).unwrap();
    let old = entry.split_ascii_whitespace().nth(2).unwrap();
    let bytes = git_piped(f, &["cat-file", "blob", old], b"");
    let new = line(git_piped(f, &["hash-object", "-w", "--stdin"], &edit(bytes)));
    let tree = line(git_piped(f, &["mktree"], (listing.replace(old, &new) + "\n").as_bytes()));
    let parents = f.git("mina", &["log", "-1", "--format=%P", chain]);
    let mut args = vec!["commit-tree", &tree, "-m", "rewritten"];
    parents.split_whitespace().for_each(|parent| args.extend(["-p", parent]));
    let commit = f.git("mina", &args);
    f.git("mina", &["update-ref", chain, &commit]);
}

/// Signs another payload with a person's own key, in the place of that person's newest record.
pub fn resign(f: &Fixture, who: &str, edit: impl FnOnce(Vec<u8>) -> Vec<u8>) {
    tamper(f, &chain_of(f, who), |bytes| {
        let payload = Envelope::decode(&bytes).unwrap().payload;
        f.key(who).sign(edit(payload), None).unwrap().encode()
    });
}

/// The same for a change of the statement: what a program could sign that is not the desk.
pub fn restate(f: &Fixture, who: &str, edit: impl FnOnce(&mut Statement)) {
    resign(f, who, |payload| {
        let mut statement = Statement::decode(&payload).unwrap();
        edit(&mut statement);
        statement.encode()
    });
}

/// The same for the times of the record alone, in seconds since the epoch.
pub fn redate(f: &Fixture, who: &str, issued: u64, until: u64) {
    use undersign::record::statement::Decimal;
    restate(f, who, |statement| {
        (statement.predicate.issued_at, statement.predicate.not_after) = (Decimal(issued), Decimal(until));
    });
}

/// A decision about an earlier record: it takes back one's own, and takes over another's.
pub fn follow(f: &Fixture, who: &str, verdict: Verdict, about: &Record) -> Record {
    let (repository, snapshot) = RepositorySnapshot::open(&f.repo).unwrap();
    let (key, id) = (f.key(who), about.id().to_string());
    let (supersedes, answers) = if verdict == Verdict::Withdraw { (vec![id], vec![]) } else { (vec![], vec![id]) };
    let reason = "I answer for that".to_owned();
    let what = FollowUp { verdict, about, supersedes, answers, forks: vec![], reason };
    let signatory = Signatory::of(&repository, &snapshot, &key, DEVICE).unwrap();
    follow_up(what, signatory, [9; 16], now()).unwrap().record(&repository, &key, None, now()).unwrap()
}

/// A state directory whose gate saw everything that is there now, and saw it so long ago. The gate's clock is the
/// real one, so what came earlier is written into what the gate remembers of it.
pub fn state_since(f: &Fixture, seconds_ago: i64) -> PathBuf {
    let dir = f.dir.path().join(format!("state-{seconds_ago}"));
    Gate::of(f).state(&dir).judged(WORK);
    edit_memory(f, &dir, |memory| {
        for receipts in memory["receipts"].as_object_mut().unwrap().values_mut() {
            receipts
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .for_each(|receipt| receipt["time"] = (now() - seconds_ago).into());
        }
    });
    dir
}

/// Edits what a gate remembers, as nobody can who has not its key.
pub fn edit_memory(f: &Fixture, state: &Path, edit: impl FnOnce(&mut Value)) {
    // As an older program left it, which had no key; then it is adopted.
    forge_memory(state, |memory| {
        edit(memory);
        memory.as_object_mut().unwrap().remove("tag");
    });
    let key = StateKey::read(&f.repo.join(".git/undersign/state.key")).unwrap();
    GateState::open(state, Access { key: Some(key), repository: "fixture-1", patience: None, lasting: false })
        .unwrap()
        .into_adopted()
        .unwrap();
}

/// The same by who only can write the state.
pub fn forge_memory(state: &Path, edit: impl FnOnce(&mut Value)) {
    let file = state.join("memory.json");
    let mut memory = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    edit(&mut memory);
    std::fs::write(&file, serde_json::to_vec(&memory).unwrap()).unwrap();
}

/// The file of a loose object.
pub fn loose(f: &Fixture, id: &str) -> PathBuf {
    f.repo.join(".git/objects").join(&id[..2]).join(&id[2..])
}

pub fn digest(text: &str) -> String {
    Digest::of(text.as_bytes()).to_string()
}
