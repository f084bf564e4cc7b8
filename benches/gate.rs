//! How long the gate takes: `cargo bench --bench gate`. A generated repository of three sizes, 200 compartments, 10,000
//! records over a year; a push of 5 commits and 50 paths, one of 1,000 commits. Each is a new process, as a hook is;
//! the same moves are walked by git itself in the same run (`git log --raw`), so that ratios can be read; and
//! `gate serve` is asked about the first of them, over its socket file. What is printed are medians of the wall clock
//! around it, and peak memory, that of the first run over the whole ledger among them. The first push is also judged in
//! a repository that inherits its people from an organization, in turns with the one that does not.
//!
//! `UNDERSIGN_FILES=1000,10000` names other sizes, `UNDERSIGN_RECORDS=100000 UNDERSIGN_PEOPLE=500` another ledger.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ed25519_dalek::Signer as _;
use undersign::change::diff::Mode;
use undersign::change::digest::Digest;
use undersign::change::manifest::{Image, Manifest};
use undersign::decision::Verdict;
use undersign::policy::Policy;
use undersign::record::chain::file_name;
use undersign::record::envelope::{Envelope, pae};
use undersign::record::statement::*;
use undersign::record::wire::put;
use undersign::record::{ChainId, Key, sshsig};
use undersign::source::git::{self, Repository};

const COMPARTMENTS: usize = 200;
const DAY: i64 = 24 * 3600;
const RUNS: usize = 15;

fn main() {
    let sizes: Vec<usize> = match std::env::var("UNDERSIGN_FILES") {
        Ok(text) => text.split(',').map(|n| n.parse().expect("numbers of files, with commas")).collect(),
        Err(_) => vec![1_000, 10_000, 100_000],
    };
    println!(
        "policy of {COMPARTMENTS} compartments and {} people: parsed in {}",
        chains(),
        ms(median(RUNS, || {
            let text = policy();
            let started = Instant::now();
            Policy::parse("policy.toml", &text).expect("a sound policy");
            started.elapsed()
        }))
    );
    println!(
        "{:>8}  {:<24} {:>10} {:>10} {:>10} {:>8} {:>9}",
        "files", "push", "first", "warm", "git log", "ratio", "peak"
    );
    for files in sizes {
        let bench = Bench::new(files);
        for (name, old, new) in [
            ("5 commits, 50 paths", bench.start.clone(), bench.normal.clone()),
            ("1,000 commits", bench.start.clone(), bench.thousand.clone()),
        ] {
            bench.forget();
            let peak = bench.peak(&old, &new);
            bench.forget();
            let first = bench.verified(&old, &new);
            let warm = median(RUNS, || bench.verified(&old, &new));
            let git = median(RUNS, || bench.git_log(&old, &new));
            println!(
                "{files:>8}  {name:<24} {:>10} {:>10} {:>10} {:>8.2} {:>6} MiB",
                ms(first),
                ms(warm),
                ms(git),
                warm.as_secs_f64() / git.as_secs_f64(),
                peak / 1024
            );
        }
        let (process, service) = bench.beside_each_other();
        println!(
            "{files:>8}  {:<24} {:>10} {:>10} {:>10} {:>8.2}",
            "the first, gate serve",
            "",
            ms(service),
            ms(process),
            process.as_secs_f64() / service.as_secs_f64()
        );
        beside_one_that_inherits(files, &bench);
    }
}

/// What the first push takes where people come from an organization, beside the same push where they are in the policy:
/// in a process of its own each, and by `gate serve`. In turns, so that what else the machine does falls on both.
fn beside_one_that_inherits(files: usize, alone: &Bench) {
    let inherits = Bench::inheriting(files);
    let benches = [alone, &inherits];
    benches.iter().for_each(|bench| _ = bench.verified(&bench.start, &bench.normal));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..4 * RUNS {
        for (bench, times) in benches.iter().zip(&mut times) {
            times.push(bench.verified(&bench.start, &bench.normal));
        }
    }
    tell_ratio(files, "the first, inherits", times);
    let services = benches.map(Service::of);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..16 * RUNS {
        for ((bench, service), times) in benches.iter().zip(&services).zip(&mut times) {
            times.push(service.asked(&bench.body()));
        }
    }
    tell_ratio(files, "the same, gate serve", times);
}

