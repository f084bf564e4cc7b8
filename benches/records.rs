//! How fast records are verified, beside OpenSSH in the same run: `cargo bench --bench records`. Prints a table; the
//! ratios are what counts, since the times are of whatever else the machine does.

use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ed25519_dalek::Signer as _;
use undersign::change::digest::Digest;
use undersign::change::manifest::Manifest;
use undersign::decision::Verdict;
use undersign::ledger;
use undersign::record::chain::Link;
use undersign::record::envelope::{Envelope, pae};
use undersign::record::statement::*;
use undersign::record::wire::put;
use undersign::record::{ChainId, Key, sshsig, verify};
use undersign::source::git::Repository;

const NOW: i64 = 1_790_000_000;

struct Signer {
    secret: ed25519_dalek::SigningKey,
    key: Key,
}

impl Signer {
    fn new(n: usize) -> Signer {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&n.to_be_bytes());
        let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
        let mut blob = Vec::new();
        put(&mut blob, b"ssh-ed25519");
        put(&mut blob, &secret.verifying_key().to_bytes());
        Signer { secret, key: Key::parse(&blob).expect("a sound key") }
    }

    fn chain(&self) -> ChainId {
        ChainId { key: self.key.id().to_string(), device: "0123456789abcdef".into() }
    }

    fn link(&self, seq: u64, prev: String) -> (Link, String) {
        let payload = statement(&self.chain(), seq, prev).encode();
        let mut signature = Vec::new();
        put(&mut signature, b"ssh-ed25519");
        put(&mut signature, &self.secret.sign(&sshsig::to_be_signed(&pae(&payload))).to_bytes());
        let id = Digest::of(&payload).to_string();
        let envelope = Envelope::new(payload, &self.key, &signature).encode();
        (Link::of_decision(seq, envelope, Vec::new(), b"[]\n".to_vec()), id)
    }
}

fn statement(chain: &ChainId, seq: u64, prev: String) -> Statement {
    let id = "1".repeat(40);
    let digest = "2".repeat(64);
    let point = Point { commit: id.clone(), tree: id.clone() };
    let zero = Decimal(0);
    let predicate = Predicate {
        verdict: Verdict::Approve,
        principal: "dana".into(),
        roles: vec!["senior".into()],
        repository: RepositoryName { id: "bench-1".into(), uri: String::new() },
        target: Target { name: "refs/heads/main".into(), tip: id.clone() },
        base: point.clone(),
        head: point,
        result_tree: id.clone(),
        manifest: ManifestDigest { sha256: Manifest::default().digest().to_string(), paths: zero },
        authors: vec!["Mina Holt <mina@example.com>".into()],
        policy: PolicyName { version: Decimal(1), sha256: digest.clone() },
        findings: Findings { rules: digest, sha256: Digest::of(b"[]\n").to_string(), total: zero, answered: vec![] },
        notes: vec![],
        provenance: ProvenanceClaim { status: "declared".into(), evidence: vec![] },
        coverage: Coverage {
            files: zero,
            files_seen: zero,
            hunks: zero,
            hunks_seen: zero,
            carried_over: zero,
            hidden_characters: zero,
            omissions: vec![],
        },
        supersedes: vec![],
        answers: vec![],
        chain: undersign::record::statement::Link {
            key: chain.key.clone(),
            id: chain.device.clone(),
            seq: Decimal(seq),
            prev,
            forks: vec![],
        },
        seen: vec![],
        issued_at: Decimal(NOW as u64),
        not_after: Decimal(NOW as u64 + 1),
        challenge: String::new(),
        nonce: format!("{seq:032x}"),
        tool: "bench".into(),
        reason: "read in full".into(),
    };
    let subject = Subject { name: "bench-1".into(), digest: SubjectDigest { git_commit: id.clone(), git_tree: id } };
    Statement::new(subject, predicate)
}

/// A bare repository with so many chains of so many records.
fn store(dir: &Path, chains: usize, records: u64) -> Vec<Signer> {
    git(dir, &["init", "-q", "--bare", "."]);
    let repository = Repository::open(dir).expect("a repository");
    let signers: Vec<Signer> = (0..chains).map(Signer::new).collect();
    for signer in &signers {
        let mut prev = String::new();
        for seq in 1..=records {
            let (link, id) = signer.link(seq, prev);
            ledger::append(&repository, &signer.chain(), link, NOW).expect("a record that is taken");
            prev = id;
        }
    }
    signers
}

fn git(dir: &Path, args: &[&str]) {
    assert!(Command::new("git").current_dir(dir).args(args).status().is_ok_and(|status| status.success()));
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = black_box(run());
    (done, start.elapsed())
}

/// The median of several runs.
fn median(runs: usize, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..runs).map(|_| timed(&mut run).1).collect();
    times.sort();
    times[runs / 2]
}

