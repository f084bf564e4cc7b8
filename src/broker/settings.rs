//! The broker's settings by its operator, outside of the policy: where its repository is, which accounts may ask, and
//! in which account and folder and with which credential the commands of each target run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::certificate::{self, Login};
use crate::change::digest::Digest;
use crate::datafile::{self, FileError, Placed, Table};
use crate::record::{Key, json};

/// The default time limit of a run: 30 minutes.
const TIME: i64 = 30 * 60;
/// The default limit for kept output, in bytes.
const OUTPUT: u64 = 1 << 20;
/// The highest limit for kept output, in bytes.
const MAX_OUTPUT: u64 = 64 << 20;

/// All settings of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The broker's own repository, with the policy branch and the ledger.
    pub repository: PathBuf,
    /// The remote by which it is shared; without one, this repository is the ledger for everybody.
    pub remote: Option<String>,
    /// The full name of the policy branch.
    pub policy_branch: String,
    /// The path of its socket; a job of CI has none.
    pub socket: PathBuf,
    /// Whether it is a job of CI: nothing stays on its disk, so its chain is the remote's.
    pub is_ci: bool,
    /// IDs of people, by the accounts whose requests are theirs.
    pub operators: BTreeMap<u32, String>,
    /// The account in which sshd relays requests; no other may say by which key one came.
    pub ssh_uid: Option<u32>,
    /// Keys that log in there, by fingerprint.
    pub keys: BTreeMap<String, AgentKey>,
    /// Branches with requests: their full names, which may end in `*`, and whose they are said to be.
    pub branches: BTreeMap<String, String>,
    /// The command that is told of requests: a program by its whole path, and its arguments.
    pub notify: Vec<String>,
    /// By the name of the target.
    pub targets: BTreeMap<String, TargetSettings>,
}

/// A key with which an agent asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentKey {
    /// The person for whom it asks.
    pub operator: String,
    pub key: Key,
}

/// How commands of a target run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TargetSettings {
    /// The account, by number.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The folder.
    pub cwd: String,
    /// The whole environment, except the secrets and what a draft may set.
    pub env: BTreeMap<String, String>,
    /// Variables whose values are in files; each value is the whole file without the final line feed.
    pub secrets: BTreeMap<String, String>,
    /// The role of the input that commands read from standard input; empty if there is none.
    pub stdin: String,
    /// The account and group in which plans are shown; without it, plans have no preview.
    pub preview: Option<(u32, u32)>,
    /// Roles of inputs that stay with the broker.
    pub keep: Vec<String>,
    /// Seconds.
    pub time: i64,
    /// Bytes of output that are kept.
    pub output: u64,
    /// Where its commands log in, with a certificate for one run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh: Option<Login>,
}

impl TargetSettings {
    /// The digest by which a request names these: if they change, a new request is needed.
    pub fn digest(&self) -> Digest {
        Digest::of(&json::encode(self))
    }
}

impl Settings {
    /// Parses a settings file; rejects it as a whole, with all of its mistakes.
    ///
    /// # Errors
    /// All mistakes, each with its line.
    pub fn parse(file: &str, source: &str) -> Result<Settings, FileError> {
        datafile::read(file, source, |root| {
            let (repository, branch) = (root.need_string("repository"), root.need_string("policy_branch"));
            if let Some(short) = branch.as_ref().filter(|branch| !branch.value.starts_with("refs/heads/")) {
                short.mistake("`policy_branch` is the full name of a branch: refs/heads/main");
            }
            let (is_ci, remote) = (is_ci(root), root.string("remote"));
            let socket =
                if is_ci { Some(PathBuf::new()) } else { root.need_string("socket").map(|it| it.value.into()) };
            let (operators, targets) = (operators(root), targets(root, is_ci));
            let ssh_uid = root.has_value("ssh_uid").then(|| account(root, "ssh_uid")).flatten();
            if ssh_uid == Some(0) {
                root.mistake("`ssh_uid` is an account that does nothing but relay, and not root");
            }
            if let Some(uid) = ssh_uid.filter(|uid| operators.uids.contains_key(uid)) {
                root.mistake(format!("`ssh_uid` is {uid}, the account of an operator: it relays for all"));
            }
            let notify = notify(root, is_ci);
            Some(Settings {
                repository: repository?.value.into(),
                remote: remote.map(|remote| remote.value),
                policy_branch: branch?.value,
                socket: socket?,
                is_ci,
                operators: operators.uids,
                ssh_uid,
                keys: operators.keys,
                branches: operators.branches,
                notify,
                targets,
            })
        })
    }
}

