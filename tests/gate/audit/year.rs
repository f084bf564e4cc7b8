//! A year of a small organisation, generated from numbers alone: people, changes that land by merge, squash and
//! fast-forward, and what was signed for them. Written in two parts: the history, by `git fast-import`; then the
//! chains, which name its commits.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ed25519_dalek::Signer as _;
use undersign::change::diff::Mode;
use undersign::change::digest::Digest;
use undersign::change::manifest::{Image, Manifest};
use undersign::decision::Verdict;
use undersign::record::chain::file_name;
use undersign::record::envelope::{Envelope, pae};
use undersign::record::statement::*;
use undersign::record::wire::put;
use undersign::record::{ChainId, Key, sshsig};

use crate::scene::{DAY, HOUR, MAIN, line, piped};

/// The first second of the year.
pub const START: i64 = 1_767_225_600;
const DEVICE: &str = "0123456789abcdef";

/// Somebody's key, derived from a name.
pub struct Hand {
    secret: ed25519_dalek::SigningKey,
    pub key: Key,
}

pub fn hand(name: &str) -> Hand {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
    let mut blob = Vec::new();
    put(&mut blob, b"ssh-ed25519");
    put(&mut blob, &secret.verifying_key().to_bytes());
    Hand { secret, key: Key::parse(&blob).unwrap() }
}

/// Files by path.
pub type Files = BTreeMap<String, String>;

/// A commit in the import stream, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

/// How a change lands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By a merge commit, made when it lands.
    Merge,
    /// As one commit, made when it lands.
    Squash,
    /// The commit itself.
    Forward,
    /// Three commits, of which the last reverts what the second added besides.
    Series,
}

/// A change that landed.
#[derive(Debug, Clone)]
pub struct Change {
    pub base: Mark,
    pub head: Mark,
    pub landed: Mark,
    /// When the head and the landing commit were made.
    pub head_at: i64,
    pub at: i64,
    pub manifest: Manifest,
    pub steps: usize,
}

/// A decision, before it is signed.
pub struct Word<'w> {
    pub who: &'w str,
    /// By default the key of that name.
    pub key: Option<&'w str>,
    pub roles: &'w [&'w str],
    pub verdict: Verdict,
    /// The ref on which it may land.
    pub target: &'w str,
    pub at: i64,
    pub supersedes: Vec<String>,
    pub carried_over: bool,
    /// Whose chain was seen, up to its first record.
    pub seen: Option<(&'w str, String)>,
}

impl<'w> Word<'w> {
    pub fn new(who: &'w str, at: i64) -> Word<'w> {
        let (key, verdict, target) = (None, Verdict::Approve, MAIN);
        let (roles, supersedes) = (&["senior"], Vec::new());
        Word { who, key, roles, verdict, target, at, supersedes, carried_over: false, seen: None }
    }
}

/// The year so far.
pub struct Year {
    pub dir: tempfile::TempDir,
    stream: Vec<u8>,
    commits: usize,
    pub tip: Option<Mark>,
    pub files: Files,
    names: usize,
    ids: BTreeMap<Mark, (String, String)>,
    chains: BTreeMap<String, (Vec<u8>, u64, String)>,
}

impl Year {
    pub fn new() -> Year {
        let dir = tempfile::tempdir().unwrap();
        let made =
            Command::new("git").current_dir(dir.path()).args(["init", "-q", "--bare", "-b", "main", "o.git"]).status();
        assert!(made.unwrap().success());
        let (stream, files, ids, chains) = Default::default();
        Year { dir, stream, commits: 0, tip: None, files, names: 0, ids, chains }
    }

    pub fn repo(&self) -> PathBuf {
        self.dir.path().join("o.git")
    }

    fn line(&mut self, text: &str) {
        self.stream.extend_from_slice(text.as_bytes());
        self.stream.push(b'\n');
    }

    fn data(&mut self, bytes: &[u8]) {
        self.line(&format!("data {}", bytes.len()));
        self.stream.extend_from_slice(bytes);
        self.stream.push(b'\n');
    }

    /// Makes a commit with all these files.
    pub fn commit(&mut self, who: &str, at: i64, message: &str, parents: &[Mark], files: &Files) -> Mark {
        self.commits += 1;
        let mark = Mark(self.commits);
        let identity = if who.contains('<') { who.to_owned() } else { format!("{who} <{who}@example.com>") };
        self.line(&format!("commit refs/heads/topic/{}\nmark :{}", mark.0, mark.0));
        self.line(&format!("author {identity} {at} +0000\ncommitter {identity} {at} +0000"));
        self.data(message.as_bytes());
        for (at, parent) in parents.iter().enumerate() {
            self.line(&format!("{} :{}", if at == 0 { "from" } else { "merge" }, parent.0));
        }
        self.line("deleteall");
        for (path, text) in files {
            self.line(&format!("M 100644 inline {path}"));
            self.data(text.as_bytes());
        }
        mark
    }

