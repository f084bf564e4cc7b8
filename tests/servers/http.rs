//! One place for what a server may do to a client.

use std::collections::VecDeque;
use std::sync::Mutex;

use undersign::change::ObjectId;
use undersign::change::request::{Request, RequestKind};
use undersign::source::server::http::{Client, Request as HttpRequest, Response};
use undersign::source::server::{
    self, Account, Checks, Kept, NoAnswer, Secret, Server, ServerError, ServerKind, Transport,
};

/// Answers in turn, and keeps what it was asked.
#[derive(Default)]
struct Played {
    answers: Mutex<VecDeque<Response>>,
    asked: Mutex<Vec<HttpRequest>>,
}

impl Played {
    fn with(answers: impl IntoIterator<Item = Response>) -> Played {
        Played { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|request| request.url.clone()).collect()
    }
}

impl Transport for Played {
    fn send(&self, request: &HttpRequest) -> Result<Response, NoAnswer> {
        self.asked.lock().unwrap().push(request.clone());
        self.answers.lock().unwrap().pop_front().ok_or_else(|| NoAnswer("nothing more is played".to_owned()))
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Response { status, headers, body: body.as_bytes().to_vec() }
}

fn client(played: &Played) -> Client<'_> {
    let secret = Secret::new("s3cret").map(|secret| ("authorization", secret));
    Client::new(played, "https://git.example/api/", secret, Kept::default()).unwrap()
}

#[test]
fn a_list_is_read_over_all_its_pages_and_on_no_other_host() {
    let page = |link: &str, body| answer(200, &[("link", link)], body);
    let played = Played::with([
        page("<https://git.example/api/list?page=2>; rel=\"next\", <https://git.example/x>; rel=\"last\"", "[1,2]"),
        page("</api/list?page=3>; rel=\"next\"", "[3]"),
        answer(200, &[], "[4]"),
    ]);
    assert_eq!(client(&played).get_pages::<u64>("/list").unwrap(), [1, 2, 3, 4]);
    let urls = ["/list", "/list?page=2", "/list?page=3"].map(|path| format!("https://git.example/api{path}"));
    assert_eq!(played.asked(), urls);
    let thief = Played::with([page("<https://thief.example/list>; rel=\"next\"", "[1]")]);
    let error = client(&thief).get_pages::<u64>("/list").unwrap_err();
    assert!(matches!(&error, ServerError::Redirected(_, host) if host == "thief.example"), "{error}");
    for there in [
        "https://git.example.thief.example/x",
        "http://git.example/x",
        "https://git.example@thief.example/x",
        "//thief.example/x",
    ] {
        let thief = Played::with([answer(302, &[("location", there)], "")]);
        let error = client(&thief).get::<u64>("/one").unwrap_err();
        assert!(matches!(error, ServerError::Redirected(..)), "{there}: {error}");
        assert_eq!(thief.asked().len(), 1, "{there}");
    }
}

#[test]
fn pages_that_go_in_a_circle_or_have_no_end_are_an_error() {
    let circle = || answer(200, &[("link", "<https://git.example/api/list>; rel=\"next\"")], "[1]");
    let error = client(&Played::with([circle(), circle()])).get_pages::<u64>("/list").unwrap_err();
    assert!(error.to_string().contains("goes in a circle"), "{error}");
    let endless = (0..200).map(|n| answer(200, &[("link", &format!("</api/list?page={n}>; rel=\"next\""))], "[1]"));
    let played = Played::with(endless);
    let error = client(&played).get_pages::<u64>("/list").unwrap_err();
    assert!(error.to_string().contains("no end"), "{error}");
    assert_eq!(played.asked().len(), 100);
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let played = Played::with([answer(200, &[("etag", "\"a\"")], "7"), answer(304, &[], ""), answer(200, &[], "8")]);
    let client = client(&played);
    assert_eq!(client.get::<u64>("/one").unwrap(), 7);
    assert_eq!(client.get::<u64>("/one").unwrap(), 7);
    assert_eq!(client.get::<u64>("/one").unwrap(), 8);
    let asked = played.asked.lock().unwrap();
    let tags: Vec<_> =
        asked.iter().map(|request| request.headers.iter().any(|(name, _)| *name == "if-none-match")).collect();
    assert_eq!(tags, [false, true, true]);
}