fn is_ci(root: &Table<'_>) -> bool {
    let Some(told) = root.boolean("ci").filter(|ci| ci.value) else { return false };
    if !root.has("remote") {
        told.mistake("a job of CI needs `remote`: nothing else keeps what it signs");
    }
    for key in ["socket", "operator", "ssh_uid"].into_iter().filter(|key| root.has_value(key)) {
        told.mistake(format!("a job of CI has no `{key}`: nobody else can reach it, and its account is nobody's"));
    }
    true
}

fn notify(root: &Table<'_>, is_ci: bool) -> Vec<String> {
    let words = root.strings("notify");
    match words.first() {
        Some(program) if is_ci => program.mistake("a job of CI has no `notify`: it ends before anybody could look"),
        Some(program) if !program.value.starts_with('/') => {
            program.mistake("`notify` begins with the whole path of a program");
        }
        None if root.has("notify") => root.mistake("`notify` needs a program: notify = [\"/usr/local/bin/notify\"]"),
        _ => {}
    }
    words.into_iter().map(|word| word.value).collect()
}

/// What tells whose a request is.
#[derive(Default)]
struct Operators {
    uids: BTreeMap<u32, String>,
    keys: BTreeMap<String, AgentKey>,
    branches: BTreeMap<String, String>,
}

fn operators(root: &Table<'_>) -> Operators {
    let mut operators = Operators::default();
    let Some(table) = root.table("operator") else { return operators };
    for (id, entry) in table.named_tables() {
        entry.strings("uids").iter().for_each(|text| operators.add_uid(text, &id.value));
        entry.strings("keys").iter().for_each(|text| operators.add_key(text, &id.value));
        entry.strings("branches").iter().for_each(|text| operators.add_branch(text, &id.value));
    }
    operators
}

impl Operators {
    fn add_uid(&mut self, text: &Placed<'_, String>, id: &str) {
        match text.value.parse::<u32>() {
            Ok(uid) if uid != crate::command::request::OVERFLOW_UID => {
                if let Some(other) = self.uids.insert(uid, id.to_owned()).filter(|other| other != id) {
                    text.mistake(format!("the account {uid} is already that of {other}: whose request would it be?"));
                }
            }
            _ => text.mistake("`uids` are numbers of accounts, as strings; 65534 is nobody's"),
        }
    }

    fn add_key(&mut self, text: &Placed<'_, String>, id: &str) {
        let Ok(key) = Key::from_openssh(&text.value) else {
            return text.mistake("`keys` are public keys, as OpenSSH writes them: `ssh-ed25519 AAAA…`");
        };
        let own = AgentKey { operator: id.to_owned(), key };
        let before = self.keys.insert(own.key.fingerprint(), own);
        if let Some(other) = before.filter(|other| other.operator != id) {
            text.mistake(format!("this key is already that of {}: whose request would it be?", other.operator));
        }
    }

    fn add_branch(&mut self, text: &Placed<'_, String>, id: &str) {
        let name = text.value.strip_suffix('*').unwrap_or(&text.value);
        // With it, git checks that the name is one.
        let whole = if name.len() < text.value.len() { format!("{name}x") } else { name.to_owned() };
        if !name.starts_with("refs/heads/") || !git2::Reference::is_valid_name(&whole) {
            return text.mistake("`branches` are full names, and may end in *: refs/heads/agents/mina/*");
        }
        if let Some(other) = self.branches.insert(text.value.clone(), id.to_owned()).filter(|other| other != id) {
            text.mistake(format!("this branch is already that of {other}"));
        }
    }
}