fn row(what: &str, time: Duration, note: &str) {
    println!("{what:<58} {:>10.3} ms  {note}", time.as_secs_f64() * 1000.0);
}

/// Peak resident memory of this process, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
}

/// Reads all chains in a process of its own, as a gate would: nothing is known there yet.
const READER: &str = "UNDERSIGN_BENCH_READ";

fn main() {
    if let Ok(dir) = std::env::var(READER) {
        let repository = Repository::open(Path::new(&dir)).expect("a repository");
        let (chains, time) = timed(|| ledger::read(&repository).expect("a ledger"));
        let records: usize = chains.iter().map(|chain| chain.records.len()).sum();
        println!("{} {} {records}", time.as_micros(), peak());
        return;
    }
    one_record();
    a_thousand_against_openssh();
    ten_thousand();
}

fn one_record() {
    let signer = Signer::new(0);
    let (link, _) = signer.link(1, String::new());
    let message = vec![0; 200];
    let signature = signer.secret.sign(&message);
    let bare = median(2001, || {
        let _ = black_box(signer.secret.verifying_key().verify_strict(&message, &signature));
    });
    let whole = median(2001, || {
        let _ = black_box(verify(&link.envelope));
    });
    row("one ed25519 verification, bare", bare, "");
    let ratio = whole.as_secs_f64() / bare.as_secs_f64();
    row(
        &format!("one record of {} bytes, decoded and verified", link.envelope.len()),
        whole,
        &format!("{ratio:.2} × bare"),
    );
}

fn a_thousand_against_openssh() {
    let dir = tempfile::tempdir().expect("a folder");
    let signers = store(dir.path(), 1, 1000);
    let repository = Repository::open(dir.path()).expect("a repository");
    let (cold, _) = read_elsewhere(dir.path());
    row("1,000 records from loose git objects, new process", cold, "");
    git(dir.path(), &["gc", "-q"]);
    let (packed, _) = read_elsewhere(dir.path());
    row("1,000 records from a pack, new process", packed, "");
    let chains = ledger::read(&repository).expect("a ledger");
    let warm = median(101, || {
        let _ = black_box(ledger::read(&repository));
    });
    row("1,000 records again, nothing new", warm, "");
    // The same signatures by OpenSSH, one process each, as a script would.
    std::fs::write(dir.path().join("signers"), format!("dana {}\n", signers[0].key.to_openssh())).expect("written");
    let ((), openssh) = timed(|| {
        for record in &chains[0].records {
            let envelope = Envelope::decode(&record.link.envelope).expect("an envelope");
            std::fs::write(dir.path().join("sig"), &envelope.armor).expect("written");
            assert!(openssh_verifies(dir.path(), &pae(&envelope.payload)));
        }
    });
    let times =
        |ours: Duration| format!("{:.0} × a new process of ours on a pack", openssh.as_secs_f64() / ours.as_secs_f64());
    row("1,000 runs of ssh-keygen -Y verify", openssh, &times(packed));
}

fn openssh_verifies(dir: &Path, message: &[u8]) -> bool {
    let mut child = Command::new("ssh-keygen")
        .current_dir(dir)
        .args(["-Y", "verify", "-f", "signers", "-I", "dana", "-n", "decision@undersign", "-s", "sig"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("ssh-keygen is installed");
    child.stdin.take().expect("piped").write_all(message).expect("read");
    child.wait().is_ok_and(|status| status.success())
}

fn ten_thousand() {
    let dir = tempfile::tempdir().expect("a folder");
    let signers = store(dir.path(), 50, 200);
    git(dir.path(), &["gc", "-q"]);
    let (cold, mib) = read_elsewhere(dir.path());
    row("10,000 records in 50 chains from a pack, new process", cold, &format!("peak {mib} MiB"));
    let repository = Repository::open(dir.path()).expect("a repository");
    let chains = ledger::read(&repository).expect("a ledger");
    let again = median(21, || {
        let _ = black_box(ledger::read(&repository));
    });
    row("10,000 records again, nothing new", again, "");
    let chain = chains.iter().find(|chain| chain.id == signers[0].chain()).expect("a chain");
    let (seq, prev) = chain.next();
    ledger::append(&repository, &signers[0].chain(), signers[0].link(seq, prev).0, NOW)
        .expect("a record that is taken");
    let (_, one) = timed(|| ledger::read(&repository));
    row("10,000 records again, one of them new", one, "");
}

fn read_elsewhere(dir: &Path) -> (Duration, u64) {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).env(READER, dir).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split_whitespace().map(|word| word.parse::<u64>().expect("a number"));
    let (micros, mib) = (words.next().expect("a time"), words.next().expect("a size"));
    (Duration::from_micros(micros), mib)
}
