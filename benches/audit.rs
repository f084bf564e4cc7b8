//! How long an audit takes: `cargo bench --bench audit`. A generated repository of 100,000 landed commits over ten
//! years with 10,000 records of fifty people; one of ten commits was approved. Each report is a new process; what is
//! printed is its wall clock time, its peak memory and the size of what it wrote, beside `git log --raw` over the same
//! line.
//!
//! `UNDERSIGN_COMMITS=10000 UNDERSIGN_RECORDS=1000` names other sizes, `UNDERSIGN_KEEP=DIR` where the repository
//! is kept.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

const PEOPLE: usize = 50;
const COMPARTMENTS: usize = 20;
const FILES: usize = 2_000;
const HOUR: usize = 3_600;
const START: usize = 1_450_000_000;

fn main() {
    let (commits, records) = (number("UNDERSIGN_COMMITS", 100_000), number("UNDERSIGN_RECORDS", 10_000));
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let dir = std::env::var_os("UNDERSIGN_KEEP").map_or_else(|| temporary.path().to_path_buf(), PathBuf::from);
    let repo = dir.join("audit.git");
    if !repo.exists() {
        made(&dir, &repo, commits, records);
    }
    let log = timed(|| _ = git(&repo, &["log", "--raw", "--no-renames", "--first-parent", "--format=%H", "main"]));
    println!("{commits} commits, {records} records; git log --raw takes {:.1} s", log.as_secs_f64());
    for format in ["json", "csv", "html", "md"] {
        let (time, peak, size) = report(&repo, &dir, format);
        println!("{format:>5}  {:>6.1} s  peak {:>5} MiB  {:>7} KiB", time.as_secs_f64(), peak / 1024, size / 1024);
    }
}

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

fn timed(run: impl FnOnce()) -> Duration {
    let started = Instant::now();
    run();
    started.elapsed()
}

/// Wall clock time, peak memory in KiB, bytes that were written.
fn report(repo: &Path, dir: &Path, format: &str) -> (Duration, u64, u64) {
    let output = dir.join(format!("report.{format}"));
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_undersign"))
        .arg("--repo")
        .arg(repo)
        .args(["report", "audit", "--format", format, "--output"])
        .arg(&output)
        .spawn()
        .expect("the program runs");
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak).max(peak);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let time = started.elapsed();
    assert!(child.wait().is_ok_and(|status| status.success()), "no report");
    (time, peak, std::fs::metadata(&output).map_or(0, |meta| meta.len()))
}

struct Person {
    id: String,
    secret: ed25519_dalek::SigningKey,
    key: Key,
}

fn person(n: usize) -> Person {
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&n.to_be_bytes());
    let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
    let mut blob = Vec::new();
    put(&mut blob, b"ssh-ed25519");
    put(&mut blob, &secret.verifying_key().to_bytes());
    Person { id: format!("person-{n}"), secret, key: Key::parse(&blob).expect("a sound key") }
}

fn policy() -> String {
    let mut text = "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"bench-1\"\n[refs]\n\
                    protected = [\"refs/heads/main\"]\n[ai]\nsign = { none = 1 }\n[compartment.policy]\n\
                    paths = [\".undersign/**\"]\nsign = [{ role = \"senior\", n = 1 }]\nsolo = true\n\
                    [compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n"
        .to_owned();
    for n in 0..COMPARTMENTS {
        let _ = writeln!(
            text,
            "[compartment.c{n:03}]\npaths = [\"part{n:03}/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]"
        );
    }
    for person in (0..PEOPLE).map(person) {
        let _ = writeln!(
            text,
            "[people.{0}]\nroles = [\"senior\"]\nemails = [\"{0}@example.com\"]\nkeys = [\"{1}\"]",
            person.id,
            person.key.to_openssh()
        );
    }
    text
}

fn path(n: usize) -> String {
    format!("part{:03}/dir{:02}/file{n}.txt", n % COMPARTMENTS, n / COMPARTMENTS % 50)
}

fn content(file: usize, version: usize) -> String {
    format!("content of {file}\nas of {version}\n")
}

/// The two files that a commit changes.
fn touched(step: usize) -> [usize; 2] {
    [step * 7 % FILES, (step * 13 + 5) % FILES]
}