fn targets(root: &Table<'_>, is_ci: bool) -> BTreeMap<String, TargetSettings> {
    let Some(table) = root.table("target") else { return BTreeMap::new() };
    table.named_tables().into_iter().filter_map(|(name, entry)| Some((name.value, target(&entry, is_ci)?))).collect()
}

fn target(entry: &Table<'_>, is_ci: bool) -> Option<TargetSettings> {
    // A job has one account, whose number says nothing.
    let (uid, gid) = if is_ci { (Some(0), Some(0)) } else { (account(entry, "uid"), account(entry, "gid")) };
    let cwd = entry.need_string("cwd");
    if let Some(relative) = cwd.as_ref().filter(|cwd| !cwd.value.starts_with('/')) {
        relative.mistake("`cwd` is an absolute path");
    }
    let output = entry.number("output");
    if let Some(large) = output.as_ref().filter(|output| output.value > MAX_OUTPUT) {
        large.mistake(format!("`output` is at most {MAX_OUTPUT} bytes"));
    }
    let (env, secrets) = (texts(entry, "env"), texts(entry, "secrets"));
    let time = entry.duration("time").map_or(TIME, |time| time.value);
    let stdin = entry.string("stdin").map(|role| role.value).unwrap_or_default();
    let keep = entry.strings("keep").into_iter().map(|role| role.value).collect();
    let ssh = entry.table("ssh").map(|table| login(&table));
    if ssh.is_some() && !secrets.is_empty() {
        entry.mistake("what logs in with a certificate takes no `secrets`: they would be in the environment of ssh");
    }
    let preview =
        entry.has("preview_uid").then(|| Some((account(entry, "preview_uid")?, account(entry, "preview_gid")?)));
    Some(TargetSettings {
        uid: uid?,
        gid: gid?,
        cwd: cwd?.value,
        env,
        secrets,
        stdin,
        preview: preview.flatten(),
        keep,
        time: time.max(1),
        output: output.map_or(OUTPUT, |output| output.value),
        ssh: ssh.flatten(),
    })
}

fn login(entry: &Table<'_>) -> Option<Login> {
    let [user, host, ca, source] = ["user", "host", "ca", "source"].map(|key| entry.need_string(key));
    for name in [&user, &host].into_iter().flatten().filter(|name| !certificate::is_name(&name.value)) {
        name.mistake("`user` and `host` consist of letters, digits and . _ - :");
    }
    let port = entry.number("port");
    if let Some(wrong) = port.as_ref().filter(|port| !(1..=65_535).contains(&port.value)) {
        wrong.mistake("`port` is a number from 1 to 65535");
    }
    let keys = entry.strings("host_keys");
    if keys.is_empty() {
        entry.mistake("[target.NAME.ssh] needs `host_keys`, the public keys of the host");
    }
    let is_line = |key: &str| key.starts_with(|c: char| c.is_ascii_alphabetic()) && !key.contains(['\n', '\r', '\0']);
    for key in keys.iter().filter(|key| !is_line(&key.value)) {
        key.mistake("`host_keys` are public keys, as OpenSSH writes them: `ssh-ed25519 AAAA…`");
    }
    Some(Login {
        user: user?.value,
        host: host?.value,
        port: port.map_or(22, |port| u32::try_from(port.value).unwrap_or(22)),
        host_keys: keys.into_iter().map(|key| key.value).collect(),
        ca: ca?.value,
        source: source?.value,
    })
}

fn account(entry: &Table<'_>, key: &str) -> Option<u32> {
    let number: Placed<'_, u64> = entry.need_number(key)?;
    let id = u32::try_from(number.value).ok().filter(|&id| id != u32::MAX);
    if id.is_none() {
        number.mistake(format!("`{key}` is the number of an account"));
    }
    id
}

