//! Fixture repositories made by the git program, keys, and decisions taken by the code that the desk uses.
#![allow(dead_code, clippy::unwrap_used)]

pub mod gate;
pub mod wait;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};
use tempfile::TempDir;
use undersign::change::Change;
use undersign::decision::{Draft, Note, Revised, Verdict};
use undersign::enforcement::{Request, Settings};
use undersign::examination::{self, RepositorySnapshot};
use undersign::record::Record;
use undersign::signer::SigningKey;
use undersign::signing::{self, Case, Seen};
use undersign::source::git::Repository;

use gate::{Answer, answer, by_program, update};

/// A fixed "now" for what is not run by the program itself.
pub const NOW: i64 = 1_790_000_000;

pub struct Fixture {
    pub dir: TempDir,
    pub repo: PathBuf,
}

/// One decision and how it is taken.
pub struct Decision<'d> {
    pub who: &'d str,
    pub branch: &'d str,
    pub verdict: Verdict,
    /// The signer's clock.
    pub at: i64,
    /// Full name of the target; by default the repository's own.
    pub target: Option<&'d str>,
    /// What was looked at; by default all of it.
    pub seen: Option<Seen>,
    /// By default the key in the person's file.
    pub key: Option<SigningKey>,
    pub device: &'d str,
    pub reason: &'d str,
    pub notes: Vec<Note>,
}

impl<'d> Decision<'d> {
    /// The usual way: now, on what the repository calls its default branch, having seen everything.
    pub fn new(who: &'d str, branch: &'d str, verdict: Verdict) -> Decision<'d> {
        Decision {
            who,
            branch,
            verdict,
            at: now(),
            target: None,
            seen: None,
            key: None,
            device: DEVICE,
            reason: "read in full",
            notes: Vec::new(),
        }
    }
}

/// The device from which people sign here.
pub const DEVICE: &str = "0123456789abcdef";
static NONCE: AtomicU64 = AtomicU64::new(0);

/// The coverage of one who saw all of so many files, of one hunk each.
pub fn all_of(files: usize) -> Seen {
    Seen { files, files_seen: files, hunks: files, hunks_seen: files, ..Seen::default() }
}

pub fn key_of(name: &str) -> PrivateKey {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    PrivateKey::from(Ed25519Keypair::from_seed(&seed))
}

