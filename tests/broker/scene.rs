//! A host, a broker on its own clone, and people on another: real processes, and real accounts if the tests run as
//! root.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use undersign::command::authorization::{Authorization, RUNS, RequestText, View};
use undersign::command::records::AuthorizationRecord;
use undersign::command::statement::Statement;
use undersign::command::{RunChain, RunRecord, Verdict, authorization};
use undersign::ledger::append_to;
use undersign::ledger::families::{Family as _, Keys, read_family};
use undersign::record::chain::{Link, file_name};
use undersign::record::statement::{Decimal, Link as Place, PolicyName, RepositoryName};
use undersign::record::{ChainId, Signable as _};
use undersign::sync::Prompts;
use undersign::sync::families::{Sent, fetch, send};
use undersign::worker::Ports;

use crate::desk::{Session, ports};
use crate::support::{Fixture, git_in, now, policy};

const DEVICE: &str = "0123456789abcdef";
/// What may be requested at the target.
pub const COMMANDS: &str = "\n[[target.prod.command]]\nname = \"script\"\nargv = [\"/bin/sh\", \"{input:script}\"]\n\
                        [[target.prod.command]]\nname = \"id\"\nargv = [\"/usr/bin/id\", \"{word}\"]\nunasked = true\n";

/// Variables of the broker that would change what programs do: none reaches a run.
pub const HOSTILE: [(&str, &str); 8] = [
    ("TF_CLI_ARGS_apply", "-destroy"),
    ("KUBECTL_EXTERNAL_DIFF", "/bin/false"),
    ("KUBERC", "/nowhere"),
    ("KUBECONFIG", "/nowhere"),
    ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    ("PGSERVICEFILE", "/nowhere"),
    ("PSQLRC", "/nowhere"),
    ("BASH_ENV", "/nowhere"),
];

/// Those of them that name a file in the folder of a scene, so that a test can put one there that acts.
pub const ACTING: [(&str, &str); 2] = [("KUBECONFIG", "kubeconfig"), ("PSQLRC", "psqlrc")];

/// The file of the organization, with the people of other fixtures.
pub fn organization(version: u64) -> String {
    let alone = policy("");
    let (_, people) = alone.split_once("[people.").unwrap();
    let (people, _) = people.split_once("[ai]").unwrap();
    format!("schema = \"undersign-organization/v1\"\nversion = {version}\norganization = \"acme\"\n[people.{people}")
}

/// Where tests lock accounts that they use.
fn locks() -> PathBuf {
    let dir = std::env::temp_dir().join(format!("undersign-test-accounts-{}", own_uid()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// An account that neither a user nor another scene has: whatever still runs under it is ended. The numbers are above
/// those that containers get, and a lock keeps other runs of the tests out.
pub fn unused_uid() -> u32 {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let dir = locks();
    loop {
        let own = std::process::id() % 1_000_000 * 100 + NEXT.fetch_add(1, Ordering::Relaxed);
        let uid = 2_000_000_000 + own % 100_000_000;
        let file = File::options().create(true).append(true).open(dir.join(uid.to_string())).unwrap();
        if file.try_lock().is_ok() {
            assert_eq!(processes_of(uid), Vec::<u32>::new(), "account {uid} is nobody's");
            HELD.lock().unwrap().push(file);
            return uid;
        }
    }
}

/// Takes an account that the machine has for one test; false, said aloud, if something runs in it or another test has
/// it: a run would end that.
pub fn takes(uid: u32) -> bool {
    static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());
    let dir = locks();
    let file = File::options().create(true).append(true).open(dir.join(uid.to_string())).unwrap();
    let is_free = file.try_lock().is_ok() && processes_of(uid).is_empty();
    if !is_free {
        eprintln!("skipped: something runs in account {uid}");
    }
    HELD.lock().unwrap().push(file);
    is_free
}

/// What runs in an account.
pub fn processes_of(uid: u32) -> Vec<u32> {
    let is_of = |status: &str| {
        let own = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
        let is_over = status.lines().any(|line| line.starts_with("State:\tZ") || line.starts_with("State:\tX"));
        !is_over && own.split_ascii_whitespace().any(|id| id.parse() == Ok(uid))
    };
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| std::fs::read_to_string(format!("/proc/{id}/status")).is_ok_and(|text| is_of(&text))).collect()
}

/// Whether this is root with accounts to spare: root of a user namespace may have only its own.
pub fn is_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    own_uid() == 0 && map.lines().any(|line| line.ends_with("4294967295"))
}