fn texts(entry: &Table<'_>, key: &str) -> BTreeMap<String, String> {
    let Some(table) = entry.table(key) else { return BTreeMap::new() };
    let text = |name: &Placed<'_, String>| Some((name.value.clone(), table.string(&name.value)?.value));
    table.keys().iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "repository = \"/srv/shop.git\"\npolicy_branch = \"refs/heads/main\"\nsocket = \"/run/u.sock\"\n\
        [operator.mina]\nuids = [\"1000\"]\n\
        [target.prod]\nuid = 990\ngid = 990\ncwd = \"/srv\"\n[target.prod.env]\nPATH = \"/usr/bin\"\n";

    const LOGIN: &str = "[target.prod.ssh]\nuser = \"deploy\"\nhost = \"a.example\"\n\
        host_keys = [\"ssh-ed25519 A\"]\nca = \"/ca\"\nsource = \"10.0.0.1/32\"\n";

    #[test]
    fn settings_are_read_and_every_mistake_is_told() {
        let read = Settings::parse("s", SOUND).unwrap();
        assert_eq!(read.operators.get(&1000).map(String::as_str), Some("mina"));
        assert_eq!((read.targets["prod"].time, read.targets["prod"].output), (1_800, 1 << 20));
        for (from, to, wanted) in [
            ("refs/heads/main", "main", "full name of a branch"),
            ("\"1000\"]", "\"1000\"]\n[operator.dana]\nuids = [\"1000\"]", "already that of mina"),
            ("\"1000\"", "\"65534\"", "65534 is nobody's"),
            ("uid = 990\n", "", "needs `uid`"),
            ("cwd = \"/srv\"", "cwd = \"srv\"", "absolute path"),
            ("gid = 990", "gid = 4294967295", "number of an account"),
            ("\"1000\"]", "\"1000\"]\nkeys = [\"ssh-ed25519 A\"]", "are public keys"),
            ("\"1000\"]", "\"1000\"]\nbranches = [\"main\"]", "are full names"),
            ("\"1000\"]", "\"1000\"]\nbranches = [\"refs/heads/*/x\"]", "are full names"),
            ("socket", "ssh_uid = 0\nsocket", "and not root"),
            ("socket", "ssh_uid = 1000\nsocket", "the account of an operator"),
            ("[target.prod.env]", &format!("{LOGIN}[target.prod.env]").replace("a.example", "-a"), "`user` and `host`"),
            (
                "[target.prod.env]",
                &format!("{LOGIN}[target.prod.env]").replace("[\"ssh", "[] # [\"ssh"),
                "needs `host_keys`",
            ),
            ("[target.prod.env]", &format!("{LOGIN}[target.prod.env]").replace("ca =", "# ca ="), "needs `ca`"),
            (
                "[target.prod.env]",
                &format!("{LOGIN}[target.prod.secrets]\nA = \"/a\"\n[target.prod.env]"),
                "takes no `secrets`",
            ),
            ("[target.prod.env]", "surprise = 1\n[target.prod.env]", "unknown key `surprise`"),
            ("socket", "notify = []\nsocket", "needs a program"),
            ("socket", "notify = [\"tell\"]\nsocket", "the whole path of a program"),
            ("socket", "ci = true\nremote = \"origin\"\nnotify = [\"/x\"]\nsocket", "has no `notify`"),
            ("socket", "ci = true\nsocket", "needs `remote`"),
            ("socket", "ci = true\nremote = \"origin\"\nsocket", "has no `socket`"),
            ("socket", "ci = true\nremote = \"origin\"\nsocket", "has no `operator`"),
            ("socket", "ci = true\nremote = \"origin\"\nsocket", "unknown key `uid`"),
        ] {
            assert!(SOUND.contains(from), "{from}");
            let said = Settings::parse("s", &SOUND.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(said.contains(wanted), "{said}");
        }
    }

    #[test]
    fn a_change_of_the_settings_of_a_target_is_another_digest() {
        let digest = |source: &str| Settings::parse("s", source).unwrap().targets["prod"].digest();
        assert_eq!(digest(SOUND), digest(&SOUND.replace("u.sock", "v.sock")));
        assert_ne!(digest(SOUND), digest(&SOUND.replace("/usr/bin", "/bin")));
    }
}
