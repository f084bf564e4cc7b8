//! Level L3: a login whose key exists for one run. The broker makes a key, certifies it with the CA of the target for
//! one command, and is the agent of the ssh that it starts. The key never leaves its memory, and signs one login: a
//! certificate alone would be good for any number of them.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ed25519_dalek::Signer as _;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use serde::Serialize;
use ssh_key::certificate::{Builder, CertType};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{Certificate, PrivateKey};

use crate::change::shown_word;
use crate::command::request::{Command, bytes};
use crate::random::random;
use crate::record::RecordId;
use crate::record::wire::{put, take};

/// Seconds for which a certificate is good.
const VALID: u64 = 5 * 60;
/// Seconds by which the clock of a target may be behind.
const SKEW: u64 = 60;
/// What an argument may consist of besides letters and digits: no shell reads anything into these.
const PLAIN: &str = "@%+=:,./_-";
/// The largest message of an agent's client, in bytes.
const MAX_MESSAGE: usize = 64 << 10;
/// How long a client may take over one message.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether somebody connects.
const TICK: Duration = Duration::from_millis(10);

/// Where commands of a target log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    pub user: String,
    pub host: String,
    pub port: u32,
    /// The keys of that host: no other is spoken to.
    pub host_keys: Vec<String>,
    /// The file of the CA's private key.
    pub ca: String,
    /// From which addresses a certificate is good, as sshd reads them: `10.0.0.5/32`.
    pub source: String,
}

impl Login {
    /// Why a command is not one that is run over this login.
    pub fn refusal(&self, command: &Command) -> Option<String> {
        let place = format!("{}@{}", self.user, self.host);
        let (program, rest) = command.argv.split_first()?;
        if program.rsplit('/').next() != Some("ssh") || rest.first() != Some(&place) {
            return Some(format!("Commands of this target are run as `ssh {} PROGRAM ARGUMENT…`.", shown_word(&place)));
        }
        let remote = &rest[1..];
        if !remote.first().is_some_and(|program| program.starts_with('/')) {
            return Some(format!("The program at {} is named by its whole path.", self.host));
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(c);
        if remote.iter().any(|argument| argument.is_empty() || !argument.chars().all(is_plain)) {
            return Some(format!(
                "A shell at {} reads the arguments, so each consists of letters, digits and {PLAIN}.",
                self.host
            ));
        }
        let other = command.inputs.iter().find(|input| input.role != command.stdin)?;
        Some(format!("The input {} is not on the standard input, which is all that gets there.", other.role))
    }

    /// What the account at the other end runs.
    fn forced(&self, command: &Command) -> String {
        command.argv.get(2..).unwrap_or_default().join(" ")
    }

    /// The arguments of ssh: nothing of any configuration, of any other key, or of the host's wishes counts.
    fn client(&self, command: &Command, dir: &Path) -> Option<Vec<Vec<u8>>> {
        let file = |name: &str| dir.join(name).display().to_string();
        let options = [
            format!("IdentityAgent={}", file(AGENT)),
            format!("UserKnownHostsFile={}", file(HOSTS)),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "IdentityFile=none".to_owned(),
            "PreferredAuthentications=publickey".to_owned(),
            "BatchMode=yes".to_owned(),
            "ControlMaster=no".to_owned(),
            "ControlPath=none".to_owned(),
            "ClearAllForwardings=yes".to_owned(),
            "ForwardAgent=no".to_owned(),
            "PermitLocalCommand=no".to_owned(),
            "ProxyCommand=none".to_owned(),
            "ConnectTimeout=30".to_owned(),
            "LogLevel=ERROR".to_owned(),
        ];
        let mut argv = vec![bytes(command.argv.first()?)?];
        argv.extend(["-F", "none", "-T", "-p"].map(|word| word.as_bytes().to_vec()));
        argv.push(self.port.to_string().into_bytes());
        argv.extend(options.iter().flat_map(|option| [b"-o".to_vec(), option.clone().into_bytes()]));
        argv.extend(["-l", &self.user, "--", &self.host].map(|word| word.as_bytes().to_vec()));
        Some(argv)
    }

    fn known_hosts(&self) -> String {
        let name = if self.port == 22 { self.host.clone() } else { format!("[{}]:{}", self.host, self.port) };
        self.host_keys.iter().map(|key| format!("{name} {key}\n")).collect()
    }

    /// The CA's key.
    ///
    /// # Errors
    /// A sentence without a full stop: it cannot be used.
    pub fn ca(&self) -> Result<PrivateKey, String> {
        let wrong = |why: String| format!("the CA's key {} cannot be used: {why}", self.ca);
        let key = PrivateKey::read_openssh_file(Path::new(&self.ca)).map_err(|error| wrong(error.to_string()))?;
        if key.is_encrypted() { Err(wrong("it has a passphrase".to_owned())) } else { Ok(key) }
    }
}

const AGENT: &str = "agent";
const HOSTS: &str = "known_hosts";

/// All that one login needs.
pub(super) struct Prepared {
    pub argv: Vec<Vec<u8>>,
    listener: UnixListener,
    ca: PrivateKey,
    user: String,
    forced: String,
    source: String,
    principal: String,
    id: RecordId,
}

impl Prepared {
    /// Puts what ssh reads into a folder that only the broker writes to, readable by the account of the run.
    ///
    /// # Errors
    /// A sentence without a full stop.
    pub fn new(
        login: &Login,
        (id, target, command): (RecordId, &str, &Command),
        dir: &Path,
        account: Option<(u32, u32)>,
    ) -> Result<Prepared, String> {
        let failed = |error: std::io::Error| format!("{} cannot be written: {error}", dir.display());
        let ca = login.ca()?;
        let hosts = dir.join(HOSTS);
        std::fs::write(&hosts, login.known_hosts()).map_err(failed)?;
        std::fs::set_permissions(&hosts, std::fs::Permissions::from_mode(0o444)).map_err(failed)?;
        let socket = dir.join(AGENT);
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        if let Some((uid, gid)) = account {
            std::os::unix::fs::chown(&socket, Some(uid), Some(gid)).map_err(failed)?;
        }
        Ok(Prepared {
            argv: login.client(command, dir).ok_or("an argument is written in a way that it must not be")?,
            listener,
            ca,
            user: login.user.clone(),
            forced: login.forced(command),
            source: login.source.clone(),
            principal: format!("undersign:{target}"),
            id,
        })
    }

