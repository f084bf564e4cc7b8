//! `undersign gate serve`: the real program on loopback and socket files, beside `undersign verify`.
#![allow(clippy::unwrap_used)]

mod bytes;
mod client;
mod ends;
mod load;
mod places;
#[path = "../support/mod.rs"]
mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use client::{Service, UNDERSIGN, post, push_main};
use serde_json::{Value, json};
use support::{Fixture, policy};
use undersign::decision::Verdict;

/// What is the same in two answers: all but the time and the line in the log.
fn lasting(mut outcome: Value) -> Value {
    for member in ["evaluated_at", "elapsed_ms", "audit"] {
        assert!(outcome.as_object_mut().unwrap().remove(member).is_some(), "{member}");
    }
    outcome
}

fn same_as_verify(f: &Fixture, service: &Service, old: &str, new: &str, expected: &str) {
    let answer = service.ask(&push_main(f, old, new));
    let (code, verified) = f.verify_json(old, new);
    assert_eq!((answer.status, answer.header("undersign-exit")), (200, Some(code.to_string().as_str())), "{answer:?}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.json()["outcome"], expected);
    assert_eq!(lasting(answer.json()), lasting(verified));
}

#[test]
fn the_answers_are_those_of_verify() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "other", "main"]);
    f.write("other.txt", "x\n");
    f.commit("mina", "Other");
    let service = Service::of(&f, &[]);
    let main = f.id("main");
    same_as_verify(&f, &service, &main, &f.id("agent/work"), "deny");
    f.decide("dana", "agent/work", Verdict::Approve);
    same_as_verify(&f, &service, &main, &f.id("agent/work"), "allow");
    same_as_verify(&f, &service, &main, &f.id("other"), "deny");
    same_as_verify(&f, &service, &main, &"1".repeat(40), "undecidable");
    // Taken back while the service runs: what was once allowed is not remembered.
    f.decide("dana", "agent/work", Verdict::Reject);
    same_as_verify(&f, &service, &main, &f.id("agent/work"), "deny");
}

#[test]
fn no_policy_cannot_be_decided_and_is_no_health() {
    let f = Fixture::with_policy("");
    let service = Service::of(&f, &[]);
    same_as_verify(&f, &service, &f.id("main"), &f.id("agent/work"), "undecidable");
    let health = service.health();
    assert_eq!((health.status, health.json()["status"].as_str()), (503, Some("no policy")), "{health:?}");
    assert!(health.json()["error"].as_str().unwrap().contains("policy.toml") && health.header("retry-after").is_some());
}

#[test]
fn one_policy_file_of_the_operator_is_judged_by_and_is_its_health() {
    let f = Fixture::with_policy("");
    let file = f.dir.path().join("central.toml");
    std::fs::write(&file, policy("")).unwrap();
    let service = Service::of(&f, &["--policy", file.to_str().unwrap()]);
    let body = push_main(&f, &f.id("main"), &f.id("agent/work"));
    assert_eq!(service.ask(&body).verdict(), (200, "deny".to_owned(), "2"));
    assert_eq!(service.health().json()["policy"]["version"], 1);
    // It is read anew for each question.
    let stricter = policy("").replacen("version = 1", "version = 2", 1);
    std::fs::write(&file, &stricter).unwrap();
    let answer = service.ask(&body).json();
    let digest = undersign::change::digest::Digest::of(stricter.as_bytes()).to_string();
    assert_eq!((&answer["policy"]["version"], &answer["policy"]["digest"]), (&json!(2), &json!(digest)));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(service.ask(&body).verdict(), (200, "undecidable".to_owned(), "4"));
    assert_eq!(service.health().status, 503);
}

#[test]
fn a_report_says_deny_and_stops_nothing() {
    let f = Fixture::new();
    let service = Service::of(&f, &["--report-only"]);
    let answer = service.ask(&push_main(&f, &f.id("main"), &f.id("agent/work")));
    assert_eq!(answer.verdict(), (200, "deny".to_owned(), "0"));
    assert_eq!(answer.json()["enforced"], false);
}

