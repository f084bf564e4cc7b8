//! What a broker adds to a command, and the hook of agents to a call: `cargo bench --bench broker`. The bare command is
//! run beside it in the same run. The broker serves, its repository is the ledger, the program was hashed before, and
//! its chain has no records at first, and then a thousand: `UNDERSIGN_RECORDS=3000` names another number. As root,
//! commands run at level L2. Prints medians and 99th percentiles of the wall clock around processes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const UNDERSIGN: &str = env!("CARGO_BIN_EXE_undersign");
const ROUNDS: usize = 40;
/// An account in which nothing runs.
const UID: u32 = 2_100_000_001;
/// Records of one run: admitted, started, ended.
const OF_ONE: usize = 3;

fn main() {
    let wanted: usize = std::env::var("UNDERSIGN_RECORDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let bench = Bench::new();
    println!("{:<34} {:>9} {:>9}", "", "p50", "p99");
    told("bare /usr/bin/id root", &times(|| timed(Command::new("/usr/bin/id").arg("root"))));
    bench.run();
    told(&format!("exec run, from {OF_ONE} records on"), &times(|| bench.run()));
    let done = (ROUNDS + 1) * OF_ONE;
    for _ in 0..wanted.saturating_sub(done).div_ceil(OF_ONE) {
        bench.run();
    }
    told(&format!("exec run, from {} records on", wanted.max(done)), &times(|| bench.run()));
    let id = bench.request();
    told("exec status", &times(|| bench.exec(&["status", &id]).1));
    told("bare undersign --version", &times(|| timed(Command::new(UNDERSIGN).arg("--version"))));
    told("hook, `ls -l`", &times(|| bench.hook("ls -l")));
    let long = "echo one two three 'four five'; ".repeat((1 << 20) / 32);
    told("hook, a command of 1 MB", &times(|| bench.hook(&long)));
}

fn times(mut once: impl FnMut() -> Duration) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| once()).collect();
    times.sort();
    times
}

fn told(what: &str, times: &[Duration]) {
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("{what:<34} {:>6.1} ms {:>6.1} ms", at(50), at(99));
}

fn timed(command: &mut Command) -> Duration {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let took = began.elapsed();
    assert!(output.status.success(), "{command:?}: {output:?}");
    took
}

struct Bench {
    dir: tempfile::TempDir,
    serving: Child,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.serving.kill();
        let _ = self.serving.wait();
    }
}

impl Bench {
    fn new() -> Bench {
        let dir = tempfile::tempdir().expect("a folder");
        let (repo, state) = (dir.path().join("shop"), dir.path().join("state"));
        let id = Command::new("id").arg("-u").output().expect("id");
        let is_root = id.stdout == b"0\n";
        let own = String::from_utf8_lossy(&id.stdout).trim().to_owned();
        let uid = if is_root { UID.to_string() } else { own.clone() };
        let settings = format!(
            "repository = \"{}\"\npolicy_branch = \"refs/heads/main\"\nsocket = \"{}\"\n\
             [operator.dana]\nuids = [\"{own}\"]\n\
             [target.prod]\nuid = {uid}\ngid = {uid}\ncwd = \"/\"\n[target.prod.env]\nPATH = \"/usr/bin:/bin\"\n",
            repo.display(),
            dir.path().join("socket").display()
        );
        std::fs::create_dir(&repo).expect("a folder");
        std::fs::write(dir.path().join("broker.toml"), settings).expect("settings");
        must(Command::new("git").args(["init", "-q", "-b", "main"]).current_dir(&repo));
        let said = must(Command::new(UNDERSIGN).args(["broker", "init"]).args([
            state.as_path(),
            Path::new("--settings"),
            &dir.path().join("broker.toml"),
        ]));
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let key = said.lines().find(|line| line.starts_with("key = ")).expect("the key of the broker");
        write_policy(dir.path(), &repo, key, if is_root { "L2" } else { "L1" });
        must(Command::new(UNDERSIGN).args(["broker", "pin"]).arg(&state));
        let serving = Command::new(UNDERSIGN).args(["broker", "serve"]).arg(&state).spawn().expect("a broker");
        let bench = Bench { dir, serving };
        let began = Instant::now();
        while std::os::unix::net::UnixStream::connect(bench.socket()).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "the broker does not serve");
            std::thread::sleep(Duration::from_millis(20));
        }
        bench
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    fn exec(&self, args: &[&str]) -> (Output, Duration) {
        let began = Instant::now();
        let output = Command::new(UNDERSIGN).args(["exec", "--broker"]).arg(self.socket()).args(args).output();
        (output.expect("a client"), began.elapsed())
    }

    fn request(&self) -> String {
        let (asked, _) = self.exec(&["request", "--target", "prod", "--", "/usr/bin/id", "root"]);
        assert!(asked.status.success(), "{asked:?}");
        String::from_utf8_lossy(&asked.stdout).trim().to_owned()
    }

    /// The time of a run; its request is made before.
    fn run(&self) -> Duration {
        let id = self.request();
        let (ran, took) = self.exec(&["run", &id]);
        assert!(ran.status.success(), "{ran:?}");
        took
    }

    /// The time of a call of the hook, with the shipped rules.
    fn hook(&self, command: &str) -> Duration {
        let call = serde_json::json!({
            "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": { "command": command }
        });
        let began = Instant::now();
        let mut child = Command::new(UNDERSIGN)
            .args(["hook", "claude-code"])
            .env("XDG_CONFIG_HOME", self.dir.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("the hook");
        child.stdin.take().expect("its input").write_all(call.to_string().as_bytes()).expect("it reads");
        assert!(child.wait().expect("it ends").success(), "it passes");
        began.elapsed()
    }
}

/// A policy with one person and one target, committed.
fn write_policy(dir: &Path, repo: &Path, broker: &str, level: &str) {
    let person = dir.join("person");
    must(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(&person));
    let key = std::fs::read_to_string(person.with_extension("pub")).expect("a public key");
    let mut policy = String::from("schema = \"undersign-policy/v1\"\nversion = 1\nrepository = \"bench\"\n");
    let _ = write!(
        policy,
        "[refs]\nprotected = [\"refs/heads/main\"]\n\
         [people.dana]\nroles = [\"senior\", \"policy\"]\nemails = [\"dana@example.com\"]\nkeys = [\"{}\"]\n\
         [ai]\npresume = true\nsign = {{ junior = 1, mid = 1, senior = 1, none = 1 }}\n\
         [compartment.policy]\npaths = [\".undersign/**\"]\nsign = [{{ role = \"policy\", n = 1 }}]\nsolo = true\n\
         [compartment.default]\nsign = [{{ role = \"senior\", n = 1 }}]\n\
         [broker.ops]\n{broker}\n[target.prod]\nbroker = \"ops\"\nlevel = \"{level}\"\npresence = \"none\"\n\
         sign = [{{ role = \"senior\", n = 1 }}]\n\
         [[target.prod.command]]\nname = \"id\"\nargv = [\"/usr/bin/id\", \"{{word}}\"]\nunasked = true\n",
        key.trim()
    );
    std::fs::create_dir(repo.join(".undersign")).expect("a folder");
    std::fs::write(repo.join(".undersign/policy.toml"), policy).expect("a policy");
    let git = |args: &[&str]| {
        must(
            Command::new("git")
                .args(["-c", "user.name=dana", "-c", "user.email=dana@example.com"])
                .args(args)
                .current_dir(repo),
        );
    };
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "Start"]);
}

fn must(command: &mut Command) -> Output {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}