pub fn git_in(dir: &Path, who: &str, args: &[&str]) -> String {
    let email = format!("{who}@example.com");
    let output = Command::new("git")
        .current_dir(dir)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        // Nothing here outlives a power cut anyway, or grows until its objects are worth packing.
        .env("GIT_CONFIG_COUNT", "2")
        .envs([("GIT_CONFIG_KEY_0", "core.fsync"), ("GIT_CONFIG_VALUE_0", "none")])
        .envs([("GIT_CONFIG_KEY_1", "maintenance.auto"), ("GIT_CONFIG_VALUE_1", "false")])
        .env("GIT_AUTHOR_NAME", who)
        .env("GIT_AUTHOR_EMAIL", &email)
        .env("GIT_COMMITTER_NAME", who)
        .env("GIT_COMMITTER_EMAIL", &email)
        .env("GIT_AUTHOR_DATE", "2026-09-21T12:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-09-21T12:00:00Z")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A policy with dana and rahim (seniors), mina (junior) and a bot; `extra` is appended.
pub fn policy(extra: &str) -> String {
    let person = |id: &str, roles: &str| {
        let key = key_of(id).public_key().to_openssh().unwrap();
        format!(
            "[people.{id}]\nroles = [{roles}]\nemails = [\"{id}@example.com\"]\n\
             logins = [\"{id}\"]\nkeys = [\"{key}\"]\n"
        )
    };
    format!(
        "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"fixture-1\"\n\
         [refs]\nprotected = [\"refs/heads/main\"]\n{}{}{}\
         [ai]\npresume = true\nsign = {{ junior = 1, mid = 1, senior = 1, none = 1 }}\n\
         [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
         [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n{extra}",
        person("dana", "\"senior\""),
        person("rahim", "\"senior\", \"policy\""),
        person("mina", "\"junior\""),
    )
}

/// A folder, or a file with its text, by its path in the repository.
type Entry = (PathBuf, Option<Vec<u8>>);

fn collect(root: &Path, below: &Path, entries: &mut Vec<Entry>) {
    for entry in std::fs::read_dir(root.join(below)).unwrap().flatten() {
        let path = below.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            entries.push((path.clone(), None));
            collect(root, &path, entries);
        } else {
            let text = std::fs::read(entry.path()).unwrap();
            entries.push((path, Some(text)));
        }
    }
}

fn put_back(root: &Path, entries: &[Entry]) {
    for (path, text) in entries {
        match text {
            Some(text) => std::fs::write(root.join(path), text).unwrap(),
            None => std::fs::create_dir(root.join(path)).unwrap(),
        }
    }
}

impl Fixture {
    /// A repository with a policy on main and a branch `agent/work` that mina's agent wrote.
    pub fn new() -> Fixture {
        Fixture::with_policy(&policy(""))
    }

    pub fn with_policy(policy: &str) -> Fixture {
        // Hundreds of tests begin with the same repository: git makes it once.
        static MADE: Mutex<BTreeMap<String, Arc<[Entry]>>> = Mutex::new(BTreeMap::new());
        let dir = tempfile::tempdir().unwrap();
        let repo = dir.path().join("shop");
        std::fs::create_dir_all(&repo).unwrap();
        let fixture = Fixture { dir, repo };
        let made = MADE.lock().unwrap().get(policy).cloned();
        match made {
            Some(entries) => {
                put_back(&fixture.repo, &entries);
                // Of files that git did not write itself it must know the times.
                fixture.git("rahim", &["update-index", "-q", "--refresh"]);
            }
            None => {
                fixture.make(policy);
                let mut entries = Vec::new();
                collect(&fixture.repo, Path::new(""), &mut entries);
                MADE.lock().unwrap().insert(policy.to_owned(), entries.into());
            }
        }
        fixture
    }

    fn make(&self, policy: &str) {
        self.git("rahim", &["init", "-q", "--template=", "-b", "main"]);
        self.write("src/lib.rs", "fn one() -> u32 {\n    1\n}\n");
        self.write("README.md", "# shop\n");
        if !policy.is_empty() {
            self.write(".undersign/policy.toml", policy);
        }
        self.commit("rahim", "Start");
        self.git("mina", &["checkout", "-q", "-b", "agent/work"]);
        self.write("src/lib.rs", "fn one() -> u32 {\n    2\n}\n");
        self.commit("mina", "Count from two\n\nCo-Authored-By: Claude <noreply@anthropic.com>");
        self.git("mina", &["checkout", "-q", "main"]);
    }

    pub fn git(&self, who: &str, args: &[&str]) -> String {
        git_in(&self.repo, who, args)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.repo.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn commit(&self, who: &str, message: &str) -> String {
        self.git(who, &["add", "-A"]);
        self.git(who, &["commit", "-q", "--allow-empty", "-m", message]);
        self.id("HEAD")
    }

    pub fn id(&self, name: &str) -> String {
        // What git does with signs in a name, and says of one that is none, is left to git.
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte));
        let known = || git2::Repository::open(&self.repo).ok()?.resolve_reference_from_short_name(name).ok()?.target();
        match is_plain.then(known).flatten() {
            Some(id) => id.to_string(),
            None => self.git("mina", &["rev-parse", name]),
        }
    }

    pub fn key_file(&self, who: &str) -> PathBuf {
        let path = self.dir.path().join(format!("key-{who}"));
        if !path.exists() {
            let key = key_of(who);
            std::fs::write(&path, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
            std::fs::write(path.with_extension("pub"), key.public_key().to_openssh().unwrap()).unwrap();
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        path
    }

    /// A decision on a branch, by the code that the desk uses.
    pub fn decide(&self, who: &str, branch: &str, verdict: Verdict) -> Record {
        self.decide_at(who, branch, verdict, now())
    }

    pub fn decide_at(&self, who: &str, branch: &str, verdict: Verdict, now: i64) -> Record {
        self.take(Decision { at: now, ..Decision::new(who, branch, verdict) })
    }

    /// A decision taken in any way that [`Decision`] knows.
    pub fn take(&self, decision: Decision<'_>) -> Record {
        let Decision { who, branch, verdict, at, target, seen, key, device, reason, notes } = decision;
        let (repository, snapshot) = RepositorySnapshot::open_for(&self.repo, target).unwrap();
        let changes = repository.changes(0, &snapshot.target).unwrap().changes;
        let pending = changes.into_iter().find(|change| change.branch == branch);
        let change = pending.unwrap_or_else(|| self.as_range(&repository, &snapshot, branch));
        let examination = examination::whole(&repository, &snapshot, &change, at).unwrap();
        let mut draft = Draft::new(&change.id, Revised::of(&change.revision));
        draft.reasons.insert(verdict, reason.to_owned());
        draft.notes = notes;
        let seen = seen.unwrap_or_else(|| all_of(examination.manifest.len()));
        let case = Case { change: &change, examination: &examination, draft: &draft, verdict, seen: &seen };
        let key = key.unwrap_or_else(|| self.key(who));
        // No two decisions are the same bytes, even within a second.
        let mut nonce = [7; 16];
        nonce[..8].copy_from_slice(&NONCE.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        let prepared = signing::prepare(&case, &snapshot, &key, device, nonce, at).unwrap();
        signing::sign(&prepared, &change, &snapshot, &key, None, at).unwrap()
    }

    /// A branch that changes nothing, or that cannot be compared, is not pending; `undersign review main..BRANCH
    /// --target main` shows it all the same.
    fn as_range(&self, repository: &Repository, snapshot: &RepositorySnapshot, branch: &str) -> Change {
        let (tip, head) = (snapshot.target.tip, repository.resolve(branch).unwrap());
        let base = self.git("mina", &["merge-base", &tip.to_string(), branch]).parse().unwrap();
        let revision = repository.revision(base, head, tip).unwrap();
        let (target, id) = (snapshot.target.name.clone(), format!("{}:{branch}", snapshot.name));
        Change::of_range(id, branch.to_owned(), target, revision)
    }

    /// The key of a person, in its file.
    pub fn key(&self, who: &str) -> SigningKey {
        SigningKey::find(&self.key_file(who).display().to_string(), None, None).unwrap()
    }

    pub fn repository(&self) -> Repository {
        Repository::open(&self.repo).unwrap()
    }

    /// What the gate says to a move of main, asked as `undersign verify` asks it: exit code and the reason codes.
    pub fn verify(&self, old: &str, new: &str) -> Answer {
        self.asked(self.request("refs/heads/main", old, new))
    }

    /// A question about a move that is past, or not yet made.
    pub fn request(&self, name: &str, old: &str, new: &str) -> Request<'_> {
        let repository = self.repo.to_str().unwrap();
        Request { repository, updates: vec![update(name, old, new)], ..Request::default() }
    }

    /// What the gate says to any question, where the operator set up nothing.
    pub fn asked(&self, request: Request<'_>) -> Answer {
        answer(&request, &Settings::default())
    }

    /// The same question to the program, for what it prints: exit code and JSON.
    pub fn verify_json(&self, old: &str, new: &str) -> (i32, serde_json::Value) {
        by_program(&self.request("refs/heads/main", old, new), &Settings::default())
    }
}

pub fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}