#[test]
fn who_pushes_is_said_in_the_request() {
    let proven = policy("").replace("[refs]", "author_proof = \"proven\"\n[refs]");
    let f = Fixture::with_policy(&proven);
    f.decide("dana", "agent/work", Verdict::Approve);
    let service = Service::of(&f, &[]);
    let mut body = push_main(&f, &f.id("main"), &f.id("agent/work"));
    let anonymous = service.ask(&body);
    for pusher in [json!(" "), Value::Null] {
        body["pusher"] = pusher;
        assert_eq!(service.ask(&body).verdict(), anonymous.verdict());
    }
    body["pusher"] = json!("mina");
    let named = service.ask(&body);
    let log = std::fs::read_to_string(f.repo.join(".git/undersign/gate/log.jsonl")).unwrap();
    assert_eq!(named.status, 200);
    assert!(log.lines().last().unwrap().contains("\"pusher\":\"mina\""), "{log}");
}

#[test]
fn health_counts() {
    let f = Fixture::new();
    let service = Service::of(&f, &[]);
    service.ask(&push_main(&f, &f.id("main"), &f.id("agent/work")));
    service.raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let health = service.health();
    let body = health.json();
    assert_eq!((health.status, &body["status"]), (200, &json!("ok")));
    assert_eq!((&body["judged"], &body["refused"]), (&json!(1), &json!(1)));
    assert!(body["version"].is_string() && body["uptime_s"].is_u64() && body["policy"]["version"] == 1, "{body}");
    let mut head = service.connect();
    head.send(b"HEAD /healthz HTTP/1.0\r\n\r\n");
    let text = head.rest();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\n"), "{text}");
}

#[test]
fn a_page_whose_name_was_made_to_lead_here_is_refused() {
    let f = Fixture::new();
    let service = Service::of(&f, &[]);
    let by = |host: &str| service.raw(format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    for own in ["a", "A:80", "localhost", "LocalHost:7117", "127.0.0.1:7117", "127.0.0.2", "[::1]:80", "[::1]"] {
        assert_eq!(by(own).status, 200, "{own}");
    }
    for other in [
        "evil.example",
        "a.evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "",
        "[[::1]]",
    ] {
        by(other).refused(421, "--host");
    }
    let body = push_main(&f, &f.id("main"), &f.id("agent/work")).to_string();
    let asked = String::from_utf8(post(&body)).unwrap().replace("Host: localhost", "Host: evil.example");
    service.raw(asked.as_bytes()).refused(421, "--host");
    assert!(!f.repo.join(".git/undersign/gate/log.jsonl").exists(), "nothing was judged");
}

/// The value of a metric with its labels.
fn metric(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("undersign_{name} ")));
    line.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
}

#[test]
fn numbers_are_told_where_that_is_asked_for() {
    let f = Fixture::new();
    f.decide("dana", "agent/work", Verdict::Approve);
    let ask = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    Service::of(&f, &[]).raw(ask).refused(404, "/v1/verify");
    let service = Service::of(&f, &["--metrics"]);
    service.ask(&push_main(&f, &f.id("main"), &f.id("agent/work")));
    service.ask(&push_main(&f, &f.id("main"), &f.id("main~0")));
    service.raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let answer = service.raw(ask);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text.as_str();
    let verdicts =
        ["allow", "deny", "undecidable"].map(|o| metric(text, &format!("verdicts_total{{outcome=\"{o}\"}}")));
    assert_eq!(verdicts.iter().sum::<f64>(), 2.0, "{text}");
    assert!(verdicts[0] >= 1.0);
    assert_eq!(metric(text, "refused_requests_total{status=\"404\"}"), 1.0);
    assert_eq!(metric(text, "judgement_seconds_count"), 2.0);
    assert_eq!(metric(text, "judgement_seconds_bucket{le=\"+Inf\"}"), 2.0);
    assert!(metric(text, "judgement_seconds_sum") > 0.0 && metric(text, "resident_bytes") > 1e6);
    assert_eq!((metric(text, "ledger_records"), metric(text, "ledger_chains")), (1.0, 1.0));
    assert_eq!((metric(text, "working"), metric(text, "waiting")), (0.0, 0.0));
    // Nothing of what it is about.
    for name in ["agent/work", "refs/", "dana", "mina", f.repo.to_str().unwrap()] {
        assert!(!text.contains(name), "{name}: {text}");
    }
}

