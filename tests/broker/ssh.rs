//! Requests over ssh: each agent has a key, sshd runs a forced command for it, and the broker says whose it is.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use undersign::command::request::Proof;
use undersign::command::{Event, Verdict};

use crate::branches::records;
use crate::scene::{Scene, is_root, unused_uid};

const UNDERSIGN: &str = env!("CARGO_BIN_EXE_undersign");

/// A real sshd on the loopback, in a mount namespace of its own, where there is an account for agents.
pub struct Sshd {
    child: Child,
    port: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

pub fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

pub fn keygen(path: &str) -> String {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path]).status().unwrap();
    assert!(made.success());
    std::fs::read_to_string(format!("{path}.pub")).unwrap().trim().to_owned()
}

impl Sshd {
    /// None if there is no sshd here. The host key is made before, and `options` say whom it lets in.
    pub fn start(scene: &Scene, port: &str, (name, uid): (&str, u32), options: &str) -> Option<Sshd> {
        if !Path::new("/usr/sbin/sshd").exists() {
            eprintln!("skipped: there is no sshd here (package openssh-server)");
            return None;
        }
        let home = scene.at("");
        let passwd =
            std::fs::read_to_string("/etc/passwd").unwrap() + &format!("{name}:*:{uid}:{uid}::{home}:/bin/sh\n");
        std::fs::write(scene.at("passwd"), passwd).unwrap();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\n{options}\n",
            scene.at("host"),
        );
        std::fs::write(scene.at("sshd_config"), config).unwrap();
        let script = "mount --bind \"$1\" /etc/passwd && mount -t tmpfs none /run && mkdir /run/sshd && \
                      exec /usr/sbin/sshd -D -e -f \"$2\"";
        let child = Command::new("unshare")
            .args(["-m", "sh", "-c", script, "sh", &scene.at("passwd"), &scene.at("sshd_config")])
            .stderr(std::fs::File::create(scene.at("sshd.log")).unwrap())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_err() {
            let log = || std::fs::read_to_string(scene.at("sshd.log")).unwrap();
            assert!(began.elapsed() < Duration::from_secs(30), "sshd does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Sshd { child, port: port.to_owned() })
    }

    /// A program that is ssh with the key of an agent.
    fn client(&self, scene: &Scene, key: &str) -> String {
        let (path, known) = (scene.at(&format!("ssh-{key}")), scene.at("known_hosts"));
        let host = std::fs::read_to_string(scene.at("host.pub")).unwrap();
        std::fs::write(&known, format!("[127.0.0.1]:{} {host}", self.port)).unwrap();
        let options = format!(
            "-F none -p {} -i {} -o UserKnownHostsFile={known} -o IdentitiesOnly=yes",
            self.port,
            scene.at(key)
        );
        std::fs::write(&path, format!("#!/bin/sh\nexec ssh {options} \"$@\"\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }
}

/// `undersign exec` of an agent at the other end.
fn over_ssh(client: &str, args: &[&str]) -> Output {
    let mut command = Command::new(UNDERSIGN);
    command.args(["exec", "--broker", "ssh:ask@127.0.0.1"]).args(args).env("UNDERSIGN_SSH", client);
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A broker with an account for sshd, and keys of two agents of mina.
fn scene() -> Option<(Scene, u32)> {
    if !is_root() {
        eprintln!("skipped: only root has an account for sshd");
        return None;
    }
    let (dir, uid) = (tempfile::tempdir().unwrap(), unused_uid());
    let keys = ["one", "two"].map(|name| keygen(&dir.path().join(name).display().to_string()));
    let scene = Scene::asked_by(&format!("ssh_uid = {uid}"), &format!("keys = {keys:?}"), "");
    for name in ["one", "two", "one.pub"] {
        std::fs::copy(dir.path().join(name), scene.at(name)).unwrap();
    }
    // sshd runs it in another account, which may not reach where it was built. Copied by another process: what another
    // test starts meanwhile would hold it open for writing, and nobody could run it ("Text file busy").
    assert!(Command::new("cp").args([UNDERSIGN, &scene.at("undersign")]).status().unwrap().success());
    let lines = Command::new(scene.at("undersign")).args(["broker", "keys", &scene.at("state")]).output().unwrap();
    assert!(lines.status.success(), "{lines:?}");
    std::fs::write(scene.at("authorized_keys"), lines.stdout).unwrap();
    Some((scene, uid))
}

#[test]
fn an_agent_asks_over_ssh_with_a_key_of_its_own_and_with_no_other() {
    let Some((scene, uid)) = scene() else { return };
    keygen(&scene.at("host"));
    let keys = format!("AuthorizedKeysFile {}", scene.at("authorized_keys"));
    let Some(sshd) = Sshd::start(&scene, &free_port(), ("ask", uid), &keys) else { return };
    keygen(&scene.at("stranger"));
    let [one, two, stranger] = ["one", "two", "stranger"].map(|key| sshd.client(&scene, key));
    std::fs::write(scene.at("script.sh"), "echo over ssh; exit 3").unwrap();
    let input = format!("script={}", scene.at("script.sh"));
    let asked = over_ssh(&one, &["request", "--target", "prod", "--input", &input, "--", "/bin/sh", "{input:script}"]);
    assert!(asked.status.success(), "{asked:?} {}", std::fs::read_to_string(scene.at("sshd.log")).unwrap());
    let id = text(&asked.stdout).trim().to_owned();
    let admitted = records(&scene).into_iter().find_map(|(_, event)| match event {
        Event::Admitted(request) => Some(request),
        _ => None,
    });
    let asked = admitted.unwrap().asked;
    let fingerprint = Command::new("ssh-keygen").args(["-lf", &scene.at("one.pub")]).output().unwrap();
    let fingerprint = text(&fingerprint.stdout).split(' ').nth(1).unwrap().to_owned();
    assert_eq!((asked.operator.as_str(), asked.proof, asked.by), ("mina", Proof::Proven, format!("key {fingerprint}")));
    scene.sign("dana", Verdict::Authorize, &id);
    // Not even the key of another agent of the same person.
    for what in ["run", "stop", "log"] {
        let other = over_ssh(&two, &[what, &id]);
        let told = text(&other.stderr);
        assert!(other.status.code() == Some(2) && told.contains("Another account or key"), "{what}: {other:?}");
    }
    let unknown = over_ssh(&stranger, &["status", &id]);
    assert!(!unknown.status.success() && text(&unknown.stderr).contains("Permission denied"), "{unknown:?}");
    let ran = over_ssh(&one, &["run", &id]);
    assert_eq!((ran.status.code(), text(&ran.stdout)), (Some(3), "over ssh\n".to_owned()), "{ran:?}");
    // Whatever else the key is used for, sshd runs the relay, which says nothing but the broker's answers.
    let shell =
        Command::new(&one).args(["ask@127.0.0.1", "id; cat /etc/passwd"]).stdin(Stdio::null()).output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&shell.stdout).unwrap();
    assert!(answer["code"] == 64 && !text(&shell.stdout).contains("root:"), "{shell:?}");
    let port = free_port();
    let forward = format!("127.0.0.1:{port}:127.0.0.1:22");
    let forwarded = Command::new(&one)
        .args(["-oExitOnForwardFailure=yes", "-R", &forward, "ask@127.0.0.1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(text(&forwarded.stderr).contains("forwarding failed"), "{forwarded:?}");
}

#[test]
fn only_the_account_of_sshd_says_by_which_key_somebody_asks_and_it_asks_nothing_itself() {
    let Some((scene, uid)) = scene() else { return };
    let fingerprint = Command::new("ssh-keygen").args(["-lf", &scene.at("one.pub")]).output().unwrap();
    let fingerprint = text(&fingerprint.stdout).split(' ').nth(1).unwrap().to_owned();
    let id = "0".repeat(64);
    let relay = |uid: u32, key: &str, message: &str| {
        let mut command = Command::new(scene.at("undersign"));
        command.args(["broker", "relay", "--socket", &scene.at("socket"), key]).uid(uid).gid(uid);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), message.as_bytes()).unwrap();
        let said: serde_json::Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();
        (said["code"].as_u64().unwrap(), said["text"].as_str().unwrap().to_owned())
    };
    let status = format!("{{\"do\":\"status\",\"id\":\"{id}\"}}\n");
    let known = relay(uid, &fingerprint, &status);
    assert!(known.0 == 2 && known.1.contains("admitted no such request"), "{known:?}");
    let nested = format!("{{\"do\":\"relayed\",\"key\":\"{fingerprint}\",\"ask\":{}}}\n", status.trim());
    for (uid, key, message, words) in [
        (0, fingerprint.as_str(), &status, "relays nothing"),
        (unused_uid(), &fingerprint, &status, "relays nothing"),
        (uid, "SHA256:nobody", &status, "to nobody"),
        (uid, &fingerprint, &nested, "relayed once"),
    ] {
        let said = relay(uid, key, message);
        assert!(said.0 == 2 && said.1.contains(words), "{uid} {said:?}");
    }
    let mut own = Command::new(scene.at("undersign"));
    own.args(["exec", "--broker", &scene.at("socket"), "status", &id]).uid(uid).gid(uid);
    let own = own.output().unwrap();
    assert!(own.status.code() == Some(2) && text(&own.stderr).contains("asks nothing itself"), "{own:?}");
}
