//! Socket files, full houses, and how it ends.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::client::{Client, Service, UNDERSIGN, post, push, push_main};
use crate::support::{Fixture, wait};
use undersign::service::{MAX_CONNECTIONS, MAX_TURNS};

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_socket_file_is_for_owner_and_group_and_goes_at_the_end() {
    let f = Fixture::new();
    let path = f.dir.path().join("undersign.sock");
    let listen = format!("unix:{}", path.display());
    let words = ["--repo", f.repo.to_str().unwrap(), "gate", "serve", "--listen", &listen];
    // One that nobody listens at any more.
    drop(UnixListener::bind(&path).unwrap());
    let mut service = Service::start(&words);
    assert_eq!(service.address, listen);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let answer = service.ask(&push_main(&f, &f.id("main"), &f.id("agent/work")));
    assert_eq!(answer.verdict(), (200, "deny".to_owned(), "2"));
    // One that somebody listens at.
    let second = Command::new(UNDERSIGN).args(words).output().unwrap();
    assert_eq!(second.status.code(), Some(70));
    assert!(String::from_utf8_lossy(&second.stderr).contains("Somebody listens at"), "{second:?}");
    assert_eq!(service.health().status, 200);
    service.signal("TERM");
    assert_eq!(service.ended().code(), Some(0));
    assert!(!path.exists());
    // Killed, it stays, and does not stand in the way.
    let mut killed = Service::start(&words);
    killed.child.kill().unwrap();
    killed.ended();
    assert!(path.exists());
    let third = Service::start(&words);
    assert_eq!(third.health().status, 200);
    // Nothing is left beside it.
    let left = std::fs::read_dir(f.dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.starts_with('.')));
}

/// Keeps the gate's state, so that whatever is judged waits.
fn hold(f: &Fixture) -> File {
    hold_of(&f.repo)
}

fn hold_of(repo: &Path) -> File {
    let dir = repo.join(".git/undersign/gate");
    std::fs::create_dir_all(&dir).unwrap();
    let lock = File::options().create(true).append(true).open(dir.join("lock")).unwrap();
    lock.lock().unwrap();
    lock
}

/// A request whose head the service has read, as it says; the body is still to come.
fn half_sent(service: &Service, body: &str) -> Client {
    let length = body.len();
    let head =
        format!("POST /v1/verify HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n");
    let mut client = service.connect();
    client.send(head.as_bytes());
    assert_eq!(client.answer().unwrap().status, 100);
    client
}

#[test]
fn it_ends_when_what_has_begun_is_finished() {
    for signal in ["TERM", "INT"] {
        let f = Fixture::new();
        let mut service = Service::of(&f, &["--metrics"]);
        let body = push_main(&f, &f.id("main"), &f.id("agent/work")).to_string();
        let held = hold(&f);
        let mut judged = service.connect();
        judged.send(&post(&body));
        service.wait_for_working(1);
        let mut half = half_sent(&service, &body);
        let mut idle = service.connect();
        idle.send(HEALTH);
        assert_eq!(idle.answer().unwrap().status, 200);
        service.signal(signal);
        assert!(idle.answer().is_none());
        assert!(TcpStream::connect(&service.address).is_err());
        half.send(body.as_bytes());
        assert!(service.child.try_wait().unwrap().is_none());
        drop(held);
        for client in [&mut judged, &mut half] {
            let answer = client.answer().unwrap();
            assert_eq!(answer.verdict(), (200, "deny".to_owned(), "2"));
            assert_eq!(answer.header("connection"), Some("close"));
        }
        assert_eq!(service.ended().code(), Some(0));
    }
}

#[test]
fn a_second_signal_does_not_wait() {
    let f = Fixture::new();
    let mut service = Service::of(&f, &["--metrics"]);
    let _held = hold(&f);
    service.connect().send(&post(&push_main(&f, &f.id("main"), &f.id("agent/work")).to_string()));
    service.wait_for_working(1);
    service.signal("TERM");
    let lets_nobody_in = || TcpStream::connect(&service.address).is_err();
    wait::until(|| "the first signal is not heard".into(), lets_nobody_in);
    assert!(service.child.try_wait().unwrap().is_none());
    service.signal("TERM");
    assert_eq!(service.ended().code(), Some(70));
}

#[test]
fn it_ends_also_when_its_socket_file_was_taken_away() {
    let f = Fixture::new();
    let path = f.dir.path().join("s");
    let listen = format!("unix:{}", path.display());
    let mut service = Service::start(&["--repo", f.repo.to_str().unwrap(), "gate", "serve", "--listen", &listen]);
    std::fs::remove_file(&path).unwrap();
    service.signal("TERM");
    assert_eq!(service.ended().code(), Some(0));
}