fn made(dir: &Path, repo: &Path, commits: usize, records: usize) {
    git(dir, &["init", "-q", "--bare", "-b", "main", "audit.git"]);
    let mut stream = Stream::default();
    let (mut versions, mut manifests) = (vec![0; FILES], Vec::new());
    stream.commit("refs/heads/main", START, "Start");
    stream.file(".undersign/policy.toml", policy().as_bytes());
    (0..FILES).for_each(|file| stream.file(&path(file), content(file, 0).as_bytes()));
    for step in 1..=commits {
        let message = if step % 3 == 0 { "Change\n\nCo-Authored-By: Claude <noreply@anthropic.com>" } else { "Change" };
        stream.commit("refs/heads/main", START + step * HOUR, message);
        let mut manifest = Manifest::default();
        for file in touched(step) {
            let image = |version| {
                let content = Digest::of(content(file, version).as_bytes());
                Some(Image { mode: Mode::File, content })
            };
            manifest.insert(path(file).as_str().into(), image(versions[file]), image(step));
            versions[file] = step;
            stream.file(&path(file), content(file, step).as_bytes());
        }
        manifests.push(manifest);
    }
    feed(repo, &stream.0);
    let log = git(repo, &["log", "--reverse", "--format=%H %T", "main"]);
    let ids: Vec<(&str, &str)> = log.lines().filter_map(|line| line.split_once(' ')).collect();
    let mut stream = Stream::default();
    let every = commits / records.max(1);
    for n in 0..PEOPLE {
        let person = person(n);
        let (mut seq, mut prev) = (0, String::new());
        for step in (1..=records).filter(|record| record % PEOPLE == n).map(|record| record * every) {
            seq += 1;
            let at = START + step * HOUR + 600;
            prev =
                write(&mut stream, &person, (ids[step - 1], ids[step]), &manifests[step - 1], (seq, prev), at as u64);
        }
    }
    feed(repo, &stream.0);
    git(repo, &["repack", "-q", "-a", "-d"]);
    git(repo, &["pack-refs", "--all"]);
}

type Ids<'i> = (&'i str, &'i str);

/// Adds an approval to its chain; its id.
fn write(
    stream: &mut Stream,
    person: &Person,
    (base, head): (Ids<'_>, Ids<'_>),
    manifest: &Manifest,
    (seq, prev): (u64, String),
    at: u64,
) -> String {
    let chain = ChainId { key: person.key.id().to_string(), device: "0123456789abcdef".into() };
    let (paths, zero) = (Decimal(manifest.len() as u64), Decimal(0));
    let point = |(commit, tree): Ids<'_>| Point { commit: commit.to_owned(), tree: tree.to_owned() };
    let predicate = Predicate {
        verdict: Verdict::Approve,
        principal: person.id.clone(),
        roles: vec!["senior".into()],
        repository: RepositoryName { id: "bench-1".into(), uri: String::new() },
        target: Target { name: "refs/heads/main".into(), tip: base.0.to_owned() },
        base: point(base),
        head: point(head),
        result_tree: head.1.to_owned(),
        manifest: ManifestDigest { sha256: manifest.digest().to_string(), paths },
        authors: vec!["Mina Holt <mina@example.com>".into()],
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
            carried_over: zero,
            hidden_characters: zero,
            omissions: vec![],
        },
        supersedes: vec![],
        answers: vec![],
        chain: Link { key: chain.key.clone(), id: chain.device.clone(), seq: Decimal(seq), prev, forks: vec![] },
        seen: vec![],
        issued_at: Decimal(at),
        not_after: Decimal(at + 14 * 24 * 3600),
        challenge: String::new(),
        nonce: format!("{seq:032x}"),
        tool: "bench".into(),
        reason: "read in full".into(),
    };
    let digest = SubjectDigest { git_commit: head.0.to_owned(), git_tree: head.1.to_owned() };
    let payload = Statement::new(Subject { name: "bench-1".into(), digest }, predicate).encode();
    let mut signature = Vec::new();
    put(&mut signature, b"ssh-ed25519");
    put(&mut signature, &person.secret.sign(&sshsig::to_be_signed(&pae(&payload))).to_bytes());
    let id = Digest::of(&payload).to_string();
    let envelope = Envelope::new(payload, &person.key, &signature).encode();
    stream.commit(&format!("refs/undersign/decisions/{chain}"), at as usize, "decision");
    stream.line("deleteall");
    stream.file(&file_name(seq), &envelope);
    stream.file("manifest", &manifest.encode());
    stream.file("findings.json", b"[]\n");
    id
}

/// What `git fast-import` reads.
#[derive(Default)]
struct Stream(Vec<u8>);

impl Stream {
    fn line(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'\n');
    }

    fn commit(&mut self, name: &str, at: usize, message: &str) {
        let who = "Mina <mina@example.com>";
        self.line(&format!("commit {name}\nauthor {who} {at} +0000\ncommitter {who} {at} +0000"));
        self.line(&format!("data {}\n{message}", message.len()));
    }

    fn file(&mut self, path: &str, content: &[u8]) {
        self.line(&format!("M 100644 inline {path}\ndata {}", content.len()));
        self.0.extend_from_slice(content);
        self.0.push(b'\n');
    }
}

fn feed(repo: &Path, stream: &[u8]) {
    let mut child = Command::new("git")
        .current_dir(repo)
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git runs");
    child.stdin.take().expect("a pipe").write_all(stream).expect("git reads");
    assert!(child.wait().expect("a child").success(), "git fast-import");
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git").current_dir(dir).args(args).output().expect("git runs");
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