    /// Lands something that nobody proposed: a commit on the tip.
    pub fn push(&mut self, who: &str, at: i64, message: &str, edit: &[(&str, &str)]) -> Change {
        self.land(who, at, message, edit, How::Forward)
    }

    /// Makes a change a day before it lands, in the given way.
    pub fn land(&mut self, who: &str, at: i64, message: &str, edit: &[(&str, &str)], how: How) -> Change {
        let before = self.files.clone();
        let mut after = before.clone();
        for (path, text) in edit {
            if text.is_empty() {
                after.remove(*path)
            } else {
                after.insert((*path).to_owned(), (*text).to_owned())
            };
        }
        let parents: Vec<Mark> = self.tip.into_iter().collect();
        let head_at = at - DAY;
        let (head, steps) = match how {
            How::Series => {
                let mut debug = before.clone();
                debug.insert("debug.log".to_owned(), "on\n".to_owned());
                let first = self.commit(who, head_at - 2, "Look closer", &parents, &debug);
                let mut both = after.clone();
                both.insert("debug.log".to_owned(), "on\n".to_owned());
                let second = self.commit(who, head_at - 1, "Mend", &[first], &both);
                (self.commit(who, head_at, message, &[second], &after), 3)
            }
            _ => (self.commit(who, head_at, message, &parents, &after), 1),
        };
        let landed = match how {
            How::Merge => self.commit("lander", at, &format!("Merge: {message}"), &[parents[0], head], &after),
            How::Squash => self.commit(who, at, message, &parents, &after),
            How::Forward | How::Series => head,
        };
        let base = parents.first().copied().unwrap_or(landed);
        self.tip = Some(landed);
        self.files = after;
        let manifest = manifest(&before, &self.files);
        let at = if landed == head { head_at } else { at };
        Change { base, head, landed, head_at, at, manifest, steps }
    }

    /// A path that nothing else touches.
    pub fn path(&mut self) -> String {
        self.names += 1;
        format!("src/part{:02}/file{}.txt", self.names % 7, self.names)
    }

    /// Imports the history: main is at the tip.
    pub fn told(&mut self) {
        let tip = self.tip.unwrap();
        self.line(&format!("reset {MAIN}\nfrom :{}\n", tip.0));
        let marks = self.dir.path().join("marks");
        feed(&self.repo(), &[&format!("--export-marks={}", marks.display())], &std::mem::take(&mut self.stream));
        let text = std::fs::read_to_string(marks).unwrap();
        let wanted: Vec<(Mark, String)> = text
            .lines()
            .filter_map(|line| line.strip_prefix(':')?.split_once(' '))
            .map(|(mark, id)| (Mark(mark.parse().unwrap()), id.to_owned()))
            .collect();
        let input: String = wanted.iter().map(|(_, id)| format!("{id}^{{tree}}\n")).collect();
        let (_, trees) = piped(
            Command::new("git").current_dir(self.repo()).args(["cat-file", "--batch-check=%(objectname)"]),
            input.as_bytes(),
        );
        let trees = line(trees);
        self.ids =
            wanted.into_iter().zip(trees.lines()).map(|((mark, id), tree)| (mark, (id, tree.to_owned()))).collect();
    }

    pub fn id(&self, mark: Mark) -> String {
        self.ids[&mark].0.clone()
    }

    /// Signs a decision on a change; returns its id.
    pub fn sign(&mut self, change: &Change, word: Word<'_>) -> String {
        let hand = hand(word.key.unwrap_or(word.who));
        let name = format!("refs/undersign/decisions/{}/{DEVICE}", hand.key.id());
        let point = |mark: Mark| {
            let (commit, tree) = self.ids[&mark].clone();
            Point { commit, tree }
        };
        let (base, head) = (point(change.base), point(change.head));
        let (_, seq, prev) = self.chains.entry(name.clone()).or_default();
        *seq += 1;
        let statement = statement(&word, change, (base, head), &hand.key, (*seq, prev.clone()));
        let payload = statement.encode();
        let mut signature = Vec::new();
        put(&mut signature, b"ssh-ed25519");
        put(&mut signature, &hand.secret.sign(&sshsig::to_be_signed(&pae(&payload))).to_bytes());
        let id = Digest::of(&payload).to_string();
        let envelope = Envelope::new(payload, &hand.key, &signature).encode();
        let (seq, manifest) = (*seq, change.manifest.encode());
        *prev = id.clone();
        let mut part = Vec::new();
        let at = word.at;
        part.extend(
            format!("commit {name}\nauthor u <u@localhost> {at} +0000\ncommitter u <u@localhost> {at} +0000\n").bytes(),
        );
        part.extend(b"data 9\ndecision\n\ndeleteall\n");
        for (file, bytes) in
            [(file_name(seq), &envelope), ("manifest".into(), &manifest), ("findings.json".into(), &b"[]\n".to_vec())]
        {
            part.extend(format!("M 100644 inline {file}\ndata {}\n", bytes.len()).bytes());
            part.extend(bytes);
            part.push(b'\n');
        }
        self.chains.get_mut(&name).unwrap().0.extend(part);
        id
    }