fn tell_ratio(files: usize, what: &str, times: [Vec<Duration>; 2]) {
    let [alone, inherits] = times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    });
    println!(
        "{files:>8}  {what:<24} {:>10} {:>10} {:>10} {:>8.2}",
        "",
        ms(inherits),
        ms(alone),
        inherits.as_secs_f64() / alone.as_secs_f64()
    );
}

fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

fn records() -> usize {
    number("UNDERSIGN_RECORDS", 10_000)
}

/// One of each person.
fn chains() -> usize {
    number("UNDERSIGN_PEOPLE", 50)
}

fn median(runs: usize, mut run: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<_> = (0..runs).map(|_| run()).collect();
    times.sort();
    times[runs / 2]
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

struct Person {
    id: String,
    secret: ed25519_dalek::SigningKey,
    key: Key,
}

fn people() -> Vec<Person> {
    let person = |n: usize| {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&n.to_be_bytes());
        let secret = ed25519_dalek::SigningKey::from_bytes(&seed);
        let mut blob = Vec::new();
        put(&mut blob, b"ssh-ed25519");
        put(&mut blob, &secret.verifying_key().to_bytes());
        Person { id: format!("person-{n}"), secret, key: Key::parse(&blob).expect("a sound key") }
    };
    (0..chains()).map(person).collect()
}

fn rules() -> String {
    let mut text = "schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"bench-1\"\n[refs]\nprotected = [\"refs/heads/main\"]\n\
                    open = [\"refs/heads/**\"]\n[ai]\nsign = { none = 1 }\n[compartment.policy]\npaths = [\".undersign/**\"]\n\
                    sign = [{ role = \"senior\", n = 1 }]\nsolo = true\n[compartment.default]\nsign = [{ role = \"senior\", n = 1 }]\n"
        .to_owned();
    for n in 0..COMPARTMENTS {
        let _ = write!(
            text,
            "[compartment.c{n:03}]\npaths = [\"part{n:03}/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]\n"
        );
    }
    text
}

/// The people, as a policy or the file of an organization has them.
fn roster() -> String {
    let mut text = String::new();
    for person in people() {
        let _ = write!(
            text,
            "[people.{0}]\nroles = [\"senior\"]\nemails = [\"{0}@example.com\"]\nkeys = [\"{1}\"]\n",
            person.id,
            person.key.to_openssh()
        );
    }
    text
}

fn policy() -> String {
    rules() + &roster()
}

/// The same rules for the people of an organization.
fn inheriting() -> String {
    rules().replacen("repository = \"bench-1\"\n", "repository = \"bench-1\"\ninherits = \"acme\"\n", 1)
}

/// The people, and what each repository must ask for at least in ten places.
fn organization() -> String {
    let mut text =
        "schema = \"undersign-organization/v1\"\nversion = 1\norganization = \"acme\"\n[ai]\nsign = { none = 1 }\n"
            .to_owned();
    for n in 0..10 {
        let _ = write!(
            text,
            "[compartment.c{n:03}]\npaths = [\"part{n:03}/**\"]\nsign = [{{ role = \"senior\", n = 1 }}]\n"
        );
    }
    text + &roster()
}

struct Bench {
    dir: tempfile::TempDir,
    /// The repository inherits from the organization beside it.
    inherits: bool,
    start: String,
    normal: String,
    thousand: String,
}

impl Bench {
    fn new(files: usize) -> Bench {
        Bench::under(&policy(), files, false)
    }

    /// The same repository, with its people in an organization.
    fn inheriting(files: usize) -> Bench {
        let bench = Bench::under(&inheriting(), files, true);
        git(bench.dir.path(), &["init", "-q", "--bare", "-b", "main", "acme.git"]);
        let mut stream = Stream::default();
        stream.commit("refs/heads/main", None, now() - 400 * DAY);
        stream.file(".undersign/organization.toml", organization().as_bytes());
        feed(&bench.organization(), &stream.0);
        bench
    }