#[test]
fn every_refusal_has_its_status() {
    let f = Fixture::new();
    let service = Service::of(&f, &["--max-body", "4096"]);
    let to = |head: &str| service.raw(format!("{head}\r\n\r\n").as_bytes());
    to("GET /v2 HTTP/1.1\r\nHost: a").refused(404, "/v1/verify");
    to("POST /v1/verify?x HTTP/1.1\r\nHost: a\r\nContent-Length: 0").refused(404, "/healthz");
    let wrong = to("GET /v1/verify HTTP/1.1\r\nHost: a");
    wrong.refused(405, "POST");
    assert_eq!(wrong.header("allow"), Some("POST"));
    assert_eq!(to("DELETE /healthz HTTP/1.1\r\nHost: a").header("allow"), Some("GET, HEAD"));
    to("POST /v1/verify HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nContent-Length: 0").refused(403, "Browsers");
    to("POST /v1/verify HTTP/1.1\r\nHost: a").refused(411, "Content-Length");
    to("POST /v1/verify HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked").refused(411, "Chunked");
    to("POST /v1/verify HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip").refused(501, "codings");
    to("POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 4097").refused(413, "4096");
    to("POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: tea").refused(417, "100-continue");
    to(&format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(20_000))).refused(431, "16 KiB");
    to("GET /healthz HTTP/2.0\r\nHost: a").refused(505, "HTTP/1.1");
    for smuggled in
        ["Content-Length: 2\r\nContent-Length: 2", "Content-Length: 2\r\nTransfer-Encoding: chunked", "X: a\n b"]
    {
        let answer = to(&format!("POST /v1/verify HTTP/1.1\r\nHost: a\r\n{smuggled}"));
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{smuggled}");
    }
    assert_eq!(service.health().json()["judged"], 0);
}

#[test]
fn a_body_that_is_not_understood_is_not_judged() {
    let f = Fixture::new();
    let service = Service::of(&f, &[]);
    let main = f.id("main");
    let good = push_main(&f, &main, &f.id("agent/work"));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good.clone();
        change(&mut body);
        body.to_string()
    };
    let bodies = [
        String::new(),
        "[]".to_owned(),
        "null".to_owned(),
        format!("{good}{good}"),
        format!("{good} x"),
        good.to_string().replace("\"pusher\"", "\"repository\":\"a\",\"pusher\""),
        "[".repeat(5_000),
        with(&|body| body["allow"] = json!(true)),
        with(&|body| body["updates"][0]["outcome"] = json!("allow")),
        with(&|body| body["updates"] = json!([])),
        with(&|body| body["updates"][0]["new"] = json!("main")),
        with(&|body| body["updates"][0]["new"] = json!(main[..7])),
        with(&|body| body["updates"][0]["old"] = json!(main.to_uppercase())),
        with(&|body| body["updates"] = json!({})),
        with(&|body| body["updates"] = json!([body["updates"][0], body["updates"][0]])),
        with(&|body| body["repository"] = json!(["a"])),
        with(&|body| body["pusher"] = json!(7)),
        with(&|body| body["quarantine"] = json!(null)),
        with(&|body| _ = body.as_object_mut().unwrap().remove("updates")),
        with(&|body| _ = body.as_object_mut().unwrap().remove("repository")),
        with(&|body| body["\u{202e}\n"] = json!("x".repeat(10_000))),
    ];
    for body in bodies {
        let answer = service.raw(&post(&body));
        answer.refused(400, "not understood");
        assert!(answer.text.len() < 1_000 && !answer.text.contains('\u{202e}'), "{answer:?}");
    }
    let mut latin: Vec<u8> = post(&good.to_string());
    *latin.last_mut().unwrap() = 0xFF;
    service.raw(&latin).refused(400, "not understood");
    assert_eq!(service.health().json()["judged"], 0);
    // The same without `pusher` is whole: the host may not know.
    let answer = service.raw(&post(&with(&|body| _ = body.as_object_mut().unwrap().remove("pusher"))));
    assert_eq!(answer.verdict(), (200, "deny".to_owned(), "2"));
}