    /// Approves a change between when it was made and when it landed, with nothing unusual about it.
    pub fn approve(&mut self, change: &Change, who: &str) -> String {
        self.sign(change, Word::new(who, change.head_at + HOUR))
    }

    /// Writes the chains.
    pub fn signed(&mut self) {
        let all: Vec<u8> = std::mem::take(&mut self.chains).into_values().flat_map(|(part, ..)| part).collect();
        feed(&self.repo(), &[], &all);
    }

    /// The ref of the chain of a key.
    pub fn chain(&self, name: &str) -> String {
        format!("refs/undersign/decisions/{}/{DEVICE}", hand(name).key.id())
    }
}

fn manifest(before: &Files, after: &Files) -> Manifest {
    let image =
        |text: Option<&String>| text.map(|text| Image { mode: Mode::File, content: Digest::of(text.as_bytes()) });
    let mut manifest = Manifest::default();
    for path in before.keys().chain(after.keys()) {
        manifest.insert(path.as_str().into(), image(before.get(path)), image(after.get(path)));
    }
    manifest
}

fn statement(
    word: &Word<'_>,
    change: &Change,
    (base, head): (Point, Point),
    key: &Key,
    place: (u64, String),
) -> Statement {
    let chain = ChainId { key: key.id().to_string(), device: DEVICE.into() };
    let paths = Decimal(change.manifest.len() as u64);
    let zero = Decimal(0);
    let digest = SubjectDigest { git_commit: head.commit.clone(), git_tree: head.tree.clone() };
    let predicate = Predicate {
        verdict: word.verdict,
        principal: word.who.to_owned(),
        roles: word.roles.iter().map(|role| (*role).to_owned()).collect(),
        repository: RepositoryName { id: "fixture-1".into(), uri: String::new() },
        target: Target { name: word.target.into(), tip: base.commit.clone() },
        result_tree: head.tree.clone(),
        base,
        head,
        manifest: ManifestDigest { sha256: change.manifest.digest().to_string(), paths },
        authors: vec!["mina <mina@example.com>".into()],
        policy: PolicyName { version: Decimal(1), sha256: "2".repeat(64) },
        findings: Findings {
            rules: "2".repeat(64),
            sha256: Digest::of(b"[]\n").to_string(),
            total: zero,
            answered: vec![],
        },
        notes: vec![],
        provenance: ProvenanceClaim { status: "undeclared".into(), evidence: vec![] },
        coverage: Coverage {
            files: paths,
            files_seen: paths,
            hunks: paths,
            hunks_seen: paths,
            carried_over: if word.carried_over { paths } else { zero },
            hidden_characters: zero,
            omissions: vec![],
        },
        supersedes: word.supersedes.clone(),
        answers: vec![],
        chain: Link { key: chain.key, id: chain.device, seq: Decimal(place.0), prev: place.1, forks: vec![] },
        seen: word.seen.iter().map(seen).collect(),
        issued_at: Decimal(word.at as u64),
        not_after: Decimal((word.at + 14 * DAY) as u64),
        challenge: String::new(),
        nonce: format!("{:032x}", place.0),
        tool: "year".into(),
        reason: "read in full".into(),
    };
    Statement::new(Subject { name: "fixture-1".into(), digest }, predicate)
}

fn seen((who, record): &(&str, String)) -> SeenHead {
    SeenHead { chain: format!("{}/{DEVICE}", hand(who).key.id()), seq: Decimal(1), record: record.clone() }
}

pub fn feed(repo: &Path, options: &[&str], stream: &[u8]) {
    let mut command = Command::new("git");
    command.current_dir(repo).args(["fast-import", "--quiet"]).args(options);
    assert_eq!(piped(&mut command, stream).0, 0, "git fast-import");
}
