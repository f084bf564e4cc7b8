//! The same over the network protocols that git ships: `git daemon` and, where Python is there, its own http-backend.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use undersign::decision::Verdict;

use crate::support::wait;
use crate::{Host, LEDGER, push_in};

/// Ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // git starts its daemon as a child of its own, which must go, too.
        let _ = Command::new("kill").arg("--").arg(format!("-{}", self.0.id())).status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn answers(port: u16) -> bool {
    wait::comes_true(Duration::from_secs(20), || TcpStream::connect(("127.0.0.1", port)).is_ok())
}

fn lands_only_what_is_signed(h: &Host, url: &str) {
    push_in(&h.f.repo, "mina", &[url, "agent/work:main"]).refused("UNSIGNED: default needs 1 of role senior");
    h.f.decide("dana", "agent/work", Verdict::Approve);
    push_in(&h.f.repo, "mina", &[url, "agent/work:main", LEDGER]).landed();
    assert_eq!(h.at("refs/heads/main"), h.f.id("agent/work"));
}

#[test]
fn over_git_daemon() {
    let h = Host::new();
    let port = free_port();
    let daemon = Command::new("git")
        .args(["daemon", "--reuseaddr", "--export-all", "--enable=receive-pack", "--listen=127.0.0.1"])
        .arg(format!("--port={port}"))
        .arg(format!("--base-path={}", h.f.dir.path().display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn();
    let _server = match daemon {
        Ok(child) => Server(child),
        Err(error) => return eprintln!("skipped: no git daemon here ({error})"),
    };
    assert!(answers(port), "git daemon does not answer");
    lands_only_what_is_signed(&h, &format!("git://127.0.0.1:{port}/shop.git"));
}

/// Serves CGI with Python's own server: no more than git's program and a person's name.
const CGI: &str = r#"
import http.server, os, subprocess, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def serve(self):
        path, _, query = self.path.partition("?")
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            body = b""
            while (size := int(self.rfile.readline(), 16)): body += self.rfile.read(size); self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        env = dict(os.environ, GIT_PROJECT_ROOT=sys.argv[2], GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
            QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_USER="mina", CONTENT_TYPE=self.headers.get("Content-Type", ""),
            CONTENT_LENGTH=str(len(body)), HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""),
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""))
        out = subprocess.run(["git", "http-backend"], input=body, env=env, stdout=subprocess.PIPE).stdout
        head, _, rest = out.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
        status = next((value for name, value in fields if name == "Status"), "200")
        self.send_response(int(status.split()[0]))
        for name, value in fields:
            if name != "Status": self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest)
    do_GET = do_POST = serve
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

#[test]
fn over_http_backend_with_the_pusher_that_the_web_server_authenticated() {
    let proven = crate::policy("").replace("version = 1\n", "version = 1\nauthor_proof = \"proven\"\n");
    let h = Host::with(&proven, &["--pusher-env", "REMOTE_USER"]);
    let port = free_port();
    let server = Command::new("python3")
        .args(["-c", CGI, &port.to_string()])
        .arg(h.f.dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    let mut server = match server {
        Ok(child) => Server(child),
        Err(error) => return eprintln!("skipped: no Python here ({error})"),
    };
    if !answers(port) {
        let mut said = String::new();
        let _ = server.0.kill();
        let _ = server.0.stderr.take().unwrap().read_to_string(&mut said);
        panic!("the web server does not answer: {said}");
    }
    lands_only_what_is_signed(&h, &format!("http://127.0.0.1:{port}/shop.git"));
}