#[test]
fn who_finds_no_room_is_told_at_once() {
    let f = Fixture::new();
    let service = Service::of(&f, &[]);
    let enter = || {
        let mut client = service.connect();
        client.send(HEALTH);
        let answer = client.answer().unwrap();
        (client, answer)
    };
    let mut inside: Vec<Client> = (0..MAX_CONNECTIONS)
        .map(|_| enter())
        .map(|(client, answer)| {
            assert_eq!(answer.status, 200);
            client
        })
        .collect();
    for _ in 0..50 {
        let (_, answer) = enter();
        answer.refused(503, "too many connections");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    // Who is inside is served on, and who leaves makes room.
    inside[0].send(HEALTH);
    assert_eq!(inside[0].answer().unwrap().status, 200);
    inside.pop();
    wait::until(|| "no room for another".into(), || enter().1.status == 200);
}

#[test]
fn who_waits_too_long_for_a_worker_is_told() {
    let f = Fixture::new();
    let service = Service::of(&f, &["--workers", "1", "--timeout", "1", "--metrics"]);
    let request = post(&push_main(&f, &f.id("main"), &f.id("agent/work")).to_string());
    let held = hold(&f);
    let mut first = service.connect();
    first.send(&request);
    service.wait_for_working(1);
    let second = service.raw(&request);
    second.refused(503, "workers are busy");
    assert_eq!(second.header("retry-after"), Some("1"));
    drop(held);
    assert_eq!(first.answer().unwrap().verdict(), (200, "deny".to_owned(), "2"));
    assert_eq!(service.health().json()["judged"], json!(1));
}

#[test]
fn how_it_is_it_says_while_all_workers_are_busy() {
    let f = Fixture::new();
    let service = Service::of(&f, &["--workers", "1", "--timeout", "30"]);
    let request = post(&push_main(&f, &f.id("main"), &f.id("agent/work")).to_string());
    let held = hold(&f);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let mut client = service.connect();
            client.send(&request);
            client
        })
        .collect();
    assert_eq!((service.health().status, &service.health().json()["judged"]), (200, &json!(0)));
    drop(held);
    for mut client in waiting {
        assert_eq!(client.answer().unwrap().verdict(), (200, "deny".to_owned(), "2"));
    }
}

#[test]
fn a_repository_whose_pushes_take_long_holds_up_no_other() {
    let f = Fixture::new();
    let root = f.dir.path().join("served");
    std::fs::create_dir(&root).unwrap();
    std::os::unix::fs::symlink("slow", root.join("alias")).unwrap();
    for name in ["slow", "quick"] {
        let copied = Command::new("cp").arg("-r").arg(&f.repo).arg(root.join(name)).status().unwrap();
        assert!(copied.success());
    }
    let service = Service::below(&root, &["--workers", "2", "--timeout", "30"]);
    let ask = |name: &str| post(&push(name, "refs/heads/main", &f.id("main"), &f.id("agent/work")).to_string());
    let held = hold_of(&root.join("slow"));
    // By every name that it has.
    let waiting: Vec<_> = ["slow", "slow/.git", "alias", "slow"]
        .map(|name| {
            let mut client = service.connect();
            client.send(&ask(name));
            client
        })
        .into();
    assert_eq!(service.raw(&ask("quick")).verdict(), (200, "deny".to_owned(), "2"));
    drop(held);
    for mut client in waiting {
        assert_eq!(client.answer().unwrap().verdict(), (200, "deny".to_owned(), "2"));
    }
}

#[test]
fn a_judgement_that_takes_too_long_is_none() {
    let f = Fixture::new();
    let service = Service::of(&f, &["--deadline", "1"]);
    let held = hold(&f);
    let answer = service.ask(&push_main(&f, &f.id("main"), &f.id("agent/work")));
    assert_eq!(answer.verdict(), (200, "undecidable".to_owned(), "4"));
    assert_eq!(answer.json()["refs"][0]["reasons"][0]["code"], "LIMIT");
    drop(held);
    let answer = service.ask(&push_main(&f, &f.id("main"), &f.id("agent/work")));
    assert_eq!(answer.verdict(), (200, "deny".to_owned(), "2"));
}

#[test]
fn a_connection_is_not_kept_for_ever() {
    let f = Fixture::new();
    let service = Service::below(f.dir.path(), &["--timeout", "1"]);
    let mut client = service.connect();
    for turn in 1..=MAX_TURNS {
        client.send(HEALTH);
        let close = client.answer().unwrap().header("connection").is_some();
        assert_eq!(close, turn == MAX_TURNS);
    }
    assert!(client.answer().is_none());
    let mut idle = service.connect();
    idle.send(HEALTH);
    assert_eq!(idle.answer().unwrap().status, 200);
    assert!(idle.answer().is_none());
}