#[test]
fn a_connection_serves_many_requests_also_sent_ahead() {
    let f = Fixture::new();
    let service = Service::of(&f, &[]);
    let body = post(&push_main(&f, &f.id("main"), &f.id("agent/work")).to_string());
    let mut client = service.connect();
    for _ in 0..3 {
        client.send(&body);
        assert_eq!(client.answer().unwrap().verdict(), (200, "deny".to_owned(), "2"));
    }
    client.send(&body.repeat(3));
    client.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for _ in 0..3 {
        assert_eq!(client.answer().unwrap().verdict(), (200, "deny".to_owned(), "2"));
    }
    let last = client.answer().unwrap();
    assert_eq!((last.header("connection"), &last.json()["judged"]), (Some("close"), &json!(6)));
    assert!(client.answer().is_none());
    let mut old = service.connect();
    old.send(b"GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(old.answer().unwrap().header("connection"), Some("close"));
    assert!(old.answer().is_none());
}

#[test]
fn a_client_may_ask_before_it_sends_a_body() {
    let f = Fixture::new();
    let service = Service::of(&f, &[]);
    let body = push_main(&f, &f.id("main"), &f.id("agent/work")).to_string();
    let head = |length: usize| {
        format!("POST /v1/verify HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n")
    };
    let mut client = service.connect();
    client.send(head(body.len()).as_bytes());
    assert_eq!(client.answer().unwrap().status, 100);
    client.send(body.as_bytes());
    assert_eq!(client.answer().unwrap().verdict(), (200, "deny".to_owned(), "2"));
    service.raw(head(2 << 20).as_bytes()).refused(413, "1048576");
}

#[test]
fn a_slow_request_ends_after_the_time_for_all_of_it() {
    let f = Fixture::new();
    let service = Service::of(&f, &["--timeout", "1"]);
    let started = Instant::now();
    let mut client = service.connect();
    for byte in post("{}").iter().take(40) {
        if !client.try_send(&[*byte]) {
            break;
        }
        support::wait::take_time(Duration::from_millis(100));
    }
    let answer = client.answer().unwrap();
    answer.refused(408, "within the time");
    assert!(started.elapsed() > Duration::from_secs(1), "{:?}", started.elapsed());
    // In the body likewise; and who says nothing at all is not answered.
    service.raw(b"POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{").refused(408, "within the time");
    assert!(service.connect().answer().is_none());
    assert_eq!(service.health().json()["judged"], 0);
}

#[test]
fn who_is_cut_off_asked_nothing() {
    let f = Fixture::new();
    let service = Service::of(&f, &[]);
    let bytes = post(&push_main(&f, &f.id("main"), &f.id("agent/work")).to_string());
    for cut in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
        service.connect().send(&bytes[..cut]);
    }
    assert_eq!(service.health().json()["judged"], 0);
    assert!(!f.repo.join(".git/undersign/gate/log.jsonl").exists());
}

#[test]
fn other_places_than_loopback_and_contradictions_are_refused_with_a_sentence() {
    let f = Fixture::new();
    let repo = f.repo.to_str().unwrap();
    let cases: [(&[&str], i32, &str); 7] = [
        (&["gate", "serve", "--listen", "0.0.0.0:0"], 64, "reverse proxy"),
        (&["gate", "serve", "--listen", "[::]:0"], 64, "reverse proxy"),
        (&["gate", "serve", "--listen", "localhost:0"], 64, "unix:"),
        (&["gate", "serve"], 64, "--listen"),
        (
            &["--repo", repo, "gate", "serve", "--listen", "127.0.0.1:0", "--repositories", repo],
            70,
            "exclude each other",
        ),
        (&["gate", "serve", "--listen", "127.0.0.1:0", "--repositories", "/nowhere/at/all"], 70, "cannot be read"),
        (&["gate", "serve", "--listen", "127.0.0.1:0", "--pusher", "mina"], 70, "in each request"),
    ];
    for (words, code, why) in cases {
        let output = Command::new(UNDERSIGN).args(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(output.status.code() == Some(code) && said.contains(why), "{words:?}: {output:?}");
    }
}
