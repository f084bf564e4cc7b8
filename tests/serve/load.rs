//! Many requests from several clients at a time, with malformed, oversized, cut-off and slow ones among them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::client::{Client, Service, post, push_main};
use crate::support::{Fixture, wait};
use undersign::decision::Verdict;
use undersign::service::MAX_CONNECTIONS;

const CLIENTS: usize = 8;
const SLOW: usize = 24;
/// A request with no business of waiting may take this long, with all the rest going on.
const QUICK: Duration = Duration::from_secs(5);
/// KiB
const MAX_MEMORY: u64 = 256 << 10;

fn requests() -> usize {
    if std::env::var_os("UNDERSIGN_STRESS").is_some() { 10_000 } else { 1_000 }
}

fn assert_bounded(service: &Service) -> u64 {
    let memory = service.most_memory().unwrap_or_default();
    assert!(memory < MAX_MEMORY, "{memory} KiB");
    memory >> 10
}

/// A request, and what must come back: a verdict, or a status.
struct Case {
    bytes: Vec<u8>,
    expected: Expected,
}

#[derive(Clone, Copy)]
enum Expected {
    Verdict(&'static str, &'static str),
    /// The connection goes on.
    Malformed,
    /// The connection ends.
    Refused(u16),
    /// The client hangs up in the middle.
    CutOff,
}

fn cases(f: &Fixture) -> Vec<Case> {
    let (main, work, other) = (f.id("main"), f.id("agent/work"), f.id("other"));
    let ask = |new: &str| post(&push_main(f, &main, new).to_string());
    let verdict = |new: &str, word, code| Case { bytes: ask(new), expected: Expected::Verdict(word, code) };
    let whole = ask(&work);
    let refused = |bytes: Vec<u8>, status| Case { bytes, expected: Expected::Refused(status) };
    let large =
        [b"POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n".to_vec(), vec![b' '; 200_000]];
    let mut smuggled =
        b"POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    smuggled.extend(&whole);
    let cut = Case { bytes: whole[..whole.len() - 1].to_vec(), expected: Expected::CutOff };
    let malformed = Case { bytes: post("{\"outcome\":\"allow\"}"), expected: Expected::Malformed };
    let gap = "7".repeat(40);
    let mut cases = vec![malformed, refused(large.concat(), 413), refused(smuggled, 400), cut];
    for _ in 0..4 {
        cases.extend([
            verdict(&work, "allow", "0"),
            verdict(&other, "deny", "2"),
            verdict(&gap, "undecidable", "4"),
            verdict(&work, "allow", "0"),
        ]);
    }
    cases
}

/// Sends one case; whether the connection goes on.
fn run(client: &mut Client, case: &Case) -> bool {
    let sent = client.try_send(&case.bytes);
    if let Expected::CutOff = case.expected {
        return false;
    }
    // What is too large is refused before all of it was sent.
    assert!(sent || matches!(case.expected, Expected::Refused(_)));
    let answer = client.answer().expect("an answer");
    match case.expected {
        Expected::Verdict(word, code) => assert_eq!(answer.verdict(), (200, word.to_owned(), code), "{answer:?}"),
        Expected::Malformed => answer.refused(400, "not understood"),
        Expected::Refused(status) => answer.refused(status, ""),
        Expected::CutOff => {}
    }
    answer.header("connection").is_none()
}

/// Sends a byte now and then until the service has enough of it, again and again until the others are done.
fn dawdle(service: &Service, bytes: &[u8], done: &AtomicBool) -> usize {
    let mut refused = 0;
    while !done.load(Ordering::Acquire) {
        let mut client = service.connect();
        let slow = bytes.iter().take(bytes.len() - 1);
        let sent = slow.take_while(|byte| {
            wait::take_time(Duration::from_millis(50));
            !done.load(Ordering::Acquire) && client.try_send(&[**byte])
        });
        if sent.count() < bytes.len() - 1 && !done.load(Ordering::Acquire) {
            // Written to after it was closed, the answer may be lost with the connection.
            assert!(client.answer().is_none_or(|answer| answer.status == 408));
            refused += 1;
        }
    }
    refused
}

#[test]
fn many_and_bad_requests_change_no_verdict() {
    let f = Fixture::new();
    f.git("mina", &["checkout", "-q", "-b", "other", "main"]);
    f.write("other.txt", "x\n");
    f.commit("mina", "Other");
    f.decide("dana", "agent/work", Verdict::Approve);
    let service = Service::of(&f, &["--max-body", "100000", "--timeout", "2"]);
    let (cases, total) = (cases(&f), requests());
    let (next, done, longest) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicUsize::new(0));
    let started = Instant::now();
    let client = || {
        let mut connection = None;
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= total {
                return;
            }
            let began = Instant::now();
            let mut client = connection.take().unwrap_or_else(|| service.connect());
            let stays = run(&mut client, &cases[at % cases.len()]);
            connection = Some(client).filter(|_| stays);
            longest.fetch_max(began.elapsed().as_millis() as usize, Ordering::Relaxed);
        }
    };
    let slow = std::thread::scope(|scope| {
        let lazy = &cases[4].bytes;
        let slow: Vec<_> = (0..SLOW).map(|_| scope.spawn(|| dawdle(&service, lazy, &done))).collect();
        let fast: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        let fast: Vec<_> = fast.into_iter().map(|thread| thread.join()).collect();
        done.store(true, Ordering::Release);
        assert!(fast.iter().all(Result::is_ok));
        slow.into_iter().map(|thread| thread.join().unwrap()).sum::<usize>()
    });
    let (elapsed, longest) = (started.elapsed(), longest.load(Ordering::Relaxed));
    let judged = (0..total).filter(|at| matches!(cases[at % cases.len()].expected, Expected::Verdict(..))).count();
    assert_eq!(service.health().json()["judged"], judged);
    let memory = assert_bounded(&service);
    println!(
        "{total} requests, {judged} judged, {slow} too slow: {:.0} a second, the longest {longest} ms, \
         at most {memory} MiB",
        total as f64 / elapsed.as_secs_f64()
    );
    assert!(Duration::from_millis(longest as u64) < QUICK, "{longest} ms");
}

#[test]
fn a_house_full_of_the_largest_bodies_has_a_bound() {
    let f = Fixture::new();
    let service = Service::of(&f, &["--timeout", "60"]);
    let head = b"POST /v1/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n".to_vec();
    let bytes = [head, vec![b' '; (1 << 20) - 1]].concat();
    let guests: Vec<_> = (1..MAX_CONNECTIONS)
        .map(|_| {
            let mut client = service.connect();
            client.send(&bytes);
            client
        })
        .collect();
    assert_eq!(service.health().json()["judged"], 0);
    println!("{} bodies of 1 MiB: at most {} MiB", guests.len(), assert_bounded(&service));
}
