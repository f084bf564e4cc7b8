//! The real program as a service, and a client that sends bytes as they are.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Fixture, wait};

pub const UNDERSIGN: &str = env!("CARGO_BIN_EXE_undersign");
/// No answer may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

pub struct Service {
    pub child: Child,
    /// `127.0.0.1:41234` or `unix:FILE`
    pub address: String,
}

impl Service {
    /// On a free port, for the fixture's repository.
    pub fn of(f: &Fixture, options: &[&str]) -> Service {
        let repo = f.repo.to_str().unwrap();
        Service::start(
            &[&["--repo", repo, "gate", "serve", "--listen", "127.0.0.1:0", "--host", "a"], options].concat(),
        )
    }

    pub fn below(dir: &Path, options: &[&str]) -> Service {
        let dir = dir.to_str().unwrap();
        Service::start(
            &[&["gate", "serve", "--listen", "127.0.0.1:0", "--host", "a", "--repositories", dir], options].concat(),
        )
    }

    pub fn start(words: &[&str]) -> Service {
        let mut child =
            Command::new(UNDERSIGN).args(words).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("listening on ").expect("where it listens").to_owned();
        Service { child, address }
    }

    pub fn connect(&self) -> Client {
        let wire: Box<dyn Wire> = match self.address.strip_prefix("unix:") {
            Some(path) => {
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Box::new(stream)
            }
            None => {
                let stream = TcpStream::connect(&self.address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.set_nodelay(true).unwrap();
                Box::new(stream)
            }
        };
        Client { reader: BufReader::new(wire) }
    }

    /// Sends bytes on a connection of their own; the answer.
    pub fn raw(&self, bytes: &[u8]) -> Answer {
        let mut client = self.connect();
        client.send(bytes);
        client.answer().expect("an answer")
    }

    pub fn ask(&self, body: &Value) -> Answer {
        self.raw(&post(&body.to_string()))
    }

    pub fn health(&self) -> Answer {
        self.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }

    /// Waits until so many requests are being judged; it must tell numbers.
    pub fn wait_for_working(&self, requests: usize) {
        let wanted = format!("undersign_working {requests}\n");
        let told = || self.raw(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").text;
        wait::until(|| format!("not {wanted} in: {}", told()), || told().contains(&wanted));
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// How it ended; it must, soon.
    pub fn ended(&mut self) -> ExitStatus {
        wait::look_for(PATIENCE, || self.child.try_wait().unwrap()).expect("the service did not end")
    }

    /// The most memory that it ever had, in KiB.
    pub fn most_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Client {
    reader: BufReader<Box<dyn Wire>>,
}

impl Client {
    pub fn send(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).unwrap();
    }

    /// As [`Client::send`], to a service that may have hung up.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.reader.get_mut().write_all(bytes).is_ok()
    }

    /// All that comes until the service hangs up.
    pub fn rest(&mut self) -> String {
        let mut text = String::new();
        self.reader.read_to_string(&mut text).unwrap();
        text
    }

    /// The next answer; none where the service hung up.
    pub fn answer(&mut self) -> Option<Answer> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines[1..].iter().map(|line| line.split_once(": ").unwrap());
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut answer = Answer { status, headers, text: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).ok()?;
        answer.text = String::from_utf8(body).unwrap();
        Some(answer)
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(held, _)| held == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Status, verdict, and code.
    pub fn verdict(&self) -> (u16, String, &str) {
        let outcome = self.json()["outcome"].as_str().unwrap_or_default().to_owned();
        (self.status, outcome, self.header("undersign-exit").unwrap_or_default())
    }

    pub fn refused(&self, status: u16, why: &str) {
        let error = self.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(self.status == status && error.contains(why), "{status} {why}: {self:?}");
        assert_eq!(self.header("undersign-exit"), None);
    }
}

pub fn post(body: &str) -> Vec<u8> {
    format!("POST /v1/verify HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A push of one ref.
pub fn push(repository: &str, name: &str, old: &str, new: &str) -> Value {
    json!({ "repository": repository, "updates": [{ "ref": name, "old": old, "new": new }], "pusher": null })
}

/// A push of main in the fixture.
pub fn push_main(f: &Fixture, old: &str, new: &str) -> Value {
    push(f.repo.to_str().unwrap(), "refs/heads/main", old, new)
}

/// A bare copy of the fixture as a host has it: main alone, no proposals, no decisions.
pub fn host(f: &Fixture, dir: &Path) -> PathBuf {
    f.git(
        "rahim",
        &["clone", "-q", "--bare", "--no-local", "--single-branch", "-b", "main", ".", dir.to_str().unwrap()],
    );
    dir.to_path_buf()
}