    /// Makes the key and its certificate, and answers the process that is ssh, and no other, until this is dropped.
    ///
    /// # Errors
    /// A sentence without a full stop.
    pub fn serve(self, pid: i32, now: i64) -> Result<Agent, String> {
        let pair = Ed25519Keypair::from_seed(&random()?);
        let certificate = self.certified(&pair, now).map_err(|error| format!("no certificate: {error}"))?;
        let blob = certificate.to_bytes().map_err(|error| error.to_string())?;
        let key = ed25519_dalek::SigningKey::try_from(&pair).map_err(|error| error.to_string())?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let mut answering = Answering { blob, key: Some(key), user: self.user };
        let listener = self.listener;
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((stream, _)) => _ = answering.client(&stream, pid),
                    Err(_) => std::thread::sleep(TICK),
                }
            }
        });
        Ok(Agent { stop, thread: Some(thread) })
    }

    fn certified(&self, pair: &Ed25519Keypair, now: i64) -> ssh_key::Result<Certificate> {
        let now = u64::try_from(now).unwrap_or_default();
        let nonce: [u8; 16] = random().map_err(|_| ssh_key::Error::Crypto)?;
        let mut builder =
            Builder::new(nonce, ssh_key::public::KeyData::from(pair.public), now.saturating_sub(SKEW), now + VALID)?;
        builder.cert_type(CertType::User)?;
        builder.key_id(self.id.to_string())?;
        builder.valid_principal(&self.principal)?;
        builder.critical_option("force-command", &self.forced)?;
        builder.critical_option("source-address", &self.source)?;
        builder.sign(&self.ca)
    }
}