    fn under(policy: &str, files: usize, inherits: bool) -> Bench {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let repo = dir.path().join("bench.git");
        git(dir.path(), &["init", "-q", "--bare", "-b", "main", "bench.git"]);
        let mut stream = Stream::default();
        stream.commit("refs/heads/main", None, now() - 400 * DAY);
        stream.file(".undersign/policy.toml", policy.as_bytes());
        for n in 0..files {
            stream.file(&path(n), format!("content {n}\n").as_bytes());
        }
        for step in 0..5 {
            stream.commit("refs/heads/normal", (step == 0).then_some("refs/heads/main"), now() - DAY + step);
            (0..10).for_each(|n| stream.file(&path(step as usize * 10 + n), format!("changed {step}\n").as_bytes()));
        }
        for step in 0..1_000 {
            stream.commit("refs/heads/thousand", (step == 0).then_some("refs/heads/main"), now() - DAY + step);
            stream.file(&path(step as usize), format!("changed {step}\n").as_bytes());
        }
        feed(&repo, &stream.0);
        let id = |name: &str| git(&repo, &["rev-parse", name]);
        let (start, normal, thousand) = (id("main"), id("normal"), id("thousand"));
        let manifests = [&normal, &thousand].map(|head| manifest(&repo, &start, head));
        feed(&repo, &ledger(&repo, &start, [(&normal, &manifests[0]), (&thousand, &manifests[1])]).0);
        git(&repo, &["repack", "-q", "-a", "-d"]);
        git(&repo, &["pack-refs", "--all"]);
        Bench { dir, inherits, start, normal, thousand }
    }

    fn repo(&self) -> PathBuf {
        self.dir.path().join("bench.git")
    }

    fn organization(&self) -> PathBuf {
        self.dir.path().join("acme.git")
    }

    /// The options that name it.
    fn inherited(&self) -> Vec<std::ffi::OsString> {
        if self.inherits { vec!["--organization".into(), self.organization().into()] } else { Vec::new() }
    }

    fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn forget(&self) {
        let _ = std::fs::remove_dir_all(self.state());
    }

    /// A hook's process.
    fn hook(&self, old: &str, new: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
        command.arg("--repo").arg(self.repo());
        command.args(["verify", "--ref", "refs/heads/main", "--old", old, "--new", new, "--state"]);
        command.arg(self.state()).args(self.inherited()).stdout(Stdio::null());
        command
    }

    /// Its wall clock time.
    fn verified(&self, old: &str, new: &str) -> Duration {
        let started = Instant::now();
        let status = self.hook(old, new).status().expect("the program runs");
        let time = started.elapsed();
        assert!(status.success(), "the push is not allowed");
        time
    }

    /// Its peak memory in KiB, read while it runs, and so no measure of its time.
    fn peak(&self, old: &str, new: &str) -> u64 {
        let mut child = self.hook(old, new).spawn().expect("the program runs");
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let mut peak = 0;
        while child.try_wait().expect("a child").is_none() {
            if let Ok(text) = std::fs::read_to_string(&status) {
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                peak = line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak).max(peak);
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        peak
    }

    fn git_log(&self, old: &str, new: &str) -> Duration {
        let started = Instant::now();
        git(&self.repo(), &["log", "--raw", "--no-renames", "--format=%H", &format!("{old}..{new}")]);
        started.elapsed()
    }

    /// What a client asks about the first push.
    fn body(&self) -> String {
        format!(
            "{{\"repository\":\"{}\",\"updates\":[{{\"ref\":\"refs/heads/main\",\"old\":\"{}\",\"new\":\"{}\"}}]}}",
            self.repo().display(),
            self.start,
            self.normal
        )
    }

    /// What the first push takes in a process of its own, and what a client waits for the answer of `gate serve`, over
    /// its socket file. In turns, so that what else the machine does falls on both.
    fn beside_each_other(&self) -> (Duration, Duration) {
        let served = Service::of(self);
        let body = self.body();
        let mut service = Vec::new();
        let process = median(4 * RUNS, || {
            service.extend([(); 4].map(|()| served.asked(&body)));
            self.verified(&self.start, &self.normal)
        });
        service.sort();
        (process, service[service.len() / 2])
    }
}

/// The program as a service, which is ended with this.
struct Service {
    child: Child,
    socket: PathBuf,
}

impl Service {
    fn of(bench: &Bench) -> Service {
        let socket = bench.dir.path().join("service");
        let mut command = Command::new(env!("CARGO_BIN_EXE_undersign"));
        command.arg("--repo").arg(bench.repo()).args(["gate", "serve", "--listen"]);
        command.arg(format!("unix:{}", socket.display())).arg("--state").arg(bench.state()).args(bench.inherited());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        let mut line = String::new();
        let told = child.stdout.take().expect("its output");
        BufReader::new(told).read_line(&mut line).expect("where it listens");
        Service { child, socket }
    }

