//! A queue of 2,000 review requests on four servers that take 200 ms for an answer: when the first server's requests
//! are there, when all are, and when they are again. `cargo bench --bench servers`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use undersign::delivery::ServerAccess;
use undersign::source::server::http::{Request, Response};
use undersign::source::server::{NoAnswer, Server, ServerKind, Transport};
use undersign::sync::servers;

const SERVERS: usize = 4;
const REPOSITORIES: usize = 5;
const PULLS: usize = 100;
const ANSWER: Duration = Duration::from_millis(200);

/// Answers as GitHub does, after a while.
#[derive(Default)]
struct Slow {
    questions: AtomicUsize,
    bytes: AtomicUsize,
}

impl Transport for Slow {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(ANSWER);
        let headers = vec![("etag".to_owned(), "\"same\"".to_owned())];
        if request.headers.iter().any(|(name, _)| *name == "if-none-match") {
            return Ok(Response { status: 304, headers, body: Vec::new() });
        }
        let body = answer(&request.url).to_string().into_bytes();
        self.bytes.fetch_add(body.len(), Ordering::Relaxed);
        Ok(Response { status: 200, headers, body })
    }
}

fn answer(url: &str) -> Value {
    let path = url.split('?').next().unwrap_or_default();
    if path.ends_with("/user") {
        json!({"login": "dana"})
    } else if path.ends_with("/pulls") {
        (0..PULLS).map(pull).collect()
    } else if path.ends_with("/search/issues") {
        json!({"items": []})
    } else if path.ends_with("/status") {
        json!({"statuses": [{"context": "ci", "state": "success"}]})
    } else {
        json!({"check_runs": []})
    }
}

fn pull(number: usize) -> Value {
    json!({
        "number": number + 1,
        "title": format!("Change number {number} of this repository"),
        "user": {"login": "mina"},
        "head": {"ref": "work", "sha": format!("{number:040x}")},
        "base": {"ref": "main", "sha": "0".repeat(40)},
        "requested_reviewers": [],
        // What a real answer has besides: about 20 kB for each.
        "body": "x".repeat(20_000),
    })
}

fn main() {
    let dir = std::env::temp_dir().join(format!("undersign-bench-servers-{}", std::process::id()));
    let server = |n: usize| Server {
        name: format!("s{n}"),
        url: format!("https://s{n}.example"),
        kind: Some(ServerKind::GitHub),
        token_command: Some("echo token".to_owned()),
    };
    let slow: &'static Slow = Box::leak(Box::default());
    let access = ServerAccess::over(Box::new(Shared(slow)), (0..SERVERS).map(server).collect(), &dir);
    let repositories: Vec<String> = (0..REPOSITORIES).map(|n| format!("ann/shop{n}")).collect();
    for round in ["first", "again"] {
        let (begun, first) = (Instant::now(), Mutex::new(None));
        slow.questions.store(0, Ordering::Relaxed);
        slow.bytes.store(0, Ordering::Relaxed);
        let ask = |server: &Server| {
            let (connected, mut told) = servers::ask(&access, server, &repositories, 0).expect("it answers");
            first.lock().expect("no panic").get_or_insert(begun.elapsed());
            let listed = begun.elapsed();
            assert_eq!(told.pending.len(), REPOSITORIES * PULLS);
            servers::check(&access, &*connected, &mut told);
            (listed, begun.elapsed())
        };
        let (listed, checked) = std::thread::scope(|scope| {
            let threads: Vec<_> = access.servers.iter().map(|server| scope.spawn(|| ask(server))).collect();
            let all = threads.into_iter().map(|thread| thread.join().expect("no panic"));
            all.fold((Duration::ZERO, Duration::ZERO), |(a, b), (c, d)| (a.max(c), b.max(d)))
        });
        let first = first.into_inner().expect("no panic").unwrap_or_default();
        println!(
            "{round}: requests of the first server after {} ms, of all after {} ms, checks after {} ms; {} questions of \
             {} ms, {} kB",
            first.as_millis(),
            listed.as_millis(),
            checked.as_millis(),
            slow.questions.load(Ordering::Relaxed),
            ANSWER.as_millis(),
            slow.bytes.load(Ordering::Relaxed) / 1000,
        );
    }
    let _ = std::fs::remove_dir_all(dir);
}

struct Shared(&'static Slow);

impl Transport for Shared {
    fn send(&self, request: &Request) -> Result<Response, NoAnswer> {
        self.0.send(request)
    }
}