/// The agent of one run; the key is gone when this is dropped.
pub(super) struct Agent {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What an agent knows.
struct Answering {
    blob: Vec<u8>,
    /// None once it has signed.
    key: Option<ed25519_dalek::SigningKey>,
    user: String,
}

// The protocol of agents: draft-ietf-sshm-ssh-agent.
const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
/// RFC 4252: the message that a client signs to log in.
const USERAUTH_REQUEST: u8 = 50;

impl Answering {
    /// Answers one connection to its end, if it is that of the process.
    fn client(&mut self, stream: &UnixStream, pid: i32) -> std::io::Result<()> {
        if !getsockopt(stream, PeerCredentials).is_ok_and(|peer| peer.pid() == pid) {
            return Ok(());
        }
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        while let Some(message) = read(stream)? {
            let answer = self.answer(&message).unwrap_or_else(|| vec![FAILURE]);
            let mut framed = Vec::new();
            put(&mut framed, &answer);
            std::io::Write::write_all(&mut &*stream, &framed)?;
            if self.key.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn answer(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let (kind, mut rest) = message.split_first()?;
        let mut out = Vec::new();
        match *kind {
            REQUEST_IDENTITIES => {
                out.push(IDENTITIES_ANSWER);
                out.extend(1_u32.to_be_bytes());
                put(&mut out, &self.blob);
                put(&mut out, b"");
            }
            SIGN_REQUEST => {
                let (blob, data) = (take(&mut rest)?, take(&mut rest)?);
                (blob == self.blob && self.is_login(data)).then_some(())?;
                let signature = self.key.take()?.sign(data).to_bytes();
                let mut signed = Vec::new();
                put(&mut signed, b"ssh-ed25519");
                put(&mut signed, &signature);
                out.push(SIGN_RESPONSE);
                put(&mut out, &signed);
            }
            _ => return None,
        }
        Some(out)
    }

    /// Whether these bytes log in as the user of the target, with this certificate.
    fn is_login(&self, mut data: &[u8]) -> bool {
        let mut parts = || {
            take(&mut data)?;
            let (kind, after) = data.split_first()?;
            data = after;
            let (user, service, method) = (take(&mut data)?, take(&mut data)?, take(&mut data)?);
            let (has_signature, after) = data.split_first()?;
            data = after;
            let (algorithm, blob) = (take(&mut data)?, take(&mut data)?);
            let is_login = *kind == USERAUTH_REQUEST && service == b"ssh-connection" && *has_signature == 1;
            let is_own = user == self.user.as_bytes() && blob == self.blob;
            let how = method == b"publickey" || method == b"publickey-hostbound-v00@openssh.com";
            Some(is_login && is_own && how && algorithm == b"ssh-ed25519-cert-v01@openssh.com")
        };
        parts() == Some(true)
    }
}

/// A message; none at the end.
fn read(mut stream: &UnixStream) -> std::io::Result<Option<Vec<u8>>> {
    let mut size = [0; 4];
    match std::io::Read::read_exact(&mut stream, &mut size) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let size = u32::from_be_bytes(size) as usize;
    if size > MAX_MESSAGE {
        return Ok(None);
    }
    let mut message = vec![0; size];
    std::io::Read::read_exact(&mut stream, &mut message)?;
    Ok(Some(message))
}

/// Whether a text may be a user or host in an argument of ssh.
pub(super) fn is_name(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    !text.is_empty() && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answering() -> Answering {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        Answering { blob: b"certificate".to_vec(), key: Some(key), user: "deploy".to_owned() }
    }

    fn login(user: &str, blob: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        put(&mut data, b"session");
        data.push(USERAUTH_REQUEST);
        for part in [user.as_bytes(), b"ssh-connection", b"publickey"] {
            put(&mut data, part);
        }
        data.push(1);
        put(&mut data, b"ssh-ed25519-cert-v01@openssh.com");
        put(&mut data, blob);
        data
    }

    fn sign(blob: &[u8], data: &[u8]) -> Vec<u8> {
        let mut message = vec![SIGN_REQUEST];
        put(&mut message, blob);
        put(&mut message, data);
        message.extend([0; 4]);
        message
    }

    #[test]
    fn an_agent_signs_one_login_as_its_user_and_nothing_else() {
        let mut agent = answering();
        assert_eq!(agent.answer(&[REQUEST_IDENTITIES]).unwrap()[0], IDENTITIES_ANSWER);
        let own = sign(b"certificate", &login("deploy", b"certificate"));
        for other in [
            sign(b"certificate", b"anything"),
            sign(b"certificate", &login("root", b"certificate")),
            sign(b"certificate", &login("deploy", b"another")),
            sign(b"another", &login("deploy", b"certificate")),
            own[..own.len() - 20].to_vec(),
            vec![SIGN_REQUEST],
            vec![27],
            Vec::new(),
        ] {
            assert_eq!(agent.answer(&other), None, "{other:?}");
        }
        assert_eq!(agent.answer(&own).unwrap()[0], SIGN_RESPONSE);
        assert_eq!(agent.answer(&own), None, "a second login");
    }
}