pub fn own_uid() -> u32 {
    let said = Command::new("id").arg("-u").output().unwrap().stdout;
    String::from_utf8(said).unwrap().trim().parse().unwrap()
}

/// The result of a command of the program.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub struct Scene {
    pub f: Fixture,
    /// The account of its runs.
    pub uid: u32,
    serving: Option<Child>,
}

pub struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Scene {
    /// A running broker without requests. `extra` goes into the table of the target, `settings` into that of the
    /// broker's settings.
    pub fn new(extra: &str, settings: &str) -> Scene {
        Scene::new_in("/", extra, settings)
    }

    /// As [`Scene::new`]; commands run in a folder beside the repositories.
    pub fn new_in(cwd: &str, extra: &str, settings: &str) -> Scene {
        Scene::with_policy(cwd, settings, |target| policy(&format!("{target}{extra}{COMMANDS}")))
    }

    /// The people of the policy come from an organization, whose file is beside the repositories.
    pub fn inheriting() -> Scene {
        let inherited = |target: &str| {
            let alone = policy(&format!("{target}{COMMANDS}"));
            let (before, people) = alone.split_once("[people.").unwrap();
            let (_, after) = people.split_once("[ai]").unwrap();
            format!("{}[ai]{after}", before.replace("[refs]", "inherits = \"acme\"\n[refs]"))
        };
        let mut scene = Scene::prepared("/", "", ["", ""]);
        scene.publish(&organization(1));
        scene.f.git("dana", &["config", "undersign.organization", &scene.at("acme.toml")]);
        scene.start(inherited);
        scene
    }

    /// Puts the file of the organization beside the repositories.
    pub fn publish(&self, organization: &str) {
        std::fs::write(self.at("acme.toml"), organization).unwrap();
    }

    /// A broker that consists of jobs of CI: see [`Scene::job`].
    pub fn of_jobs(extra: &str) -> Scene {
        let scene = Scene { f: Fixture::new(), uid: own_uid(), serving: None };
        let key = ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &scene.at("key")];
        assert!(Command::new("ssh-keygen").args(key).status().unwrap().success());
        let key = std::fs::read_to_string(scene.at("key.pub")).unwrap();
        let target = format!(
            "[broker.ops]\nkey = \"{}\"\n[target.prod]\nbroker = \"ops\"\nlevel = \"L1\"\npresence = \"none\"\n\
             cooling = \"0s\"\nsign = [{{ role = \"senior\", n = 1 }}]\n{extra}{COMMANDS}",
            key.trim()
        );
        scene.f.write(".undersign/policy.toml", &policy(&target));
        scene.f.commit("rahim", "Let jobs run commands");
        scene.f.git("rahim", &["clone", "-q", "--bare", ".", &scene.at("host.git")]);
        scene.f.git("rahim", &["remote", "add", "origin", &scene.at("host.git")]);
        scene
    }

    /// A new job, which has nothing but the key, the settings and the pinned commit.
    pub fn job(&self, name: &str, settings: &str) {
        let (state, clone) = (format!("job-{name}"), format!("job-{name}.git"));
        for dir in [&state, &clone] {
            let _ = std::fs::remove_dir_all(self.at(dir));
        }
        git_in(self.f.dir.path(), "rahim", &["clone", "-q", "--bare", "host.git", &clone]);
        let text = format!(
            "ci = true\nrepository = \"{}\"\nremote = \"origin\"\npolicy_branch = \"refs/heads/main\"\n\
             [target.prod]\ncwd = \"/\"\n{settings}\n[target.prod.env]\nPATH = \"/usr/bin:/bin\"\n",
            self.at(&clone)
        );
        let file = self.at(&format!("job-{name}.toml"));
        std::fs::write(&file, text).unwrap();
        let made = self.program(&["broker", "init", &self.at(&state), "--settings", &file, "--key", &self.at("key")]);
        assert_eq!(made.code, 0, "{made:?}");
        let pinned = self.f.id("main");
        let pinned = self.program(&["broker", "pin", &self.at(&state), "--commit", &pinned]);
        assert_eq!(pinned.code, 0, "{pinned:?}");
    }

    /// `undersign exec` in a job.
    pub fn in_job(&self, name: &str, args: &[&str]) -> Said {
        self.program(&[&["exec", "--state", &self.at(&format!("job-{name}"))], args].concat())
    }

    /// A running broker under a policy that is made of its tables.
    pub fn with_policy(cwd: &str, settings: &str, policy: impl Fn(&str) -> String) -> Scene {
        let mut scene = Scene::prepared(cwd, settings, ["", ""]);
        scene.start(policy);
        scene
    }

    /// As [`Scene::new`]; `top` is added to the settings of the broker, and `operator` to those of mina.
    pub fn asked_by(top: &str, operator: &str, extra: &str) -> Scene {
        let mut scene = Scene::prepared("/", "", [top, operator]);
        scene.start(|target| policy(&format!("{target}{extra}{COMMANDS}")));
        scene
    }

    /// A running broker whose commands run in a given account.
    pub fn of_account(uid: u32, settings: impl Fn(&Scene) -> String, extra: impl Fn(&str) -> String) -> Scene {
        let mut scene = Scene { f: Fixture::new(), uid, serving: None };
        open(&scene.f.dir.path().to_path_buf());
        scene.settle("/", &settings(&scene), ["", ""]);
        scene.start(|target| policy(&extra(target)));
        scene
    }

    fn prepared(cwd: &str, settings: &str, askers: [&str; 2]) -> Scene {
        if !is_root() {
            eprintln!("at level L1 only: this is not root with accounts to spare");
        }
        let scene = Scene { f: Fixture::new(), uid: if is_root() { unused_uid() } else { own_uid() }, serving: None };
        open(&scene.f.dir.path().to_path_buf());
        scene.settle(cwd, settings, askers);
        scene
    }

    /// Starts the broker under the policy with its target, whose table can be continued.
    fn start(&mut self, policy: impl Fn(&str) -> String) {
        let scene = self;
        let key = scene.key_line();
        let target = format!(
            "[broker.ops]\n{key}\n[target.prod]\nbroker = \"ops\"\nlevel = \"{}\"\npresence = \"none\"\ncooling = \"0s\"\n\
             sign = [{{ role = \"senior\", n = 1 }}]\n",
            if is_root() { "L2" } else { "L1" }
        );
        scene.f.write(".undersign/policy.toml", &policy(&target));
        scene.f.commit("rahim", "Let a broker run scripts");
        scene.f.git("rahim", &["clone", "-q", "--bare", ".", &scene.at("host.git")]);
        scene.f.git("rahim", &["remote", "add", "origin", &scene.at("host.git")]);
        git_in(scene.f.dir.path(), "rahim", &["clone", "-q", "--bare", "host.git", "broker.git"]);
        if scene.f.dir.path().join("acme.toml").exists() {
            let (place, organization) = (scene.f.dir.path().join("broker.git"), scene.at("acme.toml"));
            git_in(&place, "rahim", &["config", "undersign.organization", &organization]);
        }
        assert_eq!(scene.program(&["broker", "pin", &scene.at("state")]).code, 0);
        scene.serve();
    }

    pub fn at(&self, name: &str) -> String {
        self.f.dir.path().join(name).display().to_string()
    }

    fn settle(&self, cwd: &str, settings: &str, [top, operator]: [&str; 2]) {
        let uid = self.uid;
        let cwd = self.f.dir.path().join(cwd).display().to_string();
        let text = format!(
            "repository = \"{}\"\nremote = \"origin\"\npolicy_branch = \"refs/heads/main\"\nsocket = \"{}\"\n{top}\n\
             [operator.mina]\nuids = [\"{}\"]\n{operator}\n\
             [target.prod]\nuid = {uid}\ngid = {uid}\ncwd = \"{cwd}\"\n{settings}\n\
             [target.prod.env]\nPATH = \"/usr/bin:/bin\"\n",
            self.at("broker.git"),
            self.at("socket"),
            own_uid()
        );
        std::fs::write(self.at("broker.toml"), text).unwrap();
    }

    fn key_line(&self) -> String {
        let said = self.program(&["broker", "init", &self.at("state"), "--settings", &self.at("broker.toml")]);
        assert_eq!(said.code, 0, "{said:?}");
        said.out.lines().find(|line| line.starts_with("key = ")).unwrap().to_owned()
    }

    pub fn serve(&mut self) {
        self.serving = Some(self.served("state", "socket"));
    }

    /// A second broker, on a copy of the directory; it ends when the returned value is dropped.
    pub fn copy(&self, state: &str, socket: &str) -> Ending {
        Ending(self.served(state, socket))
    }

    fn served(&self, state: &str, socket: &str) -> Child {
        let _ = std::fs::remove_file(self.at(socket));
        let child = Command::new(env!("CARGO_BIN_EXE_undersign"))
            .args(["broker", "serve", &self.at(state)])
            .env("SECRET_OF_THE_BROKER", "1")
            .envs(HOSTILE)
            .envs(ACTING.map(|(name, file)| (name, self.at(file))))
            .stderr(std::fs::File::create(self.at("broker.log")).unwrap())
            .spawn()
            .unwrap();
        let began = Instant::now();
        // The file is there before anybody listens.
        while std::os::unix::net::UnixStream::connect(self.at(socket)).is_err() {
            let log = || std::fs::read_to_string(self.at("broker.log")).unwrap_or_default();
            assert!(began.elapsed() < Duration::from_secs(60), "the broker does not serve: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        child
    }

    /// The most memory that the broker had so far, in bytes.
    pub fn peak(&self) -> u64 {
        let id = self.serving.as_ref().unwrap().id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Like `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.serving.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn program(&self, args: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_undersign")).args(args).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub fn undersign(&self, args: &[&str]) -> Said {
        self.program(&[&["--repo", self.f.repo.to_str().unwrap()], args].concat())
    }

    pub fn exec(&self, args: &[&str]) -> Said {
        self.undersign(&[&["exec", "--broker", &self.at("socket")], args].concat())
    }

    /// The same, by another account.
    pub fn exec_as(&self, uid: u32, args: &[&str]) -> Said {
        let program = self.at("undersign");
        if !Path::new(&program).exists() {
            let own = env!("CARGO_BIN_EXE_undersign");
            std::fs::hard_link(own, &program).or_else(|_| std::fs::copy(own, &program).map(|_| ())).unwrap();
        }
        let mut command = Command::new(program);
        command.args(["exec", "--broker", &self.at("socket")]).args(args).current_dir("/").uid(uid).gid(uid);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asks again while nothing can be decided, for at most half a minute.
    pub fn decided(&self, args: &[&str]) -> Said {
        let began = Instant::now();
        loop {
            let said = self.exec(args);
            if said.code != 4 || began.elapsed() > Duration::from_secs(30) {
                return said;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// A client that runs a request, and says nothing.
    pub fn running(&self, id: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_undersign"))
            .args(["exec", "--broker", &self.at("socket"), "run", id])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Requests a script; returns the id of the request.
    pub fn ask(&self, script: &str, why: &str) -> String {
        std::fs::write(self.at("script.sh"), script).unwrap();
        let input = format!("script={}", self.at("script.sh"));
        let said = self.exec(&[
            "request",
            "--target",
            "prod",
            "--input",
            &input,
            "--why",
            why,
            "--",
            "/bin/sh",
            "{input:script}",
        ]);
        assert_eq!(said.code, 0, "{said:?}");
        said.out.trim().to_owned()
    }

    /// The desk of a person, on the clone that people share.
    pub fn desk(&self, who: &str, size: (u16, u16)) -> Session {
        let drafts = self.f.dir.path().join(format!("drafts-{who}"));
        let ports = Ports { random: None, ..ports(&drafts, self.f.key(who)) };
        Session::over(vec![self.f.repo.clone()], ports, now(), size)
    }

    /// Signs about a request, like the desk, and sends it.
    pub fn sign(&self, who: &str, verdict: Verdict, id: &str) {
        self.sign_answering(who, verdict, id, &[]);
    }

    /// The same, for somebody who read these refusals. Returns the id of what was signed.
    pub fn sign_answering(&self, who: &str, verdict: Verdict, id: &str, answers: &[String]) -> String {
        let repository = self.f.repository();
        fetch::<RunRecord>(&repository, "origin", Prompts::Never, (&Keys::all(), &Keys::all())).unwrap();
        let (chain, signed) = self.sign_here(who, verdict, id, answers);
        assert_eq!(send::<AuthorizationRecord>(&repository, "origin", &chain, Prompts::Never), Sent::Taken);
        signed
    }

    /// Signs about a request that was fetched, and sends nothing.
    pub fn sign_here(&self, who: &str, verdict: Verdict, id: &str, answers: &[String]) -> (ChainId, String) {
        self.sign_for(who, who, verdict, (id, answers))
    }

    /// Signs in somebody's name, with a key of whoever.
    pub fn sign_for(
        &self,
        who: &str,
        principal: &str,
        verdict: Verdict,
        (id, answers): (&str, &[String]),
    ) -> (ChainId, String) {
        let repository = self.f.repository();
        let runs: Vec<RunChain> = read_family(&repository, true).unwrap();
        let record = runs.iter().flat_map(|chain| &chain.records).find(|record| record.id().to_string() == id).unwrap();
        let (key, run) = (self.f.key(who), record.run());
        let chain_id = ChainId { key: key.public.id().to_string(), device: DEVICE.into() };
        let (seq, prev) = AuthorizationRecord::chain(&repository, &chain_id).next();
        let policy = repository.policy_at(repository.resolve("main").unwrap()).unwrap();
        let undersign::source::git::PolicyState::Found(policy) = policy else { panic!("there is no policy") };
        let authorization = Authorization {
            verdict,
            principal: principal.into(),
            roles: policy.roster.by_id(who).unwrap().roles.clone(),
            repository: RepositoryName { id: policy.repository.clone(), uri: String::new() },
            target: run.target.clone(),
            broker: run.broker.clone(),
            request: RequestText { id: id.to_owned(), text: String::from_utf8(record.verified.payload()).unwrap() },
            command: run.command_digest().unwrap().to_string(),
            view: View { sha256: "7".repeat(64), rows: Decimal(9), seen: Decimal(9), omissions: Vec::new() },
            findings: Vec::new(),
            policy: PolicyName { version: Decimal(policy.version), sha256: policy.digest.to_string() },
            runs: Decimal(RUNS),
            issued_at: Decimal(now() as u64),
            not_before: Decimal(0),
            not_after: Decimal(now() as u64 + 1_800),
            supersedes: Vec::new(),
            answers: answers.to_vec(),
            chain: Place { key: chain_id.key.clone(), id: DEVICE.into(), seq: Decimal(seq), prev, forks: Vec::new() },
            seen: Vec::new(),
            nonce: format!("{seq:032x}"),
            tool: "test".into(),
            reason: "as said".into(),
        };
        let payload = Statement::new(authorization).encode();
        let envelope = key.sign_for(authorization::NAMESPACE, payload, None).unwrap().encode();
        let link = Link { name: file_name(seq), envelope, ..Link::default() };
        let signed = append_to::<AuthorizationRecord>(&repository, &chain_id, link, now()).unwrap();
        (chain_id, signed.id().to_string())
    }
}

/// The account of a run must be able to reach what it reads.
fn open(dir: &PathBuf) {
    std::fs::set_permissions(dir, std::os::unix::fs::PermissionsExt::from_mode(0o711)).unwrap();
}