#[test]
fn an_error_is_a_sentence_without_secrets_or_escape_sequences() {
    let long = "x".repeat(9000);
    for (status, body) in [
        (401, "{}"),
        (403, "{\"message\":\"\u{1b}]0;owned\u{7}\"}"),
        (404, ""),
        (409, "[]"),
        (418, "null"),
        (429, "<html>"),
        (500, &long),
        (503, "\u{202e}drow"),
        (304, ""),
        (305, ""),
        (200, "{\"unfinished\":"),
        (200, ")]}'\nno"),
    ] {
        let played = Played::with([answer(status, &[("retry-after", "9")], body)]);
        let error = client(&played).get::<u64>("/one").unwrap_err().to_string();
        let is_plain = error.chars().all(|c| !c.is_control() && c != '\u{202e}');
        assert!(is_plain && error.ends_with('.') && error.len() < 600, "{status}: {error}");
        assert!(!error.contains("s3cret") && error.contains("git.example"), "{status}: {error}");
    }
    // A time is one of the server's clock, whatever ours says.
    for (date, waits) in [
        ("Wed, 21 Oct 1998 07:27:00 GMT", "in 60 s"),
        ("Wed, 21 Oct 1998 07:29:00 GMT", "in a while"),
        ("", "in a while"),
    ] {
        let headers = [("retry-after", "Wed, 21 Oct 1998 07:28:00 GMT"), ("date", date)];
        let error = client(&Played::with([answer(429, &headers, "{}")])).get::<u64>("/one").unwrap_err().to_string();
        assert!(error.ends_with(&format!("Try again {waits}.")), "{date}: {error}");
    }
    let later = Played::with([answer(403, &[("x-ratelimit-remaining", "0"), ("retry-after", "30")], "{}")]);
    let error = client(&later).get::<u64>("/one").unwrap_err();
    assert_eq!(error, ServerError::Busy("git.example".to_owned(), "in 30 s".to_owned()));
}

#[test]
fn nothing_is_sent_in_the_open_but_to_this_machine() {
    let played = Played::default();
    for url in [
        "http://git.example",
        "ftp://git.example",
        "git.example",
        "http://localhost.example",
        "http://127.0.0.1.example",
    ] {
        assert!(Client::new(&played, url, None, Kept::default()).is_err(), "{url}");
    }
    for url in ["http://127.0.0.1:3000", "http://localhost:3000/git", "http://[::1]:80", "https://git.example"] {
        assert!(Client::new(&played, url, None, Kept::default()).is_ok(), "{url}");
    }
    assert!(["", " ", "two words", "line\nline", "é"].iter().all(|text| Secret::new(text).is_none()));
    assert_eq!(format!("{:?}", Secret::new(" s3cret\n")), "Some((secret))");
}

#[test]
fn a_check_that_fails_and_a_request_that_asks_are_found_on_whatever_page_they_are() {
    let next = |path: &str| format!("<https://git.example/api/v3{path}?page=2>; rel=\"next\"");
    let page = |path: &str, body: &str| answer(200, &[("link", &next(path))], body);
    let last = |body: &str| answer(200, &[], body);
    let found = |number: u64| {
        let url = "https://git.example/api/v3/repos/zoe/lib";
        format!("{{\"items\":[{{\"number\":{number},\"repository_url\":\"{url}\"}}]}}")
    };
    let played = Played::with([
        page("/status", "{\"statuses\":[{\"context\":\"a\",\"state\":\"success\"}]}"),
        last("{\"statuses\":[{\"context\":\"b\",\"state\":\"failure\"}]}"),
        page("/check-runs", "{\"check_runs\":[{\"conclusion\":\"success\"}]}"),
        last("{\"check_runs\":[{\"conclusion\":\"timed_out\"}]}"),
        page("/search/issues", &found(1)),
        last(&found(2)),
    ]);
    let server = Server {
        name: "work".to_owned(),
        url: "https://git.example".to_owned(),
        kind: Some(ServerKind::GitHub),
        token_command: None,
    };
    let connected = server::connect(&server, Secret::new("s3cret"), &played, Kept::default()).unwrap();
    let pull = Request { kind: RequestKind::Pull, number: 12 };
    let checks = connected.checks("ann/shop", pull, ObjectId([7; 20])).unwrap();
    assert_eq!(checks, Checks { passed: 2, failed: 2, running: 0 });
    let account = Account { login: "dana".to_owned(), version: String::new() };
    let asked = connected.asked(&account).unwrap();
    assert_eq!(asked.iter().map(|one| one.request.number).collect::<Vec<_>>(), [1, 2]);
}