    /// From the connection to the end of the answer.
    fn asked(&self, body: &str) -> Duration {
        let request = format!(
            "POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let started = Instant::now();
        let mut stream = UnixStream::connect(&self.socket).expect("the service listens");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let time = started.elapsed();
        assert!(answer.contains("\"outcome\":\"allow\""), "{answer}");
        time
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn path(n: usize) -> String {
    format!("part{:03}/dir{:02}/file{n}.txt", n % COMPARTMENTS, n / COMPARTMENTS % 50)
}

fn manifest(repo: &Path, old: &str, new: &str) -> Manifest {
    let repository = Repository::open(repo).expect("a repository");
    let tree = |name: &str| git(repo, &["rev-parse", &format!("{name}^{{tree}}")]).parse().expect("an id");
    let diff = git::diff(&repository, tree(old), tree(new)).expect("a diff");
    git::manifest(&repository, &diff).expect("a manifest")
}

/// A year of decisions in fifty chains: nine in ten approvals that have run out, one in ten rejections of which nine in
/// ten were taken back later; and the two approvals that the pushes rest on.
fn ledger(repo: &Path, start: &str, approved: [(&String, &Manifest); 2]) -> Stream {
    let mut stream = Stream::default();
    let tree = |name: &str| git(repo, &["rev-parse", &format!("{name}^{{tree}}")]);
    let (start_tree, head_trees) = (tree(start), approved.map(|(head, _)| tree(head)));
    for (n, person) in people().iter().enumerate() {
        let name = format!("refs/undersign/decisions/{}/0123456789abcdef", person.key.id());
        let (mut prev, mut open) = (String::new(), None::<String>);
        let count = records() / chains();
        for seq in 1..=count {
            let age = 365 * DAY * (count - seq) as i64 / count as i64;
            let mut case = Case::new(person, start, &start_tree, seq as u64, prev, now() - age);
            let other = some_manifest(n * count + seq);
            case.manifest = other;
            match (seq % 10, seq / 10 % 10) {
                (0, _) => case.verdict = Verdict::Reject,
                (1, taken) if taken != 0 => case.supersedes.extend(open.take()),
                _ => {}
            }
            let last = seq == count && n < 2;
            if last {
                case.verdict = Verdict::Approve;
                case.manifest = approved[n].1.clone();
                case.head = (approved[n].0.clone(), head_trees[n].clone());
            }
            let verdict = case.verdict;
            prev = case.write(&mut stream, &name);
            if verdict == Verdict::Reject {
                open = Some(prev.clone());
            }
        }
    }
    stream
}

fn some_manifest(n: usize) -> Manifest {
    let mut manifest = Manifest::default();
    for at in 0..5 {
        let image = |text: String| Some(Image { mode: Mode::File, content: Digest::of(text.as_bytes()) });
        manifest.insert(
            format!("elsewhere/{}", path(n + at)).as_str().into(),
            image(format!("a{n}")),
            image(format!("b{n}")),
        );
    }
    manifest
}

struct Case<'p> {
    person: &'p Person,
    start: (String, String),
    head: (String, String),
    verdict: Verdict,
    manifest: Manifest,
    supersedes: Vec<String>,
    seq: u64,
    prev: String,
    at: i64,
}

impl<'p> Case<'p> {
    fn new(person: &'p Person, start: &str, tree: &str, seq: u64, prev: String, at: i64) -> Case<'p> {
        let point = (start.to_owned(), tree.to_owned());
        let head = ("1".repeat(40), "2".repeat(40));
        let verdict = Verdict::Approve;
        Case { person, start: point, head, verdict, manifest: Manifest::default(), supersedes: vec![], seq, prev, at }
    }

    /// Adds the record to its chain; its id.
    fn write(self, stream: &mut Stream, name: &str) -> String {
        let chain = ChainId { key: self.person.key.id().to_string(), device: "0123456789abcdef".into() };
        let paths = Decimal(self.manifest.len() as u64);
        let zero = Decimal(0);
        let point = |(commit, tree): &(String, String)| Point { commit: commit.clone(), tree: tree.clone() };
        let predicate = Predicate {
            verdict: self.verdict,
            principal: self.person.id.clone(),
            roles: vec!["senior".into()],
            repository: RepositoryName { id: "bench-1".into(), uri: "https://git.example/bench".into() },
            target: Target { name: "refs/heads/main".into(), tip: self.start.0.clone() },
            base: point(&self.start),
            head: point(&self.head),
            result_tree: self.head.1.clone(),
            manifest: ManifestDigest { sha256: self.manifest.digest().to_string(), paths },
            authors: vec!["Mina Holt <mina@example.com>".into()],
            policy: PolicyName { version: Decimal(1), sha256: "2".repeat(64) },
            findings: Findings {
                rules: "2".repeat(64),
                sha256: Digest::of(b"[]\n").to_string(),
                total: zero,
                answered: vec![],
            },
            notes: vec![],
            provenance: ProvenanceClaim { status: "declared".into(), evidence: vec![] },
            coverage: Coverage {
                files: paths,
                files_seen: paths,
                hunks: paths,
                hunks_seen: paths,
                carried_over: zero,
                hidden_characters: zero,
                omissions: vec![],
            },
            supersedes: self.supersedes,
            answers: vec![],
            chain: Link {
                key: chain.key.clone(),
                id: chain.device.clone(),
                seq: Decimal(self.seq),
                prev: self.prev,
                forks: vec![],
            },
            seen: vec![],
            issued_at: Decimal(self.at as u64),
            not_after: Decimal((self.at + 14 * DAY) as u64),
            challenge: String::new(),
            nonce: format!("{:032x}", self.seq),
            tool: "bench".into(),
            reason: "read in full, and asked the author about the retries".into(),
        };
        let digest = SubjectDigest { git_commit: self.head.0, git_tree: self.head.1 };
        let payload = Statement::new(Subject { name: "bench-1".into(), digest }, predicate).encode();
        let mut signature = Vec::new();
        put(&mut signature, b"ssh-ed25519");
        put(&mut signature, &self.person.secret.sign(&sshsig::to_be_signed(&pae(&payload))).to_bytes());
        let id = Digest::of(&payload).to_string();
        let envelope = Envelope::new(payload, &self.person.key, &signature).encode();
        stream.commit(name, None, self.at);
        stream.line("deleteall");
        stream.file(&file_name(self.seq), &envelope);
        stream.file("manifest", &self.manifest.encode());
        stream.file("findings.json", b"[]\n");
        id
    }
}

/// What `git fast-import` reads.
#[derive(Default)]
struct Stream(Vec<u8>);

impl Stream {
    fn line(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'\n');
    }

    fn commit(&mut self, name: &str, from: Option<&str>, at: i64) {
        self.line(&format!("commit {name}\nauthor Mina <mina@example.com> {at} +0000\ncommitter Mina <mina@example.com> {at} +0000\ndata 5\nStep\n"));
        if let Some(from) = from {
            self.line(&format!("from {from}"));
        }
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
